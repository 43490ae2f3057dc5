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
from functools import partial
from typing import Annotated, Generic, Literal, Self, TypeVar

import polars as pl
from pydantic import BeforeValidator, Field

from assets.sources import ckan, long_table_periods, long_table_rules, thai
from assets.sources.long_table_columns import Assigned, assigned
from assets.sources.long_table_headers import AREAS, COLUMNS, Role
from assets.sources.long_table_periods import QUARTER, YEARS
from assets.sources.long_table_rules import CLASSES, DIMENSIONS
from assets.sources.source import Context, ReadResult, Source, Text
from assets.sources.table_titles import titled
from quality.batch import Batch
from quality.contracts import Table


class LongOptions(ckan.Package):
    """What a registry entry may say of a long table that the file does not."""

    columns: Mapping[Role, Text] = Field(default={}, description="header of a column by its role, where it is another")
    ignored: tuple[Text, ...] = Field(default=(), description="headers of columns that say nothing of what is counted")
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


_WIDER = r"^(?:รวม)?(?:ทั่ว|ทั้ง)?ประเทศ(?:ไทย)?$|^ภาค(?:เหนือ|กลาง|ใต้|ตะวันออก|ตะวันตก|อีสาน)|^(?i:thailand|whole kingdom)$"
"""What is no part of a province but has it as one."""
_MEAN = r"^(?:ค่า)?เฉลี่ย|^(?i:average|mean)$"

_FIRST_YEAR = 1900
"""No statistic of a city is older; a Buddhist year from which 543 was taken twice is."""
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
    classes: bool = False
    """Whether the table holds classes that no role knows."""
    wide: tuple[Role, str] | None = None
    """Role whose labels may be headers, a column of values each, and their pattern, of which a group is the label."""


@dataclass(frozen=True)
class LongTable(Generic[ChosenLong]):
    """A long table on its way from text by role to ``DIMENSIONS`` and values, step by step.

    ``roles`` are those that have a value in some row; with ``fiscal``, years are fiscal ones.
    """

    batch: Batch
    context: Context[ChosenLong]
    form: Form
    roles: frozenset[str]
    fiscal: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of totals."""
        return (*thai.TOTALS, *self.context.options.totals)

    def own(self) -> Self:
        """Without rows of other provinces and of items that are not asked for."""
        table = self
        province, item = pl.col("province"), self.context.options.item
        if "province" in self.roles:
            city = self.context.city
            english = thai.clean(province).str.to_lowercase().str.replace(r"^changwat\s+|\s+province$", "")
            english = english == city.province_en.lower()
            province = pl.when(english).then(pl.lit(city.province_th)).otherwise(province)
            table = table._with(table.batch.with_columns(province=province))
            province = pl.col("province")
            own = (thai.area(province) == city.province_th) | thai.is_missing(province)
            # A total among provinces is the country's.
            others = table.batch.rows.filter(~own & ~thai.is_total(province, self.labels))["province"].unique().sort()
            if others.len():
                named = ", ".join(f"{name!r:.30}" for name in others.head(3))
                table = table._only(own, f"of other provinces ({named})")
        for role in [role for role in ("area", *AREAS) if role in self.roles]:
            for words, are in ((_WIDER, "of the country or a region"), (_MEAN, "averages of the others")):
                found = thai.clean(pl.col(role)).str.contains(words) & ~pl.col(role).is_in(self.context.options.totals)
                if table.batch.rows.select(found.any()).item():
                    table = table._only(~found.fill_null(value=False), are)
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

    def summed(self) -> Self:
        """With areas and classes that are the sum of all others named as what they are, a total."""
        table = self
        areas = [role for role in ("area", *AREAS) if role in self.roles]
        for role in (*areas, *CLASSES):
            labels = long_table_rules.sums(table.batch.rows, role, areas, self.context.city.province_th)
            for label in labels:
                batch = table.batch.note("total-row", f"{label!r:.60} is the sum of the others and read as their total")
                whole = pl.when(pl.col(role) == label).then(pl.lit(thai.TOTAL)).otherwise(role)
                table = table._with(batch.with_columns(**{role: whole}))
        return table

    def placed(self) -> Self:
        """``area`` and ``area_level`` by the finest column of areas, ``over_area`` where that column names a total:
        then the area is the next coarser one that is none, at last the province. ``within``: the coarser area, if
        any."""
        places, roles = [], [role for role in ("area", *AREAS) if role in self.roles]
        for role, coarser in zip(roles, [*roles, "province"][1:], strict=True):
            default = self.context.options.area_level or ("amphoe" if role == "area" else role)
            text, own_level = pl.col(role), thai.area_level(pl.col(role), default)
            name = pl.when(own_level == "city").then(thai.local_government(text)).otherwise(thai.area(text))
            total = thai.is_total(text, self.labels)
            if coarser != "province":  # a total of what stands beside it, or over all of that
                total |= thai.is_missing(text) & ~thai.is_missing(pl.col(coarser))
            if default != "province":  # the province among its parts
                total |= (own_level == "province") & (name == self.context.city.province_th)
            places.append((total, name, own_level))
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
        1 January (a fiscal one by the 1 October before, a school's by its 16 May), a month or quarter by its first day,
        in the year that its own text tells before that of the row. Where no column tells a year an item may (``คดี ปี
        2567``); only what tells none at all, nor a part of one, is dated by the package's modification."""
        never, year, month = pl.lit(value=False), pl.col("year"), pl.col("month")
        part = next((role for role in ("month", "quarter") if role in self.roles), None)
        own = thai.month_year(month) if "month" in self.roles else pl.lit(None, pl.Int32)
        if "year" not in self.roles and not self.batch.rows.select(own.is_not_null().any()).item():
            day = ckan.modified(self.context.name)
            begun = long_table_periods.first_day(pl.col("item"))
            dated = pl.coalesce(begun, pl.lit(day or self.context.day, dtype=pl.Date))
            of_year = pl.col("item").str.contains(thai.PART_OF_YEAR) & begun.is_null()
            unsaid = pl.col("item").str.contains(YEARS) | of_year
            dated = pl.when(~unsaid.fill_null(value=False) & pl.lit(part is None)).then(dated)
            batch = self.batch.with_columns(
                reference_date=dated, months=pl.lit(12, pl.Int32), over_month=never, over_year=never
            )
            message = "dated by the package's modification" if day else "dated by its delivery"
            undated = batch.rows.select((begun.is_null() & pl.col("reference_date").is_not_null()).any()).item()
            return self._with(batch.note("no-date", message) if undated else batch)
        # Each of them once: as parts of the expressions below they would be looked for many times.
        told = self.batch.rows.select(
            over_month=thai.is_total(pl.col(part), self.labels) if part else never,
            over_year=thai.is_total(year, self.labels),
            fiscal=pl.lit(self.fiscal) | thai.clean(year).str.contains(thai.FISCAL),
            school=thai.clean(year).str.contains(thai.SCHOOL).fill_null(value=False),
            own=own if part != "quarter" else thai.year(thai.clean(pl.col("quarter")).str.extract("([0-9]{4})$", 1)),
            year=thai.year(year),
            span=thai.fiscal_span(year),
            quarter=thai.clean(pl.col("quarter")).str.extract(QUARTER, 1).cast(pl.Int32) * 3 - 2,
            month=thai.month(month),
        )
        yearly = pl.col("over_month") if part else pl.lit(value=True)
        found = told.select(
            "over_month",
            "over_year",
            months=pl.when(yearly).then(12).otherwise(3 if part == "quarter" else 1).cast(pl.Int32),
            reference_date=long_table_periods.begins(told, part),
        )
        batch = self.batch.with_columns(*found.get_columns())
        count = int(batch.rows["over_year"].sum())
        return self._with(batch.note("total-row", f"{count} totals over years are kept apart") if count else batch)

    def narrowed(self) -> Self:
        """With the month or quarter that an item tells where no column does (``ขยะ ไตรมาส 1``), and without a date
        where it tells another part of a year; where a remark tells one, that is said."""
        if {"month", "quarter"} & self.roles:
            return self
        date, rows = pl.col("reference_date"), self.batch.rows
        found = long_table_periods.within_years(rows["item"], self.fiscal)
        months = pl.coalesce((pl.col("_quarter") - 1) * 3, (pl.col("_month") - date.dt.month()) % 12)
        # Not pl.format, as in ``thai.date``.
        begins = date.dt.offset_by(pl.concat_str(months.cast(pl.String), pl.lit("mo")))
        own = pl.col("_year").is_null() | (pl.col("_year") == begins.dt.year())
        whole = ~pl.col("item").is_in(found["_text"].implode()).fill_null(value=False)
        narrow = rows.join(found, left_on="item", right_on="_text", how="left", maintain_order="left").with_columns(
            reference_date=pl.when(whole).then(date).when(own).then(begins),
            months=pl.when(whole).then("months").when(pl.col("_month").is_null()).then(3).otherwise(1),
        )
        remarks = long_table_periods.within_years(rows["remark"], self.fiscal)["_text"]
        text = pl.concat_str(pl.col("remark").str.head(60), pl.lit(": the row's year may not be whole"))
        batch = replace(self.batch, rows=narrow.select(rows.columns))
        return self._with(batch.warn(pl.col("remark").is_in(remarks.implode()), "period-mismatch", text))

    def valued(self) -> Self:
        """``value`` as a number, if no share of another ``unit``, its ``text`` and ``status``, and ``stated_unit``."""
        form, unit, value = self.form, thai.clean(pl.col("unit")), pl.col("value")
        stated = pl.lit(self.context.options.unit or form.unit, pl.String)
        if "unit" in self.roles:
            stated = pl.when(~thai.is_missing(unit)).then(unit).otherwise(None)
        share = thai.has_percent_sign(value)
        stated = pl.when(share).then(stated.fill_null("ร้อยละ")).otherwise(stated)
        number = pl.when(~share | stated.str.contains(thai.PERCENT)).then(thai.amount(value, form.value))
        named = (
            stated if form.units is None else stated.replace_strict(form.units, default=None, return_dtype=pl.String)
        )
        return self._with(
            self.batch.with_columns(
                text=value,
                value=number,
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
        early = pl.col("reference_date") < pl.date(_FIRST_YEAR, 1, 1)
        two = pl.coalesce(pl.col("year").str.contains(YEARS), pl.col("item").str.contains(YEARS))
        undatable = (
            pl.when(two)
            .then(pl.lit("two years in one: nothing tells on which day the period begins"))
            .when(pl.col("year").str.contains(thai.PLANNED))
            .then(pl.lit("a plan of its year, and nothing that was"))
            .otherwise(pl.lit("no year of four digits, or words of month, quarter or item that tell none or another"))
        )
        itemless = thai.is_missing(pl.col("item")) if "item" in self.roles else pl.lit(value=False)
        return self._with(
            self.batch.refuse(
                (undated, "stamp-bad", undatable),
                (early, "stamp-bad", f"a year before {_FIRST_YEAR}: 543 was taken from it twice, or it is none"),
                (pl.col("unit").is_null(), "unit-unknown", "the unit is missing or another than it may be"),
                (pl.col("value").is_null() & ~declared, "value-not-number", f"not {kind}"),
                (thai.is_missing(pl.col("area")), "value-null", "the area is missing"),
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
        if marked := rows.select(thai.has_footnote(text).sum()).item():
            batch = batch.note("number-format", f"{marked} numbers have a mark behind them, which is left out")
        return self._with(batch.select(pl.exclude("_row", "text")))

    def judged(self) -> Self:
        """With the contradictions among its rows (``long_table_rules``), which a number of its own tells apart: of a
        wide table several have one row of the file."""
        rows = self.batch.rows.with_row_index("_at")
        of_file = rows.select(row=pl.col("_at").cast(pl.Int64), _file="_row")
        numbered = rows.with_columns(_row=pl.col("_at").cast(pl.Int64)).drop("_at")
        judged = long_table_rules.judge(Batch(numbered), self.context.options.at_most)
        found = judged.found.join(of_file, on="row", how="left", maintain_order="left")
        problems = found.with_columns(row=pl.col("_file").cast(found.schema["row"])).drop("_file")
        back = judged.rows.join(of_file, left_on="_row", right_on="row", how="left", maintain_order="left")
        return self._with(Batch(back.with_columns(_row="_file").drop("_file")).also(*self.batch.problems, problems))

    def _only(self, where: pl.Expr, others: str) -> Self:
        batch = self.batch.filter(where)
        lost = self.batch.rows.height - batch.rows.height
        return self._with(batch.note("row-filtered", f"{lost} rows are {others}") if lost else batch)

    def _with(self, batch: Batch) -> Self:
        return replace(self, batch=batch)


def by_role(records: ckan.Records, options: LongOptions, form: Form) -> Assigned:
    """The columns of a long table by the roles they play."""
    if records.batch.is_rejected:
        return Assigned(records.batch)
    batch, whole, asked, unit = records.batch, records.complete, (form.required, form.expected), options.unit
    return assigned(batch, options.columns, *asked, options.ignored, whole, unit, form.unit, form.classes, form.wide)


def long_rows(roled: Assigned, context: Context[ChosenLong], form: Form, whole: bool) -> Batch:
    """Rows of a long table: ``value``, ``status`` (published or pending), ``is_total``, ``over_area`` (a total over
    areas) and ``long_table_rules.DIMENSIONS``. Classes are empty where not told and ``รวม`` where they are a total's.

    Rows of other provinces are left out. Rules over several rows hold only where the delivery is the ``whole``
    resource.
    """
    mapped = roled.batch
    if mapped.is_rejected:
        return mapped
    rows = mapped.rows
    if not rows.height:
        return Batch.rejected("answer-empty", "no records").also(*mapped.problems)
    if whole and rows.select(thai.is_missing(pl.col("value")).all()).item():
        named = ", ".join(header for header, role in roled.headers.items() if role == "value") or "any column"
        return Batch.rejected("answer-empty", f"no row has a value in {named}; name the column in the option columns")
    roles = frozenset(role for role in COLUMNS if rows[role].null_count() < rows.height)
    own = LongTable(Batch(rows), context, form, roles, roled.fiscal).own()
    if own.batch.is_rejected:
        return own.batch
    table = (own.classed().summed() if whole else own.classed()).placed().dated().narrowed().valued().usable().noted()
    batch = (table.judged() if whole else table).batch.also(*mapped.problems)
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
        if (title := ckan.called(context.name)) and not records.batch.is_rejected:
            records = replace(records, batch=titled(records.batch, title))
        roled = by_role(records, context.options, form)
        batch = long_rows(roled, context, form, records.complete)
        filled = batch if batch.is_rejected else rows(batch, context).distinct(table.key)
        return replace(ReadResult.of(name, records.evidence, **{table.name: filled}), headers=roled.headers)

    return Source(
        name=name,
        title=title,
        smart=table.smart,
        tables=(table.name,),
        portal=None,
        document="https://docs.ckan.org/en/2.10/api/",
        plan=partial(ckan.plan, titled=True),
        reader=read,
        zone="Asia/Bangkok",
        label="period",
        missing=(*thai.MISSING, thai.PENDING),
        units=units,
        options=options,
        version=6,
        reads=ckan.is_rows,
    )
