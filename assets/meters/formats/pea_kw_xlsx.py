"""PEA AMR and AMI reports in kW, XLSX: รายงานข้อมูลกิโลวัตต์รายเดือน and ...แบบช่วงเวลา.

No specification is public; the layouts are known from code that reads them. Each rate has two columns of which the
first counts (the second is blank, or repeats it). AMR and AMI monthly reports have one sheet and end in least, mean and
greatest kW, against which the intervals are checked; AMI labels end in ไฟฟ้า and its rates may stand as low as row 28.
Those between dates have a sheet each for facts, intervals and remarks; a head in BE may stand over stamps in CE.
"""

from assets.meters.formats import pea
from assets.meters.formats.canonical import Export, ReadingOptions
from assets.meters.formats.content import Content
from assets.meters.formats.grids import book, sheets

FORMAT = "pea_kw_xlsx"
KIND = "xlsx"


def recognise(content: Content) -> str | None:
    """Evidence: the report's title, and a row that names the rates. Raises what calamine raises on a damaged file."""
    tables = sheets(content)
    found = "kw" in pea.units_of(tables) and pea.rates_of(tables)
    return f"workbook of {len(tables)} sheet(s) under PEA's kW title" if found else None


def read(content: Content, options: ReadingOptions) -> Export:
    """Readings of one report. Options: ``timezone``, ``point``. Row numbers are those of the intervals' sheet."""
    return pea.read(sheets(content), FORMAT, options, [name for name, _ in book(content)])
