"""Answers of ThaiWater, GISTDA's and NASA's hotspots, made up around each city's point.

The shapes are those that ``assets.sources.thaiwater`` and ``assets.sources.hotspots`` document and read, with
their quirks: stations that stopped, banks that were never surveyed, English names that are missing, Buddhist years.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from assets.cities.registry import City
from demo.noise import noise

BANGKOK = ZoneInfo("Asia/Bangkok")

STATIONS = 4
"""Stations of a kind around each city's point; the third was never surveyed."""

STALE_HOURS, STALE_EVERY = 43, 5
"""The last station of every fifth city by its noise stands still since so long, and is listed all the same."""

BED_CM, BANK_CM = 100, 500
"""Of every surveyed cross-section, above mean sea level."""

NEWEST = (time(1, 0), time(1, 20))
"""Stamps of the hourly and of the ten-minute stations when the nightly run asks at 01:30."""

FIRES = 30
"""Hotspots a city and day: with all cities more than a page."""

PASSES = (time(1, 50), time(13, 40))
"""Overpasses in Bangkok time."""

LAND_USE = ("พื้นที่เกษตร", "ป่าอนุรักษ์", "ป่าสงวนแห่งชาติ", "ชุมชนและอื่น ๆ")
CONFIDENCE = ("nominal", "nominal", "nominal", "low", "high")

COLUMNS = (
    "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,instrument,confidence,version,bright_ti5,frp,"
    "daynight"
)


def levels(cities: Iterable[City], day: date, stale: bool = False) -> dict[str, Any]:
    """ThaiWater's ``waterlevel_load``; ``stale``: every station stands still."""
    readings = [_level(city, number, day, stale) for city in cities for number in range(STATIONS)]
    return {
        "waterlevel_data": {"result": "OK", "data": readings},
        "waterlevel_manual_data": {"result": "OK", "data": []},
        "scale": {"result": "OK", "data": {}},
        "station": {"result": "OK", "data": {"tele_waterlevel": None, "canal_waterlevel": None}},
    }


def rain(cities: Iterable[City], day: date, stale: bool = False) -> dict[str, Any]:
    """ThaiWater's ``rain_24h``; ``stale``: every station stands still."""
    return {
        "result": "OK",
        "data": [_rain(city, number, day, stale) for city in cities for number in range(STATIONS)],
    }


def gistda(cities: Iterable[City], day: date, query: Mapping[str, str]) -> dict[str, Any]:
    """GISTDA's ``viirs/1day``: a page of the hotspots of the day before. Raises ``ValueError`` for bad paging."""
    found = [fire for city in cities for fire in _fires(city, day - timedelta(days=1))]
    limit, offset = min(int(query.get("limit", 100)), 1000), int(query.get("offset", 0))
    page = found[offset : offset + limit]
    return {
        "type": "FeatureCollection",
        "numberMatched": len(found),
        "numberReturned": len(page),
        "features": [_feature(fire) for fire in page],
    }


def firms(cities: Iterable[City], day: date, asked: date) -> str:
    """FIRMS' CSV of a UTC day: the same fires, as far as their overpass is over."""
    days = [local for local in (asked, asked + timedelta(days=1)) if local < day]
    fires = [fire for city in cities for local in days for fire in _fires(city, local)]
    return "\n".join([COLUMNS, *(_line(fire) for fire in fires if fire.at.date() == asked), ""])


@dataclass(frozen=True)
class _Fire:
    lat: str
    lon: str
    at: datetime
    """In UTC."""
    kelvin: str
    megawatts: str
    confidence: str
    land_use: str
    province: str


def _level(city: City, number: int, day: date, stale: bool) -> dict[str, Any]:
    height, rest = noise(2, "level", city.slug, number, day)
    surveyed = number != 2
    level = BED_CM + 20 + height * 400 // 255
    bed, bank = (BED_CM, BANK_CM) if surveyed else (0, 0)
    filled = 10_000 * (level - BED_CM) // (BANK_CM - BED_CM)
    reading = {
        "id": 1_300_000_000 + day.toordinal() % 10_000 * 10_000 + _id(city, number) % 10_000,
        "waterlevel_datetime": _stamp(city, number, day, stale),
        "waterlevel_m": None,
        "waterlevel_msl": _hundredths(level),
        "waterlevel_msl_previous": _hundredths(level - rest % 3),
        "diff_wl_bank": _hundredths(abs(level - bank)),
        "diff_wl_bank_text": "ล้นตลิ่ง (ม.)" if level >= bank else "ต่ำกว่าตลิ่ง (ม.)",
        "storage_percent": _hundredths(filled) if surveyed else None,
        "discharge": None,
        "station_type": "tele_waterlevel",
        **_where(city, number, {"min_bank": bank / 100, "ground_level": bed / 100}),
    }
    # Absent, not null, where nothing can be computed.
    band = 1 + sum(filled > limit for limit in (1000, 3000, 7000, 10_000))
    return reading | ({"situation_level": band} if surveyed else {})


def _rain(city: City, number: int, day: date, stale: bool) -> dict[str, Any]:
    wet, amount = noise(2, "rain", city.slug, number, day)
    reading = {
        "id": 1_400_000_000 + day.toordinal() % 10_000 * 10_000 + _id(city, number) % 10_000,
        "rain_24h": amount * 4 / 10 if wet < 90 else 0,
        "rainfall_datetime": _stamp(city, 2 * number, day, stale),
        "station_type": "rainfall_24h",
        **_where(city, number, {}),
    }
    return reading | ({"rain_1h": 0} if number % 2 else {})


def _where(city: City, number: int, banks: Mapping[str, float]) -> dict[str, Any]:
    names = {"th": f"สถานีน้ำจำลอง {city.name_th} {number + 1}"}
    return {
        "station": {
            "id": _id(city, number),
            "tele_station_name": names if number % 2 else names | {"en": f"Made-up {city.name_en} {number + 1}"},
            "tele_station_lat": round(city.lat + (number + 1) * 0.03, 6),
            "tele_station_long": round(city.lon - number * 0.02, 6),
            **banks,
        },
        "agency": {"agency_shortname": {"en": "DEMO", "jp": "", "th": "จำลอง"}},
        "geocode": {
            "province_code": city.dopa_province,
            "province_name": {"th": city.province_th, "en": city.province_en},
            "amphoe_name": {"th": "จำลอง"},
            "tumbon_name": {"th": "จำลอง"},
        },
    }


def _id(city: City, number: int) -> int:
    return int.from_bytes(noise(3, "station", city.slug)) * 10 + number


def _stamp(city: City, number: int, day: date, stale: bool) -> str:
    still = stale or (number == STATIONS - 1 and noise(1, "still", city.slug)[0] % STALE_EVERY == 0)
    newest = datetime.combine(day, NEWEST[number % 2])
    return f"{newest - timedelta(hours=STALE_HOURS if still else 0):%Y-%m-%d %H:%M}"


def _hundredths(whole: int) -> str:
    return f"{whole // 100}.{whole % 100:02d}"


def _fires(city: City, local: date) -> list[_Fire]:
    found = []
    for number in range(FIRES):
        north, east, heat, power, kind = noise(5, "fire", city.slug, local, number)
        overpass = datetime.combine(local, PASSES[number % 2], BANGKOK) + timedelta(minutes=kind % 7)
        found.append(
            _Fire(
                lat=f"{city.lat + (north - 128) / 200:.5f}",
                lon=f"{city.lon + (east - 128) / 200:.5f}",
                at=overpass.astimezone(UTC),
                kelvin=f"{300 + heat % 60}.{heat % 10}",
                megawatts=f"{power // 10}.{power % 10}",
                confidence=CONFIDENCE[kind % len(CONFIDENCE)],
                land_use=LAND_USE[kind % len(LAND_USE)],
                province=city.province_th,
            )
        )
    return found


def _feature(fire: _Fire) -> dict[str, Any]:
    local = fire.at.astimezone(BANGKOK)
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [float(fire.lon), float(fire.lat)]},
        "properties": {
            "latitude": fire.lat,
            "longitude": fire.lon,
            "acq_date": f"{fire.at:%Y-%m-%d}",
            "acq_time": _clock(fire.at),
            "th_date": f"{local:%d/%m}/{local.year + 543}",
            "th_time": f"{local:%H%M}",
            "satellite": "Suomi NPP",
            "instrument": "VIIRS",
            "confidence": fire.confidence,
            "bright_ti4": float(fire.kelvin),
            "frp": float(fire.megawatts),
            "lu_name": fire.land_use,
            "pv_tn": fire.province,
            "village": "หมู่บ้านจำลอง",
        },
    }


def _line(fire: _Fire) -> str:
    day, night = f"{fire.at:%Y-%m-%d}", fire.at.hour > 12
    return (
        f"{fire.lat},{fire.lon},{fire.kelvin},0.39,0.36,{day},{_clock(fire.at)},N,VIIRS,{fire.confidence[0]},2.0NRT,"
        f"290.1,{fire.megawatts},{'N' if night else 'D'}"
    )


def _clock(at: datetime) -> str:
    """HHMM without leading zeros."""
    return str(at.hour * 100 + at.minute)
