"""One store, two homes: every promise of ``assets.landing.store.Store`` on a local disk and on a real S3 server."""

import errno
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.landing.s3 import S3Store
from assets.landing.store import LocalStore, Store, mend_modes, open_store


def test_what_is_written_is_read_and_replaced(store: Store) -> None:
    store.write("a/b.txt", b"one")
    store.write("a/b.txt", b"two")
    assert store.read("a/b.txt") == b"two"
    assert store.exists("a/b.txt")
    store.write("a/empty", b"")
    assert store.read("a/empty") == b""


def test_what_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.read("nowhere")
    assert not store.exists("nowhere")
    assert store.tag("nowhere") is None
    assert store.list("nowhere") == []
    store.delete("nowhere")


def test_many_are_read_in_the_order_asked_for_or_not_at_all(store: Store) -> None:
    keys = [f"t/city=x/{number}.parquet" for number in (3, 1, 2)]
    for key in keys:
        store.write(key, key.encode())
    assert store.read_all([*keys, keys[0]]) == [key.encode() for key in [*keys, keys[0]]]
    assert store.read_all(keys[:1]) == [keys[0].encode()]
    assert store.read_all([]) == []
    store.write(keys[1], b"another")
    assert store.read_all(keys)[1] == b"another", "from no cache"
    with pytest.raises(FileNotFoundError):
        store.read_all([*keys, "t/nowhere"])


def test_a_listing_shows_what_was_written_a_moment_ago_and_nothing_else(store: Store) -> None:
    assert store.list("t") == []
    for key in ("t/x=1/b", "t/x=1/a", "t/c", "tt/d"):
        store.write(key, b"-")
    assert store.list("t") == ["t/c", "t/x=1/a", "t/x=1/b"]
    store.delete("t/c")
    assert store.list("t") == ["t/x=1/a", "t/x=1/b"]


def test_a_folder_that_cannot_be_looked_into_is_not_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, scanned = LocalStore(tmp_path), os.scandir
    store.write("t/x=1/a", b"-")

    def scandir(path: Path) -> object:
        if str(path).endswith("x=1"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scanned(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError):
        store.list("t")
    assert store.list("t/x=1/a/below") == []


def test_a_batch_is_kept_whole_and_what_is_there_is_not_written_again(store: Store) -> None:
    store.ensure({})
    items = {f"o/{number % 3}/{number}": b"%d" % number for number in range(40)}
    store.ensure(items)
    stamps = store.stamps("o")
    assert list(stamps) == sorted(items) == store.list("o")
    store.write("o/1/1", b"x")
    store.write("o/2/2", b"longer")
    store.delete("o/0/0")
    store.ensure(items)
    assert dict(zip(items, store.read_all(list(items)), strict=True)) == items
    if isinstance(store, LocalStore):  # on S3 the same content has the same tag
        now = store.stamps("o")
        assert {key for key in items if now[key] != stamps[key]} == {"o/0/0", "o/1/1", "o/2/2"}


def test_another_content_has_another_stamp(store: Store) -> None:
    store.write("s/a", b"1")
    store.write("s/b", b"1")
    before = store.stamps("s")
    store.write("s/a", b"2")
    after = store.stamps("s")
    assert after["s/a"] != before["s/a"]
    assert after["s/b"] == before["s/b"]
    assert store.stamps("nowhere") == {}


def test_a_batch_syncs_every_file_before_its_name_and_every_folder_after(tmp_path, monkeypatch) -> None:
    """What landing acknowledges outlives a power cut: a new folder is synced into the one above it, too."""
    store = LocalStore(tmp_path)
    done: list[tuple[str, str]] = []
    sync, replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        done.append(("sync", str(Path(f"/proc/self/fd/{handle}").readlink())))
        sync(handle)

    def rename(path: Path, target: Path) -> Path:
        done.append((str(path), str(target)))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", rename)
    store.ensure({"o/aa/1": b"1", "o/aa/2": b"2", "o/bb/3": b"3"})
    for number, (source, target) in enumerate(done):
        if source != "sync":
            assert ("sync", source) in done[:number]
            assert ("sync", str(Path(target).parent)) in done[number:]
    for folder in ("", "o", "o/aa", "o/bb"):
        assert done.count(("sync", str(tmp_path / folder))) == (2 if folder == "o" else 1)


def test_create_refuses_a_name_that_is_taken(store: Store) -> None:
    assert store.create("k", b"mine")
    assert not store.create("k", b"theirs")
    assert store.create("k", b"mine"), "the same bytes again are a create whose acknowledgement was lost"
    assert store.read("k") == b"mine"


def test_swap_wants_the_tag_that_is_there(store: Store) -> None:
    assert store.swap("p", b"1", None)
    assert not store.swap("p", b"2", None)
    first = store.tag("p")
    assert store.swap("p", b"2", first)
    assert not store.swap("p", b"3", first)
    assert store.read("p") == b"2"
    assert not store.swap("never", b"1", first)
    assert not store.exists("never")


def test_of_many_creators_one_wins(store: Store) -> None:
    for attempt in range(5):
        gate = threading.Barrier(6)

        def one(_: int, key: str = f"race/{attempt}", gate: threading.Barrier = gate) -> bool:
            token = uuid.uuid4().bytes
            gate.wait()
            return store.create(key, token)

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(one, range(6))) == 1


def test_a_counter_swapped_by_many_loses_no_step(store: Store) -> None:
    store.write("n", b"0")

    def add(_: int) -> None:
        for _ in range(5):
            while True:
                tag = store.tag("n")
                value = int(store.read("n").split()[0])
                if store.swap("n", f"{value + 1} {uuid.uuid4().hex}".encode(), tag):
                    break

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(add, range(3)))
    assert store.read("n").split()[0] == b"15"


@pytest.mark.parametrize("key", ["/etc/passwd", "../up", "a/../../up"])
def test_a_key_does_not_leave_the_store(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        store.read(key)
    with pytest.raises(ValueError, match="not a key"):
        store.write(key, b"")


def test_no_reader_of_a_folder_sees_what_is_being_written(tmp_path) -> None:
    store = LocalStore(tmp_path)
    store.write("lake/t/a.parquet", b"x" * 1000)
    assert sorted(path.name for path in (tmp_path / "lake").rglob("*") if path.is_file()) == ["a.parquet"]
    assert not list((tmp_path / ".staging").iterdir())


def test_what_writes_that_were_cut_short_left_is_swept_and_what_is_being_written_is_not(tmp_path) -> None:
    store = LocalStore(tmp_path)
    store.swap("k", b"v", None)
    old, young = (Path(store._stage(b"half")) for _ in range(2))
    os.utime(old, (1e9, 1e9))
    assert store.sweep() == 1
    assert young.exists() and not old.exists()
    assert store.read("k") == b"v"
    assert store.sweep() == 0


def rights(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): f"{path.stat().st_mode & 0o777:o}" for path in sorted(root.rglob("*"))}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_rights_are_those_of_the_place_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    store, before = LocalStore(tmp_path), os.umask(umask)
    try:
        store.write("cdp/city=nan/index.html", b"1")
        store.create("cdp/city=nan/history/1.json", b"1")
        store.ensure({"landing/objects/aa/o": b"1", "cdp/city=nan/more.parquet": b"1"})
        store.swap("lake/t/city=nan/a.parquet", b"1", None)
        store.swap("cdp/city=nan/current.json", b"1", None)
        store.write("memory/city=nan/a.parquet", b"1")
        store.write("store.json", b"1")
    finally:
        os.umask(before)
    for path, mode in rights(tmp_path).items():
        folder, public = (tmp_path / path).is_dir(), path.split("/")[0] == "cdp"
        assert (
            mode
            == {(True, True): "755", (False, True): "644", (True, False): "700", (False, False): "600"}[folder, public]
        ), path
    assert list(store.wrong_modes()) == []


def test_rights_of_before_are_mended_and_what_is_not_the_stores_is_left(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for key in ("landing/receipts/a.jsonl", "lake/t/a.parquet", "cdp/city=nan/index.html"):
        store.write(key, b"1")
    right = rights(tmp_path)
    own = tmp_path / "own" / "file"
    own.parent.mkdir()
    own.write_bytes(b"1")
    (tmp_path / "lake" / "link").symlink_to(own)
    for path in tmp_path.rglob("*"):
        path.chmod(0o707 if path.is_dir() else 0o606)
    assert mend_modes(store) == len(right)
    assert right.items() <= rights(tmp_path).items()
    assert own.stat().st_mode & 0o777 == 0o606
    assert mend_modes(store) == 0


def test_a_path_opens_in_duckdb_and_polars(tmp_path) -> None:
    store = open_store(str(tmp_path))
    pl.DataFrame({"n": [1, 2]}).write_parquet(tmp_path / "t.parquet")
    assert pl.read_parquet(store.path("t.parquet")).height == 2
    assert duckdb.sql(f"select sum(n) from '{store.path('t.parquet')}'").fetchall() == [(3,)]


def test_an_s3_path_is_a_url() -> None:
    store = open_store("s3://bucket/prefix/")
    assert isinstance(store, S3Store)
    assert store.path("a/b") == "s3://bucket/prefix/a/b"


@pytest.mark.parametrize("happened", [True, False])
def test_a_lost_acknowledgement_is_told_from_another_writer(
    s3_store: S3Store, monkeypatch: pytest.MonkeyPatch, happened: bool
) -> None:
    put = s3_store.filesystem.pipe_file

    def lossy(path: str, data: bytes, **how: str) -> None:
        if happened:
            put(path, data, **how)
        raise OSError(5, "no answer")

    s3_store.write("p", b"old")
    tag = s3_store.tag("p")
    monkeypatch.setattr(s3_store.filesystem, "pipe_file", lossy)
    if happened:
        assert s3_store.create("k", b"mine")
        assert s3_store.swap("p", b"new", tag)
    else:
        with pytest.raises(OSError, match="no answer"):
            s3_store.create("k", b"mine")
        with pytest.raises(OSError, match="no answer"):
            s3_store.swap("p", b"new", tag)
    assert s3_store.read("p") == (b"new" if happened else b"old")
