"""Which sources there are, and which tables each feeds. A new source is one module and one entry here."""

from typing import Any

from assets.cities.registry import City, SourceEntry
from assets.landing.portals import portal
from assets.meters.decisions import METER_DECISION_LIST
from assets.meters.exports import METER_EXPORTS
from assets.meters.outages import METER_OUTAGE_LIST
from assets.meters.register import METER_REGISTER
from assets.sources.air4thai import AIR4THAI_HISTORY, AIR4THAI_LIVE
from assets.sources.ckan_datasets import CKAN_DATASETS
from assets.sources.ckan_population import CKAN_POPULATION
from assets.sources.ckan_statistics import CKAN_STATISTICS
from assets.sources.ckan_visitors import CKAN_VISITORS
from assets.sources.dopa import DOPA_POPULATION
from assets.sources.egat import EGAT_GENERATION
from assets.sources.eppo import EPPO_SALES_MEA, EPPO_SALES_PEA
from assets.sources.gistda_pm25 import GISTDA_PM25
from assets.sources.gtfs import GTFS, GTFS_NAMTANG
from assets.sources.hotspots import FIRMS_HOTSPOTS, GISTDA_HOTSPOTS
from assets.sources.household import CKAN_HOUSEHOLD_INCOME, HOUSEHOLD_NATIONAL
from assets.sources.longdo import LONGDO_EVENTS
from assets.sources.mot_accidents import MOT_ACCIDENTS
from assets.sources.nso_sdmx import NSO_SDMX_HOUSEHOLD
from assets.sources.open_meteo import OPEN_METEO, OPEN_METEO_AIR, OPEN_METEO_ARCHIVE
from assets.sources.openchargemap import OPENCHARGEMAP
from assets.sources.osm import OSM_FACILITIES
from assets.sources.road_casualties import CKAN_ROAD_CASUALTIES
from assets.sources.source import Source
from assets.sources.thaiwater import THAIWATER_LEVELS, THAIWATER_RAIN
from assets.sources.tmd import TMD
from assets.sources.traffy import TRAFFY_EXCHANGE, TRAFFY_GEOJSON
from quality.contracts import Table
from quality.tables import TABLES

_DECLARED: tuple[Source[Any], ...] = (
    METER_EXPORTS,
    METER_REGISTER,
    METER_DECISION_LIST,
    METER_OUTAGE_LIST,
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

SOURCES = {source.name: source for source in _DECLARED}
"""Source by name: what a registry entry's ``reader`` may be."""


for _source in SOURCES.values():
    if _source.portal is not None:
        portal(_source.portal)  # KeyError now, not in the night, for one that PORTALS does not have

NATIONAL = "national"
"""Pseudo-city under which sources that answer for the whole country are landed, once."""


def source_of(entry: SourceEntry) -> Source[Any]:
    """The source that a registry entry names."""
    return SOURCES[entry.reader]


def feeds(city: City, table: str) -> list[tuple[str, SourceEntry]]:
    """The city's sources that feed a table, by name."""
    return [(name, entry) for name, entry in sorted(city.sources.items()) if table in source_of(entry).tables]


def city_tables(city: City) -> list[Table]:
    """Lake tables a city's sources feed, in the order of the contracts."""
    fed = {name for entry in city.sources.values() for name in source_of(entry).tables}
    return [table for name, table in TABLES.items() if name in fed]


def landed_as(city: City, name: str) -> tuple[str, str]:
    """City and source under which a source's receipts lie: national ones are shared by all cities."""
    entry = city.sources[name]
    if entry.via == "portal" and source_of(entry).national:
        return NATIONAL, entry.reader
    return city.slug, name
