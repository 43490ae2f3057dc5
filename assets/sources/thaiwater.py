"""ThaiWater, the Hydro-Informatics Institute's collection of the agencies' stations: water levels and rain.

``GET /api/v1/thaiwater30/public/waterlevel_load``: ``{waterlevel_data: {result, data: [reading]}, …}``.
``GET /api/v1/thaiwater30/public/rain_24h``: ``{result, data: [reading]}``. Both hold the newest reading of every
station in the country. A reading has ``station`` (``id``, place, names, banks), ``agency``, ``geocode``, a stamp
``YYYY-MM-DD HH:MM`` in Bangkok without a zone, and its values, some of them as strings. The reading's own ``id`` is
new with every reading; ``station.id`` stays. ``waterlevel_data`` alone is read: the manual readings have no level.

No document specifies them; the shapes are those of https://api-v3.thaiwater.net as served. What it does not say: the
hours that ``rain_24h`` covers (taken as the 24 before the stamp, after its name) and its unit (taken as mm).
"""

from collections.abc import Callable, Generator, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.geo import Km, Within, within
from assets.sources.once import once
from assets.sources.parsing import absent_fields, illegible, parsed, text_frame
from assets.sources.source import Context, ReadResult, Source
from quality.batch import Batch
from quality.tables import RAINFALL, STATION_LISTS, WATER_LEVELS

PUBLIC = "/api/v1/thaiwater30/public"

WITHIN_KM = 25.0
"""Reach around the city's point where the registry says no other."""

STALE_AFTER = timedelta(hours=24)
"""A listed station whose newest reading is older than this against the newest of all counts as silent: stations
answer within hours, and those that stopped keep their last reading and its situation."""

MISSING_NUMBERS = (-9.99, -999.0, -9999.0)
"""Numbers that agencies write for a sensor at fault. -1 is none: tidal canals fall below the sea's mean level."""

ABOVE, BELOW = "ล้นตลิ่ง", "ต่ำกว่าตลิ่ง"
"""What ``diff_wl_bank_text`` begins with: the side of the bank, for ``diff_wl_bank`` is a distance without a sign."""

LEVELS = ("waterlevel_msl", "diff_wl_bank", "storage_percent", "situation_level")
RAIN = ("rain_24h",)

_DATA: dict[str, Callable[[Any], Any]] = {
    "waterlevel_load": lambda payload: payload["waterlevel_data"],
    "rain_24h": lambda payload: payload,
}
_STATION = ("station_id", "stamp", "lat", "lon", "name_th", "name_en", "area", "agency")
_PARTS = ("station", "agency", "geocode")
_SIDE = "diff_wl_bank_text"
_BANK = ("ground_level", "min_bank")
_OFF = 0.1
"""Metres by which the distance may miss what the record's own level and bank say: both are rounded, banks are
surveyed anew."""


class WaterOptions(Within):
    """Rivers bring water from afar."""

    within_km: Km = WITHIN_KM


def plan(
    endpoint: str, city: City, day: date, base: str, options: WaterOptions
) -> Generator[Request, bytes | None, None]:
    """The whole country in one request; the portal sends no validators."""
    yield Request(
        name=endpoint,
        url=f"{base}{PUBLIC}/{endpoint}",
        conditional=False,
        check=partial(_reason, endpoint),
    )


def read_levels(data: bytes, context: Context[WaterOptions]) -> ReadResult:
    """Tables ``water_levels`` and ``station_lists`` of the stations within the option ``within_km``.

    ``above_bank_m`` is null where the text tells no side or another than the distance's sign or the record's own level
    and bank (``value-contradicts``), and where the station's bank and bed both stand at 0 m: they were never surveyed,
    and any level lies "over" them.
    """
    readings, count = _levels(data)
    if readings.is_rejected:
        return ReadResult.of(THAIWATER_LEVELS.name, water_levels=readings)
    text = thai.clean(pl.col(_SIDE))
    side = pl.when(text.str.starts_with(ABOVE)).then(1.0).when(text.str.starts_with(BELOW)).then(-1.0)
    bed, bank = (thai.number(pl.col(name), pl.Float64()) for name in _BANK)
    near = _near(readings, context, LEVELS).with_columns(
        _side=side,
        _surveyed=(bed.fill_null(0.0) != 0) | (bank.fill_null(0.0) != 0),
        _distance=_value("diff_wl_bank"),
        _own=(_value("waterlevel_msl") - bank).round(2),
    )
    # Adding 0.0 makes no negative zero of a level just below the bank.
    near = near.with_columns(_above=pl.when("_surveyed").then(pl.col("_distance").abs() * pl.col("_side") + 0.0))
    near = _contradicted(near)
    unsurveyed = ~pl.col("_surveyed")
    sideless = pl.col("_surveyed") & pl.col("_side").is_null() & pl.col("_distance").is_not_null()
    levels = near.select(
        *_COMMON,
        at="_at",
        local_date=pl.col("_local").dt.date(),
        level_msl_m=_value("waterlevel_msl"),
        above_bank_m="_above",
        storage_pct=_value("storage_percent"),
        situation=thai.number(pl.col("situation_level"), pl.Int32()),
    )
    for which, why in ((unsurveyed, "were never surveyed"), (sideless, "tell no side of the bank")):
        if those := near.rows.filter(which).height:
            levels = levels.note("value-missing", f"above_bank_m: {those} of {near.rows.height} stations {why}")
    return ReadResult.of(
        THAIWATER_LEVELS.name,
        f"JSON, {near.rows.height} of {count} readings within reach",
        water_levels=levels.distinct(WATER_LEVELS.key).missing(["level_msl_m"]),
        station_lists=_places(near.rows, context.day),
    )


def read_rain(data: bytes, context: Context[WaterOptions]) -> ReadResult:
    """Tables ``rainfall`` (24 hours) and ``station_lists`` of the stations within the option ``within_km``."""
    readings, count = _rain(data)
    if readings.is_rejected:
        return ReadResult.of(THAIWATER_RAIN.name, rainfall=readings)
    near = _near(readings, context, RAIN)
    sums = near.select(
        *_COMMON,
        end="_at",
        hours=pl.lit(24, pl.Int32),
        local_date=(pl.col("_local") - pl.duration(hours=24)).dt.date(),
        rain_mm=_value("rain_24h"),
    )
    return ReadResult.of(
        THAIWATER_RAIN.name,
        f"JSON, {near.rows.height} of {count} readings within reach",
        rainfall=sums.distinct(RAINFALL.key).missing(["rain_mm"]),
        station_lists=_places(near.rows, context.day),
    )


THAIWATER_LEVELS = Source(
    name="thaiwater_levels",
    title="ThaiWater water levels",
    smart="environment",
    tables=(WATER_LEVELS.name, STATION_LISTS.name),
    portal="thaiwater",
    document=f"https://api-v3.thaiwater.net{PUBLIC}/waterlevel_load",
    plan=partial(plan, "waterlevel_load"),
    reader=read_levels,
    zone="Asia/Bangkok",
    label="instant",
    missing=("null", "absent", "", "-", "N/A", "-9.99", "-999", "-9999"),
    units="m above mean sea level, m from the bank without a sign, %",
    options=WaterOptions,
    version=2,
    national=True,
)

THAIWATER_RAIN = Source(
    name="thaiwater_rain",
    title="ThaiWater rain of 24 hours",
    smart="environment",
    tables=(RAINFALL.name, STATION_LISTS.name),
    portal="thaiwater",
    document=f"https://api-v3.thaiwater.net{PUBLIC}/rain_24h",
    plan=partial(plan, "rain_24h"),
    reader=read_rain,
    zone="Asia/Bangkok",
    label="end",
    missing=("null", "absent", "", "-", "N/A", "-9.99", "-999", "-9999"),
    units="mm (not told by the interface)",
    options=WaterOptions,
    national=True,
)

_NOWHERE = pl.col("lat").is_null() | pl.col("lon").is_null() | ((pl.col("lat") == 0) & (pl.col("lon") == 0))
_COMMON = ("station_id", "distance_km", "agency")


@once
def _levels(data: bytes) -> tuple[Batch, int]:
    """The country's water levels, and how many readings the answer has."""
    records, failed = _records(data, "waterlevel_load")
    if failed:
        return Batch.rejected(*failed), 0
    rows = [
        _flat(record, "waterlevel_datetime", (*LEVELS, _SIDE)) | _parts(record, "station", _BANK) for record in records
    ]
    readings = _placed(text_frame(rows, [*_STATION, *LEVELS, _SIDE, *_BANK]))
    return readings.also(absent_fields(records, (*LEVELS, _SIDE, *_PARTS))), len(records)


@once
def _rain(data: bytes) -> tuple[Batch, int]:
    """The country's rain, and how many readings the answer has."""
    records, failed = _records(data, "rain_24h")
    if failed:
        return Batch.rejected(*failed), 0
    rows = [_flat(record, "rainfall_datetime", RAIN) for record in records]
    readings = _placed(text_frame(rows, [*_STATION, *RAIN]))
    return readings.also(absent_fields(records, (*RAIN, *_PARTS))), len(records)


def _records(data: bytes, endpoint: str) -> tuple[list[Any], tuple[str, str] | None]:
    """The readings of an answer, or code and message of why there are none."""
    payload, reason = parsed(data, lambda found: _fault(_DATA[endpoint](found)))
    if reason:
        return [], ("answer-bad", reason)
    records = _DATA[endpoint](payload)["data"] or []
    return records, None if records else ("answer-empty", "the answer lists no stations")


def _reason(endpoint: str, data: bytes) -> str | None:
    failed = _records(data, endpoint)[1]
    return failed[1] if failed else None


def _fault(block: Any) -> str | None:
    if block.get("result", "OK") != "OK":
        return f"the portal says {block['result']!r:.40} instead of OK"
    return None if isinstance(block["data"] or [], list) else "no list of readings"


def _flat(record: Any, stamp: str, fields: Sequence[str]) -> dict[str, Any]:
    """What is taken of a reading; a part that is missing or of another kind gives nothing."""
    if not isinstance(record, dict):
        return {}
    station = _parts(record, "station", ("id", "tele_station_lat", "tele_station_long", "tele_station_name"))
    names = _parts(station, "tele_station_name", ("th", "en"))
    places = _parts(record, "geocode", ("tumbon_name", "amphoe_name", "province_name"))
    area = [_parts(places, name, ("th",))["th"] for name in places]
    agency = _parts(_parts(record, "agency", ("agency_shortname",)), "agency_shortname", ("en", "th"))
    return {
        "station_id": station["id"],
        "stamp": record.get(stamp),
        "lat": station["tele_station_lat"],
        "lon": station["tele_station_long"],
        "name_th": names["th"],
        "name_en": names["en"],
        "area": ", ".join(str(name) for name in area if name),
        "agency": agency["en"] or agency["th"],
    } | {name: record.get(name) for name in fields}


def _parts(record: Any, part: str, fields: Sequence[str]) -> dict[str, Any]:
    found = record.get(part) if isinstance(record, dict) else None
    return {name: found.get(name) if isinstance(found, dict) else None for name in fields}


def _placed(text: pl.DataFrame) -> Batch:
    """Readings with ``_local`` and ``_at`` (their stamp in Bangkok and UTC); one without a place is no city's, so that
    these are only counted."""
    stamp = thai.moment(pl.col("stamp"))
    readings = Batch(text).with_columns(
        *(thai.number(pl.col(name), pl.Float64()) for name in ("lat", "lon")),
        _local=stamp,
        _at=thai.utc(stamp),
        **{
            name: thai.clean(pl.col(name)).replace("", None)
            for name in ("station_id", "name_th", "name_en", "area", "agency")
        },
    )
    lost = readings.rows.filter(_NOWHERE).height
    return (
        readings.note("value-missing", f"{lost} of {readings.rows.height} readings have no place") if lost else readings
    )


def _near(readings: Batch, context: Context[WaterOptions], values: Sequence[str]) -> Batch:
    """Readings within reach with ``distance_km``."""
    tomorrow = datetime.combine(context.day + timedelta(days=1), time())
    newest = readings.rows.filter(pl.col("_local") < tomorrow)["_local"].max()
    limit = max(newest, datetime.combine(context.day, time())) if isinstance(newest, datetime) else tomorrow
    told = (
        within(readings.filter(~_NOWHERE), context.city, context.options.within_km)
        .refuse(
            (pl.col("_local") >= tomorrow, "stamp-bad", "the stamp lies after the day of delivery"),
            (pl.col("_local").is_null(), "stamp-bad", "the stamp is not YYYY-MM-DD HH:MM"),
            (pl.col("station_id").is_null(), "value-null", "the station has no id"),
        )
        .warn(
            pl.col("_local") < limit - STALE_AFTER,
            "station-stale",
            pl.format("station {}: newest reading is of {}", "station_id", "stamp"),
        )
    )
    return illegible(told, sorted(values))


def _value(name: str) -> pl.Expr:
    value = thai.number(pl.col(name), pl.Float64())
    return pl.when(~value.is_in(list(MISSING_NUMBERS))).then(value)


def _contradicted(near: Batch) -> Batch:
    """``near`` without a height above the bank where its side is not that of the record's own level and bank, or the
    distance has a sign that its text has not; where they differ in metres alone it stays, and is said."""
    above, own, distance = (pl.col(name) for name in ("_above", "_own", "_distance"))
    off = (above - own).abs() > _OFF
    turned = off & ((above > 0) != (own > 0))
    told = pl.format("station {}: diff_wl_bank {} {}, ", "station_id", distance, pl.col(_SIDE))
    by_level = pl.concat_str(told, pl.format("although level and bank differ by {} m", own))
    return (
        near.blank({"_above": ((distance < 0) & (above > 0), told + "although negative")}, "value-contradicts")
        .blank({"_above": (turned, by_level)}, "value-contradicts")
        .warn(off, "value-contradicts", by_level)
    )


def _places(near: pl.DataFrame, day: date) -> Batch:
    """``station_lists``: the stations of these readings, each where its newest one has it."""
    stations = near.sort("_at", "_row").unique("station_id", keep="last", maintain_order=True).sort("_row")
    return Batch(stations).select(
        "station_id",
        "name_th",
        "name_en",
        "lat",
        "lon",
        "area",
        "distance_km",
        network=pl.lit("thaiwater"),
        assigned=pl.lit(value=True),
        reference_date=pl.lit(day, pl.Date),
    )
