"""Public transport stops and routes from the Namtang feed (Office of Transport and Traffic Policy).

GTFS Schedule, https://gtfs.org/documentation/schedule/reference/, as one ZIP. Names hold both languages in one field
(``ไทย;English``). The feed covers the Bangkok region; each city takes the stops within its reach. A feed is dated by
its version where that is a date, else by its first day. Only the members named here are unpacked: shapes and fares are
most of the feed and nothing reads them.
"""

import io
import math
import zipfile
import zlib
from collections.abc import Generator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from assets import thai
from assets.cities.registry import City
from assets.rows import distinct, problems_at, rejected, without
from assets.sources import Context, ReadResult, Request, Source
from quality.problems import gather, problem
from quality.tables import TRANSIT_ROUTES, TRANSIT_STOPS

MAX_MEMBER_BYTES = 128 * 1024 * 1024
"""Of one unpacked member. The largest that is read, stop_times, has about 10 MB for 161,000 rows."""

WITHIN_KM = 3.0
"""Reach around the city's point where the registry says no other: the core of a smart-city district."""

EARTH_KM = 6371.0088
"""Mean radius (IUGG)."""

FEED = "namtang"
_READER = "gtfs_namtang"
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
"""What zipfile raises on damaged, encrypted (RuntimeError) or unsupported content."""


class _FeedError(Exception):
    """A feed that cannot be used: code and message."""


def plan(city: City, day: date, base: str, options: Mapping[str, Any]) -> Generator[Request, bytes | None, None]:
    """The whole feed; not fetched again while the portal says it is unchanged."""
    yield Request(name="namtang-gtfs.zip", url=f"{base}/download/namtang-gtfs.zip", expect="zip")


def read(data: bytes, context: Context) -> ReadResult:
    """Tables ``transit_stops`` (within the option ``within_km`` of the city's point) and ``transit_routes`` (all).

    ``serves_city`` is null where the feed brings no stop times.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            stops = _member(archive, "stops.txt", ("stop_id", "stop_name", "stop_lat", "stop_lon"))
            routes = _member(
                archive, "routes.txt", ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type")
            )
            trips = _member(archive, "trips.txt", ("trip_id", "route_id"), optional=True)
            stop_times = _member(archive, "stop_times.txt", ("trip_id", "stop_id"), optional=True)
            info = _member(
                archive, "feed_info.txt", ("feed_version", "feed_start_date", "feed_end_date"), optional=True
            )
            calendar = _member(archive, "calendar.txt", ("start_date", "end_date"), optional=True)
    except _FeedError as error:
        return rejected(_READER, *error.args)
    except _UNREADABLE as error:
        return rejected(_READER, "file-malformed", f"the archive cannot be unpacked ({type(error).__name__})")
    reference = _day(info, "feed_version") or _day(info, "feed_start_date") or context.day
    end = _day(info, "feed_end_date") or _last_day(calendar)
    dated = {"feed_end_date": pl.lit(end, dtype=pl.Date), "reference_date": pl.lit(reference, dtype=pl.Date)}
    stop_rows, stop_problems = _stops(stops, context.city, float(context.options.get("within_km", WITHIN_KM)), dated)
    served = _served(stop_times, trips, stop_rows) if stop_times.height and trips.height else None
    route_rows, route_problems = _routes(routes, served, dated)
    expired = [problem("feed-expired", f"the feed was valid until {end}")] if end and end < context.day else []
    return ReadResult(
        _READER,
        f"ZIP with stops.txt and routes.txt, {stop_rows.height} of {stops.height} stops within reach",
        {"transit_stops": stop_rows, "transit_routes": route_rows},
        gather([stop_problems, route_problems, *expired]),
    )


def distance_km(lat: pl.Expr, lon: pl.Expr, point: tuple[float, float]) -> pl.Expr:
    """Great-circle distance (haversine) in km from ``point`` (latitude, longitude), all in degrees."""
    lat0, lon0 = point
    half = ((lat - lat0).radians() / 2).sin() ** 2 + lat.radians().cos() * math.cos(math.radians(lat0)) * (
        (lon - lon0).radians() / 2
    ).sin() ** 2
    return 2 * EARTH_KM * half.sqrt().arcsin()


GTFS_NAMTANG = Source(
    name=_READER,
    title="Namtang GTFS feed",
    smart="mobility",
    tables=("transit_stops", "transit_routes"),
    portal="namtang",
    document="https://gtfs.org/documentation/schedule/reference/",
    plan=plan,
    read=read,
    national=True,
)


def _member(archive: zipfile.ZipFile, name: str, columns: Sequence[str], optional: bool = False) -> pl.DataFrame:
    """``columns`` of a member as strings with ``_row`` (line; the header is 1); columns it lacks are null."""
    if name not in archive.namelist():
        if optional:
            return pl.DataFrame(schema={"_row": pl.Int64, **dict.fromkeys(columns, pl.String)})
        raise _FeedError("file-malformed", f"the feed has no {name}")
    with archive.open(name) as packed:
        content = packed.read(MAX_MEMBER_BYTES + 1)
    if len(content) > MAX_MEMBER_BYTES:
        raise _FeedError("archive-limit", f"{name} is larger than {MAX_MEMBER_BYTES} bytes")
    try:
        # GTFS fixes UTF-8 and a header line; a byte order mark is allowed.
        table = pl.read_csv(content, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise _FeedError("file-malformed", f"{name} is not a CSV table ({type(error).__name__})") from None
    table = table.rename(lambda header: header.strip() or header)
    if columns[0] not in table.columns and not optional:
        raise _FeedError("file-malformed", f"{name} has no {columns[0]}")
    table = table.with_row_index("_row", offset=2).cast({"_row": pl.Int64})
    return table.select(
        "_row",
        *(
            pl.col(column).str.strip_chars() if column in table.columns else pl.lit(None, pl.String).alias(column)
            for column in columns
        ),
    )


def _stops(
    stops: pl.DataFrame, city: City, within_km: float, dated: Mapping[str, pl.Expr]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    number = [pl.col(name).cast(pl.Float64, strict=False).alias(name[5:]) for name in ("stop_lat", "stop_lon")]
    placed = stops.with_columns(*number)
    bad = problems_at(
        placed, "value-not-number", pl.col("lat").is_null() | pl.col("lon").is_null(), "no latitude or longitude"
    )
    near = (
        without(placed, bad)
        .with_columns(distance_km=distance_km(pl.col("lat"), pl.col("lon"), (city.lat, city.lon)))
        .filter(pl.col("distance_km") <= within_km)
    )
    rows, repeats = distinct(
        near.select(
            "_row",
            "stop_id",
            "lat",
            "lon",
            "distance_km",
            **_names(pl.col("stop_name"), "name"),
            **dated,
            feed=pl.lit(FEED),
        ),
        TRANSIT_STOPS.key,
    )
    return rows, gather([bad, repeats])


def _routes(
    routes: pl.DataFrame, served: pl.Series | None, dated: Mapping[str, pl.Expr]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    kind = pl.col("route_type").cast(pl.Int32, strict=False)
    bad = problems_at(
        routes, "value-not-number", kind.is_null() & (pl.col("route_type").fill_null("") != ""), "route_type"
    )
    unknown = pl.lit(None, pl.Boolean)
    rows, repeats = distinct(
        without(routes, bad).select(
            "_row",
            "route_id",
            "agency_id",
            **_names(pl.col("route_long_name"), "long_name"),
            short_name_th=_names(pl.col("route_short_name"), "short_name")["short_name_th"],
            route_type=kind,
            serves_city=unknown if served is None else pl.col("route_id").is_in(served.implode()),
            **dated,
            feed=pl.lit(FEED),
        ),
        TRANSIT_ROUTES.key,
    )
    return rows, gather([bad, repeats])


def _served(stop_times: pl.DataFrame, trips: pl.DataFrame, stops: pl.DataFrame) -> pl.Series:
    """Routes with a trip that calls at one of ``stops``."""
    calling = stop_times.join(stops, on="stop_id", how="semi").select("trip_id")
    return trips.join(calling, on="trip_id", how="semi")["route_id"].unique()


def _names(text: pl.Expr, stem: str) -> dict[str, pl.Expr]:
    """Thai and English name from ``ไทย;English``; a single name counts as the Thai one."""
    parts = thai.clean(text).str.splitn(";", 2).struct
    return {
        f"{stem}_{language}": part.str.strip_chars().replace("", None)
        for language, part in (("th", parts.field("field_0")), ("en", parts.field("field_1")))
    }


def _day(info: pl.DataFrame, column: str) -> date | None:
    text = info.item(0, column) if info.height else None
    try:
        return datetime.strptime(text or "", "%Y%m%d").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        return None


def _last_day(calendar: pl.DataFrame) -> date | None:
    last = calendar.select(pl.col("end_date").str.to_date("%Y%m%d", strict=False).max()).item()
    return last if isinstance(last, date) else None
