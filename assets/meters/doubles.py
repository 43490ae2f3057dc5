"""Channels of a meter that tell energy again which others tell: a total beside its parts, hours beside their quarters,
import less export.

Beside these they would count twice, so that they are left out, and that is said.
"""

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal
from typing import Final

import polars as pl

from assets.meters.patterns import ENERGIES
from assets.meters.sentinels import SERIES
from quality.batch import Batch

_SHOWN: Final = 20
"""Metering points by which it is told: all of a file come from one system."""
_MOST: Final = 0.75
"""Share of them that have it."""
_TURNS: Final = 12
"""Times that are compared; fewer may be alike by chance."""
_FLOWS: Final = 3
"""Of them such with energy the other way."""
_KINDS: Final = 3
"""Different values up to which they were made up, or are of no use."""
_PRINTED: Final = Decimal("0.001")
"""kWh that a printed value may be rounded by."""
_ROUNDED: Final = 0.01
"""Share of a longer interval's energy that the sum of its parts may be off by: registers and loads are read apart."""
_NEARLY: Final = 0.95
"""Share of the times at which a channel is the sum of others, and of that sum: some rows were corrected alone."""


def once(batch: Batch, rated: Collection[str] = ()) -> Batch:
    """``batch`` without channels that are the sum of a meter's others of their quantity, and with one other the same as
    it: beside them they count energy twice. Of ``rated`` channels one runs at a time, and a blank is none."""
    of_rate = pl.col("channel").cast(pl.String).is_in(list(rated))
    filled = pl.when(of_rate).then(pl.col("value").fill_null(0)).otherwise("value")
    for channel, quantity in _longer(batch.rows).items():
        longer = (pl.col("channel") == channel) & (pl.col("quantity") == quantity)
        ends = pl.col("start") + pl.duration(minutes="minutes")
        of_parts = batch.rows.filter(pl.col("quantity") == quantity, ~longer).group_by("point")
        spans = of_parts.agg(begins=pl.col("start").min(), lasts=ends.max())
        beside = (pl.col("start") < pl.col("lasts")) & (ends > pl.col("begins"))
        rows = batch.rows.join(spans, on="point", how="left", maintain_order="left")
        # Months of days before the first quarter-hour are told by nothing else.
        batch = replace(batch, rows=rows.filter(~(longer & beside.fill_null(value=False))).drop("begins", "lasts"))
        text = f"'{channel}' tells what the meter's shorter intervals add up to: left out beside these"
        batch = batch.note("channel-skipped", text)
    for found, what in (
        # First, for where nothing is exported import is the same as the net, and either might go.
        (_netted, "the meter's import less its export, or both together"),
        (_doubled, "the sum of the meter's others of its kind, or the same as its other"),
    ):
        for channel, quantity in found(batch.rows.with_columns(value=filled) if rated else batch.rows).items():
            batch = batch.filter((pl.col("channel") != channel) | (pl.col("quantity") != quantity))
            text = f"'{channel}' is at nearly every time {what}: left out, or it would count twice"
            batch = batch.note("channel-skipped", text)
    return batch


def _netted(rows: pl.DataFrame) -> dict[str, str]:
    """Channel → quantity of those that are a meter's import less its export, or both together, beside these.

    Of import, export and a third either may be told by the others. The third is both together where the one that would
    be the difference is none while energy is exported; else it is the difference, also where that is cut off at none.
    """
    if rows["quantity"].n_unique() < 2:
        return {}
    flow = pl.col("quantity").cast(pl.String).str.extract(r"^(.+)_(?:import|export)$")
    series = rows.lazy().select(SERIES).unique(maintain_order=True).collect()
    series = series.with_columns(flow=flow).drop_nulls("flow")
    two_ways = (pl.len().over("point", "flow") > 2) & (pl.col("quantity").n_unique().over("point", "flow") > 1)
    several = series.filter(two_ways)
    if not several.height:
        return {}
    value, of_time, way = pl.col("value"), ("point", "flow", "start"), ("point", "quantity", "start")
    some = several.filter(pl.col("point").is_in(several["point"].unique(maintain_order=True).head(_SHOWN).implode()))
    shown = rows.lazy().join(some.lazy(), on=SERIES, how="semi").drop_nulls("value")
    read = shown.select(*SERIES, "start", flow=flow, value=value.cast(pl.Float64)).collect()
    step = value.round(6).unique().sort().diff().min()
    steps = read.group_by(SERIES).agg(step=step, kinds=value.round(6).n_unique())
    read = read.join(steps, on=SERIES).with_columns(
        own=value.sum().over(way) - value,
        other=value.sum().over(of_time) - value.sum().over(way),
        off=pl.col("step").sum().over(of_time) + float(_PRINTED),
    )
    own, other = pl.col("own"), pl.col("other")
    net = own - other
    apart = pl.min_horizontal((value - each).abs() for each in (net, -net, net.clip(0), (-net).clip(0)))
    both = (value - own - other).abs()

    def nearly(far: pl.Expr) -> pl.Expr:
        return ((far <= pl.col("off")).mean() >= _NEARLY) & (far.sum() <= value.abs().sum() * (1 - _NEARLY))

    told = read.group_by(*SERIES, "flow", maintain_order=True).agg(
        loads=pl.len(),
        below=(value < 0).any(),
        flows=(other > 0).sum(),
        beside=(own > 0).any(),
        kinds=pl.col("kinds").first(),
        net=nearly(apart),
        both=nearly(both),
        none=(value == 0).filter(other > 0).mean() > 1 / 2,
    )
    fits = (pl.col("loads") >= _TURNS) & (pl.col("flows") >= _FLOWS) & pl.col("beside") & (pl.col("kinds") > _KINDS)
    told = told.with_row_index("place").with_columns(pl.col(name) & fits for name in ("net", "both"))
    # Where export may as well be import less the third, the third is what falls below none, or stands behind.
    rank = pl.when("net").then(pl.col("place") + pl.col("below") * told.height)
    told = told.with_columns(net=pl.col("net") & (rank == rank.max().over("point", "flow")).fill_null(value=False))
    a_net, a_sum = (pl.col(name).any().over("point", "flow") for name in ("net", "both"))
    idle = (pl.col("net") & pl.col("none")).any().over("point", "flow")
    found = told.with_columns(out=pl.when(a_sum & (idle | ~a_net)).then("both").otherwise("net"))
    exporting = found.filter(pl.col("flows") >= _FLOWS)  # elsewhere net and import are the same
    found = exporting.group_by("channel", "quantity", maintain_order=True).agg(share=pl.col("out").mean())
    return dict(found.filter(pl.col("share") > _MOST).select("channel", "quantity").iter_rows())


def _longer(rows: pl.DataFrame) -> dict[str, str]:
    """Channel → quantity of those that tell hours or days beside the parts of these.

    A part that lacks takes nothing from that: what there is of the others is not above the whole.
    """
    several = _several(rows)
    if not several.height:
        return {}
    of_channels = rows.lazy().join(several.lazy(), on=SERIES, how="semi").drop_nulls("value")
    shown = of_channels.select(*SERIES, "start", "minutes", pl.col("value").cast(pl.Float64)).collect()
    least = pl.col("minutes").min().over("point", "quantity")
    wholes = shown.filter(pl.col("minutes").min().over(SERIES) > least)
    if not wholes.height:
        return {}
    parts = shown.filter(pl.col("minutes") == least).select("point", "quantity", "start", "value", part="minutes")
    parts = parts.join(wholes.select(SERIES).unique(), on=["point", "quantity"]).sort("start")
    wholes = wholes.select(*SERIES, "start", "minutes", begun="start", whole="value").sort("start")
    inside = parts.join_asof(wholes, on="start", by=SERIES, check_sortedness=False)
    ends = pl.col("begun") + pl.duration(minutes="minutes")
    inside = inside.filter(pl.col("start") + pl.duration(minutes="part") <= ends)
    sums = inside.group_by(*SERIES, "begun", maintain_order=True).agg(
        sum=pl.col("value").sum(),
        lacks=pl.col("start").n_unique() * pl.col("part").first() < pl.col("minutes").first(),
        whole=pl.col("whole").first(),
    )
    off = pl.col("whole") * _ROUNDED + float(_PRINTED)
    fits = (pl.col("sum") <= pl.col("whole") + off) & (pl.col("lacks") | (pl.col("sum") >= pl.col("whole") - off))
    told = sums.group_by(SERIES, maintain_order=True).agg(sum=fits.mean() >= _NEARLY)
    found = told.group_by("channel", "quantity", maintain_order=True).agg(share=pl.col("sum").mean())
    return dict(found.filter(pl.col("share") > _MOST).select("channel", "quantity").iter_rows())


def _several(rows: pl.DataFrame) -> pl.DataFrame:
    """Series of energy of which a metering point has others of the same quantity, of some points."""
    series = rows.lazy().filter(ENERGIES).select(SERIES).unique(maintain_order=True).collect()
    several = series.filter(pl.len().over("point", "quantity") > 1)
    return several.filter(pl.col("point").is_in(several["point"].unique(maintain_order=True).head(_SHOWN).implode()))


def _doubled(rows: pl.DataFrame) -> dict[str, str]:
    """Channel → quantity of those that are sums."""
    several = _several(rows)
    if not several.height:
        return {}
    value, of_time = pl.col("value"), ("point", "quantity", "start")
    shown = rows.lazy().join(several.lazy(), on=SERIES, how="semi")
    some = shown.drop_nulls("value").select(*SERIES, "start", "rate_raw", value.cast(pl.Float64)).collect()
    # A printed value is off by half of its least step, and the difference of two by a whole one.
    steps = some.group_by(SERIES).agg(step=value.round(6).unique().sort().diff().min(), kinds=value.round(6).n_unique())
    some = some.join(steps, on=SERIES).with_columns(
        rest=value.sum().over(of_time) - value, off=pl.col("step").sum().over(of_time), others=pl.len().over(of_time)
    )
    some = some.filter(pl.col("others") > 1, value + pl.col("rest") > 0)
    apart = value - pl.col("rest")
    sums = some.group_by(SERIES, maintain_order=True).agg(
        loads=pl.len(),
        rates=pl.col("rate_raw").count(),
        step=pl.col("step").first(),
        kinds=pl.col("kinds").first(),
        alike=(apart.abs() <= pl.col("off") + float(_PRINTED)).mean(),
        share=(apart.sum() / value.sum()).abs(),
    )
    judged = sums.filter(pl.col("loads") >= _TURNS, pl.col("kinds") > _KINDS).with_columns(
        sum=(pl.col("alike") >= _NEARLY) & (pl.col("share") <= 1 - _NEARLY)
    )
    # Of two that are the same that stays which tells rates, or more decimals.
    judged = judged.sort("rates", "step", descending=[True, False], maintain_order=True)
    same = pl.col("sum").sum().over("point", "quantity") > 1
    stays = same & pl.col("sum").is_first_distinct().over("point", "quantity")
    judged = judged.with_columns(sum=pl.col("sum") & ~stays)
    found = judged.group_by("channel", "quantity", maintain_order=True).agg(share=pl.col("sum").mean())
    return dict(found.filter(pl.col("share") > _MOST).select("channel", "quantity").iter_rows())
