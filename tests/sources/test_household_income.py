"""What households earn and spend: the statistical office's wide files and its SDMX service."""

import csv
import io
import json
from datetime import date
from decimal import Decimal
from typing import get_args

import polars as pl
import pytest

from assets.cities.registry import Smart, load_registry
from assets.indicators.all import all_indicators
from assets.indicators.economy import indicators
from assets.indicators.indicator import collect
from assets.indicators.tables import Tables
from assets.sources.household import CKAN_HOUSEHOLD_INCOME
from assets.sources.nso_sdmx import NSO_SDMX_HOUSEHOLD
from assets.sources.source import Context
from quality.tables import CITY_STATISTICS, HOUSEHOLD_INCOME
from tests.kit import code_counts, conformed

DAY = date(2026, 11, 23)
SMARTS = get_args(Smart)
CITIES = load_registry()
PHUKET = CITIES["phuket"]
BANGKOK = next(city for city in CITIES.values() if city.dopa_province == "10")
OPTIONS = {"portal": "nso", "package": "income", "measure": "income"}


def read(data, city=PHUKET, **options):
    return CKAN_HOUSEHOLD_INCOME.read(data, Context(city, DAY, "resource/r", OPTIONS | options))


def sdmx(data, city=PHUKET, **options):
    options = {"flow": "DF_INCOME", "key": "A.{province}", "measure": "income"} | options
    return NSO_SDMX_HOUSEHOLD.read(data, Context(city, DAY, "DF_INCOME/A.83", options))


def kept(result):
    frame = result.tables["household_income"].with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY))
    batch = HOUSEHOLD_INCOME.conform(frame)
    good, bad = batch.rows, batch.found
    assert not bad.height
    return good.sort("reference_date")


@pytest.mark.parametrize("years", ["year-2564-2021,year-2566-2023", "2564,2566", "ปี 2564,ปี 2566", "2021,2023"])
def test_a_column_a_year_in_either_era_or_both(years):
    table = kept(read(f"จังหวัด,Province,{years}\nภูเก็ต,Phuket,40000,42000\n".encode()))
    found = table.select("reference_date", "baht_month").rows()
    assert found == [(date(2021, 1, 1), Decimal(40000)), (date(2023, 1, 1), Decimal(42000))]


@pytest.mark.parametrize(
    ("file", "measure", "years"),
    [("average-income-41-58-by-provinces", "income", 10), ("average-expenditure-49-58", "expenditure", 10)],
)
@pytest.mark.parametrize("city", [PHUKET, BANGKOK, CITIES["khon_kaen"]], ids=lambda city: city.slug)
def test_the_real_files(real_data, file, measure, years, city):
    data = (real_data / f"open_data/nso_household_income/{file}.csv").read_bytes()
    lines = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    [own] = [line for line in lines if line["จังหวัด"] == city.province_th]
    expected = {int(name[-4:]): Decimal(text) for name, text in own.items() if name.startswith("year-")}
    result = read(data, city, measure=measure)
    table = kept(result)
    assert code_counts(result) == {}
    assert dict(zip(table["reference_date"].dt.year(), table["baht_month"], strict=True)) == expected
    assert len(expected) == years and len(lines) in (76, 77)
    assert table.select("province_code", "measure", "dataset").unique().rows() == [
        (city.dopa_province, measure, "catalog.nso.go.th/income")
    ]


def test_the_files_tell_what_they_really_do(real_data):
    folder = real_data / "open_data/nso_household_income"
    earned = kept(read((folder / "average-income-41-58-by-provinces.csv").read_bytes(), BANGKOK))
    assert earned["baht_month"].to_list()[0] == 26054 and earned["baht_month"].to_list()[-1] == Decimal("45571.7")
    spent = kept(read((folder / "average-expenditure-49-58.csv").read_bytes(), BANGKOK, measure="expenditure"))
    assert spent["baht_month"].sum() == Decimal("309005.24")


WIDE = "จังหวัด,Province,year-2541-1998,year-2543-2001,Year_2545_2002\n"


def test_eras_that_disagree_are_left_out_and_said():
    result = read((WIDE + "ภูเก็ต,Phuket,100,200,300\n").encode())
    assert code_counts(result) == {"stamp-bad": 1}
    assert "2543-2001" in result.problems["message"][0]
    assert [day.year for day in kept(result)["reference_date"]] == [1998, 2002]


def test_a_province_is_known_by_either_name():
    rows = ("กระบี่,Krabi,1,1,1\n", "จังหวัดภูเก็ต,,2,2,2\n")
    assert set(kept(read((WIDE + "".join(rows)).encode()))["baht_month"]) == {2}
    english = "provinces,year-2541-1998\nKrabi,1\n phuket ,2\n"
    assert kept(read(english.encode()))["baht_month"].to_list() == [2]
    assert code_counts(read((WIDE + rows[0]).encode())) == {"answer-empty": 1}


def test_blank_and_odd_values():
    result = read((WIDE + "ภูเก็ต,Phuket,,1,many\n").encode())
    assert code_counts(result) == {"stamp-bad": 1, "value-missing": 1, "value-not-number": 1}
    assert kept(result)["baht_month"].to_list() == [None]


def test_files_and_options_that_cannot_be_used():
    assert code_counts(read(WIDE.encode(), measure="wealth")) == {"option-invalid": 1}
    assert code_counts(read(b"a,b\n1,2\n")) == {"file-malformed": 1}
    twice = read((WIDE + "ภูเก็ต,Phuket,1,1,1\nภูเก็ต,Phuket,2,2,2\n").encode())
    assert code_counts(twice)["key-duplicate"] == 4 and not kept(twice).height


def test_a_datastore_page_reads_like_the_file():
    names = ["_id", "จังหวัด", "year-2541-1998"]
    records = [{"_id": 1, "จังหวัด": "ภูเก็ต", "year-2541-1998": 20.5}]
    result = {"fields": [{"id": name} for name in names], "records": records, "total": 1}
    page = json.dumps({"success": True, "result": result}).encode()
    assert kept(read(page))["baht_month"].to_list() == [Decimal("20.50")]


SDMX = "DATAFLOW,FREQ,CWT,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE\n"


def test_sdmx_is_asked_for_one_flow_and_key():
    options = {"flow": "DF_INCOME", "key": "A.{province}.T", "measure": "income", "start": 2560}
    [request] = list(NSO_SDMX_HOUSEHOLD.requests(PHUKET, DAY, "http://x", options))
    assert request.url == "http://x/rest/data/TNSO,DF_INCOME,latest/A.83.T"
    assert request.params == {"startPeriod": "2560", "format": "csv"}
    assert request.check((SDMX + "x\n").encode()) is None
    assert request.check(b"error,message\n")


def test_sdmx_years_are_buddhist_and_provinces_codes():
    rows = ['D,A,83,2564,"32,500.5",B', "D,A,83,2566,33000,B", "D,A,81,2566,1,B", "D,A,83,2568,,B"]
    result = sdmx((SDMX + "\n".join(rows) + "\n").encode(), area="CWT")
    table = kept(result)
    assert code_counts(result) == {"value-missing": 1}
    assert [day.year for day in table["reference_date"]] == [2021, 2023, 2025]
    assert table["baht_month"].to_list() == [Decimal("32500.5"), 33000, None]
    assert table["dataset"].unique().to_list() == ["ns1-stathub.nso.go.th/DF_INCOME"]


def test_sdmx_series_that_nothing_tells_apart_are_refused():
    rows = ["D,A,83,2566,1,B", "D,A,83,2566,2,B", "D,A,83,2567,x,B", "D,A,83,Q1,5,B"]
    result = sdmx((SDMX + "\n".join(rows) + "\n").encode())
    assert code_counts(result) == {"key-duplicate": 2, "value-not-number": 1, "stamp-bad": 1}
    assert code_counts(sdmx(SDMX.encode())) == {"answer-empty": 1}
    assert code_counts(sdmx(b"a,b\n1,2\n")) == {"file-malformed": 1}
    assert code_counts(sdmx(SDMX.encode(), area="PROVINCE")) == {"file-malformed": 1}
    assert code_counts(sdmx(SDMX.encode(), measure="x")) == {"option-invalid": 1}


@pytest.mark.parametrize(("power", "kept_rows"), [("0", 1), ("", 1), ("3", 0)])
def test_sdmx_thousands_of_baht_are_no_baht(power, kept_rows):
    result = sdmx(f"TIME_PERIOD,OBS_VALUE,UNIT_MULT\n2566,33,{power}\n".encode())
    assert kept(result).height == kept_rows
    assert code_counts(result).get("unit-unknown", 0) == 1 - kept_rows


def income(years):
    rows = [
        ("nso/a", "income", "83", Decimal(value), date(year, 1, 1), "r", 1, DAY, 1) for year, value in years.items()
    ]
    return pl.DataFrame(rows, schema=HOUSEHOLD_INCOME.schema, orient="row")


def statistic(item, value, unit="แห่ง", year=2025, smart="economy", total=False, area="ภูเก็ต", status="published"):
    return {
        "dataset": "h/p", "smart": smart, "item": item, "category": "all",
        "area": area, "area_level": "province" if area == "ภูเก็ต" else "amphoe", "unit": unit, "months": 12,
        "value": value, "is_total": total, "status": status, "reference_date": date(year, 1, 1),
    }  # fmt: skip


def shown(tables):
    frame = collect(indicators(PHUKET, DAY, Tables(tables)), DAY)
    return {row["indicator"]: row for row in frame.iter_rows(named=True)}


def test_income_is_shown_with_how_old_it_is():
    found = shown({"household_income": income({2021: 30000, 2025: 34000})})["household_income"]
    assert (found["value"], found["unit"], found["verdict"]) == (34000, "THB/month", "ok")
    assert found["period_end"] == date(2025, 12, 31)
    old = shown({"household_income": income({2015: 31000})})["household_income"]
    assert (old["value"], old["verdict"]) == (31000, "stale") and "2015-12-31" in old["reason"]
    assert shown({"household_income": HOUSEHOLD_INCOME.empty()})["household_income"]["verdict"] == "withheld"


def test_statistics_are_shown_under_their_smart_where_one_number_tells_them():
    rows = [
        statistic("โรงแรม", 985),
        statistic("โรงแรม", 958, year=2024),
        statistic("อัตราการเข้าพัก", Decimal("77.23"), "ร้อยละ"),
        statistic("ห้อง", 1, area="กะทู้"),
        statistic("ห้อง", 2, area="ถลาง"),
        statistic("ห้อง", 3, total=True),
        statistic("ร้าน", 1, area="กะทู้"),
        statistic("ร้าน", 2, area="ถลาง"),
        statistic("รายได้", None, "ล้านบาท", status="pending"),
        *(statistic("กล้อง", number, smart=smart) for number, smart in enumerate(SMARTS)),
    ]
    table = pl.DataFrame(rows, schema_overrides={"value": pl.Decimal(18, 4), "months": pl.Int32})
    table = conformed(CITY_STATISTICS, table)
    told = all_indicators(PHUKET, DAY, {"city_statistics": table}).filter(
        pl.col("sources").str.starts_with("city_statistics")
    )
    found = {(row["smart"], row["title"]): row for row in told.iter_rows(named=True)}
    assert {title: row["value"] for (smart, title), row in found.items() if smart == "economy"} == {
        "โรงแรม": 985, "อัตราการเข้าพัก": 77.23, "ห้อง": 3, "รายได้": None, "กล้อง": SMARTS.index("economy"),
    }  # fmt: skip
    assert {smart: row["value"] for (smart, title), row in found.items() if title == "กล้อง"} == {
        smart: number for number, smart in enumerate(SMARTS)
    }
    assert found["economy", "รายได้"]["verdict"] == "withheld" and found["economy", "โรงแรม"]["verdict"] == "ok"
    assert found["economy", "โรงแรม"]["period_end"] == date(2025, 12, 31)
