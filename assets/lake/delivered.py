"""Delivered readings on their way into the lake: pseudonymised, and set out by day and bucket.

A night of a big city has more readings than fit into memory beside all else; what is too much waits on disk.
"""

import hmac
import io
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from itertools import groupby
from typing import IO, NamedTuple, Self

import polars as pl

from assets.lake import buckets
from assets.landing.archive import Receipt
from quality.meter_grid import local_date, on_clock
from quality.readings import LABEL, QUANTITIES
from quality.tables import METER_SUPERSEDED

DELIVERED = pl.Schema(
    {
        name: LABEL if dtype == pl.String else dtype
        for name, dtype in METER_SUPERSEDED.delivered.items()
        if name != "reason"
    }
)
"""A delivered reading in the lake's terms: hashed meter, unit, local day, lineage; texts as codes."""

ID_LENGTH = 20
"""Hex digits of a meter id: 80 bits, so that even 10^9 meters share none by chance (probability below 10^-6)."""


HELD_BYTES = 400_000_000
"""Of readings that a spool holds in memory: ten million, where a file tells 40 bytes of each beside what it tells of
all."""
SET_OUT = 1_000_000
"""Readings that are set out together; of 100 bytes each, as they arrive."""


def no_delivered() -> pl.DataFrame:
    """An empty frame of ``DELIVERED``."""
    return DELIVERED.to_frame()


def pseudonyms(points: pl.Series, city: str, key: bytes) -> dict[str, str]:
    """Metering point → meter id: HMAC-SHA256 under the deployment's ``key``, distinct by city.

    Raises ``ValueError`` for an empty key: an unkeyed hash of a 12-digit number is reversed in minutes.
    """
    if not key:
        raise ValueError("the key for meter ids is empty")
    begun, found = hmac.new(key, f"{city}\0".encode(), "sha256"), dict[str, str]()
    for point in points.drop_nulls().unique():
        # A copy takes half the time of beginning anew, with the key and the city.
        of_point = begun.copy()
        of_point.update(point.encode())
        found[point] = of_point.hexdigest()[:ID_LENGTH]
    return found


def customers(accounts: pl.Series, city: str, key: bytes) -> dict[str, str]:
    """Contract account → customer id, made as meter ids are, and never one of them. Raises what ``pseudonyms`` does."""
    return _of_kind("account", accounts, city, key)


def serials(numbers: pl.Series, city: str, key: bytes) -> dict[str, str]:
    """Serial number of a meter → serial id, made as ``customers`` are."""
    return _of_kind("serial", numbers, city, key)


def _of_kind(kind: str, names: pl.Series, city: str, key: bytes) -> dict[str, str]:
    told = {name: f"{kind}\0{name}" for name in names.cast(pl.String).drop_nulls().unique()}
    ids = pseudonyms(pl.Series(kind, list(told.values()), pl.String), city, key)
    return {name: ids[each] for name, each in told.items()}


def to_delivered(readings: pl.DataFrame, receipt: Receipt, ids: Mapping[str, str]) -> pl.DataFrame:
    """Readings (``READING_SCHEMA``) of one receipt as rows of ``DELIVERED``, their points by ``ids`` (``pseudonyms``):
    no metering point goes any further."""
    points = readings["point"].unique()
    meters = pl.Series([ids.get(point) for point in points], dtype=LABEL)
    return (
        on_clock(readings)
        .select(
            "channel",
            "quantity",
            "start",
            "minutes",
            "quality",
            "quality_raw",
            "reason_raw",
            "rate_raw",
            "clock_seconds",
            "version",
            meter_id=pl.col("point").replace_strict(points, meters),
            unit=pl.col("quantity").replace_strict(QUANTITIES, return_dtype=LABEL),
            local_date=local_date(pl.col("start")),
            value_delivered="value",
            _receipt=pl.lit(receipt.id, LABEL),
            _row="row",
            _delivered=pl.lit(receipt.day, pl.Date),
            _number=pl.lit(receipt.number, pl.Int32),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in DELIVERED.items())
    )


class _Part(NamedTuple):
    """Some readings: columns that tell the same of all of them have one row (the same object in parts that follow each
    other and tell the same), and ``rows`` the others, or where in the file they are."""

    same: pl.DataFrame
    rows: pl.DataFrame | tuple[int, int]


class Spool:
    """Readings (``DELIVERED``) by local day and bucket, each part to be taken once.

    Above ``hold`` bytes they wait in a file that has no name: it is gone when the process is, however it ends. Its disk
    is that of ``TMPDIR``. ``receipts`` are those that brought any.
    """

    def __init__(self, cut: int, hold: int = HELD_BYTES, at_once: int = SET_OUT) -> None:
        self.receipts: set[str] = set()
        self._cut, self._hold, self._at_once = cut, hold, at_once
        self._arrived: list[pl.DataFrame] = []
        self._rows = self._held = 0
        self._parts: dict[tuple[date, str], list[_Part]] = {}
        self._same = pl.DataFrame()
        self._closing = ExitStack()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def add(self, readings: pl.DataFrame) -> None:
        """Take some more. Raises ``OSError`` where the disk is full."""
        if not readings.height:
            return
        self.receipts.update(readings["_receipt"].unique().cast(pl.String))
        self._arrived.append(readings)
        self._rows += readings.height
        if self._rows >= self._at_once:
            self._set_out()
        if self._held > self._hold:
            self._write()

    def days(self) -> set[date]:
        """Days that have readings."""
        self._set_out()
        return {day for day, _ in self._parts}

    def has(self, day: date, bucket: str) -> bool:
        """Whether there are readings of a bucket that were not taken."""
        return (day, bucket) in self._parts

    def take(self, day: date, bucket: str) -> pl.DataFrame:
        """The readings of a day and bucket, in the order they came; none the second time."""
        alike = groupby(self._parts.pop((day, bucket), []), lambda part: id(part.same))
        return pl.concat([no_delivered(), *(self._whole([*parts]) for _, parts in alike)])

    def _whole(self, alike: Sequence[_Part]) -> pl.DataFrame:
        rows = pl.concat(map(self._rows_of, alike))
        return rows.with_columns(pl.lit(each).first() for each in alike[0].same).select(DELIVERED.names())

    def _rows_of(self, part: _Part) -> pl.DataFrame:
        if isinstance(part.rows, pl.DataFrame):
            return part.rows
        assert self._file is not None
        at, size = part.rows
        self._file.seek(at)
        return pl.read_ipc_stream(io.BytesIO(self._file.read(size)))

    def _set_out(self) -> None:
        """Cut what has arrived into parts."""
        if not self._arrived:
            return
        arrived = pl.concat(self._arrived)
        self._arrived, self._rows = [], 0
        same = [name for name in DELIVERED if name != "meter_id" and _is_same(arrived[name])]
        told, rows = arrived.select(same).head(1), arrived.drop(same)
        if told.equals(self._same):
            told = self._same
        self._same = told
        ids = arrived["meter_id"].unique()
        names = buckets.of_ids(ids.cast(pl.String), self._cut).cast(LABEL)
        placed = rows.with_columns(_day=arrived["local_date"], _bucket=pl.col("meter_id").replace_strict(ids, names))
        for (day, bucket), part in placed.partition_by("_day", "_bucket", include_key=False, as_dict=True).items():
            self._held += int(part.estimated_size())
            self._parts.setdefault((day, bucket), []).append(_Part(told, part))

    def _write(self) -> None:
        """Put all parts that are held into the file."""
        if self._file is None:
            self._file = self._closing.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed with the spool
        for day_bucket, parts in self._parts.items():
            written = [part for part in parts if isinstance(part.rows, tuple)]
            # As few as can be: each costs as much as some thousand of its rows.
            for _, group in groupby(parts[len(written) :], lambda part: id(part.same)):
                alike = [*group]
                at = self._file.seek(0, io.SEEK_END)
                pl.concat(map(self._rows_of, alike)).write_ipc_stream(self._file, compression="lz4")
                written.append(_Part(alike[0].same, (at, self._file.tell() - at)))
            self._parts[day_bucket] = written
        self._held = 0


def _is_same(values: pl.Series) -> bool:
    """Whether a column tells the same of all rows."""
    numbers = values.to_physical()
    nulls = numbers.null_count()
    return nulls == numbers.len() or (not nulls and numbers.min() == numbers.max())
