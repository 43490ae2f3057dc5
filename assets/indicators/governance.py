"""Smart Governance: how citizens' reports are dealt with, and how fresh the city's open data is."""

from datetime import date, timedelta

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import Basis, Indicator, Period, absent
from assets.indicators.inhabitants import registered
from assets.indicators.tables import Tables
from assets.lake.citizen_reports import fullest
from assets.sources.ckan_datasets import HARVESTED_TWICE
from quality.tables import CITIZEN_REPORTS, DATASETS

WEEK = 7
"""Days that reports are counted over: each weekday once."""

FRESH = timedelta(days=365)
"""A data set that was touched within a year counts as kept up: most provincial sets are yearly."""


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Reports of the last seven days and what became of them, and the city's data sets."""
    return [*_reports(city, day, tables), *_datasets(day, tables)]


def _reports(city: City, day: date, tables: Tables) -> list[Indicator]:
    week = Period(day - timedelta(days=WEEK), day - timedelta(days=1))
    rows = tables.get(CITIZEN_REPORTS).filter(pl.col("local_date").is_between(week.first, week.last))
    if rows.is_empty():
        return absent(CITIZEN_REPORTS, tables, day)
    rows = fullest(rows)
    count = int(rows["reports"].sum())
    finished = int(rows.filter(state="finished")["reports"].sum())
    people = registered(city, day, tables)
    quiet = rows.filter(local_date=week.last).is_empty()
    basis = Basis(
        "governance",
        week,
        f"{CITIZEN_REPORTS.name}, {rows.item(0, 'source')}",
        # Nobody reported anything, or the feed did not answer.
        partial=f"no report is of {week.last}, the last of these days" if quiet else None,
    )
    found = [
        Indicator(
            "reports_week",
            "Citizens' reports in a week",
            float(count),
            "reports",
            "reports made in the last seven days within the city's reach",
            basis,
        ),
        Indicator(
            "reports_finished_share",
            "Of these finished by now",
            100 * finished / count,
            "%",
            "reports in the state finished over all reports of the week",
            basis,
        ),
    ]
    if people:
        found.append(
            Indicator(
                "reports_per_10000",
                "Citizens' reports a week per 10,000 registered inhabitants",
                10_000 * count / people.persons,
                "1/10,000",
                f"reports of the week over the registered population of {people.level} {people.area}",
                basis,
            )
        )
    return found


def _datasets(day: date, tables: Tables) -> list[Indicator]:
    table = tables.get(DATASETS).filter(pl.col("reference_date") <= day)
    if table.is_empty():
        return absent(DATASETS, tables, day)
    # A page of the catalogue that is unchanged brings no rows: the newest row of each package counts.
    rows = table.sort("reference_date").unique(["portal", "package"], keep="last").filter(~HARVESTED_TWICE)
    dated = rows.drop_nulls("modified")
    fresh = dated.filter(pl.col("modified") >= day - FRESH).height
    undated = rows.height - dated.height
    basis = Basis(
        "governance",
        Period.day(max(table["reference_date"])),
        f"{DATASETS.name}, {', '.join(sorted(rows['portal'].unique()))}",
        partial=f"{undated} data sets tell no date" if undated else None,
    )
    return [
        Indicator(
            "datasets_published",
            "Open data sets",
            float(rows.height),
            "data sets",
            "packages of the catalogue, those harvested twice counted once",
            basis,
        ),
        Indicator(
            "datasets_fresh_share",
            "Data sets updated within a year",
            100 * fresh / dated.height if dated.height else None,
            "%",
            "packages modified in the last 365 days over those that tell a date",
            basis,
        ),
    ]
