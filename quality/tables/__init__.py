"""Every table of the lake, as a contract.

Columns carry their unit in the name where a quantity has one unit; ``meter_intervals`` has a ``unit`` column because
its rows hold several quantities. Times are UTC and mark the interval's start; ``local_date`` is the day in
Asia/Bangkok, where a day always has 24 hours.
"""

from quality.contracts import Table
from quality.tables.books import DELIVERIES, QUARANTINE, VERDICTS
from quality.tables.economy import HOUSEHOLD_INCOME, VISITORS
from quality.tables.energy import (
    EV_CHARGERS,
    LOAD_PROFILE,
    LOAD_PROFILE_BASIS,
    METER_INTERVALS,
    METER_SUPERSEDED,
    METERS,
    POWER_SYSTEM,
    REGISTER_READS,
)
from quality.tables.environment import (
    AIR_QUALITY,
    HOTSPOT_DAYS,
    HOTSPOTS,
    RAINFALL,
    STATION_LISTS,
    STATIONS,
    WATER_LEVELS,
    WEATHER,
)
from quality.tables.governance import CITIZEN_REPORTS, CITY_STATISTICS, DATASETS, INDICATORS, PROGRAMME, TICKETS
from quality.tables.living import FACILITIES
from quality.tables.mobility import (
    ROAD_ACCIDENTS,
    ROAD_CASUALTIES,
    ROAD_EVENTS,
    TRANSIT_ROUTES,
    TRANSIT_SERVICE,
    TRANSIT_STOPS,
)
from quality.tables.people import POPULATION

__all__ = [
    "AIR_QUALITY",
    "CITIZEN_REPORTS",
    "CITY_STATISTICS",
    "DATASETS",
    "DELIVERIES",
    "EV_CHARGERS",
    "FACILITIES",
    "HOTSPOTS",
    "HOTSPOT_DAYS",
    "HOUSEHOLD_INCOME",
    "INDICATORS",
    "LOAD_PROFILE",
    "LOAD_PROFILE_BASIS",
    "METERS",
    "METER_INTERVALS",
    "METER_SUPERSEDED",
    "POPULATION",
    "POWER_SYSTEM",
    "PROGRAMME",
    "QUARANTINE",
    "RAINFALL",
    "REGISTER_READS",
    "ROAD_ACCIDENTS",
    "ROAD_CASUALTIES",
    "ROAD_EVENTS",
    "STATIONS",
    "STATION_LISTS",
    "TABLES",
    "TICKETS",
    "TRANSIT_ROUTES",
    "TRANSIT_SERVICE",
    "TRANSIT_STOPS",
    "VERDICTS",
    "VISITORS",
    "WATER_LEVELS",
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
        EV_CHARGERS,
        POWER_SYSTEM,
        AIR_QUALITY,
        WEATHER,
        WATER_LEVELS,
        RAINFALL,
        HOTSPOTS,
        HOTSPOT_DAYS,
        STATION_LISTS,
        STATIONS,
        TRANSIT_STOPS,
        TRANSIT_ROUTES,
        TRANSIT_SERVICE,
        ROAD_ACCIDENTS,
        ROAD_CASUALTIES,
        ROAD_EVENTS,
        FACILITIES,
        POPULATION,
        VISITORS,
        HOUSEHOLD_INCOME,
        TICKETS,
        CITIZEN_REPORTS,
        DATASETS,
        CITY_STATISTICS,
        INDICATORS,
        PROGRAMME,
        DELIVERIES,
        QUARANTINE,
        VERDICTS,
    )
}
"""Contract of every table, by name."""
