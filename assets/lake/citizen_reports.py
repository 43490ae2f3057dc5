"""Counts of citizens' reports, from the tickets that never leave the lake.

A report is one person's act. So only counts of a whole month in the whole city leave, each of ``LEAST`` reports or
more, told once and never again: what a later night would tell differently is the difference, and that may be one
person's. The rule and its limits: ``docs/privacy-counts.md``.
"""

import calendar
from datetime import date, timedelta
from statistics import median

import polars as pl

from assets.lake.encoding import check, contract_of, decode, encode
from assets.lake.files import CityLake
from assets.lake.keys import span
from assets.sources.traffy import DAYS
from quality.tables import CITIZEN_REPORTS, TICKETS

MEMORY = "memory/citizen_reports"
"""Where a month's counts are kept as they were told first. Not in the lake: a lake that is made again has later states
and later reports, and would tell the month another time."""

LEAST = 5
"""Reports that a published count stands for at least, and the steps that counts are told in, rounded down. The steps
are for cities whose reaches overlap: the difference of two counts is uncertain by four either way."""

LEAST_FINISHED = 2 * LEAST
"""Finished reports that carry a median: as many as ``LEAST`` lie on either side of it."""

SETTLED = timedelta(days=DAYS + 1)
"""Time from a month's end until it is counted: for so long the open feed is asked how its reports fare."""

ALL, OTHER = "all", "other"
"""Kinds of a row: every report of the month; those of the kinds that have no row of their own."""


def closed(lake: CityLake, day: date) -> pl.DataFrame:
    """``CITIZEN_REPORTS`` of every month that was ever counted, after counting those that are settled on ``day``.

    Raises ``Damaged`` where what was told of a month cannot be read any more: it must not be told anew.
    """
    store, folder = lake.store, f"{MEMORY}/city={lake.city}"
    for first in sorted({span(key)[0].replace(day=1) for key in lake.keys(TICKETS)}):
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        key = f"{folder}/{first:%Y-%m}.parquet"
        if last + SETTLED <= day and not store.exists(key):
            store.create(key, encode(count(lake.read(TICKETS, (first, last)), last), contract_of(CITIZEN_REPORTS)))
    keys = store.list(folder)
    files = store.read_all(keys)
    for key, data in zip(keys, files, strict=True):
        check(key, data, "what was told of a month is told no other way: restore the file from a backup")
    return decode(CITIZEN_REPORTS, files)


def count(tickets: pl.DataFrame, last: date) -> pl.DataFrame:
    """``CITIZEN_REPORTS`` of the ``TICKETS`` of the month that ends on ``last``: no row where they are too few.

    Two endpoints tell the same reports, which are never added: those of the one that tells most are counted.
    """
    most = tickets.group_by("source").len().sort("len", "source").tail(1)
    hours = (pl.col("finished") - pl.col("reported")).dt.total_seconds() / 3600
    reports = tickets.join(most, on="source", how="semi").select(
        "source",
        "local_date",
        hours=pl.when(hours >= 0).then(hours),
        kind=pl.col("kinds").fill_null("").str.split(",").list.first().str.strip_chars().replace(["", ALL], OTHER),
        is_finished=pl.col("state") == "finished",
    )
    if reports.height < LEAST:
        return CITIZEN_REPORTS.empty()
    finished = int(reports["is_finished"].sum())
    timed = reports["hours"].drop_nulls().to_list()
    whole = {
        "kind": ALL,
        "reports": _steps(reports.height),
        "finished": _steps(finished) if min(finished, reports.height - finished) >= LEAST else None,
        "days_with_reports": reports["local_date"].n_unique(),
        "median_days_to_finish": round(median(timed) / 24) if len(timed) >= LEAST_FINISHED else None,
    }
    kinds = [{"kind": kind, "reports": _steps(number)} for kind, number in crowds(reports["kind"]).items()]
    rows = [{"source": most.item(0, "source"), "reference_date": last} | row for row in [whole, *kinds]]
    return pl.DataFrame(rows, schema=CITIZEN_REPORTS.schema).sort(CITIZEN_REPORTS.order)


def crowds(kinds: pl.Series) -> dict[str, int]:
    """Number of reports by kind, each of ``LEAST`` or more: rarer kinds are ``OTHER``, and with them the next rarest
    until these are enough too, so that nothing is left that a total would tell."""
    numbers = dict(kinds.value_counts(name="n").sort("n", kinds.name).iter_rows())
    other = numbers.pop(OTHER, 0)
    while numbers and (min(numbers.values()) < LEAST or 0 < other < LEAST):
        other += numbers.pop(next(iter(numbers)))
    return numbers | ({OTHER: other} if other else {})


def _steps(number: int) -> int:
    return number - number % LEAST
