"""Estimates scaled to the register, of the periods between reads of which a check or a value is otherwise than before.

What is scaled follows from the checks of registers and the estimates as they were made (``value_estimated``), which
are kept beside what they became: so the order in which reads and readings come leaves no trace. A period waits until
all its days have had their second look: until then its estimates change night after night, and with one of them the
factor of all.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from assets.lake import buckets, stale_days
from assets.lake.files import CityLake, Written
from assets.lake.second_look import SecondLook
from quality.tables import METER_DECISIONS, METER_FINAL, METER_INTERVALS, METER_QUALITY, REGISTER_CHECKS
from quality.vee.registers import LONGEST
from quality.vee.scaling import ESTIMATED, SERIES, factors, of_days, of_quality, periods, scaled, unscaled
from quality.vee.verdicts import scaling_verdict
from quality.verdicts import Verdict

CAME, GONE = "register_period", "register_period_gone"
"""What is noted of days of periods between reads that are there now, or had their second look, and of days of those
that are no more, say something else, or lost it."""


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
        stale_days.note(lake, name, days_of(changed) & {*lake.days(METER_FINAL)})


def looked(lake: CityLake, look: SecondLook) -> None:
    """Note, before the days are settled that came or went, those whose second look turned by them."""
    turned = {day for day in look.there if look.turns(day)}
    if not (turned and lake.keys(REGISTER_CHECKS)):
        return
    lost = {day for day in turned if not look.at(day)}
    stale_days.note(lake, GONE, {day for day in look.there if any(abs(day - each) <= LONGEST for each in lost)})
    stale_days.note(lake, CAME, turned - lost)


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
    concerned = pl.any_horizontal(_concerns(day, some.get(day)) for day in sorted(noted))
    known, there = periods(checks).filter(concerned), {*lake.days(METER_FINAL)}
    look = SecondLook({*lake.days(METER_INTERVALS)}, set())
    ready = [span for span in known.select("first", "last").unique().iter_rows() if all(map(look.at, _between(*span)))]
    spans = pl.DataFrame(ready, known.select("first", "last").schema, orient="row")
    known = known.join(spans, on=spans.columns, how="semi")
    quality = _quality(lake, known, sorted(days_of(known) & there))
    known = known.join(quality.filter("gaps"), on=SERIES, how="semi")
    days = sorted((days_of(known) | {*gone}) & there)
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


def days_of(told: pl.DataFrame) -> set[date]:
    """Days of periods, from the ``first`` of each to the one before its ``last``."""
    return {day for span in told.select("first", "last").unique().iter_rows() for day in _between(*span)}


def _between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=at) for at in range((last - first).days)]


def _quality(lake: CityLake, known: pl.DataFrame, days: Collection[date]) -> pl.DataFrame:
    """``METER_QUALITY`` rows of these days of meters of which on any of them a value is not used as it came, and
    whether it ``gaps``: of the series that day one is not, or was decided of by a person. Of most meters there is none.
    """
    decided, mine = lake.pick(METER_DECISIONS, days), pl.col("meter_id").is_in(known["meter_id"].unique().implode())
    doubtful = mine & pl.any_horizontal(pl.col("missing", "suspect", "substituted") > 0)
    files = {day: lake.keys(METER_QUALITY, (day, day)) for day in days if known.height}
    gaps = [decided.filter(mine).select(*SERIES, "local_date")]
    for day, keys in files.items():
        some = lake.rows(METER_QUALITY, keys, doubtful)["meter_id"].unique()
        otherwise = pl.col("meter_id").is_in(some.implode()) & (pl.col("method") != "A")
        scans = (lake.scan(METER_FINAL, key) for key in lake.keys(METER_FINAL, (day, day)) if some.len())
        gaps += [scan.filter(otherwise).select(*SERIES, "local_date").unique().collect() for scan in scans]
    place = pl.concat(gaps).unique().with_columns(gaps=pl.lit(value=True))
    with_gaps = pl.col("meter_id").is_in(place["meter_id"].unique().implode())
    rows = [lake.rows(METER_QUALITY, keys, with_gaps) for keys in files.values()]
    told = pl.concat([METER_QUALITY.empty(), *rows]).join(place, on=[*SERIES, "local_date"], how="left")
    return told.with_columns(pl.col("gaps").fill_null(value=False))


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
