"""From receipts to rows: which deliveries a table has not seen yet, and what came of each.

The books (``deliveries`` and ``quarantine``) are written after the tables, so a delivery that a crash interrupts is
still due and applying it again changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City, SourceEntry
from assets.lake import files as lake
from assets.lake.feeds import feeds, landed_as, source_of
from assets.landing.archive import Receipt
from assets.landing.deployment import Deployment
from assets.sources.source import Context, ReadResult
from quality.contracts import Table
from quality.problems import gather, problem, with_severity
from quality.tables import DELIVERIES, QUARANTINE

FAILURES = (Exception, pl.exceptions.PanicException)
"""What a reader may fail with. A panic inside Polars is no ``Exception`` and would pass by every other net."""


@dataclass(frozen=True)
class Due:
    """A receipt that a table has yet to read, with the source it came through."""

    source: str
    entry: SourceEntry
    receipt: Receipt


@dataclass(frozen=True)
class Outcome:
    """What came of one delivery: its problems, the rows that went on and the days they touch."""

    due: Due
    format: str
    problems: pl.DataFrame
    rows: int = 0
    first_day: date | None = None
    last_day: date | None = None

    @property
    def status(self) -> str:
        """``rejected``: nothing went on although something was wrong; ``partial``: some rows were refused."""
        severities = with_severity(self.problems)["severity"]
        if "reject" in severities or (self.rows == 0 and "refuse" in severities):
            return "partial" if self.rows else "rejected"
        return "partial" if "refuse" in severities else "ok"


def due(deployment: Deployment, city: City, table: Table, day: date) -> Iterator[Due]:
    """Receipts up to ``day`` that ``table`` has not read, and those of ``day`` itself, oldest first."""
    seen = known(deployment, city, table)
    for name, entry in feeds(city, table.name):
        owner, source = landed_as(city, name)
        for delivered, identity in deployment.archive.ids(owner, source):
            if delivered == day or (delivered < day and identity not in seen):
                receipt = deployment.archive.receipt(owner, source, delivered, identity)
                if receipt.outcome != "new" or source_of(entry).reads(receipt.name):
                    yield Due(name, entry, receipt)


def known(deployment: Deployment, city: City, table: Table) -> set[str]:
    """Receipts that the books of ``table`` have."""
    return set(lake.read(deployment.store, DELIVERIES, city.slug, part=table.name)["receipt"])


def read(deployment: Deployment, city: City, item: Due) -> ReadResult:
    """Read one delivery; an attempt that brought nothing to read is a result with its problem."""
    receipt = item.receipt
    if not receipt.readable:
        found = problem(receipt.code or "answer-bad", receipt.reason or receipt.outcome) if receipt.code else None
        return ReadResult(format=receipt.outcome, problems=gather([] if found is None else [found]))
    try:
        data = deployment.archive.bytes_of(receipt)
    except (FileNotFoundError, ValueError):
        # Any other failure is the store's: it stops the step, and the delivery stays due.
        return ReadResult(item.entry.reader, problems=problem("landing-damaged", f"object {receipt.sha256}"))
    try:
        context = Context[Any](city, receipt.day, receipt.name, item.entry.options)
        return source_of(item.entry).read(data, context)
    except FAILURES as error:  # no delivery may stop a city; what went wrong is told, the bytes stay in landing
        return ReadResult(format=item.entry.reader, problems=problem("reader-failed", type(error).__name__))


def with_lineage(frame: pl.DataFrame, receipt: Receipt) -> pl.DataFrame:
    """``frame`` with ``_receipt`` and ``_delivered``; it brings ``_row`` itself."""
    return frame.with_columns(_receipt=pl.lit(receipt.id), _delivered=pl.lit(receipt.day, dtype=pl.Date))


def record(deployment: Deployment, city: City, table: Table, outcomes: Sequence[Outcome]) -> None:
    """Enter outcomes into the books of their delivery days; quarantine first, so that what is read is accounted."""
    quarantine = [_refusals(outcome, table) for outcome in outcomes]
    _enter(deployment, city, table, QUARANTINE, outcomes, pl.concat([QUARANTINE.empty(), *quarantine]))
    rows = pl.DataFrame([_delivery(outcome, table) for outcome in outcomes], schema=DELIVERIES.schema, orient="row")
    _enter(deployment, city, table, DELIVERIES, outcomes, rows)


def days_of(deployment: Deployment, city: City, table: Table, receipts: Mapping[str, date]) -> list[date]:
    """Days that earlier readings of these receipts touched, from the books of their delivery days."""
    delivered = sorted(set(receipts.values()))
    books = [lake.read_day(deployment.store, DELIVERIES, city.slug, day, table.name) for day in delivered]
    return _days(pl.concat([DELIVERIES.empty(), *books]).filter(pl.col("receipt").is_in(list(receipts))))


def days_since(deployment: Deployment, city: City, table: Table, since: date, until: date) -> list[date]:
    """Days that readings of the delivery days ``since`` to ``until`` touched, from the books."""
    return _days(lake.read(deployment.store, DELIVERIES, city.slug, (since, until), table.name))


def _days(books: pl.DataFrame) -> list[date]:
    spans = books.filter(pl.col("rows") > 0).select("first_day", "last_day").drop_nulls()
    days = spans.select(pl.date_ranges("first_day", "last_day").explode(empty_as_null=False)).to_series()
    return sorted(set(days.to_list()))


def _enter(
    deployment: Deployment, city: City, table: Table, books: Table, outcomes: Sequence[Outcome], rows: pl.DataFrame
) -> None:
    for day in sorted({outcome.due.receipt.day for outcome in outcomes}):
        again = [outcome.due.receipt.id for outcome in outcomes if outcome.due.receipt.day == day]
        kept = lake.read_day(deployment.store, books, city.slug, day, table.name)
        kept = kept.filter(~pl.col("receipt").is_in(again))
        lake.write(
            deployment.store, books, city.slug, day, pl.concat([kept, rows.filter(pl.col("day") == day)]), table.name
        )


def _refusals(outcome: Outcome, table: Table) -> pl.DataFrame:
    receipt = outcome.due.receipt
    return (
        with_severity(outcome.problems)
        .with_columns(
            pl.col("row").fill_null(0),
            receipt=pl.lit(receipt.id),
            source=pl.lit(outcome.due.source),
            table=pl.lit(table.name),
            day=pl.lit(receipt.day, dtype=pl.Date),
            name=pl.lit(receipt.name),
        )
        .unique(QUARANTINE.key, maintain_order=True)
        .select(pl.col(name).cast(dtype) for name, dtype in QUARANTINE.schema.items())
    )


def _delivery(outcome: Outcome, table: Table) -> tuple[object, ...]:
    receipt = outcome.due.receipt
    refused = with_severity(outcome.problems).filter(severity="refuse").height
    return (
        receipt.id,
        table.name,
        outcome.due.source,
        receipt.day,
        receipt.name,
        outcome.format,
        outcome.status,
        outcome.rows,
        refused,
        outcome.first_day,
        outcome.last_day,
    )
