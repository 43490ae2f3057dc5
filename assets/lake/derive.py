"""Tables made of other lake tables: counts of rows that may not leave the lake, histories of lists.

The load profile is one too, but behind the privacy gate: ``assets.lake.load_profile`` makes it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from assets.lake import citizen_reports, ingest, ledger, station_places
from assets.lake.files import CityLake, Written
from assets.landing.deployment import Step
from quality import gate
from quality.contracts import Table
from quality.tables import CITIZEN_REPORTS, STATIONS, TABLES
from quality.verdicts import Verdict

AGAIN = timedelta(days=31)
"""Days touched by deliveries of so many days are made again each night: a night that failed is made good by any of
the next month, and making a day again changes no byte of it."""


@dataclass(frozen=True)
class Derived:
    """How ``table`` is made of the table it is derived from (``quality.contracts``): ``make`` is a pure function of a
    frame, of a day's rows where the table is derived by day, else of all; ``judge`` adds verdicts of its own."""

    table: Table
    make: Callable[[pl.DataFrame], pl.DataFrame]
    judge: Callable[[pl.DataFrame], list[Verdict]] = lambda frame: []

    @property
    def source(self) -> Table:
        """The table it is made of."""
        return TABLES[str(self.table.derived_from)]


DERIVED: tuple[Derived, ...] = (
    Derived(STATIONS, station_places.validity, station_places.moved),
    Derived(CITIZEN_REPORTS, citizen_reports.count),
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
    """Make ``derived.table`` as of the step's day. Days that have no rows any more lose their file."""
    lake, table = CityLake.of(step), derived.table
    if table.by_day:
        stale = ingest.stale_days(lake, derived.source)
        days = sorted({*stale, *ledger.days_since(lake, derived.source, step.day - AGAIN, step.day)})
        found = lake.pick(derived.source, days).partition_by(derived.source.day, as_dict=True)
        parts = {day: derived.make(part) for (day,), part in found.items()}
    else:
        frame = derived.make(lake.read(derived.source))
        parts = {day: part for (day,), part in frame.partition_by(table.day, as_dict=True).items()}
        days = sorted({*parts, *lake.days(table)})
    rows = pl.concat([table.empty(), *(part.select(table.schema.names()) for part in parts.values())])
    files = lake.revise(table, days, lambda _, these: rows.filter(pl.col(table.day).is_in(these)))
    ingest.settle(lake, derived.source, days if table.by_day else ())
    verdicts = gate.judge(table, rows, lake.newest(table), step.day, more=derived.judge(rows))
    ingest.write_verdicts(step, table, verdicts)
    return Built(days, files, verdicts)
