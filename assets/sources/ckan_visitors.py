"""Visitors, passengers and what they spend, by year, from a provincial catalogue (CKAN).

A long table (``assets.sources.long_table``) with the columns ``ประเภท`` (class; absent from some files) and ``สัญชาติ``
or ``สถานะ`` (origin), as in https://phuket.gdcatalog.go.th/dataset/dataset_10_34.
"""

import polars as pl

from assets.sources import thai
from assets.sources.long_table import Form, LongOptions, long_source
from assets.sources.source import Context
from quality.batch import Batch
from quality.tables import VISITORS

ORIGINS = {"ชาวไทย": "thai", "ชาวต่างชาติ": "foreign", thai.TOTAL: "total", "": "total"}


def rows(batch: Batch, context: Context[LongOptions]) -> Batch:
    """Table ``visitors``."""
    return batch.select(
        *("item", "value", "unit", "is_total", "status", "reference_date"),
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
