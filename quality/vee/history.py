"""What four weeks of a channel's days were like: today's use is held against it, and no interval of them is read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Self

import numpy as np
import polars as pl

from quality.meter_grid import CHANNEL
from quality.vee.thresholds import Thresholds
from quality.vee.window import Bools, Floats, Ints, MeterDay

REACH: Final = timedelta(days=28)
"""Four weeks: four of each day of the week (Connexo NearestAvgValueDay)."""


@dataclass(frozen=True)
class History:
    """One number a channel of the day it is of; NaN, 0 or False where nothing is known.

    ``days`` counts the full days of the day's type without a suspect value; of those are ``mean``, ``highest`` and
    ``lowest`` (energy), ``peak`` and ``base`` (mean of the days' greatest and least power) and ``greatest_peak``.
    Of all days: ``used`` (energy on any), ``met`` (there is one before), ``goes_on`` (there is one after). Of the day
    before: ``zero_minutes`` and ``estimated_days``. ``copies`` is set where another day has the day's fingerprint,
    ``other_quantity`` where the meter has days, but none of this quantity.
    """

    days: Ints
    mean: Floats
    highest: Floats
    lowest: Floats
    peak: Floats
    base: Floats
    greatest_peak: Floats
    used: Bools
    met: Bools
    goes_on: Bools
    newest: date | None
    zero_minutes: Ints
    estimated_days: Ints
    copies: Bools
    other_quantity: Bools

    @classmethod
    def of(cls, rows: pl.DataFrame, day: MeterDay, like: Collection[date], thresholds: Thresholds) -> Self:
        """Of ``METER_QUALITY`` rows of other days; ``like`` names those of the same day type (a special day is like
        none). Days further away than ``REACH``, and the day itself, are not looked at."""
        near = (pl.col("local_date") - pl.lit(day.day)).abs() <= REACH
        rows = rows.filter(near & (pl.col("local_date") != day.day))
        whole = pl.col("expected") * thresholds.number("history_full")
        good = (
            pl.col("local_date").is_in(list(like))
            & (pl.col("actual") >= whole)
            & (pl.col("suspect") == 0)
            & (pl.col("local_date") < day.day)
        )
        energy, peak, least = (pl.col(name).cast(pl.Float64) for name in ("energy", "peak_power", "least_power"))
        eve = pl.col("local_date") == day.day - timedelta(days=1)
        keys = day.channels.select(CHANNEL)
        here = keys.with_row_index("_line").with_columns(_digest=pl.Series(day.digest))
        found = rows.join(here, on=CHANNEL, how="inner", maintain_order="left")
        told = found.group_by("_line").agg(
            days=good.sum(),
            mean=energy.filter(good).mean(),
            highest=energy.filter(good).max(),
            lowest=energy.filter(good).min(),
            peak=peak.filter(good).mean(),
            base=least.filter(good).mean(),
            greatest_peak=peak.filter(good).max(),
            used=(energy > 0).any(),
            met=(pl.col("local_date") < day.day).any(),
            goes_on=(pl.col("local_date") > day.day).any(),
            zero_minutes=pl.col("zero_minutes").filter(eve).first(),
            estimated_days=pl.col("estimated_days").filter(eve).first(),
            copies=(pl.col("digest") == pl.col("_digest")).any(),
        )
        told = here.select("_line").join(told, on="_line", how="left", maintain_order="left")

        def floats(name: str) -> Floats:
            return told[name].fill_null(np.nan).to_numpy()

        def ints(name: str) -> Ints:
            return told[name].fill_null(0).cast(pl.Int64).to_numpy()

        def bools(name: str) -> Bools:
            return told[name].fill_null(value=False).to_numpy()

        quantities = rows.select("meter_id", "quantity").unique()
        new = here.join(quantities, on=["meter_id", "quantity"], how="anti")
        known = new.join(quantities, on="meter_id", how="semi")
        strange = np.zeros(keys.height, np.bool_)
        strange[known["_line"].to_numpy()] = True
        newest = rows["local_date"].max()
        assert newest is None or isinstance(newest, date)
        return cls(
            days=ints("days"),
            mean=floats("mean"),
            highest=floats("highest"),
            lowest=floats("lowest"),
            peak=floats("peak"),
            base=floats("base"),
            greatest_peak=floats("greatest_peak"),
            used=bools("used"),
            met=bools("met"),
            goes_on=bools("goes_on"),
            newest=newest,
            zero_minutes=ints("zero_minutes"),
            estimated_days=ints("estimated_days"),
            copies=bools("copies"),
            other_quantity=strange,
        )
