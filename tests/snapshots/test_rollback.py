"""Rollbacks: an earlier snapshot is current again, by a commit that says why."""

from datetime import timedelta

import pytest

from assets.landing.store import Damaged, LocalStore, Store
from assets.snapshots.build import MANIFEST, Refused, prefix
from assets.snapshots.collect import collect
from assets.snapshots.commit import publish, roll_back
from assets.snapshots.history import current, current_key, history, history_key, rebuild, repair, withdrawn
from assets.snapshots.verify import verify_city
from tests.snapshots.test_publish import Wrapped, sees

pytestmark = pytest.mark.usefixtures("without_suites")

WHY = "the population was the province's"


def back(store: Store, made_up, snapshot_id: str | None = None, **later: float):
    return roll_back(store, "phuket", WHY, made_up.NOW + timedelta(**later), snapshot_id)


def test_readers_see_the_earlier_snapshot_and_the_history_says_why(store: Store, made_up) -> None:
    first, second = made_up.published(store), made_up.published(store)
    entry = back(store, made_up)
    assert (entry.snapshot_id, entry.parent, entry.seq) == (first.snapshot_id, second.snapshot_id, 3)
    assert sees(store) == first.snapshot_id
    assert [each.reason for each in history(store, "phuket")] == [None, None, WHY]
    assert b"reason" not in store.read(history_key("phuket", 2)), "other entries are what they were"
    assert verify_city(store, "phuket", all_kept=True) == []
    assert made_up.published(store).parent == first.snapshot_id, "the next edition follows what readers see"


def test_what_was_withdrawn_is_not_published_again_as_it_was(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    right, wrong = made_up.edition(), made_up.edition(made_up.few_tables(9))
    publish(store, right, repair(store, "phuket"))
    withdrawn_one = publish(store, wrong, repair(store, "phuket"))
    entry = back(store, made_up)
    # Judged otherwise, in another run, by another version: the tables are the same.
    again = made_up.edition(made_up.few_tables(9), run="again", inputs=["c"], now=made_up.NOW + timedelta(hours=2))
    with pytest.raises(Refused, match=f"{withdrawn_one.snapshot_id}, which a rollback withdrew"):
        publish(store, again, repair(store, "phuket"))
    assert current(store, "phuket") == entry
    assert publish(store, right, repair(store, "phuket")) == entry, "what is current already is no new commit"
    other = publish(store, made_up.edition(made_up.few_tables(7)), repair(store, "phuket"))
    assert current(store, "phuket") == other
    assert publish(store, again, repair(store, "phuket")).seq == other.seq + 1, (
        "it holds until there is another edition"
    )


def test_a_rollback_is_itself_rolled_back(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    first, second, third = (made_up.published(store) for _ in range(3))
    assert back(store, made_up).snapshot_id == second.snapshot_id
    assert back(store, made_up).snapshot_id == first.snapshot_id, "not to what was withdrawn"
    assert withdrawn(history(store, "phuket")) == {second.snapshot_id, third.snapshot_id}
    assert back(store, made_up, third.snapshot_id).snapshot_id == third.snapshot_id, "unless it is named"
    assert withdrawn(history(store, "phuket")) == {first.snapshot_id, second.snapshot_id}


def test_there_must_be_a_whole_snapshot_to_go_back_to(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    with pytest.raises(Refused, match="published nothing"):
        back(store, made_up)
    first = made_up.published(store)
    with pytest.raises(Refused, match="no earlier snapshot"):
        back(store, made_up)
    second = made_up.published(store, now=made_up.NOW + timedelta(days=1))
    with pytest.raises(Refused, match=f"{second.snapshot_id} is what phuket shows now"):
        back(store, made_up, second.snapshot_id)
    with pytest.raises(Refused, match="no snapshot 20260101T000000Z-00000000 to go back to"):
        back(store, made_up, "20260101T000000Z-00000000")
    file = next(iter(store.list(prefix("phuket", first.snapshot_id) + "/data")))
    store.write(file, store.read(file)[:-1])
    with pytest.raises(Damaged, match=first.snapshot_id):
        back(store, made_up)
    store.write(f"{prefix('phuket', first.snapshot_id)}/{MANIFEST}", b"{}")
    with pytest.raises(Damaged, match="not the one that was committed"):
        back(store, made_up)
    assert current(store, "phuket") == second
    collect(store, "phuket", made_up.NOW + timedelta(days=9), keep=1)
    with pytest.raises(Refused, match="no earlier snapshot"):
        back(store, made_up)


def test_a_snapshot_that_was_current_again_is_as_old_as_that(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    first = made_up.published(store)
    made_up.published(store, now=made_up.NOW + timedelta(days=30))
    back(store, made_up, days=30, hours=2)
    made_up.published(store, now=made_up.NOW + timedelta(days=31))
    soon = made_up.NOW + timedelta(days=31, hours=1)
    assert first.snapshot_id not in collect(store, "phuket", soon, days=7), "readers opened it an hour ago"
    assert first.snapshot_id in collect(store, "phuket", soon + timedelta(days=7), days=7)
    assert verify_city(store, "phuket", all_kept=True) == []


def test_what_was_withdrawn_stays_while_the_rollback_holds(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    made_up.published(store)
    wrong = publish(store, made_up.edition(made_up.few_tables(9)), repair(store, "phuket"))
    back(store, made_up)
    later = made_up.NOW + timedelta(days=60)
    assert collect(store, "phuket", later, days=1, keep=1) == []
    with pytest.raises(Refused, match="which a rollback withdrew"):
        publish(store, made_up.edition(made_up.few_tables(9), now=later), repair(store, "phuket"))
    publish(store, made_up.edition(made_up.few_tables(7), now=later), repair(store, "phuket"))
    assert wrong.snapshot_id in collect(store, "phuket", later + timedelta(days=2), keep=1)


def test_a_rollback_whose_pointer_was_not_moved_is_finished_by_the_next_publication(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    first, second = made_up.published(store), made_up.published(store)

    class Stuck(Wrapped):
        def swap(self, key, data, tag):
            raise OSError("no")

    with pytest.raises(OSError, match="no"):
        back(Stuck(store), made_up)
    assert current(store, "phuket") == second
    assert repair(store, "phuket").mended == (f"{current_key('phuket')}: made again from commit 3",)
    assert sees(store) == first.snapshot_id


def test_a_lost_entry_of_a_rollback_is_made_again_without_its_reason(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    first = made_up.published(store)
    made_up.published(store)
    back(store, made_up)
    made_up.published(store)
    store.delete(history_key("phuket", 3))
    assert [line.split(":")[0] for line in rebuild(store, "phuket")] == [history_key("phuket", 3)]
    mended = history(store, "phuket")[2]
    assert (mended.snapshot_id, mended.reason) == (first.snapshot_id, None)
    assert verify_city(store, "phuket", all_kept=True) == []
