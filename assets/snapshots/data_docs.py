"""Data Docs: a city's checks of the last nights and the rows that they found, as one page for those who run the city.

Great Expectations builds a site anew of every validation it ever made; this page is rendered from the tables
``verdicts`` and ``validation_results`` and is as long after a year as after a month. It is not published: of tables of
customers it tells what a snapshot tells (``quality.disclosure``), of the others the rows as well.
"""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.lake.files import CityLake
from assets.landing.deployment import Step
from assets.landing.store import Store
from assets.snapshots.page import template
from quality import disclosure
from quality.suites.suite import suite
from quality.tables import TABLES, VALIDATION_RESULTS, VERDICTS

NIGHTS = 14
"""Two weeks: a fault of one kind of day is seen twice."""

MARKS = {"pass": "·", "note": "i", "warn": "!", "withhold": "–", "block": "✗"}


def key(city: str) -> str:
    """Place of a city's page in the store."""
    return f"work/data_docs/city={city}.html"


def path(store: Store, city: str) -> str:
    """Path or URL of a city's page."""
    return store.path(key(city))


def write(step: Step) -> str:
    """Render the page of the nights up to the step's day; its path or URL."""
    lake = CityLake.of(step)
    nights = (step.day - timedelta(days=NIGHTS - 1), step.day)
    page = render(step.city, lake.read(VERDICTS, nights), lake.read(VALIDATION_RESULTS, nights))
    lake.store.write(key(lake.city), page.encode())
    return path(lake.store, lake.city)


def render(city: City, verdicts: pl.DataFrame, results: pl.DataFrame) -> str:
    """The page of verdicts and validation results of some nights."""
    told = disclosure.published(verdicts.select(VERDICTS.schema.names()))
    nights: list[date] = sorted(told["day"].unique())
    shown = results.rows_by_key(["suite", "rule", "day"], named=True, include_key=True)
    checks: dict[str, list[dict[str, Any]]] = {name: [] for name in told["table"].unique(maintain_order=True)}
    for (name, check), rows in told.sort("day").rows_by_key(["table", "check"], named=True, include_key=True).items():
        checks[name].append(_check(check, rows, shown[name, check, rows[-1]["day"]], nights))
    tables: list[dict[str, Any]] = [{"name": name, "title": TABLES[name].title} for name in checks]
    for table in tables:
        table["checks"] = sorted(checks[table["name"]], key=_gravest_first)
    return template("data_docs.html.j2").render(city=city, nights=nights, tables=tables, marks=MARKS)


def _check(
    check: str, rows: Sequence[dict[str, Any]], shown: Sequence[dict[str, Any]], nights: Sequence[date]
) -> dict[str, Any]:
    """A check on its nights, ``rows`` of verdicts of which the last is the newest, and what that one shows."""
    last, by_night = rows[-1], {row["day"]: row["verdict"] for row in rows}
    sources = {rule.id: rule.source for rule in suite(TABLES[last["table"]]).rules}
    return {
        "check": check,
        "last": last,
        "nights": [by_night.get(night) for night in nights],
        "quiet": set(by_night.values()) == {"pass"},
        "source": sources.get(check),
        "rows": [row | {name: _pairs(row[name]) for name in ("key", "value")} for row in shown],
    }


def _gravest_first(check: dict[str, Any]) -> tuple[bool, bool, str]:
    return check["last"]["verdict"] == "pass", check["quiet"], check["check"]


def _pairs(told: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in json.loads(told).items())
