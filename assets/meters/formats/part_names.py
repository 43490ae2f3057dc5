"""What tells the sheets of a workbook, or the files of an archive, apart: periods and pages of one meter, or meters.

Their names where these are of the one kind or the other; where they are free ("Peak season"), the time of each."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, Literal

import polars as pl

from assets.meters.formats.periods import MONTHS_TH
from quality.batch import Batch

SEVERAL: Final = (
    "are told apart by their names, and not by dates or pages or by following each other, for one metering point"
)
_PERIOD: Final = (
    rf"{'|'.join(MONTHS_TH.values())}|วัน(?:ทำ(?:การ|งาน)|ธรรมดา|หยุด)"
    r"|(?:วัน)?(?:จันทร์|อังคาร|พุธ|พฤหัส(?:บดี)?|ศุกร์|เสาร์|อาทิตย์)"
    r"|(?<![^\W\d_])(?:week[ _-]?(?:day|end)s?|(?:work(?:ing)?|holi)[ _-]?days?|(?:on|off)[ _-]?peak|am|pm)(?![^\W\d_])"
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
_NUMBER: Final = r"\d{3}"
"""In what is left of a name, a meter's."""
_COPY: Final = r"\s*\(\d{1,2}\)$"
"""What is put behind a name that is there already."""
_VERSION: Final = (
    r"(?<![^\W\d_])(?:v(?:er(?:sion)?)?\.?[ _]?\d+|original|orig|corrected|correction|revised|rev|final|new|updated?)"
    r"(?![^\W_])|แก้ไข|ล่าสุด|ฉบับ(?:ที่)?"
)
"""Words of a file that was delivered again."""
_MOST: Final = 0.75
"""Share of changes from one part to another, at which the one goes on just where the other pauses."""
_FEW: Final = 3
"""Times with several values that are no chance."""
_TIME: Final = ["point", "channel", "quantity", "start"]


Kind = Literal["alike", "in turn", "meters"]


def kind(parts: Sequence[tuple[str, pl.DataFrame]]) -> Kind:
    """As ``apart``; parts that contradict each other are of several meters, whatever their names."""
    return "meters" if contradicting([rows for _, rows in parts]) else apart(parts)


def apart(parts: Sequence[tuple[str, pl.DataFrame]]) -> Kind:
    """What parts of a name and readings are by their names, and by their times where names do not tell."""
    left = {_left(name) for name, _ in parts}
    if len(left) == 1:
        return "alike"
    plain = {_left(re.sub(_COPY, "", name)) for name, _ in parts}
    if len(plain) > 1 and any(re.search(f"{_PLACE}|{_NUMBER}", name) for name in plain):
        return "meters"
    return "in turn" if _in_turn(parts) or _by_turns(parts) else "meters"


def joined(batch: Batch, parts: Kind) -> Batch:
    """``batch`` of parts that are one meter's; where only their times tell it, that is said."""
    if parts != "in turn":
        return batch
    text = "parts with names of their own follow each other without overlap, and are read as one metering point"
    return batch.note("parts-joined", text)


def again(names: Sequence[str]) -> bool:
    """Whether files are one that was delivered again, by their ``names``."""
    return (
        len({re.sub(r"[\W_]+", " ", re.sub(f"{_COPY}|{_VERSION}", " ", name.lower())).strip() for name in names}) == 1
    )


def contradicting(parts: Sequence[pl.DataFrame]) -> int:
    """How many times stand in several parts with other values, where these are most that do and no single corrections:
    of two meters in sheets a day each, few rows tell."""
    rows = pl.concat([rows.select(*_TIME, "value", part=n) for n, rows in enumerate(parts)])
    told = rows.group_by(_TIME).agg(pl.n_unique("part", "value"))
    shared = told.filter(pl.col("part") > 1)
    other = int((shared["value"] > 1).sum())
    return other if other >= _FEW and other * 2 > shared.height else 0


def _in_turn(parts: Sequence[tuple[str, pl.DataFrame]]) -> bool:
    """Whether each begins where another ends, or after less time than either lasts. Registers share the read between
    them."""
    begun, by_name = pl.col("start"), defaultdict[str, list[pl.DataFrame]](list)
    for name, rows in parts:
        by_name[name].append(rows.select("start", "minutes"))
    length = pl.duration(minutes=pl.col("minutes").max())
    windows = [
        pl.concat(rows).select(first=begun.min(), last=begun.max(), end=begun.max() + length)
        for rows in by_name.values()
        if any(each.height for each in rows)
    ]
    if not windows:
        return True
    turns = pl.concat(windows).sort("first").with_columns(lasts=pl.col("end") - pl.col("first"))
    gap = pl.col("first") - pl.col("end").shift()
    turn = (pl.col("first") >= pl.col("last").shift()) & (gap <= pl.min_horizontal("lasts", pl.col("lasts").shift()))
    return bool(turns.select(turn.slice(1).all()).item())


def _by_turns(parts: Sequence[tuple[str, pl.DataFrame]]) -> bool:
    """Whether they share no time, and each goes on where another pauses: hours of peak and others, two kinds of day."""
    rows = pl.concat([rows.select("start", "minutes", part=n).unique() for n, (_, rows) in enumerate(parts)])
    end = pl.col("start") + pl.duration(minutes="minutes")
    changes = rows.sort("start").select(
        "start", at_once=pl.col("start") == end.shift(), other=pl.col("part") != pl.col("part").shift()
    )
    turns = changes.filter("other")["at_once"]
    once = not changes["start"].is_duplicated().any()
    return once and turns.len() > 1 and int(turns.sum()) >= turns.len() * _MOST


def _left(name: str) -> str:
    text = re.sub(f"{_PERIOD}|{_PAGE}", " ", name.lower())
    numbers = "" if re.search(_PLACE, text) else _DATE
    return re.sub(r"[\W_]+", " ", re.sub(numbers, " ", text) if numbers else text).strip()
