"""A published table as a file: CSV, a workbook (XLSX, XLS), or an archive of them, as one frame of strings.

What is none of the table is left out and named: titles above the header, blank lines, notes below, sheets and tables of
another kind, hidden ones. What a sheet's name or a title tells of all its rows, a year, a month, the unit or whose they
are, becomes a column, because rows of two sheets may differ in that alone.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, takewhile

import fastexcel
import polars as pl

from assets.landing.unpack import ArchiveError, members, unread
from assets.sources import biff, thai
from assets.sources.long_table_periods import LONGEST, period
from assets.sources.parsing import ENCODINGS, text_of
from assets.sources.table_headers import ABOVE, NAMELESS, Cells, continued, counted, header_at, headers_below, unique
from assets.sources.table_titles import DATED, TITLE_UNIT, Sheet, area_of, dated, doubted, year_of
from assets.sources.workbook_cells import as_shown
from quality.batch import Batch
from quality.problems import problem

SECTION = "หัวข้อ"
"""Column with the labels that stand alone in rows above what they are of, where they tell no year."""

_SEPARATORS = ",;\t|"
"""Between cells: what most of the first lines have, or have most of."""
_TOLD = re.compile(r"(?i)^\s*sep=(.)\r?\n")
"""The line by which a file tells a spreadsheet its separator."""

_ALIKE = 0.75
"""Share of the longer header's columns from which a shorter one is the same table's, of another year."""

_TITLED = 2
"""Cells of a line above a table that has its unit at its end."""
_UNIT_LINE = rf"^\s*[(\[（]?\s*(?:{TITLE_UNIT.pattern})\s*[)\]）]?\s*$"
_NOTE = r"(?i)^\s*(?:[*†(]|[0-9]{1,2}[/)]\s|หมายเหตุ|ที่มา|แหล่ง|ข้อมูล\s*ณ|ผู้จัดทำ|ผู้รับผิดชอบ|ปรับปรุง|notes?\b|source|remark)"
"""Begins what is written below a table, in one cell."""


def read_table(data: bytes) -> Batch:
    """A CSV file, the sheets of a workbook (XLSX, XLS) that have one header, or a ZIP archive of one workbook or of CSV
    files with one header: strings as ``read_csv`` gives them. Limits are those of ``assets.landing.unpack``."""
    if not data.startswith((b"PK", b"\x1f\x8b")):
        return _read_file(data)
    try:
        files = [(name, content) for name, content in members(data, "") if content.strip()]
    except ArchiveError as error:
        return Batch.rejected(error.code, str(error))
    if len(files) > 1:
        files = [(name, content) for name, content in files if name.lower().endswith((".csv", ".xlsx", ".xls"))]
    if len(files) == 1:
        return _read_file(files[0][1])
    if not files or not all(name.lower().endswith(".csv") for name, _ in files):
        return Batch.rejected("file-malformed", f"{len(files)} tables in the archive where one is expected")
    read = {name.rpartition("/")[2][:-4]: _of_text(content) for name, content in files}
    if len(read) < len(files) or any(batch.is_rejected for _, batch in read.values()):
        return Batch.rejected("file-malformed", "a file of the archive is no table, or two are called alike")
    sheets = [sheet for name, (title, batch) in read.items() for sheet in _tables(Sheet(name, title, batch.rows))]
    return _joined(sheets, []).also(*(found for _, batch in read.values() for found in batch.problems))


def _read_file(data: bytes) -> Batch:
    if (other := unread(data)) is not None:
        return Batch.rejected("file-not-data", f"{other}: have it published as CSV or XLSX")
    return _read_workbook(data) if data.startswith((b"PK", biff.MAGIC)) else read_csv(data)


def read_csv(data: bytes) -> Batch:
    """A CSV file with a header line as strings plus ``_row`` (line, header is 1). Of what spreadsheets leave behind,
    nameless columns without values and titles are left out and said; rows without any value are no rows. Cells are
    parted by commas or, where the header has none, by semicolons, tabs or bars.

    Rejected where the bytes are no such file; ``_row`` counts records, so a quoted line break shifts it.
    """
    title, batch = _of_text(data)
    return (
        batch if batch.is_rejected else _joined(list(_tables(Sheet("", title, batch.rows))), []).also(*batch.problems)
    )


def _of_text(data: bytes) -> tuple[str, Batch]:
    """What stands above the header of a CSV file, and its rows."""
    text = text_of(data)
    if text is None:
        return "", Batch.rejected("file-encoding", f"not text in any of {', '.join(ENCODINGS)}")
    if not text.strip():
        return "", Batch.rejected("file-empty", "nothing but blanks")
    if "\n" not in text:
        text = text.replace("\r", "\n")
    if told := _TOLD.match(text):
        text = "\n" + text[told.end() :]
    separator = told[1] if told else _separator(text.lstrip().split("\n", ABOVE)[:ABOVE])
    title, lines, body, head = _below_title(text, separator)
    try:
        # One chunk: pl.format panics on a frame of which a filter emptied one (polars #25525).
        frame = pl.read_csv(body.encode(), infer_schema=False, separator=separator).rechunk()
        names, taken = continued(head) if head else ([], 1)
        if taken > 1 and len(names) == frame.width:
            frame, lines = (
                frame.slice(taken - 1).rename(dict(zip(frame.columns, unique(names), strict=True))),
                lines + taken - 1,
            )
        return title, _headed(frame, pl.Series("_row", range(2 + lines, 2 + lines + frame.height), pl.Int64()))
    except pl.exceptions.PolarsError as error:
        try:
            return title, _uneven(body, separator, lines)
        except (csv.Error, pl.exceptions.PolarsError):
            return title, Batch.rejected("file-malformed", f"not a CSV table ({type(error).__name__})")


def _separator(lines: Sequence[str]) -> str:
    counts = {mark: [line.count(mark) for line in lines] for mark in _SEPARATORS}
    return max(_SEPARATORS, key=lambda mark: (sum(map(bool, counts[mark])), sum(counts[mark])))


def _below_title(text: str, separator: str) -> tuple[str, int, str, list[list[str]]]:
    """The title, the lines that it takes, what is below, and the first rows of that."""
    reader, ends, head = csv.reader(io.StringIO(text), delimiter=separator), list[int](), list[list[str]]()
    try:
        for cells in islice(reader, ABOVE):
            head.append([cell.strip() for cell in cells])
            ends.append(reader.line_num)
    except csv.Error:
        return "", 0, text, []
    at = header_at(head)
    if not at:
        return "", 0, text, head
    return _title(head[:at]), ends[at - 1], "".join(text.splitlines(keepends=True)[ends[at - 1] :]), head[at:]


def _title(above: Sequence[Cells]) -> str:
    return " ".join(cell for cells in above for cell in cells if cell)[:LONGEST]


def _uneven(text: str, separator: str, above: int) -> Batch:
    """A CSV file whose rows have more cells than its header: blank ones are cut off, others refuse their row, because
    a comma within a number has parted it."""
    header, *rows = (cells for cells in csv.reader(io.StringIO(text), delimiter=separator, strict=False))
    width, names = len(header), unique(header)
    good, numbers, long = [], [], []
    for row, cells in enumerate(rows, start=2 + above):
        if any(cell.strip() for cell in cells[width:]):
            long.append(row)
        else:
            numbers.append(row)
            good.append([*(cell or None for cell in cells[:width]), *[None] * (width - len(cells))])
    frame = pl.DataFrame(good, schema=dict.fromkeys(names, pl.String()), orient="row")
    batch = _headed(frame, pl.Series("_row", numbers, pl.Int64()))
    return batch.also(*(problem("row-malformed", "more cells than the header has", row) for row in long))


def _read_workbook(data: bytes) -> Batch:
    """The table of a workbook: all visible sheets that have its header. What stands above a header is left out, and
    cells that were merged over rows are filled again. Sheets of another kind are named."""
    old = data.startswith(biff.MAGIC)
    if old and biff.shows_otherwise(data):
        text = "cells of an old workbook (XLS) show per cent or thousands: have it published as CSV or XLSX"
        return Batch.rejected("file-malformed", text)
    try:
        book = biff.opened(data) if old else fastexcel.read_excel(as_shown(data))
        loaded = [(name, book.load_sheet(name, header_row=None, dtypes="string")) for name in book.sheet_names]
        read = {name: list(_sheet(name, sheet)) if sheet.visible == "visible" else [] for name, sheet in loaded}
    except biff.WorkbookError as error:
        return Batch.rejected("file-malformed", f"the workbook is damaged, or has a password: {error}")
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError) as error:
        return Batch.rejected("file-malformed", f"not a workbook with one table ({type(error).__name__})")
    if not any(read.values()):
        return Batch.rejected("file-empty", "no sheet has rows below a header")
    left = [name for name, tables in read.items() if not tables]
    return _joined([table for tables in read.values() for table in tables], left)


def _sheet(name: str, sheet: fastexcel.ExcelSheet) -> Iterator[Sheet]:
    """A sheet's tables, with ``_row``; none where there is no header of two columns with rows below."""
    frame: pl.DataFrame = sheet.to_polars().rechunk()
    text = frame.select(pl.all().str.strip_chars().replace("", None))
    head = text.head(ABOVE).rows()
    at = header_at(head)
    if at is None or not text.height > at + 1:
        return
    told, taken = continued(head[at:])
    names = unique([name or f"{NAMELESS}{place}" for place, name in enumerate(told)])
    below = text.slice(at + taken)
    named = below.rename(dict(zip(below.columns, names, strict=True)))
    numbered = named.with_columns(_row=pl.int_range(at + taken + 1, at + taken + 1 + below.height, dtype=pl.Int64))
    rows = numbered.filter(~pl.all_horizontal(pl.col(names).is_null()))
    for table in _tables(Sheet(name, _title(head[:at]), rows)):
        yield replace(table, rows=_filled_down(table.rows))


def _filled_down(rows: pl.DataFrame) -> pl.DataFrame:
    """Cells merged over rows stand left of what they group; only the first of them has the text."""
    names = [name for name in rows.columns if name != "_row"]
    merged = list(takewhile(lambda name: 0 < rows[name].null_count() < rows.height, names))
    return rows.with_columns(pl.col([name for name in merged if rows[name][0] is not None]).forward_fill())


def _tables(sheet: Sheet) -> Iterator[Sheet]:
    """The tables that stand below each other, without their notes. One with a title is called so; a header that comes
    again without, as on a further page, goes on with the table before."""
    rows, names = sheet.rows, [name for name in sheet.rows.columns if name != "_row"]
    if not names or not rows.height:
        yield sheet
        return
    unit = pl.any_horizontal(pl.col(names).str.contains(_UNIT_LINE).fill_null(value=False))
    of_title = ((_count(names) == 1) & ~_is_note(names)) | (unit & (_count(names) <= _TITLED))
    alone = rows.select(single=of_title).to_series()
    begins = headers_below(rows)
    tops = [at - len(list(takewhile(lambda place: alone[place], range(at - 1, -1, -1)))) for at in begins]
    titles = [_title(rows[top:at].select(names).rows()) for top, at in zip(tops, begins, strict=True)]
    title = sheet.title
    name = TITLE_UNIT.sub("", title).strip("() ") if any(titles) else ""
    name = name or sheet.name
    yield from _in_units(Sheet(name, title, rows.head(tops[0]) if tops else rows))
    for number, (at, end, own) in enumerate(zip(begins, [*tops[1:], rows.height], titles, strict=False), start=2):
        told, taken = continued(rows[at:end].select(pl.col(names).str.strip_chars()).rows())
        header = unique([each or f"{NAMELESS}{place}" for place, each in enumerate(told)])
        below = rows[at + taken : end].rename(dict(zip(names, header, strict=True)))
        below = below.select(
            "_row", *(each for each, cell in zip(header, told, strict=True) if cell or below[each].count())
        )
        called = TITLE_UNIT.sub("", own).strip("() ")
        other = bool(called) or _named(below) != _named(rows)
        if other:
            name = called or f"{sheet.name or 'table'} {number}"
        title = own if called else f"{title} {own}"
        yield from _in_units(Sheet(name, title, below, again=not other))


def _in_units(sheet: Sheet) -> Iterator[Sheet]:
    """A table in the parts that lines with a unit alone divide it into, each with the unit of the line above it; where
    the only one stands at the end it is that of the whole table."""
    rows, names = sheet.rows, [name for name in sheet.rows.columns if name != "_row"]
    line = pl.any_horizontal(pl.col(names).str.contains(_UNIT_LINE).fill_null(value=False)) & (_count(names) == 1)
    at = rows.select(line.arg_true()).to_series().to_list()
    texts = [_title(rows[place].select(names).rows()) for place in at]
    if at == [rows.height - 1] and not TITLE_UNIT.search(sheet.title):
        sheet, at = replace(sheet, title=f"{sheet.title} {texts[0]}", rows=rows.head(-1)), []
    titles = [sheet.title, *(f"{sheet.title} {text}" for text in texts)]
    for title, first, end in zip(titles, [0, *(place + 1 for place in at)], [*at, rows.height], strict=False):
        part = sheet.rows[first:end]
        if part.height or not at:
            counts = counted(part)
            found = _without_notes(replace(sheet, title=title, rows=part.slice(int(counts))))
            yield _in_sections(replace(found, notes=(*found.notes, *[""] * counts)))


def _in_sections(sheet: Sheet) -> Sheet:
    """Rows that have a label alone stand above what they are of (``ปี 2566`` above its amphoe), where the same labels
    come below each of them; else they are rows without values."""
    rows, names = sheet.rows, [name for name in sheet.rows.columns if name != "_row"]
    first = pl.col(names[0]).str.strip_chars().replace("", None)
    alone = (_count(names) == 1) & first.is_not_null()
    labels = rows.filter(alone).select(first).to_series().to_list()
    below = rows.filter(~alone).select(first).to_series().drop_nulls()
    is_first = rows.head(1).select(alone).to_series().any()
    if (
        SECTION in names
        or not (is_first and len(labels) == len({*labels}) > 1 and below.is_duplicated().any())
        or {*labels} & {*below}
    ):
        return sheet
    years = [year_of(replace(sheet, name=label, title="")) for label in labels]
    header, told = SECTION, labels
    if all(years) and not any(map(DATED.search, names)):
        header = "ปีงบประมาณ" if re.search(thai.FISCAL, labels[0]) else "ปี"
        parts = [period(each) for each in labels]
        if all(each.month for each in parts):
            header = "เดือน"  # each with its year
        else:  # of a part of a year the words, which are none
            found = zip(labels, years, parts, strict=True)
            told = [text if each.part or each.month or each.quarter else year for text, year, each in found]
    label = pl.when(alone).then(first).forward_fill().replace_strict(labels, told, return_dtype=pl.String)
    return replace(sheet, rows=rows.with_columns(label.alias(header)).filter(~alone))


def _named(rows: pl.DataFrame) -> set[str]:
    return {name for name in rows.columns if name.strip() and not name.startswith(NAMELESS)}


def _count(names: Sequence[str]) -> pl.Expr:
    return pl.sum_horizontal(pl.col(names).str.strip_chars().fill_null("") != "")


def _is_note(names: Sequence[str]) -> pl.Expr:
    return pl.any_horizontal(pl.col(names).str.contains(_NOTE).fill_null(value=False))


def _without_notes(sheet: Sheet) -> Sheet:
    names = [name for name in sheet.rows.columns if name != "_row"]
    if len(names) < 2:
        return sheet
    single = sheet.rows.filter(_count(names) == 1)
    notes = single.filter(_is_note(names))
    kept = (
        sheet.rows.join(notes.select("_row"), on="_row", how="anti", maintain_order="left")
        if notes.height
        else sheet.rows
    )
    return replace(
        sheet,
        rows=kept,
        notes=tuple(notes.select(pl.concat_str(names, ignore_nulls=True).str.head(LONGEST)).to_series()),
    )


def _joined(sheets: Sequence[Sheet], left: Sequence[str]) -> Batch:
    """The rows of all tables whose header is that with the most rows, or has nearly its columns; the others are told,
    as the sheets that were ``left``."""
    rows = Counter[frozenset[str]]()
    for sheet in sheets:
        rows[frozenset(sheet.rows.columns)] += sheet.rows.height
    header = rows.most_common(1)[0][0]
    fits = [_same(header, frozenset(sheet.rows.columns)) for sheet in sheets]
    fitting = [sheet for sheet, fit in zip(sheets, fits, strict=True) if fit]
    batch = _without_nameless(pl.concat(dated(fitting), how="diagonal").select("_row", pl.exclude("_row")))
    left = [*left, *(sheet.name for sheet, fit in zip(sheets, fits, strict=True) if not fit)]
    if left:
        text = f"{len(left)} sheet(s) or table(s) are hidden or without that header: {', '.join(left)[:200]}"
        batch = batch.note("sheet-left", text)
    if again := sum(sheet.again for sheet in sheets):
        batch = batch.note("header-repeated", f"the header comes again {again} times")
    areas = {area for sheet in fitting for area in area_of(sheet, header).values()}
    for area in sorted(areas):
        batch = batch.note("column-renamed", f"{area!r:.60} in a title is read as the area of the rows below")
    batch = doubted(batch, fitting)
    notes = sum(len(sheet.notes) for sheet in fitting)
    return batch.note("row-filtered", f"{notes} notes to the table are left out") if notes else batch


def _same(header: frozenset[str], other: frozenset[str]) -> bool:
    """Whether one of two headers has the other's columns and few more."""
    return header & other in (header, other) and len(header & other) >= _ALIKE * len(header | other)


def _without_nameless(frame: pl.DataFrame) -> Batch:
    """Without columns that have neither a name nor a value, as spreadsheets leave them behind."""
    nameless = [name for name in frame.columns if not name.strip() or name.startswith(NAMELESS)]
    empty = [name for name in nameless if frame[name].str.strip_chars().replace("", None).is_null().all()]
    batch = Batch(frame.drop(empty))
    return batch.note("column-new", f"{len(empty)} nameless column(s) without values") if empty else batch


def _headed(frame: pl.DataFrame, numbers: pl.Series) -> Batch:
    """Rows with any value, with their ``numbers``. Raises ``DuplicateError`` (Polars) for a column ``_row``."""
    named = _without_nameless(frame)
    # One without a name that has values may tell whose they are.
    rows = named.rows.rename(lambda name: name.strip() or NAMELESS).insert_column(0, numbers)
    blank = pl.all_horizontal(pl.exclude("_row").str.strip_chars().fill_null("") == "")
    return replace(named, rows=rows.filter(~blank))
