"""Smart Mobility: public transport stops within the city's reach."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators import absent, collect, indicator, newest
from assets.mobility.gtfs import WITHIN_KM
from quality.tables import TRANSIT_STOPS


def indicators(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Stops, stops per km² of reach and days since the feed's version, as ``INDICATORS``; stale once it expired."""
    last, stops = newest(tables.get(TRANSIT_STOPS.name), TRANSIT_STOPS.day, day)
    if last is None:
        return collect(absent(TRANSIT_STOPS, tables, day))
    reach = next((float(e.options["within_km"]) for e in city.sources.values() if "within_km" in e.options), WITHIN_KM)
    ends = stops["feed_end_date"].min()
    facts: dict[str, Any] = {
        "sources": f"{TRANSIT_STOPS.name}, feed {', '.join(stops['feed'].unique().sort())}",
        "stale": f"the feed expired on {ends}" if isinstance(ends, date) and ends < day else None,
    }
    area = math.pi * reach**2
    return collect(
        [
            indicator(
                "mobility",
                "stops_in_reach",
                "Stops in reach",
                float(stops.height),
                "stops",
                (last, last),
                day,
                method=f"stops within {reach:g} km of the city's point",
                **facts,
            ),
            indicator(
                "mobility",
                "stops_per_km2",
                "Stops per km² of reach",
                stops.height / area,
                "1/km²",
                (last, last),
                day,
                method=f"stops within {reach:g} km over the area of that circle",
                **facts,
            ),
            indicator(
                "mobility",
                "feed_age",
                "Age of the feed",
                float((day - last).days),
                "days",
                (last, last),
                day,
                method="days since the feed's version",
                **facts,
            ),
        ]
    )
