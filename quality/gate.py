"""The gate: everything that is asked of a table, in one place.

Structure, keys and the contract block; statistics, completeness and freshness warn (``quality.verdicts`` has the rule
of severity). Every table of the lake passes here but the operating ones, which are Muang's own ledger.
"""

from collections.abc import Iterable
from datetime import date

import polars as pl

from quality import expectations
from quality.contracts import Table
from quality.tables import VERDICTS
from quality.verdicts import Verdict, contract, freshness, keys, structure, worst


def judge(
    table: Table,
    rows: pl.DataFrame,
    newest: date | None,
    day: date,
    whole: pl.DataFrame | None = None,
    more: Iterable[Verdict] = (),
) -> list[Verdict]:
    """Verdicts of a table on delivery day ``day``, one a check.

    ``rows`` are those that the step wrote, ``newest`` is the table's newest day, ``whole`` the whole table where rules
    look ``across`` it; ``more`` are verdicts that only who made the rows can give.
    """
    found = [structure(table, rows)]
    if not blocks(found):  # else nothing else can be asked
        found += [keys(table, rows), contract(table, rows), *expectations.judge(table, rows)]
        found += [verdict for rule in table.rules if rows.height for verdict in rule(table, rows)]
    if whole is not None:
        found += [verdict for rule in table.across for verdict in rule(table, whole)]
    return worst([*found, freshness(table, newest, day), *more])


def blocks(verdicts: Iterable[Verdict]) -> bool:
    """Whether any of them holds the table back."""
    return any(verdict.verdict == "block" for verdict in verdicts)


def to_frame(verdicts: Iterable[Verdict], day: date) -> pl.DataFrame:
    """Verdicts of a run on delivery day ``day`` in the schema of table ``verdicts`` (samples stay behind)."""
    rows = [
        {
            "table": verdict.table,
            "check": verdict.check,
            "day": day,
            "verdict": verdict.verdict,
            "checked": verdict.checked,
            "failed": verdict.failed,
            "message": verdict.message,
        }
        for verdict in verdicts
    ]
    return pl.DataFrame(rows, schema=VERDICTS.schema)
