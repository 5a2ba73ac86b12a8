"""Incidents may be about saved questions, too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incident_link", sa.Column("saved_ask_id", sa.Uuid(), nullable=True))
    op.drop_index(
        "ix_incident_link_space_id_incident_id_warning_id_station_id",
        table_name="incident_link",
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "uq_incident_link_target",
        "incident_link",
        ["space_id", "incident_id", "warning_id", "station_id", "saved_ask_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_foreign_key(
        op.f("fk_incident_link_space_id_saved_ask_id_saved_ask"),
        "incident_link",
        "saved_ask",
        ["space_id", "saved_ask_id"],
        ["space_id", "id"],
    )
    op.drop_constraint(op.f("ck_incident_link_one_target"), "incident_link")
    op.create_check_constraint(
        op.f("ck_incident_link_one_target"),
        "incident_link",
        "num_nonnulls(warning_id, station_id, saved_ask_id) = 1",
    )
