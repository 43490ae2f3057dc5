"""Recheck: what is wrong with cells about to be published, found again from the basis alone.

Shares no code with placing and release: customers are compared one by one with their cell, and the two versions of a
restated cell in floating point, customer by customer.
"""

import numpy as np
import polars as pl

from quality.tables import LOAD_PROFILE
from quality.verdicts import SAMPLE, Verdict

_LEAST = {"15-29": 15, "30-99": 30, "100-299": 100, "300-999": 300, "1000+": 1000}
_CELL = ["local_date", "zone", "customer_class"]


def recheck(published: pl.DataFrame, basis: pl.DataFrame, before: pl.DataFrame | None = None) -> Verdict:
    """``violations`` as a blocking verdict on ``load_profile``."""
    found = violations(published, basis, before)
    reasons = ", ".join(found["reason"].unique().sort())
    text = f"15/15 is broken: {reasons}" if found.height else "every cell and correction passes 15/15"
    return Verdict(
        LOAD_PROFILE.name,
        "privacy",
        "block" if found.height else "pass",
        published.height,
        found.select("zone", "customer_class", "start").n_unique() if found.height else 0,
        text,
        found.head(SAMPLE).to_dicts(),
    )


def violations(published: pl.DataFrame, basis: pl.DataFrame, before: pl.DataFrame | None = None) -> pl.DataFrame:
    """What is wrong with ``published`` cells: ``zone, customer_class, start, reason``; ``start`` is null where it is
    wrong of the whole day. ``before`` is the basis the previous snapshot stood on."""
    slot = [*_CELL, "start"]
    members = _named(basis)
    present = members.filter(pl.col("kwh").is_not_null())
    amounts = present.group_by(*slot, "customer_id").agg(pl.col("kwh").sum(), _negative=(pl.col("kwh") < 0).any())
    total = pl.col("kwh").sum()
    big = (pl.col("kwh") * 100 > pl.col("_sum") * 15).any()
    sums = amounts.with_columns(_sum=total.over(slot)).group_by(slot).agg(
        _n=pl.len(), _big=big, _sum=pl.col("_sum").first(), _negative=pl.col("_negative").any()
    )  # fmt: skip
    of_day = amounts.group_by(*_CELL, "customer_id").agg(total).with_columns(_sum=total.over(_CELL))
    days = of_day.group_by(_CELL).agg(_day_n=pl.len(), _day_big=big)
    homes = members.group_by("local_date", "meter_id").agg(_homes=pl.struct("zone", "customer_class").n_unique())
    twice = members.join(homes.filter(pl.col("_homes") > 1), on=["local_date", "meter_id"], how="semi")
    twice = pl.concat([twice.select(slot), members.filter(pl.struct("start", "meter_id").is_duplicated()).select(slot)])
    slots = members.select("local_date", "start").unique().group_by("local_date").len("_slots")
    cells = published.join(slots, on="local_date", how="left").with_columns(
        _rows=pl.len().over(_CELL), _least=pl.col("n_band").replace_strict(_LEAST, default=0, return_dtype=pl.Int64)
    )
    judged = (
        cells.join(sums, on=slot, how="left")
        .join(days, on=_CELL, how="left")
        .join(twice.unique().with_columns(_twice=pl.lit(True)), on=slot, how="left")
    )
    told = pl.col("kwh").is_not_null() | pl.col("_n").is_not_null()
    wrong = {
        "no customers are known for it": pl.col("kwh").is_not_null() & pl.col("_n").is_null(),
        "fewer than 15 customers": told & (pl.col("_n") < 15),
        "a customer has more than 15 %": told & pl.col("_big"),
        "a customer has more than 15 % of the day": pl.col("_day_big"),
        "the sum is zero": told & (pl.col("_sum") <= 0),
        "a customer's amount is negative": pl.col("_negative"),
        "a customer is in it twice, or in another cell too": pl.col("_twice"),
        "the value is not the rounded sum": ((pl.col("kwh") - pl.col("_sum")).abs() * 2 > 1)
        | (pl.col("kwh").is_null() & pl.col("_n").is_not_null()),
        "the band is not that of its customers": (pl.col("_day_n").fill_null(0) < pl.col("_least"))
        | (pl.col("_least") == 0),
        "the cell has not all slots of its day": pl.col("_rows") != pl.col("_slots"),
    }
    found = [judged.filter(rule).select(*slot[1:], reason=pl.lit(reason)) for reason, rule in wrong.items()]
    if before is not None and before.height:
        found.append(_differences(members, _named(before)))
    return pl.concat(found).unique().sort(*slot[1:], "reason")


def _named(basis: pl.DataFrame) -> pl.DataFrame:
    return basis.select(
        "local_date",
        "start",
        "meter_id",
        "customer_id",
        "kwh",
        "restated",
        zone="cell_zone",
        customer_class="cell_class",
    )


def _differences(members: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """What the published values of two snapshots tell together that neither tells alone."""
    on = ["local_date", "start", "meter_id"]
    old = before.rename({name: f"_{name}" for name in ("zone", "customer_class", "kwh", "restated", "customer_id")})
    both = members.join(old.with_columns(_old=pl.lit(True)), on=on, how="full", coalesce=True)
    same_cell = pl.col("zone").eq_missing(pl.col("_zone")) & pl.col("customer_class").eq_missing(
        pl.col("_customer_class")
    )
    moved = both.filter(pl.col("_old") & ~same_cell)
    public = before.select(_CELL).unique()
    changed = both.filter(pl.col("kwh").ne_missing(pl.col("_kwh"))).join(public, on=_CELL, how="semi")
    again = changed.filter(pl.col("_restated") | ~pl.col("restated"))
    other = both.filter(pl.col("_old") & pl.col("customer_id").ne_missing(pl.col("_customer_id")))
    old_name = {"zone": "_zone", "customer_class": "_customer_class"}
    found = [
        moved.select("start", **old_name, reason=pl.lit("a customer left the cell it was in")),
        again.select("start", "zone", "customer_class", reason=pl.lit("a cell is corrected that may not be")),
        other.select("start", "zone", "customer_class", reason=pl.lit("a meter is another customer's than it was")),
    ]
    found = [each.select("zone", "customer_class", "start", "reason") for each in found]
    restated = changed.select(_CELL).unique()
    for cell in restated.iter_rows(named=True):
        rows = both.filter(**cell)
        if why := _pair(rows):
            zone, klass = cell["zone"], cell["customer_class"]
            start = pl.lit(None, members.schema["start"])
            found.append(pl.select(zone=pl.lit(zone), customer_class=pl.lit(klass), start=start, reason=pl.lit(why)))
    return pl.concat(found)


def _pair(rows: pl.DataFrame) -> str | None:
    """What a cell's two versions tell together: customers by slots, as they were and as they are."""
    was, now = (_matrix(rows, column) for column in ("_kwh", "kwh"))
    differ = ~((was == now) | (np.isnan(was) & np.isnan(now)))
    for slot in range(was.shape[1] + 1):
        # After the slots the sum of the day, in which what changed places within it cancels.
        at = slot if slot < was.shape[1] else slice(None)
        a, b = (np.nan_to_num(each[:, at]).reshape(len(each), -1).sum(axis=1) for each in (was, now))
        known, knows = (~np.isnan(each[:, at]).reshape(len(each), -1).all(axis=1) for each in (was, now))
        changed = differ[:, at].reshape(len(differ), -1).any(axis=1)
        step, still = (b - a)[changed], a[~changed & known]
        for new in (b[~known & knows], a[known & ~knows]):
            if new.sum() > 0 and (new.size < 15 or new.max() > 0.15 * new.sum() * (1 + 1e-9)):
                return "the customers that came or went fail 15/15"
        signed = slot < was.shape[1]
        if signed and step.size and (step.size < 15 or np.abs(step).max() > 0.15 * abs(step.sum()) * (1 + 1e-9)):
            return "the correction fails 15/15"
        if still.size and still.sum() > 0 and (still.size < 15 or still.max() > 0.15 * still.sum() * (1 + 1e-9)):
            return "the customers that were not corrected fail 15/15"
        used = a > 0
        for factor in np.unique(np.append((b[used] / a[used]).round(9), 1.0)) if changed.any() else ():
            left, both = np.abs(b - factor * a), b + factor * a
            # What is published is rounded to 1 kWh. Somewhat laxer than release: what that lets go is not blocked here.
            if not (left > np.maximum(1e-5 * both, 2e-3 * (1 + factor))).any():
                continue
            left = left[left > 1e-6 * both]
            if left.size < 15 or left.max() > 0.15 * left.sum() * (1 + 1e-6):
                return "a known factor of correction leaves customers that fail 15/15"
    return None


def _matrix(rows: pl.DataFrame, column: str) -> np.ndarray:
    """kWh of a cell's customers by slot, NaN where unknown."""
    of = rows.with_columns(customer=pl.coalesce("customer_id", "_customer_id"))
    sums = of.filter(pl.col(column).is_not_null()).group_by("customer", "start").agg(pl.col(column).sum())
    grid = of.select("customer").unique().join(of.select("start").unique(), how="cross")
    table = grid.join(sums, on=["customer", "start"], how="left").sort("customer", "start")
    slots = table["start"].n_unique()
    return table[column].cast(pl.Float64).fill_null(float("nan")).to_numpy().reshape(-1, slots)
