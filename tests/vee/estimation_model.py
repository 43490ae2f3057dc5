"""The ladder of estimates once more, one slot at a time in plain Python, from what the documentation says."""

import math
from collections.abc import Sequence

SPECIAL, HOLIDAY, WEEKDAY = 3, 2, 0
Values = Sequence[Sequence[float]]


class Channel:
    """One channel's days of slots; ``None`` where there is no usable value."""

    def __init__(
        self, value: Values, day_type: Sequence[int], minutes: int, day: int, outage: Sequence[Sequence[bool]]
    ):
        self.slots, self.minutes, self.day, self.type = 1440 // minutes, minutes, day, list(day_type)
        self.delivered = [[None if math.isnan(each) else each for each in row] for row in value]
        self.off = [list(row) for row in outage]
        self.unit = 60 // minutes if 60 % minutes == 0 else 1

    def usable(self, slot: int) -> float | None:
        """By the slot's distance from the day's midnight."""
        day, at = self.day + slot // self.slots, slot % self.slots
        if not 0 <= day < len(self.delivered) or self.off[day][at]:
            return None
        return self.delivered[day][at]

    def kind(self, day: int) -> int | None:
        if not 0 <= day < len(self.type):
            return None
        return HOLIDAY if self.type[day] == SPECIAL else self.type[day]

    def special(self, day: int) -> bool:
        return 0 <= day < len(self.type) and self.type[day] == SPECIAL

    def reference(self, slot: int) -> float | None:
        day = self.day + slot // self.slots
        if not 0 <= day < len(self.type) or self.special(day) or any(self.off[day]):
            return None
        return self.usable(slot)

    def hour(self, hour: int, read) -> float | None:
        parts = [read(hour * self.unit + part) for part in range(self.unit)]
        return None if None in parts else sum(parts) / self.unit

    def gap(self, slot: int) -> tuple[int, int]:
        first, last = slot, slot
        while first > -self.slots and self.usable(first - 1) is None:
            first -= 1
        while last < 2 * self.slots - 1 and self.usable(last + 1) is None:
            last += 1
        return first, last + 1

    def edges(self, start: int, end: int) -> tuple[float | None, float | None]:
        before = self.usable(start - 1) if start > -self.slots else None
        after = self.usable(end) if end < 2 * self.slots else None
        return before, after

    def estimate(self, slot: int, check: float | None = None) -> tuple[str, float | None]:
        method, value = self.stepped(slot, check)
        return method, None if value is None else max(value, 0.0)

    def stepped(self, slot: int, check: float | None) -> tuple[str, float | None]:
        assert self.delivered[self.day][slot] is None
        if self.off[self.day][slot]:
            return "Z0", 0.0
        if check is not None:
            return "C1", check
        start, end = self.gap(slot)
        before, after = self.edges(start, end)
        length = end - start
        line = None
        if before is not None and after is not None and length * self.minutes <= 120:
            line = before + (after - before) * (slot - start + 1) / (length + 1)
        if line is not None and length <= 8 and self.minutes <= 15:
            return "L2", line
        value, method = self.like_days(slot, start, end)
        if value is not None:
            return method, value
        return ("M0", None) if line is None else ("L2", line)

    def like_days(self, slot: int, start: int, end: int) -> tuple[float | None, str]:
        per_day = self.slots // self.unit
        around = 1440 // (self.unit * self.minutes)
        first_after = -(-end // self.unit)
        hours = [start // self.unit - around + step for step in range(around)]
        hours += [first_after + step for step in range(around)]
        weight = [math.exp(-2 * (around - step) / around) for step in range(around)]
        weight += [math.exp(-2 * (step + 1) / around) for step in range(around)]
        seen = []
        for hour in hours:
            alike = self.special(self.day + hour // per_day) == self.special(self.day)
            seen.append(self.hour(hour, self.usable) if alike else None)
        inner = range(max(start, 0), min(end, self.slots))
        offsets = [way * away for away in range(1, 29) for way in (-1, 1)]
        offsets = [offset for offset in offsets if 0 <= self.day + offset < len(self.type)]

        def typed(place: int, step: int, read) -> float | None:
            day = self.day + place // step
            found = []
            for offset in offsets:
                value = read(place + offset * step)
                if value is not None and self.kind(day) == self.kind(day + offset):
                    found.append(value)
            return sum(found[:10]) / len(found[:10]) if found else None

        def hourly(hour: int) -> float | None:
            return self.hour(hour, self.reference)

        distances = []
        known = sum(w for w, value in zip(weight, seen, strict=True) if value is not None)
        for order, offset in enumerate(offsets):
            shared = total = 0.0
            for hour, w, value in zip(hours, weight, seen, strict=True):
                other = hourly(hour + offset * per_day)
                if value is not None and other is not None:
                    shared, total = shared + w, total + w * abs(value - other)
            there = any(self.reference(place + offset * self.slots) is not None for place in inner)
            if there and shared > 0 and shared >= 0.4 * known:
                other_kind = (self.kind(self.day) == WEEKDAY) != (self.kind(self.day + offset) == WEEKDAY)
                distances.append((total / shared * (16 if other_kind else 1), order, offset))
        nearest = [(1 / max(distance, 1e-9), offset) for distance, _, offset in sorted(distances)[:5]]

        def near(place: int, step: int, read) -> float | None:
            found = [(w, value) for w, offset in nearest if (value := read(place + offset * step)) is not None]
            return sum(w * value for w, value in found) / sum(w for w, _ in found) if found else None

        def likely(place: int, step: int, read) -> float | None:
            both = [each for each in (typed(place, step, read), near(place, step, read)) if each is not None]
            return sum(both) / len(both) if both else None

        value = likely(slot, self.slots, self.reference)
        if value is None:
            return None, ""
        lack = []
        for hour, here in zip(hours, seen, strict=True):
            expected = likely(hour, per_day, hourly)
            lack.append(None if here is None or expected is None else here - expected)
        told = [each for each in lack if each is not None]
        level = 0.5 * sum(told) / len(told) if told else 0.0
        lack = [None if each is None else each - level for each in lack]
        pairs = [
            (lack[at], lack[at + 1])
            for at in range(len(lack) - 1)
            if at != around - 1 and lack[at] is not None and lack[at + 1] is not None
        ]
        power = sum(a * a + b * b for a, b in pairs) / 2
        steady = sum(a * b for a, b in pairs) / power if len(pairs) >= 6 and power > 0 else 0.6
        steady = min(max(steady, 0.0), 0.98) ** (1 / self.unit)
        value += level
        ends = []
        for edge, place in zip(self.edges(start, end), (start - 1, end), strict=True):
            expected = likely(place, self.slots, self.reference)
            ends.append(None if edge is None or expected is None else edge - expected - level)
        on, back = slot - start + 1, end - slot
        a, b = ends
        if a is not None and b is not None:
            # The mean of a first-order autoregressive series between two known values.
            value += (steady**on * (1 - steady ** (2 * back)) * a + steady**back * (1 - steady ** (2 * on)) * b) / (
                1 - steady ** (2 * (on + back))
            )
        elif a is not None:
            value += steady**on * a
        elif b is not None:
            value += steady**back * b
        return value, "K5" if near(slot, self.slots, self.reference) is not None else "D10"
