"""Recheck: what is wrong with cells about to be published, found again from the basis alone.

Shares no code with placing and release but how zones are taken in batches: customers are compared one by one with their
cell, and the two versions of a restated cell in floating point, customer by customer.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from quality.privacy.batches import batches
from quality.tables import LOAD_PROFILE, QUARTERS
from quality.verdicts import SAMPLE, Verdict

_LEAST = {"15-29": 15, "30-99": 30, "100-299": 100, "300-999": 300, "1000+": 1000}
_OF_RATES = (slice(9 * 4, 22 * 4), [*range(9 * 4), *range(22 * 4, 24 * 4)])
"""Quarter-hours of PEA's and MEA's peak rate, 09:00 to 22:00, and of the other."""
_CELL = ["local_date", "zone", "customer_class"]
_METER = ["local_date", "meter_id"]


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
    members = _named(basis)
    old = None if before is None or before.is_empty() else _named(before)
    found = [] if old is None else [_moved(members, old)]
    twice = members.filter(pl.struct(_METER).is_duplicated()).select(_CELL).unique()
    for some in batches(pl.concat([published["zone"], members["zone"]])):
        here = pl.col("zone").is_in(some)
        of_zones = members.filter(here)
        found.append(_of_cells(published.filter(here), of_zones, twice))
        if old is not None:
            found.append(_corrected(of_zones, old))
    return pl.concat(found).unique().sort("zone", "customer_class", "start", "reason")


def _of_cells(published: pl.DataFrame, members: pl.DataFrame, twice: pl.DataFrame) -> pl.DataFrame:
    """What is wrong with cells by their own ``members``, or with those that are told of a meter ``twice``."""
    slot = [*_CELL, "slot"]
    known = members.filter(~pl.all_horizontal(pl.col(QUARTERS).is_null()))
    amounts = known.group_by(*_CELL, "customer_id").agg(_summed(QUARTERS))
    of_day = amounts.select(*_CELL, kwh=pl.sum_horizontal(QUARTERS)).group_by(_CELL)
    days = of_day.agg(_day_n=pl.len(), _day_big=pl.col("kwh").max() * 100 > pl.col("kwh").sum() * 15)
    quarters, cells = pl.col(QUARTERS), amounts.group_by(_CELL)
    sums = _by_slot(members.group_by(_CELL).agg((quarters < 0).any()), "_negative")
    for name, each in (("_n", quarters.count()), ("_sum", quarters.sum()), ("_largest", quarters.max())):
        sums = sums.join(_by_slot(cells.agg(each), name), on=slot, how="left")
    judged = (
        published.with_columns(
            slot=pl.col("start").dt.convert_time_zone("Asia/Bangkok").dt.strftime("q%H%M"),
            _rows=pl.len().over(_CELL),
            _least=pl.col("n_band").replace_strict(_LEAST, default=0, return_dtype=pl.Int64),
        )
        .join(sums.with_columns(_n=pl.when(pl.col("_n") > 0).then("_n")), on=slot, how="left")
        .join(days, on=_CELL, how="left")
        .join(twice.with_columns(_twice=pl.lit(True)), on=_CELL, how="left")
    )
    told = pl.col("kwh").is_not_null() | pl.col("_n").is_not_null()
    away = (pl.col("kwh").cast(pl.Int128) * 1_000_000 - pl.col("_sum")).abs()
    wrong = {
        "no customers are known for it": pl.col("kwh").is_not_null() & pl.col("_n").is_null(),
        "fewer than 15 customers": told & (pl.col("_n") < 15),
        "a customer has more than 15 %": told & (pl.col("_largest") * 100 > pl.col("_sum") * 15),
        "a customer has more than 15 % of the day": pl.col("_day_big"),
        "the sum is zero": told & (pl.col("_sum") <= 0),
        "a customer's amount is negative": pl.col("_negative"),
        "a customer is in it twice, or in another cell too": pl.col("_twice"),
        "the value is not the rounded sum": (away * 2 > 1_000_000)
        | (pl.col("kwh").is_null() & pl.col("_n").is_not_null()),
        "the band is not that of its customers": (pl.col("_day_n").fill_null(0) < pl.col("_least"))
        | (pl.col("_least") == 0),
        "the cell has not all slots of its day": pl.col("_rows") != len(QUARTERS),
    }
    found = [
        judged.filter(rule).select("zone", "customer_class", "start", reason=pl.lit(reason))
        for reason, rule in wrong.items()
    ]
    return pl.concat(found)


def _named(basis: pl.DataFrame) -> pl.DataFrame:
    names = {"cell_zone": "zone", "cell_class": "customer_class"}
    return basis.select("local_date", "meter_id", "customer_id", "restated", *names, *QUARTERS).rename(names)


def _summed(names: Sequence[str]) -> pl.Expr:
    """Exact sums of what is known, null where nothing is."""
    return pl.when(pl.col(names).is_not_null().any()).then(pl.col(names).cast(pl.Int128).sum())


def _by_slot(cells: pl.DataFrame, name: str) -> pl.DataFrame:
    """A row a slot of each cell."""
    return cells.unpivot(QUARTERS, index=_CELL, variable_name="slot", value_name=name)


def _moved(members: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Meters that are not where, or not whose, they were."""
    who = pl.col(*_METER, "customer_id", "zone", "customer_class")
    old = _as_they_were(before.select(who)).with_columns(_old=pl.lit(True))
    both = members.select(who).join(old, on=_METER, how="full", coalesce=True).filter("_old")
    same_cell = pl.col("zone").eq_missing(pl.col("_zone")) & pl.col("customer_class").eq_missing(
        pl.col("_customer_class")
    )
    left = both.filter(~same_cell).select(zone="_zone", customer_class="_customer_class")
    other = both.filter(pl.col("customer_id").ne_missing(pl.col("_customer_id")))
    return _told((left, "a customer left the cell it was in"), (other, "a meter is another customer's than it was"))


def _as_they_were(before: pl.DataFrame) -> pl.DataFrame:
    return before.select(*_METER, pl.exclude(_METER).name.prefix("_"))


def _corrected(members: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """What the values of cells tell together with what was published of them before that neither tells alone."""
    old = before.join(members, on=_METER, how="semi")
    both = members.join(_as_they_were(old), on=_METER, how="left")
    public = before.select(_CELL).unique()
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"_{name}")) for name in QUARTERS)
    changed = both.filter(differs).join(public, on=_CELL, how="semi")
    again = changed.filter(pl.col("_restated") | ~pl.col("restated"))
    cells = both.join(changed, on=_CELL, how="semi").group_by(_CELL)
    pairs = ((rows.head(1), why) for _, rows in cells if (why := _pair(rows)))
    return _told((again, "a cell is corrected that may not be"), *pairs)


def _told(*reasons: tuple[pl.DataFrame, str]) -> pl.DataFrame:
    start = pl.lit(None, LOAD_PROFILE.schema["start"])
    return pl.concat([each.select("zone", "customer_class", start=start, reason=pl.lit(why)) for each, why in reasons])


def _pair(rows: pl.DataFrame) -> str | None:
    """What a cell's two versions tell together: customers by slots, as they were and as they are."""
    customers = rows.group_by(customer=pl.coalesce("customer_id", "_customer_id"))
    names = [f"_{name}" for name in QUARTERS]
    sums = customers.agg(_summed([*names, *QUARTERS])).select(pl.exclude("customer").cast(pl.Float64) / 1e6)
    # NaN where unknown.
    was, now = sums.select(names).to_numpy(), sums.select(QUARTERS).to_numpy()
    differ = ~((was == now) | (np.isnan(was) & np.isnan(now)))
    # After the slots the sums of the day and of its rates, in which what changed places within them cancels.
    for slot, at in enumerate([*range(was.shape[1]), slice(None), *_OF_RATES]):
        a, b = (np.nan_to_num(each[:, at]).reshape(len(each), -1).sum(axis=1) for each in (was, now))
        known, knows = (~np.isnan(each[:, at]).reshape(len(each), -1).all(axis=1) for each in (was, now))
        changed = differ[:, at].reshape(len(differ), -1).any(axis=1)
        step, still = (b - a)[changed], a[~changed & known]
        of_rate = slot > was.shape[1]
        for new in (b[~known & knows], a[known & ~knows]):
            if not of_rate and new.sum() > 0 and (new.size < 15 or new.max() > 0.15 * new.sum() * (1 + 1e-9)):
                return "the customers that came or went fail 15/15"
        signed = slot < was.shape[1]
        if signed and step.size and (step.size < 15 or np.abs(step).max() > 0.15 * abs(step.sum()) * (1 + 1e-9)):
            return "the correction fails 15/15"
        if (
            not of_rate
            and still.size
            and still.sum() > 0
            and (still.size < 15 or still.max() > 0.15 * still.sum() * (1 + 1e-9))
        ):
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
