"""Energy: the meter register, the interval grid, and the load profile made of them."""

from datetime import timedelta

import polars as pl

from quality.contracts import Column, Table
from quality.meter_metrics import by_meter_day
from quality.past_days import Usual
from quality.readings import ENERGY, QUALITIES
from quality.row_rules import at_most, plausible
from quality.series_rules import constant, frozen, jumps, twins
from quality.tables.shared import (
    CHANNEL,
    DATASET,
    DISTANCE_KM,
    LAT,
    LOCAL_DATE,
    LON,
    METER_ID,
    QUANTITY,
    REFERENCE_DATE,
    UNIT,
    UTC,
)
from quality.verdicts import completeness

_EVSE = "Largest public sites and chargers on the market (megawatt charging, SAE J3271, is for lorries)."

_SYSTEM = "Half more than the country's greatest hour (36,792 MW, 29 April 2024) and month: https://www.eppo.go.th/"

METERS = Table(
    name="meters",
    title="Meter register",
    description="Meters the utility says belong to the city, with what a load profile needs to know of them.",
    smart="energy",
    version=4,
    of_customers=True,
    key=("meter_id", "reference_date"),
    day="reference_date",
    published=False,
    mode="replace",
    ahead=timedelta(days=366),  # what changes then is known before
    columns=(
        METER_ID,
        Column("zone", pl.String(), "Zone of the city the meter lies in (ASCII slug).", nullable=False),
        Column(
            "customer_class",
            pl.String(),
            "Customer class of the tariff.",
            nullable=False,
            allowed=("residential", "small_business", "medium_business", "large_business", "public", "other"),
        ),
        Column("customer_id", pl.String(), "Keyed hash of the contract account; null where the register has none."),
        Column("serial_id", pl.String(), "Keyed hash of the serial number of the device; null where it is not told."),
        Column("multiplier", ENERGY, "Factor of its transformers (CT x VT); null where it is not told."),
        Column("feeder", pl.String(), "Feeder or transformer that supplies it; null where it is not told."),
        Column("feeds", pl.String(), "Feeder whose whole energy it measures: a main meter, and no customer."),
        Column("check_of", pl.String(), "meter_id of the meter that it checks: a check meter, and no customer."),
        Column("reference_date", pl.Date(), "First day it tells of, until another register does.", nullable=False),
    ),
)

IS_CUSTOMER = pl.col("feeds").is_null() & pl.col("check_of").is_null()
"""Of ``METERS`` rows: the meter of a customer, whose energy counts. That of a main or check meter would count twice."""

_METER_KEY = ("meter_id", "channel", "quantity", "start")
_METER_COLUMNS = (
    METER_ID,
    CHANNEL,
    QUANTITY,
    UNIT,
    Column("start", UTC, "Start of the interval.", nullable=False),
    Column("minutes", pl.Int32(), "Length of the interval.", unit="min", nullable=False, minimum=1, maximum=1440),
    LOCAL_DATE,
    Column("value_delivered", ENERGY, "Value as delivered, per interval; null where none was."),
    Column("quality", pl.String(), "Canonical quality.", nullable=False, allowed=QUALITIES),
    Column("quality_raw", pl.String(), "Quality flag as delivered."),
    Column("reason_raw", pl.String(), "Reason as delivered."),
    Column("rate_raw", pl.String(), "Time-of-use rate as the utility told it."),
    Column(
        "clock_seconds",
        pl.Int8(),
        "Seconds that the delivered stamp lay after the start, before it if negative; null where it was the start.",
        unit="s",
    ),
)
_VERSION = Column("version", UTC, "The format's own version time.")

METER_INTERVALS = Table(
    name="meter_intervals",
    title="Meter intervals",
    description="The complete grid as delivered: one row a meter, channel and expected interval, missing ones present.",
    smart="energy",
    version=3,
    of_customers=True,
    key=_METER_KEY,
    day="local_date",
    published=False,
    max_age=timedelta(days=2),
    size="readings",
    bucketed=True,
    rules=(completeness,),
    metrics=by_meter_day,
    columns=(
        *_METER_COLUMNS,
        _VERSION,
    ),
)

METER_SUPERSEDED = Table(
    name="meter_superseded",
    title="Superseded meter values",
    description="Every delivered value that another delivery replaced or repeated, so that any past day can be asked.",
    smart="energy",
    version=4,
    of_customers=True,
    key=(*_METER_KEY, "_receipt", "_nth"),
    day="local_date",
    published=False,
    size="readings",
    bucketed=True,
    columns=(
        *_METER_COLUMNS,
        _VERSION,
        Column(
            "reason",
            pl.String(),
            "Why it does not count. contradicted: a later file of the same delivery day has another value; off_grid: "
            "not on the grid of its channel's day.",
            nullable=False,
            allowed=("corrected", "contradicted", "repeated", "off_grid"),
        ),
    ),
)

REGISTER_READS = Table(
    name="register_reads",
    title="Register reads",
    description="What meters' registers showed, and the energy between reads; rows that have superseded do not count.",
    smart="energy",
    version=2,
    of_customers=True,
    key=("meter_id", "channel", "quantity", "end", "_receipt", "_nth"),
    day="local_date",
    published=False,
    size="readings",
    columns=(
        METER_ID,
        Column("channel", pl.String(), "Register as delivered.", nullable=False),
        QUANTITY,
        Column("unit", pl.String(), "Unit of the value; empty where the file's own is kept.", nullable=False),
        Column("start", UTC, "The read before; null where it is not told."),
        Column("end", UTC, "The read.", nullable=False),
        Column("local_date", pl.Date(), "Day in Asia/Bangkok of the read.", nullable=False),
        Column("register_start", ENERGY, "What the register showed at the read before, without multiplier."),
        Column("register_end", ENERGY, "What the register showed at the read, without multiplier."),
        Column("multiplier", ENERGY, "Factor of the transformers (CT x VT); null where it is not told."),
        Column("value", ENERGY, "Energy (or greatest demand) between the reads, with the multiplier."),
        Column("quality", pl.String(), "Canonical quality.", nullable=False, allowed=QUALITIES),
        Column("quality_raw", pl.String(), "Quality flag as delivered."),
        Column("reason_raw", pl.String(), "Reason as delivered."),
        _VERSION,
        Column(
            "superseded",
            pl.String(),
            "Why another row of the same read counts in its place; null where this one counts.",
            allowed=("corrected", "repeated"),
        ),
    ),
)

LOAD_PROFILE = Table(
    name="load_profile",
    title="Load profile",
    title_th="โหลดโปรไฟล์ไฟฟ้าราย 15 นาที",
    description="Energy by zone, customer class and quarter-hour, behind the 15/15 privacy gate: a cell has all slots "
    "of its day or none. The sum of a zone's cells is the zone only as far as zone_share says.",
    smart="energy",
    version=2,
    of_customers=True,
    key=("zone", "customer_class", "start"),
    day="local_date",
    lineage=False,
    max_age=timedelta(days=2),
    derived_from="load_profile_basis",
    by_day=True,
    columns=(
        Column("zone", pl.String(), "Zone, or 'other': what zones lack, merged over the city.", nullable=False),
        Column("customer_class", pl.String(), "Class, or 'other': classes merged likewise.", nullable=False),
        Column("start", UTC, "Start of the quarter-hour.", nullable=False),
        LOCAL_DATE,
        Column(
            "kwh",
            pl.Decimal(18, 0),
            "Energy taken from the grid, rounded to 1 kWh; null where nothing is known of the quarter-hour.",
            unit="kWh",
            minimum=0,
        ),
        Column(
            "n_band",
            pl.String(),
            "Number of the day's customers, as a band. A customer is a contract account; where the register has none, "
            "a meter, and all meters of the class 'public' are one customer.",
            nullable=False,
            allowed=("15-29", "30-99", "100-299", "300-999", "1000+"),
        ),
        Column(
            "actual_share",
            pl.Float64(),
            "Share of the cell's meters whose quarter-hour stands on values that were read and no rule makes suspect, "
            "in steps of 0.05; of the others the energy is estimated or missing.",
            nullable=False,
            minimum=0,
            maximum=1,
        ),
        Column(
            "zone_share",
            pl.Float64(),
            "Share of the zone's registered meters that are in the zone's own cells of that day, in steps of 0.05, "
            "rounded down; null for 'other' and where no register tells.",
            minimum=0,
            maximum=1,
        ),
        Column(
            "zone_lacks",
            pl.String(),
            "Classes of which the zone's own cells lack meters, comma-separated; null where they lack none.",
        ),
    ),
)

QUARTERS = tuple(f"q{minute // 60:02d}{minute % 60:02d}" for minute in range(0, 24 * 60, 15))
"""Quarter-hours of a local day, by their start: Thai days have 96, clocks never change."""

DELIVERED = ("delivered_am", "delivered_pm")
"""Which quarter-hours of each half of the day stand on values that were read, as bits: the first is the lowest."""

LOAD_PROFILE_BASIS = Table(
    name="load_profile_basis",
    title="Basis of the load profile",
    description="Which meter's energy went into which published cell: what later corrections are measured against.",
    smart="energy",
    version=3,
    folder="memory",
    of_customers=True,
    key=("meter_id",),
    day="local_date",
    lineage=False,
    published=False,
    size="readings",
    derived_from="meter_final",
    by_day=True,
    columns=(
        METER_ID,
        Column(
            "customer_id", pl.String(), "Keyed hash of the contract account, or what stands for it.", nullable=False
        ),
        LOCAL_DATE,
        Column("zone", pl.String(), "Zone of the meter when it was first published.", nullable=False),
        Column("customer_class", pl.String(), "Class of the meter when it was first published.", nullable=False),
        Column("cell_zone", pl.String(), "Zone of the published cell.", nullable=False),
        Column("cell_class", pl.String(), "Class of the published cell.", nullable=False),
        Column("restated", pl.Boolean(), "Whether the cell is in its second and last version.", nullable=False),
        Column("zone_share", pl.Float64(), "As published; null as there.", minimum=0, maximum=1),
        Column("zone_lacks", pl.String(), "As published; null as there."),
        *(
            Column(name, pl.UInt64(), "Quarter-hours of the half day that no estimate is in, as bits.", nullable=False)
            for name in DELIVERED
        ),
        # A column a quarter-hour: by row, texts and instants would be told 96 times. Integers take two thirds of the
        # bytes of decimals, whose values Polars writes plain.
        *(
            Column(
                name,
                pl.Int64(),
                f"Energy taken from the grid from {name[1:3]}:{name[3:]}; null where the quarter-hour is incomplete.",
                unit="1e-6 kWh",
            )
            for name in QUARTERS
        ),
    ),
)

EV_CHARGERS = Table(
    name="ev_chargers",
    size="few",
    title="EV charging sites",
    title_th="สถานีอัดประจุยานยนต์ไฟฟ้า",
    description="Public charging sites within the city's reach, as an open directory lists them; far from complete.",
    smart="energy",
    key=("source", "site_id", "reference_date"),
    listed_by=("source",),
    steady=("max_kw", "total_kw", "points"),
    row_rules=(
        plausible("max_kw", maximum=1000, source=_EVSE),
        plausible("points", maximum=200, source=_EVSE),
        at_most("max_kw", "total_kw", source="What the columns mean."),
    ),
    rules=(
        constant("name"),
        twins("source", "name", "lat", "lon", "reference_date"),
    ),
    day="reference_date",
    mode="replace",
    whole=("source",),
    licence="CC BY 4.0 or CC BY-SA 4.0, by data provider",
    columns=(
        Column("source", pl.String(), "Directory.", nullable=False),
        Column("site_id", pl.String(), "Site as the directory numbers it.", nullable=False),
        Column("name", pl.String(), "Name of the site."),
        LAT,
        LON,
        DISTANCE_KM,
        Column("points", pl.Int64(), "Charging points as told.", minimum=0, maximum=1000),
        Column("connections", pl.Int64(), "Connections listed; often not the number of points.", minimum=0),
        Column("connectors", pl.String(), "Kinds of connector, comma-separated; unknown ones by their comment."),
        Column("max_kw", pl.Float64(), "Greatest power of a connection.", unit="kW", minimum=0, maximum=2000),
        Column(
            "total_kw",
            pl.Float64(),
            "Power of all connections, also of those that share a point; null unless each tells its own.",
            unit="kW",
            minimum=0,
            maximum=100_000,
        ),
        Column("operational", pl.Boolean(), "Whether it is told to work; null: not told."),
        Column("verified", pl.Date(), "Day in Asia/Bangkok it was last verified."),
        Column("provider", pl.String(), "Who gave it to the directory; credit is due to them."),
        REFERENCE_DATE,
    ),
)

POWER_SYSTEM = Table(
    name="power_system",
    title="Power system",
    title_th="ระบบไฟฟ้าของประเทศ",
    description="Generation and sales of the country's system or a utility: the frame around a city, never its own.",
    smart="energy",
    key=("dataset", "series", "area", "sector", "period", "start"),
    day="local_date",
    row_rules=(
        plausible("value", 0, 60_000, source=_SYSTEM, where={"unit": "MW"}, severity="withhold"),
        plausible("value", 0, 25_000, source=_SYSTEM, where={"unit": "GWh"}, severity="withhold"),
        plausible("value", 5, 46, source=_SYSTEM, where={"unit": "°C"}),
    ),
    usual={"value": Usual(most=2)},
    usual_by=("dataset", "series", "area", "sector"),
    rules=(frozen("dataset", "series", "area", "sector", columns=("value",)),),
    across=(jumps("value", "dataset", "series", "area", "sector", only=pl.col("period") == "month"),),
    columns=(
        DATASET,
        Column("series", pl.String(), "What is told.", nullable=False, allowed=("generation", "sales", "temperature")),
        Column("area", pl.String(), "TH, or the utility's area.", nullable=False),
        Column("sector", pl.String(), "Sector or fuel as published; all where none is.", nullable=False),
        Column("period", pl.String(), "What a value spans.", nullable=False, allowed=("instant", "month")),
        Column("start", UTC, "Moment, or start of the month.", nullable=False),
        LOCAL_DATE,
        Column("value", pl.Decimal(18, 4), "Value in the unit."),
        Column("unit", pl.String(), "Unit.", nullable=False, allowed=("MW", "GWh", "°C")),
    ),
)
