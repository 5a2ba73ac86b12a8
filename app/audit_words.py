"""The audit's actions in words."""

from __future__ import annotations

from typing import Final

from app.languages import _
from foundation.errors import N_

ACTIONS: Final = {
    "data.cleaned": N_("deleted what is older than it is kept"),
    "diary.written": N_("wrote in the duty diary"),
    "evacuation.stepped": N_("took an evacuation a step further"),
    "figure.entered": N_("entered a reference figure"),
    "figure.reported": N_("reported a figure of an incident"),
    "figure.revised": N_("changed a reference figure"),
    "incident.amended": N_("amended an incident"),
    "incident.linked": N_("linked an incident"),
    "layer.read_in": N_("read a layer in"),
    "layer.ready": N_("made a layer ready"),
    "layer.received": N_("received a layer's file"),
    "layer.refused": N_("refused a layer's file"),
    "layer.withdrawn": N_("took a layer out of use"),
    "mail.link_shown": N_("looked at the link in an e-mail"),
    "mail.sent_again": N_("had an e-mail sent again"),
    "person.code_off": N_("turned a second factor off"),
    "person.code_on": N_("turned a second factor on"),
    "person.deactivated": N_("closed a person's access"),
    "person.email_changed": N_("changed their e-mail address"),
    "person.erased": N_("erased a person"),
    "person.exported": N_("took away their own data"),
    "person.invitation_sent": N_("sent an invitation"),
    "person.language_changed": N_("changed their language"),
    "person.linked": N_("signed in by another server for the first time"),
    "person.made_administrator": N_("made a person administrator"),
    "person.made": N_("added a person"),
    "person.name_changed": N_("changed their name"),
    "person.password_chosen": N_("chose a password"),
    "person.reactivated": N_("opened a person's access again"),
    "person.recovery_code_used": N_("used a code for a lost phone"),
    "person.recovery_codes_renewed": N_("made new codes for a lost phone"),
    "person.reset_sent": N_("had a link for a new password sent"),
    "person.role_ended": N_("ended a role"),
    "person.role_given": N_("gave a role"),
    "person.signed_in": N_("signed in"),
    "person.signed_out": N_("signed out"),
    "person.signed_out_elsewhere": N_("signed out in all other browsers"),
    "person.signed_out_everywhere": N_("signed a person out everywhere"),
    "person.token_made": N_("made a token"),
    "person.token_revoked": N_("revoked a token"),
    "reading.corrected": N_("corrected a gauge reading"),
    "reading.entered": N_("entered a gauge reading"),
    "setting.changed": N_("changed a setting"),
    "station.changed": N_("changed a gauge station"),
    "station.closed": N_("closed a gauge station"),
    "station.entered": N_("entered a gauge station"),
    "warning.received": N_("received a warning"),
    "warning.stored": N_("kept a warning"),
    "warning_regions.loaded": N_("loaded the regions of warnings"),
    "warnings.relocated": N_("found anew where warnings apply"),
}


def action_name(action: str) -> str:
    """An action in the reader's language; one without words is its code."""
    return _(ACTIONS[action]) if action in ACTIONS else action
