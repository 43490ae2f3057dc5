"""A small GTFS feed like Namtang's: names as ``ไทย;English``, every value quoted, stops around each city's point."""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from assets.cities.registry import City

STOPS_PER_CITY = 8
VALID_DAYS = 180
_ZIPPED = (2026, 1, 1, 0, 0, 0)


def feed(cities: Iterable[City], day: date) -> bytes:
    """The feed's zip. A new version comes out every Monday; in between its bytes stay the same."""
    monday = day - timedelta(days=day.weekday())
    start, end = f"{monday:%Y%m%d}", f"{monday + timedelta(days=VALID_DAYS):%Y%m%d}"
    stops, routes, trips, times = [], [], [], []
    for line, city in enumerate(cities, start=1):
        routes.append((line, "DEMO", f"D{line}", f"สายจำลอง {city.name_th};Demo line {city.name_en}", "3", "246B5B"))
        trips.append((line, "1", f"{line}", f"ปลายทาง {line};Terminus {line}", "0"))
        for number in range(STOPS_PER_CITY):
            stop = line * 100 + number
            # A straight line through the point, a stop every 400 m or so.
            lat, lon = city.lat + (number - STOPS_PER_CITY // 2) * 0.004, city.lon + number * 0.0005
            stops.append((stop, f"ป้ายจำลอง {number + 1};Demo stop {number + 1}", f"{lat:.6f}", f"{lon:.6f}"))
            clock = f"06:{number * 3:02d}:00"
            times.append((line, clock, clock, stop, number + 1))
    tables: dict[str, tuple[Sequence[str], Sequence[Sequence[object]]]] = {
        "agency": (
            ("agency_id", "agency_name", "agency_url", "agency_timezone"),
            [("DEMO", "ผู้ประกอบการจำลอง;Made-up operator", "https://example.org/", "Asia/Bangkok")],
        ),
        "stops": (("stop_id", "stop_name", "stop_lat", "stop_lon"), stops),
        "routes": (
            ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type", "route_color"),
            routes,
        ),
        "trips": (("route_id", "service_id", "trip_id", "trip_headsign", "direction_id"), trips),
        "stop_times": (("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"), times),
        "calendar": (
            (
                "service_id",
                "monday",
                "tuesday",
                "wednesday",
                "thursday",
                "friday",
                "saturday",
                "sunday",
                "start_date",
                "end_date",
            ),
            [("1", *"1111111", start, end)],
        ),
        "feed_info": (
            (
                "feed_publisher_name",
                "feed_publisher_url",
                "feed_lang",
                "feed_start_date",
                "feed_end_date",
                "feed_version",
            ),
            [("ข้อมูลจำลอง", "https://example.org/", "tha", start, end, start)],
        ),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, (header, rows) in tables.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.txt", _ZIPPED), _text(header, rows))
    return out.getvalue()


def _text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The header bare and every value quoted, as the feed has them."""
    out = io.StringIO()
    out.write(",".join(header) + "\r\n")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()
