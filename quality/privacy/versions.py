"""Versions of a cell: whether its second may follow its first.

A cell is published at most twice: first, and once more in the restatement of its month. Whatever an attacker computes
of its two values is, but for a factor, ``v2 - λ v1`` for some λ, and adds ``d = now - λ was`` of each customer. A known
factor (a transformer's ratio, kW for kWh) cancels all customers that were corrected by it; what remains must pass too:

1. the customers that changed are nobody, or pass by what they changed (λ = 1, signed);
2. those that did not change are nobody, or pass by what they used;
3. for every λ, those that remain are nobody, or at least 15 of whom none has more than 15 % of all ``|d|``.

Between two ratios ``now / was`` of customers, ``|d|`` of one and the sum of all are linear in λ, so a customer's share
is greatest at such a ratio, and only those need be tried.
"""

import polars as pl

from quality.privacy.place import DAY_CELL
from quality.privacy.rule import MAX_SHARE, MIN_CUSTOMERS, judged, passes

FACTORS = 64
"""Ratios of a cell's customers that are tried, those with the most energy first. Known factors are few; where nearly
every customer has a ratio of its own, none cancels many, and these are the ratios that cancel most."""

NEGLIGIBLE = 1e-3
"""Part of the greatest ``|d|`` below which a customer does not count as one of 15: it hides nobody."""


def may_follow(members: pl.DataFrame) -> pl.DataFrame:
    """``DAY_CELL`` of the cells whose ``kwh`` may be published after ``was`` had been.

    ``members``: rows of ``*DAY_CELL, start, customer_id, was, kwh`` (exact, null where unknown or not in it), one a
    meter and slot.
    """
    pairs = members.group_by(*DAY_CELL, "start", "customer_id").agg(
        pl.col("was", "kwh").sum(),  # of nothing it is zero
        same=pl.col("kwh").eq_missing(pl.col("was")).all(),
        known=pl.col("was").is_not_null().any(),
    )
    wrong = [judged(members, DAY_CELL[1:]).filter("fails").select(DAY_CELL), _by_one(pairs)]
    ratios = _ratios(pairs)
    floats = pairs.with_columns(pl.col("was", "kwh").cast(pl.Float64))
    for place in range(FACTORS):
        at = ratios.filter(_place=place)
        if not at.height:
            break
        wrong.append(_by_factor(floats.join(at, on=DAY_CELL)))
    return pairs.select(DAY_CELL).unique().join(pl.concat(wrong), on=DAY_CELL, how="anti").sort(DAY_CELL)


def _by_one(pairs: pl.DataFrame) -> pl.DataFrame:
    """Cells that break 1 or 2 in some slot."""
    step = (pl.col("kwh") - pl.col("was")).filter(~pl.col("same"))
    was = pl.col("was").filter(pl.col("same") & pl.col("known"))
    slots = pairs.group_by(*DAY_CELL, "start").agg(
        changed=(step.len() == 0) | passes(step.len(), step.sum().abs(), step.abs().max()),
        stayed=(was.len() == 0) | (was.sum() == 0) | passes(was.len(), was.sum(), was.max()),
    )
    return slots.filter(~(pl.col("changed") & pl.col("stayed"))).select(DAY_CELL).unique()


def _ratios(pairs: pl.DataFrame) -> pl.DataFrame:
    """``*DAY_CELL, _factor, _place``: the ratios of a cell's customers over the day, by the energy that has them."""
    of_day = pairs.group_by(*DAY_CELL, "customer_id").agg(pl.col("was", "kwh").sum().cast(pl.Float64))
    ratio = (pl.col("kwh") / pl.col("was")).round_sig_figs(6)
    return (
        of_day.filter(pl.col("was") > 0)
        .group_by(*DAY_CELL, _factor=ratio)
        .agg(weight=pl.col("was").sum())
        .sort(*DAY_CELL, "weight", "_factor", descending=[False] * 3 + [True, False])
        .select(*DAY_CELL, "_factor", _place=pl.int_range(pl.len()).over(DAY_CELL))
    )


def _by_factor(pairs: pl.DataFrame) -> pl.DataFrame:
    """Cells that break 3 at their ``_factor``."""
    left = (pl.col("kwh") - pl.col("_factor") * pl.col("was")).abs()
    # Ratios are rounded to six figures: what is smaller than that is nothing.
    left = pl.when(left > 2e-6 * (pl.col("kwh") + pl.col("_factor") * pl.col("was"))).then(left).otherwise(0.0)
    share, of = MAX_SHARE
    slots = (
        pairs.select(*DAY_CELL, "start", left=left)
        .group_by(*DAY_CELL, "start")
        .agg(
            n=(pl.col("left") > NEGLIGIBLE * pl.col("left").max()).sum(),
            total=pl.col("left").sum(),
            largest=pl.col("left").max(),
        )
    )
    weak = (pl.col("n") < MIN_CUSTOMERS) | (pl.col("largest") * of > pl.col("total") * share * (1 + 1e-9))
    return slots.filter((pl.col("total") > 0) & weak).select(DAY_CELL).unique()
