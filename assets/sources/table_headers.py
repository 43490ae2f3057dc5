"""Where the header of a published table is: below titles, in several rows, and below again where a further table is.

Offices merge the cells of a header over columns (a group above its classes or years) and over rows; saved, only the
first of merged cells has the text.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import polars as pl

from assets.sources import thai
from assets.sources.long_table_headers import COLUMNS

Cells = Sequence[str | None]
"""Of a row, without outer blanks; blank ones are empty or None."""

ABOVE: Final = 15
"""Rows of a table among which its header is."""

NAMELESS: Final = "_duplicated_"
"""How columns without a name are called, as Polars does."""

_LEVELS: Final = 3
"""Rows that a header takes at most: a group, years, classes."""

_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+|-+|–")
_BARE = re.compile(r"[(\[]?(\d{1,4})(?:\.0+)?[)\]]?")
_ORDINAL = re.compile(r"[(\[]?(?P<number>\d{1,2})[)\]]?(?:\s*=.*)?")
_YEAR = re.compile(r"(?:19|20|24|25)\d\d")
_UNIT = re.compile(r"[(\[（][^()\[\]]+[)\]）]")
_BEFORE_UNIT = re.compile(r"(.*?)\s*(\([^()0-9]+\))")
_DIGITS = r"^\s*(?:[-+]?[\d,]*\.?\d+|-+)\s*$"
_YEARS = r"^\s*(?:19|20|24|25)\d\d\s*$"
_MOSTLY: Final = 0.9
"""Share of a column's values from which it is one of numbers: a few are marks for "missing"."""

_KNOWN: Final = frozenset(thai.folded(name) for names in COLUMNS.values() for name in names)


def header_at(rows: Sequence[Cells]) -> int | None:
    """Place of the header among the first rows of a table: a title fills a cell or two, a header most columns. None
    where no row has two cells."""
    filled = [sum(bool(cell) for cell in cells) for cells in rows]
    if max(filled, default=0) < 2:
        return None
    at = next(at for at, count in enumerate(filled) if count * 2 > max(filled))
    if filled[at] < 2:
        return None
    # A row of groups may fill less than half; what stands in the first column alone is a title.
    while at and any(rows[at - 1][1:]) and _lacking(rows[at]) and continued(rows[at - 1 :])[1] > 1:
        at -= 1
    return at


def continued(rows: Sequence[Cells]) -> tuple[list[str], int]:
    """Names of the columns below a header, and the rows that it takes. A header that does not name each column goes on
    in the row below where both do, or where units stand there in brackets."""
    names, first = [cell or "" for cell in rows[0]], [cell or "" for cell in rows[0]]
    taken = 1
    while taken < min(_LEVELS, len(rows) - 1):
        cells = [cell or "" for cell in rows[taken]][: len(names)]
        cells += [""] * (len(names) - len(cells))
        deeper = _deeper(names, cells)
        if deeper is None:
            break
        names, taken = deeper, taken + 1
    values = rows[taken] if taken < len(rows) else ()
    return (names, taken) if any(_NUMBER.fullmatch(cell or "") for cell in values) else (first, 1)


def _deeper(names: Sequence[str], cells: Sequence[str]) -> list[str] | None:
    """Names together with the ``cells`` below; None where these are none of a header."""
    filled = [cell for cell in cells if cell]
    of_units = bool(filled) and all(_UNIT.fullmatch(cell) and not _ORDINAL.fullmatch(cell) for cell in filled)
    if filled and all(map(_ORDINAL.fullmatch, filled)):
        return None
    if not filled or any(_NUMBER.fullmatch(cell) and not _YEAR.fullmatch(cell) for cell in filled):
        return None
    group, found, counts = "", list[str](), Counter(names)
    following = [*names[1:], "-"]
    alone = [bool(name) and counts[name] == 1 and bool(after) for name, after in zip(names, following, strict=True)]
    for name, cell, single in zip(names, cells, alone, strict=True):
        group = name or group
        below = cell and cell != name and not (single and of_units and not _UNIT.fullmatch(cell))
        found.append(_named(name if single else group, cell) if below else name)
    # Of cells that were merged over rows the lower ones are blank.
    over_rows = not any(alone) or any(
        single and (not cell or cell == name) for single, name, cell in zip(alone, names, cells, strict=True)
    )
    return found if of_units or (over_rows and _lacking(found) < _lacking(names)) else None


def _named(group: str, cell: str) -> str:
    """A unit stays at the end: ``ผู้ป่วย (คน)`` over ``ชาย`` is ``ผู้ป่วย ชาย (คน)``."""
    unit = _BEFORE_UNIT.fullmatch(group)
    return f"{unit[1]} {cell} {unit[2]}" if unit and not _UNIT.fullmatch(cell) else f"{group} {cell}".strip()


def _lacking(names: Cells) -> int:
    return len(names) - len({name for name in names if name})


def numbered(names: Sequence[str]) -> str:
    """Words where columns of numbers are called by numbers alone that are no years, and not the twelve months.

    They may be quarters, days, ages, years of two digits, or counted columns, and nothing tells which.
    """
    plain = [(name, _BARE.fullmatch(thai.ascii_digits(name).strip())) for name in names]
    bare = [(name, int(found[1])) for name, found in plain if found]
    if not bare or sorted(number for _, number in bare) == list(range(1, 13)):
        return ""
    shown = ", ".join(name for name, _ in bare[:5])
    return f"columns are called by numbers alone ({shown}): name what they are in the header, or them in ignored"


def counted(rows: pl.DataFrame) -> bool:
    """Whether the first row counts the columns, ``(1) (2) (3)`` or ``1 2 3``, and is part of the header.

    Without brackets it may be data, unless one of the numbers stands where others have words or years.
    """
    names = [name for name in rows.columns if name != "_row"]
    first = [(rows[name][0] or "").strip() for name in names] if rows.height else []
    found = [_ORDINAL.fullmatch(cell) for cell in first]
    numbers = [int(each["number"]) for each in found if each]
    if len(numbers) < 2 or len(numbers) < sum(map(bool, first)) or numbers != list(range(numbers[0], numbers[-1] + 1)):
        return False
    if numbers[0] > 2:  # the first column may have none
        return False
    if all(cell.startswith(("(", "[")) for cell in first if cell):
        return True
    rest = rows.slice(1).select(pl.col(names).str.strip_chars().replace("", None))
    words = (~pl.col(names).str.contains(_DIGITS) | pl.col(names).str.contains(_YEARS)).all()
    return bool(rest.height) and any(rest.select(words).row(0))


def unique(header: Sequence[str]) -> list[str]:
    """Names of columns, a repeated one marked as Polars does."""
    seen, names = Counter[str](), list[str]()
    for name in header:
        names.append(f"{name}_duplicated_{seen[name] - 1}" if seen[name] else name)
        seen[name] += 1
    return names


def headers_below(rows: pl.DataFrame) -> list[int]:
    """Places of the rows of a table that are a header again: of nothing but names, half of which are known or this
    table's own, or, behind a gap, names in all its columns of numbers."""
    names = [name for name in rows.columns if name != "_row"]
    known = _KNOWN | {thai.folded(name) for name in names}
    text = rows.select("_row", pl.col(names).str.strip_chars().replace("", None))
    cell, filled = pl.col(names), pl.sum_horizontal(pl.col(names).is_not_null())
    number = cell.str.contains(_DIGITS) & ~cell.str.contains(_YEARS)
    behind = (pl.col("_row") - pl.col("_row").shift() > 1) | (filled.shift() == 1)
    # Most spellings: rows of which no cell is one need not be looked at one by one.
    spelt = cell.str.to_lowercase().str.replace_all(r"[\s_.\-]+", "").is_in(list(known)).fill_null(value=False)
    named = (
        text.with_columns(_at=pl.int_range(pl.len()), _gap=behind.fill_null(value=False))
        .filter((filled > 1) & ~pl.any_horizontal(number.fill_null(value=False)))
        .filter(pl.col("_gap") | pl.any_horizontal(spelt))
        .with_columns(cell.fill_null(""))
    )
    if not named.height:
        return []
    values = text.filter(~pl.int_range(pl.len()).is_in(named["_at"].implode()))
    digits = values.select((cell.str.contains(_DIGITS).sum() >= _MOSTLY * cell.count()) & (cell.count() > 0))
    numbers = [name for name in names if digits[name].item()]
    found = list[int]()
    for row in named.iter_rows(named=True):
        cells = [row[name] for name in names if row[name]]
        told = sum(thai.folded(cell) in known for cell in cells) * 2 >= len(cells)
        over = [row[name] for name in numbers]
        worded = len(numbers) > 1 and row["_gap"] and all(re.search(r"[^\W\d_]{2}", each) for each in over)
        if told or (worded and thai.PENDING not in over):
            found.append(row["_at"])
    return found
