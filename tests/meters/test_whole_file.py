"""A file judged as a whole: files that parse row by row and mean something else, and the right ones beside them.

Each case is a pair: an input in which something is otherwise than its layout or reader assumes, which must be refused
with words, and a neighbour that is as assumed, of which nothing is said.
"""

import io
from datetime import date, datetime, timedelta
from decimal import Decimal

import openpyxl
import pytest
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

from assets.meters.exports import read_export
from assets.meters.judgement import come
from tests.kit import codes, messages

FROM = datetime(2026, 11, 9)
TODAY = date(2026, 11, 20)
MEA_HEADER = "MEA No.,UI ID.,Rate Category,Measuring Compoenent,TOU/TOD,Date Time,Value"
KWH = {"unit": "kWh", "kind": "delta"}
KW = {"unit": "kW", "kind": "average"}
DIALS = {"unit": "kWh", "kind": "register"}


def declaration(**changes):
    """A layout that reads ``at,value`` by quarter-hour, with changes."""
    layout = {
        "name": "city",
        "title": "City export",
        "source": "the test",
        "label": "end",
        "minutes": 15,
        "stamp": {"columns": ["at"], "order": "dmy"},
        "values": {"value": KWH},
        "point": "P1",
    } | changes
    return {name: value for name, value in layout.items() if value is not None}


def lines(header, rows):
    return ("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n").encode()


def stamps(count, minutes=15, first=FROM, form="%d/%m/%Y %H:%M"):
    return [f"{first + timedelta(minutes=minutes * n):{form}}" for n in range(1, count + 1)]


def long(count=96, minutes=15, value=1, header="at,value", **how):
    return lines(header, [(at, value) for at in stamps(count, minutes, **how)])


def mea(ends, value=10, form="%m/%d/%Y %H:%M"):
    return lines(MEA_HEADER, [("111", "u", "3", "E-MAX-KW-IMP", "ON", f"{end:{form}}", value) for end in ends])


def ends(count, minutes=15, first=FROM):
    return [first + timedelta(minutes=minutes * n) for n in range(1, count + 1)]


def read(data, day=TODAY, **layout):
    result = read_export(data, "x", {"layout": declaration(**layout)}, day)
    return result if day is None else come(result, day)


def total(result):
    return result.tables["readings"]["value"].sum() if "readings" in result.tables else None


def workbook(*, mac=False, **sheets):
    """A workbook, with the dates of Excel for the Mac where ``mac``."""
    book = openpyxl.Workbook()
    book.epoch = MAC_EPOCH if mac else WINDOWS_EPOCH
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


# The step of the stamps


@pytest.mark.parametrize(("minutes", "count"), [(30, 48), (60, 24), (60, 5), (45, 32)])
@pytest.mark.parametrize("measure", [KW, KWH])
def test_another_length_than_declared_is_refused(measure, minutes, count):
    result = read(long(count, minutes, 10), values={"value": measure})
    assert (codes(result), result.tables) == (["layout-contradicts"], {})
    assert f"{minutes} minutes apart, not 15" in messages(result, "layout-contradicts")[0]
    right = read(long(count, minutes, 10), values={"value": measure}, minutes=minutes) if minutes != 45 else None
    assert right is None or (codes(right), right.tables["readings"].height) == ([], count)


def test_half_hours_in_meas_csv_are_refused():
    assert codes(read_export(mea(ends(48, 30)), "x", {}, TODAY)) == ["layout-contradicts"]
    right = read_export(mea(ends(96)), "x", {}, TODAY)
    assert (codes(right), total(right)) == ([], 240)


def test_lengths_that_are_mixed_are_refused_where_they_are():
    at = ends(24, 30) + ends(12, 60, FROM + timedelta(hours=12))
    data = lines("at,value", [(f"{end:%d/%m/%Y %H:%M}", 10) for end in at])
    result = read(data, values={"value": KW}, minutes=30)
    assert set(codes(result)) == {"interval-length"}
    assert total(result) == 23 * 5  # the last half-hour before the hours is doubted with them


def test_single_gaps_are_said_of_power_and_nothing_else():
    at = [end for n, end in enumerate(stamps(96)) if n not in (20, 50, 51)]
    data = lines("at,value", [(end, 4) for end in at])
    power, energy = read(data, values={"value": KW}), read(data)
    assert (codes(power), total(power)) == (["interval-gap"], 93)
    assert (codes(energy), total(energy)) == ([], 93 * 4)


def test_a_shorter_length_is_refused_whole_or_where_it_is():
    assert codes(read(long(96, 15), minutes=60))[0] == "layout-contradicts"
    at = [*ends(20, 60), *ends(4, 15, FROM + timedelta(hours=20)), *ends(3, 60, FROM + timedelta(hours=21))]
    result = read(lines("at,value", [(f"{end:%d/%m/%Y %H:%M}", 1) for end in at]), minutes=60)
    assert set(codes(result)) == {"interval-misaligned", "interval-length"}
    assert total(result) == 23


def test_one_meter_of_another_length_does_not_take_the_others_away():
    rows = [("A", at, 1) for at in stamps(96)] + [("B", at, 1) for at in stamps(48, 30)]
    result = read(lines("meter,at,value", rows), point_column="meter", point=None)
    assert set(codes(result)) == {"interval-length"}
    assert set(result.tables["readings"]["point"]) == {"A"}


# Numbers


@pytest.mark.parametrize("text", ["12,5", "0,250", "1,23", "12,50", "1234,567", "1,2345"])
def test_a_comma_that_no_three_digits_follow_is_no_thousands_mark(text):
    assert set(codes(read(long(2, value=f'"{text}"'), thousands=","))) == {"value-not-number"} | {"file-malformed"}
    assert codes(read_export(mea(ends(96), f'"{text}"'), "x", {}, TODAY)).count("value-not-number") == 96


@pytest.mark.parametrize("text", ["1,250", "12,345.5", "1,234,567", "-1,250.0", "250"])
def test_thousands_in_groups_of_three_are_read(text):
    result = read(long(2, value=f'"{text}"'), thousands=",")
    assert result.tables["readings"]["value"].to_list() == [Decimal(text.replace(",", ""))] * 2


def test_decimal_commas_among_them_make_the_others_doubtful():
    rows = list(zip(stamps(4), ['"12,5"', '"1,250"', "7", '"12,75"'], strict=True))
    assert read(lines("at,value", rows), thousands=",").tables["readings"]["value"].to_list() == [7]


@pytest.mark.parametrize(
    "code", ["4294967.295", "4294967295", "2147483.647", "16777.215", "65535", "32767", "99999999", "99999.99"]
)
def test_a_devices_code_for_no_value_is_no_energy(code):
    rows = [*((at, 1) for at in stamps(95)), (f"{FROM + timedelta(days=1):%d/%m/%Y %H:%M}", code)]
    result = read(lines("at,value", rows))
    assert (codes(result), total(result)) == (["value-sentinel"], 95)
    assert codes(read_export(mea(ends(95), 4) + mea([FROM + timedelta(days=1)], code).split(b"\n", 1)[1], "x", {})) == [
        "value-sentinel"
    ]


def test_a_large_meters_honest_number_is_kept():
    rows = list(zip(stamps(4), (65_212, 65_535, 65_801, 64_900), strict=True))
    assert (codes(read(lines("at,value", rows))), codes(read(long(4, value="65.535")))) == ([], [])


def test_negative_values_of_a_direction_are_said_and_kept():
    result = read(long(4, value=-2))
    assert (codes(result), total(result)) == (["value-negative"], -8)


# Registers


def registers(*reads, **changes):
    rows = [
        (at, *(read if isinstance(read, tuple) else (read,)))
        for at, read in zip(stamps(len(reads)), reads, strict=True)
    ]
    header = "at,dials,serial" if isinstance(reads[0], tuple) else "at,dials"
    return read(lines(header, rows), values={"dials": DIALS}, **changes)


def test_a_jump_to_another_meters_count_is_no_energy():
    result = registers(100, 101, 102, 90_053, 90_054, 90_055, 90_056)
    assert (codes(result), total(result)) == (["register-jump"], 5)
    large = registers(100_000, 100_900, 102_000, 102_100, 103_300)
    assert (codes(large), total(large)) == ([], 3300)
    idle = registers(*(["5.000"] * 8), "5.001", "5.002", "7.002")
    assert (codes(idle), total(idle)) == ([], Decimal("2.002"))


def test_a_serial_number_tells_even_a_small_exchange():
    reads = [(100, "s1"), (101, "s1"), (103, "s2"), (104, "s2")]
    result = registers(*reads, serial_column="serial")
    assert (codes(result), total(result)) == (["register-jump"], 2)
    assert result.tables["readings"]["reason_raw"].null_count() == 2  # the number goes no further
    assert codes(registers(*((n, "s1") for n in range(100, 104)), serial_column="serial")) == []


def test_a_register_of_the_day_begins_anew_at_midnight_only():
    rows = [(f"{FROM + timedelta(minutes=15 * n):%d/%m/%Y %H:%M}", n % 96) for n in range(1, 193)]
    daily = read(lines("at,dials", rows), values={"dials": DIALS | {"resets": "daily"}})
    assert (codes(daily), total(daily)) == ([], 95 * 2 - 1)
    assert codes(read(lines("at,dials", rows), values={"dials": DIALS})) == ["register-fall"] * 2
    fallen = [*rows[:40], (rows[40][0], 3), *rows[41:60]]
    assert "register-fall" in codes(read(lines("at,dials", fallen), values={"dials": DIALS | {"resets": "daily"}}))


# Dates


def test_months_that_are_days_are_refused():
    november = [end for n in range(10) for end in ends(96, first=datetime(2026, 11, 1) + timedelta(days=n))]
    result = read_export(mea(november, form="%d/%m/%Y %H:%M"), "x", {}, TODAY)
    assert "layout-contradicts" in codes(result) and not result.tables
    assert codes(read_export(mea(november), "x", {}, TODAY)) == []


@pytest.mark.parametrize("days", [range(5, 6), range(5, 7), range(9, 13), range(8, 12)])
def test_few_days_of_another_order_are_refused_too(days):
    some = [end for n in days for end in ends(96, first=datetime(2026, 11, n))]
    day = date(2026, 11, days[-1] + 1)
    wrong = read_export(mea(some, form="%d/%m/%Y %H:%M"), "x", {}, day)
    assert "layout-contradicts" in codes(wrong) and not wrong.tables
    assert codes(read_export(mea(some), "x", {}, day)) == []


def test_one_date_of_another_order_is_refused_alone():
    rows = [(at, 1) for at in stamps(96 * 8, first=datetime(2026, 11, 1))]
    rows[200:210] = [(at[3:6] + at[:3] + at[6:], 1) for at, _ in rows[200:210]]
    result = read(lines("at,value", rows))
    assert set(codes(result)) == {"stamp-ambiguous"}
    assert result.tables["readings"].height == 96 * 8 - 10


def test_iso_dates_that_a_program_took_for_months_are_refused():
    """What reads 05/11/2026 month first, and 13/11/2026 as it must, writes both as ISO."""

    def taken(days, day=TODAY):
        at = ends(96 * days - 1, first=datetime(2026, 11, 1))
        other = [end.replace(day=end.month, month=end.day) if end.day <= 12 else end for end in at]
        layout = declaration(stamp={"columns": ["at"], "order": "ymd"})
        return [
            read_export(lines("at,value", [(f"{end:%Y-%m-%d %H:%M}", 1) for end in each]), "x", {"layout": layout}, day)
            for each in (other, at)
        ]

    wrong, right = taken(20)
    assert "layout-contradicts" in codes(wrong) and not wrong.tables
    assert (codes(right), total(right)) == ([], 96 * 20 - 1)
    # A day of each month is a sample, unless its days, exchanged, are those before the delivery.
    assert codes(taken(10)[0]) == ["stamp-islands"]
    assert codes(taken(10, date(2026, 11, 11))[0])[0] == "layout-contradicts"


def test_a_workbook_whose_days_were_taken_for_months_is_refused():
    def row(end):
        return [end.replace(day=end.month, month=end.day) if end.day <= 12 else f"{end:%d/%m/%Y %H:%M}", 1]

    at = ends(96 * 20 - 1, first=datetime(2026, 11, 1))
    wrong = read(workbook(S=[["at", "value"], *map(row, at)]))
    assert (codes(wrong), wrong.tables) == (["layout-contradicts"], {})
    right = read(workbook(S=[["at", "value"], *([end, 1] for end in at)]))
    assert (codes(right), total(right)) == ([], 96 * 20 - 1)
    # 24:00 is a text in any workbook.
    mixed = [[end if end.hour or end.minute else f"{end - timedelta(days=1):%d/%m/%Y} 24:00", 1] for end in at]
    assert codes(read(workbook(S=[["at", "value"], *mixed]))) == []


@pytest.mark.parametrize("era", ["CE", "auto"])
def test_a_buddhist_year_of_two_digits_is_not_2069(era):
    rows = [(at[:6] + "69" + at[10:], 1) for at in stamps(96)]
    stamp = {"columns": ["at"], "order": "dmy"}
    wrong = read(lines("at,value", rows), stamp=stamp | {"era": era})
    assert not wrong.tables and set(codes(wrong)) <= {"value-future", "stamp-bad", "file-malformed"}
    right = read(lines("at,value", rows), stamp=stamp | {"era": "BE"})
    assert (codes(right), right.tables["readings"]["start"].max().year) == ([], 2026)


def test_what_is_of_a_later_day_is_refused_and_the_rest_read():
    result = read(long(96 * 3), day=date(2026, 11, 9))
    assert set(codes(result)) == {"value-future"}
    assert total(result) == 96 * 2
    assert codes(read(long(96 * 3), day=date(2026, 11, 10))) == []


# Labels, times


def closing(days=2):
    """Rows in which 00:00 closes the date beside it."""
    at = [FROM + timedelta(minutes=15 * n) for n in range(1, 96 * days + 1)]
    return [
        (f"{(end if end.time() != datetime.min.time() else end - timedelta(days=1)):%d/%m/%Y} {end:%H:%M}", 1)
        for end in at
    ]


@pytest.mark.parametrize("turn", [list, lambda rows: list(reversed(rows))])
@pytest.mark.parametrize("days", [1, 3])
def test_where_midnight_belongs_is_told_by_the_rows_around_it(turn, days):
    closes = {"columns": ["at"], "order": "dmy", "midnight": "closes"}
    wrong = read(lines("at,value", turn(closing(days))))
    assert codes(wrong) == ["layout-contradicts"] and "midnight: closes" in messages(wrong, "layout-contradicts")[0]
    assert codes(read(lines("at,value", turn(closing(days))), stamp=closes)) == []
    opens = list(zip(stamps(96 * days), [1] * 96 * days, strict=True))
    assert codes(read(lines("at,value", turn(opens)))) == []
    assert codes(read(lines("at,value", turn(opens)), stamp=closes)) == ["layout-contradicts"]


def test_in_no_order_midnight_may_stand_beside_any_time():
    hours = [f"{FROM + timedelta(hours=n):%d/%m/%Y %H:%M}" for n in range(24)]
    mixed = [hours[n * 7 % 24] for n in range(24)]
    for after in (0, 1):  # beside the last hour of its date, too
        rows = [at for at in mixed if at != hours[0]]
        rows.insert(rows.index(hours[23]) + after, hours[0])
        result = read(lines("at,value", [(at, 1) for at in rows]), minutes=60, label="start")
        assert (codes(result), total(result)) == ([], 24)


@pytest.mark.parametrize(("minutes", "hours"), [(1, range(24)), (60, range(1, 25)), (60, range(24))])
def test_bare_hours_are_no_minutes(minutes, hours):
    stamp = {"columns": ["day", "time"], "order": "dmy"}
    rows = [("09/11/2026", hour, 1) for hour in hours]
    result = read(lines("day,time,value", rows), stamp=stamp, minutes=minutes, label="start")
    assert codes(result) == ["layout-contradicts"]
    digits = [("09/11/2026", f"{100 * hour}", 1) for hour in range(24)]
    assert codes(read(lines("day,time,value", digits), stamp=stamp, minutes=60, label="start")) == []


@pytest.mark.parametrize("minutes", [1, 2, 3, 4, 6, 8, 12])
def test_minute_24_is_a_minute(minutes):
    count = 1440 // minutes
    at = [f"{FROM + timedelta(minutes=minutes * n):%d/%m/%Y %H:%M:%S}" for n in range(count)]
    result = read(lines("at,value", [(text, 1) for text in at]), minutes=minutes, label="start")
    assert (codes(result), total(result)) == ([], count)


def test_dates_that_excel_computed_are_rounded_to_the_second():
    at = [FROM + timedelta(days=n * 0.0104167) for n in range(1, 97)]
    exact = [
        f"{end:%Y-%m-%d %H:%M:%S.%f}"
        for end in (FROM + timedelta(minutes=15 * n, microseconds=-700) for n in range(1, 97))
    ]
    assert (codes(read(lines("at,value", [(text, 1) for text in exact]))), len(at)) == ([], 96)


# Headers and meters


def test_a_column_that_stands_twice_is_refused_by_its_places():
    data = lines("at,value,,at,value", [(at, 1, "", at, 5) for at in stamps(96)])
    result = read(data)
    assert (codes(result), result.tables) == (["column-repeated"], {})
    assert "columns 1 and 4" in messages(result, "column-repeated")[0]
    twice = mea(ends(96)).replace(b"Value\n", b"Value,Value\n", 1)
    assert codes(read_export(twice, "x", {}, TODAY)) == ["column-repeated"]


def test_a_second_header_is_left_out_and_another_order_refused():
    page = long(4)
    again = page + long(4, first=FROM + timedelta(hours=1))
    assert (codes(read(again)), total(read(again))) == ([], 8)
    other = page + lines("value,at", [(8, at) for at in stamps(4, first=FROM + timedelta(hours=1))])
    assert codes(read(other)) == ["header-changed"]


def test_two_meters_under_one_point_are_refused():
    rows = [(at, value) for at in stamps(96) for value in (1, 5)]
    result = read(lines("at,value", rows))
    assert "meters-several" in codes(result) and not result.tables
    again = read(lines("at,value", [(at, 1) for at in stamps(96) for _ in (1, 2)]))
    assert (codes(again), total(again)) == (["duplicate-rows"], 96)


# Sheets


def test_every_sheet_with_the_header_is_read_and_others_are_counted():
    months = {
        f"m{n}": [["at", "value"], *([end, n] for end in ends(96, first=datetime(2026, n, 2)))] for n in (9, 10, 11)
    }
    result = read(workbook(**months))
    assert (codes(result), total(result)) == ([], 96 * 30)
    notes = read(workbook(notes=[["made by"]], empty=[], m11=months["m11"]))
    assert (codes(notes), total(notes)) == ([], 96 * 11)
    others = [["when", "kWh"], *([at, 1] for at in stamps(8))]
    assert codes(read(workbook(other=others, m11=months["m11"]))) == ["sheet-left"]


def test_two_sheets_that_say_otherwise_of_one_meter_are_refused():
    first, second = ([["at", "value"], *([end, value] for end in ends(96))] for value in (1, 5))
    assert "meters-several" in codes(read(workbook(a=first, b=second)))


@pytest.mark.parametrize(
    ("title", "wrong"),
    [
        ("Load profile (MWh)", True),
        ("Custom kW Report", True),
        ("หน่วย: กิโลวัตต์", True),
        ("ปริมาณพลังงาน (เมกะวัตต์-ชั่วโมง) 2569", True),
        ("Energy in Wh 01/11/2026", True),
        ("Load profile (kWh)", False),
        ("kW and kWh", False),
        ("หน่วย: กิโลวัตต์ ชั่วโมง", False),
        ("Transformer,500 kVA", False),
        ("Contract kW,300", False),
        ("Peak (kW): 120", False),
        ("Reactive in kvarh", True),
    ],
)
def test_a_unit_above_the_header_is_the_layouts_or_the_file_is_refused(title, wrong):
    data = f"{title}\nSite 4\n".encode() + long()
    result = read(data)
    assert ("layout-contradicts" in codes(result)) == wrong
    assert total(result) == (None if wrong else 96)
    assert total(read(data, heed_titles=False)) == 96


def test_a_row_that_tells_its_own_unit_is_believed_whatever_stands_above():
    rows = [(at, 1, "kWh") for at in stamps(96)]
    data = b"Custom kW Report\n" + lines("at,value,unit", rows)
    assert total(read(data, unit_column="unit")) == 96


def test_a_column_that_tells_two_meters_apart_is_no_repetition_of_equal_values():
    two = [(at, 1, meter) for meter in ("A1", "A2") for at in stamps(96)]
    result = read(lines("at,value,device", two))
    (text,) = messages(result, "layout-contradicts")
    assert "'device' has 2 values at the same times" in text
    assert total(read(lines("at,value,device", two), point_column="device", point=None)) == 192
    assert total(read(lines("at,value,device", two), ignored=["device"])) == 96


@pytest.mark.parametrize(
    "rows",
    [
        [(at, 1, number) for number, at in enumerate(stamps(96) * 2)],  # the file twice, its rows numbered
        [(at, 1, "A1") for at in [*stamps(96), *stamps(4)]],  # four rows again
        [(at, 1, n % 2) for n, at in enumerate(stamps(96))],  # a mark of its own on every row
    ],
    ids=["numbered", "a few again", "marked"],
)
def test_rows_that_come_again_are_repetitions(rows):
    assert total(read(lines("at,value,other", rows))) == 96
