"""Registered population by area, sex and age, from a provincial catalogue (CKAN).

A long table (``assets.sources.long_table``) with a column of areas and one of sexes (``Attribute``), as in
https://phuket.gdcatalog.go.th/dataset/phuket001, where no column tells a date; or of the whole province by year, as in
https://phuket.gdcatalog.go.th/dataset/dataset_30a_01, whose item tells the age ("60 ปี ขึ้นไป").
"""

from typing import Any

import polars as pl

from assets.sources import ckan, thai
from assets.sources.long_table import long_rows, long_source
from assets.sources.parsing import distinct, problems_at, without
from assets.sources.source import Context, ReadResult
from quality.problems import gather
from quality.tables import POPULATION

SEXES = {"ชาย": "male", "หญิง": "female", thai.TOTAL: "total", "": "total"}

UNITS = {"คน": "persons", "ราย": "persons"}

_AND_OLDER = r"([0-9]{1,3}) ?ปี ?ขึ้นไป"


def read(data: bytes, context: Context[Any]) -> ReadResult:
    """Table ``population`` from a datastore page or file.

    Options: ``age_band`` where neither a column nor the item tells it; see ``assets.sources.long_table.long_rows``.
    """
    long = long_rows(data, context, pl.Int64(), required=("value",), expected=("unit",), units=UNITS, unit="คน")
    if long.frame is None:
        return ReadResult(_READER, long.evidence, problems=long.problems)
    frame = long.frame.with_columns(sex=pl.col("sex").replace_strict(SEXES, default=None, return_dtype=pl.String))
    unknown = problems_at(frame, "value-unknown", pl.col("sex").is_null(), "sex is none of ชาย, หญิง, รวม")
    told = pl.when(pl.col("age") != "").then(pl.col("age").replace(thai.TOTAL, "all"))
    older = pl.format("{}+", pl.col("item").str.extract(_AND_OLDER, 1))
    table, repeats = distinct(
        without(frame, unknown).select(
            "_row",
            "area",
            "area_level",
            "sex",
            "reference_date",
            dataset=pl.lit(ckan.dataset(context.options)),
            area_code=pl.lit(""),
            age_band=pl.coalesce(told, older, pl.lit(context.options.get("age_band", "all"))),
            persons="value",
            is_total="over_area",
        ),
        POPULATION.key,
    )
    problems = gather([long.problems, unknown, repeats])
    return ReadResult(_READER, long.evidence, {POPULATION.name: table}, problems)


_READER = "ckan_population"

CKAN_POPULATION = long_source(_READER, "Registered population (provincial catalogue)", POPULATION, "persons", read)
