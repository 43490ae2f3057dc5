"""What two tell differently: keys of a table of which one source, or one resource, says something else than another."""

from collections.abc import Sequence

import polars as pl

from quality.contracts import Table
from quality.verdicts import Verdict, odd_rows


def clashes(table: Table, told: Sequence[tuple[str, str, pl.DataFrame]]) -> list[Verdict]:
    """Check ``sources-clash``: keys that are told differently in one night, of which only the last is kept.

    ``told`` are source, resource (empty where the source has none) and rows of each delivery.
    """
    columns = [name for name in table.schema if name not in table.key and not name.startswith("_")]
    if len({(source, resource) for source, resource, _ in told}) < 2 or not columns:
        return []
    rows = pl.concat(
        part.with_columns(_source=pl.lit(source), _resource=pl.lit(f"{source} {resource}"))
        for source, resource, part in told
    )
    several = pl.col("_source").n_unique() > 1
    both = (
        rows.group_by(table.key, maintain_order=True)
        .agg(
            sources=pl.when(several)
            .then(pl.col("_source").unique().sort().str.join(", "))
            .otherwise(pl.col("_resource").unique().sort().str.join(", ")),
            _differ=(pl.col("_resource").n_unique() > 1) & (pl.struct(columns).n_unique() > 1),
        )
        .filter("_differ")
        .drop("_differ")
        .sort(table.key)
    )
    bound = "one source alone tells a key; of two the last is kept: name other items, or leave one entry out"
    return [odd_rows(table, "sources-clash", rows.height, both, ("sources",), bound)]
