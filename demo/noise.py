"""Seeded noise that is the same on every platform, Python and library version."""

import hashlib


def noise(count: int, *seed: object) -> bytes:
    """``count`` evenly spread bytes that depend on ``seed`` alone.

    A hash function's stream and whole-number arithmetic instead of a random generator: NumPy promises no stable
    stream, and floats round differently from machine to machine.
    """
    return hashlib.shake_128("/".join(map(str, seed)).encode()).digest(count)
