"""From lake to public: the city's snapshot."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import polars as pl

from assets.indicators.make import make_all
from assets.lake import accounts, verdicts
from assets.lake.files import CityLake
from assets.landing.deployment import Step
from assets.snapshots import commit, latest
from assets.snapshots.arrivals import arrivals, with_left
from assets.snapshots.build import Edition
from assets.snapshots.collect import collect, sweep
from assets.snapshots.commit import Conflict
from assets.snapshots.history import Base, manifest, page_path, repair
from quality import gate
from quality.tables import DELIVERIES, TABLES, VERDICTS

ATTEMPTS = 5
"""Times an edition is made: of so many publishers at once, each is faster than the others once."""

PAUSE = 2.0
"""Seconds waited at most after a conflict; of a random length, so that two do not meet again."""


@dataclass(frozen=True)
class Published:
    """The city's current snapshot after a step, as the graph shows it. ``unchanged``: it was there before.

    ``mended`` are sentences about control files that were not as they should be; ``removed`` counts snapshots that were
    left over or too old, ``not_removed`` says what kept them.
    """

    snapshot: str
    seq: int
    day: str
    unchanged: bool
    files: int
    bytes: int
    page: str
    mended: Sequence[str]
    removed: int
    not_removed: str = ""


def publish(step: Step, names: Sequence[str]) -> Published:
    """Publish the city's tables: the newest edition there can be, whatever day the step is of.

    A conflict is tried again from the lake on. Raises ``Unaccounted`` where lake and ledger differ, and what
    ``assets.snapshots.commit.publish`` raises.
    """
    deployment, city = step.deployment, step.city.slug
    store, now = deployment.store, deployment.now()
    removed, kept = 0, []
    try:
        removed += len(sweep(store, city, now, deployment.snapshot_days))
    except OSError as error:  # a store that may not be removed from can still be published to
        kept.append(str(error))
    mended: list[str] = []
    for attempt in range(1, ATTEMPTS + 1):
        base = repair(store, city)
        mended += base.mended
        try:
            entry = commit.publish(store, _edition(step, names, base), base)
            break
        except Conflict:
            if attempt == ATTEMPTS:
                raise
            time.sleep(random.uniform(0, PAUSE))  # noqa: S311
    latest.show(store, city)
    try:
        grace = timedelta(hours=deployment.reader_hours)
        removed += len(collect(store, city, now, deployment.snapshot_days, grace=grace))
    except OSError as error:
        kept.append(str(error))
    told = manifest(store, entry)
    return Published(
        snapshot=entry.snapshot_id,
        seq=entry.seq,
        day=entry.day.isoformat(),
        unchanged=entry == base.entry,
        files=len(told["files"]),
        bytes=sum(file["bytes"] for file in told["files"]),
        page=page_path(store, city, entry.snapshot_id),
        mended=mended,
        removed=removed,
        not_removed="; ".join(kept),
    )


def _edition(step: Step, names: Sequence[str], base: Base) -> Edition:
    """The lake as it is, on the newest day that was worked on or published.

    A past day that is run again brings corrections; it does not bring the past back. The newest day's indicators are
    made again of them, and the page says that day. Each table has its verdicts of the newest day it was judged on since
    the step's: every table was judged in the step's own run, and a day that a crash cut short judged only some.
    """
    lake, deployment = CityLake.of(step), step.deployment
    days = (step.day, lake.newest(VERDICTS), base.entry and base.entry.day)
    newest = replace(step, day=max(day for day in days if day))
    today = (newest.day, newest.day)
    accounts.require(step)
    if newest.day != step.day:
        accounts.require(newest)
        make_all(newest, names, since=step.day)
    judged = verdicts.latest(lake, step.day, newest.day)
    withheld = {name: why for name, why in gate.withheld(judged).items() if name in names}
    customers = [table.name for table in TABLES.values() if table.of_customers]
    brought = (pl.col("rows") > 0) & ~pl.col("table").is_in(customers)
    return Edition(
        city=with_left(newest, [name for name in names if name not in withheld]),
        day=newest.day,
        tables={name: lake.read(TABLES[name]) for name in names if name not in withheld},
        withheld=withheld,
        verdicts=judged,
        synthetic=deployment.synthetic,
        run=step.run,
        code_version=deployment.version,
        now=deployment.now(),
        inputs=sorted(set(lake.read(DELIVERIES, today).filter(brought)["receipt"])),
        arrivals=arrivals(newest),
    )
