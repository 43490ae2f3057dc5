"""Roles of the columns of published tables, the headers that they are published under, and columns by their roles."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal

import polars as pl

from assets.sources import thai
from quality.batch import Batch

SIMILAR = 0.75
"""Likeness (difflib's ratio) from which a header is suggested: a word of eight letters with two of them changed."""

SHOWN = 20
"""Headers that a refusal names."""

JOIN = " / "
"""Between labels of one column."""

AREAS = {
    "city": ("อปท.", "องค์กรปกครองส่วนท้องถิ่น", "หน่วยงาน อปท.", "ชื่อ อปท.", "เทศบาล", "ชื่อองค์กรปกครองส่วนท้องถิ่น"),
    "tambon": ("ตำบล", "แขวง", "ตำบล/แขวง", "ชื่อตำบล", "ชื่อตำบล/แขวง", "tambon", "subdistrict"),
    "amphoe": ("อำเภอ", "เขต", "อำเภอ/เขต", "ชื่ออำเภอ", "ชื่ออำเภอ/เขต", "amphoe", "district"),
    "province": ("จังหวัด", "province", "ชื่อจังหวัด", "changwat"),
}
"""Level → headers of the column that names areas of it, the finest first."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "year": ("ปี", "พ.ศ.", "ปี พ.ศ.", "ปี (พ.ศ.)", "ปีปฏิทิน", "ปีข้อมูล", "year"),
    "fiscal_year": ("ปีงบประมาณ", "ปีงบประมาณ พ.ศ.", "ปีงบประมาณ (พ.ศ.)", "ปีงบ", "fiscal year", "fiscal_year"),
    "quarter": ("ไตรมาส", "ไตรมาสที่", "quarter"),
    "month": ("เดือน", "ชื่อเดือน", "month"),
    "item": ("รายการ", "รายการข้อมูล", "รายการสถิติทางการ", "ชื่อชุดข้อมูล", "ชื่อรายการ", "ตัวชี้วัด", "item", "indicator"),
    **AREAS,
    "area": ("พื้นที่",),
    "category": ("ประเภท",),
    "origin": ("สัญชาติ", "สถานะ"),
    "sex": ("เพศ", "Attribute", "sex", "gender"),
    "age": ("ช่วงอายุ", "กลุ่มอายุ", "age group"),
    "value": ("จำนวน", "ค่าข้อมูล", "ค่า", "ปริมาณ", "Value"),
    "unit": ("หน่วย", "หน่วยนับ", "หน่วยวัด", "unit"),
    "remark": ("หมายเหตุ", "remark", "remarks"),
}
"""Role → headers it is published under, seen at the catalogues of Phuket, Nakhon Si Thammarat and Chiang Mai. A fiscal
year runs from October to September and is named by the year it ends in (Budget Procedure Act, B.E. 2561, section 4)."""

Role = Literal[
    "year", "fiscal_year", "quarter", "month", "item", "city", "tambon", "amphoe", "province", "area",
    "category", "origin", "sex", "age", "value", "unit", "remark",
]  # fmt: skip
"""The keys of ``COLUMNS``."""


def header_of(role: str, headers: Sequence[str], chosen: Mapping[Role, str]) -> str:
    """The one header that plays a role, by the registry's choice or as it is published; empty where none or several
    might."""
    wanted = [chosen[role]] if role in chosen else COLUMNS[role]  # type: ignore[index]
    if exact := next((name for name in wanted if name in headers), ""):
        return exact
    spellings = {thai.folded(name) for name in wanted}
    alike = [name for name in headers if thai.folded(name) in spellings]
    return alike[0] if len(alike) == 1 else ""


def by_headers(
    batch: Batch,
    columns: Mapping[str, Sequence[str]],
    chosen: Mapping[Any, str],
    required: Sequence[str],
    known: Sequence[str],
    optional: Collection[str] = (),
) -> Batch:
    """``batch`` with its published headers renamed to roles; rejected where a ``required`` role is absent.

    ``columns`` maps a role to the headers it is published under; ``chosen`` (the registry's ``columns``) overrides
    one. A header that differs in case, blanks, underscores or spelling only (``thai.folded``) is taken where no other
    does (``column-renamed``); one that is merely similar is suggested. Roles that are absent become null columns, said
    (``column-missing``) unless they are ``optional``; headers that are in no role and not ``known`` are left out
    (``column-new``).
    """
    wanted = {role: [chosen[role]] if role in chosen else list(headers) for role, headers in columns.items()}
    headers = batch.rows.columns
    found = {role: next((name for name in names if name in headers), "") for role, names in wanted.items()}
    spare = [name for name in headers if name not in {*found.values(), *known, "_row"}]
    for role in [role for role, header in found.items() if not header]:
        spellings = {thai.folded(name) for name in wanted[role]}
        alike = [name for name in spare if thai.folded(name) in spellings]
        if len(alike) == 1:
            found[role] = alike[0]
            spare.remove(alike[0])
            batch = batch.note("column-renamed", f"{alike[0]!r:.60} is read as {wanted[role][0]!r:.60} ({role})")
    lacking = {role: _suggested(wanted[role], spare) for role, header in found.items() if not header}
    if fatal := [f"{role}{similar}" for role, similar in lacking.items() if role in required]:
        shown = ", ".join(f"{name!r:.40}" for name in headers[:SHOWN] if name != "_row")
        option = f"name it in the option columns: {{{fatal[0].partition(' ')[0]}: …}}"
        return Batch.rejected("file-malformed", f"no column for {', '.join(fatal)}; the columns are {shown}; {option}")
    for role, similar in lacking.items():
        if similar or role not in optional or role in chosen:
            batch = batch.note("column-missing", f"no column for {role}{similar}")
    for header in sorted(spare):
        batch = batch.note("column-new", f"column {header!r:.60} is in no mapping")
    return batch.select(
        **{role: pl.col(header) if header else pl.lit(None, pl.String) for role, header in found.items()}
    )


def _suggested(wanted: Sequence[str], spare: Sequence[str]) -> str:
    """Text that names a header which looks like one that is wanted; too little to take it for that."""
    similar = (match for name in wanted for match in get_close_matches(name, spare[:100], 1, SIMILAR))
    match = next(similar, None)
    return "" if match is None else f" (similar: {match!r:.60})"
