"""``muang sources``: what a source would make of a resource, before a night does."""

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from pipelines.cli.base import Json, app, fail, guarded, out, tabular, wanted
from pipelines.settings import Settings, now

sources_app = typer.Typer(help="What a source would make of a resource.")
app.add_typer(sources_app, name="sources", no_args_is_help=True)

FIRST = 5
"""Rows shown of a table."""
FEW = 12
"""Values of a column up to which they are all named."""


@sources_app.callback()
def sources() -> None:
    """What a source would make of a resource, before a night does."""


@sources_app.command("test")
@guarded
def sources_test(
    city: Annotated[str, typer.Argument(help="City, as the registry names it.")],
    source: Annotated[str, typer.Argument(help="Source of the city, or a reader's name for one it does not have yet.")],
    file: Annotated[Path | None, typer.Argument(help="File to read; without one, what landed last.")] = None,
    options: Annotated[
        str | None, typer.Option(help="Options over the registry's, as YAML: '{columns: {value: จำนวนผู้ป่วย}}'.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read a resource as a source does and show what would come of it: the role of each column, tables, areas, items,
    periods, problems. Writes nothing and asks no portal. Exits 1 where it was rejected."""
    from assets.cities.registry import City
    from assets.lake.feeds import SOURCES
    from assets.sources.source import Context
    from pipelines.build import cities_of
    from quality.tables import TABLES

    settings = Settings()
    cities = cities_of(settings)
    wanted(cities, [city])
    entry = cities[city].sources.get(source)
    reader = entry.reader if entry else source
    if reader not in SOURCES:
        raise fail(
            f"{source} is no source of {city} and no reader; it has {', '.join(sorted(cities[city].sources))}", 2
        )
    known = SOURCES[reader]
    if any(TABLES[name].of_customers for name in known.tables):
        raise fail(f"{source} brings customers' data: `muang read FILE --city {city} --source {source}` masks it", 2)
    chosen = dict(entry.options if entry else {}) | _options(options)
    place: City = cities[city]
    rejected = False
    for name, data in [(file.name, _bytes(file))] if file else _landed(settings, place, source):
        result = known.read(data, Context(place, now().date(), name, chosen))
        found = _told(name, result)
        if as_json:
            print(json.dumps(found, ensure_ascii=False, default=str))
        else:
            _show(found)
        rejected |= not result.tables
    raise typer.Exit(1 if rejected else 0)


def _options(text: str | None) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(text or "{}")
    except yaml.YAMLError as error:
        raise fail(f"--options is no YAML: {' '.join(str(error).split())}", 2) from None
    if not isinstance(found, dict):
        raise fail("--options is no mapping of options to what they are", 2)
    return found


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise fail(f"{path}: {error.strerror}", 2) from None


def _landed(settings: Settings, city: Any, source: str) -> list[tuple[str, bytes]]:
    """Name and bytes of what a source brought on the last day on which it brought something new."""
    from assets.lake.feeds import SOURCES, landed_as
    from pipelines.build import cities_of, deployment_of

    entry = city.sources.get(source)
    if entry is None:
        raise fail(f"{city.slug} has no source {source}: name a FILE", 2)
    archive = deployment_of(settings, cities_of(settings)).archive
    newest = {
        receipt.name: receipt
        for receipt in archive.contents(*landed_as(city, source))
        if SOURCES[entry.reader].reads(receipt.name)
    }
    if not newest:
        raise fail(f"nothing of {source} has landed yet: name a FILE, or run a night", 2)
    # Names hold days: of a package's change, of what was asked for. What landed before is no resource of today.
    last = max(receipt.day for receipt in newest.values())
    return [(name, archive.bytes_of(receipt)) for name, receipt in sorted(newest.items()) if receipt.day == last]


def _told(name: str, result: Any) -> dict[str, Any]:
    """What there is to see of a reading, as JSON has it."""
    import polars as pl

    from quality.tables import TABLES

    tables = {}
    for table, frame in result.tables.items():
        day = frame[TABLES[table].day].drop_nulls()
        varied = [column for column in frame.columns if column != "_row" and frame[column].n_unique() > 1]
        texts = [column for column in varied if frame.schema[column] == pl.String]
        tables[table] = {
            "rows": frame.height,
            "first": day.min(),
            "last": day.max(),
            "values": {
                column: sorted(frame[column].drop_nulls().unique()) if frame[column].n_unique() <= FEW else None
                for column in texts
            },
            "distinct": {column: frame[column].n_unique() for column in texts},
            # What is alike in every row needs no column.
            "same": frame.drop("_row", *varied, strict=False).head(1).to_dicts(),
            "sample": frame.select(varied).head(FIRST).to_dicts(),
        }
    codes = result.problems.group_by("code", maintain_order=True).agg(
        pl.len().alias("count"), pl.col("row").min(), pl.col("message").first()
    )
    return {
        "name": name,
        "format": result.format,
        "evidence": result.evidence,
        "status": "rejected" if not result.tables else "partial" if result.problems.height else "ok",
        "headers": dict(result.headers),
        "tables": tables,
        "problems": codes.to_dicts(),
    }


def _show(found: dict[str, Any]) -> None:
    colour = {"ok": "green", "partial": "yellow", "rejected": "red"}[found["status"]]
    name, state = (found["name"], "bold"), (found["status"], colour)
    out.print(Text.assemble(name, f"  {found['format']}  ", state, f"  {found['evidence']}"))
    for header, role in found["headers"].items():
        out.print(f"  {header} -> {role or 'left out'}", highlight=False)
    for table, told in found["tables"].items():
        out.print(f"  {table}: {told['rows']} rows, {_span(told['first'], told['last'])}")
        for column, count in told["distinct"].items():
            values = told["values"][column]
            out.print(f"    {column}: {', '.join(values) if values is not None else f'{count} different'}")
        for column, value in (told["same"] or [{}])[0].items():
            out.print(f"    {column}: {value}, everywhere")
        if told["sample"]:
            grid = tabular(*told["sample"][0])
            for row in told["sample"]:
                grid.add_row(*("" if cell is None else str(cell) for cell in row.values()))
            out.print(grid)
    for problem in found["problems"]:
        at = "" if problem["row"] is None else f" (first in row {problem['row']})"
        out.print(f"  {problem['code']} ×{problem['count']}{at}: {problem['message']}")


def _span(first: date | None, last: date | None) -> str:
    return "no day" if first is None else f"{first} to {last}"
