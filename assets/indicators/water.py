"""Smart Environment: rain, rivers and fires within the city's reach.

Stations answer at different times, and those that stopped stay listed: of each its newest reading counts, if it is
not more than ``FRESH`` older than the newest of all. Coverage is the share of the stations of a week that have one.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import Basis, Indicator, Period, absent
from assets.indicators.tables import Tables
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

    def basis(self, smart: str, table: Table) -> Basis:
        """What all indicators of these readings rest on."""
        return Basis(
            smart,
            Period.of(self.rows["local_date"]) if self.rows.height else Period.day(self.last),
            f"{table.name}, {self.rows.height} of {self.known} station(s)",
            coverage=self.rows.height / self.known if self.known else None,
            max_age=table.max_age,
            withheld=None if self.rows.height else "no station in reach has a fresh reading",
        )


def current(table: pl.DataFrame, moment: str, value: str, day: date) -> Current:
    """The newest readings of ``value`` in a table of stations that are not after ``day``; ``moment`` is their stamp."""
    rows = table.filter(pl.col("local_date") <= day).drop_nulls(value)
    last = rows["local_date"].max()
    if not isinstance(last, date):
        return Current(rows.clear(), 0, day)
    week = rows.filter(pl.col("local_date") > last - timedelta(days=WEEK))
    newest = week.sort(moment, "station_id").unique("station_id", keep="last", maintain_order=True)
    return Current(newest.filter(pl.col(moment) > pl.col(moment).max() - FRESH), newest.height, last)


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Greatest rain of 24 hours, share of stations above their bank, hotspots of a week."""
    return [*_rain(day, tables), *_levels(day, tables), *_hotspots(city, day, tables)]


def _rain(day: date, tables: Tables) -> list[Indicator]:
    table = tables.get(RAINFALL)
    if table.is_empty():
        return absent(RAINFALL, tables, day)
    rain = current(table.filter(hours=24), "end", "rain_mm", day)
    return [
        Indicator(
            "rain_24h_greatest",
            "Rain in 24 hours, greatest in reach",
            rain.rows["rain_mm"].max(),  # type: ignore[arg-type]
            "mm",
            "greatest newest sum of 24 hours among the stations in reach; the hours end at different times",
            rain.basis("environment", RAINFALL),
        )
    ]


def _levels(day: date, tables: Tables) -> list[Indicator]:
    table = tables.get(WATER_LEVELS)
    if table.is_empty():
        return absent(WATER_LEVELS, tables, day)
    levels = current(table, "at", "above_bank_m", day)
    above = levels.rows.select((pl.col("above_bank_m") > 0).mean()).item()
    return [
        Indicator(
            "stations_above_bank_share",
            "Share of water-level stations above their bank",
            None if above is None else 100 * above,
            "%",
            "newest level of each station in reach against its lower bank",
            levels.basis("environment", WATER_LEVELS),
        )
    ]


def _hotspots(city: City, day: date, tables: Tables) -> list[Indicator]:
    """One a source, never their sum: both tell the same overpasses."""
    if not tables.has(HOTSPOTS) or not tables.has(HOTSPOT_DAYS):
        return absent(HOTSPOTS, tables, day)
    spots, answered = tables.get(HOTSPOTS), tables.get(HOTSPOT_DAYS)
    week = Period(day - timedelta(days=WEEK), day - timedelta(days=1))
    configured = {entry.reader for entry in city.sources.values()}
    asked = [name for name, reader in SOURCES.items() if reader in configured or name in answered["source"]]
    if not asked:
        return absent(HOTSPOTS, tables, day)
    within = pl.col("local_date").is_between(week.first, week.last)
    days = {name: answered.filter(within, source=name)["local_date"].n_unique() for name in asked}
    return [
        Indicator(
            f"hotspots_week_{name}",
            f"Fire hotspots in reach in a week ({name.upper()})",
            float(spots.filter(within, source=name).height),
            "hotspots",
            "thermal anomalies seen by satellite, not always fires; the sources tell the same fires",
            Basis(
                "environment",
                week,
                f"{HOTSPOTS.name} ({name}), {HOTSPOT_DAYS.name}: {days[name]} of {WEEK} answered",
                coverage=days[name] / WEEK,
            ),
        )
        for name in asked
    ]
