"""Back-test of estimates: values of real meters are hidden, estimated, and held against last week's.

    python -m bench.estimation [--seeds 12] [--first-seed 9000]

Reads the real files of ``MUANG_REAL_DATA``. Two designs: ``both``, where 5 % of a series is hidden in gaps of one length
and actuals stand on both sides; and ``past``, what a night has: everything from the gap on is missing, and 5 % of the
slots before it. Errors are of each slot, in percent of the series' mean; ``energy`` is the error of a gap's sum.
"""

import argparse
import csv
import gzip
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.measure import ROOT
from quality.vee.day_types import Calendar, calendar
from quality.vee.estimate import estimate
from quality.vee.gaps import SPAN, Bools, Floats, Ints, Window

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

    def filled(self, value: Floats, days: Ints, past: bool) -> Floats:
        """``value`` (days × slots) with estimates on ``days``, with or without what came after each day."""
        types = self.days.day_types(self.first + timedelta(int(at)) for at in range(len(value)))
        filled = value.copy()
        for day in days:
            around = slice(max(0, day - SPAN), day + 1 if past else day + SPAN + 1)
            found = estimate(Window(value[None, around], types[around], self.minutes, int(day) - around.start))
            filled[day, found.slot] = found.value
        return filled


class Tried(NamedTuple):
    """Gaps × slots: what was hidden, what was estimated, and what last week says."""

    truth: Floats
    ours: Floats
    week: Floats


def series(folder: Path) -> list[Series]:
    """The real meters that are long and whole enough."""
    meters = folder / "meters"
    building, homes = meters / "thai_building", meters / "csv_long"
    minute: dict[datetime, list[float]] = defaultdict(list)
    for row in _rows(building / "cu_raw_1min_2016-01.csv"):
        stamp = datetime.strptime(f"{row['date']} {row['time']}", "%m/%d/%y %H:%M")
        minute[stamp.replace(minute=stamp.minute // 15 * 15)].append(float(row["Power"]))
    quarter = {stamp: sum(told) / len(told) / 4 for stamp, told in minute.items() if len(told) >= 14}
    hourly = {
        datetime.strptime(row["Datetime"], "%m/%d/%y %H:%M"): float(row["Load"])
        for row in _rows(building / "cu_cham5_hourly_2018-07_2019-06.csv")
    }
    found = [_series("CU 15 min", False, 15, quarter, calendar()), _series("CU hourly", False, 60, hourly, calendar())]
    for name, file in (
        ("LCL home, hourly", "uk-electricity-hdd-only-hourly-sample-1.csv.gz"),
        ("IL home, hourly", "il-electricity-cdd-hdd-hourly.csv.gz"),
    ):
        told = {
            datetime.fromisoformat(row["start"]).replace(tzinfo=None, minute=0): float(row["value"])
            for row in _rows(homes / file)
            if row["value"]
        }
        found.append(_series(name, True, 60, told, ABROAD))
    wide = {}
    for cells in csv.reader(_text(meters / "csv_wide" / "ha_enel_96col_2024-09.csv"), delimiter=";"):
        if cells and cells[0][:1].isdigit():
            day = datetime.strptime(cells[0], "%d/%m/%Y")
            for at, cell in enumerate(cells[1:97]):
                wide[day + timedelta(minutes=15 * at)] = float(cell.replace(",", "."))
    return [*found, _series("Enel home, 15 min", True, 15, wide, ABROAD)]


def _text(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8-sig") as file:
        yield from file


def _rows(path: Path) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(_text(path))


def _series(name: str, home: bool, minutes: int, told: dict[datetime, float], days: Calendar) -> Series:
    first = min(told).date()
    value = np.full(((max(told).date() - first).days + 1, 1440 // minutes), np.nan)
    for stamp, each in told.items():
        value[(stamp.date() - first).days, (stamp.hour * 60 + stamp.minute) // minutes] = each
    return Series(name, home, first, minutes, value, days)


def both_sides(of: Series, gap: int, seed: int) -> Tried:
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
    return _tried(of, hidden, np.array(starts)[:, None] + np.arange(gap), past=False)


def past_only(of: Series, gap: int, seed: int, times: int = 30) -> list[Tried]:
    """Gaps of so many slots at the end of what is known, after at least two weeks, with 5 % of it hidden."""
    rng, slots = np.random.default_rng(seed), of.slots
    flat = of.value.ravel()
    tried = []
    while len(tried) < times:
        at = int(rng.integers(min(14, len(of.value) // 2) * slots, len(flat) - gap))
        if np.isfinite(flat[at - 1 : at + gap]).all():
            hidden = rng.random(len(flat)) < HIDDEN
            hidden[at - 1], hidden[at:] = False, True
            tried.append(_tried(of, hidden, (at + np.arange(gap))[None], past=True))
    return tried


def _tried(of: Series, hidden: Bools, places: Ints, past: bool) -> Tried:
    flat = of.value.ravel()
    value = np.where(hidden, np.nan, flat)
    ours = of.filled(value.reshape(of.value.shape), np.unique(places // of.slots), past).ravel()
    week = np.full(places.shape, np.nan)
    for weeks in WEEKS:
        then = places + weeks * 7 * of.slots
        there = np.isnan(week) & (then >= 0) & (then < len(flat))
        week[there] = value[then[there]]
    return Tried(flat[places], ours[places], week)


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


def joined(tried: list[Tried]) -> Tried:
    """All tries as one."""
    return Tried(*(np.concatenate(each) for each in zip(*tried, strict=True)))


GAPS = {15: (1, 4, 8, 24, 96), 60: (1, 2, 4, 8, 24, 96)}
PAST_GAPS = {15: (24, 96), 60: (6, 24)}


def cost(readings: int = 9_600_000, share: float = 0.01, portion: int = 40) -> None:
    """CPU seconds of estimates for a night's gaps: a part of the channels with gaps is measured, with four weeks each."""
    rng = np.random.default_rng(0)
    for length in (1, 9, 24, 96):
        channels = round(readings * share / length / portion)
        value = rng.uniform(0.5, 1.5, (channels, 29, 96))
        first = rng.integers(0, 97 - length, channels)[:, None]
        value[:, 28][(np.arange(96) >= first) & (np.arange(96) < first + length)] = np.nan
        window = Window(value, np.zeros(29, np.uint8), 15, 28)
        begun = time.process_time()
        estimate(window)
        seconds = (time.process_time() - begun) * portion
        print(f"| {length} | {channels * portion:,} | {seconds:.2f} |")


def main() -> None:
    """Both designs and the cost, as tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--first-seed", type=int, default=9000)
    asked = parser.parse_args()
    folder = Path(os.environ.get("MUANG_REAL_DATA", ROOT.parent / "shared" / "real"))
    print(
        "| series | design | gap, slots | gaps | last week: MAE, energy | estimate: MAE, RMS, energy, bias | MAE, energy of last week's | filled |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for of in series(folder):
        mean = float(np.nanmean(of.value))
        # Hourly years have many gaps a seed.
        seeds = range(
            asked.first_seed, asked.first_seed + (asked.seeds if of.minutes == 15 else max(1, asked.seeds // 4))
        )
        for design, gaps in (("both", GAPS), ("past", PAST_GAPS)):
            for gap in gaps[of.minutes]:
                if design == "both":
                    tried = joined([both_sides(of, gap, seed) for seed in seeds])
                else:
                    tried = joined(
                        [
                            each
                            for seed in range(seeds.start, seeds.start + asked.seeds)
                            for each in past_only(of, gap, seed)
                        ]
                    )
                ours, week = (errors(each, tried.truth, mean) for each in (tried.ours, tried.week))
                print(
                    f"| {of.name} | {design} | {gap} | {len(tried.truth)} | {week.mae:.1f}, {week.energy:.1f} "
                    f"| {ours.mae:.1f}, {ours.rms:.1f}, {ours.energy:.1f}, {ours.bias:+.1f} "
                    f"| {ours.mae / week.mae:.2f}, {ours.energy / week.energy:.2f} | {ours.filled:.1f} % |",
                    flush=True,
                )
    print("\n| gap, slots of 15 minutes | channels with one | CPU s for 1 % of 9.6 M readings |\n|---|---|---|")
    cost()


if __name__ == "__main__":
    main()
