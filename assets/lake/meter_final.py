"""Final meter values: every interval judged by rules, and the missing and suspect ones estimated.

A day's judgement stands on its own intervals and on what the four weeks before it were like (``meter_quality``); its
estimates on the values that were found good from 30 days before it to the day after. So a day is made again when it
or one it stands on changes, and its gaps once more when the next day is there; the order of deliveries leaves no trace.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from assets.lake import buckets, feeder_balance, ingest, register_checks
from assets.lake.derive import Built
from assets.lake.files import CityLake, Written, bucket_of
from assets.lake.verdicts import judge
from assets.landing.deployment import Step
from quality.meter_grid import CHANNEL, ZONE
from quality.tables import (
    FEEDER_BALANCE,
    IS_CUSTOMER,
    METER_DECISIONS,
    METER_FINAL,
    METER_INTERVALS,
    METER_OUTAGES,
    METER_QUALITY,
    METER_SUPERSEDED,
    MISSING_READINGS,
    REGISTER_CHECKS,
    VEE_RULES,
)
from quality.vee import registers
from quality.vee.day_types import SPECIAL, Calendar, calendar
from quality.vee.decisions import Decided
from quality.vee.estimate import estimate
from quality.vee.feeders import balance_verdict
from quality.vee.gaps import SPAN, Window
from quality.vee.history import REACH, History, PastDay
from quality.vee.kept import GOOD, Kept, differing, put_in_place
from quality.vee.missing import missing_readings, missing_verdict, silent_verdict
from quality.vee.outages import supply_off
from quality.vee.rules import RULES, Context
from quality.vee.thresholds import Thresholds
from quality.vee.validate import Judged, judge as by_rules, meter_quality, vee_rules
from quality.vee.verdicts import meter_verdicts
from quality.vee.window import RATES, Floats, Ints, MeterDay
from quality.verdicts import Verdict, contract, keys, of_group, together

DAY = timedelta(days=1)
ASKED_WITHIN = timedelta(days=60)
"""Missing readings that are still worth asking for: until the second bill after them."""
SUM_CHECK = next(rule.mask for rule in RULES if rule.code == "sum_check")
_READ = (
    *CHANNEL,
    "unit",
    "start",
    "minutes",
    "local_date",
    "value_delivered",
    "quality",
    "rate_raw",
    "_receipt",
    "clock_seconds",
)
_NONE = pl.Series("meter_id", [], pl.String)
_RATE_BITS = {"peak": RATES["A"], "off": RATES["B"], "holiday": RATES["C"]}


def make(step: Step) -> Built:
    """Judge and estimate every day whose intervals changed, and what stands on them.

    A day that is to be made again is noted before what it stands on is written: no crash leaves one behind.
    """
    lake = CityLake.of(step)
    thresholds, register = Thresholds.of(step.city.meter_thresholds), ingest.latest_register(step)
    _heed_people(lake)
    noted, made, files, verdicts = set[date](), set[date](), list[Written](), list[Verdict]()
    # What registers say of a period makes its days again once, not what is read of them: the second round is the last.
    while True:
        work = _Work(lake, thresholds, calendar(), register, lake.read(REGISTER_CHECKS), lake.read(METER_OUTAGES))
        stale = set(ingest.stale_days(lake, METER_INTERVALS))
        done, written, found = _make(work, stale)
        noted |= stale
        made |= done
        checked = register_checks.make(lake, made, register, thresholds)
        ingest.settle(lake, METER_INTERVALS, (stale | done) - checked.turned)
        files += [*written, *checked.files]
        verdicts = [*(found or verdicts), *checked.verdicts]
        if checked.turned.isdisjoint(lake.days(METER_INTERVALS)):
            break
    register_checks.settle(lake)
    # A night that was cut short may have written them already: those that were noted, and the day before each.
    changed = {day for file in files if file.table is METER_FINAL for day in file.days}
    changed |= {day - back for day in noted for back in (timedelta(), DAY)}
    files += feeder_balance.make(lake, changed, register)
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
        told = ingest.stale_days(lake, table)
        ahead = [day + timedelta(days=after) for day in told for after in range(SPAN + 1)]
        ingest.mark_stale(lake, METER_INTERVALS, there.intersection(ahead))
        ingest.settle(lake, table, told)


def _make(work: "_Work", stale: Collection[date]) -> tuple[set[date], list[Written], list[Verdict]]:
    """Make these days and those that stand on them: which were, their files and verdicts."""
    lake, due = work.lake, {*stale}
    there = set(lake.days(METER_INTERVALS))
    made, files, verdicts = set[date](), list[Written](), list[Verdict]()
    waiting: list[Kept] = []
    other: date | None = None

    def finish(kept: Sequence[Kept], after: Sequence[Kept] | None) -> None:
        if kept:
            written, found = work.filled(kept, after, whole=kept[0].day in stale)
            files.extend(written)
            verdicts.extend(found)

    while due:
        day = min(due)
        due.discard(day)
        made.add(day)
        if waiting and waiting[0].day != day - DAY:
            finish(waiting, None)
            waiting = []
        pieces = [piece.select(*_READ, "_delivered") for piece in lake.pieces(METER_INTERVALS, [day])]
        kept, quality, found = work.judged(day, pieces)
        turned = differing(work.stored(day), kept)
        work.turned[day] = turned
        finish(waiting or (work.stored(day - DAY) if turned.len() else []), kept)
        if found and (day in stale or turned.len()):
            verdicts += meter_verdicts(found)
        is_other = not quality.equals(lake.day(METER_QUALITY, day))
        if turned.len() or is_other:
            later = {each for each in there if day < each <= day + timedelta(days=SPAN)} - due
            ingest.mark_stale(lake, METER_INTERVALS, later)
            due |= later
            files += lake.put(METER_QUALITY, day, quality)
        if day in stale or day - DAY == other:
            files += lake.put(MISSING_READINGS, day, work.missing(day, pieces))
        other = day if is_other else other
        if not kept:
            ingest.mark_stale(lake, METER_FINAL, [day])
            files += lake.put(METER_FINAL, day, METER_FINAL.empty())
        waiting = kept
    finish(waiting, None)
    return made, files, verdicts


def _tell_rules(lake: CityLake, thresholds: Thresholds, day: date) -> None:
    """Keep what the bits of flags mean, from the day on that it is so."""
    rules, newest = vee_rules(Context(thresholds), day), lake.newest(VEE_RULES, day)
    told = [name for name in rules.columns if name != VEE_RULES.day]
    if newest is None or not lake.day(VEE_RULES, newest).select(told).equals(rules.select(told)):
        lake.put(VEE_RULES, day, rules)


@dataclass(frozen=True)
class _Work:
    lake: CityLake
    thresholds: Thresholds
    calendar: Calendar
    register: pl.DataFrame
    checks: pl.DataFrame
    outages: pl.DataFrame

    def judged(self, day: date, pieces: Sequence[pl.DataFrame]) -> tuple[list[Kept], pl.DataFrame, list[Judged]]:
        """A day of these ``METER_INTERVALS`` by the rules: what is used of it, its rows of ``METER_QUALITY``, and what
        was found."""
        known = _of_rules(self.register)
        past = self._before(day)
        before = [day - timedelta(days=back) for back in range(1, REACH.days + 1)]
        types = self.calendar.day_types([day, *before])
        like = [each for each, kind in zip(before, types[1:], strict=True) if kind == types[0] != SPECIAL]
        superseded = self.lake.day(METER_SUPERSEDED, day)
        delivered = pl.concat([pl.Series("_delivered", [day]), *(piece["_delivered"] for piece in pieces)]).max()
        assert isinstance(delivered, date)
        decisions = self.lake.day(METER_DECISIONS, day)
        about = pl.col("meter_id").is_in(decisions["meter_id"].unique().implode())
        told = pl.concat([METER_INTERVALS.empty().select(*_READ, "_delivered"), *(p.filter(about) for p in pieces)])
        now = datetime.combine(delivered + DAY, time(), ZoneInfo(ZONE))
        kept, quality, found = [], [METER_QUALITY.empty()], []
        for of_length, exact in _by_length(pieces, known):
            rates = self.calendar.rates(day, of_length.minutes)
            context = Context(
                self.thresholds,
                history=History.of(past, of_length, like),
                now=now,
                superseded=superseded,
                sum_fails=registers.sum_fails(self._compared, of_length) if self._compared.height else None,
                rates=rates.cast(pl.String).replace_strict(_RATE_BITS, default=0, return_dtype=pl.UInt8).to_numpy(),
            )
            judged = by_rules(of_length, context)
            if context.sum_fails is not None:  # of meters without a register nothing was added up
                ran = registers.sum_fails(self._compared.with_columns(outcome=pl.lit("fails")), of_length)
                judged.rules_run[~ran] &= ~SUM_CHECK
            decided = None
            if decisions.height:
                decided = Decided.of(decisions, of_length, told, superseded.filter(about))
                judged = replace(judged, accepted=decided.accepted(judged.flags.shape))
            quality.append(meter_quality(judged, context))
            kept.append(Kept.judged(judged, exact, self.thresholds.version, decided))
            found.append(judged)
        of_day = pl.concat(quality).sort(METER_QUALITY.order)
        self.remember(day, of_day)
        return kept, of_day, found

    def missing(self, day: date, pieces: Sequence[pl.DataFrame]) -> pl.DataFrame:
        """``MISSING_READINGS`` rows of a day of these ``METER_INTERVALS``."""
        rows = pl.concat([METER_INTERVALS.empty().select(*_READ, "_delivered"), *pieces])
        superseded, decisions = (self.lake.day(table, day) for table in (METER_SUPERSEDED, METER_DECISIONS))
        return missing_readings(rows, superseded, decisions, self.lake.day(METER_QUALITY, day - DAY))

    def _before(self, day: date) -> list[PastDay]:
        """The days before a day as they were judged, the first first. Days come in order, and each is read once."""
        wanted = [day - timedelta(days=back) for back in range(REACH.days, 0, -1)]
        for each in [*self._past]:
            if each < wanted[0]:
                del self._past[each]
        for each in wanted:
            if each not in self._past:
                self.remember(each, self.lake.day(METER_QUALITY, each))
        return [found for each in wanted if (found := self._past[each]) is not None]

    def remember(self, day: date, quality: pl.DataFrame) -> None:
        """Hold later days against these ``METER_QUALITY`` rows of a day."""
        found = PastDay.of(quality, self.thresholds) if quality.height else None
        known = next((other.keys for other in reversed(self._past.values()) if other is not None), None)
        if found is not None and known is not None and known.equals(found.keys):
            found = replace(found, keys=known)
        self._past[day] = found

    @cached_property
    def _past(self) -> dict[date, PastDay | None]:
        return {}

    @cached_property
    def turned(self) -> dict[date, pl.Series]:
        """Meters of which other values are used of a day than before."""
        return {}

    @cached_property
    def _zones(self) -> pl.DataFrame:
        return self.register.select("meter_id", "zone")

    @cached_property
    def _compared(self) -> pl.DataFrame:
        return self.checks.filter(pl.col("check") == "intervals", pl.col("outcome").is_in(["ok", "fails"]))

    def stored(self, day: date) -> list[Kept]:
        """A day as it was judged when it was made."""
        return Kept.stored(pl.concat([METER_FINAL.empty(), *self.lake.pieces(METER_FINAL, [day])]))

    def filled(
        self, day: Sequence[Kept], after: Sequence[Kept] | None, *, whole: bool
    ) -> tuple[list[Written], list[Verdict]]:
        """Write a day with its gaps filled as far as can be; ``after`` is the day after, from the lake where None. Of a
        day that is not made ``whole`` those meters alone whose judgement, or what their estimates stand on, turned."""
        at, files, verdicts = day[0].day, list[Written](), list[Verdict]()
        some = None if whole else self._to_fill(day).implode()
        if some is not None and not some[0].len():
            return [], []
        following = self.stored(at + DAY) if after is None else after
        self.lake.recut(METER_FINAL, at)
        for bucket in self.lake.buckets(METER_FINAL):
            held = self.lake.hold(METER_FINAL, at, bucket)
            ids = buckets.within(bucket) if some is None else buckets.within(bucket) & pl.col("meter_id").is_in(some)
            parts = [
                self._rows(each.within(ids), each, bucket, [part for part in following if part.minutes == each.minutes])
                for each in day
            ]
            rows = pl.concat([METER_FINAL.empty(), *parts])
            if some is not None:
                rows = pl.concat([held.rows.filter(~pl.col("meter_id").is_in(some)), rows])
            rows = rows.sort(METER_FINAL.order)
            verdicts += of_group("contract", (check(METER_FINAL, rows) for check in (keys, contract)))
            if rows.equals(held.rows):
                continue
            # Noted before the rows are there: no crash leaves one behind.
            ingest.mark_stale(self.lake, METER_FINAL, [at])
            files += self.lake.swap(held, rows, [at])
        return files, verdicts

    def _to_fill(self, day: Sequence[Kept]) -> pl.Series:
        """Meters of a day that was made before whose rows may be otherwise now."""
        at = day[0].day
        around = (self.turned.get(at + timedelta(days=days)) for days in range(-SPAN, 2))
        turned = pl.concat([_NONE, *(meters for meters in around if meters is not None)])
        checked = self.register.filter(pl.col("meter_id").is_in(turned.implode()))["check_of"].drop_nulls()
        turned = pl.concat([turned, checked])
        gappy = pl.concat([_NONE, *(part.channels["meter_id"].gather(pl.Series(part.gaps)) for part in day)])
        return pl.concat([self.turned.get(at, _NONE), gappy.filter(gappy.is_in(turned.implode()))]).unique()

    def _rows(self, day: Kept, whole: Kept, bucket: str, after: Sequence[Kept]) -> pl.DataFrame:
        """Rows of ``METER_FINAL`` of a bucket of the ``whole`` day."""
        open_, made = day.gaps, None
        if len(open_):
            window = np.full((len(open_), SPAN + 2, day.slots), np.nan)
            window[:, SPAN] = day.value[open_]
            self._good(window, day, open_, bucket, after)
            first = day.day - timedelta(days=SPAN)
            types = self.calendar.day_types(first + timedelta(days=at) for at in range(SPAN + 2))
            meters = (
                day.channels[open_]
                .select("meter_id")
                .join(self._zones, on="meter_id", how="left", maintain_order="left")
            )
            outage = supply_off(self.outages, meters, first, SPAN + 2, day.minutes)
            check = whole.of_checks(day.channels[open_], self.register)
            made = estimate(Window(window, types, day.minutes, SPAN, outage, check))
            made = replace(made, channel=open_[made.channel])
        rates, confidence = self.calendar.rates(day.day, day.minutes), self.calendar.confidence([day.day])
        return day.rows(made, rates.cast(pl.String), confidence)

    def _good(self, window: Floats, day: Kept, open_: Ints, bucket: str, after: Sequence[Kept]) -> None:
        """Put what was found good of the days around into a window of the channels ``open_``."""
        wanted = day.channels[open_].select(CHANNEL).with_row_index("_line")
        ids = wanted["meter_id"].unique().implode()
        for at in range(SPAN):
            that = day.day - timedelta(days=SPAN - at)
            for key in self._keys(that, bucket):
                scan = self.lake.scan(METER_FINAL, key)
                rows = scan.filter(pl.col("meter_id").is_in(ids), GOOD, pl.col("minutes") == day.minutes)
                put_in_place(window[:, at], rows.select(*CHANNEL, "start", "value_final").collect(), wanted, that)
        for part in after:
            following = part.good.filter(pl.col("meter_id").is_in(ids))
            put_in_place(window[:, SPAN + 1], following, wanted, part.day)

    def _keys(self, day: date, bucket: str) -> Iterator[str]:
        for key in self.lake.keys(METER_FINAL, (day, day)):
            if buckets.overlap(bucket, bucket_of(key)):
                yield key


def _of_rules(register: pl.DataFrame) -> pl.DataFrame:
    """What rules know of meters. One that is no customer's is like none of a zone and class, so it has none."""
    of_customer = (pl.when(IS_CUSTOMER).then(name).alias(name) for name in ("zone", "customer_class"))
    return register.select("meter_id", "check_of", *of_customer)


def _by_length(pieces: Sequence[pl.DataFrame], register: pl.DataFrame) -> Iterator[tuple[MeterDay, pl.Series]]:
    """The day as arrays, one for each length of intervals, with the exact values in the same places."""
    parts: dict[int, list[tuple[MeterDay, pl.Series]]] = {}
    for piece in pieces:
        for found in MeterDay.of(piece, register):
            exact = piece["value_delivered"].gather(pl.Series(found.row.ravel()).replace(-1, None))
            parts.setdefault(found.minutes, []).append((found, exact))
    for _, of_length in sorted(parts.items()):
        yield MeterDay.together([day for day, _ in of_length]), pl.concat([exact for _, exact in of_length])
