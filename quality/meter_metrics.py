"""Metrics of meter intervals: what Great Expectations judges in place of ten million readings."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import polars as pl

from quality.meter_grid import DAY_MINUTES

AT_ONCE = 250_000
"""Rows, or few more, that are looked at together: what is told of each takes 100 bytes meanwhile, and grouping copies
what it groups into one piece first."""

FEW = 10_000
"""Rows that are grouped by their key in less time than their pieces are found, 0.2 against 0.6 ms."""


def slices(rows: pl.DataFrame, key: Sequence[str]) -> Iterator[pl.DataFrame]:
    """``rows`` some at a time, cut where another ``key`` begins."""
    if rows.height < FEW:
        yield rows
        return
    cuts = _cuts(_begins(rows, key))
    yield from (rows.slice(start, end - start) for start, end in pairwise(cuts))


def figures_of(rows: pl.DataFrame, key: Sequence[str], **figures: pl.Expr) -> pl.DataFrame:
    """A row a ``key`` of ``rows``, with these figures of it.

    Readings of a key mostly lie in one piece. Then its number tells them, which costs a tenth of what its names do;
    of few rows that is less than finding the pieces.
    """
    if rows.height < FEW:
        return rows.group_by(key, maintain_order=True).agg(**figures)
    begins = _begins(rows, key)
    keys = rows.select(key).filter(begins)
    if not keys.height or keys.is_duplicated().any():
        return rows.group_by(key).agg(**figures)
    numbered = rows.select({name for figure in figures.values() for name in figure.meta.root_names()} or key)
    numbered = numbered.with_columns(begins.cum_sum().set_sorted())
    parts = [numbered.slice(start, end - start) for start, end in pairwise(_cuts(begins))]
    found = pl.concat([part.group_by("_piece", maintain_order=True).agg(**figures) for part in parts])
    return keys.hstack(found.drop("_piece"))


def _begins(rows: pl.DataFrame, key: Sequence[str]) -> pl.Series:
    """Whether another ``key`` begins with a row."""
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in key)
    return rows.select(_piece=other)["_piece"]


def _cuts(begins: pl.Series) -> list[int]:
    """Where slices of ``AT_ONCE`` rows and few more begin and the last ends; no place is within a piece."""
    first = begins.arg_true()
    slice_of = first // AT_ONCE
    return [0, *first.filter(slice_of.ne_missing(slice_of.shift()))[1:], begins.len()]


def by_meter_day(frame: pl.DataFrame) -> pl.DataFrame:
    """``METER_INTERVALS`` rows as one row a meter and day.

    ``slots`` and ``expected`` (rows there and rows of a complete grid), ``missing`` (rows without a value) and their
    ``missing_share``, ``zero_share`` (of the values there are), ``negative`` (rows), ``peak_ratio`` (greatest value to
    mean, 0 without a positive mean).
    """
    value = pl.col("value_delivered").cast(pl.Float64)
    flow = pl.col("quantity").str.contains("import|export")
    # Row by row first: an expression within a group costs its overhead for each of a city's meters.
    readings = frame.select(
        "meter_id",
        "local_date",
        "channel",
        "quantity",
        value=value,
        expected=DAY_MINUTES // pl.col("minutes"),
        zero=value == 0,
        negative=(value < 0) & flow,
    )
    channels = figures_of(
        readings,
        ("meter_id", "local_date", "channel", "quantity"),
        expected=pl.col("expected").max(),
        zero=pl.col("zero").sum(),
        negative=pl.col("negative").sum(),
        slots=pl.len(),
        missing=pl.col("value").null_count(),
        mean=pl.col("value").mean(),
        greatest=pl.col("value").max(),
    )
    ratio = pl.when(pl.col("mean") > 0).then(pl.col("greatest") / pl.col("mean")).otherwise(0.0)
    channels = channels.with_columns(peak_ratio=ratio)
    present = pl.col("slots").sum() - pl.col("missing").sum()
    return (
        channels.group_by("meter_id", "local_date")
        .agg(
            pl.col("slots", "negative", "missing").sum().cast(pl.Int64),
            pl.col("expected").sum().cast(pl.Int64),
            missing_share=pl.col("missing").sum() / pl.col("slots").sum(),
            zero_share=pl.when(present > 0).then(pl.col("zero").sum() / present).otherwise(0.0),
            peak_ratio=pl.col("peak_ratio").max(),
        )
        .sort("meter_id", "local_date")
    )
