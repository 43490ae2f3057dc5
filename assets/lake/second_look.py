"""The second look at a day's gaps, when the days after it are there, too.

With days on both sides an estimate errs less than with those before alone, by most in a meter's first weeks. A day has
its second look as soon as the lake has a day that is ``AFTER`` days later, or a few more: so it follows from which days
are there, whenever and in whatever order they came, and a day's file is written for it once.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from quality.vee.gaps import SPAN

AFTER: Final = 14
"""Days after a day with gaps that its second look waits for, and sees. A fortnight errs less than a week; three
weeks err no less (``docs/meter-estimates.md``)."""


@dataclass(frozen=True)
class SecondLook:
    """Which of a city's days that are ``there`` have their second look; ``stale`` ones may have come or gone."""

    there: AbstractSet[date]
    stale: AbstractSet[date]

    def at(self, day: date) -> bool:
        """Whether a day's gaps are seen with the days after it."""
        return not self.there.isdisjoint(_later(day))

    def turns(self, day: date) -> bool:
        """Whether it may have been otherwise before."""
        later = _later(day)
        return not self.stale.isdisjoint(later) and not any(
            each in self.there and each not in self.stale for each in later
        )

    def seeing(self, day: date) -> set[date]:
        """The days before a day whose second look sees it."""
        return {each for back in range(1, AFTER + 1) if (each := day - timedelta(back)) in self.there and self.at(each)}


def _later(day: date) -> list[date]:
    return [day + timedelta(days=after) for after in range(AFTER, SPAN + 1)]
