"""Buckets: a big city's day of meter readings in files by the first bits of the meters' ids.

A bucket is named by those bits: ``b0111`` is the eighth of sixteen. So the name tells how many there are, though a
bucket without rows has no file; files in the order of their names are in the order of ids; and where a day is being cut
anew the shortest name that covers an id is the one that counts (``CityLake.keys``).
"""

import polars as pl

HEX_BITS = 4
"""Bits that a digit of an id tells; ids are random hexadecimal digits, so buckets are alike in size."""

MOST = 256
"""Buckets a city may have: two digits of an id. Of 240 million readings a day each is then one million, 100 MB."""

WHOLE = ""
"""The only bucket of a city that is not cut."""


def names(count: int) -> tuple[str, ...]:
    """The buckets of a city that has ``count``, in the order of ids."""
    bits = count.bit_length() - 1
    return tuple(f"b{at:0{bits}b}" for at in range(count)) if bits else (WHOLE,)


def within(bucket: str) -> pl.Expr:
    """Whether a row's ``meter_id`` (hexadecimal text) is in a bucket."""
    if bucket == WHOLE:
        return pl.lit(value=True)
    first = int(bucket[1:].ljust(2 * HEX_BITS, "0"), 2)
    after = first + MOST // 2 ** len(bucket[1:])
    ids = pl.col("meter_id")
    here = ids >= f"{first:02x}"
    return here & (ids < f"{after:02x}") if after < MOST else here


def may_hold(bucket: str, first: str, last: str) -> bool:
    """Whether any id from the first to the last may be in a bucket."""
    if bucket == WHOLE:
        return True
    low, high = (f"{int(each[:2], 16):0{2 * HEX_BITS}b}" for each in (first, last))
    return low[: len(bucket[1:])] <= bucket[1:] <= high[: len(bucket[1:])]


def of_ids(ids: pl.Series, count: int) -> pl.Series:
    """The name of the bucket of each id, in a city that has ``count``."""
    if count == 1:
        return pl.repeat(WHOLE, ids.len(), eager=True)
    place = ids.str.slice(0, 2).str.to_integer(base=16) * count // MOST
    return place.replace_strict(range(count), names(count), return_dtype=pl.String)


def overlap(one: str, other: str) -> bool:
    """Whether two buckets, of cuts that may differ, share ids."""
    shorter, longer = sorted((one.removeprefix("b"), other.removeprefix("b")), key=len)
    return longer.startswith(shorter)
