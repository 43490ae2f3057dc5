"""Dates, times and zones as exports write them.

The Buddhist era is BE = CE + 543. It is converted on the digits, before they become a date: 29/02/2567 is the leap day
of 2024, but 2567 CE has none.
"""

import re
from datetime import timedelta, timezone, tzinfo
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

Order = Literal["dmy", "mdy", "ymd"]
Era = Literal["CE", "BE", "auto"]

BUDDHIST = 543
BUDDHIST_FROM = 2400
"""A four-digit year beyond this is Buddhist: no reading is from 2400 CE, none is from before 1857 CE."""
YEARS = (1990, 2100)
"""No interval meter wrote before; a year outside is a wrong era or a wrong order of fields."""

_DATE = {
    "dmy": r"(?<day>[0-9]{1,2})[/.\-](?<month>[0-9]{1,2})[/.\-](?<year>[0-9]{4}|[0-9]{2})",
    "mdy": r"(?<month>[0-9]{1,2})[/.\-](?<day>[0-9]{1,2})[/.\-](?<year>[0-9]{4}|[0-9]{2})",
    "ymd": r"(?<year>[0-9]{4})[/.\-]?(?<month>[0-9]{2})[/.\-]?(?<day>[0-9]{2})",
}
_TIME = r"(?:[ T]+(?<hour>[0-9]{1,2})[.:](?<minute>[0-9]{2})(?:[.:](?<second>[0-9]{2}))?)?"


def parse(text: pl.Expr, order: Order, era: Era = "CE") -> pl.Expr:
    """Local ``Datetime[us]`` from text (a column's, no literal), null where it cannot be read; without a time midnight.

    24:00 is midnight of the next day. A dot or a colon separates hours and minutes (PEA writes 24.00). Two-digit years
    are of this century of the declared era.
    """
    # On a series, because in an expression each mention of a part would match the pattern again.
    return text.map_batches(partial(_parsed, order=order, era=era), return_dtype=pl.Datetime("us"))


def _parsed(text: pl.Series, order: Order, era: Era) -> pl.Series:
    plain = text.str.replace_all("\xa0", " ", literal=True).str.strip_chars()
    parts = plain.str.extract_groups(f"^{_DATE[order]}{_TIME}$").struct.unnest().cast(pl.Int32)
    year, clock = pl.col("year"), pl.col("hour", "minute", "second").fill_null(0)
    parts = parts.with_columns(
        clock,
        # Two digits do not tell the era, so that where it may be either they are no year.
        year=pl.when(year >= 100).then(year).when(pl.lit(era != "auto")).then(year + (2500 if era == "BE" else 2000)),
    )
    if era != "CE":
        buddhist = (year > BUDDHIST_FROM) if era == "auto" else pl.lit(True)
        parts = parts.with_columns(year=pl.when(buddhist).then(year - BUDDHIST).otherwise(year))
    hour, minute, second = (pl.col(name) for name in ("hour", "minute", "second"))
    in_day = (hour < 24) & (minute < 60) & (second < 60) | (hour == 24) & (minute == 0) & (second == 0)
    day = pl.concat_str("year", "month", "day", separator="-").str.to_date("%Y-%m-%d", strict=False)
    stamp = day.cast(pl.Datetime("us")) + pl.duration(hours=hour, minutes=minute, seconds=second)
    return parts.select(pl.when(in_day & year.is_between(*YEARS)).then(stamp)).to_series()


def exchanged(text: pl.Series) -> bool:
    """Whether a spreadsheet took days for months: stamps up to the 12th are date cells (ISO), all others are texts.

    A workbook in which cells go beyond the 12th, or texts do not, was only typed in two ways. 24:00 is a text in any.
    """
    cells = text.str.extract(r"^[0-9]{4}-[0-9]{2}-([0-9]{2})").drop_nulls().cast(pl.Int32)
    others = (
        text.filter(~text.str.contains(r"24[.:]00")).str.extract(r"^([0-9]{1,2})[/.\-][0-9]{1,2}[/.\-]").drop_nulls()
    )
    if not cells.len() or not others.len():
        return False
    return bool((cells <= 12).all() and (others.cast(pl.Int32) > 12).all())


EXCHANGED = "stamps up to the 12th are dates and the others texts: a spreadsheet took days for months; export it again"
"""What is told of it."""


def zone_of(name: str) -> tzinfo:
    """The zone an option names: an IANA name or an offset such as ``+10:00``. Raises ``ValueError``."""
    if found := re.fullmatch(r"([+-])(\d{2}):([0-5]\d)", name):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-offset if found[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError(f"time zone '{name}' is not known") from None


def utc(local: pl.Expr, zone: str, ambiguous: str | pl.Expr = "earliest") -> pl.Expr:
    """Local times of ``zone`` as UTC. A repeated hour is taken as the first, or as ``ambiguous`` says (``earliest``,
    ``latest``); a skipped one is null."""
    fixed = zone_of(zone)
    if isinstance(fixed, timezone):
        return (local - pl.lit(fixed.utcoffset(None))).dt.replace_time_zone("UTC")
    return local.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null").dt.convert_time_zone("UTC")  # type: ignore[arg-type]


def local(instant: pl.Expr, zone: str) -> pl.Expr:
    """Instants (UTC) as local times of ``zone``, without zone."""
    fixed = zone_of(zone)
    if isinstance(fixed, timezone):
        return (instant + pl.lit(fixed.utcoffset(None))).dt.replace_time_zone(None)
    return instant.dt.convert_time_zone(zone).dt.replace_time_zone(None)


def dst(local: pl.Expr, zone: str, ambiguous: str | pl.Expr = "earliest") -> pl.Expr:
    """Whether local times of ``zone`` are in summer time; never in a zone of a fixed offset."""
    if isinstance(zone_of(zone), timezone):
        return pl.when(local.is_not_null()).then(pl.lit(False))
    return local.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null").dt.dst_offset() != pl.duration()  # type: ignore[arg-type]
