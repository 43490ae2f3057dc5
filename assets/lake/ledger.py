"""The ledger: which deliveries a table has not read yet, and what came of each.

Its tables (``deliveries`` and ``quarantine``) are written after the rows, so a delivery that a crash interrupts is
still due and applying it again changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import SourceEntry
from assets.lake.feeds import feeds, landed_as, source_of
from assets.lake.files import CityLake
from assets.landing.archive import Receipt
from assets.landing.deployment import Step
from assets.landing.store import Damaged
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
    effective: bool = True
    """Whether it brought content other than the delivery of that name before it: there is something to read."""


@dataclass(frozen=True)
class Entry:
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


def due(step: Step, table: Table) -> Iterator[Due]:
    """Receipts up to the step's day that ``table`` has not read, and those of the day itself, oldest first."""
    archive, seen = step.deployment.archive, known(CityLake.of(step), table)
    for name, entry in feeds(step.city, table.name):
        owner, source = landed_as(step.city, name)
        effective = {receipt.id for receipt in archive.contents(owner, source)}
        for receipt in archive.receipts(owner, source):
            wanted = receipt.day == step.day or (receipt.day < step.day and receipt.id not in seen)
            if wanted and (receipt.id not in effective or source_of(entry).reads(receipt.name)):
                yield Due(name, entry, receipt, receipt.id in effective)


def known(lake: CityLake, table: Table) -> set[str]:
    """Receipts that the ledger of ``table`` has."""
    return set(lake.read(DELIVERIES, part=table.name)["receipt"])


def read(step: Step, item: Due) -> ReadResult:
    """Read one delivery; an attempt that brought nothing to read is a result with its problem."""
    receipt = item.receipt
    if not item.effective:
        found = [problem(receipt.code, receipt.reason or receipt.outcome)] if receipt.code else []
        return ReadResult("unchanged" if receipt.readable else receipt.outcome, problems=gather(found))
    try:
        data = step.deployment.archive.bytes_of(receipt)
    except Damaged:
        # Any other failure is the store's: it stops the step, and the delivery stays due.
        return ReadResult.rejected(item.entry.reader, "landing-damaged", f"object {receipt.sha256}")
    try:
        context = Context[Any](step.city, receipt.day, receipt.name, item.entry.options)
        return source_of(item.entry).read(data, context)
    except (
        FAILURES
    ) as error:  # no delivery may stop a city; the ledger names what went wrong, the bytes stay in landing
        return ReadResult.rejected(item.entry.reader, "reader-failed", type(error).__name__)


def with_lineage(frame: pl.DataFrame, receipt: Receipt) -> pl.DataFrame:
    """``frame`` with ``_receipt`` and ``_delivered``; it brings ``_row`` itself."""
    return frame.with_columns(_receipt=pl.lit(receipt.id), _delivered=pl.lit(receipt.day, dtype=pl.Date))


def record(lake: CityLake, table: Table, entries: Sequence[Entry]) -> None:
    """Enter what came of deliveries, by their days; quarantine first, so that what is read is accounted."""
    quarantine = [_refusals(entry, table) for entry in entries]
    _enter(lake, table, QUARANTINE, entries, pl.concat([QUARANTINE.empty(), *quarantine]))
    rows = pl.DataFrame([_delivery(entry, table) for entry in entries], schema=DELIVERIES.schema)
    _enter(lake, table, DELIVERIES, entries, rows)


def days_of(lake: CityLake, table: Table, receipts: Mapping[str, date]) -> list[date]:
    """Days that earlier readings of these receipts touched, from the ledger of their delivery days."""
    entries = [lake.day(DELIVERIES, day, table.name) for day in sorted(set(receipts.values()))]
    return _days(pl.concat([DELIVERIES.empty(), *entries]).filter(pl.col("receipt").is_in(list(receipts))))


def days_since(lake: CityLake, table: Table, since: date, until: date) -> list[date]:
    """Days that readings of the delivery days ``since`` to ``until`` touched."""
    return _days(lake.read(DELIVERIES, (since, until), table.name))


def _days(entries: pl.DataFrame) -> list[date]:
    spans = entries.filter(pl.col("rows") > 0).select("first_day", "last_day").drop_nulls()
    days = spans.select(pl.date_ranges("first_day", "last_day").explode(empty_as_null=False)).to_series()
    return sorted(set(days.to_list()))


def _enter(lake: CityLake, table: Table, ledger: Table, entries: Sequence[Entry], rows: pl.DataFrame) -> None:
    for day in sorted({entry.due.receipt.day for entry in entries}):
        again = [entry.due.receipt.id for entry in entries if entry.due.receipt.day == day]
        others = lake.day(ledger, day, table.name).filter(~pl.col("receipt").is_in(again))
        lake.write(ledger, day, pl.concat([others, rows.filter(pl.col("day") == day)]), table.name)


def _refusals(entry: Entry, table: Table) -> pl.DataFrame:
    receipt = entry.due.receipt
    return (
        with_severity(entry.problems)
        .with_columns(
            pl.col("row").fill_null(0),
            receipt=pl.lit(receipt.id),
            source=pl.lit(entry.due.source),
            table=pl.lit(table.name),
            day=pl.lit(receipt.day, dtype=pl.Date),
            name=pl.lit(receipt.name),
        )
        .unique(QUARANTINE.key, maintain_order=True)
        .select(pl.col(name).cast(dtype) for name, dtype in QUARANTINE.schema.items())
    )


def _delivery(entry: Entry, table: Table) -> dict[str, Any]:
    receipt = entry.due.receipt
    return {
        "receipt": receipt.id,
        "table": table.name,
        "source": entry.due.source,
        "day": receipt.day,
        "name": receipt.name,
        "format": entry.format,
        "status": entry.status,
        "rows": entry.rows,
        "refused": with_severity(entry.problems).filter(severity="refuse").height,
        "first_day": entry.first_day,
        "last_day": entry.last_day,
    }
