"""The period that a report's header states, in the words of PEA's reports, and whether its rows cover it.

``[ระหว่างวันที่ : 01/01/2026 - 31/01/2026]`` (or with month names, in either era), ``[ประจำเดือน : มกราคม 2569]``,
``Between 01 January 2026 - 31 January 2026``; ``วันที่พิมพ์ : 01/02/2569`` is when it was printed.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from assets.meters.formats.stamps import BUDDHIST, BUDDHIST_FROM, YEARS
from quality.batch import Batch

_THAI = "มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม"
_ENGLISH = "january february march april may june july august september october november december"
_MONTHS = {name: number for names in (_THAI, _ENGLISH) for number, name in enumerate(names.split(), start=1)}
_SHORT = "ม.ค. ก.พ. มี.ค. เม.ย. พ.ค. มิ.ย. ก.ค. ส.ค. ก.ย. ต.ค. พ.ย. ธ.ค."
MONTHS_TH = {
    number: f"{whole}|{short.replace('.', '[.]?')}"
    for number, (whole, short) in enumerate(zip(_THAI.split(), _SHORT.split(), strict=True), start=1)
}
"""Number → pattern of a Thai month's name, whole or short (พฤศจิกายน, พ.ย., พย)."""
_BETWEEN = re.compile(r"(?:ระหว่างวันที่\s*:?|^Between)\s*(.+?)\s+-\s+(.+?)\s*\]?$")
_MONTH = re.compile(r"(?:ประจำเดือน|เงื่อนไข)\s*:\s*(?:เดือน\s*)?(\S+)\s+(\d{4})\b")
_PRINTED = re.compile(r"วันที่พิมพ์\s*:?\s*(\S+)")


class Period(NamedTuple):
    """Days from ``first`` to before ``end``, as far as they must be covered: up to ``due`` (None: not told)."""

    first: date
    end: date
    due: date | None


def stated(texts: Iterable[str]) -> Period | None:
    """The period that a header states, None where it states none that can be read.

    A period between dates is due as a whole, a month only once it was printed after: a month is exported while it runs.
    """
    texts = list(texts)
    printed = next((day for text in texts if (found := _PRINTED.search(text)) and (day := _date(found[1]))), None)
    for text in texts:
        if found := _BETWEEN.search(text):
            first, last = _date(found[1]), _date(found[2])
            if first and last and first <= last:
                end = last + timedelta(days=1)
                return Period(first, end, min(end, printed) if printed else end)
        elif (found := _MONTH.search(text)) and (first := _date(f"1 {found[1]} {found[2]}")):
            end = (first + timedelta(days=31)).replace(day=1)
            return Period(first, end, min(end, printed) if printed else None)
    return None


def compared(intervals: Batch, minutes: int, period: Period | None) -> Batch:
    """Say which intervals (``end`` is local) lie outside the report's period, and whether fewer than due are there."""
    if period is None:
        return intervals
    first, end = datetime.combine(period.first, time()), datetime.combine(period.end, time())
    ends = intervals.rows["end"].unique()
    inside = ends.filter((ends > first) & (ends <= end))
    if outside := ends.len() - inside.len():
        text = f"{outside} interval(s) lie outside the period its header states"
        intervals = intervals.note("period-mismatch", text)
    if period.due is not None:
        due = (period.due - period.first).days * 1440 // minutes
        have = inside.filter(inside <= datetime.combine(period.due, time())).len()
        if have < due:
            text = f"the period its header states has {due:,} intervals, {have:,} are there"
            intervals = intervals.note("window-short", text)
    return intervals


def _date(text: str) -> date | None:
    """A day as dd/mm/yyyy or day, month name, year, in either era."""
    if found := re.match(r"(\d{1,2})/(\d{1,2})/(\d{4})\b", text):
        day, month, year = (int(part) for part in found.groups())
    elif (found := re.match(r"(\d{1,2})\s+(\S+)\s+(\d{4})\b", text)) and found[2].lower() in _MONTHS:
        day, month, year = int(found[1]), _MONTHS[found[2].lower()], int(found[3])
    else:
        return None
    year -= BUDDHIST if year > BUDDHIST_FROM else 0
    try:
        return date(year, month, day) if YEARS[0] <= year <= YEARS[1] else None
    except ValueError:
        return None
