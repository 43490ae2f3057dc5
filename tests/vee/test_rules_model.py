"""Rules over arrays against the same rules in plain Python, on days nobody would write by hand."""

from collections.abc import Sequence
from datetime import date, timedelta
from math import exp
from random import Random

import numpy as np
import polars as pl
import pytest

from quality.readings import ENERGY
from quality.tables import METER_QUALITY
from quality.vee.history import History
from quality.vee.rules import RULES, Context
from quality.vee.thresholds import Thresholds
from quality.vee.validate import judge
from quality.vee.window import MeterDay
from tests.kit import sampled
from tests.vee import model
from tests.vee.town import REGISTER, four_weeks, intervals, past_days

WORKDAY, SUNDAY = date(2026, 11, 18), date(2026, 11, 22)
CLASSES = ["residential", "small_business", "large_business", "public", "other"]
NOT_MODELLED = {
    "clock", "future", "interval_count", "catch_up", "repeated_day", "reactive", "reverse_flow", "inactive",
    "main_check", "quantity_changed", "secondary", "told_twice", "tou_rate", "sum_check",
}  # fmt: skip


def world(chance: Random, day: date) -> list[model.Meter]:
    """Up to nine meters, most of them usual, with what goes wrong with one meter or with all."""
    minutes = chance.choice([15, 30, 60])
    slots = 1440 // minutes
    wrong_for_all = chance.choice([None, None, "scale", "estimated", "edge", "shift", "exchange"])
    factor = chance.choice([1000, 4, 0.25, 0.001])
    later = chance.choice([-7, -1, 1, 7, 12]) * 60 // minutes
    evening = chance.uniform(16, 21)
    meters = []
    zones = "a" if wrong_for_all == "shift" else "ab"
    for at in range(chance.randint(5 if wrong_for_all == "shift" else 1, 9)):
        level = chance.choice([0.05, 0.2, 3, 40]) * minutes / 15
        # A flat day, or one with an evening of its own, by night and by day at other hours.
        steep, peak = (0, 0) if wrong_for_all is None else (chance.choice([1, 3]), evening + chance.uniform(-1, 1))
        if wrong_for_all == "exchange":
            peak = chance.choice([9, 15, 21])
        usual = [
            1 + steep * exp(-((((slot + 0.5) * minutes / 60 - peak + 12) % 24 - 12) ** 2) / 18) for slot in range(slots)
        ]
        loose = 0.5 if wrong_for_all is None else 0.15
        values = [round(level * each * chance.uniform(1 - loose, 1 + loose), 3) for each in usual]
        parts = [sum(usual[at : at + slots // 8]) / sum(usual) for at in range(0, slots, slots // 8)]
        past = {}
        habit = chance.choice([None, None, "zero", "frozen"])  # on every other such day of the week
        for back in range(1, 29) if chance.random() < 0.9 else ():
            if chance.random() < 0.97:
                today = habit if back % 7 == 0 and chance.random() < 0.5 else None
                used = today != "zero" and chance.random() < 0.95
                energy = round(level * sum(usual) * chance.uniform(0.7, 1.3), 3) if used else 0
                highest = energy / 24 * max(usual) * slots / sum(usual) * (1 + loose)
                past[day - timedelta(days=back)] = {
                    "energy": energy, "peak": highest,
                    "least": highest if today == "frozen" else energy / 24 * chance.choice([0.5, 0.5, 0]),
                    "actual": chance.choice([slots, slots, slots // 2]), "expected": slots,
                    "suspect": chance.choice([0, 0, 0, 1]),
                    "zero_minutes": chance.choice([0, 0, 1440, 9000]) * (back < 6),
                    "estimated_days": chance.choice([0, 0, 7, 8]),
                    "shape": [round(255 * part * chance.uniform(0.9, 1.1)) for part in parts] if energy else None,
                }  # fmt: skip
        qualities = ["actual"] * slots
        wrong = wrong_for_all or chance.choice(
            [
                None,
                "gaps",
                "holes",
                "zero",
                "flat",
                "frozen",
                "spike",
                "negative",
                "sentinel",
                "scale",
                "estimated",
                "repeated",
            ]
        )
        if habit and wrong_for_all is None and chance.random() < 0.5:
            wrong = habit
        first, last = sorted(chance.sample(range(slots + 1), 2))
        if wrong == "gaps":
            values[first:last] = [None] * (last - first)
        if wrong == "holes":
            values = [None if chance.random() < 0.08 else value for value in values]
        if wrong == "shift" and chance.random() < 0.9:
            values = [values[(slot - later) % slots] for slot in range(slots)]
        if wrong == "edge":
            values[-1] = None
        if wrong == "zero":
            values = [0.0] * slots if chance.random() < 0.5 else [0.0] * last + values[last:]
        if wrong == "flat":
            values[first:last] = [values[first]] * (last - first)
        if wrong == "frozen":
            values = [value if chance.random() < 0.03 else 0.5 for value in values]
        if wrong == "spike":
            values[first] = round(max(values) * chance.choice([2.5, 3, 50, 5000]), 3)
        if wrong == "negative":
            values[first] = -values[first]
        if wrong == "sentinel":
            values[first] = chance.choice([4294967.295, 2147483.647, 16777.215, 34364.271])
        if wrong == "scale" and chance.random() < 0.85:
            values = [round(value * factor, 6) for value in values]
        if wrong == "estimated":
            qualities = [chance.choice(["substituted", "forecast", "suspect"]) for _ in values]
        before = {}
        if wrong == "repeated":
            before = {
                s: (values[s] if chance.random() < 0.5 else 7.0, chance.choice(["actual", "forecast"]))
                for s in range(first, last)
            }
            qualities[first:last] = [chance.choice(["actual", "forecast"])] * (last - first)
        if not past:
            values[:last] = [None] * last
        qualities = ["missing" if v is None else q for v, q in zip(values, qualities, strict=True)]
        meters.append(
            model.Meter(
                f"m{at}", chance.choice(zones), chance.choice(CLASSES), minutes, values, qualities, past, before
            )
        )
    if wrong_for_all == "exchange" and len(meters) > 1:
        one, other = chance.sample(meters, 2)
        one.values, other.values = other.values, one.values
        one.qualities, other.qualities = other.qualities, one.qualities
    return meters


def receipt(meter: model.Meter) -> str:
    return f"r{int(meter.name[1:]) % 2}"


def by_arrays(meters: list[model.Meter], day: date, like: list[date], off: list[date]) -> set[tuple[str, int, str]]:
    midnight = pl.datetime(day.year, day.month, day.day, time_zone="Asia/Bangkok").dt.convert_time_zone("UTC")
    rows = pl.DataFrame(
        [
            (m.name, slot, m.minutes, value, quality, receipt(m))
            for m in meters
            for slot, (value, quality) in enumerate(zip(m.values, m.qualities, strict=True))
        ],
        schema=["meter_id", "slot", "minutes", "value", "quality", "_receipt"],
        orient="row",
        infer_schema_length=None,
    ).with_columns(
        pl.col("minutes").cast(pl.Int32),
        channel=pl.lit("E1"),
        quantity=pl.lit("active_import"),
        unit=pl.lit("kWh"),
        local_date=pl.lit(day),
        start=(midnight + pl.duration(minutes=pl.col("slot") * pl.col("minutes"))).cast(pl.Datetime("us", "UTC")),
        value_delivered=pl.col("value").cast(pl.Float64).cast(ENERGY),
    )
    before = [(m.name, s, value, quality) for m in meters for s, (value, quality) in m.before.items()]
    superseded = (
        pl.DataFrame(
            before,
            schema=["meter_id", "slot", "was", "told"],
            orient="row",
            schema_overrides={"meter_id": pl.String, "slot": pl.Int64, "was": pl.Float64, "told": pl.String},
        )
        .join(rows, on=["meter_id", "slot"])
        .with_columns(value_delivered=pl.col("was").cast(ENERGY), quality=pl.col("told"), reason=pl.lit("corrected"))
    )
    past = [
        {
            "meter_id": m.name, "channel": "E1", "quantity": "active_import", "local_date": at, "energy": row["energy"],
            "peak_power": row["peak"], "least_power": row["least"], "actual": row["actual"],
            "expected": row["expected"], "suspect": row["suspect"], "zero_minutes": row["zero_minutes"],
            "estimated_days": row["estimated_days"],
            "shape": row["shape"] and sum(part << 8 * at for at, part in enumerate(row["shape"])),
        }
        for m in meters for at, row in m.past.items()
    ]  # fmt: skip
    quality = pl.DataFrame(
        [dict.fromkeys(METER_QUALITY.schema) | row for row in past], schema=METER_QUALITY.schema, strict=False
    ).sort("local_date", "meter_id")
    register = pl.DataFrame(
        {
            "meter_id": [m.name for m in meters],
            "zone": [m.zone for m in meters],
            "customer_class": [m.customer_class for m in meters],
        }
    )
    (window,) = MeterDay.of(rows.sample(fraction=1, shuffle=True, seed=1), register)
    thresholds = Thresholds.of()
    past = past_days(quality, thresholds)
    context = Context(thresholds, History.of(past, window, like, off), superseded=superseded)
    judged = judge(window, context)
    names = window.channels["meter_id"]
    return {
        (names[int(line)], int(slot), rule.code)
        for rule in RULES
        if rule.code not in NOT_MODELLED
        for line, slot in np.argwhere(judged.broken(rule))
    }


@pytest.mark.parametrize(("day", "kinds"), [(WORKDAY, 21), (SUNDAY, 15)], ids=["a working day", "a Sunday"])
@pytest.mark.parametrize("seeds", sampled([range(60), range(60, 120)], 2))
def test_arrays_and_a_plain_model_agree(day: date, kinds: int, seeds: range) -> None:
    seen = set()
    before = [day - timedelta(days=back) for back in range(1, 29)]
    like = [at for at in before if (at.weekday() == 6) == (day == SUNDAY)]
    off = before if day == SUNDAY else []
    for seed in seeds:
        meters = world(Random(seed), day)
        found = by_arrays(meters, day, like, off)
        expected = model.judge(meters, day, like, receipt, off)
        assert found == expected, f"seed {seed}: {sorted(found ^ expected)[:10]}"
        seen |= {code for _, _, code in found}
    assert len(seen) >= kinds and (day == SUNDAY or {"time_shift", "exchanged"} <= seen), (
        f"too few rules are tried: {sorted(seen)}"
    )


def test_a_day_off_may_rest_like_any_other() -> None:
    """Songkran is like no day of its four weeks: who rests on Sundays, at zero or at one value, rests on it."""
    sundays = [day for back in range(1, 29) if (day := WORKDAY - timedelta(days=back)).weekday() == 6]
    quiet = pl.when(pl.col("local_date").is_in(sundays), pl.col("meter_id") == "shop-1")
    zero, one = (
        four_weeks().with_columns(
            quiet.then(pl.lit(value)).otherwise(name).cast(METER_QUALITY.schema[name]).alias(name)
            for name in ("energy", "peak_power", "least_power")
        )
        for value in (0, 2)
    )
    day = next(day for day in MeterDay.of(intervals(WORKDAY), REGISTER) if "shop-1" in day.channels["meter_id"])
    shop = day.channels["meter_id"].to_list().index("shop-1")

    def history(rows: pl.DataFrame, off: list[date], like: Sequence[date] = ()) -> History:
        return History.of(past_days(rows, Thresholds.of()), day, like, off)

    assert (history(zero, sundays).rests[shop], history(zero, []).rests[shop]) == (4, 0)
    assert (history(one, sundays).stands[shop], history(one, []).stands[shop]) == (4, 0)
    assert (history(one, sundays).stood[shop], history(zero, sundays).stood[shop]) == (2, 0)
    # One of its own type is enough: a shop that closes on Sundays did so a week ago. A workday does not rest so.
    for rows, habit in ((zero, "rested"), (one, "stilled")):
        told = [getattr(history(rows, off, like), habit)[shop] for off, like in ((sundays, sundays[:1]), (sundays, ()))]
        assert told == [True, False]
        assert not getattr(history(rows, [], sundays), habit)[shop]
