"""The wall between spaces, as a migration builds it around a new table.

Written migrations call this, so it may gain functions but not change what `wall_off` does.
"""

from __future__ import annotations

from alembic import op

# After a commit a pooled connection has '' where nothing was ever set: both must match no row at all.
IN_THIS_SPACE = "space_id = nullif(current_setting('app.space', true), '')::uuid"


def wall_off(table: str) -> None:
    """Let only rows of the transaction's space be seen or written, by everyone short of a superuser."""
    for statement in wall(table):
        op.execute(statement)


def wall(table: str) -> list[str]:
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        # The owner too: an external database's owner need not be a superuser.
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY one_space ON {table} USING ({IN_THIS_SPACE}) WITH CHECK ({IN_THIS_SPACE})",
    ]
