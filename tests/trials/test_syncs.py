"""What a night acknowledged is on the disk: files before their names, folders after, new folders too.

The disk of these tests loses all that was not synced (``tests.trials.disk``). After every step of a night a power loss
must leave a store in which whatever names a file has it, whole; and after the night, all of it.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest

from assets.lake.encoding import check
from assets.lake.files import CityLake
from assets.landing.archive import Archive
from assets.landing.store import Damaged, LocalStore
from assets.snapshots import history
from assets.snapshots.verify import verify
from quality.tables import DELIVERIES, TABLES
from tests.trials import night
from tests.trials.disk import Disk
from tests.trials.night import Place, clock, deliveries, lay, step_at
from tests.trials.state import CITY, unlike

DAYS = (date(2026, 11, 29), date(2026, 11, 30), date(2026, 12, 8))
"""A first night, one with corrections, and one that compacts November."""

TELLING = ("landing/", "lake/", "cdp/")


def acknowledged_and_not_there(store: LocalStore) -> Iterator[str]:
    """Files that are not whole, and what a receipt, a ledger entry, a history entry or the pointer names and is not
    there."""
    for key in store.list("lake"):
        try:
            check(key, store.read(key), "")
        except Damaged as error:
            yield str(error)
    archive = Archive(store)
    try:
        for receipt in (receipts := archive.receipts(CITY)):
            if receipt.sha256:
                archive.bytes_of(receipt)
    except Damaged as error:
        yield str(error)
        return
    landed = {receipt.id for receipt in receipts}
    lake = CityLake(store, CITY)
    for entry in lake.read(DELIVERIES).iter_rows(named=True):
        if entry["receipt"] not in landed:
            yield f"the ledger names receipt {entry['receipt']}"
        for held in entry["held"]:
            if not lake.day(TABLES[entry["table"]], held["day"]).height:
                yield f"the ledger names rows of {entry['table']} on {held['day']}"
    pointed = history.pointer(store, CITY)
    committed = list(history.commits(store, CITY).values())
    yield from (str(each) for each in committed if isinstance(each, Damaged))
    if pointed.damage or (pointed.entry and pointed.entry not in committed):
        yield f"the pointer: {pointed.damage or 'not in the history'}"
    for entry in committed:
        if isinstance(entry, history.Entry):
            problems = verify(store, CITY, entry.snapshot_id, entry.manifest_sha256)
            yield from (f"{entry.snapshot_id}: {each}" for each in problems)


class After:
    """A folder that is made to hold what a power loss left."""

    def __init__(self, folder: Path) -> None:
        self.store, self._holds = LocalStore(folder), dict[str, bytes]()

    def found(self, left: Mapping[str, bytes]) -> list[str]:
        """What is wrong with it."""
        for key in self._holds.keys() - left.keys():
            Path(self.store.path(key)).unlink()
        for key, data in left.items():
            if self._holds.get(key) != data:
                path = Path(self.store.path(key))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        self._holds = dict(left)
        return list(acknowledged_and_not_there(self.store))


def nights_with_power_loss(folder: Path, syncing: bool = True) -> tuple[Disk, list[str], int]:
    """Nights; what was wrong with what a power loss at each of their steps would leave, and how many there were."""
    place = Place(str(folder / "store"), folder / "inbox")
    Path(place.uri).mkdir()
    live = LocalStore(Path(place.uri))
    disk, after = Disk(Path(place.uri), syncing), After(folder / "after")
    found: list[str] = []
    losses = 0
    for day in DAYS:
        lay(place, deliveries(0, day))
        moments: list[dict[str, bytes]] = []
        with disk.following(lambda moments=moments: moments.append(disk.left())):
            night.night(step_at(place, day, clock(day)), deliveries(0, day))
        for left in moments:
            losses += 1
            found += [f"power loss {losses}: {each}" for each in after.found(left)]
        there, left = {key: live.read(key) for key in live.list("")}, disk.left()
        found += [
            f"after the night of {day}: {key} is {'lost' if key in there else 'there again'}"
            for key in unlike(there, left)
            if key.startswith(TELLING)
        ]
    return disk, found, losses


pytestmark = pytest.mark.usefixtures("without_suites")


def test_power_loss_at_any_step_of_a_night_leaves_what_was_acknowledged(tmp_path: Path) -> None:
    disk, found, losses = nights_with_power_loss(tmp_path)
    assert disk.early == [], "a name appeared before its content was synced"
    assert found == []
    assert losses > 100


@pytest.mark.trial  # the null control
def test_the_same_disk_finds_a_store_that_does_not_sync(tmp_path: Path) -> None:
    disk, found, _ = nights_with_power_loss(tmp_path, syncing=False)
    assert disk.early
    assert any("after the night" in each and "is lost" in each for each in found)
