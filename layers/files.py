"""Files under their content hash: written once, never changed, found again by what is in them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from layers.errors import FileTooLarge, FileVanished

CHUNK = 2**20


class FileStore:
    """A folder of files named by the SHA-256 of their content.

    A file appears by a rename, so that a crash leaves at most a part that nobody finds; `sweep` removes those, and
    files that nothing in the database names.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._parts = root / "parts"

    def hold(self, content: BinaryIO, *, most_bytes: int) -> tuple[str, int]:
        """Keep what the stream gives: (hash, bytes). Raises FileTooLarge, with nothing kept."""
        digest, size = hashlib.sha256(), 0
        with self.part() as part:
            with part.open("wb") as file:
                while chunk := content.read(CHUNK):
                    size += len(chunk)
                    if size > most_bytes:
                        raise FileTooLarge(limit_mb=most_bytes // 2**20)
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            return self._settle(part, digest.hexdigest()), size

    def put(self, made: Path) -> str:
        """Keep a file that was made in a part() of this store; it is moved. Gives its hash."""
        with made.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        return self._settle(made, digest)

    def path(self, digest: str) -> Path:
        """Where the file lies. Raises FileVanished."""
        found = self._at(digest)
        if not found.is_file():
            raise FileVanished(hash=digest[:12])
        return found

    def part(self) -> Part:
        """A context with the path of a file, or folder, yet to be made; what is left of it at the end is removed."""
        self._parts.mkdir(parents=True, exist_ok=True)
        return Part(self._parts)

    def sweep(self, known: Collection[str], *, older_than_s: float, now_s: float) -> int:
        """Remove parts and files that no hash in `known` names; younger ones may belong to work under way."""
        removed = 0
        for path in [*self._parts.glob("*"), *self._files()]:
            stray = path.parent == self._parts or path.name not in known
            if stray and now_s - path.stat().st_mtime > older_than_s:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _settle(self, part: Path, digest: str) -> str:
        target = self._at(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.chown(part, os.geteuid(), os.getegid())  # a sandbox may have made it as another user
        part.chmod(0o444)
        os.replace(part, target)
        os.utime(target)
        return digest

    def _at(self, digest: str) -> Path:
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise FileVanished(hash=digest[:12])
        return self.root / digest[:2] / digest

    def _files(self) -> Iterator[Path]:
        for folder in self.root.glob("[0-9a-f][0-9a-f]"):
            yield from folder.iterdir()


class Part:
    """A place for something being made, gone at the end of the `with` unless it was settled."""

    def __init__(self, folder: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self._folder.chmod(0o711)  # the sandbox may run as another user

    def __enter__(self) -> Path:
        return self._folder / "part"

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
