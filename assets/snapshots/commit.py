"""Commit a snapshot: build, verify, then append to the history and move the one pointer.

A publisher holds no lock. It reads where it starts from, builds, and creates the next history entry; of two, one
creates it and the other reports ``Conflict``, because its snapshot was judged against a base that is no longer the
current one (privacy: no difference between two snapshots may tell of a single meter). A crash after the history entry
delays only the pointer, which ``assets.snapshots.history.repair`` moves at the next publication.
"""

import contextlib
import hashlib
import uuid
from dataclasses import replace
from datetime import UTC, datetime

from assets.landing.store import Damaged, Store
from assets.snapshots.build import FAILED, MANIFEST, Edition, Refused, contents, json_bytes, new_id, prefix
from assets.snapshots.collect import removed
from assets.snapshots.diff import changes
from assets.snapshots.history import (
    Base,
    Entry,
    history,
    history_key,
    manifest,
    point,
    recorded,
    repair,
    withdrawn,
)
from assets.snapshots.verify import verify


class Conflict(Exception):
    """Another publisher committed first; make the tables again and publish again."""


def publish(store: Store, edition: Edition, base: Base) -> Entry:
    """Build a snapshot of an edition, verify it, commit it; returns the commit, ``base``'s own where nothing changed.

    ``base`` is what ``repair`` returned before the edition was made. On a failure the pointer stays, and
    ``meta/FAILED.json`` in the snapshot's folder says why. Raises ``Refused`` where a table may not be published, the
    written files are not what was meant or a rollback withdrew its tables, ``Conflict`` where another publisher was
    faster, and what the store raises.
    """
    city = edition.city.slug
    if base.entry and _is_published(store, edition, base.entry):
        return base.entry
    if back := _withdrawn(store, edition, base):
        raise Refused(
            f"its tables are those of {back}, which a rollback withdrew; others will be published, and these again by "
            f"`muang snapshots rollback {city} {back}`"
        )
    snapshot_id = new_id(edition.now)
    parent = base.entry.snapshot_id if base.entry else None
    try:
        since = base.entry
        files = contents(
            snapshot_id,
            parent,
            edition,
            lambda new: changes(store, since, new, edition.tables) if since else None,
        )
        for path, data in files.items():
            store.write(f"{prefix(city, snapshot_id)}/{path}", data)
        digest = hashlib.sha256(files[MANIFEST]).hexdigest()
        problems = verify(store, city, snapshot_id, digest)
        if problems:
            raise Refused(f"{len(problems)} file problem(s) after writing, the first: {problems[0]}")
        entry = Entry(
            city=city,
            seq=base.seq,
            token=uuid.uuid4().hex,
            run=edition.run,
            snapshot_id=snapshot_id,
            parent=parent,
            manifest_sha256=digest,
            synthetic=edition.synthetic,
            day=edition.day,
            committed=edition.now.astimezone(UTC),
        )
    except BaseException as error:  # a panic inside Polars and an interrupted run are no Exception
        _mark_failed(store, edition, snapshot_id, error)
        raise
    try:
        _append(store, entry)
    except Conflict as error:
        # Only here: after any other error the commit may stand, and a mark would spoil what readers see.
        _mark_failed(store, edition, snapshot_id, error)
        raise
    point(store, entry)
    return entry


def _is_published(store: Store, edition: Edition, entry: Entry) -> bool:
    """Whether the snapshot of ``entry`` is this edition and whole: made under its name, run and time, the edition has
    the same manifest, which tells the sha256 of every file, the page included.

    Readers are better served by the one they have: an id that changes says that something changed, the history has a
    line a change, and nothing is fetched anew. A damaged snapshot is published anew.
    """
    if (entry.day, entry.synthetic) != (edition.day, edition.synthetic):
        return False
    try:
        told = manifest(store, entry)
    except Damaged:
        return False
    again = replace(edition, run=told["run"], now=datetime.fromisoformat(told["created"]))
    files = contents(entry.snapshot_id, told["parent"], again, lambda _: told.get("changes"))
    digest = hashlib.sha256(files[MANIFEST]).hexdigest()
    return digest == entry.manifest_sha256 and not verify(store, entry.city, entry.snapshot_id, digest)


def _withdrawn(store: Store, edition: Edition, base: Base) -> str | None:
    """The snapshot with the tables of an edition, whatever else is told of them, if a rollback withdrew it and holds:
    else the next run of the same night would publish it again."""
    if base.entry is None or base.entry.reason is None:
        return None
    commits = history(store, base.entry.city)
    # The name of a data file tells its content.
    paths = {path for path in contents(base.entry.snapshot_id, None, edition) if path.startswith("data/")}
    if paths == _data(store, base.entry):
        return None
    back = withdrawn(commits)
    same = (each.snapshot_id for each in commits if each.snapshot_id in back and paths == _data(store, each))
    return next(same, None)


def _data(store: Store, entry: Entry) -> set[str] | None:
    """Paths of a committed snapshot's data files; None where it is no more."""
    try:
        return {file["path"] for file in manifest(store, entry)["files"] if "table" in file}
    except Damaged:
        return None


def roll_back(store: Store, city: str, reason: str, now: datetime, snapshot_id: str | None = None) -> Entry:
    """Make an earlier snapshot current again, by a commit of its own with the ``reason``; returns it.

    Without ``snapshot_id``, the newest that is kept and was not withdrawn. Nothing is published by it that was not
    published before. Raises ``Refused`` where there is no such snapshot, ``Damaged`` where it is not whole,
    ``Conflict`` where a publisher was faster, and what the store raises.
    """
    base = repair(store, city)
    if base.entry is None:
        raise Refused(f"{city} has published nothing yet")
    if snapshot_id == base.entry.snapshot_id:
        raise Refused(f"{snapshot_id} is what {city} shows now; without an id, it goes back to the one before")
    entries, gone = history(store, city), removed(store, city)
    if snapshot_id is None:
        gone |= withdrawn(entries)
    gone.add(base.entry.snapshot_id)
    earlier = [each for each in entries if snapshot_id in (None, each.snapshot_id) and each.snapshot_id not in gone]
    if not earlier:
        which = f"snapshot {snapshot_id}" if snapshot_id else "earlier snapshot"
        raise Refused(f"{city} has no {which} to go back to: `muang snapshots list --city {city}` tells which it keeps")
    target = earlier[-1]
    if problems := verify(store, city, target.snapshot_id, target.manifest_sha256):
        remedy = f"go back to another one: `muang snapshots list --city {city}`"
        raise Damaged(prefix(city, target.snapshot_id), problems[0], remedy)
    entry = target.model_copy(
        update={
            "seq": base.seq,
            "token": uuid.uuid4().hex,
            "run": "rollback",
            "parent": base.entry.snapshot_id,
            "committed": now.astimezone(UTC),
            "reason": reason,
        }
    )
    _append(store, entry)
    point(store, entry)
    return entry


def _mark_failed(store: Store, edition: Edition, snapshot_id: str, error: BaseException) -> None:
    note = {"run": edition.run, "at": edition.now, "error": type(error).__name__, "reason": str(error)}
    with contextlib.suppress(OSError):  # the first failure matters, not that it could not be noted
        store.write(f"{prefix(edition.city.slug, snapshot_id)}/{FAILED}", json_bytes(note))


def _append(store: Store, entry: Entry) -> None:
    """Create the history entry. Raises ``Conflict`` if another publisher has that number."""
    with contextlib.suppress(Damaged):  # whatever has the number: it is not this commit
        try:
            store.create(history_key(entry.city, entry.seq), entry.encoded())
        except OSError:
            # The outcome is unknown: the acknowledgement may be lost and the entry there.
            if recorded(store, entry.city, entry.seq) is None:
                raise
        if recorded(store, entry.city, entry.seq) == entry:
            return
    raise Conflict(f"commit {entry.seq} of {entry.city} went to another publisher")
