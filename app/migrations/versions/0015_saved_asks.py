"""Saved questions; households of population tables; which elevation a counting rests on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.migrations.row_security import wall_off

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_ask",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("question", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_saved_ask_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_saved_ask_person_id_person")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_saved_ask_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_saved_ask")),
    )
    op.create_index(
        op.f("ix_saved_ask_space_id_organisation_id_saved_at"),
        "saved_ask",
        ["space_id", "organisation_id", "saved_at"],
        unique=False,
    )
    wall_off("saved_ask")
    op.add_column("people_figure", sa.Column("households", sa.Double(), nullable=True))
    op.create_check_constraint(op.f("ck_people_figure_households"), "people_figure", "households >= 0")
    op.add_column("exposure_run", sa.Column("elevation_version_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_exposure_run_elevation_version_id_layer_version"),
        "exposure_run",
        "layer_version",
        ["elevation_version_id"],
        ["id"],
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_exposure_run_elevation_version_id_layer_version"), "exposure_run", type_="foreignkey")
    op.drop_column("exposure_run", "elevation_version_id")
    op.drop_constraint(op.f("ck_people_figure_households"), "people_figure", type_="check")
    op.drop_column("people_figure", "households")
    op.drop_table("saved_ask")
