"""What the title or the name of a table tells of all its rows: the period, the unit, whose they are.

It becomes a column where no column tells it, so that it is read, and refused, as a cell would be.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import polars as pl

from assets.sources import thai
from assets.sources.long_table_headers import AREAS, COLUMNS
from assets.sources.long_table_periods import TWO_YEARS, Told, period
from quality.batch import Batch

SHEET = "แผ่นงาน"
"""Column with the names of sheets, or of an archive's files, that tell neither year nor month."""

_UNITS = {thai.folded(name) for name in COLUMNS["unit"]}
DATED = re.compile(r"ปี|พ\.?\s?ศ\.?|ค\.?\s?ศ\.?|วันที่|ว/ด/ป|(?<!\d)\d{4}(?!\d)|year|date", re.IGNORECASE)
"""Headers that tell when."""
_YEAR = r"(?<!\d)(\d{4})(?!\d)"
_SHORT_YEAR = r"(?:ปี|พ\.?\s?ศ\.?)\s*(\d\d)(?!\d)"
_TITLE_YEAR = r"(?:ปี|พ\.?\s?ศ\.?)[^\d]{0,12}(\d{4})(?!\d)"
_COUNTED = "บาท|คน|ราย|ศพ|ตัน|ไร่|แห่ง|ครั้ง|คัน|ครัวเรือน|หลังคาเรือน|กิโลเมตร|ลูกบาศก์เมตร"
TITLE_UNIT = re.compile(
    r"(?:หน่วย(?:นับ|วัด)?(?:\s*[:：=]\s*|\s*[(\[（]\s*|\s+)|(?i:\bunits?)\s*[:：=(]\s*)([^\s()\[\]（）:,]+)"
    rf"|[(\[（]\s*((?:พัน|หมื่น|แสน|ล้าน)*(?:{_COUNTED})|ร้อยละ|%)\s*[)\]）]"
)
"""The unit in a title or in a line of its own: ``หน่วย: พันบาท``, ``(หน่วย : คน)``, ``(ล้านบาท)``; no ``หน่วยงาน``."""
_UPDATED = re.compile(
    rf"(?:ปรับปรุง|อัปเดต|อัพเดท|updated?|ณ)\s*(?:ข้อมูล)?(?:ล่าสุด)?\s*(?:เมื่อ|ณ)?\s*(?:วันที่|สิ้น)?(?:เดือน)?\s*\d{{0,2}}\s*"
    rf"(?:{thai.FULL_MONTHS}|{thai.SHORT_MONTHS}|{thai.MONTHS_IN_ENGLISH})\s*(?:พ\.?\s?ศ\.?)?\s*(?:\d{{4}}|\d{{2}})?",
    re.IGNORECASE,
)
"""When a table was made, which is no period of its numbers."""
PROVINCES = (
    "กรุงเทพมหานคร|สมุทรปราการ|นนทบุรี|ปทุมธานี|พระนครศรีอยุธยา|อ่างทอง|ลพบุรี|สิงห์บุรี|ชัยนาท|สระบุรี|"
    "ชลบุรี|ระยอง|จันทบุรี|ตราด|ฉะเชิงเทรา|ปราจีนบุรี|นครนายก|สระแก้ว|นครราชสีมา|บุรีรัมย์|สุรินทร์|"
    "ศรีสะเกษ|อุบลราชธานี|ยโสธร|ชัยภูมิ|อำนาจเจริญ|หนองบัวลำภู|ขอนแก่น|อุดรธานี|เลย|หนองคาย|มหาสารคาม|"
    "ร้อยเอ็ด|กาฬสินธุ์|สกลนคร|นครพนม|มุกดาหาร|เชียงใหม่|ลำพูน|ลำปาง|อุตรดิตถ์|แพร่|น่าน|พะเยา|เชียงราย|"
    "แม่ฮ่องสอน|นครสวรรค์|อุทัยธานี|กำแพงเพชร|ตาก|สุโขทัย|พิษณุโลก|พิจิตร|เพชรบูรณ์|ราชบุรี|กาญจนบุรี|"
    "สุพรรณบุรี|นครปฐม|สมุทรสาคร|สมุทรสงคราม|เพชรบุรี|ประจวบคีรีขันธ์|นครศรีธรรมราช|กระบี่|พังงา|ภูเก็ต|"
    "สุราษฎร์ธานี|ระนอง|ชุมพร|สงขลา|สตูล|ตรัง|พัทลุง|ปัตตานี|ยะลา|นราธิวาส|บึงกาฬ"
)
"""Bangkok and the 76 provinces."""
_PROVINCE = re.compile(rf"(?:จังหวัด|(?<![ก-๙.])จ\.)\s*({PROVINCES})")
_MAKER = re.compile(
    r"(?:ที่มา|แหล่ง(?:ที่มา|ข้อมูล)?|จัดทำ(?:โดย)?|source)\s*[:：]?.*"
    r"|\S*(?:สำนักงาน|องค์การบริหารส่วนจังหวัด|ที่ทำการ|ที่ว่าการ)\S*",
    re.IGNORECASE,
)
"""Where a table is from, or whose office made it."""
_LEVEL = {
    "city": r"เทศบาล(?:นคร|เมือง|ตำบล)|องค์การบริหารส่วนตำบล|(?<![ก-๙.])(?:อบต|ทน|ทม|ทต)\.",
    "tambon": r"ตำบล|(?<![ก-๙.])ต\.",
    "amphoe": r"อำเภอ|(?<![ก-๙.])อ\.|(?<![ก-๙])เขต(?=\s?[ก-๙]+\s+(?:กรุงเทพ|กทม))",
}
"""Level → words before the name of such an area, the finest first: a municipality may have ``ตำบล`` in its kind."""
_NO_NAME = (
    "ปี|และ|หรือ|ที่|ใน|ของ|ต่าง|ทั้ง|ทุก|รวม|ละ|ใด|ขนาด|จังหวัด|อำเภอ|ตำบล|หมู่|เทศบาล|ชุมชน|พ.ศ|"
    "จัดการ|ต้นแบบ|ยิ้ม|นำร่อง|เป้าหมาย|เข้มแข็ง|มั่นคง|ปลอด|สุขภาวะ|น่าอยู่|หนึ่ง"
)
"""Begins what follows such a word where it names none: classes of areas, and programmes."""
_LOCAL = re.compile(
    r"(?<!ราย)(?<!ตาม)(?<!ระดับ)(?<!ทุก)(?<!แต่ละ)(?<!จำนวน)(?<!สุขภาพ)(?<!หนึ่ง)(?<!นาย)"
    rf"(?:{'|'.join(f'(?P<{level}>{words})' for level, words in _LEVEL.items())})\s*(?!{_NO_NAME})(?P<name>[ก-๙]{{2,}})"
)
_UNNAMED = re.compile(r"^(?:sheet|แผ่น(?:งาน)?|ชีต)\s*\d*$", re.IGNORECASE)
"""Names that a spreadsheet gives."""


@dataclass(frozen=True)
class Sheet:
    """A table as it stands in a file: below its title, in a sheet or file with a name."""

    name: str
    title: str
    """What stands above the header."""
    rows: pl.DataFrame
    notes: tuple[str, ...] = ()
    """What stood below it, a row each."""
    again: bool = False
    """Whether its header has come before in the same sheet."""


def dated(sheets: Sequence[Sheet]) -> list[pl.DataFrame]:
    """The rows of sheets, with what their names or titles tell and no column does."""
    headers = {name for sheet in sheets for name in sheet.rows.columns}
    has_year, finer = any(map(DATED.search, headers)), _finer(headers)
    # The nearest line above a table comes last.
    units = [[one or other for one, other in TITLE_UNIT.findall(sheet.title)][-1:] for sheet in sheets]
    named = {sheet.name for sheet in sheets}
    united = any(thai.folded(name) in _UNITS for name in headers) or any(map(_tells_unit, sheets))
    provincial = any(re.search("จังหวัด|province|changwat", name, re.IGNORECASE) for name in headers)
    periods = [_period(sheet, finer) for sheet in sheets]
    frames = list[pl.DataFrame]()
    for sheet, unit, found in zip(sheets, units, periods, strict=True):
        more = {"หน่วย": unit[0]} if unit and not united else {}
        if all(each.year for each in periods) and not has_year:
            more["ปีงบประมาณ" if found.fiscal else "ปี"] = found.kind + found.year
        if all(each.month for each in periods) and not (has_year and len(named) == 1):
            more["เดือน"] = found.month
        elif all(each.quarter for each in periods) and not has_year:
            more["ไตรมาส"] = found.quarter
        elif len(named) > 1 and not all(each.year for each in periods) and not all(map(_UNNAMED.search, named)):
            more[SHEET] = sheet.name
        if not provincial and (province := _province(sheet.title)):
            more["จังหวัด"] = province
        more |= area_of(sheet, headers)
        frames.append(sheet.rows.with_columns(pl.lit(text).alias(name) for name, text in more.items()))
    return frames


def titled(batch: Batch, title: str) -> Batch:
    """The rows of one table with what a title tells that stands elsewhere, and no column does."""
    sheet = Sheet(title, title, batch.rows)
    return replace(doubted(batch, [sheet]), rows=dated([sheet])[0])


def doubted(batch: Batch, sheets: Sequence[Sheet]) -> Batch:
    """The rows of these tables, said where what stands around one tells a part of a year and its columns whole ones."""
    for text in _doubts(sheets):
        batch = batch.note("period-mismatch", f"{text!r:.80} tells a part of a year, the columns whole years")
    return batch


def _doubts(sheets: Sequence[Sheet]) -> list[str]:
    """Titles and notes that tell a part of a year above or below a table whose columns tell years alone."""
    headers = {name for sheet in sheets for name in sheet.rows.columns}
    if _finer(headers) or not any(map(DATED.search, headers)):
        notes = () if _finer(headers) else {note for sheet in sheets for note in sheet.notes}
    else:
        notes = {text for sheet in sheets for text in (sheet.title, *sheet.notes)}
    told = {text: period(_UPDATED.sub(" ", text)) for text in sorted(notes)}
    # Of several years the columns tell which.
    return [t for t, each in told.items() if each.part not in ("", TWO_YEARS) or each.month or each.quarter]


def _finer(headers: Collection[str]) -> bool:
    """Whether columns tell months, quarters or days."""
    told = map(period, headers)
    named = any(re.search("เดือน|ไตรมาส|วันที่|ว/?ด/?ป|month|quarter|date", name, re.IGNORECASE) for name in headers)
    return named or any(each.month or each.quarter for each in told)


def _period(sheet: Sheet, finer: bool) -> Told:
    """The period that a sheet's name or its title tells; of a part of a year the words, which are no year. With
    ``finer`` columns the months are theirs."""
    title, year = _UPDATED.sub(" ", sheet.title), year_of(sheet)
    named, titled = period(sheet.name), period(title)
    if titled.year and year and titled.year != year:
        titled = Told()
    month, quarter = named.month or titled.month, named.quarter or titled.quarter
    if finer:
        month = quarter = ""
    elif part := named.part or titled.part:
        return Told(year=(sheet.name if named.part else title)[:60], part=part)
    elif (month or quarter) and not year:
        year = named.year or titled.year
    fiscal = bool(re.search(thai.FISCAL, f"{sheet.name} {sheet.title}"))
    return Told(year, fiscal, month, quarter, kind=named.kind or titled.kind)


def _province(title: str) -> str:
    """The one province that a title is about; empty where it names none or several."""
    names = set(_PROVINCE.findall(_MAKER.sub(" ", title)))
    return names.pop() if len(names) == 1 else ""


def area_of(sheet: Sheet, headers: Collection[str]) -> dict[str, str]:
    """Header → the area below a province that a title names, the finest; none where a column has areas of its level."""
    found = list(_LOCAL.finditer(_MAKER.sub(" ", sheet.title)))
    level = next((level for level in _LEVEL if any(each[level] for each in found)), None)
    if level is None or {thai.folded(name) for name in headers} & {thai.folded(name) for name in AREAS[level]}:
        return {}
    names = dict.fromkeys(f"{each[level]}{each['name']}" for each in found if each[level])
    return {AREAS[level][0]: ", ".join(names)}


def _tells_unit(sheet: Sheet) -> bool:
    """Whether a column of numbers has its unit in its header; ``ปี (พ.ศ.)`` has none."""
    named = [name for name in sheet.rows.columns if name.rstrip().endswith((")", "]")) and not DATED.search(name)]
    return any(sheet.rows[name].str.contains(r"^\s*[-+]?[0-9]").any() for name in named)


def year_of(sheet: Sheet) -> str:
    """The one year that a sheet's name, or else its title, tells; empty where it tells none or several."""
    for text, pattern in ((sheet.name, _YEAR), (sheet.name, _SHORT_YEAR), (sheet.title, _TITLE_YEAR)):
        if len(found := set(re.findall(pattern, text))) == 1:
            year = found.pop()
            return year if len(year) == 4 else f"25{year}"
    return ""
