"""A day of a table against days of its own past: the last same-class days that the lake holds.

Working days are held against working days, Saturdays against Saturdays, Sundays against Sundays. What is compared is a
small frame of metrics: rows, and mean of every column the table names, of each series.
"""

from collections.abc import Collection
from datetime import date, timedelta

import polars as pl

from quality.contracts import Table
from quality.verdicts import SLIP, Verdict, odd_rows

DAYS = 4
"""Same-class days that a day is held against; with fewer nothing is said."""

REACH = timedelta(days=35)
"""How far back they are looked for: four weeks of a Sunday, and one that is missing."""

FEWER = 0.5
"""Part of its usual rows below which a series is said to be thin, and the inverse above which it is said to be more."""

OFF = 5.0
"""Ratio to the usual mean that is told, and from ``SLIP`` on misleads: a slip of unit is ten or more, the worst week of
the burning season triples."""


def alike(day: date, days: Collection[date]) -> list[date]:
    """The ``DAYS`` newest of ``days`` before ``day`` that are of its class, within ``REACH``."""
    return sorted(each for each in days if day - REACH <= each < day and _kind(each) == _kind(day))[-DAYS:]


def against_past(table: Table, rows: pl.DataFrame, past: pl.DataFrame) -> list[Verdict]:
    """Verdicts ``usual-rows`` and ``usual:<column>`` of one day's ``rows``, held against ``past``, rows of the days
    ``alike``: one that passes where nothing is odd, none where ``past`` has fewer than ``DAYS`` days."""
    if past[table.day].n_unique() < DAYS:
        return []
    series, day = list(table.usual_by), rows[table.day].max()
    today, before = (_metrics(table, frame) for frame in (rows, past))
    usual = before.group_by(series).agg(pl.exclude(table.day).median(), days=pl.len()).filter(pl.col("days") == DAYS)
    both = usual.join(today, on=series, how="left", suffix="_today").sort(series)
    found = []
    for name in ("rows", *table.usual):
        now, then = pl.col(f"{name}_today"), pl.col(name)
        ratio = (now.fill_null(0) if name == "rows" else now) / then
        most = 1 / FEWER if name == "rows" else OFF
        odd = both.filter((then > 0) & ((ratio > most) | (ratio < 1 / most)))
        odd = odd.select(*series, pl.lit(day, pl.Date).alias(table.day), today=now, usual=then, ratio=ratio.round(3))
        check = "usual-rows" if name == "rows" else f"usual:{name}"
        bound = f"{name} as on the {DAYS} days of its class before it, within a factor of {most:g}"
        # Rows that are not there mislead nobody: what is made of them says how few they are.
        slip = (pl.col("ratio") > SLIP) | (pl.col("ratio") * SLIP < 1) if name != "rows" else pl.lit(value=False)
        shows, key = ("today", "usual", "ratio"), (*series, table.day)
        found.append(odd_rows(table, check, both.height, odd, shows, bound, key=key, misleads=slip))
    return found


def _metrics(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    means = (pl.col(name).cast(pl.Float64).mean() for name in table.usual)
    return rows.group_by(*table.usual_by, table.day).agg(pl.len().cast(pl.Float64).alias("rows"), *means)


def _kind(day: date) -> int:
    return max(day.weekday(), 4)
