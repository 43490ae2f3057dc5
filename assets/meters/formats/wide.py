"""Rows of a day in declared layouts: which columns are which intervals, and a row an interval from a row a day."""

import re
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from assets.meters.formats.canonical import EXACT, problems_of, without
from assets.meters.formats.clock import DAY
from assets.meters.formats.layouts import Layout
from quality.batch import Batch

LONG_DAY = 1500
"""Minutes of the day on which clocks go back: settlement files have columns for it all year."""


class Intervals(NamedTuple):
    """The interval columns of a header, in the order of the day.

    ``places`` are indices of columns, ``flags`` those of their statuses or empty. ``minutes`` is the label's local
    clock; where ``elapsed``, the time that passes from midnight to the interval's start.
    """

    places: list[int]
    flags: list[int]
    minutes: list[int]
    elapsed: bool


def intervals(names: list[str], layout: Layout) -> Intervals | None:
    """The interval columns among ``names``; None unless they are a whole day without gap."""
    assert layout.wide is not None
    step, back = layout.minutes, layout.minutes * (layout.label == "end")
    if layout.wide.places is not None:
        first, last, *stride = layout.wide.places
        labels = {place: (n * step, True) for n, place in enumerate(range(first - 1, min(last, len(names)), *stride))}
    else:
        labels = _labels(names, layout.wide.columns or "", layout)
    # From where the day begins: an index counts starts, a clock is the label.
    in_order = sorted((at - (0 if indexed else back), at, place) for place, (at, indexed) in labels.items())
    starts, clocks, places = ([row[n] for row in in_order] for n in range(3))
    elapsed = bool(starts) and (any(indexed for _, indexed in labels.values()) or starts[-1] >= DAY)
    lengths = (DAY, LONG_DAY) if elapsed else (DAY,)
    # An end-labelled header that opens with 00:00 begins with the last interval of the day before.
    opens = min(starts, default=0)
    if opens not in (0, -back) or starts not in [list(range(opens, opens + length, step)) for length in lengths]:
        return None
    flags = _flags(names, places, clocks, layout)
    return None if flags is None else Intervals(places, flags, starts if elapsed else clocks, elapsed)


def _labels(names: list[str], pattern: str, layout: Layout) -> dict[int, tuple[int, bool]]:
    """Index of a matching column → minutes its name tells, and whether they are an index's (start) or a clock's."""
    found: dict[int, tuple[int, bool]] = {}
    for place, name in enumerate(names):
        if match := re.fullmatch(pattern, name):
            groups = match.groupdict()
            if "index" in groups:
                found[place] = (int(groups["index"]) - 1) * layout.minutes, True
                continue
            hour = int(groups["hour"] or 0)
            if half := groups.get("half"):
                hour = hour % 12 + 12 * half.lower().startswith("p")
            clock = hour * 60 + int(groups["minute"])
            # An end-labelled 00:00 after the other columns, or declared to close its day, is that day's 24:00.
            if clock == 0 and layout.label == "end" and (found or layout.stamp.midnight == "closes"):
                clock = DAY
            found[place] = clock, False
    return found


def _flags(names: list[str], places: list[int], clocks: list[int], layout: Layout) -> list[int] | None:
    """Index of each interval's status column; empty where there are none, None where only some are there."""
    assert layout.wide is not None
    status = layout.wide.status
    if status in ("next", "previous"):
        flags = [place + (1 if status == "next" else -1) for place in places]
        return flags if all(0 <= flag < len(names) and flag not in places for flag in flags) else None
    if status is None:
        return []
    by_clock = {at: place for place, (at, _) in _labels(names, status, layout).items()}
    return [by_clock[at] for at in clocks] if set(clocks) <= set(by_clock) else None if by_clock else []


def known(names: list[str], layout: Layout) -> set[int]:
    """Indices of the columns that ``intervals`` takes."""
    found = intervals(names, layout) if layout.wide else None
    return {*found.places, *found.flags} if found else set()


def days(batch: Batch, layout: Layout) -> Batch:
    """The last row of each metering point, component and day; earlier ones are said. Not where blanks are merged."""
    key = ["point", "part", "stamp"]
    if layout.merge or not batch.rows.select(pl.struct(key).is_duplicated().any()).item():
        return batch
    earlier = pl.int_range(pl.len()).over(key) != pl.len().over(key) - 1
    same = pl.col("cells").list.join("\0") == pl.col("cells").list.join("\0").last().over(key)
    return batch.refuse(
        (earlier & same, "duplicate-rows", "a later row is identical"),
        (earlier, "day-repeated", "a later row has the same metering point and day, and is kept"),
    )


def unfolded(batch: Batch, names: list[str], layout: Layout) -> Batch:
    """A row an interval: ``raw``, ``stamp`` (the label's local time) and ``ahead`` (minutes that passed since)."""
    assert layout.wide is not None
    found = intervals(names, layout)
    assert found is not None
    cells = pl.col("cells").list
    # A row may lack its last cells only where rows are declared ragged; else its width was checked.
    columns = {"raw": cells.gather(found.places, null_on_oob=True), "ahead": pl.lit(found.minutes, pl.List(pl.Int32))}
    if found.flags:
        columns["status"] = cells.gather(found.flags, null_on_oob=True)
    tall = replace(batch, rows=batch.rows.with_columns(**columns).drop("cells", "text").explode(*columns))
    if found.elapsed:
        return tall.with_columns(early=pl.lit(0, pl.Int32))
    return tall.with_columns(
        stamp=pl.col("stamp") + pl.duration(minutes="ahead"),
        ahead=pl.lit(0, pl.Int32),
        early=pl.lit(layout.minutes if layout.label == "end" else 0, pl.Int32),
    )


def within(tall: Batch, layout: Layout) -> Batch:
    """Intervals that their day has. Others have no ``start``: blanks and zeros there are left out, values refused.

    A ragged row is refused whole unless it has as many cells as its day has intervals.
    """
    assert layout.wide is not None
    outside = pl.col("start").is_null()
    if layout.wide.ragged:
        wrong = tall.rows.filter(outside != pl.col("raw").is_null()).group_by("row").len()
        message = pl.format("{} interval(s) too many or too few for the day", "len")
        tall = without(tall, wrong, "interval-count", message)
    text = pl.col("raw").str.strip_chars().fill_null("")
    filled = ~text.str.contains(r"^0*[.,]?0*$") & ~text.is_in(list(layout.nulls))
    strange = tall.rows.filter(outside & filled).group_by("row").len()
    message = pl.format("{} value(s) at times that the day of a clock change does not have", "len")
    return tall.filter(~outside).also(problems_of(strange, "interval-count", message))


def checked(values: Batch, layout: Layout) -> Batch:
    """Days with no more blanks than allowed; the others are refused, and wrong printed totals said."""
    assert layout.wide is not None
    if layout.wide.missing_limit is not None:
        blank = values.rows.group_by("row").agg(blanks=pl.col("value").is_null().sum(), all=pl.len())
        over = blank.filter(pl.col("blanks") > layout.wide.missing_limit)
        message = pl.format(f"{{}} of {{}} values are blank, more than {layout.wide.missing_limit}", "blanks", "all")
        values = without(values, over, "interval-count", message)
    return values if layout.wide.total is None else _totals(values, layout)


def _totals(values: Batch, layout: Layout) -> Batch:
    """Say which printed total differs from the sum of its row's intervals by more than rounding can make.

    A printed number differs from the true one by up to half its last decimal, so a sum by as much for each interval.
    """

    def digits(column: str) -> pl.Expr:
        text = pl.col(column).str.strip_chars()
        text = text.str.replace_all(layout.thousands, "", literal=True) if layout.thousands else text
        return text.str.replace(layout.decimal, ".", literal=True)

    def grain(column: str) -> pl.Expr:
        decimals = digits(column).str.extract(r"\.(\d*)$").str.len_chars().fill_null(0)
        return pl.lit(10.0).pow(-decimals.cast(pl.Int32)) / 2

    rows = (
        values.rows.filter(~pl.col("average"))
        .group_by("row")
        .agg(pl.col("total", "factor").first(), pl.col("value").sum(), allowed=grain("raw").sum())
        .with_columns(printed=digits("total").cast(EXACT, strict=False) * pl.col("factor"))
    )
    allowed = (pl.col("allowed") + grain("total")) * pl.col("factor").cast(pl.Float64)
    wrong = rows.filter((pl.col("printed") - pl.col("value")).abs().cast(pl.Float64) > allowed)["row"].sort()
    if not wrong.len():
        return values
    text = f"{wrong.len()} row total(s) differ from the sum of their intervals; the first is named"
    return values.note("sum-mismatch", text, wrong[0])
