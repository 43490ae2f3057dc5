"""Tables made of other lake tables: counts of rows that may not leave the lake, histories of lists.

The load profile is one too, but behind the privacy gate: ``assets.lake.load_profile`` makes it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from assets.lake import citizen_reports, daily_energy, stale_days, station_places, verdicts
from assets.lake.files import CityLake, Written
from assets.landing.deployment import Step
from quality.contracts import Table
from quality.tables import CITIZEN_REPORTS, DAILY_ENERGY, LOAD_PROFILE, STATION_LISTS, STATIONS, TABLES
from quality.vee.day_types import calendar
from quality.verdicts import Verdict


@dataclass(frozen=True)
class Derived:
    """How ``table`` is made of the table it is derived from (``quality.contracts``): ``make`` gives its rows as of a
    day: all, or of a table that is made day by day those of the days it is given; ``judge`` adds verdicts."""

    table: Table
    make: Callable[[CityLake, date, Collection[date]], pl.DataFrame]
    judge: Callable[[pl.DataFrame], list[Verdict]] = lambda frame: []

    @property
    def source(self) -> Table:
        """The table it is made of."""
        return TABLES[str(self.table.derived_from)]


DERIVED: tuple[Derived, ...] = (
    Derived(STATIONS, lambda lake, *_: station_places.validity(lake.read(STATION_LISTS)), station_places.moved),
    Derived(CITIZEN_REPORTS, lambda lake, day, _: citizen_reports.closed(lake, day)),
    Derived(DAILY_ENERGY, lambda lake, _, days: daily_energy.of_cells(lake.pick(LOAD_PROFILE, days), calendar())),
)
"""Tables that are made of other lake tables, in any city that has those."""


@dataclass(frozen=True)
class Built:
    """What a step made: the files of the days it wrote, their rows, and how they were judged."""

    days: Sequence[date]
    files: Sequence[Written]
    verdicts: Sequence[Verdict]

    @property
    def rows(self) -> int:
        """Rows in the files."""
        return sum(file.rows for file in self.files)


def derive(step: Step, derived: Derived) -> Built:
    """Make ``derived.table`` as of the step's day: of one that is made day by day, the days of its source that changed
    and those it lacks. Days that have no rows any more lose their file."""
    lake, table = CityLake.of(step), derived.table
    there = lake.days(table)
    stale = stale_days.noted(lake, derived.source) if table.by_day else []
    due = {*stale, *(set(lake.days(derived.source)).difference(there) if table.by_day else ())}
    rows = derived.make(lake, step.day, due).select(table.schema.names())
    days = sorted(due if table.by_day else {*rows[table.day].unique(), *there})
    files = lake.revise(table, days, lambda _, these: rows.filter(pl.col(table.day).is_in(these)))
    stale_days.settle(lake, derived.source, stale)
    newest = lake.newest(table)
    judged = rows if rows.height or newest is None else lake.pick(table, [newest])
    return Built(days, files, verdicts.judge(step, table, judged, newest, more=derived.judge(rows)))
