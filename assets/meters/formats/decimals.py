"""The decimal mark of declared layouts, held against what a file's numbers show of it.

A mark before three digits may be a decimal one or one of thousands; taken for the other, it makes numbers a thousand
times as small, or as large. No number tells alone, and no piece of a file does; all of them together mostly do.
"""

import re
from typing import Final

import polars as pl

from assets.meters.formats.canonical import Unreadable
from assets.meters.formats.layouts import Layout

_SHOWN: Final = 1000
"""Cells by which most files show that they are not grouped."""
_FEW: Final = 3
"""Different numbers that are no chance. A code for no value, however often it comes, is one."""
_ENOUGH: Final = 20
"""Different numbers that have three decimals by no chance: where zeros at the end are not written one in ten has
fewer, and all of twenty have three in one file of eight."""


class Marks:
    """What the numbers of one file show of its layout's decimal mark, from all pieces and tables that it is read in."""

    def __init__(self, layout: Layout) -> None:
        self._layout, self._mark, self._own = layout, re.escape(layout.decimal), re.escape(layout.thousands)
        # A voltage beside it says nothing of how energy is written, so that each part is looked at alone.
        self._texts = {part: pl.Series(dtype=pl.String) for part in layout.parts}
        """The different texts of a part, while none of them shows that the mark is the decimal one."""
        self._again = 0

    def look(self, rows: pl.DataFrame) -> None:
        """Take in ``part`` and ``raw`` of a piece, as the file has them."""
        for part, texts in list(self._texts.items()):
            raw = rows.filter(pl.col("part") == part)["raw"]
            for some in (raw.head(_SHOWN), raw):
                texts = pl.concat([texts, some.drop_nulls().str.strip_chars()]).unique()
                if self._decimal(texts):
                    del self._texts[part]
                    break
            else:
                self._texts[part] = texts

    def look_at_refused(self, raw: pl.Series) -> None:
        """Take in cells that are no number by the layout, in which the mark may stand twice or before another."""
        again = rf"^-?[1-9][0-9]{{0,2}}{self._mark}[0-9]{{3}}(?:{self._mark}[0-9]{{3}}|[.,][0-9])"
        self._again += int(raw.str.strip_chars().str.contains(again).sum())

    def check(self) -> None:
        """Raise ``Unreadable`` where the mark is one of thousands: the numbers below a thousand have none, and those
        above end in zeros, which decimals that are not always written do not; or it stands twice in some."""
        told = None
        if self._again >= _FEW:
            told = "before three digits, and again or another mark behind them"
        for grouped, small, apart in map(self._numbers, self._texts.values()):
            if min(grouped.len(), small.len()) >= _FEW and grouped.str.ends_with("0").any() and not apart.len():
                told = "before three digits or not at all, also before zeros"
        if told:
            text = f"numbers have '{self._layout.decimal}' {told}: a thousands mark, not the decimal one"
            raise Unreadable("layout-contradicts", text)

    @property
    def doubt(self) -> str | None:
        """Words where nothing shows that commas are decimal marks, or points those of thousands: each has three digits
        behind it, and no number but 0 is below 1. Of the marks that are usual in Thailand it is not asked."""
        if self._layout.decimal != "," or len(self._texts) < len(self._layout.parts):
            return None
        for texts in self._texts.values():
            grouped, small, apart = self._numbers(texts)
            # Numbers below a thousand without a point show that the others' part thousands.
            points = self._layout.thousands == "." and not grouped.len() and small.len() < _FEW
            marked = apart if points else grouped
            rounded = marked.str.ends_with("0")
            # Decimals of which one is a zero at the end are always three, and more numbers show no more.
            enough = marked.len() + small.len() >= (_FEW if rounded.any() else _ENOUGH)
            # Nor are there any behind a zero, where all others end in one: one number is enough.
            if marked.len() and (enough or (rounded.all() and texts.str.contains("^0$").any())):
                mark = "point" if points else "comma"
                text = f"three digits stand behind each {mark}, and no number but 0 is below 1"
                return f"{text}: decimals, or thousands? look at `decimal` and `thousands`"
        return None

    def _decimal(self, texts: pl.Series) -> bool:
        """Whether texts show that the marks are what the layout says: by a number that they do not part into threes, by
        both or one twice, or none in thousands, where one such number may still be a code for no value."""
        others = ".,' \xa0".replace(self._layout.decimal, "")
        grouped = texts.str.contains(_parted(self._mark))
        shown = texts.str.contains(rf"^[+-]?[0-9{others}]*{self._mark}[0-9]+$") & ~grouped
        if self._own:
            once = texts.str.contains(_parted(self._own, "{1}"))
            shown |= texts.str.contains(rf"^[+-]?[0-9]+(?:{self._own}[0-9]+)+$") & ~once
        return bool(shown.any()) or int(texts.str.contains(r"^[+-]?[0-9]{4,}$").sum()) > 1

    def _numbers(self, texts: pl.Series) -> tuple[pl.Series, pl.Series, pl.Series]:
        """The numbers that the decimal mark parts into threes, those from 1 to 999, and those that the thousands mark
        does. A negative one without a mark may be a code for no value."""
        small = texts.filter(texts.str.contains(r"^\+?[1-9][0-9]{0,2}$"))
        grouped = texts.filter(texts.str.contains(_parted(self._mark)))
        return grouped, small, texts.filter(texts.str.contains(_parted(self._own))) if self._own else texts.clear()


def _parted(mark: str, times: str = "+") -> str:
    return rf"^[+-]?[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}}){times}$"


def as_texts(raw: pl.Series, thousands: str) -> pl.Series:
    """Cells of a workbook (or fields of JSON) as a text has them whose decimal mark is a comma.

    A number there has a decimal point whatever the layout says; a text does not. What a cell was is told by how it is
    written: no number ends in a zero behind its point, and none that has two or a comma is one. Raises ``Unreadable``
    where ``1.255`` may be either.
    """
    text = raw.str.strip_chars()
    dotted = text.str.contains(".", literal=True) & ~text.str.contains(",", literal=True)
    grouped = text.str.contains(r"^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+$")
    as_text = text.str.contains(r"\.[0-9]*0$|\..*\.")
    number = dotted & ~grouped & ~as_text
    either = grouped & ~as_text
    if either.any():
        texts = bool(((grouped & as_text) | text.str.contains(",", literal=True)).any())
        if texts == bool(number.any()) and (texts or thousands == "."):
            told = "cells such as '9.999' may be numbers with decimals or texts with thousands, and others are"
            raise Unreadable("layout-contradicts", f"{told} {'both' if texts else 'neither'}")
        number = number | (either & (not texts))
    return raw.zip_with(~number.fill_null(value=False), text.str.replace(".", ",", literal=True))
