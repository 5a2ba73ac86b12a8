"""What each role may do. The table is the whole of it: pages ask for a right, never for a role."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from foundation.roles import Role


class Right(StrEnum):
    SEE = "see"  # map, table, layers, warnings, gauges
    ASK = "ask"  # draw, reckon, save
    REPORT = "report"  # gauge readings, figures of an incident, duty diary
    COORDINATE = "coordinate"  # incidents, evacuations, warnings, offers and orders inside the jurisdiction
    MANAGE_LAYERS = "manage_layers"
    MANAGE_STOCK = "manage_stock"  # depots, items, hand-over, return
    APPROVE = "approve"  # bind the organisation: requests, agreements, what others may see
    TRAIN = "train"  # prepare exercises
    CONTROL = "control"
    EVALUATE = "evaluate"
    PLAY = "play"
    ADMINISTER = "administer"


_OFFICER: Final = {Right.SEE, Right.ASK, Right.REPORT}
OF_ROLE: Final[dict[Role, frozenset[Right]]] = {
    Role.ADMINISTRATOR: frozenset({Right.SEE, Right.ASK, Right.MANAGE_LAYERS, Right.ADMINISTER}),
    Role.DUTY_OFFICER: frozenset({*_OFFICER, Right.COORDINATE, Right.MANAGE_LAYERS}),
    Role.MUNICIPAL_OFFICER: frozenset({*_OFFICER, Right.MANAGE_STOCK}),
    Role.CUSTODIAN: frozenset({Right.SEE, Right.MANAGE_STOCK}),
    Role.APPROVER: frozenset({Right.SEE, Right.ASK, Right.APPROVE}),
    Role.TRAINER: frozenset({Right.SEE, Right.ASK, Right.TRAIN, Right.CONTROL, Right.EVALUATE}),
    Role.PARTNER: frozenset({Right.SEE, Right.MANAGE_STOCK, Right.APPROVE}),
    Role.VIEWER: frozenset({Right.SEE}),
    Role.CONTROLLER: frozenset({Right.SEE, Right.ASK, Right.CONTROL}),
    Role.EVALUATOR: frozenset({Right.SEE, Right.EVALUATE}),
    Role.PLAYER: frozenset({*_OFFICER, Right.COORDINATE, Right.MANAGE_STOCK, Right.APPROVE, Right.PLAY}),
    Role.OBSERVER: frozenset({Right.SEE}),
}


OPERATIONAL_ONLY: Final = frozenset({Right.MANAGE_LAYERS, Right.ADMINISTER})
"""What changes the shared world: nobody does it from within an exercise."""


def rights_of(roles: Iterable[Role], *, operational: bool = True) -> frozenset[Right]:
    """All that somebody with these roles may do, in the real world or in an exercise."""
    found: frozenset[Right] = frozenset().union(*(OF_ROLE[role] for role in roles))
    return found if operational else found - OPERATIONAL_ONLY


class Scope(StrEnum):
    """What a token is limited to, within what its person may do."""

    READ = "read"  # look at everything, change nothing
    REPORT = "report"  # send gauge readings and figures
    WRITE = "write"  # everything but administration


def rights_of_scopes(scopes: Iterable[str], *, only_looks: bool) -> frozenset[Right]:
    """What a token with these scopes may use of its person's rights; administration is never done by a program."""
    found: set[Right] = set()
    for scope in scopes:
        if scope == Scope.WRITE or (scope == Scope.READ and only_looks):
            found |= set(Right) - {Right.ADMINISTER}
        elif scope == Scope.REPORT:
            found |= {Right.SEE, Right.REPORT}
    return frozenset(found)
