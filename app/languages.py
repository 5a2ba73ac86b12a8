"""Bosnian and English: which one a reader gets, and sentences, numbers and times in it.

The catalogues are kept as text (app/translations/<language>/LC_MESSAGES/messages.po) and compiled in memory, so that a
fresh checkout speaks every language without a step in between. The sentences in the code are the English ones.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, Domain, format_datetime, format_decimal, format_percent, get_locale, gettext

LANGUAGES: Final = {"bs": "Bosanski", "en": "English"}
DEFAULT: Final = "bs"
COOKIE: Final = "language"
TIME_ZONE: Final = "Europe/Sarajevo"
CATALOGUES: Final = Path(__file__).parent / "translations"


@lru_cache
def catalogue(language: str) -> NullTranslations:
    """The sentences of a language; those of English are the ones in the code."""
    path = CATALOGUES / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as text:
        write_mo(compiled, read_po(text, locale=language))
    compiled.seek(0)
    return Translations(compiled)


class _FromText(Domain):  # type: ignore[misc]  # Flask-Babel brings no types
    def get_translations(self) -> NullTranslations:
        return catalogue(str(get_locale() or "en"))


class _Languages(Babel):  # type: ignore[misc]
    @cached_property
    def domain_instance(self) -> Domain:
        return _FromText()


def _(text: str, /, **parameters: object) -> str:
    """A sentence of ours in the reader's language, with its %(parameters)s."""
    return str(gettext(text, **parameters))


def init_app(app: Flask) -> None:
    """Let the application's pages speak the reader's language."""
    _Languages().init_app(app, default_locale=DEFAULT, default_timezone=TIME_ZONE, locale_selector=chosen)
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.filters.update(
        whole=whole, decimal=decimal, percent=percent, moment=moment, sentence=sentence, localised=localised
    )
    app.context_processor(lambda: {"language": chosen(), "languages": LANGUAGES})


def chosen() -> str:
    """The language that the reader has chosen, or Bosnian."""
    if not has_request_context():
        return "en"  # commands and logs
    if "language" not in g:
        wanted = request.cookies.get(COOKIE, "")
        g.language = wanted if wanted in LANGUAGES else DEFAULT
    return str(g.language)


def sentence(error: Exception) -> str:
    """An error of one of our packages, or a finding of a layer, in the reader's language."""
    return say(getattr(error, "text", ""), getattr(error, "parameters", {})) or str(error)


def say(text: str, parameters: dict[str, Any] | None = None) -> str:
    """A sentence of the packages below, translated, with its parameters in it."""
    if not text:
        return ""
    # Not gettext's own %-formatting: these sentences carry {names}.
    translated = _plain(text)
    try:
        return translated.format(**(parameters or {}))
    except (KeyError, IndexError, ValueError, AttributeError):
        return translated


def _plain(text: str) -> str:
    return str(catalogue(chosen()).gettext(text)) if has_request_context() else text


def localised(facts: dict[str, Any]) -> str:
    """A finding as it is stored: {"code", "text", "parameters"}."""
    return say(str(facts.get("text", "")), facts.get("parameters") or {}) or str(facts.get("code", ""))


def whole(number: float | None) -> str:
    """A whole number with the locale's separators; – where there is none."""
    return "–" if number is None else str(format_decimal(round(number), format="#,##0"))


def decimal(number: float | None, digits: int = 1) -> str:
    """A number with so many decimals at most."""
    return "–" if number is None else str(format_decimal(number, format="#,##0." + "#" * digits if digits else "#,##0"))


def percent(share: float | None) -> str:
    """A share as per cent with one decimal; less than a tenth is said, not rounded to nothing."""
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "< " + str(format_percent(0.001, format="#,##0.0 %"))
    return str(format_percent(share, format="#,##0.0 %"))


def moment(when: datetime | None) -> str:
    """A moment in Sarajevo's time, with the zone's name."""
    return (
        "–"
        if when is None
        else str(format_datetime(when, "d. M. y. HH:mm z" if chosen() == "bs" else "d MMM y HH:mm z"))
    )


def decimal_sign() -> str:
    """What parts the fraction from the whole in the reader's country."""
    return str(Locale.parse(chosen()).number_symbols["latn"]["decimal"])


def separators() -> dict[str, str]:
    """What the page's script needs to write numbers as the server does."""
    locale = Locale.parse(chosen())
    return {"language": chosen(), "group": locale.number_symbols["latn"]["group"]}
