"""NEM12: interval readings of the Australian market, which head-end systems elsewhere export too.

Specified in AEMO's Meter Data File Format (MDFF) v2.6: records 100, 200, 300, 400, 500, 900. Intervals are numbered
from midnight; the market's time is UTC+10 all year, and a utility elsewhere pins its own zone. NEM13 (records 250,
accumulated reads) is recognised and rejected: it holds no intervals.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from assets.energy.readers.canonical import (
    FAMILIES,
    UNITS,
    Export,
    canonical,
    measure,
    refuse,
    rejected,
)
from assets.energy.readers.content import Content
from assets.energy.readers.stamps import YEARS, utc
from quality.problems import gather, problem

FORMAT = "nem12"
KIND = "text"
MARKET_ZONE = "+10:00"

_RECORDS = ("100", "200", "300", "400", "500", "900")
_QUANTITY = {"E": "active_import", "B": "active_export", "Q": "reactive_import", "K": "reactive_export"}
"""First letter of the NMI suffix: E is taken from the grid, B sent to it; Q and K the same for reactive energy."""
_BY_FAMILY = {"vah": "apparent", "v": "voltage"}
_QUALITY = {"A": "actual", "F": "substituted", "S": "substituted_temporary", "E": "forecast", "N": "missing"}
_FLAG = r"^[AFSEN]\d{0,2}$"
_DAY_FLAG = r"^([AFSEN]\d{0,2}|V)$"
"""Quality and method. V says that the flags are in 400 records."""
_SHOWS_NEM13 = {"250", "550"}


def recognise(content: Content) -> str | None:
    """Evidence that the content is NEM12 (or NEM13): its 100 record, or 200 and 300 (250) records without one."""
    cells = content.cells(",", limit=12).get_column("cells").drop_nulls().to_list()
    kinds = [row[0].strip() for row in cells]
    if not kinds:
        return None
    if kinds[0] == "100" and len(cells[0]) > 1 and cells[0][1].strip().upper() in ("NEM12", "NEM13"):
        return f"100 record says {cells[0][1].strip().upper()}"
    if kinds[0] == "200" and len(cells[0]) >= 9 and "300" in kinds:
        return "200 and 300 records without a 100 record"
    if kinds[0] == "250" and len(cells[0]) >= 14:
        return "250 records without a 100 record"
    return None


def read(content: Content, options: Mapping[str, Any]) -> Export:
    """Readings of a NEM12 file; several joined files are one. Option ``timezone`` overrides the market's.

    Of a meter-day that occurs twice the record with the latest UpdateDateTime is kept (on a tie the later row).
    """
    zone = str(options.get("timezone", MARKET_ZONE))
    rows = content.cells(",").with_columns(kind=pl.col("cells").list.first().str.strip_chars())
    if _is_nem13(rows):
        return rejected("nem13", "format-no-interval", "NEM13 holds accumulated reads (250 records), no intervals")
    days, unread = _days(rows, _heads(rows, zone), zone)
    details, orphans = _details(rows)
    strange = rows.filter(pl.col("kind").is_in(_RECORDS).not_().fill_null(True))
    days, uncovered = _covered(days, details)
    readings, cells = measure(_intervals(days, details, zone))
    # After the cells were judged: a correction that cannot be read must not displace what it corrects.
    kept, repeated = _latest(days.filter(pl.col("row").is_in(readings["row"].unique().implode())))
    if repeated.height:
        readings = readings.filter(pl.col("row").is_in(kept["row"].implode()))
    strange = strange.select("row", code=pl.lit("row-malformed"), message=pl.lit("not a record of NEM12"))
    found = gather([_frame(rows), strange, unread, orphans, uncovered, repeated, cells])
    if _is_cut(content, rows, found):
        text = "the last record is incomplete and no 900 record follows"
        return rejected(FORMAT, "file-truncated", text, rows["row"][-1])
    return Export(FORMAT, tables={"readings": canonical(readings)}, problems=found, zone=zone)


def _is_nem13(rows: pl.DataFrame) -> bool:
    kinds = set(rows["kind"].to_list())
    return bool(kinds & _SHOWS_NEM13) and "300" not in kinds


def _field(position: int | pl.Expr) -> pl.Expr:
    return pl.col("cells").list.get(position, null_on_oob=True).str.strip_chars()


def _heads(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """The 200 records: point, channel, quantity, unit and length; and 100 and 900 records, which end their reach."""
    units = pl.DataFrame(
        {
            "uom": list(UNITS),
            "family": [unit.family for unit in UNITS.values()],
            "factor": pl.Series([unit.factor for unit in UNITS.values()], dtype=pl.Decimal(18, 3)),
            "average": [unit.average for unit in UNITS.values()],
        }
    )
    of_channel = pl.col("kind") == "200"
    heads = rows.filter(pl.col("kind").is_in(["100", "200", "900"])).select(
        "row",
        headed=of_channel,
        point=_field(1),
        channel=_field(4),
        uom=pl.when(of_channel).then(_field(7).str.to_lowercase().fill_null("")),
        minutes=_field(8).cast(pl.Int32, strict=False),
        created=pl.when(pl.col("kind") == "100").then(_instant(_field(2), zone)).forward_fill(),
    )
    heads = heads.join(units, on="uom", how="left", maintain_order="left")
    wanted = pl.col("channel").str.slice(0, 1).str.to_uppercase().replace_strict(_QUANTITY, default=None)
    family = wanted.replace_strict(FAMILIES, default=None, return_dtype=pl.String)
    by_family = pl.col("family").replace_strict(_BY_FAMILY, default="other", return_dtype=pl.String)
    return heads.with_columns(
        quantity=pl.coalesce(pl.when(pl.col("family") == family).then(wanted), by_family),
        # A suffix that says energy with a unit that does not (or none) cannot be guessed; "" is allowed for the rest.
        contradicts=family.is_not_null() & (pl.col("family") != family),
    ).with_columns(
        factor=pl.when(pl.col("quantity") == "other").then(pl.lit(1)).otherwise("factor"),
        average=pl.col("average") & (pl.col("quantity") != "other"),
    )


def _days(rows: pl.DataFrame, heads: pl.DataFrame, zone: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The 300 records with what their 200 record says of them, and problems for those that cannot be read."""
    count = 1440 // pl.when(pl.col("minutes") > 0).then("minutes")
    days = rows.filter(pl.col("kind") == "300").join_asof(heads, on="row", check_sortedness=False)
    days = days.with_columns(count=count).with_columns(
        date=_field(1).str.extract(r"^(\d{8})$").str.to_date("%Y%m%d", strict=False),
        flag=_field(pl.col("count") + 2).str.to_uppercase(),
        reason=_field(pl.col("count") + 3),
        version=_instant(_field(pl.col("count") + 5), zone),
        fields=pl.col("cells").list.len().cast(pl.Int64),
    )
    flagged = pl.col("flag").str.contains(_DAY_FLAG).fill_null(False)
    # A number where the flag should be, or a flag beside that place: the count is wrong. Else the flag itself is.
    beside = pl.col("cells").list.tail(7).list.eval(pl.element().str.contains(_DAY_FLAG)).list.any()
    shifted = beside | pl.col("flag").str.contains(r"^-?[\d.]+$")
    wrong_count = (pl.col("fields") < pl.col("count") + 3) | (pl.col("fields") > pl.col("count") + 7)
    return refuse(
        days,
        [
            (~pl.col("headed").fill_null(False), "row-malformed", "no 200 record before this 300 record"),
            ((pl.col("point") == "").fill_null(True), "row-malformed", "the 200 record names no metering point"),
            ((pl.col("channel") == "").fill_null(True), "row-malformed", "the 200 record names no suffix"),
            (
                (pl.col("count") * pl.col("minutes") != 1440).fill_null(True),
                "interval-length",
                "the 200 record's interval length is missing or does not divide a day",
            ),
            (
                pl.col("family").is_null() | pl.col("contradicts"),
                "unit-unknown",
                "the 200 record's unit is missing, unknown, or not one that its suffix can have",
            ),
            (
                pl.col("date").dt.year().is_between(*YEARS).not_().fill_null(True),
                "stamp-bad",
                "the interval date is not a date (yyyymmdd)",
            ),
            (
                wrong_count | (~flagged & shifted),
                "interval-count",
                pl.format("{} fields do not hold the {} values of {} minutes", "fields", "count", "minutes"),
            ),
            (~flagged, "row-malformed", "no quality flag where one is expected after the values"),
        ],
    )


def _instant(text: pl.Expr, zone: str) -> pl.Expr:
    """yyyymmddhhmm[ss] as UTC, null where it is not one."""
    return utc(text.str.extract(r"^(\d{12})").str.to_datetime("%Y%m%d%H%M", strict=False, time_unit="us"), zone) + (
        pl.duration(seconds=text.str.extract(r"^\d{12}([0-5]\d)$").cast(pl.Int64).fill_null(0))
    )


def _details(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The 400 records as ``day_row, index, flag_400, reason_400``, a row an interval, and those that belong to none."""
    details = rows.filter(pl.col("kind") == "400")
    owners = rows.filter(pl.col("kind").is_in(["100", "200", "300", "900"])).select(
        "row", day_row=pl.when(pl.col("kind") == "300").then("row")
    )
    details = details.select(
        "row",
        first=_field(1).cast(pl.Int64, strict=False),
        last=_field(2).cast(pl.Int64, strict=False),
        flag_400=_field(3).str.to_uppercase(),
        reason_400=_field(4),
    ).join_asof(owners, on="row", check_sortedness=False)
    # 1440 is the most intervals a day can have; without the bound "1,999999999" would fill the memory.
    ordered = (pl.col("first") >= 1) & (pl.col("last") >= pl.col("first")) & (pl.col("last") <= 1440)
    details, problems = refuse(
        details,
        [
            (pl.col("day_row").is_null(), "row-malformed", "no 300 record before this 400 record"),
            (~ordered.fill_null(False), "quality-ranges", "not a range of intervals"),
            (~pl.col("flag_400").str.contains(_FLAG).fill_null(False), "quality-ranges", "not a quality flag"),
        ],
    )
    spread = details.with_columns(index=pl.int_ranges("first", pl.col("last") + 1)).explode("index")
    return spread.select("day_row", "index", "flag_400", "reason_400"), problems


def _covered(days: pl.DataFrame, details: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Refuse days of quality V whose 400 records do not name each interval once."""
    ranges = details.group_by("day_row").agg(
        named=pl.len(), distinct=pl.col("index").n_unique(), greatest=pl.col("index").max()
    )
    days = days.join(ranges, left_on="row", right_on="day_row", how="left", maintain_order="left")
    whole = pl.all_horizontal(pl.col("named", "distinct", "greatest") == pl.col("count")).fill_null(False)
    text = pl.format("the 400 records name {} of {} intervals", pl.col("distinct").fill_null(0), "count")
    return refuse(days, [((pl.col("flag") == "V") & ~whole, "quality-ranges", text)])


def _latest(days: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One record per point, suffix and date."""
    key = ["point", "channel", "date"]
    days = days.sort("version", "row", nulls_last=False)
    latest = pl.int_range(pl.len()).over(key) == pl.len().over(key) - 1
    days = days.with_columns(_latest=latest).sort("row")
    dropped = days.filter(~pl.col("_latest")).select("row")
    text = pl.lit("another record of the same meter-day is later; this one is not used")
    return days.filter("_latest"), dropped.with_columns(code=pl.lit("day-repeated"), message=text)


def _intervals(days: pl.DataFrame, details: pl.DataFrame, zone: str) -> pl.DataFrame:
    """One row an interval, with the flag of its 400 record where the day is V."""
    spread = days.select(
        "row", "point", "channel", "quantity", "minutes", "factor", "average", "version",
        quality=_quality("flag"),
        quality_raw="flag",
        reason_raw=_code("reason"),
        written=pl.coalesce("version", "created"),
        midnight=utc(pl.col("date").cast(pl.Datetime("us")), zone),
        raw=pl.col("cells").list.slice(2, "count"),
        index=pl.int_ranges(1, pl.col("count") + 1, dtype=pl.Int64),
    ).explode("raw", "index")  # fmt: skip
    if details.height:
        ranged = {"left_on": ["row", "index"], "right_on": ["day_row", "index"]}
        spread = spread.join(details, how="left", maintain_order="left", **ranged)  # type: ignore[arg-type]
        varies = pl.col("quality_raw") == "V"
        spread = spread.with_columns(
            quality=pl.when(varies).then(_quality("flag_400")).otherwise("quality"),
            quality_raw=pl.when(varies).then("flag_400").otherwise("quality_raw"),
            reason_raw=pl.when(varies).then(_code("reason_400")).otherwise("reason_raw"),
        )
    start = pl.col("midnight") + pl.duration(minutes=(pl.col("index") - 1) * pl.col("minutes"))
    # An estimate is a forecast only for a time after the record was written; the file's own clock decides, not ours.
    past = (pl.col("quality") == "forecast") & (start < pl.col("written")).fill_null(True)
    return spread.with_columns(
        start=start, quality=pl.when(past).then(pl.lit("substituted_temporary")).otherwise("quality")
    )


def _quality(flag: str) -> pl.Expr:
    return pl.col(flag).str.slice(0, 1).replace_strict(_QUALITY, default=None, return_dtype=pl.String)


def _code(reason: str) -> pl.Expr:
    """The reason's code; the description beside it is free text, may name people, and is left out."""
    return pl.when(pl.col(reason) != "").then(reason)


def _frame(rows: pl.DataFrame) -> pl.DataFrame:
    """Say that the records 100 or 900, which enclose a file, are absent."""
    kinds = set(rows["kind"].to_list())
    absent = [kind for kind in ("100", "900") if kind not in kinds]
    return gather([problem("header-absent", f"no {' and no '.join(absent)} record")] if absent else [])


def _is_cut(content: Content, rows: pl.DataFrame, problems: pl.DataFrame) -> bool:
    """Whether the file stops inside a record: no line end, no 900, and its last day or line is among the problems."""
    if content.ends_whole or not rows.height or rows["kind"][-1] == "900":
        return False
    last = rows.filter(pl.col("kind").is_in(["200", "300"]))["row"].tail(1)
    concerned = problems.filter(pl.col("code") != "day-repeated")["row"].max()
    return bool(last.len() and concerned is not None and concerned >= last[0])
