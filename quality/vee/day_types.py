"""What kind of day a day is: for like days (``day_types``) and for time-of-use rates (``rates``).

Both stand on ``calendars/<year>.yaml``, which a utility's announcement corrects without a change of code. A year has

- ``confidence``: ``A`` the utility's or the regulator's (ERC) own list of the year was read whole; ``B`` in part, the
  rest is the rule; ``provisional`` no list was seen: the rule and the government's holidays;
- ``source``: the announcement, and where the dates are from;
- ``days``: date → ``kind``, ``name``, ``thai``, and where an announcement is about that very day ``rate`` (``peak``:
  its weekday hours, ``off``: all day as a holiday), ``confidence`` and ``source``.

Kinds: ``holiday`` (a normal government holiday, Labour Day among them), ``substitution`` (a weekday off because the
holiday fell on another), ``extra`` (the cabinet's own for one year; the utilities decide it both ways, so it tells its
``rate``), ``ploughing`` (Royal Ploughing Day), ``working`` (not off for most, told here because a rate was announced).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from quality.documents import document
from quality.meter_grid import DAY_MINUTES
from quality.vee.window import Codes

DAY_TYPES: Final = ("weekday", "saturday", "holiday", "special")
"""Days that are like one another: Sundays with holidays of any kind, as in the standard load profiles of BDEW
(https://www.bdew.de/energie/standardlastprofile-strom/)."""
WEEKDAY, SATURDAY, HOLIDAY, SPECIAL = range(len(DAY_TYPES))

FESTIVALS: Final = frozenset({(4, 13), (4, 14), (4, 15), (12, 31), (1, 1)})
"""Songkran and New Year (month, day): with the days off that join them, days like no others of their four weeks. They
are never held up as like days (Connexo: days of a chosen calendar event are skipped)."""

RATES: Final = ("peak", "partial", "off", "holiday")
"""Time-of-use rates. PEA's registers A, B, C are ``peak``, ``off``, ``holiday``; only the older TOD has ``partial``."""
RATE: Final = pl.Enum(RATES)
CONFIDENCE: Final = ("A", "B", "provisional")
"""How far a rate can be trusted, best first; of several days the worst counts."""

Confidence = Literal["A", "B", "provisional"]
Tariff = Literal["tou", "tod"]

TOU: Final = ((9 * 60, "off"), (22 * 60, "peak"), (DAY_MINUTES, "off"))
"""Until which minute of a weekday which rate: peak 09:00-22:00 (PEA, explanation of TOU rates, article 119801; MEA)."""
TOD: Final = ((8 * 60, "off"), (18 * 60 + 30, "partial"), (21 * 60 + 30, "peak"), (DAY_MINUTES, "off"))
"""The older time-of-day rate, the same every day: peak 18:30-21:30, partial peak 08:00-18:30."""

CALENDARS: Final = Path(__file__).parent / "calendars"


class Day(BaseModel):
    """A day of a calendar file that is not as its weekday says."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["holiday", "substitution", "extra", "ploughing", "working"]
    name: str
    thai: str
    rate: Literal["peak", "off"] | None = None
    confidence: Confidence | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _told(self) -> Self:
        if self.kind in ("extra", "working") and self.rate is None:
            raise ValueError(f"{self.name}: of the kind {self.kind} only the utility knows the rate; tell it")
        if (self.rate is None) != (self.confidence is None) or (self.rate and not self.source):
            raise ValueError(f"{self.name}: a rate of its own comes with its confidence and source")
        return self

    @property
    def off(self) -> bool:
        """Whether most people do not work."""
        return self.kind in ("holiday", "substitution", "extra")


class Year(BaseModel):
    """A calendar file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    confidence: Confidence
    source: str
    days: dict[date, Day]


@dataclass(frozen=True)
class Calendar:
    """Years of days. A year that is not among them has weekends and festivals alone and is provisional."""

    years: Mapping[int, Year]
    festivals: frozenset[tuple[int, int]] = FESTIVALS

    @classmethod
    def read(cls, folder: Path = CALENDARS) -> Self:
        """Of the files ``<year>.yaml``. Raises ValueError with the file's name and what is wrong in it."""
        years = {}
        for path in sorted(folder.glob("*.yaml")):
            try:
                found = Year.model_validate(document(path))
            except (yaml.YAMLError, ValidationError) as error:
                raise ValueError(f"{path}: {error}") from error
            others = [f"{day}" for day in found.days if f"{day.year}" != path.stem]
            if others:
                raise ValueError(f"{path}: {', '.join(others)} of another year")
            years[int(path.stem)] = found
        return cls(years)

    def day(self, day: date) -> Day | None:
        """What the calendar tells of a day, if anything."""
        year = self.years.get(day.year)
        return year.days.get(day) if year else None

    def day_types(self, days: Iterable[date]) -> Codes:
        """A code of ``DAY_TYPES`` for each day."""
        return np.array([self._day_type(day) for day in days], np.uint8)

    def rates(self, day: date, minutes: int, tariff: Tariff = "tou") -> pl.Series:
        """The rate of each slot of a local day, in order; null for a slot that two rates share.

        PEA and MEA: a weekday has its hours, Royal Ploughing Day and substitution days too; Saturday, Sunday, Labour
        Day and normal government holidays are off-peak all day, here ``holiday`` as PEA's register C counts them.
        """
        ends, names = zip(*self._hours(day, tariff), strict=True)
        starts = np.arange(0, DAY_MINUTES, minutes)
        rate = np.searchsorted(ends, starts, "right")
        whole = rate == np.searchsorted(ends, starts + minutes - 1, "right")
        told = pl.Series("rate", names, dtype=RATE).gather(rate)
        return pl.select(pl.when(pl.Series(whole)).then(told).alias("rate")).to_series()

    def confidence(self, days: Sequence[date], tariff: Tariff = "tou") -> Confidence:
        """How far the rates of these days can be trusted: as the worst of them. No list moves a weekend."""
        return max((self._confidence(day, tariff) for day in days), key=CONFIDENCE.index, default="A")

    def _hours(self, day: date, tariff: Tariff) -> Sequence[tuple[int, str]]:
        if tariff == "tod":
            return TOD
        told = self.day(day)
        off = day.weekday() >= 5 or (told is not None and (told.rate or told.kind) in ("off", "holiday"))
        return ((DAY_MINUTES, "holiday"),) if off else TOU

    def _confidence(self, day: date, tariff: Tariff) -> Confidence:
        if tariff == "tod" or day.weekday() >= 5:
            return "A"
        told, year = self.day(day), self.years.get(day.year)
        return (told and told.confidence) or (year.confidence if year else "provisional")

    def _off(self, day: date) -> bool:
        told = self.day(day)
        return day.weekday() >= 5 or (told is not None and told.off)

    def _day_type(self, day: date) -> int:
        for step in (timedelta(days=-1), timedelta(days=1)):
            near = day
            while self._off(near) and (near.month, near.day) not in self.festivals:
                near += step
            if (near.month, near.day) in self.festivals and (near == day or self._off(near)):
                return SPECIAL
        if day.weekday() == 5 and not ((told := self.day(day)) and told.off):
            return SATURDAY
        return HOLIDAY if self._off(day) else WEEKDAY


@cache
def calendar() -> Calendar:
    """The calendar that ships with Muang."""
    return Calendar.read()
