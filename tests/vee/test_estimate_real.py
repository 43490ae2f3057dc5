"""Estimates on real meters: hidden values against what was measured, and against last week's. Seeds of their own; the
whole tables are ``python -m bench.estimation`` and ``--lake``."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bench.estimation import Hidden, Series, both, errors, in_arrays, past, series, tried
from bench.estimation_lake import in_lake
from quality.vee.window import Floats

SEEDS = {15: range(40_000, 40_016), 60: range(40_000, 40_001)}


@pytest.fixture(scope="module")
def meters(real_data: Path) -> list[Series]:
    return series(real_data)


def compared(of: Series, hidden: Sequence[Hidden], filled: Sequence[Floats] | None = None) -> tuple[float, float]:
    """Error of the slots and of the gaps' energy, as shares of last week's."""
    mean = float(np.nanmean(of.value))
    found = tried(of, hidden, filled or in_arrays(of, hidden))
    ours, week = (errors(each, found.truth, mean) for each in (found.ours, found.week))
    assert ours.filled >= 99
    return ours.mae / week.mae, ours.energy / week.energy


@pytest.mark.real
@pytest.mark.parametrize(
    ("hours", "other", "hourly_home"),
    [
        (2, 0.6, 0.9),
        (6, 0.75, 0.9),
        (24, 0.75, 0.9),
        (96, 1, 1),
    ],
)
def test_estimates_err_by_less_than_last_weeks_values(
    meters: list[Series], hours: int, other: float, hourly_home: float
) -> None:
    for of in meters:
        gap = hours * 60 // of.minutes
        if gap > 96:
            continue  # four days of a month: too few gaps to compare
        error, energy = compared(of, both(of, gap, SEEDS[of.minutes]))
        assert error <= (hourly_home if of.home and of.minutes == 60 else other), of.name
        assert energy <= 0.9, of.name


@pytest.mark.real
@pytest.mark.parametrize("hours", [6, 24])
def test_with_the_past_alone_they_still_err_by_less(meters: list[Series], hours: int) -> None:
    for of in meters:
        error, energy = compared(of, past(of, hours * 60 // of.minutes, range(40_000, 40_003)))
        assert error <= (0.9 if of.home else 0.8), of.name
        assert energy <= 0.9, of.name


@pytest.mark.real
def test_short_gaps_of_quarter_hours_err_by_less_than_half(meters: list[Series]) -> None:
    for of in meters:
        if of.minutes == 15:
            for gap in (1, 4):
                assert compared(of, both(of, gap, range(40_000, 40_004)))[0] <= 0.6, of.name


@pytest.mark.real
@pytest.mark.trial
@pytest.mark.parametrize(
    ("name", "days", "short", "long"),
    [("Enel home, 15 min", 30, 0.6, 0.9), ("CU hourly", 36, 0.6, 0.75), ("LCL home, hourly", 36, 0.9, 0.9)],
)
def test_what_a_lake_fills_errs_by_less_too(
    meters: list[Series], name: str, days: int, short: float, long: float
) -> None:
    """Exports with holes in, ``meter_final`` out: gaps of two hours, and of six."""
    of = next(each for each in meters if each.name == name).begun(days)
    lots = [both(of, hours * 60 // of.minutes, range(40_000, 40_006)) for hours in (2, 6)]
    filled = in_lake(of, [each for lot in lots for each in lot])
    for lot, ours, most in zip(lots, (filled[:6], filled[6:]), (short, long), strict=True):
        error, energy = compared(of, lot, ours)
        assert error <= most and energy <= most, (error, energy)
