"""From lake to public: the load profile behind the privacy gate, the indicators, and the city's snapshot."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from assets.cities.registry import City
from assets.lake import files as lake
from assets.lake import ingest, load_profile
from assets.landing.deployment import Deployment
from assets.snapshots.arrivals import arrivals
from quality import expectations
from quality.tables import (
    DELIVERIES,
    INDICATORS,
    LOAD_PROFILE,
    LOAD_PROFILE_BASIS,
    METER_INTERVALS,
    PROGRAMME,
    TABLES,
    VERDICTS,
)
from quality.verdicts import Verdict, contract, freshness, keys, structure, worst


@dataclass(frozen=True)
class Profile:
    """The load profile's days that were made, their cells, and how they were judged."""

    days: Sequence[date]
    rows: int
    verdicts: Sequence[Verdict]


def make_load_profile(deployment: Deployment, city: City, day: date) -> Profile:
    """Make the load profile of every day whose meter intervals changed, and of the reading day.

    Cells that the gate blocks are never written. The basis is stored before the cells: a crash in between costs a
    correction, never privacy.
    """
    store = deployment.store
    days = sorted({*ingest.stale_days(deployment, city), day - timedelta(days=1)})
    register = ingest.latest_register(deployment, city, day)
    verdicts: list[Verdict] = []
    cells = [LOAD_PROFILE.empty()]
    for made in days:
        intervals = lake.read_day(store, METER_INTERVALS, city.slug, made)
        before = lake.read_day(store, LOAD_PROFILE_BASIS, city.slug, made)
        if not intervals.height and not before.height:
            ingest.settle(deployment, city, made)
            continue
        profile = load_profile.build(intervals, register, before if before.height else None)
        found = [check(LOAD_PROFILE, profile.cells) for check in (structure, keys, contract)] + profile.verdicts
        verdicts += found
        if any(verdict.verdict == "block" for verdict in found):
            continue  # the day keeps what it had, and is made again the next night
        lake.write(store, LOAD_PROFILE_BASIS, city.slug, made, profile.basis)
        lake.write(store, LOAD_PROFILE, city.slug, made, profile.cells)
        ingest.settle(deployment, city, made)
        cells.append(profile.cells)
    written = pl.concat(cells)
    # Once for all days: the suite costs the same for a day as for a year, and nothing it blocks passes the contract.
    verdicts += expectations.judge(LOAD_PROFILE, written)
    stored = lake.keys(store, LOAD_PROFILE, city.slug)
    verdicts.append(freshness(LOAD_PROFILE, lake.day_of(stored[-1]) if stored else None, day))
    judged = worst(verdicts)
    ingest.write_verdicts(deployment, city, LOAD_PROFILE.name, day, judged)
    return Profile(days, written.height, judged)


def _published(deployment: Deployment, city: City, names: Sequence[str]) -> dict[str, pl.DataFrame]:
    return {name: lake.read(deployment.store, TABLES[name], city.slug) for name in names}


def make_indicators(deployment: Deployment, city: City, names: Sequence[str], day: date) -> pl.DataFrame:
    """Compute the city's indicators on a delivery day from its published tables and store them."""
    from assets.indicators.all import all_indicators

    frame = all_indicators(city, day, _published(deployment, city, names))
    lake.write(deployment.store, INDICATORS, city.slug, day, frame)
    return frame


def make_programme(deployment: Deployment, city: City, names: Sequence[str], day: date) -> pl.DataFrame:
    """Make the city's programme view of a delivery day from its published tables and store it."""
    from assets.indicators.programme import programme

    frame = programme(city, day, _published(deployment, city, names))
    lake.write(deployment.store, PROGRAMME, city.slug, day, frame)
    return frame


@dataclass(frozen=True)
class Published:
    """A committed snapshot, as the graph shows it."""

    snapshot: str
    seq: int
    files: int
    bytes: int
    page: str


def publish_city(deployment: Deployment, city: City, names: Sequence[str], day: date, run: str) -> Published:
    """Publish the city's tables with the day's verdicts. Raises what ``assets.snapshots.commit.publish`` raises."""
    from assets.snapshots import commit

    today = (day, day)
    deliveries = lake.read(deployment.store, DELIVERIES, city.slug, today).filter(pl.col("rows") > 0)
    entry = commit.publish(
        deployment.store,
        city,
        day,
        _published(deployment, city, names),
        lake.read(deployment.store, VERDICTS, city.slug, today),
        synthetic=deployment.synthetic,
        run=run,
        code_version=deployment.version,
        now=deployment.now(),
        inputs=sorted(set(deliveries["receipt"])),
        arrivals=arrivals(deployment, city, day),
    )
    manifest = json.loads(commit.show(deployment.store, city.slug, entry.snapshot_id))
    return Published(
        snapshot=entry.snapshot_id,
        seq=entry.seq,
        files=len(manifest["files"]),
        bytes=sum(file["bytes"] for file in manifest["files"]),
        page=commit.page_path(deployment.store, city.slug, entry.snapshot_id),
    )
