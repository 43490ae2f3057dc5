"""What of verdicts may be published: statistical disclosure control of the gate's own words.

A check on a table of customers (``Table.of_customers``) counts them, their readings or their files, and its message may
quote what one of them used. Published of it are the check, its rule in general words, the outcome, and counts as bands.
Every other table is made of what its publisher shows anyway.
"""

import polars as pl

from quality.contracts import Table
from quality.problems import CODES
from quality.suites.suite import suite
from quality.tables import TABLES, VERDICTS
from quality.vee.rules import RULES
from quality.vee.verdicts import REGISTER_RULES

BANDS = ((1_000_000, "1000000+"), (100_000, "100000-999999"), (10_000, "10000-99999"), (1_500, "1500-9999"))
"""Least count and name. Fewer than 1,500 are one band: quarter-hours of a day of fewer than 15 customers (15 x 96 =
1,440) look like those of one, and so do any number of customers up to a small town's."""

FEW, NONE = "1-1499", "0"

PUBLISHED = pl.Schema({**VERDICTS.schema, "checked_band": pl.String(), "failed_band": pl.String()})
"""Columns of published verdicts: ``checked`` and ``failed`` are null where only their bands are told."""

OWN_RULES = {
    "structure": "The table has the columns, types and order of its contract.",
    "keys": "Keys are complete and unique.",
    "contract": "Every row keeps the contract's codes and bounds.",
    "freshness": "The newest data is not older than the contract allows, nor of a day that has not come.",
    "completeness": "Expected intervals have a value.",
    "source-changed": "Sources deliver in the format, size and rhythm of the nights before.",
    "reviewed": "Reviews are in force and about something.",
    "grid": "Readings lie on the grid of their channel's day.",
    "sources-clash": "One source alone tells a key; of two that differ the last is kept.",
    "contradictions": "Files of one delivery day tell a reading alike; else the one that came later counts.",
    "deliveries": "Deliveries are read without a problem.",
    "privacy": "Every published cell and correction passes 15/15.",
    "withheld-cell": "Meters are in a cell of their day that passes 15/15.",
    "withheld-correction": "Published cells have the newest values; a day is corrected once, a week after its month.",
    "customer-unknown": "Public meters have a contract account; where they have none, they count as one customer.",
    "memory": "Of days of published snapshots it is known what they were made of; else they are not published again.",
    "interval-length": "Meters' intervals divide a quarter-hour; else the meter is left out.",
    **{rule.code: f"No value of this kind: {rule.english}." for rule in RULES},
    **{f"register_{check}": f"No read of this kind: {wrong}" for check, (wrong, _) in REGISTER_RULES.items()},
    "rules_run": "All rules about meter values can run.",
    "register-changed": "The meter register has the meters, zones, classes and devices of the one before.",
    "feeder-balance": "A feeder's meters make up what its main meters measured, within losses.",
    "missing-silent": "Meters that the register lists, or that were read the day before, brought something.",
    "missing-unasked": "What has been missing for days was asked for.",
    "value-negative": "Imports are not negative; else the quarter-hour counts as missing.",
}
"""Checks that are neither a problem's code nor an expectation, and what they ask."""


def rule(table: Table, check: str) -> str:
    """What a check asks, from the code, the contract or ``OWN_RULES``: words that are the same whatever was found.
    Empty for one that none of them knows."""
    if check in OWN_RULES:
        return OWN_RULES[check]
    code = check.removeprefix("deliveries_")
    if code in CODES:
        return CODES[code][1]
    for row_rule in table.row_rules:
        if row_rule.check == check:
            return row_rule.bound
    for expectation in suite(table).rules:
        if expectation.id == check:
            return expectation.en
    return ""


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
