"""What all readers share: the export they return, options, units, exact numbers, repeated readings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple, Self

import polars as pl
from pydantic import Field, field_validator

from assets.meters.formats.stamps import Order, zone_of
from assets.sources.source import Options, ReadResult
from quality.batch import Batch
from quality.problems import PROBLEM_SCHEMA, gather, problem
from quality.readings import ENERGY, READING_SCHEMA

THAILAND = "Asia/Bangkok"
EXACT = pl.Decimal(38, 12)
"""Numbers while they are converted: a Wh with nine decimals stays exact in kWh."""


@dataclass(frozen=True)
class Assumed:
    """What an export's rows do not tell, so that only the whole file can contradict it."""

    order: Order | None = None
    """Order of its dates; None where they cannot be taken for another."""
    length: bool = False
    """Whether the length of its intervals is assumed, and stamps must be as far apart."""
    registers: tuple[str, ...] = ()
    """Channels that were registers, whose reads may lie apart as they like."""
    ends: bool = False
    """Whether its stamps are the ends of intervals."""
    power: bool = False
    """Whether values are power, which the length makes energy of."""
    factors: tuple[Decimal, ...] = ()
    """What its values were multiplied by, as their unit was not told beside them."""


ROWS_TELL = Assumed()
"""Nothing is: every reading's time and length are written beside it, or follow from the format."""


@dataclass(frozen=True)
class Export(ReadResult):
    """What a reader made of one meter export: a ``ReadResult`` with the zone its stamps are told in.

    ``tables`` has ``readings`` (READING_SCHEMA), ``registers`` (REGISTER_SCHEMA) or both, and is empty where the whole
    file is rejected.
    """

    zone: str = THAILAND
    assumed: Assumed = ROWS_TELL

    @classmethod
    def of(  # type: ignore[override]
        cls, format: str, evidence: str = "", *, zone: str = THAILAND, assumed: Assumed = ROWS_TELL, **tables: Batch
    ) -> Self:
        """As ``ReadResult.of``, with the zone and what was assumed."""
        return replace(super().of(format, evidence, **tables), zone=zone, assumed=assumed)

    @property
    def filled(self) -> Self:
        """Without the tables that have no rows: that they are empty is no problem of its own."""
        return replace(self, tables={name: frame for name, frame in self.tables.items() if frame.height})

    def also(self, *found: pl.DataFrame) -> Self:
        """With further problems."""
        return replace(self, problems=gather([*found, self.problems]))


class OptionError(ValueError):
    """A registry option of the source is wrong: its text names the option and what it may be."""


class Unreadable(Exception):
    """A table cannot be read as a whole: the arguments are the problem's code, what shows it, and in which row."""


class ReadingOptions(Options):
    """What a registry entry may tell the reader of a format."""

    timezone: str | None = Field(None, description="zone of the stamps, in place of the format's: IANA name or +10:00")
    point: str | None = Field(
        None, min_length=1, coerce_numbers_to_str=True, description="metering point, where the file names none"
    )
    multiplier: Decimal | None = Field(
        None, gt=0, lt=10**9, description="CT x VT of register reads, where the file tells no ratios"
    )

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None:
            zone_of(name)
        return name


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


EDGES = "'\u2018\u2019\u200b\u200e\u200f\ufeff\xa0 \t"
"""What spreadsheets and web pages leave around a meter's number: the apostrophe that keeps it a text, marks unseen."""
AS_TEXT = r'^="(.*)"$'
"""A cell that a spreadsheet is told to keep as a text, by a formula."""
AS_FRACTION = ".0"
"""Behind a number that names something: a program kept it as a fraction, as pandas does where others lack."""
MANGLED = r"^\d(\.\d+)?[Ee]\+\d+$"
"""A number that a spreadsheet shortened: different metering points become the same."""


def problems_of(rows: pl.DataFrame, code: str, message: str | pl.Expr) -> pl.DataFrame:
    """A problem for every one of ``rows``."""
    text = pl.lit(message) if isinstance(message, str) else message
    return rows.select("row", code=pl.lit(code), message=text).cast(PROBLEM_SCHEMA)


def without(batch: Batch, records: pl.DataFrame, code: str, message: str | pl.Expr) -> Batch:
    """``batch`` without all readings of the delivered ``records`` (a ``row`` each), which are a problem each."""
    rest = batch.filter(pl.col("row").is_in(records["row"].implode()).not_())
    return rest.also(problems_of(records, code, message))


FIRST = "; the first is named"
"""How a note ends that counts rows and names the first."""


def counted_once(batch: Batch) -> Batch:
    """``batch`` of a file read in pieces, with the notes of the file read whole: one where pieces count alike."""
    found = batch.found
    notes = found.filter(pl.col("message").str.ends_with(FIRST))
    if notes.height < 2:
        return batch
    counts = pl.col("message").str.extract_all(r"\d+").list.eval(pl.element().cast(pl.Int64))
    words = pl.col("message").str.replace_all(r"\d+", "{}")
    alike = notes.group_by("code", words=words, maintain_order=True).agg(pl.col("row").min(), counts=counts)
    summed = [
        problem(code, words.format(*map(sum, zip(*counts, strict=True))), row)
        for code, words, row, counts in alike.iter_rows()
    ]
    return replace(batch, problems=(found.join(notes, on=found.columns, how="anti", nulls_equal=True), *summed))


def plain_digits(text: pl.Expr, thousands: str, decimal: str) -> pl.Expr:
    """Numbers without their thousands marks, null where a mark is none because no three digits follow it.

    "12,5" and "0,250" have decimal commas, whatever the layout says; without the mark they would be 125 and 250. Where
    some have, "1,250" beside them is 1.25, unless another has both marks.
    """
    mark, point = re.escape(thousands), re.escape(decimal)
    grouped = text.str.contains(rf"^[+-]?[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+(?:{point}[0-9]*)?$")
    marked = text.str.contains(thousands, literal=True)
    both = grouped & text.str.contains(decimal, literal=True)
    decimals = (marked & ~grouped).any() & ~both.any()
    return pl.when(~marked | (grouped & ~decimals)).then(text.str.replace_all(thousands, "", literal=True))


def with_point(text: pl.Expr, decimal: str, thousands: str) -> pl.Expr:
    """Numbers with a decimal point and without thousands marks, null where they are none in these marks."""
    digits = plain_digits(text, thousands, decimal) if thousands else text
    if decimal == ".":
        return digits
    # A point that marks no thousands is no decimal one beside it.
    return pl.when(digits.str.contains(".", literal=True).not_()).then(digits).str.replace(decimal, ".", literal=True)


def _masked(text: pl.Expr) -> pl.Expr:
    """A cell as it may be shown: its marks, and no digit or word."""
    return text.str.slice(0, 20).str.replace_all(r"[0-9]+", "9").str.replace_all(r"\pL[\pL\pM]+", "xxx")


def shown_count(stated: pl.Expr) -> pl.Expr:
    """A count that a file states of itself, as it may be shown: what is longer than one is may be anybody's number."""
    return pl.when(stated.str.contains(r"^[0-9]{1,7}$").not_()).then(pl.lit("?")).otherwise(stated)


def measure(
    batch: Batch, decimal: str = ".", thousands: str = "", nulls: Sequence[str] = (), silent: pl.Expr | None = None
) -> Batch:
    """``value`` (ENERGY, canonical unit) from the text ``raw``, its ``factor``, ``average`` and ``minutes``.

    Blanks and the tokens of ``nulls`` become null with quality ``missing``, never zero, and are said once, but for
    those that are ``silent``. A delivered record (``row``) with a cell that is no number is refused whole. Never
    through floats.
    """
    text = pl.col("raw").str.replace_all("\xa0", " ", literal=True).str.strip_chars()
    text = pl.when(text.is_in(["", *nulls]).not_()).then(text)
    digits = with_point(text, decimal, thousands)
    unit = batch.rows.select(((pl.col("factor") == 1) & ~pl.col("average")).fill_null(False).all()).item()
    # Most exports are in the canonical unit already: no arithmetic, and text is cleaned only where it must be.
    clean = (
        unit and (decimal, thousands) == (".", "") and not pl.Series(nulls, dtype=pl.String).str.contains(r"\d").any()
    )
    plain = batch.rows["raw"].cast(ENERGY, strict=False) if clean else None
    if plain is not None and not plain.null_count():
        batch = batch.with_columns(value=plain)
    else:
        hours = pl.when("average").then(pl.col("minutes")).otherwise(60)
        number = digits.cast(EXACT, strict=False) * pl.col("factor") * hours / 60
        batch = batch.with_columns(_blank=text.is_null(), value=(digits if unit else number).cast(ENERGY, strict=False))
        wrong = batch.rows.filter(pl.col("value").is_null() & ~pl.col("_blank"))
        if wrong.height:
            counted = wrong.group_by("row").agg(pl.len(), shown=_masked(pl.col("raw").first())).sort("row")
            text = pl.format("{} cell(s) hold no number, such as '{}'", "len", "shown")
            batch = without(batch, counted, "value-not-number", text)
        blank = batch.rows.filter("_blank" if silent is None else pl.col("_blank") & ~silent)["row"]
        if blank.len():
            message = f"{blank.len()} blank value(s) in {blank.n_unique()} row(s){FIRST}"
            batch = batch.note("value-blank", message, blank.sort()[0])
        batch = replace(batch, rows=batch.rows.drop("_blank"))
    # A value that the format itself flags as missing (NEM12: N, delivered as 0) is none.
    missing = pl.col("value").is_null() | (pl.col("quality") == "missing")
    if batch.rows.select(missing.any()).item():
        flagged = pl.when(missing).then(pl.lit("missing")).otherwise("quality")
        batch = batch.with_columns(value=pl.when(~missing).then("value"), quality=flagged)
    return batch


def resolve(readings: Batch) -> Batch:
    """One reading per point, channel, quantity, start and length: the greatest version, then the last row. Which of two
    lengths counts is for the whole file to tell (``lengths``): the first quarter is no version of the sum of its day.

    Repetitions with the same content are merged and counted; another content under the same key is refused with its
    row, unless its version is older, which is a correction and only said.
    """
    return _resolved(readings, ["point", "channel", "quantity", "minutes", "start"], ["value", "quality"])


def resolve_registers(reads: Batch) -> Batch:
    """As ``resolve``, for REGISTER_SCHEMA: one read per point, channel, quantity, start and end."""
    content = ["register_start", "register_end", "multiplier", "value", "quality"]
    return _resolved(reads, ["point", "channel", "quantity", "start", "end"], content)


def in_runs(rows: pl.DataFrame, key: list[str]) -> bool:
    """Whether rows lie series by series, each rising in the last of ``key``: then none repeats, which is told with a
    tenth of the memory of looking for it."""
    *series, place = key
    began = rows.select(
        new=pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in series),
        rises=pl.col(place) > pl.col(place).shift(),
    )
    if not began.select((pl.col("new") | pl.col("rises")).slice(1).all()).item():
        return False
    first = rows.filter(began["new"] | (pl.int_range(rows.height, eager=True) == 0))
    return not first.select(pl.struct(series).is_duplicated().any()).item()


def _resolved(batch: Batch, key: list[str], content: list[str]) -> Batch:
    if in_runs(batch.rows, key) or not batch.rows.select(pl.struct(key).is_duplicated().any()).item():
        return batch
    ordered = batch.rows.sort("version", "row", nulls_last=False).with_columns(
        _last=pl.int_range(pl.len()).over(key) == pl.len().over(key) - 1,
        _same=pl.all_horizontal(pl.col(c).eq_missing(pl.col(c).last().over(key)) for c in content),
        _older=(pl.col("version") < pl.col("version").last().over(key)).fill_null(False),
    )
    earlier = ordered.filter(~pl.col("_last"))
    batch = replace(batch, rows=ordered.filter("_last").select(batch.rows.columns))
    merged = earlier.filter("_same")["row"]
    if merged.len():
        text = f"{merged.len()} reading(s) repeat another exactly{FIRST}"
        batch = batch.note("duplicate-rows", text, merged.sort()[0])
    for code, text, which in (
        ("day-repeated", "a later version of the same reading is in the delivery", pl.col("_older")),
        ("key-duplicate", "a later row has the same point and time and another content", ~pl.col("_older")),
    ):
        batch = batch.also(problems_of(earlier.filter(~pl.col("_same") & which).unique("row"), code, text))
    return batch


def canonical(batch: Batch, schema: pl.Schema = READING_SCHEMA) -> Batch:
    """``batch`` in ``schema``; columns it lacks are null."""
    absent = [name for name in schema if name not in batch.rows.columns]
    rows = batch.rows.with_columns(pl.lit(None).alias(name) for name in absent)
    return replace(batch, rows=rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items()))
