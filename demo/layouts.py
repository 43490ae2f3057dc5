"""Writes meter-days in the layouts that utilities and cities export: the counterpart of ``assets.meters.formats``.

Every function takes meter-days as ``demo.loads.loads`` makes them (``point`` and ``wh``, 96 whole Wh or
nulls) and returns the bytes of one file. Stamps mark the interval's END, Asia/Bangkok.
"""

import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from html import escape

import polars as pl

from demo.loads import SLOTS

WIDE_HEADER = ["point", "date", *(f"kwh_{slot // 4:02d}{slot % 4 * 15:02d}" for slot in range(1, SLOTS + 1))]
MEA_HEADER = ["MEA No.", "UI ID.", "Rate Category", "Measuring Compoenent", "TOU/TOD", "Date Time", "Value"]
"""The misspelling is MEA's own."""
MONTHS = [
    "มกราคม",
    "กุมภาพันธ์",
    "มีนาคม",
    "เมษายน",
    "พฤษภาคม",
    "มิถุนายน",
    "กรกฎาคม",
    "สิงหาคม",
    "กันยายน",
    "ตุลาคม",
    "พฤศจิกายน",
    "ธันวาคม",
]
NBSP = "\u00a0"
_ZIPPED = (2026, 1, 1, 0, 0, 0)
"""Time stamp inside archives, so that the same content gives the same bytes."""


def nem12(days: pl.DataFrame, reading_day: date, updated: datetime) -> bytes:
    """NEM12 (AEMO MDFF): a 200 and a 300 row a meter, 400 rows where the quality varies within the day.

    Some meters are substituted for the whole day or for two hours, as happens on any day.
    """
    stamp, interval_day = f"{updated:%Y%m%d%H%M%S}", f"{reading_day:%Y%m%d}"
    part = pl.col("index") % 400 == 161
    whole = pl.col("index") % 200 == 53
    quality = (
        pl.when(whole).then(pl.lit("S14,0,No communication")).when(part).then(pl.lit("V,,")).otherwise(pl.lit("A,,"))
    )
    events = "400,1,40,A,,\r\n400,41,48,S14,0,No communication\r\n400,49,96,A,,\r\n"
    body = days.select(
        pl.format(
            "200,{},E1,1,E1,N1,{},kWh,15,\r\n300,{},{},{},{},\r\n{}",
            "point",
            pl.col("point").str.replace("TH", "M", literal=True),
            pl.lit(interval_day),
            _kwh_cells(),
            quality,
            pl.lit(stamp),
            pl.when(part).then(pl.lit(events)).otherwise(pl.lit("")),
        )
    ).to_series()
    head = f"100,NEM12,{updated:%Y%m%d%H%M},MUANGMDP,CITYCDP\r\n"
    return f"{head}{body.str.join('').item()}900\r\n".encode()


def wide_csv(days: pl.DataFrame, reading_day: date) -> bytes:
    """``muang_meters_wide``: a row a meter-day, kWh, columns named by the interval's end."""
    rows = days.select(pl.format("{},{},{}\n", "point", pl.lit(reading_day.isoformat()), _kwh_cells())).to_series()
    return f"{','.join(WIDE_HEADER)}\n{rows.str.join('').item()}".encode()


def pea_html(point: str, wh: Sequence[int | None], reading_day: date, buddhist: bool) -> bytes:
    """PEA's interval report, an HTML page saved as .xls: kW under RATE A, B or C, times with a dot.

    With ``buddhist`` years are BE and midnight is 24.00, else CE and 00.00 of the next day: both occur.
    """
    day = _day(reading_day, buddhist)
    head = (
        ("รายงานข้อมูลกิโลวัตต์แบบช่วงเวลา",),
        (f"[ระหว่างวันที่ : {day} - {day}]",),
        ("บัญชีผู้ใช้ไฟ : ", point + NBSP, "ชื่อผู้ใช้ไฟ : ", "ผู้ใช้ไฟจำลอง"),
        ("เครื่องวัด : ", f"DEMO{point[-6:]}", "Tariff : ", "40"),
        ("CT Ratio : ", "100/5 A.", "VT Ratio : ", "22000/110 V."),
    )
    rate = _rate(reading_day)
    rows = (
        (stamp, *(cell for column in "ABC" for cell in ((kw, "") if column == rate(slot) else ("", ""))))
        for slot, (stamp, kw) in enumerate(zip(_dotted(reading_day, buddhist), _kw(wh), strict=True))
    )
    rates = ("", "RATE A", "RATE A", "RATE B", "RATE B", "RATE C", "RATE C")
    tables = (head, (rates, *rows), (("***หมายเหตุ*** ข้อมูลจำลอง",),))
    return "".join(map(_html_table, tables)).encode()


def pea_kwh_xlsx(point: str, wh: Sequence[int | None], reading_day: date) -> bytes:
    """PEA's monthly kWh report, XLSX of one sheet: kWh a quarter-hour with row totals and a grand total."""
    rate = _rate(reading_day)
    stamps = _dotted(reading_day, buddhist=False)
    totals = ["" if value is None else _kwh(value) for value in wh]
    cells = [[total if c == rate(slot) else "0.000" for c in "ABC"] for slot, total in enumerate(totals)]
    sums = [sum(value or 0 for slot, value in enumerate(wh) if rate(slot) == column) for column in "ABC"]
    rows = [
        ("", "การไฟฟ้าส่วนภูมิภาค"),
        ("", "รายงานข้อมูลกิโลวัตต์ชั่วโมงรายเดือน"),
        ("", f"[ประจำเดือน : {MONTHS[reading_day.month - 1]} {reading_day.year + 543}]"),
        ("บัญชีผู้ใช้ไฟ :", point + NBSP, "ชื่อผู้ใช้ไฟ :", "ผู้ใช้ไฟจำลอง" + NBSP),
        ("หมายเลขมิเตอร์ :", f"DEMO{point[-6:]}" + NBSP, "Tariff :", "40" + NBSP),
        ("CT Ratio :", "100:5 A." + NBSP, "VT Ratio :", "22000:110 V." + NBSP),
        ("", "RATE A", "RATE B", "RATE C", "ผลรวม"),
        *((NBSP + stamp, *row, total) for stamp, row, total in zip(stamps, cells, totals, strict=True)),
        ("ผลรวมทั้งหมด", *map(_kwh, sums), _kwh(sum(sums))),
        ("***หมายเหตุ*** ข้อมูลจำลอง",),
    ]
    return _xlsx("kWh", rows)


def mea_csv(days: pl.DataFrame, reading_day: date) -> bytes:
    """MEA's long CSV: kW and kvar rows alternate, several meters in a file, BOM, month first, midnight 0:00."""
    rate = _rate(reading_day)
    ends = pl.Series([f"{end.month}/{end.day}/{end.year} {end.hour}:{end:%M}" for end in _ends(reading_day)])
    slots = pl.DataFrame({"slot": range(SLOTS), "Date Time": ends, "TOU/TOD": map(_on_off, map(rate, range(SLOTS)))})
    # A mean of 4 x Wh is in W; the reactive part is a third of it.
    kinds = pl.DataFrame({"Measuring Compoenent": ["E-MAX-KW-IMP", "E-MAX-KVAR-IMP"], "times": [12, 4]})
    long = days.select("point", "index", "wh", slot=pl.lit(list(range(SLOTS)))).explode("wh", "slot")
    rows = long.join(slots, on="slot", maintain_order="left").join(kinds, how="cross", maintain_order="left_right")
    table = rows.with_columns(
        pl.col("point").alias("MEA No."),
        pl.col("index").alias("UI ID."),
        pl.lit("4.2.2").alias("Rate Category"),
        Value=_decimal(pl.col("wh") * pl.col("times") // 3),
    )
    out = io.BytesIO()
    table.select(MEA_HEADER).write_csv(out, include_bom=True)
    return out.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    """An archive of one file, stored uncompressed: compressors differ in their bytes, and this must not."""
    return _archive([(name, data)])


def _archive(members: Iterable[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, _ZIPPED), data)
    return out.getvalue()


def _xlsx(sheet: str, rows: Iterable[Sequence[str]]) -> bytes:
    """The smallest workbook that Excel and calamine read: one sheet, all cells inline strings (ECMA-376)."""
    spreadsheet = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    media = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    body = "".join(
        f'<row r="{number}">'
        + "".join(
            f'<c r="{chr(65 + column)}{number}" t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
            for column, cell in enumerate(row)
            if cell
        )
        + "</row>"
        for number, row in enumerate(rows, start=1)
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{media}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{media}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{spreadsheet}" xmlns:r="{office}"><sheets><sheet name="{sheet}" '
        f'sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{spreadsheet}"><sheetData>{body}</sheetData></worksheet>',
    }
    declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    return _archive((name, (declaration + xml).encode()) for name, xml in parts.items())


def _html_table(rows: Iterable[Sequence[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{body}</table>"


def _rate(reading_day: date) -> Callable[[int], str]:
    """The utility's rate of a quarter-hour: A from 09:00 to 22:00 of a working day, else B; C at weekends.

    Public holidays are left out: the demo's calendar knows none.
    """
    if reading_day.weekday() >= 5:
        return lambda slot: "C"
    return lambda slot: "A" if 9 * 4 <= slot < 22 * 4 else "B"


def _on_off(rate: str) -> str:
    return "ON" if rate == "A" else "OFF"


def _ends(reading_day: date) -> list[datetime]:
    """Ends of the quarter-hours, Bangkok's clock."""
    midnight = datetime.combine(reading_day, time())
    return [midnight + timedelta(minutes=15 * slot) for slot in range(1, SLOTS + 1)]


def _dotted(reading_day: date, buddhist: bool) -> list[str]:
    stamps = [f"{_day(end.date(), buddhist)} {end:%H.%M}" for end in _ends(reading_day)]
    return [*stamps[:-1], f"{_day(reading_day, buddhist)} 24.00"] if buddhist else stamps


def _day(day: date, buddhist: bool) -> str:
    return f"{day:%d/%m}/{day.year + 543 * buddhist}"


def _kw(wh: Iterable[int | None]) -> list[str]:
    return ["" if value is None else _kwh(4 * value) for value in wh]


def _kwh(wh: int) -> str:
    return f"{wh // 1000}.{wh % 1000:03d}"


def _decimal(wh: pl.Expr) -> pl.Expr:
    """Whole Wh as kWh with three decimals; null stays null. Text all the way, so that no float rounds it."""
    text = wh.abs().cast(pl.String).str.zfill(4)
    kwh = pl.concat_str(text.str.head(-3), pl.lit("."), text.str.tail(3))
    return pl.when(wh < 0).then(pl.concat_str(pl.lit("-"), kwh)).otherwise(kwh)


def _kwh_cells() -> pl.Expr:
    return pl.col("wh").list.eval(_decimal(pl.element()).fill_null("")).list.join(",")
