"""Rules about how values came: gaps, times, replacements, estimates."""

from datetime import UTC

import numpy as np
import polars as pl

from quality.meter_grid import CHANNEL
from quality.readings import QUALITIES
from quality.vee.rules.rule import Context
from quality.vee.window import Bools, Codes, Floats, Ints, MeterDay


def gap(day: MeterDay, context: Context) -> Bools:
    """An expected interval has no value. Source: Swiss Metering Code MC-CH 2009, 11.5.3.2."""
    return ~day.there


def clock(day: MeterDay, context: Context) -> Bools:
    """The meter's clock was a few seconds off, and the stamp was moved onto the grid. Source: Swiss Metering Code MC-CH
    2009, Table 5 (20 s for class A)."""
    assert day.clock is not None
    found: Bools = day.clock & day.there
    return found


def future(day: MeterDay, context: Context) -> Bools:
    """The interval had not begun when it was judged. Source: Energy Sparks, validate_amr_data."""
    assert context.now is not None
    ahead = (day.starts >= context.now.astimezone(UTC)).to_numpy()
    found: Bools = day.there & ahead
    return found


def interval_count(day: MeterDay, context: Context) -> Bools:
    """The day brought values beside its grid: the clock was set, or lengths are mixed. Source: Swiss Metering Code
    MC-CH 2009, 11.5.3.1; Oracle MDM interval size check."""
    beside = context.delivered_before().filter(reason="off_grid").select(CHANNEL).unique()
    found = np.zeros(day.channels.height, np.bool_)
    lines = day.channels.select(CHANNEL).with_row_index("_line").join(beside, on=CHANNEL, how="semi")["_line"]
    found[lines.to_numpy()] = True
    return found


def replaced(day: MeterDay, context: Context) -> Bools:
    """Another value was delivered for the interval before. Source: Oracle MDM duplicate check; Energy Sparks (latest
    version wins, and is told)."""
    line, slot, value, _ = _before(day, context)
    other = ~np.isnan(value) & (value != day.value[line, slot])
    found = np.zeros(day.value.shape, np.bool_)
    found[line[other], slot[other]] = True
    return found


def actual_replaced(day: MeterDay, context: Context) -> Bools:
    """An estimate took the place of a value that had been read. Source: Oracle Final Measurement Replacement; Texas AMS
    practices (an estimate never replaces an actual)."""
    line, slot, value, quality = _before(day, context)
    read = (quality == QUALITIES.index("actual")) & ~np.isnan(value) & day.estimated[line, slot]
    found = np.zeros(day.value.shape, np.bool_)
    found[line[read], slot[read]] = True
    return found


def _before(day: MeterDay, context: Context) -> tuple[Ints, Ints, Floats, Codes]:
    """Line, slot, value and quality of the day's superseded values that were corrected."""
    here = day.channels.select(CHANNEL).with_row_index("_line")
    rows = context.delivered_before().filter((pl.col("reason") == "corrected") & (pl.col("minutes") == day.minutes))
    rows = rows.join(here, on=CHANNEL, how="inner", maintain_order="left")
    offset = rows["start"].to_physical().to_numpy() - day.starts.to_physical()[0]
    slot = offset // (day.minutes * 60_000_000)
    value = rows["value_delivered"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    quality = rows["quality"].replace_strict({code: at for at, code in enumerate(QUALITIES)}, return_dtype=pl.UInt8)
    return rows["_line"].cast(pl.Int64).to_numpy(), slot, value, quality.to_numpy()


def partial_edge(day: MeterDay, context: Context) -> Bools:
    """The first or last day of a channel begins or ends with a gap, so it is no whole day. Source: Energy Sparks PSTD
    and PETD (the day is cut off)."""
    past = context.past()
    first = ~past.met & ~day.there[:, 0]
    last = ~past.goes_on & ~day.there[:, -1] & (past.newest is not None and past.newest > day.day)
    partial: Bools = (first | last) & (day.count > 0)
    return partial


def long_estimated(day: MeterDay, context: Context) -> Bools:
    """The channel has been estimated for too many days in a row. Source: Oracle MDM prolonged estimation."""
    half = day.estimated.sum(axis=1) * 2 >= np.maximum(day.count, 1)
    long: Bools = half & (context.past().estimated_days + 1 > context.number("estimated_days"))
    return long
