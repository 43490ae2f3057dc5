"""What goes wrong in a process: told at each durable step of its store, or each read, and done at the n-th."""

import contextlib
import errno
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from assets.cities.registry import SourceEntry
from assets.lake import ledger
from assets.lake.feeds import source_of
from assets.landing.s3 import S3Store
from assets.landing.store import LocalStore, StoreFailure
from assets.sources.source import Context, ReadResult, Source
from tests.trials.night import Place

Hook = Callable[[str, str], None]
"""Told the kind of a step and what it is done to, before it is done (on S3 also when it is)."""

S3_WRITES = {"put_object", "delete_object", "delete_objects", "copy_object", "create_multipart_upload", "upload_part"}


@contextlib.contextmanager
def at_each_step(place: Place, hook: Hook) -> Iterator[None]:
    """Call ``hook`` at every step of this process that changes what the place's store holds.

    Locally: fsync, link, rename, unlink and the making and removing of folders. On S3 the requests that write, before
    they are sent and after their answer came.
    """
    with contextlib.ExitStack() as stack:
        if place.endpoint:
            import s3fs

            stack.enter_context(patch.object(s3fs.S3FileSystem, "_call_s3", _requests(hook)))
        else:
            for name, path_of in _STEPS.items():
                stack.enter_context(patch.object(os, name, _step(place.uri, name, path_of, hook)))
        yield


_STEPS: Mapping[str, Callable[..., Any]] = {
    "fsync": lambda handle: Path(f"/proc/self/fd/{handle}").readlink(),
    "link": lambda source, target, **_: target,
    "replace": lambda source, target, **_: target,
    "unlink": lambda path, **_: path,
    "mkdir": lambda path, *_, **__: path,
    "rmdir": lambda path, **_: path,
}


def _step(root: str, name: str, path_of: Callable[..., Any], hook: Hook) -> Callable[..., Any]:
    real = getattr(os, name)

    def call(*arguments: Any, **more: Any) -> Any:
        path = os.fspath(path_of(*arguments, **more))
        if path.startswith(root) or more.get("dir_fd") is not None:
            hook(name, path.removeprefix(root))
        return real(*arguments, **more)

    return call


def _requests(hook: Hook) -> Callable[..., Any]:
    import s3fs

    real = s3fs.S3FileSystem._call_s3

    async def call(self: Any, method: str, *arguments: Any, **more: Any) -> Any:
        if method not in S3_WRITES:
            return await real(self, method, *arguments, **more)
        hook(f"before {method}", str(more.get("Key")))
        answer = await real(self, method, *arguments, **more)
        hook(f"after {method}", str(more.get("Key")))
        return answer

    return call


class Counted:
    """Counts steps; ``act`` is called at the n-th, and at all after it where ``on`` is set."""

    def __init__(self, n: int = 0, act: Callable[[], Any] = lambda: None, on: bool = False) -> None:
        self.n, self.act, self.on, self.steps = n, act, on, 0

    def __call__(self, *_: str) -> None:
        self.steps += 1
        if self.n and (self.steps == self.n or (self.on and self.steps > self.n)):
            self.act()


def die() -> None:
    """End this process as the power does."""
    os.kill(os.getpid(), signal.SIGKILL)


class Stopped(BaseException):
    """The end of a night in a process that lives on: no ``except`` of the product catches it."""


def stop() -> None:
    """End the night. Called at every step from some on, nothing that is done to tidy up reaches the store either, so it
    is left as by a kill."""
    raise Stopped


def disk_full() -> None:
    """What the store says when nothing fits any more."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def away() -> None:
    """What a store says that cannot be reached, or answers 503."""
    raise StoreFailure(errno.EIO, "SlowDown: 503 Service Unavailable")


@contextlib.contextmanager
def at_each_request(hook: Hook) -> Iterator[None]:
    """Call ``hook`` at everything that this process asks of a store, reading included."""

    def asked(real: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
        def call(self: Any, key: str) -> Any:
            hook("ask", key)
            return real(self, key)

        return call

    local, s3 = asked(LocalStore._file), asked(S3Store._object)
    with patch.object(LocalStore, "_file", local), patch.object(S3Store, "_object", s3):
        yield


@contextlib.contextmanager
def cut_short(n: int) -> Iterator[None]:
    """Of the n-th file that this process reads only the first half arrives."""
    counted = Counted()

    def half(real: Callable[[Any, str], bytes]) -> Callable[[Any, str], bytes]:
        def read(self: Any, key: str) -> bytes:
            data = real(self, key)
            counted()
            return data[: len(data) // 2] if counted.steps == n else data

        return read

    with patch.object(LocalStore, "read", half(LocalStore.read)), patch.object(S3Store, "read", half(S3Store.read)):
        yield


@contextlib.contextmanager
def no_memory(n: int) -> Iterator[None]:
    """The n-th reading of a delivery in this process finds no memory."""
    counted = Counted()

    def source(entry: SourceEntry) -> Source[Any]:
        found = source_of(entry)

        def reader(data: bytes, context: Context[Any]) -> ReadResult:
            counted()
            if counted.steps == n:
                raise MemoryError
            return found.reader(data, context)

        return replace(found, reader=reader)

    with patch.object(ledger, "source_of", source):
        yield


def flip(data: bytes, chance: Random, since: int = 0) -> bytes:
    """``data`` with one bit changed, at or after a place."""
    changed = bytearray(data)
    changed[chance.randrange(since, len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)
