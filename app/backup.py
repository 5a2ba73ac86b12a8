"""`spremnost backup`: database, files and secret key in one file.

The file is a ZIP: `manifest.json`, `database.dump` (pg_dump's custom format), `secret-key`, and the data folder's files
below `files/`. Everything is of one moment: the dump and the counts share a snapshot, and files that the database names
are never changed. What can be made anew (caches) and what is a backup itself stays out.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Final

import psycopg
from psycopg import sql

from app.errors import BackupExists, BackupNotWritten, OwnerSeesNotAll
from app.keys import kept_secret_key
from app.pg_programs import address, program, server_major
from app.settings import Settings, libpq_url

FORMAT: Final = 1
MANIFEST, DUMP, KEY, FILES = "manifest.json", "database.dump", "secret-key", "files/"
SCHEMAS: Final = ("public", "procrastinate")
NOT_KEPT: Final = frozenset({"postgres", "backups", "cache", "numba", "parts", "restore.unfinished", "secret-key"})
CONTENT_HASH: Final = re.compile(r"[0-9a-f]{64}")
CHUNK: Final = 2**20

# Without what belongs to an extension, such as PostGIS's table of coordinate systems.
OURS: Final = """
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'procrastinate') AND c.relkind IN ('r', 'p')
  AND NOT EXISTS (
    SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
  )
"""
TABLES: Final = f"SELECT n.nspname, c.relname {OURS} ORDER BY 1, 2"
# How many of each kind hang on those tables: a restore is held to it.
OBJECTS: Final = f"""
WITH ours AS (SELECT c.oid {OURS})
SELECT 'constraint', count(*) FROM pg_constraint WHERE conrelid IN (SELECT oid FROM ours) AND contype <> 'n'
UNION ALL SELECT 'index', count(*) FROM pg_index WHERE indrelid IN (SELECT oid FROM ours)
UNION ALL SELECT 'policy', count(*) FROM pg_policy WHERE polrelid IN (SELECT oid FROM ours)
UNION ALL SELECT 'trigger', count(*) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM ours) AND NOT tgisinternal
"""  # noqa: S608


@dataclass(frozen=True)
class Member:
    """One part of the file."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself. tables: rows of each; members: every other part of the file."""

    made_at: str
    program: str
    revision: str | None
    postgresql: int
    with_files: bool
    tables: dict[str, int]
    objects: dict[str, int]
    members: dict[str, Member] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """Of all tables together."""
        return sum(self.tables.values())

    @property
    def files(self) -> int:
        """How many files of the data folder there are."""
        return sum(name.startswith(FILES) for name in self.members)


def make(settings: Settings, target: Path, *, at: datetime, with_files: bool = True) -> Manifest:
    """Writes a backup of everything to `target`, which appears only when it is whole.

    settings: with the addresses of a database that runs. with_files=False leaves out what is kept under its content
    hash: the layers' files, which nothing changes.
    Raises BackupExists, BackupNotWritten, OwnerSeesNotAll, ProgramMissing.
    """
    if target.exists():
        raise BackupExists(file=target)
    try:
        with _unfinished(target) as part:
            with zipfile.ZipFile(part, "w") as archive:
                manifest = _write(settings, archive, at=at, with_files=with_files)
            _sync(part)
            if target.exists():
                raise BackupExists(file=target)
            part.rename(target)
    except OSError as error:
        raise BackupNotWritten(file=target, reason=error.strerror or str(error)) from error
    except _DumpFailed as error:
        raise BackupNotWritten(file=target, reason=f"pg_dump: {error}") from error
    return manifest


class _DumpFailed(Exception):
    """With the last thing that pg_dump said."""


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".unfinished")
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _write(settings: Settings, archive: zipfile.ZipFile, *, at: datetime, with_files: bool) -> Manifest:
    members: dict[str, Member] = {}
    with snapshot(settings) as (connection, snapshot_id):
        manifest = Manifest(
            made_at=at.isoformat(),
            program=version("spremnost"),
            revision=revision(connection),
            postgresql=server_major(connection),
            with_files=with_files,
            tables=count_rows(connection),
            objects=count_objects(connection),
            members=members,
        )
        members[DUMP] = _dump(settings, archive, manifest.postgresql, snapshot_id)
    # After the dump: every file that it names is there by now, and stays.
    key = (settings.secret_key or kept_secret_key(settings.data_dir)).encode()
    members[KEY] = _copy(archive, KEY, io.BytesIO(key), zipfile.ZIP_STORED)
    for name, path in kept_files(settings.data_dir, with_files=with_files):
        with path.open("rb") as content:
            members[FILES + name] = _copy(archive, FILES + name, content, zipfile.ZIP_DEFLATED)
    text = json.dumps(asdict(manifest), indent=1, ensure_ascii=False).encode()
    _copy(archive, MANIFEST, io.BytesIO(text), zipfile.ZIP_DEFLATED)
    return manifest


@contextmanager
def snapshot(settings: Settings) -> Iterator[tuple[psycopg.Connection, str]]:
    """A connection that sees every row of every space as of now, and the snapshot's name for pg_dump."""
    with psycopg.connect(libpq_url(settings.admin_database_url), autocommit=True) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        connection.execute("SET LOCAL row_security = off")  # an error rather than rows that are silently left out
        found = connection.execute("SELECT pg_export_snapshot(), current_user").fetchone()
        assert found is not None  # noqa: S101
        try:
            yield connection, found[0]
        except psycopg.errors.InsufficientPrivilege as error:
            raise OwnerSeesNotAll(role=found[1]) from error


def revision(connection: psycopg.Connection) -> str | None:
    """The schema's revision; None for a database that was never migrated."""
    if connection.execute("SELECT to_regclass('public.alembic_version')").fetchone() == (None,):
        return None
    found = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
    return None if found is None else str(found[0])


def count_rows(connection: psycopg.Connection) -> dict[str, int]:
    """table with its schema -> rows, of our own tables."""
    counts = {}
    for schema, table in connection.execute(TABLES).fetchall():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        counts[f"{schema}.{table}"] = int(connection.execute(query).fetchall()[0][0])
    return counts


def count_objects(connection: psycopg.Connection) -> dict[str, int]:
    """constraint, index, policy, trigger -> how many of them our tables have."""
    return {str(kind): int(number) for kind, number in connection.execute(OBJECTS)}


def _dump(settings: Settings, archive: zipfile.ZipFile, major: int, snapshot_id: str) -> Member:
    where = address(settings)
    command = [
        str(program("pg_dump", major)),
        f"--dbname={where.conninfo}",
        f"--snapshot={snapshot_id}",
        "--format=custom",
        # Who owns and who may do what is the installation's own; the extensions are made by the migrations.
        "--no-owner",
        "--no-privileges",
        "--no-comments",
        "--no-password",
        *(f"--schema={schema}" for schema in SCHEMAS),
        "--exclude-table-data=public.spatial_ref_sys",
    ]
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=where.environ) as running:
            assert running.stdout is not None  # noqa: S101
            try:
                member = _copy(archive, DUMP, running.stdout, zipfile.ZIP_STORED)
            except BaseException:
                running.kill()
                raise
        if running.returncode != 0:
            said.seek(0)
            raise _DumpFailed(last_line(said.read().decode(errors="replace")))
    return member


def last_line(said: str) -> str:
    """The line of a program's messages that tells most, without its full stop."""
    lines = [line.strip().rstrip(".") for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR:" in line or "error:" in line]
    return (errors or lines or ["?"])[0]


def kept_files(data_dir: Path, *, with_files: bool) -> Iterator[tuple[str, Path]]:
    """(name below the data folder, path) of every file to keep, by name."""
    for folder, folders, names in os.walk(data_dir):
        folders[:] = sorted(set(folders) - NOT_KEPT)
        for name in sorted(set(names) - NOT_KEPT):
            path = Path(folder) / name
            if name.endswith(".unfinished"):
                continue
            if (with_files or not CONTENT_HASH.fullmatch(name)) and path.is_file() and not path.is_symlink():
                yield path.relative_to(data_dir).as_posix(), path


def _copy(archive: zipfile.ZipFile, name: str, content: IO[bytes], compression: int) -> Member:
    info = zipfile.ZipInfo(name)
    info.compress_type, info.external_attr = compression, 0o600 << 16
    digest, size = hashlib.sha256(), 0
    with archive.open(info, "w", force_zip64=True) as into:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            into.write(chunk)
    return Member(size, digest.hexdigest())
