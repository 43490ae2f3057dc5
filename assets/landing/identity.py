"""Whose store this is: it remembers the profile and the meter key of its first night, and refuses others.

    store.json            format of the store, profile, fingerprint of the meter key, when the newest night began
    work/rotation.json    fingerprints of both keys while the meter key is changed; until it is done nobody works here

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
ROTATION = "work/rotation.json"

BEHIND = timedelta(minutes=10)
"""How far clocks of two hosts may lie apart."""

PAUSE = timedelta(days=60)
"""A longer time without a night is taken for a wrong clock: a deployment that rests longer is told so by a person."""


class NotOurs(Exception):
    """The store belongs to another profile, meter key, version or time; the message says what to do."""


class Rotation(BaseModel):
    """A change of the meter key that has begun: fingerprints of the key that ids had and of the one they get."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    old: str
    new: str


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

    Raises ``NotOurs`` where it is another's, while its meter key is changed, and where the clock lies before the newest
    night or far ahead of it.
    """
    if rotation(store):
        raise NotOurs(
            f"the meter key of {store.uri} is being changed, and some ids are of the old key, some of the new: run "
            "`muang keys rotate` again, with both keys, until it says that it is done"
        )
    for _ in range(10):
        found = store.fetch(KEY)
        mine = fingerprint(meter_key) if meter_key else None
        if found.data is None and any("/source=" in key for key in store.list("landing/receipts")):
            raise NotOurs(
                f"the store {store.uri} was filled by a version before it said so: run `muang lake upgrade`, which "
                "keeps landing and what was published, and has the next night read all deliveries again"
            )
        told = _parsed(found.data) if found.data is not None else Identity(format=FORMAT, profile=profile)
        if newer := too_new(told):
            raise NotOurs(f"the store {store.uri} {newer}")
        if told.profile != profile:
            raise NotOurs(
                f"the store {store.uri} was filled by the {told.profile} profile, and this is a {profile} night: give "
                "it a home of its own (MUANG_HOME), the two never mix"
            )
        if told.meter_key and mine and told.meter_key != mine:
            raise NotOurs(
                f"MUANG_METER_KEY is not the key that the meters of {store.uri} were hashed with: set the one of its "
                "first night, or of its last `muang keys rotate` (under another every meter would be a second one)"
            )
        if not accept_clock and (far := far_from_newest(told, now)):
            raise NotOurs(
                f"the clock says {now:%Y-%m-%d %H:%M}, and of {store.uri} {far}: set the clock, or say --accept-clock "
                "if it is right"
            )
        later = now if accept_clock else max(now, told.newest or now)
        wanted = told.model_copy(update={"meter_key": told.meter_key or mine, "newest": later})
        if found.data is not None and wanted == told:
            return told
        if store.swap(KEY, wanted.model_dump_json(indent=1).encode() + b"\n", found.tag):
            return wanted
    raise NotOurs(f"{KEY} of {store.uri} changes all the time: another process is writing it")


def too_new(told: Identity) -> str | None:
    """What to do with a store of a format that this version does not know; None of one that it does."""
    if told.format <= FORMAT:
        return None
    return (
        f"has format {told.format}, this version of muang knows {FORMAT}: run the version that wrote it, or a later one"
    )


def far_from_newest(told: Identity, now: datetime) -> str | None:
    """When the newest night was, of a clock that lies before it, or so far after it that a night is refused."""
    if told.newest is None or told.newest - BEHIND <= now <= told.newest + PAUSE:
        return None
    return f"the newest night began {told.newest:%Y-%m-%d %H:%M}"


def rotation(store: Store) -> Rotation | None:
    """The change of the meter key that has begun and is not done. Raises ``Damaged``."""
    data = store.fetch(ROTATION).data
    try:
        return None if data is None else Rotation.model_validate_json(data)
    except ValidationError:
        remedy = "remove it and run `muang keys rotate` again with the same two keys"
        raise Damaged(ROTATION, "not what a change of keys wrote", remedy) from None


def may_rotate(store: Store, keys: Rotation) -> None:
    """Raises ``NotOurs`` unless the store's ids are of the old key, or on their way from it to the new."""
    told, begun = identity(store), rotation(store)
    if begun and begun != keys:
        raise NotOurs(
            f"a change of the meter key of {store.uri} was begun with other keys: set MUANG_METER_KEY and "
            "MUANG_METER_KEY_NEW to those two"
        )
    if not begun and (told is None or told.meter_key != keys.old):
        raise NotOurs(f"MUANG_METER_KEY is not the key that the meters of {store.uri} were hashed with")


def begin_rotation(store: Store, keys: Rotation) -> None:
    """Note that ids begin to change, before the first does. Raises ``NotOurs`` where they change to another key."""
    if not store.create(ROTATION, keys.model_dump_json(indent=1).encode() + b"\n"):
        may_rotate(store, keys)


def end_rotation(store: Store, keys: Rotation) -> None:
    """All ids are of the new key: the store is the new key's from now on."""
    for _ in range(10):
        found = store.fetch(KEY)
        if found.data is None:
            raise NotOurs(f"{KEY} of {store.uri} is gone; run `muang keys rotate` again when it is restored")
        told = _parsed(found.data)
        wanted = told.model_copy(update={"meter_key": keys.new})
        if told == wanted or store.swap(KEY, wanted.model_dump_json(indent=1).encode() + b"\n", found.tag):
            store.delete(ROTATION)
            return
    raise NotOurs(f"{KEY} of {store.uri} changes all the time: another process is writing it")
