"""What readers of open data do alike with an answer and its rows: shape, refusals, repeats and totals.

Frames carry ``_row``, the 1-based row or record number in the delivery; problems are frames of
``quality.problems.PROBLEM_SCHEMA``. Nothing here knows a source.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

import fastexcel
import polars as pl

from assets.landing.unpack import ArchiveError, members
from assets.sources import thai
from quality.batch import Batch
from quality.problems import gather, problem

_NUMBER = pl.Float64()
"""What a number is held as where its reader does not say."""

ENCODINGS = ("utf-8-sig", "cp874")
"""In this order: UTF-8 rarely passes for something else; cp874 is Windows' superset of TIS-620."""


def parsed(data: bytes, fault: Callable[[Any], str | None]) -> tuple[Any, str | None]:
    """The JSON in ``data``, and the reason not to use it: it is not JSON, or ``fault`` finds the shape wrong.

    ``fault`` may simply look things up: a lookup or type error is a wrong shape.
    """
    try:
        payload = json.loads(data)
    except (ValueError, RecursionError):
        return None, "the answer is not valid JSON"
    try:
        return payload, fault(payload)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        return payload, f"the answer has another shape than its interface promises ({type(error).__name__})"


def text_of(data: bytes) -> str | None:
    """``data`` as text in the first of ``ENCODINGS`` that reads it; None if none does."""
    for encoding in ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def read_table(data: bytes) -> Batch:
    """A CSV file, the sheets of a workbook (XLSX) that have one header, or a ZIP archive of one of them, with a header
    line: strings as ``read_csv`` gives them. Limits are those of ``assets.landing.unpack``."""
    if not data.startswith((b"PK", b"\x1f\x8b")):
        return read_csv(data)
    try:
        files = [(name, content) for name, content in members(data, "") if content.strip()]
    except ArchiveError as error:
        return Batch.rejected(error.code, str(error))
    if len(files) > 1:
        files = [(name, content) for name, content in files if name.lower().endswith((".csv", ".xlsx"))]
    if len(files) != 1:
        return Batch.rejected("file-malformed", f"{len(files)} tables in the archive where one is expected")
    content = files[0][1]
    return _read_workbook(content) if content.startswith(b"PK") else read_csv(content)


def read_csv(data: bytes) -> Batch:
    """A CSV file with a header line as strings plus ``_row`` (line, header is 1). Of what spreadsheets leave behind,
    nameless columns without values are left out and said; rows without any value are no rows.

    Rejected where the bytes are no such file; ``_row`` counts records, so a quoted line break shifts it.
    """
    text = text_of(data)
    if text is None:
        return Batch.rejected("file-encoding", f"not text in any of {', '.join(ENCODINGS)}")
    if not text.strip():
        return Batch.rejected("file-empty", "nothing but blanks")
    try:
        # One chunk: pl.format panics on a frame of which a filter emptied one (polars #25525).
        return _headed(pl.read_csv(text.encode(), infer_schema=False).rechunk())
    except pl.exceptions.PolarsError as error:
        return Batch.rejected("file-malformed", f"not a CSV table ({type(error).__name__})")


def _read_workbook(data: bytes) -> Batch:
    """The table of a workbook: all sheets that have its header, which is that with the most rows. A sheet a year is
    common; where no column tells the year, the sheet's name does (``ปี``). What stands above a header is left out, and
    cells that were merged over rows are filled again. Sheets of another kind are named."""
    try:
        book = fastexcel.read_excel(data)
        sheets = [(name, _table(book.load_sheet(name, header_row=None, dtypes="string"))) for name in book.sheet_names]
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError) as error:
        return Batch.rejected("file-malformed", f"not a workbook with one table ({type(error).__name__})")
    tables = [(name, frame) for name, frame in sheets if frame is not None]
    if not tables:
        return Batch.rejected("file-empty", "no sheet has rows below a header")
    rows = Counter[tuple[str, ...]]()
    for _, frame in tables:
        rows[tuple(frame.columns)] += frame.height
    header = max(rows, key=lambda each: rows[each])
    of_header = [(name, frame) for name, frame in tables if tuple(frame.columns) == header]
    years = {name: re.search(r"(?<!\d)\d{4}(?!\d)", name) for name, _ in of_header}
    if len(of_header) > 1 and all(years.values()) and not any(re.search("ปี|พ.ศ|(?i:year)", name) for name in header):
        of_header = [
            (name, frame.with_columns(pl.lit(year[0]).alias("ปี"))) for name, frame in of_header if (year := years[name])
        ]
    batch = _without_nameless(pl.concat([frame for _, frame in of_header]).select("_row", pl.exclude("_row")))
    left = [name for name, _ in sheets if name not in dict(of_header)]
    if left:
        batch = batch.note("sheet-left", f"{len(left)} sheet(s) without that header: {', '.join(left)[:200]}")
    return batch


_ABOVE = 15
"""Rows of a sheet among which its header is."""


def _table(sheet: fastexcel.ExcelSheet) -> pl.DataFrame | None:
    """A sheet's rows below its header, with ``_row``; None where there is no header of two columns with rows below."""
    frame: pl.DataFrame = sheet.to_polars().rechunk()
    text = frame.select(pl.all().str.strip_chars().replace("", None))
    filled = [sum(value is not None for value in row) for row in text.head(_ABOVE).iter_rows()]
    if not filled or max(filled) < 2:
        return None
    # A title fills a cell or two; a header most of its columns.
    at = next(at for at, count in enumerate(filled) if count * 2 > max(filled))
    below = text.slice(at + 1)
    if not below.height or filled[at] < 2:
        return None
    names = [name or f"_duplicated_{place}" for place, name in enumerate(text.row(at))]
    named = below.rename(dict(zip(below.columns, names, strict=True)))
    rows = named.with_columns(_row=pl.int_range(at + 2, at + 2 + below.height, dtype=pl.Int64)).filter(
        ~pl.all_horizontal(pl.col(names).is_null())
    )
    # Cells merged over rows stand left of what they group; only the first of them has the text.
    merged = list(takewhile(lambda name: 0 < rows[name].null_count() < rows.height, names))
    merged = [name for name in merged if rows[name][0] is not None]
    return rows.with_columns(pl.col(merged).forward_fill())


def _without_nameless(frame: pl.DataFrame) -> Batch:
    """Without columns that have neither a name nor a value, as spreadsheets leave them behind."""
    nameless = [name for name in frame.columns if not name.strip() or name.startswith("_duplicated_")]
    empty = [name for name in nameless if frame[name].str.strip_chars().replace("", None).is_null().all()]
    batch = Batch(frame.drop(empty))
    return batch.note("column-new", f"{len(empty)} nameless column(s) without values") if empty else batch


def _headed(frame: pl.DataFrame) -> Batch:
    named = _without_nameless(frame)
    rows = named.rows.rename(lambda name: name.strip() or name).with_row_index("_row", offset=2)
    blank = pl.all_horizontal(pl.exclude("_row").str.strip_chars().fill_null("") == "")
    return Batch(rows.filter(~blank).cast({"_row": pl.Int64}), named.problems)


def text_frame(records: Iterable[Mapping[str, Any]], names: Iterable[str]) -> pl.DataFrame:
    """JSON records as strings, whatever type a value has, plus ``_row`` (1-based); absent names are null."""
    columns = list(dict.fromkeys(names))
    rows = [[_text(record.get(name)) for name in columns] for record in records]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String()), orient="row")
    return frame.with_row_index("_row", offset=1).cast({"_row": pl.Int64})


def _text(value: Any) -> str | None:
    # JSON can escape half a surrogate pair, which no UTF-8 column can hold.
    return None if value is None else str(value).encode("utf-8", "replace").decode()


def illegible(batch: Batch, names: Iterable[str], dtype: pl.DataType = _NUMBER) -> Batch:
    """``batch`` with a problem (``value-not-number``) for each text in the columns ``names`` that is neither a number
    of ``dtype`` nor a missing mark. The rows stay: ``thai.number`` makes such a cell null, and the others hold."""
    for name in names:
        bad = ~thai.is_missing(pl.col(name)) & thai.number(pl.col(name), dtype).is_null()
        batch = batch.warn(bad, "value-not-number", f"{name} is not a number and left out")
    return batch


def absent_fields(records: Iterable[Any], names: Iterable[str]) -> pl.DataFrame:
    """One ``column-missing`` problem a name that none of the JSON records has: it may be called otherwise now."""
    there = {name for record in records if isinstance(record, Mapping) for name in record}
    return gather(problem("column-missing", f"no record has {name}") for name in names if name not in there)


def judged_totals(
    frame: pl.DataFrame, total: pl.Expr, by: Sequence[str], value: str, average: pl.Expr, tolerance: int = 1
) -> pl.DataFrame:
    """The publisher's totals against what their members allow.

    ``total`` tells the totals of one dimension from its members, ``by`` are the other dimensions. A total equals its
    members' sum within ``tolerance`` (publishers round); where ``average`` holds it lies between their least and
    greatest, for an average is no sum. Returns ``_row``, ``fits`` and ``message`` for every total whose members all
    have values.
    """
    amount = pl.col(value)
    members = (
        frame.filter(~total)
        .group_by(by)
        .agg(_sum=amount.sum(), _least=amount.min(), _most=amount.max(), _whole=amount.is_not_null().all())
        .filter("_whole")
    )
    low = pl.when(average).then("_least").otherwise(pl.col("_sum") - tolerance)
    high = pl.when(average).then("_most").otherwise(pl.col("_sum") + tolerance)
    number = pl.col(value).cast(pl.String)
    keys = [pl.col(name).cast(pl.String).replace("", None) for name in by]
    group = pl.concat_str(keys, separator=" / ", ignore_nulls=True)
    message = (
        pl.when(average)
        .then(pl.format("{}: total {} is not between its members' {} and {}", group, number, "_least", "_most"))
        .otherwise(pl.format("{}: total {} but its members add up to {}", group, number, "_sum"))
    )
    return (
        frame.filter(total & amount.is_not_null())
        .join(members, on=list(by), maintain_order="left")
        .select("_row", fits=amount.is_between(low, high), message=message)
    )
