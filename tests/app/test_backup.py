"""Backups of a filled database: the round trip, and everything that must not be restored."""

import hashlib
import json
import zipfile
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import app.layer_jobs  # noqa: F401  (the tasks)
from app import backup
from app.db import Database
from app.errors import (
    BackupExists,
    BackupNewer,
    BackupNotWritten,
    NoBackup,
    NotRestored,
    OwnerSeesNotAll,
    ProgramMissing,
    ServerOlder,
    TargetInUse,
    TargetNotEmpty,
)
from app.factory import create_app
from app.identity import COOKIE
from app.jobs import enqueue
from app.keys import kept_secret_key
from app.migrate import upgrade
from app.pg_programs import program
from app.restore import check, restore
from app.settings import libpq_url
from foundation import audit, outbox, reference
from foundation.roles import Role
from foundation.spaces import OPERATIONAL_SPACE_ID
from tests.app.builders_map import close
from tests.app.builders_people import a_signed_in_person, an_exercise

pytestmark = pytest.mark.slow

NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)


def quiet(_sentence):
    pass


@pytest.fixture
def apart(tmp_path_factory):
    """A folder that is not the data folder."""
    return tmp_path_factory.mktemp("apart")


@pytest.fixture
def filled(country):
    """The small country with people, an exercise, audit in two spaces, figures, an outbox and a job that waits."""
    settings = replace(country.settings, secret_key="")
    cookie = a_signed_in_person(settings, Role.DUTY_OFFICER, Role.CONTROLLER, exercise="proba", name="Đorđe Šušnjar")
    database = Database(settings, pool_size=2)
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        exercise = an_exercise(session, "proba")
        figure = reference.figures(session)[0]
        reference.revise(session, figure, by=audit.Actor("test"), at=NOON, source="измијењено, 'с наводницима' \\ \n")
        outbox.append(session, space=OPERATIONAL_SPACE_ID, topic="gauge", payload={"cm": 412}, at=NOON)
        enqueue(session, "layer.read_in", version_id="none")
    with database.transaction(exercise) as session:
        audit.record(
            session,
            space=exercise,
            at=NOON,
            by=audit.Actor("test"),
            action="played",
            subject=audit.Subject("exercise", exercise),
        )
    database.close()
    (settings.data_dir / "demo-password").write_text("abcd")
    (settings.data_dir / "cache").mkdir(exist_ok=True)
    (settings.data_dir / "cache" / "index").write_text("can be made anew")
    kept_secret_key(settings.data_dir)
    return settings, cookie


def contents(settings):
    """Every row of every table, and where the sequences stand, read by the owner past the policies."""
    with psycopg.connect(libpq_url(settings.admin_database_url)) as connection:
        found = {}
        for schema, table in connection.execute(backup.TABLES).fetchall():
            query = f'SELECT r::text FROM "{schema}"."{table}" AS r ORDER BY 1'  # noqa: S608
            found[f"{schema}.{table}"] = connection.execute(query).fetchall()
        found["sequences"] = connection.execute(
            "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2"
        ).fetchall()
        found["policies"] = connection.execute(
            "SELECT schemaname, tablename, policyname, qual, with_check FROM pg_policies ORDER BY 1, 2, 3"
        ).fetchall()
        found["rights"] = connection.execute(
            "SELECT table_schema, table_name, privilege_type FROM information_schema.role_table_grants "
            "WHERE grantee = 'spremnost_app' ORDER BY 1, 2, 3"
        ).fetchall()
        return found


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {"cache", "backups"} & set(path.parts)
    }


def test_what_was_backed_up_is_there_again_row_by_row_and_file_by_file(filled, empty_database, apart):
    settings, cookie = filled
    held = backup.make(settings, apart / "one.spremnost", at=NOON)
    assert check(apart / "one.spremnost") == held
    elsewhere = replace(empty_database, data_dir=apart / "elsewhere", secret_key="")
    restored, to_do = restore(elsewhere, apart / "one.spremnost", replace=False, at=NOON, say=quiet)
    assert restored == held
    assert [sentence for sentence in to_do if "files of layers" not in sentence] == []  # the country names made-up ones
    there, here = contents(settings), contents(elsewhere)
    assert there.keys() == here.keys()
    for table in there:
        assert here[table] == there[table], table
    assert sum(len(rows) for name, rows in there.items() if "." in name) == held.rows > 200
    assert files(apart / "elsewhere") == files(settings.data_dir)
    assert not (apart / "elsewhere" / "cache").exists()
    app = create_app(elsewhere)
    client = app.test_client()
    client.set_cookie(COOKIE, cookie)
    client.set_cookie("language", "en")
    assert "Maglaj" in client.get("/op/table").text
    close(app)


@pytest.mark.slow
def test_a_backup_holds_the_spaces_apart_again_after_it_was_restored(filled, empty_database, apart):
    settings, _ = filled
    backup.make(settings, apart / "one.spremnost", at=NOON)
    elsewhere = replace(empty_database, data_dir=apart / "elsewhere")
    restore(elsewhere, apart / "one.spremnost", replace=False, at=NOON, say=quiet)
    database = Database(elsewhere, pool_size=1)
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        assert "played" not in {entry.action for entry in audit.entries(session, space=OPERATIONAL_SPACE_ID)}
        exercise = an_exercise(session, "proba")
    with database.transaction(exercise) as session:
        assert [entry.action for entry in audit.entries(session, space=exercise)] == ["played"]
        assert audit.entries(session, space=OPERATIONAL_SPACE_ID) == []
    database.close()


def test_a_backup_can_be_read_by_its_owner_only_and_appears_whole(database, apart):
    target = apart / "one.spremnost"
    backup.make(replace(database, data_dir=apart / "data"), target, at=NOON)
    assert target.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in apart.iterdir()} == {"one.spremnost"}


def test_nothing_is_overwritten(database, apart):
    target = apart / "one.spremnost"
    target.write_text("something of mine")
    with pytest.raises(BackupExists, match="overwrites nothing"):
        backup.make(database, target, at=NOON)
    assert target.read_text() == "something of mine"


def test_a_folder_that_is_not_there_is_told_and_nothing_is_left(database, apart):
    with pytest.raises(BackupNotWritten, match="No such file or directory"):
        backup.make(database, apart / "missing" / "one.spremnost", at=NOON)
    assert list(apart.iterdir()) == []


def test_a_dump_that_fails_leaves_nothing(database, apart, monkeypatch):
    monkeypatch.setattr(backup, "SCHEMAS", ("no_such_schema",))
    with pytest.raises(BackupNotWritten, match=r"pg_dump: .*no matching schemas"):
        backup.make(replace(database, data_dir=apart / "data"), apart / "one.spremnost", at=NOON)
    assert [path.name for path in apart.glob("*one*")] == []


def test_an_owner_whom_the_policies_bind_is_told_rather_than_given_half_a_backup(database, apart):
    with psycopg.connect(libpq_url(database.admin_database_url), autocommit=True) as owner:
        owner.execute("CREATE ROLE modest")
        owner.execute("GRANT USAGE ON SCHEMA public, procrastinate TO modest")
        owner.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public, procrastinate TO modest")
        try:
            bound = replace(database, admin_database_url=f"{database.admin_database_url}&options=-crole%3Dmodest")
            with pytest.raises(OwnerSeesNotAll, match="ALTER ROLE modest BYPASSRLS"):
                backup.make(bound, apart / "one.spremnost", at=NOON)
        finally:
            owner.execute("DROP OWNED BY modest")
            owner.execute("DROP ROLE modest")
    assert list(apart.iterdir()) == []


def test_programs_older_than_the_server_are_not_used():
    with pytest.raises(ProgramMissing, match="pg_dump of PostgreSQL 99 or newer is needed"):
        program("pg_dump", 99)
    assert program("pg_dump", 9).name == "pg_dump"


# --- what is not restored ---------------------------------------------------------------------------------------------


@pytest.fixture
def one(empty_database, apart):
    """A small backup: a migrated database without anybody, and one file."""
    upgrade(empty_database)
    settings = replace(empty_database, data_dir=apart / "data")
    settings.data_dir.mkdir()
    (settings.data_dir / "demo-password").write_text("abcd")
    file = apart / "one.spremnost"
    backup.make(settings, file, at=NOON)
    return file


def rewritten(file, change):
    """The backup with its parts changed by `change(parts)`, zipped anew."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    new = file.with_name("changed.spremnost")
    with zipfile.ZipFile(new, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return new


def with_manifest(**values):
    def change(parts):
        parts["manifest.json"] = json.dumps({**json.loads(parts["manifest.json"]), **values}).encode()

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda parts: parts.pop("files/demo-password"), "not those of its list"),
        (lambda parts: parts.update({"files/more": b""}), "not those of its list"),
        (lambda parts: parts.update({"files/demo-password": b"abce"}), "files/demo-password is damaged"),
        (lambda parts: parts.update({"files/demo-password": b"abcde"}), "files/demo-password is damaged"),
        (lambda parts: parts.pop("manifest.json"), "it has no|cannot be understood"),
        (lambda parts: parts.update({"manifest.json": b"[]"}), "cannot be understood"),
        (with_manifest(format=2), "its format 2 is not known"),
        (with_manifest(tables={"public.person": "1; DROP TABLE person"}), "cannot be understood"),
    ],
)
def test_a_backup_that_is_not_as_its_list_says_is_refused(one, change, reason):
    with pytest.raises(NoBackup, match=reason):
        check(rewritten(one, change))


@pytest.mark.parametrize(
    "name",
    [
        "files/../../etc/passwd",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("/etc/passwd", "files//x", "files/a/../b", "../x", "files/a\\b", "elsewhere")
        ),
    ],
)
def test_a_name_that_leads_out_of_the_data_folder_is_refused(one, name):
    def change(parts):
        manifest = json.loads(parts["manifest.json"])
        manifest["members"][name] = manifest["members"].pop("files/demo-password")
        parts[name] = parts.pop("files/demo-password")
        parts["manifest.json"] = json.dumps(manifest).encode()

    with pytest.raises(NoBackup, match="is not allowed"):
        check(rewritten(one, change))


def test_a_file_under_another_s_hash_is_refused(one):
    def change(parts):
        manifest = json.loads(parts["manifest.json"])
        manifest["members"]["files/layers/aa/" + "a" * 64] = manifest["members"].pop("files/demo-password")
        parts["files/layers/aa/" + "a" * 64] = parts.pop("files/demo-password")
        parts["manifest.json"] = json.dumps(manifest).encode()

    with pytest.raises(NoBackup, match="is not the file of that name"):
        check(rewritten(one, change))


def test_what_is_no_zip_file_or_not_there_is_refused(apart):
    (apart / "text").write_text("hello")
    for name in ("text", "missing"):
        with pytest.raises(NoBackup):
            check(apart / name)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.slow
def test_no_flipped_byte_changes_what_is_restored(one, data):
    content = bytearray(one.read_bytes())
    whole = check(one)
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    damaged = one.with_name("damaged.spremnost")
    damaged.write_bytes(content)
    with suppress(NoBackup):
        assert check(damaged) == whole  # a byte that says nothing, such as a date in the ZIP's directory


@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_backup_that_was_cut_short_is_refused(one, share):
    content = one.read_bytes()
    cut = one.with_name("cut.spremnost")
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(NoBackup):
        check(cut)


def test_a_newer_program_s_backup_is_refused(one, empty_database, apart):
    changed = rewritten(one, with_manifest(revision="9999"))
    with pytest.raises(BackupNewer, match="revision 9999"):
        restore(replace(empty_database, data_dir=apart / "new"), changed, replace=False, at=NOON, say=quiet)
    assert not (apart / "new").exists()


@pytest.mark.slow
def test_a_newer_postgresql_s_backup_is_refused(one, empty_database, apart):
    changed = rewritten(one, with_manifest(postgresql=99))
    with pytest.raises(ServerOlder, match="comes from PostgreSQL 99"):
        restore(replace(empty_database, data_dir=apart / "new"), changed, replace=False, at=NOON, say=quiet)


@pytest.mark.slow
def test_a_database_in_use_is_replaced_only_when_that_is_said_and_is_backed_up_before(filled, one, apart):
    settings, _ = filled
    before = contents(settings)
    with pytest.raises(TargetNotEmpty, match="give --replace"):
        restore(settings, one, replace=False, at=NOON, say=quiet)
    assert contents(settings) == before
    restore(settings, one, replace=True, at=NOON, say=quiet)
    assert contents(settings)["public.person"] == []
    (kept,) = (settings.data_dir / "backups").iterdir()
    # and back again: nothing of it was lost, the layers' files neither
    _, to_do = restore(settings, kept, replace=True, at=NOON + timedelta(hours=1), say=quiet)
    assert len(to_do) == 1  # the made-up files
    again = contents(settings)
    assert {table: again[table] for table in before} == before


@pytest.mark.slow
def test_layers_files_that_are_gone_are_told(filled, empty_database, apart):
    settings, _ = filled
    held = backup.make(settings, apart / "database-only.spremnost", at=NOON, with_files=False)
    assert not any("layers/" in name for name in held.members)
    elsewhere = replace(empty_database, data_dir=apart / "elsewhere")
    _, to_do = restore(elsewhere, apart / "database-only.spremnost", replace=False, at=NOON, say=quiet)
    assert any("files of layers" in sentence for sentence in to_do)
    assert any("SPREMNOST_SECRET_KEY" in sentence for sentence in to_do)


@pytest.mark.slow
def test_a_database_that_somebody_works_with_is_not_replaced(filled, one):
    settings, _ = filled
    with (
        psycopg.connect(libpq_url(settings.database_url)),
        pytest.raises(TargetInUse, match=r"running on this database \(1 connections\)"),
    ):
        restore(settings, one, replace=True, at=NOON, say=quiet)


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        lambda manifest: manifest["tables"].update({"public.person": 7}),
        lambda manifest: manifest["objects"].update(policy=manifest["objects"]["policy"] + 1),
        lambda manifest: manifest["tables"].update({"public.no_such_table": 0}),
    ],
)
def test_a_restore_that_fails_leaves_everything_as_it_was(filled, one, apart, wrong):
    settings, _ = filled
    before, files_before = contents(settings), files(settings.data_dir)

    def change(parts):
        manifest = json.loads(parts["manifest.json"])
        wrong(manifest)
        parts["manifest.json"] = json.dumps(manifest).encode()

    changed = rewritten(one, change)
    with pytest.raises(NotRestored, match="The database is as it was"):
        restore(settings, changed, replace=True, at=NOON, say=quiet)
    assert contents(settings) == before
    assert files(settings.data_dir) == files_before


@pytest.mark.slow
def test_a_dump_that_breaks_off_in_the_middle_changes_nothing(filled, one, apart):
    settings, _ = filled
    file = apart / "mine.spremnost"
    backup.make(settings, file, at=NOON)
    before = contents(settings)

    def change(parts):
        parts["database.dump"] = parts["database.dump"][: len(parts["database.dump"]) // 2]
        manifest = json.loads(parts["manifest.json"])
        manifest["members"]["database.dump"] = {
            "bytes": len(parts["database.dump"]),
            "sha256": hashlib.sha256(parts["database.dump"]).hexdigest(),
        }
        parts["manifest.json"] = json.dumps(manifest).encode()

    with pytest.raises(NotRestored):
        restore(settings, rewritten(file, change), replace=True, at=NOON, say=quiet)
    assert contents(settings) == before
    with psycopg.connect(libpq_url(settings.database_url)) as serving:
        assert serving.execute("SELECT count(*) FROM person").fetchone() == (1,)
