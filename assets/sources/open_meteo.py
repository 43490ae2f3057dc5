"""Open-Meteo: hourly weather, reanalysis and particulate matter of a model's grid cell at the city's point.

Three interfaces, one shape: ``GET /v1/forecast`` (https://open-meteo.com/en/docs), ``/v1/archive``
(https://open-meteo.com/en/docs/historical-weather-api, from 1940 to about five days ago) and ``/v1/air-quality``
(https://open-meteo.com/en/docs/air-quality-api), JSON for one point and whole days. Stamps are Asia/Bangkok without an
offset, as asked. Values are instants at the stamp; precipitation is the sum of the hour *before* it. The coordinates
in the answer are the grid cell's, not those asked for. ``generationtime_ms`` differs at every call, so two answers
never have the same bytes: each is landed as new, and its rows replace the same rows.

Of the air only particulate matter is asked for: gases come in µg/m³ where the table, as the stations do, has ppb and
ppm, and the temperature and pressure that the one needs to become the other are not told.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.geo import distance_km
from assets.sources.parsing import illegible, parsed, text_frame
from assets.sources.past import Remembered, named
from assets.sources.source import Context, History, Plan, Reader, ReadResult, Source
from quality.batch import Batch
from quality.contracts import Table
from quality.tables import AIR_QUALITY, WEATHER

OFFSET_SECONDS = 7 * 3600
"""Of Asia/Bangkok. The interface falls back to UTC when it does not know the zone asked for."""

VARIABLES = {
    "temperature_2m": ("temperature_c", "°C"),
    "relative_humidity_2m": ("relative_humidity_pct", "%"),
    "precipitation": ("precipitation_mm", "mm"),
    "wind_speed_10m": ("wind_speed_m_s", "m/s"),
}
"""Variable asked for → column and the unit the answer must tell. Wind would come in km/h if not asked otherwise."""

CELL_KM = 60.0
"""Farthest that the middle of a cell may be from the point that was asked for: the coarsest model has cells of 0.4°,
45 km (https://open-meteo.com/en/docs), and one over land beside it is taken."""

PARTICLES = {"pm2_5": ("pm25_ug_m3", "μg/m³"), "pm10": ("pm10_ug_m3", "μg/m³")}


@dataclass(frozen=True)
class _Interface:
    """``days``: the first and last day asked for, counted back from the delivery day."""

    source: str
    path: str
    table: Table
    station: str
    product: str
    variables: Mapping[str, tuple[str, str]]
    params: Mapping[str, str]
    days: tuple[int, int]


_WIND = {"wind_speed_unit": "ms"}
_FORECAST = _Interface("open_meteo", "/v1/forecast", WEATHER, "grid", "model", VARIABLES, _WIND, (1, 1))
# The archive is about five days behind: days seven and six are complete, and asking two makes good a night that failed.
_ARCHIVE = _Interface("open_meteo_archive", "/v1/archive", WEATHER, "grid", "reanalysis", VARIABLES, _WIND, (7, 6))
_AIR = _Interface(
    "open_meteo_air", "/v1/air-quality", AIR_QUALITY, "open_meteo:grid", "model_hourly", PARTICLES, {}, (1, 1)
)


def _plan(of: _Interface) -> Plan[Any]:
    def plan(city: City, day: date, base: str, options: Any) -> Generator[Request, bytes | None, None]:
        first, last = _asked(of, day)
        yield _request(of, city, first, last, base, options)

    return plan


def _request(of: _Interface, city: City, first: date, last: date, base: str, options: Any) -> Request:
    """The hours of these days at the city's point."""
    return Request(
        name=f"{of.path.rpartition('/')[2]}/{first}" + ("" if first == last else f"/{last}"),
        url=f"{base}{of.path}",
        params={
            "latitude": f"{city.lat}",
            "longitude": f"{city.lon}",
            "hourly": ",".join(of.variables),
            "timezone": "Asia/Bangkok",
            "start_date": str(first),
            "end_date": str(last),
            **of.params,
        },
        conditional=False,
        check=lambda data: parsed(data, partial(_fault, of))[1],
    )


def _served(day: date, options: Remembered) -> tuple[date, date]:
    """The archive reaches back to 1940, and to the last day that is asked for every night."""
    return day - timedelta(days=options.past_days), _asked(_ARCHIVE, day)[1]


def _reader(of: _Interface) -> Reader[Any]:
    def read(data: bytes, context: Context[Any]) -> ReadResult:
        payload, reason = parsed(data, partial(_fault, of))
        if reason:
            return ReadResult.rejected(of.source, "answer-bad", reason)
        if not payload["hourly"]["time"]:
            return ReadResult.rejected(of.source, "answer-empty", "no hour in the answer")
        cell, point = (float(payload["latitude"]), float(payload["longitude"])), (context.city.lat, context.city.lon)
        far = pl.select(distance_km(pl.lit(cell[0]), pl.lit(cell[1]), point)).item()
        if far > CELL_KM:
            text = f"the grid cell at {cell[0]:.2f}, {cell[1]:.2f} is {far:.0f} km from the city's point"
            return ReadResult.rejected(of.source, "answer-bad", text)
        columns = [column for column, _ in of.variables.values()]
        table = _hours(of, payload).distinct(of.table.key).missing(columns)
        first, last = named(context.name) or _asked(of, context.day)
        whole = 24 * ((last - first).days + 1)
        has_value = pl.any_horizontal(pl.col(*columns).is_not_null()) & pl.col("local_date").is_between(first, last)
        if (count := table.rows.filter(has_value).height) < whole:
            period = f"{first}" if first == last else f"{first} to {last}"
            table = table.note("window-short", f"{count} of {whole} hours of {period} have a value")
        return ReadResult.of(of.source, "JSON with hourly and hourly_units", **{of.table.name: table})

    return read


def _asked(of: _Interface, day: date) -> tuple[date, date]:
    return day - timedelta(days=of.days[0]), day - timedelta(days=of.days[1])


def _hours(of: _Interface, payload: Any) -> Batch:
    """Rows of the interface's table."""
    hourly = payload["hourly"]
    hours = zip(hourly["time"], *(hourly[variable] for variable in of.variables), strict=True)
    names = ["_label", *of.variables]
    cell = {"grid_lat": float(payload["latitude"]), "grid_lon": float(payload["longitude"])}
    return (
        illegible(Batch(text_frame([dict(zip(names, hour, strict=True)) for hour in hours], names)), of.variables)
        .with_columns(
            pl.col("_label").str.to_datetime("%Y-%m-%dT%H:%M", time_unit="us", strict=False),
            **{column: thai.number(pl.col(name), pl.Float64()) for name, (column, _) in of.variables.items()},
        )
        .refuse((pl.col("_label").is_null(), "stamp-bad", "the hour's stamp is not YYYY-MM-DDTHH:MM"))
        .select(
            *(column for column, _ in of.variables.values()),
            station_id=pl.lit(of.station),
            product=pl.lit(of.product),
            start=thai.utc(pl.col("_label")),
            local_date=pl.col("_label").dt.date(),
            **{name: pl.lit(value) for name, value in cell.items() if name in of.table.schema},
        )
    )


def _fault(of: _Interface, payload: Any) -> str | None:
    if not isinstance(payload, dict):
        return "not one object (several points are answered with an array)"
    if payload.get("error"):
        return "the interface reports an error"
    if payload["utc_offset_seconds"] != OFFSET_SECONDS:
        return f"stamps are {payload['utc_offset_seconds']!r:.20} s from UTC instead of {OFFSET_SECONDS}"
    float(payload["latitude"]), float(payload["longitude"])
    times = payload["hourly"]["time"]
    for variable, (_, unit) in of.variables.items():
        stated = payload["hourly_units"][variable]
        # The micro sign and the Greek letter look alike.
        if stated.replace("µ", "μ") != unit:
            return f"{variable} is in {stated!r:.20} instead of {unit!r}"
        values = payload["hourly"][variable]
        if not isinstance(values, list) or len(values) != len(times):
            return f"{variable} has not one value an hour"
        told = [value for value in values if value is not None]
        if told and not any(isinstance(value, int | float) and not isinstance(value, bool) for value in told):
            return f"{variable} has no value that is a number"
    return None


def _source(of: _Interface, title: str, document: str, units: str, **more: Any) -> Source[Any]:
    return Source(
        name=of.source,
        title=title,
        smart="environment",
        tables=(of.table.name,),
        portal=of.source,
        document=document,
        plan=_plan(of),
        reader=_reader(of),
        zone="Asia/Bangkok, as asked",
        label="instant",
        missing=("null",),
        units=units,
        past=True,
        **more,
    )


_WEATHER_UNITS = "degrees C, %, mm (of the hour before the stamp), m/s as asked"
OPEN_METEO = _source(_FORECAST, "Open-Meteo weather", "https://open-meteo.com/en/docs", _WEATHER_UNITS)
OPEN_METEO_ARCHIVE = _source(
    _ARCHIVE,
    "Open-Meteo reanalysis, five days behind",
    "https://open-meteo.com/en/docs/historical-weather-api",
    _WEATHER_UNITS,
    options=Remembered,
    history=History(partial(_request, _ARCHIVE), _served),
)
OPEN_METEO_AIR = _source(
    _AIR, "Open-Meteo particulate matter (CAMS model)", "https://open-meteo.com/en/docs/air-quality-api", "ug/m3"
)
