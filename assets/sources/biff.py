"""Old Excel workbooks (BIFF, MS-XLS) at a distance.

A damaged cell address makes the library behind fastexcel allocate a table of any size, which ends the process and not
only the file. So a workbook is first opened in a process of its own with a limit on memory and time; only one that
passes is opened here.
"""

import re
import subprocess
import sys

import fastexcel

from assets.sources.workbook_cells import power_of

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How an OLE2 compound file begins, which such a workbook is."""

MEMORY = 512 * 1024**2
"""Bytes of address space the child may use: enough for ``CELLS`` texts that are all different."""

CELLS = 1_300_000
"""Cells of all sheets, blanks between their corners included: 65,536 rows, the most an old sheet has, by 20."""

SECONDS = 20
"""A workbook of that size opens in one or two."""

_CHILD = """
import resource
import sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
import fastexcel
book, cells = fastexcel.read_excel(sys.stdin.buffer.read()), 0
for number in range(len(book.sheet_names)):
    sheet = book.load_sheet(number, header_row=None, dtypes="string", skip_rows=0)
    cells += sheet.total_height * sheet.width
    if cells > int(sys.argv[2]) or sheet.width > 256:  # an old sheet ends at IV
        sys.exit(2)
"""

_FORMAT = re.compile(rb"\x1e\x04..(..)(..)([\x00\x01])", re.DOTALL)
"""Number, letters and width of them in the record of a format (MS-XLS 2.4.126)."""
_STYLE = re.compile(rb"\xe0\x00\x14\x00..(..)(.)", re.DOTALL)
"""Format of a style, and whether it is one of cells (2.4.353): each workbook has one of per cent that no cell needs."""
_OF_NAMES = 4


class WorkbookError(Exception):
    """The workbook cannot be opened within the limits."""


def opened(data: bytes) -> fastexcel.ExcelReader:
    """The workbook, which can be read within the limits. Raises ``WorkbookError``."""
    command = [sys.executable, "-I", "-c", _CHILD, str(MEMORY), str(CELLS)]
    try:
        subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=True)  # noqa: S603 (our text)
    except subprocess.TimeoutExpired:
        raise WorkbookError(f"opening it takes longer than {SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        limits = f"{MEMORY >> 20} MB and {CELLS:,} cells"
        reason = f"it cannot be opened within {limits} (the opener ended with {error.returncode})"
        raise WorkbookError(reason) from None
    return fastexcel.read_excel(data)


def shows_otherwise(data: bytes) -> bool:
    """Whether cells have a style that shows their number as per cent or in thousands, as ``workbook_cells`` has it: in
    these files which cells do is not looked for."""
    formats = {b"\x09\0": "0%", b"\x0a\0": "0.00%"}
    for found in _FORMAT.finditer(data):
        width = 1 + found[3][0]
        text = data[found.end() : found.end() + width * int.from_bytes(found[2], "little")]
        formats[found[1]] = text.decode("utf-16-le" if width > 1 else "latin-1", "replace")
    styles = [style for style in _STYLE.finditer(data) if not style[2][0] & _OF_NAMES]
    return any(power_of(formats.get(style[1], "")) for style in styles)
