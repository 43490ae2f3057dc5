"""A judged day on its way into ``METER_FINAL``: what of its values is used as delivered, and estimates beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Final, Self

import numpy as np
import polars as pl

from quality.meter_grid import CHANNEL, DAY_MINUTES, MINUTE, midnight
from quality.readings import ENERGY, QUALITIES
from quality.tables.vee import FINAL_METHODS, FINAL_QUALITIES, METER_FINAL
from quality.vee.decisions import CORRECT, ESTIMATE, Decided
from quality.vee.estimate import METHODS, Estimates
from quality.vee.rules.rule import ENERGIES
from quality.vee.validate import SUSPECT, TOLD_ONCE, Judged, Masks, mask
from quality.vee.window import Bools, Codes, Floats, Ints

_QUALITY = pl.Enum(list(FINAL_QUALITIES))
_AS = {
    "actual": "V",
    "unknown": "V",
    "substituted": "EF",
    "substituted_temporary": "ET",
    "forecast": "FC",
    "suspect": "M",
    "missing": "M",
}
"""Quality as delivered → what a value that no rule objects to is worth. What the utility calls suspect is not used."""


USED: Final = pl.col("method").is_in(["A", "MX"])
"""Rows of ``METER_FINAL`` whose value is no estimate of ours."""
GOOD: Final = (pl.col("method") == "A") & pl.col("final_quality").is_in(["V", "S"])
"""Rows of ``METER_FINAL`` that an estimate may stand on."""
COUNTED: Final = TOLD_ONCE | (pl.col("final_quality") == "S")
"""Rows of ``METER_FINAL`` that a meter's channels are added up of. Where a person accepted it, both names are two."""

_METHODS = np.array([FINAL_METHODS.index(name) for name in METHODS], np.uint8)


def in_millionths(values: pl.Series) -> Ints:
    """Energies (``ENERGY``) as whole numbers, half of the bytes; 0 where there is none."""
    return values.to_physical().cast(pl.Int64).fill_null(0).to_numpy()


def narrowed(millionths: Ints) -> Ints:
    """Millionths of a kWh in half of the bytes, where 32 bits hold them: all are less than 2,147 kWh."""
    bounds = np.iinfo(np.int32)
    fits = not millionths.size or (bounds.min <= millionths.min() and millionths.max() <= bounds.max)
    return millionths.astype(np.int32) if fits else millionths


def _energies(millionths: Ints, there: Bools) -> pl.Series:
    """Whole numbers as energies again, null where there is none."""
    values = pl.Series(millionths.ravel()).cast(pl.Int128).reinterpret(dtype=ENERGY)
    return pl.select(pl.when(pl.Series(there.ravel())).then(values)).to_series()


@dataclass(frozen=True)
class Marks:
    """Bits of slots (channels × slots) of which most have none: those alone that have some, and ``at`` which places."""

    shape: tuple[int, ...]
    at: Ints
    bits: Masks

    @classmethod
    def of(cls, bits: Masks) -> Self:
        """Of an array of all."""
        at = np.flatnonzero(bits)
        return cls(bits.shape, at, bits.reshape(-1)[at])

    def array(self) -> Masks:
        """All slots."""
        bits = np.zeros(self.shape, np.uint64)
        bits.reshape(-1)[self.at] = self.bits
        return bits

    def lines(self, lines: Ints | slice) -> Self:
        """Of some channels."""
        if not isinstance(lines, slice):
            return self.of(self.array()[lines])
        slots = self.shape[1]
        here = slice(*np.searchsorted(self.at, [lines.start * slots, lines.stop * slots]))
        return replace(
            self,
            shape=(lines.stop - lines.start, slots),
            at=self.at[here] - lines.start * slots,
            bits=self.bits[here],
        )


@dataclass(frozen=True)
class Kept:
    """Some channels of a day that have one interval length, as small as they are exact: a large city's day waits like
    this until its gaps are filled.

    ``exact`` (channels × slots) are the values that are used, in millionths, 0 where there is none; ``quality`` is a
    place in ``FINAL_QUALITIES``; ``flags`` (channels × slots) and ``ran`` (channels) are bits of rules. ``by_hand``
    (channels × slots) tells which values a person put there.
    """

    day: date
    minutes: int
    channels: pl.DataFrame
    exact: Ints
    quality: Codes
    flags: Marks
    ran: Masks
    by_hand: Marks
    version: str

    @classmethod
    def judged(cls, judged: Judged, exact: Ints, version: str, decided: Decided | None = None) -> Self:
        """Of a day by the rules, with its delivered values (as ``exact``); a suspect one is not used, and what the
        utility itself calls suspect is not either, unless it was accepted. ``decided`` is what else people decided."""
        worth = np.array([_code(_AS[name]) for name in QUALITIES], np.uint8)
        quality = np.where(judged.suspect, _code("M"), worth[judged.day.quality]).astype(np.uint8)
        quality[(quality == _code("V")) & (judged.rules_run == 0)[:, None]] = _code("U")
        day, by_hand = judged.day, np.zeros(quality.shape, np.uint64)
        if judged.accepted is not None:
            doubtful = ((judged.flags & SUSPECT) != 0) | (quality == _code("M"))
            quality[judged.accepted & doubtful] = _code("S")
        quality[~day.there] = _code("M")
        if decided is not None:
            aside, put = (decided.stands(kind, day, judged.suspect) for kind in (ESTIMATE, CORRECT))
            quality[decided.line[aside], decided.slot[aside]] = _code("M")
            places = (decided.line[put], decided.slot[put])
            quality[places], by_hand[places] = _code("EF"), 1
            exact = exact.copy()
            exact[places] = in_millionths(decided.value)[put]
        return cls(
            day.day,
            day.minutes,
            day.channels.select(*CHANNEL, "unit"),
            narrowed(np.where(quality == _code("M"), 0, exact)),
            quality,
            Marks.of(judged.flags),
            judged.rules_run,
            Marks.of(by_hand),
            version,
        )

    @classmethod
    def stored(cls, rows: pl.DataFrame) -> list[Self]:
        """Of ``METER_FINAL`` rows of one day, without their estimates; one for each interval length."""
        return [cls._of_length(rows.filter(minutes=minutes), minutes) for minutes in rows["minutes"].unique().sort()]

    @classmethod
    def _of_length(cls, rows: pl.DataFrame, minutes: int) -> Self:
        shape = (-1, DAY_MINUTES // minutes)
        kept = rows.select(
            exact=pl.when(USED).then("value_final").cast(ENERGY),
            quality=pl.when(USED).then("final_quality").otherwise(pl.lit("M")).cast(_QUALITY).to_physical(),
            flags=pl.col("flags").fill_null(0),
            ran="rules_run",
            by_hand=pl.col("method") == "MX",
        )
        return cls(
            rows["local_date"][0],
            minutes,
            rows[:: shape[1]].select(*CHANNEL, "unit"),
            narrowed(in_millionths(kept["exact"])).reshape(shape),
            kept["quality"].cast(pl.UInt8).to_numpy().reshape(shape),
            Marks.of(kept["flags"].to_numpy().reshape(shape)),
            kept["ran"].to_numpy().reshape(shape)[:, 0].copy(),
            Marks.of(kept["by_hand"].cast(pl.UInt64).to_numpy().reshape(shape)),
            rows["rule_version"][0],
        )

    @property
    def keys(self) -> pl.DataFrame:
        """``CHANNEL`` of each channel."""
        return self.channels.select(CHANNEL)

    @property
    def slots(self) -> int:
        """Of a day."""
        return DAY_MINUTES // self.minutes

    def values(self, lines: Ints) -> Floats:
        """Values of some channels that are used (lines × slots), NaN where there is none."""
        there = self.quality[lines] != _code("M")
        exact = _energies(self.exact[lines], there).cast(pl.Float64).fill_null(np.nan)
        value: Floats = exact.to_numpy().reshape(there.shape)
        return value

    @property
    def lacks(self) -> Bools:
        """Which slots have no value that is used."""
        lacks: Bools = self.quality == _code("M")
        return lacks

    @cached_property
    def gaps(self) -> Ints:
        """Channels of energy that lack a value, without those that tell another's again: nothing is added to that."""
        wanted = self.channels["quantity"].is_in(ENERGIES).to_numpy()
        wanted[self.flags.at[(self.flags.bits & mask("told_twice")) != 0] // self.slots] = False
        return np.flatnonzero(self.lacks.any(axis=1) & wanted)

    @property
    def good(self) -> pl.DataFrame:
        """What an estimate may stand on: ``CHANNEL, start, value_final``."""
        line, slot = np.nonzero(self.quality <= _code("S"))
        values = _energies(self.exact[line, slot], np.ones(len(line), np.bool_))
        start = pl.Series(midnight(self.day) + slot * self.minutes * MINUTE).cast(METER_FINAL.schema["start"])
        return self.channels.select(CHANNEL)[line].with_columns(start=start, value_final=values)

    @property
    def found(self) -> Masks:
        """Bits of the rules that any slot of a channel breaks."""
        found: Masks = np.bitwise_or.reduce(self.flags.array(), axis=1)
        return found

    def within(self, ids: pl.Expr) -> Self:
        """The channels of some meters."""
        lines = np.flatnonzero(self.channels.with_columns(_inside=ids)["_inside"].to_numpy())
        if len(lines) == self.channels.height:
            return self
        at: Ints | slice = lines
        if len(lines) and lines[-1] - lines[0] + 1 == len(lines):
            # Of channels that follow each other nothing is copied.
            at = slice(int(lines[0]), int(lines[-1]) + 1)
        return replace(
            self,
            channels=self.channels[at],
            exact=self.exact[at],
            quality=self.quality[at],
            flags=self.flags.lines(at),
            ran=self.ran[at],
            by_hand=self.by_hand.lines(at),
        )

    def rows(self, made: Estimates | None, rates: pl.Series, confidence: str) -> pl.DataFrame:
        """Rows of ``METER_FINAL``, with estimates for what is missing (``channel`` counts these channels), the
        calendar's rate of each slot and how sure it is."""
        shape = self.quality.shape
        method = np.where(self.lacks, FINAL_METHODS.index("M0"), FINAL_METHODS.index("A")).astype(np.uint8)
        method[self.by_hand.array() > 0] = FINAL_METHODS.index("MX")
        quality, days, guesses = self.quality.copy(), np.zeros(shape, np.uint64), np.full(shape, np.nan)
        if made is not None:
            place = (made.channel, made.slot)
            guesses[place], method[place], days[place] = made.value, _METHODS[made.method], made.days
            quality[place] = np.where(np.isnan(made.value), _code("M"), _code("ET"))
        line = pl.Series(np.repeat(np.arange(shape[0]), self.slots))
        slot = pl.Series(np.tile(np.arange(self.slots), shape[0]))
        start = pl.Series(midnight(self.day) + np.arange(self.slots) * self.minutes * MINUTE)
        guessed = pl.Series(guesses.ravel()).fill_nan(None).cast(METER_FINAL.schema["value_final"])
        exact = _energies(self.exact, ~self.lacks)
        columns = {
            **{name: self.channels[name].gather(line) for name in (*CHANNEL, "unit")},
            "start": start.cast(METER_FINAL.schema["start"]).gather(slot),
            "value_final": exact.zip_with(exact.is_not_null(), guessed),
            "final_quality": _named(quality, FINAL_QUALITIES),
            "method": _named(method, FINAL_METHODS),
            "flags": pl.Series(self.flags.array().ravel()),
            "rules_run": pl.Series(self.ran).gather(line),
            "reference_days": pl.Series(days.ravel()),
            "tou_rate": rates.gather(slot),
        }
        return (
            pl.DataFrame(columns)
            .with_columns(
                minutes=pl.lit(self.minutes, pl.Int32),
                local_date=pl.lit(self.day),
                flags=pl.when(pl.col("rules_run") > 0).then("flags"),
                reference_days=pl.when(pl.col("reference_days") > 0).then("reference_days"),
                rule_version=pl.lit(self.version),
                tou_confidence=pl.lit(confidence),
                value_estimated=pl.lit(None, ENERGY),
                method_estimated=pl.lit(None, pl.String),
            )
            .select(METER_FINAL.schema.names())
        )


def differing(before: Sequence[Kept], after: Sequence[Kept], *, rules: bool = True) -> pl.Series:
    """Ids of the meters of which anything is otherwise in two judgements of a day; without ``rules`` what is used of
    them, whatever rules found."""
    found = [pl.Series("meter_id", [], pl.String)]
    lengths = {part.minutes for part in (*before, *after)}
    for was, now in (([p for p in parts if p.minutes == minutes] for parts in (before, after)) for minutes in lengths):
        if not was or not now or was[0].version != now[0].version:
            found += [part.channels["meter_id"] for part in (*was, *now)]
            continue
        one, other = was[0], now[0]
        lines = [part.channels.select(CHANNEL).with_row_index(name) for part, name in ((one, "_was"), (other, "_now"))]
        names = lines[0].join(lines[1], on=CHANNEL, how="full", coalesce=True)
        both = names.drop_nulls()
        old, new = both["_was"].to_numpy(), both["_now"].to_numpy()
        same = one.ran[old] == other.ran[new] if rules else np.ones(len(old), np.bool_)
        for name in ("exact", "quality"):
            same &= (getattr(one, name)[old] == getattr(other, name)[new]).all(axis=1)
        for name in ("by_hand", *(["flags"] if rules else [])):
            same &= (getattr(one, name).array()[old] == getattr(other, name).array()[new]).all(axis=1)
        found += [
            both["meter_id"].filter(pl.Series(~same)),
            names.filter(pl.any_horizontal(pl.all().is_null()))["meter_id"],
        ]
    return pl.concat(found).unique()


def as_estimated(rows: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """``METER_FINAL`` rows of a day with the estimates that stood ``before``, if it has the same slots, until it is
    estimated anew: where that finds the same again, nothing is written."""
    if not rows.select(METER_FINAL.key).equals(before.select(METER_FINAL.key)):
        return rows
    open_ = (rows["method"] == "M0") & ~before.select(USED).to_series()
    guessed = ("value_final", "final_quality", "method", "reference_days")
    return rows.with_columns(before[name].zip_with(open_, rows[name]) for name in guessed)


def of_checks(day: Sequence[Kept], channels: pl.DataFrame, register: pl.DataFrame, minutes: int) -> Floats | None:
    """What check meters say of some channels (``CHANNEL``) of a day that have intervals of ``minutes``, as far as it is
    good; None where none has one.

    ``register`` tells by ``check_of`` which meter a ``meter_id`` checks. Of several the least id counts; parts of the
    day are in the order of ids.
    """
    pairs = register.filter(pl.col("check_of").is_not_null()).select(_check="meter_id", meter_id="check_of")
    checked = channels.select("meter_id", "quantity").with_row_index("_line").join(pairs, on="meter_id")
    if not checked.height:
        return None
    said, known = np.full((channels.height, DAY_MINUTES // minutes), np.nan), np.zeros(channels.height, np.bool_)
    for part in day:
        lines = part.channels.select(_check="meter_id", quantity="quantity").with_row_index("_from")
        found = (
            checked.join(lines, on=["_check", "quantity"])
            .sort("_line", "_check", "_from")
            .unique("_line", keep="first", maintain_order=True)
        )
        line, of = (found[name].to_numpy() for name in ("_line", "_from"))
        new = ~known[line] & (part.minutes == minutes)
        line, of = line[new], of[new]
        said[line] = np.where(part.quality[of] <= _code("S"), part.values(of), np.nan)
        known[line] = True
    return said


def put_in_place(into: Floats, rows: pl.DataFrame, wanted: pl.DataFrame, day: date) -> None:
    """Put values of a day (``CHANNEL, start, value_final``) into channels × slots, by the ``_line`` of ``wanted``."""
    found = rows.join(wanted, on=CHANNEL, how="inner")
    slot = (found["start"].to_physical().to_numpy() - midnight(day)) // (DAY_MINUTES // into.shape[1] * MINUTE)
    into[found["_line"].to_numpy(), slot] = found["value_final"].cast(pl.Float64).to_numpy()


def _named(codes: Codes, names: Iterable[str]) -> pl.Series:
    return pl.Series(list(names), dtype=pl.String).gather(pl.Series(codes.ravel()))


def _code(name: str) -> int:
    return list(FINAL_QUALITIES).index(name)
