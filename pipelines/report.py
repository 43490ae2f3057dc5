"""What a night brought: read from the lake's ledger, for a scheduler as JSON and for a person as a table."""

import os
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from signal import Signals
from typing import Any, get_args

import polars as pl
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from assets.landing.inbox import PLACES
from assets.landing.store import Damaged
from assets.snapshots import latest
from assets.snapshots.arrivals import arrivals
from assets.snapshots.history import current, page_path
from pipelines.settings import FailOn, now
from quality import gate
from quality.contracts import Table
from quality.tables import DELIVERIES, TABLES, VERDICTS
from quality.verdicts import GRADES


@dataclass(frozen=True)
class CityNight:
    """What a night brought one city.

    Counts are of the night's own deliveries; ``read_again`` are rows of earlier ones that were read only now. Of all
    that was read the lake holds ``held`` rows (a record that comes twice is one), for which files of ``rewritten`` rows
    were written.
    ``withheld``: tables that the night does not publish, with the reason.
    ``published``: its current snapshot is what the night would publish; ``unchanged``: it was that before; ``failed``:
    deliveries that the machine could not read, and that stay due; ``page``: of its current snapshot; ``address``:
    where its newest page always is; ``worst``: of its verdicts; ``sources``: as ``assets.snapshots.arrivals``.
    """

    slug: str
    published: bool
    unchanged: bool = False
    snapshot: str | None = None
    page: str | None = None
    address: str | None = None
    withheld_because: str | None = None
    withheld: Mapping[str, str] = field(default_factory=dict)
    deliveries: int = 0
    rows: int = 0
    read_again: int = 0
    rewritten: int = 0
    held: int = 0
    refused: int = 0
    rejected: int = 0
    failed: int = 0
    tables: int = 0
    worst: str | None = None
    verdicts: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Night:
    """What a night brought: a line a city, the steps that failed, what was mended on the way (``notes``), what lies in
    the inbox where nothing takes it (``untaken``).

    ``address`` is that of the page that lists all cities that have published."""

    day: date
    run: str
    profile: str
    version: str
    address: str
    started: datetime
    finished: datetime
    cities: Sequence[CityNight]
    failures: Mapping[str, str]
    infrastructure: bool
    notes: Sequence[str]
    stopped: Signals | None
    untaken: Sequence[str] = ()

    def exit_code(self, fail_on: FailOn) -> int:
        """0: done. 1: what ``fail_on`` names was found. 3: infrastructure failed. 128 and the signal: stopped."""
        if self.stopped:
            return 128 + self.stopped
        if self.infrastructure or any(c.failed for c in self.cities):
            return 3
        found: dict[FailOn, bool] = {
            "withheld": bool(self.failures) or any(not c.published or c.withheld for c in self.cities),
            "rejected": bool(self.untaken) or any(c.refused or c.rejected for c in self.cities),
            "warn": any(c.worst in ("warn", "withhold", "block") for c in self.cities),
        }
        counts = get_args(FailOn)[: get_args(FailOn).index(fail_on) + 1]
        return 1 if any(found[each] for each in counts) else 0


def night_of(
    deployment: Deployment,
    slugs: Sequence[str],
    *,
    succeeded: Collection[str],
    day: date,
    run: str,
    failures: Mapping[str, str],
    counted: Mapping[str, Mapping[str, int]],
    **more: Any,
) -> Night:
    """What the run of a night brought ``slugs``; ``succeeded`` and ``failures`` (with reasons) are steps by key,
    ``counted`` the rows it read, rewrote and holds of them by city, ``more`` the other fields of ``Night``."""
    cities = [
        _city_night(Step(deployment, deployment.cities[slug], day, run), f"{slug}__snapshot" in succeeded, failures)
        for slug in slugs
    ]
    cities = [
        replace(
            city,
            read_again=max(0, counted["rows_delivered"].get(city.slug, 0) - city.rows),
            rewritten=counted["rows_rewritten"].get(city.slug, 0),
            held=counted["rows_held"].get(city.slug, 0),
        )
        for city in cities
    ]
    return Night(
        cities=cities,
        day=day,
        run=run,
        failures=failures,
        version=deployment.version,
        address=deployment.store.path(latest.CITIES),
        finished=now(),
        **more,
    )


def _city_night(step: Step, succeeded: bool, failures: Mapping[str, str]) -> CityNight:
    slug, store = step.city.slug, step.deployment.store
    because = [f"{key}: {why}" for key, why in failures.items() if key.startswith(f"{slug}__")]
    pointed = None
    try:
        pointed = current(store, slug)
    except Damaged as error:
        because.append(str(error))
    # A store that loses every acknowledgement fails the step, and yet the pointer may have moved: readers see the new.
    ours = pointed is not None and pointed.run == step.run
    published = ours or (succeeded and pointed is not None)
    told = CityNight(
        slug,
        published,
        unchanged=published and not ours,
        snapshot=pointed.snapshot_id if pointed else None,
        page=page_path(store, slug, pointed.snapshot_id) if pointed else None,
        address=store.path(latest.city_key(slug)) if pointed else None,
    )
    try:
        return _told(step, told, because)
    except Damaged as error:
        return replace(told, withheld_because=None if published else "; ".join([*because, str(error)]))


def _told(step: Step, told: CityNight, because: Sequence[str]) -> CityNight:
    """With what the ledger and the verdicts say. Raises ``Damaged``."""
    slug, store = step.city.slug, step.deployment.store

    def today(table: Table) -> pl.DataFrame:
        return CityLake(store, slug).read(table, (step.day, step.day))

    deliveries, verdicts = today(DELIVERIES), today(VERDICTS)
    blocked = verdicts.filter(verdict="block")
    blocking = [f"{row['table']}: {row['check']}: {row['message']}" for row in blocked.iter_rows(named=True)]
    sources = {row.pop("source"): row for row in arrivals(step).iter_rows(named=True)}
    return replace(
        told,
        withheld_because=None if told.published else "; ".join([*blocking, *because]) or "not reached",
        withheld={name: why for name, why in gate.withheld(verdicts).items() if TABLES[name].published},
        deliveries=deliveries["receipt"].n_unique(),
        rejected=deliveries.filter(status="rejected")["receipt"].n_unique(),
        failed=deliveries.filter(status="failed")["receipt"].n_unique(),
        rows=int(deliveries["rows"].sum()),
        refused=int(deliveries["refused"].sum()),
        tables=deliveries.filter(pl.col("rows") > 0)["table"].n_unique(),
        worst=max(verdicts["verdict"], key=GRADES.index, default=None),
        verdicts=dict(verdicts.group_by("verdict").len().sort("verdict").iter_rows()),
        sources=sources,
    )


def as_json(night: Night, fail_on: FailOn) -> dict[str, Any]:
    """The summary a scheduler reads."""
    stopped = {"error": f"stopped by {night.stopped.name}; run it again"} if night.stopped else {}
    return {
        "day": night.day.isoformat(),
        "run": night.run,
        "profile": night.profile,
        "version": night.version,
        "address": night.address,
        "started": night.started.isoformat(timespec="seconds"),
        "finished": night.finished.isoformat(timespec="seconds"),
        "seconds": round((night.finished - night.started).total_seconds(), 1),
        "exit_code": night.exit_code(fail_on),
        **stopped,
        "notes": list(night.notes),
        "untaken": list(night.untaken),
        "failures": dict(night.failures),
        "cities": {city.slug: _without_slug(city) for city in night.cities},
    }


def nothing_ran(day: date | None, exit_code: int, error: str) -> dict[str, Any]:
    """The same of a night in which no city could be run."""
    told = day.isoformat() if day else None
    return {"day": told, "run": None, "exit_code": exit_code, "error": error, "failures": {}, "cities": {}}


def _without_slug(city: CityNight) -> dict[str, Any]:
    return {name: value for name, value in asdict(city).items() if name != "slug"}


def show(night: Night, fail_on: FailOn, console: Console) -> None:
    """The night as a table, and what to look at."""
    grid = RichTable(title=f"Night of {night.day}", header_style="bold", title_justify="left")
    for name in ("city", "tables", "files", "rows", "refused", "rejected", "verdicts", "snapshot"):
        grid.add_column(name, justify="left" if name in ("city", "verdicts", "snapshot") else "right", overflow="fold")
    for c in night.cities:
        verdicts = " ".join(f"{name} {count}" for name, count in c.verdicts.items())
        state = Text("unchanged" if c.unchanged else "published", "green") if c.published else Text("withheld", "red")
        counts = (c.tables, c.deliveries, c.rows, c.refused, c.rejected)
        grid.add_row(c.slug, *(f"{count:,}" for count in counts), verdicts, state)
    console.print(grid)
    for c in night.cities:
        if c.read_again:
            console.print(f"{c.slug}: {c.read_again:,} rows of earlier deliveries were read only now", highlight=False)
        if c.failed:
            console.print(f"{c.slug}: {c.failed} deliveries could not be read; the next night tries them again")
        for name, why in c.withheld.items():
            console.print(f"{c.slug} does not publish {name}: {why}", style="red", highlight=False)
        if c.withheld_because:
            console.print(f"{c.slug} withheld: {c.withheld_because}", style="red", highlight=False)
    for each in night.untaken:
        console.print(f"Nothing takes {each}", style="red", highlight=False)
    if night.untaken:
        console.print(f"  {PLACES}", highlight=False)
    published = [c for c in night.cities if c.published]
    console.print(f"{len(published)} of {len(night.cities)} cities published; exit code {night.exit_code(fail_on)}.")
    muang = "muang" if shutil.which("muang") else os.path.relpath(sys.argv[0])
    if any(c.refused or c.rejected for c in night.cities):
        console.print(f"What was refused and why: {muang} quarantine list", highlight=False)
    if published:
        address = night.address if len(published) > 1 else published[0].address
        console.print(f"Look at: {address}", soft_wrap=True, highlight=False)
    console.print(f"Ask it:  {muang} status, snapshots list, sql, ui", highlight=False)
