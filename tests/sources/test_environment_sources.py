"""Air4Thai and Open-Meteo: requests, readers, and real answers."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from assets.sources import open_meteo
from assets.sources.air4thai import AIR4THAI_HISTORY, AIR4THAI_LIVE
from assets.sources.open_meteo import OPEN_METEO
from assets.sources.source import Context
from quality.tables import AIR_QUALITY, STATION_LISTS, WEATHER
from tests.kit import messages

DAY = date(2026, 11, 23)
ASKED = "2026-11-22"


def kept(table, frame):
    """Rows that keep the contract, and how many do not."""
    batch = table.conform(frame.with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY)))
    good, bad = batch.rows, batch.found
    return good, bad.height


def history(stations):
    return json.dumps({"result": "OK", "error": "", "stations": stations}).encode()


def hours(count=24, **values):
    return [{"DATETIMEDATA": f"{ASKED} {hour:02d}:00:00"} | values for hour in range(count)]


def station(identity, data):
    return {"stationID": identity, "params": [], "data": data, "summary": []}


FULL = dict.fromkeys(["PM10", "O3", "CO", "NO2", "SO2", "WS", "TEMP", "RH", "WD"], 1) | {"PM25": 9.3}


def test_history_is_asked_for_the_day_before_with_all_stations(phuket):
    [request] = AIR4THAI_HISTORY.requests(phuket, DAY, "http://p", {"stations": [{"id": "43t"}, {"id": "44t"}]})
    assert request.url == "http://p/forweb/getHistoryData.php"
    assert request.params["stationID"] == "43t,44t"
    assert (request.params["sdate"], request.params["edate"]) == (ASKED, ASKED)
    assert request.check(history([station("43t", hours())])) is None
    assert "OK" in request.check(b'{"result": "Error", "stations": []}')
    assert request.check(b'{"result": "OK"}')
    assert list(AIR4THAI_HISTORY.requests(phuket, DAY, "http://p", {})) == []


def test_history_labels_mark_the_end_of_the_hour(phuket):
    result = AIR4THAI_HISTORY.read(
        history([station("43t", hours(**FULL))]),
        Context(phuket, DAY, f"history/{ASKED}", {"stations": [{"id": "43t"}]}),
    )
    rows, broken = kept(AIR_QUALITY, result.tables["air_quality"])
    assert (rows.height, broken, result.problems.height) == (24, 0, 0)
    # The label 00:00 of the 22nd is the last hour of the 21st: 23:00 to 24:00 in Bangkok, 16:00 UTC.
    assert rows["start"][0] == datetime(2026, 11, 21, 16, tzinfo=UTC)
    assert rows["local_date"].to_list() == [date(2026, 11, 21)] + [date(2026, 11, 22)] * 23
    assert rows["pm25_ug_m3"].unique().to_list() == [9.3]
    assert rows["product"].unique().to_list() == ["hourly"]


def test_history_is_the_same_behind_a_byte_order_mark_and_with_other_stamps(phuket):
    """Portals set a mark before JSON, and write ISO stamps after an upgrade."""
    context = Context(phuket, DAY, f"history/{ASKED}", {"stations": [{"id": "43t"}]})
    data = history([station("43t", hours(**FULL))])
    for told in (b"\xef\xbb\xbf" + data, data.replace(b" 0", b"T0"), data.replace(b":00:00", b":00")):
        result = AIR4THAI_HISTORY.read(told, context)
        rows, broken = kept(AIR_QUALITY, result.tables["air_quality"])
        assert (rows.height, broken, result.problems.height) == (24, 0, 0)


def test_history_says_what_is_missing(phuket):
    data = history(
        [
            station("43t", [*hours(20, **FULL), {"DATETIMEDATA": "yesterday"} | FULL]),
            station("44t", hours(24, **FULL | {"PM25": None, "WS": "-", "TEMP": "-999", "NOISE": 4})),
        ]
    )
    options = {"stations": [{"id": "43t"}, {"id": "44t"}, {"id": "45t"}]}
    result = AIR4THAI_HISTORY.read(data, Context(phuket, DAY, f"history/{ASKED}", options))
    assert messages(result, "window-short") == [f"station 43t: 20 of 24 hours from {ASKED} to {ASKED}"]
    assert result.problems.filter(code="stamp-bad")["row"].to_list() == [21]
    assert messages(result, "station-missing") == ["station 45t is not in the answer"]
    assert messages(result, "column-new") == ["unknown parameter 'NOISE'"]
    assert messages(result, "value-missing") == [
        "pm25_ug_m3: 24 of 44 rows have no value",
        "temperature_c: 24 of 44 rows have no value",
        "wind_speed_m_s: 24 of 44 rows have no value",
    ]


def test_hours_that_are_told_twice_do_not_stand_for_those_that_are_missing(phuket):
    half = [{"DATETIMEDATA": f"{ASKED} {hour:02d}:30:00"} | FULL for hour in range(2)]
    data = history([station("43t", [*hours(20, **FULL), *hours(4, **FULL), *half])])
    result = AIR4THAI_HISTORY.read(data, Context(phuket, DAY, f"history/{ASKED}", {"stations": [{"id": "43t"}]}))
    assert messages(result, "window-short") == [f"station 43t: 20 of 24 hours from {ASKED} to {ASKED}"]
    assert messages(result, "duplicate-rows") == ["4 identical rows were merged"]
    assert messages(result, "stamp-bad") == ["the label is not of a full hour"] * 2


def test_history_leaves_text_in_values_out_and_merges_repeats(phuket):
    rows = hours(**FULL)
    data = [*rows, rows[3], rows[4] | {"PM25": 77}, {"DATETIMEDATA": "2026-11-23 00:00:00"} | FULL | {"PM25": "high"}]
    result = AIR4THAI_HISTORY.read(history([station("43t", data)]), Context(phuket, DAY, f"history/{ASKED}", {}))
    assert result.problems.select("row", "code").rows() == [
        (None, "duplicate-rows"),
        (None, "value-missing"),
        (5, "key-duplicate"),
        (26, "key-duplicate"),
        (27, "value-not-number"),
    ]
    assert result.tables["air_quality"].height == 24
    odd = result.tables["air_quality"].filter(_row=27)
    assert odd["pm25_ug_m3"].to_list() == [None] and odd["o3_ppb"].null_count() == 0, "the other cells hold"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"result": "OK", "stations": []}', "answer-empty"),
        (b'{"result": "OK", "stations": [{"stationID": "1t", "data": []}]}', "answer-empty"),
        (b'{"result": "Error"}', "answer-bad"),
        (b'{"result": "OK", "stations": 4}', "answer-bad"),
        (b'{"result": "OK", "stations": [{"stationID": "1t", "data": [{"x": 1}]}]}', "answer-bad"),
        (b"{", "answer-bad"),
        (b"a,b\n1,2\n", "format-unknown"),
        (b"DATETIMEDATA,PM25\n2026-11-22 00:00:00,1\n", "file-malformed"),
        (b"", "file-empty"),
        (b"\x00\x81\xfe", "file-encoding"),
    ],
)
def test_history_that_cannot_be_used_is_rejected_with_a_reason(phuket, data, code):
    result = AIR4THAI_HISTORY.read(data, Context(phuket, DAY, "x", {}))
    assert result.problems["code"].to_list() == [code]
    assert not result.tables


def test_a_label_marks_the_hours_end_unless_the_registry_says_start(phuket):
    file = b"DATETIMEDATA,PM25\n2026-11-22 07:00:00,12\n2026-11-22 08:00:00,-\n"

    def starts(**options):
        result = AIR4THAI_HISTORY.read(file, Context(phuket, DAY, "44t.csv", options))
        return (
            result.tables["air_quality"]["start"].dt.hour().to_list() if result.tables else result.problems["code"][0]
        )

    assert AIR4THAI_HISTORY.label == "end"
    assert starts() == [23, 0], "06:00 to 07:00 in Bangkok"
    assert starts(label="start") == [0, 1], "the predecessor's dumps: 07:00 to 08:00"
    assert starts(label="middle") == starts(label=["start"]) == "option-invalid"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0", 0.0),
        (0, 0.0),
        ("0.0", 0.0),
        (12, 12.0),
        *((mark, None) for mark in ("-1", "-999", -9999, "-9.99", "-", None)),
    ],
)
def test_marks_are_missing_and_nought_is_a_value(phuket, written, value):
    data = history([station("43t", hours(1, **FULL | {"PM25": written}))])
    [found] = AIR4THAI_HISTORY.read(data, Context(phuket, DAY, "x", {})).tables["air_quality"]["pm25_ug_m3"]
    assert found == value


def test_real_history_of_hat_yai(real_data, phuket):
    file = real_data / "open_data/air4thai/history_44t_hatyai_2024-01-01_2024-03-10.csv"
    source = list(csv.DictReader(io.StringIO(file.read_text())))
    result = AIR4THAI_HISTORY.read(file.read_bytes(), Context(phuket, DAY, file.name, {}))
    rows, broken = kept(AIR_QUALITY, result.tables["air_quality"])
    assert (rows.height, broken) == (1680, 0)
    assert rows["station_id"].unique().to_list() == ["44t"]
    nulls = {name: rows[name].null_count() for name in ("pm25_ug_m3", "o3_ppb", "pm10_ug_m3", "co_ppm")}
    assert nulls == {"pm25_ug_m3": 22, "o3_ppb": 253, "pm10_ug_m3": 1680, "co_ppm": 1680}
    for index in (0, 1, 700, 1679):
        stamp = datetime.fromisoformat(source[index]["DATETIMEDATA"] + "+07:00") - timedelta(hours=1)
        assert rows["start"][index] == stamp
        assert str(rows["pm25_ug_m3"][index] or "") == source[index]["PM25"]
    assert not messages(result, "window-short")
    # The script that pulled it had asked from 1 December.
    asked = AIR4THAI_HISTORY.read(file.read_bytes(), Context(phuket, DAY, "history/44t/2023-12-01/2024-03-10", {}))
    assert messages(asked, "window-short") == ["station 44t: 1680 of 2424 hours from 2023-12-01 to 2024-03-10"]


def live(identity, day="2026-11-23", time="09:00", **values):
    fields = {
        name: {"color_id": "1", "aqi": "20", "value": "12.5"} for name in ("PM25", "PM10", "O3", "CO", "NO2", "SO2")
    }
    last = {"date": day, "time": time, **fields, "AQI": {"aqi": "41", "param": "PM25"}} | values
    return {"stationID": identity, "nameTH": "x ", "lat": "7.88", "long": "98.39", "AQILast": last}


def test_live_takes_the_citys_stations_and_marks_silent_ones(phuket):
    data = json.dumps(
        {
            "stations": [
                live("02t"),
                live("43t", SO2={"aqi": "-999", "value": "-1"}, NO2={"aqi": "-1", "value": "N/A"}),
                live("44t", day="2026-11-20"),
            ]
        }
    ).encode()
    options = {"stations": [{"id": "43t"}, {"id": "44t"}, {"id": "99t"}]}
    result = AIR4THAI_LIVE.read(data, Context(phuket, DAY, "live", options))
    rows, broken = kept(AIR_QUALITY, result.tables["air_quality"])
    assert (rows["station_id"].to_list(), broken) == (["43t", "44t"], 0)
    assert rows.row(0, named=True) | {
        "start": datetime(2026, 11, 23, 1, tzinfo=UTC),
        "product": "running_24h",
        "pm25_ug_m3": 12.5,
        "so2_ppb": None,
        "no2_ppb": None,
        "aqi_th": 41,
        "_row": 2,
    } == rows.row(0, named=True)
    assert messages(result, "station-stale") == ["station 44t: newest reading is of 2026-11-20 09:00"]
    assert messages(result, "station-missing") == ["station 99t is not in the answer"]


def test_live_particulate_matter_is_never_taken_for_hourly(phuket):
    data = json.dumps({"stations": [live("43t")]}).encode()
    result = AIR4THAI_LIVE.read(data, Context(phuket, DAY, "live", {"stations": [{"id": "43t"}]}))
    assert result.tables["air_quality"]["product"].to_list() == ["running_24h"]
    assert "running mean" in AIR4THAI_LIVE.units


def test_live_tells_where_stations_are(phuket):
    stations = [
        live("43t") | {"nameTH": "สถานี ", "nameEN": "Station", "areaTH": "ต.ตลาดใหญ่, ภูเก็ต"},
        live("90t") | {"lat": "7.95", "long": "98.40"},
        live("02t") | {"lat": "13.73", "long": "100.49"},
    ]
    options = {"stations": [{"id": "43t", "distance_km": 5.0}]}
    result = AIR4THAI_LIVE.read(json.dumps({"stations": stations}).encode(), Context(phuket, DAY, "live", options))
    rows, broken = kept(STATION_LISTS, result.tables["station_lists"])
    assert not broken
    assert rows.select("network", "station_id", "name_th", "area", "assigned", "reference_date").rows() == [
        ("air4thai", "43t", "สถานี", "ต.ตลาดใหญ่, ภูเก็ต", True, DAY),
        ("air4thai", "90t", "x", None, False, DAY),
    ]
    assert rows["distance_km"].to_list() == pytest.approx([0.49, 7.39], abs=0.02)
    assert messages(result, "station-moved") == ["station 43t: 0.5 km from the city's point; the registry says 5.0 km"]


def test_a_feed_that_stopped_as_a_whole_is_stale_too(phuket):
    data = json.dumps({"stations": [live("43t", day="2026-11-01")]}).encode()
    result = AIR4THAI_LIVE.read(data, Context(phuket, DAY, "live", {"stations": [{"id": "43t"}]}))
    assert messages(result, "station-stale")


def test_one_clock_that_runs_ahead_makes_no_other_station_silent(phuket):
    told = [live("43t"), live("44t"), live("02t", day="2026-12-31")]
    result = AIR4THAI_LIVE.read(
        json.dumps({"stations": told}).encode(),
        Context(phuket, DAY, "live", {"stations": [{"id": "43t"}, {"id": "44t"}]}),
    )
    assert messages(result, "station-stale") == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"stations": []}', "answer-empty"),
        (b'{"stations": {}}', "answer-empty"),
        (b'{"stations": [3]}', "answer-bad"),
        (b'{"stations": [{"stationID": "1t", "AQILast": "none"}]}', "answer-bad"),
        (b"[]", "answer-bad"),
    ],
)
def test_live_that_cannot_be_used_is_rejected(phuket, data, code):
    result = AIR4THAI_LIVE.read(data, Context(phuket, DAY, "live", {"stations": [{"id": "1t"}]}))
    assert (result.problems["code"].to_list(), dict(result.tables)) == ([code], {})


def test_a_station_without_a_reading_is_refused_not_lost(phuket):
    data = json.dumps({"stations": [live("43t"), {"stationID": "44t"}]}).encode()
    result = AIR4THAI_LIVE.read(data, Context(phuket, DAY, "live", {"stations": [{"id": "43t"}, {"id": "44t"}]}))
    assert result.problems.filter(code="stamp-bad")["row"].to_list() == [2]


def test_real_live_answer(real_data, samyan):
    data = (real_data / "open_data/air4thai/getAQI_JSON_03t_2019-02-17.json").read_bytes()
    result = AIR4THAI_LIVE.read(data, Context(samyan, date(2019, 2, 17), "live", {"stations": [{"id": "03t"}]}))
    [place] = kept(STATION_LISTS, result.tables["station_lists"])[0].rows(named=True)
    assert place["name_th"] == place["name_th"].strip() and place["area"].endswith("กรุงเทพฯ")
    assert (place["assigned"], place["distance_km"] < 30) == (True, True)
    [row] = kept(AIR_QUALITY, result.tables["air_quality"])[0].rows(named=True)
    assert (row["start"], row["pm25_ug_m3"], row["co_ppm"], row["so2_ppb"], row["aqi_th"]) == (
        datetime(2019, 2, 17, 6, tzinfo=UTC),
        26.0,
        0.54,
        None,
        26,
    )
    assert messages(result, "value-missing") == ["so2_ppb: 1 of 1 rows have no value"]


def weather(**changes):
    times = [f"{ASKED}T{hour:02d}:00" for hour in range(24)]
    return {
        "latitude": 7.875,
        "longitude": 98.375,
        "generationtime_ms": 0.1,
        "utc_offset_seconds": 25200,
        "timezone": "Asia/Bangkok",
        "hourly_units": {"time": "iso8601"} | {name: unit for name, (_, unit) in open_meteo.VARIABLES.items()},
        "hourly": {"time": times} | {name: [float(hour) for hour in range(24)] for name in open_meteo.VARIABLES},
    } | changes


def test_weather_of_a_day(phuket):
    [request] = OPEN_METEO.plan(phuket, DAY, "http://w", {})
    assert request.url == "http://w/v1/forecast"
    assert request.params["start_date"] == request.params["end_date"] == ASKED
    assert (request.params["wind_speed_unit"], request.params["timezone"]) == ("ms", "Asia/Bangkok")
    data = json.dumps(weather()).encode()
    assert request.check(data) is None
    result = OPEN_METEO.read(data, Context(phuket, DAY))
    rows, broken = kept(WEATHER, result.tables["weather"])
    assert (rows.height, broken, result.problems.height) == (24, 0, 0)
    assert rows["start"][0] == datetime(2026, 11, 21, 17, tzinfo=UTC)
    assert rows["local_date"].unique().to_list() == [date(2026, 11, 22)]
    assert rows.row(5, named=True)["wind_speed_m_s"] == 5.0
    assert rows["grid_lat"].unique().to_list() == [7.875]
    assert rows.select("station_id", "product").unique().rows() == [("grid", "model")]


@pytest.mark.parametrize("odd", ["T", "", True, {}, [1]])
def test_weather_with_one_odd_cell_keeps_the_others(phuket, odd):
    answer, sound = weather(), OPEN_METEO.read(json.dumps(weather()).encode(), Context(phuket, DAY)).tables["weather"]
    answer["hourly"]["precipitation"][3] = odd
    [request] = OPEN_METEO.plan(phuket, DAY, "http://w", {})
    assert request.check(json.dumps(answer).encode()) is None
    result = OPEN_METEO.read(json.dumps(answer).encode(), Context(phuket, DAY))
    there = result.tables["weather"]
    assert there.drop("precipitation_mm").equals(sound.drop("precipitation_mm"))
    assert there["precipitation_mm"].null_count() == 1 and there["precipitation_mm"][3] is None
    assert there["precipitation_mm"].drop_nulls().to_list() == [
        value for hour, value in enumerate(sound["precipitation_mm"]) if hour != 3
    ]
    assert {problem[:13] for problem in messages(result, "value-not-number")} <= {"precipitation"}


def test_weather_with_holes_is_short(phuket):
    answer = weather()
    for name in open_meteo.VARIABLES:
        answer["hourly"][name][20:] = [None] * 4
    result = OPEN_METEO.read(json.dumps(answer).encode(), Context(phuket, DAY))
    assert messages(result, "window-short") == [f"20 of 24 hours of {ASKED} have a value"]
    assert len(messages(result, "value-missing")) == 4


@pytest.mark.parametrize(
    "answer",
    [
        weather(utc_offset_seconds=0),
        weather(hourly_units=weather()["hourly_units"] | {"wind_speed_10m": "km/h"}),
        weather(hourly=weather()["hourly"] | {"precipitation": [0.0]}),
        weather(hourly=weather()["hourly"] | {"precipitation": ["wet"] * 24}),
        weather(latitude=None),
        {"error": True, "reason": "Parameter out of range"},
        [weather()],
        {},
    ],
)
def test_weather_that_is_not_what_was_asked_is_rejected(phuket, answer):
    data = json.dumps(answer).encode()
    [request] = OPEN_METEO.plan(phuket, DAY, "http://w", {})
    assert request.check(data)
    result = OPEN_METEO.read(data, Context(phuket, DAY))
    assert result.problems["code"].to_list() == ["answer-bad"]
    assert not result.tables


def test_weather_without_hours_is_empty(phuket):
    answer = weather(hourly={"time": []} | {name: [] for name in open_meteo.VARIABLES})
    assert OPEN_METEO.read(json.dumps(answer).encode(), Context(phuket, DAY)).problems["code"].to_list() == [
        "answer-empty"
    ]
