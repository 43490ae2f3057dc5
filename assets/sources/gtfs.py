"""Public transport stops, routes and service from GTFS feeds.

GTFS Schedule, https://gtfs.org/documentation/schedule/reference/, as one ZIP. ``gtfs_namtang`` is the feed of the
Office of Transport and Traffic Policy (Bangkok region, landed once for the country); ``gtfs`` is any feed that a
registry entry names. Namtang's names hold both languages in one field (``ไทย;English``), its ``feed_lang`` is "tha"
where GTFS wants BCP 47, and the BTS is coded as a tram (route type 0): codes are kept as the feed has them. A feed is
dated by its version where that is a date, else by its first day, and by the day that it came where these are later;
each city takes the stops within its reach. Of the timetables that a feed holds the one of the day is told: it is read
again when another begins.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from datetime import date
from typing import NamedTuple, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from assets.cities.registry import City
from assets.landing.portals import portal
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.geo import Km, Within, within
from assets.sources.gtfs_members import FeedError, members
from assets.sources.gtfs_service import Timetable, day_of, next_change, service, unknown_references, valid_days
from assets.sources.once import once
from assets.sources.source import Context, ReadResult, Source
from quality.batch import Batch
from quality.tables import TRANSIT_ROUTES, TRANSIT_SERVICE, TRANSIT_STOPS
from quality.tables.shared import LATITUDE, LONGITUDE

WITHIN_KM = 3.0
"""Reach around the city's point where the registry says no other: the core of a smart-city district."""

READERS = frozenset({"gtfs_namtang", "gtfs"})
"""Sources that read a feed."""

BOARDING = ("0", "0.0")
"""``location_type`` of a place where vehicles stop, as is one of which it is not told; stations, entrances and nodes
are stops only where trips call at them. A spreadsheet writes whole numbers as fractions."""

NEAR_ORIGIN = 1.0
"""Degrees around latitude and longitude 0 where no stop is, as GTFS' own validator has it (point_near_origin)."""

THAI = ("", "th", "tha")
"""``feed_lang`` of a feed whose names are Thai where they are not marked; none told counts as Thai."""


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
        stops, places, routes, info, timetable, found = _unpacked(data)
    except FeedError as error:
        return ReadResult.rejected(reader, *error.args)
    valid = valid_days(timetable)
    version, first, last = (_day(info, f"feed_{name}") for name in ("version", "start_date", "end_date"))
    # What the feed says of itself does not help where its calendars say less.
    end = min((day for day in (last, valid and valid[1]) if day), default=None)
    begin = max((day for day in (first, valid and valid[0]) if day), default=None)
    names = _namer(str(info.item(0, "feed_lang") or "") if info.height else "")
    dated = {
        "feed": pl.lit(feed),
        "feed_end_date": pl.lit(end, dtype=pl.Date),
        # What is published before it begins is of no later day than it came.
        "reference_date": pl.lit(min(version or first or today, today), dtype=pl.Date),
    }
    near = (
        within(places, city, reach_km)
        .select("stop_id", "lat", "lon", "distance_km", **names("stop_name", "name"), **dated)
        .also(*found)
    )
    ends = pl.min_horizontal("feed_end_date", pl.lit(end, dtype=pl.Date))
    departures = service(timetable, near.rows["stop_id"], routes, today).with_columns(**dated | {"feed_end_date": ends})
    if end and end < today:
        near = near.note("feed-expired", f"the feed was valid until {end}")
    if begin and begin > today:
        near = near.note("feed-ahead", f"the feed is valid from {begin} on")
    has_times = timetable.stop_times.height and timetable.trips.height
    counted = departures.rows.select("day_type", "service_date").unique().sort("service_date")
    days = ", ".join(f"{kind} of {day}" for kind, day in counted.iter_rows())
    result = ReadResult.of(
        reader,
        f"ZIP with stops.txt and routes.txt, {near.rows.height} of {stops.height} stops within reach"
        + (f", service of {days}" if days else ""),
        transit_stops=near,
        transit_routes=_routes(routes, _served(timetable, near.rows) if has_times else None, names, dated),
        transit_service=departures,
    )
    return replace(result, again=next_change(timetable, today))


class _Feed(NamedTuple):
    """A feed's members as text; ``places`` are the stops with their coordinates, ``found`` the problems of members."""

    stops: pl.DataFrame
    places: Batch
    routes: pl.DataFrame
    info: pl.DataFrame
    timetable: Timetable
    found: tuple[pl.DataFrame, ...]


@once
def _unpacked(data: bytes) -> _Feed:
    """The whole feed. Raises ``FeedError``."""
    came = members(data)
    stops, routes, info = (came[name].rows for name in ("stops", "routes", "feed_info"))
    timetable = Timetable(**{name: came[name].rows for name in Timetable._fields})
    found = [problems for member in came.values() for problems in member.problems]
    found += unknown_references(timetable, stops, routes).problems
    places = _places(stops, timetable.stop_times["stop_id"])
    return _Feed(stops, places, routes, info, timetable, tuple(found))


def _places(stops: pl.DataFrame, called: pl.Series) -> Batch:
    """The stops with their coordinates: places for boarding, and those that ``called`` (ids) says are such."""
    boarding = pl.col("location_type").is_null() | pl.col("location_type").is_in(BOARDING)
    text = pl.format("trips call at it although its location_type is {}: it counts as a stop", "location_type")
    lat, lon = pl.col("lat"), pl.col("lon")
    turned = lon.is_between(*LATITUDE) & lat.is_between(*LONGITUDE)
    nowhere = (lat.abs() > 90) | (lon.abs() > 180) | ((lat.abs() < NEAR_ORIGIN) & (lon.abs() < NEAR_ORIGIN))
    unplaced = ~(lat.is_finite() & lon.is_finite()).fill_null(value=False)
    return (
        Batch(stops)
        .filter(boarding | pl.col("stop_id").is_in(called.drop_nulls().unique().implode()))
        .warn(~boarding, "value-contradicts", text)
        .with_columns(lat=_degrees("stop_lat"), lon=_degrees("stop_lon"))
        .refuse((unplaced, "value-not-number", "no latitude or longitude"))
        # No latitude of Thailand is a longitude of it, so that only the other way round is in it.
        .warn(turned, "place-swapped-back", "latitude and longitude of a stop were read the other way round")
        .with_columns(lat=pl.when(turned).then(lon).otherwise(lat), lon=pl.when(turned).then(lat).otherwise(lon))
        .refuse((nowhere, "value-range", "no place on earth, or where latitude and longitude are 0"))
        # Before those of other cities are left out: a stop told at two places is at neither.
        .distinct(("stop_id",))
    )


def _degrees(column: str) -> pl.Expr:
    """A coordinate; spreadsheets of other countries write decimal commas."""
    return (
        thai.clean(pl.col(column)).str.replace(r"^([-+]?[0-9]{1,3}),([0-9]+)$", "$1.$2").cast(pl.Float64, strict=False)
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
    days = info.head(1).select(day_of(column)).to_series()
    return days[0] if days.len() else None


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
    version=5,
    national=True,
    of_day=True,
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
    version=5,
    of_day=True,
)
