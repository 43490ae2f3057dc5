"""A delivery that the machine could not read for now: a load profile without its meters would stand for weeks."""

from datetime import timedelta
from pathlib import Path

import pytest

from assets.lake.files import CityLake
from assets.landing.store import Store
from quality.tables import DELIVERIES, LOAD_PROFILE, METER_INTERVALS, METERS, VERDICTS
from tests.trials.faults import no_memory
from tests.trials.night import FIRST, Place, clock, deliveries, lay, night, step_at, the_city

pytestmark = pytest.mark.usefixtures("without_suites")

WORLD = 1
SECOND = FIRST + timedelta(days=1)


def place_at(folder: Path) -> Place:
    folder.mkdir()
    return Place(str(folder / "store"), folder / "inbox")


def quiet(place: Place, days: int) -> Store:
    """Nights that nothing disturbs."""
    for day in (FIRST + timedelta(days=at) for at in range(days)):
        lay(place, deliveries(WORLD, day))
        night(step_at(place, day, clock(day)), deliveries(WORLD, day))
    return place.open()


def published(store: Store) -> dict[str, bytes]:
    """The load profile and what the gate remembers of it."""
    keys = [key for folder in ("lake", "memory") for key in store.list(folder) if f"/{LOAD_PROFILE.name}" in key]
    assert keys
    return {key: store.read(key) for key in keys}


def unread(store: Store) -> set[str]:
    return set(CityLake(store, the_city().slug).day(DELIVERIES, SECOND).filter(status="failed")["table"])


@pytest.mark.parametrize("reading", [2, 3], ids=["of meters", "of weather"])
def test_the_profile_waits_until_the_night_has_read_everything(tmp_path: Path, reading: int) -> None:
    place, brought = place_at(tmp_path / "disturbed"), deliveries(WORLD, SECOND)
    before = published(quiet(place, 1))
    lay(place, brought)
    with no_memory(reading):
        night(step_at(place, SECOND, clock(SECOND)), brought)
    store = place.open()
    lake, waits = CityLake(store, the_city().slug), bool(unread(store) & {METER_INTERVALS.name, METERS.name})
    assert unread(store), "the reader found no memory"
    assert (published(store) == before) == waits
    assert lake.day(VERDICTS, SECOND).filter(check="withheld-unread").height == waits
    night(step_at(place, SECOND, clock(SECOND, 1)), brought)
    assert not unread(store)
    assert published(store) == published(quiet(place_at(tmp_path / "quiet"), 2))
    assert not lake.day(VERDICTS, SECOND).filter(check="withheld-unread").height


def test_the_next_night_publishes_both_days_if_nobody_ran_it_again(tmp_path: Path) -> None:
    place, brought = place_at(tmp_path / "disturbed"), deliveries(WORLD, SECOND)
    quiet(place, 1)
    lay(place, brought)
    with no_memory(2):
        night(step_at(place, SECOND, clock(SECOND)), brought)
    assert unread(place.open()) & {METER_INTERVALS.name, METERS.name}
    third = SECOND + timedelta(days=1)
    lay(place, deliveries(WORLD, third))
    night(step_at(place, third, clock(third)), deliveries(WORLD, third))
    assert published(place.open()) == published(quiet(place_at(tmp_path / "quiet"), 3))
