"""``muang sources``: what a source would give, before a night takes it."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table as RichTable

from pipelines.cli.base import Json, app, fail, guarded, out, print_json, wanted
from pipelines.settings import Settings, now

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from assets.cities.registry import City
    from assets.sources.source import ReadResult

sources_app = typer.Typer(help="Sources of a city, as the registry has them.")
app.add_typer(sources_app, name="sources", no_args_is_help=True)

SHOWN = 8
"""Values named of one column; how many there are is told beside them."""


@sources_app.callback()
def _sources() -> None:
    """Keep ``test`` a command of its own although it is the only one."""


@sources_app.command("test")
@guarded
def sources_test(
    city: Annotated[str, typer.Argument(help="City (slug).")],
    source: Annotated[str, typer.Argument(help="Source, as the registry names it for the city.")],
    file: Annotated[
        Path | None, typer.Argument(help="A file as the portal has it; default what was landed last.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what a resource would give with the options of now: roles by column, rows, items, areas, periods, problems.
    Writes nothing; 1 where something of it would be refused."""
    from assets.lake.feeds import source_of
    from pipelines.build import cities_of

    settings = Settings()
    cities = cities_of(settings)
    wanted(cities, [city])
    there = cities[city]
    if source not in there.sources:
        raise fail(f"{source} is no source of {city}; it has {', '.join(sorted(there.sources))}", 2)
    if source_of(there.sources[source]).keyed:
        raise fail(f"{source} has metering points; `muang read FILE --city {city} --source {source}` reads it", 2)
    if file is not None:
        try:
            deliveries = iter([(str(file), file.name, file.read_bytes(), now().date())])
        except OSError as error:
            raise fail(f"{file}: {error.strerror}", 2) from None
    else:
        deliveries = _landed(settings, cities, there, source)
    found = [_told(there, source, *each) for each in deliveries]
    if not found:
        raise fail(f"nothing of {source} of {city} is landed that has rows; give a FILE", 2)
    if as_json:
        print_json({"city": city, "source": source, "read": found})
    else:
        for each in found:
            _show(each)
    raise typer.Exit(0 if all(each["status"] == "ok" for each in found) else 1)


def _landed(
    settings: Settings, cities: "dict[str, City]", city: "City", source: str
) -> "Iterator[tuple[str, str, bytes, date]]":
    """Label, name, bytes and day of what came on the newest day with rows."""
    from assets.lake.feeds import landed_as, source_of
    from pipelines.build import deployment_of

    archive = deployment_of(settings, cities).archive
    reads = source_of(city.sources[source]).reads
    receipts = [each for each in archive.receipts(*landed_as(city, source)) if each.readable and reads(each.name)]
    newest = max((each.day for each in receipts), default=None)
    last = {each.name: each for each in sorted(receipts, key=lambda each: each.order) if each.day == newest}
    for each in last.values():
        yield each.id, each.name, archive.bytes_of(each), each.day


def _told(city: "City", source: str, label: str, name: str, data: bytes, day: date) -> dict[str, Any]:
    """What a reader makes of one delivery, in plain JSON types. A problem of several rows is told once."""
    import polars as pl

    from assets.lake.feeds import source_of
    from assets.sources.source import Context
    from quality.problems import with_severity

    entry = city.sources[source]
    result = source_of(entry).read(data, Context(city, day, name, dict(entry.options)))
    problems = (
        with_severity(result.problems)
        .group_by("code", "severity", "message", maintain_order=True)
        .agg(row=pl.col("row").first(), rows=pl.len())
        .to_dicts()
    )
    severities = {each["severity"] for each in problems}
    status = "rejected" if "reject" in severities else "partial" if "refuse" in severities else "ok"
    return {
        "file": label,
        "evidence": result.evidence,
        "status": status,
        "headers": dict(result.headers),
        "tables": _tables(result),
        "problems": problems,
    }


def _tables(result: "ReadResult") -> dict[str, Any]:
    return {
        name: {
            "rows": frame.height,
            "columns": {column: _column(frame[column]) for column in frame.columns if column != "_row"},
        }
        for name, frame in result.tables.items()
    }


def _column(column: "pl.Series") -> dict[str, Any]:
    """Texts by name, of anything else the least and the greatest."""
    import polars as pl

    count, filled = column.n_unique(), column.drop_nulls()
    if column.dtype == pl.String:
        return {"different": count, "first": filled.unique(maintain_order=True).head(SHOWN).to_list()}
    if column.dtype.is_nested() or not filled.len():
        return {"different": count}
    return {"different": count, "from": _plain(filled.min()), "to": _plain(filled.max())}


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _show(found: dict[str, Any]) -> None:
    colour = {"ok": "green", "partial": "yellow", "rejected": "red"}[found["status"]]
    out.print(f"[bold]{found['file']}[/]  [{colour}]{found['status']}[/]  {found['evidence']}")
    for header, role in found["headers"].items():
        out.print(f"  {header} -> {role or 'left out'}", highlight=False, markup=False)
    for name, table in found["tables"].items():
        grid = RichTable("column", "different", "values", title=f"{name}: {table['rows']} rows", box=None)
        for column, told in table["columns"].items():
            ends = f"{told['from']} .. {told['to']}" if "from" in told else ", ".join(told.get("first", ()))
            grid.add_row(column, str(told["different"]), ends)
        out.print(grid)
    for each in found["problems"]:
        more = f" and {each['rows'] - 1} more" if each["rows"] > 1 else ""
        row = f"row {each['row']}{more}: " if each["row"] else ""
        out.print(f"  {each['code']} {row}{each['message']}", highlight=False, markup=False)
