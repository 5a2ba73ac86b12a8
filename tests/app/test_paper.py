"""Maps, tables and cards on paper: opened by another program, measured with a ruler of one's own."""

import io
import re
from datetime import UTC, datetime

import pytest
import shapely
from lxml import etree
from pypdf import PdfReader

from app.exports import paper
from app.exports.drawing import Frame, Name, labels, mercator
from app.exports.paper import SIZES, pdf
from app.factory import create_app
from layers.catalogue import Method
from tests.app.builders_map import a_hazard, close
from tests.app.builders_people import signed_in

pytestmark = pytest.mark.slow

MADE = datetime(2026, 5, 15, 8, 10, tzinfo=UTC)
BIH = (15.72, 42.55, 19.63, 45.28)
POINT = 25.4 / 72


def pages_of(answer):
    assert answer.status_code == 200, answer.text
    assert answer.data.startswith(b"%PDF-")
    return PdfReader(io.BytesIO(answer.data)).pages


def size_mm(page):
    return round(float(page.mediabox.width) * POINT), round(float(page.mediabox.height) * POINT)


# --- what is measured on a map ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latitude", "degree_m"),
    # The length of a degree of longitude on the WGS 84 ellipsoid, as tables of geodesy give it.
    [(0.0, 111_319.5), (45.0, 78_846.8), (44.0, 80_200.0)],
)
def test_the_scale_bar_is_true_at_the_maps_latitude(latitude, degree_m):
    box = mercator((17.0, latitude - 0.5, 18.0, latitude + 0.5))
    frame = Frame.around(box, 190, 150)
    assert frame.latitude == pytest.approx(latitude, abs=0.01)
    x0, _ = frame.place(box[0], box[1])
    x1, _ = frame.place(box[2], box[1])
    assert frame.ground_m_per_mm == pytest.approx(degree_m / (x1 - x0), rel=3e-4)
    assert frame.bar.mm * frame.ground_m_per_mm == pytest.approx(frame.bar.metres)


def test_the_scale_bar_has_a_round_length_that_fits():
    for height in (0.01, 0.1, 1.0, 2.73):
        bar = Frame.around(mercator((17.0, 44.0, 17.0 + height, 44.0 + height)), 86, 78).bar
        assert re.fullmatch(r"[125]0*\.0", f"{bar.metres:.1f}")
        assert 86 * 0.1 < bar.mm <= 86 * 0.3 + 1e-9


def test_a_frame_shows_all_of_the_box_and_keeps_its_paper():
    box = mercator(BIH)
    frame = Frame.around(box, 201, 135)
    assert frame.left < box[0] < box[2] < frame.right
    assert frame.bottom < box[1] < box[3] < frame.top
    assert (frame.right - frame.left) / (frame.top - frame.bottom) == pytest.approx(201 / 135)
    assert frame.place(frame.left, frame.top) == (0, 0)
    assert frame.place(frame.right, frame.bottom) == pytest.approx((201, 135))


def test_the_scale_of_a_national_map_is_what_a_ruler_gives():
    # 3.91 degrees of longitude at 43.9° N are about 3.91 * 80,330 m = 314 km.
    frame = Frame.around(mercator(BIH), 201, 1000)
    wide_mm = (mercator(BIH)[2] - mercator(BIH)[0]) / frame.per_mm
    assert frame.scale == pytest.approx(314_100_000 / wide_mm, rel=0.01)


def test_what_lies_outside_the_frame_is_cut():
    frame = Frame(0, 0, 100, 100, 100, 100)
    assert frame.path(shapely.box(-50, 40, 50, 60)) == "M0.00 60.00L0.00 40.00L50.00 40.00L50.00 60.00Z"
    assert frame.path(shapely.box(200, 200, 300, 300)) == ""
    assert frame.path(shapely.LineString([(10, 10), (20, 20)])) == "M10.00 90.00L20.00 80.00"


def test_names_never_run_into_each_other_nor_out_of_the_frame():
    frame = Frame(0, 0, 1000, 1000, 100, 100)
    names = [Name(f"Municipality {i}", 37 * i % 1000, 91 * i % 1000, i) for i in range(300)]
    placed = labels(frame, names, 6)
    boxes = [
        shapely.box(
            one.x - len(one.text) * 0.3 * one.size_mm,
            one.y - 0.6 * one.size_mm,
            one.x + len(one.text) * 0.3 * one.size_mm,
            one.y + 0.6 * one.size_mm,
        )
        for one in placed
    ]
    assert 20 < len(placed) < 300
    assert int(placed[0].text.split()[1]) > int(placed[-1].text.split()[1])
    assert not [1 for i, a in enumerate(boxes) for b in boxes[:i] if a.intersects(b)]
    assert all(shapely.box(0, 0, 100, 100).contains(box) for box in boxes)


# --- the files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["a4", pytest.param("a3", marks=pytest.mark.slow)])
@pytest.mark.parametrize("turn", ["landscape", pytest.param("portrait", marks=pytest.mark.slow)])
def test_the_map_comes_on_a4_and_a3_either_way(client, size, turn):
    pages = pages_of(client.get(f"/op/files/map.pdf?hazard=flood-100&paper={size}&turn={turn}"))
    short, long = SIZES[size]
    expected = (long, short) if turn == "landscape" else (short, long)
    assert {size_mm(page) for page in pages} == {expected}
    text = pages[0].extract_text()
    for words in (
        "Exposed people",
        "return period 100 years",
        "water from 0.3 m deep",
        "NOT MODELLED",
        "Agencija za vode, 2013 (model). CC BY 4.0",
        "Amra Hodžić, Općina Maglaj",
        "Doboj",
        "km",
        "Scale true at",
        "landslides",
    ):
        assert words in text, words
    assert f"page 1 / {len(pages)}" in text
    assert re.search(r"\d{1,2} \w+ \d{4} \d{2}:\d{2} CES?T", text)
    assert re.search(r"1 : [\d,]+", text)


def test_the_table_on_paper_adds_up_and_names_what_is_not_modelled(client):
    pages = pages_of(client.get("/op/files/table.pdf?hazard=flood-100&sort=name"))
    text = "\n".join(page.extract_text() for page in pages)
    assert "54,564" in text
    assert re.search(r"Olovo.*10,175.*NOT MODELLED", text)
    for number in ("6,412", "21,884", "15,021"):
        assert number in text
    assert "Poplava 1/100" in text
    assert "How it was counted" in text


def test_the_table_on_paper_has_the_rows_that_are_seen(client):
    text = "".join(p.extract_text() for p in pages_of(client.get("/op/files/table.pdf?entity=BA-SRP&hazard=flood-100")))
    assert "Doboj" in text
    assert "Maglaj" not in text.replace("Općina Maglaj", "")
    assert f"{21_884 + 9_311 + 640:,}" in text


def test_a_part_of_the_country_fills_the_paper(client):
    whole = pages_of(client.get("/op/files/map.pdf?hazard=flood-100"))[0].extract_text()
    part = pages_of(client.get("/op/files/map.pdf?hazard=flood-100&within=BA-08"))[0].extract_text()
    scale = lambda text: int(re.search(r"1 : ([\d,]+)", text).group(1).replace(",", ""))  # noqa: E731
    assert scale(part) < scale(whole)
    assert "28,929" in part


def test_the_card_of_a_municipality_is_one_a4(client, country):
    pages = pages_of(client.get(f"/op/files/areas/{country.id('11053')}.pdf?hazard=flood-100"))
    assert len(pages) == 1
    assert size_mm(pages[0]) == (210, 297)
    text = pages[0].extract_text()
    # 23,146.4 people: the remainder of its canton, 106,603.9 -> 106,604, goes to the largest fraction.
    for words in ("Maglaj", "23,147", "6,412", "27.7 %", "3,206", "1,000", "2,000", "landslides", "Agencija za vode"):
        assert words in text, words


def test_the_card_of_what_is_not_modelled_says_so_and_why(client, country):
    text = pages_of(client.get(f"/op/files/areas/{country.id('10847')}.pdf?hazard=flood-100"))[0].extract_text()
    assert "NOT MODELLED" in text
    assert "No hazard layer of this choice covers the whole municipality" in text
    assert "0 %" not in text


@pytest.mark.parametrize(
    "language", ["sr_Cyrl_BA", *(pytest.param(code, marks=pytest.mark.slow) for code in ("bs", "hr", "sr_Latn_BA"))]
)
def test_papers_speak_the_readers_language_and_their_names_are_plain(client, country, language):
    client.set_cookie("language", language)
    answer = client.get(f"/op/files/areas/{country.id('11053')}.pdf?hazard=flood-100")
    text = pages_of(answer)[0].extract_text()
    assert ("ЛАЖ" in text.upper() or "МОДЕЛ" in text.upper()) if language == "sr_Cyrl_BA" else "MODEL" in text.upper()
    name = re.fullmatch(r'attachment; filename="([\w.-]+)"', answer.headers["Content-Disposition"], re.ASCII)
    assert name.group(1).startswith("spremnost-maglaj-")


def test_marks_are_on_every_page_and_in_the_name(client, country, change):
    change(lambda s: setattr(s.merge(country.versions["Stanovništvo"]), "method", Method.ILLUSTRATIVE))
    for path in ("map.pdf?table=1&hazard=flood-100", "table.pdf?hazard=flood-100", f"areas/{country.id('11053')}.pdf"):
        answer = client.get(f"/op/files/{path}")
        for page in pages_of(answer):
            assert "Illustrative data, not for operations" in page.extract_text(), path
        assert "illustrative" in answer.headers["Content-Disposition"]


def test_an_exercise_is_on_every_page_over_the_map_and_in_the_name(country):
    app = create_app(country.settings)
    client = signed_in(app.test_client(), country.settings, exercise="sava-2026")
    from foundation.roles import Role

    client = signed_in(app.test_client(), country.settings, Role.CONTROLLER, exercise="sava-2026")
    client.set_cookie("language", "en")
    answer = client.get("/ex/sava-2026/files/map.pdf?table=1&hazard=flood-100")
    pages = pages_of(answer)
    for page in pages:
        assert "EXERCISE · sava-2026" in page.extract_text()
    assert pages[0].extract_text().count("EXERCISE") >= 4  # in the head, and across the map
    assert "-EXERCISE" in answer.headers["Content-Disposition"]
    sheet = client.get("/ex/sava-2026/files/table.csv?hazard=flood-100")
    assert all("EXERCISE" in line for line in sheet.text.splitlines()[1:])
    preview = client.get("/ex/sava-2026/files/map?hazard=flood-100").text
    assert "EXERCISE · sava-2026" in preview
    close(app)


def test_hazard_rivers_and_hatching_are_drawn(client, country, change):
    page = client.get("/op/files/map?hazard=flood-100").text
    svg = etree.fromstring(re.search(r"<svg[^>]*class=\"drawing\".*?</svg>", page, re.DOTALL).group(0).encode())
    assert len(svg.findall(".//{*}image")) == 1
    hatched = [p for p in svg.findall(".//{*}path") if p.get("fill") == "url(#hatch)"]
    assert len(hatched) == 1  # Olovo
    assert (
        len([p for p in svg.findall(".//{*}path") if p.get("fill") == "none" and p.get("stroke-width") == "0.5"]) == 3
    )
    figures = {"11053": (100.0, [100.0, 0.0, 0.0, 0.0], True, 0.0)}
    change(
        lambda s: a_hazard(
            s, country, country.store, "Procjena", event="2014", figures=figures, method=Method.ESTIMATED
        )
    )
    page = client.get("/op/files/map?hazard=flood-2014").text
    assert 'fill="url(#sketch)"' in page
    assert "Estimated data" in page


def test_names_from_files_cannot_break_out_of_a_paper(client, country, change):
    evil = '</svg><script>alert(1)</script><img src="http://evil.example/x">'
    change(lambda s: setattr(s.merge(country.areas["11053"]), "name", evil))
    change(lambda s: setattr(s.merge(country.versions["Poplava 1/100"]), "producer", evil))
    page = client.get("/op/files/map?hazard=flood-100&table=1").text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert len(pages_of(client.get("/op/files/map.pdf?hazard=flood-100&table=1"))) > 1


def test_a_paper_fetches_nothing_from_outside(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    ours = paper._fetcher()
    assert ours.fetch(f"{paper.HOME}static/paper.css").read()
    for address in (
        "http://evil.example/x.png",
        f"file://{secret}",
        f"{paper.HOME}static/../settings.py",
        f"{paper.HOME}static//etc/passwd",
        "ftp://evil.example/a",
    ):
        with pytest.raises(ValueError, match="fetches nothing"):
            ours.fetch(address)
    made = pdf(f'<p>here</p><link rel="attachment" href="file://{secret}"><img src="file://{secret}">')
    assert "here" in PdfReader(io.BytesIO(made)).pages[0].extract_text()
    assert not PdfReader(io.BytesIO(made)).attachments


def test_the_print_view_is_a_page_under_the_strict_policy(client):
    answer = client.get("/op/files/map?hazard=flood-100&paper=a3&turn=portrait&table=1")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert not re.findall(r"<style|<script| style=", answer.text)
    assert "/op/files/map.pdf?hazard=flood-100&amp;paper=a3&amp;turn=portrait&amp;table=1" in answer.text


@pytest.mark.parametrize("query", ["?paper=a0", "?turn=x", "?within=nowhere", "?hazard=none", "?within=%00"])
def test_an_address_with_nonsense_still_gives_a_paper(client, query):
    assert client.get("/op/files/map" + query).status_code == 200


def test_a_paper_of_an_empty_country_says_so(database):
    app = create_app(database)
    client = signed_in(app.test_client(), database)
    assert client.get("/op/files/map").status_code == 200
    assert pages_of(client.get("/op/files/table.pdf"))
    close(app)


def test_too_many_papers_at_once_are_told_to_wait(client, country, monkeypatch):
    monkeypatch.setattr(paper, "WAIT_S", 0.01)
    for _ in range(paper.AT_ONCE):
        paper._turns.acquire()
    try:
        answer = client.get("/op/files/map.pdf")
    finally:
        for _ in range(paper.AT_ONCE):
            paper._turns.release()
    assert answer.status_code == 503
    assert "try again" in answer.text
