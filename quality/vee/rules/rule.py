"""What a rule is, and what it may know beside the day it judges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Self

import numpy as np
import polars as pl

from quality.readings import QUANTITIES
from quality.vee.history import History
from quality.vee.thresholds import Thresholds
from quality.vee.window import Bools, Floats, MeterDay

Severity = Literal["suspect", "note"]

ENERGIES: Final = tuple(name for name, unit in QUANTITIES.items() if unit in ("kWh", "kvarh", "kVAh"))
ACTIVE: Final = ("active_import", "active_export")
IMPORT: Final = ("active_import",)


@dataclass(frozen=True)
class Context:
    """All that rules may know of the day beside its values; a part that is None keeps the rules that need it from
    running, which ``rules_run`` tells.

    ``now`` is when the day is judged. ``superseded`` are ``METER_SUPERSEDED`` rows of the day. ``rates`` is the
    calendar's rate of each slot in bits of ``window.RATES``. ``sum_fails`` tells which channels' intervals do not add
    up to their register over a period that holds the day, ``stands_out`` which tell one that may be why by itself
    (``quality.vee.registers``). ``shorter`` are ``meter_id, quantity, energy, whole`` of the channels of shorter
    intervals (``others.energies``).
    """

    thresholds: Thresholds
    history: History | None = None
    now: datetime | None = None
    superseded: pl.DataFrame | None = None
    rates: np.ndarray[tuple[int], np.dtype[np.uint8]] | None = None
    sum_fails: Bools | None = None
    stands_out: Bools | None = None
    shorter: pl.DataFrame | None = None

    def number(self, name: str) -> float:
        """A threshold where no class matters."""
        return self.thresholds.number(name)

    def limit(self, day: MeterDay, name: str) -> Floats:
        """A threshold for each channel, by its customer class."""
        classes = day.channels["customer_class"] if "customer_class" in day.channels.columns else None
        return self.thresholds.by(classes, name, day.channels.height)

    def past(self) -> History:
        """The history, which a rule that needs it has."""
        assert self.history is not None
        return self.history

    def delivered_before(self) -> pl.DataFrame:
        """The superseded rows, which a rule that needs them has."""
        assert self.superseded is not None
        return self.superseded


GROUPS: Final = ("zone", "receipt")
"""What meters have in common that one mistake can touch: the register's zone and the delivered file."""


@dataclass(frozen=True)
class Figures:
    """What rules about groups look at of a day's channels, a row each: ``quantity``, those of ``GROUPS`` that are
    known, and numbers by name. ``curves`` is what they need of zones beside that (``groups.curves``).

    So a large city's day is judged a bucket after another, and its groups once all have been.
    """

    slots: int
    channels: pl.DataFrame
    curves: pl.DataFrame = field(default_factory=pl.DataFrame)

    @classmethod
    def of(cls, channels: pl.DataFrame, slots: int, **numbers: Any) -> Self:
        """Of these channels and what is told of each of them."""
        names = channels.select("quantity", *(name for name in GROUPS if name in channels.columns))
        return cls(slots, names.with_columns(pl.Series(name, values) for name, values in numbers.items()))

    @classmethod
    def of_day(cls, day: MeterDay, **numbers: Any) -> Self:
        """Of a day's channels without its guests."""
        figures = cls.of(day.channels, day.slots, **numbers)
        return figures if day.guests is None else cls(day.slots, figures.channels.filter(pl.Series(~day.guests)))

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        """Of several parts of a day, in their order."""
        channels, curves = ([getattr(part, name) for part in parts] for name in ("channels", "curves"))
        return cls(parts[0].slots, pl.concat(channels, rechunk=True), pl.concat(curves, rechunk=True))

    def __getitem__(self, name: str) -> Any:
        """A number of each channel, or some."""
        return self.channels[name].to_numpy()


Look = Callable[[MeterDay, Context], Figures]
Find = Callable[[Any, Context], Bools]
"""Of a ``MeterDay``, which slots (channels × slots) or channels' days (channels) break a rule; of ``Figures``, which
channels' days do."""


@dataclass(frozen=True)
class Rule:
    """A rule with all that is told of it.

    ``bit`` never changes its meaning. ``suspect``: a value it finds is not used unless a person accepts it; ``note``:
    it is used. ``needs`` names parts of ``Context`` and of ``MeterDay``, columns of the register, or ``like_days``
    (enough of them in the history); a channel of which one is not known is not judged. ``of`` are the quantities it is
    about. Rules of a later ``stage`` judge only values that none of an earlier one made suspect, so that the cause is
    told and not its symptoms. ``advice`` says what to do. What it finds and its source are in the docstring of
    ``find``.

    What a rule about groups finds of a meter depends on the others of its zone or delivery. It has a ``look``, and its
    ``find`` sees the ``Figures`` of that alone. ``slots`` names the part of ``MeterDay`` that tells which slots are
    meant where a channel's day is found.
    """

    bit: int
    severity: Severity
    thai: str
    advice: str
    find: Find
    of: tuple[str, ...] = ENERGIES
    needs: tuple[str, ...] = ()
    thresholds: tuple[str, ...] = ()
    stage: int = 1
    look: Look | None = None
    slots: str = "there"

    @property
    def code(self) -> str:
        """Its name."""
        return self.find.__name__

    @property
    def mask(self) -> np.uint64:
        """Its bit."""
        return np.uint64(1 << self.bit)

    @property
    def english(self) -> str:
        """What it finds."""
        return self._told()[0].removesuffix(".")

    @property
    def source(self) -> str:
        """Where it comes from."""
        return self._told()[1].removesuffix(".")

    def _told(self) -> tuple[str, str]:
        text = " ".join((self.find.__doc__ or "").split())
        finds, _, source = text.partition(" Source: ")
        return finds, source

    def is_possible(self, context: Context) -> bool:
        """Whether what it needs beside the day is known."""
        names = ("history" if need == "like_days" else need for need in self.needs)
        return all(getattr(context, name) is not None for name in names if name in Context.__dataclass_fields__)

    def judges(self, day: MeterDay, context: Context) -> Bools:
        """Which channels it can judge."""
        can = day.of_quantity(self.of)
        if not self.is_possible(context):
            return np.zeros_like(can)
        for need in self.needs:
            if need in Context.__dataclass_fields__:
                continue
            if need == "like_days":
                can &= context.past().days >= context.number("history_days")
            elif need == "check_of" and day.known(need).any():
                checked = day.channels["meter_id"].is_in(day.channels[need].drop_nulls().implode())
                can &= day.known(need) | checked.to_numpy()
            elif need in MeterDay.__dataclass_fields__:
                can &= getattr(day, need) is not None
            else:
                can &= day.known(need)
        return can
