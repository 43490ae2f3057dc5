"""The demo's portals answer in the shapes that their documents tell, misbehave when told to, and leave nothing open."""

import csv
import http.client
import io
import json
import socket
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from assets.cities.registry import City, load_registry
from assets.landing.deployment import Deployment
from assets.landing.portals import PORTALS
from assets.landing.store import LocalStore
from demo.packages import PENDING
from demo.portal import serve
from demo.profile import IMPATIENT, demo
from pipelines.settings import BANGKOK, Settings
from tests.home import Home
from tests.kit import ask, ask_national

DAY = date(2026, 11, 23)
WEATHER = "temperature_2m,relative_humidity_2m,precipitation,wind_speed_10m"


@pytest.fixture(scope="module")
def cities() -> dict[str, City]:
    return load_registry()


@pytest.fixture(scope="module")
def portals(cities: dict[str, City]) -> Iterator[dict[str, str]]:
    with serve(cities.values(), DAY, faults={}) as urls:
        yield urls


def get(url: str, headers: dict[str, str] | None = None, timeout: float = 10, **query: object) -> Any:
    """Status, headers and bytes, whatever the status."""
    request = urllib.request.Request(f"{url}?{urlencode(query)}" if query else url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def get_json(url: str, **query: object) -> Any:
    status, headers, body = get(url, **query)
    assert status == 200 and headers["Content-Type"].startswith("application/json")
    return json.loads(body)


def history(url: str, stations: str, first: str, last: str, params: str = "PM25,SO2,TEMP") -> Any:
    hours = {"stime": "00", "etime": "23"}
    path = f"{url}/forweb/getHistoryData.php"
    return get_json(path, stationID=stations, param=params, type="hr", sdate=first, edate=last, **hours)


def weather(url: str, city: City, **query: object) -> Any:
    asked = {"hourly": WEATHER, "timezone": "Asia/Bangkok", "start_date": "2026-11-22", "end_date": "2026-11-22"}
    return get(f"{url}/v1/forecast", latitude=city.lat, longitude=city.lon, **asked | query)


def test_every_portal_has_an_address_on_this_machine(portals: dict[str, str]) -> None:
    assert portals.keys() == PORTALS.keys()
    assert {urlsplit(url).hostname for url in portals.values()} == {"127.0.0.1"}


def test_live_air_is_text_with_missing_marks_and_one_station_stands_still(portals: dict[str, str]) -> None:
    stations = get_json(f"{portals['air4thai']}/services/getNewAQI_JSON.php")["stations"]
    ids = [station["stationID"] for station in stations]
    assert len(ids) == len(set(ids)) and {"43t", "46t", "40t", "50t"} <= set(ids)
    assert any(station["nameTH"].endswith(" ") for station in stations)
    assert all(isinstance(station[name], str) for station in stations for name in ("lat", "long"))
    entries = [station["AQILast"][name] for station in stations for name in ("PM25", "PM10", "O3", "CO", "NO2", "SO2")]
    assert all(isinstance(value, str) for entry in entries for value in entry.values())
    assert "-1" in {entry["value"] for entry in entries} and "-999" in {entry["aqi"] for entry in entries}
    assert all(0 <= float(entry["value"]) < 1000 for entry in entries if entry["value"] != "-1")
    labels = {station["stationID"]: station["AQILast"]["date"] for station in stations}
    assert {station for station, label in labels.items() if label != "2026-11-23"} == {"39t"}


def test_air_history_labels_hours_asked_and_says_ok_outside_its_window(portals: dict[str, str]) -> None:
    answer = history(portals["air4thai"], "40t,38t,nowhere", "2026-11-22", "2026-11-22")
    assert answer["result"] == "OK"
    assert [station["stationID"] for station in answer["stations"]] == ["40t", "38t"]
    for station in answer["stations"]:
        assert [hour["DATETIMEDATA"] for hour in station["data"]] == [f"2026-11-22 {h:02d}:00:00" for h in range(24)]
        measured = [hour["PM25"] for hour in station["data"] if hour["PM25"] is not None]
        assert len(measured) >= 18 and all(0 < value < 400 and round(value, 1) == value for value in measured)
    old = history(portals["air4thai"], "40t", "2026-06-30", "2026-07-01")
    assert [hour["DATETIMEDATA"][:10] for hour in old["stations"][0]["data"]] == ["2026-07-01"] * 24
    future = history(portals["air4thai"], "40t", "2026-11-23", "2026-11-24")
    assert [hour["DATETIMEDATA"][11:13] for hour in future["stations"][0]["data"]] == ["00", "01"]


def test_live_particulate_matter_is_the_mean_of_the_last_24_hours(portals: dict[str, str]) -> None:
    stations = get_json(f"{portals['air4thai']}/services/getNewAQI_JSON.php")["stations"]
    shown = next(station["AQILast"]["PM25"]["value"] for station in stations if station["stationID"] == "50t")
    hours = history(portals["air4thai"], "50t", "2026-11-22", "2026-11-23")["stations"][0]["data"][-24:]
    measured = [hour["PM25"] for hour in hours if hour["PM25"] is not None]
    assert float(shown) == pytest.approx(sum(measured) / len(measured), abs=0.05001)


def test_weather_has_a_day_of_hours_in_the_units_it_tells(portals: dict[str, str], cities: dict[str, City]) -> None:
    status, _, body = weather(portals["open_meteo"], cities["phuket"], wind_speed_unit="ms")
    answer = json.loads(body)
    assert status == 200 and answer["utc_offset_seconds"] == 25200 and "generationtime_ms" in answer
    assert answer["hourly_units"] == {
        "time": "iso8601",
        "temperature_2m": "°C",
        "relative_humidity_2m": "%",
        "precipitation": "mm",
        "wind_speed_10m": "m/s",
    }
    assert answer["hourly"]["time"] == [f"2026-11-22T{hour:02d}:00" for hour in range(24)]
    assert {len(column) for column in answer["hourly"].values()} == {24}
    assert all(20 <= value <= 38 for value in answer["hourly"]["temperature_2m"])
    assert abs(answer["latitude"] - cities["phuket"].lat) < 0.1
    in_kmh = json.loads(weather(portals["open_meteo"], cities["phuket"])[2])
    assert in_kmh["hourly_units"]["wind_speed_10m"] == "km/h"
    assert in_kmh["hourly"]["wind_speed_10m"][5] == pytest.approx(3.6 * answer["hourly"]["wind_speed_10m"][5], abs=0.06)
    other = json.loads(weather(portals["open_meteo"], cities["korat"], wind_speed_unit="ms")[2])
    assert other["hourly"] != answer["hourly"]


def test_weather_of_one_hour_is_the_same_in_either_zone(portals: dict[str, str], cities: dict[str, City]) -> None:
    local = json.loads(weather(portals["open_meteo"], cities["samyan"])[2])
    utc = json.loads(weather(portals["open_meteo"], cities["samyan"], timezone="GMT")[2])
    assert utc["utc_offset_seconds"] == 0
    assert utc["hourly"]["temperature_2m"][:17] == local["hourly"]["temperature_2m"][7:]


@pytest.mark.parametrize("query", [{"hourly": "snowfall"}, {"start_date": "yesterday"}, {"timezone": "Mars"}])
def test_a_query_it_cannot_answer_is_400(
    portals: dict[str, str], cities: dict[str, City], query: dict[str, str]
) -> None:
    status, _, body = weather(portals["open_meteo"], cities["phuket"], **query)
    assert status == 400 and json.loads(body)["error"] is True


def test_transit_feed_is_a_gtfs_zip_asked_for_conditionally(portals: dict[str, str], cities: dict[str, City]) -> None:
    url = f"{portals['namtang']}/download/namtang-gtfs.zip"
    status, headers, body = get(url)
    archive = zipfile.ZipFile(io.BytesIO(body))
    tables = {
        name.removesuffix(".txt"): list(csv.DictReader(io.StringIO(archive.read(name).decode())))
        for name in archive.namelist()
    }
    assert status == 200 and archive.testzip() is None
    members = {"agency", "stops", "routes", "trips", "calendar", "calendar_dates", "frequencies", "feed_info"}
    assert members | {"stop_times"} == set(tables)
    assert tables["stops"][0]["stop_name"].count(";") == 1
    assert {row["stop_id"] for row in tables["stop_times"]} <= {row["stop_id"] for row in tables["stops"]}
    assert {row["trip_id"] for row in tables["stop_times"]} == {row["trip_id"] for row in tables["trips"]}
    assert {row["route_id"] for row in tables["trips"]} == {row["route_id"] for row in tables["routes"]}
    samyan = cities["samyan"]
    near = [
        s
        for s in tables["stops"]
        if abs(float(s["stop_lat"]) - samyan.lat) + abs(float(s["stop_lon"]) - samyan.lon) < 0.02
    ]
    assert len(near) >= 5
    info = tables["feed_info"][0]
    assert info["feed_version"] == "20261123" and info["feed_end_date"] > "20261123"
    assert get(url, headers={"If-None-Match": headers["ETag"]})[::2] == (304, b"")
    assert get(url, headers={"If-None-Match": '"old"'})[0] == 200


def rows_of(url: str, package: str, limit: int) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """A package's description and its rows, page by page."""
    api = f"{url}/api/3/action"
    described = get_json(f"{api}/package_show", id=package)
    assert described["success"] is True
    resource, records = described["result"]["resources"][0], []
    while True:
        page = get_json(f"{api}/datastore_search", resource_id=resource["id"], limit=limit, offset=len(records))
        assert page["success"] is True
        records += page["result"]["records"]
        if len(records) >= page["result"]["total"]:
            return described["result"], records


@pytest.mark.parametrize(
    ("package", "count"), [("phuket001", 12), ("dataset_10_34", 99), ("dataset_10_09", 99), ("dataset_10_02", 72)]
)
def test_package_is_the_same_page_by_page_and_as_a_file(portals: dict[str, str], package: str, count: int) -> None:
    url = portals["phuket_gdcatalog"]
    described, records = rows_of(url, package, limit=7)
    assert [record["_id"] for record in records] == list(range(1, count + 1))
    assert datetime.fromisoformat(described["metadata_modified"]).date() <= DAY
    resource = described["resources"][0]
    assert resource["url"].startswith(PORTALS["phuket_gdcatalog"].base_url)
    status, _, body = get(url + urlsplit(resource["url"]).path)
    listed = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    assert status == 200 and listed == [{k: v for k, v in record.items() if k != "_id"} for record in records]


def test_packages_carry_the_faults_of_the_real_ones(portals: dict[str, str]) -> None:
    url = portals["phuket_gdcatalog"]
    population = {(r["อำเภอ"], r["Attribute"]): int(r["Value"]) for r in rows_of(url, "phuket001", 100)[1]}
    off = {
        area: population[area, "รวม"] - population[area, "ชาย"] - population[area, "หญิง"]
        for area in ("อำเภอเมืองภูเก็ต", "อำเภอกะทู้", "อำเภอถลาง", "รวม")
    }
    assert off == {"อำเภอเมืองภูเก็ต": 27, "อำเภอกะทู้": 0, "อำเภอถลาง": 0, "รวม": 0}
    men = [persons for (area, sex), persons in population.items() if sex == "ชาย" and area != "รวม"]
    assert population["รวม", "ชาย"] != sum(men)
    visitors = rows_of(url, "dataset_10_34", 100)[1]
    assert {r["ปี"] for r in visitors} == {str(year) for year in range(2558, 2569)}
    assert sum(r["จำนวน"] == PENDING for r in visitors) == 6
    commas = {r["ปี"] for r in visitors if "," in r["จำนวน"]}
    assert commas and commas < {r["ปี"] for r in visitors}
    assert sum(r["สัญชาติ"] == "รวม" for r in visitors) == 33


def test_unknown_package_and_path_are_404(portals: dict[str, str]) -> None:
    status, _, body = get(f"{portals['phuket_gdcatalog']}/api/3/action/package_show", id="hospital-location")
    assert status == 404 and json.loads(body)["success"] is False
    assert get(f"{portals['open_meteo']}/v2/forecast")[0] == 404
    assert get(f"{portals['air4thai'].rpartition('/')[0]}/nobody/")[0] == 404


def test_answers_depend_on_query_and_day_alone(cities: dict[str, City]) -> None:
    def ask(day: date) -> list[bytes]:
        with serve(cities.values(), day, faults={}) as urls:
            return [
                get(f"{urls['air4thai']}/services/getNewAQI_JSON.php")[2],
                json.dumps(history(urls["air4thai"], "40t", "2026-11-21", "2026-11-22")).encode(),
                weather(urls["open_meteo"], cities["phuket"])[2],
                get(f"{urls['namtang']}/download/namtang-gtfs.zip")[2],
                get(f"{urls['phuket_gdcatalog']}/api/3/action/package_show", id="phuket001")[2],
            ]

    first, later = ask(DAY), ask(date(2026, 11, 24))
    assert first == ask(DAY)
    assert first[0] != later[0], "the live feed moves on"
    assert first[1] == later[1] and first[3] == later[3], "the past and the week's feed do not"


@pytest.mark.parametrize(("fault", "status"), [("403", 403), ("429", 429), ("500", 500), ("html", 200), ("empty", 200)])
def test_faults_on_demand(cities: dict[str, City], fault: str, status: int) -> None:
    with serve(cities.values(), DAY, faults={"air4thai": fault}) as urls:
        got, headers, body = get(f"{urls['air4thai']}/services/getNewAQI_JSON.php")
        assert got == status
        assert (fault == "empty") == (body == b"") and (fault == "429") == ("Retry-After" in headers)
        if fault == "html":
            assert body.startswith(b"<!DOCTYPE html>") and headers["Content-Type"].startswith("text/html")
        assert weather(urls["open_meteo"], cities["phuket"])[0] == 200, "another portal is not concerned"


def test_a_truncated_answer_is_shorter_than_it_says(cities: dict[str, City]) -> None:
    with (
        serve(cities.values(), DAY, faults={"namtang": "truncated"}) as urls,
        pytest.raises(http.client.IncompleteRead),
    ):
        get(f"{urls['namtang']}/download/namtang-gtfs.zip")


def test_a_hanging_portal_ends_when_the_server_closes(cities: dict[str, City]) -> None:
    with serve(cities.values(), DAY, faults={"open_meteo": "timeout"}) as urls:
        with pytest.raises(TimeoutError):
            weather_url = f"{urls['open_meteo']}/v1/forecast"
            get(weather_url, timeout=0.2)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5


def test_the_demos_own_fault_hits_one_city(cities: dict[str, City]) -> None:
    with serve(cities.values(), DAY) as urls:
        for slug, kind in (("mae_moh", "text/html"), ("phuket", "application/json")):
            status, headers, _ = weather(urls["open_meteo"], cities[slug])
            assert status == 200 and headers["Content-Type"].startswith(kind)


def test_a_fault_of_a_city_hits_requests_for_its_stations(cities: dict[str, City]) -> None:
    with serve(cities.values(), DAY, faults={"air4thai/phuket": "500"}) as urls:
        asked = f"{urls['air4thai']}/forweb/getHistoryData.php"
        assert get(asked, stationID="43t")[0] == 500
        assert get(asked, stationID="46t")[0] == 400, "served, and found wanting"


@pytest.mark.parametrize("faults", [{"air4thai": "sulk"}, {"nobody": "403"}, {"traffy/phuket": "403"}])
def test_unknown_faults_and_portals_are_refused(cities: dict[str, City], faults: dict[str, str]) -> None:
    with (
        pytest.raises(ValueError, match=r"unknown|cannot fail for one city"),
        serve(cities.values(), DAY, faults=faults),
    ):
        pass


def test_a_bad_night_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings().demo_faults is None
    monkeypatch.setenv("MUANG_DEMO_FAULTS", '{"traffy": "timeout", "open_meteo/nan": "drip"}')
    assert Settings().demo_faults == {"traffy": "timeout", "open_meteo/nan": "drip"}
    monkeypatch.setenv("MUANG_DEMO_FAULTS", "{}")
    assert Settings().demo_faults == {}


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ('{"traffy": "sulk"}', r"unknown faults ['sulk']; known are"),
        ('{"trafy": "403"}', r"unknown portals ['trafy']; known are"),
        ('{"traffy/phuket": "403"}', "are asked about single cities"),
        ('{"open_meteo/atlantis": "403"}', r"unknown cities ['atlantis']"),
        ("traffy", "not a JSON object"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_by_name(tmp_path: Path, faults: str, says: str) -> None:
    home = Home(tmp_path / "home")
    home.home.mkdir()
    result = home.muang("nightly", "--profile", "demo", "--city", "nan", MUANG_DEMO_FAULTS=faults)
    assert result.returncode == 2
    assert "demo_faults" in result.stderr and says in " ".join(result.stderr.split())


def test_a_portal_that_hangs_costs_whoever_watches_seconds(cities: dict[str, City], tmp_path: Path) -> None:
    deployment = Deployment(
        store=LocalStore(tmp_path),
        cities=cities,
        portals={},
        inbox=tmp_path,
        now=lambda: datetime(2026, 11, 23, 1, 30, tzinfo=BANGKOK),
    )
    with demo(deployment, [], DAY, tmp_path, 50, {"longdo": "timeout", "open_meteo": "drip"}) as deployment:
        begun = time.monotonic()
        for _ in range(3):
            [receipt] = ask_national(deployment, "longdo_events", DAY)
            assert receipt.outcome == "not-reached"
        nan = cities["nan"]
        [receipt] = ask(deployment, nan, "weather", DAY)
        assert receipt.outcome == "not-reached"
        took = time.monotonic() - begun
    assert took < 2 * IMPATIENT.host_seconds + 5


def test_closes_its_socket_and_threads_even_after_an_error(cities: dict[str, City]) -> None:
    before = set(threading.enumerate())
    with pytest.raises(RuntimeError), serve(cities.values(), DAY) as urls:
        get(f"{urls['air4thai']}/services/getNewAQI_JSON.php")
        raise RuntimeError
    port = urlsplit(urls["air4thai"]).port
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=2):
        pass
    assert set(threading.enumerate()) <= before


def test_a_client_that_goes_away_disturbs_nobody(cities: dict[str, City], capfd: pytest.CaptureFixture[str]) -> None:
    with serve(cities.values(), DAY, faults={}) as urls:
        address = ("127.0.0.1", urlsplit(urls["air4thai"]).port)
        with socket.create_connection(address) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            client.sendall(b"GET /namtang/download/namtang-gtfs.zip HTTP/1.0\r\n\r\n")
        assert weather(urls["open_meteo"], cities["phuket"])[0] == 200
    assert capfd.readouterr().err == ""
