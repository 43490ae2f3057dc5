"""What values of a meter export show that are none of the intervals at their stamps.

A register's count rises and never falls; a half-hour's energy at quarters stands beside zeros, or twice.
"""

from typing import Final

import polars as pl

from assets.meters.formats.stamps import local
from assets.meters.sentinels import SERIES
from quality.meter_metrics import figures_of

ENERGIES: Final = ~pl.col("quantity").is_in(["voltage", "other"])
"""Readings of energy."""
_COUNTED: Final = 24
"""Values in a row that never fall, half of them greater than the one before: a morning rises for fewer."""
_LEVEL: Final = 2
"""Times its whole rise that a register shows at its least."""
_LONG: Final = 192
"""Values after which also one that began at none shows: no load rises through two days of quarter-hours."""
_SHOWN: Final = 20
"""Series by which a rhythm is told: all of a file come from one system."""
_LOOKED: Final = 100_000
"""Readings among which they are chosen."""
_MOST: Final = 0.75
"""Share of them that have it, and of a series' values that are alike."""
_TURNS: Final = 12
"""Times that a rhythm is kept; fewer may be chance."""
_KINDS: Final = 3
"""Different steps up to which a rise is one that was made up, or of no use: a register's steps are loads."""


def rising(rows: pl.DataFrame) -> pl.DataFrame:
    """Series of energy of ``rows`` (READING_SCHEMA) that a register's count may be."""
    value, begun = pl.col("value"), pl.col("start")
    # Its first is its least and its last the greatest: few others need be put in order.
    ends = figures_of(
        rows,
        SERIES,
        count=value.count(),
        ends=(value.get(begun.arg_min()) == value.min()) & (value.get(begun.arg_max()) == value.max()),
        level=value.min().cast(pl.Float64),
        rise=(value.max() - value.min()).cast(pl.Float64),
    ).filter(
        ENERGIES
        & pl.col("ends")
        & (pl.col("count") >= _COUNTED)
        & ((pl.col("level") >= pl.col("rise") * _LEVEL) | (pl.col("count") >= _LONG))
    )
    if not ends.height:
        return ends
    found = rows.lazy().join(ends.lazy(), on=SERIES, how="semi").drop_nulls("value")
    series = found.sort(*SERIES, "start").group_by(SERIES)
    step = value.diff()
    steps = series.agg(falls=(step < 0).sum(), rises=(step > 0).sum(), kinds=step.n_unique()).collect()
    level = pl.col("level") >= pl.col("rise") * _LEVEL
    only = (pl.col("falls") == 0) & (pl.col("rises") * 2 >= _COUNTED) & (level | (pl.col("kinds") > _KINDS))
    return steps.join(ends, on=SERIES).filter(only).select(SERIES)


def told(rows: pl.DataFrame, zone: str) -> tuple[str, str] | None:
    """Code and words of the rhythm that most series have, or None."""
    energy = rows.head(_LOOKED).filter((pl.col("value") != 0) & ENERGIES)
    some = energy.select(SERIES).unique(maintain_order=True).head(_SHOWN)
    shown = rows.lazy().filter(pl.col("point").is_in(some["point"].unique().implode()))
    rows = shown.join(some.lazy(), on=SERIES, how="semi").sort(*SERIES, "start").collect()
    number = pl.col("start").dt.epoch("s") // (pl.col("minutes") * 60)
    rows = rows.select(*SERIES, "start", "minutes", number=number, value=pl.col("value").cast(pl.Float64))
    for times in (2, 4):
        if _alone(rows, times):
            text = f"all but every {times}. value is zero or none: intervals {times} times as long, at stamps of others"
            return "layout-contradicts", text
    ends = pl.col("start") + pl.duration(minutes="minutes")
    if any(_of_days(rows, local(at, zone).dt.date()) for at in (pl.col("start"), ends)):
        text = "values grow from midnight to midnight: a register of the day (`kind: register`, `resets: daily`)"
        return "layout-contradicts", text
    for times in (4, 2):
        if _repeated(rows, times):
            text = f"each value stands {times} times: look whether a longer interval's is repeated or spread over these"
            return "interval-repeated", text
    return None


def _most(series: pl.DataFrame, rule: pl.Expr) -> bool:
    share = series.select(rule.fill_null(value=False).mean()).item()
    return share is not None and share > _MOST


def _alone(rows: pl.DataFrame, times: int) -> bool:
    """Whether only every second or fourth value is any."""
    some = (pl.col("value") != 0).fill_null(value=False)
    slots = rows.group_by(*SERIES, slot=pl.col("number") % times).agg(count=pl.len(), share=some.mean())
    series = slots.group_by(SERIES).agg(
        filled=(pl.col("share") > 0).sum(), slots=pl.len(), share=pl.col("share").max(), count=pl.col("count").min()
    )
    only = (pl.col("filled") == 1) & (pl.col("slots") == times) & (pl.col("share") > 1 / 2)
    return _most(series, only & (pl.col("count") >= _TURNS))


def _repeated(rows: pl.DataFrame, times: int) -> bool:
    """Whether values are the same within each two or four, and not from one such group to the next."""
    value = pl.col("value")
    groups = (
        rows.drop_nulls("value")
        .group_by(*SERIES, group=pl.col("number") // times, maintain_order=True)
        .agg(alike=(value.n_unique() == 1) & (pl.len() == times), first=value.first(), most=value.abs().max())
        .filter(pl.col("most") > 0)  # nothing stands as often as it likes
    )
    series = groups.group_by(SERIES, maintain_order=True).agg(
        alike=pl.col("alike").mean(), turns=(pl.col("first").diff() != 0).sum()
    )
    return _most(series, (pl.col("alike") > _MOST) & (pl.col("turns") >= _TURNS))


def _of_days(rows: pl.DataFrame, on: pl.Expr) -> bool:
    """Whether values never fall but from a day, as it is told by ``on``, to the next."""
    step = pl.col("value").diff().over(SERIES)
    same = on.eq_missing(on.shift().over(SERIES))
    days = rows.drop_nulls("value").select(*SERIES, step=step, same=same).group_by(SERIES)
    within = pl.col("step").filter("same")
    series = days.agg(
        falls=(within < 0).sum(),
        rises=(within > 0).sum(),
        kinds=within.round(6).n_unique(),
        resets=(pl.col("step").filter(~pl.col("same")) < 0).sum(),
        days=(~pl.col("same")).sum(),
    )
    grows = (pl.col("falls") == 0) & (pl.col("kinds") > _KINDS) & (pl.col("rises") >= _TURNS * pl.col("days"))
    return _most(series, grows & (pl.col("resets") > 0) & (pl.col("resets") >= pl.col("days") - 1))
