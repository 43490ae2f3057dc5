"""Faults in what is told of air and weather."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.planted import changes as do
from tests.planted.changes import Change, records
from tests.planted.fault import Fault

HISTORY, LIVE = "air4thai getHistoryData", "air4thai getNewAQI"
GRID, TMD = "open_meteo /v1/forecast", "tmd "
MODEL_AIR, PROVINCE = "open_meteo_air ", "gistda_pm25 "


def hourly(name: str, edit: Callable[[int, Any], Any]) -> Change:
    """A column of Open-Meteo's answer, by place."""

    def edited(told: Any) -> None:
        column = told["hourly"][name]
        column[:] = [edit(place, value) for place, value in enumerate(column)]

    return do.content(edited)


def unit(name: str, word: str) -> Change:
    """A unit of Open-Meteo's answer."""
    return do.content(lambda told: told["hourly_units"].update({name: word}))


def live(edit: Callable[[Any], Any]) -> Change:
    """The city's station of the live feed."""
    return records(do.each(edit, only=lambda row: row["stationID"] == "43t"))


AIR = [
    Fault(
        "43 PM2.5 of -5 for 6 h",
        HISTORY,
        "air_quality",
        records(do.put("PM25", -5, first=6)),
        "air_quality deliveries_cell-range",
    ),
    Fault(
        "44 PM2.5 frozen at 17.0",
        HISTORY,
        "air_quality",
        records(do.put("PM25", 17.0)),
        "air_quality frozen:pm25_ug_m3",
    ),
    Fault(
        "45 PM2.5 x10",
        HISTORY,
        "air_quality",
        records(do.times("PM25", 10)),
        "air_quality (pm25-day-plausible|usual:pm25_ug_m3|plausible:pm25_ug_m3)",
    ),
    Fault(
        "46 PM2.5 of 999 in an hour",
        HISTORY,
        "air_quality",
        records(do.put("PM25", 999, first=1)),
        "air_quality plausible:pm25_ug_m3",
    ),
    Fault(
        "47 PM2.5 and PM10 swapped",
        HISTORY,
        "air_quality",
        records(do.swap("PM25", "PM10")),
        "air_quality pm25-within-pm10",
    ),
    Fault(
        "50 hours 7 h early",
        HISTORY,
        "air_quality",
        records(do.dated("DATETIMEDATA", -timedelta(hours=7), "%Y-%m-%d %H:%M:%S")),
        "air_quality deliveries_window-short",
    ),
    Fault("51 PM2.5 zero all day", HISTORY, "air_quality", records(do.put("PM25", 0)), "air_quality frozen:pm25_ug_m3"),
    Fault(
        "52 station of another city",
        HISTORY,
        "air_quality",
        do.text('"43t"', '"44t"'),
        "air_quality deliveries_station-missing",
    ),
    Fault(
        "53 station not in the live feed",
        LIVE,
        "air_quality",
        records(do.without(lambda row: row["stationID"] == "43t")),
        "(air_quality|station_lists) deliveries_station-missing",
    ),
    Fault(
        "55 live feed 9 days old",
        LIVE,
        "air_quality",
        live(lambda row: row["AQILast"].update(date="2026-11-12")),
        "air_quality deliveries_station-stale",
    ),
    Fault(
        "56 live feed of the future",
        LIVE,
        "air_quality",
        live(lambda row: row["AQILast"].update(date="2026-12-05")),
        "air_quality deliveries_value-future",
    ),
    Fault(
        "117 PM25 called pm2_5",
        HISTORY,
        "air_quality",
        records(do.each(lambda row: row.update({"pm2_5": row.pop("PM25")}))),
        "air_quality (deliveries_column-missing|pm25-told)",
    ),
    Fault(
        "PM10 x10", HISTORY, "air_quality", records(do.times("PM10", 10)), "air_quality (plausible|usual):pm10_ug_m3"
    ),
    Fault("PM2.5 a tenth", HISTORY, "air_quality", records(do.times("PM25", 0.1)), "air_quality usual:pm25_ug_m3"),
    Fault(
        "ozone as a share of ppm", HISTORY, "air_quality", records(do.times("O3", 0.001)), "air_quality usual:o3_ppb"
    ),
    Fault(
        "CO in ppb",
        HISTORY,
        "air_quality",
        records(do.times("CO", 1000)),
        "air_quality (deliveries_cell-range|plausible:co_ppm)",
    ),
    Fault("CO x10", HISTORY, "air_quality", records(do.times("CO", 10)), "air_quality usual:co_ppm"),
    Fault("NO2 frozen", HISTORY, "air_quality", records(do.put("NO2", 9.5)), "air_quality frozen:no2_ppb"),
    Fault("NO2 x10", HISTORY, "air_quality", records(do.times("NO2", 10)), "air_quality usual:no2_ppb"),
    Fault(
        "SO2 of 99 ppb all day, a code",
        HISTORY,
        "air_quality",
        records(do.put("SO2", 99.9)),
        "air_quality (frozen:so2_ppb|usual:so2_ppb)",
    ),
    Fault(
        "temperature in Fahrenheit",
        HISTORY,
        "air_quality",
        records(do.each(lambda row: row.update(TEMP=row["TEMP"] and row["TEMP"] * 1.8 + 32))),
        "air_quality deliveries_cell-range",
    ),
    Fault("wind in km/h", HISTORY, "air_quality", records(do.times("WS", 3.6)), "air_quality usual:wind_speed_m_s"),
    Fault(
        "humidity as a share",
        HISTORY,
        "air_quality",
        records(do.times("RH", 0.01)),
        "air_quality plausible:relative_humidity_pct",
    ),
    Fault(
        "wind direction always north",
        HISTORY,
        "air_quality",
        records(do.put("WD", 0)),
        "air_quality frozen:wind_direction_deg",
    ),
    Fault("half of the hours", HISTORY, "air_quality", records(do.part(0.5)), "air_quality deliveries_window-short"),
    Fault(
        "PM2.5 not measured, only 9999",
        HISTORY,
        "air_quality",
        records(do.put("PM25", 9999)),
        "air_quality (pm25-told|deliveries_(cell-range|value-missing))",
    ),
    Fault(
        "live PM2.5 x10",
        LIVE,
        "air_quality",
        live(lambda row: row["AQILast"]["PM25"].update(value="999.0")),
        "air_quality plausible:pm25_ug_m3",
    ),
    Fault(
        "live index over its scale",
        LIVE,
        "air_quality",
        live(lambda row: row["AQILast"]["AQI"].update(aqi="999")),
        "air_quality plausible:aqi_th",
    ),
    Fault(
        "station put elsewhere",
        LIVE,
        "air_quality",
        live(lambda row: row.update(lat="8.500", long="98.392")),
        "(air_quality|station_lists) deliveries_station-moved",
    ),
    Fault(
        "model's PM2.5 and PM10 swapped",
        MODEL_AIR,
        "air_quality",
        do.content(lambda told: told["hourly"].update(pm2_5=told["hourly"]["pm10"], pm10=told["hourly"]["pm2_5"])),
        "air_quality pm25-within-pm10",
    ),
    Fault(
        "model's PM2.5 x10",
        MODEL_AIR,
        "air_quality",
        hourly("pm2_5", lambda _, value: value and value * 10),
        "air_quality (pm25-day-plausible|(usual|plausible):pm25_ug_m3|pm25-within-pm10)",
    ),
    Fault(
        "province's PM2.5 x10",
        PROVINCE,
        "air_quality",
        records(do.times("pm25", 10), do.times("pm25Avg24hr", 10)),
        "air_quality (pm25-day-plausible|(usual|plausible):pm25_ug_m3)",
    ),
    Fault(
        "province's feed of last week",
        PROVINCE,
        "air_quality",
        do.text(r'"dt": "2026-11-2\d', '"dt": "2026-11-12'),
        "air_quality (deliveries_station-stale|freshness|source-.*)",
    ),
]

WEATHER = [
    Fault(
        "57 temperature in Fahrenheit",
        GRID,
        "weather",
        hourly("temperature_2m", lambda _, value: round(value * 1.8 + 32, 1)),
        "weather (deliveries_cell-range|temperature-mean|plausible:temperature_c)",
    ),
    Fault(
        "59 wind in km/h, rain in inches",
        GRID,
        "weather",
        do.both(unit("wind_speed_10m", "km/h"), unit("precipitation", "inch")),
        "weather deliveries_answer-bad",
    ),
    Fault(
        "60 rain of 350 mm in an hour",
        GRID,
        "weather",
        hourly("precipitation", lambda place, value: 350 if place == 12 else value),
        "weather plausible:precipitation_mm",
    ),
    Fault(
        "grid cell of another place",
        GRID,
        "weather",
        do.content(lambda told: told.update(latitude=18.75, longitude=99.0)),
        "weather deliveries_answer-bad",
    ),
    Fault(
        "model's humidity as a share",
        GRID,
        "weather",
        hourly("relative_humidity_2m", lambda _, value: value / 100),
        "weather plausible:relative_humidity_pct",
    ),
    Fault(
        "temperature frozen", GRID, "weather", hourly("temperature_2m", lambda *_: 27.0), "weather frozen:temperature_c"
    ),
    Fault(
        "hours in UTC",
        GRID,
        "weather",
        do.content(lambda told: told.update(utc_offset_seconds=0)),
        "weather deliveries_(answer-bad|window-short|stamp-contradicts)",
    ),
    Fault(
        "wind x10",
        GRID,
        "weather",
        hourly("wind_speed_10m", lambda _, value: value * 10),
        "weather (usual|plausible):wind_speed_m_s",
    ),
    Fault(
        "wind in km/h, unit untold",
        GRID,
        "weather",
        hourly("wind_speed_10m", lambda _, value: value * 3.6),
        "weather usual:wind_speed_m_s",
    ),
    Fault(
        "all hours without value",
        GRID,
        "weather",
        hourly("temperature_2m", lambda *_: None),
        "weather (temperature-told|deliveries_value-missing)",
    ),
    Fault(
        "10 degrees too warm",
        GRID,
        "weather",
        hourly("temperature_2m", lambda _, value: value + 10),
        "weather (models-differ|usual:temperature_c)",
    ),
    Fault(
        "temperature of -9.99 for three hours",
        GRID,
        "weather",
        hourly("temperature_2m", lambda place, value: -9.99 if 10 < place < 14 else value),
        "weather (deliveries_cell-range|plausible:temperature_c)",
    ),
    Fault(
        "station in Fahrenheit",
        TMD,
        "weather",
        records(do.each(lambda row: row["Observation"].update(AirTemperature="78.8"))),
        "weather deliveries_cell-range",
    ),
    Fault(
        "station's humidity as a share",
        TMD,
        "weather",
        records(do.each(lambda row: row["Observation"].update(RelativeHumidity="0.71"))),
        "weather plausible:relative_humidity_pct",
    ),
    Fault(
        "stations a week old",
        TMD,
        "weather",
        do.text(r"11/21/2026", "11/12/2026"),
        "weather (deliveries_station-stale|freshness)",
    ),
    Fault(
        "station's rain of 999",
        TMD,
        "weather",
        records(do.each(lambda row: row["Observation"].update(Rainfall="999"))),
        "weather deliveries_cell-range",
    ),
    Fault(
        "month and day swapped", TMD, "weather", do.text(r"11/21/2026", "21/11/2026"), "weather deliveries_stamp-bad"
    ),
]
