"""The ledger against the lake: what was ingested is there, row for row.

Meter readings and register reads are all kept, superseded ones too: of each receipt the lake holds on each day exactly
the rows that the ledger says. Other tables keep the row that counts: there a day has no row of a receipt that the
ledger does not know, none more of one than it brought, and no fewer rows than its largest delivery.
"""

from collections.abc import Collection
from datetime import date, timedelta

import polars as pl

from assets.lake.files import CityLake
from assets.landing.deployment import Step
from quality.contracts import Table
from quality.tables import DELIVERIES, METER_INTERVALS, METER_SUPERSEDED, REGISTER_READS, TABLES

NIGHTS = timedelta(days=7)
"""Days that deliveries of the last week touched are counted before every publication, so that what another process
broke is found while its cause is still known. All days are ``muang lake verify``'s to count."""


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
    touched = entries.filter(pl.col("delivered").is_between(since, until))
    wrong: list[str] = []
    for name in touched["table"].unique(maintain_order=True):
        days = set(touched.filter(table=name)["day"])
        booked = entries.filter(pl.col("day").is_in(list(days)), table=name)
        wrong += _compared(lake, TABLES[name], days, booked.group_by("day", "receipt").agg(pl.col("rows").sum()))
    return wrong


def _compared(lake: CityLake, table: Table, days: Collection[date], booked: pl.DataFrame) -> list[str]:
    there = lake.counts(table, days)
    if table is METER_INTERVALS:
        there = pl.concat([there, lake.counts(METER_SUPERSEDED, days)])
    there = there.group_by("day", "receipt").agg(pl.col("rows").sum())
    both = booked.join(there, on=["day", "receipt"], how="full", coalesce=True, suffix="_there")
    both = both.with_columns(pl.col("rows", "rows_there").fill_null(0))
    exact = table in (METER_INTERVALS, REGISTER_READS)
    differs = pl.col("rows") != pl.col("rows_there") if exact else pl.col("rows_there") > pl.col("rows")
    wrong = [
        (day, f"receipt {receipt} has {found} rows in the lake, the ledger says {rows}")
        for day, receipt, rows, found in both.filter(differs).sort("day", "receipt").iter_rows()
    ]
    if not exact:
        largest = booked.sort("rows", "receipt").group_by("day", maintain_order=True).last()
        total = there.group_by("day").agg(found=pl.col("rows").sum())
        both = largest.join(total, on="day", how="left").with_columns(pl.col("found").fill_null(0))
        # A delivery that is the whole of its day may bring fewer rows than one before it, but not none.
        short = pl.col("found") < (pl.col("rows") if table.mode == "merge" else 1)
        wrong += [
            (day, f"{found} rows in the lake, receipt {receipt} alone brought {rows}")
            for day, receipt, rows, found in both.filter(short).sort("day").iter_rows()
        ]
    return [
        f"{table.name} of {day}: {what}: run `muang lake rebuild --city {lake.city} --table {table.name} --day {day}`"
        for day, what in wrong
    ]
