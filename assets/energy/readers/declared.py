"""CSV whose layout is declared (``assets.energy.readers.layouts``): a row a reading, or a row a day.

Delimited text after RFC 4180, except that a quoted cell does not span lines.
"""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from assets.energy.readers.canonical import (
    UNITS,
    Export,
    OptionError,
    canonical,
    measure,
    refuse,
    rejected,
    resolve,
)
from assets.energy.readers.content import Content
from assets.energy.readers.content import recognise as look_at
from assets.energy.readers.layouts import Layout, Measure
from assets.energy.readers.stamps import parse, utc
from quality.problems import gather, problem


def recognise(content: Content, layout: Layout) -> str | None:
    """Evidence that the header is the layout's."""
    found = _header(content.cells(layout.delimiter, limit=layout.header_rows), layout)
    return f"header in line {found[0]} names the columns of {layout.name}" if found else None


def read(content: Content, layout: Layout, options: Mapping[str, Any]) -> Export:
    """Readings by the layout. Options: ``timezone`` and ``point`` go before the layout's own."""
    zone = str(options.get("timezone", layout.timezone))
    point = options.get("point", layout.point)
    if layout.point_column is None and point is None:
        raise OptionError(f"layout {layout.name} has no column of metering points: set the option 'point'")
    if layout.encoding is not None:
        content = look_at(content.data, layout.encoding)
    lines = content.cells(layout.delimiter)
    header = _header(lines.head(layout.header_rows), layout)
    if header is None:
        return rejected(layout.name, "file-malformed", f"no header with {', '.join(layout.required)}")
    at, names = header
    body = lines.filter(pl.col("row") > at)
    if layout.footer is not None:
        ends = body.filter(pl.col("cells").list.first().str.contains(layout.footer))["row"].min()
        body = body if ends is None else body.filter(pl.col("row") < ends)
    if not content.ends_whole and body.height and _width(body.tail(1)) < len(names):
        text = f"the last line has {_width(body.tail(1))} of {len(names)} cells and no line end"
        return rejected(layout.name, "file-truncated", text, body["row"][-1])
    rows, refused = _rows(body, names, layout, point)
    tall = _wide(rows, layout, names) if layout.wide else _long(rows, layout, names)
    tall = tall.with_columns(start=utc(pl.col("first"), zone), minutes=pl.lit(layout.minutes))
    tall, skipped = refuse(tall, [(pl.col("start").is_null(), "stamp-bad", "a clock change skips this local time")])
    values, cells = measure(tall, layout.decimal, layout.thousands, layout.nulls)
    readings, repeated = resolve(canonical(values))
    problems = gather([_strangers(names, layout), refused, skipped, cells, repeated])
    return Export(layout.name, tables={"readings": readings}, problems=problems, zone=zone)


def _rows(body: pl.DataFrame, names: list[str], layout: Layout, point: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines with what is told once a line, ``first`` the local start of its (first) interval; and those refused."""
    status, rate = _cell(layout.status_column, names), _cell(layout.rate_column, names)
    rows = body.with_columns(
        text=pl.concat_str([_cell(column, names) for column in layout.stamp.columns], separator=" "),
        point=_cell(layout.point_column, names) if layout.point_column else pl.lit(str(point)),
        quality=status.replace_strict(layout.statuses, default="unknown", return_dtype=pl.String),
        quality_raw=pl.when(status != "").then(status),
        rate_raw=pl.when(rate != "").then(rate),
    )
    # Parsed once each: the same stamps come back from meter to meter.
    stamps = (
        rows.select("text").unique().with_columns(first=parse(pl.col("text"), layout.stamp.order, layout.stamp.era))
    )
    if layout.wide:
        off_grid = pl.col("first") != pl.col("first").dt.truncate("1d")
    else:
        late = pl.col("text").str.contains(r"\b24[.:]00") & (layout.label == "start")
        back = pl.duration(minutes=layout.minutes if layout.label == "end" else 0)
        stamps = stamps.with_columns(first=pl.when(~late).then(pl.col("first") - back))
        off_grid = pl.col("first") != pl.col("first").dt.truncate(f"{layout.minutes}m")
    width = pl.col("cells").list.len()
    wrong_width = pl.format(f"{{}} cells where the header has {len(names)}", width)
    component = _cell(layout.component_column, names)
    return refuse(
        rows.join(stamps, on="text", how="left", maintain_order="left").drop("text"),
        [
            (width.is_null(), "row-malformed", "a quote is not closed"),
            (width != len(names), "row-malformed", wrong_width),
            (pl.col("point") == "", "value-null", "no metering point"),
            (pl.col("first").is_null(), "stamp-bad", f"not a date and time in the order {layout.stamp.order}"),
            (off_grid, "interval-misaligned", f"not on the grid of {1440 if layout.wide else layout.minutes} minutes"),
            (
                ~component.is_in(list(layout.components)) & bool(layout.components),
                "value-unknown",
                "a component that the layout does not know",
            ),
        ],
    )


def _header(lines: pl.DataFrame, layout: Layout) -> tuple[int, list[str]] | None:
    """Line and names of the header: the first line with every column the layout needs."""
    for row, cells in lines.drop_nulls().iter_rows():
        names = [cell.strip() for cell in cells]
        if set(layout.required) <= set(names) and (layout.wide is None or _offsets(names, layout)):
            return row, names
    return None


def _offsets(names: list[str], layout: Layout) -> dict[str, int]:
    """Interval columns of a wide layout → minutes from midnight to the interval's start; empty unless a whole day."""
    assert layout.wide is not None
    offsets = {}
    for name in names:
        if found := re.fullmatch(layout.wide.columns, name):
            groups = found.groupdict()
            if "index" in groups:
                offsets[name] = (int(groups["index"]) - 1) * layout.minutes
            else:
                clock = int(groups["hour"]) * 60 + int(groups["minute"])
                offsets[name] = clock - layout.minutes * (layout.label == "end")
    return offsets if sorted(offsets.values()) == list(range(0, 1440, layout.minutes)) else {}


def _width(line: pl.DataFrame) -> int:
    return line["cells"].list.len().fill_null(0).item()  # type: ignore[no-any-return]


def _cell(name: str | None, names: list[str]) -> pl.Expr:
    if name is None:
        return pl.lit("")
    return pl.col("cells").list.get(names.index(name), null_on_oob=True).str.strip_chars().fill_null("")


def _strangers(names: list[str], layout: Layout) -> pl.DataFrame:
    known = {*layout.required, *layout.ignored, ""}
    count = sum(name not in known and not (layout.wide and re.fullmatch(layout.wide.columns, name)) for name in names)
    return gather([problem("column-new", f"{count} column(s) that the layout does not know")] if count else [])


def _measured(name: str, what: Measure) -> dict[str, pl.Expr]:
    unit = UNITS[what.unit.lower()]
    converted = what.quantity != "other"
    return {
        "channel": pl.lit(what.channel or name),
        "quantity": pl.lit(what.quantity),
        "factor": pl.lit(unit.factor if converted else 1).cast(pl.Decimal(18, 3)),
        "average": pl.lit(unit.average and converted),
    }


def _long(rows: pl.DataFrame, layout: Layout, names: list[str]) -> pl.DataFrame:
    """A row a reading: one frame a value column, or a component's rows."""
    if layout.components:
        component = _cell(layout.component_column, names)
        parts = [
            rows.filter(component == name).with_columns(raw=_cell(layout.value_column, names), **_measured(name, what))
            for name, what in layout.components.items()
        ]
    else:
        parts = [
            rows.with_columns(raw=_cell(name, names), **_measured(name, what)) for name, what in layout.values.items()
        ]
    return pl.concat(parts).drop("cells")


def _wide(rows: pl.DataFrame, layout: Layout, names: list[str]) -> pl.DataFrame:
    """A row an interval, from a row a day."""
    assert layout.wide is not None
    offsets = sorted(_offsets(names, layout).items(), key=lambda item: item[1])
    places = [names.index(name) for name, _ in offsets]
    tall = rows.with_columns(
        raw=pl.col("cells").list.gather(places),
        offset=pl.lit([minutes for _, minutes in offsets], dtype=pl.List(pl.Int64)),
    )
    tall = tall.drop("cells").explode("raw", "offset")
    return tall.with_columns(
        first=pl.col("first") + pl.duration(minutes="offset"), **_measured("total", layout.wide.measure)
    )
