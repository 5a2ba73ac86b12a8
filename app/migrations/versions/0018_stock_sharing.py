"""What organisations let others see of their stock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stock_sharing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column(
            "audience",
            sa.Enum(
                "everybody",
                "own_entity",
                "own_canton",
                "upward",
                "one",
                name="audience",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("viewer_id", sa.Uuid(), nullable=True),
        sa.Column(
            "level",
            sa.Enum("nothing", "free", "full", name="visibility", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(audience = 'one') = (viewer_id IS NOT NULL)", name=op.f("ck_stock_sharing_one_is_named")),
        sa.CheckConstraint("viewer_id <> owner_id", name=op.f("ck_stock_sharing_not_oneself")),
        sa.ForeignKeyConstraint(["owner_id"], ["organisation.id"], name=op.f("fk_stock_sharing_owner_id_organisation")),
        sa.ForeignKeyConstraint(
            ["viewer_id"], ["organisation.id"], name=op.f("fk_stock_sharing_viewer_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_sharing")),
    )
    op.create_index(
        op.f("ix_stock_sharing_owner_id_audience_viewer_id"),
        "stock_sharing",
        ["owner_id", "audience", "viewer_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "exercise_consent",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["organisation.id"], name=op.f("fk_exercise_consent_owner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_exercise_consent")),
    )
