"""Made-up lake tables of one city and day, in the shapes of the contracts: synthetic, every one of them."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count

import polars as pl

from assets.cities.registry import City, load_registry
from assets.indicators.all import all_indicators
from assets.indicators.programme import programme
from assets.lake.daily_energy import of_cells
from assets.landing.store import Store
from assets.snapshots.arrivals import SCHEMA
from assets.snapshots.build import Edition
from assets.snapshots.commit import publish
from assets.snapshots.history import Entry, repair
from quality import tables as contracts
from quality.contracts import Table
from quality.gate import to_frame
from quality.vee.day_types import calendar
from quality.verdicts import Grade, Verdict

DAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 23, 17, 15, 3, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
"""Start of ``DAY`` in Bangkok."""


@cache
def city(slug: str = "phuket") -> City:
    return load_registry()[slug]


def frame(table: Table, rows: list[dict]) -> pl.DataFrame:
    """Rows with their lineage made up, in the contract's schema; a row that breaks the contract is an error."""
    lineage = {"_receipt": "0123456789abcdef", "_row": 1, "_delivered": date(2026, 11, 23)} if table.lineage else {}
    made = pl.DataFrame([row | lineage for row in rows], infer_schema_length=None)
    batch = table.conform(made)
    good, bad = batch.rows, batch.found
    assert bad.is_empty(), bad
    return good


def load_profile(day: date = DAY, quarters: int = 96, share: float = 1.0) -> pl.DataFrame:
    start = MIDNIGHT + (day - DAY)
    return frame(
        contracts.LOAD_PROFILE,
        [
            {
                "zone": "old_town",
                "customer_class": name,
                "start": start + timedelta(minutes=15 * q),
                "local_date": day,
                "kwh": Decimal(round(size * (1 + math.sin(q / 96 * 6 + turn)) + 5)),
                "n_band": "100-299",
                "actual_share": share,
            }
            for name, size, turn in (("residential", 60, 3.5), ("small_business", 45, 5.2), ("other", 15, 1.0))
            for q in range(quarters)
        ],
    )


def air_quality(hours: int = 24, product: str = "hourly", station: str = "43t", level: float = 30.0) -> pl.DataFrame:
    return frame(
        contracts.AIR_QUALITY,
        [
            {
                "station_id": name,
                "product": product,
                "start": MIDNIGHT + timedelta(hours=h),
                "local_date": DAY,
                "pm25_ug_m3": None if h in missing else level + shift + 12 * math.sin(h / 4),
            }
            for name, shift, missing in ((station, 0, ()), (station + "b", 6, (8, 9, 10)))
            for h in range(hours)
        ],
    )


def weather() -> pl.DataFrame:
    return frame(
        contracts.WEATHER,
        [
            {
                "station_id": "grid",
                "product": "model",
                "start": MIDNIGHT + timedelta(hours=h),
                "local_date": DAY,
                "temperature_c": 28 + 4 * math.sin((h - 8) / 24 * 6.28),
                "precipitation_mm": 4.5 if h in (15, 16) else 0.0,
            }
            for h in range(24)
        ],
    )


def population(stated: int = 410_211) -> pl.DataFrame:
    areas = {"เมืองภูเก็ต": (115_656, 131_432), "กะทู้": (27_767, 30_833), "ถลาง": (53_872, 50_624)}
    rows = [
        (area, "amphoe", sex, persons, False)
        for area, (men, women) in areas.items()
        for sex, persons in (("male", men), ("female", women), ("total", men + women))
    ]
    rows.append(("ภูเก็ต", "province", "total", stated, True))
    names = ("area", "area_level", "sex", "persons", "is_total")
    common = {
        "dataset": "phuket.gdcatalog.go.th/phuket001",
        "area_code": "",
        "age_band": "all",
        "reference_date": date(2026, 4, 17),
    }
    return frame(contracts.POPULATION, [dict(zip(names, row, strict=True)) | common for row in rows])


def visitors(newest_pending: bool = False) -> pl.DataFrame:
    def row(year: int, category: str, origin: str, value: int | None, total: bool = False) -> dict:
        return {
            "dataset": "dataset_10_34",
            "item": "ผู้มาเยี่ยมเยือน",
            "category": category,
            "origin": origin,
            "value": None if value is None else Decimal(value),
            "unit": "คน",
            "is_total": total,
            "status": "published" if value is not None else "pending",
            "reference_date": date(year, 1, 1),
        }

    rows = []
    for year, thai, foreign in (
        (2022, 1_500_000, 2_400_000),
        (2023, 1_900_000, 6_300_000),
        (2024, 2_100_000, 8_600_000),
    ):
        for category, part in (("นักท่องเที่ยว", 0.9), ("นักทัศนาจร", 0.1)):
            rows += [
                row(year, category, "thai", round(thai * part)),
                row(year, category, "foreign", round(foreign * part)),
                row(year, category, "total", round((thai + foreign) * part), total=True),
            ]
    if newest_pending:
        rows += [row(2025, "นักท่องเที่ยว", "thai", None), row(2025, "นักท่องเที่ยว", "foreign", 9_000_000)]
    return frame(contracts.VISITORS, rows)


def transit_stops(feed_end: date = date(2027, 6, 30), name: str = "วงเวียนหอนาฬิกา") -> pl.DataFrame:
    return frame(
        contracts.TRANSIT_STOPS,
        [
            {
                "feed": "namtang",
                "stop_id": f"S{n}",
                "name_th": name,
                "lat": 7.88 + n / 1000,
                "lon": 98.39,
                "distance_km": n / 10,
                "feed_end_date": feed_end,
                "reference_date": date(2026, 11, 1),
            }
            for n in range(14)
        ],
    )


def around() -> dict[str, pl.DataFrame]:
    """Every published table that the functions above do not make, a few rows each."""
    place = {"lat": 7.89, "lon": 98.4, "distance_km": 1.3}
    statistic = {"dataset": "phuket.gdcatalog.go.th/dataset_x", "status": "published"}
    month = {"reference_date": date(2026, 11, 1)}
    rows: dict[Table, list[dict]] = {
        contracts.EV_CHARGERS: [
            place
            | month
            | {
                "source": "ocm",
                "site_id": f"{n}",
                "total_kw": 50.0 * n,
                "operational": True,
                "verified": date(2026, 3, n),
                "provider": provider,
            }
            for n, provider in enumerate(("Operator A", "Operator B", "Operator A"), 1)
        ],
        contracts.POWER_SYSTEM: [
            {"dataset": "eppo", "series": "sales", "area": "PEA", "sector": "all", "period": "month"}
            | {"start": datetime(2026, 8, 31, 17, tzinfo=UTC), "local_date": date(2026, 9, 1)}
            | {"value": Decimal("12345.6789"), "unit": "GWh"}
        ],
        contracts.STATIONS: [
            place
            | {
                "network": "thaiwater",
                "station_id": "1003",
                "name_th": "คลองบางใหญ่",
                "assigned": True,
                "valid_from": date(2026, 11, 1),
            }
        ],
        contracts.WATER_LEVELS: [
            {
                "station_id": f"{1000 + n}",
                "at": MIDNIGHT + timedelta(hours=h),
                "local_date": DAY,
                "above_bank_m": (filled + h - 110) / 50,
                "storage_pct": filled + h,
            }
            for n, filled in enumerate((34.5, 71.0, 88.0, 101.0))
            for h in (3, 9)
        ],
        contracts.RAINFALL: [
            {
                "station_id": f"{2000 + n}",
                "end": MIDNIGHT + timedelta(hours=7),
                "hours": 24,
                "local_date": DAY,
                "rain_mm": mm,
            }
            for n, mm in enumerate((0.0, 12.4, 35.0))
        ],
        contracts.HOTSPOTS: [
            place
            | {
                "source": "firms",
                "satellite": "N",
                "at": MIDNIGHT + timedelta(hours=13),
                "local_date": DAY,
                "confidence": "nominal",
            }
        ],
        contracts.HOTSPOT_DAYS: [{"source": "firms", "local_date": DAY - timedelta(days=n)} for n in range(7)],
        contracts.TRANSIT_ROUTES: [
            month | {"feed": "namtang", "route_id": "R1", "long_name_th": "สายหนึ่ง", "route_type": 3}
        ],
        contracts.TRANSIT_SERVICE: [
            month
            | {
                "feed": feed,
                "day_type": kind,
                "service_date": date(2026, 11, 18),
                "hour": hour,
                "departures": departures,
                "stops": 14,
                "routes": 2,
            }
            for feed, share in (("namtang", 3), ("smart_bus", 1))
            for kind, more in (("weekday", 12), ("sunday", 5))
            for hour, departures in ((h, share * (more + 6 * (h in (7, 8, 17)))) for h in range(5, 26))
        ],
        contracts.ROAD_ACCIDENTS: [
            place | {"dataset": "mot", "accident_id": f"{n}", "local_date": date(2025, n, 3), "deaths": n % 2}
            for n in range(1, 7)
        ],
        contracts.ROAD_CASUALTIES: [
            statistic
            | {
                "outcome": outcome,
                "area": "ภูเก็ต",
                "months": 1,
                "persons": persons - 4 * (year - 2019),
                "is_total": False,
                "reference_date": date(year, month, 1),
            }
            for outcome, persons in (("death", 40), ("injury", 900))
            for year in range(2019, 2026)
            for month in range(1, 13)
        ],
        contracts.ROAD_EVENTS: [
            place
            | {
                "source": "longdo",
                "event_id": f"{n}",
                "kind": kind,
                "start": MIDNIGHT + timedelta(hours=n),
                "local_date": DAY,
            }
            for n, kind in enumerate(("accident", "accident", "flood", "other"))
        ],
        contracts.FACILITIES: [
            place | month | {"source": "osm", "facility_id": f"node/{kind}{n}", "kind": kind, "name_th": "แห่งหนึ่ง"}
            for kind, count in FACILITY_KINDS.items()
            for n in range(count)
        ],
        contracts.HOUSEHOLD_INCOME: [
            {
                "dataset": "nso",
                "measure": measure,
                "province_code": "83",
                "baht_month": Decimal(baht),
                "reference_date": date(year, 1, 1),
            }
            for measure, year, baht in (
                ("income", 2020, 34_400),
                ("income", 2023, 36_200),
                ("expenditure", 2023, 27_100),
            )
        ],
        contracts.CITIZEN_REPORTS: [
            {
                "source": "traffy_geojson",
                "kind": kind,
                "reports": reports + 5 * month,
                "finished": 60 if kind == "all" and month != 8 else None,
                "days_with_reports": 28 if kind == "all" else None,
                "median_days_to_finish": 3 if kind == "all" else None,
                "reference_date": date(2026, month + 1, 1) - timedelta(days=1),
            }
            for month in (8, 9)
            for kind, reports in (("all", 100), ("ถนน", 60), ("ทางเท้า", 20), ("other", 15))
        ],
        contracts.DATASETS: [
            month
            | {
                "portal": "phuket.gdcatalog.go.th",
                "package": f"dataset_{n}",
                "modified": date(2026 - n % 3, 5, 1),
                "resources": 2,
                "in_datastore": 1,
                "harvested_twice": False,
                "listed": 9,
                "place": n + 1,
            }
            for n in range(9)
        ],
        contracts.CITY_STATISTICS: [
            statistic
            | {
                "smart": "living",
                "item": "จำนวนผู้ป่วยไข้เลือดออก",
                "area_level": "province",
                "area": "ภูเก็ต",
                "category": "all",
                "unit": "ราย",
                "months": 12,
                "value": Decimal(412),
                "is_total": False,
                "reference_date": date(2025, 1, 1),
            }
        ],
    }
    return {table.name: frame(table, content) for table, content in rows.items()}


FACILITY_KINDS = {"school": 31, "place_of_worship": 22, "hospital": 6, "pharmacy": 18, "police": 4, "fire_station": 2}
"""Kind of facility → how many ``around`` makes up."""


def arrivals(**failed: str) -> pl.DataFrame:
    """What the sources of ``city()`` brought; those in ``failed`` (source → reason) last answered three days ago."""
    rows = [
        (name, "failed", DAY - timedelta(days=2), 1, failed[name])
        if name in failed
        else (name, "answered", DAY + timedelta(days=1), 1, None)
        for name in sorted({*city().sources, *failed})
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def verdicts(outcome: Grade = "pass", table: str = "weather", message: str = "24 of 24 hours") -> pl.DataFrame:
    found = [
        Verdict("weather", "completeness", "pass", 24, 0, "24 of 24 hours"),
        Verdict(table, "freshness", outcome, 1, int(outcome != "pass"), message),
    ]
    return to_frame(found, DAY)


def indicator_row(smart: str, code: str, value: float | None) -> dict:
    """A row of ``indicators`` whose title is its code."""
    facts = {"title": code, "unit": "u", "period_start": DAY, "period_end": DAY, "method": "m", "sources": "s"}
    verdict = {"verdict": "ok"} if value is not None else {"verdict": "withheld", "reason": "there is no value"}
    return {"smart": smart, "indicator": code, "value": value, "reference_date": DAY} | facts | verdict


def with_indicators(tables: dict[str, pl.DataFrame], of: City) -> dict[str, pl.DataFrame]:
    return tables | {"indicators": all_indicators(of, DAY + timedelta(days=1), tables)}


def all_tables() -> dict[str, pl.DataFrame]:
    """Every table that is published."""
    cells = pl.concat([load_profile(date(2026, 10, 31)), load_profile()])
    tables = around() | {
        "load_profile": cells,
        "daily_energy": of_cells(cells, calendar()),
        "air_quality": air_quality(),
        "weather": weather(),
        "transit_stops": transit_stops(),
        "population": population(),
        "visitors": visitors(),
    }
    tables = with_indicators(tables, city())
    return tables | {"programme": programme(city(), DAY + timedelta(days=1), tables)}


def few_tables(stops: int = 14) -> dict[str, pl.DataFrame]:
    """Tables that draw no chart: publishing them takes milliseconds."""
    return dict(_few_tables(stops))


@cache
def _few_tables(stops: int) -> dict[str, pl.DataFrame]:
    return with_indicators({"transit_stops": transit_stops().head(stops)}, city())


VERSIONS = count(1)
"""Each edition is of another version of the code, so that it is not the one before."""


def edition(tables: dict[str, pl.DataFrame] | None = None, **other: object) -> Edition:
    """``tables`` (a few by default) as a night of the demo would publish them; ``of`` is another city."""
    facts = {"synthetic": True, "run": "night", "code_version": f"0.1.{next(VERSIONS)}", "now": NOW} | other
    facts = {"city": facts.pop("of", city()), "verdicts": verdicts(), "inputs": ["b", "a"]} | facts
    return Edition(**{"day": DAY + timedelta(days=1), "tables": few_tables() if tables is None else tables} | facts)


def published(store: Store, tables: dict[str, pl.DataFrame] | None = None, **other: object) -> Entry:
    """Publish an edition."""
    made = edition(tables, **other)
    return publish(store, made, repair(store, made.city.slug))
