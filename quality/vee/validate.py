"""The judgement of a day: all rules over its arrays, what it is worth for later days, and the table of the rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import Final, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.readings import QUALITIES
from quality.tables.vee import METER_QUALITY, VEE_RULES
from quality.vee.history import History, PastDay
from quality.vee.rules import RULES, Context, Rule
from quality.vee.rules.groups import beside_past, of_quality
from quality.vee.rules.others import unexplained
from quality.vee.rules.rule import Figures, Look
from quality.vee.runs import Runs
from quality.vee.thresholds import Thresholds
from quality.vee.window import Bools, Floats, Ints, MeterDay, recorded

Masks = NDArray[np.uint64]

SUSPECT: Final = np.uint64(sum(1 << rule.bit for rule in RULES if rule.severity == "suspect"))
"""Bits of the rules that keep a value from being used."""


def mask(code: str) -> np.uint64:
    """The bit of a rule."""
    return next(rule.mask for rule in RULES if rule.code == code)


TOLD_ONCE: Final = (pl.col("flags").fill_null(0) & pl.lit(int(mask("told_twice")), pl.UInt64)) == 0
"""Rows of ``METER_FINAL`` and ``METER_QUALITY`` that do not tell another channel's energy again."""


@dataclass(frozen=True)
class Judged:
    """What the rules found of a day: ``flags`` (channels × slots), and ``rules_run`` (channels), which could run.
    ``looked`` is what rules about groups look at. ``accepted`` (channels × slots) are values that a person said are
    right, None where there are none."""

    day: MeterDay
    flags: Masks
    rules_run: Masks
    looked: Mapping[Look, Figures]
    accepted: Bools | None = None

    @cached_property
    def suspect(self) -> Bools:
        """Values that are not used: nobody accepted them."""
        return self._unaccepted(((self.flags & SUSPECT) != 0) & self.day.there)

    @cached_property
    def found(self) -> Masks:
        """Bits of the rules that any slot of a channel breaks."""
        found: Masks = np.bitwise_or.reduce(self.flags, axis=1)
        return found

    def broken(self, rule: Rule, lines: Ints | slice = slice(None)) -> Bools:
        """Slots of these channels that break a rule, without those whose value was accepted."""
        return self._unaccepted((self.flags[lines] & rule.mask) != 0, lines)

    def without_guests(self) -> Self:
        """Of the day's other channels."""
        guests = self.day.guests
        if guests is None:
            return self
        own = ~guests
        return replace(self, day=self.day.without_guests(), flags=self.flags[own], rules_run=self.rules_run[own])

    def _unaccepted(self, slots: Bools, lines: Ints | slice = slice(None)) -> Bools:
        return slots if self.accepted is None else slots & ~self.accepted[lines]


def judge(day: MeterDay, context: Context, told: Masks | None = None) -> Judged:
    """Every rule that can run over the day. Values are not changed.

    Of a day that only some channels of are here, ``told`` has the bits of the rules about groups that each of them
    breaks: those tell it from all (``of_groups``).
    """
    flags = np.zeros(day.value.shape, np.uint64)
    ran = np.zeros(day.channels.height, np.uint64)
    looked = dict[Look, Figures]()
    left = day
    for _, rules in groupby(sorted(RULES, key=_stage), _stage):
        left = left.without((flags & SUSPECT) != 0)
        for rule in rules:
            if rule.look is not None and rule.look not in looked and rule.is_possible(context):
                looked[rule.look] = rule.look(left, context)
            can = rule.judges(left, context)
            if not can.any():
                continue
            ran[can] |= rule.mask
            if rule.look is None:
                found = rule.find(left, context)
            else:
                found = rule.find(looked[rule.look], context) if told is None else (told & rule.mask) != 0
            lines = np.flatnonzero(can & (found if found.ndim == 1 else found.any(axis=1)))
            if len(lines):
                # What is wrong with a whole day is told of the values it has.
                slots = getattr(left, rule.slots)[lines] if found.ndim == 1 else found[lines]
                flags[lines] |= np.where(slots, rule.mask, np.uint64(0))
    if context.stands_out is not None:
        lines = unexplained(day, (flags & SUSPECT) != 0, context.stands_out)
        ran[lines] |= mask("sum_check")
        flags[lines] |= np.where(day.there[lines], mask("sum_check"), np.uint64(0))
    return Judged(day, flags, ran, looked)


OF_GROUPS: Final = np.uint64(sum(1 << rule.bit for rule in RULES if rule.look is not None))
"""Bits of the rules about groups."""


def of_groups(looked: Sequence[Mapping[Look, Figures]], context: Context) -> Masks:
    """What rules about groups find of a day whose parts ``looked`` like this: their bits of each channel, one part's
    after another's. A rule is right once what those of earlier stages find is in what the parts looked like."""
    bits: list[Masks] = []
    for look in looked[0]:  # one after another: of a large city each is a third of a gigabyte
        together = Figures.together([part[look] for part in looked])
        broken = ((rule.mask, rule.find(together, context)) for rule in RULES if rule.look is look)
        bits += [np.where(found, mask, np.uint64(0)) for mask, found in broken]
    told: Masks = np.bitwise_or.reduce(bits)
    return told


def groups_stand(rows: pl.DataFrame, past: Sequence[PastDay], like: Collection[date], thresholds: Thresholds) -> bool:
    """Whether ``group_scale``, ``time_shift`` and ``exchanged`` find of a day what they found before, held against
    these days before it. ``rows`` are its ``METER_QUALITY`` with ``zone`` and ``receipt``. The other rules about groups
    look at no other day."""
    for part in rows.partition_by("minutes"):
        context = Context(thresholds, History.of(past, PastDay.of(part, thresholds), like))
        looked, told = of_quality(part, context), context.past().days >= thresholds.number("history_days")
        for rule in RULES:
            if rule.look is beside_past:
                now = rule.find(looked, context) & part["quantity"].is_in(rule.of).to_numpy() & told
                if not np.array_equal(now, (part["flags"].fill_null(0).to_numpy() & rule.mask) != 0):
                    return False
    return True


def _stage(rule: Rule) -> int:
    return rule.stage


def meter_quality(judged: Judged, context: Context) -> pl.DataFrame:
    """``METER_QUALITY`` rows of the day."""
    day = judged.day
    size = day.channels.height
    some = day.count > 0
    estimated, forecast = day.estimated, day.quality == QUALITIES.index("forecast")
    gaps = Runs.of(~day.there)
    zeros = Runs.of(day.value == 0)
    last = zeros.only(zeros.end == day.slots)
    zero = np.zeros(size, np.int64)
    zero[last.line] = last.length * day.minutes
    estimated_days = (some & (estimated.sum(axis=1) * 2 >= np.maximum(day.count, 1))).astype(np.int64)
    if context.history is not None:
        zero += np.where(zero == 1440, context.history.zero_minutes, 0)
        estimated_days *= 1 + context.history.estimated_days

    def figures(values: Floats) -> pl.Series:
        """In six decimals, null where the channel has no value."""
        return recorded(np.where(some, values, np.nan))

    return (
        day.channels.select("meter_id", "channel", "quantity", "unit")
        .with_columns(
            local_date=pl.lit(day.day),
            minutes=pl.lit(day.minutes),
            expected=pl.lit(day.slots),
            actual=pl.Series(day.count - estimated.sum(axis=1)),
            substituted=pl.Series((estimated & ~forecast).sum(axis=1)),
            forecast=pl.Series((day.there & forecast).sum(axis=1)),
            suspect=pl.Series(judged.suspect.sum(axis=1)),
            missing=pl.Series(day.slots - day.count),
            longest_gap=pl.Series(gaps.longest()),
            energy=figures(day.total),
            peak_power=figures(day.greatest * day.per_hour),
            least_power=figures(day.least * day.per_hour),
            zero_minutes=pl.Series(zero),
            estimated_days=pl.Series(estimated_days),
            shape=day.shape,
            digest=pl.when(pl.Series(some)).then(pl.Series(day.digest)),
            flags=pl.when(pl.Series(judged.rules_run > 0)).then(pl.Series(judged.found)),
            rules_run=pl.Series(judged.rules_run),
            rule_version=pl.lit(context.thresholds.version),
        )
        .cast(METER_QUALITY.schema)
        .select(METER_QUALITY.schema.names())
    )


def vee_rules(context: Context, since: date) -> pl.DataFrame:
    """``VEE_RULES`` rows: all rules, with the thresholds of the context."""
    told = context.thresholds.thresholds
    rows = [
        {
            "bit": rule.bit,
            "reference_date": since,
            "code": rule.code,
            "severity": rule.severity,
            "rule_th": rule.thai,
            "rule_en": rule.english,
            "source": rule.source,
            "thresholds": "; ".join(f"{name} {told[name]}" for name in rule.thresholds),
            "advice": rule.advice,
        }
        for rule in RULES
    ]
    return pl.DataFrame(rows, schema=VEE_RULES.schema)
