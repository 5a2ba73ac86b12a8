"""Notices in the order in which they were made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_notice_space_id_person_id_created_at", "notice")
    op.add_column("notice", sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False))
    op.create_index(op.f("ix_notice_space_id_person_id_number"), "notice", ["space_id", "person_id", "number"])
