"""Income or expenditure of a household by province, from the National Statistical Office's SDMX service.

SDMX 2.1 REST, https://github.com/sdmx-twg/sdmx-rest/blob/v1.5.0/v2_1/ws/rest/docs/4_4_data_queries.md, answers as
SDMX-CSV: ``GET /rest/data/TNSO,{flow},latest/{key}?startPeriod=&format=csv`` with one row a series and period and the
columns ``TIME_PERIOD`` (Buddhist years) and ``OBS_VALUE``. A question without rows is answered 404 "NoRecordsFound",
which the client calls empty. Which flow and key tell the figure is the registry's to say.
"""

from collections.abc import Generator, Mapping
from datetime import date
from typing import Any
from urllib.parse import quote, urlsplit

import polars as pl

from assets.cities.registry import City
from assets.landing.portals import portal
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.household import MEASURES
from assets.sources.parsing import distinct, problems_at, read_csv, rejected, without
from assets.sources.source import Context, ReadResult, Source
from quality.problems import gather
from quality.tables import HOUSEHOLD_INCOME

FIRST_YEAR = 2541
"""Buddhist year that is asked from where the registry names none: the first of the published series."""

PERIOD, VALUE = "TIME_PERIOD", "OBS_VALUE"

_VALUE = HOUSEHOLD_INCOME.schema["baht_month"]
_READER = "nso_sdmx_household"


def plan(city: City, day: date, base: str, options: Mapping[str, Any]) -> Generator[Request, bytes | None, None]:
    """One flow's rows of one key.

    Options: ``flow``; ``key``, in which ``{province}`` stands for the DOPA code of the city's province; ``start``, the
    first Buddhist year.
    """
    key = str(options["key"]).replace("{province}", city.dopa_province)
    yield Request(
        name=f"{options['flow']}/{key}",
        url=f"{base}/rest/data/TNSO,{quote(str(options['flow']))},latest/{quote(key, safe='.+')}",
        params={"startPeriod": str(options.get("start", FIRST_YEAR)), "format": "csv"},
        expect="csv",
        check=lambda data: None if VALUE.encode() in data.split(b"\n", 1)[0] else f"no column {VALUE}",
    )


def read(data: bytes, context: Context[Any]) -> ReadResult:
    """Table ``household_income``, of the city's own province.

    Options: ``flow``; ``measure`` (income or expenditure); ``area``, the column of DOPA codes, where the key asks for
    more than the own province. Values must be baht a month.
    A flow whose key leaves several series for a year is refused (``key-duplicate``): nothing tells which is meant.
    """
    options, city = context.options, context.city
    if options.get("measure") not in MEASURES or "flow" not in options:
        return rejected(_READER, "option-invalid", f"the options need flow, and measure: {' or '.join(MEASURES)}")
    given = read_csv(data)
    frame, shape = given.rows, given.found
    if given.is_rejected:
        return ReadResult(_READER, problems=shape)
    area = options.get("area")
    if absent := [name for name in (PERIOD, VALUE, *([area] if area else [])) if name not in frame.columns]:
        return rejected(_READER, "file-malformed", f"no column {', '.join(absent)}")
    if area:
        frame = frame.filter(thai.clean(pl.col(area)) == city.dopa_province)
    if not frame.height:
        return rejected(_READER, "answer-empty", "no row is of the city's province")
    text = pl.col(VALUE)
    frame = frame.with_columns(year=thai.year(pl.col(PERIOD)), baht_month=thai.number(text, _VALUE))
    declared = thai.is_missing(text)
    wrong = pl.col("baht_month").is_null() & ~declared
    refused = gather(
        [
            problems_at(frame, "stamp-bad", pl.col("year").is_null(), f"{PERIOD} is no year"),
            problems_at(frame, "value-not-number", wrong, "not a number"),
        ]
    ).unique("row", keep="first", maintain_order=True)
    kept = without(frame, refused)
    blank = problems_at(kept, "value-missing", declared, "the publisher gives no value")
    host = urlsplit(portal("nso_sdmx").base_url).hostname
    table, repeats = distinct(
        kept.select(
            "_row",
            "baht_month",
            dataset=pl.lit(f"{host}/{options['flow']}"),
            measure=pl.lit(options["measure"]),
            province_code=pl.lit(city.dopa_province),
            reference_date=pl.date("year", 1, 1),
        ),
        HOUSEHOLD_INCOME.key,
    )
    problems = gather([shape, refused, blank, repeats])
    return ReadResult(_READER, f"SDMX-CSV, {frame.height} rows", {HOUSEHOLD_INCOME.name: table}, problems)


NSO_SDMX_HOUSEHOLD = Source(
    name=_READER,
    title="Household income and expenditure (NSO SDMX)",
    smart="economy",
    tables=(HOUSEHOLD_INCOME.name,),
    portal="nso_sdmx",
    document="https://github.com/sdmx-twg/sdmx-rest/blob/v1.5.0/v2_1/ws/rest/docs/4_4_data_queries.md",
    plan=plan,
    reader=read,
    zone="Asia/Bangkok",
    label="period",
    missing=("",),
    units="THB/month",
)
