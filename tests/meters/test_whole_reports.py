"""The Thai utilities' reports, and standards, judged as a whole: all sheets, one account, units that agree."""

import io
import zipfile
from datetime import datetime, timedelta

import polars as pl
import pytest
import xlwt

from assets.meters.exports import read_export
from tests.kit import codes
from tests.meters import test_readers_espi as green, test_readers_pea as pea, test_readers_thai as thai

NEXT = thai.DAY + timedelta(days=1)
ONES = ["4"] * 96


def total(result):
    return result.tables["readings"]["value"].sum()


def test_every_sheet_of_meas_and_peas_workbooks_is_read():
    head = [["ตารางแสดงผลข้อมูลแบบสรุปแนวขวาง"], [], [], [*thai.MEA, *thai.COMPONENTS]]
    sheets = {
        f"S{n}": [*head, *(thai.mea_row(end, n) for end in thai.ends(thai.DAY + timedelta(days=n)))] for n in (1, 2)
    }
    result = read_export(thai.xlsx(sheets), "x", {})
    kwh = result.tables["readings"].filter(quantity="active_import")
    assert (codes(result), kwh["value"].sum()) == ([], 96 * 3)
    ami = {"one": thai.custom(ONES)["Report"], "two": thai.custom(ONES, NEXT)["Report"]}
    assert total(read_export(thai.xlsx(ami), "x", {})) == 192


def test_a_title_that_says_another_unit_than_the_header_is_refused():
    wrong = read_export(thai.xlsx(thai.custom(ONES, unit="kWh")), "x", {})
    assert (codes(wrong), wrong.tables) == (["layout-contradicts"], {})
    assert codes(read_export(thai.xlsx(thai.custom(ONES, unit="MW")), "x", {})) == ["layout-contradicts"]
    assert codes(read_export(thai.xlsx(thai.custom(ONES, unit="kWh", title="Custom kWh Report")), "x", {})) == []
    assert codes(read_export(thai.xlsx(thai.custom(ONES)), "x", {})) == []


def tod(day, value):
    return [["DateTime", "kW", *thai.TOD], *(thai.tod_row(0, f"{end}", 0, value, 0)[3:] for end in thai.ends(day))]


def monthly(day, value, meter="05500000"):
    rows = thai.monthly_xls([(value, 0.0)] * 96, day)
    return [rows[0], [f"เครื่องวัดฯ: {meter}"], *rows[2:]]


def old_book(*sheets):
    book = xlwt.Workbook()
    for number, rows in enumerate(sheets):
        sheet = book.add_sheet(f"S{number}")
        for row, cells in enumerate(rows):
            for column, value in enumerate(cells):
                sheet.write(row, column, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def energy(result):
    rows = result.tables["readings"].filter(quantity="active_import").group_by("point").agg(pl.col("value").sum())
    return dict(rows.cast({"point": pl.String}).iter_rows())


def test_every_sheet_of_load_profiles_and_old_workbooks_is_read():
    both = thai.xlsx({"cover": [["notes"]], "1 ม.ค.": tod(thai.DAY, 4), "2 ม.ค.": tod(NEXT, 8)})
    assert energy(read_export(both, "x", {"point": "P"})) == {"P": 96 * 3}
    assert energy(read_export(old_book(monthly(thai.DAY, 4.0), monthly(NEXT, 8.0)), "x", {})) == {"05500000": 96 * 3}
    meters = old_book(monthly(thai.DAY, 4.0), monthly(thai.DAY, 8.0, "055"))
    assert energy(read_export(meters, "x", {})) == {"05500000": 96, "055": 192}
    assert codes(read_export(meters, "x", {"point": "P"})) == ["meters-several"]
    below = old_book(monthly(thai.DAY, 4.0) + monthly(NEXT, 8.0, "055"))
    assert codes(read_export(below, "x", {})) == ["meters-several"]


def test_sheets_that_only_their_names_tell_apart_are_not_one_meter():
    profiles = thai.xlsx({"MDB": tod(thai.DAY, 4), "Chiller": tod(NEXT, 8)})
    assert codes(read_export(profiles, "x", {"point": "P"})) == ["meters-several"]
    old = old_book(monthly(thai.DAY, 4.0), monthly(NEXT, 8.0))
    assert codes(read_export(old, "x", {"point": "P"})) == []
    one = thai.kw_month(ONES)["kW000"]
    other = [row for row in thai.kw_month(ONES, NEXT)["kW000"] if thai.ACCOUNT not in "".join(map(str, row))]
    assert codes(read_export(thai.xlsx({"MDB": one, "Chiller": other}), "x", {})) == ["meters-several"]
    assert codes(read_export(thai.xlsx({"Hot season": one, "Wet season": other}), "x", {})) == ["parts-joined"]
    pages = read_export(thai.xlsx({"kW000": one, "kW000 (2)": other}), "x", {})
    assert energy(pages) == {thai.ACCOUNT: 192}
    assert energy(read_export(thai.xlsx({"A": one, "B": thai.kw_month(ONES, NEXT)["kW000"]}), "x", {})) == energy(pages)
    custom, more = thai.custom(ONES)["Report"], thai.custom(ONES, NEXT)["Report"][27:]
    assert codes(read_export(thai.xlsx({"MDB": custom, "Chiller": more}), "x", {})) == ["meters-several"]
    assert energy(read_export(thai.xlsx({"Report": custom, "Report (2)": more}), "x", {})) == {thai.ACCOUNT: 192}


def kw(place, row):
    sheets = thai.kw_month(ONES)
    sheets["kW000"].insert(place, row)
    return thai.xlsx(sheets)


def mea(title):
    head = [[title], [], [], [*thai.MEA, *thai.COMPONENTS]]
    return thai.xlsx({"S": [*head, *(thai.mea_row(end, 1) for end in thai.ends())]})


@pytest.mark.parametrize(
    ("make", "wrong", "right"),
    [
        (lambda unit: kw(1, [f"หน่วย : {unit}"]), "kWh", "kW"),
        (lambda unit: thai.xlsx({"S": [[f"Load profile ({unit})"], *tod(thai.DAY, 4)]}), "MW", "kW"),
        (lambda unit: old_book([[f"Unit: {unit}"], *monthly(thai.DAY, 4.0)]), "kWh", "kW"),
        (mea, "หน่วย เมกะวัตต์-ชั่วโมง", "หน่วย กิโลวัตต์-ชั่วโมง"),
    ],
)
def test_a_unit_above_a_utilitys_table_is_heeded(make, wrong, right):
    refused = read_export(make(wrong), "x", {"point": "P"})
    assert (codes(refused), refused.tables) == (["layout-contradicts"], {})
    assert codes(read_export(make(right), "x", {"point": "P"})) == []


def test_reports_of_power_and_of_energy_in_one_file_are_refused():
    pages = pea.html_day(thai.DAY, ONES) + pea.html_day(NEXT, ONES, title=pea.KWH)
    assert codes(read_export(pages, "x.xls", {})) == ["layout-contradicts"]


def test_two_accounts_in_one_report_are_refused():
    pages = [pea.html_day(thai.DAY, ONES), pea.html_day(NEXT, ONES, account="020099999999")]
    both = read_export(b"".join(pages), "x.xls", {})
    assert (codes(both), both.tables) == (["meters-several"], {})
    assert total(read_export(pages[0] + pea.html_day(NEXT, ONES), "x.xls", {})) == 192
    ami = {"one": thai.custom(ONES)["Report"], "two": [*thai.custom(ONES, NEXT)["Report"]]}
    ami["two"][8] = ["", "Contact Account : ", "020099999999"]
    assert codes(read_export(thai.xlsx(ami), "x", {})) == ["meters-several"]


def resaved(sheets, exchange):
    """The workbook with its stamps as date cells, days and months exchanged where both can be."""
    rows = []
    for row in sheets["Report"]:
        text = str(row[0]) if row else ""
        if text[:2].isdigit() and " " in text and "24." not in text:
            at = datetime.strptime(text, "%d/%m/%Y %H.%M")
            if exchange:
                at = at.replace(day=at.month, month=at.day) if at.day <= 12 else text
            rows.append([at, *row[1:]])
        else:
            rows.append(row)
    return thai.xlsx({"Report": rows})


def test_a_report_that_was_saved_anew_has_date_cells():
    right = read_export(resaved(thai.custom(ONES), exchange=False), "x", {})
    assert (codes(right), total(right)) == ([], 96)
    days = [datetime(2026, 1, 10) + timedelta(days=n) for n in range(6)]
    sheets = thai.custom(ONES, days[0])
    sheets["Report"] += [row for day in days[1:] for row in thai.custom(ONES, day)["Report"][28:]]
    assert "layout-contradicts" in codes(read_export(resaved(sheets, exchange=True), "x", {}))


def test_entries_of_one_link_that_tell_otherwise_are_no_guess():
    values, types = green.block(green.reading(4, green.DAY)), [green.reading_type(), green.reading_type(2, uom=38)]
    at = "Subscription/5/UsagePoint/1"
    gas = green.entry(green.element("UsagePoint", "<ServiceCategory><kind>1</kind></ServiceCategory>"), at, None, [])
    both = [f"{at}/MeterReading/1/IntervalBlock", "ReadingType/1", "ReadingType/2"]
    of_both = green.entry(green.element("MeterReading"), f"{at}/MeterReading/1", None, both)
    for others in ([green.meter(), green.meter(kind=2)], [of_both], [green.meter(), gas]):
        assert codes(green.read(green.usage_point(), *others, *types, values)) == ["file-malformed"]
    assert codes(green.read(green.usage_point(), green.meter(), green.meter(), *types, values)) == []


@pytest.mark.parametrize("facts", [{"powerOfTenMultiplier": 3}, {"flowDirection": 19}])
def test_two_types_under_one_link_are_no_guess(facts):
    entries = [green.usage_point(), green.meter(), green.block(green.reading(4, green.DAY)), green.reading_type()]
    assert codes(green.read(*entries, green.reading_type(**facts))) == ["file-malformed"]
    assert codes(green.read(*entries, green.reading_type())) == []


def test_of_an_archives_files_the_later_name_counts():
    def day(value):
        rows = "".join(f"P1,2026-01-05 00:{n:02d},{value},Actual\n" for n in (15, 30, 45))
        return f"point,timestamp_end,kwh,status\n{rows}"

    for names in (("m_v2.csv", "m_v10.csv"), ("m_v10.csv", "m_v2.csv")):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name in names:
                # The original is longer above: its rows stand further down.
                above = "note\n" * 5 if name == "m_v2.csv" else ""
                archive.writestr(name, above + day(1 if name == "m_v2.csv" else 7))
        result = read_export(out.getvalue(), "x.zip", {})
        assert total(result) == 21
        assert set(codes(result)) == {"key-duplicate"}
        assert result.tables["readings"]["row"].to_list() == [2, 3, 4]


def test_a_protected_workbook_says_so():
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert codes(read_export(ole + "EncryptedPackage".encode("utf-16-le"), "x.xlsx", {})) == ["file-protected"]
    old = ole + b"\x09\x08\x10\x00\x00\x06\x05\x00" + bytes(12) + b"\x2f\x00\x36\x00" + bytes(54)
    assert codes(read_export(old, "x.xls", {})) == ["file-protected"]
    assert codes(read_export(ole, "x.xls", {})) == ["file-malformed"]
