"""What people decided of the values of a day, set beside what was delivered of it.

A decision is about what had been delivered by its day. A value that was read, that no rule suspects and that came later
takes its place; so does, of an acceptance, any value that came later, which is judged as others are. A value that is
delivered once more came when it was told first.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import polars as pl

from quality.meter_grid import CHANNEL, MINUTE, SLOT, midnight
from quality.readings import ENERGY, QUALITIES
from quality.tables.meters import DECISIONS, METER_DECISIONS
from quality.vee.window import Bools, Codes, Ints, MeterDay

ACCEPT, CORRECT, ESTIMATE, WITHDRAW, ASK = range(len(DECISIONS))

_READ: Final = [QUALITIES.index(name) for name in ("actual", "unknown")]
_TOLD: Final = ("value_delivered", "quality")


@dataclass(frozen=True)
class Decided:
    """The decisions in force of a day's slots, one row each: ``line`` and ``slot`` are its place, ``decision`` a place
    in ``DECISIONS``, ``value`` that of a correction; ``overtaken`` tells that the value there came after it."""

    line: Ints
    slot: Ints
    decision: Codes
    value: pl.Series
    overtaken: Bools

    @classmethod
    def of(cls, decisions: pl.DataFrame, day: MeterDay, delivered: pl.DataFrame, superseded: pl.DataFrame) -> Self:
        """Of ``METER_DECISIONS`` rows of the day. ``delivered`` and ``superseded`` are ``METER_INTERVALS`` and
        ``METER_SUPERSEDED`` rows of at least the meters that they are about."""
        channels = day.channels.select(CHANNEL).with_row_index("line")
        length = day.minutes * MINUTE

        def place(name: str) -> pl.Expr:
            """The first slot that begins at this time or after."""
            since = pl.col(name).to_physical() - midnight(day.day)
            return ((since + length - 1) // length).clip(0, day.slots)

        slots = (
            decisions.filter(pl.col("decision") != DECISIONS[ASK])
            .join(channels, on=["meter_id", "quantity"])
            .with_columns(slot=pl.int_ranges(place("start"), place("end")))
            .explode("slot", empty_as_null=False)
            .sort("decided_at", *METER_DECISIONS.prefer, nulls_last=False)
            .unique(["line", "slot"], keep="last", maintain_order=True)
            .filter(pl.col("decision") != DECISIONS[WITHDRAW])
            .sort("line", "slot")
        )
        slots = slots.with_columns(start=(midnight(day.day) + pl.col("slot") * length).cast(delivered.schema["start"]))
        now = delivered.select(*SLOT, *_TOLD, "_delivered")
        before = superseded.select(now.columns).join(now, on=[*SLOT, *_TOLD], how="semi", nulls_equal=True)
        first = pl.concat([now, before]).group_by(SLOT).agg(_first=pl.col("_delivered").min())
        known = slots.select(*SLOT, "_delivered").join(first, on=SLOT, how="left", maintain_order="left")
        overtaken = (known["_first"] > known["_delivered"]).fill_null(value=False)
        codes = slots["decision"].replace_strict({name: at for at, name in enumerate(DECISIONS)}, return_dtype=pl.UInt8)
        return cls(
            slots["line"].cast(pl.Int64).to_numpy(),
            slots["slot"].cast(pl.Int64).to_numpy(),
            codes.to_numpy(),
            slots["value"].cast(ENERGY),
            overtaken.to_numpy(),
        )

    def accepted(self, shape: tuple[int, ...]) -> Bools:
        """Which slots (channels × slots) have a value that was accepted."""
        found = np.zeros(shape, np.bool_)
        some = (self.decision == ACCEPT) & ~self.overtaken
        found[self.line[some], self.slot[some]] = True
        return found

    def stands(self, decision: int, day: MeterDay, suspect: Bools) -> Ints:
        """Which of the rows are decisions of this kind whose place no good value took: ``suspect`` (channels × slots)
        are those that a rule objects to."""
        place = (self.line, self.slot)
        read = np.isin(day.quality[place], _READ) & day.there[place] & ~suspect[place]
        return np.flatnonzero((self.decision == decision) & ~(self.overtaken & read))
