"""What people and lists say of meters beside their readings, and what is to be asked of the utility."""

from typing import Final

import polars as pl

from quality.contracts import Column, Table
from quality.readings import ENERGY, QUANTITIES
from quality.tables.shared import LATER, UTC

DECISIONS: Final = ("accept", "correct", "estimate", "withdraw")

METER_ID = Column("meter_id", pl.String(), "Keyed hash of the metering point.", nullable=False)
QUANTITY = Column("quantity", pl.String(), "What is measured; import is from the grid.", allowed=tuple(QUANTITIES))
_DAY = Column("local_date", pl.Date(), "Day in Asia/Bangkok that it is about.", nullable=False)

METER_DECISIONS = Table(
    name="meter_decisions",
    title="Decisions about meter values",
    description="What people decided of single meter values: one row a decision and local day. All that were ever made "
    "are kept; of two about an interval the later counts, and it is about what had been delivered by its day.",
    smart="energy",
    of_customers=True,
    key=("meter_id", "quantity", "start", "_receipt", "_nth"),
    day="local_date",
    prefer=LATER,
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
            "estimated; withdraw: what was decided of it before holds no longer.",
            nullable=False,
            allowed=DECISIONS,
        ),
        Column("value", ENERGY, "Of a correction: the value of each interval, in the quantity's unit."),
        Column("reason", pl.String(), "Why.", nullable=False),
        Column("decided_by", pl.String(), "Who decided.", nullable=False),
        Column("decided_at", UTC, "When it was decided.", nullable=False),
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
    prefer=LATER,
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
