"""Why a file was refused, so that it can be said in the reader's language: a text and its parameters."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was kept is a finished sentence: it becomes a parameter of a text that has no other words."""
    op.execute(
        "ALTER TABLE layer_version ALTER COLUMN refusal TYPE jsonb USING CASE WHEN refusal IS NOT NULL THEN "
        "jsonb_build_object('text', '{said}', 'parameters', jsonb_build_object('said', refusal)) END"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE layer_version ALTER COLUMN refusal TYPE text USING refusal->'parameters'->>'said'")
