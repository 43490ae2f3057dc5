"""A small GTFS feed like Namtang's: names as ``ไทย;English``, every value quoted, stops around each city's point.

Each line runs by headway on weekdays and on weekends, has a last bus after midnight, and a far train whose times are
placeholders that count up from 00:00. The Wednesday of the version's week is a holiday.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from assets.cities.registry import City

STOPS_PER_CITY = 8
VALID_DAYS = 180
HEADWAYS = {
    "1": (("06:00:00", "09:00:00", 600), ("09:00:00", "16:00:00", 1200), ("16:00:00", "24:30:00", 900)),
    "2": (("06:30:00", "22:00:00", 1800),),
}
"""Service → its day: from, until before, seconds between starts. 1 runs Monday to Friday, 2 on weekends, 3 daily."""
_ZIPPED = (2026, 1, 1, 0, 0, 0)


def feed(cities: Iterable[City], day: date) -> bytes:
    """The feed's zip. A new version comes out every Monday; in between its bytes stay the same."""
    monday = day - timedelta(days=day.weekday())
    start, end = f"{monday:%Y%m%d}", f"{monday + timedelta(days=VALID_DAYS):%Y%m%d}"
    holiday = f"{monday + timedelta(days=2):%Y%m%d}"
    stops, routes, trips, times, frequencies = [], [], [], [], []
    for line, city in enumerate(cities, start=1):
        routes.append((line, "DEMO", f"D{line}", f"สายจำลอง {city.name_th};Demo line {city.name_en}", "3", "246B5B"))
        headsign = f"ปลายทาง {line};Terminus {line}"
        # By headway on weekdays and weekends, a last bus and a train every day.
        trips += [(line, service, f"{line}-{number}", headsign, "0") for number, service in enumerate("1233", start=1)]
        for number in range(STOPS_PER_CITY):
            stop = line * 100 + number
            # A straight line through the point, a stop every 400 m or so.
            lat, lon = city.lat + (number - STOPS_PER_CITY // 2) * 0.004, city.lon + number * 0.0005
            stops.append((stop, f"ป้ายจำลอง {number + 1};Demo stop {number + 1}", f"{lat:.6f}", f"{lon:.6f}"))
            minutes = number * 3
            for trip, hour in ((1, "00"), (2, "00"), (3, "24")):
                clock = f"{hour}:{minutes:02d}:00"
                times.append((f"{line}-{trip}", clock, clock, stop, number + 1))
        for number in (0, STOPS_PER_CITY - 1):
            clock = f"00:{number:02d}:00"
            times.append((f"{line}-4", clock, clock, line * 100 + number, number + 1))
        for service, windows in HEADWAYS.items():
            frequencies += [(f"{line}-{service}", *window) for window in windows]
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
            [("1", *"1111100", start, end), ("2", *"0000011", start, end), ("3", *"1111111", start, end)],
        ),
        "calendar_dates": (("service_id", "date", "exception_type"), [("1", holiday, "2"), ("2", holiday, "1")]),
        "frequencies": (("trip_id", "start_time", "end_time", "headway_secs"), frequencies),
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
