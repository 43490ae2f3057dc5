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
from assets.meters.formats.grids import head, header, sheets
from assets.meters.formats.loads import Report, by_rate

FORMAT = "pea_monthly_xls"
KIND = "biff"
_TITLE = "รายงานใช้ไฟ"
_TIME = "วันที่/เวลา"
_METER = re.compile(r"^เครื่องวัดฯ?\s*:\s*(\S+)$")
_LOADS = {"kW": (pea.CHANNEL, "active_import"), "kVAR": ("kvar", "reactive_import")}


def recognise(content: Content) -> str | None:
    """Evidence: the title and the column of times in the first sheet."""
    tables = sheets(content)[:1]
    titled = any(text.startswith(_TITLE) for each in tables for _, cells in head(each) for text in cells)
    return f"BIFF workbook titled {_TITLE}" if titled and header(tables[0], [_TIME]) else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of one report. Options: ``timezone``, ``point`` (goes before the meter's number)."""
    tables = sheets(content)[:1]
    found = header(tables[0], [_TIME]) if tables else None
    loads = by_rate(found[1], _LOADS) if found else []
    if found is None or not any(load.unit == "kW" for load in loads):
        return Export.rejected(FORMAT, "file-malformed", f"no row with {_TIME} and kW")
    texts = (text for _, cells in head(tables[0]) for text in cells)
    point = options.point or next((named[1] for text in texts if (named := _METER.match(text))), None)
    if point is None:
        return Export.rejected(FORMAT, "file-malformed", "no meter number in the report, and no option 'point'")
    report = Report(
        FORMAT,
        loads,
        at=found[0],
        stamp=f"c{found[1][_TIME]}",
        point=point,
        zone=options.timezone or THAILAND,
        period=pea.period_of(tables),
        note="point by the option" if options.point else "point is the meter's number",
    )
    return report.read(tables[0])
