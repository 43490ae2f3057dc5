"""The meter register: CSV ``point,zone,customer_class[,account][,valid_from]`` that a utility or city delivers whole.

It says which meters belong to the city, in which of its zones each lies, which class of customer it serves, and the
contract account that pays for it: who has many meters is one customer to the privacy gate.
"""

from dataclasses import replace
from datetime import date

import polars as pl

from assets.meters.formats.content import recognise
from assets.meters.formats.stamps import parse
from assets.sources.source import Options, ReadResult, Source
from quality.batch import Batch
from quality.tables import METERS

FORMAT = "meter_register"
COLUMNS = ("point", "zone", "customer_class")
_SLUG = r"^[a-z0-9][a-z0-9_-]*$"


def read_register(data: bytes, name: str, day: date | None = None) -> ReadResult:
    """``tables["register"]``: point, zone, customer_class, account (null where it has none), _row; one row a point.
    Never raises on content.

    Of a point that occurs several times the row with the latest ``valid_from`` (yyyy-mm-dd, years CE) counts; rows that
    become valid after ``day`` do not yet. The same date with another content is refused for all but the last row.
    """
    content = recognise(data)
    if content.problems is not None:
        return ReadResult(FORMAT, problems=content.problems)
    if content.kind != "text":
        return ReadResult.rejected(
            FORMAT, "file-html" if content.kind == "html" else "file-not-data", "CSV is expected"
        )
    lines = content.cells(",")
    if not lines.height:
        return ReadResult.rejected(FORMAT, "file-empty", "no lines")
    names = [cell.strip().lower() for cell in lines["cells"][0]] if lines["cells"][0] is not None else []
    if missing := [column for column in COLUMNS if column not in names]:
        return ReadResult.rejected(FORMAT, "format-unknown", f"the header lacks {', '.join(missing)}")
    width = pl.col("cells").list.len()
    if not content.ends_whole and lines.height > 1 and lines.select(width.last() < len(names)).item():
        text = "the last line has too few cells and no line end"
        return ReadResult.rejected(FORMAT, "file-truncated", text, lines["row"][-1])

    def cell(column: str) -> pl.Expr:
        return pl.col("cells").list.get(names.index(column), null_on_oob=True).str.strip_chars().fill_null("")

    dated = cell("valid_from") if "valid_from" in names else pl.lit("")
    account = cell("account") if "account" in names else pl.lit("")
    classes = METERS.by_column["customer_class"].allowed or ()
    rows = (
        Batch(lines[1:])
        .with_columns(**{column: cell(column) for column in COLUMNS}, account=account, dated=dated)
        .with_columns(account=pl.when(pl.col("account") != "").then("account"))
        .with_columns(valid_from=parse(pl.col("dated"), "ymd").dt.date())
        .refuse(
            (width.is_null() | (width != len(names)), "row-malformed", f"not the {len(names)} cells of the header"),
            (pl.col("point") == "", "value-null", "point is missing"),
            (~pl.col("zone").str.contains(_SLUG), "value-unknown", "zone is not a slug of a-z, 0-9, _ and -"),
            (~pl.col("customer_class").is_in(classes), "value-unknown", f"class is not one of {', '.join(classes)}"),
            ((pl.col("dated") != "") & pl.col("valid_from").is_null(), "stamp-bad", "valid_from is not yyyy-mm-dd"),
        )
    )
    if day is not None:
        rows = rows.filter(pl.col("valid_from").is_null() | (pl.col("valid_from") <= day))
    if not rows.rows.height:
        why = ("file-malformed", "none of its rows can be read") if rows.problems else ("file-empty", "no rows")
        return ReadResult.of(FORMAT, register=rows.note(*why))
    last = {column: pl.col(column).last().over("point") for column in (*COLUMNS[1:], "account", "valid_from")}
    ordered = rows.rows.sort("valid_from", "row", nulls_last=False).with_columns(
        _earlier=pl.int_range(pl.len()).over("point") != pl.len().over("point") - 1,
        _same=pl.all_horizontal(pl.col(column).eq_missing(value) for column, value in last.items()),
        _at_once=pl.col("valid_from").eq_missing(last["valid_from"]),
    )
    repeated = ordered.filter(pl.col("_earlier") & pl.col("_same"))["row"].sort()
    clash = pl.col("_earlier") & ~pl.col("_same") & pl.col("_at_once")
    register = replace(rows, rows=ordered).refuse(
        (clash, "key-duplicate", "a later row has the same point and date and another content")
    )
    if repeated.len():
        text = f"{repeated.len()} row(s) repeat another; the first is named"
        register = register.note("duplicate-rows", text, repeated[0])
    current = register.rows.filter(~pl.col("_earlier")).sort("row").select(*COLUMNS, "account", _row="row")
    evidence = "header names point, zone and customer_class"
    return ReadResult.of(FORMAT, evidence, register=replace(register, rows=current))


METER_REGISTER: Source[Options] = Source(
    name=FORMAT,
    title="Meter register",
    smart="energy",
    tables=(METERS.name,),
    portal=None,
    document="docs/meter-formats.md",
    plan=None,
    reader=lambda data, context: read_register(data, context.name, context.day),
    zone="Asia/Bangkok",
    label="period",
    missing=(),
    units="none",
    personal="metering points and contract accounts: landing only",
    keyed=True,
)
