"""Rules about single rows: what is possible, as the contract has it, and yet not plausible.

A row that such a rule finds odd stays. The verdict tells its key, the odd value and the bound, so that somebody who
knows the place can say whether the row is the truth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class RowRule:
    """Rows of a table for which ``odd`` holds (null counts as not) are told, with their keys and the columns ``shows``.

    ``bound`` says what is expected, ``source`` who says so, ``share`` which part of the rows may be odd before it is
    said: of two instruments that measure one thing, or of a record that people fill in.
    """

    check: str
    odd: pl.Expr = field(compare=False)
    shows: tuple[str, ...]
    bound: str
    source: str
    share: float = 0.0


def plausible(
    column: str,
    minimum: float | None = None,
    maximum: float | None = None,
    *,
    source: str,
    where: Mapping[str, str | int] | None = None,
) -> RowRule:
    """Values of ``column``, in its unit, lie within the inclusive bounds, in rows that have the values ``where``."""
    value, given = pl.col(column), where or {}
    low = pl.lit(value=False) if minimum is None else value < minimum
    high = pl.lit(value=False) if maximum is None else value > maximum
    among = [pl.col(name) == wanted for name, wanted in given.items()]
    named = "".join(f":{wanted}" for wanted in given.values())
    bounds = f"{'' if minimum is None else f'{minimum:g}'}..{'' if maximum is None else f'{maximum:g}'}"
    odd = pl.all_horizontal((low | high).fill_null(value=False), *among)
    return RowRule(f"plausible:{column}{named}", odd, (column,), f"{column} within {bounds}", source)


def at_most(part: str, whole: str, *, source: str, times: float = 1.0, share: float = 0.0) -> RowRule:
    """``part`` is not greater than ``times`` ``whole``, where both are told."""
    bound = f"{part} at most {'' if times == 1 else f'{times:g} times '}{whole}"
    odd = pl.col(part) > times * pl.col(whole)
    return RowRule(f"at-most:{part}:{whole}", odd, (part, whole), bound, source, share)


def not_before(later: str, earlier: str, *, source: str) -> RowRule:
    """``later`` is no moment or day before ``earlier``, where both are told."""
    odd = pl.col(later) < pl.col(earlier)
    return RowRule(f"not-before:{later}:{earlier}", odd, (later, earlier), f"{later} not before {earlier}", source)
