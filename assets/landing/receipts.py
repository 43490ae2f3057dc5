"""Receipts: what came, from where, when, and what was wrong with how it came.

A receipts file is JSON lines, one receipt a line in the order of their numbers, each ending with a check over itself;
a blank line ends the file. So a changed bit, a lost line and a cut are told apart from what was written.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict

Outcome = Literal["new", "unchanged", "empty", "not-reached", "bad-answer", "left"]
"""``new``: content other than the last of that name. ``unchanged``: the last content again, or a 304. ``empty``: an
answer without content. ``not-reached``: no answer, a time-out, or access refused. ``bad-answer``: bytes came, but not
what the interface promises; they are kept all the same. ``left``: something lies in the inbox and was not taken."""


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
    number: int
    """Its place in the city's delivery day, from 1: of two receipts of a city, the later ``(day, number)`` is newer."""
    name: str
    origin: str
    outcome: Outcome
    code: str | None = None
    """Problem code where the outcome is not ``new`` or ``unchanged``."""
    reason: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    after: str | None = None
    """Of content: the receipt of the last content of that name when it came."""
    status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    content_type: str | None = None
    secrets_cut: int | None = None
    """Places where the portal repeated a secret of the request, cut out of the bytes before they were kept."""
    redacted: str | None = None
    """Of a delivery that held an erased metering point: sha256 of what stands in its place, while ``sha256`` still
    tells what came. Empty where it brought no content and only its name was taken."""
    first_seen: datetime
    run: str
    synthetic: bool = False

    @property
    def answered(self) -> bool:
        """Whether what was asked for or looked at is there."""
        return self.outcome in ("new", "unchanged")

    @property
    def readable(self) -> bool:
        """Whether it names content that a reader can look at."""
        return self.sha256 is not None and self.answered

    @property
    def kept(self) -> str | None:
        """Sha256 of the bytes that landing has of it."""
        return self.redacted or self.sha256

    @property
    def order(self) -> tuple[date, int]:
        """What sorts a city's receipts from the oldest to the newest."""
        return self.day, self.number


def receipt_id(city: str, source: str, name: str, day: date, content: str, after: str | None = None) -> str:
    """Id of a receipt: 16 hex digits of a hash over where it came from, when, and what it is.

    ``content`` is the sha256 of readable content, and ``after`` the id of the content before it, so that going back to
    earlier bytes is a delivery of its own. Of an attempt without content it is ``outcome:code``: on one day the same
    failure is one receipt however often it is met.
    """
    text = "\0".join((city, source, name, day.isoformat(), content, after or ""))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def encoded(receipts: Iterable[Receipt]) -> bytes:
    """A receipts file."""
    return b"".join(_line(receipt) for receipt in receipts) + b"\n"


def decoded(data: bytes, city: str, period: str) -> list[Receipt]:
    """Receipts of a file of a city's day or month (``2026-11-20``, ``2026-11``). Raises ``ValueError`` that says what
    is wrong."""
    if not data:
        raise ValueError("it is empty")
    if not data.endswith(b"\n\n"):
        raise ValueError("it does not end as it was written")
    receipts: list[Receipt] = []
    for number, found in enumerate(_each(data, city, period), start=1):
        if found is None:
            raise ValueError(f"line {number} is not what was written")
        receipts.append(found)
    if not receipts or any(one.order >= other.order for one, other in pairwise(receipts)):
        raise ValueError("its lines are not those that were written")
    return receipts


def salvaged(data: bytes, city: str, period: str) -> tuple[list[Receipt], int]:
    """What can still be read of a damaged receipts file, and how many lines cannot."""
    found = list(_each(data, city, period))
    good = {receipt.order: receipt for receipt in found if receipt}
    return [good[order] for order in sorted(good)], len(found) - len(good)


def _each(data: bytes, city: str, period: str) -> Iterator[Receipt | None]:
    for line in data.removesuffix(b"\n").removesuffix(b"\n").split(b"\n") if data.strip() else ():
        receipt = _receipt(line)
        mine = receipt is not None and receipt.city == city and receipt.day.isoformat().startswith(period)
        yield receipt if mine else None


_CHECK = b',"check":"'


def _line(receipt: Receipt) -> bytes:
    body = receipt.model_dump_json(exclude_none=True).encode()[:-1]
    return body + _CHECK + _check(body) + b'"}\n'


@lru_cache(maxsize=16_384)
def _receipt(line: bytes) -> Receipt | None:
    """The receipt of a line, None where it is not what was written. Remembered, because a day's file grows a few lines
    at a time and is read again for each; so many lines hold a busy city's day and take about 40 MB."""
    body, _, check = line.rpartition(_CHECK)
    if check != _check(body) + b'"}':
        return None
    try:
        receipt = Receipt.model_validate_json(body + b"}")
    except ValueError:
        return None
    content = receipt.sha256 if receipt.readable and receipt.sha256 else f"{receipt.outcome}:{receipt.code}"
    said = receipt_id(receipt.city, receipt.source, receipt.name, receipt.day, content, receipt.after)
    # The name of a redacted one may have been taken; its line has the check all the same.
    return receipt if receipt.id == said or receipt.redacted is not None else None


def _check(body: bytes) -> bytes:
    """Eight hex digits: a chance of one in four thousand million to miss a change."""
    return hashlib.sha256(body).hexdigest()[:8].encode()
