"""PEA "รายงานใช้ไฟ - รายเดือน": BIFF ``.xls`` (Excel 97-2003), a row a quarter-hour, unsorted.

No specification is public; the layout is known from code that reads it. Head: the meter (เครื่องวัดฯ) and the month.
Columns: วันที่/เวลา, then kW and kVAR, either one column or one for On-Peak and one for Off-Peak (holidays among the
latter). Stamps are BE dd/mm/yyyy HH:MM with 24:00. Assumed, as for PEA's other reports: they mark the interval's END,
and kW is its mean. The report names no account: the point is the meter's number unless the option ``point`` is set.
"""

import re

from assets.meters.formats import pea
from assets.meters.formats.canonical import THAILAND, Export, ReadingOptions
from assets.meters.formats.content import Content
from assets.meters.formats.grids import Grid, book, head, header, sheets
from assets.meters.formats.loads import Report, by_rate, joined

FORMAT = "pea_monthly_xls"
KIND = "biff"
_TITLE = "รายงานใช้ไฟ"
_TIME = "วันที่/เวลา"
_METER = re.compile(r"^เครื่องวัดฯ?\s*:\s*(\S+)$")
_LOADS = {"kW": (pea.CHANNEL, "active_import"), "kVAR": ("kvar", "reactive_import")}


def recognise(content: Content) -> str | None:
    """Evidence: the title and the column of times."""
    tables = sheets(content)
    titled = any(text.startswith(_TITLE) for each in tables for _, cells in head(each) for text in cells)
    return f"BIFF workbook titled {_TITLE}" if titled and any(header(each, [_TIME]) for each in tables) else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of the reports of one workbook, a sheet each. Options: ``timezone``, ``point`` (goes before the meter's
    number)."""
    tables = zip(book(content), sheets(content), strict=True)
    found = [(name, table, *named) for (name, _), table in tables if (named := header(table, [_TIME]))]
    found = [each for each in found if any(load.unit == "kW" for load in by_rate(each[3], _LOADS))]
    if not found:
        return Export.rejected(FORMAT, "file-malformed", f"no row with {_TIME} and kW")
    meters = [_meters(table) for _, table, _, _ in found]
    if any(len(named) > 1 for named in meters) or (options.point and len(set().union(*meters)) > 1):
        return Export.rejected(FORMAT, "meters-several", "a sheet, or the option 'point', is of more than one meter")
    told = all(meters) or not options.point
    names = () if told else [name for name, *_ in found]
    reports = [_report(table, at, columns, options) for _, table, at, columns in found]
    return joined(reports, names)


def _meters(table: Grid) -> set[str]:
    """The meters' numbers that stand anywhere in a sheet."""
    cells = [name for name in table.columns if name.startswith("c")]
    named = (table[name].str.extract(_METER.pattern).drop_nulls() for name in cells)
    return set().union(*named)


def _report(table: Grid, at: int, names: dict[str, int], options: ReadingOptions) -> Export:
    point = options.point or next(iter(_meters(table)), None)
    if point is None:
        return Export.rejected(FORMAT, "file-malformed", "no meter number in the report, and no option 'point'")
    report = Report(
        FORMAT,
        by_rate(names, _LOADS),
        at=at,
        stamp=f"c{names[_TIME]}",
        point=point,
        zone=options.timezone or THAILAND,
        period=pea.period_of([table]),
        note="point by the option" if options.point else "point is the meter's number",
    )
    return report.read(table)
