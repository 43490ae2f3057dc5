"""Exports whose layout is declared (``assets.meters.formats.layouts``): a row a reading, or a row a day.

Text or a workbook's sheet; how the table is found is in ``tabular``, how days are unfolded in ``wide``, how stamps
become instants in ``clock``, how registers and rates become channels in ``channels``.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import polars as pl

from assets.meters.formats import channels, clock, tabular, wide
from assets.meters.formats.canonical import (
    UNITS,
    Export,
    ReadingOptions,
    canonical,
    measure,
    problems_of,
    resolve,
)
from assets.meters.formats.content import Content
from assets.meters.formats.layouts import Layout
from assets.meters.formats.tabular import Table
from quality.batch import Batch, Breach, together
from quality.meter_grid import CLOCK_SECONDS, off_clock

_MANGLED = r"^\d(\.\d+)?[Ee]\+\d+$"
"""A number that a spreadsheet shortened: different metering points become the same."""
DAYS = 4_000
"""Days of readings that are unfolded together: 400,000 quarter-hours."""
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


def read(content: Content, options: ReadingOptions, layout: Layout) -> Export:
    """Readings by the layout. Options: ``timezone`` and ``point`` go before the layout's own."""
    zone = options.timezone or layout.timezone
    table = tabular.load(content, layout)
    if table is None:
        wanted = f"no row of {layout.width} cells" if layout.width else f"no header with {', '.join(layout.required)}"
        return Export.rejected(layout.name, "file-malformed", wanted)
    said = Batch(pl.DataFrame()).also(_above(table, layout))
    point = layout.point if options.point is None else options.point
    if layout.point_column is None and layout.points is None and point is None:
        layout.check_point()
        point = layout.stand_in
        said = said.note("point-absent", f"'{point}' stands for the metering point: set the option 'point'")
    if strangers := len(_strangers(table.names, layout)):
        said = said.note("column-new", f"{strangers} column(s) that the layout does not know")
    stamped = (_stamped(_filtered(Batch(body), table, layout), table, layout, point) for body in table.pieces())
    try:
        values = together([_read(part, table, zone) for part in _parts(stamped, layout, zone)])
    except tabular.Cut as cut:
        return Export.rejected(layout.name, "file-truncated", *cut.args)
    if layout.merge:
        valued = pl.col("value").is_not_null()
        values = values.filter(valued | ~valued.any().over("point", "channel", "quantity", "start"))
    readings = channels.joined(channels.differenced(resolve(values.also(*said.problems)), layout), layout)
    return Export.of(layout.name, readings=readings, zone=zone)


def _parts(stamped: Iterable[Batch], layout: Layout, zone: str) -> Iterator[Batch]:
    """Lines that can be read without knowing of others, as many at a time as there were, or days of as many readings.

    Where the zone's clock changes, what hour a line is of depends on those around it.
    """
    if not layout.wide and clock.never_changes(zone):
        yield from stamped
        return
    lines = together(list(stamped))
    if not layout.wide:
        yield lines
        return
    lines = wide.days(lines, layout)
    yield Batch(lines.rows.clear(), lines.problems)
    at_once = DAYS if clock.never_changes(zone) else max(lines.rows.height, 1)
    yield from (Batch(rows) for rows in lines.rows.iter_slices(at_once))


def _read(lines: Batch, table: Table, zone: str) -> Batch:
    """Readings (``READING_SCHEMA``) of some lines, not yet resolved."""
    layout = table.layout
    tall = clock.instants(_measures(_intervals(lines, table, layout), layout), zone)
    if layout.wide:
        tall = wide.within(tall, layout)
    else:
        no_time = "the local day does not have this time: a clock change skips it"
        tall = tall.refuse((pl.col("start").is_null(), "stamp-bad", no_time))
    values = _values(tall, layout, table.content.kind == "xlsx")
    values = wide.checked(values, layout) if layout.wide else values
    return canonical(values.with_columns(channel="part"))


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
    """Problems of readings above the header, where a sorted file may have them. Titles and facts stand there too."""
    message = "a row of readings above the header is not read"
    if layout.width is not None or not table.above.height:
        return problems_of(table.above.clear(), "row-malformed", message)
    filled = pl.col("cells").list.eval(pl.element().str.strip_chars() != "").list.sum() >= len(set(layout.required))
    rows = table.above.filter(filled).select("row", text=clock.dates(table.cell(layout.stamp.columns[0])))
    dated = clock.stamps(rows["text"], layout.stamp).drop_nulls("stamp")
    return problems_of(rows.join(dated, on="text", how="semi"), "row-malformed", message)


def _filtered(lines: Batch, table: Table, layout: Layout) -> Batch:
    """The lines that every filter keeps. Broken ones stay, to be refused."""
    if not layout.filters:
        return lines
    fits = pl.all_horizontal(
        table.cell(column).str.contains(f"^(?:{pattern})$") for column, pattern in layout.filters.items()
    )
    others = lines.rows.filter(~fits & pl.col("cells").is_not_null())["row"]
    if others.len():
        text = f"{others.len()} row(s) are left out by the layout's filter"
        lines = lines.note("row-filtered", text, others[0])
    return lines.filter(fits | pl.col("cells").is_null())


def _stamped(lines: Batch, table: Table, layout: Layout, point: str | None) -> Batch:
    """Lines with what is stated once a line.

    ``stamp`` is the local time written, ``offset`` its own offset, ``ahead`` the minutes of earlier periods; ``unit``,
    ``multiplier`` and ``status`` as delivered; ``part`` the component.
    """
    cell = table.cell
    day, *time = (cell(column) for column in layout.stamp.columns)
    text = pl.concat_str([clock.dates(day), clock.times(time[0], layout.label)], separator=" ") if time else day
    point_text = cell(layout.point_column) if layout.point_column else pl.lit(point, pl.String)
    factor = cell(layout.multiplier_column).cast(pl.Decimal(18, 6), strict=False)
    period = cell(layout.stamp.period).cast(pl.Int32, strict=False)
    rate = cell(layout.rate_column)
    lines = lines.with_columns(
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
    stamps = clock.stamps(lines.rows["text"], layout.stamp)
    lines = replace(lines, rows=lines.rows.join(stamps, on="text", how="left", maintain_order="left"))
    midnight = pl.col("stamp") == pl.col("stamp").dt.truncate("1d")
    late = pl.col("text").str.contains(r"\b24[.:]00")
    checks: list[Breach] = []
    if layout.wide:
        checks.append((~midnight, "interval-misaligned", "the date of a day has a time"))
    elif layout.stamp.period is None:
        if layout.label == "end" and layout.stamp.midnight == "closes":
            just = pl.col("stamp") - pl.col("stamp").dt.truncate("1d") <= pl.duration(seconds=CLOCK_SECONDS)
            closing = pl.when(just & ~late).then(pl.duration(days=1)).otherwise(pl.duration())
            lines = lines.with_columns(stamp=pl.col("stamp") + closing)
        elif layout.label == "start":
            checks.append((late, "stamp-bad", "24:00 is no start of an interval"))
        off_grid = off_clock(pl.col("stamp"), layout.minutes)
        checks.append((off_grid, "interval-misaligned", f"not on the grid of {layout.minutes} minutes"))
    else:
        wrong = ~period.is_between(1, wide.LONG_DAY // layout.minutes).fill_null(False)
        checks.append((wrong | ~midnight, "stamp-bad", "no date with the number of an interval in it"))
    width, expected = pl.col("cells").list.len(), table.width
    extra = pl.col("cells").list.slice(len(table.names)).list.join("").str.strip_chars() != ""
    least = layout.wide.places[0] if layout.wide and layout.wide.ragged and layout.wide.places else expected
    wrong_width = pl.format(f"{{}} cells where the header has {expected}", width)
    return lines.refuse(
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
    )


def _intervals(lines: Batch, table: Table, layout: Layout) -> Batch:
    """A row an interval or register read, ``raw`` its text and ``early`` the minutes from its start to its stamp."""
    if layout.wide:
        return wide.unfolded(lines, table.names, layout)
    rows = lines.rows
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
    return replace(lines, rows=tall.drop("cells", "text").with_columns(early=early_of.cast(pl.Int32)))


def _measures(batch: Batch, layout: Layout) -> Batch:
    """``quantity``, ``factor`` and ``average`` by each row's part and unit; rows with another unit are refused."""
    tall = batch.rows
    words = tall["unit"].unique().to_list() if layout.unit_column else [""]
    known = []
    for part, what in layout.parts.items():
        for word in words:
            name = what.unit if not layout.unit_column else layout.units.get(word, "?") if layout.units else word
            unit, declared = UNITS.get(name.lower()), UNITS[what.unit.lower()]
            if unit is not None and (unit.family, unit.average) == (declared.family, declared.average):
                converted = what.quantity != "other"
                factor = (unit.factor if converted else 1) * layout.multiplier
                known.append((part, word, what.quantity, factor, unit.average and converted))
    by_part = pl.DataFrame(known, schema=_MEASURED, orient="row")
    if len(known) == 1 and not layout.unit_column:
        tall = tall.with_columns(pl.lit(by_part[name]).first() for name in ("quantity", "factor", "average"))
    else:
        tall = tall.join(by_part, on=["part", "unit"], how="left", maintain_order="left")
    if layout.multiplier_column:
        tall = tall.with_columns(factor=(pl.col("factor") * pl.col("multiplier")).cast(_FACTOR))
    unknown = pl.col("factor").is_null()
    # A line may hold several values, and is named once.
    refused = problems_of(tall.filter(unknown).unique("row"), "unit-unknown", "not a unit that the value can have")
    return replace(batch, rows=tall.filter(~unknown)).also(refused)


def _values(tall: Batch, layout: Layout, workbook: bool) -> Batch:
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
