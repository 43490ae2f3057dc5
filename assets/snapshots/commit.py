"""Commit a snapshot: build, verify, then append to the history and move the one pointer.

    cdp/city=<slug>/history/<seq>.json   append-only, created if absent: this alone decides who committed
    cdp/city=<slug>/current.json         what readers read: a copy of the newest history entry

A publisher holds no lock. It reads where it starts from, builds, and creates the next history entry; of two, one
creates it and the other reports ``Conflict``, because its snapshot was judged against a base that is no longer the
current one (privacy: no difference between two snapshots may tell of a single meter). A crash after the history entry
delays only the pointer, which ``repair`` moves at the next publication.
"""

import contextlib
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime

from pydantic import BaseModel, ConfigDict

from assets.landing.store import Store
from assets.snapshots.build import MANIFEST, PAGE, Edition, Refused, build, folder, json_bytes, new_id, prefix
from assets.snapshots.verify import FAILED, verify

SWAPS = 20
"""Times the pointer is tried: each lost try means that another publisher moved it, so progress was made."""


class Conflict(Exception):
    """Another publisher committed first; make the tables again and publish again."""


class Entry(BaseModel):
    """One commit. ``seq`` orders commits; times are for people. ``token`` tells whose entry it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int
    token: str
    snapshot_id: str
    parent: str | None
    manifest_sha256: str
    synthetic: bool
    day: date
    committed: datetime

    def encoded(self) -> bytes:
        """As stored."""
        return self.model_dump_json(indent=1).encode() + b"\n"


def _history_key(city: str, seq: int) -> str:
    return f"{folder(city)}/history/{seq:08d}.json"


def _current_key(city: str) -> str:
    return f"{folder(city)}/current.json"


def _read(store: Store, key: str) -> Entry | None:
    try:
        return Entry.model_validate_json(store.read(key))
    except FileNotFoundError:
        return None


def current(store: Store, city: str) -> Entry | None:
    """The commit that readers see; None before the first."""
    return _read(store, _current_key(city))


def history(store: Store, city: str) -> list[Entry]:
    """Every commit, oldest first; asked for by number, since a listing may be stale."""
    return list(_after(store, city, 0))


def _after(store: Store, city: str, seq: int) -> Iterator[Entry]:
    while entry := _read(store, _history_key(city, seq := seq + 1)):
        yield entry


def show(store: Store, city: str, snapshot_id: str | None = None) -> bytes:
    """The manifest of a snapshot (the current one if not named). Raises ``FileNotFoundError``."""
    if snapshot_id is None:
        entry = current(store, city)
        if entry is None:
            raise FileNotFoundError(f"{city} has no snapshot")
        snapshot_id = entry.snapshot_id
    return store.read(f"{prefix(city, snapshot_id)}/{MANIFEST}")


def page_path(store: Store, city: str, snapshot_id: str) -> str:
    """Path or URL of a snapshot's page."""
    return store.path(f"{prefix(city, snapshot_id)}/{PAGE}")


def repair(store: Store, city: str) -> Entry | None:
    """Move the pointer to the newest commit if a crash left it behind; returns what is current then."""
    base = current(store, city)
    ahead = list(_after(store, city, base.seq if base else 0))
    if not ahead:
        return base
    _point(store, city, ahead[-1])
    return ahead[-1]


def publish(store: Store, edition: Edition) -> Entry:
    """Build a snapshot of an edition, verify it, commit it; returns the commit.

    On a failure the pointer stays, and ``meta/FAILED.json`` in the snapshot's folder says why. Raises ``Refused``
    where a table may not be published or the written files are not what was meant, ``Conflict`` where another
    publisher was faster, and what the store raises.
    """
    city = edition.city.slug
    base = repair(store, city)
    snapshot_id = new_id(edition.now)
    try:
        digest = build(store, snapshot_id, edition)
        problems = verify(store, city, snapshot_id, digest)
        if problems:
            raise Refused(f"{len(problems)} file problem(s) after writing, the first: {problems[0]}")
        entry = Entry(
            seq=base.seq + 1 if base else 1,
            token=uuid.uuid4().hex,
            snapshot_id=snapshot_id,
            parent=base.snapshot_id if base else None,
            manifest_sha256=digest,
            synthetic=edition.synthetic,
            day=edition.day,
            committed=edition.now.astimezone(UTC),
        )
    except Exception as error:
        _mark_failed(store, edition, snapshot_id, error)
        raise
    try:
        _append(store, city, entry)
    except Conflict as error:
        # Only here: after any other error the commit may stand, and a mark would spoil what readers see.
        _mark_failed(store, edition, snapshot_id, error)
        raise
    _point(store, city, entry)
    return entry


def _mark_failed(store: Store, edition: Edition, snapshot_id: str, error: Exception) -> None:
    note = {"run": edition.run, "at": edition.now, "error": type(error).__name__, "reason": str(error)}
    with contextlib.suppress(OSError):  # the first failure matters, not that it could not be noted
        store.write(f"{prefix(edition.city.slug, snapshot_id)}/{FAILED}", json_bytes(note))


def _append(store: Store, city: str, entry: Entry) -> None:
    """Create the history entry. Raises ``Conflict`` if another publisher has that number."""
    key = _history_key(city, entry.seq)
    try:
        store.create(key, entry.encoded())
    except OSError:
        # The outcome is unknown: the acknowledgement may be lost and the entry there.
        if _read(store, key) is None:
            raise
    found = _read(store, key)
    if found is None or found.token != entry.token:
        raise Conflict(f"commit {entry.seq} of {city} went to snapshot {found.snapshot_id if found else 'unknown'}")


def _point(store: Store, city: str, entry: Entry) -> None:
    """Move ``current.json`` to ``entry`` unless it is there or further."""
    for _ in range(SWAPS):
        # The tag first: if the pointer moves between the two reads, the swap fails and it is tried again.
        tag = store.tag(_current_key(city))
        now = current(store, city)
        if now is not None and now.seq >= entry.seq:
            return
        try:
            if store.swap(_current_key(city), entry.encoded(), tag):
                return
        except OSError:
            moved = current(store, city)  # the acknowledgement may be lost and the pointer moved
            if moved is None or moved.seq < entry.seq:
                raise
            return
    raise Conflict(f"the pointer of {city} moved {SWAPS} times; commit {entry.seq} stands and will be pointed at")
