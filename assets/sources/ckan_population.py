"""Registered population by area, sex and age, from a provincial catalogue (CKAN).

A long table (``assets.sources.long_table``) with a column of areas and one of sexes (``Attribute``), as in
https://phuket.gdcatalog.go.th/dataset/phuket001, where no column tells a date; or of the whole province by year, as in
https://phuket.gdcatalog.go.th/dataset/dataset_30a_01, whose item tells the age ("60 ปี ขึ้นไป").
"""

import polars as pl
from pydantic import Field

from assets.sources import thai
from assets.sources.long_table import Form, LongOptions, long_source
from assets.sources.source import Context, Text
from quality.batch import Batch
from quality.tables import POPULATION

SEXES = (
    dict.fromkeys(("ชาย", "เพศชาย", "male"), "male")
    | dict.fromkeys(("หญิง", "เพศหญิง", "female"), "female")
    | dict.fromkeys((thai.TOTAL, ""), "total")
)
"""Sex as published, in lower case."""

_SEX_COLUMN = r"(?:จำนวน|ประชากร|เพศ|\s)*(ชาย|หญิง|รวม)(?:ทั้งหมด|ทั้งสิ้น)?\s*(?:\(คน\))?"
"""Header of a column of one sex."""

_SOME = "สูงอายุ|เด็ก|เยาวชน|วัย|พิการ|ต่างด้าว|แรงงาน|แฝง|นักเรียน|ผู้ป่วย|การเกิด|เกิดใหม่|ตาย|ย้าย|ว่างงาน"
"""Words of items that count some of the persons."""

UNITS = {"คน": "persons", "ราย": "persons"}

_AND_OLDER = r"([0-9]{1,3}) ?(?:ปี)? ?(?:ขึ้นไป|and over|\+)"


class PopulationOptions(LongOptions):
    """Of a table of persons."""

    age_band: Text = Field(default="all", description="age of those counted, where neither a column nor the item says")


def rows(batch: Batch, context: Context[PopulationOptions]) -> Batch:
    """Table ``population``."""
    older = {name: pl.concat_str(pl.col(name).str.extract(_AND_OLDER, 1), pl.lit("+")) for name in ("age", "item")}
    age = pl.coalesce(older["age"], pl.when(pl.col("age") != "").then(pl.col("age").replace(thai.TOTAL, "all")))
    told = pl.when(pl.col("sex") == "").then(pl.col("item").str.extract(f"^{_SEX_COLUMN}$", 1))
    sex = pl.coalesce(told, pl.col("sex").str.to_lowercase())
    sex = sex.replace_strict(SEXES, default=None, return_dtype=pl.String)
    some = pl.col("item").str.contains(_SOME) & pl.lit(context.options.age_band == "all")
    some &= age.is_null() & older["item"].is_null()
    part = (some, "value-unknown", "the item counts some of the persons, and neither it nor an option tells their age")
    unknown = (pl.col("sex").is_null(), "value-unknown", "sex is none of ชาย, หญิง, รวม")
    return (
        batch.with_columns(sex=sex)
        .refuse(unknown, part)
        .select(
            *("area", "area_level", "sex", "reference_date"),
            dataset=pl.lit(context.options.dataset),
            area_code=pl.lit(""),
            age_band=pl.coalesce(age, older["item"], pl.lit(context.options.age_band)),
            persons="value",
            is_total="over_area",
        )
    )


CKAN_POPULATION = long_source(
    "ckan_population",
    "Registered population (provincial catalogue)",
    POPULATION,
    "persons",
    Form(pl.Int64(), ("value",), ("unit",), UNITS, "คน", wide=("sex", _SEX_COLUMN)),
    rows,
    PopulationOptions,
)
