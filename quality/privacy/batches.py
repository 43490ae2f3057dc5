"""Batches: a city's zones, some after others, so that the energy of one zone's customers is in work at a time."""

from collections.abc import Iterator

import polars as pl

BATCH = 50_000
"""Meters that are worked on together: 40 MB of quarter-hours, and some copies of them. As many take no longer than one;
a zone that has more is a batch of its own."""


def batches(zones: pl.Series) -> Iterator[list[str]]:
    """The names of all zones, those together whose rows are no more than ``BATCH``; of none, one batch without any."""
    some: list[str] = []
    size = 0
    for zone, rows in zones.value_counts(name="rows").sort(zones.name).iter_rows():
        if some and size + rows > BATCH:
            yield some
            some, size = [], 0
        some.append(zone)
        size += rows
    yield some


def in_batches(rows: pl.DataFrame, zone: str) -> Iterator[pl.DataFrame]:
    """``rows`` in ``batches`` of what a column tells, without a copy of them where one is all."""
    found = [*batches(rows[zone])]
    yield from [rows] if len(found) == 1 else (rows.filter(pl.col(zone).is_in(some)) for some in found)
