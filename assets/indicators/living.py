"""Smart Living: facilities within reach, and what water threatens."""

from datetime import date, timedelta

from assets.cities.registry import City
from assets.indicators.hazards import hazards
from assets.indicators.indicator import Basis, Indicator, Period, absent
from assets.indicators.tables import Tables
from quality.tables import FACILITIES

KINDS = {
    "hospital": ("hospitals", "Hospitals"),
    "school": ("schools", "Schools"),
    "police": ("police_stations", "Police stations"),
    "fire_station": ("fire_stations", "Fire stations"),
}
"""Kind → indicator and title."""

MAX_AGE = timedelta(days=366)
"""An extract older than a year describes another city: Thai towns are mapped actively."""


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Facilities in reach, and hazards. Sites within a circle are divided by nobody: who lives in it is not counted."""
    return [*_facilities(day, tables), *hazards(city, day, tables)]


def _facilities(day: date, tables: Tables) -> list[Indicator]:
    rows = tables.newest(FACILITIES, day)
    if rows.is_empty():
        return absent(FACILITIES, tables, day)
    reach = float(rows["distance_km"].max() or 0)  # type: ignore[arg-type]
    basis = Basis(
        "living",
        Period.of(rows[FACILITIES.day]),
        f"{FACILITIES.name} (© OpenStreetMap contributors)",
        max_age=MAX_AGE,
        partial="what nobody mapped is not counted",
    )
    found = []
    for kind, (code, title) in KINDS.items():
        count = rows.filter(kind=kind).height
        method = f"{count} mapped sites up to {reach:.1f} km from the city's point"
        found.append(Indicator(code, f"{title} in reach", float(count), "sites", method, basis))
    return found
