"""What many tests do alike: land something, ask a portal, look at problems."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.cities.registry import City
from assets.graph import THE_COUNTRY
from assets.lake import ingest as lake
from assets.lake.feeds import SOURCES, source_of
from assets.landing.archive import Receipt
from assets.landing.deployment import Deployment, Step
from assets.sources import fetch
from assets.sources.source import ReadResult
from quality.contracts import Table


def sampled(values: Iterable[Any], every: int) -> list[Any]:
    """Parameters of a test: of ``values`` one in ``every``; the others are tried by ``make trials``."""
    return [
        each
        if at % every == 0
        else pytest.param(*(each if isinstance(each, tuple) else (each,)), marks=pytest.mark.trial)
        for at, each in enumerate(values)
    ]


def land(
    deployment: Deployment, city: City, source: str, day: date, name: str, data: bytes | None, **facts: Any
) -> Receipt:
    """Land one delivery of a source, as an inbox or a portal would."""
    delivery = Step(deployment, city, day, "test").delivery(source)
    return deployment.archive.land(delivery, name, name, data, **facts)


def ask(deployment: Deployment, city: City, name: str, day: date) -> list[Receipt]:
    """Ask the portal of a city's source for a delivery day."""
    entry = city.sources[name]
    return fetch.land_portal(Step(deployment, city, day, "test"), name, source_of(entry), entry.options)


def ask_national(deployment: Deployment, reader: str, day: date) -> list[Receipt]:
    """Ask a source that answers for the whole country."""
    return fetch.land_portal(Step(deployment, THE_COUNTRY, day, "test"), reader, SOURCES[reader], {})


def conformed(table: Table, frame: pl.DataFrame, day: date = date(2026, 11, 20)) -> pl.DataFrame:
    """A reader's rows as the contract has them, with lineage where they bring none; no row is refused."""
    lineage = {"_receipt": pl.lit("r"), "_row": pl.lit(1, pl.Int64), "_delivered": pl.lit(day)}
    lacking = {name: value for name, value in lineage.items() if table.lineage and name not in frame.columns}
    batch = table.conform(frame.with_columns(**lacking))
    assert not batch.problems, batch.found
    return batch.rows


def kept(table: Table, result: ReadResult) -> pl.DataFrame:
    """What a reader brought for a table, as the contract has it: no row is refused, no key occurs twice."""
    rows = conformed(table, result.tables[table.name])
    assert not rows.select(pl.struct(table.key).is_duplicated().any()).item()
    return rows


def codes(result: ReadResult) -> list[str]:
    """Codes of the problems, in their order."""
    return result.problems["code"].to_list()


def code_counts(result: ReadResult) -> Counter[str]:
    """How often each code occurs among the problems."""
    return Counter(codes(result))


def messages(result: ReadResult, code: str) -> list[str]:
    """What the problems of a code say."""
    return result.problems.filter(code=code)["message"].to_list()


def ingest(deployment: Deployment, city: City, table: Table, day: date) -> lake.Ingested:
    """Read what is due for a table on a delivery day."""
    return lake.ingest(Step(deployment, city, day, "test"), table)


def ingest_meters(deployment: Deployment, city: City, day: date) -> lake.Ingested:
    """Read the meter exports that are due on a delivery day."""
    return lake.ingest_meters(Step(deployment, city, day, "test"))


def listed_warnings(section: str) -> set[tuple[str, str]]:
    """Tables and checks that docs/warnings.md lists, with a reason, under a heading."""
    page = (Path(__file__).parents[1] / "docs" / "warnings.md").read_text(encoding="utf-8")
    rows = [
        line.strip("| ").split(" | ")
        for line in page.partition(f"## {section}\n")[2].partition("\n## ")[0].splitlines()
    ]
    return {(row[0], row[1]) for row in rows[1:] if len(row) == 3 and row[2] and row[0] != "table"}
