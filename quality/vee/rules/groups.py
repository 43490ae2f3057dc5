"""Rules about what the meters of a zone or a delivery have in common, and about one among them."""

from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.vee.history import unpacked
from quality.vee.rules.rule import GROUPS, IMPORT, Context, Figures
from quality.vee.window import PARTS, Bools, Floats, Ints, MeterDay, is_known, recorded

Waves = NDArray[np.complex128]

WAVES: Final = np.arange(1, 4)
"""Of a day of eight parts: more tell of single parts, and no longer of when people are up."""
LAGS: Final = np.arange(-47, 49) / 4
"""Hours that a shape may have been moved by, in quarters."""
EXACT: Final = 1_000_000
"""Kilowatt-hours in whole numbers: their sums are the same in any order."""


def beside_past(day: MeterDay, context: Context) -> Figures:
    """What ``METER_QUALITY`` keeps of each channel (``total, peak, shape, count``), and what its like days were."""
    total, peak = (
        recorded(figure).cast(pl.Float64).fill_null(0).to_numpy()
        for figure in (day.total, np.where(day.count > 0, day.greatest * day.per_hour, np.nan))
    )
    shape = unpacked(day.shape.fill_null(0).to_numpy())
    return Figures.of_day(day, total=total, peak=peak, shape=shape, count=day.count, **context.past().usual())


def of_quality(rows: pl.DataFrame, context: Context) -> Figures:
    """``beside_past`` from ``METER_QUALITY`` rows of one interval length, with what is known of ``GROUPS``: whether
    rules find of a day what they found before is told without its intervals."""
    total, peak = (rows[name].cast(pl.Float64).fill_null(0).to_numpy() for name in ("energy", "peak_power"))
    count = (rows["expected"] - rows["missing"]).cast(pl.Int64).to_numpy()
    shape = unpacked(rows["shape"].fill_null(0).to_numpy())
    return Figures.of(
        rows, rows["expected"][0], total=total, peak=peak, shape=shape, count=count, **context.past().usual()
    )


def group_scale(day: Figures, context: Context) -> Bools:
    """All meters of a zone or of a delivery are a multiple or a fraction of their own: the unit or the factor of a file
    was read wrong. Source: ours; the ratio to own history is that of Oracle's average daily use."""
    mean, total, count = day["mean"], day["total"], day["count"]
    known = (mean > 0) & (total > 0) & (count >= context.number("history_full") * day.slots)
    energy = total * day.slots / np.maximum(count, 1)
    factor = np.log(np.where(known, energy, 1) / np.where(known, mean, 1))
    bound, alike = np.log(context.number("group_scale")), np.log(context.number("group_alike"))
    value = pl.col("value")
    apart = value.quantile(0.75, "linear") - value.quantile(0.25, "linear")
    wrong = (value.median().abs() > bound) & (apart <= alike)
    found: Bools = (np.abs(factor) > bound) & _groups(day.channels, context, known, factor, wrong)
    return found


def arrival(day: MeterDay, context: Context) -> Figures:
    """How a channel's values came: their ``count``, the share that is ``estimated``, and whether the ``first`` or the
    ``last`` slot is all that lacks."""
    inner, first, last = day.there[:, 1:-1].all(axis=1), day.there[:, 0], day.there[:, -1]
    return Figures.of_day(
        day,
        count=day.count,
        estimated=day.estimated.sum(axis=1) / np.maximum(day.count, 1),
        first=inner & ~first & last,
        last=inner & ~last & first,
    )


def group_estimated(day: Figures, context: Context) -> Bools:
    """Half or more of the values of a zone or of a delivery are estimates, so the reading failed and not the meters.
    Source: CalTRACK issue 101 (estimated counts as missing); Swiss Metering Code MC-CH 2009, Table 6."""
    wrong = pl.col("value").mean() >= context.number("group_estimated")
    some: Bools = day["count"] > 0
    return some & _groups(day.channels, context, some, day["estimated"], wrong)


def label_shift(day: Figures, context: Context) -> Bools:
    """All meters of a zone or of a delivery lack just the first or just the last interval: the label was read as the
    wrong end. Source: ours; PEA, MEA and NEM12 label the end of an interval, ESPI its start."""
    found = np.zeros(day.channels.height, np.bool_)
    for edge in ("first", "last"):
        wrong = pl.col("value").mean() >= context.number("group_edge")
        found |= day[edge] & _groups(day.channels, context, day["count"] > 0, day[edge].astype(np.float64), wrong)
    return found


def time_shift(day: Figures, context: Context) -> Bools:
    """The meters of a zone or of a delivery use their energy hours earlier or later than on like days, all by as much:
    times of another zone (UTC is seven hours off) were read as local. Source: ours; the lag of the best fit between the
    day's shape and the usual one, as clocks are set by cross-correlation."""
    channels, usual = day.channels, day["usual_shape"]
    today = day["shape"].astype(np.float64)
    full = day["count"] >= context.number("history_full") * day.slots
    members = (usual.sum(axis=1) > 0) & (today.sum(axis=1) > 0) & full
    today, usual = (shape / np.maximum(shape.sum(axis=1, keepdims=True), 1) for shape in (today, usual))
    turned = np.exp(-2j * np.pi / 24 * LAGS[:, None] * WAVES)
    found = np.zeros(channels.height, np.bool_)
    for group in GROUPS:
        lines = np.flatnonzero(members & is_known(channels, group))
        if not len(lines):
            continue
        names = channels.select(pl.concat_str(group, "quantity", separator="\0").rank("dense")).to_series()[lines]
        _, of, size = np.unique(names.to_numpy(), return_inverse=True, return_counts=True)
        sums = np.zeros((2, len(size), PARTS))
        np.add.at(sums[0], of, today[lines])
        np.add.at(sums[1], of, usual[lines])
        now, before = (_waves(shape) for shape in sums / size[:, None])
        apart = _apart(now[:, None], before[:, None] * turned)
        best, stays = apart.argmin(axis=1), apart[:, LAGS.tolist().index(0)]
        doubtful = (
            (size >= context.number("group_least"))
            & (np.abs(LAGS[best]) >= context.number("shift_hours"))
            & (apart.min(axis=1) <= context.number("shift_fit") * stays)
            & (stays >= context.number("shift_shape") ** 2)
        )
        lines, of = lines[doubtful[of]], of[doubtful[of]]
        own, like = _waves(today[lines]), _waves(usual[lines])
        # A member that is where it always is came another way than the others.
        nearer = _apart(own, like * turned[best[of]]) < _apart(own, like)
        most = np.bincount(of, nearer, len(size)) >= context.number("shift_share") * size
        found[lines] |= most[of] & nearer
    return found


def _waves(shape: Floats) -> Waves:
    """The first waves of shapes, as complex numbers."""
    waves: Waves = np.fft.rfft(shape, axis=-1)[..., WAVES]
    return waves


def _apart(one: Waves, other: Waves) -> Floats:
    """The square of the distance between shapes."""
    apart: Floats = (np.abs(one - other) ** 2).sum(axis=-1)
    return apart


def _groups(channels: pl.DataFrame, context: Context, members: Bools, value: Floats, wrong: pl.Expr) -> Bools:
    """Which of ``members`` are in a large enough group of which ``wrong`` (over the members' values) holds."""
    found = np.zeros(channels.height, np.bool_)
    for group in GROUPS:
        lines = np.flatnonzero(members & is_known(channels, group))
        if not len(lines):
            continue
        frame = channels.select(group, "quantity")[lines].with_columns(value=pl.Series(value[lines]))
        enough = pl.len() >= context.number("group_least")
        told = frame.join(
            frame.group_by(group, "quantity").agg(wrong=wrong & enough),
            on=[group, "quantity"],
            how="left",
            maintain_order="left",
        )
        found[lines] |= told["wrong"].to_numpy()
    return found


def curves(day: MeterDay, context: Context) -> Figures:
    """``total`` and ``count`` of each channel, and of each zone (``curves``) the sum of its channels of active import,
    their greatest ``total``, and the values of the first that has it, with its ``count``."""
    can = day.known("zone") & day.of_quantity(IMPORT) & (day.count > 0)
    lines = np.flatnonzero(can if day.guests is None else can & ~day.guests)
    names = day.channels["zone"] if "zone" in day.channels.columns else pl.Series("zone", [], pl.String)
    zones = names.gather(lines).to_frame().with_columns(line=pl.Series(lines), total=pl.Series(day.total[lines]))
    zones = zones.sort("zone", maintain_order=True)
    of_zone = zones.group_by("zone", maintain_order=True).agg(
        pl.len(), pl.col("total").max(), line=pl.col("line").get(pl.col("total").arg_max())
    )
    starts = (of_zone["len"].cum_sum() - of_zone["len"]).to_numpy()
    exact = np.rint(day.filled[zones["line"].to_numpy()] * EXACT)
    sums = np.add.reduceat(exact, starts, axis=0) if len(starts) else exact
    most = of_zone["line"].to_numpy()
    own, curve = np.rint(day.filled[most] * EXACT), pl.Array(pl.Float64, day.slots)
    told = of_zone.select("zone", "total").with_columns(
        count=pl.Series(day.count[most]), own=pl.Series(own, dtype=curve), sums=pl.Series(sums, dtype=curve)
    )
    return replace(totals(day, context), curves=told)


def aggregate(day: Figures, context: Context) -> Bools:
    """A meter of the zone has the shape of all the others together: a feeder's main meter among its customers, whose
    energy would count twice. Source: ours; balance of a feeder as in the Swiss Metering Code MC-CH 2009, 5.3.2."""
    found, total = np.zeros(day.channels.height, np.bool_), day["total"]
    of_zone = dict(day.curves.partition_by("zone", as_dict=True, maintain_order=True))
    for lines in _zones(day, context):
        most = lines[np.argmax(total[lines])]
        parts = of_zone[(day.channels["zone"][int(most)],)]
        largest = int(parts["total"].arg_max() or 0)
        own, others = parts["own"].to_numpy()[largest], parts["sums"].to_numpy().sum(axis=0)
        others = others - own
        if (others <= 0).any() or parts["count"][largest] < day.slots:
            continue
        ratio = own / others
        alike = ratio.std() <= context.number("aggregate_variation") * ratio.mean()
        found[most] = alike and ratio.mean() >= context.number("aggregate_share") and others.std() > 0
    return found


def totals(day: MeterDay, context: Context) -> Figures:
    """``total`` and ``count`` of each channel."""
    return Figures.of_day(day, total=day.total, count=day.count)


def dominant(day: Figures, context: Context) -> Bools:
    """One meter has a large part of its zone's energy. Source: ours; twice the share that the privacy rule 15/15 lets
    one customer have."""
    found, total = np.zeros(day.channels.height, np.bool_), day["total"]
    for lines in _zones(day, context):
        found[lines] = total[lines] > context.number("dominant_share") * total[lines].sum()
    return found


def _zones(day: Figures, context: Context) -> list[Ints]:
    """Channels of active import by zone, where they are a group."""
    imports = day.channels["quantity"].is_in(IMPORT).to_numpy()
    lines = np.flatnonzero(is_known(day.channels, "zone") & imports & (day["count"] > 0))
    zones = day.channels["zone"].gather(lines).rank("dense").to_numpy() if len(lines) else lines
    order = np.argsort(zones, kind="stable")
    parts = np.split(lines[order], np.flatnonzero(np.diff(zones[order])) + 1)
    return [part for part in parts if len(part) >= context.number("group_least")]
