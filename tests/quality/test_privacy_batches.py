"""A city whose zones are worked on some after others is the city that is worked on whole."""

from datetime import timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest

from quality import privacy
from quality.privacy import batches, versions
from quality.tables import LOAD_PROFILE_BASIS
from tests.attacker import Attacker
from tests.kit import sampled
from tests.town import DAY, Home, Town

SLOTS = 3
NEXT = DAY + timedelta(days=1)


def town(seed: int) -> tuple[Town, dict[str, int]]:
    """After two days, the first of which was corrected twice, with what was worked on by the way: zones that are whole,
    too small or dominated, customers of several, meters that come late, go, move or are silent."""
    chance, made, attacker = np.random.default_rng(seed), Town({}, slots=SLOTS), Attacker()
    for zone, size in enumerate([60, 45, 30, 22, 9, 6]):
        for at in range(size):
            customer = f"chain-{at}" if at < 2 else f"{zone}-{at}"
            klass = chance.choice(["residential", "public", "other"], p=[0.7, 0.2, 0.1])
            made.register[f"m{zone}-{at}"] = Home(f"zone {zone}", klass, customer)
    kwh = {meter: chance.uniform(1, 2, SLOTS) * (40 if chance.random() < 0.01 else 1) for meter in made.register}
    for meter in chance.choice([*kwh], 5, replace=False):
        kwh[meter] = np.full(SLOTS, np.nan)
    late = {*chance.choice([*kwh], 25, replace=False)}
    made.delivered[DAY] = {meter: day for meter, day in kwh.items() if meter not in late}
    made.publish(DAY, attacker)
    moved = chance.choice([*kwh], 5, replace=False)
    made.register |= {meter: made.register[meter]._replace(zone="zone 0") for meter in moved}
    twice = {meter: day * 2 if meter[1] in "025" else day for meter, day in kwh.items()}
    made.delivered[DAY] = {meter: day for meter, day in twice.items() if meter != "m1-5"} | {"m3-4": kwh["m3-4"] * 1.5}
    made.publish(DAY, attacker)
    made.delivered[NEXT] = twice
    made.publish(NEXT, attacker)
    made.publish(DAY, attacker, restate=True)
    return made, {"restated": made.basis[DAY].filter("restated").height, "withheld": made.withheld}


def test_every_zone_is_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    zones = pl.Series(
        "zone", [name for name, rows in zip("fbadce", [3, 9, 1, 2, 2, 5], strict=True) for _ in range(rows)]
    )
    monkeypatch.setattr(batches, "BATCH", 5)
    assert [*batches.batches(zones)] == [["a"], ["b"], ["c", "d"], ["e"], ["f"]]
    assert pl.concat(batches.in_batches(zones.to_frame(), "zone")).height == zones.len()
    assert [*batches.batches(zones.clear())] == [[]]


@cache
def worked_on_whole(seed: int) -> tuple[Town, dict[str, int]]:
    made, done = town(seed)
    assert len(made.register) < batches.BATCH
    return made, done


@pytest.mark.parametrize("seed", sampled(range(4), 4))
def test_zones_by_batches_are_the_zones_of_the_city(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, done = worked_on_whole(seed)
    assert all(done.values()), done
    monkeypatch.setattr(batches, "BATCH", 1)
    monkeypatch.setattr(versions, "BLOCK", 7)
    by_zone, the_same = town(seed)
    assert the_same == done
    for day in (DAY, NEXT):
        one, other = (each.basis[day].sort("meter_id") for each in (whole, by_zone))
        assert one.equals(other)
        assert privacy.cells(one).equals(privacy.cells(other))
        assert one["cell_zone"].n_unique() > 3


def test_what_is_wrong_between_zones_is_found_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    before = worked_on_whole(0)[0].basis[DAY]
    cells, there = privacy.cells(before), before.sample(fraction=1, shuffle=True, seed=1)
    moved = there.with_columns(
        cell_zone=pl.when(pl.col("meter_id").str.ends_with("7")).then(pl.lit("zone 1")).otherwise("cell_zone")
    )
    stolen = there.with_columns(
        customer_id=pl.when(pl.col("meter_id") == "m2-7").then(pl.lit("x")).otherwise("customer_id")
    )
    spoiled = {
        "moved": moved,
        "stolen": stolen,
        "in two": pl.concat([there, there.filter(meter_id="m0-9").with_columns(cell_zone=pl.lit("zone 2"))]),
        "gone": there.filter(pl.col("cell_zone") != "zone 2"),
        "corrected": there.with_columns(pl.col("q0000") * 3),
        "empty": LOAD_PROFILE_BASIS.empty(),
    }
    found = {name: privacy.violations(cells, basis, before) for name, basis in spoiled.items()}
    assert all(rows.height for rows in found.values())
    monkeypatch.setattr(batches, "BATCH", 1)
    for name, basis in spoiled.items():
        assert privacy.violations(cells, basis, before).equals(found[name]), name
