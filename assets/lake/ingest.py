"""Filling lake tables: read what is due, keep the contract, merge, judge, enter into the books.

One function a kind of table. Each works on one city and one delivery day and may be repeated at will.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import polars as pl

from assets.cities.registry import City
from assets.lake import files as lake
from assets.lake import ledger, meter_intervals, register_reads
from assets.lake.ledger import Due, Outcome
from assets.landing.archive import Receipt
from assets.landing.deployment import Deployment
from quality import cross_table, expectations
from quality.contracts import Table
from quality.problems import gather, no_problems, problem
from quality.tables import METER_INTERVALS, METERS, REGISTER_READS, VERDICTS
from quality.verdicts import Verdict, freshness, keys, structure, to_frame, worst

BATCH_ROWS = 4_000_000
"""Readings held in memory before they are merged: about 1 GB at 250 bytes a reading."""


@dataclass(frozen=True)
class Filled:
    """What a step did: deliveries read, rows merged, files written, and how the touched days were judged."""

    outcomes: Sequence[Outcome]
    files: Sequence[lake.Written]
    verdicts: Sequence[Verdict]

    @property
    def rows(self) -> int:
        """Rows that went on to the table."""
        return sum(outcome.rows for outcome in self.outcomes)


def fill(deployment: Deployment, city: City, table: Table, day: date) -> Filled:
    """Fill a table whose rows a reader makes directly."""
    outcomes: list[Outcome] = []
    parts: list[pl.DataFrame] = []
    for item in ledger.due(deployment, city, table, day):
        result = ledger.read(deployment, city, item)
        frame = result.tables.get(table.name)
        if table is METERS and "register" in result.tables:
            frame = _registered(deployment, city, result.tables["register"], item.receipt.day)
        good, problems = _kept(table, frame, item.receipt, result.problems)
        outcomes.append(_outcome(item, result.format, problems, good, table.day))
        if good is not None and good.height:
            parts.append(good)
    receipts = _read_again(outcomes)
    known = {lake.day_of(key) for key in lake.keys(deployment.store, table, city.slug)}
    also = known.intersection(ledger.days_of(deployment, city, table, receipts))
    files = lake.merge(deployment.store, table, city.slug, pl.concat([table.empty(), *parts]), receipts, also)
    more = (
        cross_table.WHOLE[table.name](lake.read(deployment.store, table, city.slug))
        if table.name in cross_table.WHOLE
        else []
    )
    return _judged(deployment, city, table, day, outcomes, files, more)


class _Came(NamedTuple):
    """What one delivery brought: intervals (``DELIVERED``) and register reads (``REGISTER_READS``)."""

    outcome: Outcome
    readings: pl.DataFrame
    registers: Outcome
    reads: pl.DataFrame


def fill_meter_intervals(deployment: Deployment, city: City, day: date) -> Filled:
    """Fill ``meter_intervals``, ``meter_superseded`` and ``register_reads`` from meter exports, batch by batch.

    Days that change are noted for the load profile before they are written, so that a crash leaves none behind.
    """
    table = METER_INTERVALS
    register = latest_register(deployment, city, day)
    outcomes: list[Outcome] = []
    registers: list[Outcome] = []
    files: list[lake.Written] = []
    read_files: list[lake.Written] = []
    verdicts: list[Verdict] = []
    for batch in _batches(deployment, city, day):
        receipts = _read_again(came.outcome for came in batch)
        read_files += _apply_reads(deployment, city, batch, receipts)
        registers += [came.registers for came in batch]
        readings = pl.concat([meter_intervals.no_delivered(), *(came.readings for came in batch)])
        also = ledger.days_of(deployment, city, table, receipts)
        for touched in sorted({*readings["local_date"].unique(), *also}):
            deployment.store.write(_stale_key(city, touched), b"")
        applied = meter_intervals.apply(deployment.store, city.slug, readings, register, receipts, also)
        files += applied.files
        verdicts += applied.verdicts
        for came in batch:
            refused = applied.refused.filter(_receipt=came.outcome.due.receipt.id).drop("_receipt")
            outcomes.append(replace(came.outcome, problems=gather([came.outcome.problems, refused])))
    # Before the books of the intervals, which tell what is due: a crash in between repeats both.
    known = ledger.known(deployment, city, REGISTER_READS)
    told = [each for each in registers if each.rows or each.problems.height or each.due.receipt.id in known]
    reads = _judged(deployment, city, REGISTER_READS, day, told, read_files, []) if told else Filled([], [], [])
    filled = _judged(deployment, city, table, day, outcomes, files, verdicts)
    return Filled(
        [*filled.outcomes, *reads.outcomes], [*filled.files, *reads.files], [*filled.verdicts, *reads.verdicts]
    )


def _read_again(outcomes: Iterable[Outcome]) -> dict[str, date]:
    """Receipts whose earlier rows give way to what they bring now, with their delivery days. The same bytes on a later
    day have the same id, and are not read: their rows stay."""
    receipts = (outcome.due.receipt for outcome in outcomes)
    return {receipt.id: receipt.day for receipt in receipts if receipt.readable}


def _batches(deployment: Deployment, city: City, day: date) -> Iterator[list[_Came]]:
    """Deliveries that are due, read and pseudonymised, in batches of about ``BATCH_ROWS`` rows."""
    batch: list[_Came] = []
    for item in ledger.due(deployment, city, METER_INTERVALS, day):
        batch.append(_came(deployment, city, item))
        if sum(came.readings.height + came.reads.height for came in batch) > BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _came(deployment: Deployment, city: City, item: Due) -> _Came:
    result = ledger.read(deployment, city, item)
    rows, reads = meter_intervals.no_delivered(), REGISTER_READS.empty()
    # What was wrong is told once: of a delivery of register reads alone, with them.
    problems = [result.problems, no_problems()]
    if "readings" in result.tables:
        readings = result.tables["readings"]
        rows = meter_intervals.to_delivered(readings, item.receipt.id, item.receipt.day, city.slug, deployment.secret())
    elif "registers" in result.tables:
        problems.reverse()
    if "registers" in result.tables:
        frame, doubled = register_reads.of_export(result.tables["registers"], city.slug, deployment.secret())
        kept, problems[1] = _kept(REGISTER_READS, frame, item.receipt, gather([problems[1], doubled]))
        reads = reads if kept is None else kept
    return _Came(
        _outcome(item, result.format, problems[0], rows, METER_INTERVALS.day),
        rows,
        _outcome(item, result.format, problems[1], reads, REGISTER_READS.day),
        reads,
    )


def _apply_reads(
    deployment: Deployment, city: City, batch: Sequence[_Came], receipts: Mapping[str, date]
) -> list[lake.Written]:
    """Put the batch's register reads into the lake, in place of what its receipts brought earlier."""
    stored = {lake.day_of(key) for key in lake.keys(deployment.store, REGISTER_READS, city.slug)}
    also = stored.intersection(ledger.days_of(deployment, city, REGISTER_READS, receipts))
    reads = pl.concat([came.reads for came in batch])
    return register_reads.apply(deployment.store, city.slug, reads, receipts, also)


def latest_register(deployment: Deployment, city: City, day: date) -> pl.DataFrame:
    """The meter register in force on a delivery day: the newest reference day not after it."""
    known = [key for key in lake.keys(deployment.store, METERS, city.slug) if lake.day_of(key) <= day]
    return lake.read_day(deployment.store, METERS, city.slug, lake.day_of(known[-1])) if known else METERS.empty()


def stale_days(deployment: Deployment, city: City) -> list[date]:
    """Days of ``meter_intervals`` that changed since the load profile was made."""
    return [date.fromisoformat(key[-10:]) for key in deployment.store.list(_stale_key(city))]


def settle(deployment: Deployment, city: City, day: date) -> None:
    """The load profile of this day is made."""
    deployment.store.delete(_stale_key(city, day))


def write_verdicts(deployment: Deployment, city: City, part: str, day: date, verdicts: Sequence[Verdict]) -> None:
    """Keep a step's verdicts as its part of the table ``verdicts``."""
    lake.write(deployment.store, VERDICTS, city.slug, day, to_frame(verdicts, day), part)


def _stale_key(city: City, day: date | None = None) -> str:
    return f"work/load_profile/city={city.slug}" + (f"/{day.isoformat()}" if day else "")


def _kept(
    table: Table, frame: pl.DataFrame | None, receipt: Receipt, problems: pl.DataFrame
) -> tuple[pl.DataFrame | None, pl.DataFrame]:
    """The rows that keep the contract, and all problems; a frame that cannot be judged at all is refused whole."""
    if frame is None:
        return None, problems
    try:
        good, broken = table.conform(ledger.with_lineage(frame, receipt))
    except (ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        return None, gather([problems, problem("reader-failed", f"not as the contract: {type(error).__name__}")])
    return good, gather([problems, broken])


def _registered(deployment: Deployment, city: City, register: pl.DataFrame, day: date) -> pl.DataFrame:
    known = meter_intervals.pseudonyms(register["point"].unique(), city.slug, deployment.secret())
    return register.with_columns(
        meter_id=pl.col("point").replace_strict(known, return_dtype=pl.String),
        reference_date=pl.lit(day, dtype=pl.Date),
    ).drop("point")


def _outcome(item: Due, form: str, problems: pl.DataFrame, good: pl.DataFrame | None, day: str) -> Outcome:
    if good is None or not good.height:
        return Outcome(item, form, problems)
    days = good[day]
    return Outcome(item, form, problems, good.height, days.min(), days.max())  # type: ignore[arg-type]


def _judged(
    deployment: Deployment,
    city: City,
    table: Table,
    day: date,
    outcomes: Sequence[Outcome],
    files: Sequence[lake.Written],
    more: Sequence[Verdict],
) -> Filled:
    """Judge the days that were written (the newest if none was), then enter the books."""
    stored = lake.keys(deployment.store, table, city.slug)
    judged = sorted({lake.day_of(file.key) for file in files}) or [lake.day_of(key) for key in stored[-1:]]
    frame = pl.concat(
        [table.empty(), *(lake.read_day(deployment.store, table, city.slug, touched) for touched in judged)]
    )
    newest = lake.day_of(stored[-1]) if stored else None
    found = [
        structure(table, frame),
        keys(table, frame),
        *expectations.judge(table, frame),
        freshness(table, newest, day),
        *more,
        *_delivery_verdicts(table, outcomes),
    ]
    verdicts = worst(found)
    write_verdicts(deployment, city, table.name, day, verdicts)
    ledger.record(deployment, city, table, outcomes)
    return Filled(outcomes, files, verdicts)


def _delivery_verdicts(table: Table, outcomes: Sequence[Outcome]) -> list[Verdict]:
    """One warning a problem code over the night's deliveries, or a pass."""
    problems = gather([outcome.problems for outcome in outcomes])
    if not problems.height:
        return [Verdict(table.name, "deliveries", "pass", len(outcomes), 0, f"{len(outcomes)} deliveries read")]
    counted = problems.group_by("code").agg(pl.len(), pl.col("message").first()).sort("code")
    return [
        Verdict(table.name, f"deliveries_{code}", "warn", len(outcomes), count, message)
        for code, count, message in counted.iter_rows()
    ]
