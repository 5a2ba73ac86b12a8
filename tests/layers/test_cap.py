"""CAP messages: what is read, what is odd and told, what is refused with a sentence; and hostile files."""

import http.server
import json
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from layers import feeds, xml_files
from layers.cap import MessageType, Reference, Scope, Severity, Status
from layers.errors import LayersError
from layers.warning_errors import (
    EmptyFeed,
    HostileXml,
    MissingInCap,
    NoReferences,
    NotCap,
    NoXml,
    TooMuchInCap,
    TwiceInCap,
    WrongJson,
    WrongMomentInCap,
    WrongNameInCap,
    WrongWordInCap,
    XmlTooLarge,
)
from layers.warning_parts import parts_of
from tests.layers.builders_cap import NAMESPACE, a_message, an_area_xml, an_info
from tests.layers.builders_field import NOON


def read(text, name="warning.cap"):
    [alert] = feeds.read(text.encode() if isinstance(text, str) else text, name).alerts
    return alert


def codes(alert):
    return {odd["code"] for odd in [*alert.findings, *parts_of(alert)[1]]}


def test_a_message_is_read_whole():
    alert = read(
        a_message(
            an_info(
                more="<parameter><valueName>awareness_level</valueName><value>3; orange; Severe</value></parameter>"
            ),
            msgType="Update",
            references=[("office@example.ba", "A0", "2026-05-14T11:00:00+02:00")],
        )
    )
    assert (alert.identifier, alert.sender, alert.sent) == ("A1", "office@example.ba", NOON)
    assert (alert.status, alert.msg_type, alert.scope) == (Status.ACTUAL, MessageType.UPDATE, Scope.PUBLIC)
    assert alert.references == (Reference("office@example.ba", "A0", datetime(2026, 5, 14, 9, tzinfo=UTC)),)
    [info] = alert.infos
    assert (info.event, info.severity, info.texts["headline"]) == ("Flood warning", Severity.SEVERE, "Flood")
    assert info.parameters == (("awareness_level", "3; orange; Severe"),)
    assert info.areas[0].shape.equals(shapely.box(18.0, 44.6, 18.2, 44.8))
    assert codes(alert) == set()


def test_what_a_message_may_leave_out_it_may():
    alert = read(a_message(an_info(language=None, onset=None, expires=None, headline=None, areas="")))
    [info] = alert.infos
    assert (info.language, info.onset, info.expires, info.areas) == ("en-US", None, None, ())


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (a_message(scope=None), MissingInCap, "alert says no scope"),
        (a_message(identifier=""), MissingInCap, "alert says no identifier"),
        (a_message(an_info(category=None)), MissingInCap, "info says no category"),
        (a_message(an_info(event="")), MissingInCap, "info says no event"),
        (a_message(an_info(areas="<area></area>")), MissingInCap, "area says no areaDesc"),
        (a_message(head="<sender>x</sender>"), TwiceInCap, "sender comes 2 times"),
        (a_message(status="Real"), WrongWordInCap, "status is Real; CAP allows Actual, Exercise"),
        (a_message(an_info(severity="")), WrongWordInCap, "severity is –"),
        (a_message(an_info(urgency="Foobar")), WrongWordInCap, "urgency is Foobar"),
        (a_message(sent="2026-05-14T12:00:00"), WrongMomentInCap, "with its offset"),
        (a_message(sent="yesterday"), WrongMomentInCap, "sent is yesterday"),
        (a_message(an_info(expires="2026-02-30T12:00:00+01:00")), WrongMomentInCap, "expires"),
        (a_message(identifier="A 1"), WrongNameInCap, "identifier is A 1"),
        (a_message(sender="me,you"), WrongNameInCap, "no blanks, commas"),
        (a_message(msgType="Update"), NoReferences, "of the kind Update must refer"),
        (a_message(msgType="Cancel", head="<references/>"), NoReferences, "Cancel"),
        (a_message(*[an_info()] * 61), TooMuchInCap, "60 parts"),
        ("<alert/>", NotCap, "holds alert and no warning"),
        ("<rss><channel/></rss>", NotCap, "holds rss"),
        ("<alert", NoXml, "no sound XML"),
        ("", NoXml, "no sound XML"),
        ("Please find attached", NoXml, "no sound XML"),
    ],
)
def test_what_is_no_sound_message_is_refused_with_a_sentence(text, error, said):
    with pytest.raises(error, match=said):
        read(text)


def test_the_sentence_names_file_and_line():
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + a_message(an_info(severity="Bad")).replace("><", ">\n<")
    with pytest.raises(WrongWordInCap) as caught:
        read(text, "doboj.xml")
    line = next(i for i, one in enumerate(text.split("\n"), 1) if "Bad" in one)
    assert str(caught.value).startswith(f"doboj.xml, line {line}: severity is Bad")


# --- odd, and told ---------------------------------------------------------------------------------------------------


def place(**how):
    alert = read(a_message(an_info(areas=an_area_xml(**how))))
    return alert.infos[0].areas[0].shape, codes(alert)


def test_an_outline_that_crosses_itself_keeps_both_its_sides():
    shape, odd = place(polygon="44,18 45,19 45,18 44,19 44,18")
    assert odd == {"crossing_polygon"}
    assert shape.is_valid
    assert shape.area == pytest.approx(0.5)  # two triangles with base 1 and height 1/2


def test_an_outline_that_crosses_itself_a_million_times_is_taken_by_its_hull():
    star = " ".join(f"{44 + (i * 7919 % 10_000) / 1e4},{18 + (i * 104_729 % 10_007) / 1e4}" for i in range(10_000))
    began = time.perf_counter()
    shape, odd = place(polygon=star)
    assert time.perf_counter() - began < 5
    assert odd >= {"crossing_polygon"}
    assert shape.equals(shape.convex_hull)


def test_an_outline_that_is_not_closed_is_closed():
    shape, odd = place(polygon="44,18 44,19 45,19 45,18")
    assert odd == {"open_polygon"}
    assert shape.equals(shapely.box(18, 44, 19, 45))


@pytest.mark.parametrize(
    "polygon",
    ["", "44,18 44,19", "44,18 x,19 45,19 44,18", "44,18 44,18 44,18 44,18", "95,18 44,19 45,19 95,18"],
)
def test_an_outline_that_cannot_be_read_leaves_the_warning_without_a_place(polygon):
    shape, odd = place(polygon=polygon)
    assert (shape, odd) == (None, {"unreadable_shape"})


def test_swapped_coordinates_are_told_and_not_moved():
    shape, odd = place(polygon="18.0,44.6 18.2,44.6 18.2,44.8 18.0,44.6")
    assert odd == {"looks_swapped"}
    assert shape.bounds == (44.6, 18.0, 44.8, 18.2)


def test_a_circle_is_round_on_the_earth():
    shape, odd = place(polygon=None, circle="44.73,18.09 25")
    assert odd == set()
    edge = shapely.get_coordinates(shape)
    _, _, metres = Geod(ellps="WGS84").inv([18.09] * len(edge), [44.73] * len(edge), edge[:, 0], edge[:, 1])
    assert metres == pytest.approx([25_000] * len(edge), abs=0.01)


def test_a_circle_of_no_radius_is_a_point():
    assert place(polygon=None, circle="44.73,18.09 0.0") == (shapely.Point(18.09, 44.73), set())


@pytest.mark.parametrize(
    "circle", ["44.73,18.09", "44.73,18.09 -1", "44.73,18.09 nan", "here 5", "44,18 2001", "89,18 1500", "10,179 900"]
)
def test_a_circle_that_cannot_be_read_is_told(circle):
    assert place(polygon=None, circle=circle) == (None, {"unreadable_shape"})


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        (a_message(an_info(onset=None)), "no_onset"),
        (a_message(an_info(expires=None)), "no_end"),
        (a_message(an_info(expires=NOON.isoformat())), "ends_before_it_begins"),
        (a_message(sent="2026-05-14T12:00:00Z"), "time_z"),
        (a_message(head="<colour>red</colour>"), "unknown_elements"),
        (a_message(scope=None, head="<scope>Public</scope>"), "out_of_order"),
        (a_message(head="<references>nonsense</references>"), "bad_reference"),
        (a_message(namespace="urn:oasis:names:tc:emergency:cap:1.1"), "older_cap"),
        (a_message("<!-- nothing -->"), "says_nothing"),
    ],
)
def test_what_is_odd_is_read_and_told(text, odd):
    assert odd in codes(read(text))


def test_a_certainty_of_older_editions_is_understood():
    assert read(a_message(an_info(certainty="Very Likely"))).infos[0].certainty == "Likely"


def test_a_signature_is_seen_and_not_believed():
    signature = '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/></Signature>'
    alert = read(a_message().replace("</alert>", f"{signature}</alert>"))
    assert alert.signed
    assert codes(alert) == set()


# --- encodings -------------------------------------------------------------------------------------------------------

BOSNIAN = a_message(an_info(language="bs", event="Žuto upozorenje: čćđšž"))


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1250", "iso-8859-2", "utf-8-sig", "utf-16"])
def test_letters_are_read_in_the_encoding_that_the_file_names(encoding):
    named = "" if encoding in ("utf-8-sig", "utf-16") else f'<?xml version="1.0" encoding="{encoding}"?>'
    alert = read((named + BOSNIAN).encode(encoding))
    assert alert.infos[0].event == "Žuto upozorenje: čćđšž"
    assert codes(alert) == set()


def test_letters_of_two_encodings_in_one_file_are_all_read_and_it_is_told():
    half = BOSNIAN.encode().replace("čć".encode(), "čć".encode("cp1250"))
    received = feeds.read(b'<?xml version="1.0" encoding="UTF-8"?>' + half, "mixed.cap")
    assert received.alerts[0].infos[0].event == "Žuto upozorenje: čćđšž"
    assert [odd["code"] for odd in received.findings] == ["mixed_encoding"]


def test_an_encoding_that_nobody_needs_is_refused():
    with pytest.raises(NoXml, match="encoding utf-7"):
        read(b'<?xml version="1.0" encoding="UTF-7"?>' + a_message().encode())


# --- hostile ---------------------------------------------------------------------------------------------------------

BOMB = '<!DOCTYPE alert [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
)


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE alert>" + a_message(),
        '<!DOCTYPE alert SYSTEM "http://127.0.0.1:{port}/evil.dtd">' + a_message(),
        '<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + a_message(identifier="&x;"),
        '<!DOCTYPE alert [<!ENTITY % x SYSTEM "http://127.0.0.1:{port}/x"> %x;]>' + a_message(),
        BOMB + "]>" + a_message(identifier="&j;"),
        "<!-- a --><?b c?>\n<!DOCTYPE alert>" + a_message(),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_and_nobody_is_asked(text, encoding, listener):
    with pytest.raises(HostileXml, match="document type or entities"):
        read(text.replace("{port}", str(listener.server_port)).encode(encoding))
    assert listener.asked == []


def test_what_else_could_reach_out_is_passed_over(listener):
    address = f"http://127.0.0.1:{listener.server_port}"
    head = (
        f'<x xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{address}/1"/></x>'
        f'<y xmlns:s="http://www.w3.org/2001/XMLSchema-instance" s:schemaLocation="{NAMESPACE} {address}/a.xsd"/>'
    )
    sheet = f'<?xml-stylesheet type="text/xsl" href="{address}/a.xsl"?>'
    alert = read(sheet + a_message(head=head))
    assert alert.identifier == "A1"
    assert codes(alert) == {"unknown_elements"}
    assert listener.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "<a>" * 50 + "</a>" * 50,
        f'<alert xmlns="{NAMESPACE}">' + "<x/>" * 300_001 + "</alert>",
        "<a>" + " " * (8 * 2**20) + "</a>",
        '{"warnings": "' + " " * (8 * 2**20) + '"}',
    ],
)
def test_what_is_too_deep_or_too_large_is_refused(text):
    with pytest.raises(XmlTooLarge, match="too large or too deep"):
        read(text)


@given(st.binary(max_size=300))
def test_any_bytes_end_in_messages_or_in_a_sentence(data):
    for prefix in (b"", b"<", b"{", b'<?xml version="1.0" encoding="iso-8859-2"?><'):
        with suppress(LayersError):
            feeds.read(prefix + data, "file")


@given(st.text(max_size=60), st.integers(0, 2000))
def test_a_message_torn_anywhere_ends_in_a_message_or_in_a_sentence(text, at):
    whole = a_message(an_info(more=""))
    torn = whole[: at % len(whole)] + text + whole[at % len(whole) :]
    with suppress(LayersError):
        feeds.read(torn.encode("utf-8", errors="replace"), "file")


@pytest.fixture
def listener():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


# --- several languages -----------------------------------------------------------------------------------------------


def events(alert):
    return [{language: text["event"] for language, text in part.texts.items()} for part in parts_of(alert)[0]]


def test_one_hazard_in_two_languages_is_one():
    alert = read(a_message(an_info(), an_info(language="bs", event="Poplava")))
    assert events(alert) == [{"en": "Flood warning", "bs": "Poplava"}]
    assert codes(alert) == set()


def test_a_beginning_that_one_language_leaves_out_is_taken_from_the_other():
    alert = read(a_message(an_info(onset=None), an_info(language="bs")))
    [part] = parts_of(alert)[0]
    assert (part.begins, part.onset_given) == (NOON, True)


def test_two_hazards_are_not_mixed_when_one_language_leaves_one_out():
    wind = an_info(event="Wind", severity="Moderate")
    alert = read(a_message(wind, an_info(), an_info(language="bs", event="Poplava")))
    assert events(alert) == [{"en": "Wind"}, {"en": "Flood warning", "bs": "Poplava"}]
    assert codes(alert) == {"languages_differ"}


def test_the_same_words_for_two_places_are_two_hazards():
    other = an_area_xml(polygon="44,17 44,18 45,18 44,17", description="Banja Luka")
    alert = read(a_message(an_info(), an_info(areas=other)))
    assert len(parts_of(alert)[0]) == 2


def test_a_warning_without_an_end_counts_for_three_days():
    [part] = parts_of(read(a_message(an_info(expires=None))))[0]
    assert (part.ends, part.end_given) == (NOON + timedelta(hours=72), False)


def test_the_colours_of_meteoalarm_are_read():
    more = "".join(
        f"<parameter><valueName>{name}</valueName><value>{value}</value></parameter>"
        for name, value in (("awareness_level", "4; red; Extreme"), ("awareness_type", "12; Flooding"))
    )
    [part] = parts_of(read(a_message(an_info(more=more))))[0]
    assert (part.awareness_level, part.awareness_type) == (4, "flooding")


# --- feeds -----------------------------------------------------------------------------------------------------------


def an_atom(*entries):
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><id>f</id>{"".join(entries)}</feed>'.encode()


def an_entry(content="", links=""):
    return f"<entry><id>e</id><title>t</title>{links}<content type='text/xml'>{content}</content></entry>"


def test_a_broken_message_does_not_hide_the_others_of_its_feed():
    feed = an_atom(an_entry(a_message()), an_entry(a_message(identifier="A2", status="Real")))
    received = feeds.read(feed, "feed.atom")
    assert [alert.identifier for alert in received.alerts] == ["A1"]
    assert [type(error) for error in received.refused] == [WrongWordInCap]


def test_a_feed_of_broken_messages_is_refused():
    with pytest.raises(WrongWordInCap):
        feeds.read(an_atom(an_entry(a_message(status="Real"))), "feed.atom")


def test_an_index_gives_addresses_and_asks_none():
    links = (
        '<link rel="self" href="https://x.example/self"/><link href="https://x.example/page"/>'
        '<link type="application/cap+xml" href="https://x.example/1.cap"/>'
    )
    feed = an_atom(an_entry(links=links), an_entry(links='<link href="file:///etc/passwd"/>'))
    received = feeds.read(feed, "index.atom")
    assert [link.address for link in received.links] == ["https://x.example/1.cap"]
    assert [odd["code"] for odd in received.findings] == ["odd_addresses"]


def test_a_feed_without_entries_warns_of_nothing():
    received = feeds.read(an_atom(), "quiet.atom")
    assert (received.alerts, received.links, received.refused) == ([], [], [])


def test_entries_that_hold_nothing_are_told():
    with pytest.raises(EmptyFeed, match="its 1 entries hold neither"):
        feeds.read(an_atom(an_entry()), "empty.atom")


JSON = {
    "identifier": "J1",
    "sender": "office@example.ba",
    "sent": "2026-05-14T14:00:00+02:00",
    "status": "Actual",
    "msgType": "Alert",
    "scope": "Public",
    "info": [
        {
            "language": "en",
            "category": ["Met"],
            "event": "Wind",
            "urgency": "Future",
            "severity": "Minor",
            "certainty": "Likely",
            "expires": "2026-05-15T14:00:00+02:00",
            "area": [{"areaDesc": "Tuzla", "geocode": [{"valueName": "EMMA_ID", "value": "BA004"}]}],
        }
    ],
}


def as_json(*alerts):
    return json.dumps({"warnings": [{"alert": alert} for alert in alerts]}).encode()


def test_a_feed_in_json_is_held_to_the_same_rules():
    received = feeds.read(as_json(JSON, JSON | {"scope": None}, JSON | {"status": "Real"}), "feed.json")
    [alert] = received.alerts
    assert (alert.identifier, alert.sent, alert.infos[0].areas[0].codes) == ("J1", NOON, (("EMMA_ID", "BA004"),))
    assert [type(error) for error in received.refused] == [MissingInCap, WrongWordInCap]
    assert str(received.refused[0]).startswith("feed.json, 2, line –: alert says no scope")


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"warnings": {}}',
        b'{"warnings": [NaN]}',
        b'{"warnings": [{"alert": []}]}',
        b'{"warnings": ' + b"[" * 100_000,
        as_json(JSON | {"sender": {"a": 1}}),
        as_json(JSON | {"info": ["x"]}),
        as_json(JSON | {"sender": "\u0000"}),
        as_json(JSON | {"x y": "z"}),
        as_json(JSON | {"sender": True}),
    ],
)
def test_json_of_another_kind_is_refused(data):
    with pytest.raises(WrongJson, match="no MeteoAlarm feed"):
        feeds.read(data, "feed.json")


def test_the_scanner_and_the_parser_see_the_same_text():
    # A document type that hides behind a declared encoding in which its letters mean something else.
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE alert>' + a_message()
    with pytest.raises((HostileXml, NoXml)):
        xml_files.tree(text.encode("utf-8"), "file")
