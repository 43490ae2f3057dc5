"""Hazards of Smart Living: water over the banks within the city's reach."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import indicator, nothing
from assets.indicators.water import current
from quality.tables import WATER_LEVELS


def hazards(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    """Stations over their bank and the fullest cross-section, as rows of ``INDICATORS``.

    A level is over the bank where it is above it; the network's situation is a band of filling and no flood risk.
    """
    table = tables.get(WATER_LEVELS.name)
    if table is None or table.is_empty():
        reason = "no source configured" if table is None else "no data delivered"
        return [nothing("living", "water_hazard", "Water over the banks", day, reason)]
    banks, filling = current(table, "at", "above_bank_m", day), current(table, "at", "storage_pct", day)
    over = banks.rows.filter(pl.col("above_bank_m") > 0).height
    fullest = filling.rows.sort("storage_pct", "station_id").tail(1)
    return [
        indicator(
            "living",
            "stations_over_bank",
            "Water-level stations over their bank",
            float(over) if banks.rows.height else None,
            "stations",
            banks.period,
            day,
            method=f"newest level of each of {banks.rows.height} stations in reach against its lower bank",
            **banks.facts(WATER_LEVELS),
        ),
        indicator(
            "living",
            "highest_filling",
            "Highest filling of a river or canal",
            fullest["storage_pct"].max(),  # type: ignore[arg-type]
            "%",
            filling.period,
            day,
            method="greatest newest share of the depth from bed to lower bank that is filled; no flood risk",
            **filling.facts(WATER_LEVELS),
        ),
    ]
