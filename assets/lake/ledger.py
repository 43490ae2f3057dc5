"""The ledger: which deliveries a table has not read yet, how each was read, and what came of it.

Its tables (``deliveries`` and ``quarantine``) are written after the rows, so a delivery that a crash interrupts is
still due and applying it again changes nothing. What is due depends on the receipt and on how it was read: other
options, another version of the reader or of the contract make every delivery due again, other code those of which
anything was refused. What a machine's failure left unread stays due. A file that told of days which had not come is
read once more where it still lies in the inbox on one of them.
"""

import errno
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import polars as pl

from assets.cities.registry import SourceEntry
from assets.lake.feeds import feeds, landed_as, source_of
from assets.lake.files import CityLake
from assets.landing.archive import Receipt
from assets.landing.deployment import Step
from assets.landing.store import Damaged
from assets.meters import redacted
from assets.sources.ckan import page_of, resource_of
from assets.sources.source import Context, ReadResult
from quality import source_watch
from quality.contracts import Table
from quality.problems import CODES, gather, problem, with_severity
from quality.tables import DELIVERIES, QUARANTINE, VALIDATION_RESULTS

FAILED = ("reading-failed", "landing-damaged")
"""Problems of the machine, not of the delivery: it stays due, and what was read of it before stays in the lake."""

PASSING = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EIO, errno.EAGAIN, errno.EINTR}
)
"""``errno`` of a machine that is short of files, disk or memory, or of a store that failed (``StoreFailure`` is EIO).
Errors about content that happen to be ``OSError`` (a bad gzip member, say) carry none of these."""


NAMED = 5
"""Receipts that a verdict names; the quarantine has them all."""


def named(receipts: Sequence[str]) -> str:
    """The first of these receipts, and how many more there are."""
    more = f" and {len(receipts) - NAMED} more" if len(receipts) > NAMED else ""
    return f"{', '.join(receipts[:NAMED])}{more}"


@dataclass(frozen=True)
class Due:
    """A receipt that a table has yet to read, with the source it came through."""

    source: str
    entry: SourceEntry
    receipt: Receipt
    repeats: str | None = None
    """Of content that came again unchanged: the receipt that brought it first."""
    place: int = 1
    """Of the receipt among those of its delivery day that the same step landed."""
    after: date | None = None
    """Of content that came again on a day which it had told of too early: the last day whose rows it brought before."""


@dataclass(frozen=True)
class Entry:
    """What came of one delivery: its problems, the rows that went on and the days they touch.

    ``held`` are the rows that the lake keeps of it by day (columns ``day`` and ``rows``): those that went on, less what
    one delivery tells twice. ``next_day`` is the first day of it that had not come when it was delivered, or on which
    it may be read otherwise.
    """

    due: Due
    format: str
    problems: pl.DataFrame
    rows: int = 0
    first_day: date | None = None
    last_day: date | None = None
    next_day: date | None = None
    held: tuple[tuple[date, int], ...] = ()

    @cached_property
    def refused(self) -> int:
        """Rows that were refused."""
        return with_severity(self.problems).filter(severity="refuse").height if self.problems.height else 0

    @cached_property
    def status(self) -> str:
        """``rejected``: nothing went on although something was wrong; ``partial``: some rows were refused; ``failed``:
        it could not be read now; ``nothing``: nothing came."""
        codes = set(self.problems["code"].to_list())
        if not codes.isdisjoint(FAILED):
            return "failed"
        severities = {CODES[code][0] for code in codes}
        outcome = self.due.receipt.outcome
        if outcome == "not-reached" or (outcome == "left" and "reject" not in severities):
            return "nothing"
        if "reject" in severities or (self.rows == 0 and "refuse" in severities):
            return "partial" if self.rows else "rejected"
        return "partial" if "refuse" in severities else "ok"


def due(step: Step, table: Table, next_days: dict[str, date | None]) -> Iterator[Due]:
    """Receipts up to the step's day that ``table`` has not read as it would now, and those of the day itself, oldest
    first.

    ``next_days`` is filled with the ``next_day`` of each receipt of the ledger. The caller puts in those of what it
    reads before it asks for more: what comes later may be the same content.
    """
    archive, seen = step.deployment.archive, _seen(CityLake.of(step), table)
    next_days |= {receipt: row["next_day"] for receipt, row in seen.items()}
    for name, entry in feeds(step.city, table.name):
        owner, source = landed_as(step.city, name)
        contents, places = {receipt.id for receipt in archive.contents(owner, source)}, _places(step, name)
        newest: dict[str, Receipt] = {}
        for receipt in archive.receipts(owner, source):
            if receipt.day > step.day or (receipt.sha256 and not source_of(entry).reads(receipt.name)):
                continue
            item = Due(name, entry, receipt, place=places[receipt.id])
            if receipt.readable and receipt.id not in contents:
                same, anew = newest[receipt.name], source_of(entry).of_day
                # Of a portal it is a wrong clock that stands still: what it told too early is not believed later.
                coming = next_days.get(same.id) if anew or entry.via == "inbox" else None
                if coming is None or coming > receipt.day + (timedelta(0) if anew else table.ahead):
                    item = replace(item, repeats=same.id)
                elif not anew:
                    item = replace(item, after=same.day + table.ahead)
            if receipt.readable and not item.repeats:
                newest[receipt.name] = receipt
            if receipt.day == step.day or not _settled(seen.get(receipt.id), item, table):
                yield item


def _places(step: Step, name: str) -> dict[str, int]:
    """The place of each receipt of a source among those of its day that the same step landed: all inboxes are one, and
    each portal. Which of two steps was first says nothing: workers on several hosts take them as they come."""
    owner, source = landed_as(step.city, name)
    together = {source} if step.city.sources[name].via == "portal" else set(step.city.inboxes)
    places: dict[str, int] = {}
    landed: Counter[date] = Counter()
    for receipt in step.deployment.archive.receipts(owner):
        if receipt.source in together:
            landed[receipt.day] += 1
            places[receipt.id] = landed[receipt.day]
    return places


def _seen(lake: CityLake, table: Table) -> dict[str, dict[str, Any]]:
    """The ledger's rows of ``table`` by receipt."""
    rows = lake.read(DELIVERIES).filter(pl.col("table") == table.name)
    rows = rows.select("receipt", "status", "reading", "code", "rows", "next_day")
    return {row["receipt"]: row for row in rows.iter_rows(named=True)}


def known(lake: CityLake, table: Table) -> set[str]:
    """Receipts that the ledger of ``table`` has."""
    return set(_seen(lake, table))


def _settled(before: Mapping[str, Any] | None, item: Due, table: Table) -> bool:
    if before is None:
        return False
    if item.repeats or not item.receipt.readable:
        # It may have been read when nothing before it had landed.
        return not before["rows"]
    if before["status"] == "failed" or before["reading"] != reading(item, table):
        return False
    return bool(before["status"] == "ok" or before["code"] == code())


def reading(item: Due, table: Table) -> str:
    """Fingerprint of how a delivery is read for a table: reader and its version, options, contract, and from which day
    on, or that it is not, where its content had come before."""
    entry = item.entry
    how = [entry.reader, source_of(entry).version, dict(entry.options), table.name, table.version]
    how += [item.after or "repeats"] if item.after or item.repeats else []
    return hashlib.sha256(json.dumps(how, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def code() -> str:
    """Fingerprint of all code and declared layouts that reading rests on."""
    digest = hashlib.sha256()
    for package in ("assets.sources", "assets.meters", "assets.meters.formats", "assets.meters.layouts", "quality"):
        for file in sorted(files(package).iterdir(), key=lambda file: file.name):
            if file.name.endswith((".py", ".yaml")):
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def resources(step: Step, table: Table) -> pl.DataFrame:
    """The resources of packages that the table's sources asked for, this night and before (``RESOURCES``)."""
    found = [
        (name, receipt.day, resource)
        for name, entry in feeds(step.city, table.name)
        if entry.via == "portal"
        for receipt in step.deployment.archive.receipts(*landed_as(step.city, name))
        if receipt.day <= step.day and (resource := resource_of(receipt.name))
    ]
    return pl.DataFrame(found, schema=source_watch.RESOURCES, orient="row")


def events(step: Step, table: Table, answered: Collection[str]) -> pl.DataFrame:
    """What the night before told of the table's sources that the city still has and that have not ``answered`` tonight
    (``source_watch.EVENTS``)."""
    away = [name for name, _ in feeds(step.city, table.name) if name not in answered]
    if not away:  # as on most nights: nothing is read
        return source_watch.EVENTS.to_frame()
    lake = CityLake.of(step)
    night = lake.newest(VALIDATION_RESULTS, step.day - timedelta(days=1))
    told = lake.pick(VALIDATION_RESULTS, [night] if night else []).filter(suite=table.name, rule=source_watch.CHECK)
    rows = [json.loads(row["key"]) | json.loads(row["value"]) for row in told.iter_rows(named=True)]
    had = pl.col("source").is_in(away)
    schema = source_watch.EVENTS | {"last_good": pl.String()}
    return pl.DataFrame(rows, schema=schema).filter(had).with_columns(pl.col("last_good").str.to_date())


def pages(step: Step, table: Table) -> pl.DataFrame:
    """``_receipt, page``, oldest first: the contents that packages brought for the table up to the step's day, and what
    part of which resource each is of; where one is read it may be another every time. Of one part the newest content
    holds."""
    found = [
        (receipt.id, f"{name} {page_of(receipt.name, of_one=not entry.options.get('resources'))}")
        for name, entry in feeds(step.city, table.name)
        if entry.via == "portal"
        for receipt in step.deployment.archive.contents(*landed_as(step.city, name))
        if receipt.day <= step.day and resource_of(receipt.name)
    ]
    return pl.DataFrame(found, schema={"_receipt": pl.String, "page": pl.String}, orient="row")


def read(step: Step, item: Due) -> ReadResult:
    """Read one delivery; an attempt that brought nothing to read is a result with its problem."""
    receipt = item.receipt
    if item.repeats or not receipt.readable:
        found = [problem(receipt.code, receipt.reason or receipt.outcome)] if receipt.code else []
        return ReadResult(receipt.outcome, problems=gather(found))
    try:
        data = step.deployment.archive.bytes_of(receipt)
    except (FileNotFoundError, ValueError, Damaged):
        # Any other failure is the store's: it stops the step, and the delivery stays due.
        return ReadResult.rejected(item.entry.reader, "landing-damaged", f"object {receipt.sha256}")
    try:
        if receipt.redacted:
            return redacted.decoded(data)
        context = Context[Any](step.city, receipt.day, receipt.name, item.entry.options)
        return source_of(item.entry).read(data, context)
    except BaseException as error:
        # No delivery may stop a city: the ledger names what went wrong, the bytes stay in landing. A panic of a library
        # in Rust is no ``Exception``, and each such library has a class of its own for it.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        failed = "reading-failed" if _passes(error) else "reader-failed"
        return ReadResult.rejected(item.entry.reader, failed, type(error).__name__)


def _passes(error: BaseException) -> bool:
    """Whether another try may succeed: memory, disk, files or a library failed, not the content."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or type(seen).__name__ == "PanicException":
            return True
        if isinstance(seen, OSError) and seen.errno in PASSING:
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def with_lineage(frame: pl.DataFrame, item: Due) -> pl.DataFrame:
    """``frame`` with ``_receipt``, ``_delivered`` and ``_number``; it brings ``_row`` itself."""
    return frame.with_columns(
        _receipt=pl.lit(item.receipt.id),
        _delivered=pl.lit(item.receipt.day, dtype=pl.Date),
        _number=pl.lit(item.place, dtype=pl.Int32),
    )


def record(lake: CityLake, table: Table, entries: Sequence[Entry]) -> None:
    """Enter what came of deliveries, by their days; quarantine first, so that what is read is accounted.

    Content that came again has the status of its reading: what is refused stays so until it is read.
    """
    quarantine = [_refusals(entry, table) for entry in entries if entry.problems.height]
    _enter(lake, table, QUARANTINE, entries, pl.concat([QUARANTINE.empty(), *quarantine]))
    repeated = any(entry.due.repeats for entry in entries)
    status = {receipt: str(row["status"]) for receipt, row in _seen(lake, table).items()} if repeated else {}
    status |= {entry.due.receipt.id: entry.status for entry in entries}
    delivered = [_delivery(entry, table, status.get(entry.due.repeats or "", entry.status)) for entry in entries]
    rows = pl.DataFrame(delivered, schema=DELIVERIES.schema)
    _enter(lake, table, DELIVERIES, entries, rows)


def forget(lake: CityLake, table: Table, receipts: Collection[str]) -> None:
    """Make these receipts due again for ``table``, as if another reader had read them."""
    ids = list(receipts)
    mine = (pl.col("table") == table.name) & pl.col("receipt").is_in(ids)
    days = lake.read(DELIVERIES).filter(mine)["day"].unique()
    forgotten = pl.when(mine).then(None).otherwise(pl.col("reading")).alias("reading")
    lake.revise(DELIVERIES, days.to_list(), lambda stored, _: stored.with_columns(forgotten))


def days_of(lake: CityLake, table: Table, receipts: Mapping[str, date]) -> list[date]:
    """Days that earlier readings of these receipts touched, from the ledger of their delivery days."""
    entries = [lake.day(DELIVERIES, day) for day in sorted(set(receipts.values()))]
    read = pl.concat([DELIVERIES.empty(), *entries])
    held = read.filter(pl.col("receipt").is_in(list(receipts)), table=table.name)["held"]
    return sorted(set(held.explode().drop_nulls().struct.field("day")))


def _enter(lake: CityLake, table: Table, ledger: Table, entries: Sequence[Entry], rows: pl.DataFrame) -> None:
    again = [entry.due.receipt.id for entry in entries]
    mine = (pl.col("table") == table.name) & pl.col("receipt").is_in(again)

    def entered(stored: pl.DataFrame, days: list[date]) -> pl.DataFrame:
        new = rows.filter(pl.col("day").is_in(days))
        if ledger is DELIVERIES:
            new = _kept(new, stored.filter(mine))
        return pl.concat([stored.filter(~mine), new])

    lake.revise(ledger, {entry.due.receipt.day for entry in entries}, entered)


def _kept(new: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Of what could not be read this time, the lake still holds what an earlier reading brought."""
    failed = pl.col("status") == "failed"
    facts = ["format", "rows", "refused", "first_day", "last_day", "next_day", "held"]
    held = before.select("receipt", "table", *facts)
    again = new.filter(failed).drop(facts).join(held, on=["receipt", "table"], how="inner").select(new.columns)
    return pl.concat([new.join(again, on=["receipt", "table"], how="anti"), again])


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
        )
        .unique(QUARANTINE.key, maintain_order=True)
        .select(pl.col(name).cast(dtype) for name, dtype in QUARANTINE.schema.items())
    )


def _delivery(entry: Entry, table: Table, status: str) -> dict[str, Any]:
    receipt = entry.due.receipt
    return {
        "receipt": receipt.id,
        "table": table.name,
        "source": entry.due.source,
        "day": receipt.day,
        "format": entry.format,
        "status": status,
        "rows": entry.rows,
        "refused": entry.refused,
        "first_day": entry.first_day,
        "last_day": entry.last_day,
        "next_day": entry.next_day,
        "held": [{"day": day, "rows": rows} for day, rows in entry.held],
        "reading": reading(entry.due, table),
        "code": code(),
    }
