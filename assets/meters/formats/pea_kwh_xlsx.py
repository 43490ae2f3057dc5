"""PEA AMR reports in kWh, XLSX: รายงานข้อมูลกิโลวัตต์ชั่วโมงรายเดือน and ...แบบช่วงเวลา.

No specification is public; the layouts are known from code that reads them: the monthly one has a single sheet of
facts, a row of rates ending in ผลรวม, a row a quarter-hour with its total, then ผลรวมทั้งหมด with the sums per rate,
against which the intervals are checked; the one between dates has a sheet each for facts, intervals and remarks, all of
which begin with a row of column numbers.
"""

from assets.meters.formats import pea
from assets.meters.formats.canonical import Export, ReadingOptions
from assets.meters.formats.content import Content
from assets.meters.formats.grids import book, sheets

FORMAT = "pea_kwh_xlsx"
KIND = "xlsx"


def recognise(content: Content) -> str | None:
    """Evidence: the report's title, and a row that names the rates. Raises what calamine raises on a damaged file."""
    tables = sheets(content)
    found = pea.units_of(tables) == {"kwh"} and pea.rates_of(tables)
    return f"workbook of {len(tables)} sheet(s) under PEA's kWh title" if found else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of one report. Options: ``timezone``, ``point``. Row numbers are those of the intervals' sheet."""
    return pea.read(sheets(content), FORMAT, options, [name for name, _ in book(content)])
