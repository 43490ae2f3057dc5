"""Rules over the rows of one published table: what its own rows say against each other.

Frames are those of ``assets.sources.long_table``: one value a row, with ``DIMENSIONS`` and, for totals among their
members, ``over_area``, ``over_month``, ``over_year`` or the class ``รวม``. No rule knows a data set; both numbers are
told.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from assets.sources import thai
from assets.sources.parsing import distinct, judged_totals, problems_at, without
from quality.problems import gather, problem

CLASSES = ("category", "origin", "sex", "age")
"""Columns that divide what is counted."""

DIMENSIONS = ("item", "area_level", "area", *CLASSES, "unit", "months", "reference_date")
"""What tells two rows apart."""

AVERAGES = "เฉลี่ย|ร้อยละ|อัตรา"
"""Average, per cent, rate: words of items and units whose totals are no sums."""


COUNTED = r"^(?:[^0-9]*[^0-9\s][^0-9]*[0-9]+(?:\s*(?:คน|ราย|ศพ))?[\s,;/]*)+$"
"""Words that each have a count: nationalities of casualties, as https://phuket.gdcatalog.go.th/dataset/dataset_10_50
(accidents at sea) writes them in a column of its own."""


def judge(frame: pl.DataFrame, at_most: Mapping[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``frame`` with drifted labels set right, without rival totals and totals over years, and all its contradictions.

    - ``label-drift``: rows under another label without which a year's total does not add up get that total's label.
    - ``total-mismatch``: totals over areas, classes, months and years against their members; a value against the
      counts in the words for its origin ("รัสเซีย1 โรมาเนีย2").
    - ``key-duplicate``: of two totals for the same thing the one that does not add up is refused beside one that does;
      where that does not decide, all rows of the key are. Identical rows are merged (``duplicate-rows``).
    - ``unit-changed``: a series goes on in another unit.
    - ``value-contradicts``: an item is greater than the one it is a part of (``at_most``: part → whole).
    """
    frame, merged = distinct(frame, [name for name in frame.columns if name != "_row"])
    frame, drift = _drifted(frame)
    totals = pl.concat(_totals(frame))
    rivals = _rivals(frame, totals)
    frame, repeats = distinct(without(frame.filter(~pl.col("over_year")), rivals), DIMENSIONS)
    off = problems_at(totals, "total-mismatch", ~pl.col("fits"), pl.col("message"))
    off = off.join(gather([rivals, repeats]), on="row", how="anti")
    said = [merged, drift, off, rivals, repeats, _counted(frame), _unit_changes(frame), _contradictions(frame, at_most)]
    return frame, gather(said)


def _totals(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """``_row, fits, message`` of every total whose members all have values, one frame a dimension."""
    average = pl.col("item").str.contains(AVERAGES) | pl.col("unit").str.contains(AVERAGES)
    year = frame.with_columns(year=pl.col("reference_date").dt.year(), ordinal=thai.month(pl.col("month")).fill_null(0))
    place, period = ("area_level", "area"), ("months", "reference_date")
    rest = ("item", *CLASSES, "unit")
    grand = pl.col("area_level") == "province"
    inner = frame.with_columns(parent=pl.when("over_area").then("area").otherwise("within"))
    found = [
        judged_totals(
            frame.filter(~pl.col("over_area") | grand), pl.col("over_area"), (*rest, *period), "value", average
        ),
        judged_totals(
            inner.filter(~pl.col("over_area") | ~grand),
            pl.col("over_area"),
            ("parent", *rest, *period),
            "value",
            average,
        ),
        judged_totals(year, pl.col("over_month"), (*place, *rest, "year"), "value", average),
        judged_totals(year, pl.col("over_year"), (*place, *rest, "months", "ordinal"), "value", average),
    ]
    for name in CLASSES:
        others = (*place, *(other for other in rest if other != name), *period)
        found.append(
            judged_totals(frame.filter(pl.col(name) != ""), pl.col(name) == thai.TOTAL, others, "value", average)
        )
    return found


def _drifted(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A year's rows of one label that have no total of their own, and complete the months of another whose total does
    not add up without them, are that other's."""
    place = ("area_level", "area", *CLASSES, "unit", "year")
    dated = frame.filter(~pl.col("over_year")).with_columns(year=pl.col("reference_date").dt.year())
    by_label = (
        dated.group_by("item", *place)
        .agg(
            total=pl.col("value").filter("over_month").first(),
            totals=pl.col("over_month").sum(),
            summed=pl.col("value").filter(~pl.col("over_month")).sum(),
            dates=pl.col("reference_date").filter(~pl.col("over_month")).unique().sort(),
            rows=(~pl.col("over_month")).sum(),
        )
        .filter(pl.col("rows") > 0, pl.col("rows") <= 12)
    )
    short = by_label.filter(pl.col("totals") == 1, pl.col("total") != pl.col("summed"))
    strays = by_label.filter(pl.col("totals") == 0)
    found = short.join(strays, on=place, suffix="_stray").filter(
        pl.col("dates").list.set_intersection("dates_stray").list.len() == 0,
        pl.col("rows") + pl.col("rows_stray") == 12,
        pl.col("total") == pl.col("summed") + pl.col("summed_stray"),
    )
    if not found.height:
        return frame, gather([])
    meant = found.select(*place, item="item_stray", meant="item").unique([*place, "item"], keep="first")
    said = [_drift(row) for row in found.sort("year", "item").iter_rows(named=True)]
    frame = (
        frame.with_columns(year=pl.col("reference_date").dt.year())
        .join(meant, on=[*place, "item"], how="left", maintain_order="left")
        .with_columns(item=pl.coalesce("meant", "item"))
        .drop("year", "meant")
    )
    return frame, gather(said)


def _drift(row: Mapping[str, Any]) -> pl.DataFrame:
    stray, item, without_them = f"{row['item_stray']!r:.60}", f"{row['item']!r:.60}", row["summed"]
    text = f"{row['year']}: {row['rows_stray']} row(s) labelled {stray} belong to {item}"
    with_them = without_them + row["summed_stray"]
    return problem("label-drift", f"{text}: its total {row['total']} is {without_them} without, {with_them} with them")


def _rivals(frame: pl.DataFrame, totals: pl.DataFrame) -> pl.DataFrame:
    """Totals that do not add up beside one of the same key that does."""
    verdicts = totals.group_by("_row").agg(pl.col("fits").all())
    judged = frame.join(verdicts, on="_row", how="left", maintain_order="left")
    fitting = pl.col("fits").fill_null(value=False)
    beaten = ~fitting & (fitting.sum().over(DIMENSIONS) == 1) & ~pl.col("over_year")
    return problems_at(judged, "key-duplicate", beaten, "repeats the key of a total that adds up, with another number")


def _counted(frame: pl.DataFrame) -> pl.DataFrame:
    """Values that are not what their origins add up to, where the text for these counts each of them."""
    told = frame.filter(pl.col("origin").str.contains(COUNTED)).with_columns(
        sum=pl.col("origin").str.extract_all("[0-9]+").list.eval(pl.element().cast(pl.Int64, strict=False)).list.sum()
    )
    message = pl.format("{}: adds up to {}, the value is {}", pl.col("origin").str.head(60), "sum", "value")
    return problems_at(told, "total-mismatch", pl.col("sum") != pl.col("value"), message)


def _unit_changes(frame: pl.DataFrame) -> pl.DataFrame:
    series = ["item", "area_level", "area", *CLASSES]
    spells = (
        frame.group_by(*series, "told")
        .agg(first=pl.col("reference_date").min(), last=pl.col("reference_date").max())
        .sort(*series, "first", "told")
        .with_columns(before=pl.col("told").shift().over(series), until=pl.col("last").shift().over(series))
        # Two units side by side are two series.
        .filter(pl.col("first") > pl.col("until"))
    )
    changes = spells.group_by("item", "before", "told", "first").len().sort("item", "first")
    return gather(
        problem("unit-changed", f"{row['item']!r:.60}: {row['before']} becomes {row['told']} on {row['first']}")
        for row in changes.iter_rows(named=True)
    )


def _contradictions(frame: pl.DataFrame, at_most: Mapping[str, str]) -> pl.DataFrame:
    rest = [name for name in DIMENSIONS if name != "item"]
    found = []
    for part, whole in at_most.items():
        pairs = frame.filter(item=part).join(frame.filter(item=whole).select(*rest, bound="value"), on=rest)
        message = pl.format("{}: {} is more than {} of {}", pl.lit(part), "value", pl.lit(whole), "bound")
        found.append(problems_at(pairs, "value-contradicts", pl.col("value") > pl.col("bound"), message))
    return gather(found)
