"""Published statistics as indicators: for any Smart, the newest value of each series of ``city_statistics``."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import YEARLY_MAX_AGE, Basis, Indicator, Period
from assets.indicators.tables import Tables, newest
from assets.sources import thai
from quality.tables import CITY_STATISTICS

SERIES = ("smart", "dataset", "item", "unit")

_TOTAL = rf"^(?:all|{thai.TOTAL}(?: / {thai.TOTAL})*)$"
"""Category of a grand total: a total in each class, or no class."""


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """One a series, for the Smart that its statistic serves; none where there are none.

    Whole years before months. A series of one value a period is that value; of several, only the publisher's own
    grand total is shown, because nothing tells whether its members may be added.
    """
    rows = tables.get(CITY_STATISTICS).filter(pl.col("reference_date") <= day)
    rows = rows.filter(pl.col("months") == pl.col("months").max().over(SERIES))
    rows = newest(rows, "reference_date", day, *SERIES)
    grand = pl.col("is_total") & (pl.col("area") == city.province_th) & pl.col("category").str.contains(_TOTAL)
    shown = rows.filter(pl.when(pl.len().over(SERIES) == 1).then(pl.lit(value=True)).otherwise(grand))
    shown = shown.filter(pl.len().over(SERIES) == 1).sort(SERIES)
    return [_series(row, day) for row in shown.iter_rows(named=True)]


def _series(row: Mapping[str, Any], day: date) -> Indicator:
    start, value = row["reference_date"], row["value"]
    end = _end(start, row["months"])
    basis = Basis(
        row["smart"],
        Period(start, end),
        f"{CITY_STATISTICS.name}, {row['dataset']}",
        max_age=YEARLY_MAX_AGE,
        withheld="the publisher has not computed it yet" if row["status"] == "pending" else None,
        partial="the period is not over" if end > day else None,
    )
    code = f"{row['dataset']}:{row['item']}:{row['unit']}"
    method = "the publisher's own total" if row["is_total"] else "as published"
    return Indicator(code, row["item"], None if value is None else float(value), row["unit"], method, basis)


def _end(start: date, months: int) -> date:
    """Last day of a period. What counts from another day than a year's or month's first is undated: a moment."""
    if months == 12 and (start.month, start.day) == (1, 1):
        return date(start.year, 12, 31)
    if months == 1 and start.day == 1:
        return (start + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return start
