"""Removing snapshots: by age and number, what failed, and never what somebody may still read."""

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from assets.landing.store import LocalStore, Store
from assets.snapshots.build import MANIFEST, new_id, prefix
from assets.snapshots.collect import collect, removed, removed_key, sweep
from assets.snapshots.history import Entry, current, current_key, history, history_key
from assets.snapshots.verify import verify_city
from tests.snapshots.test_publish import Wrapped, sees


def nights(store: Store, made_up, count: int) -> list[str]:
    """Publish one snapshot a day; ids, oldest first."""
    return [made_up.published(store, now=made_up.NOW + timedelta(days=day)).snapshot_id for day in range(count)]


def kept(store: Store) -> list[str]:
    return sorted({key.split("/")[3] for key in store.list("cdp/city=phuket/snapshots")})


def test_old_snapshots_go_and_the_history_tells_of_them(store: Store, made_up) -> None:
    ids = nights(store, made_up, 5)
    now = made_up.NOW + timedelta(days=4, hours=1)
    assert collect(store, "phuket", now, days=3, dry_run=True) == ids[:2]
    assert kept(store) == ids
    assert collect(store, "phuket", now, days=3) == ids[:2]
    assert kept(store) == ids[2:]
    assert removed(store, "phuket") == set(ids[:2])
    assert [entry.snapshot_id for entry in history(store, "phuket")] == ids
    assert verify_city(store, "phuket", all_kept=True) == []
    assert collect(store, "phuket", now, days=3) == []
    assert collect(store, "phuket", now, keep=1) == [ids[2]], "the one before the last was current a day ago"


def test_nothing_that_somebody_may_read_goes(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    ids = nights(store, made_up, 2)
    late = made_up.NOW + timedelta(days=400)
    made_up.published(store, now=late)
    assert collect(store, "phuket", late + timedelta(hours=1), days=1) == ids[:1], "the other was current an hour ago"
    assert collect(store, "phuket", late + timedelta(days=400), days=1) == ids[1:]
    assert sees(store) is not None, "the current one stays, however old"
    assert collect(store, "phuket", late + timedelta(days=800)) == [], "nothing is asked for"


def test_a_local_disk_keeps_no_empty_folder(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    (first, second) = nights(store, made_up, 2)
    collect(store, "phuket", made_up.NOW + timedelta(days=9), keep=1)
    assert [path.name for path in (tmp_path / "cdp/city=phuket/snapshots").iterdir()] == [second]
    assert not (tmp_path / prefix("phuket", first)).exists()


def test_a_removal_that_was_interrupted_is_finished(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    ids = nights(store, made_up, 3)
    now = made_up.NOW + timedelta(days=9)

    def dies(_: str) -> None:
        raise OSError("connection reset")

    with pytest.raises(OSError, match="reset"):
        collect(Wrapped(store, delete_folder=dies), "phuket", now, days=2)
    assert removed(store, "phuket") == set(ids[:2]), "told before the files go"
    assert verify_city(store, "phuket", all_kept=True) == []
    assert collect(store, "phuket", now) == ids[:2]
    assert kept(store) == ids[2:]


def test_a_damaged_list_of_removed_ones_is_named_and_made_again(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    ids = nights(store, made_up, 4)
    now = made_up.NOW + timedelta(days=4)
    collect(store, "phuket", now, days=3)
    store.write(removed_key("phuket"), b"")
    assert verify_city(store, "phuket")[0].startswith(removed_key("phuket"))
    collect(store, "phuket", now, days=2)
    assert removed(store, "phuket") == set(ids[:2])


def test_what_no_commit_names_goes_after_an_hour(store: Store, made_up) -> None:
    (first,) = nights(store, made_up, 1)
    begun = {age: new_id(made_up.NOW - timedelta(minutes=age)) for age in (30, 90)}
    for orphan in begun.values():
        store.write(f"{prefix('phuket', orphan)}/data/weather/part-00000-0.parquet", b"half")
    store.write(f"{prefix('phuket', 'by_hand')}/note", b"not ours")
    assert sweep(store, "phuket", made_up.NOW) == [begun[90]]
    assert kept(store) == sorted([first, begun[30], "by_hand"])


def test_a_whole_snapshot_stays_while_a_lost_entry_may_have_named_it(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    ids = nights(store, made_up, 4)
    later = made_up.NOW + timedelta(days=9)
    for lost in (1, 2):
        store.delete(history_key("phuket", lost))
    assert sweep(store, "phuket", later) == []
    assert kept(store) == ids
    assert sweep(store, "phuket", later, days=35) == []
    for key in store.list("cdp/city=phuket/history"):
        store.delete(key)
    store.delete("cdp/city=phuket/current.json")
    assert sweep(store, "phuket", later) == []
    assert current(store, "phuket") is None
    assert sorted(sweep(store, "phuket", made_up.NOW + timedelta(days=38), days=35)) == ids[:3], "as old as any other"


def entries_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the history that are read from now on."""
    read, keys = type(store).read_all, list[str]()
    monkeypatch.setattr(
        type(store),
        "read_all",
        lambda self, some: keys.extend(each for each in some if "/history/" in each) or read(self, some),
    )
    return keys


def test_a_long_history_is_read_as_far_as_snapshots_are_kept(tmp_path, made_up, monkeypatch) -> None:
    store = LocalStore(tmp_path)
    ids = nights(store, made_up, 30)
    now = made_up.NOW + timedelta(days=30)
    assert collect(store, "phuket", now, days=5) == ids[:25]
    monkeypatch.setattr("assets.snapshots.history.AT_ONCE", 4)
    keys = entries_read(store, monkeypatch)
    assert (sweep(store, "phuket", now), collect(store, "phuket", now, days=5)) == ([], [])
    assert len(keys) == 2 * 8, "five kept, in fours"
    orphan = new_id(made_up.NOW)
    store.write(f"{prefix('phuket', orphan)}/data/weather/part-00000-0.parquet", b"half")
    assert sweep(store, "phuket", now) == [orphan], "no commit of all names it"
    assert len(keys) == 2 * 8 + 30


@given(st.data())
def test_what_goes_is_what_the_whole_history_tells(data: st.DataObject) -> None:
    """Snapshots that were rolled back to, orphans, lost entries and earlier removals: of as many newest commits as name
    what is stored, and of all, the same comes."""
    stored = data.draw(st.lists(st.integers(0, 9), unique=True, min_size=1))
    commits = data.draw(st.lists(st.integers(0, 7), min_size=1, max_size=12))
    lost = data.draw(st.sets(st.integers(1, len(commits)), max_size=2))
    days, keep = data.draw(st.integers(0, 9)), data.draw(st.integers(0, 6))
    swept, gone = [], []
    for at_once in (1, 3, 10**6):
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr("assets.snapshots.history.AT_ONCE", at_once)
            store = LocalStore(Path(folder))
            made = [f"2026110{number}T000000Z-{number:08x}" for number in range(10)]
            for number in stored:
                store.write(f"{prefix('phuket', made[number])}/{MANIFEST}", b"{}")
            for seq, number in enumerate(commits, 1):
                entry = Entry(
                    city="phuket",
                    seq=seq,
                    token="t",
                    run="r",
                    snapshot_id=made[number],
                    parent=made[commits[seq - 2]] if seq > 1 else None,
                    manifest_sha256="",
                    synthetic=True,
                    day=date(2026, 11, 1),
                    committed=datetime(2026, 11, seq, tzinfo=UTC),
                )
                if seq not in lost:
                    store.write(history_key("phuket", seq), entry.encoded())
            store.write(current_key("phuket"), entry.encoded())
            now = datetime(2026, 11, len(commits), 1, tzinfo=UTC)
            swept.append(sorted(sweep(store, "phuket", now, days)))
            gone.append(sorted(collect(store, "phuket", now, days, keep)))
    assert (swept[:2], gone[:2]) == ([swept[2]] * 2, [gone[2]] * 2)
