"""The balance of feeders: main meters against the meters that hang on them."""

from datetime import date
from typing import Final

import polars as pl

from quality.tables import FEEDER_BALANCE, IS_CUSTOMER
from quality.verdicts import Verdict

LOSS: Final = 0.15
GAIN: Final = 0.02
"""Shares of a feeder's energy beyond which a balance is odd. More than was fed is a wrong factor or a meter on another
feeder, up to what two meters of class 1 may differ; more lost than this is no technical loss of a distribution feeder.
Source: ours; the balance is that of the Swiss Metering Code MC-CH 2009, 5.3.2."""


def feeder_balance(used: pl.DataFrame, register: pl.DataFrame, day: date) -> pl.DataFrame:
    """``FEEDER_BALANCE`` rows of a day. ``used`` is a row a meter of what its active imports add up to: ``meter_id,
    kwh, known, intervals`` (how many have a value, of how many); ``register`` are ``METERS`` rows."""
    told = register.join(used, on="meter_id", how="left")
    mains = told.filter(pl.col("feeds").is_not_null()).group_by(feeder="feeds")
    whole = (pl.col("known") == pl.col("intervals")).fill_null(value=False).all()
    days = pl.when(pl.col("intervals") > 0).then(pl.col("known") / pl.col("intervals")).otherwise(0.0)
    meters = told.filter(IS_CUSTOMER, pl.col("feeder").is_not_null()).group_by("feeder")
    kwh, main = (pl.col(name).cast(pl.Float64) for name in ("meters_kwh", "main_kwh"))
    return (
        mains.agg(mains=pl.len(), main_kwh=pl.when(whole).then(pl.col("kwh").sum()))
        .join(
            meters.agg(meters=pl.len(), meters_kwh=pl.col("kwh").sum(), known_share=days.mean()),
            on="feeder",
            how="left",
        )
        .with_columns(pl.col("meters").fill_null(0), local_date=pl.lit(day, pl.Date))
        .with_columns(loss_share=pl.when(pl.col("main_kwh") > 0).then((1 - kwh.fill_null(0) / main).round(4)))
        .select(pl.col(name).cast(dtype) for name, dtype in FEEDER_BALANCE.schema.items())
        .sort(FEEDER_BALANCE.key)
    )


def balance_verdict(rows: pl.DataFrame) -> Verdict:
    """Feeders whose meters do not make up what was fed, on the newest day of ``FEEDER_BALANCE`` rows."""
    last = rows.filter(pl.col("local_date") == pl.col("local_date").max())
    odd = last.filter(~pl.col("loss_share").is_between(-GAIN, LOSS))
    unknown = last["loss_share"].null_count()
    text = (
        f"of {odd.height} of {last.height} feeders the meters make up less than {1 - LOSS:.0%} or more than "
        f"{1 + GAIN:.0%} of what was fed, of {unknown} it is not known. See feeder_balance: look for missing meters, "
        "wrong factors, and meters that hang elsewhere"
    )
    return Verdict(
        FEEDER_BALANCE.name, "feeder-balance", "warn" if odd.height else "pass", last.height, odd.height, text
    )
