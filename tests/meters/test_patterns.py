"""What values and stamps of a whole file contradict: each case beside a neighbour of which nothing is said."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from assets.meters.exports import read_export
from tests.kit import codes, messages
from tests.meters.test_readers_thai import xls
from tests.meters.test_whole_file import DIALS, FROM, KW, KWH, TODAY, ends, lines, mea, read, stamps, total, workbook

LOAD = [Decimal(n * 37 % 50 + 3) / 10 for n in range(96)]


def file(values, minutes=15, form="%d/%m/%Y %H:%M", header="at,value"):
    return lines(header, zip(stamps(len(values), minutes, form=form), values, strict=True))


def counted(values, begin=0):
    return [begin + sum(values[: n + 1]) for n in range(len(values))]


# Registers


@pytest.mark.parametrize("begin", [1_000, 120_000])
def test_a_registers_count_is_no_energy(begin):
    assert codes(read(file(counted(LOAD * 3)))) == ["layout-contradicts"]
    result = read(file(counted(LOAD, begin)))
    assert (codes(result), result.tables) == (["layout-contradicts"], {})
    right = read(file(counted(LOAD, begin)), values={"value": DIALS})
    assert (codes(right), total(right)) == ([], sum(LOAD[1:]))


@pytest.mark.parametrize(("begin", "blank"), [(1_000, [0]), (1_000, [95]), (0, [5, *range(40, 48)])])
def test_blanks_hide_no_count(begin, blank):
    """Found by fuzzing: neither at an end, nor of a day in which some are missing."""

    def blanked(values):
        return file(["" if n in blank else value for n, value in enumerate(values)])

    assert codes(read(blanked(counted(LOAD, begin)))) == ["layout-contradicts", "value-blank"]
    assert codes(read(blanked(LOAD))) == ["value-blank"]


def test_one_meters_count_does_not_take_the_others_away():
    rows = [
        (m, at, v) for m, vs in (("A", LOAD), ("B", counted(LOAD, 5_000))) for at, v in zip(stamps(96), vs, strict=True)
    ]
    result = read(lines("meter,at,value", rows), point_column="meter", point=None)
    assert (set(codes(result)), set(result.tables["readings"]["point"])) == ({"reading-kind"}, {"A"})


def test_a_yield_of_the_day_is_no_energy_of_intervals():
    assert codes(read(file(counted(LOAD) * 3))) == ["layout-contradicts"]
    rows = [(f"{FROM + timedelta(minutes=15 * n):%d/%m/%Y %H:%M}", counted(LOAD)[n % 96]) for n in range(288)]
    data = lines("at,value", rows)
    assert codes(read(data)) == ["layout-contradicts"]
    assert codes(read(data, values={"value": DIALS | {"resets": "daily"}})) == []


@pytest.mark.parametrize("values", [[n / 10 for n in range(10, 106)], LOAD[:20], [5] * 96, [*range(96)], [*range(300)]])
def test_a_rise_of_a_day_is_none(values):
    assert codes(read(file(values))) == []


@pytest.mark.parametrize("count", [96, 12, 6])
def test_energy_is_no_register(count):
    result = read(
        file(LOAD[:count], 60 if count < 96 else 15), values={"value": DIALS}, minutes=60 if count < 96 else 15
    )
    assert not result.tables and "values of intervals" in messages(result, "register-fall")[0]


@pytest.mark.parametrize("count", [24, 97])
def test_a_register_that_began_at_none_shows_by_a_day(count):
    assert codes(
        read(file(counted(LOAD * 2)[:count], 1440 // (count // 24 * 24)), minutes=1440 // (count // 24 * 24))
    ) == ["layout-contradicts"]


@pytest.mark.parametrize(("begin", "code"), [(4321, "layout-contradicts"), (0, "value-rising")])
@pytest.mark.parametrize("hours", [8, 12, 23])
def test_few_hours_of_a_register_are_refused_or_said(hours, begin, code):
    data = file(counted(LOAD[:hours], begin), 60)
    assert codes(read(data, minutes=60)) == [code]
    right = read(data, minutes=60, values={"value": DIALS})
    assert (set(codes(right)) - {"value-rising"}, total(right)) == (set(), sum(LOAD[1:hours]))


@pytest.mark.parametrize("count", [25, 48, 95])
def test_quarters_of_half_a_day_that_rise_from_none_are_said(count):
    assert codes(read(file(counted(LOAD[:count])))) == ["value-rising"]


def test_few_hours_of_a_load_that_rises_are_no_register_unsaid():
    assert codes(read(file([0.3, 0.5, 0.9, 1.4, 2, 2.3], 60), minutes=60, values={"value": DIALS})) == ["value-rising"]


# Rhythms


@pytest.mark.parametrize("measure", [KWH, KW])
@pytest.mark.parametrize("between", ["0", "", "0.000"])
@pytest.mark.parametrize("times", [2, 4])
def test_a_longer_interval_at_shorter_stamps_is_refused(times, between, measure):
    values = [value if n % times == times - 1 else between for n, value in enumerate(LOAD)]
    assert "layout-contradicts" in codes(read(file(values), values={"value": measure}))


def test_a_value_that_stands_twice_is_said():
    assert codes(read(file([LOAD[n // 2] for n in range(96)]))) == ["interval-repeated"]
    assert codes(read(file([LOAD[n // 12] for n in range(96)]))) == []  # a load that changes seldom
    assert codes(read(file([value if 24 < n < 72 else 0 for n, value in enumerate(LOAD)]))) == []  # the sun's
    assert codes(read(file([value if n % 16 == 5 else 0 for n, value in enumerate(LOAD * 5)]))) == []  # a pump's


# Labels


@pytest.mark.parametrize(("label", "shift", "said"), [("start", 1, 1), ("end", 0, 1), ("start", 0, 0), ("end", 1, 0)])
@pytest.mark.parametrize("days", [1, 5])
def test_days_that_are_whole_only_by_the_other_label_are_said(label, shift, said, days):
    at = [FROM + timedelta(minutes=15 * (n + shift)) for n in range(96 * days)]
    data = lines("at,value", [(f"{each:%d/%m/%Y %H:%M}", value) for each, value in zip(at, LOAD * days, strict=True)])
    assert codes(read(data, label=label)) == ["stamp-label"] * said
    part = lines("at,value", [(f"{each:%d/%m/%Y %H:%M}", 1.5) for each in at[:50]])
    assert codes(read(part, label=label)) == []


def test_24_00_in_days_of_starts_refuses_the_file():
    at = [f"{FROM:%d/%m/%Y} {n // 4:02}:{n % 4 * 15:02}" for n in range(1, 97)]
    data = lines("at,value", zip(at, LOAD, strict=True))
    assert codes(read(data, label="start")) == ["layout-contradicts"]
    assert (codes(read(data)), total(read(data))) == ([], sum(LOAD))


# Dates


def test_a_row_of_the_whole_day_is_no_interval():
    rows = [*zip(stamps(96), LOAD, strict=True), ("09/11/2026", sum(LOAD))]
    result = read(lines("at,value", rows))
    assert (codes(result), total(result)) == (["stamp-bad"], sum(LOAD))
    without_midnight = [(at.removesuffix(" 00:00"), value) for at, value in rows[:-1]]
    result = read(lines("at,value", without_midnight))
    assert (codes(result), total(result)) == ([], sum(LOAD))


@pytest.mark.parametrize(("order", "form", "last"), [("dmy", "%d/%m/%y", 25), ("mdy", "%m/%d/%y", 9)])
def test_years_that_are_days_or_months_are_refused(order, form, last):
    # Two days in a row are a year apart, and the one before the delivery a year before it.
    for count in (5, 2, 1):
        at = [end for n in range(count) for end in ends(95, first=datetime(2026, 8, last - n))]
        data = lines("at,value", [(f"{end:{form} %H:%M}", LOAD[n % 96]) for n, end in enumerate(at)])
        day = datetime(2026, 8, last + 1).date()
        assert "layout-contradicts" in codes(read(data, day=day, stamp={"columns": ["at"], "order": "ymd"}))
        assert codes(read(data, day=day, stamp={"columns": ["at"], "order": order})) == []
    archive = lines("at,value", [(f"{end:%d/%m/%Y %H:%M}", 1.5) for end in ends(95, first=datetime(2022, 8, 26))])
    assert codes(read(archive)) == []


@pytest.mark.parametrize(("order", "era", "form"), [("mdy", "CE", "%d/%m/%Y"), ("dmy", "CE", "%d/%m/2569")])
def test_most_stamps_of_another_order_or_era_are_told(order, era, form):
    at = [end for day in (12, 13, 14) for end in ends(96, first=datetime(2026, 11, day))]
    data = lines("at,value", [(f"{end:{form} %H:%M}", 1) for end in at])
    result = read(data, stamp={"columns": ["at"], "order": order, "era": era})
    assert codes(result) == ["layout-contradicts"] and "in the order dmy" in messages(result, "layout-contradicts")[0]


@pytest.mark.parametrize("mark", [".", ","])
def test_dates_that_a_spreadsheet_left_as_numbers(mark):
    serials = [f"{(end - datetime(1899, 12, 30)) / timedelta(days=1):.8f}".replace(".", mark) for end in ends(96)]
    data = "\n".join(["at;value", *(f"{serial};1" for serial in serials)]).encode() + b"\n"
    result = read(data, delimiter=";")
    assert (codes(result), total(result)) == ([], 96)
    assert result.tables["readings"]["start"].min() == (FROM - timedelta(hours=7)).replace(tzinfo=UTC)
    book = workbook(S=[["at", "value"], *([float(s.replace(",", ".")), 1] for s in serials)])
    assert (codes(read(book)), total(read(book))) == ([], 96)


@pytest.mark.parametrize("mark", ["-", "N/A", "0", "#N/A", "null", "ไม่ทราบ"])
def test_a_mark_for_none_is_no_meter(mark):
    rows = [(meter, at, value) for meter in ("A", mark) for at, value in zip(stamps(96), LOAD, strict=True)]
    result = read(lines("meter,at,value", rows), point=None, point_column="meter")
    assert (codes(result), total(result)) == (["value-null"] * 96, sum(Decimal(str(value)) for value in LOAD))


@pytest.mark.parametrize("name", ["TOTAL", "Grand Total", "รวมทั้งหมด", "ยอดรวม:"])
def test_a_point_with_the_name_of_a_total_is_no_meter_beside_others(name):
    of = {"point": None, "point_column": "meter"}
    rows = [(meter, at, value) for meter in ("A", name) for at, value in zip(stamps(96), LOAD, strict=True)]
    result = read(lines("meter,at,value", rows), **of)
    assert (codes(result), total(result)) == (["reading-kind"] * 96, sum(Decimal(str(value)) for value in LOAD))
    alone = read(lines("meter,at,value", rows[96:]), **of)
    assert codes(alone) == []


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("mac", [False, True])
def test_a_workbook_that_counts_from_1904_has_the_dates_that_it_shows(old, mac):
    first = datetime(1904, 1, 1) if mac else datetime(1899, 12, 30)
    rows = [["at", "value"], *([(end - first) / timedelta(days=1), 1] for end in ends(96))]
    result = read(xls(rows, mac=mac) if old else workbook(S=rows, mac=mac))
    assert (codes(result), total(result)) == ([], 96)
    assert result.tables["readings"]["start"].min() == (FROM - timedelta(hours=7)).replace(tzinfo=UTC)


def test_a_meter_below_another_is_read_and_one_without_a_header_refuses_the_file():
    second = zip(stamps(96, first=FROM + timedelta(days=1)), LOAD, strict=True)
    data = b"Meter,A\n" + file(LOAD) + b"Meter,B\n" + lines("at,value", second)
    how = {"point": None, "point_above": r"Meter (?P<point>\w+)"}
    result = read(data + b"Total,1\n", **how)
    assert (codes(result), total(result)) == ([], sum(LOAD) * 2)
    assert result.tables["readings"]["point"].value_counts(sort=True)["count"].to_list() == [96, 96]
    assert codes(read(data.replace(b"Meter,B", b"Meter,A"), **how)) == []
    assert codes(read(data.replace(b"Meter,B\nat,value", b"Meter,B"), **how)) == ["meters-several"]


@pytest.mark.parametrize(("label", "form"), [("start", "%d/%m/%Y"), ("end", "%d/%m/%Y"), ("end", "%d/%m/%Y 00:00")])
@pytest.mark.parametrize(("days", "added"), [(1, 95), (3, 96)])
def test_a_sum_in_the_place_of_a_midnight_is_no_interval(form, added, days, label):
    def of_day(number):
        first = FROM + timedelta(days=number)
        return [(f"{first:{form}}", sum(LOAD[:added])), *zip(stamps(95, first=first), LOAD, strict=False)]

    result = read(lines("at,value", [row for number in range(days) for row in of_day(number)]), label=label)
    assert (codes(result), total(result)) == (["reading-kind"] * days, sum(LOAD[:95]) * days)


@pytest.mark.parametrize("at", ["%d/%m/%Y", "%d/%m/%Y 24:00"])
def test_a_sum_in_the_place_of_the_last_interval_is_none(at):
    rows = [*zip(stamps(95), LOAD, strict=False), (f"{FROM:{at}}", sum(LOAD))]
    result = read(lines("at,value", rows), stamp={"columns": ["at"], "order": "dmy", "midnight": "closes"})
    assert (codes(result), total(result)) == (["reading-kind"], sum(LOAD[:95]))


def test_a_sum_of_a_day_that_ends_it_is_no_interval():
    at = [f"{FROM + timedelta(minutes=15 * n):%d/%m/%Y %H:%M}" for n in range(96)]
    result = read(lines("at,value", zip(at, [*LOAD[:95], sum(LOAD)], strict=True)), label="start")
    assert (codes(result), total(result)) == (["reading-kind"], sum(LOAD[:95]))


@pytest.mark.parametrize("unit", [1, 4])
def test_of_power_the_sum_of_a_day_may_be_its_energy(unit):
    rows = [(f"{FROM:%d/%m/%Y}", sum(LOAD) / unit), *zip(stamps(95), LOAD, strict=False)]
    result = read(lines("at,value", rows), values={"value": KW})
    assert (set(codes(result)) - {"stamp-label"}, total(result)) == ({"reading-kind"}, sum(LOAD[:95]) / 4)


@pytest.mark.parametrize("peak", [3, 40, 200])
def test_a_load_at_midnight_is_a_load(peak):
    result = read(file([value if n % 96 != 95 else peak for n, value in enumerate(LOAD * 3)]))
    assert (codes(result), result.tables["readings"].height) == ([], 288)


# Numbers and units


def test_dots_of_thousands_are_no_decimals():
    values = [900 + n * 37 % 96 * 7 for n in range(96)]
    grouped = [f"{value:,}".replace(",", ".") for value in values]
    assert codes(read(file(grouped))) == ["layout-contradicts"]
    right = read(file(grouped), thousands=".", decimal=",")
    assert (codes(right), total(right)) == ([], sum(values))


@pytest.mark.parametrize(
    "values", [["1.250", "0", "3.500", "2.250", "0", "1.500"] * 16, ["1.25", "3", "4.125", "12"] * 24, ["1.250"] * 96]
)
def test_decimals_that_are_not_always_written_stay(values):
    assert set(codes(read(file(values)))) <= {"interval-repeated"}
    assert total(read(file(values))) == sum(map(Decimal, values))


def cells(values, **how):
    book = workbook(S=[["at", "value"], *([end, value] for end, value in zip(ends(len(values)), values, strict=True))])
    return read(book, decimal=",", **how)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1.250", "950", "2.100", "12,5"], "4312.5"),
        (["1.255", "950", "1.012.255"], "1014460"),
        (["1.255", "950", "12,5"], "2217.5"),
        ([1.255, 950, 12.5], "963.755"),
        ([1.5, 950, 0.255, "1.250,5"], "2202.255"),
        ([1250, "1.250", "12,5"], "2512.5"),
    ],
)
def test_texts_of_a_workbook_are_read_as_texts_and_numbers_as_numbers(values, expected):
    result = cells(values, thousands=".")
    assert (codes(result), total(result)) == ([], Decimal(expected))


@pytest.mark.parametrize("values", [[1.255, 950, 1.333], [1.255, 12.5, "1.250"], [1.255, 0.5, "1.250,5"]])
def test_what_may_be_a_number_or_a_text_refuses_the_workbook(values):
    result = cells(values, thousands=".")
    assert (
        codes(result) == ["layout-contradicts"] and "texts with thousands" in messages(result, "layout-contradicts")[0]
    )


def test_numbers_of_json_are_numbers_whatever_the_layouts_marks():
    for thousands in ("", "."):
        numbers = json.dumps([{"at": at, "value": n / 10} for n, at in enumerate(stamps(40))]).encode()
        result = read(numbers, decimal=",", thousands=thousands)
        assert (set(codes(result)), total(result)) == ({"value-rising"} & set(codes(result)), 78)
    texts = json.dumps([{"at": at, "value": text} for at, text in zip(stamps(3), ["1.250", "12,5", "7"], strict=True)])
    assert total(read(texts.encode(), decimal=",", thousands=".")) == Decimal("1269.5")


def test_a_point_that_the_layout_does_not_know_is_no_decimal_one():
    assert codes(cells(["1.250", "950", "12,5"])) == ["value-not-number"]
    assert total(cells([1.255, 950, 1.333])) == Decimal("952.588")
    text = "at;value\n" + "".join(
        f"{at};{value}\n" for at, value in zip(stamps(3), ["1.250", "12,5", "7"], strict=True)
    )
    result = read(text.encode(), decimal=",", delimiter=";")
    assert (codes(result), total(result)) == (["value-not-number"], Decimal("19.5"))


@pytest.mark.parametrize("unit", ["kW", "MWh", "(kW)", "กิโลวัตต์"])
@pytest.mark.parametrize("place", ["row", "column", "name"])
def test_a_unit_anywhere_in_the_table_is_heeded(unit, place):
    def told(unit):
        if place == "row":
            return file(LOAD, header=f"at,value\n,{unit}"), {}
        if place == "name":
            return file(LOAD, header=f"at,value {unit}"), {"values": {f"value {unit}": KWH}}
        rows = [(at, value, unit) for at, value in zip(stamps(96), LOAD, strict=True)]
        return lines("at,value,Unit", rows), {}

    data, how = told(unit)
    assert codes(read(data, **how))[0] == "layout-contradicts"
    data, how = told("kWh")
    assert (set(codes(read(data, **how))) - {"column-new"}, total(read(data, **how))) == (set(), sum(LOAD))


# Codes for no value


def with_codes(code, times, values=LOAD):
    return [code if n % 30 == 7 and n < 30 * times else value for n, value in enumerate(values)]


@pytest.mark.parametrize("code", ["-999", "-9999", "-32768", "-99.99", "-2147483648", "9999.99", "6553.5", "655.35"])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("measure", [KWH, KW])
def test_codes_for_no_value(code, times, measure):
    result = read(file(with_codes(code, times)), values={"value": measure})
    left = sum(value for value, text in zip(LOAD, with_codes(code, times), strict=True) if value == text)
    share = 1 if measure == KWH else 4
    assert (set(codes(result)), total(result)) == ({"value-sentinel"}, left / share)


@pytest.mark.parametrize("how", [{"multiplier": 40}, {"values": {"value": {"unit": "Wh", "kind": "delta"}}}])
def test_codes_are_found_as_they_were_before_a_factor(how):
    result = read(file(with_codes("65535", 1)), **how)
    assert (codes(result), result.tables["readings"].height) == (["value-sentinel"], 95)


def test_minus_one_again_and_again_is_a_code_and_once_is_said():
    assert set(codes(read(file(with_codes("-1", 3))))) == {"value-sentinel"}
    assert codes(read(file(with_codes("-1", 1)))) == ["value-negative"]
    assert codes(read_export(mea(ends(96), -1), "x", {}, TODAY)) == ["value-negative"]


@pytest.mark.parametrize(
    "values",
    [
        [value - 3 for value in LOAD],  # net of what is sent out
        [int(value) - 1 for value in LOAD],  # the same in whole kWh
        [value * 80 for value in LOAD[:-1]] + ["655.35"],  # one of many as large
        ["65.535"] * 4 + [value * 20 for value in LOAD[4:]],
        [*LOAD[:-1], "99.9"],
    ],
)
def test_loads_that_look_like_codes_stay(values):
    result = read(file(values))
    assert (set(codes(result)) - {"value-negative"}, result.tables["readings"].height) == (set(), 96)


def test_the_lowest_number_of_a_field_is_a_code_beside_what_is_sent_out_too():
    result = read(file(with_codes("-32768", 1, [value - 3 for value in LOAD])))
    assert set(codes(result)) == {"value-sentinel", "value-negative"}
    assert result.tables["readings"].height == 95
