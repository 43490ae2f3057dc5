"""Dates in numbers of a file that does not say whether the day or the month comes first.

The order of the Ministry of Transport's accident files differs from year to year, and in one of them day and month are
swapped. It is decided by evidence over the whole file: a part above 12 is a day; a file that is sorted by time falls
back where a date is read the wrong way round; and where all days above 12 stand as ``13/1/2565`` and no other does, a
spreadsheet has read the rest month first and written it as ``2565-02-01``. Where nothing tells, dates whose two parts
are both months and differ are not read.
"""

import re
from collections.abc import Mapping

import polars as pl

from assets.sources import thai

_PARTS = {
    "a/b/year": r"^(?<a>[0-9]{1,2})[/.\-](?<b>[0-9]{1,2})[/.\-](?<year>[0-9]{4})(?:[ T].*)?$",
    "year-a-b": r"^(?<year>[0-9]{4})[/.\-](?<a>[0-9]{1,2})[/.\-](?<b>[0-9]{1,2})(?:[ T].*)?$",
}
"""How a date may be shaped: two parts, in one order or the other, behind or before a year of either era."""

_SERIAL = r"^([2-6][0-9]{4})(?:\.[0-9]+)?$"
"""Days since 1899-12-30, as spreadsheets count: 1954 to 2091."""

TYPOS = 0.01
"""Share of dates against the order of all others that still counts as mistakes in writing."""

LEAST_FALLS = 4
"""Falls that one order must have more than the other, and four times as many, for the order of rows to tell: a year
read the wrong way round falls eleven times or more, a sorted file with a few late entries less."""

LEAST_LATE = 12
"""Dates, all with days above 12, that show that the others were read by a spreadsheet: by chance that is 0.6^12."""

_A, _B = "a", "b"


def dates(text: pl.Series) -> tuple[pl.DataFrame, str]:
    """``date`` and ``ambiguous`` for every text in the order of the file, and the evidence for the order in words.

    ``date`` is null where the text is no date, or is ambiguous and nothing tells its order. Also read are dates with
    the month as a word, and day numbers of a spreadsheet (45292).
    """
    clean = pl.DataFrame({"text": text}).with_columns(text=thai.clean(pl.col("text")))
    groups = {shape: pl.col("text").str.extract_groups(pattern).struct for shape, pattern in _PARTS.items()}
    parts = clean.with_columns(
        **{
            name: pl.coalesce(group.field(name) for group in groups.values()).cast(pl.Int32)
            for name in ("a", "b", "year")
        },
        shape=pl.coalesce(
            pl.when(group.field("year").is_not_null()).then(pl.lit(shape)) for shape, group in groups.items()
        ),
    ).with_columns(year=thai.common_era(pl.col("year")))
    days: dict[str, str | None] = {}
    reasons: dict[str, str] = {}
    for shape in _PARTS:
        days[shape], reasons[shape] = _by_size(parts.filter(pl.col("shape") == shape))
    if days["year-a-b"] is None and _all_late(parts, days["a/b/year"]):
        days["year-a-b"], reasons["year-a-b"] = _A, "all days above 12 stand in the other form"
    for shape in _PARTS:
        if sorted_by := _by_rows(parts, days, shape):
            if sorted_by != days[shape]:
                reasons[shape] = "the order of the rows"
            days[shape] = sorted_by
    read = parts.select(date=_read(days), ambiguous=_open(days))
    shapes = parts["shape"].drop_nulls().unique().sort()
    return read, "; ".join(_words(shape, days[shape], reasons[shape]) for shape in shapes)


def _by_size(parts: pl.DataFrame) -> tuple[str | None, str]:
    """Which part is the day, by parts above 12; None where there are none, or some in either place."""
    first = parts.filter(pl.col("a") > 12, pl.col("b") <= 12).height
    second = parts.filter(pl.col("b") > 12, pl.col("a") <= 12).height
    reason = f"{max(first, second)} days above 12 in that place"
    if first > second and second <= TYPOS * first:
        return _A, reason
    if second > first and first <= TYPOS * second:
        return _B, reason
    return None, f"{first} days above 12 in the first place, {second} in the second" if first else "no day above 12"


def _all_late(parts: pl.DataFrame, day: str | None) -> bool:
    """Whether the dates with the year behind are many and all have days above 12."""
    behind = parts.filter(pl.col("shape") == "a/b/year")
    return day is not None and behind.height >= LEAST_LATE and bool((behind[day] > 12).all())


def _by_rows(parts: pl.DataFrame, days: Mapping[str, str | None], shape: str) -> str | None:
    """Which part is the day, by which order the rows of the file are sorted; None where they do not tell."""
    falls = {}
    for day in (_A, _B):
        read = parts.select(date=_read({**days, shape: day}))["date"].drop_nulls()
        falls[day] = int((read.diff().dt.total_days() < 0).sum())
    right = _A if falls[_A] < falls[_B] else _B
    wrong = _B if right == _A else _A
    return right if falls[wrong] >= falls[right] + LEAST_FALLS and falls[wrong] >= 4 * falls[right] else None


def _open(days: Mapping[str, str | None]) -> pl.Expr:
    """Whether a date could be read either way and nothing tells which."""
    undecided = pl.col("shape").is_in([shape for shape, day in days.items() if day is None])
    either = (pl.col("a") <= 12) & (pl.col("b") <= 12) & (pl.col("a") != pl.col("b"))
    return (undecided & either).fill_null(value=False)


def _read(days: Mapping[str, str | None]) -> pl.Expr:
    """Dates; a part above 12 is the day whatever the others are."""
    first = pl.col("shape").is_in([shape for shape, day in days.items() if day == _A])
    day_is_first = pl.when(pl.col("a") > 12).then(True).when(pl.col("b") > 12).then(False).otherwise(first)
    day = pl.when(day_is_first).then("a").otherwise("b")
    month = pl.when(day_is_first).then("b").otherwise("a")
    stamp = pl.format("{}-{}-{}", "year", month.cast(pl.String).str.zfill(2), day.cast(pl.String).str.zfill(2))
    serial = pl.lit("1899-12-30").str.to_date() + pl.duration(
        days=pl.col("text").str.extract(_SERIAL, 1).cast(pl.Int64)
    )
    numbers = pl.when(~_open(days)).then(stamp).str.to_date("%Y-%m-%d", strict=False)
    words = pl.when(pl.col("shape").is_null()).then(thai.date(pl.col("text")))
    return pl.coalesce(numbers, serial.cast(pl.Date), words)


def _words(shape: str, day: str | None, reason: str) -> str:
    if day is None:
        return f"dates as {shape}: day or month first cannot be told ({reason})"
    names = {day: "day", _B if day == _A else _A: "month"}
    order = re.sub(r"\b[ab]\b", lambda part: names[part[0]], shape)
    return f"dates as {order} ({reason})"
