"""NEM12: interval readings of the Australian market, which head-end systems elsewhere export too.

Specified in AEMO's Meter Data File Format (MDFF) v2.6: records 100, 200, 300, 400, 500, 900. Intervals are numbered
from midnight. Of a meter-day that occurs twice the record with the latest UpdateDateTime counts.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import cache, partial
from typing import NamedTuple

import polars as pl

from assets.meters.formats import mdff
from assets.meters.formats.canonical import (
    FAMILIES,
    FIRST,
    MANGLED,
    UNITS,
    Export,
    ReadingOptions,
    canonical,
    counted_once,
    measure,
    problems_of,
    without,
)
from assets.meters.formats.content import Content, split
from assets.meters.formats.mdff import FLAG, field
from assets.meters.formats.stamps import YEARS, utc
from quality.batch import Batch, together
from quality.readings import LABEL, QUALITY, QUANTITY, READING_SCHEMA, no_readings

FORMAT = "nem12"
UTC = READING_SCHEMA["start"]
KIND = "text"

_RECORDS = ("100", "200", "300", "400", "500", "900")
_QUANTITY = {"E": "active_import", "B": "active_export", "Q": "reactive_import", "K": "reactive_export"}
"""First letter of the NMI suffix: E is taken from the grid, B sent to it; Q and K the same for reactive energy."""
_BY_FAMILY = {"vah": "apparent", "v": "voltage"}
_DAY_FLAG = r"^([AFSEN]\d{0,2}|V)$"
"""Quality and method of a day. V says that the flags are in 400 records."""
_TAIL = r",([AFSEN]\d{0,2}|V),[^,]*,[^,]*(,(\d{12}|\d{14})?){0,2}\s*$"
"""What follows the values: flag, reason, description, and two times that may be absent."""
_AT_ONCE = 300_000
"""Intervals of a piece that is read together: below 0.1 GB, and still few steps."""
_MINUTE = 60_000_000  # microseconds
_WORKERS = 4
"""Pieces that are read at a time, at most: each holds its own memory."""
_CHANNEL = re.compile(rb'\n\s*"?\s*200\s*"?\s*,')
"""A 200 record, from which on nothing of those before it counts but the time in the 100 record."""


def recognise(content: Content) -> str | None:
    """Evidence that the content is NEM12: its 100 record, or 200 and 300 records without one."""
    if mdff.version(content) == "NEM12":
        return "100 record says NEM12"
    opening = content.opening
    if opening and opening[0][0] == "200" and len(opening[0]) >= 9 and "300" in [row[0] for row in opening]:
        return "200 and 300 records without a 100 record"
    return None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of a NEM12 file; several joined files are one.

    Options: ``timezone`` overrides the market's, ``point`` names the meter where the 200 record does not.
    """
    zone = options.timezone or mdff.MARKET_ZONE
    parts: list[_Part] = []
    # Most of a piece's work is one column's, so the pieces share the processors.
    with ThreadPoolExecutor(min(_WORKERS, pl.thread_pool_size())) as pool:
        for lines in content.from_each(_CHANNEL):
            created = parts[-1].created if parts else None
            parts.append(_part(mdff.records(lines), zone, options.point, created, pool))
    kinds = pl.concat(part.kinds for part in parts)
    if (row := mdff.unclosed(kinds)) is not None:
        return Export.rejected(FORMAT, "file-truncated", "no 900 record follows, which ends a file", row)
    readings = counted_once(together([part.readings for part in parts])).also(mdff.enclosure(kinds))
    readings = _latest(readings, pl.concat(part.devices for part in parts))
    if _is_cut(content, kinds, readings.found):
        return Export.rejected(FORMAT, "file-truncated", "the last record is incomplete", kinds["row"][-1])
    return Export.of(FORMAT, readings=readings, zone=zone)


class _Part(NamedTuple):
    """What some channels' records hold: ``kinds`` (``row``, ``kind``) are all lines, ``devices`` (``row``, ``serial``)
    the 300 records, ``created`` is the time of the last 100 record."""

    readings: Batch
    kinds: pl.DataFrame
    devices: pl.DataFrame
    created: datetime | None


def _part(
    records: pl.DataFrame, zone: str, point: str | None, created: datetime | None, pool: ThreadPoolExecutor
) -> _Part:
    details, heads = _details(records), _heads(records, zone, point, created)
    days = _days(records, heads)
    size = max(1, _AT_ONCE // (days.rows.select(pl.col("count").max()).item() or 1))
    pieces = list(pool.map(partial(_piece, details.rows, zone), days.rows.iter_slices(size)))
    readings = together([Batch(no_readings()), *pieces]).also(*details.problems, *days.problems, _overfull(records))
    last = heads["created"][-1] if heads.height else created
    return _Part(readings, records.select("row", "kind"), days.rows.select("row", "serial"), last)


def _piece(details: pl.DataFrame, zone: str, days: pl.DataFrame) -> Batch:
    """Readings of some 300 records."""
    judged = _judged(days, zone)
    named = _spread(details, judged.rows.filter(flag="V")["row"])
    judged = _covered(judged, named, details)
    judged = replace(judged, rows=_intervals(judged.rows, named, zone))
    # Null data is delivered as zeros, and with no method.
    flagged = judged.rows.filter(pl.col("quality") == "missing")
    told = flagged.filter(pl.col("raw").str.contains("[1-9]"))["row"]
    if told.len():
        text = f"{told.len()} value(s) under the flag N, which says that there is none, are left out{FIRST}"
        judged = judged.note("value-contradicts", text, told.min())  # type: ignore[arg-type]
    return canonical(measure(judged))


def _overfull(records: pl.DataFrame) -> pl.DataFrame:
    """Problems of 200 records with more than their ten fields: a 300 record of a damaged kind, whose day is lost."""
    heads = split(records.filter(kind="200"))
    wrong = heads.filter(pl.col("cells").list.slice(10).list.join("").str.strip_chars() != "")
    return problems_of(wrong, "row-malformed", "a 200 record of more than ten fields")


def _heads(records: pl.DataFrame, zone: str, point: str | None, created: datetime | None) -> pl.DataFrame:
    """The 200 records: point, channel, quantity, unit and length; and 100 and 900 records, which end their reach.

    ``created`` is the time of the 100 record before all of them.
    """
    of_channel = pl.col("kind") == "200"
    heads = split(records.filter(pl.col("kind").is_in(["100", "200", "900"]))).select(
        "row",
        headed=of_channel,
        point=mdff.point(point),
        channel=field(4),
        serial=field(6).fill_null(""),
        uom=pl.when(of_channel).then(field(7).str.to_lowercase().fill_null("")),
        minutes=field(8).cast(pl.Int32, strict=False),
        created=pl.when(pl.col("kind") == "100")
        .then(mdff.instant(field(2), zone))
        .forward_fill()
        .fill_null(pl.lit(created, UTC)),
    )
    heads = heads.join(_units(), on="uom", how="left", maintain_order="left")
    wanted = pl.col("channel").str.slice(0, 1).str.to_uppercase().replace_strict(_QUANTITY, default=None)
    family = wanted.replace_strict(FAMILIES, default=None, return_dtype=pl.String)
    by_family = pl.col("family").replace_strict(_BY_FAMILY, default="other", return_dtype=pl.String)
    return heads.with_columns(
        quantity=pl.coalesce(pl.when(pl.col("family") == family).then(wanted), by_family),
        # A suffix that says energy with a unit that does not (or none) cannot be guessed; "" is allowed for the rest.
        contradicts=family.is_not_null() & (pl.col("family") != family),
        count=1440 // pl.when(pl.col("minutes") > 0).then("minutes"),
    ).with_columns(
        factor=pl.when(pl.col("quantity") == "other").then(pl.lit(1)).otherwise("factor"),
        average=pl.col("average") & (pl.col("quantity") != "other"),
    )


@cache
def _units() -> pl.DataFrame:
    told = [(name, unit.family, unit.factor, unit.average) for name, unit in UNITS.items()]
    schema = pl.Schema(
        {"uom": pl.String(), "family": pl.String(), "factor": pl.Decimal(18, 3), "average": pl.Boolean()}
    )
    return pl.DataFrame(told, schema, orient="row")


def _days(records: pl.DataFrame, heads: pl.DataFrame) -> Batch:
    """The 300 records with what their 200 record says of them, and problems of lines that are no record.

    Exporters that wrap long lines break 300 records. Lines that are no record continue the 300 record before them where
    it is whole only with them: it lacks values or the end of a quote, or what follows the values ends as it should.
    """
    days = records.filter(pl.col("kind") == "300").drop("kind").join_asof(heads, on="row", check_sortedness=False)
    known = pl.col("kind").is_in(_RECORDS).fill_null(False)
    strange = records.filter(~known)
    if not strange.height:
        return Batch(days)
    owners = records.filter(known).select("row", owner="row")
    strange = strange.join_asof(owners, on="row", check_sortedness=False)
    rests = strange.group_by("owner", maintain_order=True).agg(rest=pl.col("line").str.join(""))
    days = days.join(rests, left_on="row", right_on="owner", how="left", maintain_order="left")
    line, rest = pl.col("line"), pl.col("rest")
    values = pl.col("count").cast(pl.UInt32) + 2
    commas, together = line.str.count_matches(",", literal=True), (line + rest).str.count_matches(",", literal=True)
    lacks = (commas < values) | (line.str.count_matches('"', literal=True) % 2 == 1)
    tail = (line + rest).str.contains(_TAIL) & (~line.str.contains(_TAIL) | rest.str.contains(r"^[\d,]+$"))
    broken = (together >= values) & (lacks | (tail & (together <= values + 4)))
    days = days.with_columns(broken=broken.fill_null(False))
    days = days.with_columns(line=pl.when("broken").then(line + rest).otherwise("line"))
    mended = days.filter("broken")["row"]
    strange = strange.filter(~pl.col("owner").is_in(mended.implode()).fill_null(False))
    batch = Batch(days.drop("rest", "broken")).also(problems_of(strange, "row-malformed", "not a record of NEM12"))
    if not mended.len():
        return batch
    text = f"{mended.len()} record(s) broken over several lines are put together{FIRST}"
    return batch.note("row-mended", text, mended[0])


def _judged(days: pl.DataFrame, zone: str) -> Batch:
    """``days`` with their fields, without those that cannot be read."""
    days = split(days).with_columns(
        date=field(1).str.extract(r"^(\d{8})$").str.to_date("%Y%m%d", strict=False),
        flag=field(pl.col("count") + 2).str.to_uppercase(),
        reason=field(pl.col("count") + 3),
        version=mdff.instant(field(pl.col("count") + 5), zone),
        fields=pl.col("cells").list.len().cast(pl.Int64),
    )
    flagged = pl.col("flag").str.contains(_DAY_FLAG).fill_null(False)
    # A number where the flag should be, or a flag beside that place: the count is wrong. Else the flag itself is.
    ends = pl.when(~flagged).then(pl.col("cells").list.tail(7)).list.eval(pl.element().str.contains(_DAY_FLAG))
    shifted = ends.list.any() | pl.col("flag").str.contains(r"^-?[\d.]+$")
    written = field(pl.col("count") + 5)
    unread = (written != "") & pl.col("version").is_null() & pl.col("headed")
    # A spreadsheet fills each line up to the longest of the file.
    beyond = pl.col("cells").list.slice(pl.col("count") + 7).list.join("").str.strip_chars() != ""
    wrong_count = (pl.col("fields") < pl.col("count") + 3) | beyond
    return (
        Batch(days)
        .refuse(
            (~pl.col("headed").fill_null(False), "row-malformed", "no 200 record before this 300 record"),
            ((pl.col("point") == "").fill_null(True), "row-malformed", "the 200 record names no metering point"),
            (pl.col("point").str.contains(MANGLED), "value-unknown", "a metering point in scientific notation"),
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
        )
        .warn(unread, "version-bad", "its UpdateDateTime is none (yyyymmddhhmmss): nothing tells which record is later")
    )


def _details(records: pl.DataFrame) -> Batch:
    """The 400 records as ``day_row, first, last, flag_400, reason_400``."""
    owners = records.filter(pl.col("kind").is_in(["100", "200", "300", "900"])).select(
        "row", day_row=pl.when(pl.col("kind") == "300").then("row")
    )
    details = split(records.filter(pl.col("kind") == "400")).select(
        "row",
        first=field(1).cast(pl.Int64, strict=False),
        last=field(2).cast(pl.Int64, strict=False),
        flag_400=field(3).str.to_uppercase(),
        reason_400=field(4),
    )
    # 1440 is the most intervals a day can have; without the bound "1,999999999" would fill the memory.
    ordered = (pl.col("first") >= 1) & (pl.col("last") >= pl.col("first")) & (pl.col("last") <= 1440)
    return Batch(details.join_asof(owners, on="row", check_sortedness=False)).refuse(
        (pl.col("day_row").is_null(), "row-malformed", "no 300 record before this 400 record"),
        (~ordered.fill_null(False), "quality-ranges", "not a range of intervals"),
        (~pl.col("flag_400").str.contains(FLAG).fill_null(False), "quality-ranges", "not a quality flag"),
    )


def _spread(details: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    """The details of some days, a row an interval (``index``, from 1)."""
    details = details.filter(pl.col("day_row").is_in(days.implode()))
    spread = details.with_columns(index=pl.int_ranges("first", pl.col("last") + 1)).explode("index")
    return spread.select("day_row", "index", "flag_400", "reason_400")


def _covered(days: Batch, named: pl.DataFrame, details: pl.DataFrame) -> Batch:
    """Refuse days of quality V whose 400 records do not name each interval once, and others that theirs contradict."""
    ranges = named.group_by("day_row").agg(
        named=pl.len(), distinct=pl.col("index").n_unique(), greatest=pl.col("index").max()
    )
    of_days = days.rows.join(ranges, left_on="row", right_on="day_row", how="left", maintain_order="left")
    complete = pl.all_horizontal(pl.col("named", "distinct", "greatest") == pl.col("count")).fill_null(False)
    text = pl.format("the 400 records name {} of {} intervals", pl.col("distinct").fill_null(0), "count")
    varies, flag = pl.col("flag") == "V", pl.col("flag")
    of_others = details.join(days.rows.filter(~varies).select(day_row="row", flag="flag"), on="day_row")
    contradicted = pl.col("row").is_in(of_others.filter(pl.col("flag_400") != flag)["day_row"].implode())
    other = pl.format("the day is {}, and its 400 records say otherwise of its intervals", flag)
    return replace(days, rows=of_days).refuse(
        (varies & ~complete, "quality-ranges", text), (contradicted, "quality-ranges", other)
    )


def _latest(readings: Batch, devices: pl.DataFrame) -> Batch:
    """Of a point, suffix and day only the latest record that could be read: a correction that cannot be read does not
    displace what it corrects. Two ``devices`` (``row``, ``serial``) are not two versions: of their day all is used
    where no interval is told by both, as when a meter is exchanged; else nothing."""
    key = ["point", "channel", "start"]
    # A record's readings stand together; the first tells the day. Filtered before any column is chosen: the other way
    # round Polars copies every reading.
    days = readings.rows.filter((pl.col("row") != pl.col("row").shift()).fill_null(True)).select("row", "version", *key)
    if not days.select(pl.struct(key).is_duplicated().any()).item():
        return readings
    of_devices = days.join(devices, on="row", how="left").filter(pl.col("serial").n_unique().over(key) > 1)
    if of_devices.height:
        handed = _handed_over(readings.rows.join(of_devices.select("row", day="start"), on="row"))
        left = readings.rows.join(handed.filter("idle"), on=["row", "start"], how="anti", maintain_order="left")
        readings = replace(readings, rows=left)
        days, of_devices = (told.join(handed, on="row", how="anti") for told in (days, of_devices))
    apart = of_devices.filter((pl.col("version").n_unique() == 1).over(key))
    if apart.height:
        text = "two devices (serial numbers) have the same NMI, suffix and day: neither is the other's version"
        readings = without(readings, apart, "key-duplicate", text)
        days = days.join(apart, on="row", how="anti")
    days = days.sort("version", "row", nulls_last=False)
    earlier = days.filter(pl.int_range(pl.len()).over(key) < pl.len().over(key) - 1)
    return without(
        readings, earlier, "day-repeated", "another record of the same meter-day is later; this one is not used"
    )


def _handed_over(told: pl.DataFrame) -> pl.DataFrame:
    """Those readings of several devices' days of which no two devices tell an interval: a blank or zero tells nothing.
    Of each interval all but one are ``idle``."""
    key, some = ["point", "channel", "start"], pl.col("value").fill_null(0) != 0
    told = told.with_columns(some=some, several=some.sum().over(key) > 1)
    handed = told.filter((~pl.col("several")).all().over("point", "channel", "day"))
    best = handed.sort("some", pl.col("value").is_not_null(), descending=True, maintain_order=True)
    return best.with_columns(idle=~pl.struct(key).is_first_distinct())


def _intervals(days: pl.DataFrame, named: pl.DataFrame, zone: str) -> pl.DataFrame:
    """One row an interval, with the flag of its 400 record where the day is V; days of V or E come last."""
    midnight = utc(pl.col("date").cast(pl.Datetime("us")), zone).cast(pl.Int64)
    days = days.select(
        "row", "minutes", "factor", "average", "version", "count",
        pl.col("point", "channel").cast(LABEL),
        pl.col("quantity").cast(QUANTITY),
        quality=mdff.quality(pl.col("flag")).cast(QUALITY),
        quality_raw=pl.col("flag").cast(LABEL),
        reason_raw=mdff.code(pl.col("reason")).cast(LABEL),
        written=pl.min_horizontal("version", "created"),
        start=pl.int_ranges(midnight, midnight + 1440 * _MINUTE, pl.col("minutes").cast(pl.Int64) * _MINUTE),
        raw=pl.col("cells").list.slice(2, "count"),
    )  # fmt: skip
    varies, guessed = pl.col("quality_raw") == "V", pl.col("quality") == "forecast"
    plain = days.filter(~varies & guessed.fill_null(False).not_()).drop("count", "written").explode("raw", "start")
    flagged = days.filter(varies | guessed)
    flagged = flagged.with_columns(index=pl.int_ranges(1, pl.col("count") + 1)).explode("raw", "start", "index")
    flags = named.select(
        row="day_row",
        index="index",
        quality_400=mdff.quality(pl.col("flag_400")).cast(QUALITY),
        flag_400=pl.col("flag_400").cast(LABEL),
        reason_400=mdff.code(pl.col("reason_400")).cast(LABEL),
    )
    flagged = flagged.join(flags, on=["row", "index"], how="left", maintain_order="left").with_columns(
        pl.when(varies).then(of_400).otherwise(name).alias(name)
        for name, of_400 in (("quality", "quality_400"), ("quality_raw", "flag_400"), ("reason_raw", "reason_400"))
    )
    # An estimate is a forecast only for a time after the record was written; the file's own clock decides, not ours.
    past = guessed & (pl.col("start").cast(UTC) < pl.col("written")).fill_null(True)
    flagged = flagged.with_columns(quality=pl.when(past).then(pl.lit("substituted_temporary")).otherwise("quality"))
    return pl.concat([plain, flagged.select(plain.columns)]).with_columns(pl.col("start").cast(UTC))


def _is_cut(content: Content, kinds: pl.DataFrame, problems: pl.DataFrame) -> bool:
    """Whether a file that promises no end stops in a record: no line end, and its last day is among the problems."""
    if content.ends_whole or not kinds.height or kinds["kind"][-1] == "900":
        return False
    last = kinds.filter(pl.col("kind").is_in(["200", "300"]))["row"].tail(1)
    concerned = problems.filter(pl.col("code") != "day-repeated")["row"].max()
    return bool(last.len() and concerned is not None and concerned >= last[0])
