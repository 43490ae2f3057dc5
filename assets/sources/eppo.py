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
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.landing.request import Request
from assets.sources import ckan, thai
from assets.sources.parsing import distinct, judged_totals, problems_at, without
from assets.sources.source import Context, ReadResult, Source
from quality.problems import gather, problem
from quality.tables import POWER_SYSTEM

PACKAGES = {"PEA": "dataset_11_36", "MEA": "dataset_11_35"}
"""Area → package."""

HEADERS = {"year": "Year", "month": "Month", "sector": "Sector", "value": "Quantity", "unit": "Unit"}
"""Role → header, compared as ``thai.folded`` has them; the option ``columns`` names others."""

REQUIRED = ("year", "month", "value")

UNITS = ("", "gwh", "ล้านหน่วย")
"""What the unit may be called; these files have no column of it."""

MONTHS = 36
"""Newest months that are taken where the registry's ``months`` says no other: three years show season and trend, and a
city's table has a file for each month."""

LATE = 6
"""Months after which a next one is overdue: sales were published three months after their month (2026)."""

TOTALS = (*thai.TOTALS, "Grand Total")
"""Sectors that are the sum of the others."""

_VALUE = POWER_SYSTEM.schema["value"]


def plan(
    area: str, city: City, day: date, base: str, options: Mapping[str, Any]
) -> Generator[Request, bytes | None, None]:
    """The package of the area, then its rows."""
    yield from ckan.plan(city, day, base, {"portal": "eppo", "package": PACKAGES[area], **dict(options)})


def read(area: str, data: bytes, context: Context[Any]) -> ReadResult:
    """Table ``power_system``, series ``sales``, from a datastore page or a CSV file.

    Options: ``columns`` (role to header), ``sector`` (of a file that has no such column), ``months``. A month that lies
    ahead is refused; months that are missing within a sector are ``window-short``.
    """
    reader = f"eppo_sales_{area.lower()}"
    rows, shape = ckan.read_rows(data)
    if rows is None:
        return ReadResult(reader, problems=shape)
    frame, headers = _mapped(rows.frame, context.options)
    if frame is None:
        return ReadResult(reader, rows.evidence, problems=headers)
    if not frame.height:
        return ReadResult(reader, rows.evidence, problems=problem("answer-empty", "no records"))
    value, sector = pl.col("value"), thai.clean(pl.col("sector"))
    frame = frame.with_columns(
        _day=pl.date(thai.year(pl.col("year")), thai.month(pl.col("month")), 1),
        _value=thai.number(value, _VALUE),
        sector=pl.when(thai.is_total(sector, TOTALS)).then(pl.lit("all")).otherwise(sector),
    )
    declared = thai.is_missing(value) | thai.is_pending(value)
    refused = gather(
        [
            problems_at(frame, "stamp-bad", pl.col("_day").is_null(), "not a year and the name of a month"),
            problems_at(frame, "stamp-bad", pl.col("_day") > context.day, "the month lies after the delivery"),
            problems_at(frame, "value-null", thai.is_missing(pl.col("sector")), "the sector is missing"),
            problems_at(frame, "value-not-number", pl.col("_value").is_null() & ~declared, "not a number"),
            problems_at(frame, "value-range", pl.col("_value") < 0, "less than nothing was sold"),
            problems_at(
                frame,
                "unit-unknown",
                ~thai.clean(pl.col("unit")).str.to_lowercase().is_in(list(UNITS)),
                "the unit is not GWh",
            ),
        ]
    ).unique("row", keep="first", maintain_order=True)
    kept = without(frame, refused)
    first = _months_before(context.day, int(context.options.get("months", MONTHS)))
    recent = kept.filter(pl.col("_day") >= first)
    waiting = problems_at(
        recent, "value-pending", thai.is_pending(value), "the publisher is still processing the value"
    )
    blank = problems_at(recent, "value-missing", thai.is_missing(value), "the publisher gives no value")
    table, repeats = distinct(
        recent.select(
            "_row",
            "sector",
            dataset=pl.lit(ckan.dataset({"portal": "eppo", "package": PACKAGES[area]})),
            series=pl.lit("sales"),
            area=pl.lit(area),
            period=pl.lit("month"),
            start=thai.utc(pl.col("_day").cast(pl.Datetime("us"))),
            local_date="_day",
            value="_value",
            unit=pl.lit("GWh"),
        ),
        POWER_SYSTEM.key,
    )
    whole = [*_gaps(table), *_late(kept, context.day), _off(table)] if rows.whole else []
    return ReadResult(
        reader,
        f"{rows.evidence}, {recent.height} of {kept.height} rows since {first}",
        {"power_system": table},
        gather([shape, headers, refused, waiting, blank, repeats, *whole]),
    )


def _source(area: str) -> Source[Any]:
    return Source(
        name=f"eppo_sales_{area.lower()}",
        title=f"Electricity sold by month and sector in the area of {area} (EPPO)",
        smart="energy",
        tables=("power_system",),
        portal="eppo",
        document=f"https://catalog.eppo.go.th/dataset/{PACKAGES[area]}",
        plan=partial(plan, area),
        reader=partial(read, area),
        zone="Asia/Bangkok",
        label="period",
        missing=thai.MISSING,
        units="GWh",
        national=True,
        reads=ckan.is_rows,
    )


EPPO_SALES_PEA, EPPO_SALES_MEA = _source("PEA"), _source("MEA")


def _mapped(frame: pl.DataFrame, options: Mapping[str, Any]) -> tuple[pl.DataFrame | None, pl.DataFrame]:
    """The columns by role, as text, and what is wrong with the headers; None where one that is needed is absent."""
    headers = {thai.folded(name): name for name in frame.columns}
    wanted = {role: str(options.get("columns", {}).get(role, header)) for role, header in HEADERS.items()}
    found = {role: headers.get(thai.folded(header)) for role, header in wanted.items()}
    lacking = [role for role in REQUIRED if found[role] is None]
    if found["sector"] is None and "sector" not in options:
        lacking.append("sector")
    if lacking:
        return None, problem("file-malformed", f"no column for {', '.join(lacking)}; headers may have changed")
    new = sorted(set(frame.columns) - {"_row", *found.values()})
    said = gather(problem("column-new", f"column {header!r:.60} is in no mapping") for header in new)
    stand_in = {"sector": str(options.get("sector", "")), "unit": ""}
    return frame.select(
        "_row",
        **{role: pl.col(header) if header else pl.lit(stand_in[role]) for role, header in found.items()},
    ), said


def _months_before(day: date, months: int) -> date:
    """First day of the month so many months before that of ``day``; the year 1 bounds it."""
    ordinal = max(day.year * 12 + day.month - 1 - months, 12)
    return date(ordinal // 12, ordinal % 12 + 1, 1)


def _gaps(table: pl.DataFrame) -> list[pl.DataFrame]:
    """One problem for all months that are missing between a sector's first and last."""
    month = pl.col("local_date").dt.year().cast(pl.Int32) * 12 + pl.col("local_date").dt.month()
    spans = (
        table.group_by("sector").agg(gone=month.max() - month.min() + 1 - month.n_unique()).filter(pl.col("gone") > 0)
    )
    if not spans.height:
        return []
    return [problem("window-short", f"{spans['gone'].sum()} months are missing within {spans.height} sectors")]


def _late(kept: pl.DataFrame, day: date) -> list[pl.DataFrame]:
    """A file that ends long before its delivery: the rest did not come, or the publisher has stopped."""
    newest = kept["_day"].max()
    if not isinstance(newest, date) or newest >= _months_before(day, LATE):
        return []
    return [problem("window-short", f"the newest month is {newest:%Y-%m}")]


def _off(table: pl.DataFrame) -> pl.DataFrame:
    """Totals over the sectors that are not their sum."""
    judged = judged_totals(table, pl.col("sector") == "all", ("local_date",), "value", pl.lit(value=False))
    return problems_at(judged, "total-mismatch", ~pl.col("fits"), pl.col("message"))
