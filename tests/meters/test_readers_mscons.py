"""MSCONS: messages written here, real files against the counts of another parser, pydifact for the syntax."""

import json
import warnings
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import assume, given, strategies as st
from pydifact.parser import Parser

from assets.meters.exports import describe, read_export
from assets.meters.formats import edifact
from tests.kit import codes

IMPORT = "1-1?:1.29.0"
BEGIN = datetime(2024, 3, 1, tzinfo=UTC)


def stamp(when, offset=0):
    local = when.astimezone(UTC) + timedelta(hours=offset)
    return f"{local:%Y%m%d%H%M}?{offset:+03d}"


def quantity(value, begin, end, qualifier="220", unit="", offset=0):
    head = f"QTY+{qualifier}:{value}" + (f":{unit}" if unit else "")
    return [head, f"DTM+163:{stamp(begin, offset)}:303", f"DTM+164:{stamp(end, offset)}:303"]


def series(values, obis=IMPORT, begin=BEGIN, minutes=15, **more):
    """A LIN with a value an interval; ``values`` may be pairs of value and qualifier."""
    found = ["LIN+1", f"PIA+5+{obis}:SRW"]
    for place, value in enumerate(values):
        value, qualifier = value if isinstance(value, tuple) else (value, "220")
        first = begin + timedelta(minutes=minutes * place)
        found += quantity(value, first, first + timedelta(minutes=minutes), qualifier, **more)
    return found


def message(*body, number=1, document="DOC1", function="9", references=(), location="LOC+172+POINT1", issued=None,
            directory="04B"):  # fmt: skip
    head = [f"UNH+{number}+MSCONS:D:{directory}:UN:2.4c", f"BGM+7+{document}+{function}"]
    head += [issued or "DTM+137:202403050000?+00:303", *references, "NAD+MS+1::293", "NAD+MR+2::293", "UNS+D", "NAD+DP"]
    lines = [*head, location, *body]
    return [*lines, f"UNT+{len(lines) + 1}+{number}"]


def interchange(*messages, glue="'", unz=None):
    lines = [
        "UNB+UNOC:3+S:14+R:14+240305:1200+REF1++TL",
        *(line for found in messages for line in found),
        unz or f"UNZ+{len(messages)}+REF1",
    ]
    return glue.join(lines) + glue


def other_marks(text, marks):
    """``text`` with the separators of ``marks`` (as in UNA); what was released stays what it was."""
    component, element, _, release, _, segment = marks
    held = text.replace("?:", "\1").replace("?+", "\2").replace("?-", "-")
    plain = held.translate(str.maketrans({":": component, "+": element, "'": segment}))
    return plain.replace("\1", f"{release}:").replace("\2", f"{release}+")


def peer(text):
    """pydifact's segments; it warns that it cannot judge the contents of this directory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(Parser().parse(text))


def read(text, **options):
    return read_export(text.encode(), "x.txt", options)


@pytest.mark.real
def test_real_files_give_what_they_hold(real_data):
    expected = json.loads((real_data / "meters/EXPECTED.json").read_text(encoding="utf-8"))
    swiss = {name: told for name, told in expected.items() if name.startswith("mscons/2019")}
    assert len(swiss) == 3
    for name, told in swiss.items():
        path = real_data / "meters" / name
        result = read_export(path.read_bytes(), path.name, {})
        readings = result.tables["readings"]
        assert (result.format, readings.height, result.zone) == ("mscons", told["qty"], "+01:00")
        assert readings["value"].sum() == Decimal(str(told["sum"]))
        assert set(readings["point"]) == {told["loc"][0][1]}
        first = describe(result, name)["channels"][0]
        assert (first["start"], first["end"]) == ("2019-12-14T00:00:00+01:00", "2019-12-15T00:00:00+01:00")
        # Their sender counts a quantity with its stamps as one segment.
        assert codes(result) == ["count-mismatch"]
        assert readings["version"].null_count() == 0


@pytest.mark.real
def test_real_german_example_tells_its_contradictory_unit(real_data):
    path = real_data / "meters/mscons/de_mscons-message-example.txt"
    result = read_export(path.read_bytes(), path.name, {})
    # Of four quantities one spans an interval, one a month, and two have no OBIS code.
    assert (result.tables["readings"].height, result.tables["registers"].height) == (1, 1)
    assert list(result.problems.filter(pl.col("code") != "count-mismatch").select("row", "code").iter_rows()) == [
        (26, "unit-contradicts"),
        (57, "row-malformed"),
        (62, "row-malformed"),
    ]
    assert set(result.tables["readings"]["quality"]) == {"suspect"}
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[result.tables["readings"]["row"][0] - 1] == "QTY+220:4250.465:D54'"


QUALITY = {"220": "actual", "67": "substituted", "201": "substituted_temporary", "187": "forecast", "20": "suspect",
           "79": "unknown", "46": "unknown"}  # fmt: skip
VALUES = st.tuples(st.decimals(0, 10**9, places=3).map(str), st.sampled_from(sorted(QUALITY)))


@given(
    st.lists(VALUES, min_size=1, max_size=120),
    st.sampled_from([5, 15, 30, 60]),
    st.integers(0, 400),
    st.integers(-11, 13),
    st.sampled_from(["'", "'\n", "'\r\n"]),
    st.sampled_from(["", ":+.? '", ":+,? '", ";*,! ~", "|#.^ $"]),
)
def test_what_is_written_is_read(values, minutes, day, offset, glue, marks):
    begin = BEGIN + timedelta(days=day)
    text = interchange(message(*series(values, begin=begin, minutes=minutes, offset=offset)), glue=glue)
    if marks:
        if marks[2] == ",":
            text = text.replace(".", ",").replace("1,29,0", "1.29.0")
        text = "UNA" + marks + other_marks(text, marks)
    result = read(text)
    assume("value-sentinel" not in codes(result))  # a number that devices write for none
    assert codes(result) == []
    readings = result.tables["readings"]
    assert [str(value) for value in readings["value"]] == [str(Decimal(value) * 1) + "000" for value, _ in values]
    assert readings["quality"].to_list() == [QUALITY[qualifier] for _, qualifier in values]
    assert readings["quality_raw"].to_list() == [qualifier for _, qualifier in values]
    assert readings["start"].to_list() == [begin + timedelta(minutes=minutes * place) for place in range(len(values))]
    assert set(readings["minutes"]) == {minutes}
    assert set(readings["version"]) == {datetime(2024, 3, 5, tzinfo=UTC)}


@pytest.mark.parametrize(("day", "count"), [(datetime(2024, 3, 31), 92), (datetime(2024, 10, 27), 100)])
def test_days_of_the_clock_change_in_local_offsets(day, count):
    """The Swiss sender writes local time with its offset: the offset changes within the day."""
    first = day.replace(tzinfo=UTC) - timedelta(hours=1 if count == 92 else 2)
    change = day.replace(hour=1, tzinfo=UTC)
    body = ["LIN+1", f"PIA+5+{IMPORT}:SRW"]
    for place in range(count):
        begin = first + timedelta(minutes=15 * place)
        before, after = (1, 2) if count == 92 else (2, 1)
        ends = begin + timedelta(minutes=15)
        body += ["QTY+220:1", f"DTM+163:{stamp(begin, after if begin >= change else before)}:303",
                 f"DTM+164:{stamp(ends, after if ends >= change else before)}:303"]  # fmt: skip
    result = read(interchange(message(*body)))
    assert codes(result) == []
    starts = result.tables["readings"]["start"]
    assert starts.to_list() == [first + timedelta(minutes=15 * place) for place in range(count)]


TEXT = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), min_size=1, max_size=12)


@given(st.lists(st.lists(st.lists(TEXT, min_size=2, max_size=3), min_size=1, max_size=4), max_size=6))
def test_syntax_agrees_with_pydifact(bodies):
    escape = str.maketrans({mark: "?" + mark for mark in "?:+'"})
    lines = [
        "FTX" + "".join("+" + ":".join(part.translate(escape) for part in parts) for parts in cells) for cells in bodies
    ]
    text = interchange(["UNH+1+MSCONS:D:04B:UN:2.4c", *lines, f"UNT+{len(lines) + 2}+1"])
    segments = edifact.segments(text)
    ours = [[cell.split(edifact.COMPONENT) for cell in cells[1:]] for cells in segments.rows.filter(tag="FTX")["cells"]]
    theirs = [segment.elements for segment in peer(text) if segment.tag == "FTX"]
    assert not segments.problems
    assert ours == [[list(part) for part in elements] for elements in theirs]


@given(st.lists(st.decimals(0, 10**6, places=3).map(str), min_size=1, max_size=40))
def test_counts_and_sums_agree_with_pydifact(values):
    text = interchange(message(*series(values)), message(*series(values, obis="1-1?:2.29.0"), number=2))
    theirs = [Decimal(segment.elements[0][1]) for segment in peer(text) if segment.tag == "QTY"]
    result = read(text)
    assume("value-sentinel" not in codes(result))
    readings = result.tables["readings"]
    assert readings.height == len(theirs)
    assert readings["value"].sum() == sum(theirs)


def test_the_older_directory_tells_the_interval_once():
    body = [f"DTM+163:{stamp(BEGIN, 1)}:303", f"DTM+164:{stamp(BEGIN + timedelta(hours=1), 1)}:303", "DTM+672:15:806",
            "LIN+1", f"PIA+5+{IMPORT}:SRW", "QTY+46:1", "QTY+46:2", "QTY+79:3", "QTY+46:4"]  # fmt: skip
    result = read(interchange(message(*body, directory="99A", location="LOC+172+::87:POINT1")))
    assert codes(result) == []
    readings = result.tables["readings"]
    assert readings["start"].to_list() == [BEGIN + timedelta(minutes=15 * place) for place in range(4)]
    assert readings["value"].to_list() == [1, 2, 3, 4]
    assert set(readings["point"]) == {"POINT1"}
    assert set(readings["quality"]) == {"unknown"}


def test_values_that_do_not_fill_their_span_are_refused():
    body = [f"DTM+163:{stamp(BEGIN)}:303", f"DTM+164:{stamp(BEGIN + timedelta(hours=1))}:303", "DTM+672:15:806",
            "LIN+1", f"PIA+5+{IMPORT}:SRW", "QTY+46:1", "QTY+46:2", "QTY+46:4"]  # fmt: skip
    result = read(interchange(message(*body), message(*series(["7"]), number=2)))
    assert codes(result) == ["interval-count"] * 3
    assert result.tables["readings"]["value"].to_list() == [7]


def test_a_cancelled_message_is_left_out():
    first = message(*series(["1", "2"]), document="A")
    cancel = message(*series(["1", "2"]), document="B", number=2, function="1", references=("RFF+ACW:A",))
    again = message(*series(["5"]), document="C", number=3, issued="DTM+137:202403060000?+00:303")
    result = read(interchange(first, cancel, again))
    assert result.tables["readings"]["value"].to_list() == [5]
    assert codes(result) == ["message-cancelled"]


def test_the_cancellation_of_a_message_elsewhere_is_said():
    cancel = message(document="B", number=1, function="1", references=("RFF+ACW:A", "RFF+Z13:13008"))
    result = read(interchange(cancel))
    assert not result.tables
    assert codes(result) == ["message-cancelled"]
    assert "not in this file" in result.problems["message"][0]


def test_a_later_message_corrects_an_earlier_in_any_order():
    early = message(*series(["1"]), document="A", issued="DTM+137:202403050000?+00:303")
    late = message(*series(["2"]), document="B", number=2, issued="DTM+137:202403060000?+00:303")
    for messages in ((early, late), (late, early)):
        result = read(interchange(*messages))
        assert result.tables["readings"]["value"].to_list() == [2]
        assert codes(result) == ["day-repeated"]


@pytest.mark.parametrize(
    ("obis", "unit", "quantity", "value"),
    [
        ("1-1?:1.29.0*255", "", "active_import", "12"),
        ("1-1?:2.29.0", "KWH", "active_export", "12"),
        ("1-1?:1.29.0", "MWH", "active_import", "12000"),
        ("1-1?:1.9.0", "WHR", "active_import", "0.012"),
        ("1-1?:3.29.0", "K3", "reactive_import", "12"),
        ("1-1?:6.29.0", "", "reactive_import", "12"),
        ("1-1?:8.29.0", "", "reactive_export", "12"),
        ("1-1?:1.5.0", "KWT", "active_import", "3"),
        ("1-1?:1.5.0", "", "active_import", "3"),
    ],
)
def test_the_code_tells_quantity_and_unit(obis, unit, quantity, value):
    result = read(interchange(message(*series(["12"], obis=obis, unit=unit))))
    assert codes(result) == []
    reading = result.tables["readings"].row(0, named=True)
    assert (reading["quantity"], reading["value"], reading["quality"]) == (quantity, Decimal(value), "actual")
    assert reading["channel"] == obis.replace("?", "")


@pytest.mark.parametrize(("obis", "unit"), [("1-1?:1.29.0", "D54"), ("1-1?:1.29.0", "KWT"), ("1-1?:3.29.0", "KWH")])
def test_a_unit_against_the_code_is_said_and_suspect(obis, unit):
    result = read(interchange(message(*series(["12"], obis=obis, unit=unit))))
    assert codes(result) == ["unit-contradicts"]
    assert result.tables["readings"].select("value", "quality").row(0) == (12, "suspect")


def test_meter_reads_are_registers():
    body = ["LIN+1", "PIA+5+1-1?:1.8.1:SRW", "QTY+220:90210.5", "DTM+9:202403010000?+00:303", "STS+7++Z07"]
    result = read(interchange(message(*body)))
    assert codes(result) == []
    assert list(result.tables) == ["registers"]
    register = result.tables["registers"].row(0, named=True)
    assert (register["register_end"], register["end"], register["start"], register["value"]) == (
        Decimal("90210.5"), BEGIN, None, None)  # fmt: skip
    assert register["reason_raw"] == "7++Z07"


def test_status_is_kept_and_tariffs_beside_a_total_are_not_added():
    body = [*series(["10"]), "STS+Z33++Z84", "STS+6+T1",
            *series(["4"], obis="1-1?:1.29.1"), *series(["6"], obis="1-1?:1.29.2")]  # fmt: skip
    result = read(interchange(message(*body)))
    assert codes(result) == ["channel-skipped"]
    assert result.tables["readings"].select("value", "reason_raw", "rate_raw").rows() == [(10, "Z33++Z84", "T1")]
    alone = read(interchange(message(*series(["4"], obis="1-1?:1.29.1"), *series(["6"], obis="1-1?:1.29.2"))))
    assert sorted(alone.tables["readings"]["value"]) == [4, 6]


def test_stamps_without_offset_need_a_zone():
    body = ["LIN+1", f"PIA+5+{IMPORT}:SRW", "QTY+220:1", "DTM+163:202403010000:203", "DTM+164:202403010015:203"]
    text = interchange(message(*body))
    assert codes(read(text)) == ["stamp-bad"]
    assert not read(text).tables
    readings = read(text, timezone="Asia/Bangkok").tables["readings"]
    assert readings["start"].to_list() == [datetime(2024, 2, 29, 17, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (series(["x"]), "value-not-number"),
        (series(["1"], obis="1-1?:21.29.0"), "value-unknown"),
        ([*series(["1"])[:2], "QTY+220:1"], "stamp-bad"),
        (series(["1"])[:4], "stamp-bad"),
        ([*series(["1"])[:3], "DTM+163:202402300000?+00:303", "DTM+164:202403010015?+00:303"], "stamp-bad"),
        (series(["1"])[:2] + quantity("1", BEGIN, BEGIN), "stamp-bad"),
        (series(["1"])[:2] + quantity("1", BEGIN + timedelta(hours=1), BEGIN), "stamp-bad"),
        (series(["1"])[2:], "row-malformed"),
    ],
)
def test_a_bad_quantity_is_refused_with_its_row_and_the_rest_is_kept(body, code):
    first, good = message(*body), message(*series(["7"]), number=2, location="LOC+172+POINT2")
    result = read(interchange(first, good))
    assert codes(result) == [code]
    assert interchange(first, good).split("'")[result.problems["row"][0] - 1].startswith("QTY")
    assert result.tables["readings"].select("point", "value").rows() == [("POINT2", 7)]
    assert not any("POINT" in text for text in result.problems["message"])


@pytest.mark.parametrize("obis", ["7-1?:3.29.0", "1-1?:1.6.0", "1-1?:32.7.0"])
def test_what_is_no_electrical_energy_is_left_out_beside_a_profile(obis):
    aside, good = message(*series(["9"], obis=obis)), message(*series(["7"]), number=2)
    result = read(interchange(aside, good))
    assert codes(result) == ["channel-skipped"] and result.tables["readings"]["value"].to_list() == [7]
    alone = read(interchange(aside))
    assert (codes(alone), dict(alone.tables)) == (["format-no-interval"], {})


def test_a_point_does_not_reach_into_the_next_message():
    nameless = [line for line in message(*series(["1"]), number=2) if not line.startswith("LOC")]
    nameless[-1] = f"UNT+{len(nameless)}+2"
    result = read(interchange(message(*series(["7"])), nameless))
    assert codes(result) == ["value-null"]
    assert result.tables["readings"]["value"].to_list() == [7]


def test_a_blank_value_is_missing():
    result = read(interchange(message(*series(["1", ""]))))
    assert codes(result) == ["value-blank"]
    assert result.tables["readings"].select("value", "quality").rows() == [(1, "actual"), (None, "missing")]


@given(st.data())
def test_a_cut_file_is_rejected(data):
    text = interchange(message(*series(["1"] * 4)), message(*series(["2"] * 4), number=2))
    cut = data.draw(st.integers(60, len(text) - 1))
    result = read(text[:cut])
    assert not result.tables
    assert codes(result)[0] in ("file-truncated", "format-unknown")


def test_a_message_without_its_end_is_rejected():
    text = interchange(message(*series(["1"]))[:-1], message(*series(["2"]), number=2))
    assert codes(read(text)) == ["file-malformed"]


@pytest.mark.parametrize(
    ("change", "count"),
    [
        (("UNZ+2", "UNZ+3"), 1),
        (("UNT+14+1", "UNT+13+1"), 1),
        (("UNT+14+1", "UNT+14+9"), 1),
        (("UNZ+2+R", "UNZ+2+X"), 1),
    ],
)
def test_trailers_are_checked(change, count):
    text = interchange(message(*series(["1"])), message(*series(["2"]), number=2, location="LOC+172+POINT2"))
    assert change[0] in text
    result = read(text.replace(*change))
    assert codes(result) == ["count-mismatch"] * count
    assert result.tables["readings"].height == 2


def test_joined_interchanges_with_different_separators_are_one():
    first = interchange(message(*series(["1"])))
    second = interchange(message(*series(["2"]), location="LOC+172+POINT2"), glue="'\r\n")
    other = "UNA;*,! ~" + other_marks(second, ";*,! ~")
    result = read(first + "\n" + other)
    assert codes(result) == []
    assert result.tables["readings"].select("point", "value").rows() == [("POINT1", 1), ("POINT2", 2)]


def test_other_messages_are_said_and_umlauts_do_no_harm():
    foreign = ["UNH+9+UTILMD:D:11A:UN:5.2", "BGM+E01+1+9", "CTA+IC+:M\u00fcller", "UNT+4+9"]
    text = interchange(message(*series(["7"])), foreign)
    result = read_export(text.encode("latin-1"), "x", {})
    assert codes(result) == ["row-malformed"]
    assert result.tables["readings"]["value"].to_list() == [7]
    assert codes(read(interchange(foreign))) == ["format-unknown"]


def test_lines_wrapped_anywhere_are_read():
    text = interchange(message(*series(["1.25", "2.5"])))
    wrapped = "\r\n".join(text[place : place + 80] for place in range(0, len(text), 80))
    assert read(wrapped).tables["readings"].equals(read(text).tables["readings"])
