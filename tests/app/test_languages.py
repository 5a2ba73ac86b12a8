import re
import string
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from flask import Flask, g
from flask_babel import ngettext, refresh
from jinja2 import Environment

from app import languages
from app.errors import PortTaken
from app.languages import CATALOGUES, LANGUAGES
from app.settings import CHECKOUT

PACKAGES = ("app", "equipment", "foundation", "gis", "layers", "simulations")
KEYWORDS = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2), "finding": (2,)}
METHODS = [("**.py", "python"), ("**/templates/**.*", "jinja2")]
OPTIONS = {"**/templates/**.*": {"silent": "false", "trimmed": "true"}}
TEMPLATES = sorted((CHECKOUT / "app/templates").rglob("*.*"))


def extracted():
    """Every sentence in the code and the templates: a text, or (one, many)."""
    for package in PACKAGES:
        found = extract_from_dir(
            CHECKOUT / package, method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS, strip_comment_tags=True
        )
        for _file, _line, message, _comments, _context in found:
            yield message


def holes(text):
    """The names that a sentence leaves open."""
    return sorted(re.findall(r"%\((\w+)\)", text)) + sorted(
        name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(text.replace("%(", "(")) if name
    )


@pytest.fixture(scope="module")
def sentences():
    return set(extracted())


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_every_sentence_has_a_translation(language, sentences):
    with (CATALOGUES / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = {m.id: m for m in read_po(file, locale=language) if m.id}
    missing = [s for s in sentences if s not in catalogue]
    assert not missing, "run script/words and translate these"
    for sentence, message in catalogue.items():
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        originals = sentence if isinstance(sentence, tuple) else (sentence,)
        assert all(forms), f"not translated: {sentence}"
        assert not message.fuzzy, sentence
        for form in forms:
            assert holes(form) == holes(originals[-1]), sentence
    assert set(catalogue) <= sentences, "run script/words: some sentences are gone"


class Bare(HTMLParser):
    """Collects the words that stand in a page as they are."""

    SAID = frozenset({"title", "alt", "placeholder", "aria-label", "label"})

    def __init__(self):
        super().__init__()
        self.inside = []
        self.words = []

    def handle_starttag(self, tag, attrs):
        self.inside.append(tag)
        self.words += [value for name, value in attrs if name in self.SAID and value]

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"style", "script", "code", "kbd"} & set(self.inside):
            self.words.append(data)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_says_anything_untranslated(path):
    # What stood between {{ }} and {% %} is another kind of token.
    kept = []
    depth = 0
    for _line, kind, value in Environment(autoescape=True).lex(path.read_text()):
        if kind in ("variable_begin", "block_begin"):
            depth += 1
        elif kind in ("variable_end", "block_end"):
            depth -= 1
        elif kind == "data" and not depth:
            kept.append(value)
    reader = Bare()
    reader.feed(" ".join(kept))
    allowed = {"Spremnost", "PostgreSQL", "PostGIS", "FWI", "m", "·"}
    words = {word for text in reader.words for word in re.findall(r"[^\W\d_]+", text)} - allowed
    assert not words, path.name


@pytest.fixture
def speak():
    """A function that sets the language of a request."""
    app = Flask("app")
    languages.init_app(app)
    context = app.test_request_context()
    context.push()

    def choose(language):
        g.language = language
        refresh()

    yield choose
    context.pop()


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
    error = PortTaken(port=8000, host="127.0.0.1", reason="zauzeto")
    speak("bs")
    assert languages.sentence(error).startswith("Priključak 8000 na 127.0.0.1")
    speak("en")
    assert languages.sentence(error) == str(error)


def test_a_finding_with_a_hole_that_nothing_fills_is_still_said(speak):
    speak("en")
    assert languages.localised({"code": "x", "text": "{count} odd", "parameters": {}}) == "{count} odd"
    assert languages.localised({"code": "x"}) == "x"


def test_bosnian_counts_one_few_and_many(speak):
    speak("bs")
    counted = [ngettext("%(num)s municipality", "%(num)s municipalities", n) for n in (1, 2, 5, 11, 21)]
    assert counted == ["1 općina", "2 općine", "5 općina", "11 općina", "21 općina"]
