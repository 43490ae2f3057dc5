"""NEM12: real files against what two independent parsers agree on, and both parsers on generated files."""

import csv
import json
from datetime import datetime, timedelta
from decimal import Decimal

import aemo_mdff_reader
import polars as pl
import pytest
from hypothesis import assume, given, settings, strategies as st
from nemreader.nem_reader import parse_nem12_rows

from assets.meters.exports import describe, read_export
from assets.meters.formats import content, nem12, nem13
from tests.kit import codes

FACTORS = {"wh": Decimal("0.001"), "mwh": Decimal(1000)}
MARKET = timedelta(hours=10)


def export(*records, options=None, end="\n"):
    """Read records (without the enclosing 100 and 900, which are added) as one file."""
    text = "\n".join(["100,NEM12,202601020000,MDP,CITY", *records, "900"]) + end
    return read_export(text.encode(), "export.csv", options or {})


def nmi(point="NMI0000001", suffix="E1", unit="kWh", minutes=30):
    return f"200,{point},E1Q1,1,{suffix},N1,METER1,{unit},{minutes},"


def day(date="20260101", values=None, quality="A", reason="", updated="20260102010000", count=48):
    return f"300,{date},{','.join(values or ['1.5'] * count)},{quality},{reason},,{updated},"


def test_a_spreadsheet_fills_lines_up_to_the_longest():
    records = [nmi(), day() + "," * 48, nmi("NMI0000002", minutes=15), day(count=96)]
    result = export(*records)
    assert (codes(result), result.tables["readings"].height) == ([], 144)
    assert codes(export(nmi(), day() + "," * 48 + "1")) == ["file-malformed", "interval-count"]


def good(expected):
    return {
        name.replace("aemo_scenarios/", ""): told
        for name, told in expected.items()
        if name.startswith("nem12/") and told["channels"]
    }


@pytest.mark.real
def test_real_files_give_what_two_other_parsers_agree_on(real_data):
    expected = good(json.loads((real_data / "meters/EXPECTED.json").read_text(encoding="utf-8")))
    assert len(expected) == 19
    for name, told in expected.items():
        path = real_data / "meters" / name
        result = read_export(path.read_bytes(), path.name, {})
        assert result.format == "nem12", name
        assert codes(result) == [], name
        readings = result.tables["readings"]
        assert readings.height == sum(channel["n"] for channel in told["channels"].values()), name
        for key, channel in told["channels"].items():
            point, suffix = key.split("/")
            part = readings.filter(point=point, channel=suffix)
            assert part.height == channel["n"], (name, key)
            total = Decimal(str(channel["sum"])) * FACTORS.get(channel["uom"].lower(), Decimal(1))
            assert abs(part["value"].sum() - total) < Decimal("0.000001"), (name, key)
            assert dict(part["quality_raw"].value_counts().iter_rows()) == channel["q"], (name, key)
            first = datetime.fromisoformat(channel["first"]) - MARKET
            assert part["start"].min().replace(tzinfo=None) == first, (name, key)
            ends = part.select((pl.col("start") + pl.duration(minutes="minutes")).max()).item()
            assert ends.replace(tzinfo=None) == datetime.fromisoformat(channel["last_end"]) - MARKET, (name, key)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "status", "counts", "problems"),
    [
        ("Example_NEM12_15min_200_30min_300.csv", "rejected", {}, [(None, "file-malformed"), (3, "interval-count")]),
        ("Example_NEM12_incomplete_interval.csv", "partial", {"E1": 48, "Q1": 96}, [(3, "interval-count")]),
        (
            "Example_NEM12_powercor.csv",
            "ok",
            {"E1": 48, "Q1": 48},
            [(None, "header-absent"), (3, "day-repeated"), (5, "day-repeated")],
        ),
        (
            "Example_NEM12_powercor_missing_fields.csv",
            "ok",
            {"E1": 48, "Q1": 48},
            [(None, "header-absent"), (3, "day-repeated"), (5, "day-repeated")],
        ),
        ("Example_empty_file.csv", "rejected", {}, [(None, "file-empty")]),
    ],
)
def test_real_bad_files(real_data, name, status, counts, problems):
    path = real_data / "meters/nem12_bad" / name
    result = read_export(path.read_bytes(), name, {})
    told = describe(result, name)
    assert told["status"] == status
    assert {channel["channel"]: channel["readings"] for channel in told["channels"]} == counts
    assert list(result.problems.select("row", "code").iter_rows()) == problems


@pytest.mark.real
def test_real_joined_files_keep_the_second_reading(real_data):
    path = real_data / "meters/nem12_bad/Example_NEM12_powercor.csv"
    readings = read_export(path.read_bytes(), path.name, {}).tables["readings"]
    assert set(readings.filter(channel="E1")["value"]) == {Decimal("3.333000")}


VALUES = st.decimals(0, 99998, places=3).map(str) | st.just("0") | st.decimals(0, 9, places=1).map(str)
FLAGS = st.sampled_from(["A", "S14", "F52", "E64", "N"])


@st.composite
def channels(draw):
    """Channels with days, of which some vary in quality, as records."""
    records = []
    for number in range(draw(st.integers(1, 3))):
        minutes = draw(st.sampled_from([15, 30]))
        count = 1440 // minutes
        records.append(nmi(f"NMI{number:07d}", draw(st.sampled_from(["E1", "B1"])), "kWh", minutes))
        for offset in sorted(draw(st.sets(st.integers(0, 400), min_size=1, max_size=3))):
            date = f"{datetime(2024, 1, 1) + timedelta(days=offset):%Y%m%d}"
            values = draw(st.lists(VALUES, min_size=count, max_size=count))
            flag = draw(FLAGS | st.just("V"))
            records.append(day(date, values, flag, "", "20260102010000"))
            if flag == "V":
                cut = draw(st.integers(1, count - 1))
                records += [f"400,1,{cut},{draw(FLAGS)},,", f"400,{cut + 1},{count},{draw(FLAGS)},,"]
    return records


@given(channels())
def test_agrees_with_both_peers_on_generated_files(records):
    result = export(*records)
    # Of numbers under the flag for none.
    assert set(codes(result)) <= {"value-contradicts"}
    readings = result.tables["readings"]
    ours = {
        (point, channel, start.replace(tzinfo=None) + MARKET): (value, flag)
        for point, channel, start, value, flag in readings.select(
            "point", "channel", "start", "value", "quality_raw"
        ).iter_rows()
    }
    rows = list(csv.reader(records))
    peer = parse_nem12_rows([*rows, ["900"]]).readings
    theirs = {
        (point, channel, reading.t_start): (reading.read_value, reading.quality_method)
        for point, of_point in peer.items()
        for channel, listed in of_point.items()
        for reading in listed
    }
    assert ours.keys() == theirs.keys()
    for key, (value, flag) in theirs.items():
        mine, my_flag = ours[key]
        assert my_flag == flag
        assert mine is None if flag == "N" else float(mine) == pytest.approx(value, abs=1e-9)
    other = aemo_mdff_reader.parse([["100", "NEM12", "202601020000", "MDP", "CITY"], *rows, ["900"]])
    found = {(read.nmi, read.nmi_suffix, read.interval_start): read.value for read in other}
    assert found.keys() == ours.keys()
    assert all(mine is None or float(mine) == pytest.approx(found[key]) for key, (mine, _) in ours.items())


@settings(max_examples=15)
@given(
    channels(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]), st.sampled_from(["\n", "\r\n", "\r"])
)
def test_encoding_and_line_ends_do_not_matter(records, encoding, end):
    plain = export(*records).tables["readings"]
    text = end.join(["100,NEM12,202601020000,MDP,CITY", *records, "900", ""])
    other = read_export(text.encode(encoding), "x.CSV", {}).tables["readings"]
    assert other.equals(plain)


@pytest.mark.parametrize(
    ("suffix", "unit", "minutes", "value", "quantity", "canonical"),
    [
        ("E1", "Wh", 30, "1500", "active_import", "1.5"),
        ("B1", "MWH", 30, "0.0025", "active_export", "2.5"),
        ("E1", "kW", 15, "10", "active_import", "2.5"),
        ("E1", "W", 5, "1200", "active_import", "0.1"),
        ("Q1", "kVArh", 30, "2", "reactive_import", "2"),
        ("K1", "Mvar", 30, "1", "reactive_export", "500"),
        ("S1", "kVAh", 30, "3", "apparent", "3"),
        ("V1", "kV", 30, "0.23", "voltage", "230"),
        ("C1", "A", 30, "12", "other", "12"),
        ("V1", "", 30, "239.1", "other", "239.1"),
    ],
)
def test_units_become_the_quantity_s_own(suffix, unit, minutes, value, quantity, canonical):
    count = 1440 // minutes
    result = export(nmi("NMI0000001", suffix, unit, minutes), day(values=[value] * count))
    assert codes(result) == []
    readings = result.tables["readings"]
    assert set(readings["quantity"]) == {quantity}
    assert set(readings["value"]) == {Decimal(canonical)}
    assert set(readings["minutes"]) == {minutes}


@pytest.mark.parametrize(
    ("records", "row", "code"),
    [
        ([nmi(), day(count=47)], 3, "interval-count"),
        ([nmi(), day(count=96)], 3, "interval-count"),
        ([nmi(minutes=7), day()], 3, "interval-length"),
        ([nmi(minutes=""), day()], 3, "interval-length"),
        ([nmi(unit="kvarh"), day()], 3, "unit-unknown"),
        ([nmi(unit=""), day()], 3, "unit-unknown"),
        ([nmi(unit="furlong"), day()], 3, "unit-unknown"),
        ([nmi(), day("20260231")], 3, "stamp-bad"),
        ([nmi(), day("25690101")], 3, "stamp-bad"),
        ([nmi(), day(values=["1"] * 47 + ["ERROR"])], 3, "value-not-number"),
        ([nmi(), day(values=["1"] * 47 + ["9" * 30])], 3, "value-not-number"),
        ([nmi(), day(quality="X")], 3, "row-malformed"),
        ([nmi(), day(quality="V")], 3, "quality-ranges"),
        ([nmi(), day(quality="V"), "400,1,20,A,,", "400,22,48,A,,"], 3, "quality-ranges"),
        ([nmi(), day(quality="V"), "400,1,30,A,,", "400,20,48,A,,"], 3, "quality-ranges"),
        ([nmi(), day(quality="V"), "400,1,999999999,A,,"], 4, "quality-ranges"),
        ([nmi(), day(), "400,1,24,F14,,", "400,25,48,A,,"], 3, "quality-ranges"),
        ([day(), nmi(), day()], 2, "row-malformed"),
        ([nmi(""), day()], 3, "row-malformed"),
        ([nmi(), "400,1,48,A,,", day()], 3, "row-malformed"),
        ([nmi(), day(), "301,what is this"], 4, "row-malformed"),
        ([nmi(), day(), "2" + day("20260102")[1:]], 4, "row-malformed"),
    ],
)
def test_bad_rows_are_refused_with_their_row_and_the_rest_is_kept(records, row, code):
    rest = [nmi("NMI0000002"), day("20260105")]
    result = export(*records, *rest)
    assert (row, code) in list(result.problems.select("row", "code").iter_rows())
    assert describe(result, "x")["status"] == "partial"
    assert result.tables["readings"].filter(point="NMI0000002").height == 48
    assert not any("NMI0" in message for message in result.problems["message"])


def test_blank_cells_become_missing_never_zero():
    result = export(nmi(), day(values=["1", "", " "] * 16))
    readings = result.tables["readings"]
    assert readings["value"].null_count() == 32
    assert dict(readings["quality"].value_counts().iter_rows()) == {"actual": 16, "missing": 32}
    assert codes(result) == ["value-blank"]


def test_null_data_has_no_value():
    readings = export(nmi(), day(values=["0"] * 48, quality="N")).tables["readings"]
    assert readings["value"].null_count() == 48
    assert set(readings["quality"]) == {"missing"}
    told = export(nmi(), day(values=["0.5"] * 48, quality="N1"))
    assert told.tables["readings"]["value"].null_count() == 48
    assert codes(told) == ["value-contradicts"], "numbers that the flag denies are not dropped without a word"


def test_an_estimate_is_a_forecast_only_after_it_was_written():
    result = export(nmi(), day("20260101", quality="E64"), day("20260103", quality="E64"))
    assert dict(result.tables["readings"].select("row", "quality").unique().iter_rows()) == {
        3: "substituted_temporary",
        4: "forecast",
    }


def test_the_latest_version_of_a_day_wins_in_any_order():
    early = day(values=["1"] * 48, updated="20260102010000")
    late = day(values=["2"] * 48, updated="20260103010000")
    for records, dropped in (([nmi(), early, late], 3), ([nmi(), late, nmi(), early], 5)):
        result = export(*records)
        assert set(result.tables["readings"]["value"]) == {Decimal(2)}
        assert list(result.problems.select("row", "code").iter_rows()) == [(dropped, "day-repeated")]


def test_a_correction_that_cannot_be_read_does_not_displace_the_day():
    broken = day(values=["2"] * 47 + ["?"], updated="20260103010000")
    result = export(nmi(), day(values=["1"] * 48), broken)
    assert set(result.tables["readings"]["value"]) == {Decimal(1)}
    assert codes(result) == ["value-not-number"]


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        (None, "2025-12-31T14:00:00+00:00"),
        ("Asia/Bangkok", "2025-12-31T17:00:00+00:00"),
        ("-03:30", "2026-01-01T03:30:00+00:00"),
    ],
)
def test_the_zone_can_be_pinned(zone, start):
    result = export(nmi(), day(), options={"timezone": zone} if zone else {})
    assert result.tables["readings"]["start"].min() == datetime.fromisoformat(start)
    told = describe(result, "x")["channels"][0]
    assert told["start"].startswith("2026-01-01T00:00:00")
    assert told["end"].startswith("2026-01-02T00:00:00")


@pytest.mark.parametrize("cut", [1, 20, 100, 200])
def test_a_file_cut_inside_a_day_is_rejected(cut):
    text = "\n".join(["100,NEM12,202601020000,MDP,CITY", nmi(), day(), nmi("NMI0000002"), day()])
    whole = text.rindex("1.5") + 3
    result = read_export(text[: whole - cut].encode(), "x.csv", {})
    assert codes(result) == ["file-truncated"]
    assert not result.tables


def test_a_description_with_a_comma_does_not_shift_the_version():
    quoted = f'300,20260101,{",".join(["1"] * 48)},S14,0,"failed, twice",20260102010000,'
    readings = export(nmi(), quoted).tables["readings"]
    assert readings["version"].unique().to_list() == [datetime.fromisoformat("2026-01-01T15:00:00+00:00")]
    assert set(readings["reason_raw"]) == {"0"}


@given(st.data())
def test_records_broken_across_lines_are_mended(data):
    values = data.draw(st.lists(VALUES, min_size=48, max_size=48))
    quality = data.draw(st.sampled_from(["A", "S14", "E64"]))
    whole = day("20260101", values, quality, "0" if quality != "A" else "")
    cuts = sorted(data.draw(st.sets(st.integers(5, len(whole) - 1), min_size=1, max_size=4)))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    # A rest of a line that looks like a record or like nothing cannot be told from one.
    assume(
        all(
            part.strip(",") and part.split(",")[0] not in {"100", "200", "300", "400", "500", "900"}
            for part in parts[1:]
        )
    )
    other = nmi("NMI0000002"), day("20260105")
    broken, plain = export(nmi(), *parts, *other), export(nmi(), whole, *other)
    assert (set(codes(broken)) <= {"row-mended"}, codes(plain)) == (True, [])
    assert broken.tables["readings"].drop("row").equals(plain.tables["readings"].drop("row"))


def test_a_line_that_is_no_record_does_not_spoil_the_one_before():
    for stray in ("301,what is this", "some note", "20260102", "1.5,1.5"):
        result = export(nmi(), day(), stray, day("20260102", count=47), stray)
        assert result.tables["readings"].height == 48
        assert result.tables["readings"]["version"].null_count() == 0
        assert list(result.problems.select("row", "code").iter_rows()) == [
            (4, "row-malformed"),
            (5, "interval-count"),
            (6, "row-malformed"),
        ]


def test_a_description_broken_in_its_quotes_is_mended():
    first, second = f'300,20260101,{",".join(["1"] * 48)},S14,0,"failed,', 'twice",20260102010000,'
    result = export(nmi(), first, second)
    assert codes(result) == ["row-mended"]
    assert result.tables["readings"]["version"].null_count() == 0


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        (["100,NEM12,202601020000,MDP,CITY", nmi(), day()], "rejected", "file-truncated"),
        (["100,NEM12,202601020000,MDP,CITY", nmi(), day(), "90"], "rejected", "file-truncated"),
        ([nmi(), day(), "900", nmi("NMI0000002"), day()], "rejected", "file-truncated"),
        (
            ["100,NEM12,202601020000,A,B", nmi(), day(), "100,NEM12,202601020000,A,B", nmi("N2"), day(), "900"],
            "rejected",
            "file-truncated",
        ),
        ([nmi(), day(), "900"], "ok", "header-absent"),
        ([nmi(), day()], "ok", "header-absent"),
        (["", "100,NEM12,202601020000,MDP,CITY", nmi(), day(), "900"], "ok", None),
        (
            ["100,NEM12,202601020000,A,B", nmi(), day(), "900", "", "100,NEM12,1,A,B", nmi("N2"), day(), "900"],
            "ok",
            None,
        ),
    ],
)
def test_a_file_that_promises_an_end_must_have_it(lines, status, code):
    result = read_export(("\n".join(lines) + "\n").encode(), "x.csv", {})
    assert describe(result, "x")["status"] == status
    assert codes(result) == ([code] if code else [])


@given(channels(), st.data())
def test_no_cut_gives_a_smaller_count_unsaid(records, data):
    whole = "\n".join(["100,NEM12,202601020000,MDP,CITY", *records, "900", ""])
    cut = data.draw(st.integers(40, len(whole) - 5))
    result = read_export(whole[:cut].encode(), "x.csv", {})
    assert describe(result, "x")["status"] == "rejected"
    assert set(codes(result)) <= {"file-truncated", "format-unknown"}


def test_lengths_with_zeros_and_redacted_points():
    result = export(nmi("REDACTED", minutes="05"), day(values=["1"] * 288))
    assert codes(result) == []
    readings = result.tables["readings"]
    assert (readings.height, set(readings["minutes"]), set(readings["point"])) == (288, {5}, {"REDACTED"})
    assert set(export(nmi(""), day(), options={"point": "HALL"}).tables["readings"]["point"]) == {"HALL"}


def test_pieces_do_not_matter(monkeypatch):
    records = []
    for number in range(6):
        records += [nmi(f"NMI{number:07d}", minutes=30 if number % 2 else 15)]
        count = 48 if number % 2 else 96
        records += [day(f"202601{at:02d}", [f"{number}.{at}"] * count, "VA"[at % 2]) for at in range(1, 4)]
        records += [f"400,1,{count},S14,,"] if number % 3 else []
    records.append(day("20260101", ["7"] * 48, updated="20260109010000"))
    whole = export(*records)
    monkeypatch.setattr(nem12, "_AT_ONCE", 2)
    monkeypatch.setattr(content, "_BLOCK", 100)
    pieces = export(*records)
    assert pieces.problems.equals(whole.problems)
    key = ["point", "channel", "start"]
    assert pieces.tables["readings"].sort(key).equals(whole.tables["readings"].sort(key))


ENVELOPE = """<?xml version="1.0"?>
<ase:aseXML xmlns:ase="urn:aseXML:r38">
  <Header><From>MDP</From></Header>
  <Transactions>
    <Transaction transactionID="T1"><MeterDataNotification version="r25">
      <CSVIntervalData>{}</CSVIntervalData>
    </MeterDataNotification></Transaction>
    <Transaction transactionID="T2"><MeterDataNotification version="r25">
      <CSVIntervalData>
{}
</CSVIntervalData>
    </MeterDataNotification></Transaction>
  </Transactions>
</ase:aseXML>
"""


def enclosed(*records):
    return "\n".join(["100,NEM12,202601020000,MDP,CITY", *records, "900"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_an_asexml_envelope_is_opened(encoding):
    text = ENVELOPE.format(enclosed(nmi(), day()), enclosed(nmi("NMI0000002"), day(), day("20260102", count=3)))
    result = read_export(text.encode(encoding), "mtrd.xml", {})
    assert (result.format, result.evidence) == ("nem12", "in an aseXML envelope: 100 record says NEM12")
    assert result.tables["readings"]["point"].unique(maintain_order=True).to_list() == ["NMI0000001", "NMI0000002"]
    rows = text.splitlines()
    ((row, code),) = result.problems.select("row", "code").iter_rows()
    assert code == "interval-count"
    assert rows[row - 1].startswith("300,20260102")
    assert rows[result.tables["readings"]["row"][0] - 1].startswith("300,20260101")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace("<ase:", "<!DOCTYPE a [<!ENTITY x 'y'>]><ase:", 1), "file-malformed"),
        (lambda text: text[: text.index("</CSVIntervalData>") - 20], "file-truncated"),
        (lambda text: text.replace("</Header>", ""), "file-malformed"),
        (lambda text: text.replace("\n900", ""), "file-truncated"),
        (lambda text: text.replace("CSVIntervalData", "Other"), "format-unknown"),
    ],
)
def test_an_envelope_that_cannot_be_opened_is_rejected(change, code):
    text = change(ENVELOPE.format(enclosed(nmi(), day()), enclosed(nmi("NMI0000002"), day())))
    result = read_export(text.encode(), "mtrd.xml", {})
    assert codes(result) == [code]
    assert not result.tables


@pytest.mark.real
def test_no_other_real_file_is_recognised(real_data):
    for path in sorted((real_data / "meters").rglob("*")):
        if path.is_file() and path.relative_to(real_data / "meters").parts[0] not in ("nem12", "nem12_bad", "nem13"):
            found = content.recognise(path.read_bytes())
            shown = [module.FORMAT for module in (nem12, nem13) if found.kind == "text" and module.recognise(found)]
            assert shown == [], path.name


@pytest.mark.parametrize("later", ["20260102010000", "20260103010000"])
def test_two_devices_are_not_two_versions(later):
    def record(serial, value, written):
        values = ",".join([str(value)] * 48)
        return f"200,NMI0000001,E1,1,E1,N1,{serial},kWh,30,\n300,20260101,{values},A,,,{written},\n"

    text = "100,NEM12,202601020000,MDP,CITY\n" + record("M1", 1, "20260102010000") + record("M2", 5, later) + "900\n"
    result = read_export(text.encode(), "x", {})
    if later == "20260102010000":
        assert set(codes(result)) == {"key-duplicate"} | {"file-malformed"}
    else:
        assert (codes(result), result.tables["readings"]["value"].sum()) == (["day-repeated"], 240)


@pytest.mark.parametrize("idle", ["", "0"])
@pytest.mark.parametrize("later", ["20260102010000", "20260103010000"])
def test_a_meter_that_is_exchanged_within_a_day_loses_none_of_it(later, idle):
    def record(serial, values, written):
        return f"200,NMI0000001,E1,1,E1,N1,{serial},kWh,30,\n300,20260101,{','.join(values)},A,,,{written},\n"

    old = record("M1", ["1"] * 20 + [idle] * 28, "20260102010000")
    new = record("M2", [idle] * 20 + ["2"] * 28, later)
    for records in (old + new, new + old):
        result = read_export(f"100,NEM12,202601020000,MDP,CITY\n{records}900\n".encode(), "x", {})
        told = result.tables["readings"]
        assert (told.height, told["value"].sum(), told["start"].n_unique()) == (48, 20 + 56, 48)
        assert set(codes(result)) <= {"value-blank"}


def test_a_version_that_excel_shortened_is_said():
    values = ",".join(["1"] * 48)
    head = "100,NEM12,202601020000,MDP,CITY\n200,NMI0000001,E1,1,E1,N1,M,kWh,30,\n"
    text = f"{head}300,20260101,{values},A,,,2.0260E+13,\n900\n"
    result = read_export(text.encode(), "x", {})
    assert (codes(result), result.tables["readings"].height) == (["version-bad"], 48)
