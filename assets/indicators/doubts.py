"""An indicator is never better than the verdicts on the rows it is made of.

What the night's checks found of a table (``validation_results``: the rows, by their keys) lowers the indicators that
rest on these rows: those whose sources name the table and, where the key tells a data set, that one, and whose period
the rows lie in. What rests on rows that mislead, or on a table that is withheld, has no value.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from quality import source_watch
from quality.tables import INDICATORS, TABLES

_WORSE: Final = ("ok", "partial", "stale", "withheld")
_NAMED: Final = 3
"""Checks that a reason names; the lake's ``validation_results`` has them all."""


@dataclass(frozen=True)
class _Doubt:
    """A row that a check found: of which table, data sets and item, on which day if its key tells one. Of a table that
    is withheld: all its rows."""

    table: str
    words: str
    verdict: str
    datasets: frozenset[str] = frozenset()
    item: str | None = None
    day: date | None = None


def lowered(rows: pl.DataFrame, results: pl.DataFrame, withheld: Mapping[str, str]) -> pl.DataFrame:
    """Rows of ``indicators`` as the night's ``validation_results`` and ``withheld`` tables (with the reasons) leave
    them: ``partial`` or ``withheld``, with the reason, where a check found a row that the number is made of. In the
    order and schema of ``rows``."""
    doubts = [_Doubt(name, f"{name} is withheld: {reason}", "withheld") for name, reason in withheld.items()]
    doubts += _doubts(results)
    if not doubts:
        return rows
    return pl.DataFrame([_judged(row, doubts) for row in rows.iter_rows(named=True)], schema=rows.schema)


def _doubts(results: pl.DataFrame) -> Iterator[_Doubt]:
    for found in results.sort("suite", "rule", "key").iter_rows(named=True):
        table = TABLES.get(found["suite"])
        if table is None or table is INDICATORS or found["severity"] == "note":
            continue
        key = json.loads(found["key"])
        # A check may be about a delivery, of which the day is told elsewhere, and no row.
        if found["rule"] == source_watch.CHECK or not set(key) & {*table.key, table.day}:
            continue
        yield _Doubt(
            table.name,
            f"{table.name}, check {found['rule']}: {found['bound']}",
            "withheld" if found["severity"] == "withhold" else "partial",
            frozenset(str(one) for name, one in key.items() if name in ("dataset", "dataset_other", "feed")),
            key.get("item"),
            _day(key, table.day),
        )


def _day(key: Mapping[str, Any], column: str) -> date | None:
    for name in (column, "start"):
        try:
            return date.fromisoformat(str(key[name])[:10])
        except (KeyError, ValueError):
            continue
    return None


def _judged(row: dict[str, Any], doubts: list[_Doubt]) -> dict[str, Any]:
    mine = [doubt for doubt in doubts if _rests_on(row, doubt)]
    if not mine:
        return row
    worst = max(*(doubt.verdict for doubt in mine), row["verdict"], key=_WORSE.index)
    told = list(dict.fromkeys(doubt.words for doubt in mine))
    more = [f"{len(told) - _NAMED} more checks"] if len(told) > _NAMED else []
    reason = "; ".join(filter(None, [row["reason"], *told[:_NAMED], *more]))
    return row | {"verdict": worst, "reason": reason, "value": None if worst == "withheld" else row["value"]}


def _rests_on(row: Mapping[str, Any], doubt: _Doubt) -> bool:
    sources = row["sources"]
    if not re.search(rf"(?<![a-z_]){re.escape(doubt.table)}(?![a-z_])", sources):
        return False
    if doubt.datasets and not any(name in sources for name in doubt.datasets):
        return False
    # A published series is called by its data set, item and unit.
    series = [name for name in doubt.datasets if row["indicator"].startswith(f"{name}:")]
    if series and doubt.item and f":{doubt.item}:" not in row["indicator"]:
        return False
    return doubt.day is None or row["period_start"] <= doubt.day <= row["period_end"]
