"""What of verdicts may be published: statistical disclosure control of the gate's own words.

A check on a table of customers (``Table.of_customers``) counts them, their readings or their files, and its message may
quote what one of them used. Published of it are the check, its rule in general words, the outcome, and counts as bands.
Every other table is made of what its publisher shows anyway.
"""

import polars as pl

from quality.advice import advice
from quality.contracts import Table
from quality.tables import TABLES, VERDICTS

BANDS = ((1_000_000, "1000000+"), (100_000, "100000-999999"), (10_000, "10000-99999"), (1_500, "1500-9999"))
"""Least count and name. Fewer than 1,500 are one band: quarter-hours of a day of fewer than 15 customers (15 x 96 =
1,440) look like those of one, and so do any number of customers up to a small town's."""

FEW, NONE = "1-1499", "0"

PUBLISHED = pl.Schema({**VERDICTS.schema, "checked_band": pl.String(), "failed_band": pl.String()})
"""Columns of published verdicts: ``checked`` and ``failed`` are null where only their bands are told."""


def rule(table: Table, check: str) -> str:
    """What a check asks: a bound of the contract's, or the words that it has whatever was found (``quality.advice``).
    Empty for one that has none."""
    for row_rule in table.row_rules:
        if row_rule.check == check:
            return row_rule.bound
    words = advice(table, check)
    return words.en if words else ""


def published(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Verdicts (rows of ``VERDICTS``) as they may be published (``PUBLISHED``), in the contract's order."""
    ours = pl.col("table").is_in([name for name, table in TABLES.items() if table.of_customers])
    asked = verdicts.filter(ours).select("table", "check").unique()
    asked = asked.with_columns(
        _rule=pl.Series([rule(TABLES[name], check) for name, check in asked.iter_rows()], dtype=pl.String)
    )
    told = verdicts.join(asked, on=["table", "check"], how="left", maintain_order="left").with_columns(
        message=pl.when(ours).then("_rule").otherwise("message"),
        checked_band=band(pl.col("checked")),
        failed_band=band(pl.col("failed")),
    )
    exact = [pl.when(~ours).then(pl.col(name)).alias(name) for name in ("checked", "failed")]
    return told.with_columns(exact).select(PUBLISHED.names()).cast(PUBLISHED).sort(VERDICTS.order)


def band(count: pl.Expr) -> pl.Expr:
    """A count as the name of its band."""
    named = pl.when(count > 0).then(pl.lit(FEW)).otherwise(pl.lit(NONE))
    for least, name in reversed(BANDS):
        named = pl.when(count >= least).then(pl.lit(name)).otherwise(named)
    return named
