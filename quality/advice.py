"""What a check expects and what to do about what it finds, in English and Thai: the same words whatever was found, so
that they may be published also of customers."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from quality.contracts import Table
from quality.documents import document
from quality.problems import CODES
from quality.suites.suite import suite
from quality.vee.rules import RULES
from quality.vee.verdicts import REGISTER_RULES

PLACE = Path(__file__).with_name("advice.yaml")


@dataclass(frozen=True)
class Advice:
    """What is expected and what to do otherwise."""

    en: str
    th: str


@cache
def advice(table: Table, check: str) -> Advice | None:
    """The words of a check on a table; None of one that has none, which is a fault of ours (tests look for them)."""
    for expectation in suite(table).rules:
        if expectation.id == check:
            return Advice(expectation.en, expectation.th)
    words = of_all_tables()
    return words.get(check) or words.get(f"{check.partition(':')[0]}:*")


@cache
def of_all_tables() -> dict[str, Advice]:
    """Check, or its name up to the colon with ``:*``, → its words; but those of suites, which are a table's."""
    told: dict[str, Any] = document(PLACE)
    checks = {check: Advice(**words) for check, words in told["checks"].items()}
    codes = {f"deliveries_{code}": Advice(CODES[code][1], thai) for code, thai in told["codes"].items()}
    meters = {
        rule.code: Advice(
            f"No value of this kind: {rule.english}. {rule.advice}", f"{rule.thai} {told['meters'][rule.code]}"
        )
        for rule in RULES
    }
    registers = {
        f"register_{check}": Advice(f"No read of this kind: {wrong} {what_to_do}", told["meters"][f"register_{check}"])
        for check, (wrong, what_to_do) in REGISTER_RULES.items()
    }
    return checks | codes | meters | registers
