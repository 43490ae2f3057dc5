"""Made-up lake tables of one city and day, in the shapes of the contracts."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl

from assets.cities.registry import City, load_registry
from assets.snapshots.commit import Entry, publish
from assets.snapshots.indicators import all_indicators
from assets.store import Store
from quality import tables as contracts
from quality.contracts import Table

DAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 23, 17, 15, 3, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
"""Start of ``DAY`` in Bangkok."""


def city(slug: str = "phuket") -> City:
    return load_registry()[slug]


def frame(table: Table, rows: list[dict]) -> pl.DataFrame:
    """Rows with their lineage made up, in the contract's schema; a row that breaks the contract is an error."""
    lineage = {"_receipt": "0123456789abcdef", "_row": 1, "_delivered": date(2026, 11, 23)} if table.lineage else {}
    made = pl.DataFrame([row | lineage for row in rows], infer_schema_length=None)
    good, bad = table.conform(made)
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
    common = {"age_band": "all", "reference_date": date(2026, 4, 17)}
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


def verdicts(outcome: str = "pass", table: str = "weather", message: str = "24 of 24 hours") -> pl.DataFrame:
    rows = [
        ("weather", "completeness", "pass", 24, 0, "24 of 24 hours"),
        (table, "freshness", outcome, 1, int(outcome != "pass"), message),
    ]
    return pl.DataFrame(
        [(table, check, DAY, verdict, checked, failed, text) for table, check, verdict, checked, failed, text in rows],
        schema=contracts.VERDICTS.schema,
        orient="row",
    )


def with_indicators(tables: dict[str, pl.DataFrame], of: City) -> dict[str, pl.DataFrame]:
    return tables | {"indicators": all_indicators(of, DAY + timedelta(days=1), tables)}


def all_tables() -> dict[str, pl.DataFrame]:
    tables = {
        "load_profile": pl.concat([load_profile(date(2026, 10, 31)), load_profile()]),
        "air_quality": air_quality(),
        "weather": weather(),
        "transit_stops": transit_stops(),
        "population": population(),
        "visitors": visitors(),
    }
    return with_indicators(tables, city())


def few_tables(stops: int = 14) -> dict[str, pl.DataFrame]:
    """Tables that draw no chart: publishing them takes milliseconds."""
    return with_indicators({"transit_stops": transit_stops().head(stops)}, city())


def published(store: Store, tables: dict[str, pl.DataFrame] | None = None, **other: object) -> Entry:
    """Publish ``tables`` (a few by default) as a night of the demo would."""
    facts = {"synthetic": True, "run": "night", "code_version": "0.1", "now": NOW, "inputs": ["b", "a"]} | other
    judged = facts.pop("verdicts", verdicts())
    return publish(store, city(), DAY, few_tables() if tables is None else tables, judged, **facts)
