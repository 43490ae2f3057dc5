"""What a file states around the table of a declared layout: units, directions, zones and multipliers of its values."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from assets.meters.formats import clock, titles
from assets.meters.formats.canonical import Unreadable
from assets.meters.formats.tabular import Table

_SHOWN = 200
"""Rows by which it is told what stands in a column."""
_NUMBER = r"[0-9][0-9,]*(?:\.[0-9]+)?"
_MULTIPLIER = re.compile(
    r"(?:multipl(?:ier|y(?: by)?|ied by|ication factor)|(?:^|meter |(?<!full )scal(?:e|ing) |conversion )factor|^scale"
    r"|(?:^|meter )mult(?![a-z])|(?<![a-z.])m\.?f\.?(?=\s*[:=])|(?:ตัว|ค่า|อัตรา)คูณ)"
    rf"\D*?(?P<factor>{_NUMBER})"
    rf"|(?:^|(?:meter|billing|multiplying) )constant\W*(?P<constant>{_NUMBER})(?![0-9.,]|\W*(?:imp|pul|rev|p/|r/|/))"
    rf"|(?:หน่วย\s*\(?[x×]|(?:pulse|count)s?\s*=)\s*(?P<by>{_NUMBER})",
    re.IGNORECASE,
)
_COLUMN = (
    r"(?i)multiplier|(?:meter|scale|scaling|conversion) factor|^(?:meter |billing )?constant$|^scale$|ตัวคูณ"
    r"|^[cpv]t(?:r| ratio)?$"
)
"""Names of columns of multipliers."""
_PULSES = re.compile(r"(?<![a-z])(?:im)?pulses?(?![a-z])|พัลส์", re.IGNORECASE)
"""What is counted, and no energy until it is multiplied."""
_FACT = re.compile(r"^(?!\W*(?:unit|หน่วย)).*(?:[:=]|\s)\s*(?!(?:20|25)[0-9]{2}\b)[0-9][0-9.,]*\s*$", re.IGNORECASE)
"""A row that ends in a number, and no year."""
_RATIO = re.compile(
    r"(?<![a-z])(?:[cpv]t(?:\s*[x×*]\s*[pv]t)?(?P<told>r|\W*ratio|\s*[=:])?|อัตราส่วน(?P<thai>))(?![a-z])\W*"
    rf"(?P<primary>{_NUMBER})(?:\s*[a-z]?\s*[/:]\s*(?P<secondary>{_NUMBER}))?",
    re.IGNORECASE,
)
"""Current and voltage transformers: ``CT 400/5``, ``CTR 80``; a number alone after ``CT`` may be anything."""


def heed(table: Table, zone: str) -> None:
    """Raise ``Unreadable`` where a title, a row of units above the header or a column's name says another unit or
    direction than the layout has, or another ``zone``."""
    layout, at = table.layout, table.at
    if not layout.heed_titles:
        return
    above, measures = list(table.titles), list(layout.parts.values())
    heed_zone("above the header stands", titles.zones(above), table, zone)
    heed_zone("the column of stamps names", titles.zones(layout.stamp.columns), table, zone)
    if layout.unit_column:
        return
    columns = {table.names[place]: each for place, each in table.measures.items()}
    names = columns | {name: [measure] for name, measure in layout.parts.items()}
    titles.heed("above the header stands", above, measures, layout, at, title=True, kin=True)
    # A unit of another family may be that of other columns, where these tell theirs, or of a number in the same row.
    if not titles.units(names) and not titles.kin(above, measures):
        plain = [row for row in (*above, table.sheet) if not _FACT.search(row)]
        titles.heed("above the header stands", plain, measures, layout, at, title=True)
    as_told = layout.multiplier == 1 and not layout.multiplier_column and not layout.points
    for name, each in names.items():
        # Of a column a meter, the name is the meter's, and one that it was given.
        where = "the name of a meter's column says" if layout.points else f"'{name}' names"
        titles.heed(where, [name], each, layout, at, title=layout.points is not None)
        if as_told and _PULSES.search(name) and not titles.units([name]):
            text = f"'{name}' names pulses, and no `multiplier` makes {each[0].unit} of them"
            raise Unreadable("layout-contradicts", text, at)
    for row, cells in table.above.drop_nulls("cells").iter_rows():
        told = table.units(cells)
        row_of_units = len(told) > 1 and all(titles.units([cell]) for cell in told.values())
        for place, cell in told.items() if row_of_units else ():
            titles.heed("a row of units says", [cell], table.measures[place], layout, row)


def heed_zone(where: str, told: Mapping[str, set[timedelta]], table: Table, zone: str) -> None:
    """Raise ``Unreadable`` where other zones are told than the stamps are read in; not where they have their own."""
    ours = titles.offsets(zone)
    if not told or any(ours & theirs for theirs in told.values()) or table.layout.stamp.epoch:
        return
    rows = next(table.pieces()).drop_nulls("cells").head(_SHOWN)
    stamps = rows.select(table.cell(table.layout.stamp.columns[0])).to_series()
    if not clock.stamps(stamps, table.layout.stamp)["offset"].count():
        text = f"{where} {', '.join(sorted(told))}, the layout has {zone} (`timezone`)"
        raise Unreadable("layout-contradicts", text, table.at)


def multiplied(table: Table, strangers: Sequence[str]) -> str | None:
    """Words where a title or a column tells a multiplier that the layout lacks: values may include it, or not."""
    layout = table.layout
    if layout.multiplier != 1 or layout.multiplier_column or not layout.heed_titles:
        return None
    columns = [name for name in strangers if re.search(_COLUMN, name.strip())]
    first = next(table.pieces()).head(_SHOWN) if columns else table.above
    values = (first.select(table.cell(name)).to_series().unique() for name in columns)
    told = [*(f"{name} {value}" for name, each in zip(columns, values, strict=True) for value in each), *table.titles]
    if all(_is_one(text) for text in told):
        return None
    return "a multiplier is told that the layout does not have; values are kept as delivered (`multiplier`, or ignored)"


def _is_one(text: str) -> bool:
    """Whether no multiplier but 1 is told."""
    if (found := _MULTIPLIER.search(text)) and _value(found["factor"] or found["constant"] or found["by"]) != 1:
        return False
    ratios = (ratio for ratio in _RATIO.finditer(text) if ratio["secondary"] or ratio["told"] or ratio["thai"] == "")
    return all(_value(ratio["primary"]) <= _value(ratio["secondary"] or "1") for ratio in ratios)


def _value(number: str) -> float:
    return float(number.replace(",", ""))
