"""Old Excel workbooks (BIFF, MS-XLS) at a distance.

A damaged cell address makes the library behind fastexcel allocate a table of any size, which ends the process and not
only the file. So a workbook is first opened in a process of its own with a limit on memory and time; only one that
passes is opened here.
"""

import subprocess
import sys

import fastexcel
import polars as pl

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


class WorkbookError(Exception):
    """The workbook cannot be opened within the limits."""


def sheets(data: bytes) -> list[tuple[str, pl.DataFrame]]:
    """Every sheet's name, and its columns of text. Raises ``WorkbookError``."""
    command = [sys.executable, "-I", "-c", _CHILD, str(MEMORY), str(CELLS)]
    try:
        subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=True)  # noqa: S603 (our text)
    except subprocess.TimeoutExpired:
        raise WorkbookError(f"opening it takes longer than {SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        limits = f"{MEMORY >> 20} MB and {CELLS:,} cells"
        reason = f"it cannot be opened within {limits} (the opener ended with {error.returncode})"
        raise WorkbookError(reason) from None
    book = fastexcel.read_excel(data)
    return [
        (name, book.load_sheet(number, header_row=None, dtypes="string", skip_rows=0).to_polars())
        for number, name in enumerate(book.sheet_names)
    ]
