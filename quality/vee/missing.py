"""Which intervals were missing when the rest of their day was there, and what closed them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from statistics import median_low
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from quality.meter_grid import CHANNEL, SLOT, ZONE
from quality.tables.meters import MISSING_READINGS
from quality.verdicts import Grade, Verdict

_OLD_DAYS: Final = 3
"""How long a gap may be open before somebody should ask: what a weekend held up is there on Monday. Source: ours."""


_RUN: Final = 14
"""Days without any reading in a row that are missing; more are no gap. A fortnight is the longest that a sender's
holidays, or a broken collector, lasted before somebody asked. Source: ours."""
_KNOWN: Final = 2
_USUAL: Final = 7
"""Deliveries by which it is known when the next one is due, and how many of the last tell it."""
_NAMED: Final = 3
"""Days that a verdict names."""

_READ = pl.col("missing") < pl.col("expected")
"""Of ``METER_QUALITY`` rows: something came of the channel."""
_DAY = ("meter_id", "quantity")


def missing_readings(
    day: date,
    intervals: Sequence[pl.LazyFrame],
    superseded: pl.DataFrame,
    decisions: pl.DataFrame,
    quality: tuple[pl.DataFrame, pl.DataFrame],
) -> pl.DataFrame:
    """``MISSING_READINGS`` rows of one local day of a city.

    ``intervals`` are all rows of ``METER_INTERVALS`` (``SLOT, minutes, local_date, value_delivered, _delivered,
    _receipt``) in parts, the others those of ``METER_SUPERSEDED`` and ``METER_DECISIONS``, and those of
    ``METER_QUALITY`` of the day before and the day. A function of the set of deliveries: a slot is missing from the
    first delivery day of the city's day to the first that has a value for it. The register's meters have slots on
    every day; of a meter that is not in it, the day after its last is missing.
    """
    valued = pl.col("value_delivered").is_not_null()
    parts = (superseded.lazy(), *intervals)
    begun = [part.select(pl.col("_delivered").filter(valued).min()).collect().item() for part in parts]
    since = min((each for each in begun if each is not None), default=None)
    if since is None or not intervals:
        return MISSING_READINGS.empty()
    told = [*SLOT, "_delivered", "_receipt"]
    few = (part.filter(~valued | (pl.col("_delivered") > since)) for part in intervals)
    late = pl.concat([part.select(*told, "minutes", "local_date", "value_delivered").collect() for part in few])
    first = (
        pl.concat(
            [late.filter(valued).select(told), superseded.filter(valued, pl.col("reason") != "off_grid").select(told)]
        )
        .sort("_delivered", "_receipt")
        .unique(SLOT, keep="first")
        .select(*SLOT, closed_on="_delivered", closed_by="_receipt")
    )
    slots = (
        late.select(*SLOT, "minutes", "local_date")
        .join(first, on=SLOT, how="left")
        .filter(pl.col("closed_on").is_null() | (pl.col("closed_on") > since))
        .sort(SLOT)
        .with_columns(end=pl.col("start") + pl.duration(minutes="minutes"))
    )
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in (*CHANNEL, "closed_by"))
    ranges = (
        slots.with_columns(_run=(~same | (pl.col("start") != pl.col("end").shift())).fill_null(value=True).cum_sum())
        .group_by("_run")
        .agg(
            pl.col(*CHANNEL, "local_date", "start", "closed_on", "closed_by").first(),
            pl.col("end").last(),
            intervals=pl.len(),
        )
    )
    before, now = quality
    gone = before.filter(_READ).join(now, on=_DAY, how="anti")
    return _listed(pl.concat([ranges, _whole(day, gone)], how="diagonal_relaxed"), since, decisions)


def absent_day(day: date, quality: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """``MISSING_READINGS`` rows of a day of which nothing came at all though later ones did: all of it of every meter
    that the last day before it has, by whose ``METER_QUALITY`` rows, since the morning after."""
    return _listed(_whole(day, quality), day + timedelta(days=1), decisions)


def _whole(day: date, channels: pl.DataFrame) -> pl.DataFrame:
    """A range of the whole ``day`` for each of these channels."""
    begins = pl.lit(datetime.combine(day, time(), ZoneInfo(ZONE))).dt.convert_time_zone("UTC")
    return channels.select(
        *CHANNEL,
        _run=-pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        local_date=pl.lit(day),
        start=begins,
        end=begins + pl.duration(days=1),
        intervals="expected",
        closed_on=pl.lit(None, pl.Date),
        closed_by=pl.lit(None, pl.String),
    )


def _listed(ranges: pl.DataFrame, since: date, decisions: pl.DataFrame) -> pl.DataFrame:
    return (
        ranges.with_columns(since=pl.lit(since))
        .join(_asked(ranges, decisions), on="_run", how="left")
        .with_columns(pl.col("asked").fill_null(0))
        .select(pl.col(name).cast(dtype) for name, dtype in MISSING_READINGS.schema.items())
        .sort(MISSING_READINGS.key)
    )


def _asked(ranges: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """How often, and on which day last, some of each range was asked for: ``_run, asked, asked_last``."""
    asked = decisions.filter(decision="ask").select("meter_id", "quantity", "decided_at", _from="start", _to="end")
    return (
        ranges.select("_run", "meter_id", "quantity", "start", "end")
        .join(asked, on=["meter_id", "quantity"])
        .filter((pl.col("_from") < pl.col("end")) & (pl.col("_to") > pl.col("start")))
        .group_by("_run")
        .agg(
            asked=pl.col("decided_at").n_unique(),
            asked_last=pl.col("decided_at").max().dt.convert_time_zone(ZONE).dt.date(),
        )
    )


def absent(days: Collection[date]) -> dict[date, date]:
    """Days between those that are there, as far as there are no more than ``_RUN`` in a row, with the last day before
    each: where more lie between, they are samples, or another archive."""
    there = sorted(days)
    runs = ((before, (after - before).days) for before, after in pairwise(there))
    return {before + timedelta(days=n): before for before, days in runs if days <= _RUN + 1 for n in range(1, days)}


def overdue(newest: date, came: Mapping[date, tuple[date, date]], tonight: date) -> list[date]:
    """Days after the ``newest`` that would have come by ``tonight``, as deliveries usually come.

    ``came`` tells the delivery days on which readings of newer days came, with the newest day before and after each.
    """
    ages = [(delivered - before).days for delivered, (before, _) in came.items()]
    lags = [(delivered - after).days for delivered, (_, after) in came.items()]
    if len(ages) < _KNOWN or (tonight - newest).days < median_low(ages[-_USUAL:]):
        return []
    last = tonight - timedelta(days=median_low(lags[-_USUAL:]))
    return [newest + timedelta(days=n) for n in range(1, (last - newest).days + 1)]


def day_verdict(days: Sequence[date], checked: int, meters: int) -> Verdict:
    """Which whole days nothing came of, of a number of days that were looked at, and how many meters had readings of
    the last day before."""
    named = ", ".join(map(str, days[-_NAMED:]))
    text = (
        f"of {len(days)} day(s) no readings came at all although {meters} meters were read before, the last of them: "
        f"{named}. Ask the sender for these days; missing_readings has those that later days followed"
    )
    told = text if days else f"readings came of each of {checked} days"
    return Verdict(MISSING_READINGS.name, "missing-day", "warn" if days else "pass", checked, len(days), told)


def meters_read(quality: pl.DataFrame) -> pl.DataFrame:
    """Of which meters and quantities something came, of ``METER_QUALITY`` rows of a day, in their order."""
    return quality.filter(_READ).select(_DAY)


def silent_verdict(day: date, quality: pl.DataFrame, before: pl.DataFrame) -> Verdict:
    """Which meters brought nothing of a day although the register lists them, or they were read the day before: of
    ``METER_QUALITY`` rows of the day and the one before. It warns of those that are silent since this day."""
    read, gone = (rows.filter(_READ)["meter_id"].unique() for rows in (quality, before))
    expected = pl.concat([quality["meter_id"], gone]).unique()
    silent = expected.filter(~expected.is_in(read.implode()))
    new = silent.filter(silent.is_in(gone.implode()) | ~silent.is_in(before["meter_id"].implode()))
    checked = expected.len()
    text = (
        f"{silent.len()} of {checked} meters that the register lists, or that were read the day before, brought "
        f"nothing of {day}; {new.len()} of them since that day, of which "
        f"{new.is_in(gone.implode()).sum()} were read the day before. Ask the utility for them, or whether they were "
        "taken down; missing_readings names them"
    )
    told = text if silent.len() else f"none of {checked} meters is silent"
    grade: Grade = "warn" if new.len() else "note" if silent.len() else "pass"
    return Verdict(MISSING_READINGS.name, "missing-silent", grade, checked, silent.len(), told)


def missing_verdict(ranges: pl.DataFrame) -> Verdict:
    """What of ``MISSING_READINGS`` rows nobody has asked for although it is open for ``_OLD_DAYS`` days and more."""
    newest = ranges["since"].max()
    still = ranges.filter(pl.col("closed_on").is_null())
    old = pl.col("since") <= pl.lit(newest, pl.Date) - pl.duration(days=_OLD_DAYS)
    unasked = still.filter(old, asked=0)
    text = (
        f"{still.height} ranges of {still['meter_id'].n_unique()} meters are open; {unasked.height} of them for "
        f"{_OLD_DAYS} days and more without anybody having asked the utility. See missing_readings, and tell of asking "
        "with `muang meters ask`"
    )
    grade: Grade = "warn" if unasked.height else "pass"
    return Verdict(MISSING_READINGS.name, "missing-unasked", grade, ranges.height, unasked.height, text)
