"""The judgement of a city's meter days, each held against those before it as ``METER_QUALITY`` keeps them.

What changes of a meter's day is seen in its later days, and through rules about groups in those of other meters. So of
a later day those meters alone are judged again whose past is otherwise, as long as what all have in common stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from assets.lake import buckets
from assets.lake.files import CityLake
from assets.lake.keys import bucket_of
from assets.lake.meter_registers import Registers
from assets.lake.order import in_order
from quality.meter_grid import CHANNEL, ZONE
from quality.tables import (
    IS_CUSTOMER,
    METER_DECISIONS,
    METER_FINAL,
    METER_INTERVALS,
    METER_QUALITY,
    METER_SUPERSEDED,
)
from quality.vee import registers
from quality.vee.day_types import SPECIAL, WEEKDAY, Calendar
from quality.vee.decisions import Decided
from quality.vee.gaps import SPAN
from quality.vee.history import REACH, History, PastDay, differing_days
from quality.vee.kept import USED, Kept, differing, in_millionths
from quality.vee.missing import missing_readings
from quality.vee.rules import Context
from quality.vee.rules.others import energies
from quality.vee.rules.rule import Figures, Look
from quality.vee.thresholds import Thresholds
from quality.vee.validate import (
    OF_GROUPS,
    SUSPECT,
    Masks,
    groups_stand,
    judge,
    mask,
    meter_quality,
    of_groups,
)
from quality.vee.verdicts import tallied
from quality.vee.window import RATES, Ints, MeterDay

DAY: Final = timedelta(days=1)
FEW: Final = 0.25
"""Share of a day's meters up to which they are judged apart: looking for more of them saves nothing."""
_NONE: Final = pl.Series("meter_id", [], pl.String)
_RATE_BITS: Final = {"peak": RATES["A"], "off": RATES["B"], "holiday": RATES["C"]}


class Judgement(NamedTuple):
    """Of a day, or of some of its meters, in parts: ``kept`` is what it is now, ``quality`` the ``METER_QUALITY`` rows
    of the whole day, and ``tallies`` what rules found of these meters. ``turned`` are those of which anything is
    otherwise than it was stored, ``used`` those of them of which a value is."""

    kept: Sequence[Kept]
    quality: pl.DataFrame
    tallies: Sequence[pl.DataFrame]
    turned: pl.Series
    used: pl.Series


class _About(NamedTuple):
    """What is the same for all meters of a day: when it is judged, in which lengths a rate is told, what the register
    knows, the days before it as they were judged and those of them that are like it (``off``: that it may rest like,
    where it is a day off), the day's other tables, and the files in which its final values are ``stored``."""

    day: date
    now: datetime
    rated: frozenset[int]
    known: pl.DataFrame
    past: Sequence[PastDay]
    like: Sequence[date]
    off: Sequence[date]
    superseded: pl.DataFrame
    decisions: pl.DataFrame
    stored: Sequence[str]


class _Part(NamedTuple):
    """A bucket of a day that was judged: ``told`` is what was known of groups of the ``channels`` it was judged with,
    and ``looked`` what it tells of them, with the keys of its own, for each length of intervals (``minutes``)."""

    channels: pl.DataFrame
    told: pl.DataFrame
    looked: Sequence[tuple[int, pl.DataFrame, Mapping[Look, Figures]]]
    kept: Sequence[Kept]
    quality: Sequence[pl.DataFrame]
    tallies: Sequence[pl.DataFrame]
    turned: pl.Series
    used: pl.Series

    def stands(self, told: pl.DataFrame) -> bool:
        """Whether these are what it was judged with."""
        return told.join(self.channels, on=self.channels.columns, how="semi", maintain_order="left").equals(self.told)


_GROUPS: Final = pl.Schema({**dict.fromkeys(CHANNEL, pl.String), "minutes": pl.Int32, "bits": pl.UInt64})
"""Channels that break rules about groups, and the bits of these."""


@dataclass(frozen=True)
class MeterDays:
    """Judges the days of a city, which come in order. ``checks`` are its ``REGISTER_CHECKS`` rows."""

    lake: CityLake
    thresholds: Thresholds
    calendar: Calendar
    registers: Registers
    checks: pl.DataFrame
    touched: dict[date, pl.Series] = field(default_factory=dict)
    """Meters of which later days and their estimates may stand on something else than before, by day."""
    _past: dict[date, PastDay | None] = field(default_factory=dict)

    def whole(self, day: date) -> Judgement:
        """A day by the rules, bucket after bucket. Buckets whose meters share a fault with others, as all of them
        together tell, are judged once more."""
        about, keys = self._about(day), self.lake.keys(METER_INTERVALS, (day, day))
        told, parts = _GROUPS.to_frame(), dict[str, _Part]()
        alone = len(keys) == 1
        while due := [key for key in keys if key not in parts or not parts[key].stands(told)]:
            for key in due:
                parts[key] = self._part(about, key, None if alone else told)
            if alone:
                break
            told = self._of_groups([*parts.values()])
        gone = [
            key for key in about.stored if not any(buckets.overlap(bucket_of(key), bucket_of(each)) for each in keys)
        ]
        missed = self.lake.rows(METER_FINAL, gone)["meter_id"].unique()
        return Judgement(
            [kept for part in parts.values() for kept in part.kept],
            in_order(
                pl.concat([METER_QUALITY.empty(), *(rows for part in parts.values() for rows in part.quality)]),
                METER_QUALITY.order,
            ),
            [tally for part in parts.values() for tally in part.tallies],
            pl.concat([missed, *(part.turned for part in parts.values())]),
            pl.concat([missed, *(part.used for part in parts.values())]),
        )

    def again(self, day: date) -> Judgement | None:
        """What days before it have changed of a day whose intervals are as they were; None where that is more than some
        of its meters."""
        quality = self.lake.day(METER_QUALITY, day)
        past = pl.concat([_NONE, *(self.touched.get(day - timedelta(days=back), _NONE) for back in range(1, SPAN + 1))])
        ids = self.with_linked(past, day).unique()
        ids = ids.filter(ids.is_in(quality["meter_id"].implode()))
        few = ids.len() <= FEW * quality["meter_id"].n_unique()
        by_these = (quality["rule_version"] == self.thresholds.version).all()
        if not (few and by_these and self._groups_stand(day, quality)):
            return None
        before, about = self.stored(day, ids), self._about(day)
        arrays = _arrays(self.lake.of_meters(METER_INTERVALS, day, ids), about)
        same = [part.minutes for part, _ in arrays] == [part.minutes for part in before]
        if not same or not all(part.keys.equals(was.keys) for (part, _), was in zip(arrays, before, strict=True)):
            return None
        told = pl.concat([_GROUPS.to_frame(), *(_groups(part.keys, part.minutes, part.found) for part in before)])
        part = self._judged(about, arrays, about.past, told, before)
        # A value that is newly suspect, or no more, is one that its zone's rules do not count, or do again.
        flags = ([each.flags.array() for each in parts] for parts in (part.kept, before))
        if any(((now ^ was) & SUSPECT).any() for now, was in zip(*flags, strict=True)):
            return None
        others = quality.filter(~pl.col("meter_id").is_in(ids.implode()))
        quality = pl.concat([others, *part.quality]).sort(METER_QUALITY.order)
        return Judgement(part.kept, quality, part.tallies, part.turned, part.used)

    def missing(self, day: date, quality: pl.DataFrame) -> pl.DataFrame:
        """``MISSING_READINGS`` rows of a day that has these ``METER_QUALITY`` rows."""
        files = [self.lake.scan(METER_INTERVALS, key) for key in self.lake.keys(METER_INTERVALS, (day, day))]
        superseded, decisions = (self.lake.day(table, day) for table in (METER_SUPERSEDED, METER_DECISIONS))
        return missing_readings(day, files, superseded, decisions, (self.lake.day(METER_QUALITY, day - DAY), quality))

    def touch(self, day: date, made: Judgement, stored: pl.DataFrame) -> bool:
        """Note which meters' later days a judgement touches, of a day that had these ``METER_QUALITY`` rows: any?"""
        self.touched[day] = pl.concat([made.used, differing_days(stored, made.quality)]).unique()
        return not self.touched[day].is_empty()

    def with_linked(self, ids: pl.Series, day: date) -> pl.Series:
        """These meters, if any, and all that check others or are checked on a day: they are judged and estimated
        together."""
        pairs = self.registers.in_force(day).filter(pl.col("check_of").is_not_null())
        return pl.concat([ids, pairs["meter_id"], pairs["check_of"]]) if ids.len() else ids

    def stored(self, day: date, ids: pl.Series) -> list[Kept]:
        """Some meters of a day as they were judged when it was made."""
        return Kept.stored(self.lake.of_meters(METER_FINAL, day, ids))

    def lacking(self, day: date) -> pl.Series:
        """Ids of the meters that lacked a value of a day when it was made."""
        scans = (self.lake.scan(METER_FINAL, key) for key in self.lake.keys(METER_FINAL, (day, day)))
        ids = [scan.filter(~USED).select("meter_id").unique().collect()["meter_id"] for scan in scans]
        return pl.concat([_NONE, *ids]).unique()

    def remember(self, day: date, quality: pl.DataFrame) -> None:
        """Hold later days against these ``METER_QUALITY`` rows of a day."""
        found = PastDay.of(quality, self.thresholds) if quality.height else None
        known = next((other.keys for other in reversed(self._past.values()) if other is not None), None)
        if found is not None and known is not None and known.equals(found.keys):
            found = replace(found, keys=known)
        self._past[day] = found

    def _about(self, day: date) -> _About:
        files = (self.lake.scan(METER_INTERVALS, key) for key in self.lake.keys(METER_INTERVALS, (day, day)))
        of_length = pl.col("_delivered").max(), pl.col("rate_raw").is_not_null().any()
        told = [each.group_by("minutes").agg(of_length).collect() for each in files]
        delivered = max([day, *(each for part in told for each in part["_delivered"].drop_nulls())])
        return _About(
            day,
            datetime.combine(delivered + DAY, time(), ZoneInfo(ZONE)),
            frozenset(minutes for part in told for minutes in part.filter("rate_raw")["minutes"]),
            self._known(day),
            self._before(day),
            self._like(day),
            self._off(day),
            self.lake.day(METER_SUPERSEDED, day),
            self.lake.day(METER_DECISIONS, day),
            self.lake.keys(METER_FINAL, (day, day)),
        )

    def _part(self, about: _About, key: str, told: pl.DataFrame | None) -> _Part:
        """A bucket of a day; ``told`` is what is known of its groups, None where it is all of the day."""
        bucket = bucket_of(key)
        rows, past = self.lake.rows(METER_INTERVALS, [key]), about.past
        guests = self._guests(about, bucket)
        if guests.height:
            rows = pl.concat([rows, guests])
        elif told is not None and rows.height:
            past = [each.between(rows["meter_id"][0], rows["meter_id"][-1]) for each in past]
        overlapping = [each for each in about.stored if buckets.overlap(bucket, bucket_of(each))]
        before = Kept.stored(self.lake.rows(METER_FINAL, overlapping, buckets.within(bucket))) if overlapping else []
        arrays = _arrays(rows, about, guests["meter_id"].unique())
        return self._judged(about, arrays, past, told, before)

    def _guests(self, about: _About, bucket: str) -> pl.DataFrame:
        """``METER_INTERVALS`` rows of meters of other buckets that those of a bucket check, or are checked by."""
        pairs = about.known.filter(pl.col("check_of").is_not_null()).select("meter_id", "check_of")
        turned = pairs.select(meter_id="check_of", check_of="meter_id")
        linked = pl.concat([pairs, turned]).filter(buckets.within(bucket)).select(meter_id="check_of")
        outside = linked.filter(~buckets.within(bucket))["meter_id"].unique()
        # Few cities have any, and each bucket asks.
        return self.lake.of_meters(METER_INTERVALS, about.day, outside) if outside.len() else METER_INTERVALS.empty()

    def _judged(
        self,
        about: _About,
        arrays: Sequence[tuple[MeterDay, Ints]],
        past: Sequence[PastDay],
        told: pl.DataFrame | None,
        before: Sequence[Kept],
    ) -> _Part:
        """Meters of a day by the rules, where this is known of their groups, and of what was stored ``before``."""
        looked, kept, quality, found = [], [], list[pl.DataFrame](), []
        shorter: list[pl.DataFrame] = []
        for each, exact in arrays:  # the shortest intervals first
            rates = self.calendar.rates(about.day, each.minutes)
            context = Context(
                self.thresholds,
                history=History.of(past, each, about.like, about.off),
                now=about.now,
                superseded=about.superseded,
                sum_fails=registers.sum_fails(self._failing, each, stands_out=False) if self._failing.height else None,
                stands_out=registers.sum_fails(self._failing, each, stands_out=True) if self._failing.height else None,
                shorter=pl.concat(shorter) if shorter else None,
                rates=rates.cast(pl.String).replace_strict(_RATE_BITS, default=0, return_dtype=pl.UInt8).to_numpy(),
            )
            judged = judge(each, context, None if told is None else _bits(told, each))
            if len(arrays) > 1:
                shorter.append(energies(each, (judged.found & mask("told_twice")) == 0))
            # Days of a period that adds up are not judged again for it: what is told of them is in its check alone.
            if context.sum_fails is not None and context.stands_out is not None:
                judged.rules_run[~(context.sum_fails | context.stands_out)] &= ~mask("sum_check")
            if each.guests is not None:
                judged = judged.without_guests()
                context = replace(context, history=context.past().only(~each.guests))
                exact = exact[~each.guests]
            decided = None
            decisions = about.decisions.join(judged.day.keys, on="meter_id", how="semi", maintain_order="left")
            if decisions.height:
                rows = self.lake.of_meters(METER_INTERVALS, about.day, decisions["meter_id"].unique())
                decided = Decided.of(decisions, judged.day, rows, about.superseded)
                judged = replace(judged, accepted=decided.accepted(judged.flags.shape))
            quality.append(meter_quality(judged, context))
            kept.append(Kept.judged(judged, exact, self.thresholds.version, decided))
            looked.append((each.minutes, judged.day.keys, judged.looked))
            found.append(judged)
        turned = differing(before, kept)
        mine = pl.col("meter_id").is_in(turned.implode())
        used = differing(*([part.within(mine) for part in parts] for parts in (before, kept)), rules=False)
        of_length = (each.keys.with_columns(minutes=pl.lit(each.minutes, pl.Int32)) for each, _ in arrays)
        channels = pl.concat([_GROUPS.to_frame().drop("bits"), *of_length])
        known = (_GROUPS.to_frame() if told is None else told).join(
            channels, on=channels.columns, how="semi", maintain_order="left"
        )
        return _Part(channels, known, looked, kept, quality, [tallied(found)] if found else [], turned, used)

    def _of_groups(self, parts: Sequence[_Part]) -> pl.DataFrame:
        """What all parts of a day together tell of groups (``_GROUPS``)."""
        found, context = [_GROUPS.to_frame()], Context(self.thresholds)
        for minutes in sorted({minutes for part in parts for minutes, *_ in part.looked}):
            of_length = [(keys, looked) for part in parts for each, keys, looked in part.looked if each == minutes]
            bits = of_groups([looked for _, looked in of_length], context)
            found.append(_groups(pl.concat([keys for keys, _ in of_length]), minutes, bits))
        return pl.concat(found)

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

    def _like(self, day: date) -> list[date]:
        """The days before a day that are of its type; none are like a special one."""
        kind, *types = self.calendar.day_types([day, *_reach(day)])
        return [each for each, its in zip(_reach(day), types, strict=True) if its == kind != SPECIAL]

    def _off(self, day: date) -> list[date]:
        """The days before a day off, which it is held against as far as it rests; none of a weekday."""
        return [] if self.calendar.day_types([day])[0] == WEEKDAY else _reach(day)

    def _groups_stand(self, day: date, quality: pl.DataFrame) -> bool:
        """Whether what meters of a zone or a delivery have in common is what it was."""
        parts = []
        for key in self.lake.keys(METER_INTERVALS, (day, day)):
            channels = quality.filter(buckets.within(bucket_of(key)))
            told = pl.col("meter_id", "_receipt"), pl.col("value_delivered").is_not_null().alias("told")
            rows = self.lake.scan(METER_INTERVALS, key).select(*told).collect()
            # A channel's slots lie one after another, as many as are expected, in the order of ``quality``.
            slots = channels["expected"].cast(pl.Int64)
            start = slots.cum_sum() - slots
            if rows.height != slots.sum() or not rows["meter_id"].gather(start).equals(channels["meter_id"]):
                return False
            place = np.where(rows["told"].to_numpy(), np.arange(rows.height), rows.height - 1)
            first = np.minimum.reduceat(place, start.to_numpy())
            parts.append(channels.with_columns(receipt=rows["_receipt"].gather(first)))
        known = pl.concat(parts).join(self._known(day), on="meter_id", how="left", maintain_order="left")
        return groups_stand(known, self._before(day), self._like(day), self.thresholds)

    @cached_property
    def _failing(self) -> pl.DataFrame:
        return registers.failing(self.checks)

    def _known(self, day: date) -> pl.DataFrame:
        """What rules know of a day's meters. One that is no customer's has no zone and class: it is like none."""
        of_customer = (pl.when(IS_CUSTOMER).then(name).alias(name) for name in ("zone", "customer_class"))
        return self.registers.in_force(day).select("meter_id", "check_of", "multiplier", *of_customer)


def _reach(day: date) -> list[date]:
    """The days before a day that it is held against."""
    return [day - timedelta(days=back) for back in range(1, REACH.days + 1)]


def _arrays(rows: pl.DataFrame, about: _About, guests: pl.Series = _NONE) -> list[tuple[MeterDay, Ints]]:
    """``METER_INTERVALS`` rows of meters of a day, some of them ``guests``, as arrays, one for each length of
    intervals, with the exact values (``in_millionths``) in the same places."""
    ids = rows["meter_id"]
    here = about.known.filter(pl.col("meter_id").is_between(pl.lit(ids.min()), pl.lit(ids.max())))
    arrays, values = [], in_millionths(rows["value_delivered"])
    for found in MeterDay.of(rows, here):
        exact = np.where(found.row < 0, 0, values[found.row])
        # Where its rows were is known now: of a large city that is an eighth of all.
        told = replace(found, row=np.empty((0, found.slots), np.int64))
        if found.rate is None and found.minutes in about.rated:
            told = replace(told, rate=np.zeros(found.value.shape, np.uint8))
        if guests.len():
            told = replace(told, guests=found.channels["meter_id"].is_in(guests.implode()).to_numpy())
        arrays.append((told, exact))
    return arrays


def _groups(keys: pl.DataFrame, minutes: int, bits: Masks) -> pl.DataFrame:
    """``_GROUPS`` rows of channels (``CHANNEL``) with these bits."""
    told = keys.with_columns(pl.lit(minutes, pl.Int32).alias("minutes"), bits=pl.Series(bits & OF_GROUPS))
    return told.filter(pl.col("bits") != 0)


def _bits(groups: pl.DataFrame, day: MeterDay) -> Masks:
    """The bits that ``_GROUPS`` rows tell of each channel of a day."""
    told = day.keys.join(groups.filter(minutes=day.minutes), on=CHANNEL, how="left", maintain_order="left")
    bits: Masks = told["bits"].fill_null(0).to_numpy()
    return bits
