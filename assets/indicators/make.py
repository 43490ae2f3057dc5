"""The step that makes numbers: compute them from the city's published tables, judge them, keep them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from assets.cities.registry import City
from assets.lake import ingest
from assets.lake.files import CityLake
from assets.landing.deployment import Step
from quality import gate
from quality.contracts import Table
from quality.tables import TABLES
from quality.verdicts import Verdict

Compute = Callable[[City, date, Mapping[str, pl.DataFrame]], pl.DataFrame]
"""The rows of a day from published tables by name; a table without source is absent, one that brought nothing empty."""


@dataclass(frozen=True)
class Computed:
    """The day's rows, and how they were judged."""

    rows: pl.DataFrame
    verdicts: Sequence[Verdict]


def make(step: Step, table: Table, compute: Compute, names: Sequence[str]) -> Computed:
    """Make the rows of ``table`` on the step's day from the tables ``names``."""
    lake = CityLake.of(step)
    rows = compute(step.city, step.day, {name: lake.read(TABLES[name]) for name in names})
    lake.put(table, step.day, rows)
    verdicts = gate.judge(table, rows, step.day, step.day)
    ingest.write_verdicts(step, table, verdicts)
    return Computed(rows, verdicts)
