"""Rules that hold a meter's day against its own four weeks."""

import numpy as np
import polars as pl

from quality.vee.rules.rule import Context
from quality.vee.window import Bools, Floats, Ints, MeterDay


def unusual_use(day: MeterDay, context: Context) -> Bools:
    """The day's energy is far above or below that of like days. Source: Oracle MDM high/low check, by average daily use
    of the same day types."""
    mean = context.past().mean
    high, low = context.limit(day, "high_use"), context.limit(day, "low_use")
    unusual: Bools = _whole(day, context) & ((day.energy > high * mean) | (day.energy < low * mean))
    return unusual


def peak_change(day: MeterDay, context: Context) -> Bools:
    """The day's peak is far above any of four weeks. Source: Itron Historical Max."""
    bound = (1 + context.limit(day, "peak_change")) * context.past().greatest_peak / day.per_hour
    above = day.greatest > bound
    return day.among(above, day.value[above] > bound[above, None])


def meter_scale(day: MeterDay, context: Context) -> Bools:
    """All of the day is a multiple or a fraction of the meter's own: a unit read wrong (1,000), kW read as kWh (4), or
    another transformer ratio. Source: Oracle MDM multiplier check, from the values alone."""
    past = context.past()
    unit, least = context.number("scale_unit"), context.number("scale_least")
    energy, peak = _over(day.energy, past.mean), _over(day.greatest * day.per_hour, past.peak)
    base = _over(day.least * day.per_hour, past.base)
    # A base of zero tells no factor; a slip of a unit is told without one, another transformer is not.
    highest, lowest = np.fmax(np.maximum(energy, peak), base), np.fmin(np.minimum(energy, peak), base)
    slip = (past.mean >= context.number("scale_unit_least")) & ((lowest >= unit) | (highest <= 1 / unit))
    alike = (highest <= context.number("scale_alike") * lowest) & ~np.isnan(base)
    beyond = (day.energy > least * past.highest) | (day.energy < past.lowest / least)
    scaled: Bools = _whole(day, context) & (slip | (alike & beyond))
    return scaled


def _whole(day: MeterDay, context: Context) -> Bools:
    return day.full(context.number("history_full"))


def _over(value: Floats, usual: Floats) -> Floats:
    """NaN where one of them is not known, or zero: a zero is no fraction of anything."""
    known = (usual > 0) & (value > 0) & np.isfinite(value)
    return np.where(known, value, np.nan) / np.where(known, usual, 1)


def repeated_day(day: MeterDay, context: Context) -> Bools:
    """All values are those of another day of the channel. Source: ours; corrections may bring a day's values under
    another date."""
    same: Bools = context.past().copies & (day.greatest > day.least)
    ordered = np.sort(day.filled[same], axis=1)
    same[same] = (np.diff(ordered, axis=1) > 0).sum(axis=1) + 1 >= context.number("repeated_distinct")
    return same


def quantity_changed(day: MeterDay, context: Context) -> Bools:
    """The meter has a history, but none of this quantity, and of none that it has came energy: import and export, or
    energy and another quantity, may have been swapped. Source: Oracle MDM unit of measure check."""
    strange: Bools = context.past().other_quantity & (day.total > 0)
    if not strange.any():
        return strange
    # Beside what it always measured a new quantity is one more: solar cells, or a utility that tells kvarh as well.
    known = day.channels.select("meter_id", known=pl.Series(~strange & (day.total > 0)))
    goes_on: Bools = known.select(pl.col("known").any().over("meter_id")).to_series().to_numpy()
    return strange & ~goes_on


def secondary(day: MeterDay, context: Context) -> Bools:
    """The register tells of transformers, and neither the day nor any but two of four weeks went beyond what their
    secondary side carries, though they were loaded as transformers in use are: the factor may be missing in all values.
    Values that are whole multiples of it have it. Source: IEC 61869-2 (5 A, up to 120 %; below 20 % a transformer is
    too large for its load)."""
    factor = day.channels["multiplier"].cast(pl.Float64).fill_null(0).to_numpy()
    high = factor >= context.number("factor_high")
    rated = np.where(high, context.number("secondary_kw_high"), context.number("secondary_kw"))
    # Large transformers of low voltage have factors as those of high voltage have.
    most = context.limit(day, "contract_margin") * context.number("secondary_kw")
    usual = context.past().own_peak
    found: Bools = (factor >= context.number("factor_least")) & (day.greatest > 0)
    found &= (usual >= context.number("secondary_share") * rated) & (usual <= most)
    found &= day.greatest * day.per_hour <= most
    found[found] = ~_multiples(day.filled[found], int(day.per_hour) or 1, factor[found])
    return found


def _multiples(values: Floats, per_hour: int, factor: Floats) -> Bools:
    """Whether all of a channel's energies, and its powers, are multiples of its factor, whatever decimals they have.
    Of a power of ten, which moves decimals alone, nothing tells."""
    grain = _digits(np.rint(factor * _MILLION).astype(np.int64))
    energies = np.rint(values * _MILLION).astype(np.int64)
    whole: Bools = grain > 1
    for told in (energies, energies * per_hour):
        whole &= _digits(np.gcd.reduce(told, axis=1)) % grain == 0
    return whole


def _digits(numbers: Ints) -> Ints:
    """Whole numbers without the zeros at their end."""
    while (ends := (numbers != 0) & (numbers % 10 == 0)).any():
        numbers = np.where(ends, numbers // 10, numbers)
    return numbers


_MILLION = 1_000_000
"""In which lake values and factors are whole."""
