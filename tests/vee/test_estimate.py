"""Estimates against published vectors, against a plain model, and in what an engineer would rely on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from quality.vee.day_types import HOLIDAY, SATURDAY, SPECIAL, WEEKDAY
from quality.vee.estimate import METHODS, Estimates, estimate
from quality.vee.gaps import SPAN, Window
from quality.vee.window import Floats
from tests.vee.estimation_model import Channel

CODES = list(METHODS)
WEEK = [WEEKDAY] * 5 + [SATURDAY, HOLIDAY]


def week_types(days: int) -> np.ndarray:
    return np.array([WEEK[day % 7] for day in range(days)], np.uint8)


def load(channels: int, days: int, minutes: int, seed: int = 0) -> Floats:
    """A working day's hump, lower on days off, with noise."""
    rng = np.random.default_rng(seed)
    hours = np.arange(1440 // minutes) * minutes / 60
    hump = 1 + 3 * np.exp(-(((hours - 14) / 4) ** 2))
    height = np.where(week_types(days) == WEEKDAY, 1, 0.4)
    return hump * height[:, None] * rng.uniform(0.5, 2, (channels, 1, 1)) + rng.uniform(
        0, 0.2, (channels, days, len(hours))
    )


def window(value: Floats, day: int, minutes: int = 15, **more: object) -> Window:
    return Window(value, week_types(value.shape[1]), minutes, day, **more)  # type: ignore[arg-type]


def by_slot(found: Estimates, channel: int = 0) -> dict[int, tuple[str, float]]:
    rows = zip(found.channel, found.slot, found.method, found.value, strict=True)
    return {int(slot): (CODES[method], float(value)) for at, slot, method, value in rows if at == channel}


def days_of(found: Estimates, row: int, day: int) -> set[int]:
    """Places in the window whose ``day`` was filled."""
    return {day + bit - SPAN for bit in range(64) if int(found.days[row]) >> bit & 1}


def test_table_10_of_the_swiss_metering_code() -> None:
    """MC-CH 2009, Table 10: 7.8 before a gap of four, 5.4 after it; printed to one place."""
    value = np.full((1, 1, 96), np.nan)
    value[0, 0, :] = 7.8
    value[0, 0, 40:44] = np.nan
    value[0, 0, 44:] = 5.4
    found = by_slot(estimate(window(value, 0)))
    assert [method for method, _ in found.values()] == ["L2"] * 4
    assert [each for _, each in found.values()] == pytest.approx([7.32, 6.84, 6.36, 5.88])
    assert [f"{each:.1f}" for _, each in found.values()] == ["7.3", "6.8", "6.4", "5.9"]


@pytest.mark.parametrize(
    ("minutes", "length", "method"),
    [
        (15, 1, "L2"),
        (15, 8, "L2"),
        (15, 9, "K5"),
        (5, 8, "L2"),
        (5, 9, "K5"),
        (30, 1, "K5"),
        (60, 1, "K5"),
        (60, 2, "K5"),
    ],
)
def test_a_line_crosses_two_hours_of_short_slots_and_no_more(minutes: int, length: int, method: str) -> None:
    value = load(1, 30, minutes)
    value[0, 20, 50 * 5 // minutes : 50 * 5 // minutes + length] = np.nan
    assert {each for each, _ in by_slot(estimate(window(value, 20, minutes))).values()} == {method}


def test_a_missing_hour_of_a_load_that_is_switched_is_not_on_a_line() -> None:
    value = np.full((1, 30, 24), 1.0)
    value[:, :, 9] = 9.0  # an hour a day
    value[0, 20, 9] = np.nan
    assert by_slot(estimate(window(value, 20, 60)))[9] == ("K5", pytest.approx(9.0))


def test_without_like_days_two_hours_are_still_a_line_and_three_stay_missing() -> None:
    value = np.full((2, 1, 24), 1.0)
    value[0, 0, 5:7], value[1, 0, 5:8] = np.nan, np.nan
    found = estimate(window(value, 0, 60))
    assert by_slot(found, 0) == {5: ("L2", 1.0), 6: ("L2", 1.0)}
    assert {slot: method for slot, (method, _) in by_slot(found, 1).items()} == {5: "M0", 6: "M0", 7: "M0"}


def test_a_gap_over_midnight_is_one_gap_from_both_days() -> None:
    value = load(1, 30, 15)
    value[0, 20, 92:], value[0, 21, :6] = np.nan, np.nan
    evening, morning = (estimate(window(value, day)) for day in (20, 21))
    assert {CODES[each] for each in (*evening.method, *morning.method)} == {"K5"}, "ten slots are too many for a line"
    value[0, 21, 4:6] = 2.0
    evening, morning = (estimate(window(value, day)) for day in (20, 21))
    step = (2.0 - value[0, 20, 91]) / 9
    drawn = [*evening.value, *morning.value]
    assert drawn == pytest.approx([value[0, 20, 91] + step * at for at in range(1, 9)], abs=1e-6)


def test_special_days_are_like_days_of_none_and_are_filled_as_a_day_off() -> None:
    value, types = load(1, 30, 15), week_types(30)
    value[0, 16:19] *= 100
    types[16:19] = SPECIAL
    common = estimate(Window(with_gap(value, 15), types, 15, 15))
    assert common.value.max() < 20
    assert not {16, 17, 18} & set.union(*(days_of(common, row, 15) for row in range(len(common.slot))))
    whole = value.copy()
    whole[0, 16:19] = np.nan
    festival = estimate(Window(whole, types, 15, 17))
    off = value[0, types == HOLIDAY].mean(axis=0)
    assert festival.value == pytest.approx(off, rel=0.3)


def with_gap(value: Floats, day: int, first: int = 30, last: int = 80) -> Floats:
    holed = value.copy()
    holed[:, day, first:last] = np.nan
    return holed


def test_an_outage_is_zero_where_it_is_proven_and_its_day_is_no_like_day() -> None:
    value = load(1, 30, 15)
    off = np.zeros(value.shape, np.bool_)
    off[0, 20, 40:60] = True
    off[0, 19, 0:4] = True
    value[0, 19, 4:] = 50.0
    found = estimate(window(with_gap(value, 20), 20, outage=off))
    methods = by_slot(found)
    assert {slot for slot, (method, _) in methods.items() if method == "Z0"} == set(range(40, 60))
    assert all(methods[slot][1] == 0 for slot in range(40, 60))
    assert found.value.max() < 20, "the day of an outage is no like day"
    # A slot without supply is no end of a line, even where a zero was delivered.
    value = load(1, 30, 15)
    value[0, 20, 40], value[0, 20, 41:43] = 0.0, np.nan
    off[:] = False
    off[0, 20, 40] = True
    step = (value[0, 20, 43] - value[0, 20, 39]) / 4
    found = estimate(window(value, 20, outage=off))
    assert found.value == pytest.approx([value[0, 20, 39] + 2 * step, value[0, 20, 39] + 3 * step], abs=1e-6)


def test_a_check_meter_is_believed_before_any_like_day() -> None:
    value = with_gap(load(1, 30, 15), 20)
    check = np.full((1, 96), np.nan)
    check[0, 35:45] = 3.25
    found = by_slot(estimate(window(value, 20, check=check)))
    assert {slot for slot, each in found.items() if each == ("C1", 3.25)} == set(range(35, 45))


@pytest.mark.parametrize("signed", [None, np.array([False, True])])
def test_only_a_signed_channel_is_estimated_below_zero(signed: np.ndarray | None) -> None:
    value = with_gap(-load(2, 30, 15), 20)
    value[:, 20, 10] = np.nan  # on a line
    found = estimate(window(value, 20, signed=signed))
    assert set(found.value[found.channel == 0]) == {0}
    assert (found.value[found.channel == 1].min() < 0) == (signed is not None)


def test_hole_after_hole_still_finds_like_days() -> None:
    value = load(20, 57, 15)
    rng = np.random.default_rng(4)
    value[rng.random(value.shape) < 0.05] = np.nan
    gone = with_gap(value, 28, 0, 96)
    assert {CODES[each] for each in estimate(window(gone, 28)).method} == {"K5"}
    assert {CODES[each] for each in estimate(window(gone[:, :29], 28)).method} == {"K5"}, "with the past only"


def test_a_days_estimates_stand_on_the_days_they_name_and_on_none_beyond_the_span() -> None:
    value, rng = load(3, 64, 15), np.random.default_rng(5)
    value[rng.random(value.shape) < 0.02] = np.nan
    value = with_gap(value, 31)
    found = estimate(window(value, 31))
    far = value.copy()
    far[:, [0, 63]] = 99.0
    assert 31 - SPAN > 0 and 31 + SPAN < 63
    assert same(estimate(window(far, 31)), found)
    cut = Window(value[:, 31 - SPAN : 32 + SPAN], week_types(64)[31 - SPAN : 32 + SPAN], 15, SPAN)
    assert same(estimate(cut), found)
    for row in range(len(found.slot)):
        changed = value.copy()
        changed[found.channel[row], sorted(days_of(found, row, 31))] *= 1.5
        again = estimate(window(changed, 31))
        assert again.value[row] != found.value[row]


def test_one_unit_is_as_good_as_another() -> None:
    value = with_gap(load(3, 30, 15), 20)
    kwh, wh = estimate(window(value, 20)), estimate(window(value * 1000, 20))
    assert wh.value == pytest.approx(kwh.value * 1000, rel=1e-5)


def same(one: Estimates, other: Estimates) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name == "value")
        for name in ("channel", "slot", "value", "method", "days")
    )


HOLED = st.tuples(
    st.integers(0, 2**32 - 1), st.sampled_from([15, 30, 60, 240, 96]), st.floats(0, 0.6), st.integers(1, 60)
)


def holed(seed: int, minutes: int, share: float, days: int) -> Window:
    """Channels with holes, whole days away, outages, special days and a check meter."""
    rng = np.random.default_rng(seed)
    value = load(3, days, minutes, seed)
    value[rng.random(value.shape) < share] = np.nan
    value[rng.random(value.shape[:2]) < 0.1] = np.nan
    day = int(rng.integers(days))
    length = int(rng.integers(1, value.shape[2] + 1))
    flat = value.reshape(3, -1)
    start = max(0, day * value.shape[2] + int(rng.integers(-length, value.shape[2])))
    flat[:, start : start + length] = np.nan
    types = week_types(days)
    types[rng.random(days) < 0.1] = SPECIAL
    outage = (rng.random(value.shape) < 0.002) | (rng.random(value.shape[:2]) < 0.02)[:, :, None]
    check = np.where(rng.random((3, value.shape[2])) < 0.1, 1.5, np.nan)
    return Window(value, types, minutes, day, outage, check)


@given(HOLED)
@example((1, 15, 0.05, 57))
@example((2, 15, 0.3, 31))
def test_the_ladder_is_that_of_a_plain_model(given_: tuple[int, int, float, int]) -> None:
    asked = holed(*given_)
    found = estimate(asked)
    assert asked.outage is not None and asked.check is not None
    assert len(found.slot) == np.isnan(asked.value[:, asked.day]).sum()
    models = [
        Channel(asked.value[at].tolist(), asked.day_type.tolist(), asked.minutes, asked.day, asked.outage[at].tolist())
        for at in range(3)
    ]
    # The model is slow: some slots of each window, always the same.
    chosen = np.random.default_rng(0).permutation(len(found.slot))[:12]
    for row in chosen:
        channel, slot = int(found.channel[row]), int(found.slot[row])
        check = float(asked.check[channel, slot])
        method, value = models[channel].estimate(slot, None if np.isnan(check) else check)
        assert CODES[found.method[row]] == method
        if value is None:
            assert np.isnan(found.value[row]) and not found.days[row]
        else:
            assert found.value[row] == pytest.approx(value, rel=1e-6, abs=2e-6)


@given(HOLED, st.permutations(range(3)))
def test_the_order_and_the_company_of_channels_do_not_matter(
    given_: tuple[int, int, float, int], order: list[int]
) -> None:
    asked = holed(*given_)
    assert asked.outage is not None and asked.check is not None
    whole = estimate(asked)
    shuffled = estimate(replace(asked, value=asked.value[order], outage=asked.outage[order], check=asked.check[order]))
    for at in range(3):
        alone = slice(at, at + 1)
        one = estimate(replace(asked, value=asked.value[alone], outage=asked.outage[alone], check=asked.check[alone]))
        assert equal(by_slot(one), by_slot(whole, at))
        assert equal(by_slot(shuffled, order.index(at)), by_slot(whole, at))


def equal(one: dict[int, tuple[str, float]], other: dict[int, tuple[str, float]]) -> bool:
    """Bit for bit; a value that is missing in both is the same."""
    return repr(one) == repr(other)


@given(HOLED)
def test_an_actual_that_comes_later_takes_the_estimates_place_and_none_the_actuals(
    given_: tuple[int, int, float, int],
) -> None:
    asked = holed(*given_)
    before = estimate(asked)
    if not len(before.slot):
        return
    value, at = asked.value.copy(), len(before.slot) // 2
    value[before.channel[at], asked.day, before.slot[at]] = 7.0
    after = estimate(replace(asked, value=value))
    places = set(zip(before.channel.tolist(), before.slot.tolist(), strict=True))
    left = set(zip(after.channel.tolist(), after.slot.tolist(), strict=True))
    assert left == places - {(int(before.channel[at]), int(before.slot[at]))}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minutes": 30}, "96 slots of 30 minutes are no day"),
        ({"day": 30}, "day 30 is not among 30"),
        ({"day_type": np.zeros(3, np.uint8)}, "3 day types for 30 days"),
        ({"check": np.zeros((2, 95))}, "check is"),
    ],
)
def test_a_window_that_does_not_fit_together_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(window(load(2, 30, 15), 20), **change)  # type: ignore[arg-type]
