"""Electricity sold by PEA and MEA by month and sector, from the Energy Policy and Planning Office's catalogue (CKAN).

Packages ``dataset_11_36`` (area of PEA) and ``dataset_11_35`` (area of MEA) of https://catalog.eppo.go.th, each a CSV
in UTF-8 with a byte order mark: ``Year`` (of the common era in these files, Buddhist in others of the office),
``Month`` (English name), ``Sector``, ``Quantity`` (GWh billed). The portal refuses clients without a User-Agent and
answers 522 now and then. A month is dated by its first day in Bangkok.

These are a utility's figures, the frame around a city and never its own.
"""

from collections.abc import Generator, Mapping
from datetime import date
from functools import partial
from typing import Literal

import polars as pl
from pydantic import Field

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import ckan, thai
from assets.sources.once import once
from assets.sources.parsing import judged_totals
from assets.sources.source import Context, Options, ReadResult, Source, Text
from quality.batch import Batch
from quality.tables import POWER_SYSTEM

PACKAGES = {
    area: ckan.Package(portal="eppo", package=package)
    for area, package in (("PEA", "dataset_11_36"), ("MEA", "dataset_11_35"))
}
"""Area → package."""

Role = Literal["year", "month", "sector", "value", "unit"]
HEADERS: dict[Role, str] = {
    "year": "Year",
    "month": "Month",
    "sector": "Sector",
    "value": "Quantity",
    "unit": "Unit",
}
"""Role → header, compared as ``thai.folded`` has them; the option ``columns`` names others."""

REQUIRED: tuple[Role, ...] = ("year", "month", "value")

UNITS = ("", "gwh", "ล้านหน่วย")
"""What the unit may be called; these files have no column of it."""

MONTHS = 36
"""Newest months that are taken where the option ``months`` says no other: three years show season and trend, and a
city's table has a file for each month."""

LATE = 6
"""Months after which a next one is overdue: sales were published three months after their month (2026)."""

TOTALS = (*thai.TOTALS, "Grand Total")
"""Sectors that are the sum of the others."""

_VALUE = POWER_SYSTEM.schema["value"]


class SalesOptions(Options):
    """How a file is read that is built otherwise, and how far back."""

    columns: Mapping[Role, Text] = Field(default={}, description="header of a column by its role, where it is another")
    sector: Text | None = Field(default=None, description="sector of a file that has no column of it")
    months: int = Field(default=MONTHS, ge=1, strict=True, description="newest months that are taken")


def plan(area: str, city: City, day: date, base: str, options: SalesOptions) -> Generator[Request, bytes | None, None]:
    """The package of the area, then its rows."""
    yield from ckan.plan(city, day, base, PACKAGES[area])


def read(area: str, data: bytes, context: Context[SalesOptions]) -> ReadResult:
    """Table ``power_system``, series ``sales``, from a datastore page or a CSV file.

    A month that lies ahead is refused; months that are missing within a sector are ``window-short``.
    """
    sales, evidence = _sales(data, area, context.day, context.options)
    return ReadResult.of(f"eppo_sales_{area.lower()}", evidence, power_system=sales)


@once
def _sales(data: bytes, area: str, delivered: date, options: SalesOptions) -> tuple[Batch, str]:
    """Rows of ``power_system`` with the evidence: nothing of them is a city's."""
    records = ckan.records(data)
    batch = _mapped(records.batch, options)
    if not batch.is_rejected and not batch.rows.height:
        batch = Batch.rejected("answer-empty", "no records")
    if batch.is_rejected:
        return batch, records.evidence
    value, sector, day = pl.col("value"), thai.clean(pl.col("sector")), pl.col("_day")
    usable = batch.with_columns(
        _day=pl.date(thai.year(pl.col("year")), thai.month(pl.col("month")), 1),
        _value=thai.number(value, _VALUE),
        sector=pl.when(thai.is_total(sector, TOTALS)).then(pl.lit("all")).otherwise(sector),
    ).refuse(
        (day.is_null(), "stamp-bad", "not a year and the name of a month"),
        (day > delivered, "stamp-bad", "the month lies after the delivery"),
        (~thai.clean(pl.col("unit")).str.to_lowercase().is_in(UNITS), "unit-unknown", "the unit is not GWh"),
        (
            pl.col("_value").is_null() & ~(thai.is_missing(value) | thai.is_pending(value)),
            "value-not-number",
            "not a number",
        ),
        (thai.is_missing(pl.col("sector")), "value-null", "the sector is missing"),
        (pl.col("_value") < 0, "value-range", "less than nothing was sold"),
    )
    first = _months_before(delivered, options.months)
    recent = usable.filter(day >= first)
    sales = (
        recent.warn(thai.is_pending(value), "value-pending", "the publisher is still processing the value")
        .warn(thai.is_missing(value), "value-missing", "the publisher gives no value")
        .select(
            "sector",
            dataset=pl.lit(PACKAGES[area].dataset),
            series=pl.lit("sales"),
            area=pl.lit(area),
            period=pl.lit("month"),
            start=thai.utc(day.cast(pl.Datetime("us"))),
            local_date="_day",
            value="_value",
            unit=pl.lit("GWh"),
        )
        .distinct(POWER_SYSTEM.key)
    )
    if records.complete:
        sales = _checked(sales, usable.rows["_day"].max(), delivered)
    return sales, f"{records.evidence}, {recent.rows.height} of {usable.rows.height} rows since {first}"


def _source(area: str) -> Source[SalesOptions]:
    return Source(
        name=f"eppo_sales_{area.lower()}",
        title=f"Electricity sold by month and sector in the area of {area} (EPPO)",
        smart="energy",
        tables=("power_system",),
        portal="eppo",
        document=f"https://catalog.eppo.go.th/dataset/{PACKAGES[area].package}",
        plan=partial(plan, area),
        reader=partial(read, area),
        options=SalesOptions,
        zone="Asia/Bangkok",
        label="period",
        missing=thai.MISSING,
        units="GWh",
        national=True,
        reads=ckan.is_rows,
    )


EPPO_SALES_PEA, EPPO_SALES_MEA = _source("PEA"), _source("MEA")


def _mapped(batch: Batch, options: SalesOptions) -> Batch:
    """The columns by role, as text; rejected where one that is needed is absent."""
    if batch.is_rejected:
        return batch
    headers = {thai.folded(name): name for name in batch.rows.columns}
    found = {role: headers.get(thai.folded(options.columns.get(role, header))) for role, header in HEADERS.items()}
    lacking = [role for role in REQUIRED if found[role] is None]
    if found["sector"] is None and options.sector is None:
        lacking.append("sector")
    if lacking:
        return Batch.rejected("file-malformed", f"no column for {', '.join(lacking)}; headers may have changed")
    for header in sorted(set(batch.rows.columns) - {"_row", *found.values()}):
        batch = batch.note("column-new", f"column {header!r:.60} is in no mapping")
    stand_in = {"sector": options.sector or "", "unit": ""}
    return batch.select(
        **{role: pl.col(header) if header else pl.lit(stand_in[role]) for role, header in found.items()}
    )


def _months_before(day: date, months: int) -> date:
    """First day of the month so many months before that of ``day``; the year 1 bounds it."""
    ordinal = max(day.year * 12 + day.month - 1 - months, 12)
    return date(ordinal // 12, ordinal % 12 + 1, 1)


def _checked(sales: Batch, newest: object, day: date) -> Batch:
    """With what a whole file's rows say against each other: months that are missing between a sector's first and
    last, an end long before the delivery, totals over the sectors that are not their sum."""
    month = pl.col("local_date").dt.year().cast(pl.Int32) * 12 + pl.col("local_date").dt.month()
    gone = sales.rows.group_by("sector").agg(gone=month.max() - month.min() + 1 - month.n_unique())
    spans = gone.filter(pl.col("gone") > 0)
    if spans.height:
        sales = sales.note("window-short", f"{spans['gone'].sum()} months are missing within {spans.height} sectors")
    # The rest did not come, or the publisher has stopped.
    if isinstance(newest, date) and newest < _months_before(day, LATE):
        sales = sales.note("window-short", f"the newest month is {newest:%Y-%m}")
    totals = judged_totals(sales.rows, pl.col("sector") == "all", ("local_date",))
    return sales.also(*Batch(totals).warn(~pl.col("fits"), "total-mismatch", pl.col("message")).problems)
