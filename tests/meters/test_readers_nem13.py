"""NEM13: real files against two parsers, generated records against one, and every way a record can be wrong."""

import csv
import io
import json
import zipfile
from datetime import datetime, timedelta
from decimal import Decimal

import aemo_mdff_reader
import polars as pl
import pytest
from hypothesis import given, strategies as st

from assets.meters.exports import describe, read_export
from quality.readings import REGISTER_SCHEMA
from tests.kit import codes

MARKET = timedelta(hours=10)
HEAD = "100,NEM13,202604021330,MDP,CITY"


def read(*records, options=None):
    return read_export(("\n".join([HEAD, *records, "900"]) + "\n").encode(), "reads.csv", options or {})


def record(**told):
    fields = {
        "point": "NMI0000001", "configuration": "11", "register": "1", "suffix": "11", "stream": "11", "serial": "M1",
        "direction": "E", "from": "006342.8", "start": "20260101093055", "flag_start": "A", "rc1": "", "rd1": "",
        "to": "007654.9", "end": "20260401100333", "flag": "A", "reason": "", "rd2": "",
        "quantity": "1312.1", "unit": "kWh", "next": "20260701", "version": "20260402010000", "msats": "",
    } | told  # fmt: skip
    return ",".join(["250", *fields.values()])


def only(result):
    assert codes(result) == []
    (found,) = result.tables["registers"].iter_rows(named=True)
    return found


@pytest.mark.real
def test_real_files_give_what_other_parsers_found(real_data):
    expected = json.loads((real_data / "meters/EXPECTED.json").read_text(encoding="utf-8"))
    files = sorted((real_data / "meters/nem13").iterdir())
    assert len(files) == 8
    for path in files:
        told = next(found for name, found in expected.items() if name.rsplit("/")[-1] == path.name)
        result = read_export(path.read_bytes(), path.name, {})
        assert (result.format, codes(result), list(result.tables)) == ("nem13", [], ["registers"]), path.name
        reads = result.tables["registers"]
        assert reads.schema == REGISTER_SCHEMA
        assert reads.height == sum(channel["n"] for channel in told["channels"].values()), path.name
        for key, channel in told["channels"].items():
            point, suffix = key.split("/")
            part = reads.filter(point=point, channel=suffix)
            assert float(part["value"].sum()) == channel["sum"], key
            assert dict(part["quality_raw"].value_counts().iter_rows()) == channel["q"], key
            assert part["start"].min().replace(tzinfo=None) == datetime.fromisoformat(channel["first"]) - MARKET
            assert part["end"].max().replace(tzinfo=None) == datetime.fromisoformat(channel["last_end"]) - MARKET


@pytest.mark.real
def test_real_forward_estimates_are_forecasts(real_data):
    path = real_data / "meters/nem13/Example_NEM13_forward_estimate.csv"
    reads = read_export(path.read_bytes(), path.name, {}).tables["registers"]
    assert dict(reads.select("channel", "value").iter_rows()) == {"11": Decimal(111), "41": Decimal(65)}
    assert set(reads["quality"]) == {"forecast"}


def test_a_record():
    found = only(read(record(), "550,N,,A,"))
    assert found == {
        "point": "NMI0000001",
        "channel": "11",
        "quantity": "active_import",
        "start": datetime.fromisoformat("2026-01-01T09:30:55+10:00"),
        "end": datetime.fromisoformat("2026-04-01T10:03:33+10:00"),
        "register_start": Decimal("6342.8"),
        "register_end": Decimal("7654.9"),
        "multiplier": None,
        "value": Decimal("1312.1"),
        "quality": "actual",
        "quality_raw": "A",
        "reason_raw": None,
        "version": datetime.fromisoformat("2026-04-02T01:00:00+10:00"),
        "row": 2,
    }


DIALS = st.integers(0, 10**7).map(lambda number: f"{Decimal(number).scaleb(-1):09}")


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "suffix": st.sampled_from(["11", "41", "51"]),
                "direction": st.sampled_from(["E", "I"]),
                "from": DIALS,
                "flag_start": st.sampled_from(["A", "F52", "S62"]),
                "to": DIALS,
                "flag": st.sampled_from(["A", "F61", "S62", "E64"]),
                "quantity": st.decimals(-(10**6), 10**6, places=3).map(str),
                "unit": st.sampled_from(["kWh", "KWH", "kvarh"]),
            }
        ),
        min_size=1,
        max_size=8,
    )
)
def test_agrees_with_a_peer_on_generated_files(told):
    records = [record(point=f"NMI{number:07d}", **each) for number, each in enumerate(told)]
    result = read(*records)
    assert codes(result) == []
    rows = list(csv.reader([HEAD, *records, "900"]))
    theirs = {
        read.nmi: (
            read.nmi_suffix,
            read.previous_register_read_datetime,
            read.current_register_read_datetime,
            float(read.previous_register_read),
            float(read.current_register_read),
            read.quantity,
            read.current_quality_method,
        )
        for read in aemo_mdff_reader.parse_accumulations(rows)
    }
    columns = ("point", "channel", "start", "end", "register_start", "register_end", "value", "quality_raw")
    ours = {
        point: (
            channel,
            start.replace(tzinfo=None) + MARKET,
            end.replace(tzinfo=None) + MARKET,
            float(first),
            float(last),
            pytest.approx(float(value)),
            flag,
        )
        for point, channel, start, end, first, last, value, flag in result.tables["registers"]
        .select(columns)
        .iter_rows()
    }
    assert theirs == ours


@pytest.mark.parametrize(
    ("direction", "unit", "quantity", "value"),
    [
        ("E", "kWh", "active_import", "2000"),
        ("e", "Wh", "active_import", "2"),
        ("I", "MWh", "active_export", "2000000"),
        ("E", "kvarh", "reactive_import", "2000"),
        ("I", "KVARH", "reactive_export", "2000"),
        ("E", "kVAh", "apparent", "2000"),
    ],
)
def test_direction_and_unit_make_the_quantity(direction, unit, quantity, value):
    found = only(read(record(direction=direction, unit=unit, quantity="2000")))
    assert (found["quantity"], found["value"]) == (quantity, Decimal(value))
    assert found["register_end"] == Decimal("7654.9")


@pytest.mark.parametrize(
    ("flags", "end", "quality"),
    [
        (("A", "A"), "20260401100333", "actual"),
        (("F61", "A"), "20260401100333", "substituted"),
        (("A", "S62"), "20260401100333", "substituted_temporary"),
        (("E64", "A"), "20260401100333", "substituted_temporary"),
        (("A", "E64"), "20260401100333", "substituted_temporary"),
        (("A", "E64"), "20260701000000", "forecast"),
        (("A", "N"), "20260401100333", "missing"),
        (("", "A"), "20260401100333", "actual"),
    ],
)
def test_the_worse_read_decides_the_quality(flags, end, quality):
    found = only(read(record(flag_start=flags[0], flag=flags[1], end=end)))
    assert (found["quality"], found["quality_raw"]) == (quality, flags[1])
    assert (found["value"] is None) == (quality == "missing")


def test_a_new_register_has_no_previous_read():
    found = only(read(record(**{"from": "", "start": "", "flag_start": ""})))
    assert (found["start"], found["register_start"], found["register_end"]) == (None, None, Decimal("7654.9"))


def test_a_blank_quantity_is_missing_never_zero():
    result = read(record(quantity=""))
    assert codes(result) == ["value-blank"]
    (found,) = result.tables["registers"].iter_rows(named=True)
    assert (found["value"], found["quality"], found["register_end"]) == (None, "missing", Decimal("7654.9"))


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (record(quantity="many"), "value-not-number"),
        (record(to="7654x"), "value-not-number"),
        (record(**{"from": "9" * 20}), "value-range"),
        (record(quantity="9" * 14), "value-range"),
        (record(end=""), "stamp-bad"),
        (record(end="20260231000000"), "stamp-bad"),
        (record(start="yesterday"), "stamp-bad"),
        (record(start="20260501000000"), "stamp-bad"),
        (record(unit=""), "unit-unknown"),
        (record(unit="furlong"), "unit-unknown"),
        (record(unit="kW"), "unit-unknown"),
        (record(direction=""), "value-unknown"),
        (record(direction="X"), "value-unknown"),
        (record(point=""), "row-malformed"),
        (record(suffix=""), "row-malformed"),
        (record(flag="Z"), "row-malformed"),
        (record(flag="V"), "row-malformed"),
        ("250,NMI0000001,11", "row-malformed"),
        (record() + ",1,2,3", "row-malformed"),
        ("251,what is this", "row-malformed"),
        ('250,"NMI0000001,11', "row-malformed"),
    ],
)
def test_bad_records_are_refused_with_their_row_and_the_rest_is_kept(bad, code):
    result = read(bad, record(point="NMI0000002"))
    assert list(result.problems.select("row", "code").iter_rows()) == [(2, code)]
    assert result.tables["registers"]["point"].to_list() == ["NMI0000002"]
    assert describe(result, "x")["status"] == "partial"
    assert not any("NMI0" in message for message in result.problems["message"])


def test_the_latest_version_of_a_period_wins_in_any_order():
    early, late = record(quantity="1", version="20260402010000"), record(quantity="2", version="20260403010000")
    for records, dropped in (((early, late), 2), ((late, early), 3)):
        result = read(*records)
        assert result.tables["registers"]["value"].to_list() == [Decimal(2)]
        assert list(result.problems.select("row", "code").iter_rows()) == [(dropped, "day-repeated")]
    assert codes(read(early, early)) == ["duplicate-rows"]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join([HEAD, record()]),
        "\n".join([HEAD, record(), "90"]),
        record()[:85],
        "\n".join([HEAD, record(), record(point="N2")[:90]]),
    ],
)
def test_a_cut_file_is_rejected(text):
    result = read_export(text.encode(), "x.csv", {"format": "nem13"})
    assert codes(result) == ["file-truncated"]
    assert not result.tables


def test_a_file_without_100_and_900_is_read():
    result = read_export(f"{record()}\n".encode(), "x.csv", {})
    assert (result.format, codes(result)) == ("nem13", ["header-absent"])
    assert result.tables["registers"].height == 1


def test_description_of_registers():
    result = read(record(), record(start="20260401100333", end="20260501000000", quantity="7.9"))
    (channel,) = describe(result, "x")["channels"]
    assert json.loads(json.dumps(channel)) == {
        "kind": "register",
        "point": "p1",
        "channel": "11",
        "quantity": "active_import",
        "unit": "kWh",
        "interval_minutes": None,
        "readings": 2,
        "sum": 1320.0,
        "start": "2026-01-01T09:30:55+10:00",
        "end": "2026-05-01T00:00:00+10:00",
        "quality": {"actual": 2},
        "quality_raw": {"A": 2},
    }
    (channel,) = describe(read(record(quantity="")), "x")["channels"]
    assert channel["sum"] == 7654.9


def test_intervals_and_registers_of_one_archive_are_both_kept():
    nem12 = f"200,NMI0000001,E1,1,E1,N1,M,kWh,30,\n300,20260101,{','.join(['1'] * 48)},A,,,20260102010000,\n"
    nem13 = "\n".join([HEAD, record(), "900", ""])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in (("a", f"100,NEM12,202601020000,A,B\n{nem12}900\n"), ("b", nem13), ("c", nem13)):
            archive.writestr(name, text)
    result = read_export(out.getvalue(), "x.zip", {})
    assert (result.format, codes(result)) == ("nem12+nem13", ["duplicate-rows"])
    told = describe(result, "x.zip")
    assert (told["status"], told["readings"]) == ("ok", 49)
    assert [(channel["kind"], channel["point"]) for channel in told["channels"]] == [
        ("interval", "p1"),
        ("register", "p1"),
    ]


def test_an_envelope_of_reads_is_opened():
    text = f"<aseXML><X><CSVConsumptionData>{HEAD}\n{record()}\n900</CSVConsumptionData></X></aseXML>"
    result = read_export(text.encode(), "x.xml", {})
    assert (result.format, codes(result)) == ("nem13", [])
    assert result.tables["registers"].select(pl.col("value").sum()).item() == Decimal("1312.1")


@given(st.data())
def test_no_damage_raises(data):
    damaged = bytearray("\n".join([HEAD, record(), record(point="N2"), "900"]).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        cut = data.draw(st.integers(0, 30))
        damaged[at : at + cut] = data.draw(st.sampled_from([b"", b",", b"\n", b'"', b"250,", b"900", b"\xe0"]))
    for options in ({}, {"format": "nem13"}, {"format": "nem12"}):
        result = read_export(bytes(damaged), "x", options)
        assert "reader-failed" not in codes(result)
        assert result.tables or result.problems.height
        json.dumps(describe(result, "x"))
