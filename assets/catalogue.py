"""Every source that is a portal. A new source is one module and one entry here."""

from assets.economy.visitors import CKAN_VISITORS
from assets.environment.air4thai import AIR4THAI_HISTORY, AIR4THAI_LIVE
from assets.environment.open_meteo import OPEN_METEO
from assets.mobility.gtfs import GTFS_NAMTANG
from assets.people.population import CKAN_POPULATION
from assets.sources import Source

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (AIR4THAI_HISTORY, AIR4THAI_LIVE, OPEN_METEO, GTFS_NAMTANG, CKAN_POPULATION, CKAN_VISITORS)
}
"""Source by name: what a registry entry's ``reader`` may be, besides the inbox readers."""
