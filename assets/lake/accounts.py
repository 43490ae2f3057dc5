"""The ledger against the lake: what was ingested is there, row for row.

Meter readings and register reads are all kept, superseded ones too: of each receipt the lake holds on each day exactly
the rows that the ledger says. Other tables keep the row that counts: there a day has no row of a receipt that the
ledger does not know, none more of one than it brought, and no fewer rows than its largest delivery. A day of readings
that was judged has its final values and its judgement.
"""

from collections.abc import Collection, Iterator, Set as AbstractSet
from datetime import date, timedelta

import polars as pl

from assets.lake import stale_days
from assets.lake.files import CityLake
from assets.lake.keys import bucket_of, span
from assets.landing.deployment import Step
from quality.contracts import Table
from quality.tables import (
    DELIVERIES,
    METER_FINAL,
    METER_INTERVALS,
    METER_QUALITY,
    METER_SUPERSEDED,
    REGISTER_READS,
    TABLES,
)

NIGHTS = timedelta(days=7)
"""Days that deliveries of the last week touched are counted before every publication, so that what another process
broke is found while its cause is still known. All days are ``muang lake verify``'s to count."""

EXACT = (METER_INTERVALS.name, REGISTER_READS.name)
"""Tables that keep every row, of which as many as the ledger says are there."""


class Unaccounted(Exception):
    """Rows of the ledger are not in the lake, or others are; the message names receipt, table and day."""


def require(step: Step) -> None:
    """Count what deliveries of the last week touched. Raises ``Unaccounted``, and what ``CityLake.read`` raises."""
    if wrong := differences(CityLake.of(step), step.day - NIGHTS, step.day):
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise Unaccounted(wrong[0] + more)


def differences(lake: CityLake, since: date = date.min, until: date = date.max) -> list[str]:
    """What ledger and lake do not agree on, over the days that deliveries of these delivery days touched."""
    entries = lake.read(DELIVERIES).select("table", "receipt", delivered="day", held="held").explode("held")
    entries = entries.drop_nulls("held").unnest("held")
    touched = entries.filter(pl.col("delivered").is_between(since, until)).select("table", "day").unique()
    booked = entries.join(touched, on=["table", "day"], how="semi")
    there = [_counted(lake, TABLES[name], set(days["day"])) for (name,), days in touched.group_by("table")]
    # All tables together: of most a city has a few rows.
    found = _compared(_summed(booked), _summed(pl.concat([booked.clear(), *there], how="diagonal")))
    found += _unjudged(lake, set(touched.filter(table=METER_INTERVALS.name)["day"]))
    return [
        f"{name} of {day}: {what}: run `muang lake rebuild --city {lake.city} --table {name} --day {day}`"
        for name, day, what in found
    ]


def _unjudged(lake: CityLake, days: AbstractSet[date]) -> Iterator[tuple[str, date, str]]:
    """Days of readings that were judged and of which that is not, or not wholly, there."""
    if not days:
        return
    reach = min(days), max(days)
    read, final, judged = (_parts(lake, table, reach) for table in (METER_INTERVALS, METER_FINAL, METER_QUALITY))
    waiting = set(stale_days.noted(lake, METER_INTERVALS))
    for day in sorted(days - waiting):
        if read.get(day) != final.get(day):
            yield METER_FINAL.name, day, "not all of the day's readings have final values"
        if day in read and day not in judged:
            yield METER_QUALITY.name, day, "the day was judged, and what was found is not there"


def _parts(lake: CityLake, table: Table, reach: tuple[date, date]) -> dict[date, set[str]]:
    """The buckets that days of a table of readings have files of."""
    found: dict[date, set[str]] = {}
    for key in lake.keys(table, reach):
        found.setdefault(span(key)[0], set()).add(bucket_of(key))
    return found


def _counted(lake: CityLake, table: Table, days: Collection[date]) -> pl.DataFrame:
    """Rows of the lake by receipt and day, superseded ones as of ``METER_INTERVALS``."""
    counts = [lake.counts(each, days) for each in (table, *([METER_SUPERSEDED] if table is METER_INTERVALS else []))]
    return pl.concat(counts).with_columns(table=pl.lit(table.name))


def _summed(counts: pl.DataFrame) -> pl.DataFrame:
    return counts.group_by("table", "day", "receipt").agg(pl.col("rows").sum())


def _compared(booked: pl.DataFrame, there: pl.DataFrame) -> list[tuple[str, date, str]]:
    """Table and day of what differs, and in what."""
    both = booked.join(there, on=["table", "day", "receipt"], how="full", coalesce=True, suffix="_there")
    both = both.with_columns(pl.col("rows", "rows_there").fill_null(0))
    exact = pl.col("table").is_in(EXACT)
    more = pl.col("rows_there") > pl.col("rows")
    differs = both.filter(more | (exact & (pl.col("rows") != pl.col("rows_there")))).sort("table", "day", "receipt")
    wrong = [
        (name, day, f"receipt {receipt} has {found} rows in the lake, the ledger says {rows}")
        for name, day, receipt, rows, found in differs.select(
            "table", "day", "receipt", "rows", "rows_there"
        ).iter_rows()
    ]
    of_day = ["table", "day"]
    largest = booked.filter(~exact).sort("rows", "receipt").group_by(of_day).last()
    total = there.group_by(of_day).agg(found=pl.col("rows").sum())
    both = largest.join(total, on=of_day, how="left").with_columns(pl.col("found").fill_null(0))
    # A delivery that is the whole of its day may bring fewer rows than one before it, but not none.
    merges = pl.col("table").is_in([table.name for table in TABLES.values() if table.mode == "merge"])
    short = both.filter(pl.col("found") < pl.when(merges).then("rows").otherwise(1)).sort(of_day)
    wrong += [
        (name, day, f"{found} rows in the lake, receipt {receipt} alone brought {rows}")
        for name, day, receipt, rows, found in short.select(*of_day, "receipt", "rows", "found").iter_rows()
    ]
    return wrong
