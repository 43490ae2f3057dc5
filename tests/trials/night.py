"""A city small enough for thousands of nights, and its night in process: the steps of the graph without the graph.

Two inbox sources (meter exports, meter register) and a portal's weather. What comes on a day depends on a number (the
world) and the day alone. The suites of Great Expectations are left out: they read tables and write nothing, and take
half of a night's time.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random

from assets.cities.registry import City
from assets.indicators.make import make_all
from assets.lake import answers, derive, ingest, load_profile, meter_final, register_watch, upkeep
from assets.lake.derive import DERIVED
from assets.lake.feeds import city_tables
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from assets.landing.identity import claim
from assets.landing.s3 import S3Store
from assets.landing.store import LocalStore, Store
from assets.snapshots import publish
from assets.snapshots.publish import Published
from assets.sources import fetch
from quality import expectations
from quality.tables import DELIVERIES, INDICATORS, LOAD_PROFILE, METER_INTERVALS, PROGRAMME
from tests.lake.small_city import BANGKOK, nem12, small_city, weather

FIRST = date(2026, 11, 10)
"""Thirty nights from here close a month: on December 8 November is compacted."""
KEY = b"a key of the trials"
METERS = tuple(f"P{number:02d}" for number in range(18))
"""Enough that cells of the load profile pass 15/15."""

Deliveries = Mapping[str, Mapping[str, bytes]]
"""What lies ready on a day: source, name, bytes."""


@cache
def the_city() -> City:
    """Khon Kaen with three sources only."""
    return small_city()


@dataclass(frozen=True)
class Place:
    """Where the nights of a trial run: the URI of a store (with the endpoint of its server) and an inbox."""

    uri: str
    inbox: Path
    endpoint: str | None = None

    def open(self) -> Store:
        """The store; a client of its own each time, because a process cannot take over that of another."""
        if self.endpoint:
            return S3Store(self.uri, endpoint_url=self.endpoint, key="any", secret="any")
        return LocalStore(Path(self.uri))


def clock(day: date, attempt: int = 0) -> datetime:
    """When a night begins: each attempt is a minute after the one before."""
    return datetime(day.year, day.month, day.day, 1, 30, tzinfo=BANGKOK) + timedelta(minutes=attempt)


def step_at(place: Place, day: date, now: datetime, run: str = "trial") -> Step:
    """A step of the city under a clock."""
    city = the_city()
    deployment = Deployment(
        store=place.open(), cities={city.slug: city}, portals={}, inbox=place.inbox, now=lambda: now, meter_key=KEY
    )
    return Step(deployment, city, day, run)


def deliveries(world: int, day: date) -> Deliveries:
    """What comes on a day: readings of the day before, now and then corrections, one taken back (A, B, A), a file that
    is broken, a register that changes, weather that overlaps that of the day before, or nothing of a kind."""
    number = (day - FIRST).days
    chance = Random(f"{world}/{number}")
    exports = {"a.csv": nem12(day - timedelta(days=1), *METERS, value=1 + number % 7)}
    if chance.random() < 0.4:
        exports["b.csv"] = nem12(day - timedelta(days=chance.randint(2, 4)), *METERS[:9], value=chance.randint(8, 20))
    if number % 3:
        since = day - timedelta(days=number % 3)
        exports["c.csv"] = nem12(since, *METERS[9:], value=30)
    # Over days 1 to 3 of every four one name has contents A, B, A.
    exports["d.csv"] = nem12(FIRST + timedelta(days=number // 4 * 4), "Q1", value=50 + (number % 4 == 2))
    if chance.random() < 0.1:
        exports["broken.csv"] = b"100,NEM12\r\nno such record\r\n"
    if chance.random() < 0.15:
        exports = {}
    # What they use, up to 150 kW, is no home's.
    rows = [f"{meter},centre,large_business" for meter in (METERS if number % 4 < 2 else METERS[:-1])]
    register = "\n".join(["point,zone,customer_class", *rows, ""]).encode()
    found: dict[str, Mapping[str, bytes]] = {"exports": exports, "register": {"meters.csv": register}}
    if chance.random() < 0.9:
        degrees = [20.0 + chance.randint(0, 9)] * 24
        found["weather"] = {f"weather-{n}": weather(day - timedelta(days=n), *degrees) for n in (0, 1)}
    return found


def lay(place: Place, brought: Deliveries) -> None:
    """Put a day's files into the inbox in place of those of the day before, as if they had long lain there."""
    for source in ("exports", "register"):
        folder = place.inbox / the_city().slug / source
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, data in brought.get(source, {}).items():
            (folder / name).write_bytes(data)
            os.utime(folder / name, (1e9, 1e9))


def discard(place: Place) -> None:
    """Remove what a trial left."""
    if place.endpoint:
        store = place.open()
        for folder in ("landing", "lake", "memory", "cdp", "work"):
            store.delete_folder(folder)
    else:
        shutil.rmtree(place.uri, ignore_errors=True)
    shutil.rmtree(place.inbox, ignore_errors=True)


def fill(step: Step, brought: Deliveries) -> None:
    """Land what lies ready and fill the tables that sources feed."""
    deployment = step.deployment
    claim(deployment.store, "live", deployment.meter_key, deployment.now())
    deployment.store.sweep()
    fetch.land_inboxes(step)
    for name, data in brought.get("weather", {}).items():
        deployment.archive.land(step.delivery("weather"), name, name, data)
    for table in city_tables(step.city):
        if table is METER_INTERVALS:
            ingest.ingest_meters(step)
        else:
            ingest.ingest(step, table)


def night(step: Step, brought: Deliveries) -> Published:
    """A whole night: the steps of ``assets.graph.build_city`` in their order."""
    fill(step, brought)
    meter_final.make(step)
    load_profile.make(step)
    register_watch.make(step)
    tables = city_tables(step.city)
    made_of = [derived for derived in DERIVED if derived.source in [*tables, LOAD_PROFILE]]
    for derived in made_of:
        derive.derive(step, derived)
    names = [t.name for t in [*tables, LOAD_PROFILE, *(derived.table for derived in made_of)] if t.published]
    names.append(INDICATORS.name)
    make_all(step, names)
    answers.give(step)
    published = publish.publish(step, [*names, PROGRAMME.name])
    upkeep.tidy(step)
    return published


def without_suites() -> None:
    """Leave the suites out, in this process."""
    expectations._validated = lambda *_: []


def unread(store: Store, day: date) -> list[str]:
    """Receipts of a day that could not be read for now: the night is to be run again."""
    entries = CityLake(store, the_city().slug).day(DELIVERIES, day)
    return list(entries.filter(status="failed")["receipt"])
