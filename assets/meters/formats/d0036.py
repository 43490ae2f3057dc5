"""D0036: validated half-hourly advances, as British data collectors send them to suppliers.

Specified in the Data Transfer Catalogue of the Retail Energy Code: pipe-separated records ZHV (header), 101 (MPAN and
measurement quantity), 102 (settlement date), 103 (one a half hour, in order), ZPT (trailer with counts). The day is the
British clock's: 46 or 50 half hours where it changes. Values are kWh and kvarh.
"""

import re

import polars as pl

from assets.meters.formats.canonical import (
    Export,
    ReadingOptions,
    canonical,
    measure,
    problems_of,
    resolve,
    shown_count,
)
from assets.meters.formats.content import Content
from assets.meters.formats.stamps import YEARS, utc
from quality.batch import Batch

FORMAT = "d0036"
KIND = "text"
ZONE = "Europe/London"
MINUTES = 30

_RECORDS = ("ZHV", "101", "102", "103", "ZPT")
_QUANTITY = {"AI": "active_import", "AE": "active_export", "RI": "reactive_import", "RE": "reactive_export"}
_QUALITY = {"A": "actual", "E": "substituted_temporary", "C": "unknown"}
"""C marks a day of 46 or 50 periods and tells nothing of the value."""


def recognise(content: Content) -> str | None:
    """Evidence: a ZHV record that names the flow."""
    found = re.match(r"\s*ZHV\|[^|\r\n]*\|(D0036\d{3})\|", content.head(400))
    return f"ZHV record says {found[1]}" if found else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of a D0036 file; several joined files are one. Option ``timezone`` overrides the British clock.

    A reading's version is its file's creation time (ZHV), which the catalogue tells in GMT.
    """
    zone = options.timezone or ZONE
    rows = content.cells("|").with_columns(kind=pl.col("cells").list.first().str.strip_chars())
    rows = rows.with_columns(file=(pl.col("kind") == "ZHV").fill_null(False).cum_sum())
    if rows["kind"][-1] != "ZPT" or (not content.ends_whole and rows["cells"][-1].len() < 5):
        return Export.rejected(FORMAT, "file-truncated", "no whole ZPT record ends the file", rows["row"][-1])
    days = _days(rows, zone)
    values = _values(rows, days.rows)
    # A day is refused by its 102 record: its values then have no place and are not named one by one.
    values = values.filter(pl.col("day").is_in(days.rows["row"].implode()))
    strange = rows.filter(pl.col("kind").is_in(_RECORDS).not_().fill_null(True))
    readings = resolve(canonical(measure(values))).also(
        problems_of(strange, "row-malformed", "not a record of D0036"), *days.problems, _miscounted(rows)
    )
    return Export.of(FORMAT, readings=readings, zone=zone)


def _field(place: int) -> pl.Expr:
    return pl.col("cells").list.get(place, null_on_oob=True).str.strip_chars().fill_null("")


def _days(rows: pl.DataFrame, zone: str) -> Batch:
    """The 102 records that can be used, with meter, quantity, first UTC instant and version."""
    # A ZHV or ZPT record ends the reach of the 101 before it.
    heads = rows.filter(pl.col("kind").is_in(["ZHV", "101", "ZPT"])).select(
        "row",
        point=pl.when(pl.col("kind") == "101").then(_field(1)).otherwise(pl.lit("")),
        channel=pl.when(pl.col("kind") == "101").then(_field(2)).otherwise(pl.lit("")),
        version=pl.when(pl.col("kind") == "ZHV").then(_written(7)).forward_fill(),
    )
    owners = rows.filter(pl.col("kind").is_in(_RECORDS[:3])).select(
        "row", day=pl.when(pl.col("kind") == "102").then("row")
    )
    counts = rows.filter(pl.col("kind") == "103").select("row").join_asof(owners, on="row", check_sortedness=False)
    days = rows.filter(pl.col("kind") == "102").join_asof(heads, on="row", check_sortedness=False)
    days = days.join(counts.group_by("day").agg(values=pl.len()), left_on="row", right_on="day", how="left")
    date = _field(1).str.extract(r"^(\d{8})$").str.to_datetime("%Y%m%d", strict=False, time_unit="us")
    days = days.sort("row").with_columns(
        date=date,
        midnight=utc(date, zone),
        values=pl.col("values").fill_null(0).cast(pl.Int64),
        quantity=pl.col("channel").replace_strict(_QUANTITY, default=None, return_dtype=pl.String),
    )
    due = (utc(pl.col("date").dt.offset_by("1d"), zone) - pl.col("midnight")).dt.total_minutes() // MINUTES
    days = days.with_columns(due=due)
    text = pl.format("{} values (103) where the day has {} half hours", "values", "due")
    return Batch(days).refuse(
        (pl.col("point").fill_null("") == "", "value-null", "no metering point (101) before this 102 record"),
        (pl.col("quantity").is_null(), "value-unknown", "the measurement quantity is not AI, AE, RI or RE"),
        (
            pl.col("date").dt.year().is_between(*YEARS).not_().fill_null(True) | pl.col("midnight").is_null(),
            "stamp-bad",
            "the settlement date is not a date (yyyymmdd)",
        ),
        (pl.col("values") != pl.col("due"), "interval-count", text),
    )


def _written(place: int) -> pl.Expr:
    text = _field(place).str.extract(r"^(\d{14})$")
    return text.str.to_datetime("%Y%m%d%H%M%S", strict=False, time_unit="us").dt.replace_time_zone("UTC")


def _values(rows: pl.DataFrame, days: pl.DataFrame) -> Batch:
    """The 103 records at their place in the day."""
    owners = rows.filter(pl.col("kind") != "103").select("row", day=pl.when(pl.col("kind") == "102").then("row"))
    values = rows.filter(pl.col("kind") == "103").join_asof(owners, on="row", check_sortedness=False)
    values = values.with_columns(
        index=pl.int_range(pl.len()).over("day"), quality_raw=_field(1).str.to_uppercase(), raw=_field(2)
    )
    of_day = days.select("point", "channel", "quantity", "midnight", "version", day="row")
    values = values.join(of_day, on="day", how="left", maintain_order="left").with_columns(
        start=pl.col("midnight") + pl.duration(minutes=pl.col("index") * MINUTES),
        minutes=pl.lit(MINUTES),
        factor=pl.lit(1),
        average=pl.lit(False),
        quality=pl.col("quality_raw").replace_strict(_QUALITY, default=None, return_dtype=pl.String),
    )
    return Batch(values).refuse(
        (pl.col("day").is_null(), "row-malformed", "no 102 record before this 103 record"),
        (pl.col("quality").is_null(), "value-unknown", "the indicator is not A, C or E"),
    )


def _miscounted(rows: pl.DataFrame) -> pl.DataFrame:
    """Problems of ZPT records whose counts or file number differ from what the file holds."""
    body = pl.col("kind").is_in(["ZHV", "ZPT"]).not_()
    files = rows.group_by("file").agg(
        lines=body.sum().cast(pl.String),
        meters=(pl.col("kind") == "101").sum().cast(pl.String),
        number=_field(1).filter(pl.col("kind") == "ZHV").first(),
        row=pl.col("row").filter(pl.col("kind") == "ZPT").last(),
        stated_number=_field(1).filter(pl.col("kind") == "ZPT").last(),
        stated_lines=_field(2).filter(pl.col("kind") == "ZPT").last().str.strip_chars_start("0"),
        stated_meters=_field(4).filter(pl.col("kind") == "ZPT").last().str.strip_chars_start("0"),
    )
    counts = ("lines", "meters", "number")
    wrong = pl.any_horizontal(pl.col(f"stated_{name}") != pl.col(name) for name in counts).fill_null(True)
    text = pl.format(
        "ZPT tells {} records and {} meter channels (101) or another file number; the file holds {} and {}",
        shown_count(pl.col("stated_lines")), shown_count(pl.col("stated_meters")), "lines", "meters",
    )  # fmt: skip
    absent = pl.lit("a ZHV record has no ZPT record after it")
    return problems_of(files.filter(wrong), "count-mismatch", pl.coalesce(text, absent))
