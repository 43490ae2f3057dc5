"""The page of the rules is what the code declares, and every rule declares what a reader asks for."""

import runpy
from pathlib import Path

import pytest

from quality.vee.rules import RULES
from quality.vee.rules.rule import Context
from quality.vee.thresholds import Thresholds
from quality.vee.validate import vee_rules
from quality.vee.window import MeterDay
from tests.vee.town import DAY, REGISTER

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "write_meter_rules.py"))["page"]()
    current = (ROOT / "docs" / "meter-rules.md").read_text(encoding="utf-8")
    assert written == current, "python docs/write_meter_rules.py writes it anew"


def test_bits_are_in_order_and_codes_are_told_once() -> None:
    assert [rule.bit for rule in RULES] == list(range(len(RULES)))
    assert len({rule.code for rule in RULES}) == len(RULES) <= 64


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_says_what_it_finds_where_it_comes_from_and_what_to_do(rule) -> None:
    assert rule.english and rule.source and rule.advice.endswith(".")
    assert any("\u0e00" < letter < "\u0e7f" for letter in rule.thai)
    known = {*Context.__dataclass_fields__, *MeterDay.__dataclass_fields__, *REGISTER.columns, "like_days"}
    assert set(rule.needs) <= known


def test_every_threshold_has_a_rule_or_the_registers() -> None:
    used = {name for rule in RULES for name in rule.thresholds} | {"register_digit", "rollover_share"}
    assert used == set(Thresholds.of().thresholds)


def test_the_table_of_rules_has_them_all() -> None:
    rows = vee_rules(Context(Thresholds.of()), DAY)
    assert rows["code"].to_list() == [rule.code for rule in RULES]
    spike = rows.filter(code="spike").row(0, named=True)
    assert "1.8" in spike["thresholds"] and "residential 15" in spike["thresholds"]


# What a city sets


def test_a_city_sets_a_number_for_all_or_by_class() -> None:
    own = Thresholds.of({"high_use": 4, "upper_kw": {"residential": 30}})
    assert own.number("high_use") == 4
    assert own.thresholds["upper_kw"].by_class["residential"] == 30
    assert own.thresholds["upper_kw"].by_class["public"] == 1200
    assert own.version != Thresholds.of().version
    assert own.version == Thresholds.of({"upper_kw": {"residential": 30}, "high_use": 4}).version


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({"hihg_use": 4}, "there is no threshold hihg_use; there are aggregate_share"),
        ({"high_use": "much"}, "high_use takes a number from 0, or numbers by customer class"),
        ({"high_use": -1}, "a number from 0"),
        ({"high_use": {"industry": 4}}, "high_use takes a number from 0, or numbers by customer class"),
        ({"high_use": {"public": -4}}, "a number from 0"),
        ({"spike_tolerance": {"public": 4}}, "spike_tolerance is one number for all customer classes"),
    ],
)
def test_what_a_city_cannot_set_is_said_in_a_sentence(own, says) -> None:
    with pytest.raises(ValueError, match=says):
        Thresholds.of(own)
