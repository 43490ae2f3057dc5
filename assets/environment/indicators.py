"""Smart Environment: air quality and weather of one day.

Only hourly means count: the live feed's running 24-hour means would count each hour many times.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators import ENOUGH, absent, collect, indicator, newest
from quality.tables import AIR_QUALITY, WEATHER

HOURS = 24
PM25_STANDARD = 37.5
"""µg/m³, Thailand's 24-hour standard since 1 June 2023 (National Environment Board). No hourly standard exists."""


def indicators(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """PM2.5, temperature and rain of each table's newest day, as ``INDICATORS``."""
    return collect([*_air(day, tables), *_weather(day, tables)])


def _air(day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    table = tables.get(AIR_QUALITY.name)
    hourly = None if table is None else table.filter(pl.col("product") == "hourly")
    last, rows = newest(hourly, AIR_QUALITY.day, day)
    if last is None:
        return absent(AIR_QUALITY, tables, day)
    rows = rows.filter(pl.col("pm25_ug_m3").is_not_null())
    stations = rows.group_by("station_id").agg(pl.len().alias("hours"), pl.col("pm25_ug_m3").mean())
    carrying = stations.filter(pl.col("hours") >= ENOUGH * HOURS)
    counted = rows.join(carrying, on="station_id", how="semi")
    by_hour = counted.group_by("start").agg(pl.col("pm25_ug_m3").mean())
    best = max(stations["hours"], default=0)
    coverage = (by_hour.height if carrying.height else best) / HOURS
    mean = carrying.select(pl.col("pm25_ug_m3").mean()).item()
    above = float((by_hour["pm25_ug_m3"] > PM25_STANDARD).sum()) if carrying.height else None
    facts: dict[str, Any] = {
        "sources": f"{AIR_QUALITY.name}, {carrying.height} station(s)",
        "coverage": coverage,
        "max_age": AIR_QUALITY.max_age,
        "withheld": None if carrying.height else f"no station has {ENOUGH:.0%} of the hours; the best has {best} of 24",
    }
    return [
        indicator(
            "environment",
            "pm25_mean_day",
            "PM2.5, mean of the day",
            mean,
            "µg/m³",
            (last, last),
            day,
            method="mean over stations of the mean of hourly values",
            **facts,
        ),
        indicator(
            "environment",
            "pm25_hours_above",
            f"Hours above {PM25_STANDARD} µg/m³",
            above,
            "h",
            (last, last),
            day,
            method="hours whose mean over stations is above the 24-hour standard",
            **facts,
        ),
    ]


def _weather(day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    last, rows = newest(tables.get(WEATHER.name), WEATHER.day, day)
    if last is None:
        return absent(WEATHER, tables, day)
    temperature, rain = rows["temperature_c"].drop_nulls(), rows["precipitation_mm"].drop_nulls()
    facts: dict[str, Any] = {"sources": f"{WEATHER.name} (Open-Meteo grid cell)", "max_age": WEATHER.max_age}
    return [
        indicator(
            "environment",
            "temperature_mean",
            "Mean temperature",
            rows.select(pl.col("temperature_c").mean()).item(),
            "°C",
            (last, last),
            day,
            method="mean of hourly values",
            coverage=min(temperature.len() / HOURS, 1.0),
            **facts,
        ),
        indicator(
            "environment",
            "rain_sum",
            "Rain of the day",
            None if rain.is_empty() else float(rain.sum()),
            "mm",
            (last, last),
            day,
            method="sum of hourly sums",
            coverage=min(rain.len() / HOURS, 1.0),
            **facts,
        ),
    ]
