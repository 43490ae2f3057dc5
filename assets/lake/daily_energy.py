"""Energy of days by zone, customer class and time-of-use rate.

Made of nothing but cells of the load profile as they are published, so it tells nothing that they do not
(docs/privacy.md).
"""

import polars as pl

from quality.meter_grid import DAY_MINUTES, ZONE
from quality.tables import DAILY_ENERGY, QUARTERS
from quality.vee.day_types import Calendar

STEPS = 20
"""Shares are told in steps of 1/20, as in the load profile."""

_CELL = ("zone", "customer_class", "local_date", "tou_rate", "tou_confidence")


def of_cells(cells: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    """``DAILY_ENERGY`` rows of ``LOAD_PROFILE`` rows."""
    length = DAY_MINUTES // len(QUARTERS)
    local = pl.col("start").dt.convert_time_zone(ZONE).dt.replace_time_zone(None)
    rates = [
        pl.DataFrame({"tou_rate": calendar.rates(day, length).cast(pl.String)}).with_columns(
            local_date=pl.lit(day),
            quarter=pl.int_range(pl.len(), dtype=pl.Int64),
            tou_confidence=pl.lit(calendar.confidence([day])),
        )
        for day in cells["local_date"].unique().sort()
    ]
    if not rates:
        return DAILY_ENERGY.empty()
    twentieths = (pl.col("actual_share") * STEPS).round().cast(pl.Int64)
    hours = pl.len() * length / 60
    return (
        cells.with_columns(quarter=(local - local.dt.truncate("1d")).dt.total_minutes() // length)
        .join(pl.concat(rates), on=["local_date", "quarter"])
        .group_by(_CELL)
        .agg(
            pl.col("n_band", "zone_share", "zone_lacks").first(),
            hours=hours,
            kwh=pl.col("kwh").sum(),
            peak_kw=pl.col("kwh").max() * (60 // length),
            known=pl.col("kwh").is_not_null().all(),
            # Rounded: a quotient's last bits depend on how many rows are divided at once.
            valid_share=(twentieths.sum() // pl.len() / STEPS).round(2),
        )
        .with_columns(pl.when("known").then(pl.col("kwh", "peak_kw")))
        .with_columns(
            load_factor=pl.when(pl.col("peak_kw") > 0).then(
                (pl.col("kwh").cast(pl.Float64) / (pl.col("peak_kw").cast(pl.Float64) * pl.col("hours"))).round(4)
            )
        )
        .select(pl.col(name).cast(dtype) for name, dtype in DAILY_ENERGY.schema.items())
        .sort(DAILY_ENERGY.key)
    )
