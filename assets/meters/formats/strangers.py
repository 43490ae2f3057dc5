"""Columns that a declared layout does not know: what they say may contradict what it declares."""

import re
from collections.abc import Iterable, Sequence

import polars as pl

from assets.meters.formats import clock, tabular, titles, wide
from assets.meters.formats.clock import DAY
from assets.meters.formats.layouts import Layout
from assets.meters.formats.tabular import Table

_UNITS = 5
"""Words of a column of units: more is another column."""
_LONGEST = 25
"""Characters of a unit, in words too."""
OFTEN = 1.5
"""Rows a place of a reading from which a file tells each several times, and not some of them again."""
_SHOWN = 200
"""Rows by which the distance of two columns of times is told."""
_LENGTH = r"(?i)duration|length|interval|minutes?\b|ระยะเวลา|ช่วงเวลา|ความยาว|นาที"
"""Names of columns of lengths, whose numbers alone tell no unit."""
_METER = (
    r"(?i)(?:(?:smart |electric(?:ity)? )?meter(?:ing)?(?:[ _-]?(?:no\.?|number|id|point|name|code))?|metering ?point"
    r"|nmi|mpan|channel|direction|(?:หมายเลข|เลขที่|รหัส)?(?:มิเตอร์|เครื่องวัด|จุดวัด)|หมายเลขผู้ใช้ไฟฟ้า|account(?: no\.?)?)"
)
"""Names of columns that tell meters apart, or their channels. A serial number does not: a device is exchanged."""
_MULTIPLIER = r"(?i)(?:multiplier|meter factor|ตัวคูณ)"
_MINUTES = (5, 6, 10, 12, 15, 20, 30, 60)
"""Lengths of intervals within an hour: times as far apart are an interval's two ends, and no two clocks or delays."""


def unknown(names: list[str], layout: Layout) -> list[str]:
    """Columns of the header that the layout does not know."""
    if layout.width is not None:
        return []
    known = {*layout.required, *layout.ignored, ""}
    taken = wide.known(names, layout)
    patterns = [p for p in (layout.ignored_pattern, layout.points and layout.points.columns) if p]
    others = (name for place, name in enumerate(names) if place not in taken and name not in known)
    return [name for name in others if not any(re.fullmatch(pattern, name) for pattern in patterns)]


def heed_units(where: str, told: set[str], declared: Iterable[str], table: Table) -> None:
    """Raise ``Unreadable`` where the file tells other units than are declared."""
    if named := titles.contradicted(told, declared):
        theirs, ours = (", ".join(sorted(units)) for units in named)
        raise tabular.Unreadable("layout-contradicts", f"{where} {theirs}, the layout has {ours}", table.at)


def multiplied(table: Table, strangers: Sequence[str]) -> str | None:
    """Words where a title or a column tells a multiplier that the layout lacks: values may include it, or not."""
    layout = table.layout
    if layout.multiplier != 1 or layout.multiplier_column or not layout.heed_titles:
        return None
    columns = [name for name in strangers if re.search(_MULTIPLIER, name)]
    first = next(table.pieces()).head(_SHOWN) if columns else table.above
    values = (first.select(table.cell(name)).to_series().unique() for name in columns)
    told = [*(f"{name} {value}" for name, each in zip(columns, values, strict=True) for value in each), *table.titles]
    factors = (found for text in told if (found := re.search(rf"{_MULTIPLIER}\D*?([0-9]+(?:\.[0-9]+)?)", text)))
    if all(float(found[1]) == 1 for found in factors):
        return None
    return "a multiplier is told that the layout does not have; values are kept as delivered (`multiplier`, or ignored)"


def heed(table: Table, strangers: Sequence[str]) -> None:
    """Raise ``Unreadable`` where a column that the layout does not know says another unit or length than it does, or
    tells apart what else would be one reading: two meters, whose equal values would be taken for repetitions. A number
    that each row has of its own does not."""
    layout = table.layout
    names = (layout.stamp.period, layout.point_column, layout.component_column, layout.rate_column)
    places = list(dict.fromkeys([*layout.stamp.columns, *filter(None, names)]))
    told = [
        body.drop_nulls("cells").select(
            place=pl.concat_str([table.cell(name) for name in places], separator="\x1f"),
            **{f"_{at}": table.cell(name) for at, name in enumerate(strangers)},
        )
        for body in table.pieces()
    ]
    rows = pl.concat(told)
    if layout.heed_titles and not layout.unit_column:
        for at, name in enumerate(strangers):
            words = set(rows[f"_{at}"].unique().head(_UNITS))
            if words and all(titles.units([word]) and len(word) < _LONGEST for word in words):
                ours = [what.unit for what in layout.parts.values()]
                # Rows of several components may have several units; others have one.
                for some in [words] if layout.components else [{word} for word in sorted(words)]:
                    heed_units(f"'{name}' says", titles.units(some), ours, table)
    if layout.point_column is None and layout.points is None and not layout.components:
        for at, name in enumerate(strangers):
            several = rows[f"_{at}"].filter(rows[f"_{at}"] != "").n_unique()
            if re.fullmatch(_METER, name.strip()) and several > 1:
                text = f"'{name}' has {several} values, the layout has one metering point (`point_column`, or ignored)"
                raise tabular.Unreadable("meters-several", text, table.at)
    if not layout.wide and layout.stamp.period is None and layout.stamp.epoch is None:
        for at, name in enumerate(strangers):
            _heed_length(table, name, rows.select("place", text=f"_{at}").filter(pl.col("text") != ""))
    readings = rows["place"].n_unique()
    if rows.height < OFTEN * readings:
        return
    for at, name in enumerate(strangers):
        kinds, apart = rows[f"_{at}"].n_unique(), rows.select("place", f"_{at}").n_unique()
        if 1 < kinds <= readings and apart >= OFTEN * readings:
            text = f"'{name}' has {kinds} values at the same times; the layout must say what it is"
            raise tabular.Unreadable("layout-contradicts", f"{text} (ignored, if rows are told twice)", table.at)


def _heed_length(table: Table, name: str, rows: pl.DataFrame) -> None:
    """Raise ``Unreadable`` where a column has lengths, or the intervals' other ends, that are not the layout's."""
    layout, found = table.layout, _lengths(name, rows["text"].unique().head(_UNITS + 1))
    if not found and (apart := _apart(table, rows.head(_SHOWN))) is not None:
        if (apart > 0) == (layout.label == "start"):
            found = {abs(apart)}
        elif abs(apart) == layout.minutes and any(what.kind != "register" for what in layout.parts.values()):
            text = f"'{name}' is always {layout.minutes} minutes from the stamps, on the side where no interval is"
            raise tabular.Unreadable("layout-contradicts", f"{text}: look at `label` (or ignored)", table.at)
    if others := sorted(found - {layout.minutes}):
        text = f"'{name}' says {', '.join(map(str, others))} minutes, the layout has {layout.minutes}"
        raise tabular.Unreadable("layout-contradicts", f"{text} (`duration_column`, or ignored)", table.at)


def _lengths(name: str, texts: pl.Series) -> set[int]:
    """Minutes that all ``texts`` tell; none where one of them is no length."""
    seconds = texts.to_frame("text").select(clock.lengths(pl.col("text"))).to_series()
    if not 0 < texts.len() <= _UNITS or seconds.null_count():
        return set()
    minutes = set((seconds // 60).to_list())
    bare = texts.str.contains(r"^[0-9:]+$").any()
    return minutes if not bare or (re.search(_LENGTH, name) and minutes <= {*_MINUTES}) else set()


def _apart(table: Table, rows: pl.DataFrame) -> int | None:
    """Minutes by which all texts of a column, as times, are after the stamps (or before); None where they are no ends.

    A time without its date may lie beyond midnight.
    """
    stamp, text = table.layout.stamp, pl.col("text")
    day, *time = (pl.col("place").str.split("\x1f").list.get(n) for n in range(len(stamp.columns)))
    ends = [day, text]
    if time:
        ends = [pl.concat_str(clock.dates(day), clock.times(end, "end"), separator=" ") for end in (*time, text)]
    at = []
    for texts in rows.select(at=ends[0], other=ends[1]):
        read = clock.stamps(texts, stamp).select("text", "stamp")
        at.append(texts.to_frame("text").join(read, on="text", how="left", maintain_order="left")["stamp"])
    minutes = ((at[1] - at[0]).dt.total_minutes() + DAY // 2) % DAY - DAY // 2
    apart = minutes[0] if minutes.n_unique() == 1 else None
    return apart if apart is not None and abs(apart) in _MINUTES else None
