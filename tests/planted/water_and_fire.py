"""Faults in what is told of rivers, rain and fires."""

from datetime import timedelta
from typing import Any

from tests.planted import changes as do
from tests.planted.changes import records
from tests.planted.fault import Fault

LEVELS, RAIN = "thaiwater waterlevel_load", "thaiwater rain_24h"
MSL, BANK = "waterlevel_msl", "diff_wl_bank"
OVER, BELOW = "ล้นตลิ่ง (ม.)", "ต่ำกว่าตลิ่ง (ม.)"
TURNED = {OVER: BELOW, BELOW: OVER}
DAY = timedelta(days=1)
STAMP = "%Y-%m-%d %H:%M"


def mine(row: dict[str, Any]) -> bool:
    """Of ThaiWater's stations: those of the city's province."""
    return bool(row["geocode"]["province_code"] == "83")


WATER = [
    Fault(
        "65 side of the bank turned",
        LEVELS,
        "water_levels",
        records(do.each(lambda row: row.update(diff_wl_bank_text=TURNED[row["diff_wl_bank_text"]]), only=mine)),
        "water_levels deliveries_value-contradicts",
    ),
    Fault(
        "67 levels of ten days ago",
        LEVELS,
        "water_levels",
        records(do.dated("waterlevel_datetime", -10 * DAY, STAMP)),
        "water_levels (freshness|deliveries_station-stale)",
    ),
    Fault(
        "68 levels of next year",
        LEVELS,
        "water_levels",
        records(do.dated("waterlevel_datetime", 365 * DAY, STAMP)),
        "water_levels deliveries_(stamp-bad|value-future)",
    ),
    Fault(
        "69 latitude and longitude swapped",
        LEVELS,
        "water_levels",
        records(do.swap("station.tele_station_lat", "station.tele_station_long")),
        "water_levels deliveries_place-swapped",
    ),
    Fault(
        "level in cm",
        LEVELS,
        "water_levels",
        records(do.times(MSL, 100, only=mine)),
        "water_levels (usual:level_msl_m|deliveries_cell-range)",
    ),
    Fault(
        "level against the bank in cm",
        LEVELS,
        "water_levels",
        records(do.times(BANK, 100, only=mine)),
        "water_levels plausible:above_bank_m",
    ),
    Fault(
        "filling as a share",
        LEVELS,
        "water_levels",
        records(do.times("storage_percent", 0.01, only=lambda row: mine(row) and row["storage_percent"])),
        "water_levels contradicts.*",
    ),
    Fault(
        "filling x10",
        LEVELS,
        "water_levels",
        records(do.times("storage_percent", 10, only=lambda row: mine(row) and row["storage_percent"])),
        "water_levels (contradicts.*|plausible.*)",
    ),
    Fault(
        "level of -999",
        LEVELS,
        "water_levels",
        records(do.put(MSL, "-999.00", only=mine, first=2)),
        "water_levels deliveries_(value-missing|cell-range|value-range)",
    ),
    Fault(
        "half of the stations gone",
        LEVELS,
        "water_levels",
        records(do.without(lambda row: mine(row) and row["station"]["id"] % 2)),
        "water_levels usual-rows",
    ),
    Fault(
        "stations under other ids",
        LEVELS,
        "water_levels",
        records(do.each(lambda row: row["station"].update(id=row["station"]["id"] + 5_000_000), only=mine)),
        "water_levels usual-rows",
    ),
    Fault(
        "stations of another province",
        LEVELS,
        "water_levels",
        records(
            do.each(
                lambda row: row["station"].update(tele_station_lat=row["station"]["tele_station_lat"] + 8), only=mine
            )
        ),
        "water_levels usual-rows",
    ),
    Fault(
        "71 rain of -9.99",
        RAIN,
        "rainfall",
        records(do.put("rain_24h", -9.99, only=mine, first=2)),
        "rainfall deliveries_value-missing",
    ),
    Fault(
        "rain x100",
        RAIN,
        "rainfall",
        records(do.put("rain_24h", 4000, only=mine)),
        "rainfall deliveries_(value-range|cell-range)",
    ),
    Fault(
        "rain of 700 mm", RAIN, "rainfall", records(do.put("rain_24h", 700, only=mine)), "rainfall plausible:rain_mm:24"
    ),
    Fault(
        "rain of last week",
        RAIN,
        "rainfall",
        records(do.dated("rainfall_datetime", -8 * DAY, STAMP)),
        "rainfall (freshness|deliveries_station-stale)",
    ),
    Fault(
        "rain of next month",
        RAIN,
        "rainfall",
        records(do.dated("rainfall_datetime", 30 * DAY, STAMP)),
        "rainfall deliveries_(stamp-bad|value-future)",
    ),
    Fault(
        "rain stations with swapped places",
        RAIN,
        "rainfall",
        records(do.swap("station.tele_station_lat", "station.tele_station_long")),
        "rainfall deliveries_place-swapped",
    ),
    Fault(
        "half of the rain stations gone",
        RAIN,
        "rainfall",
        records(do.without(lambda row: mine(row) and row["station"]["id"] % 2)),
        "rainfall usual-rows",
    ),
    Fault(
        "fires x1000 in power",
        "gistda ",
        "hotspots",
        records(do.times("properties.frp", 1000)),
        "hotspots plausible:frp_mw",
    ),
    Fault(
        "fires in Celsius",
        "gistda ",
        "hotspots",
        records(do.each(lambda row: row["properties"].update(bright_ti4=50.0))),
        "hotspots deliveries_cell-range",
    ),
    Fault(
        "fires with swapped places",
        "firms ",
        "hotspots",
        records(do.swap("latitude", "longitude")),
        "hotspots deliveries_place-swapped",
    ),
    Fault(
        "fires of the future",
        "gistda ",
        "hotspots",
        do.text("2026-11-20", "2026-12-20"),
        "hotspots deliveries_(value-future|stamp-contradicts)",
    ),
    Fault(
        "no fire told although there were",
        "gistda ",
        "hotspots",
        do.content(lambda told: told.update(features=[], numberMatched=0, numberReturned=0)),
        "hotspots (source-changed|deliveries_answer-empty)",
    ),
]
