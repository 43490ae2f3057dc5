"""Privacy: a year of a city through the gate, night by night, and an attacker that keeps all of it (docs/trials.md)."""

import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from assets.lake.load_profile import restatable
from quality.privacy import OTHER
from quality.tables import QUARTERS
from tests.attacker import Array, Attacker, Crossing, close
from tests.town import Home, Town

FIRST = date(2026, 1, 1)
SLOTS = 8
SOURCES = 6
CLASSES: dict[str, tuple[float, float, float, tuple[float, ...]]] = {
    # Part of the meters, kWh a day, its spread, shape of the day.
    "residential": (0.78, 10, 0.6, (0.8, 0.6, 0.8, 0.8, 0.9, 1.2, 1.7, 1.2)),
    "small_business": (0.14, 40, 0.7, (0.4, 0.4, 0.8, 1.5, 1.6, 1.5, 1.1, 0.7)),
    "medium_business": (0.04, 250, 0.6, (0.5, 0.5, 1.0, 1.5, 1.5, 1.4, 1.0, 0.6)),
    "large_business": (0.015, 1200, 0.7, (0.8, 0.8, 1.0, 1.2, 1.2, 1.1, 1.0, 0.9)),
    "public": (0.025, 60, 0.8, (1.3, 1.2, 0.8, 1.0, 1.0, 0.7, 0.9, 1.1)),
}
"""Of a Thai town's meters, in which a few large customers use half of the energy."""

CAMPUS = "zone-1"
"""Zone that a city of its own lies in."""

MONTH = timedelta(days=31)

AHEAD = 14
"""Days after which an estimate is made once more, of the days on both sides (``assets.lake.second_look``)."""


class Year:
    """A city whose customers join, leave and move, and what its utilities deliver, late, wrong and again."""

    def __init__(self, seed: int, meters: int, zones: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.size = meters
        parts = self.rng.dirichlet(np.full(zones, 3.0))
        self.zones = {f"zone-{at}": float(part) for at, part in enumerate(parts)}
        self.usual: dict[str, float] = {}
        self.source: dict[str, int] = {}
        self.town, self.campus = Town({}), Town({}, "campus")
        self.waiting: list[tuple[date, date, dict[str, Array]]] = []
        self.stale: set[date] = set()
        self.right: dict[date, dict[str, Array]] = {}
        self.withdrawn: set[tuple[date, str]] = set()
        self.silent: dict[str, int] = {}
        self.estimated: dict[str, list[date]] = {}
        for _ in range(meters):
            self.join()

    def join(self) -> None:
        """A new meter. Some customers have several, and the municipality has those that are public."""
        rng, name = self.rng, f"m{len(self.usual):05}"
        classes = [*CLASSES]
        klass = classes[rng.choice(len(classes), p=[CLASSES[each][0] for each in classes])]
        zone = str(rng.choice([*self.zones], p=[*self.zones.values()]))
        customer = "municipality" if klass == "public" else name
        if klass == "large_business" and rng.random() < 0.2:
            customer = "chain"
        self.town.register[name] = Home(zone, klass, customer)
        self.usual[name] = CLASSES[klass][1] * rng.lognormal(0, CLASSES[klass][2])
        self.source[name] = int(rng.integers(SOURCES)) if rng.random() < 0.3 else hash_of(zone)

    def people(self) -> None:
        """Three per cent a month join, leave, move or change tariff or hands."""
        rng, register = self.rng, self.town.register
        for meter in rng.choice([*register], rng.poisson(self.size * 0.03 / 30), replace=False):
            home = register[str(meter)]
            how = rng.integers(4)
            if how == 0:
                del register[str(meter)]
                self.join()
            elif how == 1:
                register[str(meter)] = home._replace(zone=str(rng.choice([*self.zones])))
            elif how == 2 and home.klass in ("small_business", "medium_business"):
                register[str(meter)] = home._replace(klass="medium_business")
            else:
                register[str(meter)] = home._replace(customer=f"{meter}-{rng.integers(1000)}")

    def loads(self, day: date) -> dict[str, Array]:
        """kWh to the Wh: shape of the class, the day's weather and weekday for all, habits of each."""
        rng = self.rng
        heat = rng.lognormal(0.15 * np.sin(day.timetuple().tm_yday / 58), 0.05)
        found = {}
        for meter, home in self.town.register.items():
            week = 0.7 if day.weekday() >= 5 and "business" in home.klass else 1.0
            shape = np.array(CLASSES[home.klass][3]) / SLOTS
            habits = rng.lognormal(0, 0.25) * rng.lognormal(0, 0.3, SLOTS)
            found[meter] = np.round(self.usual[meter] * heat * week * shape * habits, 3)
        return found

    def deliver(self, day: date) -> set[date]:
        """What comes in the night after ``day``: days of which a source delivers. What is of one meter waits in
        ``stale`` for the restatement, which alone could publish it."""
        rng, now = self.rng, day + timedelta(days=1)
        right = self.right[day] = self.loads(day)
        come: dict[str, Array] = {}
        for source in range(SOURCES):
            mine = {meter: kwh for meter, kwh in right.items() if self.source[meter] == source}
            fate = rng.random()
            if fate < 0.04:
                self.waiting.append((now + timedelta(days=int(rng.integers(1, 20))), day, mine))
                continue
            if fate < 0.06:  # wrong by a factor, and put right later
                factor = float(rng.choice([0.5, 2, 1.5, 0.001]))
                self.waiting.append((now + timedelta(days=int(rng.integers(1, 20))), day, mine))
                mine = {meter: kwh * factor for meter, kwh in mine.items()}
            elif fate < 0.08:  # estimates
                self.waiting.append((now + timedelta(days=int(rng.integers(1, 20))), day, mine))
                mine = {meter: np.round(kwh * rng.lognormal(0, 0.1, SLOTS), 3) for meter, kwh in mine.items()}
            come |= mine
        for meter in rng.choice([*come], rng.poisson(0.008 * len(come)), replace=False):
            self.waiting.append((now + timedelta(days=int(rng.integers(1, 30))), day, {str(meter): right[str(meter)]}))
            come[str(meter)] = [come[str(meter)] * 0, come[str(meter)] * 2, np.full(SLOTS, np.nan)][rng.integers(3)]
        for meter in rng.choice([*come], rng.poisson(0.002 * len(come)), replace=False):
            self.silent[str(meter)] = int(rng.integers(2, 15))
        for meter in [meter for meter, days in self.silent.items() if days and meter in come]:
            self.silent[meter] -= 1
            self.estimated.setdefault(meter, []).append(day)
            come[meter] = self.estimate(meter, day)
            if rng.random() < 0.7:
                self.waiting.append((now + timedelta(days=int(rng.integers(1, 25))), day, {meter: right[meter]}))
        self.town.delivered[day] = come
        changed = {day}
        due = [each for each in self.waiting if each[0] <= now]
        self.waiting = [each for each in self.waiting if each[0] > now]
        for _, past, kwh in due:
            kwh = {meter: each for meter, each in kwh.items() if (past, meter) not in self.withdrawn}
            self.town.delivered[past] |= kwh
            if len(kwh) > 1:
                changed.add(past)
            else:
                self.stale.add(past)
                self.stale |= self.estimated_again(*kwh, past)
        changed |= self.outage(day) if rng.random() < 0.05 else set()
        self.stale |= self.decided(day) | self.seen_again(day - timedelta(days=AHEAD))
        self.stale |= changed - {day}
        return changed

    def estimate(self, meter: str, day: date, ahead: int = 0) -> Array:
        """What a silent day of a meter is taken for: its days of the two weeks before, and ``ahead`` after it, the
        estimated ones not."""
        around = [day + timedelta(days=days) for days in range(-14, ahead + 1) if days]
        good = [at for at in around if at in self.town.delivered and at not in self.estimated.get(meter, ())]
        found = [self.town.delivered[at][meter] for at in good if meter in self.town.delivered[at]]
        return np.round(np.mean(found, axis=0), 3) if found else np.full(SLOTS, np.nan)

    def seen_again(self, past: date) -> set[date]:
        """What of a day is estimated is estimated once more, when the days after it are there; the day."""
        delivered = self.town.delivered.get(past, {})
        mine = [meter for meter, days in self.estimated.items() if past in days and meter in delivered]
        delivered |= {meter: self.estimate(meter, past, AHEAD) for meter in mine}
        return {past} if mine else set()

    def estimated_again(self, meter: str, known: date) -> set[date]:
        """A day of a meter is read now: estimates of later days that stand on it are made again; which."""
        ours = self.estimated.get(meter, [])
        if known in ours:
            ours.remove(known)
        again = [day for day in ours if known < day and (day, meter) not in self.withdrawn]
        self.town.delivered |= {day: self.town.delivered[day] | {meter: self.estimate(meter, day)} for day in again}
        return {*again}

    def outage(self, day: date) -> set[date]:
        """A list tells late of an outage of a zone: what was estimated of its meters then is nought; the day."""
        past = day - timedelta(days=int(self.rng.integers(1, 20)))
        zone, slot = str(self.rng.choice([*self.zones])), int(self.rng.integers(SLOTS))
        for meter, days in self.estimated.items():
            home = self.town.register.get(meter)
            if home and home.zone == zone and past in days and meter in self.town.delivered.get(past, {}):
                self.town.delivered[past][meter] = np.where(
                    np.arange(SLOTS) == slot, 0, self.town.delivered[past][meter]
                )
        return {past} & {*self.town.delivered}

    def decided(self, day: date) -> set[date]:
        """People correct a slot of single meters, on the days returned, or find that one is a check meter."""
        rng, found = self.rng, set()
        for _ in range(rng.poisson(0.5)):
            past = day - timedelta(days=int(rng.integers(1, 30)))
            if delivered := self.town.delivered.get(past):
                meter, slot = str(rng.choice([*delivered])), int(rng.integers(SLOTS))
                delivered[meter] = np.where(np.arange(SLOTS) == slot, self.usual[meter] / SLOTS, delivered[meter])
                found.add(past)
        if rng.random() < 0.02:
            meter = str(rng.choice([*self.town.register]))
            del self.town.register[meter]
            for delivered in self.town.delivered.values():
                delivered.pop(meter, None)
            self.join()
        return found

    def publish(self, day: date, attacker: Attacker, restate: bool) -> None:
        """The day of the city and of the campus in it, which is told of most meters of a zone; every tenth day it is
        first. Raises what ``Town.publish`` raises."""
        self.campus.register = {
            meter: home._replace(zone="campus")
            for meter, home in self.town.register.items()
            if home.zone == CAMPUS and int(meter[1:]) % 20
        }
        told = self.town.delivered[day]
        self.campus.delivered[day] = {meter: kwh for meter, kwh in told.items() if meter in self.campus.register}
        towns = (self.town, self.campus) if day.day % 10 else (self.campus, self.town)
        for one, other in (towns, towns[::-1]):
            theirs = other.basis[day]["meter_id"].to_list() if day in other.basis else []
            one.publish(day, attacker, restate, theirs)

    def withdraw(self, attacker: Attacker) -> None:
        """One asks that of some day nothing stays of it (`muang erase --withdraw`)."""
        day = list(self.town.basis)[self.rng.integers(len(self.town.basis))]
        held = [town for town in (self.town, self.campus) if day in town.basis and town.basis[day].height]
        if held:
            meters = held[0].basis[day]["meter_id"].sort()
            meter = meters[int(self.rng.integers(len(meters)))]
            self.withdrawn.add((day, meter))
            self.town.delivered[day].pop(meter, None)
            held[0].withdraw(day, meter)
            self.publish(day, attacker, restate=False)


def hash_of(zone: str) -> int:
    return int(zone.rsplit("-", 1)[1]) % SOURCES


class Privacy:
    """Trials of so many ``days`` and ``meters``."""

    def __init__(
        self, days: int = 365, meters: int = 1500, zones: int = 9, pairs: int = 40, steady: bool = True
    ) -> None:
        self.days, self.meters, self.zones, self.pairs, self.steady = days, meters, zones, pairs, steady

    def trial(self, seed: int) -> dict[str, Any]:
        """A year, and what the attacker has of it."""
        year, attacker, wrong = Year(seed, self.meters, self.zones), Attacker(), []
        year.town.steady = year.campus.steady = self.steady
        made = 0
        for at in range(self.days):
            day = FIRST + timedelta(days=at)
            year.people()
            changed = year.deliver(day)
            closing = {past for past in year.stale if restatable(past, day + timedelta(days=1))}
            # A lake that is built again makes all its days anew, of the memory that it did not touch.
            rebuilt = (
                {day - timedelta(days=back) for back in range(40)} & {*year.town.basis} if at % 60 == 59 else set()
            )
            for past in sorted(changed | closing | rebuilt):
                made += 1
                try:
                    year.publish(past, attacker, past in closing)
                except AssertionError as found:
                    wrong.append(f"{past}: recheck: {str(found)[:300]}")
            year.stale -= closing
            if year.rng.random() < 0.05:
                year.withdraw(attacker)
        findings = attacker.findings(self.pairs)
        wrong += [str(each) for each in findings[:5]]
        wrong += [f"{cell} is not there in slot {slot}" for cell, slot, _, _ in attacker.crossings()]
        gone = {str(day) for day, _ in year.withdrawn}
        wrong += [f"{cell} vanished" for cell in attacker.vanished if cell[1] not in gone]
        told = [each for each in attacker.of_days() if each.slot == SLOTS]
        left = list(attacker.of_leavings())
        came_again = again(left)
        wrong += [f"came into its zone's cells twice within a month: {each}" for each in came_again if stands_out(each)]
        return {
            "kind": "privacy", "seed": seed, "days": self.days, "meters": self.meters, "days_made": made,
            "cells": len(attacker.editions), "combinations": attacker.tried, "violations": len(findings),
            "largest_share": round(attacker.largest_share, 4), "closest": closest(findings),
            "days_told_apart": len(close(told)), "came_or_left": len(left),
            "told_by_leaving": sum(each.is_close() for each in left),
            "told_by_chance": round(sum(each.chance for each in left), 2), "came_again": len(came_again),
            "withdrawn": len(year.withdrawn), "withheld": year.town.withheld,
            "restated": sum(len(seen) > 1 for seen in attacker.editions.values()),
            **utility(year.town, year.campus), "wrong": wrong + unsaid(year.town)[:5],
        }  # fmt: skip


def closest(findings: Sequence[Any]) -> float | None:
    """How far the nearest guess was from the energy of a customer."""
    return min((round(abs(each.told - each.true) / each.true, 3) for each in findings if each.true), default=None)


def stands_out(crossing: Crossing) -> bool:
    """More than 10 % of what its zone's cells have, and thrice their average customer: whom others do not hide
    (docs/privacy.md)."""
    return crossing.part > max(0.1, 3 / crossing.customers)


def at_least(told: int, chance: float) -> float:
    """How likely so many or more are told where ``chance`` are on average (Poisson)."""
    fewer = np.array([chance**each * math.exp(-chance) / math.factorial(each) for each in range(told)])
    return 1 - float(fewer.sum())


def again(crossings: Iterable[Crossing]) -> list[Crossing]:
    """Comings of a large customer that came into the same zone in the month before: so it left in between, and is told
    three times over."""
    found, last = [], dict[tuple[str, str, str], date]()
    for each in sorted((each for each in crossings if each.true > 0), key=lambda each: each.days):
        who, day = (each.city, each.zone, each.customer), date.fromisoformat(each.days[1])
        if day - last.get(who, date.min) <= MONTH:
            found.append(each)
        last[who] = day
    return found


def utility(town: Town, campus: Town) -> dict[str, float]:
    """Parts of the delivered energy in cells of its own zone and in any, and of zones that lack nothing."""
    delivered = sum(float(np.nansum(kwh)) for day in town.delivered.values() for kwh in day.values())
    basis, apart = pl.concat(town.basis.values()), pl.concat(campus.basis.values())
    own = basis.filter(pl.col("cell_zone") == pl.col("zone"))
    zones = own.select("local_date", "zone", "zone_lacks").unique()
    asked = basis.select("local_date", "zone").unique().height
    return {
        "own_zone": round(energy(own) / delivered, 3),
        "any_cell": round((energy(basis) + energy(apart)) / delivered, 3),
        "zones_shown": round(zones.select("local_date", "zone").n_unique() / asked, 3),
        "zones_whole": round(zones["zone_lacks"].null_count() / asked, 3),
    }


def energy(basis: pl.DataFrame) -> float:
    """kWh in published cells."""
    return float(basis.select(pl.sum_horizontal(QUARTERS).sum()).item()) / 1e6


def unsaid(town: Town) -> list[str]:
    """Delivered energy that is in no cell of its zone and that its zone is not said to lack."""
    found = []
    for day, delivered in town.delivered.items():
        basis = town.basis[day]
        of_meter = basis.select("meter_id", "zone", "customer_class", "cell_zone")
        published = {meter: told for meter, *told in of_meter.iter_rows()}
        lacks = dict(basis.filter(pl.col("cell_zone") != OTHER).select("cell_zone", "zone_lacks").unique().iter_rows())
        for meter in delivered:
            home = town.registers[day].get(meter, Home("unassigned", OTHER, meter))
            zone, klass, cell = published.get(meter) or (home.zone, home.klass, None)
            if zone != cell and zone in lacks and klass not in (lacks[zone] or ""):
                found.append(f"{day}: {zone} lacks {klass}, and does not say so")
    return found


def summary(done: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = ("combinations", "violations", "came_or_left", "told_by_leaving", "told_by_chance", "came_again")
    total = {name: sum(trial[name] for trial in done) for name in names}
    return {
        "trials": len(done),
        **total,
        "largest_share": max((trial["largest_share"] for trial in done), default=0),
        "own_zone": [trial["own_zone"] for trial in done],
        # Of a thousand runs of a rule that tells nothing one fails.
        "failed": at_least(total["told_by_leaving"], total["told_by_chance"]) < 0.001,
    }
