"""``muang nightly``: the main job."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipelines.cli.base import Cities, Json, app, err, fail, guarded, out, wanted
from pipelines.settings import Settings, now


@app.command()
@guarded
def nightly(
    day: Annotated[str | None, typer.Option(help="Delivery day YYYY-MM-DD; default today in Bangkok.")] = None,
    city: Cities = None,
    profile: Annotated[Literal["demo", "live"] | None, typer.Option(help="demo: generated, synthetic input.")] = None,
    inbox: Annotated[Path | None, typer.Option(help="Folder of deliveries: <inbox>/<city>/<source>/…")] = None,
    accept_clock: Annotated[
        bool, typer.Option("--accept-clock", help="The clock is right, although it lies far from the newest night.")
    ] = False,
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
        raise fail(f"--day {day!r} is not a date like 2026-11-23", 2) from None
    if delivery_day > now().date():
        raise fail(f"--day {delivery_day} has not begun in Bangkok", 2)

    with err.status("Loading the definitions …"):
        from assets.graph import START
        from assets.landing.store import open_store
        from pipelines import report, run
        from pipelines.build import cities_of, claim_store
    if delivery_day < date.fromisoformat(START):
        raise fail(f"--day {delivery_day} is before the first delivery day {START}", 2)
    slugs = wanted(cities_of(settings), city)
    if missing := run.not_ready(settings, slugs):
        raise fail(missing, 2)
    claim_store(settings, open_store(settings.store_uri), accept_clock)
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
