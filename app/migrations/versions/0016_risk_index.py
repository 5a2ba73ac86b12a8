"""Models of the risk index, their indicators and values, each with every revision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "risk_indicator",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_code", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "dimension",
            sa.Enum(
                "hazard_exposure",
                "vulnerability",
                "lack_of_coping_capacity",
                name="dimension",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("component", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column(
            "direction",
            sa.Enum(
                "higher_is_worse",
                "higher_is_better",
                name="direction",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "low > '-Infinity' AND high < 'Infinity' AND high > low", name=op.f("ck_risk_indicator_bounds")
        ),
        sa.CheckConstraint("weight > 0 AND weight < 'Infinity'", name=op.f("ck_risk_indicator_weight")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_risk_indicator_revision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_indicator")),
        sa.UniqueConstraint("model_code", "code", "revision", name=op.f("uq_risk_indicator_model_code_code_revision")),
    )
    op.create_table(
        "risk_model",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
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
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("joins", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("component_weights", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_risk_model_revision")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_model")),
        sa.UniqueConstraint("code", "revision", name=op.f("uq_risk_model_code_revision")),
    )
    op.create_table(
        "risk_value",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_code", sa.Text(), nullable=False),
        sa.Column("indicator_code", sa.Text(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=False),
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
        sa.Column(
            "origin",
            sa.Enum(
                "entered", "imported", "derived", name="origin", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("provenance", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("value > '-Infinity' AND value < 'Infinity'", name=op.f("ck_risk_value_value")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_risk_value_revision")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_risk_value_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_value")),
        sa.UniqueConstraint(
            "model_code",
            "indicator_code",
            "area_id",
            "revision",
            name=op.f("uq_risk_value_model_code_indicator_code_area_id_revision"),
        ),
    )
    op.create_index(op.f("ix_risk_value_area_id"), "risk_value", ["area_id"], unique=False)


def downgrade() -> None:
    for table in ("risk_value", "risk_model", "risk_indicator"):
        op.drop_table(table)
