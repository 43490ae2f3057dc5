"""Published statistics, whatever they count: the long tables of Thai catalogues as rows of values.

What such a file is: one number a row, with columns for the year (Buddhist, as text), sometimes the month (a Thai word,
now and then misspelt), the item, the area, classes and the unit; totals lie among their members; a value that is
missing is a word. As in https://phuket.gdcatalog.go.th/dataset/dataset_10_34. Nothing promises any of it, so that
every rule is looked for in the rows: see ``LongTable``. The registry maps other headers (``columns``: role → header).

The sources that use it differ in the table they make only (``long_source``): ``ckan_visitors``, ``ckan_population``,
``ckan_statistics`` and ``road_casualties``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Generic, Literal, Self, TypeVar

import polars as pl
from pydantic import BeforeValidator, Field

from assets.sources import ckan, long_table_rules, thai
from assets.sources.long_table_rules import CLASSES, DIMENSIONS
from assets.sources.source import Context, ReadResult, Source, Text
from quality.batch import Batch
from quality.contracts import Table

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


Role = Literal[
    "year", "month", "item", "city", "tambon", "amphoe", "province", "area",
    "category", "origin", "sex", "age", "value", "unit",
]  # fmt: skip
"""The keys of ``COLUMNS``."""


class LongOptions(ckan.Package):
    """What a registry entry may say of a long table that the file does not."""

    columns: Mapping[Role, Text] = Field(default={}, description="header of a column by its role, where it is another")
    item: Annotated[tuple[Text, ...], BeforeValidator(lambda item: [item] if isinstance(item, str) else item)] = Field(
        default=(), description="the item that is read, or a list of them; others are left out"
    )
    totals: tuple[Text, ...] = Field(default=(), description="further labels of totals")
    area_level: Literal["city", "tambon", "amphoe", "province"] | None = Field(
        default=None, description="level of areas whose names and column do not tell it"
    )
    at_most: Mapping[Text, Text] = Field(
        default={}, description="an item, and the one it is a part of and cannot exceed"
    )
    unit: Text | None = Field(default=None, description="unit of a file that has no column of it")


ChosenLong = TypeVar("ChosenLong", bound=LongOptions)


@dataclass(frozen=True)
class Form:
    """What a source asks of its files: values as ``value``, ``required`` roles that must have a column, ``expected``
    ones that are missed aloud. ``units`` maps the units that may occur to what they are called, ``unit`` stands in
    where the file has no such column (the option ``unit`` before it)."""

    value: pl.DataType
    required: tuple[Role, ...] = ("year", "value")
    expected: tuple[Role, ...] = ()
    units: Mapping[str, str] | None = None
    unit: str | None = None


@dataclass(frozen=True)
class LongTable(Generic[ChosenLong]):
    """A long table on its way from text by role to ``DIMENSIONS`` and values, step by step.

    ``roles`` are those that have a value in some row.
    """

    batch: Batch
    context: Context[ChosenLong]
    form: Form
    roles: frozenset[str]

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of totals."""
        return (*thai.TOTALS, *self.context.options.totals)

    def own(self) -> Self:
        """Without rows of other provinces and of items that are not asked for."""
        table = self
        province, item = pl.col("province"), self.context.options.item
        if "province" in self.roles:
            own = (thai.area(province) == self.context.city.province_th) | thai.is_missing(province)
            # A total among provinces is the country's.
            if self.batch.rows.filter(~own & ~thai.is_total(province, self.labels)).height:
                table = table._only(own, "of other provinces")
        if item:
            table = table._only(thai.clean(pl.col("item")).is_in(item), "of other items")
        if table.batch.rows.height:
            return table
        return table._with(
            table.batch.note("answer-empty", "no record is of the city's province and the items asked for")
        )

    def classed(self) -> Self:
        """Items and classes as clean text, empty where not told, with the usual label where it is a total's."""
        text = {name: thai.clean(pl.col(name)).fill_null("") for name in ("item", *CLASSES)}
        totals = {
            name: pl.when(thai.is_total(text[name], self.labels)).then(pl.lit(thai.TOTAL)).otherwise(text[name])
            for name in CLASSES
        }
        return self._with(self.batch.with_columns(**(text | totals)))

    def placed(self) -> Self:
        """``area`` and ``area_level`` by the finest column of areas, ``over_area`` where that column names a total:
        then the area is the next coarser one that is none, at last the province. ``within``: the coarser area, if
        any."""
        places = []
        for role in [role for role in ("area", *AREAS) if role in self.roles]:
            default = self.context.options.area_level or ("amphoe" if role == "area" else role)
            text, own_level = pl.col(role), thai.area_level(pl.col(role), default)
            name = pl.when(own_level == "city").then(thai.local_government(text)).otherwise(thai.area(text))
            places.append((thai.is_total(text, self.labels), name, own_level))
        area: pl.Expr = pl.lit(self.context.city.province_th)
        level: pl.Expr = pl.lit("province")
        for is_total, name, named_level in reversed(places):
            area = pl.when(is_total).then(area).otherwise(name)
            level = pl.when(is_total).then(level).otherwise(named_level)
        over_area = places[0][0] if places else pl.lit(value=False)
        within = places[1][1] if len(places) > 1 else pl.lit("")
        return self._with(self.batch.with_columns(area=area, area_level=level, over_area=over_area, within=within))

    def dated(self) -> Self:
        """``reference_date`` and ``months``, with ``over_month`` and ``over_year`` for totals. A year is dated by
        1 January, a month by its first day; without a year column the package's modification dates the rows."""
        never, year, month = pl.lit(value=False), pl.col("year"), pl.col("month")
        if "year" not in self.roles:
            day = ckan.modified(self.context.name)
            dated = pl.lit(day or self.context.day, dtype=pl.Date)
            batch = self.batch.with_columns(
                reference_date=dated, months=pl.lit(12, pl.Int32), over_month=never, over_year=never
            )
            message = "dated by the package's modification" if day else "dated by its delivery"
            return self._with(batch.note("no-date", message))
        over_month = thai.is_total(month, self.labels) if "month" in self.roles else never
        yearly = over_month if "month" in self.roles else pl.lit(value=True)
        batch = self.batch.with_columns(
            over_month=over_month,
            over_year=thai.is_total(year, self.labels),
            months=pl.when(yearly).then(12).otherwise(1).cast(pl.Int32),
            reference_date=pl.date(thai.year(year), pl.when(yearly).then(1).otherwise(thai.month(month)), 1),
        )
        count = int(batch.rows["over_year"].sum())
        return self._with(batch.note("total-row", f"{count} totals over years are kept apart") if count else batch)

    def valued(self) -> Self:
        """``value`` as a number with its ``text`` and ``status``, and ``unit`` with the one that is ``stated_unit``."""
        form, unit, value = self.form, thai.clean(pl.col("unit")), pl.col("value")
        stated = pl.lit(self.context.options.unit or form.unit, pl.String)
        if "unit" in self.roles:
            stated = pl.when(~thai.is_missing(unit)).then(unit).otherwise(None)
        named = (
            stated if form.units is None else stated.replace_strict(form.units, default=None, return_dtype=pl.String)
        )
        return self._with(
            self.batch.with_columns(
                text=value,
                value=thai.number(value, form.value),
                status=pl.when(thai.is_pending(value)).then(pl.lit("pending")).otherwise(pl.lit("published")),
                stated_unit=stated,
                unit=named,
            )
        )

    def usable(self) -> Self:
        """Without rows that have no area, date, item or unit, or whose value is neither a number nor declared."""
        text = pl.col("text")
        declared = thai.is_missing(text) | thai.is_pending(text)
        kind = "a whole number" if self.form.value.is_integer() else "a number"
        undated = pl.col("reference_date").is_null() & ~pl.col("over_year")
        itemless = thai.is_missing(pl.col("item")) if "item" in self.roles else pl.lit(value=False)
        return self._with(
            self.batch.refuse(
                (undated, "stamp-bad", "the year is not a four-digit year, or the month is none"),
                (pl.col("unit").is_null(), "unit-unknown", "the unit is missing or another than it may be"),
                (pl.col("value").is_null() & ~declared, "value-not-number", f"not {kind}"),
                (pl.col("area").fill_null("") == "", "value-null", "the area is missing"),
                (itemless, "value-null", "the item is missing"),
            )
        )

    def noted(self) -> Self:
        """With what is odd about cells that can be used."""
        rows, text, month = self.batch.rows, pl.col("text"), thai.clean(pl.col("month"))
        batch = self.batch.warn(
            thai.is_pending(text), "value-pending", "the publisher is still processing the value"
        ).warn(thai.is_missing(text), "value-missing", "the publisher gives no value")
        for name, count in rows.filter(thai.is_misspelt(month)).group_by(month).len().sort("month").iter_rows():
            batch = batch.note("label-misspelt", f"{count} times {name} for a month")
        has_comma = text.str.contains(",", literal=True)
        commas, plain = rows.select(
            commas=has_comma.sum(), plain=(~has_comma & (pl.col("value").abs() >= 1000)).sum()
        ).row(0)
        if commas and plain:
            batch = batch.note("number-format", f"{commas} numbers have thousands commas, {plain} have none")
        return self._with(batch.select(pl.exclude("_row", "text")))

    def judged(self) -> Self:
        """With the contradictions among its rows (``long_table_rules``)."""
        return self._with(long_table_rules.judge(self.batch, self.context.options.at_most))

    def _only(self, where: pl.Expr, others: str) -> Self:
        batch = self.batch.filter(where)
        lost = self.batch.rows.height - batch.rows.height
        return self._with(batch.note("row-filtered", f"{lost} rows are {others}") if lost else batch)

    def _with(self, batch: Batch) -> Self:
        return replace(self, batch=batch)


def long_rows(records: ckan.Records, context: Context[ChosenLong], form: Form) -> Batch:
    """Rows of a long table: ``value``, ``status`` (published or pending), ``is_total``, ``over_area`` (a total over
    areas) and ``long_table_rules.DIMENSIONS``. Classes are empty where not told and ``รวม`` where they are a total's.

    Rows of other provinces are left out. Rules over several rows hold only where the delivery is the whole resource.
    """
    if records.batch.is_rejected:
        return records.batch
    optional = set(COLUMNS) - {*form.required, *form.expected}
    mapped = ckan.mapped(records.batch, COLUMNS, context.options.columns, form.required, KNOWN, optional)
    if mapped.is_rejected:
        return mapped
    rows = mapped.rows
    if not rows.height:
        return Batch.rejected("answer-empty", "no records")
    roles = frozenset(role for role in COLUMNS if rows[role].null_count() < rows.height)
    own = LongTable(Batch(rows), context, form, roles).own()
    if own.batch.is_rejected:
        return own.batch
    table = own.classed().placed().dated().valued().usable().noted()
    batch = (table.judged() if records.complete else table).batch.also(*mapped.problems)
    over = pl.any_horizontal("over_area", "over_month", *(pl.col(name) == thai.TOTAL for name in CLASSES))
    return batch.filter(~pl.col("over_year")).select(*DIMENSIONS, "value", "status", "over_area", is_total=over)


def long_source(
    name: str,
    title: str,
    table: Table,
    units: str,
    form: Form,
    rows: Callable[[Batch, Context[ChosenLong]], Batch],
    options: type[ChosenLong],
) -> Source[ChosenLong]:
    """The source of a long table: it lies in a catalogue that the registry names, and ``rows`` makes those of
    ``table`` out of ``long_rows``."""

    def read(data: bytes, context: Context[ChosenLong]) -> ReadResult:
        records = ckan.records(data)
        batch = long_rows(records, context, form)
        filled = batch if batch.is_rejected else rows(batch, context).distinct(table.key)
        return ReadResult.of(name, records.evidence, **{table.name: filled})

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
        options=options,
        reads=ckan.is_rows,
    )
