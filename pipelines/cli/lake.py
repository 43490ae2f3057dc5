"""``muang lake``: upkeep of the lake."""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.base import (
    Cities,
    Json,
    app,
    as_day,
    begun,
    fail,
    guarded,
    out,
    print_json,
    say,
    show_problems,
    wanted,
)
from pipelines.settings import Settings, now

if TYPE_CHECKING:
    from assets.lake.files import CityLake

lake_app = typer.Typer(help="Upkeep of the lake: find damage, make days again, rewrite old files, compact months.")
app.add_typer(lake_app, name="lake", no_args_is_help=True)


@lake_app.command("verify")
@guarded
def lake_verify(city: Cities = None, as_json: Json = False) -> None:
    """Check every file of the lake and of memory/ against the digest in it, and count the rows of each delivery against
    the ledger."""
    from assets.lake import upkeep
    from assets.lake.files import CityLake
    from assets.landing.store import open_store
    from pipelines.build import cities_of

    settings = Settings()
    store = begun(open_store(settings.store_uri), "lake")
    found = {slug: upkeep.verify(CityLake(store, slug)) for slug in wanted(cities_of(settings), city)}
    show_problems(found, as_json)
    raise typer.Exit(1 if any(found.values()) else 0)


@lake_app.command("rebuild")
@guarded
def lake_rebuild(
    city: Annotated[str, typer.Option(help="City (slug).")],
    table: Annotated[str, typer.Option(help="Table of the lake.")],
    day: Annotated[str, typer.Option(help="Day YYYY-MM-DD of the rows.")],
    as_json: Json = False,
) -> None:
    """Make a day of a table again from landing; a damaged file is kept under damaged/."""
    from assets.lake import upkeep
    from assets.landing.deployment import Step
    from pipelines.build import at_work, cities_of
    from quality.tables import TABLES

    settings = Settings()
    cities = cities_of(settings)
    wanted(cities, [city])
    if table not in TABLES:
        raise fail(f"no such table: {table}; `muang sql` lists them", 2)
    with at_work(settings, cities, [city]) as deployment:
        step = upkeep.as_last_night(Step(deployment, cities[city], now().date(), "rebuild"))
        try:
            done = upkeep.rebuild(step, TABLES[table], as_day(day, "--day"))
        except upkeep.CannotRebuild as error:
            raise fail(str(error), 2) from None
    if as_json:
        print_json({"days": list(map(str, done.days)), "deliveries": done.deliveries, "note": done.note})
        return
    days = f"{done.days[0]}" + (f" to {done.days[-1]}" if len(done.days) > 1 else "")
    made = f"made again of {done.deliveries} deliveries" if done.deliveries or not done.note else "nothing was read"
    out.print(f"{table} of {city}, {days}: {made}", highlight=False)
    out.print(done.note or "`muang nightly` publishes it", highlight=False)


@lake_app.command("upgrade")
@guarded
def lake_upgrade(city: Cities = None, as_json: Json = False) -> None:
    """Rewrite lake files of an older contract or layout; a night reads them all the same.

    A store of before it had a format is brought up to date first: its receipts are kept, and the next night reads all
    deliveries again.
    """
    from assets.lake import upkeep
    from assets.landing.store import open_store
    from pipelines import store_upgrade
    from pipelines.build import cities_of

    settings = Settings()
    wanted(cities_of(settings), city)
    store = open_store(settings.store_uri)
    if store_upgrade.is_format_0(store):
        counts = store_upgrade.upgrade(store)
        say(f"{sum(counts.values())} receipts of {len(counts)} cities kept; the next night reads them again")
    _work_on("rewritten", upkeep.upgrade, city, as_json)


@lake_app.command("rebucket")
@guarded
def lake_rebucket(city: Cities = None, as_json: Json = False) -> None:
    """Cut the days of meter readings into the registry's meter_buckets; a night does it with the days it writes."""
    from assets.lake import upkeep

    _work_on("cut anew", upkeep.rebucket, city, as_json)


@lake_app.command("compact")
@guarded
def lake_compact(city: Cities = None, as_json: Json = False) -> None:
    """Make one file of each closed month of the tables that are not readings; a night does it by itself."""
    from assets.lake import upkeep

    today: date = now().date()
    _work_on("compacted", lambda lake: upkeep.compact(lake, today), city, as_json)


def _work_on(what: str, work: "Callable[[CityLake], list[str]]", city: list[str] | None, as_json: bool) -> None:
    """Do ``work`` on each city's lake while no night is at it, and say how many files it was."""
    from assets.lake.files import CityLake
    from pipelines.build import at_work, cities_of

    settings = Settings()
    cities = cities_of(settings)
    slugs = wanted(cities, city)
    with at_work(settings, cities, slugs) as deployment:
        done = {slug: work(CityLake(deployment.store, slug, cities[slug].meter_buckets)) for slug in slugs}
    if as_json:
        print_json(done)
        return
    for slug, keys in done.items():
        out.print(f"{slug}: {len(keys)} files {what}", highlight=False)
