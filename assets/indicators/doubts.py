"""An indicator is never better than the verdicts on the rows it is made of.

What the night's checks found of a table (``validation_results``: the rows, by their keys) lowers the indicators that
rest on these rows: those whose sources name the table and, where the key tells a data set, that one, and whose period
the rows lie in. What rests on rows that mislead, or on a table that is withheld, has no value.

Of customers no rows are told: energy is lowered by the verdicts on the tables of meter values (``OF_VALUES``).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any, Final

import polars as pl

from quality import disclosure, source_watch
from quality.contracts import Table
from quality.scores import dimension
from quality.suites.suite import TOLD, suite
from quality.tables import (
    DELIVERIES,
    INDICATORS,
    LOAD_PROFILE,
    METERS,
    QUARANTINE,
    TABLES,
    VALIDATION_RESULTS,
    VERDICTS,
)
from quality.vee.rules import RULES

OURS: Final = ("place-swapped", "value-range", "value-future", "value-not-number", "key-duplicate", "stamp-bad")
"""Codes of rows that are refused though they are the city's: what has no place may be anybody's."""

ENOUGH_LOST: Final = 0.05
"""Part of a night's rows that may be refused before a count of them is lowered, and of what a check of meter values
looked at, from which it lowers their energy: a city of 100,000 meters has some of any kind every night."""

OF_VALUES: Final = ("uniqueness", "consistency", "accuracy")
"""Dimensions of checks that doubt meter values which are there and used: what is lacking or late is in the coverage,
and what is no value was refused."""

UNSEEN: Final = timedelta(days=source_watch.NIGHTS)
"""How long a list holds of which no answer came: of stops, sites and data sets few change in a month."""

DIVISOR: Final = timedelta(days=2 * 366)
"""How far from a number's period the persons may be counted that it is divided by."""

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


@dataclass(frozen=True)
class Findings:
    """What a night told of its tables: ``results`` are its ``validation_results``, ``refused`` its ``quarantine``,
    ``came`` its ``deliveries``, ``verdicts`` those on what the newest load profile is made of; ``withheld`` are the
    tables that are not published, with the reasons."""

    results: pl.DataFrame = field(default_factory=VALIDATION_RESULTS.empty)
    refused: pl.DataFrame = field(default_factory=QUARANTINE.empty)
    came: pl.DataFrame = field(default_factory=DELIVERIES.empty)
    verdicts: pl.DataFrame = field(default_factory=VERDICTS.empty)
    withheld: Mapping[str, str] = field(default_factory=dict)


def lowered(rows: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """Rows of ``indicators`` as the night's checks leave them: ``partial`` or ``withheld``, with the reason, where one
    found a row that the number is made of, or its table is withheld; ``partial`` as well where a part of what came for
    the table was refused, and where verdicts warn of many meter values; ``stale`` where the source of a list is silent.
    In the order and schema of ``rows``.
    """
    doubts = [_Doubt(name, f"{name} is withheld: {reason}", "withheld") for name, reason in findings.withheld.items()]
    doubts += [*_doubts(findings.results), *_lost(findings.refused, findings.came), *_of_meters(findings.verdicts)]
    if not doubts:
        return rows
    return pl.DataFrame([_judged(row, doubts) for row in rows.iter_rows(named=True)], schema=rows.schema)


def _doubts(results: pl.DataFrame) -> Iterator[_Doubt]:
    for found in results.sort("suite", "rule", "key").iter_rows(named=True):
        table = TABLES.get(found["suite"])
        if table is None or table is INDICATORS or found["severity"] == "note":
            continue
        if found["rule"] in _told_rules(table.name):
            continue
        key = json.loads(found["key"])
        if found["rule"] == source_watch.CHECK:
            yield from _silent(table, key, json.loads(found["value"]), found["day"])
            continue
        # A check may be about a delivery, of which the day is told elsewhere, and no row.
        if not set(key) & {*table.key, table.day}:
            continue
        yield _Doubt(
            table.name,
            f"{table.name}, check {found['rule']}: {found['bound']}",
            "withheld" if found["severity"] == "withhold" else "partial",
            frozenset(str(one) for name, one in key.items() if name in ("dataset", "dataset_other", "feed")),
            key.get("item"),
            _day(key, table.day),
        )


def _silent(table: Table, key: Mapping[str, Any], told: Mapping[str, Any], night: date) -> Iterator[_Doubt]:
    """A list that is told anew with every answer, and of which none came for ``UNSEEN``: who knows what it has now."""
    if key.get("event") == source_watch.SILENT and table.listed_by:
        last = date.fromisoformat(told["last_good"])
        if night - last > UNSEEN:
            yield _Doubt(table.name, f"{table.name}: {key['source']} has not answered since {last}", "stale")


@cache
def _told_rules(name: str) -> frozenset[str]:
    """Rules of a table's suite that ask whether a value is there: in a row without one there is nothing that a number
    is made of, and what a number lacks its own coverage tells."""
    return frozenset(rule.id for rule in suite(TABLES[name]).rules if rule.expect == TOLD)


def _lost(refused: pl.DataFrame, came: pl.DataFrame) -> Iterator[_Doubt]:
    """Tables of which rows that are the city's were refused tonight, ``ENOUGH_LOST`` of them or more."""
    kept = came.group_by("table").agg(rows=pl.col("rows").sum())
    lost = refused.filter(pl.col("code").is_in(OURS)).group_by("table", "code").agg(lost=pl.len())
    shares = lost.join(kept, on="table").filter(pl.col("lost") >= ENOUGH_LOST * (pl.col("lost") + pl.col("rows")))
    for table, code, count, rows in shares.sort("table", "code").iter_rows():
        if table in TABLES and "dataset" not in TABLES[table].key:
            bound = f"{count} of {count + rows} rows of the night were refused"
            yield _Doubt(table, f"{table}, check deliveries_{code}: {bound}", "partial")


def _of_meters(verdicts: pl.DataFrame) -> Iterator[_Doubt]:
    """What many meters have and the load profile is made of all the same. Suspect values it is not made of; a note of
    ``meter_final`` that warns is of many meters of one day."""
    suspect, notes = ([rule.code for rule in RULES if rule.severity == each] for each in ("suspect", "note"))
    warned = verdicts.filter(
        pl.col("table").is_in(_of_meter_values()),
        (pl.col("failed") >= ENOUGH_LOST * pl.col("checked")) | pl.col("check").is_in(notes),
        ~pl.col("check").is_in([*suspect, source_watch.CHECK]),
        verdict="warn",
    )
    for name, check in warned.select("table", "check").unique().sort("table", "check").iter_rows():
        if dimension(check) in OF_VALUES:
            yield _Doubt(LOAD_PROFILE.name, f"{name}, check {check}: {disclosure.rule(TABLES[name], check)}", "partial")


@cache
def _of_meter_values() -> frozenset[str]:
    """The tables that the load profile is made of, the register of meters by which its coverage is counted, and what is
    made of these, as the balance of feeders. Not what registers read: that is of some meters alone, and a rule of
    ``meter_final`` holds it against their intervals."""
    made_of, name = [METERS.name, LOAD_PROFILE.name], LOAD_PROFILE.derived_from
    while name:
        made_of.append(name)
        name = TABLES[name].derived_from
    return frozenset(made_of) | {table.name for table in TABLES.values() if table.derived_from in made_of}


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
    part = next((each for each in sources.split(";") if _named(doubt.table, each)), None)
    if part is None:
        return False
    # A table alone is named where any of its data sets may be the one.
    if doubt.datasets and part.strip() != doubt.table and not any(name in sources for name in doubt.datasets):
        return False
    # A published series is called by its data set, item and unit.
    series = [name for name in doubt.datasets if row["indicator"].startswith(f"{name}:")]
    if series and doubt.item and f":{doubt.item}:" not in row["indicator"]:
        return False
    # What a number is divided by is of another day than what is counted, and is named after it.
    near = timedelta() if _named(doubt.table, sources.partition(";")[0]) else DIVISOR
    return doubt.day is None or row["period_start"] - near <= doubt.day <= row["period_end"] + near


def _named(table: str, sources: str) -> bool:
    return re.search(rf"(?<![a-z_]){re.escape(table)}(?![a-z_])", sources) is not None
