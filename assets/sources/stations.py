"""Stations in a city's reach: what a delivered list says of their places."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from assets.sources import thai
from assets.sources.geo import distance_km
from assets.sources.parsing import distinct, problems_at, without
from assets.sources.source import Context
from quality.problems import gather
from quality.tables import STATION_LISTS

LISTED_KM = 30.0
"""Stations this near are listed though the registry does not assign them: a city that has none sees what is around,
and whoever moves away stays in sight."""

MAX_KM = 10.0
"""Farthest a station may be from the city's point to speak for the city, where the registry says no other
(``max_km``): the distance within which the registry looked for stations."""

STRAYED_KM = 1.0
"""Difference to the registry's distance that is said. The registry rounds to 0.1 km; old lists are 0.2 km off."""


def listed(
    frame: pl.DataFrame, context: Context[Any], network: str, assigned: pl.Expr
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``STATION_LISTS`` of a delivered list: stations that count for the city or are within ``LISTED_KM`` of its point.

    ``frame`` has ``_row``, ``station_id``, ``name_th``, ``name_en``, ``lat``, ``lon`` and ``area`` as text.
    ``assigned`` tells on it, and on ``distance_km``, whether a station counts for the city. Returns rows and problems:
    an assigned station without coordinates, one that is elsewhere than the registry says (``station-moved``).
    """
    placed = frame.with_columns(
        *(_text(name).alias(name) for name in ("name_th", "name_en", "area")),
        *(thai.number(pl.col(name), pl.Float64()).alias(name) for name in ("lat", "lon")),
    ).with_columns(distance_km=distance_km(pl.col("lat"), pl.col("lon"), (context.city.lat, context.city.lon)))
    placed = placed.with_columns(assigned=assigned.fill_null(value=False))
    nowhere = problems_at(
        placed,
        "value-not-number",
        pl.col("distance_km").is_null() & pl.col("assigned"),
        pl.format("station {}: no latitude or longitude", "station_id"),
    )
    near = without(placed, nowhere).filter(pl.col("assigned") | (pl.col("distance_km") <= LISTED_KM))
    rows, repeats = distinct(
        near.select(
            "_row",
            *(name for name in STATION_LISTS.schema.names() if name in near.columns and not name.startswith("_")),
            network=pl.lit(network),
            reference_date=pl.lit(context.day),
        ),
        STATION_LISTS.key,
    )
    return rows, gather([nowhere, repeats, _strayed(rows, context.options)])


def _text(name: str) -> pl.Expr:
    text = thai.clean(pl.col(name))
    return pl.when(text != "").then(text)


def _strayed(rows: pl.DataFrame, options: Mapping[str, Any]) -> pl.DataFrame:
    told = [(s["id"], float(s["distance_km"])) for s in options.get("stations", ()) if "distance_km" in s]
    registry = pl.DataFrame(told, schema={"station_id": pl.String, "_told": pl.Float64}, orient="row")
    return problems_at(
        rows.join(registry, on="station_id", maintain_order="left"),
        "station-moved",
        (pl.col("distance_km") - pl.col("_told")).abs() > STRAYED_KM,
        pl.format(
            "station {}: {} km from the city's point; the registry says {} km",
            "station_id",
            pl.col("distance_km").round(1),
            "_told",
        ),
    )
