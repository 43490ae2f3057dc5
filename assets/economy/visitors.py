"""Visitors, passengers and what they spend, by year, from a provincial catalogue (CKAN).

Long format, one number a row: columns ``ปี`` (Buddhist year), ``รายการ`` (item), ``ประเภท`` (class; absent from some
files), ``สัญชาติ`` or ``สถานะ`` (origin), ``จำนวน``, ``หน่วย``, ``ที่มา``, as in
https://phuket.gdcatalog.go.th/dataset/dataset_10_34. Numbers are text with or without commas; a value that is not
computed yet is the text ``รอประมวลผล``; totals (``รวม``) lie among their members. A year is dated by its first day.
"""

import polars as pl

from assets import thai
from assets.landing import ckan
from assets.rows import distinct, judged_totals, problems_at, without
from assets.sources import Context, ReadResult, Source
from quality.problems import gather, problem
from quality.tables import VISITORS

COLUMNS = {
    "year": ("ปี", "พ.ศ.", "ปี พ.ศ."),
    "item": ("รายการ",),
    "category": ("ประเภท",),
    "origin": ("สัญชาติ", "สถานะ"),
    "value": ("จำนวน",),
    "unit": ("หน่วย",),
}
"""Role → headers it is published under."""

REQUIRED = ("year", "item", "value", "unit")
KNOWN = ("จังหวัด", "ที่มา")
"""Headers that repeat what the catalogue says of the package."""

ORIGINS = {"ชาวไทย": "thai", "ชาวต่างชาติ": "foreign", thai.TOTAL: "total"}

AVERAGES = "เฉลี่ย|ร้อยละ|อัตรา"
"""Average, per cent, rate: words of items whose totals are no sums."""

_VALUE = VISITORS.schema["value"]


def read(data: bytes, context: Context) -> ReadResult:
    """Table ``visitors`` from a datastore page or CSV file.

    Of two rows with one key and different numbers, the total that adds up is kept and the other refused; where that
    does not decide, both are refused.
    """
    rows, faults = ckan.read_rows(data)
    if rows is None:
        return ReadResult(_READER, problems=faults)
    frame, said = ckan.mapped(rows.frame, COLUMNS, context.options.get("columns", {}), REQUIRED, KNOWN)
    if frame is None:
        return ReadResult(_READER, rows.evidence, problems=said)
    if not frame.height:
        return ReadResult(_READER, rows.evidence, problems=problem("answer-empty", "no records"))
    value = pl.col("value")
    frame = frame.with_columns(_year=thai.year(pl.col("year")), _value=thai.number(value, _VALUE))
    declared = thai.is_missing(value) | thai.is_pending(value)
    refused = gather(
        [
            problems_at(frame, "stamp-bad", pl.col("_year").is_null(), "the year is not a four-digit year"),
            problems_at(frame, "value-not-number", pl.col("_value").is_null() & ~declared, "not a number"),
            problems_at(frame, "value-null", thai.is_missing(pl.col("item")), "the item is missing"),
            problems_at(frame, "unit-unknown", thai.is_missing(pl.col("unit")), "the unit is missing"),
        ]
    ).unique("row", keep="first", maintain_order=True)
    kept = without(frame, refused)
    waiting = problems_at(kept, "value-pending", thai.is_pending(value), "the publisher is still processing the value")
    blank = problems_at(kept, "value-missing", thai.is_missing(value), "the publisher gives no value")
    category, origin = thai.clean(pl.col("category")), thai.clean(pl.col("origin"))
    table = kept.select(
        "_row",
        dataset=pl.lit(str(context.options["package"])),
        item=thai.clean(pl.col("item")),
        category=category.fill_null("all"),
        origin=origin.replace(ORIGINS).fill_null("total"),
        value="_value",
        unit=thai.clean(pl.col("unit")),
        is_total=((category == thai.TOTAL) | (origin == thai.TOTAL)).fill_null(value=False),
        status=pl.when(thai.is_pending(value)).then(pl.lit("pending")).otherwise(pl.lit("published")),
        reference_date=pl.date("_year", 1, 1),
    )
    totals = _totals(table) if rows.whole else []
    off = gather(problems_at(judged, "total-mismatch", ~pl.col("fits"), pl.col("message")) for judged in totals)
    rivals = _rivals(table, totals)
    table, repeats = distinct(without(table, rivals), VISITORS.key)
    return ReadResult(
        _READER,
        rows.evidence,
        {"visitors": table},
        gather([said, refused, waiting, blank, rivals, repeats, off.join(rivals, on="row", how="anti")]),
    )


def _totals(table: pl.DataFrame) -> list[pl.DataFrame]:
    """Totals over the categories of each origin, and over the origins of each category."""
    average = pl.col("item").str.contains(AVERAGES) | pl.col("unit").str.contains(AVERAGES)
    rest = ("item", "unit", "reference_date")
    return [
        judged_totals(table, pl.col("category") == thai.TOTAL, ("origin", *rest), "value", average),
        judged_totals(table, pl.col("origin") == "total", ("category", *rest), "value", average),
    ]


def _rivals(table: pl.DataFrame, totals: list[pl.DataFrame]) -> pl.DataFrame:
    """Totals that do not add up beside one of the same key that does."""
    if not totals:
        return gather([])
    verdicts = pl.concat(totals).group_by("_row").agg(pl.col("fits").all())
    judged = table.join(verdicts, on="_row", how="left", maintain_order="left")
    fitting = pl.col("fits").fill_null(value=False)
    beaten = ~fitting & (fitting.sum().over(VISITORS.key) == 1)
    return problems_at(judged, "key-duplicate", beaten, "repeats the key of a total that adds up, with another number")


_READER = "ckan_visitors"

CKAN_VISITORS = Source(
    name=_READER,
    title="Visitors (provincial catalogue)",
    smart="economy",
    tables=("visitors",),
    portal=None,
    document="https://docs.ckan.org/en/2.10/api/",
    plan=ckan.plan,
    read=read,
    reads=lambda name: not name.startswith(ckan.PACKAGE),
)
