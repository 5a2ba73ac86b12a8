"""Serbian in Cyrillic letters from Serbian in Latin ones: sentences of the catalogue, and names of places.

Every letter has one counterpart, lj, nj and dž have one together. What is not Serbian stays as it is: what a sentence
leaves open ({name}, %(name)s), tags, addresses, commands, names of files and formats, units, Roman numbers, and every
word with a letter that Serbian does not have. Endings are written on: PDF-a becomes PDF-а.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

PAIRS: Final = {"lj": "љ", "nj": "њ", "dž": "џ"}
LETTERS: Final = dict(zip("abvgdđežzijklmnoprstćufhcčš", "абвгдђежзијклмнопрстћуфхцчш", strict=True))

# Where the two letters belong to two syllables, the hyphen between them; ^ only at the beginning of a word (kanjon is
# not an-jon).
APART: Final = (
    *("in-jek", "kon-jug", "kon-junk", "kon-jekt", "^in-jur", "van-jez", "tan-jug", "ben-jamin", "^an-jon"),
    *("nad-živ", "nad-žanj", "nad-žnj", "nad-žup", "od-žal", "od-živ", "od-žval", "od-žvak", "od-žubor"),
    *("pod-žanr", "pod-žarg", "pod-žig", "pod-žup", "pod-žep", "pred-živ"),
)

# Formats, standards, programs and bodies that are written in Latin letters in Cyrillic text too.
LATIN: Final = """
    API ASCII BHMAC BNPB CA CAP CBRN CCCM COG CRS CSV DEM DNS DOI DTM DXF EDXL EFFIS EMS ENDEX EPSG ERCC ESA FEMA
    FIRMS FWI GDAL GIS GML GPKG GPS GPX HAND HSEEP HTML HTTP HTTPS HXL ICS ID IFRC INFORM IOM IP ISO JPEG JPG JRC
    JSON KML KMZ LAN MGRS MODIS MSEL NASA NFI NTU OAPIF OCHA ODS OGC OGR OIDC OSM PDF PIN PNG QGIS QR REST RSS SHA SHP
    SMS SMTP SQL SRID SSL STARTEX SVG TIFF TLS TOTP TSV UCPM UNDP UNHCR UNICEF URL USB UTC UTF UTM UUID VIIRS VPN
    WASH WFS WGS WHO WKB WKT WMS WMTS XML ZIP GeoJSON GeoTIFF GeoPackage FlatGeobuf Shapefile PostgreSQL PostGIS
    MapLibre MeteoAlarm OpenID OpenStreetMap WebGL WorldPop Copernicus Sphere InaSAFE Leaflet Excel Docker Debian
    Ubuntu Linux Chromium Chrome Firefox Safari Edge Android Python GloFAS Dartmouth SimCell Storz Enter Ctrl Shift
    Alt Esc Tab ALTER ROLE TMPDIR Atom Common Alerting Protocol Authorization Bearer Idempotency Certificate
    Certification Trust Trusted Root Authorities Settings Device Management inject nodata female male hull
    settlement info true false
"""
LATIN_WORDS: Final = frozenset(LATIN.split())
ENDINGS: Final = (
    "csv tsv json geojson gpkg tif tiff pdf png jpg jpeg svg zip txt html xml kml gpx ods doc shp fgb py po toml crt"
)
COMMANDS: Final = "backup demo exposure jobs layers people restore serve status upgrade validate worker words database"
# With a letter of their own, and those that are no word: safe anywhere. The others only behind a number.
UNITS: Final = (
    r"m³/h|m³/s|m3/h|m³|m²|m3|m2|km²|km2|km/h|l/m²|L/min|l/min|l/s|mm/h|mg/l|kWh|kVA|kW|kg/m²|µm|km|cm|mm|kg|"
    r"kB|MB|GB|TB|GiB|MiB|°C|dB|Hz"
)
UNITS_BEHIND_A_NUMBER: Final = r"min|ha|bar|px|m|g|t|L|l|h|s|V|W"
HOLE: Final = r"%\(\w+\)[sdifg]|\{[^{}]*\}"

_KEPT: Final = re.compile(
    rf"""
      (?:{HOLE}|\d)[\s\u00a0\u202f]?(?:{UNITS}|{UNITS_BEHIND_A_NUMBER})(?![\w-])   # 480 cm, {{depth}} m
    | {HOLE}                                                                      # what a sentence leaves open
    | %[sd](?!\w)
    | </?[a-zA-Z][^<>]*> | &(?:\w+|\#\d+);                                        # tags and entities
    | `[^`]*`                                                                     # code
    | \w+://[^\s<>"»”)]+ | www\.[^\s<>"»”)]+                                      # addresses
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
    | (?<![\w/])(?:[a-z0-9-]+\.)+(?:ba|com|org|net|eu|int|gov|hr|rs)(?![\w-])
    | (?<![\w-])(?:[eE]-mail|hot\swash|NO-DUFF)(?![\w])
    | (?<!\w)script/[\w-]+ | (?<!\w)/[\w-]+(?:/[\w.-]+)+                          # commands and paths
    | (?<!\w)spremnost\s(?:{"|".join(COMMANDS.split())})(?:\s(?:count|import|list|remove|show))?(?!\w)
    | (?:(?<=[\s(])|^)--?[a-z][\w-]*(?=[\s,.;:)=]|$)
    | doi:[^\s)]+ | (?<![\w-])[a-z]+(?:-[a-z]+)+-\d+(?!\w)                          # codes
    | \w*[^\W_]_\w+(?:=\w+)? | postgresql-[\w{{}}-]+                              # effis_fwi, SPREMNOST_DEMO=on
    | [\w*…-]+(?:\.[\w-]+)*\.(?:{"|".join(ENDINGS.split())})(?!\w)                # names of files
    | (?<!\w)\.(?:{"|".join(ENDINGS.split())})(?!\w)
    | (?<![\w-])(?:X{{1,3}}(?:IX|IV|V?I{{0,3}})|IX|IV|VI{{1,3}}|I{{2,3}})(?!\w)   # Roman numbers
    | (?<![\w/])(?:{UNITS})(?![\w-]) | (?<![\w/])(?:[lLg]|kcal)(?=/\w)             # units
    | (?<=\()(?:{UNITS_BEHIND_A_NUMBER})(?=[);,])
    """,
    re.VERBOSE,
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_APART: Final = tuple(re.compile(re.sub("-(.*)", r"(?=\1)", word), re.IGNORECASE) for word in APART)


@lru_cache(maxsize=20_000)
def cyrillic(text: str) -> str:
    """The Serbian text in Cyrillic letters."""
    found, at = [], 0
    for kept in _KEPT.finditer(text):
        found += [_WORD.sub(_word, text[at : kept.start()]), kept.group()]
        at = kept.end()
    return "".join([*found, _WORD.sub(_word, text[at:])])


def _word(match: re.Match[str]) -> str:
    word = match.group()
    if word in LATIN_WORDS or not set(word.lower()) <= set(LETTERS):
        return word
    apart = {found.end() - 1 for pattern in _APART for found in pattern.finditer(word)}
    result, at = "", 0
    while at < len(word):
        letters = word[at : at + 2]
        if letters.lower() not in PAIRS or at in apart:
            letters = word[at]
        letter = PAIRS.get(letters.lower()) or LETTERS[letters.lower()]
        result += letter.upper() if letters[0].isupper() else letter
        at += len(letters)
    return result
