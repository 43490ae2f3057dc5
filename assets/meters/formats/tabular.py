"""The table in a file, as a declared layout finds it: delimited text or a workbook's sheet, its header, its rows.

Delimited text after RFC 4180, except that a quoted cell does not span lines. Excel's first line ``sep=;`` names the
delimiter. Workbooks are read as text, in which numbers have a decimal point and dates are ISO.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import chain, pairwise, zip_longest
from math import inf

import fastexcel
import polars as pl

from assets.meters.formats import titles, wide
from assets.meters.formats.canonical import AS_TEXT, EDGES, Unreadable
from assets.meters.formats.content import Content, recognise as look_at
from assets.meters.formats.grids import book
from assets.meters.formats.layouts import Layout, Measure
from assets.meters.formats.objects import table
from assets.meters.formats.remarks import DATED, hold_times, remarks, up_to_last

_SEP_LINE = re.compile(r"sep=(.)[ \t]*(?:[\r\n]|$)", re.IGNORECASE)
_WORKBOOKS = ("xlsx", "biff")
_LONGEST_LINE = 20_000
"""Characters: a line of 1,440 columns and their names."""
_UNIT = r"(?i)\W*(?:units?|หน่วย)?\W*"
"""What else there is in a row of units."""
_BELOW = 3
"""Rows right below a header that may tell units, and what else there is to say of its columns."""
_Head = list[tuple[int, list[str]]]
"""Numbers and cells, without blanks around, of the first rows; not of those that are broken."""


@dataclass(frozen=True)
class Table:
    """Column ``names`` in line ``at`` (0 without header) of the table at a ``place`` of a file, and what is ``above``:
    ``row`` and ``cells``, null where broken. Of tables side by side in one ``header``, the others' names are blank;
    ``span`` has this one's columns; ``until`` is the row of one below."""

    at: int
    names: list[str]
    header: list[str]
    span: tuple[int, int]
    above: pl.DataFrame
    content: Content
    layout: Layout
    place: str
    until: float = inf

    def pieces(self) -> Iterator[pl.DataFrame]:
        """The rows below the header and above the footer, as ``above``, a piece at a time; without remarks and totals,
        and without those that repeat the header. Raises ``Unreadable``."""
        last, rest, ended = self.above.clear(), self.above.clear(), False
        for piece in pieces_of(self.content, self.place):
            body = pl.concat([rest, piece.filter(pl.col("row") > self.at, pl.col("row") < self.until)])
            if self.layout.footer is not None:
                ends = body.filter(pl.col("cells").list.first().str.contains(self.layout.footer))["row"].min()
                if ended := ends is not None:
                    body = body.filter(pl.col("row") < ends)
            last = body.tail(1) if body.height else last
            # What stands below all stamps tells nothing of what is above.
            until = up_to_last(body, [self._raw(name) for name in self.layout.stamp.columns])
            rest = body.slice(until)
            yield self._without_headers(body.head(until))
            if ended:
                break
        if rest.height:
            yield rest.filter(~pl.col("row").is_in(self._remarks(rest)))
        if not ended and self.until == inf and (cut := _cut(self.content, last, self.width, self.layout)):
            raise Unreadable("file-truncated", *cut)

    def _remarks(self, rows: pl.DataFrame) -> list[int]:
        """Which of some ``rows`` are no readings; objects of JSON are none's remark."""
        if self.content.kind == "json":
            return []
        cells = pl.col("cells").list
        stamps = [self._raw(name) for name in self.layout.stamp.columns]
        found = remarks(stamps, cells.gather(list(self.measures), null_on_oob=True), pl.col("cells"))
        return rows.drop_nulls("cells").filter(found)["row"].to_list()

    def _without_headers(self, body: pl.DataFrame) -> pl.DataFrame:
        """Files and pages are joined with their headers, and units may stand below one. Raises ``Unreadable`` where
        columns stand otherwise in a header, or rows say that what follows is another meter's or in another unit."""
        stamp = self._raw(self.layout.stamp.columns[0]).fill_null("")
        again = pl.col("cells").list.contains(self.layout.stamp.columns[0])
        undated = body.filter(stamp.str.contains("^[0-9]").not_() | again)  # which costs less, and tells most
        undated = undated.filter(stamp.str.contains(DATED).not_() | again)
        told = self._remarks(undated)
        if self.layout.width is not None:
            return body.filter(~pl.col("row").is_in(told)) if told else body
        # Where dates stand in one row of a day, most rows have none: few of these say anything.
        texts, word = pl.col("cells").list, r"\pL"
        values = texts.gather(list(self.measures), null_on_oob=True).list.join("", ignore_nulls=True)
        says = again | (pl.col("row") <= self.at + _BELOW) | values.str.contains(word) | pl.col("row").is_in(told)
        if not self.layout.point_column and not self.layout.points:
            says |= texts.join(" ").str.contains(word)
        for row, cells in undated.drop_nulls("cells").filter(says).iter_rows():
            names = [cell.strip() for cell in cells]
            if self._other_meter(" ".join(filter(None, names))):
                text = "a row among the readings names another meter; split the file there"
                raise Unreadable("meters-several", text, row)
            numbers = any(re.match(r"\W*[0-9]", name) for name in set(names).difference(self.header))
            if not numbers and set(self.layout.stamp.columns) <= set(names):
                if self._taken(names) != self._taken(self.header):
                    raise Unreadable("header-changed", "a second header has other columns, or in another order", row)
                told.append(row)
            elif self.layout.heed_titles and (row <= self.at + _BELOW or not numbers) and self._tells_units(names, row):
                told.append(row)
        return body.filter(~pl.col("row").is_in(told)) if told else body

    def _taken(self, names: list[str]) -> list[tuple[int, str]]:
        return [(place, names[place]) for place in sorted(taken(names, self.layout))]

    def _other_meter(self, text: str) -> bool:
        """Whether a row names another meter than the rows above the header, or another place than they do."""
        if (named := self._named(text)) is not None and named not in map(self._named, self.titles):
            return True
        place = titles.place(text) if self.layout.one_point else None
        return place is not None and self.places.get(place[0], place[1]) != place[1]

    @cached_property
    def places(self) -> dict[str, str]:
        """Names of what the meter stands for, by their labels in the rows above the header."""
        return dict(place for title in self.titles if (place := titles.place(title)))

    def _tells_units(self, names: list[str], row: int) -> bool:
        """Whether a row is left out, as it stands right below the header and tells the units of the columns. Raises
        ``Unreadable`` where one is not the layout's."""
        below = row <= self.at + _BELOW
        cells = self.units(names)
        for place, cell in cells.items():
            titles.heed("a row of units says", [cell], self.measures[place], self.layout, row)
        if not cells:
            text, ours = " ".join(filter(None, names)), self.layout.parts.values()
            titles.heed("below the header stands", [text], ours, self.layout, row, title=True, kin=not below)
        values = any(re.match(r"\W*[0-9]", cell) for cell in cells.values())
        return below and not values and bool(titles.units([*names, *cells.values()]))

    def units(self, cells: list[str]) -> dict[int, str]:
        """What a row has in the columns of values, by their place, as ``titles`` reads units: where it tells nothing
        else, a letter or a number is one, too."""
        told = {place: cells[place].strip() for place in self.measures if place < len(cells) and cells[place].strip()}
        alone = {place: f"unit: {cell}" for place, cell in told.items()}
        others = (cell for place, cell in enumerate(cells) if place not in self.measures)
        left = [f"unit: {cell.strip()}" for cell in others if not re.fullmatch(_UNIT, cell)]
        return alone if all(titles.units([cell]) for cell in (*alone.values(), *left)) else told

    @cached_property
    def measures(self) -> dict[int, list[Measure]]:
        """What the layout has each column measure, by its place; several where rows tell which."""
        layout, parts = self.layout, self.layout.parts
        if layout.wide:
            found = wide.intervals(self.names, layout)
            return {place: list(parts.values()) for place in (found.places if found else ())}
        if layout.points:
            matches = ((place, re.fullmatch(layout.points.columns, name)) for place, name in enumerate(self.names))
            columns = ((place, match.groupdict().get("measure")) for place, match in matches if match)
            first = next(iter(parts))
            return {place: [parts[of or first]] for place, of in columns if (of or first) in parts}
        if layout.components:
            return {self.names.index(layout.value_column or ""): list(parts.values())}
        return {self.names.index(name): [measure] for name, measure in parts.items()}

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
        if not self.layout.point_above:
            return titles.meter(text)
        found = re.search(self.layout.point_above, text)
        return found["point"].strip(EDGES) if found else None

    @property
    def titles(self) -> Iterator[str]:
        """The rows above the header, the nearest first, their cells that are not blank joined by blanks; of what is
        longer than any title how it begins."""
        for cells in self.above["cells"].drop_nulls().reverse():
            yield " ".join(cell.strip() for cell in cells[slice(*self.span)] if cell.strip())[: titles.LONGEST]

    def cell(self, name: str | None) -> pl.Expr:
        """The row's text under ``name``, without blanks and Excel's ``="…"`` around it; blank for no name."""
        if name is None:
            return pl.lit("")
        found = self._raw(name).str.strip_chars("\xa0 \t")
        return (found.str.replace(AS_TEXT, "${1}") if self._as_formulas else found).fill_null("")

    @property
    def kept(self) -> pl.Expr:
        """Whether every filter of the layout keeps a row."""
        filters = self.layout.filters.items()
        fits = [self.cell(column).str.contains(f"^(?:{pattern})$") for column, pattern in filters]
        return pl.all_horizontal(pl.lit(value=True), *fits)

    def _raw(self, name: str) -> pl.Expr:
        return pl.col("cells").list.get(self.names.index(name), null_on_oob=True)

    @cached_property
    def _as_formulas(self) -> bool:
        """Whether any cell may be a formula that is a text. To look in the file costs nothing, in each cell it does;
        least for one character, which most files do not have."""
        return self.content.kind != "text" or (b"=" in self.content.coded and b'="' in self.content.coded)


def taken(names: list[str], layout: Layout) -> set[int]:
    """Places of the columns that the layout takes values from, or what these are."""
    pattern = layout.points.columns if layout.points else "(?!)"
    required = set(layout.required)
    known = {place for place, name in enumerate(names) if name in required or re.fullmatch(pattern, name)}
    return known | wide.known(names, layout)


def header(content: Content, layout: Layout) -> tuple[int, list[str]] | None:
    """Line and names of the header that is the layout's."""
    return next(
        (found for place in _places(content, layout) if (found := _header(_head(content, place), layout))), None
    )


def load(content: Content, layout: Layout) -> tuple[list[Table], int]:
    """The layout's tables, and how many other sheets of a workbook may hold readings. Raises ``Unreadable``.

    A text has one; of a workbook, every sheet that shows the header.
    """
    if layout.encoding is not None and content.kind == "text":
        content = replace(look_at(content.data, layout.encoding), name=content.name)
    places = _places(content, layout)
    heads = ((place, _head(content, place)) for place in places)
    found = [(place, header) for place, lines in heads if (header := _header(lines, layout))]
    sheets = content.kind in _WORKBOOKS
    read = found if sheets else found[:1]
    tables = [table for place, header in read for table in _tables(content, place, *header, layout)]
    others = (place for place in places if place not in dict(found)) if sheets else ()
    return tables, sum(hold_times(_sheet(content, place)) for place in others)


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


def pieces_of(content: Content, place: str) -> Iterator[pl.DataFrame]:
    """``row`` and ``cells`` of what is at a place of a file, a piece at a time."""
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
    """Line and names of the header: the first line, or two together, with every column the layout needs."""
    if layout.width is not None:
        first = next((cells for row, cells in lines if row > layout.skip_rows), [])
        fits = first and (len(first) >= layout.width or (layout.wide and layout.wide.ragged))
        return (layout.skip_rows, [str(n) for n in range(1, layout.width + 1)]) if fits else None
    required = set(layout.required)
    # Where cells are merged a header has two rows: what the lower one lacks stands above it.
    both = ((row, [b or a for a, b in zip_longest(up, low, fillvalue="")]) for (_, up), (row, low) in pairwise(lines))
    for row, names in chain(lines, both):
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
