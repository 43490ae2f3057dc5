"""Rules over published series that are only seen when data sets stand side by side.

Each looks at a whole lake table and warns: the publisher may have its reasons, and nobody here can tell which of two
data sets is the wrong one.
"""

import polars as pl

from quality.contracts import Table
from quality.verdicts import SAMPLE, Grade, Verdict, odd_rows

LEAST_ALIKE = 24
"""Rows that two data sets must have in common before they are called identical: two years of months. A few equal
small numbers are chance."""


def identical_series(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Check ``series-identical`` of ``city_statistics``: two data sets that tell the same values, row for row.

    Rows are matched by area, category, unit and period; items differ, or nobody would publish both. Only data sets
    whose numbers are all alike and at least ``LEAST_ALIKE`` count. ``failed`` is the number of such pairs.
    """
    place = ["area", "category", "unit", "months", "reference_date"]
    rows = frame.drop_nulls("value").group_by("dataset", *place).agg(values=pl.col("value").sort())
    sizes = rows.group_by("dataset").len("size").filter(pl.col("size") >= LEAST_ALIKE)
    rows = rows.join(sizes, on="dataset")
    pairs = (
        rows.join(rows, on=place, suffix="_other")
        .filter(pl.col("dataset") < pl.col("dataset_other"), pl.col("values") == pl.col("values_other"))
        .group_by("dataset", "dataset_other", "size", "size_other")
        .len("alike")
        .filter(pl.col("alike") == pl.col("size"), pl.col("alike") == pl.col("size_other"))
        .sort("dataset", "dataset_other")
    )
    found = [
        f"{one} and {other}: {alike} rows"
        for one, other, alike in pairs.select("dataset", "dataset_other", "alike").iter_rows()
    ]
    text = f"identical row for row: {'; '.join(found[:SAMPLE])}" if found else "no two data sets are identical"
    sample = pairs.select("dataset", "dataset_other", "alike").head(SAMPLE).to_dicts()
    grade: Grade = "warn" if found else "pass"
    return [Verdict(table.name, "series-identical", grade, sizes.height, pairs.height, text, sample)]


def fewer_injured(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Check ``fewer-injured`` of ``road_casualties``: years in which an area counts fewer injured than dead.

    There always are several injured for each dead: data sets that say otherwise count by different definitions and
    may not be set against each other. Totals of the year are compared, else the sums of twelve months.
    """
    place = ["area", "year", "outcome", "dataset"]
    years = (
        frame.with_columns(year=pl.col("reference_date").dt.year())
        .group_by(place)
        .agg(
            stated=pl.col("persons").filter(pl.col("months") == 12).first(),
            summed=pl.col("persons").filter(pl.col("months") == 1).sum(),
            months=pl.col("persons").filter(pl.col("months") == 1).count(),
        )
        .with_columns(persons=pl.coalesce("stated", pl.when(pl.col("months") == 12).then("summed")))
        .drop_nulls("persons")
    )
    dead, injured = (
        years.filter(outcome=outcome).select("area", "year", "dataset", "persons") for outcome in ("death", "injury")
    )
    both = dead.join(injured, on=["area", "year"], suffix="_injured")
    odd = both.filter(pl.col("persons_injured") < pl.col("persons")).sort("area", "year", "dataset", "dataset_injured")
    found = [
        f"{row['area']} {row['year']}: {row['persons_injured']} injured, {row['persons']} dead"
        for row in odd.head(SAMPLE).iter_rows(named=True)
    ]
    text = f"fewer injured than dead: {'; '.join(found)}" if found else "no year has fewer injured than dead"
    grade: Grade = "warn" if found else "pass"
    return [Verdict(table.name, "fewer-injured", grade, both.height, odd.height, text, odd.head(SAMPLE).to_dicts())]


GENERATED, DISPOSED = "ขยะที่เกิดขึ้น", "ขยะที่กำจัดถูกต้อง"
"""Items of the waste statistics: generated, and disposed of properly."""


def more_disposed(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Check ``more-disposed`` of ``city_statistics``: more waste is disposed of than an area generates in a period."""
    place = ["area_level", "area", "category", "unit", "months", "reference_date"]
    made, gone = (frame.filter(item=item).select("dataset", *place, "value") for item in (GENERATED, DISPOSED))
    both = gone.join(made, on=place, suffix="_generated")
    odd = both.filter(pl.col("value") > pl.col("value_generated")).sort(*place, "dataset", "dataset_generated")
    shows = ("value", "dataset_generated", "value_generated")
    return [odd_rows(table, "more-disposed", both.height, odd, shows, "disposed waste at most what is generated")]


UNLIKE = 1.25
"""Ratio of two publishers' persons of one area and year that is told; registered and counted persons differ by less."""

TWICE = 1.9
"""Ratio from which one of the two misleads: half of the persons, or all of them twice."""


def publishers_differ(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Check ``publishers-differ`` of ``population``: data sets that tell other persons of one area, sex and age in one
    year, by more than ``UNLIKE``."""
    place = ["area_level", "area", "sex", "age_band", "_year"]
    told = frame.drop_nulls("persons").with_columns(_year=pl.col("reference_date").dt.year())
    told = told.select("dataset", "reference_date", "persons", *place)
    both = told.join(told, on=place, suffix="_other").filter(pl.col("dataset") < pl.col("dataset_other"))
    greater, less = (f("persons", "persons_other") for f in (pl.max_horizontal, pl.min_horizontal))
    odd = both.filter(greater > UNLIKE * less).sort(*place, "dataset", "dataset_other")
    shows = ("persons", "dataset_other", "persons_other")
    text = f"two publishers of one number within a factor of {UNLIKE:g}"
    misleads = greater > TWICE * less
    return [odd_rows(table, "publishers-differ", both.height, odd, shows, text, misleads=misleads)]
