"""Where bytes are kept: one interface for a local disk and for S3.

Files become visible whole. A key is a relative path with ``/``; nothing here knows what a file means. Landing, lake and
snapshots all write through a ``Store``, so ``MUANG_STORE`` moves them together.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Protocol


class StoreFailure(OSError):
    """The store did not do what it was asked: server, network or credentials failed, not the data."""


class Damaged(Exception):
    """A stored file is not what was written. The message names the file, what is wrong, and what mends it."""

    def __init__(self, key: str, wrong: str, remedy: str) -> None:
        super().__init__(f"{key} is damaged ({wrong}): {remedy}")
        self.key = key


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

    def write(self, key: str, data: bytes) -> None:
        """Put ``data`` whole, replacing what was there."""

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
        """Every key under the folder ``prefix``, sorted; empty where there is no such folder."""

    def delete(self, key: str) -> None:
        """Remove ``key``; nothing happens if it is not there."""

    def path(self, key: str) -> str:
        """``key`` as a path or URL that Polars and DuckDB open."""


class LocalStore:
    """A folder on a local disk. Writes are temp file, fsync, rename, fsync of the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.uri = str(self.root)

    def _file(self, key: str) -> Path:
        parts = PurePosixPath(key)
        if parts.is_absolute() or ".." in parts.parts:
            raise ValueError(f"not a key: {key!r}")
        return self.root / parts

    def read(self, key: str) -> bytes:
        """See ``Store.read``."""
        return self._file(key).read_bytes()

    def read_all(self, keys: Sequence[str]) -> list[bytes]:
        """See ``Store.read_all``."""
        return [self.read(key) for key in keys]

    @contextlib.contextmanager
    def _staged(self, key: str, data: bytes) -> Iterator[tuple[str, Path]]:
        file = self._file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        # The staging folder lies in the same file system but outside every data folder: engines read all they find.
        staging = self.root / ".staging"
        staging.mkdir(exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=staging)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            yield temporary, file
            folder = os.open(file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def write(self, key: str, data: bytes) -> None:
        """See ``Store.write``."""
        with self._staged(key, data) as (temporary, file):
            Path(temporary).replace(file)

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
        (self.root / ".staging").mkdir(parents=True, exist_ok=True)
        lock = self.root / ".staging" / f"{hashlib.sha256(key.encode()).hexdigest()[:2]}.lock"
        with lock.open("w") as held:
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
        cut = len(self.uri) + 1
        return sorted(f"{base}/{name}"[cut:] for base, _, names in os.walk(self._file(prefix)) for name in names)

    def delete(self, key: str) -> None:
        """See ``Store.delete``."""
        self._file(key).unlink(missing_ok=True)

    def path(self, key: str) -> str:
        """See ``Store.path``."""
        return str(self._file(key))


class S3Store:
    """A bucket and prefix on S3. Every write is one whole put; nothing is read through a listing cache."""

    def __init__(self, url: str, **options: Any) -> None:
        import s3fs  # a second of imports that a local store does not need

        self.uri = url.rstrip("/")
        self._base = self.uri.removeprefix("s3://")
        self.filesystem = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True, **options)

    def _object(self, key: str) -> str:
        parts = PurePosixPath(key)
        if parts.is_absolute() or ".." in parts.parts:
            raise ValueError(f"not a key: {key!r}")
        return f"{self._base}/{key}"

    @contextlib.contextmanager
    def _at(self, key: str) -> Iterator[str]:
        """The object's name; what botocore and aiohttp raise, which has no ancestor in common, becomes one class."""
        name = self._object(key)
        try:
            yield name
        except OSError:
            raise
        except Exception as error:
            raise StoreFailure(errno.EIO, f"{type(error).__name__}: {error}", key) from error

    def read(self, key: str) -> bytes:
        """See ``Store.read``."""
        with self._at(key) as name:
            data: bytes = self.filesystem.cat_file(name)
        return data

    def read_all(self, keys: Sequence[str]) -> list[bytes]:
        """See ``Store.read_all``. Many at once: one after the other, each would wait for the server's answer."""
        if not keys:
            return []
        objects = [self._object(key) for key in keys]
        with self._at(keys[0]):
            found: dict[str, bytes] = self.filesystem.cat(objects)
        return [found[each] for each in objects]

    def write(self, key: str, data: bytes) -> None:
        """See ``Store.write``."""
        with self._at(key) as name:
            self.filesystem.pipe_file(name, data)

    def create(self, key: str, data: bytes) -> bool:
        """See ``Store.create``. A conditional put whose reply is lost reports failure although it succeeded."""
        try:
            with self._at(key) as name:
                self.filesystem.pipe_file(name, data, mode="create")
        except OSError:
            if not self.exists(key):
                raise  # a failure of the server is not another writer
            return self.read(key) == data
        return True

    def tag(self, key: str) -> str | None:
        """See ``Store.tag``."""
        try:
            with self._at(key) as name:
                found = self.filesystem.info(name, refresh=True)
        except FileNotFoundError:
            return None
        return str(found["ETag"]) if found["type"] == "file" else None

    def fetch(self, key: str) -> Fetched:
        """See ``Store.fetch``."""
        tag = self.tag(key)
        try:
            return Fetched(self.read(key), tag) if tag else Fetched(None, None)
        except FileNotFoundError:
            return Fetched(None, None)

    def swap(self, key: str, data: bytes, tag: str | None) -> bool:
        """See ``Store.swap``: ``If-Match``, or ``If-None-Match`` for the first."""
        if tag is None:
            return self.create(key, data)
        try:
            with self._at(key) as name:
                self.filesystem.pipe_file(name, data, IfMatch=tag)
        except OSError as error:
            # 409 is EBUSY: another writer is at it. Any other failure with the old tag still there is the server's.
            if self.tag(key) == tag and error.errno != errno.EBUSY:
                raise
            return self.exists(key) and self.read(key) == data
        return True

    def remove(self, key: str, tag: str | None) -> bool:
        """See ``Store.remove``."""
        if tag is None or self.tag(key) != tag:
            return False
        self.delete(key)
        return True

    def exists(self, key: str) -> bool:
        """See ``Store.exists``."""
        return self.tag(key) is not None

    def list(self, prefix: str) -> list[str]:
        """See ``Store.list``."""
        with self._at(prefix) as name:
            base = f"{name}/"
            found = self.filesystem.find(base, refresh=True)
        # s3fs gives the folder itself where the listing was empty when it looked first and not when it looked again.
        cut = len(self._base) + 1
        return sorted(each[cut:] for each in found if each.startswith(base) and each != base)

    def delete(self, key: str) -> None:
        """See ``Store.delete``."""
        with contextlib.suppress(FileNotFoundError), self._at(key) as name:
            self.filesystem.rm_file(name)

    def path(self, key: str) -> str:
        """See ``Store.path``."""
        return f"s3://{self._object(key)}"


def open_store(uri: str) -> Store:
    """The store that ``uri`` names: ``s3://bucket/prefix`` or a folder. Opens no connection."""
    if uri.startswith("s3://"):
        return S3Store(uri, endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
    return LocalStore(Path(uri))
