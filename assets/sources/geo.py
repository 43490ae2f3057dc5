"""Distances between places."""

import polars as pl

EARTH_KM = 6371.0088
"""Mean radius (IUGG)."""


def distance_km(lat: pl.Expr, lon: pl.Expr, point: tuple[float | pl.Expr, float | pl.Expr]) -> pl.Expr:
    """Great-circle distance (haversine) in km from ``point`` (latitude, longitude), all in degrees."""
    lat0, lon0 = (place if isinstance(place, pl.Expr) else pl.lit(place) for place in point)
    half = ((lat - lat0).radians() / 2).sin() ** 2 + lat.radians().cos() * lat0.radians().cos() * (
        (lon - lon0).radians() / 2
    ).sin() ** 2
    return 2 * EARTH_KM * half.sqrt().arcsin()
