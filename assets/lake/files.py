"""Lake files: ``lake/<table>/city=<slug>/month=YYYY-MM/<YYYY-MM-DD>.parquet``.

One file a city and day, whole or absent, sorted, with the contract's schema and the same bytes at any thread count.
Operating tables that several steps write have one file a step: ``<YYYY-MM-DD>.<part>.parquet``.
"""

import io
from collections.abc import Collection
from datetime import date
from typing import NamedTuple

import polars as pl

from assets.landing.store import Store
from quality.contracts import Table

ROW_GROUP = 122_880
"""DuckDB's own row group; fixed, so that the bytes do not depend on the number of threads."""


class Written(NamedTuple):
    """A lake file after a write: its key, rows, size, and whether the bytes changed."""

    key: str
    rows: int
    bytes: int
    changed: bool


def key_of(table: Table, city: str, day: date, part: str | None = None) -> str:
    """Key of the file of a city's day."""
    name = day.isoformat() + (f".{part}" if part else "")
    return f"lake/{table.name}/city={city}/month={day:%Y-%m}/{name}.parquet"


def encode(frame: pl.DataFrame) -> bytes:
    """Parquet bytes: zstd 3, explicit row groups (publishing research A.6: reproducible at any thread count)."""
    out = io.BytesIO()
    frame.rechunk().write_parquet(out, compression="zstd", compression_level=3, row_group_size=ROW_GROUP)
    return out.getvalue()


def day_of(key: str) -> date:
    """Day of a lake file's key."""
    return date.fromisoformat(key.rsplit("/", 1)[1][:10])


def keys(
    store: Store, table: Table, city: str, days: tuple[date, date] | None = None, part: str | None = None
) -> list[str]:
    """Keys of a city's files, oldest day first; ``days`` are the first and last day wanted, ``part`` the step's own."""
    ending = f".{part}.parquet" if part else ".parquet"
    found = [key for key in store.list(f"lake/{table.name}/city={city}") if key.endswith(ending)]
    return [key for key in found if days is None or days[0] <= day_of(key) <= days[1]]


def read(
    store: Store, table: Table, city: str, days: tuple[date, date] | None = None, part: str | None = None
) -> pl.DataFrame:
    """A city's rows, in file order; an empty frame with the right schema where there are none."""
    files = store.read_all(keys(store, table, city, days, part))
    # One scan over all files takes a tenth of the time of one scan each.
    return pl.concat([table.empty(), *([pl.read_parquet(files)] if files else [])])


def read_day(store: Store, table: Table, city: str, day: date, part: str | None = None) -> pl.DataFrame:
    """The rows of one day file; empty where there is none."""
    try:
        return pl.read_parquet(io.BytesIO(store.read(key_of(table, city, day, part))))
    except FileNotFoundError:
        return table.empty()


def write(store: Store, table: Table, city: str, day: date, frame: pl.DataFrame, part: str | None = None) -> Written:
    """Write one day file, sorted in the contract's order; the store is touched only if the bytes change."""
    data = encode(frame.select(table.schema.names()).cast(table.schema).sort(table.order, nulls_last=False))
    key = key_of(table, city, day, part)
    try:
        changed = store.read(key) != data
    except FileNotFoundError:
        changed = True
    if changed:
        store.write(key, data)
    return Written(key, frame.height, len(data), changed)


def put(store: Store, table: Table, city: str, day: date, frame: pl.DataFrame) -> list[Written]:
    """Write a day file; a day without rows has none, as if nothing had ever been delivered."""
    if frame.height:
        return [write(store, table, city, day, frame)]
    key = key_of(table, city, day)
    if not store.exists(key):
        return []
    store.delete(key)
    return [Written(key, 0, 0, True)]


def merge(
    store: Store,
    table: Table,
    city: str,
    frame: pl.DataFrame,
    receipts: Collection[str] = (),
    also_days: Collection[date] = (),
) -> list[Written]:
    """Put delivered rows into the day files they touch.

    Of two rows with one key the one with the greater ``prefer`` tuple stays, whatever the order of arrival. A
    ``replace`` table keeps, of a day (and of a feed or source), only the rows of the greatest (_delivered, _receipt).
    Rows that ``receipts`` brought earlier, for the touched days or ``also_days``, give way to what those receipts
    bring now.
    """
    parts = {day: part for (day,), part in frame.partition_by(table.day, as_dict=True).items()}
    files: list[Written] = []
    for day in sorted({*parts, *also_days}):
        stored = read_day(store, table, city, day).filter(~pl.col("_receipt").is_in(list(receipts)))
        rows = _resolved(table, pl.concat([stored, parts.get(day, table.empty())]))
        files += put(store, table, city, day, rows)
    return files


def _resolved(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    if table.mode == "replace" and table.lineage:
        newest = frame.sort("_delivered", "_receipt").unique(table.whole or (table.day,), keep="last")
        frame = frame.join(newest, on=[*(table.whole or (table.day,)), "_delivered", "_receipt"], how="semi")
    return frame.sort(*table.prefer, nulls_last=False).unique(table.key, keep="last", maintain_order=True)
