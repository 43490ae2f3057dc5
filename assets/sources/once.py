"""What an answer says of the whole country, made of its bytes once for all cities that take a part of it.

A national answer is landed once and read by every city. Decoding, records, numbers and stamps are the same for all of
them; only what lies in a city's reach or province is its own.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import wraps
from threading import Lock
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import polars as pl

MOST_BYTES = 256 << 20
"""Of all frames that are kept. Where a night takes city after city, all of its answers must find room: three years of
accidents, a week of reports, a season's hotspots, the register's villages and a feed with stop times are, by estimate,
half."""

Key = tuple[Callable[..., Any], bytes]
Given = ParamSpec("Given")
Made = TypeVar("Made")


class Readings:
    """Readings by what they were made of, the least lately used first, together at most ``MOST_BYTES``."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[Any, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> Any:
        """The reading, or None where it is not kept."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def keep(self, key: Key, reading: Any) -> None:
        """Keep a reading, and let go of others where that is too much; one that alone is too much is not kept."""
        if (size := _size(reading)) > MOST_BYTES:
            return
        with self._lock:
            self._kept[key] = (reading, size)
            while self.size > MOST_BYTES:
                self._kept.popitem(last=False)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return sum(size for _, size in self._kept.values())


READINGS = Readings()
"""Those of this process."""


def once(make: Callable[Concatenate[bytes, Given], Made]) -> Callable[Concatenate[bytes, Given], Made]:
    """``make``, which is not called again for bytes and arguments that it was lately called with.

    It may know nothing else. Whoever is given the result makes other frames of it and changes none, as ``Batch`` does.
    """

    @wraps(make)
    def made(data: bytes, *given: Given.args, **named: Given.kwargs) -> Made:
        digest = hashlib.sha256(data)
        # By what they show: options cannot be hashed, but show all that they hold.
        digest.update(repr((given, named)).encode())
        key = make, digest.digest()
        reading: Made | None = READINGS.get(key)
        if reading is None:
            reading = make(data, *given, **named)
            READINGS.keep(key, reading)
        return reading

    return cast(Callable[Concatenate[bytes, Given], Made], made)


def _size(of: Any) -> int:
    """Bytes of the frames in a reading."""
    if isinstance(of, pl.DataFrame):
        return int(of.estimated_size())
    held = vars(of) if is_dataclass(of) else of
    parts = held.values() if isinstance(held, Mapping) else held if isinstance(held, tuple) else ()
    return sum(map(_size, parts))
