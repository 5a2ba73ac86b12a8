"""Names of places: in the reader's script, found in any of their names, in the order of the alphabet."""

import pytest
from flask import Flask

from app import languages
from app.names import area_matches, in_order, in_script, name_of, sorted_by_name
from layers.areas import Area, Level


def an_area(name, **names):
    return Area(level=Level.MUNICIPALITY, code="10000", name=name, names=names)


@pytest.fixture
def speaking():
    app = Flask("app")
    languages.init_app(app)
    with app.app_context():
        yield languages.speaking


@pytest.mark.parametrize(
    ("area", "language", "said"),
    [
        (an_area("Ljubuški"), "hr", "Ljubuški"),
        (an_area("Ljubuški"), "sr_Cyrl_BA", "Љубушки"),
        (an_area("Bosanski Brod", sr_Latn_BA="Brod"), "sr_Latn_BA", "Brod"),
        (an_area("Bosanski Brod", sr_Latn_BA="Brod"), "sr_Cyrl_BA", "Брод"),
        (an_area("Bosanski Brod", sr_Latn_BA="Brod"), "hr", "Bosanski Brod"),
        (an_area("Jezero", sr_Cyrl_BA="Језеро (РС)"), "sr_Cyrl_BA", "Језеро (РС)"),
        (an_area("Brčko", en="Brčko District"), "en", "Brčko District"),
    ],
)
def test_a_place_is_called_as_the_readers_language_and_script_do(area, language, said, speaking):
    assert name_of(area, language) == said
    with speaking(language):
        assert name_of(area) == said


def test_what_is_known_in_latin_letters_only_is_written_in_the_readers(speaking):
    with speaking("sr_Cyrl_BA"):
        assert in_script("FBiH") == "ФБиХ"
    with speaking("sr_Latn_BA"):
        assert in_script("FBiH") == "FBiH"


@pytest.mark.parametrize("typed", ["brod", "БРОД", "bosanski", "Босански Брод", "Bosanski-Brod", "Боса"])
def test_a_place_is_found_by_any_of_its_names_in_either_script(typed):
    area = an_area("Brod", bs="Bosanski Brod", sr_Cyrl_BA="Брод", en="Brod")
    assert area_matches(area, typed) is not None
    assert area_matches(area, "derventa") is None


def test_the_alphabet_has_its_letters_behind_those_they_are_made_of():
    names = ["Cazin", "Čajniče", "Čapljina", "Ćićevo", "Dobretići", "Džaja", "Đurđevik", "Livno", "Ljubuški", "Maglaj"]
    names += ["Novi Grad", "Novo Sarajevo", "Njegovići", "Olovo", "Sokolac", "Stolac", "Šamac", "Zenica", "Živinice"]
    assert sorted(names, key=in_order) == names
    cyrillic = [
        "Автовац",
        "Бања Лука",
        "Вишеград",
        "Добој",
        "Ђурђевик",
        "Жепче",
        "Зеница",
        "Јајце",
        "Лакташи",
        "Љубиње",
    ]
    cyrillic += ["Маглај", "Невесиње", "Његош", "Теслић", "Ћелић", "Уна", "Цазин", "Чајниче", "Џепа", "Шамац"]
    assert sorted(cyrillic, key=in_order) == cyrillic


def test_a_space_comes_before_digits_and_digits_before_letters():
    names = ["Grad", "Grad 2", "Grad Doboj", "Grad-Bihać", "Gradac", "Gradačac", "Zuroff", "Zürich"]
    assert sorted(names, key=in_order) == names


def test_places_are_listed_in_the_order_of_their_names_for_the_reader(speaking):
    areas = [an_area("Šamac"), an_area("Čajniče"), an_area("Cazin"), an_area("Žepče")]
    with speaking("bs"):
        assert [a.name for a in sorted_by_name(areas)] == ["Cazin", "Čajniče", "Šamac", "Žepče"]
    with speaking("sr_Cyrl_BA"):  # Ж is the eighth letter
        assert [a.name for a in sorted_by_name(areas)] == ["Žepče", "Cazin", "Čajniče", "Šamac"]
