"""Meter intervals: which of the delivered readings counts, and the rest kept beside it.

The lake's two tables together hold every reading ever delivered, so the state of a day is a pure function of the set
of deliveries: any order, repetition or crash ends in the same bytes.

A reading wins its slot over another by, in this order: it has a value; it is an actual one, which no estimate replaces,
however late; the format's own version time (none is oldest); the better quality; the later delivery; then the later row
of one delivery.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, NamedTuple, Self

import numpy as np
import polars as pl

from assets.lake import buckets
from assets.lake.delivered import DELIVERED, Spool, no_delivered
from assets.lake.files import CityLake, Written, until_swapped
from assets.lake.ledger import named
from assets.lake.meter_registers import Registers
from quality import meter_grid as grid
from quality.contracts import nth
from quality.meter_array import DayArray
from quality.meter_grid import SLOT, align
from quality.problems import PROBLEM_SCHEMA
from quality.readings import LABEL, QUALITIES
from quality.tables import METER_INTERVALS, METER_SUPERSEDED
from quality.verdicts import Grade, Verdict

KEPT = [name for name in METER_SUPERSEDED.schema if name != "reason"]
"""What the lake's two tables both keep of a reading."""

_TEXTS = pl.Schema({name: METER_SUPERSEDED.schema[name] for name in KEPT})
_CODES = pl.Schema({name: LABEL if dtype == pl.String else dtype for name, dtype in _TEXTS.items()})

_RECORD = (*SLOT, "_receipt", "_nth")
_PREFER = ("_valued", "_actual", "version", "_rank", "_delivered", "_number", "_receipt", "_nth")


@dataclass(frozen=True)
class Applied:
    """What ``apply`` did: ``files`` written or removed, ``verdicts`` on the touched days, and ``refused``.

    ``refused`` has ``_receipt`` and the columns of ``PROBLEM_SCHEMA``, one row a delivered record and code. ``held``
    tells for each receipt how many rows the lake's two tables hold of it, by day.
    """

    files: list[Written]
    verdicts: list[Verdict]
    refused: pl.DataFrame
    held: dict[str, tuple[tuple[date, int], ...]]


def _in_texts(delivered: pl.DataFrame) -> pl.DataFrame:
    return delivered.with_columns(pl.col(LABEL).cast(pl.String))


class Resolved(NamedTuple):
    """The reading that counts of each slot, and those that another took the place of, with ``reason``."""

    current: pl.DataFrame
    superseded: pl.DataFrame


def resolve(delivered: pl.DataFrame) -> Resolved:
    """Split aligned rows (``KEPT`` among their columns) into the current one of each slot and the superseded ones.

    Superseded rows carry ``reason``: ``repeated`` where value and quality are the winner's, ``contradicted`` where it
    has another value and came the same day, in the same version and quality, so that only the order of files decided,
    else ``corrected``.
    """
    contested = pl.struct(SLOT).is_duplicated()
    rivals = (
        delivered.filter(contested)
        .with_columns(
            _valued=pl.col("value_delivered").is_not_null(),
            _actual=pl.col("quality") == "actual",
            _rank=pl.col("quality").replace_strict({code: -at for at, code in enumerate(QUALITIES)}),
        )
        .sort(_PREFER, descending=True, nulls_last=True)
        .drop("_valued", "_actual", "_rank")
    )
    winners = rivals.unique(SLOT, keep="first", maintain_order=True)
    losers = rivals.filter(~pl.struct(SLOT).is_first_distinct()).join(
        winners.select(*SLOT, **{f"_w_{name}": name for name in _DECIDES}), on=SLOT, how="left", maintain_order="left"
    )
    same = {name: pl.col(name).eq_missing(pl.col(f"_w_{name}")) for name in _DECIDES}
    repeated = same["value_delivered"] & same["quality"]
    told_at_once = same["quality"] & same["version"] & same["_delivered"]
    both = pl.col("value_delivered").is_not_null() & pl.col("_w_value_delivered").is_not_null()
    reason = (
        pl.when(repeated)
        .then(pl.lit("repeated"))
        .when(told_at_once & both)
        .then(pl.lit("contradicted"))
        .otherwise(pl.lit("corrected"))
    )
    superseded = losers.with_columns(reason=reason).drop(f"_w_{name}" for name in _DECIDES)
    return Resolved(pl.concat([delivered.filter(~contested), winners]), superseded)


_DECIDES: Final = ("value_delivered", "quality", "version", "_delivered")
"""Columns that tell why a reading took the place of another."""


def apply(
    lake: CityLake,
    deliveries: Spool,
    registers: Registers,
    receipts: Collection[str] = (),
    also_days: Collection[date] = (),
    numbers: Mapping[str, int] | None = None,
) -> Applied:
    """Put the readings of any number of receipts into the files of the city that they touch, one after another.

    Everything the same receipts brought earlier is replaced; ``receipts`` names further ones that may bring nothing
    any more, ``also_days`` the days they brought something for, ``numbers`` is as in ``in_turn``. Meters of
    the register of a touched day without a reading on it appear there with missing slots. May be repeated after a crash
    at any point.
    """
    days = sorted({*deliveries.days(), *also_days})
    again = sorted({*receipts, *deliveries.receipts})
    done = [
        each
        for day in days
        for each in _apply_day(lake, day, deliveries, again, registers.in_force(day), numbers, day in also_days)
    ]
    nothing = _in_texts(no_delivered()).with_columns(code=pl.lit(""), message=pl.lit(""))
    refused = pl.concat([nothing, *(each.refused for each in done)])
    held = pl.concat(
        [_HELD.to_frame(), *(d.held.select(day=pl.lit(d.day), receipt="_receipt", rows="len") for d in done)]
    )
    by_receipt: dict[str, list[tuple[date, int]]] = {}
    for day, receipt, rows in held.group_by("day", "receipt").agg(pl.col("rows").sum()).sort("day").iter_rows():
        by_receipt.setdefault(receipt, []).append((day, rows))
    return Applied(
        [file for each in done for file in each.files],
        [
            _off_grid(refused["code"], sum(each.judged for each in done)),
            *([_unregistered(done)] if registers.days else []),
            _contradictions(done),
        ],
        _problems(refused),
        {receipt: tuple(told) for receipt, told in by_receipt.items()},
    )


_CONTRADICTED = pl.Schema({"meter_id": pl.String(), "_receipt": pl.String()})
_HELD = pl.Schema({"day": pl.Date(), "receipt": pl.String(), "rows": pl.UInt32()})


class Outline(NamedTuple):
    """What other buckets of a day need to know of one, kept in the footer of its file.

    ``shapes`` are its channels with readings by what they are like (``meter_grid.shapes``), ``like`` what channels of
    silent meters were taken to be like (empty where nothing told; None where there are no such meters), ``registered``
    a digest of the meters that were in the register.
    """

    shapes: tuple[tuple[str, str, str, int, int], ...]
    like: tuple[str | int, ...] | None
    registered: str

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From a footer; None where it has none, as in a file of a day that was cut anew."""
        if not text:
            return None
        shapes, like, registered = json.loads(text)
        return cls(tuple(map(tuple, shapes)), None if like is None else tuple(like), registered)

    def __str__(self) -> str:
        return json.dumps(self)


def _shapes(outlines: Collection[Outline | None]) -> pl.DataFrame:
    found = [shape for outline in outlines if outline for shape in outline.shapes]
    return pl.DataFrame(found, grid.SHAPES, orient="row")


def _like(shapes: pl.DataFrame) -> tuple[str | int, ...]:
    return next(grid.usual(shapes).iter_rows(), ())


def _digest(registered: pl.Series) -> str:
    return hashlib.sha256("\n".join(registered).encode()).hexdigest()[:16]


def _apply_day(
    lake: CityLake,
    day: date,
    deliveries: Spool,
    again: list[str],
    register: pl.DataFrame,
    numbers: Mapping[str, int] | None,
    whole: bool,
) -> "list[_Bucket]":
    """Work on the buckets of a day that readings came for (on all of the ``whole`` day), and on those whose silent
    meters are other ones since, or are to be like others."""
    for table in (METER_INTERVALS, METER_SUPERSEDED):
        lake.recut(table, day)
    names = lake.buckets(METER_INTERVALS)
    registered = register["meter_id"].drop_nulls().unique().sort()
    meters = {each: registered.to_frame().filter(buckets.within(each)).to_series() for each in names}
    known = {each: Outline.read(lake.outline(METER_INTERVALS, day, each)) for each in names if each != buckets.WHOLE}

    def done_with(bucket: str, again: list[str]) -> _Bucket:
        others = _shapes([outline for each, outline in known.items() if each != bucket])
        readings = deliveries.take(day, bucket)
        work = partial(_apply_bucket, lake, day, bucket, readings, again, meters[bucket], numbers, others)
        done = until_swapped(work)
        known[bucket] = done.outline
        return done

    def is_due(bucket: str) -> bool:
        outline = known.get(bucket)
        return whole or deliveries.has(day, bucket) or outline is None or outline.registered != _digest(meters[bucket])

    done = [done_with(bucket, again) for bucket in names if is_due(bucket)]
    like = _like(_shapes(known.values()))
    unlike = [each for each, outline in known.items() if outline and outline.like not in (None, like)]
    # What these hold, and what was refused of it, was told.
    again_done = [done_with(bucket, []) for bucket in unlike]
    return done + [each._replace(held=each.held.clear(), refused=each.refused.clear(), judged=0) for each in again_done]


class _Bucket(NamedTuple):
    """What was done for a bucket of a day: ``refused`` are readings with ``code`` and ``message``, ``held`` the rows
    that the lake now holds of each receipt that was applied, ``contradicted`` the readings of these receipts that
    another file of their delivery day told otherwise (``meter_id``, ``_receipt``), ``meters`` those that deliver, and
    ``strangers`` those of them that are not in the day's register."""

    day: date
    outline: Outline
    files: list[Written]
    refused: pl.DataFrame
    held: pl.DataFrame
    contradicted: pl.DataFrame
    meters: pl.Series
    strangers: pl.Series
    judged: int


def in_turn(rows: pl.DataFrame, key: Sequence[str], numbers: Mapping[str, int] | None) -> pl.DataFrame:
    """``rows`` with ``_number`` as the place of their receipt among those of its delivery day that tell the same key.

    ``numbers`` are those of receipts in landing, in the order of arrival; a receipt that is not there has the number of
    its rows. They stay there: files of one meter each, named by account, arrive in the order of accounts.
    """
    same = (*key, "_delivered")
    alone = rows.with_columns(_number=pl.lit(1, rows.schema["_number"]))
    if rows["_receipt"].n_unique() < 2:
        return alone
    repeated = rows.select(pl.struct(same).hash().is_duplicated()).to_series()
    known = pl.DataFrame(list((numbers or {}).items()), {"_receipt": pl.String, "_known": pl.Int32}, orient="row")
    place = pl.coalesce("_known", "_number").rank("dense").over(same).cast(rows.schema["_number"])
    several = rows.filter(repeated).join(known, on="_receipt", how="left").with_columns(_number=place).drop("_known")
    return pl.concat([alone.filter(~repeated), several])


def _apply_bucket(
    lake: CityLake,
    day: date,
    bucket: str,
    delivered: pl.DataFrame,
    again: list[str],
    registered: pl.Series,
    numbers: Mapping[str, int] | None,
    others: pl.DataFrame,
) -> _Bucket:
    # The grid's own rows have no receipt: they are made anew.
    stays = pl.col("_receipt").is_not_null() & ~pl.col("_receipt").is_in(again)
    held, old = (lake.hold(table, day, bucket) for table in (METER_INTERVALS, METER_SUPERSEDED))
    stored, kept = (each.rows.filter(stays) for each in (held, old))
    alone = {"_nth": pl.lit(1, pl.Int32), "_number": pl.lit(1, pl.Int32)}
    everything = pl.concat(
        [
            delivered.with_columns(**alone).select(KEPT),
            stored.with_columns(_number=alone["_number"]).select(KEPT).cast(_CODES),
            kept.select(KEPT).cast(_CODES),
        ]
    )
    array = DayArray.of(everything, day)
    ends = np.cumsum([delivered.height, stored.height])
    of_delivered, of_stored, of_kept = (pl.Series(part) for part in np.split(array.regular, ends))
    rest = _by_rows(delivered.filter(~of_delivered), stored.filter(~of_stored), kept.filter(~of_kept), numbers)
    delivering = pl.concat([array.delivering.cast(pl.String), rest.current["meter_id"].unique()]).unique()
    silent = registered.filter(~registered.is_in(delivering.implode()))
    shapes = pl.concat([array.shapes, grid.shapes(rest.current)])
    like = grid.usual(pl.concat([shapes, others]))
    placed = like["minutes"].to_list() == [array.minutes]
    regular = array.complete(everything.filter(pl.Series(array.regular)), silent if placed else silent.clear(), like)
    irregular = grid.complete(rest.current, None if placed else grid.silent(silent, like, day))
    current = pl.concat([regular.cast(_TEXTS), irregular.select(KEPT).sort(METER_INTERVALS.order)])
    outline = Outline(
        tuple(shapes.group_by(grid.SHAPE).agg(pl.col("meters").sum()).sort(grid.SHAPE).iter_rows()),
        next(like.iter_rows(), ()) if silent.len() else None,
        _digest(registered),
    )
    # A row that moves from superseded to current stays in both until the current file is there: no crash loses it.
    moving = pl.concat([kept.filter(of_kept), rest.moving]).select(rest.superseded.columns)
    files = lake.swap(old, pl.concat([rest.superseded, moving]), [day])
    files += lake.swap(held, current, [day], str(outline))
    if moving.height:
        files += lake.swap(lake.hold(METER_SUPERSEDED, day, bucket), rest.superseded, [day])
    regular_held = delivered.select("_receipt").filter(of_delivered).group_by("_receipt", maintain_order=True).len()
    return _Bucket(
        day,
        outline,
        files,
        rest.refused,
        pl.concat([regular_held.cast({"_receipt": pl.String}), rest.held])
        .group_by("_receipt")
        .agg(pl.col("len").sum()),
        rest.superseded.filter(reason="contradicted")
        .filter(pl.col("_receipt").is_in(again))
        .select(_CONTRADICTED.names()),
        delivering,
        delivering.filter(~delivering.is_in(registered.implode())),
        len(array.place) + rest.judged,
    )


class _Rest(NamedTuple):
    """What came of the readings of irregular channels: ``current`` and ``superseded`` ones, ``moving`` stored ones that
    are current again, ``refused``, ``held`` and ``judged`` as in ``_Bucket``."""

    current: pl.DataFrame
    superseded: pl.DataFrame
    moving: pl.DataFrame
    refused: pl.DataFrame
    held: pl.DataFrame
    judged: int


def _by_rows(
    delivered: pl.DataFrame, stored: pl.DataFrame, kept: pl.DataFrame, numbers: Mapping[str, int] | None
) -> _Rest:
    """Resolve delivered readings with those that the lake holds of the same channels, row by row."""
    delivered = _in_texts(delivered).with_columns(_nth=nth(delivered, (*SLOT, "_receipt")))
    once = pl.struct(_RECORD).is_first_distinct()
    parts = [delivered, stored.select(KEPT), kept.select(KEPT)]
    everything = in_turn(pl.concat(parts, how="diagonal").filter(once), SLOT, numbers)
    aligned, off = align(everything)
    current, superseded = resolve(aligned)
    doubled = delivered.filter(~once).with_columns(
        code=pl.lit("key-duplicate"), message=pl.lit("one record gives two values for one interval")
    )
    return _Rest(
        current.select(KEPT),
        pl.concat([superseded.select(*KEPT, "reason"), off.select(*KEPT, reason=pl.lit("off_grid"))]),
        kept.join(current, on=_RECORD, how="semi", nulls_equal=True),
        pl.concat([off, doubled], how="diagonal").select(*DELIVERED.names(), "code", "message"),
        delivered.filter(once).group_by("_receipt", maintain_order=True).len(),
        everything.height,
    )


def _problems(rows: pl.DataFrame) -> pl.DataFrame:
    columns = rows.select("_receipt", row="_row", code="code", message="message")
    return columns.cast({"row": PROBLEM_SCHEMA["row"]}).unique(maintain_order=True)


def _contradictions(done: Sequence[_Bucket]) -> Verdict:
    """Warn of readings, of all of their days, that files of one delivery day tell differently: their order decided."""
    rows = pl.concat([_CONTRADICTED.to_frame(), *(each.contradicted for each in done)])
    days = {each.day for each in done if each.contradicted.height}
    judged = sum(each.judged for each in done if each.day in days or not days)
    if not days:
        return Verdict(METER_INTERVALS.name, "contradictions", "pass", judged, 0, "no two files of a day differ")
    meters, receipts = rows["meter_id"].n_unique(), rows["_receipt"].unique().sort().to_list()
    text = (
        f"{rows.height} readings of {meters} meters are told otherwise by a later file of the same delivery day, which "
        f"counts. See meter_superseded, reason contradicted. Receipts: {named(receipts)}"
    )
    return Verdict(METER_INTERVALS.name, "contradictions", "warn", judged, rows.height, text)


def _off_grid(codes: pl.Series, judged: int) -> Verdict:
    counts = codes.value_counts(name="readings").sort("code")
    text = (
        ", ".join(f"{count} readings {code}" for code, count in counts.iter_rows()) or "all readings are on their grid"
    )
    return Verdict(METER_INTERVALS.name, "grid", "warn" if len(codes) else "pass", judged, len(codes), text)


def _unregistered(done: Sequence[_Bucket]) -> Verdict:
    delivering, strangers = (
        pl.concat([_CONTRADICTED.to_frame()["meter_id"], *each]).n_unique()
        for each in ((d.meters for d in done), (d.strangers for d in done))
    )
    text = f"{strangers} of {delivering} meters that delivered are not in the register of their day"
    grade: Grade = "warn" if strangers else "pass"
    return Verdict(METER_INTERVALS.name, "meter-unregistered", grade, delivering, strangers, text)
