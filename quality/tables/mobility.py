"""Mobility: public transport, road safety and what happens on the roads."""

from datetime import timedelta

import polars as pl

from quality.contracts import Column, Table
from quality.cross_table import fewer_injured, months_of_year
from quality.row_rules import at_most, not_before, plausible
from quality.series_rules import constant, jumps, twins, whole_periods
from quality.tables.shared import (
    DATASET,
    DISTANCE_KM,
    LAT,
    LATITUDE,
    LOCAL_DATE,
    LON,
    LONGITUDE,
    NAME_EN,
    NAME_TH,
    REFERENCE_DATE,
    UTC,
)

_WORST = "Above the worst single accidents of Thai roads (a bus of pupils, 1 October 2024: 23 killed)."

_FEED = Column("feed", pl.String(), "GTFS feed.", nullable=False)
_FEED_END = Column("feed_end_date", pl.Date(), "Last day the feed says it is valid for.")
_FEED_LICENCE = "CC BY 4.0 (feed namtang); of other feeds as their publishers say"

TRANSIT_STOPS = Table(
    name="transit_stops",
    size="few",
    title="Public transport stops",
    title_th="ป้ายและสถานีขนส่งสาธารณะ",
    description="Stops of the feed that lie within the city's reach.",
    smart="mobility",
    key=("feed", "stop_id", "reference_date"),
    day="reference_date",
    mode="replace",
    whole=("feed",),
    licence=_FEED_LICENCE,
    listed_by=("feed",),
    rules=(
        constant("name_th"),
        twins("feed", "name_th", "lat", "lon", "reference_date"),
    ),
    columns=(
        _FEED,
        Column("stop_id", pl.String(), "Stop as the feed names it.", nullable=False),
        NAME_TH,
        NAME_EN,
        Column("lat", pl.Float64(), "Latitude.", unit="°", nullable=False, minimum=LATITUDE[0], maximum=LATITUDE[1]),
        Column("lon", pl.Float64(), "Longitude.", unit="°", nullable=False, minimum=LONGITUDE[0], maximum=LONGITUDE[1]),
        DISTANCE_KM,
        _FEED_END,
        REFERENCE_DATE,
    ),
)

TRANSIT_ROUTES = Table(
    name="transit_routes",
    size="few",
    title="Public transport routes",
    title_th="เส้นทางขนส่งสาธารณะ",
    description="Routes of the feed. Which of them touch the city is unknown where the feed brings no stop times.",
    smart="mobility",
    key=("feed", "route_id", "reference_date"),
    listed_by=("feed",),
    day="reference_date",
    mode="replace",
    whole=("feed",),
    licence=_FEED_LICENCE,
    columns=(
        _FEED,
        Column("route_id", pl.String(), "Route as the feed names it.", nullable=False),
        Column("agency_id", pl.String(), "Operator as the feed names it."),
        Column("short_name_th", pl.String(), "Short name in Thai, or the only one."),
        Column("long_name_th", pl.String(), "Long name in Thai."),
        Column("long_name_en", pl.String(), "Long name in English."),
        Column("route_type", pl.Int32(), "GTFS route type as the feed codes it.", minimum=0, maximum=1702),
        Column("serves_city", pl.Boolean(), "Whether a trip stops within the city's reach; null: cannot be told."),
        _FEED_END,
        REFERENCE_DATE,
    ),
)

TRANSIT_SERVICE = Table(
    name="transit_service",
    size="few",
    title="Public transport service",
    title_th="เที่ยวบริการขนส่งสาธารณะ",
    description="Departures from stops in the city's reach by kind of day and hour, from stop times and frequencies.",
    smart="mobility",
    key=("feed", "day_type", "hour", "reference_date"),
    listed_by=("feed", "day_type"),
    steady=("departures", "stops"),
    row_rules=(
        at_most("stops", "departures", source="A stop counts by a departure."),
        at_most("routes", "departures", source="A route counts by a departure."),
    ),
    day="reference_date",
    mode="replace",
    whole=("feed",),
    licence=_FEED_LICENCE,
    columns=(
        _FEED,
        Column("day_type", pl.String(), "Kind of day.", nullable=False, allowed=("weekday", "saturday", "sunday")),
        Column("service_date", pl.Date(), "Day of the feed that was counted for its kind.", nullable=False),
        Column(
            "hour",
            pl.Int32(),
            "Hour of the service day; 24 and more is after midnight.",
            nullable=False,
            minimum=0,
            maximum=47,
        ),
        Column("departures", pl.Int64(), "Departures.", nullable=False, minimum=0),
        Column("stops", pl.Int64(), "Stops with a departure.", nullable=False, minimum=0),
        Column("routes", pl.Int64(), "Routes with a departure.", nullable=False, minimum=0),
        Column(
            "feed_end_date",
            pl.Date(),
            "Last day of the services that were counted, and of the feed: a timetable may end before its feed.",
        ),
        REFERENCE_DATE,
    ),
)

ROAD_ACCIDENTS = Table(
    name="road_accidents",
    size="few",
    title="Road accidents",
    title_th="อุบัติเหตุทางถนน",
    description="Accidents on the roads of the Ministry of Transport within the city's reach; no municipal streets.",
    smart="mobility",
    key=("dataset", "accident_id"),
    day="local_date",
    licence="Open Data Common",
    row_rules=(
        plausible("deaths", maximum=25, source=_WORST),
        plausible("serious", maximum=60, source=_WORST),
        plausible("minor", maximum=100, source=_WORST),
    ),
    columns=(
        DATASET,
        Column(
            "accident_id", pl.String(), "Digest of day, time, place and road: the file has no number.", nullable=False
        ),
        LOCAL_DATE,
        Column("at", UTC, "Moment; null where the time is not told."),
        LAT,
        LON,
        Column("road_code", pl.String(), "Road as the ministry numbers it."),
        Column("road_km", pl.Float64(), "Kilometre of the road.", unit="km", minimum=0, maximum=2000),
        Column("cause", pl.String(), "Presumed cause as published."),
        Column("deaths", pl.Int64(), "Persons killed.", minimum=0, maximum=500),
        Column("serious", pl.Int64(), "Persons seriously injured.", minimum=0, maximum=500),
        Column("minor", pl.Int64(), "Persons slightly injured.", minimum=0, maximum=1000),
        DISTANCE_KM,
    ),
)

ROAD_CASUALTIES = Table(
    name="road_casualties",
    size="few",
    # A year's figure is dated by its last day.
    ahead=timedelta(days=366),
    title="Road casualties",
    title_th="ผู้เสียชีวิตและบาดเจ็บทางถนน",
    description="Killed and injured on roads by month or year, as a provincial catalogue publishes them.",
    smart="mobility",
    key=("dataset", "outcome", "area", "months", "reference_date"),
    day="reference_date",
    steady=("persons",),
    across=(
        fewer_injured,
        months_of_year,
        whole_periods("dataset", "months"),
        jumps("persons", "dataset", "outcome", "area", "months"),
    ),
    columns=(
        DATASET,
        Column("outcome", pl.String(), "What is counted.", nullable=False, allowed=("death", "injury")),
        Column("area", pl.String(), "Area as published, without its prefix.", nullable=False),
        Column("months", pl.Int32(), "Length of the period.", unit="months", nullable=False, minimum=1, maximum=12),
        Column("persons", pl.Int64(), "Persons; null while the publisher has no value.", minimum=0, maximum=1_000_000),
        Column("is_total", pl.Boolean(), "True where the row is the publisher's total over months.", nullable=False),
        Column("status", pl.String(), "published, or pending.", allowed=("published", "pending")),
        REFERENCE_DATE,
    ),
)

ROAD_EVENT_KINDS = (
    *("accident", "flood", "jam", "closure", "breakdown", "diversion", "warning", "information"),
    "other",
)

ROAD_EVENTS = Table(
    name="road_events",
    version=2,
    size="few",
    # Works and closures are announced.
    ahead=timedelta(days=62),
    title="Road events",
    title_th="เหตุการณ์บนถนน",
    description="Accidents, floods, works and the like that were told for roads within the city's reach; no free text.",
    smart="mobility",
    key=("source", "event_id", "start"),
    day="local_date",
    row_rules=(not_before("stop", "start", source="What the columns mean."),),
    columns=(
        Column("source", pl.String(), "Feed.", nullable=False),
        Column("event_id", pl.String(), "Event as the feed numbers it.", nullable=False),
        Column("kind", pl.String(), "Kind of event.", nullable=False, allowed=ROAD_EVENT_KINDS),
        Column("kind_raw", pl.String(), "Kind as the feed codes it."),
        Column("severity", pl.String(), "Severity as the feed tells it."),
        Column("start", UTC, "Begin.", nullable=False),
        LOCAL_DATE,
        Column("stop", UTC, "End as told; null where open."),
        LAT,
        LON,
        DISTANCE_KM,
    ),
)
