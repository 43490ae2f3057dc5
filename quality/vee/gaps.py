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
        if not 0 <= self.day < days <= 64:
            raise ValueError(f"day {self.day} of {days}: a window has at most 64 days, the one to fill among them")
        for name, shape in (("outage", self.value.shape), ("check", (channels, slots)), ("signed", (channels,))):
            told = getattr(self, name)
            if told is not None and told.shape != shape:
                raise ValueError(f"{name} is {told.shape} where the values ask for {shape}")

    @property
    def slots(self) -> int:
        """Of a day."""
        return DAY_MINUTES // self.minutes

    def around(self, channels: Ints, back: int, ahead: int) -> Floats:
        """Usable values of ``channels`` (× days × slots) from ``back`` days before the day to fill to ``ahead`` days
        after it; NaN beyond the window. A slot whose supply was off is no end of a gap (California's working group on
        VEE), so it is NaN."""
        first, last = max(self.day - back, 0), min(self.day + ahead + 1, len(self.day_type))
        found = np.full((len(channels), back + 1 + ahead, self.slots), np.nan)
        inside = found[:, first - self.day + back : last - self.day + back]
        inside[:] = self.value[channels, first:last]
        if self.outage is not None:
            inside[self.outage[channels, first:last]] = np.nan
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
        strip = window.around(channels, 1, 1).reshape(len(channels), 3 * slots)
        edged = np.isnan(np.pad(strip, ((0, 0), (1, 1))))
        turn = edged[:, 1:] != edged[:, :-1]
        row, at = np.nonzero(turn)
        row, start, end = row[::2], at[::2], at[1::2]
        touching = (end > slots) & (start < 2 * slots)
        row, start, end = row[touching], start[touching], end[touching]
        walled = np.pad(strip, ((0, 0), (1, 1)), constant_values=np.nan)
        return cls(channels[row], start - slots, end - slots, walled[row, start], walled[row, end + 1])

    @property
    def length(self) -> Ints:
        """In slots."""
        return self.end - self.start

    def holding(self, channel: Ints, slot: Ints, slots: int) -> Ints:
        """Which gap each of these slots of the day is in."""
        wide = 3 * slots
        return np.searchsorted(self.channel * wide + self.start + slots, channel * wide + slot + slots, "right") - 1
