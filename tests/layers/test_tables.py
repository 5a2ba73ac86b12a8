"""Population tables: whose figures they are, what is refused with its row, what is told."""

import json

import pytest
import shapely
from sqlalchemy import select

from gis.errors import (
    BadValues,
    DuplicateCodes,
    EmptyLayer,
    MissingColumns,
    SensitiveColumn,
    UnknownCodes,
    UnknownNames,
    WrongFormat,
    WrongOption,
)
from layers.areas import Area
from layers.catalogue import Kind
from layers.findings import as_text
from layers.people import PeopleFigure, Sex
from layers.tables import folded

NAMES = {"20141": "Doboj", "20575": "Teslić", "20397": "Novi Grad", "10871": "Novi Grad", "30163": "Brčko"}
NAMES |= {"11312": "Sapna"}


def finding(version, code):
    found = [f for f in version.findings if f["code"] == code]
    assert len(found) == 1, [f["code"] for f in version.findings]
    return as_text(found[0])


@pytest.fixture
def table(session, bring):
    """Bring a population table; five municipalities are there."""
    squares = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": name},
            "geometry": shapely.geometry.mapping(shapely.box(18 + i / 100, 44, 18 + (i + 1) / 100, 44.01)),
        }
        for i, (code, name) in enumerate(NAMES.items())
    ]
    bring(json.dumps({"type": "FeatureCollection", "features": squares}).encode(), Kind.MUNICIPALITIES)

    def go(content, **options):
        return bring(content.encode(), Kind.POPULATION_TABLE, options, name="people.csv")

    return go


@pytest.fixture
def figures(session):
    def of(version):
        rows = session.execute(
            select(Area.code, PeopleFigure.sex, PeopleFigure.age_from, PeopleFigure.age_to, PeopleFigure.people)
            .join(Area, Area.id == PeopleFigure.area_id)
            .where(PeopleFigure.version_id == version.id)
        )
        return {(code, sex.value, age_from, age_to): people for code, sex, age_from, age_to, people in rows}

    return of


def test_a_table_by_code_is_kept_as_it_is(table, figures):
    version = table("code,people\n20141,64112\n20575,38536\n")
    assert figures(version) == {("20141", "all", None, None): 64112, ("20575", "all", None, None): 38536}
    assert version.facts["people"] == 64112 + 38536
    assert "Brčko (30163)" in finding(version, "missing_areas")


def test_a_table_with_decimal_commas_is_read(table, figures):
    assert figures(table("sifra;broj\n20141;64112,5\n", columns={"code": "sifra", "people": "broj"})) == {
        ("20141", "all", None, None): 64112.5
    }


def test_a_long_table_by_sex_and_age_is_added_up(table, figures):
    version = table(
        "code,spol,starost,n\n20141,M,0-14,10\n20141,Ž,0-14,20\n20141,M,15-64,30\n20141,Ž,15–64,40\n"
        "20141,M,65+,5\n20141,Ž,65 i više,6\n",
        columns={"sex": "spol", "age": "starost", "people": "n"},
    )
    found = figures(version)
    assert found["20141", "female", 15, 64] == 40
    assert found["20141", "female", 65, None] == 6
    assert found["20141", "all", None, None] == 10 + 20 + 30 + 40 + 5 + 6
    assert len(found) == 7
    assert "1 areas have parts only" in finding(version, "totals_derived")


def test_a_wide_table_says_whom_each_column_counts(table, figures):
    version = table(
        "code,total,f,m,young\n20141,100,60,40,25\n",
        figures={"total": "all", "f": "female", "m": "male", "young": "all 0-14"},
    )
    assert figures(version) == {
        ("20141", "all", None, None): 100,
        ("20141", "female", None, None): 60,
        ("20141", "male", None, None): 40,
        ("20141", "all", 0, 14): 25,
    }


def test_parts_that_do_not_make_the_whole_are_told(table):
    version = table("code,sex,people\n20141,total,100\n20141,f,60\n20141,m,41\n")
    assert "20141: 101 / 100" in finding(version, "parts_differ")


def test_parts_that_leave_ages_out_or_count_them_twice_are_not_added_up(table, figures):
    for ages in (("0-14", "20+"), ("0-14", "10+"), ("0-14", "15-64"), ("5-14", "15+")):
        version = table(f"code,age,people\n20141,{ages[0]},1\n20141,{ages[1]},2\n")
        assert ("20141", "all", None, None) not in figures(version)
        assert "20141" in finding(version, "no_total")


@pytest.mark.parametrize("cell", ["-5", "many", "", "1.2.3", "nan", "inf", "1_000", "27 258"])
def test_what_is_no_number_of_people_is_refused_with_row_and_column(table, cell):
    with pytest.raises(BadValues, match=rf"people.csv has 1 values .*\(row 3, people: {cell or '–'}\)"):
        table(f"code,people\n20141,1\n20575,{cell}\n")


@pytest.mark.parametrize(("sex", "age"), [("x", "0-4"), ("f", "4-0"), ("f", "old")])
def test_a_group_that_means_nothing_is_refused_with_its_row(table, sex, age):
    with pytest.raises(BadValues, match=f"row 2, sex age: {sex} {age}"):
        table(f"code,sex,age,people\n20141,{sex},{age},5\n")


def test_duplicates_are_refused(table):
    with pytest.raises(DuplicateCodes, match=r"20141 \(row 4\)"):
        table("code,people\n20141,1\n20575,1\n20141,2\n")
    with pytest.raises(DuplicateCodes, match=r"20141 female 0-4 \(row 3\)"):
        table("code,sex,age,people\n20141,f,0-4,1\n20141,F,0-4,2\n")


def test_unknown_codes_are_refused_and_listed(table):
    with pytest.raises(UnknownCodes, match=r"99999 \(row 2\), – \(row 4\)"):
        table("code,people\n99999,1\n20141,1\n,1\n")


def test_missing_columns_are_named_with_those_that_exist(table):
    with pytest.raises(MissingColumns, match="lacks people; it has the columns code, total"):
        table("code,total\n20141,1\n")
    with pytest.raises(MissingColumns, match="lacks code / name; it has the columns a, people"):
        table("a,people\n20141,1\n")
    with pytest.raises(MissingColumns, match="lacks b; it has"):
        table("code,a\n20141,1\n", figures={"b": "all"})


def test_names_are_matched_without_marks_and_told(table, figures):
    version = table("name,people\nDOBOJ,1\nTeslic,2\nBrčko,3\n")
    assert {code for code, *_ in figures(version)} == {"20141", "20575", "30163"}
    assert finding(version, "matched_by_name") == "The table has no codes; its rows were matched by name."
    assert "DOBOJ → Doboj (20141), Teslic → Teslić (20575)" in finding(version, "names_differ")


def test_a_name_of_two_areas_or_of_none_is_refused(table):
    with pytest.raises(UnknownNames, match=r"Novi Grad \(row 2, 10871 / 20397\), Atlantis \(row 3\)"):
        table("name,people\nNovi Grad,1\nAtlantis,2\n")


def test_a_crosswalk_tells_names_apart(table, figures):
    rows = [{"was": "Novi Grad (Sarajevo)", "code": "10871"}, {"was": "Bosanski Novi/Novi", "code": "20397"}]
    version = table(
        "name,people\nNovi Grad (Sarajevo),1\nBosanski Novi/Novi,2\n",
        crosswalk={"rows": rows, "columns": {"name": "was"}},
    )
    assert figures(version) == {("10871", "all", None, None): 1, ("20397", "all", None, None): 2}


def test_a_known_misprint_is_kept_and_told_until_it_is_corrected(table, figures):
    version = table("code,people\n11312,2027\n20575,38536\n")
    assert figures(version)["11312", "all", None, None] == 2027
    assert finding(version, "misprint").startswith("11312 has 2027 people here, a known misprint for 11178")
    right = table("code,people\n11312,2027\n", corrections={"11312": "11178"})
    assert "misprint" not in {f["code"] for f in right.findings}


def test_doboj_without_stanari_is_told(table):
    assert "7329 are missing" in finding(table("code,people\n20141,64112\n"), "without_stanari")
    assert "without_stanari" not in {f["code"] for f in table("code,people\n20141,71441\n").findings}


def test_a_known_error_is_corrected_and_told(table, figures):
    version = table("code,people\n20141,2027\n", corrections={"20141": "11178"})
    assert figures(version) == {("20141", "all", None, None): 11178}
    assert "20141: 2027 → 11178" in finding(version, "corrected")
    with pytest.raises(WrongOption, match=r"corrections\.20141 cannot be -1"):
        table("code,people\n20141,2027\n", corrections={"20141": -1})
    with pytest.raises(UnknownCodes):
        table("code,people\n20141,2027\n", corrections={"20575": 5})


def test_a_sum_far_off_the_newest_table_is_told(table):
    table("code,people\n20141,600\n20575,400\n")
    # Of the municipality that both have: 600 before.
    assert "sum_differs" not in [f["code"] for f in table("code,people\n20141,660\n").findings]
    told = finding(table("code,people\n20141,727\n"), "sum_differs")
    assert told.startswith("The table has 727.0 people, 10.2 % off the 660.0 of ")
    told = finding(table("code,people\n20141,728\n20575,400\n", warn_share="0.0001"), "sum_differs")
    assert told.startswith("The table has 1128.0 people, 0.1 % off the 1127.0 of ")


@pytest.mark.parametrize("column", ["Bošnjaci", "srbi", "hrvati", "nacionalnost"])
def test_figures_of_ethnicity_are_refused(table, column):
    with pytest.raises(SensitiveColumn, match="never imported"):
        table(f"code,{column}\n20141,1\n", columns={"people": column})
    with pytest.raises(SensitiveColumn):
        table(f"code,{column}\n20141,1\n", figures={column: "all"})


def test_columns_that_nobody_asked_for_are_not_read(table, figures):
    assert len(figures(table("code,people,Bošnjaci\n20141,1,nonsense\n"))) == 1


@pytest.mark.parametrize("content", ["", "one column\n1\n", "a,a\n1,2\n", "a,\n1,2\n", "PK\x03\x04", "a,b\n\0,1\n"])
def test_what_is_no_table_is_refused(table, content):
    with pytest.raises(WrongFormat):
        table(content)


def test_an_empty_table_is_refused(table):
    with pytest.raises(EmptyLayer):
        table("code,people\n\n")


def test_names_are_compared_without_marks_case_and_punctuation():
    assert folded("Gornji Vakuf/Uskoplje") == folded("GORNJI VAKUF-USKOPLJE") == "gornji vakuf uskoplje"
    assert folded("Đurđevik, Čelić") == "durdevik celic"


def test_every_group_is_one_of_a_sex():
    assert {s.value for s in Sex} == {"all", "female", "male"}


def test_households_are_kept_with_all_people_of_an_area(table, session):
    version = table("code,people,households\n20141,300,100\n20575,90,\n30163,0,0\n")
    rows = session.execute(
        select(Area.code, PeopleFigure.people, PeopleFigure.households)
        .join(Area, Area.id == PeopleFigure.area_id)
        .where(PeopleFigure.version_id == version.id)
    )
    assert {code: (people, households) for code, people, households in rows} == {
        "20141": (300.0, 100.0),
        "20575": (90.0, None),
        "30163": (0.0, 0.0),
    }
    assert version.facts["households"] == 100.0


def test_households_may_stand_in_every_row_of_a_long_table(table, session):
    version = table(
        "code,sex,people,domacinstva\n20141,f,160,100\n20141,m,140,100\n",
        columns={"households": "domacinstva"},
    )
    rows = session.execute(
        select(PeopleFigure.sex, PeopleFigure.people, PeopleFigure.households).where(
            PeopleFigure.version_id == version.id
        )
    )
    assert sorted(tuple(row) for row in rows) == [
        (Sex.ALL, 300.0, 100.0),
        (Sex.FEMALE, 160.0, None),
        (Sex.MALE, 140.0, None),
    ]


@pytest.mark.parametrize("households", ["-1", "301", "14", "many", "inf"])
def test_households_that_cannot_be_those_of_the_people_are_refused_with_their_row(table, households):
    with pytest.raises(BadValues, match="households"):
        table(f"code,people,households\n20141,300,{households}\n")
