"""Distances between places, and what lies within a city's reach."""

from collections.abc import Mapping
from typing import Annotated, Any

import polars as pl
from pydantic import ConfigDict, Field

from assets.cities.registry import City
from assets.sources.source import Options
from quality.batch import Batch

EARTH_KM = 6371.0088
"""Mean radius (IUGG)."""

Km = Annotated[float, Field(gt=0, allow_inf_nan=False, description="reach around the city's point in km")]


class Within(Options):
    """A source of places: a city takes those within ``within_km`` of its point."""

    model_config = ConfigDict(strict=True)

    within_km: Km


def distance_km(lat: pl.Expr, lon: pl.Expr, point: tuple[float | pl.Expr, float | pl.Expr]) -> pl.Expr:
    """Great-circle distance (haversine) in km from ``point`` (latitude, longitude), all in degrees."""
    lat0, lon0 = (place if isinstance(place, pl.Expr) else pl.lit(place) for place in point)
    half = ((lat - lat0).radians() / 2).sin() ** 2 + lat.radians().cos() * lat0.radians().cos() * (
        (lon - lon0).radians() / 2
    ).sin() ** 2
    return 2 * EARTH_KM * half.sqrt().arcsin()


def lon_lat(geometry: Any) -> tuple[Any, Any]:
    """Longitude and latitude of a GeoJSON point as they came; None where the geometry is no point."""
    point = geometry.get("coordinates") if isinstance(geometry, Mapping) else None
    return (point[0], point[1]) if isinstance(point, list) and len(point) >= 2 else (None, None)


def within(places: Batch, city: City, reach_km: float) -> Batch:
    """Rows whose ``lat`` and ``lon`` are within reach of the city's point, with ``distance_km`` from it. A row that
    would be if they changed places is refused (``place-swapped``): else it would be gone without a word."""
    point = (city.lat, city.lon)
    swapped = distance_km(pl.col("lon"), pl.col("lat"), point) <= reach_km
    text = pl.format("latitude {} and longitude {} are each in the other's place", "lat", "lon")
    return (
        places.with_columns(distance_km=distance_km(pl.col("lat"), pl.col("lon"), point))
        .refuse((swapped, "place-swapped", text))
        .filter(pl.col("distance_km") <= reach_km)
    )
