"""``muang nightly``: the main job."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipelines.cli.base import (
    PASSED_ON,
    Cities,
    Json,
    app,
    as_day,
    end_now,
    ending,
    err,
    fail,
    guarded,
    out,
    print_json,
    say,
    wanted,
)
from pipelines.settings import FailOn, Settings, now
from pipelines.stopping import Stopped, Stopping

Day = str | None


@app.command()
@guarded
def nightly(
    day: Annotated[Day, typer.Option(help="Delivery day YYYY-MM-DD; default today in Bangkok.")] = None,
    first: Annotated[Day, typer.Option("--from", help="First of several delivery days, run in order.")] = None,
    last: Annotated[Day, typer.Option("--to", help="Last of them; default today in Bangkok.")] = None,
    city: Cities = None,
    profile: Annotated[Literal["demo", "live"] | None, typer.Option(help="demo: generated, synthetic input.")] = None,
    inbox: Annotated[Path | None, typer.Option(help="Folder of deliveries: <inbox>/<city>/<source>/…")] = None,
    fail_on: Annotated[
        FailOn | None,
        typer.Option(
            help="What ends a night with 1, each with all before it: a city or a table was withheld; deliveries or "
            "rows were refused (default); a check warned."
        ),
    ] = None,
    accept_clock: Annotated[
        bool, typer.Option("--accept-clock", help="The clock is right, although it lies far from the newest night.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the main job for all cities (or some): land, fill tables, judge, publish one snapshot a city.

    May be repeated: a day that was run is re-run from landing, and the same input gives the same tables. Asked to stop
    (SIGTERM, SIGINT, SIGHUP) it ends within seconds, with 128 and the signal; then run it again.

    With --from, the exit code is the worst of its nights, and the JSON has them in order under "nights".
    """
    chosen: dict[str, Any] = {"profile": profile, "inbox": inbox, "fail_on": fail_on}
    days: list[date] = []
    told: list[dict[str, Any]] = []
    code, working = 0, False
    with Stopping() as stopping:
        with err.status("Loading the definitions …"):
            from assets.landing.store import open_store
            from pipelines import report, run
            from pipelines.build import cities_of, claim_store
        try:
            settings = Settings(**{name: value for name, value in chosen.items() if value is not None})
            days = _days(day, first, last, settings)
            slugs = wanted(cities_of(settings), city)
            if missing := run.not_ready(settings, slugs):
                raise fail(missing, 2)
            claim_store(settings, open_store(settings.store_uri), accept_clock)
            for each in days:
                with _progress() as step:
                    night = stopping.run(
                        partial(run.run_night, settings, each, slugs, stopping, say, step, accept_clock)
                    )
                told.append(report.as_json(night, settings.fail_on))
                code = max(code, night.exit_code(settings.fail_on))
                if not as_json:
                    report.show(night, settings.fail_on, out)
                if night.stopped:
                    say(str(Stopped(night.stopped)))
                    break
        except PASSED_ON:
            raise
        except BaseException as error:  # no city of this day could be run, and none of those after it is
            stopped = stopping.requested and Stopped(stopping.requested)
            ended = ending(stopped or error)
            say(str(ended))
            told.append(report.nothing_ran(days[len(told)] if days else None, ended.exit_code, str(ended)))
            code = max(code, ended.exit_code)
            working = isinstance(error, Stopped) and error.working
    if as_json:
        print_json({"exit_code": code, "nights": told} if first else told[0])
    if working:
        end_now(code)
    raise typer.Exit(code)


def _days(day: str | None, first: str | None, last: str | None, settings: Settings) -> list[date]:
    """The delivery days asked for. Raises ``Ended`` where they are none."""
    # What is given empty, as by a variable that is not set, is no date: it is not today.
    if (day is not None and (first is not None or last is not None)) or (last is not None and first is None):
        raise fail("give --day, or --from with or without --to", 2)
    today = now().date()
    begin = as_day(first, "--from") if first is not None else as_day(day, "--day") if day is not None else today
    end = as_day(last, "--to") if last is not None else today if first is not None else begin
    if end > today:
        raise fail(f"{end} has not begun in Bangkok", 2)
    if begin < settings.first_day:
        raise fail(f"{begin} is before the first delivery day {settings.first_day}, which is a setting (first_day)", 2)
    if begin > end:
        raise fail(f"--from {begin} is after the last day {end}", 2)
    return [begin + timedelta(days=n) for n in range((end - begin).days + 1)]


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:42}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_interactive) as bar:
        task = bar.add_task("starting", total=None)

        def step(name: str, done: int, total: int) -> None:
            bar.update(task, description=name.replace("__", " · "), completed=done, total=total)

        yield step
