"""Proven outages: a list of the distribution utility, of a meter or of a whole zone.

    point,zone,from,to
    ,north,2026-11-20 13:05,2026-11-20 15:40

Times are local. A delivery tells all outages of each day that it names, in place of what was told of that day before; a
row whose ``to`` is its ``from`` names a day without any.
"""

from datetime import date
from typing import Final

import polars as pl

from assets.meters.listed import LONGEST, ahead, by_day, instant, listed, told
from assets.sources.source import Options, ReadResult, Source
from quality.tables import METER_OUTAGES

FORMAT = "meter_outages"
COLUMNS: Final = ("from", "to")


def read_outages(data: bytes, day: date) -> ReadResult:
    """``tables["meter_outages"]``: ``point`` or ``zone`` (the other null), ``local_date, start, end``, a row a local
    day of an outage that was told on a ``day``, ``_row``. Never raises on content."""
    found = listed(FORMAT, data, COLUMNS, ("point", "zone"))
    if isinstance(found, ReadResult):
        return found
    rows = found.with_columns(
        start=instant("from"),
        end=instant("to"),
        **{name: pl.when(pl.col(name) != "").then(name) for name in ("point", "zone")},
    ).refuse(
        (pl.col("point").is_null() == pl.col("zone").is_null(), "row-malformed", "neither or both of point and zone"),
        (pl.col("start").is_null(), "stamp-bad", "from is no local time"),
        (pl.col("end").is_null(), "stamp-bad", "to is no local time"),
        (ahead("start", day), "value-range", f"from is after the delivery day {day}: what is planned is not proven"),
        (pl.col("end") < pl.col("start"), "value-range", "to is before from"),
        (pl.col("end") - pl.col("start") > LONGEST, "value-range", "the outage is longer than a year"),
    )
    days = by_day(rows.rows).select("point", "zone", "local_date", "start", "end", _row="row")
    return told(FORMAT, METER_OUTAGES, rows, days)


METER_OUTAGE_LIST: Source[Options] = Source(
    name=FORMAT,
    title="Proven outages",
    smart="energy",
    tables=(METER_OUTAGES.name,),
    portal=None,
    document="docs/meter-values.md",
    plan=None,
    reader=lambda data, context: read_outages(data, context.day),
    zone="Asia/Bangkok",
    label="period",
    missing=(),
    units="none",
    personal="metering points: landing only",
    version=3,
    keyed=True,
    optional=True,
)
