"""Citizens' reports, registered population and facilities of the demo: made up around each city's point and codes."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from assets.cities.registry import City
from demo.noise import noise

KINDS = ("ถนน", "ทางเท้า", "แสงสว่าง", "ความสะอาด", "น้ำท่วม", "เสียงรบกวน")
STATES = (("รอรับเรื่อง", "start"), ("กำลังดำเนินการ", "inprogress"), ("เสร็จสิ้น", "finish"), ("เสร็จสิ้น", "finish"))
REPORTS_A_DAY = 6
"""Reports a city and day."""

FACILITIES = {"school": 14, "clinic": 6, "hospital": 3, "police": 4, "fire_station": 2, "pharmacy": 5}
"""Facilities of a kind around each city's point."""

TAMBONS = 3
"""Tambons an amphoe has in the demo, the city's own among them."""


def reports(cities: Iterable[City], query: Mapping[str, str]) -> dict[str, Any]:
    """Traffy's open feed: the page ``offset`` .. ``offset + limit`` of the reports from ``start`` to ``end``.

    Free text, addresses and phone numbers are in it, as they are in the real one: what reads it must leave them out.
    """
    first, last = (date.fromisoformat(query[name]) for name in ("start", "end"))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    everything = [
        _report(city, day, number, last) for day in days for city in cities for number in range(REPORTS_A_DAY)
    ]
    limit, offset = min(int(query.get("limit", 300)), 1000), int(query.get("offset", 0))
    page = everything[offset : offset + limit]
    return {
        "type": "FeatureCollection",
        "status": "success",
        "total": 0,
        "sum_state": [],
        "count": len(page),
        "features": page,
    }


def population(cities: Iterable[City], yy: str) -> str:
    """DOPA's ``stat_t`` file of a Buddhist year: the cities' provinces, their amphoe and a few tambons of each.

    Each amphoe's first tambon is registered by two offices, and one province's total is off by one.
    """
    lines = []
    own: dict[str, dict[str, City]] = {}
    for city in cities:
        own.setdefault(city.dopa_province, {}).setdefault(city.dopa_amphoe, city)
    for province, amphoes in sorted(own.items()):
        members: list[tuple[str, str, str, tuple[int, int, int]]] = []
        for amphoe, city in sorted(amphoes.items()):
            for number, code in enumerate(_tambons(amphoe, city.dopa_tambon)):
                # Registered houses and persons grow by about a per cent a year.
                scale = 40 + int(yy)
                men, women, houses = ((40 + value) * scale for value in noise(3, "register", code))
                members.append((amphoe, f"อำเภอจำลอง {amphoe}", code, (men, women, houses)))
                if number == 0:
                    few = (men // 4, women // 4, houses // 4)
                    members.append((f"{amphoe[:2]}99", "ท้องถิ่นเทศบาลจำลอง", code, few))
        men, women, houses = (sum(counts[at] for *_, counts in members) for at in range(3))
        whole = ("0", "", "0", (men, women + (1 if province == "52" else 0), houses))
        name = next(iter(amphoes.values())).province_th
        for office, office_name, code, (men, women, houses) in [whole, *members]:
            tambon = f"ตำบลจำลอง {code[4:]}" if code != "0" else ""
            fields = (f"{yy}12", province, f"จังหวัด{name}", office, office_name, code, tambon, "0", "")
            lines.append("|".join([*fields, *(f"{count:,}" for count in (men, women, men + women, houses)), ""]))
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def facilities(city: City) -> bytes:
    """An OpenStreetMap extract of made-up facilities as GeoJSON, with the tags that must not be taken."""
    features = []
    for kind, count in FACILITIES.items():
        for number in range(count):
            east, north = noise(2, city.slug, kind, number)
            identity = 1_000_000 + 1000 * list(FACILITIES).index(kind) + number
            features.append(
                {
                    "type": "Feature",
                    "geometry": {
                        "type": "Point",
                        "coordinates": [
                            round(city.lon + (east - 128) / 5000, 6),
                            round(city.lat + (north - 128) / 5000, 6),
                        ],
                    },
                    "properties": {
                        "id": f"node/{identity}",
                        "amenity": kind,
                        "name": f"สถานที่จำลอง {kind} {number + 1}",
                        "name_th": f"สถานที่จำลอง {kind} {number + 1}",
                        "phone": "076-000-000",
                        "operator": "",
                        "address": "1 ถนนจำลอง",
                    },
                }
            )
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def _tambons(amphoe: str, own: str | None) -> list[str]:
    codes = [f"{amphoe}{number:02d}" for number in range(1, TAMBONS + 1)]
    return sorted({*codes, own} if own and own.startswith(amphoe) else codes)


def _report(city: City, day: date, number: int, last: date) -> dict[str, Any]:
    kind, state, east, north, minute = noise(5, "report", city.slug, day, number)
    reported = datetime.combine(day, time(minute % 24, minute % 60))
    # Yesterday's reports are mostly new; older ones have moved on.
    name, code = STATES[min(state % len(STATES), (last - day).days)]
    finished = reported + timedelta(hours=5 + state % 60) if code == "finish" else None
    tambon = f"จำลอง {1 + north % TAMBONS:02d}"
    return {
        "type": "Feature",
        "geometry": {
            "type": "Point",
            "coordinates": [round(city.lon + (east - 128) / 8000, 5), round(city.lat + (north - 128) / 8000, 5)],
        },
        "properties": {
            "ticket_id": f"{day.year}-{city.slug.upper()[:6]}{day:%m%d}{number}",
            "type": KINDS[kind % len(KINDS)],
            "problem_type_fondue": [KINDS[kind % len(KINDS)]],
            "description": "โทร 081-000-0000 บ้านเลขที่ 99/9",
            "address": f"99/9 ซอยจำลอง {city.province_th}",
            "photo_url": "https://example.org/photo.jpg",
            "org": ["เจ้าหน้าที่จำลอง"],
            "subdistrict": tambon,
            "district": f"จำลอง {city.dopa_amphoe}",
            "province": city.province_th,
            "state": name,
            "state_type_latest": code,
            "timestamp": f"{reported:%Y-%m-%d %H:%M:%S}",
            "timestamp_finished": finished and f"{finished:%Y-%m-%d %H:%M:%S}",
            "count_reopen": 0,
            "star": None,
        },
    }
