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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from assets.lake import daily_energy, ingest, ledger, overlap
from assets.lake.delivered import ID_LENGTH, pseudonyms
from assets.lake.feeds import SOURCES, landed_as, source_of
from assets.lake.files import CityLake
from assets.lake.ledger import Due
from assets.lake.points import PSEUDONYMOUS, holds, keyed_deliveries, names, points_in
from assets.lake.upkeep import as_last_night
from assets.landing import erased, inbox
from assets.landing.archive import Receipt, object_key
from assets.landing.deployment import Step
from assets.meters import redacted
from assets.sources.source import Context
from quality import privacy
from quality.contracts import Table
from quality.problems import with_severity
from quality.tables import (
    DAILY_ENERGY,
    DELIVERIES,
    INDICATORS,
    LOAD_PROFILE,
    LOAD_PROFILE_BASIS,
    METER_DECISIONS,
    METER_INTERVALS,
    METER_OUTAGES,
    METERS,
    TABLES,
)
from quality.vee.day_types import calendar


class CannotErase(Exception):
    """A delivery that brought rows of the point, and maybe of others, cannot be found or read; the message says which.
    Nothing was changed."""


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
    """A delivery that holds the point: the digest of what is to stand in its place, the rows that are refused of that,
    and whether it told of this point alone."""

    receipt: Receipt
    instead: str
    refused: int
    emptied: bool


def trace(step: Step, point: str) -> Trace:
    """Where a point is in landing, lake and inbox of the city. Raises ``Damaged`` for a landed file that cannot be
    looked through, ``CannotErase``, and ``MissingSecret``."""
    lake, meter = CityLake.of(step), _meter(step, point)
    held = list(_holding(step, point))
    found = {table: rows for table in PSEUDONYMOUS if (rows := _rows(lake, table, meter)).height}
    receipts = {item.receipt.id for item in held}
    redacted_before = {item.receipt.id for item in keyed_deliveries(step) if item.receipt.redacted}
    for table, rows in found.items():
        strays = set(rows["_receipt"].drop_nulls()) - receipts - redacted_before if table.lineage else set()
        if strays:
            raise CannotErase(
                f"{table.name} has rows of it by receipt {min(strays)}, whose source is not in the registry any more, "
                "or whose content can no longer be read: put that right first"
            )
    _none_left(step, point)
    basis = found.get(LOAD_PROFILE_BASIS, LOAD_PROFILE_BASIS.empty())
    return Trace(
        deliveries=sorted(receipts),
        refused=sum(item.refused for item in held),
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


def erase(step: Step, point: str, withdraw: bool = False) -> Trace:
    """Erase a point in the city; where it was. Files in the inbox are only named.

    The caller holds the city. May be cut short anywhere and repeated. With ``withdraw`` the published sums that it is
    part of are taken back too. Raises what ``trace`` raises, before anything changes.
    """
    lake, archive = CityLake.of(step), step.deployment.archive
    found = trace(step, point)
    journal = f"work/erasure/city={lake.city}.json"
    if not (found.deliveries or found.rows or lake.store.exists(journal)):
        return found
    meter = _meter(step, point)
    erased.note(lake.store, lake.city, meter, step.day)
    for table in _FED:
        ledger.forget(lake, table, found.deliveries)
    stays = archive.discard(_redact(step, point, journal))
    lake.store.delete(journal)
    night = as_last_night(step)
    for table in _FED:
        ingest.ingest(night, table)
    _sweep(lake, meter, withdraw)
    others = sorted(archive.cities() - {lake.city})
    return replace(
        found, elsewhere=[other for other in others if any(each.kept in stays for each in archive.receipts(other))]
    )


_FED = (METERS, METER_DECISIONS, METER_OUTAGES, METER_INTERVALS)
"""Tables that deliveries which tell of points are read for, the intervals last: they stand on the others."""


def _meter(step: Step, point: str) -> str:
    return pseudonyms(pl.Series([point]), step.city.slug, step.deployment.secret())[point]


def _holding(step: Step, point: str, land: bool = False) -> Iterator[_Held]:
    """Deliveries that hold the point, by their content, what stands in their bytes, or their name. One that repeats the
    content before of its name is told with that, unless what is kept of it is other: an erasure that was cut short has
    put something in the place of one and not of the other. With ``land``, what is to stand in their place is put into
    landing."""
    archive = step.deployment.archive
    contents = {
        receipt.id
        for name, entry in step.city.sources.items()
        if source_of(entry).keyed
        for receipt in archive.contents(*landed_as(step.city, name))
    }
    # Also what was read a second time, for days that had not come at the first.
    contents |= set(CityLake.of(step).read(DELIVERIES).filter(pl.col("rows") > 0)["receipt"])
    last: dict[tuple[str, str], tuple[str | None, _Held | None]] = {}
    for item in keyed_deliveries(step):
        at, kept = (item.source, item.receipt.name), item.receipt.kept
        before, held = last.get(at, (None, None))
        if item.receipt.id in contents or before != kept:
            # It is read with its own day, which the rest of a register tells. What repeats it tells no other.
            rest = before if held is None and item.receipt.id not in contents else None
            last[at] = (kept, _looked_through(step, item, point, land, rest))
        if (known := last[at][1]) is not None:
            yield replace(known, receipt=item.receipt)


def _looked_through(step: Step, item: Due, point: str, land: bool, instead: str | None) -> _Held | None:
    """A delivery that holds the point, with what is to stand in its place: what landing has as ``instead``, if that is
    told, else what is left of it."""
    archive, receipt = step.deployment.archive, item.receipt
    data, read = archive.bytes_of(receipt), ledger.read(step, item)
    hidden = not receipt.redacted and (names(receipt.name, point) or holds(data, receipt.name, point))
    if not hidden and point not in set(points_in(read)):
        return None
    brought = CityLake.of(step).read(DELIVERIES).filter(pl.col("rows") > 0, receipt=receipt.id).height
    failed = not read.problems.filter(pl.col("code").is_in(ledger.FAILED)).is_empty()
    if not read.tables and (brought or failed):
        why = ", ".join(read.problems["code"].unique().sort())
        raise CannotErase(f"receipt {receipt.id} holds it and cannot be read now ({why}): all it brought would be lost")
    rest = redacted.without(read, point)
    refused = with_severity(rest.problems).filter(severity="refuse").height
    if instead is None:
        left = redacted.encoded(rest)
        instead = hashlib.sha256(left).hexdigest()
        if land:
            archive.store.ensure({object_key(instead): left})
    return _Held(receipt, instead, refused, emptied=not rest.tables)


def _none_left(step: Step, point: str) -> None:
    """Raise ``CannotErase`` where a source that the registry has no more brought the point and nothing of it was read:
    no row tells of that, and its file would stay."""
    archive = step.deployment.archive
    told = CityLake.of(step).read(DELIVERIES).filter(~pl.col("table").is_in([table.name for table in _KEYED]))
    open_data = set(told["receipt"])
    gone = (each for each in archive.receipts(step.city.slug) if each.source not in step.city.sources)
    for receipt in {each.kept: each for each in gone if each.readable and each.id not in open_data}.values():
        if names(receipt.name, point) or holds(archive.bytes_of(receipt), receipt.name, point):
            raise CannotErase(
                f"receipt {receipt.id} holds it, whose source {receipt.source} is not in the registry any more: "
                "put the source back, erase, and take it out again"
            )


_KEYED = {TABLES[name] for source in SOURCES.values() if source.keyed for name in source.tables}
"""Tables of deliveries that tell of metering points."""


def _rows(lake: CityLake, table: Table, meter: str) -> pl.DataFrame:
    keys = [key for key in lake.keys(table) if meter in lake.values(table, [key], "meter_id")]
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


def _redact(step: Step, point: str, journal: str) -> set[str]:
    """Put what stays of each delivery in its place; the digests of what is to go."""
    deployment, city = step.deployment, step.city.slug
    store, key = deployment.store, deployment.secret()
    held = {item.receipt.id: item for item in _holding(step, point, land=True)}
    gone = set(json.loads(store.read(journal))) if store.exists(journal) else set()
    gone |= {str(digest) for item in held.values() for digest in (item.receipt.kept, item.receipt.sha256)}
    store.write(journal, json.dumps(sorted(gone)).encode())
    taken = {(item.receipt.source, item.receipt.name) for item in held.values() if item.emptied}
    sources = {landed_as(step.city, name)[1] for name, entry in step.city.sources.items() if source_of(entry).keyed}

    def change(receipt: Receipt) -> Receipt:
        told: Mapping[str, str] = {"redacted": held[receipt.id].instead} if receipt.id in held else {}
        named = receipt.source in sources and names(f"{receipt.name} {receipt.origin}", point)
        if named or (receipt.source, receipt.name) in taken:
            name = "erased-" + hmac.new(key, receipt.name.encode(), hashlib.sha256).hexdigest()[:ID_LENGTH]
            told = {"redacted": receipt.redacted or "", **told, "name": name, "origin": name}
        return receipt.model_copy(update=told) if told else receipt

    deployment.archive.rewrite(city, change)
    return gone


def _sweep(lake: CityLake, meter: str, withdraw: bool) -> None:
    """Take what is left of a meter out of the lake: slots of days on which it was silent, and the memory of sums."""
    overlap.forget(lake, meter)
    for table in PSEUDONYMOUS:
        for key in lake.keys(table):
            if meter not in lake.values(table, [key], "meter_id"):
                continue
            rows = lake.rows(table, [key])
            days = rows.filter(meter_id=meter)[table.day].unique()
            if table is not LOAD_PROFILE_BASIS:
                lake.revise(table, days, lambda stored, _: stored.filter(pl.col("meter_id") != meter))
            elif withdraw:
                [day] = days
                left = privacy.withdraw(rows, meter)
                # The sums first: the basis knows which they are until it is done.
                cells = privacy.cells(left)
                lake.put(LOAD_PROFILE, day, cells)
                lake.put(DAILY_ENERGY, day, daily_energy.of_cells(cells, calendar()))
                _forget_numbers(lake, day)
                lake.put(table, day, left)
            else:
                nobody = pl.lit(secrets.token_hex(ID_LENGTH // 2))
                mine = pl.col("meter_id") == meter
                gone = {name: pl.when(mine).then(nobody).otherwise(name) for name in ("customer_id", "meter_id")}
                lake.put(table, days[0], rows.with_columns(**gone))


def _forget_numbers(lake: CityLake, day: date) -> None:
    """Take out indicators of a day's cells: less the cells that stay, a sum of all tells what was withdrawn."""
    of_cells = pl.col("sources").str.contains(LOAD_PROFILE.name, literal=True)
    about = of_cells & pl.lit(day).is_between("period_start", "period_end")
    later = [each for each in lake.days(INDICATORS) if each >= day]
    lake.revise(INDICATORS, later, lambda stored, _: stored.filter(~about))
