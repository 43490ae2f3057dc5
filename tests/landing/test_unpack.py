"""Archives: what comes out, and what is refused."""

import gzip
import io
import zipfile

import pytest

from assets.landing import unpack
from assets.landing.unpack import ArchiveError, members


def zipped(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def refusal(data):
    with pytest.raises(ArchiveError) as caught:
        members(data, "x")
    return caught.value


def test_plain_zip_and_gzip():
    assert members(b"a,b", "x.zip") == [("x.zip", b"a,b")]
    assert members(zipped([("d/a.csv", b"1"), ("b", b"2"), ("d/", b"")]), "x") == [("d/a.csv", b"1"), ("b", b"2")]
    assert members(gzip.compress(b"1"), "x.csv.gz") == [("x.csv", b"1")]
    assert members(gzip.compress(b"1") + gzip.compress(b"2"), "x.gz") == [("x", b"12")]


def test_a_workbook_stays_whole():
    book = zipped([("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>")])
    assert members(book, "x.xlsx") == [("x.xlsx", book)]
    assert members(zipped([("x.xlsx", book)]), "x.zip") == [("x.xlsx", book)]


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/etc/passwd", "C:/a", "..\\a", "\\\\host\\share"])
def test_paths_that_leave_the_folder(path):
    error = refusal(zipped([("fine", b"1"), (path, b"1")]))
    assert error.code == "archive-limit"
    assert "entry 2" in str(error)


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped([("a", data)])])
def test_a_bomb_is_stopped_by_what_comes_out(pack):
    bomb = pack(bytes(unpack.RATIO_FROM + 1))
    assert len(bomb) < 100_000
    assert refusal(bomb).code == "archive-limit"


def test_a_workbook_may_be_a_bomb_too():
    book = zipped([("[Content_Types].xml", b"<Types/>"), ("xl/sheet.xml", bytes(unpack.RATIO_FROM + 1))])
    assert refusal(book).code == "archive-limit"


def test_small_files_of_zeros_are_fine():
    assert len(members(gzip.compress(bytes(unpack.RATIO_FROM)), "x")[0][1]) == unpack.RATIO_FROM


def test_entries_and_depth(monkeypatch):
    monkeypatch.setattr(unpack, "MAX_ENTRIES", 3)
    assert refusal(zipped([(str(n), b"") for n in range(4)])).code == "archive-limit"
    deep = b"1"
    for _ in range(3):
        deep = zipped([("a", deep)])
    assert "deep" in str(refusal(deep))


def test_total_counts_over_all_entries(monkeypatch):
    monkeypatch.setattr(unpack, "RATIO_FROM", 1000)
    monkeypatch.setattr(unpack, "MAX_RATIO", 0)
    assert refusal(zipped([(str(n), bytes(400)) for n in range(3)])).code == "archive-limit"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_archives(method):
    whole = bytearray(zipped([("a", bytes(range(256)) * 8)], method))
    for at in range(35, 60):
        whole[at] ^= 0xFF
    assert refusal(bytes(whole)).code == "file-malformed"
    assert refusal(bytes(whole[:100])).code == "file-malformed"


def test_encrypted_archives():
    data = bytearray(zipped([("a", b"1")]))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    assert refusal(bytes(data)).code == "file-malformed"


def test_truncated_gzip():
    assert refusal(gzip.compress(bytes(range(256)) * 100)[:-20]).code == "file-malformed"


def test_an_entry_without_a_name_is_refused():
    """Found by fuzzing: a name that begins with NUL is empty to zipfile, whose ``is_dir`` fails on it."""
    assert refusal(zipped([("a.csv", b"x")]).replace(b"a.csv", b"\0.csv")).code == "archive-limit"
