"""The five languages: which one a reader gets, and sentences, numbers and times in it.

The catalogues are kept as text (app/translations/<language>/LC_MESSAGES/messages.po) and compiled in memory, so that a
fresh checkout speaks every language without a step in between. The sentences in the code are the English ones; those in
Cyrillic letters are made from the Serbian ones in Latin letters.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import cached_property, lru_cache
from io import BytesIO
from math import floor
from pathlib import Path
from typing import Any, Final, NamedTuple

from babel import Locale
from babel.dates import format_date, format_datetime, get_timezone
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, Domain
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from app.transliteration import cyrillic
from foundation.errors import Word


class Language(NamedTuple):
    """How a language is offered: its own name and a short one; what HTML calls it, and whose numbers scripts write.

    Chromium says that it knows Bosnian numbers and times but writes English ones; the Croatian ones are the same.
    """

    name: str
    short: str
    tag: str
    numbers: str


LANGUAGES: Final = {
    "bs": Language("Bosanski", "BS", "bs", "hr"),
    "hr": Language("Hrvatski", "HR", "hr", "hr"),
    "sr_Latn_BA": Language("Srpski (latinica)", "SR", "sr-Latn", "sr-Latn"),
    "sr_Cyrl_BA": Language("Српски (ћирилица)", "СР", "sr-Cyrl", "sr-Cyrl"),
    "en": Language("English", "EN", "en", "en-GB"),
}
# As browsers ask for them; the first part decides where the whole is not known.
ASKED: Final = {
    "bs": "bs",
    "bs-cyrl": "sr_Cyrl_BA",
    "cnr": "sr_Latn_BA",
    "en": "en",
    "hr": "hr",
    "sh": "bs",
    "sr": "sr_Cyrl_BA",
    "sr-latn": "sr_Latn_BA",
}
DEFAULT: Final = "bs"
COOKIE: Final = "language"
TIME_ZONE: Final = "Europe/Sarajevo"
ZONE: Final = get_timezone(TIME_ZONE)
CATALOGUES: Final = Path(__file__).parent / "translations"
LATIN, CYRILLIC = "sr_Latn_BA", "sr_Cyrl_BA"
SPOKEN: Final[ContextVar[str | None]] = ContextVar("spoken", default=None)


def read_catalogue(language: str) -> Catalog:
    """The sentences of a language as they are written down; those of English are the ones in the code."""
    path = CATALOGUES / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as text:
        return read_po(text, locale=language)


@lru_cache
def catalogue(language: str) -> NullTranslations:
    """The sentences of a language, ready to be said."""
    if language == "en":
        return NullTranslations()
    sentences = read_catalogue(LATIN if language == CYRILLIC else language)
    # A sentence that still waits for its translation is said in Bosnian, which every reader here understands.
    for message in read_catalogue(DEFAULT):
        if message.id not in sentences:
            sentences[message.id] = message
        elif not all(_forms(sentences[message.id].string)):
            sentences[message.id].string = message.string
    if language == CYRILLIC:
        for message in sentences:
            if message.id:
                written = [cyrillic(form) for form in _forms(message.string)]
                message.string = tuple(written) if message.pluralizable else written[0]
    compiled = BytesIO()
    write_mo(compiled, sentences)
    compiled.seek(0)
    return Translations(compiled)


def _forms(string: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (string or "",) if isinstance(string, str | None) else tuple(string)


class _FromText(Domain):  # type: ignore[misc]  # Flask-Babel brings no types
    def get_translations(self) -> NullTranslations:
        return catalogue(chosen())


class _Languages(Babel):  # type: ignore[misc]
    @cached_property
    def domain_instance(self) -> Domain:
        return _FromText()


def _(text: str, /, **parameters: object) -> str:
    """A sentence of ours in the reader's language, with its %(parameters)s."""
    said = str(catalogue(chosen()).gettext(text))
    return said % parameters if parameters else said


def language_tag() -> str:
    """The reader's language as HTML names it."""
    return LANGUAGES[chosen()].tag


def ngettext(one: str, many: str, number: int, /, **parameters: object) -> str:
    """The sentence for that number of things, in the reader's language; %(num)s is the number."""
    said = str(catalogue(chosen()).ngettext(one, many, number))
    return said % {"num": whole(number), **parameters}


@pass_eval_context
def _ngettext_in_page(context: EvalContext, one: str, many: str, number: int, /, **parameters: object) -> str:
    if not context.autoescape:
        return ngettext(one, many, number, **parameters)
    said = Markup(catalogue(chosen()).ngettext(one, many, number))  # noqa: S704  # ours, not typed
    return said % {"num": whole(number), **parameters}


def init_app(app: Flask) -> None:
    """Let the application's pages speak the reader's language."""
    _Languages().init_app(app, default_locale=DEFAULT, default_timezone=TIME_ZONE, locale_selector=chosen)
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.globals["ngettext"] = _ngettext_in_page
    app.jinja_env.filters.update(
        whole=whole,
        decimal=decimal,
        tenths=tenths,
        percent=percent,
        moment=moment,
        instant=instant,
        day=day,
        day_in_words=day_in_words,
        sentence=sentence,
        localised=localised,
        ours=ours,
        notice=notice,
    )
    app.context_processor(
        lambda: {
            "language": chosen(),
            "language_tag": language_tag(),
            "languages": LANGUAGES,
        }
    )


def chosen() -> str:
    """The reader's language: chosen in this browser, else the person's own, else what the browser asks for."""
    spoken = SPOKEN.get()
    if spoken is not None:
        return spoken
    if not has_request_context():
        return "en"  # commands and logs
    own = getattr(g.get("identity"), "locale", None)
    wanted = request.cookies.get(COOKIE) or (str(own) if own else "")
    return wanted if wanted in LANGUAGES else _asked_for()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """What is said inside is in that language, whoever asked for the page: e-mails and documents for somebody else."""
    before = SPOKEN.set(language)
    try:
        yield
    finally:
        SPOKEN.reset(before)


def _asked_for() -> str:
    for tag in request.accept_languages.values():
        parts = tag.replace("_", "-").lower().split("-")
        found = ASKED.get("-".join(parts[:2])) or ASKED.get(parts[0])
        if found:
            return found
    return DEFAULT


def sentence(error: Exception) -> str:
    """An error of one of our packages, or a finding of a layer, in the reader's language."""
    return say(getattr(error, "text", ""), getattr(error, "parameters", {})) or str(error)


def say(text: str, parameters: dict[str, Any] | None = None) -> str:
    """A sentence of the packages below, translated, with its parameters in it as the language writes them."""
    if not text:
        return ""
    # Not gettext's own %-formatting: these sentences carry {names}.
    translated = str(catalogue(chosen()).gettext(text))
    try:
        return translated.format(**{name: _parameter(name, value) for name, value in (parameters or {}).items()})
    except (KeyError, IndexError, ValueError, AttributeError):
        return translated


def notice(one: Any) -> str:
    """A notice in the reader's language."""
    return say(one.text, one.parameters)


def ours(text: str | None) -> str:
    """What the program itself put into the database – the made country's layers – in the reader's language."""
    return str(catalogue(chosen()).gettext(text)) if text else ""


def localised(facts: dict[str, Any]) -> str:
    """A finding as it is stored: {"code", "text", "parameters"}."""
    return say(str(facts.get("text", "")), facts.get("parameters") or {}) or str(facts.get("code", ""))


# Parameters that are said in words of ours: gettext knows them, or they are somebody else's and stay.
PHRASES: Final = frozenset({"detail", "expected", "found", "kind", "needed", "reason", "state", "unit", "wanted"})
# Numbers that name something are not grouped: port 8000, row 1200.
NAMING: Final = frozenset(
    (
        "code",
        "column",
        "feature",
        "id",
        "lat",
        "line",
        "lon",
        "number",
        "port",
        "row",
        "srid",
        "version",
        "year",
        *"xyz",
    )
)
ROWS: Final = re.compile(r"\brows? (\d+(?:–\d+)?)")


class _Number:
    """A number inside a sentence; the sentence's own format says how many decimals, the language how they look."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __str__(self) -> str:
        return format(self)

    def __format__(self, wanted: str) -> str:
        if not math.isfinite(self.value):
            return str(self.value)
        fixed = re.fullmatch(r",?\.(\d)f", wanted)
        digits = "0" * int(fixed.group(1)) if fixed else "######"
        value = float(f"{self.value:.6g}") if wanted == "g" else self.value
        return format_decimal(value, format=f"#,##0.{digits}".rstrip("."), locale=chosen())


def _parameter(name: str, value: object) -> object:
    if isinstance(value, Word) or (name in PHRASES and isinstance(value, str)):
        return str(catalogue(chosen()).gettext(value)) if value else value
    if isinstance(value, str):
        return ROWS.sub(_row, value) if name in {"codes", "names", "values", "where"} else value
    if isinstance(value, bool) or name in NAMING:
        return value
    if isinstance(value, numbers.Real):
        return _Number(float(value) if not isinstance(value, numbers.Integral) else int(value))
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, list | tuple):
        between = ", " if chosen() == "en" else "; "
        return between.join(str(_parameter(name, one)) for one in value)
    return value


def _row(rows: re.Match[str]) -> str:
    row = rows.group(1)
    return _("rows %(rows)s", rows=row) if "–" in row else _("row %(row)s", row=row)


def whole(number: float | None) -> str:
    """A whole number with the language's separators; – where there is none."""
    return "–" if number is None else format_decimal(round(number), format="#,##0", locale=chosen())


def tenths(number: float) -> str:
    """A score with exactly one decimal, rounded half up as published ones are."""
    return format_decimal(floor(number * 10 + 0.5) / 10, format="0.0", locale=chosen())


def decimal(number: float | None, digits: int = 1) -> str:
    """A number with so many decimals at most."""
    pattern = "#,##0." + "#" * digits if digits else "#,##0"
    return "–" if number is None else format_decimal(number, format=pattern, locale=chosen())


def percent(share: float | None) -> str:
    """A share as per cent with one decimal; less than a tenth is said, not rounded to nothing."""
    if share is None:
        return "–"
    little = 0 < share < 0.0005
    written = format_percent(0.001 if little else share, format="#,##0.0 %", locale=chosen())
    return f"< {written}" if little else written


DAY: Final = {"en": "d MMM y", "bs": "d. M. y."}
DAY_IN_WORDS: Final = {"en": "EEEE, d MMMM y", "bs": "EEEE, d. MMMM y."}


def moment(when: datetime | None) -> str:
    """A moment in Sarajevo's time, with the zone's name."""
    return "–" if when is None else f"{_written(when, DAY)} {_written(when, {'bs': 'HH:mm z'})}"


def instant(when: datetime) -> str:
    """A moment to the second, for what changes while one looks."""
    return f"{_written(when, DAY)} {_written(when, {'bs': 'HH:mm:ss z'})}"


def decimal_sign() -> str:
    """What parts the fraction from the whole in the reader's country."""
    return str(Locale.parse(chosen()).number_symbols["latn"]["decimal"])


def day(when: date | None) -> str:
    """A day; of a moment, the one in Sarajevo."""
    return "–" if when is None else _written(when, DAY)


def day_in_words(when: date | None) -> str:
    """A day with its name and its month's."""
    return "–" if when is None else _written(when, DAY_IN_WORDS)


def _written(when: date, patterns: dict[str, str]) -> str:
    language = chosen()
    pattern = patterns.get(language, patterns["bs"])
    # The English of England: plain English has no name for Sarajevo's time.
    locale = "en_GB" if language == "en" else language
    if isinstance(when, datetime):
        return format_datetime(when, pattern, tzinfo=ZONE, locale=locale)
    return format_date(when, pattern, locale=locale)
