"""A table's Dagster checks: one a rule group, computed in the table's own step, each with the rows that it found."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import dagster as dg

from quality import gate
from quality.advice import advice
from quality.contracts import Table
from quality.groups import GROUPS, by_group, groups
from quality.tables import TABLES
from quality.verdicts import GRADES, Verdict

SHOWN = 20
"""Findings, and rows, that a check shows; ``validation_results`` has the others."""

_COLUMNS = {"check": "rule", "severity": "severity", "row": "key", "value": "value", "expected": "bound"}
"""Column shown → column of ``validation_results``."""


def specs(table: Table, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of a table. Each can hold the city; only what blocks does (``results`` gives it as an error).

    They have no partitions, which Dagster calls a preview of which patches may break (1.13); each night is one run.
    """
    return [dg.AssetCheckSpec(group, asset=key, blocking=True, description=GROUPS[group]) for group in groups(table)]


def results(table: Table, verdicts: Sequence[Verdict], city: str, day: date) -> Iterator[dg.AssetCheckResult]:
    """The outcome of each check on a delivery day, the gravest findings first."""
    for group, judged in by_group(table, verdicts).items():
        order = sorted(judged, key=lambda verdict: GRADES.index(verdict.verdict), reverse=True)
        found = [verdict for verdict in order if verdict.verdict in ("warn", "withhold", "block")]
        noted = [verdict for verdict in order if verdict.verdict == "note"]
        blocks = gate.blocks(found)
        yield dg.AssetCheckResult(
            check_name=group,
            passed=not found,
            severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
            description="; ".join(f"{each.check}: {each.message}" for each in found[:3]) or None,
            metadata={"day": day.isoformat(), "judged": len(judged), **_shown([*found, *noted], city, day)},
        )


def _shown(found: Sequence[Verdict], city: str, day: date) -> dict[str, Any]:
    """What checks found: each with its counts, and a table of the rows that they name."""
    if not found:
        return {}
    told: dict[str, Any] = {"findings": dg.MetadataValue.md("\n".join(map(_words, found[:SHOWN])))}
    rows = gate.results(found, city, day)
    if rows.height:
        told["rows"] = dg.MetadataValue.table(
            [dg.TableRecord(row) for row in rows.head(SHOWN).select(**_COLUMNS).to_dicts()],
            schema=dg.TableSchema([dg.TableColumn(name, "string") for name in _COLUMNS]),
        )
    return told


def _words(verdict: Verdict) -> str:
    """What a check found, and below it what is expected and what to do, in both languages."""
    told = f"- **{verdict.check}** ({verdict.verdict}, {verdict.failed} of {verdict.checked}): {verdict.message}"
    words = advice(TABLES[verdict.table], verdict.check)
    if words is None:
        return told
    # The words of a suite's rule are its message already.
    lines = [words.th] if words.en.rstrip(".") in verdict.message else [words.en, words.th]
    return "\n".join([told, *(f"  - {line}" for line in lines)])
