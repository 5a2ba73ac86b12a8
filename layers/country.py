"""Bosnia and Herzegovina: the units above the municipalities, by the names and codes of today.

Codes of entities and cantons are those of ISO 3166-2:BA; municipalities have the five digits of the statistical
institutes, whose first digit is the entity.
"""

from __future__ import annotations

from typing import Final, NamedTuple

BOUNDS: Final = (15.72, 42.55, 19.63, 45.28)  # left, bottom, right, top in degrees: where it lies before it is loaded


class Unit(NamedTuple):
    """names: by language where they differ from the name, which is the Bosnian one (and Serbian in Latin letters)."""

    code: str
    name: str
    names: dict[str, str]


def _unit(code: str, bosnian: str, serbian_cyrillic: str, english: str, croatian: str = "") -> Unit:
    names = {"hr": croatian, "sr_Cyrl_BA": serbian_cyrillic, "en": english}
    return Unit(code, bosnian, {language: name for language, name in names.items() if name})


COUNTRY: Final = _unit("BA", "Bosna i Hercegovina", "Босна и Херцеговина", "Bosnia and Herzegovina")
ENTITIES: Final = {
    "1": _unit(
        "BA-BIH",
        "Federacija Bosne i Hercegovine",
        "Федерација Босне и Херцеговине",
        "Federation of Bosnia and Herzegovina",
    ),
    "2": _unit("BA-SRP", "Republika Srpska", "Република Српска", "Republika Srpska"),
    "3": _unit(
        "BA-BRC",
        "Brčko distrikt Bosne i Hercegovine",
        "Брчко дистрикт Босне и Херцеговине",
        "Brčko District of Bosnia and Herzegovina",
    ),
}
ENTITY_WORDS: Final = {
    "fbih": "1",
    "federacija bosne i hercegovine": "1",
    "federacija bih": "1",
    "ba-bih": "1",
    "rs": "2",
    "republika srpska": "2",
    "ba-srp": "2",
    "brčko": "3",
    "brcko": "3",
    "brčko distrikt": "3",
    "brčko distrikt bosne i hercegovine": "3",
    "ba-brc": "3",
}

CANTONS: Final = {
    unit.code: unit
    for unit in (
        _unit("BA-01", "Unsko-sanski kanton", "Унско-сански кантон", "Una-Sana Canton", "Unsko-sanska županija"),
        _unit("BA-02", "Posavski kanton", "Посавски кантон", "Posavina Canton", "Županija Posavska"),
        _unit("BA-03", "Tuzlanski kanton", "Тузлански кантон", "Tuzla Canton", "Tuzlanska županija"),
        _unit(
            "BA-04",
            "Zeničko-dobojski kanton",
            "Зеничко-добојски кантон",
            "Zenica-Doboj Canton",
            "Zeničko-dobojska županija",
        ),
        _unit(
            "BA-05",
            "Bosansko-podrinjski kanton Goražde",
            "Босанско-подрињски кантон Горажде",
            "Bosnian-Podrinje Canton Goražde",
            "Bosansko-podrinjska županija Goražde",
        ),
        _unit(
            "BA-06",
            "Srednjobosanski kanton",
            "Средњобосански кантон",
            "Central Bosnia Canton",
            "Županija Središnja Bosna",
        ),
        _unit(
            "BA-07",
            "Hercegovačko-neretvanski kanton",
            "Херцеговачко-неретвански кантон",
            "Herzegovina-Neretva Canton",
            "Hercegovačko-neretvanska županija",
        ),
        _unit(
            "BA-08",
            "Zapadnohercegovački kanton",
            "Западнохерцеговачки кантон",
            "West Herzegovina Canton",
            "Županija Zapadnohercegovačka",
        ),
        _unit("BA-09", "Kanton Sarajevo", "Кантон Сарајево", "Sarajevo Canton", "Sarajevska županija"),
        _unit("BA-10", "Kanton 10", "Кантон 10", "Canton 10", "Hercegbosanska županija"),
    )
}
# As older maps and tables call them.
OLD_CANTON_NAMES: Final = {
    "tuzlansko-podrinjski": "BA-03",
    "zenicko-dobojski": "BA-04",
    "gornjedrinski": "BA-05",
    "bosansko-podrinjski": "BA-05",
    "srednjebosanski": "BA-06",
    "neretvljanski": "BA-07",
    "zapadnohercegovacki": "BA-08",
    "sarajevo": "BA-09",
    "sarajevski": "BA-09",
    "zapadnobosanski": "BA-10",
    "livanjski": "BA-10",
    "hercegbosanski": "BA-10",
}
# Figures that go round in a published table of the census of 2013: (as printed, as it should read).
MISPRINTS: Final = {"11312": (2027, 11178)}  # Sapna: the first is one settlement of it
DOBOJ_WITHOUT_STANARI: Final = ("20141", "20680", 64112, 7329)
"""The code of each, Doboj's people without Stanari's, and those of Stanari, which left it in 2014."""
CANTON_WORDS: Final = {
    **{name.casefold(): code for code, unit in CANTONS.items() for name in (unit.name, *unit.names.values())},
    **{unit.name.casefold().removesuffix(" kanton"): code for code, unit in CANTONS.items()},
    "bosansko-podrinjski (goražde)": "BA-05",
    **{code.casefold(): code for code in CANTONS},
    **OLD_CANTON_NAMES,
}


class City(NamedTuple):
    code: str
    name: str
    names: dict[str, str]
    members: tuple[str, ...]


# Cities that lie over several municipalities. Adding them to municipalities would count people twice.
CITIES: Final = (
    City(*_unit("GRAD-SA", "Grad Sarajevo", "Град Сарајево", "City of Sarajevo"), ("10839", "10871", "11568", "11584")),
    City(
        *_unit("GRAD-IS", "Grad Istočno Sarajevo", "Град Источно Сарајево", "City of East Sarajevo"),
        ("20176", "20206", "20214", "20443", "20532", "20591"),
    ),
)

# Municipalities that left another: on older maps their land is still the other's.
LEFT: Final = {"Stanari": "20141"}


def entity(said: str) -> Unit | None:
    """The entity that a column or an official municipality code means."""
    word = said.strip().casefold()
    if word in ENTITY_WORDS:
        return ENTITIES[ENTITY_WORDS[word]]
    return ENTITIES.get(word[0]) if len(word) == 5 and word.isdigit() else None


def canton(said: str) -> Unit | None:
    """The canton of today that a column means, by its code, its name or an older one."""
    code = CANTON_WORDS.get(said.strip().casefold())
    return CANTONS[code] if code else None
