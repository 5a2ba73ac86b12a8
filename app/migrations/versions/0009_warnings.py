"""Warnings as they were received, the hazards and places in them, and the regions that they name by codes."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

from app.migrations.emma_regions import EDITION, SOURCE, regions
from app.migrations.row_security import wall_off

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# For everyone, the owner too: what was said stays readable. The function is of revision 0001.
APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite()
"""


def upgrade() -> None:
    op.create_geospatial_table(
        "warning_region",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shares", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "place",
            Geometry(srid=4326, dimension=2, spatial_index=False, from_text="ST_GeomFromEWKT", name="geometry"),
            nullable=True,
        ),
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
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warning_region")),
        sa.UniqueConstraint("scheme", "code", name=op.f("uq_warning_region_scheme_code")),
    )
    op.create_geospatial_index(
        "idx_warning_region_place",
        "warning_region",
        ["place"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "warning",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("sent", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "Actual",
                "Exercise",
                "System",
                "Test",
                "Draft",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "msg_type",
            sa.Enum(
                "Alert",
                "Update",
                "Cancel",
                "Ack",
                "Error",
                name="messagetype",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "scope",
            sa.Enum(
                "Public", "Restricted", "Private", name="scope", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("restriction", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("incidents", sa.Text(), nullable=False),
        sa.Column("signed", sa.Boolean(), nullable=False),
        sa.Column("illustrative", sa.Boolean(), nullable=False),
        sa.Column("original", sa.Text(), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_warning_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_warning")),
        sa.UniqueConstraint(
            "space_id", "sender", "identifier", "sent", name=op.f("uq_warning_space_id_sender_identifier_sent")
        ),
    )
    op.create_index(op.f("ix_warning_space_id_number"), "warning", ["space_id", "number"], unique=True)
    op.create_table(
        "warning_part",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("warning_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("categories", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "urgency",
            sa.Enum(
                "Immediate",
                "Expected",
                "Future",
                "Past",
                "Unknown",
                name="urgency",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "severity",
            sa.Enum(
                "Extreme",
                "Severe",
                "Moderate",
                "Minor",
                "Unknown",
                name="severity",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "certainty",
            sa.Enum(
                "Observed",
                "Likely",
                "Possible",
                "Unlikely",
                "Unknown",
                name="certainty",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("responses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("onset_given", sa.Boolean(), nullable=False),
        sa.Column("end_given", sa.Boolean(), nullable=False),
        sa.Column("awareness_level", sa.Integer(), nullable=True),
        sa.Column("awareness_type", sa.Text(), nullable=True),
        sa.Column("event_codes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("texts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id", "warning_id"],
            ["warning.space_id", "warning.id"],
            name=op.f("fk_warning_part_space_id_warning_id_warning"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_warning_part_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_warning_part")),
        sa.UniqueConstraint(
            "space_id", "warning_id", "number", name=op.f("uq_warning_part_space_id_warning_id_number")
        ),
    )
    op.create_index(op.f("ix_warning_part_space_id_ends_at"), "warning_part", ["space_id", "ends_at"], unique=False)
    op.create_table(
        "warning_reference",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("warning_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("sent", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id", "warning_id"],
            ["warning.space_id", "warning.id"],
            name=op.f("fk_warning_reference_space_id_warning_id_warning"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_warning_reference_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "warning_id", "number", name=op.f("pk_warning_reference")),
    )
    op.create_index(
        op.f("ix_warning_reference_space_id_sender_identifier_sent"),
        "warning_reference",
        ["space_id", "sender", "identifier", "sent"],
        unique=False,
    )
    op.create_geospatial_table(
        "warning_area",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("part_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("codes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "placed",
            sa.Enum(
                "shape",
                "region",
                "abroad",
                "unknown",
                name="placed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "place",
            Geometry(srid=4326, dimension=2, spatial_index=False, from_text="ST_GeomFromEWKT", name="geometry"),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["space_id", "part_id"],
            ["warning_part.space_id", "warning_part.id"],
            name=op.f("fk_warning_area_space_id_part_id_warning_part"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_warning_area_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_warning_area")),
        sa.UniqueConstraint("space_id", "part_id", "number", name=op.f("uq_warning_area_space_id_part_id_number")),
    )
    op.create_geospatial_index(
        "idx_warning_area_place", "warning_area", ["place"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_table(
        "warning_municipality",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("part_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("share", sa.Double(), nullable=True),
        sa.Column("coarse", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_warning_municipality_area_id_area")),
        sa.ForeignKeyConstraint(
            ["space_id", "part_id"],
            ["warning_part.space_id", "warning_part.id"],
            name=op.f("fk_warning_municipality_space_id_part_id_warning_part"),
        ),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_warning_municipality_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "part_id", "area_id", name=op.f("pk_warning_municipality")),
    )
    op.create_index(
        op.f("ix_warning_municipality_space_id_area_id"), "warning_municipality", ["space_id", "area_id"], unique=False
    )
    for table in (
        "warning",
        "warning_reference",
        "warning_part",
        "warning_area",
        "warning_municipality",
    ):
        wall_off(table)
    for table in (
        "warning",
        "warning_reference",
        "warning_part",
    ):
        op.execute(APPEND_ONLY.format(table=table))
    known = sa.table(
        "warning_region",
        sa.column("id", sa.Uuid()),
        sa.column("scheme", sa.Text()),
        sa.column("code", sa.Text()),
        sa.column("name", sa.Text()),
        sa.column("shares", postgresql.JSONB()),
        sa.column("source", sa.Text()),
        sa.column("edition", sa.Text()),
        sa.column("method", sa.Text()),
    )
    rows = [
        {
            "id": uuid5(NAMESPACE_URL, f"spremnost:warning_region:EMMA_ID:{code}"),
            "scheme": "EMMA_ID",
            "code": code,
            "name": name,
            "shares": shares,
            "source": SOURCE,
            "edition": EDITION,
            "method": "estimated",
        }
        for code, name, shares in regions()
    ]
    op.bulk_insert(known, rows)
