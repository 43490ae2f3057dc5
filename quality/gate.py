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
from quality.verdicts import Verdict, by_row, contract, freshness, keys, structure, together, worst


def judge(
    table: Table,
    pieces: pl.DataFrame | Iterable[pl.DataFrame],
    newest: date | None,
    day: date,
    whole: pl.DataFrame | None = None,
    more: Iterable[Verdict] = (),
) -> list[Verdict]:
    """Verdicts of a table on delivery day ``day``, one a check.

    ``pieces`` are the rows that the step wrote, or parts of them that share no key, of which one is looked at after
    another. ``newest`` is the table's newest day, ``whole`` the whole table where rules look ``across`` it; ``more``
    are verdicts that only who made the rows can give.
    """
    shapes = [structure(table, table.empty())]
    found_by_row: list[Verdict] = []
    asked = [expectations.asked(table, table.empty())]
    for rows in (pieces,) if isinstance(pieces, pl.DataFrame) else pieces:
        shapes.append(structure(table, rows))
        if not blocks(shapes):  # else nothing else can be asked
            found_by_row += [keys(table, rows), contract(table, rows), *by_row(table, rows)]
            asked.append(expectations.asked(table, rows))
    found = [*worst(shapes), *together(found_by_row)]
    if not blocks(found):
        rows = pl.concat(asked)
        found += expectations.judge(table, rows)
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
