"""Final meter values: every interval judged by rules, and the missing and suspect ones estimated.

A day's judgement stands on its own intervals and on what the four weeks before it were like (``meter_quality``); its
estimates on the values that were found good from 30 days before it to the day after, and from its second look on to a
fortnight after. So a day is made again when it changes, what of it stands on another when that one does
(``meter_days``), and its gaps once more when the next day is there and at their ``second_look``; the order of
deliveries leaves no trace.
"""

from collections.abc import Sequence, Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from assets.lake import absent_days, buckets, feeder_balance, people, register_checks, scaling, stale_days
from assets.lake.derive import Built
from assets.lake.files import CityLake, Written
from assets.lake.good_values import GoodValues
from assets.lake.meter_days import DAY, Judgement, MeterDays
from assets.lake.meter_registers import Registers
from assets.lake.order import in_order
from assets.lake.second_look import AFTER, SecondLook
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
from quality.vee.estimate import Estimates, estimate
from quality.vee.feeders import balance_verdict
from quality.vee.gaps import SPAN, Window
from quality.vee.kept import Kept, as_estimated, of_checks, put_in_place
from quality.vee.missing import meters_read, missing_verdict, silent_verdict
from quality.vee.outages import supply_off
from quality.vee.rules import Context
from quality.vee.scaling import unscaled
from quality.vee.thresholds import Thresholds
from quality.vee.validate import vee_rules
from quality.vee.verdicts import meter_verdicts
from quality.vee.window import Floats, Ints
from quality.verdicts import Verdict, contract, keys, of_group, together

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
    written, left = dict[date, pl.Series](), {*stale_days.noted(lake, METER_FINAL)}
    # What registers say of a period makes its days again once, not what is read of them: the second round is the last.
    while True:
        days = MeterDays(lake, thresholds, calendar(), registers, lake.read(REGISTER_CHECKS))
        stale, delivered = set(stale_days.noted(lake, METER_INTERVALS)), stale_days.delivered(lake, METER_INTERVALS)
        # From here on a crash leaves nobody who knows which meters turned.
        stale_days.note(lake, METER_INTERVALS, delivered)
        look = SecondLook({*lake.days(METER_INTERVALS)}, stale)
        work = _Work(days, lake.read(METER_OUTAGES), look, delivered, GoodValues(lake), written)
        work.make()
        noted |= stale
        made |= work.made
        checked = register_checks.make(lake, made, registers, thresholds)
        scaling.looked(lake, look)
        stale_days.settle(lake, METER_INTERVALS, (stale | work.made | work.again) - checked.turned)
        files += [*work.files, *checked.files]
        verdicts = [*(work.verdicts or verdicts), *checked.verdicts]
        if checked.turned.isdisjoint(lake.days(METER_INTERVALS)):
            break
    register_checks.settle(lake)
    held_against = scaling.make(lake, {day: ids for day, ids in written.items() if day not in left})
    files += held_against.files
    verdicts += held_against.verdicts
    # Days that a night which was cut short wrote are noted still.
    files += feeder_balance.make(lake, {*stale_days.noted(lake, METER_FINAL), *noted}, registers)
    files += absent_days.make(lake, made)
    _tell_rules(lake, thresholds, step.day)
    verdicts += people.verdicts(lake, registers, step.day)
    return Built(sorted(made), files, _judged(step, made, verdicts))


def _judged(step: Step, made: AbstractSet[date], found: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts on what was made: those ``found`` on the way, and those on the newest day and what is missing."""
    lake = CityLake.of(step)
    newest = lake.newest(METER_FINAL)
    ranges = lake.read(MISSING_READINGS, (step.day - ASKED_WITHIN, step.day))
    balance = lake.pick(FEEDER_BALANCE, [newest] if newest else [])
    missing = [missing_verdict(ranges)]
    if newest:
        missing.append(silent_verdict(newest, lake.day(METER_QUALITY, newest), lake.day(METER_QUALITY, newest - DAY)))
    if (of_days := absent_days.verdict(lake, step.day)) is not None:
        missing.append(of_days)
    return [
        *judge(step, METER_FINAL, (), newest, more=of_group("plausible", together(found))),
        *judge(step, METER_QUALITY, lake.pieces(METER_QUALITY, made), newest),
        *judge(step, MISSING_READINGS, ranges, newest, more=missing),
        *judge(step, FEEDER_BALANCE, balance, newest, more=[balance_verdict(balance)]),
    ]


def _heed_people(lake: CityLake) -> None:
    """Note the days that decisions and outages told since are about, with those whose estimates stand on them."""
    there = set(lake.days(METER_INTERVALS))
    # A decision turns its day, whose meters are seen from the days before; an outage turns nothing that was judged.
    for table, back in ((METER_DECISIONS, 0), (METER_OUTAGES, AFTER)):
        told = stale_days.noted(lake, table)
        around = [day + timedelta(days=after) for day in told for after in range(-back, SPAN + 1)]
        stale_days.note(lake, METER_INTERVALS, there.intersection(around))
        stale_days.settle(lake, table, told)


def _tell_rules(lake: CityLake, thresholds: Thresholds, day: date) -> None:
    """Keep what the bits of flags mean, from the day on that it is so."""
    rules, newest = vee_rules(Context(thresholds), day), lake.newest(VEE_RULES, day)
    told = [name for name in rules.columns if name != VEE_RULES.day]
    if newest is None or not lake.day(VEE_RULES, newest).select(told).equals(rules.select(told)):
        lake.put(VEE_RULES, day, rules)


@dataclass(frozen=True)
class _Work:
    """A round over the days that are stale, and what it ``made``, with its ``files`` and ``verdicts``."""

    days: MeterDays
    outages: pl.DataFrame
    look: SecondLook
    delivered: AbstractSet[date]
    """Stale days of which nothing but the intervals of meters may be otherwise."""
    good: GoodValues
    written: dict[date, pl.Series]
    """Meters whose rows were written anew, by day."""
    turned: dict[date, pl.Series] = field(default_factory=dict[date, pl.Series])
    """Meters of which anything is otherwise than before, by day."""
    again: set[date] = field(default_factory=set[date])
    """Days whose second look may find something else than before."""
    due: set[date] = field(default_factory=set[date])
    """Days that are to be judged."""
    read_otherwise: set[date] = field(default_factory=set[date])
    """Days on which other meters were read than before."""
    made: set[date] = field(default_factory=set[date])
    files: list[Written] = field(default_factory=list[Written])
    verdicts: list[Verdict] = field(default_factory=list[Verdict])

    def make(self) -> None:
        """Make the stale days and those that stand on them, in order: a day's gaps wait for the next to be judged."""
        stale = self._stale()
        waiting: Sequence[Kept] = ()
        self.due.update(stale)
        while self.due:
            day = min(self.due)
            self.due.discard(day)
            if waiting and waiting[0].day != day - DAY:
                self._fill(waiting, ())
                waiting = ()
            judged = (None if day in stale else self.days.again(day)) or self.days.whole(day)
            self._turn(day, judged.turned)
            self._expect(judged.kept)
            self._fill(waiting, judged.kept)
            # A gap of the evening before may end in this day, though its meter was not judged again then.
            others = judged.turned.filter(~judged.turned.is_in(_meters(waiting).implode()))
            if not self.look.at(day - DAY):
                self._fill(self.days.stored(day - DAY, self.days.with_linked(others, day - DAY)), judged.kept)
            self._keep(day, judged, noted=day in stale)
            waiting = judged.kept
            del judged  # before its gaps are filled: a large city's day is gigabytes
        self._fill(waiting, ())
        self.again.update(filter(self.look.at, self.made & self.look.there))
        for day in sorted(self.again):
            self._look_again(day)

    def _stale(self) -> AbstractSet[date]:
        """The days to be judged whole; those that only get their second look are noted, and in ``again``."""
        look = self.look
        turning = {day for day in look.there if look.turns(day)}
        stale_days.note(self.days.lake, METER_INTERVALS, turning - look.stale)
        self.again.update(filter(look.at, turning))
        for day in self.again:
            self.good.expect(self.days.lacking(day))
        return look.stale | (turning - self.again)

    def _turn(self, day: date, meters: pl.Series) -> None:
        """These meters of a day are otherwise than before: days are noted whose second look sees them."""
        self.turned[day] = meters
        if meters.len():
            stale_days.note(self.days.lake, METER_INTERVALS, self.look.seeing(day) - self.again - self.look.stale)
            self.again.update(self.look.seeing(day))

    def _keep(self, day: date, judged: Judgement, *, noted: bool) -> None:
        """Write what is told of a day that was judged, beside its values; later days may be due for it."""
        lake, stored = self.days.lake, self.days.lake.day(METER_QUALITY, day)
        self.made.add(day)
        if judged.tallies and (noted or judged.turned.len()):
            self.verdicts.extend(meter_verdicts(day, judged.tallies))
        later = {each for each in self.look.there if day < each <= day + timedelta(days=SPAN)}
        if later and self.days.touch(day, judged, stored):
            stale_days.note(lake, METER_INTERVALS, later - self.due)
            self.due.update(later)
        if not judged.quality.equals(stored):
            self.files.extend(lake.put(METER_QUALITY, day, judged.quality))
        self.days.remember(day, judged.quality)
        # What a day lacks is told by the meters of the one before, too.
        if noted or day - DAY in self.read_otherwise:
            self.files.extend(lake.put(MISSING_READINGS, day, self.days.missing(day, judged.quality)))
        if not meters_read(judged.quality).equals(meters_read(stored)):
            self.read_otherwise.add(day)
        if noted and not judged.kept:
            stale_days.note(lake, METER_FINAL, [day])
            self.files.extend(lake.put(METER_FINAL, day, METER_FINAL.empty()))
            self.good.forget(day)

    def _whole(self, at: date) -> bool:
        """Whether all gaps of a day are to be filled, since more may be otherwise than what meters delivered."""
        looked_no_more = self.look.turns(at) and not self.look.at(at)
        return looked_no_more or (at in self.look.stale and at not in self.delivered)

    def _look_again(self, at: date) -> None:
        """Fill the gaps of a day as the days after it tell, of meters that may be seen otherwise now."""
        some = self.days.lacking(at)
        if not (self._whole(at) or self.look.turns(at)):
            some = some.filter(some.is_in(self._turned_around(at, AFTER).implode()))
        kept = self.days.stored(at, self.days.with_linked(some, at))
        if some.len():
            self._write(kept, None, some)

    def _fill(self, day: Sequence[Kept], after: Sequence[Kept]) -> None:
        """Write a day, if any, with what of its gaps may be filled otherwise now that the day ``after`` is judged."""
        if day:
            self._write(day, after, self._to_fill(day))

    def _write(self, day: Sequence[Kept], after: Sequence[Kept] | None, some: pl.Series | None) -> None:
        """Write a day, or ``some`` of its meters, with its gaps filled as far as can be.

        ``after`` is what was judged of the day after, of other meters the lake tells it. None is the second look, when
        the lake tells all days around; gaps of a day that has it keep until then what they were filled with.
        """
        at, lake = day[0].day, self.days.lake
        whole, until_then = some is None, after is not None and self.look.at(at)
        gappy = _meters(day, [part.gaps for part in day])
        if some is None:
            some = gappy
        # Of a day that was noted all rows are judged, whatever of them is written again.
        elif not some.len() and at not in self.look.stale:
            return
        if after is not None and not until_then:
            unseen = gappy.filter(gappy.is_in(some.implode()) & ~gappy.is_in(_meters(after).implode()))
            after = [*after, *self.days.stored(at + DAY, unseen)]
        lake.recut(METER_FINAL, at)
        for bucket in lake.buckets(METER_FINAL):
            # Those of the bucket alone: all of a large city would be looked up in for each.
            here = some.to_frame().filter(buckets.within(bucket)).to_series()
            untouched = not whole and here.is_empty()
            if untouched and at not in self.look.stale:
                continue
            held = lake.hold(METER_FINAL, at, bucket)
            if untouched:
                self.verdicts.extend(_sound(held.rows))
                continue
            mine = pl.lit(value=True) if whole else pl.col("meter_id").is_in(here.implode())
            these = [each.within(buckets.within(bucket) & mine) for each in day if _may_be_in(bucket, each)]
            made = [None if until_then else self._estimates(part, day, bucket, after) for part in these]
            parts = [part.rows(found, *self._rates(part)) for part, found in zip(these, made, strict=True)]
            others = held.rows.filter(~mine)
            rows = pl.concat([METER_FINAL.empty(), others, *parts])
            if others.height or len(parts) > 1:  # one part alone is in order
                rows = in_order(rows, METER_FINAL.order)
            before = unscaled(held.rows)
            if until_then:
                rows = as_estimated(rows, before)
            self.verdicts.extend(_sound(rows))
            if unscaled(rows).equals(before):
                continue
            self.written[at] = pl.concat([self.written.get(at, _NONE), rows["meter_id"].unique() if whole else here])
            # Noted before the rows are there: no crash leaves one behind.
            stale_days.note(lake, METER_FINAL, [at])
            self.files.extend(lake.swap(held, rows, [at]))
        self.good.forget(at)

    def _to_fill(self, day: Sequence[Kept]) -> pl.Series | None:
        """Meters of a day whose rows may be otherwise now, those among them that the day no longer has; None for
        all."""
        at, here, judged = day[0].day, _meters(day), self.turned.get(day[0].day, _NONE)
        if self._whole(at):
            return None
        if at not in self.delivered:
            judged = here.filter(here.is_in(judged.implode()))
        if self.look.at(at):
            return judged
        gappy = _meters(day, [part.gaps for part in day])
        return pl.concat([judged, gappy.filter(gappy.is_in(self._turned_around(at, 1).implode()))]).unique()

    def _expect(self, day: Sequence[Kept]) -> None:
        """Gaps of a day are going to be filled, after those of the day before."""
        if day:
            some, gappy = self._to_fill(day), _meters(day, [part.gaps for part in day])
            self.good.expect(gappy if some is None else gappy.filter(gappy.is_in(some.implode())))

    def _turned_around(self, at: date, ahead: int) -> pl.Series:
        """Meters of which anything that the estimates of a day stand on is otherwise."""
        turned = pl.concat(self.turned.get(at + timedelta(days=days), _NONE) for days in range(-SPAN, ahead + 1))
        register = self.days.registers.in_force(at)
        checked = register.filter(pl.col("meter_id").is_in(turned.implode()))["check_of"].drop_nulls()
        return pl.concat([turned, checked])

    def _rates(self, day: Kept) -> tuple[pl.Series, str]:
        """The calendar's rate of each slot, and how sure it is."""
        calendar = self.days.calendar
        return calendar.rates(day.day, day.minutes).cast(pl.String), calendar.confidence([day.day])

    def _estimates(
        self, day: Kept, whole: Sequence[Kept], bucket: str, after: Sequence[Kept] | None
    ) -> Estimates | None:
        """For the gaps of a bucket of the ``whole`` day; ``after`` as in ``_write``."""
        open_, register = day.gaps, self.days.registers.in_force(day.day)
        if not len(open_):
            return None
        window = np.full((len(open_), SPAN + 1 + (AFTER if after is None else 1), day.slots), np.nan)
        window[:, SPAN] = day.values(open_)
        self._good(window, day, open_, bucket, after)
        first, days = day.day - timedelta(days=SPAN), window.shape[1]
        types = self.days.calendar.day_types(first + timedelta(days=at) for at in range(days))
        here = register.filter(buckets.within(bucket)).select("meter_id", "zone")
        meters = day.channels[open_].select("meter_id").join(here, on="meter_id", how="left", maintain_order="left")
        outage = supply_off(self.outages, meters, first, days, day.minutes)
        check = of_checks(whole, day.channels[open_], register, day.minutes)
        made = estimate(Window(window, types, day.minutes, SPAN, outage, check))
        return replace(made, channel=open_[made.channel])

    def _good(self, window: Floats, day: Kept, open_: Ints, bucket: str, after: Sequence[Kept] | None) -> None:
        """Put what was found good of the days around into a window of the channels ``open_``."""
        wanted = day.channels[open_].select(CHANNEL).with_row_index("_line")
        these = pl.col("meter_id").is_in(wanted["meter_id"].unique().implode())
        for at in [*range(SPAN), *(range(SPAN + 1, window.shape[1]) if after is None else ())]:
            self.good.put(window[:, at], wanted, day.day + timedelta(days=at - SPAN), bucket)
        for part in after or ():
            if part.minutes == day.minutes and _may_be_in(bucket, part):
                put_in_place(window[:, SPAN + 1], part.within(these).good, wanted, part.day)


def _sound(rows: pl.DataFrame) -> list[Verdict]:
    return of_group("contract", (check(METER_FINAL, rows) for check in (keys, contract)))


def _may_be_in(bucket: str, part: Kept) -> bool:
    ids = part.channels["meter_id"]
    return ids.len() > 0 and buckets.may_hold(bucket, ids[0], ids[-1])


def _meters(day: Sequence[Kept], lines: Sequence[Ints] | None = None) -> pl.Series:
    """Ids of a day's meters, or of those on some ``lines`` of each part."""
    ids = [part.channels["meter_id"] for part in day]
    if lines is not None:
        ids = [each.gather(pl.Series(of)) for each, of in zip(ids, lines, strict=True)]
    return pl.concat([_NONE, *ids]).unique()
