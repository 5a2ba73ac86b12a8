"""The schema's history, from an empty database and from every earlier revision."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from procrastinate.schema import SchemaManager
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import ProgrammingError

import app.migrate
from app.migrate import NewerSchema, NoServingRole, ServingRoleTooStrong, current_is_head, draft, upgrade
from app.migrations.schema import COMPARISON, metadata
from foundation.spaces import OPERATIONAL_SPACE_ID

REVISIONS = [script.revision for script in app.migrate._scripts().walk_revisions()][::-1]

CATALOGUE = """
    SELECT 'column', table_name, column_name,
           concat_ws(' ', data_type, character_maximum_length, is_nullable, column_default, identity_generation)
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ANY (:tables)
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE conrelid::regclass::text = ANY (:tables)
    UNION ALL
    SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE tablename = ANY (:tables)
    ORDER BY 1, 2, 3
"""


def owner(settings):
    return create_engine(settings.admin_database_url, poolclass=NullPool)


def serving(settings):
    return create_engine(settings.database_url, poolclass=NullPool)


def catalogue(connection):
    return [tuple(row) for row in connection.execute(text(CATALOGUE), {"tables": list(metadata.tables)})]


def test_the_revisions_are_numbered_without_a_gap():
    assert [f"{number:04d}" for number in range(1, len(REVISIONS) + 1)] == REVISIONS


def test_the_migrations_lead_to_what_the_models_say(database):
    with owner(database).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=COMPARISON), metadata) == []


def test_the_migrations_name_and_check_everything_as_the_models_do(database, empty_database):
    # Alembic compares neither checks nor exclusions.
    with owner(empty_database).begin() as connection:
        for extension in app.migrate.EXTENSIONS:
            connection.execute(text(f"CREATE EXTENSION {extension}"))
        metadata.create_all(connection)
        expected = catalogue(connection)
    with owner(database).connect() as connection:
        assert catalogue(connection) == expected


@pytest.mark.parametrize(
    "revision",
    [r if r in REVISIONS[:: len(REVISIONS) - 1] else pytest.param(r, marks=pytest.mark.slow) for r in REVISIONS],
)
def test_an_installation_of_any_earlier_revision_is_brought_up_to_date(empty_database, database, revision):
    upgrade(empty_database, revision)
    upgrade(empty_database)
    with owner(empty_database).connect() as connection, owner(database).connect() as fresh:
        assert current_is_head(connection)
        assert catalogue(connection) == catalogue(fresh)


def test_a_second_upgrade_finds_everything_done(database):
    with owner(database).connect() as connection:
        before = catalogue(connection)
    upgrade(database)
    with owner(database).connect() as connection:
        assert catalogue(connection) == before


def test_programs_that_start_at_once_do_not_disturb_each_other(empty_database):
    with ThreadPoolExecutor(4) as pool:
        for started in [pool.submit(upgrade, empty_database) for _ in range(4)]:
            started.result()
    with serving(empty_database).connect() as connection:
        assert current_is_head(connection)


def test_an_upgrade_that_fails_leaves_nothing_behind(empty_database, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(app.migrate, "_grant", fail)
    with pytest.raises(ZeroDivisionError):
        upgrade(empty_database)
    with owner(empty_database).connect() as connection:
        assert connection.scalar(text("SELECT to_regclass('space')")) is None
        assert connection.scalar(text("SELECT to_regnamespace('procrastinate')")) is None


def test_the_serving_role_can_ask_whether_the_schema_is_the_newest(database, empty_database):
    with serving(database).connect() as connection:
        assert current_is_head(connection)
    with serving(empty_database).connect() as connection:
        assert not current_is_head(connection)


def test_an_old_schema_is_not_the_newest(empty_database):
    upgrade(empty_database, REVISIONS[0])
    with serving(empty_database).connect() as connection:
        assert not current_is_head(connection)


def test_a_database_of_a_newer_program_is_left_alone(database):
    with owner(database).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerSchema, match="revision 9999"):
        upgrade(database)


# --- the serving role -------------------------------------------------------------------------------------------------


def with_role(settings, role):
    """The same settings with another serving role, as an external database may have."""
    return replace(settings, database_url=settings.database_url.replace("spremnost_app", role, 1))


@pytest.fixture
def another_role(database):
    with owner(database).begin() as connection:
        connection.execute(text('CREATE ROLE "web-app" LOGIN'))
    yield "web-app"
    with owner(database).begin() as connection:
        connection.execute(text('DROP OWNED BY "web-app"'))
        connection.execute(text('DROP ROLE "web-app"'))


def privileges(settings, role, table):
    with owner(settings).connect() as connection:
        return {
            privilege
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            if connection.scalar(
                text("SELECT has_table_privilege(:role, :table, :privilege)"),
                {"role": role, "table": table, "privilege": privilege},
            )
        }


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("audit_entry", {"SELECT", "INSERT"}),
        ("outbox_message", {"SELECT", "INSERT"}),
        ("reference_figure", {"SELECT", "INSERT"}),
        ("space", {"SELECT", "INSERT", "UPDATE"}),
        ("person", {"SELECT", "INSERT", "UPDATE"}),
        ("alembic_version", {"SELECT"}),
    ],
)
def test_a_serving_role_of_any_name_gets_what_the_models_say(database, another_role, table, expected):
    upgrade(with_role(database, another_role))
    assert privileges(database, another_role, table) == expected


def test_every_model_says_what_the_serving_role_may_do():
    assert [table.name for table in metadata.tables.values() if "SELECT" not in table.info.get("app_may", ())] == []


def test_a_privilege_that_nobody_meant_is_taken_back(database):
    with owner(database).begin() as connection:
        connection.execute(text("GRANT UPDATE, DELETE, TRUNCATE ON audit_entry TO spremnost_app"))
    upgrade(database)
    assert privileges(database, "spremnost_app", "audit_entry") == {"SELECT", "INSERT"}


def test_a_role_that_is_not_there_is_named(database):
    with pytest.raises(NoServingRole, match="no role nobody_here"):
        upgrade(with_role(database, "nobody_here"))


@pytest.mark.parametrize("strength", ["SUPERUSER", "BYPASSRLS", "IN ROLE spremnost_owner"])
def test_a_role_that_sees_past_the_policies_is_refused(database, strength):
    with owner(database).begin() as connection:
        connection.execute(text(f"CREATE ROLE strong LOGIN {strength}"))
    try:
        with pytest.raises(ServingRoleTooStrong, match="The role strong"):
            upgrade(with_role(database, "strong"))
    finally:
        with owner(database).begin() as connection:
            connection.execute(text("DROP ROLE strong"))


def test_the_owner_does_not_serve(database):
    with pytest.raises(ServingRoleTooStrong):
        upgrade(replace(database, database_url=database.admin_database_url))


# --- Procrastinate ----------------------------------------------------------------------------------------------------


def test_the_serving_role_queues_and_fetches_a_job(database):
    with serving(database).begin() as connection:
        connection.execute(text("SET search_path = public, procrastinate"))
        connection.execute(
            text(
                "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW("
                "'default', 'warm_up', 0, null, null, '{}', null)::procrastinate_job_to_defer_v1])"
            )
        )
        worker = connection.scalar(text("SELECT worker_id FROM procrastinate_register_worker_v1()"))
        fetched = connection.execute(text("SELECT task_name FROM procrastinate_fetch_job_v2(null, :w)"), {"w": worker})
        assert fetched.scalar_one() == "warm_up"


def test_the_job_tables_keep_to_their_own_schema(database):
    with owner(database).connect() as connection:
        strays = text("SELECT relname FROM pg_class WHERE relname LIKE 'procrastinate%' AND relnamespace = :public")
        public = connection.scalar(text("SELECT 'public'::regnamespace::oid"))
        assert connection.scalars(strays, {"public": public}).all() == []


def test_a_newer_procrastinate_s_scripts_run_once(database, tmp_path, monkeypatch):
    scripts = tmp_path / "migrations"
    shutil.copytree(SchemaManager.get_migrations_path(), scripts)
    (scripts / "99.00.00_01_pre_add_column.sql").write_text(
        "ALTER TABLE procrastinate_jobs ADD COLUMN mood text DEFAULT '100 % :good';"
    )
    monkeypatch.setattr(SchemaManager, "get_migrations_path", staticmethod(lambda: str(scripts)))
    upgrade(database)
    upgrade(database)
    with serving(database).connect() as connection:
        assert connection.execute(text("SELECT mood FROM procrastinate.procrastinate_jobs")).all() == []


# --- writing the next one ---------------------------------------------------------------------------------------------


@pytest.fixture
def own_scripts(tmp_path, monkeypatch):
    """A copy of the migrations to write into."""
    copy = tmp_path / "migrations"
    shutil.copytree(app.migrate.SCRIPTS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(app.migrate, "SCRIPTS", copy)
    app.migrate._scripts.cache_clear()
    yield copy
    app.migrate._scripts.cache_clear()


def test_the_next_migration_is_numbered_and_holds_what_the_models_have_more(database, own_scripts):
    with owner(database).begin() as connection:
        connection.execute(text("ALTER TABLE space DROP COLUMN created_at"))
    written: Path = draft(database, "When spaces were made")
    assert written.name == f"{len(REVISIONS) + 1:04d}_when_spaces_were_made.py"
    assert 'op.add_column("space"' in written.read_text().replace("'", '"')
    assert "sa.DateTime(timezone=True)" in written.read_text()


def test_the_space_s_tables_refuse_an_owner_who_is_no_superuser_too(database):
    # An external database's owner need not be one: FORCE binds it.
    with owner(database).begin() as connection:
        connection.execute(text("CREATE ROLE modest"))
        connection.execute(text("GRANT CREATE ON SCHEMA public TO modest"))
        connection.execute(text("ALTER TABLE outbox_message OWNER TO modest"))
    try:
        with owner(database).begin() as connection:
            connection.execute(text("SET LOCAL ROLE modest"))
            with pytest.raises(ProgrammingError, match="row-level security"):
                connection.execute(
                    text("INSERT INTO outbox_message VALUES (:space, 1, 'topic', '{}', now())"),
                    {"space": OPERATIONAL_SPACE_ID},
                )
            connection.rollback()
    finally:
        with owner(database).begin() as connection:
            connection.execute(text("DROP OWNED BY modest CASCADE"))
            connection.execute(text("DROP ROLE modest"))
