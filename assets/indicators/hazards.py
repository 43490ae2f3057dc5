"""Hazards of Smart Living: water over the banks within the city's reach."""

from datetime import date

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import Indicator, nothing
from assets.indicators.tables import Tables
from assets.indicators.water import current
from quality.tables import WATER_LEVELS


def hazards(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Stations over their bank and the fullest cross-section.

    A level is over the bank where it is above it; the network's situation is a band of filling and no flood risk.
    """
    table = tables.get(WATER_LEVELS)
    if table.is_empty():
        reason = "no data delivered" if tables.has(WATER_LEVELS) else "no source configured"
        return [nothing("living", "water_hazard", "Water over the banks", day, reason)]
    banks, filling = current(table, "at", "above_bank_m", day), current(table, "at", "storage_pct", day)
    over = banks.rows.filter(pl.col("above_bank_m") > 0).height
    fullest = filling.rows.sort("storage_pct", "station_id").tail(1)
    return [
        Indicator(
            "stations_over_bank",
            "Water-level stations over their bank",
            float(over) if banks.rows.height else None,
            "stations",
            f"newest level of each of {banks.rows.height} stations in reach against its lower bank",
            banks.basis("living", WATER_LEVELS),
        ),
        Indicator(
            "highest_filling",
            "Highest filling of a river or canal",
            fullest["storage_pct"].max(),  # type: ignore[arg-type]
            "%",
            "greatest newest share of the depth from bed to lower bank that is filled; no flood risk",
            filling.basis("living", WATER_LEVELS),
        ),
    ]
