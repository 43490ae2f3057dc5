"""PEA AMR monthly report, kWh: XLSX of one sheet, titled รายงานข้อมูลกิโลวัตต์ชั่วโมงรายเดือน.

No specification is public; the layout is known from code that reads it: facts, a row of rates ending in ผลรวม, a row a
quarter-hour with its total, then ผลรวมทั้งหมด with the sums per rate, against which the intervals are checked.
"""

from collections.abc import Mapping
from typing import Any

import fastexcel

from assets.energy.readers import pea
from assets.energy.readers.canonical import THAILAND, Export
from assets.energy.readers.content import Content

FORMAT = "pea_kwh_xlsx"
KIND = "xlsx"
_TITLE = "รายงานข้อมูล" + pea.TITLE_KWH + "รายเดือน"


def recognise(content: Content) -> str | None:
    """Evidence: one sheet with the report's title. Raises what calamine raises on a damaged workbook."""
    if len(fastexcel.read_excel(content.data).sheet_names) != 1:
        return None
    titled = any(cell.startswith(_TITLE) for row in _grid(content, 20) for cell in row)
    return "workbook of one sheet under PEA's kWh title" if titled else None


def read(content: Content, options: Mapping[str, Any]) -> Export:
    """Readings of one report. Options: ``timezone``, ``point``. Row numbers are the sheet's."""
    zone = str(options.get("timezone", THAILAND))
    point = options.get("point")
    return pea.read(_grid(content), FORMAT, zone, None if point is None else str(point))


def _grid(content: Content, limit: int | None = None) -> pea.Grid:
    """The sheet as text, so that an account keeps its leading zeros."""
    sheet = fastexcel.read_excel(content.data).load_sheet(
        0, header_row=None, dtypes="string", n_rows=limit, skip_rows=0, skip_whitespace_tail_rows=True
    )
    return [[pea.clean(cell or "") for cell in row] for row in sheet.to_polars().iter_rows()]
