"""Rules about a value by itself, or beside the other values of its day."""

from typing import Final

import numpy as np
import polars as pl

from quality.vee.rules.rule import Context
from quality.vee.runs import Runs
from quality.vee.window import Bools, Floats, Ints, MeterDay

ARTEFACTS: Final = np.array(
    sorted(
        {(2**bits - 1) / scale for bits in (24, 31, 32) for scale in (1, 10, 100, 1000)}
        | {8590.017, 34364.271, 38655.37, 186227.0865}
    )
)
"""Full registers of 24, 31 and 32 bits in Wh and its tenths, and four more that Energy Sparks met in kWh."""
PROBES: Final = 11
"""Slots of a day that are looked at first: a day that is 95 % one value has it in six of any eleven, as four or five
differ."""
NEAR: Final = 0.005
"""Half a digit of what the list tells."""


def sentinel(day: MeterDay, context: Context) -> Bools:
    """The value is a full register or another error code, not energy. Source: Energy Sparks, list of 2ⁿ-1 artefacts of
    faulty communication hubs."""
    large = day.greatest >= ARTEFACTS[0] - NEAR
    value = day.value[large]
    at = np.clip(np.searchsorted(ARTEFACTS, value), 1, len(ARTEFACTS) - 1)
    apart = np.minimum(np.abs(value - ARTEFACTS[at]), np.abs(value - ARTEFACTS[at - 1]))
    return day.among(large, apart <= NEAR)


def negative(day: MeterDay, context: Context) -> Bools:
    """The value of a channel of one direction is less than zero. Source: AEMO MDFF (NEM12 values are not negative);
    Oracle MDM negative check."""
    below = day.least < 0
    return day.among(below, day.value[below] < 0)


def upper_limit(day: MeterDay, context: Context) -> Bools:
    """The mean power is above what the connection can carry: the contract's kVA with a margin, else what any
    customer of the class draws. Source: Itron Demand High Limit."""
    limit = context.limit(day, "upper_kw")
    if "contract_kva" in day.channels.columns:
        contract = day.channels["contract_kva"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        limit = np.where(np.isnan(contract), limit, contract * context.limit(day, "contract_margin"))
    limit = limit / day.per_hour
    above = day.greatest > limit
    return day.among(above, day.value[above] > limit[above, None])


def spike(day: MeterDay, context: Context) -> Bools:
    """One or two values of the day stand far above its third highest, above what switching does, and above what three
    days before reached. Source: Oracle MDM spike check; California VEE, (highest - third highest) / third highest."""
    least = context.limit(day, "spike_least_kw") / day.per_hour
    high = (day.greatest > least) & (day.count >= 3)
    values = day.filled[high]
    third = np.partition(values, -3, axis=1)[:, -3] if len(values) else np.zeros(0)
    bound = np.maximum(third * (1 + context.number("spike_tolerance")), least[high])
    if context.history is not None:
        own = context.history.own_peak[high] / day.per_hour
        bound = np.maximum(bound, own * context.number("spike_past"))
    bound[third <= 0] = np.inf
    return day.among(high, values > bound[:, None])


def zero_run(day: MeterDay, context: Context) -> Bools:
    """A meter in use reads zero for longer than its class does. A meter that has read nothing but zero for four weeks
    is not in use, and one that did so on like days (before a day off: on any, or on one of its own type), and was used
    after them, rests. Source: Connexo ConsecutiveZeros; Texas AMS practices (a zero is valid only with an outage)."""
    carried = np.zeros(day.channels.height, np.int64)
    some = (day.least <= 0) & (day.count > 0)
    if context.history is not None:
        carried = context.history.zero_minutes
        some &= context.history.used | ~context.history.met
        some &= ~context.history.rested & (context.history.rests < context.number("history_days"))
        # What goes idle every other night is not idle for longer where it is used by day.
        often = context.history.returns >= context.number("history_days")
        carried = np.where(often & (day.greatest > 0), 0, carried)
    limit = context.limit(day, "zero_hours") * 60
    runs = Runs.of(day.value[some] == 0)
    minutes = runs.length * day.minutes + np.where(runs.start == 0, carried[some][runs.line], 0)
    return day.among(some, runs.painted(minutes >= limit[some][runs.line]))


def flat_run(day: MeterDay, context: Context) -> Bools:
    """The same value, not zero, comes again and again. Source: Open Energy Dashboard flatLine."""
    same: Bools = (day.value[:, 1:] == day.value[:, :-1]) & (day.value[:, 1:] != 0)
    least = int(context.number("flat_slots")) - 1
    # Most channels have short runs alone, and looking for the long ones' ends is what costs.
    some: Bools = np.asarray(_begins(same, least).any(axis=1))
    runs = Runs.of(np.pad(same[some], ((0, 0), (0, 1))))
    longer = Runs(runs.line, runs.start, runs.end + 1, (int(some.sum()), day.slots))
    return day.among(some, longer.painted(runs.length >= least))


def _begins(mask: Bools, length: int) -> Bools:
    """Where runs of at least ``length`` begin."""
    reach = 1
    while reach < length:
        step = min(reach, length - reach)
        mask = mask[:, :-step] & mask[:, step:]
        reach += step
    return mask


def frozen(day: MeterDay, context: Context) -> Bools:
    """Nearly the whole day is one value that is not zero: the register no longer counts. Where no day of four weeks
    varies, the load is steady, and where like days (before a day off: one of its own type) stood as low and varied
    after them, it rests. Source: Open Energy Dashboard flatLine, for the day."""
    least = context.number("frozen_share") * day.slots
    some = (day.count >= least) & (day.greatest > 0)
    if context.history is not None:
        some &= context.history.steady < context.number("history_days")
        low = day.greatest * day.per_hour <= context.number("steady_spread") * context.history.stood
        some &= ~low | (~context.history.stilled & (context.history.stands < context.number("history_days")))
    # Of a day that is nearly all one value, half of a few slots are.
    few = day.filled[:, np.linspace(0, day.slots - 1, PROBES).astype(np.int64)]
    middle = np.sort(few, axis=1)[:, PROBES // 2]
    some &= (middle > 0) & ((few == middle[:, None]).sum(axis=1) > PROBES // 2)
    same = day.value[some] == middle[some, None]
    return day.among(some, same & (same.sum(axis=1) >= least)[:, None])


def catch_up(day: MeterDay, context: Context) -> Bools:
    """The register was repeated (zeros), and what it missed came in the values after: one that holds all of it, or as
    many that are twice the others. Source: amsreader issue 1119 (a repeated register, then a double hour)."""
    some = (day.least == 0) & (day.count == day.slots)
    value = day.value[some]
    runs = Runs.of(value == 0)
    alone = np.bincount(runs.line, minlength=len(value)) == 1
    fits = alone[runs.line] & (runs.length >= 2) & (runs.length <= day.slots // 4)
    fits &= (runs.start >= 4) & (runs.end + runs.length + 4 <= day.slots)
    runs = runs.only(fits)
    if not len(runs.line):
        return np.zeros(day.value.shape, np.bool_)
    tolerance = context.number("catch_up_tolerance")
    sums = np.pad(np.cumsum(value, axis=1), ((0, 0), (1, 0)))

    def mean(start: Ints, end: Ints) -> Floats:
        found: Floats = (sums[runs.line, end] - sums[runs.line, start]) / (end - start)
        return found

    once, twice = runs.end + 1, runs.end + runs.length
    before = mean(runs.start - 4, runs.start)
    single = mean(runs.end, once) / ((before + mean(once, once + 4)) / 2)
    double = mean(runs.end, twice) / ((before + mean(twice, twice + 4)) / 2)
    at_once = np.abs(single / (runs.length + 1) - 1) <= tolerance
    in_turn = (np.abs(double / 2 - 1) <= tolerance) & ~at_once
    end = np.where(at_once, once, twice)
    whole = Runs(runs.line, runs.start, end, runs.shape)
    return day.among(some, whole.painted(at_once | in_turn))
