"""What people see in the browser, one blueprint per subject.

Those in IN_SPACES are served in every space, below `/op` and `/ex/<exercise>`; the others are outside of spaces.
"""

from app.pages.account import account
from app.pages.appearance import appearance
from app.pages.areas import areas
from app.pages.audit import audit
from app.pages.away import away
from app.pages.code import code
from app.pages.figures import figures
from app.pages.gauges import gauges_
from app.pages.health import health
from app.pages.help import help_
from app.pages.home import door, home
from app.pages.incidents import incidents_
from app.pages.interface import interface
from app.pages.jobs import jobs
from app.pages.joining import joining_
from app.pages.language import language
from app.pages.layers import layers
from app.pages.machine import machine
from app.pages.mails import mails_
from app.pages.map import map_
from app.pages.metrics import metrics
from app.pages.notices import notices
from app.pages.organisations import organisations
from app.pages.people import people
from app.pages.risk import risk
from app.pages.settings import settings
from app.pages.sharing import sharing
from app.pages.sign_in import sign_in
from app.pages.status import status
from app.pages.table import table
from app.pages.tiles import tiles
from app.pages.tokens import tokens
from app.pages.trust import trust as trust_
from app.pages.warnings import warnings_

IN_SPACES = (
    home,
    notices,
    map_,
    areas,
    table,
    gauges_,
    incidents_,
    warnings_,
    away,
    risk,
    layers,
    jobs,
    sharing,
)
OUTSIDE = (
    door,
    sign_in,
    status,
    language,
    appearance,
    help_,
    interface,
    tiles,
    health,
    mails_,
    people,
    joining_,
    account,
    code,
    tokens,
    settings,
    trust_,
    audit,
    metrics,
    organisations,
    figures,
    machine,
)
