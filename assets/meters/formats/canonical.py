"""What all readers share: the export they return, units, exact numbers, refusing rows, repeated readings."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from assets.sources.source import ReadResult
from quality.problems import PROBLEM_SCHEMA, gather, no_problems, problem
from quality.readings import ENERGY, READING_SCHEMA

THAILAND = "Asia/Bangkok"
EXACT = pl.Decimal(38, 12)
"""Numbers while they are converted: a Wh with nine decimals stays exact in kWh."""


@dataclass(frozen=True)
class Export(ReadResult):
    """What a reader made of one meter export: a ``ReadResult`` with the zone its stamps are told in.

    ``tables`` has ``readings`` (READING_SCHEMA), ``registers`` (REGISTER_SCHEMA) or both, and is empty where the whole
    file is rejected.
    """

    zone: str = THAILAND


class OptionError(ValueError):
    """A registry option of the source is wrong: its text names the option and what it may be."""


class Unit(NamedTuple):
    """A unit as delivered: its family, the factor to the family's canonical unit, and whether it is a power."""

    family: str
    factor: Decimal
    average: bool


_POWERS = {"w": "wh", "var": "varh", "va": "vah"}
_PREFIXES = {"": Decimal("0.001"), "k": Decimal(1), "m": Decimal(1000)}
UNITS: dict[str, Unit] = {
    **{p + energy: Unit(energy, f, False) for p, f in _PREFIXES.items() for energy in _POWERS.values()},
    **{p + power: Unit(energy, f, True) for p, f in _PREFIXES.items() for power, energy in _POWERS.items()},
    "v": Unit("v", Decimal(1), False),
    "kv": Unit("v", Decimal(1000), False),
    **dict.fromkeys(("a", "ka", "pf", "hz", ""), Unit("other", Decimal(1), False)),
}
"""Units in lower case (MDFF: case is free, so m is mega). A power is an interval's mean: energy = power x hours."""

FAMILIES = {
    "active_import": "wh",
    "active_export": "wh",
    "reactive_import": "varh",
    "reactive_export": "varh",
    "apparent": "vah",
    "voltage": "v",
}
"""Family of units a quantity can have; ``other`` takes any, unconverted."""


def rejected(format: str, code: str, message: str, row: int | None = None) -> Export:
    """An export of which nothing is accepted."""
    return Export(format=format, problems=problem(code, message, row))


def refuse(
    frame: pl.DataFrame, breaches: Sequence[tuple[pl.Expr, str, pl.Expr | str]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ``frame`` (with ``row``) into rows without a breach and problems: one a row, for its first breach."""
    code, message = pl.lit(None, pl.String), pl.lit(None, pl.String)
    for breach, breach_code, text in reversed(breaches):
        breach = breach.fill_null(False)
        code = pl.when(breach).then(pl.lit(breach_code)).otherwise(code)
        message = pl.when(breach).then(pl.lit(text) if isinstance(text, str) else text).otherwise(message)
    judged = frame.with_columns(_code=code, _message=message)
    if judged["_code"].null_count() == judged.height:
        return frame, no_problems()
    bad = judged.filter(pl.col("_code").is_not_null()).select("row", code="_code", message="_message")
    return judged.filter(pl.col("_code").is_null()).drop("_code", "_message"), bad.cast(PROBLEM_SCHEMA)


def measure(
    frame: pl.DataFrame, decimal: str = ".", thousands: str = "", nulls: Sequence[str] = ()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``value`` (ENERGY, canonical unit) from the text ``raw``, its ``factor``, ``average`` and ``minutes``.

    Blanks and the tokens of ``nulls`` become null with quality ``missing``, never zero, and are said once. A delivered
    record (``row``) with a cell that is no number is refused whole. Never through floats.
    """
    text = pl.col("raw").str.replace_all("\xa0", " ", literal=True).str.strip_chars()
    text = pl.when(text.is_in(["", *nulls]).not_()).then(text)
    digits = text.str.replace_all(thousands, "", literal=True) if thousands else text
    if decimal != ".":
        digits = digits.str.replace(decimal, ".", literal=True)
    problems = []
    unit = frame.select(((pl.col("factor") == 1) & ~pl.col("average")).fill_null(False).all()).item()
    # Most exports are in the canonical unit already: no arithmetic, and text is cleaned only where it must be.
    plain = frame["raw"].cast(ENERGY, strict=False) if unit and (decimal, thousands, *nulls) == (".", "") else None
    if plain is not None and not plain.null_count():
        frame = frame.with_columns(value=plain)
    else:
        hours = pl.when("average").then(pl.col("minutes")).otherwise(60)
        number = digits.cast(EXACT, strict=False) * pl.col("factor") * hours / 60
        frame = frame.with_columns(_blank=text.is_null(), value=(digits if unit else number).cast(ENERGY, strict=False))
        wrong = frame.filter(pl.col("value").is_null() & ~pl.col("_blank"))
        if wrong.height:
            counted = wrong.group_by("row").len().sort("row")
            message = pl.format("{} cell(s) hold no number", "len")
            problems.append(counted.select("row", code=pl.lit("value-not-number"), message=message))
            frame = frame.filter(pl.col("row").is_in(counted["row"].implode()).not_())
        blank = frame.filter("_blank")
        if blank.height:
            said = f"{blank.height} blank value(s) in {blank['row'].n_unique()} row(s); the first is named"
            problems.append(problem("value-blank", said, blank["row"].sort()[0]))
        frame = frame.drop("_blank")
    # A value that the format itself flags as missing (NEM12: N, delivered as 0) is none.
    missing = pl.col("value").is_null() | (pl.col("quality") == "missing")
    if frame.select(missing.any()).item():
        flagged = pl.when(missing).then(pl.lit("missing")).otherwise("quality")
        frame = frame.with_columns(value=pl.when(~missing).then("value"), quality=flagged)
    return frame, gather(problems)


def resolve(readings: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One reading per point, channel, quantity and start: the greatest version, then the last row.

    Repetitions with the same content are merged and counted; another content under the same key is refused with its
    row, unless its version is older, which is a correction and only said.
    """
    return _resolved(readings, ["point", "channel", "quantity", "start"], ["minutes", "value", "quality"])


def resolve_registers(reads: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """As ``resolve``, for REGISTER_SCHEMA: one read per point, channel, quantity, start and end."""
    told = ["register_start", "register_end", "multiplier", "value", "quality"]
    return _resolved(reads, ["point", "channel", "quantity", "start", "end"], told)


def _resolved(readings: pl.DataFrame, key: list[str], told: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    if not readings.select(pl.struct(key).is_duplicated().any()).item():
        return readings, gather([])
    ordered = readings.sort("version", "row", nulls_last=False)
    same = pl.all_horizontal(pl.col(c).eq_missing(pl.col(c).last().over(key)) for c in told)
    ordered = ordered.with_columns(
        _last=pl.int_range(pl.len()).over(key) == pl.len().over(key) - 1,
        _same=same,
        _older=(pl.col("version") < pl.col("version").last().over(key)).fill_null(False),
    )
    dropped = ordered.filter(~pl.col("_last"))
    merged = dropped.filter("_same")
    problems = []
    if merged.height:
        text = f"{merged.height} reading(s) repeat another exactly; the first is named"
        problems.append(problem("duplicate-rows", text, merged["row"].sort()[0]))
    for code, text, which in (
        ("day-repeated", "a later version of the same reading is in the delivery", pl.col("_older")),
        ("key-duplicate", "a later row has the same point and time and another content", ~pl.col("_older")),
    ):
        rows = dropped.filter(~pl.col("_same") & which).select("row").unique().sort("row")
        problems.append(rows.select("row", code=pl.lit(code), message=pl.lit(text)))
    return ordered.filter("_last").select(readings.columns), gather(problems)


def canonical(frame: pl.DataFrame, schema: pl.Schema = READING_SCHEMA) -> pl.DataFrame:
    """``frame`` in ``schema``; columns it lacks are null."""
    absent = [name for name in schema if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None).alias(name) for name in absent)
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
