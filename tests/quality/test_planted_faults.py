"""Faults planted in good tables: each is found by a rule that is about it, and good tables raise nothing.

``FAULTS`` says what is planted, and the check (or code of a refused row or cell) that is to find it.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from quality import gate
from quality.tables import TABLES

DAY = date(2026, 11, 20)
NIGHT = datetime(2026, 11, 19, 17, tzinfo=UTC)
Rows = list[dict[str, Any]]


def hours(count: int = 24) -> list[dict[str, Any]]:
    return [{"start": NIGHT + timedelta(hours=hour), "local_date": DAY} for hour in range(count)]


def years(first: int, last: int) -> list[date]:
    return [date(year, 1, 1) for year in range(first, last + 1)]


def air() -> Rows:
    numbers = {"pm10_ug_m3": 50.0, "co_ppm": 0.5, "no2_ppb": 12.0, "so2_ppb": 1.0, "aqi_th": 60}
    more = {"wind_speed_m_s": 2.0, "wind_direction_deg": 90.0, "relative_humidity_pct": 70.0}
    return [
        {"station_id": "43t", "product": "hourly", **hour, "pm25_ug_m3": 20.0 + at, "o3_ppb": 15.0 + at, **numbers}
        | more
        | {
            "temperature_c": 25.0 + at / 4,
            "pm10_ug_m3": 50.0 + at,
            "no2_ppb": 12.0 + at,
            "wind_direction_deg": 9.0 * at,
        }
        for at, hour in enumerate(hours())
    ]


def weather() -> Rows:
    more = {"relative_humidity_pct": 70.0, "precipitation_mm": 0.0, "wind_speed_m_s": 3.0}
    return [
        {"station_id": "grid", "product": "model", **hour, "temperature_c": 25.0 + at / 4, **more}
        for at, hour in enumerate(hours())
    ]


def water() -> Rows:
    row = {"local_date": DAY, "level_msl_m": 2.0, "above_bank_m": -1.5, "storage_pct": 55.0, "situation": 3}
    return [{"station_id": str(at), "at": NIGHT, **row} for at in range(4)]


def rain() -> Rows:
    return [
        {"station_id": str(at), "end": NIGHT, "hours": length, "local_date": DAY, "rain_mm": 2.0 * length}
        for at in range(3)
        for length in (1, 24)
    ]


def hotspots() -> Rows:
    place = {"lat": 8.0, "lon": 98.4, "frp_mw": 4.0, "brightness_k": 330.0, "confidence": "nominal"}
    return [{"source": "firms", "satellite": f"N{at}", "at": NIGHT, "local_date": DAY, **place} for at in range(3)]


def people() -> Rows:
    return [
        {"dataset": name, "area_code": "83", "area": "ภูเก็ต", "area_level": "province", "sex": sex, "age_band": "all"}
        | {
            "persons": persons + 100 * share * (year.year - 2023),
            "houses": 200_000 if sex == "total" else None,
            "is_total": False,
            "reference_date": year,
        }
        for name in ("dopa", "gdcatalog")
        for year in years(2023, 2025)
        for sex, persons, share in (("male", 200_000, 1), ("female", 210_000, 1), ("total", 410_000, 2))
    ]


def visitors() -> Rows:
    row = {"dataset": "d", "item": "ผู้เยี่ยมเยือน", "category": "all", "unit": "คน", "status": "published"}
    rooms = {"dataset": "r", "item": "อัตราการเข้าพัก", "category": "all", "unit": "ร้อยละ", "origin": "total"}
    counts = [
        row | {"origin": origin, "value": value + share * year.year, "is_total": share == 2, "reference_date": year}
        for year in years(2023, 2025)
        for origin, value, share in (("thai", 4e6, 1), ("foreign", 6e6, 1), ("total", 10e6, 2))
    ]
    return counts + [rooms | {"value": 70.0, "is_total": False, "reference_date": year} for year in years(2023, 2025)]


def income() -> Rows:
    return [
        {"dataset": measure, "measure": measure, "province_code": "83", "baht_month": baht, "reference_date": year}
        for measure, baht in (("income", 36_000.0), ("expenditure", 27_000.0))
        for year in (date(2021, 1, 1), date(2023, 1, 1))
    ]


def accidents() -> Rows:
    row = {"dataset": "d", "local_date": DAY, "at": NIGHT, "lat": 7.9, "lon": 98.4, "road_km": 2.0}
    return [row | {"accident_id": str(at), "deaths": 0, "serious": 1, "minor": 2} for at in range(6)]


def casualties() -> Rows:
    row = {"area": "ภูเก็ต", "months": 12, "is_total": True, "status": "published"}
    return [
        row | {"dataset": outcome, "outcome": outcome, "persons": persons, "reference_date": year}
        for outcome, persons in (("death", 120), ("injury", 9_000))
        for year in years(2023, 2025)
    ]


def events() -> Rows:
    row = {"kind": "flood", "start": NIGHT, "local_date": DAY, "lat": 7.9, "lon": 98.4}
    return [{"source": "longdo", "event_id": str(at), "stop": NIGHT + timedelta(hours=2), **row} for at in range(3)]


def stops() -> Rows:
    return [
        {"feed": "namtang", "stop_id": str(at), "name_th": f"ป้าย {at}", "lat": 7.9 + at / 1e3, "lon": 98.4}
        | {"reference_date": DAY}
        for at in range(20)
    ]


def service() -> Rows:
    row = {"feed": "namtang", "day_type": "weekday", "service_date": DAY, "reference_date": DAY}
    return [row | {"hour": hour, "departures": 40, "stops": 20, "routes": 3} for hour in range(6, 20)]


def facilities() -> Rows:
    return [
        {"source": "osm", "facility_id": str(at), "kind": "school", "name_th": f"โรงเรียน {at}", "lat": 7.9 + at / 1e3}
        | {"lon": 98.4, "reference_date": DAY}
        for at in range(20)
    ]


def chargers() -> Rows:
    return [
        {"source": "ocm", "site_id": str(at), "name": f"site {at}", "lat": 7.9 + at / 1e3, "lon": 98.4, "points": 2}
        | {"connections": 2, "max_kw": 50.0, "total_kw": 100.0, "reference_date": DAY}
        for at in range(10)
    ]


def power() -> Rows:
    row = {"dataset": "egat", "area": "TH", "sector": "all", "start": NIGHT, "local_date": DAY}
    return [
        row | {"series": "generation", "period": "instant", "value": 25_000.0, "unit": "MW"},
        row | {"series": "temperature", "period": "instant", "value": 29.0, "unit": "°C"},
        row | {"series": "sales", "period": "month", "value": 12_000.0, "unit": "GWh"},
    ]


def tickets() -> Rows:
    row = {"source": "traffy", "reported": NIGHT, "local_date": DAY, "tambon": "", "amphoe": "", "province": "ภูเก็ต"}
    return [row | {"ticket": str(at), "state": "finished", "finished": NIGHT + timedelta(days=1)} for at in range(5)]


def datasets() -> Rows:
    row = {"portal": "p", "created": date(2024, 1, 1), "modified": date(2026, 1, 1), "resources": 2}
    more = {"in_datastore": 1, "harvested_twice": False, "reference_date": DAY}
    return [row | more | {"package": str(at)} for at in range(3)]


def statistics() -> Rows:
    row = {"smart": "environment", "category": "all", "unit": "ตัน", "months": 12, "is_total": False}
    return [
        row
        | {"dataset": item, "item": item, "area": area, "value": tons + year.year - 2023, "reference_date": year}
        | {"status": "published", "area_level": "city"}
        for item, tons in (("ขยะที่เกิดขึ้น", 12_000.0), ("ขยะที่กำจัดถูกต้อง", 9_000.0))
        for area in ("เทศบาลนครภูเก็ต", "เทศบาลเมืองป่าตอง")
        for year in years(2023, 2025)
    ]


GOOD: dict[str, Callable[[], Rows]] = {
    "air_quality": air,
    "weather": weather,
    "water_levels": water,
    "rainfall": rain,
    "hotspots": hotspots,
    "population": people,
    "visitors": visitors,
    "household_income": income,
    "road_accidents": accidents,
    "road_casualties": casualties,
    "road_events": events,
    "transit_stops": stops,
    "transit_service": service,
    "facilities": facilities,
    "ev_chargers": chargers,
    "power_system": power,
    "tickets": tickets,
    "datasets": datasets,
    "city_statistics": statistics,
}


def found(name: str, rows: Rows) -> dict[str, Any]:
    """What the contract refused or left out (by code) and the gate's verdicts that do not pass (by check)."""
    table = TABLES[name]
    lineage = {"_receipt": "r", "_delivered": DAY, "_number": 1}
    frame = pl.DataFrame(
        [row | lineage | {"_row": at} for at, row in enumerate(rows, start=1)],
        schema={k: v for k, v in table.delivered.items() if any(k in row for row in rows) or k.startswith("_")},
        strict=False,
    )
    batch = table.arrived(table.conform(frame), DAY)
    stored = table.stored(batch.rows)
    newest = stored[table.day].max()
    verdicts = gate.judge(table, stored, newest, DAY, stored if table.across else None)
    return {verdict.check: verdict for verdict in verdicts if verdict.verdict != "pass"} | dict.fromkeys(
        batch.found["code"].unique()
    )


def times(column: str, factor: float, **where: Any) -> Callable[[Rows], Rows]:
    return lambda rows: [
        row | {column: type(row[column])(row[column] * factor)}
        if row.get(column) is not None and all(row[key] == value for key, value in where.items())
        else row
        for row in rows
    ]


def put(column: str, value: Any, first: int | None = None) -> Callable[[Rows], Rows]:
    """The column's value in the first rows, by default in all."""
    return lambda rows: [row | {column: value} if first is None or at < first else row for at, row in enumerate(rows)]


def put_where(column: str, value: Any, **where: Any) -> Callable[[Rows], Rows]:
    return lambda rows: [
        row | {column: value} if all(row[name] == wanted for name, wanted in where.items()) else row for row in rows
    ]


def without(**where: Any) -> Callable[[Rows], Rows]:
    return lambda rows: [row for row in rows if any(row[name] != value for name, value in where.items())]


def swap(one: str, other: str) -> Callable[[Rows], Rows]:
    return lambda rows: [row | {one: row[other], other: row[one]} for row in rows]


def again(key: str) -> Callable[[Rows], Rows]:
    """All rows a second time under other ids."""
    return lambda rows: rows + [row | {key: f"x{row[key]}"} for row in rows]


def last_years(value: str) -> Callable[[Rows], Rows]:
    """The newest year with the figures of the year before."""

    def copied(rows: Rows) -> Rows:
        series = [tuple(row[name] for name in row if name not in (value, "reference_date", "houses")) for row in rows]
        year_before, pairs = NEW.replace(year=NEW.year - 1), list(zip(series, rows, strict=True))
        before = {key: row[value] for key, row in pairs if row["reference_date"] == year_before}
        return [row | {value: before[key]} if row["reference_date"] == NEW else row for key, row in pairs]

    return copied


def in_units(unit: str) -> Callable[[Rows], Rows]:
    """All rows a second time, with the same figures in another unit."""
    return lambda rows: [*rows, *(row | {"unit": unit} for row in rows)]


def later(**ahead: int) -> Callable[[Rows], Rows]:
    def moved(value: Any) -> Any:
        return value + timedelta(**ahead) if isinstance(value, date) else value

    return lambda rows: [{name: moved(value) for name, value in row.items()} for row in rows]


def aged(persons: int) -> Callable[[Rows], Rows]:
    """One more row, of those aged 60 and more."""
    return lambda rows: [*rows, rows[-1] | {"age_band": "60+", "persons": persons, "houses": None}]


def both(one: Callable[[Rows], Rows], other: Callable[[Rows], Rows]) -> Callable[[Rows], Rows]:
    return lambda rows: other(one(rows))


OLD, NEW = date(2023, 1, 1), date(2025, 1, 1)
FAULTS: list[tuple[str, str, Callable[[Rows], Rows], str]] = [
    ("air_quality", "PM2.5 negative for 6 h", put("pm25_ug_m3", -5.0, 6), "cell-range"),
    ("air_quality", "PM2.5 frozen", put("pm25_ug_m3", 17.0), "frozen:pm25_ug_m3"),
    ("air_quality", "PM2.5 zero all day", put("pm25_ug_m3", 0.0), "frozen:pm25_ug_m3"),
    ("air_quality", "PM10 frozen", put("pm10_ug_m3", 51.0), "frozen:pm10_ug_m3"),
    ("air_quality", "ozone frozen", put("o3_ppb", 9.0), "frozen:o3_ppb"),
    ("air_quality", "NO2 frozen", put("no2_ppb", 9.0), "frozen:no2_ppb"),
    ("air_quality", "vane frozen", put("wind_direction_deg", 9.0), "frozen:wind_direction_deg"),
    ("air_quality", "thermometer frozen", put("temperature_c", 30.0), "frozen:temperature_c"),
    ("air_quality", "PM2.5 999 in one hour", put("pm25_ug_m3", 999.0, 1), "plausible:pm25_ug_m3"),
    ("air_quality", "PM10 999 in one hour", put("pm10_ug_m3", 999.0, 1), "plausible:pm10_ug_m3"),
    ("air_quality", "PM2.5 in ng", times("pm25_ug_m3", 1000), "value-range|cell-range"),
    ("air_quality", "PM2.5 and PM10 swapped", swap("pm25_ug_m3", "pm10_ug_m3"), "pm25-within-pm10"),
    ("air_quality", "ozone in ug as ppb of a wrong unit", times("o3_ppb", 20), "plausible:o3_ppb"),
    ("air_quality", "CO in ppb", put("co_ppm", 90.0), "plausible:co_ppm"),
    ("air_quality", "CO in ppb, great", times("co_ppm", 1000), "cell-range"),
    ("air_quality", "NO2 code 999", put("no2_ppb", 999.0, 1), "plausible:no2_ppb"),
    ("air_quality", "SO2 code 999", put("so2_ppb", 999.0, 1), "plausible:so2_ppb"),
    ("air_quality", "index 999", put("aqi_th", 999, 1), "plausible:aqi_th"),
    ("air_quality", "wind in km/h of a storm", put("wind_speed_m_s", 60.0), "plausible:wind_speed_m_s"),
    ("air_quality", "direction code 999", put("wind_direction_deg", 999.0), "cell-range"),
    ("air_quality", "humidity as a share", put("relative_humidity_pct", 0.7), "plausible:relative_humidity_pct"),
    ("air_quality", "temperature 50", put("temperature_c", 50.0, 1), "plausible:temperature_c"),
    ("air_quality", "no PM2.5 at all", put("pm25_ug_m3", None), "pm25-told"),
    ("air_quality", "feed of the next week", later(days=7), "value-future"),
    ("air_quality", "feed of last week", later(days=-9), "freshness"),
    ("weather", "Fahrenheit", put("temperature_c", 86.0), "cell-range"),
    ("weather", "Kelvin", put("temperature_c", 300.0), "cell-range"),
    ("weather", "50 degrees", put("temperature_c", 50.0, 1), "plausible:temperature_c"),
    ("weather", "frozen", put("temperature_c", 27.0), "frozen:temperature_c"),
    ("weather", "-1 degree", put("temperature_c", -1.0, 1), "plausible:temperature_c"),
    ("weather", "rain 350 mm in an hour", put("precipitation_mm", 350.0, 1), "plausible:precipitation_mm"),
    ("weather", "rain negative", put("precipitation_mm", -9.99, 1), "cell-range"),
    ("weather", "wind 70 m/s", put("wind_speed_m_s", 70.0), "plausible:wind_speed_m_s"),
    ("weather", "humidity as a share", put("relative_humidity_pct", 0.7), "plausible:relative_humidity_pct"),
    ("weather", "next year", later(days=365), "value-future"),
    ("weather", "nine days old", later(days=-9), "freshness"),
    ("water_levels", "sign against the bank turned", put("above_bank_m", 1.5), "contradicts:above_bank_m:storage_pct"),
    ("water_levels", "filling as a share", put("storage_pct", 150.0), "contradicts:above_bank_m:storage_pct"),
    ("water_levels", "filling x10", times("storage_pct", 10), "plausible:storage_pct"),
    ("water_levels", "level in cm over the bank", times("above_bank_m", 100), "plausible:above_bank_m"),
    ("water_levels", "band 5 at half filling", put("situation", 5), "contradicts:situation:storage_pct"),
    ("water_levels", "band 1 at half filling", lambda r: put("storage_pct", 80.0)(put("situation", 1)(r)), "contr.*"),
    ("water_levels", "level of a sentinel", put("level_msl_m", -999.0), "cell-range"),
    ("water_levels", "next year", later(days=365), "value-future"),
    ("water_levels", "ten days old", later(days=-10), "freshness"),
    ("rainfall", "sentinel -9.99", put("rain_mm", -9.99), "value-range"),
    ("rainfall", "200 mm in one hour", times("rain_mm", 100, hours=1), "plausible:rain_mm:1"),
    ("rainfall", "700 mm in a day", put("rain_mm", 700.0), "plausible:rain_mm:24"),
    ("rainfall", "day less than its hour", times("rain_mm", 0.01, hours=24), "less-rain-in-longer"),
    ("rainfall", "old", later(days=-9), "freshness"),
    ("hotspots", "power x1000", times("frp_mw", 1000), "plausible:frp_mw"),
    ("hotspots", "brightness of another channel", put("brightness_k", 590.0), "plausible:brightness_k"),
    ("hotspots", "Celsius", put("brightness_k", 57.0), "cell-range"),
    ("hotspots", "swapped place", swap("lat", "lon"), "value-range"),
    ("population", "halved by one publisher", times("persons", 0.5, dataset="dopa"), "publishers-differ"),
    ("population", "newest year halved", times("persons", 0.5, reference_date=NEW), "jump:persons"),
    ("population", "one member x10", times("persons", 10, sex="male", reference_date=NEW), "total:sex"),
    ("population", "total x10", times("persons", 10, sex="total", reference_date=NEW), "total:sex"),
    ("population", "men and total swapped", times("persons", 2, sex="male"), "total:sex"),
    ("population", "houses in thousands", times("houses", 0.001), "plausible:persons_per_house"),
    ("population", "houses x10", times("houses", 10), "plausible:persons_per_house"),
    ("population", "newest houses doubled", times("houses", 2, reference_date=NEW), "jump:houses"),
    ("population", "newest year without men", without(sex="male", reference_date=NEW), "lacking-members"),
    ("population", "an age with more persons than all", aged(9_000_000), "ages-above-all"),
    ("population", "all x1000", times("persons", 1000), "value-range|cell-range"),
    ("population", "year of the other era", put("reference_date", date(2568, 1, 1), 1), "value-future"),
    ("visitors", "newest x10, totals agree", times("value", 10, reference_date=NEW), "jump:value"),
    ("visitors", "newest a tenth", times("value", 0.1, reference_date=NEW), "jump:value"),
    ("visitors", "a total is not of its parts", times("value", 1.5, origin="total"), "total:origin"),
    ("visitors", "one total of one person more", put("value", 4_000_001.0, 1), "total:origin"),
    ("visitors", "occupancy 180 %", times("value", 2.6, unit="ร้อยละ"), "plausible:value:percent"),
    ("visitors", "no values", put("value", None), "value-told"),
    ("household_income", "baht a year", times("baht_month", 12), "plausible:baht_month"),
    ("household_income", "thousands of baht", times("baht_month", 0.001), "plausible:baht_month"),
    ("household_income", "newest doubled", times("baht_month", 2, reference_date=date(2023, 1, 1)), "jump:baht_month"),
    ("road_accidents", "deaths x100", lambda r: put("deaths", 100)(r), "plausible:deaths"),
    ("road_accidents", "injured x100", times("serious", 100), "plausible:serious"),
    ("road_accidents", "slightly injured x100", times("minor", 100), "plausible:minor"),
    ("road_accidents", "swapped place", swap("lat", "lon"), "value-range"),
    ("road_casualties", "deaths x10 in the newest", times("persons", 10, reference_date=NEW), "jump:persons"),
    (
        "road_casualties",
        "deaths and injured swapped",
        lambda r: times("persons", 90, outcome="death")(r),
        "fewer-inj.*",
    ),
    ("road_casualties", "rates instead of counts", times("persons", 0.01, reference_date=NEW), "jump:persons"),
    ("road_events", "ends before it begins", put("stop", NIGHT - timedelta(hours=1)), "not-before:stop:start"),
    ("road_events", "of next year", later(days=365), "value-future"),
    ("transit_stops", "twice under other ids", again("stop_id"), "twins"),
    ("transit_stops", "all under one name", put("name_th", "x"), "constant:name_th"),
    ("transit_stops", "nameless", put("name_th", None), "name-told"),
    ("transit_service", "fewer departures than stops", put("departures", 5), "at-most:stops:departures"),
    ("transit_service", "fewer departures than routes", put("departures", 1), "at-most:routes:departures"),
    ("transit_service", "negative", put("departures", -1), "value-range"),
    ("facilities", "twice under other ids", again("facility_id"), "twins"),
    ("facilities", "swapped place", swap("lat", "lon"), "value-range"),
    ("ev_chargers", "kW in W", put("max_kw", 22_000.0), "cell-range"),
    ("ev_chargers", "kW x30", times("max_kw", 30), "plausible:max_kw"),
    ("ev_chargers", "one above all", put("max_kw", 150.0), "at-most:max_kw:total_kw"),
    ("ev_chargers", "points x200", times("points", 200), "plausible:points"),
    ("ev_chargers", "twice under other ids", again("site_id"), "twins"),
    ("power_system", "kW for MW", times("value", 1000, unit="MW"), "plausible:value:MW"),
    ("power_system", "MWh for GWh", times("value", 1000, unit="GWh"), "plausible:value:GWh"),
    ("power_system", "Fahrenheit", put("value", 88.0), "plausible:value:°C"),
    ("power_system", "negative", times("value", -1), "plausible:value:MW"),
    ("tickets", "finished before it was told", put("finished", NIGHT - timedelta(days=3)), "not-before.*"),
    ("tickets", "of the future", later(days=40), "value-future"),
    ("datasets", "changed in 2030", put("modified", date(2030, 1, 1)), "not-before:reference_date:modified"),
    ("datasets", "changed before it was made", put("modified", date(2020, 1, 1)), "not-before:modified:created"),
    ("datasets", "more in the datastore than there is", put("in_datastore", 9), "at-most:in_datastore:resources"),
    ("city_statistics", "newest x1000", times("value", 1000, reference_date=NEW), "jump:value"),
    ("city_statistics", "newest in another unit", put_where("unit", "กิโลกรัม", reference_date=NEW), "unit-changed"),
    ("city_statistics", "all figures in another unit too", in_units("กิโลกรัม"), "unit-changed"),
    ("visitors", "last year's file under this year's name", last_years("value"), "period-repeated"),
    ("population", "last year's file under this year's name", last_years("persons"), "period-repeated"),
    ("city_statistics", "a share of 180 %", both(put("unit", "ร้อยละ"), put("value", 180.0)), "plausible:value:percent"),
    ("city_statistics", "newest a tenth", times("value", 0.1, reference_date=NEW), "jump:value"),
    ("city_statistics", "nothing in the newest", times("value", 0, reference_date=NEW), "jump:value"),
    (
        "city_statistics",
        "newest without a place",
        without(area="เทศบาลเมืองป่าตอง", reference_date=NEW),
        "lacking-members",
    ),
    ("visitors", "newest without an origin", without(origin="foreign", reference_date=NEW), "lacking-members"),
    *(
        (
            name,
            "two years left out",
            put_where("reference_date", date(2021, 1, 1), reference_date=OLD),
            "lacking-periods",
        )
        for name in ("city_statistics", "visitors", "road_casualties", "population")
    ),
    ("city_statistics", "more disposed than generated", times("value", 2, item="ขยะที่กำจัดถูกต้อง"), "more-disposed"),
]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_table_raises_nothing(name: str) -> None:
    assert set(found(name, GOOD[name]())) <= {"freshness"} - ({"freshness"} if TABLES[name].max_age else set())


@pytest.mark.parametrize(("name", "what", "planted", "check"), FAULTS, ids=[f"{f[0]}: {f[1]}" for f in FAULTS])
def test_a_planted_fault_is_found_by_a_rule_about_it(
    name: str, what: str, planted: Callable[[Rows], Rows], check: str
) -> None:
    told = found(name, planted(GOOD[name]()))
    matched = pl.Series([*told], dtype=pl.String).str.contains(f"^({check})$").any()
    assert matched, (what, sorted(told))


def test_of_two_publishers_that_differ_both_are_named() -> None:
    """An indicator rests on one of them: which, nothing here knows."""
    verdict = found("population", times("persons", 0.5, dataset="dopa")(people()))["publishers-differ"]
    assert len({row["dataset"] for row in verdict.sample}) == 2


def test_publishers_that_count_months_apart_are_held_against_each_other() -> None:
    """One at the year's end, the other in autumn: no year of theirs is the same."""
    dated = {"dopa": date(2025, 1, 1), "gdcatalog": date(2024, 9, 1)}
    newest = [row for row in people() if row["reference_date"] == date(2025, 1, 1)]
    of_two = [row | {"reference_date": dated[row["dataset"]]} for row in newest]
    assert "publishers-differ" not in found("population", of_two)
    verdict = found("population", times("persons", 0.5, dataset="dopa")(of_two))["publishers-differ"]
    assert verdict.failed == 6 and verdict.misleading == 6


def test_classes_in_per_cent_that_add_up_to_one_are_fractions() -> None:
    shares = [
        row | {"category": name, "item": "ส่วน", "unit": "ร้อยละ", "value": Decimal(value), "is_total": False}
        for row in statistics()[:1]
        for name, value in (("ก", "0.5"), ("ข", "0.3"), ("ค", "0.2"))
    ]
    assert found("city_statistics", shares)["total:share"].failed == 3
    whole = [row | {"value": row["value"] * 100} for row in shares]
    assert "total:share" not in found("city_statistics", whole)


@pytest.mark.parametrize(("item", "unit"), [("รายได้เฉลี่ย", "บาท"), ("ครัวเรือน", "ร้อยละ"), ("คน", "คน/ตร.กม.")])
def test_an_average_lies_between_its_areas_and_is_not_their_sum(item: str, unit: str) -> None:
    def told(total: str) -> dict[str, Any]:
        row = statistics()[0] | {"item": item, "unit": unit, "category": "all"}
        areas = [
            row | {"area": name, "area_level": "amphoe", "value": Decimal(value), "is_total": False}
            for name, value in (("กะทู้", "40"), ("ถลาง", "60"))
        ]
        whole = {"area": "ภูเก็ต", "area_level": "province", "value": Decimal(total), "is_total": True}
        return found("city_statistics", [*areas, row | whole])

    assert "total:area" not in told("48") and "total:area" in told("100")
