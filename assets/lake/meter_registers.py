"""Which meter register tells of a day.

A register tells what is from its reference date on, until the next one does: what moved or was exchanged was otherwise
before. So a day's judgement, which stands on it, follows from the deliveries alone, whenever it is made.
"""

from bisect import bisect
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Self

import polars as pl

from assets.lake import stale_days
from assets.lake.files import CityLake, merged
from quality.tables import METER_FINAL, METER_INTERVALS, METERS, REGISTER_READS

TOLD = [name for name in METERS.schema if name != METERS.day and not name.startswith("_")]
"""What a register tells of a meter."""


@dataclass(frozen=True)
class Registers:
    """A city's registers: ``days`` are their reference dates, oldest first, and ``read`` the ``METERS`` rows of one."""

    days: Sequence[date]
    read: Callable[[date], pl.DataFrame]

    @classmethod
    def of(cls, lake: CityLake) -> Self:
        """Those that the lake holds, each read once."""
        return cls(lake.days(METERS), cache(lambda day: lake.day(METERS, day)))

    def in_force(self, day: date) -> pl.DataFrame:
        """``METERS`` rows of the register that tells of a local day: the newest that is not after it, else the
        first of all, because nothing else tells of the days before that. Empty where there is none."""
        return self._of(self._in_force(day))

    def otherwise(self, days: Iterable[date], after: "Registers") -> list[date]:
        """Of some days those of which other registers tell something else."""
        told = {day: (self._in_force(day), after._in_force(day)) for day in days}
        same = {pair for pair in set(told.values()) if _same(self._of(pair[0]), after._of(pair[1]))}
        return [day for day, pair in told.items() if pair not in same]

    def _in_force(self, day: date) -> date | None:
        return self.days[max(bisect(self.days, day) - 1, 0)] if self.days else None

    def _of(self, reference: date | None) -> pl.DataFrame:
        return METERS.empty() if reference is None else self.read(reference)


def _same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    return one is other or one.select(TOLD).equals(other.select(TOLD))


def note(lake: CityLake, rows: pl.DataFrame, receipts: Collection[str], days: Collection[date]) -> None:
    """Note, before ``METERS`` rows of these reference dates are merged (as in ``CityLake.merge``), the days of which
    another register will tell."""
    before = Registers.of(lake)
    told = merged(METERS, lake.pick(METERS, days), rows, receipts).sort(METERS.order)
    new = {reference: told.filter(reference_date=reference) for reference in told[METERS.day].unique()}
    kept = set(before.days).difference(days)
    after = Registers(sorted({*kept, *new}), lambda day: new[day] if day in new else before.read(day))
    for table in (METER_INTERVALS, METER_FINAL, REGISTER_READS):
        stale_days.note(lake, table, before.otherwise(lake.days(table), after))
    stale_days.note(lake, stale_days.IN_FORCE, before.otherwise(lake.days(METER_INTERVALS), after))
