"""Final meter values: every interval judged by rules, and the missing and suspect ones estimated.

A day's judgement stands on its own intervals and on what the four weeks before it were like (``meter_quality``); its
estimates on the values that were found good from 30 days before it to the day after. So a day is made again when it
changes, what of it stands on another when that one does (``meter_days``), and its gaps once more when the next day is
there; the order of deliveries leaves no trace.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from assets.lake import buckets, feeder_balance, register_checks, stale_days
from assets.lake.derive import Built
from assets.lake.files import CityLake, Written, bucket_of
from assets.lake.meter_days import DAY, MeterDays
from assets.lake.meter_registers import Registers
from assets.lake.verdicts import judge
from assets.landing.deployment import Step
from quality.meter_grid import CHANNEL
from quality.tables import (
    FEEDER_BALANCE,
    METER_DECISIONS,
    METER_FINAL,
    METER_INTERVALS,
    METER_OUTAGES,
    METER_QUALITY,
    MISSING_READINGS,
    REGISTER_CHECKS,
    VEE_RULES,
)
from quality.vee.day_types import calendar
from quality.vee.estimate import estimate
from quality.vee.feeders import balance_verdict
from quality.vee.gaps import SPAN, Window
from quality.vee.kept import GOOD, Kept, differing, put_in_place
from quality.vee.missing import meters_read, missing_verdict, silent_verdict
from quality.vee.outages import supply_off
from quality.vee.rules import Context
from quality.vee.thresholds import Thresholds
from quality.vee.validate import vee_rules
from quality.vee.verdicts import meter_verdicts
from quality.vee.window import Floats, Ints
from quality.verdicts import Verdict, ascends, contract, keys, of_group, together

ASKED_WITHIN = timedelta(days=60)
"""Missing readings that are still worth asking for: until the second bill after them."""
_NONE = pl.Series("meter_id", [], pl.String)


def make(step: Step) -> Built:
    """Judge and estimate every day whose intervals changed, and what stands on them.

    A day that is to be made again is noted before what it stands on is written: no crash leaves one behind.
    """
    lake = CityLake.of(step)
    thresholds, registers = Thresholds.of(step.city.meter_thresholds), Registers.of(lake)
    _heed_people(lake)
    noted, made, files, verdicts = set[date](), set[date](), list[Written](), list[Verdict]()
    # What registers say of a period makes its days again once, not what is read of them: the second round is the last.
    while True:
        days = MeterDays(lake, thresholds, calendar(), registers, lake.read(REGISTER_CHECKS))
        work = _Work(days, lake.read(METER_OUTAGES))
        stale = set(stale_days.noted(lake, METER_INTERVALS))
        done, written, found = _make(work, stale)
        noted |= stale
        made |= done
        checked = register_checks.make(lake, made, registers, thresholds)
        stale_days.settle(lake, METER_INTERVALS, (stale | done) - checked.turned)
        files += [*written, *checked.files]
        verdicts = [*(found or verdicts), *checked.verdicts]
        if checked.turned.isdisjoint(lake.days(METER_INTERVALS)):
            break
    register_checks.settle(lake)
    # A night that was cut short may have written them already: those that were noted, and the day before each.
    changed = {day for file in files if file.table is METER_FINAL for day in file.days}
    changed |= {day - back for day in noted for back in (timedelta(), DAY)}
    files += feeder_balance.make(lake, changed, registers)
    newest = lake.newest(METER_FINAL)
    _tell_rules(lake, thresholds, step.day)
    ranges = lake.read(MISSING_READINGS, (step.day - ASKED_WITHIN, step.day))
    balance = lake.pick(FEEDER_BALANCE, [newest] if newest else [])
    silent = []
    if newest:
        silent = [silent_verdict(newest, lake.day(METER_QUALITY, newest), lake.day(METER_QUALITY, newest - DAY))]
    told = [
        *judge(step, METER_FINAL, (), newest, more=of_group("plausible", together(verdicts))),
        *judge(step, METER_QUALITY, lake.pieces(METER_QUALITY, made), newest),
        *judge(step, MISSING_READINGS, ranges, newest, more=[*silent, missing_verdict(ranges)]),
        *judge(step, FEEDER_BALANCE, balance, newest, more=[balance_verdict(balance)]),
    ]
    return Built(sorted(made), files, told)


def _heed_people(lake: CityLake) -> None:
    """Note the days that decisions and outages told since are about, with those whose estimates stand on them."""
    there = set(lake.days(METER_INTERVALS))
    for table in (METER_DECISIONS, METER_OUTAGES):
        told = stale_days.noted(lake, table)
        ahead = [day + timedelta(days=after) for day in told for after in range(SPAN + 1)]
        stale_days.note(lake, METER_INTERVALS, there.intersection(ahead))
        stale_days.settle(lake, table, told)


def _make(work: "_Work", stale: Collection[date]) -> tuple[set[date], list[Written], list[Verdict]]:
    """Make these days and those that stand on them: which were, their files and verdicts."""
    days, lake, due = work.days, work.days.lake, {*stale}
    there = set(lake.days(METER_INTERVALS))
    made, files, verdicts = set[date](), list[Written](), list[Verdict]()
    waiting: Sequence[Kept] = []
    others_read: date | None = None

    def finish(kept: Sequence[Kept], after: Sequence[Kept] = (), *, whole: bool = False) -> None:
        if kept:
            written, found = work.filled(kept, after, whole=whole)
            files.extend(written)
            verdicts.extend(found)

    while due:
        day = min(due)
        due.discard(day)
        made.add(day)
        if waiting and waiting[0].day != day - DAY:
            finish(waiting, whole=waiting[0].day in stale)
            waiting = []
        judged = None if day in stale else days.again(day)
        if judged is None:
            judged = days.whole(day)
        turned = work.turned[day] = differing(judged.before, judged.kept)
        finish(waiting, judged.kept, whole=day - DAY in stale)
        # A gap of the evening before may end in this day, though its meter was not judged again then.
        others = days.with_linked(turned.filter(~turned.is_in(_meters(waiting).implode())), day - DAY)
        finish(days.stored(day - DAY, others), judged.kept)
        if judged.found and (day in stale or turned.len()):
            verdicts += meter_verdicts(judged.found)
        later = {each for each in there if day < each <= day + timedelta(days=SPAN)}
        stored = lake.day(METER_QUALITY, day)
        if later and days.touch(day, judged, turned, stored):
            stale_days.note(lake, METER_INTERVALS, later - due)
            due |= later
        if not judged.quality.equals(stored):
            files += lake.put(METER_QUALITY, day, judged.quality)
        days.remember(day, judged.quality)
        # What a day lacks is told by the meters of the one before, too.
        if day in stale or day - DAY == others_read:
            files += lake.put(MISSING_READINGS, day, days.missing(day, judged.quality))
        if not meters_read(judged.quality).equals(meters_read(stored)):
            others_read = day
        if day in stale and not judged.kept:
            stale_days.note(lake, METER_FINAL, [day])
            files += lake.put(METER_FINAL, day, METER_FINAL.empty())
        waiting = judged.kept
    finish(waiting, whole=bool(waiting) and waiting[0].day in stale)
    return made, files, verdicts


def _tell_rules(lake: CityLake, thresholds: Thresholds, day: date) -> None:
    """Keep what the bits of flags mean, from the day on that it is so."""
    rules, newest = vee_rules(Context(thresholds), day), lake.newest(VEE_RULES, day)
    told = [name for name in rules.columns if name != VEE_RULES.day]
    if newest is None or not lake.day(VEE_RULES, newest).select(told).equals(rules.select(told)):
        lake.put(VEE_RULES, day, rules)


@dataclass(frozen=True)
class _Work:
    days: MeterDays
    outages: pl.DataFrame
    turned: dict[date, pl.Series] = field(default_factory=dict[date, pl.Series])
    """Meters of which anything is otherwise than before, by day."""

    def filled(self, day: Sequence[Kept], after: Sequence[Kept], *, whole: bool) -> tuple[list[Written], list[Verdict]]:
        """Write a day with its gaps filled as far as can be; ``after`` is what was judged of the day after, of other
        meters the lake tells it. Of a day that is not made ``whole`` those meters alone whose judgement, or what their
        estimates stand on, turned."""
        at, lake, files, verdicts = day[0].day, self.days.lake, list[Written](), list[Verdict]()
        gappy = _meters(day, [part.gaps for part in day])
        some = gappy if whole else self._to_fill(day, gappy)
        if not (whole or some.len()):
            return [], []
        unseen = gappy.filter(gappy.is_in(some.implode()) & ~gappy.is_in(_meters(after).implode()))
        following = [*after, *self.days.stored(at + DAY, unseen)]
        mine = pl.lit(value=True) if whole else pl.col("meter_id").is_in(some.implode())
        lake.recut(METER_FINAL, at)
        for bucket in lake.buckets(METER_FINAL):
            if not whole and not some.to_frame().filter(buckets.within(bucket)).height:
                continue
            held = lake.hold(METER_FINAL, at, bucket)
            parts = [
                self._rows(
                    each.within(buckets.within(bucket) & mine),
                    each,
                    bucket,
                    [part for part in following if part.minutes == each.minutes],
                )
                for each in day
            ]
            rows = pl.concat([METER_FINAL.empty(), held.rows.filter(~mine), *parts])
            if not ascends(rows, METER_FINAL.order):
                rows = rows.sort(METER_FINAL.order)
            verdicts += of_group("contract", (check(METER_FINAL, rows) for check in (keys, contract)))
            if rows.equals(held.rows):
                continue
            # Noted before the rows are there: no crash leaves one behind.
            stale_days.note(lake, METER_FINAL, [at])
            files += lake.swap(held, rows, [at])
        return files, verdicts

    def _to_fill(self, day: Sequence[Kept], gappy: pl.Series) -> pl.Series:
        """Meters of a day that was made before whose rows may be otherwise now."""
        at = day[0].day
        turned = pl.concat(self.turned.get(at + timedelta(days=days), _NONE) for days in range(-SPAN, 2))
        register = self.days.registers.in_force(at)
        checked = register.filter(pl.col("meter_id").is_in(turned.implode()))["check_of"].drop_nulls()
        turned = pl.concat([turned, checked])
        here = _meters(day)
        judged = here.filter(here.is_in(self.turned.get(at, _NONE).implode()))
        return pl.concat([judged, gappy.filter(gappy.is_in(turned.implode()))]).unique()

    def _rows(self, day: Kept, whole: Kept, bucket: str, after: Sequence[Kept]) -> pl.DataFrame:
        """Rows of ``METER_FINAL`` of a bucket of the ``whole`` day."""
        open_, made, register = day.gaps, None, self.days.registers.in_force(day.day)
        if len(open_):
            window = np.full((len(open_), SPAN + 2, day.slots), np.nan)
            window[:, SPAN] = day.value[open_]
            self._good(window, day, open_, bucket, after)
            first = day.day - timedelta(days=SPAN)
            types = self.days.calendar.day_types(first + timedelta(days=at) for at in range(SPAN + 2))
            meters = (
                day.channels[open_]
                .select("meter_id")
                .join(register.select("meter_id", "zone"), on="meter_id", how="left", maintain_order="left")
            )
            outage = supply_off(self.outages, meters, first, SPAN + 2, day.minutes)
            check = whole.of_checks(day.channels[open_], register)
            made = estimate(Window(window, types, day.minutes, SPAN, outage, check))
            made = replace(made, channel=open_[made.channel])
        rates, confidence = self.days.calendar.rates(day.day, day.minutes), self.days.calendar.confidence([day.day])
        return day.rows(made, rates.cast(pl.String), confidence)

    def _good(self, window: Floats, day: Kept, open_: Ints, bucket: str, after: Sequence[Kept]) -> None:
        """Put what was found good of the days around into a window of the channels ``open_``."""
        wanted = day.channels[open_].select(CHANNEL).with_row_index("_line")
        ids = wanted["meter_id"].unique().implode()
        for at in range(SPAN):
            that = day.day - timedelta(days=SPAN - at)
            for key in self._keys(that, bucket):
                scan = self.days.lake.scan(METER_FINAL, key)
                rows = scan.filter(pl.col("meter_id").is_in(ids), GOOD, pl.col("minutes") == day.minutes)
                put_in_place(window[:, at], rows.select(*CHANNEL, "start", "value_final").collect(), wanted, that)
        for part in after:
            following = part.good.filter(pl.col("meter_id").is_in(ids))
            put_in_place(window[:, SPAN + 1], following, wanted, part.day)

    def _keys(self, day: date, bucket: str) -> Iterator[str]:
        for key in self.days.lake.keys(METER_FINAL, (day, day)):
            if buckets.overlap(bucket, bucket_of(key)):
                yield key


def _meters(day: Sequence[Kept], lines: Sequence[Ints] | None = None) -> pl.Series:
    """Ids of a day's meters, or of those on some ``lines`` of each part."""
    ids = [part.channels["meter_id"] for part in day]
    if lines is not None:
        ids = [each.gather(pl.Series(of)) for each, of in zip(ids, lines, strict=True)]
    return pl.concat([_NONE, *ids]).unique()
