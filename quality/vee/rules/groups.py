"""Rules about what the meters of a zone or a delivery have in common, and about one among them."""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quality.vee.history import unpacked
from quality.vee.rules.rule import Context
from quality.vee.window import PARTS, Bools, Floats, Ints, MeterDay, is_known, recorded

Waves = NDArray[np.complex128]

WAVES: Final = np.arange(1, 4)
"""Of a day of eight parts: more tell of single parts, and no longer of when people are up."""
LAGS: Final = np.arange(-47, 49) / 4
"""Hours that a shape may have been moved by, in quarters."""
GROUPS: Final = ("zone", "receipt")
"""What meters have in common that one mistake can touch: the register's zone and the delivered file."""


def group_scale(day: MeterDay, context: Context) -> Bools:
    """All meters of a zone or of a delivery are a multiple or a fraction of their own: the unit or the factor of a file
    was read wrong. Source: ours; the ratio to own history is that of Oracle's average daily use."""
    return scaled(day.channels, recorded(day.total).cast(pl.Float64).to_numpy(), day.count, day.slots, context)


def scaled(channels: pl.DataFrame, total: Floats, count: Ints, slots: int, context: Context) -> Bools:
    """``group_scale`` from the sum and the count of each channel's values, which ``METER_QUALITY`` keeps: whether it
    finds of a day what it found before is told without the day's intervals."""
    mean = context.past().mean
    known = (mean > 0) & (total > 0) & (count >= context.number("history_full") * slots)
    energy = total * slots / np.maximum(count, 1)
    factor = np.log(np.where(known, energy, 1) / np.where(known, mean, 1))
    bound, alike = np.log(context.number("group_scale")), np.log(context.number("group_alike"))
    value = pl.col("value")
    apart = value.quantile(0.75, "linear") - value.quantile(0.25, "linear")
    wrong = (value.median().abs() > bound) & (apart <= alike)
    found: Bools = (np.abs(factor) > bound) & _groups(channels, context, known, factor, wrong)
    return found


def group_estimated(day: MeterDay, context: Context) -> Bools:
    """Half or more of the values of a zone or of a delivery are estimates, so the reading failed and not the meters.
    Source: CalTRACK issue 101 (estimated counts as missing); Swiss Metering Code MC-CH 2009, Table 6."""
    some = day.count > 0
    share = day.estimated.sum(axis=1) / np.maximum(day.count, 1)
    wrong = pl.col("value").mean() >= context.number("group_estimated")
    return day.estimated & (some & _groups(day.channels, context, some, share, wrong))[:, None]


def label_shift(day: MeterDay, context: Context) -> Bools:
    """All meters of a zone or of a delivery lack just the first or just the last interval: the label was read as the
    wrong end. Source: ours; PEA, MEA and NEM12 label the end of an interval, ESPI its start."""
    inner = day.there[:, 1:-1].all(axis=1)
    some = day.count > 0
    found = np.zeros(day.channels.height, np.bool_)
    for edge, other in ((0, -1), (-1, 0)):
        lacks = inner & ~day.there[:, edge] & day.there[:, other]
        wrong = pl.col("value").mean() >= context.number("group_edge")
        found |= lacks & _groups(day.channels, context, some, lacks.astype(np.float64), wrong)
    return found


def time_shift(day: MeterDay, context: Context) -> Bools:
    """The meters of a zone or of a delivery use their energy hours earlier or later than on like days, all by as much:
    times of another zone (UTC is seven hours off) were read as local. Source: ours; the lag of the best fit between the
    day's shape and the usual one, as clocks are set by cross-correlation."""
    return shifted(day.channels, day.shape, day.count, day.slots, context)


def shifted(channels: pl.DataFrame, shape: pl.Series, count: Ints, slots: int, context: Context) -> Bools:
    """``time_shift`` from the shape and the count of each channel's values, which ``METER_QUALITY`` keeps."""
    usual = context.past().shape
    today = unpacked(shape.fill_null(0).to_numpy()).astype(np.float64)
    full = count >= context.number("history_full") * slots
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


def aggregate(day: MeterDay, context: Context) -> Bools:
    """A meter of the zone has the shape of all the others together: a feeder's main meter among its customers, whose
    energy would count twice. Source: ours; balance of a feeder as in the Swiss Metering Code MC-CH 2009, 5.3.2."""
    found = np.zeros(day.channels.height, np.bool_)
    for lines in _zones(day, context):
        most = lines[np.argmax(day.total[lines])]
        own, others = day.filled[most], day.filled[lines].sum(axis=0) - day.filled[most]
        if (others <= 0).any() or day.count[most] < day.slots:
            continue
        ratio = own / others
        alike = ratio.std() <= context.number("aggregate_variation") * ratio.mean()
        found[most] = alike and ratio.mean() >= context.number("aggregate_share") and others.std() > 0
    return found


def dominant(day: MeterDay, context: Context) -> Bools:
    """One meter has a large part of its zone's energy. Source: ours; twice the share that the privacy rule 15/15 lets
    one customer have."""
    found = np.zeros(day.channels.height, np.bool_)
    for lines in _zones(day, context):
        total = day.total[lines]
        found[lines] = total > context.number("dominant_share") * total.sum()
    return found


def _zones(day: MeterDay, context: Context) -> list[Ints]:
    """Channels of active import by zone, where they are a group."""
    can = day.known("zone") & day.of_quantity(["active_import"]) & (day.count > 0)
    lines = np.flatnonzero(can)
    zones = day.channels["zone"].gather(lines).rank("dense").to_numpy() if len(lines) else lines
    order = np.argsort(zones, kind="stable")
    parts = np.split(lines[order], np.flatnonzero(np.diff(zones[order])) + 1)
    return [part for part in parts if len(part) >= context.number("group_least")]
