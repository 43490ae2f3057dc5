"""``frequencies.txt`` of a GTFS feed: when the trips start that are patterns, and how times and numbers are read."""

import polars as pl

from assets.sources import thai
from quality.batch import Batch

_HOUR = 3600
_SHORTEST = 60
"""Seconds between two vehicles of a trip, below which a headway is one in minutes: the closest trains run 66 s and 85 s
apart (automatic metros of Lille and Paris), and no service on road or rail is told to leave twice a minute."""
_EVER = 90
"""Seconds: no service leaves so often from its first window to its last, so that a feed without a longer headway tells
hours and half-hours in minutes."""
_SAID_IN_MINUTES = 240
"""Longest headway that a feed in minutes is taken to mean, four hours; what is longer there is left alone."""
_AERIAL = r"^(?:6|13[0-9]{2})$"
"""``route_type`` of aerial lifts, whose cabins leave some seconds apart."""


def runs(frequencies: pl.DataFrame, calls: pl.DataFrame, trips: pl.DataFrame, routes: pl.DataFrame) -> Batch:
    """``trip_id, first, headway, count``: the starts of the trips that are patterns.

    Headways in minutes, where GTFS has seconds, are refused: sixty times the departures are no plausible number, and
    whether all of a feed are in minutes nothing says. Half its windows below ``_SHORTEST``, or all up to ``_EVER``,
    put also its longer ones in doubt. Aerial lifts are left alone.
    """
    aerial = routes.filter(whole("route_type").str.contains(_AERIAL))
    lifts = trips.join(aerial, on="route_id", how="semi")["trip_id"]
    own = frequencies.join(calls.select("trip_id").unique(), on="trip_id", how="semi").with_columns(
        first=seconds_of(pl.col("start_time")),
        last=seconds_of(pl.col("end_time")),
        headway=thai.number(pl.col("headway_secs"), pl.Int64()),
    )
    usable = ((pl.col("first") < pl.col("last")) & (pl.col("headway") > 0)).fill_null(value=False)
    on_way = usable & ~pl.col("trip_id").is_in(lifts.implode())
    told = pl.col("headway").filter(on_way)
    in_minutes = ((told < _SHORTEST).mean() >= 1 / 2) | (told.max() <= _EVER)
    longest = pl.when(in_minutes.fill_null(value=False)).then(_SAID_IN_MINUTES).otherwise(_SHORTEST - 1)
    batch = Batch(own).refuse(
        (~usable, "row-malformed", "a window or headway in frequencies.txt"),
        (
            on_way & (pl.col("headway") <= longest),
            "unit-unknown",
            "a headway_secs so short that it, or the feed's, is in minutes; its departures are not counted",
        ),
    )
    # GTFS allows no overlap of one trip's windows: the one that begins first holds until its end.
    windows = batch.rows.sort("trip_id", "first", "last", "_row")
    until = pl.col("last").cum_max().shift().over("trip_id")
    skipped = ceil((until - pl.col("first")).clip(0), pl.col("headway")).fill_null(0)
    clear = windows.with_columns(first=pl.col("first") + skipped * pl.col("headway"), late=skipped > 0)
    if late := int(clear["late"].sum()):
        text = f"{late} windows of frequencies.txt overlap one before for the same trip: counted once"
        batch = batch.note("duplicate-rows", text)
    rows = clear.filter(pl.col("first") < pl.col("last"))
    return Batch(rows, batch.problems).select(
        "trip_id", "first", "headway", count=ceil(pl.col("last") - pl.col("first"), pl.col("headway"))
    )


def seconds_of(text: pl.Expr) -> pl.Expr:
    """Seconds from ``H:MM:SS``; hours may exceed 23, and spreadsheets leave the seconds out."""
    parts = text.str.extract_groups(r"^([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))?$").struct
    hours, minutes, seconds = (parts.field(name).cast(pl.Int64) for name in ("1", "2", "3"))
    return hours * _HOUR + minutes * 60 + seconds.fill_null(0)


def whole(*columns: str) -> pl.Expr:
    """Codes and whole numbers, which a spreadsheet may write as 1.0."""
    return pl.col(columns).str.replace(r"\.0+$", "")


def ceil(amount: pl.Expr, by: pl.Expr) -> pl.Expr:
    """How often ``by`` is begun in an ``amount``."""
    return (amount + by - 1) // by
