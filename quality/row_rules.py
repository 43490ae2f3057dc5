"""Rules about single rows: what is possible, as the contract has it, and yet not plausible.

A row that such a rule finds odd stays. The verdict tells its key, the odd value and the bound, so that somebody who
knows the place can say whether the row is the truth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl


@dataclass(frozen=True)
class RowRule:
    """Rows of a table for which ``odd`` holds (null counts as not) are told, with their keys and the columns ``shows``.

    ``bound`` says what is expected, ``source`` who says so. Rows that are found mislead where the ``severity`` is
    ``withhold``, and where they are half of a day's: then the column ``slips``, and not the row. ``among`` are
    the rows that it judges, of those that tell all it looks at.
    """

    check: str
    odd: pl.Expr = field(compare=False)
    shows: tuple[str, ...]
    bound: str
    source: str
    severity: Literal["warn", "withhold"] = "warn"
    among: pl.Expr = field(default=pl.lit(value=True), compare=False)
    slips: bool = True

    @property
    def judged(self) -> pl.Expr:
        """The rows that it judges."""
        return pl.all_horizontal(self.among, *(pl.col(name).is_not_null() for name in self.odd.meta.root_names()))


def plausible(
    column: str,
    minimum: float | None = None,
    maximum: float | None = None,
    *,
    source: str,
    where: Mapping[str, str | int] | None = None,
    severity: Literal["warn", "withhold"] = "warn",
    slips: bool = True,
) -> RowRule:
    """Values of ``column``, in its unit, lie within the inclusive bounds, in rows that have the values ``where``."""
    value, given = pl.col(column), where or {}
    low = pl.lit(value=False) if minimum is None else value < minimum
    high = pl.lit(value=False) if maximum is None else value > maximum
    among = pl.all_horizontal(pl.lit(value=True), *(pl.col(name) == wanted for name, wanted in given.items()))
    named = "".join(f":{wanted}" for wanted in given.values())
    bounds = f"{'' if minimum is None else f'{minimum:g}'}..{'' if maximum is None else f'{maximum:g}'}"
    odd = (low | high).fill_null(value=False) & among
    check, bound = f"plausible:{column}{named}", f"{column} within {bounds}"
    return RowRule(check, odd, (column,), bound, source, severity, among, slips)


def at_most(part: str, whole: str, *, source: str) -> RowRule:
    """``part`` is not greater than ``whole``, where both are told."""
    odd = pl.col(part) > pl.col(whole)
    return RowRule(f"at-most:{part}:{whole}", odd, (part, whole), f"{part} at most {whole}", source)


def not_before(later: str, earlier: str, *, source: str) -> RowRule:
    """``later`` is no moment or day before ``earlier``, where both are told."""
    odd = pl.col(later) < pl.col(earlier)
    return RowRule(f"not-before:{later}:{earlier}", odd, (later, earlier), f"{later} not before {earlier}", source)


PERCENT = r"^(?:ร้อยละ|เปอร์เซ็นต์|%|percent)"
"""How a unit begins that is per cent."""


def plain_unit(unit: str) -> pl.Expr:
    """A unit without what writers vary: ``ตัน ต่อ วัน`` is ``ตัน/วัน``, ``ลบ.ม.`` is ``ลบม``."""
    return pl.col(unit).str.to_lowercase().str.replace_all(r"[\s.]", "").str.replace_all("ต่อ|per", "/")


_AVERAGED = (
    r"(?i)เฉลี่ย|ร้อยละ|เปอร์เซ็นต์|%|อัตรา|สัดส่วน|หนาแน่น|ดัชนี|\b(?:average|mean|rate|ratio|density|percent(?:age)?|index)\b"
)
_PER = r"(?i)/|ต่อ|\bper\b"
_PER_TIME = r"(?i)(?:/|ต่อ|\bper)\s*(?:วัน|เดือน|ปี|ชั่วโมง|ชม|day|month|year|hour)"


def averaged(item: str, unit: str) -> pl.Expr:
    """Whether a figure is an average, a share or a rate by the words of its ``item`` or ``unit``, whose total is no sum
    of its parts; tonnes a day are."""
    name, of = pl.col(item), pl.col(unit)
    rate = of.str.contains(_PER) & ~of.str.contains(_PER_TIME)
    return (name.str.contains(_AVERAGED) | of.str.contains(_AVERAGED) | rate).fill_null(value=False)


_CHANGE = "(?i)เปลี่ยนแปลง|เพิ่ม|ลด|ขยายตัว|เติบโต|เป้าหมาย|เทียบ|change|growth|increase|target"
_BALANCE = "(?i)ดุล|สุทธิ|กำไร|ขาดทุน|ส่วนต่าง|ผลต่าง|net\\b|balance|difference"
_COUNTED = r"(?i)^(?:พัน|หมื่น|แสน|ล้าน)*(?:คน|ราย|ศพ|แห่ง|โรง|หลัง|ครั้ง|คดี|คัน|เตียง|ครัวเรือน|ตัน|ไร่|persons?|tons?)"


def not_negative(value: str, unit: str, item: str) -> RowRule:
    """What is counted or weighed is not less than nothing, but for changes and balances: -999 is a mark for none."""
    counted = pl.col(unit).str.contains(_COUNTED) & ~pl.col(item).str.contains(f"{_CHANGE}|{_BALANCE}")
    return RowRule(
        f"plausible:{value}:negative",
        counted & (pl.col(value) < 0),
        (item, value, unit),
        "no count below 0; see whether the number is a mark for none",
        "What a count is.",
        "withhold",
    )


def share(value: str, unit: str, item: str) -> RowRule:
    """A share of a whole is at most 100 %: rows whose ``unit`` is per cent, but of changes and of what is held against
    a target, which may be more."""
    percent = pl.col(unit).str.contains(PERCENT)
    change = pl.col(item).str.contains(_CHANGE)
    return RowRule(
        f"plausible:{value}:percent",
        percent & ~change & ((pl.col(value) > 100) | (pl.col(value) < 0)),
        (item, value, unit),
        "a share within 0 and 100 %; see whether the column is another one",
        "What a share is.",
    )
