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
_PERIOD = (*SERIES, "reference_date")

LEAST_SILENT = 0.05
"""Part of a period's figures that parts without a number in the next one had, from which its total lacks them."""

_TOTAL = rf"^(?:all|{thai.TOTAL}(?: / {thai.TOTAL})*)$"
"""Category of a grand total: a total in each class, or no class."""


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """One a series, for the Smart that its statistic serves; none where nothing published is the city's own."""
    return [_series(row, day) for row in own(city, day, tables).iter_rows(named=True)]


def own(city: City, day: date, tables: Tables) -> pl.DataFrame:
    """Rows of ``city_statistics`` that stand for the city, one a series (``SERIES``), with the number of ``parts`` that
    have reported a number, in the period ``before`` too, the day of the ``newest`` period, and the months of it that
    are told.

    Whole years before months. A value stands for the city where it is of its own area, the province: the publisher's
    grand total, or the only row of its period, without any class. A part of the city never stands for it, nor does
    what is left of a period of which the rest is not published yet: the newest period with such a value is told, and
    is partial where fewer parts have reported than in the one before. A series that goes on in another unit, or is
    told anew under another name, is told as that alone.
    """
    rows = tables.get(CITY_STATISTICS).filter(pl.col("reference_date") <= day)
    told = rows = rows.join(_renamed(rows), on=SERIES, how="anti")
    rows = rows.filter(pl.col("months") == pl.col("months").max().over(SERIES))
    own = (pl.col("area_level") == "province") & (pl.col("area") == city.province_th)
    grand = pl.col("is_total") & pl.col("category").str.contains(_TOTAL)
    whole = own & pl.when(pl.len().over(_PERIOD) == 1).then(pl.col("category") == "all").otherwise(grand)
    is_part = ~(own & grand)
    parts = rows.group_by(_PERIOD).agg(parts=is_part.sum().cast(pl.Int64))
    parts = parts.join(_silent(rows.filter(is_part)), on=_PERIOD, how="left").sort(_PERIOD)
    parts = parts.with_columns(parts=pl.col("parts") - pl.col("silent").fill_null(0)).with_columns(
        before=pl.col("parts").shift().over(SERIES),
        newest=pl.col("reference_date").max().over(SERIES),
    )
    begun = pl.col("reference_date").min().over(SERIES).max().over(SERIES[:-1])
    goes_on = pl.col("reference_date").max().over(SERIES) >= begun
    shown = newest(rows.filter(goes_on).filter(whole), "reference_date", day, *SERIES)
    shown = shown.filter(pl.len().over(SERIES) == 1).join(parts, on=_PERIOD, how="left")
    return shown.join(_told(told, shown), on=SERIES, how="left").sort(SERIES)


def _silent(parts: pl.DataFrame) -> pl.DataFrame:
    """``SERIES``, ``reference_date`` and how many parts of it have no number (``silent``) that had one in the period
    before, where they were ``LEAST_SILENT`` of all: the mark for none may stand for zero, but not for so many."""
    place = (*SERIES, "area_level", "area", "category")
    number, was = pl.col("value").cast(pl.Float64), pl.col("value").shift().over(place, order_by="reference_date")
    before = parts.with_columns(_was=was.cast(pl.Float64), _gone=number.is_null() & (was != 0))
    sums = before.group_by(_PERIOD).agg(
        silent=pl.col("_gone").sum().cast(pl.Int64),
        _part=pl.col("_was").filter("_gone").sum() / pl.col("_was").sum(),
    )
    return sums.filter(pl.col("_part") >= LEAST_SILENT).drop("_part")


def _told(rows: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """``SERIES`` and how many months of its shown year have numbers of their own (``told``), as months or quarters."""
    place = (*SERIES, "area_level", "area")
    finer = rows.filter(pl.col("months") < 12).drop_nulls("value").select(*place, "months", part="reference_date")
    years = shown.filter(months=12).select(*place, begins="reference_date")
    within = pl.col("part").is_between("begins", pl.col("begins").dt.offset_by("11mo"))
    found = finer.unique().join(years, on=place).filter(within)
    return found.group_by(*SERIES, "months").agg(told=pl.col("months").sum()).group_by(SERIES).agg(pl.col("told").max())


_PLACE = ("smart", "dataset", "area_level", "area", "category", "months", "reference_date", "value")
_ALIKE = 2
"""Values that two series must have in common to be one: a single one is chance."""


def _renamed(rows: pl.DataFrame) -> pl.DataFrame:
    """``SERIES`` of which a later delivery of their data set tells all values, period by period, as another item or in
    another unit: the lake keeps what the publisher has under that name no more."""
    told = rows.filter(pl.col("value") != 0).with_columns(
        _size=pl.len().over(SERIES), _told=pl.col("_delivered").max().over(SERIES)
    )
    pairs = told.join(told, on=_PLACE, suffix="_other").filter(pl.col("_told") < pl.col("_told_other"))
    alike = pairs.group_by(*SERIES, "item_other", "unit_other").agg(alike=pl.len(), size=pl.col("_size").first())
    return alike.filter(pl.col("alike") == pl.col("size"), pl.col("size") >= _ALIKE).select(SERIES)


def rests_on(row: Mapping[str, Any], day: date) -> Basis:
    """What a row of ``own`` rests on."""
    start = row["reference_date"]
    period = Period(start, end_of(start, row["months"]))
    missing = period.running(day)
    if row["parts"] and row["before"] and row["parts"] < row["before"]:
        missing = f"{row['parts']} parts have reported, {row['before']} had in the period before"
    elif not missing and row["told"] and row["told"] < 12:
        missing = f"{row['told']} of 12 months have a number; the publisher's total of the year is told"
    return Basis(
        row["smart"],
        period,
        f"{CITY_STATISTICS.name}, {row['dataset']}",
        max_age=YEARLY_MAX_AGE,
        withheld="the publisher has not computed it yet" if row["status"] == "pending" else None,
        partial=missing,
    )


def _series(row: Mapping[str, Any], day: date) -> Indicator:
    value = row["value"]
    code = f"{row['dataset']}:{row['item']}:{row['unit']}"
    method = "the publisher's own total" if row["is_total"] else "as published"
    if row["newest"] > row["reference_date"]:
        method = f"{method}; of the period from {row['newest']} parts alone are published"
    return Indicator(
        code, row["item"], None if value is None else float(value), row["unit"], method, rests_on(row, day)
    )


_YEAR_STARTS = ((1, 1), (10, 1), (5, 16))
"""Month and day that a calendar, a fiscal and a school year begin on."""


def end_of(start: date, months: int) -> date:
    """Last day of a period. What counts from another day than a year's or month's first is undated: a moment."""
    if months == 12 and (start.month, start.day) in _YEAR_STARTS:
        return start.replace(year=start.year + 1) - timedelta(days=1)
    if months < 12 and start.day == 1:
        return (start + timedelta(days=31 * months)).replace(day=1) - timedelta(days=1)
    return start
