"""Remove snapshots: what failed or was interrupted, and what was published long ago.

    cdp/city=<slug>/removed.json   ids of committed snapshots that were removed; their history entries stay

It is written before the files go, so that a snapshot whose files are gone is known to be removed, and not lost.
"""

import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl

from assets.landing.store import Damaged, Store
from assets.snapshots.build import FAILED, MANIFEST, folder, json_bytes, prefix
from assets.snapshots.history import Entry, commits, history, pointer, withdrawn
from quality.tables import LOAD_PROFILE

GRACE = timedelta(hours=24)
"""How long a snapshot stays after the next one was committed: the longest that a reader is expected to read."""

BUILDING = timedelta(hours=1)
"""Age from which a snapshot that no commit names is left-over: a publication takes seconds, a big city's minutes."""


def removed_key(city: str) -> str:
    """Key of the list of removed snapshots."""
    return f"{folder(city)}/removed.json"


def removed(store: Store, city: str) -> set[str]:
    """Ids of committed snapshots that were removed. Raises ``Damaged``."""
    return set(_removed(store.fetch(removed_key(city)).data, city))


def _removed(data: bytes | None, city: str) -> list[str]:
    if data is None:
        return []
    try:
        found: list[str] = json.loads(data)["snapshots"]
        if _removed_bytes(found) == data:
            return found
    except (ValueError, KeyError, TypeError):
        pass
    remedy = f"`muang snapshots gc --city {city}` makes it again from what is no more"
    raise Damaged(removed_key(city), "not a list of removed snapshots", remedy)


def _removed_bytes(snapshots: Sequence[str]) -> bytes:
    return json_bytes({"snapshots": snapshots, "sha256": hashlib.sha256("\n".join(snapshots).encode()).hexdigest()})


def _stored(store: Store, city: str) -> dict[str, set[str]]:
    """Snapshot ids that have files, with the paths of these."""
    at = f"{folder(city)}/snapshots/"
    found: defaultdict[str, set[str]] = defaultdict(set)
    for key in store.list(at.rstrip("/")):
        snapshot_id, _, path = key.removeprefix(at).partition("/")
        found[snapshot_id].add(path)
    return dict(found)


def _made(snapshot_id: str, now: datetime) -> datetime:
    """When a snapshot was begun, by its id; ``now`` for an id that is not ours, which is left alone."""
    try:
        return datetime.strptime(snapshot_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return now


def sweep(store: Store, city: str, now: datetime, days: int = 0) -> list[str]:
    """Remove snapshots that no commit names and that nobody is building any more; returns their ids.

    Where an entry of the history is lost, whole ones stay for ``days`` (0: for ever): it may have named them.
    """
    stored = _stored(store, city)  # before the history: what is committed meanwhile is named there
    found = commits(store, city, stored)
    entries = [entry for entry in found.values() if isinstance(entry, Entry)]
    named = {entry.snapshot_id for entry in entries} | {entry.parent for entry in entries}
    if pointed := pointer(store, city).entry:
        named.add(pointed.snapshot_id)
    unsure = len(entries) < len(found) or not entries
    gone = []
    for snapshot_id in stored.keys() - named:
        age, whole = now - _made(snapshot_id, now), {MANIFEST, FAILED} & stored[snapshot_id] == {MANIFEST}
        if age > BUILDING and (not (unsure and whole) or (days and age > timedelta(days=days))):
            gone.append(snapshot_id)
    for snapshot_id in gone:
        store.delete_folder(prefix(city, snapshot_id))
    return gone


def collect(
    store: Store,
    city: str,
    now: datetime,
    days: int = 0,
    keep: int = 0,
    grace: timedelta = GRACE,
    dry_run: bool = False,
) -> list[str]:
    """Remove committed snapshots older than ``days``, and all but the newest ``keep`` (0: not by that); returns their
    ids. Never the current one, nor one that was current within ``grace``, nor, while a rollback holds, what was
    withdrawn: a night compares its tables with it. With ``dry_run`` nothing is removed."""
    stored = _stored(store, city)
    entries = [entry for entry in commits(store, city, stored).values() if isinstance(entry, Entry)]
    pointed = pointer(store, city).entry
    current = {entry.snapshot_id for entry in (*entries[-1:], pointed) if entry}
    if entries and entries[-1].reason is not None:
        current |= withdrawn(entries)
    # A snapshot that a rollback made current again counts from then.
    latest = {entry.snapshot_id: place for place, entry in enumerate(entries)}
    gone = [
        snapshot_id
        for snapshot_id, place in latest.items()
        if ((days and now - entries[place].committed > timedelta(days=days)) or (keep and len(entries) - place > keep))
        and snapshot_id not in current
        and now - entries[place + 1].committed > grace
    ]
    tag = store.tag(removed_key(city))
    try:
        before = sorted(removed(store, city))
    except Damaged:
        before = [entry.snapshot_id for entry in history(store, city) if entry.snapshot_id not in stored]
    todo = [snapshot_id for snapshot_id in stored if snapshot_id in {*before, *gone} - current]
    if dry_run or not todo:
        return todo
    if not store.swap(removed_key(city), _removed_bytes(sorted({*before, *todo})), tag):
        return []  # somebody else is removing; what is left over falls to the next time
    for snapshot_id in todo:
        store.delete_folder(prefix(city, snapshot_id))
    return todo


def with_days(store: Store, city: str, days: Collection[date]) -> list[str]:
    """Ids of snapshots that are kept and whose load profile has any of these days."""
    profiles = _profiles(store, city) if days else {}
    return sorted(
        {each for files in profiles.values() for each, key in files if not _days_in(store, key).isdisjoint(days)}
    )


def published_days(store: Store, city: str) -> set[date]:
    """Days of the load profile in any snapshot that is kept."""
    # Files of one name have one content: the name has its digest.
    return set().union(*(_days_in(store, files[0][1]) for files in _profiles(store, city).values()))


def _profiles(store: Store, city: str) -> dict[str, list[tuple[str, str]]]:
    """Files of the load profile in kept snapshots: path in the snapshot → ids of the snapshots that have it, with the
    key in each."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for snapshot_id, paths in _stored(store, city).items():
        for path in paths:
            if path.startswith(f"data/{LOAD_PROFILE.name}/"):
                found[path].append((snapshot_id, f"{prefix(city, snapshot_id)}/{path}"))
    return found


def _days_in(store: Store, key: str) -> set[date]:
    return set(pl.read_parquet(io.BytesIO(store.read(key)), columns=[LOAD_PROFILE.day])[LOAD_PROFILE.day])
