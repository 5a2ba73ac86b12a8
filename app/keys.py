"""The installation's key, where none is given, and what is made from it."""

import os
import secrets
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.settings import Settings


def kept_secret_key(data_dir: Path) -> str:
    """The key kept in the data folder, made on first use; processes that start together get the same one."""
    path = data_dir / "secret-key"
    with suppress(FileNotFoundError):
        return path.read_text()
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = data_dir / f"secret-key.{secrets.token_hex(8)}"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    with suppress(FileExistsError):
        os.link(draft, path)  # unlike a rename, this leaves the key of a faster process alone
    draft.unlink()
    return path.read_text()


class Cipher:
    """Enciphers what is kept in the database and must be readable again, with a key made from the installation's."""

    def __init__(self, secret_key: str, purpose: str) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"spremnost {purpose}".encode())
        self._fernet = Fernet(urlsafe_b64encode(derived.derive(secret_key.encode())))

    def enciphered(self, text: str) -> str:
        """How the text is kept."""
        return self._fernet.encrypt(text.encode()).decode()

    def plain(self, kept: str) -> str | None:
        """The text; None where it was kept under another key, as after the key was changed."""
        try:
            return self._fernet.decrypt(kept.encode()).decode()
        except InvalidToken:
            return None


def cipher(settings: Settings, purpose: str) -> Cipher:
    """The cipher of this installation for one purpose."""
    return Cipher(settings.secret_key or kept_secret_key(settings.data_dir), purpose)
