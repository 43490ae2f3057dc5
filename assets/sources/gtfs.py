"""Public transport stops, routes and service from GTFS feeds.

GTFS Schedule, https://gtfs.org/documentation/schedule/reference/, as one ZIP. ``gtfs_namtang`` is the feed of the
Office of Transport and Traffic Policy (Bangkok region, landed once for the country); ``gtfs`` is any feed that a
registry entry names. Namtang's names hold both languages in one field (``ไทย;English``), its ``feed_lang`` is "tha"
where GTFS wants BCP 47, and the BTS is coded as a tram (route type 0): codes are kept as the feed has them. A feed is
dated by its version where that is a date, else by its first day; each city takes the stops within its reach. Only the
members named here are unpacked: shapes and fares are most of a feed and nothing reads them.
"""

import io
import zipfile
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import date, datetime
from typing import Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from assets.cities.registry import City
from assets.landing.portals import portal
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.geo import Km, Within, within
from assets.sources.gtfs_service import COLUMNS, Timetable, service, unknown_references, valid_days
from assets.sources.source import Context, ReadResult, Source
from quality.batch import Batch
from quality.tables import TRANSIT_ROUTES, TRANSIT_SERVICE, TRANSIT_STOPS

MAX_MEMBER_BYTES = 128 * 1024 * 1024
"""Of one unpacked member. The largest that is read, stop_times, has about 10 MB for 161,000 rows."""

WITHIN_KM = 3.0
"""Reach around the city's point where the registry says no other: the core of a smart-city district."""

READERS = frozenset({"gtfs_namtang", "gtfs"})
"""Sources that read a feed."""

BOARDING = ("", "0")
"""``location_type`` of a place where vehicles stop; stations, entrances and nodes are not stops."""

THAI = ("", "th", "tha")
"""``feed_lang`` of a feed whose names are Thai where they are not marked; none told counts as Thai."""

_REQUIRED = frozenset({"stops", "routes"})
"""Members without which there is nothing to tell; of the others GTFS requires some, and what lacks is said."""

_COLUMNS: dict[str, Sequence[str]] = {
    "stops": ("stop_id", "stop_name", "stop_lat", "stop_lon", "location_type"),
    "routes": ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type"),
    "feed_info": ("feed_version", "feed_start_date", "feed_end_date", "feed_lang"),
    **COLUMNS,
}
"""Member → columns that are read of it, that which its rows are known by first."""

_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
"""What zipfile raises on damaged, encrypted (RuntimeError) or unsupported content."""


class _FeedError(Exception):
    """A feed that cannot be used: code and message."""


class StopOptions(Within):
    """Stops are walked to."""

    within_km: Km = WITHIN_KM


class FeedOptions(StopOptions):
    """Any feed; one that comes by file needs no address."""

    feed: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="name of the feed in the tables")
    url: str | None = Field(
        default=None, pattern=r"^(https://|/)[^/]", description="https address, or a path below the portal's"
    )
    portal: str | None = Field(default=None, description="the portal that a path is below")

    @field_validator("portal")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                portal(name)
        except KeyError:
            raise ValueError(f"{name} is no portal") from None
        return name

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.url and self.url.startswith("/") and not self.portal:
            raise ValueError("url is a path, but no portal is named that it is below")
        return self


def plan_namtang(city: City, day: date, base: str, options: StopOptions) -> Generator[Request, bytes | None, None]:
    """The whole feed; not fetched again while the portal says it is unchanged."""
    yield Request(name="namtang-gtfs.zip", url=f"{base}/download/namtang-gtfs.zip", expect="zip")


def plan(city: City, day: date, base: str, options: FeedOptions) -> Generator[Request, bytes | None, None]:
    """The feed of a registry entry. Raises ``ValueError`` where it has no ``url``."""
    if options.url is None:
        raise ValueError(f"{city.slug}: a gtfs source that is asked for needs the option url")
    url = base + options.url if options.url.startswith("/") else options.url
    yield Request(name=f"{options.feed}.zip", url=url, expect="zip")


def read_namtang(data: bytes, context: Context[StopOptions]) -> ReadResult:
    """``read`` of the feed ``namtang``."""
    return _feed(data, context.city, context.day, context.options.within_km, GTFS_NAMTANG.name, "namtang")


def read(data: bytes, context: Context[FeedOptions]) -> ReadResult:
    """Tables ``transit_stops`` (within the option ``within_km`` of the city's point), ``transit_routes`` (all) and
    ``transit_service`` (departures at those stops).

    ``serves_city`` is null where the feed brings no stop times, and then there is no service either.
    """
    return _feed(data, context.city, context.day, context.options.within_km, GTFS.name, context.options.feed)


def _feed(data: bytes, city: City, today: date, reach_km: float, reader: str, feed: str) -> ReadResult:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: _member(archive, name, columns) for name, columns in _COLUMNS.items()}
    except _FeedError as error:
        return ReadResult.rejected(reader, *error.args)
    except _UNREADABLE as error:
        message = f"the archive cannot be unpacked ({type(error).__name__})"
        return ReadResult.rejected(reader, "file-malformed", message)
    stops, routes, info = (members[name].rows for name in ("stops", "routes", "feed_info"))
    timetable = Timetable(**{name: members[name].rows for name in COLUMNS})
    found = [problems for member in members.values() for problems in member.problems]
    valid = valid_days(timetable)
    # What the feed says of itself does not help where its calendars ended before.
    end = min((day for day in (_day(info, "feed_end_date"), valid and valid[1]) if day), default=None)
    names = _namer(str(info.item(0, "feed_lang") or "") if info.height else "")
    dated = {
        "feed": pl.lit(feed),
        "feed_end_date": pl.lit(end, dtype=pl.Date),
        "reference_date": pl.lit(_day(info, "feed_version") or _day(info, "feed_start_date") or today, dtype=pl.Date),
    }
    near = _stops(stops, city, reach_km, names, dated).also(*found)
    near = near.also(*unknown_references(timetable, stops, routes).problems)
    departures = service(timetable, near.rows["stop_id"], today).with_columns(**dated)
    if end and end < today:
        near = near.note("feed-expired", f"the feed was valid until {end}")
    has_times = timetable.stop_times.height and timetable.trips.height
    counted = departures.rows.select("day_type", "service_date").unique().sort("service_date")
    days = ", ".join(f"{kind} of {day}" for kind, day in counted.iter_rows())
    return ReadResult.of(
        reader,
        f"ZIP with stops.txt and routes.txt, {near.rows.height} of {stops.height} stops within reach"
        + (f", service of {days}" if days else ""),
        transit_stops=near,
        transit_routes=_routes(routes, _served(timetable, near.rows) if has_times else None, names, dated),
        transit_service=departures,
    )


def _member(archive: zipfile.ZipFile, stem: str, columns: Sequence[str]) -> Batch:
    """``columns`` of a member as strings with ``_row`` (line; the header is 1); columns it lacks are null.

    A member that GTFS does not require is empty where it is absent, has no row, or lacks the column that its rows are
    known by, which is said. Feeds lie in a folder now and then, and their lines have commas to spare.
    """
    name, required = f"{stem}.txt", stem in _REQUIRED
    nothing = Batch(pl.DataFrame(schema={"_row": pl.Int64, **dict.fromkeys(columns, pl.String)}))
    path = _path(archive, name)
    if path is None:
        if required:
            raise _FeedError("file-malformed", f"the feed has no {name}")
        return nothing
    with archive.open(path) as packed:
        content = packed.read(MAX_MEMBER_BYTES + 1)
    if len(content) > MAX_MEMBER_BYTES:
        raise _FeedError("archive-limit", f"{name} is larger than {MAX_MEMBER_BYTES} bytes")
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        if required:
            raise _FeedError("file-malformed", f"{name} is empty")
        return nothing
    # A quote counts at the beginning of a field only.
    content = content.replace(b', "', b',"')
    try:
        # GTFS fixes UTF-8 and a header line; a byte order mark is allowed.
        headers = pl.read_csv(content, infer_schema=False, n_rows=0, truncate_ragged_lines=True).columns
        found: dict[str, str] = {}
        for header in headers:
            if header.strip() in columns:
                found.setdefault(header.strip(), header)
        if columns[0] not in found and stem != "feed_info":
            if required:
                raise _FeedError("file-malformed", f"{name} has no {columns[0]}")
            return nothing.note("column-missing", f"{name} has no {columns[0]} and is left out")
        table, longer = _table(content, list(found.values()))
    except pl.exceptions.PolarsError as error:
        raise _FeedError("file-malformed", f"{name} is not a CSV table ({type(error).__name__})") from None
    batch = Batch(
        table.with_row_index("_row", offset=2).select(
            pl.col("_row").cast(pl.Int64),
            *(
                pl.col(found[column]).str.strip_chars().alias(column) if column in found else _absent(column)
                for column in columns
            ),
        )
    )
    if longer:
        return batch.note("row-malformed", f"{name} has rows longer than its header; what stands beyond is left out")
    return batch


def _path(archive: zipfile.ZipFile, name: str) -> str | None:
    """The member of that name, at the top or in the one folder that has the feed; None where there is none."""
    paths = [path for path in archive.namelist() if path.rpartition("/")[2] == name and "__MACOSX" not in path]
    return min(paths, key=lambda path: (path.count("/"), path), default=None)


def _table(content: bytes, columns: list[str]) -> tuple[pl.DataFrame, bool]:
    """A member as text, and whether rows have more fields than its header."""
    try:
        return pl.read_csv(content, infer_schema=False, columns=columns), False
    except pl.exceptions.ComputeError:
        return pl.read_csv(content, infer_schema=False, columns=columns, truncate_ragged_lines=True), True


def _absent(column: str) -> pl.Expr:
    return pl.lit(None, pl.String).alias(column)


def _stops(
    stops: pl.DataFrame,
    city: City,
    reach_km: float,
    names: Callable[[str, str], dict[str, pl.Expr]],
    dated: Mapping[str, pl.Expr],
) -> Batch:
    is_placed = (pl.col("lat").is_finite() & pl.col("lon").is_finite()).fill_null(value=False)
    placed = (
        Batch(stops)
        .filter(pl.col("location_type").fill_null("").is_in(BOARDING))
        .with_columns(
            lat=pl.col("stop_lat").cast(pl.Float64, strict=False), lon=pl.col("stop_lon").cast(pl.Float64, strict=False)
        )
        .refuse((~is_placed, "value-not-number", "no latitude or longitude"))
    )
    return (
        within(placed, city, reach_km)
        .select("stop_id", "lat", "lon", "distance_km", **names("stop_name", "name"), **dated)
        .distinct(TRANSIT_STOPS.key)
    )


def _routes(
    routes: pl.DataFrame,
    served: pl.Series | None,
    names: Callable[[str, str], dict[str, pl.Expr]],
    dated: Mapping[str, pl.Expr],
) -> Batch:
    kind = pl.col("route_type").cast(pl.Int32, strict=False)
    unknown = pl.lit(None, pl.Boolean)
    return (
        Batch(routes)
        .refuse((kind.is_null() & (pl.col("route_type").fill_null("") != ""), "value-not-number", "route_type"))
        .select(
            "route_id",
            "agency_id",
            **names("route_long_name", "long_name"),
            short_name_th=pl.coalesce(*names("route_short_name", "short_name").values()),
            route_type=kind,
            serves_city=unknown if served is None else pl.col("route_id").is_in(served.implode()),
            **dated,
        )
        .distinct(TRANSIT_ROUTES.key)
    )


def _served(timetable: Timetable, stops: pl.DataFrame) -> pl.Series:
    """Routes with a trip that calls at one of ``stops``."""
    calling = timetable.stop_times.join(stops, on="stop_id", how="semi").select("trip_id")
    return timetable.trips.join(calling, on="trip_id", how="semi")["route_id"].unique()


def _namer(language: str) -> Callable[[str, str], dict[str, pl.Expr]]:
    """How names become Thai and English ones: both from ``ไทย;English``; a single one is Thai where it has Thai
    letters or the feed's language is Thai."""

    def names(column: str, stem: str) -> dict[str, pl.Expr]:
        text = thai.clean(pl.col(column))
        parts = text.str.splitn(";", 2).struct
        first, second = (parts.field(name).str.strip_chars().replace("", None) for name in ("field_0", "field_1"))
        is_thai = second.is_not_null() | first.str.contains(r"\p{Thai}") | pl.lit(language.lower() in THAI)
        return {
            f"{stem}_th": pl.when(is_thai).then(first),
            f"{stem}_en": pl.coalesce(second, pl.when(~is_thai).then(first)),
        }

    return names


def _day(info: pl.DataFrame, column: str) -> date | None:
    text = info.item(0, column) if info.height else None
    try:
        return datetime.strptime(text or "", "%Y%m%d").date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        return None


_TABLES = (TRANSIT_STOPS.name, TRANSIT_ROUTES.name, TRANSIT_SERVICE.name)
_UNITS = "degrees (WGS 84); H:MM:SS of the service day, hours above 23 after midnight; headways in seconds"

GTFS_NAMTANG = Source(
    name="gtfs_namtang",
    title="Namtang GTFS feed",
    smart="mobility",
    tables=_TABLES,
    portal="namtang",
    document="https://gtfs.org/documentation/schedule/reference/",
    plan=plan_namtang,
    reader=read_namtang,
    zone="Asia/Bangkok",
    label="instant",
    missing=("",),
    units=_UNITS,
    personal="owners' phone numbers and addresses in parking files: not unpacked",
    options=StopOptions,
    national=True,
)

GTFS = Source(
    name="gtfs",
    title="GTFS feed of the city",
    smart="mobility",
    tables=_TABLES,
    portal=None,
    document="https://gtfs.org/documentation/schedule/reference/",
    plan=plan,
    reader=read,
    zone="Asia/Bangkok",
    label="instant",
    missing=("",),
    units=_UNITS,
    options=FeedOptions,
)
