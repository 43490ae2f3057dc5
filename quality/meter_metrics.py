"""Metrics of meter intervals: what Great Expectations judges in place of ten million readings."""

import polars as pl

from quality.meter_grid import DAY_MINUTES


def by_meter_day(frame: pl.DataFrame) -> pl.DataFrame:
    """``METER_INTERVALS`` rows as one row a meter and day.

    ``slots`` and ``expected`` (rows there and rows of a complete grid), ``missing_share``, ``zero_share`` (of the
    values there are), ``negative`` (rows), ``peak_ratio`` (greatest value to mean, 0 without a positive mean).
    """
    value = pl.col("value_delivered").cast(pl.Float64)
    channels = frame.group_by("meter_id", "local_date", "channel", "quantity").agg(
        slots=pl.len(),
        expected=(DAY_MINUTES // pl.col("minutes")).max(),
        missing=value.null_count(),
        zero=(value == 0).sum(),
        negative=((value < 0) & pl.col("quantity").str.contains("import|export")).sum(),
        peak_ratio=pl.when(value.mean() > 0).then(value.max() / value.mean()).otherwise(0.0),
    )
    present = pl.col("slots").sum() - pl.col("missing").sum()
    return (
        channels.group_by("meter_id", "local_date")
        .agg(
            pl.col("slots", "negative").sum().cast(pl.Int64),
            pl.col("expected").sum().cast(pl.Int64),
            missing_share=pl.col("missing").sum() / pl.col("slots").sum(),
            zero_share=pl.when(present > 0).then(pl.col("zero").sum() / present).otherwise(0.0),
            peak_ratio=pl.col("peak_ratio").max(),
        )
        .sort("meter_id", "local_date")
    )
