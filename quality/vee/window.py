"""A day of meter intervals as arrays: a row a channel, a column a slot.

``METER_INTERVALS`` is a complete grid sorted by its key, so a channel's day is a run of rows and the array is the
column as it lies. Where a frame is not like that, its rows are put in their places one by one; both give the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Final, Self, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.meter_grid import CHANNEL, DAY_MINUTES, MINUTE, midnight
from quality.readings import ENERGY, QUALITIES, QUALITY

Bools = NDArray[np.bool_]
Codes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Ints = NDArray[np.signedinteger]
Number = TypeVar("Number", bound=np.generic)

MISSING: Final = QUALITIES.index("missing")
ESTIMATED: Final = tuple(
    QUALITIES.index(code) for code in ("substituted", "substituted_temporary", "suspect", "forecast")
)
"""Qualities of values that nobody read: the utility's own estimates."""
PARTS: Final = 8
"""Of a day's shape: three hours each, as many as fit into one number."""

_IS_ESTIMATED = np.isin(np.arange(len(QUALITIES)), ESTIMATED)

RATES: Final = {"A": 1, "B": 2, "C": 4, "ON": 1, "ON-PEAK": 1, "OFF": 6, "OFF-PEAK": 6}
"""What a utility's word for a rate may be in our calendar, as bits: 1 peak, 2 off-peak, 4 holiday. PEA's RATE A, B, C
tell the three apart, MEA's ON and OFF do not."""


@dataclass(frozen=True)
class MeterDay:
    """The channels of a local day that have intervals of ``minutes``.

    ``channels`` has a row a channel: ``meter_id, channel, quantity, unit, receipt, delivered`` (of its first reading,
    null where the frame tells none) and what the register knows of the meter. ``value`` (channels × slots) is in
    ``unit``, NaN where there is none; ``quality`` is a place in ``QUALITIES``; ``row`` says which row of the frame it
    is, -1 where the frame has none. ``rate`` is the utility's word for the slot's rate, in bits of ``RATES``, 0 where
    it told none, or None where it told none at all. ``clock`` tells which slots' stamps were moved onto the grid, None
    where the frame does not say. Channels that are ``guests`` are here for others to be held against, and are judged
    elsewhere.
    """

    day: date
    minutes: int
    channels: pl.DataFrame
    row: Ints
    value: Floats
    quality: Codes
    rate: Codes | None = None
    clock: Bools | None = None
    guests: Bools | None = None

    @classmethod
    def of(cls, intervals: pl.DataFrame, register: pl.DataFrame | None = None) -> list[Self]:
        """One for each interval length among ``METER_INTERVALS`` rows of one local day, the shortest first.

        ``register`` has a row a ``meter_id``; whatever else it tells becomes columns of ``channels``. Raises
        ``ValueError`` for rows of several days, two rows of one slot, and a register that has a meter twice.
        """
        days = intervals["local_date"].unique()
        if len(days) > 1:
            raise ValueError(f"a day of intervals is asked for, here are {len(days)}")
        if register is not None and register["meter_id"].is_duplicated().any():
            raise ValueError("the register has a meter twice")
        found = []
        for minutes in intervals["minutes"].unique().sort():
            rows = np.flatnonzero((intervals["minutes"] == minutes).to_numpy())
            part = intervals if len(rows) == intervals.height else intervals[rows]
            found.append(cls._of_length(part, rows, days[0], minutes, register))
        return found

    @classmethod
    def _of_length(cls, part: pl.DataFrame, rows: Ints, day: date, minutes: int, register: pl.DataFrame | None) -> Self:
        channels, place = _places(part, day, minutes)
        shape = (channels.height, DAY_MINUTES // minutes)

        def placed(values: NDArray[Number], otherwise: float) -> NDArray[Number]:
            """A column as an array. Most days lie as they should; else each row is put in its place."""
            if place is None:
                return values.reshape(shape)
            found = np.full(shape, otherwise, values.dtype)
            found.reshape(-1)[place] = values
            return found

        value = placed(part["value_delivered"].cast(pl.Float64).fill_null(np.nan).to_numpy(), np.nan)
        row = placed(rows, -1)
        rate = clock = None
        if "rate_raw" in part.columns and part["rate_raw"].null_count() < part.height:
            words = part["rate_raw"].str.to_uppercase().str.strip_prefix("RATE ")
            rate = placed(words.replace_strict(RATES, default=0, return_dtype=pl.UInt8).fill_null(0).to_numpy(), 0)
        if "clock_seconds" in part.columns:
            clock = placed(part["clock_seconds"].is_not_null().to_numpy(), 0)
        first = np.searchsorted(rows, row[np.arange(shape[0]), np.argmax(~np.isnan(value), axis=1)])
        first = np.minimum(first, part.height - 1)
        for name, dtype in (("receipt", pl.String), ("delivered", pl.Date)):
            told = part[f"_{name}"].gather(first) if f"_{name}" in part.columns else pl.Series([None] * shape[0])
            channels = channels.with_columns(told.cast(dtype).alias(name))
        if register is not None:
            channels = channels.join(register, on="meter_id", how="left", maintain_order="left")
        quality = placed(part["quality"].cast(QUALITY).to_physical().cast(pl.UInt8).to_numpy(), MISSING)
        return cls(day, minutes, channels, row, value, quality, rate, clock)

    @property
    def keys(self) -> pl.DataFrame:
        """``CHANNEL`` of each channel."""
        return self.channels.select(CHANNEL)

    @property
    def slots(self) -> int:
        """Of a day."""
        return DAY_MINUTES // self.minutes

    @property
    def starts(self) -> pl.Series:
        """Start of each slot (UTC)."""
        return pl.Series("start", _starts(self.day, self.minutes)).cast(pl.Datetime("us", "UTC"))

    @property
    def per_hour(self) -> float:
        """Energy of a slot × this = its mean power."""
        return 60 / self.minutes

    @cached_property
    def there(self) -> Bools:
        """Which slots have a value."""
        return ~np.isnan(self.value)

    @cached_property
    def filled(self) -> Floats:
        """Values, 0 where there is none."""
        return np.where(self.there, self.value, 0)

    @cached_property
    def count(self) -> Ints:
        """Values of each channel."""
        count: Ints = self.there.sum(axis=1)
        return count

    @cached_property
    def total(self) -> Floats:
        """Sum of each channel's values."""
        total: Floats = self.filled.sum(axis=1)
        return total

    @cached_property
    def greatest(self) -> Floats:
        """Of each channel's values; -inf where it has none."""
        return np.where(self.count > 0, np.fmax.reduce(self.value, axis=1), -np.inf)

    @cached_property
    def least(self) -> Floats:
        """Of each channel's values; inf where it has none."""
        return np.where(self.count > 0, np.fmin.reduce(self.value, axis=1), np.inf)

    @cached_property
    def estimated(self) -> Bools:
        """Slots whose value is the utility's own estimate."""
        return self.there & _IS_ESTIMATED[self.quality]

    @cached_property
    def digest(self) -> NDArray[np.uint64]:
        """A number for each channel that two days share only where all their values are the same."""
        # A short number ends in many zero bits, which a product with a weight would keep, so that all of them cancel.
        places = np.random.default_rng(96).integers(0, 2**64, self.slots, np.uint64)
        digest: NDArray[np.uint64] = _mixed(self.filled.view(np.uint64) ^ places).sum(axis=1, dtype=np.uint64)
        return digest

    @cached_property
    def shape(self) -> pl.Series:
        """How each channel's energy lies over the day: a byte for each of ``PARTS`` (the first lowest), 255 being all.
        Null where there is no energy, a value below zero, or a slot that is longer than a part."""
        if self.slots % PARTS:
            return pl.Series("shape", [None], pl.UInt64).new_from_index(0, self.channels.height)
        told = (self.total > 0) & (self.least >= 0)
        parts = self.filled.reshape(len(told), PARTS, -1).sum(axis=2)
        share = np.rint(parts / np.where(told, self.total, np.inf)[:, None] * 255)
        packed = np.ascontiguousarray(share, "u1").view("<u8").ravel().astype(np.uint64)
        return pl.Series("shape", packed).zip_with(pl.Series(told), pl.Series("shape", [None], pl.UInt64))

    def among(self, channels: Bools, breaks: Bools) -> Bools:
        """``breaks``, which is told for ``channels`` alone, among all."""
        found = np.zeros(self.value.shape, np.bool_)
        found[channels] = breaks
        return found

    def full(self, share: float) -> Bools:
        """Channels that have at least this share of their values."""
        whole: Bools = self.count >= share * self.slots
        return whole

    @cached_property
    def energy(self) -> Floats:
        """Of the day, as if the missing slots were as the others; NaN where there is none."""
        return np.where(self.count > 0, self.total * self.slots / np.maximum(self.count, 1), np.nan)

    def without(self, values: Bools) -> Self:
        """The day without some of its values."""
        if not values.any():
            return self
        return replace(self, value=np.where(values, np.nan, self.value))

    def without_guests(self) -> Self:
        """The day's other channels."""
        if self.guests is None:
            return self
        own = ~self.guests
        rate = None if self.rate is None else self.rate[own]
        clock = None if self.clock is None else self.clock[own]
        channels = self.channels.filter(pl.Series(own))
        return replace(
            self,
            channels=channels,
            value=self.value[own],
            quality=self.quality[own],
            rate=rate,
            clock=clock,
            guests=None,
        )

    def known(self, name: str) -> Bools:
        """Of which channels the register (or lineage) tells ``name``."""
        return is_known(self.channels, name)

    def of_quantity(self, names: Iterable[str]) -> Bools:
        """Which channels are of one of these quantities."""
        here = [self._quantities[name] for name in names if name in self._quantities]
        return np.logical_or.reduce(here) if here else np.zeros(self.channels.height, np.bool_)

    @cached_property
    def _quantities(self) -> dict[str, Bools]:
        quantity = self.channels["quantity"]
        return {name: (quantity == name).to_numpy() for name in quantity.unique()}


def is_known(channels: pl.DataFrame, name: str) -> Bools:
    """Which rows have a ``name``."""
    if name not in channels.columns:
        return np.zeros(channels.height, np.bool_)
    return channels[name].is_not_null().to_numpy()


def recorded(values: Floats) -> pl.Series:
    """Energies in the decimals that the lake keeps of them, null where there is none."""
    return pl.Series(values).fill_nan(None).round(6).cast(ENERGY)


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each number as one of which every bit depends on all of its bits: the finaliser of SplitMix64 (Steele, Lea and
    Flood, OOPSLA 2014, https://doi.org/10.1145/2660193.2660195)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = bits ^ (bits >> np.uint64(31))
    return mixed


def _starts(day: date, minutes: int) -> Ints:
    return midnight(day) + np.arange(0, DAY_MINUTES, minutes) * MINUTE


def _places(part: pl.DataFrame, day: date, minutes: int) -> tuple[pl.DataFrame, Ints | None]:
    """The channels of a part and the place of each row in the array, None where the rows lie in theirs already."""
    slots = DAY_MINUTES // minutes
    names = [*CHANNEL, "unit"]
    starts = part["start"].to_physical().to_numpy()
    if part.height % slots == 0 and (starts.reshape(-1, slots) == _starts(day, minutes)).all():
        changes = part.select(pl.any_horizontal(pl.col(name) != pl.col(name).shift() for name in CHANNEL)).to_series()
        if not np.any(np.flatnonzero(changes.fill_null(value=False).to_numpy()) % slots):
            channels = part[::slots].select(names)
            if not channels.select(CHANNEL).is_duplicated().any():
                return channels, None
    channels = part.select(names).unique(CHANNEL, keep="first").sort(CHANNEL)
    line = part.select(CHANNEL).join(channels.with_row_index("_line"), on=CHANNEL, how="left", maintain_order="left")
    place = line["_line"].cast(pl.Int64).to_numpy() * slots + (starts - _starts(day, minutes)[0]) // (minutes * MINUTE)
    if len(np.unique(place)) < len(place):
        raise ValueError("two rows of one meter, channel, quantity and slot")
    return channels, place
