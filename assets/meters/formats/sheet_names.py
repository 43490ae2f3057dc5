"""What the names of a workbook's sheets tell apart: periods and pages of one meter, or meters."""

import re
from collections.abc import Collection
from typing import Final

from assets.meters.formats.periods import MONTHS_TH

SEVERAL: Final = (
    "sheets are told apart by their names, and not by dates or pages, where the file has one metering point"
)
_PERIOD: Final = (
    rf"{'|'.join(MONTHS_TH.values())}"
    r"|(?<![^\W\d_])(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)"
    r"(?:uary|ruary|ch|il|ust|tember|ober|ember|s|nes|rs|ur)?(?:day)?(?![^\W\d_])"
    r"|(?<![^\W\d_])(?:days?|weeks?|months?|years?|quarters?|q|to)(?![^\W\d_])"
    r"|วัน(?:ที่)?|สัปดาห์(?:ที่)?|เดือน|ไตรมาส(?:ที่)?|ปี|[พค]\.?\s?ศ\.?|ถึง"
)
_PAGE: Final = (
    r"(?<![^\W\d_])(?:sheets?|data|pages?|parts?|tables?|copy|of|all|total|summary)(?![^\W\d_])"
    r"|แผ่น(?:งาน)?|ชีต|ข้อมูล|หน้า|ส่วน(?:ที่)?|ตาราง|สำเนา(?:ของ)?|ทั้งหมด|ทั้งปี|รวม"
)
_DATE: Final = (
    r"(?<!\d)(?:(?:19|20|24|25)\d\d(?:[01]\d(?:[0-3]\d)?)?|[0-3]\d[01]\d(?:(?:19|20|24|25)?\d\d)|\d{1,2})(?!\d)"
)
"""Years, dates of digits alone, and what may be a day, a month, a page: up to two digits."""
_PLACE: Final = (
    r"(?<![^\W\d_])(?:meter|mdb|db|feeder|building|bldg|transformer|tr|room|floor|zone|unit)(?![^\W\d_])"
    r"|มิเตอร์|เครื่องวัด|อาคาร|ตึก|หม้อแปลง|ห้อง|ชั้น"
)
"""Words whose number is that of a meter, or of what it stands for."""


def of_meters(names: Collection[str]) -> bool:
    """Whether ``names`` differ in more than periods and pages: by what is left of them, or by the number of a place."""
    return len({_left(name) for name in names}) > 1


def _left(name: str) -> str:
    text = re.sub(f"{_PERIOD}|{_PAGE}", " ", name.lower())
    numbers = "" if re.search(_PLACE, text) else _DATE
    return re.sub(r"[\W_]+", " ", re.sub(numbers, " ", text) if numbers else text).strip()
