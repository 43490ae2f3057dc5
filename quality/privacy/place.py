"""Placing: which cell each meter of a day is in, so that all cells pass and as many zones as can be are whole.

1. A zone that passes stays whole: its classes that pass are cells, the others are together in (zone, ``other``), with
   the smallest of those that pass where they alone do not.
2. A zone that one customer dominates passes without it; the zone then lacks that customer.
3. A large customer that was not in its zone's cells on some other day of the month is not in them either: whoever is
   near 15 % would go in and out with the weather, and the difference of two days would tell it.
4. What is left of all zones is together in (``other``, ``other``), without who dominates even that. No cell of a zone
   is taken along to hide it: the day's zones would come and go with the city's largest customers, and tell of them.
"""

from collections.abc import Sequence

import polars as pl

from quality.privacy.rule import OTHER, dominating, judged

LARGE = (1, 20)
"""5 % of a zone, as a fraction: who has more is seen in its sum when it comes or goes."""

DAY_CELL = ["local_date", "cell_zone", "cell_class"]
"""What a cell is named by."""

_BAND = ["local_date", "zone", "customer_class"]


def place(members: pl.DataFrame, taken: pl.DataFrame, others: pl.DataFrame | None = None) -> pl.DataFrame:
    """``meter_id, local_date, cell_zone, cell_class`` of the members that are in a cell.

    Names in ``taken`` (``DAY_CELL``) belong to cells published earlier and are not used. ``others`` (``local_date,
    cell_zone, customer_id``) tells who is in the cells of the month's other days.
    """
    members = members.filter(pl.col("kwh").is_not_null())
    away = _away(members, ["zone"], others)
    whole, left = _without_dominating(members.join(away, on=away.columns, how="anti"), ["zone"])
    left = pl.concat([left, members.join(away, on=away.columns, how="semi")])
    # A zone that was published before may have no room for its name: its late customers go where others go.
    own = _by_class(whole, taken)
    left = pl.concat([left, own.filter(pl.col("cell_class").is_null()).select(left.columns)])
    own = own.filter(pl.col("cell_class").is_not_null()).with_columns(cell_zone="zone")
    closed = taken.filter(cell_zone=OTHER, cell_class=OTHER).select("local_date").unique()
    left = left.join(closed, on="local_date", how="anti")
    away = _away(left, [], others)
    together, _ = _without_dominating(left.join(away, on=away.columns, how="anti"), [])
    together = together.with_columns(cell_zone=pl.lit(OTHER), cell_class=pl.lit(OTHER))
    names = ["meter_id", *DAY_CELL]
    return pl.concat([own.select(names), together.select(names)]).unique(maintain_order=False)


def _away(members: pl.DataFrame, by: Sequence[str], others: pl.DataFrame | None) -> pl.DataFrame:
    """Large customers of a zone (of the city, without ``by``) that its cells of some other day are without: ``*by,
    local_date, customer_id``."""
    large = dominating(members, by, LARGE)
    if others is None:
        return large.clear()
    zone = pl.col("zone") if by else pl.lit(OTHER)
    days = others.group_by("cell_zone").agg(days=pl.col("local_date").n_unique())
    there = others.unique().group_by("cell_zone", "customer_id").len("there")
    seen = large.with_columns(cell_zone=zone).join(days, on="cell_zone")
    seen = seen.join(there, on=["cell_zone", "customer_id"], how="left")
    return seen.filter(pl.col("there").fill_null(0) < pl.col("days")).select(large.columns)


def _without_dominating(members: pl.DataFrame, by: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Members of the groups that pass, without the customers that dominate them, and all others."""
    group = [*dict.fromkeys([*by, "local_date"])]
    kept = members
    while True:
        failing = judged(kept, by).filter("fails")
        if not failing.height:
            break
        large = dominating(kept, by).join(failing, on=group, how="semi")
        # Where nobody dominates there are too few customers, or nothing was used in some slot: no one's going helps.
        hopeless = failing.join(large, on=group, how="anti")
        kept = kept.join(large, on=[*group, "customer_id"], how="anti").join(hopeless, on=group, how="anti")
    return kept, members.join(kept, on=["local_date", "meter_id", "start"], how="anti")


def _by_class(whole: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """``whole`` zones with the ``cell_class`` of each member; null where neither its class nor ``other`` is free."""
    free = taken.select("local_date", zone="cell_zone", customer_class="cell_class", held=pl.lit(True)).unique()
    found = judged(whole, _BAND).join(free, on=_BAND, how="left")
    # A class that bears the name that others are merged under is merged with them.
    alone = ~pl.col("fails") & pl.col("held").is_null() & (pl.col("customer_class") != OTHER)
    classes = found.select(*_BAND, "n", alone=alone)
    zone = ["local_date", "zone"]
    while True:
        merged = whole.join(classes.filter(~pl.col("alone")), on=_BAND, how="semi")
        failing = judged(merged, ["zone"]).filter("fails").select(zone)
        smallest = (
            classes.filter("alone")
            .join(failing, on=zone, how="semi")
            .sort(*zone, "n", "customer_class")
            .unique(zone, keep="first", maintain_order=True)
        )
        if not smallest.height:
            break
        joins = smallest.select(*_BAND, joins=pl.lit(True))
        classes = classes.join(joins, on=_BAND, how="left").select(
            *_BAND, "n", alone=pl.col("alone") & pl.col("joins").is_null()
        )
    no_room = free.filter(customer_class=OTHER).select(*zone, no_room=pl.lit(True)).unique()
    named = classes.join(no_room, on=zone, how="left").select(
        *_BAND,
        cell_class=pl.when("alone").then("customer_class").when(pl.col("no_room").is_null()).then(pl.lit(OTHER)),
    )
    return whole.join(named, on=_BAND)
