"""The table in a file, as a declared layout finds it: delimited text or a workbook's sheet, its header, its rows.

Delimited text after RFC 4180, except that a quoted cell does not span lines. Excel's first line ``sep=;`` names the
delimiter. Workbooks are read as text, in which numbers have a decimal point and dates are ISO.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise

import fastexcel
import polars as pl

from assets.meters.formats import titles, wide
from assets.meters.formats.canonical import AS_TEXT, EDGES
from assets.meters.formats.content import Content, recognise as look_at
from assets.meters.formats.grids import book
from assets.meters.formats.layouts import Layout
from assets.meters.formats.objects import table

_SEP_LINE = re.compile(r"sep=(.)[ \t]*(?:[\r\n]|$)", re.IGNORECASE)
_WORKBOOKS = ("xlsx", "biff")
_LONGEST_LINE = 20_000
"""Characters: a line of 1,440 columns and their names."""


_METER = (
    r"(?i)(?:(?:\bmeter|มิเตอร์|เครื่องวัด)\s*(?:no\.?|number|id|หมายเลข|เลขที่|#)?"
    r"|\b(?:serial|device|NMI|PEA|MEA)\s*(?:no\.?|number|id|#|:))\s*:?\s*(?P<point>[0-9][0-9A-Za-z-]{2,})"
)
"""A row that names a meter, also where the layout does not ask for it: one that names another is of another."""
_YEAR = r"(?:20|25)[0-9]{2}"
_Head = list[tuple[int, list[str]]]
"""Numbers and cells, without blanks around, of the first rows; not of those that are broken."""


class Unreadable(Exception):
    """The table cannot be read as a whole: its arguments are the problem's code, what shows it, and in which row."""


@dataclass(frozen=True)
class Table:
    """Column ``names`` in line ``at`` (0 without header) of the table at a ``place`` of a file, and what is ``above``:
    ``row`` and ``cells``, null where broken. Of tables side by side in one ``header``, the others' names are blank;
    ``span`` has this one's columns."""

    at: int
    names: list[str]
    header: list[str]
    span: tuple[int, int]
    above: pl.DataFrame
    content: Content
    layout: Layout
    place: str

    def pieces(self) -> Iterator[pl.DataFrame]:
        """The rows below the header and above the footer, as ``above``, a piece at a time; without those that repeat
        the header. Raises ``Unreadable``."""
        last = self.above.clear()
        for piece in _pieces(self.content, self.place):
            body = self._without_headers(piece.filter(pl.col("row") > self.at))
            if self.layout.footer is not None:
                ends = body.filter(pl.col("cells").list.first().str.contains(self.layout.footer))["row"].min()
                if ends is not None:
                    yield body.filter(pl.col("row") < ends)
                    return
            last = body.tail(1) if body.height else last
            yield body
        if cut := _cut(self.content, last, self.width, self.layout):
            raise Unreadable("file-truncated", *cut)

    def _without_headers(self, body: pl.DataFrame) -> pl.DataFrame:
        """Files and pages are joined with their headers. Raises ``Unreadable`` where columns stand otherwise in one."""
        if self.layout.width is not None:
            return body
        stamp = self._raw(self.layout.stamp.columns[0]).fill_null("")
        undated = body.filter(stamp.str.contains(r"^\W*\d").not_())
        undated = undated.filter(stamp.str.contains(r"\d").not_() | stamp.str.contains(_METER))
        required, again = set(self.layout.required), []
        for row, cells in undated.drop_nulls("cells").iter_rows():
            names = [cell.strip() for cell in cells]
            if self._named(" ".join(filter(None, names))) not in (None, self.named):
                raise Unreadable(
                    "meters-several", "a row among the readings names another meter; split the file there", row
                )
            if required <= set(names):
                if any(names.index(name) != self.header.index(name) for name in required):
                    raise Unreadable("header-changed", "a second header puts the columns in another order", row)
                again.append(row)
            elif row == self.at + 1 and self.layout.heed_titles and (told := titles.units(names)):
                if titles.contradicted(told, (measure.unit for measure in self.layout.parts.values())):
                    text = f"below the header stands {', '.join(sorted(told))}, which the layout does not have"
                    raise Unreadable("layout-contradicts", text, row)
                again.append(row)
        return body.filter(~pl.col("row").is_in(again)) if again else body

    @property
    def width(self) -> int:
        """Cells that a row must have: those of columns without name at the end may be absent."""
        return max((place for place, name in enumerate(self.header, start=1) if name), default=0)

    @property
    def point(self) -> str | None:
        """The meter that is read from a row above the header, or from the name of the sheet or file; None where the
        layout has it from elsewhere."""
        for pattern, name in ((self.layout.point_sheet, self.sheet), (self.layout.point_file, self.content.name)):
            if pattern:
                found = re.search(pattern, name)
                return found["point"].strip(EDGES) or None if found else None
        return self.named if self.layout.point_above else None

    @property
    def sheet(self) -> str:
        """The name of the table's sheet in a workbook."""
        return self.place.partition(":")[2] if self.content.kind in _WORKBOOKS else ""

    @property
    def named(self) -> str | None:
        """The meter that a row above the header names, the nearest first; None where none does, or rows do."""
        return next((named for text in self.titles if (named := self._named(text))), None)

    def _named(self, text: str) -> str | None:
        if self.layout.point_column or self.layout.points:
            return None
        found = re.search(self.layout.point_above or _METER, text)
        if found and not self.layout.point_above and re.fullmatch(_YEAR, found["point"]):
            return None
        return found["point"].strip(EDGES) if found else None

    @property
    def titles(self) -> Iterator[str]:
        """The rows above the header, the nearest first, their cells that are not blank joined by blanks."""
        for cells in self.above["cells"].drop_nulls().reverse():
            yield " ".join(cell.strip() for cell in cells[slice(*self.span)] if cell.strip())

    def cell(self, name: str | None) -> pl.Expr:
        """The row's text under ``name``, without blanks and Excel's ``="…"`` around it; blank for no name."""
        if name is None:
            return pl.lit("")
        found = self._raw(name).str.strip_chars("\xa0 \t")
        return (found.str.replace(AS_TEXT, "${1}") if self._as_formulas else found).fill_null("")

    def _raw(self, name: str) -> pl.Expr:
        return pl.col("cells").list.get(self.names.index(name), null_on_oob=True)

    @cached_property
    def _as_formulas(self) -> bool:
        """Whether any cell may be a formula that is a text. To look in the file costs nothing, in each cell it does;
        least for one character, which most files do not have."""
        return self.content.kind != "text" or (b"=" in self.content.coded and b'="' in self.content.coded)


def header(content: Content, layout: Layout) -> tuple[int, list[str]] | None:
    """Line and names of the header that is the layout's."""
    return next(
        (found for place in _places(content, layout) if (found := _header(_head(content, place), layout))), None
    )


def load(content: Content, layout: Layout) -> tuple[list[Table], int]:
    """The layout's tables, and how many other sheets of a workbook hold anything. Raises ``Unreadable``.

    A text has one; of a workbook, every sheet that shows the header.
    """
    if layout.encoding is not None and content.kind == "text":
        content = replace(look_at(content.data, layout.encoding), name=content.name)
    places = _places(content, layout)
    heads = ((place, _head(content, place)) for place in places)
    found = [(place, header) for place, lines in heads if (header := _header(lines, layout))]
    sheets = content.kind in _WORKBOOKS
    tables = [
        table
        for place, header in (found if sheets else found[:1])
        for table in _tables(content, place, *header, layout)
    ]
    left = [place for place in places if place not in dict(found) and _head(content, place)] if sheets else []
    return tables, len(left)


def _tables(content: Content, place: str, at: int, names: list[str], layout: Layout) -> Iterator[Table]:
    """The table under a header; several where the layout has its columns side by side."""
    above = _cells(content, place, at).filter(pl.col("row") < at)
    stands = {name: [n for n, other in enumerate(names) if other == name] for name in layout.required}
    times = max((len(places) for places in stands.values()), default=1)
    several = {name: places for name, places in stands.items() if len(places) > 1}
    if layout.beside and several and all(len(places) == times for places in several.values()):
        firsts = [min(places[n] for places in several.values()) for n in range(times)]
        for n, (first, end) in enumerate(pairwise([*firsts, len(names)])):
            own = {places[n if len(places) > 1 else 0] for places in stands.values()}
            kept = [name if number in own else "" for number, name in enumerate(names)]
            yield Table(at, kept, names, (first, end), above, content, layout, place)
        return
    for name, places in several.items():
        columns = " and ".join(str(number + 1) for number in places)
        raise Unreadable("column-repeated", f"'{name}' stands in columns {columns}: which counts?", at)
    if layout.points is not None:
        pointed = [name for name in names if re.fullmatch(layout.points.columns, name)]
        if len(set(pointed)) < len(pointed):
            raise Unreadable("column-repeated", "two columns name the same metering point", at)
    yield Table(at, names, names, (0, len(names)), above, content, layout, place)


def heads(content: Content) -> Iterator[_Head]:
    """The first rows of a file's tables, as each delimiter makes them or of each sheet."""
    if content.kind in _WORKBOOKS:
        yield from (_sheet_head(content, f"sheet:{name}") for name, _ in book(content))
    elif content.kind == "json":
        yield _head(content, "json")
    else:
        tables = (_head(content, mark) for mark in ",;\t|")
        yield from (lines for lines in tables if any(len(cells) > 1 for _, cells in lines))


def _places(content: Content, layout: Layout) -> list[str]:
    """Where tables may be: delimiters of a text, sheets of a workbook (``table:`` before a named table)."""
    if content.kind in _WORKBOOKS:
        if layout.table is not None and content.kind == "xlsx":
            named = fastexcel.read_excel(content.data).table_names()
            return [f"table:{layout.table}"] if layout.table in named else []
        return [f"sheet:{name}" for name, _ in book(content) if layout.sheet in (None, name)]
    if content.kind == "json":
        return ["json"]
    stated = _SEP_LINE.match(content.head(100))
    declared = list(",;\t|") if layout.delimiter == "auto" else [layout.delimiter]
    return [*([stated[1]] if stated else []), *declared]


def _head(content: Content, place: str) -> _Head:
    if content.kind == "json":
        return _stripped(table(content.text).head(100))
    if content.kind in _WORKBOOKS:
        return _sheet_head(content, place)
    return _text_head(content.head(30 * _LONGEST_LINE), place)


@lru_cache(maxsize=4)
def _text_head(text: str, delimiter: str) -> _Head:
    """The first 100 lines: once for all layouts that look at the same file."""
    return _stripped(_cells(Content(b"", "text", text.encode()), delimiter, 100).drop_nulls())


@lru_cache(maxsize=16)
def _sheet_head(content: Content, place: str) -> _Head:
    return _stripped(_sheet(content, place, 100))


def _stripped(lines: pl.DataFrame) -> _Head:
    return [(row, [cell.strip() for cell in cells]) for row, cells in lines.iter_rows()]


def _sheet(content: Content, place: str, limit: int | None = None) -> pl.DataFrame:
    """``row`` and ``cells`` of a sheet, or of a named table (whose rows count from its header); of ``limit`` rows."""
    kind, _, name = place.partition(":")
    if kind == "table":
        frame = fastexcel.read_excel(content.data).load_table(name, dtypes="string", n_rows=limit).to_polars()
        frame = pl.concat([pl.DataFrame([frame.columns], schema=frame.columns, orient="row"), frame])
    else:
        frame = next(sheet for known, sheet in book(content) if known == name)
    if not frame.width:
        return pl.DataFrame(schema={"row": pl.Int64, "cells": pl.List(pl.String)})
    rows: pl.DataFrame = frame.head(limit or frame.height).select(
        row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64), cells=pl.concat_list(pl.all().cast(pl.String).fill_null(""))
    )
    return rows.filter(pl.col("cells").list.join("").str.strip_chars() != "")


def _pieces(content: Content, place: str) -> Iterator[pl.DataFrame]:
    if content.kind in _WORKBOOKS:
        yield _sheet(content, place)
        return
    if content.kind == "json":
        yield table(content.text)
        return
    stated = _SEP_LINE.match(content.head(100))
    for piece in content.pieces(place):
        yield piece.filter(pl.col("row") > 1) if stated else piece


def _cells(content: Content, place: str, limit: int | None = None) -> pl.DataFrame:
    if content.kind in _WORKBOOKS:
        return _sheet(content, place, limit)
    if content.kind == "json":
        return table(content.text)
    lines = content.cells(place, limit)
    return lines.filter(pl.col("row") > 1) if _SEP_LINE.match(content.head(100)) else lines


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
