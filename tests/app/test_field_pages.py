"""Gauges and warnings as people meet them."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from app.factory import create_app
from foundation.audit import Actor
from foundation.roles import Role
from layers.gauges import DefenceLevel, StationFacts, ThresholdFacts, add_station, set_thresholds
from tests.app.builders_map import close
from tests.app.builders_people import signed_in

OPERATOR = Actor("operator")
NOW = datetime.now(UTC)
CAP = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>{identifier}</identifier><sender>fhmz@example.ba</sender><sent>{sent}</sent>
  <status>{status}</status><msgType>{kind}</msgType><scope>Public</scope>{references}
  <info><language>bs</language><category>Met</category><event>Kiša</event><urgency>Future</urgency>
    <severity>Severe</severity><certainty>Likely</certainty><onset>{sent}</onset><expires>{expires}</expires>
    <headline>Obilna kiša u slivu Bosne</headline><description>Do 80 l/m².</description>
    <area><areaDesc>Maglaj</areaDesc><polygon>44.3,17.4 44.3,17.6 44.6,17.6 44.6,17.4 44.3,17.4</polygon></area>
  </info>
</alert>"""


@pytest.fixture
def gauge(country, change):
    """The gauge at Maglaj, with two steps of its plan."""

    def make(session):
        station = add_station(
            session,
            StationFacts(
                code="MAG", river="Bosna", name="Maglaj", lon=17.5, lat=44.45, municipality_id=country.id("11053"),
                operator="Agencija", source="plan",
            ),
            by=OPERATOR,
            at=NOW,
        )  # fmt: skip
        wanted = {
            DefenceLevel.REGULAR: ThresholdFacts(Decimal(300), "plan 2025", steps="Obići nasipe."),
            DefenceLevel.EXTRAORDINARY: ThresholdFacts(Decimal(450), "plan 2025"),
        }
        set_thresholds(session, station.id, wanted, seen={}, by=OPERATOR, at=NOW)
        return station.id

    return change(make)


def local(at):
    return at.astimezone(ZoneInfo("Europe/Sarajevo")).strftime("%d.%m.%Y %H:%M")


def test_a_reading_that_is_entered_shows_its_step_of_the_plan(client, gauge):
    assert "never read" in client.get("/op/gauges").text
    page = client.get(f"/op/gauges/{gauge}").text
    assert "Obići nasipe." in page
    answer = client.post(f"/op/gauges/{gauge}", data={"level": "412", "at": ""})
    assert answer.status_code == 303
    page = client.get("/op/gauges").text
    assert "regular flood defence" in page
    assert "38 cm to go" in page  # 450 - 412
    assert "Maglaj (Bosna)" in client.get("/op/").text


def test_an_old_reading_is_stale_and_no_level_of_now(client, gauge):
    client.post(f"/op/gauges/{gauge}", data={"level": "412", "at": local(NOW - timedelta(days=2))})
    page = client.get(f"/op/gauges/{gauge}").text
    assert "STALE" in page
    assert "412 cm then" in page


def test_what_is_no_level_is_said_and_kept(client, gauge):
    answer = client.post(f"/op/gauges/{gauge}", data={"level": "high", "at": "14.05.2026 06:30"})
    assert answer.status_code == 422
    assert "high is no level" in answer.text
    assert 'value="14.05.2026 06:30"' in answer.text


def test_metres_taken_for_centimetres_are_asked_for_again(client, gauge):
    client.post(f"/op/gauges/{gauge}", data={"level": "410", "at": local(NOW - timedelta(hours=1))})
    answer = client.post(f"/op/gauges/{gauge}", data={"level": "4.12", "at": ""})
    assert answer.status_code == 422
    assert "I have read the gauge again" in answer.text


def test_somebody_of_another_municipality_enters_nothing(country, gauge):
    app = create_app(country.settings)
    other = signed_in(
        app.test_client(), country.settings, Role.DUTY_OFFICER, organisation="Grad Doboj",
        area=(country.areas["20141"].level, "20141"),
    )  # fmt: skip
    assert "Enter the reading" not in other.get(f"/op/gauges/{gauge}").text
    assert other.post(f"/op/gauges/{gauge}", data={"level": "412"}).status_code == 403
    other.set_cookie("language", "en")
    assert "never read" in other.get("/op/gauges").text
    close(app)


def test_a_file_of_readings_is_taken_whole_or_not_at_all(client, gauge):
    def bring(text):
        return client.post("/op/gauges/readings", data={"file": (io.BytesIO(text.encode()), "r.csv"), "zone": "UTC"})

    times = [(NOW - timedelta(hours=h)).strftime("%Y-%m-%d %H:00") for h in (3, 2)]
    wrong = bring(f"station,time,level_cm\nMAG,{times[0]},300\nMAG,{times[1]},many\n")
    assert wrong.status_code == 422
    assert "r.csv" in wrong.text
    assert "never read" in client.get("/op/gauges").text
    right = bring(f"station,time,level_cm\nMAG,{times[0]},300\nMAG,{times[1]},310\n")
    assert "Readings added: 2" in right.text


def a_message(identifier="1", *, status="Actual", kind="Alert", references=""):
    sent, expires = NOW - timedelta(hours=2 - int(identifier)), NOW + timedelta(hours=12)
    said = {"sent": f"{sent:%Y-%m-%dT%H:%M:%S}-00:00", "expires": f"{expires:%Y-%m-%dT%H:%M:%S}-00:00"}
    text = CAP.format(identifier=identifier, status=status, kind=kind, references=references, **said)
    return {"file": (io.BytesIO(text.encode()), "warning.xml")}, said["sent"]


def test_a_warning_is_shown_where_it_holds_and_gone_when_it_is_cancelled(client):
    data, sent = a_message()
    answer = client.post("/op/warnings", data=data)
    assert "Messages added: 1" in answer.text
    page = client.get("/op/warnings").text
    assert "Obilna kiša u slivu Bosne" in page
    assert "Maglaj" in page
    assert "severe" in page
    assert "Obilna kiša" in client.get("/op/").text
    cancel, _ = a_message("2", kind="Cancel", references=f"<references>fhmz@example.ba,1,{sent}</references>")
    assert "Messages added: 1" in client.post("/op/warnings", data=cancel).text
    assert "No warning is in force" in client.get("/op/warnings").text


def test_a_test_is_never_shown_as_real(client):
    data, _ = a_message(status="Test")
    client.post("/op/warnings", data=data)
    page = client.get("/op/warnings").text
    assert "No warning is in force" in page
    assert "test" in page


def test_hostile_xml_is_refused_with_a_sentence(client):
    evil = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><alert>&x;</alert>'
    answer = client.post("/op/warnings", data={"file": (io.BytesIO(evil.encode()), "evil.xml")})
    assert answer.status_code == 422
    assert "evil.xml" in answer.text
    assert "root:" not in answer.text


def proposed(client, country):
    answer = client.post(
        "/op/incidents", data={"title": "Bosna raste", "kind": "flood", "municipality": str(country.id("11053"))}
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_an_incident_is_proposed_declared_by_a_decision_and_lifted(client, country):
    path = proposed(client, country)
    assert "proposed" in client.get(path).text
    missing = client.post(f"{path}/declare", data={"decided_by": "", "decision": "01-1/26"})
    assert missing.status_code == 422
    assert 'value="01-1/26"' in missing.text
    assert client.post(f"{path}/declare", data={"decided_by": "Načelnik", "decision": "01-1/26"}).status_code == 303
    page = client.get(path).text
    assert "Načelnik" in page
    assert "01-1/26" in page
    again = client.post(f"{path}/declare", data={"decided_by": "Načelnik"})
    assert again.status_code in (409, 422)
    assert client.post(f"{path}/lift", data={"decided_by": "Načelnik", "decision": "01-2/26"}).status_code == 303
    assert "No incident is open" in client.get("/op/incidents").text


def test_the_diary_figures_and_evacuations_stand_on_the_incidents_page(client, country):
    path = proposed(client, country)
    client.post(f"{path}/declare", data={"decided_by": "Načelnik"})
    client.post(f"{path}/note/diary", data={"kind": "call", "text": "Javio se MZ <Liješnica>."})
    client.post(f"{path}/note/figures", data={"kind": "evacuated", "value": "1.200", "source": "Crveni križ"})
    client.post(
        f"{path}/evacuation",
        data={"place": "Liješnica", "state": "ordered", "people_to_move": "300", "people_moved": "", "source": "štab"},
    )
    client.post(f"{path}/shift", data={"from_person": "Amra", "to_person": "Edin", "open_points": "čamac\npumpa"})
    page = client.get(path).text
    for words in ("Javio se MZ &lt;Liješnica&gt;.", "1,200", "Crveni križ", "ordered", "300", "čamac", "pumpa", "Edin"):
        assert words in page, words
    wrong = client.post(f"{path}/note/figures", data={"kind": "dead", "value": "a few", "source": "radio"})
    assert wrong.status_code == 422
    assert "a few is no number of people" in wrong.text


def test_somebody_elses_incident_is_seen_and_not_touched(client, country):
    path = proposed(client, country)
    app = create_app(country.settings)
    other = signed_in(
        app.test_client(), country.settings, Role.DUTY_OFFICER, organisation="Grad Doboj",
        area=(country.areas["20141"].level, "20141"),
    )  # fmt: skip
    assert other.get(path).status_code == 200
    for what in ("declare", "dismiss", "evacuation", "note/diary"):
        assert other.post(f"{path}/{what}", data={"decided_by": "x", "reason": "x", "text": "x"}).status_code == 403
    abroad = other.post("/op/incidents", data={"title": "x", "municipality": str(country.id("11053"))})
    assert abroad.status_code == 403
    close(app)
