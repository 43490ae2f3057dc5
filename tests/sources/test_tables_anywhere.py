"""Published tables in the shapes that catalogues all over Thailand have: what stands for the city is the city's.

Synthetic, in headers and shapes of real files of Phuket, Nakhon Si Thammarat, Chiang Mai and others.
"""

import hashlib
import io
import json
from datetime import date
from decimal import Decimal
from typing import Any

import openpyxl
import polars as pl
import pytest

from assets.cities.registry import load_registry
from assets.indicators.indicator import collect
from assets.indicators.statistics import indicators
from assets.indicators.tables import Tables
from assets.sources import ckan, long_table_rules, thai
from assets.sources.ckan_statistics import CKAN_STATISTICS
from assets.sources.source import Context, ReadResult
from quality import gate
from quality.tables import CITY_STATISTICS
from tests.kit import code_counts

DAY = date(2026, 11, 23)
PHUKET = load_registry()["phuket"]


def read(text: str | bytes, **options: Any) -> ReadResult:
    data = text.encode() if isinstance(text, str) else text
    chosen = {"portal": "phuket_gdcatalog", "package": "p", "smart": "living"} | options
    return CKAN_STATISTICS.read(data, Context(PHUKET, DAY, "resource/r@2026-07-25", chosen))


def rows(result: ReadResult) -> pl.DataFrame:
    lineage = {"_receipt": pl.lit("r"), "_delivered": pl.lit(DAY)}
    batch = CITY_STATISTICS.conform(result.tables["city_statistics"].with_columns(**lineage))
    assert batch.found.is_empty()
    return batch.rows


def shown(*results: ReadResult) -> dict[str, dict[str, Any]]:
    """The city's indicators by title."""
    table = pl.concat([rows(result) for result in results])
    frame = collect(indicators(PHUKET, DAY, Tables({"city_statistics": table})), DAY)
    return {row["title"]: row for row in frame.iter_rows(named=True)}


def said(result: ReadResult, code: str) -> str:
    return " | ".join(result.problems.filter(code=code)["message"])


# What stands for the city is the city's

WASTE = "ปี,จังหวัด,อำเภอ,อปท.,รายการ,จำนวน,หน่วย\n"
WHOLE = (
    "2567,ภูเก็ต,กะทู้,เทศบาลเมืองป่าตอง,ขยะ,37000,ตัน\n2567,ภูเก็ต,กะทู้,เทศบาลเมืองกะทู้,ขยะ,16000,ตัน\n"
    "2567,ภูเก็ต,เมือง,เทศบาลนครภูเก็ต,ขยะ,60000,ตัน\n2567,ภูเก็ต,รวม,รวม,ขยะ,113000,ตัน\n"
)


@pytest.mark.parametrize(
    "rest",
    [
        "2568,ภูเก็ต,กะทู้,เทศบาลเมืองกะทู้,ขยะ,16500,ตัน\n",
        "2568,ภูเก็ต,กะทู้,เทศบาลเมืองกะทู้,ขยะ,16500,ตัน\n2568,ภูเก็ต,กะทู้,เทศบาลเมืองป่าตอง,ขยะ,38000,ตัน\n",
    ],
)
def test_a_part_that_has_reported_is_not_the_city(rest: str) -> None:
    found = shown(read(WASTE + WHOLE + rest))["ขยะ"]
    assert (found["value"], found["period_start"]) == (113000, date(2024, 1, 1))
    assert "2025" in found["method"], "that the newer year is not whole is said"


def test_a_total_of_fewer_parts_than_the_year_before_is_partial() -> None:
    rest = "2568,ภูเก็ต,กะทู้,เทศบาลเมืองกะทู้,ขยะ,16500,ตัน\n2568,ภูเก็ต,รวม,รวม,ขยะ,16500,ตัน\n"
    found = shown(read(WASTE + WHOLE + rest))["ขยะ"]
    assert (found["value"], found["verdict"]) == (16500, "partial")
    assert "1 parts have reported, 3 had" in found["reason"]


def test_an_area_or_class_alone_is_not_the_city() -> None:
    assert not shown(read("ปี,จังหวัด,อำเภอ,รายการ,จำนวน,หน่วย\n2568,ภูเก็ต,ภูเก็ต,พื้นที่,638.88,ไร่\n"))
    assert not shown(read("ปี,จังหวัด,โรงพยาบาล,รายการ,จำนวน,หน่วย\n2568,ภูเก็ต,วชิระ,เตียง,500,เตียง\n"))
    assert not shown(read("ปี,จังหวัด,ประเภท,รายการ,จำนวน,หน่วย\n2568,ภูเก็ต,ชาย,ผู้ป่วย,5,คน\n"))
    assert shown(read("ปี,จังหวัด,รายการ,จำนวน,หน่วย\n2568,ภูเก็ต,เตียง,500,เตียง\n"))["เตียง"]["value"] == 500


def test_an_amphoe_that_is_called_like_its_province_is_told_apart() -> None:
    table = rows(read("รายการ,ปี,จังหวัด,อำเภอ,จำนวน,หน่วย\nพื้นที่,2568,ภูเก็ต,ภูเก็ต,638.88,ไร่\nพื้นที่,2568,ภูเก็ต,กะทู้,2266.64,ไร่\n"))
    assert table.select("area_level", "area", "value").sort("value").rows() == [
        ("amphoe", "ภูเก็ต", Decimal("638.88")),
        ("amphoe", "กะทู้", Decimal("2266.64")),
    ]


# A column in no mapping means something


@pytest.mark.parametrize(
    ("header", "names", "level", "category"),
    [
        ("หน่วยงาน", ("เทศบาลนครภูเก็ต", "เทศบาลเมืองป่าตอง"), "city", "all"),
        ("ชื่อพื้นที่ย่อย", ("อบต.สาคู", "อบต.เชิงทะเล"), "city", "all"),
        ("พื้นที่รับผิดชอบ", ("ตำบลรัษฎา", "ตำบลวิชิต"), "tambon", "all"),
        ("โรงพยาบาล", ("วชิระภูเก็ต", "ป่าตอง"), "province", None),
        ("หน่วย งาน ที่ดูแล", ("ตำรวจน้ำ", "เจ้าท่า"), "province", None),
        ("ชั้นปีที่เรียน", ("1", "2"), "province", None),
    ],
)
def test_rows_that_differ_in_an_unmapped_column_alone_are_all_kept(
    header: str, names: tuple[str, str], level: str, category: str | None
) -> None:
    lines = [f"{year},ภูเก็ต,ผู้ป่วย,{name},{value},คน" for year, value in ((2567, 12), (2568, 15)) for name in names]
    result = read("\n".join([f"ปี,จังหวัด,รายการ,{header},จำนวน,หน่วย", *lines]))
    table = rows(result)
    assert table["value"].to_list() == [12, 12, 15, 15]
    assert set(table["area_level"]) == {level}
    assert set(table["category"]) == ({category} if category else set(names))
    assert not shown(result), "neither is the city's"
    assert header in said(result, "column-new" if category is None else "column-renamed")


def test_what_numbers_rows_or_comments_on_them_is_no_class() -> None:
    header = "ลำดับ,ปี,จังหวัด,รายการ,จำนวน,หน่วย,หมายเหตุ,แหล่งข้อมูล,ลิงก์,Province"
    lines = [f"{n},{2565 + n},ภูเก็ต,เตียง,{n}0,เตียง,ปรับแก้ครั้งที่ {n},สสจ.,https://x.th/{n},Phuket" for n in range(1, 4)]
    result = read("\n".join([header, *lines]), ignored=["Province"])
    assert set(rows(result)["category"]) == {"all"}
    assert shown(result)["เตียง"]["value"] == 30


def test_the_same_in_two_languages_is_no_class() -> None:
    lines = [f"2568,{th},{en},ขยะ,{n},ตัน" for n, (th, en) in enumerate((("กะทู้", "Kathu"), ("ถลาง", "Thalang")), 1)]
    assert set(rows(read("\n".join(["ปี,อำเภอ,District,รายการ,จำนวน,หน่วย", *lines])))["category"]) == {"all"}


@pytest.mark.parametrize("header", ["โรงพยาบาล", "หน่วยบริการ", "Hospital"])
def test_a_name_that_each_year_or_item_has_alone_is_whose_the_number_is(header: str) -> None:
    names = ("Vachira", "Patong") if header == "Hospital" else ("วชิระ", "ป่าตอง")
    by_year = read(
        f"ปี,จังหวัด,{header},รายการ,จำนวน,หน่วย\n2567,ภูเก็ต,{names[0]},เตียง,500,เตียง\n2568,ภูเก็ต,{names[1]},เตียง,90,เตียง\n"
    )
    assert set(rows(by_year)["category"]) == set(names) and not shown(by_year)
    if header != "Hospital":
        by_item = read(
            f"ปี,จังหวัด,{header},รายการ,จำนวน,หน่วย\n2568,ภูเก็ต,{names[0]},เตียง,5,เตียง\n2568,ภูเก็ต,{names[1]},รถ,9,คัน\n"
        )
        assert set(rows(by_item)["category"]) == set(names) and not shown(by_item)


def test_a_month_in_two_spellings_is_no_class() -> None:
    result = read(
        "ปี,เดือน,เดือนย่อ,จังหวัด,รายการ,จำนวน,หน่วย\n2568,มกราคม,ม.ค.,ภูเก็ต,คดี,5,คดี\n2568,มีนาคม,มี.ค.,ภูเก็ต,คดี,9,คดี\n"
    )
    assert set(rows(result)["category"]) == {"all"}


def test_identical_rows_are_still_merged() -> None:
    result = read("ปี,จังหวัด,รายการ,จำนวน,หน่วย\n" + "2568,ภูเก็ต,เตียง,500,เตียง\n" * 2)
    assert rows(result).height == 1 and code_counts(result) == {"duplicate-rows": 1}


@pytest.mark.parametrize(
    ("header", "value"),
    [("หมู่ที่", "1"), ("รหัสหน่วยงาน", "8301"), ("รหัสหน่วยงาน", "A01"), ("ภาค", "ภาคใต้"), ("รุ่นที่", "3"), ("ช่วงเวลา", "7")],
)
def test_a_number_or_a_code_may_be_whose_the_value_is(header: str, value: str) -> None:
    result = read(f"ปี,{header},รายการ,จำนวน,หน่วย\n2568,{value},ครัวเรือน,50,ครัวเรือน\n")
    assert rows(result)["category"].to_list() == [value] and not shown(result)


def test_a_code_or_region_beside_what_it_names_is_no_class() -> None:
    result = read("ปี,ภาค,จังหวัด,รหัสจังหวัด,รหัสรายการ,รายการ,จำนวน,หน่วย\n2568,ภาคใต้,ภูเก็ต,83,7,เตียง,50,เตียง\n")
    assert shown(result)["เตียง"]["value"] == 50


@pytest.mark.parametrize("values", [(500, 500), (500, 400)])
@pytest.mark.parametrize("header", ["แหล่งข้อมูล", "ผู้รับผิดชอบ", "เจ้าของข้อมูล"])
def test_rows_that_only_their_source_tells_apart_are_refused_by_name(header: str, values: tuple[int, int]) -> None:
    lines = [f"2568,ภูเก็ต,เตียง,{value},เตียง,{name}" for value, name in zip(values, ("วชิระ", "ป่าตอง"), strict=True)]
    text = "\n".join([f"ปี,จังหวัด,รายการ,จำนวน,หน่วย,{header}", *lines, "2567,ภูเก็ต,เตียง,7,เตียง,วชิระ"])
    result = read(text)
    assert rows(result)["value"].to_list() == [7]
    assert code_counts(result)["key-duplicate"] == 2 and header in said(result, "key-duplicate")
    assert rows(read(text, columns={"category": header})).height == 3


@pytest.mark.parametrize("header", ["ชื่อจังหวัด", "จังหวัดที่ตั้ง", "Province"])
def test_rows_of_other_provinces_are_not_the_citys(header: str) -> None:
    name = "Phuket Province" if header == "Province" else "ภูเก็ต"
    result = read(f"ปี,{header},รายการ,จำนวน,หน่วย\n2567,{name},ขยะ,1,ตัน\n2567,พังงา,ขยะ,9,ตัน\n")
    assert rows(result).select("area", "value").rows() == [("ภูเก็ต", 1)]
    assert shown(result)["ขยะ"]["value"] == 1
    assert "'พังงา'" in said(result, "row-filtered"), "which may be the own one, written otherwise"


@pytest.mark.parametrize(("total", "found"), [(100, 0), (60, 0), (70, 0), (25, 1)])
def test_the_share_of_all_classes_is_their_sum_and_others_lie_between(total: int, found: int) -> None:
    lines = "".join(f"2568,ขยะ,{name},{value},ร้อยละ\n" for name, value in (("ก", 30), ("ข", 70), ("รวม", total)))
    assert code_counts(read(f"ปี,รายการ,ประเภท,จำนวน,หน่วย\n{lines}"))["total-mismatch"] == found


def test_an_average_of_areas_is_no_area() -> None:
    text = "ปี,อำเภอ,อัตรา,หน่วย\n2568,เมืองภูเก็ต,1.5,ร้อยละ\n2568,กะทู้,2.5,ร้อยละ\n2568,เฉลี่ย,2,ร้อยละ\n"
    result = read(text)
    assert set(rows(result)["area"]) == {"เมืองภูเก็ต", "กะทู้"} and "averages" in said(result, "row-filtered")
    assert shown(read(text, totals=["เฉลี่ย"]))["อัตรา"]["value"] == 2


def test_what_a_header_says_of_its_unit_counts_before_the_rows() -> None:
    result = read("ปี,รายการ,แผน,ผล,ร้อยละ,งบ (บาท),หน่วย\n2568,ขยะ,10,9,90,5000,ตัน\n")
    units = dict(rows(result).select("item", "unit").rows())
    assert units == {"ขยะ / แผน": "ตัน", "ขยะ / ผล": "ตัน", "ขยะ / ร้อยละ": "ร้อยละ", "ขยะ / งบ (บาท)": "บาท"}


def test_a_unit_that_is_written_otherwise_is_no_other() -> None:
    lines = "2567,ขยะ,12,ตัน/วัน\n2568,ขยะ,13,ตัน ต่อ วัน\n"
    result = read(f"ปี,รายการ,จำนวน,หน่วย\n{lines}")
    stored = CITY_STATISTICS.stored(rows(result))
    found = gate.judge(CITY_STATISTICS, stored, date(2025, 1, 1), DAY, stored)
    assert "unit-changed" not in {each.check for each in found if each.verdict != "pass"} | {*code_counts(result)}


def test_a_column_without_a_name_may_tell_whose_rows_are() -> None:
    result = read("ปี,,รายการ,จำนวน,หน่วย\n2567,ภูเก็ต,ขยะ,12,ตัน\n2567,พังงา,น้ำเสีย,13,ตัน\n")
    assert rows(result)["item"].to_list() == ["ขยะ"] and "province" in said(result, "column-renamed")
    classed = rows(read("ปี,,รายการ,จำนวน,หน่วย\n2567,เปียก,ขยะ,12,ตัน\n2567,แห้ง,ขยะ,13,ตัน\n"))
    assert set(classed["category"]) == {"เปียก", "แห้ง"}


def test_per_cent_in_a_header_is_a_unit() -> None:
    result = read("ปีงบประมาณ,งบประมาณ (บาท),ร้อยละการเบิกจ่าย\n2568,1500,86.67\n")
    assert dict(rows(result).select("item", "unit").rows())["ร้อยละการเบิกจ่าย"] == "ร้อยละ"


def test_a_table_in_english_is_read() -> None:
    result = read("Year,Province,Indicator,Sex,Value,Unit\n2025,Phuket,Pupils,Total,7,persons\n")
    assert rows(result).select("item", "category", "value").rows() == [("Pupils", "รวม", 7)]


@pytest.mark.parametrize("label", ["ทั่วประเทศ", "รวมทั้งประเทศ", "ประเทศไทย", "ภาคใต้"])
def test_the_country_and_a_region_are_no_total_of_the_city(label: str) -> None:
    result = read(f"ปี,พื้นที่,รายการ,จำนวน,หน่วย\n2567,{label},ขยะ,900,ตัน\n2567,อำเภอกะทู้,ขยะ,9,ตัน\n")
    assert rows(result)["value"].to_list() == [9] and not shown(result)
    assert "country or a region" in said(result, "row-filtered")


# Wide tables

WIDE = "ชื่อชุดข้อมูล,จังหวัด,ปี,จำนวนครัวเรือน,จำนวนหมู่บ้าน\nอุทกภัย,ภูเก็ต,2567,208387,1490\nอุทกภัย,ภูเก็ต,2568,174024,1200\n"


def test_a_column_a_measure_is_an_item_a_measure() -> None:
    table = rows(read(WIDE))
    assert table.select("item", "unit", "value").sort("value").rows() == [
        ("อุทกภัย / จำนวนหมู่บ้าน", "หมู่บ้าน", 1200),
        ("อุทกภัย / จำนวนหมู่บ้าน", "หมู่บ้าน", 1490),
        ("อุทกภัย / จำนวนครัวเรือน", "ครัวเรือน", 174024),
        ("อุทกภัย / จำนวนครัวเรือน", "ครัวเรือน", 208387),
    ]


@pytest.mark.parametrize("item", ["ชื่อชุดข้อมูล,", ""])
def test_two_entries_over_one_package_have_keys_of_their_own(item: str) -> None:
    text = WIDE if item else WIDE.replace("ชื่อชุดข้อมูล,", "").replace("อุทกภัย,", "")
    tables = [rows(read(text, columns={"value": name}, unit="แห่ง")) for name in ("จำนวนครัวเรือน", "จำนวนหมู่บ้าน")]
    both = pl.concat(tables)
    assert both.height == 4 and not both.select(pl.struct(CITY_STATISTICS.key).is_duplicated().any()).item()


@pytest.mark.parametrize(
    ("header", "own"),
    [
        ("เมืองภูเก็ต,กะทู้,รวม", {"ขยะ": 21}),
        ("อำเภอเมืองภูเก็ต (ตัน),อำเภอกะทู้ (ตัน),รวม (ตัน)", {"ขยะ": 21}),
        ("เทศบาลนครภูเก็ต,เทศบาลเมืองป่าตอง,รวมทั้งสิ้น", {"ขยะ": 21}),
        ("อินทรีย์,ทั่วไป,รวม", {"ขยะ": 21}),
        ("เมืองภูเก็ต,กะทู้,ถลาง", {}),
        ("ภูเก็ต,พังงา,กระบี่", {"ขยะ": 11}),
        ("ภูเก็ต,ภาคใต้,ทั่วประเทศ", {"ขยะ": 11}),
        ("เกิดขึ้น,กำจัด,ตกค้าง", {"ขยะ / เกิดขึ้น": 11, "ขยะ / กำจัด": 10, "ขยะ / ตกค้าง": 21}),
    ],
)
def test_a_column_an_area_or_a_class_is_not_the_city(header: str, own: dict[str, int]) -> None:
    lines = "2567,ขยะ,ตัน,10,8,18\n2568,ขยะ,ตัน,11,10,21\n"
    found = shown(read(f"ปี,รายการ,หน่วย,{header}\n{lines}"))
    assert {title: row["value"] for title, row in found.items()} == own


def test_a_column_an_area_below_a_year_is_not_the_city() -> None:
    named = ["เมืองภูเก็ต", "อ.กะทู้", "รวม"]
    for names, own in ((named, {"ขยะ": 9}), (["ภูเก็ต", "พังงา", "กระบี่"], {"ขยะ": 4})):
        head = [["รายการ", "หน่วย", "พ.ศ. 2567", "", "", "พ.ศ. 2568", "", ""], ["", "", *names, *names]]
        found = shown(read(workbook(a=[*head, ["ขยะ", "ตัน", 1, 2, 3, 4, 5, 9]])))
        assert {title: row["value"] for title, row in found.items()} == own


def test_a_column_a_year_and_a_column_a_month() -> None:
    years = rows(read("รายการ,จังหวัด,หน่วย,ปี 2566,ปี 2567,ปี 2568\nเตียง,ภูเก็ต,เตียง,1,2,3\n"))
    assert years.select("reference_date", "value").rows() == [(date(2022 + n, 1, 1), n) for n in range(1, 4)]
    months = [names[1] for names in thai.MONTHS.values()]
    values = ",".join(map(str, range(1, 13)))
    table = rows(read(f"ปี,รายการ,จังหวัด,หน่วย,{','.join(months)}\n2567,คดี,ภูเก็ต,ราย,{values}\n"))
    assert table.select("reference_date", "value").rows() == [(date(2024, n, 1), n) for n in range(1, 13)]


def test_the_only_column_of_numbers_is_the_value() -> None:
    result = read("ปี,รายการข้อมูล,จังหวัด,จำนวนการใช้บริการ (ครั้ง)\n2568,รถเมล์,ภูเก็ต,12\n")
    assert rows(result).select("item", "value", "unit").rows() == [("รถเมล์", 12, "ครั้ง")]
    assert "จำนวนการใช้บริการ" in said(result, "column-renamed")


# Years

FISCAL = "ปีงบประมาณ,เดือน,รายการ,จำนวน,หน่วย\n2568,ตุลาคม,คดี,36,ราย\n2568,มกราคม,คดี,12,ราย\n2568,กันยายน,คดี,7,ราย\n"


@pytest.mark.parametrize("options", [{}, {"columns": {"year": "ปีงบประมาณ"}}])
def test_a_fiscal_year_begins_in_october(options: dict[str, Any]) -> None:
    result = read(FISCAL, **options)
    assert rows(result)["reference_date"].to_list() == [date(2024, 10, 1), date(2025, 1, 1), date(2025, 9, 1)]
    assert shown(result)["คดี"]["value"] == 7, "the newest month"
    yearly = shown(read("ปีงบประมาณ,รายการ,จำนวน,หน่วย\n2563,โครงการ,36,โครงการ\n", **options))
    assert {row["period_start"] for row in yearly.values()} == {date(2019, 10, 1)}
    assert {row["period_end"] for row in yearly.values()} == {date(2020, 9, 30)}


@pytest.mark.parametrize("header", ["ปีงบประมาณ", "ปี งบประมาณ", "ปีงบ ประมาณ พ.ศ.", "Fiscal Year", "ปีงบประมาณที่รายงาน"])
def test_a_fiscal_year_is_known_by_any_of_its_headers(header: str) -> None:
    assert rows(read(f"{header},รายการ,จำนวน,หน่วย\n2563,โครงการ,36,โครงการ\n"))["reference_date"].to_list() == [
        date(2019, 10, 1)
    ]


@pytest.mark.parametrize(
    ("month", "day"),
    [
        ("ตุลาคม พ.ศ.2566", date(2023, 10, 1)),
        ("ม.ค. 67", date(2024, 1, 1)),
        ("มกราคม 2567", date(2024, 1, 1)),
        ("เดือนมกราคม", date(2024, 1, 1)),
        ("เดือน มี.ค. พ.ศ. 2567", date(2024, 3, 1)),
        ("ธ.ค.66", date(2023, 12, 1)),
        ("ธค", date(2023, 12, 1)),
        ("พ.ย", date(2023, 11, 1)),
        ("Sept.", date(2024, 9, 1)),
        ("10", date(2023, 10, 1)),
        ("03-มีนาคม", date(2024, 3, 1)),
        ("1. ม.ค.", date(2024, 1, 1)),
    ],
)
def test_months_in_the_spellings_seen(month: str, day: date) -> None:
    table = rows(read(f"ปีงบประมาณ,เดือน,รายการ,จำนวน,หน่วย\n2567,{month},คดี,1,ราย\n"))
    assert table["reference_date"].to_list() == [day]


@pytest.mark.parametrize("header", ["ปีที่สำรวจ", "ปี พ.ศ. ที่จัดเก็บ", "ประจำปี"])
def test_what_tells_a_year_is_read_or_named_and_never_today(header: str) -> None:
    text = f"{header},จังหวัด,รายการ,จำนวน,หน่วย\n2560,ภูเก็ต,เตียง,500,เตียง\n"
    assert rows(read(text))["reference_date"].to_list() == [date(2017, 1, 1)]
    refused = read(text.replace("2560", "ปีล่าสุด"))
    assert code_counts(refused) == {"file-malformed": 1} and not refused.tables
    assert header in said(refused, "file-malformed") and "columns: {year: …}" in said(refused, "file-malformed")


@pytest.mark.parametrize(
    ("measures", "line", "found"),
    [
        ("ปี 2567", "2", [("คดี", date(2024, 1, 1), 2)]),
        ("จำนวน (2567)", "2", [("คดี", date(2024, 1, 1), 2)]),
        ("ปีงบประมาณ 2566,ปีงบประมาณ 2567", "1,2", [("คดี", date(2022, 10, 1), 1), ("คดี", date(2023, 10, 1), 2)]),
        (
            "ชาย 2566,ชาย 2567,หญิง 2566,หญิง 2567",
            "1,2,3,4",
            [
                (f"คดี / {name}", date(year, 1, 1), value)
                for name, year, value in (("ชาย", 2023, 1), ("ชาย", 2024, 2), ("หญิง", 2023, 3), ("หญิง", 2024, 4))
            ],
        ),
    ],
)
def test_a_year_in_the_header_of_a_measure_dates_it(measures: str, line: str, found: list[Any]) -> None:
    result = read(f"รายการ,จังหวัด,หน่วย,{measures}\nคดี,ภูเก็ต,ราย,{line}\n")
    assert rows(result).select("item", "reference_date", "value").sort("value").rows() == found
    assert "no-date" not in code_counts(result)


def test_a_year_in_the_item_dates_it() -> None:
    result = read("รายการ,จังหวัด,จำนวน,หน่วย\nคดี ปี 2567,ภูเก็ต,5,ราย\nงบ ปีงบประมาณ 2567,ภูเก็ต,6,บาท\n")
    assert rows(result)["reference_date"].to_list() == [date(2024, 1, 1), date(2023, 10, 1)]


@pytest.mark.parametrize(
    ("cell", "day"), [("2567.0", (2024, 1)), ("ปีงบประมาณ 2567", (2023, 10)), ("ปี พ.ศ. ๒๕๖๗", (2024, 1))]
)
def test_a_cell_tells_its_year_in_other_words(cell: str, day: tuple[int, int]) -> None:
    table = rows(read(f"ปี,จังหวัด,รายการ,จำนวน,หน่วย\n{cell},ภูเก็ต,คดี,5,ราย\n"))
    assert table["reference_date"].to_list() == [date(*day, 1)]


@pytest.mark.parametrize(
    ("header", "cell"), [("ปี/เดือน", "2568/01"), ("เดือน-ปี", "ม.ค.-68"), ("เดือนปี", "มกราคม 2568"), ("งวด", "01/2568")]
)
def test_a_month_and_its_year_in_one_cell(header: str, cell: str) -> None:
    table = rows(read(f"{header},จังหวัด,รายการ,จำนวน,หน่วย\n{cell},ภูเก็ต,คดี,5,ราย\n"))
    assert table.select("months", "reference_date").rows() == [(1, date(2025, 1, 1))]


@pytest.mark.parametrize("header", ["วันที่", "วันเดือนปี", "Date"])
def test_days_are_refused_and_never_dated_by_the_package(header: str) -> None:
    result = read(f"{header},จังหวัด,รายการ,จำนวน,หน่วย\n1/2/2568,ภูเก็ต,คดี,5,ราย\n")
    assert not result.tables and header in said(result, "file-malformed")


@pytest.mark.parametrize(("year", "begins"), [("ปี", (2025, 4)), ("ปีงบประมาณ", (2025, 1))])
@pytest.mark.parametrize("cell", ["2", "ไตรมาส 2", "Q2", "ไตรมาสที่ 2/2568"])
def test_a_quarter_has_three_months_and_a_fiscal_one_begins_in_october(
    year: str, begins: tuple[int, int], cell: str
) -> None:
    result = read(f"{year},ไตรมาส,จังหวัด,รายการ,จำนวน,หน่วย\n2568,{cell},ภูเก็ต,คดี,5,ราย\n")
    assert rows(result).select("months", "reference_date").rows() == [(3, date(*begins, 1))]
    [found] = shown(result).values()
    assert (found["period_start"].month, found["period_end"].month) == (begins[1], begins[1] + 2)


# Totals under other labels


@pytest.mark.parametrize(
    "label",
    [
        "รวมทั้งจังหวัด",
        "ยอดรวมทั้งสิ้น",
        "Grand Total",
        "รวม (ทุกอำเภอ)",
        "จังหวัดภูเก็ต",
        "รวมทุกอำเภอ",
        "ผลรวมทั้งหมด",
        "รวมภูเก็ตทั้งเกาะ",
        "สรุป",
        "ยอดสะสม",
        "Sum",
        "ระดับจังหวัด",
        "ภูเก็ต",
    ],
)
def test_a_total_is_known_by_its_label_or_its_sum(label: str) -> None:
    lines = [f"2567,ขยะ,ภูเก็ต,{name},{value},ตัน" for name, value in (("เมืองภูเก็ต", 10), ("กะทู้", 5), (label, 15))]
    result = read("\n".join(["ปี,รายการ,จังหวัด,อำเภอ,จำนวน,หน่วย", *lines]))
    assert rows(result).filter("is_total").select("area_level", "area", "value").rows() == [("province", "ภูเก็ต", 15)]
    assert shown(result)["ขยะ"]["value"] == 15


def test_a_name_that_is_the_sum_of_all_others_year_after_year_is_their_total() -> None:
    lines = [
        f"{year},ขยะ,{name},{value},ตัน"
        for year, parts in ((2565, (3, 4)), (2566, (5, 6)), (2567, (8, 2)))
        for name, value in zip(("ก", "ข", "ทั้งเกาะภูเก็ตและบริวาร"), (*parts, sum(parts)), strict=True)
    ]
    result = read("\n".join(["ปี,รายการ,อำเภอ,จำนวน,หน่วย", *lines]))
    assert rows(result)["is_total"].sum() == 3 and "sum of the others" in said(result, "total-row")


@pytest.mark.parametrize(("column", "label"), [("ประเภท", "ทุกชนิด"), ("ประเภท", "ก ถึง ค"), ("ชนิด", "ยอดของทุกชนิด")])
def test_a_class_that_is_the_sum_of_all_others_is_their_total(column: str, label: str) -> None:
    parts = zip(("ก", "ข", "ค", label), (1000, 500, 300, 1800), strict=True)
    lines = [f"2567,ขยะ,ภูเก็ต,{name},{value},ตัน" for name, value in parts]
    result = read("\n".join([f"ปี,รายการ,จังหวัด,{column},จำนวน,หน่วย", *lines]))
    assert shown(result)["ขยะ"]["value"] == 1800
    other = read("\n".join([f"ปี,รายการ,จังหวัด,{column},จำนวน,หน่วย", *lines]).replace("1800", "1700"))
    assert not shown(other)


@pytest.mark.parametrize("name", ["รวมไทยพัฒนา", "ท่ารวม"])
def test_a_place_whose_name_begins_like_a_total_is_a_place(name: str) -> None:
    text = f"ปี,รายการ,ตำบล,จำนวน,หน่วย\n2567,ขยะ,{name},7,ตัน\n2567,ขยะ,กะทู้,5,ตัน\n"
    assert not rows(read(text))["is_total"].any()


# Workbooks, datastore fields, resources


@pytest.mark.parametrize("nothing", ["", "-", "N/A"])
def test_a_column_of_values_without_a_value_is_no_answer(nothing: str) -> None:
    """As where the publisher renamed the column that is read and left the old one standing, empty."""
    lines = "".join(f"256{year},ขยะ,{kind},{nothing},ตัน\n" for year in range(4, 8) for kind in ("รีไซเคิล", "ทั่วไป"))
    result = read("ปี,รายการ,ประเภท,จำนวน,หน่วย\n" + lines)
    assert result.tables == {} or result.tables["city_statistics"].is_empty()
    assert "no row has a value in จำนวน" in said(result, "answer-empty")


def test_what_has_no_value_yet_is_no_sum_of_the_others() -> None:
    told = [
        {"item": "ขยะ", "category": kind, "year": str(year), "unit": "ตัน"}
        for year in range(2558, 2568)
        for kind in ("", "ก", "ข", "ค")
    ]
    frame = pl.DataFrame(told).with_columns(
        *(pl.lit("").alias(name) for name in ("quarter", "month", *long_table_rules.CLASSES) if name != "category"),
        value=pl.lit("กำลังประมวลผล"),
    )
    assert long_table_rules.sums(frame, "category", [], "ภูเก็ต") == []


def workbook(**sheets: list[list[Any]]) -> bytes:
    out, book = io.BytesIO(), openpyxl.Workbook()
    book.remove(book.active)
    for name, lines in sheets.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append([cell if cell != "" else None for cell in line])
    book.save(out)
    return out.getvalue()


HEAD = ["รายการ", "จังหวัด", "จำนวน", "หน่วย"]


def test_a_sheet_a_year_is_read_whole_and_others_are_named() -> None:
    made = workbook(
        about=[["ข้อมูลนี้จัดทำโดย"], ["สำนักงาน"], ["จังหวัด"]],
        **{"2567": [HEAD, ["ก", "ภูเก็ต", 1, "คน"]], "ปี 2568": [HEAD, ["ก", "ภูเก็ต", 2, "คน"]]},
    )
    result = read(made)
    assert rows(result).select("reference_date", "value").rows() == [(date(2024, 1, 1), 1), (date(2025, 1, 1), 2)]
    assert "about" in said(result, "sheet-left")


def test_titles_above_a_header_and_merged_cells_do_not_matter() -> None:
    made = workbook(
        ก=[
            ["สถิติขยะของจังหวัดภูเก็ต"],
            [],
            ["อำเภอ", "ปี", "รายการ", "จำนวน", "หน่วย"],
            ["กะทู้", 2567, "ขยะ", 1, "ตัน"],
            ["", 2568, "ขยะ", 2, "ตัน"],
            ["ถลาง", 2567, "ขยะ", 3, "ตัน"],
            ["", 2568, "ขยะ", 4, "ตัน"],
        ]
    )
    assert rows(read(made)).sort("value")["area"].to_list() == ["กะทู้", "กะทู้", "ถลาง", "ถลาง"]


def test_records_with_columns_that_no_field_lists_are_no_answer() -> None:
    result = {"fields": [{"id": "ปี"}, {"id": "รายการ"}, {"id": "จำนวน"}, {"id": "หน่วย"}], "total": 1}
    record = {"_id": 1, "ปี": "2567", "รายการ": "ขยะ", "ปริมาณ": "5", "หน่วย": "ตัน"}
    answer = read(json.dumps({"success": True, "result": result | {"records": [record]}}))
    assert "ปริมาณ" in said(answer, "answer-bad")


@pytest.mark.parametrize("field", ["\ufeffปี", "ปี\u200b", "\u00a0ปี", "ปี\n"])
def test_what_is_not_printed_in_a_field_is_no_part_of_it(field: str) -> None:
    names = [field, "จังหวัด", "รายการ", "จำนวน", "หน่วย"]
    record = dict(zip(names, ["2567", "ภูเก็ต", "ก", "12", "คน"], strict=True)) | {"_id": 1}
    page = {
        "success": True,
        "result": {"fields": [{"id": name} for name in ("_id", *names)], "records": [record], "total": 1},
    }
    assert rows(read(json.dumps(page).encode()))["value"].to_list() == [12]


@pytest.mark.parametrize(
    ("declared", "url", "kind"),
    [
        ("text/csv", "https://x.th/a", "CSV"),
        ("Unknown", "https://x.th/a.csv", "CSV"),
        ("", "https://x.th/a.csv?x=1", "CSV"),
        ("Excel", "https://x.th/a.xlsx", "XLSX"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "https://x.th/download", "XLSX"),
        (".CSV ", "", "CSV"),
        ("Excel", "https://x.th/a.xls", "XLS"),
        ("XLS", "https://x.th/a", "XLS"),
        ("PDF", "https://x.th/a.pdf", ""),
    ],
)
def test_a_format_is_known_however_it_is_spelt(declared: str, url: str, kind: str) -> None:
    assert ckan._kind({"format": declared, "url": url}) == kind


def test_a_file_that_was_cut_is_refused_with_both_sizes() -> None:
    data = b"a,b\n1,2\n"
    told = {"url_type": "upload", "size": len(data), "hash": hashlib.md5(data).hexdigest()}
    assert ckan._file_fault(told, data) is None
    assert ckan._file_fault(told, data[:5]) == "5 bytes came of 8 that the catalogue tells"
    assert ckan._file_fault({"size": 8}, data[:5]) is not None
    assert ckan._file_fault({"url_type": None, "size": 8}, data[:5]) is None, "of a file elsewhere nobody knows"
    assert ckan._file_fault(told | {"size": 99}, data) is None, "the hash says that it is whole"


# Tables of three nodes, in the shapes that were seen there; the values are made up

NAKHON, CHIANG_MAI = "นครศรีธรรมราช", "เชียงใหม่"
PROVINCIAL: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "accidents at sea, Phuket": (
        "ภูเก็ต",
        "จังหวัด,ปี,รายการ,หน่วยงาน อปท.,ประเภท,จำนวน,หน่วย,ที่มา,หมายเหตุ\nภูเก็ต,2568,ก,อบต.สาคู,เสียชีวิต,1,ศพ,s,สัญชาติ ไทย1\n",
        {},
        1,
    ),
    "waste, Phuket": (
        "ภูเก็ต",
        "ปี,รายการ,จังหวัด,อำเภอ,อปท.,จำนวน,หน่วย,ที่มา\n2568,ขยะ,ภูเก็ต,กะทู้,ทม.ป่าตอง,5,ตัน,s\n2568,ขยะ,ภูเก็ต,ถลาง,ทต.เชิงทะเล,4,ตัน,s\n",
        {},
        2,
    ),
    "hotels, Phuket": ("ภูเก็ต", "จังหวัด,ปี,รายการ,จำนวน,หน่วย,ที่มา\nภูเก็ต,2568,โรงแรม,5,แห่ง,s\n", {}, 1),
    "casualties by month, Phuket": (
        "ภูเก็ต",
        "จังหวัด,ปี,เดือน,รายการ,จำนวน,หน่วย,ที่มา\nภูเก็ต,2568,กรกฏาคม,ผู้บาดเจ็บ,5,คน,s\n",
        {},
        1,
    ),
    "statistics with their value's name, Nakhon": (
        NAKHON,
        f"ปี,จังหวัด,รายการข้อมูล,ค่าข้อมูล,หน่วยวัด\n2567,{NAKHON},ทางหลวง,5,กม.\n2567,{NAKHON},สะพาน,5,แห่ง\n",
        {},
        2,
    ),
    "floods with two measures, Nakhon": (
        NAKHON,
        f"ชื่อชุดข้อมูล,จังหวัด,ปี,จำนวนครัวเรือน,จำนวนหมู่บ้าน\nอุทกภัย,{NAKHON},2567,20,3\nอุทกภัย,{NAKHON},2568,30,4\n",
        {},
        4,
    ),
    "land by amphoe, Nakhon": (
        NAKHON,
        f"รายการ,ปี,จังหวัด,อำเภอ,จำนวน,หน่วย\nพื้นที่,2568,{NAKHON},{NAKHON},6.5,ไร่\nพื้นที่,2568,{NAKHON},ปากพนัง,7,ไร่\n",
        {},
        2,
    ),
    "services by agency, Nakhon": (
        NAKHON,
        f"ปี,จังหวัด,หน่วยงาน,รายการสถิติทางการ,จำนวนการใช้บริการ\n2568,{NAKHON},ทต.ก,รถ,5\n2568,{NAKHON},ทต.ข,รถ,5\n",
        {"unit": "ครั้ง"},
        2,
    ),
    "months of a fiscal year, Chiang Mai": (
        CHIANG_MAI,
        "ปีงบประมาณ,เดือน,รายการ,จำนวน,หน่วย\n2567,ตุลาคม พ.ศ.2566,คดี,5,ราย\n2567,ม.ค. 67,คดี,6,ราย\n",
        {},
        2,
    ),
    "a fiscal year, Chiang Mai": (
        CHIANG_MAI,
        "ปีงบประมาณ,รายการข้อมูล,จำนวน,หน่วยนับ\n2566,โครงการ,5,โครงการ\n2567,โครงการ,6,โครงการ\n",
        {},
        2,
    ),
}


@pytest.mark.parametrize("name", PROVINCIAL)
def test_provincial_tables_of_three_nodes_need_one_line_of_the_registry_at_most(name: str) -> None:
    province, text, options, count = PROVINCIAL[name]
    assert len(options) <= 1
    chosen = {"portal": "phuket_gdcatalog", "package": "p", "smart": "living"} | options
    city = PHUKET.model_copy(update={"province_th": province})
    result = CKAN_STATISTICS.read(text.encode(), Context(city, DAY, "resource/r@2026-07-25", chosen))
    table = rows(result)
    cells = [cell for line in text.splitlines()[1:] for cell in line.split(",")]
    assert table.height == count
    assert all(f"{value.normalize():f}" in cells for value in table["value"])
    assert not set(result.problems["code"]) & {"key-duplicate", "duplicate-rows", "no-date", "row-filtered"}


@pytest.mark.parametrize(
    ("item", "odd"),
    [("สัดส่วนขยะที่รีไซเคิล", 1), ("ร้อยละการเปลี่ยนแปลง", 0), ("ความครอบคลุมวัคซีนเทียบเป้าหมาย", 0)],
)
def test_a_share_is_at_most_the_whole_unless_it_is_held_against_a_target(item: str, odd: int) -> None:
    found = rows(read(f"ปี,รายการ,จำนวน,หน่วย\n2567,{item},98,ร้อยละ\n2568,{item},104,ร้อยละ\n"))
    told = {verdict.check: verdict.failed for verdict in gate.judge(CITY_STATISTICS, found, DAY, DAY)}
    assert told["plausible:value:percent"] == odd


def checks(text: str) -> dict[str, tuple[int, int]]:
    """Rows that each check finds, and those that mislead."""
    found = rows(read(text))
    return {each.check: (each.failed, each.misleading) for each in gate.judge(CITY_STATISTICS, found, DAY, DAY, found)}


@pytest.mark.parametrize(("values", "odd"), [((3.2, 3.4, 0.035), 1), ((0.03, 0.031, 3.2), 1), ((0.2, 0.3, 2.4), 0)])
def test_a_small_share_that_becomes_a_fraction_is_told(values: tuple[float, ...], odd: int) -> None:
    lines = [f"{2566 + at},อัตราการว่างงาน,{value},ร้อยละ" for at, value in enumerate(values)]
    assert checks("\n".join(["ปี,รายการ,จำนวน,หน่วย", *lines]))["jump:value"] == (odd, odd)
    counts = [f"{2566 + at},คดี,{value},คดี" for at, value in enumerate((1, 1, 29))]
    assert checks("\n".join(["ปี,รายการ,จำนวน,หน่วย", *counts]))["jump:value"] == (0, 0)


@pytest.mark.parametrize(
    ("item", "value", "unit", "odd"),
    [("ขยะ", "-999", "ตัน", 1), ("ดุลการย้ายถิ่น", "-120", "คน", 0), ("กำไรสุทธิ", "-5", "ล้านบาท", 0), ("ขยะ", "0", "ตัน", 0)],
)
def test_a_count_below_zero_is_no_count(item: str, value: str, unit: str, odd: int) -> None:
    told = checks(f"ปี,รายการ,จำนวน,หน่วย\n2568,{item},{value},{unit}\n")
    assert told["plausible:value:negative"] == (odd, odd)
