"""Standards, needs and displacement rates with their sources, for administrators to correct."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from alembic import op

from app.migrations.figures_0002 import figures

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = sa.table(
        "reference_figure",
        sa.column("id", sa.Uuid()),
        sa.column("code", sa.Text()),
        sa.column("revision", sa.Integer()),
        sa.column("kind", sa.Text()),
        sa.column("profile", sa.Text()),
        sa.column("name", sa.Text()),
        sa.column("value", sa.Numeric()),
        sa.column("upper", sa.Numeric()),
        sa.column("unit", sa.Text()),
        sa.column("rule", sa.Text()),
        sa.column("phase", sa.Text()),
        sa.column("from_depth_m", sa.Numeric()),
        sa.column("to_depth_m", sa.Numeric()),
        sa.column("source", sa.Text()),
        sa.column("edition", sa.Text()),
        sa.column("status", sa.Text()),
        sa.column("note", sa.Text()),
    )
    # The same ids everywhere, so that two installations that exchange figures agree on them.
    op.bulk_insert(
        table, [{"id": uuid5(NAMESPACE_URL, f"spremnost:figure:{row['code']}:1"), **row} for row in figures()]
    )
