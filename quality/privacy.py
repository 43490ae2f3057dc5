"""The 15/15 gate: which sums over customers may be published, and which corrections of published sums.

A sum is publishable if at least 15 customers are in it and none makes up more than 15 % of it (the rule of several
US states for aggregated meter data, e.g. Colorado PUC R15-0406). A sum of zero fails: it tells every member's value.

Within one start a customer is in one cell at most, so no difference of two cells is a set of customers. Between
snapshots three rules keep differences from being one:

1. Cells are frozen: what was published together for a start stays together, and nothing else joins its name.
2. A correction goes out only if the customers it changes, and the amounts it changes them by, pass 15/15 themselves.
3. A customer's amount may take part in one correction of a published start only. The sets of changed customers are
   then disjoint, so whatever snapshots are subtracted, what remains is a union of sets that pass.

Frames: *contributions* are one row a start and customer with ``meter_id, zone, customer_class, start, local_date,
kwh`` (exact; null where unknown, never negative); the *basis* has the columns of ``LOAD_PROFILE_BASIS`` and is all
that must be remembered between snapshots. It must be stored before what it stands for is published.
"""

from typing import NamedTuple

import polars as pl

from quality.tables import LOAD_PROFILE, LOAD_PROFILE_BASIS
from quality.verdicts import SAMPLE, Verdict

MIN_CUSTOMERS = 15
MAX_SHARE = (3, 20)
"""15 %, as a fraction: sums are exact, so the comparison must be."""

OTHER = "other"

_BASE = ["start", "zone", "customer_class"]
CELL = ["start", "cell_zone", "cell_class"]
"""What a cell is named by in the basis."""
_STATS = ("n", "total", "largest")
_BANDS = ((1000, "1000+"), (300, "300-999"), (100, "100-299"), (30, "30-99"), (15, "15-29"))

WITHDRAWN = "(withdrawn)"
"""Name, in the basis, of what was published once and never is again; no zone is called so."""

SHARE_STEPS = 20
"""``actual_share`` is told in steps of 1/20: finer ones would count a small cell's customers."""


def merge(contributions: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """Cells for the groups of ``contributions``: ``start, zone, customer_class`` → ``cell_zone, cell_class``.

    A group that fails 15/15 joins the failing classes of its zone in (zone, ``other``); if that fails, those of all
    zones in (``other``, ``other``); if that fails, passing cells of the start join it, fewest customers first, until
    it passes. What still fails gets no row. A group that bears the name others are merged under is merged with them.
    Names in ``taken`` (``start, cell_zone, cell_class``) belong to cells published earlier and are not used.
    """
    groups = (
        contributions.filter(pl.col("kwh").is_not_null())
        .group_by(_BASE)
        .agg(n=pl.col("meter_id").n_unique(), total=pl.col("kwh").sum(), largest=pl.col("kwh").max())
        .with_columns(cell_zone="zone", cell_class="customer_class")
    )
    for zone in (pl.col("zone"), pl.lit(OTHER)):
        failing = pl.col("fails")
        groups = groups.join(_cells(groups, taken).select(*CELL, "fails"), on=CELL).select(
            *_BASE,
            *_STATS,
            cell_zone=pl.when(failing).then(zone).otherwise("cell_zone"),
            cell_class=pl.when(failing).then(pl.lit(OTHER)).otherwise("cell_class"),
        )
    # All that fails now is (other, other); first in its start, it takes the smallest cells along.
    cells = _cells(groups, taken).sort("start", ~pl.col("fails"), "n", "total", "cell_zone", "cell_class")
    running = pl.col("n").cum_sum(), pl.col("total").cum_sum(), pl.col("largest").cum_max()
    enough = _passes(*(part.over("start") for part in running))
    place = pl.int_range(pl.len()).over("start")
    cells = cells.with_columns(_place=place, _needed=pl.when(enough).then(place)).with_columns(
        _needed=pl.col("_needed").min().over("start"),
        _short=(pl.col("fails") & ~pl.col("held")).any().over("start"),
    )
    covered = (pl.col("_short") & (pl.col("_place") <= pl.col("_needed"))).fill_null(False)
    cells = cells.filter(covered | ~pl.col("fails")).select(*CELL, covered=covered)
    return groups.join(cells, on=CELL).select(
        *_BASE,
        cell_zone=pl.when("covered").then(pl.lit(OTHER)).otherwise("cell_zone"),
        cell_class=pl.when("covered").then(pl.lit(OTHER)).otherwise("cell_class"),
    )


class Release(NamedTuple):
    """The basis of the next snapshot, and the cells (``CELL``) that stayed although their contributions changed."""

    basis: pl.DataFrame
    withheld: pl.DataFrame


def release(contributions: pl.DataFrame, basis: pl.DataFrame) -> Release:
    """The next snapshot's basis, given the ``basis`` of all before.

    A start never published is grouped by ``merge``. In a published one a cell takes on the changes to its customers
    if rules 1 to 3 allow all of them, else it stays as it is; groups new to it form cells of their own.
    """
    known = basis.select("start", "meter_id", "cell_zone", "cell_class", _zone="zone", _class="customer_class")
    named = basis.select(*_BASE, "cell_zone", "cell_class").unique(_BASE)
    placed = (
        contributions.join(known, on=["start", "meter_id"], how="left")
        # A customer that moved house or tariff stays where it was published.
        .with_columns(zone=pl.coalesce("_zone", "zone"), customer_class=pl.coalesce("_class", "customer_class"))
        .drop("_zone", "_class", "cell_zone", "cell_class")
        .join(named, on=_BASE, how="left")
    )
    fresh = placed.filter(pl.col("cell_zone").is_null()).drop("cell_zone", "cell_class")
    fresh = fresh.join(merge(fresh, basis), on=_BASE).with_columns(revised=pl.lit(False))
    after = _compared(placed.filter(pl.col("cell_zone").is_not_null()), basis)
    change = pl.col("_change").filter("_changed")
    cells = after.group_by(CELL).agg(
        changed=pl.col("_changed").any(),
        again=(pl.col("_changed") & pl.col("_revised")).any(),
        right=_passes(change.len(), change.sum().abs(), change.abs().max())
        & _passes(pl.col("kwh").count(), pl.col("kwh").sum(), pl.col("kwh").max()),
    )
    taken_on = cells.filter(pl.col("changed") & pl.col("right") & ~pl.col("again")).select(CELL)
    new = after.join(taken_on, on=CELL, how="semi").with_columns(revised=pl.col("_revised") | pl.col("_changed"))
    old = basis.join(taken_on, on=CELL, how="anti")
    names = LOAD_PROFILE_BASIS.schema.names()
    withheld = cells.filter("changed").join(taken_on, on=CELL, how="anti").select(CELL).sort(CELL)
    return Release(pl.concat([old.select(names), new.select(names), fresh.select(names)]), withheld)


def withdraw(basis: pl.DataFrame, meter_id: str) -> pl.DataFrame:
    """The ``basis`` without a customer and without the cells it was in.

    The others of those cells are kept under ``WITHDRAWN``: published again for that start without the customer, they
    would tell its amount as the difference.
    """
    left = basis.filter(meter_id=meter_id).select(CELL).unique().with_columns(_left=pl.lit(True))
    others = basis.filter(pl.col("meter_id") != meter_id).join(left, on=CELL, how="left", maintain_order="left")
    name = pl.when(pl.col("_left")).then(pl.lit(WITHDRAWN))
    return others.with_columns(cell_zone=name.otherwise("cell_zone"), cell_class=name.otherwise("cell_class")).drop(
        "_left"
    )


def cells(basis: pl.DataFrame) -> pl.DataFrame:
    """What is published of a ``basis``: ``LOAD_PROFILE`` rows, rounded to 1 kWh (half to even), ``n`` as a band."""
    n, total = pl.col("kwh").count(), pl.col("kwh").sum()
    band = pl.lit(_BANDS[-1][1])
    for least, name in reversed(_BANDS[:-1]):
        band = pl.when(n >= least).then(pl.lit(name)).otherwise(band)
    # Rounded down, so that 1.0 means all of them.
    share = ((n.cast(pl.Int64) * SHARE_STEPS // pl.len().cast(pl.Int64)) / SHARE_STEPS).round(2)
    published = basis.filter(pl.col("cell_zone") != WITHDRAWN)
    found = published.group_by(*CELL, "local_date").agg(kwh=total.round(0), n_band=band, actual_share=share)
    found = found.rename({"cell_zone": "zone", "cell_class": "customer_class"})
    return found.select(pl.col(name).cast(dtype) for name, dtype in LOAD_PROFILE.schema.items()).sort(LOAD_PROFILE.key)


def violations(published: pl.DataFrame, basis: pl.DataFrame, before: pl.DataFrame | None = None) -> pl.DataFrame:
    """What is wrong with ``published`` cells, found again from the ``basis`` alone: ``zone, customer_class, start,
    reason``.

    ``before`` is the basis the previous snapshot stood on. Shares no code with ``merge`` and ``release``: customers
    are compared one by one with their cell, not by the cell's statistics.
    """
    cell = ["zone", "customer_class", "start"]
    members = basis.select(
        "start", "meter_id", "kwh", "revised", zone="cell_zone", customer_class="cell_class"
    ).with_columns(_twice=pl.struct("start", "meter_id").is_duplicated())
    present = members.filter(pl.col("kwh").is_not_null()).with_columns(_sum=pl.col("kwh").sum().over(cell))
    least = {name: least for least, name in _BANDS}
    judged = published.join(
        present.group_by(cell).agg(
            _n=pl.col("meter_id").n_unique(),
            _big=(pl.col("kwh") * 100 > pl.col("_sum") * 15).any(),
            _sum=pl.col("_sum").first(),
            _twice=pl.col("_twice").any(),
            _negative=(pl.col("kwh") < 0).any(),
        ),
        on=cell,
        how="left",
    ).with_columns(_least=pl.col("n_band").replace_strict(least, default=None, return_dtype=pl.Int64))
    wrong = {
        "no customers are known for it": pl.col("_n").is_null(),
        "fewer than 15 customers": pl.col("_n") < 15,
        "a customer has more than 15 %": pl.col("_big"),
        "the sum is zero": pl.col("_sum") <= 0,
        "a customer's amount is negative": pl.col("_negative"),
        "a customer is in it twice, or in another cell too": pl.col("_twice"),
        "the value is not the rounded sum": ((pl.col("kwh") - pl.col("_sum")).abs() * 2 > 1) | pl.col("kwh").is_null(),
        "the band is not that of its customers": (pl.col("_n") < pl.col("_least")) | pl.col("_least").is_null(),
    }
    found = [judged.filter(rule).select(*cell, reason=pl.lit(reason)) for reason, rule in wrong.items()]
    if before is not None and before.height:
        found.append(_differences(members, before, cell))
    return pl.concat(found).unique().sort(*cell, "reason")


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


def _passes(n: pl.Expr, total: pl.Expr, largest: pl.Expr) -> pl.Expr:
    share, of = MAX_SHARE
    return ((n >= MIN_CUSTOMERS) & (total > 0) & (largest * of <= total * share)).fill_null(False)


def _cells(groups: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """Statistics of the cells the groups are in; ``held``: the name is taken; ``fails``: not publishable by it."""
    held = taken.select(CELL).unique().with_columns(held=pl.lit(True))
    cells = groups.group_by(CELL).agg(pl.col("n", "total").sum(), pl.col("largest").max())
    cells = cells.join(held, on=CELL, how="left").with_columns(pl.col("held").fill_null(False))
    return cells.with_columns(fails=~_passes(*(pl.col(name) for name in _STATS)) | pl.col("held"))


def _compared(placed: pl.DataFrame, basis: pl.DataFrame) -> pl.DataFrame:
    """Members of the published cells as they are now, those that vanished included, with how they changed."""
    was = basis.select("start", "meter_id", _was="kwh", _revised="revised")
    vanished = basis.join(placed, on=["start", "meter_id"], how="anti").with_columns(
        kwh=pl.lit(None, LOAD_PROFILE_BASIS.schema["kwh"])
    )
    now = pl.concat([placed, vanished.select(placed.columns)]).join(was, on=["start", "meter_id"], how="left")
    return now.with_columns(
        _revised=pl.col("_revised").fill_null(False),
        _changed=pl.col("kwh").ne_missing(pl.col("_was")),
        _change=pl.col("kwh").fill_null(0) - pl.col("_was").fill_null(0),
    )


def _differences(members: pl.DataFrame, before: pl.DataFrame, cell: list[str]) -> pl.DataFrame:
    old = before.select(
        "start", "meter_id", _zone="cell_zone", _class="cell_class", _kwh="kwh", _revised="revised", _old=pl.lit(True)
    )
    both = members.join(old, on=["start", "meter_id"], how="full", coalesce=True)
    both = both.join(
        old.select("start", zone="_zone", customer_class="_class", _public=pl.lit(True)).unique(), on=cell, how="left"
    ).filter(pl.col("_old") | pl.col("_public"))
    moved = (
        (pl.col("zone") != pl.col("_zone")) | (pl.col("customer_class") != pl.col("_class")) | pl.col("zone").is_null()
    )
    zero = pl.lit(0, pl.Decimal(18, 6))
    changed = both.filter(pl.col("kwh").ne_missing(pl.col("_kwh"))).with_columns(
        _step=(pl.coalesce("kwh", zero) - pl.coalesce("_kwh", zero))
    )
    sums = changed.with_columns(_all=pl.len().over(cell), _net=pl.col("_step").sum().abs().over(cell))
    weak = (pl.col("_all") < 15) | (pl.col("_step").abs() * 100 > pl.col("_net") * 15) | (pl.col("_net") == 0)
    parts = [
        both.filter(moved).select(
            zone="_zone", customer_class="_class", start="start", reason=pl.lit("a customer left the cell it was in")
        ),
        sums.filter(weak).select(*cell, reason=pl.lit("the correction fails 15/15")),
        changed.filter("_revised").select(*cell, reason=pl.lit("a customer is corrected again")),
    ]
    return pl.concat(parts).drop_nulls()
