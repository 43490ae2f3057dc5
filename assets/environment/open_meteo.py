"""Open-Meteo: hourly weather of the model grid cell at the city's point.

``GET /v1/forecast`` for one point and one past day, JSON, documented at https://open-meteo.com/en/docs. Stamps are
Asia/Bangkok without an offset, as asked. Temperature, humidity and wind are instants at the stamp; precipitation is
the sum of the hour *before* it. The coordinates in the answer are the grid cell's, not those asked for.
``generationtime_ms`` differs at every call, so two answers never have the same bytes.
"""

from collections.abc import Generator, Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.rows import distinct, missing_values, parsed, problems_at, rejected, text_frame, without
from assets.sources import Context, ReadResult, Request, Source
from quality.problems import gather, problem
from quality.tables import WEATHER

VARIABLES = {
    "temperature_2m": ("temperature_c", "°C"),
    "relative_humidity_2m": ("relative_humidity_pct", "%"),
    "precipitation": ("precipitation_mm", "mm"),
    "wind_speed_10m": ("wind_speed_m_s", "m/s"),
}
"""Variable asked for → column and the unit the answer must tell. Wind would come in km/h if not asked otherwise."""

OFFSET_SECONDS = 7 * 3600
"""Of Asia/Bangkok. The interface falls back to UTC when it does not know the zone asked for."""


def plan(city: City, day: date, base: str, options: Mapping[str, Any]) -> Generator[Request, bytes | None, None]:
    """The 24 hours of the day before the delivery day at the city's point."""
    asked = (day - timedelta(days=1)).isoformat()
    yield Request(
        name=f"forecast/{asked}",
        url=f"{base}/v1/forecast",
        params={
            "latitude": f"{city.lat}",
            "longitude": f"{city.lon}",
            "hourly": ",".join(VARIABLES),
            "timezone": "Asia/Bangkok",
            "wind_speed_unit": "ms",
            "start_date": asked,
            "end_date": asked,
        },
        conditional=False,
        check=lambda data: parsed(data, _fault)[1],
    )


def read(data: bytes, context: Context) -> ReadResult:
    """Table ``weather``. Fewer than 24 hours with any value are ``window-short``."""
    payload, reason = parsed(data, _fault)
    if reason:
        return rejected("open_meteo", "answer-bad", reason)
    hourly = payload["hourly"]
    if not hourly["time"]:
        return rejected("open_meteo", "answer-empty", "no hour in the answer")
    columns = [column for column, _ in VARIABLES.values()]
    values = {column: hourly[variable] for variable, (column, _) in VARIABLES.items()}
    frame = text_frame([{"_label": label} for label in hourly["time"]], ["_label"]).with_columns(
        pl.col("_label").str.to_datetime("%Y-%m-%dT%H:%M", time_unit="us", strict=False),
        *(pl.Series(name, [None if v is None else float(v) for v in values[name]], pl.Float64) for name in columns),
    )
    bad = problems_at(frame, "stamp-bad", pl.col("_label").is_null(), "the hour's stamp is not YYYY-MM-DDTHH:MM")
    rows, repeats = distinct(
        without(frame, bad).select(
            "_row",
            *columns,
            start=pl.col("_label").dt.replace_time_zone("Asia/Bangkok").dt.convert_time_zone("UTC"),
            local_date=pl.col("_label").dt.date(),
            grid_lat=pl.lit(float(payload["latitude"])),
            grid_lon=pl.lit(float(payload["longitude"])),
        ),
        WEATHER.key,
    )
    asked = context.day - timedelta(days=1)
    hours = rows.filter(pl.any_horizontal(pl.col(*columns).is_not_null()), local_date=asked).height
    short = [problem("window-short", f"{hours} of 24 hours of {asked} have a value")] if hours < 24 else []
    return ReadResult(
        "open_meteo",
        "JSON with hourly and hourly_units",
        {"weather": rows},
        gather([bad, repeats, missing_values(rows, columns), *short]),
    )


OPEN_METEO = Source(
    name="open_meteo",
    title="Open-Meteo weather",
    smart="environment",
    tables=("weather",),
    portal="open_meteo",
    document="https://open-meteo.com/en/docs",
    plan=plan,
    read=read,
    past=True,
)


def _fault(payload: Any) -> str | None:
    if not isinstance(payload, dict):
        return "not one object (several points are answered with an array)"
    if payload.get("error"):
        return "the interface reports an error"
    if payload["utc_offset_seconds"] != OFFSET_SECONDS:
        return f"stamps are {payload['utc_offset_seconds']!r:.20} s from UTC instead of {OFFSET_SECONDS}"
    float(payload["latitude"]), float(payload["longitude"])
    times = payload["hourly"]["time"]
    for variable, (_, unit) in VARIABLES.items():
        if payload["hourly_units"][variable] != unit:
            return f"{variable} is in {payload['hourly_units'][variable]!r:.20} instead of {unit!r}"
        values = payload["hourly"][variable]
        if not isinstance(values, list) or len(values) != len(times):
            return f"{variable} has not one value an hour"
        if any(isinstance(value, str | bool) for value in values):
            return f"{variable} has a value that is not a number"
        for value in values:
            float(0 if value is None else value)
    return None
