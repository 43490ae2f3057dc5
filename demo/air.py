"""Answers of Air4Thai and GISTDA, made up around each city's point.

The shapes are those that ``assets.sources`` documents and reads. All values are whole tenths or hundredths.
"""

import itertools
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from assets.cities.registry import City
from demo.noise import noise

STALE_CITY, STALE_DAYS = "mae_moh", 4
"""City whose farthest station stands still since so many days, and is listed all the same."""

NIGHTLY_HOUR = 1
"""Newest hour label of the delivery day: the nightly run starts at 01:30."""

MOVED_DEGREES = 0.15
"""How far north the quirk ``moved`` puts each city's last station: 17 km, out of its reach."""

SILENT_HOURS = 8
"""Hours at the end of a period that the quirk ``silent`` answers with."""

GENERATED = {"901t": ("Nan Pa", 19.51, 98.96), "902t": ("Thung Klang", 15.23, 104.86)}
"""Stations that belong to no city: id, name and place."""

HISTORY: dict[str, tuple[int, int, int]] = {
    "PM25": (90, 310, 10),
    "PM10": (190, 620, 10),
    "O3": (40, 480, 10),
    "CO": (20, 110, 100),
    "NO2": (20, 260, 10),
    "SO2": (0, 40, 10),
    "WS": (2, 38, 10),
    "TEMP": (218, 345, 10),
    "RH": (480, 960, 10),
    "WD": (0, 3590, 10),
}
"""Parameter: least and greatest value and what to divide them by (ug/m3, ppb, CO ppm, m/s, degrees C, %, degrees)."""

HAZE = {1: 22, 2: 26, 3: 30, 4: 22, 12: 16}
"""Burning season: particulate matter by month in tenths of its other months' value."""

AQI_TH = ((0, 0), (150, 25), (250, 50), (375, 100), (750, 200), (1500, 300))
"""Thai air quality index of PM2.5 since 2023: tenths of ug/m3 (24-hour mean) to index, linear in between."""

SUN = (20, 10, 5, 0, 0, 5, 20, 55, 100, 140, 175, 205, 230, 250, 255, 245, 220, 180, 135, 100, 75, 55, 40, 30)
TRAFFIC = (
    90,
    75,
    65,
    60,
    65,
    90,
    150,
    220,
    255,
    230,
    180,
    140,
    115,
    100,
    95,
    100,
    120,
    160,
    205,
    230,
    215,
    180,
    145,
    110,
)
"""Course of a day by local hour, 0 to 255: what the sun makes (ozone, heat, wind), and what engines and fires make."""


def stations(cities: Iterable[City], quirk: str | None = None) -> dict[str, dict[str, Any]]:
    """Stations the registry assigns to ``cities`` and two more, by id: names, areas, place, and whether it is stale.

    ``quirk`` befalls each city's last station (``demo.outages.QUIRKS``).
    """
    found: dict[str, dict[str, Any]] = {}
    for city in cities:
        assigned = station_ids(city)
        area_th = "กรุงเทพฯ" if city.dopa_province == "10" else city.province_th
        for number, (name, kilometres) in enumerate(assigned.values()):
            last = number == len(assigned) - 1
            elsewhere = quirk == "moved" and last
            found.setdefault(
                list(assigned)[number],
                {
                    # Blanks at the end of Thai names are the feed's own.
                    "nameTH": f"สถานีจำลอง {city.name_th} {number + 1}{' แห่งใหม่' if elsewhere else ''} ",
                    "nameEN": f"{name}{', new place' if elsewhere else ''}",
                    "areaTH": f"พื้นที่จำลอง, {area_th}",
                    "areaEN": f"made up, {city.province_en}",
                    "lat": f"{city.lat + kilometres / 111.2 + (MOVED_DEGREES if elsewhere else 0):.6f}",
                    "long": f"{city.lon:.6f}",
                    "stale": last and (quirk == "stale" or city.slug == STALE_CITY),
                },
            )
    for station, (name, lat, lon) in GENERATED.items():
        area = {"nameTH": f"{name} ", "nameEN": name, "areaTH": "จำลอง, จำลอง", "areaEN": "made up, made up"}
        found.setdefault(station, {**area, "lat": f"{lat}", "long": f"{lon}", "stale": False})
    return found


def station_ids(city: City) -> dict[str, tuple[str, float]]:
    """Id of every station assigned to the city, with its name and distance in km."""
    options = [entry.options.get("stations", ()) for entry in city.sources.values()]
    return {s["id"]: (s.get("name", s["id"]), float(s.get("distance_km", 1))) for listed in options for s in listed}


def live(cities: Iterable[City], day: date, quirk: str | None = None) -> dict[str, Any]:
    """Air4Thai's live feed: every number a string, missing marks, PM values as running 24-hour means."""
    now = datetime.combine(day, time(NIGHTLY_HOUR))
    return {"stations": [_live_station(name, facts, now) for name, facts in stations(cities, quirk).items()]}


def history(cities: Iterable[City], day: date, query: Mapping[str, str], quirk: str | None = None) -> dict[str, Any]:
    """Air4Thai's hourly history: labels are the hour's end, and it serves the current half-year only, without a word.

    Raises ``KeyError`` or ``ValueError`` for a query that lacks a parameter or has one that cannot be read.
    """
    known, params = stations(cities, quirk), query["param"].split(",")
    window = datetime(day.year, 1 if day.month <= 6 else 7, 1)  # noqa: DTZ001
    now = datetime.combine(day, time(NIGHTLY_HOUR))
    first = datetime.combine(date.fromisoformat(query["sdate"]), time(int(query["stime"])))
    last = datetime.combine(date.fromisoformat(query["edate"]), time(int(query["etime"])))
    begin, end = max(first, window), min(last, now)
    hours = [begin + timedelta(hours=n) for n in range(int((end - begin) / timedelta(hours=1)) + 1)]
    hours = hours[-SILENT_HOURS:] if quirk == "silent" else hours
    return {
        "result": "OK",
        "error": "",
        "stations": [
            {
                "stationID": station,
                "params": [{"key": name, "name": name} for name in params],
                "data": [
                    {"DATETIMEDATA": f"{hour:%Y-%m-%d %H:%M:%S}"}
                    | {name: measured(station, name, hour, silent=known[station]["stale"]) for name in params}
                    for hour in hours
                ],
                "summary": {},
            }
            for station in query["stationID"].split(",")
            if station in known
        ],
    }


def provinces(cities: Iterable[City], day: date) -> dict[str, Any]:
    """GISTDA's PM2.5 by province: Bangkok time marked as UTC."""
    now = datetime.combine(day, time(NIGHTLY_HOUR))
    rows = {}
    for city in cities:
        hours = [
            measured(f"province {city.dopa_province}", "PM25", now - timedelta(hours=n)) or 20.0 for n in range(24)
        ]
        rows[city.dopa_province] = {
            "pv_tn": city.province_th,
            "pv_en": city.province_en,
            "pv_idn": int(city.dopa_province),
            "pm25": hours[0],
            "pm25Avg24hr": round(sum(round(hour * 10) for hour in hours) / len(hours)) / 10,
            "dt": f"{now:%Y-%m-%dT%H:%M:%S}.000Z",
        }
    return {"status": 200, "errMsg": "", "data": list(rows.values())}


def measured(station: str, name: str, hour: datetime, silent: bool = False) -> float | None:
    """One hour's value at a place; None where the instrument is absent (SO2 at every second station) or was off."""
    value, gap = noise(2, station, name, hour.isoformat())
    absent = name == "SO2" and noise(1, station)[0] % 2 == 0
    if silent or absent or gap < 6:
        return None
    low, high, divisor = HISTORY[name]
    course = SUN[hour.hour] if name in ("O3", "TEMP", "WS") else TRAFFIC[hour.hour]
    course = 255 - SUN[hour.hour] if name == "RH" else course
    level = noise(1, station, name, hour.date(), "level")[0]
    whole = low + (high - low) * (2 * course + 2 * level + value) // (5 * 255)
    if name.startswith("PM"):
        whole = whole * HAZE.get(hour.month, 10) // 10
    return whole / divisor


def _live_station(station: str, facts: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    at = now - timedelta(days=STALE_DAYS) if facts["stale"] else now
    entries = {name: _entry(station, name, at) for name in ("PM25", "PM10", "O3", "CO", "NO2", "SO2")}
    aqi = entries["PM25"]["aqi"]
    last = {"date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}", **entries, "AQI": {"aqi": aqi, "param": "PM25"}}
    place = {name: value for name, value in facts.items() if name != "stale"}
    return {"stationID": station, **place, "stationType": "GROUND", "AQILast": last}


def _entry(station: str, name: str, at: datetime) -> dict[str, str]:
    hours = 24 if name.startswith("PM") else 1
    values = [measured(station, name, at - timedelta(hours=hour)) for hour in range(hours)]
    present = [value for value in values if value is not None]
    if not present:
        return {"color_id": "0", "aqi": "-999", "value": "-1"}
    tenths = round(sum(round(value * 10) for value in present) / len(present))
    index = _aqi(tenths) if name == "PM25" else tenths // 20
    value = f"{present[0]}" if name == "CO" else f"{tenths // 10}.{tenths % 10}"
    return {"color_id": str(1 + sum(index > top for top in (25, 50, 100, 200))), "aqi": str(index), "value": value}


def _aqi(tenths: int) -> int:
    low, high = next((a, b) for a, b in itertools.pairwise(AQI_TH) if tenths <= b[0] or b == AQI_TH[-1])
    return low[1] + (tenths - low[0]) * (high[1] - low[1]) // (high[0] - low[0])
