"""The command line ``muang``.

Exit codes: 0 done, 1 something was withheld or rejected, 2 wrong use or settings, 3 infrastructure.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from assets.cities.registry import Smart
from pipelines.settings import Settings, now

app = typer.Typer(
    name="muang",
    help="Fill a Thai city's City Data Platform: land, normalise, judge, publish.",
    epilog="Exit codes: 0 done, 1 something was withheld or rejected, 2 wrong use or settings, 3 infrastructure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
snapshots_app = typer.Typer(help="The published side: what each city published, and whether it is whole.")
app.add_typer(snapshots_app, name="snapshots", no_args_is_help=True)

out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of tables.")]
Cities = Annotated[list[str] | None, typer.Option("--city", help="Only this city (slug); may be repeated.")]
P = ParamSpec("P")
R = TypeVar("R")


def _guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what a user can mend into one line: wrong settings end with 2, unreachable infrastructure with 3."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        from assets.cities.registry import RegistryError

        try:
            return command(*args, **kwargs)
        except ValidationError as error:
            for wrong in error.errors():
                err.print(f"[red]setting {'.'.join(str(part) for part in wrong['loc'])}[/]: {wrong['msg']}")
            raise typer.Exit(2) from None
        except RegistryError as error:
            err.print(f"[red]registry[/]: {error}", highlight=False)
            raise typer.Exit(2) from None
        except OSError as error:
            err.print(f"[red]infrastructure[/]: {type(error).__name__}: {error}", highlight=False)
            raise typer.Exit(3) from None

    return run


def _fail(message: str, code: int) -> typer.Exit:
    err.print(f"[red]{message}[/]", highlight=False)
    return typer.Exit(code)


def _wanted(cities: dict[str, Any], chosen: list[str] | None) -> list[str]:
    if unknown := sorted(set(chosen or ()) - set(cities)):
        raise _fail(f"no such city: {', '.join(unknown)}; `muang status` lists them", 2)
    return [slug for slug in cities if not chosen or slug in chosen]


@app.command()
@_guarded
def nightly(
    day: Annotated[str | None, typer.Option(help="Delivery day YYYY-MM-DD; default today in Bangkok.")] = None,
    city: Cities = None,
    profile: Annotated[Literal["demo", "live"] | None, typer.Option(help="demo: generated, synthetic input.")] = None,
    inbox: Annotated[Path | None, typer.Option(help="Folder of deliveries: <inbox>/<city>/<source>/…")] = None,
    as_json: Json = False,
) -> None:
    """Run the main job for all cities (or some): land, fill tables, judge, publish one snapshot a city.

    May be repeated: a day that was run is re-run from landing, and the same input gives the same tables.
    """
    chosen: dict[str, Any] = {"profile": profile, "inbox": inbox}
    settings = Settings(**{name: value for name, value in chosen.items() if value is not None})
    try:
        delivery_day = date.fromisoformat(day) if day else now().date()
    except ValueError:
        raise _fail(f"--day {day!r} is not a date like 2026-11-23", 2) from None
    if delivery_day > now().date():
        raise _fail(f"--day {delivery_day} has not begun in Bangkok", 2)

    with err.status("Loading the definitions …"):
        from assets.graph import START
        from assets.landing.store import open_store
        from pipelines import report, run
        from pipelines.build import cities_of
    if delivery_day < date.fromisoformat(START):
        raise _fail(f"--day {delivery_day} is before the first delivery day {START}", 2)
    slugs = _wanted(cities_of(settings), city)
    if missing := run.not_ready(settings, slugs):
        raise _fail(missing, 2)
    with _progress() as step:
        night = run.run_night(settings, delivery_day, slugs, step)
    if as_json:
        print(json.dumps(report.as_json(night), ensure_ascii=False, indent=1))
    else:
        report.show(night, open_store(settings.store_uri), out)
    raise typer.Exit(night.exit_code)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:42}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def step(name: str, done: int, total: int) -> None:
            bar.update(task, description=name.replace("__", " · "), completed=done, total=total)

        yield step


@app.command()
@_guarded
def read(
    files: Annotated[list[Path], typer.Argument(help="Meter exports, of any known format, also zipped.")],
    form: Annotated[str | None, typer.Option("--as", help="Read as this format instead of recognising it.")] = None,
    layout: Annotated[str | None, typer.Option(help="Declared CSV layout to read it with.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of the stamps, where the format's own is wrong.")] = None,
    show_ids: Annotated[bool, typer.Option("--show-ids", help="Print real metering points (personal data).")] = False,
    as_json: Json = False,
) -> None:
    """Tell what a file is and what is in it: format, channels, sums, quality, problems. Writes nothing."""
    from assets.meters.exports import describe, read_export

    worst = 0
    for path in files:
        chosen = {"format": form, "layout": layout, "timezone": timezone}
        options = {name: value for name, value in chosen.items() if value}
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _fail(f"{path}: {error.strerror}", 2) from None
        found = describe(read_export(data, path.name, options), str(path), show_ids=show_ids)
        worst = max(worst, 0 if found["status"] == "ok" else 1)
        if as_json:
            print(json.dumps(found, ensure_ascii=False))
        else:
            _show_export(found)
    raise typer.Exit(worst)


def _show_export(found: dict[str, Any]) -> None:
    colour = {"ok": "green", "partial": "yellow", "rejected": "red"}[found["status"]]
    out.print(
        f"[bold]{found['file']}[/]  {found['format']}  [{colour}]{found['status']}[/]  {found['readings']} readings"
    )
    if evidence := found.get("evidence"):
        out.print(f"  recognised by {evidence}", style="dim")
    if found["channels"]:
        columns = ("point", "channel", "quantity", "min", "readings", "sum", "unit", "start", "end", "quality")
        grid = RichTable(*columns, box=None, header_style="dim")
        for c in found["channels"]:
            quality = ", ".join(f"{name} {count}" for name, count in c["quality"].items())
            cells = (c["point"], c["channel"], c["quantity"], c["interval_minutes"], c["readings"], c["sum"], c["unit"])
            grid.add_row(*(str(cell) for cell in cells), c["start"], c["end"], quality)
        out.print(grid)
    for p in found["problems"]:
        row = f"row {p['row']}: " if p["row"] else ""
        out.print(f"  [yellow]{p['code']}[/] {row}{p['message']}", highlight=False)


@app.command()
@_guarded
def status(city: Cities = None, as_json: Json = False) -> None:
    """Per city: last delivery, last snapshot, verdicts, and what is missing."""
    from pipelines.build import cities_of, deployment_of
    from pipelines.status import city_status

    settings = Settings()
    cities = cities_of(settings)
    deployment = deployment_of(settings, cities)
    rows = [city_status(deployment, cities[slug]) for slug in _wanted(cities, city)]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1, default=str))
        return
    grid = RichTable("city", "last delivery", "snapshot", "verdicts", "missing", header_style="bold")
    for row in rows:
        verdicts = " ".join(f"{name} {count}" for name, count in row["verdicts"].items())
        delivered = str(row["last_delivery"] or "–")
        grid.add_row(row["city"], delivered, row["snapshot"] or "–", verdicts or "–", ", ".join(row["missing"]) or "–")
    out.print(grid)


@snapshots_app.command("list")
@_guarded
def snapshots_list(city: Cities = None, as_json: Json = False) -> None:
    """List what each city has committed, newest last; the current one is marked."""
    from assets.landing.store import open_store
    from assets.snapshots import commit
    from pipelines.build import cities_of

    settings = Settings()
    store = open_store(settings.store_uri)
    slugs = _wanted(cities_of(settings), city)
    found = {slug: (commit.history(store, slug), commit.current(store, slug)) for slug in slugs}
    if as_json:
        listed = {slug: [entry.model_dump(mode="json") for entry in entries] for slug, (entries, _) in found.items()}
        print(json.dumps({slug: entries for slug, entries in listed.items() if entries}, indent=1))
        return
    grid = RichTable("city", "seq", "snapshot", "day", "", header_style="bold")
    for slug, (entries, current) in found.items():
        for entry in entries:
            marks = [mark for mark, is_so in (("current", entry == current), ("synthetic", entry.synthetic)) if is_so]
            grid.add_row(slug, str(entry.seq), entry.snapshot_id, str(entry.day), ", ".join(marks))
    out.print(grid)


@snapshots_app.command("show")
@_guarded
def snapshots_show(
    city: Annotated[str, typer.Argument(help="City (slug).")],
    snapshot: Annotated[str | None, typer.Argument(help="Snapshot id; default the current one.")] = None,
    as_json: Json = False,
) -> None:
    """Show a snapshot's manifest: tables, rows, files with sha256."""
    from assets.landing.store import open_store
    from assets.snapshots import commit

    settings = Settings()
    store = open_store(settings.store_uri)
    identity = snapshot or _current_id(settings, city)
    try:
        manifest = json.loads(commit.show(store, city, identity))
    except FileNotFoundError:
        raise _fail(f"{city} has no snapshot {identity}", 2) from None
    if as_json:
        print(json.dumps(manifest, ensure_ascii=False, indent=1))
        return
    out.print(f"[bold]{city}[/] {identity}" + ("  [yellow]synthetic[/]" if manifest["synthetic"] else ""))
    grid = RichTable("file", "rows", "bytes", "sha256", header_style="bold")
    for entry in manifest["files"]:
        grid.add_row(entry["path"], str(entry.get("rows", "")), str(entry["bytes"]), entry["sha256"][:16])
    out.print(grid)
    out.print(f"page: {commit.page_path(store, city, identity)}", soft_wrap=True, highlight=False)


@snapshots_app.command("verify")
@_guarded
def snapshots_verify(city: Cities = None, as_json: Json = False) -> None:
    """Read every file of each city's current snapshot back and compare it with the manifest."""
    from assets.landing.store import open_store
    from assets.snapshots import commit
    from assets.snapshots.verify import verify
    from pipelines.build import cities_of

    settings = Settings()
    store = open_store(settings.store_uri)
    found: dict[str, list[str]] = {}
    for slug in _wanted(cities_of(settings), city):
        if current := commit.current(store, slug):
            found[slug] = verify(store, slug, current.snapshot_id, current.manifest_sha256)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        for slug, problems in found.items():
            out.print(f"{slug}: " + ("[green]whole[/]" if not problems else f"[red]{len(problems)} problems[/]"))
            for line in problems:
                out.print(f"  {line}", highlight=False)
        if not found:
            out.print("nothing is published yet; `muang nightly` does")
    raise typer.Exit(1 if any(found.values()) else 0)


def _current_id(settings: Settings, city: str) -> str:
    from assets.landing.store import open_store
    from assets.snapshots import commit
    from pipelines.build import cities_of

    _wanted(cities_of(settings), [city])
    current = commit.current(open_store(settings.store_uri), city)
    if current is None:
        raise _fail(f"{city} has published nothing yet", 2)
    return current.snapshot_id


@app.command()
@_guarded
def sql(
    query: Annotated[str | None, typer.Argument(help="SQL; without one, the tables and columns are described.")] = None,
    smart: Annotated[Smart | None, typer.Option(help="Describe this Smart's tables only.")] = None,
    as_json: Json = False,
) -> None:
    """Query the lake (schema `lake`) and the current snapshots (schema `cdp`) with DuckDB.

    `from lake.meter_intervals_as_of('2026-11-20')` has the meter readings as they were known after that delivery day.
    """
    import duckdb

    from assets.landing.store import open_store
    from pipelines.build import cities_of
    from pipelines.sql import DESCRIBE, connect, is_reading

    if query and smart:
        raise _fail("--smart is for the description of tables, not for a query", 2)
    settings = Settings()
    described = (DESCRIBE, {"smart": smart})
    try:
        with connect(open_store(settings.store_uri), list(cities_of(settings))) as connection:
            if not connection.execute(*described).fetchone():
                raise _fail(f"the store {settings.store_uri} holds no such tables yet; `muang nightly` fills it", 2)
            if query and not is_reading(connection, query):
                raise _fail("only queries are run here; nothing is written", 2)
            result = connection.execute(query) if query else connection.execute(*described)
            names = [column[0] for column in result.description or []]
            rows = result.fetchall()
    except duckdb.Error as error:
        raise _fail(str(error), 2) from None
    if as_json:
        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False, default=str))
        return
    grid = RichTable(*names, header_style="bold")
    for row in rows:
        grid.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(grid)
    out.print(f"{len(rows)} rows", style="dim")


@app.command()
@_guarded
def doctor(as_json: Json = False) -> None:
    """Check settings, registry, store, conditional writes, clock and disk; say what to do about each."""
    from pipelines.doctor import examine

    findings = examine(Settings())
    if as_json:
        print(json.dumps([finding.__dict__ for finding in findings], ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            mark = {"ok": "[green]ok[/]  ", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}[finding.state]
            out.print(f"{mark} {finding.what}: {finding.found}", highlight=False)
            if finding.remedy:
                out.print(f"     → {finding.remedy}", highlight=False)
    states = {finding.state for finding in findings}
    raise typer.Exit(3 if "fail" in states else 0)


@app.command()
@_guarded
def ui(
    port: Annotated[int, typer.Option(help="Port of the web server.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open the Dagster UI on this workspace: web server and daemon (the schedule needs the daemon)."""
    from pipelines.run import LOCATION, dagster_home

    settings = Settings()
    environment = os.environ | {
        "DAGSTER_HOME": str(dagster_home(settings)),
        "MUANG_HOME": str(settings.home.absolute()),
    }
    command = [sys.executable, "-m", "dagster", "dev", "-m", LOCATION, "-p", str(port), "-h", host]
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603 - our own command


if __name__ == "__main__":
    app()
