"""PEA AMI "Custom kW Report", XLSX in English: facts, then a row ``Time``, ``kW`` and a row a quarter-hour.

No specification is public; the layout is known from code that reads it. There are no rates. Stamps are dd/mm/yyyy
HH.MM, mark the interval's END in Thai time and have 24.00. Columns in kWh, kVAR and kVARh are read alike where there
are any: where power and energy stand side by side, the energy counts and is checked against the power.
"""

import re
from collections.abc import Sequence

from assets.meters.formats import pea
from assets.meters.formats.canonical import THAILAND, UNITS, Export, ReadingOptions
from assets.meters.formats.content import Content
from assets.meters.formats.grids import Grid, book, head, sheets
from assets.meters.formats.loads import Load, Report, joined

FORMAT = "pea_ami_xlsx"
KIND = "xlsx"
_TITLE = re.compile(r"^Custom (\w+) Report$")
_TIME = "Time"
_LOADS = {"wh": (pea.CHANNEL, "active_import"), "varh": ("kvar", "reactive_import")}
"""Family of units → channel and quantity. The channel of the load is that of PEA's other reports of the meter."""


def recognise(content: Content) -> str | None:
    """Evidence: the title, and a header with ``Time`` and a unit."""
    tables = sheets(content)
    titled = any(_TITLE.match(text) for each in tables for _, cells in head(each) for text in cells)
    return "workbook titled Custom ... Report" if titled and any(map(_header, tables)) else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of one report, of all sheets that have its header. Options: ``timezone``, ``point`` (used where the
    report names no account)."""
    tables = sheets(content)
    if len(accounts := pea.accounts_in(tables)) > 1:
        text = f"the workbook holds reports of {len(accounts)} contract accounts: give each its own file"
        return Export.rejected(FORMAT, "meters-several", text)
    account = pea.account_of(tables, options)
    named = zip(book(content), tables, strict=True)
    found = [(name, table, *header) for (name, _), table in named if (header := _header(table))]
    if not found:
        return Export.rejected(FORMAT, "file-malformed", "no row with Time and a unit")
    if not account:
        return Export.rejected(FORMAT, "file-malformed", "no account number in the report, and no option 'point'")
    reports = [_report(table, row, names, account, tables, options) for _, table, row, names in found]
    told = all(pea.accounts_in([table]) for _, table, *_ in found)
    return joined(reports, () if told else [name for name, *_ in found])


def _report(
    table: Grid, row: int, names: dict[str, int], account: str, tables: Sequence[Grid], options: ReadingOptions
) -> Export:
    loads = [
        Load(*_LOADS[UNITS[name.lower()].family], unit=name, columns={"": f"c{at}"})
        for name, at in names.items()
        if name != _TIME
    ]
    period = pea.period_of(tables) if sum(_header(each) is not None for each in tables) == 1 else None
    stamp, zone = f"c{names[_TIME]}", options.timezone or THAILAND
    return Report(FORMAT, loads, at=row, stamp=stamp, point=account, zone=zone, period=period).read(table)


def _header(table: Grid) -> tuple[int, dict[str, int]] | None:
    """Row, and the columns of ``Time`` and of the units."""
    for row, cells in head(table):
        units = {c: i for i, c in enumerate(cells) if c.lower() in UNITS and UNITS[c.lower()].family in _LOADS}
        if _TIME in cells and units:
            return row, {_TIME: cells.index(_TIME), **units}
    return None
