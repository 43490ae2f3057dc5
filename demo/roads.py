"""Accidents and events on roads of the demo: made up around each city's point, in the shapes of the real portals.

Accidents (Ministry of Transport): a CSV file for each of two Buddhist years. The older one has day and month swapped,
years of the common era and times as a spreadsheet's fraction of the day; the newer one has day first, Buddhist years
and ``HH:MM``. Some numbers are blank, and one accident a city has no place. Events (Longdo Traffic): coordinates as
strings, codes for kinds, free text with a number plate, one event at 0°, 0°.
"""

import csv
import io
import uuid
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from assets.cities.registry import City
from demo.noise import noise

ACCIDENTS_A_YEAR = 24
"""Of a city; every month has two."""

CAUSES = ("ขับรถเร็วเกินอัตรากำหนด", "ตัดหน้าระยะกระชั้นชิด", "หลับใน", "ฝนตกถนนลื่น")
EVENTS = (("3", "อุบัติเหตุ (จำลอง)", "accident"), ("6", "น้ำท่วม (จำลอง)", "flood"), ("5", "ปิดถนน (จำลอง)", "roadclosed"))
PACKAGE = "roadaccident"
HEADER = (
    *("ปีที่เกิดเหตุ", "วันที่เกิดเหตุ", "เวลา", "ACC_CODE", "หน่วยงาน", "รหัสสายทาง", "สายทาง", "KM", "จังหวัด"),
    *("รถคันที่1", "มูลเหตุสันนิษฐาน", "LATITUDE", "LONGITUDE", "ผู้เสียชีวิต", "ผู้บาดเจ็บสาหัส", "ผู้บาดเจ็บเล็กน้อย"),
)
_NAMESPACE = uuid.UUID("0b6f4c1e-6a0e-4f0b-8f51-2d4f4c6c9a11")


def catalogue(
    cities: Iterable[City], day: date, base: str, path: str, query: Mapping[str, str]
) -> dict[str, Any] | str | None:
    """The ministry's catalogue: the description of the package, or a year's file; None for what it does not have.

    Addresses are those of the real portal ``base``, whoever answers.
    """
    years = {_file(year): year for year in (day.year - 2, day.year - 1)}
    if path in years:
        return _accidents(cities, years[path], swapped=years[path] == day.year - 2)
    if path != "/api/3/action/package_show" or query.get("id") != PACKAGE:
        return None
    resources = [
        {
            "id": _identity(year),
            "name": f"ปี {year + 543}",
            "format": "CSV",
            "url": base + _file(year),
            "datastore_active": False,
            "state": "active",
        }
        for year in years.values()
    ]
    result = {
        "id": str(uuid.uuid5(_NAMESPACE, PACKAGE)),
        "name": PACKAGE,
        "title": "อุบัติเหตุบนโครงข่ายถนนของกระทรวงคมนาคม (ข้อมูลจำลอง)",
        "license_id": "Open Data Common",
        "metadata_modified": f"{day.replace(day=1)}T02:15:00.000000",
        "state": "active",
        "num_resources": len(resources),
        "resources": resources,
    }
    return {"help": path, "success": True, "result": result}


def events(cities: Iterable[City], day: date) -> list[dict[str, Any]]:
    """The event feed: three events a city that began on the day before and still go on, and one without a place."""
    listed = []
    for number, city in enumerate(cities, start=1):
        for place, (code, title, icon) in enumerate(EVENTS):
            north, east, hour = noise(3, "event", city.slug, day, place)
            start = f"{day - timedelta(days=1)} {hour % 24:02d}:{north % 60:02d}:00"
            listed.append(
                {
                    "eid": f"{day:%y%m%d}{number:02d}{place}",
                    "title": title,
                    "title_en": f"Made-up event in {city.name_en}",
                    "description": "แจ้งโดยผู้ขับขี่ ทะเบียน กก 0000",
                    "latitude": f"{city.lat + (north - 128) / 4000:.6f}",
                    "longitude": f"{city.lon + (east - 128) / 4000:.6f}",
                    "type": code,
                    "icon": icon,
                    "severity": f"{1 + east % 3}",
                    "start": start,
                    "stop": f"{day + timedelta(days=1)} 00:00:00",
                }
            )
    nowhere = {"eid": f"{day:%y%m%d}000", "title": "ไม่มีพิกัด", "latitude": "0", "longitude": "0", "type": "1"}
    return [*listed, nowhere | {"start": f"{day} 00:00:00", "stop": ""}]


def _accidents(cities: Iterable[City], year: int, swapped: bool) -> str:
    rows = []
    for city in cities:
        for number in range(ACCIDENTS_A_YEAR):
            north, east, when, cause, deaths, serious = noise(6, "accident", city.slug, year, number)
            day, minute = date(year, 1 + number // 2, 1 + (number % 2) * 14 + when % 14), 60 * (when % 24) + east % 60
            place = (f"{city.lat + (north - 128) / 2000:.6f}", f"{city.lon + (east - 128) / 2000:.6f}")
            rows.append(
                (
                    day,
                    (
                        f"{year + 543}",
                        f"{day.month}/{day.day}/{year}" if swapped else f"{day.day}/{day.month}/{year + 543}",
                        f"{minute / 1440:.10f}" if swapped else f"{minute // 60:02d}:{minute % 60:02d}",
                        f"{city.dopa_province}{year}{number:04d}",
                        "กรมทางหลวง",
                        f"{cause + 1}",
                        "ถนนจำลอง",
                        f"{north // 2}+{east:03d}",
                        city.province_th,
                        "รถจำลอง",
                        CAUSES[cause % len(CAUSES)],
                        *(("", "") if number == ACCIDENTS_A_YEAR - 1 else place),
                        "" if deaths > 253 else f"{int(deaths < 24)}",
                        f"{serious % 3}",
                        "" if serious > 250 else f"{serious % 4}",
                    ),
                )
            )
    out = io.StringIO()
    out.write("\ufeff")
    csv.writer(out).writerows([HEADER, *(cells for _, cells in sorted(rows, key=lambda row: row[0]))])
    return out.getvalue()


def _identity(year: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{PACKAGE}/{year}"))


def _file(year: int) -> str:
    return f"/dataset/{PACKAGE}/resource/{_identity(year)}/download/{PACKAGE}_{year + 543}.csv"
