"""What is published of a day a first time, against the rule in plain Python: no frame, no array, one by one."""

from collections import defaultdict
from datetime import date
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from quality import privacy
from quality.tables import LOAD_PROFILE_BASIS, QUARTERS
from tests.kit import sampled

DAY = date(2026, 1, 1)
SLOTS = 4
OTHER = "other"
Energy = list[int | None]


class Meter(NamedTuple):
    name: str
    customer: str
    zone: str
    klass: str
    energy: Energy
    """Millionths of a kWh in the first quarter-hours of the day; the others are unknown."""


def plus(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def customers(meters: list[Meter]) -> dict[str, Energy]:
    """By slot, the sum of the day last."""
    found: dict[str, Energy] = {}
    for meter in meters:
        day = None
        for kwh in meter.energy:
            day = plus(day, kwh)
        before = found.get(meter.customer, [None] * (SLOTS + 1))
        found[meter.customer] = [plus(*each) for each in zip(before, [*meter.energy, day], strict=True)]
    return found


def known(meters: list[Meter], slot: int) -> list[int]:
    return [kwh[slot] for kwh in customers(meters).values() if kwh[slot] is not None]


def passes(meters: list[Meter]) -> bool:
    for slot in range(SLOTS + 1):
        told = known(meters, slot)
        if told and (len(told) < 15 or sum(told) == 0 or Fraction(max(told), sum(told)) > Fraction(15, 100)):
            return False
    return True


def that_pass(meters: list[Meter]) -> list[Meter]:
    """Without who dominates, again and again; nobody where nobody dominates and it fails all the same."""
    while meters and not passes(meters):
        large = {
            customer
            for customer, kwh in customers(meters).items()
            for slot in range(SLOTS + 1)
            if kwh[slot] is not None and 100 * kwh[slot] > 15 * sum(known(meters, slot))
        }
        meters = [meter for meter in meters if meter.customer not in large] if large else []
    return meters


def cells(meters: list[Meter]) -> dict[tuple[str, str], list[Meter]]:
    zones: dict[str, list[Meter]] = defaultdict(list)
    for meter in meters:
        zones[meter.zone].append(meter)
    found: dict[tuple[str, str], list[Meter]] = {}
    inside: set[str] = set()
    for zone, of_zone in zones.items():
        there = that_pass(of_zone)
        inside |= {meter.name for meter in there}
        classes: dict[str, list[Meter]] = defaultdict(list)
        for meter in there:
            classes[meter.klass].append(meter)
        alone = {klass for klass, of_class in classes.items() if klass != OTHER and passes(of_class)}
        merged = [meter for meter in there if meter.klass not in alone]
        while merged and not passes(merged):
            smallest = min(alone, key=lambda klass: (len(customers(classes[klass])), klass))
            alone.remove(smallest)
            merged += classes[smallest]
        found |= {(zone, klass): classes[klass] for klass in alone} | ({(zone, OTHER): merged} if merged else {})
    if rest := that_pass([meter for meter in meters if meter.name not in inside]):
        found[OTHER, OTHER] = rest
    return found


def town(seed: int) -> list[Meter]:
    chance = np.random.default_rng(seed)
    found = []
    silence = chance.choice([0, 0.02])
    for zone in "abc":
        for klass in ("residential", "small_business", "large_business", OTHER):
            for at in range(int(chance.choice([0, 4, 14, 15, 18, 40]))):
                name = f"{zone}-{klass}-{at}"
                account = f"account {chance.integers(60)}" if chance.random() < 0.2 else name
                size = chance.lognormal(0, 0.3) * (chance.choice([4, 8, 15]) if chance.random() < 0.03 else 1)
                energy = (size * chance.uniform(0.8, 1.2, SLOTS) * 1e6).astype(int).tolist()
                found.append(
                    Meter(name, account, zone, klass, [None if chance.random() < silence else kwh for kwh in energy])
                )
    return [meter for meter in found if any(kwh is not None for kwh in meter.energy)]


@pytest.mark.parametrize("seed", sampled(range(24), 3))
def test_cells_and_their_values_are_those_of_the_rule_in_plain_python(seed: int) -> None:
    meters = town(seed)
    unknown = [None] * (len(QUARTERS) - SLOTS)
    schema = LOAD_PROFILE_BASIS.schema
    names = ("meter_id", "customer_id", "zone", "customer_class", "local_date", *QUARTERS)
    rows = [(*meter[:4], DAY, *meter.energy, *unknown) for meter in meters]
    members = pl.DataFrame(rows, schema={name: schema[name] for name in names}, orient="row")
    published = privacy.cells(privacy.release(members, LOAD_PROFILE_BASIS.empty(), members).basis)
    found = {}
    for (zone, klass), of_cell in published.sort("start").group_by("zone", "customer_class"):
        found[zone, klass] = [None if kwh is None else int(kwh) for kwh in of_cell["kwh"]][:SLOTS]
    expected = cells(meters)
    assert found == {
        # Half to even, as Python rounds.
        name: [round(Fraction(sum(told), 10**6)) if (told := known(of_cell, slot)) else None for slot in range(SLOTS)]
        for name, of_cell in expected.items()
    }
