"""Areas, the catalogue of layers, their features, people by area, stored exposure."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "level",
            sa.Enum(
                "country",
                "entity",
                "canton",
                "municipality",
                "settlement",
                "local_community",
                "city",
                name="level",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["area.id"], name=op.f("fk_area_parent_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area")),
        sa.UniqueConstraint("level", "code", name=op.f("uq_area_level_code")),
    )
    op.create_index(op.f("ix_area_parent_id"), "area", ["parent_id"], unique=False)
    op.create_table(
        "layer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "municipalities",
                "settlements",
                "population_raster",
                "population_table",
                "flood_depth",
                "flood_extent",
                "fire_danger",
                "active_fires",
                "facilities",
                "roads",
                "rivers",
                "elevation",
                "land_cover",
                "veto_areas",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("return_period_years", sa.Double(), nullable=True),
        sa.Column("event", sa.Text(), nullable=True),
        sa.CheckConstraint("return_period_years > 0", name=op.f("ck_layer_return_period")),
        sa.CheckConstraint("return_period_years IS NULL OR event IS NULL", name=op.f("ck_layer_period_or_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_layer")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_layer_kind_name")),
    )
    op.create_table(
        "city_member",
        sa.Column("city_id", sa.Uuid(), nullable=False),
        sa.Column("municipality_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["city_id"], ["area.id"], name=op.f("fk_city_member_city_id_area")),
        sa.ForeignKeyConstraint(["municipality_id"], ["area.id"], name=op.f("fk_city_member_municipality_id_area")),
        sa.PrimaryKeyConstraint("city_id", "municipality_id", name=op.f("pk_city_member")),
    )
    op.create_geospatial_table(
        "layer_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("layer_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "received",
                "checking",
                "ready",
                "refused",
                "withdrawn",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("producer", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("vintage", sa.Text(), nullable=False),
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
        sa.Column("method_note", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_hash", sa.Text(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("crs", sa.Text(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "footprint",
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
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["layer_id"], ["layer.id"], name=op.f("fk_layer_version_layer_id_layer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_layer_version")),
        sa.UniqueConstraint("layer_id", "number", name=op.f("uq_layer_version_layer_id_number")),
    )
    op.create_geospatial_index(
        "idx_layer_version_footprint",
        "layer_version",
        ["footprint"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index(op.f("ix_layer_version_file_hash"), "layer_version", ["file_hash"], unique=False)
    op.create_index(op.f("ix_layer_version_layer_id_state"), "layer_version", ["layer_id", "state"], unique=False)
    op.create_geospatial_table(
        "boundary",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("also_covers", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("area_km2", sa.Double(), nullable=True),
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
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_boundary_area_id_area")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["layer_version.id"], name=op.f("fk_boundary_version_id_layer_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_boundary")),
        sa.UniqueConstraint("version_id", "area_id", name=op.f("uq_boundary_version_id_area_id")),
    )
    op.create_geospatial_index(
        "idx_boundary_place", "boundary", ["place"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("ix_boundary_area_id"), "boundary", ["area_id"], unique=False)
    op.create_table(
        "exposure_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hazard_version_id", sa.Uuid(), nullable=False),
        sa.Column("population_version_id", sa.Uuid(), nullable=False),
        sa.Column("boundary_version_id", sa.Uuid(), nullable=False),
        sa.Column("settlement_version_id", sa.Uuid(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("edges", postgresql.ARRAY(sa.DOUBLE_PRECISION()), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("gathered_file", sa.Text(), nullable=False),
        sa.Column("over_ground_file", sa.Text(), nullable=True),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["boundary_version_id"],
            ["layer_version.id"],
            name=op.f("fk_exposure_run_boundary_version_id_layer_version"),
        ),
        sa.ForeignKeyConstraint(
            ["hazard_version_id"], ["layer_version.id"], name=op.f("fk_exposure_run_hazard_version_id_layer_version")
        ),
        sa.ForeignKeyConstraint(
            ["population_version_id"],
            ["layer_version.id"],
            name=op.f("fk_exposure_run_population_version_id_layer_version"),
        ),
        sa.ForeignKeyConstraint(
            ["settlement_version_id"],
            ["layer_version.id"],
            name=op.f("fk_exposure_run_settlement_version_id_layer_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exposure_run")),
    )
    op.create_index(
        op.f("ix_exposure_run_hazard_version_id_computed_at"),
        "exposure_run",
        ["hazard_version_id", "computed_at"],
        unique=False,
    )
    op.create_geospatial_table(
        "feature",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("properties", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
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
        sa.ForeignKeyConstraint(["version_id"], ["layer_version.id"], name=op.f("fk_feature_version_id_layer_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature")),
    )
    op.create_geospatial_index(
        "idx_feature_place", "feature", ["place"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("ix_feature_version_id_number"), "feature", ["version_id", "number"], unique=True)
    op.create_table(
        "people_figure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column(
            "sex",
            sa.Enum("all", "female", "male", name="sex", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("age_from", sa.Integer(), nullable=True),
        sa.Column("age_to", sa.Integer(), nullable=True),
        sa.Column("people", sa.Double(), nullable=False),
        sa.CheckConstraint("age_to >= age_from", name=op.f("ck_people_figure_ages")),
        sa.CheckConstraint("people >= 0", name=op.f("ck_people_figure_people")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_people_figure_area_id_area")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["layer_version.id"], name=op.f("fk_people_figure_version_id_layer_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people_figure")),
    )
    op.create_index(op.f("ix_people_figure_area_id"), "people_figure", ["area_id"], unique=False)
    op.create_index(
        op.f("ix_people_figure_version_id_area_id_sex_age_from_age_to"),
        "people_figure",
        ["version_id", "area_id", "sex", "age_from", "age_to"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_geospatial_table(
        "shape",
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("min_zoom", sa.Integer(), nullable=False),
        sa.Column("max_zoom", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column(
            "place",
            Geometry(
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["version_id"], ["layer_version.id"], name=op.f("fk_shape_version_id_layer_version")),
        sa.PrimaryKeyConstraint("item_id", "min_zoom", name=op.f("pk_shape")),
    )
    op.create_geospatial_index(
        "idx_shape_place", "shape", ["place"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(op.f("ix_shape_version_id_min_zoom"), "shape", ["version_id", "min_zoom"], unique=False)
    op.create_table(
        "exposure_figure",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("population", sa.Double(), nullable=False),
        sa.Column("exposed", sa.Double(), nullable=True),
        sa.Column("not_modelled", sa.Double(), nullable=False),
        sa.Column("by_class", postgresql.ARRAY(sa.DOUBLE_PRECISION()), nullable=True),
        sa.Column("covered", sa.Boolean(), nullable=False),
        sa.Column("facilities", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("marks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cells", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_exposure_figure_area_id_area")),
        sa.ForeignKeyConstraint(["run_id"], ["exposure_run.id"], name=op.f("fk_exposure_figure_run_id_exposure_run")),
        sa.PrimaryKeyConstraint("run_id", "area_id", name=op.f("pk_exposure_figure")),
    )
    op.create_index(op.f("ix_exposure_figure_area_id"), "exposure_figure", ["area_id"], unique=False)
