"""Smart People: registered (not resident) population.

The city's own area counts where one publication tells it by code. Else the members of a publication are added; its
total that does not equal them is told, never used.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import YEARLY_MAX_AGE, absent, collect, indicator, newest
from assets.indicators.inhabitants import own_area
from quality.tables import POPULATION

OLDER = "60+"
"""Age band of those whom Thai law calls older persons (Older Persons Act, B.E. 2546)."""

LEVELS = ("city", "amphoe", "tambon", "province")
"""Of several levels in one publication the first is counted; adding levels would count people twice."""


def members(population: pl.DataFrame) -> pl.DataFrame:
    """One level's rows that are no totals, as ``area, sex, persons``; ``sex`` is total only where sexes are absent."""
    rows = population.filter(~pl.col("is_total"))
    level = next((level for level in LEVELS if level in rows["area_level"]), None)
    rows = rows.filter(pl.col("area_level").eq_missing(pl.lit(level, pl.String)))
    whole = (pl.col("age_band") == "all").any().over("area", "sex")
    sexed = (pl.col("sex") != "total").any().over("area")
    return (
        rows.filter(~whole | (pl.col("age_band") == "all"), (pl.col("sex") != "total") | ~sexed)
        .group_by("area", "sex")
        # One missing band makes the sum unknown.
        .agg(persons=pl.when(pl.col("persons").is_null().any()).then(None).otherwise(pl.col("persons").sum()))
        .sort("area", "sex")
    )


def indicators(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Registered population, share of women, persons a house and share of those aged 60 and more, as ``INDICATORS``."""
    table = tables.get(POPULATION.name, POPULATION.empty()).filter(pl.col("reference_date") <= day)
    if table.is_empty():
        return collect(absent(POPULATION, tables, day))
    own = own_area(city, table)
    counts = _of_area(own, day) if own.height else _of_members(table, day)
    return collect([*counts, _older(city, table, day)])


def _of_area(own: pl.DataFrame, day: date) -> list[dict[str, Any]]:
    """From the rows of the city's own area in one publication."""
    counted = {row["sex"]: row for row in own.filter(age_band="all").iter_rows(named=True)}
    total = counted["total"]
    persons, women = float(total["persons"]), counted.get("female", {}).get("persons")
    where = f"{total['area_level']} {total['area']}"
    facts: dict[str, Any] = {
        "sources": f"{POPULATION.name}, {total['dataset']}",
        "max_age": YEARLY_MAX_AGE,
    }
    period = (total["reference_date"], total["reference_date"])
    share = None if women is None or not persons else 100 * women / persons
    rows = [
        _population(persons, period, day, f"as published for {where}; residents may differ", facts),
        _women(share, period, day, facts),
    ]
    if total["houses"]:
        rows.append(
            indicator(
                "people",
                "persons_per_house",
                "Registered persons a house",
                persons / total["houses"],
                "persons",
                period,
                day,
                method=f"registered persons over registered houses of {where}",
                **facts,
            )
        )
    return rows


def _of_members(table: pl.DataFrame, day: date) -> list[dict[str, Any]]:
    """From the members of the newest publication that counts all ages."""
    whole = table.filter(age_band="all")
    last, rows = newest(whole if whole.height else table, POPULATION.day, day)
    assert last is not None  # the table has rows up to the day
    rows = rows.filter(pl.col("dataset") == rows["dataset"].max())
    counted = members(rows)
    pending = counted["persons"].null_count()
    persons, women = _sum(counted), _sum(counted.filter(pl.col("sex") == "female"))
    sexed = not counted.is_empty() and not counted["sex"].is_in(["total"]).any()
    facts: dict[str, Any] = {
        "sources": f"{POPULATION.name}, {counted['area'].n_unique()} area(s)",
        "max_age": YEARLY_MAX_AGE,
        "withheld": f"{pending} member(s) have no value" if pending else None,
        "partial": _mismatch(rows, persons),
    }
    return [
        _population(persons or None, (last, last), day, "sum of the published members; residents may differ", facts),
        _women(100 * women / persons if sexed and persons else None, (last, last), day, facts),
    ]


def _population(
    persons: float | None, period: tuple[date, date], day: date, method: str, facts: Mapping[str, Any]
) -> dict[str, Any]:
    title = "Registered population"
    return indicator("people", "registered_population", title, persons, "persons", period, day, method=method, **facts)


def _women(share: float | None, period: tuple[date, date], day: date, facts: Mapping[str, Any]) -> dict[str, Any]:
    method = "registered women over registered persons"
    return indicator("people", "female_share", "Share of women", share, "%", period, day, method=method, **facts)


def _older(city: City, table: pl.DataFrame, day: date) -> dict[str, Any]:
    """Persons aged 60 and more over all persons of the same area, counted at most a year apart."""
    code, title = "older_share", "Share of persons aged 60 and more"
    older = table.filter(pl.col("persons").is_not_null(), age_band=OLDER, sex="total").sort("reference_date", "dataset")
    if older.is_empty():
        reason = "no publication tells ages"
        return indicator("people", code, title, None, "%", (day, day), day, method="", sources="", withheld=reason)
    row = older.row(-1, named=True)
    period = (row["reference_date"], row["reference_date"])
    same = pl.col("area") == row["area"]
    near = (pl.col("reference_date") - pl.lit(row["reference_date"])).abs() <= timedelta(days=366)
    whole = table.filter(same, near, pl.col("persons") > 0, age_band="all", sex="total", area_level=row["area_level"])
    base = whole.sort("reference_date", "dataset").tail(1)
    return indicator(
        "people",
        code,
        title,
        None if base.is_empty() else 100 * row["persons"] / base.item(0, "persons"),
        "%",
        period,
        day,
        method=f"registered persons aged 60 and more over all registered persons of {row['area_level']} {row['area']}",
        sources=f"{POPULATION.name}, {', '.join(dict.fromkeys([row['dataset'], *base['dataset']]))}",
        max_age=YEARLY_MAX_AGE,
        withheld="nobody counted all ages of the area within a year" if base.is_empty() else None,
        partial="of the province, not of the city alone"
        if row["area_level"] == "province" and city.level != "province"
        else None,
    )


def _sum(counted: pl.DataFrame) -> float:
    return float(counted["persons"].sum())


def _mismatch(rows: pl.DataFrame, persons: float) -> str | None:
    totals = rows.filter("is_total", pl.col("sex") == "total", pl.col("age_band") == "all")["persons"].drop_nulls()
    # The publication's grand total is the greatest of its totals.
    stated = totals.max()
    if not isinstance(stated, int) or stated == persons:
        return None
    return f"the publisher's total {stated:,} differs from the sum of its members {persons:,.0f}"
