"""Erasure of a metering point: nothing of it is left, all else is as if it had never come, whenever it is cut short."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from assets.cities.registry import City
from assets.lake import accounts, erasure, load_profile, upkeep
from assets.lake.files import CityLake
from assets.lake.meter_intervals import pseudonyms
from assets.lake.points import PSEUDONYMOUS, holds
from assets.landing import erased
from assets.landing.deployment import Deployment, Step
from assets.landing.inbox import land_inbox
from assets.landing.store import LocalStore, Store
from quality import privacy
from quality.tables import (
    DELIVERIES,
    LOAD_PROFILE,
    LOAD_PROFILE_BASIS,
    METER_INTERVALS,
    METER_SUPERSEDED,
    METERS,
    QUARANTINE,
    REGISTER_READS,
)
from tests.lake.metered_city import POINTS, metered_city, night, register
from tests.lake.small_city import D1, D2, D3, content, deliver, nem12

GONE = POINTS[1]
FILLED = (METERS, METER_INTERVALS, METER_SUPERSEDED, REGISTER_READS)


def step(deployment: Deployment, city: City) -> Step:
    return Step(deployment, city, D3, "test")


def plain(lake: CityLake) -> dict[str, pl.DataFrame]:
    """The lake's rows without lineage that tells of bytes or lines of a file."""
    tables = {table.name: lake.read(table).drop("_receipt", "_row", "_number") for table in FILLED}
    told = lake.read(DELIVERIES).sort("day", "source", "rows").select("table", "day", "status", "rows", "held", "format")
    return {name: rows.sort(rows.columns) for name, rows in tables.items()} | {"deliveries": told}


def whole(store: Store) -> bytes:
    return b"".join(store.read(key) for key in store.list(""))


def assert_gone(deployment: Deployment, city: City, point: str = GONE) -> None:
    lake, store = CityLake(deployment.store, city.slug), deployment.store
    meter = pseudonyms(pl.Series([point]), city.slug, deployment.secret())[point]
    assert [t.name for t in PSEUDONYMOUS if meter in set(lake.read(t)["meter_id"])] == []
    assert [key for key in store.list("landing") if holds(store.read(key), key, point)] == []
    assert upkeep.verify(lake) == []
    assert accounts.differences(lake) == []


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_the_lake_is_as_if_it_had_never_come_and_landing_holds_it_no_more(
    store: Store, tmp_path: Path, packed: bool
) -> None:
    deployment, city = metered_city(tmp_path / "with", store)
    never, _ = metered_city(tmp_path / "never", without=GONE)
    if packed:
        deployment.archive.compact(city.slug, "2026-11")
        assert store.list("landing/objects") == []
    found = erasure.erase(step(deployment, city), GONE)
    assert (len(found.deliveries), found.inbox, found.before) == (6, [], False)
    assert found.rows["meter_superseded"] > 0
    assert found.days == [D1]
    assert_gone(deployment, city)
    lake = CityLake(store, city.slug)
    for name, rows in plain(CityLake(never.store, city.slug)).items():
        assert plain(lake)[name].equals(rows), name
    assert lake.read(QUARANTINE).is_empty()
    assert list(erased.noted(store, city.slug).values()) == [D3]
    # Read again from what stands in the place of the files, it is the same to the byte.
    before = content(store)
    upkeep.rebuild(step(deployment, city), METER_INTERVALS, D1)
    upkeep.rebuild(step(deployment, city), METERS, D1)
    assert {key for key, data in content(store).items() if before.get(key) != data and "/verdicts/" not in key} == set()
    again = erasure.erase(step(deployment, city), GONE)
    assert (again.deliveries, again.rows, again.before) == ([], {}, True)


def test_sums_that_it_was_part_of_stay_and_nothing_else_of_it(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    lake = CityLake(deployment.store, city.slug)
    before, basis = lake.read(LOAD_PROFILE), lake.read(LOAD_PROFILE_BASIS)
    erasure.erase(step(deployment, city), GONE)
    night(deployment, city, D3)
    assert lake.read(LOAD_PROFILE).equals(before), "no difference of one customer is published"
    after = lake.read(LOAD_PROFILE_BASIS)
    [nobody] = set(after["meter_id"]) - set(basis["meter_id"])
    assert nobody not in pseudonyms(pl.Series(POINTS), city.slug, deployment.secret()).values()
    assert privacy.recheck(lake.read(LOAD_PROFILE), after, after).verdict == "pass"
    # A correction of all others goes out with it.
    deliver(deployment, city, "exports", D3, "late.csv", nem12(D1, *(p for p in POINTS if p != GONE), value=9))
    night(deployment, city, D3)
    north = lake.read(LOAD_PROFILE).filter(zone="north")["kwh"].unique().to_list()
    assert north in ([171], [2 * 20]), north
    assert_gone(deployment, city)


def test_withdrawn_sums_are_never_published_again_and_the_others_stay(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    lake = CityLake(deployment.store, city.slug)
    before = lake.read(LOAD_PROFILE)
    erasure.erase(step(deployment, city), GONE, withdraw=True)
    south = before.filter(zone="south")
    assert lake.read(LOAD_PROFILE).equals(south)
    deliver(deployment, city, "exports", D3, "late.csv", nem12(D1, *POINTS[2:20], value=9))
    night(deployment, city, D3)
    load_profile.make(step(deployment, city))
    assert lake.read(LOAD_PROFILE).equals(south)
    basis = lake.read(LOAD_PROFILE_BASIS)
    assert basis["meter_id"].n_unique() == len(POINTS) - 1
    assert privacy.recheck(lake.read(LOAD_PROFILE), basis, basis).verdict == "pass"
    assert_gone(deployment, city)


class Cut(BaseException):
    """The process ends."""


@pytest.mark.parametrize("withdraw", [False, True], ids=["kept", "withdrawn"])
def test_wherever_it_is_cut_short_the_same_command_ends_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, withdraw: bool
) -> None:
    monkeypatch.setattr(erasure.secrets, "token_hex", lambda size: "0" * 2 * size)
    monkeypatch.setattr("assets.lake.ingest.write_verdicts", lambda *_: None)
    made, city = metered_city(tmp_path / "made")
    root = Path(made.store.uri)

    def copied(name: str) -> Deployment:
        shutil.copytree(root, tmp_path / name)
        return replace(made, store=LocalStore(tmp_path / name))

    done = copied("done")
    erasure.erase(step(done, city), GONE, withdraw)
    expected = {key: done.store.read(key) for key in done.store.list("") if not key.startswith((".staging", "work"))}
    for cut in range(0, 60, 3):
        deployment = copied(f"cut{cut}")
        store = deployment.store
        with monkeypatch.context() as patched:
            for name in ("write", "swap", "create", "delete", "ensure", "remove"):
                patched.setattr(store, name, _counted(getattr(store, name), left := [cut]) if name == "write" else getattr(store, name))
            try:
                erasure.erase(step(deployment, city), GONE, withdraw)
                break
            except Cut:
                pass
        if cut % 2:
            night(deployment, city, D3)
        erasure.erase(step(deployment, city), GONE, withdraw)
        assert_gone(deployment, city)
    assert cut > 10
    assert expected


def _counted(original: Callable[..., object], left: list[int]) -> Callable[..., object]:
    def change(*arguments: object) -> object:
        if left[0] == 0:
            raise Cut
        left[0] -= 1
        return original(*arguments)

    return change
