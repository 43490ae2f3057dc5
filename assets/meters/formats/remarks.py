"""Rows of a table that are no readings: remarks, signatures, titles of its pages, totals under it.

They have no stamp. A row without one that may be a reading, as its values hold a number, is another matter: it is to be
refused, unless it says what it is.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

DATED: Final = (
    r"(?i)^\W*(?:(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)[a-z]*\W*"
    r"|วัน[ก-๙]+\s*|(?:จ|อ|พ|พฤ|ศ|ส|อา)\.\s*){0,2}\d"
)
"""A stamp: it begins with a digit, or with the name of a weekday or a month."""
_TIME: Final = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}:\d\d|\d{1,2}[-/. ]+(?:[A-Za-z]{3,9}|[ก-๙.]{3,})[-/. ]+\d{2,4}"
"""A date or a time, in any order."""
_READINGS: Final = 8
"""Dates or times that a table has which holds readings; a cover and a summary have fewer."""
_SHOWN: Final = 1_000
"""Rows that stand at the end of a piece."""
_NUMBER: Final = r"^\W*\d"
_SUMMARY: Final = (
    r"(?i)^\W*(?:(?:grand|sub|daily|day|monthly|month)[ -]?)?"
    r"(?:totals?|sum|max(?:imum)?|min(?:imum)?|avg|average|mean|highest|lowest|load[ -]?factor"
    r"|peak[ -](?:demand|load|k?va?r?h?|k?w))"
    r"(?:\W|\d|(?:of|for|the|all|demand|energy|power|load|usage|consumption|values?|day|month|k?va?r?h?|k?wh?|mwh?)\b)*$"
    r"|^\W*(?:ค่า|ผล|ยอด|กิโลวัตต์|k?wh?|(?:ความต้องการ)?(?:พลัง|กำลัง)(?:งาน)?(?:ไฟฟ้า)?|(?:จำนวน)?หน่วย)?\s*"
    r"(?:รวม|สูงสุด|ต่ำสุด|เฉลี่ย)(?:\W|\d|k?wh?\b|ทั้ง|หมด|สิ้น|เดือน|วัน|ประจำ|พลังงาน|กำลัง|ไฟฟ้า|หน่วย)*$"
)
"""How a row is called in which a table adds up the others, or tells their greatest, least or mean."""


def hold_times(rows: pl.DataFrame) -> bool:
    """Whether the ``cells`` of a sheet may be readings, as many of them are dates or times."""
    cells = rows.select(pl.col("cells").list.explode()).to_series()
    return int(cells.str.contains(_TIME).sum()) >= _READINGS


def dated(stamps: Iterable[pl.Expr]) -> pl.Expr:
    """Whether any of a row's ``stamps`` is one."""
    return pl.any_horizontal(stamp.fill_null("").str.contains(DATED) for stamp in stamps)


def up_to_last(rows: pl.DataFrame, stamps: Sequence[pl.Expr]) -> int:
    """How many of the rows there are up to the last of which any of the ``stamps`` is one."""
    for some in (rows.tail(_SHOWN), rows):  # it is among the last, mostly
        found = some.select(dated(stamps)).to_series()
        if found.any():
            return rows.height - int(found.reverse().arg_true()[0])
    return 0


def remarks(stamps: Iterable[pl.Expr], values: pl.Expr, cells: pl.Expr) -> pl.Expr:
    """Whether a row is no reading: none of its ``stamps`` is one, and of its ``values`` (a list) none is a number, or
    the first of its ``cells`` (a list) that is not blank says that it is a summary."""
    numbers = values.list.eval(pl.element().str.contains(_NUMBER)).list.any().fill_null(value=False)
    first = cells.list.eval(pl.element().filter(pl.element().str.strip_chars() != "")).list.first().fill_null("")
    return ~dated(stamps) & (~numbers | first.str.contains(_SUMMARY))
