"""Serbian in Cyrillic letters: sentences written by hand on both sides."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.languages import CYRILLIC, LATIN, catalogue, read_catalogue
from app.transliteration import LATIN_WORDS, cyrillic

SENTENCES = {
    # letters and pairs of letters
    "Ljubazni fenjerdžija čađavog lica hoće da mi pokaže štos.": (
        "Љубазни фењерџија чађавог лица хоће да ми покаже штос."
    ),
    "LJUBINJE, NJEGOŠ, DŽEP; Ljubinje, Njegoš, Džep": "ЉУБИЊЕ, ЊЕГОШ, ЏЕП; Љубиње, Његош, Џеп",
    "ZEMLJOTRES I POŽAR": "ЗЕМЉОТРЕС И ПОЖАР",
    "Đurđevik, Hadžići, Odžak, Bijeljina": "Ђурђевик, Хаџићи, Оџак, Бијељина",
    "ponedjeljak, odjeljenje, djeca": "понедјељак, одјељење, дјеца",
    # two letters that are two sounds
    "Injekcija i konjunkcija, Tanjug": "Инјекција и конјункција, Танјуг",
    "INJEKCIJA, nadživjeti, odživjeti, podžupan": "ИНЈЕКЦИЈА, надживјети, одживјети, поджупан",
    "Podžeplje nije u kanjonu.": "Поджепље није у кањону.",
    "Benjamin se sanja.": "Бенјамин се сања.",
    # what a sentence leaves open
    "%(people)s ljudi napustilo bi domove prema: %(source)s.": "%(people)s људи напустило би домове према: %(source)s.",
    "{layer} je u stanju {state} i ne može postati {wanted}.": "{layer} је у стању {state} и не може постати {wanted}.",
    "{file} ima {cells} ćelija dubljih od {limit:g} m.": "{file} има {cells} ћелија дубљих од {limit:g} m.",
    "{name}-om i {name}ov": "{name}-ом и {name}ов",
    "Pritisnite <kbd>Enter</kbd>&nbsp;za kraj.": "Притисните <kbd>Enter</kbd>&nbsp;за крај.",
    # formats, standards, programs; their endings are ours
    "Sačuvaj kao CSV, PDF ili XLSX": "Сачувај као CSV, PDF или XLSX",
    "iz PDF-a, sa PostGIS-om, u GeoJSON-u": "из PDF-а, са PostGIS-ом, у GeoJSON-у",
    "Opasnost od požara (FWI, EFFIS)": "Опасност од пожара (FWI, EFFIS)",
    "Otisak SHA-256, kod UTF-8, EPSG:4326, CAP 1.2": "Отисак SHA-256, код UTF-8, EPSG:4326, CAP 1.2",
    "Preglednik bez WebGL-a; QR kod, TOTP, API": "Прегледник без WebGL-а; QR код, TOTP, API",
    "čitana je kao Windows-1250": "читана је као Windows-1250",
    # bodies of this country are written in its letters
    "MTS, FBiH, BiH, RS, RUCZ, GSS": "МТС, ФБиХ, БиХ, РС, РУЦЗ, ГСС",
    "Spremnost – spremnost opštine": "Спремност – спремност општине",
    # units
    "480 cm, 3,5 m² po osobi, 1.000 m³/h, 30 kW": "480 cm, 3,5 m² по особи, 1.000 m³/h, 30 kW",
    "voda duboka %(value)s m i više": "вода дубока %(value)s m и више",
    "vidio prije %(seconds)s s, s vrha": "видио прије %(seconds)s s, с врха",
    "l/lice/dan, g/lice/mjesec, kg/sedmica, mg/l, l/s": "l/лице/дан, g/лице/мјесец, kg/седмица, mg/l, l/s",
    "Dubina (m), kapacitet (m³/h), površina (km²)": "Дубина (m), капацитет (m³/h), површина (km²)",
    "najmanje 12 min, min. 2 sata": "најмање 12 min, мин. 2 сата",
    "povratni period 100 god.": "повратни период 100 год.",
    # commands, addresses, files
    "pokrenite script/bootstrap ili postavite SPREMNOST_DATABASE_URL": (
        "покрените script/bootstrap или поставите SPREMNOST_DATABASE_URL"
    ),
    "Pokrenite sa SPREMNOST_DEMO=on da vidite": "Покрените са SPREMNOST_DEMO=on да видите",
    "instalirajte postgresql-{version}-postgis-3.": "инсталирајте postgresql-{version}-postgis-3.",
    "pokrenite spremnost layers sweep, pa dalje": "покрените spremnost layers sweep, па даље",
    "navedite je s gdal_edit.py -a_nodata {value} ili ispravite ćelije": (
        "наведите је с gdal_edit.py -a_nodata {value} или исправите ћелије"
    ),
    "prepišite je: gdal_translate -of COG.": "препишите је: gdal_translate -of COG.",
    "Pišite na pomoc@primjer.ba ili otvorite https://primjer.ba/pomoc": (
        "Пишите на pomoc@primjer.ba или отворите https://primjer.ba/pomoc"
    ),
    "datoteke .xlsx i primjer.csv": "датотеке .xlsx и primjer.csv",
    "kao inform-bih-2025 (doi:10.2760/094023)": "као inform-bih-2025 (doi:10.2760/094023)",
    "Priključak {port} na {host} nije slobodan.": "Прикључак {port} на {host} није слободан.",
    # numbers, and what only looks like one
    "II stepen, XIV vijek, redovna i vanredna odbrana": "II степен, XIV вијек, редовна и ванредна одбрана",
    "REDOVNA I VANREDNA ODBRANA": "РЕДОВНА И ВАНРЕДНА ОДБРАНА",
    "1-u-100, i/ili": "1-у-100, и/или",
    # words that are not ours
    "x (istok), y (sjever)": "x (исток), y (сјевер)",
    "dopunska pretpostavka (inject)": "допунска претпоставка (inject)",
    "e-mail adresa": "e-mail адреса",
    "Doktor Wagner iz Zürich": "Доктор Wagner из Zürich",
    "Već na ћирилици": "Већ на ћирилици",
}


@pytest.mark.parametrize(("latin", "written"), SENTENCES.items())
def test_a_sentence_is_written_as_by_hand(latin, written):
    assert cyrillic(latin) == written


@given(st.text(alphabet="абвгдђежзијклљмнњопрстћуфхцчџш АБВГДЂЖЈЉЊЏ.,–0123"))
def test_what_is_cyrillic_already_stays(text):
    assert cyrillic(text) == text


def in_both_letters():
    """(English, Serbian in Latin letters, the same in Cyrillic) of every sentence, without what it leaves open."""
    said = catalogue(CYRILLIC)
    for message in read_catalogue(LATIN):
        if message.id:
            originals = message.id if isinstance(message.id, tuple) else (message.id,)
            forms = message.string if isinstance(message.string, tuple) else (message.string,)
            written = said.ngettext(*originals, 5) if len(originals) == 2 else said.gettext(originals[0])
            yield tuple(HOLE.sub("", " ".join(text)) for text in (originals, forms, (written,)))


HOLE = re.compile(r"%\(\w+\)s|\{[^{}]*\}|<[^<>]+>")
CODE = re.compile(
    r"\S+@[\w.]+|doi:\S+|\w+-\w+-\d+|\w+\.crt|[eE]-mail|spremnost(?: [a-z]+)+"
    r"|\w*_\w+(\.py|=on)?|script/\w+|(?<!\w)--?[a-z]\w*|postgresql-[\w-]+|-postgis\b"
)
UNITS = {"m", "km", "cm", "mm", "kg", "s", "kB", "MB", "GB", "GiB", "h", "min", "g", "mg", "kcal", "L", "l", "kW"}
# Words seen to stay in Latin letters, and right so.
STAY = {"BYPASSRLS", "zip"}
# Words that are the same in English and in Serbian, and are Serbian.
SAME_WORDS = """
    Brčko Demo Disk Doboj Format Model Port Program Republika Spremnost Srpska Stanari Status administrator
    datum folder me minus model partner period plan plus program raster server standard test to token
"""


def test_only_known_words_of_the_catalogue_stay_latin():
    left = {
        word
        for _english, _latin, written in in_both_letters()
        for word in re.findall(r"[A-Za-zČĆŽŠĐčćžšđ]+", CODE.sub("", written))
        if not re.search("[qwxyQWXY]", word)
    }
    assert left - LATIN_WORDS - UNITS - STAY == set()


def test_no_foreign_word_of_the_catalogue_is_written_in_cyrillic_letters():
    """A word that stands in the English sentence and in the Serbian one is a name or a command, or was looked at."""
    common = set()
    for english, latin, written in in_both_letters():
        words = [set(re.findall(r"[^\W\d_]{2,}", text)) for text in (english, latin, written)]
        common |= (words[0] & words[1]) - words[2]
    assert common - set(SAME_WORDS.split()) == set()
