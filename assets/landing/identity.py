"""Whose store this is: it remembers the profile and the meter key of its first night, and refuses others.

    store.json    format of the store, profile, fingerprint of the meter key, when the newest night began

A demo night in a live store would hash real meters under a public key; another meter key would count every meter twice;
a delivery counts by its day, so one that came under a clock that was ahead would win over all until that day.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from assets.landing.store import Damaged, Store

FORMAT = 1
"""Of the store: raised when files move or change their meaning beyond what a table's contract tells."""

KEY = "store.json"


BEHIND = timedelta(minutes=10)
"""How far clocks of two hosts may lie apart."""

PAUSE = timedelta(days=60)
"""A longer time without a night is taken for a wrong clock: a deployment that rests longer is told so by a person."""


class NotOurs(Exception):
    """The store belongs to another profile, meter key, version or time; the message says what to do."""


class Identity(BaseModel):
    """What a store says of itself. ``meter_key`` is None until the first meter export is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int
    profile: Literal["live", "demo"]
    meter_key: str | None = None
    newest: datetime | None = None


def fingerprint(meter_key: bytes) -> str:
    """What tells one key from another and nothing about either: 16 hex digits of an HMAC of a constant under it."""
    return hmac.new(meter_key, b"muang meter key", hashlib.sha256).hexdigest()[:16]


def identity(store: Store) -> Identity | None:
    """What the store says of itself; None before the first night. Raises ``Damaged``."""
    data = store.fetch(KEY).data
    return None if data is None else _parsed(data)


def _parsed(data: bytes) -> Identity:
    try:
        return Identity.model_validate_json(data)
    except ValidationError:
        remedy = "restore it from a backup, or remove it: the next night writes it from the settings"
        raise Damaged(KEY, "not what a first night wrote", remedy) from None


def claim(
    store: Store, profile: Literal["live", "demo"], meter_key: bytes | None, now: datetime, accept_clock: bool = False
) -> Identity:
    """Make the store one of this profile and key, or find that it is, and note that a night began.

    Raises ``NotOurs`` where it is another's, and where the clock lies before the newest night or far ahead of it.
    """
    for _ in range(10):
        found = store.fetch(KEY)
        mine = fingerprint(meter_key) if meter_key else None
        if found.data is None and any("/source=" in key for key in store.list("landing/receipts")):
            raise NotOurs(
                f"the store {store.uri} was filled by a version before it said so: run `muang lake upgrade`, which "
                "keeps landing and what was published, and has the next night read all deliveries again"
            )
        told = _parsed(found.data) if found.data is not None else Identity(format=FORMAT, profile=profile)
        if told.format > FORMAT:
            raise NotOurs(
                f"the store {store.uri} has format {told.format}, this version of muang knows {FORMAT}: run the "
                "version that wrote it, or a later one"
            )
        if told.profile != profile:
            raise NotOurs(
                f"the store {store.uri} was filled by the {told.profile} profile, and this is a {profile} night: give "
                "it a home of its own (MUANG_HOME), the two never mix"
            )
        if told.meter_key and mine and told.meter_key != mine:
            raise NotOurs(
                f"MUANG_METER_KEY is not the key that the meters of {store.uri} were hashed with: set the one of its "
                "first night (under another every meter would be a second one), or change keys by `muang keys rotate`"
            )
        newest = told.newest or now
        if not accept_clock and not newest - BEHIND <= now <= newest + PAUSE:
            raise NotOurs(
                f"the clock says {now:%Y-%m-%d %H:%M}, the newest night of {store.uri} began {newest:%Y-%m-%d %H:%M}: "
                "set the clock, or say --accept-clock if it is right"
            )
        later = now if accept_clock else max(now, newest)
        wanted = told.model_copy(update={"meter_key": told.meter_key or mine, "newest": later})
        if found.data is not None and wanted == told:
            return told
        if store.swap(KEY, wanted.model_dump_json(indent=1).encode() + b"\n", found.tag):
            return wanted
    raise NotOurs(f"{KEY} of {store.uri} changes all the time: another process is writing it")
