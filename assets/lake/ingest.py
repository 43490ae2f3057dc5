"""Ingesting: read what is due, keep the contract, merge, judge, enter into the ledger.

Each works on one step (a city and delivery day) and may be repeated at will.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import polars as pl

from assets.lake import ledger, meter_intervals, meter_registers, overlap, register_reads, stale_days, verdicts
from assets.lake.delivered import Spool, customers, no_delivered, pseudonyms, serials, to_delivered
from assets.lake.files import CityLake, Written
from assets.lake.ledger import Due, Entry
from assets.lake.meter_registers import Registers
from assets.landing import erased
from assets.landing.deployment import Step
from assets.sources.ckan import resource_of
from quality import past_days, republished, source_watch
from quality.batch import Batch, together
from quality.clashes import clashes
from quality.contracts import Table
from quality.problems import CODES, WITHHOLD, gather, problem
from quality.readings import ENERGY
from quality.tables import (
    DELIVERIES,
    METER_INTERVALS,
    METER_SUPERSEDED,
    METERS,
    REGISTER_READS,
    VALIDATION_RESULTS,
)
from quality.verdicts import HALF, Verdict, of_group


@dataclass(frozen=True)
class Ingested:
    """What a step did: deliveries read, rows merged, files written, and how the touched days were judged."""

    entries: Sequence[Entry]
    files: Sequence[Written]
    verdicts: Sequence[Verdict]

    @property
    def rows(self) -> int:
        """Rows that went on to the table."""
        return sum(entry.rows for entry in self.entries)

    @property
    def held(self) -> int:
        """Rows of these deliveries that the lake holds now, each record once."""
        return sum(rows for entry in self.entries for _, rows in entry.held)

    @property
    def rewritten(self) -> int:
        """Rows in the files whose bytes changed."""
        return sum(file.rows for file in self.files if file.changed)


def ingest(step: Step, table: Table) -> Ingested:
    """Fill a table that sources feed; with ``meter_intervals`` all that meter exports fill (``ingest_meters``)."""
    if table is METER_INTERVALS:
        return ingest_meters(step)
    lake, gone = CityLake.of(step), erased.noted(step.deployment.store, step.city.slug)
    entries: list[Entry] = []
    parts: list[pl.DataFrame] = []
    next_days: dict[str, date | None] = {}
    for item in ledger.due(step, table, next_days):
        result = ledger.read(step, item)
        frame = result.tables.get(table.name)
        if table is METERS and "register" in result.tables:
            register = result.tables["register"]
            ids = pseudonyms(register["point"], step.city.slug, step.deployment.secret())
            shared = overlap.shared_ids(ids, step.city.slug, step.deployment.secret())
            overlap.remember(lake, shared.filter(~pl.col("meter_id").is_in([*gone])))
            frame = _registered(step, register, ids)
        elif frame is not None and "point" in frame.columns:
            frame = _by_meter(frame, pseudonyms(frame["point"], step.city.slug, step.deployment.secret()))
        told = _conformed(table, frame, item)
        good = _stored(table, _unerased(table, _come(table, told, item), gone)).also(result.problems)
        next_days[item.receipt.id] = next_day = result.again or table.to_come(told.rows, item.receipt.day)
        entry = _entry(item, result.format, good, table)
        entries.append(replace(entry, next_day=next_day, held=_held(table, good.rows)))
        parts.append(good.rows)
    receipts = _read_again(entries)
    rows = pl.concat([table.empty(), *parts])
    watched = bool(table.steady or table.listed_by)
    before = lake.read(table) if watched else table.empty()
    also = ledger.days_of(lake, table, receipts)
    touched = {*rows[table.day].unique(), *also}
    stale_days.note(lake, table, touched)
    if table is METERS:
        meter_registers.note(lake, rows, receipts, touched)
    files = lake.merge(table, rows, receipts, also)
    dues = [entry.due for entry in entries]
    whose = [(due.source, resource_of(due.receipt.name) or "", part) for due, part in zip(dues, parts, strict=True)]
    more = clashes(table, whose) + (meter_registers.overruled(parts) if table is METERS else [])
    if watched:
        night = lake.newest(VALIDATION_RESULTS, step.day - timedelta(days=1))
        nights = {step.day, night or step.day}
        stood = lake.pick(VALIDATION_RESULTS, nights).unique(["rule", "key", "suite"], keep="last", maintain_order=True)
        after = lake.read(table)
        again = [*republished.restated(table, before, after, stood)]
        if table.steady and (pages := ledger.pages(step, table)).height:
            again.append(republished.withdrawn(table, after, pages))
        more += of_group("history", again)
    return _judged(step, table, entries, files, more)


AHEAD = timedelta(hours=1)
"""How far a reading may begin after its file came: clocks differ by minutes."""

SLICE = 1_000_000
"""Readings of a file that are pseudonymised together."""


@dataclass(frozen=True)
class _Export:
    """What one meter export brought: its intervals and register reads, each as its ledger entry; the reads themselves,
    and of each meter id the id of its point in every city."""

    intervals: Entry
    registers: Entry
    reads: pl.DataFrame
    shared: pl.DataFrame


def ingest_meters(step: Step) -> Ingested:
    """Fill ``meter_intervals``, ``meter_superseded`` and ``register_reads`` from meter exports.

    All that is due is read first and set out by day and bucket, which are then worked on one after another. Days that
    change are noted for the load profile before they are written, so that a crash leaves none behind.
    """
    lake = CityLake.of(step)
    gone = erased.noted(step.deployment.store, step.city.slug)
    numbers = {receipt.id: receipt.number for receipt in step.deployment.archive.receipts(step.city.slug)}
    exports: list[_Export] = []
    next_days: dict[str, date | None] = {}
    with Spool(lake.cut) as spool:
        for item in ledger.due(step, METER_INTERVALS, next_days):
            exports.append(_export(step, item, gone, spool))
            next_days[item.receipt.id] = exports[-1].intervals.next_day
        overlap.remember(lake, pl.concat([overlap.SHARED.to_frame(), *(export.shared for export in exports)]))
        receipts = _read_again(export.intervals for export in exports)
        files = _apply_reads(lake, exports, receipts, numbers)
        anew = stale_days.noted(lake, stale_days.IN_FORCE)
        also = [*ledger.days_of(lake, METER_INTERVALS, receipts), *anew]
        stale_days.note(lake, METER_INTERVALS, anew)
        stale_days.note(lake, METER_INTERVALS, {*spool.days(), *also}, stale_days.DELIVERED)
        applied = meter_intervals.apply(lake, spool, Registers.of(lake), receipts, also, numbers)
    stale_days.settle(lake, stale_days.IN_FORCE, anew)
    files += applied.files
    intervals: list[Entry] = []
    for export in exports:
        of = export.intervals.due.receipt.id
        problems = gather([export.intervals.problems, applied.refused.filter(_receipt=of).drop("_receipt")])
        intervals.append(replace(export.intervals, problems=problems, held=applied.held.get(of, ())))
    # Before the ledger of the intervals, which says what is due: a crash in between repeats both.
    known = ledger.known(lake, REGISTER_READS)
    registers = [export.registers for export in exports]
    registers = [each for each in registers if each.rows or each.problems.height or each.due.receipt.id in known]
    judged = [_judged(step, METER_SUPERSEDED, [], [file for file in files if file.table is METER_SUPERSEDED])]
    if registers:
        read = [file for file in files if file.table is REGISTER_READS]
        judged.append(_judged(step, REGISTER_READS, registers, read))
    written = [file for file in files if file.table is not REGISTER_READS]
    judged.append(_judged(step, METER_INTERVALS, intervals, written, applied.verdicts))
    return Ingested(
        [entry for each in judged for entry in each.entries],
        files,
        [verdict for each in judged for verdict in each.verdicts],
    )


def _read_again(entries: Iterable[Entry]) -> dict[str, date]:
    """Receipts whose earlier rows give way to what they bring now, with their delivery days: not of those that could
    not be read. A repeat brings none, though it may have been read when nothing before it had landed."""
    read = (entry.due.receipt for entry in entries if entry.status != "failed")
    return {receipt.id: receipt.day for receipt in read if receipt.sha256}


def _export(step: Step, item: Due, gone: Mapping[str, date], spool: Spool) -> _Export:
    """Read a delivery; its intervals go into the spool."""
    result = ledger.read(step, item)
    intervals, reads = Batch(no_delivered().select(METER_INTERVALS.day)), Batch(REGISTER_READS.empty())
    shared = overlap.SHARED.to_frame()
    to_come: list[date | None] = []
    early = False
    if has_intervals := (readings := result.tables.get("readings")) is not None:
        ids = pseudonyms(readings["point"], step.city.slug, step.deployment.secret())
        shared = overlap.shared_ids(ids, step.city.slug, step.deployment.secret())
        # They go as they are set out: a night's largest file is not held twice.
        parts = deque(readings.iter_slices(SLICE))
        result = replace(result, tables={name: table for name, table in result.tables.items() if table is not readings})
        del readings
        while parts:
            delivered = Batch(to_delivered(parts.popleft(), item.receipt, ids))
            to_come.append(METER_INTERVALS.to_come(delivered.rows, item.receipt.day))
            arrived = _unerased(METER_INTERVALS, _come(METER_INTERVALS, delivered, item), gone)
            newest = arrived.rows["start"].max()
            early = early or (isinstance(newest, datetime) and newest > item.receipt.first_seen + AHEAD)
            spool.add(arrived.rows)
            intervals = together([intervals, replace(arrived, rows=arrived.rows.select(METER_INTERVALS.day))])
    if early:
        intervals = intervals.note("stamp-ahead", "intervals begin after the file had come")
    if (registers := result.tables.get("registers")) is not None:
        unique = register_reads.of_export(registers, step.city.slug, step.deployment.secret())
        told = _conformed(REGISTER_READS, unique.rows, item).also(*unique.problems)
        to_come.append(REGISTER_READS.to_come(told.rows, item.receipt.day))
        reads = _stored(REGISTER_READS, _unerased(REGISTER_READS, _come(REGISTER_READS, told, item), gone))
    # What was wrong with a file is entered once: with its intervals, or of a file of register reads alone, with them.
    if registers is not None and not has_intervals:
        reads = reads.also(result.problems)
    else:
        intervals = intervals.also(result.problems)
    next_day = min((day for day in to_come if day), default=None)
    return _Export(
        replace(_entry(item, result.format, intervals, METER_INTERVALS), next_day=next_day),
        replace(_entry(item, result.format, reads, REGISTER_READS), held=_held(REGISTER_READS, reads.rows)),
        reads.rows,
        shared,
    )


def _apply_reads(
    lake: CityLake, exports: Sequence[_Export], receipts: Mapping[str, date], numbers: Mapping[str, int]
) -> list[Written]:
    """Put the batch's register reads into the lake, in place of what its receipts brought earlier."""
    also = set(lake.days(REGISTER_READS)).intersection(ledger.days_of(lake, REGISTER_READS, receipts))
    reads = pl.concat([REGISTER_READS.empty(), *(export.reads for export in exports)])
    stale_days.note(lake, REGISTER_READS, {*reads[REGISTER_READS.day].unique(), *also})
    return register_reads.apply(lake, reads, receipts, also, numbers)


def _conformed(table: Table, frame: pl.DataFrame | None, item: Due) -> Batch:
    """The rows that keep the contract; a frame that cannot be judged at all is refused whole."""
    if frame is None:
        return Batch(table.delivered.to_frame())
    try:
        return table.conform(ledger.with_lineage(frame, item))
    except (ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        passes = isinstance(error, pl.exceptions.PanicException)
        code, text = "reading-failed" if passes else "reader-failed", f"not as the contract: {type(error).__name__}"
        return Batch(table.delivered.to_frame(), (problem(code, text),))


def _come(table: Table, batch: Batch, item: Due) -> Batch:
    """Without the rows of days that had not come, and without those that the same content has brought before."""
    if item.after:
        batch = batch.filter(pl.col(table.day) > item.after)
    return table.arrived(batch, item.receipt.day)


def _stored(table: Table, batch: Batch) -> Batch:
    return replace(batch, rows=table.stored(batch.rows))


def _unerased(table: Table, batch: Batch, gone: Mapping[str, date]) -> Batch:
    """Without the rows of erased meters, up to the day of each."""
    if not gone or "meter_id" not in table.schema:
        return batch
    until = pl.col("meter_id").replace_strict(gone, default=None, return_dtype=pl.Date)
    text = "its metering point was erased, with all up to that day"
    return batch.refuse((pl.col(table.day) <= until, "meter-erased", text))


def _registered(step: Step, register: pl.DataFrame, points: Mapping[str, str]) -> pl.DataFrame:
    slug, key = step.city.slug, step.deployment.secret()
    payers, devices = customers(register["account"], slug, key), serials(register["serial"], slug, key)
    checked = pseudonyms(register["check_of"], slug, key)
    ids = {"account": payers, "serial": devices, "check_of": checked}
    hashed = {
        name: pl.col(name).cast(pl.String).replace_strict(known, return_dtype=pl.String, default=None)
        for name, known in ids.items()
    }
    return (
        _by_meter(register.with_columns(**hashed), points)
        .rename({"account": "customer_id", "serial": "serial_id", "as_of": METERS.day})
        .with_columns(pl.col("multiplier").cast(ENERGY))
    )


def _by_meter(frame: pl.DataFrame, known: Mapping[str, str]) -> pl.DataFrame:
    """With the ``meter_id`` of each ``point`` in its place, by ``pseudonyms``; null where there is none."""
    return frame.with_columns(
        meter_id=pl.col("point").replace_strict(known, return_dtype=pl.String, default=None)
    ).drop("point")


def _entry(item: Due, form: str, good: Batch, table: Table) -> Entry:
    days = good.rows[table.day]
    if not days.len():
        return Entry(item, form, good.found)
    return Entry(item, form, good.found, days.len(), days.min(), days.max())  # type: ignore[arg-type]


def _held(table: Table, rows: pl.DataFrame) -> tuple[tuple[date, int], ...]:
    """Rows that the lake holds of a delivery's, by day: of those that it tells twice, one."""
    held = rows.unique([*dict.fromkeys((table.day, *table.key))]).group_by(table.day).len().sort(table.day)
    return tuple(held.iter_rows())


def _judged(
    step: Step, table: Table, entries: Sequence[Entry], files: Sequence[Written], more: Sequence[Verdict] = ()
) -> Ingested:
    """Judge the days that were written and those that mislead (else the newest), then enter the deliveries into the
    ledger."""
    lake = CityLake.of(step)
    stored = lake.days(table)
    due = {day for file in files for day in file.days} | verdicts.misleading_days(lake, table)
    judged = sorted(due) or stored[-1:]
    # Of readings a file at a time: a night of a big city does not fit into memory.
    pieces = lake.pieces(table, judged) if table.bucketed else [lake.pick(table, judged)]
    whole = lake.read(table) if table.across else None
    deliveries = [] if table is METER_SUPERSEDED else _delivery_verdicts(table, entries)
    past = [*_past_verdicts(lake, table, stored, step.day), *_source_verdicts(step, table, entries)]
    past = of_group("history", past)
    newest = stored[-1] if stored else None
    found = verdicts.judge(step, table, pieces, newest, whole, [*more, *deliveries, *past])
    verdicts.remember(lake, table, judged, found)
    ledger.record(lake, table, entries)
    return Ingested(entries, files, found)


def _past_verdicts(lake: CityLake, table: Table, stored: Sequence[date], day: date) -> list[Verdict]:
    """How the last whole day compares with days of its class: the day before the delivery day, which has just ended. Of
    what holds at a moment, tonight's readings. And whether it is one of them, or the day before it, once more."""
    if not table.usual_by:
        return []
    last = day if table.momentary else day - timedelta(days=1)
    alike = past_days.alike(last, stored, any_day=table.momentary)
    before = {*alike, *[each for each in stored if each < last][-1:]}
    rows, past = lake.day(table, last), lake.pick(table, before)
    found = past_days.repeated(table, rows, past) if rows.height and before else []
    if len(alike) < past_days.DAYS:
        return found
    return [*found, *past_days.against_past(table, rows, past.filter(pl.col(table.day).is_in(alike)))]


def _source_verdicts(step: Step, table: Table, entries: Sequence[Entry]) -> list[Verdict]:
    """How the night's deliveries compare with those of the nights before. Tables that a step makes beside another one
    have the deliveries of that one."""
    if table in (METER_SUPERSEDED, REGISTER_READS):
        return []
    day = step.day
    nights = (day - timedelta(days=source_watch.NIGHTS), day - timedelta(days=1))
    before = CityLake.of(step).read(DELIVERIES, nights).filter(table=table.name).select(source_watch.DELIVERED.names())
    rows = [
        (each.due.source, day, each.format, each.rows, each.status) for each in entries if each.due.receipt.day == day
    ]
    tonight = pl.DataFrame(rows, schema=source_watch.DELIVERED, orient="row")
    stood = ledger.events(step, table, source_watch.answered(tonight))
    return source_watch.changed(table, tonight, before, day, ledger.resources(step, table), stood)


def _delivery_verdicts(table: Table, entries: Sequence[Entry]) -> list[Verdict]:
    """One warning a problem code over the night's deliveries, or a pass: of the rows that came, those it was about."""
    problems = gather([entry.problems for entry in entries])
    if not problems.height:
        return [Verdict(table.name, "deliveries", "pass", len(entries), 0, f"{len(entries)} deliveries read")]
    came = sum(entry.rows for entry in entries) + problems.height
    counted = problems.group_by("code").agg(pl.len(), pl.col("message").first()).sort("code")
    # Of a feed whose clock is wrong some rows pass, if it is not all too wrong.
    feed = table.max_age is not None and came > problems.height
    return [
        Verdict(
            table.name,
            f"deliveries_{code}",
            "withhold" if feed and code in WITHHOLD and count >= HALF * came else "warn",
            came,
            count,
            _told(table, entries, code, message),
        )
        for code, count, message in counted.iter_rows()
    ]


def _told(table: Table, entries: Sequence[Entry], code: str, message: str) -> str:
    """What a verdict says of a code: the first message, or of customers' deliveries, whose messages quote readings,
    what the code means; in which sources and receipts, and how to see the rows. Verdicts go to Dagster and its logs;
    messages stay in the quarantine."""
    found = {entry.due.receipt.id: entry.due.source for entry in entries if code in entry.problems["code"]}
    receipts, sources = sorted(found), ", ".join(sorted(set(found.values())))
    text = (CODES[code][1] if table.of_customers else message).rstrip(".")
    return f"{text}. Source {sources}, receipts {ledger.named(receipts)}; rows: muang quarantine show {receipts[0]}"
