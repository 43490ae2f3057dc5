"""Counts of citizens' reports, from the tickets that never leave the lake."""

import polars as pl

from quality.tables import CITIZEN_REPORTS

LEAST_FINISHED = 3
"""Finished reports that carry a median: of one or two it would tell how long that one person waited."""


def count(tickets: pl.DataFrame) -> pl.DataFrame:
    """``CITIZEN_REPORTS`` of ``TICKETS``: reports by day, tambon, first kind and state they are in."""
    hours = (pl.col("finished") - pl.col("reported")).dt.total_seconds() / 3600
    return (
        tickets.with_columns(
            kind=pl.col("kinds").fill_null("").str.split(",").list.first().str.strip_chars(), hours=hours
        )
        .group_by("source", "local_date", "amphoe", "tambon", "kind", "state")
        .agg(
            reports=pl.len().cast(pl.Int64),
            median_hours_to_finish=pl.when((pl.col("hours") >= 0).sum() >= LEAST_FINISHED).then(
                pl.col("hours").filter(pl.col("hours") >= 0).median()
            ),
        )
        .select(CITIZEN_REPORTS.schema.names())
        .cast(CITIZEN_REPORTS.schema)
    )


def fullest(reports: pl.DataFrame) -> pl.DataFrame:
    """The reports of the endpoint that tells most: two endpoints tell the same reports, which are never added."""
    most = reports.group_by("source").agg(pl.col("reports").sum()).sort("reports", "source").tail(1)
    return reports.join(most, on="source", how="semi", maintain_order="left")
