"""Indicators: one row of ``quality.tables.INDICATORS`` each, with a verdict that its coverage carries.

The Smarts compute values; this module alone decides whether a value may be shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

import polars as pl

from assets.indicators.crosswalk import UNDECLARED, crosswalk
from assets.indicators.tables import Tables
from quality.contracts import Table
from quality.tables import INDICATORS, TABLES

ENOUGH = 0.75
"""Least coverage that carries a daily value: 18 of 24 hours (Directive 2008/50/EC, Annex XI A, on 24-hour means)."""

WHOLE = 0.95
"""Coverage from which a value is shown without remark; it leaves room for one missing hour of a day."""

YEARLY_MAX_AGE = timedelta(days=2 * 366)
"""A yearly figure normally follows within the next year; two years after its period it describes another time."""


@dataclass(frozen=True)
class Period:
    """First and last day that a value is of."""

    first: date
    last: date

    @classmethod
    def day(cls, day: date) -> Self:
        """A single day."""
        return cls(day, day)

    @classmethod
    def year(cls, year: int) -> Self:
        """A calendar year."""
        return cls(date(year, 1, 1), date(year, 12, 31))

    @classmethod
    def of(cls, days: pl.Series) -> Self:
        """From the first to the last of ``days``. Raises ``ValueError`` where there is none."""
        first, last = days.min(), days.max()
        if not isinstance(first, date) or not isinstance(last, date):
            raise ValueError("no day, no period")
        return cls(first, last)

    def running(self, day: date) -> str | None:
        """That the period is not over on ``day``: a figure of it is of its first months."""
        return "the period is not over" if self.last > day else None


@dataclass(frozen=True)
class Basis:
    """What a value rests on; indicators of one family share it.

    ``coverage`` is a share, ``max_age`` the time after the period's end from which the value is stale. ``withheld``,
    ``stale`` and ``partial`` are reasons.
    """

    smart: str
    period: Period
    sources: str
    coverage: float | None = None
    max_age: timedelta | None = None
    withheld: str | None = None
    stale: str | None = None
    partial: str | None = None


@dataclass(frozen=True)
class Indicator:
    """One number about a city; ``value`` is None where the data has none."""

    code: str
    title: str
    value: float | None
    unit: str
    method: str
    basis: Basis

    def row(self, day: date) -> dict[str, Any]:
        """The row of a delivery day. The gravest reason decides the verdict, all are stated.

        A value is withheld as well where the coverage is below ``ENOUGH`` or there is no value, partial below
        ``WHOLE``, and stale where the period ended more than ``max_age`` before ``day``.
        """
        basis, value = self.basis, self.value
        withheld, stale, partial = basis.withheld, basis.stale, basis.partial
        if basis.coverage is not None and basis.coverage < ENOUGH:
            withheld = withheld or f"only {basis.coverage:.0%} of the data is there; {ENOUGH:.0%} is needed"
        elif basis.coverage is not None and basis.coverage < WHOLE:
            partial = joined(partial, f"{basis.coverage:.0%} of the data is there")
        if value is None:
            withheld = withheld or "there is no value"
        if basis.max_age is not None and day - basis.period.last > basis.max_age:
            stale = stale or f"the newest data is of {basis.period.last.isoformat()}"
        reasons = {"withheld": withheld, "stale": stale, "partial": partial}
        # What is named by its table is the lack of one.
        lacking = {"title_th": TABLES[self.code].title_th} if self.code in TABLES else {}
        return {
            "smart": basis.smart,
            "indicator": self.code,
            "title": self.title,
            # Rounded: sums of floats differ in their last digits with the number of threads.
            "value": None if withheld or value is None else round(value, 6),
            "unit": self.unit,
            "period_start": basis.period.first,
            "period_end": basis.period.last,
            "method": self.method,
            "sources": basis.sources,
            "coverage": basis.coverage,
            "verdict": next((verdict for verdict, reason in reasons.items() if reason), "ok"),
            "reason": joined(*reasons.values()),
            "reference_date": day,
            **(declared.columns() if (declared := crosswalk().get(self.code)) else UNDECLARED | lacking),
        }


def joined(*reasons: str | None) -> str | None:
    """The reasons there are, as one; None where there is none."""
    return "; ".join(filter(None, reasons)) or None


def absent(table: Table, tables: Tables, day: date) -> list[Indicator]:
    """The withheld indicator of a Smart whose ``table`` has no source or no rows."""
    reason = "no data delivered" if tables.has(table) else "no source configured"
    return [nothing(table.smart, table.name, table.title, day, reason)]


def nothing(smart: str, code: str, title: str, day: date, reason: str, unit: str = "") -> Indicator:
    """An indicator without a value, for the day itself."""
    return Indicator(code, title, None, unit, "", Basis(smart, Period.day(day), "", withheld=reason))


def collect(indicators: Iterable[Indicator], day: date) -> pl.DataFrame:
    """A frame of ``INDICATORS`` on a delivery day, in its order. Raises ``ValueError`` if one breaks the contract."""
    rows = [indicator.row(day) for indicator in indicators]
    batch = INDICATORS.conform(pl.DataFrame(rows, schema=INDICATORS.schema))
    if batch.problems:
        raise ValueError(f"indicators break their contract: {batch.found.item(0, 'message')}")
    return batch.rows.sort(INDICATORS.order)
