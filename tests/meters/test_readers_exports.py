"""Which reader a file gets, what is rejected before any reader looks, and how a result is described."""

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import tarfile
import zipfile
from contextlib import closing
from datetime import date

import polars as pl
import pytest
from hypothesis import given, strategies as st

from assets.cities.registry import RegistryError, SourceEntry, check_sources, load_registry
from assets.meters import exports
from assets.meters.exports import METER_EXPORTS, Format, describe, read_export
from assets.sources.source import Context
from assets.sources.table_files import read_table
from tests.kit import codes

NEM12 = (
    "100,NEM12,202601020000,MDP,CITY\n200,NMI0000001,E1,1,E1,N1,M,kWh,30,\n"
    f"300,20260101,{','.join(['1'] * 48)},A,,,20260102010000,\n900\n"
).encode()
LONG = b"point,timestamp_end,kwh,status\nP1,2026-01-01 00:15,1.5,Actual\n"
LOGIN = b"<!DOCTYPE html><html><body><form><input type=password></form></body></html>"


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("export.csv")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"kwh": [1.5]}).write_parquet(out)
    return out.getvalue()


def sqlite() -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("create table readings (kwh)")
        return database.serialize()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file-empty"),
        (b"  \r\n\t\n", "file-empty"),
        (b"\xef\xbb\xbf", "file-empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "file-not-data"),
        (b"%PDF-1.7 ...", "file-not-data"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "file-not-data"),
        (b"abc\x00\x01\x02def,1,2,3,4\x00\x03", "file-not-data"),
        (b"\x81\x82\x83 neither", "file-encoding"),
        (LOGIN, "file-html"),
        (b"  <html><table><tr><td>1</td></tr></table>", "file-html"),
        (b"<?xml version='1.0'?><feed/>", "format-unknown"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "file-malformed"),
        (b"sensor,temperature\n1,30.5\n", "format-unknown"),
        (b"PK\x03\x04 not an archive", "file-malformed"),
        (b"\x1f\x8b\x08 not gzip either", "file-malformed"),
        (b"PK\x05\x06" + b"\x00" * 18, "file-empty"),
        (zipped(**{"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<broken"}), "file-malformed"),
    ],
)
@pytest.mark.parametrize("name", ["export.csv", "export.xls"])
def test_what_is_no_export_is_rejected_whatever_its_name(data, code, name):
    result = read_export(data, name, {})
    assert codes(result) == [code]
    told = describe(result, name)
    assert (told["status"], told["readings"], told["channels"]) == ("rejected", 0, [])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"%PDF-1.7 ...", "a PDF"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a picture (JPEG)"),
        (lzma.compress(LONG), "a file packed by xz"),
        (bz2.compress(LONG), "a file packed by bzip2"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "a 7-Zip archive"),
        (b"Rar!\x1a\x07\x01\x00", "a RAR archive"),
        (parquet(), "a Parquet file"),
        (sqlite(), "a SQLite database"),
        (tarred(LONG), "a tar archive"),
        (gzip.compress(tarred(LONG)), "a tar archive"),
        (zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet", content=b"<x/>"), "an OpenDocument file"),
        (zipped(**{"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"}), "an Office file that is no XLSX"),
        (zipped(**{"[Content_Types].xml": b"<x/>", "xl/workbook.bin": b"\x83\x01"}), "an Office file that is no XLSX"),
    ],
)
def test_files_of_other_kinds_are_called_what_they_are(data, told):
    """Whoever delivers one is told what it is, in meter exports as in published tables, and not that a text is in no
    known encoding."""
    (problem,) = read_export(data, "export.csv", {}).problems.iter_rows(named=True)
    assert (problem["code"], problem["message"][: len(told)]) == ("file-not-data", told)
    published = read_table(data)
    assert published.is_rejected
    assert told in published.found["message"][0]


@pytest.mark.parametrize("point", ["PAR1", "BZh9", "Rar!", "GIF8", "7z"])
def test_a_text_may_begin_with_letters_that_another_kind_does(point):
    data = f"{point},kWh\na,1\n".encode()
    (problem,) = read_export(data, "export.csv", {}).problems.iter_rows(named=True)
    assert problem["code"] == "format-unknown" and problem["message"].startswith("text that no reader recognises")
    assert set(read_table(data).rows.columns) == {"_row", point, "kWh"}


@pytest.mark.real
def test_real_picture_is_rejected(real_data):
    data = (real_data / "meters/uk_amr/upload__not_a_csv.csv").read_bytes()
    assert codes(read_export(data, "upload.csv", {})) == ["file-not-data"]


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_no_bytes_raise(data):
    result = read_export(data, "x", {})
    assert result.problems.height
    assert "reader-failed" not in codes(result)
    json.dumps(describe(result, "x"))


@given(st.sampled_from([NEM12, LONG]), st.data())
def test_no_damage_raises(data, draw):
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(damaged) - 1))
        cut = draw.draw(st.integers(0, 30))
        damaged[at : at + cut] = draw.draw(
            st.binary(max_size=8) | st.sampled_from([b",", b"\n", b'"', b"300,", b"400,"])
        )
        if not damaged:
            break
    result = read_export(bytes(damaged), "x", {})
    assert "reader-failed" not in codes(result)
    assert result.tables or result.problems.height


@given(st.sampled_from(["nem12", "muang_meters_long", "pea_html", "mea_csv"]), st.binary(max_size=60))
def test_no_pinned_format_raises(form, data):
    assert "reader-failed" not in codes(read_export(data + b"\n,,,\n1,2,3", "x", {"format": form}))


def test_a_failing_reader_is_a_problem_that_tells_its_type_only(monkeypatch):
    def fail(content, options):
        raise ZeroDivisionError("account 0123456789")

    monkeypatch.setattr(exports, "readers", lambda: {"bad": Format("text", lambda content: "always", fail)})
    result = read_export(LONG, "x.csv", {})
    assert codes(result) == ["reader-failed"]
    assert "ZeroDivisionError" in result.problems["message"][0]
    assert "0123456789" not in result.problems["message"][0]


def test_two_readers_that_recognise_a_file_are_named(monkeypatch):
    known = exports.readers()
    monkeypatch.setattr(exports, "readers", lambda: known | {"twin": known["muang_meters_long"]})
    result = read_export(LONG, "x.csv", {})
    assert codes(result) == ["format-ambiguous"]
    assert "muang_meters_long, twin" in result.problems["message"][0]
    assert read_export(LONG, "x.csv", {"format": "twin"}).tables


@pytest.mark.parametrize(
    "text",
    [
        "Customer,Somchai\nMeter,02001234\nวันที่เวลา;กำลังไฟ\n01/11/2567 00:15;1,5\n",
        "Somchai,Jaidee,Bangkok\nSomsak,Somchai,Nan\n",
        "Owner;Somchai Jaidee\nAddress;12 Moo 3\n\nday;hour;load\n1;2;3\n",
    ],
)
def test_what_stands_before_or_without_a_header_is_not_told(text):
    (message,) = read_export(text.encode(), "x.csv", {}).problems["message"]
    assert "Somchai" not in message


def test_unknown_tells_the_header_the_nearest_layout_and_what_to_do():
    (message,) = read_export(b"Load\nby quarter\na,b\n1,2\n", "x.csv", {}).problems["message"]
    assert "line 3 has the columns 'a', 'b'" in message
    assert "muang read --layout FILE.yaml" in message
    header = b"MEA No.,UI ID.,Rate Category,Measuring Component,TOU/TOD,Date Time,Value\n"
    (message,) = read_export(header + b"111222333,u,3,E-MAX-KW-IMP,ON,11/1/2026 0:15,4\n", "x.csv", {}).problems[
        "message"
    ]
    assert "nearest is the layout mea_csv" in message
    assert "'Measuring Compoenent' ('Measuring Component' is like it)" in message
    assert "111222333" not in message


def test_a_layout_that_is_named_tells_that_its_delimiter_is_another():
    data = b"point;timestamp_end;kwh;status\nA;2026-11-30 00:15;1;Actual\n"
    (message,) = read_export(data, "x.csv", {"layout": "muang_meters_long"}).problems["message"]
    assert message.endswith("nearest is the layout muang_meters_long, whose delimiter is ','")


def test_a_header_shows_no_long_number():
    (message,) = read_export(b"at,020012345678\n2026-01-01 00:15,4\n", "x.csv", {}).problems["message"]
    assert "020012345678" not in message


def test_a_pattern_that_fails_is_named():
    header = b"Date,H1,H2,Hour 3,Hour 4\n2026-01-01,1,2,3,4\n"
    layout = {
        "name": "hours",
        "title": "t",
        "source": "s",
        "label": "end",
        "minutes": 60,
        "point": "P",
        "stamp": {"columns": ["Date"], "order": "ymd"},
        "wide": {"columns": r"H(?P<index>\d+)", "measure": {"unit": "kWh", "kind": "delta"}},
    }
    (message,) = read_export(header, "x.csv", {"layout": layout}).problems["message"]
    assert "24 interval columns 2 match" in message


def test_a_cause_is_told_once_with_its_rows():
    rows = "".join(f"P1,30 Feb 2026 00:{n:02d},1,Actual\n" for n in range(10, 60))
    told = describe(read_export(b"point,timestamp_end,kwh,status\n" + rows.encode(), "x.csv", {}), "x")
    (cause,) = [problem for problem in told["problems"] if problem["code"] == "stamp-bad"]
    assert (cause["row"], cause["rows"]) == (2, 50)
    assert "'99 Feb 9999 99:99'" in cause["message"]


@pytest.mark.parametrize(
    "data",
    [
        LONG,
        gzip.compress(LONG),
        zipped(**{"a.csv": LONG}),
        zipped(**{"a.csv.gz": gzip.compress(LONG)}),
        zipped(**{"inner.ZIP": zipped(**{"a.csv": LONG})}),
        LONG.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + LONG,
    ],
    # Named: packed bytes hold the time, and a test must be called alike in every process.
    ids=["plain", "gzip", "zip", "gzip in zip", "zip in zip", "utf-16", "bom"],
)
def test_packing_does_not_matter(data):
    result = read_export(data, "x.bin", {})
    assert (result.format, codes(result)) == ("muang_meters_long", [])
    assert result.tables["readings"].equals(read_export(LONG, "x.csv", {}).tables["readings"])


def test_files_of_an_archive_are_read_together():
    later = LONG.replace(b"1.5", b"2.5").replace(b"P1", b"P2")
    data = zipped(
        **{
            "a.csv": LONG,
            "b.csv": later,
            "c.csv": LONG,
            "meter-P1.txt": b"hello",
            "__MACOSX/a": b"\x00",
            "desktop.ini": b"[x]",
        }
    )
    result = read_export(data, "x.zip", {})
    assert result.tables["readings"]["point"].sort().to_list() == ["P1", "P2"]
    assert sorted(codes(result)) == ["duplicate-rows", "format-unknown"]
    assert "file 4 of the archive" in "".join(result.problems["message"])
    assert "meter-P1" not in "".join(result.problems["message"])
    assert describe(result, "x.zip")["status"] == "partial"


def test_pinned_layout_does_not_read_another_kind():
    assert codes(read_export(LOGIN, "x.csv", {"layout": "muang_meters_long"})) == ["file-html"]
    assert codes(read_export(NEM12, "x.csv", {"layout": "muang_meters_long"})) == ["file-malformed"]


def test_description():
    told = describe(read_export(NEM12, "x.csv", {}), "x.csv")
    assert json.loads(json.dumps(told)) == {
        "file": "x.csv",
        "format": "nem12",
        "evidence": "100 record says NEM12",
        "status": "ok",
        "readings": 48,
        "channels": [
            {
                "kind": "interval",
                "point": "p1",
                "channel": "E1",
                "quantity": "active_import",
                "unit": "kWh",
                "interval_minutes": 30,
                "readings": 48,
                "sum": 48.0,
                "start": "2026-01-01T00:00:00+10:00",
                "end": "2026-01-02T00:00:00+10:00",
                "quality": {"actual": 48},
                "quality_raw": {"A": 48},
            }
        ],
        "problems": [],
    }
    assert describe(read_export(NEM12, "x.csv", {}), "x", show_ids=True)["channels"][0]["point"] == "NMI0000001"


LAYOUT = {
    "name": "own",
    "title": "t",
    "source": "s",
    "label": "end",
    "minutes": 15,
    "stamp": {"columns": ["timestamp_end"], "order": "ymd"},
    "point_column": "point",
    "values": {"kwh": {"unit": "kWh", "kind": "delta"}},
}


def with_options(**options):
    """A city whose only source is an inbox of exports with these options."""
    entry = SourceEntry(via="inbox", reader="meter_exports", options=options)
    return load_registry()["phuket"].model_copy(update={"sources": {"exports": entry}})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"timezon": "UTC"}, "timezon: is not known here; known: timezone"),
        ({"timezone": "X/Y"}, "timezone: time zone 'X/Y' is not known"),
        ({"timezone": 7}, "timezone: "),
        ({"format": "nem21"}, "format: 'nem21' is not one of d0036"),
        ({"layout": "no_such"}, "layout: 'no_such' is not one of"),
        ({"layout": 3}, "layout: must be a name or a mapping"),
        ({"layout": LAYOUT | {"minutes": 7}}, "layout: minutes must divide a day"),
        ({"layout": LAYOUT | {"stamp": {"columns": ["at"]}}}, "layout: stamp: order must be said"),
        ({"layout": {name: value for name, value in LAYOUT.items() if name != "label"}}, "'label: start'"),
        ({"layout": LAYOUT | {"point_column": None}}, "set the option 'point'"),
        ({"point": ""}, "point: "),
        ({"multiplier": 0}, "multiplier: "),
    ],
)
def test_a_wrong_option_is_refused_with_the_registry(options, reason):
    city = with_options(**options)
    with pytest.raises(RegistryError) as error:
        check_sources({city.slug: city}, {"meter_exports": METER_EXPORTS.options})
    assert "sources.exports.options." in str(error.value)
    assert reason in str(error.value)
    assert codes(METER_EXPORTS.read(LONG, Context(city, date(2026, 1, 2), "x.csv", options))) == ["option-invalid"]


def test_options_of_the_registry_reach_the_reader():
    options = {"layout": LAYOUT, "timezone": "UTC"}
    city = with_options(**options)
    check_sources({city.slug: city}, {"meter_exports": METER_EXPORTS.options})
    result = METER_EXPORTS.read(LONG, Context(city, date(2026, 1, 2), "x.csv", options))
    assert (result.format, str(result.tables["readings"]["start"][0])) == ("own", "2026-01-01 00:00:00+00:00")
