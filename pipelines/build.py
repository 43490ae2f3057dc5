"""Assembly of the code location: opens no connection, needs no secret, reads no network."""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg

from assets.cities.registry import City, check_sources, default_path, load_registry
from assets.graph import build_city, build_national, by_day
from assets.lake.feeds import SOURCES
from assets.landing.deployment import Deployment
from assets.landing.http import Client
from assets.landing.identity import NotOurs, claim, identity
from assets.landing.inbox import untaken
from assets.landing.lease import Holder, Leases
from assets.landing.portals import PORTALS
from assets.landing.store import CONDITIONS, Store, honours_conditions, mend_modes, open_store
from pipelines import hand, memory
from pipelines.settings import Settings, now


def cities_of(settings: Settings) -> dict[str, City]:
    """The registry of a deployment. Raises ``RegistryError``."""
    cities = load_registry(settings.cities)
    options = {name: source.options for name, source in SOURCES.items()}
    by_file = {name for name, source in SOURCES.items() if source.plan is None}
    check_sources(cities, options, str(settings.cities or default_path()), by_file)
    return cities


def deployment_of(settings: Settings, cities: dict[str, City]) -> Deployment:
    """What the steps of a live deployment work with."""
    portals = {name: portal.base_url for name, portal in PORTALS.items()} | settings.portals
    return Deployment(
        store=open_store(settings.store_uri),
        cities=cities,
        portals=portals,
        inbox=settings.inbox,
        now=now,
        meter_key=meter_key(settings),
        version=version("muang"),
        snapshot_days=settings.snapshot_days,
        reader_hours=settings.reader_hours,
        client=Client(
            portals=portals,
            keys={name: secret.get_secret_value() for name, secret in settings.keys.items()},
            proxies={name: secret.get_secret_value() for name, secret in settings.proxies.items()},
        ),
    )


def claim_store(settings: Settings, store: Store, accept_clock: bool = False) -> None:
    """Begin a night in the store, rid of what writes that were cut short left. Raises ``NotOurs`` where it belongs to
    another profile, key, version or time."""
    claim(store, settings.profile, meter_key(settings), now(), accept_clock)
    store.sweep()


def meter_key(settings: Settings) -> bytes | None:
    """The secret that meter ids are hashed with: the demo has its own."""
    if settings.profile == "demo":
        from demo.profile import DEMO_KEY

        return DEMO_KEY
    return settings.meter_key.get_secret_value().encode() if settings.meter_key else None


@contextmanager
def at_work(settings: Settings, cities: dict[str, City], slugs: Iterable[str]) -> Iterator[Deployment]:
    """A deployment that holds these cities, for commands that change what is stored outside a night.

    Raises ``NotOurs``, also of a store that no night has filled (its first one makes it one of a profile and key), and
    for the first city that a run keeps longer than ``BUSY_SECONDS``, ``Busy``.
    """
    store = deployment_of(settings, cities).store
    if identity(store) is None and not store.list("landing/receipts"):
        raise NotOurs(f"the store {store.uri} is empty: `muang nightly` fills it")
    claim_store(settings, store)
    with holding(settings, cities, slugs) as deployment:
        claim_store(settings, deployment.store)
        yield deployment


@contextmanager
def holding(settings: Settings, cities: dict[str, City], slugs: Iterable[str]) -> Iterator[Deployment]:
    """As ``at_work``, whatever key the store has: for the command that changes it. Raises ``Busy``, and of a store that
    does not honour conditions of writes ``NotOurs``."""
    deployment = deployment_of(settings, cities)
    _check_conditions(deployment.store)
    run = f"command-{uuid.uuid4().hex[:12]}"
    with closing(Leases(deployment.store, run, patience=timedelta(seconds=BUSY_SECONDS))) as leases:
        for slug in sorted(slugs):
            leases.hold(slug)
        yield replace(deployment, leases=leases)


BUSY_SECONDS = 20
"""A person at a prompt waits so long for a night to end, and is told of it then."""


PROFILE_TAG, INBOX_TAG, CITIES_TAG, CLOCK_TAG = "muang/profile", "muang/inbox", "muang/cities", "muang/accept-clock"
"""Run tags that carry what the command line chose, so that re-executing a run from the UI chooses it again."""


def settings_of(run: dg.DagsterRun) -> Settings:
    """The settings of this process, with what was chosen for the run."""
    chosen: dict[str, Any] = {"profile": run.tags.get(PROFILE_TAG), "inbox": run.tags.get(INBOX_TAG)}
    return Settings(**{name: value for name, value in chosen.items() if value})


def open_run(run: dg.DagsterRun, cities: dict[str, City]) -> Deployment:
    """What a run works with, in a store that is found to be its own. Raises ``NotOurs``."""
    settings = settings_of(run)
    deployment = deployment_of(settings, cities)
    claim_store(settings, deployment.store, accept_clock=CLOCK_TAG in run.tags)
    return deployment


@contextmanager
def lead(
    run: dg.DagsterRun, cities: dict[str, City], tell: Callable[[str], object], shared: bool = False
) -> Iterator[Deployment]:
    """The deployment of a run, which holds its cities to its end; ``shared``: workers on other hosts do its steps.
    Raises ``NotOurs``, also of a store that does not honour conditions of writes."""

    def waiting(city: str, other: Holder) -> None:
        tell(f"waiting for {city}: run {other.run} has been at it since {other.since:%Y-%m-%d %H:%M}Z")

    deployment = open_run(run, cities)
    _check_conditions(deployment.store)
    with closing(Leases(deployment.store, run.run_id, waiting=waiting, shared=shared)) as leases:
        leases.hold_all(_cities_of(run, cities))
        mend_modes(deployment.store)
        # Again: another may have changed the meter key while it had the cities.
        claim_store(settings_of(run), deployment.store, accept_clock=CLOCK_TAG in run.tags)
        yield replace(deployment, leases=leases)


def _check_conditions(store: Store) -> None:
    """Leases and files that are swapped hold nobody back where a store ignores the conditions of writes, and two runs
    would undo each other unseen. Raises ``NotOurs``."""
    key = f"work/conditions/{uuid.uuid4().hex}"
    try:
        if not honours_conditions(store, key):
            raise NotOurs(f"the store {store.uri} does not honour conditions of writes: {CONDITIONS}")
    finally:
        store.delete(key)


def _cities_of(run: dg.DagsterRun, cities: dict[str, City]) -> set[str]:
    """Cities whose assets a run makes: those selected, or all."""
    selected = run.asset_selection
    return set(cities) if selected is None else {key.path[0] for key in selected} & set(cities)


@contextmanager
def fed(deployment: Deployment, run: dg.DagsterRun, home: Path, made: hand.Made | None = None) -> Iterator[Deployment]:
    """A run's deployment with what it asks: the world's portals and inboxes, or those of the demo, made in ``home`` or
    ``made`` already."""
    settings = settings_of(run)
    if settings.profile == "live":
        with deployment.client:
            yield deployment
        return
    # Imported here: the generator is no part of what loading the definitions needs.
    from demo.profile import asking, demo

    if made:
        with asking(deployment, *made, settings.demo_past) as generated:
            yield generated
        return
    cities = deployment.cities
    slugs = [slug for slug in run.tags.get(CITIES_TAG, "").split(",") if slug] or list(cities)
    day = date.fromisoformat(run.tags["dagster/partition"])
    chosen = [cities[slug] for slug in slugs]
    with demo(
        deployment, chosen, day, home, settings.demo_meters, settings.demo_faults, settings.demo_past
    ) as generated:
        yield generated


def left_in_inbox(settings: Settings, slugs: Collection[str]) -> list[str]:
    """What lies in the inbox where nothing takes it, of these cities and of none (``assets.landing.inbox.untaken``)."""
    if settings.profile == "demo":
        return []  # has an inbox of its own, which it fills
    cities = cities_of(settings)
    left = [text for slug in slugs for text in untaken(settings.inbox, cities[slug].inboxes, slug)]
    return [*untaken(settings.inbox, cities), *left]


@cache
def defs_of(*slugs: str) -> dg.Definitions:
    """The part of the code location that a night of these cities needs: the work of building, subsetting and
    recording a job grows with its assets, and a night of one city needs none of the others'."""
    return build_defs(slugs)


def build_defs(slugs: Collection[str] | None = None) -> dg.Definitions:
    """The code location, whole or with these cities alone. Which cities there are is read from the settings now, all
    else when a run starts."""
    found = Settings()
    cities = cities_of(found)

    @dg.resource(description="Store, registry, portals, inbox and clock of this deployment.")
    def deployment(context: dg.InitResourceContext) -> Iterator[Deployment]:
        run = context.run
        if run is None:
            raise dg.DagsterInvariantViolationError("a deployment is opened for a run")
        memory.give_back()
        if found.executor == "celery" or hand.made:
            from pipelines.steps import at_step  # needs all of this module

            with at_step(run, cities, hand.made) as deployment:
                yield deployment
            return
        tell = context.log.info if context.log else print
        with lead(run, cities, tell) as led, fed(led, run, settings_of(run).home) as deployment:
            yield deployment

    executor = _executor(found)
    nightly = dg.define_asset_job(
        "nightly",
        selection=dg.AssetSelection.all(),
        executor_def=executor,
        description="One run over all cities: land, fill, judge, publish. A failing step stops only its own branch.",
        tags={"dagster/max_retries": "0"},
    )
    shown = [city for slug, city in cities.items() if slugs is None or slug in slugs]
    assets = [*build_national(cities), *(asset for city in shown for asset in build_city(city))]
    return dg.Definitions(
        assets=by_day(assets, found.first_day),
        jobs=[nightly],
        schedules=[
            dg.ScheduleDefinition(
                name="nightly_at_0130",
                job=nightly,
                cron_schedule="30 1 * * *",
                execution_timezone="Asia/Bangkok",
                execution_fn=_tonight,
                description="Every night at 01:30 Bangkok, for the delivery day that has just begun.",
                default_status=dg.DefaultScheduleStatus.STOPPED,
            )
        ],
        resources={"deployment": deployment},
        executor=executor,
    )


def _executor(settings: Settings) -> dg.ExecutorDefinition:
    if settings.executor == "in_process":
        from pipelines.processes import in_processes  # needs all of this module

        return in_processes
    from pipelines.workers import on_workers  # needs dagster-celery, which one host does not

    return on_workers


def _tonight(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    day = context.scheduled_execution_time.astimezone(now().tzinfo).date()
    return dg.RunRequest(run_key=day.isoformat(), partition_key=day.isoformat())
