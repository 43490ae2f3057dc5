"""The table in a file, as a declared layout finds it: delimited text or a workbook's sheet, its header, its rows.

Delimited text after RFC 4180, except that a quoted cell does not span lines. Excel's first line ``sep=;`` names the
delimiter. Workbooks are read as text, in which numbers have a decimal point and dates are ISO.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import fastexcel
import polars as pl

from assets.meters.formats import wide
from assets.meters.formats.content import Content, recognise as look_at
from assets.meters.formats.grids import workbook
from assets.meters.formats.layouts import Layout

_SEP_LINE = re.compile(r"sep=(.)[ \t]*(?:[\r\n]|$)", re.IGNORECASE)
_LONGEST_LINE = 20_000
"""Characters: a line of 1,440 columns and their names."""


_Head = list[tuple[int, list[str]]]
"""Numbers and cells, without blanks around, of the first rows; not of those that are broken."""


class Cut(Exception):
    """The file was cut: its arguments are what shows it, and in which row."""


@dataclass(frozen=True)
class Table:
    """Column ``names`` in line ``at`` (0 without header) of the table at a ``place`` of a file, and what is ``above``:
    ``row`` and ``cells``, null where broken."""

    at: int
    names: list[str]
    place: str
    above: pl.DataFrame
    content: Content
    layout: Layout

    def pieces(self) -> Iterator[pl.DataFrame]:
        """The rows below the header and above the footer, as ``above``, a piece at a time. Raises ``Cut``."""
        last = self.above.clear()
        for piece in _pieces(self.content, self.place):
            body = piece.filter(pl.col("row") > self.at)
            if self.layout.footer is not None:
                ends = body.filter(pl.col("cells").list.first().str.contains(self.layout.footer))["row"].min()
                if ends is not None:
                    yield body.filter(pl.col("row") < ends)
                    return
            last = body.tail(1) if body.height else last
            yield body
        if cut := _cut(self.content, last, self.width, self.layout):
            raise Cut(*cut)

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


def header(content: Content, layout: Layout) -> tuple[int, list[str]] | None:
    """Line and names of the header that is the layout's."""
    return next((found for _, found in _headers(content, layout)), None)


def load(content: Content, layout: Layout) -> Table | None:
    """The layout's table; None where no header shows it."""
    if layout.encoding is not None and content.kind == "text":
        content = look_at(content.data, layout.encoding)
    place, found = next(_headers(content, layout), ("", None))
    if found is None:
        return None
    at, names = found
    above = _cells(content, place, at).filter(pl.col("row") < at)
    return Table(at, names, place, above, content, layout)


def _headers(content: Content, layout: Layout) -> Iterator[tuple[str, tuple[int, list[str]]]]:
    for place in _places(content, layout):
        if found := _header(_head(content, place), layout):
            yield place, found


def _places(content: Content, layout: Layout) -> list[str]:
    """Where tables may be: delimiters of a text, sheets of a workbook (``table:`` before a named table)."""
    if content.kind == "xlsx":
        if layout.table is not None:
            named = fastexcel.read_excel(content.data).table_names()
            return [f"table:{layout.table}"] if layout.table in named else []
        return [f"sheet:{name}" for name, _ in workbook(content.data) if layout.sheet in (None, name)]
    stated = _SEP_LINE.match(content.text)
    declared = list(",;\t|") if layout.delimiter == "auto" else [layout.delimiter]
    return [*([stated[1]] if stated else []), *declared]


def _head(content: Content, place: str) -> _Head:
    if content.kind == "xlsx":
        return _sheet_head(content.data, place)
    return _text_head(content.text[: 30 * _LONGEST_LINE], place)


@lru_cache(maxsize=4)
def _text_head(text: str, delimiter: str) -> _Head:
    """The first 100 lines: once for all layouts that look at the same file."""
    return _stripped(_cells(Content(b"", "text", text), delimiter, 100).drop_nulls())


@lru_cache(maxsize=4)
def _sheet_head(data: bytes, place: str) -> _Head:
    return _stripped(_sheet(data, place, 100))


def _stripped(lines: pl.DataFrame) -> _Head:
    return [(row, [cell.strip() for cell in cells]) for row, cells in lines.iter_rows()]


def _sheet(data: bytes, place: str, limit: int | None = None) -> pl.DataFrame:
    """``row`` and ``cells`` of a sheet, or of a named table (whose rows count from its header); of ``limit`` rows."""
    kind, _, name = place.partition(":")
    if kind == "table":
        frame = fastexcel.read_excel(data).load_table(name, dtypes="string", n_rows=limit).to_polars()
        frame = pl.concat([pl.DataFrame([frame.columns], schema=frame.columns, orient="row"), frame])
    else:
        frame = next(sheet for known, sheet in workbook(data) if known == name)
    if not frame.width:
        return pl.DataFrame(schema={"row": pl.Int64, "cells": pl.List(pl.String)})
    rows: pl.DataFrame = frame.head(limit or frame.height).select(
        row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64), cells=pl.concat_list(pl.all().cast(pl.String).fill_null(""))
    )
    return rows.filter(pl.col("cells").list.join("").str.strip_chars() != "")


def _pieces(content: Content, place: str) -> Iterator[pl.DataFrame]:
    if content.kind == "xlsx":
        yield _sheet(content.data, place)
        return
    stated = _SEP_LINE.match(content.text)
    for piece in content.pieces(place):
        yield piece.filter(pl.col("row") > 1) if stated else piece


def _cells(content: Content, place: str, limit: int | None = None) -> pl.DataFrame:
    if content.kind == "xlsx":
        return _sheet(content.data, place, limit)
    lines = content.cells(place, limit)
    return lines.filter(pl.col("row") > 1) if _SEP_LINE.match(content.text) else lines


def _header(lines: _Head, layout: Layout) -> tuple[int, list[str]] | None:
    """Line and names of the header: the first line with every column the layout needs."""
    if layout.width is not None:
        first = next((cells for row, cells in lines if row > layout.skip_rows), [])
        fits = first and (len(first) >= layout.width or (layout.wide and layout.wide.ragged))
        return (layout.skip_rows, [str(n) for n in range(1, layout.width + 1)]) if fits else None
    required = set(layout.required)
    for row, names in lines:
        if row > layout.header_rows or not required <= set(names):
            continue
        whole = layout.wide is None or wide.intervals(names, layout) is not None
        pointed = layout.points is None or any(re.fullmatch(layout.points.columns, name) for name in names)
        if whole and pointed:
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
