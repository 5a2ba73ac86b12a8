"""An installation in use, of every earlier revision, keeps all that it holds when it is brought up to date."""

# ruff: noqa: S608  (the statements below are built of constants)

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from app import backup
from app.migrate import _scripts, current_is_head, head, upgrade
from app.restore import check, restore
from app.settings import libpq_url
from app.upgrading import KEPT, bring_up_to_date
from tests.app.test_migrations import owner

pytestmark = pytest.mark.slow

REVISIONS = [script.revision for script in _scripts().walk_revisions()][::-1]
NOON = datetime(2026, 5, 14, 12, tzinfo=UTC)
OP = "'00000000-0000-4000-8000-000000000001'"


def u(number):
    return f"'10000000-0000-4000-8000-{number:012d}'"


# What people have put in by each revision, in the words of that revision's schema: one row or more of each new table.
FILLED = {
    "0001": f"""
        INSERT INTO space (id, kind, slug, name, state, created_at)
            VALUES ({u(1)}, 'exercise', 'proba', 'Вјежба', 'open', now());
        INSERT INTO organisation (id, name, kind, created_at) VALUES ({u(2)}, 'Općina Žepče', 'municipality', now());
        INSERT INTO person (id, name, email, locale, created_at)
            VALUES ({u(3)}, 'Đorđe', 'dj@x.ba', 'sr_Cyrl_BA', now());
        INSERT INTO membership (id, person_id, organisation_id, since) VALUES ({u(4)}, {u(3)}, {u(2)}, now());
        INSERT INTO audit_entry
            (space_id, id, at, person_id, actor, organisation_id, action, subject_kind, subject_id, facts)
            VALUES ({OP}, {u(5)}, now(), {u(3)}, 'x', {u(2)}, 'did', 'thing', '1', '{{"is": 1}}'),
                   ({u(1)}, {u(6)}, now(), NULL, 'x', NULL, 'did', 'thing', '2', '{{}}');
        INSERT INTO outbox_message (space_id, sequence, topic, payload, created_at)
            VALUES ({OP}, 1, 't', '{{}}', now());
        INSERT INTO reference_figure (id, code, revision, kind, profile, name, value, unit, rule, phase, source, status)
            VALUES ({u(7)}, 'own.rate', 1, 'displacement_rate', 'Own', 'Own', 0.05, 'share', 'exactly', 'any', 'Own',
                    'official');
    """,
    "0003": f"""
        INSERT INTO area (id, level, code, name, names) VALUES
            ({u(10)}, 'municipality', '11053', 'Maglaj', '{{}}'), ({u(11)}, 'city', 'X', 'Grad', '{{}}');
        INSERT INTO city_member (city_id, municipality_id) VALUES ({u(11)}, {u(10)});
        INSERT INTO layer (id, kind, name) VALUES ({u(12)}, 'municipalities', 'M');
        INSERT INTO layer_version (id, layer_id, number, state, producer, licence, vintage, method, method_note,
            file_name, file_hash, file_bytes, options, findings, facts, footprint, received_at, received_by)
            VALUES ({u(13)}, {u(12)}, 1, 'ready', 'p', 'l', '2020', 'official', '', 'f', 'h', 1, '{{}}', '[]', '{{}}',
                'SRID=4326;MULTIPOLYGON(((0 0,1 0,1 1,0 0)))', now(), 'x');
        INSERT INTO boundary (id, version_id, area_id, also_covers, place)
            VALUES ({u(14)}, {u(13)}, {u(10)}, '{{}}', 'SRID=4326;MULTIPOLYGON(((0 0,1 0,1 1,0 0)))');
        INSERT INTO feature (id, version_id, number, properties, place)
            VALUES ({u(15)}, {u(13)}, 1, '{{}}', 'SRID=4326;POINT(17 44)');
        INSERT INTO people_figure (id, version_id, area_id, sex, people) VALUES ({u(16)}, {u(13)}, {u(10)}, 'all', 1.5);
        INSERT INTO shape (item_id, min_zoom, max_zoom, version_id, place)
            VALUES ({u(14)}, 0, 5, {u(13)}, 'SRID=3857;POLYGON((0 0,1 0,1 1,0 0))');
        INSERT INTO exposure_run (id, hazard_version_id, population_version_id, boundary_version_id, threshold, edges,
            method, gathered_file, computed_at)
            VALUES ({u(17)}, {u(13)}, {u(13)}, {u(13)}, 0.1, '{{0.1,0.5}}', 'm', 'h', now());
        INSERT INTO exposure_figure
            (run_id, area_id, population, exposed, not_modelled, covered, facilities, marks, cells)
            VALUES ({u(17)}, {u(10)}, 100.25, 6.4, 0, true, '{{}}', '[]', '[]');
    """,
    "0005": f"""
        INSERT INTO account (person_id, password_hash) VALUES ({u(3)}, '$argon2id$x');
        INSERT INTO jurisdiction (organisation_id, level, code) VALUES ({u(2)}, 'municipality', '11053');
        INSERT INTO recovery_code (id, person_id, code_hash) VALUES ({u(20)}, {u(3)}, 'h');
        INSERT INTO external_identity (issuer, subject, person_id, linked_at) VALUES ('i', 's', {u(3)}, now());
        INSERT INTO sign_in_attempt (id, at, account_hash, address) VALUES ({u(21)}, now(), 'h', '::1');
    """,
}


def filled_at(settings, revision):
    """Brings the database to that revision, step by step, as people have worked with each."""
    for step in REVISIONS[: REVISIONS.index(revision) + 1]:
        upgrade(settings, step)
        with psycopg.connect(libpq_url(settings.admin_database_url)) as connection:
            connection.execute(FILLED.get(step, ""))


def rows(settings):
    """table -> its rows, as {column: value}."""
    with psycopg.connect(libpq_url(settings.admin_database_url)) as connection:
        tables = [table for schema, table in connection.execute(backup.TABLES) if schema == "public"]
        return {
            table: [row[0] for row in connection.execute(f'SELECT to_jsonb(r) FROM "{table}" AS r ORDER BY r::text')]
            for table in tables
            if table != "alembic_version"
        }


@pytest.mark.parametrize(
    "revision",
    [r if r in REVISIONS[:: len(REVISIONS) - 1] else pytest.param(r, marks=pytest.mark.slow) for r in REVISIONS],
)
def test_all_that_an_earlier_revision_holds_is_there_after_the_upgrade(empty_database, data_dir, revision):
    settings = replace(empty_database, data_dir=data_dir)
    filled_at(settings, revision)
    before = rows(settings)
    assert before["person"]
    kept = bring_up_to_date(settings, at=NOON, say=lambda _: None)
    after = rows(settings)
    with owner(settings).connect() as connection:
        assert current_is_head(connection)
    for table, held in before.items():
        assert table in after
        for row in held:
            same = {column: value for column, value in row.items() if column in after[table][0]}
            assert any(same.items() <= new.items() for new in after[table]), (table, json.dumps(row))
    # The newest revision has nothing to be migrated, every other one was kept as it stood.
    if revision == head():
        assert kept is None
        return
    assert check(kept).revision == revision
    restore(settings, kept, replace=True, at=NOON + timedelta(hours=1), say=lambda _: None)
    again = rows(settings)
    assert {table: len(found) for table, found in again.items()} == {t: len(found) for t, found in after.items()}


def test_an_empty_database_is_migrated_without_a_backup(empty_database, data_dir):
    assert bring_up_to_date(replace(empty_database, data_dir=data_dir), at=NOON, say=lambda _: None) is None
    assert not (data_dir / "backups").exists()


def test_the_newest_backups_stay_and_older_ones_go(empty_database, data_dir):
    settings = replace(empty_database, data_dir=data_dir)
    folder = data_dir / "backups"
    folder.mkdir()
    for day in range(1, KEPT + 2):
        old = folder / f"before-migration-0001-to-0002-2026010{day}T000000Z.spremnost"
        old.write_text(str(day))
        os.utime(old, (day, day))
    (folder / "mine.spremnost").write_text("made by hand")
    os.utime(folder / "mine.spremnost", (0, 0))
    filled_at(settings, REVISIONS[-2])
    kept = bring_up_to_date(settings, at=NOON, say=lambda _: None)
    left = {path.name for path in folder.iterdir()}
    assert kept.name in left
    assert "mine.spremnost" in left
    assert len(left) == KEPT + 1
    assert "before-migration-0001-to-0002-20260102T000000Z.spremnost" not in left
