"""Open-Meteo's archive and air, GISTDA's PM2.5, TMD's observations: requests and readers. All answers are synthetic."""

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from assets.cities.registry import load_registry
from assets.landing.portals import PORTALS
from assets.sources.gistda_pm25 import GISTDA_PM25
from assets.sources.open_meteo import OPEN_METEO_AIR, OPEN_METEO_ARCHIVE, VARIABLES
from assets.sources.source import Context
from assets.sources.tmd import TMD
from quality.tables import AIR_QUALITY, STATION_LISTS, WEATHER
from tests.kit import kept, messages

DAY = date(2026, 11, 23)
PHUKET = load_registry()["phuket"]


def encoded(content):
    return json.dumps(content, ensure_ascii=False).encode()


def grid(names_and_units, days, **changes):
    times = [f"{day}T{hour:02d}:00" for day in days for hour in range(24)]
    return {
        "latitude": 7.9,
        "longitude": 98.4,
        "generationtime_ms": 0.3,
        "utc_offset_seconds": 25200,
        "hourly_units": {"time": "iso8601", **names_and_units},
        "hourly": {"time": times} | {name: [n / 2 for n in range(len(times))] for name in names_and_units},
    } | changes


# Open-Meteo's archive

WEATHER_UNITS = {name: unit for name, (_, unit) in VARIABLES.items()}


def test_the_archive_is_asked_for_days_it_has_by_now():
    [request] = OPEN_METEO_ARCHIVE.plan(PHUKET, DAY, "http://a", {})
    assert request.url == "http://a/v1/archive"
    assert (request.params["start_date"], request.params["end_date"]) == ("2026-11-16", "2026-11-17")
    assert (OPEN_METEO_ARCHIVE.past, PORTALS[OPEN_METEO_ARCHIVE.portal].commercial) == (True, False)


def test_reanalysis_stands_beside_the_forecast_under_its_own_product():
    data = encoded(grid(WEATHER_UNITS, ["2026-11-16", "2026-11-17"]))
    result = OPEN_METEO_ARCHIVE.read(data, Context(PHUKET, DAY))
    rows = kept(WEATHER, result)
    assert rows.select("station_id", "product").unique().rows() == [("grid", "reanalysis")]
    assert (rows.height, result.problems.height) == (48, 0)
    assert rows["start"].min() == datetime(2026, 11, 15, 17, tzinfo=UTC)


def test_an_archive_that_is_farther_behind_is_short():
    answer = grid(WEATHER_UNITS, ["2026-11-16", "2026-11-17"])
    for name in WEATHER_UNITS:
        answer["hourly"][name][24:] = [None] * 24
    result = OPEN_METEO_ARCHIVE.read(encoded(answer), Context(PHUKET, DAY))
    assert messages(result, "window-short") == ["24 of 48 hours of 2026-11-16 to 2026-11-17 have a value"]


def test_answers_that_differ_in_their_making_alone_have_the_same_rows():
    first, second = (
        OPEN_METEO_ARCHIVE.read(
            encoded(grid(WEATHER_UNITS, ["2026-11-16", "2026-11-17"], generationtime_ms=ms)), Context(PHUKET, DAY)
        )
        for ms in (0.1, 0.2)
    )
    assert first.tables["weather"].equals(second.tables["weather"])


# Open-Meteo's air

AIR_UNITS = {"pm2_5": "μg/m³", "pm10": "μg/m³"}


def test_of_the_modelled_air_only_particles_are_asked_for():
    [request] = OPEN_METEO_AIR.plan(PHUKET, DAY, "http://a", {})
    assert request.url == "http://a/v1/air-quality"
    assert request.params["hourly"] == "pm2_5,pm10"
    assert (request.params["start_date"], request.params["timezone"]) == ("2026-11-22", "Asia/Bangkok")
    assert PORTALS[OPEN_METEO_AIR.portal].commercial is False


@pytest.mark.parametrize("micro", ["\u00b5", "\u03bc"])
def test_modelled_air_is_marked_as_such_whichever_letter_its_unit_begins_with(micro):
    answer = grid(dict.fromkeys(AIR_UNITS, f"{micro}g/m³"), ["2026-11-22"])
    rows = kept(AIR_QUALITY, OPEN_METEO_AIR.read(encoded(answer), Context(PHUKET, DAY)))
    assert rows.select("station_id", "product").unique().rows() == [("open_meteo:grid", "model_hourly")]
    assert (rows.height, rows["pm10_ug_m3"][23], rows["o3_ppb"].null_count()) == (24, 11.5, 24)


@pytest.mark.parametrize(
    "answer",
    [
        grid(dict.fromkeys(AIR_UNITS, "mg/m³"), ["2026-11-22"]),
        [grid(AIR_UNITS, ["2026-11-22"])],
        grid(AIR_UNITS, ["2026-11-22"], hourly_units={"pm2_5": 3, "pm10": 4}),
        grid({"pm10": "μg/m³"}, ["2026-11-22"]),
    ],
)
def test_modelled_air_in_another_unit_or_shape_is_bad(answer):
    [request] = OPEN_METEO_AIR.plan(PHUKET, DAY, "http://a", {})
    assert request.check(encoded(answer)) or OPEN_METEO_AIR.read(encoded(answer), Context(PHUKET, DAY)).problems.height
    assert OPEN_METEO_AIR.read(encoded(answer), Context(PHUKET, DAY)).problems["code"].to_list() == ["answer-bad"]


# GISTDA


def province(code=83, pm25=21.4, mean=18.2, dt="2026-11-23T01:00:00.000Z"):
    return {"pv_tn": "ภูเก็ต", "pv_en": "Phuket", "pv_idn": code, "pm25": pm25, "pm25Avg24hr": mean, "dt": dt}


def gistda(*rows, city=PHUKET, **changes):
    return GISTDA_PM25.read(encoded({"status": 200, "errMsg": "", "data": [*rows]} | changes), Context(city, DAY))


def test_the_model_of_the_province_is_taken_by_its_code_and_its_z_is_not_believed():
    [request] = GISTDA_PM25.plan(PHUKET, DAY, "http://g", {})
    assert request.url == "http://g/rest/getPm25byProvince"
    result = gistda(province(84, 99), province(), province(8, 98))
    rows = kept(AIR_QUALITY, result)
    at = datetime(2026, 11, 22, 18, tzinfo=UTC)  # 01:00 in Bangkok
    assert rows.sort("product").select("station_id", "product", "start", "local_date", "pm25_ug_m3").rows() == [
        ("gistda:83", "model_24h", at, DAY, 18.2),
        ("gistda:83", "model_hourly", at, DAY, 21.4),
    ]
    assert not result.problems.height


def test_a_code_may_have_been_a_number_with_decimals():
    assert kept(AIR_QUALITY, gistda(province(83.0), province(8.0, 98))).height == 2
    assert kept(AIR_QUALITY, gistda(province("83.0"))).height == 2
    assert messages(gistda(province(83.5)), "station-missing")


def test_a_code_may_be_text_and_nought_is_a_value():
    rows = kept(AIR_QUALITY, gistda(province("83", pm25=0, mean="0.0")))
    assert rows["pm25_ug_m3"].to_list() == [0.0, 0.0]


@pytest.mark.parametrize("mark", [None, -1, "-999", "-"])
def test_the_models_missing_values_are_counted(mark):
    result = gistda(province(pm25=mark))
    assert kept(AIR_QUALITY, result)["pm25_ug_m3"].null_count() == 1
    assert messages(result, "value-missing") == ["pm25_ug_m3: 1 of 2 rows have no value"]


def test_a_model_that_stands_still_is_stale():
    assert messages(gistda(province(dt="2026-11-20T13:00:00.000Z")), "station-stale")


def test_a_province_that_is_left_out_is_said():
    result = gistda(province(84))
    assert (result.problems["code"].to_list(), dict(result.tables)) == (["station-missing"], {})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": 500}, "answer-bad"),
        ({"data": []}, "answer-empty"),
        ({"data": "none"}, "answer-bad"),
        ({"data": ["pv_idn dt"]}, "answer-bad"),
        ({"data": [province(dt="yesterday")]}, "stamp-bad"),
    ],
)
def test_a_model_answer_that_cannot_be_used_says_why(changes, code):
    assert gistda(**changes).problems["code"].to_list() == [code]


# TMD


def synoptic(number="48565", lat="7.9", lon="98.3", stamp="11/23/2026 01:00:00", **observed):
    values = {"AirTemperature": "27.5", "RelativeHumidity": "88", "WindSpeed": "7.2", "Rainfall": "0.00"}
    return {
        "WmoStationNumber": number,
        "StationNameThai": "ภูเก็ต ",
        "StationNameEnglish": "PHUKET",
        "Province": "ภูเก็ต",
        "Latitude": lat,
        "Longitude": lon,
        "Observation": {"DateTime": stamp, **values, **observed},
    }


ELSEWHERE = [synoptic(f"4{n}", lat="15.0", lon="101.0") for n in range(120)]


def tmd(*stations, options=None, rest=ELSEWHERE):
    content = {"header": {}, "Stations": {"Station": [*stations, *rest]}}
    return TMD.read(encoded(content), Context(PHUKET, DAY, "observations", options or {}))


def test_the_login_is_never_in_the_request():
    [request] = TMD.plan(PHUKET, DAY, "http://t", {})
    assert request.url == "http://t/api/Weather3Hours/V2/"
    assert request.params == {"uid": "{key:tmd_uid}", "ukey": "{key:tmd_ukey}", "format": "json"}
    assert PORTALS["tmd"].keys == ("tmd_uid", "tmd_ukey")


def test_observations_near_the_city_in_bangkok_time_and_metres_a_second():
    result = tmd(synoptic(), synoptic("48567", lat="8.14"))
    rows = kept(WEATHER, result)
    assert rows["station_id"].to_list() == ["48565", "48567"]
    assert rows.row(0, named=True) | {
        "product": "observed",
        "start": datetime(2026, 11, 22, 18, tzinfo=UTC),
        "local_date": DAY,
        "temperature_c": 27.5,
        "relative_humidity_pct": 88.0,
        "precipitation_mm": 0.0,
        "wind_speed_m_s": 2.0,
    } == rows.row(0, named=True)
    places = kept(STATION_LISTS, result)
    assert places.select("network", "station_id", "name_th", "assigned").rows() == [
        ("tmd", "48565", "ภูเก็ต", True),
        ("tmd", "48567", "ภูเก็ต", True),
    ]
    assert not result.problems.height


def test_reach_is_an_option_and_what_is_near_stays_listed():
    result = tmd(
        synoptic("1", lat="7.9"), synoptic("2", lat="8.1"), synoptic("3", lat="8.2"), options={"within_km": 15}
    )
    assert kept(WEATHER, result)["station_id"].to_list() == ["1"]
    assert kept(STATION_LISTS, result).select("station_id", "assigned").rows() == [("1", True), ("2", False)]
    assert messages(tmd(), "station-missing") == ["no station is within reach of the city's point"]


def test_one_station_alone_is_no_list_and_elements_without_content_are_missing():
    content = {"Stations": {"Station": synoptic(Rainfall={}, WindSpeed=[], RelativeHumidity=None)}}
    result = TMD.read(encoded(content), Context(PHUKET, DAY))
    row = kept(WEATHER, result).row(0, named=True)
    assert [row[name] for name in ("precipitation_mm", "wind_speed_m_s", "relative_humidity_pct")] == [None] * 3
    assert row["temperature_c"] == 27.5
    assert messages(result, "station-missing") == ["only 1 stations are in the answer; usual are 120"]
    assert len(messages(result, "value-missing")) == 3


def test_a_frosty_morning_is_a_value_and_a_mark_is_not():
    row = kept(WEATHER, tmd(synoptic(AirTemperature="-1", Rainfall="-999"))).row(0, named=True)
    assert (row["temperature_c"], row["precipitation_mm"]) == (-1.0, None)


@pytest.mark.parametrize(
    ("stamp", "codes"),
    [
        ("2026-11-23 01:00", []),
        ("2026-11-23 01:00:00", []),
        # Whoever meant the eleventh of March, or the twelfth of January, is found out by the other days.
        ("11/03/2026 01:00:00", ["station-stale"]),
        ("12/01/2026 01:00:00", ["stamp-bad"]),
        ("23/11/2026 01:00:00", ["stamp-bad"]),
        (None, ["stamp-bad"]),
    ],
)
def test_stamps_are_month_first_and_never_of_the_future(stamp, codes):
    assert tmd(synoptic(stamp=stamp)).problems["code"].to_list() == codes


@pytest.mark.parametrize(
    ("day", "stamp", "codes"),
    [
        (date(2026, 12, 1), "12/01/2026 01:00:00", []),
        (date(2026, 12, 1), "01/12/2026 01:00:00", []),  # no twelfth of January
        (date(2026, 12, 12), "11/12/2026 22:00:00", []),  # of the evening before
        (date(2026, 12, 12), "12/11/2026 22:00:00", []),
        (date(2026, 12, 13), "13/12/2026 01:00:00", []),
        (date(2026, 12, 13), "01/12/2026 01:00:00", ["station-stale"]),  # of neither day
    ],
)
def test_an_answer_of_now_tells_by_its_stamps_whether_the_day_comes_first(day, stamp, codes):
    told = {"Stations": {"Station": [synoptic(stamp=stamp), *[{**each} for each in elsewhere(stamp)]]}}
    result = TMD.read(encoded(told), Context(PHUKET, day, "observations", {}))
    assert result.problems["code"].to_list() == codes
    newest = result.tables["weather"].with_columns(pl.col("start").dt.convert_time_zone("Asia/Bangkok"))
    assert codes or abs(newest["start"][0].date() - day) <= timedelta(days=1)


def elsewhere(stamp):
    return [synoptic(f"4{n}", lat="15.0", lon="101.0", stamp=stamp) for n in range(120)]


@pytest.mark.parametrize("far", ["7.95", "8.2"])
def test_a_station_whose_degrees_changed_places_is_named(far):
    """Within reach, though not within what is listed of stations that are not."""
    result = tmd(synoptic(), synoptic("48567", lat="98.4", lon=far))
    assert kept(WEATHER, result)["station_id"].to_list() == ["48565"]
    assert messages(result, "place-swapped") == ["station 48567: latitude and longitude are each in the other's place"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"Stations": []}, "answer-empty"),
        ({"Stations": {"Station": []}}, "answer-empty"),
        ({"error": "no"}, "answer-bad"),
        ({"Stations": {"Station": ["x"]}}, "answer-bad"),
        ({"Stations": [3]}, "answer-bad"),
    ],
)
def test_observations_that_cannot_be_used_are_rejected(content, code):
    result = TMD.read(encoded(content), Context(PHUKET, DAY))
    assert (result.problems["code"].to_list(), dict(result.tables)) == ([code], {})


def test_a_station_without_number_or_reading_is_refused_not_lost():
    result = tmd(synoptic(AirTemperature="warm"), synoptic("48567") | {"Observation": []})
    assert sorted(result.problems["code"]) == ["stamp-bad", "value-missing", "value-not-number"]
    [row] = result.tables["weather"].to_dicts()
    assert row["temperature_c"] is None and row["relative_humidity_pct"] is not None, "one odd cell is one odd cell"


def test_a_trace_of_rain_costs_no_observation_and_names_are_unescaped():
    result = tmd(synoptic(Rainfall="T") | {"StationNameThai": "&#xE20;&#xE39;&#xE40;&#xE01;&#xE47;&#xE15;"})
    assert result.tables["weather"]["temperature_c"].null_count() == 0
    assert result.tables["station_lists"]["name_th"].to_list() == ["ภูเก็ต"]
