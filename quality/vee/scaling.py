"""Estimates held against the register: between two reads it tells what the meter measured, the estimates what of it
lies where.

What no value was delivered for is the step of the register times its factor, less what was delivered. Estimates of
the period are scaled to it, each by the same factor (Swiss Metering Code MC-CH 2009, 11.6.2; AEMO substitution method
24, data scaling), where they are further from it than the register can be off.
"""

from typing import Final

import polars as pl

from quality.meter_grid import ZONE
from quality.readings import ENERGY
from quality.tables.vee import METER_FINAL
from quality.vee.kept import COUNTED
from quality.vee.registers import LONGEST
from quality.vee.validate import TOLD_ONCE

SCALED: Final = "S1"

ESTIMATED: Final = pl.col("method").is_in(["L2", "K5", "D10", SCALED])
"""Rows of ``METER_FINAL`` that stand on other values alone: what a check meter, a proven outage, the utility or a
person says of an interval is not bent to the register."""

FINE: Final = 4
"""Times the tolerance of the check that the estimates hold at the least: of less energy the register's last digits say
next to nothing. Ours."""

MOST: Final = 3
"""Times greater or smaller that the register may find the estimates, which err by a half on a home's day at the worst
(docs/meter-estimates.md): where they differ by more, the delivered values or the register are what is wrong. Ours."""

SERIES: Final = ("meter_id", "quantity")

WHY: Final = {
    "incomplete": "a value lacks that nothing is estimated for",
    "agrees": "they are what the register says",
    "coarse": "the register shows too few digits for them",
    "beyond": "they are too far from the register",
}
"""Why the estimates of a period are left as they are."""


def periods(checks: pl.DataFrame) -> pl.DataFrame:
    """Periods between reads of which ``REGISTER_CHECKS`` rows tell the energy: ``SERIES, first, last`` (local days, the
    last is the one after), ``asked`` and ``tolerance`` (in the quantity's unit).

    Reads of midnight alone bound days; no longer time than ``LONGEST`` counts, no read of which a check failed
    (Connexo's equal distribution does not run on reads in doubt) but for days that stand out, and no period that shares
    days with another.
    """
    failed = checks.filter(pl.col("outcome") == "fails", pl.col("days").list.len().fill_null(0) == 0).select(
        "meter_id", "channel", "quantity", "end"
    )
    first, last = (pl.col(name).dt.convert_time_zone(ZONE) for name in ("start", "end"))
    midnight = (first == first.dt.truncate("1d")) & (last == last.dt.truncate("1d"))
    told = (
        checks.filter(pl.col("check") == "intervals", pl.col("start") < pl.col("end"))
        .with_columns(first=first.dt.date(), last=(last - pl.duration(microseconds=1)).dt.date().dt.offset_by("1d"))
        .filter(pl.col("last") - pl.col("first") <= LONGEST)
        .sort(*SERIES, "first", "last")
    )
    ends, begins = pl.col("last").shift().cum_max().over(SERIES), pl.col("first").shift(-1).over(SERIES)
    apart = (ends <= pl.col("first")).fill_null(value=True) & (begins >= pl.col("last")).fill_null(value=True)
    return (
        told.filter(apart & midnight)
        .filter(pl.col("asked").is_not_null())
        .join(failed, on=failed.columns, how="anti")
        .select(*SERIES, "first", "last", "asked", "tolerance")
    )


def of_days(rows: pl.DataFrame) -> pl.DataFrame:
    """What ``METER_FINAL`` rows tell of each day of a series: ``SERIES, local_date``, energy ``delivered`` and
    ``estimated`` (unscaled), and how many values are ``unknown``."""
    guessed = pl.coalesce("value_estimated", "value_final")
    return (
        rows.filter(COUNTED)
        .group_by(*SERIES, "local_date")
        .agg(
            delivered=pl.col("value_final").filter(~ESTIMATED).sum(),
            estimated=guessed.filter(ESTIMATED).sum(),
            unknown=pl.col("value_final").is_null().sum(),
        )
    )


def of_quality(quality: pl.DataFrame) -> pl.DataFrame:
    """As ``of_days``, of ``METER_QUALITY`` rows of days without ``gaps``, whose values are used as they came."""
    whole = quality.filter(TOLD_ONCE, ~pl.col("gaps"))
    told = whole.group_by(*SERIES, "local_date").agg(delivered=pl.col("energy").sum())
    schema = of_days(METER_FINAL.empty()).schema
    return told.with_columns(estimated=pl.lit(0), unknown=pl.lit(0)).select(
        pl.col(name).cast(dtype) for name, dtype in schema.items()
    )


def factors(known: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """What estimates are to be multiplied by: of ``periods`` those with ``days`` (rows of ``of_days``), with ``factor``
    (null where estimates stay) and ``why`` they do (one of ``WHY``, else null)."""
    told = known.join(days, on=SERIES).filter(pl.col("local_date").is_between("first", "last", closed="left"))
    sums = told.group_by(*SERIES, "first").agg(
        pl.col("delivered", "estimated").sum().cast(pl.Float64), pl.col("unknown").sum(), days=pl.len()
    )
    left, estimated, tolerance = pl.col("asked") - pl.col("delivered"), pl.col("estimated"), pl.col("tolerance")
    length = (pl.col("last") - pl.col("first")).dt.total_days()
    why = (
        pl.when((pl.col("unknown") > 0) | (pl.col("days") < length))
        .then(pl.lit("incomplete"))
        .when((left - estimated).abs() <= tolerance)
        .then(pl.lit("agrees"))
        .when(estimated < FINE * tolerance)
        .then(pl.lit("coarse"))
        .when((left < estimated / MOST) | (left > estimated * MOST))
        .then(pl.lit("beyond"))
    )
    return (
        known.join(sums, on=[*SERIES, "first"])
        .select(*SERIES, "first", "last", why=why, factor=pl.when(why.is_null()).then(left / estimated))
        .sort(*SERIES, "first")
    )


def unscaled(rows: pl.DataFrame) -> pl.DataFrame:
    """``METER_FINAL`` rows as they were estimated."""
    if rows["value_estimated"].null_count() == rows.height:
        return rows
    return rows.with_columns(
        value_final=pl.coalesce("value_estimated", "value_final"),
        method=pl.coalesce("method_estimated", "method"),
        value_estimated=pl.lit(None, ENERGY),
        method_estimated=pl.lit(None, pl.String),
    )


def scaled(rows: pl.DataFrame, by: pl.DataFrame) -> pl.DataFrame:
    """``METER_FINAL`` rows of a day with the estimates of the series of ``by`` multiplied by their ``factor``, or as
    they were estimated where it has none; ``by`` are rows of ``factors`` whose periods hold the day."""
    series = by.select(*SERIES, "factor", _told=pl.lit(value=True))
    told = rows.join(series, on=SERIES, how="left", maintain_order="left")
    value = pl.coalesce("value_estimated", "value_final")
    method = pl.coalesce("method_estimated", "method")
    mine, factor = pl.col("_told").fill_null(value=False) & ESTIMATED, pl.col("factor")
    scales = mine & factor.is_not_null()
    times = (value.cast(pl.Float64) * factor).round(ENERGY.scale).cast(ENERGY)
    return told.with_columns(
        value_final=pl.when(scales).then(times).when(mine).then(value).otherwise("value_final"),
        method=pl.when(scales).then(pl.lit(SCALED)).when(mine).then(method).otherwise("method"),
        value_estimated=pl.when(scales).then(value).when(~mine).then("value_estimated"),
        method_estimated=pl.when(scales).then(method).when(~mine).then("method_estimated"),
    ).select(METER_FINAL.schema.names())
