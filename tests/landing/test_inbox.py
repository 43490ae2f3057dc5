"""What of an inbox is taken, and what is left for the next night; nothing is moved or changed."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assets.landing import inbox as inboxes
from assets.landing.archive import Archive, Delivery, Receipt
from assets.landing.inbox import files, land_inbox
from assets.landing.store import LocalStore

DAY = date(2026, 11, 20)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox" / "nan" / "exports"
    folder.mkdir(parents=True)
    return folder


def put(folder: Path, name: str, data: bytes = b"1") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names(source: Path) -> list[str]:
    return [path.relative_to(source).as_posix() for path in files(source.parents[1], "nan", "exports")]


def landed(source: Path, day: date = DAY) -> tuple[Archive, dict[str, Receipt]]:
    archive = Archive(LocalStore(source.parents[2] / "store"))
    now = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    found = land_inbox(archive, source.parents[1], Delivery("nan", "exports", day, "r", lambda: now))
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


def test_links_are_not_followed_out_of_the_inbox(source: Path, tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/secret.txt")
    (source / "link.csv").symlink_to(tmp_path / "elsewhere" / "secret.txt")
    (source / "folder").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (source / "loop").symlink_to(source, target_is_directory=True)
    (source / "dangling.csv").symlink_to(tmp_path / "nowhere")
    assert names(source) == []


def test_what_is_no_file_is_no_delivery(source: Path) -> None:
    (source / "folder.csv").mkdir()
    os.mkfifo(source / "pipe.csv")
    assert names(source) == []


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
    (Path(os.fsdecode(os.fsencode(source) + b"/" + "ไฟ.csv".encode("cp874")))).write_bytes(b"1")
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
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    archive, receipts = landed(source)
    told = {name: (receipt.outcome, receipt.code, receipt.sha256 is None) for name, receipt in receipts.items()}
    assert told == {
        "exactly.csv": ("new", None, False),
        "large.csv": ("not-reached", "archive-limit", True),
        "locked.csv": ("not-reached", "answer-not-reached", True),
        "void.csv": ("empty", "file-empty", False),
    }
    assert receipts["locked.csv"].reason == "cannot be read: Permission denied"
    assert len(list(archive.receipts("nan"))) == 4
