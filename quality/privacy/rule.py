"""The 15/15 rule: which sums over customers may be published.

A sum is publishable if at least 15 customers are in it and none makes up more than 15 % of it (the rule of several
US states for aggregated meter data, e.g. Colorado PUC R15-0406). A sum of zero fails: it tells every member's value.

A cell is judged for a whole local day: its customers pass by the day's sums and in every slot of it, or there is no
cell. So none appears and vanishes within a day, which would tell when its largest customer crosses 15 %.

*Members* are rows of ``meter_id, customer_id, zone, customer_class, start, local_date, kwh`` (exact; null where
unknown, never negative). A customer may have many meters; its energy is that of all its meters in the cell.
"""

from collections.abc import Sequence

import polars as pl

MIN_CUSTOMERS = 15
MAX_SHARE = (3, 20)
"""15 %, as a fraction: sums are exact, so the comparison must be."""

OTHER = "other"
"""Name of a cell, by zone or class, that several were merged into."""

_EACH = ["local_date", "start", "customer_id"]


def passes(n: pl.Expr, total: pl.Expr, largest: pl.Expr) -> pl.Expr:
    """Whether ``n`` customers with a ``total``, of which one has the ``largest`` part, pass."""
    share, of = MAX_SHARE
    return ((n >= MIN_CUSTOMERS) & (total > 0) & (largest * of <= total * share)).fill_null(False)


def by_customer(members: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """kWh of each customer in each slot: ``*by, local_date, start, customer_id, kwh``, known ones only."""
    known = members.filter(pl.col("kwh").is_not_null())
    return known.group_by([*dict.fromkeys([*by, *_EACH])]).agg(pl.col("kwh").sum())


def judged(members: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """The days of each group of ``members``: ``*by, local_date, n, fails``; ``n`` is the day's number of customers.

    A slot in which nobody's energy is known says nothing of anybody, and does not count.
    """
    day = [*dict.fromkeys([*by, "local_date"])]
    customers = by_customer(members, by)
    sums = {"n": pl.len(), "total": pl.col("kwh").sum(), "largest": pl.col("kwh").max()}
    passing = passes(*map(pl.col, sums))
    slots = customers.group_by(*day, "start").agg(**sums).group_by(day).agg(_slots=passing.all())
    days = customers.group_by(*day, "customer_id").agg(pl.col("kwh").sum()).group_by(day).agg(**sums)
    return days.join(slots, on=day).select(*day, "n", fails=~(passing & pl.col("_slots")))


def dominating(
    members: pl.DataFrame, by: Sequence[str], more_than: tuple[int, int] = MAX_SHARE, times: int = 0
) -> pl.DataFrame:
    """Customers with more than a share (15 %) of their group and so many ``times`` its average customer's part, by the
    day's sums or in any slot: ``*by, local_date, customer_id``. Without the others of the group their part would be
    greater still, so no smaller group hides them.
    """
    day = [*dict.fromkeys([*by, "local_date"])]
    share, of = more_than
    customers = by_customer(members, by)
    of_day = customers.group_by(*day, "customer_id").agg(pl.col("kwh").sum())
    total = pl.col("kwh").sum()
    greater = (pl.col("kwh") * of > total * share) & (pl.col("kwh") * pl.len().cast(pl.Int64) >= total * times)
    found = [
        customers.filter(greater.over(*day, "start")).select(*day, "customer_id"),
        of_day.filter(greater.over(day)).select(*day, "customer_id"),
    ]
    return pl.concat(found).unique()
