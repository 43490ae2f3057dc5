"""The table in a file, as a declared layout finds it: delimited text or a workbook's sheet, its header, its rows.

Delimited text after RFC 4180, except that a quoted cell does not span lines. Excel's first line ``sep=;`` names the
delimiter. Workbooks are read as text, in which numbers have a decimal point and dates are ISO.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import fastexcel
import polars as pl

from assets.energy.readers import wide
from assets.energy.readers.content import Content
from assets.energy.readers.content import recognise as look_at
from assets.energy.readers.layouts import Layout

_SEP_LINE = re.compile(r"sep=(.)[ \t]*(?:[\r\n]|$)", re.IGNORECASE)
_LONGEST_LINE = 20_000
"""Characters: a line of 1,440 columns and their names."""


class Table(NamedTuple):
    """Column ``names`` in line ``at`` (0 without header) and the ``body``: ``row`` and ``cells``, null where broken."""

    at: int
    names: list[str]
    body: pl.DataFrame
    cut: tuple[str, int] | None = None
    """What shows that the file was cut, and in which row."""

    @property
    def width(self) -> int:
        """Cells that a row must have: those of columns without name at the end may be absent."""
        return max((place for place, name in enumerate(self.names, start=1) if name), default=0)

    def cell(self, name: str | None) -> pl.Expr:
        """The row's text under ``name``, without blanks and Excel's ``="…"`` around it; blank for no name."""
        if name is None:
            return pl.lit("")
        found = pl.col("cells").list.get(self.names.index(name), null_on_oob=True)
        return found.str.strip_chars("\xa0 \t").str.replace(r'^="(.*)"$', "${1}").fill_null("")


def header(content: Content, layout: Layout) -> Table | None:
    """The header that is the layout's, with the first rows as body."""
    return next(_tables(content, layout, whole=False), None)


def load(content: Content, layout: Layout) -> Table | None:
    """The layout's table, without the footer; None where no header shows it."""
    if layout.encoding is not None and content.kind == "text":
        content = look_at(content.data, layout.encoding)
    table = next(_tables(content, layout, whole=True), None)
    if table is None:
        return None
    body = table.body
    if layout.footer is not None:
        ends = body.filter(pl.col("cells").list.first().str.contains(layout.footer))["row"].min()
        body = body if ends is None else body.filter(pl.col("row") < ends)
    return table._replace(body=body, cut=_cut(content, body, table.width, layout))


def _tables(content: Content, layout: Layout, whole: bool) -> Iterator[Table]:
    for place in _places(content, layout):
        head = _head(content, place)
        found = _header(head, layout)
        if found is not None:
            at, names = found
            body = _cells(content, place) if whole else head
            yield Table(at, names, body.filter(pl.col("row") > at))


def _places(content: Content, layout: Layout) -> list[str]:
    """Where tables may be: delimiters of a text, sheets of a workbook (``table:`` before a named table)."""
    if content.kind == "xlsx":
        book = fastexcel.read_excel(content.data)
        if layout.table is not None:
            return [f"table:{layout.table}"] if layout.table in book.table_names() else []
        return [f"sheet:{name}" for name in book.sheet_names if layout.sheet in (None, name)]
    told = _SEP_LINE.match(content.text)
    declared = list(",;\t|") if layout.delimiter == "auto" else [layout.delimiter]
    return [*([told[1]] if told else []), *declared]


def _head(content: Content, place: str) -> pl.DataFrame:
    if content.kind == "xlsx":
        return _sheet(content.data, place, 100)
    return _text_head(content.text[: 30 * _LONGEST_LINE], place)


@lru_cache(maxsize=4)
def _text_head(text: str, delimiter: str) -> pl.DataFrame:
    """The first 100 lines: once for all layouts that look at the same file."""
    return _cells(Content(b"", "text", text), delimiter, 100)


@lru_cache(maxsize=4)
def _sheet(data: bytes, place: str, limit: int | None = None) -> pl.DataFrame:
    """``row`` and ``cells`` of a sheet, or of a named table (whose rows count from its header)."""
    book, (kind, _, name) = fastexcel.read_excel(data), place.partition(":")
    if kind == "table":
        frame = book.load_table(name, dtypes="string", n_rows=limit).to_polars()
        frame = pl.concat([pl.DataFrame([frame.columns], schema=frame.columns, orient="row"), frame])
    else:
        frame = book.load_sheet(
            name, header_row=None, dtypes="string", n_rows=limit, skip_rows=0, skip_whitespace_tail_rows=True
        ).to_polars()
    if not frame.width:
        return pl.DataFrame(schema={"row": pl.Int64, "cells": pl.List(pl.String)})
    rows: pl.DataFrame = frame.select(
        row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64), cells=pl.concat_list(pl.all().cast(pl.String).fill_null(""))
    )
    return rows.filter(pl.col("cells").list.join("").str.strip_chars() != "")


def _cells(content: Content, place: str, limit: int | None = None) -> pl.DataFrame:
    if content.kind == "xlsx":
        return _sheet(content.data, place, limit)
    lines = content.cells(place, limit)
    return lines.filter(pl.col("row") > 1) if _SEP_LINE.match(content.text) else lines


def _header(lines: pl.DataFrame, layout: Layout) -> tuple[int, list[str]] | None:
    """Line and names of the header: the first line with every column the layout needs."""
    if layout.width is not None:
        data = lines.filter(pl.col("row") > layout.skip_rows).drop_nulls().head(1)
        fits = data.height and (data["cells"].list.len()[0] >= layout.width or (layout.wide and layout.wide.ragged))
        return (layout.skip_rows, [str(n) for n in range(1, layout.width + 1)]) if fits else None
    for row, cells in lines.filter(pl.col("row") <= layout.header_rows).drop_nulls().iter_rows():
        names = [cell.strip() for cell in cells]
        whole = layout.wide is None or wide.intervals(names, layout) is not None
        pointed = layout.points is None or any(re.fullmatch(layout.points.columns, name) for name in names)
        if set(layout.required) <= set(names) and whole and pointed:
            return row, names
    return None


def _cut(content: Content, body: pl.DataFrame, width: int, layout: Layout) -> tuple[str, int] | None:
    """A text that ends within a quote, or without line end in a row too short."""
    if content.kind != "text" or not body.height:
        return None
    last = body.row(-1, named=True)
    if last["cells"] is None:
        return "the last line has a quote that is not closed", last["row"]
    if not content.ends_whole and len(last["cells"]) < width and not (layout.wide and layout.wide.ragged):
        return f"the last line has {len(last['cells'])} of {width} cells and no line end", last["row"]
    return None
