"""An attacker of published load profiles, that shares no code with the gate: plain arithmetic on what all may see.

It has every edition of every cell, of several cities, and side knowledge: factors by which utilities correct. What it
computes is scored with the private truth that is kept beside each edition: a combination of published values is a sum
over customers with coefficients, and the customers whose part is not nought must be at least 15, none with more than
15 % of all parts. It does not guess from likeness: customers whose loads happen to be equal cancel for nobody.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Cell = tuple[str, str, str, str]
"""City, day, zone, class."""

FACTORS = (0.5, 1.5, 2.0, 3.0, 1000.0, 0.001, 1 / 1.5)
"""Ratios of transformers, kW for kWh of a half-hour, Wh for kWh: what anyone in the field would try."""

NOTHING = 1e-6
"""Part of what a customer used, below which what is left of it is an error of floating point."""

VISIBLE = 1e-3
"""kWh for each published kWh that is combined, below which a customer's part is one of rounding: corrections are
reckoned to a Wh or so."""

ROUNDING = 0.29
"""kWh: standard error of an edition, rounded to 1 kWh. What is less than that of a combination is not told by it."""

LONE = 0.5
"""Part of all that a combination computes, above which it is one customer's rather than a crowd's."""


SEEN = 0.05
"""Part of a zone that is seen in its sum when it comes or goes."""


class Edition(NamedTuple):
    """A cell as it stood in one snapshot: its ``values`` by slot (NaN where null), and, to score with, the ``parts`` of
    its customers in them by slot (NaN where unknown)."""

    values: Array
    parts: dict[str, Array]


class Finding(NamedTuple):
    """A combination of published values that tells of too few."""

    attack: str
    where: tuple[Cell, ...]
    coefficients: tuple[float, ...]
    slot: int
    customers: int
    share: float
    told: float
    true: float
    """What it computes, and the part of the customer that has most of it."""


class Crossing(NamedTuple):
    """The largest customer, of more than ``SEEN`` of a zone, that is in its cells on one of two days and not on the
    other: what the difference of the days, less the weather's, tells of it, and its energy."""

    city: str
    zone: str
    days: tuple[str, str]
    customer: str
    part: float
    """What it has of all that the zone's cells have with it."""
    customers: int
    """How many these cells have."""
    told: float
    true: float
    chance: float
    """Of other pairs of days, how many would tell it as near, if either sign were as likely."""

    def is_close(self) -> bool:
        """Whether it is told within 10 %."""
        return abs(self.told - self.true) <= 0.1 * abs(self.true)


class Attacker:
    """Collects editions night by night (``see``), then tries combinations (``findings``)."""

    def __init__(self, factors: Sequence[float] = FACTORS) -> None:
        self.factors, self.tried, self.largest_share = factors, 0, 0.0
        """How many combinations were tried, and the greatest part that one customer had in any of two editions."""
        self.editions: dict[Cell, list[Edition]] = {}
        self.vanished: list[Cell] = []

    def see(self, city: str, day: str, cells: Mapping[tuple[str, str], Edition]) -> None:
        """A day of a city as a snapshot has it."""
        for (zone, klass), edition in cells.items():
            seen = self.editions.setdefault((city, day, zone, klass), [])
            if not seen or not np.array_equal(seen[-1].values, edition.values, equal_nan=True):
                seen.append(edition)
        gone = {cell for cell in self.editions if cell[:2] == (city, day)} - {(city, day, *name) for name in cells}
        self.vanished += sorted(gone.difference(self.vanished))

    def findings(self, pairs: int | None = None) -> list[Finding]:
        """All that the attacks on a day find; what days tell together (``of_days``) is another question, because it is
        told by loads that stay alike, not by what was published of them. ``pairs`` of cells are tried a day, by default
        all."""
        return [*self.of_versions(), *self.of_several_cells(pairs), *self.of_shifts()]

    def of_versions(self) -> Iterator[Finding]:
        """Up to four editions of a cell: whole coefficients from -3 to 3, and known and observed factors."""
        for cell, seen in self.editions.items():
            for some in _up_to_four(seen):
                values, parts = _stacked(some)
                yield from self._scored("versions", (cell,), self._coefficients(values), values, parts, 0.15)

    def of_several_cells(self, pairs: int | None = None) -> Iterator[Finding]:
        """Sums and differences of cells of a day: of a zone, of several, of several cities; with their corrections."""
        days: dict[str, list[Cell]] = {}
        for cell in self.editions:
            days.setdefault(cell[1], []).append(cell)
        for cells in days.values():
            corrected_first = sorted(cells, key=lambda cell: (-len(self.editions[cell]), cell))
            for two in itertools.islice(itertools.combinations(corrected_first, 2), pairs):
                yield from self._together(two, [self._few(cell) for cell in two])
            # Sums of many, with signs that change: at random would find less than each against the rest of its zone.
            last = [np.eye(len(self.editions[cell]))[-1:] for cell in cells]
            groups = {(cell[0], *cell[at : at + 1]) for cell in cells for at in (2, 3)}
            for group in groups:
                signs = [
                    each if cell[0] == group[0] and group[1] in cell[2:] else -each
                    for cell, each in zip(cells, last, strict=True)
                ]
                yield from self._together(tuple(cells), signs, signed=True)

    def of_shifts(self) -> Iterator[Finding]:
        """One edition less another of one, two or four slots before: as labels of interval ends are mended."""
        for cell, seen in self.editions.items():
            for (before, after), lag in itertools.product(itertools.permutations(seen, 2), (1, 2, 4, -1)):
                if lag < len(before.values):
                    values, parts = _stacked([before, after])
                    values, parts = values[:, :-1], parts[:, :, :-1]
                    moved = [np.roll(values[0], lag), values[1]], [np.roll(parts[0], lag, axis=1), parts[1]]
                    inner = slice(lag, None) if lag > 0 else slice(None, lag)
                    coefficients = np.array([[-factor, 1.0] for factor in (1.0, *self.factors)])
                    values, parts = np.stack(moved[0])[:, inner], np.stack(moved[1])[:, :, inner]
                    yield from self._scored("shift", (cell,), coefficients, values, parts, LONE)

    def of_days(self) -> Iterator[Finding]:
        """A cell less itself on the next day that has it: who joined, left or moved."""
        named: dict[Cell, list[Cell]] = {}
        for cell in sorted(self.editions):
            named.setdefault((cell[0], "", *cell[2:]), []).append(cell)
        for cells in named.values():
            for two in itertools.pairwise(cells):
                yield from self._together(two, [np.eye(len(self.editions[each]))[-1:] for each in two], "days")

    def of_leavings(self) -> Iterator[Crossing]:
        """A zone less itself on its day before, weather taken out by the city's other zones."""
        cities: dict[str, dict[str, dict[str, list[Edition]]]] = {}
        for (city, day, zone, _), seen in sorted(self.editions.items()):
            cities.setdefault(city, {}).setdefault(day, {}).setdefault(zone, []).append(seen[-1])
        for city, days in cities.items():
            totals = {day: {zone: _total(cells) for zone, cells in zones.items()} for day, zones in days.items()}
            for zone in sorted({zone for zones in days.values() for zone in zones} - {"other"}):
                pairs = list(itertools.pairwise(sorted(day for day in days if zone in days[day])))
                steps = np.array([_step(totals[before], totals[after], zone) for before, after in pairs])
                for at, (before, after) in enumerate(pairs):
                    was, now = _parts(days[before][zone]), _parts(days[after][zone])
                    one_sided = {name: now.get(name, 0.0) - was.get(name, 0.0) for name in was.keys() ^ now.keys()}
                    if not one_sided:
                        continue
                    customer = max(one_sided, key=lambda name: abs(one_sided[name]))
                    there, crowd = (totals[after][zone], now) if customer in now else (totals[before][zone], was)
                    true = one_sided[customer]
                    part = abs(true) / there
                    if part > SEEN:
                        near = np.abs(np.abs(np.delete(steps, at)) - abs(true)) <= 0.1 * abs(true)
                        chance = float(near.mean()) / 2 if near.size else 0.0
                        told = float(steps[at])
                        yield Crossing(city, zone, (before, after), customer, part, len(crowd), told, true, chance)

    def crossings(self) -> Iterator[tuple[Cell, int, float, float]]:
        """Cells that are there in a slot and away in the next, or between snapshots: the guess is that the largest
        customer then had 15 %. Yields cell, slot, guess and what the largest had."""
        for cell, seen in self.editions.items():
            for edition in seen:
                there = ~np.isnan(edition.values)
                for slot in np.flatnonzero(there[:-1] != there[1:]):
                    at = int(slot) if there[slot] else int(slot) + 1
                    largest = max(float(np.nan_to_num(part[at])) for part in edition.parts.values())
                    yield cell, at, 0.15 * float(edition.values[at]), largest

    def _coefficients(self, values: Array) -> Array:
        count = len(values)
        whole = [each for each in itertools.product(range(-3, 4), repeat=count) if _first(each) > 0]
        pairs = []
        for one, other in itertools.permutations(range(count), 2):
            with np.errstate(divide="ignore", invalid="ignore"):
                seen = values[other] / values[one]
            observed = {round(float(ratio), 6) for ratio in seen if np.isfinite(ratio)}
            for factor in {*self.factors, *observed}:
                pair = [0.0] * count
                pair[one], pair[other] = -factor, 1.0
                pairs.append(pair)
        return np.array([*whole, *pairs], dtype=float)

    def _few(self, cell: Cell) -> Array:
        """What is worth being joined with another cell: the editions and the steps between them, by factors."""
        count = len(self.editions[cell])
        found = [*np.eye(count)]
        for one, other in itertools.combinations(range(count), 2):
            for factor in (1.0, *self.factors):
                found.append(np.eye(count)[other] - factor * np.eye(count)[one])
        return np.array(found)

    def _together(
        self, cells: tuple[Cell, ...], coefficients: Sequence[Array], attack: str = "cells", signed: bool = False
    ) -> Iterator[Finding]:
        sides = [_stacked(self.editions[cell]) for cell in cells]
        if len({side[0].shape[1] for side in sides}) > 1:
            return
        customers = sorted({name for cell in cells for each in self.editions[cell] for name in each.parts})
        stacks = [_stacked(self.editions[cell], customers)[1] for cell in cells]
        if signed:
            rows = np.concatenate([each[0] for each in coefficients])[None]
        else:
            rows = np.array([
                np.concatenate([one, sign * other])
                for one, other in itertools.product(*coefficients) for sign in ((-1, 1) if attack == "cells" else (-1,))
            ])  # fmt: skip
        values = np.concatenate([side[0] for side in sides])
        yield from self._scored(attack, cells, rows, values, np.concatenate(stacks), LONE)

    def _scored(
        self, attack: str, where: tuple[Cell, ...], coefficients: Array, values: Array, parts: Array, most: float
    ) -> Iterator[Finding]:
        """``values``: editions × slots, ``parts``: editions × customers × slots."""
        told = coefficients @ np.nan_to_num(values)
        known = np.nan_to_num(parts)
        computed = np.tensordot(coefficients, known, 1)
        scale = np.tensordot(np.abs(coefficients), np.abs(known), 1)
        one_sign = (np.sign(coefficients) >= 0).all(axis=1) | (np.sign(coefficients) <= 0).all(axis=1)
        # Who used nothing is one of a crowd in a sum; of a difference it is not known whether it was in it.
        member = np.tensordot(np.abs(coefficients), (~np.isnan(parts)).astype(float), 1) > 0
        least = np.maximum(NOTHING * scale, VISIBLE * np.abs(coefficients).sum(axis=1)[:, None, None])
        counted = np.where(one_sign[:, None, None], member, np.abs(computed) > least)
        left = np.where(counted, np.abs(computed), 0.0)
        count, total, largest = counted.sum(axis=1), left.sum(axis=1), left.max(axis=1, initial=0.0)
        self.tried += coefficients.shape[0] * values.shape[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(total > 0, largest / total, 0.0)
        limit = np.where(one_sign, 0.15, most)[:, None] * (1 + 1e-6)
        # A published null says nothing, with whatever it is combined.
        null = (np.abs(coefficients) @ np.isnan(values).astype(float)) > 0
        heard = total > ROUNDING * np.linalg.norm(coefficients, axis=1)[:, None]
        if attack == "versions":
            self.largest_share = max(self.largest_share, float(share[~null & heard].max(initial=0.0)))
        for row, slot in np.argwhere(~null & heard & ((count < 15) | (share > limit))):
            yield Finding(
                attack, where, tuple(map(float, coefficients[row])), int(slot), int(count[row, slot]),
                float(share[row, slot]), float(abs(told[row, slot])), float(largest[row, slot]),
            )  # fmt: skip


def close(findings: Iterable[Finding]) -> list[Finding]:
    """Those that tell one customer's energy within 10 %."""
    return [each for each in findings if each.share > LONE and abs(each.told - each.true) <= 0.1 * each.true]


def _step(before: Mapping[str, float], after: Mapping[str, float], zone: str) -> float:
    """A zone's total less that of the day before, weather taken out."""
    others = (before.keys() & after.keys()) - {zone}
    then, later = (sum(day[each] for each in others) for day in (before, after))
    return after[zone] - (later / then if others else 1.0) * before[zone]


def _total(cells: Sequence[Edition]) -> float:
    return float(sum(np.nansum(cell.values) for cell in cells))


def _parts(cells: Sequence[Edition]) -> dict[str, float]:
    """kWh of the day of each customer of cells."""
    found: dict[str, float] = {}
    for cell in cells:
        for name, kwh in cell.parts.items():
            found[name] = found.get(name, 0.0) + float(np.nansum(kwh))
    return found


def _up_to_four(seen: Sequence[Edition]) -> Iterator[Sequence[Edition]]:
    yield from itertools.combinations(seen, min(4, len(seen)))


def _stacked(seen: Sequence[Edition], customers: Sequence[str] | None = None) -> tuple[Array, Array]:
    """``values`` and ``parts`` of editions, with the sum of the day as one more slot."""
    names = sorted({name for each in seen for name in each.parts}) if customers is None else customers
    none = np.full(len(seen[0].values), np.nan)
    values = np.stack([each.values for each in seen])
    parts = np.stack([np.stack([each.parts.get(name, none) for name in names]) for each in seen])
    everything = np.where(np.isnan(parts).all(axis=2), np.nan, np.nansum(parts, axis=2))
    return np.column_stack([values, values.sum(axis=1)]), np.concatenate([parts, everything[:, :, None]], axis=2)


def _first(numbers: Sequence[int]) -> int:
    return next((number for number in numbers if number), 0)
