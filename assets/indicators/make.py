"""The step that makes numbers: compute them from the city's published tables, judge them, keep them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from assets.cities.registry import City
from assets.indicators.all import all_indicators
from assets.indicators.doubts import lowered
from assets.indicators.metered import METERED, metered
from assets.indicators.programme import programme
from assets.lake import ingest
from assets.lake.files import CityLake
from assets.landing.deployment import Step
from quality import gate
from quality.contracts import Table
from quality.tables import (
    DELIVERIES,
    INDICATORS,
    LOAD_PROFILE,
    LOAD_PROFILE_BASIS,
    PROGRAMME,
    QUARANTINE,
    TABLES,
    VALIDATION_RESULTS,
    VERDICTS,
)
from quality.verdicts import Verdict

Compute = Callable[[City, date, Mapping[str, pl.DataFrame]], pl.DataFrame]
"""The rows of a day from published tables by name; a table without source is absent, one that brought nothing empty."""

NUMBERS: Mapping[str, Compute] = {INDICATORS.name: all_indicators, PROGRAMME.name: programme}
"""What makes the rows of a table, in the order they are made: each reads all published tables before it."""


@dataclass(frozen=True)
class Computed:
    """The day's rows, and how they were judged."""

    rows: pl.DataFrame
    verdicts: Sequence[Verdict]


def make(step: Step, table: Table, names: Sequence[str]) -> Computed:
    """Make the rows of ``table`` on the step's day from the tables ``names``."""
    lake = CityLake.of(step)
    frames = {name: lake.read(TABLES[name]) for name in names}
    last = lake.newest(LOAD_PROFILE, step.day - timedelta(days=1)) if table is INDICATORS else None
    if last:
        frames[METERED] = metered(lake.day(LOAD_PROFILE_BASIS, last), ingest.latest_register(step))
    rows = NUMBERS[table.name](step.city, step.day, frames)
    if table is INDICATORS:
        known = (lake.day(each, step.day) for each in (VALIDATION_RESULTS, QUARANTINE, DELIVERIES, VERDICTS))
        rows = lowered(rows, *known)
    lake.put(table, step.day, rows)
    verdicts = gate.judge(table, rows, step.day, step.day, city=step.city.slug)
    ingest.write_verdicts(step, table, verdicts)
    return Computed(rows, verdicts)


def make_all(step: Step, published: Sequence[str]) -> None:
    """Make every table of ``NUMBERS`` on the step's day, of a city that publishes the tables ``published``."""
    before = [name for name in published if name not in NUMBERS]
    for name in NUMBERS:
        make(step, TABLES[name], before)
        before.append(name)
