"""What bytes are, before any format is thought of: text and its encoding, HTML, a workbook, or no data at all."""

import codecs
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl

from assets.landing.unpack import unread
from quality.problems import problem

Kind = Literal[
    "text", "json", "json-broken", "html", "xml", "xlsx", "biff", "protected", "empty", "binary", "undecodable"
]

_MAGIC: dict[bytes, Kind] = {
    b"PK\x03\x04": "xlsx",  # plain ZIP archives were unpacked before
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "biff",  # OLE2 compound file: Excel 97-2003
}
_REJECTED: dict[Kind, tuple[str, str]] = {
    "empty": ("file-empty", "the file has no content"),
    "protected": ("file-protected", "the workbook is protected by a password: save it without one"),
    "json-broken": ("file-malformed", "JSON that is not whole, or not well-formed: was it cut?"),
    "binary": ("file-not-data", "a binary file of a kind that is not known"),
    "undecodable": ("file-encoding", "neither UTF-8, UTF-16 nor cp874"),
}

_PROTECTED = re.compile(
    # MS-OFFCRYPTO 2.3.2: an encrypted package is a stream of that name; MS-XLS 2.4.117: FilePass follows BOF at once.
    rb"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0|\x09\x08\x10\x00\x00\x06\x05\x00.{12}\x2f\x00",
    re.DOTALL,
)

_SINCE_1904: dict[str, re.Pattern[bytes]] = {
    "xlsx": re.compile(rb"""<(?:\w+:)?workbookPr\b[^>]*\bdate1904\s*=\s*["'](?:1|true)["']"""),  # ECMA-376 18.2.28
    "biff": re.compile(rb"\x22\0\x02\0\x01\0\x0e\0\x02\0", re.DOTALL),  # MS-XLS 2.4.77, before CalcPrecision
}
"""Where a workbook tells that its dates are counted from 1904, as Excel for the Mac did."""

_BLOCK = 4_000_000
"""Bytes, or few more, that are split into lines together."""
_SMALL = 50_000
"""Bytes of a block below which Python's own split is faster, 0.02 against 0.3 ms."""
_PIECE = 8_000_000
"""Bytes, or few more, that are read together: 175,000 readings of 45, which take about 100 MB meanwhile."""
_BLANK = "\ufeff\x00 \t\r\n\xa0"
"""What may come before a text's first sign."""


@dataclass(frozen=True)
class Content:
    """The bytes of one file, and as what they were recognised. ``coded`` is its text in UTF-8, of most files those same
    bytes, and empty where they are not text; its ``name`` is for layouts that have the meter from it, and tells nothing
    else."""

    data: bytes
    kind: Kind
    coded: bytes = b""
    name: str = ""

    @cached_property
    def text(self) -> str:
        """The whole text: for files that are read whole. It is held as long as the file is."""
        return self.coded.decode()

    def head(self, characters: int) -> str:
        """How the text begins."""
        return self.coded[: 4 * characters].decode(errors="ignore")[:characters]

    def tail(self, characters: int) -> str:
        """How the text ends."""
        return self.coded[-4 * characters :].decode(errors="ignore")[-characters:]

    @cached_property
    def since_1904(self) -> bool:
        """Whether a workbook counts days from 1904-01-01, and not from 1899-12-30."""
        if self.kind not in _SINCE_1904:
            return False
        told = self.data
        if self.kind == "xlsx":
            with zipfile.ZipFile(io.BytesIO(self.data)) as package, package.open("xl/workbook.xml") as part:
                told = part.read(1_000_000)
        return _SINCE_1904[self.kind].search(told) is not None

    @cached_property
    def opening(self) -> list[list[str]]:
        """The fields of the first lines that have commas between them, by which readers tell their format."""
        cells = self.cells(",", limit=12).get_column("cells").drop_nulls().to_list()
        return [[field.strip() for field in row] for row in cells]

    @property
    def problems(self) -> pl.DataFrame | None:
        """Why no reader need look at it, or None."""
        if self.kind == "binary" and (other := unread(self.data)) is not None:
            return problem("file-not-data", f"{other}: have it delivered as text or as a workbook, plain or in a ZIP")
        return problem(*_REJECTED[self.kind]) if self.kind in _REJECTED else None

    @property
    def ends_whole(self) -> bool:
        """Whether the last line is ended, as it is in a file that was not cut."""
        return self.coded.endswith((b"\n", b"\r"))

    def lines(self, limit: int | None = None) -> pl.DataFrame:
        """The lines that are not blank, as ``row`` (1-based line) and ``line``. ``limit`` counts lines."""
        coded = self.coded if limit is None else self.head(limit * 20_000).encode()
        blocks = pl.concat(_blocks(coded, _BLOCK))
        return blocks if limit is None else blocks.filter(pl.col("row") <= limit)

    def cells(self, delimiter: str = ",", limit: int | None = None) -> pl.DataFrame:
        """The lines that are not blank, as ``row`` (1-based line) and ``cells`` as ``split`` makes them."""
        return split(self.lines(limit), delimiter)

    def pieces(self, delimiter: str) -> Iterator[pl.DataFrame]:
        """``cells`` of some hundred thousand lines at a time: as text a reading takes ten times what it does as one."""
        return (split(block, delimiter) for block in _blocks(self.coded, _PIECE))

    def from_each(self, opening: re.Pattern[bytes]) -> Iterator[pl.DataFrame]:
        """``lines``, as many at a time as ``pieces``; each piece but the first begins where something whole does.

        ``opening`` matches the line end before such a line, and how it begins.
        """
        return _blocks(self.coded, _PIECE, opening)


def _blocks(coded: bytes, size: int, opening: re.Pattern[bytes] | None = None) -> Iterator[pl.DataFrame]:
    """``lines`` in blocks, at least one, so that they need no more memory than a block meanwhile."""
    coded = coded or b"\n"
    start, row = 0, 1
    while start < len(coded):
        end = coded.find(b"\n", start + size) + 1 or len(coded)
        if opening is not None and end < len(coded):
            found = opening.search(coded, end - 1)
            end = found.start() + 1 if found else len(coded)
        block = coded[start:end]
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if len(block) < _SMALL:
            lines = pl.Series("line", block.decode().removesuffix("\n").split("\n"))
        else:
            lines = pl.read_lines(block, name="line").to_series()
        numbered = pl.DataFrame([pl.int_range(row, row + lines.len(), dtype=pl.Int64, eager=True).alias("row"), lines])
        yield numbered.filter(pl.col("line").str.contains(r"[^\s,;]"))
        start, row = end, row + lines.len()


def split(lines: pl.DataFrame, delimiter: str = ",") -> pl.DataFrame:
    """``lines`` in their order with ``cells`` (list of strings, quotes removed) in place of ``line``.

    ``cells`` is null where a quote is never closed. A quoted cell does not span lines: no meter export does that, and
    so an unclosed quote costs one line and not the rest of the file.
    """
    line = pl.col("line")
    quoted = line.str.contains('"', literal=True)
    plain = lines.select(quoted.any()).item() is not True
    if plain:
        return lines.select(pl.exclude("line"), cells=line.str.split(delimiter))
    mark = re.escape(delimiter)
    cell = pl.element().str.strip_prefix(delimiter).str.strip_chars()
    cell = cell.str.replace(r'^"(.*)"$', "${1}").str.replace_all('""', '"', literal=True)
    found = (delimiter + line).str.extract_all(rf'{mark}(?:\s*"(?:[^"]|"")*"\s*|[^{mark}]*)').list.eval(cell)
    closed = line.str.count_matches('"', literal=True) % 2 == 0
    # Lines without a quote, which most are, are split the fast way.
    parts = [
        lines.filter(~quoted).with_columns(cells=line.str.split(delimiter)),
        lines.filter(quoted).with_columns(cells=pl.when(closed).then(found)),
    ]
    return pl.concat(parts).sort("row").drop("line")


def recognise(data: bytes, encoding: str | None = None) -> Content:
    """Look at the bytes (never at a name). ``encoding`` overrides the guess; unknown ones raise ``LookupError``.

    Without it: a byte order mark, UTF-16 betrayed by its NULs, UTF-8, else cp874, the code page of Thai Windows. That
    is TIS-620 plus the no-break space that PEA writes and Python's ``tis-620`` refuses.
    """
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            return Content(data, "protected" if kind == "biff" and _PROTECTED.search(data) else kind)
    if unread(data) is not None:
        return Content(data, "binary")
    try:
        coded = _in_utf8(data, encoding or _encoding(data)).removeprefix(codecs.BOM_UTF8)
    except UnicodeDecodeError:
        return Content(data, "undecodable")
    head = coded.lstrip(b"\x00 \t\r\n")[:800].decode(errors="ignore").lstrip(_BLANK)
    start = (head or coded.decode().lstrip(_BLANK))[:200].lower()
    if not re.sub(r"^sep=.\s*$", "", start):  # the line by which Excel is told the delimiter
        return Content(data, "empty")
    if b"\x00" in coded:
        return Content(data, "binary")
    if start.startswith("<"):
        html = re.match(r"<(!doctype html|html|head|body|table|meta|style|script|div|!--)\b", start)
        return Content(data, "html" if html else "xml", coded)
    if start[0] in "[{" and _is_json(coded):
        return Content(data, "json", coded)
    if start[0] == "{" and _is_json(listed := b"[" + b",".join(filter(None, coded.split(b"\n"))) + b"]"):
        return Content(data, "json", listed)
    # No table begins with an object or a list of them.
    return Content(data, "json-broken" if re.match(r"\{\s*\"|\[\s*[\[{]", start) else "text", coded)


def _is_json(coded: bytes) -> bool:
    try:
        json.loads(coded)
    except (ValueError, RecursionError):
        return False
    return True


def _encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = data[:400]
    if len(head) > 3 and head[1::2].count(0) > len(head) // 4:
        return "utf-16-le"
    if len(head) > 3 and head[::2].count(0) > len(head) // 4:
        return "utf-16-be"
    try:
        _in_utf8(data, "utf-8")
    except UnicodeDecodeError:  # EDIFACT's UNOC is ISO 8859-1
        return "latin-1" if data.startswith((b"UNA", b"UNB")) else "cp874"
    return "utf-8"


def _in_utf8(data: bytes, encoding: str) -> bytes:
    """A text in UTF-8: no copy of one that is. Raises ``LookupError`` and ``UnicodeDecodeError``."""
    if codecs.lookup(encoding).name != "utf-8":
        return data.decode(encoding).encode()
    if not data.isascii():
        data.decode()
    return data
