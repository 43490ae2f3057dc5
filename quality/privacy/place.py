"""Placing: which cell each meter of a day is in, so that all cells pass and as many zones as can be are whole.

1. A zone that passes stays whole: its classes that pass are cells, the others are together in (zone, ``other``), with
   the smallest of those that pass where they alone do not.
2. A zone that one customer dominates passes without it; the zone then lacks that customer.
3. A large customer that its zone's cells were without on the last remembered day does not come into them: whoever is
   near 15 % would go in and out with the weather, and the difference of two days would tell it. So who comes must grow
   to thrice its part before it must leave.
4. What is left of all zones is together in (``other``, ``other``), without who dominates even that. No cell of a zone
   is taken along to hide it: the day's zones would come and go with the city's largest customers, and tell of them.
"""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from quality.privacy.batches import in_batches
from quality.privacy.rule import KNOWN, OTHER, by_customer, dominating, judged

LARGE = (1, 20)
"""5 % of a zone, as a fraction: who has more is seen in its sum when it comes or goes. With 7.5 %, large customers of
zones of 300 and 1,000 came and went six times as often (docs/privacy.md)."""

TIMES = 3
"""Who has less than thrice an average customer's part is not large: in a zone of twenty all would be, and what others
use otherwise from day to day hides any of them."""

MEMORY = timedelta(days=31)
"""How long a zone without cells is remembered; after that it begins anew, whole. A zone that has cells every tenth day
only, because another city has its meters on the others, would else begin anew each time."""

DAY_CELL = ["local_date", "cell_zone", "cell_class"]
"""What a cell is named by."""

_METER = ["local_date", "meter_id"]
_BAND = ["local_date", "zone", "customer_class"]


def place(members: pl.DataFrame, taken: pl.DataFrame, others: pl.DataFrame | None = None) -> pl.DataFrame:
    """``meter_id, local_date, cell_zone, cell_class`` of the members that are in a cell.

    Names in ``taken`` (``DAY_CELL``) belong to cells published earlier and are not used. ``others`` (``local_date,
    cell_zone, customer_id``) tells who is in the cells of days before, back to ``MEMORY``: of each zone the last.
    """
    names = ["meter_id", *DAY_CELL]
    zones = (whole(each.filter(KNOWN), ["zone"], others) for each in in_batches(members, "zone"))
    placed = (_by_class(each, taken).with_columns(cell_zone="zone") for each in zones)
    # A zone that was published before may have no room for its name: its late customers go where others go.
    own = pl.concat([each.filter(pl.col("cell_class").is_not_null()).select(names) for each in placed])
    closed = taken.filter(cell_zone=OTHER, cell_class=OTHER).select("local_date").unique()
    left = members.join(own, on=_METER, how="anti").join(closed, on="local_date", how="anti").filter(KNOWN)
    together = whole(left, [], others).with_columns(cell_zone=pl.lit(OTHER), cell_class=pl.lit(OTHER))
    return pl.concat([own, together.select(names)])


def whole(members: pl.DataFrame, by: Sequence[str], others: pl.DataFrame | None) -> pl.DataFrame:
    """Members of the groups (zones, or the city without ``by``) that pass, without the customers that dominate them and
    the large ones that their cells were without on their last day."""
    # Parts are those of what is left: without who dominates it many a zone is a third of what it was.
    customers = _without_dominating(by_customer(members, by), by)
    last = pl.col("local_date") == pl.col("local_date").max().over("cell_zone")
    there = None if others is None else others.filter(last)
    while there is not None:
        large = dominating(customers, by, LARGE, TIMES)
        of_zone = large.with_columns(cell_zone=pl.col("zone") if by else pl.lit(OTHER))
        # Of a zone that had no cells there is nothing to take a difference from: it begins whole.
        away = of_zone.join(there, on="cell_zone", how="semi").join(there, on=["cell_zone", "customer_id"], how="anti")
        if not away.height:
            break
        # Without them others may be large that were not.
        customers = _without_dominating(customers.join(away, on=large.columns, how="anti"), by)
    return members.join(customers, on=[*dict.fromkeys([*by, "local_date", "customer_id"])], how="semi")


def _without_dominating(customers: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Customers of the groups that pass, without those that dominate them."""
    group = [*dict.fromkeys([*by, "local_date"])]
    while True:
        failing = judged(customers, by).filter("fails")
        if not failing.height:
            return customers
        large = dominating(customers.join(failing, on=group, how="semi"), by)
        # Where nobody dominates there are too few customers, or nothing was used in some slot: no one's going helps.
        hopeless = failing.join(large, on=group, how="anti")
        customers = customers.join(large, on=[*group, "customer_id"], how="anti")
        customers = customers.join(hopeless, on=group, how="anti")


def _by_class(zones: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """Whole ``zones`` with the ``cell_class`` of each member; null where neither its class nor ``other`` is free."""
    free = taken.select("local_date", zone="cell_zone", customer_class="cell_class", held=pl.lit(True)).unique()
    found = judged(by_customer(zones, _BAND), _BAND).join(free, on=_BAND, how="left")
    # A class that bears the name that others are merged under is merged with them.
    alone = ~pl.col("fails") & pl.col("held").is_null() & (pl.col("customer_class") != OTHER)
    classes = found.select(*_BAND, "n", alone=alone)
    zone = ["local_date", "zone"]
    while True:
        merged = zones.join(classes.filter(~pl.col("alone")), on=_BAND, how="semi")
        failing = judged(by_customer(merged, ["zone"]), ["zone"]).filter("fails").select(zone)
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
    return zones.join(named, on=_BAND)
