"""Asking a portal for the days of the past that landing does not have: politely, a few requests a night.

What is missing is told by receipts alone. Names of requests for days hold the first and the last of them
(``history/2026-10-01/2026-10-31``); a day is there once a receipt with content has it in its name, and every other day
of the span that an entry wants is missing. So a night that was cut short is gone on with by the next, nothing is asked
twice, and a night that a portal slept through is made good.
"""

import re
from collections import Counter
from collections.abc import Collection, Generator, Iterable
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from pydantic import Field

from assets.cities.registry import City
from assets.landing.receipts import Receipt
from assets.landing.request import Request
from assets.sources.source import History, Options

REQUESTS_A_NIGHT = 12
"""Of a source and city, a month each: two years come in two nights. Thirty-six cities ask Open-Meteo 432 times a night,
of the 10,000 that it gives away a day (https://open-meteo.com/en/pricing)."""

Span = tuple[date, date]
"""First and last day."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Remembered(Options):
    """Of an interface that serves the past."""

    past_days: int = Field(
        default=0, ge=0, le=3660, description="days before a delivery day that are asked for on a city's first nights"
    )


def named(name: str) -> Span | None:
    """The days that a request of this name asks for; None where it tells none."""
    try:
        days = [date.fromisoformat(day) for day in _DAY.findall(name)]
    except ValueError:  # A file may be called anything: 2026-13-45.
        return None
    return (days[0], days[-1]) if days else None


def missing(wanted: Span, receipts: Iterable[Receipt]) -> list[Span]:
    """Spans of days of ``wanted`` that no receipt with content is named after, none longer than its calendar month;
    the newest first."""
    there = {day for receipt in receipts if receipt.readable for day in _days(named(receipt.name))}
    absent = [day for day in _days(wanted) if day not in there]
    # Days that follow each other have the same distance from their place in the list.
    runs = groupby(enumerate(absent), key=lambda found: (found[1].toordinal() - found[0], found[1].replace(day=1)))
    spans = [[day for _, day in run] for _, run in runs]
    return [(days[0], days[-1]) for days in reversed(spans)]


def plan(
    history: History[Any], city: City, day: date, base: str, options: Any, receipts: Collection[Receipt]
) -> Generator[Request, bytes | None, None]:
    """Requests for what ``receipts`` lack, at most ``REQUESTS_A_NIGHT``.

    Ends at the first that brings nothing: a portal that fails is let be until the next night. What has failed before
    comes after what was not asked yet, so that one bad month does not keep the others out.
    """
    failed = Counter(receipt.name for receipt in receipts if not receipt.readable)
    spans = missing(history.wanted(day, options), receipts)
    requests = [history.request(city, first, last, base, options) for first, last in spans]
    for request in sorted(requests, key=lambda request: failed[request.name])[:REQUESTS_A_NIGHT]:
        if (yield request) is None:
            return


def _days(span: Span | None) -> list[date]:
    if span is None:
        return []
    return [span[0] + timedelta(days=n) for n in range((span[1] - span[0]).days + 1)]
