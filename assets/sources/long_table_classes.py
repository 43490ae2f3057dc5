"""Columns that tell rows apart although they play no role: classes, not remarks and not the same in other words."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import polars as pl

from assets.sources import thai
from assets.sources.long_table_headers import Role
from assets.sources.table_titles import PROVINCES

CLASSING = re.compile(
    r"^(?:หมู่(?:ที่)?|ม\.|ครั้งที่|ชั้น.*|ระดับ(?:ชั้น|การศึกษา)?|กลุ่ม.*|ช่วง.*|เขต.*|เลขที่|แปลงที่|สายที่|รุ่น(?:ที่)?|งวด(?:ที่)?|"
    r"รหัส.*|.*code|class|grade|level)$",
    re.IGNORECASE,
)
"""Headers of what classes rows, by number too: a village is no measure."""

YEARISH = re.compile(
    r"^ปี|^(?:รอบ|ช่วง)ปี|^ฤดู(?:กาล)?(?:การ)?(?:ผลิต|เพาะปลูก)|(?:ประจำ|ข้อมูล|งบประมาณ)\s*ปี|ปีงบ|ปีการ|พ\.?ศ\.?|ค\.?ศ\.?|(?<![a-z])(?:year|fy)(?![a-z])|เดือน\W*ปี|ว/?ด/?ป|วันที่|^date",
    re.IGNORECASE,
)
"""Headers that speak of a year."""
MOSTLY: Final = 0.9
"""Share of a column's values from which it is one of years, of numbers or of areas: a few are marks for "missing"."""
_SUMS: Final = 0.5
"""Share of rows in which columns add up to a total, from which they are its parts: in others the publisher erred."""
_ROUNDED: Final = 1
_UNIT = re.compile(r"\s*[(\[（]\s*([^()\[\]（）]*?)\s*[)\]）]\s*$")
_PLACE = re.compile(
    rf"(?P<amphoe>เมือง(?:{PROVINCES})?)|(?:จังหวัด|จ\.)?\s*(?:{PROVINCES})|(?:ทั่ว)?ประเทศ(?:ไทย)?"
    r"|ภาค(?:เหนือ|กลาง|ใต้|อีสาน|ตะวันออก\S*|ตะวันตก)"
)
"""Names of areas that tell their level without a prefix; a region and the country stand beside provinces."""
_REMARK: Final = 40
"""Letters on average, from which texts that are all different comment on rows rather than class them."""
_SCRIPTS: Final = ("[ก-ฮ]", "[A-Za-z]")


def share(column: pl.Series, holds: pl.Expr) -> bool:
    """Whether ``holds`` is true of nearly all values of the column, of which there is at least one."""
    frame = column.to_frame()
    told = frame.filter(~thai.is_missing(pl.col(column.name)) & ~thai.is_total(pl.col(column.name)))
    return bool(told.height) and told.filter(holds.fill_null(value=False)).height >= told.height * MOSTLY


def measures_of(rows: pl.DataFrame, names: Collection[str]) -> list[str]:
    """Columns of numbers that are no years."""
    number = {name: thai.amount(pl.col(name), pl.Decimal(18, 4)).is_not_null() for name in names}
    years = {name: thai.year(pl.col(name)).is_between(1950, 2100) for name in names}
    return [
        name
        for name in names
        if not CLASSING.search(name.strip())
        and share(rows[name], number[name] | thai.is_pending(pl.col(name)))
        and not (YEARISH.search(name) and share(rows[name], years[name]))
    ]


def dimensions(rows: pl.DataFrame, spare: Sequence[str], taken: Mapping[str, str], whole: bool) -> list[str]:
    """Columns of ``spare`` that say more of a row than its roles do: all texts but second names of a role's and
    remarks; numbers where rows are the same without them."""
    numbers = {name: thai.amount(pl.col(name), pl.Decimal(18, 4)).is_not_null() for name in spare}
    texts = [name for name in spare if CLASSING.search(name.strip()) or not share(rows[name], numbers[name])]
    roles = list(dict.fromkeys(name for role, name in taken.items() if name and role not in ("value", "remark")))
    filled = [name for name in texts if rows[name].str.strip_chars().replace("", None).is_not_null().any()]
    kept = [name for name in filled if not any(_twins(rows, name, role) for role in roles)]
    key = [*roles, *kept]
    if whole and key and not rows.select(pl.struct(key).is_duplicated().any()).item():
        kept = [name for name in kept if not _is_remark(rows[name])]
    for name in [name for name in spare if name not in texts]:
        key = list(dict.fromkeys((*roles, *kept)))
        again = rows.filter(pl.struct(key).is_duplicated()) if key else rows
        if again.height and again.select(pl.struct(*key, name).is_duplicated().sum()).item() == 0:
            kept.append(name)
    return kept


def _twins(rows: pl.DataFrame, one: str, other: str) -> bool:
    """Whether two columns tell the same in other words: names in two scripts, or a month spelt in two ways. That each
    year or item has one name beside it is no sign of that: it may be whose number it is."""
    count = rows[one].n_unique()
    if not (count > 1 and count == rows[other].n_unique() == rows.select(pl.struct(one, other).n_unique()).item()):
        return False
    thai_in, latin_in = ([rows[name].str.contains(letters).any() for name in (one, other)] for letters in _SCRIPTS)
    scripts = sorted(thai_in) == [False, True] and latin_in == thai_in[::-1]
    months = rows.select((thai.month(pl.col(one)) == thai.month(pl.col(other))).fill_null(value=False).all()).item()
    return scripts or bool(months)


def _is_remark(column: pl.Series) -> bool:
    text = column.drop_nulls()
    long = text.str.len_chars().sum() >= _REMARK * text.len()
    return bool(long) and text.n_unique() == text.len() > 1


def parts(rows: pl.DataFrame, measures: Sequence[str], taken: Mapping[str, str]) -> dict[Role, dict[str, str]]:
    """Role → label by column of numbers, where these stand beside each other for parts of one thing, so that none is
    the whole: areas, where all headers but a total's are names of one level; else classes (``category``), where they
    add up to a total or some are areas. Empty where they are measures of their own, or the role is ``taken``."""
    plain = {name: _UNIT.sub("", name.strip()) for name in measures}
    totals = [name for name in measures if thai.names_total(plain[name])]
    others = [name for name in measures if name not in totals]
    if len(others) < 2 or len(totals) > 1:
        return {}
    role = level(plain.values())
    if role is None and (any(map(_PLACE.fullmatch, map(plain.__getitem__, others))) or _add_up(rows, others, totals)):
        role = "category"
    if role is None or taken[role]:
        return {}
    units = {name: unit[1] for name in measures if (unit := _UNIT.search(name))}
    told: dict[Role, dict[str, str]] = {role: plain}
    return told | ({"unit": units} if len(units) == len(measures) and not taken["unit"] else {})


def _add_up(rows: pl.DataFrame, others: Sequence[str], totals: Sequence[str]) -> bool:
    amounts = [thai.amount(pl.col(name), pl.Decimal(18, 4)).cast(pl.Float64) for name in (*others, *totals)]
    told = rows.select(amounts).drop_nulls()
    if not totals or not told.height:
        return False
    missed = told.select((pl.sum_horizontal(others) - pl.col(totals[0])).abs() <= _ROUNDED).to_series()
    return int(missed.sum()) >= _SUMS * told.height


def level(names: Collection[str]) -> Role | None:
    """The one level of areas that names are of, but those of totals; none where there are fewer than two."""
    areas = {name for name in names if not thai.names_total(name)}
    levels = set(map(_level, areas))
    return levels.pop() if len(areas) > 1 and len(levels) == 1 else None


def _level(name: str) -> Role | None:
    """The level of an area by its name; none for what is no area's."""
    if found := _PLACE.fullmatch(name):
        return "amphoe" if found["amphoe"] else "province"
    level, rest = pl.select(thai.area_level(pl.lit(name), ""), thai.area(pl.lit(name)).alias("rest")).row(0)
    return level if level and rest != name else None
