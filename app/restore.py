"""`spremnost restore`: puts a backup in the place of an empty database, or of one that may be replaced.

Everything is checked before anything is touched. The database changes in one transaction, which is held to the
backup's counts before it ends: whatever fails, the database is as it was. Layer files are only added.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import psycopg
from psycopg import sql

from app import backup
from app.backup import CHUNK, CONTENT_HASH, DUMP, FILES, KEY, MANIFEST, Manifest, Member, last_line
from app.errors import BackupNewer, NoBackup, NoRoom, NotRestored, ServerOlder, TargetInUse, TargetNotEmpty
from app.keys import kept_secret_key
from app.migrate import create_extensions, knows, upgrade
from app.pg_programs import address, program, server_major
from app.settings import Settings, libpq_url

LONGEST_MANIFEST: Final = 2**26
NAME: Final = re.compile(r"files(/(?!\.{1,2}(/|$))[^/\\\x00-\x1f]+)+")

CLEAR: Final = f"""
DO $$
DECLARE thing record;
BEGIN
    FOR thing IN SELECT n.nspname AS schema, c.relname AS name {backup.OURS} LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I.%I CASCADE', thing.schema, thing.name);
    END LOOP;
    FOR thing IN
        SELECT p.oid::regprocedure AS signature FROM pg_proc AS p
        WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (
            SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        )
    LOOP
        EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', thing.signature);
    END LOOP;
END $$;
DROP SCHEMA IF EXISTS procrastinate CASCADE;
CREATE SCHEMA procrastinate;
"""  # noqa: S608


def check(file: Path) -> Manifest:
    """What the backup holds, once every part of it has been read and is as the manifest says. Raises NoBackup."""
    with _opened(file) as archive:
        manifest = _manifest(file, archive)
        there = {info.filename: info for info in archive.infolist()}
        if len(there) != len(archive.infolist()) or there.keys() != manifest.members.keys() | {MANIFEST}:
            raise NoBackup(file=file, reason="its parts are not those of its list")
        for name, member in manifest.members.items():
            if name not in (DUMP, KEY) and not NAME.fullmatch(name):
                raise NoBackup(file=file, reason=f"the name {name!r} is not allowed")
            content = _Summing(member.bytes)
            with archive.open(there[name]) as part:
                content.take(part)
            if content.member != member:
                raise NoBackup(file=file, reason=f"{name} is damaged")
            if CONTENT_HASH.fullmatch(Path(name).name) and Path(name).name != member.sha256:
                raise NoBackup(file=file, reason=f"{name} is not the file of that name")
    if not knows(manifest.revision):
        raise BackupNewer(file=file, revision=manifest.revision)
    return manifest


def restore(
    settings: Settings, file: Path, *, replace: bool, at: datetime, say: Callable[[str], None]
) -> tuple[Manifest, list[str]]:
    """Puts the backup in place and brings it to the newest schema; gives what it held, and what to look after.

    settings: with the addresses of a database that runs.
    Raises NoBackup, BackupNewer, ServerOlder, TargetNotEmpty, TargetInUse, NotRestored, and what making a backup of the
    present state raises.
    """
    say(f"Checking {file}")
    manifest = check(file)
    with psycopg.connect(libpq_url(settings.admin_database_url), autocommit=True) as connection:
        ours = server_major(connection)
        if manifest.postgresql > ours:
            raise ServerOlder(file=file, theirs=manifest.postgresql, ours=ours)
        others = connections(connection)
        if others:
            raise TargetInUse(connections=others)
        filled = is_filled(connection)
    if filled and not replace:
        raise TargetNotEmpty
    needed = sum(member.bytes for member in manifest.members.values())
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(settings.data_dir).free) < needed:
        raise NoRoom(folder=settings.data_dir, free=free // 10**6, needed=needed // 10**6)
    pg_restore, psql = program("pg_restore", ours), program("psql", ours)
    if filled:
        before = settings.data_dir / "backups" / f"before-restore-{at:%Y%m%dT%H%M%SZ}.spremnost"
        say(f"Backing up what is there now to {before}")
        before.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        backup.make(settings, before, at=at, with_files=False)
    with _staged(settings.data_dir, file, manifest) as staged:
        say("Putting the layers' files in place")
        _add_files(staged, settings.data_dir)
        create_extensions(settings)
        say("Putting the database in place")
        _put_database(settings, staged / DUMP, manifest, pg_restore, psql)
        _put_files(staged, settings.data_dir)
    upgrade(settings)
    return manifest, _to_look_after(settings, file)


def connections(connection: psycopg.Connection) -> int:
    """How many others are connected to this database."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    return int(connection.execute(query).fetchall()[0][0])


def is_filled(connection: psycopg.Connection) -> bool:
    """Whether somebody has worked with this database: more is in it than its first migrations put there."""
    for table in ("person", "audit_entry", "layer_version"):
        if connection.execute("SELECT to_regclass(%s)", [f"public.{table}"]).fetchall() != [(None,)]:
            connection.execute("SET row_security = off")
            query = sql.SQL("SELECT EXISTS (SELECT FROM public.{})").format(sql.Identifier(table))
            try:
                if connection.execute(query).fetchall() == [(True,)]:
                    return True
            except psycopg.errors.InsufficientPrivilege:  # an owner whom the policies bind
                continue
    return False


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except OSError as error:
        raise NoBackup(file=file, reason=error.strerror or str(error)) from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise NoBackup(file=file, reason="it cannot be read to its end as a ZIP file") from error


def _manifest(file: Path, archive: zipfile.ZipFile) -> Manifest:
    try:
        info = archive.getinfo(MANIFEST)
        if info.file_size > LONGEST_MANIFEST:
            raise NoBackup(file=file, reason=f"{MANIFEST} is too long")
        found: dict[str, Any] = json.loads(archive.read(info))
        if found["format"] != backup.FORMAT:
            raise NoBackup(file=file, reason=f"its format {found['format']!r} is not known")
        members = {str(name): Member(int(m["bytes"]), str(m["sha256"])) for name, m in found.pop("members").items()}
        manifest = Manifest(**found, members=members)
        numbers = [manifest.postgresql, *manifest.tables.values(), *manifest.objects.values()]
    except KeyError as error:
        raise NoBackup(file=file, reason=f"it has no {error.args[0]}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise NoBackup(file=file, reason=f"{MANIFEST} cannot be understood") from error
    if not all(isinstance(number, int) for number in numbers) or not {DUMP, KEY} <= members.keys():
        raise NoBackup(file=file, reason=f"{MANIFEST} cannot be understood")
    return manifest


class _Summing:
    """Reads no more than what was announced, and sums it up."""

    def __init__(self, announced: int) -> None:
        self._announced, self._size, self._digest = announced, 0, hashlib.sha256()

    def take(self, content: IO[bytes], into: IO[bytes] | None = None) -> None:
        while self._size <= self._announced and (chunk := content.read(CHUNK)):
            self._size += len(chunk)
            self._digest.update(chunk)
            if into is not None:
                into.write(chunk)

    @property
    def member(self) -> Member:
        return Member(self._size, self._digest.hexdigest())


@contextmanager
def _staged(data_dir: Path, file: Path, manifest: Manifest) -> Iterator[Path]:
    """A folder on the same disk as the data, with every part of the backup, read and summed once more."""
    folder = data_dir / "restore.unfinished"
    shutil.rmtree(folder, ignore_errors=True)  # an attempt that was interrupted
    try:
        folder.mkdir(mode=0o700)
        with _opened(file) as archive:
            for name, member in manifest.members.items():
                place = folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                content = _Summing(member.bytes)
                with archive.open(name) as part, open(os.open(place, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as into:
                    try:
                        content.take(part, into)
                        into.flush()
                        os.fsync(into.fileno())
                    except OSError as error:
                        raise NotRestored(reason=error.strerror or str(error)) from error
                if content.member != member:
                    raise NoBackup(file=file, reason=f"{name} has changed since it was checked")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _add_files(staged: Path, data_dir: Path) -> None:
    """What is kept under its content hash disturbs nobody: whether the database follows or not."""
    for path in sorted((staged / FILES).rglob("*")):
        if path.is_file() and CONTENT_HASH.fullmatch(path.name):
            path.chmod(0o444)
            _move(path, data_dir / path.relative_to(staged / FILES))


def _put_files(staged: Path, data_dir: Path) -> None:
    """The few files that have names of their own, and the key."""
    for path in sorted((staged / FILES).rglob("*")):
        if path.is_file():
            _move(path, data_dir / path.relative_to(staged / FILES))
    _move(staged / KEY, data_dir / KEY)


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(path, target)


def _put_database(settings: Settings, dump: Path, manifest: Manifest, pg_restore: Path, psql: Path) -> None:
    where = address(settings)
    ask = [str(psql), f"--dbname={where.conninfo}", "--no-psqlrc", "--quiet", "--no-password", "--output=/dev/null"]
    said = dump.with_name("psql.log")
    read = [str(pg_restore), "--no-owner", "--no-privileges", *(f"--schema={s}" for s in backup.SCHEMAS), "--file=-"]
    with (
        said.open("wb") as log,
        subprocess.Popen(
            [*ask, "--set=ON_ERROR_STOP=1"], stdin=subprocess.PIPE, stdout=log, stderr=log, env=where.environ
        ) as database,
        subprocess.Popen([*read, str(dump)], stdout=subprocess.PIPE, stderr=log) as reader,
    ):
        assert database.stdin is not None  # noqa: S101
        assert reader.stdout is not None  # noqa: S101
        # psql may stop early; what it said tells why. Whatever ends before COMMIT is undone by PostgreSQL.
        with suppress(BrokenPipeError):
            database.stdin.write(f"BEGIN;\nSET LOCAL lock_timeout = '30s';\n{CLEAR}\n".encode())
            shutil.copyfileobj(reader.stdout, database.stdin, CHUNK)
            if reader.wait() == 0:
                database.stdin.write(f"\n{_held_to(manifest)}\nCOMMIT;\n".encode())
        reader.stdout.close()
        with suppress(BrokenPipeError):
            database.stdin.close()
    if reader.returncode != 0 or database.returncode != 0:
        raise NotRestored(reason=last_line(said.read_text(errors="replace")))


def _held_to(manifest: Manifest) -> str:
    """A statement that fails unless all rows and all that hangs on the tables are there."""
    steps = []
    for name, rows in manifest.tables.items():
        table = sql.Identifier(*name.split(".", 1)).as_string(None)
        steps.append(f"SELECT {_quoted(name)} AS what, count(*) AS got, {rows} AS wanted FROM {table}")  # noqa: S608
    wanted = ", ".join(f"({_quoted(kind)}, {number})" for kind, number in manifest.objects.items())
    there = f"(VALUES {wanted}) AS w (kind, number) LEFT JOIN ({backup.OBJECTS}) AS o (kind, number) USING (kind)"
    steps.append(f"SELECT w.kind, o.number, w.number FROM {there}")  # noqa: S608
    return f"""
SET LOCAL row_security = off;
DO $check$
DECLARE wrong record;
BEGIN
    SELECT * INTO wrong FROM ({" UNION ALL ".join(steps)}) AS counted WHERE got IS DISTINCT FROM wanted LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '%: % instead of %', wrong.what, wrong.got, wrong.wanted;
    END IF;
END $check$;
"""  # noqa: S608


def _quoted(text: str) -> str:
    return sql.Literal(text).as_string(None)


def _to_look_after(settings: Settings, file: Path) -> list[str]:
    """What a person should know or do after the restore."""
    from app.db import Database
    from app.importing import file_store
    from layers import catalogue, exposure
    from layers.errors import FileVanished

    found = []
    if settings.secret_key and settings.secret_key != kept_secret_key(settings.data_dir):
        found.append(
            f"SPREMNOST_SECRET_KEY is not the key of the backup, which now lies in {settings.data_dir / KEY}: "
            "set that one, or second factors must be set up anew."
        )
    database = Database(settings, pool_size=1)
    try:
        with database.without_space() as session:
            needed = catalogue.held_files(session) | exposure.held_files(session)
    finally:
        database.close()
    missing = 0
    for digest in needed:
        try:
            file_store(settings.data_dir).path(digest)
        except FileVanished:
            missing += 1
    if missing:
        found.append(f"{missing} files of layers that {file} names are not in {settings.data_dir}: import those again.")
    return found
