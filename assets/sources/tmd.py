"""Thai Meteorological Department: three-hourly observations of the synoptic stations.

``GET https://data.tmd.go.th/api/Weather3Hours/V2/?uid=&ukey=&format=json`` (https://data.tmd.go.th/api/index1.php), all
stations of the country: ``{header, Stations: {Station: [{WmoStationNumber, StationNameThai, StationNameEnglish,
Province, Latitude, Longitude, Observation: {DateTime, AirTemperature, RelativeHumidity, WindSpeed, Rainfall, …}}]}}``.
The shape was taken from public programs that read it, not from an answer: the JSON is a converted XML, in which one
station alone is no list and an element without content is ``{}`` or ``[]``.

As those programs have it, and no document says: ``DateTime`` is Bangkok time, month first (``11/23/2026 07:00:00``),
wind is in km/h, and ``Rainfall`` is that of the three hours before. An answer is of now: where more of its stamps are
that with the day first, they are read so; one of the future is refused. A login that is not known is answered with 200
and no bytes at all.
"""

import html
from collections.abc import Generator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.geo import Km, Within
from assets.sources.once import once
from assets.sources.parsing import fields_of, illegible, parsed, record_batch
from assets.sources.source import Context, ReadResult, Source
from assets.sources.stations import listed
from quality.batch import Batch
from quality.tables import WEATHER

WITHIN_KM = 40.0
"""Reach around the city's point where the registry says no other: a province has one to three synoptic stations."""

WHOLE_COUNTRY = 100
"""Stations an answer has at least; there are about 120, and while the file is written anew it has fewer."""

STALE_AFTER = timedelta(hours=24)
"""An observation older than this against the delivery day's begin is said: stations report every three hours."""

KMH = 3.6
"""km/h in one m/s."""

MISSING_NUMBERS = (-9.99, -99.0, -999.0, -9999.0)
"""Numbers that would be marks. -1 is none here: it is -1 °C."""

VALUES = {
    "AirTemperature": ("temperature_c", 1.0),
    "RelativeHumidity": ("relative_humidity_pct", 1.0),
    "Rainfall": ("precipitation_mm", 1.0),
    "WindSpeed": ("wind_speed_m_s", KMH),
}
"""Field → column and what to divide it by."""

DIGITS = 3
"""Decimals that are kept: stations tell one or two."""

PLACE = {
    "WmoStationNumber": "station_id",
    "StationNameThai": "name_th",
    "StationNameEnglish": "name_en",
    "Province": "area",
    "Latitude": "lat",
    "Longitude": "lon",
}

_MONTH_FIRST, _DAY_FIRST = "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"
"""Others are those of the daily interface of the same department."""


class TmdOptions(Within):
    """Stations are many kilometres apart."""

    within_km: Km = WITHIN_KM


def plan(city: City, day: date, base: str, options: TmdOptions) -> Generator[Request, bytes | None, None]:
    """All stations' newest observations: one request for the country."""
    yield Request(
        name="observations",
        url=f"{base}/api/Weather3Hours/V2/",
        params={"uid": "{key:tmd_uid}", "ukey": "{key:tmd_ukey}", "format": "json"},
        check=lambda data: parsed(data, _fault)[1],
    )


def read(data: bytes, context: Context[TmdOptions]) -> ReadResult:
    """Tables ``weather``, product ``observed``, of stations within the option ``within_km``, and ``station_lists``."""
    network, count = _network(data)
    if network.is_rejected:
        return ReadResult.of(TMD.name, weather=network)
    network, reach_km = _stamped(network, context.day), context.options.within_km
    places = listed(network, context, "tmd", pl.col("distance_km") <= reach_km, reach_km)
    near = places.rows.filter("assigned")["station_id"]
    if not near.len():
        places = places.note("station-missing", "no station is within reach of the city's point")
    if count < WHOLE_COUNTRY:
        places = places.note("station-missing", f"only {count} stations are in the answer; usual are 120")
    return ReadResult.of(
        TMD.name,
        f"JSON of Weather3Hours, {near.len()} of {count} stations within reach",
        weather=_observed(network.filter(pl.col("station_id").is_in(near.implode())), context.day),
        station_lists=places,
    )


TMD = Source(
    name="tmd",
    title="TMD three-hourly observations",
    smart="environment",
    tables=("weather", "station_lists"),
    portal="tmd",
    document="https://data.tmd.go.th/api/index1.php",
    plan=plan,
    reader=read,
    zone="Asia/Bangkok",
    label="instant",
    missing=("{}", "[]", "", "-"),
    units="degrees C, %, mm in three hours, km/h (assumed; made m/s)",
    options=TmdOptions,
    version=2,
    national=True,
)


@once
def _network(data: bytes) -> tuple[Batch, int]:
    """All stations as text, and how many the answer has."""
    payload, reason = parsed(data, _fault)
    if reason:
        return Batch.rejected("answer-bad", reason), 0
    stations = _stations(payload)
    if not stations:
        return Batch.rejected("answer-empty", "the answer lists no stations"), 0
    return record_batch(stations, _flat, ["DateTime", *PLACE.values(), *VALUES]), len(stations)


def _stamped(network: Batch, day: date) -> Batch:
    """All stations with their moment ``at``, read in the order in which more of them are of the last day and night."""
    text, midnight = thai.clean(pl.col("DateTime")), datetime.combine(day, time())
    others = thai.moment(text)
    orders = {
        order: pl.coalesce(text.str.to_datetime(form, time_unit="us", strict=False), others)
        for order, form in (("month", _MONTH_FIRST), ("day", _DAY_FIRST))
    }
    now = pl.all().is_between(midnight - STALE_AFTER, midnight + timedelta(days=1), closed="left").sum()
    month, day_ = network.rows.select(**orders).select(now).row(0)
    return network.with_columns(at=orders["day" if day_ > month else "month"])


def _stations(payload: Any) -> list[Any]:
    found = payload["Stations"]["Station"] if payload["Stations"] else []
    return found if isinstance(found, list) else [found]


def _fault(payload: Any) -> str | None:
    stations = [fields_of(station) for station in _stations(payload)]
    some = any("WmoStationNumber" in station and "Observation" in station for station in stations)
    return None if some or not stations else "no station has a number and an observation"


def _flat(station: Mapping[str, Any]) -> dict[str, Any]:
    """A station as one record; XML elements without content are null."""
    observed = fields_of(station.get("Observation"))
    fields = {column: station.get(name) for name, column in PLACE.items()}
    fields |= {name: observed.get(name) for name in ("DateTime", *VALUES)}
    # XML made JSON: elements without content are empty objects, and Thai letters may be character references.
    return {name: None if value in ({}, []) else _unescaped(value) for name, value in fields.items()}


def _unescaped(value: Any) -> Any:
    return html.unescape(value) if isinstance(value, str) else value


def _observed(observations: Batch, day: date) -> Batch:
    """Rows of ``weather``."""
    midnight = datetime.combine(day, time())
    observed = illegible(observations, sorted(VALUES))
    return (
        observed.with_columns(_at="at")
        .refuse(
            (pl.col("_at").is_null(), "stamp-bad", "DateTime is not a date and time"),
            (
                pl.col("_at") >= midnight + timedelta(days=1),
                "stamp-bad",
                pl.format("{} is after the delivery day", "_at"),
            ),
        )
        .warn(
            pl.col("_at") < midnight - STALE_AFTER,
            "station-stale",
            pl.format("station {}: newest observation is of {}", "station_id", "_at"),
        )
        .select(
            "station_id",
            product=pl.lit("observed"),
            start=thai.utc(pl.col("_at")),
            local_date=pl.col("_at").dt.date(),
            # Rounded: a quotient's last bits depend on how many rows are divided at once.
            **{column: (_value(name) / divisor).round(DIGITS) for name, (column, divisor) in VALUES.items()},
        )
        .distinct(WEATHER.key)
        .missing(column for column, _ in VALUES.values())
    )


def _value(name: str) -> pl.Expr:
    number = thai.number(pl.col(name), pl.Float64())
    return pl.when(~number.is_in(list(MISSING_NUMBERS))).then(number)
