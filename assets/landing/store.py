"""Where bytes are kept: one interface for a local disk and for S3.

Files become visible whole. A key is a relative path with ``/``; nothing here knows what a file means. Landing, lake and
snapshots all write through a ``Store``, so ``MUANG_STORE`` moves them together.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol


class StoreFailure(OSError):
    """The store did not do what it was asked: server, network or credentials failed, not the data."""


class Damaged(Exception):
    """A stored file is not what was written. The message names the file, what is wrong, and what mends it."""

    def __init__(self, key: str, wrong: str, remedy: str) -> None:
        super().__init__(f"{key} is damaged ({wrong}): {remedy}")
        self.key, self.wrong = key, wrong


class Fetched(NamedTuple):
    """A file's bytes and the tag to swap it by; None and None where there is no such file."""

    data: bytes | None
    tag: str | None


class Store(Protocol):
    """Whole files under keys, with the two conditional writes that a commit needs.

    Every failure but a missing file is an ``OSError``, whatever library it comes from.
    """

    uri: str

    def read(self, key: str) -> bytes:
        """The bytes of ``key``, never from a cache. Raises ``FileNotFoundError``."""

    def read_all(self, keys: Sequence[str]) -> list[bytes]:
        """The bytes of every key, in their order. Raises ``FileNotFoundError`` if one is missing."""

    def tail(self, key: str, size: int) -> bytes:
        """The last ``size`` bytes of ``key``, all where it has fewer. Raises ``FileNotFoundError``."""

    def write(self, key: str, data: bytes) -> None:
        """Put ``data`` whole, replacing what was there."""

    def ensure(self, items: Mapping[str, bytes]) -> None:
        """Make every key hold exactly its bytes. What does already is left alone; the rest is written in one batch."""

    def create(self, key: str, data: bytes) -> bool:
        """Put ``data`` unless ``key`` exists; True if ``key`` now holds exactly ``data``.

        A lost acknowledgement is resolved by reading back, so ``data`` should carry a unique token.
        """

    def tag(self, key: str) -> str | None:
        """A tag that changes with the content; None if there is no such key."""

    def fetch(self, key: str) -> Fetched:
        """The bytes of ``key`` with a tag no newer than they are: a ``swap`` by it never undoes a write unseen."""

    def swap(self, key: str, data: bytes, tag: str | None) -> bool:
        """Put ``data`` if ``key`` still has ``tag`` (None: does not exist); True if it now holds ``data``."""

    def remove(self, key: str, tag: str | None) -> bool:
        """Remove ``key`` if it still has ``tag``; False if it was changed or is gone.

        S3 has no such condition on a removal that every server keeps: there a writer between question and removal is
        undone, which the lease of a city (``assets.landing.lease``) is there to prevent.
        """

    def exists(self, key: str) -> bool:
        """Whether ``key`` is there."""

    def list(self, prefix: str) -> list[str]:
        """Every key under the folder ``prefix``, sorted; empty where there is no such folder. Raises ``OSError`` where
        one cannot be looked into: it is not empty."""

    def stamps(self, prefix: str) -> dict[str, str]:
        """Every key under the folder ``prefix``, sorted, with a mark that another write of it changes."""

    def delete(self, key: str) -> None:
        """Remove ``key``; nothing happens if it is not there."""

    def delete_folder(self, prefix: str) -> None:
        """Remove every key under the folder ``prefix``; nothing happens if it is not there."""

    def sweep(self) -> int:
        """Remove what writes that were cut short left behind; returns how many files. Keys are never among them."""

    def wrong_modes(self) -> Iterator[tuple[Path, int]]:
        """Files and folders whose rights are not as they should be, with the right ones: from before they were set,
        copied by hand, or restored. On S3 rights are the bucket's."""

    def path(self, key: str) -> str:
        """``key`` as a path or URL that Polars and DuckDB open."""


LEFT_OVER_SECONDS = 3600.0
"""Age from which a staged file is left over: the largest that is taken (512 MB) is written within minutes."""


PUBLIC = "cdp"
"""The folder whose files a web server may read, whatever account it runs under. All others hold personal data, or what
nobody else needs."""


class Modes(NamedTuple):
    """Rights on a file and on the folders it lies in."""

    file: int
    folder: int


OPEN, CLOSED = Modes(0o644, 0o755), Modes(0o600, 0o700)

FOLDERS = (PUBLIC, "landing", "lake", "memory", "work", "damaged", "format-0", ".staging")
"""Folders that a store may have. A root may hold others, which are not Muang's to open or to close."""


class LocalStore:
    """A folder on a local disk. Writes are temp file, fsync, rename, fsync of the folder.

    What is under ``PUBLIC`` everybody may read, all else its owner only, whatever the process's umask. The root itself
    keeps the rights that it has: whose it is decides who gets as far as ``PUBLIC``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.uri = str(self.root)

    def _file(self, key: str) -> Path:
        parts = PurePosixPath(key)
        if parts.is_absolute() or ".." in parts.parts:
            raise ValueError(f"not a key: {key!r}")
        return self.root / parts

    def _modes(self, path: Path) -> Modes:
        return OPEN if path.relative_to(self.root).parts[:1] == (PUBLIC,) else CLOSED

    def read(self, key: str) -> bytes:
        """See ``Store.read``."""
        return self._file(key).read_bytes()

    def read_all(self, keys: Sequence[str]) -> list[bytes]:
        """See ``Store.read_all``."""
        return [self.read(key) for key in keys]

    def tail(self, key: str, size: int) -> bytes:
        """See ``Store.tail``."""
        with self._file(key).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size))
            return file.read()

    @contextlib.contextmanager
    def _staged(self, key: str, data: bytes) -> Iterator[tuple[str, Path]]:
        file = self._file(key)
        self._make_folder(file.parent)
        temporary = self._stage(data, self._modes(file).file)
        try:
            yield temporary, file
            _sync_folder(file.parent)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def _stage(self, data: bytes, mode: int = CLOSED.file) -> str:
        """A file with ``data`` and its final rights, synced. It lies in the same file system but outside every data
        folder: engines read all they find."""
        handle, temporary = tempfile.mkstemp(dir=self._staging())
        try:
            with os.fdopen(handle, "wb") as out:
                os.fchmod(handle, mode)
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return temporary

    def write(self, key: str, data: bytes) -> None:
        """See ``Store.write``."""
        with self._staged(key, data) as (temporary, file):
            Path(temporary).replace(file)

    def ensure(self, items: Mapping[str, bytes]) -> None:
        """See ``Store.ensure``. Every file is synced, every folder once."""
        folders = set()
        for key, data in items.items():
            file = self._file(key)
            if file.is_file() and file.stat().st_size == len(data) and file.read_bytes() == data:
                continue
            self._make_folder(file.parent)
            Path(self._stage(data, self._modes(file).file)).replace(file)
            folders.add(file.parent)
        for folder in folders:
            _sync_folder(folder)

    def create(self, key: str, data: bytes) -> bool:
        """See ``Store.create``. A hard link refuses an existing name, which rename does not."""
        with self._staged(key, data) as (temporary, file):
            try:
                os.link(temporary, file)
            except FileExistsError:
                return file.read_bytes() == data
        return True

    def tag(self, key: str) -> str | None:
        """See ``Store.tag``."""
        try:
            return hashlib.sha256(self.read(key)).hexdigest()
        except FileNotFoundError:
            return None

    def fetch(self, key: str) -> Fetched:
        """See ``Store.fetch``."""
        try:
            data = self.read(key)
        except FileNotFoundError:
            return Fetched(None, None)
        return Fetched(data, hashlib.sha256(data).hexdigest())

    @contextlib.contextmanager
    def _if(self, key: str, tag: str | None) -> Iterator[bool]:
        """Whether ``key`` has ``tag``, while an advisory lock in the staging folder keeps other writers out. Keys share
        256 locks, which stay: a lock file that is removed while another waits for it locks nobody out."""
        lock = self._staging() / f"{hashlib.sha256(key.encode()).hexdigest()[:2]}.lock"
        with os.fdopen(os.open(lock, os.O_WRONLY | os.O_CREAT, CLOSED.file), "w") as held:
            os.fchmod(held.fileno(), CLOSED.file)
            fcntl.flock(held, fcntl.LOCK_EX)
            yield self.tag(key) == tag

    def swap(self, key: str, data: bytes, tag: str | None) -> bool:
        """See ``Store.swap``."""
        with self._if(key, tag) as same:
            if same:
                self.write(key, data)
            return same

    def remove(self, key: str, tag: str | None) -> bool:
        """See ``Store.remove``."""
        with self._if(key, tag) as same:
            if same:
                self.delete(key)
            return same and tag is not None

    def exists(self, key: str) -> bool:
        """See ``Store.exists``."""
        return self._file(key).is_file()

    def list(self, prefix: str) -> list[str]:
        """See ``Store.list``."""
        cut, found = len(self.uri) + 1, os.walk(self._file(prefix), onerror=_unless_absent)
        return sorted(f"{base}/{name}"[cut:] for base, _, names in found for name in names)

    def stamps(self, prefix: str) -> dict[str, str]:
        """See ``Store.stamps``. A write makes a new file: another inode, another time."""
        stats = {key: self._file(key).stat() for key in self.list(prefix)}
        return {key: f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}" for key, stat in stats.items()}

    def delete(self, key: str) -> None:
        """See ``Store.delete``. The folder is synced: rows that were taken back would be there again after a power
        loss, and the ledger would know nothing of them."""
        with contextlib.suppress(FileNotFoundError):
            self._file(key).unlink()
            _sync_folder(self._file(key).parent)

    def delete_folder(self, prefix: str) -> None:
        """See ``Store.delete_folder``. The folders go too: an empty one costs an inode."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._file(prefix))
            _sync_folder(self._file(prefix).parent)

    def sweep(self) -> int:
        """See ``Store.sweep``. Lock files stay, as do staged files that another process may still be writing."""
        before, swept = time.time() - LEFT_OVER_SECONDS, 0
        for staged in (self.root / ".staging").glob(f"{tempfile.gettempprefix()}*"):
            with contextlib.suppress(OSError):  # its writer is done with it; what cannot be removed stops no night
                if staged.stat().st_mtime < before:
                    staged.unlink()
                    swept += 1
        return swept

    def path(self, key: str) -> str:
        """See ``Store.path``."""
        return str(self._file(key))

    def wrong_modes(self) -> Iterator[tuple[Path, int]]:
        """See ``Store.wrong_modes``. What is no folder of a store is the operator's own; links are left alone."""
        for name in FOLDERS:
            modes = self._modes(self.root / name)
            for folder, _, files in os.walk(self.root / name):
                for path, right in ((folder, modes.folder), *((f"{folder}/{file}", modes.file) for file in files)):
                    with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                        seen = os.lstat(path).st_mode
                        if not stat.S_ISLNK(seen) and seen & 0o777 != right:
                            yield Path(path), right

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, each synced into the one it lies in: a file is no safer than its folder."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        inside = folder != self.root and folder.is_relative_to(self.root)
        with contextlib.suppress(FileExistsError):  # another was faster
            folder.mkdir(CLOSED.folder if inside else 0o777)
            if inside:
                folder.chmod(self._modes(folder).folder)
        _sync_folder(folder.parent)

    def _staging(self) -> Path:
        folder = self.root / ".staging"
        if not folder.is_dir():  # not synced: nothing in it outlasts a power loss
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(CLOSED.folder)
        return folder


CONDITIONS = "use a server that honours If-None-Match and If-Match; two writers would overwrite each other"
"""What to do about a store that does not."""


def honours_conditions(store: Store, key: str) -> bool:
    """Whether the store refuses to create a file that is there, and to swap it by a stale tag: what all that several
    writers are promised rests on. Servers that do not take such a write and report success, or answer 501. ``key`` is a
    file of no use to anybody, which may be there."""
    store.write(key, b"1")
    stale = store.tag(key)
    try:
        refused = not store.create(key, b"2")
        swapped = store.swap(key, b"3", stale)
        return refused and swapped and not store.swap(key, b"4", stale)
    except OSError as error:
        if error.errno == errno.ENOSYS:  # what s3fs makes of 501
            return False
        raise


def mend_modes(store: Store) -> int:
    """Give the files and folders of a store the rights that they should have; returns how many had others. Those of
    another owner are left: nothing here may change them."""
    mended = 0
    for path, right in store.wrong_modes():
        with contextlib.suppress(FileNotFoundError, PermissionError):
            path.chmod(right)
            mended += 1
    return mended


def _unless_absent(error: OSError) -> None:
    """``os.walk`` would pass over any folder that it cannot look into: a table without rights would be an empty one."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_store(uri: str) -> Store:
    """The store that ``uri`` names: ``s3://bucket/prefix`` or a folder. Opens no connection."""
    if uri.startswith("s3://"):
        from assets.landing.s3 import S3Store

        return S3Store(uri, endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
    return LocalStore(Path(uri))
