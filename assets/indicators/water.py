"""Smart Environment: rain, rivers and fires within the city's reach.

Stations answer at different times, and those that stopped stay listed: of each its newest reading counts, if it is
not more than ``FRESH`` older than the newest of all. Coverage is the share of the stations of a week that have one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import absent, indicator
from assets.sources.hotspots import SOURCES
from assets.sources.thaiwater import STALE_AFTER as FRESH
from quality.contracts import Table
from quality.tables import HOTSPOT_DAYS, HOTSPOTS, RAINFALL, WATER_LEVELS

WEEK = 7
"""Days that hotspots are counted over, and for which a silent station still counts as one."""


@dataclass(frozen=True)
class Current:
    """Newest fresh readings, one a station; ``known`` stations had one within a week; ``last`` is their newest day."""

    rows: pl.DataFrame
    known: int
    last: date

    @property
    def period(self) -> tuple[date, date]:
        """First and last day of the readings."""
        first = self.rows["local_date"].min()
        return (first if isinstance(first, date) else self.last), self.last

    def facts(self, table: Table) -> dict[str, Any]:
        """What all indicators of these readings tell alike."""
        return {
            "sources": f"{table.name}, {self.rows.height} of {self.known} station(s)",
            "coverage": self.rows.height / self.known if self.known else None,
            "max_age": table.max_age,
            "withheld": None if self.rows.height else "no station in reach has a fresh reading",
        }


def current(table: pl.DataFrame, moment: str, value: str, day: date) -> Current:
    """The newest readings of ``value`` in a table of stations that are not after ``day``; ``moment`` is their stamp."""
    rows = table.filter(pl.col("local_date") <= day).drop_nulls(value)
    last = rows["local_date"].max()
    if not isinstance(last, date):
        return Current(rows.clear(), 0, day)
    week = rows.filter(pl.col("local_date") > last - timedelta(days=WEEK))
    newest = week.sort(moment, "station_id").unique("station_id", keep="last", maintain_order=True)
    return Current(newest.filter(pl.col(moment) > pl.col(moment).max() - FRESH), newest.height, last)


def indicators(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    """Greatest rain of 24 hours, share of stations above their bank, hotspots of a week, as rows of ``INDICATORS``."""
    return [*_rain(day, tables), *_levels(day, tables), *_hotspots(city, day, tables)]


def _rain(day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    table = tables.get(RAINFALL.name)
    if table is None or table.is_empty():
        return absent(RAINFALL, tables, day)
    rain = current(table.filter(hours=24), "end", "rain_mm", day)
    return [
        indicator(
            "environment",
            "rain_24h_greatest",
            "Rain in 24 hours, greatest in reach",
            rain.rows["rain_mm"].max(),  # type: ignore[arg-type]
            "mm",
            rain.period,
            day,
            method="greatest newest sum of 24 hours among the stations in reach; the hours end at different times",
            **rain.facts(RAINFALL),
        )
    ]


def _levels(day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    table = tables.get(WATER_LEVELS.name)
    if table is None or table.is_empty():
        return absent(WATER_LEVELS, tables, day)
    levels = current(table, "at", "above_bank_m", day)
    above = levels.rows.select((pl.col("above_bank_m") > 0).mean()).item()
    return [
        indicator(
            "environment",
            "stations_above_bank_share",
            "Share of water-level stations above their bank",
            None if above is None else 100 * above,
            "%",
            levels.period,
            day,
            method="newest level of each station in reach against its lower bank",
            **levels.facts(WATER_LEVELS),
        )
    ]


def _hotspots(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    """One row a source, never their sum: both tell the same overpasses."""
    spots, answered = tables.get(HOTSPOTS.name), tables.get(HOTSPOT_DAYS.name)
    if spots is None or answered is None:
        return absent(HOTSPOTS, tables, day)
    first, last = day - timedelta(days=WEEK), day - timedelta(days=1)
    configured = {entry.reader for entry in city.sources.values()}
    asked = [name for name, reader in SOURCES.items() if reader in configured or name in answered["source"]]
    if not asked:
        return absent(HOTSPOTS, tables, day)
    within = pl.col("local_date").is_between(first, last)
    days = {name: answered.filter(within, source=name)["local_date"].n_unique() for name in asked}
    return [
        indicator(
            "environment",
            f"hotspots_week_{name}",
            f"Fire hotspots in reach in a week ({name.upper()})",
            float(spots.filter(within, source=name).height),
            "hotspots",
            (first, last),
            day,
            method="thermal anomalies seen by satellite, not always fires; the sources tell the same fires",
            sources=f"{HOTSPOTS.name} ({name}), {days[name]} of {WEEK} days answered",
            coverage=days[name] / WEEK,
        )
        for name in asked
    ]
