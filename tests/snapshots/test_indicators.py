"""Indicators: right numbers, and never a number where the coverage does not carry it."""

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.economy.indicators import indicators as economy
from assets.energy.indicators import indicators as energy
from assets.environment.indicators import indicators as environment
from assets.mobility.indicators import indicators as mobility
from assets.people import population
from assets.people.indicators import indicators as people
from assets.snapshots.indicators import all_indicators
from assets.sources import Context
from quality.tables import INDICATORS, POPULATION

DAY = date(2026, 11, 22)


def rows(frame: pl.DataFrame) -> dict[str, dict]:
    assert frame.schema == INDICATORS.schema
    return {row["indicator"]: row for row in frame.to_dicts()}


def verdict(row: dict) -> tuple:
    return row["value"], row["verdict"]


# Energy


def test_energy_of_a_whole_day(made_up) -> None:
    cells = made_up.load_profile()
    found = rows(energy(made_up.city(), DAY, {"load_profile": cells}))
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
    ("quarters", "share", "want"),
    [(96, 1.0, "ok"), (96, 0.9, "partial"), (96, 0.7, "withheld"), (90, 1.0, "partial"), (40, 1.0, "withheld")],
)
def test_energy_is_as_good_as_its_coverage(made_up, quarters: int, share: float, want: str) -> None:
    found = rows(energy(made_up.city(), DAY, {"load_profile": made_up.load_profile(quarters=quarters, share=share)}))
    for code in ("published_kwh_day", "peak_kw", "load_factor"):
        assert found[code]["verdict"] == want
        assert (found[code]["value"] is None) == (want == "withheld")
        assert bool(found[code]["reason"]) == (want != "ok")
    assert found["delivered_share"]["value"] == pytest.approx(100 * quarters / 96 * share), "the share itself is told"


def test_energy_of_a_day_long_past_is_stale_and_of_the_future_unseen(made_up) -> None:
    tables = {"load_profile": made_up.load_profile()}
    assert rows(energy(made_up.city(), DAY + timedelta(2), tables))["peak_kw"]["verdict"] == "ok"
    stale = rows(energy(made_up.city(), DAY + timedelta(3), tables))["peak_kw"]
    assert stale["verdict"] == "stale"
    assert "2026-11-22" in stale["reason"]
    assert rows(energy(made_up.city(), DAY - timedelta(1), tables))["load_profile"]["verdict"] == "withheld"


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
    hours = {start: [v for _, at, v in values if at == start] for _, start, _ in values}
    assert found["pm25_hours_above"]["value"] == sum(sum(of) / len(of) > 37.5 for of in hours.values())
    assert found["pm25_mean_day"]["verdict"] == "ok"


@pytest.mark.parametrize(("hours", "carries"), [(18, True), (17, False), (0, False)])
def test_pm25_needs_three_quarters_of_the_hours(made_up, hours: int, carries: bool) -> None:
    table = made_up.air_quality().with_columns(
        pm25_ug_m3=pl.when(pl.col("start").rank("dense").over("station_id") <= hours).then("pm25_ug_m3")
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
    empty = {"weather": made_up.weather().clear(), "air_quality": made_up.air_quality().clear()}
    assert {row["reason"] for row in rows(environment(made_up.city(), DAY, empty)).values()} == {"no data delivered"}


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


@pytest.mark.real
def test_the_population_a_province_really_publishes(made_up, real_data: Path) -> None:
    file = json.loads((real_data / "open_data/phuket_gdcatalog/population.json").read_text())
    text = io.StringIO()
    csv.writer(text).writerows([file["header"], *file["rows"]])
    context = Context(made_up.city(), DAY, name="population@2026-04-17", options={"package": "phuket001"})
    read = population.read(text.getvalue().encode(), context).tables["population"]
    lineage = {"_receipt": pl.lit("0"), "_delivered": pl.lit(DAY)}
    table, bad = POPULATION.conform(read.with_columns(**lineage))
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


@settings(deadline=None, max_examples=25)
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
    best = max((kept.drop_nulls("pm25_ug_m3")["station_id"].value_counts()["count"]), default=0)
    if kept.height:
        assert (row["pm25_mean_day"]["value"] is not None) == (best >= 18)
