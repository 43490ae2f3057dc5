"""Visitors, passengers and what they spend, by year, from a provincial catalogue (CKAN).

A long table (``assets.sources.long_table``) with the columns ``ประเภท`` (class; absent from some files) and ``สัญชาติ``
or ``สถานะ`` (origin), as in https://phuket.gdcatalog.go.th/dataset/dataset_10_34.
"""

import polars as pl

from assets.sources import thai
from assets.sources.long_table import Form, LongOptions, long_source
from assets.sources.long_table_rules import CLASSES
from assets.sources.source import Context
from quality.batch import Batch
from quality.tables import VISITORS

ORIGINS = (
    dict.fromkeys(("ชาวไทย", "ไทย", "คนไทย", "Thai", "thai"), "thai")
    | dict.fromkeys(("ชาวต่างชาติ", "ต่างชาติ", "ชาวต่างประเทศ", "Foreign", "foreign", "Foreigner"), "foreign")
    | {thai.TOTAL: "total", "": "total"}
)


YEAR = 12
"""Months of a year."""


def rows(batch: Batch, context: Context[LongOptions]) -> Batch:
    """Table ``visitors``, by year: a month or quarter is refused, for the table does not tell them from a year, and so
    is the total of those that there are so far."""
    part, year = pl.col("months") < YEAR, pl.col("reference_date").dt.year()
    told = pl.col("months").filter(part & pl.col("value").is_not_null()).sum()
    told = told.over("item", "area", *CLASSES, year)
    text = pl.format("the total of {} months, and not of its year", told)
    # The table has no areas: all of it is the province's, after which an amphoe may be called too, beside others.
    named = pl.col("area") == context.city.province_th
    whole = batch.filter(named & ((pl.col("area_level") == "province") | named.all()))
    if parts := batch.rows.height - whole.rows.height:
        whole = whole.note("row-filtered", f"{parts} rows are of a part of the province")
    return whole.refuse(
        (part, "stamp-bad", "of a month or quarter: visitors are told by year"),
        (told.is_between(1, YEAR - 1), "stamp-bad", text),
    ).select(
        *("item", "value", "unit", "status", "reference_date"),
        is_total=pl.any_horizontal(pl.col(name) == thai.TOTAL for name in CLASSES),
        dataset=pl.lit(context.options.dataset),
        category=pl.col("category").replace("", "all"),
        origin=pl.col("origin").replace(ORIGINS),
    )


CKAN_VISITORS = long_source(
    "ckan_visitors",
    "Visitors (provincial catalogue)",
    VISITORS,
    "as published, by row",
    Form(VISITORS.schema["value"], ("year", "item", "value", "unit"), expected=("category", "origin")),
    rows,
    LongOptions,
)
