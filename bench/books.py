"""Workbook cases: a year of one PEA report (kW, kWh), a month of twelve meters in MEA's wide one.

The peer is what an analyst writes: pandas with openpyxl, the stamps to UTC, a row an interval and channel.
"""

import random
from datetime import datetime, timedelta
from pathlib import Path

from assets.meters.exports import read_export

FIRST = datetime(2025, 1, 1)  # noqa: DTZ001 (local time, as the reports write it)
STEP = timedelta(minutes=15)
TITLES = {"kw": "รายงานข้อมูลกิโลวัตต์แบบช่วงเวลา", "kwh": "รายงานข้อมูลกิโลวัตต์ชั่วโมงแบบช่วงเวลา"}
COMPONENTS = ["E-KVARH-TOTAL-IMP", "E-KWH-TOTAL-IMP", "E-MAX-KVAR-IMP", "E-MAX-KW-IMP"]
ENERGY = COMPONENTS[:2]


def write_pea(path: Path, share: float, unit: str) -> None:
    """A sheet each for facts, intervals and remarks; numbers as text, midnight as 24.00."""
    from openpyxl import Workbook

    chance, days = random.Random(1), max(1, round(365 * share))
    names = {"kw": ["RATE A", "RATE A", "RATE B", "RATE B", "RATE C", "RATE C"], "kwh": ["RATE A", "RATE B", "RATE C"]}
    numbers = [str(place) for place in range(7)]
    book = Workbook()
    facts, rows, remarks = book.worksheets[0], book.create_sheet(), book.create_sheet()
    last = FIRST + timedelta(days=days - 1)
    for row in (numbers, [TITLES[unit]] * 7, [f"[ระหว่างวันที่ : {FIRST:%d/%m/%Y} - {last:%d/%m/%Y}]"] * 7):
        facts.append(row)
    facts.append(["บัญชีผู้ใช้ไฟ :", "020012345678", "ชื่อผู้ใช้ไฟ :", "-"])
    rows.append(numbers)
    rows.append(["", *names[unit], *(["ผลรวม"] if unit == "kwh" else [])])
    for slot in range(days * 96):
        start = FIRST + slot * STEP
        minute = start.hour * 60 + start.minute + 15
        value = f"{chance.randrange(1_000_000) / 1000:.3f}"
        place = 2 if start.weekday() > 4 else 0 if 540 < minute <= 1320 else 1
        cells = [value if at == place else None for at in range(3)]
        shown = [cell for cell in cells for _ in (0, 1)] if unit == "kw" else [*cells, value]
        rows.append([f"{start:%d/%m/%Y} {minute // 60:02d}.{minute % 60:02d}", *shown])
    remarks.append(["***หมายเหตุ***"] * 7)
    book.save(path)


def write_mea(path: Path, share: float) -> None:
    """Four rows of head, then a row a meter and interval; numbers as numbers."""
    from openpyxl import Workbook

    chance, days = random.Random(1), max(1, round(31 * share))
    book = Workbook()
    sheet = book.worksheets[0]
    for row in (["ตารางแสดงผลข้อมูลแบบสรุปแนวขวาง"], [], ["", "", "", "", "", "", "Value"]):
        sheet.append(row)
    sheet.append(["MEA No.", "UI ID.", "Rate Category", "Date Time", "TOU/TOD", *COMPONENTS])
    for meter in range(12):
        for slot in range(1, days * 96 + 1):
            kwh, kvarh = chance.randrange(100_000) / 1000, chance.randrange(50_000) / 1000
            values = [kvarh, kwh, round(kvarh * 4, 3), round(kwh * 4, 3)]
            stamp = f"{FIRST + slot * STEP:%Y-%m-%d %H:%M:%S}"
            sheet.append([f"01400{meter:05d}", "0095856820", 3.2, stamp, "OFF", *values])
    book.save(path)


def muang(path: Path) -> tuple[int, float]:
    result = read_export(path.read_bytes(), path.name, {})
    readings = result.tables["readings"]
    return readings.height, float(readings["value"].sum())


def pandas_pea(path: Path, unit: str) -> tuple[int, float]:
    import pandas as pd

    sheets = pd.read_excel(path, sheet_name=None, header=None, dtype=str, engine="openpyxl")
    facts, table, _ = sheets.values()
    rows = table.iloc[2:]
    ends = pd.to_datetime(rows[0].str[:10], format="%d/%m/%Y")
    ends += pd.to_timedelta(rows[0].str[11:].str.replace(".", ":") + ":00")
    places = {"A": 1, "B": 3, "C": 5} if unit == "kw" else {"A": 1, "B": 2, "C": 3}
    rates = pd.DataFrame({rate: pd.to_numeric(rows[place]) for rate, place in places.items()})
    long = pd.DataFrame(
        {
            "point": facts.iloc[3, 1],
            "start": (ends - STEP).dt.tz_localize("Asia/Bangkok").dt.tz_convert("UTC"),
            "value": rates.sum(axis=1) / (4 if unit == "kw" else 1),
            "rate": rates.notna().idxmax(axis=1),
        }
    )
    return len(long), float(long["value"].sum())


def pandas_mea(path: Path) -> tuple[int, float]:
    import pandas as pd

    table = pd.read_excel(path, header=3, dtype={"MEA No.": str}, engine="openpyxl")
    ends = pd.to_datetime(table["Date Time"], format="%Y-%m-%d %H:%M:%S")
    table["start"] = (ends - STEP).dt.tz_localize("Asia/Bangkok").dt.tz_convert("UTC")
    long = table.melt(["MEA No.", "start", "TOU/TOD"], ENERGY, "channel")
    return len(long), float(long["value"].sum())
