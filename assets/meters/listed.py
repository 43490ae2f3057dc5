"""Lists about meters that people or systems of a utility write, CSV or a workbook: a header with known names, a row a
fact."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from difflib import get_close_matches

import polars as pl
from fastexcel import FastExcelError
from polars.exceptions import PolarsError

from assets.landing.unpack import ArchiveError
from assets.meters.formats import grids
from assets.meters.formats.canonical import AS_FRACTION, AS_TEXT, EDGES, MANGLED
from assets.meters.formats.content import Content, recognise
from assets.meters.formats.stamps import parse
from assets.sources import thai
from assets.sources.biff import WorkbookError
from assets.sources.source import ReadResult
from assets.sources.table_headers import ABOVE
from quality.batch import Batch
from quality.contracts import Table
from quality.meter_grid import ZONE

_WORKBOOKS = ("xlsx", "biff")
_MARKS = ",;\t|"
"""Between cells, in this order: most lists have commas, and commas may stand in a cell of others."""
_NO_LINES = pl.DataFrame(schema={"row": pl.Int64, "cells": pl.List(pl.String)})
_MIDNIGHT = " 00:00:00"
"""Behind a date that a spreadsheet keeps as one."""

LONGEST = timedelta(days=366)
"""Of a range: a longer one has a slipped year."""


_NONE = r"^(?:0+|\?+|#.*)$"
"""What exports and lists write for none beside marks of any table: zeros, question marks, what a spreadsheet writes
where a formula found nothing or a column is too narrow."""

NAMES = ("point", "account", "serial", "check_of")
"""Columns of numbers that name something: shortened by a spreadsheet, different ones become the same."""

NEAR = 0.8
"""Likeness from which a column's name is taken for a slip: ``acount``, ``account_no``, not ``account_name``."""


def listed(form: str, data: bytes, required: Sequence[str], optional: Sequence[str] = ()) -> Batch | ReadResult:
    """The rows of a list as texts without outer blanks, empty where a column or cell is absent, with ``row``. What
    stands above the header is left out; cells are parted by commas, semicolons, tabs or bars, or are a workbook's. Rows
    of another width than the header's are refused (``row-malformed``), and those of which a spreadsheet shortened one
    of ``NAMES`` (``value-unknown``). Names of columns are those in any case, with blanks or dashes for underscores;
    other columns are passed over, and said where they are spelt nearly as an optional one that is not there
    (``column-new``). A file that is none is rejected instead."""
    content = recognise(data)
    if content.problems is not None:
        return ReadResult(form, problems=content.problems)
    if content.kind not in ("text", *_WORKBOOKS):
        code = "file-html" if content.kind == "html" else "file-not-data"
        return ReadResult.rejected(form, code, "CSV or a workbook is expected")
    try:
        tables = list(_tables(content, required))
    except (ArchiveError, WorkbookError, FastExcelError, PolarsError):
        return ReadResult.rejected(form, "file-malformed", "a workbook that cannot be opened")
    if len(tables) > 1:
        return ReadResult.rejected(form, "file-malformed", f"{len(tables)} sheets have the header: one is expected")
    lines = tables[0] if tables else content.cells(",") if content.kind == "text" else _NO_LINES
    if not lines.height:
        code = "file-empty" if content.kind == "text" else "format-unknown"
        return ReadResult.rejected(form, code, f"no line has {', '.join(required)}")
    names = _names(lines["cells"][0])
    columns = (*required, *optional)
    if twice := [column for column in columns if names.count(column) > 1]:
        return ReadResult.rejected(form, "column-repeated", f"the header has {', '.join(twice)} twice", 1)
    if missing := [column for column in required if column not in names]:
        return ReadResult.rejected(form, "format-unknown", f"the header lacks {', '.join(missing)}")
    width, whole = pl.col("cells").list.len(), content.ends_whole or content.kind != "text"
    if not whole and lines.height > 1 and lines.select(width.last() < len(names)).item():
        text = "the last line has too few cells and no line end"
        return ReadResult.rejected(form, "file-truncated", text, lines["row"][-1])

    def cell(column: str) -> pl.Expr:
        if column not in names:
            return pl.lit("")
        found = pl.col("cells").list.get(names.index(column), null_on_oob=True).str.strip_chars("\xa0 \t")
        plain = found.str.replace(AS_TEXT, "${1}").str.strip_chars(EDGES).str.strip_suffix(_MIDNIGHT)
        return (plain.str.strip_suffix(AS_FRACTION) if column in NAMES else plain).fill_null("")

    rows = Batch(lines[1:]).with_columns(**{column: cell(column) for column in columns})
    absent = [column for column in optional if column not in names]
    for name in names:
        # What is told under it, as who pays or which meter is no customer's, would be missing without a word.
        if name not in columns and (meant := get_close_matches(name, absent, 1, NEAR)):
            rows = rows.note("column-new", f"column {name!r} is not read; did you mean {meant[0]}?", 1)
    beyond = pl.col("cells").list.slice(len(names)).list.join("").str.strip_chars(EDGES) != ""
    return rows.refuse(
        (width.is_null() | (width < len(names)) | beyond, "row-malformed", f"not the {len(names)} cells of the header"),
        *(
            (pl.col(name).str.contains(MANGLED), "value-unknown", f"{name} in scientific notation")
            for name in NAMES
            if name in columns
        ),
    )


def _tables(content: Content, required: Sequence[str]) -> Iterator[pl.DataFrame]:
    """``row, cells`` from the header on, of each sheet that has one, or of a text by the first mark that shows it."""
    text = content.kind == "text"
    parted = (content.cells(mark) for mark in _MARKS) if text else map(_of_sheet, grids.sheets(content))
    for lines in parted:
        heads = enumerate(lines["cells"].head(ABOVE))
        at = next((at for at, cells in heads if {*required} <= {*_names(cells)}), None)
        if at is not None:
            yield lines[at:]
            if text:
                return


def _of_sheet(grid: grids.Grid) -> pl.DataFrame:
    names = [name for name in grid.columns if name not in ("row", "width")]
    if not names:
        return _NO_LINES
    return grid.select("row", cells=pl.concat_list(names)).filter(pl.col("cells").list.join("") != "")


def _names(cells: pl.Series | None) -> list[str]:
    return [] if cells is None else [re.sub(r"[\s-]+", "_", cell.strip(EDGES).lower()) for cell in cells]


def is_none(name: pl.Expr) -> pl.Expr:
    """Whether the name of a meter, device or account is none, or a mark for none: all that have it would be one."""
    return thai.is_missing(name) | name.str.contains(_NONE)


def instant(column: str) -> pl.Expr:
    """Local time in Thailand (``yyyy-mm-dd hh:mm``) as UTC, null where it cannot be read."""
    return parse(pl.col(column), "ymd").dt.replace_time_zone(ZONE).dt.convert_time_zone("UTC")


def ahead(column: str, day: date) -> pl.Expr:
    """Whether an instant is of a later day than the one after the delivery ``day``: of that nobody knows anything."""
    return pl.col(column).dt.convert_time_zone(ZONE).dt.date() > day + timedelta(days=1)


def by_day(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``start`` and ``end`` (UTC, not before it) cut at the midnights between, with ``local_date``."""
    first, last = (pl.col(name).dt.convert_time_zone(ZONE) for name in ("start", "end"))
    # What ends at midnight has nothing of the day that begins then.
    until = pl.max_horizontal(first.dt.date(), (last - pl.duration(microseconds=1)).dt.date())
    days = rows.with_columns(local_date=pl.date_ranges(first.dt.date(), until)).explode("local_date")
    begins = pl.col("local_date").cast(pl.Datetime("us")).dt.replace_time_zone(ZONE).dt.convert_time_zone("UTC")
    return days.with_columns(
        start=pl.max_horizontal("start", begins), end=pl.min_horizontal("end", begins + pl.duration(days=1))
    )


def told(form: str, table: Table, rows: Batch, days: pl.DataFrame) -> ReadResult:
    """What came of a list: ``days``, rows of ``table`` by day, made of its ``rows``."""
    batch = rows if rows.rows.height or rows.problems else rows.note("file-empty", "no rows")
    return ReadResult(form, "header", {table.name: days} if days.height else {}, batch.found)
