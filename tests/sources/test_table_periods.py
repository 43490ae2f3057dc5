"""What words of a header, a title or a sheet's name say of the period, and whose a table is."""

import json
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, strategies as st

from assets.landing.portals import portal
from assets.sources import thai
from assets.sources.ckan import resource_of
from assets.sources.ckan_statistics import CKAN_STATISTICS
from assets.sources.long_table_periods import Told, period
from assets.sources.source import Context
from tests.kit import code_counts
from tests.sources.test_tables_anywhere import DAY, PHUKET, read, rows, said, shown, workbook

WORDS = [*"-/ ()", "2568", "68", "31", "ม.ค.", "มิ.ย.", "ต.ค.", "ก.ย.", "Dec", "ไตรมาส 1", "Q3", "ปี", "ถึง", "ณ", "งบ"]
MONTHS = [names[1] for names in thai.MONTHS.values()]


def periods(result: Any) -> list[tuple[str, int, date, int]]:
    return rows(result).select("item", "months", "reference_date", "value").sort("reference_date", "value").rows()


@pytest.mark.parametrize("count", [1, 2, 3, 5, 12])
@pytest.mark.parametrize("names", [MONTHS, [names[0] for names in thai.MONTHS.values()], list(thai.ENGLISH_MONTHS)])
def test_however_few_columns_of_months_there_are_they_are_months(names: list[str], count: int) -> None:
    values = ",".join(str(10 + n) for n in range(count))
    result = read(f"ปี,รายการ,หน่วย,{','.join(names[:count])}\n2568,ขยะ,ตัน,{values}\n")
    assert periods(result) == [("ขยะ", 1, date(2025, 1 + n, 1), 10 + n) for n in range(count)]
    [found] = shown(result).values()
    assert (found["value"], found["period_start"]) == (9 + count, date(2025, count, 1)), "the newest month, not a year"


@pytest.mark.parametrize("header", ["ปีที่สำรวจ", "FY", "ประจำปี", "ปีงปม."])
def test_months_are_of_the_year_of_a_column_that_only_its_values_tell(header: str) -> None:
    result = read(f"{header},รายการ,หน่วย,ม.ค.,ก.พ.\n2568,ขยะ,ตัน,10,11\n")
    assert periods(result) == [("ขยะ", 1, date(2025, n, 1), 9 + n) for n in (1, 2)]


@pytest.mark.parametrize(
    ("header", "months", "day"),
    [
        ("ม.ค. 68", 1, (2025, 1)),
        ("ม.ค.-68", 1, (2025, 1)),
        ("มค.68", 1, (2025, 1)),
        ("เดือนมกราคม 2568", 1, (2025, 1)),
        ("มกราคม พ.ศ. 2568", 1, (2025, 1)),
        ("2568 ม.ค.", 1, (2025, 1)),
        ("Jan-25", 1, (2025, 1)),
        ("ณ 31 ม.ค. 2568", 1, (2025, 1)),
        ("ไตรมาส 2/2568", 3, (2025, 4)),
        ("ไตรมาสที่ 2 ปี 2568", 3, (2025, 4)),
        ("Q2/68", 3, (2025, 4)),
        ("Q2 2025", 3, (2025, 4)),
        ("ไตรมาส 2 (เม.ย.-มิ.ย.) 2568", 3, (2025, 4)),
        ("ไตรมาส 2 ปีงบประมาณ 2568", 3, (2025, 1)),
        ("ปี 68", 12, (2025, 1)),
        ("พ.ศ. 68", 12, (2025, 1)),
        ("2568*", 12, (2025, 1)),
        ("2568p", 12, (2025, 1)),
        ("2568 (เบื้องต้น)", 12, (2025, 1)),
        ("2568 (ม.ค.-ธ.ค.)", 12, (2025, 1)),
        ("FY68", 12, (2024, 10)),
        ("ปีงปม. 2568", 12, (2024, 10)),
        ("ปี ง.ป.ม. 2568", 12, (2024, 10)),
        ("ปีงบประมาณ 2567/68", 12, (2024, 10)),
        ("2568 (ต.ค.67-ก.ย.68)", 12, (2024, 10)),
        ("ต.ค. 2567 - ก.ย. 2568", 12, (2024, 10)),
    ],
)
def test_a_header_tells_its_period_and_is_no_item(header: str, months: int, day: tuple[int, int]) -> None:
    result = read(f"รายการ,หน่วย,{header}\nขยะ,ตัน,48\n")
    assert periods(result) == [("ขยะ", months, date(*day, 1), 48)]
    assert "no-date" not in code_counts(result)


@pytest.mark.parametrize(
    "header",
    [
        "2568 (ม.ค.-มิ.ย.)",
        "2568 (6 เดือน)",
        "6 เดือนแรก ปี 2568",
        "ม.ค.-มิ.ย. 2568",
        "ม.ค. ถึง มิ.ย. 68",
        "2568 (ถึง มิ.ย.)",
        "ครึ่งปีแรก 2568",
        "H1 2568",
        "2568 YTD",
        "ภาคเรียนที่ 1/2568",
        "เทอม 1 ปี 2568",
        "ไตรมาส 1-2 ปี 2568",
        "ไตรมาส 1 (ต.ค.-ธ.ค.) 2568",
        "5 ม.ค. 2568",
        "2567/68",
        "01/2568",
    ],
)
def test_a_part_of_a_year_in_a_header_is_left_out_and_said(header: str) -> None:
    result = read(f"รายการ,หน่วย,2566,{header}\nขยะ,ตัน,100,48\n")
    assert periods(result) == [("ขยะ", 12, date(2023, 1, 1), 100)]
    assert header in said(result, "stamp-bad")
    alone = read(f"รายการ,หน่วย,{header}\nขยะ,ตัน,48\n")
    assert not alone.tables and header in said(alone, "file-malformed")


@pytest.mark.parametrize("header", ["6 เดือนแรก", "ครึ่งปีหลัง", "ม.ค.-มิ.ย.", "ภาคเรียนที่ 1"])
def test_a_part_of_the_year_that_a_column_tells_is_left_out_too(header: str) -> None:
    result = read(f"ปี,รายการ,หน่วย,ทั้งหมด,{header}\n2568,ขยะ,ตัน,100,48\n")
    assert rows(result)["value"].to_list() == [100] and header in said(result, "stamp-bad")


@pytest.mark.parametrize("names", [["ไตรมาส 1", "ไตรมาส 2"], ["ไตรมาสที่ 1", "ไตรมาสที่ 2"], ["Q1", "Q2"]])
@pytest.mark.parametrize(("year", "begins"), [("ปี", (2025, 1)), ("ปีงบประมาณ", (2024, 10))])
def test_columns_of_quarters_have_three_months_each(names: list[str], year: str, begins: tuple[int, int]) -> None:
    result = read(f"{year},รายการ,หน่วย,{','.join(names)},รวมทั้งปี\n2568,ขยะ,ตัน,10,11,46\n")
    assert periods(result)[0][1:3] == (3, date(*begins, 1))
    assert rows(result)["value"].to_list() == [10, 11], "what is the sum of all four is not of one"
    assert "รวมทั้งปี" in said(result, "column-new")


def test_years_months_and_what_else_headers_say_stand_together() -> None:
    result = read("รายการ,หน่วย,ชาย ม.ค. 68,หญิง ม.ค. 68,ชาย 2567\nคดี,ราย,1,2,30\n")
    assert periods(result) == [
        ("คดี / ชาย", 12, date(2024, 1, 1), 30),
        ("คดี / ชาย", 1, date(2025, 1, 1), 1),
        ("คดี / หญิง", 1, date(2025, 1, 1), 2),
    ]


@pytest.mark.parametrize(
    "header",
    [
        *("ส.ค.1", "ส.ค. 1", "ก.พ.ร.", "เด็กอายุ 9 เดือน", "อัตราต่อเดือน", "ผู้สูงอายุ 60 ปี", "ก๊าซ H2", "ค่าเทอม"),
        *("สถาบันการศึกษา", "ครึ่งซีก", "Marina", "รายไตรมาส", "อายุ 0-14 ปี", "ปี 60 ขึ้นไป"),
    ],
)
def test_what_only_looks_like_a_period_is_a_measure_as_any(header: str) -> None:
    assert period(header) == Told(rest=header)
    result = read(f"ปี,รายการ,หน่วย,ก,{header}\n2568,ขยะ,ตัน,1,2\n")
    assert set(rows(result)["item"]) == {"ขยะ / ก", f"ขยะ / {header}"} and set(rows(result)["months"]) == {12}


@pytest.mark.parametrize(
    "text",
    [
        "รายการ,หน่วย,ม.ค.,ก.พ.\nขยะ,ตัน,1,2\n",
        "รายการ,หน่วย,ไตรมาส 1,ไตรมาส 2\nขยะ,ตัน,1,2\n",
        "เดือน,รายการ,หน่วย,จำนวน\nม.ค.,ขยะ,ตัน,1\n",
        "รายการ,หน่วย,จำนวน\nขยะ ไตรมาส 1,ตัน,1\nขยะ เดือนมกราคม,ตัน,1\n",
    ],
)
def test_a_month_or_quarter_of_no_year_is_never_dated_by_the_package(text: str) -> None:
    result = read(text)
    assert rows(result).is_empty() and set(code_counts(result)) - {"column-renamed"} == {"stamp-bad"}


@pytest.mark.parametrize(
    ("item", "months", "begins"),
    [
        ("ขยะ ไตรมาส 2", 3, {"ปี": (2025, 4), "ปีงบประมาณ": (2025, 1)}),
        ("ขยะ เดือนมกราคม", 1, {"ปี": (2025, 1), "ปีงบประมาณ": (2025, 1)}),
        ("ขยะ ม.ค. 2568", 1, {"ปี": (2025, 1), "ปีงบประมาณ": (2025, 1)}),
        ("ขยะ ต.ค. 2567", 1, {"ปีงบประมาณ": (2024, 10)}),
        ("ขยะ 6 เดือนแรก", 12, {}),
        ("ขยะ 3 เดือนสุดท้าย", 12, {}),
        ("ขยะ สัปดาห์ที่ 3", 12, {}),
        ("ขยะ (ม.ค.-มิ.ย.)", 12, {}),
        ("ขยะ ครึ่งปีหลัง", 12, {}),
        ("เอกสารสิทธิ์ ส.ค.1", 12, {"ปี": (2025, 1), "ปีงบประมาณ": (2024, 10)}),
        ("ผู้สอบผ่านของ ก.พ.", 12, {"ปี": (2025, 1), "ปีงบประมาณ": (2024, 10)}),
        ("ค่าใช้จ่ายต่อเดือน", 12, {"ปี": (2025, 1), "ปีงบประมาณ": (2024, 10)}),
    ],
)
@pytest.mark.parametrize("year", ["ปี", "ปีงบประมาณ"])
def test_an_item_of_a_part_of_its_year_is_not_of_all_of_it(
    year: str, item: str, months: int, begins: dict[str, tuple[int, int]]
) -> None:
    result = read(f"{year},รายการ,จำนวน,หน่วย\n2568,{item},48,ตัน\n")
    told = [(item, months, date(*begins[year], 1), 48)] if year in begins else []
    assert periods(result) == told and bool(told) != bool(said(result, "stamp-bad"))


@pytest.mark.parametrize(
    ("header", "line", "begins"),
    [
        ("ปี,เดือน", "2568,ม.ค. 67", None),
        ("ปี,เดือน", "2568,ม.ค. 68", (2025, 1)),
        ("ปี,เดือน", "2568,ต.ค. 67", (2024, 10)),
        ("ปีงบประมาณ,เดือน", "2568,ต.ค. 67", (2024, 10)),
        ("ปีงบประมาณ,เดือน", "2568,ม.ค. 66", None),
        ("ปี,ไตรมาส", "2568,1/2567", None),
        ("ปี,ไตรมาส", "2568,1/2568", (2025, 1)),
        ("พ.ศ.,ค.ศ.", "2568,2024", None),
        ("พ.ศ.,ค.ศ.", "2568,2025", (2025, 1)),
        ("ปี,Year", "2568,2024", None),
    ],
)
def test_two_columns_that_tell_two_years_date_nothing(header: str, line: str, begins: tuple[int, int] | None) -> None:
    """But the first months of a fiscal year, also of one that is not called so, lie in the year before."""
    result = read(f"{header},รายการ,จำนวน,หน่วย\n{line},ขยะ,48,ตัน\n")
    found = rows(result)["reference_date"].to_list() if result.tables else []
    assert found == ([date(*begins, 1)] if begins else [])
    assert begins or said(result, "stamp-bad")


def test_a_quarter_in_an_item_is_of_the_year_told_there() -> None:
    found = periods(read("รายการ,หน่วย,จำนวน\nขยะ ไตรมาส 2 ปี 2568,ตัน,1\n"))
    assert [each[1:] for each in found] == [(3, date(2025, 4, 1), 1)]


def test_footnotes_are_no_items_and_numbers_beside_a_year_no_periods() -> None:
    assert [found[0] for found in periods(read("รายการ,หน่วย,2567 1/,2568 2/\nขยะ,ตัน,1,2\n"))] == ["ขยะ", "ขยะ"]
    assert "2568 1" in said(read("รายการ,หน่วย,2568 1,2568 2\nขยะ,ตัน,1,2\n"), "file-malformed")


@pytest.mark.parametrize("days", [(1, 1), (1, 2)])
def test_months_that_a_workbook_has_as_dates_are_months_where_all_are_first_days(days: tuple[int, int]) -> None:
    head = ["รายการ", "หน่วย", datetime(2025, 1, days[0]), datetime(2025, 2, days[1])]
    result = read(workbook(ก=[head, ["ขยะ", "ตัน", 1, 2], ["น้ำเสีย", "ตัน", 3, 4]]))
    if days == (1, 1):
        assert set(rows(result).select("months", "reference_date").rows()) == {(1, date(2025, n, 1)) for n in (1, 2)}
    else:
        assert "2025-02-02" in said(result, "file-malformed")


@pytest.mark.parametrize(
    "text",
    [
        "ปี,รายการ,จำนวน,หน่วย,หมายเหตุ\n2568,ขยะ,48,ตัน,ข้อมูล ม.ค.-มิ.ย.\n2567,ขยะ,100,ตัน,\n",
        "ปี,รายการ,จำนวน,หน่วย\n2567,ขยะ,100,ตัน\n2568,ขยะ,48,ตัน\nหมายเหตุ: ปี 2568 เป็นข้อมูล ม.ค.-มิ.ย.,,,\n",
        "ปี,รายการ,จำนวน,หน่วย\n2567,ขยะ,100,ตัน\n2568,ขยะ,48,ตัน\nหมายเหตุ: ข้อมูลถึงเดือนมิถุนายน 2568,,,\n",
        "ขยะ 6 เดือนแรก\nปี,รายการ,จำนวน,หน่วย\n2567,ขยะ,100,ตัน\n2568,ขยะ,48,ตัน\n",
    ],
)
def test_a_remark_a_note_or_a_title_that_doubts_whole_years_is_said(text: str) -> None:
    result = read(text)
    assert rows(result).height == 2 and code_counts(result)["period-mismatch"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "ปี,รายการ,จำนวน,หน่วย\n2568,ขยะ,48,ตัน\nหมายเหตุ: ข้อมูล ณ วันที่ 30 ก.ย. 2568,,,\n",
        "ปี,เดือน,รายการ,จำนวน,หน่วย\n2568,ม.ค.,ขยะ,48,ตัน\nหมายเหตุ: ข้อมูลถึงเดือนมิถุนายน 2568,,,\n",
        "ข้อมูล ณ สิ้นเดือนมิถุนายน 2568\nปี,รายการ,จำนวน,หน่วย\n2568,ขยะ,48,ตัน\n",
        "ปรับปรุงเมื่อ 5 ก.พ. 2568\nปี,รายการ,จำนวน,หน่วย\n2568,ขยะ,48,ตัน\n",
        "ปีงบประมาณ 2568 (ต.ค. 67 - ก.ย. 68)\nปี,รายการ,จำนวน,หน่วย\n2568,ขยะ,48,ตัน\n",
    ],
)
def test_when_a_table_was_made_doubts_nothing(text: str) -> None:
    assert "period-mismatch" not in code_counts(read(text))


@pytest.mark.parametrize("title", ["ขยะ ปี 2560-67", "ขยะ พ.ศ. 2566/67", "ขยะ 12 เดือน ปี 2568", "ขยะ ไตรมาส 1-4 ปี 2568"])
def test_a_title_of_whole_years_doubts_none(title: str) -> None:
    assert "period-mismatch" not in code_counts(read(f"{title}\nปี,รายการ,จำนวน,หน่วย\n2568,ขยะ,48,ตัน\n"))
    undated = read(f"{title}\nรายการ,จำนวน,หน่วย\nขยะ,48,ตัน\n")
    assert periods(undated) == ([("ขยะ", 12, date(2025, 1, 1), 48)] if "2568" in title else [])


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2568 (ม.ค.-มิ.ย.)", None),
        ("2568 (ครึ่งปีแรก)", None),
        ("2568 (เบื้องต้น)", date(2025, 1, 1)),
        ("2568 (ม.ค.-ธ.ค.)", date(2025, 1, 1)),
        ("ปีงบประมาณ 2568 (ต.ค.-ก.ย.)", date(2024, 10, 1)),
    ],
)
def test_a_year_cell_of_a_part_of_it_is_refused(cell: str, day: date | None) -> None:
    result = read(f"ปี,รายการ,หน่วย,จำนวน\n{cell},ขยะ,ตัน,48\n2560,ขยะ,ตัน,1\n")
    assert rows(result)["reference_date"].to_list() == [each for each in (day, date(2017, 1, 1)) if each]
    assert code_counts(result).get("stamp-bad", 0) == (day is None)


@pytest.mark.parametrize(
    "header",
    ["ปีงปม.", "ปี ง.ป.ม.", "Year (Oct-Sep)", "FY", "งบประมาณปี", "ปี งบฯ", "ปีบัญชี (ต.ค. - ก.ย.)", "Fiscal Year"],
)
def test_a_column_of_fiscal_years_is_known_however_it_is_called(header: str) -> None:
    result = read(f"{header},จังหวัด,รายการ,จำนวน,หน่วย\n2568,ภูเก็ต,ขยะ,10,ตัน\n2567,ภูเก็ต,ขยะ,9,ตัน\n")
    assert periods(result) == [("ขยะ", 12, date(2023, 10, 1), 9), ("ขยะ", 12, date(2024, 10, 1), 10)]
    assert shown(result)["ขยะ"]["period_end"] == date(2025, 9, 30)


@pytest.mark.parametrize("header", ["งบประมาณ (บาท)", "งปม.", "จำนวนของบริษัท"])
def test_an_amount_of_budget_is_no_year(header: str) -> None:
    result = read(f"ปี,รายการ,หน่วย,{header}\n2568,ถนน,บาท,2500\n")
    assert periods(result)[0][1:] == (12, date(2025, 1, 1), 2500)


@given(st.text(max_size=30) | st.lists(st.sampled_from(WORDS), max_size=6).map("".join))
@example("ſep 68")
def test_any_words_are_told_without_fail(words: str) -> None:
    told = period(words)
    assert not told.part or told == Told(part=told.part)
    assert not (told.month and told.quarter)


# Titles and names of sheets

TABLE = "รายการ,หน่วย,จำนวน\nขยะ,ตัน,60\nน้ำเสีย,ตัน,7\n"


@pytest.mark.parametrize(
    ("title", "months", "day"),
    [
        ("ปริมาณขยะ ปี 2568", 12, (2025, 1)),
        ("ปริมาณขยะ ปี ง.ป.ม. 2568", 12, (2024, 10)),
        ("ปีงบประมาณ พ.ศ. 2568 (ตุลาคม 2567 - กันยายน 2568)", 12, (2024, 10)),
        ("ปี 2568 (1 ม.ค. - 31 ธ.ค. 2568)", 12, (2025, 1)),
        ("ปี 2567 (ข้อมูล ณ 31 มกราคม 2568)", 12, (2024, 1)),
        ("ปริมาณขยะ ไตรมาส 2 ปี 2568", 3, (2025, 4)),
        ("เดือนมกราคม 2568", 1, (2025, 1)),
        ("เดือนมกราคม ปี 2568", 1, (2025, 1)),
    ],
)
def test_a_title_tells_the_period_of_a_table_that_has_none(title: str, months: int, day: tuple[int, int]) -> None:
    found = rows(read(f"{title}\n{TABLE}"))
    assert set(found.select("months", "reference_date").rows()) == {(months, date(*day, 1))}


@pytest.mark.parametrize("title", ["6 เดือนแรกของปี 2568", "ม.ค.-มิ.ย. 2568", "ปี 2568 (ม.ค.-มิ.ย.)", "ครึ่งปีแรก 2568"])
def test_a_title_of_a_part_of_a_year_refuses_the_rows(title: str) -> None:
    result = read(f"{title}\n{TABLE}")
    assert rows(result).is_empty() and code_counts(result) == {"stamp-bad": 2}
    finer = read(f"{title} ปี 2568\nรายการ,หน่วย,ม.ค.,ก.พ.\nขยะ,ตัน,1,2\n")
    assert [found[1] for found in periods(finer)] == [1, 1], "the months of the columns are told by these"


def test_sheets_called_by_quarters_are_quarters() -> None:
    head = ["รายการ", "หน่วย", "จำนวน"]
    made = workbook(**{f"ไตรมาส {n} ปี 2568": [head, ["ขยะ", "ตัน", 10 + n], ["น้ำเสีย", "ตัน", n]] for n in (1, 2)})
    found = rows(read(made)).filter(pl.col("item") == "ขยะ").select("months", "reference_date", "value").rows()
    assert found == [(3, date(2025, 1, 1), 11), (3, date(2025, 4, 1), 12)]


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (("ม.ค. 2568", "ก.พ. 2568"), [(1, date(2025, 1, 1), 3), (1, date(2025, 2, 1), 5)]),
        (("ปี 2567", "6 เดือนแรก ปี 2568"), [(12, date(2024, 1, 1), 3)]),
        (("ปี 2567", "ปี 2568"), [(12, date(2024, 1, 1), 3), (12, date(2025, 1, 1), 5)]),
    ],
)
def test_labels_above_rows_tell_their_months_or_refuse_them(labels: tuple[str, str], found: list[Any]) -> None:
    one, two = labels
    text = f"รายการ,จำนวน,หน่วย\n{one},,\nขยะ,3,ตัน\nน้ำเสีย,4,ตัน\n{two},,\nขยะ,5,ตัน\nน้ำเสีย,6,ตัน\n"
    assert [each[1:] for each in periods(read(text)) if each[0] == "ขยะ"] == found


@pytest.mark.parametrize(
    ("title", "own"),
    [
        ("จังหวัดพังงา", False),
        ("ปริมาณขยะของจังหวัดพังงา", False),
        ("ขยะ จ.พังงา", False),
        ("จังหวัดภูเก็ต", True),
        ("จังหวัดภูเก็ตและจังหวัดพังงา", True),
        ("อบจ.พังงา", True),
        ("ข้อมูลรายจังหวัด", True),
        ("ที่มา: สำนักงานสถิติจังหวัดพังงา", True),
    ],
)
def test_a_title_that_names_another_province_alone_is_not_of_the_city(title: str, own: bool) -> None:
    result = read(f"{title}\nปี,อำเภอ,รายการ,จำนวน,หน่วย\n2568,รวม,ขยะ,60,ตัน\n")
    assert (bool(result.tables) and rows(result)["area"].to_list() == ["ภูเก็ต"]) == own
    assert own or "other provinces" in said(result, "row-filtered")


def test_a_column_of_provinces_says_more_than_a_title() -> None:
    result = read("จังหวัดพังงา\nปี,จังหวัด,รายการ,จำนวน,หน่วย\n2568,ภูเก็ต,ขยะ,60,ตัน\n2568,พังงา,ขยะ,7,ตัน\n")
    assert rows(result)["value"].to_list() == [60]


SCHOOL_YEAR = [
    "ปีการศึกษา,รายการ,จำนวน,หน่วย\n2567,นักเรียน,110,คน\n2568,นักเรียน,120,คน\n",
    "ปี,รายการ,จำนวน,หน่วย\nปีการศึกษา 2567,นักเรียน,110,คน\nปีการศึกษา 2568,นักเรียน,120,คน\n",
    "รายการ,หน่วย,ปีการศึกษา 2567,ปีการศึกษา 2568\nนักเรียน,คน,110,120\nครู,คน,11,12\n",
]


@pytest.mark.parametrize("text", SCHOOL_YEAR)
def test_a_school_year_begins_in_may(text: str) -> None:
    found = [each for each in periods(read(text)) if each[0] == "นักเรียน"]
    assert found == [("นักเรียน", 12, date(year, 5, 16), value) for year, value in ((2024, 110), (2025, 120))]
    [one] = [each for each in shown(read(text)).values() if each["title"] == "นักเรียน"]
    assert (one["period_start"], one["period_end"]) == (date(2025, 5, 16), date(2026, 5, 15))


def test_the_last_months_of_a_school_year_lie_in_the_next_year() -> None:
    result = read("ปีการศึกษา,เดือน,รายการ,จำนวน,หน่วย\n2567,มิถุนายน,นักเรียน,1,คน\n2567,ม.ค. 68,นักเรียน,2,คน\n")
    assert [each[2] for each in periods(result)] == [date(2024, 6, 1), date(2025, 1, 1)]


@pytest.mark.parametrize(
    ("item", "day"),
    [
        ("คดี 2567", date(2024, 1, 1)),
        ("คดี (2567)", date(2024, 1, 1)),
        ("คดี ปี 67", date(2024, 1, 1)),
        ("คดี ปี 2567 ประเภทยา", date(2024, 1, 1)),
        ("นักเรียน ปีการศึกษา 2567", date(2024, 5, 16)),
        ("ผู้สูงอายุ ปี 60 ขึ้นไป", None),
        ("ผู้มีรายได้ 2500 บาท", None),
    ],
)
def test_an_item_tells_its_year_where_no_column_does(item: str, day: date | None) -> None:
    """A package is modified years after; its day is for what tells no year at all."""
    result = read(f"รายการ,จำนวน,หน่วย\n{item},100,ราย\nอื่นใด {item},90,ราย\n")
    assert rows(result)["reference_date"].unique().to_list() == [day] or code_counts(result)["no-date"] == 1
    assert (code_counts(result)["no-date"] == 1) == (day is None)


def test_a_month_and_its_year_in_an_item_are_its_period() -> None:
    assert periods(read("รายการ,หน่วย,จำนวน\nขยะ ม.ค. 2568,ตัน,1\n")) == [("ขยะ ม.ค. 2568", 1, date(2025, 1, 1), 1)]


@pytest.mark.parametrize(
    ("title", "area"),
    [
        ("จำนวนครัวเรือน อำเภอกะทู้ จังหวัดภูเก็ต", ("amphoe", "กะทู้")),
        ("จำนวนครัวเรือนในเขตเทศบาลเมืองป่าตอง", ("city", "เทศบาลเมืองป่าตอง")),
        ("เทศบาลตำบลราไวย์ อำเภอเมืองภูเก็ต จังหวัดภูเก็ต", ("city", "เทศบาลตำบลราไวย์")),
        ("ข้อมูลตำบลฉลอง อ.เมือง จ.ภูเก็ต", ("tambon", "ฉลอง")),
        ("จำนวนครัวเรือน จำแนกตามอำเภอ จังหวัดภูเก็ต", ("province", "ภูเก็ต")),
        ("จำนวนครัวเรือนรายตำบล", ("province", "ภูเก็ต")),
        ("ที่มา: ที่ว่าการอำเภอถลาง", ("province", "ภูเก็ต")),
        ("โรงพยาบาลส่งเสริมสุขภาพตำบลในจังหวัดภูเก็ต", ("province", "ภูเก็ต")),
        ("หนึ่งตำบลหนึ่งผลิตภัณฑ์ จำนวนอำเภอ ตำบล หมู่บ้าน", ("province", "ภูเก็ต")),
    ],
)
def test_a_title_that_names_a_part_of_the_province_alone_is_not_of_all_of_it(title: str, area: tuple[str, str]) -> None:
    result = read(f"{title}\nปี,รายการ,จำนวน,หน่วย\n2567,ครัวเรือน,100,หลัง\n2568,ครัวเรือน,110,หลัง\n")
    assert rows(result).select("area_level", "area").unique().rows() == [area]
    assert bool(shown(result)) == (area[0] == "province")
    amphoe = read(f"{title}\nปี,อำเภอ,ตำบล,อปท.,จำนวน,หน่วย\n2568,กะทู้,กมลา,อบต.กมลา,110,หลัง\n")
    assert rows(amphoe)["area"].to_list() == ["องค์การบริหารส่วนตำบลกมลา"], "columns say more"


@pytest.mark.parametrize(
    ("name", "months", "day"),
    [
        ("ข้อมูลขยะ ปี 2567", 12, date(2024, 1, 1)),
        ("waste_2567.csv", 12, date(2024, 1, 1)),
        ("ปีงบประมาณ 2567", 12, date(2023, 10, 1)),
        ("ไตรมาส 1/2567", 3, date(2024, 1, 1)),
        ("dataset_1034", 12, date(2026, 1, 30)),
    ],
)
def test_a_resource_called_by_its_year_dates_a_file_without_one(name: str, months: int, day: date) -> None:
    """A catalogue with a resource a year: all would have the package's day, and the last would stand for all."""
    options = {"portal": "phuket_gdcatalog", "package": "p", "smart": "living"}
    url = f"{portal('phuket_gdcatalog').base_url}/d/r.csv"
    told = {"id": "r", "name": name, "format": "CSV", "url": url, "datastore_active": False}
    package = {"name": "p", "metadata_modified": "2026-01-30", "resources": [told]}
    plan = CKAN_STATISTICS.requests(PHUKET, DAY, "http://p", options)
    next(plan)
    request = plan.send(json.dumps({"success": True, "result": package}).encode())
    assert request.name.startswith("resource/r@2026-01-30") and resource_of(request.name) == "r"
    of = lambda text: CKAN_STATISTICS.read(text.encode(), Context(PHUKET, DAY, request.name, options))  # noqa: E731
    assert periods(of("รายการ,จำนวน,หน่วย\nขยะ,100,ตัน\n")) == [("ขยะ", months, day, 100)]
    assert periods(of("ปี,รายการ,จำนวน,หน่วย\n2566,ขยะ,100,ตัน\n")) == [("ขยะ", 12, date(2023, 1, 1), 100)]


def test_a_year_of_neither_era_is_refused() -> None:
    result = read("ปี,รายการ,จำนวน,หน่วย\n1481,ขยะ,100,ตัน\n2567,ขยะ,110,ตัน\n")
    assert [each[2] for each in periods(result)] == [date(2024, 1, 1)]
    assert "543" in said(result, "stamp-bad")


@pytest.mark.parametrize("header", ["year_be", "DATA_YEAR", "year_th,year_en", "FY_BE"])
def test_a_column_of_years_is_known_behind_an_underscore(header: str) -> None:
    """A class of its own, its rows were of the day on which the package was modified."""
    cells = "2568,2025" if "," in header else "2568"
    begins = date(2024, 10, 1) if header == "FY_BE" else date(2025, 1, 1)
    assert periods(read(f"{header},รายการ,จำนวน,หน่วย\n{cells},ขยะ,100,ตัน\n")) == [("ขยะ", 12, begins, 100)]


def test_two_columns_of_years_that_differ_are_asked_for() -> None:
    result = read("year_th,year_en,รายการ,จำนวน,หน่วย\n2568,2024,ขยะ,100,ตัน\n")
    assert not result.tables and "year_th" in said(result, "file-malformed")


MONTHS = "ม.ค.,ก.พ.,มี.ค.,เม.ย.,พ.ค.,มิ.ย.,ก.ค.,ส.ค.,ก.ย.,ต.ค.,พ.ย.,ธ.ค."
FISCAL = "ต.ค.,พ.ย.,ธ.ค.,ม.ค.,ก.พ.,มี.ค.,เม.ย.,พ.ค.,มิ.ย.,ก.ค.,ส.ค.,ก.ย."


@pytest.mark.parametrize(
    ("header", "values", "first"),
    [
        (f"ปี,รายการ,หน่วย,{MONTHS},รวม", "1,2,3,4,5,6,7,8,9,10,11,12,78", date(2025, 1, 1)),
        (f"ปีงบประมาณ,รายการ,หน่วย,{FISCAL},รวมทั้งปี", "1,2,3,4,5,6,7,8,9,10,11,12,78", date(2024, 10, 1)),
        ("ปี,รายการ,หน่วย,ไตรมาส 1,ไตรมาส 2,ไตรมาส 3,ไตรมาส 4,รวม", "12,20,22,24,78", date(2025, 1, 1)),
    ],
)
def test_a_total_beside_all_months_or_quarters_is_the_years(header: str, values: str, first: date) -> None:
    result = read(f"{header}\n2568,ขยะ,ตัน,{values}\n")
    assert [(row["value"], row["period_start"]) for row in shown(result).values()] == [(78, first)]
    assert set(code_counts(result)) == {"column-renamed"}
    wrong = read(f"{header}\n2568,ขยะ,ตัน,{values.removesuffix('78')}99\n")
    assert said(wrong, "total-mismatch").endswith("total 99.0000 but its members add up to 78.0000")


def test_a_total_beside_some_months_is_not_the_years() -> None:
    result = read("ปี,รายการ,หน่วย,ม.ค.,ก.พ.,รวม\n2568,ขยะ,ตัน,1,2,3\n")
    assert set(rows(result)["months"]) == {1} and "รวม" in said(result, "column-new")
    long = "ปี,เดือน,รายการ,จำนวน,หน่วย\n2568,ม.ค.,ขยะ,1,ตัน\n2568,ก.พ.,ขยะ,2,ตัน\n2568,รวม,ขยะ,3,ตัน\n"
    [found] = shown(read(long)).values()
    assert (found["value"], found["verdict"]) == (3, "partial") and found["reason"].startswith("2 of 12 months")


@pytest.mark.parametrize("cell", ["2568 (แผน)", "2568 (เป้าหมาย)", "2568 (target)", "ปี 2568 (ค่าพยากรณ์)"])
def test_a_plan_of_a_year_is_not_what_was(cell: str) -> None:
    result = read(f"ปี,รายการ,จำนวน,หน่วย\n2567,ขยะ,1,ตัน\n{cell},ขยะ,2,ตัน\n")
    assert rows(result)["value"].to_list() == [1] and said(result, "stamp-bad").startswith("a plan")


def test_what_is_counted_from_a_beginning_on_is_no_months_number() -> None:
    result = read("ปี,เดือน,รายการ,จำนวนสะสม,หน่วย\n2568,ม.ค.,ขยะ,1,ตัน\n2568,ก.พ.,ขยะ,3,ตัน\n")
    assert set(rows(result)["item"]) == {"ขยะ / จำนวนสะสม"}


# Year and quarter in one cell


@pytest.mark.parametrize("header", ["ไตรมาส", "ปี", "ปี/ไตรมาส", "ช่วงเวลา", "งวด", "period"])
@pytest.mark.parametrize(
    "cells",
    [
        *(("ไตรมาส 1/2567", "ไตรมาส 4/2567"), ("ไตรมาสที่ 1 ปี 2567", "ไตรมาสที่ 4 ปี 2567"), ("Q1/2567", "Q4/2567")),
        *(("2567Q1", "2567Q4"), ("ม.ค.-มี.ค. 67", "ต.ค.-ธ.ค. 67"), ("มกราคม - มีนาคม 2567", "ตุลาคม - ธันวาคม 2567*")),
    ],
)
def test_a_year_and_its_quarter_in_one_cell(header: str, cells: tuple[str, str]) -> None:
    lines = [f"{cell},ภูเก็ต,คดี,{10 + at},คดี" for at, cell in enumerate(cells)]
    result = read("\n".join([f"{header},จังหวัด,รายการ,จำนวน,หน่วย", *lines]))
    assert periods(result) == [("คดี", 3, date(2024, 1, 1), 10), ("คดี", 3, date(2024, 10, 1), 11)]
    assert set(rows(result)["category"]) == {"all"}


def test_a_quarter_beside_whole_years_is_none_of_them_and_one_of_a_fiscal_year_begins_it() -> None:
    head = "จังหวัด,รายการ,จำนวน,หน่วย\n"
    mixed = read(f"ปี,{head}2566,ภูเก็ต,คดี,40,คดี\nไตรมาส 1/2567,ภูเก็ต,คดี,12,คดี\n")
    assert periods(mixed) == [("คดี", 12, date(2023, 1, 1), 40), ("คดี", 3, date(2024, 1, 1), 12)]
    assert shown(mixed)["คดี"]["value"] == 40
    total = read(f"ช่วงเวลา,{head}ไตรมาส 1/2567,ภูเก็ต,คดี,12,คดี\nรวม,ภูเก็ต,คดี,52,คดี\n")
    assert periods(total) == [("คดี", 3, date(2024, 1, 1), 12)], "what is of all years is of none"
    fiscal = read(f"ปีงบประมาณ,{head}ไตรมาส 1/2567,ภูเก็ต,คดี,12,คดี\n")
    assert periods(fiscal) == [("คดี", 3, date(2023, 10, 1), 12)]
    assert not periods(read(f"ปีงบประมาณ,{head}ต.ค.-ธ.ค. 66,ภูเก็ต,คดี,12,คดี\n")), "of which of two years?"


@pytest.mark.parametrize(
    "cells", [("1/2567", "2/2567"), ("2567-01", "2567-02"), ("31/01/2567", "29/02/2567"), ("1 ม.ค. 67", "1 ก.พ. 67")]
)
@pytest.mark.parametrize("header", ["ช่วงเวลา", "ครั้ง", "เริ่มสัญญา"])
def test_a_column_that_may_tell_a_year_is_named_and_no_class_of_today(header: str, cells: tuple[str, str]) -> None:
    lines = [f"{cell},ภูเก็ต,คดี,{10 + at},คดี" for at, cell in enumerate(cells)]
    text = "\n".join([f"{header},จังหวัด,รายการ,จำนวน,หน่วย", *lines])
    result = read(text)
    assert not result.tables and header in said(result, "file-malformed")


def test_a_code_of_six_digits_is_no_month_and_a_class_without_periods_stays_one() -> None:
    codes = read("รหัสพื้นที่,รายการ,จำนวน,หน่วย\n250101,คดี,1,คดี\n250102,คดี,2,คดี\n")
    assert sorted(rows(codes)["category"]) == ["250101", "250102"]
    terms = read("ปี,ไตรมาสของโครงการ,รายการ,จำนวน,หน่วย\n2567,ระยะ 1,คดี,1,คดี\n2567,ระยะ 2,คดี,2,คดี\n")
    assert set(rows(terms)["months"]) == {12}
