"""Smart Living: facilities within reach, and what water threatens."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators.hazards import hazards
from assets.indicators.indicator import absent, collect, indicator, newest
from assets.indicators.inhabitants import registered
from quality.tables import FACILITIES

KINDS = {
    "hospital": ("hospitals", "Hospitals"),
    "school": ("schools", "Schools"),
    "police": ("police_stations", "Police stations"),
    "fire_station": ("fire_stations", "Fire stations"),
}
"""Kind → indicator and title."""

MAX_AGE = timedelta(days=366)
"""An extract older than a year describes another city: Thai towns are mapped actively."""


def indicators(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Facilities in reach, where it can be told per 100,000 inhabitants, and hazards, as ``INDICATORS``."""
    return collect([*_facilities(city, day, tables), *hazards(city, day, tables)])


def _facilities(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    last, rows = newest(tables.get(FACILITIES.name), FACILITIES.day, day)
    if last is None:
        return absent(FACILITIES, tables, day)
    reach = float(rows["distance_km"].max() or 0)  # type: ignore[arg-type]
    people = registered(city, day, tables)
    facts: dict[str, Any] = {
        "sources": f"{FACILITIES.name} (© OpenStreetMap contributors)",
        "max_age": MAX_AGE,
        "partial": "what nobody mapped is not counted",
    }
    found = []
    for kind, (code, title) in KINDS.items():
        count = rows.filter(kind=kind).height
        value, unit, over = float(count), "sites", ""
        # Reach and registered area are two areas: their quotient is given only where they agree roughly, a province.
        if people and people.level == "province":
            value, unit = 100_000 * count / people.persons, "1/100,000"
            over = f" over the registered population of {people.level} {people.area}"
        found.append(
            indicator(
                "living",
                code,
                f"{title} in reach",
                value,
                unit,
                (last, last),
                day,
                method=f"{count} mapped sites up to {reach:.1f} km from the city's point{over}",
                **facts,
            )
        )
    return found
