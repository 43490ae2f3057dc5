"""Stations in a city's reach: what a delivered list says of their places."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import ConfigDict, Field

from assets.sources import thai
from assets.sources.geo import Km, distance_km
from assets.sources.source import Context, Options
from quality.batch import Batch
from quality.tables import STATION_LISTS

LISTED_KM = 30.0
"""Stations this near are listed though the registry does not assign them: a city that has none sees what is around,
and whoever moves away stays in sight."""

MAX_KM = 10.0
"""Farthest a station may be from the city's point to speak for the city, where the registry says no other
(``max_km``): the distance within which the registry looked for stations."""

STRAYED_KM = 1.0
"""Difference to the registry's distance that is said. The registry rounds to 0.1 km; old lists are 0.2 km off."""


class Station(Options):
    """A station that the registry assigns to a city."""

    model_config = ConfigDict(strict=True)

    id: str = Field(min_length=1, description="the network's id of it")
    name: str | None = Field(default=None, description="its name, for whoever reads the registry")
    distance_km: float | None = Field(
        default=None, ge=0, description="its distance from the city's point in km, to tell one that moved"
    )
    confidence: Literal["A", "B", "C"] | None = Field(
        None, description="that it is there, as the head of the registry says"
    )
    source: str | None = Field(default=None, description="where its place was read")
    note: str | None = Field(default=None, description="what else a reader of the registry should know")


class Stations(Options):
    """A network of stations: the registry assigns them."""

    model_config = ConfigDict(strict=True)

    stations: Annotated[tuple[Station, ...], Field(strict=False)] = Field(
        default=(), description="those that are the city's"
    )
    max_km: Km = Field(
        default=MAX_KM, description="farthest from the city's point, in km, at which a station speaks for the city"
    )

    @property
    def ids(self) -> list[str]:
        """Ids of the stations."""
        return [station.id for station in self.stations]


def listed(
    delivered: Batch, context: Context[Any], network: str, assigned: pl.Expr, reach_km: float = LISTED_KM
) -> Batch:
    """``STATION_LISTS`` of a delivered list: stations that count for the city or are within ``LISTED_KM`` of its point.
    One that would be within ``reach_km`` if its degrees changed places is refused (``place-swapped``).

    ``delivered`` has ``station_id``, ``name_th``, ``name_en``, ``lat``, ``lon`` and ``area`` as text. ``assigned``
    tells on it, and on ``distance_km``, whether a station counts for the city; such a one without coordinates is
    refused.
    """
    point = (context.city.lat, context.city.lon)
    placed = (
        delivered.with_columns(
            *(_text(name).alias(name) for name in ("name_th", "name_en", "area")),
            *(thai.number(pl.col(name), pl.Float64()).alias(name) for name in ("lat", "lon")),
        )
        .with_columns(distance_km=distance_km(pl.col("lat"), pl.col("lon"), point))
        .with_columns(assigned=assigned.fill_null(value=False))
        .refuse(
            (
                pl.col("distance_km").is_null() & pl.col("assigned"),
                "value-not-number",
                pl.format("station {}: no latitude or longitude", "station_id"),
            ),
            (
                (distance_km(pl.col("lon"), pl.col("lat"), point) <= reach_km) & ~pl.col("assigned"),
                "place-swapped",
                pl.format("station {}: latitude and longitude are each in the other's place", "station_id"),
            ),
        )
        .filter(pl.col("assigned") | (pl.col("distance_km") <= LISTED_KM))
    )
    columns = [
        name for name in STATION_LISTS.schema.names() if name in placed.rows.columns and not name.startswith("_")
    ]
    return placed.select(*columns, network=pl.lit(network), reference_date=pl.lit(context.day)).distinct(
        STATION_LISTS.key
    )


def strayed(places: Batch, stations: Sequence[Station]) -> Batch:
    """``listed`` places, with a problem (``station-moved``) for each that is elsewhere than the registry says."""
    distances = {station.id: station.distance_km for station in stations}
    registry = pl.col("station_id").replace_strict(distances, default=None, return_dtype=pl.Float64)
    return places.warn(
        (pl.col("distance_km") - registry).abs() > STRAYED_KM,
        "station-moved",
        pl.format(
            "station {}: {} km from the city's point; the registry says {} km",
            "station_id",
            pl.col("distance_km").round(1),
            registry,
        ),
    )


def _text(name: str) -> pl.Expr:
    text = thai.clean(pl.col(name))
    return pl.when(text != "").then(text)
