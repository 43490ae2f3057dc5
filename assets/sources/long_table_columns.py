"""Which role each column of a published table plays: by its header, by what its values are, or as a class of its own.

No publisher promises headers. What is mapped is taken; of what is not, a column is taken for a role where its values
leave one choice, and said. A text column that is left means something: it is kept as a class (role ``other``), so that
rows that differ there alone are never merged, refused, or taken for the whole city's. Tables that are wide (a column a
measure, a year or a month) become long. The option ``columns`` decides against any of it, ``ignored`` leaves out.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl

from assets.sources import thai
from assets.sources.long_table_classes import MOSTLY, YEARISH, dimensions, level, measures_of, parts, share
from assets.sources.long_table_headers import AREAS, COLUMNS, JOIN, Role, by_headers, header_of
from assets.sources.long_table_periods import WHEN, YEAR_MONTH, Told, first_days, parted, period, year_total
from assets.sources.long_table_units import unit_of, with_unit, without_unit
from assets.sources.table_headers import NAMELESS, numbered
from assets.sources.table_titles import PROVINCES
from quality.batch import Batch

OTHER: Final = "other"
"""Role of what tells rows apart and is in no mapping: its columns' texts, joined."""

_ASIDE = re.compile(
    r"^_?id$|^ที่$|^ที่มา|ลำดับ|^no\.?$|หมายเหตุ|^remarks?$|^notes?$|แหล่ง(?:ที่มา|ข้อมูล|อ้างอิง)|^source$|^tablename$"
    r"|เจ้าของข้อมูล|ผู้รับผิดชอบ|ปรับปรุง|วันที่บันทึก|updated|^url$|ลิงก์|^link|ละติจูด|ลองจิจูด|^lat|^lon"
)
"""Headers, without case, of what numbers rows, names their source or comments on them. ``ปี``, months and places are
roles."""

_WHOSE = re.compile(r"ที่มา|แหล่ง|source|เจ้าของ|ผู้รับผิดชอบ|ลำดับ|^ที่$|^no\.?$", re.IGNORECASE)
"""Headers among these of which rows that differ there alone may be of different places or things."""

_REGION = re.compile("^(?:ชื่อ)?ภาค$|^region$", re.IGNORECASE)
_CODE = re.compile("^รหัส|code$", re.IGNORECASE)
_OF_PROVINCE = re.compile("จังหวัด|province|changwat|ชุดข้อมูล|dataset", re.IGNORECASE)
_SOURCE = re.compile("^ที่มา|^source$|^tablename$")
"""Headers that repeat what the catalogue says of the package: nothing is lost with them."""

_ERA = re.compile(r"(?:ปี)?\s*\(?(?:พ\.?\s?ศ\.?|ค\.?\s?ศ\.?|[BCA]\.?[DE]\.?|year)\)?", re.IGNORECASE)
"""Headers of a year and no more."""
_AGE = re.compile("อายุ|age", re.IGNORECASE)
_MONTHLY = re.compile("เดือน|month|งวด|period|วันที่|date|ว/?ด/?ป|^ym$|yyyymm", re.IGNORECASE)
"""Headers under which ``1/2567`` is a month; under others it may be a term, a meeting, an issue."""
_SCHOOL: Final = f"ปี{thai.SCHOOL} "
"""Before the years of a column that a header calls so, as cells have it themselves."""
_CUMULATIVE: Final = re.compile("สะสม|ตั้งแต่ต้นปี|cumul|accumul|to[ _]date|ytd", re.IGNORECASE)
"""Headers of what counts from a beginning on, and is no month's."""
_VALUES: Final = {thai.folded(name) for name in COLUMNS["value"]}


@dataclass(frozen=True)
class Assigned:
    """Rows by role (every key of ``COLUMNS`` and ``OTHER``, null where there is none), with problems; rejected where a
    required role has no column."""

    batch: Batch
    fiscal: bool = False
    """Whether years are fiscal ones."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header as it came → role it plays, ``other``, or empty where it is left out; also of a table that is rejected."""


def assigned(
    batch: Batch,
    chosen: Mapping[Role, str],
    required: Sequence[str],
    expected: Collection[str],
    ignored: Collection[str] = (),
    whole: bool = True,
    unit: str | None = None,
    usual: str | None = None,
    classes: bool = True,
    wide: tuple[Role, str] | None = None,
) -> Assigned:
    """``batch`` (strings with ``_row``) by role. ``chosen`` are the registry's headers, ``required`` roles must have a
    column, ``expected`` ones are missed aloud. ``whole``: these are all rows, so that what tells them apart is here.
    Without a column of units and a ``unit`` of the registry, the value's header or the item tells it, if anything does;
    where a ``usual`` one stands in, only what is one beyond doubt. A table
    that holds no further ``classes`` is refused where a column in no mapping tells its rows apart, but may be ``wide``
    by the labels of a role."""
    came = [name for name in batch.rows.columns if name != "_row"]
    guesses = _Guesses(_parted(batch, _Guesses(batch, dict(chosen), ignored)), dict(chosen), ignored)
    batch = _of_periods(guesses.batch, guesses)
    if batch.is_rejected:
        return Assigned(batch, headers=_headers(came, guesses))
    guesses = _Guesses(batch, guesses.chosen, ignored)
    if classes:  # any statistic: whatever has numbers is one
        measures = measures_of(guesses.batch.rows, [name for name in guesses.spare if not guesses.is_aside(name)])
        if fault := numbered(measures):
            return Assigned(Batch.rejected("file-malformed", fault), headers=_headers(came, guesses))
        guesses.values()
        batch = _widened(guesses.batch, guesses.chosen, ignored)
    else:
        batch = guesses.value_in_unit()
        if wide and not guesses.taken["value"] and not guesses.taken[wide[0]]:
            batch = _by_label(batch, guesses, *wide)
    batch = with_unit(batch, guesses.chosen, usual) if unit is None else batch
    guesses = _Guesses(batch, guesses.chosen, ignored)
    guesses.years()
    guesses.eras()
    guesses.areas()
    guesses.twice()
    if guesses.fault:
        return Assigned(Batch.rejected("file-malformed", guesses.fault), headers=_headers(came, guesses))
    batch, chosen_all = guesses.batch, guesses.chosen
    aside = [name for name in guesses.spare if guesses.is_aside(name)]
    kept = dimensions(batch.rows, [name for name in guesses.spare if name not in aside], guesses.taken, whole)
    if not classes:
        kept = [name for name in kept if batch.rows[name].n_unique() > 1]
        if kept:
            shown = ", ".join(f"{name!r:.60}" for name in kept)
            text = f"{shown} in no mapping: name the role in the option columns, or the column in ignored"
            return Assigned(Batch.rejected("file-malformed", text), headers=_headers(came, guesses))
    whose = [name for name in aside if whole and _WHOSE.search(name)]
    batch = _undecided(batch, [name for name in guesses.taken.values() if name] + kept, whose, guesses.taken)
    headers = _headers(came, guesses, kept)
    optional = set(COLUMNS) - {*required, *expected}
    known = [*kept, *ignored, *(name for name in aside if _SOURCE.search(name.strip().casefold()))]
    mapped = by_headers(batch, COLUMNS, chosen_all, required, known, optional)
    if mapped.is_rejected:
        return Assigned(mapped, headers=headers)
    for name in kept:
        mapped = mapped.note("column-new", f"column {name!r:.60} is in no mapping and kept as a class; see `columns`")
    texts = batch.rows.select(pl.col(name).str.strip_chars().replace("", None) for name in kept)
    joined = pl.concat_str(pl.all(), separator=JOIN, ignore_nulls=True) if kept else pl.lit(None, pl.String)
    rows = mapped.rows.with_columns(texts.select(joined.alias(OTHER)).to_series() if kept else joined.alias(OTHER))
    fiscal = rows["year"].is_null().all() and rows["fiscal_year"].is_not_null().any()
    if fiscal or re.search(thai.FISCAL, chosen_all.get("year", "")):
        rows, fiscal = rows.with_columns(year=pl.coalesce("year", "fiscal_year")), True
    elif re.search("เพาะปลูก|การผลิต|ฤดู", header := chosen_all.get("year", "")):
        mapped = mapped.note("period-mismatch", f"{header!r:.60} is no calendar year, but is dated as one")
    elif re.search(thai.SCHOOL, header):
        rows = rows.with_columns(year=pl.concat_str(pl.lit(_SCHOOL), "year"))
    return Assigned(Batch(rows, mapped.problems), fiscal, headers)


class _Guesses:
    """Roles that values tell, for columns that no mapping knows; ``chosen`` grows, ``fault`` says what is undecided."""

    def __init__(self, batch: Batch, chosen: dict[Role, str], ignored: Collection[str]) -> None:
        self.batch, self.chosen, self.fault = batch, chosen, ""
        self.taken = {role: header_of(role, batch.rows.columns, chosen) for role in COLUMNS}
        used = {*self.taken.values(), *ignored, "_row"}
        self.spare = [name for name in batch.rows.columns if name not in used]

    def is_aside(self, name: str) -> bool:
        """Whether a column numbers rows, names their source or comments on them; also a code of what another column
        names, and the region where that names the area."""
        header = name.strip().casefold()
        if _ASIDE.search(header):
            return True
        if _REGION.search(header):
            return any(self.taken[role] for role in ("area", *AREAS))
        if _CODE.search(header):
            named = [name for role, name in self.taken.items() if name and role not in ("value", "remark")]
            return bool(_OF_PROVINCE.search(header)) or any(self._codes(name, role) for role in named)
        text = self.batch.rows[name].drop_nulls()
        web = text.str.contains("^https?://")
        return bool(text.len()) and web.sum() >= text.len() * MOSTLY

    def _codes(self, name: str, other: str) -> bool:
        rows = self.batch.rows
        pairs = rows.select(pl.struct(name, other).n_unique()).item()
        of = thai.folded(_CODE.sub("", name.strip()))
        return of == thai.folded(other) or (rows[name].n_unique() == rows[other].n_unique() == pairs > 1)

    def take(self, role: Role, name: str, why: str) -> None:
        self.chosen[role] = self.taken[role] = name
        self.spare.remove(name)
        self.batch = self.batch.note("column-renamed", f"{name!r:.60} is read as {role}: {why}")

    def values(self) -> None:
        """The only column of numbers is the value."""
        if self.taken["value"]:
            return
        found = measures_of(self.batch.rows, [name for name in self.spare if not self.is_aside(name)])
        if len(found) == 1:
            self.take("value", found[0], "the only column of numbers")

    def value_in_unit(self) -> Batch:
        """The batch, of which the value's own header may have a unit behind it, ``จำนวน (คน)``."""
        named = [name for name in self.spare if unit_of(name) and thai.folded(without_unit(name)) in _VALUES]
        if len(named) == 1 and not self.taken["value"]:
            self.take("value", named[0], "it is called so, with its unit")
        return self.batch

    def years(self) -> None:
        """A header that speaks of a year is one where it holds years; where it does not, no other day is made up."""
        if self.taken["year"] or self.taken["fiscal_year"]:
            return
        dated = thai.month_year(pl.col("x")).is_not_null()
        months = [self.taken["month"]] if self.taken["month"] else list(self.spare)
        worded = dated & pl.col("x").str.contains(r"\pL")
        told = [
            name
            for name in months
            if share(self.batch.rows.select(x=pl.col(name))["x"], dated if _MONTHLY.search(name) else worded)
        ]
        if len(told) == 1:
            if not self.taken["month"]:
                self.take("month", told[0], "it holds months, each with its year")
            return
        spans = {name: thai.fiscal_span(pl.col(name)).is_not_null() for name in self.spare}
        spanning = [name for name in self.spare if share(self.batch.rows[name], spans[name])]
        for name in self.spare:
            when = pl.col(name).str.contains(f"{WHEN}|{YEAR_MONTH}" if _MONTHLY.search(name) else WHEN)
            spanning += [name] if share(self.batch.rows[name], when) else []
        named = [name for name in self.spare if YEARISH.search(name) and not _AGE.search(name)] + spanning
        named = [name for name in named if not self.is_aside(name)]
        held = [name for name in named if share(self.batch.rows[name], thai.year(pl.col(name)).is_not_null())]
        same = [thai.year(pl.col(held[0])).eq_missing(thai.year(pl.col(name))) for name in held[1:]]
        if held and self.batch.rows.select(pl.all_horizontal(pl.lit(value=True), *same).all()).item():
            self.take("fiscal_year" if re.search(thai.FISCAL, held[0]) else "year", held[0], "it holds years")
        elif named and "year" not in self.chosen:
            shown = ", ".join(f"{name!r:.60}" for name in dict.fromkeys(named[:5]))
            self.fault = f"no column for year, although {shown} may tell it; name it in the option columns: {{year: …}}"

    def eras(self) -> None:
        """A year may stand in both eras; where they disagree nothing tells which is right."""
        year = self.taken["year"]
        for other in [name for name in self.spare if year and _ERA.fullmatch(name.strip())]:
            differ = thai.year(pl.col(year)) != thai.year(pl.col(other))
            text = f"{year!r:.60} and {other!r:.60} tell two years"
            self.batch = self.batch.refuse((differ, "stamp-bad", text))

    def twice(self) -> None:
        """A header that stands twice is no choice of ours, where both have values that differ."""
        rows = self.batch.rows
        for role, name in self.taken.items():
            for other in [each for each in rows.columns if name and each.startswith(f"{name}_duplicated_")]:
                if not self.fault and not rows.select(pl.col(name).eq_missing(pl.col(other)).all()).item():
                    self.fault = f"{name!r:.60} ({role}) stands in two columns that differ; rename or remove one"

    def areas(self) -> None:
        """A column of local governments, tambons or amphoe by the words before their names is one of areas, and one of
        provinces by its header."""
        provinces = [name for name in self.spare if re.search("^(?:ชื่อ)?จังหวัด|^province", name.strip().casefold())]
        if len(provinces) == 1 and not self.taken["province"] and not self.is_aside(provinces[0]):
            self.take("province", provinces[0], "its header says so")
        for name in [name for name in self.spare if name.startswith(NAMELESS)]:
            known = thai.area(pl.col(name)).str.contains(f"^(?:{PROVINCES})$")
            if not self.taken["province"] and share(self.batch.rows[name], known):
                self.take("province", name, "it has no name, and its values are provinces")
        for role in ("city", "tambon", "amphoe"):
            if any(self.taken[each] for each in ("area", role)):
                continue
            level = thai.area_level(pl.col("x"), "") == role
            for name in list(self.spare):
                text = self.batch.rows.select(x=pl.col(name))
                if not self.is_aside(name) and share(text["x"], level):
                    self.take(role, name, "its values are names of such areas")
                    break


def _headers(came: Collection[str], guesses: _Guesses, kept: Collection[str] = ()) -> dict[str, str]:
    """Role of each column that came; one that a wide table gave up is a value."""
    role_of = {name: role for role, name in guesses.taken.items() if name} | dict.fromkeys(kept, OTHER)
    return {name: role_of.get(name, "" if name in guesses.batch.rows.columns else "value") for name in came}


def _parted(batch: Batch, guesses: _Guesses) -> Batch:
    """A table whose only column of periods tells year and quarter in one cell, with a column of each."""
    taken = guesses.taken
    named = [name for role in ("year", "fiscal_year", "quarter") if (name := taken[role])]
    if len(named) > 1 or taken["month"]:
        return batch
    for name in named or [name for name in guesses.spare if not guesses.is_aside(name)]:
        if told := parted(batch.rows[name], fiscal=name == taken["fiscal_year"]):
            rows = batch.rows.drop(name).with_columns(cells.alias(COLUMNS[role][0]) for role, cells in told.items())
            text = f"{name!r:.60} is read as year and quarter: its cells tell both"
            return replace(batch, rows=rows).note("column-renamed", text)
    return batch


def _of_periods(batch: Batch, guesses: _Guesses) -> Batch:
    """A table whose measures tell their periods in their headers as a long one with columns of years, months or
    quarters; what else the headers say is an item. Any other as it is. What is of a part of a year that is none of
    these is left out and said."""
    chosen, taken = guesses.chosen.get("value", ""), guesses.taken
    if taken["value"] != chosen:
        return batch
    names = [name for name in guesses.spare if not guesses.is_aside(name)]
    measures = measures_of(batch.rows, [chosen] if chosen in batch.rows.columns else names)
    yearly = bool(taken["year"] or taken["fiscal_year"])
    told = {name: period(name, yearly, fiscal=bool(taken["fiscal_year"])) for name in measures}
    numbers = [name for name in measures if re.fullmatch(r"0?[1-9]|1[0-2]", thai.ascii_digits(name).strip())]
    if len(numbers) == len(thai.MONTHS):
        told |= {name: Told(month=thai.ascii_digits(name)) for name in numbers}
    if not yearly:
        told |= first_days(measures)
    if taken["month"] or taken["quarter"]:
        told = {name: replace(each, month="", quarter="", part="") for name, each in told.items()}
    parts = {name: each.part for name, each in told.items() if each.part}
    for name, part in parts.items():
        text = f"column {name!r:.60} is left out: it tells no year, month or quarter, but {part}"
        batch = batch.note("stamp-bad", text)
    if parts and len(parts) == len(told):
        text = f"{', '.join(parts)[:200]}: no column of values is of a year, a month or a quarter"
        return Batch.rejected("file-malformed", text).also(*batch.problems)
    batch = replace(batch, rows=batch.rows.drop(parts))
    dated = {name: each for name, each in told.items() if each.year or each.month or each.quarter}
    if not dated:
        return batch
    dated |= year_total(dated, [name for name in measures if name not in dated])
    guesses.chosen.pop("value", None)
    place = level({each.rest for each in dated.values()})
    kind: Role = place if place and not taken[place] else "item"
    labels: dict[Role, dict[str, str]] = {
        kind: {name: "" if thai.folded(each.rest) in _VALUES else each.rest for name, each in dated.items()},
        "month": {name: each.month for name, each in dated.items()},
        "quarter": {name: each.quarter for name, each in dated.items()},
    }
    filled = {role: told for role, told in labels.items() if role == kind or any(told.values())}
    for name in [name for name, each in dated.items() if not each.month and not each.quarter]:
        # A whole year beside its months.
        filled = {role: told if role == kind else told | {name: thai.TOTAL} for role, told in filled.items()}
    if any(each.year for each in dated.values()):
        role: Role = "fiscal_year" if any(each.fiscal for each in dated.values()) else "year"
        filled[role] = {name: each.year and each.kind + each.year for name, each in dated.items()}
    return _long(batch, "periods", taken["item"], filled)


def _widened(batch: Batch, chosen: Mapping[Role, str], ignored: Collection[str]) -> Batch:
    """A table with a column a measure as a long one; any other as it is."""
    found = {role: header_of(role, batch.rows.columns, chosen) for role in COLUMNS}
    guesses = _Guesses(batch, dict(chosen), ignored)
    spare = [name for name in guesses.spare if not guesses.is_aside(name)]
    measures = measures_of(batch.rows, spare)
    if found["value"]:
        return _named_by_value(batch, found, among=bool(measures) and "value" in chosen)
    if "value" in chosen or any(thai.folded(name) in _VALUES for name in measures):
        return batch  # which of them is meant is not for us to say
    if not measures:
        return batch
    if told := parts(batch.rows, measures, found):
        return _long(batch, next(iter(told)), "", told)
    long = _long(batch, "measures", found["item"], {"item": {name: name for name in measures}})
    own = {name: unit for name in measures if (unit := unit_of(name))}
    if not found["unit"] or not own:
        return long
    # What a header says of its column alone counts before the unit of its row.
    header = pl.col(found["item"] or COLUMNS["item"][0]).str.split(JOIN).list.last()
    stated = pl.coalesce(header.replace_strict(own, default=None, return_dtype=pl.String), found["unit"])
    return replace(long, rows=long.rows.with_columns(stated.alias(found["unit"])))


def _by_label(batch: Batch, guesses: _Guesses, role: Role, pattern: str) -> Batch:
    """A table with a column of numbers for each label of a role as a long one; any other as it is."""
    found = {name: re.fullmatch(pattern, name.strip()) for name in measures_of(batch.rows, guesses.spare)}
    labels = {name: label[1] for name, label in found.items() if label}
    return _long(batch, role, "", {role: labels}) if labels else batch


def _long(batch: Batch, what: str, item: str, told: Mapping[Role, Mapping[str, str]]) -> Batch:
    """``batch`` with a row a value of the columns whose labels are ``told`` by role; ``item`` is the column of items,
    if there is one, which a label is put behind."""
    columns = list(next(iter(told.values())))
    index = [name for name in batch.rows.columns if name not in columns]
    rows = batch.rows.unpivot(columns, index=index, variable_name="_header", value_name=COLUMNS["value"][0])
    for role, labels in told.items():
        label = pl.col("_header").replace_strict(labels, return_dtype=pl.String).replace("", None)
        header = COLUMNS[role][0]
        if role == "item" and item:
            header, label = item, _behind(item, label)
        rows = rows.with_columns(label.alias(header))
    text = f"{len(columns)} columns of {what} are read as one value a row: {', '.join(columns[:5])}"
    return replace(batch, rows=rows.drop("_header")).note("column-renamed", text)


def _behind(item: str, label: pl.Expr) -> pl.Expr:
    return pl.concat_str([pl.col(item).replace("", None), label], separator=JOIN, ignore_nulls=True)


def _named_by_value(batch: Batch, found: Mapping[str, str], among: bool = False) -> Batch:
    """A value whose header names it counts that: without a column of items, and where it is one ``among`` others or
    counts from a beginning on."""
    header, item = found["value"], found["item"]
    if header in COLUMNS["value"] or (item and not among and not _CUMULATIVE.search(header)):
        return batch
    label = _behind(item, pl.lit(header)) if item else pl.lit(header)
    return replace(batch, rows=batch.rows.with_columns(label.alias(item or COLUMNS["item"][0])))


def _undecided(batch: Batch, key: Sequence[str], whose: Sequence[str], taken: Mapping[str, str]) -> Batch:
    """Without rows that differ from another in a column of ``whose`` alone: they may be of two places, or twice the
    same, and are neither merged nor guessed at."""
    key = [name for name in key if name not in (taken["value"], taken["remark"])]
    for name in whose if key else ():
        differ = pl.struct(key).is_duplicated() & (pl.col(name).n_unique().over(key) > 1)
        text = f"differs from another row in {name!r:.60} alone; name its role in the option columns, or it in ignored"
        batch = batch.refuse((differ, "key-duplicate", text))
    return batch
