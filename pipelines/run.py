"""The nightly run through Dagster, in process."""

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from assets.lake.feeds import NATIONAL, landed_as, source_of
from assets.landing.inbox import files
from pipelines.build import CITIES_TAG, INBOX_TAG, PROFILE_TAG, cities_of, deployment_of
from pipelines.report import Night, night_of
from pipelines.settings import Settings

LOCATION = "pipelines.definitions"
"""The code location, as ``workspace.yaml`` names it."""

INSTANCE_CONFIG = """\
telemetry:
  enabled: false
nux:
  enabled: false
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
"""
"""``dagster.yaml`` of the embedded default: SQLite in the folder itself; a run that a restart left behind is ended."""


def dagster_home(settings: Settings) -> Path:
    """Dagster's own folder on the embedded default, made with its configuration when it is not there."""
    home = settings.home.absolute() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_text(INSTANCE_CONFIG, encoding="utf-8")
    return home


INFRASTRUCTURE = {
    *("OSError", "PermissionError", "NotADirectoryError", "ConnectionError", "ConnectionRefusedError", "TimeoutError"),
    *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ClientError", "NoCredentialsError"),
}
"""Errors by which a step says that disk, network or object store failed it, not the data."""


def run_night(
    settings: Settings, day: date, slugs: Sequence[str], progress: Callable[[str, int, int], None] | None = None
) -> Night:
    """Run the job ``nightly`` for these cities. ``progress`` is told each ended step, how many, and of how many."""
    recon = ReconstructableRepository.for_module(LOCATION, "defs").get_reconstructable_job("nightly")
    job = recon.get_definition()
    cities = cities_of(settings)
    used = {landed_as(cities[slug], name) for slug in slugs for name in cities[slug].sources}
    national = {(NATIONAL, f"landed_{source}") for owner, source in used if owner == NATIONAL}
    keys = job.asset_layer.executable_asset_keys
    selected = {key for key in keys if key.path[0] in slugs or tuple(key.path) in national}
    ended = 0

    def listen(entry: dg.EventLogEntry) -> None:
        nonlocal ended
        event = entry.dagster_event
        if progress and event and event.event_type_value in ("STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"):
            ended += 1
            progress(event.step_key or "", ended, len(selected))

    home = dagster_home(settings)
    with dg.DagsterInstance.from_config(str(home)) as instance, contextlib.ExitStack() as held:
        _hold_open(held, home / "history", "runs.db", "runs/index.db")
        run = instance.create_run_for_job(
            job.get_subset(asset_selection=selected),
            asset_selection=selected,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={
                "dagster/partition": day.isoformat(),
                PROFILE_TAG: settings.profile,
                CITIES_TAG: ",".join(slugs),
                **({INBOX_TAG: str(settings.inbox.absolute())} if settings.profile == "live" else {}),
            },
            remote_job_origin=_origin(),
            job_code_origin=recon.get_python_origin(),
        )
        _hold_open(held, home / "history", f"runs/{run.run_id}.db")
        instance.add_event_listener(run.run_id, listen)
        result = execute_run(recon, run, instance, raise_on_error=False)
    errors = {event.step_key or "run": event for event in result.all_events if event.is_failure}
    failures = {step: _reason(event) for step, event in errors.items()}
    infrastructure = any(INFRASTRUCTURE & set(_classes(event)) for event in errors.values())
    succeeded = {str(event.step_key) for event in result.all_events if event.is_step_success}
    return night_of(deployment_of(settings, cities), day, run.run_id, slugs, succeeded, failures, infrastructure)


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
    return [str(error.cls_name) for error in _chain(event)]


def _reason(event: dg.DagsterEvent) -> str:
    """The innermost error of a failed step: class and message."""
    chain = _chain(event)
    return " ".join(str(chain[-1].message).split()) if chain else str(event.message)


def not_ready(settings: Settings, slugs: Sequence[str]) -> str | None:
    """What to set before a night of these cities can run, or None."""
    cities = cities_of(settings)
    if settings.profile == "demo":
        # The demo is no part of what other commands load.
        from demo.outages import refusal

        reason = refusal(settings.demo_faults or {}, cities)
        return f"setting demo_faults: {reason}" if reason else None
    if settings.meter_key:
        return None
    for slug in slugs:
        for name, entry in cities[slug].sources.items():
            if source_of(entry).keyed and next(files(settings.inbox, slug, name), None):
                waiting = f"meter files wait in the inbox of {slug}"
                return f"{waiting}: set MUANG_METER_KEY, the secret that meter ids are hashed with"
    return None
