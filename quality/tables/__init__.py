"""Every table of the lake, as a contract.

Columns carry their unit in the name where a quantity has one unit; ``meter_intervals`` has a ``unit`` column because
its rows hold several quantities. Times are UTC and mark the interval's start; ``local_date`` is the day in
Asia/Bangkok, where a day always has 24 hours.
"""

from quality.contracts import Table
from quality.tables import economy, energy, environment, governance, living, meters, mobility, operating, people, vee
from quality.tables.economy import HOUSEHOLD_INCOME as HOUSEHOLD_INCOME, VISITORS as VISITORS
from quality.tables.energy import (
    DELIVERED as DELIVERED,
    EV_CHARGERS as EV_CHARGERS,
    IS_CUSTOMER as IS_CUSTOMER,
    LOAD_PROFILE as LOAD_PROFILE,
    LOAD_PROFILE_BASIS as LOAD_PROFILE_BASIS,
    METER_INTERVALS as METER_INTERVALS,
    METER_SUPERSEDED as METER_SUPERSEDED,
    METERS as METERS,
    POWER_SYSTEM as POWER_SYSTEM,
    QUARTERS as QUARTERS,
    REGISTER_READS as REGISTER_READS,
)
from quality.tables.environment import (
    AIR_QUALITY as AIR_QUALITY,
    HOTSPOT_DAYS as HOTSPOT_DAYS,
    HOTSPOTS as HOTSPOTS,
    RAINFALL as RAINFALL,
    STATION_LISTS as STATION_LISTS,
    STATIONS as STATIONS,
    WATER_LEVELS as WATER_LEVELS,
    WEATHER as WEATHER,
)
from quality.tables.governance import (
    CITIZEN_REPORTS as CITIZEN_REPORTS,
    CITY_STATISTICS as CITY_STATISTICS,
    DATASETS as DATASETS,
    INDICATORS as INDICATORS,
    PROGRAMME as PROGRAMME,
    TICKETS as TICKETS,
)
from quality.tables.living import FACILITIES as FACILITIES
from quality.tables.meters import (
    DAILY_ENERGY as DAILY_ENERGY,
    FEEDER_BALANCE as FEEDER_BALANCE,
    METER_DECISIONS as METER_DECISIONS,
    METER_OUTAGES as METER_OUTAGES,
    MISSING_READINGS as MISSING_READINGS,
    REGISTER_WATCH as REGISTER_WATCH,
)
from quality.tables.mobility import (
    ROAD_ACCIDENTS as ROAD_ACCIDENTS,
    ROAD_CASUALTIES as ROAD_CASUALTIES,
    ROAD_EVENTS as ROAD_EVENTS,
    TRANSIT_ROUTES as TRANSIT_ROUTES,
    TRANSIT_SERVICE as TRANSIT_SERVICE,
    TRANSIT_STOPS as TRANSIT_STOPS,
)
from quality.tables.operating import (
    DELIVERIES as DELIVERIES,
    QUARANTINE as QUARANTINE,
    VALIDATION_RESULTS as VALIDATION_RESULTS,
    VERDICTS as VERDICTS,
)
from quality.tables.people import POPULATION as POPULATION
from quality.tables.vee import (
    METER_FINAL as METER_FINAL,
    METER_QUALITY as METER_QUALITY,
    REGISTER_CHECKS as REGISTER_CHECKS,
    VEE_RULES as VEE_RULES,
)

TABLES: dict[str, Table] = {
    table.name: table
    for module in (energy, vee, meters, environment, mobility, living, people, economy, governance, operating)
    for table in vars(module).values()
    if isinstance(table, Table)
}
"""Contract of every table, by name: whatever the modules of this package declare, in their order."""
