"""The nightly run through Dagster, in process, with what came of it."""

import contextlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from rich.console import Console
from rich.table import Table as Grid

from assets.cities.registry import City
from assets.lake.feeds import NATIONAL, landed_as, source_of
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment
from assets.landing.inbox import files
from assets.landing.store import open_store
from assets.snapshots import commit
from pipelines.build import CITIES_TAG, INBOX_TAG, PROFILE_TAG, cities_of, deployment_of
from pipelines.settings import Settings
from quality.contracts import Table
from quality.tables import DELIVERIES, VERDICTS

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


@dataclass(frozen=True)
class CityNight:
    """What a night brought one city."""

    city: City
    published: bool
    snapshot: str | None
    withheld_because: str | None
    deliveries: int
    rows: int
    refused: int
    rejected: int
    tables: int
    verdicts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Night:
    """What a night brought: a line a city, and the steps that failed."""

    day: date
    run: str
    cities: list[CityNight]
    failures: dict[str, str]
    infrastructure: bool

    @property
    def exit_code(self) -> int:
        """0: all published and nothing refused. 1: something was withheld or rejected. 3: infrastructure failed."""
        if self.infrastructure:
            return 3
        spotless = all(c.published and not c.refused and not c.rejected for c in self.cities)
        return 0 if spotless and not self.failures else 1


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
    succeeded = {event.step_key for event in result.all_events if event.is_step_success}
    deployment = deployment_of(settings, cities)
    nights = [_city_night(deployment, cities[slug], day, f"{slug}__snapshot" in succeeded, failures) for slug in slugs]
    return Night(day, run.run_id, nights, failures, infrastructure)


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


def _city_night(
    deployment: Deployment, city: City, day: date, published: bool, failures: Mapping[str, str]
) -> CityNight:
    def today(table: Table) -> pl.DataFrame:
        return CityLake(deployment.store, city.slug).read(table, (day, day))

    deliveries, verdicts = today(DELIVERIES), today(VERDICTS)
    current = commit.current(deployment.store, city.slug)
    blocked = verdicts.filter(verdict="block")
    because = [f"{row['table']}: {row['check']}: {row['message']}" for row in blocked.iter_rows(named=True)]
    because += [f"{step}: {why}" for step, why in failures.items() if step.startswith(f"{city.slug}__")]
    return CityNight(
        city=city,
        published=published,
        snapshot=current.snapshot_id if current else None,
        withheld_because=None if published else "; ".join(because) or "not reached",
        deliveries=deliveries["receipt"].n_unique(),
        rejected=deliveries.filter(status="rejected")["receipt"].n_unique(),
        rows=int(deliveries["rows"].sum()),
        refused=int(deliveries["refused"].sum()),
        tables=deliveries.filter(pl.col("rows") > 0)["table"].n_unique(),
        verdicts=dict(verdicts.group_by("verdict").len().sort("verdict").iter_rows()),
    )


def missing_secret(settings: Settings, slugs: Sequence[str]) -> str | None:
    """What to set before these cities' meter exports can be read, or None."""
    if settings.profile == "demo" or settings.meter_key:
        return None
    waiting = [
        slug
        for slug in slugs
        for name, entry in cities_of(settings)[slug].sources.items()
        if source_of(entry).keyed and next(files(settings.inbox, slug, name), None)
    ]
    if not waiting:
        return None
    return (
        f"meter files wait in the inbox of {waiting[0]}: set MUANG_METER_KEY, the secret that meter ids are hashed with"
    )


def as_json(night: Night) -> dict[str, Any]:
    """The summary a scheduler reads."""
    return {
        "day": night.day.isoformat(),
        "run": night.run,
        "exit_code": night.exit_code,
        "failures": night.failures,
        "cities": {
            c.city.slug: {name: value for name, value in c.__dict__.items() if name != "city"} for c in night.cities
        },
    }


def show(night: Night, settings: Settings, console: Console) -> None:
    """The night as a table, and what to look at."""
    grid = Grid(title=f"Night of {night.day}", header_style="bold", title_justify="left")
    for name in ("city", "tables", "files", "rows", "refused", "rejected", "verdicts", "snapshot"):
        grid.add_column(name, justify="left" if name in ("city", "verdicts", "snapshot") else "right")
    for c in night.cities:
        verdicts = " ".join(f"{name} {count}" for name, count in c.verdicts.items())
        state = "[green]published[/]" if c.published else "[red]withheld[/]"
        counts = (c.tables, c.deliveries, c.rows, c.refused, c.rejected)
        grid.add_row(c.city.slug, *(f"{count:,}" for count in counts), verdicts, state)
    console.print(grid)
    for c in night.cities:
        if c.withheld_because:
            console.print(f"[red]{c.city.slug}[/] withheld: {c.withheld_because}", highlight=False)
    published = [c for c in night.cities if c.published]
    console.print(f"{len(published)} of {len(night.cities)} cities published; exit code {night.exit_code}.")
    muang = "muang" if shutil.which("muang") else os.path.relpath(sys.argv[0])
    if night.exit_code == 1:
        console.print(f'What was refused and why: {muang} sql "from lake.quarantine"', highlight=False)
    if published:
        best = max(published, key=lambda c: c.tables)
        page = commit.page_path(open_store(settings.store_uri), best.city.slug, str(best.snapshot))
        console.print(f"Look at: {page}", soft_wrap=True, highlight=False)
    console.print(f"Ask it:  {muang} status, snapshots list, sql, ui", highlight=False)
