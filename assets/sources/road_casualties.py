"""Killed and injured on roads by month and year, from a provincial catalogue (CKAN).

A long table (``assets.sources.long_table``) with the columns ``ปี``, ``เดือน`` (months, and ``รวม`` for the year) and
``รายการ``, which tells who is counted, as in https://phuket.gdcatalog.go.th/dataset/dataset_10_47. Police and
hospitals count otherwise: data sets are not comparable, and a data set of injured may tell fewer than one of dead.
"""

from typing import Any

import polars as pl

from assets.sources import ckan
from assets.sources.long_table import long_rows, long_source
from assets.sources.parsing import distinct, problems_at, without
from assets.sources.source import Context, ReadResult
from quality.problems import gather
from quality.tables import ROAD_CASUALTIES

UNITS = {"คน": "persons", "ราย": "persons", "ศพ": "persons"}
"""Persons, cases, bodies."""

_DEAD = "เสียชีวิต|ตาย"
_INJURED = "บาดเจ็บ"


def read(data: bytes, context: Context[Any]) -> ReadResult:
    """Table ``road_casualties`` from a datastore page or file.

    Options: ``outcome`` (death or injury) where the items do not tell; see ``assets.sources.long_table.long_rows``. An
    item that names both is refused.
    """
    long = long_rows(data, context, pl.Int64(), units=UNITS, unit="คน")
    if long.frame is None:
        return ReadResult(_READER, long.evidence, problems=long.problems)
    item = pl.col("item")
    dead, injured = item.str.contains(_DEAD), item.str.contains(_INJURED)
    told = pl.when(dead & ~injured).then(pl.lit("death")).when(injured & ~dead).then(pl.lit("injury"))
    frame = long.frame.with_columns(outcome=told.otherwise(pl.lit(context.options.get("outcome"), pl.String)))
    unknown = problems_at(
        frame, "value-unknown", pl.col("outcome").is_null(), "the item tells neither dead nor injured"
    )
    table, repeats = distinct(
        without(frame, unknown).select(
            "_row",
            "outcome",
            "area",
            "months",
            "is_total",
            "status",
            "reference_date",
            dataset=pl.lit(ckan.dataset(context.options)),
            persons="value",
        ),
        ROAD_CASUALTIES.key,
    )
    problems = gather([long.problems, unknown, repeats])
    return ReadResult(_READER, long.evidence, {ROAD_CASUALTIES.name: table}, problems)


_READER = "ckan_road_casualties"

CKAN_ROAD_CASUALTIES = long_source(_READER, "Road casualties (provincial catalogue)", ROAD_CASUALTIES, "persons", read)
