"""Where the values of a day are missing, and what stands around the gaps."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from quality.meter_grid import DAY_MINUTES

Bools = NDArray[np.bool_]
Codes = NDArray[np.uint8]
Days = NDArray[np.uint64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REACH: Final = 28
"""Days back and ahead in which like days are looked for: four weeks (Connexo NearestAvgValueDay)."""
SPAN: Final = REACH + 2
"""Days back and ahead that an estimate can depend on: a gap is seen into the neighbouring days, and what is around it
for a day more, there and in the days it is held against."""


def day_bit(offset: Ints | int) -> Days:
    """The bit of a day, counted from the one that is filled, in a mask of the ``2 * SPAN + 1`` days around it."""
    bit: Days = np.uint64(1) << (np.asarray(offset) + SPAN).astype(np.uint64)
    return bit


@dataclass(frozen=True)
class Window:
    """The days of some channels around one that has gaps: all that its estimates depend on.

    ``value`` is channels × days × slots, of ``minutes`` each, in the quantity's unit, NaN where there is no usable
    value: missing, suspect, or itself an estimate. ``day_type`` has a code of ``DAY_TYPES`` for each day; ``day`` is
    the place of the one to fill. Days further than ``SPAN`` from it are not looked at: a value that comes late
    changes the estimates of no day further away than that.

    ``outage`` (channels × days × slots) tells where supply was proven off, ``check`` (channels × slots) is what a check
    meter says of the day. Estimates of a channel are not negative, unless it is ``signed`` (channels).
    """

    value: Floats
    day_type: Codes
    minutes: int
    day: int
    outage: Bools | None = None
    check: Floats | None = None
    signed: Bools | None = None

    def __post_init__(self) -> None:
        channels, days, slots = self.value.shape
        if self.minutes * slots != DAY_MINUTES:
            raise ValueError(f"{slots} slots of {self.minutes} minutes are no day")
        if self.day_type.shape != (days,):
            raise ValueError(f"{len(self.day_type)} day types for {days} days")
        if not 0 <= self.day < days:
            raise ValueError(f"day {self.day} is not among {days}")
        for name, shape in (("outage", self.value.shape), ("check", (channels, slots)), ("signed", (channels,))):
            told = getattr(self, name)
            if told is not None and told.shape != shape:
                raise ValueError(f"{name} is {told.shape} where the values ask for {shape}")

    @property
    def slots(self) -> int:
        """Of a day."""
        return DAY_MINUTES // self.minutes

    def missing(self, channels: Ints, offset: int) -> Bools:
        """Which slots of ``channels`` have no usable value, so many days after the day to fill. A slot whose supply was
        off is no end of a gap (California's working group on VEE), so it has none."""
        day = self.day + offset
        if not 0 <= day < len(self.day_type):
            return np.ones((len(channels), self.slots), np.bool_)
        missing: Bools = np.isnan(self.value[channels, day])
        if self.outage is not None:
            missing |= self.outage[channels, day]
        return missing

    def at(self, channel: Ints, slot: Ints) -> Floats:
        """What stands in these slots, counted from the midnight the day to fill begins with."""
        day = np.clip(self.day + slot // self.slots, 0, len(self.day_type) - 1)
        found: Floats = self.value[channel, day, slot % self.slots]
        return found


@dataclass(frozen=True)
class Gaps:
    """Runs of slots without a usable value that touch the day to fill, in the order of channels and slots.

    ``start`` and ``end`` (the slot after the last) count from the day's own midnight; a run is followed for one day
    back and ahead. ``before`` and ``after`` are the values at its edges, NaN where there are none.
    """

    channel: Ints
    start: Ints
    end: Ints
    before: Floats
    after: Floats

    @classmethod
    def of(cls, window: Window, channels: Ints) -> Self:
        """Of these channels (sorted)."""
        slots = window.slots
        missing = np.zeros((len(channels), 3 * slots + 2), np.bool_)
        for offset in (-1, 0, 1):
            place = slice((offset + 1) * slots + 1, (offset + 2) * slots + 1)
            missing[:, place] = window.missing(channels, offset)
        row, at = np.nonzero(missing[:, 1:] != missing[:, :-1])
        channel, start, end = channels[row[::2]], at[::2] - slots, at[1::2] - slots
        touching = (end > 0) & (start < slots)
        channel, start, end = channel[touching], start[touching], end[touching]
        before = np.where(start > -slots, window.at(channel, start - 1), np.nan)
        after = np.where(end < 2 * slots, window.at(channel, end), np.nan)
        return cls(channel, start, end, before, after)

    @property
    def length(self) -> Ints:
        """In slots."""
        return self.end - self.start

    def holding(self, channel: Ints, slot: Ints, slots: int) -> Ints:
        """Which gap each of these slots of the day is in."""
        wide = 3 * slots
        return np.searchsorted(self.channel * wide + self.start + slots, channel * wide + slot + slots, "right") - 1
