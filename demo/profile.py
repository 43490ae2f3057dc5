"""The demo profile: a deployment fed by the generator and the local portals instead of the world."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from assets.cities.registry import City
from assets.landing.deployment import Deployment
from assets.landing.http import Client, Limits
from assets.landing.portals import KEY_NAMES
from demo.meters import write_inbox
from demo.outages import DEMO_FAULTS
from demo.portal import serve

DEMO_KEY = b"demo: not a secret, all is made up"
"""Hash key of the demo profile, whose meters do not exist."""

IMPATIENT = Limits(
    connect_seconds=2,
    read_seconds=5,
    total_seconds=10,
    attempts=2,
    backoff_seconds=0.2,
    retry_after_seconds=2,
    probe_seconds=2,
    host_seconds=10,
    night_seconds=60,
)
"""The portals answer on this machine within a second; one that was told to hang shall cost whoever watches ten."""


@contextmanager
def demo(
    deployment: Deployment,
    cities: Iterable[City],
    day: date,
    home: Path,
    meters: int,
    faults: Mapping[str, str] | None = None,
    past: bool = False,
) -> Iterator[Deployment]:
    """``deployment`` with a generated inbox for ``cities`` and made-up portals, all of it marked synthetic.

    ``meters`` a city are made for cities that have an inbox, under ``<home>/demo/inbox``. The portals know every city,
    so that what they say of the country does not depend on which cities run; ``faults`` are those that fail instead
    of the demo's own; with ``past`` they are asked for it as the world's are. Raises ``ValueError`` for faults that
    cannot be set.
    """
    faults = DEMO_FAULTS if faults is None else faults
    inbox = home.absolute() / "demo" / "inbox"
    receiving = [city for city in cities if city.inboxes]
    write_inbox(inbox, receiving, day, meters)
    with serve(deployment.cities.values(), day, faults) as portals, asking(deployment, portals, inbox, past) as fed:
        yield fed


@contextmanager
def asking(deployment: Deployment, portals: Mapping[str, str], inbox: Path, past: bool) -> Iterator[Deployment]:
    """``deployment`` as one that asks these made-up portals and finds this made-up inbox."""
    with Client(IMPATIENT, portals, dict.fromkeys(KEY_NAMES, "demo")) as client:
        yield replace(
            deployment,
            portals=portals,
            inbox=inbox,
            client=client,
            meter_key=DEMO_KEY,
            synthetic=True,
            asks_past=past,
        )
