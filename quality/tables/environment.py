"""Environment: air, weather, water, fire, and the stations that measure them."""

from datetime import timedelta

import polars as pl

from quality.contracts import Column, Table
from quality.past_days import Usual
from quality.row_rules import RowRule, plausible
from quality.series_rules import frozen, less_rain_in_longer, models_differ
from quality.tables.shared import (
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

_PCD = (
    "Several times what Thai networks tell on their worst days, and the top of the index's own scale: "
    "http://air4thai.pcd.go.th/webV3/#/AQIInfo"
)
_TMD = "Rounded outwards from Thailand's records (44.6 °C at Tak, 2023): https://www.tmd.go.th/"
_VIIRS = "Channel I-4 saturates at 367 K and folds over to 208 K: https://www.earthdata.nasa.gov/data/instruments/viirs"
_GAUGE = "What the columns mean: filling and bank are of one cross-section (https://www.thaiwater.net/)."

_WIND = Usual(most=3, least=5)
"""km/h are 3.6 times m/s; a day's mean from 5 m/s on is a storm's, or a slip."""

AIR_QUALITY = Table(
    name="air_quality",
    title="Air quality",
    title_th="คุณภาพอากาศ",
    description="Hourly pollutant concentrations by station; running means of the live feed are marked as such.",
    smart="environment",
    key=("station_id", "product", "start"),
    day="local_date",
    max_age=timedelta(days=2),
    row_rules=(
        plausible("pm25_ug_m3", maximum=500, source=_PCD),
        plausible("pm10_ug_m3", maximum=600, source=_PCD),
        plausible("o3_ppb", maximum=250, source=_PCD),
        plausible("co_ppm", maximum=30, source=_PCD),
        plausible("no2_ppb", maximum=400, source=_PCD),
        plausible("so2_ppb", maximum=800, source=_PCD),
        # No indicator rests on these three: a broken hygrometer says nothing of the particles.
        plausible("aqi_th", maximum=500, source=_PCD, slips=False),
        plausible("wind_speed_m_s", maximum=40, source=_TMD, slips=False),
        plausible("temperature_c", 0, 46, source=_TMD),
        plausible("relative_humidity_pct", 10, 101, source=_TMD, slips=False),
    ),
    usual={
        "pm25_ug_m3": Usual(),
        "pm10_ug_m3": Usual(),
        "o3_ppb": Usual(),
        "no2_ppb": Usual(),
        "so2_ppb": Usual(least=30),
        "co_ppm": Usual(least=2),
        "wind_speed_m_s": _WIND,
        "temperature_c": Usual(step=8),
    },
    usual_by=("station_id", "product"),
    rules=(
        frozen(
            "station_id",
            "product",
            columns=("pm25_ug_m3", "pm10_ug_m3", "o3_ppb", "no2_ppb", "wind_direction_deg", "temperature_c"),
        ),
    ),
    columns=(
        Column(
            "station_id",
            pl.String(),
            "Station as the network names it; a model's area or grid cell as <model>:<area>.",
            nullable=False,
        ),
        Column(
            "product",
            pl.String(),
            "hourly: mean of the hour. running_24h: the live feed, whose PM values are running 24-hour means. model_*: "
            "alike, but estimated by a model for the city's area, not measured.",
            nullable=False,
            allowed=("hourly", "running_24h", "model_hourly", "model_24h"),
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
    title_th="สภาพอากาศ",
    description="Hourly weather: of a model's grid cell at the city's point, and as stations observed it.",
    smart="environment",
    key=("station_id", "product", "start"),
    day="local_date",
    max_age=timedelta(days=2),
    licence="CC BY 4.0 (Open-Meteo; free use is non-commercial); observations: not established",
    row_rules=(
        plausible("temperature_c", 0, 46, source=_TMD),
        plausible("relative_humidity_pct", 10, 101, source=_TMD),
        plausible("precipitation_mm", maximum=130, source=_TMD),
        plausible("wind_speed_m_s", maximum=40, source=_TMD),
    ),
    usual={"temperature_c": Usual(step=8), "relative_humidity_pct": Usual(), "wind_speed_m_s": _WIND},
    usual_by=("station_id", "product"),
    rules=(frozen("station_id", "product", columns=("temperature_c",)), models_differ),
    columns=(
        Column("station_id", pl.String(), "Station as its network names it; grid for a model's cell.", nullable=False),
        Column(
            "product",
            pl.String(),
            "model: forecast model. reanalysis: the archive. observed: a station's reading.",
            nullable=False,
            allowed=("model", "reanalysis", "observed"),
        ),
        Column("start", UTC, "Start of the hour the instant or sum is labelled with.", nullable=False),
        LOCAL_DATE,
        Column("temperature_c", pl.Float64(), "Air temperature at 2 m.", unit="°C", minimum=-5, maximum=55),
        Column("relative_humidity_pct", pl.Float64(), "Relative humidity at 2 m.", unit="%", minimum=0, maximum=105),
        Column(
            "precipitation_mm",
            pl.Float64(),
            "Rain of the hour (model) or of the three hours before the stamp (observed).",
            unit="mm",
            minimum=0,
            maximum=400,
        ),
        Column("wind_speed_m_s", pl.Float64(), "Wind speed at 10 m.", unit="m/s", minimum=0, maximum=120),
        Column(
            "grid_lat",
            pl.Float64(),
            "Grid cell, latitude.",
            unit="°",
            minimum=LATITUDE[0],
            maximum=LATITUDE[1],
            place=True,
        ),
        Column(
            "grid_lon",
            pl.Float64(),
            "Grid cell, longitude.",
            unit="°",
            minimum=LONGITUDE[0],
            maximum=LONGITUDE[1],
            place=True,
        ),
    ),
)

AGENCY = Column("agency", pl.String(), "Whose station it is, as the network names it.")

WATER_LEVELS = Table(
    name="water_levels",
    momentary=True,
    usual={"level_msl_m": Usual(most=1e9, step=10)},
    usual_by=("station_id",),
    title="Water levels",
    title_th="ระดับน้ำ",
    description="Level of rivers and canals at stations in the city's reach.",
    smart="environment",
    key=("station_id", "at"),
    day="local_date",
    max_age=timedelta(days=2),
    row_rules=(
        plausible("storage_pct", maximum=200, source=_GAUGE, severity="withhold"),
        plausible("above_bank_m", -40, 6, source=_GAUGE, severity="withhold"),
        RowRule(
            "contradicts:above_bank_m:storage_pct",
            ((pl.col("above_bank_m") > 0.1) & (pl.col("storage_pct") < 90))
            | ((pl.col("above_bank_m") < -0.1) & (pl.col("storage_pct") > 110)),
            ("above_bank_m", "storage_pct"),
            "a level over its bank fills the cross-section, one below it does not",
            _GAUGE,
        ),
        RowRule(
            "contradicts:situation:storage_pct",
            ((pl.col("situation") == 5) & (pl.col("storage_pct") < 90))
            | ((pl.col("situation") >= 3) & (pl.col("storage_pct") < 20))
            | ((pl.col("situation") <= 2) & (pl.col("storage_pct") > 60)),
            ("situation", "storage_pct"),
            "the band of the filling is that of the filling",
            _GAUGE,
        ),
    ),
    columns=(
        Column("station_id", pl.String(), "Station (the network's stable number).", nullable=False),
        Column("at", UTC, "Moment of the reading.", nullable=False),
        LOCAL_DATE,
        Column("level_msl_m", pl.Float64(), "Level above mean sea level.", unit="m", minimum=-50, maximum=2600),
        Column("above_bank_m", pl.Float64(), "Level above the lower bank; negative below it.", unit="m"),
        Column("storage_pct", pl.Float64(), "Filling of the cross-section.", unit="%", minimum=0, maximum=1000),
        Column(
            "situation",
            pl.Int32(),
            "Band of the filling, 1 (low) to 5 (over the bank); no flood risk.",
            minimum=1,
            maximum=5,
        ),
        DISTANCE_KM,
        AGENCY,
    ),
)

RAINFALL = Table(
    name="rainfall",
    usual_by=("station_id", "hours"),
    title="Rainfall",
    title_th="ปริมาณฝน",
    description="Rain at stations in the city's reach, as sums of the hours before the stamp.",
    smart="environment",
    key=("station_id", "end", "hours"),
    day="local_date",
    max_age=timedelta(days=2),
    row_rules=(
        plausible("rain_mm", maximum=130, source=_TMD, where={"hours": 1}),
        plausible("rain_mm", maximum=500, source=_TMD, where={"hours": 24}),
    ),
    rules=(less_rain_in_longer,),
    columns=(
        Column("station_id", pl.String(), "Station (the network's stable number).", nullable=False),
        Column("end", UTC, "End of the hours that were summed.", nullable=False),
        Column("hours", pl.Int32(), "Hours that were summed.", unit="h", nullable=False, minimum=1, maximum=24),
        LOCAL_DATE,
        Column("rain_mm", pl.Float64(), "Rain.", unit="mm", minimum=0, maximum=1000),
        DISTANCE_KM,
        AGENCY,
    ),
)

HOTSPOTS = Table(
    name="hotspots",
    size="few",
    title="Fire hotspots",
    title_th="จุดความร้อน",
    description="Thermal anomalies that satellites saw within the city's reach; a hotspot is not always a fire.",
    smart="environment",
    key=("source", "satellite", "at", "lat", "lon"),
    day="local_date",
    row_rules=(
        plausible("frp_mw", maximum=2_000, source=_VIIRS),
        plausible("brightness_k", 208, 510, source=_VIIRS),
    ),
    columns=(
        Column("source", pl.String(), "Who told it.", nullable=False, allowed=("gistda", "firms")),
        Column("satellite", pl.String(), "Satellite as the source names it.", nullable=False),
        Column("at", UTC, "Moment of the overpass.", nullable=False),
        LOCAL_DATE,
        LAT,
        LON,
        Column("confidence", pl.String(), "Confidence.", allowed=("low", "nominal", "high")),
        Column("frp_mw", pl.Float64(), "Fire radiative power.", unit="MW", minimum=0),
        Column(
            "brightness_k", pl.Float64(), "Brightness temperature, channel I-4.", unit="K", minimum=150, maximum=600
        ),
        Column("land_use", pl.String(), "Land use as the source tells it."),
        DISTANCE_KM,
    ),
)

HOTSPOT_DAYS = Table(
    name="hotspot_days",
    size="few",
    title="Days of fire hotspots",
    title_th="วันที่มีข้อมูลจุดความร้อน",
    description="Days for which a source told all its hotspots: on them, no row in hotspots means none was seen.",
    smart="environment",
    key=("source", "local_date"),
    day="local_date",
    max_age=timedelta(days=3),
    columns=(
        Column("source", pl.String(), "Who told it.", nullable=False, allowed=("gistda", "firms")),
        Column("local_date", pl.Date(), "Day that was asked for: in UTC (firms), in Bangkok (gistda).", nullable=False),
    ),
)

_STATION = (
    Column("network", pl.String(), "Network: air4thai, thaiwater, tmd.", nullable=False),
    Column("station_id", pl.String(), "Station as the network names it.", nullable=False),
    NAME_TH,
    NAME_EN,
    LAT,
    LON,
    Column("area", pl.String(), "Area as the network tells it; null where it tells none."),
    DISTANCE_KM,
    Column("assigned", pl.Boolean(), "Whether the registry counts the station for the city.", nullable=False),
)

STATION_LISTS = Table(
    name="station_lists",
    size="few",
    title="Station lists",
    description="Where each list that was delivered puts the stations in the city's reach.",
    smart="environment",
    key=("network", "station_id", "reference_date"),
    day="reference_date",
    published=False,
    columns=(*_STATION, REFERENCE_DATE),
)

STATIONS = Table(
    name="stations",
    size="few",
    title="Stations",
    title_th="สถานีตรวจวัด",
    description="Measuring stations in the city's reach, with the days for which each place holds: stations move.",
    smart="environment",
    key=("network", "station_id", "valid_from"),
    day="valid_from",
    lineage=False,
    derived_from="station_lists",
    columns=(
        *_STATION,
        Column("valid_from", pl.Date(), "First delivery day on which the station was listed there.", nullable=False),
        Column("valid_to", pl.Date(), "Last such day; null while the newest list has it there."),
    ),
)
