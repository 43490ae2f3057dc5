"""What changed between two snapshots of a city, from what was published of them alone."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from assets.landing.store import Damaged, Store
from assets.snapshots.build import prefix
from assets.snapshots.history import Entry, manifest
from quality.tables import TABLES

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True)
class TableDiff:
    """How a table of one snapshot differs from that of another. Rows are told apart by the table's key.

    ``rows`` before and after, None where it is not published; ``changed`` rows have another value in one of
    ``columns``, each with how many. Lineage counts for nothing: what comes again unchanged is unchanged.
    ``cells`` are the rows by their key, with ``change`` and, of changed ones a line a value, ``column``, ``before`` and
    ``after`` as texts.
    """

    table: str
    rows: tuple[int | None, int | None]
    added: int
    removed: int
    changed: int
    columns: Mapping[str, int]
    cells: pl.DataFrame


@dataclass(frozen=True)
class Diff:
    """``tables`` that differ, and those whose being ``withheld`` does, with the reason before and after. A table
    that is withheld on either side has no rows to compare: they are neither new nor gone."""

    tables: Sequence[TableDiff]
    withheld: Mapping[str, tuple[str | None, str | None]]


def diff(store: Store, before: Entry, after: Entry) -> Diff:
    """What changed from one commit of a city to another. Raises ``Damaged`` where a manifest is not as committed."""
    old, new = manifest(store, before), manifest(store, after)
    found = [
        compare(name, _rows(store, before, name, old["tables"]), _rows(store, after, name, new["tables"]))
        for name in _differing(old, new)
    ]
    return Diff(found, _withheld(old, new))


def changes(store: Store, before: Entry, new: Mapping[str, Any], tables: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """What the manifest ``new`` of ``tables`` tells of how it differs from the commit ``before``: numbers of rows and
    values by table, None where that snapshot is no more, or not whole; and the tables that became ``withheld`` or are
    published again, with the reason before and after."""
    told: dict[str, Any] = {"since": before.snapshot_id, "day": before.day.isoformat(), "tables": None, "withheld": {}}
    try:
        old = manifest(store, before)
        names = _differing(old, new)
        found = [compare(name, _rows(store, before, name, old["tables"]), tables.get(name)) for name in names]
    except (Damaged, FileNotFoundError, pl.exceptions.PolarsError):
        return told
    parts = ("added", "removed", "changed", "columns")
    rows = {each.table: {part: getattr(each, part) for part in parts} for each in found}
    return told | {"tables": rows, "withheld": _withheld(old, new)}


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Tables that have other files in two manifests: the name of a file tells its content, and a table without rows has
    none."""
    was, now = ({name: told["files"] for name, told in of["tables"].items() if told["files"]} for of in (old, new))
    untold = {*_reasons(old), *_reasons(new)}
    return sorted(name for name in {*was, *now} - untold if was.get(name) != now.get(name))


def _withheld(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[str | None, str | None]]:
    """Tables that one manifest withholds and the other does not, or for another reason: the reason before and after."""
    was, now = _reasons(old), _reasons(new)
    return {name: (was.get(name), now.get(name)) for name in sorted({*was, *now}) if was.get(name) != now.get(name)}


def _reasons(told: Mapping[str, Any]) -> dict[str, str]:
    return {name: table["reason"] for name, table in told.get("withheld", {}).items()}


def compare(name: str, before: pl.DataFrame | None, after: pl.DataFrame | None) -> TableDiff:
    """How the rows of a table differ; None where it is not published, of one of both at most."""
    there = before if after is None else after
    assert there is not None
    was, now = (there.clear() if frame is None else frame for frame in (before, after))
    shared = [each for each in now.columns if each in was.columns and not each.startswith("_")]
    # Without a key, of a table that is no more, a row is the same or another.
    key = [each for each in TABLES[name].key if each in shared] if name in TABLES else shared
    values = [each for each in shared if each not in key]
    told = [*(pl.col(each).cast(now.schema[each]) for each in key), *(pl.col(each).cast(pl.String) for each in values)]
    was, now = was.select(told), now.select(told)
    both = was.join(now, on=key, how="inner", nulls_equal=True, suffix=_AFTER)
    differs = {each: pl.col(each).ne_missing(pl.col(each + _AFTER)) for each in values}
    removed, added = (
        one.join(other, on=key, how="anti", nulls_equal=True).select(*key) for one, other in ((was, now), (now, was))
    )
    lines = {
        each: both.filter(differ).select(*key, column=pl.lit(each), before=each, after=each + _AFTER)
        for each, differ in differs.items()
    }
    parts = [(REMOVED, removed), (ADDED, added), *((CHANGED, line) for line in lines.values())]
    cells = pl.concat([rows.with_columns(change=pl.lit(change)) for change, rows in parts], how="diagonal")
    return TableDiff(
        table=name,
        rows=(None if before is None else before.height, None if after is None else after.height),
        added=added.height,
        removed=removed.height,
        changed=both.filter(pl.any_horizontal(differs.values())).height if differs else 0,
        columns={each: line.height for each, line in lines.items() if line.height},
        cells=cells.sort(*key, "change", maintain_order=True, nulls_last=False),
    )


_AFTER = "\0after"
"""Ends the names of the later snapshot's columns; no column has it."""


def _rows(store: Store, entry: Entry, name: str, tables: Mapping[str, Any]) -> pl.DataFrame | None:
    if name not in tables:
        return None
    at = prefix(entry.city, entry.snapshot_id)
    parts = [pl.read_parquet(io.BytesIO(store.read(f"{at}/{path}"))) for path in tables[name]["files"]]
    # A table without rows has no file.
    return pl.concat(parts) if parts else TABLES[name].empty() if name in TABLES else None
