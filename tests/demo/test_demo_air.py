"""The demo's air and weather, read by the real readers: shapes, quirks, and what the quirks lead to."""

from datetime import date, timedelta

import polars as pl
import pytest

from assets.cities.registry import City, load_registry
from assets.lake.feeds import SOURCES
from assets.lake.station_places import moved, validity
from assets.sources.air4thai import AIR4THAI_HISTORY, AIR4THAI_LIVE
from assets.sources.source import Context, ReadResult, Source
from demo.answers import Answer, Query, World, answer
from quality.tables import STATION_LISTS, TABLES

DAY = date(2026, 11, 23)
CITIES = load_registry()


def asked(source: Source, city: City, day: date = DAY, quirk: str | None = None) -> tuple[Answer, ReadResult]:
    options = next((entry.options for entry in city.sources.values() if entry.reader == source.name), {})
    assert source.portal
    [request] = source.requests(city, day, "", options)
    fields = {name: "demo" if "{key:" in value else value for name, value in request.params.items()}
    found = answer(World(CITIES, day), Query(source.portal, request.url, fields, quirk=quirk))
    assert found.status == 200
    assert request.check and request.check(found.body) is None
    return found, source.read(found.body, Context(city, day, request.name, options))


@pytest.mark.parametrize(
    "name",
    ["air4thai_live", "air4thai_history", "gistda_pm25", "open_meteo", "open_meteo_archive", "open_meteo_air", "tmd"],
)
@pytest.mark.parametrize("slug", ["phuket", "mae_moh", "samyan"])
def test_every_answer_is_read_into_every_table_of_its_source(name: str, slug: str) -> None:
    source, city = SOURCES[name], CITIES[slug]
    first, result = asked(source, city)
    assert first == asked(source, city)[0], "the same question has the same answer"
    assert set(result.tables) == set(source.tables)
    for table, rows in result.tables.items():
        batch = TABLES[table].conform(rows.with_columns(_receipt=pl.lit("r"), _delivered=pl.lit(DAY)))
        good, bad = batch.rows, batch.found
        assert good.height and not bad.height
    assert set(result.problems["code"]) <= {"value-missing", "station-stale"}


def test_the_archive_has_no_hour_of_its_last_days() -> None:
    query = {"latitude": "7.884", "longitude": "98.392", "hourly": "precipitation", "timezone": "Asia/Bangkok"}
    days = {"start_date": "2026-11-17", "end_date": "2026-11-18"}
    found = answer(World(CITIES, DAY), Query("open_meteo_archive", "/v1/archive", {**query, **days}))
    assert found.body.count(b"null") == 24


@pytest.mark.parametrize("fields", [{}, {"uid": "me", "ukey": ""}, {"uid": "{key:tmd_uid}", "ukey": "{key:tmd_ukey}"}])
def test_a_login_that_is_not_known_is_answered_with_nothing(fields: dict[str, str]) -> None:
    found = answer(World(CITIES, DAY), Query("tmd", "/api/Weather3Hours/V2/", fields))
    assert (found.status, found.body) == (200, b"")


def test_a_moved_station_is_found_out_by_the_reader_and_by_its_history() -> None:
    city = CITIES["phuket"]
    before = asked(AIR4THAI_LIVE, city, DAY - timedelta(days=1))[1].tables["station_lists"]
    result = asked(AIR4THAI_LIVE, city, quirk="moved")[1]
    assert [message[:11] for message in result.problems.filter(code="station-moved")["message"]] == ["station 43t"]
    lineage = {"_receipt": pl.lit("r"), "_delivered": pl.lit(DAY)}
    lists = [STATION_LISTS.conform(f.with_columns(**lineage)).rows for f in (before, result.tables["station_lists"])]
    stations = validity(pl.concat(lists))
    assert stations.select("station_id", "valid_from", "valid_to").rows() == [
        ("43t", DAY - timedelta(days=1), DAY - timedelta(days=1)),
        ("43t", DAY, None),
    ]
    [verdict] = moved(stations)
    assert verdict.verdict == "warn"
    assert "beyond 10 km: 43t" in verdict.message


def test_stations_that_stopped_stay_listed() -> None:
    assert not asked(AIR4THAI_LIVE, CITIES["phuket"])[1].problems.filter(code="station-stale").height
    result = asked(AIR4THAI_LIVE, CITIES["phuket"], quirk="stale")[1]
    assert result.problems.filter(code="station-stale")["message"].to_list() == [
        "station 43t: newest reading is of 2026-11-19 01:00"
    ]
    assert result.tables["station_lists"]["station_id"].to_list() == ["43t"]


def test_a_period_answered_in_part_and_with_ok_is_short() -> None:
    result = asked(AIR4THAI_HISTORY, CITIES["phuket"], quirk="silent")[1]
    assert result.problems.filter(code="window-short")["message"].to_list() == [
        "station 43t: 8 of 24 hours from 2026-11-22 to 2026-11-22"
    ]
