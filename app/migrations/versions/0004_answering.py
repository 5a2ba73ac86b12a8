"""What each counting keeps for later questions: the tiles of its rise, who lives where, the hazard at facilities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = ("over_ground_pyramid", "index_file", "facilities_file")


def upgrade() -> None:
    """The serving role's rights on the table cover the new columns."""
    for column in COLUMNS:
        op.add_column("exposure_run", sa.Column(column, sa.Text(), nullable=True))


def downgrade() -> None:
    for column in reversed(COLUMNS):
        op.drop_column("exposure_run", column)
