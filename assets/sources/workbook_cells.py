"""Cells of a workbook (XLSX, ECMA-376 part 1) as their readers see them, where the value alone misleads.

A cell that shows ``35 %`` holds 0.35, one that shows ``1,235`` in thousands holds 1234567: the format of its style says
so, and who reads values only is out by a hundred or a thousand.
"""

import io
import re
import zipfile
from decimal import Decimal

from lxml import etree

from assets.landing.unpack import READ_ERRORS

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STYLES = "xl/styles.xml"
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_BUILT_IN = {"9": "0%", "10": "0.00%"}
"""Formats that have a number only and scale what they show (18.8.30)."""
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
"""Parts of a format that are shown as they are, or not at all: a sign there scales nothing."""
_THOUSANDS = re.compile(r"[0#?](,+)(?![0#?,])")
"""Commas behind the last digit: each divides by a thousand."""
_CELL = re.compile(rb"<c\b([^>]*)>(?:<f\b[^>]*/>|<f\b[^>]*>[^<]*</f>)?<v>(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)</v></c>")
_STYLE = re.compile(rb'\bs="(\d+)"')
_TYPE = re.compile(rb'\st="[^"]*"')
_DIGITS = 10
"""Decimals that count: a fraction such as 0.29 is stored with errors in the seventeenth."""
_LARGEST = 15
"""Power of ten up to which a number has all its digits in a cell."""


def as_shown(data: bytes) -> bytes:
    """The workbook with text in the cells whose format scales their number: ``35%`` for 0.35 in a style of per cent,
    ``1234.567`` for 1234567 in one of thousands. The same bytes where no format does, and where they are no archive.
    """
    try:
        return _rewritten(data)
    except READ_ERRORS:
        return data


def _rewritten(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        names = book.namelist()
        scales = _scales(book.read(_STYLES)) if _STYLES in names else {}
        if not scales:
            return data
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as other:
            for name in names:
                part = book.read(name)
                if _SHEET.fullmatch(name):
                    part = _CELL.sub(lambda cell: _shown(cell, scales), part)
                other.writestr(name, part)
        return written.getvalue()


def _scales(part: bytes) -> dict[bytes, tuple[int, bytes]]:
    """Number of a cell style → power of ten that its format multiplies by, and the sign that it adds."""
    safe = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    root = etree.fromstring(part, safe)
    if root is None:
        return {}
    told = root.iterfind(f"{_MAIN}numFmts/{_MAIN}numFmt")
    formats = _BUILT_IN | {each.get("numFmtId"): each.get("formatCode") or "" for each in told}
    found = {}
    for at, style in enumerate(root.iterfind(f"{_MAIN}cellXfs/{_MAIN}xf")):
        form = formats.get(style.get("numFmtId"), "")
        if power := power_of(form):
            found[b"%d" % at] = power, b"%" * _shown_by(form).count("%")
    return found


def power_of(form: str) -> int:
    """The power of ten by which a format multiplies the number that it shows."""
    shown = _shown_by(form)
    thousands = _THOUSANDS.search(shown)
    return 2 * shown.count("%") - 3 * len(thousands[1] if thousands else "")


def _shown_by(form: str) -> str:
    return _LITERAL.sub("", form).partition(";")[0]


def _shown(cell: re.Match[bytes], scales: dict[bytes, tuple[int, bytes]]) -> bytes:
    style, kind = _STYLE.search(cell[1]), _TYPE.search(cell[1])
    if not style or style[1] not in scales or (kind and kind[0] != b' t="n"'):
        return cell[0]
    power, sign = scales[style[1]]
    number = Decimal(cell[2].decode())
    if abs(number.adjusted()) > _LARGEST:
        return cell[0]
    number = round(number.scaleb(power), _DIGITS).normalize()
    return b'<c%s t="str"><v>%s%s</v></c>' % (_TYPE.sub(b"", cell[1]), f"{number:f}".encode(), sign)
