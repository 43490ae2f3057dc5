"""Registers against themselves and against intervals, for the reads that came and those whose days changed."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from assets.lake import scaling, stale_days
from assets.lake.files import CityLake, Written
from assets.lake.meter_registers import Registers
from quality.tables import METER_INTERVALS, METER_QUALITY, REGISTER_CHECKS, REGISTER_READS
from quality.vee.registers import FIRST, LAST, LONGEST, MULTIPLIERS, failing, register_checks
from quality.vee.thresholds import Thresholds
from quality.vee.verdicts import register_verdicts
from quality.verdicts import Verdict


class Checked(NamedTuple):
    """What was checked: ``turned`` are the days of periods whose intervals did or did not add up before, and now are
    otherwise."""

    files: Sequence[Written]
    verdicts: Sequence[Verdict]
    turned: frozenset[date]


def make(lake: CityLake, made: Collection[date], registers: Registers, thresholds: Thresholds) -> Checked:
    """Check the reads that came since, and those of periods that hold one of the days that were ``made``."""
    came = stale_days.noted(lake, REGISTER_READS)
    touched = {*came, *made}
    reads = lake.read(REGISTER_READS, (min(touched) - LONGEST, max(touched) + LONGEST)) if touched else None
    if reads is None or not (reads.height or came):
        return Checked([], [], frozenset())
    meters = reads["meter_id"].unique().implode()
    days = [day for day in lake.days(METER_QUALITY) if min(touched) - 2 * LONGEST <= day <= max(touched) + LONGEST]
    quality = [rows.filter(pl.col("meter_id").is_in(meters)) for rows in lake.pieces(METER_QUALITY, days)]
    told = [
        registers.in_force(day).filter(pl.col("meter_id").is_in(meters)).with_columns(local_date=pl.lit(day))
        for day in pl.concat([reads["local_date"], reads.select(FIRST).to_series()]).drop_nulls().unique().sort()
    ]
    known = pl.concat([MULTIPLIERS.to_frame(), *(each.select(MULTIPLIERS.names()) for each in told)])
    checks = register_checks(reads, pl.concat([METER_QUALITY.empty(), *quality]), known, thresholds)
    holds = pl.any_horizontal(pl.lit(value=False), *(pl.lit(day).is_between(FIRST, LAST) for day in made))
    of_days = sorted({*came, *checks.filter(holds)["local_date"]})
    stored, checks = lake.pick(REGISTER_CHECKS, of_days), checks.filter(pl.col("local_date").is_in(of_days))
    before, now = failing(stored), failing(checks)
    turned = pl.concat([now.join(before, on=now.columns, how="anti"), before.join(now, on=now.columns, how="anti")])
    days_of = scaling.days_of(turned)
    # Noted before the checks are there, of which nothing would tell after a crash that they had turned.
    stale_days.note(lake, METER_INTERVALS, days_of & {*lake.days(METER_INTERVALS)})
    scaling.note(lake, stored, checks)
    files = [file for day in of_days for file in lake.put(REGISTER_CHECKS, day, checks.filter(local_date=day))]
    return Checked(files, register_verdicts(checks), frozenset(days_of))


def settle(lake: CityLake) -> None:
    """The checks of all reads are made, and so is what stands on them."""
    stale_days.settle(lake, REGISTER_READS, stale_days.noted(lake, REGISTER_READS))
