"""What people and lists say of meters beside their readings, and what is to be asked of the utility."""

from typing import Final

import polars as pl

from quality.contracts import Column, Table
from quality.readings import ENERGY
from quality.tables.shared import CHANNEL, METER_ID, QUANTITY, REFERENCE_DATE, UTC

DECISIONS: Final = ("accept", "correct", "estimate", "withdraw", "ask")

_DAY = Column("local_date", pl.Date(), "Day in Asia/Bangkok that it is about.", nullable=False)

METER_DECISIONS = Table(
    name="meter_decisions",
    title="Decisions about meter values",
    description="What people decided of single meter values: one row a decision and local day. All that were ever made "
    "are kept; of two about an interval the later counts, and it is about what had been delivered by its day.",
    smart="energy",
    of_customers=True,
    # Not by ``start``: of two that overlap and were decided at one time, ``_nth`` tells which stands later in the list.
    key=("meter_id", "quantity", "local_date", "_receipt", "_nth"),
    day="local_date",
    published=False,
    columns=(
        METER_ID,
        QUANTITY,
        _DAY,
        Column("start", UTC, "First instant that it is about.", nullable=False),
        Column("end", UTC, "First instant after.", nullable=False),
        Column(
            "decision",
            pl.String(),
            "accept: a suspect value is used; correct: the value is another; estimate: the value is put aside and "
            "estimated; withdraw: what was decided of it before holds no longer; ask: the utility was asked for it, "
            "which changes nothing.",
            nullable=False,
            allowed=DECISIONS,
        ),
        Column("value", ENERGY, "Of a correction: the value of each interval, in the quantity's unit."),
        Column("reason", pl.String(), "Why.", nullable=False),
        Column("decided_by", pl.String(), "Who decided.", nullable=False),
        Column("decided_at", UTC, "When it was decided.", nullable=False),
    ),
)

MISSING_READINGS = Table(
    name="missing_readings",
    title="Missing readings",
    description="Intervals that had no value when the rest of their day was there, as ranges, for whoever asks the "
    "utility: a range that a later delivery filled stays, with what closed it.",
    smart="energy",
    of_customers=True,
    key=("meter_id", "channel", "quantity", "start"),
    day="local_date",
    lineage=False,
    published=False,
    size="readings",
    derived_from="meter_intervals",
    columns=(
        METER_ID,
        CHANNEL,
        QUANTITY,
        _DAY,
        Column("start", UTC, "Start of the first interval.", nullable=False),
        Column("end", UTC, "End of the last.", nullable=False),
        Column("intervals", pl.UInt16(), "Intervals in the range.", nullable=False, minimum=1),
        Column(
            "since", pl.Date(), "Delivery day from which it was missing: the first of the city's day.", nullable=False
        ),
        Column(
            "asked", pl.UInt16(), "How often the utility was asked for some of it (`muang meters ask`).", nullable=False
        ),
        Column("asked_last", pl.Date(), "Day it was last asked for; null where it never was."),
        Column("closed_on", pl.Date(), "Delivery day that brought the values; null while they are missing."),
        Column("closed_by", pl.String(), "Receipt of that delivery; null as closed_on."),
    ),
)

METER_OUTAGES = Table(
    name="meter_outages",
    title="Proven outages",
    description="When supply was proven off, at a meter or in a zone; the last delivery of a day tells all of it.",
    smart="energy",
    of_customers=True,
    key=("local_date", "start", "_receipt", "_nth"),
    day="local_date",
    mode="replace",
    published=False,
    columns=(
        Column("meter_id", pl.String(), "Keyed hash of the metering point; null where it is a whole zone."),
        Column("zone", pl.String(), "Zone of the register; null where it is a meter."),
        _DAY,
        Column("start", UTC, "From when supply was off.", nullable=False),
        Column("end", UTC, "From when it was on again; the start where there was no outage.", nullable=False),
    ),
)

FEEDER_BALANCE = Table(
    name="feeder_balance",
    title="Balance of feeders",
    description="What the main meters of a feeder measured, against the meters that the register hangs on it.",
    smart="energy",
    of_customers=True,
    key=("feeder", "local_date"),
    day="local_date",
    lineage=False,
    published=False,
    derived_from="meter_final",
    columns=(
        Column("feeder", pl.String(), "Feeder or transformer.", nullable=False),
        _DAY,
        Column("main_kwh", ENERGY, "Final active import of its main meters; null where some is missing.", unit="kWh"),
        Column(
            "meters_kwh",
            ENERGY,
            "Final active import of its customers, as far as it is known; null where none is on it.",
            unit="kWh",
        ),
        Column("loss_share", pl.Float64(), "1 - meters_kwh / main_kwh; null where main_kwh is null or 0."),
        Column("mains", pl.UInt32(), "Main meters.", nullable=False),
        Column("meters", pl.UInt32(), "Customers' meters that the register has on it.", nullable=False),
        Column(
            "known_share",
            pl.Float64(),
            "Share of the customers' intervals that have a final value; of a meter without any the day counts whole. "
            "Null where none is on it.",
            minimum=0,
            maximum=1,
        ),
    ),
)

REGISTER_WATCH = Table(
    name="register_watch",
    title="Changes of the meter register",
    description="What a meter register has otherwise than the one before it: one row a meter and change.",
    smart="energy",
    of_customers=True,
    key=("meter_id", "reference_date", "change"),
    day="reference_date",
    lineage=False,
    published=False,
    derived_from="meters",
    by_day=True,
    columns=(
        METER_ID,
        REFERENCE_DATE,
        Column(
            "change",
            pl.String(),
            "new and vanished meters; swapped: another device (serial number) hangs there; moved: to another zone; "
            "class, multiplier, account and feeder are others; role: a customer's, main or check meter became another.",
            nullable=False,
            allowed=("new", "vanished", "swapped", "moved", "class", "multiplier", "account", "feeder", "role"),
        ),
        Column(
            "before", pl.String(), "What was there; null for a serial number or account, and where nothing was told."
        ),
        Column("after", pl.String(), "What is there now; null likewise."),
        Column("reference_before", pl.Date(), "Day of the register that it is held against.", nullable=False),
    ),
)

DAILY_ENERGY = Table(
    name="daily_energy",
    title="Energy of days",
    title_th="พลังงานไฟฟ้ารายวัน",
    description="Energy, peak and load factor of a day by zone, customer class and time-of-use rate, made of nothing "
    "but the published cells of load_profile: a cell is here where it is there.",
    smart="energy",
    of_customers=True,
    key=("zone", "customer_class", "local_date", "tou_rate"),
    day="local_date",
    lineage=False,
    derived_from="load_profile",
    by_day=True,
    columns=(
        Column("zone", pl.String(), "As in load_profile.", nullable=False),
        Column("customer_class", pl.String(), "As in load_profile.", nullable=False),
        _DAY,
        Column(
            "tou_rate",
            pl.String(),
            "Rate of the calendar that the quarter-hours have; a day of rest has one.",
            nullable=False,
            allowed=("peak", "partial", "off", "holiday"),
        ),
        Column(
            "tou_confidence", pl.String(), "How sure the calendar is; never null.", allowed=("A", "B", "provisional")
        ),
        Column(
            "hours",
            pl.Float64(),
            "Hours of the day that have the rate; never null.",
            unit="h",
            minimum=0.25,
            maximum=24,
        ),
        Column(
            "kwh",
            pl.Decimal(18, 0),
            "Energy taken from the grid; null where a quarter-hour is not known.",
            unit="kWh",
            minimum=0,
        ),
        Column(
            "peak_kw",
            pl.Decimal(18, 0),
            "Greatest mean power of a quarter-hour, in steps of 4 kW; null as kwh.",
            unit="kW",
            minimum=0,
        ),
        Column(
            "load_factor",
            pl.Float64(),
            "Mean power over peak power; null as kwh, and where the peak is 0.",
            minimum=0,
            maximum=1,
        ),
        Column("n_band", pl.String(), "As in load_profile.", nullable=False),
        Column(
            "valid_share",
            pl.Float64(),
            "Mean of the quarter-hours' actual_share, in steps of 0.05, rounded down; of the rest the energy is "
            "estimated or missing.",
            nullable=False,
            minimum=0,
            maximum=1,
        ),
        Column("zone_share", pl.Float64(), "As in load_profile; null as there.", minimum=0, maximum=1),
        Column("zone_lacks", pl.String(), "As in load_profile; null as there."),
    ),
)
