"""Feeders against their meters, for the days whose final values changed."""

from collections.abc import Collection
from datetime import date

import polars as pl

from assets.lake.files import CityLake, Written
from assets.lake.meter_registers import Registers
from quality.tables import FEEDER_BALANCE, METER_FINAL
from quality.vee.feeders import feeder_balance
from quality.vee.kept import COUNTED


def make(lake: CityLake, days: Collection[date], registers: Registers) -> list[Written]:
    """Balance these days, those of which the register tells of main meters."""
    files: list[Written] = []
    balanced = set(lake.days(FEEDER_BALANCE))
    for day in sorted(days):
        register = registers.in_force(day)
        if not register["feeds"].drop_nulls().len():
            if day in balanced:
                files += lake.put(FEEDER_BALANCE, day, FEEDER_BALANCE.empty())
            continue
        concerned = register.filter(pl.any_horizontal(pl.col("feeds", "feeder").is_not_null()))["meter_id"].implode()
        parts = [
            lake.scan(METER_FINAL, key)
            .filter(pl.col("quantity") == "active_import", pl.col("meter_id").is_in(concerned), COUNTED)
            .group_by("meter_id")
            .agg(kwh=pl.col("value_final").sum(), known=pl.col("value_final").count(), intervals=pl.len())
            .collect()
            for key in lake.keys(METER_FINAL, (day, day))
        ]
        rows = feeder_balance(pl.concat(parts), register, day) if parts else FEEDER_BALANCE.empty()
        files += lake.put(FEEDER_BALANCE, day, rows)
    return files
