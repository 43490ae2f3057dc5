"""Rules that hold values against another channel, the register, the calendar or the meter's dials."""

from typing import Final

import numpy as np
import polars as pl

from quality.vee.rules.rule import IMPORT, Context
from quality.vee.window import MISSING, Bools, Floats, Ints, MeterDay


def told_twice(day: MeterDay, context: Context) -> Bools:
    """The channel has the values of another of the meter's channels of its quantity, which came in another file: one
    energy under two names, and it counts once; or half of them, or all by one factor, and came on another day: a
    correction, and what came later counts; or it tells longer intervals, which add up to the day of shorter ones.
    Source: ours; a utility that changes its format, or sends two, names the channel anew."""
    found = np.zeros(day.value.shape, np.bool_)
    found[_sums(day, context)] = True
    line, first = _namesakes(day)
    if not len(line):
        return found
    one, other = day.filled[line], day.filled[first]
    used = day.there[line] & day.there[first] & ((one != 0) | (other != 0))

    def share(as_told: Floats, last: Floats | float) -> Floats:
        """Of the values those that are as told, where they differ among each other."""
        alike = used & (np.abs(one - as_told) <= context.number("twice_rounding") * np.abs(as_told) + last)
        ordered = np.sort(np.where(alike, one, 0), axis=1)
        varied = (np.diff(ordered, axis=1) > 0).sum(axis=1) >= context.number("repeated_distinct")
        shared: Floats = np.where(varied, alike.sum(axis=1) / np.maximum(used.sum(axis=1), 1), 0)
        return shared

    of_one, of_other = (np.where(used, each, 0).sum(axis=1) for each in (one, other))
    factor = np.divide(of_one, of_other, out=np.ones(len(line)), where=of_other > 0)[:, None]
    most, same = context.number("twice_share"), share(other, _LAST_DECIMAL)
    corrected = (same >= context.number("twice_corrected")) | (share(other * factor, _PRINTED * (1 + factor)) >= most)
    came = day.channels["delivered"].to_physical().fill_null(0).to_numpy()
    earlier, apart = np.where(came[line] < came[first], line, first), came[line] != came[first]
    # Of the whole day, the slots without a value too: nothing of it is added to the other channel's.
    found[line[same >= most]] = True
    found[earlier[(same < most) & corrected & apart]] = True
    return found


_PRINTED = 0.0005
"""Half of a last digit that is usual in files: of a value, and by a factor of the other."""
_LAST_DECIMAL = 1e-6
"""What lake values are rounded to."""


def _namesakes(day: MeterDay) -> tuple[Ints, Ints]:
    """Lines of channels and, of each, those before it that are of the same meter and quantity. What one file tells of
    two channels is for the file to say: its reader has looked at them together."""
    keys = day.channels.select("meter_id", "quantity", "receipt")
    # Most cities have one channel a meter, whose lines lie meter by meter.
    if not (keys["meter_id"] == keys["meter_id"].shift()).any():
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    several = keys.with_row_index("_line").filter(pl.len().over("meter_id", "quantity") > 1)
    pairs = several.join(several, on=["meter_id", "quantity"], suffix="_first", maintain_order="left")
    one_file = (pl.col("receipt") == pl.col("receipt_first")).fill_null(value=False)
    pairs = pairs.filter(pl.col("_line_first") < pl.col("_line"), ~one_file)
    return pairs["_line"].cast(pl.Int64).to_numpy(), pairs["_line_first"].cast(pl.Int64).to_numpy()


def energies(day: MeterDay, counted: Bools) -> pl.DataFrame:
    """``Context.shorter`` of the channels of a day that count: their energy, as if all slots were there."""
    told = day.channels.select("meter_id", "quantity").with_columns(
        energy=pl.Series(day.energy), whole=pl.Series(day.count == day.slots)
    )
    return told.filter(pl.Series(counted & (day.count > 0)))


def _sums(day: MeterDay, context: Context) -> Bools:
    """Channels whose day is what shorter intervals of the meter and quantity add up to."""
    if context.shorter is None:
        return np.zeros(day.channels.height, np.bool_)
    of_meter = context.shorter.group_by("meter_id", "quantity").agg(pl.col("energy").sum(), pl.col("whole").all())
    beside = day.channels.select("meter_id", "quantity").join(
        of_meter, on=["meter_id", "quantity"], how="left", maintain_order="left"
    )
    parts, whole = beside["energy"].fill_null(np.nan).to_numpy(), beside["whole"].fill_null(value=False).to_numpy()
    off = np.where(whole, context.number("twice_sum"), context.number("twice_sum_lacking"))
    same: Bools = (np.abs(parts - day.energy) <= off * day.energy) & (day.count == day.slots)
    return same


def reactive(day: MeterDay, context: Context) -> Bools:
    """Active energy without reactive energy beside it, or with so much that the power factor is not that of a load.
    Source: California VEE, section 2 (all checks apply to kvarh too)."""
    found = np.zeros(day.value.shape, np.bool_)
    for active, reactive_ in (("active_import", "reactive_import"), ("active_export", "reactive_export")):
        line, other = _pairs(day, day.of_quantity([active]), day.of_quantity([reactive_]), "meter_id")
        kwh, kvarh = day.value[line], day.value[other]
        most = np.sqrt(1 / context.number("power_factor") ** 2 - 1)
        found[other] |= (kwh > 0) & ((day.quality[other] == MISSING) | (kvarh > most * kwh))
    return found


def reverse_flow(day: MeterDay, context: Context) -> Bools:
    """Energy is sent to the grid where the register knows of no generation. Source: IEC 61968-9, reading quality
    3.4."""
    none = ~_told(day, "generates") & (day.greatest > 0)
    return day.among(none, day.value[none] > 0)


def inactive(day: MeterDay, context: Context) -> Bools:
    """A disconnected meter measures use. Source: California VEE, monthly list; IEC 61968-9, reading quality 6.2."""
    off = ~_told(day, "connected") & (day.greatest > 0)
    return day.among(off, day.value[off] > 0)


def _told(day: MeterDay, name: str) -> Bools:
    return day.channels[name].fill_null(value=True).to_numpy()


def main_check(day: MeterDay, context: Context) -> Bools:
    """A check meter differs from the meter it checks. Source: Swiss Metering Code MC-CH 2009, 11.5.5; Connexo
    MainCheck."""
    found = np.zeros(day.value.shape, np.bool_)
    check = day.known("check_of") & day.of_quantity(["active_import"])
    line, other = _pairs(day, check, day.of_quantity(["active_import"]), "check_of")
    main, own = day.value[other], day.value[line]
    differs = np.abs(main - own) > context.number("check_share") * np.abs(main) + context.number("check_kwh")
    found[line] = differs
    return found


def _pairs(day: MeterDay, some: Bools, others: Bools, by: str) -> tuple[Ints, Ints]:
    """Lines of ``some`` and, of the meter that their column ``by`` names, the line among ``others``; only where each
    meter has one."""
    names = day.channels.with_row_index("_line")
    left = names.filter(some).select(_meter=by, _line="_line").unique("_meter", keep="none", maintain_order=True)
    right = names.filter(others).select(_meter="meter_id", _other="_line").unique("_meter", keep="none")
    pairs = left.join(right, on="_meter", maintain_order="left")
    return pairs["_line"].cast(int).to_numpy(), pairs["_other"].cast(int).to_numpy()


def tou_rate(day: MeterDay, context: Context) -> Bools:
    """The utility's word for the interval's rate is not that of the calendar. Source: PEA article 119801 (rates A, B
    and C)."""
    assert context.rates is not None and day.rate is not None
    wrong: Bools = (day.rate != 0) & ((day.rate & context.rates) == 0) & (context.rates != 0)
    return wrong


def sum_check(day: MeterDay, context: Context) -> Bools:
    """The intervals of a period that holds the day do not add up to the difference of the register. Where up to three
    days stand out and alone may be why, it is these, unless another rule finds what makes them stand out. Source:
    California VEE and Oracle MDM sum check; days that stand out: ours."""
    assert context.sum_fails is not None
    return context.sum_fails & (day.count > 0)


APART: Final = 3
"""Times more, or less, than on any other day of its period that a meter used on one that stands out. Ours: a home's
greatest day is two to three times its mean, a spike or a day of zeros is further off."""


def unexplained(day: MeterDay, suspect: Bools, stands_out: Bools) -> Ints:
    """Channels that tell a day which alone may be why ``sum_check`` fails, and of which no other rule finds suspect
    (channels × slots) what makes it stand out: where one does, the rest of the day is used."""
    wanted = day.channels["quantity"].is_in(IMPORT).to_numpy()
    lines = np.flatnonzero(stands_out & wanted & (day.count > 0))
    sound = np.where(suspect[lines], 0, day.filled[lines]).sum(axis=1)
    blamed: Ints = lines[sound * APART >= day.total[lines]]
    return blamed
