"""Files to take away, each opened by another program and held against numbers by hand."""

import csv
import io
import json
import re
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import hxl
import openpyxl
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from app.db import Database
from app.exports.csv_files import BOM, Form, csv_file
from app.exports.geodata import geojson, geopackage
from app.exports.records import Column, Imprint, Kind, Records, file_name, harmless
from app.exports.workbook import workbook
from app.factory import create_app
from app.pages import records as of_pages
from app.pages.records import Maker
from app.pages.view import look
from foundation.spaces import OPERATIONAL_SPACE_ID
from layers.areas import Level, boundaries
from layers.catalogue import Method
from tests.app.builders_map import FLOOD_100, MUNICIPALITIES, close

MADE = datetime(2026, 5, 15, 8, 10, tzinfo=UTC)
COUNTRY = 54_564  # 6412.4 + 1207.5 + 88.2 + 0 + 21884.3 + 9310.6 + 640.1 + 15020.9 = 54564.0
EVIL = '=HYPERLINK("http://evil.example";"Maglaj")'


@pytest.fixture
def away(country):
    """A function: what the page hands to the files, in a language."""
    app = create_app(country.settings)
    database = Database(country.settings, pool_size=1)

    @contextmanager
    def reading(language):
        with (
            app.test_request_context("/op/table?hazard=flood-100", headers={"Cookie": f"language={language}"}),
            database.transaction(OPERATIONAL_SPACE_ID) as session,
        ):
            yield session

    def make(language="en", band=None, pick=lambda rows: rows):
        with reading(language) as session:
            view = look(session)
            rows = pick(view.situation.rows)
            return of_pages.exposure(view, rows, Maker("Amra Hodžić, CZ Maglaj", MADE, band))

    make.reading = reading
    yield make
    database.close()
    close(app)


@pytest.fixture
def shapes(country, away):
    with away.reading("en") as session:
        found = boundaries(session, country.versions["Općine"].id, Level.MUNICIPALITY)
        return dict(zip(found.codes, found.geometry, strict=True))


def csv_rows(content, delimiter=","):
    return list(csv.DictReader(io.StringIO(content.decode()), delimiter=delimiter))


def some_records(*texts, marks=(), band=None):
    """Records of one column of text."""
    return Records(
        imprint=Imprint(
            "Title",
            (),
            MADE,
            "15 May",
            "Author",
            marks,
            ("illustrative",) if marks else (),
            band,
            "EXERCISE" if band else "",
        ),
        columns=(Column("name", "name"), Column("people", "people", Kind.WHOLE)),
        rows=tuple((text, 1) for text in texts),
    )


# --- text that would be a formula ------------------------------------------------------------------------------------

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =1",
    '"=1',
    "'=1",
    "“=1",
    "＝1+1",
    "\u200b=1",
    "\ufeff=1",
]


@pytest.mark.parametrize("text", [*FORMULAS, "a;=cmd|'/C calc'!A0", "a,=1", "a\n=1", 'a, "=1'])
def test_text_that_looks_like_a_formula_is_harmless_however_a_spreadsheet_splits_it(text):
    content = csv_file(some_records(text), Form.PROGRAMS).decode()
    for delimiter in ",;\t":
        for cells in csv.reader(io.StringIO(content), delimiter=delimiter):
            for cell in cells:
                assert not re.match(r"[\s\"'“„«»]*[=+\-@＝＋－＠]", cell) or cell.startswith("'"), (delimiter, cell)


@given(st.text(max_size=40))
def test_nothing_that_can_be_typed_begins_a_cell_like_a_formula(text):
    safe = harmless(text)
    assert safe[:1] not in tuple("=+-@\t\r\n＝＋－＠")
    assert harmless(safe).replace("'", "") == safe.replace("'", "")


@pytest.mark.parametrize(
    "text", ["Doboj-Istok", "Široki Brijeg", "1–2 m", "≥ 2 m", "Ministry, sector 4", "", "O'Brien"]
)
def test_ordinary_names_stay_as_they_are(text):
    assert harmless(text) == text


def test_a_formula_in_a_name_is_text_in_the_workbook():
    book = openpyxl.load_workbook(io.BytesIO(workbook_of(some_records(*FORMULAS))))
    sheet = book.worksheets[0]
    cells = [c for row in sheet.iter_rows() for c in row if c.value is not None]
    assert {c.data_type for c in cells if isinstance(c.value, str)} == {"s"}
    assert [c.value for c in cells if str(c.value).startswith(tuple("=+-@"))] == []


def workbook_of(records):
    from flask import Flask

    from app import languages

    app = Flask("app")
    languages.init_app(app)
    with app.test_request_context("/", headers={"Cookie": "language=en"}):
        return workbook(records)


# --- CSV -------------------------------------------------------------------------------------------------------------


def test_the_csv_for_programs_holds_every_row_with_whole_and_unrounded_numbers(away):
    content = csv_file(away(), Form.PROGRAMS)
    assert not content.startswith(BOM.encode())
    rows = {row["code"]: row for row in csv_rows(content)}
    assert len(rows) == 9
    assert rows["11053"]["exposed"] == "6412"
    assert rows["11053"]["exposed, unrounded"] == "6412.400"
    assert rows["11053"]["share (0–1)"] == f"{6412.4 / 23146.4:.6f}"
    assert sum(int(row["exposed"] or 0) for row in rows.values()) == COUNTRY
    exact = sum(float(row["exposed, unrounded"] or 0) for row in rows.values())
    assert exact == pytest.approx(sum(exposed for exposed, _ in FLOOD_100.values()))


def test_what_is_not_modelled_is_empty_and_said_in_words(away):
    rows = {row["code"]: row for row in csv_rows(csv_file(away(), Form.PROGRAMS))}
    olovo = rows["10847"]
    assert olovo["state"] == "NOT MODELLED"
    assert olovo["exposed"] == olovo["exposed, unrounded"] == olovo["share (0–1)"] == ""
    assert olovo["not modelled (people)"] == "10175"
    assert rows["11428"]["exposed"] == "0"
    assert rows["11428"]["state"] == "modelled"


@pytest.mark.parametrize("language", ["bs"])
def test_the_csv_for_excel_has_the_signs_of_the_readers_country(away, language):
    content = csv_file(away(language), Form.SPREADSHEET, ",")
    assert content.startswith(BOM.encode())
    lines = content.decode("utf-8-sig").split("\r\n")
    header = next(i for i, line in enumerate(lines) if line.count(";") > 5)
    rows = list(csv.DictReader(lines[header:], delimiter=";"))
    maglaj = next(row for row in rows if "Maglaj" in row.values())
    assert "6412,400" in maglaj.values()
    assert not [line for line in lines[header + 1 :] if re.search(r";\d+\.\d", line)]


def test_the_marks_stand_first_in_the_csv_for_excel_and_in_every_row_of_all(away, change, country):
    change(lambda s: setattr(s.merge(country.versions["Stanovništvo"]), "method", Method.ILLUSTRATIVE))
    records = away(band="EXERCISE · Sava 2026")
    first, second = csv_file(records, Form.SPREADSHEET).decode("utf-8-sig").split("\r\n")[:2]
    assert first == '"EXERCISE · Sava 2026"'
    assert second == '"Illustrative data, not for operations"'
    for row in csv_rows(csv_file(records, Form.PROGRAMS)):
        assert row["mark"] == "Illustrative data, not for operations"
        assert row["exercise"] == "EXERCISE · Sava 2026"


def test_an_estimate_is_marked_too(away, change, country):
    change(lambda s: setattr(s.merge(country.versions["Poplava 1/100"]), "method", Method.ESTIMATED))
    rows = csv_rows(csv_file(away(), Form.PROGRAMS))
    assert {row["mark"] for row in rows} == {"Estimated data: figures are approximate"}
    assert {row["method"] for row in rows} == {"estimated", ""}


@pytest.mark.parametrize("language", ["en", "bs"])
def test_libhxl_reads_and_accepts_the_csv_with_hxl_tags(away, language):
    content = csv_file(away(language), Form.HXL)
    source = hxl.data(io.BytesIO(content), hxl.InputOptions(allow_local=True))
    assert {"#adm3+code", "#adm3+name", "#event", "#population", "#affected+ind", "#status"} <= set(source.display_tags)
    rows = list(source)
    assert len(rows) == 9
    maglaj = next(row for row in rows if row.get("#adm3+code") == "11053")
    assert maglaj.get("#affected+ind-class1-unrounded") == "6412"
    errors = []
    assert hxl.schema(None, callback=errors.append).validate(
        hxl.data(io.BytesIO(content), hxl.InputOptions(allow_local=True))
    ), [str(e) for e in errors]


# --- the workbook ----------------------------------------------------------------------------------------------------


@pytest.fixture
def book(away):
    def open_(language="en", **options):
        with away.reading(language):
            return workbook(away(language, **options))

    return open_


def header_row(sheet, word):
    return next(row for row in sheet.iter_rows() if any(cell.value == word for cell in row))


def test_the_workbook_has_the_table_totals_sources_and_methods(book):
    found = openpyxl.load_workbook(io.BytesIO(book()), data_only=True)
    assert found.sheetnames == ["Table", "Totals", "Sources", "Methods"]
    sheet = found["Table"]
    header = header_row(sheet, "exposed")
    column = {cell.value: cell.column for cell in header if cell.value}
    top = header[0].row
    rows = {sheet.cell(r, 1).value: r for r in range(top + 1, top + 10)}
    assert sheet.cell(rows["11053"], column["exposed"]).value == 6412
    assert sheet.cell(rows["11053"], column["exposed"]).number_format == "#,##0"
    assert sheet.cell(rows["10847"], column["exposed"]).value is None
    assert sheet.cell(rows["10847"], column["state"]).value == "NOT MODELLED"
    assert sheet.cell(top + 10, column["exposed"]).value == COUNTRY
    assert sheet.freeze_panes == f"C{top + 1}"
    assert sheet.auto_filter.ref.startswith(f"A{top}:")
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert sheet.print_title_rows == f"${top}:${top}"
    words = [cell.value for row in found["Sources"].iter_rows() for cell in row]
    assert {"Poplava 1/100", "Stanovništvo", "Općine", "CC BY 4.0", "Agencia za vode"} - set(words) == {
        "Agencia za vode"
    }
    methods = " ".join(str(cell.value) for row in found["Methods"].iter_rows() for cell in row)
    assert "water from 0.3 m deep" in methods
    assert "landslides" in methods


def test_the_sum_on_the_sheet_is_a_formula_over_exactly_its_rows(book):
    sheet = openpyxl.load_workbook(io.BytesIO(book()))["Table"]
    header = header_row(sheet, "exposed")
    cell = next(c for c in header if c.value == "exposed")
    letter, top = cell.column_letter, cell.row
    assert sheet.cell(top + 10, cell.column).value == f"=SUBTOTAL(109,{letter}{top + 1}:{letter}{top + 9})"
    assert sum(sheet.cell(r, cell.column).value or 0 for r in range(top + 1, top + 10)) == COUNTRY


def test_totals_by_entity_on_their_sheet_add_up(book):
    sheet = openpyxl.load_workbook(io.BytesIO(book()))["Totals"]
    header = header_row(sheet, "Entity")
    exposed = next(c.column for c in header if c.value == "exposed")
    people = next(c.column for c in header if c.value == "people")
    rows = range(header[0].row + 1, header[0].row + 4)
    assert sum(sheet.cell(r, exposed).value for r in rows) == COUNTRY
    assert sum(sheet.cell(r, people).value for r in rows) == round(sum(m[5] for m in MUNICIPALITIES))


def test_the_marks_are_on_every_sheet_and_on_every_printed_page(book, change, country):
    change(lambda s: setattr(s.merge(country.versions["Općine"]), "method", Method.ILLUSTRATIVE))
    content = book(band="EXERCISE · Sava 2026")
    found = openpyxl.load_workbook(io.BytesIO(content))
    for sheet in found.worksheets:
        assert sheet["A1"].value == "EXERCISE · Sava 2026"
        assert sheet["A2"].value == "Illustrative data, not for operations"
        assert "EXERCISE" in sheet.oddHeader.left.text
        assert "&P" in sheet.oddFooter.right.text
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        for name in parts.namelist():
            etree.fromstring(parts.read(name))


def test_the_workbook_speaks_the_readers_language(book):
    assert openpyxl.load_workbook(io.BytesIO(book("bs"))).sheetnames == ["Tabela", "Zbirovi", "Izvori", "Metode"]


# --- with shapes -----------------------------------------------------------------------------------------------------


def test_geojson_is_as_rfc_7946_wants_it(away, shapes):
    found = json.loads(geojson(away(), shapes))
    assert found["type"] == "FeatureCollection"
    assert "crs" not in found
    assert found["bbox"] == [17.0, 44.0, 18.2, 44.9]
    assert len(found["features"]) == 9
    maglaj = next(f for f in found["features"] if f["id"] == "11053")
    ring = maglaj["geometry"]["coordinates"][0]
    if maglaj["geometry"]["type"] == "MultiPolygon":
        ring = ring[0]
    assert shapely.LinearRing(ring).is_ccw
    assert maglaj["bbox"] == [17.3, 44.3, 17.6, 44.6]
    assert maglaj["properties"]["exposed"] == 6412
    assert maglaj["properties"]["exposed_unrounded"] == 6412.4
    olovo = next(f for f in found["features"] if f["id"] == "10847")["properties"]
    assert olovo["exposed"] is None
    assert olovo["state"] == "NOT MODELLED"
    assert found["about"]["author"] == "Amra Hodžić, CZ Maglaj"


def test_geojson_has_no_more_digits_than_it_means_and_holes_run_the_other_way(away):
    hole = shapely.Polygon(
        shapely.box(17.123456789, 44.0, 18.0, 45.0).exterior.coords,
        [shapely.box(17.4, 44.4, 17.6, 44.6).exterior.coords[::-1]],
    )
    found = json.loads(geojson(away(), {"11053": hole}))
    maglaj = next(f for f in found["features"] if f["id"] == "11053")
    outer, inner = maglaj["geometry"]["coordinates"]
    assert shapely.LinearRing(outer).is_ccw
    assert not shapely.LinearRing(inner).is_ccw
    assert [17.12346, 44.0] in outer
    assert next(f for f in found["features"] if f["id"] == "20141")["geometry"] is None


def test_gdal_opens_the_geojson(away, shapes, tmp_path):
    path = tmp_path / "a.geojson"
    path.write_bytes(geojson(away(), shapes))
    frame = pyogrio.read_dataframe(path)
    assert len(frame) == 9
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry.is_valid.all()


def test_the_geopackage_has_the_table_its_sources_and_what_it_is_about(away, shapes, tmp_path, change, country):
    change(lambda s: setattr(s.merge(country.versions["Općine"]), "method", Method.ILLUSTRATIVE))
    path = tmp_path / "a.gpkg"
    path.write_bytes(geopackage(away(band="EXERCISE · Sava 2026"), shapes))
    assert {str(name) for name, _ in pyogrio.list_layers(path)} == {"exposure", "sources", "about"}
    frame = pyogrio.read_dataframe(path, layer="exposure").set_index("code")
    assert frame.loc["11053", "exposed"] == 6412
    assert frame.loc["11053", "exposed_unrounded"] == 6412.4
    assert frame.loc["10847", "state"] == "NOT MODELLED"
    assert frame["exposed"].isna().sum() == 1
    assert frame["exposed"].sum() == COUNTRY
    assert frame.loc["11053"].geometry.equals(shapes["11053"])
    assert set(frame["mark"]) == {"Illustrative data, not for operations"}
    assert set(frame["exercise"]) == {"EXERCISE · Sava 2026"}
    info = pyogrio.read_info(path, layer="exposure")
    assert info["geometry_type"] == "MultiPolygon"
    assert "Illustrative data" in info["layer_metadata"]["DESCRIPTION"]
    assert "EXERCISE" in info["layer_metadata"]["DESCRIPTION"]
    sources = pyogrio.read_dataframe(path, layer="sources")
    assert set(sources["licence"]) == {"CC BY 4.0"}


def test_a_municipality_without_a_boundary_keeps_its_row(away, shapes, tmp_path):
    path = tmp_path / "a.gpkg"
    path.write_bytes(geopackage(away(), {k: v for k, v in shapes.items() if k != "10847"}))
    frame = pyogrio.read_dataframe(path, layer="exposure").set_index("code")
    assert frame.loc["10847"].geometry is None
    assert len(frame) == 9


# --- names -----------------------------------------------------------------------------------------------------------


def test_a_files_name_is_plain_and_carries_its_marks():
    imprint = some_records(marks=("Ilustrativni podaci",), band="VJEŽBA").imprint
    imprint = replace(imprint, mark_words=("ilustrativno",), band_word="VJEŽBA")
    assert (
        file_name(["Izloženo stanovništvo", "Poplava 1/100"], imprint, "xlsx")
        == "spremnost-izlozeno-stanovnistvo-poplava-1-100-VJEZBA-ilustrativno.xlsx"
    )
    assert (
        file_name(["Изложено становништво"], replace(imprint, mark_words=(), band_word=""), "csv")
        == "spremnost-izlozeno-stanovnistvo.csv"
    )
    assert re.fullmatch(
        r"[\w.-]+", file_name(["../../etc/passwd\r\nSet-Cookie: x", "a" * 500], imprint, "csv"), re.ASCII
    )
