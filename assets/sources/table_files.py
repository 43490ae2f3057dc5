"""A published table as a file: CSV, a workbook (XLSX), or an archive of them, as one frame of strings.

What is none of the table is left out and named: titles above the header, blank lines, sheets of another kind, hidden
ones. What a sheet's name or a title tells of all its rows, a year, a month or whose they are, becomes a column, because
rows of two sheets may differ in that alone.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile

import fastexcel
import polars as pl

from assets.landing.unpack import ArchiveError, members
from assets.sources import thai
from assets.sources.parsing import ENCODINGS, text_of
from quality.batch import Batch
from quality.problems import problem

SHEET = "แผ่นงาน"
"""Column with the names of sheets, or of an archive's files, that tell neither year nor month."""

_ABOVE = 15
"""Rows of a table among which its header is."""

_SEPARATORS = ";\t|"
"""Between cells where the header has no comma."""

_ALIKE = 0.75
"""Share of the longer header's columns from which a shorter one is the same table's, of another year."""

_DATED = re.compile(r"ปี|พ\.?\s?ศ\.?|ค\.?\s?ศ\.?|วันที่|ว/ด/ป|(?<!\d)\d{4}(?!\d)|year|date", re.IGNORECASE)
"""Headers that tell when."""
_YEAR = r"(?<!\d)(\d{4})(?!\d)"
_SHORT_YEAR = r"(?:ปี|พ\.?\s?ศ\.?)\s*(\d\d)(?!\d)"
_TITLE_YEAR = r"(?:ปี|พ\.?\s?ศ\.?)[^\d]{0,12}(\d{4})(?!\d)"
_UNNAMED = re.compile(r"^(?:sheet|แผ่น(?:งาน)?|ชีต)\s*\d*$", re.IGNORECASE)
"""Names that a spreadsheet gives."""


@dataclass(frozen=True)
class _Sheet:
    name: str
    title: str
    """What stands above the header."""
    rows: pl.DataFrame


def read_table(data: bytes) -> Batch:
    """A CSV file, the sheets of a workbook (XLSX) that have one header, or a ZIP archive of one workbook or of CSV
    files with one header: strings as ``read_csv`` gives them. Limits are those of ``assets.landing.unpack``."""
    if not data.startswith((b"PK", b"\x1f\x8b")):
        return read_csv(data)
    try:
        files = [(name, content) for name, content in members(data, "") if content.strip()]
    except ArchiveError as error:
        return Batch.rejected(error.code, str(error))
    if len(files) > 1:
        files = [(name, content) for name, content in files if name.lower().endswith((".csv", ".xlsx"))]
    if len(files) == 1:
        content = files[0][1]
        return _read_workbook(content) if content.startswith(b"PK") else read_csv(content)
    if not files or not all(name.lower().endswith(".csv") for name, _ in files):
        return Batch.rejected("file-malformed", f"{len(files)} tables in the archive where one is expected")
    read = {name.rpartition("/")[2][:-4]: _of_text(content) for name, content in files}
    sheets = [_Sheet(name, title, batch.rows) for name, (title, batch) in read.items() if not batch.is_rejected]
    if len(read) < len(files) or len(sheets) < len(read):
        return Batch.rejected("file-malformed", "a file of the archive is no table, or two are called alike")
    return _joined(sheets, list(read)).also(*(found for _, batch in read.values() for found in batch.problems))


def read_csv(data: bytes) -> Batch:
    """A CSV file with a header line as strings plus ``_row`` (line, header is 1). Of what spreadsheets leave behind,
    nameless columns without values and titles are left out and said; rows without any value are no rows. Cells are
    parted by commas or, where the header has none, by semicolons, tabs or bars.

    Rejected where the bytes are no such file; ``_row`` counts records, so a quoted line break shifts it.
    """
    title, batch = _of_text(data)
    return (
        batch
        if batch.is_rejected or not title
        else _joined([_Sheet("", title, batch.rows)], [""]).also(*batch.problems)
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
    first = text.lstrip().partition("\n")[0]
    separator = "," if "," in first else next((mark for mark in _SEPARATORS if mark in first), ",")
    title, lines, body = _below_title(text, separator)
    try:
        # One chunk: pl.format panics on a frame of which a filter emptied one (polars #25525).
        frame = pl.read_csv(body.encode(), infer_schema=False, separator=separator).rechunk()
        return title, _headed(frame, pl.Series("_row", range(2 + lines, 2 + lines + frame.height), pl.Int64()))
    except pl.exceptions.PolarsError as error:
        try:
            return title, _uneven(body, separator, lines)
        except (csv.Error, pl.exceptions.PolarsError):
            return title, Batch.rejected("file-malformed", f"not a CSV table ({type(error).__name__})")


def _below_title(text: str, separator: str) -> tuple[str, int, str]:
    """The title, the lines that it takes, and what is below: a title fills a cell or two, a header most columns."""
    reader, ends, head = csv.reader(io.StringIO(text), delimiter=separator), list[int](), list[list[str]]()
    try:
        for cells in islice(reader, _ABOVE):
            head.append([cell.strip() for cell in cells if cell.strip()])
            ends.append(reader.line_num)
    except csv.Error:
        return "", 0, text
    at = _header_at([len(cells) for cells in head])
    if not at:
        return "", 0, text
    return _title(head[:at]), ends[at - 1], "".join(text.splitlines(keepends=True)[ends[at - 1] :])


def _header_at(filled: Sequence[int]) -> int | None:
    """Place of the header among rows with so many cells filled; None where no row has two."""
    if max(filled, default=0) < 2:
        return None
    at = next(at for at, count in enumerate(filled) if count * 2 > max(filled))
    return at if filled[at] >= 2 else None


def _title(above: Sequence[Sequence[str | None]]) -> str:
    return " ".join(cell for cells in above for cell in cells if cell)


def _uneven(text: str, separator: str, above: int) -> Batch:
    """A CSV file whose rows have more cells than its header: blank ones are cut off, others refuse their row, because
    a comma within a number has parted it."""
    header, *rows = (cells for cells in csv.reader(io.StringIO(text), delimiter=separator, strict=False))
    width, names = len(header), _unique(header)
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


def _unique(header: Sequence[str]) -> list[str]:
    """Names of columns, a repeated one marked as Polars does."""
    seen, names = Counter[str](), list[str]()
    for name in header:
        names.append(f"{name}_duplicated_{seen[name] - 1}" if seen[name] else name)
        seen[name] += 1
    return names


def _read_workbook(data: bytes) -> Batch:
    """The table of a workbook: all visible sheets that have its header. What stands above a header is left out, and
    cells that were merged over rows are filled again. Sheets of another kind are named."""
    try:
        book = fastexcel.read_excel(data)
        loaded = [(name, book.load_sheet(name, header_row=None, dtypes="string")) for name in book.sheet_names]
        sheets = [_sheet(name, sheet) for name, sheet in loaded if sheet.visible == "visible"]
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError) as error:
        return Batch.rejected("file-malformed", f"not a workbook with one table ({type(error).__name__})")
    tables = [sheet for sheet in sheets if sheet is not None]
    if not tables:
        return Batch.rejected("file-empty", "no sheet has rows below a header")
    return _joined(tables, book.sheet_names)


def _sheet(name: str, sheet: fastexcel.ExcelSheet) -> _Sheet | None:
    """A sheet's rows below its header, with ``_row``; None where there is no header of two columns with rows below."""
    frame: pl.DataFrame = sheet.to_polars().rechunk()
    text = frame.select(pl.all().str.strip_chars().replace("", None))
    at = _header_at([sum(value is not None for value in row) for row in text.head(_ABOVE).iter_rows()])
    if at is None or not (below := text.slice(at + 1)).height:
        return None
    names = _unique([name or f"_duplicated_{place}" for place, name in enumerate(text.row(at))])
    named = below.rename(dict(zip(below.columns, names, strict=True)))
    rows = named.with_columns(_row=pl.int_range(at + 2, at + 2 + below.height, dtype=pl.Int64)).filter(
        ~pl.all_horizontal(pl.col(names).is_null())
    )
    # Cells merged over rows stand left of what they group; only the first of them has the text.
    merged = list(takewhile(lambda name: 0 < rows[name].null_count() < rows.height, names))
    merged = [name for name in merged if rows[name][0] is not None]
    return _Sheet(name, _title(list(text.head(at).iter_rows())), rows.with_columns(pl.col(merged).forward_fill()))


def _joined(sheets: Sequence[_Sheet], names: Sequence[str]) -> Batch:
    """The rows of all sheets whose header is that with the most rows, or has nearly its columns; of ``names`` the
    others are told."""
    rows = Counter[frozenset[str]]()
    for sheet in sheets:
        rows[frozenset(sheet.rows.columns)] += sheet.rows.height
    header = rows.most_common(1)[0][0]
    fitting = [sheet for sheet in sheets if _same(header, frozenset(sheet.rows.columns))]
    batch = _without_nameless(pl.concat(_dated(fitting), how="diagonal").select("_row", pl.exclude("_row")))
    left = [name for name in names if name not in {sheet.name for sheet in fitting}]
    if left and len(names) > 1:
        batch = batch.note(
            "sheet-left", f"{len(left)} sheet(s) are hidden or without that header: {', '.join(left)[:200]}"
        )
    return batch


def _same(header: frozenset[str], other: frozenset[str]) -> bool:
    """Whether one of two headers has the other's columns and few more."""
    return header & other in (header, other) and len(header & other) >= _ALIKE * len(header | other)


def _dated(sheets: Sequence[_Sheet]) -> list[pl.DataFrame]:
    """The rows of sheets, with what their names or titles tell and no column does."""
    headers = {name for sheet in sheets for name in sheet.rows.columns}
    dated, monthly = (
        any(map(_DATED.search, headers)),
        any("เดือน" in name or "month" in name.lower() for name in headers),
    )
    years = [_year(sheet) for sheet in sheets]
    months = pl.Series([sheet.name for sheet in sheets]).to_frame("name").select(thai.month(pl.col("name"))).to_series()
    told = list[pl.DataFrame]()
    for sheet, year, month in zip(sheets, years, months, strict=True):
        more = dict[str, str]()
        if all(years) and not dated:
            fiscal = "งบประมาณ" in f"{sheet.name} {sheet.title}"
            more["ปีงบประมาณ" if fiscal else "ปี"] = str(year)
        if len(sheets) > 1 and months.null_count() == 0 and month and not monthly:
            more["เดือน"] = sheet.name
        elif len(sheets) > 1 and not all(years) and not all(_UNNAMED.search(other.name) for other in sheets):
            more[SHEET] = sheet.name
        told.append(sheet.rows.with_columns(pl.lit(text).alias(name) for name, text in more.items()))
    return told


def _year(sheet: _Sheet) -> str:
    """The one year that a sheet's name, or else its title, tells; empty where it tells none or several."""
    for text, pattern in ((sheet.name, _YEAR), (sheet.name, _SHORT_YEAR), (sheet.title, _TITLE_YEAR)):
        if len(found := set(re.findall(pattern, text))) == 1:
            year = found.pop()
            return year if len(year) == 4 else f"25{year}"
    return ""


def _without_nameless(frame: pl.DataFrame) -> Batch:
    """Without columns that have neither a name nor a value, as spreadsheets leave them behind."""
    nameless = [name for name in frame.columns if not name.strip() or name.startswith("_duplicated_")]
    empty = [name for name in nameless if frame[name].str.strip_chars().replace("", None).is_null().all()]
    batch = Batch(frame.drop(empty))
    return batch.note("column-new", f"{len(empty)} nameless column(s) without values") if empty else batch


def _headed(frame: pl.DataFrame, numbers: pl.Series) -> Batch:
    """Rows with any value, with their ``numbers``. Raises ``DuplicateError`` (Polars) for a column ``_row``."""
    named = _without_nameless(frame)
    rows = named.rows.rename(lambda name: name.strip() or name).insert_column(0, numbers)
    blank = pl.all_horizontal(pl.exclude("_row").str.strip_chars().fill_null("") == "")
    return replace(named, rows=rows.filter(~blank))
