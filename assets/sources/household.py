"""Income or expenditure of a household by province, as the National Statistical Office publishes it by file (CKAN).

A wide table, one row a province and one column a year, whose name tells both eras (``year-2541-1998``) or one; the
province stands in columns ``จังหวัด`` and ``Province`` or ``provinces``. Baht a month, from the household
socio-economic survey, https://catalog.nso.go.th. The newest figures come by SDMX (``assets.sources.nso_sdmx``).
"""

import re
from collections.abc import Generator
from dataclasses import replace
from datetime import date
from typing import Any, Literal, get_args

import polars as pl
from pydantic import Field

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import ckan, thai
from assets.sources.long_table_periods import period
from assets.sources.once import once
from assets.sources.source import Context, Options, ReadResult, Source
from quality.batch import Batch
from quality.tables import HOUSEHOLD_INCOME

Measure = Literal["income", "expenditure"]
"""What a file may hold: the option ``measure`` says which, for the file itself does not."""

NATIONAL_PORTAL = "data_go_th"
PACKAGES: dict[Measure, str] = {
    "income": "average-monthly-household-income",
    "expenditure": "average-monthly-household-expenses",
}
"""Measure → package of the national catalogue. Both names are in its list of 2025; what they hold was not seen, only
the office's own files were. A file of another shape is refused and said."""

KNOWN = ("ภาค", "Region")

_VALUE = HOUSEHOLD_INCOME.schema["baht_month"]
_YEAR = re.compile(r"year[-_ ](\d{4})[-_ ](\d{4})")
_PROVINCES = ("จังหวัด", "province", "provinces", "provincename")
_NAMES = "_names"
_READER = "ckan_household_income"


class HouseholdOptions(ckan.Package):
    """A file of one measure."""

    measure: Measure = Field(description="what the file holds, which it does not say itself")


def read(data: bytes, context: Context[HouseholdOptions]) -> ReadResult:
    """Table ``household_income``: the years of the city's own province.

    A year column whose eras disagree is left out (``stamp-bad``), and blanks are missing values.
    """
    batch, years, evidence = _provinces(data)
    if batch.is_rejected:
        return ReadResult.of(_READER, household_income=batch)
    city, names = context.city, pl.col(_NAMES).list
    owned = batch.rows.filter(names.contains(city.province_th) | names.contains(city.province_en.lower()))
    if not owned.height:
        return ReadResult.rejected(_READER, "answer-empty", "no row is of the city's province")
    right = dict(years)
    text, starts = pl.col("text"), pl.col("year").replace_strict(right, return_dtype=pl.Int32)
    declared = thai.is_missing(text) | thai.is_pending(text)
    batch = (
        replace(batch, rows=owned.unpivot(list(right), index="_row", variable_name="year", value_name="text"))
        .with_columns(baht_month=thai.number(text, _VALUE))
        .refuse((pl.col("baht_month").is_null() & ~declared, "value-not-number", "not a number"))
        .warn(declared, "value-missing", pl.format("{}: the publisher gives no value", "year"))
        .select(
            "baht_month",
            dataset=pl.lit(context.options.dataset),
            measure=pl.lit(context.options.measure),
            province_code=pl.lit(city.dopa_province),
            reference_date=pl.date(starts, 1, 1),
        )
        .distinct(HOUSEHOLD_INCOME.key)
    )
    return ReadResult.of(_READER, evidence, household_income=batch)


@once
def _provinces(data: bytes) -> tuple[Batch, tuple[tuple[str, int], ...], str]:
    """The file with all names of each row's province, its columns of years with the year, and the evidence."""
    records = ckan.records(data)
    batch, frame = records.batch, records.batch.rows
    if batch.is_rejected:
        return batch, (), ""
    years = {name: told for name in frame.columns if (told := _year(name))}
    named = [name for name in frame.columns if thai.folded(name) in _PROVINCES]
    if not years or not named:
        return Batch.rejected("file-malformed", "no column of provinces, or none year-BE-CE"), (), ""
    wrong = [name for name, told in years.items() if len(told) > 1]
    for name in sorted(set(frame.columns) - {*years, *named, *KNOWN, "_row"}):
        batch = batch.note("column-new", f"column {name!r:.60} is in no mapping")
    for name in wrong:
        batch = batch.note("stamp-bad", f"column {name!r:.40} names two years, not one in both eras")
    names = [form for name in named for form in (thai.area(pl.col(name)), thai.clean(pl.col(name)).str.to_lowercase())]
    right = tuple((name, min(told)) for name, told in years.items() if name not in wrong)
    evidence = f"{records.evidence}; {len(right)} years, {frame.height} provinces"
    return batch.with_columns(pl.concat_list(names).alias(_NAMES)), right, evidence


def _year(header: str) -> set[int]:
    """The years (CE) that a header tells and no more: in both eras, as ``year-2541-1998``, or in one, as ``ปี 2541``."""
    if both := _YEAR.fullmatch(header.lower()):
        return {int(both[1]) - 543, int(both[2])}
    told = period(header)
    if not told.year.isdigit() or told.rest or told.month or told.quarter:
        return set()
    return {int(told.year) - (543 if int(told.year) > thai.BUDDHIST_FROM else 0)}


CKAN_HOUSEHOLD_INCOME = Source(
    name=_READER,
    title="Household income and expenditure (NSO file)",
    smart="economy",
    tables=(HOUSEHOLD_INCOME.name,),
    portal=None,
    document="https://catalog.nso.go.th",
    plan=ckan.plan,
    reader=read,
    options=HouseholdOptions,
    zone="Asia/Bangkok",
    label="period",
    missing=("",),
    units="THB/month",
    reads=ckan.is_rows,
)


def _national(measure: Measure) -> Source[Options]:
    """One measure for the whole country, landed once for all cities."""
    fixed = HouseholdOptions(portal=NATIONAL_PORTAL, package=PACKAGES[measure], measure=measure)

    def plan(city: City, day: date, base: str, options: Options) -> Generator[Request, bytes | None, None]:
        yield from ckan.plan(city, day, base, fixed)

    def read_fixed(data: bytes, context: Context[Options]) -> ReadResult:
        return read(data, Context(context.city, context.day, context.name, fixed))

    by_file: Source[Any] = CKAN_HOUSEHOLD_INCOME
    return replace(
        by_file,
        name=f"household_{measure}",
        title=f"Household {measure} of every province (data.go.th)",
        portal=NATIONAL_PORTAL,
        document=f"https://data.go.th/dataset/{PACKAGES[measure]}",
        plan=plan,
        reader=read_fixed,
        options=Options,
        national=True,
    )


HOUSEHOLD_NATIONAL = tuple(_national(measure) for measure in get_args(Measure))
"""Income and expenditure, as the national catalogue holds them."""
