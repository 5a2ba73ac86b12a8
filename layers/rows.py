"""Rows between the sandbox and the database: written to a file by the one, copied from it into the other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object on each line."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=True, allow_nan=False) + "\n")


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """What write_rows() wrote."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def copy_rows(session: Session, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows into the table by COPY, in the session's transaction."""
    session.flush()
    connection = session.connection().connection.driver_connection
    assert connection is not None  # noqa: S101  psycopg's, as the session is in use
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
