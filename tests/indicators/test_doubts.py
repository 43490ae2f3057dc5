"""What checks found of rows, in the indicators that are made of them."""

import json
from datetime import date
from typing import Any

import polars as pl
import pytest

from assets.indicators.crosswalk import UNDECLARED
from assets.indicators.doubts import Findings, lowered
from quality.tables import INDICATORS, VALIDATION_RESULTS

DAY = date(2026, 11, 23)


def indicator(code: str, sources: str, value: float | None = 5.0, first: date = date(2025, 1, 1)) -> dict[str, Any]:
    return {
        "smart": "environment", "indicator": code, "title": code, "value": value, "unit": "t", "period_start": first,
        "period_end": first.replace(month=12, day=31), "method": "m", "sources": sources, "coverage": None,
        "verdict": "ok" if value else "withheld", "reason": None if value else "none", "reference_date": DAY,
        **UNDECLARED,
    }  # fmt: skip


ROWS = pl.DataFrame(
    [
        indicator("p.th/20_06:ขยะ:ตัน", "city_statistics, p.th/20_06"),
        indicator("p.th/20_06:ถังขยะ:ใบ", "city_statistics, p.th/20_06"),
        indicator("p.th/20_06:ขยะเก่า:ตัน", "city_statistics, p.th/20_06", first=date(2020, 1, 1)),
        indicator("waste_kg_per_head_year", "city_statistics, p.th/20_06; population"),
        indicator("hotels", "city_statistics, p.th/10_11"),
        indicator("pm25", "air_quality, 1 station(s)", None),
    ],
    schema=INDICATORS.schema,
)


def found(suite: str, rule: str, key: dict[str, Any], severity: str = "warn", **value: Any) -> pl.DataFrame:
    row = {
        "suite": suite, "rule": rule, "day": DAY, "key": json.dumps(key, ensure_ascii=False),
        "value": json.dumps(value), "bound": "less", "severity": severity, "since": DAY,
    }  # fmt: skip
    return pl.DataFrame([row], schema=VALIDATION_RESULTS.schema)


def judged(results: pl.DataFrame, rows: pl.DataFrame = ROWS, **told: Any) -> pl.DataFrame:
    return lowered(rows, Findings(results, **told))


def verdicts(results: pl.DataFrame) -> list[str]:
    return judged(results)["verdict"].to_list()


WASTE = {"dataset": "p.th/20_06", "item": "ขยะ", "reference_date": "2025-01-01"}


@pytest.mark.parametrize(
    ("key", "want"),
    [
        (WASTE, ["partial", "ok", "ok", "partial", "ok", "withheld"]),
        (WASTE | {"item": None}, ["partial", "partial", "ok", "partial", "ok", "withheld"]),
        (WASTE | {"reference_date": "2020-01-01", "item": "ขยะเก่า"}, ["ok", "ok", "partial", "ok", "ok", "withheld"]),
        ({"dataset": "x", "dataset_other": "p.th/10_11"}, ["ok", "ok", "ok", "ok", "partial", "withheld"]),
        ({"area": "กะทู้"}, ["partial"] * 5 + ["withheld"]),
    ],
)
def test_what_rests_on_the_row_is_no_better_than_its_verdict(key: dict[str, Any], want: list[str]) -> None:
    results = found("city_statistics", "jump:value", key, ratio=4.0)
    assert verdicts(results) == want
    told = judged(results).filter(verdict="partial")
    assert told["value"].null_count() == 0 and told["reason"].str.contains("check jump:value: less").all()


def test_what_rests_on_rows_that_mislead_is_not_shown() -> None:
    table = judged(found("city_statistics", "jump:value", WASTE, "withhold", ratio=1000))
    assert table.filter(verdict="withheld")["indicator"].to_list() == [
        "p.th/20_06:ขยะ:ตัน",
        "waste_kg_per_head_year",
        "pm25",
    ]
    assert table.filter(verdict="withheld")["value"].null_count() == 3


def test_a_day_of_a_table_is_doubted_whole() -> None:
    rows = ROWS.with_columns(sources=pl.lit("air_quality, 1 station(s)"), value=1.0, verdict=pl.lit("ok"))
    told = judged(found("air_quality", "plausible:o3_ppb", {"local_date": "2025-06-01"}, "withhold"), rows)
    assert told["value"].is_null().to_list() == [day >= date(2025, 1, 1) for day in ROWS["period_start"]]


def test_what_rests_on_a_withheld_table_is_not_shown_and_says_why() -> None:
    table = judged(VALIDATION_RESULTS.empty(), withheld={"population": "total:sex: 4 of 4 rows", "air": "x"})
    [gone] = table.filter(verdict="withheld", indicator="waste_kg_per_head_year").to_dicts()
    assert (gone["value"], gone["reason"]) == (None, "population is withheld: total:sex: 4 of 4 rows")
    assert table.filter(pl.col("indicator") != "waste_kg_per_head_year").equals(
        ROWS.filter(pl.col("indicator") != "waste_kg_per_head_year")
    )


def test_that_a_row_has_no_value_says_nothing_of_others() -> None:
    """What is still computed lowers no figure that is; without a value an indicator has none itself."""
    rows = ROWS.with_columns(sources=pl.lit("visitors, p.th/v"))
    told = found("visitors", "value-told", {"dataset": "p.th/v", "item": "ขยะ", "reference_date": "2025-01-01"})
    assert judged(told, rows).equals(rows)


def test_nothing_found_changes_nothing() -> None:
    assert judged(VALIDATION_RESULTS.empty()).equals(ROWS)
    reviewed = found("city_statistics", "jump:value", WASTE, "note", ratio=1000)
    assert verdicts(reviewed) == ROWS["verdict"].to_list(), "somebody has signed for it"
    assert verdicts(found("air", "x", {})) == ROWS["verdict"].to_list()
    delivery = found("city_statistics", "source-changed", {"source": "waste"})
    assert verdicts(delivery) == ROWS["verdict"].to_list(), "what it is about is no row"


@pytest.mark.parametrize(
    ("code", "lost", "came", "want"),
    [
        ("place-swapped", 5, 95, "partial"),
        ("place-swapped", 1, 99, "ok"),
        ("value-null", 50, 50, "ok"),  # of the whole country: nobody knows whose they are
    ],
)
def test_a_count_that_lacks_refused_rows_says_so(code: str, lost: int, came: int, want: str) -> None:
    refused = pl.DataFrame({"table": ["air_quality"] * lost, "code": [code] * lost})
    rows = ROWS.with_columns(verdict=pl.lit("ok"), value=pl.lit(5.0))
    brought = pl.DataFrame({"table": ["air_quality"], "rows": [came]})
    table = judged(VALIDATION_RESULTS.empty(), rows, refused=refused, came=brought)
    assert table["verdict"].to_list() == ["ok"] * 5 + [want]
    assert want == "ok" or f"{lost} of {lost + came} rows" in table["reason"][-1]


ENERGY = pl.DataFrame([indicator("published_kwh_day", "load_profile (PEA meter exports)")], schema=INDICATORS.schema)


@pytest.mark.parametrize(
    ("table", "check", "failed", "want"),
    [
        ("meter_final", "replaced", 5, "partial"),
        ("meter_final", "replaced", 1, "partial"),  # it warns where they are many
        ("meter_final", "spike", 50, "ok"),  # suspect values are in no energy
        ("meter_intervals", "contradictions", 5, "partial"),
        ("meter_intervals", "contradictions", 4, "ok"),  # in a big city some files differ every night
        ("meter_intervals", "zero-share", 30, "partial"),
        ("feeder_balance", "feeder-balance", 34, "partial"),
        ("load_profile", "actual-share", 20, "partial"),
        ("meter_intervals", "completeness", 50, "ok"),  # what is not there is in the coverage
        ("meter_intervals", "missing-share", 50, "ok"),
        ("meter_intervals", "meter-unregistered", 50, "ok"),
        ("meter_intervals", "grid", 50, "ok"),  # refused
        ("meter_intervals", "deliveries_file-html", 50, "ok"),
        ("meter_intervals", "source-changed", 100, "ok"),  # of a delivery
        ("load_profile", "customer-unknown", 50, "ok"),  # says what may be published
        ("load_profile", "withheld-cell", 50, "ok"),
        ("register_watch", "register-changed", 4, "ok"),
        ("register_watch", "register-changed", 50, "partial"),  # what the coverage is counted by
        ("register_checks", "register_step", 50, "ok"),  # of the meters whose registers were read
        ("weather", "frozen:temperature_c", 50, "ok"),
    ],
)
def test_what_many_meter_values_have_lowers_their_energy(table: str, check: str, failed: int, want: str) -> None:
    row = {"table": table, "check": check, "verdict": "warn", "checked": 100, "failed": failed}
    found = judged(VALIDATION_RESULTS.empty(), ENERGY, verdicts=pl.DataFrame([row] * 2)).to_dicts()[0]
    assert (found["verdict"], found["value"]) == (want, 5.0)
    assert want == "ok" or found["reason"].count(f"{table}, check {check}: ") == 1
    noted = pl.DataFrame([row | {"verdict": "note"}, row | {"verdict": "pass"}])
    assert judged(VALIDATION_RESULTS.empty(), ENERGY, verdicts=noted).equals(ENERGY)


def test_a_number_is_no_better_than_what_it_is_divided_by() -> None:
    row = indicator("road_deaths_per_100k", "road_casualties, p.th/10_48; population")
    rows = pl.DataFrame([row], schema=INDICATORS.schema)

    def verdict(day: str) -> str:
        doubt = found("population", "restated:persons", {"dataset": "stat_t", "reference_date": day}, "withhold")
        return str(judged(doubt, rows).item(0, "verdict"))

    assert (verdict("2026-12-31"), verdict("2010-12-31")) == ("withheld", "ok")


@pytest.mark.parametrize(
    ("table", "event", "last", "want"),
    [
        ("ev_chargers", "silent", "2026-10-01", "stale"),
        ("ev_chargers", "silent", "2026-11-10", "ok"),
        ("ev_chargers", "size", "2026-10-01", "ok"),
        # A figure of a year is what it is, whether its portal answers or not.
        ("city_statistics", "silent", "2026-10-01", "ok"),
    ],
)
def test_a_list_of_which_no_answer_came_for_a_month_is_stale(table: str, event: str, last: str, want: str) -> None:
    results = found(table, "source-changed", {"source": "chargers", "event": event}, last_good=last)
    row = judged(results, pl.DataFrame([indicator("ev_sites", table)], schema=INDICATORS.schema)).to_dicts()[0]
    assert row["verdict"] == want
    assert row["reason"] == (f"{table}: chargers has not answered since {last}" if want == "stale" else None)
