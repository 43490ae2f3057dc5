"""Which days are to be made again: noted before rows change, settled when what is derived of them is made.

A note that a crash leaves makes a day once more, to the same bytes.
"""

from collections.abc import Collection
from datetime import date
from typing import Final

from assets.lake.files import CityLake
from quality.contracts import Table
from quality.tables import TABLES

IN_FORCE: Final = "register_in_force"
"""What is noted of days that another meter register tells of than before: their intervals are to be set out again."""

DELIVERED: Final = b"delivered"
"""What a note says where nothing but what meters delivered of the day is otherwise; others say nothing."""

_HEEDED: Final = {name for each in TABLES.values() if each.by_day for name in (each.derived_from, *each.also_from)}
"""Tables that others are made of, day by day."""


def note(lake: CityLake, of: Table | str, days: Collection[date], why: bytes = b"") -> None:
    """Note, before rows of a table change on these days, that what is derived of them is to be made again. ``why`` is
    told of days that nothing else is noted of."""
    if isinstance(of, str) or of.name in _HEEDED:
        already = {*noted(lake, of)} if why else frozenset[date]()
        for day in sorted({*days} - already):
            lake.store.write(_key(lake, of, day), why)


def noted(lake: CityLake, of: Table | str) -> list[date]:
    """Days whose rows changed since what is derived of them was made."""
    return [date.fromisoformat(key[-10:]) for key in lake.store.list(_key(lake, of))]


def delivered(lake: CityLake, of: Table) -> set[date]:
    """Noted days of which nothing but what meters delivered is otherwise."""
    return {day for day in noted(lake, of) if lake.store.read(_key(lake, of, day)) == DELIVERED}


def settle(lake: CityLake, of: Table | str, days: Collection[date]) -> None:
    """What is derived of a table is made for these days."""
    for day in days:
        lake.store.delete(_key(lake, of, day))


def _key(lake: CityLake, of: Table | str, day: date | None = None) -> str:
    name = of if isinstance(of, str) else of.name
    return f"work/stale/{name}/city={lake.city}" + (f"/{day.isoformat()}" if day else "")
