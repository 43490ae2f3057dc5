"""Smart Energy: what the published load profile says of one day, and the charging sites within reach.

Only what passed the privacy gate is counted, so a day's energy is that of the published cells, not of the city. What a
utility sells in its whole area (``power_system``) is no indicator of a city.
"""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from assets.cities.registry import City
from assets.indicators.air import COOLING_BASE, HOURS, cooling
from assets.indicators.grid_factor import grid_factor
from assets.indicators.indicator import ENOUGH, Basis, Indicator, Period, absent, joined, nothing
from assets.indicators.inhabitants import own_area, registered
from assets.indicators.metered import Metered, of_day
from assets.indicators.tables import Tables
from quality.privacy import lacking
from quality.tables import EV_CHARGERS, LOAD_PROFILE, POPULATION, WEATHER
from quality.vee.day_types import calendar

QUARTER_HOURS = 96
"""Quarter-hours of a day; Thailand has no daylight saving."""

VERIFIED_WITHIN = timedelta(days=366)
"""Sites that nobody looked at for a year may be gone, and new ones are not in the list."""

NO_REGISTER = "no register tells how many meters the published cells should be of"
"""An unknown denominator is no whole one."""

UNLISTED = (
    "a twentieth of the published energy or more is of meters that the register does not list: they may be another "
    "city's, or the same meters under numbers that are written otherwise"
)

INCOMPLETE = "the directory is kept by volunteers and had 28 sites in all Thailand: far from complete"


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """The newest day's load profile, what follows from it, and charging sites in reach."""
    return [*_load(city, day, tables), *_charging(day, tables)]


def _load(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Energy (kWh), its CO2 (kgCO2e) and kWh a head, peak (kW), load factor and delivered share of the newest day."""
    cells = tables.newest(LOAD_PROFILE, day)
    if cells.is_empty():
        return absent(LOAD_PROFILE, tables, day)
    quarters = (
        cells.filter(pl.col("kwh").is_not_null())
        .group_by("start")
        .agg(pl.col("kwh").sum(), pl.col("actual_share").mean())
        .sort("start")  # a sum of floats depends on its order
    )
    of_cells = min(float(quarters["actual_share"].sum()) / QUARTER_HOURS, 1.0)
    total = float(quarters["kwh"].sum())
    # Energy of a quarter-hour in kWh is a quarter of its mean power.
    peak = 4 * max(map(float, quarters["kwh"]), default=0.0)
    load_factor = 4 * total / quarters.height / peak if peak else None
    missing = QUARTER_HOURS - quarters.height
    delivered = Basis(
        "energy",
        Period.of(cells[LOAD_PROFILE.day]),
        f"{LOAD_PROFILE.name} ({city.utility} meter exports)",
        max_age=LOAD_PROFILE.max_age,
    )
    there = of_day(tables, delivered.period.last)
    unlisted = UNLISTED if there and there.unlisted else None
    published = replace(
        delivered,
        coverage=there.read if there else of_cells,
        partial=joined(
            f"{missing} of {QUARTER_HOURS} quarter-hours have no published cell" if missing else None,
            None if there else NO_REGISTER,
            unlisted,
            lacking(cells),
        ),
    )
    method = (
        "quarter-hours of the register's meters that are in published cells and were read, not estimated, over all "
        "of the day, in steps of 5 %, rounded down"
    )
    return [
        Indicator(
            "published_kwh_day",
            "Energy of the day in published cells",
            total,
            "kWh",
            "sum of the published cells",
            published,
        ),
        _co2(total, published),
        _peak_share(quarters, published),
        _per_degree_day(total, tables, published),
        _per_head(city, day, tables, there, total, published),
        Indicator(
            "peak_kw", "Peak quarter-hour", peak, "kW", "greatest sum over cells in a quarter-hour, times 4", published
        ),
        Indicator(
            "load_factor",
            "Load factor",
            load_factor,
            "1",
            "mean power over peak power of the published cells",
            published,
        ),
        Indicator(
            "delivered_share",
            "Quarter-hours of registered meters that were read",
            100 * there.read if there else None,
            "%",
            method,
            replace(delivered, partial=unlisted, withheld=None if there else NO_REGISTER),
        ),
    ]


def _co2(kwh: float, published: Basis) -> Indicator:
    day = published.period.last
    factor = grid_factor(day)
    code, title, unit = "co2_day", "CO2 of the day's electricity", "kgCO2e"
    partial = joined(published.partial, "energy of the published cells only")
    if not factor:
        basis = replace(published, partial=partial, withheld=f"no published grid factor of {day} is known")
        return Indicator(code, title, None, unit, "", basis)
    unsure = f"grid factor of confidence {factor.confidence}" if factor.confidence != "A" else None
    return Indicator(
        code,
        title,
        kwh * factor.kg_co2e_per_kwh,
        unit,
        f"sum of the published cells times the grid factor {factor.kg_co2e_per_kwh:.4f} kgCO2e/kWh "
        f"in force since {factor.valid_from}, combustion and grid losses",
        replace(
            published, sources=f"{published.sources}; grid factor: {factor.source}", partial=joined(partial, unsure)
        ),
    )


def _peak_share(quarters: pl.DataFrame, published: Basis) -> Indicator:
    """Of the energy of published cells, what was used in PEA's and MEA's peak hours."""
    day = published.period.last
    confidence = calendar().confidence([day])
    slot = (pl.col("start").dt.convert_time_zone("Asia/Bangkok").dt.time().cast(pl.Duration).dt.total_minutes()) // 15
    peak = calendar().rates(day, 15).cast(pl.String) == "peak"
    used = quarters.filter(pl.lit(peak).gather(slot))["kwh"].sum() if quarters.height else 0
    total = quarters["kwh"].sum()
    unsure = f"the calendar of {day.year} is of confidence {confidence}" if confidence != "A" else None
    return Indicator(
        "tou_peak_share",
        "Share of electricity used in peak hours",
        100 * float(used) / float(total) if total else None,
        "%",
        "energy of the published cells in the hours that PEA's and MEA's calendar calls peak, over that of the day",
        replace(published, partial=joined(published.partial, unsure)),
    )


def _per_degree_day(kwh: float, tables: Tables, published: Basis) -> Indicator:
    """Of the weather of the same day, and of no other."""
    day = published.period.last
    temperature = tables.get(WEATHER).filter(local_date=day, product="model")["temperature_c"].drop_nulls()
    short = temperature.len() < ENOUGH * HOURS
    degrees = 0.0 if short else cooling(float(temperature.mean()))  # type: ignore[arg-type]
    reason = f"the day is known by {temperature.len()} of {HOURS} hours of temperature" if short else "nothing to cool"
    return Indicator(
        "kwh_per_degree_day",
        "Electricity per cooling degree day",
        kwh / degrees if degrees else None,
        "kWh/(K·d)",
        f"sum of the published cells over the mean temperature of the same day above {COOLING_BASE} °C",
        replace(published, sources=f"{published.sources}; {WEATHER.name}", withheld=None if degrees else reason),
    )


def _per_head(city: City, day: date, tables: Tables, there: Metered | None, kwh: float, published: Basis) -> Indicator:
    people = registered(city, day, tables)
    code, title, unit = "kwh_per_head_day", "Electricity per registered person and day", "kWh/person"
    partial = "energy of the published cells only, over registered persons, not residents"
    basis = replace(published, partial=joined(published.partial, partial))
    if not people:
        withheld = "no registered population of the city's own area"
        return Indicator(code, title, None, unit, "", replace(basis, withheld=withheld))
    return Indicator(
        code,
        title,
        kwh / people.persons if people.persons else None,
        unit,
        f"sum of the published cells over the persons registered in {people.level} {people.area} on {people.day}",
        replace(basis, sources=f"{basis.sources}; {POPULATION.name}", withheld=_few(city, day, tables, there)),
    )


def _few(city: City, day: date, tables: Tables, there: Metered | None) -> str | None:
    """Why the meters cannot stand for the city's area; None only where the register is known to have a meter for
    ``ENOUGH`` of its houses. How many meters there are is not told."""
    rows = own_area(city, tables.get(POPULATION).filter(pl.col("reference_date") <= day))
    houses = rows.filter(sex="total", age_band="all")["houses"].max()
    if there is None:
        return NO_REGISTER
    if not isinstance(houses, int):
        return "whether the register is of the whole area is not known: nobody counted its houses"
    if there.registered < ENOUGH * houses:
        return f"the register has fewer meters than {ENOUGH:.0%} of the area's {houses:,} registered houses"
    return None


def _charging(day: date, tables: Tables) -> list[Indicator]:
    """Charging sites in reach that are not told to be out of order, and their power.
    Those within a circle are divided by nobody: who lives in it is not counted.

    A city without any gets no zero: in a directory this thin an empty circle says nothing.
    """
    rows = tables.newest(EV_CHARGERS, day)
    if rows.is_empty() and tables.has(EV_CHARGERS):
        reason = "no site is listed within reach, or nothing was delivered"
        return [nothing("energy", EV_CHARGERS.name, EV_CHARGERS.title, day, reason)]
    if rows.is_empty():
        return absent(EV_CHARGERS, tables, day)
    sites = rows.filter(pl.col("operational").fill_null(value=True))
    rated = sites.drop_nulls("total_kw")
    reach = float(rows["distance_km"].max() or 0)  # type: ignore[arg-type]
    verified = rows["verified"].max()
    stale = None if isinstance(verified, date) else "no site was ever verified"
    if isinstance(verified, date) and day - verified > VERIFIED_WITHIN:
        stale = f"no site was verified after {verified.isoformat()}"
    method = f"{sites.height} listed sites up to {reach:.1f} km from the city's point"
    unrated = sites.height - rated.height
    basis = Basis(
        "energy",
        Period.of(rows[EV_CHARGERS.day]),
        f"{EV_CHARGERS.name} (OpenChargeMap: {', '.join(sites['provider'].drop_nulls().unique().sort())})",
        stale=stale,
        partial=INCOMPLETE,
    )
    return [
        Indicator("ev_sites", "EV charging sites in reach", float(sites.height), "sites", method, basis),
        Indicator(
            "ev_kw",
            "EV charging power in reach",
            float(rated["total_kw"].sum()) if rated.height else None,
            "kW",
            f"{method}; power of all their connections, also of those that share a point",
            replace(basis, partial=f"{INCOMPLETE}; {unrated} of {sites.height} sites do not tell theirs")
            if unrated
            else basis,
        ),
    ]
