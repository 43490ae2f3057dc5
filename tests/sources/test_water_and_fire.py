"""ThaiWater and the hotspots of GISTDA and FIRMS: requests, readers, indicators and the demo's answers.

One excerpt is real; all other answers are synthetic, in the shapes that the interfaces are said to have.
"""

import json
import math
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, strategies as st

from assets.cities.registry import City, load_registry
from assets.indicators.hazards import hazards
from assets.indicators.indicator import collect
from assets.indicators.tables import Tables
from assets.indicators.water import indicators as water_indicators
from assets.sources import hotspots
from assets.sources.hotspots import FIRMS_HOTSPOTS, GISTDA_HOTSPOTS
from assets.sources.source import Context
from assets.sources.thaiwater import THAIWATER_LEVELS, THAIWATER_RAIN
from demo import water
from demo.answers import Query, World, answer
from quality.tables import HOTSPOT_DAYS, HOTSPOTS, RAINFALL, STATION_LISTS, WATER_LEVELS
from tests.kit import messages

DAY = date(2026, 11, 23)
EVERYWHERE = {"within_km": 2000}


def kept(table, result):
    """Rows that keep the contract, and how many do not."""
    batch = table.conform(result.tables[table.name].with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY)))
    good, bad = batch.rows, batch.found
    return good, bad.height


def kilometres(one, other):
    """Distance by the spherical law of cosines, another formula than the product's."""
    (a, b), (c, d) = (map(math.radians, point) for point in (one, other))
    return 6371.0088 * math.acos(math.sin(a) * math.sin(c) + math.cos(a) * math.cos(c) * math.cos(b - d))


# ThaiWater: a real excerpt of five records


def test_every_record_of_the_real_excerpt(real_data, samyan):
    data = (real_data / "open_data/thaiwater/waterlevel_load_excerpt_2026-09-26.json").read_bytes()
    records = json.loads(data)["waterlevel_data"]["data"]
    result = THAIWATER_LEVELS.read(data, Context(samyan, date(2026, 9, 26), "waterlevel_load", EVERYWHERE))
    rows, broken = kept(WATER_LEVELS, result)
    assert (rows.height, broken, result.problems.height) == (5, 0, 0)
    told = [
        (row["station_id"], row["at"], row["level_msl_m"], row["above_bank_m"], row["storage_pct"], row["situation"])
        for row in rows.to_dicts()
    ]
    half_past, noon, eleven = (
        datetime(2026, 9, 26, hour, minute, tzinfo=UTC) for hour, minute in ((5, 30), (5, 0), (4, 0))
    )
    assert told == [
        ("1394808", half_past, 350.44, 2.04, 148.45, 5),
        ("1", half_past, 2.82, 0.62, 124.58, 5),
        ("3441", noon, 225.56, 0.17, 104.86, 5),
        ("2676", eleven, 1.98, 0.48, 104.53, 5),
        ("2599", eleven, 1.33, -0.93, 94.46, 4),
    ]
    assert rows["local_date"].unique().to_list() == [date(2026, 9, 26)]
    for row, record in zip(rows.to_dicts(), records, strict=True):
        station = record["station"]
        assert row["above_bank_m"] == pytest.approx(row["level_msl_m"] - station["min_bank"], abs=0.006)
        place = (station["tele_station_lat"], station["tele_station_long"])
        assert row["distance_km"] == pytest.approx(kilometres(place, (samyan.lat, samyan.lon)), rel=1e-6)
    assert rows["agency"].to_list() == ["FOP", "HII", "EGAT", "RID", "RID"]
    listed, broken = kept(STATION_LISTS, result)
    assert (listed.height, broken) == (5, 0)
    assert listed["network"].unique().to_list() == ["thaiwater"]
    assert listed["name_en"].to_list() == ["Lam Takhong Nam Bridge", "Klong Ladprao Bang Bua Temple", None, None, None]
    assert listed.row(4, named=True) | {
        "station_id": "2599",
        "name_th": "กรมชลประทานสามเสน",
        "lat": 13.78815,
        "lon": 100.509148,
        "area": "ถนนนครไชยศรี, ดุสิต, กรุงเทพมหานคร",
    } == listed.row(4, named=True)


def test_a_city_takes_the_stations_of_the_real_excerpt_in_its_reach(real_data, samyan, phuket):
    data = (real_data / "open_data/thaiwater/waterlevel_load_excerpt_2026-09-26.json").read_bytes()
    for city, options, stations in (
        (samyan, {}, {"1", "2599"}),
        (samyan, {"within_km": 10}, {"2599"}),
        (phuket, {}, set()),
    ):
        result = THAIWATER_LEVELS.read(data, Context(city, date(2026, 9, 26), "waterlevel_load", options))
        assert set(result.tables["water_levels"]["station_id"]) == stations
        assert set(result.tables["station_lists"]["station_id"]) == stations


# ThaiWater: synthetic answers


def reading(identity, stamp="2026-11-23 01:20", lat=7.9, lon=98.4, **values):
    """A synthetic reading of a station near Phuket."""
    banks = {name: values.pop(name) for name in ("min_bank", "ground_level") if name in values}
    return {
        "id": 1_000_000,
        "waterlevel_datetime": stamp,
        "waterlevel_msl": "1.50",
        "diff_wl_bank": "0.50",
        "diff_wl_bank_text": "ต่ำกว่าตลิ่ง (ม.)",
        "storage_percent": "75.00",
        "station": {
            "id": identity,
            "tele_station_name": {"th": "สถานี ทดสอบ "},
            "tele_station_lat": lat,
            "tele_station_long": lon,
            "min_bank": 2.0,
            "ground_level": -1.0,
        }
        | banks,
        "agency": None,
        "geocode": {"province_name": {"th": "ภูเก็ต"}},
    } | values


def levels(city, *readings, day=DAY, **options):
    data = json.dumps({"waterlevel_data": {"result": "OK", "data": list(readings)}}).encode()
    return THAIWATER_LEVELS.read(data, Context(city, day, "waterlevel_load", options))


def test_the_sign_of_the_bank_is_in_the_text(phuket):
    texts = {1: "ล้นตลิ่ง (ม.)", 2: " ต่ำกว่าตลิ่ง (ม.)", 3: "", 4: None, 5: "เท่าตลิ่ง"}
    at = {1: "2.50"}
    result = levels(
        phuket,
        *(
            reading(number, diff_wl_bank_text=text, waterlevel_msl=at.get(number, "1.50"))
            for number, text in texts.items()
        ),
    )
    rows, broken = kept(WATER_LEVELS, result)
    assert (rows["above_bank_m"].to_list(), broken) == ([0.5, -0.5, None, None, None], 0)
    assert "above_bank_m: 3 of 5 stations tell no side of the bank" in messages(result, "value-missing")


@pytest.mark.parametrize(
    ("told", "above", "contradicts"),
    [
        ({"diff_wl_bank": "-0.50"}, -0.5, 0),
        ({"diff_wl_bank": "-0.50", "waterlevel_msl": None}, -0.5, 0),
        ({"diff_wl_bank": "-0.50", "diff_wl_bank_text": "ล้นตลิ่ง (ม.)"}, None, 1),
        ({"diff_wl_bank": "-0.50", "diff_wl_bank_text": "ล้นตลิ่ง (ม.)", "min_bank": None}, None, 1),
        ({"diff_wl_bank_text": "ล้นตลิ่ง (ม.)"}, None, 1),
        ({"waterlevel_msl": "2.50"}, None, 1),
        ({"diff_wl_bank": "0.05", "waterlevel_msl": "2.01"}, -0.05, 0),
        ({"diff_wl_bank": "5.00"}, -5.0, 1),
        ({"diff_wl_bank": "0.54"}, -0.54, 0),
    ],
)
def test_a_distance_is_on_the_side_that_text_sign_and_the_records_own_level_tell(phuket, told, above, contradicts):
    """Level 1.50 m, bank 2.00 m: half a metre below it, near enough for no other rule to see."""
    result = levels(phuket, reading(1, storage_percent="95.00", **told))
    assert result.tables["water_levels"]["above_bank_m"].to_list() == [above]
    assert result.problems.filter(code="value-contradicts").height == contradicts


def test_a_level_just_below_the_bank_is_not_over_it(phuket):
    rows = levels(phuket, reading(1, diff_wl_bank="0.00")).tables["water_levels"]
    assert (rows["above_bank_m"].to_list(), math.copysign(1, rows.item(0, "above_bank_m"))) == ([0.0], 1.0)


def test_banks_that_were_never_surveyed_flood_nothing(phuket):
    over = {"diff_wl_bank": "45.20", "diff_wl_bank_text": "ล้นตลิ่ง (ม.)", "storage_percent": None}
    no_bed = reading(3, ground_level=None, storage_percent=None)
    result = levels(phuket, reading(1, min_bank=0, ground_level=0, **over), reading(2), no_bed)
    rows = result.tables["water_levels"]
    assert rows["above_bank_m"].to_list() == [None, -0.5, -0.5]
    assert "above_bank_m: 1 of 3 stations were never surveyed" in messages(result, "value-missing")


def test_a_situation_may_be_absent_and_missing_marks_are_no_levels(phuket):
    fault = {"waterlevel_msl": "-9.99", "storage_percent": "N/A", "diff_wl_bank": "-"}
    result = levels(
        phuket, reading(1), reading(2, situation_level=5), reading(3, **fault), reading(4, waterlevel_msl="-1")
    )
    rows, broken = kept(WATER_LEVELS, result)
    assert (rows["situation"].to_list(), broken) == ([None, 5, None, None], 0)
    assert rows["level_msl_m"].to_list() == [1.5, 1.5, None, -1.0]
    assert rows.row(2, named=True)["storage_pct"] is None
    assert "level_msl_m: 1 of 4 rows have no value" in messages(result, "value-missing")


def test_the_readings_own_id_is_not_the_stations(phuket):
    first, second = levels(phuket, reading(7, id=1)), levels(phuket, reading(7, id=2))
    assert first.tables["water_levels"].equals(second.tables["water_levels"])


def test_stations_that_stopped_are_said_and_their_old_readings_kept_on_their_day(phuket):
    stopped = (datetime(2026, 11, 23, 1, 20) - timedelta(hours=43)).strftime("%Y-%m-%d %H:%M")
    result = levels(phuket, reading(1), reading(2, stamp=stopped), reading(3, stamp="2026-11-22 06:00"))
    assert messages(result, "station-stale") == ["station 2: newest reading is of 2026-11-21 06:20"]
    assert result.tables["water_levels"]["local_date"].to_list() == [DAY, date(2026, 11, 21), date(2026, 11, 22)]
    # All of them stand still: against the delivery day they are stale all the same.
    assert len(messages(levels(phuket, reading(1), day=DAY + timedelta(3)), "station-stale")) == 1


def test_stamps_are_bangkoks_and_a_clock_that_is_ahead_is_refused(phuket):
    result = levels(
        phuket,
        reading(1, stamp="2026-11-23 01:20"),
        reading(2, stamp="2026-11-24 00:00"),
        reading(3, stamp="23/11/2026"),
        reading(4, stamp=None),
    )
    rows = result.tables["water_levels"]
    assert rows["at"].to_list() == [datetime(2026, 11, 22, 18, 20, tzinfo=UTC)]
    assert rows["local_date"].to_list() == [DAY], "18:20 UTC is the next day in Bangkok"
    assert result.problems.filter(code="stamp-bad")["row"].to_list() == [2, 3, 4]


def test_readings_that_cannot_be_used_are_coded(phuket):
    same = reading(6)
    result = levels(
        phuket,
        reading(1, waterlevel_msl="high"),
        reading(2, lat=0, lon=0),
        reading(3, station=None),
        "not a reading",
        reading(None),
        same,
        same,
        reading(8),
        reading(8, waterlevel_msl="1.55"),
        reading(9, lat=18.0),
    )
    assert set(result.tables["water_levels"]["station_id"]) == {"1", "6"}
    assert result.tables["water_levels"].filter(station_id="1")["level_msl_m"].to_list() == [None]
    by_code = {
        code: result.problems.filter(code=code)["row"].to_list()
        for code in set(result.problems["code"]) - {"value-missing", "column-missing"}
    }
    assert by_code == {
        "value-not-number": [1],
        "value-null": [5],
        "duplicate-rows": [None],
        "key-duplicate": [8, 9],
    }
    assert "3 of 10 readings have no place" in messages(result, "value-missing")


def test_water_levels_are_asked_once_for_the_country(phuket):
    [request] = THAIWATER_LEVELS.plan(phuket, DAY, "http://w", {})
    assert request.url == "http://w/api/v1/thaiwater30/public/waterlevel_load"
    assert THAIWATER_LEVELS.national
    assert request.check(json.dumps({"waterlevel_data": {"data": [reading(1)]}}).encode()) is None
    [request] = THAIWATER_RAIN.plan(phuket, DAY, "http://w", {})
    assert request.url == "http://w/api/v1/thaiwater30/public/rain_24h"


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ({"result": "OK", "data": []}, "answer-empty"),
        ({"result": "OK", "data": None}, "answer-empty"),
        ({"result": "NO", "data": []}, "answer-bad"),
        ({"result": "OK"}, "answer-bad"),
        ({"data": {"a": 1}}, "answer-bad"),
        ([], "answer-bad"),
    ],
)
def test_http_200_without_readings_is_no_success(phuket, block, code):
    for source, answered in ((THAIWATER_LEVELS, {"waterlevel_data": block}), (THAIWATER_RAIN, block)):
        data = json.dumps(answered).encode()
        [request] = source.plan(phuket, DAY, "", {})
        assert request.check(data)
        result = source.read(data, Context(phuket, DAY))
        assert (result.problems["code"].to_list(), dict(result.tables)) == ([code], {})


def gauge(identity, value, stamp="2026-11-23 01:00", lat=7.9):
    """A synthetic rain reading near Phuket."""
    station = {"id": identity, "tele_station_lat": lat, "tele_station_long": 98.4, "tele_station_name": {"th": "ฝน"}}
    return {"id": 5, "rain_24h": value, "rainfall_datetime": stamp, "station": station, "agency": {}, "geocode": {}}


def rain(city, *readings, **options):
    data = json.dumps({"result": "OK", "data": list(readings)}).encode()
    return THAIWATER_RAIN.read(data, Context(city, DAY, "rain_24h", options))


def test_rain_is_the_sum_of_the_24_hours_before_its_stamp(phuket):
    result = rain(phuket, gauge(1, 12.5), gauge(2, 0), gauge(3, None), gauge(4, -9.99), gauge(5, 3, lat=9.5))
    rows, broken = kept(RAINFALL, result)
    assert (rows["rain_mm"].to_list(), broken) == ([12.5, 0.0, None, None], 0)
    assert rows["end"].unique().to_list() == [datetime(2026, 11, 22, 18, 0, tzinfo=UTC)]
    assert rows["hours"].unique().to_list() == [24]
    assert rows["local_date"].unique().to_list() == [date(2026, 11, 22)], "the hours began on the day before"
    assert messages(result, "value-missing") == ["rain_mm: 2 of 4 rows have no value"]
    assert kept(STATION_LISTS, result)[0].height == 4


@given(order=st.permutations(range(6)))
def test_the_order_of_an_answer_changes_nothing(order):
    city = City.model_construct(slug="phuket", lat=7.884, lon=98.392)
    readings = [reading(number % 4, stamp=f"2026-11-22 0{number}:00") for number in range(6)]
    first, other = (levels(city, *several) for several in (readings, [readings[n] for n in order]))
    for name in ("water_levels", "station_lists"):
        one, two = (r.tables[name].drop("_row").sort(pl.all()) for r in (first, other))
        assert one.equals(two)


# Hotspots: synthetic answers in the interfaces' shapes


def spot(lat=7.9, lon=98.4, **properties):
    """A synthetic feature of GISTDA near Phuket, of 29 February 2567 BE."""
    told = {
        "latitude": lat,
        "longitude": lon,
        "acq_date": "2024-02-28",
        "acq_time": "1845",
        "th_date": "29/02/2567",
        "th_time": "0145",
        "satellite": "Suomi NPP",
        "confidence": "nominal",
        "frp": 3.5,
        "bright_ti4": "331.2",
        "lu_name": "พื้นที่เกษตร",
        "village": "บ้านหนึ่ง",
    }
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": told | properties,
    }


def page(*features, **facts):
    return json.dumps({"type": "FeatureCollection", "features": list(features)} | facts).encode()


LEAP = date(2024, 3, 1)


def gistda(city, *features, name="viirs_1day/0", day=LEAP, **options):
    return GISTDA_HOTSPOTS.read(page(*features), Context(city, day, name, options))


def test_a_gistda_hotspot_on_a_buddhist_leap_day(phuket):
    result = gistda(phuket, spot())
    [row] = kept(HOTSPOTS, result)[0].to_dicts()
    assert (
        row
        | {
            "source": "gistda",
            "satellite": "Suomi NPP",
            "at": datetime(2024, 2, 28, 18, 45, tzinfo=UTC),
            "local_date": date(2024, 2, 29),
            "confidence": "nominal",
            "frp_mw": 3.5,
            "brightness_k": 331.2,
            "land_use": "พื้นที่เกษตร",
        }
        == row
    )
    assert row["distance_km"] == pytest.approx(kilometres((7.9, 98.4), (phuket.lat, phuket.lon)), rel=1e-5)
    assert result.problems.height == 0
    assert "บ้านหนึ่ง" not in str(result.tables)
    assert kept(HOTSPOT_DAYS, result)[0].select("source", "local_date").rows() == [("gistda", date(2024, 2, 29))]


@pytest.mark.parametrize(
    ("th_date", "th_time", "agrees"),
    [
        ("29/02/2567", None, True),
        ("29 กุมภาพันธ์ 2567", "01:45", True),
        ("29 ก.พ. ๒๕๖๗", "145", True),
        ("2567-02-29T00:00:00", "0145", True),
        ("2024-02-29", "0145", True),
        (None, None, True),
        ("28/02/2567", None, False),
        ("29/02/2567", "1845", False),
        ("29/02/2568", None, False),
        ("yesterday", None, False),
    ],
)
def test_the_thai_date_must_be_the_utc_moment_in_bangkok(phuket, th_date, th_time, agrees):
    result = gistda(phuket, spot(th_date=th_date, th_time=th_time))
    assert result.tables["hotspots"]["local_date"].to_list() == [date(2024, 2, 29)]
    assert (messages(result, "stamp-contradicts") == []) == agrees


@pytest.mark.parametrize(
    ("clock", "want"),
    [
        ("5", (0, 5)),
        (5, (0, 5)),
        ("45", (0, 45)),
        ("648", (6, 48)),
        ("1845", (18, 45)),
        ("06:48", (6, 48)),
        ("0", (0, 0)),
    ],
)
def test_hours_have_no_leading_zeros(phuket, clock, want):
    result = gistda(phuket, spot(acq_time=clock, acq_date="2024-02-29T00:00:00.000Z", th_date=None, th_time=None))
    assert result.tables["hotspots"]["at"].to_list() == [datetime(2024, 2, 29, *want, tzinfo=UTC)]


def test_hotspots_that_cannot_be_used_are_coded(phuket):
    result = gistda(
        phuket,
        spot(acq_time="2461"),
        spot(acq_date="2024-02-30"),
        spot(frp="hot", lat=7.91),
        spot(lat=None, lon=None),
        spot(lat=18.8),
        spot(satellite=None, lat=7.92),
        spot(confidence="62", lat=7.93),
        spot(confidence="H", lat=7.94),
        spot(lat=7.95),
        spot(lat=7.95),
    )
    rows, broken = kept(HOTSPOTS, result)
    assert (rows["confidence"].to_list(), broken) == (["nominal", None, "high", "nominal"], 1)
    assert rows["frp_mw"].null_count() == 1
    assert result.problems.filter(code="stamp-bad")["row"].to_list() == [1, 2]
    assert result.problems.filter(code="value-not-number")["row"].to_list() == [3]
    assert messages(result, "value-missing") == ["1 of 10 hotspots have no place"]
    assert messages(result, "quantity-other") == ["1 hotspots have a confidence of another scale: left out"]
    assert messages(result, "duplicate-rows")


def test_gistda_is_read_page_by_page_to_the_end(phuket):
    full, short = page(*[spot()] * 1000), page(spot())
    requests, plan = [], GISTDA_HOTSPOTS.plan(phuket, DAY, "http://g", {})
    requests.append(next(plan))
    requests.append(plan.send(full))
    with pytest.raises(StopIteration):
        plan.send(short)
    assert [request.params for request in requests] == [
        {"limit": "1000", "offset": "0"},
        {"limit": "1000", "offset": "1000"},
    ]
    assert {request.url for request in requests} == {"http://g/api/2.0/resources/features/viirs/1day"}
    assert all(request.headers == {"API-Key": "{key:gistda}"} for request in requests)
    # An empty day is an outage or clouds; an empty page after a full one is the end.
    assert requests[0].check(page()) and requests[1].check(page()) is None
    assert requests[0].check(b'{"message": "Unauthorized"}')
    counted = GISTDA_HOTSPOTS.plan(phuket, DAY, "http://g", {})
    next(counted)
    with pytest.raises(StopIteration):
        counted.send(page(*[spot()] * 1000, numberMatched=1000))
    stopped = GISTDA_HOTSPOTS.plan(phuket, DAY, "http://g", {})
    next(stopped)
    with pytest.raises(StopIteration):
        stopped.send(None)
    assert not GISTDA_HOTSPOTS.past


def test_a_day_counts_as_told_with_its_last_page_only(phuket):
    first = GISTDA_HOTSPOTS.read(page(*[spot()] * 1000), Context(phuket, LEAP, "viirs_1day/0", {}))
    assert first.tables["hotspot_days"].is_empty()
    assert gistda(phuket, name="viirs_1day/1000").tables["hotspot_days"].height == 1
    assert gistda(phuket).problems["code"].to_list() == ["answer-empty"]
    assert GISTDA_HOTSPOTS.read(b'{"type": "x"}', Context(phuket, LEAP)).problems["code"].to_list() == ["answer-bad"]


def test_a_night_that_ends_on_a_full_page_says_that_more_may_follow(phuket):
    full = page(*[spot(frp=str(n)) for n in range(1000)])
    for offset, told in ((0, []), ((hotspots.MAX_PAGES - 1) * hotspots.PAGE, ["window-short"])):
        result = GISTDA_HOTSPOTS.read(full, Context(phuket, LEAP, f"viirs_1day/{offset}", {}))
        assert [code for code in result.problems["code"] if code == "window-short"] == told
        assert result.tables["hotspot_days"].is_empty()


CSV = (
    "latitude,longitude,bright_ti4,scan,track,acq_date,acq_time,satellite,instrument,confidence,version,bright_ti5,frp,"
    "daynight"
)


def firms(city, *lines, header=CSV, name="viirs_snpp/2024-02-28", **options):
    return FIRMS_HOTSPOTS.read("\n".join([header, *lines, ""]).encode(), Context(city, LEAP, name, options))


def test_firms_is_utc_and_its_letters_are_words(phuket):
    result = firms(
        phuket,
        "7.9,98.4,331.2,0.4,0.4,2024-02-28,5,N,VIIRS,n,2.0NRT,290.1,3.5,N",
        "7.9,98.4,330.0,0.4,0.4,2024-02-28,1845,N,VIIRS,l,2.0NRT,290.1,0.9,N",
        "7.8,98.3,367.0,0.4,0.4,2024-02-28,648,1,VIIRS,h,2.0NRT,290.1,,D",
        "18.8,98.9,330.0,0.4,0.4,2024-02-28,648,N,VIIRS,n,2.0NRT,290.1,1.0,D",
    )
    rows, broken = kept(HOTSPOTS, result)
    assert (broken, result.problems.height) == (0, 0)
    assert rows.select("at", "local_date", "satellite", "confidence", "frp_mw").rows() == [
        (datetime(2024, 2, 28, 0, 5, tzinfo=UTC), date(2024, 2, 28), "N", "nominal", 3.5),
        (datetime(2024, 2, 28, 18, 45, tzinfo=UTC), date(2024, 2, 29), "N", "low", 0.9),
        (datetime(2024, 2, 28, 6, 48, tzinfo=UTC), date(2024, 2, 28), "1", "high", None),
    ]
    assert kept(HOTSPOT_DAYS, result)[0].select("source", "local_date").rows() == [("firms", date(2024, 2, 28))]


def test_a_citys_few_hotspots_among_thousands(phuket):
    """Polars reads a long file in several chunks; a chunk without any row of the city must do no harm."""
    far, near = ("18.8,98.9", "7.9,98.4")
    rest = "331.2,0.4,0.4,2024-02-28,1845,N,VIIRS,n,2.0NRT,290.1,3.5,N"
    lines = [f"{near if n in (0, 5999) else far},{rest.replace('1845', str(1800 + n % 60))}" for n in range(6000)]
    assert firms(phuket, *lines).tables["hotspots"]["at"].dt.minute().to_list() == [0, 59]


def test_the_two_sources_stay_apart(phuket):
    line = "7.9,98.4,331.2,0.4,0.4,2024-02-28,1845,Suomi NPP,VIIRS,n,2.0NRT,290.1,3.5,N"
    both = pl.concat([kept(HOTSPOTS, gistda(phuket, spot()))[0], kept(HOTSPOTS, firms(phuket, line))[0]])
    assert both.select(HOTSPOTS.key).is_duplicated().sum() == 0
    assert both.select("satellite", "at", "lat", "lon").is_duplicated().sum() == 2


def test_firms_columns_that_drift_are_said(phuket):
    header = CSV.replace("frp", "power").replace("confidence", "certainty")
    result = firms(phuket, "7.9,98.4,331.2,0.4,0.4,2024-02-28,5,N,VIIRS,n,2.0NRT,290.1,3.5,N", header=header)
    assert messages(result, "column-missing") == ["no confidence", "no frp"]
    assert messages(result, "column-new") == ["unknown column 'certainty'", "unknown column 'power'"]
    assert result.tables["hotspots"]["frp_mw"].to_list() == [None]


def test_firms_is_asked_for_two_utc_days_with_the_key_as_a_placeholder(phuket):
    requests = list(FIRMS_HOTSPOTS.plan(phuket, DAY, "http://f", {}))
    path = "http://f/api/area/csv/{key:firms}/VIIRS_SNPP_NRT/97,5,106,21/1"
    assert [request.url for request in requests] == [f"{path}/2026-11-21", f"{path}/2026-11-22"]
    assert len({request.name for request in requests}) == 2
    assert FIRMS_HOTSPOTS.past
    refused, empty = b"Invalid MAP_KEY.", f"{CSV}\n".encode()
    assert "key" in requests[0].check(refused) and requests[0].check(empty) and requests[0].check(b"")
    assert requests[0].check(f"{CSV}\n{','.join('1' * 14)}\n".encode()) is None
    for data, code in ((refused, "answer-bad"), (empty, "answer-empty"), (b"", "file-empty")):
        result = FIRMS_HOTSPOTS.read(data, Context(phuket, DAY, "viirs_snpp/2026-11-22"))
        assert (result.problems["code"].to_list(), dict(result.tables)) == ([code], {})


# Indicators


def told(indicators):
    return {row["indicator"]: row for row in collect(indicators, DAY).to_dicts()}


def level_table(*rows):
    """(station, hours before midnight of DAY, above bank, filling)."""
    midnight = datetime(2026, 11, 22, 17, tzinfo=UTC)
    stamps = [midnight - timedelta(hours=hours) for _, hours, *_ in rows]
    return pl.DataFrame(
        {
            "station_id": [row[0] for row in rows],
            "at": stamps,
            "local_date": [(stamp + timedelta(hours=7)).date() for stamp in stamps],
            "above_bank_m": [row[2] for row in rows],
            "storage_pct": [row[3] for row in rows],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC"), "above_bank_m": pl.Float64, "storage_pct": pl.Float64},
    )


def test_levels_count_each_stations_newest_fresh_reading(phuket):
    table = level_table(
        ("a", 2, 0.4, 120.0), ("a", 20, -1.0, 300.0), ("b", 3, -0.5, 80.0), ("c", 5, -0.1, 95.0), ("d", 1, 0.0, 100.0)
    )
    tables = Tables({"water_levels": table})
    found = told(water_indicators(phuket, DAY, tables)) | told(hazards(phuket, DAY, tables))
    assert (found["stations_above_bank_share"]["value"], found["stations_above_bank_share"]["verdict"]) == (25.0, "ok")
    assert (found["stations_over_bank"]["value"], found["highest_filling"]["value"]) == (1.0, 120.0)
    assert found["stations_over_bank"]["smart"] == "living"
    assert found["stations_above_bank_share"]["smart"] == "environment"
    assert found["rainfall"]["reason"] == found["hotspots"]["reason"] == "no source configured"


@pytest.mark.parametrize(("silent", "want"), [(0, "ok"), (1, "partial"), (2, "withheld")])
def test_levels_need_three_quarters_of_the_weeks_stations(phuket, silent, want):
    rows = [(f"s{n}", 60 if n < silent else 2, 1.0, 110.0) for n in range(5)]
    found = told(hazards(phuket, DAY, Tables({"water_levels": level_table(*rows)})))
    for row in found.values():
        assert (row["verdict"], row["value"] is None, bool(row["reason"])) == (want, want == "withheld", want != "ok")


def test_stations_silent_for_more_than_a_week_are_no_longer_expected(phuket):
    table = level_table(("a", 2, -1.0, 50.0), ("b", 24 * 9, 3.0, 150.0))
    found = told(hazards(phuket, DAY, Tables({"water_levels": table})))
    assert (found["stations_over_bank"]["value"], found["stations_over_bank"]["verdict"]) == (0.0, "ok")


def test_old_levels_are_stale_and_no_levels_withheld(phuket):
    table = level_table(("a", 2, 1.0, 110.0))
    for days, verdict in ((1, "ok"), (2, "stale")):
        day = DAY + timedelta(days)
        found = hazards(phuket, day, Tables({"water_levels": table}))
        assert {indicator.row(day)["verdict"] for indicator in found} == {verdict}
    unknown = level_table(("a", 2, None, None))
    for tables in map(Tables, ({"water_levels": unknown}, {"water_levels": table.clear()}, {})):
        for row in told([*hazards(phuket, DAY, tables), *water_indicators(phuket, DAY, tables)]).values():
            assert (row["verdict"], row["value"]) == ("withheld", None)
    # One snapshot holds both Smarts' rows: their codes must differ.
    codes = [one.code for one in [*hazards(phuket, DAY, Tables()), *water_indicators(phuket, DAY, Tables())]]
    assert len(codes) == len(set(codes))


def test_rain_is_the_greatest_fresh_sum(phuket):
    ends = [datetime(2026, 11, 22, hour, tzinfo=UTC) for hour in (18, 17, 16)]
    table = pl.DataFrame(
        {
            "station_id": ["a", "b", "c"],
            "end": ends,
            "hours": pl.Series([24, 24, 24], dtype=pl.Int32),
            "local_date": [date(2026, 11, 22), date(2026, 11, 22), date(2026, 11, 21)],
            "rain_mm": [3.0, 44.5, 0.0],
        }
    )
    row = told(water_indicators(phuket, DAY, Tables({"rainfall": table})))["rain_24h_greatest"]
    assert (row["value"], row["unit"], row["verdict"]) == (44.5, "mm", "ok")
    assert (row["period_start"], row["period_end"]) == (date(2026, 11, 21), date(2026, 11, 22))


def spots(days, source="firms"):
    frame = pl.DataFrame({"source": source, "local_date": days}, schema={"source": pl.String, "local_date": pl.Date})
    return frame.with_columns(source=pl.lit(source))


WEEK = [DAY - timedelta(days=n) for n in range(1, 8)]


@pytest.mark.parametrize(("answered", "want"), [(7, "ok"), (6, "partial"), (5, "withheld"), (0, "withheld")])
def test_no_hotspot_is_zero_only_where_the_source_answered(phuket, answered, want):
    tables = {"hotspots": spots([]), "hotspot_days": spots([*WEEK[:answered], DAY - timedelta(days=8)])}
    row = told(water_indicators(phuket, DAY, Tables(tables)))["hotspots_week_firms"]
    assert (row["verdict"], row["value"]) == (want, None if want == "withheld" else 0.0)


def test_hotspots_are_counted_by_source_and_never_added_up(phuket):
    seen = pl.concat([spots([WEEK[0], WEEK[0], WEEK[6], DAY - timedelta(days=8)]), spots([WEEK[1]], "gistda")])
    tables = {"hotspots": seen, "hotspot_days": pl.concat([spots(WEEK), spots(WEEK, "gistda")])}
    found = told(water_indicators(phuket, DAY, Tables(tables)))
    counted = {code: row["value"] for code, row in found.items() if code.startswith("hotspots")}
    assert counted == {"hotspots_week_firms": 3.0, "hotspots_week_gistda": 1.0}
    assert found["hotspots_week_firms"]["period_start"] == WEEK[6]


# Demo


@pytest.fixture(scope="module")
def cities():
    return load_registry()


def asked(cities, source, day=DAY, quirk=None):
    """What the demo answers to a source's plan, request by request, with what the source makes of the request."""
    world, found = World(cities, day), []
    plan = source.plan(None, day, "", {})
    request = next(plan, None)
    while request is not None:
        url = request.url.replace("{key:firms}", "demo")
        body = answer(world, Query(source.portal, url, request.params, request.headers, quirk)).body
        found.append((request.name, body, request.check(body)))
        try:
            request = plan.send(None if found[-1][2] else body)
        except StopIteration:
            request = None
    return found


@pytest.mark.parametrize("source", [THAIWATER_LEVELS, THAIWATER_RAIN, GISTDA_HOTSPOTS, FIRMS_HOTSPOTS])
@pytest.mark.parametrize("day", [DAY, date(2028, 3, 1)])
def test_the_demo_answers_what_the_readers_read(cities, source, day):
    answers = asked(cities, source, day)
    assert [reason for *_, reason in answers] == [None] * len(answers)
    assert answers == asked(cities, source, day), "the same every time"
    tables = {"water_levels": WATER_LEVELS, "rainfall": RAINFALL, "hotspots": HOTSPOTS, "station_lists": STATION_LISTS}
    rows = dict.fromkeys(source.tables, 0)
    for city in [*cities.values()][::4]:
        for name, data, _ in answers:
            result = source.read(data, Context(city, day, name, {}))
            assert set(result.problems["code"]) <= {"station-stale", "value-missing"}
            for table in result.tables.keys() & tables.keys():
                good, broken = kept(tables[table], result)
                assert broken == 0
                rows[table] += good.height
            if "hotspot_days" in result.tables:
                rows["hotspot_days"] += result.tables["hotspot_days"].height
    assert all(rows.values())


def test_the_demo_has_a_second_page_and_buddhist_leap_days(cities):
    pages = asked(cities, GISTDA_HOTSPOTS, date(2028, 3, 1))
    assert [name for name, *_ in pages] == ["viirs_1day/0", "viirs_1day/1000"]
    texts = {one["properties"]["th_date"] for one in json.loads(pages[0][1])["features"]}
    assert texts == {"29/02/2571"}


def test_the_demo_has_stations_that_stopped(cities):
    [(_, data, _)] = asked(cities, THAIWATER_LEVELS)
    stale = [
        slug
        for slug, city in cities.items()
        if messages(THAIWATER_LEVELS.read(data, Context(city, DAY, "", {"within_km": 15})), "station-stale")
    ]
    assert 0 < len(stale) < len(cities)
    [(_, data, _)] = asked(cities, THAIWATER_LEVELS, quirk="stale")
    assert all(
        messages(THAIWATER_LEVELS.read(data, Context(city, DAY, "", {})), "station-stale") for city in cities.values()
    )


def test_the_demos_portals_refuse_wrong_keys(cities):
    world = World(cities, DAY)
    path = "/api/area/csv/refused/VIIRS_SNPP_NRT/97,5,106,21/1/2026-11-22"
    refused = answer(world, Query("firms", path, {}))
    assert (refused.status, refused.body) == (200, b"Invalid MAP_KEY.")
    assert answer(world, Query("gistda", "/api/2.0/resources/features/viirs/1day", {})).status == 401


def test_the_demo_tells_firms_and_gistda_the_same_fires(cities):
    fires = water.gistda(cities.values(), DAY, {"limit": "1000"})["features"]
    lines = {
        tuple(line.split(",")[:2])
        for n in (1, 2)
        for line in water.firms(cities.values(), DAY, DAY - timedelta(days=n)).splitlines()
    }
    assert {(one["properties"]["latitude"], one["properties"]["longitude"]) for one in fires} <= lines
    assert hotspots.AREA == "97,5,106,21"
