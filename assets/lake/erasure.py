"""Erasure of a metering point: all that is kept of it goes from landing and lake (Thai PDPA, section 33).

Landed files that hold it give way to what their readers had made of the rest (``assets.meters.redacted``), under the
same receipts. Sums over many customers that it was part of stay published, and what it added to them stays in their
basis under an id of no meter, another one each day; or they are withdrawn. To publish them again without it would tell
what it used, as the difference.

    work/erasure/city=<slug>.json    digests of landed bytes that are to go, from before receipts change until they did
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from assets.lake import ingest, ledger
from assets.lake.feeds import landed_as, source_of
from assets.lake.files import CityLake
from assets.lake.ledger import Due
from assets.lake.meter_intervals import ID_LENGTH, pseudonyms
from assets.lake.points import PSEUDONYMOUS, holds, keyed_deliveries, names, points_in
from assets.landing import erased, inbox
from assets.landing.archive import Receipt, object_key
from assets.landing.deployment import Step
from assets.meters import redacted
from assets.sources.source import Context, ReadResult
from quality import privacy
from quality.contracts import Table
from quality.problems import with_severity
from quality.tables import LOAD_PROFILE, LOAD_PROFILE_BASIS, METER_INTERVALS, METERS


class CannotErase(Exception):
    """Rows of the point came by a delivery that cannot be found; the message says what to do. Nothing was changed."""


@dataclass(frozen=True)
class Trace:
    """Where a metering point is: receipts of deliveries that hold it, lake rows by table, days of the load profile that
    it is part of, and files in the inbox.

    ``refused`` counts rows of any point that those deliveries brought and their readers refused: they are not kept.
    ``damaged`` are files that repairs moved aside, whatever they hold. ``elsewhere`` are other cities that were sent
    the same bytes, which stay in landing for those. ``before`` tells that it was erased already.
    """

    deliveries: list[str] = field(default_factory=list)
    refused: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    days: list[date] = field(default_factory=list)
    inbox: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    before: bool = False


@dataclass(frozen=True)
class _Held:
    """A delivery that holds the point: the digest it has in landing, what is read of it, and what of that stays."""

    due: Due
    read: ReadResult
    rest: ReadResult

    @property
    def data(self) -> bytes:
        return redacted.encoded(self.rest)

    @property
    def emptied(self) -> bool:
        """Whether it told of this point alone."""
        return not self.rest.tables


def trace(step: Step, point: str) -> Trace:
    """Where a point is in landing, lake and inbox of the city. Raises ``Damaged`` for a landed file that cannot be
    looked through, ``CannotErase``, and ``MissingSecret``."""
    return _trace(step, point, list(_holding(step, point)))


def erase(step: Step, point: str, withdraw: bool = False) -> Trace:
    """Erase a point in the city; where it was. Files in the inbox are only named.

    The caller holds the city. May be cut short anywhere and repeated. With ``withdraw`` the published sums that it is
    part of are taken back too. Raises what ``trace`` raises, before anything changes.
    """
    store, city, key = step.deployment.store, step.city.slug, step.deployment.secret()
    held = list(_holding(step, point))
    found = _trace(step, point, held)
    journal = f"work/erasure/city={city}.json"
    if not (held or found.rows or store.exists(journal)):
        return found
    meter = _meter(step, point)
    erased.note(store, city, meter, step.day)
    for table in (METERS, METER_INTERVALS):
        ledger.forget(CityLake.of(step), table, [item.due.receipt.id for item in held])
    gone = _redact(step, point, held, key, journal)
    stays = step.deployment.archive.discard(gone)
    store.delete(journal)
    ingest.ingest(step, METERS)
    ingest.ingest_meters(step)
    _sweep(CityLake.of(step), meter, withdraw)
    elsewhere = step.deployment.archive.cities() - {city}
    return Trace(
        **{name: value for name, value in vars(found).items() if name != "elsewhere"},
        elsewhere=[
            other
            for other in sorted(elsewhere)
            if any(receipt.kept in stays for receipt in step.deployment.archive.receipts(other))
        ],
    )


def _meter(step: Step, point: str) -> str:
    return pseudonyms(pl.Series([point]), step.city.slug, step.deployment.secret())[point]


def _holding(step: Step, point: str) -> Iterator[_Held]:
    """Deliveries that hold the point, by their content, what stands in their bytes, or their name. One that repeats the
    content before of its name is told with that."""
    archive = step.deployment.archive
    contents = {
        receipt.id
        for name, entry in step.city.sources.items()
        if source_of(entry).keyed
        for receipt in archive.contents(*landed_as(step.city, name))
    }
    last: dict[tuple[str, str], _Held | None] = {}
    for item in keyed_deliveries(step):
        at = (item.source, item.receipt.name)
        if item.receipt.id in contents or at not in last:
            last[at] = _looked_through(step, item, point)
        if (known := last[at]) is not None:
            yield _Held(item, known.read, known.rest)


def _looked_through(step: Step, item: Due, point: str) -> _Held | None:
    data = step.deployment.archive.bytes_of(item.receipt)
    read = ledger.read(step, item)
    told = point in set(points_in(read))
    hidden = not item.receipt.redacted and (names(item.receipt.name, point) or holds(data, item.receipt.name, point))
    return _Held(item, read, redacted.without(read, point)) if told or hidden else None


def _trace(step: Step, point: str, held: list[_Held]) -> Trace:
    lake, meter = CityLake.of(step), _meter(step, point)
    found = {table: rows for table in PSEUDONYMOUS if (rows := _rows(lake, table, meter)).height}
    receipts = {item.due.receipt.id for item in held}
    redacted_before = {item.receipt.id for item in keyed_deliveries(step) if item.receipt.redacted}
    for table, rows in found.items():
        strays = set(rows["_receipt"].drop_nulls()) - receipts - redacted_before if table.lineage else set()
        if strays:
            raise CannotErase(
                f"{table.name} has rows of it by receipt {min(strays)}, whose source is not in the registry any more, "
                "or whose content can no longer be read: put that right first"
            )
    refused = sum(with_severity(item.rest.problems).filter(severity="refuse").height for item in held)
    basis = found.get(LOAD_PROFILE_BASIS, LOAD_PROFILE_BASIS.empty())
    return Trace(
        deliveries=sorted(receipts),
        refused=refused,
        rows={table.name: rows.height for table, rows in found.items()},
        days=sorted(set(basis["local_date"])),
        inbox=sorted(_in_inbox(step, point)),
        damaged=[
            key
            for folder in ("damaged", "landing/damaged")
            for key in lake.store.list(folder)
            if f"/city={lake.city}/" in key
        ],
        before=meter in erased.noted(lake.store, lake.city),
    )


def _rows(lake: CityLake, table: Table, meter: str) -> pl.DataFrame:
    keys = [key for key in lake.keys(table) if meter in lake.values(table, key, "meter_id")]
    return pl.concat([table.empty(), *(lake.rows(table, [key]).filter(meter_id=meter) for key in keys)])


def _in_inbox(step: Step, point: str) -> Iterator[str]:
    """Files of the city's inboxes that hold the point, or that landing had to give away."""
    root = step.deployment.inbox
    for name, entry in sorted(step.city.sources.items()):
        if entry.via != "inbox" or not source_of(entry).keyed:
            continue
        for path in inbox.files(root, step.city.slug, name):
            data = path.read_bytes()
            context = Context[object](step.city, step.day, path.name, entry.options)  # type: ignore[type-var]
            told = names(path.name, point) or holds(data, path.name, point)
            if told or point in set(points_in(source_of(entry).read(data, context))):
                yield str(path)
        answers = root / step.city.slug / name / inbox.ANSWERS
        yield from (str(path) for path in answers.rglob("*") if path.is_file() and names(path.name, point))


def _redact(step: Step, point: str, held: Iterable[_Held], key: bytes, journal: str) -> set[str]:
    """Put what stays of each delivery in its place; the digests of what is to go."""
    store, archive, city = step.deployment.store, step.deployment.archive, step.city.slug
    instead: dict[str, str] = {}
    taken: set[tuple[str, str]] = set()
    gone = set(json.loads(store.read(journal))) if store.exists(journal) else set()
    written: dict[int, str] = {}
    for item in held:
        receipt = item.due.receipt
        if id(item.rest) not in written:
            data = item.data
            written[id(item.rest)] = hashlib.sha256(data).hexdigest()
            store.ensure({object_key(written[id(item.rest)]): data})
        instead[receipt.id] = written[id(item.rest)]
        gone |= {str(receipt.kept), str(receipt.sha256)}
        if item.emptied:
            taken.add((receipt.source, receipt.name))
    store.write(journal, json.dumps(sorted(gone)).encode())
    sources = {landed_as(step.city, name)[1] for name, entry in step.city.sources.items() if source_of(entry).keyed}

    def change(receipt: Receipt) -> Receipt:
        told: Mapping[str, str] = {"redacted": instead[receipt.id]} if receipt.id in instead else {}
        named = receipt.source in sources and names(f"{receipt.name} {receipt.origin}", point)
        if named or (receipt.source, receipt.name) in taken:
            name = "erased-" + hmac.new(key, receipt.name.encode(), hashlib.sha256).hexdigest()[:ID_LENGTH]
            told = {"redacted": receipt.redacted or "", **told, "name": name, "origin": name}
        return receipt.model_copy(update=told) if told else receipt

    archive.rewrite(city, change)
    return gone


def _sweep(lake: CityLake, meter: str, withdraw: bool) -> None:
    """Take what is left of a meter out of the lake: slots of days on which it was silent, and the basis of sums."""
    for table in PSEUDONYMOUS:
        for key in lake.keys(table):
            if meter not in lake.values(table, key, "meter_id"):
                continue
            rows = lake.rows(table, [key])
            days = rows.filter(meter_id=meter)[table.day].unique()
            if table is not LOAD_PROFILE_BASIS:
                lake.revise(table, days, lambda stored, _: stored.filter(pl.col("meter_id") != meter))
            elif withdraw:
                [day] = days
                left = privacy.withdraw(rows, meter)
                # The sums first: the basis knows which they are until it is done.
                lake.put(LOAD_PROFILE, day, privacy.cells(left))
                lake.put(table, day, left)
            else:
                nobody = secrets.token_hex(ID_LENGTH // 2)
                lake.put(table, days[0], rows.with_columns(pl.col("meter_id").replace({meter: nobody})))
