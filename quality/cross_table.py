"""Rules over published series that are only seen when data sets stand side by side.

Each looks at a whole lake table and warns: the publisher may have its reasons, and nobody here can tell which of two
data sets is the wrong one.
"""

from datetime import timedelta

import polars as pl

from quality.contracts import Table
from quality.row_rules import PERCENT, averaged, plain_unit
from quality.series_rules import CONTRADICTS
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


def months_of_year(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Check ``total:months`` of ``road_casualties``: where a year's total and some of its months are told, all twelve
    are, and add up to it."""
    place = ["dataset", "outcome", "area", "year"]
    whole, month = pl.col("persons").filter(pl.col("months") == 12), pl.col("persons").filter(pl.col("months") == 1)
    years = (
        frame.drop_nulls("persons")
        .with_columns(year=pl.col("reference_date").dt.year())
        .group_by(place)
        .agg(stated=whole.first(), summed=month.sum(), months=month.count())
        .filter(pl.col("stated").is_not_null(), pl.col("months") > 0)
    )
    odd = years.filter((pl.col("months") != 12) | (pl.col("stated") != pl.col("summed"))).sort(place)
    odd = odd.with_columns(reference_date=pl.date("year", 12, 31))
    bound = "twelve months that add up to the year's total; ask the publisher what is missing"
    shows = ("stated", "summed", "months")
    key = ("dataset", "outcome", "area", "reference_date")
    return [odd_rows(table, "total:months", years.height, odd, shows, bound, key=key)]


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


_YEAR = timedelta(days=366)
"""How far apart two publishers' days may be: one counts at the year's end, another at its beginning."""
UNLIKE = 1.25
"""Ratio of two publishers' persons of one area that is told; registered and counted persons differ by less."""

TWICE = 1.9
"""Ratio from which one of the two misleads: half of the persons, or all of them twice."""


def publishers_differ(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Check ``publishers-differ`` of ``population``: data sets that tell other persons of an area, sex and age, a year
    apart at most, by more than ``UNLIKE``."""
    place = ["area_level", "area", "sex", "age_band"]
    told = frame.drop_nulls("persons").select("dataset", "reference_date", "persons", *place)
    # Each of the two is named: nothing tells which one misleads.
    both = told.join(told, on=place, suffix="_other").filter(pl.col("dataset") != pl.col("dataset_other"))
    apart = (pl.col("reference_date") - pl.col("reference_date_other")).abs()
    near = both.filter(apart <= _YEAR)
    near = near.filter(apart == apart.min().over("dataset", "reference_date", "dataset_other", *place))
    greater, less = (f("persons", "persons_other") for f in (pl.max_horizontal, pl.min_horizontal))
    odd = near.filter(greater > UNLIKE * less).sort(*place, "reference_date", "dataset", "dataset_other")
    shows = ("persons", "dataset_other", "persons_other")
    text = f"two publishers of one number within a factor of {UNLIKE:g}"
    misleads = greater > TWICE * less
    return [odd_rows(table, "publishers-differ", near.height, odd, shows, text, misleads=misleads)]


def ages_above_all(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Check ``ages-above-all`` of ``population``: an age band has more persons than all ages of its area and sex, told
    by anybody within a year."""
    place = ["area_level", "area", "sex"]
    told = frame.drop_nulls("persons")
    whole = told.filter(age_band="all").select(*place, all_ages="persons", _day="reference_date")
    both = told.filter(pl.col("age_band") != "all").join(whole, on=place)
    both = both.filter((pl.col("reference_date") - pl.col("_day")).abs() <= _YEAR)
    greatest = both.group_by(table.key).agg(pl.col("persons").first(), pl.col("all_ages").max())
    odd = greatest.filter(pl.col("persons") > pl.col("all_ages")).sort(table.key)
    bound = "persons of an age at most those of all ages; see whether the figure slipped by a factor"
    return [odd_rows(table, "ages-above-all", greatest.height, odd, ("persons", "all_ages"), bound)]


_COUNTED = ("คน", "ราย", "ศพ", "แห่ง", "โรง", "หลัง", "ครั้ง", "ครัวเรือน", "persons")
"""Units of what is counted one by one: a figure may change from one to the other as it is."""


def unit_changed(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Check ``unit-changed``: the newest period of a series has another unit than all before it, or a series is told in
    two units with the same figures, of which one is wrong unless both count (``_COUNTED``). A figure that did not
    change with its unit is in the old one."""
    series = ["dataset", "item", "category", *(name for name in ("area_level", "area", "origin") if name in table.key)]
    told = frame.drop_nulls("value")
    newest = told.filter(pl.col(table.day) == pl.col(table.day).max().over(series))
    earlier = told.join(newest.select(*series, table.day), on=[*series, table.day], how="anti")
    units = earlier.group_by(series).agg(
        before=pl.col("unit").unique().sort().str.join(", "), _units=plain_unit("unit")
    )
    both = newest.join(units, on=series)
    changed = both.filter(~plain_unit("unit").is_in(pl.col("_units"))).select(*told.columns, "before")
    place = [name for name in (*table.key, "value") if name != "unit"]
    twice = told.join(told.select(*place, before="unit"), on=place).filter(
        plain_unit("unit") != plain_unit("before"),
        pl.col("value") != 0,
        ~(pl.col("unit").is_in(_COUNTED) & pl.col("before").is_in(_COUNTED)),
    )
    twice = twice.filter(pl.len().over(*series, "unit", "before") > 1)
    twice = twice.filter(pl.col(table.day) == pl.col(table.day).max().over(series)).select(changed.columns)
    odd = pl.concat([changed, twice]).unique(table.key, keep="first").sort(table.key)
    bound = "a series keeps its unit; see which of its figures are in which"
    return [odd_rows(table, "unit-changed", both.height, odd, ("unit", "before", "value"), bound)]


PARTS = 0.02
"""Part of a total by which the areas under it may miss it: what is nobody's is counted in the total alone."""


def areas_of_total(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Check ``total:area`` of ``city_statistics``: where one row is the publisher's total over areas of a period, the
    others add up to it; of an average it lies between them. Judged are all figures of a period, so that one data set's
    total is not the whole table."""
    place = ["dataset", "item", "category", "unit", "months", "reference_date"]
    part, number = ~pl.col("is_total"), pl.col("value").cast(pl.Float64)
    total = pl.col("is_total") & (pl.col("area_level") == "province")  # and not that of an amphoe
    sums = (
        frame.drop_nulls("value")
        .group_by(place)
        .agg(
            stated=number.filter(total).sum(),
            parts=number.filter(part).sum(),
            _totals=total.sum(),
            _parts=part.sum(),
            _least=number.filter(part).min(),
            _most=number.filter(part).max(),
        )
        .with_columns(ratio=(pl.col("stated") / pl.col("parts")).round(3))
    )
    missed, summed = (pl.col("stated") - pl.col("parts")).abs(), (pl.col("_totals") == 1) & (pl.col("_parts") > 1)
    mean, within = averaged("item", "unit"), pl.col("stated").is_between("_least", "_most")
    odd = sums.filter(summed, pl.when(mean).then(~within).otherwise(missed > PARTS * pl.col("stated"))).sort(place)
    bound = f"areas add up to their total within {PARTS:.0%}; ask the publisher which is right"
    misleads = ~mean & (missed > CONTRADICTS * pl.col("stated"))
    shows = ("stated", "parts", "ratio")
    return [odd_rows(table, "total:area", sums.height, odd, shows, bound, key=place, misleads=misleads)]


ONE = 0.01
"""How near to 1 shares that are parts of it add up: each is rounded."""


def shares_of_one(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Check ``total:share`` of ``city_statistics``: classes in per cent that add up to 1 are fractions of it, each out
    by a hundred."""
    place = ["dataset", "item", "area_level", "area", "unit", "months", "reference_date"]
    of_share = frame.drop_nulls("value").filter(pl.col("unit").str.contains(f"(?i){PERCENT}"))
    number = pl.col("value").cast(pl.Float64).filter(~pl.col("is_total") & (pl.col("category") != "all"))
    one = (number.sum() - 1).abs() <= ONE
    odd = of_share.filter((one & (number.len() > 1) & number.is_between(0, 1).all()).over(place)).sort(table.key)
    bound = "shares add up to 100, not to 1; fractions are published as per cent"
    return [odd_rows(table, "total:share", of_share.height, odd, ("value",), bound)]
