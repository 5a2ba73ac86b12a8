"""Questions about places, for pages: what a process keeps of the countings, and what a chosen hazard is asked as."""

from __future__ import annotations

from typing import Final, cast

from flask import current_app

from app.exposed import Choice
from app.factory import current_settings
from app.importing import file_store
from layers.recounting import KeptRuns
from layers.runs import Family, Hazard

_EXTENSION: Final = "spremnost.kept_runs"


def current_kept() -> KeptRuns:
    """What the current application keeps of the countings, for all of its threads."""
    if _EXTENSION not in current_app.extensions:
        kept = KeptRuns(file_store(current_settings().data_dir).path)
        current_app.extensions.setdefault(_EXTENSION, kept)
    return cast(KeptRuns, current_app.extensions[_EXTENSION])


def hazard_of(choice: Choice) -> Hazard:
    """What is asked about when this was chosen on the map or in the table."""
    if choice.layer is not None:
        return Hazard(version_id=choice.hazards[0].id)
    return Hazard(Family(choice.family), choice.years, choice.event)
