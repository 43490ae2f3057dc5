"""Public charging sites from OpenChargeMap, asked for the whole country; each city takes those within its reach.

``GET https://api.openchargemap.io/v3/poi?countrycode=TH&maxresults=&compact=true&verbose=false&key=``, an array of POI
objects (https://openchargemap.org/site/develop/api); compact answers tell types and states by the ids of the core
reference data (``/v3/referencedata``). A single POI, as https://github.com/openchargemap/ocm-export has one a file, and
a GeoJSON FeatureCollection are read alike, so that an export may come by file. Stamps are UTC.

The directory is kept by volunteers and far from complete: 28 points in Thailand, most of about 2021. Its licence
depends on the data provider (1: Open Charge Map Contributors, CC BY 4.0), whom every row names. Taken is only what the
table has: no users, comments, pictures, addresses, telephone numbers or free-text costs, and no private sites.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import thai
from assets.sources.geo import Km, Within, lon_lat, within
from assets.sources.once import once
from assets.sources.parsing import fields_of, parsed, record_batch, text_frame
from assets.sources.source import Context, ReadResult, Source
from quality.batch import Batch
from quality.tables import EV_CHARGERS
from quality.tables.shared import LATITUDE, LONGITUDE

MAX_RESULTS = 5000
"""Sites asked for: many times what the directory has for Thailand. An answer of so many was probably cut."""

WITHIN_KM = 10.0
"""Reach around the city's point where the registry says no other: a charger is driven to."""

CONNECTORS = {
    "1": "Type 1",
    "2": "CHAdeMO",
    "8": "Tesla",
    "25": "Type 2",
    "27": "Tesla",
    "30": "Tesla",
    "32": "CCS 1",
    "33": "CCS 2",
    "1036": "Type 2",
    "1038": "GB/T AC",
    "1039": "GB/T AC",
    "1040": "GB/T DC",
}
"""Connection type of the reference data → kind. Sockets of other uses are ``other``."""

COMMENTED = {"chademo": "CHAdeMO", r"ccs|combo": "CCS", r"type ?2|mennekes": "Type 2", r"gb ?/? ?t": "GB/T"}
"""Pattern in the comment of a connection of unknown type (id 0) → kind: nothing else of a comment is taken."""

UNKNOWN = ("0",)
"""Connection type that was not told."""

OPERATIONAL = {
    **dict.fromkeys(("10", "20", "30", "50", "75"), True),
    **dict.fromkeys(("100", "150"), False),
}
"""Status type → the reference data's ``IsOperational``; 0 is unknown, 150 planned."""

REMOVED = ("200", "210")
"""Status types of sites that are decommissioned or listed twice."""

LIVE = ("100", "200")
"""Submission states that are published; the others are under review, rejected or delisted."""

PRIVATE = ("2", "3", "6")
"""Usage types: restricted access, privately owned, for staff and visitors. Some are homes."""

PROVIDERS = {"1": "Open Charge Map Contributors"}

_POI = ("id", "name", "lat", "lon", "points", "verified", "status", "submission", "usage", "provider_id", "provider")
_CONNECTION = ("site", "kind", "comment", "kw", "quantity")


class ChargerOptions(Within):
    """Chargers are driven to."""

    within_km: Km = WITHIN_KM


def plan(city: City, day: date, base: str, options: ChargerOptions) -> Generator[Request, bytes | None, None]:
    """The country's sites, with ids instead of reference data and without empty fields."""
    yield Request(
        name="poi/TH",
        url=f"{base}/v3/poi",
        params={
            "countrycode": "TH",
            "maxresults": f"{MAX_RESULTS}",
            "compact": "true",
            "verbose": "false",
            "key": "{key:openchargemap}",
        },
        check=lambda data: parsed(data, _fault)[1],
    )


def read(data: bytes, context: Context[ChargerOptions]) -> ReadResult:
    """Table ``ev_chargers`` of the delivery day: sites within the option ``within_km`` of the city's point.

    Connections without a quantity count once; a site's total power is null unless each of its connections tells one.
    """
    placed, count = _placed(data)
    if placed.is_rejected:
        return ReadResult.of(OPENCHARGEMAP.name, ev_chargers=placed)
    near = within(placed, context.city, context.options.within_km)
    public = near.filter(
        ~pl.col("usage").is_in(list(PRIVATE)).fill_null(value=False),
        ~pl.col("status").is_in(list(REMOVED)).fill_null(value=False),
        pl.col("submission").is_in(list(LIVE)).fill_null(value=True),
    )
    if hidden := near.rows.height - public.rows.height:
        public = public.note("row-filtered", f"{hidden} sites are private, not published or removed")
    if count >= MAX_RESULTS:
        public = public.note("window-short", f"{count} sites came, as many as were asked for")
    sites = _chargers(public, context.day)
    evidence = f"{count} sites, {sites.rows.height} public ones within reach"
    return ReadResult.of(OPENCHARGEMAP.name, evidence, ev_chargers=sites)


@once
def _placed(data: bytes) -> tuple[Batch, int]:
    """The country's sites that have a place, with their connections, and how many the answer has."""
    payload, reason = parsed(data, _fault)
    if reason:
        return Batch.rejected("answer-bad", reason), 0
    pois = _pois(payload)
    if not pois:
        return Batch.rejected("answer-empty", "no site in the answer"), 0
    lost = ~(pl.col("lat").is_between(*LATITUDE) & pl.col("lon").is_between(*LONGITUDE)).fill_null(value=False)
    sites = (
        record_batch(pois, _site, _POI)
        .with_columns(pl.col("lat", "lon").cast(pl.Float64, strict=False))
        .refuse(
            (pl.col("id").is_null(), "value-null", "the site has no id"),
            (lost, "value-range", "the site has no position, or one outside Thailand"),
        )
    )
    plugs = _connections(pois, sites.rows)
    rows = sites.rows.join(plugs, left_on="_row", right_on="site", how="left", maintain_order="left")
    return replace(sites, rows=rows), len(pois)


def _chargers(sites: Batch, day: date) -> Batch:
    """``ev_chargers`` of sites."""
    chargers = (
        sites.select(
            "lat",
            "lon",
            "distance_km",
            "connectors",
            "max_kw",
            "total_kw",
            source=pl.lit("openchargemap"),
            site_id="id",
            name=thai.clean(pl.col("name")).replace("", None),
            points=thai.number(pl.col("points"), pl.Int64()),
            connections=pl.col("connections").fill_null(0),
            operational=pl.col("status").replace_strict(OPERATIONAL, default=None, return_dtype=pl.Boolean),
            verified=pl.col("verified")
            .str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
            .dt.convert_time_zone("Asia/Bangkok")
            .dt.date(),
            provider=pl.coalesce(
                "provider",
                pl.col("provider_id").replace_strict(PROVIDERS, default=None, return_dtype=pl.String),
                pl.format("data provider {}", "provider_id"),
            ),
            reference_date=pl.lit(day).cast(pl.Date),
        )
        .distinct(EV_CHARGERS.key)
        .missing(("points", "total_kw", "operational", "verified"))
    )
    if unknown := chargers.rows.filter(pl.col("connectors").str.contains("unknown", literal=True)).height:
        text = f"{unknown} of {chargers.rows.height} sites have a connector of unknown kind"
        return chargers.note("value-missing", text)
    return chargers


OPENCHARGEMAP = Source(
    name="openchargemap",
    title="OpenChargeMap charging sites",
    smart="energy",
    tables=("ev_chargers",),
    portal="openchargemap",
    document="https://openchargemap.org/site/develop/api",
    plan=plan,
    reader=read,
    zone="UTC",
    label="instant",
    missing=("absent field", "ConnectionTypeID 0", "StatusTypeID 0"),
    units="kW, degrees (WGS 84)",
    personal="users, comments, pictures, addresses, telephones, private sites: not taken",
    options=ChargerOptions,
    national=True,
)


def _fault(payload: Any) -> str | None:
    sites = _pois(payload)
    return None if not sites or any("AddressInfo" in site for site in sites) else "no site has AddressInfo"


def _pois(payload: Any) -> list[Mapping[str, Any]]:
    """The sites of an array, of a FeatureCollection, or of one object; what is no object is an empty one."""
    if isinstance(payload, list):
        return [fields_of(poi) for poi in payload]
    if payload.get("type") == "FeatureCollection":
        return [_of_feature(fields_of(feature)) for feature in payload["features"]]
    return [payload]


def _of_feature(feature: Mapping[str, Any]) -> Mapping[str, Any]:
    """The site in a feature: its properties, or the ``poi`` among them; the feature's geometry is its position."""
    properties = fields_of(feature.get("properties"))
    poi = fields_of(properties.get("poi")) or properties
    address = fields_of(poi.get("AddressInfo")) or {"Title": properties.get("name")}
    lon, lat = lon_lat(feature.get("geometry"))
    return {
        **poi,
        "ID": poi.get("ID", feature.get("id")),
        "AddressInfo": {**address, "Latitude": lat, "Longitude": lon},
    }


def _site(poi: Mapping[str, Any]) -> dict[str, Any]:
    """What is taken of a site, by the names of ``_POI``: the white list."""
    address = fields_of(poi.get("AddressInfo"))
    return {
        "id": poi.get("ID"),
        "name": address.get("Title"),
        "lat": address.get("Latitude"),
        "lon": address.get("Longitude"),
        "points": poi.get("NumberOfPoints"),
        "verified": poi.get("DateLastVerified"),
        "status": _id(poi, "StatusType"),
        "submission": _id(poi, "SubmissionStatusType", "SubmissionStatus"),
        "usage": _id(poi, "UsageType"),
        "provider_id": _id(poi, "DataProvider"),
        "provider": fields_of(poi.get("DataProvider")).get("Title"),
    }


def _plugs(poi: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    plugs = poi.get("Connections")
    for plug in map(fields_of, plugs if isinstance(plugs, list) else ()):
        yield {
            "kind": _id(plug, "ConnectionType"),
            "comment": plug.get("Comments"),
            "kw": plug.get("PowerKW"),
            "quantity": plug.get("Quantity"),
        }


def _id(of: Mapping[str, Any], name: str, verbose: str = "") -> Any:
    """An id of the reference data: a field of its own, and in verbose answers within its object."""
    found = of.get(f"{name}ID")
    return fields_of(of.get(verbose or name)).get("ID") if found is None else found


def _connections(pois: list[Mapping[str, Any]], sites: pl.DataFrame) -> pl.DataFrame:
    """``site, connections, connectors, max_kw, total_kw`` of the sites of these rows."""
    plugs = [{"site": row, **plug} for row in sites["_row"] for plug in _plugs(pois[row - 1])]
    frame = text_frame(plugs, _CONNECTION)
    comment = pl.col("comment").str.to_lowercase()
    commented = pl.coalesce(
        *(pl.when(comment.str.contains(pattern)).then(pl.lit(kind)) for pattern, kind in COMMENTED.items()),
        pl.lit("unknown"),
    )
    is_known = pl.col("kind").is_not_null() & ~pl.col("kind").is_in(list(UNKNOWN))
    kw = thai.number(pl.col("kw"), pl.Decimal(18, 4))
    return (
        frame.with_columns(
            pl.col("site").cast(pl.Int64),
            kind=pl.when(is_known)
            .then(pl.col("kind").replace_strict(CONNECTORS, default="other"))
            .otherwise(commented),
            # No connection has no power: 0 stands for a value that was not told.
            kw=pl.when(kw > 0).then(kw).cast(pl.Float64),
            quantity=thai.number(pl.col("quantity"), pl.Int64()).fill_null(1),
        )
        .group_by("site", maintain_order=True)
        .agg(
            connections=pl.col("quantity").sum(),
            connectors=pl.col("kind").unique().sort().str.join(", "),
            max_kw=pl.col("kw").max(),
            total_kw=pl.when(pl.col("kw").is_not_null().all()).then((pl.col("kw") * pl.col("quantity")).sum()),
        )
    )
