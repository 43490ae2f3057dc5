"""Headers of several rows, tables below each other, notes and units around them, and years that are none."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from assets.sources import thai
from tests.kit import code_counts
from tests.sources.test_tables_anywhere import read, rows, said, shown, workbook

SICK = [("ตาย ชาย (คน)", 3), ("ตาย หญิง (คน)", 4), ("ป่วย ชาย (คน)", 1), ("ป่วย หญิง (คน)", 2)]


def lines(*cells: list[Any]) -> str:
    return "".join(",".join("" if cell is None else str(cell) for cell in line) + "\n" for line in cells)


TWO_ROWS = [
    [["ปี", "อำเภอ", "ป่วย (คน)", None, "ตาย (คน)", None], [None, None, "ชาย", "หญิง", "ชาย", "หญิง"]],
    [["ปี", "อำเภอ", "ป่วย", "ป่วย", "ตาย", "ตาย"], [None, None, "ชาย (คน)", "หญิง (คน)", "ชาย (คน)", "หญิง (คน)"]],
    [[None, None, "ป่วย (คน)", None, "ตาย (คน)", None], ["ปี", "อำเภอ", "ชาย", "หญิง", "ชาย", "หญิง"]],
    [
        ["จำนวนผู้ป่วยของจังหวัด", None, None, None, None, None],
        ["ปี", "อำเภอ", "ป่วย", None, "ตาย", None],
        [None, None, "ชาย", "หญิง", "ชาย", "หญิง"],
        [None, None, "(คน)", "(คน)", "(คน)", "(คน)"],
    ],
]


@pytest.mark.parametrize("header", TWO_ROWS)
@pytest.mark.parametrize("save", [lambda *table: lines(*table), lambda *table: workbook(a=list(table))])
def test_a_header_of_several_rows_names_each_column(header: list[list[Any]], save: Any) -> None:
    result = read(save(*header, [2567, "กะทู้", 1, 2, 3, 4], [2567, "ถลาง", 5, 6, 7, 8]))
    table = rows(result).sort("item")
    assert table.filter(area="กะทู้").select("item", "value").rows() == SICK
    assert table["value"].sum() == 36 and set(table["unit"]) == {"คน"}
    assert set(table["reference_date"]) == {date(2024, 1, 1)}


def test_years_in_a_row_of_the_header_are_years() -> None:
    head = [["อำเภอ", "ป่วย (คน)", None, None, None], [None, 2566, None, 2567, None], [None, *("ชาย", "หญิง") * 2]]
    table = rows(read(workbook(a=[*head, ["กะทู้", 1, 2, 3, 4], ["ถลาง", 5, 6, 7, 8]])))
    found = table.filter(area="กะทู้").sort("value").select("reference_date", "item", "value")
    assert found.rows() == [
        (date(2023, 1, 1), "ป่วย ชาย (คน)", 1),
        (date(2023, 1, 1), "ป่วย หญิง (คน)", 2),
        (date(2024, 1, 1), "ป่วย ชาย (คน)", 3),
        (date(2024, 1, 1), "ป่วย หญิง (คน)", 4),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "ปี,,รายการ,จำนวน,หน่วย\n2567,ก,ขยะ,5,ตัน\n2568,ข,ขยะ,6,ตัน\n",
        "ปี,จังหวัด,รายการ,จำนวน,หน่วย,,\n2567,ภูเก็ต,ขยะ,5,ตัน,,\n2568,ภูเก็ต,ขยะ,6,ตัน,,\n",
        "ปี,จังหวัด,รายการ,จำนวน,หน่วย,\n2567,ภูเก็ต,ขยะ,5,ตัน,ประมาณ\n2568,ภูเก็ต,ขยะ,6,ตัน,\n",
    ],
)
def test_a_first_row_of_values_is_no_header(text: str) -> None:
    assert rows(read(text)).sort("value")["value"].to_list() == [5, 6]


@pytest.mark.parametrize("text", [",\n", "\n\n,\n", "ปี,จำนวน\n", "ปี,จำนวน\nปี,จำนวน\n", "ที่มา: ก,\n"])
def test_a_file_without_rows_is_empty_and_no_fault_of_the_reader(text: str) -> None:
    result = read(text)
    assert not result.tables and set(result.problems["code"]) & {"answer-empty", "file-malformed", "file-empty"}


HEAD = "ปี,อำเภอ,จำนวน,หน่วย\n"


def test_a_header_that_comes_again_goes_on_and_is_said() -> None:
    again = read(f"{HEAD}2567,กะทู้,1,ตัน\n2567,ถลาง,2,ตัน\n{HEAD}2568,กะทู้,3,ตัน\n2568,ถลาง,4,ตัน\n")
    assert sorted(rows(again)["value"]) == [1, 2, 3, 4] and set(rows(again)["category"]) == {"all"}
    assert "header-repeated" in code_counts(again) and not again.problems["row"].count()


def test_the_title_of_each_table_below_another_dates_or_places_its_rows() -> None:
    block = "{},,\nอำเภอ , จำนวน,หน่วย\nกะทู้,{},ตัน\nถลาง,{},ตัน\nที่มา: อบจ. ปี 2560,,\n"
    years = read(block.format("ปริมาณขยะ ปี 2566", 1, 2) + block.format("ปริมาณขยะ ปี 2567", 3, 4))
    found = rows(years).sort("value").select("reference_date", "value").rows()
    assert found == [(date(2023, 1, 1), 1), (date(2023, 1, 1), 2), (date(2024, 1, 1), 3), (date(2024, 1, 1), 4)]
    block = "{},,\nปี,จำนวน,หน่วย\n2566,{},ตัน\n2567,{},ตัน\n,,\n"
    places = read(block.format("อำเภอกะทู้", 1, 2) + block.format("อำเภอถลาง", 1, 2))
    assert rows(places)["area"].to_list().count("กะทู้") == rows(places)["area"].to_list().count("ถลาง") == 2
    assert not shown(places) and "duplicate-rows" not in code_counts(places)


def test_a_label_alone_in_a_row_is_of_the_rows_below_it() -> None:
    table = "อำเภอ,จำนวน,หน่วย\n{},,\nกะทู้,1,ตัน\nถลาง,2,ตัน\n{},,\nกะทู้,3,ตัน\nถลาง,4,ตัน\n"
    years = table.format("ปี 2566", "ปี 2567")
    for data in (years, workbook(a=[[cell or None for cell in line.split(",")] for line in years.splitlines()])):
        found = rows(read(data)).sort("value").select("reference_date", "value").rows()
        assert found == [(date(2023, 1, 1), 1), (date(2023, 1, 1), 2), (date(2024, 1, 1), 3), (date(2024, 1, 1), 4)]
    classes = rows(read(table.format("ขยะอินทรีย์", "ขยะรีไซเคิล"))).sort("value")
    assert classes["category"].to_list() == ["ขยะอินทรีย์"] * 2 + ["ขยะรีไซเคิล"] * 2
    blank = rows(read("อำเภอ,จำนวน,หมายเหตุ,หน่วย\nกะทู้,,,\nเมือง,2,,ตัน\nเกาะ,,,\nถลาง,4,,ตัน\n"))
    assert set(blank["category"]) == {"all"}, "an amphoe without a value is above nothing"


@pytest.mark.parametrize(
    "below",
    [
        "ปี,ตำบล,ปริมาณ,หน่วย\n2567,รัษฎา,900,ลบ.ม.\n2568,วิชิต,900,ลบ.ม.\n",
        ",,,\nน้ำเสีย,,,\nปี,ตำบล,ปริมาณ,หน่วย\n2567,รัษฎา,900,ลบ.ม.\n",
        ",,,\nชื่อแห่ง,ที่ตั้ง,ห้องพัก,ดาว\n2568,กะทู้,900,ห้าดาว\n",
    ],
)
def test_another_table_below_is_not_read_as_this_one_and_is_named(below: str) -> None:
    result = read(f"{HEAD}2567,กะทู้,1,ตัน\n2567,ถลาง,2,ตัน\n2568,กะทู้,3,ตัน\n2568,ถลาง,4,ตัน\n{below}")
    assert sorted(rows(result)["value"]) == [1, 2, 3, 4]
    assert said(result, "sheet-left")
    sheet = [line.split(",") for line in f"{HEAD}2567,กะทู้,1,ตัน\n2568,กะทู้,3,ตัน\n{below}".splitlines()]
    assert 900 not in rows(read(workbook(a=sheet)))["value"].to_list()


@pytest.mark.parametrize("note", ["หมายเหตุ: ข้อมูล ณ 1 ม.ค. 2568", "ที่มา : สำนักงานสถิติ", "* ตัวเลขเบื้องต้น", "Source: NSO"])
def test_a_note_below_is_no_area_and_costs_nothing(note: str) -> None:
    table = "อำเภอ,จำนวน,หน่วย\nกะทู้,5,ตัน\nถลาง,,ตัน\n"
    for data in (
        f"{table}{note},,\n",
        f"{table}\n{note}\n",
        workbook(a=[row.split(",") for row in table.split()] + [[note]]),
    ):
        result = read(data)
        assert sorted(rows(result)["area"]) == ["กะทู้", "ถลาง"]
        assert said(result, "row-filtered") == "1 notes to the table are left out"


@pytest.mark.parametrize(
    "text",
    [
        "ปริมาณขยะ (หน่วย : ตัน),,,\nปี,จังหวัด,รายการ,จำนวน\n2567,ภูเก็ต,ขยะ,1\n",
        "ปริมาณขยะ,,,\n,,,หน่วย: ตัน\nปี,จังหวัด,รายการ,จำนวน\n2567,ภูเก็ต,ขยะ,1\n",
        "ปี,จังหวัด,รายการ,ปริมาณ [ตัน]\n2567,ภูเก็ต,ขยะ,1\n",
        "ปี,จังหวัด,รายการ,ปริมาณ (หน่วย: ตัน)\n2567,ภูเก็ต,ขยะ,1\n",
        "ปี,จังหวัด,รายการ,ปริมาณ หน่วย: ตัน\n2567,ภูเก็ต,ขยะ,1\n",
        "ปี,จังหวัด,รายการ,จำนวน\n,,,(ตัน)\n2567,ภูเก็ต,ขยะ,1\n",
    ],
)
def test_a_unit_stands_in_a_title_or_a_header(text: str) -> None:
    assert rows(read(text)).select("value", "unit").rows() == [(1, "ตัน")]


@pytest.mark.parametrize("cell", ["2566/2567", "พ.ศ.2566-2567", "2566-67", "2566 ถึง 2567", "ปี 2566/67"])
def test_two_years_in_one_are_refused_as_that(cell: str) -> None:
    told = read(f"ปี,จังหวัด,รายการ,จำนวน,หน่วย\n{cell},ภูเก็ต,ข้าว,5,ตัน\n2568,ภูเก็ต,ข้าว,6,ตัน\n")
    assert rows(told)["value"].to_list() == [6] and "two years" in said(told, "stamp-bad")
    item = read(f"รายการ,จำนวน,หน่วย\nข้าว ปี {cell},5,ตัน\n")
    assert not rows(item).height and "two years" in said(item, "stamp-bad"), "not dated by the package"


@pytest.mark.parametrize("span", ["2566/2567", "2566-67", "พ.ศ. 2566 - พ.ศ. 2567", "๒๕๖๖/๒๕๖๗", "2023/2024"])
def test_a_fiscal_year_may_be_told_by_both_years_it_lies_in(span: str) -> None:
    text = f"ปีงบประมาณ,จังหวัด,รายการ,จำนวน,หน่วย\n{span},ภูเก็ต,คดี,5,ราย\n"
    assert rows(read(text))["reference_date"].to_list() == [date(2023, 10, 1)]
    for other in ("2566/2569", "2567/2566"):
        assert code_counts(read(text.replace(span, other)))["stamp-bad"] == 1


@pytest.mark.parametrize("header", ["ปีการผลิต", "ช่วงปี", "ฤดูกาล"])
def test_two_years_under_any_header_are_not_dated_by_the_package(header: str) -> None:
    text = f"{header},จังหวัด,รายการ,จำนวน,หน่วย\n2566/2567,ภูเก็ต,ข้าว,5,ตัน\n2567/2568,ภูเก็ต,ข้าว,6,ตัน\n"
    assert not read(text).tables and header in said(read(text), "file-malformed")


@pytest.mark.parametrize("cell", ["'2567", "2567*", "2567 p", "2567r", "2567 (เบื้องต้น)", "พ.ศ. ๒๕๖๗ *"])
def test_a_mark_beside_a_year_is_none_of_it(cell: str) -> None:
    assert pl.select(thai.year(pl.lit(cell))).item() == 2024


@pytest.mark.parametrize("header", ["ปีการศึกษา", "ภาคเรียนที่", "ครั้งที่", "ฉบับที่"])
def test_a_term_or_a_meeting_is_no_month(header: str) -> None:
    result = read(f"{header},จังหวัด,รายการ,จำนวน,หน่วย\n1/2566,ภูเก็ต,นักเรียน,1,คน\n2/2566,ภูเก็ต,นักเรียน,2,คน\n")
    assert not result.tables or set(rows(result)["months"]) == {12}


@pytest.mark.parametrize("header", ["ลำดับ", "ลำดับที่", "ที่", "No."])
@pytest.mark.parametrize("values", [(5, 5), (5, 7)])
def test_rows_that_only_their_number_tells_apart_are_neither_merged_nor_guessed(
    header: str, values: tuple[int, int]
) -> None:
    first, second = (f"2567,ศูนย์เด็ก,{value},คน" for value in values)
    text = f"{header},ปี,รายการ,จำนวน,หน่วย\n1,{first}\n2,{second}\n3,2568,ศูนย์เด็ก,6,คน\n"
    result = read(text)
    assert rows(result)["value"].to_list() == [6] and header in said(result, "key-duplicate")
    assert "duplicate-rows" in code_counts(read(text.replace(f",{values[1]},", ",5,"), ignored=[header]))
