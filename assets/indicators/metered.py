"""How much of a city's electricity its published cells hold: what privacy and validation keep out is in the
denominator, so that a wrong meter can lower coverage and never moves a number in silence; and its doubts."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import polars as pl

from assets.indicators.tables import Tables
from quality.privacy import WITHDRAWN
from quality.privacy.release import SHARE_STEPS
from quality.tables import DELIVERED, METER_FINAL, METER_INTERVALS, QUARTERS
from quality.vee.verdicts import noted
from quality.verdicts import Verdict

METERED = "metered"
"""Name among a city's tables of what ``metered`` makes. It is not published: it tells the number of meters."""


class Metered(NamedTuple):
    """Of one day: meters of the register, the share of their quarter-hours that are in published cells and were read,
    not estimated, and the share of the published energy that is of meters which no register lists: they may be
    another city's, or listed ones under a number that is written otherwise. In steps of 0.05, rounded down as in the
    load profile."""

    registered: int
    read: float
    unlisted: float = 0.0


def metered(basis: pl.DataFrame, register: pl.DataFrame) -> pl.DataFrame:
    """``local_date, registered, read, unlisted``, a row a day. ``basis`` are rows of ``load_profile_basis``,
    ``register`` of ``meters`` that are customers', one a meter.

    A meter that is not in the register is on neither side of ``read``. No row where the register is empty.
    """
    published = basis.filter(pl.col("cell_zone") != WITHDRAWN)
    inside = published.join(register, on="meter_id", how="semi")
    read = pl.sum_horizontal(pl.col(name).bitwise_count_ones() for name in DELIVERED).cast(pl.Int64).sum()
    slots = max(register.height * len(QUARTERS), 1)
    by_day = inside.group_by("local_date").agg(read=read)
    days = basis.select("local_date").unique().join(by_day, on="local_date", how="left").fill_null(0)
    share = (pl.col("read") * SHARE_STEPS // slots / SHARE_STEPS).round(2)
    # In floating point: what a broken meter tells may be more than 64 bits hold, and steps are all that is asked.
    energy = pl.sum_horizontal(pl.col(QUARTERS).cast(pl.Float64).sum())
    of_all, of_listed = (rows.group_by("local_date").agg(kwh=energy) for rows in (published, inside))
    both = days.select("local_date").join(of_all, on="local_date", how="left")
    both = both.join(of_listed, on="local_date", how="left", suffix="_listed").fill_null(0)
    apart = (1 - pl.col("kwh_listed") / pl.col("kwh")) * SHARE_STEPS + 1e-9
    unlisted = both.select("local_date", unlisted=pl.when(pl.col("kwh") > 0).then(apart.floor() / SHARE_STEPS))
    registered = pl.lit(register.height, pl.Int64).alias("registered")
    found = days.join(unlisted, on="local_date").select(
        "local_date", registered, share, pl.col("unlisted").fill_null(0.0).round(2)
    )
    found = found.sort("local_date")
    return found if register.height else found.clear()


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
