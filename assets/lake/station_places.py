"""Stations with the days for which each place holds, made of all lists that were delivered.

A network's list tells only where its stations are now, and a station that moves keeps its id (Air4Thai's 30t did). So
every list is kept (``station_lists``) and the places with their days (``stations``) are made of all of them.
"""

import polars as pl

from assets.sources.geo import distance_km
from assets.sources.stations import MAX_KM
from quality.tables import STATIONS
from quality.verdicts import SAMPLE, Verdict

MOVED_KM = 0.1
"""Coordinates that differ by less are the same place: lists round to three to six decimals (0.1 to 100 m)."""

STATION = ("network", "station_id")


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
    shown = latest.with_columns(too_far=counts & left).select(
        *STATION, "valid_from", pl.col("moved_km", "distance_km").round(1), "assigned", "too_far"
    )
    network, station, day, km, distance, _, _ = shown.row(0)
    lost = shown.filter("too_far")["station_id"].to_list()
    text = f"{network} {station} moved {km} km on {day}, to {distance} km from the city's point"
    text += f"; assigned, and now beyond {MAX_KM:g} km: {', '.join(lost)}" if lost else ""
    return [Verdict(STATIONS.name, "station-moved", "warn", checked, found.height, text, shown.head(SAMPLE).to_dicts())]


def _first(name: str, known: bool = False) -> pl.Expr:
    """The first value of a station's rows; ``known``: the first that is told."""
    return (pl.col(name).drop_nulls().first() if known else pl.col(name).first()).over(STATION)
