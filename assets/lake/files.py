"""Lake files: ``lake/<table>/city=<slug>/month=YYYY-MM/<YYYY-MM-DD>.parquet``.

One file a city and day, whole or absent, sorted, with the contract's schema and the same bytes at any thread count.
Operating tables that several steps write have one file a step: ``<YYYY-MM-DD>.<part>.parquet``.
"""

import io
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Self

import polars as pl

from assets.landing.deployment import Step
from assets.landing.store import Store
from quality.contracts import Table

ROW_GROUP = 122_880
"""DuckDB's own row group; fixed, so that the bytes do not depend on the number of threads."""


class Written(NamedTuple):
    """A lake file after a write: its key, table and day, rows, size, and whether the bytes changed."""

    key: str
    table: Table
    day: date
    rows: int
    bytes: int
    changed: bool


def encode(frame: pl.DataFrame) -> bytes:
    """Parquet bytes: zstd 3, explicit row groups (publishing research A.6: reproducible at any thread count)."""
    out = io.BytesIO()
    frame.rechunk().write_parquet(out, compression="zstd", compression_level=3, row_group_size=ROW_GROUP)
    return out.getvalue()


def day_of(key: str) -> date:
    """Day of a lake file's key."""
    return date.fromisoformat(key.rsplit("/", 1)[1][:10])


@dataclass(frozen=True)
class CityLake:
    """A city's tables in a store. ``days`` arguments are the first and last day wanted, ``part`` is a step's own."""

    store: Store
    city: str

    @classmethod
    def of(cls, step: Step) -> Self:
        """The tables of the city that a step works on."""
        return cls(step.deployment.store, step.city.slug)

    def key(self, table: Table, day: date, part: str | None = None) -> str:
        """Key of the file of a day."""
        name = day.isoformat() + (f".{part}" if part else "")
        return f"lake/{table.name}/city={self.city}/month={day:%Y-%m}/{name}.parquet"

    def keys(self, table: Table, days: tuple[date, date] | None = None, part: str | None = None) -> list[str]:
        """Keys of the city's files, oldest day first."""
        ending = f".{part}.parquet" if part else ".parquet"
        found = [key for key in self.store.list(f"lake/{table.name}/city={self.city}") if key.endswith(ending)]
        return [key for key in found if days is None or days[0] <= day_of(key) <= days[1]]

    def days(self, table: Table) -> list[date]:
        """Days that have a file, oldest first."""
        return [day_of(key) for key in self.keys(table)]

    def newest(self, table: Table, until: date = date.max) -> date | None:
        """The newest day that has a file and is not after ``until``."""
        return max((day for day in self.days(table) if day <= until), default=None)

    def read(self, table: Table, days: tuple[date, date] | None = None, part: str | None = None) -> pl.DataFrame:
        """The city's rows, in file order; an empty frame with the right schema where there are none."""
        return _as_contract(table, self.store.read_all(self.keys(table, days, part)))

    def day(self, table: Table, day: date, part: str | None = None) -> pl.DataFrame:
        """The rows of one day file; empty where there is none."""
        try:
            return _as_contract(table, [self.store.read(self.key(table, day, part))])
        except FileNotFoundError:
            return table.empty()

    def write(self, table: Table, day: date, frame: pl.DataFrame, part: str | None = None) -> Written:
        """Write one day file, sorted in the contract's order; the store is touched only if the bytes change."""
        data = encode(frame.select(table.schema.names()).cast(table.schema).sort(table.order, nulls_last=False))
        key = self.key(table, day, part)
        try:
            changed = self.store.read(key) != data
        except FileNotFoundError:
            changed = True
        if changed:
            self.store.write(key, data)
        return Written(key, table, day, frame.height, len(data), changed)

    def put(self, table: Table, day: date, frame: pl.DataFrame) -> list[Written]:
        """Write a day file; a day without rows has none, as if nothing had ever been delivered."""
        if frame.height:
            return [self.write(table, day, frame)]
        key = self.key(table, day)
        if not self.store.exists(key):
            return []
        self.store.delete(key)
        return [Written(key, table, day, 0, 0, True)]

    def merge(
        self, table: Table, frame: pl.DataFrame, receipts: Collection[str] = (), also_days: Collection[date] = ()
    ) -> list[Written]:
        """Put delivered rows into the day files they touch.

        Of two rows with one key the one with the greater ``prefer`` tuple stays, whatever the order of arrival. A
        ``replace`` table keeps, of a day (and of a feed or source), only the rows of the greatest (_delivered,
        _receipt). Rows that ``receipts`` brought earlier, for the touched days or ``also_days``, give way to what those
        receipts bring now.
        """
        parts = {day: part for (day,), part in frame.partition_by(table.day, as_dict=True).items()}
        files: list[Written] = []
        for day in sorted({*parts, *also_days}):
            stored = self.day(table, day).filter(~pl.col("_receipt").is_in(list(receipts)))
            rows = _resolved(table, pl.concat([stored, parts.get(day, table.empty())]))
            files += self.put(table, day, rows)
        return files


def _as_contract(table: Table, files: list[bytes]) -> pl.DataFrame:
    """Rows in today's contract: a column that files of an older one lack is null, one that was dropped is left out."""
    if not files:
        return table.empty()
    # One scan over all files takes a tenth of the time of one scan each.
    scan = pl.scan_parquet(
        list(files),
        schema=table.schema,
        missing_columns="insert",
        extra_columns="ignore",
    )
    return scan.collect()


def _resolved(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    if table.mode == "replace" and table.lineage:
        newest = frame.sort("_delivered", "_receipt").unique(table.whole or (table.day,), keep="last")
        frame = frame.join(newest, on=[*(table.whole or (table.day,)), "_delivered", "_receipt"], how="semi")
    return frame.sort(*table.prefer, nulls_last=False).unique(table.key, keep="last", maintain_order=True)
