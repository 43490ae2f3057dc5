"""``muang sql``: the lake and the current snapshots, asked."""

import csv
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.measure import Measurement
from rich.text import Text
from typer.core import TyperCommand

from assets.cities.registry import Smart
from pipelines.cli.base import WIDE, Json, app, fail, guarded, in_json, out, print_json, say, tabular
from pipelines.settings import Settings

SHOWN = 1_000
"""Rows that are drawn as a table: more take a terminal seconds, and nobody reads them."""


class _Query(TyperCommand):
    """The command whose argument may begin with a comment of SQL, two dashes and a blank, which is no option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [f"\n{word}" if re.match(r"--\s", word) else word for word in args])


@app.command(cls=_Query)
@guarded
def sql(
    query: Annotated[str | None, typer.Argument(help="SQL; without one, the tables and columns are described.")] = None,
    smart: Annotated[Smart | None, typer.Option(help="Describe this Smart's tables only.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV (RFC 4180, UTF-8) instead of a table.")] = False,
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

    if query is not None and not query.strip():
        raise fail("the query is empty: a variable that is not set?", 2)
    if query and smart:
        raise fail("--smart is for the description of tables, not for a query", 2)
    settings = Settings()
    store, cities = open_store(settings.store_uri), list(cities_of(settings))
    snapshots, damaged = published(store, cities)
    for error in damaged:
        say(f"left out: {error}")
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
    if as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([names, *(map(_flat, row) for row in rows)])
        raise typer.Exit(1 if damaged else 0)
    shown = rows[:SHOWN] if query else rows
    _show(names, shown, may_stand=bool(query))
    more = f", of which {SHOWN:,} are shown; --csv and --json have all" if len(shown) < len(rows) else ""
    out.print(f"{len(rows):,} rows{more}", style="dim")
    raise typer.Exit(1 if damaged else 0)


def _flat(cell: Any) -> Any:
    """A value of a cell; lists, structs and maps as JSON."""
    return in_json(cell) if isinstance(cell, list | tuple | dict) else cell


def _show(names: Sequence[str], rows: Sequence[Sequence[Any]], may_stand: bool) -> None:
    """Rows as a table; where the terminal is too narrow for it, and they ``may_stand``, with a line a value."""
    texts = [["" if cell is None else str(_flat(cell)) for cell in row] for row in rows]
    grid = tabular(*names)
    for row in texts:
        grid.add_row(*row)
    if not may_stand or Measurement.get(out, out.options.update(width=WIDE), grid).maximum <= out.width:
        out.print(grid)
        return
    longest = max(map(len, names))
    for number, row in enumerate(texts, start=1):
        out.print(f"row {number}", style="dim", highlight=False)
        for name, cell in zip(names, row, strict=True):
            out.print(Text.assemble("  ", (name.ljust(longest), "bold"), f"  {cell}"), highlight=False)
