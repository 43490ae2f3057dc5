"""Counts that begin anew: each hour, each shift, each week, or as a register rolls over. As energy they are refused,
and read where the layout says when they do."""

import math
from datetime import timedelta
from decimal import Decimal
from itertools import accumulate, pairwise

import pytest

from tests.kit import codes, messages
from tests.meters.test_patterns import LOAD
from tests.meters.test_whole_file import DIALS, FROM, KW, KWH, lines, read, stamps, total


def counts(values, each):
    """The count of ``values``, set back before each so many."""
    return [sum(values[n - n % each : n + 1]) for n in range(len(values))]


def file(values, minutes=15, **how):
    return lines("at,value", list(zip(stamps(len(values), minutes, **how), values, strict=True)))


def loads(minutes, days=1):
    return [LOAD[n * minutes // 15 % 96] + n * 7 % 5 for n in range(days * 1440 // minutes)]


@pytest.mark.parametrize(
    ("minutes", "period"),
    [(15, 60), (5, 60), (1, 60), (5, 15), (10, 30), (1, 10), (15, 120), (15, 240), (30, 180), (15, 480), (60, 720)],
)
@pytest.mark.parametrize("measure", [KWH, KW])
def test_a_count_that_begins_anew_is_no_energy(minutes, period, measure):
    values, each = loads(minutes, days=1 if period < 720 else 3), period // minutes
    data = file(counts(values, each), minutes)
    result = read(data, minutes=minutes, values={"value": measure})
    assert (codes(result), result.tables) == (["layout-contradicts"], {})
    assert f"`resets: {period}`" in messages(result, "layout-contradicts")[0]
    right = read(data, minutes=minutes, values={"value": DIALS | {"resets": period}})
    assert (codes(right), total(right)) == ([], sum(values[1:]))  # before the first read nothing tells


@pytest.mark.parametrize(("minutes", "period"), [(15, 30), (30, 60), (5, 10)])
def test_a_count_of_two_values_is_said(minutes, period):
    data = file(counts(loads(minutes), 2), minutes)
    assert codes(read(data, minutes=minutes)) == ["value-rising"]
    right = read(data, minutes=minutes, values={"value": DIALS | {"resets": period}})
    assert (codes(right), total(right)) == ([], sum(loads(minutes)[1:]))


def test_each_row_of_a_day_may_be_a_count():
    wide = {"columns": "(?P<index>[0-9]+)", "measure": KWH}
    how = {"minutes": 60, "label": "start", "values": None, "stamp": {"columns": ["day"], "order": "dmy"}, "wide": wide}
    days = [[f"{9 + day:02}/11/2026", *accumulate(LOAD[day * 7 : day * 7 + 24])] for day in range(5)]
    header = "day," + ",".join(map(str, range(1, 25)))
    assert codes(read(lines(header, days), **how)) == ["layout-contradicts"]
    assert codes(read(lines(header, days[:1]), **how)) == ["layout-contradicts"]
    loads_of_days = [[f"{9 + day:02}/11/2026", *LOAD[day * 7 : day * 7 + 24]] for day in range(5)]
    assert codes(read(lines(header, loads_of_days), **how)) == []


@pytest.mark.parametrize(("begin", "at"), [(9_000, 10_000), (0, 7 * 96 * 3), (99_900, 100_000)])
def test_a_register_that_is_set_back_or_rolls_over_is_no_energy(begin, at):
    count = [n % at for n in accumulate(LOAD * 10, initial=begin)]
    assert min(count) < count[0] or begin == 0
    assert codes(read(file(count))) == ["layout-contradicts"]
    assert codes(read(file(count), values={"value": DIALS})) == ["register-fall"] * sum(
        b < a for a, b in pairwise(count)
    )


@pytest.mark.parametrize(
    "values",
    [
        LOAD * 2,
        [round(max(0, math.sin((n - 24) / 48 * math.pi)) * 5, 3) for n in range(96)],  # the sun's
        [round(1 + max(0, math.sin((n - 360) / 720 * math.pi)) * 5, 3) for n in range(700)],  # a morning's
        [value + 9 * (n % 4 == 3) for n, value in enumerate(LOAD)],  # a pump's, each hour
        [value / 9 + 2 * (n % 2) for n, value in enumerate(LOAD)],  # one's that is on for every second quarter
        [1 + n % 4 for n in range(96)],  # made up
        [n % 96 for n in range(480)],
    ],
)
def test_loads_that_follow_the_clock_are_none(values):
    minutes = 1 if len(values) == 700 else 15
    assert codes(read(file(values, minutes), minutes=minutes)) == []


def test_a_register_begins_anew_where_the_layout_says_or_is_refused():
    hourly, on = counts(LOAD, 4), list(accumulate(LOAD, initial=500))
    shown_anew = [0 if n % 4 == 3 else value for n, value in enumerate(hourly)]
    for values, resets in ((on, 60), (hourly, 30), (hourly, 120), (hourly, "daily"), (shown_anew, 60)):
        result = read(file(values), values={"value": DIALS | {"resets": resets}})
        assert not result.tables and {*codes(result)} <= {"reading-kind", "register-fall", "file-malformed"}
    assert codes(read(file(hourly), values={"value": DIALS | {"resets": 7}})) == ["option-invalid"]
    assert codes(read(file(hourly), values={"value": KWH | {"resets": 60}})) == ["option-invalid"]


def test_an_hour_that_brings_more_than_the_last_begins_anew_too():
    values = [Decimal(1)] * 4 + [Decimal(9)] * 4 + [Decimal(1)] * 88
    at = [f"{FROM + timedelta(minutes=15 * n):%d/%m/%Y %H:%M}" for n in range(1, 97)]
    data = lines("at,value", list(zip(at, counts(values, 4), strict=True)))
    result = read(data, values={"value": DIALS | {"resets": 60}})
    assert (codes(result), total(result)) == ([], sum(values[1:]))


def test_a_meter_that_falls_seldom_is_no_register_where_most_others_are_none():
    steady = [1] * 90 + [2, 1] * 3
    meters = {"A": steady, "B": LOAD, "C": LOAD[::-1], "D": [1] * 96, "E": LOAD[5:] + LOAD[:5]}
    rows = [(m, at, value) for m, values in meters.items() for at, value in zip(stamps(96), values, strict=True)]
    how = {"point": None, "point_column": "m", "values": {"value": DIALS}}
    result = read(lines("m,at,value", rows), **how)
    assert not result.tables and "register-fall" in codes(result)
    registers = [(m, at, n) for m in "XYZ" for at, n in zip(stamps(96), accumulate(LOAD), strict=True)]
    one = read(lines("m,at,value", [*registers, *(row for row in rows if row[0] == "B")]), **how)
    assert set(codes(one)) == {"register-fall"} and total(one) == 3 * sum(LOAD[1:])


@pytest.mark.parametrize("by", ["meter", "time", "newest"])
@pytest.mark.parametrize(("minutes", "period", "days"), [(15, 60, 1), (15, 1440, 4), (60, 720, 4), (15, 1440 * 3, 9)])
def test_one_meter_of_many_that_counts_is_told_alone(minutes, period, days, by):
    at, each = stamps(1440 // minutes * days, minutes), period // minutes
    shift = {f"M{m:02}": loads(minutes, days)[m:] + loads(minutes, days)[:m] for m in range(40)}
    shift["M30"] = counts(shift["M30"], each)
    rows = [
        (n, m, (m, end, value))
        for m, values in shift.items()
        for n, (end, value) in enumerate(zip(at, values, strict=True))
    ]
    rows.sort(key=lambda row: row[:2] if by == "time" else (row[1], -row[0] if by == "newest" else row[0]))
    result = read(lines("m,at,value", [row for *_, row in rows]), minutes=minutes, point_column="m", point=None)
    assert set(codes(result)) == {"reading-kind"} and result.tables["readings"]["point"].n_unique() == 39
    assert total(result) == sum(sum(values) for m, values in shift.items() if m != "M30")
