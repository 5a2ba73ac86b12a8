"""Spaces, people, audit, outbox and reference figures: what everything else stands on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.migrations.row_security import wall_off

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# For everyone, the owner too: an audit that somebody can mend proves nothing.
APPEND_ONLY = """
CREATE FUNCTION refuse_to_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite();
"""

# The check on the table lets no second operational space in; this lets the first one not go.
SPACES_STAY = """
CREATE FUNCTION keep_space_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' OR TG_OP = 'DELETE' AND OLD.kind = 'operational' THEN
        RAISE EXCEPTION 'the operational space stays' USING ERRCODE = 'insufficient_privilege';
    ELSIF TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF NEW.id <> OLD.id OR NEW.kind <> OLD.kind THEN
        RAISE EXCEPTION 'a space keeps its id and its kind' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_identity BEFORE UPDATE OR DELETE ON space
    FOR EACH ROW EXECUTE FUNCTION keep_space_identity();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON space
    FOR EACH STATEMENT EXECUTE FUNCTION keep_space_identity();
"""


def upgrade() -> None:
    op.create_table(
        "space",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("operational", "exercise", name="spacekind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "preparing", "open", "closed", name="spacestate", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("clock_offset", sa.Interval(), server_default=sa.text("interval '0'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'operational') = (id = '00000000-0000-4000-8000-000000000001')",
            name=op.f("ck_space_one_operational"),
        ),
        sa.CheckConstraint(
            "kind <> 'operational' OR clock_offset = interval '0'", name=op.f("ck_space_operational_clock_is_real")
        ),
        sa.CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name=op.f("ck_space_slug")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_space")),
        sa.UniqueConstraint("slug", name=op.f("uq_space_slug")),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "municipality",
                "civil_protection",
                "fire_brigade",
                "mountain_rescue",
                "red_cross",
                "company",
                "donor",
                "other",
                name="organisationkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("name", name=op.f("uq_organisation_name")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column(
            "locale",
            sa.Enum(
                "bs",
                "hr",
                "sr_Latn_BA",
                "sr_Cyrl_BA",
                "en",
                name="locale",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    op.create_index(
        "uq_person_email_active",
        "person",
        [sa.literal_column("lower(email)")],
        unique=True,
        postgresql_where=sa.text("deactivated_at IS NULL"),
    )
    op.create_table(
        "membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("person_id"), "="),
            (sa.column("organisation_id"), "="),
            (sa.text("tstzrange(since, until)"), "&&"),
            using="gist",
            name="ex_membership_once_at_a_time",
        ),
        sa.CheckConstraint("until > since", name=op.f("ck_membership_period")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_membership_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_membership_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_organisation_id"), "membership", ["organisation_id"], unique=False)
    op.create_table(
        "reference_figure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "standard",
                "need",
                "displacement_rate",
                name="figurekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("upper", sa.Numeric(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column(
            "rule",
            sa.Enum(
                "at_least",
                "at_most",
                "between",
                "exactly",
                name="rule",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "phase",
            sa.Enum(
                "any",
                "survival",
                "emergency",
                "post_emergency",
                name="phase",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("from_depth_m", sa.Numeric(), nullable=True),
        sa.Column("to_depth_m", sa.Numeric(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "official",
                "secondary",
                "memory",
                name="figurestatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(rule = 'between') = (upper IS NOT NULL)", name=op.f("ck_reference_figure_upper_if_between")
        ),
        sa.CheckConstraint("upper > value AND upper < 'Infinity'", name=op.f("ck_reference_figure_upper")),
        sa.CheckConstraint(
            "kind <> 'displacement_rate' OR value <= 1", name=op.f("ck_reference_figure_rate_is_a_share")
        ),
        sa.CheckConstraint(
            "kind = 'displacement_rate' OR (from_depth_m IS NULL AND to_depth_m IS NULL)",
            name=op.f("ck_reference_figure_only_rates_have_depths"),
        ),
        sa.CheckConstraint("value >= 0 AND value < 'Infinity'", name=op.f("ck_reference_figure_value")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_reference_figure_revision")),
        sa.CheckConstraint("to_depth_m > from_depth_m", name=op.f("ck_reference_figure_depths")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reference_figure")),
        sa.UniqueConstraint("code", "revision", name=op.f("uq_reference_figure_code_revision")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_audit_entry_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_audit_entry_person_id_person")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_audit_entry_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "id", name=op.f("pk_audit_entry")),
    )
    op.create_index(op.f("ix_audit_entry_space_id_number"), "audit_entry", ["space_id", "number"], unique=True)
    op.create_index(
        op.f("ix_audit_entry_space_id_subject_kind_subject_id_number"),
        "audit_entry",
        ["space_id", "subject_kind", "subject_id", "number"],
        unique=False,
    )
    op.create_table(
        "outbox_message",
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_outbox_message_space_id_space")),
        sa.PrimaryKeyConstraint("space_id", "sequence", name=op.f("pk_outbox_message")),
    )
    wall_off("audit_entry")
    wall_off("outbox_message")
    op.execute(APPEND_ONLY)
    op.execute(SPACES_STAY)
    op.execute(
        "INSERT INTO space (id, kind, slug, name, state, created_at) VALUES "
        "('00000000-0000-4000-8000-000000000001', 'operational', 'op', 'Operational space', 'open', now())"
    )
