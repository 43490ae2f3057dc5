"""Pointer and history: what is damaged is named, mended from what still tells of it, and stops no publication."""

import json
from dataclasses import replace

import polars as pl
import pytest

from assets.landing.store import Damaged, LocalStore, Store
from assets.snapshots import commit
from assets.snapshots.build import prefix
from assets.snapshots.commit import Conflict
from assets.snapshots.history import commits, current, current_key, history, history_key, problems, rebuild, repair
from assets.snapshots.verify import verify_city
from tests.kit import sampled
from tests.snapshots.test_publish import Wrapped, sees

pytestmark = pytest.mark.usefixtures("without_suites")

POINTER = current_key("phuket")

DAMAGES = {
    "empty": lambda data: b"",
    "garbage": lambda data: b"\x00\xffnot an entry",
    "of another shape": lambda data: b"[]",
    "cut": lambda data: data[: len(data) // 2],
    "another id": lambda data: data.replace(json.loads(data)["snapshot_id"].encode(), b"20260101T000000Z-00000000"),
    "another number": lambda data: data.replace(b'"seq": 2', b'"seq": 3'),
    "a space more": lambda data: data + b" ",
}


def everywhere(*ways: str) -> list:
    """Every damage on the local disk, the first and the last on S3 as well; ``make trials`` tries all there: what is
    read back is judged alike, and a night costs six times as much."""
    return [*(("local", how) for how in ways), *sampled([("s3", how) for how in ways], len(ways) - 1)]


def damage(store: Store, key: str, how: str) -> None:
    if how == "gone":
        store.delete(key)
    else:
        store.write(key, DAMAGES[how](store.read(key)))


@pytest.mark.parametrize(("store", "how"), everywhere(*DAMAGES, "gone"), indirect=["store"])
def test_a_damaged_pointer_is_named_and_made_again_from_the_history(store: Store, made_up, how: str) -> None:
    made_up.published(store)
    newest = made_up.published(store)
    sound = store.read(POINTER)
    damage(store, POINTER, how)
    with pytest.raises(Damaged, match=r"current.json is damaged .*muang snapshots repair --city phuket"):
        current(store, "phuket")
    assert [problem.split()[0] for problem in verify_city(store, "phuket")] == [POINTER]
    assert repair(store, "phuket").mended == (f"{POINTER}: made again from commit 2",)
    assert store.read(POINTER) == sound
    damage(store, POINTER, how)
    assert made_up.published(store).parent == newest.snapshot_id
    assert verify_city(store, "phuket", all_kept=True) == []


def test_every_bit_that_flips_in_the_pointer_is_found(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    entry = made_up.published(store)
    sound = store.read(POINTER)
    for place in range(len(sound)):
        store.write(POINTER, sound[:place] + bytes([sound[place] ^ 1 << place % 8]) + sound[place + 1 :])
        with pytest.raises(Damaged):
            current(store, "phuket")
    assert repair(store, "phuket").entry == entry


def test_a_pointer_that_another_city_or_history_wrote_is_damage(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    mine = made_up.published(store)
    other = made_up.published(store, of=made_up.city("khon_kaen"))
    for foreign in (other, mine.model_copy(update={"token": "0" * 32})):
        store.write(POINTER, foreign.encoded())
        with pytest.raises(Damaged):
            current(store, "phuket")
        assert repair(store, "phuket").entry == mine
    assert current(store, "phuket") == mine


@pytest.mark.parametrize(("store", "how"), everywhere("empty", "garbage", "another id", "gone"), indirect=["store"])
def test_the_newest_entry_is_made_again_from_the_pointer(store: Store, made_up, how: str) -> None:
    made_up.published(store)
    newest = made_up.published(store)
    key = history_key("phuket", 2)
    sound = store.read(key)
    damage(store, key, how)
    assert current(store, "phuket") == newest, "readers go on"
    assert [problem.split()[0] for problem in verify_city(store, "phuket")] == [key]
    assert made_up.published(store).seq == 3, "no publication is stuck"
    assert store.read(key) == sound
    assert verify_city(store, "phuket") == []


@pytest.mark.parametrize(("store", "how"), everywhere("empty", "another id", "gone"), indirect=["store"])
def test_an_older_entry_that_is_lost_keeps_its_number_and_comes_back_from_its_snapshot(
    store: Store, made_up, how: str
) -> None:
    entries = [made_up.published(store) for _ in range(3)]
    key = history_key("phuket", 2)
    damage(store, key, how)
    assert [isinstance(entry, Damaged) for entry in commits(store, "phuket").values()] == [False, True, False]
    assert [problem.split()[0] for problem in problems(store, "phuket")] == [key]
    assert made_up.published(store).seq == 4
    assert rebuild(store, "phuket") == (f"{key}: made again from the manifest of {entries[1].snapshot_id}",)
    again = history(store, "phuket")[1]
    assert again == entries[1].model_copy(update={"token": again.token})
    assert verify_city(store, "phuket", all_kept=True) == []


def test_several_lost_entries_in_a_row_come_back(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    entries = [made_up.published(store) for _ in range(4)]
    for seq in (1, 2, 3):
        damage(store, history_key("phuket", seq), "gone" if seq % 2 else "garbage")
    assert len(rebuild(store, "phuket")) == 3
    again = history(store, "phuket")
    assert [entry.model_copy(update={"token": ""}) for entry in again] == [
        entry.model_copy(update={"token": ""}) for entry in entries
    ]


def test_pointer_and_newest_entry_both_damaged_fall_back_to_the_newest_whole_commit(store: Store, made_up) -> None:
    old = made_up.published(store)
    made_up.published(store)
    damage(store, POINTER, "empty")
    damage(store, history_key("phuket", 2), "empty")
    assert repair(store, "phuket").entry == old
    assert sees(store) == old.snapshot_id
    new = made_up.published(store)
    assert (new.seq, new.parent) == (3, old.snapshot_id), "the number of the lost one stays taken"
    assert sees(store) == new.snapshot_id


def test_a_listing_that_lags_behind_hides_no_commit(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    entries = [made_up.published(store) for _ in range(3)]
    for shown in ([], [1], [1, 3]):
        stale = Wrapped(store, list=lambda prefix, shown=shown: [history_key("phuket", seq) for seq in shown])
        assert history(stale, "phuket") == entries
        assert repair(stale, "phuket")[:2] == (entries[-1], 4)


def test_a_panic_marks_what_was_written_as_failed(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)

    def panics(key: str, data: bytes) -> None:
        if "quality" in key:
            raise pl.exceptions.PanicException("index out of bounds")
        store.write(key, data)

    with pytest.raises(pl.exceptions.PanicException):
        made_up.published(Wrapped(store, write=panics))
    (failed,) = [key for key in store.list("cdp") if key.endswith("FAILED.json")]
    assert json.loads(store.read(failed))["error"] == "PanicException"


def test_every_acknowledgement_lost_is_still_one_commit(store: Store, made_up) -> None:
    def lossy(method: str):
        def call(*arguments):
            getattr(store, method)(*arguments)
            raise OSError("connection reset")

        return call

    lost = Wrapped(store, create=lossy("create"), swap=lossy("swap"))
    entries = [made_up.published(lost) for _ in range(2)]
    assert history(store, "phuket") == entries
    assert sees(store) == entries[-1].snapshot_id


def test_a_number_that_a_damaged_entry_holds_is_a_conflict_and_the_next_one_is_free(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    base = repair(store, "phuket")
    store.write(history_key("phuket", 1), b"")
    with pytest.raises(Conflict):
        commit.publish(store, made_up.edition(), base)
    assert made_up.published(store).seq == 2


# Editions that are the same


def test_the_same_edition_again_keeps_the_snapshot_that_readers_have(store: Store, made_up) -> None:
    edition = made_up.edition(made_up.all_tables())
    first = commit.publish(store, edition, repair(store, "phuket"))
    files = store.list("cdp")
    later = replace(edition, run="again", now=made_up.NOW.replace(hour=20))
    assert commit.publish(store, later, repair(store, "phuket")) == first
    assert store.list("cdp") == files


def test_an_edition_that_differs_in_anything_a_reader_sees_is_another_commit(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    edition = made_up.edition(arrivals=made_up.arrivals())
    changes = (
        {"tables": made_up.few_tables(stops=3)},
        {"verdicts": made_up.verdicts("warn")},
        {"arrivals": made_up.arrivals(weather="timeout")},
        {"inputs": ["a"]},
        {"synthetic": False},
        {"code_version": "0.2"},
        {"day": made_up.DAY},
        {"city": made_up.city().model_copy(update={"name_en": "Phuket City"})},
    )
    for seq, change in enumerate([{}, *changes], 1):
        assert commit.publish(store, replace(edition, **change), repair(store, "phuket")).seq == seq


def test_a_damaged_snapshot_is_published_anew_although_nothing_changed(tmp_path, made_up) -> None:
    store = LocalStore(tmp_path)
    edition = made_up.edition()
    for name in ("data/", "index.html", "meta/manifest.json"):
        first = commit.publish(store, edition, repair(store, "phuket"))
        key = next(key for key in store.list(prefix("phuket", first.snapshot_id)) if f"/{name}" in key)
        store.write(key, store.read(key)[:-1] + b"?")
        again = commit.publish(store, edition, repair(store, "phuket"))
        assert again.seq == first.seq + 1
        assert sees(store) == again.snapshot_id
