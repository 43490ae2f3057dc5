"""``muang snapshots``: the published side."""

import json
from typing import Annotated

import typer
from rich.table import Table as RichTable

from pipelines.cli.base import Cities, Json, app, fail, guarded, out, wanted
from pipelines.settings import Settings

snapshots_app = typer.Typer(help="The published side: what each city published, and whether it is whole.")
app.add_typer(snapshots_app, name="snapshots", no_args_is_help=True)


@snapshots_app.command("list")
@guarded
def snapshots_list(city: Cities = None, as_json: Json = False) -> None:
    """List what each city has committed, newest last; the current one is marked."""
    from assets.landing.store import open_store
    from assets.snapshots import commit
    from pipelines.build import cities_of

    settings = Settings()
    store = open_store(settings.store_uri)
    slugs = wanted(cities_of(settings), city)
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
@guarded
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
        raise fail(f"{city} has no snapshot {identity}", 2) from None
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
@guarded
def snapshots_verify(city: Cities = None, as_json: Json = False) -> None:
    """Read every file of each city's current snapshot back and compare it with the manifest."""
    from assets.landing.store import open_store
    from assets.snapshots import commit
    from assets.snapshots.verify import verify
    from pipelines.build import cities_of

    settings = Settings()
    store = open_store(settings.store_uri)
    found: dict[str, list[str]] = {}
    for slug in wanted(cities_of(settings), city):
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

    wanted(cities_of(settings), [city])
    current = commit.current(open_store(settings.store_uri), city)
    if current is None:
        raise fail(f"{city} has published nothing yet", 2)
    return current.snapshot_id
