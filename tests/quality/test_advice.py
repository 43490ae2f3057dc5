"""Every check has words in both languages."""

import re

import pytest
import yaml

from quality.advice import PLACE, advice, of_all_tables
from quality.problems import CODES
from quality.tables import METER_FINAL, REGISTER_CHECKS, TABLES
from quality.vee.rules import RULES
from quality.vee.verdicts import REGISTER_RULES

THAI = re.compile("[฀-๿]")


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_rule_that_a_table_declares_has_words(table) -> None:
    checks = [
        *(rule.check for rule in table.row_rules),
        *(f"usual:{name}" for name in table.usual),
        "freshness",
        "keys",
    ]
    checks += [f"deliveries_{code}" for code in CODES]
    assert [check for check in checks if advice(table, check) is None] == []


def test_every_rule_for_meter_values_and_registers_hasof_all_tables() -> None:
    assert all(advice(METER_FINAL, rule.code) for rule in RULES)
    assert all(advice(REGISTER_CHECKS, f"register_{check}") for check in REGISTER_RULES)


def test_words_are_in_the_two_languages() -> None:
    told = of_all_tables()
    assert [check for check, words in told.items() if THAI.search(words.en)] == []
    assert [check for check, words in told.items() if not THAI.search(words.th)] == []


def test_nothing_is_written_for_checks_that_no_longer_are() -> None:
    told = yaml.safe_load(PLACE.read_text(encoding="utf-8"))
    assert set(told["codes"]) == set(CODES)
    assert set(told["meters"]) == {rule.code for rule in RULES} | {f"register_{check}" for check in REGISTER_RULES}
