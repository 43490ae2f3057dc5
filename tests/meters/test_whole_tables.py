"""What stands beside and around readings contradicts their layout: lengths, other ends, other meters, typed numbers."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from assets.meters.exports import read_export
from assets.meters.register import read_register
from tests.kit import codes, messages
from tests.meters import test_readers_nem12 as nem12
from tests.meters.test_whole_file import DIALS, FROM, KWH, ends, lines, long, read, stamps, total, workbook


def beside(name, text, count=96, minutes=15):
    return lines(f"at,value,{name}", [(at, 1, text(n)) for n, at in enumerate(stamps(count, minutes))])


# Lengths


@pytest.mark.parametrize(
    ("name", "text"),
    [("Interval (min)", "30"), ("ช่วงเวลา (นาที)", "30"), ("x", "30 min"), ("x", "PT30M"), ("Duration", "0:30")],
)
def test_a_length_that_the_layout_does_not_have_refuses_the_file(name, text):
    result = read(beside(name, lambda _: text))
    assert codes(result) == ["layout-contradicts"] and "30 minutes" in messages(result, "layout-contradicts")[0]
    right = read(beside(name, lambda _: text.replace("30", "15")))
    assert (codes(right), total(right)) == (["column-new"], 96)
    ignored = read(beside(name, lambda _: text), ignored=[name])
    assert (codes(ignored), total(ignored)) == ([], 96)


def test_rows_of_another_length_among_others_refuse_the_file():
    mixed = beside("Duration", lambda n: "15 min" if n < 4 else "60 min", 12, 60)
    assert codes(read(mixed, minutes=60)) == ["layout-contradicts"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("Interval", lambda n: n), ("Interval", lambda n: 1), ("rate", lambda n: 30), ("opened", lambda n: "08:30")],
)
def test_numbers_that_are_no_lengths_are_left_alone(name, text):
    assert codes(read(beside(name, text))) == ["column-new"]


@pytest.mark.parametrize("label", ["start", "end"])
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(("minutes", "said"), [(30, "layout-contradicts"), (15, "column-new"), (420, "column-new")])
def test_the_other_end_of_the_intervals_tells_their_length(minutes, said, apart, label):
    back = timedelta(minutes=minutes if label == "end" else -minutes)
    at = ends(95)
    if apart:
        rows = [(f"{end:%d/%m/%Y}", f"{end:%H:%M}", f"{end - back:%H:%M}", 1) for end in at]
        data, stamp = lines("day,time,other,value", rows), {"columns": ["day", "time"], "order": "dmy"}
    else:
        rows = [(f"{end:%d/%m/%Y %H:%M}", f"{end - back:%d/%m/%Y %H:%M}", 1) for end in at]
        data, stamp = lines("at,other,value", rows), {"columns": ["at"], "order": "dmy"}
    assert set(codes(read(data, stamp=stamp, label=label))) - {"stamp-label"} == {said}


@pytest.mark.parametrize(
    ("word", "place"), [("Multiplier", "above"), ("ตัวคูณ", "above"), ("ตัวคูณ", "column"), ("Meter Factor", "column")]
)
def test_a_multiplier_that_the_layout_lacks_is_said(word, place):
    def file(factor):
        return f"{word},{factor}\n".encode() + long() if place == "above" else beside(word, lambda _: factor)

    new = ["column-new"] if place == "column" else []
    assert sorted(codes(read(file(80)))) == [*new, "multiplier-ignored"]
    assert codes(read(file(1))) == new
    assert (codes(read(file(80), multiplier=80)), total(read(file(80), multiplier=80))) == (new, 96 * 80)


@pytest.mark.parametrize("mark", [",", "."])
@pytest.mark.parametrize("above", ["1{0}250{0}000", "2{0}125{1}5", "12{0}345{0}678{1}25"])
def test_a_decimal_mark_that_stands_twice_is_one_of_thousands(mark, above):
    other = "." if mark == "," else ","
    rows = [(at, f"918{mark}{n:03}" if n % 2 else above.format(mark, other)) for n, at in enumerate(stamps(96))]
    file = lines("at;value", []) + "".join(f"{at};{value}\n" for at, value in rows).encode()
    assert codes(read(file, decimal=mark, delimiter=";")) == ["layout-contradicts"]
    right = read(file, decimal=other, thousands=mark, delimiter=";")
    assert codes(right) == [] and total(right) > 918_000 * 48
    slip = file.replace(above.format(mark, other).encode(), b"1").replace(f"918{mark}001".encode(), b"1a")
    doubt = ["decimal-doubtful"] if mark == "," else []
    assert codes(read(slip, decimal=mark, delimiter=";")) == [*doubt, "value-not-number"]


def test_rows_of_several_units_need_a_column_of_units():
    rows = [(at, 1, "kWh" if n < 48 else "Wh") for n, at in enumerate(stamps(96))]
    assert codes(read(lines("at,value,Unit", rows))) == ["layout-contradicts"]
    assert total(read(lines("at,value,Unit", rows), unit_column="Unit")) == Decimal("48.048")


@pytest.mark.parametrize("clock", ["%H:%M น.", "%H.%M น", "%H:%Mน."])
def test_the_thai_word_for_the_clock(clock):
    result = read(lines("at,value", [(f"{end:%d/%m/%Y {clock}}", 1) for end in ends(96)]))
    assert (codes(result), total(result)) == ([], 96)


@pytest.mark.parametrize(
    ("label", "later", "said"), [("end", 15, 1), ("start", -15, 1), ("end", 5, 0), ("end", -15, 0)]
)
def test_the_other_end_of_the_intervals_tells_their_label(label, later, said):
    rows = [(f"{end:%d/%m/%Y %H:%M}", f"{end + timedelta(minutes=later):%d/%m/%Y %H:%M}", 1) for end in ends(95)]
    result = read(lines("at,other,value", rows), label=label)
    assert codes(result) == (["layout-contradicts"] if said else ["column-new"])
    assert not said or "`label`" in messages(result, "layout-contradicts")[0]


# Meters


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [("Total", 0, ["reading-kind"] * 96), ("M4", 0, ["point-total"]), ("M4", 0.002, [])],
)
def test_a_meter_that_is_the_sum_of_all_others_is_said(name, more, said):
    loads = [(at, 1 + n % 7, n % 5, 2) for n, at in enumerate(stamps(96))]
    wide = lines(f"at,M1,M2,M3,{name}", [(*row, sum(row[1:]) + more * (n % 20)) for n, row in enumerate(loads)])
    points = {"columns": "(?P<point>M.|Total)", "measure": KWH}
    assert codes(read(wide, values=None, point=None, points=points)) == said
    pair = lines("at,M1,M2", [(at, 1 + n % 7, 1 + n % 7) for n, at in enumerate(stamps(96))])
    assert codes(read(pair, values=None, point=None, points=points)) == []


@pytest.mark.parametrize(
    "name", ["Meter No.,{}", "Meter No.: {}", "หมายเลขเครื่องวัด,{}", "Serial number {}", "PEA No. {}"]
)
def test_a_row_of_another_meter_refuses_a_file_that_has_one(name):
    def file(*meters):
        parts = (
            f"{name.format(meter)}\n".encode() + long(first=FROM + timedelta(days=n)) for n, meter in enumerate(meters)
        )
        return b"".join(parts)

    assert codes(read(file("11122", "33344"))) == ["meters-several"]
    same = read(file("11122", "11122"))
    assert "meters-several" not in codes(same) and total(same) == 192


def by_sheet(*names, value=lambda n: n, days=0, count=12):
    """A workbook of a sheet a name, each of a further day, or of ``days``."""
    at = [ends(count, first=FROM + timedelta(days=n * days)) for n in range(len(names))]
    return workbook(**{name: [["at", "value"], *([end, value(n)] for end in at[n])] for n, name in enumerate(names)})


@pytest.mark.parametrize(
    "names",
    [("111", "222"), ("Meter 1", "Meter 2"), ("อาคาร ก", "อาคาร ข"), ("MDB-1 พ.ย.", "MDB-2 พ.ย."), ("Chiller", "Jan")],
)
@pytest.mark.parametrize(("days", "value"), [(0, lambda n: n + 1), (0, lambda n: 0), (1, lambda n: n + 1)])
def test_sheets_that_only_their_names_tell_apart_are_not_one_meter(names, days, value):
    result = read(by_sheet(*names, days=days, value=value))
    assert (codes(result), result.tables) == (["meters-several"], {})
    assert not any(name in message for name in names for message in messages(result, "meters-several"))
    if days:
        assert codes(read(by_sheet(*names, days=days, value=value), sheet=names[0])) == []


@pytest.mark.parametrize(
    "names",
    [
        *(("ม.ค. 67", "ก.พ. 67"), ("พฤศจิกายน2569", "ธันวาคม2569"), ("Load 2026-11", "Load 2026-12"), ("1", "2")),
        *(("Nov", "december 69"), ("Profile", "Profile (2)"), ("Sheet1", "แผ่น2"), ("09112569", "10112569")),
        *(("ไตรมาส 1", "ไตรมาส 2"), ("Week 45", "Week 46"), ("วันที่ 9", "วันที่ 10"), ("Data", "Total")),
    ],
)
def test_sheets_of_periods_and_pages_are_one_meter(names):
    pages = read(by_sheet(*names, days=1))
    assert (codes(pages), total(pages)) == ([], 12)
    # The same times with other values are another meter's, of few rows too.
    assert codes(read(by_sheet(*names, count=4))) == ["meters-several"]


def test_sheets_of_a_meter_each_tell_the_order_of_dates():
    sheets = {
        meter: [["at", "value"], *([f"{end:%d/%m/%Y %H:%M}", 1] for end in ends(192, first=datetime(2026, 11, 6)))]
        for meter in ("A", "B")
    }
    own = {"day": date(2026, 11, 8), "point": None, "point_sheet": "(?P<point>.+)"}
    assert codes(read(workbook(**sheets), **own)) == []
    assert codes(read(workbook(**sheets), **own, stamp={"columns": ["at"], "order": "mdy"})) == ["layout-contradicts"]


def test_sheets_of_several_meters_are_not_one_meter():
    def sheet(number, day):
        return [
            ["Meter No.", number],
            ["at", "value"],
            *([end, 1] for end in ends(96, first=FROM + timedelta(days=day))),
        ]

    assert codes(read(workbook(a=sheet("111", 0), b=sheet("222", 1)))) == ["meters-several"]
    assert total(read(workbook(a=sheet("111", 0), b=sheet("111", 1)))) == 192
    above = {"point": None, "point_above": r"Meter No\. (?P<point>\S+)"}
    assert total(read(workbook(a=sheet("111", 0), b=sheet("222", 1)), **above)) == 192


@pytest.mark.parametrize("title", ["Meter report {}", "Meter {}", "PEA {}", "เครื่องวัด {}"])
def test_titles_with_years_name_no_meter(title):
    sheets = {
        f"{year}": [
            [title.format(year)],
            ["at", "value"],
            *([end, 1] for end in ends(96, first=FROM + timedelta(n))),
        ]
        for n, year in enumerate((2025, 2026))
    }
    assert total(read(workbook(**sheets))) == 192


@pytest.mark.parametrize("name", ["Meter", "meter_id", "NMI", "หมายเลขมิเตอร์", "Direction"])
def test_a_column_of_several_meters_is_not_passed_over(name):
    rows = [(at, 1, meter) for n, meter in enumerate(("A1", "B2")) for at in stamps(96, first=FROM + timedelta(days=n))]
    assert codes(read(lines(f"at,value,{name}", rows))) == ["meters-several"]
    assert total(read(lines(f"at,value,{name}", rows), point_column=name, point=None)) == 192
    assert codes(read(lines(f"at,value,{name}", [(*row[:2], "A1") for row in rows]))) == ["column-new"]
    assert codes(read(lines("at,value,Serial", rows))) == ["column-new"]  # an exchange


@pytest.mark.parametrize(("again", "said"), [(10, "meters-several"), (2, "day-repeated")])
def test_most_days_twice_are_of_two_meters(again, said):
    rows = [(f"{day:02}/11/2026", *(n * 7 % 5 * meter for n in range(24))) for day in range(1, 11) for meter in (1, 2)]
    data = lines("day," + ",".join(map(str, range(1, 25))), rows[20 - 2 * again :] + rows[: 20 - 2 * again : 2])
    wide = {"columns": "(?P<index>[0-9]+)", "measure": KWH}
    stamp = {"columns": ["day"], "order": "dmy"}
    result = read(data, minutes=60, label="start", values=None, stamp=stamp, wide=wide)
    assert said in codes(result) and ("readings" in result.tables) == (said == "day-repeated")


def test_sums_of_hours_among_the_rows_refuse_the_file():
    rows = [(at, n) for n, at in enumerate(stamps(96))]
    rows = [row for n, each in enumerate(rows) for row in ([each, (each[0], 4 * n)] if n % 4 == 3 else [each])]
    assert "meters-several" in codes(read(lines("at,value", rows)))


TYPED = ["'1044", "\u20181044", "\u200b1044", "1044\u200e", "\ufeff1044", " 1044\xa0", '="1044"']


@pytest.mark.parametrize("text", TYPED)
def test_what_is_around_a_typed_number_is_no_part_of_it(text):
    long_rows = read(lines("meter,at,value", [(text, at, 1) for at in stamps(4)]), point_column="meter", point=None)
    assert set(long_rows.tables["readings"]["point"]) == {"1044"}
    if not text.startswith("="):
        wide = lines(f"at,{text}", [(at, 1) for at in stamps(4)])
        pointed = read(wide, values=None, point=None, points={"columns": "(?P<point>.*1044.*)", "measure": KWH})
        above = read(f"Meter No. {text}\n".encode() + long(4), point=None, point_above=r"No\. (?P<point>.+)")
        nmi = nem12.export(nem12.nmi(point=text), nem12.day())
        for found in (pointed, above, nmi):
            assert set(found.tables["readings"]["point"].cast(str)) == {"1044"}
        listed = read_register(f"point,zone,customer_class\n{text},patong,residential\n".encode(), "x", None)
        assert listed.tables["register"]["point"].to_list() == ["1044"]


def test_a_number_that_a_spreadsheet_shortened_is_no_meter():
    assert set(codes(nem12.export(nem12.nmi(point="4.10E+09"), nem12.day()))) == {"value-unknown", "file-malformed"}
    read_of = "1141,01,11,11,METSER66,E,000021.2,20260101000000,A,,,000534.5,20260201000000,A,,,343.5,kWh,"
    for point, updated, said in (
        ("4.10E+09", "20260202120000", {"value-unknown", "file-malformed"}),
        ("4102", "2.0260E+13", {"version-bad"}),
        ("4102", "20260202120000", set()),
    ):
        data = f"100,NEM13,202601050000,M,R\n250,{point},{read_of}20260301,{updated},\n900\n"
        assert set(codes(read_export(data.encode(), "x", {}))) == said


# Registers of the day


@pytest.mark.parametrize("minutes", [15, 60, 360])
@pytest.mark.parametrize("late", [0, 1])
def test_a_register_of_the_day_may_turn_at_midnight_or_after(late, minutes):
    a_day = 1440 // minutes
    shown = [(n - late) % a_day for n in range(1, a_day * 3)]
    data = lines("at,value", list(zip(stamps(len(shown), minutes), shown, strict=True)))
    daily = read(data, minutes=minutes, values={"value": DIALS | {"resets": "daily"}})
    assert codes(daily) == []
    assert "register-fall" in codes(read(data, minutes=minutes, values={"value": DIALS}))
