"""The key that signs cookies, where none is given."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


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
