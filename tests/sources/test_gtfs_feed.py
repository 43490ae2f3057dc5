"""GTFS feeds: what a city takes of one, and how often vehicles leave from its stops. Small feeds are synthetic."""

import csv
import io
import math
import re
import zipfile
from collections import defaultdict
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, strategies as st

from assets.cities.registry import City, RegistryError, SourceEntry, check_sources
from assets.sources import gtfs_members
from assets.sources.gtfs import GTFS, GTFS_NAMTANG
from assets.sources.source import Context
from quality.tables import TRANSIT_ROUTES, TRANSIT_SERVICE, TRANSIT_STOPS
from tests.kit import kept

DAY = date(2026, 11, 23)
STOPS = "stop_id,stop_name,stop_lat,stop_lon\n"
ROUTES = "route_id,agency_id,route_short_name,route_long_name,route_type\n"
FEED = {
    "agency.txt": "agency_id,agency_name\nA,ก\n",
    "stops.txt": STOPS + '1,"ใกล้;Near",13.734,100.529\n2,"ไกล;Far",14.7,100.5\n3,ไทยล้วน,13.733,100.530\n',
    "routes.txt": ROUTES + '1,A,Red,"สายแดง;Red line",3\n2,A,21,"สาย 21;Line 21",3\n',
    "trips.txt": "route_id,service_id,trip_id\n1,d,t1\n2,d,t2\n",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "t1,06:00:00,06:00:00,1,1\nt1,06:10:00,06:10:00,2,2\nt2,07:00:00,07:00:00,2,1\n",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "d,1,1,1,1,1,1,1,20260101,20261231\n",
    "feed_info.txt": "feed_version,feed_start_date,feed_end_date\n20260422,20260101,20261231\n",
}


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def read(members, city, **options):
    return GTFS_NAMTANG.read(
        members if isinstance(members, bytes) else zipped(members), Context(city, DAY, "namtang-gtfs.zip", options)
    )


def test_stops_within_reach_and_routes_that_serve_them(samyan):
    result = read(FEED, samyan)
    stops, routes = kept(TRANSIT_STOPS, result), kept(TRANSIT_ROUTES, result)
    assert stops.select("stop_id", "name_th", "name_en").rows() == [("1", "ใกล้", "Near"), ("3", "ไทยล้วน", None)]
    assert stops["distance_km"].to_list() == pytest.approx([0.1112, 0.1080], abs=1e-3)
    assert routes.select("route_id", "short_name_th", "long_name_th", "long_name_en", "serves_city").rows() == [
        ("1", "Red", "สายแดง", "Red line", True),
        ("2", "21", "สาย 21", "Line 21", False),
    ]
    assert stops["reference_date"].unique().to_list() == [date(2026, 4, 22)]
    assert stops["feed_end_date"].unique().to_list() == [date(2026, 12, 31)]
    assert not result.problems.height


def test_a_city_beyond_the_feed_gets_no_stops(phuket):
    result = read(FEED, phuket)
    assert result.tables["transit_stops"].height == 0
    assert "0 of 3 stops" in result.evidence
    assert result.tables["transit_routes"]["serves_city"].to_list() == [False, False]


def test_what_the_feed_leaves_out_is_unknown_not_false(samyan):
    feed = {name: FEED[name] for name in ("stops.txt", "routes.txt")}
    result = read(feed, samyan)
    assert kept(TRANSIT_ROUTES, result)["serves_city"].to_list() == [None, None]
    assert result.tables["transit_service"].height == 0
    assert result.problems["code"].to_list() == ["column-missing"]
    assert "stop_times.txt" in result.problems["message"][0]
    assert kept(TRANSIT_STOPS, result)["reference_date"].unique().to_list() == [DAY]
    start = FEED | {"feed_info.txt": "feed_start_date,feed_version\n20260101,v7\n"}
    start["calendar.txt"] = "service_id,start_date,end_date\n1,20260101,20260630\n2,20260101,20260930\n"
    result = read(start, samyan)
    assert kept(TRANSIT_STOPS, result)["reference_date"].unique().to_list() == [date(2026, 1, 1)]
    assert kept(TRANSIT_STOPS, result)["feed_end_date"].unique().to_list() == [date(2026, 9, 30)]
    assert set(result.problems["code"]) == {"column-missing", "feed-expired", "reference-unknown"}


def test_bad_rows_are_refused_by_line(samyan):
    feed = FEED | {
        "stops.txt": FEED["stops.txt"] + "4,x,north,100.5\n1,other,13.733,100.529\n",
        "routes.txt": FEED["routes.txt"] + "9,A,x,y,bus\n",
    }
    result = read(feed, samyan)
    assert result.problems.select("row", "code").rows() == [
        (2, "key-duplicate"),
        (4, "value-not-number"),
        (5, "value-not-number"),
        (6, "key-duplicate"),
    ]


@pytest.mark.parametrize(
    ("members", "code"),
    [
        (b"PK\x03\x04 broken", "file-malformed"),
        (b"<html>", "file-malformed"),
        ({"stops.txt": FEED["stops.txt"]}, "file-malformed"),
        (FEED | {"stops.txt": "id,name\n1,x\n"}, "file-malformed"),
        (FEED | {"routes.txt": ""}, "file-malformed"),
        (FEED | {"stops.txt": b"stop_id,stop_name\n\xff\xfe,\x81\n"}, "file-encoding"),
    ],
)
def test_a_feed_that_cannot_be_used_is_rejected(samyan, members, code):
    result = read(members, samyan)
    assert (result.problems["code"].to_list(), dict(result.tables)) == ([code], {})


def test_a_member_beyond_the_limit_is_rejected(samyan, monkeypatch):
    monkeypatch.setattr(gtfs_members, "MAX_MEMBER_BYTES", 1000)
    unread = {"shapes.txt": "x" * 5000, "fare_rules.txt": "x" * 5000, "parking.txt": "0812345678" * 500}
    assert read(FEED | unread, samyan).problems.height == 0  # not unpacked
    result = read(FEED | {"stop_times.txt": "trip_id,stop_id\n" + "t1,1\n" * 1000}, samyan)
    assert result.problems["code"].to_list() == ["archive-limit"]


def haversine(lat, lon, point):
    one, two = math.radians(lat), math.radians(point[0])
    cosine = math.sin(one) * math.sin(two) + math.cos(one) * math.cos(two) * math.cos(math.radians(lon - point[1]))
    return 6371.0088 * math.acos(min(1.0, cosine))


def test_real_feed_around_samyan(real_data, samyan):
    folder = real_data / "open_data/gtfs_namtang"
    result = read({file.name: file.read_bytes() for file in folder.glob("*.txt")}, samyan, within_km=2)
    stops, routes = kept(TRANSIT_STOPS, result), kept(TRANSIT_ROUTES, result)
    source = list(csv.DictReader(io.StringIO((folder / "stops.txt").read_text("utf-8-sig"))))
    near = {
        row["stop_id"]
        for row in source
        if haversine(float(row["stop_lat"]), float(row["stop_lon"]), (samyan.lat, samyan.lon)) <= 2
    }
    assert set(stops["stop_id"]) == near
    assert len(near) > 100
    named = stops.filter(stop_id="5086").row(0, named=True)
    assert (named["name_th"], named["name_en"]) == ("ตรงข้ามเซียงกงสามย่าน", "Xiang Gong Samyan (Opposite)")
    assert routes.height == 1449
    assert routes["serves_city"].null_count() == 1449
    assert routes.filter(route_id="1")["route_type"].to_list() == [0], "the BTS is a tram to the feed"
    assert result.tables["transit_service"].height == 0, "the copy has no stop times"
    assert result.problems["code"].to_list() == ["column-missing", "feed-expired"]
    assert stops["feed_end_date"].unique().to_list() == [date(2023, 12, 31)]
    assert stops["reference_date"].unique().to_list() == [date(2023, 4, 22)]


# Any feed


def request_of(options, base=""):
    return next(GTFS.requests(None, DAY, base, options))


def test_a_feed_is_named_by_an_https_address_or_a_path_below_a_portal(samyan):
    assert request_of({"url": "https://example.org/f.zip", "feed": "kk"}).url == "https://example.org/f.zip"
    below = request_of({"url": "/download/f.zip", "feed": "kk", "portal": "namtang"}, "http://127.0.0.1:1/namtang")
    assert (below.url, below.name) == ("http://127.0.0.1:1/namtang/download/f.zip", "kk.zip")
    for url in ("", "/f.zip", "http://example.org/f.zip", "file:///etc/passwd", "//example.org/f.zip"):
        entry = SourceEntry(via="portal", reader="gtfs", options={"url": url, "feed": "kk"})
        with pytest.raises(RegistryError, match=r"samyan: sources\.shuttle\.options\..*url"):
            check_sources({"samyan": samyan.model_copy(update={"sources": {"shuttle": entry}})}, {"gtfs": GTFS.options})
    # A feed that comes by file has no address, and is not asked for.
    with pytest.raises(ValueError, match="samyan"):
        next(GTFS.requests(samyan, DAY, "", {"feed": "kk"}))


def test_a_feed_bears_the_name_that_the_registry_gives_it(samyan):
    result = GTFS.read(zipped(FEED), Context(samyan, DAY, "x.zip", {"feed": "samyan_shuttle"}))
    for table in (TRANSIT_STOPS, TRANSIT_ROUTES, TRANSIT_SERVICE):
        assert kept(table, result)["feed"].unique().to_list() == ["samyan_shuttle"]
    for options in ({}, {"feed": "../x"}, {"feed": "ไทย"}):
        rejected = GTFS.read(zipped(FEED), Context(samyan, DAY, "x.zip", options))
        assert rejected.problems["code"].to_list() == ["option-invalid"]


@pytest.mark.parametrize(
    ("language", "name", "want"),
    [
        ("tha", "สยาม;Siam", ("สยาม", "Siam")),
        ("th", "Siam", ("Siam", None)),
        ("en", "Siam", (None, "Siam")),
        ("en", "สยาม", ("สยาม", None)),
        ("", "สยาม ; ", ("สยาม", None)),
    ],
)
def test_names_are_in_the_language_they_are_written_in(samyan, language, name, want):
    feed = FEED | {
        "stops.txt": STOPS + f"1,{name},13.734,100.529\n",
        "feed_info.txt": f"feed_lang,feed_version\n{language},20260422\n",
    }
    assert read(feed, samyan).tables["transit_stops"].select("name_th", "name_en").row(0) == want


def test_stations_and_entrances_are_no_stops_and_points_must_be_finite(samyan):
    places = (
        "stop_id,stop_name,stop_lat,stop_lon,location_type\n1,ก,13.733,100.529,0\n6,ข,13.733,100.529,1\n3,ค,,,3\n"
        "2,ง,13.733,100.529,\n5,จ,nan,100.529,0\n"
    )
    result = read(FEED | {"stops.txt": places}, samyan)
    assert kept(TRANSIT_STOPS, result)["stop_id"].to_list() == ["1", "2"]
    assert result.problems.select("row", "code").rows() == [(6, "value-not-number")]


@pytest.mark.parametrize("kind", ["1", "1.0", "2", "4", "stop"])
def test_a_place_where_trips_call_is_a_stop_whatever_the_feed_calls_it(samyan, kind):
    """As of a feed that has its stations in the place of their platforms: the departures are real."""
    places = f"stop_id,stop_name,stop_lat,stop_lon,location_type\n1,ก,13.733,100.529,{kind}\n2,ข,13.733,100.530,0\n"
    result, plain = (
        read(FEED | {"stops.txt": text}, samyan) for text in (places, places.replace(f",{kind}\n", ",0\n"))
    )
    assert plain.problems.is_empty() and kept(TRANSIT_SERVICE, result).equals(kept(TRANSIT_SERVICE, plain))
    assert kept(TRANSIT_SERVICE, result).height
    assert kept(TRANSIT_STOPS, result)["stop_id"].to_list() == ["1", "2"]
    assert result.problems.select("row", "code").rows() == [(2, "value-contradicts")]


def test_a_feed_is_expired_when_its_calendars_are_whatever_it_says_of_itself(samyan):
    result = read(FEED | {"calendar.txt": FEED["calendar.txt"].replace("20261231", "20260630")}, samyan)
    assert result.problems["code"].to_list() == ["feed-expired"]
    assert kept(TRANSIT_STOPS, result)["feed_end_date"].unique().to_list() == [date(2026, 6, 30)]
    days = kept(TRANSIT_SERVICE, result)["service_date"]
    assert days.min() >= date(2026, 6, 24), "the last valid week is counted"
    assert days.max() <= date(2026, 6, 30)


# Service

CALENDAR = FEED["calendar.txt"].splitlines()[0] + "\n"
CALLS = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"


def timetable(calls, trips="1,d,t1", frequencies="", calendar="d,1,1,1,1,1,1,1,20260101,20261231", dates=""):
    """``FEED`` with this service; stops 1 and 3 lie in reach, 2 does not."""
    return FEED | {
        "trips.txt": f"route_id,service_id,trip_id\n{trips}\n",
        "stop_times.txt": CALLS + calls,
        "frequencies.txt": f"trip_id,start_time,end_time,headway_secs,exact_times\n{frequencies}",
        "calendar.txt": CALENDAR + calendar + "\n",
        "calendar_dates.txt": f"service_id,date,exception_type\n{dates}",
    }


def hours(result, kind="weekday"):
    rows = kept(TRANSIT_SERVICE, result).filter(day_type=kind).sort("hour")
    return dict(rows.select("hour", "departures").iter_rows())


def test_a_headway_starts_until_before_its_end_and_runs_past_midnight(samyan):
    calls = "t1,00:00:00,00:00:00,2,1\nt1,00:30:00,00:30:00,1,2\nt1,00:40:00,00:40:00,2,3\n"
    result = read(timetable(calls, frequencies="t1,23:00:00,25:00:00,1800,0\n"), samyan)
    # Starts 23:00, 23:30, 24:00, 24:30, each at the stop half an hour later.
    assert hours(result) == {23: 1, 24: 2, 25: 1}
    assert not result.problems.height, "offsets from 00:00 are no placeholders"
    exact = read(timetable(calls, frequencies="t1,23:00:00,25:00:00,1800,1\n"), samyan)
    assert hours(exact) == hours(result)


def test_the_last_call_and_calls_without_boarding_are_no_departures(samyan):
    calls = "t1,06:00:00,06:00:00,2,1\nt1,06:10:00,06:10:00,1,2\nt1,06:20:00,06:20:00,3,3\n"
    assert hours(read(timetable(calls), samyan)) == {6: 1}
    feed = timetable("") | {
        "stop_times.txt": "trip_id,departure_time,stop_id,stop_sequence,pickup_type\n"
        "t1,06:00:00,3,1,1\nt1,06:05:00,1,2,0\nt1,06:10:00,2,3,0\n"
    }
    assert hours(read(feed, samyan)) == {6: 1}


def test_times_between_two_told_ones_are_interpolated(samyan):
    calls = "t1,06:40:00,06:40:00,2,1\nt1,,,1,2\nt1,,,3,3\nt1,07:10:00,07:10:00,2,4\n"
    assert hours(read(timetable(calls), samyan)) == {6: 1, 7: 1}
    result = read(timetable("t1,06:40:00,06:40:00,1,1\nt1,,,3,2\nt1,,,2,3\n"), samyan)
    assert hours(result) == {6: 1}
    assert result.problems["message"].to_list() == ["2 calls have no time that can be told"]


@pytest.mark.parametrize("times", [("00:00:00", "00:02:00", "00:59:59"), ("09:00:00", "09:00:00", "09:00:00")])
def test_placeholder_times_are_no_service_and_said(samyan, times):
    calls = "".join(f"t1,{at},{at},{stop},{n}\n" for n, (at, stop) in enumerate(zip(times, "132", strict=True)))
    result = read(timetable(calls + "t2,00:30:00,00:30:00,1,1\nt2,01:00:00,01:00:00,2,2\n", "1,d,t1\n2,d,t2"), samyan)
    assert hours(result) == {0: 1}
    assert result.problems["code"].to_list() == ["value-missing"]
    assert "1 trips have placeholder times" in result.problems["message"][0]
    assert kept(TRANSIT_ROUTES, result)["serves_city"].to_list() == [True, True]


def test_exceptions_make_a_holiday_which_is_not_the_weekday_that_counts(samyan):
    calls = "t1,06:00:00,06:00:00,1,1\nt1,06:10:00,06:10:00,2,2\n" + "".join(
        f"t2,{at},{at},{stop},{n}\n" for n, (at, stop) in enumerate([("08:00:00", 1), ("09:00:00", 3), ("10:00:00", 2)])
    )
    work, rest = "w,1,1,1,1,1,0,0,20260101,20261231", "r,0,0,0,0,0,1,1,20260101,20261231"
    # Monday and Tuesday run as a weekend does.
    dates = "".join(f"w,202611{day},2\nr,202611{day},1\n" for day in (23, 24))
    feed = timetable(calls, "1,w,t1\n2,r,t2", calendar=f"{work}\n{rest}", dates=dates)
    result = read(feed, samyan)
    assert hours(result) == {6: 1}
    assert hours(result, "saturday") == hours(result, "sunday") == {8: 1, 9: 1}
    assert "weekday of 2026-11-26" in result.evidence
    removed = dates + "".join(f"r,202611{day},2\n" for day in (28, 29))
    gone = read(feed | {"calendar_dates.txt": f"service_id,date,exception_type\n{removed}"}, samyan)
    assert hours(gone, "saturday") == {8: 1, 9: 1} and "saturday of 2026-12-05" in gone.evidence


@pytest.mark.parametrize(("off", "counted"), [((24, 25, 26), "11-27"), ((23, 24, 25, 26, 27), "12-02")])
def test_a_week_of_holidays_leaves_the_weekday_its_service(samyan, off, counted):
    calls = "t1,06:00:00,06:00:00,1,1\nt1,06:10:00,06:10:00,2,2\n"
    calendar = "w,1,1,1,1,1,0,0,20260101,20261231"
    feed = timetable(calls, "1,w,t1", calendar=calendar, dates="".join(f"w,202611{day},2\n" for day in off))
    result = read(feed, samyan)
    assert hours(result) == {6: 1}
    assert f"weekday of 2026-{counted}" in result.evidence


def test_a_timetable_is_valid_as_long_as_its_services(samyan):
    calls = "".join(f"t{n},0{n}:00:00,0{n}:00:00,1,1\nt{n},0{n}:10:00,0{n}:10:00,2,2\n" for n in (1, 2, 3))
    calendar = "w,1,1,1,1,1,0,0,20260101,20261130\nr,0,0,0,0,0,1,1,20260101,20261231\nn,1,1,1,1,1,0,0,20261201,20271231"
    dates = "w,20261204,1\n"
    result = read(timetable(calls, "1,w,t1\n2,r,t2\n2,n,t3", calendar=calendar, dates=dates), samyan)
    ends = kept(TRANSIT_SERVICE, result).select("day_type", "feed_end_date").unique().sort("day_type").rows()
    year = date(2026, 12, 31)
    assert ends == [("saturday", year), ("sunday", year), ("weekday", date(2026, 12, 4))]


def test_a_calendar_of_dates_alone_is_a_calendar(samyan):
    feed = timetable("t1,06:00:00,06:00:00,1,1\nt1,06:10:00,06:10:00,2,2\n")
    del feed["calendar.txt"]
    result = read(feed | {"calendar_dates.txt": "service_id,date,exception_type\nd,20261128,1\n"}, samyan)
    assert (hours(result), hours(result, "saturday")) == ({}, {6: 1})
    del feed["calendar_dates.txt"]
    result = read(feed, samyan)
    assert result.problems.select("code", "message").rows() == [
        ("column-missing", "departures cannot be told: the feed has no calendar.txt or calendar_dates.txt")
    ]


def test_bad_times_and_windows_are_refused_by_line_and_named(samyan):
    calls = "t1,06:00:00,06:00:00,1,1\nt1,six,six,3,2\nt1,06:61:00,06:61:00,3,3\nt1,07:00:00,07:00:00,2,4\n"
    windows = "t1,06:00:00,05:00:00,600,0\nt1,06:00:00,07:00:00,0,0\nt1,08:00:00,09:00:00,1200,0\n"
    result = read(timetable(calls, frequencies=windows), samyan)
    assert hours(result) == {8: 3}
    assert result.problems.select("row", "code").rows() == [
        (2, "row-malformed"),
        (3, "row-malformed"),
        (3, "stamp-bad"),
        (4, "stamp-bad"),
    ]


SHUTTLE = "t1,06:00:00,06:00:00,1,1\nt1,06:10:00,06:10:00,2,2\n"


@pytest.mark.parametrize(
    "change",
    [
        {"feed_info.txt": "feed_publisher_name\nx\n"},
        {"feed_info.txt": ""},
        {"frequencies.txt": ""},
        {"calendar_dates.txt": " \n"},
        {"frequencies.txt": "trip,start\n1,2\n"},
        {"stops.txt": FEED["stops.txt"].replace("\n", ",,,\n").replace(",,,\n", "\n", 1)},
        {"stops.txt": FEED["stops.txt"].replace(",", ", ")},
    ],
)
def test_trifles_in_a_member_never_lose_the_feed(samyan, change):
    right = read(timetable(SHUTTLE), samyan)
    result = read(timetable(SHUTTLE) | change, samyan)
    assert hours(result) == hours(right) == {6: 1}
    assert kept(TRANSIT_STOPS, result)["stop_id"].to_list() == kept(TRANSIT_STOPS, right)["stop_id"].to_list()


def test_a_feed_in_a_folder_with_dates_in_iso_is_read(samyan):
    feed = timetable(SHUTTLE)
    feed["calendar.txt"] = re.sub(r"(2026)(\d\d)(\d\d)", r"\1-\2-\3", feed["calendar.txt"])
    assert hours(read({f"namtang/gtfs/{name}": content for name, content in feed.items()}, samyan)) == {6: 1}


def test_a_call_or_window_that_comes_twice_counts_once_and_is_said(samyan):
    again = read(timetable(SHUTTLE + SHUTTLE.splitlines(keepends=True)[0]), samyan)
    assert hours(again) == {6: 1} and again.problems["code"].to_list() == ["duplicate-rows"]
    once = "t1,06:00:00,08:00:00,600,0\n"
    for windows in (once * 2, once + "t1,06:30:00,08:00:00,600,1\n", once + "t1,07:00:00,07:30:00,300,0\n"):
        result = read(timetable(SHUTTLE, frequencies=windows), samyan)
        assert hours(result) == {6: 6, 7: 6} and result.problems["code"].to_list() == ["duplicate-rows"]
    longer = read(timetable(SHUTTLE, frequencies=once + "t1,07:30:00,09:00:00,600,0\n"), samyan)
    assert hours(longer) == {6: 6, 7: 6, 8: 6}


@pytest.mark.parametrize(
    ("member", "row", "name"),
    [
        ("stop_times.txt", "t9,06:00:00,06:00:00,1,1\n", "trip_id"),
        ("stop_times.txt", "t1,06:20:00,06:20:00,99,3\n", "stop_id"),
        ("trips.txt", "1,zz,t2\n", "service_id"),
        ("trips.txt", "99,d,t2\n", "route_id"),
        ("frequencies.txt", "t9,06:00:00,07:00:00,600,0\n", "trip_id"),
    ],
)
def test_what_refers_to_nothing_is_counted_and_named(samyan, member, row, name):
    feed = timetable(SHUTTLE, frequencies="t1,06:00:00,07:00:00,3600,0\n")
    result = read(feed | {member: feed[member] + ("" if feed[member].endswith("\n") else "\n") + row}, samyan)
    [(code, message)] = result.problems.select("code", "message").rows()
    assert code == "reference-unknown" and f"1 rows of {member} have a {name}" in message


def test_weekends_whose_calendars_ended_are_of_their_last_week_and_said(samyan):
    work, rest = "w,1,1,1,1,1,0,0,20260101,20271231", "r,0,0,0,0,0,1,1,20260101,20260901"
    calls = SHUTTLE + SHUTTLE.replace("t1", "t2").replace("06:", "08:")
    result = read(timetable(calls, "1,w,t1\n2,r,t2", calendar=f"{work}\n{rest}"), samyan)
    assert (hours(result), hours(result, "saturday"), hours(result, "sunday")) == ({6: 1}, {8: 1}, {8: 1})
    table = result.tables["transit_service"]
    assert table.filter(day_type="saturday")["service_date"].unique().to_list() == [date(2026, 8, 29)]
    assert result.problems["code"].to_list() == ["feed-expired"] * 2


def test_a_night_shuttle_and_two_stops_in_one_minute_are_service(samyan):
    night = "t1,00:05:00,00:05:00,1,1\nt1,00:40:00,00:40:00,2,2\n"
    assert hours(read(timetable(night), samyan)) == {0: 1}
    assert hours(read(timetable("t1,08:00:00,08:00:00,1,1\nt1,08:00:00,08:00:00,2,2\n"), samyan)) == {8: 1}


def test_a_pattern_whose_windows_are_refused_has_no_time_of_its_own(samyan):
    result = read(timetable(SHUTTLE, frequencies="t1,05:00:00,00:00:00,600,0\n"), samyan)
    assert hours(result) == {} and result.problems["code"].to_list() == ["row-malformed"]


def counted(trips, runs, calls, days, services):
    """Departures by kind and hour, one start and one call after the other."""
    daily = {}
    for day in days:
        found = defaultdict(int)
        for trip, service in trips.items():
            if day not in services[service]:
                continue
            begin = calls[trip][0][1]
            starts = [begin]
            if trip in runs:
                starts = [at for first, last, headway in runs[trip] for at in range(first, last, headway)]
            for start in starts:
                for stop, at in calls[trip][:-1]:
                    if stop in ("1", "3"):
                        found[(start + at - begin) // 3600] += 1
        daily[day] = dict(found)
    by_total = sorted((day for day in days if day.weekday() < 5), key=lambda day: (sum(daily[day].values()), day))
    chosen = {"weekday": by_total[2], "saturday": days[5], "sunday": days[6]}
    return {kind: daily[day] for kind, day in chosen.items()}


def clock(seconds):
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


@given(data=st.data())
def test_departures_are_those_that_plain_counting_finds(data):
    samyan = City.model_construct(slug="samyan", province_th="กรุงเทพมหานคร", lat=13.733, lon=100.529)
    monday = DAY
    days = [monday + timedelta(days=n) for n in range(7)]
    services = {name: {day for day in days if data.draw(st.booleans())} for name in "wr"}
    trips = {f"t{n}": data.draw(st.sampled_from("wr")) for n in range(4)}
    calls, runs = {}, {}
    for trip in trips:
        at = data.draw(st.integers(3600, 26 * 3600))
        calls[trip] = []
        for stop in data.draw(st.lists(st.sampled_from("123"), min_size=2, max_size=5)):
            calls[trip].append((stop, at))
            at += data.draw(st.integers(1, 2400))
        if data.draw(st.booleans()):
            first = data.draw(st.integers(0, 22 * 3600))
            length, headway = data.draw(st.integers(1, 4 * 3600)), data.draw(st.integers(91, 5000))
            runs[trip] = [(first, first + length, headway), (first + length, first + length + 60, 60)]
    rows = [
        f"{trip},{clock(at)},{clock(at)},{stop},{n}\n" for trip in calls for n, (stop, at) in enumerate(calls[trip])
    ]
    feed = timetable(
        "".join(data.draw(st.permutations(rows))),
        "\n".join(f"1,{service},{trip}" for trip, service in trips.items()),
        "".join(f"{trip},{clock(a)},{clock(b)},{h},0\n" for trip in runs for a, b, h in runs[trip]),
        calendar="w,0,0,0,0,0,0,0,20260101,20271231",
        dates="".join(f"{name},{day:%Y%m%d},1\n" for name in services for day in sorted(services[name])),
    )
    result = read(feed, samyan)
    want = counted(trips, runs, calls, days, services)
    assert {kind: hours(result, kind) for kind in want} == want


ODD = ("", "x", "-1", "1e308", "nan", "99:59:59", "99999999", "๙" * 9, '"', "\x00", ";;;")


@given(data=st.data())
def test_any_cell_of_a_feed_may_be_anything(data):
    samyan = City.model_construct(slug="samyan", province_th="กรุงเทพมหานคร", lat=13.733, lon=100.529)
    whole = timetable(
        "t1,00:00:00,00:00:00,1,1\nt1,00:10:00,00:10:00,3,2\n",
        frequencies="t1,06:00:00,07:00:00,600,0\n",
        dates="d,20261126,2\n",
    )
    name = data.draw(st.sampled_from(sorted(whole)))
    lines = whole[name].splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    cells = lines[at].split(",")
    cells[data.draw(st.integers(0, len(cells) - 1))] = data.draw(st.sampled_from(ODD))
    result = read(whole | {name: "\n".join([*lines[:at], ",".join(cells), *lines[at + 1 :]])}, samyan)
    assert result.tables or result.problems.height
    for table in (TRANSIT_STOPS, TRANSIT_ROUTES, TRANSIT_SERVICE):
        if table.name in result.tables:
            table.conform(result.tables[table.name].with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY)))


def test_a_calendar_that_ends_on_the_29_of_february_ends_there_in_leap_years_alone(samyan):
    def feed(end: str) -> dict[str, str]:
        calendar = FEED["calendar.txt"].replace("20260101,20261231", f"25670101,{end}")
        return {name: text for name, text in FEED.items() if name != "feed_info.txt"} | {"calendar.txt": calendar}

    def read_on(day: date, members: dict[str, str]):
        return GTFS_NAMTANG.read(zipped(members), Context(samyan, day, "namtang-gtfs.zip", {}))

    leap = kept(TRANSIT_SERVICE, read_on(date(2024, 2, 28), feed("25670229")))
    assert set(leap["feed_end_date"]) == {date(2024, 2, 29)} and leap["departures"].sum() == 3
    result = read_on(date(2024, 2, 28), feed("25680229"))
    said = dict(result.problems.select("code", "message").iter_rows())
    assert "feed-expired" not in said, "nobody said that it ended on the day it began"
    assert "usable calendar.txt" in said["column-missing"] and said["stamp-bad"] == "a day of calendar.txt"
