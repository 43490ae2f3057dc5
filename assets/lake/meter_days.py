"""The judgement of a city's meter days, each held against those before it as ``METER_QUALITY`` keeps them.

What changes of a meter's day is seen in its later days, and through rules about groups in those of other meters. So of
a later day those meters alone are judged again whose past is otherwise, as long as what all have in common stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from assets.lake import buckets
from assets.lake.files import CityLake, bucket_of
from assets.lake.meter_registers import Registers
from quality.meter_grid import ZONE
from quality.tables import (
    IS_CUSTOMER,
    METER_DECISIONS,
    METER_FINAL,
    METER_INTERVALS,
    METER_QUALITY,
    METER_SUPERSEDED,
)
from quality.vee import registers
from quality.vee.day_types import SPECIAL, Calendar
from quality.vee.decisions import Decided
from quality.vee.gaps import SPAN
from quality.vee.history import REACH, History, PastDay, differing_days
from quality.vee.kept import USED, Kept, differing
from quality.vee.missing import missing_readings
from quality.vee.rules import Context
from quality.vee.thresholds import Thresholds
from quality.vee.validate import SUSPECT, Judged, groups_stand, judge, mask, meter_quality
from quality.vee.window import RATES, MeterDay

DAY: Final = timedelta(days=1)
FEW: Final = 0.25
"""Share of a day's meters up to which they are judged apart: looking for more of them saves nothing."""
_NONE: Final = pl.Series("meter_id", [], pl.String)
_RATE_BITS: Final = {"peak": RATES["A"], "off": RATES["B"], "holiday": RATES["C"]}


class Judgement(NamedTuple):
    """Of a day, or of some of its meters: ``before`` as it was stored and ``kept`` as it is now. ``quality`` are the
    ``METER_QUALITY`` rows of the whole day, and ``found`` is what the rules found of these meters."""

    before: Sequence[Kept]
    kept: Sequence[Kept]
    quality: pl.DataFrame
    found: Sequence[Judged]


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
        """A day by the rules."""
        parts, delivered = self._arrays(day, self.lake.pieces(METER_INTERVALS, [day]))
        kept, quality, found = self._judged(day, parts, delivered)
        return Judgement(self.stored(day), kept, quality, found)

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
        before = {part.minutes: part for part in self.stored(day, ids)}
        arrays, delivered = self._arrays(day, [self.lake.of_meters(METER_INTERVALS, day, ids)])
        parts = [(_as_told(part, before), exact) for part, exact in arrays]
        same = [part.minutes for part, _ in parts] == [*before]
        if not same or not all(part.keys.equals(before[part.minutes].keys) for part, _ in parts):
            return None
        kept, of_them, found = self._judged(day, parts, delivered, before)
        # A value that is newly suspect, or no more, is one that its zone's rules do not count, or do again.
        if any(((part.flags ^ before[part.day.minutes].flags) & SUSPECT).any() for part in found):
            return None
        others = quality.filter(~pl.col("meter_id").is_in(ids.implode()))
        quality = pl.concat([others, of_them]).sort(METER_QUALITY.order)
        return Judgement([*before.values()], kept, quality, found)

    def missing(self, day: date, quality: pl.DataFrame) -> pl.DataFrame:
        """``MISSING_READINGS`` rows of a day that has these ``METER_QUALITY`` rows."""
        files = [self.lake.scan(METER_INTERVALS, key) for key in self.lake.keys(METER_INTERVALS, (day, day))]
        superseded, decisions = (self.lake.day(table, day) for table in (METER_SUPERSEDED, METER_DECISIONS))
        return missing_readings(day, files, superseded, decisions, (self.lake.day(METER_QUALITY, day - DAY), quality))

    def touch(self, day: date, made: Judgement, turned: pl.Series, stored: pl.DataFrame) -> bool:
        """Note which meters' later days a judgement touches, of which these ``turned``, of a day that had these
        ``METER_QUALITY`` rows: any?"""
        mine = pl.col("meter_id").is_in(turned.implode())
        before, kept = ([part.within(mine) for part in parts] for parts in (made.before, made.kept))
        ids = [differing(before, kept, rules=False), differing_days(stored, made.quality)]
        self.touched[day] = pl.concat(ids).unique()
        return not self.touched[day].is_empty()

    def with_linked(self, ids: pl.Series, day: date) -> pl.Series:
        """These meters, if any, and all that check others or are checked on a day: they are judged and estimated
        together."""
        pairs = self.registers.in_force(day).filter(pl.col("check_of").is_not_null())
        return pl.concat([ids, pairs["meter_id"], pairs["check_of"]]) if ids.len() else ids

    def stored(self, day: date, ids: pl.Series | None = None) -> list[Kept]:
        """A day, or some meters of it, as it was judged when it was made."""
        if ids is not None:
            return Kept.stored(self.lake.of_meters(METER_FINAL, day, ids))
        return Kept.stored(pl.concat([METER_FINAL.empty(), *self.lake.pieces(METER_FINAL, [day])]))

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

    def _judged(
        self,
        day: date,
        parts: Sequence[tuple[MeterDay, pl.Series]],
        delivered: date,
        told: Mapping[int, Kept] | None = None,
    ) -> tuple[list[Kept], pl.DataFrame, list[Judged]]:
        """The parts of a day by the rules, with its ``METER_QUALITY`` rows; ``delivered`` is its last delivery day, and
        ``told`` is as in ``validate.judge``."""
        past, like = self._before(day), self._like(day)
        superseded = self.lake.day(METER_SUPERSEDED, day)
        decisions = self.lake.day(METER_DECISIONS, day)
        about = decisions["meter_id"].unique()
        now = datetime.combine(delivered + DAY, time(), ZoneInfo(ZONE))
        kept, quality, found = [], [METER_QUALITY.empty()], []
        for of_length, exact in parts:
            rates = self.calendar.rates(day, of_length.minutes)
            context = Context(
                self.thresholds,
                history=History.of(past, of_length, like),
                now=now,
                superseded=superseded,
                sum_fails=registers.sum_fails(self._compared, of_length) if self._compared.height else None,
                rates=rates.cast(pl.String).replace_strict(_RATE_BITS, default=0, return_dtype=pl.UInt8).to_numpy(),
            )
            judged = judge(of_length, context, told[of_length.minutes].flags if told else None)
            if context.sum_fails is not None:  # of meters without a register nothing was added up
                ran = registers.sum_fails(self._compared.with_columns(outcome=pl.lit("fails")), of_length)
                judged.rules_run[~ran] &= ~mask("sum_check")
            decided = None
            if decisions.height:
                rows = self.lake.of_meters(METER_INTERVALS, day, about)
                decided = Decided.of(decisions, of_length, rows, superseded)
                judged = replace(judged, accepted=decided.accepted(judged.flags.shape))
            quality.append(meter_quality(judged, context))
            kept.append(Kept.judged(judged, exact, self.thresholds.version, decided))
            found.append(judged)
        return kept, pl.concat(quality).sort(METER_QUALITY.order), found

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
        before = [day - timedelta(days=back) for back in range(1, REACH.days + 1)]
        kind, *types = self.calendar.day_types([day, *before])
        return [each for each, its in zip(before, types, strict=True) if its == kind != SPECIAL]

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
    def _compared(self) -> pl.DataFrame:
        return self.checks.filter(pl.col("check") == "intervals", pl.col("outcome").is_in(["ok", "fails"]))

    def _known(self, day: date) -> pl.DataFrame:
        """What rules know of a day's meters. One that is no customer's has no zone and class: it is like none."""
        of_customer = (pl.when(IS_CUSTOMER).then(name).alias(name) for name in ("zone", "customer_class"))
        return self.registers.in_force(day).select("meter_id", "check_of", *of_customer)

    def _arrays(self, day: date, pieces: Iterable[pl.DataFrame]) -> tuple[list[tuple[MeterDay, pl.Series]], date]:
        """``METER_INTERVALS`` rows of a day as arrays, one for each length of intervals, with the exact values in the
        same places; and the last delivery day of any."""
        parts: dict[int, list[tuple[MeterDay, pl.Series]]] = {}
        delivered, known = [day], self._known(day)
        for piece in pieces:
            delivered.extend(piece["_delivered"].unique().drop_nulls())
            ids = piece["meter_id"]
            here = known.filter(pl.col("meter_id").is_between(pl.lit(ids.min()), pl.lit(ids.max())))
            for found in MeterDay.of(piece, here):
                exact = piece["value_delivered"].gather(pl.Series(found.row.ravel()).replace(-1, None))
                # Where its rows were is known now: of a large city that is an eighth of all.
                placed = replace(found, row=np.empty((0, found.slots), np.int64))
                parts.setdefault(found.minutes, []).append((placed, exact))
        arrays = [
            (MeterDay.together([each for each, _ in of_length]), pl.concat([exact for _, exact in of_length]))
            for _, of_length in sorted(parts.items())
        ]
        return arrays, max(delivered)


def _as_told(day: MeterDay, told: Mapping[int, Kept]) -> MeterDay:
    """Some meters of a day with rates, though none of them tells one, where others of that day do."""
    before = told.get(day.minutes)
    if day.rate is not None or before is None or not (before.ran & mask("tou_rate")).any():
        return day
    return replace(day, rate=np.zeros(day.value.shape, np.uint8))
