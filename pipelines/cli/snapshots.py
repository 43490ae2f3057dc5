"""``muang snapshots``: the published side."""

import json
import re
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from pipelines.cli.base import (
    Cities,
    Json,
    app,
    begun,
    fail,
    guarded,
    out,
    print_json,
    say,
    show_problems,
    tabular,
    wanted,
)
from pipelines.settings import MOST_DAYS, Settings, now

snapshots_app = typer.Typer(help="The published side: what each city published, and whether it is whole.")
app.add_typer(snapshots_app, name="snapshots", no_args_is_help=True)


@snapshots_app.command("list")
@guarded
def snapshots_list(city: Cities = None, as_json: Json = False) -> None:
    """List what each city has committed, newest last, with its state: current, kept, withdrawn (by a rollback), removed
    (by age), or lost."""
    from assets.landing.store import Damaged, open_store
    from assets.snapshots import collect, history
    from pipelines.build import cities_of

    settings = Settings()
    store = open_store(settings.store_uri)
    damaged: list[Damaged] = []
    listed: dict[str, list[dict[str, Any]]] = {}
    for slug in wanted(cities_of(settings), city):
        removed: set[str] = set()
        pointed = None
        try:
            pointed = history.current(store, slug)
        except Damaged as error:
            damaged.append(error)
        try:
            removed = collect.removed(store, slug)
        except Damaged as error:
            damaged.append(error)
        rows: list[dict[str, Any]] = []
        commits = history.commits(store, slug)
        back = history.withdrawn(entry for entry in commits.values() if isinstance(entry, history.Entry))
        for seq, entry in commits.items():
            if isinstance(entry, Damaged):
                damaged.append(entry)
                rows.append({"seq": seq, "state": "lost"})
                continue
            kept = "removed" if entry.snapshot_id in removed else "withdrawn" if entry.snapshot_id in back else "kept"
            rows.append(entry.model_dump(mode="json") | {"state": "current" if entry == pointed else kept})
        if rows:
            listed[slug] = rows
    if as_json:
        print(json.dumps(listed, indent=1))
    else:
        grid = tabular("city", "seq", "snapshot", "day", "", whole=["snapshot", "day"])
        for slug, rows in listed.items():
            for row in rows:
                marks = [mark for mark in (row["state"],) if mark != "kept"] + ["synthetic"] * row.get("synthetic", 0)
                marks += [f"rolled back: {row['reason']}"] if row.get("reason") else []
                named = (row.get("snapshot_id", "–"), row.get("day", "–"))
                grid.add_row(slug, str(row["seq"]), *named, ", ".join(marks))
        out.print(grid)
    for each in damaged:
        say(str(each))
    raise typer.Exit(1 if damaged else 0)


@snapshots_app.command("show")
@guarded
def snapshots_show(
    city: Annotated[str, typer.Argument(help="City (slug).")],
    snapshot: Annotated[str | None, typer.Argument(help="Snapshot id; default the current one.")] = None,
    as_json: Json = False,
) -> None:
    """Show a snapshot's manifest: tables, rows, files with sha256."""
    from assets.landing.store import open_store
    from assets.snapshots import collect, history
    from pipelines.build import cities_of

    settings = Settings()
    store = open_store(settings.store_uri)
    wanted(cities_of(settings), [city])
    if snapshot is None:
        entry = history.current(store, city)
    else:
        entry = next((each for each in history.history(store, city) if each.snapshot_id == snapshot), None)
    if entry is None:
        raise fail(f"{city} has no snapshot {snapshot}" if snapshot else f"{city} has published nothing yet", 2)
    if entry.snapshot_id in collect.removed(store, city):
        raise fail(f"{entry.snapshot_id} of {city} was removed; `muang snapshots list` has those that are kept", 2)
    manifest = history.manifest(store, entry)
    if as_json:
        print(json.dumps(manifest, ensure_ascii=False, indent=1))
        return
    mark = ("  synthetic", "yellow") if manifest["synthetic"] else ""
    out.print(Text.assemble((city, "bold"), f" {entry.snapshot_id}", mark))
    grid = tabular("file", "rows", "bytes", "sha256")
    for file in manifest["files"]:
        grid.add_row(file["path"], str(file.get("rows", "")), str(file["bytes"]), file["sha256"][:16])
    out.print(grid)
    out.print(f"page: {history.page_path(store, city, entry.snapshot_id)}", soft_wrap=True, highlight=False)


@snapshots_app.command("diff")
@guarded
def snapshots_diff(
    city: Annotated[str, typer.Argument(help="City (slug).")],
    before: Annotated[str | None, typer.Argument(help="Snapshot id; default the one before the current one.")] = None,
    after: Annotated[str | None, typer.Argument(help="Snapshot id; default the current one.")] = None,
    table: Annotated[str | None, typer.Option(help="Show the rows of this table, not their numbers only.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows that are shown of the table.")] = 50,
    as_json: Json = False,
) -> None:
    """Show what changed from one snapshot to another: rows added, removed and changed, and which values."""
    from assets.landing.store import open_store
    from assets.snapshots import collect, history
    from assets.snapshots.diff import diff
    from pipelines.build import cities_of
    from quality.tables import TABLES

    settings = Settings()
    store = open_store(settings.store_uri)
    wanted(cities_of(settings), [city])
    if table and table not in TABLES:
        raise fail(f"no such table: {table}; `muang sql` lists them", 2)
    gone = collect.removed(store, city)
    entries = [entry for entry in history.history(store, city) if entry.snapshot_id not in gone]

    def named(snapshot: str) -> history.Entry:
        found = next((entry for entry in entries if entry.snapshot_id == snapshot), None)
        if found is None:
            raise fail(f"{city} keeps no snapshot {snapshot}; `muang snapshots list` has those that are kept", 2)
        return found

    new = named(after) if after else history.current(store, city)
    if new is None:
        raise fail(f"{city} has published nothing yet", 2)
    earlier = [entry for entry in entries if entry.seq < new.seq and entry.snapshot_id != new.snapshot_id]
    old = named(before) if before else earlier[-1] if earlier else None
    if old is None:
        raise fail(f"{city} keeps no snapshot before {new.snapshot_id}", 2)
    found = diff(store, old, new)
    shown = [each for each in found.tables if table in (None, each.table)]
    if as_json:
        tables = {
            each.table: {name: value for name, value in vars(each).items() if name not in ("table", "cells")}
            | ({"cells": each.cells.head(limit).to_dicts()} if table else {})
            for each in shown
        }
        ids = {"city": city, "before": old.snapshot_id, "after": new.snapshot_id}
        print_json(ids | {"tables": tables, "withheld": found.withheld})
        return
    out.print(f"{city} {old.snapshot_id} ({old.day}) → {new.snapshot_id} ({new.day})", style="bold", highlight=False)
    grid = tabular("table", "rows", "added", "removed", "changed", "values that changed")
    for each in shown:
        rows = " → ".join("–" if count is None else f"{count:,}" for count in each.rows)
        columns = ", ".join(f"{name} {count:,}" for name, count in each.columns.items())
        grid.add_row(each.table, rows, *(f"{count:,}" for count in (each.added, each.removed, each.changed)), columns)
    out.print(grid if shown else f"{table or 'no table'} {'does not differ' if table else 'differs'}")
    for name, (was, is_now) in found.withheld.items():
        out.print(f"{name}: withheld {was or 'no'} → {is_now or 'no'}", highlight=False)
    for each in shown if table else []:
        cells = tabular(*each.cells.columns)
        for row in each.cells.head(limit).iter_rows():
            cells.add_row(*("–" if cell is None else str(cell) for cell in row))
        out.print(cells)
        if each.cells.height > limit:
            out.print(f"{each.cells.height - limit:,} more; --limit shows them")


@snapshots_app.command("rollback")
@guarded
def snapshots_rollback(
    city: Annotated[str, typer.Argument(help="City (slug).")],
    reason: Annotated[str, typer.Option(help="Why. It stands in the history, which the public can read.")],
    snapshot: Annotated[
        str | None, typer.Argument(help="Snapshot id; default the newest kept one before the current one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an earlier snapshot current again, by a commit that says why. Readers see it at once.

    It holds until a night makes other tables: those that were withdrawn are not published again as they were. Put right
    what was wrong before the next delivery day.
    """
    from assets.meters.decisions import LONG_NUMBER
    from assets.snapshots import commit, history, latest
    from assets.snapshots.build import Refused
    from pipelines.build import at_work, cities_of

    settings = Settings()
    cities = cities_of(settings)
    wanted(cities, [city])
    if not reason.strip():
        raise fail("--reason says nothing", 2)
    if re.search(LONG_NUMBER, re.sub(r"\d{4}-\d\d-\d\d", "", reason)):
        text = "it names no meter, account or telephone: no number of eight digits or more"
        raise fail(f"--reason is published: {text}", 2)
    with at_work(settings, cities, [city]) as deployment:
        try:
            entry = commit.roll_back(deployment.store, city, reason.strip(), now(), snapshot)
            latest.show(deployment.store, city)
        except Refused as error:
            raise fail(str(error), 2) from None
        page = history.page_path(deployment.store, city, entry.snapshot_id)
    if as_json:
        print_json(entry.model_dump(mode="json") | {"page": page})
        return
    out.print(f"{city} shows {entry.snapshot_id} of {entry.day} again; {entry.parent} was withdrawn", highlight=False)
    out.print(f"Look at: {page}", soft_wrap=True, highlight=False)


@snapshots_app.command("verify")
@guarded
def snapshots_verify(
    city: Cities = None,
    all_kept: Annotated[bool, typer.Option("--all", help="Every snapshot that is kept, not the current only.")] = False,
    as_json: Json = False,
) -> None:
    """Read pointer, history and every file of each city's current snapshot back; name what is not as it was written."""
    from assets.landing.store import open_store
    from assets.snapshots.verify import verify_city
    from pipelines.build import cities_of

    settings = Settings()
    store = begun(open_store(settings.store_uri), "cdp")
    checked = {slug: verify_city(store, slug, all_kept) for slug in wanted(cities_of(settings), city)}
    found = {slug: problems for slug, problems in checked.items() if problems is not None}
    show_problems(found, as_json)
    if not found and not as_json:
        out.print("nothing of these cities is published; `muang doctor` names cities that left the registry")
    raise typer.Exit(1 if any(found.values()) else 0)


@snapshots_app.command("repair")
@guarded
def snapshots_repair(city: Cities = None, as_json: Json = False) -> None:
    """Make pointers again from the history, and lost history entries from what still tells of them."""
    from assets.landing.store import Damaged, open_store
    from assets.snapshots import history, latest
    from pipelines.build import cities_of

    settings = Settings()
    store = begun(open_store(settings.store_uri), "cdp")
    found = {}
    for slug in wanted(cities_of(settings), city):
        mended = [*history.repair(store, slug).mended, *history.rebuild(store, slug)]
        with suppress(Damaged):  # of a snapshot, which `verify` names and the next night replaces
            latest.show(store, slug)
        found[slug] = {"mended": mended, "left": history.problems(store, slug)}
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        for slug, state in found.items():
            for line in state["mended"]:
                out.print(f"{slug}: mended {line}", style="green", highlight=False, soft_wrap=True)
            for line in state["left"]:
                out.print(f"{slug}: left {line}", style="red", highlight=False, soft_wrap=True)
        if not any(state["mended"] or state["left"] for state in found.values()):
            out.print("nothing to mend")
    raise typer.Exit(1 if any(state["left"] for state in found.values()) else 0)


@snapshots_app.command("gc")
@guarded
def snapshots_gc(
    city: Cities = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=MOST_DAYS, help="Remove older ones; default MUANG_SNAPSHOT_DAYS.")
    ] = None,
    keep: Annotated[int, typer.Option(min=0, help="Remove all but so many of the newest; 0: not by number.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: Json = False,
) -> None:
    """Remove old snapshots. The current one stays, what it was rolled back from, and what was current in the last
    MUANG_READER_HOURS.

    The history keeps a line of each; `muang snapshots list` marks it as removed.
    """
    from assets.landing.store import open_store
    from assets.snapshots.collect import collect
    from pipelines.build import cities_of

    settings = Settings()
    store = begun(open_store(settings.store_uri), "cdp")
    if days is None:
        days = 0 if keep else settings.snapshot_days
    grace = timedelta(hours=settings.reader_hours)
    found = {
        slug: collect(store, slug, now(), days, keep, grace, dry_run) for slug in wanted(cities_of(settings), city)
    }
    if as_json:
        print(json.dumps({slug: gone for slug, gone in found.items() if gone}, indent=1))
        return
    verb = "would remove" if dry_run else "removed"
    for slug, gone in found.items():
        for snapshot_id in gone:
            out.print(f"{slug}: {verb} {snapshot_id}", highlight=False)
    out.print(f"{verb} {sum(map(len, found.values()))} snapshots")
