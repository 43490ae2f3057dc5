"""A change of the meter key: other ids, the same lake and the same published numbers, whenever it is cut short."""

import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from assets.cities.registry import City
from assets.lake import accounts, upkeep
from assets.lake.delivered import pseudonyms
from assets.lake.files import CityLake
from assets.lake.points import PSEUDONYMOUS
from assets.lake.rotation import CannotRotate, rotate
from assets.landing.identity import NotOurs, claim, fingerprint, identity
from assets.landing.store import Store
from quality import privacy
from quality.tables import LOAD_PROFILE, LOAD_PROFILE_BASIS, TABLES
from tests.lake.metered_city import POINTS, metered_city, night
from tests.lake.small_city import D3, content

pytestmark = pytest.mark.usefixtures("without_suites")

OLD, NEW = b"a key of the tests", b"another key of the tests"


def ids(lake: CityLake) -> dict[str, set[str]]:
    return {table.name: set(lake.read(table)["meter_id"]) for table in PSEUDONYMOUS if lake.keys(table)}


def expected(city: City, key: bytes) -> set[str]:
    return set(pseudonyms(pl.Series(POINTS), city.slug, key).values())


def test_no_published_table_and_no_other_table_knows_meters() -> None:
    assert {table.name for table in PSEUDONYMOUS} == {
        "meters", "meter_intervals", "meter_superseded", "register_reads", "load_profile_basis", "meter_final",
        "meter_quality", "register_checks", "meter_decisions", "meter_outages", "missing_readings", "register_watch",
    }  # fmt: skip
    assert not any(table.published for table in PSEUDONYMOUS)


def test_every_id_is_of_the_new_key_and_every_published_number_is_what_it_was(store: Store, tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path, store)
    lake = CityLake(store, city.slug)
    claim(store, "live", OLD, deployment.now())
    before, first = {table.name: lake.read(table) for table in TABLES.values()}, content(store)
    assert before["load_profile"].height > 90, "two zones of quarter-hours are published"

    assert rotate(deployment, OLD, NEW)[city.slug] > 0
    assert {name: found <= expected(city, NEW) for name, found in ids(lake).items()} == dict.fromkeys(ids(lake), True)
    assert ids(lake)["meter_intervals"] == expected(city, NEW)
    for table in TABLES.values():
        after = lake.read(table)
        if table in PSEUDONYMOUS:
            old, new = (pseudonyms(pl.Series(POINTS), city.slug, key) for key in (OLD, NEW))
            known = {old[point]: new[point] for point in POINTS}
            named = [name for name in ("meter_id", "customer_id") if name in table.schema]
            moved = before[table.name].with_columns(pl.col(named).replace_strict(known, return_dtype=pl.String))
            assert after.equals(moved.sort(table.day, *table.order)), table.name
        else:
            assert after.equals(before[table.name]), table.name
    basis = lake.read(LOAD_PROFILE_BASIS)
    assert privacy.cells(basis).equals(lake.read(LOAD_PROFILE).sort(LOAD_PROFILE.key))
    assert privacy.recheck(lake.read(LOAD_PROFILE), basis, basis).verdict == "pass"
    assert upkeep.verify(lake) == []
    assert accounts.differences(lake) == []
    assert identity(store).meter_key == fingerprint(NEW)

    # A night under the new key changes nothing, and a correction is measured against what was published.
    renewed = replace(deployment, meter_key=NEW)
    night(renewed, city, D3)
    assert lake.read(LOAD_PROFILE).equals(before["load_profile"])
    assert ids(lake)["meter_intervals"] == expected(city, NEW)

    rotate(renewed, NEW, OLD)
    assert {key for key, data in content(store).items() if first.get(key) != data and "/verdicts/" not in key} == set()


class Cut(BaseException):
    """The process ends."""


def test_wherever_it_is_cut_short_nights_refuse_and_the_same_command_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment, _ = metered_city(tmp_path / "whole")
    claim(deployment.store, "live", OLD, deployment.now())
    rotate(deployment, OLD, NEW)
    whole = content(deployment.store)

    deployment, _ = metered_city(tmp_path / "cut")
    store = deployment.store
    claim(store, "live", OLD, deployment.now())
    cuts = 0
    while True:
        left = [2 if cuts else 1]  # the note that it has begun is written each time, and then one file

        def counted(original, left=left):
            def change(*arguments):
                if left[0] == 0:
                    raise Cut
                left[0] -= 1
                return original(*arguments)

            return change

        with monkeypatch.context() as patched:
            for name in ("swap", "create", "delete"):
                patched.setattr(store, name, counted(getattr(store, name)))
            try:
                rotate(deployment, OLD, NEW)
                break
            except Cut:
                pass
        for key in (OLD, NEW):
            with pytest.raises(NotOurs, match="run `muang keys rotate` again"):
                claim(store, "live", key, deployment.now())
        with pytest.raises(NotOurs, match="was begun with other keys"):
            rotate(deployment, OLD, b"a third key of the tests")
        cuts += 1
    assert cuts >= 8, "every file, and what stands before and after them"
    assert content(store) == whole
    assert claim(store, "live", NEW, deployment.now()).meter_key == fingerprint(NEW)


def test_ids_that_no_delivery_explains_stop_it_before_anything_changes(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    claim(deployment.store, "live", OLD, deployment.now())
    before = content(deployment.store)
    without_sources = replace(deployment, cities={city.slug: city.model_copy(update={"sources": {}})})
    with pytest.raises(CannotRotate, match=r"40 meters that no delivery in landing tells of: a source of khon_kaen is"):
        rotate(without_sources, OLD, NEW)
    with pytest.raises(CannotRotate, match=re.escape("the lake has meters of khon_kaen, which the registry does not")):
        rotate(replace(deployment, cities={}), OLD, NEW)
    assert content(deployment.store) == before
    assert claim(deployment.store, "live", OLD, deployment.now())


def test_a_meter_whose_deliveries_tell_of_it_no_more_keeps_its_part_of_what_was_published(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    lake, store = CityLake(deployment.store, city.slug), deployment.store
    claim(store, "live", OLD, deployment.now())
    day = lake.days(LOAD_PROFILE_BASIS)[0]
    basis = lake.day(LOAD_PROFILE_BASIS, day)
    [one] = basis["meter_id"].head(1)
    lake.put(LOAD_PROFILE_BASIS, day, basis.with_columns(pl.col("meter_id").replace({one: "f" * 20})))
    rotate(deployment, OLD, NEW)
    after = lake.day(LOAD_PROFILE_BASIS, day)
    assert privacy.cells(after).equals(privacy.cells(basis))
    assert "f" * 20 not in set(after["meter_id"])
