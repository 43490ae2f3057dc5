"""The 15/15 rule: which sums over customers may be published.

A sum is publishable if at least 15 customers are in it and none makes up more than 15 % of it (the rule of several
US states for aggregated meter data, e.g. Colorado PUC R15-0406). A sum of zero fails: it tells every member's value.

A cell is judged for a whole local day: its customers pass by the day's sums and in every slot of it, or there is no
cell. So none appears and vanishes within a day, which would tell when its largest customer crosses 15 %.

*Members* are rows of ``meter_id, customer_id, zone, customer_class, local_date``, maybe ``DELIVERED`` (bits of slots
without an estimate; all that are known where it is not told), and ``QUARTERS`` (the slots:
millionths of a kWh, null where unknown, never negative), one a meter and day. A customer may have many meters; its
energy is that of all its meters in the cell.
"""

from collections.abc import Sequence

import polars as pl

from quality.tables import QUARTERS

MIN_CUSTOMERS = 15
MAX_SHARE = (3, 20)
"""15 %, as a fraction: sums are exact, so the comparison must be."""

OTHER = "other"
"""Name of a cell, by zone or class, that several were merged into."""

DAY_SUM = "day_sum"
"""Column of a customer's energy in all slots of the day."""

KNOWN = pl.any_horizontal(pl.col(name).is_not_null() for name in QUARTERS)
"""Whether anything is known of a meter's day."""


_NAMES = (*QUARTERS, DAY_SUM)

HEADROOM = 2**63 // 64
"""What all energy of a day may be for 64 bits to do: it is multiplied by terms of shares, the greatest of which is 20,
and told in floating point first."""


def passes(n: pl.Expr, total: pl.Expr, largest: pl.Expr) -> pl.Expr:
    """Whether ``n`` customers with a ``total``, of which one has the ``largest`` part, pass."""
    share, of = MAX_SHARE
    return ((n >= MIN_CUSTOMERS) & (total > 0) & (largest * of <= total * share)).fill_null(False)


def sums(*names: str, exact: type[pl.DataType] = pl.Int128) -> pl.Expr:
    """Sums of columns of ``QUARTERS``, null where nothing is known. In 128 bits: 64 would be enough for the energy of
    any country, but not for what a broken meter may tell."""
    return pl.when(pl.col(names).count() > 0).then(pl.col(names).cast(exact).sum())


def exact(members: pl.DataFrame, names: Sequence[str]) -> type[pl.DataType]:
    """The integers that sums of these columns fit in, and shares of them: half the memory where nothing that is made of
    them can be more, of a million customers 0.8 GB."""
    whole = members.select(pl.sum_horizontal(pl.col(names).cast(pl.Float64).sum())).item()
    return pl.Int64 if whole < HEADROOM else pl.Int128


def by_customer(members: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Energy of each customer of a group: ``*by, local_date, customer_id``, ``QUARTERS`` and ``DAY_SUM``."""
    customers = members.group_by([*dict.fromkeys([*by, "local_date", "customer_id"])]).agg(
        sums(*QUARTERS, exact=exact(members, QUARTERS))
    )
    return customers.with_columns(pl.when(KNOWN).then(pl.sum_horizontal(QUARTERS)).alias(DAY_SUM))


def _by_slot(customers: pl.DataFrame, day: list[str]) -> pl.DataFrame:
    """What groups of customers have in each slot and in the day: ``*day, n, slot, total, customers, largest``, where
    ``n`` are the customers of the day. By row: as many expressions as there are slots cost more than all the sums."""
    groups = customers.group_by(day).agg(
        pl.col(DAY_SUM).count().alias("n"),
        pl.col(_NAMES).sum(),
        pl.col(_NAMES).count().name.suffix("_customers"),
        pl.col(_NAMES).max().name.suffix("_largest"),
    )
    return groups.unpivot(_NAMES, index=[*day, "n"], variable_name="slot", value_name="total").with_columns(
        groups.unpivot([f"{name}_{of}" for name in _NAMES], value_name=of)[of] for of in ("customers", "largest")
    )


def judged(customers: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """The days of each group of ``customers`` (``by_customer``) of whom something is known: ``*by, local_date, n,
    fails``; ``n`` is the day's number of customers.

    A slot in which nobody's energy is known says nothing of anybody, and does not count.
    """
    day = [*dict.fromkeys([*by, "local_date"])]
    told = _by_slot(customers, day).filter(pl.col("customers") > 0)
    passing = passes(pl.col("customers"), pl.col("total"), pl.col("largest"))
    return told.group_by(*day, "n").agg(fails=~passing.all())


def dominating(
    customers: pl.DataFrame, by: Sequence[str], more_than: tuple[int, int] = MAX_SHARE, times: int = 0
) -> pl.DataFrame:
    """Those of ``customers`` (``by_customer``) with more than a share (15 %) of their group and so many ``times`` its
    average customer's part, by the day's sums or in any slot: ``*by, local_date, customer_id``. Without the others of
    the group their part would be greater still, so no smaller group hides them.
    """
    day = [*dict.fromkeys([*by, "local_date"])]
    share, of = more_than
    if not customers.height:
        return customers.select(*day, "customer_id")
    # In whole numbers: the least that is more than the share, and the least that is so many times the average.
    total, n = pl.col("total"), pl.col("customers").cast(pl.Int128)
    enough = pl.max_horizontal(total * share // of + 1, (total * times + n - 1) // n)
    told = _by_slot(customers, day).with_columns(least=enough, slot=pl.col("slot") + "_least")
    greater = pl.any_horizontal(pl.col(name) >= pl.col(f"{name}_least") for name in _NAMES)
    of_group = customers.join(told.pivot("slot", index=day, values="least"), on=day)
    return of_group.filter(greater).select(*day, "customer_id")
