"""What like days say about a gap, moved to meet the values around it.

Two opinions weigh the same: days of the same type, nearest in time first, slot by slot, so that a day with another
hole still counts (``D10``); and the days, of any type, whose hours before and after the gap are most alike (``K5``).
Their mean is raised by half of what it lacks in those hours, then bent to meet the values at the edges as an
autoregressive residual would. ``bench/estimation.py`` measures it on real meters against last week's values.
"""

from typing import Final

import numpy as np

from quality.meter_grid import DAY_MINUTES
from quality.vee.day_types import HOLIDAY, SPECIAL, WEEKDAY
from quality.vee.gaps import REACH, SPAN, Days, Gaps, Window, day_bit
from quality.vee.window import Bools, Floats, Ints

LIKE: Final = 10
"""Days of the same type for a slot, at most (Connexo AverageWithSamples: 1 to 10)."""
NEAREST: Final = 5
"""Days alike around the gap. Five and ten do the same; fewer names fewer days."""
OTHER_KIND: Final = 16
"""A working day counts as that many times less alike to a day off, and the other way round. Saturdays and Sundays do as
they are: of each there are few. Measured on seeds that are not reported: with 4, a day of a building is 13 % worse."""
ALIKE_SHARE: Final = 0.4
"""A day is held against the hours around the gap where it has at least this share of them: that of one side where the
other is missing, as on the first days of a meter. With 0.6 a day of a building in its first month is 9 % worse."""
AROUND: Final = DAY_MINUTES
"""Minutes before and after a gap that are looked at, in hours; the weight falls to a third in half a day."""
LEVEL: Final = 0.5
"""The share of the mean difference around the gap that is added in it. Without it a home's estimates add up to less
than was used (a quiet day is like many days); with all of it they err by more."""
PERSISTENCE: Final = 0.6
"""Autocorrelation of the residual an hour apart, where the hours around the gap are too few (``PAIRS``) to tell."""
PAIRS: Final = 6
STEADIEST: Final = 0.98
"""The highest autocorrelation of an hour: beyond it an edge would never be forgotten."""

_AT_ONCE: Final = 512
"""Gaps worked on together: their values stay in the processor's cache."""


def like_days(window: Window, gaps: Gaps, gap: Ints, slot: Ints) -> tuple[Floats, Bools, Days]:
    """Estimates for slots of the day, each in a gap (its place in ``gaps``), in the order of gaps and slots.

    Gives the value (NaN where no day is like it), whether the days alike around the gap took part, and the days it is
    made of, as in ``estimate.Estimates``.
    """
    value, nearest, days = np.full(len(slot), np.nan), np.zeros(len(slot), np.bool_), np.zeros(len(slot), np.uint64)
    asked = np.unique(gap)
    first = np.maximum(gaps.start, 0)
    size = np.ceil(np.log2(np.maximum(np.minimum(gaps.end, window.slots) - first, 8))).astype(np.int64)
    for exponent in np.unique(size[asked]):
        alike = asked[size[asked] == exponent]
        for some in np.array_split(alike, -(-len(alike) // _AT_ONCE)):
            begin, end = np.searchsorted(gap, some), np.searchsorted(gap, some, "right")
            row = np.repeat(np.arange(len(some)), end - begin)
            of = np.arange(len(row)) + np.repeat(begin - np.cumsum(end - begin) + (end - begin), end - begin)
            column = slot[of] - first[gap[of]]
            found = _Likes(window, gaps, some, 2**exponent).found()
            for into, each in zip((value, nearest, days), found, strict=True):
                into[of] = each[row, column]
    return value, nearest, days


class _Likes:
    """Some gaps, each a row, and the places that are compared: the hours around it, its edges, its slots of the day."""

    def __init__(self, window: Window, gaps: Gaps, some: Ints, width: int) -> None:
        self.window, slots = window, window.slots
        self.start, self.end = gaps.start[some, None], gaps.end[some, None]
        self.edges = gaps.before[some, None], gaps.after[some, None]
        self.unit = 60 // window.minutes if 60 % window.minutes == 0 else 1
        hours = slots // self.unit
        self.around = AROUND // (self.unit * window.minutes)
        self.slot = np.minimum(np.maximum(self.start, 0) + np.arange(width), np.minimum(self.end, slots) - 1)

        # The window's days, no further than an estimate may look, and two without values at either end.
        back = min(SPAN, window.day + 2)
        ahead = min(SPAN, len(window.day_type) - window.day + 1)
        self.today, days = back, back + 1 + ahead
        known = slice(max(window.day - back, 0), min(window.day + ahead + 1, len(window.day_type)))
        inside = slice(known.start - window.day + back, known.stop - window.day + back)
        kind = np.full(days, -1)
        kind[inside] = window.day_type[known]
        special = kind == SPECIAL
        self.kind = np.where(special, HOLIDAY, kind)

        channels, row = np.unique(gaps.channel[some], return_inverse=True)
        both = np.empty((len(channels), days * (hours + slots)))
        hourly = both[:, : days * hours].reshape(len(channels), days, hours)
        value = both[:, days * hours :].reshape(len(channels), days, slots)
        value[:, : inside.start], value[:, inside.stop :] = np.nan, np.nan
        value[:, inside] = window.value[channels, known]
        if window.outage is not None:
            out = window.outage[channels, known]
            value[:, inside][out] = np.nan
        hourly[:] = value[:, :, :: self.unit]
        for part in range(1, self.unit):
            hourly += value[:, :, part :: self.unit]
        hourly /= self.unit

        step = np.arange(self.around)
        before = self.start // self.unit - self.around + step
        after = -(-self.end // self.unit) + step
        hour = np.concatenate([before, after], axis=1) + back * hours
        place = np.concatenate([self.start - 1, self.end, self.slot], axis=1) + back * slots
        self.hours, self.inner = slice(0, hour.shape[1]), slice(hour.shape[1] + 2, None)
        self.place = np.concatenate([hour, place + days * hours], axis=1) + row[:, None] * both.shape[1]
        self.day = np.concatenate([hour // hours, place // slots], axis=1)
        self.step = np.repeat([hours, slots], [hour.shape[1], place.shape[1]])
        self.weight = np.exp(-np.abs(np.concatenate([step - self.around, step + 1])) * 2 / self.around)
        # Hours of a special day say nothing about a common one, nor the other way round.
        self.flat = both.ravel()
        seen = self.flat.take(self.place[:, self.hours])
        self.seen = np.where(special[self.day[:, self.hours]] == special[back], seen, np.nan)

        value[:, special], hourly[:, special] = np.nan, np.nan
        if window.outage is not None:
            without = out.any(axis=2)
            value[:, inside][without], hourly[:, inside][without] = np.nan, np.nan

    def at(self, offset: Ints | int) -> Floats:
        """What stood in the places that many days later (rows may differ)."""
        found: Floats = self.flat.take(self.place + offset * self.step)
        return found

    def found(self) -> tuple[Floats, Bools, Days]:
        """Value, whether near days took part, and days of each gap's slots: rows × width."""
        typed, distance, offsets, days = self._typed()
        near, these = self._near(distance, offsets)
        days |= these
        both = np.isfinite(typed) & np.isfinite(near)
        likely = np.where(both, (typed + near) / 2, np.where(np.isfinite(near), near, typed))
        took = np.isfinite(near[:, self.inner])
        lack = np.isfinite(self.seen - likely[:, self.hours])
        for offset in range(-2, 3):
            used = (lack & (self.day[:, self.hours] == self.today + offset)).any(axis=1)
            days[used] |= day_bit(offset)
        for edge, place in zip(self.edges, (self.start - 1, self.end), strict=True):
            days |= np.where(np.isfinite(edge), day_bit(place // self.window.slots), np.uint64(0))
        value = self._met(likely)
        return value, took, np.where(np.isnan(value), np.uint64(0), days)

    def _typed(self) -> tuple[Floats, Floats, Ints, Days]:
        """The mean of like days by type for each place, and how unlike each offset's day is around the gap."""
        total, count = np.zeros(self.place.shape), np.zeros(self.place.shape, np.int64)
        days = np.zeros(self.slot.shape, np.uint64)
        known = np.where(np.isfinite(self.seen), self.weight, 0).sum(axis=1)
        here, distances, offsets = self.kind[self.day], [], []
        for away in range(1, REACH + 1):
            for offset in (-away, away):
                if not 0 <= self.window.day + offset < len(self.window.day_type):
                    continue
                there = self.at(offset)
                told = np.isfinite(there)
                taken = told & (self.kind[self.day + offset] == here) & (count < LIKE)
                total += np.where(taken, there, 0)
                count += taken
                days[taken[:, self.inner]] |= day_bit(offset)
                apart = np.abs(there[:, self.hours] - self.seen)
                held = np.where(np.isfinite(apart), self.weight, 0)
                shared = held.sum(axis=1)
                enough = (shared > 0) & (shared >= ALIKE_SHARE * known) & told[:, self.inner].any(axis=1)
                mean = np.where(held > 0, apart * held, 0).sum(axis=1) / np.where(enough, shared, 1)
                other = (self.kind[self.today + offset] == WEEKDAY) != (self.kind[self.today] == WEEKDAY)
                distances.append(np.where(enough, mean * (OTHER_KIND if other else 1), np.inf))
                offsets.append(offset)
        typed = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return typed, np.array(distances).T.reshape(len(typed), len(offsets)), np.array(offsets, np.int64), days

    def _near(self, distance: Floats, offsets: Ints) -> tuple[Floats, Days]:
        """The mean of the days most alike around the gap, the more alike the heavier."""
        total, weight = np.zeros(self.place.shape), np.zeros(self.place.shape)
        days = np.zeros(self.slot.shape, np.uint64)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, :NEAREST]
        for rank in range(nearest.shape[1]):
            offset = offsets[nearest[:, rank], None]
            heavy = 1 / np.maximum(np.take_along_axis(distance, nearest[:, rank, None], axis=1), 1e-9)
            there = self.at(offset)
            taken = np.isfinite(there) & (heavy > 0)
            total += np.where(taken, there * heavy, 0)
            weight += np.where(taken, heavy, 0)
            days |= np.where(taken[:, self.inner], day_bit(offset), np.uint64(0))
        return np.where(weight > 0, total / np.where(weight > 0, weight, 1), np.nan), days

    def _met(self, likely: Floats) -> Floats:
        """The gap's slots of ``likely``, raised to the level around it and bent to meet the values at its edges.

        The residual is taken for an autoregressive one of first order: between two known ends its expectation is a
        bridge, from one end it dies away.
        """
        lack = self.seen - likely[:, self.hours]
        told = np.isfinite(lack)
        level = LEVEL * np.nan_to_num(lack).sum(axis=1) / np.maximum(told.sum(axis=1), 1)
        lack = lack - level[:, None]
        pair = told[:, :-1] & told[:, 1:]
        pair[:, self.around - 1] = False
        left, right = np.where(pair, lack[:, :-1], 0), np.where(pair, lack[:, 1:], 0)
        power = (left**2 + right**2).sum(axis=1) / 2
        sure = (pair.sum(axis=1) >= PAIRS) & (power > 0)
        steady = np.where(sure, (left * right).sum(axis=1) / np.where(sure, power, 1), PERSISTENCE)
        steady = (np.clip(steady, 0, STEADIEST) ** (1 / self.unit))[:, None]

        likely = likely + level[:, None]
        edge = self.hours.stop
        first, last = self.edges[0] - likely[:, [edge]], self.edges[1] - likely[:, [edge + 1]]
        on, back = self.slot - self.start + 1, self.end - self.slot
        before, after = np.isfinite(first), np.isfinite(last)
        fade, rise = steady**on, steady**back
        span = np.where(before & after, 1 - steady ** (2 * (self.end - self.start + 1)), 1)
        bend = np.where(before, first * fade * np.where(after, 1 - rise**2, 1), 0)
        bend += np.where(after, last * rise * np.where(before, 1 - fade**2, 1), 0)
        return likely[:, self.inner] + bend / span
