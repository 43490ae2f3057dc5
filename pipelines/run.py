"""The nightly run through Dagster, in process."""

import contextlib
import os
import re
import socket
import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.code_pointer import CustomPointer, ModuleCodePointer
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.api import execute_run_iterator
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from assets.lake.feeds import NATIONAL, landed_as, source_of
from assets.landing.deployment import Step
from assets.landing.inbox import files
from assets.landing.store import Damaged
from assets.snapshots.history import current
from assets.sources.fetch import left_for_today
from pipelines.build import CITIES_TAG, CLOCK_TAG, INBOX_TAG, PROFILE_TAG, cities_of, deployment_of, left_in_inbox
from pipelines.failures import are_infrastructure
from pipelines.home import Say, alive, dagster_home, end_dead_runs, forget_old_runs, make_folder, open_instance
from pipelines.processes import READY, Hands, processes_for
from pipelines.report import Night, night_of
from pipelines.settings import Settings, now
from pipelines.status import ahead
from pipelines.stopping import NIGHT, Stopping

LOCATION = "pipelines.definitions"
"""The code location, as ``workspace.yaml`` names it."""

PROCESS_TAG = "muang/process"
"""Run tag: host and process that run it, for whoever looks at one that hangs."""

Progress = Callable[[str, int, int], None]
"""Told each ended step, how many, and of how many."""

ENDS_OF_STEPS = (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.STEP_SKIPPED)


def run_night(
    settings: Settings,
    day: date,
    slugs: Sequence[str],
    stopping: Stopping,
    say: Say,
    progress: Progress,
    accept_clock: bool = False,
) -> Night:
    """Run the job ``nightly`` for these cities. ``say`` is told what of Dagster's own was mended.

    A night that is asked to stop does so at the next event of its run, which is then canceled.
    """
    started, notes = now(), list[str]()

    def note(text: str) -> None:
        notes.append(text)
        say(text)

    recon = _repository(settings, slugs).get_reconstructable_job("nightly")
    with contextlib.ExitStack() as held:
        home, run_id = dagster_home(settings, note), str(uuid.uuid4())
        instance = held.enter_context(open_instance(home, note))
        count = processes_for(settings, len(slugs)) if settings.executor == "in_process" else 1
        READY.set(held.enter_context(Hands(count, recon.repository)) if count > 1 else None)
        job = recon.get_definition()
        cities = cities_of(settings)
        used = {landed_as(cities[slug], name) for slug in slugs for name in cities[slug].sources}
        national = {(NATIONAL, f"landed_{source}") for owner, source in used if owner == NATIONAL}
        keys = job.asset_layer.executable_asset_keys
        selected = {key for key in keys if key.path[0] in slugs or tuple(key.path) in national}
        _tidy(instance, home, settings.dagster_nights, note)
        held.enter_context(alive(home, run_id))
        _hold_open(held, home / "history", "runs.db", "runs/index.db")
        run = instance.create_run_for_job(
            job,
            run_id=run_id,
            asset_selection=selected,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={
                "dagster/partition": day.isoformat(),
                PROCESS_TAG: f"{socket.gethostname()} {os.getpid()}",
                PROFILE_TAG: settings.profile,
                CITIES_TAG: ",".join(slugs),
                **({CLOCK_TAG: "accepted"} if accept_clock else {}),
                **({INBOX_TAG: str(settings.inbox.absolute())} if settings.profile == "live" else {}),
            },
            remote_job_origin=_origin(),
            job_code_origin=recon.get_python_origin(),
        )
        _hold_open(held, home / "history", f"runs/{run_id}.db")
        events: list[dg.DagsterEvent] = []
        with _ended(instance, run, stopping):
            ended = 0
            NIGHT.set(stopping)
            instance.add_event_listener(run_id, _stop_when_asked(instance, run, stopping))
            for event in execute_run_iterator(recon, run, instance):
                events.append(event)
                if event.event_type in ENDS_OF_STEPS:
                    ended += 1
                    progress(event.step_key or "", ended, len(selected))
    errors = {event.step_key or "run": event for event in events if event.is_failure}
    deployment = deployment_of(settings, cities)
    for slug in slugs:
        with contextlib.suppress(Damaged):  # which the city's line tells
            if late := ahead(current(deployment.store, slug)):
                note(f"{slug} shows an edition of {late}, which has not come: a night ran under a wrong clock")
            if settings.profile == "live" and (left := left_for_today(Step(deployment, cities[slug], day))):
                note(f"{slug}: {left} file(s) wait in the inbox for today's night: {day} is run again from landing")
    return night_of(
        deployment,
        slugs,
        succeeded={str(event.step_key) for event in events if event.is_step_success},
        day=day,
        run=run_id,
        profile=settings.profile,
        started=started,
        counted={name: _counted(events, name) for name in COUNTED},
        failures={step: _reason(event) for step, event in errors.items()},
        infrastructure=any(are_infrastructure(_classes(event)) for event in errors.values()),
        notes=notes,
        stopped=stopping.requested,
        untaken=left_in_inbox(settings, slugs),
    )


def _repository(settings: Settings, slugs: Sequence[str]) -> ReconstructableRepository:
    """Where this process builds the job from: of these cities alone, if it does the steps itself. Workers build it from
    the whole code location, once for all nights."""
    if settings.executor != "in_process":
        return ReconstructableRepository.for_module(LOCATION, "defs")
    return ReconstructableRepository(CustomPointer(ModuleCodePointer("pipelines.build", "defs_of"), list(slugs), []))


COUNTED = ("rows_delivered", "rows_rewritten", "rows_held")


def _counted(events: Iterable[dg.DagsterEvent], name: str) -> Counter[str]:
    """Rows that the run read (rewrote, holds of them) for each city, of deliveries of any day."""
    found: Counter[str] = Counter()
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key:
            rows = event.step_materialization_data.materialization.metadata.get(name)
            found[event.asset_key.path[0]] += rows.value if isinstance(rows, dg.IntMetadataValue) and rows.value else 0
    return found


def _tidy(instance: dg.DagsterInstance, home: Path, nights: int, say: Say) -> None:
    """What earlier nights left in Dagster's storage. No night depends on it."""
    try:
        if dead := end_dead_runs(instance, home):
            say(f"{dead} earlier runs had not ended, and their processes are gone: marked as failed")
        forget_old_runs(instance, home, nights)
    except Exception as error:
        say(f"earlier runs were not tidied up: {' '.join(str(error).split())}")


def _stop_when_asked(
    instance: dg.DagsterInstance, run: dg.DagsterRun, stopping: Stopping
) -> Callable[[dg.EventLogEntry], None]:
    """A listener that ends a run as canceled at the next event of a step. Dagster calls it where that event came to be,
    so that the step and all around it see the error, as with an interrupt."""
    canceling = False

    def listen(entry: dg.EventLogEntry) -> None:
        nonlocal canceling
        if stopping.requested and not canceling and entry.dagster_event and entry.step_key:
            canceling = True
            instance.report_run_canceling(run)
            raise DagsterExecutionInterruptedError

    return listen


@contextlib.contextmanager
def _ended(instance: dg.DagsterInstance, run: dg.DagsterRun, stopping: Stopping) -> Iterator[None]:
    """Leave no run behind that looks as if it went on, whatever ends it."""

    def cancel() -> None:
        instance.report_run_canceled(run, f"Stopped by {stopping.requested and stopping.requested.name}.")

    stopping.last_words = cancel
    try:
        yield
    finally:
        stopping.last_words = None
        with contextlib.suppress(Exception):  # what keeps it from being told is what ended it
            found = instance.get_run_by_id(run.run_id)
            if found and not found.is_finished:
                cancel() if stopping.requested else instance.report_run_failed(run, "It ended before its last step.")


def _hold_open(held: contextlib.ExitStack, folder: Path, *names: str) -> None:
    """Keep a connection to Dagster's SQLite files (those there are: its storage may be another) while a run lasts.

    Dagster connects anew for every statement, and SQLite folds its write-ahead log in and deletes it whenever the last
    connection closes (https://www.sqlite.org/wal.html, 2.3): half of all writes and syncs of a night.
    """
    for name in names:
        if (folder / name).exists():
            connection = held.enter_context(contextlib.closing(sqlite3.connect(folder / name)))
            connection.execute("select count(*) from sqlite_master").fetchall()  # it counts from its first read on


def _origin() -> RemoteJobOrigin:
    """Where the UI finds the run's job. Without it the UI shows the run but cannot re-execute it from failure;
    Dagster's public ``execute_in_process`` sets none, hence its own modules here (pinned to 1.13)."""
    target = LoadableTargetOrigin(module_name=LOCATION, working_directory=str(Path.cwd()))
    location = ManagedGrpcPythonEnvCodeLocationOrigin(loadable_target_origin=target, location_name=LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "nightly")


def _chain(event: dg.DagsterEvent) -> list[Any]:
    """The errors of a failed step, outermost first."""
    chain = []
    error = getattr(event.event_specific_data, "error", None)
    while error is not None:
        chain.append(error)
        error = error.cause
    return chain


def _classes(event: dg.DagsterEvent) -> list[str]:
    """The classes of a failed step's errors, with their modules: what a message begins with."""
    return [str(error.message).split(":", 1)[0].strip() for error in _chain(event)]


def _reason(event: dg.DagsterEvent) -> str:
    """The innermost error of a failed step: class and message, of Muang's own the message, which is a sentence."""
    chain = _chain(event)
    told = " ".join(str(chain[-1].message).split()) if chain else str(event.message)
    return re.sub(r"^(assets|quality)(\.\w+)+: ", "", told)


def not_ready(settings: Settings, slugs: Sequence[str]) -> str | None:
    """What to set before a night of these cities can run, or None. Raises ``UnusableHome``."""
    make_folder(settings)
    cities = cities_of(settings)
    if settings.profile == "demo":
        # The demo is no part of what other commands load.
        from demo.outages import refusal

        reason = refusal(settings.demo_faults or {}, cities)
        return f"setting demo_faults: {reason}" if reason else None
    if "inbox" in settings.model_fields_set and not settings.inbox.is_dir():
        # A share that is not mounted looks like a night on which nothing came.
        return f"the inbox {settings.inbox.absolute()} is not a folder that is there"
    if settings.meter_key:
        return None
    for slug in slugs:
        for name, entry in cities[slug].sources.items():
            if source_of(entry).keyed and next(files(settings.inbox, slug, name), None):
                waiting = f"meter files wait in the inbox of {slug}"
                return f"{waiting}: set MUANG_METER_KEY, the secret that meter ids are hashed with"
    return None
