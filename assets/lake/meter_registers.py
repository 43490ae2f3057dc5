"""Which meter register tells of a day.

A register tells what is from its reference date on: what moved or was exchanged was otherwise before. Of what several
tell of a day counts what was told last. So a day's judgement, which stands on it, follows from the deliveries alone,
whenever it is made.
"""

from bisect import bisect
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Final, Self

import polars as pl

from assets.lake import stale_days
from assets.lake.files import CityLake, merged
from quality.tables import METER_FINAL, METER_INTERVALS, METERS, REGISTER_READS
from quality.verdicts import Verdict

TOLD = [name for name in METERS.schema if name != METERS.day and not name.startswith("_")]
"""What a register tells of a meter."""

_CAME = pl.Schema({name: METERS.schema[name] for name in (METERS.day, "_delivered", "_number")})


@dataclass(frozen=True)
class Registers:
    """A city's registers that tell of any day: ``days`` are their reference dates, oldest first, ``read`` gives the
    ``METERS`` rows of one, and ``came`` when each of all of them did."""

    days: Sequence[date]
    read: Callable[[date], pl.DataFrame]
    came: pl.DataFrame

    @classmethod
    def of(cls, lake: CityLake) -> Self:
        """Those that the lake holds, each read once."""
        # Files of older contracts lack columns.
        names = pl.selectors.by_name(*_CAME.names(), require_all=False)
        files = (lake.scan(METERS, key).select(names).unique().collect() for key in lake.keys(METERS))
        return cls.that_came(
            pl.concat([_CAME.to_frame(), *files], how="diagonal"), cache(lambda day: lake.day(METERS, day))
        )

    @classmethod
    def that_came(cls, came: pl.DataFrame, read: Callable[[date], pl.DataFrame]) -> Self:
        """One that came later takes the place of all that tell from its reference date on."""
        last_first = came.sort("_delivered", "_number", METERS.day, descending=True)[METERS.day]
        counts = (last_first < last_first.cum_min().shift()).fill_null(value=True)
        return cls(last_first.filter(counts).sort().to_list(), read, came)

    def in_force(self, day: date) -> pl.DataFrame:
        """``METERS`` rows of the register that tells of a local day: the newest that is not after it, else the
        first of all, because nothing else tells of the days before that. Empty where there is none."""
        return self._of(self._in_force(day))

    def before(self) -> dict[date, date]:
        """Of each register the one that told of its day until it came."""
        came = self.came.sort("_delivered", "_number", METERS.day)
        told = (
            (day, Registers.that_came(came[:at], self.read)._in_force(day)) for at, day in enumerate(came[METERS.day])
        )
        return {day: before for day, before in told if before is not None}

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


PARTS: Final = 0.5
"""Share of the smaller of two registers' meters that both have, below which they are no versions of one register: a
city's meters do not change by half."""


def overruled(registers: Sequence[pl.DataFrame]) -> list[Verdict]:
    """Of one night's registers (``METERS`` rows, in the order of deliveries): what one tells and another of the same
    reference date takes the place of, although it is of other meters, as where each office sends its own."""
    lost, text = 0, "each register is the whole city's"
    for at, (one, other) in enumerate(pairwise(register for register in registers if register.height)):
        of_both = [part.unique([METERS.day, "meter_id"]) for part in (one, other)]
        same = of_both[1][METERS.day].is_in(of_both[0][METERS.day].implode()).any()
        both = of_both[0].join(of_both[1], on=[METERS.day, "meter_id"], how="semi").height
        if same and both < PARTS * min(part.height for part in of_both):
            lost += of_both[0].height - both
            text = f"meters are in no register: number {at + 2} of the night has other meters and is taken as the whole"
    checked, told = sum(part.height for part in registers), f"{lost} {text}; deliver all in one file" if lost else text
    return [Verdict(METERS.name, "register-parts", "warn" if lost else "pass", checked, lost, told)]


def note(lake: CityLake, rows: pl.DataFrame, receipts: Collection[str], days: Collection[date]) -> None:
    """Note, before ``METERS`` rows of these reference dates are merged (as in ``CityLake.merge``), the days of which
    another register will tell."""
    before = Registers.of(lake)
    told = merged(METERS, lake.pick(METERS, days), rows, receipts).sort(METERS.order)
    stays = before.came.filter(~pl.col(METERS.day).is_in(list(days)))
    new = cache(lambda day: told.filter(pl.col(METERS.day) == day))
    came = pl.concat([stays, told.select(_CAME.names()).unique()])
    after = Registers.that_came(came, lambda day: new(day) if day in days else before.read(day))
    tables = (METER_INTERVALS, METER_FINAL, REGISTER_READS)
    otherwise = {table: before.otherwise(lake.days(table), after) for table in tables}
    for table, its_days in otherwise.items():
        stale_days.note(lake, table, its_days)
    stale_days.note(lake, stale_days.IN_FORCE, otherwise[METER_INTERVALS])
