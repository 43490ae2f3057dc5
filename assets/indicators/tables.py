"""A city's published tables, as indicators, programme view and page read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Self

import polars as pl

from quality.contracts import Table
from quality.tables import RAINFALL, WATER_LEVELS

MOMENTARY = (WATER_LEVELS.name, RAINFALL.name)
"""Tables whose rows hold at a moment and need no whole day: the night's own readings are the newest there are, and a
flood is not told a day late."""


@dataclass(frozen=True)
class Tables:
    """Rows of published lake tables by name. A table that is absent has no source in this city; an empty one has a
    source that delivered nothing."""

    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    def has(self, table: Table) -> bool:
        """Whether the table has a source."""
        return table.name in self.frames

    def get(self, table: Table) -> pl.DataFrame:
        """The table's rows; the contract's columns without a row where it has no source."""
        return self.frames[table.name] if self.has(table) else table.empty()

    def until(self, day: date) -> Self:
        """What was known on a delivery day, so that one made again does not look ahead: of tables by ``local_date``
        the days before (it is still running) and, of ``MOMENTARY`` ones, what the day's own deliveries read of it; of
        those by ``reference_date`` also the day itself."""
        return type(self)({name: _until(name, frame, day) for name, frame in self.frames.items()})

    def newest(self, table: Table, day: date, **only: str) -> pl.DataFrame:
        """Rows of the table's newest day that is not after ``day``, among those that ``only`` names by column."""
        rows = self.get(table)
        return newest(rows.filter(**only) if only else rows, table.day, day)


def newest(rows: pl.DataFrame, column: str, day: date, *by: str) -> pl.DataFrame:
    """Rows of the newest day in ``column`` that is not after ``day``: of all, or of each value of ``by``."""
    past = rows.filter(pl.col(column) <= day)
    last = pl.col(column).max()
    return past.filter(pl.col(column) == (last.over(by) if by else last))


def _until(name: str, frame: pl.DataFrame, day: date) -> pl.DataFrame:
    if "local_date" in frame.columns:
        known = pl.col("local_date") < day
        if name in MOMENTARY:
            known |= (pl.col("local_date") == day) & (pl.col("_delivered") <= day)
        return frame.filter(known)
    return frame.filter(pl.col("reference_date") <= day) if "reference_date" in frame.columns else frame
