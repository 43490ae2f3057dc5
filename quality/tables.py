"""Every table of the lake, as a contract.

Columns carry their unit in the name where a quantity has one unit; ``meter_intervals`` has a ``unit`` column because
its rows hold several quantities. Times are UTC and mark the interval's start; ``local_date`` is the day in
Asia/Bangkok, where a day always has 24 hours.
"""

from datetime import timedelta

import polars as pl

from quality.contracts import Column, Table
from quality.readings import ENERGY, QUALITIES, QUANTITIES

UTC = pl.Datetime("us", "UTC")
LATITUDE = (5.0, 21.0)
LONGITUDE = (97.0, 106.0)
"""Bounds of Thailand, rounded outwards."""

_LOCAL_DATE = Column("local_date", pl.Date(), "Day in Asia/Bangkok that the interval starts in.", nullable=False)
_REFERENCE = Column("reference_date", pl.Date(), "Day the record describes or was last changed on.", nullable=False)

METERS = Table(
    name="meters",
    title="Meter register",
    description="Meters the utility says belong to the city, with what a load profile needs to know of them.",
    smart="energy",
    key=("meter_id", "reference_date"),
    day="reference_date",
    published=False,
    mode="replace",
    columns=(
        Column("meter_id", pl.String(), "Keyed hash of the metering point.", nullable=False),
        Column("zone", pl.String(), "Zone of the city the meter lies in (ASCII slug).", nullable=False),
        Column(
            "customer_class",
            pl.String(),
            "Customer class of the tariff.",
            nullable=False,
            allowed=("residential", "small_business", "medium_business", "large_business", "public", "other"),
        ),
        _REFERENCE,
    ),
)

_METER_KEY = ("meter_id", "channel", "quantity", "start")
_METER_COLUMNS = (
    Column("meter_id", pl.String(), "Keyed hash of the metering point.", nullable=False),
    Column("channel", pl.String(), "Register, suffix or column as delivered.", nullable=False),
    Column("quantity", pl.String(), "What is measured; import is from the grid.", allowed=tuple(QUANTITIES)),
    Column("unit", pl.String(), "Unit of the values.", nullable=False),
    Column("start", UTC, "Start of the interval.", nullable=False),
    Column("minutes", pl.Int32(), "Length of the interval.", unit="min", nullable=False, minimum=1, maximum=1440),
    _LOCAL_DATE,
    Column("value_delivered", ENERGY, "Value as delivered, per interval; null where none was."),
    Column("quality", pl.String(), "Canonical quality.", nullable=False, allowed=QUALITIES),
    Column("quality_raw", pl.String(), "Quality flag as delivered."),
    Column("reason_raw", pl.String(), "Reason as delivered."),
    Column("rate_raw", pl.String(), "Time-of-use rate as the utility told it."),
)
_VERSION = Column("version", UTC, "The format's own version time.")

METER_INTERVALS = Table(
    name="meter_intervals",
    title="Meter intervals",
    description="The complete grid: one row per meter, channel and expected interval, missing ones present.",
    smart="energy",
    key=_METER_KEY,
    day="local_date",
    published=False,
    max_age=timedelta(days=2),
    columns=(
        *_METER_COLUMNS,
        Column("flags", pl.String(), "Validation flags, comma-separated; empty where nothing was found."),
        Column("value_final", ENERGY, "Value after validation and estimation; null where there is none."),
        Column(
            "final_method",
            pl.String(),
            "How the final value came about: as delivered, or missing.",
            nullable=False,
            allowed=("delivered", "missing"),
        ),
        _VERSION,
    ),
)

METER_SUPERSEDED = Table(
    name="meter_superseded",
    title="Superseded meter values",
    description="Every delivered value that another delivery replaced or repeated, so that any past day can be asked.",
    smart="energy",
    key=(*_METER_KEY, "_receipt", "_row"),
    day="local_date",
    published=False,
    columns=(
        *_METER_COLUMNS,
        _VERSION,
        Column(
            "reason",
            pl.String(),
            "Why it does not count; off_grid: not on the grid of its channel's day.",
            nullable=False,
            allowed=("corrected", "repeated", "off_grid"),
        ),
    ),
)

LOAD_PROFILE = Table(
    name="load_profile",
    title="Load profile",
    description="Energy by zone, customer class and quarter-hour, behind the 15/15 privacy gate.",
    smart="energy",
    key=("zone", "customer_class", "start"),
    day="local_date",
    lineage=False,
    prefer=(),
    mode="replace",
    max_age=timedelta(days=2),
    columns=(
        Column("zone", pl.String(), "Zone, or 'other': zones merged until the cell is large enough.", nullable=False),
        Column("customer_class", pl.String(), "Class, or 'other': classes merged likewise.", nullable=False),
        Column("start", UTC, "Start of the quarter-hour.", nullable=False),
        _LOCAL_DATE,
        Column("kwh", pl.Decimal(18, 0), "Energy taken from the grid, rounded to 1 kWh.", unit="kWh", minimum=0),
        Column(
            "n_band",
            pl.String(),
            "Number of customers, as a band.",
            nullable=False,
            allowed=("15-29", "30-99", "100-299", "300-999", "1000+"),
        ),
        Column(
            "actual_share",
            pl.Float64(),
            "Share of the cell's expected intervals that have a delivered value, in steps of 0.05.",
            nullable=False,
            minimum=0,
            maximum=1,
        ),
    ),
)

LOAD_PROFILE_BASIS = Table(
    name="load_profile_basis",
    title="Basis of the load profile",
    description="Which meter's energy went into which published cell: what later corrections are measured against.",
    smart="energy",
    key=("start", "meter_id"),
    day="local_date",
    lineage=False,
    prefer=(),
    mode="replace",
    published=False,
    columns=(
        Column("start", UTC, "Start of the quarter-hour.", nullable=False),
        Column("meter_id", pl.String(), "Keyed hash of the metering point.", nullable=False),
        _LOCAL_DATE,
        Column("zone", pl.String(), "Zone of the meter when it was first published.", nullable=False),
        Column("customer_class", pl.String(), "Class of the meter when it was first published.", nullable=False),
        Column("kwh", ENERGY, "Energy taken from the grid; null where the quarter-hour is incomplete.", unit="kWh"),
        Column("cell_zone", pl.String(), "Zone of the published cell.", nullable=False),
        Column("cell_class", pl.String(), "Class of the published cell.", nullable=False),
        Column("revised", pl.Boolean(), "Whether it changed after its cell was first published.", nullable=False),
    ),
)

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
        _LOCAL_DATE,
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
        _LOCAL_DATE,
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
        _REFERENCE,
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
        _REFERENCE,
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
        _REFERENCE,
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
        _REFERENCE,
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
        _REFERENCE,
    ),
)

# Operating tables: what arrived, what was refused, what was judged.

DELIVERIES = Table(
    name="deliveries",
    title="Deliveries",
    description="One row a receipt and table it feeds: what it was and what came of it.",
    smart="governance",
    key=("receipt", "table"),
    day="day",
    lineage=False,
    prefer=(),
    published=False,
    columns=(
        Column("receipt", pl.String(), "Receipt of the delivery.", nullable=False),
        Column("table", pl.String(), "Table it was read for.", nullable=False),
        Column("source", pl.String(), "Source it came through.", nullable=False),
        Column("day", pl.Date(), "Delivery day.", nullable=False),
        Column("name", pl.String(), "File name or URL without secrets."),
        Column("format", pl.String(), "Format the reader recognised."),
        Column("status", pl.String(), "What came of it.", allowed=("ok", "partial", "rejected")),
        Column("rows", pl.Int64(), "Rows that went on to tables.", nullable=False, minimum=0),
        Column("refused", pl.Int64(), "Rows in quarantine.", nullable=False, minimum=0),
        Column("first_day", pl.Date(), "First day the rows touch."),
        Column("last_day", pl.Date(), "Last day the rows touch."),
    ),
)

QUARANTINE = Table(
    name="quarantine",
    title="Quarantine",
    description="What was refused and why. The content stays in landing; receipt and row number find it there.",
    smart="governance",
    key=("receipt", "table", "row", "code", "message"),
    day="day",
    lineage=False,
    prefer=(),
    published=False,
    columns=(
        Column("receipt", pl.String(), "Receipt of the delivery.", nullable=False),
        Column("source", pl.String(), "Source it came through.", nullable=False),
        Column("table", pl.String(), "Table the row was meant for.", nullable=False),
        Column("day", pl.Date(), "Delivery day.", nullable=False),
        Column("name", pl.String(), "File name or URL without secrets."),
        Column("row", pl.Int64(), "Row in the file; 0 for the whole file.", nullable=False),
        Column("code", pl.String(), "Code of the problem.", nullable=False),
        Column("severity", pl.String(), "What it led to.", nullable=False, allowed=("reject", "refuse", "warn")),
        Column("message", pl.String(), "Reason.", nullable=False),
    ),
)

VERDICTS = Table(
    name="verdicts",
    title="Verdicts",
    description="One row a check: what was judged, how it came out and how many rows broke it.",
    smart="governance",
    key=("table", "check"),
    day="day",
    lineage=False,
    prefer=(),
    columns=(
        Column("table", pl.String(), "Table that was judged.", nullable=False),
        Column("check", pl.String(), "Check.", nullable=False),
        Column("day", pl.Date(), "Delivery day of the run that judged.", nullable=False),
        Column("verdict", pl.String(), "Outcome.", nullable=False, allowed=("pass", "warn", "block")),
        Column("checked", pl.Int64(), "Rows or items judged.", nullable=False, minimum=0),
        Column("failed", pl.Int64(), "Rows or items that broke it.", nullable=False, minimum=0),
        Column("message", pl.String(), "What was found.", nullable=False),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        METERS,
        METER_INTERVALS,
        METER_SUPERSEDED,
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
