"""What was published is remembered: over months, over a lake that is made anew, and over cities that share meters."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.cities.registry import City
from assets.lake import ingest, load_profile, meter_final, overlap
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment, Step
from quality.tables import LOAD_PROFILE, LOAD_PROFILE_BASIS, METERS, VERDICTS
from tests.lake.metered_city import POINTS, metered_city, night, register
from tests.lake.small_city import D1, D2, D3, deliver, deployment_at, nem12, small_city

pytestmark = pytest.mark.usefixtures("without_suites")

RESTATED = date(2026, 12, 8)
"""A week after the end of the month that the readings of these tests are of."""


def values(lake: CityLake, day: date) -> dict[str, set[int]]:
    cells = lake.day(LOAD_PROFILE, day)
    return {zone: set(map(int, rows["kwh"])) for (zone,), rows in cells.group_by("zone")}


def warned(lake: CityLake, day: date) -> set[str]:
    rows = lake.day(VERDICTS, day).filter(pl.col("verdict") == "warn", table=LOAD_PROFILE.name)
    return set(rows["check"])


def test_a_correction_waits_for_the_restatement_of_its_month_and_comes_once(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    lake = CityLake(deployment.store, city.slug)
    first = {"north": {15, 25}, "south": {15, 25}}
    assert values(lake, D1) == first, "all meters were corrected from 1 to 2 the night after, and that waits"
    assert "withheld-correction" in warned(lake, D2)
    night(deployment, city, RESTATED - timedelta(days=1))
    assert values(lake, D1) == first
    night(deployment, city, RESTATED)
    assert values(lake, D1) == {"north": {30, 50}, "south": {30, 50}}, "no delivery is needed for it"
    deliver(deployment, city, "exports", RESTATED, "again.csv", nem12(D1, *POINTS, value=5))
    night(deployment, city, RESTATED)
    assert values(lake, D1) == {"north": {30, 50}, "south": {30, 50}}
    assert set(lake.day(LOAD_PROFILE_BASIS, D1)["restated"]) == {True}


def test_a_zone_says_what_its_sum_lacks(tmp_path: Path) -> None:
    city = small_city()
    deployment = deployment_at(tmp_path, city)
    deliver(deployment, city, "register", D1, "r.csv", register(*POINTS))
    deliver(
        deployment, city, "exports", D1, "e.csv", nem12(D1, *POINTS[:20], value=1) + nem12(D1, *POINTS[20:37], value=1)
    )
    # Its load is not that of all homes together: it is no feeder's main meter.
    factory = nem12(D1, POINTS[37], value=5).replace(b",3.75,6.25", b",6.25,3.75")
    deliver(deployment, city, "exports", D1, "factory.csv", factory)
    night(deployment, city, D2)
    told = CityLake(deployment.store, city.slug).day(LOAD_PROFILE, D1)
    # The factory would dominate the south; the two that said nothing belong to it, and the sum lacks what they used.
    assert set(told.select("zone", "zone_share", "zone_lacks", "actual_share").iter_rows()) == {
        ("north", 1.0, None, 1.0),
        ("south", 0.95, "residential", 0.85),
    }


def test_a_lake_that_is_made_anew_does_not_forget(tmp_path: Path) -> None:
    """One meter sent again at another value is withheld; a lake of all deliveries at once would publish it."""
    deployment, city = metered_city(tmp_path)
    lake = CityLake(deployment.store, city.slug)
    before, store = lake.read(LOAD_PROFILE), Path(lake.store.uri)
    shutil.rmtree(store / "lake")
    night(deployment, city, D3)
    assert lake.read(LOAD_PROFILE).equals(before)
    # Control: without the memory it is another value, and the difference tells.
    shutil.rmtree(store / "lake")
    shutil.rmtree(store / "memory")
    night(deployment, city, D3)
    assert not lake.read(LOAD_PROFILE).equals(before)


def test_a_day_that_snapshots_hold_and_the_memory_lacks_is_refused(tmp_path: Path) -> None:
    deployment, city = metered_city(tmp_path)
    lake, step = CityLake(deployment.store, city.slug), Step(deployment, city, D3, "test")
    shutil.rmtree(Path(lake.store.uri) / "memory")
    for key in lake.keys(LOAD_PROFILE):
        lake.store.delete(key)
    deliver(deployment, city, "exports", D3, "late.csv", nem12(D1, *POINTS, value=7))
    ingest.ingest_meters(step)
    meter_final.make(step)
    load_profile.make(step, lambda: {D1})
    assert lake.day(LOAD_PROFILE, D1).is_empty()
    [told] = lake.day(VERDICTS, D3).filter(table=LOAD_PROFILE.name, check="memory")["message"]
    assert str(D1) in told and "memory/" in told
    assert warned(lake, D3) >= {"memory"}


RESPELT = tuple(point.lstrip("0") for point in POINTS)
"""The same meters, out of a spreadsheet that takes their numbers for numbers."""


@pytest.mark.parametrize(
    "files",
    [
        [(POINTS, 4), (RESPELT, 5)],  # a correction, of which nothing is the same
        [(RESPELT, 5), (POINTS, 4)],
        [(RESPELT, 4)],
        [(POINTS[:20], 4), (RESPELT[20:], 4)],
        [([f"{point[:4]}-{point[4:]}" for point in POINTS], 4)],
    ],
)
def test_a_meter_is_one_customer_however_its_number_is_written(
    tmp_path: Path, files: list[tuple[tuple[str, ...], int]]
) -> None:
    city = small_city()
    deployment = deployment_at(tmp_path, city)
    deliver(deployment, city, "register", D1, "r.csv", register(*POINTS))
    for number, (points, value) in enumerate(files):
        deliver(deployment, city, "exports", D1, f"{number}.csv", nem12(D1, *points, value=value))
    night(deployment, city, D2)
    lake = CityLake(deployment.store, city.slug)
    assert values(lake, D1) == {"north": {60, 100}, "south": {60, 100}}
    basis = lake.day(LOAD_PROFILE_BASIS, D1)
    assert set(basis["meter_id"]) == set(lake.read(METERS)["meter_id"])
    assert ("unregistered-twice" in warned(lake, D2)) == any(points != POINTS[: len(points)] for points, _ in files)


def test_two_meters_that_a_register_tells_apart_are_two(tmp_path: Path) -> None:
    city = small_city()
    deployment = deployment_at(tmp_path, city)
    others = "".join(f"{point},north,residential\n" for point in RESPELT)
    deliver(deployment, city, "register", D1, "r.csv", register(*POINTS) + others.encode())
    deliver(deployment, city, "exports", D1, "a.csv", nem12(D1, *POINTS, *RESPELT, value=4))
    night(deployment, city, D2)
    assert CityLake(deployment.store, city.slug).day(LOAD_PROFILE_BASIS, D1).height == 2 * len(POINTS)


def two_cities(folder: Path) -> tuple[Deployment, City, City]:
    """A city and a campus within it, in one store under one key."""
    city = small_city()
    campus = city.model_copy(update={"slug": "campus"})
    deployment = deployment_at(folder, city)
    return deployment, city, campus


@pytest.mark.parametrize("campus_first", [False, True])
@pytest.mark.parametrize("zero", [b"0", b""], ids=["alike", "otherwise"])
def test_a_meter_of_two_cities_is_published_by_one(tmp_path: Path, campus_first: bool, zero: bytes) -> None:
    deployment, city, campus = two_cities(tmp_path)
    for each, points, written in ((city, POINTS, b"0"), (campus, POINTS[1:20], zero)):
        told = register(*points).replace(b"\n0", b"\n" + written)
        deliver(deployment, each, "register", D1, "r.csv", told)
        exports = nem12(D1, *points, value=4).replace(b"\n200,0", b"\n200," + written)
        deliver(deployment, each, "exports", D1, "e.csv", exports)
    for each in (campus, city) if campus_first else (city, campus):
        night(deployment, each, D2)
    whole, part = (values(CityLake(deployment.store, each.slug), D1) for each in (city, campus))
    # Nineteen of the north's twenty are the campus's: city less campus would be the twentieth.
    assert part == ({"north": {57, 95}} if campus_first else {})
    assert whole == ({"south": {60, 100}} if campus_first else {"north": {60, 100}, "south": {60, 100}})
    warns = {each.slug: warned(CityLake(deployment.store, each.slug), D2) for each in (city, campus)}
    # All of the campus's meters are the city's, of the city's forty the campus has nineteen.
    assert [slug for slug, checks in warns.items() if "told-elsewhere" in checks] == (
        [] if campus_first else ["campus"]
    )
    shared = {key: deployment.store.read(key) for key in deployment.store.list(overlap.FOLDER)}
    assert len(shared) == 2
    assert not any(point.encode() in data for data in shared.values() for point in POINTS)
