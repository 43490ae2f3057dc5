"""Indicators: one row of ``quality.tables.INDICATORS`` each, with a verdict that its coverage carries.

The Smarts compute values; this module alone decides whether a value may be shown.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from quality.contracts import Table
from quality.tables import INDICATORS

ENOUGH = 0.75
"""Least coverage that carries a daily value: 18 of 24 hours (Directive 2008/50/EC, Annex XI A, on 24-hour means)."""

WHOLE = 0.95
"""Coverage from which a value is shown without remark; it leaves room for one missing hour of a day."""

YEARLY_MAX_AGE = timedelta(days=2 * 366)
"""A yearly figure normally follows within the next year; two years after its period it describes another time."""


def indicator(
    smart: str,
    code: str,
    title: str,
    value: float | None,
    unit: str,
    period: tuple[date, date],
    day: date,
    *,
    method: str,
    sources: str,
    coverage: float | None = None,
    max_age: timedelta | None = None,
    withheld: str | None = None,
    stale: str | None = None,
    partial: str | None = None,
) -> dict[str, Any]:
    """One row. ``withheld``, ``stale`` and ``partial`` are reasons; the gravest decides the verdict, all are told.

    A value is withheld as well where ``coverage`` (a share) is below ``ENOUGH`` or there is no value, partial below
    ``WHOLE``, and stale where the period ended more than ``max_age`` before ``day``.
    """
    if coverage is not None and coverage < ENOUGH:
        withheld = withheld or f"only {coverage:.0%} of the data is there; {ENOUGH:.0%} is needed"
    elif coverage is not None and coverage < WHOLE:
        partial = "; ".join(filter(None, (partial, f"{coverage:.0%} of the data is there")))
    if value is None:
        withheld = withheld or "there is no value"
    if max_age is not None and day - period[1] > max_age:
        stale = stale or f"the newest data is of {period[1].isoformat()}"
    reasons = {"withheld": withheld, "stale": stale, "partial": partial}
    return {
        "smart": smart,
        "indicator": code,
        "title": title,
        # Rounded: sums of floats differ in their last digits with the number of threads.
        "value": None if withheld or value is None else round(value, 6),
        "unit": unit,
        "period_start": period[0],
        "period_end": period[1],
        "method": method,
        "sources": sources,
        "coverage": coverage,
        "verdict": next((verdict for verdict, reason in reasons.items() if reason), "ok"),
        "reason": "; ".join(filter(None, reasons.values())) or None,
        "reference_date": day,
    }


def absent(table: Table, tables: Mapping[str, pl.DataFrame], day: date) -> list[dict[str, Any]]:
    """The withheld row of a Smart whose ``table`` is not among ``tables`` (no source) or is empty (nothing came)."""
    reason = "no data delivered" if table.name in tables else "no source configured"
    return [nothing(table.smart, table.name, table.title, day, reason)]


def nothing(smart: str, code: str, title: str, day: date, reason: str) -> dict[str, Any]:
    """A row without a value, for the day itself."""
    return indicator(smart, code, title, None, "", (day, day), day, method="", sources="", withheld=reason)


def collect(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as a frame of ``INDICATORS``, in its order. Raises ``ValueError`` if one breaks the contract."""
    batch = INDICATORS.conform(pl.DataFrame(list(rows), schema=INDICATORS.schema))
    if batch.problems:
        raise ValueError(f"indicators break their contract: {batch.found.item(0, 'message')}")
    return batch.rows.sort(INDICATORS.order)


def newest(frame: pl.DataFrame | None, column: str, day: date) -> tuple[date | None, pl.DataFrame]:
    """The newest day in ``column`` that is not after ``day``, and its rows; None and no rows where there is none."""
    if frame is None:
        return None, pl.DataFrame()
    past = frame.filter(pl.col(column) <= day)
    last = past.get_column(column).max()
    return (last, past.filter(pl.col(column) == last)) if isinstance(last, date) else (None, past)
