"""``muang read``: what a meter export is and what is in it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table as RichTable

from pipelines.cli.base import Json, app, fail, guarded, out
from pipelines.settings import BANGKOK


@app.command()
@guarded
def read(
    files: Annotated[list[Path], typer.Argument(help="Meter exports, of any known format, also zipped.")],
    form: Annotated[str | None, typer.Option("--as", help="Read as this format instead of recognising it.")] = None,
    layout: Annotated[str | None, typer.Option(help="Declared CSV layout to read it with.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Zone of the stamps, where the format's own is wrong.")] = None,
    show_ids: Annotated[bool, typer.Option("--show-ids", help="Print real metering points (personal data).")] = False,
    as_json: Json = False,
) -> None:
    """Tell what a file is and what is in it: format, channels, sums, quality, problems. Writes nothing."""
    from assets.meters.exports import describe, read_export

    worst, today = 0, datetime.now(BANGKOK).date()
    for path in files:
        chosen = {"format": form, "layout": layout, "timezone": timezone}
        options = {name: value for name, value in chosen.items() if value}
        try:
            data = path.read_bytes()
        except OSError as error:
            raise fail(f"{path}: {error.strerror}", 2) from None
        found = describe(read_export(data, path.name, options, today), str(path), show_ids=show_ids)
        worst = max(worst, 0 if found["status"] == "ok" else 1)
        if as_json:
            print(json.dumps(found, ensure_ascii=False))
        else:
            _show_export(found)
    raise typer.Exit(worst)


def _show_export(found: dict[str, Any]) -> None:
    colour = {"ok": "green", "partial": "yellow", "rejected": "red"}[found["status"]]
    out.print(
        f"[bold]{found['file']}[/]  {found['format']}  [{colour}]{found['status']}[/]  {found['readings']} readings"
    )
    if evidence := found.get("evidence"):
        out.print(f"  recognised by {evidence}", style="dim")
    if found["channels"]:
        columns = ("point", "channel", "quantity", "min", "readings", "sum", "unit", "start", "end", "quality")
        grid = RichTable(*columns, box=None, header_style="dim")
        for c in found["channels"]:
            quality = ", ".join(f"{name} {count}" for name, count in c["quality"].items())
            cells = (c["point"], c["channel"], c["quantity"], c["interval_minutes"], c["readings"], c["sum"], c["unit"])
            grid.add_row(*(str(cell) for cell in cells), c["start"], c["end"], quality)
        out.print(grid)
    for p in found["problems"]:
        row = f"row {p['row']}: " if p["row"] else ""
        out.print(f"  [yellow]{p['code']}[/] {row}{p['message']}", highlight=False)
