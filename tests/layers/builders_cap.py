"""CAP messages for tests; each test names only what matters to it."""

from datetime import timedelta
from xml.sax.saxutils import escape

from tests.layers.builders_field import NOON

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
# Around Doboj, latitude first.
SQUARE = "44.6,18.0 44.6,18.2 44.8,18.2 44.8,18.0 44.6,18.0"


def an_area_xml(*, polygon=SQUARE, circle=None, codes=(), description="Doboj"):
    return "".join(
        [
            f"<area><areaDesc>{description}</areaDesc>",
            f"<polygon>{polygon}</polygon>" if polygon is not None else "",
            f"<circle>{circle}</circle>" if circle is not None else "",
            *(f"<geocode><valueName>{k}</valueName><value>{v}</value></geocode>" for k, v in codes),
            "</area>",
        ]
    )


def an_info(*, areas=None, more="", **other):
    facts = {
        "language": "en",
        "category": "Met",
        "event": "Flood warning",
        "urgency": "Expected",
        "severity": "Severe",
        "certainty": "Likely",
        "onset": NOON.isoformat(),
        "expires": (NOON + timedelta(hours=12)).isoformat(),
        "headline": "Flood",
    } | other
    elements = "".join(f"<{k}>{escape(v)}</{k}>" for k, v in facts.items() if v is not None)
    return f"<info>{elements}{more}{an_area_xml() if areas is None else areas}</info>"


def a_message(*infos, references=(), namespace=NAMESPACE, head="", **other):
    """A message as a string; references: (sender, identifier, sent) of earlier ones."""
    facts = {
        "identifier": "A1",
        "sender": "office@example.ba",
        "sent": NOON.isoformat(),
        "status": "Actual",
        "msgType": "Alert",
        "scope": "Public",
    } | other
    elements = "".join(f"<{k}>{v}</{k}>" for k, v in facts.items() if v is not None)
    named = " ".join(",".join(one) for one in references)
    named = f"<references>{named}</references>" if references else ""
    body = "".join(infos if infos else [an_info()])
    return f'<alert xmlns="{namespace}">{head}{elements}{named}{body}</alert>'
