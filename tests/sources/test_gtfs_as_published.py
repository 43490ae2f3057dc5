"""GTFS feeds as they are published: written by spreadsheets, packed by anybody, with what contradicts itself. They are
synthetic, and each departs in one thing from one that is right."""

from datetime import date

import pytest

from quality.tables import TRANSIT_SERVICE, TRANSIT_STOPS
from tests.kit import code_counts, codes, kept, messages
from tests.sources.test_gtfs_feed import FEED, SHUTTLE, STOPS, hours, read, timetable

RIGHT = timetable(SHUTTLE + SHUTTLE.replace("t1", "t2").replace("06:", "08:"), "1,d,t1\n2,d,t2")


def with_calls(*calls):
    """``RIGHT`` with the trip t1 of these calls: time and stop, or time alone at the stops 1 and 3 in turn."""
    lines = [f"t1,{time},{time},{'13'[n % 2]},{n}\n" for n, time in enumerate(calls)]
    return timetable("".join(lines))


# Places


@pytest.mark.parametrize(
    "places", ["1,ก,100.529,13.734\n3,ข,13.733,100.530\n", '1,ก,"100,529","13,734"\n3,ข,"13,733","100,530"\n']
)
def test_a_stop_whose_coordinates_changed_places_is_read_and_said(samyan, places):
    result = read(RIGHT | {"stops.txt": STOPS + places}, samyan)
    assert kept(TRANSIT_STOPS, result).select("stop_id", "lat", "lon").rows() == [
        ("1", 13.734, 100.529),
        ("3", 13.733, 100.530),
    ]
    assert result.problems.filter(code="place-swapped-back")["row"].to_list() == [2]
    assert hours(result) == {6: 1, 8: 1}


def test_a_stop_nowhere_is_refused_by_row_and_one_elsewhere_is_another_citys(samyan):
    places = ("0,0", "13734000,100529000", "660123,1519456", "18.79,98.98")
    lines = "".join(f"x{at},x,{place}\n" for at, place in enumerate(places))
    result = read(RIGHT | {"stops.txt": FEED["stops.txt"] + lines}, samyan)
    assert result.problems.select("row", "code").rows() == [(row, "value-range") for row in (5, 6, 7)]


@pytest.mark.parametrize("other", ["1,ก,14.9,100.5", "1,ก,13.733,100.529", "1,ข,13.734,100.529"])
def test_a_stop_told_twice_otherwise_is_at_neither_place(samyan, other):
    stops = STOPS + f"1,ก,13.734,100.529\n3,ค,13.733,100.530\n{other}\n"
    result = read(RIGHT | {"stops.txt": stops}, samyan)
    assert kept(TRANSIT_STOPS, result)["stop_id"].to_list() == ["3"]
    assert result.problems.filter(code="key-duplicate")["row"].to_list() == [2, 4]


# Keys


@pytest.mark.parametrize(
    ("member", "line", "gone"),
    [
        ("trips.txt", "2,d,t1", 6),
        ("trips.txt", "1,e,t1", 6),
        ("stop_times.txt", "t1,16:00:00,16:00:00,1,1", 6),
        ("stop_times.txt", "t1,06:00:00,06:00:00,3,1", 6),
    ],
)
def test_rows_of_one_key_that_contradict_each_other_are_refused_not_chosen(samyan, member, line, gone):
    result = read(RIGHT | {member: f"{RIGHT[member].rstrip()}\n{line}\n"}, samyan)
    assert hours(result) == {8: 1} and code_counts(result)["key-duplicate"] == 2
    again = RIGHT[member].splitlines()[1]
    assert hours(read(RIGHT | {member: f"{RIGHT[member].rstrip()}\n{again}\n"}, samyan)) == {gone: 1, 8: 1}


def test_calendars_of_one_service_that_overlap_are_refused_and_those_that_follow_hold(samyan):
    all_week, work = "d,1,1,1,1,1,1,1,{},{}", "d,1,1,1,1,1,0,0,{},{}"
    other = f"{all_week}\n{work}".format(20260101, 20261231, 20260601, 20270101)
    result = read(timetable(SHUTTLE, calendar=other), samyan)
    assert hours(result) == {} and code_counts(result)["key-duplicate"] == 2
    follow = f"{all_week}\n{work}".format(20260101, 20260930, 20261001, 20270101)
    result = read(timetable(SHUTTLE, calendar=follow), samyan)
    assert (hours(result), hours(result, "saturday")) == ({6: 1}, {6: 1})
    assert set(codes(result)) == {"feed-expired"}, "weekends ended in September"


def test_exceptions_that_contradict_each_other_leave_the_calendar_as_it_is(samyan):
    result = read(timetable(SHUTTLE, dates="d,20261128,1\nd,20261128,2\n"), samyan)
    assert hours(result, "saturday") == {6: 1} and code_counts(result) == {"key-duplicate": 2}


# Times


@pytest.mark.parametrize(
    ("calls", "found", "rows"),
    [
        (("06:00:00", "05:50:00", "06:20:00"), {6: 1, 5: 1}, [3]),
        (("22:00:00", "08:10:00", "22:20:00"), {22: 1, 8: 1}, [3]),
        (("23:50:00", "00:10:00", "00:30:00"), {23: 1, 24: 1}, [3]),
        (("23:50:00", "", "00:30:00"), {23: 1, 24: 1}, [4]),
        (("23:50:00", "24:10:00", "25:30:00"), {23: 1, 24: 1}, []),
        (("23:50:00", "24:10:00", "00:30:00", "00:40:00"), {23: 1, 24: 2}, [4]),
    ],
)
def test_times_that_fall_along_a_trip_are_said_and_midnight_is_understood(samyan, calls, found, rows):
    result = read(with_calls(*calls), samyan)
    assert hours(result) == found
    assert result.problems.filter(code="time-falls")["row"].to_list() == rows


def test_a_call_left_before_it_is_reached_is_said(samyan):
    result = read(timetable("t1,06:10:00,06:00:00,1,1\nt1,06:20:00,06:20:00,3,2\n"), samyan)
    assert hours(result) == {6: 1} and code_counts(result) == {"time-falls": 1}


@pytest.mark.parametrize("sequence", ["", "x", "1.5"])
def test_a_call_without_a_place_in_its_trip_is_refused(samyan, sequence):
    result = read(RIGHT | {"stop_times.txt": RIGHT["stop_times.txt"] + f"t1,06:05:00,06:05:00,3,{sequence}\n"}, samyan)
    assert hours(result) == {6: 1, 8: 1} and code_counts(result) == {"row-malformed": 1}


def test_without_a_column_of_places_the_order_of_rows_is_theirs(samyan):
    lines = [line.rpartition(",")[0] for line in RIGHT["stop_times.txt"].splitlines()]
    result = read(RIGHT | {"stop_times.txt": "\n".join(lines)}, samyan)
    assert hours(result) == {6: 1, 8: 1}
    assert messages(result, "column-missing") == ["stop_times.txt has no stop_sequence"]


def test_times_without_seconds_are_times(samyan):
    assert hours(read(RIGHT | {"stop_times.txt": RIGHT["stop_times.txt"].replace("0:00,", "0,")}, samyan)) == {
        6: 1,
        8: 1,
    }


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ("t1,23:30:00,24:30:00,1800", {23: 1, 24: 1}),
        ("t1,06:00,07:00,1800.0", {6: 2}),
        ("t1,06:00:00,06:10:00,3600", {6: 1}),
        ("t1,22:00:00,01:00:00,600", {}),
        ("t1,06:00:00,06:00:00,600", {}),
        ("t1,06:00:00,,600", {}),
    ],
)
def test_windows_are_read_or_refused_by_row(samyan, window, found):
    result = read(timetable(SHUTTLE, frequencies=f"{window},0\n"), samyan)
    assert hours(result) == found
    assert result.problems.select("row", "code").rows() == ([] if found else [(2, "row-malformed")])


# Days


def test_a_feed_that_has_not_begun_is_counted_in_its_first_week_and_said(samyan):
    result = read(timetable(SHUTTLE, calendar="d,1,1,1,1,1,1,1,20270104,20271231"), samyan)
    assert hours(result) == {6: 1} and messages(result, "feed-ahead") == ["the feed is valid from 2027-01-04 on"]
    assert kept(TRANSIT_SERVICE, result)["service_date"].min() == date(2027, 1, 6)
    only_dates = RIGHT | {"calendar_dates.txt": "service_id,date,exception_type\nd,20270109,1\n"}
    del only_dates["calendar.txt"]
    result = read(only_dates, samyan)
    assert hours(result, "saturday") == {6: 1, 8: 1} and set(codes(result)) == {"feed-ahead"}


def test_weekends_that_have_not_begun_and_a_gap_between_two_calendars_are_said(samyan):
    work, rest = "w,1,1,1,1,1,0,0,20260101,20271231", "r,0,0,0,0,0,1,1,20261219,20271231"
    calls = SHUTTLE + SHUTTLE.replace("t1", "t2").replace("06:", "08:")
    result = read(timetable(calls, "1,w,t1\n2,r,t2", calendar=f"{work}\n{rest}"), samyan)
    assert (hours(result), hours(result, "saturday")) == ({6: 1}, {8: 1})
    assert code_counts(result) == {"feed-ahead": 2}
    gap = "w,1,1,1,1,1,1,1,20260101,20261031\nr,1,1,1,1,1,1,1,20270101,20271231"
    result = read(timetable(calls, "1,w,t1\n2,r,t2", calendar=gap), samyan)
    assert (hours(result), hours(result, "sunday")) == ({6: 1}, {6: 1}), "October is nearer than January"
    assert code_counts(result) == {"feed-expired": 3}


@pytest.mark.parametrize(
    ("calendar", "code"),
    [
        ("d,1,1,1,1,1,1,1,1/1/2026,31/12/2026", "stamp-bad"),
        ("d,1,1,1,1,1,1,1,20261301,20261231", "stamp-bad"),
        ("d,1,1,1,1,1,1,1,,", "stamp-bad"),
        ("d,1,1,1,1,1,1,1,20261231,20260101", "row-malformed"),
        ("d,yes,yes,yes,yes,yes,yes,yes,20260101,20261231", "value-unknown"),
    ],
)
def test_a_calendar_that_cannot_be_read_is_refused_by_row(samyan, calendar, code):
    result = read(timetable(SHUTTLE, calendar=calendar), samyan)
    assert hours(result) == {} and code_counts(result)[code] == 1


def test_calendars_that_end_before_they_begin_are_over_where_they_ended_before(samyan):
    result = read(timetable(SHUTTLE, calendar="d,1,1,1,1,1,1,1,20261102,20250101"), samyan)
    assert hours(result) == {} and {"row-malformed", "feed-expired"} <= set(codes(result))


def test_years_of_the_buddhist_era_are_years(samyan):
    feed = timetable(SHUTTLE, calendar="d,1,1,1,1,1,1,1,25690101,25691231", dates="d,2569-11-28,2\n")
    result = read(feed | {"feed_info.txt": "feed_version,feed_start_date\n25690422,25690101\n"}, samyan)
    assert (hours(result), hours(result, "saturday"), hours(result, "sunday")) == ({6: 1}, {6: 1}, {6: 1})
    assert "saturday of 2026-12-05" in result.evidence
    assert not result.problems.height
    assert kept(TRANSIT_STOPS, result)["reference_date"].unique().to_list() == [date(2026, 4, 22)]


# Writing and packing


def spelt(spell):
    return {name: spell(content) for name, content in RIGHT.items()}


def header(spell):
    return spelt(lambda text: spell(text.partition("\n")[0]) + "\n" + text.partition("\n")[2])


@pytest.mark.parametrize(
    "feed",
    [
        spelt(lambda text: text.encode("cp874")),
        spelt(lambda text: text.encode("utf-16")),
        spelt(lambda text: text.encode("utf-8-sig")),
        spelt(lambda text: text.replace("\n", "\n\n")),
        spelt(lambda text: text.replace("\n", "\r\n,,,\r\n")),
        spelt(lambda text: text.replace("\n", "\r")),
        spelt(lambda text: text.replace(",", ";").replace("ใกล้;Near", "ใกล้")),
        spelt(lambda text: text.replace(",", "\t")),
        RIGHT | {"calendar.txt": RIGHT["calendar.txt"].replace(",1", ",1.0").replace(",1.0,2026", ",1,2026")},
        header(str.upper),
        header(lambda line: line.replace("_", " ").title()),
        header(lambda line: line.replace(",", " , ")),
        {name.upper(): content for name, content in RIGHT.items()},
        {name.title(): content for name, content in RIGHT.items()},
        {f"GTFS\\{name}": content for name, content in RIGHT.items()},
        {f"__MACOSX/._{name}": b"\x00\x05" for name in RIGHT}
        | {f"feed/{name}": content for name, content in RIGHT.items()},
        RIGHT | {"feed_info.txt": b"feed_version\n\xff\x81\n"},
        RIGHT | {"frequencies.txt": b"\xff\x81"},
    ],
)
def test_how_a_feed_is_written_or_packed_changes_no_number(samyan, feed):
    result = read(feed, samyan)
    assert kept(TRANSIT_STOPS, result).select("stop_id", "lat").rows() == [("1", 13.734), ("3", 13.733)]
    assert kept(TRANSIT_STOPS, result)["name_th"].to_list() == ["ใกล้", "ไทยล้วน"]
    assert hours(result) == {6: 1, 8: 1}


def test_two_feeds_in_one_archive_are_never_mixed(samyan):
    bus = {f"bus/{name}": content for name, content in RIGHT.items() if name != "calendar_dates.txt"}
    rail = {f"rail/{name}": content for name, content in RIGHT.items()}
    result = read(bus | rail | {"rail/calendar_dates.txt": "service_id,date,exception_type\nd,20261128,2\n"}, samyan)
    assert hours(result, "saturday") == {6: 1, 8: 1} and code_counts(result) == {"sheet-left": 1}


@pytest.mark.parametrize(
    ("member", "lacks"),
    [("trips.txt", "service_id"), ("trips.txt", "route_id"), ("stop_times.txt", "stop_id"), ("stops.txt", "stop_lat")],
)
def test_a_column_without_which_nothing_can_be_counted_is_missed_by_name(samyan, member, lacks):
    result = read(RIGHT | {member: RIGHT[member].replace(lacks, "x", 1)}, samyan)
    assert f"{member} has no {lacks}" in messages(result, "column-missing")


def test_a_comma_within_a_name_costs_its_row_only(samyan):
    result = read(RIGHT | {"stops.txt": STOPS + "1,ปากทาง,ซอย 5,13.734,100.529\n3,ข,13.733,100.530\n"}, samyan)
    assert kept(TRANSIT_STOPS, result)["stop_id"].to_list() == ["3"]
    assert (2, "row-malformed") in result.problems.select("row", "code").rows()


def test_a_column_that_stands_twice_and_differs_is_no_choice_of_ours(samyan):
    twice = "stop_id,stop_name,stop_lat,stop_lat,stop_lon\n1,ก,13.734,{},100.529\n3,ข,13.733,{},100.530\n"
    assert codes(read(RIGHT | {"stops.txt": twice.format(1, 2)}, samyan)) == ["column-repeated"]
    assert hours(read(RIGHT | {"stops.txt": twice.format(13.734, 13.733)}, samyan)) == {6: 1, 8: 1}


@pytest.mark.parametrize("member", ["stops.txt", "trips.txt", "calendar.txt"])
def test_a_row_without_what_it_is_known_by_is_refused(samyan, member):
    head, first, *rest = RIGHT[member].splitlines()
    key = head.split(",").index({"trips.txt": "trip_id", "stops.txt": "stop_id"}.get(member, "service_id"))
    cells = ["" if at == key else cell for at, cell in enumerate(first.split(","))]
    result = read(RIGHT | {member: "\n".join([head, first, *rest, ",".join(cells)])}, samyan)
    assert hours(result) == {6: 1, 8: 1} and code_counts(result) == {"value-null": 1}


@pytest.mark.parametrize(
    ("headways", "counted"),
    [
        ((10,), {}),
        ((30, 15, 20, 60), {}),  # an hour in minutes beside shorter ones
        ((60,), {}),
        ((60, 90), {}),
        ((15, 600), {8: 6, 9: 6}),  # half of them below a minute; ten minutes are none, not hours
        ((15, 120, 600, 600), {10: 6, 11: 6, 12: 6, 13: 6, 8: 30, 9: 30}),
        ((90, 120), {6: 40, 7: 40, 8: 30, 9: 30}),  # a metro's
        ((600,), {6: 6, 7: 6}),
    ],
)
def test_headways_in_minutes_are_no_service_of_every_second(samyan, headways, counted):
    windows = "".join(f"t1,{6 + 2 * n:02d}:00:00,{8 + 2 * n:02d}:00:00,{each},0\n" for n, each in enumerate(headways))
    result = read(timetable(SHUTTLE, frequencies=windows), samyan)
    assert hours(result) == counted
    lost = len(headways) - len(counted) // 2
    assert result.problems["code"].to_list() == ["unit-unknown"] * lost
    lift = FEED["routes.txt"].replace(",3\n", ",6\n").replace(",3,", ",6,")
    assert lift != FEED["routes.txt"]
    seconds = read(timetable(SHUTTLE, frequencies="t1,06:00:00,07:00:00,12,0\n") | {"routes.txt": lift}, samyan)
    assert (hours(seconds), seconds.problems.height) == ({6: 300}, 0), "cabins of an aerial lift"
