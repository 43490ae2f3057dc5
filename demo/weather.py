"""Answers of Open-Meteo and the Thai Meteorological Department, made up around each city's point."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from assets.cities.registry import City
from demo.air import NIGHTLY_HOUR, measured
from demo.noise import noise

TEMPERATURE = (0, -6, -10, -14, -18, -22, -20, -8, 10, 28, 42, 54, 64, 70, 72, 68, 58, 44, 32, 24, 18, 12, 8, 4)
"""Tenths of a degree by local hour, around 26 degrees C."""

PARTICLES = {"pm2_5": "PM25", "pm10": "PM10"}
"""Variable of the air-quality model → parameter whose course it follows."""

UNITS = {
    "temperature_2m": "°C",
    "relative_humidity_2m": "%",
    "precipitation": "mm",
    "wind_speed_10m": "km/h",
    "pm2_5": "μg/m³",
    "pm10": "μg/m³",
}

ARCHIVE_BEHIND = 5
"""Days the archive is behind."""

STATIONS = 120
"""Synoptic stations in the country; those that belong to no city stand in a row in the Gulf."""


def grid(query: Mapping[str, str], day: date, behind: int = 0) -> dict[str, Any]:
    """Open-Meteo's answer for one point: columns of hours, zone and wind unit as asked.

    Hours of the last ``behind`` days are null, as the archive has them.

    Raises ``KeyError`` or ``ValueError`` for a query that lacks a parameter or has one that cannot be answered.
    """
    lat, lon, names = float(query["latitude"]), float(query["longitude"]), query["hourly"].split(",")
    if unknown := set(names) - set(UNITS):
        raise ValueError(f"unknown variable {unknown}")
    zone = query.get("timezone", "GMT")
    offset = {"Asia/Bangkok": 7, "GMT": 0}[zone]
    metric = query.get("wind_speed_unit") == "ms"
    first, last = (date.fromisoformat(query[name]) for name in ("start_date", "end_date"))
    hours = [datetime.combine(first, time()) + timedelta(hours=n) for n in range(24 * ((last - first).days + 1))]
    until = day - timedelta(days=behind) if behind else date.max
    columns = {
        name: [
            _weather(name, lat, lon, hour + timedelta(hours=7 - offset), metric) if hour.date() < until else None
            for hour in hours
        ]
        for name in names
    }
    return {
        # The grid cell's own point, not the one asked for.
        "latitude": round(lat * 8) / 8,
        "longitude": round(lon * 8) / 8,
        "generationtime_ms": noise(1, day, *query.values())[0] / 1000,
        "utc_offset_seconds": offset * 3600,
        "timezone": zone,
        "timezone_abbreviation": f"GMT+{offset}" if offset else "GMT",
        "elevation": 12.0,
        "hourly_units": {"time": "iso8601"}
        | {name: "m/s" if metric and UNITS[name] == "km/h" else UNITS[name] for name in names},
        "hourly": {"time": [f"{hour:%Y-%m-%dT%H:%M}" for hour in hours], **columns},
    }


def observations(cities: Iterable[City], day: date, query: Mapping[str, str]) -> dict[str, Any] | None:
    """TMD's three-hourly observations, one station an amphoe with a city; None for a login that it does not know."""
    login = query.get("uid", ""), query.get("ukey", "")
    if not all(login) or any("{" in part for part in login):
        return None
    now = datetime.combine(day, time(NIGHTLY_HOUR))
    places: dict[str, tuple[str, str, str, float, float]] = {}
    for city in cities:
        names = (f"สถานีอุตุนิยมวิทยาจำลอง {city.name_th} ", f"MADE-UP {city.slug.upper()}", city.province_th)
        places.setdefault(f"48{city.dopa_amphoe}", (*names, city.lat - 0.06, city.lon + 0.05))
    for number in range(STATIONS - len(places)):
        places[f"4890{number:03d}"] = ("สถานีจำลอง", f"MADE-UP {number}", "จำลอง", 8.0 + number / 40, 101.5)
    return {
        "header": {"title": "Weather3Hours", "status": "200 OK"},
        "Stations": {"Station": [_synoptic(number, place, now) for number, place in places.items()]},
    }


def _synoptic(number: str, place: tuple[str, str, str, float, float], now: datetime) -> dict[str, Any]:
    thai, english, province, lat, lon = place
    rain = [_weather("precipitation", lat, lon, now - timedelta(hours=n), metric=True) for n in range(3)]
    return {
        "WmoStationNumber": number,
        "StationNameThai": thai,
        "StationNameEnglish": english,
        "Province": province,
        "Latitude": f"{lat:.5f}",
        "Longitude": f"{lon:.5f}",
        "Observation": {
            "DateTime": f"{now:%m/%d/%Y %H:%M:%S}",
            "AirTemperature": f"{_weather('temperature_2m', lat, lon, now, metric=True):.1f}",
            "RelativeHumidity": f"{_weather('relative_humidity_2m', lat, lon, now, metric=True):.0f}",
            "WindSpeed": f"{_weather('wind_speed_10m', lat, lon, now, metric=False):.1f}",
            # An XML element without content, as a converter makes it JSON.
            "Rainfall": f"{sum(round(hour * 100) for hour in rain) / 100:.2f}" if noise(1, number)[0] % 8 else {},
        },
    }


def _weather(name: str, lat: float, lon: float, local: datetime, metric: bool) -> float:
    if name in PARTICLES:
        return measured(f"grid {lat:.3f} {lon:.3f}", PARTICLES[name], local) or 20.0
    value, rain = noise(2, f"{lat:.3f}", f"{lon:.3f}", name, local.isoformat())
    warm = TEMPERATURE[local.hour]
    if name == "temperature_2m":
        return (260 + warm + value % 16 - 8) / 10
    if name == "relative_humidity_2m":
        return 72 - warm // 3 + value % 9
    if name == "precipitation":
        # Rain falls in one hour of twelve, in the afternoon in one of four.
        return value / 20 if rain < (64 if 14 <= local.hour < 19 else 21) else 0.0
    tenths = 8 + value % 30
    return tenths / 10 if metric else round(tenths * 36 / 10) / 10
