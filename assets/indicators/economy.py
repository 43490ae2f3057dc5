"""Smart Economy: visitors and what they spend, and what households earn, by year."""

from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import YEARLY_MAX_AGE, Basis, Indicator, Period, absent, joined
from assets.indicators.tables import Tables
from quality.tables import HOUSEHOLD_INCOME, VISITORS

ADDITIVE = ("คน", "persons", "ล้านบาท")
"""Units whose members may be summed (persons, million baht). Averages, rates and stays are shown as published."""


def yearly(visitors: pl.DataFrame) -> pl.DataFrame:
    """Series by year: ``dataset, item, unit, category, origin, year, value, pending, stated``.

    Members of an additive unit are summed over origins (``origin`` is null then); ``value`` is null if one is pending
    or missing. ``stated`` is the publisher's own total of the category, where there is one. Categories are never
    summed: visitors contain tourists.
    """
    series = ["dataset", "item", "unit", "category", "origin", "year"]
    additive = pl.col("unit").is_in(ADDITIVE)
    rows = visitors.with_columns(year=pl.col("reference_date").dt.year())
    stated = (
        rows.filter("is_total", additive, pl.col("origin") == "total")
        .group_by(*series[:4], "year")
        .agg(stated=pl.col("value").max())
    )
    return (
        rows.filter(~pl.col("is_total"))
        .with_columns(origin=pl.when(~additive).then("origin"))
        .group_by(series)
        .agg(
            value=pl.when(pl.col("value").is_null().any()).then(None).otherwise(pl.col("value").sum()),
            pending=(pl.col("status") == "pending").any(),
        )
        .join(stated, on=[*series[:4], "year"], how="left")
        .sort(series, nulls_last=False)
    )


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """The newest year of every series; withheld while the publisher has not computed it."""
    return [*_visitors(day, tables), *_households(city, day, tables)]


def _visitors(day: date, tables: Tables) -> list[Indicator]:
    rows = tables.get(VISITORS).filter(pl.col("reference_date").dt.year() <= day.year)
    if rows.is_empty():
        return absent(VISITORS, tables, day)
    newest = yearly(rows).filter(pl.col("year") == pl.col("year").max().over("dataset", "item", "unit"))
    return [_series(series, day) for series in newest.iter_rows(named=True)]


def _households(city: City, day: date, tables: Tables) -> list[Indicator]:
    """What a household of the province earns and spends a month: the newest year that has a value."""
    rows = tables.get(HOUSEHOLD_INCOME).filter(pl.col("reference_date").dt.year() <= day.year).drop_nulls("baht_month")
    if rows.is_empty():
        return absent(HOUSEHOLD_INCOME, tables, day) if tables.has(HOUSEHOLD_INCOME) else []
    newest = rows.sort("measure", "reference_date", "dataset").unique("measure", keep="last", maintain_order=True)
    return [
        Indicator(
            f"household_{measure}",
            f"Average household {measure} a month",
            float(baht),
            "THB/month",
            f"average of the households of {city.province_en}, as published",
            Basis(
                "economy",
                Period(start, date(start.year, 12, 31)),
                f"{HOUSEHOLD_INCOME.name}, {dataset}",
                max_age=YEARLY_MAX_AGE,
                partial=Period.year(start.year).running(day),
            ),
        )
        for measure, start, baht, dataset in newest.select(
            "measure", "reference_date", "baht_month", "dataset"
        ).iter_rows()
    ]


def _series(series: dict[str, Any], day: date) -> Indicator:
    parts = [series["category"], series["origin"]]
    value, stated = series["value"], series["stated"]
    differs = value is not None and stated is not None and stated != value
    period = Period.year(series["year"])
    total = f"the publisher's total {stated:,.0f} differs from the sum of its members {value:,.0f}" if differs else None
    basis = Basis(
        "economy",
        period,
        f"{VISITORS.name}, {series['dataset']}",
        max_age=YEARLY_MAX_AGE,
        withheld="the publisher has not computed it yet" if series["pending"] else None,
        partial=joined(period.running(day), total),
    )
    return Indicator(
        ":".join([series["dataset"], series["item"], *filter(None, parts)]),
        ", ".join([series["item"], *(part for part in parts if part not in (None, "all", "total"))]),
        None if value is None else float(value),
        series["unit"],
        "as published" if series["origin"] else "sum of the published members",
        basis,
    )
