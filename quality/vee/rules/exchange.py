"""The rule about two meters that have each other's values."""

from typing import Final

import numpy as np
import polars as pl

from quality.vee.rules.rule import GROUPS, Context, Figures
from quality.vee.window import Bools, Floats, is_known

SHAPE: Final = 3.0
"""What a part's share of the day's energy weighs beside the logarithms of energy and peak: from one day of a home to
the next all three move by about as much."""
MOST: Final = 2_000
"""Meters of a group that are not like themselves, of which two can be told: more have been struck by something else."""
CHANCE: Final = 0.25
"""Pairs that chance may give in a group, counted from how often one of its meters alone is like another: where homes
change much from day to day, or a whole file is wrong, two of many look exchanged."""


def exchanged(day: Figures, context: Context) -> Bools:
    """Two meters of a zone or of a delivery have each other's day: neither is like its own four weeks, each is like the
    other's, in energy, peak and hours. Source: ours; meters mixed up in the reading system, as the serial check of
    Oracle MDM finds them where a serial is told."""
    channels, count = day.channels, day["count"]
    energy = day["total"] * day.slots / np.maximum(count, 1)
    today = _profile(energy, day["peak"], day["shape"].astype(np.float64))
    usual = _profile(day["mean"], day["usual_peak"], day["usual_shape"])
    known = np.isfinite(today + usual).all(axis=1) & (count >= context.number("history_full") * day.slots)
    known &= day["days"] >= context.number("history_days")
    own = _apart(today, usual)
    known &= own >= context.number("exchange_least")
    found = np.zeros(channels.height, np.bool_)
    for group in GROUPS:
        lines = np.flatnonzero(known & is_known(channels, group))
        if len(lines) < 2:
            continue
        names = channels.select(pl.concat_str(group, "quantity", separator="\0").rank("dense")).to_series()[lines]
        order = np.argsort(names.to_numpy(), kind="stable")
        for members in np.split(lines[order], np.flatnonzero(np.diff(names.to_numpy()[order])) + 1):
            if 2 <= len(members) <= MOST:
                limit = context.number("exchange_fit") * own[members]
                found[members] |= _pairs(_between(today[members], usual[members]) <= limit[:, None])
    return found


def _pairs(fits: Bools) -> Bools:
    """Which of some meters are in the only pair of theirs whose days fit (one's day, another's usual) both ways, as far
    as that is no chance."""
    both = fits & fits.T
    alone = (fits & ~both).sum() / len(fits)
    if alone**2 / 2 > CHANCE:
        return np.zeros(len(fits), np.bool_)
    single = both.sum(axis=1) == 1
    pairs: Bools = single & (both & single).any(axis=1)
    return pairs


def _profile(energy: Floats, peak: Floats, shape: Floats) -> Floats:
    """A day in numbers that lie about as far apart where days differ; NaN where one of them is not known."""
    level = np.stack([energy, peak], axis=1)
    level = np.log(np.where(level > 0, level, np.nan))
    whole = shape.sum(axis=1, keepdims=True)
    profile: Floats = np.concatenate([level, SHAPE * shape / np.where(whole > 0, whole, np.nan)], axis=1)
    return profile


def _apart(one: Floats, other: Floats) -> Floats:
    apart: Floats = np.sqrt(((one - other) ** 2).sum(axis=-1))
    return apart


def _between(one: Floats, other: Floats) -> Floats:
    """The distance of each of one to each of another, without room for their differences."""
    square = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    between: Floats = np.sqrt(np.maximum(square, 0))
    return between
