"""Smart Energy: what the published load profile says of one day, and the charging sites within reach.

Only what passed the privacy gate is counted, so a day's energy is that of the published cells, not of the city. What a
utility sells in its whole area (``power_system``) is no indicator of a city.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators.grid_factor import grid_factor
from assets.indicators.indicator import ENOUGH, absent, collect, indicator, newest, nothing
from assets.indicators.inhabitants import own_area, registered
from quality.tables import EV_CHARGERS, LOAD_PROFILE, POPULATION

QUARTER_HOURS = 96
"""Quarter-hours of a day; Thailand has no daylight saving."""

MOST_CUSTOMERS = {"15-29": 29, "30-99": 99, "100-299": 299, "300-999": 999}
"""Band of customers in a published cell → most that it can be; the open band on top has no such number."""

VERIFIED_WITHIN = timedelta(days=366)
"""Sites that nobody looked at for a year may be gone, and new ones are not in the list."""

INCOMPLETE = "the directory is kept by volunteers and had 28 sites in all Thailand: far from complete"


def indicators(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The newest day's load profile, what follows from it, and charging sites in reach, as ``INDICATORS``."""
    return collect([*_load(city, day, tables), *_charging(city, day, tables)])


def _load(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    """Energy (kWh), its CO2 (kgCO2e) and kWh a head, peak (kW), load factor and delivered share of the newest day."""
    last, cells = newest(tables.get(LOAD_PROFILE.name), LOAD_PROFILE.day, day)
    if last is None:
        return absent(LOAD_PROFILE, tables, day)
    quarters = (
        cells.filter(pl.col("kwh").is_not_null())
        .group_by("start")
        .agg(pl.col("kwh").sum(), pl.col("actual_share").mean())
    )
    coverage = min(float(quarters["actual_share"].sum()) / QUARTER_HOURS, 1.0)
    total = float(quarters["kwh"].sum())
    # Energy of a quarter-hour in kWh is a quarter of its mean power.
    peak = 4 * max(map(float, quarters["kwh"]), default=0.0)
    load_factor = 4 * total / quarters.height / peak if peak else None
    sources = f"{LOAD_PROFILE.name} ({city.utility} meter exports)"
    missing = QUARTER_HOURS - quarters.height
    gap = f"{missing} of {QUARTER_HOURS} quarter-hours have no published cell" if missing else None

    def carried(
        code: str,
        title: str,
        value: float | None,
        unit: str,
        method: str,
        *,
        more: str = "",
        withheld: str | None = None,
        partial: str | None = None,
    ) -> dict[str, Any]:
        return indicator(
            "energy",
            code,
            title,
            value,
            unit,
            (last, last),
            day,
            method=method,
            sources=sources + more,
            coverage=coverage,
            max_age=LOAD_PROFILE.max_age,
            withheld=withheld,
            partial="; ".join(filter(None, (gap, partial))) or None,
        )

    factor, people = grid_factor(last), registered(city, day, tables)
    return [
        carried("published_kwh_day", "Energy of the day", total, "kWh", "sum of the published cells"),
        carried(
            "co2_day",
            "CO2 of the day's electricity",
            total * factor.kg_co2e_per_kwh if factor else None,
            "kgCO2e",
            f"sum of the published cells times the grid factor {factor.kg_co2e_per_kwh:.4f} kgCO2e/kWh "
            f"in force since {factor.valid_from}, combustion and grid losses"
            if factor
            else "",
            more=f"; grid factor: {factor.source}" if factor else "",
            withheld=None if factor else f"no published grid factor of {last} is known",
            partial="energy of the published cells only"
            + (f"; grid factor of confidence {factor.confidence}" if factor and factor.confidence != "A" else ""),
        ),
        carried(
            "kwh_per_head_day",
            "Electricity per registered person and day",
            total / people.persons if people and people.persons else None,
            "kWh/person",
            f"sum of the published cells over the persons registered in {people.level} {people.area} on {people.day}"
            if people
            else "",
            more=f"; {POPULATION.name}" if people else "",
            withheld=_few(city, day, tables, cells) if people else "no registered population of the city's own area",
            partial="energy of the published cells only, over registered persons, not residents",
        ),
        carried("peak_kw", "Peak quarter-hour", peak, "kW", "greatest sum over cells in a quarter-hour, times 4"),
        carried("load_factor", "Load factor", load_factor, "1", "mean power over peak power of the published cells"),
        indicator(
            "energy",
            "delivered_share",
            "Delivered intervals",
            100 * coverage,
            "%",
            (last, last),
            day,
            method="mean over cells of the share of expected intervals with a delivered value; 0 without a cell",
            sources=sources,
            max_age=LOAD_PROFILE.max_age,
        ),
    ]


def _few(city: City, day: date, tables: Mapping[str, pl.DataFrame], cells: pl.DataFrame) -> str | None:
    """Why the cells cannot stand for the city's area: fewer customers than ``ENOUGH`` of its houses. None where that
    cannot be told."""
    rows = own_area(city, tables[POPULATION.name].filter(pl.col("reference_date") <= day))
    houses = rows.filter(sex="total", age_band="all")["houses"].max()
    most = cells.with_columns(_most=pl.col("n_band").replace_strict(MOST_CUSTOMERS, default=None))
    by_quarter = most.group_by("start").agg(pl.when(pl.col("_most").is_not_null().all()).then(pl.col("_most").sum()))
    customers = None if by_quarter["_most"].null_count() else by_quarter["_most"].max()
    if not isinstance(houses, int) or not isinstance(customers, int) or customers >= ENOUGH * houses:
        return None
    return f"the published cells hold {customers:,} customers at most, and the area has {houses:,} registered houses"


def _charging(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    """Charging sites in reach that are not told to be out of order, and their power; per 100,000 where it can be told.

    A city without any gets no zero: in a directory this thin an empty circle says nothing.
    """
    last, rows = newest(tables.get(EV_CHARGERS.name), EV_CHARGERS.day, day)
    if last is None and EV_CHARGERS.name in tables:
        reason = "no site is listed within reach, or nothing was delivered"
        return [nothing("energy", EV_CHARGERS.name, EV_CHARGERS.title, day, reason)]
    if last is None:
        return absent(EV_CHARGERS, tables, day)
    sites = rows.filter(pl.col("operational").fill_null(value=True))
    told = sites.drop_nulls("total_kw")
    reach = float(rows["distance_km"].max() or 0)  # type: ignore[arg-type]
    verified = rows["verified"].max()
    stale = None if isinstance(verified, date) else "no site was ever verified"
    if isinstance(verified, date) and day - verified > VERIFIED_WITHIN:
        stale = f"no site was verified after {verified.isoformat()}"
    people = registered(city, day, tables)
    method = f"{sites.height} listed sites up to {reach:.1f} km from the city's point"
    unit = "sites", "kW"
    scale = 1.0
    # Reach and registered area are two areas: their quotient is given only where they agree roughly, a province.
    if people and people.persons and people.level == "province":
        scale, unit = 100_000 / people.persons, ("1/100,000", "kW/100,000")
        method += f" over the registered population of {people.level} {people.area}"
    silent = sites.height - told.height
    facts: dict[str, Any] = {
        "sources": f"{EV_CHARGERS.name} (OpenChargeMap: {', '.join(sites['provider'].drop_nulls().unique().sort())})",
        "stale": stale,
    }
    power = float(told["total_kw"].sum()) * scale if told.height else None
    return [
        indicator(
            "energy",
            "ev_sites",
            "EV charging sites in reach",
            sites.height * scale,
            unit[0],
            (last, last),
            day,
            method=method,
            partial=INCOMPLETE,
            **facts,
        ),
        indicator(
            "energy",
            "ev_kw",
            "EV charging power in reach",
            power,
            unit[1],
            (last, last),
            day,
            method=f"{method}; power of all their connections, also of those that share a point",
            partial=INCOMPLETE + (f"; {silent} of {sites.height} sites do not tell theirs" if silent else ""),
            **facts,
        ),
    ]
