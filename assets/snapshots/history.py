"""Which snapshots a city committed, in which order, and the one pointer that readers follow.

    cdp/city=<slug>/history/<seq>.json   append-only, created if absent: this alone decides who committed
    cdp/city=<slug>/current.json         what readers read: a copy of the newest history entry

Both carry the sha256 of their own content, so that damage is noticed where it is read. The pointer can be made again
from the history at any time, and the newest history entry from the pointer: ``repair`` does both, before every
publication and as ``muang snapshots repair``. An older entry that is lost leaves its number behind and stops nothing.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from assets.landing.store import Damaged, Store, StoreFailure
from assets.snapshots.build import MANIFEST, PAGE, folder, json_bytes, prefix

SWAPS = 20
"""Times the pointer is tried: each lost try means that another publisher moved it, so progress was made."""

AT_ONCE = 50
"""Entries that are read together: of a night each, those of all snapshots that are kept by default (35 days)."""


class Entry(BaseModel):
    """One commit. ``seq`` orders commits; times are for people. ``token`` and ``run`` tell whose entry it is.

    One with a ``reason`` is a rollback: an earlier snapshot is current again, and that of its ``parent`` was withdrawn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    city: str
    seq: int
    token: str
    run: str
    snapshot_id: str
    parent: str | None
    manifest_sha256: str
    synthetic: bool
    day: date
    committed: datetime
    reason: str | None = None

    def encoded(self) -> bytes:
        """As stored: its fields, then the sha256 of how they are written."""
        # Entries of before there were rollbacks have no reason, and keep their bytes.
        content = self.model_dump(mode="json", exclude={"reason"} if self.reason is None else None)
        return json_bytes(content | {"sha256": hashlib.sha256(json_bytes(content)).hexdigest()})

    @classmethod
    def decoded(cls, data: bytes, city: str) -> "Entry":
        """The entry that ``data`` is. Raises ``ValueError`` where it is not, byte for byte, one of ``city``."""
        if not data:
            raise ValueError("empty")
        try:
            content = json.loads(data)
            entry = cls.model_validate({name: value for name, value in content.items() if name != "sha256"})
        except (ValueError, AttributeError):
            raise ValueError("not an entry of the history") from None
        if entry.encoded() != data:
            raise ValueError("its content does not have its sha256")
        if entry.city != city:
            raise ValueError(f"of {entry.city}")
        return entry


class Pointer(NamedTuple):
    """What ``current.json`` says, the tag to swap it by, and what is wrong with it (then it says nothing)."""

    entry: Entry | None
    tag: str | None
    damage: Damaged | None = None


class Base(NamedTuple):
    """What a publication starts from: the newest commit (None before the first), and the number that is free."""

    entry: Entry | None
    seq: int
    mended: tuple[str, ...] = ()


def history_key(city: str, seq: int) -> str:
    """Key of a commit's entry."""
    return f"{folder(city)}/history/{seq:08d}.json"


def current_key(city: str) -> str:
    """Key of the pointer."""
    return f"{folder(city)}/current.json"


def _pointer_damage(city: str, wrong: str) -> Damaged:
    remedy = f"the next night of {city} mends it, or `muang snapshots repair --city {city}` now"
    return Damaged(current_key(city), wrong, remedy)


def _entry_damage(city: str, seq: int, wrong: str) -> Damaged:
    remedy = f"`muang snapshots repair --city {city}` makes it again if its snapshot is still known; it stops no night"
    return Damaged(history_key(city, seq), wrong, remedy)


def _as_recorded(data: bytes, city: str, seq: int) -> Entry:
    try:
        entry = Entry.decoded(data, city)
    except ValueError as error:
        raise _entry_damage(city, seq, str(error)) from None
    if entry.seq != seq:
        raise _entry_damage(city, seq, f"the entry of commit {entry.seq}")
    return entry


def recorded(store: Store, city: str, seq: int) -> Entry | None:
    """Commit ``seq`` by the history; None if it has none. Raises ``Damaged``."""
    try:
        return _as_recorded(store.read(history_key(city, seq)), city, seq)
    except FileNotFoundError:
        return None


def pointer(store: Store, city: str) -> Pointer:
    """What the pointer says. Where the history has another entry of that number, the pointer is wrong."""
    data, tag = store.fetch(current_key(city))
    if data is None:
        return Pointer(None, None)
    try:
        entry = Entry.decoded(data, city)
    except ValueError as error:
        return Pointer(None, tag, _pointer_damage(city, str(error)))
    try:
        known = recorded(store, city, entry.seq)
    except Damaged:
        known = None  # it is the history that is damaged: readers go on
    if known not in (None, entry):
        return Pointer(None, tag, _pointer_damage(city, f"not what the history has as commit {entry.seq}"))
    return Pointer(entry, tag)


def current(store: Store, city: str) -> Entry | None:
    """The commit that readers see; None before the first. Raises ``Damaged`` where the pointer is not whole."""
    found = pointer(store, city)
    if found.damage:
        raise found.damage
    if found.entry is None and (last := _last(store, city)):
        raise _pointer_damage(city, f"missing, the history has commit {last}")
    return found.entry


def _listed(store: Store, city: str) -> set[int]:
    stems = (key.rsplit("/", 1)[1].removesuffix(".json") for key in store.list(f"{folder(city)}/history"))
    return {int(stem) for stem in stems if stem.isdecimal()}


def _last(store: Store, city: str, known: int = 0) -> int:
    """The greatest number taken: what the listing has, and from there by asking, since a listing may be stale."""
    last = max({known, *_listed(store, city)})
    while store.exists(history_key(city, last + 1)):
        last += 1
    return last


def commits(store: Store, city: str, of: Collection[str] | None = None) -> dict[int, Entry | Damaged]:
    """Every commit by number, oldest first, or what is wrong with its entry.

    ``of`` are snapshots: then only as many of the newest commits as name each of them, or all where one is named by
    none. A city has an entry for each night there ever was, and snapshots of some weeks.
    """
    pointed = pointer(store, city).entry
    listed = _listed(store, city)
    found: dict[int, Entry | Damaged] = {}
    for end in range(_last(store, city, pointed.seq if pointed else 0), 0, -AT_ONCE):
        numbers = range(end, max(0, end - AT_ONCE), -1)
        there = [seq for seq in numbers if seq in listed]
        read = dict(zip(there, store.read_all([history_key(city, seq) for seq in there]), strict=True))
        for seq in numbers:
            try:
                entry = _as_recorded(read[seq], city, seq) if seq in read else recorded(store, city, seq)
                found[seq] = entry or _entry_damage(city, seq, "missing")
            except Damaged as damaged:
                found[seq] = damaged
        named = {each.snapshot_id for each in found.values() if isinstance(each, Entry)}
        if of is not None and named.issuperset(of):
            break
    return dict(sorted(found.items()))


def history(store: Store, city: str) -> list[Entry]:
    """Every commit whose entry is whole, oldest first."""
    return [entry for entry in commits(store, city).values() if isinstance(entry, Entry)]


def withdrawn(entries: Iterable[Entry]) -> set[str]:
    """Ids of snapshots that rollbacks withdrew, and did not make current again since."""
    found: set[str] = set()
    for entry in entries:
        if entry.reason is not None and entry.parent:
            found.add(entry.parent)
        found.discard(entry.snapshot_id)
    return found


def problems(store: Store, city: str) -> list[str]:
    """What is wrong with pointer and history, a sentence a file."""
    recorded = commits(store, city)
    found = [str(entry) for entry in recorded.values() if isinstance(entry, Damaged)]
    newest = max((entry.seq for entry in recorded.values() if isinstance(entry, Entry)), default=0)
    try:
        pointed = current(store, city)
        if pointed and pointed.seq < newest:
            found.append(str(_pointer_damage(city, f"of commit {pointed.seq}, the history has {newest}")))
    except Damaged as damaged:
        found.append(str(damaged))
    return found


def manifest(store: Store, entry: Entry) -> dict[str, Any]:
    """The manifest of a committed snapshot. Raises ``Damaged`` where it is not the one that was committed."""
    key = f"{prefix(entry.city, entry.snapshot_id)}/{MANIFEST}"
    remedy = f"`muang nightly --city {entry.city}` publishes the city anew"
    try:
        data = store.read(key)
    except FileNotFoundError:
        raise Damaged(key, "missing", remedy) from None
    if hashlib.sha256(data).hexdigest() != entry.manifest_sha256:
        raise Damaged(key, "not the one that was committed", remedy)
    found: dict[str, Any] = json.loads(data)
    return found


def page_path(store: Store, city: str, snapshot_id: str) -> str:
    """Path or URL of a snapshot's page."""
    return store.path(f"{prefix(city, snapshot_id)}/{PAGE}")


def repair(store: Store, city: str) -> Base:
    """Bring pointer and history together: what a crash left behind or damage took from one, the other has.

    Raises what the store raises. ``mended`` says in sentences what was not as it should be.
    """
    pointed = pointer(store, city).entry
    seq = last = _last(store, city, pointed.seq if pointed else 0)
    newest, mended = None, []
    while seq and not newest:
        try:
            newest = recorded(store, city, seq)
        except Damaged:
            newest = None
        if newest is None and pointed and pointed.seq == seq:
            store.write(history_key(city, seq), pointed.encoded())
            mended.append(f"{history_key(city, seq)}: made again from {current_key(city)}")
            newest = pointed
        seq -= 1
    if newest and newest != pointed:
        point(store, newest)
        mended.append(f"{current_key(city)}: made again from commit {newest.seq}")
    return Base(newest, last + 1, tuple(mended))


def rebuild(store: Store, city: str) -> tuple[str, ...]:
    """Make lost history entries again whose snapshot is known by its successor and still there; says which."""
    found = commits(store, city)
    mended = []
    for seq in reversed(found):
        after = found.get(seq + 1)
        if isinstance(found[seq], Entry) or not isinstance(after, Entry) or after.parent is None:
            continue
        try:
            data = store.read(f"{prefix(city, after.parent)}/{MANIFEST}")
            told: Mapping[str, Any] = json.loads(data)
            entry = Entry.model_validate(
                {name: told[name] for name in ("run", "snapshot_id", "parent", "synthetic", "day")}
                | {"city": city, "seq": seq, "token": f"rebuilt-{after.token}", "committed": told["created"]}
                | {"manifest_sha256": hashlib.sha256(data).hexdigest()}
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            continue
        if entry.snapshot_id == after.parent:
            store.write(history_key(city, seq), entry.encoded())
            found[seq] = entry
            mended.append(f"{history_key(city, seq)}: made again from the manifest of {after.parent}")
    return tuple(mended)


def point(store: Store, entry: Entry) -> None:
    """Move ``current.json`` to ``entry`` unless it is there or further. A damaged one is replaced."""
    for _ in range(SWAPS):
        now = pointer(store, entry.city)
        if now.entry and now.entry.seq >= entry.seq:
            return
        try:
            if store.swap(current_key(entry.city), entry.encoded(), now.tag):
                return
        except OSError:
            moved = pointer(store, entry.city).entry  # the acknowledgement may be lost and the pointer moved
            if moved is None or moved.seq < entry.seq:
                raise
            return
    raise StoreFailure(f"{current_key(entry.city)} was swapped by others {SWAPS} times; commit {entry.seq} stands")
