"""Codes for "no value" that came through as numbers: all bits of a field set, its lowest number, a display of nines.

A code is no sign by itself: 65.535 kWh may be a load. It counts where it stands out of its channel, where it comes
again to the last digit and nothing is above it, or where it is negative and nothing else of its direction is.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Final

import polars as pl

from quality.readings import DIRECTED, ENERGY

SERIES: Final = ["point", "channel", "quantity"]
_LEAST: Final = Decimal("9.99")
"""A code with so many decimals that it is below is too near to the loads of homes."""


def _codes(numbers: Iterable[int]) -> set[Decimal]:
    """``numbers`` of a field with up to three decimals."""
    scaled = {Decimal(number).scaleb(-places) for number in numbers for places in range(4)}
    return {code for code in scaled if code >= _LEAST}


_LONG: Final = _codes([*(2**bits - 1 for bits in (15, 16, 24, 31, 32)), *(10**digits - 1 for digits in range(5, 10))])
"""All bits set, or nines, in so many digits that they do not come again by chance. Reported as n3rgy/data#1 and #11
(4294967.295 and 16777.215 kWh in a half-hour)."""
_SHORT: Final = _codes([9_999])
_NEGATIVE: Final = {-code for code in _codes([*(2**15, 2**31), *(10**digits - 1 for digits in range(3, 10))]) | _LONG}
"""The lowest number of a field, or nines behind a minus: -32768, -999."""
_ERROR: Final = Decimal(-1)
"""What interfaces answer for an error; of a load in whole numbers that comes near to none, it may be a real one."""

_GREATEST: Final = 10**12
"""kWh that ``ENERGY`` holds less than."""
_STANDS_OUT: Final = 10
"""Times the greatest other value of its channel that a code exceeds, or, from ``_LARGE`` on, their median."""
_LARGE: Final = 10_000
"""kWh from which a code needs only be unusual: 65535 may be a large meter's honest number."""
_AGAIN: Final = 3
"""Times that a code is in a channel which has nothing above it."""
_OTHERS: Final = 8
"""Other values that tell how large a channel's are; so many codes in one that has none are no load either."""


def sentinels(rows: pl.DataFrame, factors: Iterable[Decimal]) -> pl.DataFrame:
    """Those of ``rows`` (READING_SCHEMA) whose value was a code for none until one of ``factors`` multiplied it."""
    known = _as_delivered(tuple(rows["minutes"].unique().drop_nulls().sort()), tuple(factors))
    numbers = pl.col("value").is_in(known["value"].unique().implode())
    suspects = rows.lazy().filter(numbers).collect(engine="streaming")
    suspects = suspects.join(known, on=["minutes", "value"], how="inner")
    if not suspects.height:
        return suspects
    value = pl.col("value").cast(pl.Float64)

    def whole(number: pl.Expr) -> pl.Expr:
        return (number - number.round()).abs() < 1e-6

    # Lazily, so that what is not told of is not copied.
    others = rows.lazy().join(suspects.lazy().select(SERIES).unique(), on=SERIES, how="semi")
    others = others.join(suspects.lazy(), on=[*SERIES, "start"], how="anti").drop_nulls("value")
    usual = others.group_by(SERIES).agg(
        others=pl.len(),
        median=value.median(),
        most=value.abs().max(),
        negative=(value < 0).any(),
        whole=whole(value).all() | whole(value * 60 / pl.col("minutes")).all(),
        least=value.min(),
    )
    beside = suspects.join(usual.collect(), on=SERIES, how="left").with_columns(
        pl.col("others").fill_null(0),
        pl.col("negative").fill_null(value=False),
        size=value.abs(),
        again=pl.len().over(*SERIES, "value"),
    )
    apart = (pl.col("size") > pl.col("most") * _STANDS_OUT) & (pl.col("others") >= _OTHERS)
    unusual = (value >= _LARGE) & (pl.col("size") > pl.col("median").fill_null(0) * _STANDS_OUT)
    again = pl.when(pl.col("others") > 0).then((pl.col("size") > pl.col("most")) & (pl.col("again") >= _AGAIN))
    above = pl.col("long") & again.otherwise(pl.col("again") >= _OTHERS)
    alone = (value < 0) & pl.col("quantity").is_in(DIRECTED) & ~pl.col("negative")
    unlike = ~pl.col("whole") | (pl.col("least") > 1)
    error = alone & (pl.col("again") >= _AGAIN) & unlike.fill_null(value=False)
    return beside.filter(pl.when("error").then(error).otherwise(apart | unusual | above | alone))


@lru_cache(32)
def _as_delivered(lengths: tuple[int, ...], factors: tuple[Decimal, ...]) -> pl.DataFrame:
    """Energy that a code is in intervals of some minutes, as it stands or as the mean power: ``long`` where it has many
    digits, ``error`` where it is the interfaces' one."""
    found = {
        (minutes, value): (minutes, value, code in _LONG or code in _NEGATIVE, code == _ERROR)
        for minutes in lengths
        for code in sorted({*_LONG, *_SHORT, *_NEGATIVE, _ERROR})
        for factor in factors
        for value in (round(code * factor, 6), round(code * factor * minutes / 60, 6))
        if abs(value) < _GREATEST
    }
    schema = pl.Schema({"minutes": pl.Int32(), "value": ENERGY, "long": pl.Boolean(), "error": pl.Boolean()})
    return pl.DataFrame(list(found.values()), schema=schema, orient="row")
