"""PDF files from the same templates that the browser prints, with nothing fetched from outside."""

from __future__ import annotations

import mimetypes
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.errors import PapersBusy

AT_ONCE: Final = 2
"""So many PDF files are made at the same time by a process; each takes a core for a second or two."""

WAIT_S: Final = 20.0
STATIC: Final = Path(__file__).parents[1] / "static"
HOME: Final = "http://paper.invalid/"
_turns = threading.BoundedSemaphore(AT_ONCE)


@dataclass(frozen=True)
class Paper:
    """A sheet and what of it is printed on, in millimetres."""

    name: str
    landscape: bool
    width_mm: int
    height_mm: int

    @property
    def key(self) -> str:
        """As the stylesheet calls the page."""
        return f"{self.name}-{'landscape' if self.landscape else 'portrait'}"


# Margins as in paper.css.
SIDE_MM, TOP_MM, BOTTOM_MM = 10, 16, 14
SIZES: Final = {"a4": (210, 297), "a3": (297, 420)}


def paper(size: str, *, landscape: bool) -> Paper:
    """That paper; A4 where there is no such size."""
    name = size if size in SIZES else "a4"
    short, long = SIZES[name]
    return Paper(name, landscape, long if landscape else short, short if landscape else long)


def pdf(page: str) -> bytes:
    """The HTML page as PDF. It may use our own static files and data URLs; anything else is left out.

    Raises PapersBusy where too many are being made.
    """
    # Half a second of imports that only a PDF needs.
    from weasyprint import HTML

    if not _turns.acquire(timeout=WAIT_S):
        raise PapersBusy
    try:
        made: bytes = HTML(string=page, base_url=HOME, url_fetcher=_fetcher()).write_pdf(pdf_tags=True)
    finally:
        _turns.release()
    return made


def _fetcher() -> object:
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Ours(URLFetcher):  # type: ignore[misc]
        """Our own static files and what lies in the page itself."""

        def fetch(self, url: str, headers: object = None) -> object:
            if url.startswith("data:"):
                return super().fetch(url, headers)
            path = (STATIC / url.removeprefix(f"{HOME}static/")).resolve()
            if not url.startswith(HOME) or not path.is_relative_to(STATIC) or not path.is_file():
                raise ValueError(f"a paper fetches nothing: {url[:100]}")
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": kind})

    return Ours(allowed_protocols=("data",))
