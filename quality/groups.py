"""Groups of rules, as Dagster shows them: one check a table and group, however many rules there are."""

from collections.abc import Iterable
from typing import Final

from quality.contracts import Table
from quality.suites.suite import suite
from quality.tables import METER_FINAL
from quality.verdicts import Group, Verdict

GROUPS: Final[dict[Group, str]] = {
    "contract": "Structure, keys, nulls, bounds and codes. What is wrong here is Muang's own fault and holds the city: "
    "report it with the run.",
    "plausible": "Values within what the place and the instrument make likely, columns of a row against each other. "
    "Ask the source; what is true all the same is signed for in reviewed.yaml.",
    "history": "Values, rows and deliveries like those before. See what the source sent and whether it says why; a "
    "true jump is signed for in reviewed.yaml.",
    "cross": "Parts against totals, and data sets against each other. Ask both publishers which is right.",
    "suite": "The rules of the table's suite (quality/suites). Each says what to do.",
    "freshness": "The newest data is not older than the contract allows. See the source's deliveries.",
    "making": "How the rows came to be: deliveries, privacy, what only the step that makes them can tell. `muang "
    "quarantine show` has the rows of a delivery.",
}
"""Group → what it asks, and what to do about what it finds."""


def groups(table: Table) -> list[Group]:
    """The groups that a table has rules of, at most all seven."""
    has: dict[Group, bool] = {
        "contract": True,
        "plausible": bool(table.row_rules or table.rules) or table is METER_FINAL,
        "history": bool(table.usual or table.across) or table.lineage,
        "cross": bool(table.across),
        "suite": bool(suite(table).rules),
        "freshness": table.max_age is not None,
        "making": True,
    }
    return [group for group in GROUPS if has[group]]


def by_group(table: Table, verdicts: Iterable[Verdict]) -> dict[Group, list[Verdict]]:
    """Verdicts of a step that makes ``table`` (and perhaps others) by the table's groups. Those of a group that it has
    not are among what its making tells: none is lost."""
    found: dict[Group, list[Verdict]] = {group: [] for group in groups(table)}
    for verdict in verdicts:
        found[verdict.group if verdict.group in found else "making"].append(verdict)
    return found
