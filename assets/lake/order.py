"""Rows in the order of their table, without sorting what lies in order but for a few meters."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from quality.verdicts import FEW, ascends

PIECES: Final = 10_000
"""More of them are put together no faster than they are sorted."""


def in_order(rows: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    """``rows`` by ``order``, nulls first.

    Where some meters came anew, their rows stand after those of the others: 192,000 rows of 2,000 meters, 20 of them at
    the end, are sorted in 105 ms of CPU and put together anew in 13.
    """
    if rows.height >= FEW:
        if ascends(rows, order):
            return rows
        together = _by_runs(rows, order[0])
        if together is not None and ascends(together, order):
            return together
    return rows.sort(order, nulls_last=False)


def _by_runs(rows: pl.DataFrame, name: str) -> pl.DataFrame | None:
    """``rows`` whose runs of one value of a column are ordered by it; None where that takes too many pieces."""
    runs = rows[name].rle().struct.unnest()
    end = runs["len"].cum_sum().to_numpy().astype(np.int64)
    start = end - runs["len"].to_numpy()
    place = runs["value"].arg_sort().to_numpy().astype(np.int64)
    # Runs that follow each other before and after are one piece.
    first = np.flatnonzero(np.diff(place, prepend=-2) != 1)
    if len(first) > PIECES:
        return None
    last = np.append(first[1:], len(place)) - 1
    pieces = zip(start[place[first]].tolist(), end[place[last]].tolist(), strict=True)
    return pl.concat([rows.slice(begin, after - begin) for begin, after in pieces])
