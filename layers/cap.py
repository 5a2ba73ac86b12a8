"""Warnings in the Common Alerting Protocol 1.2 (and 1.1), each element checked against what the standard asks for.

What makes a warning unusable is refused with a sentence; what is odd is read and told. A digital signature is not
verified: who calls says so. Source: OASIS, Common Alerting Protocol Version 1.2, 1 July 2010.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import shapely
from lxml import etree

from foundation.errors import N_
from layers.cap_shapes import circle, polygon
from layers.findings import Finding, finding
from layers.warning_errors import (
    MissingInCap,
    NoReferences,
    NotCap,
    TooMuchInCap,
    TwiceInCap,
    WrongMomentInCap,
    WrongNameInCap,
    WrongWordInCap,
)

CAP_1_2: Final = "urn:oasis:names:tc:emergency:cap:1.2"
CAP_1_1: Final = "urn:oasis:names:tc:emergency:cap:1.1"
SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
MOST_INFOS: Final = 60
MOST_AREAS: Final = 3000
MOST_TEXT: Final = 20_000
MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?([+-]\d{2}:\d{2}|Z)")
NO_LINE: Final = "–"  # of JSON
NAME: Final = re.compile(r"[^\s,<&]+")


class Status(StrEnum):
    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MessageType(StrEnum):
    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class Scope(StrEnum):
    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Severity(StrEnum):
    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Urgency(StrEnum):
    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


CATEGORIES: Final = (
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
)
RESPONSES: Final = ("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
WORDS: Final[dict[str, Sequence[str]]] = {
    "status": list(Status),
    "msgType": list(MessageType),
    "scope": list(Scope),
    "category": CATEGORIES,
    "responseType": RESPONSES,
    "urgency": list(Urgency),
    "severity": list(Severity),
    "certainty": list(Certainty),
}
MOMENTS: Final = {"sent", "effective", "onset", "expires"}
PAIRS: Final = {"eventCode", "parameter", "geocode"}

# Each element of the standard, in its order: how often it must and may come.
ONE, PERHAPS, ANY, SOME = (1, 1), (0, 1), (0, None), (1, None)
PROFILE: Final[dict[str, dict[str, tuple[int, int | None]]]] = {
    "alert": {
        "identifier": ONE,
        "sender": ONE,
        "sent": ONE,
        "status": ONE,
        "msgType": ONE,
        "source": PERHAPS,
        "scope": ONE,
        "restriction": PERHAPS,
        "addresses": PERHAPS,
        "code": ANY,
        "note": PERHAPS,
        "references": PERHAPS,
        "incidents": PERHAPS,
        "info": ANY,
    },
    "info": {
        "language": PERHAPS,
        "category": SOME,
        "event": ONE,
        "responseType": ANY,
        "urgency": ONE,
        "severity": ONE,
        "certainty": ONE,
        "audience": PERHAPS,
        "eventCode": ANY,
        "effective": PERHAPS,
        "onset": PERHAPS,
        "expires": PERHAPS,
        "senderName": PERHAPS,
        "headline": PERHAPS,
        "description": PERHAPS,
        "instruction": PERHAPS,
        "web": PERHAPS,
        "contact": PERHAPS,
        "parameter": ANY,
        "resource": ANY,
        "area": ANY,
    },
    "resource": {
        "resourceDesc": ONE,
        "mimeType": PERHAPS,  # 1.2 asks for it, 1.1 did not; nothing of it is fetched
        "size": PERHAPS,
        "uri": PERHAPS,
        "derefUri": PERHAPS,
        "digest": PERHAPS,
    },
    "area": {
        "areaDesc": ONE,
        "polygon": ANY,
        "circle": ANY,
        "geocode": ANY,
        "altitude": PERHAPS,
        "ceiling": PERHAPS,
    },
    **{pair: {"valueName": ONE, "value": ONE} for pair in PAIRS},
}
MUST_SAY: Final = {"identifier", "sender", "sent", "event", "areaDesc"}


@dataclass(frozen=True)
class Reference:
    """The earlier message that an update or a cancellation is about."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True)
class CapArea:
    """Where a warning holds: a shape (EPSG:4326) of its polygons and circles, or codes such as ("EMMA_ID", "BA003")."""

    description: str
    codes: tuple[tuple[str, str], ...]
    shape: shapely.Geometry | None


@dataclass(frozen=True)
class Info:
    """What a message says in one language of one hazard."""

    language: str
    categories: tuple[str, ...]
    event: str
    responses: tuple[str, ...]
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    effective: datetime | None
    onset: datetime | None
    expires: datetime | None
    texts: dict[str, str]  # headline, description, instruction, senderName, contact, web, audience
    event_codes: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]
    areas: tuple[CapArea, ...]


@dataclass(frozen=True)
class Alert:
    """A message as it was sent. signed: it carries a signature, which nobody here has verified."""

    identifier: str
    sender: str
    sent: datetime
    status: Status
    msg_type: MessageType
    scope: Scope
    source: str
    note: str
    restriction: str
    codes: tuple[str, ...]
    references: tuple[Reference, ...]
    incidents: str
    infos: tuple[Info, ...]
    signed: bool
    original: str
    findings: list[Finding] = field(default_factory=list)


def is_alert(element: Any) -> bool:
    """Whether it is the root of a CAP message of an edition that is read here."""
    return element.tag in (f"{{{CAP_1_2}}}alert", f"{{{CAP_1_1}}}alert")


def alert_of(element: Any, name: str) -> Alert:
    """The message of an alert element; name: of its file, for sentences.

    Raises NotCap, MissingInCap, TwiceInCap, WrongWordInCap, WrongMomentInCap, WrongNameInCap, NoReferences,
    TooMuchInCap.
    """
    if not is_alert(element):
        raise NotCap(file=name, found=str(element.tag)[:100])
    return _Reader(name, etree.QName(element).namespace).alert(element)


class _Reader:
    """Reads one message; keeps the file's name for sentences and gathers what is odd."""

    def __init__(self, name: str, namespace: str) -> None:
        self.name, self.namespace = name, namespace
        self.findings: list[Finding] = []
        self.strange: set[str] = set()

    def alert(self, element: Any) -> Alert:
        original = etree.tostring(element, encoding="unicode", with_tail=False)
        parts = self.parts(element, "alert")
        if len(parts["info"]) > MOST_INFOS or sum(1 for _ in element.iter(f"{{{self.namespace}}}area")) > MOST_AREAS:
            raise TooMuchInCap(file=self.name, infos=MOST_INFOS, areas=MOST_AREAS)
        msg_type = MessageType(self.one(parts, "msgType"))
        references = self.references(parts)
        if msg_type in (MessageType.UPDATE, MessageType.CANCEL, MessageType.ACK, MessageType.ERROR) and not references:
            raise NoReferences(file=self.name, line=element.sourceline or NO_LINE, kind=msg_type.value)
        infos = tuple(self.info(info) for info in parts["info"])
        if not infos and msg_type in (MessageType.ALERT, MessageType.UPDATE):
            self.tell(finding("says_nothing", N_("The message says nothing of any hazard (it has no info).")))
        if self.namespace == CAP_1_1:
            self.tell(finding("older_cap", N_("The message is written in CAP 1.1 and was read as 1.2.")))
        if self.strange:
            self.tell(
                finding(
                    "unknown_elements",
                    N_("The message has elements that CAP does not know; they were passed over: {elements}."),
                    elements=", ".join(sorted(self.strange))[:300],
                )
            )
        return Alert(
            identifier=self.one(parts, "identifier"),
            sender=self.one(parts, "sender"),
            sent=self.instant(self.one(parts, "sent"), "sent", parts["sent"][0].sourceline or NO_LINE),
            status=Status(self.one(parts, "status")),
            msg_type=msg_type,
            scope=Scope(self.one(parts, "scope")),
            source=self.one(parts, "source"),
            note=self.one(parts, "note"),
            restriction=self.one(parts, "restriction"),
            codes=tuple(text_of(e) for e in parts["code"]),
            references=references,
            incidents=self.one(parts, "incidents"),
            infos=infos,
            signed=element.find(SIGNATURE) is not None,
            original=original,
            findings=self.findings,
        )

    def info(self, element: Any) -> Info:
        parts = self.parts(element, "info")
        effective, onset, expires = (self.moment(parts, name) for name in ("effective", "onset", "expires"))
        begins = onset or effective
        if expires is not None and begins is not None and expires <= begins:
            self.tell(
                finding(
                    "ends_before_it_begins",
                    N_("The warning ends ({expires}) before or when it begins."),
                    expires=expires.isoformat(),
                )
            )
        for resource in parts["resource"]:
            self.parts(resource, "resource")
        return Info(
            language=self.one(parts, "language") or "en-US",  # the standard's own default
            categories=tuple(text_of(e) for e in parts["category"]),
            event=self.one(parts, "event"),
            responses=tuple(text_of(e) for e in parts["responseType"]),
            urgency=Urgency(self.one(parts, "urgency")),
            severity=Severity(self.one(parts, "severity")),
            certainty=Certainty(self.one(parts, "certainty")),
            effective=effective,
            onset=onset,
            expires=expires,
            texts={
                name: self.one(parts, name)[:MOST_TEXT]
                for name in ("headline", "description", "instruction", "senderName", "contact", "web", "audience")
                if self.one(parts, name)
            },
            event_codes=self.pairs(parts["eventCode"], "eventCode"),
            parameters=self.pairs(parts["parameter"], "parameter"),
            areas=tuple(self.area(area) for area in parts["area"]),
        )

    def area(self, element: Any) -> CapArea:
        parts = self.parts(element, "area")
        description = self.one(parts, "areaDesc")
        shapes = []
        for name, read in (("polygon", polygon), ("circle", circle)):
            for part in parts[name]:
                shape, findings = read(text_of(part), description)
                self.findings += [f for f in findings if f not in self.findings]
                if shape is not None:
                    shapes.append(shape)
        return CapArea(
            description,
            self.pairs(parts["geocode"], "geocode"),
            shapely.union_all(shapes) if shapes else None,
        )

    def parts(self, element: Any, kind: str) -> dict[str, list[Any]]:
        """The children by name, each as often as it may come, with words and moments that it may have."""
        known = PROFILE[kind]
        found: dict[str, list[Any]] = {name: [] for name in known}
        order = list(known)
        last = 0
        for child in element:
            name = etree.QName(child)
            if name.namespace != self.namespace or name.localname not in known:
                if child.tag != SIGNATURE:
                    self.strange.add(name.localname)
                continue
            if order.index(name.localname) < last:
                self.tell(
                    finding("out_of_order", N_("Elements of the message come in another order than CAP has them."))
                )
            last = max(last, order.index(name.localname))
            found[name.localname].append(child)
        line = element.sourceline or NO_LINE
        for name, (least, most) in known.items():
            if len(found[name]) < least:
                raise MissingInCap(file=self.name, line=line, parent=kind, element=name)
            if most is not None and len(found[name]) > most:
                raise TwiceInCap(file=self.name, line=line, parent=kind, element=name, count=len(found[name]))
            for child in found[name]:
                self.check(child, name, kind)
        return found

    def check(self, element: Any, name: str, kind: str) -> None:
        text, line = text_of(element), element.sourceline or NO_LINE
        if name in WORDS and text not in WORDS[name]:
            # Deprecated by 1.2, in use where 1.0 was.
            if name == "certainty" and text == "Very Likely":
                element.text = Certainty.LIKELY.value
                return
            raise WrongWordInCap(
                file=self.name, line=line, element=name, value=text[:100] or "–", allowed=", ".join(WORDS[name])
            )
        if name in MUST_SAY and not text:
            raise MissingInCap(file=self.name, line=line, parent=kind, element=name)
        if name in ("identifier", "sender") and not NAME.fullmatch(text):
            raise WrongNameInCap(file=self.name, line=line, element=name, value=text[:100])

    def one(self, parts: dict[str, list[Any]], name: str) -> str:
        """The text of an element that comes at most once; empty where it does not."""
        return text_of(parts[name][0]) if parts[name] else ""

    def moment(self, parts: dict[str, list[Any]], name: str) -> datetime | None:
        text = self.one(parts, name)
        if not text:
            return None
        return self.instant(text, name, parts[name][0].sourceline or NO_LINE)

    def instant(self, text: str, element: str, line: int | str) -> datetime:
        try:
            if not MOMENT.fullmatch(text):
                raise ValueError(text)
            found = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            raise WrongMomentInCap(file=self.name, line=line, element=element, value=text[:100] or "–") from None
        if text.endswith("Z"):
            self.tell(
                finding("time_z", N_("Times are written with Z, which CAP does not allow; they were read as UTC."))
            )
        return found

    def references(self, parts: dict[str, list[Any]]) -> tuple[Reference, ...]:
        """sender,identifier,sent separated by blanks; what is none of these is told and passed over."""
        found = []
        for one in self.one(parts, "references").split():
            pieces = one.split(",")
            try:
                if len(pieces) != 3 or not all(pieces):
                    raise ValueError(one)
                sent = self.instant(pieces[2], "references", parts["references"][0].sourceline or NO_LINE)
            except (ValueError, WrongMomentInCap):
                self.tell(
                    finding(
                        "bad_reference",
                        N_("A reference to an earlier message cannot be read: {reference}."),
                        reference=one[:200],
                    )
                )
                continue
            found.append(Reference(pieces[0], pieces[1], sent))
        return tuple(found)

    def pairs(self, elements: Sequence[Any], kind: str) -> tuple[tuple[str, str], ...]:
        found = []
        for element in elements:
            parts = self.parts(element, kind)
            found.append((self.one(parts, "valueName"), self.one(parts, "value")))
        return tuple(found)

    def tell(self, odd: Finding) -> None:
        """Note what is odd, once."""
        if odd not in self.findings:
            self.findings.append(odd)


def text_of(element: Any) -> str:
    """An element's own text without blanks around it."""
    return (element.text or "").strip()
