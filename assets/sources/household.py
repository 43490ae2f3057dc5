"""Income or expenditure of a household by province, as the National Statistical Office publishes it by file (CKAN).

A wide table, one row a province and one column a year whose name tells both eras (``year-2541-1998``); the province
stands in columns ``จังหวัด`` and ``Province`` or ``provinces``. Baht a month, from the household socio-economic
survey, https://catalog.nso.go.th. The newest figures come by SDMX (``assets.sources.nso_sdmx``).
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import ckan, thai
from assets.sources.parsing import distinct, problems_at, rejected
from assets.sources.source import Context, ReadResult, Source
from quality.problems import gather, problem
from quality.tables import HOUSEHOLD_INCOME

MEASURES = ("income", "expenditure")
"""What a file may hold: the option ``measure`` says which, for the file itself does not."""

NATIONAL_PORTAL = "data_go_th"
PACKAGES = {"income": "average-monthly-household-income", "expenditure": "average-monthly-household-expenses"}
"""Measure → package of the national catalogue. Both names are in its list of 2025; what they hold was not seen, only
the office's own files were. A file of another shape is refused and said."""

KNOWN = ("ภาค", "Region")

_VALUE = HOUSEHOLD_INCOME.schema["baht_month"]
_YEAR = re.compile(r"year[-_ ](\d{4})[-_ ](\d{4})")
_PROVINCES = ("จังหวัด", "province", "provinces", "provincename")
_READER = "ckan_household_income"


def read(data: bytes, context: Context[Any]) -> ReadResult:
    """Table ``household_income``: the years of the city's own province.

    A year column whose eras disagree is left out (``stamp-bad``), and blanks are missing values.
    """
    options = context.options
    measure = options.get("measure")
    if measure not in MEASURES:
        return rejected(_READER, "option-invalid", f"the option measure is none of {', '.join(MEASURES)}")
    rows, shape = ckan.read_rows(data)
    if rows is None:
        return ReadResult(_READER, problems=shape)
    frame = rows.frame
    years = {name: found for name in frame.columns if (found := _YEAR.fullmatch(name.lower()))}
    named = [name for name in frame.columns if thai.folded(name) in _PROVINCES]
    if not years or not named:
        return ReadResult(_READER, problems=problem("file-malformed", "no column of provinces, or none year-BE-CE"))
    wrong = [name for name, found in years.items() if int(found[1]) - 543 != int(found[2])]
    new = sorted(set(frame.columns) - {*years, *named, *KNOWN, "_row"})
    said = [problem("column-new", f"column {name!r:.60} is in no mapping") for name in new]
    said += [problem("stamp-bad", f"column {name!r:.40} names two years, not one in both eras") for name in wrong]
    city = context.city
    own = pl.any_horizontal(
        *(thai.area(pl.col(name)) == city.province_th for name in named),
        *(thai.clean(pl.col(name)).str.to_lowercase() == city.province_en.lower() for name in named),
    )
    owned = frame.filter(own)
    if not owned.height:
        return rejected(_READER, "answer-empty", "no row is of the city's province")
    text = pl.col("text")
    right = [name for name in years if name not in wrong]
    long = owned.unpivot(right, index="_row", variable_name="year", value_name="text")
    long = long.with_columns(baht_month=thai.number(text, _VALUE))
    declared = thai.is_missing(text) | thai.is_pending(text)
    refused = problems_at(long, "value-not-number", pl.col("baht_month").is_null() & ~declared, "not a number")
    blank = problems_at(long, "value-missing", declared, pl.format("{}: the publisher gives no value", "year"))
    starts = {name: int(found[2]) for name, found in years.items()}
    table, repeats = distinct(
        long.filter(pl.col("baht_month").is_not_null() | declared).select(
            "_row",
            "baht_month",
            dataset=pl.lit(ckan.dataset(options)),
            measure=pl.lit(measure),
            province_code=pl.lit(city.dopa_province),
            reference_date=pl.date(pl.col("year").replace_strict(starts, return_dtype=pl.Int32), 1, 1),
        ),
        HOUSEHOLD_INCOME.key,
    )
    evidence = f"{rows.evidence}; {len(right)} years, {frame.height} provinces"
    return ReadResult(
        _READER, evidence, {HOUSEHOLD_INCOME.name: table}, gather([shape, *said, refused, blank, repeats])
    )


CKAN_HOUSEHOLD_INCOME = Source(
    name=_READER,
    title="Household income and expenditure (NSO file)",
    smart="economy",
    tables=(HOUSEHOLD_INCOME.name,),
    portal=None,
    document="https://catalog.nso.go.th",
    plan=ckan.plan,
    reader=read,
    zone="Asia/Bangkok",
    label="period",
    missing=("",),
    units="THB/month",
    reads=ckan.is_rows,
)


def _national(measure: str) -> Source[Any]:
    """One measure for the whole country, landed once for all cities."""
    fixed = {"portal": NATIONAL_PORTAL, "package": PACKAGES[measure], "measure": measure}

    def plan(city: City, day: date, base: str, options: Mapping[str, Any]) -> Generator[Request, bytes | None, None]:
        yield from ckan.plan(city, day, base, fixed)

    return replace(
        CKAN_HOUSEHOLD_INCOME,
        name=f"household_{measure}",
        title=f"Household {measure} of every province (data.go.th)",
        portal=NATIONAL_PORTAL,
        document=f"https://data.go.th/dataset/{PACKAGES[measure]}",
        plan=plan,
        reader=lambda data, context: read(data, replace(context, options=fixed)),
        national=True,
    )


HOUSEHOLD_NATIONAL = tuple(_national(measure) for measure in MEASURES)
"""Income and expenditure, as the national catalogue holds them."""
