"""Killed and injured on roads by whole year, from the table ``road_casualties``."""

import polars as pl


def by_year(casualties: pl.DataFrame, area: str) -> pl.DataFrame:
    """``outcome, year, persons, months, stated, dataset`` of one area: a row an outcome and year that is whole.

    ``persons`` is the sum of twelve published months; where fewer are there it is the publisher's own total of the
    year. ``stated`` is that total, ``months`` how many months have a number. A year with neither is left out, and of
    several data sets the one with most years counts (they do not add up).
    """
    rows = casualties.filter(pl.col("area") == area).with_columns(year=pl.col("reference_date").dt.year())
    whole = pl.col("months") == 12
    years = (
        rows.group_by("dataset", "area", "outcome", "year")
        .agg(
            months=(~whole & pl.col("persons").is_not_null()).sum().cast(pl.Int64),
            summed=pl.col("persons").filter(~whole).sum(),
            stated=pl.col("persons").filter(whole).max(),
        )
        .with_columns(persons=pl.when(pl.col("months") == 12).then("summed").otherwise("stated"))
        .drop_nulls("persons")
    )
    fullest = (
        years.group_by("outcome", "dataset", "area")
        .len()
        .sort("len", "dataset", "area", descending=[True, False, False])
        .unique("outcome", keep="first", maintain_order=True)
    )
    return (
        years.join(fullest, on=["outcome", "dataset", "area"], how="semi")
        .select("outcome", "year", "persons", "months", "stated", "dataset")
        .sort("outcome", "year")
    )
