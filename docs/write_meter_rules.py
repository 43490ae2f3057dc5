"""The rules for meter values, written into meter-rules.md: ``python docs/write_meter_rules.py [--check]``.

The page is what ``quality.vee`` declares and the cases of ``tests/vee/cases`` name. ``--check`` writes nothing and
exits 1 if the page is another.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from quality.vee.rules import RULES, Rule
from quality.vee.thresholds import Thresholds
from quality.vee.verdicts import REGISTER_RULES

PAGE = Path(__file__).with_name("meter-rules.md")
CASES = Path(__file__).parents[1] / "tests" / "vee" / "cases"

HEAD = """# Rules for meter values

*For meter data analysts.*

<!-- written by docs/write_meter_rules.py -->

Every delivered value of a meter's day is judged by the rules below. A rule never changes a value. A value that a rule
of the kind **suspect** finds is not used unless a person accepts it; one that a **note** finds is used. `flags` of
`meter_final` has the bit of each rule that found something, `rules_run` of each that could run: a rule that lacks what
it needs does not run, and a value is clean only as far as `rules_run` says. Rules come in stages; a later one judges
only what none of an earlier one made suspect, so that the cause is told and not its symptoms.

Cases are folders of `tests/vee/cases`: something is planted (`when.csv`) in a day of a town that has nothing wrong with
it, and `then.csv` names every flag of every rule; a case without flags there must flag nothing.
"""

REGISTERS = """## Registers

Reads are checked against themselves, the read before, the energy told with them, and against the intervals between them
(`register_checks`; tests: `tests/vee/test_registers.py`). `rules_run` has `sum_check` on the days of a period that does
not add up; that one does is told by its check alone, for which its days are not judged again.
"""

THRESHOLDS = """## Thresholds

Version {version} of `quality/vee/thresholds.yaml`. A city sets its own in its registry entry: a number, or numbers by
customer class; the version of a judged value then names it.
"""


def page() -> str:
    """The whole page."""
    thresholds = Thresholds.of()
    rows = ["| bit | rule | kind | stage | finds | source |", "|---|---|---|---|---|---|"]
    rows += [
        f"| {rule.bit} | [`{rule.code}`](#{rule.code}) | {rule.severity} | {rule.stage + 1} | {rule.english}. "
        f"{rule.thai} | {rule.source} |"
        for rule in RULES
    ]
    checks = ["| check | wrong | what to do |", "|---|---|---|"]
    checks += [f"| `{name}` | {wrong} | {advice} |" for name, (wrong, advice) in REGISTER_RULES.items()]
    told = ["| threshold | default | source |", "|---|---|---|"]
    told += [f"| `{name}` | {each} | {each.source} |" for name, each in thresholds.thresholds.items()]
    parts = [HEAD, *rows, "", *(line for rule in RULES for line in _rule(rule))]
    parts += [REGISTERS, *checks, "", THRESHOLDS.format(version=thresholds.version), *told, ""]
    return "\n".join(parts)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"### `{rule.code}`\n"
    yield f"{rule.english}. **Do**: {rule.advice}\n"
    facts = {"about": rule.of, "needs": rule.needs, "thresholds": rule.thresholds}
    yield from (f"- {name}: {', '.join(f'`{each}`' for each in told)}" for name, told in facts.items() if told)
    flagged = {row["case"] for row in _lines(rule, "then") if row["rule"] == rule.code}
    for case in dict.fromkeys(row["case"] for row in [*_lines(rule, "given"), *_lines(rule, "when")]):
        yield f"- {'flagged' if case in flagged else 'not flagged'}: {case}"
    yield ""


def _lines(rule: Rule, name: str) -> list[dict[str, str]]:
    path = CASES / rule.code / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main() -> int:
    """Write, or with ``--check`` compare."""
    current = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(current, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != current:
        print(f"{PAGE.name} is out of date: python docs/write_meter_rules.py writes it anew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
