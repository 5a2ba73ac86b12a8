"""Hostile XML read safely: no document type, no entities, nothing fetched, limits on size, depth and elements.

The text is decoded here, so that the scanner that refuses and the parser that builds the tree see the same characters.
"""

from __future__ import annotations

import codecs
import re
from typing import Any, Final
from xml.parsers import expat

from lxml import etree

from foundation.errors import N_
from layers.findings import Finding, finding
from layers.warning_errors import HostileXml, NoXml, XmlTooLarge

MOST_BYTES: Final = 8 * 2**20
MOST_DEPTH: Final = 40
MOST_ELEMENTS: Final = 300_000
DECLARATION: Final = re.compile(r"\s*<\?xml\s[^>]*?\?>", re.DOTALL)
ENCODING: Final = re.compile(rb"""\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""", re.DOTALL)
ENCODINGS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "iso-8859-1",
    "iso-8859-2": "iso-8859-2",
    "iso-8859-15": "iso-8859-15",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "windows-1252": "cp1252",
}
_AS_CP1250: Final = "spremnost.cp1250"


def _as_cp1250(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1250", errors="replace"), error.end


codecs.register_error(_AS_CP1250, _as_cp1250)


def tree(data: bytes, name: str) -> tuple[Any, list[Finding]]:
    """(the root element, what was odd about the text). Raises XmlTooLarge, HostileXml, NoXml."""
    if len(data) > MOST_BYTES:
        raise XmlTooLarge(file=name, what=f"{len(data) / 2**20:.1f} MB")
    text, findings = decoded(data, name)
    # The declaration goes, as the text is no longer in that encoding; its lines stay, so that sentences can name lines.
    plain = DECLARATION.sub(lambda found: "\n" * found[0].count("\n"), text, count=1).encode("utf-8", errors="replace")
    _scan(plain, name)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(plain, parser)
    except etree.XMLSyntaxError as error:
        raise NoXml(file=name, reason=error.msg) from None
    if root.getroottree().docinfo.doctype:
        raise HostileXml(file=name)
    return root, findings


def decoded(data: bytes, name: str) -> tuple[str, list[Finding]]:
    """The characters of a file by its byte order mark or declaration; single foreign bytes as Windows-1250."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data.startswith(codecs.BOM_UTF8):
        encoding = "utf-8"
    else:
        declared = ENCODING.match(data[:200])
        said = declared[1].decode().lower() if declared else "utf-8"
        if said not in ENCODINGS:
            raise NoXml(file=name, reason=f"encoding {said}")
        encoding = ENCODINGS[said]
    try:
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding), []
    except UnicodeDecodeError:
        if encoding == "utf-16":
            raise NoXml(file=name, reason="encoding utf-16") from None
    return data.decode(encoding, errors=_AS_CP1250), [
        finding(
            "mixed_encoding",
            N_("Some letters of the file are not in the encoding that it names; they were read as Windows-1250."),
        )
    ]


def _scan(data: bytes, name: str) -> None:
    """Refuse before a tree is built; expat sees a document type at its very beginning."""
    depth = elements = 0

    def start(_tag: str, _attributes: Any) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > MOST_DEPTH or elements > MOST_ELEMENTS:
            raise XmlTooLarge(file=name, what=f"{elements} elements, {depth} deep")

    def end(_tag: str) -> None:
        nonlocal depth
        depth -= 1

    def doctype(*_: Any) -> None:
        raise HostileXml(file=name)

    scanner = expat.ParserCreate("utf-8")
    scanner.StartElementHandler, scanner.EndElementHandler = start, end
    scanner.StartDoctypeDeclHandler = doctype
    try:
        scanner.Parse(data, True)
    except expat.ExpatError as error:
        raise NoXml(file=name, reason=str(error)) from None
