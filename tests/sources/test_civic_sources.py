"""Citizens' reports, facilities and registered population: real answers where there are any, made-up ones elsewhere."""

import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

import polars as pl
import pytest
from hypothesis import given, strategies as st

from assets.cities.registry import City, load_registry
from assets.indicators.inhabitants import own_area, registered
from assets.indicators.tables import Tables
from assets.lake import citizen_reports
from assets.sources import dopa, osm, traffy
from assets.sources.source import Context, ReadResult
from quality.tables import CITIZEN_REPORTS, FACILITIES, POPULATION, TABLES, TICKETS
from tests.kit import code_counts

DAY = date(2026, 11, 23)
CITIES = load_registry()


def context(city: City, name: str = "x", **options: object) -> Context:
    return Context(city, DAY, name, options)


def kept(result: ReadResult, table: str) -> pl.DataFrame:
    """The rows of a table; one that breaks its contract is an error."""
    frame = result.tables[table].with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY))
    batch = TABLES[table].conform(frame)
    good, bad = batch.rows, batch.found
    assert bad.is_empty(), bad
    return good


# Traffy Fondue


def ticket(number: str = "2026-AAAAAA", code: str = "start", **properties: object) -> dict:
    fields = {
        "ticket_id": number,
        "type": "ถนน,น้ำท่วม",
        "description": "โทร 081-234-5678 คุณสมชาย",
        "address": "99/9 ซอยสวนพลู กรุงเทพมหานคร",
        "org": ["นายสมชาย ใจดี"],
        "photo_url": "https://example.org/a.jpg",
        "subdistrict": "แขวงวังใหม่",
        "district": "เขตปทุมวัน",
        "province": "กรุงเทพฯ",
        "state": "รอรับเรื่อง",
        "state_type_latest": code,
        "timestamp": "2026-11-22 00:30:00",
        "timestamp_finished": None,
        "count_reopen": 0,
    }
    point = {"type": "Point", "coordinates": [100.5295, 13.7333]}
    return {"type": "Feature", "geometry": point, "properties": fields | properties}


def page(*features: dict, **envelope: object) -> bytes:
    content = {"type": "FeatureCollection", "total": 0, "sum_state": [], "features": list(features)}
    return json.dumps(content | envelope, ensure_ascii=False).encode()


def test_the_real_reports_of_the_open_feed(real_data: Path) -> None:
    data = (real_data / "open_data/traffy/geojson_v1_excerpt_2026-09-26.json").read_bytes()
    result = traffy.TRAFFY_GEOJSON.read(data, context(CITIES["samyan"], within_km=60))
    rows = kept(result, "tickets").sort("_row")
    assert rows.select("ticket", "tambon", "amphoe", "province", "state", "local_date").rows() == [
        ("2022-8ZMDHK", "สะพานสูง", "สะพานสูง", "กรุงเทพมหานคร", "other", date(2022, 3, 2)),
        ("2022-6R9GPP", "รามอินทรา", "คันนายาว", "กรุงเทพมหานคร", "in_progress", date(2022, 5, 29)),
        ("2026-99779A", "ดอกไม้", "ประเวศ", "กรุงเทพมหานคร", "new", date(2026, 9, 26)),
        ("2026-W3EFGN", "วงศ์สว่าง", "บางซื่อ", "กรุงเทพมหานคร", "in_progress", date(2026, 9, 26)),
    ]
    # 00:00:21 on 2 March in Bangkok is 1 March in UTC.
    assert rows["reported"][0] == datetime(2022, 3, 1, 17, 0, 21, tzinfo=UTC)
    assert rows["kinds"][0] == "ถนน,ภัยทางถนน,ผิดกฎจราจร"


def test_nothing_personal_of_the_real_reports_leaves_landing(real_data: Path) -> None:
    data = (real_data / "open_data/traffy/geojson_v1_excerpt_2026-09-26.json").read_bytes()
    result = traffy.TRAFFY_GEOJSON.read(data, context(CITIES["samyan"], within_km=60))
    told = kept(result, "tickets").drop("_receipt").write_json() + result.problems.write_json() + result.evidence
    for feature in json.loads(data)["features"]:
        fields = feature["properties"]
        free = [fields["description"], fields["address"], fields["photo_url"], fields.get("note"), *fields["org"]]
        # Districts and the city are organisations too: what counts is what is no area.
        areas = {fields["subdistrict"], fields["district"], fields["province"]}
        for text in free:
            assert not text or text in areas or len(text) < 5 or text not in told
    assert "116/1" not in told and "รามอินทรา 50" not in told


def test_the_real_download_of_the_exchange_api(real_data: Path) -> None:
    data = (real_data / "open_data/traffy/exchange_get-issues_v2_excerpt.json").read_bytes()
    result = traffy.TRAFFY_EXCHANGE.read(data, context(CITIES["samyan"], within_km=100))
    [row] = kept(result, "tickets").to_dicts()
    assert (row["ticket"], row["state"], row["state_raw"], row["amphoe"]) == (
        "2026-B9WGC7",
        "new",
        "ส่งต่อ(ใหม่)",
        "คลองหลวง",
    )
    assert row["reported"] == datetime(2026, 8, 20, 15, 25, 37, 433959, tzinfo=UTC)
    # One record of 4,367 is an excerpt, and is said to be one.
    assert result.problems.select("code", "message").rows() == [("window-short", "1 of 4367 reports")]


def test_the_csv_download_says_the_same_as_the_json() -> None:
    header = "ticket_id,type,description,latitude,longitude,subdistrict,district,province,timestamp"
    header += ",timestamp_finished,status,count_reopen"
    line = '2026-B9WGC7,ทางเท้า,"โทร 081-234-5678, ด่วน",13.7333,100.5295,วังใหม่,ปทุมวัน,กรุงเทพมหานคร'
    line += ",2026-08-20 22:25:37.433959,,เสร็จสิ้น,0"
    data = ("\ufeff" + header + "\n" + line + "\n").encode()
    [row] = kept(traffy.TRAFFY_EXCHANGE.read(data, context(CITIES["samyan"])), "tickets").to_dicts()
    assert row["reported"] == datetime(2026, 8, 20, 15, 25, 37, 433959, tzinfo=UTC)
    assert (row["state"], row["finished"], row["tambon"]) == ("finished", None, "วังใหม่")


def test_bangkoks_own_download_is_read_with_its_zone() -> None:
    header = "ticket_id,type,organization,comment,photo,photo_after,coords,address,subdistrict,district,province"
    header += ",timestamp,state,star,count_reopen,last_activity"
    line = '2026-B9WGC7,{ทางเท้า},เขต,โทร 081-234-5678,,,"100.5295,13.7333",1/2,วังใหม่,ปทุมวัน,กรุงเทพมหานคร'
    line += ",2026-08-20 20:25:37.433959+00,เสร็จสิ้น,,,2026-09-15 04:21:09.453003+00"
    result = traffy.TRAFFY_EXCHANGE.read((header + "\n" + line + "\n").encode(), context(CITIES["samyan"]))
    [row] = kept(result, "tickets").to_dicts()
    assert row["reported"] == datetime(2026, 8, 20, 20, 25, 37, 433959, tzinfo=UTC)
    assert (row["local_date"], row["kinds"], row["state"]) == (date(2026, 8, 21), "ทางเท้า", "finished")
    assert "081" not in str(row)


def test_areas_lose_their_prefix_and_bangkok_is_written_in_full() -> None:
    [row] = kept(traffy.TRAFFY_GEOJSON.read(page(ticket()), context(CITIES["samyan"])), "tickets").to_dicts()
    assert (row["tambon"], row["amphoe"], row["province"]) == ("วังใหม่", "ปทุมวัน", "กรุงเทพมหานคร")


def test_a_city_takes_its_own_reports_by_reach_or_by_province() -> None:
    far = ticket("2026-FAR")
    far["geometry"]["coordinates"] = [98.39, 7.88]
    far["properties"]["province"] = "จังหวัดภูเก็ต"
    data = page(ticket(), far)
    assert kept(traffy.TRAFFY_GEOJSON.read(data, context(CITIES["samyan"])), "tickets")["ticket"].to_list() == [
        "2026-AAAAAA"
    ]
    # Phuket's scope is its province; a report without a point counts there too.
    del far["geometry"]
    assert kept(traffy.TRAFFY_GEOJSON.read(page(ticket(), far), context(CITIES["phuket"])), "tickets")[
        "ticket"
    ].to_list() == ["2026-FAR"]


def test_an_unknown_state_is_other_and_said_and_a_bad_stamp_is_refused() -> None:
    odd = ticket("2026-ODD", "escalated", state="ยกระดับ")
    broken = ticket("2026-BAD", timestamp="22/11/2569")
    result = traffy.TRAFFY_GEOJSON.read(page(odd, broken), context(CITIES["samyan"]))
    assert kept(result, "tickets").select("ticket", "state", "state_raw").rows() == [("2026-ODD", "other", "ยกระดับ")]
    assert code_counts(result) == {"state-other": 1, "stamp-bad": 1}


@pytest.mark.parametrize(
    ("stamp", "hour"),
    [
        ("2026-11-22 00:30:00", 17),
        ("2026-11-22T00:30:00", 17),
        ("2026-11-21T17:30:00Z", 17),
        ("2026-11-21T17:30:00.123Z", 17),
        ("2026-11-22T00:30:00+07:00", 17),
        ("2026-11-21 17:30:00+00", 17),
    ],
)
def test_a_moment_is_of_the_zone_that_it_tells(stamp: str, hour: int) -> None:
    result = traffy.TRAFFY_GEOJSON.read(page(ticket(timestamp=stamp)), context(CITIES["samyan"]))
    [row] = kept(result, "tickets").to_dicts()
    assert (row["reported"].astimezone(UTC).day, row["reported"].astimezone(UTC).hour) == (21, hour)
    assert not result.problems.height


def test_a_full_page_is_not_short_and_the_last_one_that_is_asked_for_is() -> None:
    """A full page with a broken report is full; behind the last page there may be more."""
    days = [f"2026-11-{16 + n * 7 // traffy.PAGE} 10:00:00" for n in range(traffy.PAGE)]
    full = [ticket(f"2026-{n}", timestamp=day) for n, day in enumerate(days)]
    broken = [*full[1:], {"type": "Feature", "properties": None}]
    for offset, reports, codes in (
        (0, full, {}),
        (0, broken, {"row-malformed": 1}),
        ((traffy.MAX_PAGES - 1) * traffy.PAGE, full, {"window-short": 1}),
        ((traffy.MAX_PAGES - 1) * traffy.PAGE, full[1:], {}),
        (traffy.PAGE, full[: traffy.PAGE // 2], {"window-short": 1}),
    ):
        name = f"reports/2026-11-16..2026-11-22/{offset}"
        assert code_counts(traffy.TRAFFY_GEOJSON.read(page(*reports), context(CITIES["samyan"], name))) == codes


def test_a_report_that_was_reopened_is_not_finished() -> None:
    again = ticket("2026-AGN", "inprogress", timestamp_finished="2026-11-22 09:00:00", count_reopen=1)
    [row] = kept(traffy.TRAFFY_GEOJSON.read(page(again), context(CITIES["samyan"])), "tickets").to_dicts()
    assert (row["state"], row["finished"], row["reopened"]) == ("in_progress", None, 1)


def test_pages_are_asked_for_until_one_is_short_whatever_the_total_says() -> None:
    asked = traffy.TRAFFY_GEOJSON.requests(CITIES["samyan"], DAY, "http://p", {})
    first = next(asked)
    assert (first.params["start"], first.params["end"]) == ("2026-11-16", "2026-11-22")
    second = asked.send(page(*[ticket(f"2026-{n}") for n in range(traffy.PAGE)]))
    assert (first.params["offset"], second.params["offset"]) == ("0", f"{traffy.PAGE}")
    with pytest.raises(StopIteration):
        asked.send(page(ticket()))
    assert first.check is not None and second.check is not None
    # No report in the whole country in a week is no answer; an empty later page is the end.
    assert first.check(page()) and not second.check(page())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["วังใหม่", "รองเมือง"]),
            st.sampled_from(["ถนน", "ถนน,น้ำท่วม", "ทางเท้า", "แสงสว่าง", "all", None]),
            st.sampled_from(["start", "finish", "inprogress"]),
            st.integers(1, 72),
        ),
        max_size=60,
    )
)
def test_counts_equal_a_plain_count(made: list[tuple[str, str | None, str, int]]) -> None:
    features = [
        ticket(
            f"2026-{number:06d}",
            state,
            subdistrict=tambon,
            type=kinds,
            timestamp="2026-11-20 00:00:00",
            timestamp_finished=f"2026-11-{20 + hours // 24} {hours % 24:02d}:00:00" if state == "finish" else None,
        )
        for number, (tambon, kinds, state, hours) in enumerate(made)
    ]
    tickets = kept(traffy.TRAFFY_GEOJSON.read(page(*features), context(CITIES["samyan"])), "tickets")
    counted = citizen_reports.count(tickets, date(2026, 11, 30))
    assert dict(counted.schema) == dict(CITIZEN_REPORTS.schema)
    if len(made) < 5:
        assert counted.is_empty()
        return
    waits = [hours for _, _, state, hours in made if state == "finish"]
    [whole] = counted.filter(kind="all").to_dicts()
    assert whole["reports"] == len(made) // 5 * 5
    told = 5 <= len(waits) <= len(made) - 5
    assert whole["finished"] == (len(waits) // 5 * 5 if told else None)
    assert whole["median_days_to_finish"] == (round(median(waits) / 24) if len(waits) >= 10 else None)
    kinds = Counter((kinds or "").split(",")[0].replace("all", "") for _, kinds, _, _ in made)
    shown = {row["kind"]: row["reports"] for row in counted.filter(pl.col("kind") != "all").to_dicts()}
    rest = len(made) - sum(kinds[kind] for kind in shown if kind != "other")
    assert shown.pop("other", 0) == rest // 5 * 5
    assert rest == 0 or rest >= 5
    assert shown == {kind: kinds[kind] // 5 * 5 for kind in shown}
    assert all(kinds[kind] >= 5 for kind in shown)


def test_no_ticket_is_ever_published() -> None:
    assert not TICKETS.published
    assert not {"ticket", "reported", "kinds"} & set(CITIZEN_REPORTS.schema)


# OpenStreetMap


def test_the_real_extract_of_phuket(real_data: Path) -> None:
    data = (real_data / "open_data/osm_thai/phuket-poi.geojson").read_bytes()
    rows = kept(osm.OSM_FACILITIES.read(data, context(CITIES["phuket"], within_km=60)), "facilities")
    assert dict(rows["kind"].value_counts().iter_rows()) == {
        "school": 91,
        "police": 42,
        "clinic": 30,
        "hospital": 19,
        "fire_station": 10,
        "college": 5,
        "university": 3,
    }
    station = rows.filter(facility_id="node/571502630").to_dicts()[0]
    assert (station["name_th"], station["name_en"]) == ("สถานีตำรวจภูธรฉลอง", None)
    english = rows.filter(facility_id="node/663317859").to_dicts()[0]
    assert (english["name_th"], english["name_en"]) == (None, "Police Station Patong")
    near = kept(osm.OSM_FACILITIES.read(data, context(CITIES["phuket"], within_km=5)), "facilities")
    assert 0 < near.height < rows.height and near["distance_km"].max() <= 5


def test_overpass_says_the_same_as_geojson_and_no_phone_is_taken() -> None:
    tags = {"amenity": "school", "name": "โรงเรียนจำลอง", "name:en": "Made-up School", "phone": "076-111-222"}
    way = {"type": "way", "id": 7, "center": {"lat": 7.88, "lon": 98.39}, "tags": tags}
    node = {"type": "node", "id": 8, "lat": 7.88, "lon": 98.39, "tags": {"highway": "bus_stop"}}
    overpass = {"osm3s": {"timestamp_osm_base": "2026-11-01T04:05:06Z"}, "elements": [way, node]}
    result = osm.OSM_FACILITIES.read(json.dumps(overpass).encode(), context(CITIES["phuket"]))
    [row] = kept(result, "facilities").to_dicts()
    assert (row["facility_id"], row["kind"], row["name_en"]) == ("way/7", "school", "Made-up School")
    assert row["reference_date"] == date(2026, 11, 1)
    assert code_counts(result) == {"row-filtered": 1} and "076" not in str(row)
    feature = {
        "type": "Feature",
        "properties": tags | {"id": "way/7"},
        "geometry": {"type": "Point", "coordinates": [98.39, 7.88]},
    }
    other = osm.OSM_FACILITIES.read(
        json.dumps({"type": "FeatureCollection", "features": [feature]}).encode(), context(CITIES["phuket"])
    )
    same = ["facility_id", "kind", "name_th", "name_en", "lat", "lon", "distance_km"]
    assert kept(other, "facilities").select(same).to_dicts() == [{name: row[name] for name in same}]


def test_an_extract_that_ran_out_of_time_is_no_city_with_fewer_schools() -> None:
    school = {"type": "node", "id": 7, "lat": 7.88, "lon": 98.39, "tags": {"amenity": "school"}}
    stopped = {"elements": [school], "remark": 'runtime error: Query timed out in "query" at line 3 after 26 seconds.'}
    result = osm.OSM_FACILITIES.read(json.dumps(stopped).encode(), context(CITIES["phuket"]))
    assert code_counts(result) == {"format-unknown": 1} and "timed out" in result.problems["message"][0]
    said = osm.OSM_FACILITIES.read(json.dumps(stopped | {"remark": "a note"}).encode(), context(CITIES["phuket"]))
    assert kept(said, "facilities").height == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"{", "format-unknown"), (b'{"type":"Feature"}', "format-unknown"), (b'{"elements":[]}', "answer-empty")],
)
def test_what_is_no_extract_is_refused(data: bytes, code: str) -> None:
    result = osm.OSM_FACILITIES.read(data, context(CITIES["phuket"]))
    assert code_counts(result) == {code: 1} and not result.tables


def test_an_element_without_a_point_is_refused_by_row() -> None:
    features = [{"type": "Feature", "properties": {"id": "way/1", "amenity": "school"}, "geometry": None}]
    result = osm.OSM_FACILITIES.read(
        json.dumps({"type": "FeatureCollection", "features": features}).encode(), context(CITIES["phuket"])
    )
    assert result.problems.select("row", "code").rows() == [(1, "value-null")]
    assert kept(result, "facilities").schema == FACILITIES.schema


# DOPA


def line(office: str, tambon: str, men: str, women: str, total: str, houses: str, **more: str) -> str:
    fields = {
        "month": "6812",
        "province": "83",
        "province_name": "จังหวัดภูเก็ต",
        "office": office,
        "office_name": "อำเภอเมืองภูเก็ต" if office == "8301" else "",
        "tambon": tambon,
        "tambon_name": f"ตำบล {tambon}" if tambon != "0" else "",
        "village": "0",
        "village_name": "",
    } | more
    return "|".join([*fields.values(), men, women, total, houses, ""])


def stat_t(*lines: str) -> bytes:
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


SOUND = (
    line("0", "0", "1,015", "1,126", "2,141", "910"),
    line("8301", "830101", "1,000", "1,100", "2,100", "900"),
    line("8399", "830101", "10", "20", "30", "9"),
    line("8302", "830201", "5", "6", "11", "1"),
)


def persons(result: ReadResult) -> dict[tuple[str, str], int]:
    rows = kept(result, "population")
    return {(row["area_code"], row["sex"]): row["persons"] for row in rows.to_dicts()}


def test_a_tambon_is_the_sum_over_its_offices_and_a_province_over_its_tambons() -> None:
    result = dopa.read(stat_t(*SOUND), context(CITIES["phuket"]))
    assert not result.problems.height
    counted = persons(result)
    assert counted["830101", "total"] == 2130 and counted["830101", "male"] == 1010
    assert counted["8301", "total"] == 2130 and counted["8302", "total"] == 11
    assert counted["83", "total"] == 2141 and counted["83", "female"] == 1126
    # Tambons of another amphoe than the city's are left out.
    assert ("830201", "total") not in counted
    rows = kept(result, "population")
    assert set(rows["reference_date"]) == {date(2025, 12, 31)}
    assert rows.filter(area_code="8301", sex="total").to_dicts()[0]["houses"] == 909
    assert rows.filter(area_code="8301")["area"].unique().to_list() == ["เมืองภูเก็ต"]


def test_totals_that_do_not_add_up_are_told_with_both_numbers() -> None:
    off = (line("0", "0", "1,015", "1,126", "2,150", "910"), *SOUND[1:])
    result = dopa.read(stat_t(*off), context(CITIES["phuket"]))
    assert result.problems["message"].to_list() == [
        "male 1015 and female 1126 are not the total 2150",
        "province: total 2150 but its tambons add up to 2141",
    ]
    assert set(result.problems["code"]) == {"total-mismatch"}


@pytest.mark.parametrize("lines", [SOUND[:1] + SOUND[2:], (*SOUND, line("8303", "830301", "50", "50", "100", "9"))])
def test_a_province_without_a_tambon_is_no_province(lines: tuple[str, ...]) -> None:
    result = dopa.read(stat_t(*lines), context(CITIES["phuket"]))
    assert not result.tables and code_counts(result) == {"file-malformed": 1}
    assert "1,126 persons (female), its tambons" in result.problems["message"][0]


@pytest.mark.parametrize("own", [0, 1])
def test_a_line_that_comes_twice_counts_once_and_one_that_contradicts_it_not_at_all(own: int) -> None:
    """With the province's own total (``own`` 0) and without, which would tell that the sum is off."""
    twice = dopa.read(stat_t(*SOUND[own:], SOUND[1]), context(CITIES["phuket"]))
    assert code_counts(twice) == {"duplicate-rows": 1}
    assert persons(twice)["830101", "total"] == 2130 and persons(twice)["83", "total"] == 2141
    changed = line("8301", "830101", "999", "1,100", "2,099", "900")
    other = dopa.read(stat_t(*SOUND[own:], changed), context(CITIES["phuket"]))
    assert code_counts(other)["key-duplicate"] == 2
    if own:
        assert persons(other)["830101", "total"] == 30
    else:
        assert not other.tables and "file-malformed" in code_counts(other), "30 of 2,130 are no tambon"


def test_two_tambons_of_one_name_are_told_apart_by_code() -> None:
    # เทพราช is a tambon of Chachoengsao (240507) and of Nakhon Si Thammarat (801407).
    both = [
        line(code[:4], code, "1", "1", "2", "1", province=code[:2], tambon_name="ตำบลเทพราช")
        for code in ("240507", "801407")
    ]
    city = CITIES["phuket"].model_copy(update={"dopa_province": "24", "dopa_amphoe": "2405"})
    rows = kept(dopa.read(stat_t(*both), context(city)), "population")
    assert set(rows.filter(area_level="tambon")["area_code"]) == {"240507"}


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (line("8301", "830101", "1,0,0", "1", "2", "1"), "value-not-number"),
        (line("8301", "83010x", "1", "1", "2", "1"), "value-unknown"),
        (line("8301", "830101", "1", "1", "2", "1", month="6813"), "stamp-bad"),
        ("6812|83|only", "row-malformed"),
    ],
)
def test_a_broken_row_is_refused_and_the_others_are_read(broken: str, code: str) -> None:
    result = dopa.read(stat_t(*SOUND, broken), context(CITIES["phuket"]))
    assert result.problems.select("row", "code").rows() == [(5, code)]
    assert persons(result)["83", "total"] == 2141


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file-empty"),
        (b"<html>", "format-unknown"),
        (stat_t(line("0", "0", "1", "1", "2", "1", province="10")), "answer-empty"),
    ],
)
def test_what_is_no_statistic_of_the_province_is_rejected(data: bytes, code: str) -> None:
    result = dopa.read(data, context(CITIES["phuket"]))
    assert code_counts(result) == {code: 1} and not result.tables


@pytest.mark.parametrize(
    ("day", "yy"), [(date(2026, 1, 31), "67"), (date(2026, 2, 1), "68"), (date(2026, 11, 23), "68")]
)
def test_the_year_that_can_be_out_is_asked_for(day: date, yy: str) -> None:
    [request] = dopa.plan(CITIES["phuket"], day, "http://p", {})
    assert request.url == f"http://p/new_stat/file/{yy}/stat_t{yy}.txt"


# Registered population as a denominator


def test_a_citys_own_area_is_told_by_its_scope_and_code() -> None:
    population = kept(dopa.read(stat_t(*SOUND), context(CITIES["phuket"])), "population")
    tables = Tables({POPULATION.name: population})
    found = registered(CITIES["phuket"], DAY, tables)
    assert found is not None and (found.persons, found.level) == (2141, "province")
    town = CITIES["phuket"].model_copy(update={"scope": "municipality"})
    found = registered(town, DAY, tables)
    assert found is not None and (found.persons, found.level, found.area) == (2130, "amphoe", "เมืองภูเก็ต")
    assert registered(town, date(2025, 12, 30), tables) is None
    assert registered(CITIES["korat"], DAY, tables) is None
    assert own_area(CITIES["korat"], population).is_empty()
