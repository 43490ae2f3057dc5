"""Exports whose layout is declared (``assets.meters.formats.layouts``): a row a reading, or a row a day.

Text or a workbook's sheet; how the table is found is in ``tabular``, how days are unfolded in ``wide``, how stamps
become instants in ``clock``, how registers and rates become channels in ``channels``.
"""

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from assets.meters.formats import channels, clock, tabular, wide
from assets.meters.formats.canonical import (
    UNITS,
    Export,
    OptionError,
    canonical,
    measure,
    refuse,
    rejected,
    resolve,
)
from assets.meters.formats.content import Content
from assets.meters.formats.layouts import Layout
from assets.meters.formats.tabular import Table
from quality.problems import gather, problem

_MANGLED = r"^\d(\.\d+)?[Ee]\+\d+$"
"""A number that a spreadsheet shortened: different metering points become the same."""
_FACTOR = pl.Decimal(38, 9)
"""Unit (three decimals) times multiplier (six)."""
_MEASURED = pl.Schema(
    {
        "part": pl.String(),
        "unit": pl.String(),
        "quantity": pl.String(),
        "factor": _FACTOR,
        "average": pl.Boolean(),
    }
)


def recognise(content: Content, layout: Layout) -> str | None:
    """Evidence that the header is the layout's; none for layouts that must be named."""
    if not layout.automatic or layout.width is not None:
        return None
    found = tabular.header(content, layout)
    if found is None or (layout.exact and _strangers(found[1], layout)):
        return None
    return f"header in line {found[0]} names the columns of {layout.name}"


def read(content: Content, layout: Layout, options: Mapping[str, Any]) -> Export:
    """Readings by the layout. Options: ``timezone`` and ``point`` go before the layout's own."""
    zone = str(options.get("timezone", layout.timezone))
    point, notes = options.get("point", layout.point), []
    if layout.point_column is None and layout.points is None and point is None:
        if layout.stand_in is None:
            raise OptionError(f"layout {layout.name} has no column of metering points: set the option 'point'")
        point = layout.stand_in
        notes.append(problem("point-absent", f"'{point}' stands for the metering point: set the option 'point'"))
    table = tabular.load(content, layout)
    if table is None:
        wanted = f"no row of {layout.width} cells" if layout.width else f"no header with {', '.join(layout.required)}"
        return rejected(layout.name, "file-malformed", wanted)
    if table.cut is not None:
        return rejected(layout.name, "file-truncated", *table.cut)
    stray = _above(table, layout)
    table, kept = _filtered(table, layout)
    rows, refused = _rows(table, layout, point)
    tall, days = _intervals(rows, table, layout)
    tall, units = _measures(tall, layout)
    tall, hours = clock.instants(tall, zone)
    if layout.wide:
        tall, skipped = wide.within(tall, layout)
    else:
        no_time = "the local day does not have this time: a clock change skips it"
        tall, skipped = refuse(tall, [(pl.col("start").is_null(), "stamp-bad", no_time)])
    values, cells = _values(tall, layout, content.kind == "xlsx")
    values, checks = wide.checked(values, layout) if layout.wide else (values, gather([]))
    if layout.merge:
        valued = pl.col("value").is_not_null()
        values = values.filter(valued | ~valued.any().over("point", "part", "quantity", "start"))
    readings, repeated = resolve(canonical(values.with_columns(channel="part")))
    readings, registers = channels.differenced(readings, layout)
    count = len(_strangers(table.names, layout))
    if count:
        notes.append(problem("column-new", f"{count} column(s) that the layout does not know"))
    problems = gather([*notes, stray, kept, refused, days, units, hours, skipped, cells, checks, repeated, registers])
    return Export(layout.name, tables={"readings": channels.joined(readings, layout)}, problems=problems, zone=zone)


def _strangers(names: list[str], layout: Layout) -> list[str]:
    """Columns of the header that the layout does not know."""
    if layout.width is not None:
        return []
    known = {*layout.required, *layout.ignored, ""}
    taken = wide.known(names, layout)
    patterns = [p for p in (layout.ignored_pattern, layout.points and layout.points.columns) if p]
    others = (name for place, name in enumerate(names) if place not in taken and name not in known)
    return [name for name in others if not any(re.fullmatch(pattern, name) for pattern in patterns)]


def _above(table: Table, layout: Layout) -> pl.DataFrame:
    """Rows of readings above the header, where a sorted file may have them. Titles and facts stand there too."""
    if layout.width is not None or not table.above.height:
        return gather([])
    filled = pl.col("cells").list.eval(pl.element().str.strip_chars() != "").list.sum() >= len(set(layout.required))
    rows = table.above.filter(filled).select("row", text=clock.dates(table.cell(layout.stamp.columns[0])))
    dated = clock.stamps(rows["text"], layout.stamp).drop_nulls("stamp")
    message = "a row of readings above the header is not read"
    found = rows.join(dated, on="text", how="semi").sort("row")
    return found.select("row", code=pl.lit("row-malformed"), message=pl.lit(message))


def _filtered(table: Table, layout: Layout) -> tuple[Table, pl.DataFrame]:
    """The rows that every filter keeps, and how many others there are. Broken rows are kept, to be refused."""
    if not layout.filters:
        return table, gather([])
    fits = pl.all_horizontal(
        table.cell(column).str.contains(f"^(?:{pattern})$") for column, pattern in layout.filters.items()
    )
    other = table.body.filter(~fits & pl.col("cells").is_not_null())
    kept = table._replace(body=table.body.filter(fits | pl.col("cells").is_null()))
    if not other.height:
        return kept, gather([])
    return kept, problem("row-filtered", f"{other.height} row(s) are left out by the layout's filter", other["row"][0])


def _rows(table: Table, layout: Layout, point: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lines with what is told once a line, and those refused.

    ``stamp`` is the local time written, ``offset`` its own offset, ``ahead`` the minutes of earlier periods; ``unit``,
    ``multiplier`` and ``status`` as delivered; ``part`` the component.
    """
    cell = table.cell
    day, *time = (cell(column) for column in layout.stamp.columns)
    text = pl.concat_str([clock.dates(day), clock.times(time[0], layout.label)], separator=" ") if time else day
    point_text = cell(layout.point_column) if layout.point_column else pl.lit(str(point))
    factor = cell(layout.multiplier_column).cast(pl.Decimal(18, 6), strict=False)
    period = cell(layout.stamp.period).cast(pl.Int32, strict=False)
    rate = cell(layout.rate_column)
    rows = table.body.with_columns(
        text=text,
        point=point_text,
        part=cell(layout.component_column) if layout.components else pl.lit(next(iter(layout.parts))),
        status=cell(layout.status_column),
        rate_raw=pl.when(rate != "").then(rate),
        unit=cell(layout.unit_column),
        multiplier=factor,
        total=cell(layout.wide.total if layout.wide else None),
        ahead=(period - 1) * layout.minutes if layout.stamp.period else pl.lit(0, pl.Int32),
    )
    # Parsed once each: the same stamps come back from meter to meter.
    rows = rows.join(clock.stamps(rows["text"], layout.stamp), on="text", how="left", maintain_order="left")
    midnight = pl.col("stamp") == pl.col("stamp").dt.truncate("1d")
    late = pl.col("text").str.contains(r"\b24[.:]00")
    checks = []
    if layout.wide:
        checks.append((~midnight, "interval-misaligned", "the date of a day has a time"))
    elif layout.stamp.period is None:
        if layout.label == "end" and layout.stamp.midnight == "closes":
            closing = pl.when(midnight & ~late).then(pl.duration(days=1)).otherwise(pl.duration())
            rows = rows.with_columns(stamp=pl.col("stamp") + closing)
        elif layout.label == "start":
            checks.append((late, "stamp-bad", "24:00 is no start of an interval"))
        off_grid = pl.col("stamp") != pl.col("stamp").dt.truncate(f"{layout.minutes}m")
        checks.append((off_grid, "interval-misaligned", f"not on the grid of {layout.minutes} minutes"))
    else:
        wrong = ~period.is_between(1, wide.LONG_DAY // layout.minutes).fill_null(False)
        checks.append((wrong | ~midnight, "stamp-bad", "no date with the number of an interval in it"))
    width, expected = pl.col("cells").list.len(), table.width
    extra = pl.col("cells").list.slice(len(table.names)).list.join("").str.strip_chars() != ""
    least = layout.wide.places[0] if layout.wide and layout.wide.ragged and layout.wide.places else expected
    wrong_width = pl.format(f"{{}} cells where the header has {expected}", width)
    return refuse(
        rows,
        [
            (width.is_null(), "row-malformed", "a quote is not closed"),
            ((width < least) | extra, "row-malformed", wrong_width),
            (pl.col("point") == "", "value-null", "no metering point"),
            (pl.col("point").str.contains(_MANGLED), "value-unknown", "a metering point in scientific notation"),
            (pl.col("stamp").is_null(), "stamp-bad", f"not a date and time in the order {layout.stamp.order}"),
            *checks,
            (
                pl.lit(layout.multiplier_column is not None)
                & (pl.col("multiplier").is_null() | (pl.col("multiplier") <= 0)),
                "value-not-number",
                "the multiplier is not a positive number",
            ),
            (
                ~pl.col("part").is_in(list(layout.components)) & bool(layout.components),
                "value-unknown",
                "a component that the layout does not know",
            ),
        ],
    )


def _intervals(rows: pl.DataFrame, table: Table, layout: Layout) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A row an interval or register read, ``raw`` its text and ``early`` the minutes from its start to its stamp."""
    if layout.wide:
        rows, repeated = wide.days(rows, layout)
        return wide.unfolded(rows, table.names, layout), repeated
    if layout.components:
        tall = rows.with_columns(raw=table.cell(layout.value_column))
    elif layout.points:
        named = ((name, re.fullmatch(layout.points.columns, name)) for name in table.names)
        tall = pl.concat(
            rows.with_columns(raw=table.cell(name), point=pl.lit(match["point"])) for name, match in named if match
        )
    else:
        tall = pl.concat(
            rows.with_columns(
                raw=table.cell(name),
                part=pl.lit(name),
                status=table.cell(what.status) if what.status else pl.col("status"),
            )
            for name, what in layout.values.items()
        )
    # A register shows what it shows at the stamp, whatever interval the stamp labels.
    registers = [part for part, what in layout.parts.items() if what.kind == "register"]
    early = layout.minutes if layout.label == "end" and layout.stamp.period is None else 0
    early_of = pl.when(pl.col("part").is_in(registers)).then(0).otherwise(early)
    return tall.drop("cells", "text").with_columns(early=early_of.cast(pl.Int32)), gather([])


def _measures(tall: pl.DataFrame, layout: Layout) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``quantity``, ``factor`` and ``average`` by each row's part and unit; rows with another unit are refused."""
    words = tall["unit"].unique().to_list() if layout.unit_column else [""]
    told = []
    for part, what in layout.parts.items():
        for word in words:
            name = what.unit if not layout.unit_column else layout.units.get(word, "?") if layout.units else word
            unit, declared = UNITS.get(name.lower()), UNITS[what.unit.lower()]
            if unit is not None and (unit.family, unit.average) == (declared.family, declared.average):
                converted = what.quantity != "other"
                factor = (unit.factor if converted else 1) * layout.multiplier
                told.append((part, word, what.quantity, factor, unit.average and converted))
    by_part = pl.DataFrame(told, schema=_MEASURED, orient="row")
    if len(told) == 1 and not layout.unit_column:
        tall = tall.with_columns(pl.lit(by_part[name]).first() for name in ("quantity", "factor", "average"))
    else:
        tall = tall.join(by_part, on=["part", "unit"], how="left", maintain_order="left")
    if layout.multiplier_column:
        tall = tall.with_columns(factor=(pl.col("factor") * pl.col("multiplier")).cast(_FACTOR))
    unknown = pl.col("factor").is_null()
    refused = tall.filter(unknown).select("row").unique().sort("row")
    message = "not a unit that the value can have"
    return tall.filter(~unknown), refused.select("row", code=pl.lit("unit-unknown"), message=pl.lit(message))


def _values(tall: pl.DataFrame, layout: Layout, workbook: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``value`` and ``quality`` of each row. Exact; in a workbook, only texts have the layout's decimal mark."""
    decimal, thousands = layout.decimal, layout.thousands
    if workbook and decimal == ",":
        text = pl.col("raw")
        plain = (text.str.replace_all(thousands, "", literal=True) if thousands else text).str.replace(",", ".")
        tall = tall.with_columns(raw=pl.when(text.str.contains(",", literal=True)).then(plain).otherwise(text))
        decimal, thousands = ".", ""
    flagged = layout.status_column or (layout.wide and layout.wide.status)
    if flagged or any(what.status for what in layout.parts.values()):
        status = pl.col("status").fill_null("").str.strip_chars()
        words = status.replace_strict(layout.statuses, default=layout.other_status, return_dtype=pl.String)
        tall = tall.with_columns(quality=words, quality_raw=pl.when(status != "").then(status))
    else:
        tall = tall.with_columns(quality=pl.lit("unknown"), quality_raw=pl.lit(None, pl.String))
    return measure(tall.with_columns(minutes=pl.lit(layout.minutes, pl.Int32)), decimal, thousands, layout.nulls)
