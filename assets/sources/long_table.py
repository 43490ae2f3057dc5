"""Published statistics, whatever they count: the long tables of Thai catalogues as rows of values.

What such a file is: one number a row, with columns for the year (Buddhist, as text), sometimes the month (a Thai word,
now and then misspelt), the item, the area, classes and the unit; totals lie among their members; a value that is
missing is a word. As in https://phuket.gdcatalog.go.th/dataset/dataset_10_34. Nothing promises any of it, so that
every rule is looked for in the rows: see ``read``. The registry maps other headers (``columns``: role → header).

The readers that use it differ in the table they make only: ``ckan_visitors``, ``ckan_population``, ``ckan_statistics``
and ``road_casualties``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from assets.sources import ckan, long_table_rules, thai
from assets.sources.long_table_rules import CLASSES, DIMENSIONS
from assets.sources.parsing import problems_at, without
from assets.sources.source import Context, Reader, Source
from quality.contracts import Table
from quality.problems import gather, no_problems, problem

AREAS = {
    "city": ("อปท.", "องค์กรปกครองส่วนท้องถิ่น"),
    "tambon": ("ตำบล", "แขวง"),
    "amphoe": ("อำเภอ", "เขต"),
    "province": ("จังหวัด", "province"),
}
"""Level → headers of the column that names areas of it, the finest first."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "year": ("ปี", "พ.ศ.", "ปี พ.ศ.", "ปี (พ.ศ.)", "year"),
    "month": ("เดือน", "month"),
    "item": ("รายการ",),
    **AREAS,
    "area": (),
    "category": ("ประเภท",),
    "origin": ("สัญชาติ", "สถานะ"),
    "sex": ("เพศ", "Attribute"),
    "age": ("ช่วงอายุ", "กลุ่มอายุ"),
    "value": ("จำนวน", "Value"),
    "unit": ("หน่วย", "unit", "หน่วยนับ"),
}
"""Role → headers it is published under. ``area`` is for a registry that names the column of areas itself. A fiscal
year (ปีงบประมาณ, from October) is no calendar year and not among them."""

KNOWN = ("ที่มา", "source", "tablename")
"""Headers that repeat what the catalogue says of the package."""


class Long(NamedTuple):
    """Long rows, on what evidence, and what was wrong. ``frame`` is None where the delivery cannot be used at all.

    It has ``_row``, ``value``, ``status`` (published or pending), ``is_total``, ``over_area`` (a total over areas) and
    ``long_table_rules.DIMENSIONS``. Classes are empty where not told and ``รวม`` where they are a total's.
    """

    frame: pl.DataFrame | None
    evidence: str
    problems: pl.DataFrame


def long_rows(
    data: bytes,
    context: Context[Any],
    dtype: pl.DataType,
    *,
    required: Sequence[str] = ("year", "value"),
    expected: Sequence[str] = (),
    units: Mapping[str, str] | None = None,
    unit: str | None = None,
) -> Long:
    """Long rows from a datastore page or file, values as ``dtype``.

    ``required`` roles must have a column, ``expected`` ones are missed aloud. ``units`` maps the units that may occur
    to what they are called, ``unit`` stands in where the file has no such column (the option ``unit`` before it).
    Options: ``columns``; ``item`` (one or a list: others are left out); ``totals``, further labels of totals;
    ``area_level`` of areas that do not tell theirs; ``at_most`` (item → item that it is a part of).

    Rows of other provinces are left out. A year is dated by 1 January, a month by its first day; without a year column
    the package's modification dates the rows. Rules over several rows (``long_table_rules``) hold only where the
    delivery is the whole resource.
    """
    rows, shape = ckan.read_rows(data)
    if rows is None:
        return Long(None, "", shape)
    optional = set(COLUMNS) - {*required, *expected}
    chosen = context.options.get("columns", {})
    frame, headers = ckan.mapped(rows.frame, COLUMNS, chosen, required, KNOWN, optional)
    if frame is None:
        return Long(None, rows.evidence, headers)
    if not frame.height:
        return Long(None, rows.evidence, problem("answer-empty", "no records"))
    there = {role for role in COLUMNS if frame[role].null_count() < frame.height}
    labels = (*thai.TOTALS, *context.options.get("totals", ()))
    frame, left = _own(frame, there, context, labels)
    if not frame.height:
        return Long(None, rows.evidence, left)
    frame, undated = _dated(_placed(_classed(frame, labels), there, context, labels), there, context, labels)
    frame = _valued(frame, there, context, dtype, units, unit)
    refused = _refused(frame, there, dtype)
    said = [shape, headers, left, undated, refused]
    frame = without(frame, refused)
    said.append(_notes(frame))
    if rows.whole:
        frame, found = long_table_rules.judge(frame.drop("text"), context.options.get("at_most", {}))
        said.append(found)
    over = pl.any_horizontal("over_area", "over_month", *(pl.col(name) == thai.TOTAL for name in CLASSES))
    frame = frame.filter(~pl.col("over_year")).select(
        "_row", *DIMENSIONS, "value", "status", "over_area", is_total=over
    )
    return Long(frame, rows.evidence, gather(said))


def _own(
    frame: pl.DataFrame, there: set[str], context: Context[Any], labels: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of the city's province and of the items asked for, and how many others were left out."""
    wanted = context.options.get("item")
    said = []
    if "province" in there:
        named = thai.area(pl.col("province"))
        own = (named == context.city.province_th) | thai.is_missing(pl.col("province"))
        others = frame.filter(~own & ~thai.is_total(pl.col("province"), labels)).height
        if others:
            # A total among provinces is the country's.
            frame, before = frame.filter(own), frame.height
            said.append(problem("row-filtered", f"{before - frame.height} rows are of other provinces"))
    if wanted is not None:
        items = [wanted] if isinstance(wanted, str) else list(wanted)
        frame, before = frame.filter(thai.clean(pl.col("item")).is_in(items)), frame.height
        if before > frame.height:
            said.append(problem("row-filtered", f"{before - frame.height} rows are of other items"))
    if not frame.height:
        said.append(problem("answer-empty", "no record is of the city's province and the items asked for"))
    return frame, gather(said)


def _classed(frame: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    """Items and classes as clean text, empty where not told, with the usual label where it is a total's."""
    text = thai.clean(pl.col("item", *CLASSES)).fill_null("")
    return frame.with_columns(text).with_columns(
        pl.when(thai.is_total(pl.col(name), labels)).then(pl.lit(thai.TOTAL)).otherwise(name).alias(name)
        for name in CLASSES
    )


def _placed(frame: pl.DataFrame, there: set[str], context: Context[Any], labels: Sequence[str]) -> pl.DataFrame:
    """``area`` and ``area_level`` by the finest column of areas, ``over_area`` where that column names a total: then
    the area is the next coarser one that is none, at last the province. ``within``: the coarser area, if any."""
    places = []
    for role in [role for role in ("area", *AREAS) if role in there]:
        default = context.options.get("area_level") or ("amphoe" if role == "area" else role)
        text, own_level = pl.col(role), thai.area_level(pl.col(role), default)
        name = pl.when(own_level == "city").then(thai.local_government(text)).otherwise(thai.area(text))
        places.append((thai.is_total(text, labels), name, own_level))
    area: pl.Expr = pl.lit(context.city.province_th)
    level: pl.Expr = pl.lit("province")
    for is_total, name, named_level in reversed(places):
        area = pl.when(is_total).then(area).otherwise(name)
        level = pl.when(is_total).then(level).otherwise(named_level)
    return frame.with_columns(
        area=area,
        area_level=level,
        over_area=places[0][0] if places else pl.lit(value=False),
        within=places[1][1] if len(places) > 1 else pl.lit(""),
    )


def _dated(
    frame: pl.DataFrame, there: set[str], context: Context[Any], labels: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``reference_date`` and ``months``, with ``over_month`` and ``over_year`` for totals, and what was said of it."""
    never = pl.lit(value=False)
    if "year" not in there:
        day = ckan.modified(context.name)
        dated = pl.lit(day or context.day, dtype=pl.Date)
        said = problem("no-date", "dated by the package's modification" if day else "dated by its delivery")
        year = pl.lit(12, pl.Int32)
        return frame.with_columns(reference_date=dated, months=year, over_month=never, over_year=never), said
    over_month = thai.is_total(pl.col("month"), labels) if "month" in there else never
    whole = over_month if "month" in there else pl.lit(value=True)
    frame = frame.with_columns(
        over_month=over_month,
        over_year=thai.is_total(pl.col("year"), labels),
        months=pl.when(whole).then(12).otherwise(1).cast(pl.Int32),
        reference_date=pl.date(
            thai.year(pl.col("year")), pl.when(whole).then(1).otherwise(thai.month(pl.col("month"))), 1
        ),
    )
    count = int(frame["over_year"].sum())
    return frame, problem("total-row", f"{count} totals over years are kept apart") if count else no_problems()


def _valued(
    frame: pl.DataFrame,
    there: set[str],
    context: Context[Any],
    dtype: pl.DataType,
    units: Mapping[str, str] | None,
    default: str | None,
) -> pl.DataFrame:
    """``value`` as a number with its ``text`` and ``status``, and ``unit`` with the one that was ``told``."""
    text, value = thai.clean(pl.col("unit")), pl.col("value")
    stated = pl.when(~thai.is_missing(text)).then(text).otherwise(None)
    told = stated if "unit" in there else pl.lit(context.options.get("unit", default), pl.String)
    return frame.with_columns(
        text=value,
        value=thai.number(value, dtype),
        status=pl.when(thai.is_pending(value)).then(pl.lit("pending")).otherwise(pl.lit("published")),
        told=told,
        unit=told if units is None else told.replace_strict(units, default=None, return_dtype=pl.String),
    )


def long_source(name: str, title: str, table: Table, units: str, read: Reader[Any]) -> Source[Any]:
    """The source of a reader of long tables: it lies in a catalogue that the registry names."""
    return Source(
        name=name,
        title=title,
        smart=table.smart,
        tables=(table.name,),
        portal=None,
        document="https://docs.ckan.org/en/2.10/api/",
        plan=ckan.plan,
        reader=read,
        zone="Asia/Bangkok",
        label="period",
        missing=(*thai.MISSING, thai.PENDING),
        units=units,
        reads=ckan.is_rows,
    )


def _refused(frame: pl.DataFrame, there: set[str], dtype: pl.DataType) -> pl.DataFrame:
    declared = thai.is_missing(pl.col("text")) | thai.is_pending(pl.col("text"))
    kind = "a whole number" if dtype.is_integer() else "a number"
    nowhere = pl.col("area").fill_null("") == ""
    undated = pl.col("reference_date").is_null() & ~pl.col("over_year")
    checks = [
        problems_at(frame, "value-null", nowhere, "the area is missing"),
        problems_at(frame, "stamp-bad", undated, "the year is not a four-digit year, or the month is none"),
        problems_at(frame, "value-not-number", pl.col("value").is_null() & ~declared, f"not {kind}"),
        problems_at(frame, "unit-unknown", pl.col("unit").is_null(), "the unit is missing or another than it may be"),
    ]
    if "item" in there:
        checks.append(problems_at(frame, "value-null", thai.is_missing(pl.col("item")), "the item is missing"))
    return gather(checks).unique("row", keep="first", maintain_order=True)


def _notes(frame: pl.DataFrame) -> pl.DataFrame:
    """What is odd about cells that can be used."""
    text, month = pl.col("text"), thai.clean(pl.col("month"))
    has_comma = text.str.contains(",", literal=True)
    commas, plain = frame.select(
        commas=has_comma.sum(), plain=(~has_comma & (pl.col("value").abs() >= 1000)).sum()
    ).row(0)
    misspelt = frame.filter(thai.is_misspelt(month)).group_by(month).len().sort("month")
    said = [problem("label-misspelt", f"{count} times {name} for a month") for name, count in misspelt.iter_rows()]
    if commas and plain:
        said.append(problem("number-format", f"{commas} numbers have thousands commas, {plain} have none"))
    waiting = problems_at(frame, "value-pending", thai.is_pending(text), "the publisher is still processing the value")
    blank = problems_at(frame, "value-missing", thai.is_missing(text), "the publisher gives no value")
    return gather([waiting, blank, *said])
