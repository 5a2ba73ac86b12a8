"""Bosnia and Herzegovina: the units above the municipalities, by the names and codes of today.

Codes of entities and cantons are those of ISO 3166-2:BA; municipalities have the five digits of the statistical
institutes, whose first digit is the entity.
"""

from __future__ import annotations

from typing import Final, NamedTuple

COUNTRY: Final = ("BA", "Bosna i Hercegovina")
BOUNDS: Final = (15.72, 42.55, 19.63, 45.28)  # left, bottom, right, top in degrees: where it lies before it is loaded


class Unit(NamedTuple):
    code: str
    name: str
    names: dict[str, str]


ENTITIES: Final = {
    "1": Unit("BA-BIH", "Federacija Bosne i Hercegovine", {"en": "Federation of Bosnia and Herzegovina"}),
    "2": Unit("BA-SRP", "Republika Srpska", {"en": "Republika Srpska"}),
    "3": Unit("BA-BRC", "Brčko distrikt Bosne i Hercegovine", {"en": "Brčko District of Bosnia and Herzegovina"}),
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
        Unit("BA-01", "Unsko-sanski kanton", {"en": "Una-Sana Canton"}),
        Unit("BA-02", "Posavski kanton", {"en": "Posavina Canton"}),
        Unit("BA-03", "Tuzlanski kanton", {"en": "Tuzla Canton"}),
        Unit("BA-04", "Zeničko-dobojski kanton", {"en": "Zenica-Doboj Canton"}),
        Unit("BA-05", "Bosansko-podrinjski kanton Goražde", {"en": "Bosnian-Podrinje Canton Goražde"}),
        Unit("BA-06", "Srednjobosanski kanton", {"en": "Central Bosnia Canton"}),
        Unit("BA-07", "Hercegovačko-neretvanski kanton", {"en": "Herzegovina-Neretva Canton"}),
        Unit("BA-08", "Zapadnohercegovački kanton", {"en": "West Herzegovina Canton"}),
        Unit("BA-09", "Kanton Sarajevo", {"en": "Sarajevo Canton"}),
        Unit("BA-10", "Kanton 10", {"en": "Canton 10"}),
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
CANTON_WORDS: Final = {
    **{unit.name.casefold(): code for code, unit in CANTONS.items()},
    **{unit.name.casefold().removesuffix(" kanton"): code for code, unit in CANTONS.items()},
    "bosansko-podrinjski (goražde)": "BA-05",
    **{code.casefold(): code for code in CANTONS},
    **OLD_CANTON_NAMES,
}


class City(NamedTuple):
    code: str
    name: str
    members: tuple[str, ...]


# Cities that lie over several municipalities. Adding them to municipalities would count people twice.
CITIES: Final = (
    City("GRAD-SA", "Grad Sarajevo", ("10839", "10871", "11568", "11584")),
    City("GRAD-IS", "Grad Istočno Sarajevo", ("20176", "20206", "20214", "20443", "20532", "20591")),
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
