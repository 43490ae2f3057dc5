"""What of an inbox is taken, and what is left for the next night; nothing is moved or changed."""

import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assets.landing import inbox as inboxes
from assets.landing.archive import Archive, Delivery, Receipt
from assets.landing.inbox import LOOK_AGAIN_SECONDS, files, land_inbox, untaken
from assets.landing.store import LocalStore
from quality.problems import CODES

DAY = date(2026, 11, 20)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox" / "nan" / "exports"
    folder.mkdir(parents=True)
    return folder


def put(folder: Path, name: str, data: bytes = b"1", age: float = 3600) -> Path:
    """A file last written ``age`` seconds ago."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (time.time() - age,) * 2)
    return path


def names(source: Path) -> list[str]:
    return [path.relative_to(source).as_posix() for path in files(source.parents[1], "nan", "exports")]


def in_order(source: Path) -> list[str]:
    archive, _ = landed(source)
    receipts = sorted(archive.receipts("nan", "exports"), key=lambda receipt: receipt.number)
    return [receipt.name for receipt in receipts]


def no_pause(seconds: float) -> None:
    raise AssertionError("a second look at files that are old")


def landed(
    source: Path, day: date = DAY, pause: Callable[[float], object] = no_pause
) -> tuple[Archive, dict[str, Receipt]]:
    archive = Archive(LocalStore(source.parents[2] / "store"))
    now = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    found = land_inbox(archive, source.parents[1], Delivery("nan", "exports", day, "r", lambda: now), pause)
    return archive, {receipt.name: receipt for receipt in found}


def test_finished_files_are_taken_in_order_from_subfolders_too(source: Path) -> None:
    for name in ("b.csv", "a.csv", "2026/11/c.zip", "รายงาน พ.ย. 2569.xls", "with space.csv", "no-suffix", "A.CSV"):
        put(source, name)
    assert names(source) == [
        "2026/11/c.zip",
        "A.CSV",
        "a.csv",
        "b.csv",
        "no-suffix",
        "with space.csv",
        "รายงาน พ.ย. 2569.xls",
    ]


def test_hidden_and_growing_files_wait(source: Path) -> None:
    for name in (".a.csv", ".cache/a.csv", "sub/.git/x", "a.csv.part", "a.tmp", "a.FILEPART", "a.crdownload"):
        put(source, name)
    put(source, "part.csv")
    assert names(source) == ["part.csv"]


def test_a_file_that_is_being_copied_is_left_and_said_and_taken_when_it_is_whole(source: Path) -> None:
    whole, copied = put(source, "whole.csv", b"1\n2\n", age=0), put(source, "copied.csv", b"1\n", age=0)
    ahead, gone = put(source, "ahead.csv", b"3\n", age=-86_400), put(source, "gone.csv", age=0)
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        with copied.open("ab") as more:
            more.write(b"2\n")
        gone.unlink()

    archive, receipts = landed(source, pause=pause)
    assert pauses == [LOOK_AGAIN_SECONDS], "one pause for the whole inbox"
    assert {name: receipt.outcome for name, receipt in receipts.items()} == {
        "whole.csv": "new",
        "ahead.csv": "new",
        "copied.csv": "left",
    }
    assert receipts["copied.csv"].code == "file-growing"
    assert CODES["file-growing"][0] == "warn", "nothing of the city is rejected for it"
    for path in (whole, copied, ahead):
        os.utime(path, (0, 0))
    _, again = landed(source)
    assert archive.bytes_of(again["copied.csv"]) == b"1\n2\n"
    assert [r.outcome for r in archive.receipts("nan") if r.name == "copied.csv"] == ["left", "new"]


def test_a_file_that_is_written_while_it_is_read_is_left(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(source, "a.csv", b"1\n")
    opened = os.open

    def write_first(name: Path, flags: int, *more: int) -> int:
        if name == path:
            path.write_bytes(b"1\n2\n")
        return opened(name, flags, *more)

    monkeypatch.setattr(os, "open", write_first)
    _, receipts = landed(source)
    assert (receipts["a.csv"].outcome, receipts["a.csv"].code) == ("left", "file-growing")


def test_what_is_no_regular_file_is_said_and_never_opened(source: Path, tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/secret.txt", b"secret")
    (source / "link.csv").symlink_to(tmp_path / "elsewhere" / "secret.txt")
    (source / "folder").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (source / "loop").symlink_to(source, target_is_directory=True)
    (source / "dangling.csv").symlink_to(tmp_path / "nowhere")
    put(source, "_old/a.csv")
    (source / "aside.csv").symlink_to("_old/a.csv")
    os.mkfifo(source / "pipe.csv")
    (source / "folder.csv").mkdir()
    here = Path.cwd()
    os.chdir(source)  # a socket's path may have 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("socket.csv")
    finally:
        os.chdir(here)
    for path in source.iterdir():
        os.utime(path, (0, 0), follow_symlinks=False)
    assert names(source) == []
    archive, receipts = landed(source)
    assert {name: (receipt.outcome, receipt.code) for name, receipt in receipts.items()} == dict.fromkeys(
        ["aside.csv", "dangling.csv", "folder", "link.csv", "loop", "pipe.csv", "socket.csv"],
        ("left", "file-not-regular"),
    )
    assert CODES["file-not-regular"][0] == "reject", "what nobody takes ends a night with 1"
    assert archive.store.list("landing/objects") == []
    assert [receipts[name].reason.split(",")[0] for name in ("link.csv", "pipe.csv", "socket.csv")] == [
        "a link",
        "a pipe",
        "a socket",
    ]


def test_a_link_to_a_file_that_is_taken_itself_is_no_matter(source: Path) -> None:
    put(source, "2026/11/a.csv", b"1\n")
    (source / "latest.csv").symlink_to("2026/11/a.csv")
    os.utime(source / "latest.csv", (0, 0), follow_symlinks=False)
    _, receipts = landed(source)
    assert {name: receipt.outcome for name, receipt in receipts.items()} == {"2026/11/a.csv": "new"}


def test_a_link_that_takes_a_files_place_is_not_followed(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(source, "a.csv", b"1\n")
    secret = put(source.parents[2], "secret.txt", b"secret")
    opened = os.open

    def replace_first(name: Path, flags: int, *more: int) -> int:
        if name == path and not path.is_symlink():
            path.unlink()
            path.symlink_to(secret)
        return opened(name, flags, *more)

    monkeypatch.setattr(os, "open", replace_first)
    archive, receipts = landed(source)
    assert receipts["a.csv"].outcome == "left"
    assert archive.store.list("landing/objects") == []


def test_answers_to_the_sender_are_no_deliveries(source: Path) -> None:
    put(source, "_answers/2026-11-20/a.csv.json")
    put(source, "sub/_answers/b.json")
    put(source, "_a.csv")
    assert names(source) == ["_a.csv"]
    assert list(landed(source)[1]) == ["_a.csv"]


def test_many_small_files_are_landed_in_seconds(source: Path) -> None:
    for number in range(300):
        put(source, f"{number:04}.csv", b"%d\n" % number * 200)
    for day in (DAY, DAY, date(2026, 11, 21)):
        begun = time.monotonic()
        archive, receipts = landed(source, day)
        assert time.monotonic() - begun < 5
        assert len(receipts) == 300
    assert len(archive.receipts("nan")) == 600
    assert len(archive.contents("nan", "exports")) == 300


def test_no_inbox_is_no_delivery(tmp_path: Path) -> None:
    assert list(files(tmp_path, "nan", "exports")) == []


def test_files_are_landed_as_they_are_and_stay_where_they_are(source: Path) -> None:
    data = {"a.csv": b"\xff\xfe\x00\r\n", "ปี 2569/พ.ย. 1.csv": "หน่วย".encode("cp874")}
    for name, content in data.items():
        put(source, name, content)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in source.rglob("*.csv")}
    archive, receipts = landed(source)
    assert {name: archive.bytes_of(receipt) for name, receipt in receipts.items()} == data
    assert receipts["ปี 2569/พ.ย. 1.csv"].origin == "inbox/nan/exports/ปี 2569/พ.ย. 1.csv"
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in source.rglob("*.csv")} == before
    _, tomorrow = landed(source, date(2026, 11, 21))
    assert {receipt.outcome for receipt in tomorrow.values()} == {"unchanged"}


def test_a_name_in_a_legacy_thai_encoding_is_landed_too(source: Path) -> None:
    """A ZIP from a Thai Windows, unpacked on Linux, leaves names that are no UTF-8."""
    put(source, os.fsdecode("ไฟ.csv".encode("cp874")))
    archive, receipts = landed(source)
    assert list(receipts) == [r"\xe4\xbf.csv"]
    assert archive.bytes_of(receipts[r"\xe4\xbf.csv"]) == b"1"
    assert [receipt.name for receipt in archive.receipts("nan")] == [r"\xe4\xbf.csv"]


def test_one_bad_file_is_told_and_the_others_are_landed(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inboxes, "MAX_BYTES", 10)
    put(source, "exactly.csv", b"x" * 10)
    put(source, "large.csv", b"x" * 11)
    put(source, "void.csv", b"")
    locked = put(source, "locked.csv")
    opened = os.open

    def refuse(path: Path, flags: int, *more: int) -> int:
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, *more)

    monkeypatch.setattr(os, "open", refuse)
    archive, receipts = landed(source)
    told = {name: (receipt.outcome, receipt.code, receipt.sha256 is None) for name, receipt in receipts.items()}
    assert told == {
        "exactly.csv": ("new", None, False),
        "large.csv": ("left", "archive-limit", True),
        "locked.csv": ("left", "file-unreadable", True),
        "void.csv": ("empty", "file-empty", True),
    }
    assert receipts["locked.csv"].reason == "cannot be read: Permission denied"
    assert len(archive.receipts("nan")) == 4


def test_a_folder_that_cannot_be_read_is_said(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(source, "a.csv")
    put(source, "locked/b.csv")
    scan = os.scandir

    def refuse(path: Path) -> object:
        if path == source / "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    _, receipts = landed(source)
    assert {name: receipt.code for name, receipt in receipts.items()} == {"a.csv": None, "locked": "file-unreadable"}


def test_what_was_written_later_is_delivered_later_whatever_its_name(source: Path) -> None:
    put(source, "may_original.csv", b"1", age=9 * 3600)
    put(source, "may_corrected.csv", b"2", age=3600)
    put(source, "april/b.csv", b"3", age=5 * 3600)
    assert in_order(source) == ["may_original.csv", "april/b.csv", "may_corrected.csv"]


@pytest.mark.parametrize("reverse", [False, True])
def test_files_of_one_copy_are_delivered_as_people_count_their_names(source: Path, reverse: bool) -> None:
    counted = ["may.csv", "may (2).csv", "may (10).csv", "may_corrected.csv", "may_v2.xlsx", "may_v10.csv"]
    now = time.time() - 3600
    for at, name in enumerate(reversed(counted) if reverse else counted):
        put(source, name, name.encode())
        os.utime(source / name, (now + at / 3,) * 2)
    assert in_order(source) == counted


def test_what_lies_where_nothing_takes_it_is_told_without_names_of_files(tmp_path: Path) -> None:
    for path in (
        *(
            "nan/exports/a.csv",
            "nan/export/b.csv",
            "nan/export/sub/c.csv",
            "nan/020012340007.csv",
            "nann/exports/d.csv",
        ),
        *("020012340007/e.csv", "f.csv", "_old/g.csv", ".h.csv", "nan/exports.part", "nan/_answers/i.json", "empty/"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).mkdir() if path.endswith("/") else (tmp_path / path).write_text("x")
    (tmp_path / "linked").mkdir()
    (tmp_path / "phuket").symlink_to(tmp_path / "linked")
    (tmp_path / "linked" / "exports").mkdir()
    assert untaken(tmp_path, ["nan", "phuket"]) == [
        "1 file(s) in a folder, which is no city",
        "1 file(s) in 'nann', which is no city",
        "1 file(s) beside the folders of cities",
    ]
    assert untaken(tmp_path, ["exports"], "nan") == [
        "2 file(s) in 'export', which is no inbox source of nan",
        "1 file(s) beside the folders of the sources of nan",
    ]
    assert untaken(tmp_path, ["exports"], "phuket") == untaken(tmp_path / "nowhere", []) == []


def test_what_file_managers_and_open_workbooks_leave_is_no_delivery(tmp_path: Path) -> None:
    inbox = tmp_path / "nan" / "exports"
    inbox.mkdir(parents=True)
    for name in ("Thumbs.db", "desktop.ini", "~$report.xlsx", ".DS_Store", "report.xlsx"):
        (inbox / name).write_bytes(b"x")
    assert [path.name for path in files(tmp_path, "nan", "exports")] == ["report.xlsx"]
    (tmp_path / "desktop.ini").write_bytes(b"x")
    assert untaken(tmp_path, ["nan"]) == []
