"""How many people are registered in a city: the denominator of what is told per inhabitant."""

from datetime import date
from typing import NamedTuple

import polars as pl

from assets.cities.registry import City
from assets.indicators.tables import Tables
from quality.tables import POPULATION

LEVELS = ("tambon", "amphoe", "province")
"""Areas a city may be counted by, the smallest first."""


class Registered(NamedTuple):
    """Registered persons of both sexes, the area they were counted in, the day, and who told it."""

    persons: int
    area: str
    level: str
    day: date
    dataset: str


def registered(city: City, day: date, tables: Tables, level: str | None = None) -> Registered | None:
    """The newest count of the city's own area that is not after ``day``; None where no published count is of it.

    ``level`` asks for the tambon, amphoe or province the city lies in instead.
    """
    past = tables.get(POPULATION).filter(pl.col("reference_date") <= day)
    rows = own_area(city, past, level)
    total = rows.filter(sex="total", age_band="all")
    if total.is_empty():
        return None
    newest = total.row(0, named=True)
    return Registered(
        newest["persons"], newest["area"], newest["area_level"], newest["reference_date"], newest["dataset"]
    )


def own_area(city: City, population: pl.DataFrame, level: str | None = None) -> pl.DataFrame:
    """Rows of the city's own area from the one data set and day that counted it last; none where nobody did.

    The city's area is the one its scope names: its province, or the amphoe (or the tambon, where the registry gives
    one). It is told by DOPA code, never by name: two tambons are called เทพราช. A count without codes serves a city
    that covers its province only, and a total among its members never does: it need not be their sum. ``level`` asks
    for another of the areas the city lies in.
    """
    level = level or city.level
    code = {"tambon": city.dopa_tambon, "amphoe": city.dopa_amphoe, "province": city.dopa_province}[level]
    by_name = (
        (pl.col("area_code") == "") & ~pl.col("is_total") & (pl.col("area") == city.province_th) & (level == "province")
    )
    rows = population.filter((pl.col("area_code") == code) | by_name, area_level=level)
    counted = rows.filter(pl.col("persons").is_not_null(), sex="total", age_band="all")
    last = counted.sort("reference_date", "dataset").select("dataset", "reference_date").tail(1)
    return rows.join(last, on=["dataset", "reference_date"], how="semi")
