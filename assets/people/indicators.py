"""Smart People: registered (not resident) population.

Totals are made from the members. A publisher's total that does not equal them is told, never used.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators import YEARLY_MAX_AGE, absent, collect, indicator, newest
from quality.tables import POPULATION

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
    """Registered population and share of women at the newest reference date, as ``INDICATORS``."""
    last, rows = newest(tables.get(POPULATION.name), POPULATION.day, day)
    if last is None:
        return collect(absent(POPULATION, tables, day))
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
    return collect(
        [
            indicator(
                "people",
                "registered_population",
                "Registered population",
                persons or None,
                "persons",
                (last, last),
                day,
                method="sum of the published members; residents may differ",
                **facts,
            ),
            indicator(
                "people",
                "female_share",
                "Share of women",
                100 * women / persons if sexed and persons else None,
                "%",
                (last, last),
                day,
                method="registered women over registered persons",
                **facts,
            ),
        ]
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
