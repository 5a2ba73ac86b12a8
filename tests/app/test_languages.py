import re
import string
from contextlib import ExitStack
from datetime import UTC, date, datetime

import numpy as np
import pytest
from flask import Flask, current_app, g

from app import languages
from app.errors import PortTaken
from app.languages import CYRILLIC, LANGUAGES, read_catalogue
from app.migrations.figures_0002 import figures
from foundation.people import Locale, Person
from gis.errors import BadValues, DuplicateCodes, WrongFormat
from layers.demo.country import FLOODS
from layers.field_errors import WrongThreshold
from layers.gauges import DefenceLevel, level_word
from tests.app.words import extracted

# The languages that must be complete at every moment; in another one a new sentence would wait, and be said in Bosnian.
STRICT = frozenset({"bs", "hr", "sr_Latn_BA"})


def holes(text):
    """The names that a sentence leaves open."""
    return sorted(re.findall(r"%\((\w+)\)", text)) + sorted(
        name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(text.replace("%(", "(")) if name
    )


@pytest.fixture(scope="module")
def sentences():
    return set(extracted())


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en", CYRILLIC}))
def test_every_sentence_has_a_translation(language, sentences):
    catalogue = {m.id: m for m in read_catalogue(language) if m.id}
    assert set(catalogue) <= sentences, "run script/words: some sentences are gone"
    for sentence, message in catalogue.items():
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        originals = sentence if isinstance(sentence, tuple) else (sentence,)
        assert not message.fuzzy, sentence
        if not all(forms) and language not in STRICT:
            assert not any(forms), f"translated by half: {sentence}"
            continue
        assert all(forms), f"not translated: {sentence}"
        for form in forms:
            assert holes(form) == holes(originals[-1]), sentence
    if language in STRICT:
        missing = sentences - set(catalogue)
        assert not missing, "run script/words and translate these"


def test_a_sentence_that_waits_for_its_translation_is_said_in_bosnian(monkeypatch, tmp_path):
    for language, text in {"bs": "Baza se ljulja.", "sr_Latn_BA": "", "hr": "Baza se njiše."}.items():
        folder = tmp_path / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        header = f'msgid ""\nmsgstr "Language: {language}\\nContent-Type: text/plain; charset=utf-8\\n"\n\n'
        (folder / "messages.po").write_text(header + f'msgid "It sways."\nmsgstr "{text}"\n')
    monkeypatch.setattr(languages, "CATALOGUES", tmp_path)
    said = {language: languages.catalogue.__wrapped__(language).gettext("It sways.") for language in LANGUAGES}
    assert said == {
        "bs": "Baza se ljulja.",
        "hr": "Baza se njiše.",
        "sr_Latn_BA": "Baza se ljulja.",
        "sr_Cyrl_BA": "База се љуља.",
        "en": "It sways.",
    }


# Words of the other countries' standards, and those that the field does not use: they must not slip in.
FOREIGN = {
    "bs": (
        r"opštin|zajam|zajmov|\btko\b|točk|sustav|tisuć|razdoblj|stožer|izvješć|tjedn|magacin|nitko|netko|uopšte|takođe\b"
    ),
    "hr": (
        r"opštin|zajam|zajmov|\bko\b|tačk|tačn|sistem|hiljad|\bperiod|\bštab|izvještaj|sedmic|magacin|\bniko\b|\bneko\b|"
        r"\bšta\b|\btabel|komandant|odbran|\bvanredn|zvaničn|računar|\bserver|djelimičn|istorij|objekat\b|upotreb|dozvol|"
        r"zadužen\w* lic"
    ),
    "sr_Latn_BA": (
        r"općin|zajam|zajmov|\btko\b|točk|sustav|tisuć|razdoblj|stožer|izvješć|tjedn|skladišt|nitko|netko|uopće|također|"
        r"histori|povijest|zapovjed|izvanredn|"
        # ekavian
        r"\bpre\b|\bposle\b|\bovde\b|\bgde\b|mesto|mesta|vreme\b|\bvrednost|\bcel[aeiou]\b|delimičn|primen|procen|"
        r"izmen|\bdeo\b|udeo|sledeć|ponedelj|\bnede?lj|\breka\b|reke|rešen|promen|zahtev|svet\b"
    ),
}


@pytest.mark.parametrize("language", FOREIGN)
def test_no_word_is_of_another_standard(language):
    found = [
        (match.group(), form)
        for message in read_catalogue(language)
        if message.id
        for form in (message.string if isinstance(message.string, tuple) else (message.string,))
        for match in re.finditer(FOREIGN[language], form, re.IGNORECASE)
    ]
    assert found == []


@pytest.fixture
def speak():
    """A function that sets the language of a request."""
    app = Flask("app")
    languages.init_app(app)
    with app.test_request_context(), ExitStack() as spoken:
        yield lambda language: spoken.enter_context(languages.speaking(language))


def test_numbers_follow_the_language(speak):
    speak("bs")
    assert languages.whole(1234567.4) == "1.234.567"
    assert languages.decimal(0.25, 2) == "0,25"
    assert languages.percent(0.1234) == "12,3 %"
    speak("en")
    assert languages.whole(1234567.4) == "1,234,567"
    assert languages.decimal(38.0, 2) == "38"


def test_nothing_known_is_a_dash_and_little_is_not_nothing(speak):
    speak("en")
    assert languages.whole(None) == "–"
    assert languages.percent(None) == "–"
    assert languages.percent(0.0001) == "< 0.1 %"
    assert languages.percent(0.0) == "0.0 %"


def test_times_are_those_of_sarajevo_in_summer_and_winter(speak):
    speak("bs")
    assert languages.moment(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)).startswith("2. 7. 2026. 00:30")
    assert languages.moment(datetime(2026, 1, 1, 22, 30, tzinfo=UTC)).startswith("1. 1. 2026. 23:30")


def test_an_error_is_said_in_the_language_of_the_reader(speak):
    error = PortTaken(port=8000, host="127.0.0.1", reason="zauzeto", variable="SPREMNOST_PORT")
    speak("bs")
    assert languages.sentence(error).startswith("Port 8000 na 127.0.0.1")
    speak("en")
    assert languages.sentence(error) == str(error)


def test_a_finding_with_a_hole_that_nothing_fills_is_still_said(speak):
    speak("en")
    assert languages.localised({"code": "x", "text": "{count} odd", "parameters": {}}) == "{count} odd"
    assert languages.localised({"code": "x"}) == "x"


@pytest.mark.parametrize(
    ("language", "one", "few", "many"),
    [
        ("bs", "općina", "općine", "općina"),
        ("hr", "općina", "općine", "općina"),
        ("sr_Latn_BA", "opština", "opštine", "opština"),
        ("sr_Cyrl_BA", "општина", "општине", "општина"),
    ],
)
def test_counting_knows_one_few_and_many(speak, language, one, few, many):
    speak(language)
    counted = [languages.ngettext("%(num)s municipality", "%(num)s municipalities", n) for n in (1, 2, 5, 11, 21, 1234)]
    assert counted == [f"1 {one}", f"2 {few}", f"5 {many}", f"11 {many}", f"21 {one}", f"1.234 {few}"]


def test_a_counting_sentence_on_a_page_keeps_what_was_typed_harmless(speak):
    speak("bs")
    text = "%(num)s <b>%(who)s</b>"
    page = current_app.jinja_env.from_string(
        "{% autoescape true %}{{ ngettext(text, text, 1234, who='<i>') }}{% endautoescape %}"
    )
    assert page.render(text=text) == "1.234 <b>&lt;i&gt;</b>"


@pytest.mark.parametrize(
    ("cookie", "person", "asked", "expected"),
    [
        (None, None, None, "bs"),
        (None, None, "de-AT,de;q=0.9", "bs"),
        (None, None, "de,hr-HR;q=0.8,en;q=0.7", "hr"),
        (None, None, "sr-Latn-BA", "sr_Latn_BA"),
        (None, None, "sr-Cyrl-BA", "sr_Cyrl_BA"),
        (None, None, "sr-RS,sr;q=0.9,en;q=0.5", "sr_Cyrl_BA"),
        (None, None, "en-US,en;q=0.9", "en"),
        (None, "sr_Latn_BA", "en", "sr_Latn_BA"),
        ("hr", "sr_Latn_BA", "en", "hr"),
        ("xx", None, "en", "en"),
    ],
)
def test_the_browsers_choice_comes_before_the_persons_and_that_before_what_the_browser_asks_for(
    cookie, person, asked, expected
):
    headers = {"Cookie": f"language={cookie}"} if cookie else {}
    headers |= {"Accept-Language": asked} if asked else {}
    with Flask("app").test_request_context(headers=headers):
        if person:
            g.identity = Person(name="Amra", locale=Locale(person))
        assert languages.chosen() == expected


def test_a_letter_to_somebody_else_is_in_their_language_and_then_it_is_the_readers_again(speak):
    speak("en")
    with languages.speaking("hr"):
        assert languages.whole(1234) == "1.234"
        with languages.speaking("sr_Cyrl_BA"):
            assert languages.day_in_words(date(2026, 3, 2)) == "понедјељак, 2. март 2026."
        assert languages.day_in_words(date(2026, 3, 2)) == "ponedjeljak, 2. ožujka 2026."
    assert languages.day_in_words(date(2026, 3, 2)) == "Monday, 2 March 2026"


def test_without_a_page_a_job_speaks_the_language_it_is_told():
    assert languages.chosen() == "en"
    with languages.speaking("bs"):
        assert languages.say("{count} fires", {"count": 1200}) == "1.200 fires"
        app = Flask("app")
        languages.init_app(app)
        with app.app_context():
            assert app.jinja_env.from_string("{{ _('Sources') }} {{ 1200|whole }}").render() == "Izvori 1.200"
    assert languages.chosen() == "en"


@pytest.mark.parametrize(
    ("language", "days", "written"),
    [
        ("bs", "ponedjeljak, 2. mart 2026.", "2. 3. 2026. 10:05 CET"),
        ("hr", "ponedjeljak, 2. ožujka 2026.", "2. 3. 2026. 10:05 CET"),
        ("sr_Latn_BA", "ponedjeljak, 2. mart 2026.", "2. 3. 2026. 10:05 CET"),
        ("sr_Cyrl_BA", "понедјељак, 2. март 2026.", "2. 3. 2026. 10:05 CET"),
        ("en", "Monday, 2 March 2026", "2 Mar 2026 10:05 CET"),
    ],
)
def test_days_have_the_names_of_the_language_and_times_the_zone(speak, language, days, written):
    speak(language)
    when = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
    assert languages.day_in_words(when) == days
    assert languages.moment(when) == written
    assert languages.whole(1234567.4) == ("1,234,567" if language == "en" else "1.234.567")
    assert languages.decimal(0.25, 2) == ("0.25" if language == "en" else "0,25")


def test_the_day_of_a_moment_is_the_one_in_sarajevo(speak):
    speak("en")
    assert languages.day(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == "2 Jul 2026"
    assert languages.day(None) == languages.day_in_words(None) == "–"


def test_a_word_inside_a_sentence_is_translated_with_it(speak):
    error = WrongThreshold(level=level_word(DefenceLevel.REGULAR), value=30_000, lowest=-500, highest=2500)
    speak("en")
    assert languages.sentence(error).startswith("regular flood defence: 30,000 cm")
    speak("bs")
    assert languages.sentence(error).startswith("redovna odbrana od poplava: 30.000 cm")


@pytest.mark.parametrize(
    ("parameters", "english", "bosnian"),
    [
        ({"n": 2_000_000}, "2,000,000", "2.000.000"),
        ({"n": -0.5}, "-0.5", "-0,5"),
        ({"n": np.float64(1234.25)}, "1,234.25", "1.234,25"),
        ({"n": np.int64(30)}, "30", "30"),
        ({"n": float("nan")}, "nan", "nan"),
        ({"n": True}, "True", "True"),
        ({"n": [0.5, 10_000]}, "0.5, 10,000", "0,5; 10.000"),
        ({"n": "2.50"}, "2.50", "2.50"),
        ({"n": datetime(2026, 7, 1, 22, 30, tzinfo=UTC)}, "2 Jul 2026 00:30 CEST", "2. 7. 2026. 00:30 CEST"),
        ({"n": date(2026, 7, 1)}, "1 Jul 2026", "1. 7. 2026."),
    ],
)
def test_what_a_sentence_leaves_open_is_written_as_the_language_writes_it(speak, parameters, english, bosnian):
    for language, expected in (("en", english), ("bs", bosnian)):
        speak(language)
        assert languages.say("{n}", parameters) == expected


def test_a_sentence_says_how_many_decimals(speak):
    speak("bs")
    assert (
        languages.say("{a:g} {a:.1f} {a:,} {b:,.2f}", {"a": 1234.56789, "b": 5}) == "1.234,57 1.234,6 1.234,56789 5,00"
    )


def test_numbers_that_name_something_are_not_grouped(speak):
    speak("bs")
    said = languages.say("{port} {row} {code} {year}", {"port": 8000, "row": 1200, "code": 10049, "year": 2026})
    assert said == "8000 1200 10049 2026"


def test_a_reason_is_said_in_the_language_of_the_sentence(speak):
    speak("bs")
    wrong = languages.sentence(WrongFormat(file="a CSV file", expected="a CSV file"))
    assert wrong == "a CSV file nije CSV datoteka; najprije je pretvorite."
    twice = languages.sentence(DuplicateCodes(file="x", codes="20141 (row 4)"))
    assert twice.startswith("x ima ove šifre više puta: 20141 (red 4);")
    assert "(redovi 2–4, t: 1)" in languages.sentence(BadValues(file="x", count=3, values="rows 2–4, t: 1"))


def test_the_made_countrys_layers_are_named_in_the_readers_language(speak):
    speak("sr_Cyrl_BA")
    assert languages.ours(FLOODS[100]) == "Поплаве ријека, 1 у 100 година (илустративно)"
    assert languages.ours("Ušće rijeke Bosne") == "Ušće rijeke Bosne"
    assert languages.ours(None) == ""


def test_the_figures_that_come_with_the_program_are_said_in_every_language(sentences):
    for figure in figures():
        unit = figure["unit"]
        said = [figure["name"], figure["note"], unit, unit.replace("/person", "") if figure["kind"] == "need" else unit]
        assert [text for text in said if text and text not in sentences and text not in {"%", "m", "m²", "min"}] == []
