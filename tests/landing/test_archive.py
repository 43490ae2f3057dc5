"""What came is kept byte for byte, once, with a receipt that tells what it was; nothing is ever forgotten."""

import contextlib
import hashlib
import itertools
import json
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from assets.landing.archive import Archive, Arrival, Delivery, Receipt, object_key
from assets.landing.packs import SMALL
from assets.landing.store import Damaged, LocalStore, Store

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)
MORNING = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
EVERY_BYTE = bytes(range(256)) + b"\r\n\n\r\x00" + "มิเตอร์".encode("cp874")
FILE = "landing/receipts/city=nan/2026-11-20.jsonl"


def delivery(day: date = DAY, city: str = "nan", source: str = "s", run: str = "r") -> Delivery:
    return Delivery(city, source, day, run, lambda: MORNING)


def land(archive: Archive, data: bytes | None, day: date = DAY, name: str = "a.csv", **more: Any) -> Receipt:
    who = {key: more.pop(key) for key in ("city", "source", "run") if key in more}
    return archive.land(delivery(day, **who), name, f"inbox/{name}", data, **more)


def test_bytes_come_back_exactly_and_lie_under_their_sha256(store: Store) -> None:
    archive = Archive(store)
    receipt = land(archive, EVERY_BYTE, etag='"x"', status=200)
    digest = hashlib.sha256(EVERY_BYTE).hexdigest()
    assert (receipt.outcome, receipt.sha256, receipt.bytes) == ("new", digest, len(EVERY_BYTE))
    assert archive.bytes_of(receipt) == EVERY_BYTE
    assert store.read(f"landing/objects/{digest[:2]}/{digest}") == EVERY_BYTE
    assert archive.receipts("nan") == archive.receipts_of_day("nan", DAY) == [receipt]
    assert archive.last_content("nan", "s", "a.csv", DAY) == receipt
    assert archive.last_content("nan", "s", "a.csv", DAY - timedelta(days=1)) is None
    assert archive.last_content("nan", "s", "b.csv", DAY) is None


def test_the_same_again_is_one_receipt_a_day_and_unchanged_on_the_next(store: Store) -> None:
    archive = Archive(store)
    first = land(archive, b"1", run="first")
    before = store.read(FILE)
    assert land(archive, b"1", run="second") == first
    assert store.read(FILE) == before
    later = land(archive, b"1", NEXT)
    assert (later.outcome, later.sha256, later.after) == ("unchanged", first.sha256, first.id)
    assert land(archive, b"2", NEXT).outcome == "new"
    assert len(store.list("landing/objects")) == 2
    assert [receipt.order for receipt in archive.receipts("nan")] == [(DAY, 1), (NEXT, 1), (NEXT, 2)]
    assert [receipt.sha256 for receipt in archive.contents("nan", "s")] == [
        hashlib.sha256(data).hexdigest() for data in (b"1", b"2")
    ]


@pytest.mark.parametrize("days", [(0, 1, 2), (0, 0, 0), (0, 0, 1)], ids=str)
def test_what_goes_back_to_earlier_bytes_is_new(store: Store, days: tuple[int, ...]) -> None:
    """A correction that is taken back, a register restored after a mistake: the last word counts."""
    archive = Archive(store)
    landed = [
        land(archive, data, DAY + timedelta(days=day))
        for day, data in zip(days, (b"old", b"wrong", b"old"), strict=True)
    ]
    assert [receipt.outcome for receipt in landed] == ["new"] * 3
    assert len({receipt.id for receipt in landed}) == 3
    assert archive.contents("nan", "s") == landed
    assert archive.bytes_of(archive.contents("nan", "s")[-1]) == b"old"


def test_a_day_that_is_landed_late_takes_its_place_in_the_sequence(store: Store) -> None:
    archive = Archive(store)
    days = [DAY + timedelta(days=count) for count in range(3)]
    one, three = land(archive, b"1", days[0]), land(archive, b"1", days[2])
    assert archive.contents("nan", "s") == [one]
    two = land(archive, b"2", days[1])
    assert (two.outcome, two.after) == ("new", one.id)
    assert archive.contents("nan", "s") == [one, two, three], "the third day goes back to what the first brought"


def test_names_sources_and_cities_are_each_their_own(store: Store) -> None:
    archive = Archive(store)
    one, other = land(archive, b"1"), land(archive, b"1", name="b.csv")
    assert one.id != other.id
    assert [one.outcome, other.outcome] == ["new", "new"]
    assert len(store.list("landing/objects")) == 1
    assert land(archive, b"1", NEXT, name="c.csv").outcome == "new"
    assert land(archive, b"1", NEXT, source="t").outcome == "new"
    assert land(archive, b"1", NEXT, city="phuket").outcome == "new"
    assert [receipt.number for receipt in archive.receipts_of_day("nan", NEXT)] == [1, 2], "numbers are the city's"


def test_kinds_of_nothing_are_receipts_and_do_not_add_up(store: Store) -> None:
    archive = Archive(store)
    content = land(archive, b"before", DAY - timedelta(days=1), etag='"7"')
    for run in ("one", "two"):
        empty = land(archive, b"", code="file-empty", reason="0 bytes", run=run)
        away = land(archive, None, outcome="not-reached", code="answer-not-reached", reason="no answer", run=run)
        bad = land(archive, b"<html>" + run.encode(), outcome="bad-answer", code="answer-bad", status=200, run=run)
        same = land(archive, None, outcome="unchanged", status=304, run=run)
        told = {receipt.id: receipt.outcome for receipt in archive.receipts_of_day("nan", DAY)}
        assert told == {empty.id: "empty", away.id: "not-reached", same.id: "unchanged", bad.id: "bad-answer"}
    assert not any(receipt.readable for receipt in (empty, away, bad))
    assert (same.sha256, same.bytes, same.etag) == (content.sha256, 6, '"7"'), "what it stands for"
    assert archive.contents("nan", "s") == [content]
    assert archive.bytes_of(bad) == b"<html>one", "a bad answer is kept for whoever must explain it"
    with pytest.raises(ValueError, match="not-reached"):
        archive.bytes_of(away)


def test_bytes_once_called_bad_are_new_when_a_later_check_accepts_them(store: Store) -> None:
    archive = Archive(store)
    land(archive, b"odd", outcome="bad-answer", code="answer-bad")
    assert land(archive, b"odd").outcome == "new"


@pytest.mark.parametrize("harm", [b"", b"1 and more", b"2", None])
def test_a_damaged_object_is_never_handed_out_and_healed_by_the_same_bytes(store: Store, harm: bytes | None) -> None:
    archive = Archive(store)
    receipt = land(archive, b"1")
    key = object_key(receipt.sha256 or "")
    for day in (DAY, NEXT):
        store.delete(key) if harm is None else store.write(key, harm)
        with pytest.raises(Damaged, match=receipt.id):
            archive.bytes_of(receipt)
        land(archive, b"1", day)
        assert archive.bytes_of(receipt) == b"1"


def test_a_receipt_is_a_line_of_plain_json_that_names_its_delivery(store: Store) -> None:
    land(Archive(store), b"1", name="ไฟฟ้า พ.ย..csv")
    assert store.list("landing/receipts") == [FILE]
    told = json.loads(store.read(FILE))
    assert told["name"] == "ไฟฟ้า พ.ย..csv"
    assert (told["day"], told["number"]) == ("2026-11-20", 1)
    assert "etag" not in told


def test_writers_beside_each_other_lose_no_receipt(store: Store) -> None:
    begin = threading.Barrier(6)

    def one(writer: int) -> None:
        archive = Archive(store)
        begin.wait()
        for number in range(4):
            land(archive, f"{writer} {number}".encode(), name=f"{writer} {number}", source=f"s{writer}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(6)))
    found = Archive(store).receipts("nan")
    assert sorted(receipt.name for receipt in found) == sorted(f"{w} {n}" for w in range(6) for n in range(4))
    assert [receipt.number for receipt in found] == list(range(1, 25))


def test_an_archive_sees_what_another_landed_meanwhile(store: Store) -> None:
    here, there = Archive(store), Archive(store)
    land(here, b"1")
    assert len(there.receipts("nan")) == 1
    land(here, b"2")
    assert [receipt.number for receipt in there.receipts("nan")] == [1, 2]
    assert land(there, b"2").number == 2


def harmed(data: bytes) -> dict[str, bytes]:
    """Every cut, every flipped bit, and other things that happen to a file."""
    lines = data.split(b"\n")
    cuts = {f"cut to {size}": data[:size] for size in range(len(data))}
    flips = {
        f"bit {bit} of byte {at}": data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
        for at in range(len(data))
        for bit in range(8)
    }
    other = {
        "zeros": bytes(len(data)),
        "garbage": b"\xff\x00garbage\n\n",
        "first line twice": b"\n".join([lines[0], *lines]),
        "lines swapped": b"\n".join([lines[1], lines[0], *lines[2:]]),
        "another city's": data.replace(b'"city":"nan"', b'"city":"nak"'),
    }
    return cuts | flips | other


def test_every_harm_to_receipts_is_told_with_file_and_remedy(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    archive = Archive(store)
    land(archive, b"1", etag='"v"')
    land(archive, None, name="b", outcome="not-reached", code="answer-not-reached")
    data = store.read(FILE)
    for harm, bytes_now in harmed(data).items():
        (tmp_path / FILE).write_bytes(bytes_now)
        with pytest.raises(Damaged) as told:
            Archive(store).receipts("nan")
        assert FILE in str(told.value), harm
        assert "muang landing repair --city nan" in str(told.value), harm
    with pytest.raises(Damaged):
        land(archive, b"2")
    land(archive, b"2", city="phuket")
    store.write(FILE, data)
    assert len(archive.receipts("nan")) == 2


def test_a_repair_keeps_the_good_lines_moves_the_file_aside_and_says_what_is_lost(store: Store) -> None:
    archive = Archive(store)
    kept = [land(archive, name.encode(), name=name) for name in "abc"]
    data = store.read(FILE)
    lines = data.split(b"\n")
    bad = b"\n".join([lines[0], lines[1].replace(b"a", b"e", 1), *lines[2:]])
    for harm, good in ((bad, [kept[0], kept[2]]), (data[:-9], kept[:2]), (b"", []), (bytes(99), [])):
        store.write(FILE, harm)
        (told,) = Archive(store).repair("nan")
        assert f"{len(good)} receipts kept" in told
        assert archive.receipts("nan") == good
        (aside,) = store.list("landing/damaged")
        assert aside in told and store.read(aside) == harm
        store.delete(aside)
        assert archive.repair("nan") == []
    store.write(FILE, bad)
    archive.repair("nan")
    again = [land(archive, name.encode(), name=name) for name in "abc"]
    assert [receipt.id for receipt in again] == [receipt.id for receipt in kept], "what is landed again is the same"
    assert len(archive.receipts("nan")) == 3


def test_what_others_leave_in_the_folder_is_no_receipt(store: Store) -> None:
    archive = Archive(store)
    land(archive, b"1")
    store.write("landing/receipts/city=nan/.DS_Store", b"\x00")
    store.write("landing/receipts/city=nan/2026-11-20.jsonl.bak", b"\x00")
    assert len(archive.receipts("nan")) == 1
    assert archive.repair("nan") == []


def told(archive: Archive) -> list[Any]:
    """All that an archive says of two cities: receipts in order, with their bytes."""
    found = [receipt for city in ("nan", "phuket") for receipt in archive.receipts(city)]
    return [(receipt, archive.bytes_of(receipt) if receipt.sha256 else None) for receipt in found]


def two_months(store: Store) -> Archive:
    """October and November of a city: contents, attempts, things that come again in November or elsewhere."""
    archive = Archive(store)
    for day in (date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 1)):
        land(archive, f"of {day}".encode(), day, name="daily")
        land(archive, b"always the same", day, name="register")
        land(archive, None, day, name="away", outcome="not-reached", code="answer-not-reached")
    land(archive, b"<html>", date(2026, 10, 5), outcome="bad-answer", code="answer-bad")
    land(archive, b"shared", date(2026, 10, 5), name="shared")
    land(archive, b"shared", date(2026, 10, 6), name="shared", city="phuket")
    land(archive, bytes(SMALL + 1), date(2026, 10, 7), name="large")
    return archive


def test_closed_months_are_compacted_and_tell_the_same(store: Store) -> None:
    archive = two_months(store)
    before, files = told(archive), len(store.list("landing"))
    archive.compact("nan", "2026-10")
    for reader in (archive, Archive(store)):
        assert told(reader) == before
    assert store.list("landing/receipts/city=nan") == [
        f"landing/receipts/city=nan/{period}.jsonl" for period in ("2026-09", "2026-10", "2026-11-01")
    ]
    assert store.list("landing/packs") == [f"landing/packs/city=nan/2026-{month}.1.zip" for month in ("09", "10")]
    digests = {hashlib.sha256(data).hexdigest() for data in (b"of 2026-11-01", bytes(SMALL + 1))}
    assert {key.rsplit("/", 1)[1] for key in store.list("landing/objects")} == digests
    assert len(store.list("landing")) < files
    state = {key: store.read(key) for key in store.list("landing")}
    archive.compact("nan", "2026-10")
    assert {key: store.read(key) for key in store.list("landing")} == state
    with pytest.raises(ValueError, match="not a month"):
        archive.compact("nan", "2026")


def test_a_day_of_a_compacted_month_can_still_be_landed(store: Store) -> None:
    archive = two_months(store)
    archive.compact("nan", "2026-10")
    day = date(2026, 10, 31)
    assert land(archive, b"of 2026-10-31", day, name="daily").number == 1, "it is there already"
    late = land(archive, b"late", day, name="daily")
    assert late.number == 4
    assert [archive.bytes_of(r) for r in archive.contents("nan", "s") if r.name == "daily"][-2:] == [
        b"late",
        b"of 2026-11-01",
    ]
    before = told(archive)
    archive.compact("nan", "2026-10")
    assert told(Archive(store)) == before
    assert archive.receipts_of_day("nan", day)[-1] == late


def test_a_damaged_pack_is_told(store: Store) -> None:
    archive = two_months(store)
    (receipt, *_) = archive.contents("nan", "s")
    archive.compact("nan", "2026-10")
    for key in store.list("landing/packs"):
        store.write(key, store.read(key)[:-30])
    with pytest.raises(Damaged, match=receipt.id) as raised:
        Archive(store).bytes_of(receipt)
    assert raised.value.key.startswith("landing/packs/city=nan/")
    told = Archive(store).repair("nan")
    assert len(told) == 2 and all("landing/damaged/" in line for line in told)
    for name, data in (("daily", b"of 2026-09-30"), ("register", b"always the same")):
        land(Archive(store), data, DAY, name=name)
    assert Archive(store).bytes_of(receipt) == b"of 2026-09-30"


def test_what_landed_is_read_back_and_what_is_not_whole_is_named_without_a_change(store: Store) -> None:
    archive = two_months(store)
    archive.compact("nan", "2026-10")
    land(archive, b"of today", DAY, name="daily")
    assert Archive(store).verify("nan") == []
    [receipts, *_] = store.list("landing/receipts/city=nan")
    lost, turned = (object_key(hashlib.sha256(data).hexdigest()) for data in (b"of today", bytes(SMALL + 1)))
    for key in (turned, receipts):
        data = store.read(key)
        store.write(key, data[:50] + bytes([data[50] ^ 1]) + data[51:])
    store.delete(lost)
    before = {key: store.read(key) for key in store.list("landing")}
    assert sorted(line.split()[0] for line in Archive(store).verify("nan")) == sorted([turned, receipts, lost])
    assert {key: store.read(key) for key in store.list("landing")} == before
    for pack in store.list("landing/packs"):
        store.write(pack, store.read(pack)[:-30])
    told = Archive(store).verify("nan")
    assert [line for line in told if line.startswith("landing/packs/city=nan/") and "no whole ZIP" in line]


def test_a_bit_that_turned_in_a_pack_is_told_wherever_it_is(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    archive = two_months(store)
    text = b"".join(b"%d;%d\n" % (n, n * n) for n in range(40))
    receipt = land(archive, text, date(2026, 9, 30), name="long")
    archive.compact("nan", "2026-10")
    key = next(key for key in store.list("landing/packs") if receipt.sha256.encode() in store.read(key))
    data = store.read(key)
    for at in range(len(data)):
        store.write(key, data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        with contextlib.suppress(Damaged):
            assert Archive(store).bytes_of(receipt) == text, at


def test_what_is_whole_in_a_damaged_pack_is_kept(store: Store) -> None:
    archive = two_months(store)
    archive.compact("nan", "2026-10")
    before = told(archive)
    (key, _) = store.list("landing/packs")
    data = store.read(key)
    at = data.index(hashlib.sha256(b"of 2026-09-30").hexdigest().encode()) + 66
    store.write(key, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    (said,) = Archive(store).repair("nan")
    assert "1 of 2 members kept" in said
    land(Archive(store), b"of 2026-09-30", DAY, name="daily")
    assert dict(before).items() <= dict(told(Archive(store))).items()
    assert Archive(store).repair("nan") == []


def test_past_days_are_packed_and_what_comes_again_is_not_kept_twice(store: Store) -> None:
    archive = two_months(store)
    before = told(archive)
    archive.pack("nan", date(2026, 11, 1))
    for reader in (archive, Archive(store)):
        assert told(reader) == before
    days = ("2026-09-30", "2026-10-01", "2026-10-05", "2026-10-31")
    assert store.list("landing/packs") == [f"landing/packs/city=nan/{day}.1.zip" for day in days]
    loose = {key.rsplit("/", 1)[1] for key in store.list("landing/objects")}
    stay = (b"of 2026-11-01", bytes(SMALL + 1))
    assert loose == {hashlib.sha256(data).hexdigest() for data in stay}
    archive.pack("phuket", date(2026, 11, 1))
    archive.pack("nan", date(2026, 11, 1))
    assert told(Archive(store)) == before
    assert len(store.list("landing/packs")) == len(days), "what the other city packed is not packed again"
    land(Archive(store), b"always the same", date(2026, 11, 2), name="register")
    assert {key.rsplit("/", 1)[1] for key in store.list("landing/objects")} == loose, "a pack has it"


class Power(LocalStore):
    """A disk whose machine goes down at the n-th change."""

    left = 10**9

    def _stage(self, data: bytes, mode: int = 0o600) -> str:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt("power cut")
        return super()._stage(data, mode)

    def delete(self, key: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt("power cut")
        super().delete(key)


@pytest.mark.parametrize("until", [DAY, NEXT], ids=["run again that day", "run the next day"])
def test_a_crash_anywhere_in_landing_forgets_nothing_and_counts_nothing_twice(tmp_path: Path, until: date) -> None:
    arrivals = [Arrival(name, name, name.encode()) for name in "abc"]
    for changes in range(10):
        store = Power(tmp_path / str(changes))
        store.left = changes
        try:
            Archive(store).land_many(delivery(), arrivals)
        except KeyboardInterrupt:
            crashed = True
        else:
            crashed = False
        store.left = 10**9
        archive = Archive(store)
        archive.land_many(delivery(until), arrivals)
        new = archive.contents("nan", "s")
        assert [archive.bytes_of(receipt) for receipt in new] == [b"a", b"b", b"c"], f"after {changes} changes"
        assert {receipt.day for receipt in new} == {until if crashed else DAY}
        if not crashed:
            assert changes == 4, "three objects, one file of receipts"
            return
    pytest.fail("landing three files takes more than ten changes")


def test_a_compaction_cut_short_anywhere_loses_nothing_and_is_finished_by_the_next(tmp_path: Path) -> None:
    for changes in range(60):
        store = Power(tmp_path / str(changes))
        archive = two_months(store)
        archive.pack("nan", date(2026, 10, 31))
        before = told(archive)
        store.left = changes
        try:
            archive.compact("nan", "2026-10")
        except KeyboardInterrupt:
            crashed = True
        else:
            crashed = False
        store.left = 10**9
        assert told(Archive(store)) == before, f"after {changes} changes"
        Archive(store).compact("nan", "2026-10")
        assert told(Archive(store)) == before
        assert len(store.list("landing/receipts/city=nan")) == 3
        assert len(store.list("landing/packs")) == 2
        assert len(store.list("landing/objects")) == 2
        if not crashed:
            return
    pytest.fail("compacting two months takes more than sixty changes")


LANDINGS = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(["a", "b"]), st.sampled_from([None, b"", b"1", b"2", b"bad"]),
        st.sampled_from("st"), st.booleans(),
    ),
    max_size=14,
)  # fmt: skip


@given(LANDINGS)
@example([(0, "a", b"1", "s", False), (2, "a", b"1", "s", False), (1, "a", b"2", "s", False)])
@example([(0, "a", data, "s", True) for data in (b"1", b"2", b"1", b"1", b"2")])
def test_any_sequence_of_landings_is_what_plain_python_would_remember(landings: list[tuple[Any, ...]]) -> None:
    """The model: a list a day. Content that is the last of its name on that day adds nothing, any other is appended;
    what counts in the end are the changes of content along the days."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(LocalStore(Path(folder)))
        came: dict[tuple[str, str], dict[int, list[bytes]]] = {(s, n): {} for s in "st" for n in "ab"}
        failed: set[tuple[int, str, str, str]] = set()
        for days, name, data, source, fresh in landings:
            if fresh:
                archive = Archive(archive.store)
            bad = {"outcome": "bad-answer", "code": "answer-bad"} if data == b"bad" else {}
            receipt = land(archive, data, DAY + timedelta(days=days), name, source=source, **bad)
            if not data or bad:
                failed.add((days, name, source, "bad-answer" if bad else "empty"))
                assert not receipt.readable
                continue
            earlier = [
                content for day in sorted(came[source, name]) if day <= days for content in came[source, name][day]
            ]
            same_day = came[source, name].setdefault(days, [])
            if not same_day or same_day[-1] != data:
                assert receipt.outcome == ("unchanged" if earlier and earlier[-1] == data else "new")
                same_day.append(data)
        for source in "st":
            for name in "ab":
                whole = [content for _, each in sorted(came[source, name].items()) for content in each]
                found = [r for r in archive.contents("nan", source) if r.name == name]
                assert [archive.bytes_of(receipt) for receipt in found] == [key for key, _ in itertools.groupby(whole)]
        kept = archive.receipts("nan")
        assert len(kept) == len(failed) + sum(len(day) for days in came.values() for day in days.values())
        assert len({receipt.id for receipt in kept}) == len(kept)
        for days in range(4):
            numbers = [receipt.number for receipt in kept if receipt.day == DAY + timedelta(days=days)]
            assert numbers == list(range(1, len(numbers) + 1))
