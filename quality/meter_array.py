"""A day of readings as an array of meters × channels × slots: aligned, resolved and completed without a join.

Channels whose readings all lie on one grid, one a slot, need no judgement: each reading has its place, and a place
without one is missing. What else a day holds goes the way of rows (``quality.meter_grid``). Both give the same.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.meter_grid import CHANNEL, DAY_MINUTES, MINUTE, SHAPE, SLOT, midnight
from quality.readings import LABEL, QUANTITIES

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SPARSE = 4
"""Places that an array may have for each reading; beyond it (a channel's name for every meter) rows are shorter."""


@dataclass(frozen=True)
class DayArray:
    """The readings of a local day in their places.

    ``regular`` tells of each reading whether its channel is: all its readings are of ``minutes``, start on the grid and
    stand alone in their slots. ``place`` of each regular reading is (meter, kind, slot) in one number: places are in
    the order of ``meters`` (ids) and ``kinds`` (``channel, quantity``), which are sorted as texts.
    """

    day: date
    minutes: int
    meters: pl.Series
    kinds: pl.DataFrame
    regular: Bools
    place: Ints

    @classmethod
    def of(cls, readings: pl.DataFrame, day: date) -> Self:
        """Of readings of local day ``day``: ``meter_id, channel, quantity`` (each ``LABEL``), ``start, minutes``."""
        lengths = readings["minutes"].fill_null(0).to_numpy()
        usable = lengths[(lengths > 0) & (DAY_MINUTES % np.maximum(lengths, 1) == 0)]
        empty = readings.select(CHANNEL).clear()
        none = cls(
            day, 1, empty["meter_id"], empty.drop("meter_id"), np.zeros(len(lengths), np.bool_), np.zeros(0, np.int64)
        )
        if not len(usable) or any(readings[name].null_count() for name in CHANNEL):
            return none
        minutes = int(np.bincount(usable).argmax())
        slots = DAY_MINUTES // minutes
        meters, meter = _ranks(readings["meter_id"])
        channels, channel = _ranks(readings["channel"])
        quantities, quantity = _ranks(readings["quantity"])
        kind = channel * len(quantities) + quantity
        there = np.flatnonzero(np.bincount(kind))
        if len(meters) * len(there) * slots > SPARSE * len(lengths) + DAY_MINUTES:
            return none
        kinds = pl.DataFrame([channels[there // len(quantities)], quantities[there % len(quantities)]])
        after = readings["start"].to_physical().to_numpy() - midnight(day)
        slot = after // (minutes * MINUTE)
        on_grid = (lengths == minutes) & (after % (minutes * MINUTE) == 0) & (slot >= 0) & (slot < slots)
        line = meter * len(there) + np.searchsorted(there, kind)
        irregular = np.zeros(len(meters) * len(there), np.bool_)
        irregular[line[~on_grid]] = True
        told = np.bincount((line * slots + slot)[on_grid], minlength=len(irregular) * slots)
        irregular |= (told.reshape(-1, slots) > 1).any(axis=1)
        regular = ~irregular[line]
        return cls(day, minutes, meters, kinds, regular, (line * slots + slot)[regular])

    @property
    def slots(self) -> int:
        """Of a day."""
        return DAY_MINUTES // self.minutes

    @property
    def delivering(self) -> pl.Series:
        """Ids of meters with a regular channel."""
        return self.meters.gather(np.flatnonzero(self._there.any(axis=1)))

    @property
    def shapes(self) -> pl.DataFrame:
        """Regular channels by what they are like, as ``meter_grid.shapes``."""
        counted = self.kinds.with_columns(
            pl.col("channel", "quantity").cast(pl.String),
            minutes=pl.lit(self.minutes, pl.Int32),
            meters=pl.Series(self._there.sum(axis=0), dtype=pl.UInt32),
        )
        unit = pl.col("quantity").replace_strict(QUANTITIES, return_dtype=pl.String)
        return counted.filter(pl.col("meters") > 0).with_columns(unit=unit).select(*SHAPE, "meters")

    def complete(self, rows: pl.DataFrame, silent: pl.Series, usual: pl.DataFrame) -> pl.DataFrame:
        """The complete grid, sorted: the regular readings ``rows`` (as in ``place``), what their channels lack, and all
        slots of the meters ``silent`` in the channel ``usual`` (``channel, quantity``). Added rows have quality
        ``missing``, and nulls in all columns that are not their place's."""
        meters, kinds, place, there = self.meters, self.kinds, self.place, self._there
        if silent.len() and usual.height:
            usual = usual.select(pl.col("channel", "quantity").cast(LABEL))
            meters = pl.concat([self.meters, silent.cast(LABEL)]).unique().sort()
            kinds = pl.concat([self.kinds, usual]).unique().sort("channel", "quantity")
            meter, kind = _positions(meters, self.meters), _kinds_in(kinds, self.kinds)
            line, slot = np.divmod(place, self.slots)
            line = meter[line // self.kinds.height] * kinds.height + kind[line % self.kinds.height]
            place = line * self.slots + slot
            wider = np.zeros((len(meters), kinds.height), np.bool_)
            wider[np.ix_(meter, kind)] = there
            wider[_positions(meters, silent.cast(LABEL)), _kinds_in(kinds, usual)] = True
            there = wider
        expected = np.repeat(there.ravel(), self.slots)
        reading = np.full(len(expected), -1, np.int64)
        reading[place] = np.arange(len(place))
        reading = reading[expected]
        if len(reading) == len(place) and (np.diff(reading) == 1).all():
            return rows
        line, slot = np.divmod(np.flatnonzero(expected), self.slots)
        meter, kind = np.divmod(line, kinds.height)
        of_place = (*SLOT, "unit", "minutes", "local_date")
        empty = {name for name in rows.columns if name != "quality" and rows[name].null_count() == rows.height}
        told = [name for name in rows.columns if name not in of_place and name not in empty]
        found = rows.select(pl.col(told).gather(pl.Series(reading).replace(-1, None)))
        missing = pl.Series(reading < 0)
        quantity = kinds["quantity"].cast(pl.String)
        units = quantity.replace_strict(QUANTITIES, return_dtype=pl.String).cast(rows.schema["unit"])
        start = pl.Series(midnight(self.day) + slot * (self.minutes * MINUTE))
        return found.with_columns(
            meters.gather(meter).alias("meter_id"),
            kinds["channel"].gather(kind).alias("channel"),
            kinds["quantity"].gather(kind).alias("quantity"),
            units.gather(kind).alias("unit"),
            start.cast(pl.Datetime("us", "UTC")).alias("start"),
            minutes=pl.lit(self.minutes, pl.Int32),
            local_date=pl.lit(self.day, pl.Date),
            quality=pl.when(missing).then(pl.lit("missing", rows.schema["quality"])).otherwise("quality"),
            **{name: pl.lit(None, rows.schema[name]) for name in empty.difference(of_place)},
        ).select(rows.columns)

    @cached_property
    def _there(self) -> Bools:
        """Which channels have readings: meters × kinds."""
        there = np.zeros(len(self.meters) * self.kinds.height, np.bool_)
        there[self.place // self.slots] = True
        return there.reshape(len(self.meters), self.kinds.height)


def _ranks(labels: pl.Series) -> tuple[pl.Series, Ints]:
    """The distinct labels, sorted as texts, and the rank of each one."""
    distinct = labels.unique().sort()
    return distinct, _positions(distinct, labels)


def _positions(of: pl.Series, labels: pl.Series) -> Ints:
    """Where each label is in ``of``, which has them all, once each."""
    codes = of.to_physical().to_numpy()
    place = np.zeros(int(codes.max(initial=0)) + 1, np.int64)
    place[codes] = np.arange(len(codes))
    found: Ints = place[labels.to_physical().to_numpy()]
    return found


def _kinds_in(kinds: pl.DataFrame, some: pl.DataFrame) -> Ints:
    found = some.join(kinds.with_row_index("_at"), on=["channel", "quantity"], how="left", maintain_order="left")
    return found["_at"].to_numpy().astype(np.int64)
