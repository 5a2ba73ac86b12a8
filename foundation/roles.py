"""The parts that people play; which rights a part brings is decided by whoever serves them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    ADMINISTRATOR = "administrator"
    DUTY_OFFICER = "duty_officer"  # and headquarters: coordinates inside the organisation's jurisdiction
    MUNICIPAL_OFFICER = "municipal_officer"
    CUSTODIAN = "custodian"
    APPROVER = "approver"
    TRAINER = "trainer"
    PARTNER = "partner"  # of an organisation that owns or holds equipment and is no municipality
    VIEWER = "viewer"
    CONTROLLER = "controller"
    EVALUATOR = "evaluator"
    PLAYER = "player"
    OBSERVER = "observer"


EXERCISE_ROLES: Final = frozenset({Role.CONTROLLER, Role.EVALUATOR, Role.PLAYER, Role.OBSERVER})
"""Roles that exist inside one exercise only."""
