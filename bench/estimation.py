"""Back-test of estimates: values of real meters are hidden, estimated, and held against last week's.

    python -m bench.estimation [--lake] [--seeds 12] [--first-seed 9000] [word…]

Reads the real files of ``MUANG_REAL_DATA``. Two designs: ``both``, where 5 % of a series is hidden in gaps of one
length and actuals stand on both sides; and ``past``, what a night has: everything from the gap on is missing, and 5 %
of the slots before it. Errors are of each slot, in percent of the series' mean; ``energy`` is the error of a gap's sum.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from bench.measure import ROOT
from quality.vee.day_types import Calendar, calendar
from quality.vee.estimate import estimate
from quality.vee.gaps import SPAN, Window
from quality.vee.window import Bools, Floats, Ints

ABROAD = Calendar({}, festivals=frozenset())
"""Weekdays and weekends: these meters are in other countries."""
HIDDEN = 0.05
WEEKS = (-1, 1, -2, 2, -3, 3)
"""Where last week's value is missing, the next best week."""


class Series(NamedTuple):
    """A meter's values (days × slots) from its first day on."""

    name: str
    home: bool
    first: date
    minutes: int
    value: Floats
    days: Calendar

    @property
    def slots(self) -> int:
        """Of a day."""
        return self.value.shape[1]

    def begun(self, days: int) -> Self:
        """Its first days."""
        return self._replace(value=self.value[:days])

    def filled(self, value: Floats, days: Ints, night: bool) -> Floats:
        """``value`` (days × slots) with estimates on ``days``, with or without what came after each day."""
        types = self.days.day_types(self.first + timedelta(int(at)) for at in range(len(value)))
        filled = value.copy()
        for day in days:
            around = slice(max(0, day - SPAN), day + 1 if night else day + SPAN + 1)
            found = estimate(Window(value[None, around], types[around], self.minutes, int(day) - around.start))
            filled[day, found.slot] = found.value
        return filled


class Hidden(NamedTuple):
    """What of a series is not told (``slots``), and what of that is asked for (``places``: gaps × slots); at ``night``
    all from there on is not."""

    slots: Bools
    places: Ints
    night: bool


Fill = Callable[[Series, Sequence[Hidden]], Sequence[Floats]]
"""A way of estimating: of each of several lots of hidden slots the series' values with estimates in their place."""


class Tried(NamedTuple):
    """Gaps × slots: what was hidden, what was estimated, and what last week says."""

    truth: Floats
    ours: Floats
    week: Floats


def series(folder: Path) -> list[Series]:
    """The real meters that are long and whole enough."""
    building, homes = folder / "meters" / "thai_building", folder / "meters" / "csv_long"
    us_style = pl.concat_str("date", "time", separator=" ").str.to_datetime("%m/%d/%y %H:%M")
    minute = pl.read_csv(building / "cu_raw_1min_2016-01.csv").select(stamp=us_style, value="Power")
    quarter = minute.group_by(pl.col("stamp").dt.truncate("15m")).agg(pl.len(), pl.col("value").mean() / 4)
    quarter = quarter.filter(pl.col("len") >= 14).drop("len")
    hourly = pl.read_csv(building / "cu_cham5_hourly_2018-07_2019-06.csv").select(
        stamp=pl.col("Datetime").str.to_datetime("%m/%d/%y %H:%M"), value="Load"
    )
    home = {
        name: pl.read_csv(homes / file).select(
            stamp=(pl.col("start").str.slice(0, 13) + ":00").str.to_datetime(strict=False), value="value"
        )
        for name, file in (
            ("LCL home, hourly", "uk-electricity-hdd-only-hourly-sample-1.csv.gz"),
            ("IL home, hourly", "il-electricity-cdd-hdd-hourly.csv.gz"),
        )
    }
    enel = folder / "meters" / "csv_wide" / "ha_enel_96col_2024-09.csv"
    wide = pl.read_csv(enel, separator=";", infer_schema=False, truncate_ragged_lines=True)
    slots = wide.columns[1:97]
    long = wide.unpivot(slots, index=wide.columns[0], variable_name="slot").select(
        stamp=pl.col(wide.columns[0]).str.to_datetime("%d/%m/%Y")
        + pl.duration(minutes=15 * pl.col("slot").replace_strict(slots, range(96), return_dtype=pl.Int64)),
        value=pl.col("value").str.replace(",", ".").cast(pl.Float64),
    )
    return [
        _series("CU 15 min", False, 15, quarter, calendar()),
        _series("CU hourly", False, 60, hourly, calendar()),
        *(_series(name, True, 60, frame, ABROAD) for name, frame in home.items()),
        _series("Enel home, 15 min", True, 15, long, ABROAD),
    ]


def _series(name: str, home: bool, minutes: int, told: pl.DataFrame, days: Calendar) -> Series:
    told = told.drop_nulls()
    first = told["stamp"].dt.date().min()
    assert isinstance(first, date)
    place = (told["stamp"] - datetime(first.year, first.month, first.day)).dt.total_minutes() // minutes  # noqa: DTZ001
    slots = 1440 // minutes
    value = np.full((int(place.max()) // slots + 1) * slots, np.nan)  # type: ignore[arg-type]
    value[place.to_numpy()] = told["value"].to_numpy()
    return Series(name, home, first, minutes, value.reshape(-1, slots), days)


def both_sides(of: Series, gap: int, seed: int) -> Hidden:
    """Hide 5 % of the values in gaps of so many slots, four slots apart at least, each between two actuals."""
    rng, slots = np.random.default_rng(seed), of.slots
    flat = of.value.ravel()
    hidden, starts = np.zeros(len(flat), np.bool_), []
    for _ in range(20_000):
        if len(starts) * gap >= HIDDEN * np.isfinite(flat).sum():
            break
        at = int(rng.integers(slots, len(flat) - gap - slots))
        if not hidden[at - 4 : at + gap + 4].any() and np.isfinite(flat[at - 1 : at + gap + 1]).all():
            hidden[at : at + gap] = True
            starts.append(at)
    return Hidden(hidden, np.array(starts)[:, None] + np.arange(gap), night=False)


def past_only(of: Series, gap: int, seed: int, times: int = 30) -> list[Hidden]:
    """Gaps of so many slots at the end of what is known, after at least two weeks, with 5 % of it hidden."""
    rng, slots = np.random.default_rng(seed), of.slots
    flat = of.value.ravel()
    found = list[Hidden]()
    while len(found) < times:
        at = int(rng.integers(min(14, len(of.value) // 2) * slots, len(flat) - gap))
        if np.isfinite(flat[at - 1 : at + gap]).all():
            hidden = rng.random(len(flat)) < HIDDEN
            hidden[at - 1], hidden[at:] = False, True
            found.append(Hidden(hidden, (at + np.arange(gap))[None], night=True))
    return found


def in_arrays(of: Series, hidden: Sequence[Hidden]) -> list[Floats]:
    """By the estimator alone, on the days that are asked for."""
    return [
        of.filled(
            np.where(each.slots.reshape(of.value.shape), np.nan, of.value),
            np.unique(each.places // of.slots),
            each.night,
        ).ravel()
        for each in hidden
    ]


def tried(of: Series, hidden: Sequence[Hidden], filled: Sequence[Floats]) -> Tried:
    """All gaps of these, with what was estimated of each and what the nearest weeks have that are told."""
    flat, found = of.value.ravel(), list[Tried]()
    for (slots, places, _), ours in zip(hidden, filled, strict=True):
        value, week = np.where(slots, np.nan, flat), np.full(places.shape, np.nan)
        for weeks in WEEKS:
            then = places + weeks * 7 * of.slots
            there = np.isnan(week) & (then >= 0) & (then < len(flat))
            week[there] = value[then[there]]
        found.append(Tried(flat[places], ours[places], week))
    return Tried(*(np.concatenate(each) for each in zip(*found, strict=True)))


class Errors(NamedTuple):
    """Percent of the series' mean; ``filled`` is the share of slots that got a value."""

    mae: float
    rms: float
    energy: float
    bias: float
    filled: float


def errors(estimated: Floats, truth: Floats, mean: float) -> Errors:
    """Of gaps × slots."""
    off = estimated - truth
    return Errors(
        mae=float(np.nanmean(np.abs(off))) / mean * 100,
        rms=float(np.sqrt(np.nanmean(off**2))) / mean * 100,
        energy=float(np.abs(np.nansum(off, axis=1)).sum() / truth.sum()) * 100,
        bias=float(np.nanmean(off)) / mean * 100,
        filled=float(np.isfinite(estimated).mean()) * 100,
    )


def both(of: Series, gap: int, seeds: Iterable[int]) -> list[Hidden]:
    """What these seeds hide."""
    return [both_sides(of, gap, seed) for seed in seeds]


def past(of: Series, gap: int, seeds: Iterable[int]) -> list[Hidden]:
    """What these seeds hide, and all after it."""
    return [each for seed in seeds for each in past_only(of, gap, seed)]


LAKE_DAYS = 180
"""Of a series through the lake, where a day with gaps costs what it does in a night."""
GAPS = {15: (1, 4, 8, 24, 96), 60: (1, 2, 4, 8, 24, 96)}
PAST_GAPS = {15: (24, 96), 60: (6, 24)}


def cost(readings: int = 9_600_000, share: float = 0.01, portion: int = 10) -> None:
    """CPU seconds of a night's estimates: a part of the channels with a gap, with four weeks each; medians of three."""
    rng = np.random.default_rng(0)
    for length in (1, 9, 24, 96):
        channels = round(readings * share / length / portion)
        value = rng.uniform(0.5, 1.5, (channels, 29, 96))
        first = rng.integers(0, 97 - length, channels)[:, None]
        value[:, 28][(np.arange(96) >= first) & (np.arange(96) < first + length)] = np.nan
        window = Window(value, np.zeros(29, np.uint8), 15, 28)
        seconds = []
        for _ in range(3):
            begun = time.process_time()
            estimate(window)
            seconds.append(time.process_time() - begun)
        print(f"| {length} | {channels * portion:,} | {median(seconds) * portion:.2f} |")


def main() -> None:
    """Both designs and the cost, as tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--first-seed", type=int, default=9000)
    parser.add_argument("--lake", action="store_true", help="through a city's lake, and not by the estimator alone")
    parser.add_argument("words", nargs="*", metavar="word", help="only series that have one in their name")
    asked = parser.parse_args()
    folder = Path(os.environ.get("MUANG_REAL_DATA", ROOT.parent / "shared" / "real"))
    if not folder.is_dir():
        sys.exit(f"no real inputs at {folder}; set MUANG_REAL_DATA")
    fill: Fill = in_arrays
    if asked.lake:
        from bench.estimation_lake import in_lake

        fill = in_lake
    head = ("series", "design", "gap, slots", "gaps", "last week: MAE, energy", "estimate: MAE, RMS, energy, bias")
    head += ("MAE, energy of last week's", "filled")
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for of in series(folder):
        if asked.words and not any(word in of.name for word in asked.words):
            continue
        of = of.begun(LAKE_DAYS) if asked.lake else of
        mean = float(np.nanmean(of.value))
        # A year of hours has many gaps a seed.
        few = {both: -(-asked.seeds // 4) if of.minutes == 60 else asked.seeds, past: asked.seeds}
        lots = {
            (design, gap): design(of, gap, range(asked.first_seed, asked.first_seed + few[design]))
            for design, gaps in ((both, GAPS), (past, PAST_GAPS))
            for gap in gaps[of.minutes]
        }
        filled = iter(fill(of, [each for lot in lots.values() for each in lot]))
        for (design, gap), lot in lots.items():
            found = tried(of, lot, [next(filled) for _ in lot])
            ours, week = (errors(each, found.truth, mean) for each in (found.ours, found.week))
            print(
                f"| {of.name} | {design.__name__} | {gap} | {len(found.truth)} | {week.mae:.1f}, {week.energy:.1f} "
                f"| {ours.mae:.1f}, {ours.rms:.1f}, {ours.energy:.1f}, {ours.bias:+.1f} "
                f"| {ours.mae / week.mae:.2f}, {ours.energy / week.energy:.2f} | {ours.filled:.1f} % |",
                flush=True,
            )
    if not asked.lake:
        print("\n| gap, slots of 15 minutes | channels with one | CPU s for 1 % of 9.6 M readings |\n|---|---|---|")
        cost()


if __name__ == "__main__":
    main()
