"""What each source of a city brought, and since when it has brought nothing: told from landing and the ledger."""

from datetime import date
from typing import Any

import polars as pl

from assets.lake.feeds import landed_as
from assets.lake.files import CityLake
from assets.landing.deployment import Step
from quality.tables import DELIVERIES

LOOK_BACK = 400
"""Receipts of a source that are opened at most, newest first, to find its last answer: a year of nightly failures."""

SCHEMA = pl.Schema(
    {"source": pl.String, "tonight": pl.String, "last_answer": pl.Date, "receipts": pl.Int64, "reason": pl.String}
)
"""One row a source. ``tonight``: ``answered``, ``in part``, ``failed``, or ``nothing`` where no receipt is of the day.
``last_answer``: newest delivery day with usable content, also unchanged content. ``receipts``: those of the day;
``reason``: of the first that failed."""


def arrivals(step: Step) -> pl.DataFrame:
    """``SCHEMA`` for every source of the city's registry entry, as of the step's day."""
    entries = CityLake.of(step).read(DELIVERIES, (step.day, step.day))
    rejected = set(entries.filter(status="rejected")["receipt"])
    return pl.DataFrame([_row(step, name, rejected) for name in sorted(step.city.sources)], schema=SCHEMA)


def _row(step: Step, name: str, rejected: set[str]) -> dict[str, Any]:
    owner, source = landed_as(step.city, name)
    archive, today = step.deployment.archive, step.day
    known = [(day, identity) for day, identity in archive.ids(owner, source) if day <= today]
    tonight = [archive.receipt(owner, source, day, identity) for day, identity in known if day == today]
    failed = [r for r in tonight if r.outcome not in ("new", "unchanged") or r.id in rejected]
    good = len(tonight) - len(failed)
    last: date | None = today if good else None
    for day, identity in reversed([pair for pair in known if pair[0] < today][-LOOK_BACK:]):
        if last:
            break
        if archive.receipt(owner, source, day, identity).outcome in ("new", "unchanged"):
            last = day
    return {
        "source": name,
        "tonight": ("in part" if good else "failed") if failed else ("answered" if good else "nothing"),
        "last_answer": last,
        "receipts": len(tonight),
        "reason": next((r.reason or "the reader refused it; see the quality checks" for r in failed), None),
    }
