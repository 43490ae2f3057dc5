"""Landing: bytes as they came, and a receipt for each delivery and each attempt.

    landing/objects/<2 hex>/<sha256>                        the bytes, immutable, once each
    landing/receipts/city=<slug>/<YYYY-MM-DD>.jsonl         a city's receipts of a delivery day
    landing/receipts/city=<slug>/<YYYY-MM>.jsonl            those of a closed month, once compacted
    landing/packs/city=<slug>/…                             small objects of past days (``assets.landing.packs``)
    landing/damaged/…                                       what ``muang landing repair`` moved aside
    landing/erased/city=<slug>/<meter id>.json              erased meters (``assets.landing.erased``)

"Unchanged" means: as the last content of that name. Attempts that brought no bytes are receipts too: "not reached" is
never "no data".
"""

import errno
import hashlib
import random
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from assets.landing import receipts as lines
from assets.landing.packs import SMALL, Packs, object_key, set_aside
from assets.landing.receipts import Delivery, Outcome, Receipt, receipt_id
from assets.landing.store import Damaged, Store, StoreFailure

__all__ = ["Archive", "Arrival", "Delivery", "Outcome", "Receipt", "object_key", "receipt_id"]

TRIES = 50
"""Attempts to append to a day's receipts. Each lost one means that another writer got on: with a few dozen steps of a
run beside each other, this many in a row are no race but a store that refuses."""


@dataclass(frozen=True)
class Arrival:
    """One thing that came or did not, to be landed. ``facts`` are further fields of its receipt."""

    name: str
    origin: str
    data: bytes | None = None
    outcome: Outcome | None = None
    facts: Mapping[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class _File:
    """A receipts file as it was read: its stamp, and its receipts by source."""

    stamp: str
    by_source: Mapping[str, Sequence[Receipt]]


def receipts_folder(city: str) -> str:
    """Where a city's receipts lie."""
    return f"landing/receipts/city={city}"


class Archive:
    """Receipts and objects of a store. Remembers the files it has read, and reads again those that changed.

    Whatever reads receipts raises ``Damaged`` where a file is not what was written.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.packs = Packs(store)
        self._read: dict[str, dict[str, _File]] = {}

    def receipts(self, city: str, source: str | None = None) -> list[Receipt]:
        """All receipts of a city (and source), oldest first."""
        found: dict[str, Receipt] = {}
        for file in self._files(city).values():
            for name in [source] if source else file.by_source:
                # A line may stand in its day's file and its month's: a compaction was cut short.
                found |= {receipt.id: receipt for receipt in file.by_source.get(name, ())}
        return sorted(found.values(), key=lambda receipt: receipt.order)

    def receipts_of_day(self, city: str, day: date, source: str | None = None) -> list[Receipt]:
        """The receipts of a delivery day, in the order of their numbers."""
        return [receipt for receipt in self.receipts(city, source) if receipt.day == day]

    def contents(self, city: str, source: str) -> list[Receipt]:
        """What a source really delivered, oldest first: receipts whose content is not that of the one before of the
        same name. Told anew each time, so that a day that is landed late takes its place in the sequence."""
        last: dict[str, str | None] = {}
        found = []
        for receipt in self.receipts(city, source):
            if receipt.readable and last.get(receipt.name) != receipt.sha256:
                last[receipt.name] = receipt.sha256
                found.append(receipt)
        return found

    def last_content(self, city: str, source: str, name: str, day: date) -> Receipt | None:
        """The newest receipt with content under this name that is not after ``day``."""
        same = (r for r in self.receipts(city, source) if r.name == name and r.readable and r.day <= day)
        return max(same, key=lambda receipt: receipt.order, default=None)

    def bytes_of(self, receipt: Receipt) -> bytes:
        """The bytes exactly as they came. Raises ``Damaged`` if they are gone or no longer have their digest, and
        ``ValueError`` for a receipt that brought none."""
        if receipt.kept is None:
            raise ValueError(f"receipt {receipt.id} brought no bytes: {receipt.outcome}")
        key = object_key(receipt.kept)
        try:
            data: bytes | None = self.store.read(key)
        except FileNotFoundError:
            data = self.packs.read(receipt.kept, receipt.city)
        if data is not None and hashlib.sha256(data).hexdigest() == receipt.kept:
            return data
        wrong = "its bytes no longer have their digest"
        if data is None:
            broken = self.packs.broken(receipt.city)
            key, wrong = (broken[0], "it is no whole ZIP") if broken else (key, "it is missing")
        first = f"run `muang landing repair --city {receipt.city}`, then " if key != object_key(receipt.kept) else ""
        remedy = f"{first}deliver the file of receipt {receipt.id} again, or restore the object from a backup"
        raise Damaged(key, wrong, "restore the object from a backup" if receipt.redacted else remedy)

    def land(
        self,
        delivery: Delivery,
        name: str,
        origin: str,
        data: bytes | None,
        outcome: Outcome | None = None,
        **facts: str | int | None,
    ) -> Receipt:
        """Land one thing; see ``land_many``."""
        return self.land_many(delivery, [Arrival(name, origin, data, outcome, facts)])[0]

    def land_many(self, delivery: Delivery, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Keep what came, in order, and append the receipts in one go; bytes first, so that no receipt points at
        nothing. An object that is there but damaged is written anew.

        Without ``outcome`` an arrival is ``empty`` if it has no bytes, ``unchanged`` if they are the last content of
        its name on an earlier day, else ``new``; what is the last content of the same day, or has failed alike on that
        day, is that receipt again. ``unchanged`` without bytes (a 304) stands for the last content. Raises ``OSError``
        for a failing store and ``Damaged`` for a damaged receipts file of the city.
        """
        erased = {receipt.sha256: receipt for receipt in self.receipts(delivery.city) if receipt.redacted}
        digests = [hashlib.sha256(arrival.data).hexdigest() if arrival.data else None for arrival in arrivals]
        if erased and not erased.keys().isdisjoint(digests):
            arrivals = [_left(arrival, erased.get(digest)) for arrival, digest in zip(arrivals, digests, strict=True)]
            digests = [None if digest in erased else digest for digest in digests]
        objects = {digest: a.data for digest, a in zip(digests, arrivals, strict=True) if digest and a.data}
        packed = self.packs.members(delivery.city)
        self.store.ensure({object_key(digest): data for digest, data in objects.items() if digest not in packed})
        key = f"{receipts_folder(delivery.city)}/{delivery.day.isoformat()}.jsonl"
        for attempt in range(TRIES):
            before = self._contents_before(delivery)
            fetched = self.store.fetch(key)
            here = [] if fetched.data is None else self._decoded(key, fetched.data)
            elsewhere = {r.id: r for r in self._of_closed_month(delivery)}
            day = _Day(delivery, before, sorted((elsewhere | {r.id: r for r in here}).values(), key=lambda r: r.order))
            landed = [day.receipt(arrival, digest) for arrival, digest in zip(arrivals, digests, strict=True)]
            if not day.added or self.store.swap(key, lines.encoded([*here, *day.added]), fetched.tag):
                return landed
            time.sleep(random.uniform(0, min(0.01 * 2**attempt, 1)))  # noqa: S311 - so that writers do not meet again
        raise StoreFailure(errno.EBUSY, f"{TRIES} attempts to append were refused", key)

    def verify(self, city: str) -> list[str]:
        """What is damaged or gone of a city's receipts, and of the bytes that they tell of: a sentence a file. Changes
        nothing."""
        told: dict[str, str] = {}
        receipts: list[Receipt] = []
        for key in _receipts_files(self.store.list(receipts_folder(city))):
            try:
                receipts += self._decoded(key, self.store.read(key))
            except Damaged as error:
                told[key] = str(error)
        for receipt in {receipt.kept: receipt for receipt in receipts if receipt.kept}.values():
            try:
                self.bytes_of(receipt)
            except Damaged as error:
                told.setdefault(error.key, str(error))  # of a pack the first that it lacks
        return list(told.values())

    def repair(self, city: str) -> list[str]:
        """Keep what can be read of each damaged receipts file and pack of a city and move the file aside, to
        ``landing/damaged/``. A sentence a file says what was lost; what still lies in an inbox is landed anew."""
        told = self.packs.salvage(city)
        for key in _receipts_files(self.store.list(receipts_folder(city))):
            fetched = self.store.fetch(key)
            try:
                self._decoded(key, fetched.data or b"")
            except Damaged as error:
                good, lost = lines.salvaged(fetched.data or b"", city, _period(key))
                aside = set_aside(self.store, key, fetched.data or b"")
                if not good:
                    self.store.delete(key)
                elif not self.store.swap(key, lines.encoded(good), fetched.tag):
                    raise StoreFailure(errno.EBUSY, "another writer changed it meanwhile: run again", key) from None
                kept = f"{len(good)} receipts kept, {lost} lines lost"
                told.append(f"{key}: {error.wrong}: {kept}; the damaged file is now {aside}")
        return told

    def pack(self, city: str, before: date) -> None:
        """Put the small objects that came before a day into packs of the days they came on. What another city has too
        is found in the packs of either. May be cut short and repeated."""
        loose = {key.rsplit("/", 1)[1] for key in self.store.list("landing/objects")}
        days: dict[date, set[str]] = {}
        for receipt in self.receipts(city):
            if receipt.kept in loose and (receipt.bytes or 0) <= SMALL and receipt.day < before:
                loose.remove(receipt.kept)
                days.setdefault(receipt.day, set()).add(receipt.kept)
        for day in sorted(days):
            self.packs.add(city, day, days[day])

    def compact(self, city: str, until_month: str) -> None:
        """Make one receipts file of each of the city's months up to ``until_month`` (``YYYY-MM``), and packs of a month
        of those of its days. May be cut short and repeated."""
        if not _PERIOD.fullmatch(until_month) or len(until_month) != len("YYYY-MM"):
            raise ValueError(f"not a month (YYYY-MM): {until_month!r}")
        months: dict[str, list[Receipt]] = {}
        for receipt in self.receipts(city):
            months.setdefault(f"{receipt.day:%Y-%m}", []).append(receipt)
        closed = {month: receipts for month, receipts in months.items() if month <= until_month}
        for month, receipts in closed.items():
            self._close(city, month, receipts)
        if closed:
            self.pack(city, max(receipt.day for receipt in closed[max(closed)]) + timedelta(days=1))
        for month in closed:
            self.packs.merge(city, month)

    def cities(self) -> set[str]:
        """All that have receipts, ``national`` included."""
        return {key.split("/")[2].removeprefix("city=") for key in self.store.list("landing/receipts")}

    def rewrite(self, city: str, change: Callable[[Receipt], Receipt]) -> None:
        """Put ``change`` of each receipt of a city in its place. The caller holds the city."""
        for key in list(self._files(city)):
            fetched = self.store.fetch(key)
            before = self._decoded(key, fetched.data or b"")
            after = [change(receipt) for receipt in before]
            if after != before and not self.store.swap(key, lines.encoded(after), fetched.tag):
                raise StoreFailure(errno.EBUSY, "another writer changed it meanwhile: run again", key)

    def discard(self, digests: Collection[str]) -> set[str]:
        """Remove these objects from landing, packed ones too; those that a receipt of any city names stay and are
        returned."""
        named = {receipt.kept for city in self.cities() for receipt in self.receipts(city)}
        gone = set(digests) - named
        for digest in sorted(gone):
            self.store.delete(object_key(digest))
        self.packs.remove(gone)
        return set(digests) & named

    def is_open(self, city: str, until_month: str) -> bool:
        """Whether receipts of a month up to ``until_month`` still lie in files of days."""
        days = (_period(key) for key in _receipts_files(self.store.list(receipts_folder(city))))
        return any(len(day) > len("YYYY-MM") and day[:7] <= until_month for day in days)

    def _close(self, city: str, month: str, receipts: Sequence[Receipt]) -> None:
        """One file for a month's receipts: written, read back, then the files of its days are removed."""
        key = f"{receipts_folder(city)}/{month}.jsonl"
        days = [day for day in _receipts_files(self.store.list(receipts_folder(city))) if f"/{month}-" in day]
        if not days:
            return
        data, there = lines.encoded(receipts), self.store.fetch(key)
        if there.data != data and not self.store.swap(key, data, there.tag):
            raise StoreFailure(errno.EBUSY, "another writer changed it meanwhile: run again", key)
        kept = {receipt.id for receipt in self._decoded(key, self.store.read(key))}
        for day in days:
            fetched = self.store.fetch(day)
            if fetched.data is not None and kept.issuperset(r.id for r in self._decoded(day, fetched.data)):
                self.store.remove(day, fetched.tag)

    def _contents_before(self, delivery: Delivery) -> dict[str, Receipt]:
        """The last content of each name of the source before the delivery day."""
        found: dict[str, Receipt] = {}
        for receipt in self.receipts(delivery.city, delivery.source):
            if receipt.readable and receipt.day < delivery.day:
                found[receipt.name] = receipt
        return found

    def _of_closed_month(self, delivery: Delivery) -> Iterator[Receipt]:
        month = self._files(delivery.city).get(f"{receipts_folder(delivery.city)}/{delivery.day:%Y-%m}.jsonl")
        if month:
            yield from (r for receipts in month.by_source.values() for r in receipts if r.day == delivery.day)

    def _files(self, city: str) -> dict[str, _File]:
        """The city's receipts files, read as far as they changed since they were last read."""
        known = self._read.get(city, {})
        found = self.store.stamps(receipts_folder(city))
        stamps = {key: found[key] for key in _receipts_files(found)}
        stale = [key for key, stamp in stamps.items() if key not in known or known[key].stamp != stamp]
        for key, data in zip(stale, self.store.read_all(stale), strict=True):
            by_source: dict[str, list[Receipt]] = {}
            for receipt in self._decoded(key, data):
                by_source.setdefault(receipt.source, []).append(receipt)
            known[key] = _File(stamps[key], by_source)
        self._read[city] = {key: known[key] for key in stamps}
        return self._read[city]

    def _decoded(self, key: str, data: bytes) -> list[Receipt]:
        city = key.split("/")[-2].removeprefix("city=")
        try:
            return lines.decoded(data, city, _period(key))
        except ValueError as error:
            raise Damaged(key, str(error), f"run `muang landing repair --city {city}`") from None


class _Day:
    """A city's delivery day while things are landed: its receipts so far, those added, the last content of a name."""

    def __init__(self, delivery: Delivery, before: Mapping[str, Receipt], today: Sequence[Receipt]) -> None:
        self.delivery = delivery
        self.added: list[Receipt] = []
        self._last = dict(before)
        self._known = {receipt.id: receipt for receipt in today}
        self._number = max((receipt.number for receipt in today), default=0)
        for receipt in today:
            if receipt.source == delivery.source and receipt.readable:
                self._last[receipt.name] = receipt

    def receipt(self, arrival: Arrival, digest: str | None) -> Receipt:
        """The receipt of an arrival: a new one, or one that the day already has."""
        delivery, last = self.delivery, self._last.get(arrival.name)
        outcome = arrival.outcome or ("new" if digest else "empty")
        facts: dict[str, Any] = {"bytes": None if arrival.data is None else len(arrival.data), **arrival.facts}
        content: str | None = digest if outcome == "new" else None
        if outcome == "unchanged" and last:
            content = last.sha256
            facts |= {name: facts.get(name) or getattr(last, name) for name in _OF_CONTENT}
        if content and last and last.sha256 == content:
            if last.day == delivery.day:
                return last
            outcome = "unchanged"
        after = last.id if content and last else None
        told = content or f"{outcome}:{arrival.facts.get('code')}"
        identity = receipt_id(delivery.city, delivery.source, arrival.name, delivery.day, told, after)
        if identity in self._known:
            return self._known[identity]
        self._number += 1
        receipt = Receipt.model_validate(
            {
                "id": identity,
                "city": delivery.city,
                "source": delivery.source,
                "day": delivery.day,
                "number": self._number,
                "name": arrival.name,
                "origin": arrival.origin,
                "outcome": outcome,
                "sha256": content or digest,
                "after": after,
                "first_seen": delivery.now(),
                "run": delivery.run,
                "synthetic": delivery.synthetic,
            }
            | facts
        )
        self.added.append(receipt)
        self._known[identity] = receipt
        if receipt.readable:
            self._last[arrival.name] = receipt
        return receipt


def _left(arrival: Arrival, erased: Receipt | None) -> Arrival:
    """An arrival, or that it was left where it lies: its bytes were taken out of landing with a metering point."""
    if erased is None:
        return arrival
    reason = "it holds a metering point that was erased: take it out of the inbox"
    return Arrival(erased.name, erased.origin, None, "left", {"code": "delivery-erased", "reason": reason})


_OF_CONTENT = ("bytes", "etag", "last_modified", "content_type")
"""What a 304 need not repeat of the content it stands for."""


def _receipts_files(keys: Iterable[str]) -> list[str]:
    """Without what file managers and people leave in a folder."""
    return [key for key in keys if _PERIOD.fullmatch(_period(key)) and key.endswith(".jsonl")]


_PERIOD = re.compile(r"\d{4}-\d\d(-\d\d)?")


def _period(key: str) -> str:
    """Day or month of a receipts file's key."""
    return key.rsplit("/", 1)[1].removesuffix(".jsonl")
