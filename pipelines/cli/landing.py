"""``muang landing``: bytes as they came, and their receipts."""

import json

import typer

from pipelines.cli.base import Cities, Json, app, guarded, out, wanted
from pipelines.settings import Settings

landing_app = typer.Typer(help="Bytes as they came, and their receipts.")
app.add_typer(landing_app, name="landing", no_args_is_help=True)


@landing_app.command("repair")
@guarded
def landing_repair(city: Cities = None, as_json: Json = False) -> None:
    """Keep what can be read of damaged receipts files, and move the damaged ones aside; 1 if there were any.

    Deliveries whose receipts are lost and that still lie in an inbox are landed anew by the next night.
    """
    from assets.lake.feeds import NATIONAL
    from assets.landing.archive import Archive
    from assets.landing.store import open_store
    from pipelines.build import cities_of

    settings = Settings()
    archive = Archive(open_store(settings.store_uri))
    told = {slug: archive.repair(slug) for slug in wanted({**cities_of(settings), NATIONAL: None}, city)}
    told = {slug: lines for slug, lines in told.items() if lines}
    if as_json:
        print(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        for lines in told.values():
            for line in lines:
                out.print(line, soft_wrap=True, highlight=False)
        if not told:
            out.print("every receipts file is whole")
    raise typer.Exit(1 if told else 0)
