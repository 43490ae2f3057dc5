"""Smart Energy: what the published load profile says of one day.

Only what passed the privacy gate is counted, so a day's energy is that of the published cells, not of the city.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from assets.cities.registry import City
from assets.indicators import absent, collect, indicator, newest
from quality.tables import LOAD_PROFILE

QUARTER_HOURS = 96
"""Quarter-hours of a day; Thailand has no daylight saving."""


def indicators(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Energy (kWh), peak (kW), load factor and delivered share of the newest day, as ``INDICATORS``."""
    last, cells = newest(tables.get(LOAD_PROFILE.name), LOAD_PROFILE.day, day)
    if last is None:
        return collect(absent(LOAD_PROFILE, tables, day))
    quarters = (
        cells.filter(pl.col("kwh").is_not_null())
        .group_by("start")
        .agg(pl.col("kwh").sum(), pl.col("actual_share").mean())
    )
    coverage = min(float(quarters["actual_share"].sum()) / QUARTER_HOURS, 1.0)
    total = float(quarters["kwh"].sum())
    # Energy of a quarter-hour in kWh is a quarter of its mean power.
    peak = 4 * max(map(float, quarters["kwh"]), default=0.0)
    factor = 4 * total / quarters.height / peak if peak else None
    period, sources = (last, last), f"{LOAD_PROFILE.name} ({city.utility} meter exports)"
    missing = QUARTER_HOURS - quarters.height
    gap = f"{missing} of {QUARTER_HOURS} quarter-hours have no published cell" if missing else None

    def carried(code: str, title: str, value: float | None, unit: str, method: str) -> dict[str, object]:
        return indicator(
            "energy",
            code,
            title,
            value,
            unit,
            period,
            day,
            method=method,
            sources=sources,
            coverage=coverage,
            max_age=LOAD_PROFILE.max_age,
            partial=gap,
        )

    return collect(
        [
            carried("published_kwh_day", "Energy of the day", total, "kWh", "sum of the published cells"),
            carried("peak_kw", "Peak quarter-hour", peak, "kW", "greatest sum over cells in a quarter-hour, times 4"),
            carried("load_factor", "Load factor", factor, "1", "mean power over peak power of the published cells"),
            indicator(
                "energy",
                "delivered_share",
                "Delivered intervals",
                100 * coverage,
                "%",
                period,
                day,
                method="mean over cells of the share of expected intervals with a delivered value; 0 without a cell",
                sources=sources,
                max_age=LOAD_PROFILE.max_age,
            ),
        ]
    )
