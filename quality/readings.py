"""The canonical meter reading: what every reader makes of every format.

Readings hold real identifiers and therefore live in memory only; the lake gets a keyed hash of ``point``.
"""

from typing import Final

import polars as pl

ENERGY: Final = pl.Decimal(18, 6)
"""Exact energy. Six decimals keep a quarter of a kW reading with four decimals exact; 18 digits fit one INT64 in
Parquet and hold 10^12 kWh."""

READING_SCHEMA: Final = pl.Schema(
    {
        "point": pl.String(),  # metering point as delivered: contract account, NMI, MPAN. Personal data.
        "channel": pl.String(),  # register, suffix or column as delivered
        "quantity": pl.String(),  # one of QUANTITIES
        "start": pl.Datetime("us", "UTC"),
        "minutes": pl.Int32(),  # interval length
        "value": ENERGY,  # in the quantity's unit, per interval; null where the file has no value
        "quality": pl.String(),  # one of QUALITIES
        "quality_raw": pl.String(),  # the flag as delivered, null where the format has none
        "reason_raw": pl.String(),
        "rate_raw": pl.String(),  # the utility's own time-of-use rate (A, B, C, ON, OFF), where told
        "version": pl.Datetime("us", "UTC"),  # the format's own version time, null where it has none
        "row": pl.Int64(),  # 1-based line, sheet row or record number in the file
    }
)

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

QUALITIES: Final = ("actual", "substituted", "substituted_temporary", "unknown", "suspect", "forecast", "missing")
"""Canonical qualities, best first; in a sum the worst wins (Swiss Metering Code MC-CH 2009, 5.4(2)). ``unknown`` is
a format or export that tells no quality, as all Thai layouts do."""

ACCOUNTED_QUALITIES: Final = frozenset({"actual", "substituted"})
"""Billing grade: read, or finally substituted."""


def no_readings() -> pl.DataFrame:
    """An empty frame of ``READING_SCHEMA``."""
    return READING_SCHEMA.to_frame()
