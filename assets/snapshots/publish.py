"""From lake to public: the city's snapshot."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from assets.lake import accounts
from assets.lake.files import CityLake
from assets.landing.deployment import Step
from assets.snapshots import commit
from assets.snapshots.arrivals import arrivals
from assets.snapshots.build import Edition
from quality.tables import DELIVERIES, TABLES, VERDICTS


@dataclass(frozen=True)
class Published:
    """A committed snapshot, as the graph shows it."""

    snapshot: str
    seq: int
    files: int
    bytes: int
    page: str


def publish(step: Step, names: Sequence[str]) -> Published:
    """Publish the city's tables with the day's verdicts. Raises ``Unaccounted`` where lake and ledger differ, and what
    ``assets.snapshots.commit.publish`` raises."""
    accounts.require(step)
    lake, deployment, city = CityLake.of(step), step.deployment, step.city.slug
    today = (step.day, step.day)
    edition = Edition(
        city=step.city,
        day=step.day,
        tables={name: lake.read(TABLES[name]) for name in names},
        verdicts=lake.read(VERDICTS, today),
        synthetic=deployment.synthetic,
        run=step.run,
        code_version=deployment.version,
        now=deployment.now(),
        inputs=sorted(set(lake.read(DELIVERIES, today).filter(pl.col("rows") > 0)["receipt"])),
        arrivals=arrivals(step),
    )
    entry = commit.publish(deployment.store, edition)
    manifest = json.loads(commit.show(deployment.store, city, entry.snapshot_id))
    return Published(
        snapshot=entry.snapshot_id,
        seq=entry.seq,
        files=len(manifest["files"]),
        bytes=sum(file["bytes"] for file in manifest["files"]),
        page=commit.page_path(deployment.store, city, entry.snapshot_id),
    )
