"""What many tests do alike: land something, ask a portal, look at problems."""

from datetime import date
from typing import Any

from assets.cities.registry import City
from assets.graph import THE_COUNTRY
from assets.lake.feeds import SOURCES, source_of
from assets.landing.archive import Receipt
from assets.landing.deployment import Deployment, Step
from assets.sources import fetch


def land(
    deployment: Deployment, city: City, source: str, day: date, name: str, data: bytes | None, **facts: Any
) -> Receipt:
    """Land one delivery of a source, as an inbox or a portal would."""
    delivery = Step(deployment, city, day, "test").delivery(source)
    return deployment.archive.land(delivery, name, name, data, **facts)


def ask(deployment: Deployment, city: City, name: str, day: date) -> list[Receipt]:
    """Ask the portal of a city's source for a delivery day."""
    entry = city.sources[name]
    return fetch.land_portal(Step(deployment, city, day, "test"), name, source_of(entry), entry.options)


def ask_national(deployment: Deployment, reader: str, day: date) -> list[Receipt]:
    """Ask a source that answers for the whole country."""
    return fetch.land_portal(Step(deployment, THE_COUNTRY, day, "test"), reader, SOURCES[reader], {})
