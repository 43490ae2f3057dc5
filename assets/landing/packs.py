"""Packs: the small objects of closed months, many to a ZIP, so that years of nights are not millions of files.

landing/packs/city=<slug>/<YYYY-MM>.<n>.zip       members are named by their sha256
"""

import hashlib
import io
import zipfile
from collections.abc import Collection, Iterator, Sequence

from assets.landing.store import Damaged, Store

SMALL = 1024**2
"""Bytes of an object that is packed. Larger ones are few: they cost space, which a pack does not save, not inodes."""
FULL = 64 * 1024**2
"""Bytes of objects after which another pack begins: a pack is read whole, into memory, for any one of them."""

_UNREADABLE = (zipfile.BadZipFile, EOFError, KeyError, ValueError, NotImplementedError, RuntimeError)
"""What zipfile raises on a damaged file."""


def object_key(sha256: str) -> str:
    """Where the bytes with this digest lie loose."""
    return f"landing/objects/{sha256[:2]}/{sha256}"


class Packs:
    """Objects in packs. Keeps one pack in memory: whoever reads a month reads it in a row."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._names: dict[str, frozenset[str]] = {}
        self._open: tuple[str, zipfile.ZipFile] | None = None

    def read(self, sha256: str, city: str) -> bytes | None:
        """The bytes with this digest, None where no pack has them whole. Those of the city are looked through first."""
        return self._find(sha256, self._keys(city))

    def _keys(self, city: str) -> list[str]:
        mine = f"landing/packs/city={city}/"
        return sorted(self.store.list("landing/packs"), key=lambda key: (not key.startswith(mine), key))

    def _find(self, sha256: str, keys: Sequence[str]) -> bytes | None:
        for key in keys:
            try:
                if sha256 in self._members(key):
                    data = self._pack(key).read(sha256)
                    if hashlib.sha256(data).hexdigest() == sha256:
                        return data
            except _UNREADABLE:
                continue
        return None

    def add(self, city: str, month: str, digests: Sequence[str]) -> None:
        """Move loose objects into packs of a month: written, read back and compared, then deleted where they lay.
        Raises ``Damaged`` for one whose bytes no longer have their digest, before anything of its pack is deleted."""
        keys = self._keys(city)
        lacking = [digest for digest in digests if self._find(digest, keys) is None]
        for objects in self._filled(lacking):
            self._write(f"landing/packs/city={city}/{month}", objects)
        keys = self._keys(city)
        for digest in digests:
            if self._find(digest, keys) is not None:
                self.store.delete(object_key(digest))

    def remove(self, digests: Collection[str]) -> None:
        """Take objects out of all packs: the rest of a pack is written anew before it goes."""
        for key in self.store.list("landing/packs") if digests else ():
            members = self._members(key)
            if members.isdisjoint(digests):
                continue
            stay = sorted(members - set(digests))
            if stay:
                self._write(key.rsplit(".", 2)[0], [(digest, self._pack(key).read(digest)) for digest in stay])
            self.store.delete(key)
            del self._names[key]
            self._open = None

    def _write(self, month: str, objects: Sequence[tuple[str, bytes]]) -> None:
        """A further pack of a city's month."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
            for digest, data in objects:
                # Without the time of day, the same objects give the same bytes.
                pack.writestr(zipfile.ZipInfo(digest), data, zipfile.ZIP_DEFLATED)
        number = 1
        while not self.store.create(f"{month}.{number}.zip", out.getvalue()):
            number += 1

    def _filled(self, digests: Sequence[str]) -> Iterator[list[tuple[str, bytes]]]:
        objects: list[tuple[str, bytes]] = []
        size = 0
        for digest in digests:
            data = self.store.read(object_key(digest))
            if hashlib.sha256(data).hexdigest() != digest:
                remedy = "deliver the same file again, or restore the object from a backup"
                raise Damaged(object_key(digest), "its bytes no longer have their digest", remedy)
            objects.append((digest, data))
            size += len(data)
            if size > FULL:
                yield objects
                objects, size = [], 0
        if objects:
            yield objects

    def _members(self, key: str) -> frozenset[str]:
        if key not in self._names:
            self._names[key] = frozenset(self._pack(key).namelist())
        return self._names[key]

    def _pack(self, key: str) -> zipfile.ZipFile:
        if self._open is None or self._open[0] != key:
            self._open = key, zipfile.ZipFile(io.BytesIO(self.store.read(key)))
        return self._open[1]
