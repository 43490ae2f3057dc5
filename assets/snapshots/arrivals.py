"""What each source of a city brought, and since when it has brought nothing: told from landing and the books."""

from datetime import date

import polars as pl

from assets.cities.registry import City
from assets.lake import files as lake
from assets.lake.feeds import landed_as
from assets.landing.deployment import Deployment
from quality.tables import DELIVERIES

LOOK_BACK = 400
"""Receipts of a source that are opened at most, newest first, to find its last answer: a year of nightly failures."""

SCHEMA = pl.Schema(
    {"source": pl.String, "tonight": pl.String, "last_answer": pl.Date, "receipts": pl.Int64, "reason": pl.String}
)
"""One row a source. ``tonight``: ``answered``, ``in part``, ``failed``, or ``nothing`` where no receipt is of the day.
``last_answer``: newest delivery day with usable content, also unchanged content. ``receipts``: those of the day;
``reason``: of the first that failed."""


def arrivals(deployment: Deployment, city: City, day: date) -> pl.DataFrame:
    """``SCHEMA`` for every source of the city's registry entry, as of a delivery day."""
    books = lake.read(deployment.store, DELIVERIES, city.slug, (day, day))
    rejected = set(books.filter(status="rejected")["receipt"])
    rows = [_row(deployment, city, name, day, rejected) for name in sorted(city.sources)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _row(
    deployment: Deployment, city: City, name: str, day: date, rejected: set[str]
) -> tuple[str, str, date | None, int, str | None]:
    owner, source = landed_as(city, name)
    archive = deployment.archive
    known = [(d, identity) for d, identity in archive.ids(owner, source) if d <= day]
    tonight = [archive.receipt(owner, source, d, identity) for d, identity in known if d == day]
    failed = [r for r in tonight if r.outcome not in ("new", "unchanged") or r.id in rejected]
    good = len(tonight) - len(failed)
    last: date | None = day if good else None
    for delivered, identity in reversed([pair for pair in known if pair[0] < day][-LOOK_BACK:]):
        if last:
            break
        if archive.receipt(owner, source, delivered, identity).outcome in ("new", "unchanged"):
            last = delivered
    state = ("in part" if good else "failed") if failed else ("answered" if good else "nothing")
    reason = next((r.reason or "the reader refused it; see the quality checks" for r in failed), None)
    return name, state, last, len(tonight), reason
