"""The demo profile: a deployment fed by the generator and the local portals instead of the world."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

from assets.cities.registry import City
from assets.platform import Platform
from pipelines.demo.meters import write_inbox
from pipelines.demo.portal import serve
from pipelines.settings import Settings

DEMO_KEY = b"demo: not a secret, all is made up"
"""Hash key of the demo profile, whose meters do not exist."""


@contextmanager
def demo(deployment: Platform, cities: Iterable[City], day: date, settings: Settings) -> Iterator[Platform]:
    """``deployment`` with a generated inbox for ``cities`` and made-up portals, all of it marked synthetic.

    Meters are made for cities that have an inbox, under ``<home>/demo/inbox``. The portals know every city, so that
    what they say of the country does not depend on which cities run.
    """
    inbox = settings.home.absolute() / "demo" / "inbox"
    receiving = [city for city in cities if any(entry.via == "inbox" for entry in city.sources.values())]
    write_inbox(inbox, receiving, day, settings.demo_meters)
    with serve(deployment.cities.values(), day) as portals:
        yield replace(deployment, portals=portals, inbox=inbox, meter_key=DEMO_KEY, synthetic=True)
