"""Words for a table that no layout takes: the header it has, and what the layout that is nearest to it lacks."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from assets.meters.formats import clock, tabular
from assets.meters.formats.content import Content
from assets.meters.formats.layouts import Layout

_SHOWN = 12
"""Columns that are named of a header."""
_SOUGHT = 30
"""Lines among which a header is looked for."""
_OBIS = r"(?:[0-9]-[0-9]:)?[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,3}(?:\*[0-9]{1,3})?"
"""A register's code (IEC 62056-61), which names a column as a word does."""
_ALIKE = 0.8
"""difflib's ratio from which a column is taken for one that was misspelt."""


def told(content: Content, layouts: Iterable[Layout]) -> str:
    """The header line found, its columns, and what the nearest of ``layouts`` lacks; blank where there is no table."""
    tables = [lines[:_SOUGHT] for lines in tabular.heads(content)]
    heads = [
        (at, names, _is_header(names, below))
        for lines in tables
        for (at, names), *below in _tails(lines)
        if sum(map(bool, names)) > 1
    ]
    ranked = [
        (len(lacks) / len(wanted), at, names, layout, lacks)
        for layout in layouts
        if layout.width is None
        for wanted in [sorted(set(layout.required))]
        for at, names, is_header in heads
        if len(lacks := [name for name in wanted if name not in names]) < len(wanted)
        # Of a line that is a header for certain, words nearly alike are enough.
        or (is_header and len(_alike(names, wanted)) * 2 >= len(wanted))
    ]
    if ranked:
        _, at, names, layout, lacks = min(ranked, key=lambda each: each[0])
        return f"{_header(at, names)}; nearest is the layout {layout.name}, {_lacking(names, layout, lacks)}"
    headers = [head for lines in tables for head, *below in _tails(lines) if _is_header(head[1], below)]
    best = max(headers, key=lambda each: (sum(map(bool, each[1])), -each[0]), default=None)
    return _header(*best) if best else ""


def _tails(lines: list[tuple[int, list[str]]]) -> Iterator[list[tuple[int, list[str]]]]:
    return (lines[at:] for at in range(len(lines)))


def _is_header(names: list[str], below: list[tuple[int, list[str]]]) -> bool:
    """Whether a line names columns: words, over a row of digits. What stands before a header (a customer's name and
    account, an address) may be of as many cells, and is never told."""
    told = [name for name in names if name]
    if len(told) < 2 or not all(re.search(r"[^\W\d_]", name) or re.fullmatch(_OBIS, name) for name in told):
        return False
    values = next(([cell for cell in cells if cell] for _, cells in below if sum(map(bool, cells)) > 1), [])
    return (
        len(told) / 2 <= len(values) <= len(names) and sum(bool(re.search(r"\d", v)) for v in values) > len(values) / 2
    )


def _header(at: int, names: list[str]) -> str:
    # A long number may be a meter's, wherever it stands.
    shown = [f"'{re.sub('[0-9]{5,}', lambda found: '9' * len(found[0]), name[:40])}'" for name in names if name]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return f"line {at} has the columns {', '.join(shown[:_SHOWN])}{more}"


def _lacking(names: list[str], layout: Layout, lacks: list[str]) -> str:
    if lacks:
        alike = _alike(names, lacks)
        hints = [f"'{name}' ('{alike[name]}' is like it)" if name in alike else f"'{name}'" for name in lacks]
        return f"which has also {', '.join(hints)}"
    if layout.wide is not None and layout.wide.columns is not None:
        count = sum(bool(re.fullmatch(layout.wide.columns, name)) for name in names)
        whole = clock.DAY // layout.minutes
        return f"of whose {whole} interval columns {count} match the pattern {layout.wide.columns}"
    if layout.points:
        return f"of which no column matches {layout.points.columns}"
    if layout.exact:
        return "which has no other columns"
    return f"whose delimiter is '{layout.delimiter}'" + ("" if layout.automatic else ", and which must be named")


def _alike(names: list[str], wanted: Iterable[str]) -> dict[str, str]:
    """Wanted columns that are there but for their spelling, and how they are spelt."""
    folded = {name.casefold(): name for name in names}
    close = {name: get_close_matches(name.casefold(), list(folded), 1, _ALIKE) for name in wanted}
    return {name: folded[found[0]] for name, found in close.items() if found}
