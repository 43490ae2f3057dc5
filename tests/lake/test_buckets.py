"""Days of meter readings in buckets: the same rows as in one file, whatever the cut, the order and the crash."""

import contextlib
from datetime import date
from pathlib import Path
from random import Random

import polars as pl
import pytest

from assets.cities.registry import City
from assets.lake import buckets, ingest, upkeep
from assets.lake.delivered import Spool
from assets.lake.files import CityLake
from assets.lake.meter_intervals import Applied, apply
from assets.lake.meter_registers import Registers
from assets.landing.deployment import Step
from assets.landing.store import LocalStore
from quality.tables import LOAD_PROFILE, METER_INTERVALS, METER_SUPERSEDED, TABLES
from tests.kit import sampled
from tests.lake.metered_city import POINTS, metered_city
from tests.lake.small_city import D1, D3, deliver, nem12
from tests.lake.test_meter_intervals import (
    DAY,
    Crash,
    CrashingStore,
    days,
    delivered,
    frame,
    lake_files,
    registers,
    whole_days,
)

IDS = {f"m{at}": digits * 5 for at, digits in enumerate(("0a1b", "4c5d", "4fff", "8000", "f00d"))}
METERS = (IDS["m0"], IDS["m2"], "c0de" * 5, "7fff" * 5)
REGISTER = registers(*METERS)
TABLES_OF_READINGS = (METER_INTERVALS, METER_SUPERSEDED)


def spooled(rows: pl.DataFrame, cut: int) -> Spool:
    spool = Spool(cut)
    spool.add(rows)
    return spool


def put(store: LocalStore, cut: int, rows: list[dict], receipts: list[str], register: Registers) -> Applied:
    renamed = [row | {"meter_id": IDS.get(row["meter_id"], row["meter_id"])} for row in rows]
    lake = CityLake(store, "phuket", cut)
    return apply(lake, spooled(frame(*renamed), cut), register, receipts, days if receipts else ())


def rows_of(store: LocalStore) -> dict[str, pl.DataFrame]:
    return {table.name: CityLake(store, "phuket").read(table) for table in TABLES_OF_READINGS}


def same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    return all(one[name].equals(other[name]) for name in one)


@pytest.mark.parametrize("seed", sampled(range(10), 5))
def test_a_day_in_buckets_has_the_rows_of_a_day_in_one_file(seed: int, tmp_path: Path) -> None:
    deliveries, chance = whole_days(seed), Random(seed)
    several = [REGISTER, registers(*METERS[:2]), registers()]
    stores = {cut: LocalStore(tmp_path / str(cut)) for cut in (1, 4, 16)}
    for at, rows in enumerate([*deliveries, deliveries[0]]):
        # Read again, a delivery may have been anywhere; a new one touches the buckets of its readings alone.
        receipts = [f"r{at % len(deliveries)}"] if at >= len(deliveries) or chance.random() < 0.5 else []
        register = chance.choice(several)
        done = {cut: put(store, cut, rows, receipts, register) for cut, store in stores.items()}
        assert all(each.held == done[1].held for each in done.values())
        if receipts:
            assert all(set(each.refused.rows()) == set(done[1].refused.rows()) for each in done.values())
        for store in stores.values():
            assert same(rows_of(store), rows_of(stores[1]))
    names = {key.rsplit("/", 1)[1].count(".") for key in lake_files(stores[16])}
    assert names <= {2}, "every file is of a bucket"


@pytest.mark.parametrize("seed", sampled(range(4), 4))
def test_any_order_and_crash_end_in_the_same_bytes(seed: int, tmp_path: Path) -> None:
    deliveries, chance = whole_days(200 + seed), Random(seed)
    straight, crooked = LocalStore(tmp_path / "a"), LocalStore(tmp_path / "b")
    for at, rows in enumerate(deliveries):
        put(straight, 16, rows, [f"r{at}"], REGISTER)
    order = chance.sample(range(len(deliveries)), len(deliveries))
    for at in (*order, order[0]):
        for after in range(chance.randint(0, 3)):
            with contextlib.suppress(Crash):
                put(CrashingStore(crooked.root, after), 16, deliveries[at], [f"r{at}"], REGISTER)
        put(crooked, 16, deliveries[at], [f"r{at}"], REGISTER)
    assert lake_files(crooked) == lake_files(straight)


def test_a_correction_of_one_meter_rewrites_its_bucket_alone(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    put(store, 4, [delivered(meter=meter, slot=slot) for meter in IDS for slot in range(96)], [], REGISTER)
    before = lake_files(store)
    done = put(store, 4, [delivered("r2", meter="m4", slot=8, value="5", on=9)], [], REGISTER)
    changed = {key for key, data in lake_files(store).items() if before.get(key) != data}
    assert {key.rsplit(".", 2)[1] for key in changed} == {"b11"}
    assert sum(file.rows for file in done.files if file.table is METER_INTERVALS) == 2 * 96, "of a silent meter too"


def test_silent_meters_are_like_most_of_the_whole_day(tmp_path: Path) -> None:
    """In every bucket, also where its own meters, or those that came first, are like others."""
    store = LocalStore(tmp_path)
    put(store, 16, [delivered(meter="m0", minutes=30, slot=slot) for slot in range(0, 96, 2)], [], REGISTER)
    silent = pl.col("meter_id") == "c0de" * 5
    assert CityLake(store, "phuket").day(METER_INTERVALS, DAY).filter(silent).height == 48
    rows = [delivered("r2", meter=meter, slot=slot) for meter in ("m1", "m3") for slot in range(96)]
    put(store, 16, rows, [], REGISTER)
    assert CityLake(store, "phuket").day(METER_INTERVALS, DAY).filter(silent).height == 96


@pytest.mark.parametrize("after", sampled(range(0, 24, 2), 4))
def test_cutting_anew_shows_every_row_once_wherever_it_is_cut_short(after: int, tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    put(store, 1, [delivered(meter=meter, slot=slot) for meter in IDS for slot in range(96)], [], REGISTER)
    put(store, 1, [delivered("r2", meter="m4", slot=8, value="5", on=9)], [], REGISTER)
    before = rows_of(store)
    for cut in (4, 16, 2, 1, 8):
        with contextlib.suppress(Crash):
            upkeep.rebucket(CityLake(CrashingStore(store.root, after), "phuket", cut))
        assert same(rows_of(store), before)
    for cut in (16, 2):
        upkeep.rebucket(CityLake(store, "phuket", cut))
        assert same(rows_of(store), before)
        left = {key.rsplit(".", 2)[1] for key in lake_files(store)}
        assert left <= set(buckets.names(cut)), "nothing of former cuts stays"


def test_a_night_cuts_the_days_that_it_writes_and_publishes_the_same(tmp_path: Path) -> None:
    whole, city = metered_city(tmp_path / "whole")
    parts, cut = metered_city(tmp_path / "parts", buckets=4)
    for table in TABLES.values():
        one, other = (CityLake(each.store, city.slug).read(table) for each in (whole, parts))
        assert one.equals(other), table.name
    lake = CityLake.of(Step(parts, cut, D3, "test"))
    assert {key.count(".b") for key in lake.keys(METER_INTERVALS)} == {1}
    assert not lake.read(LOAD_PROFILE).is_empty()
    assert upkeep.verify(lake) == []


def test_a_damaged_bucket_is_named_and_made_again(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path, buckets=4)
    step = Step(deployment, city, D3, "test")
    lake = CityLake.of(step)
    before = lake.read(METER_INTERVALS)
    key = lake.keys(METER_INTERVALS)[1]
    lake.store.write(key, lake.store.read(key)[:-9] + b"\0" * 9)
    [wrong] = upkeep.verify(lake)
    assert key in wrong
    day = date.fromisoformat(key.rsplit("/", 1)[1][:10])
    upkeep.rebuild(step, METER_INTERVALS, day)
    assert lake.read(METER_INTERVALS).equals(before)
    assert upkeep.verify(lake) == []


def test_the_registry_refuses_a_number_of_buckets_that_is_no_power_of_two(city: City) -> None:
    with pytest.raises(ValueError, match="meter_buckets 12 is no power of two"):
        City.model_validate(city.model_dump() | {"meter_buckets": 12})


def test_what_does_not_fit_into_memory_waits_on_disk_without_a_name(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    rows = frame(*(row | {"meter_id": IDS[row["meter_id"]]} for each in whole_days(3) for row in each))
    parts = [rows[at : at + 50] for at in range(0, rows.height, 50)]
    with Spool(4, hold=0, at_once=120) as disk, Spool(4) as memory:
        for part in parts:
            disk.add(part)
            memory.add(part)
        assert list(tmp_path.iterdir()) == [], "a killed night leaves no readings behind"
        assert disk.days() == memory.days()
        assert disk.receipts == memory.receipts
        places = [(day, bucket) for day in sorted(memory.days()) for bucket in buckets.names(4)]
        taken = [(disk.take(*at), memory.take(*at)) for at in places]
        assert all(one.equals(other) for one, other in taken)
        assert sum(one.height for one, _ in taken) == rows.height
        assert not any(disk.has(*at) for at in places)


def test_a_correction_says_how_much_came_was_rewritten_and_is_held(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path, buckets=4)
    deliver(deployment, city, "exports", D3, "one.csv", nem12(D1, POINTS[7], value=9))
    done = ingest.ingest_meters(Step(deployment, city, D3, "test"))
    assert (done.rows, done.held) == (96, 96)
    [current] = [file for file in done.files if file.table is METER_INTERVALS]
    [superseded] = [file for file in done.files if file.table is METER_SUPERSEDED]
    assert done.rewritten == current.rows + superseded.rows
    everything = CityLake(deployment.store, city.slug).pick(METER_INTERVALS, [D1]).height
    assert current.rows < everything / 2, "one bucket of four"
