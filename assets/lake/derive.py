"""Tables made of other lake tables: counts of rows that may not leave the lake, histories of lists.

The load profile is one too, but behind the privacy gate: ``assets.snapshots.publish`` makes it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from assets.cities.registry import City
from assets.lake import citizen_reports, ingest, ledger, station_places
from assets.lake import files as lake
from assets.landing.deployment import Deployment
from quality import expectations
from quality.contracts import Table
from quality.tables import CITIZEN_REPORTS, STATION_LISTS, STATIONS, TICKETS
from quality.verdicts import Verdict, freshness, keys, structure, worst

AGAIN = timedelta(days=31)
"""Days touched by deliveries of so many days are made again each night: a night that failed is made good by any of
the next month, and making a day again changes no byte of it."""


@dataclass(frozen=True)
class Derived:
    """How ``table`` is made of ``of``: ``make`` is a pure function of the frame, ``judge`` adds verdicts of its own.

    ``by_day``: a day of ``table`` is made of that day of ``of`` alone; else the whole is made of the whole.
    """

    table: Table
    of: Table
    make: Callable[[pl.DataFrame], pl.DataFrame]
    by_day: bool
    judge: Callable[[pl.DataFrame], list[Verdict]] = lambda frame: []


DERIVED: tuple[Derived, ...] = (
    Derived(STATIONS, STATION_LISTS, station_places.validity, by_day=False, judge=station_places.moved),
    Derived(CITIZEN_REPORTS, TICKETS, citizen_reports.count, by_day=True),
)
"""Tables that are made of other lake tables, in any city that has those."""


@dataclass(frozen=True)
class Made:
    """What a step made: its files, and how the rows were judged."""

    files: Sequence[lake.Written]
    verdicts: Sequence[Verdict]


def derive(deployment: Deployment, city: City, derived: Derived, day: date) -> Made:
    """Make ``derived.table`` of a city as of a delivery day. Days that have no rows any more lose their file."""
    store, table = deployment.store, derived.table
    if derived.by_day:
        days = ledger.days_since(deployment, city, derived.of, day - AGAIN, day)
        parts = {made: derived.make(lake.read_day(store, derived.of, city.slug, made)) for made in days}
    else:
        frame = derived.make(lake.read(store, derived.of, city.slug))
        parts = {made: part for (made,), part in frame.partition_by(table.day, as_dict=True).items()}
        days = sorted({*parts, *(lake.day_of(key) for key in lake.keys(store, table, city.slug))})
    files = [
        written for made in days for written in lake.put(store, table, city.slug, made, parts.get(made, table.empty()))
    ]
    made_rows = pl.concat([table.empty(), *(part.select(table.schema.names()) for part in parts.values())])
    stored = lake.keys(store, table, city.slug)
    verdicts = worst(
        [
            structure(table, made_rows),
            keys(table, made_rows),
            *expectations.judge(table, made_rows),
            freshness(table, lake.day_of(stored[-1]) if stored else None, day),
            *derived.judge(made_rows),
        ]
    )
    ingest.write_verdicts(deployment, city, table.name, day, verdicts)
    return Made(files, verdicts)
