"""Mails in their space

A unique index over all spaces lets one space learn of another's rows.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("uq_mail_message_id"), "mail", type_="unique")
    op.create_unique_constraint(op.f("uq_mail_space_id_message_id"), "mail", ["space_id", "message_id"])


def downgrade() -> None:
    op.drop_constraint(op.f("uq_mail_space_id_message_id"), "mail", type_="unique")
    op.create_unique_constraint(op.f("uq_mail_message_id"), "mail", ["message_id"])
