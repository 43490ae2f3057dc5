"""The step that makes numbers: compute them from the city's published tables, judge them, keep them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain

import polars as pl

from assets.indicators.all import all_indicators
from assets.indicators.doubts import Findings, lowered
from assets.indicators.metered import METERED, doubted, metered, rows_refused
from assets.indicators.programme import programme
from assets.lake import verdicts
from assets.lake.files import CityLake
from assets.lake.meter_registers import Registers
from assets.landing.deployment import Step
from quality import gate
from quality.contracts import Table
from quality.reviewed import accept
from quality.tables import (
    DELIVERIES,
    INDICATORS,
    IS_CUSTOMER,
    LOAD_PROFILE,
    LOAD_PROFILE_BASIS,
    METER_QUALITY,
    METER_SUPERSEDED,
    PROGRAMME,
    QUARANTINE,
    TABLES,
    VALIDATION_RESULTS,
    VERDICTS,
)
from quality.verdicts import Verdict

NUMBERS = (INDICATORS.name, PROGRAMME.name)
"""Tables of numbers, in the order they are made: each reads all published tables before it."""


@dataclass(frozen=True)
class Computed:
    """The day's rows, and how they were judged."""

    rows: pl.DataFrame
    verdicts: Sequence[Verdict]


def make(step: Step, table: Table, names: Sequence[str], since: date | None = None) -> Computed:
    """Make the rows of ``table`` on the step's day from the tables ``names``. Where one is withheld, by verdicts of the
    day or of ``since`` on, what rests on it has no value."""
    lake = CityLake.of(step)
    frames = {name: lake.read(TABLES[name]) for name in names}
    withheld = gate.withheld(verdicts.latest(lake, since or step.day, step.day))
    rows = _indicators(step, frames, withheld) if table is INDICATORS else _programme(step, frames, withheld)
    lake.put(table, step.day, rows)
    return Computed(rows, verdicts.judge(step, table, rows, step.day))


def _indicators(step: Step, frames: dict[str, pl.DataFrame], withheld: Mapping[str, str]) -> pl.DataFrame:
    lake = CityLake.of(step)
    if last := lake.newest(LOAD_PROFILE, step.day - timedelta(days=1)):
        register = Registers.of(lake).in_force(last)
        refused = rows_refused(register, lake.pick(QUARANTINE, register["_delivered"].unique().to_list()))
        customers = register.filter(IS_CUSTOMER)
        frames[METERED] = metered(lake.day(LOAD_PROFILE_BASIS, last), customers, refused)
    rows = all_indicators(step.city, step.day, frames)
    results, left_out, came = (lake.day(each, step.day) for each in (VALIDATION_RESULTS, QUARANTINE, DELIVERIES))
    return lowered(rows, Findings(results, left_out, came, _of_meters(step, last), withheld))


def _of_meters(step: Step, last: date | None) -> pl.DataFrame:
    """``VERDICTS`` on what the load profile of ``last`` is made of: by the day's own rows, and of tables whose rows are
    of no day those of its night and since. While nothing new comes the last profile is told again."""
    if last is None:
        return VERDICTS.empty()
    lake = CityLake.of(step)
    found = doubted(lake.day(METER_QUALITY, last), lake.pieces(METER_SUPERSEDED, [last]))
    left = (accept(table, rows, step.city.reviewed, step.day) for table, rows in found.items())
    by_day = gate.to_frame(chain.from_iterable(left), step.day)
    others = lake.read(VERDICTS, (last + timedelta(days=1), step.day)).join(by_day, on=["table", "check"], how="anti")
    return pl.concat([by_day, others])


def _programme(step: Step, frames: dict[str, pl.DataFrame], withheld: Mapping[str, str]) -> pl.DataFrame:
    shown = {name: frame for name, frame in frames.items() if name not in withheld}
    return programme(step.city, step.day, shown, withheld, CityLake.of(step).day(VALIDATION_RESULTS, step.day))


def make_all(step: Step, published: Sequence[str], since: date | None = None) -> None:
    """Make every table of ``NUMBERS`` on the step's day, of a city that publishes the tables ``published``."""
    before = [name for name in published if name not in NUMBERS]
    for name in NUMBERS:
        make(step, TABLES[name], before, since)
        before.append(name)
