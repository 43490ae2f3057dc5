"""Sums of which a part is lacking: never ok, and none where the part is no small one."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from assets.cities.registry import load_registry
from assets.indicators import economy, people, statistics
from assets.indicators.doubts import Findings, lowered
from assets.indicators.indicator import collect
from assets.indicators.tables import Tables
from assets.sources.ckan_population import CKAN_POPULATION
from assets.sources.ckan_statistics import CKAN_STATISTICS
from assets.sources.ckan_visitors import CKAN_VISITORS
from assets.sources.source import Context
from quality import gate
from quality.tables import TABLES

DAY = date(2026, 11, 23)
PHUKET = load_registry()["phuket"]
OF = {"visitors": (CKAN_VISITORS, economy), "population": (CKAN_POPULATION, people)}
OF |= {"city_statistics": (CKAN_STATISTICS, statistics)}


def told(name: str, text: str, **options: Any) -> dict[str, dict[str, Any]]:
    """The indicators of a night that brings this file, by what comes last in their codes."""
    source, module = OF[name]
    context = Context(PHUKET, DAY, "resource/r@2026-07-25", {"portal": "phuket_gdcatalog", "package": "p"} | options)
    lineage = {"_receipt": pl.lit("r"), "_delivered": pl.lit(DAY)}
    table = TABLES[name]
    frame = table.conform(source.read(text.encode(), context).tables[name].with_columns(**lineage)).rows
    results = gate.results(gate.judge(table, frame, None, DAY, frame), "phuket", DAY)
    rows = collect(module.indicators(PHUKET, DAY, Tables({name: frame})), DAY)
    return {
        row["indicator"].partition(":")[2] or row["indicator"]: row
        for row in lowered(rows, Findings(results)).iter_rows(named=True)
    }


def verdict(row: dict[str, Any]) -> tuple[Any, str]:
    return row["value"], row["verdict"]


def visitors(*years: tuple[int, dict[str, int]]) -> dict[str, dict[str, Any]]:
    lines = [f"{year},พัก,{origin},แขก,{count},คน" for year, counts in years for origin, count in counts.items()]
    return told("visitors", "\n".join(["ปี,ประเภท,สัญชาติ,รายการ,จำนวน,หน่วย", *lines]))


BOTH = {"ชาวไทย": 4_000, "ชาวต่างชาติ": 6_000}


@pytest.mark.parametrize("years", [((2567, BOTH),), ((2566, BOTH), (2567, {"ชาวไทย": 4_100}))])
def test_an_origin_that_is_told_no_more_leaves_no_sum(years: Any) -> None:
    row = visitors(*years, (2568, {"ชาวไทย": 4_200}))["แขก:พัก"]
    assert verdict(row) == (None, "withheld") and "foreign" in row["reason"]


def test_the_publishers_total_stands_where_an_origin_is_lacking() -> None:
    row = visitors((2567, BOTH), (2568, {"ชาวไทย": 4_200, "รวม": 10_500}))["แขก:พัก"]
    assert (*verdict(row), row["method"]) == (10_500, "partial", "the publisher's own total")


def test_years_of_which_the_total_alone_is_told_are_told() -> None:
    assert verdict(visitors((2567, {"รวม": 9_000}), (2568, {"รวม": 9_500}))["แขก:พัก"]) == (9_500, "ok")
    newest = visitors((2567, BOTH), (2568, {"รวม": 10_500}))["แขก:พัก"]
    assert (newest["value"], newest["period_start"]) == (10_500, date(2025, 1, 1))


def test_one_origin_alone_is_called_by_its_name() -> None:
    rows = visitors((2567, {"ชาวไทย": 4_000}), (2568, {"ชาวไทย": 4_200}))
    assert {name: verdict(row) for name, row in rows.items()} == {"แขก:พัก:thai": (4_200, "ok")}


def test_an_origin_of_few_that_is_lacking_is_told_and_one_of_another_name_leaves_the_sum() -> None:
    few = visitors((2567, BOTH | {"ไม่ระบุ ": 100}), (2568, BOTH))["แขก:พัก"]
    assert verdict(few) == (10_000, "partial")
    renamed = visitors((2567, {"จีน": 5_000, "ลาว": 4_000}), (2568, {"ชาวจีน": 5_100, "ลาว": 4_000}))["แขก:พัก"]
    assert verdict(renamed) == (9_100, "partial")


def persons(*rows: tuple[int, str, str, int], header: str = "เพศ") -> dict[str, dict[str, Any]]:
    lines = [f"{year},ภูเก็ต,{area},{kind},{count}" for year, area, kind, count in rows]
    return told("population", "\n".join([f"ปี,จังหวัด,อำเภอ,{header},จำนวน", *lines]))


SEXES = [(area, sex, count) for area in ("เมือง", "กะทู้") for sex, count in (("ชาย", 48_000), ("หญิง", 52_000))]


def test_an_amphoe_that_is_lacking_is_told_where_the_sum_is() -> None:
    years = [(2567, *each) for each in SEXES] + [(2568, *each) for each in SEXES if each[0] == "เมือง"]
    row = persons(*years)["registered_population"]
    assert row["verdict"] == "partial" and "lacking-members" in row["reason"]


def test_an_amphoe_of_which_one_sex_is_told_counts_by_its_total_alone() -> None:
    some = [(2568, *each) for each in SEXES if each[:2] != ("กะทู้", "หญิง")]
    rows = persons(*some)
    assert {verdict(rows[name]) for name in ("registered_population", "female_share")} == {(None, "withheld")}
    assert "1 of 2 area(s)" in rows["registered_population"]["reason"]
    rows = persons(*some, (2568, "กะทู้", "รวม", 100_000))
    assert verdict(rows["registered_population"]) == (200_000, "ok")
    assert verdict(rows["female_share"]) == (None, "withheld")


def test_an_age_that_one_amphoe_does_not_tell_leaves_no_sum_unless_hardly_anybody_is_so_old() -> None:
    def of_ages(last: int) -> tuple[Any, str]:
        ages = [
            (area, age, count) for area in ("เมือง", "กะทู้") for age, count in (("0-59 ปี", 70_000), ("60 ปีขึ้นไป", last))
        ]
        found = persons(*[(2568, *each) for each in ages if each[:2] != ("กะทู้", "60 ปีขึ้นไป")], header="ช่วงอายุ")
        return verdict(found["registered_population"])

    assert of_ages(15_000) == (None, "withheld")
    assert of_ages(40) == (140_040, "ok")


@pytest.mark.parametrize(("was", "want"), [(30_000, "partial"), (300, "ok")])
def test_a_part_without_a_number_has_not_reported_unless_it_was_small(was: int, want: str) -> None:
    parts = {"เมือง": (60_000, "61000"), "กะทู้": (20_000, "21000"), "ถลาง": (was, "-"), "รวม": (80_000 + was, "82000")}
    lines = [f"256{7 + at},ภูเก็ต,{area},ขยะ,{parts[area][at]},ตัน" for at in (0, 1) for area in parts]
    text = "\n".join(["ปี,จังหวัด,อำเภอ,รายการ,จำนวน,หน่วย", *lines])
    row = told("city_statistics", text, smart="environment")["ขยะ:ตัน"]
    assert verdict(row) == (82_000, want)
