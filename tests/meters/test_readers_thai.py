"""The Thai utilities' workbooks and forms, layout by layout: written here as they are described, and read back."""

import io
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import openpyxl
import polars as pl
import pytest
import xlwt
from hypothesis import given, settings, strategies as st

from assets.meters.exports import describe, read_export, readers
from assets.meters.formats import content as contents, grids
from quality.readings import READING_SCHEMA, REGISTER_SCHEMA
from tests.kit import codes

NBSP = "\xa0"
ACCOUNT = "020012345678"
SECRET = "บริษัท ลับ จำกัด"
BANGKOK = timedelta(hours=7)
DAY = datetime(2026, 1, 5)
MONTHS = ["มกราคม", "กุมภาพันธ์", "มีนาคม", "เมษายน", "พฤษภาคม", "มิถุนายน", "กรกฎาคม", "สิงหาคม", "กันยายน"]
MONTHS += ["ตุลาคม", "พฤศจิกายน", "ธันวาคม"]


def xlsx(sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row, cells in enumerate(rows, start=1):
            for column, value in enumerate(cells, start=1):
                if value not in ("", None):
                    sheet.cell(row, column, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xls(rows, name="Sheet0", mac=False):
    book = xlwt.Workbook()
    book.dates_1904 = mac
    sheet = book.add_sheet(name)
    for row, cells in enumerate(rows):
        for column, value in enumerate(cells):
            if value != "":
                sheet.write(row, column, value)
    book.add_sheet("Sheet1")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def ends(day=DAY, count=96):
    return [day + timedelta(minutes=15 * slot) for slot in range(1, count + 1)]


def dotted(day=DAY, era="CE", mark=".", count=96, midnight="24"):
    """Interval ends as PEA prints them; midnight is 24.00 of the day before, or 00.00."""
    found = []
    for end in ends(day, count):
        shown, clock = end, f"{end:%H}{mark}{end:%M}"
        if (end.hour, end.minute) == (0, 0) and midnight == "24":
            shown, clock = end - timedelta(days=1), f"24{mark}00"
        found.append(f"{shown:%d/%m}/{shown.year + 543 * (era == 'BE')} {clock}")
    return found


def facts(day=DAY):
    return [
        ["บัญชีผู้ใช้ไฟ :", ACCOUNT + NBSP, "ชื่อผู้ใช้ไฟ :", SECRET],
        ["หมายเลขมิเตอร์ :", "55000000", "Tariff :", "TOU"],
        ["CT Ratio :", "100:5 A.", "VT Ratio :", "115000:115 V."],
    ]


def between(day, era="CE", days=1):
    last = day + timedelta(days=days - 1)
    year = 543 if era == "BE" else 0
    return f"[ระหว่างวันที่ : {day:%d/%m}/{day.year + year} - {last:%d/%m}/{last.year + year}]"


def words(day):
    return f"{day:%d} {MONTHS[day.month - 1]} {day.year + 543}"


def month(day):
    return f"ประจำเดือน : {MONTHS[day.month - 1]} {day.year + 543}"


def pairs(value, rate, again=""):
    cells = [""] * 6
    cells["ABC".index(rate) * 2], cells["ABC".index(rate) * 2 + 1] = value, again and value
    return cells


def kw_sheets(values, day=DAY, era="CE", rate="B", head=None):
    """Layouts 2 and 5c: a sheet each for head, intervals and remarks, column numbers on top, numbers as text."""
    junk = [str(i) for i in range(7)]
    rates = ["", "RATE A", "RATE A", "RATE B", "RATE B", "RATE C", "RATE C"]
    title = ["รายงานข้อมูลกิโลวัตต์แบบช่วงเวลา"] * 7
    rows = [[stamp, *pairs(value, rate, "again")] for stamp, value in zip(dotted(day, era), values, strict=True)]
    return {
        "Sheet1": [junk, title, [head or between(day, era)] * 7, *facts()],
        "Sheet2": [junk, rates, *rows],
        "Sheet3": [junk, ["***หมายเหตุ***"] * 7],
    }


def kw_month(values, day=DAY, era="CE", rate="C", extremes=None, printed=""):
    """Layout 4: one sheet, the first of each pair filled, least, mean and greatest at the end."""
    numbers = list(map(Decimal, values))
    mean = round(sum(numbers) / len(numbers), 2)
    least, mean, most = extremes or (min(numbers), mean, max(numbers))
    place = 1 + "ABC".index(rate) * 2
    foot = [
        [label] + [""] * (place - 1) + [str(value), "01/01/2026 00.15"]
        for label, value in (("กิโลวัตต์ต่ำสุด", least), ("กิโลวัตต์เฉลี่ย", mean), ("กิโลวัตต์สูงสุด", most))
    ]
    rows = [[NBSP + stamp, *pairs(value, rate)] for stamp, value in zip(dotted(day, era), values, strict=True)]
    return {
        "kW000": [
            ["รายงานข้อมูลกิโลวัตต์รายเดือน"],
            [f"[{month(day)}]"],
            *facts(),
            ["", "RATE A", "", "RATE B", "", "RATE C", ""],
            *rows,
            *foot,
            ["***หมายเหตุ***"],
            [f"พิมพ์โดย : {ACCOUNT}", "", "", "", "", "", printed and f"วันที่พิมพ์ : {printed}"],
        ]
    }


def ami_thai(values, day=DAY, era="BE", rate="A", most=None):
    """Layout 5b: labels end in ไฟฟ้า, rates in row 28, the greatest kW told as time and value."""
    head = [[] for _ in range(27)]
    head[2] = ["", "การไฟฟ้าส่วนภูมิภาค โครงการติดตั้งระบบมิเตอร์อัจฉริยะ (AMI)"]
    head[5], head[6] = ["", "รายงานข้อมูลกิโลวัตต์รายเดือน"], ["", month(day)]
    head[8] = ["", "บัญชีผู้ใช้ไฟฟ้า : ", ACCOUNT, "", "ชื่อผู้ใช้ไฟฟ้า : ", SECRET]
    rows = [[stamp, *pairs(value, rate)] for stamp, value in zip(dotted(day, era), values, strict=True)]
    most = most or max(map(Decimal, values))
    foot = [["กิโลวัตต์สูงสุด", dotted(day, era)[0], str(most)], [], ["พิมพ์โดย : ทดสอบ"]]
    return {"Report": [*head, ["เวลา", "Rate A", "", "Rate B", "", "Rate C"], *rows, *foot]}


def kwh_sheets(values, day=DAY, era="CE", rate="B", head=None):
    """Layout 9: as layout 2 in kWh, one column a rate and the row's total."""
    junk = [str(i) for i in range(5)]
    place = "ABC".index(rate)
    rows = [
        [stamp, *(value if i == place else "" for i in range(3)), value]
        for stamp, value in zip(dotted(day, era), values, strict=True)
    ]
    return {
        "Sheet1": [junk, ["รายงานข้อมูลกิโลวัตต์ชั่วโมงแบบช่วงเวลา"] * 5, [head or between(day, era)] * 5, *facts()],
        "Sheet2": [junk, ["", "RATE A", "RATE B", "RATE C", "ผลรวม"], *rows],
        "Sheet3": [junk, ["***หมายเหตุ***"] * 5, [f"พิมพ์โดย : {ACCOUNT}", "", "", "", "วันที่พิมพ์ : 01/02/2569 00:00"]],
    }


def custom(values, day=DAY, era="CE", unit="kW", extra=(), title="Custom kW Report"):
    """Layout 5: the AMI's report in English, without rates."""
    head = [[] for _ in range(27)]
    head[2] = ["", "Provincial Electricity Authority Advanced Metering Infrastructure (AMI) "]
    head[5], head[6] = ["", title], ["", f"Between {day:%d %B %Y} - {day:%d %B %Y}"]
    head[8], head[9] = ["", "Contact Account : ", ACCOUNT], ["", "Meter No. : ", "1112223"]
    rows = list(map(list, zip(dotted(day, era), values, *(more for _, more in extra), strict=True)))
    return {"Report": [*head, ["Time", unit, *(name for name, _ in extra)], *rows]}


def monthly_xls(values, day=DAY, era="BE", columns=("kW", "kVAR"), order=1):
    """Layout 11: BIFF, unsorted rows, a colon in 24:00."""
    stamps = dotted(day, era, mark=":")
    rows = [[stamp, *cells] for stamp, cells in zip(stamps, values, strict=True)][::order]
    title = ["รายงานใช้ไฟ - รายเดือน"]
    condition = [f"เงื่อนไข: เดือน {MONTHS[day.month - 1]} {day.year + 543}"]
    return [title, ["เครื่องวัดฯ: 05500000"], condition, [], ["วันที่/เวลา", *columns], *rows]


MEA = ["MEA No.", "UI ID.", "Rate Category", "Date Time", "TOU/TOD"]
COMPONENTS = ["E-KVARH-TOTAL-IMP", "E-KWH-TOTAL-IMP", "E-MAX-KVAR-IMP", "E-MAX-KW-IMP"]


def mea(rows, components=COMPONENTS):
    head = [["ตารางแสดงผลข้อมูลแบบสรุปแนวขวาง"], [], ["", "", "", "", "", "Value"], [*MEA, *components]]
    return xlsx({"Sheet1": [*head, *rows]})


def mea_row(end, kwh, kvarh=0, kw=None, kvar=None, rate="OFF", point="0140002293"):
    kw, kvar = kwh * 4 if kw is None else kw, kvarh * 4 if kvar is None else kvar
    return [point, "0095856820", 3.2, f"{end:%Y-%m-%d %H:%M:%S}", rate, *map(float, (kvarh, kwh, kvar, kw))]


TOD = ["kW (On-Peak)", "kW (Off-Peak)", "kW (Partial-Peak)", "kVAR (On-Peak)", "kVAR (Off-Peak)", "kVAR (Partial-Peak)"]


def tod(rows, head=("olf", "Date", "Time", "DateTime", "kW", *TOD)):
    return xlsx({"Sheet1": [list(head), *rows]})


def tod_row(n, stamp, on, off, partial, kvar=0, kw=None):
    return [n, "", "", stamp, on + off + partial if kw is None else kw, on, off, partial, kvar, 0, 0]


CODES = ["111", "010", "020", "030", "050", "060", "070"]


def form(rows, ct="50:5 A.", vt="22000:110 V.", codes=CODES, end="</table>"):
    head = ["No.", "เดือน/ปี", "ครั้งที่Reset", "วันที่Reset", *codes]
    told = [("CT", ct), ("VT", vt)]
    ratios = "".join(f"<td>{name} Ratio : </td><td>{ratio}&nbsp;</td>" for name, ratio in told if ratio)
    table = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in [head, *rows])
    return (
        f"<html><table><tr><td colspan=4>แบบฟอร์มการอ่านหน่วยมิเตอร์ AMR</td></tr><tr><td>บัญชีผู้ใช้ไฟ : </td>"
        f"<td>{ACCOUNT}&nbsp;</td><td>ชื่อผู้ใช้ไฟ : </td><td>{SECRET}</td></tr><tr>{ratios}</tr></table><table>{table}{end}"
    ).encode()


def reset(n, day, *registers):
    return [str(n), f"{day:%m/%Y}", str(n), f"{day:%d/%m/%Y}", *registers]


FORM = form([
    reset(1, datetime(2026, 6, 1), "100.000", "10.000", "50.000", "40.000", "0.300", "0.280", "0.290"),
    reset(2, datetime(2026, 7, 1), "153.500", "15.500", "70.000", "68.000", "0.320", "0.300", "0.328"),
])  # fmt: skip
LOGGER = "Model\tDW-680\n\nUser Name\tUser01\nWire Mode\t3P4W_3CT\nDate\tTime\tUA\n2026/09/05\t1:2:3\t9\n"
ONES = ["1"] * 96
EXAMPLES = {
    "pea_kw_xlsx": [xlsx(kw_sheets(ONES)), xlsx(kw_month(ONES)), xlsx(ami_thai(ONES))],
    "pea_kwh_xlsx": [xlsx(kwh_sheets(ONES))],
    "pea_ami_xlsx": [xlsx(custom(ONES))],
    "pea_monthly_xls": [xls(monthly_xls([(1.0, 0.0)] * 96))],
    "mea_wide_xlsx": [mea([mea_row(end, 1) for end in ends()])],
    "tod_profile_xlsx": [tod([tod_row(n, f"{end}", 0, 1, 0) for n, end in enumerate(ends())])],
    "pea_register_form": [FORM],
    "power_logger": [LOGGER.encode(), LOGGER.replace("\t", ",").encode("utf-8-sig")],
}
CASES = [(name, data) for name, files in EXAMPLES.items() for data in files]


def rows_of(result):
    return result.tables["readings"].sort("quantity", "start")


def local(readings):
    return [start.replace(tzinfo=None) + BANGKOK for start in readings["start"]]


STARTS = [end - timedelta(minutes=15) for end in ends()]


def fluctuates(values):
    """What rises a day long and seldom falls is taken for a count: no load does."""
    falls = sum(Decimal(value) > Decimal(after) for value, after in pairwise(values))
    return falls > 8 or len(set(values)) < 12


NUMBERS = st.lists(st.decimals(0, 9999, places=3).map(str), min_size=96, max_size=96).filter(fluctuates)
DAYS = st.datetimes(datetime(2015, 1, 1), datetime(2030, 12, 30)).map(lambda at: datetime(at.year, at.month, at.day))
ERAS = st.sampled_from(["CE", "BE"])


@pytest.mark.parametrize(("name", "data"), CASES)
def test_each_layout_is_recognised_by_its_reader_alone(name, data):
    look = contents.recognise(data)
    assert [n for n, r in readers().items() if r.kind == look.kind and r.recognise(look)] == [name]
    result = read_export(data, "a.name", {"point": "P"})
    assert result.format == name
    assert codes(result) == (["format-no-interval"] if name == "power_logger" else [])


@pytest.mark.real
def test_no_real_file_of_another_format_is_recognised(real_data):
    mine = {name: reader for name, reader in readers().items() if name in EXAMPLES or name.startswith("pea_")}
    files = [path for path in (real_data / "meters").rglob("*") if path.is_file()]
    assert len(files) > 50
    for path in files:
        if path.suffix.lower() not in (".zip", ".gz"):
            look = contents.recognise(path.read_bytes())
            assert [n for n, r in mine.items() if r.kind == look.kind and r.recognise(look)] == [], path.name


@settings(max_examples=12)
@given(DAYS, NUMBERS, ERAS, st.sampled_from("ABC"), st.sampled_from([kw_sheets, kw_month, ami_thai]))
def test_kw_workbooks_round_trip(day, values, era, rate, layout):
    result = read_export(xlsx(layout(values, day, era, rate)), "report.xlsx", {})
    assert (result.format, codes(result)) == ("pea_kw_xlsx", [])
    assert f"kW by the title, years {era} by the stamps" in result.evidence
    readings = rows_of(result)
    assert readings.schema == READING_SCHEMA
    assert local(readings) == [day + timedelta(minutes=15 * slot) for slot in range(96)]
    assert readings["value"].to_list() == [Decimal(value) / 4 for value in values]
    assert set(readings["rate_raw"]) == {rate}
    assert set(readings["point"]) == {ACCOUNT}


@settings(max_examples=6)
@given(DAYS, NUMBERS, ERAS, st.sampled_from("ABC"))
def test_kwh_workbook_of_three_sheets_round_trips(day, values, era, rate):
    head = f"[ระหว่างวันที่ : {words(day)} - {words(day)}]"
    result = read_export(xlsx(kwh_sheets(values, day, era, rate, head)), "x", {})
    assert (result.format, codes(result)) == ("pea_kwh_xlsx", [])
    assert "intervals in sheet 2 of 3" in result.evidence
    readings = rows_of(result)
    assert readings["value"].to_list() == list(map(Decimal, values))
    assert readings["row"].to_list() == list(range(3, 99))
    assert local(readings)[0] == day


def test_a_head_in_be_over_stamps_in_ce():
    day = datetime(2025, 8, 1)
    head = f"[ระหว่างวันที่ : {words(day)} - {words(day)}]"
    sheets = kw_sheets(ONES, day, "CE", head=head)
    sheets["Sheet2"].append(["กิโลวัตต์ต่ำสุด", "", "", "1.000"])
    result = read_export(xlsx(sheets), "x", {})
    assert codes(result) == []
    assert "years CE" in result.evidence
    assert local(rows_of(result))[0] == day


def test_both_eras_in_one_file():
    sheets = kw_sheets(ONES, head=between(DAY, days=2))
    more = kw_sheets(ONES, DAY + timedelta(days=1), "BE")
    sheets["Sheet2"] += more["Sheet2"][2:]
    result = read_export(xlsx(sheets), "x", {})
    assert (codes(result), result.tables["readings"].height) == ([], 192)
    assert "years BE and CE" in result.evidence


def test_two_digit_years_do_not_tell_their_era():
    sheets = kw_sheets(ONES)
    sheets["Sheet2"][2][0] = "05/01/69 00.15"
    assert codes(read_export(xlsx(sheets), "x", {})) == ["window-short", "stamp-bad"]


def test_intervals_outside_and_missing_of_the_stated_period_are_said():
    sheets = kw_sheets(ONES, head=between(DAY + timedelta(days=1)))
    result = read_export(xlsx(sheets), "x", {})
    assert codes(result) == ["period-mismatch", "window-short"]
    assert result.tables["readings"].height == 96
    cut = kw_sheets(ONES)
    del cut["Sheet2"][50:]
    said = read_export(xlsx(cut), "x", {}).problems
    assert said["code"].to_list() == ["window-short"]
    assert "96 intervals, 48 are there" in said["message"][0]


def test_a_month_is_due_once_it_is_printed_after():
    assert codes(read_export(xlsx(kw_month(ONES, printed="")), "x", {})) == []
    first = kw_month(ONES, datetime(2026, 1, 1), printed="02/01/2569 08:00")
    assert codes(read_export(xlsx(first), "x", {})) == []
    running = kw_month(ONES, printed="06/01/2569 08:00")
    assert codes(read_export(xlsx(running), "x", {})) == ["window-short"]
    after = kw_month(ONES, printed="01/02/2026 08:00")
    said = read_export(xlsx(after), "x", {}).problems
    assert "has 2,976 intervals, 96 are there" in said["message"][0]


@pytest.mark.parametrize(("factor", "ratio"), [(Decimal("0.25"), "0.25"), (4, "4.00")])
def test_printed_extremes_betray_a_wrong_unit(factor, ratio):
    values = [str(10 + slot) for slot in range(96)]
    numbers = list(map(Decimal, values))
    printed = [number * factor for number in (min(numbers), sum(numbers) / 96, max(numbers))]
    result = read_export(xlsx(kw_month(values, extremes=printed)), "x", {})
    assert codes(result) == ["sum-mismatch"] * 3
    assert all(f"{ratio} times as much" in message for message in result.problems["message"])
    assert codes(read_export(xlsx(ami_thai(values, most=106)), "x", {})) == ["sum-mismatch"]
    assert codes(read_export(xlsx(ami_thai(values, most=105)), "x", {})) == []


def test_kwh_under_a_kw_title_is_betrayed_by_the_printed_total():
    sheets = kw_sheets(ONES)
    rates = ["", "RATE A", "RATE B", "RATE C", "ผลรวม"]
    rows = [[stamp, "", "1", "", "1"] for stamp in dotted()]
    sheets["Sheet2"] = [rates, *rows, ["ผลรวมทั้งหมด", "", "96", "", "96"]]
    said = read_export(xlsx(sheets), "x", {}).problems
    assert said["code"].to_list() == ["sum-mismatch", "sum-mismatch"]
    assert "4.00 times" in said["message"][0]


def test_rows_with_stamps_under_a_footer_are_not_lost():
    sheets = kw_month(ONES)
    again = [[stamp, *pairs("2", "A")] for stamp in dotted(DAY + timedelta(days=1))]
    sheets["kW000"] += [["", "RATE A", "", "RATE B", "", "RATE C", ""], *again]
    result = read_export(xlsx(sheets), "x", {})
    assert result.tables["readings"].height == 192


def test_a_printed_header_may_repeat_between_intervals():
    sheets = kw_sheets(ONES)
    sheets["Sheet2"].insert(40, sheets["Sheet2"][1])
    result = read_export(xlsx(sheets), "x", {})
    assert (codes(result), result.tables["readings"].height) == ([], 96)


def test_bad_cells_are_refused_with_the_row_of_their_sheet():
    sheets = kw_sheets(ONES)
    rows = sheets["Sheet2"]
    rows[10][3], rows[20][0], rows[30][0] = "ไม่ทราบ", "31/02/2026 04.45", "05/01/2026 07.20"
    result = read_export(xlsx(sheets), "x", {})
    assert list(result.problems.drop_nulls("row").select("row", "code").iter_rows()) == [
        (11, "value-not-number"),
        (21, "stamp-bad"),
        (31, "interval-misaligned"),
    ]
    assert not any(word in "".join(result.problems["message"]) for word in (SECRET, ACCOUNT, "ไม่ทราบ"))


def test_a_time_in_digits_of_another_script_is_not_midnight():
    sheets = kw_sheets(ONES)
    sheets["Sheet2"][10][0] = "05/01/2026 ๐๒.๑๕"
    result = read_export(xlsx(sheets), "x", {})
    assert result.problems.drop_nulls("row").select("row", "code").rows() == [(11, "stamp-bad")]
    assert result.tables["readings"].height == 95


def test_an_account_beside_an_empty_label_is_not_the_next_label():
    sheets = kw_sheets(ONES)
    sheets["Sheet1"][3][1] = ""
    assert codes(read_export(xlsx(sheets), "x", {})) == ["file-malformed"]
    assert set(rows_of(read_export(xlsx(sheets), "x", {"point": "P"}))["point"]) == {"P"}
    sheets["Sheet1"][3][0] = f"บัญชีผู้ใช้ไฟ : {ACCOUNT}"
    assert set(rows_of(read_export(xlsx(sheets), "x", {}))["point"]) == {ACCOUNT}


@settings(max_examples=8)
@given(DAYS, NUMBERS, ERAS)
def test_custom_kw_report_round_trips(day, values, era):
    result = read_export(xlsx(custom(values, day, era)), "x", {})
    assert (result.format, codes(result)) == ("pea_ami_xlsx", [])
    readings = rows_of(result)
    assert readings["value"].to_list() == [Decimal(value) / 4 for value in values]
    assert readings["row"][0] == 29
    assert (readings["point"][0], readings["rate_raw"][0], readings["channel"][0]) == (ACCOUNT, None, "A+B+C")
    assert local(readings)[-1] == day + timedelta(hours=23, minutes=45)


def test_numbers_may_be_typed_and_blank():
    sheets = custom([123.5, 0.1, *[7] * 94])
    sheets["Report"][40][1] = ""
    result = read_export(xlsx(sheets), "x", {})
    readings = rows_of(result)
    assert readings["value"].to_list()[:2] == [Decimal("30.875"), Decimal("0.025")]
    assert readings.filter(pl.col("quality") == "missing").select("value", "row").rows() == [(None, 41)]
    assert codes(result) == ["value-blank"]


def test_energy_beside_power_counts_and_is_checked():
    result = read_export(xlsx(custom(["4"] * 96, extra=[("kWh", ["1"] * 95 + ["2"]), ("kVAR", ["8"] * 96)])), "x", {})
    assert codes(result) == ["sum-mismatch"]
    sums = rows_of(result).group_by("quantity").agg(pl.col("value").sum()).sort("quantity").rows()
    assert sums == [("active_import", Decimal(97)), ("reactive_import", Decimal(192))]


@settings(max_examples=8)
@given(DAYS, NUMBERS, st.randoms())
def test_biff_report_round_trips_unsorted(day, values, random):
    rows = monthly_xls([(float(value), float(value) / 2) for value in values], day)
    body = rows[5:]
    random.shuffle(body)
    result = read_export(xls([*rows[:5], *body]), "x.xls", {})
    assert (result.format, codes(result)) == ("pea_monthly_xls", [])
    assert "years BE by the stamps, point is the meter's number" in result.evidence
    load = rows_of(result).filter(pl.col("quantity") == "active_import")
    assert load["value"].to_list() == [Decimal(value) / 4 for value in values]
    assert local(load) == [day + timedelta(minutes=15 * slot) for slot in range(96)]
    assert set(load["point"]) == {"05500000"}
    assert set(load["rate_raw"]) == {None}


def test_biff_report_with_peak_columns():
    columns = ["kW (On-Peak)", "kW (Off-Peak)", "kVAR (On-Peak)", "kVAR (Off-Peak)"]
    values = [(0, 8, 0, 4) if slot < 36 else (20.5, 0, 2, 0) for slot in range(96)]
    result = read_export(xls(monthly_xls(values, columns=columns, order=-1)), "x", {"point": "CA1"})
    assert codes(result) == []
    readings = rows_of(result)
    assert readings.group_by("quantity", "rate_raw").agg(pl.col("value").sum()).sort("quantity", "rate_raw").rows() == [
        ("active_import", "Off-Peak", Decimal(72)),
        ("active_import", "On-Peak", Decimal("307.5")),
        ("reactive_import", "Off-Peak", Decimal(36)),
        ("reactive_import", "On-Peak", Decimal(30)),
    ]
    assert set(readings["point"]) == {"CA1"}


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_cut_workbooks_never_give_fewer_readings_silently(share):
    for data in (xls(monthly_xls([(1.0, 0.0)] * 96)), xlsx(kw_sheets(ONES))):
        result = read_export(data[: int(len(data) * share)], "x", {})
        assert codes(result) and not result.tables, result.tables["readings"].height


@settings(max_examples=8)
@given(DAYS, NUMBERS)
def test_mea_wide_round_trips(day, values):
    rows = [mea_row(end, Decimal(v), Decimal(v) / 2) for end, v in zip(ends(day), values, strict=True)]
    result = read_export(mea(rows), "x", {})
    assert (result.format, codes(result)) == ("mea_wide_xlsx", [])
    readings = rows_of(result)
    load = readings.filter(pl.col("quantity") == "active_import")
    assert load["value"].to_list() == list(map(Decimal, values))
    assert local(load) == [day + timedelta(minutes=15 * slot) for slot in range(96)]
    assert set(load["point"]) == {"0140002293"}
    assert set(load["channel"]) == {"E-MAX-KW-IMP"}
    reactive = readings.filter(pl.col("quantity") == "reactive_import")
    assert reactive["value"].sum() == sum(Decimal(v) / 2 for v in values)


def test_mea_tells_its_rates_and_several_meters():
    rows = [
        mea_row(end, 1, rate="ON" if 9 <= (end - timedelta(minutes=15)).hour < 22 else "OFF", point=point)
        for point in ("0001", "0002")
        for end in ends()
    ]
    load = rows_of(read_export(mea(rows), "x", {})).filter(pl.col("quantity") == "active_import")
    assert load.group_by("point", "rate_raw").len().sort("point", "rate_raw").rows() == [
        ("0001", "OFF", 44),
        ("0001", "ON", 52),
        ("0002", "OFF", 44),
        ("0002", "ON", 52),
    ]
    blank = read_export(mea([mea_row(end, 1, point="" if n == 3 else "1") for n, end in enumerate(ends())]), "x", {})
    assert list(blank.problems.select("row", "code").iter_rows()) == [(8, "value-null")]


@pytest.mark.parametrize(("kw", "said"), [(123.544, 0), (124.7, 0), (125, 1), (30.886, 1), (0, 1)])
def test_mea_power_must_agree_with_energy_within_one_per_cent(kw, said):
    rows = [mea_row(end, Decimal("30.886"), kw=kw if slot == 5 else None) for slot, end in enumerate(ends())]
    result = read_export(mea(rows), "x", {})
    assert list(result.problems.select("row", "code").iter_rows()) == [(10, "sum-mismatch")] * said
    assert set(rows_of(result).filter(pl.col("quantity") == "active_import")["value"]) == {Decimal("30.886")}


def test_mea_registers_under_the_name_of_energy_are_not_taken_for_it():
    rows = [mea_row(end, 1000 + slot, kw=4) for slot, end in enumerate(ends())]
    assert codes(read_export(mea(rows), "x", {})) == ["file-malformed"]


def test_mea_without_energy_columns_is_read_by_its_demand():
    rows = [[*mea_row(end, 1)[:5], 8.0] for end in ends()]
    result = read_export(mea(rows, ["E-MAX-KW-IMP"]), "x", {})
    assert (codes(result), result.tables["readings"]["value"].sum()) == ([], 192)


@pytest.mark.parametrize("shape", ["text", "typed", "computed", "thai"])
def test_tod_profile(shape):
    def stamp(end):
        day, seconds = datetime(1899, 12, 30), (end - datetime(1899, 12, 30)).total_seconds()
        return {
            "text": f"{end:%Y-%m-%d %H:%M:%S}",
            "typed": end,
            "computed": day + timedelta(seconds=seconds - 0.4),
            "thai": f"{end:%d/%m}/{end.year + 543} {end:%H:%M}",
        }[shape]

    rows = [
        tod_row(n, stamp(end), *((0, 3, 0) if n < 34 else (0, 0, 5) if n < 74 else (7, 0, 0)), kvar=1)
        for n, end in enumerate(ends())
    ]
    result = read_export(tod(rows), "x", {"point": "P9"})
    assert (result.format, codes(result)) == ("tod_profile_xlsx", [])
    assert "stamps taken as interval ends" in result.evidence
    readings = rows_of(result)
    load = readings.filter(pl.col("quantity") == "active_import")
    assert local(load) == STARTS
    assert load.group_by("rate_raw", maintain_order=True).agg(pl.col("value").sum()).rows() == [
        ("Off-Peak", Decimal("25.5")),
        ("Partial-Peak", Decimal(50)),
        ("On-Peak", Decimal("38.5")),
    ]
    assert readings.filter(pl.col("quantity") == "reactive_import")["value"].sum() == 24


def test_tod_rates_must_add_up_and_the_point_must_be_told():
    rows = [tod_row(n, f"{end}", 0, 4, 0, kw=5 if n == 3 else None) for n, end in enumerate(ends())]
    result = read_export(tod(rows), "x", {"point": "P"})
    assert list(result.problems.select("row", "code").iter_rows()) == [(5, "sum-mismatch")]
    assert rows_of(result).filter(pl.col("quantity") == "active_import")["value"].sum() == Decimal("96.25")
    assert codes(read_export(tod(rows), "x", {})) == ["option-invalid"]


def test_tod_without_a_total_is_the_sum_of_its_rates():
    head = ["DateTime", *TOD[:3]]
    data = tod([[f"{end}", 1, 2, 5] for end in ends()], head)
    result = read_export(data, "x", {"point": "P"})
    assert (codes(result), result.tables["readings"]["value"].sum()) == ([], 192)
    assert set(result.tables["readings"]["rate_raw"]) == {None}


@pytest.mark.parametrize("make", [custom, lambda v: None])
def test_another_period_than_a_quarter_hour_is_rejected(make):
    hours = [DAY + timedelta(hours=n) for n in range(1, 24)]
    sheets = custom(ONES)
    sheets["Report"][28:] = [[f"{end:%d/%m/%Y %H.%M}", "1"] for end in hours]
    data = xlsx(sheets) if make is custom else mea([mea_row(end, 1) for end in hours])
    assert "layout-contradicts" in codes(read_export(data, "x", {}))


def test_register_form():
    result = read_export(FORM, "form.xls", {})
    assert (result.format, codes(result)) == ("pea_register_form", [])
    assert "multiplier 2000" in result.evidence
    reads = result.tables["registers"]
    assert reads.schema == REGISTER_SCHEMA
    june, july = (datetime(2026, month, 1, tzinfo=UTC) - BANGKOK for month in (6, 7))
    second = reads.filter(pl.col("end") == july).sort("channel")
    assert second.select("channel", "quantity", "register_start", "register_end", "value").rows() == [
        ("010", "active_import", Decimal(10), Decimal("15.5"), Decimal(11000)),
        ("020", "active_import", Decimal(50), Decimal(70), Decimal(40000)),
        ("030", "active_import", Decimal(40), Decimal(68), Decimal(56000)),
        ("050", "other", None, Decimal("0.32"), Decimal(640)),
        ("060", "other", None, Decimal("0.3"), Decimal(600)),
        ("070", "other", None, Decimal("0.328"), Decimal(656)),
        ("111", "active_import", Decimal(100), Decimal("153.5"), Decimal(107000)),
    ]
    assert set(second["start"]) == {june}
    first = reads.filter((pl.col("end") == june) & (pl.col("quantity") == "active_import"))
    assert first.select("start", "value").unique().rows() == [(None, None)]
    assert set(reads["point"]) == {ACCOUNT}
    assert set(reads["multiplier"]) == {Decimal(2000)}


REGISTERS = st.lists(
    st.tuples(*[st.decimals(0, 900, places=3)] * 3, *[st.decimals(0, 9, places=3)] * 3), min_size=2, max_size=14
)


@given(REGISTERS, st.integers(1, 4000), st.randoms(), ERAS)
def test_register_forms_round_trip_in_any_order(months, ct, random, era):
    rows, dials, want = [], [Decimal(0)] * 3, {}
    for n, (a, b, c, *demand) in enumerate(months):
        end = datetime(2020 + n // 12, n % 12 + 1, 1)
        dials = [dial + step for dial, step in zip(dials, (a, b, c), strict=True)]
        want[end] = [step * ct for step in (a, b, c)]
        rows.append(reset(n, end, f"{sum(dials):,}", *map(str, dials), *map(str, demand)))
        if era == "BE":
            rows[-1][3] = f"{end:%d/%m}/{end.year + 543}"
    random.shuffle(rows)
    result = read_export(form(rows, ct=f"{ct * 5}/5 A.", vt="1"), "x", {})
    assert codes(result) == []
    got = result.tables["registers"].filter(pl.col("channel").is_in(["010", "020", "030"])).sort("end", "channel")
    del want[datetime(2020, 1, 1)]
    assert got["value"].drop_nulls().to_list() == [value for end in sorted(want) for value in want[end]]


@pytest.mark.parametrize(
    ("registers", "said"),
    [
        (("200.000", "60.000", "90.000", "50.000"), []),
        (("200.003", "60.000", "90.000", "50.000"), []),
        (("200.004", "60.000", "90.000", "50.000"), ["sum-mismatch"]),
        (("250.000", "60.000", "90.000", "50.000"), ["sum-mismatch"]),
        (("5.000", "60.000", "90.000", "50.000"), ["register-fall"]),
        (("", "60.000", "90.000", "50.000"), ["value-blank"]),
        (("x", "60.000", "90.000", "50.000"), ["value-not-number"]),
    ],
)
def test_register_111_is_the_sum_of_its_rates(registers, said):
    rows = [
        reset(1, datetime(2026, 6, 1), "100.000", "10.000", "50.000", "40.000", "1", "1", "1"),
        reset(2, datetime(2026, 7, 1), *registers, "1", "1", "1"),
    ]
    result = read_export(form(rows), "x", {})
    assert codes(result) == said
    if said == ["register-fall"]:
        assert result.tables["registers"].filter(pl.col("channel") == "111")["value"].to_list() == [None, None]


def test_a_multiplier_is_never_guessed():
    rows = [reset(n, datetime(2026, n, 1), *[str(n * k) for k in (6, 1, 2, 3)], "1", "1", "1") for n in (1, 2)]
    for data in (form(rows, ct=""), form(rows, ct="?")):
        result = read_export(data, "x", {})
        assert codes(result) == ["header-absent"]
        assert result.tables["registers"]["value"].null_count() == 14
        assert result.tables["registers"]["register_end"].null_count() == 0
        told = read_export(data, "x", {"multiplier": "20"}).tables["registers"]
        assert told.filter(pl.col("channel") == "111")["value"].to_list() == [None, Decimal(120)]
    assert codes(read_export(form(rows, ct="5" * 40 + ":5 A."), "x", {})) == ["header-absent"]  # found by fuzzing
    assert codes(read_export(form(rows, ct=""), "x", {"multiplier": "-1"})) == ["option-invalid"]


def test_register_form_repetitions_dates_and_cuts():
    one = reset(1, datetime(2026, 6, 1), "6", "1", "2", "3", "1", "1", "1")
    other = reset(2, datetime(2026, 6, 1), "9", "1", "2", "6", "1", "1", "1")
    bad = reset(3, datetime(2026, 7, 1), "9", "1", "2", "6", "1", "1", "1")
    bad[3] = "31/06/2026"
    assert codes(read_export(form([one, one]), "x", {})) == ["duplicate-rows"]
    assert codes(read_export(form([one, other]), "x", {})) == ["key-duplicate"]
    assert codes(read_export(form([one, bad]), "x", {})) == ["stamp-bad"]
    assert codes(read_export(form([one], end=""), "x", {})) == ["file-truncated"]
    assert codes(read_export(form([one], codes=["kWh"] * 7), "x", {})) == ["file-malformed"]
    # Found by fuzzing: a row without its number was left out in silence, and a great product ended the reader.
    unnumbered = ["", *reset(2, datetime(2026, 7, 1), "9", "1", "2", "6", "1", "1", "1")[1:]]
    assert codes(read_export(form([one, unnumbered]), "x", {})) == ["row-malformed"]
    shown = reset(1, datetime(2026, 6, 1), "6.0", "1.0", "2.0", "3.0", "1.0", "1.0", "1.0")
    unnamed = form([shown], codes=["111", "010", "020", "x30", "050", "060", "070"])
    assert codes(read_export(unnamed, "x", {})) == ["column-new"]
    great = reset(2, datetime(2026, 7, 1), "999999999999.999", "1", "2", "6", "1", "1", "1")
    assert codes(read_export(form([one, great]), "x", {})) == ["value-range"]


def test_a_sheet_with_far_corners_does_not_fill_the_memory():
    for corner in ("XFD1048576", "B1048576", "XFD1"):
        data = xlsx({"S": [["x", "y"]]})
        data = resheeted(data, lambda part, corner=corner: part.replace(b'r="B1"', f'r="{corner}"'.encode()))
        expected = ["archive-limit"] if corner.startswith("X") else ["format-unknown"]
        assert codes(read_export(data, "x", {})) == expected


@pytest.mark.parametrize("address", ["F" + "9" * 41, "F4294967295", "ZZZZ7", "Z" * 100_000 + "7", "F" + "0" * 40 + "7"])
def test_a_cell_outside_of_any_sheet_does_not_end_the_process(address):
    """Found by fuzzing: the reader's row number overflowed, and the table it then asked for took all memory."""
    data = resheeted(EXAMPLES["mea_wide_xlsx"][0], lambda part: part.replace(b'r="F70"', f'r="{address}"'.encode()))
    assert codes(read_export(data, "x", {})) == ["archive-limit"]


def resheeted(data, change):
    """A workbook whose sheets' XML is changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as book, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in book.namelist():
            made.writestr(name, change(book.read(name)) if "worksheets/sheet" in name else book.read(name))
    return out.getvalue()


def test_an_old_workbook_of_a_damaged_address_is_rejected_in_its_own_process():
    data = bytearray(EXAMPLES["pea_monthly_xls"][0])
    # A LABELSST record (0x00FD, 10 bytes) begins with row and column: a text is moved to the end of all sheets.
    at = data.rindex(b"\xfd\x00\x0a\x00") + 4
    for row, column in ((0xFFFF, 0xFF), (1, 0xFFFF)):
        data[at : at + 4] = row.to_bytes(2, "little") + column.to_bytes(2, "little")
        assert codes(read_export(bytes(data), "x", {})) == ["file-malformed"]


@given(st.sampled_from(CASES), st.data())
def test_no_damage_raises(case, draw):
    name, data = case
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + draw.draw(st.integers(0, 40))] = draw.draw(st.binary(max_size=8))
    result = read_export(bytes(damaged), "x", {"point": "P", "format": name})
    assert "reader-failed" not in codes(result), result.problems["message"].to_list()


@given(
    st.lists(
        st.lists(st.sampled_from(["", "1", "x", "RATE A", "Rate B", "Time", "kW", "-", dotted()[3]]), max_size=8),
        max_size=9,
    ),
    st.sampled_from(["pea_kw_xlsx", "pea_kwh_xlsx", "pea_ami_xlsx", "mea_wide_xlsx", "tod_profile_xlsx"]),
)
def test_no_table_raises(rows, name):
    head = [["รายงานข้อมูลกิโลวัตต์รายเดือน"], ["Custom kW Report"], [*MEA, *COMPONENTS], ["DateTime", *TOD], *facts()]
    result = read_export(xlsx({"S": [*head, *rows]}), "x", {"format": name, "point": "P"})
    assert "reader-failed" not in codes(result), result.problems["message"].to_list()


def test_workbook_sheets_are_grids_of_text():
    (grid,) = grids.sheets(contents.recognise(xlsx({"S": [[], [NBSP + " 007 ", 1.5, True], [None, "x"]]})))
    assert grid.rows() == [(1, 3, "", "", ""), (2, 3, "007", "1.5", "true"), (3, 3, "", "x", "")]


def test_descriptions_hide_the_account():
    told = describe(read_export(EXAMPLES["pea_kw_xlsx"][0], "x", {}), "x")
    assert ACCOUNT not in str(told)
    assert (told["status"], told["readings"]) == ("ok", 96)
