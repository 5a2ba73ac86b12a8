"""Where the interface for programs hangs, and what its answers have in common."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

from apiflask import APIBlueprint
from flask import request, url_for
from pydantic import BaseModel, ConfigDict, Field

api: Final = APIBlueprint("api", __name__, tag="api")
Item = TypeVar("Item")

MOST: Final = 200
USUAL: Final = 50


class Asked(BaseModel):
    """What a query may say; a word that it does not know is a mistake, not nothing."""

    model_config = ConfigDict(extra="forbid")


class Page(Asked):
    """Which part of a list."""

    limit: int = Field(USUAL, ge=1, le=MOST, description="How many items at most.")
    after: str = Field("", max_length=200, description="Where the page before ended; from its `next`.")


class Listed(BaseModel, Generic[Item]):
    """A part of a list. `next` is the address of the following part, null at the end."""

    items: list[Item]
    next: str | None = Field(description="Address of the following part; null at the end.")


def part_of(items: list[Any], page: Page, key: Any) -> tuple[list[Any], str | None]:
    """Of items in the order of their keys (strings) those of a page, and the next one's address."""
    rest = [item for item in items if key(item) > page.after] if page.after else items
    shown = rest[: page.limit]
    if len(rest) <= page.limit:
        return shown, None
    arguments = {**request.args.to_dict(), "after": key(shown[-1]), "limit": page.limit}
    return shown, url_for(str(request.endpoint), **(request.view_args or {}), **arguments)
