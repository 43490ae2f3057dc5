"""Exports whose layout is declared (``assets.meters.formats.layouts``): a row a reading, or a row a day.

Text or a workbook's sheet; how the table is found is in ``tabular``, how days are unfolded in ``wide``, how stamps
become instants in ``clock``, what numbers show of their decimal mark in ``decimals``, how registers and rates become
channels in ``channels``.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import polars as pl

from assets.meters.formats import channels, clock, lines, nearest, part_names, stated, strangers, tabular, titles, wide
from assets.meters.formats.blocks import blocks
from assets.meters.formats.canonical import (
    EDGES,
    FIRST,
    UNITS,
    Assumed,
    Export,
    ReadingOptions,
    Unit,
    Unreadable,
    canonical,
    counted_once,
    measure,
    problems_of,
    resolve,
)
from assets.meters.formats.content import Content
from assets.meters.formats.decimals import Marks, as_texts
from assets.meters.formats.layouts import Layout
from assets.meters.formats.tabular import Table
from quality.batch import Batch, together
from quality.readings import LABEL, QUALITY, no_readings

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
    if found is None or (layout.exact and strangers.unknown(found[1], layout)):
        return None
    return f"header in line {found[0]} names the columns of {layout.name}"


def read(content: Content, options: ReadingOptions, layout: Layout) -> Export:
    """Readings by the layout. Options: ``timezone`` and ``point`` go before the layout's own."""
    zone = options.timezone or layout.timezone
    try:
        found, left = tabular.load(content, layout)
        tables = [block for table in found for block in blocks(table)]
        if not tables:
            wanted = f"no row of {layout.width} cells" if layout.width else _no_header(content, layout)
            return Export.rejected(layout.name, "file-malformed", wanted)
        named = {table.named for table in tables}
        places = {place for table in tables for place in table.places.items()}
        meters = max(len(named - {None}), *(Counter(label for label, _ in places).values()), 0)
        if layout.one_point and meters > 1:
            text = f"{meters} meters are named above the headers; a layout tells them apart by `point_above`"
            return Export.rejected(layout.name, "meters-several", text)
        said = Batch(pl.DataFrame())
        if left:
            text = f"{left} sheet(s) without the header are not read; {len(tables)} of {len(tables) + left} are"
            said = said.note("sheet-left", text)
        marks = Marks(layout)
        batches = [_of_table(table, options, zone, marks) for table in tables]
        marks.check()
    except Unreadable as why:
        return Export.rejected(layout.name, *why.args)
    if doubt := marks.doubt:
        said = said.note("decimal-doubtful", doubt)
    if len(batches) > 1:
        parts = [(table.sheet, batch.rows) for table, batch in zip(tables, batches, strict=True)]
        by_name = part_names.apart(parts) if layout.one_point and not all(named) else "alike"
        if by_name == "meters":
            text = f"{len(tables)} sheets {part_names.SEVERAL}; a layout takes it from the name by `point_sheet`"
            return Export.rejected(layout.name, "meters-several", f"{text}, or reads one by `sheet`")
        if layout.one_point and (times := part_names.contradicting([batch.rows for batch in batches])):
            text = f"{times} times stand in several sheets with different values, all for one metering point"
            return Export.rejected(layout.name, "meters-several", f"{text} (`point_sheet`, or one by `sheet`)")
        said = part_names.joined(said, by_name)
        batches = [_numbered(batch, number) for number, batch in enumerate(batches, start=1)]
    values = together(batches)
    if layout.merge:
        valued = pl.col("value").is_not_null()
        values = values.filter(valued | ~valued.any().over("point", "channel", "quantity", "start"))
    readings = channels.joined(channels.differenced(resolve(values.also(*said.problems)), layout, zone), layout)
    assumed = Assumed(
        # A sheet a month, each with a day, looks as days that were taken for months; a sheet a meter does not.
        None if layout.stamp.epoch or len({table.point for table in tables}) < len(tables) else layout.stamp.order,
        ends=layout.label == "end",
        length=layout.wide is None,
        registers=tuple(m.channel or part for part, m in layout.parts.items() if m.kind == "register"),
        power=any(UNITS[measure.unit.lower()].average for measure in layout.parts.values()),
        factors=tuple({UNITS[measure.unit.lower()].factor * layout.multiplier for measure in layout.parts.values()}),
    )
    return Export.of(layout.name, readings=readings, zone=zone, assumed=assumed)


def _no_header(content: Content, layout: Layout) -> str:
    near = nearest.told(content, [layout])
    return f"no header with {', '.join(layout.required)}" + (f": {near}" if near else "")


def _numbered(batch: Batch, number: int) -> Batch:
    """Problems with the number of the table that they are of: rows are counted in each sheet anew."""
    said = (found.with_columns(message=pl.format(f"table {number}: {{}}", "message")) for found in batch.problems)
    return replace(batch, problems=tuple(said))


def _of_table(table: Table, options: ReadingOptions, zone: str, marks: Marks) -> Batch:
    """Readings of one table, not yet resolved. Raises ``Unreadable``, ``OptionError`` where nothing names the meter."""
    layout = table.layout
    said = Batch(pl.DataFrame()).also(_above(table, layout))
    stated.heed(table, zone)
    point = table.point or (layout.point if options.point is None else options.point)
    if layout.point_column is None and layout.points is None and point is None:
        if (layout.point_above or layout.point_sheet or layout.point_file) and layout.stand_in is None:
            above = "no row above the header" if layout.point_above else "not the sheet's name"
            where = "not the file's name" if layout.point_file else above
            raise Unreadable("file-malformed", f"{where} tells the meter", table.at)
        layout.check_point()
        point = layout.stand_in
        said = said.note("point-absent", f"'{point}' stands for the metering point: set the option 'point'")
    if unknown := strangers.unknown(table.header, layout):
        said = said.note("column-new", f"{len(unknown)} column(s) that the layout does not know")
        unknown = [name for name in unknown if name in table.names]
        strangers.heed(table, unknown, zone)
    if told := stated.multiplied(table, unknown):
        said = said.note("multiplier-ignored", told, table.at or None)
    filled = lines.filled_down(table.pieces(), table)
    stamped = (lines.stamped(_filtered(Batch(body), table, layout), table, point) for body in filled)
    parts = [_read(part, table, zone, marks) for part in _parts(stamped, layout, zone)]
    return counted_once(together([Batch(no_readings()), *parts])).also(*said.problems)


def _parts(stamped: Iterable[Batch], layout: Layout, zone: str) -> Iterator[Batch]:
    """Lines that can be read without knowing of others, as many at a time as there were, or days of as many readings.

    Where the zone's clock changes, what hour a line is of depends on those around it.
    """
    if not layout.wide and clock.never_changes(zone):
        yield from stamped
        return
    whole = together(list(stamped))
    if not layout.wide:
        yield whole
        return
    days = wide.days(whole, layout)
    yield Batch(days.rows.clear(), days.problems)
    at_once = DAYS if clock.never_changes(zone) else max(days.rows.height, 1)
    yield from (Batch(rows) for rows in days.rows.iter_slices(at_once))


def _read(batch: Batch, table: Table, zone: str, marks: Marks) -> Batch:
    """Readings (``READING_SCHEMA``) of some lines, not yet resolved."""
    layout = table.layout
    tall = clock.instants(_measures(_intervals(batch, table, layout), layout), zone)
    if layout.wide:
        tall = wide.within(tall, layout)
    else:
        no_time = "the local day does not have this time: a clock change skips it"
        tall = tall.refuse((pl.col("start").is_null(), "stamp-bad", no_time))
    values = _values(tall, layout, table.content.kind != "text", marks)
    values = wide.checked(values, layout) if layout.wide else values
    registers = [part for part, what in layout.parts.items() if what.kind == "register"]
    # Which device a register is of is needed once more, where it becomes energy.
    device = pl.when(pl.col("part").is_in(registers) & (pl.col("serial") != "")).then("serial")
    return canonical(values.with_columns(channel="part", reason_raw=device))


def _above(table: Table, layout: Layout) -> pl.DataFrame:
    """Problems of readings above the header, where a sorted file may have them. Titles and facts stand there too."""
    message = "a row of readings above the header is not read"
    if layout.width is not None or not table.above.height:
        return problems_of(table.above.clear(), "row-malformed", message)
    filled = pl.col("cells").list.eval(pl.element().str.strip_chars() != "").list.sum() >= len(set(layout.required))
    rows = table.above.filter(filled).select("row", text=clock.dates(table.cell(layout.stamp.columns[0])))
    dated = clock.stamps(rows["text"], layout.stamp).drop_nulls("stamp")
    return problems_of(rows.join(dated, on="text", how="semi"), "row-malformed", message)


def _filtered(rows: Batch, table: Table, layout: Layout) -> Batch:
    """The lines that every filter keeps. Broken ones stay, to be refused."""
    if not layout.filters:
        return rows
    others = rows.rows.filter(~table.kept & pl.col("cells").is_not_null())["row"]
    if others.len():
        text = f"{others.len()} row(s) are left out by the layout's filter{FIRST}"
        rows = rows.note("row-filtered", text, others[0])
    return rows.filter(table.kept | pl.col("cells").is_null())


def _intervals(batch: Batch, table: Table, layout: Layout) -> Batch:
    """A row an interval or register read, ``raw`` its text and ``early`` the minutes from its start to its stamp."""
    if layout.wide:
        return wide.unfolded(batch, table.names, layout)
    rows = batch.rows
    if layout.components:
        tall = rows.with_columns(raw=table.cell(layout.value_column))
    elif layout.points:
        found = ((name, re.fullmatch(layout.points.columns, name)) for name in table.names)
        named = [(name, match.groupdict()) for name, match in found if match]
        tall = pl.concat(
            rows.with_columns(
                raw=table.cell(name),
                point=pl.lit(of["point"].strip(EDGES)),
                part=pl.lit(of.get("measure") or next(iter(layout.parts))),
            )
            for name, of in named
            if of.get("measure", next(iter(layout.parts))) in layout.parts
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
    return replace(batch, rows=tall.drop("cells", "text").with_columns(early=early_of.cast(pl.Int32)))


def _measures(batch: Batch, layout: Layout) -> Batch:
    """``quantity``, ``factor`` and ``average`` by each row's part and unit; rows with another unit are refused."""
    tall = batch.rows
    words = tall["unit"].unique().to_list() if layout.unit_column else [""]
    known = []
    for part, what in layout.parts.items():
        for word in words:
            name = what.unit if not layout.unit_column else layout.units.get(word, "?") if layout.units else word
            unit, declared = UNITS.get(name.lower()) or _spelt(name), UNITS[what.unit.lower()]
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


def _spelt(word: str) -> Unit | None:
    """The unit that a word is in another spelling: ``kW-h``, ``กิโลวัตต์ชั่วโมง``, หน่วย. None of one that tells a
    direction, too."""
    if word == "หน่วย":
        return UNITS["kwh"]
    told = list(titles.units([f"unit: {word}"]).values())
    return told[0] if len(told) == 1 and not titles.directions(word) else None


def _of_other_rates(layout: Layout) -> pl.Expr | None:
    """Whether a value is a blank beside another rate of its line: one runs at a time. A register's runs on."""
    rates = {
        name: f"{what.quantity} {what.channel or name}"
        for name, what in layout.values.items()
        if what.rate is not None and what.kind != "register"
    }
    blank = pl.col("raw").str.strip_chars().is_in(["", *layout.nulls])
    of = pl.col("part").replace_strict(rates, default=None, return_dtype=pl.String)
    return of.is_not_null() & blank & (~blank).any().over("row", of) if rates else None


def _values(tall: Batch, layout: Layout, workbook: bool, marks: Marks) -> Batch:
    """``value`` and ``quality`` of each row. Exact."""
    decimal, thousands = layout.decimal, layout.thousands
    marks.look(tall.rows)
    if workbook and decimal == ",":
        tall = tall.with_columns(raw=as_texts(tall.rows["raw"], thousands))
    flagged = layout.status_column or (layout.wide and layout.wide.status)
    if flagged or any(what.status for what in layout.parts.values()):
        # Few words, each of which is looked up once.
        rows, word = tall.rows.with_columns(pl.col("status").cast(LABEL)), pl.col("status").cast(pl.String)
        word = word.fill_null("").str.strip_chars()
        words = rows.select(pl.col("status").unique()).with_columns(
            quality=word.replace_strict(layout.statuses, default=layout.other_status, return_dtype=QUALITY),
            quality_raw=pl.when(word != "").then(word).cast(LABEL),
        )
        joined = rows.join(words, on="status", how="left", nulls_equal=True, maintain_order="left")
        tall = replace(tall, rows=joined)
    else:
        tall = tall.with_columns(quality=pl.lit("unknown"), quality_raw=pl.lit(None, pl.String))
    tall = tall.with_columns(minutes=pl.lit(layout.minutes, pl.Int32))
    measured = measure(tall, decimal, thousands, layout.nulls, silent=_of_other_rates(layout))
    if measured.rows.height < tall.rows.height:
        marks.look_at_refused(tall.rows.join(measured.rows, on="row", how="anti")["raw"])
    return measured
