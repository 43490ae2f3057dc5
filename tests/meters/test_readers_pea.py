"""PEA's HTML and XLSX reports: generated in both eras, with the traps that real ones have."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from assets.meters.exports import describe, read_export
from tests.kit import codes

NBSP = "\xa0"
KW = "รายงานข้อมูลกิโลวัตต์แบบช่วงเวลา"
KWH = "รายงานข้อมูลกิโลวัตต์ชั่วโมงรายเดือน"
ACCOUNT = "020012345678"
BANGKOK = timedelta(hours=7)


def stamps(day, era="CE", midnight="24.00", count=96):
    """Interval ends of a day as PEA prints them."""
    found = []
    for slot in range(1, count + 1):
        end = day + timedelta(minutes=15 * slot)
        clock = f"{end:%H.%M}"
        if end.date() > day.date() and midnight == "24.00":
            end, clock = day, midnight
        found.append(f"{end:%d/%m}/{end.year + (543 if era == 'BE' else 0)} {clock}")
    return found


def pairs(values, rate="B"):
    """The six rate cells of each row, kW under one rate."""
    place = {"A": 0, "B": 2, "C": 4}[rate]
    return [[""] * place + [value, ""] + [""] * (4 - place) for value in values]


def html_report(rows, title=KW, account=ACCOUNT + NBSP, header=None, encoding="utf-8"):
    header = header or "<td></td>" + "".join(f'<td colspan="2">RATE {rate}</td>' for rate in "ABC")
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    page = (
        f"<table><tr><td>{title}</td></tr><tr><td>[ออกรายงาน : 01/01/2026]</td></tr>"
        f"<tr><td>บัญชีผู้ใช้ไฟ : </td><td>{account}</td><td>ชื่อผู้ใช้ไฟ : </td><td>บริษัท ลับ จำกัด</td></tr></table>"
        f"<table><tr>{header}</tr>{body}</table><table><tr><td>***หมายเหตุ***</td></tr></table>"
    )
    return page.encode(encoding)


def html_day(day, values, era="CE", midnight="24.00", rate="B", **how):
    rows = [
        [NBSP + stamp, *cells] for stamp, cells in zip(stamps(day, era, midnight), pairs(values, rate), strict=True)
    ]
    return html_report(rows, **how)


def workbook(rows, totals=None, title=KWH, sheets=1):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "kWh 2026"
    head = [
        ["", "การไฟฟ้าส่วนภูมิภาค"],
        ["", title],
        ["", "[ออกรายงาน]"],
        ["บัญชีผู้ใช้ไฟ : ", ACCOUNT + NBSP, "ชื่อผู้ใช้ไฟ : ", "บริษัท ลับ จำกัด" + NBSP],
        ["", "RATE A", "RATE B", "RATE C", "ผลรวม"],
    ]
    tail = [["***หมายเหตุ***"], ["พิมพ์โดย : คนพิมพ์", "วันที่พิมพ์ : 01/02/2569"]]
    for row in [*head, *rows, *([["ผลรวมทั้งหมด", *totals]] if totals else []), *tail]:
        sheet.append(row)
    for extra in range(sheets - 1):
        book.create_sheet(f"Sheet{extra + 2}")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xlsx_day(day, values, era="CE", totals=True, factor=1):
    rows = [[NBSP + stamp, "0.000", value, "", value] for stamp, value in zip(stamps(day, era), values, strict=True)]
    total = str(sum(map(Decimal, values)) * factor)
    return workbook(rows, ["0.000", total, "0.000", total] if totals else None)


def rows_of(result):
    return result.tables["readings"].sort("start")


KILOWATTS = st.lists(st.decimals(0, 9999, places=3).map(str), min_size=96, max_size=96)
DAYS = st.datetimes(datetime(2015, 1, 1), datetime(2030, 12, 30)).map(lambda at: datetime(at.year, at.month, at.day))


@given(
    DAYS,
    KILOWATTS,
    st.sampled_from(["CE", "BE"]),
    st.sampled_from(["24.00", "00.00"]),
    st.sampled_from(["utf-8", "cp874", "utf-16", "utf-8-sig"]),
    st.sampled_from("ABC"),
)
def test_html_round_trip(day, values, era, midnight, encoding, rate):
    result = read_export(html_day(day, values, era, midnight, rate, encoding=encoding), "report.xls", {})
    assert (result.format, codes(result)) == ("pea_html", [])
    readings = rows_of(result)
    assert [start.replace(tzinfo=None) + BANGKOK for start in readings["start"]] == [
        day + timedelta(minutes=15 * slot) for slot in range(96)
    ]
    assert readings["value"].to_list() == [Decimal(value) / 4 for value in values]
    assert set(readings["rate_raw"]) == {rate}
    assert set(readings["point"]) == {ACCOUNT}
    assert set(readings["quality"]) == {"unknown"}


@settings(max_examples=8)
@given(DAYS, KILOWATTS, st.sampled_from(["CE", "BE"]))
def test_xlsx_round_trip(day, values, era):
    result = read_export(xlsx_day(day, values, era), "any.name", {})
    assert (result.format, codes(result)) == ("pea_kwh_xlsx", [])
    readings = rows_of(result)
    assert readings["value"].to_list() == list(map(Decimal, values))
    assert readings["start"][0].replace(tzinfo=None) + BANGKOK == day
    assert readings["point"][0] == ACCOUNT


def test_leap_day_of_the_buddhist_era():
    leap = datetime(2024, 2, 29)
    readings = rows_of(read_export(html_day(leap, ["4"] * 96, "BE"), "x.xls", {}))
    assert readings.height == 96
    assert readings["start"][0].replace(tzinfo=None) + BANGKOK == leap
    none = read_export(html_day(leap, ["4"] * 96).replace(b"/2024", b"/2023"), "x.xls", {})
    assert codes(none) == ["file-malformed", *["stamp-bad"] * 96]


def test_eras_may_be_mixed_in_one_file():
    days = [datetime(2026, 1, 1), datetime(2026, 1, 2)]
    rows = [
        [stamp, *cells]
        for day, era in zip(days, ["CE", "BE"], strict=True)
        for stamp, cells in zip(stamps(day, era), pairs(["4"] * 96), strict=True)
    ]
    readings = rows_of(read_export(html_report(rows), "x.xls", {}))
    assert readings.height == 192
    assert readings["start"].diff().drop_nulls().unique().to_list() == [timedelta(minutes=15)]


def test_rates_are_added_and_the_one_with_load_is_told():
    rows = [
        ["01/01/2026 00.15", "0.000", "", "8", "", "0", ""],
        ["01/01/2026 00.30", "", "", "", "", "0", ""],
        ["01/01/2026 00.45", "1", "", "3", "", "", ""],
        ["01/01/2026 01.00", "", "", "", "", "", ""],
        ["01/01/2026 01.15", "1,234.500", "9", "", "", "", ""],
    ]
    result = read_export(html_report(rows), "x.xls", {})
    told = rows_of(result).select("value", "rate_raw", "quality").rows()
    assert told == [
        (Decimal(2), "B", "unknown"),
        (Decimal(0), "C", "unknown"),
        (Decimal(1), None, "unknown"),
        (None, None, "missing"),
        (Decimal("308.625"), "A", "unknown"),
    ]
    assert codes(result) == ["value-blank"]


def test_a_header_without_rate_names_is_read_by_its_seven_columns():
    header = "<td>เวลา</td>" + "<td>กิโลวัตต์</td>" * 6
    result = read_export(html_day(datetime(2026, 1, 1), ["4"] * 96, rate="C", header=header), "x.xls", {})
    assert set(rows_of(result)["rate_raw"]) == {"C"}
    assert result.tables["readings"]["value"].sum() == 96


def test_the_title_tells_kwh_from_kw():
    day, values = datetime(2026, 1, 1), ["4"] * 96
    power = read_export(html_day(day, values), "x.xls", {})
    energy = read_export(html_day(day, values, title="รายงานข้อมูลกิโลวัตต์ชั่วโมงแบบช่วงเวลา"), "x.xls", {})
    assert power.tables["readings"]["value"].sum() * 4 == energy.tables["readings"]["value"].sum() == 384


def test_kw_and_kwh_reports_share_one_channel():
    day = datetime(2026, 1, 1)
    reports = [html_day(day, ["4"] * 96), xlsx_day(day, ["1"] * 96)]
    keys = [
        read_export(report, "x", {}).tables["readings"].select("point", "channel", "quantity") for report in reports
    ]
    assert keys[0].unique().equals(keys[1].unique())


@pytest.mark.parametrize("factor", [4, Decimal("0.25"), Decimal("1.01")])
def test_printed_totals_are_checked(factor):
    result = read_export(xlsx_day(datetime(2026, 1, 1), ["1.250"] * 96, factor=factor), "x.xlsx", {})
    assert result.tables["readings"].height == 96
    assert codes(result) == ["sum-mismatch", "sum-mismatch"]
    assert f"{factor:.2f} times" in result.problems["message"][0]
    assert describe(result, "x")["status"] == "ok"


def test_printed_row_totals_are_checked():
    rows = [["01/01/2026 00.15", "1", "0", "0", "2"], ["01/01/2026 00.30", "1", "0", "0", "1.0"]]
    result = read_export(workbook(rows), "x.xlsx", {})
    assert list(result.problems.select("row", "code").iter_rows()) == [(6, "sum-mismatch")]


def test_bad_cells_are_refused_with_their_row():
    rows = [
        ["01/01/2026 00.15", "", "", "1", "", "", ""],
        ["31/02/2026 00.30", "", "", "1", "", "", ""],
        ["01/01/2026 00.40", "", "", "1", "", "", ""],
        ["01/01/2026 24.15", "", "", "1", "", "", ""],
        ["01/01/2026 00.45", "", "", "ไม่ทราบ", "", "", ""],
        ["01/01/2026 01.00", "", "", "2", "", "", ""],
    ]
    result = read_export(html_report(rows), "x.xls", {})
    assert list(result.problems.select("row", "code").iter_rows()) == [
        (6, "stamp-bad"),
        (7, "interval-misaligned"),
        (8, "stamp-bad"),
        (9, "value-not-number"),
    ]
    assert result.tables["readings"].height == 2
    assert describe(result, "x")["status"] == "partial"
    assert "ลับ" not in "".join(result.problems["message"])


def test_the_same_stamp_twice():
    again = [["01/01/2026 00.15", "", "", value, "", "", ""] for value in ("1", "1", "2", "2")]
    result = read_export(html_report(again), "x.xls", {})
    assert result.tables["readings"]["value"].to_list() == [Decimal("0.5")]
    assert sorted(codes(result)) == ["duplicate-rows", "key-duplicate", "key-duplicate"]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("days", [1, 3])
def test_a_midnight_that_stands_behind_its_day_ends_it(days, newest_first):
    """24.00 printed as 00.00, with the date of the day that it ends."""
    rows = [
        [NBSP + stamp.replace("24.00", "00.00"), *cells]
        for n in range(days)
        for stamp, cells in zip(stamps(datetime(2026, 11, 20 + n)), pairs(["4"] * 95 + ["8"]), strict=True)
    ]
    result = read_export(html_report(rows[::-1] if newest_first else rows), "report.xls", {})
    readings = rows_of(result)
    assert (codes(result), readings.height) == (["stamp-label"], 96 * days)
    assert readings.filter(pl.col("value") == 2)["start"].dt.hour().unique().to_list() == [16]  # 23:45
    assert readings["start"][0] == datetime(2026, 11, 19, 17, tzinfo=UTC)


def test_another_period_than_a_quarter_hour_is_rejected():
    rows = [[f"01/01/2026 {hour:02d}.00", "", "", "1", "", "", ""] for hour in range(1, 24)]
    assert codes(read_export(html_report(rows), "x.xls", {})) == ["layout-contradicts"]


def test_a_report_without_account_needs_the_option_point():
    page = html_day(datetime(2026, 1, 1), ["1"] * 96, account="")
    assert codes(read_export(page, "x.xls", {})) == ["file-malformed"]
    assert set(read_export(page, "x.xls", {"point": "P1"}).tables["readings"]["point"]) == {"P1"}


def test_a_page_cut_inside_its_table_is_rejected():
    page = html_day(datetime(2026, 1, 1), ["1"] * 96)
    assert codes(read_export(page[: len(page) // 2], "x.xls", {})) == ["file-truncated"]


def test_entities_and_external_references_are_not_followed(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("41", encoding="utf-8")
    page = html_day(datetime(2026, 1, 1), ["1"] * 96).decode()
    doctype = f'<!DOCTYPE html [<!ENTITY leak SYSTEM "{secret.as_uri()}">]>'
    result = read_export((doctype + page.replace(">1<", ">&leak;<", 1)).encode(), "x.xls", {})
    assert Decimal("10.25") not in result.tables["readings"]["value"].to_list()
    assert codes(result) == ["value-not-number"]


def test_a_workbook_may_have_other_sheets():
    rows = [["01/01/2026 00.15", "1", "0", "0", "1"]]
    result = read_export(workbook(rows, sheets=3), "x.xlsx", {})
    assert (result.format, codes(result), result.tables["readings"].height) == ("pea_kwh_xlsx", [], 1)


def test_account_keeps_its_leading_zero_and_is_not_shown():
    told = describe(read_export(xlsx_day(datetime(2026, 1, 1), ["1"] * 96), "x.xlsx", {}), "x.xlsx")
    assert [channel["point"] for channel in told["channels"]] == ["p1"]
    shown = describe(read_export(xlsx_day(datetime(2026, 1, 1), ["1"] * 96), "x", {}), "x", show_ids=True)
    assert shown["channels"][0]["point"] == ACCOUNT


def test_readings_have_the_canonical_types():
    from quality.readings import READING_SCHEMA

    for data in (html_day(datetime(2026, 1, 1), ["1"] * 96), xlsx_day(datetime(2026, 1, 1), ["1"] * 96)):
        readings = read_export(data, "x", {}).tables["readings"]
        assert readings.schema == READING_SCHEMA
        assert readings.select(pl.col("row").n_unique()).item() == 96


@pytest.mark.parametrize("damaged", [b"<tz><td>", b"<tr:<td>", b"\x1ctr><td>", b"<tr><td? "])
def test_an_html_row_of_damaged_tags_is_not_lost_in_silence(damaged):
    """Found by fuzzing: the parser leaves such a row without cells, or its cells without a row."""
    data = html_day(datetime(2026, 1, 5), ["1.250"] * 96)
    at = data.index(b"<tr><td>", len(data) // 2)
    result = read_export(data[:at] + damaged + data[at + 8 :], "x", {})
    assert (dict(result.tables), result.problems["code"].to_list()) == ({}, ["file-malformed"])


def test_an_html_cell_of_an_odd_width_counts_once():
    data = html_day(datetime(2026, 1, 5), ["1.250"] * 96).replace(b'colspan="2"', 'colspan="²"'.encode(), 1)
    assert read_export(data, "x", {}).format == "pea_html"


def test_an_html_page_that_its_parser_gives_up_is_rejected():
    """Found by fuzzing: beyond 256 levels the parser stops, and what it has is a shorter report."""
    data = html_day(datetime(2026, 1, 5), ["1.250"] * 96)
    at = data.index(b"<tr>", len(data) // 2)
    result = read_export(data[:at] + b"<div>" * 300 + data[at:], "x", {})
    assert (dict(result.tables), result.problems["code"].to_list()) == ({}, ["file-malformed"])
