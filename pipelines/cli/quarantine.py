"""``muang quarantine``: what was refused and why, and reading it again."""

import json
from typing import Annotated, Any

import typer

from pipelines.cli.base import Cities, Json, app, begun, fail, guarded, out, tabular, wanted
from pipelines.settings import Settings, now

quarantine_app = typer.Typer(help="What was refused and why, and reading it again.")
app.add_typer(quarantine_app, name="quarantine", no_args_is_help=True)

SHOWN = 200
"""Problems printed of one delivery; all of them are in lake.quarantine."""


@quarantine_app.command("list")
@guarded
def quarantine_list(city: Cities = None, as_json: Json = False) -> None:
    """Deliveries that were not read, or not wholly, until they are: refused whole, in part, or by a failing machine."""
    from assets.lake import upkeep
    from assets.landing.deployment import Step
    from pipelines.build import cities_of, deployment_of

    settings = Settings()
    cities = cities_of(settings)
    deployment = deployment_of(settings, cities)
    begun(deployment.store, "lake")
    columns = ("day", "receipt", "source", "table", "status", "refused", "codes")
    found = [
        {"city": slug} | row
        for slug in wanted(cities, city)
        for row in upkeep.refused(Step(deployment, cities[slug], now().date())).select(columns).to_dicts()
    ]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1, default=str))
        return
    grid = tabular("city", *columns)
    for row in found:
        cells = (row | {"codes": ", ".join(row["codes"] or [])}).values()
        grid.add_row(*("" if cell is None else str(cell) for cell in cells))
    out.print(grid)
    out.print(f"{len(found)} deliveries. `muang quarantine show RECEIPT` tells why, `replay` reads them again.")


@quarantine_app.command("show")
@guarded
def quarantine_show(
    receipt: Annotated[str, typer.Argument(help="Receipt, as `list` shows it.")],
    show_names: Annotated[bool, typer.Option("--show-names", help="Also its name and origin (personal data).")] = False,
    as_json: Json = False,
) -> None:
    """Each problem of a delivery: row, code, what it led to and why."""
    import polars as pl

    from assets.lake.feeds import landed_as
    from assets.lake.files import CityLake
    from pipelines.build import cities_of, deployment_of
    from quality.problems import CODES
    from quality.tables import DELIVERIES, QUARANTINE

    settings = Settings()
    cities = cities_of(settings)
    deployment = deployment_of(settings, cities)
    for slug in cities:
        lake = CityLake(deployment.store, slug)
        mine = pl.col("receipt") == receipt
        entries = lake.read(DELIVERIES).filter(mine)
        if entries.is_empty():
            continue
        problems = lake.read(QUARANTINE).filter(mine).sort("table", "row", "code")
        told = entries.select("table", "source", "day", "format", "status", "rows", "refused").to_dicts()
        shown: dict[str, Any] = {"city": slug, "receipt": receipt, "tables": told}
        if show_names:
            came = told[0]["source"]
            # One that the registry has no more was the city's own; those of the whole country tell of no person.
            owner, source = landed_as(cities[slug], came) if came in cities[slug].sources else (slug, came)
            of = next((r for r in deployment.archive.receipts(owner, source) if r.id == receipt), None)
            shown |= {name: getattr(of, name, None) for name in ("name", "origin", "sha256")}
        rows = problems.select("table", "row", "code", "severity", "message").to_dicts()
        if as_json:
            print(json.dumps(shown | {"problems": rows}, ensure_ascii=False, indent=1, default=str))
            return
        for name, value in shown.items():
            if name != "tables":
                out.print(f"{name}: {value}", highlight=False)
        for entry in told:
            out.print("  " + ", ".join(f"{name} {value}" for name, value in entry.items()), highlight=False)
        grid = tabular("table", "row", "code", "severity", "message")
        for row in rows[:SHOWN]:
            grid.add_row(*(str(cell) for cell in row.values()))
        out.print(grid)
        for code in dict.fromkeys(row["code"] for row in rows):
            out.print(f"  {code}: {CODES[code][1]}", highlight=False)
        return
    raise fail(f"no city knows a receipt {receipt}; `muang quarantine list` shows them", 2)


@quarantine_app.command("replay")
@guarded
def quarantine_replay(
    receipt: Annotated[list[str] | None, typer.Argument(help="Only these receipts; default all that wait.")] = None,
    city: Cities = None,
    as_json: Json = False,
) -> None:
    """Read again what was refused, with the readers, layouts and options of now. `muang nightly` publishes it.

    A night does so by itself for what was read by other code, options or reader versions. Ends with 1 where something
    of what was to be read is still refused, unless the setting fail_on is `withheld`.
    """
    from assets.lake import upkeep
    from assets.landing.deployment import Step
    from pipelines.build import at_work, cities_of

    settings = Settings()
    cities = cities_of(settings)
    slugs = wanted(cities, city)
    found: dict[str, dict[str, Any]] = {}
    unknown, still = {*(receipt or ())}, False
    with at_work(settings, cities, slugs) as deployment:
        for slug in slugs:
            step = upkeep.as_last_night(Step(deployment, cities[slug], now().date(), "replay"))
            refused = upkeep.refused(step)
            unknown -= {*refused["receipt"]}
            before = refused.height
            done = upkeep.replay(step, receipt or ())
            if before:
                read = sum(each.deliveries for each in done)
                left = upkeep.refused(step)["receipt"]
                found[slug] = {"waiting": before, "read": read, "left": len(left), "no_source": upkeep.unread(step)}
                still |= bool(left.is_in(list(receipt) if receipt else left.implode()).any())
    if unknown:
        raise fail(f"not refused: {', '.join(sorted(unknown))}; `muang quarantine list` tells what is", 2)
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        for slug, counts in found.items():
            out.print(f"{slug}: {counts['waiting']} waited, {counts['read']} read, {counts['left']} still refused")
            if gone := ", ".join(counts["no_source"]):
                out.print(f"  of {gone}, which the registry has no more: what is refused is read once it is put back")
        if not found:
            out.print("nothing is refused")
    raise typer.Exit(1 if still and settings.fail_on != "withheld" else 0)
