"""How much of a city's electricity its published cells hold: what privacy and validation keep out is in the
denominator, so that a wrong meter can lower coverage and never moves a number in silence; and its doubts."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import polars as pl

from assets.indicators.tables import Tables
from quality.privacy import WITHDRAWN
from quality.privacy.release import SHARE_STEPS
from quality.tables import DELIVERED, METER_FINAL, METER_INTERVALS, METERS, QUARTERS
from quality.vee.verdicts import noted
from quality.verdicts import Verdict

METERED = "metered"
"""Name among a city's tables of what ``metered`` makes. It is not published: it tells the number of meters."""


class Metered(NamedTuple):
    """Of one day: meters of the register, also those whose row was refused, the share of their quarter-hours that are
    in published cells and were read, not estimated, and the share of the published energy that is of meters which no
    register lists: they may be another city's, or listed ones under a number that is written otherwise. In steps of
    0.05, rounded down as in the load profile.
    """

    registered: int
    read: float
    unlisted: float = 0.0


def rows_refused(register: pl.DataFrame, quarantine: pl.DataFrame) -> int:
    """Meters that the delivery of a ``register`` (``METERS`` rows) tells of and that are not in it, by the rows of
    ``quarantine`` of its delivery day. One that repeats a point, or has none, is no further meter."""
    refused = quarantine.filter(
        pl.col("receipt").is_in(register["_receipt"].unique().implode()),
        ~pl.col("code").is_in(["key-duplicate", "value-null"]),
        table=METERS.name,
        severity="refuse",
    )
    return refused["row"].n_unique()


def metered(basis: pl.DataFrame, register: pl.DataFrame, refused: int = 0) -> pl.DataFrame:
    """``local_date, registered, read, unlisted``, a row a day. ``basis`` are rows of ``load_profile_basis``,
    ``register`` of ``meters`` that are customers', one a meter, ``refused`` as in ``rows_refused``.

    A meter whose row of the register was refused counts as not read, whatever it delivered: nothing tells its zone. One
    that no row tells of is on neither side of ``read``. No row where the register is empty.
    """
    # By meter first: the quarter-hours of a million are 0.8 GB. In floating point, for what a broken meter tells may be
    # more than 64 bits hold, and steps are all that is asked.
    told = basis.lazy().select(
        "local_date",
        published=pl.col("cell_zone") != WITHDRAWN,
        listed=pl.col("meter_id").is_in(register["meter_id"].implode()),
        read=pl.sum_horizontal(pl.col(name).bitwise_count_ones().cast(pl.Int64) for name in DELIVERED),
        energy=pl.sum_horizontal(pl.col(name).cast(pl.Float64) for name in QUARTERS),
    )
    registered = register.height + refused
    slots = max(registered * len(QUARTERS), 1)
    inside = pl.col("published") & pl.col("listed")
    apart = 1 - pl.col("energy").filter(inside).sum() / pl.col("energy").filter("published").sum()
    unlisted = ((apart * SHARE_STEPS + 1e-9).floor() / SHARE_STEPS).round(2)
    found = told.group_by("local_date").agg(
        registered=pl.lit(registered, pl.Int64),
        read=(pl.col("read").filter(inside).sum() * SHARE_STEPS // slots / SHARE_STEPS).round(2),
        unlisted=unlisted.fill_nan(0.0),
    )
    days = found.sort("local_date").collect()
    return days if register.height else days.clear()


def of_day(tables: Tables, day: date) -> Metered | None:
    """What was metered on a reading day; None where no register tells."""
    frame = tables.frames.get(METERED)
    rows = [] if frame is None else frame.filter(local_date=day).drop("local_date").rows()
    return Metered(*rows[0]) if rows else None


def doubted(quality: pl.DataFrame, superseded: Iterable[pl.DataFrame]) -> dict[str, list[Verdict]]:
    """Verdicts on the values of a reading day, by table: what its rows of ``meter_quality`` note of ``meter_final``,
    and how many of ``meter_intervals`` another file contradicts, by its ``meter_superseded`` in pieces.

    A night's own verdicts on these are about all days that it judged, which may be others than this one.
    """
    other = sum(rows.filter(reason="contradicted").height for rows in superseded)
    checked = int(quality["expected"].sum()) + other
    told = Verdict(METER_INTERVALS.name, "contradictions", "warn" if other else "pass", checked, other, "")
    return {METER_FINAL.name: noted(quality), METER_INTERVALS.name: [told]}
