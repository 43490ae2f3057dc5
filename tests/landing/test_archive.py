"""What came is kept byte for byte, once, with a receipt that tells what it was; nothing is ever forgotten."""

import hashlib
import json
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from assets.landing.archive import Archive, Delivery, Receipt, object_key
from assets.landing.store import LocalStore, Store

DAY = date(2026, 11, 20)
MORNING = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
EVERY_BYTE = bytes(range(256)) + b"\r\n\n\r\x00" + "มิเตอร์".encode("cp874")


def land(archive: Archive, data: bytes | None, day: date = DAY, name: str = "a.csv", **more: Any) -> Receipt:
    who, run = (more.pop("city", "nan"), more.pop("source", "s")), more.pop("run", f"run of {day}")
    delivery = Delivery(*who, day, run, lambda: MORNING)
    return archive.land(delivery, name, f"inbox/{name}", data, **more)


def test_bytes_come_back_exactly_and_lie_under_their_sha256(store: Store) -> None:
    archive = Archive(store)
    receipt = land(archive, EVERY_BYTE, etag='"x"', status=200)
    digest = hashlib.sha256(EVERY_BYTE).hexdigest()
    assert (receipt.outcome, receipt.sha256, receipt.bytes) == ("new", digest, len(EVERY_BYTE))
    assert archive.bytes_of(receipt) == EVERY_BYTE
    assert store.read(f"landing/objects/{digest[:2]}/{digest}") == EVERY_BYTE
    (kept,) = archive.receipts("nan")
    assert kept == receipt == archive.receipt("nan", "s", DAY, receipt.id)
    assert archive.last_content("nan", "s", "a.csv") == receipt
    assert archive.last_content("nan", "s", "b.csv") is None


def test_the_same_again_is_one_receipt_a_day_and_unchanged_on_the_next(store: Store) -> None:
    archive = Archive(store)
    first = land(archive, b"1", run="first", first_seen=MORNING)
    again = land(archive, b"1", run="second", first_seen=MORNING + timedelta(hours=3))
    assert again == first
    following = DAY + timedelta(days=1)
    later = land(archive, b"1", following)
    assert (later.id, later.outcome, later.readable) == (first.id, "unchanged", False)
    assert land(archive, b"2", following).outcome == "new"
    assert len(store.list("landing/objects")) == 2
    assert next((day, identity) for day, identity in archive.ids("nan", "s")) == (DAY, first.id)
    assert len(archive.ids("nan", "s")) == 3


def test_the_same_bytes_under_another_name_are_another_delivery_of_one_object(store: Store) -> None:
    archive = Archive(store)
    one, other = land(archive, b"1"), land(archive, b"1", name="b.csv")
    assert one.id != other.id
    assert [one.outcome, other.outcome] == ["new", "new"]
    assert len(store.list("landing/objects")) == 1
    assert land(archive, b"1", DAY + timedelta(days=1), name="c.csv").outcome == "unchanged"


def test_what_another_source_or_city_brought_is_still_new_here(store: Store) -> None:
    archive = Archive(store)
    land(archive, b"1")
    following = DAY + timedelta(days=1)
    assert land(archive, b"1", following, source="t").outcome == "new"
    assert land(archive, b"1", following, city="phuket").outcome == "new"


def test_four_kinds_of_nothing_are_four_receipts(store: Store) -> None:
    archive = Archive(store)
    land(archive, b"before", DAY - timedelta(days=1))
    empty = land(archive, b"", code="file-empty", reason="0 bytes")
    away = land(archive, None, outcome="not-reached", code="answer-not-reached", reason="no answer")
    same = land(archive, None, outcome="unchanged", status=304)
    bad = land(archive, b"<html>", outcome="bad-answer", code="answer-bad", status=200)
    told = {receipt.id: receipt.outcome for receipt in archive.receipts("nan") if receipt.day == DAY}
    assert told == {empty.id: "empty", away.id: "not-reached", same.id: "unchanged", bad.id: "bad-answer"}
    assert not any(receipt.readable for receipt in (empty, away, same, bad))
    assert archive.bytes_of(bad) == b"<html>", "a bad answer is kept for whoever must explain it"
    with pytest.raises(ValueError, match="not-reached"):
        archive.bytes_of(away)


def test_bytes_once_called_bad_are_new_when_a_later_check_accepts_them(store: Store) -> None:
    archive = Archive(store)
    land(archive, b"odd", outcome="bad-answer", code="answer-bad")
    assert land(archive, b"odd", DAY + timedelta(days=1)).outcome == "new"


@pytest.mark.parametrize("harm", [b"", b"1 and more", b"2"])
def test_a_damaged_object_is_never_handed_out(store: Store, harm: bytes) -> None:
    archive = Archive(store)
    receipt = land(archive, b"1")
    store.write(object_key(receipt.sha256 or ""), harm)
    with pytest.raises(ValueError, match="damaged"):
        archive.bytes_of(receipt)


def test_a_receipt_is_plain_json_that_names_its_delivery(store: Store) -> None:
    receipt = land(Archive(store), b"1", name="ไฟฟ้า พ.ย..csv")
    (key,) = store.list("landing/receipts")
    assert key == f"landing/receipts/city=nan/source=s/2026-11-20/{receipt.id}.json"
    told = json.loads(store.read(key))
    assert told["name"] == "ไฟฟ้า พ.ย..csv"
    assert told["day"] == "2026-11-20"
    assert "etag" not in told


class Power(LocalStore):
    """A disk whose machine goes down at the n-th change."""

    left = 10**9

    def _spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt("power cut")

    def write(self, key: str, data: bytes) -> None:
        self._spend()
        super().write(key, data)

    def create(self, key: str, data: bytes) -> bool:
        self._spend()
        return super().create(key, data)


@pytest.mark.parametrize("until", [DAY, DAY + timedelta(days=1)], ids=["run again that day", "run the next day"])
def test_a_crash_anywhere_in_landing_forgets_nothing_and_counts_nothing_twice(tmp_path: Path, until: date) -> None:
    for changes in range(10):
        store = Power(tmp_path / str(changes))
        archive = Archive(store)
        store.left = changes
        try:
            land(archive, b"1")
        except KeyboardInterrupt:
            crashed = True
        else:
            crashed = False
        store.left = 10**9
        land(archive, b"1", until)
        new = [receipt for receipt in archive.receipts("nan") if receipt.readable]
        assert len(new) == 1, f"after {changes} changes"
        assert archive.bytes_of(new[0]) == b"1"
        assert new[0].day == (until if crashed else DAY)
        if not crashed:
            return
    pytest.fail("landing a file takes more than ten changes")


LANDINGS = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(["a", "b"]), st.sampled_from([None, b"", b"1", b"2"]), st.sampled_from("st")
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(LANDINGS)
def test_any_sequence_of_landings_is_what_a_dict_would_remember(landings: list[tuple[int, str, Any, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(LocalStore(Path(folder)))
        first: dict[tuple[str, bytes], int] = {}
        told: dict[tuple[str, int, str, bytes | None], str] = {}
        for days, name, data, source in landings:
            receipt = land(archive, data, DAY + timedelta(days=days), name, source=source)
            outcome = "empty"
            if data:
                outcome = "new" if first.setdefault((source, data), days) == days else "unchanged"
            assert receipt.outcome == told.setdefault((source, days, name, data), outcome)
        for source in "st":
            kept = list(archive.receipts("nan", source))
            assert len(kept) == sum(key[0] == source for key in told)
            assert [(receipt.day, receipt.id) for receipt in kept] == archive.ids("nan", source)
        assert len(archive.store.list("landing/objects")) == len({data for _, _, _, data in told if data is not None})
