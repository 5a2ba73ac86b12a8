"""Who may see which page: every view says so itself, and one that does not is closed to everybody.

    @public                      whoever comes
    @signed_in                   whoever is signed in
    @in_browser                  whoever is signed in themselves, and no program with a token
    @tiles                       the same as @signed_in, found without asking the database each time
    @needs(Right.REPORT, ...)    whoever may do one of these things in the name of the organisation they act for

Rights are those of this request's space (app.identity). What an organisation may see of another's things is asked where
the things are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask, Request, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect

from app import identity
from app.errors import ActingChanged, CodeNeeded, ForeignForm, NotAllowed, NotSignedIn
from app.identity import SAFE_METHODS, Identity, me
from app.rights import Right

View = TypeVar("View", bound=Callable[..., Any])

PROXY_HEADERS: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
ACTING: Final = "acting"
"""The form field that says in whose name the page was opened."""

WITHOUT_CODE: Final = frozenset({"account", "code", "sign_in"})
"""Where somebody may still go who must turn on their second factor first."""

_csrf = CSRFProtect()


@dataclass(frozen=True)
class Guard:
    """Who may pass. rights: one of them is enough; none means that being signed in is."""

    public: bool = False
    tiles: bool = False
    browser: bool = False
    rights: frozenset[Right] = frozenset()

    def lets(self, who: Identity | None) -> bool:
        """Whether somebody passes."""
        if self.public:
            return True
        if who is None or (self.browser and who.session_id is None):
            return False
        return not self.rights or who.may(*self.rights)


def _marked(view: View, guard: Guard) -> View:
    view.guard = guard  # type: ignore[attr-defined]
    return view


def public(view: View) -> View:
    """Whoever comes may see this."""
    return _marked(view, Guard(public=True))


def signed_in(view: View) -> View:
    """Whoever is signed in may see this."""
    return _marked(view, Guard())


def in_browser(view: View) -> View:
    """Whoever is signed in themselves may see this; no program can, whatever its token says."""
    return _marked(view, Guard(browser=True))


def tiles(view: View) -> View:
    """Whoever is signed in may see this; for what is asked for hundreds of times."""
    return _marked(view, Guard(tiles=True))


def needs(*rights: Right) -> Callable[[View], View]:
    """Whoever may do one of these may see this."""
    return lambda view: _marked(view, Guard(rights=frozenset(rights)))


def guard_of(app: Flask, endpoint: str) -> Guard | None:
    """What a view says of itself."""
    return cast(Guard | None, getattr(app.view_functions.get(endpoint), "guard", None))


def init_app(app: Flask) -> None:
    """Keep out who may not see a page, before it does anything."""
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    _csrf.init_app(app)
    public(app.view_functions["static"])
    app.before_request(_guard)


def _guard() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # nothing is there, which the answer says
    guard = guard_of(current_app, request.endpoint)
    if guard is None:
        raise NotAllowed
    if request.method not in SAFE_METHODS:
        _insist_on_own_form()
    if guard.tiles and identity.may_see_tiles():
        return None
    who = None if guard.public else me()
    if not guard.lets(who):
        if who is not None:
            raise NotAllowed
        if request.method == "GET" and _is_page(request):
            return redirect(url_for("sign_in.show", next=request.full_path.rstrip("?")))
        raise NotSignedIn
    if who is not None and who.needs_code and request.blueprint not in WITHOUT_CODE:
        if request.method == "GET" and _is_page(request):
            return redirect(url_for("code.show"))
        raise CodeNeeded
    if who is not None and request.method not in SAFE_METHODS:
        if who.scopes is not None and not guard.rights:
            raise NotAllowed  # what everybody may do for themselves, no program does
        _insist_on_same_organisation(who)
    return None


def _is_page(asked: Request) -> bool:
    """Whether somebody looks at the answer, and not a script or a program."""
    into = asked.headers.get("Sec-Fetch-Dest")
    return into in {"document", "iframe"} if into else "text/html" in asked.headers.get("Accept", "")


def _insist_on_own_form() -> None:
    """A form must come from one of our own pages. A program's token is sent by nobody else's page."""
    if request.headers.get("Authorization", "").lower().startswith("bearer "):
        return
    if not is_own_form(request):
        raise ForeignForm
    try:
        _csrf.protect()
    except CSRFError as error:
        raise ForeignForm from error


def _insist_on_same_organisation(who: Identity) -> None:
    """Somebody may have switched in another window since this page was opened."""
    opened_as = request.form.get(ACTING)
    if opened_as is not None and opened_as != str(who.organisation_id or ""):
        raise ActingChanged(name=who.acting.name if who.acting else "–")


def is_own_form(asked: Request) -> bool:
    """Whether a form was sent from one of our own pages: browsers say so, other programs have no cookies to abuse."""
    site = asked.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = asked.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == asked.host


def comes_from_here(asked: Request) -> bool:
    """Whether a browser on this machine asks this machine, with nothing between them."""
    host = urlsplit(f"//{asked.host}").hostname or ""
    return (
        _is_loopback(asked.remote_addr or "")
        and (host == "localhost" or _is_loopback(host))  # a hostile page may bind its own name to 127.0.0.1
        and not any(header in asked.headers for header in PROXY_HEADERS)
    )


def _is_loopback(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def signed_in_person() -> Identity:
    """Who asks, on a page that only lets in who is signed in."""
    who = me()
    if who is None:
        raise NotSignedIn
    return who


def acting_organisation() -> UUID:
    """In whose name they act, on a page that changes something for an organisation."""
    organisation = signed_in_person().organisation_id
    if organisation is None:
        raise NotAllowed
    return organisation
