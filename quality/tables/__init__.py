"""Every table of the lake, as a contract.

Columns carry their unit in the name where a quantity has one unit; ``meter_intervals`` has a ``unit`` column because
its rows hold several quantities. Times are UTC and mark the interval's start; ``local_date`` is the day in
Asia/Bangkok, where a day always has 24 hours.
"""

from quality.contracts import Table
from quality.tables.books import DELIVERIES, QUARANTINE, VERDICTS
from quality.tables.energy import (
    LOAD_PROFILE,
    LOAD_PROFILE_BASIS,
    METER_INTERVALS,
    METER_SUPERSEDED,
    METERS,
    REGISTER_READS,
)
from quality.tables.open_data import (
    AIR_QUALITY,
    INDICATORS,
    POPULATION,
    TRANSIT_ROUTES,
    TRANSIT_STOPS,
    VISITORS,
    WEATHER,
)

__all__ = [
    "AIR_QUALITY",
    "DELIVERIES",
    "INDICATORS",
    "LOAD_PROFILE",
    "LOAD_PROFILE_BASIS",
    "METERS",
    "METER_INTERVALS",
    "METER_SUPERSEDED",
    "POPULATION",
    "QUARANTINE",
    "REGISTER_READS",
    "TABLES",
    "TRANSIT_ROUTES",
    "TRANSIT_STOPS",
    "VERDICTS",
    "VISITORS",
    "WEATHER",
]

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        METERS,
        METER_INTERVALS,
        METER_SUPERSEDED,
        REGISTER_READS,
        LOAD_PROFILE,
        LOAD_PROFILE_BASIS,
        AIR_QUALITY,
        WEATHER,
        TRANSIT_STOPS,
        TRANSIT_ROUTES,
        POPULATION,
        VISITORS,
        INDICATORS,
        DELIVERIES,
        QUARANTINE,
        VERDICTS,
    )
}
"""Contract of every table, by name."""
