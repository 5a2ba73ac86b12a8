"""Names as people type them: the same in Python and in the database."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, Text, cast, func, literal, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from foundation.folding import alphabetical, answers, folded, folded_column, folded_in_sql, matches, rank

NAMES = ["Brčko", "Novi Grad", "Novo Goražde", "Đurđevik", "Istočno Sarajevo", "Bosanski Novi", "Љубиње", "Žepče"]


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("Čapljina", "capljina"),
        ("ČAPLJINA", "capljina"),
        ("Чапљина", "capljina"),
        ("ЧАПЉИНА", "capljina"),
        ("capljina", "capljina"),
        ("Đurđevik", "durdevik"),
        ("Djurdjevik", "durdevik"),
        ("Ђурђевик", "durdevik"),
        ("Odžak", "odzak"),
        ("Оџак", "odzak"),
        ("Podžeplje", "podzeplje"),
        ("Поджепље", "podzeplje"),
        ("Odjeljenje", "odeljenje"),
        ("Одјељење", "odeljenje"),
        ("Travnik-Vitez", "travnik vitez"),
        ("  Novi   Grad ", "novi grad"),
        ("C\u030capljina", "capljina"),  # the mark on its own
        ("ǅep", "dzep"),
        ("Straße 12", "strasse 12"),
        ("–", ""),
        ("Ωμέγα 5", "5"),
    ],
)
def test_marks_case_and_script_do_not_matter(typed, plain):
    assert folded(typed) == plain


@pytest.mark.parametrize(
    ("name", "typed", "how"),
    [
        ("Istočno Novo Sarajevo", "istocno", 0),
        ("Istočno Novo Sarajevo", "ново", 1),
        ("Istočno Novo Sarajevo", "rajevo", 2),
        ("Source", "istok", None),
        ("Брчко", "brč", 0),
        ("Brčko", "брчко", 0),
        ("Brčko", "", None),
        ("Brčko", "-", None),
    ],
)
def test_a_name_answers_at_its_beginning_before_a_words_before_anywhere(name, typed, how):
    assert matches(name, typed) == how


@pytest.fixture
def session(refusing):
    with refusing.without_space() as session:
        yield session


def test_the_database_folds_every_letter_as_we_do(session):
    letters = [
        chr(code)
        for code in range(1, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")  # unknown to one of the two, or no letter
    ]
    pairs = session.execute(
        text("SELECT letter, folded('a' || letter || 'b') FROM unnest(cast(:letters AS text[])) AS letter"),
        {"letters": letters},
    ).all()
    assert len(pairs) == len(letters)
    assert [(hex(ord(letter)), plain) for letter, plain in pairs if plain != folded(f"a{letter}b")] == []


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.text(
            st.one_of(
                st.sampled_from("čćžšđČĆŽŠĐdjDJ љњџЉЊЏлнжд\u030c\u0301-–'"),
                st.characters(exclude_categories=("Cs", "Cn", "Co"), exclude_characters="\0"),
            ),
            max_size=12,
        ),
        min_size=1,
    )
)
def test_the_database_folds_every_text_as_we_do(refusing, texts):
    with refusing.without_space() as session:
        rows = session.execute(
            text("SELECT folded(t) FROM unnest(cast(:texts AS text[])) WITH ORDINALITY AS u(t, n) ORDER BY n"),
            {"texts": texts},
        )
        assert [row[0] for row in rows] == [folded(t) for t in texts]


@pytest.mark.parametrize(
    "typed", ["novi", "НОВО", "rđe", "brcko", "sar", "ljub", "žepče", "", "-", "n", "a b", "%", "_"]
)
def test_a_list_in_the_database_is_answered_and_ordered_like_one_in_python(session, typed):
    for name in NAMES:
        plain = folded_in_sql(literal(name))
        answered, how = session.execute(select(answers(plain, typed), rank(plain, typed))).one()
        assert bool(answered) == (matches(name, typed) is not None), name
        if answered:
            assert how == matches(name, typed), name


class Places(DeclarativeBase):
    pass


class Place(Places):
    __tablename__ = "place"

    name: Mapped[str] = mapped_column(primary_key=True)
    plain: Mapped[str] = folded_column("name")


def test_an_index_serves_what_begins_as_it_was_typed(owner):
    with owner.connect() as connection:
        Places.metadata.create_all(connection)
        connection.execute(text("INSERT INTO place (name) SELECT 'Mjesto Ђ' || n FROM generate_series(1, 20000) AS n"))
        connection.execute(text("CREATE INDEX ON place (plain text_pattern_ops)"))
        connection.execute(text("ANALYZE place"))
        begins = select(Place.name).where(Place.plain.startswith(folded("mjesto Đ777")))
        assert connection.scalar(select(func.count()).select_from(begins.subquery())) == 11  # 777, 7770 to 7779
        wanted = str(begins.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = connection.exec_driver_sql("EXPLAIN " + wanted.replace("%", "%%")).scalars().all()
        connection.rollback()
    assert any("Index" in line for line in plan), plan


def test_a_list_of_the_database_is_in_the_order_of_the_alphabet(session):
    names = ["Cazin", "Čajniče", "Ćićevo", "Dobretići", "Džaja", "Đurđevik", "Livno", "Ljubuški", "Maglaj", "Novi Grad"]
    names += ["Njegovići", "Olovo", "Sokolac", "Šamac", "Zenica", "Žepče", "Добој", "Шамац"]
    name = func.unnest(cast(names[::-1], ARRAY(Text))).column_valued("name")
    assert session.scalars(select(name).order_by(alphabetical(name))).all() == names


def test_no_name_is_folded_into_none(session):
    assert session.execute(text("SELECT folded(NULL)")).scalar_one() is None
