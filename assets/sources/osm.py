"""Facilities from OpenStreetMap extracts, delivered by file: GeoJSON points or Overpass JSON.

GeoJSON (RFC 7946): a FeatureCollection of points whose properties are OpenStreetMap tags, with the element's ``id``
(``node/571502630``). Overpass JSON (https://wiki.openstreetmap.org/wiki/Overpass_API/Overpass_QL#Output_formats):
``elements`` with ``type``, ``id``, ``tags`` and ``lat``/``lon`` or ``center``. Ask Overpass for ``amenity``,
``healthcare`` and ``emergency``; its free servers are not asked by a nightly job. Tags: https://wiki.openstreetmap.org.

© OpenStreetMap contributors, ODbL 1.0: share alike, so that the table stays apart from the others. Phones, operators
and addresses are not taken.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from assets.sources import thai
from assets.sources.geo import Km, Within, lon_lat, within
from assets.sources.parsing import fields_of, parsed, record_batch
from assets.sources.source import Context, ReadResult, Source
from quality.tables import FACILITIES

KINDS = ("amenity", "healthcare", "emergency")
"""Tags that make an element a facility, the one that names its kind first; a blank one says nothing."""

WITHIN_KM = 10.0
"""Reach around the city's point where the registry says no other: facilities serve people of the next district too."""

_TAGS = (*KINDS, "name", "name:th", "name_th", "name:en", "name_en")


class FacilityOptions(Within):
    """Facilities are gone to."""

    within_km: Km = WITHIN_KM


def read(data: bytes, context: Context[FacilityOptions]) -> ReadResult:
    """Table ``facilities`` within the option ``within_km`` of the city's point, dated by the extract's own stamp
    (Overpass tells ``osm3s.timestamp_osm_base``) or by its delivery."""
    payload, reason = parsed(data, _fault)
    if reason:
        return ReadResult.rejected(OSM_FACILITIES.name, "format-unknown", reason)
    overpass = "elements" in payload
    elements = payload["elements" if overpass else "features"]
    if not elements:
        return ReadResult.rejected(OSM_FACILITIES.name, "answer-empty", "no element in the extract")
    flat = _element if overpass else _feature
    extract = record_batch(elements, flat, ["id", "lat", "lon", *_TAGS]).with_columns(
        pl.col("lat", "lon").cast(pl.Float64, strict=False),
        kind=pl.coalesce(thai.clean(pl.col(tag)).replace("", None) for tag in KINDS),
    )
    if other := extract.rows["kind"].null_count():
        extract = extract.note("row-filtered", f"{other} elements have none of the tags {', '.join(KINDS)}")
    local, thai_letters = thai.clean(pl.col("name")).replace("", None), r"\p{Thai}"
    is_thai = local.str.contains(thai_letters)
    placed = extract.refuse(
        (pl.col("lat").is_null() | pl.col("lon").is_null(), "value-null", "no point"),
        (pl.col("id").is_null(), "value-null", "the element has no id"),
    ).filter(pl.col("kind").is_not_null())
    facilities = (
        within(placed, context.city, context.options.within_km)
        .select(
            "kind",
            "lat",
            "lon",
            "distance_km",
            source=pl.lit("osm"),
            facility_id="id",
            name_th=pl.coalesce(_name("name:th"), _name("name_th"), pl.when(is_thai).then(local)),
            name_en=pl.coalesce(_name("name:en"), _name("name_en"), pl.when(~is_thai).then(local)),
            reference_date=pl.lit(_stamp(payload) or context.day).cast(pl.Date),
        )
        .distinct(FACILITIES.key)
    )
    form = "Overpass JSON" if overpass else "GeoJSON"
    evidence = f"{form}, {facilities.rows.height} of {len(elements)} elements within reach"
    return ReadResult.of(OSM_FACILITIES.name, evidence, facilities=facilities)


OSM_FACILITIES = Source(
    name="osm_facilities",
    title="OpenStreetMap facilities (by file)",
    smart="living",
    tables=("facilities",),
    portal=None,
    document="https://wiki.openstreetmap.org/wiki/Overpass_API",
    plan=None,
    reader=read,
    zone="UTC",
    label="instant",
    missing=("", "absent tag"),
    units="degrees (WGS 84)",
    personal="phone, operator and address tags: not taken",
    options=FacilityOptions,
    version=2,
)


def _fault(payload: Any) -> str | None:
    if "elements" in payload:
        # Overpass answers a query that ran out of time or memory with what it had found, and says so here.
        if "error" in (remark := str(payload.get("remark") or "")):
            return f"the extract stopped before its end: {remark:.80}"
        parts = payload["elements"]
        return None if parts == [] or any("type" in fields_of(part) for part in parts) else "no element has a type"
    if payload["type"] != "FeatureCollection":
        return f"a GeoJSON {payload['type']!r:.30} and no FeatureCollection"
    parts = payload["features"]
    some = any(fields_of(fields_of(part).get("properties")) for part in parts)
    return None if some or parts == [] else "no feature has tags"


def _element(element: Mapping[str, Any]) -> dict[str, Any]:
    point = fields_of(element.get("center")) or element
    identity = f"{element.get('type')}/{element['id']}" if element.get("id") is not None else None
    return {**fields_of(element.get("tags")), "id": identity, "lat": point.get("lat"), "lon": point.get("lon")}


def _feature(feature: Mapping[str, Any]) -> dict[str, Any]:
    tags, shape = fields_of(feature.get("properties")), fields_of(feature.get("geometry"))
    lon, lat = lon_lat(shape) if shape.get("type") == "Point" else (None, None)
    return {**tags, "id": tags.get("id") or tags.get("@id") or feature.get("id"), "lat": lat, "lon": lon}


def _name(tag: str) -> pl.Expr:
    return thai.clean(pl.col(tag)).replace("", None)


def _stamp(payload: Mapping[str, Any]) -> Any:
    stamp = (payload.get("osm3s") or {}).get("timestamp_osm_base") if "elements" in payload else None
    return pl.Series([str(stamp or "")[:10]]).str.to_date("%Y-%m-%d", strict=False).item()
