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

_ENERGIES = ("energy", "peak_power", "least_power")
_FIGURES = (*_ENERGIES, "expected", "actual", "suspect", "zero_minutes", "estimated_days", "digest")


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
        keys = day.channels.select(CHANNEL)
        days = rows.select(*CHANNEL, "local_date", *_FIGURES).cast(dict.fromkeys(_ENERGIES, pl.Float64))
        size = keys.height
        figures = {name: np.full((0, size), np.nan) for name in _ENERGIES}
        used, met, goes_on, copies = (np.zeros(size, np.bool_) for _ in range(4))
        zero_minutes, estimated_days = np.zeros(size, np.int64), np.zeros(size, np.int64)
        for (date_,), part in days.partition_by("local_date", as_dict=True, maintain_order=True).items():
            its = _in_order(part, keys)
            digest = its["digest"]
            copies |= (digest.fill_null(0).to_numpy() == day.digest) & digest.is_not_null().to_numpy()
            used |= (its["energy"] > 0).fill_null(value=False).to_numpy()
            there = its["expected"].is_not_null().to_numpy()
            met |= there & (date_ < day.day)
            goes_on |= there & (date_ > day.day)
            if date_ == day.day - timedelta(days=1):
                zero_minutes = its["zero_minutes"].fill_null(0).cast(pl.Int64).to_numpy()
                estimated_days = its["estimated_days"].fill_null(0).cast(pl.Int64).to_numpy()
            if date_ < day.day and date_ in like:
                whole = its["actual"] >= its["expected"] * thresholds.number("history_full")
                good = (whole & (its["suspect"] == 0)).fill_null(value=False).to_numpy()
                for name, known in figures.items():
                    value = np.where(good, its[name].fill_null(np.nan).to_numpy(), np.nan)
                    figures[name] = np.vstack([known, value])
        count = (~np.isnan(figures["energy"])).sum(axis=0)
        new = keys.with_row_index("_line").filter(~pl.Series(met | goes_on))
        others = rows.join(new, on="meter_id", how="semi") if new.height else rows.clear()
        strange = np.zeros(size, np.bool_)
        swapped = new.join(others, on="meter_id", how="semi").join(others, on=["meter_id", "quantity"], how="anti")
        strange[swapped["_line"].to_numpy()] = True

        def mean(name: str) -> Floats:
            found: Floats = np.where(count > 0, np.nansum(figures[name], axis=0), np.nan) / np.maximum(count, 1)
            return found

        def most(name: str, sign: int = 1) -> Floats:
            found: Floats = sign * np.fmax.reduce(sign * figures[name], axis=0, initial=np.nan)
            return found

        newest = rows["local_date"].max()
        assert newest is None or isinstance(newest, date)
        return cls(
            days=count,
            mean=mean("energy"),
            highest=most("energy"),
            lowest=most("energy", -1),
            peak=mean("peak_power"),
            base=mean("least_power"),
            greatest_peak=most("peak_power"),
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
