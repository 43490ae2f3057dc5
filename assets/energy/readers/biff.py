"""Opening old workbooks (BIFF, MS-XLS) at a distance.

A damaged cell address makes the library behind fastexcel allocate a table of any size, which ends the process and not
only the file. So the workbook is opened in a process of its own with a limit on memory and time; what comes back is
its sheets as text, as Arrow.
"""

import resource
import subprocess
import sys

import polars as pl
import pyarrow as pa

MEMORY = 1024**3
"""Bytes of address space the child may use: an old sheet has at most 65,536 rows, a year of quarter-hours 35,040."""

SECONDS = 20
"""A workbook of that size opens in under a second."""

_CHILD = """
import sys
import fastexcel
import pyarrow as pa
book = fastexcel.read_excel(sys.stdin.buffer.read())
for number in range(len(book.sheet_names)):
    sheet = book.load_sheet(number, header_row=None, dtypes="string", skip_rows=0).to_arrow()
    with pa.ipc.new_stream(sys.stdout.buffer, sheet.schema) as out:
        out.write_batch(sheet)
"""


class WorkbookError(Exception):
    """The workbook cannot be opened within the limits."""


def sheets(data: bytes) -> list[pl.DataFrame]:
    """Every sheet as columns of text. Raises ``WorkbookError``."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    command = [sys.executable, "-I", "-c", _CHILD]
    try:
        # Our own text; the limit has to be set before the child starts.
        done = subprocess.run(  # noqa: S603
            command, input=data, capture_output=True, timeout=SECONDS, preexec_fn=limit, check=True
        )
    except subprocess.TimeoutExpired:
        raise WorkbookError(f"opening it takes longer than {SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        reason = f"it cannot be opened within {MEMORY >> 20} MB (the opener ended with {error.returncode})"
        raise WorkbookError(reason) from None
    stream, found = pa.BufferReader(done.stdout), []
    while stream.tell() < stream.size():
        found.append(pl.DataFrame(pa.ipc.open_stream(stream).read_all()))
    return found
