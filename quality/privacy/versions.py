"""Versions of a cell: whether its second may follow its first.

A cell is published at most twice: first, and once more in the restatement of its month. Whatever an attacker computes
of its two values is, but for a factor, ``v2 - λ v1`` for some λ, and adds ``d = now - λ was`` of each customer. A known
factor (a transformer's ratio, kW for kWh) cancels all customers that were corrected by it; what remains must pass too,
in every slot and in the sum of the day, where values that changed places cancel:

1. the customers that changed are nobody, or pass by what they changed (λ = 1, signed);
2. those that did not change, those of whom nothing was known before and those of whom nothing is known any more are
   nobody each, or pass by what they used, however the others were changed;
3. for every λ, those that remain are nobody, or at least 15 of whom none has more than 15 % of all ``|d|``; so also in
   the sum of the day and of its hours of each time-of-use rate (``daily_energy``), where values that changed places
   cancel;
4. the same of ``v2`` less λ times ``v1`` some slots before, where many were corrected so (a label that is the end of
   an interval was taken for its start).

Between two ratios ``now / was`` of customers, ``|d|`` of one and the sum of all are linear in λ, so a customer's share
is greatest at such a ratio, and only those need be tried.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.meter_grid import DAY_MINUTES
from quality.privacy.place import DAY_CELL
from quality.privacy.rule import DAY_SUM, MAX_SHARE, MIN_CUSTOMERS, by_customer, exact, judged, passes, sums
from quality.tables import QUARTERS
from quality.vee.day_types import TOU

Array = NDArray[np.float64]

_WAS = tuple(f"{name}_was" for name in QUARTERS)
_SAME = tuple(f"{name}_same" for name in QUARTERS)

FACTORS = 1000
"""Ratios that are tried in a slot, those with the most energy first. Known factors are few; where each of so many
customers has a ratio of its own, none cancels many, and these are the ratios that cancel most."""

BLOCK = 250_000
"""Numbers of a cell that are worked on together, 2 MB: 70,000 customers have 7 million in a day, and 70 million with
1,000 ratios of a slot."""

NEGLIGIBLE = 1e-3
"""Part of the greatest ``|d|`` below which a customer does not count as one of 15: it hides nobody."""

EXACT = 2e-6
"""Part of a customer's energy below which ``d`` is nought: ratios are told apart by six figures."""

VISIBLE = 1e-3
"""kWh of ``d``, for each kWh that is published of either version, below which it is nought: values are rounded to 1 kWh
where they are published, and to some Wh where corrections were reckoned."""

_RATE = np.searchsorted([end for end, _ in TOU], np.arange(len(QUARTERS)) * (DAY_MINUTES // len(QUARTERS)), "right")
PEAK: NDArray[np.bool_] = np.array([rate for _, rate in TOU])[_RATE] == "peak"
SUMMED = (np.ones_like(PEAK), PEAK, ~PEAK)
"""Slots whose sums anybody makes, so that a cell hides its few in them too: a day, and its hours of each time-of-use
rate, which ``daily_energy`` sums up; on days of rest too, to be compared with others."""

LAGS = (1, 2, 4, -1, -2, -4)
"""Slots by which labels are wrong: one interval of 15, 30 or 60 minutes."""

COMMON = 4
"""Where one in so many customers has the same ratio to what it was some slots before, that is no chance."""


def differ(other: str) -> pl.Expr:
    """Whether any of a day's values is another than in the columns of this ending."""
    return pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_{other}")) for name in QUARTERS)


def followed(members: pl.DataFrame) -> pl.DataFrame:
    """``members`` of the cells that may be published a second time, with the values that may be.

    ``members``: rows of ``*DAY_CELL, customer_id``, ``QUARTERS`` and what they were (``q0000_was`` and so on; null
    where unknown or not in it), one a meter, ``member`` where it was in the cell. Where the corrections of a few keep a
    cell back, those few keep what they were published with, or do not join it.
    """
    all_of_it = may_follow(members)
    rest = members.join(all_of_it, on=DAY_CELL, how="anti")
    few = _few(_pairs(rest))
    kept = rest.join(few, on=[*DAY_CELL, "customer_id"], how="left")
    kept = kept.filter(pl.col("few").is_null() | pl.col("member"))
    stays = (pl.when("few").then(f"{name}_was").otherwise(name).alias(name) for name in QUARTERS)
    kept = kept.with_columns(stays).select(members.columns)
    changed = kept.filter(differ("was")).select(DAY_CELL).unique()
    others = may_follow(kept.join(changed, on=DAY_CELL, how="semi"))
    found = [members.join(all_of_it, on=DAY_CELL, how="semi"), kept.join(others, on=DAY_CELL, how="semi")]
    return pl.concat(found)


def may_follow(members: pl.DataFrame) -> pl.DataFrame:
    """``DAY_CELL`` of the cells whose values may be published after what was, rows as of ``followed``."""
    left = members.select(DAY_CELL).unique()
    left = left.join(judged(by_customer(members, DAY_CELL[1:]), DAY_CELL[1:]).filter("fails"), on=DAY_CELL, how="anti")
    # Cell by cell: of a large one the pairs alone are 100 MB.
    cells = _pairs(members.join(left, on=DAY_CELL, how="semi")).group_by(DAY_CELL)
    hiding = [cell for cell, pairs in cells if _right(pairs) and _hides(pairs)]
    return pl.DataFrame(hiding, left.schema, orient="row")


def _few(pairs: pl.DataFrame) -> pl.DataFrame:
    """Customers that changed as fewer than 15 of their cell did: ``*DAY_CELL, customer_id, few``.

    Alike are those that came, those that went, and those with the same ratio of their days, to six figures.
    """
    used = _kwh(DAY_SUM) / _kwh(f"{DAY_SUM}_was")
    before, after = (pl.any_horizontal(pl.col(name).is_not_null() for name in names) for names in (_WAS, QUARTERS))
    customers = pairs.select(
        *DAY_CELL,
        "customer_id",
        same=pl.all_horizontal(_SAME),
        way=pl.concat_str(before, after, used.round_sig_figs(6).cast(pl.String)),
    )
    changed = customers.filter(~pl.col("same"))
    few = changed.filter(pl.len().over(*DAY_CELL, "way") < MIN_CUSTOMERS)
    return few.select(*DAY_CELL, "customer_id", few=pl.lit(True))


def _pairs(members: pl.DataFrame) -> pl.DataFrame:
    """What customers of a cell were and are by slot (null: unknown) and in the day, and in which slots nothing of them
    changed (``q0000_same`` and so on)."""
    same = (pl.col(name).eq_missing(pl.col(f"{name}_was")).all().alias(f"{name}_same") for name in QUARTERS)
    customers = members.group_by(*DAY_CELL, "customer_id").agg(
        sums(*QUARTERS, *_WAS, exact=exact(members, [*QUARTERS, *_WAS])), *same
    )
    return customers.with_columns(
        pl.sum_horizontal(names).fill_null(0).alias(f"{DAY_SUM}{of}") for of, names in (("", QUARTERS), ("_was", _WAS))
    )


def _kwh(*names: str) -> pl.Expr:
    return pl.col(*names).cast(pl.Float64) / 1e6


def _right(pairs: pl.DataFrame) -> bool:
    """Whether a cell keeps 1 and 2 in every slot."""
    some = max(BLOCK // max(pairs.height, 1), 1)
    return all(_right_in(pairs, slice(at, at + some)) for at in range(0, len(QUARTERS), some))


def _right_in(pairs: pl.DataFrame, slots: slice) -> bool:
    long = [
        pairs.select(names[slots]).unpivot(variable_name="slot", value_name=of)
        for names, of in ((_WAS, "was"), (QUARTERS, "now"), (_SAME, "same"))
    ]
    told = pl.concat([long[0], *(each.drop("slot") for each in long[1:])], how="horizontal")
    was, now, changed = pl.col("was").fill_null(0), pl.col("now").fill_null(0), ~pl.col("same")
    step = (now - was).filter(changed)
    right = (step.len() == 0) | passes(step.len(), step.sum().abs(), step.abs().max())
    for of, kind in (
        (was, ~changed & pl.col("was").is_not_null()),
        (now, changed & pl.col("was").is_null()),
        (was, changed & pl.col("now").is_null()),
    ):
        used = of.filter(kind)
        right &= (used.sum() == 0) | passes(used.len(), used.sum(), used.max())
    return bool(told.group_by("slot").agg(right=right)["right"].all())


def _hides(pairs: pl.DataFrame) -> bool:
    """Whether a cell keeps 3 and 4."""
    of_cell = pairs.sort("customer_id")
    # Customers by slots in kWh.
    was, now = (of_cell.select(_kwh(*names).fill_null(0.0)).to_numpy() for names in (_WAS, QUARTERS))
    for hours in (*np.eye(len(QUARTERS), dtype=np.bool_), *SUMMED):
        before, after = was[:, hours].sum(axis=1), now[:, hours].sum(axis=1)
        if not _hidden(before, after, _ratios(before, after)):
            return False
    for lag in LAGS:
        before, after = (was[:, :-lag], now[:, lag:]) if lag > 0 else (was[:, -lag:], now[:, :lag])
        steady = (before == (was[:, lag:] if lag > 0 else was[:, :lag])) | (
            after == (now[:, :-lag] if lag > 0 else now[:, -lag:])
        )
        for slot in range(before.shape[1]):
            factors = _shared(before[~steady[:, slot], slot], after[~steady[:, slot], slot])
            if factors.size and not _hidden(before[:, slot], after[:, slot], factors):
                return False
    return True


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
    some = max(BLOCK // max(was.size, 1), 1)
    return all(_hidden_at(was, now, factors[at : at + some]) for at in range(0, factors.size, some))


def _hidden_at(was: Array, now: Array, factors: Array) -> bool:
    part = factors[:, None] * was
    left = np.abs(now - part)
    left[left <= np.maximum(EXACT * (now + part), VISIBLE * (1 + factors[:, None]))] = 0.0
    largest, total = left.max(axis=1, initial=0.0), left.sum(axis=1)
    count = (left > NEGLIGIBLE * largest[:, None]).sum(axis=1)
    share, of = MAX_SHARE
    weak = (count < MIN_CUSTOMERS) | (largest * of > total * share * (1 + 1e-9))
    return not bool(((total > 0) & weak).any())
