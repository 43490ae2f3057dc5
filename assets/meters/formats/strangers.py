"""Columns that a declared layout does not know: what they say may contradict what it declares."""

import re
from collections.abc import Sequence

import polars as pl

from assets.meters.formats import clock, stated, tabular, titles
from assets.meters.formats.canonical import Unreadable
from assets.meters.formats.clock import DAY
from assets.meters.formats.layouts import Layout
from assets.meters.formats.tabular import Table

_WORDS = 12
"""Words of a column of units, or the like: more is another column."""
_LENGTHS = 5
"""Lengths of intervals in one column."""
_LONGEST = 25
"""Characters of a unit, in words too, and of a zone."""
OFTEN = 1.5
"""Rows a place of a reading from which a file tells each several times, and not some of them again."""
_SHOWN = 200
"""Rows by which the distance of two columns of times is told."""
_LENGTH = r"(?i)duration|length|interval|minutes?\b|ระยะเวลา|ช่วงเวลา|ความยาว|นาที"
"""Names of columns of lengths, whose numbers alone tell no unit."""
_METER = (
    r"(?i)(?:(?:smart |electric(?:ity)? )?meter(?:ing)?(?:[ _-]?(?:no\.?|number|id|point|name|code))?|metering ?point"
    r"|nmi|mpan|channel|direction|(?:หมายเลข|เลขที่|รหัส)?(?:มิเตอร์|เครื่องวัด|จุดวัด)|(?:contract )?account(?: no\.?)?"
    r"|(?:building|site|customer|feeder)(?:[ _-]?(?:no\.?|number|id|name|code))?"
    r"|(?:ชื่อ|หมายเลข)?(?:สถานที่|อาคาร|ผู้ใช้ไฟ(?:ฟ้า)?))"
)
"""Names of columns that tell meters apart, what they stand for, or their channels. A serial number does not: a device
is exchanged."""
_UNIT = r"(?i)units?|uom|units? of measure(?:ment)?|หน่วย(?:วัด)?"
"""Names of columns of units, in which a letter or a number tells one, too."""
_ZONE = r"(?i)zone|\btz|utc|offset|เขตเวลา"
"""Names of columns of zones, in which a number tells one, too."""
_DIRECTION = r"(?i)(?:export|import)(?:ed)?|exp|imp|ส่งออก|จ่ายออก|ขายคืน|นำเข้า|รับเข้า"
"""Words of a column of directions."""
_MINUTES = (5, 6, 10, 12, 15, 20, 30, 60)
"""Lengths of intervals within an hour: times as far apart are an interval's two ends, and no two clocks or delays."""


def unknown(names: list[str], layout: Layout) -> list[str]:
    """Columns of the header that the layout does not know."""
    if layout.width is not None:
        return []
    taken = tabular.taken(names, layout)
    others = (name for place, name in enumerate(names) if name and place not in taken)
    return [name for name in others if not layout.ignores(name)]


def heed(table: Table, strangers: Sequence[str], zone: str) -> None:
    """Raise ``Unreadable`` where a column that the layout does not know says another unit, direction, zone or length
    than it does, or tells apart what else would be one reading: two meters, whose equal values would be taken for
    repetitions. A number that each row has of its own does not."""
    layout = table.layout
    names = (layout.stamp.period, layout.point_column, layout.component_column, layout.rate_column)
    places = list(dict.fromkeys([*layout.stamp.columns, *filter(None, names)]))
    told = [
        body.drop_nulls("cells")
        .filter(table.kept)
        .select(
            place=pl.concat_str([table.cell(name) for name in places], separator="\x1f"),
            part=table.cell(layout.component_column if layout.components else None),
            **{f"_{at}": table.cell(name) for at, name in enumerate(strangers)},
        )
        for body in table.pieces()
    ]
    rows = pl.concat(told)
    if layout.point_column is None and layout.points is None and not layout.components:
        for at, name in enumerate(strangers):
            several = rows[f"_{at}"].filter(rows[f"_{at}"] != "").n_unique()
            if re.fullmatch(_METER, name.strip()) and several > 1:
                text = f"'{name}' has {several} values, the layout has one metering point (`point_column`, or ignored)"
                raise Unreadable("meters-several", text, table.at)
    if layout.heed_titles:
        for at, name in enumerate(strangers):
            words = rows.select("part", word=f"_{at}").filter(pl.col("word") != "").unique()
            if 0 < words["word"].n_unique() <= _WORDS and words["word"].str.len_chars().max() < _LONGEST:  # type: ignore[operator]
                _heed_words(table, name, words, zone)
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
            raise Unreadable("layout-contradicts", f"{text} (ignored, if rows are told twice)", table.at)


def _heed_words(table: Table, name: str, words: pl.DataFrame, zone: str) -> None:
    """Raise ``Unreadable`` where the ``word``s of a column, each of a ``part``, are units, directions or zones, and not
    the layout's."""
    layout, distinct = table.layout, words["word"].unique().sort().to_list()
    unit = "unit: " if re.fullmatch(_UNIT, name.strip()) else ""
    units = all(titles.units([unit + word]) for word in distinct)
    if (units and not layout.unit_column) or all(re.fullmatch(_DIRECTION, word) for word in distinct):
        for part, word in words.sort("word").iter_rows():
            ours = [what for of, what in layout.parts.items() if of == part or not layout.components]
            titles.heed(f"'{name}' says", [unit + word], ours, layout, table.at)
    zone_of = "timezone: " if re.search(_ZONE, name) else ""
    zones = [titles.zones([zone_of + word]) for word in distinct]
    if all(zones):
        stated.heed_zone(f"'{name}' says", {told: at for each in zones for told, at in each.items()}, table, zone)


def _heed_length(table: Table, name: str, rows: pl.DataFrame) -> None:
    """Raise ``Unreadable`` where a column has lengths, or the intervals' other ends, that are not the layout's."""
    layout, found = table.layout, _lengths(name, rows["text"].unique().head(_LENGTHS + 1))
    if not found and (apart := _apart(table, rows.head(_SHOWN))) is not None:
        if (apart > 0) == (layout.label == "start"):
            found = {abs(apart)}
        elif abs(apart) == layout.minutes and any(what.kind != "register" for what in layout.parts.values()):
            text = f"'{name}' is always {layout.minutes} minutes from the stamps, on the side where no interval is"
            raise Unreadable("layout-contradicts", f"{text}: look at `label` (or ignored)", table.at)
    if others := sorted(found - {layout.minutes}):
        text = f"'{name}' says {', '.join(map(str, others))} minutes, the layout has {layout.minutes}"
        raise Unreadable("layout-contradicts", f"{text} (`duration_column`, or ignored)", table.at)


def _lengths(name: str, texts: pl.Series) -> set[int]:
    """Minutes that all ``texts`` tell; none where one of them is no length."""
    seconds = texts.to_frame("text").select(clock.lengths(pl.col("text"))).to_series()
    if not 0 < texts.len() <= _LENGTHS or seconds.null_count():
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
