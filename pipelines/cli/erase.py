"""``muang erase``: everything that is kept of a metering point goes."""

from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from pipelines.cli.base import Json, app, asked_point, fail, guarded, out, print_json, wanted
from pipelines.settings import Settings, now


@app.command("erase")
@guarded
def erase_meter(
    meter: Annotated[
        str, typer.Option(help="Metering point as delivered; - asks for it, so that no shell remembers it.")
    ],
    city: Annotated[str, typer.Option(help="City (slug).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say where it is.")] = False,
    rebuild_snapshots: Annotated[
        bool,
        typer.Option("--rebuild-snapshots", help="Withdraw the published sums that it is part of, and old snapshots."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Erase a metering point: landed files, lake, register (docs/personal-data.md). 1 if something is left to others.

    It can be stopped and run again. Files in the inbox are named, for the sender to take out.
    """
    from assets.lake import erasure
    from assets.landing.deployment import MissingSecret, Step
    from assets.snapshots.collect import collect, with_days
    from pipelines.build import at_work, cities_of

    settings = Settings()
    cities = cities_of(settings)
    wanted(cities, [city])
    point = asked_point() if meter == "-" else meter.strip()
    if not point:
        raise fail("--meter names no metering point", 2)
    with at_work(settings, cities, [city]) as deployment:
        step = Step(deployment, cities[city], now().date(), "erasure")
        try:
            found = erasure.trace(step, point) if dry_run else erasure.erase(step, point, rebuild_snapshots)
        except (erasure.CannotErase, MissingSecret) as error:
            raise fail(str(error), 2) from None
        snapshots = with_days(deployment.store, city, found.days)
        removed = []
        if rebuild_snapshots and not dry_run:
            removed = collect(deployment.store, city, now(), keep=1, grace=timedelta(0))
    told: dict[str, Any] = vars(found) | {"snapshots": snapshots, "removed": removed}
    somewhere = found.deliveries or found.rows or found.before
    left = found.inbox or found.damaged or found.elsewhere or not somewhere
    if as_json:
        print_json(told)
        raise typer.Exit(1 if left else 0)
    verb = "holds" if dry_run else "held"
    out.print(
        f"{len(found.deliveries)} landed deliveries {verb} it, lake rows: {found.rows or 'none'}", highlight=False
    )
    if found.refused:
        out.print(
            f"{found.refused} refused rows of these deliveries are not kept; replay them first, or have them sent again"
        )
    for path in found.inbox:
        line = Text.assemble(("in the inbox", "yellow"), f", for the sender to take out: {path}")
        out.print(line, highlight=False, soft_wrap=True)
    for key in found.damaged:
        line = Text.assemble(("moved aside by a repair", "yellow"), f", remove it: {key}")
        out.print(line, highlight=False, soft_wrap=True)
    for other in found.elsewhere:
        line = Text.assemble((f"also delivered to {other}", "yellow"), f": run `muang erase --city {other}` too")
        out.print(line, highlight=False)
    if snapshots:
        stay = "are kept" if not rebuild_snapshots else "held them"
        out.print(
            f"snapshots with sums that it is part of {stay}: {', '.join(snapshots)}", highlight=False, soft_wrap=True
        )
    if rebuild_snapshots and not dry_run:
        out.print(f"{len(removed)} old snapshots removed; run `muang nightly --city {city}`, then this command again")
    if not somewhere:
        out.print("nothing knows this metering point: is it written as delivered?")
    raise typer.Exit(1 if left else 0)
