"""Incidents with their steps, diary, evacuations, figures, sketches and links; alarms of gauges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

from app.migrations.row_security import wall_off

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# For everyone, the owner too: what was said stays readable. The function is of revision 0001.
APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite()
"""


def upgrade() -> None:
    op.create_geospatial_table(
        "incident",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "flood",
                "torrent",
                "wildfire",
                "landslide",
                "dam",
                "storm",
                "snow",
                "earthquake",
                "industrial",
                "other",
                name="incidentkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "proposed",
                "declared",
                "lifted",
                "dismissed",
                name="incidentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "origin",
            sa.Enum("person", "gauge", "warning", name="origin", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("illustrative", sa.Boolean(), nullable=False),
        sa.Column(
            "place",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_incident_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_incident")),
        sa.UniqueConstraint("space_id", "number", name=op.f("uq_incident_space_id_number")),
    )
    op.create_geospatial_index(
        "idx_incident_place", "incident", ["place"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("ix_incident_space_id_state"), "incident", ["space_id", "state"], unique=False)
    op.create_table(
        "diary_entry",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "note",
                "call",
                "message",
                "decision",
                "order",
                "hand_over",
                "correction",
                "system",
                name="entrykind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.Column("from_person", sa.Text(), nullable=True),
        sa.Column("to_person", sa.Text(), nullable=True),
        sa.Column("open_points", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(kind = 'correction') = (corrects_id IS NOT NULL)", name=op.f("ck_diary_entry_correction")),
        sa.CheckConstraint("(kind = 'hand_over') = (from_person IS NOT NULL)", name=op.f("ck_diary_entry_from_person")),
        sa.CheckConstraint("(kind = 'hand_over') = (to_person IS NOT NULL)", name=op.f("ck_diary_entry_to_person")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_diary_entry_area_id_area")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_diary_entry_person_id_person")),
        sa.ForeignKeyConstraint(
            ["space_id", "corrects_id"],
            ["diary_entry.space_id", "diary_entry.id"],
            name=op.f("fk_diary_entry_space_id_corrects_id_diary_entry"),
        ),
        sa.ForeignKeyConstraint(
            ["space_id", "incident_id"],
            ["incident.space_id", "incident.id"],
            name=op.f("fk_diary_entry_space_id_incident_id_incident"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_diary_entry_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_diary_entry")),
        sa.UniqueConstraint("space_id", "area_id", "number", name=op.f("uq_diary_entry_space_id_area_id_number")),
    )
    op.create_index(
        op.f("ix_diary_entry_space_id_incident_id_sequence"),
        "diary_entry",
        ["space_id", "incident_id", "sequence"],
        unique=False,
    )
    op.create_index(op.f("ix_diary_entry_space_id_sequence"), "diary_entry", ["space_id", "sequence"], unique=True)
    op.create_table(
        "evacuation_step",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("place_key", sa.Text(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "ordered",
                "under_way",
                "done",
                "called_off",
                name="evacuationstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("people_to_move", sa.Integer(), nullable=True),
        sa.Column("people_moved", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("people_moved >= 0", name=op.f("ck_evacuation_step_people_moved")),
        sa.CheckConstraint("people_to_move >= 0", name=op.f("ck_evacuation_step_people_to_move")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_evacuation_step_area_id_area")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_evacuation_step_person_id_person")),
        sa.ForeignKeyConstraint(
            ["space_id", "incident_id"],
            ["incident.space_id", "incident.id"],
            name=op.f("fk_evacuation_step_space_id_incident_id_incident"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_evacuation_step_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_evacuation_step")),
        sa.UniqueConstraint(
            "space_id",
            "incident_id",
            "place_key",
            "number",
            name=op.f("uq_evacuation_step_space_id_incident_id_place_key_number"),
        ),
    )
    op.create_index(
        op.f("ix_evacuation_step_space_id_sequence"), "evacuation_step", ["space_id", "sequence"], unique=True
    )
    op.create_table(
        "incident_area",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_incident_area_area_id_area")),
        sa.ForeignKeyConstraint(
            ["space_id", "incident_id"],
            ["incident.space_id", "incident.id"],
            name=op.f("fk_incident_area_space_id_incident_id_incident"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_incident_area_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "incident_id", "area_id", name=op.f("pk_incident_area")),
    )
    op.create_index(op.f("ix_incident_area_space_id_area_id"), "incident_area", ["space_id", "area_id"], unique=False)
    op.create_table(
        "incident_figure",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "evacuated",
                "injured",
                "missing",
                "dead",
                "interventions",
                name="figurekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("value >= 0", name=op.f("ck_incident_figure_value")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_incident_figure_area_id_area")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_incident_figure_person_id_person")),
        sa.ForeignKeyConstraint(
            ["space_id", "incident_id"],
            ["incident.space_id", "incident.id"],
            name=op.f("fk_incident_figure_space_id_incident_id_incident"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_incident_figure_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_incident_figure")),
    )
    op.create_index(
        op.f("ix_incident_figure_space_id_incident_id_kind_source_key_as_of"),
        "incident_figure",
        ["space_id", "incident_id", "kind", "source_key", "as_of"],
        unique=False,
    )
    op.create_index(
        op.f("ix_incident_figure_space_id_sequence"), "incident_figure", ["space_id", "sequence"], unique=True
    )
    op.create_table(
        "incident_link",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("warning_id", sa.Uuid(), nullable=True),
        sa.Column("station_id", sa.Uuid(), nullable=True),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("linked_by", sa.Text(), nullable=False),
        sa.CheckConstraint("num_nonnulls(warning_id, station_id) = 1", name=op.f("ck_incident_link_one_target")),
        sa.ForeignKeyConstraint(
            ["space_id", "incident_id"],
            ["incident.space_id", "incident.id"],
            name=op.f("fk_incident_link_space_id_incident_id_incident"),
        ),
        sa.ForeignKeyConstraint(
            ["space_id", "warning_id"],
            ["warning.space_id", "warning.id"],
            name=op.f("fk_incident_link_space_id_warning_id_warning"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_incident_link_space_id_space")),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_incident_link_station_id_station")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_incident_link")),
    )
    op.create_index(
        op.f("ix_incident_link_space_id_incident_id_warning_id_station_id"),
        "incident_link",
        ["space_id", "incident_id", "warning_id", "station_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        op.f("ix_incident_link_space_id_station_id"), "incident_link", ["space_id", "station_id"], unique=False
    )
    op.create_geospatial_table(
        "incident_sketch",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drawn_by", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.Text(), nullable=True),
        sa.Column(
            "place",
            Geometry(
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["space_id", "incident_id"],
            ["incident.space_id", "incident.id"],
            name=op.f("fk_incident_sketch_space_id_incident_id_incident"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_incident_sketch_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_incident_sketch")),
    )
    op.create_geospatial_index(
        "idx_incident_sketch_place",
        "incident_sketch",
        ["place"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(
        op.f("ix_incident_sketch_space_id_incident_id"), "incident_sketch", ["space_id", "incident_id"], unique=False
    )
    op.create_table(
        "incident_step",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "proposed",
                "declared",
                "lifted",
                "dismissed",
                name="incidentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state <> 'dismissed' OR reason <> ''", name=op.f("ck_incident_step_reason")),
        sa.CheckConstraint(
            "state NOT IN ('declared', 'lifted') OR decided_by <> ''", name=op.f("ck_incident_step_decided")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_incident_step_person_id_person")),
        sa.ForeignKeyConstraint(
            ["space_id", "incident_id"],
            ["incident.space_id", "incident.id"],
            name=op.f("fk_incident_step_space_id_incident_id_incident"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_incident_step_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_incident_step")),
        sa.UniqueConstraint(
            "space_id", "incident_id", "number", name=op.f("uq_incident_step_space_id_incident_id_number")
        ),
    )
    op.create_table(
        "gauge_alarm",
        sa.Column("space_id", sa.Uuid(), nullable=False),
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
        sa.Column("threshold_id", sa.Uuid(), nullable=False),
        sa.Column("value_cm", sa.Numeric(), nullable=False),
        sa.Column("reading_id", sa.Uuid(), nullable=False),
        sa.Column("passed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("peak_cm", sa.Numeric(), nullable=False),
        sa.Column("peak_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("low_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["space_id", "incident_id"],
            ["incident.space_id", "incident.id"],
            name=op.f("fk_gauge_alarm_space_id_incident_id_incident"),
        ),
        sa.ForeignKeyConstraint(
            ["space_id", "reading_id"],
            ["reading.space_id", "reading.id"],
            name=op.f("fk_gauge_alarm_space_id_reading_id_reading"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_gauge_alarm_space_id_space")),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_gauge_alarm_station_id_station")),
        sa.ForeignKeyConstraint(
            ["threshold_id"], ["station_threshold.id"], name=op.f("fk_gauge_alarm_threshold_id_station_threshold")
        ),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_gauge_alarm")),
    )
    op.create_index(
        op.f("ix_gauge_alarm_space_id_station_id_passed_at"),
        "gauge_alarm",
        ["space_id", "station_id", "passed_at"],
        unique=False,
    )
    op.create_index(
        "uq_gauge_alarm_open",
        "gauge_alarm",
        ["space_id", "station_id", "level"],
        unique=True,
        postgresql_where=sa.text("left_at IS NULL"),
    )
    for table in (
        "incident",
        "incident_step",
        "incident_area",
        "diary_entry",
        "evacuation_step",
        "incident_figure",
        "incident_sketch",
        "incident_link",
        "gauge_alarm",
    ):
        wall_off(table)
    for table in (
        "incident_step",
        "diary_entry",
        "evacuation_step",
        "incident_figure",
    ):
        op.execute(APPEND_ONLY.format(table=table))
