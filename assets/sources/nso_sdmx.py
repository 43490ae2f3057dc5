"""Income or expenditure of a household by province, from the National Statistical Office's SDMX service.

SDMX 2.1 REST, https://github.com/sdmx-twg/sdmx-rest/blob/v1.5.0/v2_1/ws/rest/docs/4_4_data_queries.md, answers as
SDMX-CSV: ``GET /rest/data/TNSO,{flow},latest/{key}?startPeriod=&format=csv`` with one row a series and period and the
columns ``TIME_PERIOD`` (Buddhist years) and ``OBS_VALUE``. A question without rows is answered 404 "NoRecordsFound",
which the client calls empty. Which flow and key tell the figure is the registry's to say.
"""

from collections.abc import Generator
from datetime import date
from typing import Literal
from urllib.parse import quote, urlsplit

import polars as pl
from pydantic import Field

from assets.cities.registry import City
from assets.landing.portals import portal
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.source import Context, Options, ReadResult, Source, Text
from assets.sources.table_files import read_csv
from quality.tables import HOUSEHOLD_INCOME

FIRST_YEAR = 2541
"""Buddhist year that is asked from where the registry names none: the first of the published series."""

PERIOD, VALUE, POWER = "TIME_PERIOD", "OBS_VALUE", "UNIT_MULT"
"""Columns; the last, which may be absent, is the power of ten of the unit."""

_VALUE = HOUSEHOLD_INCOME.schema["baht_month"]
_READER = "nso_sdmx_household"


class FlowOptions(Options):
    """Which flow and key tell the figure."""

    flow: Text = Field(description="the data flow")
    key: Text = Field(description="key of its series; `{province}` stands for the DOPA code of the city's province")
    measure: Literal["income", "expenditure"] = Field(description="what the series tells, in baht a month")
    start: int = Field(
        default=FIRST_YEAR, gt=thai.BUDDHIST_FROM, strict=True, description="first Buddhist year that is asked for"
    )
    area: Text | None = Field(
        default=None, description="column of DOPA codes, where the key asks for more than the own province"
    )


def plan(city: City, day: date, base: str, options: FlowOptions) -> Generator[Request, bytes | None, None]:
    """One flow's rows of one key."""
    key = options.key.replace("{province}", city.dopa_province)
    yield Request(
        name=f"{options.flow}/{key}",
        url=f"{base}/rest/data/TNSO,{quote(options.flow)},latest/{quote(key, safe='.+')}",
        params={"startPeriod": f"{options.start}", "format": "csv"},
        expect="csv",
        check=lambda data: None if VALUE.encode() in data.split(b"\n", 1)[0] else f"no column {VALUE}",
    )


def read(data: bytes, context: Context[FlowOptions]) -> ReadResult:
    """Table ``household_income``, of the city's own province.

    A flow whose key leaves several series for a year is refused (``key-duplicate``): nothing tells which is meant.
    """
    options, city = context.options, context.city
    batch = read_csv(data)
    if batch.is_rejected:
        return ReadResult.of(_READER, household_income=batch)
    if absent := [name for name in (PERIOD, VALUE, options.area) if name and name not in batch.rows.columns]:
        return ReadResult.rejected(_READER, "file-malformed", f"no column {', '.join(absent)}")
    if options.area:
        batch = batch.filter(thai.clean(pl.col(options.area)) == city.dopa_province)
    count = batch.rows.height
    if not count:
        return ReadResult.rejected(_READER, "answer-empty", "no row is of the city's province")
    power = pl.col(POWER) if POWER in batch.rows.columns else pl.lit(None, pl.String)
    missing, host = thai.is_missing(pl.col(VALUE)), urlsplit(portal("nso_sdmx").base_url).hostname
    batch = (
        batch.with_columns(year=thai.year(pl.col(PERIOD)), baht_month=thai.number(pl.col(VALUE), _VALUE))
        .refuse(
            (pl.col("year").is_null(), "stamp-bad", f"{PERIOD} is no year"),
            (~(thai.is_missing(power) | (thai.clean(power) == "0")), "unit-unknown", f"{POWER}: no single baht"),
            (pl.col("baht_month").is_null() & ~missing, "value-not-number", "not a number"),
        )
        .warn(missing, "value-missing", "the publisher gives no value")
        .select(
            "baht_month",
            dataset=pl.lit(f"{host}/{options.flow}"),
            measure=pl.lit(options.measure),
            province_code=pl.lit(city.dopa_province),
            reference_date=pl.date("year", 1, 1),
        )
        .distinct(HOUSEHOLD_INCOME.key)
    )
    return ReadResult.of(_READER, f"SDMX-CSV, {count} rows", household_income=batch)


NSO_SDMX_HOUSEHOLD = Source(
    name=_READER,
    title="Household income and expenditure (NSO SDMX)",
    smart="economy",
    tables=(HOUSEHOLD_INCOME.name,),
    portal="nso_sdmx",
    document="https://github.com/sdmx-twg/sdmx-rest/blob/v1.5.0/v2_1/ws/rest/docs/4_4_data_queries.md",
    plan=plan,
    reader=read,
    options=FlowOptions,
    zone="Asia/Bangkok",
    label="period",
    missing=("",),
    units="THB/month",
    version=2,
)
