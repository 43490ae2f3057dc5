"""What four weeks of a channel's days were like: today's use is held against it, and no interval of them is read."""

from collections.abc import Collection, Iterator
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

_FIGURES = ("energy", "peak_power", "least_power")


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
        keys = day.channels.select(CHANNEL)
        count = np.zeros(keys.height, np.int64)
        zero_minutes, estimated_days = count.copy(), count.copy()
        used, met, goes_on, copies = (np.zeros(keys.height, np.bool_) for _ in range(4))
        sums = {name: np.zeros(keys.height) for name in _FIGURES}
        highest, greatest_peak = np.full(keys.height, np.nan), np.full(keys.height, np.nan)
        lowest = highest.copy()
        rows = rows.filter(pl.col("local_date") != day.day) if (rows["local_date"] == day.day).any() else rows
        for at, part in _by_day(rows):
            if abs(at - day.day) > REACH:
                continue
            its = _in_order(part, keys)
            digest = its["digest"]
            copies |= (digest.fill_null(0).to_numpy() == day.digest) & digest.is_not_null().to_numpy()
            used |= (its["energy"] > 0).fill_null(value=False).to_numpy()
            there = its["expected"].is_not_null().to_numpy()
            met |= there & (at < day.day)
            goes_on |= there & (at > day.day)
            if at == day.day - timedelta(days=1):
                zero_minutes = its["zero_minutes"].fill_null(0).cast(pl.Int64).to_numpy()
                estimated_days = its["estimated_days"].fill_null(0).cast(pl.Int64).to_numpy()
            if at < day.day and at in like:
                whole = its["actual"] >= its["expected"] * thresholds.number("history_full")
                good = (whole & (its["suspect"] == 0) & its["energy"].is_not_null()).fill_null(value=False).to_numpy()
                energy, peak, least = (its[name].cast(pl.Float64).fill_null(0).to_numpy() for name in _FIGURES)
                for name, value in zip(_FIGURES, (energy, peak, least), strict=True):
                    sums[name] += np.where(good, value, 0)
                count += good
                highest = np.where(good, np.fmax(highest, energy), highest)
                lowest = np.where(good, np.fmin(lowest, energy), lowest)
                greatest_peak = np.where(good, np.fmax(greatest_peak, peak), greatest_peak)
        means = {name: np.where(count > 0, total, np.nan) / np.maximum(count, 1) for name, total in sums.items()}
        new = keys.with_row_index("_line").filter(~pl.Series(met | goes_on))
        others = rows.join(new, on="meter_id", how="semi") if new.height else rows.clear()
        strange = np.zeros(keys.height, np.bool_)
        swapped = new.join(others, on="meter_id", how="semi").join(others, on=["meter_id", "quantity"], how="anti")
        strange[swapped["_line"].to_numpy()] = True
        newest = rows["local_date"].max()
        assert newest is None or isinstance(newest, date)
        return cls(
            days=count,
            mean=means["energy"],
            highest=highest,
            lowest=lowest,
            peak=means["peak_power"],
            base=means["least_power"],
            greatest_peak=greatest_peak,
            used=used,
            met=met,
            goes_on=goes_on,
            newest=newest,
            zero_minutes=zero_minutes,
            estimated_days=estimated_days,
            copies=copies,
            other_quantity=strange,
        )


def _in_order(rows: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """A day's rows in the order of the channels, nulls for one that has none. Most days have the same channels."""
    if rows.select(CHANNEL).equals(keys):
        return rows
    return keys.join(rows, on=CHANNEL, how="left", maintain_order="left")


def _by_day(rows: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame]]:
    """Rows by day. Read from day files they lie so already, and a slice costs nothing."""
    runs = rows["local_date"].rle().struct.unnest()
    if runs["value"].is_duplicated().any():
        rows = rows.sort("local_date", maintain_order=True)
        runs = rows["local_date"].rle().struct.unnest()
    first = 0
    for length, at in runs.iter_rows():
        yield at, rows.slice(first, length)
        first += length
