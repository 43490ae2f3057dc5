"""Air4Thai, the Pollution Control Department's network: hourly history and the live feed.

History: ``GET /forweb/getHistoryData.php?stationID=44t,…&param=…&type=hr&sdate=&edate=&stime=00&etime=23``, JSON
``{result, error, stations: [{stationID, params, data: [{DATETIMEDATA, PM25, …}]}]}``; JSON null is a missing value. A
CSV dump of one station's ``data`` (``DATETIMEDATA`` and the parameters as columns) is read alike.
Live: ``GET /services/getNewAQI_JSON.php``, all stations with their newest reading; every number is a string, "-1",
"-999" and "-9999" are missing, and PM values are running 24-hour means.

No document specifies them; the shapes are those of https://air4thai.pcd.go.th as served. Both label an hour by its
*end*, in Asia/Bangkok without an offset. The history's predecessor (``/webV2/history/api/data.php``: whole numbers,
"-" for missing) labelled it by its *beginning*: the option ``label: start`` says so of a file from there.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.parsing import (
    distinct,
    missing_values,
    not_numbers,
    parsed,
    problems_at,
    read_csv,
    rejected,
    text_frame,
    without,
)
from assets.sources.source import Context, ReadResult, Source
from assets.sources.stations import listed
from quality.problems import gather, problem
from quality.tables import AIR_QUALITY

POLLUTANTS = {
    "PM25": "pm25_ug_m3",
    "PM10": "pm10_ug_m3",
    "O3": "o3_ppb",
    "CO": "co_ppm",
    "NO2": "no2_ppb",
    "SO2": "so2_ppb",
}
PLACE = {"nameTH": "name_th", "nameEN": "name_en", "lat": "lat", "long": "lon", "areaTH": "area"}
"""Field of the live feed → column of ``station_lists``."""

WEATHER = {"WS": "wind_speed_m_s", "TEMP": "temperature_c", "RH": "relative_humidity_pct", "WD": "wind_direction_deg"}
HISTORY = POLLUTANTS | WEATHER
LIVE = POLLUTANTS | {"AQI": "aqi_th"}

MISSING_NUMBERS = (-1.0, -9.99, -999.0, -9999.0)
"""Numbers that the network writes for "no value"."""

MISSING = ("-1", "-9.99", "-999", "-9999", "-", "N/A", "null")

LABELS = {"end": timedelta(hours=1), "start": timedelta(0)}
"""What to take from an hour's label to get its start, by what the label marks."""

STALE_AFTER = timedelta(hours=24)
"""A listed station whose newest hour is older than this against the feed's newest counts as silent: publication is
hourly, and stations that stopped days ago stay listed."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_STATION = re.compile(r"(?<![0-9a-z])((?:[a-z]{2,3})?\d{1,3}t)(?![0-9a-z])")
"""Station ids: 44t, bkp102t."""


def stations_of(options: Mapping[str, Any]) -> list[str]:
    """Ids of the stations that the registry assigns to a city (``stations: [{id, …}]``)."""
    return [station["id"] for station in options.get("stations", ())]


def plan_history(
    city: City, day: date, base: str, options: Mapping[str, Any]
) -> Generator[Request, bytes | None, None]:
    """All hours labelled with the day before the delivery day, for all of the city's stations in one request."""
    asked = (day - timedelta(days=1)).isoformat()
    if stations := stations_of(options):
        yield Request(
            name=f"history/{asked}",
            url=f"{base}/forweb/getHistoryData.php",
            params={
                "stationID": ",".join(stations),
                "param": ",".join(HISTORY),
                "type": "hr",
                "sdate": asked,
                "edate": asked,
                "stime": "00",
                "etime": "23",
            },
            conditional=False,
            check=lambda data: parsed(data, _history_fault)[1],
        )


def plan_live(city: City, day: date, base: str, options: Mapping[str, Any]) -> Generator[Request, bytes | None, None]:
    """The whole network's newest readings: one request for the country."""
    yield Request(
        name="live",
        url=f"{base}/services/getNewAQI_JSON.php",
        check=lambda data: parsed(data, _live_fault)[1],
    )


def read_history(data: bytes, context: Context[Any]) -> ReadResult:
    """Table ``air_quality``, product ``hourly``, from the JSON answer or a CSV dump of one station.

    The period asked for is told by the dates in the receipt's name; fewer hours than that are ``window-short``, for
    the portal answers "OK" to a period it no longer serves.
    """
    if data.lstrip()[:1] in (b"{", b"["):
        payload, reason = parsed(data, _history_fault)
        if reason:
            return rejected("air4thai_history", "answer-bad", reason)
        frame, names = _history_rows(payload)
        evidence = "JSON of getHistoryData"
    else:
        given = read_csv(data)
        table, faults = given.rows, given.found
        if given.is_rejected:
            return ReadResult("air4thai_history", problems=faults)
        if "DATETIMEDATA" not in table.columns:
            return rejected("air4thai_history", "format-unknown", "neither JSON nor a CSV with DATETIMEDATA")
        station = _single_station(context)
        if station is None:
            return rejected("air4thai_history", "file-malformed", "neither name nor registry tells the one station")
        names = set(table.columns) - {"_row", ""}
        frame = table.select("_row", *sorted(names & {"DATETIMEDATA", *HISTORY}), station_id=pl.lit(station))
        evidence = "CSV with DATETIMEDATA"
    if not frame.height:
        return rejected("air4thai_history", "answer-empty", "no hour in the answer")
    frame = frame.rename({"DATETIMEDATA": "label"})
    said = [
        problem("column-new", f"unknown parameter {name!r:.60}") for name in sorted(names - {"DATETIMEDATA", *HISTORY})
    ]
    asked = _DAY.findall(context.name)
    if asked:
        said += _short(frame, date.fromisoformat(asked[0]), date.fromisoformat(asked[-1]))
    label = str(context.options.get("label", "end"))
    if label not in LABELS:
        return rejected("air4thai_history", "option-invalid", "label is neither start nor end")
    return _measured(
        frame,
        "hourly",
        HISTORY,
        "air4thai_history",
        evidence,
        said,
        stations_of(context.options),
        LABELS[label],
    )


def read_live(data: bytes, context: Context[Any]) -> ReadResult:
    """Tables ``air_quality``, product ``running_24h``, of the stations assigned to the city, and ``station_lists``."""
    payload, reason = parsed(data, _live_fault)
    if reason:
        return rejected("air4thai_live", "answer-bad", reason)
    if not payload["stations"]:
        return rejected("air4thai_live", "answer-empty", "the answer lists no stations")
    frame = _live_rows(payload)
    newest = frame["label"].str.to_datetime(_MINUTES, strict=False).max()
    stations = stations_of(context.options)
    places, misplaced = listed(frame, context, "air4thai", pl.col("station_id").is_in(stations))
    frame = frame.filter(pl.col("station_id").is_in(stations)).drop(*PLACE.values())
    start_of_day = datetime.combine(context.day, time())
    limit = max(newest, start_of_day) - STALE_AFTER if isinstance(newest, datetime) else start_of_day
    stale = problems_at(
        frame,
        "station-stale",
        pl.col("label").str.to_datetime(_MINUTES, strict=False) < limit,
        pl.format("station {}: newest reading is of {}", "station_id", "label"),
    )
    return _measured(
        frame,
        "running_24h",
        LIVE,
        "air4thai_live",
        "JSON of getNewAQI_JSON",
        [stale, misplaced],
        stations,
        tables={"station_lists": places},
    )


AIR4THAI_HISTORY = Source(
    name="air4thai_history",
    title="Air4Thai hourly history",
    smart="environment",
    tables=("air_quality",),
    portal="air4thai",
    document="https://air4thai.pcd.go.th/webV3/#/History",
    plan=plan_history,
    reader=read_history,
    zone="Asia/Bangkok",
    label="end",
    missing=MISSING,
    units="ug/m3 (PM), ppb (O3, NO2, SO2), ppm (CO), m/s, degrees C, %",
    past=True,
)

AIR4THAI_LIVE = Source(
    name="air4thai_live",
    title="Air4Thai live feed",
    smart="environment",
    tables=("air_quality", "station_lists"),
    portal="air4thai",
    document="https://air4thai.pcd.go.th/services/getNewAQI_JSON.php",
    plan=plan_live,
    reader=read_live,
    zone="Asia/Bangkok",
    label="end",
    missing=MISSING,
    units="ug/m3 (PM, 24-hour running mean), ppb (O3, NO2, SO2), ppm (CO), Thai AQI",
    national=True,
)

_MINUTES = "%Y-%m-%d %H:%M"


def _history_fault(payload: Any) -> str | None:
    if payload["result"] != "OK":
        return f"the portal says {payload['result']!r:.40} instead of OK"
    for station in payload["stations"]:
        if not isinstance(station["stationID"], str) or not isinstance(station["data"], list):
            return "a station without id or list of hours"
        if not all(isinstance(hour, dict) and "DATETIMEDATA" in hour for hour in station["data"]):
            return "an hour without DATETIMEDATA"
    return None


def _live_fault(payload: Any) -> str | None:
    for station in payload["stations"]:
        if not isinstance(station["stationID"], str) or not isinstance(station.get("AQILast") or {}, dict):
            return "a station without id or readings"
    return None


def _history_rows(payload: Any) -> tuple[pl.DataFrame, set[str]]:
    """Hours as text, and the names of all their fields: parameters come and go between stations."""
    hours = [hour | {"station_id": station["stationID"]} for station in payload["stations"] for hour in station["data"]]
    names = {name for hour in hours for name in hour} - {"station_id"}
    return text_frame(hours, ["station_id", *sorted(names & {"DATETIMEDATA", *HISTORY})]), names


def _live_rows(payload: Any) -> pl.DataFrame:
    rows = []
    for station in payload["stations"]:
        last = station.get("AQILast") or {}
        values = {name: _entry(last, name, "value") for name in POLLUTANTS} | {"AQI": _entry(last, "AQI", "aqi")}
        label = f"{last.get('date', '')} {last.get('time', '')}"
        place = {column: station.get(name) for name, column in PLACE.items()}
        rows.append({"station_id": station["stationID"].strip(), "label": label} | values | place)
    return text_frame(rows, ["station_id", "label", *LIVE, *PLACE.values()])


def _entry(last: Mapping[str, Any], name: str, field: str) -> Any:
    entry = last.get(name)
    return entry.get(field) if isinstance(entry, dict) else None


def _single_station(context: Context[Any]) -> str | None:
    """The station of a file that holds only one: told by its name, or the only one assigned."""
    named, assigned = _STATION.search(context.name), stations_of(context.options)
    return named.group(1) if named else assigned[0] if len(assigned) == 1 else None


def _short(frame: pl.DataFrame, first: date, last: date) -> list[pl.DataFrame]:
    hours = ((last - first).days + 1) * 24
    asked = frame.filter(pl.col("label").str.slice(0, 10).is_between(pl.lit(str(first)), pl.lit(str(last))))
    got = frame.select("station_id").unique().join(asked.group_by("station_id").len(), on="station_id", how="left")
    return [
        problem("window-short", f"station {station}: {count or 0} of {hours} hours from {first} to {last}")
        for station, count in got.sort("station_id").iter_rows()
        if (count or 0) < hours
    ]


def _measured(
    frame: pl.DataFrame,
    product: str,
    columns: Mapping[str, str],
    reader: str,
    evidence: str,
    said: Sequence[pl.DataFrame],
    assigned: Sequence[str],
    label_to_start: timedelta = LABELS["end"],
    tables: Mapping[str, pl.DataFrame] | None = None,
) -> ReadResult:
    """``air_quality`` rows from text: label to start, text to numbers, marks to null."""
    absent = [name for name in columns if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    text = pl.col("label").str.strip_chars()
    label = pl.coalesce(text.str.to_datetime(f, strict=False) for f in (f"{_MINUTES}:%S", _MINUTES))
    frame = frame.with_columns(_label=label.cast(pl.Datetime("us")))
    bad_stamps = problems_at(frame, "stamp-bad", pl.col("_label").is_null(), "the hour's label is not a date and time")
    refused = gather([bad_stamps, not_numbers(frame, columns)]).unique("row", keep="first", maintain_order=True)
    begin = pl.col("_label") - label_to_start
    rows = without(frame, refused).select(
        "_row",
        "station_id",
        start=thai.utc(begin),
        local_date=begin.dt.date(),
        product=pl.lit(product),
        **{
            column: _value(pl.col(name)).cast(AIR_QUALITY.schema[column], strict=False)
            for name, column in columns.items()
        },
    )
    rows, repeats = distinct(rows, AIR_QUALITY.key)
    silent = sorted(set(assigned) - set(frame["station_id"]))
    return ReadResult(
        reader,
        evidence,
        {"air_quality": rows, **(tables or {})},
        gather(
            [
                *said,
                refused,
                repeats,
                missing_values(rows, list(columns.values())),
                *(problem("column-missing", f"no parameter {name}") for name in absent),
                *(problem("station-missing", f"station {station} is not in the answer") for station in silent),
            ]
        ),
    )


def _value(text: pl.Expr) -> pl.Expr:
    value = thai.number(text, pl.Float64())
    return pl.when(~value.is_in(list(MISSING_NUMBERS))).then(value)
