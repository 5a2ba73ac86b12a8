"""Gauges, their thresholds and readings, people under a flood that has risen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

from app.migrations.row_security import wall_off

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# For everyone, the owner too: what was said stays readable. The function is of revision 0001.
APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite()
"""


def upgrade() -> None:
    op.create_geospatial_table(
        "station",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("river", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("municipality_id", sa.Uuid(), nullable=False),
        sa.Column("zero_m_asl", sa.Numeric(), nullable=True),
        sa.Column("stale_after", sa.Interval(), nullable=False),
        sa.Column("margin_cm", sa.Numeric(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=True),
        sa.Column(
            "method",
            sa.Enum(
                "official",
                "model",
                "estimated",
                "illustrative",
                name="method",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "place",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("stale_after > interval '0'", name=op.f("ck_station_stale_after")),
        sa.CheckConstraint("margin_cm >= 0", name=op.f("ck_station_margin")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_station_revision")),
        sa.ForeignKeyConstraint(["municipality_id"], ["area.id"], name=op.f("fk_station_municipality_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station")),
        sa.UniqueConstraint("code", name=op.f("uq_station_code")),
    )
    op.create_geospatial_index(
        "idx_station_place", "station", ["place"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("ix_station_municipality_id"), "station", ["municipality_id"], unique=False)
    op.create_table(
        "reading",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("level_cm", sa.Numeric(), nullable=True),
        sa.Column(
            "source",
            sa.Enum(
                "form",
                "csv",
                "api",
                "illustrative",
                name="readingsource",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(revision > 1) = (reason IS NOT NULL)", name=op.f("ck_reading_reason")),
        sa.CheckConstraint("level_cm IS NOT NULL OR revision > 1", name=op.f("ck_reading_level")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_reading_revision")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_reading_person_id_person")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_reading_space_id_space")),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_reading_station_id_station")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_reading")),
        sa.UniqueConstraint(
            "space_id",
            "station_id",
            "observed_at",
            "revision",
            name=op.f("uq_reading_space_id_station_id_observed_at_revision"),
        ),
    )
    op.create_table(
        "station_threshold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column(
            "level",
            sa.Enum(
                "regular",
                "extraordinary",
                "mobilise_companies",
                "mobilise_citizens",
                "declare",
                name="defencelevel",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("value_cm", sa.Numeric(), nullable=True),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("hazard_version_id", sa.Uuid(), nullable=True),
        sa.Column("return_period_years", sa.Double(), nullable=True),
        sa.Column("rise_m", sa.Double(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=True),
        sa.Column(
            "method",
            sa.Enum(
                "official",
                "model",
                "estimated",
                "illustrative",
                name="method",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "hazard_version_id IS NULL OR return_period_years IS NULL", name=op.f("ck_station_threshold_one_tie")
        ),
        sa.CheckConstraint("return_period_years > 0", name=op.f("ck_station_threshold_return_period")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_station_threshold_revision")),
        sa.CheckConstraint("rise_m >= 0", name=op.f("ck_station_threshold_rise")),
        sa.CheckConstraint(
            "rise_m IS NULL OR hazard_version_id IS NOT NULL OR return_period_years IS NOT NULL",
            name=op.f("ck_station_threshold_rise_above_tie"),
        ),
        sa.ForeignKeyConstraint(
            ["hazard_version_id"],
            ["layer_version.id"],
            name=op.f("fk_station_threshold_hazard_version_id_layer_version"),
        ),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_station_threshold_station_id_station")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_threshold")),
        sa.UniqueConstraint(
            "station_id", "level", "revision", name=op.f("uq_station_threshold_station_id_level_revision")
        ),
    )
    op.create_table(
        "rise_exposure",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("rise_m", sa.Double(), nullable=False),
        sa.Column("exposed", sa.Double(), nullable=True),
        sa.Column("population", sa.Double(), nullable=False),
        sa.Column("not_modelled", sa.Double(), nullable=False),
        sa.Column("lower_bound", sa.Boolean(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_rise_exposure_area_id_area")),
        sa.ForeignKeyConstraint(["run_id"], ["exposure_run.id"], name=op.f("fk_rise_exposure_run_id_exposure_run")),
        sa.PrimaryKeyConstraint("run_id", "area_id", "rise_m", name=op.f("pk_rise_exposure")),
    )
    for table in ("reading",):
        wall_off(table)
    for table in (
        "reading",
        "station_threshold",
    ):
        op.execute(APPEND_ONLY.format(table=table))
