"""Whatever bytes a portal sends, a reader answers with rows and coded problems; it never raises."""

import json
import random
from datetime import date

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from assets.lake.feeds import SOURCES
from assets.sources.source import Context
from quality.problems import CODES
from tests.kit import sampled

DAY = date(2026, 11, 23)
PACKAGE = {"portal": "phuket_gdcatalog", "package": "p"}
OPTIONS = {
    "air4thai_history": {"stations": [{"id": "43t"}]},
    "air4thai_live": {"stations": [{"id": "43t"}]},
    "gtfs": {"feed": "f"},
    "ckan_datasets": {"portal": "phuket_gdcatalog"},
    "ckan_population": PACKAGE,
    "ckan_visitors": PACKAGE,
    "ckan_road_casualties": PACKAGE,
    "ckan_statistics": PACKAGE | {"smart": "living"},
    "ckan_household_income": PACKAGE | {"measure": "income"},
    "nso_sdmx_household": {"flow": "DF_INCOME", "key": "A.{province}", "measure": "income"},
}

SHAPES = {
    "air4thai_history": {
        "result": "OK",
        "stations": [{"stationID": "43t", "data": [{"DATETIMEDATA": "2026-11-22 01:00:00", "PM25": 9.3, "WS": "1"}]}],
    },
    "air4thai_live": {
        "stations": [
            {
                "stationID": "43t",
                "nameTH": "ก ",
                "lat": "7.9",
                "long": "98.3",
                "AQILast": {
                    "date": "2026-11-23",
                    "time": "09:00",
                    "PM25": {"value": "9", "aqi": "1"},
                    "AQI": {"aqi": "2"},
                },
            }
        ]
    },
    "open_meteo": {
        "latitude": 7.8,
        "longitude": 98.3,
        "utc_offset_seconds": 25200,
        "hourly_units": {
            "temperature_2m": "°C",
            "relative_humidity_2m": "%",
            "precipitation": "mm",
            "wind_speed_10m": "m/s",
        },
        "hourly": {
            "time": ["2026-11-22T00:00"],
            "temperature_2m": [1.0],
            "relative_humidity_2m": [1],
            "precipitation": [None],
            "wind_speed_10m": [2],
        },
    },
    "gistda_pm25": {
        "status": 200,
        "data": [{"pv_idn": 83, "pm25": 20.1, "pm25Avg24hr": 18, "dt": "2026-11-23T01:00:00.000Z"}],
    },
    "tmd": {
        "Stations": {
            "Station": [
                {
                    "WmoStationNumber": "48565",
                    "StationNameThai": "ก",
                    "Latitude": "7.9",
                    "Longitude": "98.3",
                    "Observation": {"DateTime": "11/23/2026 01:00:00", "AirTemperature": "27.5", "Rainfall": {}},
                }
            ]
        }
    },
    "longdo_events": [
        {
            "eid": "1",
            "latitude": "7.9",
            "longitude": "98.39",
            "type": "3",
            "severity": "2",
            "start": "2026-11-22 23:30:00",
            "stop": "",
        }
    ],
    "mot_accidents": {
        "success": True,
        "result": {
            "fields": [{"id": name} for name in ("วันที่เกิดเหตุ", "เวลา", "LATITUDE", "LONGITUDE", "KM", "ผู้เสียชีวิต")],
            "records": [
                {"วันที่เกิดเหตุ": "29/2/2567", "เวลา": "0.5", "LATITUDE": "7.9", "LONGITUDE": "98.39", "KM": "1+002"}
            ],
            "total": 1,
        },
    },
    "ckan_population": {
        "success": True,
        "result": {
            "fields": [{"id": name} for name in ("_id", "อำเภอ", "Attribute", "Value", "unit")],
            "records": [{"_id": 1, "อำเภอ": "กะทู้", "Attribute": "ชาย", "Value": "1", "unit": "คน"}],
            "total": 1,
        },
    },
    "ckan_visitors": {
        "success": True,
        "result": {
            "fields": [{"id": name} for name in ("ปี", "รายการ", "จำนวน", "หน่วย", "ประเภท")],
            "records": [{"ปี": "2567", "รายการ": "x", "จำนวน": "1", "หน่วย": "คน", "ประเภท": "รวม"}],
            "total": 1,
        },
    },
}

ODD = [
    None,
    True,
    -1,
    0,
    10**30,
    1e308,
    float("nan"),
    "",
    "x",
    "\ud800",
    "๙" * 40,
    [],
    [[]],
    {},
    {"": 0},
    [{}],
    [1, "a"],
]


def paths(value, here=()):
    yield here
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths(child, (*here, key))


def changed(value, path, new):
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


def judge(name, data, city):
    result = SOURCES[name].read(data, Context(city, DAY, "x@2026-01-01", OPTIONS.get(name, {})))
    assert set(result.problems["code"]) <= set(CODES) - {"option-invalid"}
    assert result.tables or result.problems.height


@pytest.mark.parametrize("part", sampled(range(4), 4))
@pytest.mark.parametrize("name", SHAPES)
def test_any_part_of_an_answer_may_be_anything(name, part, phuket):
    for at, path in enumerate(paths(SHAPES[name])):
        for odd in ODD[(at + part) % 4 :: 4]:
            judge(name, json.dumps(changed(SHAPES[name], path, odd)).encode(), phuket)


@pytest.mark.parametrize("name", SHAPES)
def test_any_part_of_an_answer_may_be_absent_or_doubled(name, phuket):
    whole = json.dumps(SHAPES[name], ensure_ascii=False).encode()
    dice = random.Random(7)
    for _ in range(75):
        start, stop = sorted(dice.choices(range(len(whole)), k=2))
        judge(name, whole[:start] + whole[stop:], phuket)
        judge(name, whole[:stop] + whole[start:], phuket)


RECORDS = {
    "air4thai_live": ("stations",),
    "gistda_pm25": ("data",),
    "gistda_hotspots": ("features",),
    "longdo_events": (),
    "openchargemap": (),
    "osm_facilities": ("elements",),
    "thaiwater_levels": ("waterlevel_data", "data"),
    "tmd": ("Stations", "Station"),
    "traffy_exchange": ("results",),
    "traffy_geojson": ("features",),
}
"""Where the records of an answer are."""


@pytest.mark.parametrize("part", sampled(range(4), 4))
@pytest.mark.parametrize("name", sorted(RECORDS.keys() & SHAPES.keys()))
def test_an_odd_part_of_one_record_costs_no_other(name, part, phuket):
    """Behind the record that is given stands one of which any part is anything: the first is read as it is alone."""
    context = Context(phuket, DAY, "x@2026-01-01", OPTIONS.get(name, {}))
    shape, place = SHAPES[name], RECORDS[name]
    records = shape
    for key in place:
        records = records[key]

    def heights(found):
        answer = json.dumps(changed(shape, place, found)).encode()
        return {table: rows.height for table, rows in SOURCES[name].read(answer, context).tables.items()}

    alone = heights(records[:1])
    for at, path in enumerate(paths(records[0])):
        for odd in ODD[(at + part) % 4 :: 4]:
            both = heights([records[0], changed(records[0], path, odd)])
            assert both.keys() == alone.keys(), (path, odd)


@pytest.mark.parametrize("name", sorted(SOURCES))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(b"")
@example(b"\x00\x00")
@example(b"a,a,_row\n1,2,3\n")
@example("อำเภอ,Value\nก,1\n".encode() * 2)
@example("ปี,รายการ,จำนวน,หน่วย\n2567,ก,1,คน\n".encode("utf-16"))
@example(b"DATETIMEDATA,station_id,label,_label\n2026-01-01 00:00,43t,1,2\n")
@example(b"PK\x05\x06" + bytes(18))
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_judged(name, phuket, data):
    judge(name, data, phuket)
