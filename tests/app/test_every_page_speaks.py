"""Every page that links lead to, read in Cyrillic letters: a word in Latin ones was forgotten somewhere.

This finds what no look at the code can: a word from the database or from a library that nobody translates.
"""

import re
from html.parser import HTMLParser
from importlib.metadata import distributions
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from sqlalchemy import Enum, String, func, select, text
from werkzeug.exceptions import HTTPException

from app.db import Database
from app.factory import create_app
from app.identity import COOKIE
from app.languages import LANGUAGES
from app.migrations.schema import metadata
from app.transliteration import LATIN_WORDS
from foundation.roles import EXERCISE_ROLES, Role
from foundation.spaces import OPERATIONAL_SPACE_ID
from tests.app.builders_map import close
from tests.app.builders_people import a_signed_in_person

MOST_OF_AN_ENDPOINT = 2
PLAIN = {"script", "style", "code", "kbd", "pre", "samp", "title"}
SAID = {"title", "alt", "placeholder", "aria-label", "aria-description", "content"}
EMPTY = {"meta", "link", "input", "br", "img", "hr", "wbr", "source"}
OURS = {"action", "category", "kind", "state", "role", "level", "unit", "hazard", "method"}  # words of the program
CODE = re.compile(r"[eE]-mail|\w*_\w+|\w+-\w+-\d+|spremnost [a-z]+|(?<!\w)/\S+")
WORD = re.compile("[A-Za-zČĆŽŠĐčćžšđ]{2,}")
UNITS = {
    "CET",
    "CEST",
    "m",
    "km",
    "cm",
    "mm",
    "kg",
    "s",
    "kB",
    "MB",
    "GB",
    "GiB",
    "h",
    "min",
    "L",
    "l",
    "kW",
    "mg",
    "kcal",
    "ha",
    "g",
}


class Page(HTMLParser):
    """The links of a page, and its words in Latin letters outside of parts in another language."""

    def __init__(self):
        super().__init__()
        self.links, self.latin, self.quiet, self.inside = [], set(), [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in {
            "meta",
            "link",
            "input",
            "br",
            "img",
            "hr",
            "path",
            "rect",
            "circle",
            "line",
            "use",
            "wbr",
            "source",
        }:
            self.read(given, tag)
            return
        foreign = given.get("lang", "sr-Cyrl") != "sr-Cyrl"
        self.inside.append((tag, foreign or tag in PLAIN or bool(self.inside and self.inside[-1][1])))
        self.read(given, tag)

    def handle_startendtag(self, tag, attributes):
        self.read(dict(attributes), tag)

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop()[0] != tag:
            pass

    def read(self, given, tag):
        if not (self.inside and self.inside[-1][1]) and tag not in {"meta", "link"}:
            for name in SAID & set(given):
                self.handle_data(given[name] or "")

    def handle_data(self, data):
        if not (self.inside and self.inside[-1][1]):
            self.latin |= set(WORD.findall(CODE.sub("", data)))


def typed_words(settings):
    """Every word that somebody typed into the database, and those of the programs' versions."""
    database = Database(settings, pool_size=1)
    found = set()
    with database.transaction(OPERATIONAL_SPACE_ID) as session:
        for table in metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, String) and not isinstance(column.type, Enum) and column.name not in OURS:
                    for value in session.scalars(select(func.distinct(column)).select_from(table)):
                        found |= set(WORD.findall(str(value)))
        found |= set(WORD.findall(session.scalar(text("SELECT version()"))))
    found |= {word for package in distributions() for word in WORD.findall(package.name)}
    database.close()
    return found


@pytest.mark.slow
def test_no_page_says_a_word_in_other_letters(country):
    app = create_app(country.settings)
    client = app.test_client()
    client.set_cookie("language", "sr_Cyrl_BA")
    client.set_cookie(COOKIE, a_signed_in_person(country.settings, *sorted(set(Role) - EXERCISE_ROLES)))
    kept = typed_words(country.settings)
    waiting, seen, asked, left = ["/", "/nowhere"], set(), {}, {}
    while waiting:
        path = waiting.pop(0)
        try:
            endpoint, _ = app.url_map.bind("localhost").match(urlsplit(path).path, method="GET")
        except HTTPException:
            endpoint = path
        asked[endpoint] = asked.get(endpoint, 0) + 1
        if asked[endpoint] > MOST_OF_AN_ENDPOINT or endpoint in {"language.choose", "sign_in.leave", "static"}:
            continue
        answer = client.get(path, follow_redirects=True)
        if answer.mimetype != "text/html" or "portable" in str(endpoint):
            continue
        page = Page()
        page.feed(answer.text)
        latin = {
            word
            for word in page.latin - LATIN_WORDS - UNITS - kept
            if not re.search("[qwxyQWXY]", word) and word not in {one.name for one in LANGUAGES.values()}
        }
        if latin:
            left[path] = sorted(latin)
        for link in page.links:
            to = urldefrag(urljoin(f"http://localhost{path}", link)).url
            if to.startswith("http://localhost/") and to not in seen:
                seen.add(to)
                waiting.append(to.removeprefix("http://localhost"))
    close(app)
    assert len(asked) > 12, asked
    assert left == {}, "\n".join(f"{p}: {w}" for p, w in left.items())


def test_words_in_another_language_and_code_are_passed_over():
    page = Page()
    page.feed(
        '<main title="Naslov">Ово <b lang="en">is not</b> <code>spremnost</code> Još'
        '<input placeholder="Ime"> <a href="/x" lang="hr">Hrvatski</a> e-mail</main>'
    )
    assert (page.latin, page.links) == ({"Naslov", "Još", "Ime"}, ["/x"])
