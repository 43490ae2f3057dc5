"""Energy consultants' "Load Profile", XLSX: a row a quarter-hour, loads by the rates of the TOD tariff.

No utility's own export and not specified; the layout is known from code that reads it. The first row names
``DateTime``, ``kW``, ``kW (On-Peak)``, ``kW (Off-Peak)``, ``kW (Partial-Peak)`` and the same of kVAR. The file does not
say, and it is assumed as in the utilities' reports it is made of: stamps mark the interval's END in Thai time, kW is
its mean, and ``kW`` is the sum of its rates, which is checked. The option ``point`` names the meter; the file does not.
"""

from assets.meters.formats.canonical import THAILAND, Export, OptionError, ReadingOptions
from assets.meters.formats.content import Content
from assets.meters.formats.grids import Grid, book, header, sheets
from assets.meters.formats.loads import Report, by_rate, joined

FORMAT = "tod_profile_xlsx"
KIND = "xlsx"
_NAMES = ("DateTime", "kW (On-Peak)", "kW (Off-Peak)")
_LOADS = {"kW": ("kW", "active_import"), "kVAR": ("kVAR", "reactive_import")}


def recognise(content: Content) -> str | None:
    """Evidence: a header with the time and the rates in a sheet."""
    found = any(header(each, _NAMES) for each in sheets(content))
    return "header names DateTime and kW by rate" if found else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of one workbook, of all sheets with that header. Options: ``timezone``, ``point``, without which
    ``OptionError`` is raised."""
    if options.point is None:
        raise OptionError(f"{FORMAT} names no meter: set the option 'point'")
    tables = zip(book(content), sheets(content), strict=True)
    found = [(name, table, *named) for (name, _), table in tables if (named := header(table, _NAMES))]
    if not found:
        return Export.rejected(FORMAT, "file-malformed", f"no row with {', '.join(_NAMES)}")
    reports = [_report(table, row, names, options) for _, table, row, names in found]
    return joined(reports, [name for name, *_ in found])


def _report(table: Grid, row: int, names: dict[str, int], options: ReadingOptions) -> Export:
    stamp = f"c{names['DateTime']}"
    # A date cell, or ISO text; where a person typed them, days come first in Thailand.
    dashed = table[stamp].str.contains(r"^\d{4}").any()
    report = Report(
        FORMAT,
        by_rate(names, _LOADS),
        at=row,
        stamp=stamp,
        point=str(options.point),
        zone=options.timezone or THAILAND,
        order="ymd" if dashed else "dmy",
        note="stamps taken as interval ends and kW as their mean: the file does not say",
    )
    return report.read(table)
