"""Files of warnings: one CAP message, an Atom feed or index, an EDXL distribution, or a MeteoAlarm feed in JSON.

Nothing is fetched here: the addresses that an index names are given to the caller, who asks for them and brings what
comes. In a feed every message is read for itself, so that a broken one does not hide the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from lxml import etree

from foundation.errors import N_
from layers import xml_files
from layers.cap import CAP_1_2, PROFILE, Alert, alert_of, is_alert, text_of
from layers.errors import LayersError
from layers.findings import Finding, finding
from layers.warning_errors import EmptyFeed, NotCap, WrongJson, XmlTooLarge

ATOM: Final = "{http://www.w3.org/2005/Atom}"
EDXL: Final = "{urn:oasis:names:tc:emergency:EDXL:DE:1.0}"
CAP_FILE: Final = "application/cap+xml"
MOST_MESSAGES: Final = 5000


@dataclass(frozen=True)
class Link:
    """The address of a message that an index names."""

    address: str
    entry: str
    title: str


@dataclass(frozen=True)
class Received:
    """What a file holds. refused: the sentence for each message that cannot be used."""

    alerts: list[Alert] = field(default_factory=list)
    refused: list[LayersError] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read(data: bytes, name: str) -> Received:
    """What a file of warnings holds; name: of the file or its address, for sentences.

    Raises XmlTooLarge, HostileXml, NoXml, WrongJson, NotCap, EmptyFeed; where the file is one message, or no message of
    it can be used, what alert_of() raises.
    """
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return _told(_json(data, name))
    root, findings = xml_files.tree(data, name)
    if is_alert(root):
        return Received([alert_of(root, name)], findings=findings)
    if root.tag == f"{ATOM}feed":
        return _told(_atom(root, name, findings))
    if root.tag == f"{EDXL}EDXLDistribution":
        return _told(_each(root.iter(f"{EDXL}embeddedXMLContent"), _alerts_in, name, findings))
    raise NotCap(file=name, found=etree.QName(root).localname[:100])


def _told(received: Received) -> Received:
    """A file of which nothing can be used is refused like a single message."""
    if received.refused and not received.alerts and not received.links:
        raise received.refused[0]
    return received


def _each(
    holders: Iterator[Any], alerts_in: Callable[[Any], Iterator[Any]], name: str, findings: list[Finding]
) -> Received:
    received = Received(findings=findings)
    for holder in holders:
        for element in alerts_in(holder):
            _take(element, name, received)
    return received


def _take(element: Any, name: str, received: Received) -> None:
    if len(received.alerts) + len(received.refused) >= MOST_MESSAGES:
        raise XmlTooLarge(file=name, what=f"> {MOST_MESSAGES}")
    try:
        received.alerts.append(alert_of(element, name))
    except LayersError as error:
        received.refused.append(error)


def _alerts_in(holder: Any) -> Iterator[Any]:
    return (child for child in holder if is_alert(child))


# --- Atom ------------------------------------------------------------------------------------------------------------


def _atom(feed: Any, name: str, findings: list[Finding]) -> Received:
    entries = feed.findall(f"{ATOM}entry")
    received = _each(iter(feed.iterfind(f"{ATOM}entry/{ATOM}content")), _alerts_in, name, findings)
    odd_addresses = 0
    for entry in entries:
        if any(is_alert(child) for content in entry.iterfind(f"{ATOM}content") for child in content):
            continue
        address = _address(entry)
        if address is None:
            continue
        if urlsplit(address).scheme in ("http", "https"):
            title = text_of(entry.find(f"{ATOM}title")) if entry.find(f"{ATOM}title") is not None else ""
            identity = entry.find(f"{ATOM}id")
            received.links.append(Link(address, text_of(identity) if identity is not None else address, title))
        else:
            odd_addresses += 1
    if odd_addresses:
        received.findings.append(
            finding(
                "odd_addresses",
                N_("{count} entries of the feed name addresses that are not on the web; they were passed over."),
                count=odd_addresses,
            )
        )
    if any(True for _ in _alerts_in(feed)):
        received.findings.append(
            finding("alert_outside_entry", N_("The feed holds a warning outside of its entries, which was not read."))
        )
    if entries and not (received.alerts or received.refused or received.links):
        raise EmptyFeed(file=name, count=len(entries))
    return received


def _address(entry: Any) -> str | None:
    """Where an entry's message is: the link to a CAP file, else the first link that is not to the entry itself."""
    links = [link for link in entry.findall(f"{ATOM}link") if link.get("href")]
    chosen = next((link for link in links if link.get("type") == CAP_FILE), None)
    if chosen is None:
        chosen = next((link for link in links if link.get("rel", "alternate") in ("alternate", "enclosure")), None)
    return None if chosen is None else str(chosen.get("href")).strip()


# --- MeteoAlarm's JSON -----------------------------------------------------------------------------------------------


def _json(data: bytes, name: str) -> Received:
    """{"warnings": [{"alert": {...}, "uuid": …}]}: the same elements as in XML, checked by the same rules."""
    if len(data) > xml_files.MOST_BYTES:
        raise XmlTooLarge(file=name, what=f"{len(data) / 2**20:.1f} MB")
    try:
        content = json.loads(data.decode("utf-8-sig"), parse_constant=_no_such_number)
    except (ValueError, RecursionError) as error:
        raise WrongJson(file=name, reason=str(error)[:200]) from None
    warnings = content.get("warnings") if isinstance(content, dict) else None
    if not isinstance(warnings, list):
        raise WrongJson(file=name, reason='"warnings": […]')
    received = Received()
    for number, warning in enumerate(warnings, 1):
        alert = warning.get("alert") if isinstance(warning, dict) else None
        where = f"{name}, {number}"
        try:
            if not isinstance(alert, dict):
                raise WrongJson(file=where, reason='"alert": {…}')
            _take(_element("alert", alert, where), where, received)
        except WrongJson as error:
            received.refused.append(error)
    return received


def _no_such_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _element(kind: str, content: Mapping[str, Any], name: str) -> Any:
    """The XML element that an object stands for; its children in the standard's order."""
    element = etree.Element(f"{{{CAP_1_2}}}{kind}", nsmap={None: CAP_1_2})
    for key in sorted(content, key=list(PROFILE[kind]).index if content.keys() <= PROFILE[kind].keys() else str):
        value = content[key]
        for one in value if isinstance(value, list) else [value]:
            if one is None:
                continue
            if key in PROFILE:
                if not isinstance(one, dict):
                    raise WrongJson(file=name, reason=f"{key}: {str(one)[:80]}")
                element.append(_element(key, one, name))
            elif isinstance(one, str | int | float) and not isinstance(one, bool):
                child = etree.SubElement(element, _tag(key, name))
                try:
                    child.text = str(one)
                except ValueError:  # characters that XML does not have
                    raise WrongJson(file=name, reason=f"{key}: {one!r:.80}") from None
            else:
                raise WrongJson(file=name, reason=f"{key}: {str(one)[:80]}")
    return element


def _tag(key: str, name: str) -> str:
    if not key.isidentifier() or not key.isascii():
        raise WrongJson(file=name, reason=key[:80])
    return f"{{{CAP_1_2}}}{key}"
