"""Indicators: right numbers, and never a number where the coverage does not carry it."""

import csv
import io
import json
import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, strategies as st

from assets.cities.registry import SourceEntry
from assets.indicators import (
    air,
    economy as of_economy,
    energy as of_energy,
    mobility as of_mobility,
    people as of_people,
)
from assets.indicators.all import all_indicators
from assets.indicators.indicator import collect
from assets.indicators.metered import METERED
from assets.indicators.tables import Tables
from assets.sources.ckan_population import CKAN_POPULATION
from assets.sources.source import Context
from quality.tables import (
    CITY_STATISTICS,
    EV_CHARGERS,
    INDICATORS,
    POPULATION,
    POWER_SYSTEM,
    ROAD_ACCIDENTS,
    ROAD_CASUALTIES,
    ROAD_EVENTS,
    TRANSIT_SERVICE,
)

DAY = date(2026, 11, 22)


def collected(module):
    return lambda city, day, tables: collect(module.indicators(city, day, Tables(tables)), day)


environment, economy, energy = collected(air), collected(of_economy), collected(of_energy)
mobility, people = collected(of_mobility), collected(of_people)


def rows(frame: pl.DataFrame) -> dict[str, dict]:
    assert frame.schema == INDICATORS.schema
    return {row["indicator"]: row for row in frame.to_dicts()}


def verdict(row: dict) -> tuple:
    return row["value"], row["verdict"]


# Energy


def of_meters(read: float = 1.0, registered: int = 900) -> pl.DataFrame:
    return pl.DataFrame({"local_date": [DAY], "registered": [registered], "read": [read]})


def test_energy_of_a_whole_day(made_up) -> None:
    cells = made_up.load_profile()
    found = rows(energy(made_up.city(), DAY, {"load_profile": cells, METERED: of_meters()}))
    by_quarter: dict = {}
    for row in cells.to_dicts():
        by_quarter[row["start"]] = by_quarter.get(row["start"], 0) + int(row["kwh"])
    total, peak = sum(by_quarter.values()), 4 * max(by_quarter.values())
    assert verdict(found["published_kwh_day"]) == (total, "ok")
    assert verdict(found["peak_kw"]) == (peak, "ok")
    assert verdict(found["load_factor"]) == (round(total / 24 / peak, 6), "ok")
    assert verdict(found["delivered_share"]) == (100, "ok")
    assert found["peak_kw"]["period_start"] == DAY


@pytest.mark.parametrize(
    ("read", "want"), [(1.0, "ok"), (0.95, "ok"), (0.9, "partial"), (0.75, "partial"), (0.7, "withheld")]
)
def test_energy_is_as_good_as_what_was_read_of_the_register(made_up, read: float, want: str) -> None:
    """Cells that are whole themselves say nothing of meters that are in none."""
    found = rows(energy(made_up.city(), DAY, {"load_profile": made_up.load_profile(), METERED: of_meters(read)}))
    for code in ("published_kwh_day", "peak_kw", "load_factor"):
        assert found[code]["verdict"] == want
        assert (found[code]["value"] is None) == (want == "withheld")
        assert bool(found[code]["reason"]) == (want != "ok")
        assert found[code]["coverage"] == read
    assert found["delivered_share"]["value"] == pytest.approx(100 * read), "the share itself is told"


def test_nothing_of_half_a_register_is_whole(made_up) -> None:
    """The share of it that was read is 100 %, while half of the energy is of meters that it does not list."""
    half = of_meters(registered=450).with_columns(unlisted=0.5)
    found = rows(energy(made_up.city(), DAY, {"load_profile": made_up.load_profile(), METERED: half}))
    for code in ("published_kwh_day", "peak_kw", "load_factor", "delivered_share"):
        assert found[code]["verdict"] == "partial" and "does not list" in found[code]["reason"], code


@pytest.mark.parametrize(
    ("quarters", "share", "want"), [(96, 1.0, "partial"), (96, 0.7, "withheld"), (40, 1.0, "withheld")]
)
def test_energy_without_a_register_is_never_whole(made_up, quarters: int, share: float, want: str) -> None:
    found = rows(energy(made_up.city(), DAY, {"load_profile": made_up.load_profile(quarters=quarters, share=share)}))
    assert (found["peak_kw"]["verdict"], found["delivered_share"]["verdict"]) == (want, "withheld")
    assert "no register tells" in found["peak_kw"]["reason"]


def test_energy_of_a_day_long_past_is_stale_and_of_the_future_unseen(made_up) -> None:
    tables = {"load_profile": made_up.load_profile(), METERED: of_meters()}
    assert rows(energy(made_up.city(), DAY + timedelta(2), tables))["peak_kw"]["verdict"] == "ok"
    stale = rows(energy(made_up.city(), DAY + timedelta(3), tables))["peak_kw"]
    assert stale["verdict"] == "stale"
    assert "2026-11-22" in stale["reason"]
    assert rows(energy(made_up.city(), DAY - timedelta(1), tables))["load_profile"]["verdict"] == "withheld"


def registered(made_up, code: str, level: str, persons: int, houses: int | None = None) -> pl.DataFrame:
    row = {"dataset": "d", "area": "x", "sex": "total", "age_band": "all", "is_total": level == "province"}
    row |= {"area_code": code, "area_level": level, "persons": persons, "houses": houses}
    return made_up.frame(POPULATION, [row | {"reference_date": date(2025, 12, 31)}])


def test_co2_is_that_of_the_published_cells_by_the_factor_of_the_day(made_up) -> None:
    cells = made_up.load_profile()
    co2 = rows(energy(made_up.city(), DAY, {"load_profile": cells}))["co2_day"]
    assert verdict(co2) == (round(0.475 * sum(map(float, cells["kwh"])), 6), "partial")
    assert "published cells only" in co2["reason"] and "confidence B" in co2["reason"]
    assert "0.4750" in co2["method"] and "nationthailand.com" in co2["sources"]
    before = date(2025, 12, 31)
    old = rows(energy(made_up.city(), before, {"load_profile": made_up.load_profile(before)}))
    assert verdict(old["co2_day"]) == (None, "withheld")
    assert "no published grid factor of 2025-12-31" in old["co2_day"]["reason"]
    assert old["published_kwh_day"]["value"] is not None


def test_electricity_a_head_needs_the_population_of_the_citys_own_area(made_up) -> None:
    cells = made_up.load_profile()
    total = sum(map(float, cells["kwh"]))
    for tables in ({}, {"population": registered(made_up, "10", "province", 5_000_000)}):
        row = rows(energy(made_up.city(), DAY, {"load_profile": cells} | tables))["kwh_per_head_day"]
        assert verdict(row) == (None, "withheld")
        assert "own area" in row["reason"]
    own = registered(made_up, "83", "province", 1_600, houses=1_200)
    tables = {"load_profile": cells, "population": own, METERED: of_meters()}
    row = rows(energy(made_up.city(), DAY, tables))["kwh_per_head_day"]
    assert verdict(row) == (round(total / 1_600, 6), "partial")
    assert "not residents" in row["reason"]


@pytest.mark.parametrize(
    ("meters", "houses", "want"),
    [
        (900, 1_200, "partial"),
        (899, 1_200, "fewer meters"),
        (900, None, "nobody counted"),
        (None, 1_200, "no register"),
    ],
)
@pytest.mark.parametrize("band", ["15-29", "100-299", "1000+"])
def test_a_few_meters_are_not_a_citys_electricity(made_up, meters, houses, want: str, band: str) -> None:
    """Whatever the bands say: an open one has no greatest number, and what cannot be told is no yes."""
    cells = made_up.load_profile().with_columns(n_band=pl.lit(band))
    tables = {"load_profile": cells, "population": registered(made_up, "83", "province", 1_600, houses)}
    tables |= {METERED: of_meters(registered=meters)} if meters else {}
    row = rows(energy(made_up.city(), DAY, tables))["kwh_per_head_day"]
    assert want == row["verdict"] or want in row["reason"]
    assert (row["value"] is None) == (want != "partial")
    assert "899" not in row["reason"] and "900" not in row["reason"], "how many meters there are is not published"


def chargers(made_up, *changes: dict) -> pl.DataFrame:
    site = {"source": "openchargemap", "name": "x", "lat": 7.88, "lon": 98.39, "distance_km": 2.0, "points": 1}
    site |= {"connections": 1, "connectors": "Type 2", "max_kw": 22.0, "total_kw": 22.0, "operational": True}
    site |= {"verified": date(2026, 5, 1), "provider": "Open Charge Map Contributors", "reference_date": DAY}
    return made_up.frame(EV_CHARGERS, [site | {"site_id": f"{n}"} | change for n, change in enumerate(changes)])


def test_charging_sites_are_counted_and_never_complete(made_up) -> None:
    table = chargers(made_up, {}, {"total_kw": 72.0}, {"operational": None}, {"operational": False, "total_kw": 500.0})
    found = rows(energy(made_up.city("mae_moh"), DAY, {"ev_chargers": table}))
    assert verdict(found["ev_sites"]) == (3, "partial"), "what is told to be out of order is no site"
    assert verdict(found["ev_kw"]) == (22 + 72 + 22, "partial")
    assert (found["ev_sites"]["unit"], found["ev_kw"]["unit"]) == ("sites", "kW")
    assert "28 sites in all Thailand" in found["ev_sites"]["reason"]
    assert "Open Charge Map Contributors" in found["ev_sites"]["sources"]


@pytest.mark.parametrize("level", ["province", "amphoe"])
def test_sites_within_a_circle_are_divided_by_nobody(made_up, level: str) -> None:
    """The people of a province do not live in a circle of some kilometres."""
    people = registered(made_up, {"province": "83", "amphoe": "8301"}[level], level, 400_000)
    tables = {
        "ev_chargers": chargers(made_up, {}, {}),
        "facilities": made_up.around()["facilities"],
        "population": people,
    }
    with_people, without = (
        all_indicators(made_up.city(), DAY, tables | more).filter(pl.col("title").str.contains("in reach"))
        for more in ({}, {"population": people.clear()})
    )
    assert with_people.equals(without)
    assert set(with_people["unit"]) <= {"sites", "kW", "mm"}


def test_power_that_is_not_told_is_said(made_up) -> None:
    found = rows(energy(made_up.city("mae_moh"), DAY, {"ev_chargers": chargers(made_up, {}, {"total_kw": None})}))
    assert found["ev_kw"]["value"] == 22
    assert "1 of 2 sites" in found["ev_kw"]["reason"]
    silent = rows(energy(made_up.city("mae_moh"), DAY, {"ev_chargers": chargers(made_up, {"total_kw": None})}))
    assert (verdict(silent["ev_kw"]), silent["ev_sites"]["value"]) == ((None, "withheld"), 1)


def test_charging_sites_nobody_looked_at_for_a_year_are_stale(made_up) -> None:
    old = rows(
        energy(made_up.city("mae_moh"), DAY, {"ev_chargers": chargers(made_up, {"verified": date(2021, 10, 11)})})
    )
    assert old["ev_sites"]["verdict"] == "stale"
    assert "2021-10-11" in old["ev_sites"]["reason"] and "far from complete" in old["ev_sites"]["reason"]
    never = rows(energy(made_up.city("mae_moh"), DAY, {"ev_chargers": chargers(made_up, {"verified": None})}))
    assert never["ev_kw"]["verdict"] == "stale"


def test_no_listed_charging_site_is_no_zero(made_up) -> None:
    found = rows(energy(made_up.city(), DAY, {"ev_chargers": chargers(made_up, {}).clear()}))
    assert verdict(found["ev_chargers"]) == (None, "withheld")
    assert "within reach" in found["ev_chargers"]["reason"]


def test_what_a_utility_sells_is_no_indicator_of_a_city(made_up) -> None:
    sold = {"dataset": "d", "series": "sales", "area": "PEA", "sector": "all", "period": "month", "value": 4172}
    sold |= {"start": datetime(2026, 5, 31, 17, tzinfo=UTC), "local_date": date(2026, 6, 1), "unit": "GWh"}
    table = made_up.frame(POWER_SYSTEM, [sold])
    assert energy(made_up.city(), DAY, {"power_system": table}).equals(energy(made_up.city(), DAY, {}))


# Environment


def test_pm25_of_a_day(made_up) -> None:
    table = made_up.air_quality()
    found = rows(environment(made_up.city(), DAY, {"air_quality": table}))
    values = [(r["station_id"], r["start"], r["pm25_ug_m3"]) for r in table.to_dicts() if r["pm25_ug_m3"] is not None]
    means = [
        sum(of) / len(of)
        for station in ("43t", "43tb")
        if (of := [value for name, _, value in values if name == station])
    ]
    assert found["pm25_mean_day"]["value"] == pytest.approx(sum(means) / 2, abs=1e-6)
    assert found["pm25_mean_day"]["verdict"] == "partial", "nobody tells where the second station is"
    assert "43tb" in found["pm25_mean_day"]["reason"]


@pytest.mark.parametrize(("hours", "carries"), [(18, True), (17, False), (0, False)])
def test_pm25_needs_three_quarters_of_the_hours(made_up, hours: int, carries: bool) -> None:
    table = made_up.air_quality().with_columns(
        pm25_ug_m3=pl.when(pl.col("start").rank("dense").over("station_id") <= hours).then(20.0)
    )
    row = rows(environment(made_up.city(), DAY, {"air_quality": table}))["pm25_mean_day"]
    assert (row["value"] is not None) == carries
    assert row["verdict"] == ("partial" if carries else "withheld")


def test_running_means_of_the_live_feed_do_not_count(made_up) -> None:
    found = rows(environment(made_up.city(), DAY, {"air_quality": made_up.air_quality(product="running_24h")}))
    assert "pm25_mean_day" not in found
    assert found["air_quality"]["verdict"] == "withheld"


def test_weather_of_a_day(made_up) -> None:
    found = rows(environment(made_up.city(), DAY, {"weather": made_up.weather()}))
    assert verdict(found["rain_sum"]) == (9.0, "ok")
    assert found["temperature_mean"]["value"] == pytest.approx(28, abs=0.01)
    assert found["air_quality"]["reason"] == "no source configured"
    assert found["air_quality"]["title_th"] == "คุณภาพอากาศ"
    empty = {"weather": made_up.weather().clear(), "air_quality": made_up.air_quality().clear()}
    found = rows(environment(made_up.city(), DAY, empty))
    assert {found[name]["reason"] for name in empty} == {"no data delivered"}


# People


def test_population_is_counted_from_its_members(made_up) -> None:
    right = rows(people(made_up.city(), DAY, {"population": made_up.population(stated=410_184)}))
    assert verdict(right["registered_population"]) == (410_184, "ok")
    assert right["female_share"]["value"] == pytest.approx(100 * 212_889 / 410_184, abs=1e-6)
    wrong = rows(people(made_up.city(), DAY, {"population": made_up.population(stated=410_211)}))
    assert verdict(wrong["registered_population"]) == (410_184, "partial")
    assert "410,211" in wrong["registered_population"]["reason"]
    assert "410,184" in wrong["registered_population"]["reason"]


def test_population_with_a_member_missing_is_no_population(made_up) -> None:
    table = made_up.population().with_columns(
        persons=pl.when((pl.col("area") != "กะทู้") | (pl.col("sex") != "male")).then("persons")
    )
    found = rows(people(made_up.city(), DAY, {"population": table}))
    assert {verdict(row) for row in found.values()} == {(None, "withheld")}


def test_population_without_sexes_has_no_share_of_women(made_up) -> None:
    table = made_up.population().filter(pl.col("sex") == "total")
    found = rows(people(made_up.city(), DAY, {"population": table}))
    assert found["registered_population"]["value"] == 410_184
    assert verdict(found["female_share"]) == (None, "withheld")


def test_men_alone_are_no_population(made_up) -> None:
    found = rows(people(made_up.city(), DAY, {"population": made_up.population().filter(sex="male")}))
    assert {verdict(found[name]) for name in ("registered_population", "female_share")} == {(None, "withheld")}
    assert "male persons alone" in found["registered_population"]["reason"]


def test_what_is_counted_by_year_is_of_the_year_and_no_older(made_up) -> None:
    counted = made_up.population(stated=410_184)
    table = counted.with_columns(reference_date=pl.lit(date(DAY.year - 2, 1, 1)))
    row = rows(people(made_up.city(), DAY, {"population": table}))["registered_population"]
    assert (row["period_end"], row["verdict"]) == (date(DAY.year - 2, 12, 31), "ok")


def test_the_ages_of_one_amphoe_are_not_the_citys(made_up) -> None:
    whole = made_up.population().filter(sex="total", is_total=False)
    older = whole.with_columns(age_band=pl.lit("60+"), persons=pl.Series([24_709, 5_860, 20_899]))
    older = older.with_columns(dataset=pl.lit("phuket.gdcatalog.go.th/older"))
    row = rows(people(made_up.city(), DAY, {"population": pl.concat([whole, older])}))["older_share"]
    assert verdict(row) == (pytest.approx(100 * 51_468 / 410_184), "partial")
    assert "amphoe 3 areas" in row["method"]


@pytest.mark.real
def test_the_population_a_province_really_publishes(made_up, real_data: Path) -> None:
    file = json.loads((real_data / "open_data/phuket_gdcatalog/population.json").read_text())
    text = io.StringIO()
    csv.writer(text).writerows([file["header"], *file["rows"]])
    options = {"portal": "phuket_gdcatalog", "package": "phuket001"}
    context = Context(made_up.city(), DAY, name="population@2026-04-17", options=options)
    read = CKAN_POPULATION.read(text.getvalue().encode(), context).tables["population"]
    lineage = {"_receipt": pl.lit("0"), "_delivered": pl.lit(DAY)}
    batch = POPULATION.conform(read.with_columns(**lineage))
    table, bad = batch.rows, batch.found
    assert bad.is_empty()
    row = rows(people(made_up.city(), DAY, {"population": table}))["registered_population"]
    members = sum(int(cells[3]) for cells in file["rows"] if cells[1] != "รวม" and cells[2] != "รวม")
    assert verdict(row) == (members, "partial")
    assert "410,211" in row["reason"]


# Mobility


def test_stops_and_an_expired_feed(made_up) -> None:
    valid = rows(mobility(made_up.city(), DAY, {"transit_stops": made_up.transit_stops()}))
    assert verdict(valid["stops_in_reach"]) == (14, "ok")
    assert valid["feed_age"]["value"] == 21
    expired = rows(mobility(made_up.city(), DAY, {"transit_stops": made_up.transit_stops(date(2026, 11, 21))}))
    assert verdict(expired["stops_in_reach"]) == (14, "stale")
    assert "2026-11-21" in expired["stops_in_reach"]["reason"]


def service(made_up, **other) -> pl.DataFrame:
    row = {"feed": "namtang", "hour": 6, "stops": 4, "routes": 2, "reference_date": date(2026, 11, 1)}
    days = {"weekday": date(2026, 11, 24), "saturday": date(2026, 11, 28)}
    counts = (("weekday", 6, 30), ("weekday", 24, 4), ("saturday", 6, 9))
    return made_up.frame(
        TRANSIT_SERVICE,
        [
            row | {"day_type": kind, "service_date": days[kind], "hour": hour, "departures": count} | other
            for kind, hour, count in counts
        ],
    )


def test_departures_are_those_of_a_weekday(made_up) -> None:
    found = rows(mobility(made_up.city(), DAY, {"transit_service": service(made_up)}))
    assert verdict(found["departures_weekday"]) == (34, "ok")
    assert "2026-11-24" in found["departures_weekday"]["method"]
    ended = service(made_up, feed_end_date=date(2026, 11, 21))
    assert verdict(rows(mobility(made_up.city(), DAY, {"transit_service": ended}))["departures_weekday"]) == (
        34,
        "stale",
    )
    weekend = service(made_up).filter(day_type="saturday")
    none = rows(mobility(made_up.city(), DAY, {"transit_service": weekend}))["departures_weekday"]
    assert verdict(none) == (None, "withheld")


def test_each_feed_counts_by_its_newest_version_and_reach_is_that_of_the_feed(made_up) -> None:
    entry = SourceEntry(via="portal", reader="gtfs", options={"within_km": 2, "url": "https://example.org/f.zip"})
    other = SourceEntry(via="portal", reader="longdo_events", options={"within_km": 40})
    city = made_up.city().model_copy(update={"sources": {"a_roads": other, "shuttle": entry}})
    stops = made_up.transit_stops()
    old = stops.with_columns(reference_date=pl.lit(date(2026, 10, 1)))
    shuttle = old.head(4).with_columns(feed=pl.lit("shuttle"))
    found = rows(mobility(city, DAY, {"transit_stops": pl.concat([old, stops, shuttle])}))
    assert verdict(found["stops_in_reach"]) == (18, "partial")
    assert found["stops_per_km2"]["value"] == pytest.approx(18 / (math.pi * 4), abs=1e-6)
    assert found["feed_age"]["value"] == 52


def casualties(made_up, months: int = 12, stated: int | None = 124, **other) -> pl.DataFrame:
    common = {
        "dataset": "phuket.gdcatalog.go.th/dataset_10_46",
        "outcome": "death",
        "area": "ภูเก็ต",
        "status": "published",
    }
    monthly = [
        {"months": 1, "persons": 10, "is_total": False, "reference_date": date(2024, month, 1)}
        for month in range(1, months + 1)
    ]
    year = {"months": 12, "persons": stated, "is_total": True, "reference_date": date(2024, 1, 1)}
    running = {"months": 12, "persons": 3, "is_total": True, "reference_date": date(2026, 1, 1)}
    return made_up.frame(ROAD_CASUALTIES, [common | row | other for row in (*monthly, year, running)])


def test_traffic_deaths_per_inhabitant_of_the_same_area(made_up) -> None:
    tables = {"road_casualties": casualties(made_up, stated=120), "population": registered_province(made_up)}
    found = rows(mobility(made_up.city(), DAY, tables))
    assert verdict(found["road_deaths"]) == (120, "ok"), "the running year is not whole"
    assert found["road_deaths_per_100k"]["value"] == 30
    assert found["road_deaths"]["period_start"] == date(2024, 1, 1)
    alone = rows(mobility(made_up.city(), DAY, {"road_casualties": casualties(made_up, stated=120)}))
    assert verdict(alone["road_deaths"]) == (120, "ok")
    assert verdict(alone["road_deaths_per_100k"]) == (None, "withheld")


def registered_province(made_up) -> pl.DataFrame:
    row = {"dataset": "stat.bora.dopa.go.th/stat_t", "area_code": "83", "area": "ภูเก็ต", "area_level": "province"}
    row |= {"sex": "total", "age_band": "all", "persons": 400_000, "is_total": False}
    return made_up.frame(POPULATION, [row | {"reference_date": date(2025, 12, 31)}])


def test_traffic_deaths_of_a_province_are_not_divided_by_an_amphoe(made_up) -> None:
    city = made_up.city().model_copy(update={"scope": "municipality"})
    amphoe = registered_province(made_up).with_columns(
        area_code=pl.lit(city.dopa_amphoe), area_level=pl.lit("amphoe"), persons=pl.lit(10_000, pl.Int64)
    )
    tables = {"road_casualties": casualties(made_up), "population": amphoe}
    assert verdict(rows(mobility(city, DAY, tables))["road_deaths_per_100k"]) == (None, "withheld")
    tables["population"] = pl.concat([amphoe, registered_province(made_up)])
    assert rows(mobility(city, DAY, tables))["road_deaths_per_100k"]["value"] == 30


def test_a_year_whose_months_and_total_disagree_or_lack_is_said(made_up) -> None:
    differs = rows(mobility(made_up.city(), DAY, {"road_casualties": casualties(made_up)}))["road_deaths"]
    assert verdict(differs) == (120, "partial")
    assert "124" in differs["reason"]
    lacks = rows(mobility(made_up.city(), DAY, {"road_casualties": casualties(made_up, months=11)}))["road_deaths"]
    assert verdict(lacks) == (124, "partial")
    assert "11 of 12 months" in lacks["reason"]
    yearly = casualties(made_up).filter(pl.col("months") == 12)
    by_year = rows(mobility(made_up.city(), DAY, {"road_casualties": yearly}))["road_deaths"]
    assert verdict(by_year) == (124, "ok"), "who publishes by year owes no months"
    elsewhere = casualties(made_up, area="กระบี่")
    assert verdict(rows(mobility(made_up.city(), DAY, {"road_casualties": elsewhere}))["road_deaths"]) == (
        None,
        "withheld",
    )


def accidents(made_up, year: int = 2025, blank: int = 0, count: int = 10) -> pl.DataFrame:
    return made_up.frame(
        ROAD_ACCIDENTS,
        [
            {
                "dataset": "datagov.mot.go.th/roadaccident",
                "accident_id": f"{year}{n}",
                "local_date": date(year, 1 + n, 1),
                "lat": 7.9,
                "lon": 98.4,
                "deaths": None if n < blank else 1,
                "distance_km": 2.0,
            }
            for n in range(count)
        ],
    )


@pytest.mark.parametrize(("blank", "want"), [(0, (10, "ok")), (2, (8, "partial")), (3, (None, "withheld"))])
def test_accidents_on_state_roads_of_the_last_year_that_is_over(made_up, blank: int, want: tuple) -> None:
    table = pl.concat([accidents(made_up, 2024), accidents(made_up, 2025, blank), accidents(made_up, 2026)])
    found = rows(mobility(made_up.city(), DAY, {"road_accidents": table}))
    assert verdict(found["state_road_accidents"]) == (10, "ok")
    assert verdict(found["state_road_deaths"]) == want
    assert found["state_road_deaths"]["period_end"] == date(2025, 12, 31)
    assert "no municipal streets" in found["state_road_accidents"]["method"]


def test_accidents_of_the_running_year_alone_are_no_year(made_up) -> None:
    found = rows(mobility(made_up.city(), DAY, {"road_accidents": accidents(made_up, 2026)}))
    assert verdict(found["state_road_accidents"]) == (None, "withheld")
    stale = rows(mobility(made_up.city(), DAY, {"road_accidents": accidents(made_up, 2022)}))
    assert verdict(stale["state_road_accidents"]) == (10, "stale")


def test_events_of_the_day_before_and_none_is_not_zero(made_up) -> None:
    event = {
        "source": "longdo",
        "kind": "flood",
        "start": datetime(2026, 11, 21, 1, tzinfo=UTC),
        "lat": 7.9,
        "lon": 98.4,
    }
    table = made_up.frame(
        ROAD_EVENTS, [event | {"event_id": f"{n}", "local_date": date(2026, 11, 20 + n // 2)} for n in range(4)]
    )
    found = rows(mobility(made_up.city(), DAY, {"road_events": table}))["road_events_day"]
    assert verdict(found) == (2, "partial")
    assert "2 flood" in found["method"]
    assert verdict(rows(mobility(made_up.city(), DAY + timedelta(1), {"road_events": table}))["road_events_day"]) == (
        None,
        "withheld",
    )


def test_a_city_without_transit_still_tells_of_its_roads(made_up) -> None:
    tables = {
        "road_accidents": accidents(made_up),
        "road_casualties": casualties(made_up),
        "road_events": pl.DataFrame(schema=ROAD_EVENTS.schema),
    }
    found = rows(mobility(made_up.city(), DAY, tables))
    assert sum(row["value"] is not None for row in found.values()) == 3
    assert found["road_events"]["reason"] == "no data delivered"
    assert "transit_stops" not in found


# Economy


def test_visitors_of_the_newest_year_by_class(made_up) -> None:
    found = rows(economy(made_up.city(), DAY, {"visitors": made_up.visitors()}))
    tourists = found["dataset_10_34:ผู้มาเยี่ยมเยือน:นักท่องเที่ยว"]
    assert verdict(tourists) == (0.9 * 10_700_000, "ok")
    assert (tourists["period_start"], tourists["period_end"]) == (date(2024, 1, 1), date(2024, 12, 31))


def test_visitors_that_are_not_computed_are_withheld(made_up) -> None:
    found = rows(economy(made_up.city(), DAY, {"visitors": made_up.visitors(newest_pending=True)}))
    (pending,) = found.values()
    assert verdict(pending) == (None, "withheld"), "half of a sum is not a sum"
    assert pending["period_start"] == date(2025, 1, 1)


def test_a_total_that_does_not_add_up_is_told(made_up) -> None:
    table = made_up.visitors().with_columns(value=pl.col("value") + pl.col("is_total").cast(pl.Int8))
    for row in rows(economy(made_up.city(), DAY, {"visitors": table})).values():
        assert row["verdict"] == "partial"
        assert "9,630,001" in row["reason"] or "1,070,001" in row["reason"]


def test_visitors_of_the_running_year_are_those_of_its_first_months(made_up) -> None:
    found = rows(economy(made_up.city(), date(2024, 11, 23), {"visitors": made_up.visitors()}))
    tourists = found["dataset_10_34:ผู้มาเยี่ยมเยือน:นักท่องเที่ยว"]
    assert verdict(tourists) == (0.9 * 10_700_000, "partial") and tourists["reason"] == "the period is not over"


def test_averages_are_never_summed(made_up) -> None:
    table = made_up.visitors().with_columns(unit=pl.lit("บาท"))
    found = rows(economy(made_up.city(), DAY, {"visitors": table}))
    assert len(found) == 4, "one a class and origin, no totals"
    assert found["dataset_10_34:ผู้มาเยี่ยมเยือน:นักท่องเที่ยว:thai"]["value"] == 0.9 * 2_100_000


# All


def test_every_smart_says_something_even_of_a_city_without_data(made_up) -> None:
    found = all_indicators(made_up.city(), DAY, {})
    assert set(found["smart"]) == {
        "energy", "environment", "mobility", "living", "governance", "economy", "people",
    }  # fmt: skip
    assert found["value"].null_count() == found.height
    assert set(found["verdict"]) == {"withheld"}
    assert set(found["reason"]) == {"no source configured"}


@given(
    hidden=st.lists(st.tuples(st.sampled_from(["43t", "43tb"]), st.integers(0, 23)), max_size=48), seed=st.integers()
)
def test_coverage_decides_whatever_is_missing_and_in_whatever_order(made_up, hidden: list, seed: int) -> None:
    table = made_up.air_quality()
    gone = pl.DataFrame(
        {"station_id": [name for name, _ in hidden], "hour": [hour for _, hour in hidden]},
        schema={"station_id": pl.String, "hour": pl.Int8},
    )
    local = pl.col("start").dt.convert_time_zone("Asia/Bangkok").dt.hour()
    kept = table.with_columns(hour=local).join(gone, on=["station_id", "hour"], how="anti").drop("hour")
    shuffled = kept.sample(fraction=1, shuffle=True, seed=seed % 2**32)
    row = rows(environment(made_up.city(), DAY, {"air_quality": kept}))
    assert row == rows(environment(made_up.city(), DAY, {"air_quality": shuffled}))
    told = kept.drop_nulls("pm25_ug_m3").select("station_id", "start").rows()
    due = [{hour for station, hour in told if station == name} for name in {station for station, _ in told}]
    carrying = [hours for hours in due if len(hours) >= 18]
    enough = sum(map(len, carrying)) >= 0.75 * len(due) * len(set().union(*carrying))
    if kept.height:
        assert (row["pm25_mean_day"]["value"] is not None) == (bool(carrying) and enough)


# What a smart-city office asks for


def on(made_up, day: date, **more: pl.DataFrame) -> dict[str, dict]:
    meters = of_meters().with_columns(local_date=pl.lit(day))
    return rows(energy(made_up.city(), day, {"load_profile": made_up.load_profile(day), METERED: meters} | more))


@pytest.mark.parametrize(
    ("day", "peak"),
    [
        (date(2026, 11, 20), True),
        (date(2026, 11, 21), False),
        (date(2026, 11, 22), False),
        (date(2026, 10, 13), False),
    ],
    ids=["friday", "saturday", "sunday", "a holiday on a tuesday"],
)
def test_peak_hours_are_those_of_the_tariff(made_up, day: date, peak: bool) -> None:
    """A plain model: 09:00 to 22:00 in Bangkok, of a working day."""
    cells = made_up.load_profile(day)
    used = [(row["start"] + timedelta(hours=7), float(row["kwh"])) for row in cells.to_dicts()]
    at_peak = sum(kwh for at, kwh in used if peak and 9 <= at.hour < 22)
    share = on(made_up, day)["tou_peak_share"]
    assert share["value"] == pytest.approx(100 * at_peak / sum(kwh for _, kwh in used), abs=1e-6)


def test_a_degree_day_is_of_the_same_day_or_there_is_none(made_up) -> None:
    weather = made_up.weather()
    total = sum(map(float, made_up.load_profile()["kwh"]))
    mean = sum(weather["temperature_c"]) / 24
    same = on(made_up, DAY, weather=weather)["kwh_per_degree_day"]
    assert same["value"] == pytest.approx(total / (mean - 18.3), abs=1e-5)
    cool = on(made_up, DAY, weather=weather.with_columns(temperature_c=pl.lit(18.0)))["kwh_per_degree_day"]
    assert (cool["value"], cool["reason"]) == (None, "nothing to cool"), "no energy is divided by nothing"
    for lacking in (weather.with_columns(local_date=pl.lit(DAY - timedelta(1))), weather.head(17)):
        assert on(made_up, DAY, weather=lacking)["kwh_per_degree_day"]["verdict"] == "withheld"
    assert on(made_up, DAY, weather=weather.head(18))["kwh_per_degree_day"]["value"] is not None


def deaths_of(made_up, *by_year: int) -> dict[str, dict]:
    years = range(2026 - len(by_year), 2026)
    tables = [
        casualties(made_up).with_columns(
            persons=pl.lit(persons // 12, pl.Int64),
            reference_date=pl.col("reference_date").dt.offset_by(f"{year - 2025}y"),
        )
        for year, persons in zip(years, by_year, strict=True)
    ]
    whole = pl.concat(tables).filter(pl.col("months") == 1)
    return rows(mobility(made_up.city(), DAY, {"road_casualties": whole}))


def test_deaths_are_held_against_the_years_before(made_up) -> None:
    assert deaths_of(made_up, 120, 120, 240, 120)["road_deaths_against_before"]["value"] == -25.0
    assert deaths_of(made_up, 1200, 120, 120, 240, 120)["road_deaths_against_before"]["value"] == -25.0, "older ones"
    for few in ((120, 120, 120), (120,)):
        assert verdict(deaths_of(made_up, *few)["road_deaths_against_before"]) == (None, "withheld")
    assert verdict(deaths_of(made_up, 0, 0, 0, 12)["road_deaths_against_before"]) == (None, "withheld")


@pytest.mark.parametrize(("later", "shown"), [(1, ["ปริมาณขยะเกิดขึ้น"]), (0, ["ขยะเกิดขึ้น", "ปริมาณขยะเกิดขึ้น"])])
def test_a_series_that_was_given_another_name_is_told_once(made_up, later: int, shown: list[str]) -> None:
    """What a data set has under the old name no more stands in the lake for ever; told beside, it is another one."""
    old = pl.concat(
        statistic(made_up, "ขยะเกิดขึ้น", "ตัน", 100 * year).with_columns(reference_date=pl.date(year, 1, 1))
        for year in (2023, 2024, 2025)
    )
    new = old.with_columns(item="ปริมาณ" + pl.col("item"), _delivered=pl.col("_delivered") + timedelta(days=later))
    table = {"city_statistics": pl.concat([old, new]), "population": registered(made_up, "83", "province", 1000)}
    found = all_indicators(made_up.city(), DAY, table).filter(smart="environment")
    assert found.filter(unit="ตัน")["title"].sort().to_list() == shown
    [head] = found.filter(indicator="waste_kg_per_head_year").to_dicts()
    assert verdict(head) == ((202_500.0, "ok") if later else (None, "withheld"))


def statistic(made_up, item: str, unit: str, value: int, dataset: str = "phuket.gdcatalog.go.th/w") -> pl.DataFrame:
    row = {"dataset": dataset, "smart": "environment", "item": item, "unit": unit, "value": value, "months": 12}
    row |= {"area": "ภูเก็ต", "area_level": "province", "category": "all", "is_total": False, "status": "published"}
    return made_up.frame(CITY_STATISTICS, [row | {"reference_date": date(2025, 1, 1)}])


@pytest.mark.parametrize(
    ("item", "unit", "value", "code", "want"),
    [
        ("ปริมาณขยะมูลฝอยที่เกิดขึ้น", "ตัน", 200_000, "waste_kg_per_head_year", 500.0),
        ("ขยะที่นำกลับมาใช้ประโยชน์", "ตัน", 40_000, "recycled_kg_per_head_year", 100.0),
        ("พื้นที่สีเขียว", "ไร่", 1_000, "green_m2_per_head", 4.0),
        ("พื้นที่สีเขียว", "เฮกตาร์", 160, "green_m2_per_head", 4.0),
        ("พื้นที่สีเขียว", "ตารางวา", 400_000, "green_m2_per_head", 4.0),
        ("ปริมาณขยะมูลฝอยที่เกิดขึ้น", "พันตัน", 200, "waste_kg_per_head_year", 500.0),
        ("ปริมาณขยะมูลฝอยที่เกิดขึ้น", "ตัน ต่อ วัน", 400, "waste_kg_per_head_year", 365.0),
        ("ปริมาณขยะที่เกิดขึ้นต่อวัน", "ตัน", 400, "waste_kg_per_head_year", 365.0),
        ("ปริมาณขยะมูลฝอยที่เกิดขึ้น", "กก./วัน", 400_000, "waste_kg_per_head_year", 365.0),
    ],
)
def test_statistics_per_inhabitant(made_up, item: str, unit: str, value: int, code: str, want: float) -> None:
    def found(*statistics: pl.DataFrame, people: int | None = 400_000) -> dict[str, dict]:
        tables = {"city_statistics": pl.concat(statistics)}
        tables |= {"population": registered(made_up, "83", "province", people)} if people else {}
        return rows(all_indicators(made_up.city(), DAY, tables))

    one = statistic(made_up, item, unit, value)
    assert verdict(found(one)[code]) == (want, "ok")
    assert verdict(found(one, people=None)[code]) == (None, "withheld")
    assert code not in found(statistic(made_up, item, "ร้อยละ", value)), "another unit is another thing"
    before = one.with_columns(reference_date=pl.lit(date(2024, 1, 1)), unit=pl.lit("กิโลกรัม"))
    assert verdict(found(one, before)[code]) == (want, "ok"), "the series goes on in another unit"
    twice = found(one, statistic(made_up, item, unit, value * 2, "phuket.gdcatalog.go.th/v"))[code]
    assert verdict(twice) == (None, "withheld"), "of two publications none is chosen"
    if item.endswith("เกิดขึ้น") and unit == "ตัน":
        assert verdict(found(one, statistic(made_up, item, "ตัน/วัน", 1))[code]) == (want, "ok"), "the year's sum is"
    assert code not in found(statistic(made_up, f"อัตรา{item}ต่อคน", unit, 1)), "what is a share of each already"
