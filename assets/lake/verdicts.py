"""The one way to a table's verdicts: judge its rows, accept what is reviewed, keep what is left in the lake."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from functools import partial

import polars as pl

from assets.lake.files import CityLake
from assets.landing.deployment import Step
from quality import gate
from quality.contracts import Table
from quality.reviewed import accept
from quality.tables import VALIDATION_RESULTS, VERDICTS
from quality.verdicts import Verdict


def judge(
    step: Step,
    table: Table,
    pieces: pl.DataFrame | Iterable[pl.DataFrame],
    newest: date | None,
    whole: pl.DataFrame | None = None,
    more: Iterable[Verdict] = (),
) -> list[Verdict]:
    """Verdicts of a table on the step's day, as ``quality.gate.judge`` gives and ``keep`` keeps them."""
    if newest is not None and step.day < newest <= step.deployment.now().date():
        newest = step.day  # a past day that is run again: what has come since is no clock that is wrong
    return keep(step, table, gate.judge(table, pieces, newest, step.day, whole, more, step.city.slug))


def keep(step: Step, table: Table, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Keep the verdicts on a table among the day's, and the rows that they show; as they are after what the city's
    ``reviewed.yaml`` accepts."""
    judged = accept(table.name, verdicts, step.city.reviewed, step.day)
    lake = CityLake.of(step)
    night = lake.newest(VERDICTS, step.day - timedelta(days=1))
    known = [each.empty() if night is None else lake.day(each, night) for each in (VERDICTS, VALIDATION_RESULTS)]
    told = gate.to_frame(judged, step.day, known[0])
    shown = gate.results(judged, step.city.slug, step.day, known[1])
    for ours, rows in ((VERDICTS, told), (VALIDATION_RESULTS, shown)):
        lake.revise(ours, [step.day], partial(_among, rows, pl.col(ours.key[0]) != table.name))
    return judged


def misleading_days(lake: CityLake, table: Table) -> set[date]:
    """Days of a table whose rows mislead by the last verdicts on them."""
    return {date.fromisoformat(key[-10:]) for key in lake.store.list(_misleading_key(lake, table))}


def remember(lake: CityLake, table: Table, days: Collection[date], verdicts: Iterable[Verdict]) -> None:
    """Note which of the ``days`` that the verdicts are on mislead, so that they are judged every night until they are
    corrected or reviewed."""
    wrong = {day for verdict in verdicts for day in (verdict.days if verdict.misleading else ())}
    for day in {*days} & wrong:
        lake.store.write(f"{_misleading_key(lake, table)}/{day}", b"")
    for day in ({*days} - wrong) & misleading_days(lake, table):
        lake.store.delete(f"{_misleading_key(lake, table)}/{day}")


def _misleading_key(lake: CityLake, table: Table) -> str:
    return f"work/misleading/{table.name}/city={lake.city}"


def latest(lake: CityLake, first: date, last: date) -> pl.DataFrame:
    """Rows of ``VERDICTS`` of each table's newest day on which it was judged, from ``first`` to ``last``: a night that
    was cut short judged only some."""
    verdicts = lake.read(VERDICTS, (first, last))
    return verdicts.filter(pl.col("day") == pl.col("day").max().over("table"))


def _among(rows: pl.DataFrame, others: pl.Expr, stored: pl.DataFrame, _: Sequence[date]) -> pl.DataFrame:
    return pl.concat([stored.filter(others), rows.select(stored.columns)])
