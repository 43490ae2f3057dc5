"""Scores of quality: of each table in six dimensions, from the checks that ran on it.

The dimensions are those of the data quality model of the UK Government Data Quality Framework
(https://www.gov.uk/government/publications/the-government-data-quality-framework): completeness, uniqueness,
consistency, timeliness, validity, accuracy. A score is the share of rows for which the least kept check of its
dimension holds; where no check ran there is no score, and a reason.
"""

import re
from typing import Final

import polars as pl

from quality.contracts import Table
from quality.tables import TABLES
from quality.vee.rules import RULES

DIMENSIONS: Final = ("completeness", "uniqueness", "consistency", "timeliness", "validity", "accuracy")

SCORES: Final = pl.Schema(
    {
        "table": pl.String(),
        "dimension": pl.String(),
        "score": pl.Float64(),
        "checks": pl.Int32(),
        "broken": pl.Int32(),
        "least": pl.String(),
        "reason": pl.String(),
    }
)
"""``score`` 0 to 1, ``checks`` that ran, ``broken`` ones among them, the ``least`` kept check, ``reason`` where there
is no score."""

STEP: Final = 0.05
"""Scores of tables of customers are in steps of it, rounded down: one customer of fewer than twenty is not told."""

_OF: Final = (
    ("timeliness", r"^freshness$|station-stale|feed-expired|feed-ahead|no-date|value-pending"),
    ("uniqueness", r"^keys$|duplicate|repeated|^twins|^constant"),
    (
        "completeness",
        r"^completeness$|^grid-complete|^lacking|missing|value-null|value-blank|told$|window-short|hour-count|partial|^gap$"
        r"|^rules_run$|unregistered|value-told|interval_count",
    ),
    (
        "consistency",
        r"mismatch|contradict|clash|drift|unit-changed|at-most|not-before|^parts|^total|identical|differ|disposed|injured|within"
        r"|less-rain|station-moved|^register_|misspelt|number-format|column-|reference-unknown",
    ),
    ("accuracy", r"^plausible|^jump|^usual|^frozen|zero-share|peak-ratio|temperature|rain-day|pm25-day|persons|mean"),
    # What is off the grid was refused.
    ("validity", r"^structure$|^contract$|^deliveries|^grid$"),
)
"""Dimension, and the checks that speak of it; the first that fits."""

_NONE: Final = re.compile("^privacy$|^withheld|^memory$|^customer-unknown$|^review")
"""Checks that say what may be published, and nothing of the data."""


def scores(verdicts: pl.DataFrame) -> pl.DataFrame:
    """``SCORES`` of every table that ``verdicts`` (rows of that table) speak of, all six dimensions each."""
    asked = verdicts.select("table", "check").unique()
    named = asked.with_columns(dimension=pl.Series([dimension(check) for check in asked["check"]], dtype=pl.String))
    kept = (1 - pl.col("failed") / pl.col("checked")).clip(0, 1)
    parts = (
        verdicts.join(named, on=["table", "check"])
        .drop_nulls("dimension")
        .with_columns(kept=pl.when(pl.col("checked") > 0).then(kept))
        .drop_nulls("kept")
        .sort("kept", "check")
        .group_by("table", "dimension", maintain_order=True)
        .agg(
            score=pl.col("kept").first(),
            checks=pl.len().cast(pl.Int32),
            broken=(pl.col("failed") > 0).sum().cast(pl.Int32),
            least=pl.col("check").first(),
        )
    )
    tables = verdicts.select(pl.col("table").unique())
    every = tables.join(pl.DataFrame({"dimension": DIMENSIONS}), how="cross")
    ours = pl.col("table").is_in([name for name, table in TABLES.items() if table.of_customers])
    stepped = ((pl.col("score") + 1e-9) / STEP).floor() * STEP
    return (
        every.join(parts, on=["table", "dimension"], how="left")
        .with_columns(
            score=pl.when(ours).then(stepped).otherwise("score").round(4),
            checks=pl.col("checks").fill_null(0),
            broken=pl.col("broken").fill_null(0),
            least=pl.when(pl.col("broken") > 0).then("least"),
            reason=pl.when(pl.col("score").is_null()).then(pl.lit("no check of this dimension ran on rows")),
        )
        .sort("table", pl.col("dimension").cast(pl.Enum(DIMENSIONS)))
        .select(SCORES.names())
        .cast(SCORES)
    )


def of_city(found: pl.DataFrame, tables: list[Table]) -> pl.DataFrame:
    """``dimension, score, tables``: the mean of each dimension over ``tables`` that have a score, and how many do."""
    among = found.filter(pl.col("table").is_in([table.name for table in tables]))
    return (
        among.group_by("dimension")
        .agg(score=pl.col("score").mean().round(4), tables=pl.col("score").count())
        .sort(pl.col("dimension").cast(pl.Enum(DIMENSIONS)))
    )


def dimension(check: str) -> str | None:
    """What of the data a check speaks of, one of ``DIMENSIONS``; None where it says what may be published."""
    if _NONE.search(check):
        return None
    if check in _RULES:
        return "accuracy"
    return next((name for name, words in _OF if re.search(words, check)), "accuracy")


_RULES: Final = frozenset(rule.code for rule in RULES)
