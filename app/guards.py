"""Who may see which page: every endpoint stands here, or the tests fail.

There are no accounts yet. Whoever sits at this machine is the local operator and may see and do everything; nobody else
may. A page that asks for another machine's request is refused, also one that a proxy or a hostile name brings here.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Request, request

from app.errors import ForeignForm, OnlyHere
from foundation.audit import Actor

PUBLIC = frozenset({"static", "status.show", "health.live", "health.ready", "language.choose"})
LOOPBACK = frozenset(
    {
        "home.show",
        "map.show",
        "map.exposure",
        "map.places",
        "map.search",
        "map.portable",
        "map.picture",
        "areas.show",
        "table.show",
        "table.export",
        "layers.show",
        "layers.one",
        "jobs.show",
        "jobs.cancel",
        "tiles.boundaries",
        "tiles.features",
        "tiles.hazard",
    }
)
LOCAL_OPERATOR = Actor("local operator")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def init_app(app: Flask) -> None:
    """Keep out who may not see a page, before it does anything."""
    app.before_request(_guard)


def _guard() -> None:
    if request.endpoint in LOOPBACK and not comes_from_here(request):
        raise OnlyHere
    if request.method not in SAFE_METHODS and not is_own_form(request):
        raise ForeignForm


def comes_from_here(asked: Request) -> bool:
    """Whether a browser on this machine asks this machine, with nothing between them."""
    host = urlsplit(f"//{asked.host}").hostname or ""
    return (
        _is_loopback(asked.remote_addr or "")
        and (host == "localhost" or _is_loopback(host))  # a hostile page may bind its own name to 127.0.0.1
        and not any(header in asked.headers for header in PROXY_HEADERS)
    )


def is_own_form(asked: Request) -> bool:
    """Whether a form was sent from one of our own pages: browsers say so, other programs have no cookies to abuse."""
    site = asked.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = asked.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == asked.host


@lru_cache(maxsize=256)
def _is_loopback(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)
