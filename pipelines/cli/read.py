"""``muang read``: what a meter export is and what is in it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from pipelines.cli.base import Json, app, fail, guarded, out, tabular, wanted
from pipelines.settings import BANGKOK, Settings


@app.command()
@guarded
def read(
    files: Annotated[list[Path], typer.Argument(help="Meter exports, of any known format, also zipped.")],
    form: Annotated[str | None, typer.Option("--as", help="Read as this format instead of recognising it.")] = None,
    layout: Annotated[
        str | None, typer.Option(help="Declared layout to read it with: a shipped one's name, or FILE.yaml.")
    ] = None,
    city: Annotated[str | None, typer.Option(help="Read it as a source of this city does; with --source.")] = None,
    source: Annotated[str | None, typer.Option(help="Source whose options in the registry hold; with --city.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of the stamps, where the format's own is wrong.")] = None,
    show_ids: Annotated[bool, typer.Option("--show-ids", help="Print real metering points (personal data).")] = False,
    as_json: Json = False,
) -> None:
    """Tell what a file is and what is in it: format, channels, sums, quality, problems. Writes nothing."""
    from assets.meters.exports import describe, read_export
    from assets.meters.judgement import come

    if (city is None) != (source is None):
        raise fail("--city and --source are given together", 2)
    worst, today = 0, datetime.now(BANGKOK).date()
    declared = _options_of(city, source) if city and source else {}
    chosen = {"format": form, "layout": _layout(layout), "timezone": timezone}
    options = declared | {name: value for name, value in chosen.items() if value}
    for path in files:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise fail(f"{path}: {error.strerror}", 2) from None
        found = describe(come(read_export(data, path.name, options, today), today), str(path), show_ids=show_ids)
        worst = max(worst, 0 if found["status"] == "ok" else 1)
        if as_json:
            print(json.dumps(found, ensure_ascii=False))
        else:
            _show_export(found)
    raise typer.Exit(worst)


def _layout(named: str | None) -> Any:
    """A shipped layout's name as it is, or the fields in a YAML file."""
    if named is None or Path(named).suffix not in (".yaml", ".yml"):
        return named
    import yaml

    try:
        return yaml.safe_load(Path(named).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise fail(f"{named} cannot be read: {' '.join(str(error).split())}", 2) from None


def _options_of(city: str, source: str) -> dict[str, Any]:
    """What the registry chooses for a city's source of meter exports."""
    from assets.meters.exports import METER_EXPORTS
    from pipelines.build import cities_of

    cities = cities_of(Settings())
    wanted(cities, [city])
    entry = cities[city].sources.get(source)
    if entry is None or entry.reader != METER_EXPORTS.name:
        known = [name for name, each in cities[city].sources.items() if each.reader == METER_EXPORTS.name]
        raise fail(f"{source} is no source of meter exports of {city}; it has {', '.join(known) or 'none'}", 2)
    return dict(entry.options)


def _show_export(found: dict[str, Any]) -> None:
    colour = {"ok": "green", "partial": "yellow", "rejected": "red"}[found["status"]]
    name, state = (found["file"], "bold"), (found["status"], colour)
    out.print(Text.assemble(name, f"  {found['format']}  ", state, f"  {found['readings']} readings"))
    if evidence := found.get("evidence"):
        out.print(f"  recognised by {evidence}", style="dim")
    if found["channels"]:
        columns = ("point", "channel", "quantity", "min", "readings", "sum", "unit", "start", "end", "quality")
        grid = tabular(*columns, box=None, header_style="dim")
        for c in found["channels"]:
            quality = ", ".join(f"{name} {count}" for name, count in c["quality"].items())
            cells = (c["point"], c["channel"], c["quantity"], c["interval_minutes"], c["readings"], c["sum"], c["unit"])
            grid.add_row(*(str(cell) for cell in cells), c["start"], c["end"], quality)
        out.print(grid)
    for p in found["problems"]:
        more = f" and {p['rows'] - 1} more" if p["rows"] > 1 else ""
        row = f"row {p['row']}{more}: " if p["row"] else ""
        out.print(Text.assemble("  ", (p["code"], "yellow"), f" {row}{p['message']}"), highlight=False)
