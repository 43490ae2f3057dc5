"""What the demo's portals can be made to do, and which of them misbehave.

A fault is set for a portal, or for ``portal/city`` where the portal is asked about single cities.
"""

from collections.abc import Collection, Mapping

from assets.landing.portals import PORTALS

QUIRKS = {
    "moved": "tells a station elsewhere under its old id",
    "stale": "still lists stations that stopped days ago",
    "silent": "answers a period with fewer hours, and OK",
}
"""Faults that only a portal itself can have: they are in the content (``demo.answers``)."""

FAULTS = {
    "timeout": "takes the request and never answers",
    "drip": "sends its answer a byte at a time",
    "403": "refuses, as a firewall does",
    "429": "throttles, with Retry-After",
    "500": "fails",
    "html": "answers 200 with a page",
    "json-page": "answers 200 with a page called JSON",
    "empty": "answers 200 with nothing",
    "empty-list": "answers 200 with no records",
    "half": "answers 200 with half of the records",
    "columns": "calls a column of its records otherwise",
    "truncated": "breaks off in the middle of the body",
    **QUIRKS,
}
"""Fault → what it is."""

DEMO_FAULTS = {"open_meteo/mae_moh": "html"}
"""The demo's own: one portal misbehaves for one city."""

BY_CITY = frozenset({"air4thai", "open_meteo", "open_meteo_air", "open_meteo_archive"})
"""Portals that are asked about a city's point or stations; the others tell the whole country in one answer."""


def refusal(faults: Mapping[str, str], cities: Collection[str] | None = None) -> str | None:
    """Why these faults cannot be set, or None; ``cities`` are those there are, where that matters."""
    if unknown := sorted({*faults.values()} - {*FAULTS}):
        return f"unknown faults {unknown}; known are {sorted(FAULTS)}"
    named = {name: name.partition("/") for name in faults}
    if unknown := sorted(name for name, (portal, _, _) in named.items() if portal not in PORTALS):
        return f"unknown portals {unknown}; known are {sorted(PORTALS)}"
    if wrong := sorted(name for name, (portal, slash, _) in named.items() if slash and portal not in BY_CITY):
        return f"{wrong} cannot fail for one city; only {sorted(BY_CITY)} are asked about single cities"
    asked = {city for _, slash, city in named.values() if slash}
    if cities is not None and (unknown := sorted(asked - set(cities))):
        return f"unknown cities {unknown}"
    return None
