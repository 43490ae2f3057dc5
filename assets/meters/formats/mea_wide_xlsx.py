"""MEA "ตารางแสดงผลข้อมูลแบบสรุปแนวขวาง": XLSX, a row an interval, a column a component.

No specification is public; the layout is known from code that reads it. Four rows of head, of which the last names
``MEA No.``, ``Date Time``, ``TOU/TOD`` and the components. Stamps are yyyy-mm-dd HH:MM:SS and mark the interval's END:
TOU/TOD turns to ON with 9:15 while the peak begins at 9:00. E-KWH-TOTAL is the interval's energy (30.886 beside an
E-MAX-KW of 123.544) and counts; E-MAX-KW is its demand, kept as a check, or as the load where there is no energy.
"""

import re
from collections.abc import Mapping

from assets.meters.formats.canonical import THAILAND, Export, ReadingOptions
from assets.meters.formats.content import Content
from assets.meters.formats.grids import cell, header, sheets
from assets.meters.formats.loads import Load, Report, joined

FORMAT = "mea_wide_xlsx"
KIND = "xlsx"
_NAMES = ("MEA No.", "Date Time", "TOU/TOD")
_COMPONENT = re.compile(r"E-(?:(KWH|KVARH)-TOTAL|MAX-(KW|KVAR))-(IMP|EXP)")
_QUANTITIES = {"KW": "active", "KVAR": "reactive"}


def recognise(content: Content) -> str | None:
    """Evidence: a header with MEA's columns and a component."""
    found = any((named := header(each, _NAMES)) and _loads(named[1]) for each in sheets(content))
    return "header names MEA No., Date Time and components" if found else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of one workbook, of all sheets with MEA's header and of several meters where it has them. Options:
    ``timezone``."""
    reports = []
    for table in sheets(content):
        found = header(table, _NAMES)
        if found is None or not (loads := _loads(found[1])):
            continue
        row, names = found
        report = Report(
            FORMAT,
            loads,
            at=row,
            stamp=f"c{names['Date Time']}",
            point=cell(names["MEA No."]),
            zone=options.timezone or THAILAND,
            order="ymd",
            rate=f"c{names['TOU/TOD']}",
        )
        reports.append(report.read(table))
    if not reports:
        return Export.rejected(FORMAT, "file-malformed", f"no row with {', '.join(_NAMES)} and components")
    return joined(reports)


def _loads(names: Mapping[str, int]) -> list[Load]:
    """The channel is the component that MEA's CSV names the load by, so that both together are not counted twice."""
    found = []
    for name, at in names.items():
        if part := _COMPONENT.fullmatch(name):
            power = (part[1] or part[2]).removesuffix("H")
            way = "import" if part[3] == "IMP" else "export"
            unit = part[1] or part[2]
            found.append(Load(f"E-MAX-{power}-{part[3]}", f"{_QUANTITIES[power]}_{way}", unit, {"": f"c{at}"}))
    return found
