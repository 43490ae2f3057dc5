"""Packs: the small objects of closed months, many to a ZIP, so that a year of nights is not a million files."""

import io
import zipfile

from assets.landing.store import Store


def packs_folder(city: str) -> str:
    """Where a city's packs lie."""
    return f"landing/packs/city={city}"


class Packs:
    """Objects in packs, by city and sha256. Keeps one pack in memory: whoever reads a month reads it in a row."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._names: dict[str, frozenset[str]] = {}
        self._open: tuple[str, zipfile.ZipFile] | None = None

    def read(self, city: str, sha256: str) -> bytes | None:
        """The bytes packed under this digest, None where no pack of the city has them or that pack is damaged."""
        for key in self.store.list(packs_folder(city)):
            try:
                if key not in self._names:
                    self._names[key] = frozenset(self._pack(key).namelist())
                if sha256 in self._names[key]:
                    return self._pack(key).read(sha256)
            except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
                continue
        return None

    def _pack(self, key: str) -> zipfile.ZipFile:
        if self._open is None or self._open[0] != key:
            self._open = key, zipfile.ZipFile(io.BytesIO(self.store.read(key)))
        return self._open[1]
