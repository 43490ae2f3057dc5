"""The unit of a published table's values: in a header, an item, or a column, which may contradict each other."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import polars as pl

from assets.sources import thai
from assets.sources.long_table_headers import COLUMNS, JOIN, Role, header_of
from assets.sources.table_titles import TITLE_UNIT
from quality.batch import Batch

_SHARE = re.compile(r"(?:คิดเป็น|อัตรา)?\s*(?:ร้อยละ|เปอร์เซ็นต์|%|percent)", re.IGNORECASE)
_UNIT: Final = (
    r"(?:[(\[（]\s*(?:หน่วย(?:นับ|วัด)?\s*[:：]?\s*)?|หน่วย(?:นับ|วัด)?\s*[:：]\s*)"
    r"([^()\[\]（）0-9:：]+?)\s*[)\]）]?\s*$"
)
_SCALE: Final = r"^(?:พัน|หมื่น|แสน|ล้าน)+"
_COUNTED: Final = r"^(?:จำนวน\s*)?(ร้อยละ|เปอร์เซ็นต์)|^จำนวน\s*([^\s()]+)"


def unit_of(header: str) -> str:
    """The unit that a header tells beyond doubt: per cent by its first word, or a known one in brackets."""
    if _SHARE.match(header.strip()):
        return "ร้อยละ"
    found = TITLE_UNIT.search(header)
    return (found[1] or found[2]) if found else ""


def without_unit(header: str) -> str:
    """A header without the unit behind it."""
    return re.sub(_UNIT, "", header)


def with_unit(batch: Batch, chosen: Mapping[Role, str], usual: str | None) -> Batch:
    """``จำนวนครัวเรือน`` counts ครัวเรือน, ``ปริมาณ (ตัน)`` is in ตัน, ``ร้อยละการเบิกจ่าย`` per cent: items of a wide
    table, or headers of a value. Where a ``usual`` unit stands in another is told by known ones in brackets alone.
    Without rows that a column of units contradicts."""
    found = {role: header_of(role, batch.rows.columns, chosen) for role in ("item", "value", "unit")}
    if not found["value"]:
        return batch
    header = pl.lit(found["value"])
    name = pl.col(found["item"]).str.split(JOIN).list.last() if found["item"] else header
    if found["unit"]:
        return _scaled(batch, pl.col(found["unit"]), pl.coalesce(header.str.extract(_UNIT), name.str.extract(_UNIT)))
    if usual is None:
        counted = (name.str.extract(_COUNTED, group) for group in (1, 2))
        told = pl.coalesce(header.str.extract(_UNIT), name.str.extract(_UNIT), *counted)
    else:
        told = pl.coalesce(*(text.str.extract(TITLE_UNIT.pattern, at) for text in (header, name) for at in (1, 2)))
        if batch.rows.select(told.is_null().all()).item():
            return batch
        told = told.fill_null(usual)
    return replace(batch, rows=batch.rows.with_columns(told.alias(COLUMNS["unit"][0])))


def _scaled(batch: Batch, stated: pl.Expr, told: pl.Expr) -> Batch:
    """Without rows whose unit is ``stated`` in thousands or millions of what is ``told``, or the other way round:
    nothing tells which of the two is right."""
    unit = thai.clean(stated)
    same = unit.str.replace(_SCALE, "") == told.str.replace(_SCALE, "")
    text = pl.concat_str(pl.lit("in "), unit, pl.lit(" by its unit, and in "), told, pl.lit(" by its header or item"))
    return batch.refuse((same & (unit != told), "unit-unknown", text))
