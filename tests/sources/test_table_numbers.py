"""Numbers and units around the values of published tables: a unit's line, headers that are numbers, counted columns."""

from typing import Any

import polars as pl
import pytest

from assets.sources.ckan_population import CKAN_POPULATION
from assets.sources.ckan_visitors import CKAN_VISITORS
from assets.sources.road_casualties import CKAN_ROAD_CASUALTIES
from assets.sources.source import Context, ReadResult
from tests.kit import code_counts
from tests.sources.test_tables_anywhere import DAY, PHUKET, read, rows, said, workbook

# The unit of the nearest line above

DISTRICTS = ["ปี", "อำเภอ", "จำนวน"]
OLDER, NEWER = ([[year, "เมืองภูเก็ต", 10], [year, "กะทู้", 20]] for year in ("2566", "2567"))


def as_csv(table: list[list[Any]]) -> bytes:
    return "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in table).encode()


def units(result: Any) -> set[tuple[int, str]]:
    return {(day.year, unit) for day, unit in rows(result).select("reference_date", "unit").iter_rows()}


@pytest.mark.parametrize(
    "between",
    [
        *([[None] * 3, ["หน่วย: พันบาท", None, None], DISTRICTS], [["(หน่วย : พันบาท)", None, None], DISTRICTS]),
        *([[None, None, "หน่วย (พันบาท)"], DISTRICTS], [["ตาราง 2", None, "(พันบาท)"], DISTRICTS]),
        *(
            [["รายได้ (หน่วย: พันบาท)", None, None], DISTRICTS],
            [["Unit: พันบาท", None, None]],
            [["หน่วย : พันบาท", None, None]],
        ),
    ],
)
@pytest.mark.parametrize("year", ["ปี", "ปี (พ.ศ.)"])
def test_a_unit_above_a_lower_table_is_that_tables(between: list[list[Any]], year: str) -> None:
    above = [["หน่วยงานเจ้าของ สำนักงานจังหวัด", None, None], ["หน่วย: บาท", None, None], DISTRICTS, *OLDER]
    table = [[year if cell == "ปี" else cell for cell in row] for row in [*above, *between, *NEWER]]
    for data in (as_csv(table), workbook(data=table)):
        result = read(data)
        assert units(result) == {(2023, "บาท"), (2024, "พันบาท")}
        assert not result.problems.filter(pl.col("code").is_in(["stamp-bad", "value-not-number"])).height


def test_a_unit_below_a_table_or_above_its_first_is_the_whole_tables() -> None:
    for table in (
        [DISTRICTS, *OLDER, *NEWER, ["(หน่วย: บาท)", None, None]],
        [["(หน่วย: บาท)", None, None], DISTRICTS, *OLDER, DISTRICTS, *NEWER],
    ):
        assert units(read(as_csv(table))) == units(read(workbook(data=table))) == {(2023, "บาท"), (2024, "บาท")}


# Headers that are numbers


def test_twelve_numbers_are_months_and_other_numbers_alone_are_refused_with_words() -> None:
    def wide(*names: str, first: str = "ปี") -> Any:
        return read(as_csv([[first, "อำเภอ", *names], ["2566", "กะทู้", *range(10, 10 + len(names))]]), unit="คน")

    months = rows(wide(*map(str, range(1, 13)))).sort("reference_date")
    assert months["value"].to_list() == [*range(10, 22)] and months["months"].unique().to_list() == [1]
    for names in (("1", "2", "3", "4"), tuple(map(str, range(1, 32))), ("63", "64"), ("0", "1", "2"), ("(1)", "(2)")):
        result = wide(*names)
        assert result.problems["code"].to_list() == ["file-malformed"] and names[0] in said(result, "file-malformed")
    assert rows(wide("ไตรมาส 1", "ไตรมาส 2")).height == 2
    without = read(as_csv([["ปี", "อำเภอ", "1", "จำนวน"], ["2566", "กะทู้", 7, 8]]), unit="คน", ignored=["1"])
    assert rows(without)["value"].to_list() == [8]


@pytest.mark.parametrize("years", [("2563", "2564"), ("2563.0", "2564.0"), ("๒๕๖๓", "๒๕๖๔"), ("ปี ๒๕๖๓", "ปี ๒๕๖๔")])
def test_numbers_that_are_years_date_their_values(years: tuple[str, str]) -> None:
    found = rows(read(as_csv([["อำเภอ", *years], ["กะทู้", 1, 2]]), unit="คน")).sort("value")
    assert [day.year for day in found["reference_date"]] == [2020, 2021] and found["item"].unique().to_list() == ["p"]


@pytest.mark.parametrize(
    "counts", [["(1)", "(2)", "(3)"], [1, 2, 3], ["[1]", "[2]", "[3]=[1]+[2]"], [None, "(1)", "(2)"]]
)
def test_a_row_that_counts_the_columns_is_none_of_data(counts: list[Any]) -> None:
    table = [DISTRICTS, counts, *OLDER]
    for data in (as_csv(table), workbook(data=table)):
        result = read(data, unit="คน")
        assert sorted(rows(result).select("area", "value").rows()) == [("กะทู้", 20), ("เมืองภูเก็ต", 10)]
        assert code_counts(result) == {"row-filtered": 1}
    plain = read(as_csv([["ปี", "ลำดับที่", "จำนวน"], ["2566", 2, 3], ["2567", 3, 4]]), unit="คน")
    assert rows(plain).height == 2, "numbers among numbers are data"


# The unit behind a header, in a column, in an item


PERSONS = "ปี,จังหวัด,เพศ,{}\n2568,ภูเก็ต,ชาย,200\n2568,ภูเก็ต,หญิง,210\n"
DEATHS = "ปี,จังหวัด,รายการ,{}\n2568,ภูเก็ต,ผู้เสียชีวิต,20\n"
GUESTS = "ปี,ประเภท,สัญชาติ,รายการ,{}\n2568,พัก,ชาวไทย,แขก,20\n"


def counted(source: Any, text: str, **options: Any) -> ReadResult:
    chosen = {"portal": "phuket_gdcatalog", "package": "p"} | options
    return source.read(text.encode(), Context(PHUKET, DAY, "resource/r@2026-07-25", chosen))


@pytest.mark.parametrize(
    ("source", "table", "value", "text"),
    [
        (CKAN_POPULATION, "population", "persons", PERSONS),
        (CKAN_ROAD_CASUALTIES, "road_casualties", "persons", DEATHS),
        (CKAN_VISITORS, "visitors", "value", GUESTS),
    ],
)
def test_the_values_header_may_have_its_unit_behind_it(source: Any, table: str, value: str, text: str) -> None:
    for header in ("จำนวน (คน)", "จำนวน(คน)", "จำนวน [คน]"):
        assert counted(source, text.format(header)).tables[table][value].sum() in (410, 20)
    thousands = counted(source, text.format("จำนวน (พันคน)"), columns={"value": "จำนวน (พันคน)"})
    if source is CKAN_VISITORS:
        assert thousands.tables[table]["unit"].to_list() == ["พันคน"]
    else:  # tables of persons, however the header was found
        assert thousands.tables[table].is_empty() and code_counts(thousands)["unit-unknown"]


def test_thousands_in_an_item_are_no_persons_and_other_words_in_brackets_no_unit() -> None:
    text = "ปี,จังหวัด,รายการ,จำนวน\n2567,ภูเก็ต,ผู้เสียชีวิต (พันคน),20\n2568,ภูเก็ต,ผู้เสียชีวิต (จักรยานยนต์),21\n"
    result = counted(CKAN_ROAD_CASUALTIES, text)
    assert result.tables["road_casualties"]["persons"].to_list() == [21]


@pytest.mark.parametrize(
    ("header", "item", "unit"),
    [("จำนวน", "รายได้ (ล้านบาท)", "บาท"), ("จำนวน", "รายได้ (บาท)", "ล้านบาท"), ("จำนวน (พันบาท)", "รายได้", "บาท")],
)
def test_two_units_a_thousand_or_more_apart_are_refused_with_both(header: str, item: str, unit: str) -> None:
    text = f"ปี,จังหวัด,รายการ,{header},หน่วย\n2568,ภูเก็ต,{item},1350,{unit}\n2568,ภูเก็ต,คดี,7,คดี\n"
    result = read(text)
    assert rows(result)["unit"].to_list() == ["คดี"]
    assert unit in said(result, "unit-unknown") and "บาท" in said(result, "unit-unknown")
    same = read(text.replace(f",{unit}\n", ",พันบาท\n").replace(item, "รายได้").replace(header, "จำนวน (พันบาท)"))
    assert rows(same).height == 2
