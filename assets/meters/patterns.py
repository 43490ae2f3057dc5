"""What values of a meter export show that are none of the intervals at their stamps.

A register's count rises and never falls; a half-hour's energy at quarters stands beside zeros, or twice.
"""

from collections.abc import Sequence
from datetime import time
from decimal import Decimal
from itertools import compress
from typing import Final

import polars as pl

from assets.meters.formats.canonical import in_runs
from assets.meters.formats.stamps import local
from assets.meters.sentinels import SERIES
from quality.meter_metrics import figures_of, slices

ENERGIES: Final = ~pl.col("quantity").is_in(["voltage", "other"])
"""Readings of energy."""
_WITHIN: Final = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift()) for name in SERIES)
"""Readings that follow another of their series, where these lie one after another."""
_COUNTED: Final = 24
"""Values in a row that never fall, half of them greater than the one before: a morning rises for fewer."""
_LEVEL: Final = 2
"""Times its whole rise that a register shows at its least."""
_DAY: Final = 1440
"""Minutes of values after which also one that began at none shows: no load rises through a whole day."""
_SOME: Final = 8
"""Values from which a register shows that has counted ``_STEADY`` times its whole rise before: no load is so even."""
_STEADY: Final = 20
_SHOWN: Final = 20
"""Series by which a rhythm is told: all of a file come from one system."""
_LOOKED: Final = 100_000
"""Readings among which they are chosen."""
_MOST: Final = 0.75
"""Share of them that have it, and of a series' values that are alike."""
_TURNS: Final = 12
"""Times that a rhythm is kept; fewer may be chance."""
_PART: Final = 6
"""Part of a usual day, as the mean of its series tells it, that any day's sum is greater than; sums double the mean."""
_ROUNDED: Final = 0.0005
"""Share of a sum that is lost by rounding what is added."""
_PRINTED: Final = Decimal("0.001")
"""kWh that a printed value may be rounded by."""
_INTERVALS: Final = 12
"""Loads of a day that are added; the sum of fewer may be one of them by chance."""
_PERIODS: Final = (1440, 720, 480, 360, 240, 180, 120, 60, 30, 20, 15, 10)
"""Minutes after which counts are set back: a day, a shift, an hour, the period that a meter records by."""
_AGAIN: Final = 3
"""Times that a count begins anew, together with ``_COUNTED`` rises and no fall between."""
_KINDS: Final = 3
"""Different steps up to which a rise is one that was made up, or of no use: a register's steps are loads."""


def rising(rows: pl.DataFrame) -> pl.DataFrame:
    """Series of energy of ``rows`` (READING_SCHEMA) that a register's count may be."""
    value, begun = pl.col("value"), pl.col("start")
    if rows["value"].null_count():
        rows = rows.select(*SERIES, "start", "minutes", "value").drop_nulls("value")
    # Its first is its least and its last the greatest: few others need be put in order.
    long = pl.col("count") >= _COUNTED
    at_level = pl.col("level") >= pl.col("rise") * pl.when(long).then(_LEVEL).otherwise(_STEADY)
    ends = figures_of(
        rows,
        SERIES,
        count=value.count(),
        ends=(value.get(begun.arg_min()) == value.min()) & (value.get(begun.arg_max()) == value.max()),
        level=value.min().cast(pl.Float64),
        rise=(value.max() - value.min()).cast(pl.Float64),
        # From the first value to the last, whatever is blank between.
        minutes=(begun.max() - begun.min()).dt.total_minutes() + pl.col("minutes").min(),
    ).filter(
        ENERGIES & pl.col("ends") & (pl.col("count") >= _SOME),
        at_level | (long & (pl.col("minutes") >= _DAY)),
    )
    if not ends.height:
        return ends
    found = rows.lazy().join(ends.lazy(), on=SERIES, how="semi")
    series = found.sort(*SERIES, "start").group_by(SERIES)
    step = value.diff()
    steps = series.agg(falls=(step < 0).sum(), rises=(step > 0).sum(), kinds=step.n_unique()).collect()
    rises = pl.col("rises") * 2 >= pl.min_horizontal("count", _COUNTED)
    only = (pl.col("falls") == 0) & rises & ((long & at_level) | (pl.col("kinds") > _KINDS))
    return steps.join(ends, on=SERIES).filter(only).select(SERIES)


def totals(rows: pl.DataFrame, written: pl.Expr, power: bool) -> pl.DataFrame:
    """Those of ``rows`` that stand first or last in a day, as it is ``written``, and are its sum.

    Of ``power`` it may be the energy, which was converted as a power is.
    """
    value = pl.col("value").cast(pl.Float64)
    midnight = pl.col("at").dt.time() == time()
    last = (pl.col("at") + pl.duration(minutes="minutes")).dt.time() == time()
    scales = [pl.lit(1), *([60 / pl.col("minutes")] if power else [])]
    means = figures_of(rows, SERIES, most=value.max(), mean=value.mean() / _PART, minutes=pl.col("minutes").min())
    peak = pl.col("mean") * _DAY / pl.col("minutes") / scales[-1]
    means = means.filter(pl.col("most") > peak, ENERGIES)
    if not means.height:
        return rows.clear()
    peaks = rows.lazy().join(means.lazy().select(*SERIES, peak=peak), on=SERIES).filter(value > pl.col("peak"))
    series = peaks.with_columns(at=written).filter(midnight | last).select(SERIES).unique()
    some = rows.lazy().join(series, on=SERIES, how="semi").with_columns(at=written).collect()
    if not some.height:
        return some.select(rows.columns)
    # What stands at midnight is of the day that begins there, or of the one that ends.
    found = [
        _sums(some, edge, days, value * scale) for edge, days in ((midnight, (0, 1)), (last, (0,))) for scale in scales
    ]
    return pl.concat(found).unique([*SERIES, "start"]).select(rows.columns)


def _sums(some: pl.DataFrame, edge: pl.Expr, back: Sequence[int], amount: pl.Expr) -> pl.DataFrame:
    """Those of ``some`` at the ``edge`` of a day, or of one that is ``back``, that are the sum of its others.

    The interval whose place such a sum has is none of those added. So the sum may be greater by one, and must be so at
    most edges of its series; or it is known, and the sum is exact.
    """
    value, on = pl.col("value").cast(pl.Float64), pl.col("at").dt.date()
    days = (
        some.filter(~edge, value > 0)
        .group_by(*SERIES, day=on)
        .agg(sum=value.sum(), most=value.max(), loads=pl.len())
        .filter(pl.col("loads") >= _INTERVALS)
    )
    edges = some.filter(edge)
    following = edges.select(*SERIES, day=on.dt.offset_by("-1d"), following=value)
    days = days.join(following, on=[*SERIES, "day"], how="left")
    beside = pl.concat(edges.with_columns(day=on.dt.offset_by(f"-{n}d")) for n in back).join(days, on=[*SERIES, "day"])
    over = amount - pl.col("sum")
    near = (over >= pl.col("sum") * -_ROUNDED) & (over <= pl.col("most") * 1.5) & (amount > pl.col("most") * 4)
    exact = pl.min_horizontal(over.abs(), (over - pl.col("following")).abs()) <= pl.col("sum") * _ROUNDED
    shown = beside.with_columns(near=near, exact=near & exact)
    usual = pl.col("near").any().over(*SERIES, "start").mean().over(SERIES) > 1 / 2
    return shown.filter("near", usual | pl.col("exact"))


def a_total(rows: pl.DataFrame, least: int = _TURNS) -> bool:
    """Whether one metering point of three and more is the sum of all others, wherever any has a load."""
    of_time = (
        rows.lazy()
        .group_by("quantity", "start")
        .agg(points=pl.len(), sum=pl.col("value").sum(), most=pl.col("value").max())
    )
    sums = of_time.filter(pl.col("sum") > 0, pl.col("points") > 2)
    half = ((pl.col("most") * 2 - pl.col("sum")).abs() <= pl.col("points") * _PRINTED).cast(pl.Float64)
    count, share = sums.select(pl.len(), half.mean()).collect().row(0)
    return bool(count >= least and share == 1)


def told(rows: pl.DataFrame, counts: pl.DataFrame, assumed: bool) -> tuple[str, str] | None:
    """Code and words of the rhythm that most series have, or None. ``counts`` are the series that begin ``anew``.
    ``assumed``: lengths are not written beside the values, so that those of longer intervals may stand at stamps of
    shorter ones."""
    energy = rows.head(_LOOKED).filter((pl.col("value") != 0) & ENERGIES)
    some = energy.select(SERIES).unique(maintain_order=True).head(_SHOWN)
    shown = rows.lazy().filter(pl.col("point").is_in(some["point"].unique().implode()))
    rows = shown.join(some.lazy(), on=SERIES, how="semi").sort(*SERIES, "start").collect()
    number = pl.col("start").dt.epoch("s") // (pl.col("minutes") * 60)
    rows = rows.select(*SERIES, "start", "minutes", number=number, value=pl.col("value").cast(pl.Float64))
    # What each rhythm leaves behind: where there is too little of it, the rhythm is not looked for.
    value = pl.col("value")
    step = value.diff()
    series = rows.group_by(SERIES).agg(
        count=pl.len(),
        none=(value.fill_null(0) == 0).sum(),
        alike=(step == 0).sum(),
        least=step.min(),
        kinds=step.round(6).n_unique(),
    )
    for times in (2, 4) if _most(series, pl.col("none") >= _TURNS) else ():
        if _alone(rows, times):
            text = f"all but every {times}. value is zero or none: intervals {times} times as long, at stamps of others"
            return "layout-contradicts" if assumed else "interval-repeated", text
    counts = counts.join(some, on=SERIES, how="semi").group_by("code", "text").len()
    most = counts.filter(pl.col("len") > some.height * _MOST).select("code", "text")
    if most.height:
        return most.row(0)
    if _most(series, (pl.col("count") >= _SOME) & (pl.col("least") > 0) & (pl.col("kinds") > _KINDS)):
        return "value-rising", "each value is greater than the one before: look whether they are a register's"
    for times in (4, 2) if _most(series, pl.col("alike") >= _TURNS * _MOST) else ():
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


def anew(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Series of energy of ``rows`` (READING_SCHEMA) that a count which begins anew may be, with ``code`` and ``text``:
    of a file's many meters one may be set to count."""
    value, begun = pl.col("value"), pl.col("start")
    rows = rows.select(*SERIES, "start", "minutes", "value")
    if rows["value"].null_count():
        rows = rows.drop_nulls("value")
    if not in_runs(rows, [*SERIES, "start"]):
        rows = rows.sort(*SERIES, "start")
    # A load falls again and again, a count never twice in a row: few are looked at further.
    found = pl.concat(map(_falls, slices(rows, SERIES)))
    least = pl.max_horizontal(pl.col("falls") - 1, _TURNS)
    few = found.filter(ENERGIES & ~pl.col("twice"), pl.col("falls") > 0, pl.col("rises").cast(pl.Int64) >= least)
    some = rows.lazy().join(few.select(SERIES).lazy(), on=SERIES, how="semi").sort(*SERIES, begun).collect()
    return _anew(some.with_columns(value.cast(pl.Float64)), zone)


def _falls(rows: pl.DataFrame) -> pl.DataFrame:
    """How often each series of ``rows``, which lie series by series, falls and rises, and whether twice in a row."""
    value = pl.col("value")
    steps = rows.select(*SERIES, fell=_WITHIN & (value < value.shift()), rose=_WITHIN & (value > value.shift()))
    steps = steps.with_columns(twice=pl.col("fell") & pl.col("fell").shift())
    return figures_of(steps, SERIES, falls=pl.sum("fell"), rises=pl.sum("rose"), twice=pl.col("twice").any())


def _anew(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Series with code and text whose values grow as a count does, and fall only to begin anew: each day, each hour, or
    seldom. ``rows`` lie series by series."""
    found = [
        pl.DataFrame(schema={**{name: rows.schema[name] for name in SERIES}, "code": pl.String, "text": pl.String})
    ]
    if not rows.height:
        return found[0]
    value, step, edges = pl.col("value"), pl.col("step"), ("starts", "ends")
    at = local(pl.col("start"), zone).dt.epoch("s") // 60
    counts = rows.with_columns(step=pl.when(_WITHIN).then(value.diff()), starts=at, ends=at + pl.col("minutes"))
    fell = step < 0
    windows = {f"{period}{edge}": (period, edge) for period in _PERIODS for edge in edges}
    fallen = (
        counts.with_columns(
            twice=fell & fell.shift(),
            deep=value * 2 < value.shift(),
            **{f"{edge}_before": pl.col(edge).shift() for edge in edges},
        )
        .filter(fell)
        .select(
            *SERIES,
            "twice",
            "deep",
            **{
                name: pl.col(edge) // period == pl.col(f"{edge}_before") // period
                for name, (period, edge) in windows.items()
            },
        )
        .group_by(SERIES)
        .agg(pl.len().alias("falls"), pl.col("twice").any(), pl.col("deep").all(), pl.col(list(windows)).sum())
        .filter(~pl.col("twice"))
    )
    counts = counts.join(fallen, on=SERIES, how="semi", maintain_order="left")
    series = counts.group_by(SERIES).agg(
        slots=pl.col("minutes").first(),
        rises=(step > 0).sum(),
        kinds=step.round(6).n_unique(),
        length=(value.count() * pl.col("minutes").first()),
    )
    series = series.join(fallen, on=SERIES)
    fits = {name: (pl.col(name) == 0) & (pl.col("slots") * 2 <= period) for name, (period, _) in windows.items()}
    some_fit = series.select(rule.any().alias(name) for name, rule in fits.items()).row(0)
    for name in compress(windows, some_fit):
        period, edge = windows[name]
        some = series.filter(fits[name]).select(SERIES)
        if not some.height:
            continue
        begun = _begun(counts.join(some, on=SERIES, how="semi", maintain_order="left"), pl.col(edge), period)
        if period == _DAY:
            grow, how = "from midnight to midnight", "a register of the day (`kind: register`, `resets: daily`)"
        else:
            grow, how = f"and begin anew each {period} minutes", f"a count (`kind: register`, `resets: {period}`)"
        pair = pl.col("parts") == 2
        said = f"each second value is greater than the one before: look whether a count of {period} minutes grows"
        told = begun.select(
            *SERIES,
            code=pl.when(pair).then(pl.lit("value-rising")).otherwise(pl.lit("layout-contradicts")),
            text=pl.when(pair).then(pl.lit(said)).otherwise(pl.lit(f"values grow {grow}: {how}")),
        )
        found.append(told)
        series = series.join(told, on=SERIES, how="anti")
    seldom = pl.col("falls").is_between(1, pl.col("rises") // _TURNS) & (pl.col("rises") >= _COUNTED) & pl.col("deep")
    back = series.filter(seldom & (pl.col("kinds") > _KINDS) & (pl.col("length") >= _DAY))
    text = "values rise, and seldom fall to less than half: a count that is set back or rolls over (`kind: register`)"
    found.append(back.select(*SERIES, code=pl.lit("layout-contradicts"), text=pl.lit(text)))
    return pl.concat(found)


def _begun(counts: pl.DataFrame, at: pl.Expr, period: int) -> pl.DataFrame:
    """Series that count in each ``period`` and begin anew with it, and how many values (``parts``) it has.

    Of few values a period, a load that follows the clock rises too; a count grows by as much in each part of it.
    """
    window, value = at // period, pl.col("value")
    rows = counts.with_columns(
        same=window.eq_missing(window.shift().over(SERIES)), part=at % period // pl.col("minutes")
    )
    begins = ~pl.col("same") & pl.col("step").is_not_null()
    grown = pl.when("same").then("step").otherwise(value)
    parts = rows.group_by(*SERIES, "part").agg(grown=grown.mean()).group_by(SERIES)
    even = parts.agg(least=pl.col("grown").min(), most=pl.col("grown").max(), mean=pl.col("grown").mean())
    series = rows.group_by(SERIES).agg(
        parts=period // pl.col("minutes").first(),
        rises=(pl.col("step") > 0).filter("same").sum(),
        kinds=pl.col("step").filter("same").round(6).n_unique(),
        begun=begins.sum(),
        fell=(begins & (pl.col("step") < 0)).sum(),
        idle=(begins & (pl.col("step") == 0) & (value == 0)).sum(),
    )
    # The first of two values may be more than both before.
    most = pl.min_horizontal(pl.col("begun") - 1, pl.col("begun") * _MOST)
    anew = (pl.col("fell") > 0) & (pl.col("fell") + pl.col("idle") >= most)
    # Of two, that one is so often twice the other may be chance.
    apart = pl.max_horizontal(pl.col("most") - pl.col("mean"), pl.col("mean") - pl.col("least"))
    evenly = apart <= pl.col("mean") / pl.when(pl.col("parts") == 2).then(4).otherwise(2)
    long = pl.col("rises") >= pl.col("begun") * _TURNS
    short = (pl.col("fell") >= _AGAIN) & (pl.col("rises") >= _COUNTED) & (evenly | (pl.col("parts") > _TURNS))
    return series.join(even, on=SERIES).filter(anew & (pl.col("kinds") > _KINDS) & (long | short))
