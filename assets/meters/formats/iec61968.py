"""IEC 61968-9 MeterReadings: what head-end and meter data systems send, in an EventMessage, in SOAP or bare.

Specified in IEC 61968-9 (MeterReadings.xsd, Annex C): each value has a ReadingType of 18 dotted numbers, a stamp that
is the END of its interval, and any number of qualities ``system.category.index``, of which the worst counts.

Values of delta types, and mean powers, are readings. Cumulative registers are ``registers``; where their type has a
measuring period (a register profile, as head-ends send instead of a load profile) and the meter has no delta type of
that quantity, two reads exactly one period apart also make an interval: their difference, with the worse quality and
the later version. A fall makes none. Momentary and extreme values are refused.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

import polars as pl
from lxml import etree

from assets.meters.formats import cim, markup
from assets.meters.formats.canonical import EXACT, THAILAND, Assumed, Export, ReadingOptions, canonical, resolve
from assets.meters.formats.content import Content
from quality.batch import Batch
from quality.meter_grid import off_clock
from quality.problems import problem
from quality.readings import QUALITIES, no_readings

FORMAT = "iec61968"
KIND = "xml"

_NAMESPACE = re.compile(r"""["']http://(?:www\.)?iec\.ch/TC57/[^"']*MeterReadings[^"']*["']""", re.IGNORECASE)
_ELEMENT = re.compile(r"<(?:[\w.-]+:)?MeterReadings[\s>/]")
_TYPE = re.compile(r"-?\d{1,6}(\.-?\d{1,6}){17}")
_PERIODS = {1: 10, 2: 15, 3: 1, 4: 1440, 5: 30, 6: 5, 7: 60, 10: 2, 14: 3, 31: 20}
_BLOCKS = {50: 60, 51: 30, 52: 20, 53: 15, 54: 10, 55: 5, 56: 1}
"""Measuring period (field 3) → minutes: plain, and fixed blocks of demand."""
_DAILY, _BILLED = 11, {8, 13, 22, 24, 32}
"""Macro period (field 1): daily; billing period, month, season, week, a stated period."""
_WITHDRAWN = {"cancel", "canceled", "cancelled", "delete", "deleted"}
_SUSPECT_COLLECTION = {1, 2, 3, 4, 5}
"""Indexes of category 4: overflow, partial, long and skipped interval, test data. Others do not touch the value."""
_HELD = 50_000
"""Values whose texts are held as Python strings at a time."""
_PATHS = {
    "stamp": ("timeStamp", ""),
    "raw": ("value", ""),
    "reported": ("reportedDateTime", ""),
    "flags": ("ReadingQualities/ReadingQualityType", "ref"),
    "period_start": ("timePeriod/start", ""),
    "period_end": ("timePeriod/end", ""),
}
_COLUMNS = (*_PATHS, "type", "point")


def recognise(content: Content) -> str | None:
    """Evidence: an element MeterReadings, and the namespace of IEC 61968-9's MeterReadings."""
    shown = _NAMESPACE.search(head := content.head(markup.HEAD)) and _ELEMENT.search(head)
    return "MeterReadings in a namespace of IEC TC 57" if shown else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings and registers of a message. Of repeated values that reported last counts.

    Options: ``timezone`` of stamps without an offset (else Asia/Bangkok), ``point`` for values whose MeterReading names
    neither usage point nor meter. The channel is the reading type, the row the number of the value in the document.
    """
    zone = options.timezone or THAILAND
    try:
        frames, header = _walk(content)
    except markup.MarkupError as error:
        return Export.rejected(FORMAT, error.code, str(error))
    if (header.get("Verb") or "").lower() in _WITHDRAWN:
        nothing = Batch.rejected("format-no-interval", "a message that withdraws readings holds none")
        withdrawn = nothing.note("message-cancelled", "the message withdraws readings; none of its values is used")
        return Export.of(FORMAT, readings=withdrawn, zone=zone)
    if not frames:
        return Export.rejected(FORMAT, "format-no-interval", "no IntervalReadings and no Readings in the message")
    point, sent = pl.col("point").fill_null(pl.lit(options.point, pl.String)), header.get("Timestamp")
    ends = all(frame["period_end"].null_count() == frame.height for frame in frames)
    typed = (_timed(frame.with_columns(point), sent, zone) for frame in cim.numbered(frames))
    # The standard's stamps are ends; some head-ends write the start, which whole days show.
    return replace(_differenced(cim.export(FORMAT, typed, zone)), assumed=Assumed(ends=ends))


def _walk(content: Content) -> tuple[list[pl.DataFrame], dict[str, str | None]]:
    header: dict[str, str | None] = {}
    frames: list[pl.DataFrame] = []
    columns: dict[str, list[str | None]] = {name: [] for name in _COLUMNS}

    def flush() -> None:
        if columns["raw"]:
            frames.append(pl.DataFrame(columns, schema=dict.fromkeys(_COLUMNS, pl.String())))
        for held in columns.values():
            held.clear()

    for element in markup.walk(content, "Header", "MeterReading"):
        if markup.local(element) == "Header":
            header = header or {markup.local(each): (each.text or "").strip() or None for each in element}
            continue
        _take(element, columns)
        markup.drop(element)
        if len(columns["raw"]) >= _HELD:
            flush()
    flush()
    return frames, header


def _take(meter: etree._Element, columns: dict[str, list[str | None]]) -> None:
    point = _point(meter)
    blocks = list(meter.iterchildren("{*}IntervalBlocks"))
    in_blocks = [sum(1 for _ in block.iterchildren("{*}IntervalReadings")) for block in blocks]
    if sum(in_blocks):
        for name, (path, attribute) in _PATHS.items():
            columns[name] += markup.column(meter, "IntervalBlocks/IntervalReadings", path, attribute)
        for block, count in zip(blocks, in_blocks, strict=True):
            columns["type"] += [_ref(markup.child(block, "ReadingType"))] * count
        columns["point"] += [point] * sum(in_blocks)
    if alone := sum(1 for _ in meter.iterchildren("{*}Readings")):
        for name, (path, attribute) in _PATHS.items():
            columns[name] += markup.column(meter, "Readings", path, attribute)
        columns["type"] += markup.column(meter, "Readings", "ReadingType", "ref")
        columns["point"] += [point] * alone


def _ref(kind: etree._Element | None) -> str | None:
    return None if kind is None else kind.get("ref")


def _point(meter: etree._Element) -> str | None:
    """The usage point's mRID or name, else the meter's."""
    for name in ("UsagePoint", "Meter"):
        found = markup.child(meter, name)
        if identity := markup.text(found, "mRID") or markup.text(found, "Names", "name"):
            return identity
    return None


def _types(refs: Iterable[str | None]) -> pl.DataFrame:
    """A row a reading type: what its 18 numbers say; ``known`` is false where they are not 18 numbers."""
    rows = []
    for ref in refs:
        known = ref is not None and _TYPE.fullmatch(ref.strip()) is not None
        of = [int(number) for number in ref.split(".")] if ref is not None and known else [0] * 18
        exact = of[15] in cim.MULTIPLIERS
        typed = cim.reading_type(of[16], of[15] if exact else 0, of[4], of[5], of[3], of[1])
        minutes = _PERIODS.get(of[2]) or _BLOCKS.get(of[2]) or (1440 if of[0] == _DAILY else None)
        rows.append(
            {
                "type": ref,
                **typed._asdict(),
                "known": known,
                "exact": exact,
                "length": minutes,
                "billed": of[0] in _BILLED,
            }
        )
    schema = {"type": pl.String(), "form": pl.String(), "factor": EXACT, "length": pl.Int32()}
    return pl.DataFrame(rows, schema_overrides=schema)


def _timed(values: pl.DataFrame, sent: str | None, zone: str) -> Batch:
    """Values that have point, type, stamp and length, as ``cim.export`` needs them."""
    types = _types(values["type"].unique(maintain_order=True))
    flags = values["flags"].unique()
    frame = values.join(types, on="type", how="left", nulls_equal=True, maintain_order="left").with_columns(
        quality=pl.col("flags").replace_strict(flags, [_grade(each) for each in flags], return_dtype=pl.String),
        quality_raw="flags",
        channel="type",
        version=pl.coalesce(markup.instant(pl.col("reported"), zone), markup.instant(pl.lit(sent, pl.String), zone)),
        **{name: markup.instant(pl.col(name), zone) for name in ("stamp", "period_start", "period_end")},
    )
    stated = pl.col("period_end") - pl.col("period_start")
    frame = frame.with_columns(
        end=pl.coalesce("period_end", "stamp"),
        minutes=pl.coalesce(stated.dt.total_minutes().cast(pl.Int32, strict=False), "length"),
        whole=(stated.dt.total_microseconds() % 60_000_000 == 0).fill_null(True),
    )
    interval = pl.col("form") == "interval"
    timed = Batch(frame).refuse(
        (pl.col("point").is_null(), "row-malformed", "neither usage point nor meter is named"),
        (~pl.col("known"), "unit-unknown", "the reading type is not 18 dotted numbers"),
        (~pl.col("exact"), "unit-unknown", "the power of ten is beyond what values are kept in"),
        (pl.col("end").is_null(), "stamp-bad", "the time stamp is missing or no ISO 8601 time"),
        (
            interval
            & ((pl.col("minutes").is_null() & ~pl.col("billed")) | (pl.col("minutes") <= 0) | ~pl.col("whole")),
            "interval-length",
            "neither reading type nor time period tells a length in minutes",
        ),
        (
            interval & (off_clock(pl.col("end"), 1)),
            "interval-misaligned",
            "the interval does not end near a minute",
        ),
    )
    return timed.with_columns(start=pl.coalesce("period_start", pl.col("end") - pl.duration(minutes="minutes")))


def _grade(flags: str | None) -> str:
    """Canonical quality of a value's list: the worst of those that judge the value; vendors' own (from 1001) do not."""
    known = [flag for flag in (flags or "").split() if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}){2}", flag)]
    codes = [tuple(map(int, flag.split("."))) for flag in known]
    accepted = any(code[1:] == (10, 1) for code in codes)
    found = []
    for system, category, index in codes:
        if index > 1000:
            continue
        if category == 0 or (category, index) == (10, 1):
            found.append("actual")
        elif category in (7, 8, 11) and (category, index) != (7, 3):
            # Edited and accepted by the data management system is final; an estimate alone may still change.
            found.append("substituted" if accepted and system == 3 and category != 11 else "substituted_temporary")
        elif (category, index) == (5, 259):
            found.append("missing")
        elif category in (5, 6, 7, 10) or (category == 4 and index in _SUSPECT_COLLECTION):
            found.append("suspect")
        elif category == 12:
            found.append("forecast")
    return cim.worst(found)


def _differenced(export: Export) -> Export:
    """``export`` with the intervals that its registers make (see the module's text), and what is said of them."""
    reads = export.tables.get("registers")
    if reads is None or not reads.height:
        return export
    delta = export.tables.get("readings", no_readings())
    channels = reads["channel"].cast(pl.String).unique(maintain_order=True)
    length = (
        pl.col("channel").cast(pl.String).replace_strict(channels, _types(channels)["length"], return_dtype=pl.Int32)
    )
    key = ["point", "channel", "quantity"]
    ranks = {quality: rank for rank, quality in enumerate(QUALITIES)}
    rank = pl.col("quality").cast(pl.String).replace_strict(ranks, return_dtype=pl.Int32)
    own = pl.col("register_end").is_not_null() & (pl.col("quantity").cast(pl.String) != "other")
    has_delta = delta.select(pl.col("point", "quantity").cast(pl.String)).unique()
    steps = (
        reads.filter(own)
        .with_columns(pl.col(key).cast(pl.String), minutes=length, rank=rank)
        .filter(pl.col("minutes") < cim.LONGEST)
        .join(has_delta, on=["point", "quantity"], how="anti")
        .sort(*key, "end")
        .with_columns(
            start=pl.col("end").shift(1).over(key),
            value=pl.col("register_end") - pl.col("register_end").shift(1).over(key),
            rank=pl.max_horizontal("rank", pl.col("rank").shift(1).over(key)),
            version=pl.max_horizontal("version", pl.col("version").shift(1).over(key)),
        )
        .filter(pl.col("start") == pl.col("end") - pl.duration(minutes="minutes"))
        .with_columns(quality=pl.col("rank").replace_strict(dict(enumerate(QUALITIES)), return_dtype=pl.String))
    )
    falls, rises = steps.filter(pl.col("value") < 0), steps.filter(pl.col("value") >= 0)
    if falls.height:
        text = f"{falls.height} read(s) are lower than the one before; the first is named"
        export = export.also(problem("register-fall", text, falls["row"].sort()[0]))
    if not rises.height:
        return export
    text = f"{rises.height} interval(s) are differences of a register's reads; the first is named"
    differences = canonical(Batch(rises)).note("register-differenced", text, rises["row"].sort()[0])
    readings = resolve(replace(differences, rows=pl.concat([delta, differences.rows])))
    return replace(export, tables={**export.tables, "readings": readings.rows}).also(*readings.problems)
