"""Rules on a real building: they are silent on what it used, and loud when its unit or its transformers slip."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from assets.meters.exports import read_export
from quality.tables import METER_QUALITY
from quality.vee.day_types import calendar
from quality.vee.history import History
from quality.vee.rules import RULES, Context
from quality.vee.thresholds import Thresholds
from quality.vee.validate import judge, meter_quality
from quality.vee.window import MeterDay
from tests.vee.town import past_days

DAYS = 80
SCALE = next(rule for rule in RULES if rule.code == "meter_scale")
LEAST = {1000: 1.0, 0.001: 1.0, 20: 0.75, 0.05: 0.4}
"""Shares of days on which a factor is told: a unit always; other transformers as far as the building is steady."""


@pytest.mark.real
def test_a_building_is_not_suspected_of_what_it_used(real_data) -> None:
    path = real_data / "meters/thai_building/cu_cham5_hourly_2018-07_2019-06.csv"
    rows = (
        read_export(path.read_bytes(), path.name, {"point": "b"})
        .tables["readings"]
        .select(
            "start",
            "minutes",
            meter_id=pl.lit("b"),
            channel=pl.lit("kW"),
            quantity=pl.lit("active_import"),
            unit=pl.lit("kWh"),
            local_date=pl.col("start").dt.convert_time_zone("Asia/Bangkok").dt.date(),
            value_delivered="value",
            quality=pl.lit("unknown"),
        )
    )
    register = pl.DataFrame({"meter_id": ["b"], "customer_class": ["large_business"]})
    thresholds, past = Thresholds.of(), METER_QUALITY.empty()
    suspect = slots = tried = 0
    told = dict.fromkeys(LEAST, 0)
    for day in rows["local_date"].unique().sort().head(DAYS):
        near = [day - timedelta(days=back) for back in range(29)]
        types = calendar().day_types(near)
        like = [at for at, kind in zip(near, types, strict=True) if kind == types[0]]
        (window,) = MeterDay.of(rows.filter(local_date=day), register)
        days = past_days(past, thresholds)
        context = Context(thresholds, History.of(days, window, like))
        judged = judge(window, context)
        suspect += int(judged.suspect.sum())
        slots += window.value.size
        past = pl.concat([past, meter_quality(judged, context)])
        if context.past().days[0] >= 3 and day.day % 4 == 0:
            tried += 1
            for factor in told:
                slipped = judge(replace(window, value=window.value * factor), context)
                told[factor] += bool(slipped.broken(SCALE).any())
    assert slots == 24 * DAYS and suspect <= 0.001 * slots
    assert tried >= 15
    assert {factor: count / tried for factor, count in told.items() if count < LEAST[factor] * tried} == {}
