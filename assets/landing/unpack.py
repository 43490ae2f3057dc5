"""Unpacking: the files inside a delivery, within limits, in memory.

ZIP (APPNOTE 6.3.10) and gzip (RFC 1952); anything else is one plain file. Excel workbooks are ZIP archives too: they
are held to the limits, because a reader will inflate them, and handed on whole.
"""

import gzip
import io
import lzma
import re
import zipfile
import zlib
from typing import IO

MAX_BYTES = 512 * 1024**2
"""Unpacked bytes of one delivery. A night of 100,000 meters at 15 minutes is about 60 MB of NEM12: a week fits."""
MAX_RATIO = 200
"""Unpacked to packed. Meter exports pack 5 to 30 times; deflate reaches 1,032 only on one repeated byte."""
RATIO_FROM = 8 * 1024**2
"""Unpacked size from which the ratio counts: a small file of zeros is harmless and real."""
MAX_ENTRIES = 10_000
"""Files in one archive: a file a meter for a large district."""
MAX_DEPTH = 2
"""Archives within archives: a portal's ZIP of the utility's ZIPs."""

MAX_CELLS = 20_000_000
"""Cells that a sheet of a workbook may span, blanks between its corners included: a reader sets aside 32 bytes for
each, and two cells in opposite corners would take 550 GB. Ten years of quarter-hours in 20 columns are 7 million."""
MAX_COLUMNS = 5000
"""Columns that a sheet may span: each is a series of its own to a reader. The widest layout has 1,440 and names."""

BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, KeyError, RuntimeError, ValueError)
"""What zipfile raises on content that is damaged, encrypted or packed in a way it does not know."""
READ_ERRORS = (*BROKEN, OSError)
"""What it, bz2 and gzip raise: of bytes that are in memory, where no disk or network is to blame."""
_FAR = re.compile(rb"""r(?<=\sr)\s*=\s*["'](?:[A-Za-z]{2}|[A-Za-z]?\d{6})""")
"""A cell or row beyond column Z or row 99,999; sheets without are within MAX_CELLS. Begins with the letter, which is
found twice as fast as the blank before it."""
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{0,3})(\d{1,7})["']""")
_NOWHERE = re.compile(rb"""\sr\s*=\s*["'](?:[A-Za-z]{4}|[A-Za-z]*\d{8})""")
"""Beyond any sheet (XFD1048576). To a reader whose numbers overflow it may be any cell."""
_OTHERS = {
    rb"%PDF": "a PDF",
    rb"\x89PNG": "a picture (PNG)",
    rb"\xff\xd8\xff": "a picture (JPEG)",
    rb"GIF8[79]a": "a picture (GIF)",
    rb"Rar!\x1a\x07": "a RAR archive",
    rb"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    rb"\xfd7zXZ\0": "a file packed by xz",
    rb"BZh[1-9]1AY&SY": "a file packed by bzip2",
    rb"\x28\xb5\x2f\xfd": "a file packed by Zstandard",
    rb"PAR1\x15": "a Parquet file",
    rb"SQLite format 3\0": "a SQLite database",
    rb"(?s:.{257})ustar": "a tar archive",
}
"""How files begin of kinds that nothing here reads (the formats' own specifications), whatever they are called. Of
marks that are letters so much as no text has: a meter may be called PAR1."""
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument."
_SIDECARS = {"__macosx", ".ds_store", "thumbs.db", "desktop.ini"}
"""What file managers add to folders and archives; never data."""


class ArchiveError(ValueError):
    """An archive that breaks a limit (``archive-limit``), cannot be unpacked (``file-malformed``) or is a document
    that nothing here reads (``file-not-data``).

    The text holds no entry names: they may contain meter numbers.
    """

    def __init__(self, reason: str, code: str = "archive-limit") -> None:
        super().__init__(reason)
        self.code = code


def unread(data: bytes) -> str | None:
    """What a file is, of the kinds that nothing here reads; None for all others."""
    return next((words for begin, words in _OTHERS.items() if re.match(begin, data)), None)


def members(data: bytes, name: str) -> list[tuple[str, bytes]]:
    """Files in ``data`` as (name, bytes), in archive order; a plain file is its own only member.

    Content decides, not the name. Raises ``ArchiveError``.
    """
    return _Budget(len(data)).unpack(data, name, 0)


class _Budget:
    """What one delivery may still unpack."""

    def __init__(self, packed: int) -> None:
        self.limit = min(MAX_BYTES, max(RATIO_FROM, packed * MAX_RATIO))
        self.unpacked = 0
        self.entries = 0

    def unpack(self, data: bytes, name: str, depth: int) -> list[tuple[str, bytes]]:
        zipped = data.startswith((b"PK\x03\x04", b"PK\x05\x06"))
        if not zipped and not data.startswith(b"\x1f\x8b\x08"):
            return [(name, data)]
        if depth == MAX_DEPTH:
            raise ArchiveError(f"archives lie more than {MAX_DEPTH} deep")
        try:
            if not zipped:
                with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                    return self.unpack(self._read(packed), name.removesuffix(".gz"), depth + 1)
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return self._entries(archive, data, name, depth)
        except ArchiveError:
            raise
        except READ_ERRORS as error:
            raise ArchiveError(f"the archive cannot be unpacked ({type(error).__name__})", "file-malformed") from None

    def _entries(self, archive: zipfile.ZipFile, data: bytes, name: str, depth: int) -> list[tuple[str, bytes]]:
        infos = archive.infolist()
        self.entries += len(infos)
        if self.entries > MAX_ENTRIES:
            raise ArchiveError(f"the archive has more than {MAX_ENTRIES:,} entries")
        workbook = "[Content_Types].xml" in archive.namelist()
        found: list[tuple[str, bytes]] = []
        for number, info in enumerate(infos, start=1):
            if info.filename.endswith("/") or any(map(is_sidecar, re.split(r"[/\\]", info.filename))):
                continue
            if _leaves_folder(info.filename):
                raise ArchiveError(f"the path of entry {number} leaves the archive's folder")
            with archive.open(info) as packed:
                content = self._read(packed)
            if info.filename == "mimetype" and content.startswith(_OPEN_DOCUMENT):
                raise ArchiveError("an OpenDocument file: save it as XLSX or CSV", "file-not-data")
            if workbook and _far(content):
                text = f"a sheet of the workbook spans more than {MAX_CELLS:,} cells or {MAX_COLUMNS:,} columns"
                raise ArchiveError(text)
            if not workbook:
                found += self.unpack(content, info.filename, depth + 1)
        if workbook and "xl/workbook.xml" not in archive.namelist():
            raise ArchiveError("an Office file that is no XLSX workbook: save it as XLSX or CSV", "file-not-data")
        return [(name, data)] if workbook else found

    def _read(self, packed: IO[bytes] | gzip.GzipFile) -> bytes:
        """Inflate, counting what really comes out: the sizes an archive states are not to be believed."""
        content = packed.read(self.limit - self.unpacked + 1)
        self.unpacked += len(content)
        if self.unpacked > self.limit:
            raise ArchiveError(f"the archive unpacks to more than {self.limit:,} bytes")
        return content


def is_sidecar(name: str) -> bool:
    """Whether a file or folder is one that file managers add, or tells who has a workbook open (``~$``)."""
    return name.lower() in _SIDECARS or name.startswith("~$")


def _far(part: bytes) -> bool:
    """Whether a sheet's corners lie too far apart."""
    if not _FAR.search(part):
        return False
    if _NOWHERE.search(part):
        return True
    places = _PLACE.findall(part)
    columns = {letters.upper() for letters, _ in places}
    across = max((sum((c - 64) * 26**i for i, c in enumerate(reversed(column))) for column in columns), default=0)
    return across > MAX_COLUMNS or across * max((int(row) for _, row in places), default=0) > MAX_CELLS


def _leaves_folder(path: str) -> bool:
    parts = path.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or parts[0].endswith(":") or "\0" in path
