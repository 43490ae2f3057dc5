"""The canonical meter reading: what every reader makes of every format.

Readings hold real identifiers and therefore live in memory only; the lake gets a keyed hash of ``point``.
"""

from functools import cache
from typing import Final

import polars as pl

ENERGY: Final = pl.Decimal(18, 6)
"""Exact energy. Six decimals keep a quarter of a kW reading with four decimals exact; 18 digits fit one INT64 in
Parquet and hold 10^12 kWh."""

QUANTITIES: Final[dict[str, str]] = {
    "active_import": "kWh",
    "active_export": "kWh",
    "reactive_import": "kvarh",
    "reactive_export": "kvarh",
    "apparent": "kVAh",
    "voltage": "V",
    "other": "",
}
"""Quantity → canonical unit. Import is energy taken from the grid."""

DIRECTED: Final = ("active_import", "active_export", "reactive_import", "reactive_export", "apparent")
"""Quantities of one direction, which none of their values turns."""

QUALITIES: Final = ("actual", "substituted", "substituted_temporary", "unknown", "suspect", "forecast", "missing")
"""Canonical qualities, best first; in a sum the worst wins (Swiss Metering Code MC-CH 2009, 5.4(2)). ``unknown`` is
a format or export that tells no quality, as all Thai layouts do."""

QUANTITY: Final = pl.Enum(list(QUANTITIES))
QUALITY: Final = pl.Enum(QUALITIES)
LABEL: Final = pl.Categorical()
"""Texts that repeat from reading to reading. As codes they cost four bytes or one a reading instead of 16, and a night
of a city has ten million readings. They compare and group as texts do, but have no ``.str`` and join their like only.
"""

READING_SCHEMA: Final = pl.Schema(
    {
        "point": LABEL,  # metering point as delivered: contract account, NMI, MPAN. Personal data.
        "channel": LABEL,  # register, suffix or column as delivered
        "quantity": QUANTITY,  # one of QUANTITIES
        "start": pl.Datetime("us", "UTC"),
        "minutes": pl.Int32(),  # interval length
        "value": ENERGY,  # in the quantity's unit, per interval; null where the file has no value
        "quality": QUALITY,  # one of QUALITIES
        "quality_raw": LABEL,  # the flag as delivered, null where the format has none
        "reason_raw": LABEL,
        "rate_raw": LABEL,  # the utility's own time-of-use rate (A, B, C, ON, OFF), where told
        "version": pl.Datetime("us", "UTC"),  # the format's own version time, null where it has none
        "row": pl.Int64(),  # 1-based line, sheet row or record number in the file
    }
)

REGISTER_SCHEMA: Final = pl.Schema(
    {
        "point": pl.String(),
        "channel": pl.String(),
        "quantity": pl.String(),
        "start": pl.Datetime("us", "UTC"),  # previous read; null where the file tells one read only
        "end": pl.Datetime("us", "UTC"),  # the read
        "register_start": pl.Decimal(18, 6),  # what the dials showed, without multiplier; null where not told
        "register_end": pl.Decimal(18, 6),
        "multiplier": pl.Decimal(18, 6),  # CT x VT; null where not told
        "value": ENERGY,  # energy (or demand) between the reads after multiplier, in the quantity's unit; may be null
        "quality": pl.String(),
        "quality_raw": pl.String(),
        "reason_raw": pl.String(),
        "version": pl.Datetime("us", "UTC"),
        "row": pl.Int64(),
    }
)
"""Register reads (NEM13, PEA reading forms, P1 telegrams): energy between two reads, not a load profile. A reader puts
them into ``tables["registers"]``."""


@cache
def no_readings() -> pl.DataFrame:
    """An empty frame of ``READING_SCHEMA``."""
    return READING_SCHEMA.to_frame()
