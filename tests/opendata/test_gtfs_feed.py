"""The Namtang feed: what a city takes of it."""

import csv
import io
import math
import zipfile
from datetime import date

import polars as pl
import pytest

from assets.mobility import gtfs
from assets.mobility.gtfs import GTFS_NAMTANG
from assets.sources import Context
from quality.tables import TRANSIT_ROUTES, TRANSIT_STOPS

DAY = date(2026, 11, 23)
STOPS = "stop_id,stop_name,stop_lat,stop_lon\n"
ROUTES = "route_id,agency_id,route_short_name,route_long_name,route_type\n"
FEED = {
    "agency.txt": "agency_id,agency_name\nA,ก\n",
    "stops.txt": STOPS + '1,"ใกล้;Near",13.734,100.529\n2,"ไกล;Far",14.7,100.5\n3,ไทยล้วน,13.733,100.530\n',
    "routes.txt": ROUTES + '1,A,Red,"สายแดง;Red line",3\n2,A,21,"สาย 21;Line 21",3\n',
    "trips.txt": "route_id,trip_id\n1,t1\n2,t2\n",
    "stop_times.txt": "trip_id,stop_id\nt1,1\nt1,2\nt2,2\n",
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


def kept(table, result):
    good, bad = table.conform(result.tables[table.name].with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY)))
    assert not bad.height
    return good


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
    assert kept(TRANSIT_STOPS, result)["reference_date"].unique().to_list() == [DAY]
    start = FEED | {"feed_info.txt": "feed_start_date,feed_version\n20260101,v7\n"}
    start["calendar.txt"] = "service_id,start_date,end_date\n1,20260101,20260630\n2,20260101,20260930\n"
    result = read(start, samyan)
    assert kept(TRANSIT_STOPS, result)["reference_date"].unique().to_list() == [date(2026, 1, 1)]
    assert kept(TRANSIT_STOPS, result)["feed_end_date"].unique().to_list() == [date(2026, 9, 30)]
    assert result.problems["code"].to_list() == ["feed-expired"]


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
        (FEED | {"stops.txt": b"stop_id,stop_name\n\xff\xfe,\x81\n"}, "file-malformed"),
        (FEED | {"trips.txt": "a,b\n1,2,3\n"}, "file-malformed"),
    ],
)
def test_a_feed_that_cannot_be_used_is_rejected(samyan, members, code):
    result = read(members, samyan)
    assert (result.problems["code"].to_list(), dict(result.tables)) == ([code], {})


def test_a_member_beyond_the_limit_is_rejected(samyan, monkeypatch):
    monkeypatch.setattr(gtfs, "MAX_MEMBER_BYTES", 1000)
    assert read(FEED | {"shapes.txt": "x" * 5000}, samyan).problems.height == 0  # not unpacked
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
    assert result.problems["code"].to_list() == ["feed-expired"]
    assert stops["reference_date"].unique().to_list() == [date(2023, 4, 22)]
