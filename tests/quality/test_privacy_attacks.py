"""Small towns published night by night, and an attacker that has all editions of all cells: it finds nothing, and finds
much where the rule is the one that was in use before."""

import importlib
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assets.lake import overlap
from assets.lake.delivered import pseudonyms
from assets.lake.files import CityLake
from assets.landing.store import LocalStore
from quality import privacy
from quality.privacy import versions
from quality.tables import LOAD_PROFILE_BASIS
from tests.attacker import Array, Attacker, Edition, Finding, close
from tests.kit import sampled
from tests.town import DAY, Home, Town
from tests.trials.privacy import at_least

NIGHTS, RESTATEMENTS = 4, 2


class FormerTown(Town):
    """The null control, the rule that was in use before: cells by slot, and of meters; corrections and late meters go
    out the night they come if those that change pass, each meter once."""

    def publish(self, day: date, attacker: Attacker, restate: bool = False, without: Iterable[str] = ()) -> None:
        shown: dict[tuple[str, str], Edition] = {}
        slots = len(next(iter(self.delivered[day].values())))
        for slot in range(slots):
            now = {meter: float(kwh[slot]) for meter, kwh in self.delivered[day].items() if not np.isnan(kwh[slot])}
            for cell, parts in self._slot(day, slot, now).items():
                edition = shown.setdefault(cell, Edition(np.full(slots, np.nan), {}))
                edition.values[slot] = round(sum(parts.values()))
                for meter, kwh in parts.items():
                    edition.parts.setdefault(meter, np.full(slots, np.nan))[slot] = kwh
        attacker.see(self.name, str(day), shown)

    def _slot(self, day: date, slot: int, now: dict[str, float]) -> dict[tuple[str, str], dict[str, float]]:
        cells, revised = self.memory.setdefault((day, slot), ({}, set()))
        placed = {meter for parts in cells.values() for meter in parts}
        for cell, parts in cells.items():
            here = {
                meter for meter in now if meter in parts or (meter not in placed and self.register[meter][:2] == cell)
            }
            after = {meter: now[meter] for meter in here}
            changed = {meter for meter in here | {*parts} if parts.get(meter) != after.get(meter)}
            steps = [after.get(meter, 0.0) - parts.get(meter, 0.0) for meter in changed]
            if _passes(steps) and _passes([*after.values()]) and not changed & revised:
                parts.clear()
                parts.update(after)
                revised |= changed
        left = {meter: kwh for meter, kwh in now.items() if not any(meter in parts for parts in cells.values())}
        for name in (
            lambda home: (home.zone, home.klass),
            lambda home: (home.zone, "other"),
            lambda home: ("other", "other"),
        ):
            groups: dict[tuple[str, str], dict[str, float]] = {}
            for meter, kwh in left.items():
                groups.setdefault(name(self.register[meter]), {})[meter] = kwh
            for cell, parts in groups.items():
                if cell not in cells and _passes([*parts.values()]):
                    cells[cell] = parts
                    left = {meter: kwh for meter, kwh in left.items() if meter not in parts}
        return cells

    @cached_property
    def memory(self) -> dict[tuple[date, int], tuple[dict[tuple[str, str], dict[str, float]], set[str]]]:
        return {}

    def withdraw(self, day: date, meter: str) -> None:
        self.delivered[day].pop(meter, None)


def _passes(parts: list[float]) -> bool:
    total = abs(sum(parts))
    return len(parts) >= 15 and total > 0 and max(map(abs, parts)) <= 0.15 * total


class World:
    """One or two towns of three zones and classes, the second with meters of the first, and what comes between nights
    (``happen``)."""

    def __init__(self, seed: int, towns: int = 1, town: type[Town] = Town) -> None:
        rng = self.rng = np.random.default_rng(seed)
        self.withdrawn: list[tuple[str, date, str]] = []
        self.late: list[tuple[Town, date, str]] = []
        self.towns: list[Town] = []
        self.slots = int(rng.integers(4, 9))
        self.days = [DAY + timedelta(days=at) for at in range(int(rng.integers(1, 3)))]
        register: dict[str, Home] = {}
        for zone in "abc":
            for klass in ("residential", "small_business", "large_business"):
                size = int(
                    rng.choice(
                        [0, 3, rng.integers(1, 15), rng.integers(14, 18), rng.integers(30, 46)],
                        p=[0.1, 0.1, 0.2, 0.2, 0.4],
                    )
                )
                for at in range(size):
                    meter = f"{zone}-{klass}-{at}"
                    register[meter] = Home(zone, klass, meter)
        for at in range(16 if rng.random() < 0.3 else 0):
            register[f"hotel-{at}"] = Home("a", "large_business", "hotel")
        loads = {meter: self.load() for meter in register}
        self.true = {day: {m: kwh * rng.uniform(0.9, 1.1, self.slots) for m, kwh in loads.items()} for day in self.days}
        self._one_near_the_limit(register)
        for at in range(towns):
            self.towns.append(town(self._part_of(register) if at else dict(register), f"town-{at}"))
        for town in self.towns:
            for day in self.days:
                town.delivered[day] = {meter: self.true[day][meter].copy() for meter in town.register}
                self._not_yet(town, day)

    def load(self) -> Array:
        return np.asarray(self.rng.lognormal(2, 0.5) * self.rng.uniform(0.5, 1.5, self.slots))

    def _one_near_the_limit(self, register: dict[str, Home]) -> None:
        if large := [meter for meter, home in register.items() if home.zone == "b"]:
            for day in self.days:
                of_zone = sum(self.true[day][meter] for meter in large)
                self.true[day][large[0]] = np.asarray(of_zone * self.rng.uniform(0.14, 0.2))

    def _part_of(self, register: dict[str, Home]) -> dict[str, Home]:
        """A campus: most of one zone, with zones of its own."""
        inside = [meter for meter, home in register.items() if home.zone == "a"]
        return {meter: Home("campus", register[meter].klass, register[meter].customer) for meter in inside[1:]}

    def _not_yet(self, town: Town, day: date) -> None:
        for group in self.groups(town, 0.1):
            for meter in group:
                self.late.append((town, day, meter))
                if self.rng.random() < 0.5:
                    town.delivered[day].pop(meter, None)
                else:
                    town.delivered[day][meter] = np.full(self.slots, np.nan)

    def groups(self, town: Town, chance: float) -> list[list[str]]:
        """Meters that a source delivers together: of a zone, a class or both, all or all but a few."""
        rng, found = self.rng, []
        while rng.random() < chance:
            wanted = [str(rng.choice(["a", "b", "c", "campus"])), str(rng.choice(["residential", "small_business"]))]
            how = rng.integers(4)
            some = [
                meter
                for meter, home in town.register.items()
                if (how in (1, 3) or home.zone == wanted[0]) and (how in (2, 3) or home.klass == wanted[1])
            ]
            rng.shuffle(some)
            found.append(some[int(rng.choice([0, 0, 0, 0, 1, 2, 14, len(some) // 2])) :])
        return found

    def corrections(self) -> list[Callable[[Array], Array]]:
        """What a source may mend: factors, of all slots or of some, labels, zeros."""
        half = np.arange(self.slots) < self.slots // 2
        factor = float(self.rng.choice([2, 0.5, 1000, 1.5, 0.9]))
        return [
            lambda old: old * factor,
            lambda old: old * factor,
            lambda old: np.where(half, old * factor, old),
            lambda old: np.roll(old, 1),
            lambda old: old[::-1].copy(),
            lambda old: old * 0,
            lambda old: old * np.nan,
            lambda old: old * self.rng.uniform(0.95, 1.05, self.slots),
        ]

    def happen(self) -> None:
        """What comes between two nights."""
        rng = self.rng
        for town in self.towns:
            for day in self.days:
                delivered = town.delivered[day]
                for group in self.groups(town, 0.4):
                    ways = self.corrections()
                    way, odd = ways[rng.integers(len(ways))], ways[rng.integers(len(ways))]
                    for at, meter in enumerate(group):
                        if meter in delivered:
                            delivered[meter] = (odd if at < 2 and rng.random() < 0.3 else way)(delivered[meter])
                for _ in range(int(rng.poisson(0.1))):
                    if delivered:
                        meter = str(rng.choice([*delivered]))
                        delivered[meter] = delivered[meter] * float(rng.choice([0.5, 2, 1.1]))
                if rng.random() < 0.1 and (known := town.basis.get(day)) is not None and known.height:
                    meter = str(rng.choice(known["meter_id"].unique().sort().to_list()))
                    self.withdraw(town, day, meter)
            for meter in [*town.register]:
                if rng.random() < 0.005:
                    home = town.register[meter]
                    change = int(rng.integers(4))
                    town.register[meter] = [
                        home._replace(zone=str(rng.choice(["a", "b", "c"]))),
                        home._replace(klass="large_business"),
                        home._replace(customer=f"new-{meter}"),
                        home._replace(customer=next(iter(town.register))),
                    ][change]
        waiting, self.late = self.late, []
        for town, day, meter in waiting:
            if rng.random() < 0.5 and not any(gone == (town.name, day, meter) for gone in self.withdrawn):
                town.delivered[day][meter] = self.true[day][meter].copy()
            else:
                self.late.append((town, day, meter))

    def withdraw(self, town: Town, day: date, meter: str) -> None:
        self.withdrawn.append((town.name, day, meter))
        town.withdraw(day, meter)


def published(world: World, nights: int = NIGHTS) -> Attacker:
    """All that is published of a world in so many nights, and in the restatements of its month after them."""
    attacker = Attacker()
    for night in range(nights + RESTATEMENTS):
        for at, town in enumerate(world.towns):
            for day in world.days:
                others = world.towns[:at] + world.towns[at + 1 :]
                theirs = [each.basis[day]["meter_id"].to_list() for each in others if day in each.basis]
                town.publish(day, attacker, night >= nights, {meter for meters in theirs for meter in meters})
        world.happen()
    return attacker


@pytest.mark.parametrize("seed", sampled(range(16), 4))
def test_no_combination_of_all_that_is_published_tells_of_fewer_than_fifteen(seed: int) -> None:
    world = World(seed, towns=1 + seed % 2)
    attacker = published(world)
    assert attacker.findings() == []
    assert list(attacker.crossings()) == [], "a cell has all slots of its day"
    known = pl.concat([day for town in world.towns for day in town.basis.values()]).filter(privacy.KNOWN)
    left = {(str(day), *cell) for day, *cell in known.select(privacy.DAY_CELL).iter_rows()}
    gone = {(town, str(day)) for town, day, _ in world.withdrawn}
    assert not [cell for cell in attacker.vanished if cell[:2] not in gone and cell[1:] in left]


def test_the_former_rule_is_broken_by_the_same_attacker() -> None:
    """The null control."""
    findings: list[Finding] = []
    guesses: list[float] = []
    for seed in range(2):
        attacker = published(World(seed, town=FormerTown))
        findings += attacker.findings()
        guesses += [abs(guess - true) / true for _, _, guess, true in attacker.crossings()]
    assert {"versions", "cells"} <= {each.attack for each in findings}
    assert min(each.customers for each in findings) == 1
    assert close(findings), "energy of one customer within 10 %"
    assert min(guesses) < 0.1, "the largest of a cell that comes and goes had 15 %"


def one_cell(town: type[Town], meters: Iterable[str], klass: str = "public") -> Town:
    return town({meter: Home("a", klass, meter) for meter in meters})


def told_by(town: Town, *nights: Mapping[str, float | Sequence[float]]) -> tuple[list[Finding], Attacker]:
    """What is told by a cell as it is delivered night by night, and restated in the end."""
    attacker = Attacker()
    for night in range(len(nights) + 1):
        delivered = nights[min(night, len(nights) - 1)]
        town.delivered[DAY] = {meter: np.atleast_1d(np.array(kwh, dtype=float)) for meter, kwh in delivered.items()}
        town.publish(DAY, attacker, restate=night == len(nights))
    return attacker.findings(), attacker


def meters(*span: int) -> list[str]:
    return [f"m{at:02}" for at in range(*span)]


SOLE = ("town", str(DAY), "a", "public")
BOTH = pytest.mark.parametrize("town", [Town, FormerTown])


@BOTH
def test_twice_the_first_less_the_second_is_not_the_one_that_was_not_corrected(town: type[Town]) -> None:
    crowd, one = dict.fromkeys(meters(15), 4.0), {"one": 7.2}
    twice = {meter: 2 * kwh for meter, kwh in crowd.items()}
    findings, _ = told_by(one_cell(town, [*crowd, "one"]), crowd | one, twice | one)
    assert (7 in {each.told for each in close(findings)}) == (town is FormerTown)


@BOTH
def test_first_and_third_less_the_second_are_not_the_one_that_stayed(town: type[Town]) -> None:
    old, new, one = dict.fromkeys(meters(15), 4.0), dict.fromkeys(meters(16, 31), 4.0), {"one": 7.2}
    findings, _ = told_by(one_cell(town, [*old, *new, "one"]), old | one, old | one | new, one | new)
    assert (7 in {each.told for each in close(findings)}) == (town is FormerTown)


@BOTH
def test_sixteen_meters_of_a_hotel_are_not_a_crowd(town: type[Town]) -> None:
    hotel = town({meter: Home("beach", "large_business", "hotel") for meter in meters(16)})
    _, attacker = told_by(hotel, dict.fromkeys(meters(16), 50.0))
    assert bool(attacker.editions) == (town is FormerTown)


def test_a_city_less_the_campus_in_it_is_not_the_meter_between_them(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    alpha, beta = CityLake(store, "alpha"), CityLake(store, "beta")
    points = pl.Series(meters(20))
    for lake in (alpha, beta):
        own = pseudonyms(points if lake is alpha else points.head(19), lake.city, b"k" * 32)
        overlap.remember(lake, overlap.shared_ids(own, lake.city, b"k" * 32))

    def published(without_shared: bool) -> Attacker:
        attacker = Attacker()
        for lake in (alpha, beta):
            own = pseudonyms(points, lake.city, b"k" * 32)
            town = Town({own[meter]: Home("a", "public", meter) for meter in points}, lake.city)
            mine = points if lake is alpha else points.head(19)
            town.delivered[DAY] = {own[meter]: np.array([7.0 if meter == "m19" else 4.0]) for meter in mine}
            town.publish(
                DAY, attacker, without=overlap.elsewhere(overlap.shared_with(lake), DAY) if without_shared else ()
            )
            if DAY in town.basis:
                lake.put(LOAD_PROFILE_BASIS, DAY, town.basis[DAY])
        return attacker

    told = [each.told for each in close(published(without_shared=False).findings())]
    assert 7 in told, "the null control: 83 - 76"
    assert published(without_shared=True).findings() == []


def test_a_lake_that_is_built_again_does_not_publish_a_day_a_first_time_twice() -> None:
    first = dict.fromkeys(meters(20), 4.0)
    town = one_cell(Town, first)
    findings, attacker = told_by(town, first, first | {"m07": 7.0})
    assert findings == []
    assert [edition.values.tolist() for edition in attacker.editions[SOLE]] == [[80.0]]
    town.basis.clear()  # the null control: memory that is lost with the lake
    town.publish(DAY, attacker)
    assert 3 in {each.told for each in attacker.findings()}, "83 - 80"


SPREAD = np.linspace(0.95, 1.05, 90)[:, None]
SHAPE = np.array([1, 4, 2, 9, 3, 8, 2, 5.0])
LOADS = dict(zip(meters(90), np.round(3 * SHAPE * SPREAD ** np.arange(1, 9), 3), strict=True))
"""Ninety customers whose loads go up and down together, no two alike."""

HALF = np.arange(8) < 4
CORRECTIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "slots that changed places": (lambda kwh: kwh[[1, 0, 3, 2, 5, 4, 7, 6]], lambda kwh: kwh * 1.5),
    "a factor in half of the slots": (lambda kwh: np.where(HALF, kwh * 2, kwh), lambda kwh: kwh * 5),
    "two factors": (lambda kwh: kwh * 2, lambda kwh: kwh * 1.5),
    "Wh for kWh": (lambda kwh: kwh * 1000, lambda kwh: kwh * 2),
    "labels of ends for starts": (lambda kwh: np.roll(kwh, 1), lambda kwh: kwh * 1.5),
    "labels, and one comes": (lambda kwh: np.roll(kwh, 1), lambda kwh: kwh),
    "labels and a factor": (lambda kwh: np.roll(kwh, 1) * 2, lambda kwh: kwh * 2),
}


@pytest.mark.parametrize("name", CORRECTIONS)
def test_who_is_corrected_otherwise_than_the_rest_is_not_told(name: str) -> None:
    """In each, known arithmetic cancels all but one of those that changed; every single slot hides it."""
    of_rest, of_one = CORRECTIONS[name]
    now = {meter: (of_one if meter == "m00" else of_rest)(kwh) for meter, kwh in LOADS.items()}
    was = LOADS if "comes" not in name else LOADS | {"m00": np.full(8, np.nan)}
    findings, attacker = told_by(one_cell(Town, LOADS), was, now)
    assert findings == []
    assert len(attacker.editions[SOLE]) == (2 if "comes" in name else 1), "withheld, or who comes stays out"
    all_alike = {meter: of_rest(kwh) for meter, kwh in LOADS.items()}
    _, attacker = told_by(one_cell(Town, LOADS), LOADS, all_alike)
    assert len(attacker.editions[SOLE]) == 2, "a correction of all by the same is published"


WORKDAY = date(2026, 1, 7)
NIGHT, TEN, NOON = 8, 40, 48
"""Quarter-hours of 02:00, 10:00 and 12:00: the last two are of the peak rate."""


def put_right_at_noon(alone: bool) -> list[Edition]:
    """Editions of a cell: all are corrected at night, and in the peak hours two quarter-hours change places. Of one, if
    it is ``alone``, the energy of the two is put right too."""
    town, attacker = one_cell(Town, LOADS), Attacker()
    was = {meter: np.full(96, np.nan) for meter in LOADS}
    for at, kwh in enumerate(was.values()):
        kwh[[NIGHT, TEN, NOON]] = 60 + at * 29 % 90, 60 + at * 37 % 90, 80 + at * 37 % 90 + at * 53 % 90
    now = {meter: kwh.copy() for meter, kwh in was.items()}
    for at, kwh in enumerate(now.values()):
        kwh[[TEN, NOON]] = kwh[[NOON, TEN]] * (1.5 if at == 0 and alone else 1)
        kwh[NIGHT] += 10 + at * 37 % 90
    for delivered, restate in ((was, False), (now, True)):
        town.delivered[WORKDAY] = delivered
        town.publish(WORKDAY, attacker, restate)
    return attacker.editions["town", str(WORKDAY), "a", "public"]


def test_energy_by_rate_less_what_it_was_is_not_the_one_that_did_not_just_change_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each quarter-hour and the day hide the one; the sum of the peak hours would be its 70 kWh."""
    assert len(put_right_at_noon(alone=False)) == 2
    assert len(put_right_at_noon(alone=True)) == 1
    # Control: where only days are looked at it is told, and the recheck does not let it pass.
    monkeypatch.setattr("quality.privacy.versions.SUMMED", versions.SUMMED[:1])
    with pytest.raises(AssertionError, match="known factor"):
        put_right_at_noon(alone=True)
    monkeypatch.setattr(importlib.import_module("quality.privacy.recheck"), "_OF_RATES", ())
    before, after = (edition.values[36:88] for edition in put_right_at_noon(alone=True))
    assert np.nansum(after) - np.nansum(before) == 70


def test_the_few_whose_correction_would_tell_of_them_keep_their_values_and_the_others_are_corrected() -> None:
    """A crowd is put right, and with it one comes and one is put right from nought: either alone would be told."""
    odd = {"m00": (np.full(8, np.nan), LOADS["m00"]), "m01": (LOADS["m01"] * 0, LOADS["m01"] * 1.5)}
    was = LOADS | {meter: before for meter, (before, _) in odd.items()}
    crowd = {meter: kwh * 2 if meter < "m60" else kwh for meter, kwh in LOADS.items()}
    now = crowd | {meter: after for meter, (_, after) in odd.items()}
    town = one_cell(Town, LOADS)
    findings, attacker = told_by(town, was, now)
    assert findings == []
    first, second = attacker.editions[SOLE]
    without = sum(kwh for meter, kwh in crowd.items() if meter not in odd)
    assert second.values.tolist() == np.round(without).tolist() != first.values.tolist()
    assert town.withheld == 2, "what the few lack is counted, the night it comes and the night of the restatement"


@pytest.mark.parametrize(
    ("steady", "most", "least"),
    [(True, 1, 0), pytest.param(False, 30, 8, marks=pytest.mark.trial)],
    ids=["kept out", "null control"],
)
def test_a_customer_near_15_per_cent_of_its_zone_leaves_its_cells_once_and_does_not_come_back(steady, most, least):
    """The difference of a day with it and a day without tells it to about 10 % where the zone is large, or its
    households steady: more often than chance, which a year of a city is held to (``tests.trials.privacy``)."""
    attacker = Attacker()
    there = days_there(0.15, steady, days=40, attacker=attacker)
    assert least <= sum(a != b for a, b in itertools.pairwise(there)) <= most
    left = [each for each in attacker.of_leavings() if each.customer == "big"]
    told, chance = sum(each.is_close() for each in left), sum(each.chance for each in left)
    assert (at_least(told, chance) < 0.001) == (not steady)


def test_a_zone_begins_whole_and_a_large_customer_that_comes_later_stays_out():
    assert all(days_there(1 / 12, steady=True, days=15))
    late = days_there(1 / 12, steady=True, days=15, since=3)
    assert not any(late)
    small = days_there(1 / 30, steady=True, days=15, since=3)
    assert small == [at >= 3 for at in range(15)]


def test_a_large_customer_does_not_come_into_one_day_by_way_of_its_correction() -> None:
    town = one_cell(Town, meters(60), "residential")
    town.register["big"] = Home("a", "residential", "big")
    attacker = Attacker()
    late = {meter: np.array([4.0, 5.0]) for meter in meters(40, 60)}
    for at in range(2):
        town.delivered[DAY + timedelta(days=at)] = {meter: np.array([4.0, 5.0]) for meter in meters(40)} | (
            late if at == 0 else {}
        )
        town.publish(DAY + timedelta(days=at), attacker)
    day = DAY + timedelta(days=1)
    town.delivered[day] |= late | {"big": np.array([20.0, 25.0])}
    town.publish(day, attacker, restate=True)
    assert set(town.basis[day].filter(cell_zone="a")["meter_id"]) == set(meters(60)), "20 came, without it"


@pytest.mark.parametrize(("every", "stays_out"), [(10, True), (40, False)])
def test_a_zone_that_was_without_cells_for_some_days_does_not_begin_anew(every: int, stays_out: bool) -> None:
    """As one whose meters another city publishes on most days."""
    there = days_there(1 / 12, steady=True, days=3, since=1, every=every)
    assert there == [False, not stays_out, not stays_out]


def days_there(
    part: float, steady: bool, days: int, since: int = 0, every: int = 1, attacker: Attacker | None = None
) -> list[bool]:
    """Whether a customer of so large a part of a zone of a hundred others, which is delivered ``since`` some day, is in
    its cells, by day; of ``every`` so many days one. Beside it is a zone that the weather can be told by."""
    rng = np.random.default_rng(1)
    attacker = attacker or Attacker()
    homes = {f"{zone}{at}": Home(zone, "residential", f"{zone}{at}") for zone in "ab" for at in range(100)}
    town = Town(homes | {"big": Home("a", "large_business", "big")}, steady=steady)
    usual = {meter: rng.lognormal(2, 0.5) for meter in homes}
    usual["big"] = sum(kwh for meter, kwh in usual.items() if meter.startswith("a")) * part / (1 - part)
    there = []
    for at in range(days):
        day = DAY + timedelta(days=at * every)
        weather = rng.lognormal(0, 0.1)
        town.delivered[day] = {
            meter: np.round(kwh * weather * rng.lognormal(0, 0.05) * np.ones(2), 3)
            for meter, kwh in usual.items()
            if meter != "big" or at >= since
        }
        town.publish(day, attacker)
        there.append(town.basis[day].filter(meter_id="big", cell_zone="a").height > 0)
    return there
