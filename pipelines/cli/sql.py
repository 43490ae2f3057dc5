"""``muang sql``: the lake and the current snapshots, asked."""

from typing import Annotated

import typer
from rich.table import Table as RichTable

from assets.cities.registry import Smart
from pipelines.cli.base import Json, app, err, fail, guarded, out, print_json
from pipelines.settings import Settings


@app.command()
@guarded
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
    from pipelines.queries import Refused, TableFiles
    from pipelines.sql import ask, published

    if query and smart:
        raise fail("--smart is for the description of tables, not for a query", 2)
    settings = Settings()
    store, cities = open_store(settings.store_uri), list(cities_of(settings))
    snapshots, damaged = published(store, cities)
    for error in damaged:
        err.print(f"[red]left out[/]: {error}", highlight=False)
    try:
        names, rows = ask(TableFiles(store), cities, snapshots, query, smart)
    except Refused as refused:
        raise fail(str(refused), 2) from None
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise fail(f"infrastructure: {error}", 3) from None
    except duckdb.Error as error:
        # What was left out may be the very table that is asked for.
        raise fail(str(error), 1 if damaged else 2) from None
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows], indent=None)
        raise typer.Exit(1 if damaged else 0)
    grid = RichTable(*names, header_style="bold")
    for row in rows:
        grid.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(grid)
    out.print(f"{len(rows)} rows", style="dim")
    raise typer.Exit(1 if damaged else 0)
