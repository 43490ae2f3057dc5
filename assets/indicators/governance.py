"""Smart Governance: how citizens' reports are dealt with, and how fresh the city's open data is."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from assets.cities.registry import City
from assets.indicators.catalogue import Catalogue
from assets.indicators.indicator import ENOUGH, Basis, Indicator, Period, absent, nothing
from assets.indicators.inhabitants import registered
from assets.indicators.tables import Tables
from assets.lake.citizen_reports import ALL, LEAST, SETTLED
from assets.sources.ckan_datasets import HARVESTED_TWICE
from quality.tables import CITIZEN_REPORTS, DATASETS

REPORTS_MAX_AGE = timedelta(days=31) + SETTLED + timedelta(days=7)
"""The next month is counted by then, with a week for nights that failed."""

LEAST_SHARED = 50
"""Reports that carry a share: the steps that both numbers are counted in move it by less than eight points."""

FRESH = timedelta(days=365)
"""A data set that was touched within a year counts as kept up: most provincial sets are yearly."""


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Reports of the newest counted month and what became of them, and the city's data sets."""
    return [*_reports(city, day, tables), *_datasets(day, tables)]


def _reports(city: City, day: date, tables: Tables) -> list[Indicator]:
    rows = tables.newest(CITIZEN_REPORTS, day, kind=ALL)
    if rows.is_empty():
        if not tables.has(CITIZEN_REPORTS):
            return absent(CITIZEN_REPORTS, tables, day)
        reason = f"no month of {LEAST} reports or more has been counted yet; that is done {SETTLED.days} days after it"
        return [nothing(CITIZEN_REPORTS.smart, CITIZEN_REPORTS.name, CITIZEN_REPORTS.title, day, reason)]
    month = rows.to_dicts()[0]
    last, count, finished = month["reference_date"], month["reports"], month["finished"]
    people = registered(city, day, tables)
    share = month["days_with_reports"] / last.day
    basis = Basis(
        "governance",
        Period(last.replace(day=1), last),
        f"{CITIZEN_REPORTS.name}, {month['source']}",
        max_age=REPORTS_MAX_AGE,
        # Nobody reported anything on the others, or the feed did not answer.
        partial=f"reports are of {month['days_with_reports']} of the month's days" if share < ENOUGH else None,
    )
    few = f"too few are finished, or not finished, to tell: fewer than {LEAST}" if finished is None else None
    if count < LEAST_SHARED:
        few = f"fewer than {LEAST_SHARED} reports, counted in steps of {LEAST}, carry no share"
    steps = f"in steps of {LEAST}, rounded down"
    found = [
        Indicator(
            "reports_month",
            "Citizens' reports in a month",
            float(count),
            "reports",
            f"reports made in the month within the city's reach, {steps}",
            basis,
        ),
        Indicator(
            "reports_finished_share",
            "Of these finished",
            None if finished is None else 100 * finished / count,
            "%",
            f"reports in the state finished {SETTLED.days} days after the month over all of it, both {steps}",
            replace(basis, withheld=few),
        ),
    ]
    days = month["median_days_to_finish"]
    found.append(
        Indicator(
            "report_days_to_finish",
            "Median days to finish a citizen's report",
            None if days is None else float(days),
            "d",
            f"median of whole days from report to finish, of those finished {SETTLED.days} days after the month; those "
            "still open are slower",
            replace(basis, withheld="too few are finished to tell" if days is None else None),
        )
    )
    if people:
        found.append(
            Indicator(
                "reports_per_10000",
                "Citizens' reports a month per 10,000 registered inhabitants",
                10_000 * count / people.persons,
                "1/10,000",
                f"reports of the month, {steps}, over the registered population of {people.level} {people.area}",
                basis,
            )
        )
    return found


def _datasets(day: date, tables: Tables) -> list[Indicator]:
    table = tables.get(DATASETS).filter(pl.col("reference_date") <= day)
    if table.is_empty():
        return absent(DATASETS, tables, day)
    catalogue = Catalogue.standing(table)
    rows = catalogue.packages.filter(~HARVESTED_TWICE)
    dated = rows.drop_nulls("modified")
    fresh = dated.filter(pl.col("modified") >= day - FRESH).height
    portals = ", ".join(table["portal"].unique().sort())
    basis = Basis(
        "governance",
        Period.day(max(table["reference_date"])),
        f"{DATASETS.name}, {portals}: {catalogue.packages.height} of {catalogue.listed} packages",
        coverage=catalogue.read,
    )
    told = catalogue._replace(packages=catalogue.packages.drop_nulls("modified"))
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
            replace(basis, coverage=told.read),
        ),
    ]
