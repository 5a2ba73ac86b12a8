"""Answers that are kept under a caller's key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.migrations.row_security import wall_off

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_answer",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_kept_answer_person_id_person")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_kept_answer_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "person_id", "key", name=op.f("pk_kept_answer")),
    )
    op.create_index(op.f("ix_kept_answer_at"), "kept_answer", ["at"])
    wall_off("kept_answer")
