"""Stations in a city's reach: what a delivered list says of their places, and for which days each place holds.

A network's list tells only where its stations are now, and a station that moves keeps its id (Air4Thai's 30t did).
So every list is kept (``station_lists``) and the places with their days (``stations``) are made of all of them.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from assets.sources import thai
from assets.sources.geo import distance_km
from assets.sources.parsing import distinct, problems_at, without
from assets.sources.source import Context, Derived
from quality.problems import gather
from quality.tables import STATION_LISTS, STATIONS
from quality.verdicts import SAMPLE, Verdict

LISTED_KM = 30.0
"""Stations this near are listed though the registry does not assign them: a city that has none sees what is around,
and whoever moves away stays in sight."""

MAX_KM = 10.0
"""Farthest a station may be from the city's point to speak for the city, where the registry says no other
(``max_km``): the distance within which the registry looked for stations."""

STRAYED_KM = 1.0
"""Difference to the registry's distance that is said. The registry rounds to 0.1 km; old lists are 0.2 km off."""

MOVED_KM = 0.1
"""Coordinates that differ by less are the same place: lists round to three to six decimals (0.1 to 100 m)."""

STATION = ("network", "station_id")


def listed(frame: pl.DataFrame, context: Context, network: str, assigned: pl.Expr) -> tuple[pl.DataFrame, pl.DataFrame]:
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


def validity(lists: pl.DataFrame) -> pl.DataFrame:
    """``STATIONS`` of ``STATION_LISTS``, whatever the order of its rows.

    A run is what a station's lists say from a day on until its name changes or it is more than ``MOVED_KM`` from where
    the run began; a list that leaves it out ends nothing by itself. ``valid_to`` is null where the network's newest
    list has it. Place and distance are those of the run's first day, ``assigned`` that of its last.
    """
    left = lists.sort(*STATION, "reference_date").with_columns(
        _newest=pl.col("reference_date").max().over("network"),
    )
    runs = [STATIONS.empty()]
    while left.height:  # once for every place of the station that has had the most
        away = distance_km(pl.col("lat"), pl.col("lon"), (_first("lat"), _first("lon"))) > MOVED_KM
        # A name that is left out now and then is not another name.
        renamed = [(pl.col(name) != _first(name, known=True)).fill_null(value=False) for name in ("name_th", "name_en")]
        left = left.with_columns(_over=pl.any_horizontal(away, *renamed).cast(pl.Int8).cum_max().over(STATION) == 1)
        run = left.filter(~pl.col("_over")).group_by(STATION, maintain_order=True)
        runs.append(
            run.agg(
                *(pl.col(name).drop_nulls().first() for name in ("name_th", "name_en", "area")),
                *(pl.col(name).first() for name in ("lat", "lon", "distance_km")),
                pl.col("assigned").last(),
                pl.col("_newest").first(),
                valid_from=pl.col("reference_date").first(),
                valid_to=pl.col("reference_date").last(),
            )
            .with_columns(valid_to=pl.when(pl.col("valid_to") < pl.col("_newest")).then("valid_to"))
            .select(STATIONS.schema.names())
        )
        left = left.filter("_over")
    return pl.concat(runs).sort(STATIONS.order)


def moves(stations: pl.DataFrame) -> pl.DataFrame:
    """Moves among ``STATIONS``: the row a station moved to, with ``moved_km`` from the place before, and ``before_km``,
    how far that was from the city's point."""
    before = pl.col("lat").shift().over(STATION), pl.col("lon").shift().over(STATION)
    far = distance_km(pl.col("lat"), pl.col("lon"), before)
    ordered = stations.sort(STATIONS.order)
    known = ordered.with_columns(moved_km=far, before_km=pl.col("distance_km").shift().over(STATION))
    return known.filter(pl.col("moved_km") > MOVED_KM)


def moved(stations: pl.DataFrame) -> list[Verdict]:
    """Warn of stations that moved: which, when, how far, and whether one that counts left ``MAX_KM``."""
    found = moves(stations)
    checked = stations.select(STATION).n_unique()
    if not found.height:
        return [Verdict(STATIONS.name, "station-moved", "pass", checked, 0, "every station is where it was")]
    latest = found.sort("valid_from", *STATION, descending=[True, False, False])
    counts = pl.col("valid_to").is_null() & pl.col("assigned")
    left = (pl.col("before_km") <= MAX_KM) & (pl.col("distance_km") > MAX_KM)
    told = latest.with_columns(too_far=counts & left).select(
        *STATION, "valid_from", pl.col("moved_km", "distance_km").round(1), "assigned", "too_far"
    )
    network, station, day, km, distance, _, _ = told.row(0)
    lost = told.filter("too_far")["station_id"].to_list()
    text = f"{network} {station} moved {km} km on {day}, to {distance} km from the city's point"
    text += f"; assigned, and now beyond {MAX_KM:g} km: {', '.join(lost)}" if lost else ""
    return [Verdict(STATIONS.name, "station-moved", "warn", checked, found.height, text, told.head(SAMPLE).to_dicts())]


STATION_PLACES = Derived(table=STATIONS, of=STATION_LISTS, make=validity, by_day=False, judge=moved)


def _text(name: str) -> pl.Expr:
    text = thai.clean(pl.col(name))
    return pl.when(text != "").then(text)


def _first(name: str, known: bool = False) -> pl.Expr:
    """The first value of a station's rows; ``known``: the first that is told."""
    return (pl.col(name).drop_nulls().first() if known else pl.col(name).first()).over(STATION)


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
