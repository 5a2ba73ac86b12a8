"""The hazards of a CAP message: what it says of one hazard in several languages, put together.

Two infos are the same hazard in two languages when severity, end, places and the sender's own type of hazard agree. One
that has no such partner stands alone: rather a warning twice than the words of one under the colour of another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from foundation.errors import N_
from layers.cap import Alert, CapArea, Certainty, Info, Severity, Urgency
from layers.findings import Finding, finding

WITHOUT_END: Final = timedelta(hours=72)
"""A warning that says no end counts so long from its beginning, unless it is cancelled or updated."""
SEVERITY_RANK: Final = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass
class Part:
    """One hazard of a message. begins: onset, else effective, else sent; ends: exclusive; texts: by language."""

    event: str
    categories: tuple[str, ...]
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    responses: tuple[str, ...]
    begins: datetime
    ends: datetime
    onset_given: bool
    end_given: bool
    event_codes: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]
    areas: tuple[CapArea, ...]
    texts: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def awareness_level(self) -> int | None:
        """MeteoAlarm's colour as a number from 1 (green) to 4 (red)."""
        found = re.match(r"\s*([1-4])\s*;", dict(self.parameters).get("awareness_level", ""))
        return int(found[1]) if found else None

    @property
    def awareness_type(self) -> str | None:
        """MeteoAlarm's word for the hazard: wind, rain, flooding, forest-fire …"""
        _, _, word = dict(self.parameters).get("awareness_type", "").partition(";")
        return word.strip().casefold() or None


def parts_of(alert: Alert) -> tuple[list[Part], list[Finding]]:
    """(the hazards of a message, what is odd about them)."""
    groups: list[list[Info]] = []
    for info in alert.infos:
        for group in groups:
            if _same_hazard(group[0], info) and info.language not in {one.language for one in group}:
                group.append(info)
                break
        else:
            groups.append([info])
    findings: list[Finding] = []
    languages = {info.language for info in alert.infos}
    if any({one.language for one in group} != languages for group in groups):
        findings.append(
            finding(
                "languages_differ", N_("The message does not say the same in all its languages; all of it is shown.")
            )
        )
    parts = [_part(group, alert, findings) for group in groups]
    return parts, findings


def _same_hazard(one: Info, other: Info) -> bool:
    return _signature(one) == _signature(other)


def _signature(info: Info) -> tuple[Any, ...]:
    parameters = dict(info.parameters)
    places = frozenset((area.codes, None if area.shape is None else area.shape.wkb) for area in info.areas)
    kind = parameters.get("awareness_type") or (sorted(info.event_codes) if info.event_codes else None)
    return info.severity, info.expires, str(kind), info.categories, places


def _part(group: Sequence[Info], alert: Alert, findings: list[Finding]) -> Part:
    onset = next((info.onset for info in group if info.onset), None)
    effective = next((info.effective for info in group if info.effective), None)
    expires = next((info.expires for info in group if info.expires), None)
    begins = onset or effective or alert.sent
    first = group[0]
    if onset is None:
        _tell(
            findings,
            finding("no_onset", N_("The message does not say when the hazard begins; it counts from its issue.")),
        )
    if expires is None:
        _tell(
            findings,
            finding(
                "no_end",
                N_("The message says no end; it counts for {hours} hours unless it is cancelled."),
                hours=int(WITHOUT_END.total_seconds() // 3600),
            ),
        )
    return Part(
        event=first.event,
        categories=first.categories,
        urgency=first.urgency,
        severity=first.severity,
        certainty=first.certainty,
        responses=first.responses,
        begins=begins,
        ends=expires or begins + WITHOUT_END,
        onset_given=onset is not None,
        end_given=expires is not None,
        event_codes=first.event_codes,
        parameters=first.parameters,
        areas=first.areas,
        texts={info.language: {"event": info.event, **info.texts} for info in group},
    )


def _tell(findings: list[Finding], odd: Finding) -> None:
    if odd not in findings:
        findings.append(odd)
