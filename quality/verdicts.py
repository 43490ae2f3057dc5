"""Verdicts: what was judged, how it came out, and the evaluators that need nothing but a frame.

The rule of severity, for every check of the gate:

- **block**: structure, keys, the contract's own bounds, privacy. Rows that break a contract were refused long before
  the gate; one that is found here means that the machine cannot be trusted. It holds the city.
- **withhold**: rows that would mislead, as a slip of units does. Indicators that rest on them have no value; where they
  are too many (``weighed``), the table is not published, nor what is made of it. The rest of the city is.
- **warn**: statistics, completeness, freshness. The data may be odd, thin or old and still be the truth; it is
  published with the verdict beside it, and never holds a city back.
- **note**: what a reader should know and nobody has to look into, as a rule that is tried before it warns.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal, get_args

import polars as pl

from quality.contracts import Table

Grade = Literal["pass", "note", "warn", "withhold", "block"]
GRADES: tuple[Grade, ...] = get_args(Grade)
"""From the lightest to the gravest."""

Group = Literal["contract", "plausible", "history", "cross", "suite", "freshness", "making"]
"""What kind of rule a check is (``quality.groups``)."""

SAMPLE = 20
"""Rows shown with a verdict: enough to see the pattern, few enough for Dagster's metadata."""

HALF = 0.5
"""Share of the rows judged from which rows that mislead are no outliers: it is the column that slipped."""

LEAST = 3
"""Misleading rows from which their share says something; fewer are told one by one."""

SLIP = 8.0
"""Factor against its own past from which a value misleads: a slip of units is of ten or more, and the quantity may have
changed by a fifth meanwhile."""

FEW = 10_000
"""Rows that are sorted, or searched for keys that come twice, in less time than it takes to see that they are in order:
10,000 sorted ones in 0.25 against 0.8 ms."""

MISSING_SHARE = 0.05
"""Missing slots a city's day may have before completeness warns. Remote reading is commonly specified at 95 % or
better a day; below that a load profile starts to show the gaps and not the city."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check on one table: ``failed`` of ``checked`` rows or items broke it.

    ``sample`` holds at most ``SAMPLE`` of them as dicts, never a metering point's id. Its ``shows`` are what was
    judged, its other columns tell the row; ``bound`` is what was expected. ``misleading`` of the ``failed`` would
    mislead; they come first in the sample, and are of the table's ``days``. A grade ``withhold`` is that of the whole
    table (``weighed``).
    """

    table: str
    check: str
    verdict: Grade
    checked: int
    failed: int
    message: str
    sample: list[dict[str, Any]] = field(default_factory=list)
    shows: tuple[str, ...] = ()
    bound: str = ""
    misleading: int = 0
    days: tuple[date, ...] = ()
    group: Group = "making"


def of_group(group: Group, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The verdicts as those of a group, unless they say their own."""
    return [replace(each, group=group) if each.group == "making" else each for each in verdicts]


def weighed(verdict: Verdict) -> Verdict:
    """A verdict on misleading rows, which withholds the table where they are ``HALF`` of those judged, or more than can
    be named by key or day: then no indicator can be told apart from them. Else it warns."""
    if not verdict.misleading:
        return verdict
    most = verdict.misleading >= max(LEAST, HALF * verdict.checked)
    nameless = verdict.misleading > len(verdict.sample) and not verdict.days
    return replace(verdict, verdict="withhold" if most or nameless else "warn")


def structure(table: Table, frame: pl.DataFrame) -> Verdict:
    """Block unless ``frame`` has exactly the contract's columns, types and order."""
    expected, found = table.schema, frame.schema
    want, have = list(expected.items()), list(found.items())
    wrong = [
        {"column": name, "expected": str(expected.get(name)), "found": str(found.get(name))}
        for name in dict.fromkeys([*expected, *found])
        if expected.get(name) != found.get(name)
    ]
    if want != have and not wrong:
        wrong = [
            {"column": ours[0], "expected": f"position {position}", "found": theirs[0]}
            for position, (ours, theirs) in enumerate(zip(want, have, strict=True))
            if ours != theirs
        ]
    text = f"columns differ: {', '.join(entry['column'] for entry in wrong[:SAMPLE])}" if wrong else "as the contract"
    return Verdict(table.name, "structure", "block" if wrong else "pass", len(want), len(wrong), text, wrong[:SAMPLE])


def keys(table: Table, frame: pl.DataFrame) -> Verdict:
    """Block on a null in a key column and on rows that share a key. ``failed`` counts all rows concerned."""
    if frame.height >= FEW and ascends(frame, table.key):
        bad = frame.clear()
    else:
        null = pl.any_horizontal(pl.col(table.key).is_null())
        bad = frame.filter(null | pl.struct(table.key).is_duplicated())
    if not bad.height:
        return Verdict(table.name, "keys", "pass", frame.height, 0, "unique and complete")
    text, sample = f"{bad.height} rows without a unique, complete key", _sample(bad.select(table.key))
    return Verdict(table.name, "keys", "block", frame.height, bad.height, text, sample)


def ascends(frame: pl.DataFrame, key: Sequence[str]) -> bool:
    """Whether each row's key is greater than the one before it, as in a file sorted by key: then none is null or comes
    twice, which costs a tenth of looking for it."""
    if not frame.height or any(frame[name].null_count() for name in key):
        return False
    *before, last = key
    rises = frame.select(pl.col(last) > pl.col(last).shift()).to_series().slice(1)
    if not before:
        return bool(rises.all())
    # Where what stands before the last column changes, that has to rise: few rows, as most differ in the last alone.
    others = frame.select(pl.any_horizontal(pl.col(name) != pl.col(name).shift() for name in before)).to_series()
    if not (rises | others.slice(1)).all():
        return False
    return ascends(frame.select(before).filter(others.fill_null(value=True)), before)


def contract(table: Table, frame: pl.DataFrame) -> Verdict:
    """Block on rows that break the contract's nulls, bounds or codes."""
    problems = table.conform(frame).found
    if not problems.height:
        return Verdict(table.name, "contract", "pass", frame.height, 0, "every row keeps it")
    counts = problems.group_by("code").len("rows").sort("code")
    text = ", ".join(f"{rows} {code}" for code, rows in counts.iter_rows())
    sample = _sample(problems.select("code", "message"))
    return Verdict(table.name, "contract", "block", frame.height, problems.height, text, sample)


def by_row(table: Table, frame: pl.DataFrame) -> list[Verdict]:
    """Warn of rows that the table's rules about single rows find odd, with their keys and values; where they are half
    of a day's, they mislead."""
    if not (table.row_rules and frame.height):
        return []
    rules = {f"_{at}": rule for at, rule in enumerate(table.row_rules)}
    odd = frame.select(rule.odd.fill_null(value=False).alias(name) for name, rule in rules.items())
    judged = frame.select(rule.judged.fill_null(value=False).alias(name) for name, rule in rules.items())
    checked, failed = judged.sum().row(0, named=True), odd.sum().row(0, named=True)
    found = []
    for name, rule in rules.items():
        rows, misleads = frame.clear(), pl.lit(value=rule.severity == "withhold")
        if failed[name]:
            days = pl.DataFrame([frame[table.day].alias("day"), judged[name].alias("judged"), odd[name].alias("odd")])
            counts = days.group_by("day").agg(pl.col("judged", "odd").sum())
            slipped = counts.filter(rule.slips, pl.col("odd") >= LEAST, pl.col("odd") >= HALF * pl.col("judged"))["day"]
            rows, misleads = frame.filter(odd[name]), misleads | pl.col(table.day).is_in(slipped.implode())
        found.append(odd_rows(table, rule.check, checked[name], rows, rule.shows, rule.bound, misleads=misleads))
    return found


def odd_rows(
    table: Table,
    check: str,
    checked: int,
    rows: pl.DataFrame,
    shows: Sequence[str],
    bound: str,
    grade: Grade = "warn",
    failed: int | None = None,
    key: Sequence[str] = (),
    misleads: pl.Expr | None = None,
) -> Verdict:
    """A warning (or another ``grade``) of ``rows``, or of ``failed`` rows of which these are the first, at most
    ``SAMPLE`` of them shown by their ``key`` (the table's) and ``shows``; a pass if there are none. Of customers
    neither is shown: their rows are counted. Rows mislead that ``misleads`` says, or all where the grade is
    ``withhold``."""
    count = rows.height if failed is None else failed
    if not count:
        return Verdict(table.name, check, "pass", checked, 0, bound)
    misleading = count if grade == "withhold" else 0
    if misleads is not None:
        rows = rows.with_columns(_misleads=misleads.fill_null(value=False)).sort(
            "_misleads", descending=True, maintain_order=True
        )
        misleading = int(rows["_misleads"].sum())
    wrong = rows.head(misleading)
    days = tuple(wrong[table.day].drop_nulls().unique().sort()) if table.day in wrong.columns else ()
    if table.of_customers:
        text = f"{count} rows; expected: {bound}"
        return weighed(Verdict(table.name, check, grade, checked, count, text, misleading=misleading, days=days))
    shown = [name for name in dict.fromkeys([*(key or table.key), *shows]) if name in rows.columns]
    sample = _sample(rows.select(shown))
    first = ", ".join(f"{name} {value}" for name, value in sample[0].items() if value is not None)
    text = f"{count} of {checked} rows, first: {first}; expected: {bound}"
    return weighed(
        Verdict(table.name, check, grade, checked, count, text, sample, tuple(shows), bound, misleading, days)
    )


def freshness(table: Table, newest: date | None, day: date) -> Verdict:
    """Warn if the table's ``newest`` data day is older than ``max_age`` on delivery day ``day``, or there is none.

    Data time, not run time: a run that only repeats old data does not make it fresh.
    """
    if table.max_age is None:
        return Verdict(table.name, "freshness", "pass", 0, 0, "no age limit")
    if newest is None:
        return Verdict(table.name, "freshness", "warn", 1, 1, "no data yet")
    age, limit = (day - newest).days, table.max_age.days
    ahead = -age > table.ahead.days
    text = f"newest data is of {newest}, {age} days before {day}; limit {limit}"
    if ahead:
        text = f"newest data is of {newest}, {-age} days after {day}: that tells nothing of how old the rest is"
    wrong = ahead or age > limit
    return Verdict(table.name, "freshness", "warn" if wrong else "pass", 1, int(wrong), text)


def completeness(table: Table, metrics: pl.DataFrame) -> list[Verdict]:
    """Warn if more than ``MISSING_SHARE`` of the expected slots (``slots`` of ``metrics``) are ``missing``."""
    missing, slots = (int(metrics[name].sum()) for name in ("missing", "slots"))
    share = missing / slots if slots else 0.0
    text = f"{missing} of {slots} expected intervals missing ({share:.1%}); limit {MISSING_SHARE:.0%}"
    grade: Grade = "warn" if share > MISSING_SHARE else "pass"
    return [Verdict(table.name, "completeness", grade, slots, missing, text)]


def together(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """One verdict a table and check of those on disjoint parts of its rows: the worst, with the rows of all."""
    parts: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        parts.setdefault((verdict.table, verdict.check), []).append(verdict)
    return [
        weighed(
            replace(
                worst(sorted(part, key=lambda each: -each.failed))[0],
                checked=sum(each.checked for each in part),
                failed=sum(each.failed for each in part),
                misleading=sum(each.misleading for each in part),
                days=tuple({day for each in part for day in each.days}),
            )
        )
        for part in parts.values()
    ]


def worst(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """One verdict a table and check where several days or batches were judged: the worst, the first of equals."""
    found: dict[tuple[str, str], Verdict] = {}
    for verdict in verdicts:
        known = found.setdefault((verdict.table, verdict.check), verdict)
        if GRADES.index(verdict.verdict) > GRADES.index(known.verdict):
            found[verdict.table, verdict.check] = verdict
    return list(found.values())


def _sample(rows: pl.DataFrame) -> list[dict[str, Any]]:
    return rows.drop("meter_id", strict=False).head(SAMPLE).to_dicts()
