"""JSON in its common shape: lists of objects, each a reading; what stands around one (a meter, a unit) is of all."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import polars as pl

_AGAIN: Final = "\0"
"""Behind a name that an object has twice: as a column it has the name itself, so that two columns have it."""
_MANY: Final = 4
"""Objects in a list within another, from which they are its readings, and of one whose list is empty there are none; a
reading has fewer events."""

LIST: Final = "(list)"
"""Column of the name that a list has, where an object has several: they may be meters, or directions."""


@lru_cache(maxsize=1)
def table(text: str) -> pl.DataFrame:
    """``row`` and ``cells`` of the objects that lie in lists: first the names of all their fields, then a row each.

    Numbers are told from texts by having no zeros behind their point, as a workbook's. An object with lists of others
    gives its own fields to them, and where it has several, in ``LIST``, their names. One within a reading gives its
    fields to it, as ``usage.value``; a list of anything else is a text.
    """
    document = json.loads(text, parse_float=_number, parse_int=str, object_pairs_hook=_object)
    found = list(_rows(document, {}))
    names = list(dict.fromkeys(name for row in found for name in row))
    header = [name.rstrip(_AGAIN) for name in names]
    cells = [header, *([_text(row.get(name)) for name in names] for row in found)] if found else []
    numbers = pl.int_range(1, len(cells) + 1, dtype=pl.Int64, eager=True).alias("row")
    return pl.DataFrame([numbers, pl.Series("cells", cells, pl.List(pl.String))])


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    found.clear()
    for name, value in pairs:
        while name in found:
            name += _AGAIN
        found[name] = value
    return found


def _rows(node: Any, around: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects in lists of a ``node``, and in lists of these."""
    if isinstance(node, dict):
        own = {**around, **{name: value for name, value in node.items() if not isinstance(value, dict | list)}}
        given = {name: rows for name, each in node.items() if (rows := list(_rows(each, own)))}
        for name, rows in given.items():
            yield from rows if len(given) == 1 else ({**row, LIST: name} for row in rows)
    elif isinstance(node, list):
        objects = [(each, list(_rows(each, around))) for each in node]
        counts = [len(rows) for _, rows in objects if rows]
        holders = bool(counts) and sum(counts) >= _MANY * len(counts)
        for each, rows in objects:
            if rows or not isinstance(each, dict):
                yield from rows
            elif not (holders and [] in each.values()):
                yield {**around, **_flat(each)}


def _flat(node: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    found = dict[str, Any]()
    for name, value in node.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{within}{name}.")
        else:
            found[within + name] = json.dumps(value) if isinstance(value, list) else value
    return found


def _number(text: str) -> str:
    return text if "e" in text.lower() else text.rstrip("0").rstrip(".")


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
