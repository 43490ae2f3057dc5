"""A store on S3 and what speaks its language: every promise of ``assets.landing.store.Store`` by conditional puts."""

import asyncio
import contextlib
import errno
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from assets.landing.store import Fetched, StoreFailure

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
}
"""What a browser is told of an object by its suffix (https://www.iana.org/assignments/media-types): one of no known
type is offered for download, a page too."""


def _typed(key: str) -> dict[str, str]:
    known = _TYPES.get(PurePosixPath(key).suffix)
    return {"ContentType": known} if known else {}


class S3Store:
    """A bucket and prefix on S3. Every write is one whole put; nothing is read through a listing cache."""

    AT_ONCE = 32
    """Requests on their way at a time, where many objects are asked about."""

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

    def tail(self, key: str, size: int) -> bytes:
        """See ``Store.tail``."""
        with self._at(key) as name:
            whole = int(self.filesystem.info(name, refresh=True)["size"])
            data: bytes = self.filesystem.cat_file(name, start=max(0, whole - size), end=whole)
        return data

    def write(self, key: str, data: bytes) -> None:
        """See ``Store.write``."""
        with self._at(key) as name:
            self.filesystem.pipe_file(name, data, **_typed(key))

    def ensure(self, items: Mapping[str, bytes]) -> None:
        """See ``Store.ensure``. The tag of an object that was put whole is its MD5, so that most are told without
        being read (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html); many at once, as ``read_all``."""
        objects = {self._object(key): data for key, data in items.items()}
        if not objects:
            return
        with self._at(next(iter(items))):
            tags = dict(zip(objects, self._tags(list(objects)), strict=True))
            lacking = {
                name: data
                for name, data in objects.items()
                if (tag := tags[name]) is None
                or (
                    tag.strip('"') != hashlib.md5(data, usedforsecurity=False).hexdigest()
                    and self.filesystem.cat_file(name) != data
                )
            }
            if lacking:
                self.filesystem.pipe(lacking)

    def _tags(self, names: Sequence[str]) -> list[str | None]:
        """The tags of objects, None for those that are not there."""
        from fsspec.asyn import sync

        async def tags() -> list[str | None]:
            gate = asyncio.Semaphore(self.AT_ONCE)

            async def one(name: str) -> str | None:
                async with gate:
                    try:
                        return str((await self.filesystem._info(name, refresh=True))["ETag"])
                    except (FileNotFoundError, KeyError):
                        return None

            return await asyncio.gather(*map(one, names))

        found: list[str | None] = sync(self.filesystem.loop, tags)
        return found

    def create(self, key: str, data: bytes) -> bool:
        """See ``Store.create``. A conditional put whose reply is lost reports failure although it succeeded."""
        try:
            with self._at(key) as name:
                self.filesystem.pipe_file(name, data, mode="create", **_typed(key))
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
                self.filesystem.pipe_file(name, data, IfMatch=tag, **_typed(key))
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
        return list(self.stamps(prefix))

    def stamps(self, prefix: str) -> dict[str, str]:
        """See ``Store.stamps``: the tags, which a listing brings along."""
        with self._at(prefix) as name:
            base = f"{name}/"
            found = self.filesystem.find(base, refresh=True, detail=True)
        # s3fs gives the folder itself where the listing was empty when it looked first and not when it looked again.
        cut = len(self._base) + 1
        mine = sorted(each for each in found if each.startswith(base) and each != base)
        return {each[cut:]: str(found[each].get("ETag", "")) for each in mine}

    def delete(self, key: str) -> None:
        """See ``Store.delete``."""
        with contextlib.suppress(FileNotFoundError), self._at(key) as name:
            self.filesystem.rm_file(name)

    def delete_folder(self, prefix: str) -> None:
        """See ``Store.delete_folder``."""
        for key in self.list(prefix):
            self.delete(key)

    def sweep(self) -> int:
        """See ``Store.sweep``. A put that was cut short leaves nothing, but the parts of one so large that it goes in
        parts: those no listing shows, and a rule of the bucket removes them (AbortIncompleteMultipartUpload)."""
        return 0

    def wrong_modes(self) -> Iterator[tuple[Path, int]]:
        """See ``Store.wrong_modes``."""
        return iter(())

    def path(self, key: str) -> str:
        """See ``Store.path``."""
        return f"s3://{self._object(key)}"
