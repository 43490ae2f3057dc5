"""Estimates scaled to the register, of the periods between reads of which a check or a value is otherwise than before.

What is scaled follows from the checks of registers and the estimates as they were made (``value_estimated``), which
are kept beside what they became: so the order in which reads and readings come leaves no trace.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from assets.lake import buckets, stale_days
from assets.lake.files import CityLake, Written
from quality.tables import METER_DECISIONS, METER_FINAL, METER_QUALITY, REGISTER_CHECKS
from quality.vee.registers import LONGEST
from quality.vee.scaling import ESTIMATED, SERIES, factors, of_days, of_quality, periods, scaled, unscaled
from quality.vee.verdicts import scaling_verdict
from quality.verdicts import Verdict

CAME, GONE = "register_period", "register_period_gone"
"""What is noted of days of periods between reads that are there now, and of days of those that are no more, or say
something else."""


class Scaled(NamedTuple):
    """The files that were written, and what is told of the periods that were looked at."""

    files: Sequence[Written]
    verdicts: Sequence[Verdict]


def note(lake: CityLake, before: pl.DataFrame, now: pl.DataFrame) -> None:
    """Note, before ``REGISTER_CHECKS`` rows take the place of those ``before``, the days of periods that are otherwise
    then."""
    one, other = periods(before), periods(now)
    for name, these, those in ((GONE, one, other), (CAME, other, one)):
        changed = these.join(those, on=these.columns, how="anti")
        stale_days.note(lake, name, _days(changed) & {*lake.days(METER_FINAL)})


def make(lake: CityLake, written: Mapping[date, pl.Series]) -> Scaled:
    """Scale the estimates of the periods that came or hold rows which were written anew, or leave them as they were
    made. ``written`` are the meters of these rows, of days of which that is known; of others it may be all."""
    came, gone = (stale_days.noted(lake, name) for name in (CAME, GONE))
    noted = {*came, *gone, *stale_days.noted(lake, METER_FINAL)}
    if not noted:
        return Scaled([], [])
    # A period is known by those beside it: two that share days are none.
    checks = lake.read(REGISTER_CHECKS, (min(noted) - 2 * LONGEST, max(noted) + 2 * LONGEST))
    some = {day: ids for day, ids in written.items() if day not in {*came, *gone}}
    known = periods(checks).filter(pl.any_horizontal(_concerns(day, some.get(day)) for day in sorted(noted)))
    there = {*lake.days(METER_FINAL)}
    quality = _quality(lake, known, sorted(_days(known) & there))
    known = known.join(quality.filter("gaps"), on=SERIES, how="semi")
    days = sorted((_days(known) | {*gone}) & there)
    for day in days:
        lake.recut(METER_FINAL, day)
    files, found = list[Written](), [factors(known.clear(), of_quality(quality.clear()))]
    for bucket in lake.buckets(METER_FINAL):
        here = known.filter(buckets.within(bucket))
        of_it = quality.join(here, on=SERIES, how="semi")
        told, estimates = [of_quality(of_it)], dict[date, pl.DataFrame]()
        for day in days:
            gaps = of_it.filter("gaps", local_date=day)
            if gaps.height or day in gone:
                rows = lake.hold(METER_FINAL, day, bucket, _wanted(gaps, gone=day in gone)).rows
                told.append(of_days(rows).join(gaps, on=SERIES, how="semi"))
                estimates[day] = rows.filter(ESTIMATED)
        by = factors(here, pl.concat(told))
        found.append(by)
        for day, stored in estimates.items():
            factor = by.filter(pl.lit(day).is_between("first", "last", closed="left"))
            if not _made(stored, factor, gone=day in gone).equals(stored):
                files += _write(lake, bucket, day, factor, gone=day in gone)
    stale_days.settle(lake, CAME, came)
    stale_days.settle(lake, GONE, gone)
    by = pl.concat(found)
    return Scaled(files, [scaling_verdict(by)] if by.height else [])


def _concerns(day: date, ids: pl.Series | None) -> pl.Expr:
    """Whether a period holds a day, and is of one of these meters, if any are told."""
    holds = pl.lit(day).is_between("first", "last", closed="left")
    return holds if ids is None else holds & pl.col("meter_id").is_in(ids.implode())


def _days(of: pl.DataFrame) -> set[date]:
    spans = of.select("first", "last").unique().iter_rows()
    return {first + timedelta(days=at) for first, last in spans for at in range((last - first).days)}


def _quality(lake: CityLake, known: pl.DataFrame, days: Collection[date]) -> pl.DataFrame:
    """``METER_QUALITY`` rows of these days of meters that have a gap on any, and whether the series ``gaps`` that day:
    a value lacks, is suspect, is the utility's own, or a person decided of it. Of most meters there is none."""
    meters, decided = known["meter_id"].unique(), lake.pick(METER_DECISIONS, days)
    gaps = pl.any_horizontal(pl.col("missing", "suspect", "substituted") > 0)
    mine = pl.col("meter_id").is_in(meters.implode())
    files = [(day, lake.keys(METER_QUALITY, (day, day))) for day in days if meters.len()]
    gappy = [lake.rows(METER_QUALITY, keys, mine & gaps)["meter_id"] for _, keys in files]
    some = pl.concat([decided["meter_id"], *gappy]).unique().implode()
    rows = [lake.rows(METER_QUALITY, keys, mine & pl.col("meter_id").is_in(some)) for _, keys in files]
    asked = decided.select("meter_id", "local_date", _decided=pl.lit(value=True)).unique()
    return (
        pl.concat([METER_QUALITY.empty(), *rows])
        .join(asked, on=["meter_id", "local_date"], how="left")
        .with_columns(gaps=(gaps | pl.col("_decided").is_not_null()).any().over(*SERIES, "local_date"))
    )


def _wanted(gaps: pl.DataFrame, *, gone: bool) -> pl.Expr:
    """Rows of meters that have gaps, and, where a period is ``gone``, all that are scaled."""
    of_gaps = pl.col("meter_id").is_in(gaps["meter_id"].unique().implode())
    return of_gaps | pl.col("value_estimated").is_not_null() if gone else of_gaps


def _made(rows: pl.DataFrame, by: pl.DataFrame, *, gone: bool) -> pl.DataFrame:
    """Rows of a day as these factors make them, without any as they were estimated where a period is ``gone``."""
    return scaled(unscaled(rows) if gone else rows, by)


def _write(lake: CityLake, bucket: str, day: date, by: pl.DataFrame, *, gone: bool) -> list[Written]:
    held = lake.hold(METER_FINAL, day, bucket)
    # Noted before the rows are there, as where they are made.
    stale_days.note(lake, METER_FINAL, [day])
    return lake.swap(held, _made(held.rows, by, gone=gone), [day])
