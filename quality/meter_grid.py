"""The complete grid of meter readings: every expected interval of a local day is a row, missing ones included.

Days are Asia/Bangkok days: no clock changes, so a day always has 1440 / minutes slots (96 quarter-hours).
"""

from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

ZONE = "Asia/Bangkok"
DAY_MINUTES = 1440

MINUTE = 60_000_000
"""Microseconds, as instants are told."""

CHANNEL = ("meter_id", "channel", "quantity")
CHANNEL_DAY = (*CHANNEL, "local_date")
SLOT = (*CHANNEL, "start")

CLOCK_SECONDS: Final = 20
"""How far a meter's clock may be off (Swiss Metering Code MC-CH 2009, Table 5: 20 s for class A, less for the better
ones). A stamp within it marks the slot that it is next to."""

_MINUTE: Final = 60_000_000
"""In microseconds, as instants are told."""
_AHEAD: Final = 7 * 60 * _MINUTE
"""Bangkok is seven hours ahead of UTC, since 1920 and without clock changes (``zoneinfo``)."""


def local_date(instant: pl.Expr) -> pl.Expr:
    """The local day of instants (UTC). To ask for the zone's offset at each of them takes ten times as long."""
    return (instant.dt.replace_time_zone(None) + pl.duration(microseconds=_AHEAD)).dt.date()


def off_clock(stamp: pl.Expr, minutes: int) -> pl.Expr:
    """Whether ``stamp`` (local time without a zone; of minutes that divide an hour, any) is further than
    ``CLOCK_SECONDS`` from the grid of ``minutes``."""
    after = stamp.cast(pl.Int64) % (minutes * _MINUTE)
    return pl.min_horizontal(after, minutes * _MINUTE - after) > CLOCK_SECONDS * 1_000_000


def on_clock(readings: pl.DataFrame) -> pl.DataFrame:
    """``readings`` (``start, minutes``) with the stamps of clocks that are off by no more than ``CLOCK_SECONDS`` on
    their grid, and ``clock_seconds``: how far each was moved, rounded away from zero, null where it was not."""
    told = readings["start"].to_physical()
    # A clock that is right costs one look: whole minutes are on every grid or far from it.
    if not (told % _MINUTE != 0).any():
        return readings.with_columns(clock_seconds=pl.lit(None, pl.Int8))
    start, length = pl.col("start").to_physical(), pl.col("minutes").cast(pl.Int64)
    near = (start + _MINUTE // 2) // _MINUTE * _MINUTE
    off = start - near
    divides = (length > 0) & (DAY_MINUTES % length == 0)
    fits = divides & ((near + _AHEAD) % (length * _MINUTE) == 0) & (off.abs() <= CLOCK_SECONDS * 1_000_000)
    seconds = off.sign() * ((off.abs() + 999_999) // 1_000_000)
    moved = fits & (off != 0)
    return readings.with_columns(
        clock_seconds=pl.when(moved).then(seconds).cast(pl.Int8),
        start=pl.when(moved).then(near.cast(readings.schema["start"])).otherwise("start"),
    )


def midnight(day: date) -> int:
    """The start of a local day, in microseconds since 1970 (UTC)."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE)).timestamp()) * 1_000_000


class Aligned(NamedTuple):
    """Readings on their channel's grid, and those off it with ``code`` and ``message``."""

    on: pl.DataFrame
    off: pl.DataFrame


def align(readings: pl.DataFrame) -> Aligned:
    """Split ``readings`` into those on their channel's grid and those off it.

    Needs ``meter_id, channel, quantity, start, minutes, local_date``. The grid's interval is the channel's most
    frequent length among its readings of that day (of equally frequent ones the shortest, which loses no detail).
    Off the grid are lengths that do not divide a day or differ from the grid's (``interval-length``) and starts that
    are no multiple of the length after local midnight (``interval-misaligned``); these rows come back with ``code``
    and ``message``. A pure function of the set of rows, whatever their order.
    """
    local = pl.col("start").dt.convert_time_zone(ZONE)
    second = (local - local.dt.truncate("1d")).dt.total_microseconds()
    length = pl.col("minutes").cast(pl.Int64)
    divides = (length > 0) & (DAY_MINUTES % length == 0)
    placed = divides & (second % (length * 60_000_000) == 0)
    judged = readings.with_columns(_divides=divides.fill_null(False), _placed=placed.fill_null(False))
    # A repeated reading is one vote, or a file sent three times would outvote a day.
    votes = judged.filter("_placed").select(*CHANNEL_DAY, "start", "minutes").unique()
    interval = (
        votes.group_by(*CHANNEL_DAY, "minutes")
        .len("_votes")
        .sort("_votes", "minutes", descending=[True, False])
        .unique(CHANNEL_DAY, keep="first", maintain_order=True)
        .select(*CHANNEL_DAY, _interval="minutes")
    )
    judged = judged.join(interval, on=CHANNEL_DAY, how="left", maintain_order="left")
    code = (
        pl.when(~pl.col("_divides") | (pl.col("_placed") & (pl.col("minutes") != pl.col("_interval"))))
        .then(pl.lit("interval-length"))
        .when(~pl.col("_placed"))
        .then(pl.lit("interval-misaligned"))
    )
    message = (
        pl.when(~pl.col("_divides"))
        .then(pl.format("{} minutes do not divide a day", pl.col("minutes").cast(pl.String).fill_null("no")))
        .when(~pl.col("_placed"))
        .then(pl.format("the start is not on the grid of {} minutes", "minutes"))
        .otherwise(pl.format("{} minutes where the channel's day has {}", "minutes", "_interval"))
    )
    judged = judged.with_columns(code=code, message=message).drop("_divides", "_placed", "_interval")
    off = judged.filter(pl.col("code").is_not_null())
    return Aligned(judged.filter(pl.col("code").is_null()).drop("code", "message"), off)


SHAPE = ("channel", "quantity", "unit", "minutes")
"""What a channel is like."""

SHAPES = pl.Schema(
    {"channel": pl.String(), "quantity": pl.String(), "unit": pl.String(), "minutes": pl.Int32(), "meters": pl.UInt32()}
)
"""Channels of a day by what they are like, and how many meters have one."""


def shapes(readings: pl.DataFrame) -> pl.DataFrame:
    """The channels of aligned readings of a day, as ``SHAPES``."""
    channels = readings.select("meter_id", *SHAPE).unique(CHANNEL, keep="first")
    return channels.group_by(SHAPE).agg(meters=pl.len()).cast(SHAPES)


def usual(counted: pl.DataFrame) -> pl.DataFrame:
    """The most common of ``shapes``, as one row of ``channel, quantity, unit, minutes``; none where there are none."""
    descending = [True, *(False for _ in SHAPE)]
    return (
        counted.group_by(SHAPE)
        .agg(pl.col("meters").sum())
        .sort("meters", *SHAPE, descending=descending)
        .head(1)
        .select(SHAPE)
    )


def silent(meters: pl.Series, like: pl.DataFrame, day: date) -> pl.DataFrame:
    """Channels of ``meters`` (ids) of which nothing came on a day, each as ``like`` (``usual``): what ``complete``
    takes."""
    return meters.to_frame("meter_id").join(like, how="cross").with_columns(local_date=pl.lit(day, pl.Date))


def complete(readings: pl.DataFrame, expected: pl.DataFrame | None = None) -> pl.DataFrame:
    """The complete grid of one city: ``readings`` plus a row for every expected slot that has none.

    ``readings`` are aligned, have one row a slot, and hold at least ``meter_id, channel, quantity, unit, minutes,
    local_date, start, quality``; a channel that delivered anything on a day is expected to deliver all of it, and so
    are the channels ``expected`` (``meter_id, channel, quantity, unit, minutes, local_date``), of which nothing came.
    Added rows have quality ``missing`` and nulls in all other columns.
    """
    channels = readings.select("meter_id", *SHAPE, "local_date").unique(CHANNEL_DAY, keep="first")
    if expected is not None:
        channels = pl.concat([channels, expected.select(channels.columns).cast(channels.schema)])
    midnight = pl.col("local_date").cast(pl.Datetime("us")).dt.replace_time_zone(ZONE).dt.convert_time_zone("UTC")
    slots = (
        channels.with_columns(_slot=pl.int_ranges(0, DAY_MINUTES // pl.col("minutes")))
        .explode("_slot")
        .with_columns(start=midnight + pl.duration(minutes=pl.col("_slot") * pl.col("minutes")))
        .drop("_slot")
    )
    gaps = slots.join(readings, on=SLOT, how="anti").with_columns(quality=pl.lit("missing"))
    return pl.concat([readings, gaps.cast({"start": readings.schema["start"]})], how="diagonal")
