"""Damage is found and named, a day is made again from landing, and rows that went missing are missed."""

import re
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from assets.cities.registry import City
from assets.lake import accounts, derive, register_watch, upkeep
from assets.lake.files import CityLake
from assets.lake.keys import span
from assets.landing.deployment import Deployment, Step
from assets.landing.store import Damaged
from quality.contracts import Table
from quality.tables import (
    DAILY_ENERGY,
    DELIVERIES,
    FEEDER_BALANCE,
    LOAD_PROFILE,
    LOAD_PROFILE_BASIS,
    METER_FINAL,
    METER_INTERVALS,
    METER_QUALITY,
    METER_SUPERSEDED,
    METERS,
    MISSING_READINGS,
    REGISTER_CHECKS,
    REGISTER_WATCH,
    TABLES,
    VEE_RULES,
    VERDICTS,
    WEATHER,
)
from tests.kit import ingest, ingest_meters
from tests.lake import metered_city
from tests.lake.small_city import D1, D2, D3, content, deliver, deployment_at, nem12, small_city, weather

FILLED = (METERS, METER_INTERVALS, METER_SUPERSEDED, WEATHER)


@cache
def _left() -> dict[str, bytes]:
    """What two nights left: a register, meters with a correction and a repetition, weather that overlaps."""
    city = small_city()
    with TemporaryDirectory() as folder:
        deployment = deployment_at(Path(folder), city)
        for day, value in ((D1, 1), (D2, 2)):
            deliver(deployment, city, "register", day, "r.csv", b"point,zone,customer_class\nP1,z,other\nP2,z,other\n")
            deliver(deployment, city, "exports", day, "a.csv", nem12(D1, "P1", "P2", value=value))
            deliver(deployment, city, "exports", day, "b.csv", nem12(D2, "P2", value=7))
            deliver(deployment, city, "weather", day, f"w{day}", weather(D1, *[20.0 + value] * 24))
            ingest(deployment, city, METERS, day)
            ingest_meters(deployment, city, day)
            ingest(deployment, city, WEATHER, day)
        return {key: deployment.store.read(key) for key in deployment.store.list("")}


@pytest.fixture
def deployment(tmp_path: Path, city: City) -> Deployment:
    """After two nights, which are run once."""
    deployment = deployment_at(tmp_path, city)
    deployment.store.ensure(_left())
    return deployment


def step(deployment: Deployment, city: City) -> Step:
    return Step(deployment, city, D3, "test")


def first_key(deployment: Deployment, city: City, table: Table) -> str:
    return CityLake(deployment.store, city.slug).keys(table)[0]


def flipped(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def test_every_flipped_bit_of_a_file_is_noticed_by_whoever_reads_it(deployment: Deployment, city: City) -> None:
    lake, key = CityLake(deployment.store, city.slug), first_key(deployment, city, METER_INTERVALS)
    whole = deployment.store.read(key)
    for seed in range(200):
        deployment.store.write(key, flipped(whole, Random(seed)))
        with pytest.raises(Damaged, match=f"{key} is damaged"):
            lake.read(METER_INTERVALS)
    deployment.store.write(key, whole)
    assert upkeep.verify(lake) == []


@pytest.mark.parametrize("harm", ["flipped", "cut", "empty", "gone"])
@pytest.mark.parametrize("table", FILLED, ids=lambda table: table.name)
def test_a_file_that_was_harmed_is_named_and_made_again_to_the_byte(
    deployment: Deployment, city: City, table: Table, harm: str
) -> None:
    store, lake, key = deployment.store, CityLake(deployment.store, city.slug), first_key(deployment, city, table)
    before, data = content(store), store.read(key)
    harmed = {"flipped": flipped(data, Random(1)), "cut": data[:-20], "empty": b""}.get(harm)
    if harmed is None:
        store.delete(key)
    else:
        store.write(key, harmed)
    wrong = upkeep.verify(lake)
    day = span(key)[0]
    reads = METER_INTERVALS if table is METER_SUPERSEDED and harm == "gone" else table
    assert any(f"muang lake rebuild --city khon_kaen --table {reads.name} --day {day}" in each for each in wrong), wrong
    done = upkeep.rebuild(step(deployment, city), table, day)
    assert day in done.days and done.deliveries >= 1
    assert {k for k in before if content(store).get(k) != before[k] and "/verdicts/" not in k} == set()
    assert upkeep.verify(lake) == []
    if harmed:
        assert store.read(f"damaged/{key}") == harmed


def test_a_day_that_no_delivery_brought_rows_of_is_not_said_to_be_made_again(
    deployment: Deployment, city: City
) -> None:
    """Although others came today, and are read as by any night."""
    before = content(deployment.store)
    done = upkeep.rebuild(step(deployment, city), METER_INTERVALS, D1.replace(day=1))
    assert (done.deliveries, done.note) == (0, "the ledger knows no delivery that brought rows of it")
    assert {
        key for key, data in content(deployment.store).items() if before.get(key) != data and "/verdicts/" not in key
    } == set()


def test_a_day_is_not_made_again_without_a_source_that_the_registry_has_no_more(
    deployment: Deployment, city: City
) -> None:
    """Its rows would be gone, and no night would publish a lake that lacks them."""
    before = content(deployment.store)
    fewer = city.model_copy(update={"sources": {k: v for k, v in city.sources.items() if k != "exports"}})
    fewer = fewer.model_copy(update={"sources": {**fewer.sources, "others": city.sources["exports"]}})
    for table in (METER_INTERVALS, DELIVERIES):
        with pytest.raises(upkeep.CannotRebuild, match="exports, which the registry has no more"):
            upkeep.rebuild(step(deployment, fewer), table, D1)
    assert content(deployment.store) == before


MADE = (
    *(METER_FINAL, METER_QUALITY, MISSING_READINGS, FEEDER_BALANCE, REGISTER_CHECKS, REGISTER_WATCH, LOAD_PROFILE),
    *(DAILY_ENERGY, VEE_RULES),
)
"""Tables that are made of others."""


def _night(deployment: Deployment, city: City, day: date) -> None:
    step = Step(deployment, city, day, "test")
    metered_city.night(deployment, city, day)
    register_watch.make(step)
    [energy] = (each for each in derive.DERIVED if each.table is DAILY_ENERGY)
    derive.derive(step, energy)


@pytest.mark.parametrize("buckets", [1, 4])
def test_what_is_made_of_other_tables_is_made_again_to_the_byte(tmp_path: Path, city: City, buckets: int) -> None:
    """Every file of them is damaged; what ``verify`` names mends them, and the next night leaves what was there."""
    city = city.model_copy(update={"meter_buckets": buckets})
    deployment, points = deployment_at(tmp_path, city), metered_city.POINTS
    for day, at in ((D1, 0), (D2, 1)):
        homes = "".join(f"{point},north,residential,f1,\n" for point in points[: len(points) - at])
        register = f"point,zone,customer_class,feeder,feeds\n{homes}MAIN000001,north,other,,f1\n"
        deliver(deployment, city, "register", day, "r.csv", register.encode())
        deliver(deployment, city, "exports", day, "a.csv", nem12(day, *points[at:], "MAIN000001", value=1 + at))
    deliver(deployment, city, "exports", D2, "reads.csv", nem13(D1, D3, points[0], 96))
    for day in (D1, D2, D3):
        _night(deployment, city, day)
    store, lake = deployment.store, CityLake(deployment.store, city.slug, buckets)
    before = {key: data for key, data in content(store).items() if "/verdicts/" not in key}
    assert [table.name for table in MADE if not lake.keys(table)] == []
    assert upkeep.verify(lake) == []
    for table in MADE:
        for key in lake.keys(table):
            store.write(key, flipped(store.read(key), Random(2)))
    named = set(re.findall(r"--table (\w+) --day ([\d-]+)", "\n".join(upkeep.verify(lake))))
    assert {table for table, _ in named} == {table.name for table in MADE}
    for table, day in named:
        upkeep.rebuild(step(deployment, city), TABLES[table], date.fromisoformat(day))
    _night(deployment, city, D3)
    assert {key for key in before if content(store).get(key) != before[key]} == set()
    assert upkeep.verify(lake) == []


@pytest.mark.parametrize("table", [METER_FINAL, METER_QUALITY], ids=lambda table: table.name)
def test_a_file_of_judged_readings_that_went_is_missed(tmp_path: Path, table: Table) -> None:
    deployment, city = metered_city.metered_city(tmp_path, buckets=4)
    lake = CityLake(deployment.store, city.slug, 4)
    key = lake.keys(table, (D1, D1))[0]
    whole = deployment.store.read(key)
    assert upkeep.verify(lake) == []
    deployment.store.delete(key)
    [told] = upkeep.verify(lake)
    assert f"--table {table.name} --day {D1}" in told
    with pytest.raises(accounts.Unaccounted, match=f"{table.name} of {D1}"):
        accounts.require(step(deployment, city))
    upkeep.rebuild(step(deployment, city), table, D1)
    metered_city.night(deployment, city, D3)
    assert deployment.store.read(key) == whole


def nem13(first: date, last: date, point: str, amount: int) -> bytes:
    """What a register rose by between two days."""
    reads = f"1000,{first:%Y%m%d}000000,A,,,{1000 + amount},{last:%Y%m%d}000000,A,,"
    line = f"250,{point},E1,1,E1,N1,M1,E,{reads},{amount},kWh,,{last:%Y%m%d}010000,"
    return f"100,NEM13,{last:%Y%m%d}0000,MDP,CITY\n{line}\n900\n".encode()


def test_a_night_does_not_publish_a_lake_that_lost_rows_and_says_whose(deployment: Deployment, city: City) -> None:
    lake = CityLake(deployment.store, city.slug)
    accounts.require(step(deployment, city))
    rows = lake.day(METER_SUPERSEDED, D1)
    lake.put(METER_SUPERSEDED, D1, rows.head(rows.height - 1))
    [lost] = rows.tail(1)["_receipt"]
    with pytest.raises(accounts.Unaccounted, match=f"meter_intervals of {D1}: receipt {lost} has"):
        accounts.require(step(deployment, city))
    lake.put(METER_SUPERSEDED, D1, rows)
    accounts.require(step(deployment, city))
    lake.put(WEATHER, D1, lake.day(WEATHER, D1).head(20))
    with pytest.raises(accounts.Unaccounted, match="weather of 2026-11-20: 20 rows in the lake"):
        accounts.require(step(deployment, city))


def test_what_was_published_is_not_made_of_landing_and_the_rest_says_how(deployment: Deployment, city: City) -> None:
    with pytest.raises(upkeep.CannotRebuild, match="backup"):
        upkeep.rebuild(step(deployment, city), LOAD_PROFILE_BASIS, D1)
    lake = CityLake(deployment.store, city.slug)
    assert "backup" in lake.remedy(LOAD_PROFILE_BASIS, lake.key(LOAD_PROFILE_BASIS, D1)), "nor is that command advised"
    before = lake.day(VERDICTS, D1)
    assert "muang nightly --day" in upkeep.rebuild(step(deployment, city), VERDICTS, D1).note
    kept = lake.day(VERDICTS, D1)
    assert before.height and kept.equals(before), "the night that it names may never come"


def test_what_is_remembered_beside_tables_is_read_back_too(deployment: Deployment, city: City) -> None:
    lake, store = CityLake(deployment.store, city.slug), deployment.store
    assert upkeep.verify(lake) == []
    key = f"memory/meter_points/city={city.slug}.parquet"
    for damaged in (key, key.replace(city.slug, f"{city.slug}_2")):
        store.write(damaged, store.read(key)[:-20])
    [told] = upkeep.verify(lake)
    assert told.startswith(f"{key} is damaged") and "backup" in told


def test_a_ledger_that_was_damaged_is_made_again_by_the_next_night(deployment: Deployment, city: City) -> None:
    store, before = deployment.store, content(deployment.store)
    key = first_key(deployment, city, DELIVERIES)
    store.write(key, b"")
    upkeep.rebuild(step(deployment, city), DELIVERIES, D1)
    for table in (METERS, WEATHER):
        ingest(deployment, city, table, D3)
    ingest_meters(deployment, city, D3)
    again = content(store)
    assert {k for k in before if again.get(k) != before[k] and "/verdicts/" not in k} == set()


def test_closed_months_become_one_file_that_reads_and_corrects_alike(deployment: Deployment, city: City) -> None:
    lake, store = CityLake(deployment.store, city.slug), deployment.store
    assert upkeep.compact(lake, date(2026, 12, 7)) == [], "the month has ended, its corrections have not"
    rows = {table.name: lake.read(table) for table in TABLES.values()}
    loose = content(store)
    done = upkeep.compact(lake, date(2026, 12, 8))
    assert "lake/weather/city=khon_kaen/month=2026-11/2026-11.parquet" in done
    assert len(store.list("lake")) < len(loose)
    for name, before in rows.items():
        order = TABLES[name].order
        assert lake.read(TABLES[name]).sort(order).equals(before.sort(order)), name
        assert lake.days(TABLES[name]) == sorted(set(before[TABLES[name].day])), name
    assert upkeep.compact(lake, date(2026, 12, 8)) == []
    assert upkeep.verify(lake) == []
    # What a crash between the month's file and its days leaves is not read twice, and goes the next time.
    left = "lake/weather/city=khon_kaen/month=2026-11/2026-11-20.parquet"
    store.write(left, loose[left])
    assert lake.read(WEATHER).equals(rows["weather"])
    upkeep.compact(lake, date(2026, 12, 8))
    assert not store.exists(left)
    # A late correction goes into the month's file, and all of it can be made again.
    deliver(deployment, city, "weather", D3, "late", weather(D1, 31.0))
    ingest(deployment, city, WEATHER, D3)
    assert lake.read(WEATHER)["temperature_c"].to_list()[0] == 31.0
    assert lake.keys(WEATHER) == [done[[key.split("/")[1] for key in done].index("weather")]]
    store.write(lake.keys(WEATHER)[0], b"")
    upkeep.rebuild(step(deployment, city), WEATHER, D1)
    assert lake.read(WEATHER)["temperature_c"].to_list()[0] == 31.0


def test_a_table_of_few_rows_is_one_file_a_year_and_old_day_files_are_moved_into_it(
    deployment: Deployment, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, store = CityLake(deployment.store, city.slug), deployment.store
    rows = lake.read(WEATHER)
    few = replace(WEATHER, size="few")
    monkeypatch.setitem(TABLES, "weather", few)
    old = lake.keys(WEATHER)
    assert lake.read(few).equals(rows), "old files are read where they lie"
    assert upkeep.upgrade(lake) == old
    assert lake.keys(few) == ["lake/weather/city=khon_kaen/2026.parquet"]
    assert lake.read(few).equals(rows)
    assert lake.day(few, D1).equals(rows)
    assert upkeep.upgrade(lake) == []
    assert [store.exists(key) for key in old] == [False] * len(old)
