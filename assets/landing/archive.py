"""Receipts: what came, from where, when, and what was wrong with how it came.

    landing/objects/<2 hex>/<sha256>                                  the bytes, immutable, once each
    landing/receipts/city=<slug>/source=<name>/<day>/<id>.json        one receipt a delivery or an attempt
    landing/first/city=<slug>/source=<name>/<sha256>                  day and id of the receipt that first brought them

A delivery's id is a hash of city, source, name and content, so the same bytes delivered twice on a day are one receipt.
Attempts that brought no bytes are receipts too: "not reached" is never "no data".
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from assets.landing.store import Store

Outcome = Literal["new", "unchanged", "empty", "not-reached", "bad-answer"]
"""``new``: bytes not seen before from this source. ``unchanged``: the same bytes again, or a 304. ``empty``: an answer
without content. ``not-reached``: no answer, a time-out, or access refused. ``bad-answer``: bytes came, but not what the
interface promises; they are kept all the same."""


@dataclass(frozen=True)
class Delivery:
    """What a source brings a city on one delivery day, in one run; ``now`` tells when each piece of it came."""

    city: str
    source: str
    day: date
    run: str
    now: Callable[[], datetime]
    synthetic: bool = False


class Receipt(BaseModel):
    """One delivery or attempt. Holds no secret: ``origin`` is a path or a URL without its credentials."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    city: str
    source: str
    day: date
    number: int = 1
    """Place among the receipts of the delivery day: the greater came later."""
    name: str
    origin: str
    outcome: Outcome
    code: str | None = None
    """Problem code where the outcome is not ``new`` or ``unchanged``."""
    reason: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    content_type: str | None = None
    first_seen: datetime
    run: str
    synthetic: bool = False

    @property
    def readable(self) -> bool:
        """Whether it brought content that a reader should look at."""
        return self.outcome == "new"


def object_key(sha256: str) -> str:
    """Where the bytes with this digest lie."""
    return f"landing/objects/{sha256[:2]}/{sha256}"


def receipt_id(city: str, source: str, name: str, content: str) -> str:
    """Id of a delivery: 16 hex digits of a hash over where it came from and what it is."""
    return hashlib.sha256("\0".join((city, source, name, content)).encode()).hexdigest()[:16]


def _receipt_key(city: str, source: str, day: date, identity: str) -> str:
    return f"landing/receipts/city={city}/source={source}/{day.isoformat()}/{identity}.json"


class Archive:
    """Receipts and objects of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def receipts(self, city: str, source: str | None = None) -> Iterator[Receipt]:
        """All receipts of a city (and source), in order of source, day and id."""
        prefix = f"landing/receipts/city={city}" + (f"/source={source}" if source else "")
        for key in self.store.list(prefix):
            yield Receipt.model_validate_json(self.store.read(key))

    def contents(self, city: str, source: str) -> list[Receipt]:
        """Receipts that brought content."""
        return [receipt for receipt in self.receipts(city, source) if receipt.outcome == "new"]

    def ids(self, city: str, source: str) -> list[tuple[date, str]]:
        """Delivery day and id of every receipt, oldest first, without opening them."""
        keys = self.store.list(f"landing/receipts/city={city}/source={source}")
        return [(date.fromisoformat(key.split("/")[-2]), key.split("/")[-1].removesuffix(".json")) for key in keys]

    def receipt(self, city: str, source: str, day: date, identity: str) -> Receipt:
        """One receipt. Raises ``FileNotFoundError``."""
        return Receipt.model_validate_json(self.store.read(_receipt_key(city, source, day, identity)))

    def bytes_of(self, receipt: Receipt) -> bytes:
        """The bytes exactly as they came. Raises ``ValueError`` if they no longer have their digest."""
        if receipt.sha256 is None:
            raise ValueError(f"receipt {receipt.id} brought no bytes: {receipt.outcome}")
        data = self.store.read(object_key(receipt.sha256))
        if hashlib.sha256(data).hexdigest() != receipt.sha256:
            raise ValueError(f"landing object {receipt.sha256} is damaged")
        return data

    def last_content(self, city: str, source: str, name: str) -> Receipt | None:
        """The newest receipt with bytes under this name, for conditional requests and to tell ``unchanged``."""
        for day, identity in reversed(self.ids(city, source)):
            receipt = self.receipt(city, source, day, identity)
            if receipt.name == name and receipt.sha256 and receipt.outcome != "bad-answer":
                return receipt
        return None

    def land(
        self,
        delivery: Delivery,
        name: str,
        origin: str,
        data: bytes | None,
        outcome: Outcome | None = None,
        **facts: str | int | None,
    ) -> Receipt:
        """Keep ``data`` (if any) and write the receipt; bytes first, so a receipt never points at nothing.

        Without ``outcome`` it is ``empty`` for no bytes, ``unchanged`` if this source brought the same bytes on an
        earlier day, else ``new``. Landing the same thing twice on one day returns the first receipt. ``facts`` are
        further fields of the receipt.
        """
        city, source, day = delivery.city, delivery.source, delivery.day
        digest = hashlib.sha256(data).hexdigest() if data is not None else None
        first = self._first_day(city, source, digest) if digest else None
        if outcome is None:
            outcome = "new" if data else "empty"
            if first not in (None, day):
                outcome = "unchanged"
        content = digest or f"{outcome}:{delivery.run}"
        receipt = Receipt.model_validate(
            {
                "id": receipt_id(city, source, name, content),
                "city": city,
                "source": source,
                "day": day,
                "name": name,
                "origin": origin,
                "outcome": outcome,
                "sha256": digest,
                "bytes": None if data is None else len(data),
                "first_seen": delivery.now(),
                "run": delivery.run,
                "synthetic": delivery.synthetic,
            }
            | facts
        )
        if data is not None and digest is not None and not self.store.exists(object_key(digest)):
            self.store.write(object_key(digest), data)
        if receipt.readable and digest and first is None:
            # Before the receipt, and void without it: a crash in between makes the bytes new once more, never twice.
            self.store.write(self._first_key(city, source, digest), f"{day.isoformat()}/{receipt.id}".encode())
        key = _receipt_key(city, source, day, receipt.id)
        if not self.store.create(key, receipt.model_dump_json(indent=1, exclude_none=True).encode() + b"\n"):
            receipt = Receipt.model_validate_json(self.store.read(key))
        return receipt

    @staticmethod
    def _first_key(city: str, source: str, sha256: str) -> str:
        return f"landing/first/city={city}/source={source}/{sha256}"

    def _first_day(self, city: str, source: str, sha256: str) -> date | None:
        try:
            day, identity = self.store.read(self._first_key(city, source, sha256)).decode().split("/")
        except FileNotFoundError:
            return None
        first = date.fromisoformat(day)
        return first if self.store.exists(_receipt_key(city, source, first, identity)) else None
