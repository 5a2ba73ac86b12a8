"""What a counting rests on, ages and sexes of the exposed, and what follows from all return periods together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

RESTS_ON = ("local_community", "facilities")
TABLES = ("estimate", "ages")


def upgrade() -> None:
    """Countings of older editions do not say what they rest on: they count as outdated and are made anew."""
    op.create_table(
        "annual_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annual_run")),
    )
    op.create_index(op.f("ix_annual_run_computed_at"), "annual_run", ["computed_at"], unique=False)
    op.create_table(
        "annual_figure",
        sa.Column("annual_run_id", sa.Uuid(), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("people", sa.Double(), nullable=True),
        sa.Column("periods", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("without", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annual_run_id"], ["annual_run.id"], name=op.f("fk_annual_figure_annual_run_id_annual_run")
        ),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_annual_figure_area_id_area")),
        sa.PrimaryKeyConstraint("annual_run_id", "area_id", name=op.f("pk_annual_figure")),
    )
    op.create_index(op.f("ix_annual_figure_area_id"), "annual_figure", ["area_id"], unique=False)
    op.add_column("exposure_figure", sa.Column("ages", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    for part in RESTS_ON:
        column = f"{part}_version_id"
        op.add_column("exposure_run", sa.Column(column, sa.Uuid(), nullable=True))
        name = op.f(f"fk_exposure_run_{column}_layer_version")
        op.create_foreign_key(name, "exposure_run", "layer_version", [column], ["id"])
    for tables in TABLES:
        column = f"{tables}_version_ids"
        op.add_column(
            "exposure_run", sa.Column(column, postgresql.ARRAY(sa.Uuid()), nullable=False, server_default="{}")
        )
        op.alter_column("exposure_run", column, server_default=None)


def downgrade() -> None:
    for tables in TABLES:
        op.drop_column("exposure_run", f"{tables}_version_ids")
    for part in RESTS_ON:
        op.drop_column("exposure_run", f"{part}_version_id")
    op.drop_column("exposure_figure", "ages")
    op.drop_table("annual_figure")
    op.drop_table("annual_run")
