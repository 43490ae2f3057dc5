"""Smart People: registered (not resident) population.

The city's own area counts where one publication tells it by code. Else the members of a publication are added; its
total that does not equal them is told, never used.
"""

from datetime import date, timedelta

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import YEARLY_MAX_AGE, Basis, Indicator, Period, absent, joined, nothing
from assets.indicators.inhabitants import own_area
from assets.indicators.statistics import end_of
from assets.indicators.tables import Tables, newest
from quality.tables import POPULATION

OLDER = "60+"
"""Age band of those whom Thai law calls older persons (Older Persons Act, B.E. 2546)."""

LEVELS = ("city", "amphoe", "tambon", "province")
"""Of several levels in one publication the first is counted; adding levels would count people twice."""

LARGE_BAND = 0.01
"""Part of all persons from which an age that one area does not tell is no chance: few places have anybody of 100."""


def members(population: pl.DataFrame) -> pl.DataFrame:
    """One level's rows that are no totals, as ``area, sex, persons``; ``sex`` is total only where sexes are absent."""
    rows = population.filter(~pl.col("is_total"))
    level = next((level for level in LEVELS if level in rows["area_level"]), None)
    rows = rows.filter(pl.col("area_level").eq_missing(pl.lit(level, pl.String)))
    whole = (pl.col("age_band") == "all").any().over("area", "sex")
    both = pl.col("sex").is_in(["male", "female"])
    # Of one sex and the total beside it the total is used.
    sexed = (pl.col("sex").filter(both).n_unique().over("area") == 2) | ~(pl.col("sex") == "total").any().over("area")
    counted = rows.filter(~whole | (pl.col("age_band") == "all"), (pl.col("sex") != "total") == sexed)
    large = pl.col("persons").sum().over("age_band") >= LARGE_BAND * pl.col("persons").sum()
    counted = counted.with_columns(_band=pl.when(large).then("age_band"))
    bands = pl.lit(counted["_band"].drop_nulls().n_unique())
    # One missing band makes the sum unknown, also one that other areas tell.
    lacking = (pl.col("age_band") != "all").any() & (pl.col("_band").drop_nulls().n_unique() < bands)
    unknown = pl.col("persons").is_null().any() | lacking
    return (
        counted.group_by("area", "sex")
        .agg(persons=pl.when(unknown).then(None).otherwise(pl.col("persons").sum()))
        .sort("area", "sex")
    )


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Registered population, share of women, persons a house and share of those aged 60 and more."""
    table = tables.get(POPULATION).filter(pl.col("reference_date") <= day)
    if table.is_empty():
        return absent(POPULATION, tables, day)
    own = own_area(city, table)
    counts = _of_area(own) if own.height else _of_members(table, day)
    return [*counts, _older(city, table, day)]


def _of_area(own: pl.DataFrame) -> list[Indicator]:
    """From the rows of the city's own area in one publication."""
    counted = {row["sex"]: row for row in own.filter(age_band="all").iter_rows(named=True)}
    total = counted["total"]
    persons, women = float(total["persons"]), counted.get("female", {}).get("persons")
    where = f"{total['area_level']} {total['area']}"
    sources = f"{POPULATION.name}, {total['dataset']}"
    basis = Basis("people", Period.day(total["reference_date"]), sources, max_age=YEARLY_MAX_AGE)
    share = None if women is None or not persons else 100 * women / persons
    found = [_population(persons, f"as published for {where}; residents may differ", basis), _women(share, basis)]
    if total["houses"]:
        code, title = "persons_per_house", "Registered persons a house"
        method = f"registered persons over registered houses of {where}"
        found.append(Indicator(code, title, persons / total["houses"], "persons", method, basis))
    return found


def _of_members(table: pl.DataFrame, day: date) -> list[Indicator]:
    """From the members of the newest publication that counts all ages."""
    whole = table.filter(age_band="all")
    rows = newest(whole if whole.height else table, POPULATION.day, day)
    rows = rows.filter(pl.col("dataset") == rows["dataset"].max())
    counted = members(rows)
    persons, women = _sum(counted), _sum(counted.filter(pl.col("sex") == "female"))
    sexed = not counted.is_empty() and not counted["sex"].is_in(["total"]).any()
    missing, areas = counted["persons"].null_count(), counted["area"].n_unique()
    alone = counted.filter((pl.col("sex") != "total") & (pl.len().over("area") == 1))
    one = ", ".join(alone["sex"].unique().sort())
    basis = Basis(
        "people",
        _period(rows.item(0, POPULATION.day)),
        f"{POPULATION.name}, {rows.item(0, 'dataset')}: {areas} area(s)",
        max_age=YEARLY_MAX_AGE,
        withheld=joined(
            f"{missing} member(s) have no value" if missing else None,
            f"{one} persons alone are told of {alone.height} of {areas} area(s)" if alone.height else None,
        ),
        partial=_mismatch(rows, persons),
    )
    return [
        _population(persons or None, "sum of the published members; residents may differ", basis),
        _women(100 * women / persons if sexed and persons else None, basis),
    ]


def _period(told: date) -> Period:
    """What a count is of that is dated so: a year where that is its first day, else the day."""
    return Period(told, end_of(told, 12))


def _population(persons: float | None, method: str, basis: Basis) -> Indicator:
    return Indicator("registered_population", "Registered population", persons, "persons", method, basis)


def _women(share: float | None, basis: Basis) -> Indicator:
    return Indicator("female_share", "Share of women", share, "%", "registered women over registered persons", basis)


def _older(city: City, table: pl.DataFrame, day: date) -> Indicator:
    """Persons aged 60 and more over all persons of the same areas, both told by one publisher at most a year apart: two
    publishers of one province have differed by a factor of 2.7, and a share of both is of nobody. Of the province or
    the city's own area; where only parts are told, of these together."""
    code, title = "older_share", "Share of persons aged 60 and more"
    older = table.filter(pl.col("persons").is_not_null(), age_band=OLDER, sex="total").sort("reference_date", "dataset")
    if older.is_empty():
        return nothing("people", code, title, day, "no publication tells ages", unit="%")
    whole_city = (pl.col("area_level") == "province") | pl.col("area_code").is_in([city.dopa_amphoe, city.dopa_tambon])
    of_city = older.filter(whole_city).tail(1)
    parts = older.filter(~pl.col("is_total")).join(older.tail(1), on=["dataset", "reference_date"], how="semi")
    level = next((level for level in LEVELS if level in parts["area_level"]), None)
    counted = of_city if of_city.height else parts.filter(area_level=level)
    if counted.is_empty():
        return nothing("people", code, title, day, "no publication tells ages of the city's own area", unit="%")
    row = counted.row(0, named=True)
    publisher = pl.col("dataset").str.split("/").list.first()
    same = (pl.col("area_level") == row["area_level"]) & (publisher == row["dataset"].split("/")[0])
    near = (pl.col("reference_date") - pl.lit(row["reference_date"])).abs() <= timedelta(days=366)
    whole = table.filter(same, near, pl.col("persons") > 0, age_band="all", sex="total")
    base = whole.join(counted, on=["area", "area_code"], how="semi").sort("reference_date", "dataset")
    base = base.unique(["area", "area_code"], keep="last", maintain_order=True)
    lacking = base.height < counted.height
    wider = row["area_level"] == "province" and city.level != "province"
    areas = row["area"] if counted.height == 1 else f"{counted.height} areas"
    partial = None if of_city.height else "of the areas that tell ages, which need not be the whole city"
    return Indicator(
        code,
        title,
        None if lacking else 100 * _sum(counted) / _sum(base),
        "%",
        f"registered persons aged 60 and more over all registered persons of {row['area_level']} {areas}",
        Basis(
            "people",
            _period(row["reference_date"]),
            f"{POPULATION.name}, {', '.join(dict.fromkeys([row['dataset'], *base['dataset']]))}",
            max_age=YEARLY_MAX_AGE,
            withheld="who tells the ages tells no count of all ages within a year" if lacking else None,
            partial="of the province, not of the city alone" if wider else partial,
        ),
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
