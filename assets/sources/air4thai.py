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
from collections.abc import Generator, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

import polars as pl
from pydantic import Field

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.once import once
from assets.sources.parsing import fields_of, first_byte, illegible, parsed, record_batch
from assets.sources.past import Remembered, named
from assets.sources.source import Context, History, ReadResult, Source
from assets.sources.stations import Stations, listed, strayed
from assets.sources.table_files import read_csv
from quality.batch import Batch
from quality.problems import problem
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

_TAKEN = {"DATETIMEDATA", *HISTORY}
_STATION = re.compile(r"(?<![0-9a-z])((?:[a-z]{2,3})?\d{1,3}t)(?![0-9a-z])")
"""Station ids: 44t, bkp102t."""


class HistoryOptions(Stations, Remembered):
    """Of the history, which also comes as a file."""

    label: Literal["end", "start"] = Field(default="end", description="what of its hour a stamp marks")


def plan_history(city: City, day: date, base: str, options: HistoryOptions) -> Generator[Request, bytes | None, None]:
    """All hours labelled with the day before the delivery day, for all of the city's stations in one request."""
    if options.stations:
        eve = day - timedelta(days=1)
        yield _hours_of(city, eve, eve, base, options)


def plan_live(city: City, day: date, base: str, options: Stations) -> Generator[Request, bytes | None, None]:
    """The whole network's newest readings: one request for the country."""
    yield Request(
        name="live",
        url=f"{base}/services/getNewAQI_JSON.php",
        check=lambda data: parsed(data, _live_fault)[1],
    )


def read_history(data: bytes, context: Context[HistoryOptions]) -> ReadResult:
    """Table ``air_quality``, product ``hourly``, from the JSON answer or a CSV dump of one station.

    The period asked for is told by the dates in the receipt's name; fewer hours than that are ``window-short``, for
    the portal answers "OK" to a period it no longer serves.
    """
    is_json = first_byte(data) in (b"{", b"[")
    hours = _json_hours(data) if is_json else _csv_hours(data, context)
    if not hours.is_rejected and not hours.rows.height:
        hours = Batch.rejected("answer-empty", "no hour in the answer")
    if hours.is_rejected:
        return ReadResult.of(AIR4THAI_HISTORY.name, air_quality=hours)
    hours = hours.with_columns(label="DATETIMEDATA")
    if asked := named(context.name):
        hours = _short(hours, *asked)
    table = _measured(hours, "hourly", HISTORY, context.options.ids, LABELS[context.options.label])
    evidence = "JSON of getHistoryData" if is_json else "CSV with DATETIMEDATA"
    return ReadResult.of(AIR4THAI_HISTORY.name, evidence, air_quality=table)


def _hours_of(city: City, first: date, last: date, base: str, options: HistoryOptions) -> Request:
    """All hours labelled with these days, of all the city's stations."""
    return Request(
        name=f"history/{first}" + ("" if first == last else f"/{last}"),
        url=f"{base}/forweb/getHistoryData.php",
        params={
            "stationID": ",".join(options.ids),
            "param": ",".join(HISTORY),
            "type": "hr",
            "sdate": str(first),
            "edate": str(last),
            "stime": "00",
            "etime": "23",
        },
        conditional=False,
        check=lambda data: parsed(data, _history_fault)[1],
    )


def _served(day: date, options: HistoryOptions) -> tuple[date, date]:
    """Of the days before, those of the current half-year: what is older the portal answers with OK and no hour. No
    document says so; in March answers began with January, in September with July."""
    half_year = date(day.year, 1 if day.month < 7 else 7, 1)
    return max(day - timedelta(days=options.past_days), half_year), day - timedelta(days=1)


def read_live(data: bytes, context: Context[Stations]) -> ReadResult:
    """Tables ``air_quality``, product ``running_24h``, of the stations assigned to the city, and ``station_lists``."""
    network = _network(data)
    if network.is_rejected:
        return ReadResult.of(AIR4THAI_LIVE.name, air_quality=network)
    stamp = thai.moment(pl.col("label"))
    assigned = pl.col("station_id").is_in(context.options.ids)
    start_of_day = datetime.combine(context.day, time())
    # A clock that runs ahead would make all others look silent.
    newest = network.rows.filter(stamp < start_of_day + timedelta(days=1)).select(stamp.max()).item()
    limit = max(newest, start_of_day) - STALE_AFTER if newest else start_of_day
    readings = network.filter(assigned).warn(
        stamp < limit, "station-stale", pl.format("station {}: newest reading is of {}", "station_id", "label")
    )
    return ReadResult.of(
        AIR4THAI_LIVE.name,
        "JSON of getNewAQI_JSON",
        air_quality=_measured(readings, "running_24h", LIVE, context.options.ids, LABELS["end"]),
        station_lists=strayed(listed(network, context, "air4thai", assigned), context.options.stations),
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
    options=HistoryOptions,
    units="ug/m3 (PM), ppb (O3, NO2, SO2), ppm (CO), m/s, degrees C, %",
    version=2,
    past=True,
    history=History(_hours_of, _served),
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
    options=Stations,
    units="ug/m3 (PM, 24-hour running mean), ppb (O3, NO2, SO2), ppm (CO), Thai AQI",
    version=2,
    national=True,
)


def _history_fault(payload: Any) -> str | None:
    if payload["result"] != "OK":
        return f"the portal says {payload['result']!r:.40} instead of OK"
    for station in payload["stations"]:
        if not isinstance(station["stationID"], str) or not isinstance(station["data"], list):
            return "a station without id or list of hours"
        if station["data"] and not any("DATETIMEDATA" in fields_of(hour) for hour in station["data"]):
            return "no hour has DATETIMEDATA"
    return None


def _live_fault(payload: Any) -> str | None:
    stations = payload["stations"]
    some = any(
        isinstance(station.get("stationID"), str) and isinstance(station.get("AQILast") or {}, Mapping)
        for station in map(fields_of, stations)
    )
    return None if some or not stations else "no station has an id and readings"


@once
def _network(data: bytes) -> Batch:
    """All stations of the live feed as text."""
    payload, reason = parsed(data, _live_fault)
    if reason:
        return Batch.rejected("answer-bad", reason)
    if not payload["stations"]:
        return Batch.rejected("answer-empty", "the answer lists no stations")
    return record_batch(payload["stations"], _flat, ["station_id", "label", *LIVE, *PLACE.values()])


def _json_hours(data: bytes) -> Batch:
    """Hours as text: parameters come and go between stations."""
    payload, reason = parsed(data, _history_fault)
    if reason:
        return Batch.rejected("answer-bad", reason)
    hours = [
        {**hour, "station_id": station["stationID"]} if isinstance(hour, Mapping) else hour
        for station in payload["stations"]
        for hour in station["data"]
    ]
    names = {name for hour in hours for name in fields_of(hour)} - {"station_id"}
    return _known(record_batch(hours, lambda hour: hour, ["station_id", *sorted(names & _TAKEN)]), names)


def _csv_hours(data: bytes, context: Context[HistoryOptions]) -> Batch:
    """Hours of the one station that the file's name tells, or else the only one assigned."""
    table = read_csv(data)
    if table.is_rejected:
        return table
    if "DATETIMEDATA" not in table.rows.columns:
        return Batch.rejected("format-unknown", "neither JSON nor a CSV with DATETIMEDATA")
    named, assigned = _STATION.search(context.name), context.options.ids
    if not named and len(assigned) != 1:
        return Batch.rejected("file-malformed", "neither name nor registry tells the one station")
    names = set(table.rows.columns) - {"_row", ""}
    station = pl.lit(named[1] if named else assigned[0])
    return _known(Batch(table.rows.select("_row", *sorted(names & _TAKEN), station_id=station)), names)


def _known(hours: Batch, names: Iterable[str]) -> Batch:
    return hours.also(*(problem("column-new", f"unknown parameter {name!r:.60}") for name in {*names} - _TAKEN))


def _flat(station: Mapping[str, Any]) -> dict[str, Any]:
    last = fields_of(station.get("AQILast"))
    values = {name: fields_of(last.get(name)).get("value") for name in POLLUTANTS}
    values["AQI"] = fields_of(last.get("AQI")).get("aqi")
    label = f"{last.get('date', '')} {last.get('time', '')}"
    place = {column: station.get(name) for name, column in PLACE.items()}
    return {"station_id": str(station.get("stationID") or "").strip(), "label": label} | values | place


def _short(hours: Batch, first: date, last: date) -> Batch:
    """``window-short`` for each station that has fewer hours than there are from the first day to the last, however
    often one of them is told."""
    due = ((last - first).days + 1) * 24
    label = thai.moment(pl.col("label"))
    asked = label.dt.date().is_between(first, last) & (label == label.dt.truncate("1h"))
    counts = hours.rows.group_by("station_id").agg(hours=label.filter(asked).n_unique()).filter(pl.col("hours") < due)
    return hours.also(
        *(
            problem("window-short", f"station {station}: {count} of {due} hours from {first} to {last}")
            for station, count in counts.iter_rows()
        )
    )


def _measured(
    readings: Batch, product: str, columns: Mapping[str, str], stations: Iterable[str], label_to_start: timedelta
) -> Batch:
    """``air_quality`` rows from text: label to start, text to numbers, marks to null. ``stations``: those expected."""
    absent = [name for name in columns if name not in readings.rows.columns]
    silent = set(stations) - set(readings.rows["station_id"])
    begin = pl.col("_label") - label_to_start
    labelled = readings.with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in absent), _label=thai.moment(pl.col("label"))
    ).refuse(
        (pl.col("_label").is_null(), "stamp-bad", "the hour's label is not a date and time"),
        (pl.col("_label") != pl.col("_label").dt.truncate("1h"), "stamp-bad", "the label is not of a full hour"),
    )
    return (
        illegible(labelled, sorted(columns))
        .select(
            "station_id",
            start=thai.utc(begin),
            local_date=begin.dt.date(),
            product=pl.lit(product),
            **{
                column: _value(pl.col(name)).cast(AIR_QUALITY.schema[column], strict=False)
                for name, column in columns.items()
            },
        )
        .distinct(AIR_QUALITY.key)
        .missing(columns.values())
        .also(
            *(problem("column-missing", f"no parameter {name}") for name in absent),
            *(problem("station-missing", f"station {station} is not in the answer") for station in silent),
        )
    )


def _value(text: pl.Expr) -> pl.Expr:
    value = thai.number(text, pl.Float64())
    return pl.when(~value.is_in(list(MISSING_NUMBERS))).then(value)
