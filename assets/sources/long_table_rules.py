"""Rules over the rows of one published table: what its own rows say against each other.

Frames are those of ``assets.sources.long_table``: one value a row, with ``DIMENSIONS`` and, for totals among their
members, ``over_area``, ``over_month``, ``over_year`` or the class ``รวม``. No rule knows a data set; messages have both
numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from assets.sources import thai
from assets.sources.parsing import judged_totals
from quality.batch import Batch
from quality.row_rules import averaged, plain_unit

CLASSES = ("category", "origin", "sex", "age", "other")
"""Columns that divide what is counted."""

DIMENSIONS = ("item", "area_level", "area", *CLASSES, "unit", "months", "reference_date")
"""What tells two rows apart."""

COUNTED = r"^สัญชาติ\s*(?:[^0-9]*[^0-9\s][^0-9]*[0-9]+(?:\s*(?:คน|ราย|ศพ))?[\s,;/]*)+$"
"""Nationalities that each have a count, as https://phuket.gdcatalog.go.th/dataset/dataset_10_50 (accidents at sea)
writes them among its remarks. Other remarks hold numbers of anything."""


def judge(batch: Batch, at_most: Mapping[str, str]) -> Batch:
    """``batch`` with drifted labels set right, without rival totals and totals over years, and all its contradictions.

    - ``label-drift``: rows under another label without which a year's total does not add up get that total's label.
    - ``total-mismatch``: totals over areas, classes, months and years against their members; a value against the
      counts of nationalities in its remark ("สัญชาติ รัสเซีย1 โรมาเนีย2").
    - ``key-duplicate``: of two totals for the same thing the one that does not add up is refused beside one that does;
      where that does not decide, all rows of the key are. Identical rows are merged (``duplicate-rows``).
    - ``unit-changed``: a series goes on in another unit.
    - ``value-contradicts``: an item is greater than the one it is a part of (``at_most``: part → whole).
    """
    batch = _counted(batch)  # a remark tells no rows apart, and is not looked at further
    batch = _drifted(batch.distinct([name for name in batch.rows.columns if name != "_row"]))
    totals = pl.concat(_totals(batch.rows))
    batch = _rivals(batch, totals).filter(~pl.col("over_year")).distinct(DIMENSIONS)
    refused = batch.found.filter(code="key-duplicate")
    off = Batch(totals.join(refused, left_on="_row", right_on="row", how="anti", maintain_order="left"))
    batch = batch.also(*off.warn(~pl.col("fits"), "total-mismatch", pl.col("message")).problems)
    return _contradictions(_unit_changes(batch), at_most)


SUMS = 3
"""Years, months or items in which a label is the sum of the others, from which that is no chance."""
_LARGE_SUM = 1_000
"""A sum so large of three others or more is no chance either."""
_SUM_WORDS = "รวม|ทั้ง|ทุก|สรุป|ยอด|สะสม|ระดับจังหวัด|(?i:total|all|sum)"


def sums(frame: pl.DataFrame, role: str, places: Sequence[str], province: str) -> list[str]:
    """Labels in ``role``, a column of text, whose value (``value``, text) is the sum of all others beside them, in all
    places that have others: totals under a name that is no known one (``thai.is_total``). ``places`` are the columns of
    areas. One sum alone counts where it is large or the label has a word for totals, or is the ``province``'s name."""
    beside = [name for name in ("item", *CLASSES, *places, "year", "quarter", "month", "unit") if name != role]
    number = thai.amount(pl.col("value"), pl.Decimal(18, 4)).cast(pl.Float64)
    told = ~thai.is_total(pl.col("label")) & pl.col("number").is_not_null()
    groups = frame.select(*beside, label=pl.col(role), number=number).filter(told)
    if groups.height <= 2:
        return []
    members, whole = pl.len().over(beside), pl.col("number").sum().over(beside)
    found = (
        groups.with_columns(members=members, rest=whole - pl.col("number"))
        .filter(pl.col("members") > 2)
        .group_by("label")
        .agg(
            groups=pl.len(),
            fits=((pl.col("number") - pl.col("rest")).abs() < 1e-3) & (pl.col("number") > 0),
            largest=pl.col("number").max(),
            members=pl.col("members").max(),
        )
        .filter(pl.col("fits").list.all())
        .filter(
            (pl.col("groups") >= SUMS)
            | ((pl.col("largest") >= _LARGE_SUM) & (pl.col("members") > SUMS))
            | pl.col("label").str.contains(_SUM_WORDS)
            | (pl.col("label") == province)
        )
    )
    return sorted(found["label"].drop_nulls())


def _totals(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """``_row, fits, message`` of every total whose members all have values, one frame a dimension."""
    average, of_all = averaged("item", "unit"), pl.col("value").is_between(99, 101)
    share = of_all & pl.col("unit").str.contains(thai.PERCENT)
    # Twelve months of a fiscal year lie in two.
    starts = frame.filter("over_month", months=12)["reference_date"].drop_nulls()
    begins = max(starts.dt.month().to_list(), default=1)
    first = pl.col("reference_date").dt.offset_by(f"-{begins - 1}mo")
    year = frame.with_columns(year=first.dt.year(), ordinal=thai.month(pl.col("month")).fill_null(0))
    place, period = ("area_level", "area"), ("months", "reference_date")
    rest = ("item", *CLASSES, "unit")
    grand = pl.col("area_level") == "province"
    inner = frame.with_columns(parent=pl.when("over_area").then("area").otherwise("within"))
    found = [
        judged_totals(
            frame.filter(~pl.col("over_area") | grand), pl.col("over_area"), (*rest, *period), average, share
        ),
        judged_totals(
            inner.filter(~pl.col("over_area") | ~grand),
            pl.col("over_area"),
            ("parent", *rest, *period),
            average,
            share,
        ),
        judged_totals(year, pl.col("over_month"), (*place, *rest, "year"), average, share),
        judged_totals(year, pl.col("over_year"), (*place, *rest, "months", "ordinal"), average, share),
    ]
    for name in CLASSES:
        others = (*place, *(other for other in rest if other != name), *period)
        found.append(
            judged_totals(frame.filter(pl.col(name) != ""), pl.col(name) == thai.TOTAL, others, average, share)
        )
    return found


def _drifted(batch: Batch) -> Batch:
    """A year's rows of one label that have no total of their own, and complete the months of another whose total does
    not add up without them, are that other's."""
    place = ("area_level", "area", *CLASSES, "unit", "year")
    dated = batch.rows.filter(~pl.col("over_year")).with_columns(year=pl.col("reference_date").dt.year())
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
        return batch
    for row in found.sort("year", "item").iter_rows(named=True):
        batch = batch.note("label-drift", _drift(row))
    meant = found.select(*place, item="item_stray", meant="item").unique([*place, "item"], keep="first")
    rows = (
        batch.rows.with_columns(year=pl.col("reference_date").dt.year())
        .join(meant, on=[*place, "item"], how="left", maintain_order="left")
        .with_columns(item=pl.coalesce("meant", "item"))
    )
    return Batch(rows.drop("year", "meant"), batch.problems)


def _drift(row: Mapping[str, Any]) -> str:
    stray, item, without_them = f"{row['item_stray']!r:.60}", f"{row['item']!r:.60}", row["summed"]
    text = f"{row['year']}: {row['rows_stray']} row(s) labelled {stray} belong to {item}"
    with_them = without_them + row["summed_stray"]
    return f"{text}: its total {row['total']} is {without_them} without, {with_them} with them"


def _rivals(batch: Batch, totals: pl.DataFrame) -> Batch:
    """Without totals that do not add up beside one of the same key that does."""
    verdicts = totals.group_by("_row").agg(_fits=pl.col("fits").all())
    fits = pl.col("_fits").fill_null(value=False)
    beaten = ~fits & (fits.sum().over(DIMENSIONS) == 1) & ~pl.col("over_year")
    return (
        Batch(batch.rows.join(verdicts, on="_row", how="left", maintain_order="left"), batch.problems)
        .refuse((beaten, "key-duplicate", "repeats the key of a total that adds up, with another number"))
        .select(pl.exclude("_row", "_fits"))
    )


def _counted(batch: Batch) -> Batch:
    """``batch`` without remarks; values that are not what the nationalities in them add up to are said."""
    remark = thai.clean(pl.col("remark"))
    counts = remark.str.extract_all("[0-9]+").list.eval(pl.element().cast(pl.Int64, strict=False)).list.sum()
    return batch.warn(
        (remark.str.contains(COUNTED) & (counts != pl.col("value"))).fill_null(value=False),
        "total-mismatch",
        pl.format("{}: adds up to {}, the value is {}", remark.str.head(60), counts, "value"),
    ).select(pl.exclude("_row", "remark"))


def _unit_changes(batch: Batch) -> Batch:
    series = ["item", "area_level", "area", *CLASSES]
    spells = (
        batch.rows.group_by(*series, "stated_unit")
        .agg(first=pl.col("reference_date").min(), last=pl.col("reference_date").max())
        .sort(*series, "first", "stated_unit")
        .with_columns(before=pl.col("stated_unit").shift().over(series), until=pl.col("last").shift().over(series))
        # Two units side by side are two series, and one written in two ways is one.
        .filter(pl.col("first") > pl.col("until"), plain_unit("stated_unit") != plain_unit("before"))
    )
    changes = spells.group_by("item", "before", "stated_unit", "first").len().sort("item", "first")
    for item, before, unit, first, _ in changes.iter_rows():
        batch = batch.note("unit-changed", f"{item!r:.60}: {before} becomes {unit} on {first}")
    return batch


def _contradictions(batch: Batch, at_most: Mapping[str, str]) -> Batch:
    rest, rows = [name for name in DIMENSIONS if name != "item"], batch.rows
    for part, whole in at_most.items():
        pairs = Batch(rows.filter(item=part).join(rows.filter(item=whole).select(*rest, bound="value"), on=rest))
        message = pl.format("{}: {} is more than {} of {}", pl.lit(part), "value", pl.lit(whole), "bound")
        batch = batch.also(*pairs.warn(pl.col("value") > pl.col("bound"), "value-contradicts", message).problems)
    return batch
