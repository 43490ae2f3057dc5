"""Which findings mislead: slips of a whole table withhold it, single ones the indicators, odd values neither."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from quality import gate
from quality.contracts import Table
from quality.past_days import against_past
from quality.review import Review
from quality.reviewed import accept
from quality.tables import (
    AIR_QUALITY,
    CITIZEN_REPORTS,
    CITY_STATISTICS,
    DAILY_ENERGY,
    HOUSEHOLD_INCOME,
    LOAD_PROFILE,
    METER_INTERVALS,
    POPULATION,
    POWER_SYSTEM,
    TICKETS,
    VISITORS,
    WATER_LEVELS,
    WEATHER,
)
from quality.verdicts import SAMPLE, Verdict, weighed

DAY = date(2026, 11, 20)
NIGHT = datetime(2026, 11, 19, 17, tzinfo=UTC)
Rows = list[dict[str, Any]]


def stored(table: Table, rows: Rows) -> pl.DataFrame:
    lineage = {"_receipt": "r", "_delivered": DAY, "_number": 1}
    frame = pl.DataFrame([row | lineage | {"_row": at} for at, row in enumerate(rows, 1)], infer_schema_length=None)
    batch = table.conform(frame)
    assert batch.found.is_empty(), batch.found
    return table.stored(batch.rows)


def judged(table: Table, rows: Rows) -> dict[str, Verdict]:
    frame = stored(table, rows)
    found = gate.judge(table, frame, frame[table.day].max(), DAY, frame if table.across else None)
    return {verdict.check: verdict for verdict in found}


def hours(days: int = 1, **other: float) -> Rows:
    """An air station's hours, each value another."""
    return [
        {
            "station_id": "43t",
            "product": "hourly",
            "start": NIGHT + timedelta(hours=hour),
            "pm25_ug_m3": 20.0 + hour % 24,
        }
        | {"local_date": DAY + timedelta(days=hour // 24), "pm10_ug_m3": 50.0 + hour % 24, "o3_ppb": 10.0 + hour % 24}
        | {name: value + hour % 24 / 100 for name, value in other.items()}
        for hour in range(24 * days)
    ]


def stations(*fillings: float) -> Rows:
    return [
        {"station_id": str(at), "at": NIGHT, "local_date": DAY, "storage_pct": filling}
        for at, filling in enumerate(fillings)
    ]


def incomes(factor: float) -> Rows:
    return [
        {"dataset": measure, "measure": measure, "province_code": "83", "reference_date": date(year, 1, 1)}
        | {"baht_month": Decimal(f"{baht * factor:.2f}")}
        for measure, baht in (("income", 36_000), ("expenditure", 27_000))
        for year in (2021, 2023)
    ]


def system(factor: int) -> Rows:
    row = {"dataset": "egat", "area": "TH", "sector": "all", "series": "generation", "period": "instant", "unit": "MW"}
    load = [
        row | {"start": NIGHT + timedelta(hours=hour), "value": Decimal(20_000 + hour) * factor} for hour in range(9)
    ]
    warm = row | {"series": "temperature", "unit": "°C", "value": Decimal(29)}
    return [each | {"local_date": DAY} for each in [*load, *(warm | {"start": each["start"]} for each in load)]]


def people(newest: float = 1, total: float = 1) -> Rows:
    return [
        {"dataset": "dopa", "area_code": "83", "area": "ภูเก็ต", "area_level": "province", "sex": sex, "age_band": "all"}
        | {"persons": int(persons * (newest if year == 2025 else 1) * (total if sex == "total" else 1))}
        | {"is_total": False, "reference_date": date(year, 1, 1)}
        for year in (2023, 2024, 2025)
        for sex, persons in (("male", 200_000), ("female", 210_000), ("total", 410_000))
    ]


def visits(*factors: float) -> Rows:
    """A series for each factor that its newest year is of the ones before."""
    row = {"dataset": "d", "category": "all", "origin": "all", "unit": "คน", "status": "published", "is_total": False}
    return [
        row
        | {"item": f"i{at}", "value": Decimal(int(1e6 * (factor if year == 2025 else 1)))}
        | {"reference_date": date(year, 1, 1)}
        for at, factor in enumerate(factors)
        for year in (2023, 2024, 2025)
    ]


SLIPS: list[tuple[str, Table, Rows, str]] = [
    ("filling x10", WATER_LEVELS, stations(550.0, 420.0, 610.0), "plausible:storage_pct"),
    ("baht a year", HOUSEHOLD_INCOME, incomes(12), "plausible:baht_month"),
    ("kW for MW, of which half of the rows are", POWER_SYSTEM, system(1000), "plausible:value:MW"),
    ("ozone in another unit", AIR_QUALITY, hours(o3_ppb=400.0), "plausible:o3_ppb"),
    ("PM2.5 and PM10 swapped", AIR_QUALITY, hours(pm25_ug_m3=60.0, pm10_ug_m3=30.0), "pm25-above-pm10"),
    ("the newest year halved", POPULATION, people(newest=0.5), "jump:persons"),
    ("a total that contradicts its parts", POPULATION, people(total=10), "total:sex"),
    ("every series tenfold", VISITORS, visits(10, 10, 10), "jump:value"),
    ("every series a thousandth", VISITORS, visits(0.001, 0.001, 0.001), "jump:value"),
]


@pytest.mark.parametrize(("what", "table", "rows", "check"), SLIPS, ids=[slip[0] for slip in SLIPS])
def test_a_slip_of_a_table_withholds_it(what: str, table: Table, rows: Rows, check: str) -> None:
    told = judged(table, rows)[check]
    assert told.verdict == "withhold", told
    assert set(gate.withheld(gate.to_frame([told], DAY))) == {table.name}


def test_totals_of_one_data_set_do_not_withhold_the_others() -> None:
    row = {"smart": "economy", "category": "all", "unit": "แห่ง", "months": 12, "status": "published"}
    own = row | {"area_level": "province", "area": "ภูเก็ต"}
    rows = [
        own | {"dataset": f"d{at}", "item": f"i{at}", "value": Decimal(100 + year), "is_total": False}
        | {"reference_date": date(year, 1, 1)}
        for at in range(3)
        for year in range(2020, 2026)
    ]  # fmt: skip
    for year in range(2020, 2026):
        waste = {"dataset": "w", "item": "w", "reference_date": date(year, 1, 1)}
        rows.append(own | waste | {"value": Decimal(600), "is_total": True})
        rows.append(rows[-1] | {"area_level": "amphoe", "area": "ถลาง", "value": Decimal(900)})
        rows += [
            row | waste | {"area_level": "amphoe", "area": area, "value": Decimal(900), "is_total": False}
            for area in ("เชิงทะเล", "กะทู้")
        ]
    told = judged(CITY_STATISTICS, rows)["total:area"]
    assert (told.verdict, told.misleading, told.checked) == ("warn", 6, 24)


GOOD = [(WATER_LEVELS, stations(55.0, 42.0, 61.0)), (HOUSEHOLD_INCOME, incomes(1)), (POWER_SYSTEM, system(1))]
GOOD += [(AIR_QUALITY, hours(3)), (POPULATION, people()), (VISITORS, visits(1, 1.1, 0.9))]


@pytest.mark.parametrize(("table", "rows"), GOOD, ids=lambda value: getattr(value, "name", ""))
def test_good_tables_of_the_same_kind_are_not_withheld(table: Table, rows: Rows) -> None:
    assert {check for check, told in judged(table, rows).items() if told.misleading} == set()


@pytest.mark.parametrize(
    ("table", "rows", "check", "severity"),
    [
        (AIR_QUALITY, [hours()[0] | {"pm25_ug_m3": 999.0}, *hours()[1:]], "plausible:pm25_ug_m3", "warn"),
        (WATER_LEVELS, stations(550.0, 42.0, 61.0), "plausible:storage_pct", "withhold"),
        (VISITORS, visits(10, 4, 1, 1, 1), "jump:value", "withhold"),
        (VISITORS, visits(4, 1, 1, 1, 1), "jump:value", "warn"),
    ],
)
def test_a_single_row_lets_the_table_go_and_tells_what_it_does_to_indicators(
    table: Table, rows: Rows, check: str, severity: str
) -> None:
    told = judged(table, rows)[check]
    assert told.verdict == "warn"
    first, *others = gate.results([told], "phuket", DAY)["severity"].to_list()
    assert first == severity
    assert set(others) <= {"warn"}


def test_a_slipped_day_among_good_ones_is_named() -> None:
    told = judged(AIR_QUALITY, hours(3)[24:] + hours(o3_ppb=400.0))["plausible:o3_ppb"]
    assert (told.verdict, told.misleading, told.days) == ("warn", 24, (DAY,))
    doubts = gate.results([told], "phuket", DAY).filter(severity="withhold")
    assert json.loads(doubts["key"][-1]) == {"local_date": str(DAY)}


def test_a_mean_of_its_parts_is_no_total_that_contradicts_them() -> None:
    row = visits(1)[0] | {"item": "spent by a visitor"}
    rows = [row | {"origin": origin, "value": Decimal(n)} for origin, n in (("thai", 4), ("foreign", 7), ("total", 6))]
    assert judged(VISITORS, rows)["total:origin"].misleading == 0


def test_a_tenfold_day_misleads_and_a_missing_one_does_not() -> None:
    past = pl.concat(
        [stored(AIR_QUALITY, hours()).with_columns(local_date=DAY - timedelta(days=at)) for at in range(1, 5)]
    )
    tenfold = stored(AIR_QUALITY, hours(pm25_ug_m3=300.0, pm10_ug_m3=400.0))
    told = {verdict.check: verdict for verdict in against_past(AIR_QUALITY, tenfold, past)}
    assert (told["usual:pm25_ug_m3"].misleading, told["usual:pm10_ug_m3"].misleading) == (1, 0)
    [thin] = [each for each in against_past(AIR_QUALITY, tenfold.head(1), past) if each.check == "usual-rows"]
    assert (thin.verdict, thin.misleading) == ("warn", 0)


def test_more_misleading_rows_than_can_be_named_withhold_the_table() -> None:
    def told(misleading: int, *days: date) -> Verdict:
        sample = [{"station_id": str(at)} for at in range(min(misleading, SAMPLE))]
        return weighed(Verdict("rainfall", "c", "warn", 1000, misleading, "", sample, misleading=misleading, days=days))

    assert (told(SAMPLE).verdict, told(SAMPLE + 1).verdict) == ("warn", "withhold")
    named = told(SAMPLE + 1, DAY)
    assert named.verdict == "warn", "their day is named"
    assert json.loads(gate.results([named], "phuket", DAY)["key"][-1]) == {"local_date": "2026-11-20"}


def test_what_is_withheld_can_be_reviewed_row_by_row_or_whole() -> None:
    told = judged(WATER_LEVELS, stations(550.0, 420.0, 610.0))["plausible:storage_pct"]
    facts: dict[str, Any] = {"table": "water_levels", "check": told.check, "what": "Over 200 %", "who": "Water office"}
    facts |= {"why": "Raised", "until": DAY}

    def left(*keys: dict[str, str]) -> tuple[str, list[str]]:
        reviews = [Review(**facts, key=key) for key in keys]
        [verdict, _] = accept("water_levels", [told], reviews, DAY)
        return verdict.verdict, gate.results([verdict], "phuket", DAY)["severity"].to_list()

    assert left({}) == ("note", ["note"] * 3)
    assert left({"station_id": "0"}) == ("warn", ["withhold"] * 2), "two rows are told by name"
    assert left(*({"station_id": f"{at}"} for at in range(3))) == ("note", ["note"] * 3)


@pytest.mark.parametrize(
    ("table", "made"),
    [
        (TICKETS, {CITIZEN_REPORTS.name}),
        (METER_INTERVALS, {LOAD_PROFILE.name, DAILY_ENERGY.name}),
        (WEATHER, set()),
    ],
)
def test_what_is_made_of_a_withheld_table_is_withheld_and_quotes_no_customer(table: Table, made: set[str]) -> None:
    secret = Verdict(table.name, "missing-share", "withhold", 5, 5, "meter 4711 used 3.25")
    found = gate.withheld(gate.to_frame([secret], DAY))
    assert made <= found.keys()
    assert all("withheld" in found[name] for name in made)
    assert table is not METER_INTERVALS or not any("4711" in reason for reason in found.values())


def test_nothing_withheld_withholds_nothing() -> None:
    check: Callable[..., Verdict] = Verdict
    told = [check("weather", "c", grade, 1, 1, "") for grade in ("pass", "note", "warn")]
    assert gate.withheld(gate.to_frame(told, DAY)) == {}
