"""A delivery that the machine could not read for now: a load profile without its meters would stand for weeks."""

import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from assets.lake.files import CityLake
from assets.landing.store import Store
from quality.contracts import Table
from quality.tables import DELIVERIES, LOAD_PROFILE, LOAD_PROFILE_BASIS, METER_INTERVALS, METERS, VERDICTS, WEATHER
from tests.trials.faults import no_memory
from tests.trials.night import FIRST, Place, clock, deliveries, lay, night, step_at, the_city

pytestmark = pytest.mark.usefixtures("without_suites")

WORLD = 1
DISTURBED = FIRST + timedelta(days=2)


def in_folder(folder: Path) -> Place:
    return Place(str(folder / "store"), folder / "inbox")


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """Folders of a place after so many nights that nothing disturbs, from none on."""
    folders = [tmp_path_factory.mktemp("nights") / "0"]
    folders[0].mkdir()
    for at in range(4):
        folder, day = folders[-1].with_name(f"{at + 1}"), FIRST + timedelta(days=at)
        place = in_folder(shutil.copytree(folders[-1], folder))
        lay(place, deliveries(WORLD, day))
        with patch("quality.expectations._validated", lambda *_: []):  # as ``without_suites``
            night(step_at(place, day, clock(day)), deliveries(WORLD, day))
        folders.append(folder)
    return folders


def published(store: Store) -> dict[str, bytes]:
    """The load profile and what the gate remembers of it."""
    keys = [key for folder in ("lake", "memory") for key in store.list(folder) if f"/{LOAD_PROFILE.name}" in key]
    assert keys
    return {key: store.read(key) for key in keys}


def unread(store: Store) -> set[str]:
    return set(CityLake(store, the_city().slug).day(DELIVERIES, DISTURBED).filter(status="failed")["table"])


@pytest.mark.parametrize(
    ("reading", "table", "waits"), [(1, METERS, True), (2, METER_INTERVALS, True), (5, WEATHER, False)]
)
def test_the_profile_waits_until_the_night_has_read_its_meters(
    tmp_path: Path, nights: Sequence[Path], reading: int, table: Table, waits: bool
) -> None:
    place, brought = in_folder(shutil.copytree(nights[2], tmp_path / "disturbed")), deliveries(WORLD, DISTURBED)
    before = published(place.open())
    lay(place, brought)
    with no_memory(reading):
        night(step_at(place, DISTURBED, clock(DISTURBED)), brought)
    store = place.open()
    lake = CityLake(store, the_city().slug)
    assert unread(store) == {table.name}
    assert (published(store) == before) == waits
    assert lake.day(VERDICTS, DISTURBED).filter(check="withheld-unread").height == waits
    night(step_at(place, DISTURBED, clock(DISTURBED, 1)), brought)
    assert not unread(store)
    assert before != published(store) == published(in_folder(nights[3]).open())
    assert not lake.day(VERDICTS, DISTURBED).filter(check="withheld-unread").height


def test_the_next_night_publishes_both_days_if_nobody_ran_it_again(tmp_path: Path, nights: Sequence[Path]) -> None:
    place, brought = in_folder(shutil.copytree(nights[2], tmp_path / "disturbed")), deliveries(WORLD, DISTURBED)
    lay(place, brought)
    with no_memory(2):
        night(step_at(place, DISTURBED, clock(DISTURBED)), brought)
    assert unread(place.open()) == {METER_INTERVALS.name}
    after = DISTURBED + timedelta(days=1)
    lay(place, deliveries(WORLD, after))
    night(step_at(place, after, clock(after)), deliveries(WORLD, after))
    other = in_folder(nights[4]).open()
    assert published(place.open()).keys() == published(other).keys()
    for at in (1, 2):
        meters, wanted = (
            set(CityLake(store, the_city().slug).day(LOAD_PROFILE_BASIS, after - timedelta(days=at))["meter_id"])
            for store in (place.open(), other)
        )
        assert meters == wanted and len(meters) >= 15
