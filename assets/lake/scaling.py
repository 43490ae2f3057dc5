"""Estimates scaled to the register, of the periods between reads of which a check or a day is otherwise than before.

What is scaled follows from the checks of registers and the estimates as they were made (``value_estimated``), which
are kept beside what they became: so the order in which reads and readings come leaves no trace.
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

import polars as pl

from assets.lake import buckets, stale_days
from assets.lake.files import CityLake, Written
from assets.lake.keys import bucket_of
from quality.tables import METER_DECISIONS, METER_FINAL, METER_QUALITY, REGISTER_CHECKS
from quality.vee.registers import LONGEST
from quality.vee.scaling import factors, of_days, periods, scaled, unscaled
from quality.vee.verdicts import scaling_verdict
from quality.verdicts import Verdict

TURNED: Final = "register_period"
"""What is noted of days of periods between reads that are or say otherwise than before."""

_GAPPY: Final = pl.any_horizontal(pl.col("missing", "suspect", "substituted") > 0)
"""Rows of ``METER_QUALITY`` of days that may have estimates, but for those that a person asked for."""


class Scaled(NamedTuple):
    """The files that were written, and what is told of the periods that were looked at."""

    files: Sequence[Written]
    verdicts: Sequence[Verdict]


def note(lake: CityLake, before: pl.DataFrame, now: pl.DataFrame) -> None:
    """Note, before ``REGISTER_CHECKS`` rows take the place of those ``before``, the days of periods that are otherwise
    then."""
    one, other = periods(before), periods(now)
    changed = pl.concat([one.join(other, on=one.columns, how="anti"), other.join(one, on=one.columns, how="anti")])
    stale_days.note(lake, TURNED, _days(changed) & {*lake.days(METER_FINAL)})


def make(lake: CityLake) -> Scaled:
    """Scale the estimates of all periods that hold a day which was noted, or leave them as they were made."""
    turned = stale_days.noted(lake, TURNED)
    noted = {*turned, *stale_days.noted(lake, METER_FINAL)}
    if not noted:
        return Scaled([], [])
    # A period is known by those beside it: two that share days are none.
    checks = lake.read(REGISTER_CHECKS, (min(noted) - 2 * LONGEST, max(noted) + 2 * LONGEST))
    known = periods(checks)
    holds = pl.any_horizontal(pl.lit(day).is_between("first", "last", closed="left") for day in sorted(noted))
    known = known.filter(holds)
    days = sorted((_days(known) | {*turned}) & {*lake.days(METER_FINAL)})
    known = _with_estimates(lake, known, days)
    by = factors(known, _sums(lake, known, days))
    files: list[Written] = []
    for day in days:
        here = by.filter(pl.lit(day).is_between("first", "last", closed="left"))
        if here.height or day in turned:
            files += _write(lake, day, here, turned=day in turned)
    stale_days.settle(lake, TURNED, turned)
    return Scaled(files, [scaling_verdict(by)] if by.height else [])


def _days(of: pl.DataFrame) -> set[date]:
    spans = of.select("first", "last").unique().iter_rows()
    return {first + timedelta(days=at) for first, last in spans for at in range((last - first).days)}


def _with_estimates(lake: CityLake, known: pl.DataFrame, days: Collection[date]) -> pl.DataFrame:
    """The periods of meters that may have an estimate: of most there is none, and their values are not read."""
    told = [METER_QUALITY.empty(), *(lake.day(METER_QUALITY, day).filter(_GAPPY) for day in days if known.height)]
    asked = lake.pick(METER_DECISIONS, days)
    meters = pl.concat([pl.concat(each["meter_id"] for each in told), asked["meter_id"]])
    return known.filter(pl.col("meter_id").is_in(meters.unique().implode()))


def _sums(lake: CityLake, known: pl.DataFrame, days: Collection[date]) -> pl.DataFrame:
    """Rows of ``of_days`` of all days of these periods, of one file after the other."""
    sums = [of_days(METER_FINAL.empty())]
    for day in days:
        here = known.filter(pl.lit(day).is_between("first", "last", closed="left"))
        for key in lake.keys(METER_FINAL, (day, day)):
            some = here.filter(buckets.within(bucket_of(key)))
            if some.height:
                mine = pl.col("meter_id").is_in(some["meter_id"].unique().implode())
                sums.append(of_days(lake.rows(METER_FINAL, [key], mine)))
    return pl.concat(sums)


def _write(lake: CityLake, day: date, by: pl.DataFrame, *, turned: bool) -> list[Written]:
    """Write the buckets of a day that are otherwise with these factors, all of its series where periods turned."""
    files: list[Written] = []
    lake.recut(METER_FINAL, day)
    for bucket in lake.buckets(METER_FINAL):
        here = by.filter(buckets.within(bucket))
        if here.is_empty() and not turned:
            continue
        held = lake.hold(METER_FINAL, day, bucket)
        rows = scaled(unscaled(held.rows) if turned else held.rows, here)
        if not rows.equals(held.rows):
            # Noted before the rows are there, as where they are made.
            stale_days.note(lake, METER_FINAL, [day])
            files += lake.swap(held, rows, [day])
    return files
