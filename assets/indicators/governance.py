"""Smart Governance: how citizens' reports are dealt with, and how fresh the city's open data is."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import absent, collect, indicator
from assets.indicators.inhabitants import registered
from assets.lake.citizen_reports import fullest
from assets.sources.ckan_datasets import HARVESTED_TWICE
from quality.tables import CITIZEN_REPORTS, DATASETS

WEEK = 7
"""Days that reports are counted over: each weekday once."""

FRESH = timedelta(days=365)
"""A data set that was touched within a year counts as kept up: most provincial sets are yearly."""


def indicators(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Reports of the last seven days and what became of them, and the city's data sets, as ``INDICATORS``."""
    return collect([*_reports(city, day, tables), *_datasets(day, tables)])


def _reports(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    first, last = day - timedelta(days=WEEK), day - timedelta(days=1)
    table = tables.get(CITIZEN_REPORTS.name)
    rows = CITIZEN_REPORTS.empty() if table is None else table.filter(pl.col("local_date").is_between(first, last))
    if rows.is_empty():
        return absent(CITIZEN_REPORTS, tables, day)
    rows = fullest(rows)
    count = int(rows["reports"].sum())
    finished = int(rows.filter(state="finished")["reports"].sum())
    people = registered(city, day, tables)
    quiet = rows.filter(local_date=last).is_empty()
    facts: dict[str, Any] = {
        "sources": f"{CITIZEN_REPORTS.name}, {rows.item(0, 'source')}",
        # Nobody reported anything, or the feed did not answer.
        "partial": f"no report is of {last}, the last of these days" if quiet else None,
    }
    period = (first, last)
    found = [
        indicator(
            "governance",
            "reports_week",
            "Citizens' reports in a week",
            float(count),
            "reports",
            period,
            day,
            method="reports made in the last seven days within the city's reach",
            **facts,
        ),
        indicator(
            "governance",
            "reports_finished_share",
            "Of these finished by now",
            100 * finished / count,
            "%",
            period,
            day,
            method="reports in the state finished over all reports of the week",
            **facts,
        ),
    ]
    if people:
        found.append(
            indicator(
                "governance",
                "reports_per_10000",
                "Citizens' reports a week per 10,000 registered inhabitants",
                10_000 * count / people.persons,
                "1/10,000",
                period,
                day,
                method=f"reports of the week over the registered population of {people.level} {people.area}",
                **facts,
            )
        )
    return found


def _datasets(day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    table = tables.get(DATASETS.name, DATASETS.empty()).filter(pl.col("reference_date") <= day)
    if table.is_empty():
        return absent(DATASETS, tables, day)
    # A page of the catalogue that is unchanged brings no rows: the newest row of each package counts.
    rows = table.sort("reference_date").unique(["portal", "package"], keep="last").filter(~HARVESTED_TWICE)
    last = max(table["reference_date"])
    dated = rows.drop_nulls("modified")
    fresh = dated.filter(pl.col("modified") >= day - FRESH).height
    undated = rows.height - dated.height
    facts: dict[str, Any] = {
        "sources": f"{DATASETS.name}, {', '.join(sorted(rows['portal'].unique()))}",
        "partial": f"{undated} data sets tell no date" if undated else None,
    }
    return [
        indicator(
            "governance",
            "datasets_published",
            "Open data sets",
            float(rows.height),
            "data sets",
            (last, last),
            day,
            method="packages of the catalogue, those harvested twice counted once",
            **facts,
        ),
        indicator(
            "governance",
            "datasets_fresh_share",
            "Data sets updated within a year",
            100 * fresh / dated.height if dated.height else None,
            "%",
            (last, last),
            day,
            method="packages modified in the last 365 days over those that tell a date",
            **facts,
        ),
    ]
