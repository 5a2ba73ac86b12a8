"""How a phone or a computer on the local network comes to trust this installation's certificate."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from app import lan
from app.errors import NoSuchPage
from app.factory import current_settings
from app.guards import public

trust = Blueprint("trust", __name__, url_prefix="/trust")

PLAIN: Final = frozenset(
    {"trust.show", "trust.certificate", "static", "language.choose", "health.live", "health.ready"}
)
"""What a local network may have without encryption: what is needed to get there, and nothing that anybody wrote."""


@trust.get("")
@public
def show() -> ResponseReturnValue:
    """The steps for each system, with the fingerprint to compare."""
    files = _files()
    return render_template("trust.html", fingerprint=lan.fingerprint(files), secure_address=secure_address("/"))


@trust.get("/spremnost.crt")
@public
def certificate() -> ResponseReturnValue:
    """The certificate of the authority, never its key."""
    answer = Response(lan.authority_der(_files()), mimetype="application/x-x509-ca-cert")
    answer.headers["Content-Disposition"] = 'attachment; filename="spremnost.crt"'
    return answer


def init_app(app: Flask) -> None:
    """Where a local network is served, send everybody to the encrypted address."""
    app.before_request(_to_the_secure_address)


def _to_the_secure_address() -> ResponseReturnValue | None:
    if not current_settings().lan or request.is_secure or request.endpoint in PLAIN:
        return None
    # 307 would send a typed password again; it should not have been sent here at all.
    return redirect(secure_address(request.full_path.rstrip("?")), code=303)


def secure_address(path: str) -> str:
    """The same place by HTTPS, under the address or name that was asked for."""
    asked = urlsplit(f"//{request.host}").hostname or ""
    known = lan.hosts_of(_files())
    host = asked if asked in known else known[0]
    return f"https://{f'[{host}]' if ':' in host else host}:{current_settings().lan_port}{path}"


def _files() -> lan.Certificates:
    files = lan.certificates(current_settings().data_dir)
    if not current_settings().lan or not files.server.exists():
        raise NoSuchPage
    return files
