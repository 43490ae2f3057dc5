"""What Green Button and IEC 61968-9 share: the reading types of the CIM, and how typed values become an export.

Both take their numbers from the enumerations of IEC 61968-9 Annex C (ESPI: espi.xsd): unit, direction, commodity,
accumulation, aggregate. A reading type says whether a value is the energy (or mean power) of an interval, a register's
state, or neither; only the first can be a load profile.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

import polars as pl

from assets.meters.formats.canonical import (
    FIRST,
    Export,
    Unit,
    canonical,
    counted_once,
    measure,
    resolve,
    resolve_registers,
)
from quality.batch import Batch, together
from quality.readings import QUALITIES, REGISTER_SCHEMA

Form = Literal["interval", "register", "aside", "none"]
"""What a value is: of an interval, what a register shows, told to be neither (a moment's, an extreme, no energy), or of
no told kind, which may be energy."""

_UNITS = {
    72: Unit("wh", Decimal("0.001"), False),
    38: Unit("wh", Decimal("0.001"), True),
    73: Unit("varh", Decimal("0.001"), False),
    63: Unit("varh", Decimal("0.001"), True),
    71: Unit("vah", Decimal("0.001"), False),
    61: Unit("vah", Decimal("0.001"), True),
    29: Unit("v", Decimal(1), False),
}
"""Unit code → family, factor to its canonical unit at multiplier 0, whether it is a power."""
_ELECTRICITY = {None, 0, 1, 2}
"""Commodity: not told, secondary metered, primary metered."""
_FORWARD, _REVERSE = {None, 0, 1}, {19}
_ACTIVE = (_FORWARD | {8}, _REVERSE | {10})  # Q1+Q4 is import, Q2+Q3 export
_REACTIVE = (_FORWARD | {5, 15, 16}, _REVERSE | {13, 17, 18})  # Q1, Q2 and their sum; Q3, Q4 and theirs
_DIRECTIONS = {
    "wh": ("active_import", "active_export", *_ACTIVE),
    "varh": ("reactive_import", "reactive_export", *_REACTIVE),
}
_DELTA, _INDICATING, _INSTANTANEOUS = 4, 6, 12
_REGISTERS = {1, 2, 3, 9}
"""Accumulation: bulk quantity, continuous cumulative, cumulative, summation."""
_MEANS = {None, 0, 2, 12}
"""Aggregate (ESPI: dataQualifier): not told, average, normal. A maximum is no mean of its interval."""
MULTIPLIERS = range(-9, 13)
"""Powers of ten that stay exact in the decimals values are converted in."""
LONGEST = 25 * 60
"""Minutes: a day with a clock change. What lasts longer is a billing period, not an interval of a load profile."""


class ReadingType(NamedTuple):
    """What a value of this type is: canonical quantity, factor to its unit, whether a power, and the value's form."""

    quantity: str
    factor: Decimal
    average: bool
    form: Form


def reading_type(
    unit: int | None,
    multiplier: int,
    flow: int | None = None,
    commodity: int | None = None,
    accumulation: int | None = None,
    aggregate: int | None = None,
) -> ReadingType:
    """The type by its codes; quantity ``other``, value as delivered, where unit, direction or commodity is not ours.

    Net and total flow are other quantities: neither says what was taken from the grid. Accumulation None means the
    format promises differences where it tells nothing.
    """
    known = _UNITS.get(-1 if unit is None else unit) if commodity in _ELECTRICITY else None
    quantity = "other"
    if known is not None:
        if known.family in _DIRECTIONS:
            imported, exported, forward, reverse = _DIRECTIONS[known.family]
            quantity = imported if flow in forward else exported if flow in reverse else "other"
        else:
            quantity = {"vah": "apparent", "v": "voltage"}[known.family]
    average = known is not None and known.average
    form: Form = "aside" if known is None or average or accumulation == _INSTANTANEOUS else "none"
    if accumulation in _REGISTERS and not average:
        form = "register"
    elif accumulation in (None, _DELTA) and not average:
        form = "interval"
    elif accumulation in (None, _DELTA, _INDICATING) and (average or (known is not None and known.family == "v")):
        form = "interval" if aggregate in _MEANS else "aside"
    if quantity == "other" or known is None:
        return ReadingType("other", Decimal(1), False, form)
    return ReadingType(quantity, known.factor.scaleb(multiplier), average, form)


UNTOLD = ReadingType("other", Decimal(1), False, "interval")
"""A type that is not in the file: the value is kept as delivered."""


def worst(qualities: Sequence[str]) -> str:
    """The worst of some qualities of ``QUALITIES``; ``unknown`` of none."""
    return max(qualities, key=QUALITIES.index, default="unknown")


def numbered(frames: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Each of ``frames`` with the ``row`` of each value, counted from 1 in all; a frame that was taken is let go."""
    row = 1
    while frames:
        frame = frames.pop(0).with_row_index("row", offset=row).with_columns(pl.col("row").cast(pl.Int64))
        row += frame.height
        yield frame


class _Part(NamedTuple):
    """What is made of some of a document's values, and how many there are, and how many of no kind that is kept."""

    readings: Batch
    registers: Batch
    values: int
    others: int


def export(format: str, typed: Iterable[Batch], zone: str) -> Export:
    """The export of typed values, a row each, that come some at a time, at least once.

    Needs ``row, point, channel, raw`` (text), ``start, minutes, end`` (UTC; an interval's start or a register's may be
    null), ``quality, quality_raw, version`` and ``ReadingType``'s fields (``factor`` in EXACT). Intervals of at most
    ``LONGEST`` minutes are readings; registers and billing periods are registers.
    """
    parts = [_part(each) for each in typed]
    readings = counted_once(together([part.readings for part in parts]))
    registers = counted_once(together([part.registers for part in parts]))
    values = sum(part.values for part in parts)
    if values and values == sum(part.others for part in parts):
        nothing = readings.note("format-no-interval", "none of its values is an interval's or a register's")
        return Export.of(format, readings=nothing, zone=zone)
    return Export.of(format, readings=resolve(readings), registers=resolve_registers(registers), zone=zone)


def _part(typed: Batch) -> _Part:
    form = pl.col("form")
    aside, none = (typed.rows.filter(form == each)["row"] for each in ("aside", "none"))
    untold = typed.rows.filter((pl.col("quantity") == "other") & ~form.is_in(["aside", "none"]))["row"]
    for rows, code, text in (
        (aside, "channel-skipped", "value(s) are momentary, extreme or no energy: no interval"),
        (none, "reading-kind", "value(s) are of no told kind: neither interval nor register"),
        (untold, "quantity-other", "value(s) of another or untold unit, direction or commodity"),
    ):
        if rows.len():
            typed = typed.note(code, f"{rows.len()} {text}{FIRST}", rows.min())  # type: ignore[arg-type]
    billed = (form == "interval") & (pl.col("minutes") > LONGEST).fill_null(True)
    readings = canonical(measure(typed.filter((form == "interval") & ~billed)))
    registers = _registers(typed.rows.filter((form == "register") | billed))
    return _Part(readings, registers, typed.rows.height, aside.len() + none.len())


def _registers(rows: pl.DataFrame) -> Batch:
    """Reads in ``REGISTER_SCHEMA``: of a register its state, of a billing period its value."""
    interval = pl.col("form") == "interval"
    values = measure(Batch(rows.with_columns(minutes=pl.when(interval).then("minutes"))))
    state = pl.col("form") == "register"
    reads = values.with_columns(
        register_end=pl.when(state).then("value"),
        value=pl.when(~state).then("value"),
        start=pl.when(~state).then("start"),
    )
    return canonical(reads, REGISTER_SCHEMA)
