"""Signing in by another server (OpenID Connect, authorization code with PKCE).

Only who was invited here comes in: by an earlier link, or once by the address that the other server has verified.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final, cast
from urllib.parse import urlsplit

import requests
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from sqlalchemy.orm import Session

from app.errors import NotInvited, OtherServerFailed
from app.settings import Settings
from app.signing_in import note
from foundation.accounts import ExternalIdentity
from foundation.people import Person, person_by_email

TIMEOUT_S: Final = 10
PATIENCE_S: Final = 600
ALGORITHMS: Final = ["RS256", "PS256", "ES256"]
LEEWAY_S: Final = 60

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Asked:
    """What was sent along when somebody was sent to the other server; their browser brings it back, signed."""

    state: str
    nonce: str
    verifier: str
    at: float
    next: str

    def as_kept(self) -> dict[str, Any]:
        """For the browser's cookie."""
        return {"state": self.state, "nonce": self.nonce, "verifier": self.verifier, "at": self.at, "next": self.next}


def is_offered(settings: Settings) -> bool:
    """Whether another server is set."""
    return bool(settings.oidc_issuer)


def begin(settings: Settings, next_: str) -> tuple[str, Asked]:
    """Where to send the browser, and what to keep until it comes back. Raises OtherServerFailed."""
    asked = Asked(
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        at=time.time(),
        next=next_,
    )
    where, _state = _client(settings).create_authorization_url(
        _metadata(settings)["authorization_endpoint"],
        state=asked.state,
        nonce=asked.nonce,
        code_verifier=asked.verifier,
    )
    return where, asked


def finish(settings: Settings, kept: dict[str, Any] | None, *, state: str, code: str) -> dict[str, Any]:
    """What the other server says of whoever came back. Raises OtherServerFailed."""
    try:
        asked = Asked(**(kept or {}))
    except TypeError:
        raise _failed("nobody was sent there from this browser") from None
    if not code or not secrets.compare_digest(state.encode(), asked.state.encode()):
        raise _failed("state")
    if time.time() - asked.at > PATIENCE_S:
        raise _failed("too late")
    metadata = _metadata(settings)
    try:
        with _client(settings) as client:
            answer = client.fetch_token(
                metadata["token_endpoint"], code=code, code_verifier=asked.verifier, timeout=TIMEOUT_S
            )
        keys = KeySet.import_key_set(cast(KeySetSerialization, _get(metadata["jwks_uri"])))
        return _claims(settings, str(answer["id_token"]), keys, asked)
    except (AuthlibBaseError, JoseError, requests.RequestException, KeyError, ValueError) as error:
        raise _failed(f"{type(error).__name__}: {error}") from error


def person_of(session: Session, claims: dict[str, Any], *, at: datetime) -> Person:
    """Whoever that is here: linked before, or invited with the address that was verified there. Raises NotInvited."""
    issuer, subject = str(claims["iss"]), str(claims["sub"])
    known = session.get(ExternalIdentity, (issuer, subject))
    if known is not None:
        person = session.get_one(Person, known.person_id)
        if not person.is_active:
            raise NotInvited
        return person
    invited = person_by_email(session, str(claims.get("email", ""))) if claims.get("email_verified") is True else None
    if invited is None:
        raise NotInvited
    session.add(ExternalIdentity(issuer=issuer, subject=subject, person_id=invited.id, linked_at=at))
    note(session, invited.id, "person.linked", at=at)
    return invited


def _claims(settings: Settings, token: str, keys: KeySet, asked: Asked) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
    jwt.JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True, "value": settings.oidc_issuer},
        aud={"essential": True, "value": settings.oidc_client_id},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
        nonce={"essential": True, "value": asked.nonce},
    ).validate(claims)
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != settings.oidc_client_id:
        raise ValueError("azp")
    return claims


def _client(settings: Settings) -> OAuth2Session:
    return OAuth2Session(
        settings.oidc_client_id,
        settings.oidc_client_secret,
        scope="openid email",
        redirect_uri=f"{settings.public_url}/sign-in/other/back",
        code_challenge_method="S256",
    )


def _metadata(settings: Settings) -> dict[str, Any]:
    found = _get(f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != settings.oidc_issuer:
        raise _failed("issuer")
    try:
        endpoints = [found[name] for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    except KeyError as error:
        raise _failed(f"no {error}") from error
    if not all(is_safe(str(endpoint)) for endpoint in endpoints):
        raise _failed("endpoint without TLS")
    return found


def _get(address: str) -> dict[str, Any]:
    try:
        answer = requests.get(address, timeout=TIMEOUT_S, allow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise _failed(f"{type(error).__name__}") from error
    if not isinstance(found, dict):
        raise _failed("no object")
    return found


def is_safe(address: str) -> bool:
    """Whether an address is asked over TLS, or on this machine."""
    parts = urlsplit(address)
    try:
        here = ip_address(parts.hostname or "").is_loopback
    except ValueError:
        here = parts.hostname == "localhost"
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and here))


def _failed(reason: str) -> OtherServerFailed:
    log.warning("signing in by the other server has failed", reason=reason)
    return OtherServerFailed()
