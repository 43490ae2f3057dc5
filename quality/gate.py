"""The gate: everything that is asked of a table, in one place.

Structure, keys and the contract block; rows that would mislead withhold; statistics, completeness and freshness warn
(``quality.verdicts`` has the rule of severity). Every table of the lake passes here but the operating ones, which are
Muang's own ledger.
"""

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

import polars as pl

from quality import disclosure, expectations
from quality.advice import advice
from quality.contracts import Table
from quality.suites.suite import ROWS
from quality.tables import TABLES, VALIDATION_RESULTS, VERDICTS
from quality.verdicts import Verdict, by_row, contract, freshness, keys, of_group, structure, together, worst


def judge(
    table: Table,
    pieces: pl.DataFrame | Iterable[pl.DataFrame],
    newest: date | None,
    day: date,
    whole: pl.DataFrame | None = None,
    more: Iterable[Verdict] = (),
    city: str | None = None,
) -> list[Verdict]:
    """Verdicts of a table on delivery day ``day``, one a check.

    ``pieces`` are the rows that the step wrote, or parts of them that share no key, of which one is looked at after
    another. ``newest`` is the table's newest day, ``whole`` the whole table where rules look ``across`` it; ``more``
    are verdicts that only who made the rows can give. ``city``: whose bounds the table's suite has.
    """
    shapes = [structure(table, table.empty())]
    found_by_row: list[Verdict] = []
    asked = [expectations.asked(table, table.empty())]
    for rows in (pieces,) if isinstance(pieces, pl.DataFrame) else pieces:
        shapes.append(structure(table, rows))
        if not blocks(shapes):  # else nothing else can be asked
            found_by_row += of_group("contract", [keys(table, rows), contract(table, rows)])
            found_by_row += of_group("plausible", by_row(table, rows))
            asked.append(expectations.asked(table, rows))
    found = [*of_group("contract", worst(shapes)), *together(found_by_row)]
    if not blocks(found):
        frames = {name: pl.concat([part[name] for part in asked]) for name in asked[0]}
        rows = frames[ROWS]
        found += of_group("suite", expectations.judge(table, frames, city))
        if rows.height:
            found += of_group("plausible", (verdict for rule in table.rules for verdict in rule(table, rows)))
    if whole is not None:
        found += of_group("cross", (verdict for rule in table.across for verdict in rule(table, whole)))
    return worst([*found, *of_group("freshness", [freshness(table, newest, day)]), *more])


def blocks(verdicts: Iterable[Verdict]) -> bool:
    """Whether any of them holds the table back."""
    return any(verdict.verdict == "block" for verdict in verdicts)


def to_frame(verdicts: Iterable[Verdict], day: date, before: pl.DataFrame | None = None) -> pl.DataFrame:
    """Verdicts of a run on delivery day ``day`` in the schema of table ``verdicts``; ``before`` are those of the night
    before, which tell since when one does not pass."""
    rows = [
        {
            "table": verdict.table,
            "check": verdict.check,
            "day": day,
            **_advice(verdict),
            "verdict": verdict.verdict,
            "checked": verdict.checked,
            "failed": verdict.failed,
            "message": verdict.message,
            "since": None if verdict.verdict == "pass" else day,
        }
        for verdict in verdicts
    ]
    told = pl.DataFrame(rows, schema=VERDICTS.schema)
    return told if before is None else _standing(told, before, VERDICTS)


def _advice(verdict: Verdict) -> dict[str, str]:
    words = None if verdict.verdict == "pass" else advice(TABLES[verdict.table], verdict.check)
    return {"advice_en": words.en, "advice_th": words.th} if words else {}


def results(verdicts: Iterable[Verdict], city: str, day: date, before: pl.DataFrame | None = None) -> pl.DataFrame:
    """The rows that verdicts show, in the schema of table ``validation_results``, and the days of misleading ones that
    they do not show; of tables of customers none."""
    rows = [
        {
            "suite": verdict.table,
            "rule": verdict.check,
            "day": day,
            "key": _json(shown, set(shown) - set(verdict.shows)),
            "value": _json(shown, verdict.shows),
            "bound": verdict.bound or verdict.message,
            "severity": _severity(verdict, at),
            "since": day,
        }
        for verdict in verdicts
        if not TABLES[verdict.table].of_customers
        for at, shown in enumerate(verdict.sample)
    ]
    rows += [
        {
            "suite": verdict.table,
            "rule": verdict.check,
            "day": day,
            "key": _json({TABLES[verdict.table].day: wrong}, [TABLES[verdict.table].day]),
            "value": "{}",
            "bound": verdict.bound or verdict.message,
            "severity": "withhold",
            "since": day,
        }
        for verdict in verdicts
        if verdict.misleading > len(verdict.sample) and not TABLES[verdict.table].of_customers
        for wrong in verdict.days
    ]
    told = pl.DataFrame(rows, schema=VALIDATION_RESULTS.schema).unique(VALIDATION_RESULTS.key, maintain_order=True)
    return told if before is None or told.is_empty() else _standing(told, before, VALIDATION_RESULTS)


def _severity(verdict: Verdict, at: int) -> str:
    """What the row at a place of a verdict's sample does to indicators that rest on it."""
    if verdict.verdict == "note":
        return "note"
    return "withhold" if at < verdict.misleading or verdict.verdict == "block" else "warn"


def withheld(verdicts: pl.DataFrame) -> dict[str, str]:
    """Tables that are not published, with the reason as it may be published, by rows of ``VERDICTS``: those that a
    check withholds, and what is made of them."""
    told = disclosure.published(verdicts.filter(verdict="withhold").select(VERDICTS.schema.names()))
    found: dict[str, str] = {}
    for name, check, message in told.select("table", "check", "message").iter_rows():
        found[name] = f"{found[name]}; {check}: {message}" if name in found else f"{check}: {message}"
    more = found
    while more:
        more = {
            table.name: f"made of {source}, which is withheld"
            for table in TABLES.values()
            for source in (table.derived_from, *table.also_from)
            if source in found and table.name not in found
        }
        found |= more
    return found


def _standing(told: pl.DataFrame, before: pl.DataFrame, table: Table) -> pl.DataFrame:
    """What was told already the night before stands since then."""
    known = before.select(*table.key, _since="since")
    since = pl.when(pl.col("since").is_not_null()).then(pl.coalesce("_since", "since"))
    joined = told.join(known, on=table.key, how="left", maintain_order="left")
    return joined.with_columns(since=since).select(table.schema.names())


def _json(row: dict[str, Any], names: Iterable[str]) -> str:
    wanted = set(names)
    told = {name: value for name, value in row.items() if name in wanted and value is not None}
    return json.dumps(told, ensure_ascii=False, default=str)
