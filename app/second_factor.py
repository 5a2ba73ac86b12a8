"""The second factor: a code of six digits that a phone shows for half a minute (TOTP), and codes for a lost phone."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from hmac import compare_digest
from typing import Final
from uuid import UUID

import pyotp
import segno
from markupsafe import Markup
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from app.errors import WrongCode
from app.keys import Cipher, cipher
from app.settings import Settings
from foundation.accounts import Account, RecoveryCode, hash_of
from foundation.people import Person

PURPOSE: Final = "second factors"
ISSUER: Final = "Spremnost"
STEP_S: Final = 30
AROUND: Final = (0, -1, 1)  # phones' clocks are half a minute off, seldom more
RECOVERY_CODES: Final = 10
LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""For codes that people copy by hand: nothing that looks like something else."""


def begin(session: Session, settings: Settings, account: Account) -> str:
    """A new secret for a phone, which counts only when a code of it was shown; gives it."""
    secret = pyotp.random_base32()
    account.totp_secret, account.totp_since, account.totp_last_step = _cipher(settings).enciphered(secret), None, None
    session.flush()
    return secret


def secret_of(settings: Settings, account: Account) -> str | None:
    """The secret that the phone has too; None where there is none or the installation's key was changed."""
    return _cipher(settings).plain(account.totp_secret) if account.totp_secret else None


def confirm(session: Session, settings: Settings, account: Account, code: str, *, at: datetime) -> list[str]:
    """From now on ask for codes; gives the codes for a lost phone, which are shown once. Raises WrongCode."""
    _insist_on_totp(session, settings, account, code, at=at)
    account.totp_since = at
    return renew_recovery_codes(session, account.person_id)


def check(session: Session, settings: Settings, account: Account, code: str, *, at: datetime) -> str:
    """Whether a code is right; each is good once. Gives what it was: "totp" or "recovery". Raises WrongCode."""
    plain = "".join(code.split()).replace("-", "").lower()
    if plain.isascii() and plain.isdigit() and len(plain) == 6:
        _insist_on_totp(session, settings, account, plain, at=at)
        return "totp"
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.person_id == account.person_id,
            RecoveryCode.code_hash == hash_of(f"{account.person_id} {plain}"),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=at)
        .returning(RecoveryCode.id)
    ).all()
    if not used:
        raise WrongCode
    return "recovery"


def turn_off(session: Session, account: Account) -> None:
    """Ask for no codes any more."""
    account.totp_secret = account.totp_since = account.totp_last_step = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == account.person_id))
    session.flush()


def renew_recovery_codes(session: Session, person_id: UUID) -> list[str]:
    """New codes for a lost phone; the older ones are no good any more."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    codes = ["".join(secrets.choice(LETTERS) for _letter in range(12)) for _number in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(person_id=person_id, code_hash=hash_of(f"{person_id} {code}")) for code in codes)
    session.flush()
    return ["-".join((code[:4], code[4:8], code[8:])) for code in codes]


def recovery_codes_left(session: Session, person_id: UUID) -> int:
    """How many codes for a lost phone are still good."""
    unused = select(RecoveryCode.id).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    return len(session.scalars(unused).all())


def picture(secret: str, person: Person) -> Markup:
    """What the phone's camera reads, as SVG."""
    address = pyotp.TOTP(secret).provisioning_uri(name=person.email or person.name, issuer_name=ISSUER)
    code = segno.make(address, error="m").svg_inline(scale=5, dark="#000", light="#fff", omitsize=False)
    return Markup(code)  # noqa: S704  # made by us, and holds numbers only


def _insist_on_totp(session: Session, settings: Settings, account: Account, code: str, *, at: datetime) -> None:
    secret = secret_of(settings, account)
    plain = "".join(code.split())
    now = int(at.timestamp()) // STEP_S
    step = None
    if secret and re.fullmatch("[0-9]{6}", plain):
        phone = pyotp.TOTP(secret)
        steps = (now + n for n in AROUND)
        step = next((one for one in steps if compare_digest(phone.at(one * STEP_S), plain)), None)
    if step is None:
        raise WrongCode
    # Two tries with one code at the same time: the row lets one pass.
    passed = session.execute(
        update(Account)
        .where(
            Account.person_id == account.person_id,
            or_(Account.totp_last_step.is_(None), Account.totp_last_step < step),
        )
        .values(totp_last_step=step)
        .returning(Account.person_id)
    ).one_or_none()
    if passed is None:
        raise WrongCode


def _cipher(settings: Settings) -> Cipher:
    return cipher(settings, PURPOSE)
