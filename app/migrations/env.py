"""How Alembic reaches the database: over the connection that app.migrate hands it, never over one of its own."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from geoalchemy2 import alembic_helpers

from app.migrations.schema import COMPARISON
from foundation.database import UtcDateTime


def render_item(kind: str, item: Any, autogen_context: AutogenContext) -> str | Literal[False]:
    # A migration must not change when the model's own type does.
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    rendered: str | Literal[False] = alembic_helpers.render_item(kind, item, autogen_context)  # type: ignore[no-untyped-call]
    return rendered


context.configure(
    connection=context.config.attributes["connection"],
    process_revision_directives=alembic_helpers.writer,
    render_item=render_item,
    **COMPARISON,
)
with context.begin_transaction():
    context.run_migrations()
