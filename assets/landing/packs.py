"""Packs: small objects of past days, many to a ZIP, so that years of nights are not millions of files.

landing/packs/city=<slug>/<YYYY-MM-DD>.<n>.zip    members are named by their sha256
landing/packs/city=<slug>/<YYYY-MM>.<n>.zip       those of a closed month's days
"""

import hashlib
import io
import zipfile
from collections.abc import Collection, Iterable, Iterator
from datetime import date

from assets.landing.store import Damaged, Store
from assets.landing.unpack import BROKEN

SMALL = 1024**2
"""Bytes of an object that is packed. Larger ones are few: they cost space, which a pack does not save, not inodes."""
FULL = 64 * 1024**2
"""Bytes of objects after which another pack begins: a pack is read whole, into memory, for any one of them."""

DIRECTORY = 64 * 1024
"""Bytes at the end of a pack in which its directory is looked for: about 600 members at 110 bytes each."""


def object_key(sha256: str) -> str:
    """Where the bytes with this digest lie loose."""
    return f"landing/objects/{sha256[:2]}/{sha256}"


def set_aside(store: Store, key: str, data: bytes) -> str:
    """Keep a damaged file of landing under ``landing/damaged/``; returns its key there."""
    aside = f"landing/damaged/{key.removeprefix('landing/')}.{hashlib.sha256(data).hexdigest()[:8]}"
    store.write(aside, data)
    return aside


class Packs:
    """Objects in packs. Keeps one pack in memory: whoever reads a month reads it in a row."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._names: dict[str, frozenset[str]] = {}
        self._open: tuple[str, zipfile.ZipFile] | None = None

    def read(self, sha256: str, city: str) -> bytes | None:
        """The bytes with this digest, None where no pack has them. Those of the city are looked through first, the
        newest first: what is read again is seldom old."""
        mine = self._keys(city)
        return self._find(sha256, [*reversed(mine), *sorted(set(self.store.list("landing/packs")).difference(mine))])

    def members(self, city: str) -> frozenset[str]:
        """Digests of what the city's packs hold. Those that cannot be read hold nothing."""
        return frozenset().union(*map(self._members, self._keys(city)))

    def salvage(self, city: str) -> list[str]:
        """Move packs that are not whole to ``landing/damaged/`` and keep what can be read of them in further ones. A
        sentence each says what was lost."""
        told = []
        for key in self.broken(city):
            data = self.store.read(key)
            period = _period(key)
            aside = set_aside(self.store, key, data)
            members = self._members(key)
            good = [(digest, found) for digest in sorted(members) if (found := self._find(digest, [key])) is not None]
            self._write(city, period, good)
            self._delete(key)
            kept = f"{len(good)} of {len(members) or 'unknown'} members kept"
            told.append(f"{key}: it was no whole ZIP: {kept}; the damaged file is now {aside}")
        return told

    def broken(self, city: str) -> list[str]:
        """Packs of a city that cannot be read, or not all of them."""
        return [key for key in self._keys(city) if not self._whole(key)]

    def add(self, city: str, day: date, digests: Iterable[str]) -> None:
        """Move loose objects into packs of a day: written, read back and compared, then deleted where they lay.
        Raises ``Damaged`` for one whose bytes no longer have their digest, before anything of its pack is deleted."""
        wanted, period = sorted(digests), day.isoformat()
        there = self._keys(city, f"{period}.")
        lacking = (digest for digest in wanted if self._find(digest, there) is None)
        self._write(city, period, (each for each in map(self._loose, lacking) if each))
        there = self._keys(city, f"{period}.")
        for digest in wanted:
            if self._find(digest, there) is not None:
                self.store.delete(object_key(digest))

    def merge(self, city: str, month: str) -> None:
        """Make packs of a month (``YYYY-MM``) of those of its days, which go once each object is read back."""
        days, there = self._keys(city, f"{month}-"), self._keys(city, f"{month}.")
        lacking = ((key, digest) for key in days for digest in sorted(self._members(key)))
        read = ((digest, self._find(digest, [key])) for key, digest in lacking if self._find(digest, there) is None)
        self._write(city, month, ((digest, data) for digest, data in read if data is not None))
        there = self._keys(city, f"{month}.")
        for key in days:
            if all(self._find(digest, there) is not None for digest in self._members(key)):
                self._delete(key)

    def _keys(self, city: str, period: str = "") -> list[str]:
        """Packs of a city whose names begin so, oldest first."""
        folder = f"landing/packs/city={city}"
        return [key for key in self.store.list(folder) if key.startswith(f"{folder}/{period}")]

    def _find(self, sha256: str, keys: Iterable[str]) -> bytes | None:
        for key in keys:
            try:
                if sha256 in self._members(key):
                    data = self._pack(key).read(sha256)
                    if hashlib.sha256(data).hexdigest() == sha256:
                        return data
            except BROKEN:
                continue
        return None

    def _whole(self, key: str) -> bool:
        try:
            return self._pack(key).testzip() is None
        except BROKEN:
            return False

    def _loose(self, digest: str) -> tuple[str, bytes] | None:
        """An object with its digest, None where another city has it in its packs by now."""
        try:
            data = self.store.read(object_key(digest))
        except FileNotFoundError:
            return None
        if hashlib.sha256(data).hexdigest() != digest:
            remedy = "deliver the same file again, or restore the object from a backup"
            raise Damaged(object_key(digest), "its bytes no longer have their digest", remedy)
        return digest, data

    def remove(self, digests: Collection[str]) -> None:
        """Take objects out of all packs: the rest of a pack is written anew before it goes."""
        for key in self.store.list("landing/packs") if digests else ():
            members = self._members(key)
            if members.isdisjoint(digests):
                continue
            stay = sorted(members - set(digests))
            city = key.split("/")[2].removeprefix("city=")
            self._write(city, _period(key), ((digest, self._pack(key).read(digest)) for digest in stay))
            self._delete(key)

    def _delete(self, key: str) -> None:
        self.store.delete(key)
        self._names.pop(key, None)
        self._open = None

    def _write(self, city: str, period: str, objects: Iterable[tuple[str, bytes]]) -> None:
        """Further packs of a city's day or month, none where there are no objects."""
        for members in _filled(objects):
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
                for digest, data in members:
                    # Without the time of day, the same objects give the same bytes.
                    pack.writestr(zipfile.ZipInfo(digest), data, zipfile.ZIP_DEFLATED)
            number = 1
            while not self.store.create(f"landing/packs/city={city}/{period}.{number}.zip", out.getvalue()):
                number += 1

    def _members(self, key: str) -> frozenset[str]:
        if key not in self._names:
            try:
                # The directory stands at the end: where it lies wholly in these bytes, they are enough to list it.
                names = zipfile.ZipFile(io.BytesIO(self.store.tail(key, DIRECTORY))).namelist()
            except BROKEN:
                try:
                    names = self._pack(key).namelist()
                except BROKEN:
                    names = []
            self._names[key] = frozenset(names)
        return self._names[key]

    def _pack(self, key: str) -> zipfile.ZipFile:
        if self._open is None or self._open[0] != key:
            self._open = key, zipfile.ZipFile(io.BytesIO(self.store.read(key)))
        return self._open[1]


def _period(key: str) -> str:
    """Day or month of a pack."""
    return key.rsplit("/", 1)[1].split(".")[0]


def _filled(objects: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    """Objects in groups of about ``FULL`` bytes."""
    group: list[tuple[str, bytes]] = []
    size = 0
    for each in objects:
        group.append(each)
        size += len(each[1])
        if size > FULL:
            yield group
            group, size = [], 0
    if group:
        yield group
