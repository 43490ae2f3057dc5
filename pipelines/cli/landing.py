"""``muang landing``: bytes as they came, and their receipts."""

import json
from typing import Annotated

import typer

from pipelines.cli.base import Cities, Json, app, begun, fail, guarded, out, print_json, show_problems, wanted
from pipelines.settings import Settings, now

landing_app = typer.Typer(help="Bytes as they came, and their receipts: read back, mend damage, compact months.")
app.add_typer(landing_app, name="landing", no_args_is_help=True)


@landing_app.command("verify")
@guarded
def landing_verify(city: Cities = None, as_json: Json = False) -> None:
    """Read everything that landed back, against the digests in its receipts; 1 where something is damaged or gone.

    Nights read what is new: this alone sees that older bytes are not whole any more, while a backup still has them.
    """
    from assets.lake.feeds import NATIONAL
    from assets.landing.archive import Archive
    from assets.landing.store import open_store
    from pipelines.build import cities_of

    settings = Settings()
    archive = Archive(begun(open_store(settings.store_uri), "landing"))
    found = {slug: archive.verify(slug) for slug in wanted({**cities_of(settings), NATIONAL: None}, city)}
    show_problems(found, as_json)
    raise typer.Exit(1 if any(found.values()) else 0)


@landing_app.command("repair")
@guarded
def landing_repair(city: Cities = None, as_json: Json = False) -> None:
    """Keep what can be read of damaged receipts files and packs, and move them aside; 1 if there were any.

    Deliveries whose receipts are lost and that still lie in an inbox are landed anew by the next night.
    """
    from assets.lake.feeds import NATIONAL
    from pipelines.build import at_work, cities_of

    settings = Settings()
    cities = cities_of(settings)
    slugs = wanted({**cities, NATIONAL: None}, city)
    with at_work(settings, cities, [slug for slug in slugs if slug in cities]) as deployment:
        told = {slug: deployment.archive.repair(slug) for slug in slugs}
    if as_json:
        print(json.dumps({slug: lines for slug, lines in told.items() if lines}, ensure_ascii=False, indent=1))
    else:
        for line in (line for lines in told.values() for line in lines):
            out.print(line, soft_wrap=True, highlight=False)
        if not any(told.values()):
            out.print("every receipts file and pack is whole")
    raise typer.Exit(1 if any(told.values()) else 0)


@landing_app.command("compact")
@guarded
def landing_compact(
    city: Cities = None,
    until: Annotated[str | None, typer.Option(help="Last month YYYY-MM; default the one before the last.")] = None,
    as_json: Json = False,
) -> None:
    """Make one receipts file of each closed month, and packs of its small landed files."""
    from assets.lake.feeds import NATIONAL
    from assets.lake.upkeep import closed_month
    from pipelines.build import at_work, cities_of

    settings = Settings()
    cities = cities_of(settings)
    slugs = wanted({**cities, NATIONAL: None}, city)
    month = closed_month(now().date()) if until is None else until
    if month >= f"{now():%Y-%m}":
        raise fail(f"--until {month} is not over", 2)
    with at_work(settings, cities, [slug for slug in slugs if slug in cities]) as deployment:
        try:
            for slug in slugs:
                deployment.archive.compact(slug, month)
        except ValueError as error:
            raise fail(f"--until: {error}", 2) from None
    if as_json:
        print_json({"until": month, "cities": slugs})
        return
    out.print(f"compacted up to {month}", highlight=False)
