"""Open data of the other Smarts, and the indicators made of all of it."""

from datetime import timedelta

import polars as pl

from quality.contracts import Column, Table
from quality.tables.shared import LATITUDE, LOCAL_DATE, LONGITUDE, REFERENCE_DATE, UTC

AIR_QUALITY = Table(
    name="air_quality",
    title="Air quality",
    description="Hourly pollutant concentrations by station; running means of the live feed are marked as such.",
    smart="environment",
    key=("station_id", "product", "start"),
    day="local_date",
    max_age=timedelta(days=2),
    columns=(
        Column("station_id", pl.String(), "Station as the network names it.", nullable=False),
        Column(
            "product",
            pl.String(),
            "hourly: mean of the hour. running_24h: the live feed, whose PM values are running 24-hour means.",
            nullable=False,
            allowed=("hourly", "running_24h"),
        ),
        Column("start", UTC, "Start of the hour.", nullable=False),
        LOCAL_DATE,
        Column("pm25_ug_m3", pl.Float64(), "PM2.5.", unit="µg/m³", minimum=0, maximum=2000),
        Column("pm10_ug_m3", pl.Float64(), "PM10.", unit="µg/m³", minimum=0, maximum=5000),
        Column("o3_ppb", pl.Float64(), "Ozone.", unit="ppb", minimum=0, maximum=1000),
        Column("co_ppm", pl.Float64(), "Carbon monoxide.", unit="ppm", minimum=0, maximum=200),
        Column("no2_ppb", pl.Float64(), "Nitrogen dioxide.", unit="ppb", minimum=0, maximum=2000),
        Column("so2_ppb", pl.Float64(), "Sulphur dioxide.", unit="ppb", minimum=0, maximum=5000),
        Column("aqi_th", pl.Int32(), "Thai air quality index (not the US index).", minimum=0, maximum=1000),
        Column("wind_speed_m_s", pl.Float64(), "Wind speed at the station.", unit="m/s", minimum=0, maximum=120),
        Column("wind_direction_deg", pl.Float64(), "Wind direction, from.", unit="°", minimum=0, maximum=360),
        Column("temperature_c", pl.Float64(), "Air temperature at the station.", unit="°C", minimum=-5, maximum=55),
        Column("relative_humidity_pct", pl.Float64(), "Relative humidity.", unit="%", minimum=0, maximum=105),
    ),
)

WEATHER = Table(
    name="weather",
    title="Weather",
    description="Hourly weather of the model grid cell at the city's point.",
    smart="environment",
    key=("start",),
    day="local_date",
    max_age=timedelta(days=2),
    licence="CC BY 4.0 (Open-Meteo); free use is non-commercial",
    columns=(
        Column("start", UTC, "Start of the hour the instant or sum is labelled with.", nullable=False),
        LOCAL_DATE,
        Column("temperature_c", pl.Float64(), "Air temperature at 2 m.", unit="°C", minimum=-5, maximum=55),
        Column("relative_humidity_pct", pl.Float64(), "Relative humidity at 2 m.", unit="%", minimum=0, maximum=105),
        Column("precipitation_mm", pl.Float64(), "Rain of the preceding hour.", unit="mm", minimum=0, maximum=400),
        Column("wind_speed_m_s", pl.Float64(), "Wind speed at 10 m.", unit="m/s", minimum=0, maximum=120),
        Column("grid_lat", pl.Float64(), "Grid cell, latitude.", unit="°", minimum=LATITUDE[0], maximum=LATITUDE[1]),
        Column("grid_lon", pl.Float64(), "Grid cell, longitude.", unit="°", minimum=LONGITUDE[0], maximum=LONGITUDE[1]),
    ),
)

TRANSIT_STOPS = Table(
    name="transit_stops",
    title="Public transport stops",
    description="Stops of the feed that lie within the city's reach.",
    smart="mobility",
    key=("feed", "stop_id", "reference_date"),
    day="reference_date",
    mode="replace",
    licence="CC BY 4.0 (OTP Namtang)",
    columns=(
        Column("feed", pl.String(), "GTFS feed.", nullable=False),
        Column("stop_id", pl.String(), "Stop as the feed names it.", nullable=False),
        Column("name_th", pl.String(), "Name in Thai."),
        Column("name_en", pl.String(), "Name in English."),
        Column("lat", pl.Float64(), "Latitude.", unit="°", nullable=False, minimum=LATITUDE[0], maximum=LATITUDE[1]),
        Column("lon", pl.Float64(), "Longitude.", unit="°", nullable=False, minimum=LONGITUDE[0], maximum=LONGITUDE[1]),
        Column("distance_km", pl.Float64(), "Distance from the city's point.", unit="km", minimum=0),
        Column("feed_end_date", pl.Date(), "Last day the feed says it is valid for."),
        REFERENCE_DATE,
    ),
)

TRANSIT_ROUTES = Table(
    name="transit_routes",
    title="Public transport routes",
    description="Routes of the feed. Which of them touch the city is unknown where the feed brings no stop times.",
    smart="mobility",
    key=("feed", "route_id", "reference_date"),
    day="reference_date",
    mode="replace",
    licence="CC BY 4.0 (OTP Namtang)",
    columns=(
        Column("feed", pl.String(), "GTFS feed.", nullable=False),
        Column("route_id", pl.String(), "Route as the feed names it.", nullable=False),
        Column("agency_id", pl.String(), "Operator as the feed names it."),
        Column("short_name_th", pl.String(), "Short name in Thai, or the only one."),
        Column("long_name_th", pl.String(), "Long name in Thai."),
        Column("long_name_en", pl.String(), "Long name in English."),
        Column("route_type", pl.Int32(), "GTFS route type as the feed codes it.", minimum=0, maximum=1702),
        Column("serves_city", pl.Boolean(), "Whether a trip stops within the city's reach; null: cannot be told."),
        Column("feed_end_date", pl.Date(), "Last day the feed says it is valid for."),
        REFERENCE_DATE,
    ),
)

POPULATION = Table(
    name="population",
    title="Registered population",
    description="Registered (not resident) population by area and sex, as the publisher counts it.",
    smart="people",
    key=("area", "sex", "age_band", "reference_date"),
    day="reference_date",
    columns=(
        Column("area", pl.String(), "Area as published, without its prefix (อำเภอ, เขต, ตำบล).", nullable=False),
        Column("area_level", pl.String(), "Level of the area.", allowed=("province", "amphoe", "tambon", "city")),
        Column("sex", pl.String(), "Sex.", nullable=False, allowed=("male", "female", "total")),
        Column("age_band", pl.String(), "Age band, or all.", nullable=False),
        Column("persons", pl.Int64(), "Persons; null while the publisher has no value.", minimum=0, maximum=80_000_000),
        Column("is_total", pl.Boolean(), "True where the row is the publisher's total over areas.", nullable=False),
        REFERENCE_DATE,
    ),
)

VISITORS = Table(
    name="visitors",
    title="Visitors",
    description="Visitors, tourists, passengers or what they spend, by year, class and origin, as published.",
    smart="economy",
    key=("dataset", "item", "category", "origin", "unit", "reference_date"),
    day="reference_date",
    columns=(
        Column("dataset", pl.String(), "Package of the catalogue.", nullable=False),
        Column("item", pl.String(), "What is counted, as published.", nullable=False),
        Column("category", pl.String(), "Class as published (ประเภท); 'all' where the file has none.", nullable=False),
        Column("origin", pl.String(), "thai, foreign or total; or status as published.", nullable=False),
        Column(
            "value", pl.Decimal(18, 2), "Count or amount in the unit; null while the publisher has none.", minimum=0
        ),
        Column("unit", pl.String(), "Unit as published.", nullable=False),
        Column("is_total", pl.Boolean(), "True where the row is the publisher's own total.", nullable=False),
        Column("status", pl.String(), "published, or pending (รอประมวลผล).", allowed=("published", "pending")),
        REFERENCE_DATE,
    ),
)

INDICATORS = Table(
    name="indicators",
    title="Indicators",
    description="What the city's data says about its Smarts; a value only where the coverage carries it.",
    smart="governance",
    key=("indicator", "period_start"),
    day="reference_date",
    lineage=False,
    prefer=(),
    mode="replace",
    columns=(
        Column("smart", pl.String(), "Smart the indicator serves.", nullable=False),
        Column("indicator", pl.String(), "Code of the indicator.", nullable=False),
        Column("title", pl.String(), "What it measures.", nullable=False),
        Column("value", pl.Float64(), "Value in the unit; null where the coverage does not carry one."),
        Column("unit", pl.String(), "Unit.", nullable=False),
        Column("period_start", pl.Date(), "First day of the period.", nullable=False),
        Column("period_end", pl.Date(), "Last day of the period.", nullable=False),
        Column("method", pl.String(), "How it is computed.", nullable=False),
        Column("sources", pl.String(), "Tables and publishers it comes from.", nullable=False),
        Column("coverage", pl.Float64(), "Share of the data the period should have.", minimum=0, maximum=1),
        Column("verdict", pl.String(), "How far it can be trusted.", allowed=("ok", "partial", "stale", "withheld")),
        Column("reason", pl.String(), "Why the verdict is not ok."),
        REFERENCE_DATE,
    ),
)
