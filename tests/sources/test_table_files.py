"""Published tables as files, in the shapes that offices save them in: what a sheet or a title tells is kept, a trifle
loses no file, and what cannot be decided is refused by its row."""

import codecs
import io
import zipfile
from datetime import date
from typing import Any

import openpyxl
import pytest
import xlwt

from tests.kit import code_counts
from tests.sources.test_tables_anywhere import HEAD, read, rows, said, shown, workbook

LINES = "ปี,จังหวัด,รายการ,จำนวน,หน่วย\n2567,ภูเก็ต,ขยะ,1,ตัน\n2568,ภูเก็ต,ขยะ,2,ตัน\n"
BOTH = [(date(2024, 1, 1), 1), (date(2025, 1, 1), 2)]


def archive(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, text in files.items():
            packed.writestr(f"data/{name}.csv", text)
    return out.getvalue()


def row(value: int) -> list[Any]:
    return ["ขยะ", "ภูเก็ต", value, "ตัน"]


@pytest.mark.parametrize(
    "data",
    [
        LINES.replace(",", ";").encode(),
        LINES.replace(",", "\t").encode(),
        ("sep=;\n" + LINES.replace(",", ";")).encode(),
        LINES.replace(",", ";").replace("รายการ", "รายการ, ชนิด").encode(),
        ("ขยะ; มูลฝอย; อื่น ๆ\n" + LINES).encode(),
        LINES.replace("\n", "\r").encode(),
        LINES.encode("utf-16"),
        codecs.BOM_UTF16_BE + LINES.encode("utf-16-be"),
        LINES.replace("2567,ภูเก็ต,ขยะ,1,ตัน", "2567,ภูเก็ต,ขยะ,1,ตัน,,").encode(),
        LINES.replace("\n2567", "\n,,,,\n\n2567").encode(),
        ("ปริมาณขยะ จังหวัดภูเก็ต,,,,\n,,,,\n" + LINES).encode(),
        ('"ปริมาณขยะ\nของภูเก็ต",,,,\n' + LINES).encode(),
        workbook(a=[["ปริมาณขยะ"], [], ["ปี", *HEAD], [2567, *row(1)], [2568, *row(2)]]),
        workbook(a=[["ปี", *HEAD], [2567, *row(1)]], b=[[*HEAD, "ปี"], [*row(2), 2568]]),
        archive(
            **{"2567": "รายการ,จังหวัด,จำนวน,หน่วย\nขยะ,ภูเก็ต,1,ตัน\n", "2568": "รายการ,จังหวัด,จำนวน,หน่วย\nขยะ,ภูเก็ต,2,ตัน\n"}
        ),
    ],
)
def test_a_table_is_the_same_however_it_is_saved(data: bytes) -> None:
    table = rows(read(data, ignored=["แผ่นงาน"]))
    assert table.select("reference_date", "value").rows() == BOTH
    assert set(table["area"]) == {"ภูเก็ต"} and set(table["unit"]) == {"ตัน"}


@pytest.mark.parametrize("names", [("2567", "2568"), ("ปี 67", "ปี 68"), ("ข้อมูล พ.ศ. 2567", "ข้อมูล พ.ศ. 2568")])
def test_sheets_tell_their_years_and_may_have_grown_a_column(names: tuple[str, str]) -> None:
    made = workbook(**{names[0]: [HEAD, row(1)], names[1]: [[*HEAD, "หมายเหตุ"], [*row(2), "ปรับปรุง"]]})
    assert rows(read(made)).select("reference_date", "value").rows() == BOTH


def test_the_only_sheets_name_or_title_dates_what_no_column_does() -> None:
    for made in (workbook(**{"2567": [HEAD, row(1)]}), workbook(a=[["ปริมาณขยะ ปี พ.ศ. 2567"], HEAD, row(1)])):
        assert rows(read(made))["reference_date"].to_list() == [date(2024, 1, 1)]
    fiscal = read(workbook(a=[["ผลการดำเนินงาน ปีงบประมาณ พ.ศ. 2567"], HEAD, row(1)]))
    assert rows(fiscal)["reference_date"].to_list() == [date(2023, 10, 1)]
    several = read(workbook(a=[["ปริมาณขยะ ปี 2566 ถึง ปี 2567"], HEAD, row(1)]))
    assert rows(several)["reference_date"].to_list() == [date(2026, 7, 25)], "a title of two years dates nothing"


def test_a_sheet_a_month_is_dated_by_its_name() -> None:
    made = workbook(**{"ม.ค. 68": [HEAD, row(1)], "ก.พ. 68": [HEAD, row(2)]})
    assert rows(read(made)).select("months", "reference_date").rows() == [
        (1, date(2025, 1, 1)),
        (1, date(2025, 2, 1)),
    ]


def test_a_sheet_an_area_is_neither_merged_nor_the_city() -> None:
    result = read(workbook(กะทู้=[["ปี", *HEAD], [2567, *row(1)]], ถลาง=[["ปี", *HEAD], [2567, *row(1)]]))
    assert rows(result).select("category", "value").rows() == [("กะทู้", 1), ("ถลาง", 1)]
    assert not shown(result) and "duplicate-rows" not in code_counts(result)


def test_a_hidden_sheet_is_not_read_and_named() -> None:
    book = openpyxl.load_workbook(
        io.BytesIO(workbook(a=[["ปี", *HEAD], [2567, *row(1)]], old=[["ปี", *HEAD], [2567, *row(7)]]))
    )
    book["old"].sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    result = read(out.getvalue())
    assert rows(result)["value"].to_list() == [1] and "old" in said(result, "sheet-left")


def test_a_comma_within_a_number_refuses_its_row_alone() -> None:
    result = read(LINES.replace("ขยะ,1,", "ขยะ,1,234,"))
    assert rows(result)["value"].to_list() == [2]
    assert result.problems.filter(code="row-malformed")["row"].to_list() == [2]


def test_a_header_that_stands_twice_is_no_choice_of_ours() -> None:
    twice = read("ปี,จังหวัด,รายการ,จำนวน,จำนวน,หน่วย\n2568,ภูเก็ต,เตียง,500,7,เตียง\n")
    assert not twice.tables and "จำนวน" in said(twice, "file-malformed")
    same = read("ปี,จังหวัด,รายการ,จำนวน,จำนวน,หน่วย\n2568,ภูเก็ต,เตียง,500,500,เตียง\n")
    assert rows(same)["value"].to_list() == [500]


def formatted(code: str, *values: float, unit: str = "ร้อยละ") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["ปี", *HEAD])
    for year, value in enumerate(values, 2567):
        sheet.append([year, "ขยะ", "ภูเก็ต", value, unit])
        sheet.cell(sheet.max_row, 4).number_format = code
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (formatted("0%", 0.35, 0.29), [35, 29]),
        (formatted("0.00%;[Red]-0.00%", 0.35, -0.29), [35, -29]),
        (formatted('0.0"%"', 35.5, 29), [35.5, 29]),
        (formatted("General", 0.35, 0.29), [0.35, 0.29]),
        (formatted("#,##0,", 1234567, 2e6, unit="พันบาท"), [1234.567, 2000]),
        (formatted("#,##0.00,,", 1234567, 2e6, unit="ล้านบาท"), [1.2346, 2]),
        (formatted("_-* #,##0.00_-;-* #,##0.00_-", 1234567, 2e6, unit="บาท"), [1234567, 2000000]),
        (LINES.replace("1,ตัน", "35%,ร้อยละ").replace("2,ตัน", "29.5 %,ร้อยละ"), [35, 29.5]),
        (LINES.replace("1,ตัน", "35%,").replace("2,ตัน", "29.5 %,"), [35, 29.5]),
    ],
)
def test_a_cell_is_what_its_reader_sees(data: bytes | str, values: list[float]) -> None:
    result = read(data)
    assert not result.problems.height
    assert [float(value) for value in rows(result).sort("reference_date")["value"]] == values


def old_workbook(code: str, *values: float) -> bytes:
    book = xlwt.Workbook()
    sheet, style = book.add_sheet("a"), xlwt.easyxf(num_format_str=code)
    for column, name in enumerate(["ปี", *HEAD]):
        sheet.write(1, column, name)
    for at, value in enumerate(values):
        for column, cell in enumerate([2567 + at, "ขยะ", "ภูเก็ต", value, "ตัน"]):
            sheet.write(at + 2, column, cell, style if column == 3 else xlwt.Style.default_style)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_an_old_workbook_is_read_unless_its_cells_show_another_number() -> None:
    assert rows(read(old_workbook("#,##0.00", 1, 2))).select("reference_date", "value").rows() == BOTH
    for code in ("0.0%", "#,##0,"):
        result = read(old_workbook(code, 0.35, 0.29))
        assert not result.tables and "per cent or thousands" in said(result, "file-malformed")


def test_a_share_in_another_unit_is_refused() -> None:
    result = read(LINES.replace("1,ตัน", "35%,ตัน"))
    assert rows(result)["value"].to_list() == [2] and said(result, "value-not-number") == "not a number"


def test_rows_below_the_line_that_tells_the_separator_keep_their_numbers() -> None:
    result = read("sep=;\n" + LINES.replace(",", ";").replace("2;ตัน", "x;ตัน"))
    assert result.problems.filter(code="value-not-number")["row"].to_list() == [4]
