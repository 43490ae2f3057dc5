"""What each source of a city brought, and since when it has brought nothing: told from landing and the ledger."""

from collections.abc import Collection
from typing import Any

import polars as pl

from assets.cities.registry import City, SourceEntry
from assets.lake.feeds import SOURCES, landed_as
from assets.lake.files import CityLake
from assets.landing.deployment import Step
from quality.tables import DELIVERIES

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
    known = [r for r in step.deployment.archive.receipts(owner, source) if r.day <= step.day]
    # What was asked for again that day is judged by what came last.
    tonight = list({receipt.name: receipt for receipt in known if receipt.day == step.day}.values())
    failed = [r for r in tonight if not r.answered or r.id in rejected]
    good = len(tonight) - len(failed)
    answered = [r.day for r in known if r.day < step.day and r.answered]
    return {
        "source": name,
        "tonight": ("in part" if good else "failed") if failed else ("answered" if good else "nothing"),
        "last_answer": step.day if good else max(answered, default=None),
        "receipts": len(tonight),
        "reason": next((r.reason or "the reader refused it; see the quality checks" for r in failed), None),
    }


def with_left(step: Step, names: Collection[str]) -> City:
    """The step's city with the sources beside its own that the registry has no more and whose rows are among these
    tables: what they brought stays, and whose it is and under which licence is told with it.

    Not those of catalogues, whose portal was an option: a row of theirs names its data set.
    """
    ours = {entry.reader for entry in step.city.sources.values()}
    known = [reader for reader, source in SOURCES.items() if source.portal or source.plan is None]
    # The format of what is no meter export is its reader's name.
    left = (
        CityLake.of(step)
        .read(DELIVERIES)
        .filter(
            pl.col("rows") > 0,
            pl.col("table").is_in(list(names)),
            pl.col("format").is_in(known) & ~pl.col("format").is_in(list(ours)),
            ~pl.col("source").is_in(list(step.city.sources)),
        )
    )
    more = {
        name: SourceEntry(via="portal" if SOURCES[reader].portal else "inbox", reader=reader)
        for name, reader in left.sort("day").select("source", "format").iter_rows()
    }
    return step.city.model_copy(update={"sources": {**step.city.sources, **more}}) if more else step.city
