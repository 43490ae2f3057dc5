"""Lines of declared layouts with what each states once: its stamp, its meter, its status, its unit."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from typing import get_args

import polars as pl

from assets.meters.formats import clock, tabular, wide
from assets.meters.formats.canonical import AS_FRACTION, EDGES, FIRST, MANGLED, Unreadable, with_point
from assets.meters.formats.layouts import Layout, Stamp
from assets.meters.formats.stamps import EXCHANGED, Era, Order, exchanged
from assets.meters.formats.tabular import Table
from quality.batch import Batch, Breach
from quality.meter_grid import CLOCK_SECONDS, off_clock

_SHORTER = "others lie between this stamp and the next: the interval is shorter than the layout says"
_TIMED = r"[ T][0-9]{1,2}[.:][0-9]{2}|^[0-9]{1,2}:[0-9]{2}"
_TIMELESS = "a date without a time, where midnight is written as one elsewhere: a row of the whole day?"
"""Some software leaves a time of 00:00 out, but then of every midnight."""
_LAST_HOUR = 24
"""Greatest number that counts hours."""
_CODES = 20
"""Different numbers, from which they are no codes of a status."""
_COUNTED = 0.9
"""Share of rows whose number is above the one before: they are counted, some meter by meter."""
_SHOWN = 200
"""Rows of the first meter by which the place of midnight is told."""


def filled_down(pieces: Iterable[pl.DataFrame], table: Table) -> Iterator[pl.DataFrame]:
    """``pieces`` in which blank cells of the layout's ``filled_down`` columns have what stands above them."""
    places = [table.names.index(name) for name in table.layout.filled_down]
    above: dict[int, str] = {}
    for piece in pieces:
        if not places:
            yield piece
            continue
        found = {}
        for place in places:
            text = pl.col("cells").list.get(place, null_on_oob=True).str.strip_chars()
            filled = pl.when(text != "").then(text).forward_fill().fill_null(above.get(place, ""))
            found[place] = piece.select(filled).to_series()
            above[place] = found[place][-1] if piece.height else above.get(place, "")
        width = pl.col("cells").list.len()
        cells = [
            pl.lit(found[place]) if place in found else pl.col("cells").list.get(place, null_on_oob=True)
            for place in range(len(table.names))
        ]
        whole = pl.concat_list(cells).list.head(width)
        yield piece.with_columns(cells=pl.when(pl.col("cells").is_not_null()).then(whole))


def stamped(lines: Batch, table: Table, point: str | None) -> Batch:
    """Lines with what is stated once a line.

    ``stamp`` is the local time written, ``offset`` its own offset, ``ahead`` the minutes of earlier periods; ``unit``,
    ``multiplier`` and ``status`` as delivered; ``part`` the component.
    """
    cell, layout = table.cell, table.layout
    day, *time = (cell(column) for column in layout.stamp.columns)
    day = clock.from_1904(day) if table.content.since_1904 else day
    text = pl.concat_str([clock.dates(day), clock.times(time[0], layout.label)], separator=" ") if time else day
    named = cell(layout.point_column).str.strip_chars(EDGES).str.strip_suffix(AS_FRACTION)
    point_text = named if layout.point_column else pl.lit(point, pl.String)
    factor = with_point(cell(layout.multiplier_column), layout.decimal, layout.thousands)
    period = cell(layout.stamp.period).cast(pl.Int32, strict=False)
    rate = cell(layout.rate_column)
    lines = lines.with_columns(
        text=text,
        point=point_text,
        part=cell(layout.component_column) if layout.components else pl.lit(next(iter(layout.parts))),
        status=cell(layout.status_column),
        rate_raw=pl.when(rate != "").then(rate),
        unit=cell(layout.unit_column),
        multiplier=factor.cast(pl.Decimal(18, 6), strict=False),
        total=cell(layout.wide.total if layout.wide else None),
        serial=cell(layout.serial_column),
        ahead=(period - 1) * layout.minutes if layout.stamp.period else pl.lit(0, pl.Int32),
    )
    # Parsed and looked at once each: the same stamps come back from meter to meter.
    lines = lines.with_columns(clock.bounded(lines.rows["text"], layout.label))
    stamps = clock.stamps(lines.rows["text"], layout.stamp)
    if layout.stamp.tolerance:
        stamps = stamps.with_columns(stamp=_on_grid(layout))
    stamps = stamps.with_columns(
        _midnight=pl.col("stamp") == pl.col("stamp").dt.truncate("1d"),
        _late=pl.col("text").str.contains(r"(?:^|[ T])24[.:]00"),
        _timed=pl.col("text").str.contains(_TIMED),
        _off_grid=off_clock(pl.col("stamp"), layout.minutes),
    )
    lines = replace(lines, rows=lines.rows.join(stamps, on="text", how="left", maintain_order="left"))
    midnight, late, timed, off_grid = (pl.col(name) for name in stamps.columns[-4:])
    told = not layout.stamp.epoch and stamps.select((timed & (midnight | late)).any()).item()
    _judged(lines.rows, layout, time, midnight & ~late & ~(~timed & told))
    checks: list[Breach] = []
    if layout.wide:
        checks.append((~midnight, "interval-misaligned", "the date of a day has a time"))
    elif layout.stamp.period is None:
        if layout.label == "end" and layout.stamp.midnight == "closes":
            just = pl.col("stamp") - pl.col("stamp").dt.truncate("1d") <= pl.duration(seconds=CLOCK_SECONDS)
            closing = pl.when(just & ~late).then(pl.duration(days=1)).otherwise(pl.duration())
            lines = lines.with_columns(stamp=pl.col("stamp") + closing)
        elif layout.label == "start":
            if lines.rows.select(late.any() & ~(midnight & ~late).any()).item():
                raise Unreadable("layout-contradicts", "days end at 24:00, which is no start of an interval: `label`")
            checks.append((late, "stamp-bad", "24:00 is no start of an interval"))
        if told:
            checks.append((~timed, "stamp-bad", _TIMELESS))
        checks.append((off_grid, "interval-misaligned", f"not on the grid of {layout.minutes} minutes"))
        checks.append((_shorter(lines.rows, layout, off_grid), "interval-length", _SHORTER))
    else:
        wrong = ~period.is_between(1, wide.LONG_DAY // layout.minutes).fill_null(False)
        checks.append((wrong | ~midnight, "stamp-bad", "no date with the number of an interval in it"))
    if layout.multiplier_column is not None:
        unscaled = pl.col("multiplier").is_null() | (pl.col("multiplier") <= 0)
        checks.append((unscaled, "value-not-number", "the multiplier is not a positive number"))
    if layout.components:
        strange = ~pl.col("part").is_in(list(layout.components))
        checks.append((strange, "value-unknown", "a component that the layout does not know"))
    width, expected = pl.col("cells").list.len(), table.width
    extra = pl.lit(value=False)
    if lines.rows.select((width > len(table.names)).any()).item():
        extra = pl.col("cells").list.slice(len(table.names)).list.join("").str.strip_chars() != ""
    least = layout.wide.places[0] if layout.wide and layout.wide.ragged and layout.wide.places else expected
    wrong_width = pl.format(f"{{}} cells where the header has {expected}", width)
    lines = lines.refuse(
        (width.is_null(), "row-malformed", "a quote is not closed"),
        ((width < least) | extra, "row-malformed", wrong_width),
        (pl.col("point") == "", "value-null", "no metering point"),
        (pl.col("point").str.contains(MANGLED), "value-unknown", "a metering point in scientific notation"),
        (pl.col("stamp").is_null(), "stamp-bad", _unread(table)),
        (_other_length(table), "interval-length", f"the duration beside it is not {layout.minutes} minutes"),
        *checks,
    )
    _uncut(lines.rows, table)
    return _nameless(replace(lines, rows=lines.rows.drop(stamps.columns[-4:])), table)


def _uncut(rows: pl.DataFrame, table: Table) -> None:
    """Raise ``Unreadable`` where a column that the layout does not know has what a comma cut off from the numbers
    before it: whole numbers behind whole ones, where the column has no name, or they begin with zeros and count no
    rows."""
    known = tabular.taken(table.names, table.layout)
    for place in {at + 1 for at in table.measures} - known:
        name = table.header[place] if place < len(table.header) else ""
        if place >= len(table.header) or table.layout.ignores(name):
            continue
        text, value = (pl.col("cells").list.get(at, null_on_oob=True).str.strip_chars() for at in (place, place - 1))
        both = rows.select(text=text, value=value).filter(pl.col("text") != "")
        digits = pl.col("text").str.contains(r"^\d+$") & pl.col("value").str.contains(r"^-?\d+$")
        if both["text"].n_unique() <= min(_CODES, both.height / 2) or not both.select(digits.all()).item():
            continue
        zeros = pl.col("text").str.contains(r"^0\d").any()
        counted = (pl.col("text").cast(pl.Int64, strict=False).diff() == 1).mean() > _COUNTED
        if not name or both.select(zeros & ~counted).item():
            what = f"'{name}'" if name else "a column without a name"
            told = f"{what} has whole numbers behind whole numbers: decimals that a comma cut off?"
            raise Unreadable("layout-contradicts", f"{told} (`ignored`, if it is another column)", rows["row"][0])


def _nameless(lines: Batch, table: Table) -> Batch:
    """``lines``, said where columns without a name hold something; a count of the rows in the first does not count."""
    places = [place for place, name in enumerate(table.header) if not name]
    if not places or table.layout.ignores(""):
        return lines
    cell = {place: pl.col("cells").list.get(place, null_on_oob=True).str.strip_chars() for place in places}
    if 0 in cell:
        rises = (cell[0].cast(pl.Int64, strict=False).diff() > 0).slice(1).fill_null(value=False)
        if (lines.rows.select(rises.mean()).item() or 0) > _COUNTED:
            del cell[0]
    filled = lines.rows.filter(pl.any_horizontal(pl.lit(value=False), *(text != "" for text in cell.values())))
    if not filled.height:
        return lines
    text = f"{filled.height} row(s) hold something in a column without a name, which is not read{FIRST}"
    return lines.note("column-new", text, filled["row"][0])


def _on_grid(layout: Layout) -> pl.Expr:
    """The stamp, on the grid's point that it is nearest to where it is within the tolerance."""
    stamp = pl.col("stamp")
    nearest = (stamp + pl.duration(minutes=layout.minutes) / 2).dt.truncate(f"{layout.minutes}m")
    off = (stamp - nearest).dt.total_seconds().abs()
    return pl.when(off <= layout.stamp.tolerance).then(nearest).otherwise(stamp)


def _unread(table: Table) -> pl.Expr:
    """What a stamp looks like that is not one of the layout's."""
    how = table.layout.stamp
    wanted = f"not an epoch in {how.epoch}" if how.epoch else f"not a date and time in the order {how.order}"
    if not how.epoch and how.era == "auto":
        wanted += " with a year of four digits"
    dated = pl.col("text").str.contains(r"^\d{4}-\d\d-\d\d") & pl.lit(table.content.kind in ("xlsx", "biff"))
    of_excel = pl.when(dated).then(pl.lit(", an Excel date")).otherwise(pl.lit(""))
    shape = pl.col("text").map_batches(clock.shapes, return_dtype=pl.String)
    return pl.format(f"{{}}{{}} is {wanted}", shape, of_excel)


def _other_length(table: Table) -> pl.Expr:
    """Whether the duration that a row tells is none, or another than the layout's."""
    layout = table.layout
    if layout.duration_column is None:
        return pl.lit(value=False)
    length = clock.lengths(table.cell(layout.duration_column))
    return (length != layout.minutes * 60).fill_null(value=True)


def _shorter(rows: pl.DataFrame, layout: Layout, off_grid: pl.Expr) -> pl.Expr:
    """Whether a stamp on the grid shares its interval with others that divide it evenly: it is one of them."""
    if not rows.select(off_grid.any()).item():
        return pl.lit(value=False)
    back = pl.duration(microseconds=1 if layout.label == "end" else 0)
    slot = (pl.col("stamp") - back).dt.truncate(f"{layout.minutes}m")
    count = pl.len().over("point", "part", slot)
    offset = (pl.col("stamp") - slot).dt.total_seconds()
    even = (offset * count % (layout.minutes * 60) == 0).all().over("point", "part", slot)
    return ~off_grid & (count > 1) & even


def _in_order(rows: pl.DataFrame, layout: Layout) -> None:
    """Raise ``Unreadable`` where most stamps are dates of another order or era: what is read, is by chance."""
    how = layout.stamp
    unread = rows.filter(pl.col("stamp").is_null())["text"]
    if how.epoch or unread.len() * 2 <= rows.height:
        return
    eras: tuple[Era, ...] = (how.era, "auto", "CE") if how.era == "BE" else (how.era, "auto")
    for order, era in product(sorted(get_args(Order), key=lambda order: order != how.order), eras):
        other = clock.stamps(unread, Stamp(columns=how.columns, order=order, era=era)).drop_nulls("stamp")
        found = unread.is_in(other["text"].implode()).sum()
        if found * 2 > rows.height:
            text = f"{found} of {rows.height} stamps are dates in the order {order}, era {era}"
            raise Unreadable("layout-contradicts", f"{text}, and not in the order {how.order}, era {how.era}")


def _judged(rows: pl.DataFrame, layout: Layout, time: list[pl.Expr], midnight: pl.Expr) -> None:
    """Raise ``Unreadable`` where all rows together show that times, or midnight, are not what the layout says."""
    if not rows.height:
        return
    if layout.stamp.order != "ymd" and exchanged(rows["text"].unique()):
        raise Unreadable("layout-contradicts", EXCHANGED)
    _in_order(rows, layout)
    if layout.wide or layout.stamp.period:
        return
    if time:
        hours = rows.select(time[0].filter(time[0] != "")).to_series().unique()
        if hours.len() >= 3 and hours.str.contains(r"^\d{1,2}$").all() and hours.cast(pl.Int32).max() <= _LAST_HOUR:  # type: ignore[operator]
            text = "times are bare numbers up to 24: hours, or numbers of intervals (`period`), not hours and minutes"
            raise Unreadable("layout-contradicts", text, rows["row"][0])
    at_midnight = rows.filter(midnight)
    if not at_midnight.height:
        return
    one = rows.filter(pl.col(name).eq_missing(pl.lit(at_midnight[name][0])) for name in ("point", "part"))
    stamp, length = pl.col("stamp"), pl.duration(minutes=layout.minutes)
    # In no order, 00:00 stands beside any time.
    if (one.select((stamp.diff().abs() == length).mean()).item() or 0) < 1 / 2:
        return
    around = [stamp.shift(n) - stamp for n in (1, -1)]
    opens = pl.any_horizontal(each.abs() == length for each in around)
    closes = pl.any_horizontal((each - pl.duration(days=1)).abs() == length for each in around)
    shown = (
        one.with_columns(opens=opens.fill_null(value=False), closes=closes.fill_null(value=False))
        .filter(midnight)
        .head(_SHOWN)
    )
    as_declared = layout.stamp.midnight if layout.label == "end" else "opens"
    closes_less_opens = pl.col("closes").cast(pl.Int8) - pl.col("opens").cast(pl.Int8)
    told = shown.select(closes_less_opens.cast(pl.Float64).mean()).item() or 0
    if as_declared == "opens" and told > 1 / 2:
        text = "00:00 follows the other times of its date: it ends that day, as `label: end` and `midnight: closes` say"
        raise Unreadable("layout-contradicts", text, shown["row"][0])
    if as_declared == "closes" and told < -1 / 2:
        text = "00:00 stands before the other times of its date: it begins that day, as `midnight: opens` says"
        raise Unreadable("layout-contradicts", text, shown["row"][0])
