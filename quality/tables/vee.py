"""Meter values after validation and estimation, and what was judged on the way."""

from typing import Final

import polars as pl

from quality.contracts import Column, Table
from quality.readings import ENERGY
from quality.tables.shared import CHANNEL, LOCAL_DATE, METER_ID, QUANTITY, UNIT, UTC

FINAL_QUALITIES: Final = {
    "V": "valid: delivered, judged, and used as it is",
    "S": "accepted: suspect, and a person decided that it stands",
    "EF": "substituted for good",
    "ET": "substituted until something better comes",
    "FC": "forecast",
    "M": "missing",
    "U": "not validated",
}
"""Best first, ``U`` apart; in a sum the worst wins (Swiss Metering Code MC-CH 2009, 5.4(2))."""

FINAL_METHODS: Final = ("A", "C1", "Z0", "L2", "K5", "D10", "S1", "MX", "M0")
"""``A`` as delivered, ``S1`` an estimate scaled to the register, ``MX`` set by a person, the others as ``quality.vee``
estimates."""

_CHANNEL = (METER_ID, CHANNEL, QUANTITY, UNIT)
_MINUTES = Column("minutes", pl.Int32(), "Length of the interval.", unit="min", nullable=False, minimum=1, maximum=1440)
_FLAGS = Column("flags", pl.UInt64(), "Rules that found something (bits of vee_rules); null where none could run.")
_RULES_RUN = Column("rules_run", pl.UInt64(), "Rules that could run (bits of vee_rules).", nullable=False)
_RULE_VERSION = Column("rule_version", pl.String(), "Version of the thresholds, with the city's own.", nullable=False)

METER_FINAL = Table(
    name="meter_final",
    title="Final meter values",
    description="One row per meter, channel and expected interval: the value after validation and estimation, with all "
    "that tells how it came about. Made of meter_intervals, which it never changes.",
    version=3,
    smart="energy",
    of_customers=True,
    key=("meter_id", "channel", "quantity", "start"),
    day="local_date",
    lineage=False,
    published=False,
    size="readings",
    bucketed=True,
    derived_from="meter_intervals",
    also_from=("meter_decisions", "meter_outages"),
    by_day=True,
    columns=(
        *_CHANNEL,
        Column("start", UTC, "Start of the interval.", nullable=False),
        _MINUTES,
        LOCAL_DATE,
        Column("value_final", ENERGY, "Value to be used; null where there is none."),
        Column(
            "final_quality", pl.String(), "What the value is worth.", nullable=False, allowed=tuple(FINAL_QUALITIES)
        ),
        Column("method", pl.String(), "How the value came about.", nullable=False, allowed=FINAL_METHODS),
        _FLAGS,
        _RULES_RUN,
        _RULE_VERSION,
        Column(
            "reference_days",
            pl.UInt64(),
            "Days an estimate stands on: bit k is the day k - 30 days from this one; null where it stands on none.",
        ),
        Column(
            "tou_rate",
            pl.String(),
            "Rate of the calendar; null of an interval that two rates share.",
            allowed=("peak", "partial", "off", "holiday"),
        ),
        Column(
            "tou_confidence", pl.String(), "How sure the calendar is; never null.", allowed=("A", "B", "provisional")
        ),
        Column(
            "value_estimated",
            ENERGY,
            "What was estimated before it was scaled to the register; null of a value that is not scaled.",
        ),
        Column(
            "method_estimated",
            pl.String(),
            "How it was; null as value_estimated.",
            allowed=("L2", "K5", "D10"),
        ),
    ),
)

METER_QUALITY = Table(
    name="meter_quality",
    title="Quality of meter days",
    description="One row per meter, channel and day: what came, what it was worth, and the figures that later days are "
    "held against.",
    version=2,
    smart="energy",
    of_customers=True,
    key=("meter_id", "channel", "quantity", "local_date"),
    day="local_date",
    lineage=False,
    published=False,
    size="readings",
    derived_from="meter_final",
    by_day=True,
    columns=(
        *_CHANNEL,
        LOCAL_DATE,
        _MINUTES,
        Column("expected", pl.UInt16(), "Intervals of the day.", nullable=False),
        Column("actual", pl.UInt16(), "Intervals with a value that was read, or of no told quality.", nullable=False),
        Column("substituted", pl.UInt16(), "Intervals that the utility substituted or calls suspect.", nullable=False),
        Column("forecast", pl.UInt16(), "Intervals with a forecast.", nullable=False),
        Column("suspect", pl.UInt16(), "Intervals with a value that a rule makes suspect.", nullable=False),
        Column("missing", pl.UInt16(), "Intervals without a value.", nullable=False),
        Column("longest_gap", pl.UInt16(), "Intervals of the longest gap.", nullable=False),
        Column("energy", ENERGY, "Sum of the delivered values, in unit; null where there are none."),
        Column("peak_power", ENERGY, "Greatest mean power of an interval, in unit an hour; null as energy."),
        Column("least_power", ENERGY, "Least mean power of an interval, in unit an hour; null as energy."),
        Column("zero_minutes", pl.UInt32(), "How long it has read zero when the day ends.", unit="min", nullable=False),
        Column(
            "estimated_days", pl.UInt16(), "Days up to this one of which half or more is estimated.", nullable=False
        ),
        Column(
            "shape",
            pl.UInt64(),
            "How the energy lies over the day: a byte for each three hours, the first lowest, 255 being all of it. "
            "Null where there is none, or less than none.",
        ),
        Column(
            "digest", pl.UInt64(), "Fingerprint of the day's values: days that share it are copies; null as energy."
        ),
        _FLAGS,
        _RULES_RUN,
        _RULE_VERSION,
    ),
)

REGISTER_CHECKS = Table(
    name="register_checks",
    title="Register checks",
    description="Registers against themselves, against the energy told with them, and against the intervals between "
    "two reads.",
    smart="energy",
    version=2,
    of_customers=True,
    key=("meter_id", "channel", "quantity", "end", "check"),
    day="local_date",
    lineage=False,
    published=False,
    derived_from="register_reads",
    by_day=True,
    columns=(
        *_CHANNEL,
        Column("start", UTC, "The read before; null of the first."),
        Column("end", UTC, "The read.", nullable=False),
        Column("local_date", pl.Date(), "Day in Asia/Bangkok of the read.", nullable=False),
        Column(
            "check",
            pl.String(),
            "What was checked: the register's step, what it began with, the energy told with it, intervals, rates, the "
            "multiplier.",
            nullable=False,
            allowed=("step", "start", "quantity", "intervals", "rates", "multiplier"),
        ),
        Column(
            "outcome",
            pl.String(),
            "ok, fails, not-run (what it needs is not there); of a step: rollover, reset or fall.",
            nullable=False,
            allowed=("ok", "fails", "not-run", "rollover", "reset", "fall"),
        ),
        Column("found", pl.Float64(), "What the check found, in unit; null where it did not run."),
        Column("asked", pl.Float64(), "What it should have found, in unit; null as found."),
        Column("tolerance", pl.Float64(), "How far apart the two may be; null as found.", minimum=0),
        Column(
            "days",
            pl.List(pl.Date()),
            "Days that stand out, and alone may be why intervals fail; empty where a read's hour may be; null where it "
            "may be all of them.",
        ),
        _RULE_VERSION,
    ),
)

VEE_RULES = Table(
    name="vee_rules",
    title="Rules for meter values",
    description="What the bits of flags and rules_run mean.",
    smart="energy",
    key=("bit", "reference_date"),
    day="reference_date",
    lineage=False,
    published=False,
    size="few",
    columns=(
        Column("bit", pl.UInt8(), "Place in the bit masks.", nullable=False, maximum=63),
        Column("reference_date", pl.Date(), "Day from which it is so.", nullable=False),
        Column("code", pl.String(), "Name of the rule.", nullable=False),
        Column(
            "severity",
            pl.String(),
            "suspect: the value is not used unless a person accepts it; note: it is used.",
            nullable=False,
            allowed=("suspect", "note"),
        ),
        Column("rule_th", pl.String(), "What it finds, in Thai.", nullable=False),
        Column("rule_en", pl.String(), "What it finds, in English.", nullable=False),
        Column("source", pl.String(), "Where the rule comes from.", nullable=False),
        Column(
            "thresholds", pl.String(), "Its thresholds with their defaults; empty where it has none.", nullable=False
        ),
        Column("advice", pl.String(), "What to do about it.", nullable=False),
    ),
)
