"""Published statistics: the faults of provincial tables, found by rules and told with both numbers.

Real tables where they are at hand; the others are synthetic, with the numbers that their publisher's really have.
"""

import csv
import io
import json
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from assets.cities.registry import load_registry
from assets.indicators.road_deaths import by_year
from assets.sources import thai
from assets.sources.ckan_population import CKAN_POPULATION
from assets.sources.ckan_statistics import CKAN_STATISTICS
from assets.sources.ckan_visitors import CKAN_VISITORS
from assets.sources.road_casualties import CKAN_ROAD_CASUALTIES
from assets.sources.source import Context
from quality.cross_table import LEAST_ALIKE, fewer_injured, identical_series
from quality.tables import CITY_STATISTICS, POPULATION, ROAD_CASUALTIES, TABLES
from tests.kit import code_counts

DAY = date(2026, 11, 23)
PHUKET = load_registry()["phuket"]
HOST = "phuket.gdcatalog.go.th"
YEARLY = ["จังหวัด", "ปี", "รายการ", "จำนวน", "หน่วย", "ที่มา"]
MONTHLY = ["จังหวัด", "ปี", "เดือน", "รายการ", "จำนวน", "หน่วย", "ที่มา"]
WASTE = ["ปี", "รายการ", "จังหวัด", "อำเภอ", "อปท.", "จำนวน", "หน่วย", "ที่มา"]
MONTHS = [names[0] for names in thai.MONTHS.values()]


def as_csv(header, rows):
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode()


def read(source, data, package="p", city=PHUKET, **options):
    return source.read(
        data, Context(city, DAY, "resource/r@2026-01-30", {"portal": "phuket_gdcatalog", "package": package} | options)
    )


def kept(result):
    """Rows of the result's only table that keep its contract; none may break it."""
    [(name, frame)] = result.tables.items()
    batch = TABLES[name].conform(frame.with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY)))
    good, bad = batch.rows, batch.found
    assert not bad.height
    assert not good.select(pl.struct(TABLES[name].key).is_duplicated().any()).item()
    return good


def said(result, code):
    return " | ".join(result.problems.filter(code=code)["message"])


def published(real_data, name, source, **options):
    file = json.loads((real_data / f"open_data/phuket_gdcatalog/{name}.json").read_text())
    package = file["landing"].rpartition("/")[2]
    return file["rows"], read(source, as_csv(file["header"], file["rows"]), package, **options)


def number(text):
    return Decimal(text.replace(",", ""))


def test_waste_by_local_government_as_published(real_data):
    rows, result = published(real_data, "waste-disposed", CKAN_STATISTICS, smart="environment")
    table = kept(result)
    # Two of its totals are off by one, which is rounding.
    assert code_counts(result) == {}
    assert table.height == len(rows) == 132
    assert table["value"].sum() == sum(number(row[5]) for row in rows)
    assert table["dataset"].unique().to_list() == [f"{HOST}/20_14"]
    totals = table.filter("is_total").sort("reference_date")
    assert totals["area"].unique().to_list() == ["ภูเก็ต"]
    assert totals["value"].to_list() == [number(row[5]) for row in rows if row[4] == "รวม"]
    members = table.filter(~pl.col("is_total")).group_by("reference_date").agg(pl.col("value").sum())
    off = totals.join(members, on="reference_date").with_columns(by=(pl.col("value") - pl.col("value_right")).abs())
    assert dict(off.select(pl.col("reference_date").dt.year(), "by").iter_rows()) == {
        2020: 0, 2021: 1, 2022: 0, 2023: 0, 2024: 0, 2025: 1,
    }  # fmt: skip
    # A municipality and an administration of one name are two.
    assert {"เทศบาลตำบลเชิงทะเล", "องค์การบริหารส่วนตำบลเชิงทะเล"} <= set(table["area"])


@pytest.mark.parametrize(("name", "unit"), [("hotels", "แห่ง"), ("occupancy", "ร้อยละ"), ("tourist-hotline", "คน")])
def test_yearly_statistics_as_published(real_data, name, unit):
    rows, result = published(real_data, name, CKAN_STATISTICS, smart="economy")
    table = kept(result)
    assert code_counts(result) == {}
    assert table["value"].to_list() == [Decimal(row[3]) for row in rows]
    assert table["reference_date"].to_list() == [date(int(row[1]) - 543, 1, 1) for row in rows]
    assert table.select("area", "category", "unit", "months", "is_total", "smart").unique().rows() == [
        ("ภูเก็ต", "all", unit, 12, False, "economy")
    ]


def test_injured_by_month_as_published(real_data):
    rows, result = published(real_data, "road-injuries", CKAN_ROAD_CASUALTIES)
    table = kept(result)
    assert code_counts(result) == {"label-misspelt": 1}
    assert said(result, "label-misspelt") == "4 times กรกฏาคม for a month"
    assert table.height == len(rows) == 52
    assert table["outcome"].unique().to_list() == ["injury"]
    for year, total in ((2022, 71), (2023, 58), (2024, 106), (2025, 69)):
        of_year = table.filter(pl.col("reference_date").dt.year() == year)
        assert of_year.filter(months=12, is_total=True)["persons"].to_list() == [total]
        months = of_year.filter(months=1, is_total=False).sort("reference_date")
        assert months["reference_date"].dt.month().to_list() == list(range(1, 13))
        assert months["persons"].sum() == total


def test_older_persons_as_published(real_data):
    rows, result = published(real_data, "over-60", CKAN_POPULATION)
    table = kept(result)
    assert code_counts(result) == {}
    assert table["persons"].to_list() == [int(row[3]) for row in rows]
    assert table.select("age_band", "area_level", "area", "sex").unique().rows() == [
        ("60+", "province", "ภูเก็ต", "total")
    ]
    assert table["persons"].max() == 64591


DEATHS = "ผู้เสียชีวิตจากอุบัติเหตุทางถนน"
INJURIES = "ผู้ได้รับบาดเจ็บจากอุบัติเหตุทางถนน"
TOLD = {2566: (88, 7), 2567: (124, 23), 2568: (91, 8)}
"""Year → its total, and January's number: those of the real table, but for January 2566, which is made up as every
other month is."""


def deaths(drift=True):
    """A synthetic table of road deaths: two Januaries under the other table's label, units that change."""
    rows = []
    for year, (total, january) in TOLD.items():
        rest, more = divmod(total - january, 11)
        for number_, month in enumerate(MONTHS):
            value = january if number_ == 0 else rest + (number_ <= more)
            label = INJURIES if drift and number_ == 0 and year > 2566 else DEATHS
            month = "กรกฏาคม" if number_ == 6 else month
            rows.append(["ภูเก็ต", str(year), month, label, str(value), "ศพ" if year == 2566 else "คน", "s"])
        rows.append(["ภูเก็ต", str(year), "รวม", DEATHS, str(total), "ศพ" if year == 2566 else "คน", "s"])
    return as_csv(MONTHLY, rows)


def test_rows_under_another_label_that_complete_a_total_are_given_back():
    result = read(CKAN_ROAD_CASUALTIES, deaths(), "dataset_10_48")
    table = kept(result)
    assert code_counts(result) == {"label-drift": 2, "label-misspelt": 1, "unit-changed": 1}
    assert said(result, "label-drift").count(INJURIES) == 2
    for numbers in (("124", "101"), ("91", "83")):
        assert all(told in said(result, "label-drift") for told in numbers)
    assert "ศพ becomes คน on 2024-01-01" in said(result, "unit-changed")
    assert table["outcome"].unique().to_list() == ["death"]
    assert by_year(table, "ภูเก็ต").select("year", "persons", "months", "stated").rows() == [
        (2023, 88, 12, 88), (2024, 124, 12, 124), (2025, 91, 12, 91),
    ]  # fmt: skip
    same = kept(read(CKAN_ROAD_CASUALTIES, deaths(drift=False), "dataset_10_48"))
    assert table.equals(same)


@pytest.mark.parametrize("other", ["total", "values", "months"])
def test_another_label_is_left_alone_unless_everything_fits(other):
    rows = [["ภูเก็ต", "2567", month, DEATHS, "5", "คน", "s"] for month in MONTHS[1:]]
    rows.append(["ภูเก็ต", "2567", "รวม", DEATHS, "60", "คน", "s"])
    rows.append(["ภูเก็ต", "2567", MONTHS[1 if other == "months" else 0], INJURIES, "5", "คน", "s"])
    if other == "total":  # the other series has a total of its own
        rows.append(["ภูเก็ต", "2567", "รวม", INJURIES, "5", "คน", "s"])
    if other == "values":
        rows[-1][4] = "7"
    result = read(CKAN_ROAD_CASUALTIES, as_csv(MONTHLY, rows))
    assert code_counts(result) == {"total-mismatch": 1}
    assert "60" in said(result, "total-mismatch") and "55" in said(result, "total-mismatch")
    assert set(kept(result)["outcome"]) == {"death", "injury"}


def test_casualties_that_are_neither_or_both_are_refused():
    rows = [
        ["ภูเก็ต", "2567", "รวม", item, "5", unit, "s"]
        for item, unit in (("อุบัติเหตุ", "คน"), ("ผู้เสียชีวิตและบาดเจ็บ", "คน"), (DEATHS, "ครั้ง"), (DEATHS, "ราย"))
    ]
    result = read(CKAN_ROAD_CASUALTIES, as_csv(MONTHLY, rows))
    assert code_counts(result) == {"value-unknown": 2, "unit-unknown": 1}
    assert kept(result).height == 1
    assert kept(read(CKAN_ROAD_CASUALTIES, as_csv(MONTHLY, rows[:1]), outcome="death"))["outcome"].to_list() == [
        "death"
    ]


def waste(item, values):
    """A synthetic table of waste by local government: one value an area and year, with their total."""
    rows = []
    for year, amounts in values.items():
        places = [("กะทู้", "ทม.ป่าตอง"), ("ถลาง", "อบต.สาคู"), ("อื่น ๆ", "เอกชน")]
        rows += [
            [str(year), item, "ภูเก็ต", *place, f"{v:,}", "ตัน", "s"] for place, v in zip(places, amounts, strict=True)
        ]
        rows.append([str(year), item, "ภูเก็ต", "รวม", "รวม", f"{sum(amounts):,}", "ตัน", "s"])
    return as_csv(WASTE, rows)


def test_two_data_sets_that_are_identical_row_for_row_are_told(real_data):
    file = json.loads((real_data / "open_data/phuket_gdcatalog/waste-disposed.json").read_text())
    disposed = kept(read(CKAN_STATISTICS, as_csv(file["header"], file["rows"]), "20_14", smart="environment"))
    # What the province says was generated is, row for row, what it says was disposed of.
    rows = [[row[0], "ปริมาณขยะที่เกิดขึ้น", *row[2:]] for row in file["rows"]]
    generated = kept(read(CKAN_STATISTICS, as_csv(file["header"], rows), "20_06", smart="environment"))
    [verdict] = identical_series(CITY_STATISTICS, pl.concat([disposed, generated]))
    assert (verdict.check, verdict.verdict, verdict.checked, verdict.failed) == ("series-identical", "warn", 2, 1)
    assert f"{HOST}/20_06 and {HOST}/20_14: 132 rows" in verdict.message
    one_off = generated.with_columns(
        pl.when(pl.col("_row") == 2).then(pl.col("value") + 1).otherwise("value").alias("value")
    )
    assert [v.verdict for v in identical_series(CITY_STATISTICS, pl.concat([disposed, one_off]))] == ["pass"]
    assert [v.verdict for v in identical_series(CITY_STATISTICS, disposed)] == ["pass"]
    assert [v.verdict for v in identical_series(CITY_STATISTICS, CITY_STATISTICS.empty())] == ["pass"]


def test_few_equal_rows_are_chance():
    few = {2560 + number_: (1, 2, 3) for number_ in range(LEAST_ALIKE // 4 - 1)}
    frames = [kept(read(CKAN_STATISTICS, waste("ก", few), package, smart="environment")) for package in ("a", "b")]
    assert identical_series(CITY_STATISTICS, pl.concat(frames))[0].verdict == "pass"


def test_fewer_injured_than_dead_is_told_with_both_numbers(real_data):
    _, injuries = published(real_data, "road-injuries", CKAN_ROAD_CASUALTIES)
    dead = kept(read(CKAN_ROAD_CASUALTIES, deaths(), "dataset_10_48"))
    [verdict] = fewer_injured(ROAD_CASUALTIES, pl.concat([kept(injuries), dead]))
    assert (verdict.verdict, verdict.checked, verdict.failed) == ("warn", 3, 3)
    assert "ภูเก็ต 2023: 58 injured, 88 dead" in verdict.message
    assert fewer_injured(ROAD_CASUALTIES, dead)[0].verdict == "pass"
    assert fewer_injured(ROAD_CASUALTIES, ROAD_CASUALTIES.empty())[0].verdict == "pass"


def test_a_part_that_is_greater_than_the_whole_is_told():
    made, sold = "ปริมาณน้ำที่ผลิต", "ปริมาณน้ำที่จำหน่าย"
    rows = [
        ["ภูเก็ต", "2567", made, "38,324,038.00", "ลบ.ม.", "s"],
        ["ภูเก็ต", "2567", sold, "30,000,000.00", "ลบ.ม.", "s"],
        ["ภูเก็ต", "2568", made, "38,839,193.00", "ลบ.ม.", "s"],
        ["ภูเก็ต", "2568", sold, "39,115,244.00", "ลบ.ม.", "s"],
    ]
    result = read(CKAN_STATISTICS, as_csv(YEARLY, rows), smart="living", at_most={sold: made})
    assert code_counts(result) == {"value-contradicts": 1}
    assert result.problems["row"].to_list() == [5]
    assert "39115244" in said(result, "value-contradicts") and "38839193" in said(result, "value-contradicts")
    assert kept(result)["value"].to_list() == [Decimal(v) for v in (38324038, 30000000, 38839193, 39115244)]


SEA = ["จังหวัด", "ปี", "รายการ", "หน่วยงาน อปท.", "ประเภท", "จำนวน", "หน่วย", "ที่มา", "หมายเหตุ"]
"""Of the published table of accidents at sea, as of 10 June 2026."""


@pytest.mark.parametrize(
    ("origin", "value", "adds_up_to"),
    [
        ("รัสเซีย1 โรมาเนีย2", "2", 3),
        ("รัสเซีย ๑ โรมาเนีย ๒", "2", 3),
        ("ไทย 3 คน, จีน 1 คน", "5", 4),
        ("เมียนมา/2", "1", 2),
        ("รัสเซีย1 โรมาเนีย2", "3", None),
        ("จีน 12", "12", None),
        ("ไทย", "2", None),
        ("ไทย จีน1", "2", 1),
        ("", "2", None),
        ("รัสเซีย1 โรมาเนีย", "1", None),
        ("รัสเซีย1 โรมาเนีย2", "รอประมวลผล", None),
    ],
)
def test_nationalities_with_counts_that_are_not_the_value_are_told_with_both_numbers(origin, value, adds_up_to):
    remark = f"สัญชาติ {origin}"
    rows = [["ภูเก็ต", "2568", "จำนวนอุบัติเหตุทางทะเล", "เทศบาลตำบลราไวย์", "เสียชีวิต", value, "ศพ", "s", remark]]
    rows.append(["ภูเก็ต", "2568", "จำนวนอุบัติเหตุทางทะเล", "อบต.สาคู", "บาดเจ็บ", "4", "คน", "s", "ไม่มีอุบัติเหตุ"])
    result = read(CKAN_STATISTICS, as_csv(SEA, rows), "dataset_10_50", smart="living")
    assert kept(result).height == 2, "the value is what was published"
    assert kept(result)["category"].to_list() == ["เสียชีวิต", "บาดเจ็บ"], "a remark is no class"
    assert code_counts(result)["total-mismatch"] == (adds_up_to is not None)
    if adds_up_to is not None:
        assert all(str(number) in said(result, "total-mismatch") for number in (adds_up_to, value))


def test_a_remark_that_is_no_count_of_nationalities_is_judged_by_nothing_and_tells_no_rows_apart():
    row = ["ภูเก็ต", "2568", "จำนวนอุบัติเหตุทางทะเล", "อบต.สาคู", "เสียชีวิต", "4", "ศพ", "s"]
    result = read(CKAN_STATISTICS, as_csv(SEA, [[*row, "ปรับปรุงปี 2567"], [*row, "-"]]), smart="living")
    assert kept(result)["value"].to_list() == [4]
    assert code_counts(result) == {"duplicate-rows": 1}


def test_nameless_columns_without_values_are_left_out_and_said():
    rows = [
        [*row, "", "", ""]
        for row in ([f"{year}", "ก", "ภูเก็ต", "กะทู้", "ทม.กะทู้", "5", "ตัน", "s"] for year in (2566, 2567))
    ]
    result = read(CKAN_STATISTICS, as_csv([*WASTE, "", "", ""], rows), smart="environment")
    assert code_counts(result) == {"column-new": 1}
    assert "3 nameless" in said(result, "column-new")
    assert kept(result)["area"].unique().to_list() == ["เทศบาลเมืองกะทู้"]
    rows[0][-1] = "x"
    assert "column-new" in code_counts(read(CKAN_STATISTICS, as_csv([*WASTE, "", "", ""], rows), smart="environment"))


@pytest.mark.parametrize(
    "short",
    [("ทต.วิชิต", "เทศบาลตำบลวิชิต"), ("อบต. สาคู", "องค์การบริหารส่วนตำบลสาคู"), ("อบจ.ภูเก็ต", "องค์การบริหารส่วนจังหวัดภูเก็ต")],
)
def test_abbreviated_local_governments_are_called_as_those_in_full(short):
    rows = [[year, "ก", "ภูเก็ต", "x", name, "5", "ตัน", "s"] for year, name in zip(("2566", "2567"), short, strict=True)]
    table = kept(read(CKAN_STATISTICS, as_csv(WASTE, rows), smart="environment"))
    assert table["area"].to_list() == [short[1]] * 2


def test_words_for_missing_values_and_mixed_commas_are_told():
    rows = [
        ["ภูเก็ต", year, "ก", value, "คน", "s"]
        for year, value in zip(
            range(2560, 2567), ("1234", "1,235", "999", "รอประมวลผล", "ไม่ทราบ", "", "๑,๒๐๐"), strict=True
        )
    ]
    result = read(CKAN_STATISTICS, as_csv(YEARLY, rows), smart="economy")
    assert code_counts(result) == {"number-format": 1, "value-pending": 1, "value-missing": 2}
    assert said(result, "number-format") == "2 numbers have thousands commas, 1 have none"
    table = kept(result)
    assert table["value"].to_list() == [1234, 1235, 999, None, None, None, 1200]
    assert table["status"].to_list() == ["published"] * 3 + ["pending"] + ["published"] * 3


def test_totals_of_every_dimension_are_judged():
    header = ["ปี", "เดือน", "รายการ", "จังหวัด", "อำเภอ", "เพศ", "จำนวน", "หน่วย"]
    many = {"รวม": 2}
    rows = [
        [
            year,
            month,
            "ก",
            "ภูเก็ต",
            place,
            sex,
            str(many.get(year, 1) * many.get(place, 1) * many.get(sex, 1) * times),
            "คน",
        ]
        for year in ("2566", "2567", "รวม")
        for month, times in (*((name, 1) for name in MONTHS), ("รวม", 12))
        for place in ("กะทู้", "ถลาง", "รวม")
        for sex in ("ชาย", "หญิง", "รวม")
    ]
    clean = read(CKAN_STATISTICS, as_csv(header, rows), smart="people")
    assert code_counts(clean) == {"total-row": 1}
    assert kept(clean).height == 2 * 13 * 3 * 3
    for changed, dimension in (
        (("2566", "รวม", "กะทู้", "ชาย"), "month"),
        (("2566", "มกราคม", "รวม", "ชาย"), "area"),
        (("2566", "มกราคม", "กะทู้", "รวม"), "sex"),
        (("รวม", "มกราคม", "กะทู้", "ชาย"), "year"),
    ):
        wrong = [[*row[:6], "77", row[7]] if (row[0], row[1], row[4], row[5]) == changed else row for row in rows]
        result = read(CKAN_STATISTICS, as_csv(header, wrong), smart="people")
        number_ = next(i for i, row in enumerate(wrong, 2) if row[6] == "77")
        messages = result.problems.filter(code="total-mismatch", row=number_)["message"].to_list()
        assert len(messages) >= 1, dimension
        assert all("77" in message for message in messages)


def test_totals_within_an_area_are_those_of_its_members_only():
    rows = [["2566", "ก", "ภูเก็ต", *place, value, "ตัน", "s"] for *place, value in (
        ("กะทู้", "ทม.กะทู้", "3"), ("กะทู้", "ทม.ป่าตอง", "4"), ("กะทู้", "รวม", "7"),
        ("ถลาง", "อบต.สาคู", "5"), ("ถลาง", "รวม", "9"), ("รวม", "รวม", "12"),
    )]  # fmt: skip
    result = read(CKAN_STATISTICS, as_csv(WASTE, rows), smart="environment")
    assert code_counts(result) == {"total-mismatch": 1}
    assert result.problems["row"].to_list() == [6]
    assert "9.0" in said(result, "total-mismatch") and "5.0" in said(result, "total-mismatch")
    totals = kept(result).filter("is_total")
    assert sorted(totals["area"]) == ["กะทู้", "ถลาง", "ภูเก็ต"]


def test_rows_of_other_provinces_and_items_are_left_out_and_counted():
    rows = [
        [province, "2567", item, "5", "คน", "s"] for province in ("จังหวัดภูเก็ต", "กระบี่", "รวม") for item in ("ก", "ข")
    ]
    result = read(CKAN_STATISTICS, as_csv(YEARLY, rows), smart="economy", item="ก")
    assert code_counts(result) == {"row-filtered": 2}
    assert kept(result).select("area", "item").rows() == [("ภูเก็ต", "ก")]
    nobody = read(CKAN_STATISTICS, as_csv(YEARLY, rows[2:4]), smart="economy")
    assert "answer-empty" in code_counts(nobody) and not nobody.tables


def test_a_year_without_a_month_that_can_be_read_is_refused():
    rows = [
        ["ภูเก็ต", year, month, DEATHS, "5", "คน", "s"]
        for year, month in (("2567", "เดือนนี้"), ("67", "มกราคม"), ("2567", "ม.ค."), ("2567", "02"), ("2567", "March"))
    ]
    result = read(CKAN_ROAD_CASUALTIES, as_csv(MONTHLY, rows))
    assert code_counts(result) == {"stamp-bad": 2}
    assert kept(result)["reference_date"].to_list() == [date(2024, month, 1) for month in (1, 2, 3)]


def test_a_table_without_years_is_dated_by_its_package():
    rows = [["ก", "5", "คน"]]
    result = read(CKAN_STATISTICS, as_csv(["รายการ", "จำนวน", "หน่วย"], rows), smart="living")
    assert code_counts(result) == {"no-date": 1}
    assert kept(result)["reference_date"].to_list() == [date(2026, 1, 30)]


def test_a_table_without_items_counts_what_its_package_is_called():
    result = read(CKAN_STATISTICS, as_csv(["ปี", "จำนวน"], [["2567", "5"]]), "bma-cctv", smart="living", unit="กล้อง")
    assert kept(result).select("item", "unit").rows() == [("bma-cctv", "กล้อง")]
    assert code_counts(read(CKAN_STATISTICS, as_csv(["ปี", "จำนวน"], [["2567", "5"]]), smart="living")) == {
        "unit-unknown": 1
    }


def test_a_statistic_must_say_which_smart_it_serves():
    assert code_counts(read(CKAN_STATISTICS, as_csv(["ปี", "จำนวน"], [["2567", "5"]]), smart="cheese")) == {
        "option-invalid": 1
    }


HEADERS = ("ปี", "รายการ", "จำนวน", "หน่วย")


@pytest.mark.parametrize(
    "header", ["จำ นวน", "จำนวน_", " จำนวน\u200b", "จ\u0e4d\u0e32นวน"]
)  # blanks, underscores, invisible characters, sara am in two
def test_a_header_that_is_spelt_otherwise_is_read_and_said(header):
    result = read(CKAN_STATISTICS, as_csv(["ปี", "รายการ", header, "หน่วย"], [["2567", "ก", "5", "คน"]]), smart="living")
    assert code_counts(result) == {"column-renamed": 1}
    assert kept(result)["value"].to_list() == [5]


def test_a_header_that_two_columns_might_be_is_not_guessed():
    header = ["ปี", "รายการ", "จำ นวน", "จำนวน_", "หน่วย"]
    result = read(CKAN_STATISTICS, as_csv(header, [["2567", "ก", "5", "6", "คน"]]), smart="living")
    assert code_counts(result) == {"file-malformed": 1} and not result.tables


def test_a_value_that_no_column_holds_is_asked_for_with_all_headers():
    header = ["ปี", "รายการ", "จำนวนคน", "หน่วย"]
    result = read(CKAN_STATISTICS, as_csv(header, [["2567", "ก", "ห้า", "คน"]]), smart="living")
    assert code_counts(result) == {"file-malformed": 1}
    told = said(result, "file-malformed")
    assert "the columns are 'ปี', 'รายการ'" in told and "columns: {value: …}" in told
    mapped = read(
        CKAN_STATISTICS, as_csv(header, [["2567", "ก", "5", "คน"]]), smart="living", columns={"value": "จำนวนคน"}
    )
    assert kept(mapped)["value"].to_list() == [5]


def test_the_order_of_rows_and_columns_changes_nothing():
    file = deaths()
    frame = pl.read_csv(file, infer_schema=False)
    shuffled = frame.select(reversed(frame.columns)).sample(fraction=1, shuffle=True, seed=3).write_csv().encode()
    one, other = (kept(read(CKAN_ROAD_CASUALTIES, data)).drop("_row") for data in (file, shuffled))
    assert one.sort(ROAD_CASUALTIES.key).equals(other.sort(ROAD_CASUALTIES.key))


def test_visitors_of_which_many_are_pending_are_kept_as_such():
    header = ["จังหวัด", "ปี", "รายการ", "ประเภท", "สัญชาติ", "จำนวน", "หน่วย", "ที่มา"]
    rows = [
        ["ภูเก็ต", "2568", "ผู้มาเยือน", kind, origin, "1,200" if kind == "ผู้เยี่ยมเยือน" else "รอประมวลผล", "คน", "s"]
        for kind in ("ผู้เยี่ยมเยือน", "นักท่องเที่ยว", "นักทัศนาจร")
        for origin in ("ชาวไทย", "ชาวต่างชาติ")
    ]
    result = read(CKAN_VISITORS, as_csv(header, rows), "dataset_10_34")
    assert code_counts(result) == {"value-pending": 4}
    assert kept(result)["status"].to_list() == ["published"] * 2 + ["pending"] * 4


def test_population_by_age_is_told_apart_and_dated_by_its_year():
    header = ["ปี", "จังหวัด", "อำเภอ", "เพศ", "ช่วงอายุ", "จำนวน", "หน่วย"]
    rows = [
        ["2567", "ภูเก็ต", "กะทู้", sex, age, value, "คน"]
        for sex, age, value in (("ชาย", "0-14", "10"), ("ชาย", "15 ปีขึ้นไป", "20"), ("ชาย", "รวม", "31"))
    ]
    result = read(CKAN_POPULATION, as_csv(header, rows))
    table = kept(result)
    assert code_counts(result) == {}  # off by one
    assert dict(table.select("age_band", "persons").iter_rows()) == {"0-14": 10, "15+": 20, "all": 31}
    assert table["reference_date"].unique().to_list() == [date(2024, 1, 1)]
    assert POPULATION.key == ("dataset", "area_level", "area", "area_code", "sex", "age_band", "reference_date")


# Shapes of the same tables that other nodes have


SEX_COLUMNS = [("ชาย", "หญิง", "รวม"), ("จำนวนประชากรชาย", "จำนวนประชากรหญิง", "รวม (คน)")]
SEX_COLUMNS += [("เพศชาย", "เพศหญิง", "รวมทั้งหมด")]


@pytest.mark.parametrize("header", SEX_COLUMNS)
def test_a_column_a_sex_is_a_row_a_sex(header):
    rows = [["2568", "กะทู้", 50, 55, 105, 40], ["2568", "รวม", 90, 95, 185, 70]]
    data = as_csv(["ปี", "อำเภอ", *header, "บ้าน"], rows)
    table = kept(read(CKAN_POPULATION, data))
    assert sorted(table.select("persons", "sex", "is_total").rows()) == [
        *((50, "male", False), (55, "female", False), (90, "male", True)),
        *((95, "female", True), (105, "total", False), (185, "total", True)),
    ]


def test_ages_and_sexes_in_other_words():
    rows = [["2568", "60 ปีขึ้นไป", "Female", 12], ["2568", "0-14 ปี", "เพศหญิง", 20]]
    table = kept(read(CKAN_POPULATION, as_csv(["ปี", "กลุ่มอายุ", "เพศ", "จำนวน"], rows)))
    assert table.select("age_band", "sex").rows() == [("60+", "female"), ("0-14 ปี", "female")]


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (["ปี", "ผู้เสียชีวิต", "ผู้บาดเจ็บ"], [["2568", 78, 400]]),
        (["รายการ", "2567", "2568"], [["ผู้เสียชีวิต", 70, 78]]),
        (["ปี", "รายการ", *MONTHS, "รวม"], [["2568", "ผู้เสียชีวิต", *range(1, 13), 78]]),
    ],
)
def test_casualties_side_by_side_are_those_below_each_other(header, rows):
    table = kept(read(CKAN_ROAD_CASUALTIES, as_csv(header, rows)))
    [year] = by_year(table, "ภูเก็ต").filter(outcome="death", year=2025).to_dicts()
    assert year["persons"] == 78


def test_a_rate_is_no_count_of_killed():
    rows = [["2568", "อัตราผู้เสียชีวิตต่อแสนประชากร", 21, "คน"], ["2568", "ผู้เสียชีวิต", 90, "คน"]]
    result = read(CKAN_ROAD_CASUALTIES, as_csv(["ปี", "รายการ", "จำนวน", "หน่วย"], rows))
    assert kept(result)["persons"].to_list() == [90]
    assert "rate" in said(result, "value-unknown")


def test_visitors_of_an_amphoe_are_not_the_provinces():
    header = ["ปี", "อำเภอ", "รายการ", "จำนวน", "หน่วย"]
    rows = [["2568", area, "ผู้เยี่ยมเยือน", number, "คน"] for area, number in (("กะทู้", 500), ("ถลาง", 600))]
    result = read(CKAN_VISITORS, as_csv(header, [*rows, ["2568", "รวม", *rows[0][2:3], 1100, "คน"]]))
    assert kept(result).select("value", "is_total").rows() == [(1100, False)]
    assert said(result, "row-filtered") == "2 rows are of a part of the province"
    assert not kept(read(CKAN_VISITORS, as_csv(header, rows[:1]))).height
    anywhere = as_csv(["ปี", "พื้นที่", *header[2:]], [["2568", "ภูเก็ต", "ผู้เยี่ยมเยือน", 1100, "คน"]])
    assert kept(read(CKAN_VISITORS, anywhere))["value"].to_list() == [1100]


def test_an_item_tells_a_sex_or_some_of_the_persons():
    items = {"ประชากรชาย": 10, "ประชากรเพศหญิง": 11, "รวม": 21, "จำนวนคนพิการ": 2, "ผู้สูงอายุ 60 ปีขึ้นไป": 5}
    rows = [["2568", item, persons, "คน"] for item, persons in items.items()]
    result = read(CKAN_POPULATION, as_csv(["ปี", "รายการ", "จำนวน", "หน่วย"], rows))
    told = kept(result).select("sex", "age_band", "persons").rows()
    assert told == [("male", "all", 10), ("female", "all", 11), ("total", "all", 21), ("total", "60+", 5)]
    assert said(result, "value-unknown").startswith("the item counts some")


@pytest.mark.parametrize("days", ["ช่วงเทศกาลสงกรานต์", "เทศกาลปีใหม่", " 7 วันอันตราย"])
def test_the_killed_of_a_festival_are_not_those_of_its_year(days):
    rows = [["2568", f"ผู้เสียชีวิต{days}", 6, "คน"], ["2567", "ผู้เสียชีวิต", 90, "คน"]]
    result = read(CKAN_ROAD_CASUALTIES, as_csv(["ปี", "รายการ", "จำนวน", "หน่วย"], rows))
    assert kept(result)["persons"].to_list() == [90] and said(result, "stamp-bad")


def test_months_of_visitors_are_no_years():
    """Added up they would stand for a year of which three months are told, and an occupancy for three times itself."""
    header = ["ปี", "เดือน", "รายการ", "ประเภท", "สัญชาติ", "จำนวน", "หน่วย"]
    rows = [
        ["2568", month, "ผู้เยี่ยมเยือน", "นักท่องเที่ยว", origin, number, "คน"]
        for month, number in [*((each, 10) for each in range(1, 13)), ("รวม", 120)]
        for origin in ("ไทย", "ต่างชาติ")
    ]
    result = read(CKAN_VISITORS, as_csv(header, rows))
    assert code_counts(result)["stamp-bad"] == 24
    assert kept(result).select("origin", "value", "is_total").rows() == [("thai", 120, False), ("foreign", 120, False)]
    some = read(CKAN_VISITORS, as_csv(header, [row for row in rows if row[1] in (1, 2, "รวม")]))
    assert not kept(some).height, "nor is the total of those that there are"


def test_a_total_over_two_levels_of_areas_may_leave_the_finer_blank():
    rows = [
        *(["2568", "กะทู้", "ป่าตอง", 1000], ["2568", "กะทู้", "กมลา", 2000], ["2568", "กะทู้", "", 3000]),
        *(["2568", "ถลาง", "เชิงทะเล", 500], ["2568", "ถลาง", "-", 500], ["2568", "รวม", "", 3500]),
    ]
    data = as_csv(["ปี", "รายการ", "อำเภอ", "ตำบล", "จำนวน", "หน่วย"], [[y, "ขยะ", *rest, "ตัน"] for y, *rest in rows])
    result = read(CKAN_STATISTICS, data, smart="environment")
    assert code_counts(result) == {}
    totals = kept(result).filter("is_total").select("area_level", "area", "value").rows()
    assert sorted(totals) == [("amphoe", "กะทู้", 3000), ("amphoe", "ถลาง", 500), ("province", "ภูเก็ต", 3500)]
