"""Registers: steps, quantities, rates, multipliers, and the sum check against intervals."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from quality.tables import METER_QUALITY, REGISTER_CHECKS, REGISTER_READS
from quality.vee.registers import MULTIPLIERS, failing, register_checks, sum_fails
from quality.vee.thresholds import Thresholds
from quality.vee.window import MeterDay
from tests.vee.town import DAY, REGISTER, intervals

FIRST = datetime(2026, 10, 31, 17, tzinfo=UTC)
LAST = datetime(2026, 11, 30, 17, tzinfo=UTC)
"""Local midnights at the ends of November."""
NOTHING = MULTIPLIERS.to_frame()


def read(before: float | None, now: float, told: float | None, **more: object) -> dict[str, object]:
    row = {"meter_id": "m", "channel": "111", "quantity": "active_import", "unit": "kWh", "start": FIRST, "end": LAST}
    row |= {"local_date": date(2026, 12, 1), "register_start": before, "register_end": now, "value": told}
    return dict.fromkeys(REGISTER_READS.schema) | row | {"quality": "actual"} | more


def reads(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=REGISTER_READS.schema, orient="row", strict=False)


def days(kwh: float, meter: str = "m", missing: int = 0, skip: int = 0) -> pl.DataFrame:
    """November, ``kwh`` a day."""
    rows = [
        dict.fromkeys(METER_QUALITY.schema)
        | {"meter_id": meter, "channel": "E1", "quantity": "active_import", "unit": "kWh", "minutes": 15}
        | {"local_date": date(2026, 11, 1) + timedelta(days=at), "expected": 96, "energy": kwh, "missing": missing}
        for at in range(30 - skip)
    ]
    return pl.DataFrame(rows, schema=METER_QUALITY.schema, strict=False)


def outcomes(rows: pl.DataFrame, quality: pl.DataFrame | None = None, register: pl.DataFrame = NOTHING):
    found = register_checks(rows, METER_QUALITY.empty() if quality is None else quality, register, Thresholds.of())
    return {(channel, check): outcome for channel, check, outcome in found.select("channel", "check", "outcome").rows()}


@pytest.mark.parametrize(
    ("before", "now", "told", "step", "quantity"),
    [
        (1000, 1100, 100, "ok", "ok"),
        (1000, 1100, 101, "ok", "ok"),  # the register's last digit
        (100, 200, 9999, "ok", "fails"),
        (99990, 12, 22, "rollover", "ok"),
        (99990, 12, 900, "rollover", "fails"),
        (50000, 40000, -10000, "fall", "not-run"),
        (50000, 3, 3, "reset", "not-run"),
        (5, 3, -2, "fall", "not-run"),
        (None, 1100, 100, "not-run", "not-run"),
    ],
)  # fmt: skip
def test_a_register_rises_rolls_over_is_reset_or_falls(before, now, told, step, quantity) -> None:
    found = outcomes(reads(read(before, now, told)))
    assert (found["111", "step"], found["111", "quantity"]) == (step, quantity)


def test_a_state_alone_is_held_against_the_one_before_it() -> None:
    earlier = read(None, 500, None, start=None, end=FIRST)
    found = outcomes(reads(earlier, read(None, 400, None, start=None)))
    assert found["111", "step"] == "fall"


@pytest.mark.parametrize(
    ("begins", "since", "outcome"),
    [
        (1100, FIRST, "ok"),
        (1101, FIRST, "ok"),  # the register's last digit
        (1400, FIRST, "fails"),
        (0, FIRST, "fails"),  # another meter
        (1100, FIRST + timedelta(hours=9), "ok"),  # of the same day
        (1400, FIRST + timedelta(days=20), "not-run"),  # a read between is missing
        (None, FIRST, "not-run"),
    ],
)
def test_a_read_begins_with_what_the_one_before_showed(begins, since, outcome) -> None:
    earlier = read(1000, 1100, 100, start=FIRST - timedelta(days=30), end=FIRST)
    found = register_checks(
        reads(earlier, read(begins, 1500, None, start=since)), METER_QUALITY.empty(), NOTHING, Thresholds.of()
    ).filter(check="start")
    assert found["outcome"].to_list() == ["not-run", outcome]


def test_rates_that_change_places_in_a_read_do_not_begin_where_they_ended() -> None:
    rows = [
        read(*told, channel=name, start=FIRST + timedelta(days=at), end=LAST + timedelta(days=at))
        for at, shown in (
            (-30, {"010": (10, 20, 10), "020": (50, 70, 20)}),
            (0, {"010": (70, 80, 10), "020": (20, 50, 30)}),
        )
        for name, told in shown.items()
    ]
    found = register_checks(reads(*rows), METER_QUALITY.empty(), NOTHING, Thresholds.of())
    assert found.filter(check="start", outcome="fails")["channel"].to_list() == ["010", "020"]
    assert found.filter(check="step")["outcome"].unique().to_list() == ["ok"], "no register fell"


def test_the_multiplier_of_the_file_is_the_registers() -> None:
    known = pl.DataFrame([["m"], [2000], [date(2026, 12, 1)]], MULTIPLIERS)
    assert outcomes(reads(read(10, 11, 2000, multiplier=2000)), register=known)["111", "multiplier"] == "ok"
    assert outcomes(reads(read(10, 11, 400, multiplier=400)), register=known)["111", "multiplier"] == "fails"
    assert outcomes(reads(read(10, 11, 2000)), register=known)["111", "multiplier"] == "not-run"
    assert outcomes(reads(read(10, 11, 2000)), register=known)["111", "quantity"] == "ok"


def test_a_multiplier_that_nobody_tells_is_what_most_reads_of_the_register_say() -> None:
    rows = [
        read(100 * at, 100 * at + 100, 2000 if at != 3 else 20000, end=LAST + timedelta(days=30 * at), start=None)
        for at in range(5)
    ]
    found = register_checks(reads(*rows), METER_QUALITY.empty(), NOTHING, Thresholds.of()).filter(check="quantity")
    assert found["outcome"].to_list() == ["ok", "ok", "ok", "fails", "ok"]


@pytest.mark.parametrize(("last", "outcome"), [(1030, "ok"), (1034, "ok"), (1035, "fails"), (1020, "fails")])
def test_rates_add_up_to_the_total(last: int, outcome: str) -> None:
    rates = [read(0, n, n, channel=name) for name, n in (("010", 10), ("020", 10), ("030", 10))]
    assert outcomes(reads(*rates, read(1000, last, last - 1000)))["111", "rates"] == outcome


def test_a_rate_that_was_not_read_keeps_the_sum_from_being_judged() -> None:
    rates = [read(0, n, n, channel=name) for name, n in (("010", 10), ("020", 10))]
    assert outcomes(reads(*rates, read(1000, 1030, 30)))["111", "rates"] == "not-run"


@pytest.mark.parametrize(
    ("quality", "outcome"),
    [
        (days(10), "ok"),
        (days(10.07), "ok"),  # one digit and half a digit an interval: 1 + 2880 x 0.0005 = 2.44 kWh
        (days(10.09), "fails"),
        (days(0.01), "fails"),
        (days(10, missing=1), "not-run"),
        (days(10, skip=1), "not-run"),
        (days(10, meter="another"), "not-run"),
    ],
)
def test_intervals_of_a_period_are_what_its_register_says(quality: pl.DataFrame, outcome: str) -> None:
    assert outcomes(reads(read(0, 300, 300)), quality)["111", "intervals"] == outcome


def test_a_multiplier_of_two_thousand_leaves_the_room_of_its_last_digit() -> None:
    row = reads(read(0, 3, 6000, multiplier=2000))
    assert outcomes(row, days(6000 / 30))["111", "intervals"] == "ok"
    assert outcomes(row, days(7990 / 30))["111", "intervals"] == "ok"
    assert outcomes(row, days(8010 / 30))["111", "intervals"] == "fails"


def test_a_window_that_ends_by_day_is_not_compared() -> None:
    found = outcomes(reads(read(0, 300, 300, end=LAST + timedelta(hours=9))), days(1))
    assert found["111", "intervals"] == "not-run"


@pytest.mark.parametrize("quality", ["substituted", "substituted_temporary", "forecast", "suspect"])
def test_intervals_are_not_held_against_a_read_that_was_estimated(quality: str) -> None:
    assert outcomes(reads(read(0, 300, 300, quality=quality)), days(5))["111", "intervals"] == "not-run"
    # A state alone begins with what the one before it showed.
    before = read(None, 0, None, start=None, end=FIRST, quality=quality)
    found = outcomes(reads(before, read(None, 300, None, start=None)), days(5))
    assert found["111", "intervals"] == "not-run"
    before["quality"] = "actual"
    assert outcomes(reads(before, read(None, 300, None, start=None)), days(5))["111", "intervals"] == "fails", "control"


def test_a_read_that_another_replaced_does_not_count() -> None:
    assert outcomes(reads(read(500, 400, 1, superseded="corrected"))) == {}


def test_the_days_of_a_period_that_does_not_add_up_are_told_to_the_rules() -> None:
    rows = reads(read(0, 300, 300, meter_id="shop-1"))
    checks = failing(register_checks(rows, days(1, "shop-1"), NOTHING, Thresholds.of()))
    for day, wrong in ((DAY, True), (date(2026, 12, 1), False), (date(2026, 11, 1), True)):
        for part in MeterDay.of(intervals(day), REGISTER):
            told = part.channels.filter(pl.Series(sum_fails(checks, part, stands_out=False)))
            assert told["meter_id"].to_list() == (["shop-1"] if wrong and part.minutes == 15 else [])


@pytest.mark.parametrize(
    ("otherwise", "shown", "blamed"),
    [
        ({4: 70}, 300, [4]),  # a spike
        ({4: 70, 9: 90}, 300, [4, 9]),
        ({4: 70, 9: 90, 11: 50}, 300, [4, 9, 11]),
        ({4: 70, 9: 90, 11: 50, 12: 40}, 300, None),  # no exception
        ({4: 0}, 300, [4]),  # filled with zeros
        ({4: 0, 5: 0}, 300, [4, 5]),
        ({4: 0, 5: 0}, 285, [4, 5]),  # a part of them was
        ({4: 20}, 300, []),  # a home's day may be that; but the reads may have been taken by day
        ({}, 309, []),
        ({}, 291, []),
        ({}, 313, None),
        ({}, 287, None),
        ({4: 70}, 150, None),  # without it, it is too much, too
        ({4: 70}, 330, None),  # without it, it lacks what no day used
        ({4: 0}, 330, None),
        ({}, 150, None),  # a factor
        (dict.fromkeys(range(23), 0), 300, None),
        ({4: 70, 5: 0}, 300, None),  # one more, one less: which it is nobody knows
    ],
)
def test_a_day_that_stands_out_is_blamed_and_the_others_are_not(
    otherwise: dict[int, float], shown: float, blamed: list[int] | None
) -> None:
    """November at 10 kWh a day, but for some days."""
    of_day = pl.Series([otherwise.get(at, 10) for at in range(30)]).cast(METER_QUALITY.schema["energy"])
    found = register_checks(
        reads(read(0, shown, shown)), days(10).with_columns(energy=of_day), NOTHING, Thresholds.of()
    )
    row = found.row(by_predicate=(pl.col("check") == "intervals"), named=True)
    assert row["outcome"] == "fails"
    assert row["days"] == (None if blamed is None else [date(2026, 11, 1 + at) for at in blamed])
    told = failing(found).filter("stands_out")["first"].to_list()
    assert told == (row["days"] or [])


def test_weeks_are_held_against_their_reads_to_the_day() -> None:
    """Who reads a register each week has it read by a machine."""
    short = read(0, 150, 150, end=FIRST + timedelta(days=14))
    found = register_checks(reads(short), days(10), NOTHING, Thresholds.of()).filter(check="intervals")
    assert found.select("outcome", "days").row(0) == ("fails", None)


@pytest.mark.parametrize(
    ("told", "then", "now", "outcome"),
    [
        (None, 40, 40, "fails"),  # control
        (None, 20, 40, "not-run"),  # transformers were changed between the reads
        (None, None, 40, "not-run"),
        (None, 1, None, "fails"),
        (40, 40, 40, "fails"),
        (20, 40, 40, "not-run"),  # which of the two it is nobody knows
    ],
)
def test_intervals_are_held_against_a_register_whose_factor_is_known(told, then, now, outcome) -> None:
    known = pl.DataFrame([["m", "m"], [then, now], [date(2026, 11, 1), date(2026, 12, 1)]], MULTIPLIERS)
    found = outcomes(reads(read(0, 30, None, multiplier=told)), days(100), register=known)
    assert found["111", "intervals"] == outcome


def test_no_reads_are_no_checks() -> None:
    found = register_checks(REGISTER_READS.empty(), days(1), NOTHING, Thresholds.of())
    assert found.is_empty() and found.schema == REGISTER_CHECKS.schema
