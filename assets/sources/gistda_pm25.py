"""GISTDA's PM2.5 model: one estimate an hour for each province, from satellites and ground stations.

``GET https://pm25.gistda.or.th/rest/getPm25byProvince``, JSON ``{status, errMsg, data: [{pv_tn, pv_en, pv_idn, pm25,
pm25Avg24hr, dt}]}`` for all 77 provinces; ``pv_idn`` is the code of the Department of Provincial Administration. No
document specifies it (the data set is described at https://envilink.go.th/dataset/pm2-5). ``dt`` ends in "Z" and is
Bangkok time all the same. What the hour of ``dt`` covers is not told: it is taken as the hour that begins there, for
``pm25`` is what the model says of that moment.
"""

from collections.abc import Generator
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.once import once
from assets.sources.parsing import fields_of, illegible, parsed, record_batch
from assets.sources.source import Context, Options, ReadResult, Source
from quality.batch import Batch
from quality.problems import problem
from quality.tables import AIR_QUALITY

PRODUCTS = {"pm25": "model_hourly", "pm25Avg24hr": "model_24h"}
"""Field → product of ``air_quality``."""

STALE_AFTER = timedelta(hours=24)
"""An estimate older than this against the delivery day's begin is said: the model runs hourly."""


def plan(city: City, day: date, base: str, options: Options) -> Generator[Request, bytes | None, None]:
    """All provinces: one request for the country."""
    yield Request(
        name="provinces",
        url=f"{base}/rest/getPm25byProvince",
        check=lambda data: parsed(data, _fault)[1],
    )


def read(data: bytes, context: Context[Options]) -> ReadResult:
    """Table ``air_quality``: the hour and the 24-hour mean of the city's province, station ``gistda:<province>``."""
    provinces, count = _provinces(data)
    if provinces.is_rejected:
        return ReadResult.of(GISTDA_PM25.name, air_quality=provinces)
    code = context.city.dopa_province
    # A table that lacked a code once tells all of them as 83.0.
    own = provinces.filter(pl.col("pv_idn").str.strip_chars().str.replace(r"\.0+$", "") == code)
    if not own.rows.height:
        missing = problem("station-missing", f"province {code} is not in the answer")
        return ReadResult(GISTDA_PM25.name, problems=missing)
    own = own.with_columns(_at=thai.moment(pl.col("dt").str.replace(r"(?:Z|\+07:00)$", ""))).refuse(
        (pl.col("_at").is_null(), "stamp-bad", "dt is not a date and time")
    )
    own = illegible(own, PRODUCTS)
    limit = datetime.combine(context.day, time()) - STALE_AFTER
    own = own.warn(pl.col("_at") < limit, "station-stale", pl.format("the model's newest hour is {}", "_at"))
    hour = pl.col("_at").dt.truncate("1h")
    estimates = pl.concat(
        own.rows.select(
            "_row",
            station_id=pl.lit(f"gistda:{code}"),
            product=pl.lit(product),
            start=thai.utc(hour),
            local_date=hour.dt.date(),
            pm25_ug_m3=_value(pl.col(name)),
        )
        for name, product in PRODUCTS.items()
    )
    table = Batch(estimates, own.problems).distinct(AIR_QUALITY.key).missing(["pm25_ug_m3"])
    return ReadResult.of(GISTDA_PM25.name, f"JSON with {count} provinces", air_quality=table)


GISTDA_PM25 = Source(
    name="gistda_pm25",
    title="GISTDA PM2.5 model by province",
    smart="environment",
    tables=("air_quality",),
    portal="gistda_pm25",
    document="https://envilink.go.th/dataset/pm2-5",
    plan=plan,
    reader=read,
    zone="Asia/Bangkok, although marked Z",
    label="instant",
    missing=("null", "-1", "-999"),
    units="ug/m3",
    version=2,
    national=True,
)


@once
def _provinces(data: bytes) -> tuple[Batch, int]:
    """All provinces as text, and how many the answer has."""
    payload, reason = parsed(data, _fault)
    if reason:
        return Batch.rejected("answer-bad", reason), 0
    if not payload["data"]:
        return Batch.rejected("answer-empty", "the answer lists no provinces"), 0
    return record_batch(payload["data"], lambda row: row, ["pv_idn", "dt", *PRODUCTS]), len(payload["data"])


def _fault(payload: Any) -> str | None:
    if str(payload["status"]) != "200":
        return f"the interface says status {payload['status']!r:.20}"
    if payload["data"] and not any({"pv_idn", "dt"} <= set(fields_of(row)) for row in payload["data"]):
        return "a province without code or time"
    return None


def _value(text: pl.Expr) -> pl.Expr:
    """The estimate; a negative one is a mark for none."""
    number = thai.number(text, pl.Float64())
    return pl.when(number >= 0).then(number)
