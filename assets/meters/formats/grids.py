"""Tables of text cells, as workbooks (ECMA-376, MS-XLS) and HTML pages hold them.

Every cell is taken as text: a number type would cost an account its leading zeros and a decimal its exactness.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

import fastexcel
import polars as pl

from assets.landing.unpack import MAX_CELLS, ArchiveError
from assets.meters.formats.content import Content
from assets.sources import biff

# It warns of each sheet that is a chart, which holds no cells.
logging.getLogger("calamine").setLevel(logging.ERROR)
Grid = pl.DataFrame
"""``row``: 1-based number in the sheet or page; ``width``: cells of the row as delivered; ``c0``, ``c1``, ...: texts,
never null, no-break spaces as spaces, no blanks around. Blank rows are present."""

HEAD: Final = 60
"""Rows among which titles, facts and headers are looked for; the longest known preamble ends in row 28."""


def cell(column: int) -> pl.Expr:
    """The cells of a column."""
    return pl.col(f"c{column}")


def clean(text: str) -> str:
    """Cell text with no-break spaces as spaces, and no blanks around."""
    return text.replace("\xa0", " ").strip()


def grid(rows: Sequence[Sequence[str]]) -> Grid:
    """A grid of rows of clean cells; short rows are filled with blanks."""
    width = max(map(len, rows), default=0)
    columns = {f"c{i}": [row[i] if i < len(row) else "" for row in rows] for i in range(width)}
    head = {"row": range(1, len(rows) + 1), "width": [len(row) for row in rows]}
    return pl.DataFrame(
        head | columns, schema={"row": pl.Int64, "width": pl.Int64, **dict.fromkeys(columns, pl.String)}
    )


@lru_cache(maxsize=1)
def workbook(data: bytes) -> tuple[tuple[str, pl.DataFrame], ...]:
    """Names and sheets of an XLSX workbook, every cell as text; of the last one kept, because all readers look at it.

    Raises ``ArchiveError`` beyond ``MAX_CELLS`` in all, and what calamine raises on a damaged file.
    """
    return _sheets(fastexcel.read_excel(data))


@lru_cache(maxsize=1)
def book(content: Content) -> tuple[tuple[str, pl.DataFrame], ...]:
    """Names and sheets of a workbook, XLSX or BIFF. Raises what ``workbook`` and ``biff.opened`` raise."""
    return _sheets(biff.opened(content.data)) if content.kind == "biff" else workbook(content.data)


def _sheets(opened: fastexcel.ExcelReader) -> tuple[tuple[str, pl.DataFrame], ...]:
    return tuple(
        _within(
            (name, opened.load_sheet(number, header_row=None, dtypes="string", skip_rows=0).to_polars())
            for number, name in enumerate(opened.sheet_names)
        )
    )


@lru_cache(maxsize=1)
def sheets(content: Content) -> tuple[Grid, ...]:
    """The sheets of a workbook as grids. Raises what ``book`` raises."""
    return tuple(_clean(sheet) for _, sheet in book(content))


def _within(sheets: Iterable[tuple[str, pl.DataFrame]]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Named ``sheets`` as long as they have no more than ``MAX_CELLS`` cells together."""
    cells = 0
    for name, sheet in sheets:
        cells += sheet.height * sheet.width
        if cells > MAX_CELLS:
            raise ArchiveError(f"the workbook has more than {MAX_CELLS:,} cells")
        yield name, sheet


def _clean(sheet: pl.DataFrame) -> Grid:
    if not sheet.width:
        return grid([])
    text = [
        column.str.replace_all("\xa0", " ", literal=True).str.strip_chars().fill_null("").alias(f"c{place}")
        for place, column in enumerate(sheet)
    ]
    width = pl.lit(sheet.width, pl.Int64).alias("width")
    return pl.DataFrame(text).select(pl.int_range(1, pl.len() + 1).alias("row"), width, pl.all())


def head(table: Grid) -> Iterator[tuple[int, list[str]]]:
    """The first rows of a table: row number and cells as delivered."""
    for row, width, *cells in table.head(HEAD).iter_rows():
        yield row, cells[:width]


def header(table: Grid, names: Iterable[str]) -> tuple[int, dict[str, int]] | None:
    """Number of the first row that has all ``names``, and the columns of all its names (of equal ones the first)."""
    wanted = set(names)
    for row, cells in head(table):
        if wanted <= set(cells):
            return row, {name: i for i, name in reversed(list(enumerate(cells))) if name}
    return None


def below(table: Grid, row: int) -> Grid:
    """The rows under a header that are not blank."""
    cells = [name for name in table.columns if name not in ("row", "width")]
    return table.filter((pl.col("row") > row) & pl.any_horizontal(pl.col(cells) != ""))
