"""JSON in its common shape: lists of objects, each a reading; what stands around one (a meter, a unit) is of all."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl


def table(text: str) -> pl.DataFrame:
    """``row`` and ``cells`` of the objects that lie in lists: first the names of all their fields, then a row each.

    Numbers are told from texts by having no zeros behind their point, as a workbook's. An object that holds others
    gives its own fields to them.
    """
    found = list(_rows(json.loads(text, parse_float=_number, parse_int=str), {}, listed=False))
    names = list(dict.fromkeys(name for row in found for name in row))
    cells = [names, *([_text(row.get(name)) for name in names] for row in found)] if found else []
    numbers = pl.int_range(1, len(cells) + 1, dtype=pl.Int64, eager=True).alias("row")
    return pl.DataFrame([numbers, pl.Series("cells", cells, pl.List(pl.String))])


def _rows(node: Any, around: Mapping[str, Any], *, listed: bool) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, list):
        for each in node:
            yield from _rows(each, around, listed=True)
    elif isinstance(node, dict):
        inner = [value for value in node.values() if isinstance(value, dict | list)]
        own = {**around, **{name: value for name, value in node.items() if not isinstance(value, dict | list)}}
        if listed and not inner:
            yield own
        for each in inner:
            yield from _rows(each, own, listed=False)


def _number(text: str) -> str:
    return text if "e" in text.lower() else text.rstrip("0").rstrip(".")


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
