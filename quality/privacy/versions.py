"""Versions of a cell: whether its second may follow its first.

A cell is published at most twice: first, and once more in the restatement of its month. Whatever an attacker computes
of its two values is, but for a factor, ``v2 - λ v1`` for some λ, and adds ``d = now - λ was`` of each customer. A known
factor (a transformer's ratio, kW for kWh) cancels all customers that were corrected by it; what remains must pass too,
in every slot and in the sum of the day, where values that changed places cancel:

1. the customers that changed are nobody, or pass by what they changed (λ = 1, signed);
2. those that did not change, those of whom nothing was known before and those of whom nothing is known any more are
   nobody each, or pass by what they used, however the others were changed;
3. for every λ, those that remain are nobody, or at least 15 of whom none has more than 15 % of all ``|d|``; so also in
   the sum of the day, where values that changed places cancel;
4. the same of ``v2`` less λ times ``v1`` some slots before, where many were corrected so (a label that is the end of
   an interval was taken for its start).

Between two ratios ``now / was`` of customers, ``|d|`` of one and the sum of all are linear in λ, so a customer's share
is greatest at such a ratio, and only those need be tried.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.privacy.place import DAY_CELL
from quality.privacy.rule import MAX_SHARE, MIN_CUSTOMERS, judged, passes

Array = NDArray[np.float64]

FACTORS = 1000
"""Ratios that are tried in a slot, those with the most energy first. Known factors are few; where each of so many
customers has a ratio of its own, none cancels many, and these are the ratios that cancel most."""

NEGLIGIBLE = 1e-3
"""Part of the greatest ``|d|`` below which a customer does not count as one of 15: it hides nobody."""

EXACT = 2e-6
"""Part of a customer's energy below which ``d`` is nought: ratios are told apart by six figures."""

VISIBLE = 1e-3
"""kWh of ``d``, for each kWh that is published of either version, below which it is nought: values are rounded to 1 kWh
where they are published, and to some Wh where corrections were reckoned."""

LAGS = (1, 2, 4, -1, -2, -4)
"""Slots by which labels are wrong: one interval of 15, 30 or 60 minutes."""

COMMON = 4
"""Where one in so many customers has the same ratio to what it was some slots before, that is no chance."""


def followed(members: pl.DataFrame) -> pl.DataFrame:
    """``members`` of the cells that may be published a second time, with the ``kwh`` that may be.

    ``members``: rows of ``*DAY_CELL, start, customer_id, was, kwh`` (exact, null where unknown or not in it), one a
    meter and slot, ``member`` where it was in the cell. Where the corrections of a few keep a cell back, those few keep
    what they were published with, or do not join it.
    """
    all_of_it = may_follow(members)
    rest = members.join(all_of_it, on=DAY_CELL, how="anti")
    few = _few(_pairs(rest, [*DAY_CELL, "start"]))
    kept = rest.join(few, on=[*DAY_CELL, "customer_id"], how="left")
    kept = kept.filter(pl.col("few").is_null() | pl.col("member"))
    kept = kept.with_columns(kwh=pl.when("few").then("was").otherwise("kwh")).select(members.columns)
    changed = kept.filter(pl.col("kwh").ne_missing(pl.col("was"))).select(DAY_CELL).unique()
    others = may_follow(kept.join(changed, on=DAY_CELL, how="semi"))
    found = [members.join(all_of_it, on=DAY_CELL, how="semi"), kept.join(others, on=DAY_CELL, how="semi")]
    return pl.concat(found)


def may_follow(members: pl.DataFrame) -> pl.DataFrame:
    """``DAY_CELL`` of the cells whose ``kwh`` may be published after ``was`` had been, rows as of ``followed``."""
    slots, days = _pairs(members, [*DAY_CELL, "start"]), _pairs(members, DAY_CELL)
    wrong = [judged(members, DAY_CELL[1:]).filter("fails").select(DAY_CELL), _by_kind(slots)]
    pairs = pl.concat([slots, days], how="diagonal")
    left = pairs.select(DAY_CELL).unique()
    for each in wrong:
        left = left.join(each, on=DAY_CELL, how="anti")
    left = left.sort(DAY_CELL)
    told = pairs.join(left, on=DAY_CELL, how="semi").partition_by(DAY_CELL, as_dict=True)
    hiding = [_hides(told[cell]) for cell in left.iter_rows()]
    return left.filter(pl.Series(hiding, dtype=pl.Boolean))


def _few(pairs: pl.DataFrame) -> pl.DataFrame:
    """Customers that changed as fewer than 15 of their cell did: ``*DAY_CELL, customer_id, few``.

    Alike are those that came, those that went, and those with the same ratio of their days, to six figures.
    """
    used = pl.col("kwh").sum().cast(pl.Float64) / pl.col("was").sum().cast(pl.Float64)
    customers = pairs.group_by(*DAY_CELL, "customer_id").agg(
        same=pl.col("same").all(),
        way=pl.concat_str(pl.col("before").any(), pl.col("after").any(), used.round_sig_figs(6).cast(pl.String)),
    )
    changed = customers.filter(~pl.col("same"))
    few = changed.filter(pl.len().over(*DAY_CELL, "way") < MIN_CUSTOMERS)
    return few.select(*DAY_CELL, "customer_id", few=pl.lit(True))


def _pairs(members: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """What customers were and are, and whether nothing of them changed; of nothing the sum is zero."""
    return members.group_by(*by, "customer_id").agg(
        pl.col("was", "kwh").sum(),
        same=pl.col("kwh").eq_missing(pl.col("was")).all(),
        before=pl.col("was").is_not_null().any(),
        after=pl.col("kwh").is_not_null().any(),
    )


def _by_kind(pairs: pl.DataFrame) -> pl.DataFrame:
    """Cells that break 1 or 2 in some slot."""
    step = (pl.col("kwh") - pl.col("was")).filter(~pl.col("same"))
    right = (step.len() == 0) | passes(step.len(), step.sum().abs(), step.abs().max())
    changed = ~pl.col("same")
    for kwh, kind in (
        ("was", ~changed & pl.col("before")),
        ("kwh", changed & ~pl.col("before")),
        ("was", changed & ~pl.col("after")),
    ):
        used = pl.col(kwh).filter(kind)
        right &= (used.sum() == 0) | passes(used.len(), used.sum(), used.max())
    return pairs.group_by(*DAY_CELL, "start").agg(right=right).filter(~pl.col("right")).select(DAY_CELL).unique()


def _hides(pairs: pl.DataFrame) -> bool:
    """Whether a cell keeps 3 and 4."""
    was, now = (_matrix(pairs, column) for column in ("was", "kwh"))
    for slot in range(was.shape[1]):
        before, after = was[:, slot], now[:, slot]
        if not _hidden(before, after, _ratios(before, after)):
            return False
    was, now = was[:, :-1], now[:, :-1]
    for lag in LAGS:
        if abs(lag) + 1 >= was.shape[1]:
            continue
        before, after = (was[:, :-lag], now[:, lag:]) if lag > 0 else (was[:, -lag:], now[:, :lag])
        steady = (before == (was[:, lag:] if lag > 0 else was[:, :lag])) | (
            after == (now[:, :-lag] if lag > 0 else now[:, -lag:])
        )
        for slot in range(before.shape[1]):
            factors = _shared(before[~steady[:, slot], slot], after[~steady[:, slot], slot])
            if factors.size and not _hidden(before[:, slot], after[:, slot], factors):
                return False
    return True


def _matrix(pairs: pl.DataFrame, column: str) -> Array:
    """Customers by slots, the day's sum last."""
    table = pairs.sort("start", "customer_id", nulls_last=True)
    slots = table.pivot("start", index="customer_id", values=column, maintain_order=True).drop("customer_id")
    return slots.cast(pl.Float64).fill_null(0.0).to_numpy()


def _ratios(was: Array, now: Array) -> Array:
    used = was > 0
    ratios, place = np.unique(_six_figures(now[used] / was[used]), return_inverse=True)
    energy = np.bincount(place, was[used], ratios.size)
    return np.append(ratios[np.argsort(-energy, kind="stable")][:FACTORS], 1.0)


def _shared(was: Array, now: Array) -> Array:
    """Ratios that a good part of the customers have."""
    used = (was > 0) & (now > 0)
    ratios, count = np.unique(_six_figures(now[used] / was[used]), return_counts=True)
    return np.asarray(ratios[count * COMMON >= was.size])


def _six_figures(numbers: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = 10 ** (np.floor(np.log10(numbers)) - 5)
        return np.where(numbers > 0, np.round(numbers / unit) * unit, 0.0)


def _hidden(was: Array, now: Array, factors: Array) -> bool:
    """Whether at every factor those that remain are nobody, or enough."""
    part = factors[:, None] * was
    left = np.abs(now - part)
    left[left <= np.maximum(EXACT * (now + part), VISIBLE * (1 + factors[:, None]))] = 0.0
    largest, total = left.max(axis=1, initial=0.0), left.sum(axis=1)
    count = (left > NEGLIGIBLE * largest[:, None]).sum(axis=1)
    share, of = MAX_SHARE
    weak = (count < MIN_CUSTOMERS) | (largest * of > total * share * (1 + 1e-9))
    return not bool(((total > 0) & weak).any())
