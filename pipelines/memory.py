"""What a process keeps of the memory that it let go."""

import ctypes
from typing import Final

_MMAP_THRESHOLD: Final = -3
"""``M_MMAP_THRESHOLD`` of glibc (``man 3 mallopt``)."""

_AT_ONCE: Final = 256 * 1024
"""Bytes from which memory is the system's again as soon as it is let go. By itself glibc raises this up to 32 MB, the
largest that was let go so far; what is smaller stays, in pieces, with the process: a big city's night kept twice what
it had in use. Smaller ones cost more to give than they are worth."""


def give_back() -> None:
    """From now on give large pieces of memory back to the system at once. Where there is no glibc, nothing."""
    if (set_option := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        set_option(_MMAP_THRESHOLD, _AT_ONCE)
