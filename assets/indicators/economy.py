"""Smart Economy: visitors and what they spend, and what households earn, by year."""

from datetime import date
from typing import Any, Final

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import YEARLY_MAX_AGE, Basis, Indicator, Period, absent, joined
from assets.indicators.tables import Tables
from quality.tables import HOUSEHOLD_INCOME, VISITORS

ADDITIVE = ("คน", "persons", "ล้านบาท")
"""Units whose members may be summed (persons, million baht). Averages, rates and stays are shown as published."""


BEFORE: Final = 3
"""Years before within which an origin that is told no more is missed; after them the publisher counts otherwise."""
LEAST_LOST: Final = 0.05
"""Part of an earlier year's sum that was of origins told no more, from which a sum is none without them."""

_CATEGORY: Final = ("dataset", "item", "unit", "category")


def yearly(visitors: pl.DataFrame) -> pl.DataFrame:
    """Series by year: ``dataset, item, unit, category, origin, year, value, pending, stated, lost, of_total``.

    Members of an additive unit are summed over origins (``origin`` is null then, but of a category of which one origin
    alone is ever told); ``value`` is null if one is pending or missing. ``stated`` is the publisher's own total of the
    category, where there is one, and the value (``of_total``) where no members are told, or some are told no more
    (``lost``). Categories are never summed: visitors contain tourists.
    """
    additive = pl.col("unit").is_in(ADDITIVE)
    rows = visitors.with_columns(year=pl.col("reference_date").dt.year())
    parts, totals = rows.filter(~pl.col("is_total")), rows.filter("is_total", additive, pl.col("origin") == "total")
    pending = (pl.col("status") == "pending").any()
    stated = totals.group_by(*_CATEGORY, "year").agg(stated=pl.col("value").max(), _pending=pending)
    alone = (pl.col("origin").n_unique().over(_CATEGORY) == 1) & (pl.col("origin") != "total")
    summed = (
        parts.with_columns(origin=pl.when(~additive | alone).then("origin"))
        .group_by(*_CATEGORY, "origin", "year")
        .agg(
            value=pl.when(pl.col("value").is_null().any()).then(None).otherwise(pl.col("value").sum()),
            pending=pending,
        )
        .join(stated.drop("_pending"), on=[*_CATEGORY, "year"], how="left")
        .join(_lost(parts.filter(additive)), on=[*_CATEGORY, "year"], how="left")
        .with_columns(
            # Half of a sum is no sum.
            value=pl.when(pl.col("lost").is_null()).then("value").otherwise("stated"),
            of_total=pl.col("lost").is_not_null() & pl.col("stated").is_not_null(),
        )
    )
    untold = stated.join(parts, on=[*_CATEGORY, "year"], how="anti")
    alone_told = untold.rename({"_pending": "pending"}).with_columns(value="stated", of_total=True)
    return pl.concat([summed, alone_told], how="diagonal").sort(*_CATEGORY, "origin", "year", nulls_last=False)


def _lost(parts: pl.DataFrame) -> pl.DataFrame:
    """``_CATEGORY``, ``year`` and the origins (``lost``) of the last of ``BEFORE`` years before that told more of them,
    and that the year does not tell, where they were ``LEAST_LOST`` of its sum."""
    years = parts.group_by(*_CATEGORY, "year").agg(pl.col("origin").unique(), size=pl.col("origin").n_unique())
    pairs = years.join(years, on=_CATEGORY, suffix="_before").filter(
        (pl.col("year") - pl.col("year_before")).is_between(1, BEFORE), pl.col("size_before") > pl.col("size")
    )
    pairs = pairs.filter(pl.col("year_before") == pl.col("year_before").max().over(*_CATEGORY, "year"))
    before = parts.select(*_CATEGORY, year_before="year", was="origin", persons=pl.col("value").cast(pl.Float64))
    gone = ~pl.col("was").is_in(pl.col("origin"))
    return (
        pairs.join(before, on=[*_CATEGORY, "year_before"])
        .group_by(*_CATEGORY, "year")
        .agg(
            lost=pl.col("was").filter(gone).unique().sort().str.join(", "),
            _part=pl.col("persons").filter(gone).sum() / pl.col("persons").sum(),
        )
        .filter(pl.col("_part") >= LEAST_LOST)
        .drop("_part")
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
    lost = f"told in a year before, and not in this one: {series['lost']}" if series["lost"] else None
    basis = Basis(
        "economy",
        period,
        f"{VISITORS.name}, {series['dataset']}",
        max_age=YEARLY_MAX_AGE,
        withheld="the publisher has not computed it yet" if series["pending"] else lost if value is None else None,
        partial=joined(period.running(day), total, lost if value is not None else None),
    )
    method = "the publisher's own total" if series["of_total"] else "sum of the published members"
    return Indicator(
        ":".join([series["dataset"], series["item"], *filter(None, parts)]),
        ", ".join([series["item"], *(part for part in parts if part not in (None, "all", "total"))]),
        None if value is None else float(value),
        series["unit"],
        "as published" if series["origin"] else method,
        basis,
    )
