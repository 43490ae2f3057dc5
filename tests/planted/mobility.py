"""Faults in what is told of roads and public transport."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

from tests.planted import changes as do
from tests.planted.changes import Change, records
from tests.planted.fault import PHUKET, Fault, in_province, newest

FEED = "namtang "


def gtfs(name: str, edit: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Change:
    """The rows of a file of the feed."""

    def change(data: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
            for member in source.namelist():
                told = source.read(member)
                target.writestr(
                    zipfile.ZipInfo(member, (2026, 1, 1, 0, 0, 0)), records(edit)(told) if member == name else told
                )
        return out.getvalue()

    return change


ROADS = [
    Fault(
        "83 deaths x10 in all months",
        PHUKET + "dataset_10_48",
        "road_casualties",
        records(do.times("จำนวน", 10)),
        "road_casualties (jump:persons|restated:persons|fewer-injured)",
    ),
    Fault(
        "84 deaths of one month gone",
        PHUKET + "dataset_10_48",
        "road_casualties",
        records(do.without(lambda row: newest(row) and row["เดือน"] == "มีนาคม")),
        "",
    ),
    Fault(
        "119 deaths per 100,000",
        PHUKET + "dataset_10_48",
        "road_casualties",
        records(do.times("จำนวน", 0.243), do.put("หน่วย", "ราย")),
        "road_casualties deliveries_(value-not-number|unit-.*|quantity-other)",
    ),
    Fault(
        "deaths of the newest year x10",
        PHUKET + "dataset_10_48",
        "road_casualties",
        records(do.times("จำนวน", 10, only=newest)),
        "road_casualties jump:persons",
    ),
    Fault(
        "injuries a hundredth",
        PHUKET + "dataset_10_47",
        "road_casualties",
        records(do.times("จำนวน", 0.01)),
        "road_casualties (fewer-injured|restated:persons|deliveries_value-not-number)",
    ),
    Fault(
        "86 latitude and longitude swapped",
        "mot /dataset",
        "road_accidents",
        records(do.swap("LATITUDE", "LONGITUDE")),
        "road_accidents deliveries_(place-swapped|value-null)",
    ),
    Fault(
        "87 deaths x100",
        "mot /dataset",
        "road_accidents",
        records(do.put("ผู้เสียชีวิต", "100", only=in_province)),
        "road_accidents plausible:deaths",
    ),
    Fault("88 accidents twice in the file", "mot /dataset", "road_accidents", records(do.again()), ""),
    Fault(
        "116 accidents as mojibake",
        "mot /dataset",
        "road_accidents",
        lambda data: data.decode("utf-8-sig").encode().decode("latin-1").encode(),
        "road_accidents deliveries_(file-malformed|column-missing|file-encoding)",
    ),
    Fault(
        "injured x100",
        "mot /dataset",
        "road_accidents",
        records(do.put("ผู้บาดเจ็บสาหัส", "200", only=in_province)),
        "road_accidents plausible:serious",
    ),
    Fault(
        "accidents of another province's name",
        "mot /dataset",
        "road_accidents",
        records(do.put("จังหวัด", "ระนอง", only=in_province)),
        "",
    ),
    Fault("half of the accidents gone", "mot /dataset", "road_accidents", records(do.part(0.4)), ""),
    Fault(
        "accidents of next year",
        "mot /dataset",
        "road_accidents",
        do.text(r"/(2567|2568|2024|2025)(?=,)", "/2571"),
        "road_accidents deliveries_(value-future|stamp-bad)",
    ),
    Fault(
        "events of 2027",
        "longdo ",
        "road_events",
        do.text("2026-11-2", "2027-11-2"),
        "road_events deliveries_value-future",
    ),
    Fault(
        "events with swapped places",
        "longdo ",
        "road_events",
        records(do.swap("latitude", "longitude")),
        "road_events deliveries_place-swapped",
    ),
    Fault(
        "events end before they begin",
        "longdo ",
        "road_events",
        records(do.put("stop", "2026-11-18 00:00:00", only=lambda row: row["stop"])),
        "",
    ),
    Fault(
        "events of another kind of code",
        "longdo ",
        "road_events",
        records(do.put("type", "99"), do.put("icon", "x", only=lambda row: "icon" in row)),
        "",
    ),
]

TRANSIT = [
    Fault(
        "90 no trips",
        FEED,
        "transit_service",
        gtfs("trips.txt", lambda rows: rows[:0]),
        "transit_\\w+ deliveries_column-missing",
        ("transit_stops", "transit_routes"),
    ),
    Fault(
        "91 no stop times",
        FEED,
        "transit_service",
        gtfs("stop_times.txt", lambda rows: rows[:0]),
        "transit_\\w+ deliveries_column-missing",
        ("transit_stops", "transit_routes"),
    ),
    Fault(
        "93 calendar over",
        FEED,
        "transit_service",
        gtfs("calendar.txt", do.put("end_date", "20250101")),
        "transit_\\w+ deliveries_feed-expired",
        ("transit_stops", "transit_routes"),
    ),
    Fault(
        "95 stops twice under other ids",
        FEED,
        "transit_service",
        gtfs("stops.txt", do.again(lambda row: row.update(stop_id="x" + row["stop_id"]))),
        "transit_stops twins",
        ("transit_stops", "transit_routes"),
    ),
    Fault(
        "stops with swapped places",
        FEED,
        "transit_service",
        gtfs("stops.txt", do.swap("stop_lat", "stop_lon")),
        "transit_stops deliveries_place-swapped-back",
        ("transit_stops", "transit_routes"),
    ),
    Fault(
        "headways in minutes",
        FEED,
        "transit_service",
        gtfs("frequencies.txt", do.times("headway_secs", 1 / 60)),
        "transit_service restated:departures",
        ("transit_stops", "transit_routes"),
    ),
    Fault(
        "half of the stops",
        FEED,
        "transit_service",
        gtfs("stops.txt", do.without(lambda row: len(row["stop_id"]) and int(row["stop_id"][-1:], 36) % 2)),
        "transit_stops fewer-listed",
        ("transit_stops", "transit_routes"),
    ),
    Fault(
        "stops without names",
        FEED,
        "transit_service",
        gtfs("stops.txt", do.put("stop_name", "")),
        "transit_stops (name-told|deliveries_value-missing)",
        ("transit_stops", "transit_routes"),
    ),
]
