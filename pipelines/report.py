"""What a night brought: read from the lake's ledger, for a scheduler as JSON and for a person as a table."""

import os
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table as RichTable

from assets.cities.registry import City
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment
from assets.landing.store import Damaged, Store
from assets.snapshots.history import current, page_path
from quality.contracts import Table
from quality.tables import DELIVERIES, VERDICTS


@dataclass(frozen=True)
class CityNight:
    """What a night brought one city. ``published``: its current snapshot is what the night would publish;
    ``unchanged``: it was that before."""

    city: City
    published: bool
    unchanged: bool
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


def night_of(
    deployment: Deployment,
    day: date,
    run: str,
    slugs: Sequence[str],
    succeeded: Collection[str],
    failures: Mapping[str, str],
    infrastructure: bool,
) -> Night:
    """What the run of a night brought ``slugs``; ``succeeded`` and ``failures`` (with reasons) are steps by key."""
    cities = [
        _city_night(deployment, deployment.cities[slug], day, run, f"{slug}__snapshot" in succeeded, failures)
        for slug in slugs
    ]
    return Night(day, run, cities, dict(failures), infrastructure)


def _city_night(
    deployment: Deployment, city: City, day: date, run: str, succeeded: bool, failures: Mapping[str, str]
) -> CityNight:
    def today(table: Table) -> pl.DataFrame:
        return CityLake(deployment.store, city.slug).read(table, (day, day))

    deliveries, verdicts = today(DELIVERIES), today(VERDICTS)
    blocked = verdicts.filter(verdict="block")
    because = [f"{row['table']}: {row['check']}: {row['message']}" for row in blocked.iter_rows(named=True)]
    because += [f"{step}: {why}" for step, why in failures.items() if step.startswith(f"{city.slug}__")]
    pointed = None
    try:
        pointed = current(deployment.store, city.slug)
    except Damaged as error:
        because.append(str(error))
    # A store that loses every acknowledgement fails the step, and yet the pointer may have moved: readers see the new.
    ours = pointed is not None and pointed.run == run
    published = ours or (succeeded and pointed is not None)
    return CityNight(
        city=city,
        published=published,
        unchanged=published and not ours,
        snapshot=pointed.snapshot_id if pointed else None,
        withheld_because=None if published else "; ".join(because) or "not reached",
        deliveries=deliveries["receipt"].n_unique(),
        rejected=deliveries.filter(status="rejected")["receipt"].n_unique(),
        rows=int(deliveries["rows"].sum()),
        refused=int(deliveries["refused"].sum()),
        tables=deliveries.filter(pl.col("rows") > 0)["table"].n_unique(),
        verdicts=dict(verdicts.group_by("verdict").len().sort("verdict").iter_rows()),
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


def show(night: Night, store: Store, console: Console) -> None:
    """The night as a table, and what to look at."""
    grid = RichTable(title=f"Night of {night.day}", header_style="bold", title_justify="left")
    for name in ("city", "tables", "files", "rows", "refused", "rejected", "verdicts", "snapshot"):
        grid.add_column(name, justify="left" if name in ("city", "verdicts", "snapshot") else "right")
    for c in night.cities:
        verdicts = " ".join(f"{name} {count}" for name, count in c.verdicts.items())
        state = f"[green]{'unchanged' if c.unchanged else 'published'}[/]" if c.published else "[red]withheld[/]"
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
        page = page_path(store, best.city.slug, str(best.snapshot))
        console.print(f"Look at: {page}", soft_wrap=True, highlight=False)
    console.print(f"Ask it:  {muang} status, snapshots list, sql, ui", highlight=False)
