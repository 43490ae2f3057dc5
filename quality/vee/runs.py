"""Runs of slots that have something in common."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from quality.vee.window import Bools, Ints


@dataclass(frozen=True)
class Runs:
    """Runs of an array of lines × slots, by line and slot: each from ``start`` to before ``end``."""

    line: Ints
    start: Ints
    end: Ints
    shape: tuple[int, int]

    @classmethod
    def of(cls, mask: Bools) -> Self:
        """Of slots that are set."""
        edged = np.zeros((mask.shape[0], mask.shape[1] + 2), np.bool_)
        edged[:, 1:-1] = mask
        line, at = np.nonzero(edged[:, 1:] != edged[:, :-1])
        return cls(line[::2], at[::2], at[1::2], (mask.shape[0], mask.shape[1]))

    @property
    def length(self) -> Ints:
        """In slots."""
        return self.end - self.start

    def only(self, which: Bools) -> Self:
        """Some of them."""
        return type(self)(self.line[which], self.start[which], self.end[which], self.shape)

    def painted(self, which: Bools) -> Bools:
        """The slots of some of them, as an array of lines × slots."""
        runs = self.only(which)
        first = runs.line * self.shape[1] + runs.start
        before = np.cumsum(runs.length) - runs.length
        found = np.zeros(self.shape[0] * self.shape[1], np.bool_)
        found[np.arange(runs.length.sum()) + np.repeat(first - before, runs.length)] = True
        return found.reshape(self.shape)

    def longest(self) -> Ints:
        """Of each line; 0 where it has none."""
        found = np.zeros(self.shape[0], np.int64)
        np.maximum.at(found, self.line, self.length)
        return found
