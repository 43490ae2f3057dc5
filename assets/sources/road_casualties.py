"""Killed and injured on roads by month and year, from a provincial catalogue (CKAN).

A long table (``assets.sources.long_table``) with the columns ``ปี``, ``เดือน`` (months, and ``รวม`` for the year) and
``รายการ``, which tells who is counted, as in https://phuket.gdcatalog.go.th/dataset/dataset_10_47. Police and
hospitals count otherwise: data sets are not comparable, and a data set of injured may tell fewer than one of dead.
"""

from typing import Literal

import polars as pl
from pydantic import Field

from assets.sources.long_table import Form, LongOptions, long_source
from assets.sources.source import Context
from quality.batch import Batch
from quality.row_rules import averaged
from quality.tables import ROAD_CASUALTIES

UNITS = {"คน": "persons", "ราย": "persons", "ศพ": "persons"}
"""Persons, cases, bodies."""

_DEAD = "เสียชีวิต|ตาย"
_INJURED = "บาดเจ็บ"
_RATE = "ต่อ(?:พัน|หมื่น|แสน|ล้าน)?(?:ประชากร|คน)"
_FESTIVAL = "เทศกาล|สงกรานต์|ปีใหม่|วันหยุด"
"""Of whose days police and health offices publish counts of their own, the most of any."""


class CasualtiesOptions(LongOptions):
    """Of a table of killed or injured."""

    outcome: Literal["death", "injury"] | None = Field(default=None, description="who is counted, where no item says")


def rows(batch: Batch, context: Context[CasualtiesOptions]) -> Batch:
    """Table ``road_casualties``. An item that names both dead and injured is refused unless an option says which."""
    dead, injured = (pl.col("item").str.contains(words) for words in (_DEAD, _INJURED))
    named = pl.when(dead & ~injured).then(pl.lit("death")).when(injured & ~dead).then(pl.lit("injury"))
    outcome = named.otherwise(pl.lit(context.options.outcome, pl.String))
    unknown = (pl.col("outcome").is_null(), "value-unknown", "the item tells neither dead nor injured")
    of_each = averaged("item", "unit") | pl.col("item").str.contains(_RATE)
    rate = (of_each, "value-unknown", "the item is a rate or an average, no count")
    festival = (pl.col("item").str.contains(_FESTIVAL), "stamp-bad", "the item is of some days of its year")
    return (
        batch.with_columns(outcome=outcome)
        .refuse(unknown, rate, festival)
        .select(
            *("outcome", "area", "months", "is_total", "status", "reference_date"),
            dataset=pl.lit(context.options.dataset),
            persons="value",
        )
    )


CKAN_ROAD_CASUALTIES = long_source(
    "ckan_road_casualties",
    "Road casualties (provincial catalogue)",
    ROAD_CASUALTIES,
    "persons",
    Form(pl.Int64(), units=UNITS, unit="คน", wide=("item", f"(.*(?:{_DEAD}|{_INJURED}).*)")),
    rows,
    CasualtiesOptions,
)
