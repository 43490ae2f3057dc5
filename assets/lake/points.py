"""Metering points: which deliveries in landing hold one, and which lake tables know meters by the ids made of them."""

from collections.abc import Iterator

import polars as pl

from assets.lake.feeds import landed_as, source_of
from assets.lake.ledger import Due
from assets.landing.deployment import Step
from assets.sources.source import ReadResult
from quality.tables import TABLES

PSEUDONYMOUS = tuple(table for table in TABLES.values() if "meter_id" in table.schema)
"""Tables whose rows carry the keyed hash of a metering point. None of them is published."""


def keyed_deliveries(step: Step) -> Iterator[Due]:
    """Every delivery with content of the city's sources that tell of metering points, oldest first of each source."""
    for name, entry in sorted(step.city.sources.items()):
        if source_of(entry).keyed:
            receipts = step.deployment.archive.receipts(*landed_as(step.city, name))
            yield from (Due(name, entry, receipt) for receipt in receipts if receipt.readable)


def points_in(result: ReadResult) -> pl.Series:
    """The metering points that a delivery tells of, each once."""
    found = [frame["point"].cast(pl.String) for frame in result.tables.values() if "point" in frame.columns]
    return pl.concat([pl.Series("point", [], pl.String), *found]).drop_nulls().unique()
