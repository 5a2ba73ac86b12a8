import re
import string
from datetime import UTC, date, datetime

import numpy as np
import pytest
from flask import Flask, current_app, g
from flask_babel import refresh

from app import languages
from app.errors import PortTaken
from app.languages import CYRILLIC, LANGUAGES, read_catalogue
from foundation.people import Locale, Person
from gis.errors import BadValues, DuplicateCodes, WrongFormat
from layers.field_errors import WrongThreshold
from layers.gauges import DefenceLevel, level_word
from tests.app.words import extracted

# The languages that must be complete at every moment; in the others a new sentence may wait, and is said in Bosnian.
STRICT = frozenset({"bs"})


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


        allowed |= {"Android", "Firefox", "Windows", "iPad", "iPhone"}
