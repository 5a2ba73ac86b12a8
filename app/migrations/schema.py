"""The schema that the migrations must lead to, and what of a database is compared with it."""

from __future__ import annotations

from typing import Any, Final

from geoalchemy2 import alembic_helpers

# Every module with tables is imported here, or no migration knows of it.
import foundation.accounts
import foundation.answered
import foundation.audit
import foundation.drafts
import foundation.mails
import foundation.notices
import foundation.outbox
import foundation.people
import foundation.reference
import foundation.settings
import foundation.spaces  # noqa: F401
import layers.annual
import layers.areas
import layers.catalogue
import layers.diary
import layers.evacuations
import layers.exposure
import layers.features
import layers.gauge_alarms
import layers.gauge_exposure
import layers.gauges
import layers.incident_figures
import layers.incident_marks
import layers.incidents
import layers.jurisdictions
import layers.people
import layers.readings
import layers.riskindex
import layers.saved_asks
import layers.sharing
import layers.warning_regions
import layers.warning_tables  # noqa: F401
from foundation.database import Base

metadata = Base.metadata

# Only the schema `public` is compared, without PostGIS's own tables; Procrastinate looks after its schema itself.
COMPARISON: Final[dict[str, Any]] = {
    "target_metadata": metadata,
    "include_object": alembic_helpers.include_object,
    "compare_type": True,
    "compare_server_default": True,
}
