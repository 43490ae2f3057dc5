"""What a planted fault is, and how its delivery is told apart.

Names that begin with a number are those of the list that was drawn up before there were rules; the others are
neighbours: the same kinds of fault in another column, source, factor or direction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.planted.changes import Change, Files

PHUKET = "phuket_gdcatalog "
"""The city's own catalogue, as the begin of a place."""


@dataclass(frozen=True)
class Fault:
    """``place``: ``<portal> <part of the path, or package>``, or ``inbox``. ``table``: the one it reaches first; a
    night has one fault a table. ``rule``: the checks about it, a regular expression over ``<table> <check>``; empty
    where what comes of it has to be as without it. ``also``: further tables that it reaches."""

    name: str
    place: str
    table: str
    change: Change | Callable[[Files], Files]
    rule: str
    also: tuple[str, ...] = ()

    @property
    def reaches(self) -> tuple[str, ...]:
        """Tables whose verdicts and indicators may be about it."""
        return (self.table, *self.also)


def newest(row: dict[str, Any]) -> bool:
    """Of yearly rows: the newest year's."""
    return bool(row["ปี"] == "2568")


def in_province(row: dict[str, Any]) -> bool:
    """Of rows with a province in Thai."""
    return bool(row.get("จังหวัด") == "ภูเก็ต")
