"""Inboxes: files that people or transfer jobs put under ``<inbox>/<city>/<source>/``.

Files are read, never moved or changed: whose they are is the sender's business. A file that is still being written is
left for the next night: one under a temporary name (``.part``, ``.tmp``, …) without a word, any other with a receipt
that says so. Names starting with a dot are no deliveries, nor is what lies in folders starting with ``_``, which are
for the answers to the sender.
"""

import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

from assets.landing.archive import Archive, Arrival, Delivery, Receipt
from assets.landing.unpack import is_sidecar

MAX_BYTES = 512 * 1024 * 1024
"""Largest file taken; a month of 15-minute data of 100,000 meters as NEM12 is about 2 GB and comes in parts."""

UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")

QUIET_SECONDS = 60.0
"""A file that was last written so long ago needs no second look: its transfer is over, or has failed."""
LOOK_AGAIN_SECONDS = 2.0
"""Between two looks at younger files, one pause for all of them. A copy at 100 kB/s in blocks of 128 kB shows growth
within it, also where a file system keeps whole seconds."""

TOGETHER_SECONDS = 2.0
"""Times nearer than this tell no order: FAT keeps every other second, and files copied together come as a folder
lists them."""

BATCH_FILES = 1000
BATCH_BYTES = 64 * 1024 * 1024
"""Landed together at most: each batch is one write of the day's receipts, and is held in memory."""


class _Entry(NamedTuple):
    """Something that lies in an inbox: its path, and its size and times, or why they cannot be told."""

    path: Path
    seen: os.stat_result | OSError


class _NotTaken(Exception):
    """Why something is left where it lies: a problem code and a reason."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def files(inbox: Path, city: str, source: str) -> Iterator[Path]:
    """Files of a source, in order of their names, in subfolders too; links are not followed."""
    for path, seen in _entries(inbox / city / source):
        if isinstance(seen, os.stat_result) and stat.S_ISREG(seen.st_mode):
            yield path


def land_inbox(
    archive: Archive, inbox: Path, delivery: Delivery, sleep: Callable[[float], object] = time.sleep
) -> list[Receipt]:
    """Land every file of a source's inbox, in the order in which they were delivered (see ``_in_order``). What is not
    taken (still growing, no regular file, unreadable, past ``MAX_BYTES``) is a receipt with the outcome ``left``; of a
    link to another of the files nothing is said.
    Raises what ``Archive.land_many`` raises."""
    folder = inbox / delivery.city / delivery.source
    entries = _in_order(list(_entries(folder)))
    growing = _growing(entries, sleep)
    receipts: list[Receipt] = []
    batch: list[Arrival] = []
    size = 0
    for entry in entries:
        arrival = _arrival(folder, delivery, entry, growing)
        if arrival is None:
            continue
        batch.append(arrival)
        size += len(arrival.data or b"")
        if len(batch) == BATCH_FILES or size > BATCH_BYTES:
            receipts += archive.land_many(delivery, batch)
            batch, size = [], 0
    return receipts + (archive.land_many(delivery, batch) if batch else [])


def waiting(inbox: Path, city: str, source: str, receipts: Iterable[Receipt]) -> int:
    """How many files of a source came, or were written, after all its ``receipts`` of their name."""
    folder, looked = inbox / city / source, dict[str, float]()
    for receipt in receipts:
        looked[receipt.name] = max(receipt.first_seen.timestamp(), looked.get(receipt.name, 0))
    files = (entry for entry in _entries(folder) if not stat.S_ISLNK(getattr(entry.seen, "st_mode", stat.S_IFLNK)))
    return sum(_modified(entry) > looked.get(_name(entry.path, folder), 0) for entry in files)


def untaken(inbox: Path, known: Collection[str], city: str = "") -> list[str]:
    """What lies in an inbox, or in the folder of a ``city`` in it, where nothing takes it, in words: files of folders
    that are not among the ``known`` cities or inbox sources, and files beside the folders. Their names may be personal,
    and are not told; those of folders are if they are plain words."""
    found, loose = list[str](), 0
    try:
        with os.scandir(inbox / city) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError:
        return []  # nothing came; of what cannot be read its sources tell
    for entry in entries:
        if entry.name in known or entry.name.startswith("_") or _is_passed_over(entry.name):
            continue
        if not entry.is_dir(follow_symlinks=False):
            loose += 1
        elif files := sum(1 for _ in _entries(inbox / city / entry.name)):
            called = f"'{entry.name}'" if _PLAIN.fullmatch(entry.name) else "a folder"
            found.append(f"{files} file(s) in {called}, which is no {f'inbox source of {city}' if city else 'city'}")
    beside = f"the sources of {city}" if city else "cities"
    return [*found, *([f"{loose} file(s) beside the folders of {beside}"] if loose else [])]


PLACES = "an inbox has folders <city>/<source>; what is for nobody has a name that begins with _ or a dot"
"""What to do about files that nothing takes."""

_PLAIN = re.compile(r"(?!.*\d{5})[A-Za-z0-9._ -]{1,40}")
"""A folder's name that is no account or meter."""


def answer(inbox: Path, delivery: Delivery, name: str, told: bytes) -> None:
    """Lay what came of a file before its sender, as ``_answers/<name>.json`` beside it, where that folder is there.

    Nothing else in an inbox is ever written. Raises ``OSError``.
    """
    folder = inbox / delivery.city / delivery.source / ANSWERS
    target = folder / f"{name}.json"
    if not folder.is_dir() or ".." in Path(name).parts:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    written = target.with_name(f".{target.name}.part")
    written.write_bytes(told)
    written.replace(target)


ANSWERS = "_answers"
"""Folder of a source's inbox for the answers to its sender; whoever wants them makes it."""


def _is_passed_over(name: str) -> bool:
    """Whether nothing is said of a file or folder of this name."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED) or is_sidecar(name)


def _entries(folder: Path) -> Iterator[_Entry]:
    try:
        with os.scandir(folder) as scanned:
            found = sorted(scanned, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        yield _Entry(folder, error)
        return
    for entry in found:
        if _is_passed_over(entry.name):
            continue
        path = folder / entry.name
        try:
            if not entry.is_dir(follow_symlinks=False):
                yield _Entry(path, entry.stat(follow_symlinks=False))
            elif not entry.name.startswith("_"):
                yield from _entries(path)
        except FileNotFoundError:
            continue  # taken away meanwhile
        except OSError as error:
            yield _Entry(path, error)


def _in_order(entries: Sequence[_Entry]) -> list[_Entry]:
    """The order in which files were delivered, which decides between two that tell one reading differently: by the
    time that they were last written, those written together by their names as people count them (``v2`` before
    ``v10``, ``may`` before ``may (2)`` and ``may_corrected``)."""
    timed = sorted(((_modified(entry), entry) for entry in entries), key=lambda each: each[0])
    transfers = accumulate(
        (after - before > TOGETHER_SECONDS for (before, _), (after, _) in pairwise(timed)), initial=0
    )
    placed = [(transfer, _counted(entry.path), entry) for transfer, (_, entry) in zip(transfers, timed, strict=False)]
    return [entry for *_, entry in sorted(placed, key=lambda each: each[:2])]


def _modified(entry: _Entry) -> float:
    return entry.seen.st_mtime if isinstance(entry.seen, os.stat_result) else 0.0


def _counted(path: Path) -> tuple[list[tuple[str, int]], ...]:
    """A path as people order them: numbers by their size, a name before the same name with something behind it."""
    return tuple(
        [(text, int(number or 0)) for text, number in re.findall(r"(\D*)(\d*)", part.casefold())]
        for part in (*path.parent.parts, path.stem, path.suffix)
    )


def _growing(entries: Sequence[_Entry], sleep: Callable[[float], object]) -> Collection[Path]:
    """Files that another look finds changed. Those written long ago need none; a time that lies ahead says nothing."""
    quiet = time.time() - QUIET_SECONDS
    young = [(path, seen) for path, seen in entries if isinstance(seen, os.stat_result) and seen.st_mtime > quiet]
    if not young:
        return ()
    sleep(LOOK_AGAIN_SECONDS)
    return {path for path, seen in young if not _same(path, seen)}


def _same(path: Path, seen: os.stat_result) -> bool:
    try:
        return _written(path.lstat()) == _written(seen)
    except OSError:
        return True  # reading it will tell


def _written(seen: os.stat_result) -> tuple[int, int]:
    return seen.st_size, seen.st_mtime_ns


def _arrival(folder: Path, delivery: Delivery, entry: _Entry, growing: Collection[Path]) -> Arrival | None:
    """What is landed of an entry; None if it is no longer there, or a link to another."""
    name = _name(entry.path, folder)
    origin = f"inbox/{delivery.city}/{delivery.source}/{name}"
    try:
        if _is_another(entry, folder):
            return None
        data = _content(entry, growing)
    except FileNotFoundError:
        return None
    except _NotTaken as why:
        return Arrival(name, origin, None, "left", {"code": why.code, "reason": str(why)})
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        return Arrival(name, origin, None, "left", {"code": "file-unreadable", "reason": reason})
    return Arrival(name, origin, data, facts={} if data else {"code": "file-empty", "reason": "0 bytes"})


def _name(path: Path, folder: Path) -> str:
    """What a file of a source is called. A name in a legacy Thai encoding is no UTF-8: its bytes are spelt out, as text
    they could not be stored."""
    return os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace")


def _is_another(entry: _Entry, folder: Path) -> bool:
    """Whether an entry is a link to a file of the same source, as ``latest.csv`` may be, which is taken itself."""
    if not (isinstance(entry.seen, os.stat_result) and stat.S_ISLNK(entry.seen.st_mode)):
        return False
    target, root = Path(os.path.realpath(entry.path)), Path(os.path.realpath(folder))
    if not (target.is_file() and target.is_relative_to(root)):
        return False
    *above, name = target.relative_to(root).parts
    return not _is_passed_over(name) and not any(part.startswith("_") or _is_passed_over(part) for part in above)


def _content(entry: _Entry, growing: Collection[Path]) -> bytes:
    """The bytes of a file that is whole. Raises ``_NotTaken`` and ``OSError``."""
    path, seen = entry
    if isinstance(seen, OSError):
        raise seen
    if not stat.S_ISREG(seen.st_mode):
        kind = next((name for mode, name in _KINDS.items() if stat.S_IFMT(seen.st_mode) == mode), "a device")
        raise _NotTaken("file-not-regular", f"{kind}, which is never opened: put the file itself")
    if path in growing:
        raise _NotTaken("file-growing", "it is still being written; it is taken when it no longer changes")
    if seen.st_size > MAX_BYTES:
        raise _NotTaken("archive-limit", f"larger than {MAX_BYTES} bytes")
    # Not to be led elsewhere, nor held up, by what has been put in its place since.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        data = file.read(MAX_BYTES + 1)
        if _written(os.fstat(file.fileno())) != _written(seen) or len(data) != seen.st_size:
            raise _NotTaken("file-growing", "it was written while it was read; it is taken when it no longer changes")
    return data


_KINDS = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
