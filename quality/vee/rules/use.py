"""Rules that hold a meter's day against its own four weeks."""

import numpy as np
import polars as pl

from quality.vee.rules.rule import Context
from quality.vee.window import Bools, Floats, MeterDay


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
