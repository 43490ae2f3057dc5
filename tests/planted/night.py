"""Phuket's night with faults in what is delivered: bytes of portals and files of the inbox are changed on their way,
and all behind them is the product's own: readers, lake, gate, load profile, indicators, snapshot.

The steps are those of ``assets.graph`` in their order, without the graph.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from unittest.mock import patch

import polars as pl

from assets.cities.registry import load_registry
from assets.graph import THE_COUNTRY
from assets.indicators.make import make_all
from assets.lake import answers, derive, ingest, load_profile, meter_final, register_watch
from assets.lake.delivered import pseudonyms
from assets.lake.derive import DERIVED
from assets.lake.feeds import SOURCES, city_tables
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from assets.landing.identity import claim
from assets.landing.store import LocalStore
from assets.snapshots import publish
from assets.sources import fetch
from demo import portal
from demo.answers import Answer, Query, World, answer
from demo.profile import DEMO_KEY, demo
from pipelines.settings import BANGKOK
from quality.tables import (
    INDICATORS,
    LOAD_PROFILE,
    METER_FINAL,
    METER_INTERVALS,
    PROGRAMME,
    QUARANTINE,
    VALIDATION_RESULTS,
    VERDICTS,
)

SLUG = "phuket"
METERS = 250
"""As few as leave cells that pass the privacy gate."""

BEFORE = tuple(date(2026, 11, day) for day in range(16, 21))
"""Delivery days of the nights before: their data are of a Sunday and of four working days."""

NIGHT = date(2026, 11, 21)
"""Delivery day of the faults: their data are of a Friday, which has four days of its class before it."""

Change = Callable[[bytes], bytes]
Files = dict[str, bytes]


@dataclass(frozen=True)
class Told:
    """What a night left behind: rows of tables of the lake, on its day."""

    verdicts: pl.DataFrame
    results: pl.DataFrame
    quarantine: pl.DataFrame
    indicators: pl.DataFrame
    finals: pl.DataFrame
    failed: Mapping[str, str]
    """Steps that raised, with the error."""


def run(
    home: Path,
    day: date,
    answered: Callable[[Query, Answer], Answer] = lambda _, found: found,
    received: Callable[[Files], Files] = lambda files: files,
) -> dict[str, str]:
    """One night of the city: ``answered`` changes what portals answer, ``received`` the files of the inbox by path. The
    steps that raised, with the error; those that need them run all the same."""
    cities = dict(load_registry())
    city = cities[SLUG]
    # Phuket has no feed of public transport of its own; Bangkok's stands in.
    city = city.model_copy(update={"sources": {**city.sources, "transit": cities["samyan"].sources["transit"]}})
    cities[SLUG] = city
    moment = datetime(day.year, day.month, day.day, 1, 30, tzinfo=BANGKOK)
    base = Deployment(
        store=LocalStore(home / "store"), cities=cities, portals={}, inbox=home / "inbox", now=lambda: moment
    )
    failed: dict[str, str] = {}

    def changed(world: World, query: Query) -> Answer:
        # As if asked for the first time: an answer that is as it was is no answer to change.
        asked = replace(query, headers={k: v for k, v in query.headers.items() if not k.startswith("If-")})
        return answered(query, answer(world, asked))

    with patch.object(portal, "answer", changed), demo(base, [city], day, home, METERS, {}) as deployment:
        _receive(deployment.inbox / SLUG, received)
        step = Step(deployment, city, day, f"night-{day}")
        claim(deployment.store, "demo", DEMO_KEY, moment)
        for name, work in _steps(step):
            try:
                work()
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {error}"
    return failed


def _receive(inbox: Path, received: Callable[[Files], Files]) -> None:
    before = {
        path.relative_to(inbox).as_posix(): path.read_bytes() for path in sorted(inbox.rglob("*")) if path.is_file()
    }
    after = received(dict(before))
    times = max(path.stat().st_mtime for path in inbox.rglob("*") if path.is_file())
    shutil.rmtree(inbox)
    for name, data in after.items():
        path = inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (times, times))


def _steps(step: Step) -> Sequence[tuple[str, Callable[[], object]]]:
    city, steps = step.city, list[tuple[str, Callable[[], object]]]()
    steps.append(("inbox", lambda: fetch.land_inboxes(step)))
    for name, entry in sorted(city.sources.items()):
        source = SOURCES[entry.reader]
        if entry.via == "portal" and source.national:
            country = replace(step, city=THE_COUNTRY)
            steps.append((name, lambda s=source, c=country: fetch.land_portal(c, s.name, s, {})))
        elif entry.via == "portal":
            steps.append((name, lambda n=name, s=source, e=entry: fetch.land_portal(step, n, s, e.options)))
    tables = city_tables(city)
    for table in sorted(tables, key=lambda each: each is METER_INTERVALS):
        work = ingest.ingest_meters if table is METER_INTERVALS else lambda s, t=table: ingest.ingest(s, t)
        steps.append((table.name, lambda w=work: w(step)))
    steps.append((METER_FINAL.name, lambda: meter_final.make(step)))
    steps.append((LOAD_PROFILE.name, lambda: load_profile.make(step)))
    steps.append(("register_watch", lambda: register_watch.make(step)))
    made = [derived for derived in DERIVED if derived.source in [*tables, LOAD_PROFILE]]
    for derived in made:
        steps.append((derived.table.name, lambda d=derived: derive.derive(step, d)))
    names = [t.name for t in [*tables, LOAD_PROFILE, *(derived.table for derived in made)] if t.published]
    names.append(INDICATORS.name)
    steps.append((INDICATORS.name, lambda: make_all(step, names)))
    steps.append(("answers", lambda: answers.give(step)))
    steps.append(("snapshot", lambda: publish.publish(step, [*names, PROGRAMME.name])))
    return steps


def told(home: Path, day: date, failed: Mapping[str, str]) -> Told:
    """What the night of a day left in the lake."""
    lake = CityLake(LocalStore(home / "store"), SLUG)
    finals = lake.day(METER_FINAL, max(lake.days(METER_FINAL)))
    return Told(
        lake.day(VERDICTS, day),
        lake.day(VALIDATION_RESULTS, day),
        lake.day(QUARANTINE, day),
        lake.day(INDICATORS, day),
        finals,
        failed,
    )


def meter_ids(points: Sequence[str]) -> dict[str, str]:
    """The lake's ids of metering points."""
    return dict(pseudonyms(pl.Series(points), SLUG, DEMO_KEY))
