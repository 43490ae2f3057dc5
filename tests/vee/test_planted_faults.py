"""Faults of whole deliveries, planted in a town and its four weeks: the gate names the rule that is about each, counts
meters and intervals, says what to do, and tells nothing of a customer."""

from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest

from quality.disclosure import PUBLISHED, published, rule
from quality.gate import to_frame
from quality.tables import METER_FINAL
from quality.vee.rules import RULES
from quality.vee.verdicts import MANY, MANY_LEAST, MANY_SHARE, WARNING, meter_verdicts, tallied
from tests.vee.test_rule_cases import planted, superseded
from tests.vee.town import DAY, REGISTER, four_weeks, intervals, judged_day


def change(meter: str, do: str, value: object = "", start: str = "00:00", end: str = "24:00") -> dict[str, str]:
    return {"meter": meter, "from": start, "to": end, "do": do, "value": str(value)}


FAULTS = {
    "a meter's watt-hours read as kilowatt-hours": ([change("home-1", "read times", 1000)], {"meter_scale": 1}),
    "a zone's file in watt-hours": ([change("shop-*", "read times", 1000)], {"meter_scale": 6, "group_scale": 6}),
    "the city's": (
        [change("*-*", "read times", 1000)],
        {"meter_scale": 21, "group_scale": 18, "reactive": 0, "main_check": 0},
    ),
    "a CT ratio applied twice": ([change("plant-1", "read times", 20)], {"meter_scale": 1}),
    "a CT ratio not applied": ([change("plant-1", "read times", 0.05)], {"meter_scale": 1}),
    "500 kWh in a quarter of an hour of a home": (
        [change("home-3", "read", 500, "10:00", "10:15")],
        {"spike": 1, "upper_limit": 1},
    ),
    "a full register": ([change("home-3", "read", 4294967.295, "10:00", "10:15")], {"sentinel": 1}),
    "a meter frozen all day": ([change("shop-1", "read", 1.234)], {"frozen": 1}),
    "a zone frozen all day": ([change("home-*", "read", 0.123)], {"frozen": 6}),
    "a business at zero all day": ([change("plant-1", "read", 0)], {"zero_run": 1, "main_check": 1}),
    "a zone at zero all day": ([change("home-*", "read", 0)], {"unusual_use": 6, "dominant": 1}),
    "one negative interval": ([change("home-2", "read", -0.5, "10:00", "10:15")], {"negative": 1}),
    "the day before again": ([change("home-4", "read the day before")], {"repeated_day": 1}),
    "labels of a zone read as the wrong end": (
        [change("shop-*", "read nothing", "", "23:45", "24:00")],
        {"label_shift": 6, "gap": 6},
    ),
    "the last six hours of a zone blank": ([change("shop-*", "read nothing", "", "18:00", "24:00")], {"gap": 6}),
    "half of a zone's meters are not in the file": ([change("home-[123]", "read nothing")], {"gap": 3}),
    "a zone sent again, a tenth higher": ([change("shop-*", "came before as", "actual x0.909")], {"replaced": 6}),
    "a late estimate over a zone's actuals": (
        [change("shop-*", "came before as", "actual x0.667"), change("shop-*", "is told as", "forecast")],
        {"actual_replaced": 6, "replaced": 6, "group_estimated": 6},
    ),
    "a customer that is a sum of many": (
        [change("home-6", "read times", 2.9)],
        {"unusual_use": 1, "peak_change": 1, "dominant": 1},
    ),
    "watt-hours told as kilowatt-hours in the header": (
        [change("shop-*", "read times", 0.001)],
        {"meter_scale": 6, "group_scale": 6},
    ),
    "a whole zone estimated": ([change("street-*", "is told as", "substituted_temporary")], {"group_estimated": 5}),
    "a register repeated, then a double hour": (
        [change("shop-2", "read", 0, "10:00", "11:00"), change("shop-2", "read times", 2, "11:00", "12:00")],
        {"catch_up": 1},
    ),
}


def verdicts_of(faults: list[dict[str, str]], **known: object):
    rows = intervals(DAY)
    before = superseded(rows, faults)
    for fault in faults:
        rows = planted(rows, fault)
    judged = [part for part, _ in judged_day(rows, four_weeks(), superseded=before, **known)]
    return judged, meter_verdicts(DAY, [tallied(judged)])


@cache
def judged_with(fault: str):
    return verdicts_of(FAULTS[fault][0])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_by_the_rule_about_it(fault: str) -> None:
    _, expected = FAULTS[fault]
    judged, told = judged_with(fault)
    found = {verdict.check: verdict for verdict in told if verdict.failed and verdict.check != "rules_run"}
    for code, meters in expected.items():
        if not meters:
            found.pop(code, None)
            continue
        verdict = found.pop(code)
        rule = next(rule for rule in RULES if rule.code == code)
        intervals_ = sum(int(part.broken(rule).sum()) for part in judged)
        assert verdict.failed == meters
        assert f"{meters} of {verdict.checked} meters, {intervals_} intervals between " in verdict.message
        assert rule.advice in verdict.message
        many = code in MANY and meters >= max(MANY_LEAST, MANY_SHARE * verdict.checked)
        assert verdict.verdict == ("warn" if rule.severity == "suspect" or code in WARNING or many else "note")
    assert not {code: verdict.message for code, verdict in found.items()}


def test_a_day_without_a_fault_warns_of_nothing_and_says_what_was_not_looked_at() -> None:
    _, told = verdicts_of([])
    assert {verdict.verdict for verdict in told} == {"pass"}
    assert not any(verdict.failed for verdict in told if verdict.check != "rules_run")
    (idle,) = (verdict for verdict in told if verdict.check == "rules_run")
    assert "tou_rate" in idle.message and "spike" not in idle.message


def test_a_file_of_the_day_after_is_in_the_future() -> None:
    now = datetime(2026, 11, 17, 18, tzinfo=UTC)
    judged, told = verdicts_of([], now=now)
    (verdict,) = (verdict for verdict in told if verdict.verdict == "warn")
    assert (verdict.check, verdict.failed) == ("future", REGISTER.height)
    assert "between 01:00 and 24:00 of 2026-11-18" in verdict.message
    assert sum(part.suspect.sum() for part in judged) == sum(
        part.day.there[:, part.day.starts >= now].sum() for part in judged
    )


def test_a_feeders_main_meter_among_its_customers_is_told() -> None:
    others = " + ".join([*(f"home-{at}" for at in range(1, 6)), "solar-1"])
    rows = planted(intervals(DAY), change("home-6", "read the others", others))
    past = four_weeks().filter(pl.col("meter_id") != "home-6")
    told = tallied([part for part, _ in judged_day(rows, past)])
    found = [v for v in meter_verdicts(DAY, [told]) if v.verdict == "warn"]
    assert [(verdict.check, verdict.failed) for verdict in found] == [("aggregate", 1)]


def test_a_suspect_value_is_not_used_and_no_value_is_changed() -> None:
    judged, _ = verdicts_of([change("home-1", "read times", 1000)])
    for part in judged:
        names = part.day.channels["meter_id"]
        assert (part.suspect.any(axis=1) == (names == "home-1").to_numpy()).all()
    clean, _ = verdicts_of([])
    assert np.array_equal(judged[0].day.value[0], clean[0].day.value[0])


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_published_of_a_fault_tells_nothing_of_a_customer(fault: str) -> None:
    _, told = judged_with(fault)
    shown = published(to_frame(told, DAY + timedelta(days=1)))
    assert shown.columns == PUBLISHED.names()
    assert shown["checked"].null_count() == shown["failed"].null_count() == shown.height
    assert shown["message"].null_count() == 0 and not (shown["message"] == "").any()
    assert not [meter for meter in REGISTER["meter_id"] for verdict in told if meter in verdict.message]
    words = dict(shown.select("check", "message").iter_rows())
    assert {check: rule(METER_FINAL, check) for check in words} == words, "the same words whatever was found"
