"""``muang status``: per city, what came last, what is published, how it was judged, and what is missing."""

from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.lake.feeds import SOURCES
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment
from assets.landing.lease import holder
from assets.landing.store import Damaged
from assets.snapshots.history import Entry, current
from pipelines.settings import now
from quality import gate
from quality.tables import DELIVERIES, TABLES, VERDICTS


def ahead(published: Entry | None) -> date | None:
    """The day of what a city publishes, if it has not come: a night ran under a clock that was. Until it comes all
    nights are of past days, and what they bring counts as earlier."""
    return published.day if published and published.day > now().date() else None


def city_status(deployment: Deployment, city: City) -> dict[str, Any]:
    """A city's state as plain values: ``last_delivery``, ``snapshot``, ``rolled_back``: why it is an earlier one,
    ``verdicts`` of the last day judged, ``withheld``: tables that they withhold, with the reason, ``missing``: sources
    of which nothing usable ever came, optional ones where something unusable did; ``lease``: the run that is at the
    city, ``damaged``: why the snapshot cannot be told; ``ahead``: the snapshot's day where it has not come."""
    lake = CityLake(deployment.store, city.slug)
    deliveries, judged = lake.read(DELIVERIES), lake.read(VERDICTS)
    last = judged.filter(pl.col("day") == pl.col("day").max())
    noted = last.filter(pl.col("verdict") != "pass")
    usable = set(deliveries.filter(pl.col("rows") > 0)["source"])
    wanted = {name for name, entry in city.sources.items() if not SOURCES[entry.reader].optional}
    # What came and could not be used is missing, asked for or not.
    wanted |= set(deliveries["source"]) & set(city.sources)
    published, damaged = None, None
    try:
        published = current(deployment.store, city.slug)
    except Damaged as error:
        damaged = str(error)
    other = holder(deployment.store, city.slug)
    return {
        "city": city.slug,
        "name_th": city.name_th,
        "last_delivery": deliveries.filter(pl.col("rows") > 0)["day"].max(),
        "snapshot": published.snapshot_id if published else None,
        "rolled_back": published.reason if published else None,
        "damaged": damaged,
        "ahead": ahead(published),
        "verdicts": dict(last.group_by("verdict").len().sort("verdict").iter_rows()),
        "not_passed": noted.select("table", "check", "verdict", "since", "message").to_dicts(),
        "withheld": {name: why for name, why in gate.withheld(last).items() if TABLES[name].published},
        "missing": sorted(wanted - usable),
        "lease": None if other is None else other.model_dump(mode="json") | {"stale": not other.holds(now())},
    }
