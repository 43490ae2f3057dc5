"""Visitors, passengers and what they spend, by year, from a provincial catalogue (CKAN).

A long table (``assets.sources.long_table``) with the columns ``ประเภท`` (class; absent from some files) and ``สัญชาติ``
or ``สถานะ`` (origin), as in https://phuket.gdcatalog.go.th/dataset/dataset_10_34.
"""

from typing import Any

import polars as pl

from assets.sources import ckan, thai
from assets.sources.long_table import long_rows, long_source
from assets.sources.parsing import distinct
from assets.sources.source import Context, ReadResult
from quality.problems import gather
from quality.tables import VISITORS

ORIGINS = {"ชาวไทย": "thai", "ชาวต่างชาติ": "foreign", thai.TOTAL: "total", "": "total"}


def read(data: bytes, context: Context[Any]) -> ReadResult:
    """Table ``visitors`` from a datastore page or file. Options: see ``assets.sources.long_table.long_rows``."""
    long = long_rows(
        data,
        context,
        VISITORS.schema["value"],
        required=("year", "item", "value", "unit"),
        expected=("category", "origin"),
    )
    if long.frame is None:
        return ReadResult(_READER, long.evidence, problems=long.problems)
    rows = long.frame.select(
        "_row",
        "item",
        "value",
        "unit",
        "is_total",
        "status",
        "reference_date",
        dataset=pl.lit(ckan.dataset(context.options)),
        category=pl.col("category").replace("", "all"),
        origin=pl.col("origin").replace(ORIGINS),
    )
    table, repeats = distinct(rows, VISITORS.key)
    return ReadResult(_READER, long.evidence, {VISITORS.name: table}, gather([long.problems, repeats]))


_READER = "ckan_visitors"

CKAN_VISITORS = long_source(_READER, "Visitors (provincial catalogue)", VISITORS, "as published, by row", read)
