"""Every source that is a portal. A new source is one module and one entry here."""

from assets.economy.household import CKAN_HOUSEHOLD_INCOME, HOUSEHOLD_NATIONAL
from assets.economy.nso_sdmx import NSO_SDMX_HOUSEHOLD
from assets.economy.visitors import CKAN_VISITORS
from assets.energy.egat import EGAT_GENERATION
from assets.energy.eppo import EPPO_SALES_MEA, EPPO_SALES_PEA
from assets.energy.ev_chargers import OPENCHARGEMAP
from assets.environment.air4thai import AIR4THAI_HISTORY, AIR4THAI_LIVE
from assets.environment.gistda_pm25 import GISTDA_PM25
from assets.environment.hotspots import FIRMS_HOTSPOTS, GISTDA_HOTSPOTS
from assets.environment.open_meteo import OPEN_METEO, OPEN_METEO_AIR, OPEN_METEO_ARCHIVE
from assets.environment.thaiwater import THAIWATER_LEVELS, THAIWATER_RAIN
from assets.environment.tmd import TMD
from assets.governance.datasets import CKAN_DATASETS
from assets.governance.reports import REPORTS
from assets.governance.statistics import CKAN_STATISTICS
from assets.governance.traffy import TRAFFY_EXCHANGE, TRAFFY_GEOJSON
from assets.living.osm import OSM_FACILITIES
from assets.mobility.gtfs import GTFS, GTFS_NAMTANG
from assets.mobility.longdo import LONGDO_EVENTS
from assets.mobility.mot_accidents import MOT_ACCIDENTS
from assets.mobility.road_casualties import CKAN_ROAD_CASUALTIES
from assets.people.dopa import DOPA_POPULATION
from assets.people.population import CKAN_POPULATION
from assets.sources import Derived, Source
from assets.stations import STATION_PLACES

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        OPENCHARGEMAP,
        EGAT_GENERATION,
        EPPO_SALES_PEA,
        EPPO_SALES_MEA,
        AIR4THAI_HISTORY,
        AIR4THAI_LIVE,
        GISTDA_PM25,
        OPEN_METEO,
        OPEN_METEO_ARCHIVE,
        OPEN_METEO_AIR,
        TMD,
        THAIWATER_LEVELS,
        THAIWATER_RAIN,
        GISTDA_HOTSPOTS,
        FIRMS_HOTSPOTS,
        GTFS_NAMTANG,
        GTFS,
        MOT_ACCIDENTS,
        LONGDO_EVENTS,
        OSM_FACILITIES,
        TRAFFY_GEOJSON,
        TRAFFY_EXCHANGE,
        DOPA_POPULATION,
        CKAN_POPULATION,
        CKAN_VISITORS,
        CKAN_HOUSEHOLD_INCOME,
        *HOUSEHOLD_NATIONAL,
        NSO_SDMX_HOUSEHOLD,
        CKAN_ROAD_CASUALTIES,
        CKAN_DATASETS,
        CKAN_STATISTICS,
    )
}
"""Source by name: what a registry entry's ``reader`` may be, besides the inbox readers."""

DERIVED: tuple[Derived, ...] = (
    STATION_PLACES,
    REPORTS,
)
"""Tables that are made of other lake tables, in any city that has those."""
