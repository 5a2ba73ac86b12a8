"""The wall between spaces: first every way across that we know, then every table that there is."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Column, MetaData, Table, Text, Uuid, text
from sqlalchemy.exc import DataError, IntegrityError, InternalError, InvalidRequestError, ProgrammingError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.db import Database
from app.migrations.row_security import IN_THIS_SPACE, wall
from app.postgres import APP_ROLE, OWNER_ROLE
from foundation.audit import Actor, Subject, entries, record
from foundation.database import NAMES, InSpaceById, same_space
from foundation.spaces import OPERATIONAL_SPACE_ID


class Later(DeclarativeBase):
    """Tables as later packages have them, without the migrations hearing of it."""

    metadata = MetaData(naming_convention=NAMES)


Table("space", Later.metadata, Column("id", Uuid, primary_key=True))


class Depot(InSpaceById, Later):
    __tablename__ = "depot"

    name: Mapped[str] = mapped_column(Text)


class Item(InSpaceById, Later):
    __tablename__ = "item"
    __table_args__ = (same_space("depot_id", "depot"),)

    depot_id: Mapped[UUID]


@pytest.fixture
def depots(owner, exercise):
    """One depot in the operational space and one in the exercise."""
    ids = {OPERATIONAL_SPACE_ID: uuid4(), exercise: uuid4()}
    with owner.begin() as connection:
        Later.metadata.create_all(connection)
        for table in ("depot", "item"):
            for statement in wall(table):
                connection.execute(text(statement))
            connection.execute(text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}"))
        for space, depot in ids.items():
            connection.execute(
                text("INSERT INTO depot VALUES (:space, :depot, 'Doboj')"), {"space": space, "depot": depot}
            )
    return ids


def names(connection) -> list[str]:
    return list(connection.scalars(text("SELECT name FROM depot ORDER BY name")))


def test_a_transaction_sees_the_rows_of_its_space_only(db, depots):
    for space, depot in depots.items():
        with db.transaction(space) as session:
            assert session.execute(text("SELECT space_id, id FROM depot")).all() == [(space, depot)]


def test_asking_for_another_space_by_name_gives_nothing(db, depots, exercise):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        query = text("SELECT count(*) FROM depot WHERE space_id = :space")
        assert session.scalar(query, {"space": exercise}) == 0


def test_a_row_cannot_be_written_into_another_space(db, depots, exercise):
    with pytest.raises(ProgrammingError, match="row-level security"), db.transaction(OPERATIONAL_SPACE_ID) as session:
        session.execute(text("INSERT INTO depot VALUES (:space, gen_random_uuid(), 'Trojan')"), {"space": exercise})


def test_a_row_cannot_be_moved_into_another_space(db, depots, exercise):
    with pytest.raises(ProgrammingError, match="row-level security"), db.transaction(OPERATIONAL_SPACE_ID) as session:
        session.execute(text("UPDATE depot SET space_id = :space"), {"space": exercise})


def test_changing_everything_leaves_the_other_space_as_it_was(db, depots, exercise):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        assert session.execute(text("UPDATE depot SET name = 'changed'")).rowcount == 1
    with db.transaction(exercise) as session:
        assert names(session) == ["Doboj"]


def test_deleting_everything_leaves_the_other_space_as_it_was(db, depots, exercise):
    with db.transaction(exercise) as session:
        assert session.execute(text("DELETE FROM depot")).rowcount == 1
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        assert names(session) == ["Doboj"]


def test_a_reference_cannot_point_into_another_space(db, depots, exercise):
    # The policies do not help here: PostgreSQL looks foreign keys up past them. The composite key does.
    point_at = text("INSERT INTO item VALUES (:space, gen_random_uuid(), :depot)")
    with pytest.raises(IntegrityError, match="foreign key"), db.transaction(OPERATIONAL_SPACE_ID) as session:
        session.execute(point_at, {"space": OPERATIONAL_SPACE_ID, "depot": depots[exercise]})
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        session.execute(point_at, {"space": OPERATIONAL_SPACE_ID, "depot": depots[OPERATIONAL_SPACE_ID]})


def test_one_id_may_stand_in_both_spaces_as_a_clone_needs(db, depots, exercise):
    with db.transaction(exercise) as session:
        session.execute(
            text("INSERT INTO depot VALUES (:space, :id, 'clone')"),
            {"space": exercise, "id": depots[OPERATIONAL_SPACE_ID]},
        )
        assert set(names(session)) == {"Doboj", "clone"}


def test_the_audit_of_another_space_is_neither_read_nor_written(db, exercise, noon):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        record(session, space=OPERATIONAL_SPACE_ID, at=noon, by=Actor("a"), action="x", subject=Subject("y", "z"))
    with db.transaction(exercise) as session:
        assert entries(session, space=OPERATIONAL_SPACE_ID) == []
    with pytest.raises(ProgrammingError, match="row-level security"), db.transaction(exercise) as session:
        record(session, space=OPERATIONAL_SPACE_ID, at=noon, by=Actor("a"), action="x", subject=Subject("y", "z"))


def test_a_space_that_is_not_there_holds_nothing_and_takes_nothing(db, depots):
    nowhere = uuid4()
    with db.transaction(nowhere) as session:
        assert names(session) == []
    with pytest.raises(IntegrityError, match="space_id"), db.transaction(nowhere) as session:
        session.execute(text("INSERT INTO depot VALUES (:space, gen_random_uuid(), 'x')"), {"space": nowhere})


def test_without_a_space_no_row_of_any_space_exists(db, depots):
    with db.without_space() as session:
        assert names(session) == []
    with pytest.raises(ProgrammingError, match="row-level security"), db.without_space() as session:
        session.execute(
            text("INSERT INTO depot VALUES (:space, gen_random_uuid(), 'x')"), {"space": OPERATIONAL_SPACE_ID}
        )


@pytest.fixture
def one_connection(database):
    opened = Database(database, pool_size=1, max_overflow=0)
    yield opened
    opened.close()


def test_a_connection_on_which_no_space_was_ever_set_sees_nothing(one_connection, depots):
    with one_connection.engine.connect() as connection:
        assert connection.scalar(text("SELECT current_setting('app.space', true)")) is None
        assert names(connection) == []


@pytest.mark.parametrize("ends_well", [True, False])
def test_a_pooled_connection_forgets_its_space_at_the_end_of_the_transaction(one_connection, depots, ends_well):
    try:
        with one_connection.transaction(OPERATIONAL_SPACE_ID) as session:
            backend = session.scalar(text("SELECT pg_backend_pid()"))
            assert names(session) == ["Doboj"]
            if not ends_well:
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    with one_connection.engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) == backend
        assert not connection.scalar(text("SELECT current_setting('app.space', true)"))
        assert names(connection) == []


def test_a_space_that_someone_left_on_the_session_does_not_reach_spaceless_work(one_connection, depots):
    with one_connection.engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.space', :space, false)"), {"space": str(OPERATIONAL_SPACE_ID)})
    with one_connection.without_space() as session:
        assert names(session) == []


def test_a_setting_that_is_no_space_is_an_error_and_not_everything(db, depots):
    with db.without_space() as session:
        session.execute(text("SELECT set_config('app.space', 'all', true)"))
        with pytest.raises(DataError, match="invalid input syntax"):
            names(session)
        session.rollback()


def test_nothing_below_the_transaction_commits_halfway(db, depots):
    with db.transaction(OPERATIONAL_SPACE_ID) as session:
        session.commit()
        with pytest.raises(InvalidRequestError, match="closed transaction"):
            names(session)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE audit_entry DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE audit_entry NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE audit_entry DISABLE TRIGGER append_only",
        "DROP POLICY one_space ON audit_entry",
        "CREATE POLICY all_spaces ON audit_entry USING (true)",
        f"SET ROLE {OWNER_ROLE}",
        f"SET SESSION AUTHORIZATION {OWNER_ROLE}",
        f"ALTER ROLE {APP_ROLE} BYPASSRLS",
        f"ALTER ROLE {APP_ROLE} SUPERUSER",
        "SET session_replication_role = replica",
        "TRUNCATE audit_entry",
        "CREATE TABLE mine (id int)",
        "CREATE VIEW everything AS SELECT * FROM audit_entry",
        "COPY audit_entry TO PROGRAM 'cat'",
    ],
)
def test_the_serving_role_cannot_take_the_wall_down(refusing, statement):
    with (
        pytest.raises((ProgrammingError, InternalError), match=r"denied|must be|permission|reserved"),
        refusing.transaction(OPERATIONAL_SPACE_ID) as session,
    ):
        session.execute(text(statement))


def test_switching_the_policies_off_makes_a_query_fail_rather_than_see_everything(db, depots):
    with db.without_space() as session:
        session.execute(text("SET LOCAL row_security = off"))
        with pytest.raises(ProgrammingError, match="row-level security"):
            names(session)
        session.rollback()


# --- every table there is ---------------------------------------------------------------------------------------------

HOLES = {
    "row-level security is not enabled and forced": """
        SELECT c.relname FROM walled c WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)
    """,
    "its one policy is not the wall": """
        SELECT c.relname FROM walled c
        LEFT JOIN pg_policy p ON p.polrelid = c.oid
        GROUP BY c.relname
        HAVING count(p.oid) <> 1 OR NOT bool_and(
            p.polcmd = '*' AND p.polpermissive AND p.polroles = '{0}'
            AND pg_get_expr(p.polqual, p.polrelid) = :wall AND pg_get_expr(p.polwithcheck, p.polrelid) = :wall
        )
    """,
    "its primary key does not begin with the space": """
        SELECT c.relname FROM walled c
        LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
        WHERE k.oid IS NULL OR k.conkey[1] <> c.space_column OR cardinality(k.conkey) < 2
    """,
    "a unique index spans the spaces": """
        SELECT c.relname FROM walled c JOIN pg_index i ON i.indrelid = c.oid
        WHERE (i.indisunique OR i.indisexclusion) AND NOT c.space_column = ANY (i.indkey)
    """,
    "a foreign key can leave the space": """
        SELECT c.relname FROM walled c
        JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f'
        JOIN walled other ON other.oid = k.confrelid
        WHERE NOT EXISTS (
            SELECT FROM unnest(k.conkey, k.confkey) AS pair (here, there)
            WHERE pair.here = c.space_column AND pair.there = other.space_column
        )
    """,
    "a table of no space refers into one": """
        SELECT c.relname FROM pg_class c
        JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f'
        JOIN walled other ON other.oid = k.confrelid
        WHERE c.oid NOT IN (SELECT oid FROM walled)
    """,
    "the serving role may more than read and write rows": """
        SELECT c.relname FROM walled c, aclexplode(c.relacl) a
        WHERE a.grantee IN (0, CAST(:role AS regrole))
        AND a.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    """,
    "a view looks past the policies": """
        SELECT c.relname FROM pg_class c
        WHERE c.relkind IN ('v', 'm') AND c.relnamespace = 'public'::regnamespace
        AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    """,
    "a function runs with its owner's rights": """
        SELECT p.proname FROM pg_proc p
        WHERE p.prosecdef AND p.pronamespace IN ('public'::regnamespace, 'procrastinate'::regnamespace)
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    """,
}
WALLED = """
    WITH walled AS (
        SELECT c.*, a.attnum AS space_column FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'space_id' AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p')
    )
"""


def holes(connection) -> dict[str, list[str]]:
    """What is wrong with the wall, and where."""
    # PostgreSQL's own spelling of the policy, from a table that has it.
    connection.execute(text("CREATE TEMPORARY TABLE spelling (space_id uuid)"))
    connection.execute(text(f"CREATE POLICY spelling ON spelling USING ({IN_THIS_SPACE})"))
    spelled = "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = 'spelling'::regclass"
    wall_expression = connection.scalar(text(spelled))
    connection.execute(text("DROP TABLE spelling"))
    found = {}
    for hole, query in HOLES.items():
        tables = connection.scalars(text(WALLED + query), {"wall": wall_expression, "role": APP_ROLE}).all()
        if tables:
            found[hole] = sorted(tables)
    return found


def test_every_table_with_a_space_stands_behind_the_wall(owner):
    with owner.begin() as connection:
        assert holes(connection) == {}
        walled = {row.relname for row in connection.execute(text(WALLED + "TABLE walled"))}
        assert {"audit_entry", "outbox_message"} <= walled


@pytest.mark.parametrize(
    ("mistake", "hole"),
    [
        ("ALTER TABLE item DISABLE ROW LEVEL SECURITY", "row-level security is not enabled and forced"),
        ("ALTER TABLE item NO FORCE ROW LEVEL SECURITY", "row-level security is not enabled and forced"),
        ("DROP POLICY one_space ON item", "its one policy is not the wall"),
        ("CREATE POLICY all_spaces ON item USING (true)", "its one policy is not the wall"),
        ("ALTER POLICY one_space ON item WITH CHECK (true)", "its one policy is not the wall"),
        ("ALTER TABLE item DROP CONSTRAINT pk_item", "its primary key does not begin with the space"),
        ("ALTER TABLE item ADD UNIQUE (depot_id)", "a unique index spans the spaces"),
        (
            "ALTER TABLE depot ADD UNIQUE (id); ALTER TABLE item ADD FOREIGN KEY (depot_id) REFERENCES depot (id)",
            "a foreign key can leave the space",
        ),
        (
            "CREATE TABLE label (s uuid, d uuid, FOREIGN KEY (s, d) REFERENCES depot (space_id, id))",
            "a table of no space refers into one",
        ),
        (f"GRANT TRUNCATE ON item TO {APP_ROLE}", "the serving role may more than read and write rows"),
        ("CREATE VIEW stock AS SELECT * FROM item", "a view looks past the policies"),
        (
            "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM item'",
            "a function runs with its owner's rights",
        ),
    ],
)
def test_a_mistake_in_a_later_migration_is_found(owner, depots, mistake, hole):
    with owner.begin() as connection:
        assert holes(connection) == {}
        connection.execute(text(mistake))
        assert hole in holes(connection)


def test_the_operational_space_is_the_same_in_every_installation():
    assert UUID("00000000-0000-4000-8000-000000000001") == OPERATIONAL_SPACE_ID
