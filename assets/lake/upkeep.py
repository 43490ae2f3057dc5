"""Upkeep of a city's lake: find damage, make days again from landing, rewrite old files, compact closed months."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

import polars as pl

from assets.lake import accounts, ingest, ledger, stale_days
from assets.lake.derive import DERIVED
from assets.lake.encoding import NewerContract, check, is_current
from assets.lake.feeds import feeds
from assets.lake.files import COMPACTED, FROM_BACKUP, CityLake
from assets.lake.keys import span
from assets.landing.deployment import Step
from assets.landing.store import Damaged
from quality import privacy
from quality.contracts import Table
from quality.tables import (
    DELIVERIES,
    FEEDER_BALANCE,
    LOAD_PROFILE,
    LOAD_PROFILE_BASIS,
    METER_FINAL,
    METER_INTERVALS,
    METER_QUALITY,
    METER_SUPERSEDED,
    METERS,
    MISSING_READINGS,
    QUARANTINE,
    REGISTER_CHECKS,
    REGISTER_READS,
    REGISTER_WATCH,
    TABLES,
    VEE_RULES,
    VERDICTS,
)
from quality.vee.rules import Context
from quality.vee.thresholds import Thresholds
from quality.vee.validate import vee_rules

METER_TABLES = (METER_INTERVALS, METER_SUPERSEDED, REGISTER_READS)
"""Tables that one reading of the meter exports fills together."""

MADE_OF: Mapping[str, Table] = {
    **{each.name: METER_INTERVALS for each in (METER_FINAL, METER_QUALITY, MISSING_READINGS, FEEDER_BALANCE)},
    REGISTER_CHECKS.name: REGISTER_READS,
    REGISTER_WATCH.name: METERS,
    **{each.table.name: each.source for each in DERIVED},
}
"""Tables that a night makes again for the days noted (``stale_days``) of another."""

SETTLED_DAYS = 7
"""A month is closed for compaction a week after its end: corrections of its last days still come meanwhile."""


class CannotRebuild(Exception):
    """What the table was made of is not in landing; the message says what to do instead."""


@dataclass(frozen=True)
class Rebuilt:
    """Days that were made again and how many deliveries were read for them. ``note`` says what is still to do."""

    days: list[date]
    deliveries: int
    note: str = ""


def as_last_night(step: Step) -> Step:
    """``step`` on the day of the city's last night, if there was one: what is read again is judged as of it, and a day
    that no night has begun stays without verdicts and deliveries."""
    last = CityLake.of(step).newest(VERDICTS, step.day)
    return step if last is None else replace(step, day=last)


def verify(lake: CityLake) -> list[str]:
    """What is wrong in a city's lake, in sentences that name the file and what mends it: files that are not what was
    written or cannot be read, and rows that ledger and lake do not agree on."""
    wrong = [*_damaged(lake, TABLES.values()), *_damaged_memory(lake)]
    if not wrong:
        wrong += accounts.differences(lake)
    return wrong


def _damaged(lake: CityLake, tables: Iterable[Table]) -> Iterator[str]:
    for table in tables:
        for key in lake.keys(table):
            try:
                lake.rows(table, [key])
            except (Damaged, NewerContract) as error:
                yield str(error)
            except pl.exceptions.PolarsError as error:
                yield f"{key} cannot be read ({type(error).__name__}): {lake.remedy(table, key)}"


def _damaged_memory(lake: CityLake) -> Iterator[str]:
    """Damage of what is remembered beside tables: the ids of metering points, counts that were told."""
    tables = tuple(f"memory/{table.name}/" for table in TABLES.values() if table.folder == "memory")
    for key in lake.store.list("memory"):
        if f"/city={lake.city}/" in key.replace(".parquet", "/") and not key.startswith(tables):
            try:
                check(key, lake.store.read(key), FROM_BACKUP)
            except Damaged as error:
                yield str(error)


def rebuild(step: Step, table: Table, day: date) -> Rebuilt:
    """Make a day of a table again from landing, whatever its file holds or does not hold.

    A file that is damaged is moved to ``damaged/``. Where a file holds more days (a year, a compacted month), all of
    them are made again. Raises ``CannotRebuild`` for what is not made of landing.
    """
    lake = CityLake.of(step)
    if table is LOAD_PROFILE_BASIS:
        raise CannotRebuild(
            "memory/load_profile_basis is what was published, which nothing else knows: restore its file from a backup"
        )
    first, last = span(lake.held_in(table, day))
    if table is LOAD_PROFILE:
        days = _within(lake, LOAD_PROFILE_BASIS, first, last)
        _set_aside(lake, table, day)
        for at in days or [day]:
            lake.put(table, at, privacy.cells(lake.day(LOAD_PROFILE_BASIS, at)))
        return Rebuilt(days or [day], 0)
    if table is VEE_RULES:
        since = max([first, *lake.days(DELIVERIES)[:1]])
        _set_aside(lake, table, day)
        lake.put(table, since, vee_rules(Context(Thresholds.of(step.city.meter_thresholds)), since))
        return Rebuilt([since], 0, "what the bits of flags mean is told as of today's rules")
    if table.name in MADE_OF:
        source = MADE_OF[table.name]
        days = _within(lake, source, first, last)
        # Noted first: no crash leaves a day that nobody makes again.
        stale_days.note(lake, source, days)
        _set_aside(lake, table, day)
        return Rebuilt(days or [day], 0, "the next night makes it again")
    if table in (DELIVERIES, QUARANTINE):
        # Without its entries a delivery is due: the next night reads all of this delivery day again.
        came = [receipt for receipt in step.deployment.archive.receipts_of_day(lake.city, day) if receipt.readable]
        _all_fed({receipt.source for receipt in came}, step.city.sources)
        for each in (DELIVERIES, QUARANTINE):
            _set_aside(lake, each, day)
        return Rebuilt([day], 0, f"the next night reads the deliveries of {day} again")
    if not table.lineage:
        told = f"--day {day}" if first == last else f"--from {first} --to {last}"
        # What is whole stays until that night puts its own in its place: it may never come.
        _move_damaged(lake, table, day)
        return Rebuilt(
            sorted({first, last}), 0, f"run what it is made by again: `muang nightly {told} --city {lake.city}`"
        )
    return _read_again(step, lake, table, day)


def _read_again(step: Step, lake: CityLake, table: Table, day: date) -> Rebuilt:
    together = METER_TABLES[:2] if table in METER_TABLES[:2] else (table,)
    fed = METER_INTERVALS if table in METER_TABLES else table
    first, last = span(lake.held_in(table, day))
    booked = lake.read(DELIVERIES).filter(table=REGISTER_READS.name if table is REGISTER_READS else fed.name)
    held = booked.select("receipt", delivered="day", held="held").explode("held").drop_nulls("held").unnest("held")
    of_these = held.filter(pl.col("day").is_between(first, last))
    days = sorted({day, *of_these["day"]})
    receipts = set(of_these["receipt"])
    _all_fed(booked.filter(pl.col("receipt").is_in(receipts))["source"], dict(feeds(step.city, fed.name)))
    ledger.forget(lake, fed, receipts)
    for each in together:
        for one in days:
            _set_aside(lake, each, one)
    done = ingest.ingest(step, fed)
    # What came today is read besides, as by any night.
    again = sum(entry.due.receipt.id in receipts for entry in done.entries)
    return Rebuilt(days, again, "" if again else "the ledger knows no delivery that brought rows of it")


def _all_fed(brought: Iterable[str], sources: Collection[str]) -> None:
    """Raises ``CannotRebuild`` where rows came from a source that the registry has no more. Nothing reads these again:
    they would be gone, and the city withheld for want of them."""
    if gone := sorted(set(brought).difference(sources)):
        raise CannotRebuild(
            f"rows came from {', '.join(gone)}, which the registry has no more: put the source back, rebuild, and take "
            "it out again"
        )


def _within(lake: CityLake, table: Table, first: date, last: date) -> list[date]:
    return [day for day in lake.days(table, lake.keys(table, (first, last))) if first <= day <= last]


def _set_aside(lake: CityLake, table: Table, day: date) -> None:
    """Move what is damaged of a day's files to ``damaged/``; remove the day from the others."""
    _move_damaged(lake, table, day)
    lake.put(table, day, table.empty())


def _move_damaged(lake: CityLake, table: Table, day: date) -> None:
    for key in lake.keys(table, (day, day)):
        try:
            lake.rows(table, [key])
        except (Damaged, pl.exceptions.PolarsError):
            found = lake.store.fetch(key)
            if found.data is not None:
                lake.store.write(f"damaged/{key}", found.data)
                lake.store.remove(key, found.tag)


def refused(step: Step) -> pl.DataFrame:
    """Deliveries of the city that are not read, or not wholly: rows of ``deliveries``, with the problem codes of each
    (``codes``). A later one of the same name takes none out: it may tell of other days."""
    lake = CityLake.of(step)
    codes = (
        lake.read(QUARANTINE)
        .filter(pl.col("severity") != "warn")
        .group_by("receipt", "table")
        .agg(codes=pl.col("code").unique().sort(), problems=pl.len())
    )
    standing = pl.col("status").is_in(["rejected", "partial", "failed"]) & (pl.col("format") != "unchanged")
    # What was left in the inbox is no delivery that could be read: each night tells anew what still lies there.
    lies = (pl.col("format") != "left") | (pl.col("day") == pl.col("day").max())
    return (
        lake.read(DELIVERIES)
        .filter(standing & lies)
        .join(codes, on=["receipt", "table"], how="left")
        .sort("day", "source")
    )


def replay(step: Step, receipts: Iterable[str] = ()) -> list[Rebuilt]:
    """Read again what was refused (or only these receipts), into the tables that it is for. What came from a source
    that the registry has no more waits until it is put back (``unread``)."""
    lake, chosen = CityLake.of(step), list(receipts)
    waiting = refused(step)
    if chosen:
        waiting = waiting.filter(pl.col("receipt").is_in(chosen))
    done = []
    for name in waiting["table"].unique(maintain_order=True):
        table = TABLES[name]
        if not feeds(step.city, table.name):
            continue
        again = waiting.filter(table=name)["receipt"].unique()
        fed = METER_INTERVALS if table in METER_TABLES else table
        ledger.forget(lake, fed, again)
        read = ingest.ingest(step, fed)
        days = sorted({day for file in read.files for day in file.days})
        done.append(Rebuilt(days, len(read.entries), table.name))
    return done


def unread(step: Step) -> list[str]:
    """Sources of what is refused that the registry has no more: nothing reads it again."""
    return sorted(set(refused(step)["source"]).difference(step.city.sources))


def upgrade(lake: CityLake) -> list[str]:
    """Rewrite files of an older contract, without digest or in another place than the table's size asks for; returns
    their keys. Raises what ``CityLake.read`` raises."""
    done = rebucket(lake)
    for table in TABLES.values():
        for key in lake.keys(table):
            rows = lake.rows(table, [key])
            days = rows[table.day].unique().to_list()
            placed = table.bucketed or {lake.held_in(table, day) for day in days} == {key}
            if placed and is_current(table, lake.store.read(key)):
                continue
            done.append(key)
            if not placed:
                lake.revise(table, days, partial(_together, table, rows))
                lake.store.delete(key)
            else:
                held = lake.hold_file(table, key)
                lake.swap(held, held.rows, days)
    return done


def rebucket(lake: CityLake) -> list[str]:
    """Cut the days of meter tables into as many buckets as the lake is to have; returns the files that went. Nights
    do so with each day that they write. Raises what ``CityLake.read`` raises."""
    bucketed = [table for table in TABLES.values() if table.bucketed]
    return [key for table in bucketed for day in lake.days(table) for key in lake.recut(table, day)]


def _together(table: Table, moved: pl.DataFrame, stored: pl.DataFrame, days: list[date]) -> pl.DataFrame:
    here = moved.filter(pl.col(table.day).is_in(days))
    return pl.concat([stored, here]).unique([*dict.fromkeys((table.day, *table.key))], keep="first")


def compact(lake: CityLake, today: date) -> list[str]:
    """Make one file of each closed month of the tables whose size allows it; returns the months' keys."""
    before = (today - timedelta(days=SETTLED_DAYS)).replace(day=1)
    return [key for table in TABLES.values() if table.size in COMPACTED for key in lake.compact(table, before)]


def closed_month(today: date) -> str:
    """The newest month (``YYYY-MM``) of landing that nothing comes to any more: the last one is still asked about, and
    its days are run again."""
    last = today.replace(day=1) - timedelta(days=1)
    return f"{last.replace(day=1) - timedelta(days=1):%Y-%m}"


def tidy(step: Step) -> int:
    """Compact what has closed since the last night, of the lake and of landing; returns the number of months' files."""
    return len(compact(CityLake.of(step), step.deployment.now().date())) + tidy_landing(step)


def tidy_landing(step: Step) -> int:
    """The same of landing alone (the sources of the whole country have no lake), and pack the days before today."""
    archive, city, today = step.deployment.archive, step.city.slug, step.deployment.now().date()
    archive.pack(city, today)
    month = closed_month(today)
    if not archive.is_open(city, month):
        return 0
    archive.compact(city, month)
    return 1
