"""Fire hotspots of VIIRS, as GISTDA and as NASA's FIRMS tell them.

GISTDA: ``GET /api/2.0/resources/features/viirs/1day?limit=1000&offset=`` with the header ``API-Key``; GeoJSON, page by
page, the features' properties being FIRMS' attributes and the place's names. FIRMS:
``GET /api/area/csv/{key}/VIIRS_SNPP_NRT/{west,south,east,north}/1/{date}``, CSV
(https://firms.modaps.eosdis.nasa.gov/api/area/, attributes: https://www.earthdata.nasa.gov/data/tools/firms/faq).

``acq_date`` and ``acq_time`` are UTC in FIRMS, the time HHMM without leading zeros. No document tells GISTDA's zone:
UTC is taken there too, for the attributes are FIRMS' own, while ``th_date`` and ``th_time`` stand beside them in
Bangkok time, the date in the Buddhist era; where they disagree with UTC it is said. No day of the region is without
any hotspot, so that an answer without one is a bad answer: an outage of the satellite looks the same.

The two tell the same fires and are never added up. Names of villages are not taken.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.geo import Km, Within, lon_lat, within
from assets.sources.once import once
from assets.sources.parsing import fields_of, illegible, parsed, record_batch
from assets.sources.source import Context, ReadResult, Source
from assets.sources.table_files import read_csv
from quality.batch import Batch
from quality.problems import problem
from quality.tables import HOTSPOT_DAYS, HOTSPOTS
from quality.tables.shared import LATITUDE, LONGITUDE

SOURCES = {"gistda": "gistda_hotspots", "firms": "firms_hotspots"}
"""Source as the table names it → its reader."""

PAGE = 1000
"""GISTDA's own cap."""

MAX_PAGES = 60
"""Of one night: the burning season has some 10,000 hotspots a day in the region and three satellites."""

AREA = f"{LONGITUDE[0]:g},{LATITUDE[0]:g},{LONGITUDE[1]:g},{LATITUDE[1]:g}"

WITHIN_KM = 30.0
"""Reach around the city's point where the registry says no other: smoke travels farther than a district."""

CONFIDENCE = {"l": "low", "n": "nominal", "h": "high"} | {name: name for name in ("low", "nominal", "high")}

FIRMS = ("latitude", "longitude", "acq_date", "acq_time", "satellite", "confidence", "frp", "bright_ti4")
FIRMS_ALSO = ("scan", "track", "instrument", "version", "bright_ti5", "daynight", "country_id", "type")
"""Columns that are taken, and those that are known besides."""

GISTDA = (*FIRMS, "lu_name", "th_date")
"""Properties that are expected; ``th_time`` is taken where it comes."""

_TAKEN = (*GISTDA, "th_time")
_NEEDED = ("latitude", "longitude", "acq_date", "acq_time")


class HotspotOptions(Within):
    """Smoke drifts."""

    within_km: Km = WITHIN_KM


def plan_gistda(city: City, day: date, base: str, options: HotspotOptions) -> Generator[Request, bytes | None, None]:
    """The last day's hotspots of the whole region, page by page to the end."""
    for offset in range(0, MAX_PAGES * PAGE, PAGE):
        answer = yield Request(
            name=f"viirs_1day/{offset}",
            url=f"{base}/api/2.0/resources/features/viirs/1day",
            params={"limit": f"{PAGE}", "offset": f"{offset}"},
            headers={"API-Key": "{key:gistda}"},
            conditional=False,
            # A later page may be empty: the last one was full.
            check=_first if offset == 0 else lambda data: parsed(data, _fault)[1],
        )
        if answer is None or _is_last(parsed(answer, _fault)[0], offset):
            return


def plan_firms(city: City, day: date, base: str, options: HotspotOptions) -> Generator[Request, bytes | None, None]:
    """The two UTC days before the delivery day: the older one was not over when it was asked for the night before."""
    for asked in (day - timedelta(days=2), day - timedelta(days=1)):
        yield Request(
            name=f"viirs_snpp/{asked}",
            url=f"{base}/api/area/csv/{{key:firms}}/VIIRS_SNPP_NRT/{AREA}/1/{asked}",
            expect="csv",
            conditional=False,
            check=_csv_fault,
        )


def read_gistda(data: bytes, context: Context[HotspotOptions]) -> ReadResult:
    """Tables ``hotspots`` within the option ``within_km``, and ``hotspot_days`` from the last page."""
    offset = int(found[1]) if (found := re.search(r"/(\d+)$", context.name)) else 0
    hotspots, ends = _page(data, offset)
    whole_day = context.day - timedelta(days=1) if ends else None
    return _result(GISTDA_HOTSPOTS.name, "gistda", hotspots, whole_day, context)


def read_firms(data: bytes, context: Context[HotspotOptions]) -> ReadResult:
    """Tables ``hotspots`` within the option ``within_km``, and ``hotspot_days`` for the day in the receipt's name."""
    found = re.search(r"\d{4}-\d{2}-\d{2}$", context.name)
    whole_day = date.fromisoformat(found[0]) if found else None
    return _result(FIRMS_HOTSPOTS.name, "firms", _file(data), whole_day, context)


GISTDA_HOTSPOTS = Source(
    name=SOURCES["gistda"],
    title="GISTDA fire hotspots (VIIRS)",
    smart="environment",
    tables=(HOTSPOTS.name, HOTSPOT_DAYS.name),
    portal="gistda",
    document="https://api-gateway.gistda.or.th/api/2.0/resources/features/viirs/1day",
    plan=plan_gistda,
    reader=read_gistda,
    zone="UTC (assumed); th_date in Asia/Bangkok",
    label="instant",
    missing=("null", "absent"),
    units="MW, K",
    version=2,
    options=HotspotOptions,
    national=True,
)

FIRMS_HOTSPOTS = Source(
    name=SOURCES["firms"],
    title="NASA FIRMS fire hotspots (VIIRS, Suomi NPP)",
    smart="environment",
    tables=(HOTSPOTS.name, HOTSPOT_DAYS.name),
    portal="firms",
    document="https://firms.modaps.eosdis.nasa.gov/api/area/",
    plan=plan_firms,
    reader=read_firms,
    zone="UTC",
    label="instant",
    missing=("",),
    units="MW, K",
    options=HotspotOptions,
    national=True,
    past=True,
)

_NONE = "no hotspot in the whole region: clouds and an outage of the satellite look the same"


def _fault(payload: Any) -> str | None:
    if payload["type"] != "FeatureCollection":
        return "no FeatureCollection"
    features = payload["features"]
    some = any(fields_of(fields_of(one).get("properties")) for one in features)
    return None if some or features == [] else "no feature has properties"


def _first(data: bytes) -> str | None:
    payload, reason = parsed(data, _fault)
    return reason or (None if payload["features"] else _NONE)


def _is_last(payload: Any, offset: int) -> bool:
    """Whether no page follows: this one is short, or the count that some answers tell is reached."""
    count, matched = len(payload["features"]), payload.get("numberMatched")
    return count < PAGE or (isinstance(matched, int) and 0 < matched <= offset + count)


def _short(payload: Any, offset: int) -> bool:
    """Whether the answer tells of more than what came, and no page follows."""
    count, matched = len(payload["features"]), payload.get("numberMatched")
    return count < PAGE and isinstance(matched, int) and matched > offset + count


def _flat(feature: Mapping[str, Any]) -> dict[str, Any]:
    """Properties that are taken; the geometry stands in for a place that they do not tell."""
    properties, (lon, lat) = fields_of(feature.get("properties")), lon_lat(feature.get("geometry"))
    found = {name: properties[name] for name in _TAKEN if name in properties}
    return found if lon is None else {"longitude": lon, "latitude": lat} | found


@once
def _page(data: bytes, offset: int) -> tuple[Batch, bool]:
    """All hotspots of a page of GISTDA, and whether with it all of the day are told."""
    payload, reason = parsed(data, _fault)
    if reason:
        return Batch.rejected("answer-bad", reason), False
    features = payload["features"]
    if not features and offset == 0:
        return Batch.rejected("answer-empty", _NONE), False
    names = {name for feature in features for name in _flat(fields_of(feature))} or set(GISTDA)
    hotspots = _placed(record_batch(features, _flat, _TAKEN, "properties").also(*_absent(GISTDA, names)))
    if _short(payload, offset):
        count = f"{offset + len(features)} of {payload['numberMatched']} hotspots came"
        return hotspots.note("window-short", f"{count}; the day is not told whole"), False
    ends = _is_last(payload, offset)
    if not ends and offset + PAGE >= MAX_PAGES * PAGE:
        return hotspots.note(
            "window-short", f"{MAX_PAGES} pages were full, and no more are asked for in a night"
        ), False
    return hotspots, ends


@once
def _file(data: bytes) -> Batch:
    """All hotspots of a file of FIRMS."""
    table = _table(data)
    if table.is_rejected:
        return table
    names = set(table.rows.columns) - {"_row"}
    new = (problem("column-new", f"unknown column {name!r:.60}") for name in names - {*FIRMS, *FIRMS_ALSO})
    return _placed(table.select(*(_text(name, names) for name in _TAKEN)).also(*_absent(FIRMS, names), *new))


def _table(data: bytes) -> Batch:
    """The CSV as text; a refused key is answered with a sentence."""
    table = read_csv(data)
    if table.is_rejected:
        return table
    if lacking := [name for name in _NEEDED if name not in table.rows.columns]:
        message = f"no CSV of hotspots: no column {', '.join(lacking)}; the key may be refused"
        return Batch.rejected("answer-bad", message)
    return Batch(table.rows) if table.rows.height else Batch.rejected("answer-empty", _NONE)


def _csv_fault(data: bytes) -> str | None:
    table = _table(data)
    return table.found.item(0, "message") if table.is_rejected else None


def _absent(expected: Iterable[str], names: set[str]) -> Iterator[pl.DataFrame]:
    return (problem("column-missing", f"no {name}") for name in expected if name not in names)


def _text(name: str, names: set[str]) -> pl.Expr:
    return pl.col(name) if name in names else pl.lit(None, pl.String).alias(name)


def _day(name: str) -> pl.Expr:
    """Date from text, day first or ISO (its time is cut off), in either era."""
    iso = r"^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?$"
    return thai.date(thai.clean(pl.col(name)).str.replace(iso, "$3/$2/$1"))


def _moment(day: str, time: str, zone: str) -> pl.Expr:
    """UTC moment from a date and HHMM without leading zeros ("5" is 00:05) or HH:MM."""
    digits = thai.clean(pl.col(time)).str.extract(r"^(\d{1,2}:?\d{2}|\d{1,2})(?::\d{2})?$", 1)
    clock = digits.str.replace(":", "", literal=True).str.zfill(4)
    stamp = pl.concat_str(_day(day).cast(pl.String), clock, separator=" ")
    read = stamp.str.to_datetime("%Y-%m-%d %H%M", time_unit="us", strict=False)
    return read.dt.replace_time_zone(zone).dt.convert_time_zone("UTC")


def _result(
    reader: str, source: str, hotspots: Batch, whole_day: date | None, context: Context[HotspotOptions]
) -> ReadResult:
    """``whole_day``: the day of which the source has told all hotspots with this delivery."""
    if hotspots.is_rejected:
        return ReadResult.of(reader, hotspots=hotspots)
    near = _near(source, hotspots, context)
    days = {"_row": [1], "source": [source], "local_date": [whole_day]}
    return ReadResult.of(
        reader,
        f"{hotspots.rows.height} hotspots, {near.rows.height} of them within reach",
        hotspots=near,
        hotspot_days=Batch(pl.DataFrame(days, schema=_DAY_SCHEMA).drop_nulls()),
    )


def _placed(text: Batch) -> Batch:
    """Hotspots with places, moments and confidences read from their text."""
    degree = thai.clean(pl.col("confidence")).str.to_lowercase()
    placed = text.with_columns(
        lat=thai.number(pl.col("latitude"), pl.Float64()),
        lon=thai.number(pl.col("longitude"), pl.Float64()),
        at=_moment("acq_date", "acq_time", "UTC"),
        _thai=_moment("th_date", "th_time", "Asia/Bangkok"),
        _day=_day("th_date"),
        _confidence=degree.replace_strict(CONFIDENCE, default=None, return_dtype=pl.String),
    ).with_columns(_local=pl.col("at").dt.convert_time_zone("Asia/Bangkok").dt.date())
    if lost := placed.rows.filter(pl.col("lat").is_null() | pl.col("lon").is_null()).height:
        return placed.note("value-missing", f"{lost} of {placed.rows.height} hotspots have no place")
    return placed


def _near(source: str, hotspots: Batch, context: Context[HotspotOptions]) -> Batch:
    """``hotspots`` of the city."""
    same_time = pl.col("_thai").is_null() | (pl.col("_thai") == pl.col("at"))
    agrees = (pl.col("_day") == pl.col("_local")) & same_time
    near = (
        within(hotspots, context.city, context.options.within_km)
        .refuse(
            (pl.col("at").is_null(), "stamp-bad", "acq_date and acq_time are no moment"),
        )
        .warn(
            ~thai.is_missing(pl.col("th_date")) & ~agrees.fill_null(value=False),
            "stamp-contradicts",
            "th_date and th_time are not acq_date and acq_time, read as UTC, in Bangkok",
        )
    )
    near = illegible(near, ("bright_ti4", "frp"))
    if unknown := near.rows.filter(pl.col("_confidence").is_null() & ~thai.is_missing(pl.col("confidence"))).height:
        near = near.note("quantity-other", f"{unknown} hotspots have a confidence of another scale: left out")
    return near.select(
        "at",
        "lat",
        "lon",
        "distance_km",
        source=pl.lit(source),
        satellite=thai.clean(pl.col("satellite")).replace("", None),
        local_date="_local",
        confidence="_confidence",
        frp_mw=thai.number(pl.col("frp"), pl.Float64()),
        brightness_k=thai.number(pl.col("bright_ti4"), pl.Float64()),
        land_use=thai.clean(pl.col("lu_name")).replace("", None),
    ).distinct(HOTSPOTS.key)


_DAY_SCHEMA = pl.Schema({"_row": pl.Int64(), "source": pl.String(), "local_date": pl.Date()})
