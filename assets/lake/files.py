"""Lake files: ``lake/<table>/city=<slug>/month=YYYY-MM/<YYYY-MM-DD>.parquet``.

One file a city and day, whole or absent, sorted, with the contract's schema and the same bytes at any thread count. A
table of few rows is one file a city and year, ``lake/<table>/city=<slug>/<YYYY>.parquet``; a closed month that was
compacted is ``month=YYYY-MM/<YYYY-MM>.parquet``. A day of meter readings of a big city is one file a bucket
(``assets.lake.buckets``), ``month=YYYY-MM/<YYYY-MM-DD>.b0111.parquet``.

A file is only ever swapped against what was read of it, so of two writers neither undoes the other unseen.
"""

import io
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, NamedTuple, Self, TypeVar

import polars as pl

from assets.lake import buckets
from assets.lake.encoding import check, contract_of, decode, encode, footer_size, outline_of
from assets.lake.keys import bucket_of, covering, month_of, span
from assets.lake.order import in_order
from assets.landing.deployment import Step
from assets.landing.store import Store
from quality.contracts import Table

SWAPS = 20
"""Times a file is tried: each lost try means that another writer changed it meanwhile, so somebody made progress."""

R = TypeVar("R")
Revision = Callable[[pl.DataFrame, list[date]], pl.DataFrame]


class Overtaken(Exception):
    """Another writer changed the file between reading and writing it."""


class Written(NamedTuple):
    """A lake file after a write: its key and table, the days that were written, their rows, its size, and whether its
    bytes changed."""

    key: str
    table: Table
    days: tuple[date, ...]
    rows: int
    bytes: int
    changed: bool


@dataclass(frozen=True)
class Held:
    """A lake file as it was read: its rows (of all its days), its bytes, and the tag it is swapped by.

    ``outline`` is what its footer tells beside the rows, and ``bucket`` the ids that it is for.
    """

    table: Table
    key: str
    rows: pl.DataFrame
    data: bytes | None
    tag: str | None
    outline: str = ""
    bucket: str = buckets.WHOLE


def until_swapped(work: Callable[[], R]) -> R:
    """``work`` again from its reading on, as long as another writer is faster. Raises ``Overtaken`` in the end."""
    for attempt in range(SWAPS):
        try:
            return work()
        except Overtaken:
            if attempt == SWAPS - 1:
                raise
            time.sleep(random.uniform(0, 0.05) * attempt)  # noqa: S311 - two writers in step would meet again
    raise AssertionError


@dataclass(frozen=True)
class CityLake:
    """A city's tables in a store. ``days`` arguments are the first and last day wanted; ``cut`` is the number of
    buckets that days are written in."""

    store: Store
    city: str
    cut: int = 1

    @classmethod
    def of(cls, step: Step) -> Self:
        """The tables of the city that a step works on."""
        return cls(step.deployment.store, step.city.slug, step.city.meter_buckets)

    def key(self, table: Table, day: date, bucket: str = buckets.WHOLE) -> str:
        """Key of the file of a day, where its month is not compacted, or of a bucket of it."""
        at = f"{table.folder}/{table.name}/city={self.city}"
        name = f"{day}.{bucket}" if bucket else f"{day}"
        return f"{at}/{day:%Y}.parquet" if table.size == "few" else f"{at}/month={day:%Y-%m}/{name}.parquet"

    def keys(self, table: Table, days: tuple[date, date] | None = None) -> list[str]:
        """Keys of the city's files, oldest day first, buckets in the order of ids. Beside a compacted month, days of it
        are what a crash left, and so are smaller buckets beside one that covers them."""
        at = f"{table.folder}/{table.name}/city={self.city}"
        if days is not None and table.bucketed and f"{days[0]:%Y-%m}" == f"{days[1]:%Y-%m}":
            at += f"/month={days[0]:%Y-%m}"  # a year of a big city is ten thousand files
        found = [key for key in self.store.list(at) if key.endswith(".parquet")]
        there = set(found)
        return [
            key
            for key in found
            if (days is None or (span(key)[0] <= days[1] and span(key)[1] >= days[0]))
            and (key == month_of(key) or month_of(key) not in there)
            and there.isdisjoint(covering(key))
        ]

    def days(self, table: Table, keys: Sequence[str] | None = None) -> list[date]:
        """Days that have rows, oldest first; those in some files alone, where ``keys`` names them."""
        keys = self.keys(table) if keys is None else keys
        longer = [key for key in keys if span(key)[0] != span(key)[1]]
        return sorted({span(key)[0] for key in keys if key not in longer} | self.values(table, longer, table.day))

    def newest(self, table: Table, until: date = date.max) -> date | None:
        """The newest day that has rows and is not after ``until``."""
        newest = date.min
        for key in sorted(self.keys(table), key=lambda key: span(key)[1], reverse=True):
            if newest >= span(key)[1]:
                break  # of months and years that are one file each the last is opened, and not all of them
            newest = max([newest, *(day for day in self.days(table, [key]) if day <= until)])
        return None if newest == date.min else newest

    def read(self, table: Table, days: tuple[date, date] | None = None) -> pl.DataFrame:
        """The city's rows, in file order; an empty frame with the right schema where there are none. Raises ``Damaged``
        for a file that is not what was written, ``NewerContract`` for one of a later version of Muang."""
        rows = self.rows(table, self.keys(table, days))
        return rows if days is None else rows.filter(pl.col(table.day).is_between(*days))

    def day(self, table: Table, day: date) -> pl.DataFrame:
        """The rows of one day; empty where there are none. Raises what ``read`` raises."""
        if table.bucketed:
            return self.rows(table, self.keys(table, (day, day)))
        return self.hold(table, day).rows.filter(pl.col(table.day) == day)

    def pick(self, table: Table, days: Collection[date]) -> pl.DataFrame:
        """The rows of some days, in file order, each file read once. Raises what ``read`` raises."""
        if not days:
            return table.empty()
        wanted = set(days)
        keys = [
            key
            for key in self.keys(table, (min(wanted), max(wanted)))
            if span(key)[0] in wanted or span(key)[0] != span(key)[1]
        ]
        return self.rows(table, keys).filter(pl.col(table.day).is_in(sorted(wanted)))

    def pieces(self, table: Table, days: Collection[date]) -> Iterator[pl.DataFrame]:
        """The rows of some days of a bucketed table, a file at a time, in file order. Raises what ``read`` raises."""
        for day in sorted(set(days)):
            for key in self.keys(table, (day, day)):
                yield self.rows(table, [key])

    def of_meters(self, table: Table, day: date, ids: pl.Series) -> pl.DataFrame:
        """The rows of some meters on a day of a bucketed table, from the files that can hold them. Raises what ``read``
        raises."""
        wanted = ids.alias("meter_id").to_frame()
        keys = [key for key in self.keys(table, (day, day)) if wanted.filter(buckets.within(bucket_of(key))).height]
        return self.rows(table, keys, pl.col("meter_id").is_in(ids.implode()))

    def hold(self, table: Table, day: date, bucket: str = buckets.WHOLE, where: pl.Expr | None = None) -> Held:
        """The file that holds a day, or a bucket of a day that is cut as it should be, to be swapped, with the rows of
        ``where``. Raises what ``read`` raises."""
        key = self.key(table, day, bucket)
        keys = (month_of(key), key) if table.size in COMPACTED else (key,)
        held = (self.hold_file(table, each, where) for each in keys)
        empty = Held(table, key, table.empty(), None, None, bucket=bucket)
        return next((each for each in held if each.data is not None), empty)

    def hold_file(self, table: Table, key: str, where: pl.Expr | None = None) -> Held:
        """The file of a key, to be swapped, with the rows of ``where``; without any where there is none. Raises what
        ``read`` raises."""
        data, tag = self.store.fetch(key)
        if data is None:
            return Held(table, key, table.empty(), None, tag, bucket=bucket_of(key))
        rows = self._decoded(table, [key], [data], where)
        return Held(table, key, rows, data, tag, outline_of(data), bucket_of(key))

    def buckets(self, table: Table) -> tuple[str, ...]:
        """The buckets that a day of a table is written in."""
        return buckets.names(self.cut if table.bucketed else 1)

    def outline(self, table: Table, day: date, bucket: str) -> str:
        """What the footer of a bucket's file tells beside its rows, of which none is read; empty without a file."""
        key, size = self.key(table, day, bucket), FOOTER
        try:
            while len(tail := self.store.tail(key, size)) == size < footer_size(tail):
                size = footer_size(tail)
        except FileNotFoundError:
            return ""
        return outline_of(tail)

    def recut(self, table: Table, day: date) -> list[str]:
        """Cut a day into the buckets that it should have, where it is cut otherwise; returns the files that went.

        A bucket is there before what covered it goes, or what it covers: of a crash in between readers see nothing.
        """
        wanted = self.buckets(table)
        folder = self.key(table, day).rpartition("/")[0]
        old = [key for key in self.store.list(folder) if span(key) == (day, day) and bucket_of(key) not in wanted]
        counting = [key for key in self.keys(table, (day, day)) if key in old] if old else []
        read: list[str] = []
        for bucket in wanted:
            of_it = [key for key in counting if buckets.overlap(bucket, bucket_of(key))]
            if of_it and of_it != read:
                rows, read = self.rows(table, of_it), of_it
            if of_it:
                self.swap(self._uncounted(table, day, bucket), rows.filter(buckets.within(bucket)), [day])
        for key in old:
            self.store.delete(key)
        return counting

    def _uncounted(self, table: Table, day: date, bucket: str) -> Held:
        """A file that readers do not see yet, whatever a crash left in it."""
        key = self.key(table, day, bucket)
        return Held(table, key, table.empty(), *self.store.fetch(key), bucket=bucket)

    def held_in(self, table: Table, day: date) -> str:
        """Key of the file that holds a day, or would."""
        key = self.key(table, day)
        return month_of(key) if table.size in COMPACTED and self.store.exists(month_of(key)) else key

    def compact(self, table: Table, before: date) -> list[str]:
        """Make one file of each month before that of ``before``; returns the keys of the months that were.

        The month's file is there, whole, before the first of its days goes; what a crash leaves of them nobody reads.
        """
        months: dict[str, list[str]] = {}
        for key in self.store.list(f"{table.folder}/{table.name}/city={self.city}"):
            if key.endswith(".parquet") and key != month_of(key) and span(key)[1] < before.replace(day=1):
                months.setdefault(month_of(key), []).append(key)
        for month, days in months.items():
            if not self.store.exists(month):
                self.store.create(month, encode(self.rows(table, days).sort(table.order), contract_of(table)))
                self.rows(table, [month])  # read back and checked
            for key in days:
                self.store.delete(key)
        return list(months)

    def counts(self, table: Table, days: Collection[date]) -> pl.DataFrame:
        """Rows of these days by receipt: ``day, receipt, rows``, without those of no receipt. Of a bucketed table two
        columns are read, a file at a time. Raises what ``read`` raises."""
        scans: Iterable[pl.LazyFrame]
        if table.bucketed:
            scans = (self.scan(table, key) for day in sorted(days) for key in self.keys(table, (day, day)))
        else:
            scans = [self.pick(table, days).lazy()]
        told = (scan.filter(pl.col("_receipt").is_not_null()) for scan in scans)
        grouped = (rows.group_by(day=pl.col(table.day), receipt=pl.col("_receipt")) for rows in told)
        parts = [groups.agg(rows=pl.len()).collect().cast(COUNTS) for groups in grouped]
        return pl.concat([COUNTS.to_frame(), *parts])

    def values(self, table: Table, keys: Sequence[str], column: str) -> set[Any]:
        """The distinct values of a column of these files, which alone is decoded. Raises ``Damaged``."""
        files = self.store.read_all(keys)
        for key, data in zip(keys, files, strict=True):
            check(key, data, self.remedy(table, key))
        return {each for data in files for each in pl.read_parquet(io.BytesIO(data), columns=[column])[column].unique()}

    def scan(self, table: Table, key: str) -> pl.LazyFrame:
        """The rows of one file in its own contract, of which only what is asked for is decoded. Raises ``Damaged``."""
        check(key, data := self.store.read(key), self.remedy(table, key))
        return pl.scan_parquet(io.BytesIO(data))

    def swap(self, held: Held, rows: pl.DataFrame, days: Sequence[date], outline: str | None = None) -> list[Written]:
        """Put ``rows`` in place of a file's, sorted in the contract's order; ``days`` are those that were worked on.

        ``outline`` is for the footer, without it the one that was read stays. The store is touched only if the bytes
        change; a file without rows is removed, as if nothing had ever been delivered. Raises ``Overtaken`` if the file
        is no longer the one that was read.
        """
        table, worked = held.table, tuple(days)
        if not rows.height:
            if held.data is None:
                return []
            if not self.store.remove(held.key, held.tag):
                raise Overtaken(held.key)
            return [Written(held.key, table, worked, 0, 0, True)]
        ordered = rows if rows.schema == table.schema else rows.select(table.schema.names()).cast(table.schema)
        data = encode(in_order(ordered, table.order), contract_of(table), held.outline if outline is None else outline)
        changed = data != held.data
        if changed and not self.store.swap(held.key, data, held.tag):
            raise Overtaken(held.key)
        all_of_it = not worked or span(held.key) == (worked[0], worked[0])
        worked_on = rows.height if all_of_it else int(rows[table.day].is_in(list(worked)).sum())
        return [Written(held.key, table, worked, worked_on, len(data), changed)]

    def revise(self, table: Table, days: Collection[date], make: Revision) -> list[Written]:
        """Put ``make`` of the rows of ``days`` in their place, file by file, again if another writer was faster.

        ``make`` is given the stored rows of those of the days that share a file, and these days, or of a day that is in
        buckets all of them; it may be called more than once.
        """
        shared: dict[str, list[date]] = {}
        for day in sorted(days):
            shared.setdefault(self.key(table, day), []).append(day)
        return [file for these in shared.values() for file in until_swapped(partial(self._revised, table, these, make))]

    def _revised(self, table: Table, days: list[date], make: Revision, where: pl.Expr | None = None) -> list[Written]:
        if table.bucketed:
            self.recut(table, days[0])
        held = [self.hold(table, days[0], bucket, where) for bucket in self.buckets(table)]
        rows, mine = pl.concat([each.rows for each in held]), pl.col(table.day).is_in(days)
        if span(held[0].key) == (days[0], days[0]):
            rows = make(rows, days)
        else:
            made = make(rows.filter(mine), days).select(table.schema.names()).cast(table.schema)
            rows = pl.concat([rows.filter(~mine), made])
        if len(held) == 1:
            return self.swap(held[0], rows, days)
        return [file for each in held for file in self.swap(each, rows.filter(buckets.within(each.bucket)), days)]

    def put(self, table: Table, day: date, frame: pl.DataFrame) -> list[Written]:
        """Make ``frame`` the rows of a day; a day without rows has no file."""
        # Of what is stored only the rows that stay are decoded: of most files none.
        return until_swapped(partial(self._revised, table, [day], lambda *_: frame, pl.col(table.day) != day))

    def merge(
        self, table: Table, frame: pl.DataFrame, receipts: Collection[str] = (), also_days: Collection[date] = ()
    ) -> list[Written]:
        """Put delivered rows into the day files they touch.

        Of two rows with one key the one with the greater ``prefer`` tuple stays, whatever the order of arrival. A
        ``replace`` table keeps, of a day (and of a feed or source), only the rows of the delivery that came last. Rows
        that ``receipts`` brought earlier, for the touched days or ``also_days``, give way to what those receipts bring
        now.
        """

        def resolved(stored: pl.DataFrame, days: list[date]) -> pl.DataFrame:
            return merged(table, stored, frame.filter(pl.col(table.day).is_in(days)), receipts)

        return self.revise(table, {*frame[table.day].unique(), *also_days}, resolved)

    def rows(self, table: Table, keys: Sequence[str], where: pl.Expr | None = None) -> pl.DataFrame:
        """The rows of these files, those alone of ``where``. Raises what ``read`` raises."""
        return self._decoded(table, keys, self.store.read_all(keys), where)

    def _decoded(
        self, table: Table, keys: Sequence[str], files: Sequence[bytes], where: pl.Expr | None = None
    ) -> pl.DataFrame:
        for key, data in zip(keys, files, strict=True):
            check(key, data, self.remedy(table, key))
        return decode(table, files, where)

    def remedy(self, table: Table, key: str) -> str:
        """What makes a damaged file again."""
        if table.folder == "memory":
            return FROM_BACKUP
        return f"run `muang lake rebuild --city {self.city} --table {table.name} --day {span(key)[0]}`"


FOOTER = 65_536
"""Bytes that are read to look at a footer: a bucket of 600,000 readings has one of 20,000."""

COUNTS = pl.Schema({"day": pl.Date(), "receipt": pl.String(), "rows": pl.Int64()})

FROM_BACKUP = "restore memory/ from a backup"
"""What mends a file of ``memory/``: nothing else knows what it tells."""
COMPACTED = ("rows", "operating")
"""Sizes whose closed months become one file. Readings stay by day: a correction rewrites one day of them."""


def merged(table: Table, stored: pl.DataFrame, frame: pl.DataFrame, receipts: Collection[str]) -> pl.DataFrame:
    """What ``CityLake.merge`` makes of the stored rows of some days and those that came for them."""
    frame = pl.concat([stored.filter(~pl.col("_receipt").is_in(list(receipts))), frame])
    if table.mode == "replace" and table.lineage:
        whole = [*dict.fromkeys((table.day, *table.whole))]
        newest = frame.sort("_delivered", "_number", "_receipt").unique(whole, keep="last")
        frame = frame.join(newest, on=[*whole, "_receipt"], how="semi")
    key = [*dict.fromkeys((table.day, *table.key))]
    return frame.sort(*table.prefer, nulls_last=False).unique(key, keep="last", maintain_order=True)
