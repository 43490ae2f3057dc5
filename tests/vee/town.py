"""A town of 21 meters whose days have nothing wrong with them, and its four weeks before."""

from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
import polars as pl

from quality.readings import ENERGY, QUANTITIES
from quality.vee.history import History, PastDay
from quality.vee.rules import Context
from quality.vee.thresholds import Thresholds
from quality.vee.validate import judge, meter_quality
from quality.vee.window import MeterDay

DAY = date(2026, 11, 18)
"""A Wednesday that is no holiday."""
MIDNIGHT = datetime(2026, 11, 17, 17, tzinfo=UTC)

REGISTER = pl.DataFrame(
    [
        *((f"home-{n}", "old-town", "residential", None, True, False, None) for n in range(1, 7)),
        ("solar-1", "old-town", "residential", None, True, True, None),
        *((f"shop-{n}", "harbour", "small_business", None, True, False, None) for n in range(1, 7)),
        *((f"street-{n}", "hill", "public", 30.0, True, False, None) for n in range(1, 6)),
        ("plant-1", "estate", "large_business", 900.0, True, False, None),
        ("check-1", "estate", "large_business", 900.0, True, False, "plant-1"),
        ("hourly-1", "estate", "medium_business", None, True, False, None),
    ],
    schema={
        "meter_id": pl.String, "zone": pl.String, "customer_class": pl.String, "contract_kva": pl.Float64,
        "connected": pl.Boolean, "generates": pl.Boolean, "check_of": pl.String,
    },
    orient="row",
).with_columns(
    multiplier=pl.col("meter_id").replace_strict({"plant-1": 240.0, "check-1": 240.0, "hourly-1": 20.0}, default=None)
)  # fmt: skip

CHANNELS = [
    *((meter, "E1", "active_import") for meter in REGISTER["meter_id"]),
    ("plant-1", "Q1", "reactive_import"),
    ("solar-1", "B1", "active_export"),
]
USUAL = {"home": 0.13, "solar": 0.15, "shop": 1.1, "street": 0.6, "plant": 110.0, "check": 110.0, "hourly": 24.0}
"""kWh of an interval, on the mean of a day."""


@cache
def intervals(day: date) -> pl.DataFrame:
    """``METER_INTERVALS`` rows of a clean day, as far as rules read them: every value is there, read, and its own."""
    frames = [_channel(at, meter, channel, quantity, day) for at, (meter, channel, quantity) in enumerate(CHANNELS)]
    return pl.concat(frames).sort("meter_id", "channel", "quantity", "start")


def _channel(at: int, meter: str, channel: str, quantity: str, day: date) -> pl.DataFrame:
    kind = meter.partition("-")[0]
    minutes = 60 if kind == "hourly" else 15
    slots = 1440 // minutes
    hour = np.arange(slots) * minutes / 60
    # The check meter sees what the plant's meter does.
    seed = CHANNELS.index(("plant-1", "E1", "active_import")) if kind == "check" else at
    random = np.random.default_rng([seed, day.toordinal()])
    evening = 1 + 0.5 * np.sin((hour - 13) / 24 * 2 * np.pi)
    shape = evening + 0.4 * np.exp(-((hour - 19 - seed % 3) ** 2) / 4)
    level = random.uniform(0.85, 1.15) * (0.6 if day.weekday() > 4 else 1)
    value = USUAL[kind] * level * shape * random.uniform(0.8, 1.2, slots)
    if quantity == "reactive_import":
        value = value * 0.4
    if quantity == "active_export":
        value = np.where((hour > 8) & (hour < 17), value, 0)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=7)
    return pl.DataFrame(
        {
            "start": [start + timedelta(minutes=minutes * slot) for slot in range(slots)],
            "value_delivered": pl.Series(value.round(3)).cast(ENERGY),
        }
    ).select(
        meter_id=pl.lit(meter),
        channel=pl.lit(channel),
        quantity=pl.lit(quantity),
        unit=pl.lit(QUANTITIES[quantity]),
        start=pl.col("start").cast(pl.Datetime("us", "UTC")),
        minutes=pl.lit(minutes, pl.Int32),
        local_date=pl.lit(day),
        value_delivered="value_delivered",
        quality=pl.lit("actual"),
        rate_raw=pl.lit(None, pl.String),
        _receipt=pl.lit({"home": "f1", "solar": "f1", "shop": "f2", "street": "f3"}.get(kind, "f4")),
    )


WORKDAYS = [day for back in range(-28, 29) if (day := DAY + timedelta(days=back)).weekday() < 5]


def past_days(quality: pl.DataFrame, thresholds: Thresholds) -> list[PastDay]:
    """Of ``METER_QUALITY`` rows, day by day; of those that most cases have before them made once."""
    if four_weeks.cache_info().currsize and quality is four_weeks() and thresholds == Thresholds.of():
        return _of_four_weeks()
    return _past_days(quality, thresholds)


@cache
def _of_four_weeks() -> list[PastDay]:
    return _past_days(four_weeks(), Thresholds.of())


def _past_days(quality: pl.DataFrame, thresholds: Thresholds) -> list[PastDay]:
    return [PastDay.of(rows, thresholds) for rows in quality.sort("local_date").partition_by("local_date")]


def judged_day(rows: pl.DataFrame, past: pl.DataFrame | None = None, register: pl.DataFrame = REGISTER, **known):
    """What the rules find of a day, an entry an interval length, with the context of each."""
    thresholds = known.pop("thresholds", Thresholds.of())
    before = None if past is None else past_days(past, thresholds)
    found = []
    for day in MeterDay.of(rows, register):
        history = None if before is None else History.of(before, day, WORKDAYS)
        told = {name: value(day) if callable(value) else value for name, value in known.items()}
        context = Context(thresholds, history, **told)
        found.append((judge(day, context), context))
    return found


@cache
def four_weeks() -> pl.DataFrame:
    """``METER_QUALITY`` of the days before."""
    past = None
    for back in range(28, 0, -1):
        found = judged_day(intervals(DAY - timedelta(days=back)), past)
        told = [meter_quality(judged, context) for judged, context in found]
        past = pl.concat(told if past is None else [past, *told])
    return past
