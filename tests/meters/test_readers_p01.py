"""Load profiles P.01: read-outs written here, in the shapes of several meter makers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from assets.meters.exports import describe, read_export
from tests.kit import codes

BANGKOK = timedelta(hours=7)
IDENTITY = "0.0.0(10067967)"


def head(stamp="0260601001500", channels=(("1-1:1.29", "kWh"),), minutes=15, status="00", count=None):
    told = "".join(f"({code})({unit})" for code, unit in channels)
    return f"P.01({stamp})({status})({minutes})({count or len(channels)}){told}"


def read(*lines, end="\r\n", **options):
    return read_export((end.join(lines) + end).encode(), "x.txt", options)


CHANNELS = [
    ("1-1:1.29", "kWh", "active_import", 1),
    ("2.29.0", "Wh", "active_export", Decimal("0.001")),
    ("1-0:5.29.0*255", "kvarh", "reactive_import", 1),
    ("8.5", "kvar", "reactive_export", None),
]


@given(
    st.data(),
    st.sampled_from([1, 5, 15, 30, 60]),
    st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=4, unique=True),
    st.lists(st.integers(1, 30), min_size=1, max_size=4),
    st.sampled_from(["\r\n", "\n", "\r"]),
    st.booleans(),
)
def test_what_is_written_is_read(data, minutes, channels, sizes, end, framed):
    lines, wanted = [IDENTITY], {}
    moment = datetime(2026, 6, 1) + timedelta(minutes=minutes * data.draw(st.integers(0, 1000)))
    for size in sizes:
        moment += timedelta(minutes=minutes * data.draw(st.integers(1, 500)))
        lines.append(head(f"0{moment:%y%m%d%H%M%S}", [channel[:2] for channel in channels], minutes, "00000000"))
        for _ in range(size):
            values = data.draw(st.lists(st.decimals(0, 9999, places=4), min_size=len(channels), max_size=len(channels)))
            lines.append("".join(f"({value})" for value in values))
            start = (moment - BANGKOK - timedelta(minutes=minutes)).replace(tzinfo=UTC)
            for (code, _, quantity, factor), value in zip(channels, values, strict=True):
                energy = value * minutes / 60 if factor is None else value * factor
                wanted[code, quantity, start] = energy
            moment += timedelta(minutes=minutes)
    text = end.join([*lines, ""])
    result = read_export(("\x02" + text + "\x03X" if framed else text).encode(), "x", {})
    assert codes(result) == []
    readings = result.tables["readings"]
    assert (set(readings["point"]), set(readings["minutes"])) == ({"10067967"}, {minutes})
    found = {(c, q, s): v for c, q, s, v in readings.select("channel", "quantity", "start", "value").iter_rows()}
    assert found.keys() == wanted.keys()
    assert all(abs(found[key] - value) <= Decimal("0.000001") for key, value in wanted.items())


def test_the_stamp_is_the_end_of_the_first_period():
    result = read(IDENTITY, head("0260601001500"), "(1)", "(2)")
    channel = describe(result, "x")["channels"][0]
    assert (channel["start"], channel["end"]) == ("2026-06-01T00:00:00+07:00", "2026-06-01T00:30:00+07:00")
    assert result.tables["readings"]["row"].to_list() == [3, 4]


@pytest.mark.parametrize("stamp", ["0260601001500", "260601001500", "02606010015", "2606010015"])
def test_stamps_with_and_without_season_and_seconds(stamp):
    readings = read(IDENTITY, head(stamp), "(1)").tables["readings"]
    assert readings["start"].to_list() == [datetime(2026, 5, 31, 17, tzinfo=UTC)]


def test_power_becomes_energy_and_the_energy_channel_wins_over_its_power():
    channels = [("1.5", "kW"), ("2.5.0", "W")]
    readings = read(IDENTITY, head(channels=channels), "(10)(2000)").tables["readings"]
    assert dict(readings.select("quantity", "value").iter_rows()) == {
        "active_import": Decimal("2.5"),
        "active_export": Decimal("0.5"),
    }
    both = read(IDENTITY, head(channels=[("1.5", "kW"), ("1.29", "kWh")]), "(10)(2.5)")
    assert both.tables["readings"].select("channel", "value").rows() == [("1.29", Decimal("2.5"))]
    assert codes(both) == ["channel-skipped"]


def test_channels_without_energy_are_left_out_and_said():
    channels = [("C.5.1", ""), ("1.29", "kWh"), ("1.8.0", "kWh"), ("21.5", "kW"), ("32.7", "V")]
    result = read(IDENTITY, head(channels=channels), "(status)(1)(4711.5)(3)(230.1)")
    assert codes(result) == ["channel-skipped"]
    assert dict(result.tables["readings"].select("quantity", "value").iter_rows()) == {
        "active_import": 1,
        "voltage": Decimal("230.1"),
    }


def test_a_unit_against_the_code_is_said_and_suspect():
    result = read(IDENTITY, head(channels=[("1.29", "kW")]), "(1)")
    assert list(result.problems.select("row", "code").iter_rows()) == [(2, "unit-contradicts")]
    assert result.tables["readings"].select("value", "quality").row(0) == (1, "suspect")


@pytest.mark.parametrize(
    ("status", "quality"),
    [("00", "actual"), ("00000000", "actual"), ("08", "actual"), ("80", "actual"), ("04", "suspect"),
     ("00000001", "suspect"), ("20", "suspect"), ("A2", "suspect"), ("", "unknown")],
)  # fmt: skip
def test_the_status_word_tells_disturbed_periods(status, quality):
    reading = read(IDENTITY, head(status=status), "(1)").tables["readings"].row(0, named=True)
    assert (reading["quality"], reading["quality_raw"]) == (quality, status or None)


def test_the_season_digit_tells_the_repeated_hour_apart():
    """Berlin, 27 October 2024: 02:00 to 03:00 comes twice. The meter writes a new head at the change."""
    blocks = [head("1241027021500"), "(1)", "(2)", "(3)", "(4)", head("0241027021500"), "(5)", "(6)", "(7)", "(8)"]
    # The last period of summer ends at 03:00 summer time, the first of winter at 02:15 winter time.
    readings = read(IDENTITY, *blocks, timezone="Europe/Berlin").tables["readings"].sort("start")
    first = datetime(2024, 10, 27, tzinfo=UTC)
    assert readings["start"].to_list() == [first + timedelta(minutes=15 * place) for place in range(8)]
    assert readings["value"].to_list() == list(range(1, 9))


@pytest.mark.parametrize(
    ("stamp", "zone", "start", "said"),
    [
        ("1240701121500", "Europe/Berlin", datetime(2024, 7, 1, 10), []),
        ("0240701121500", "Europe/Berlin", datetime(2024, 7, 1, 10), ["stamp-contradicts"]),
        ("1240701121500", "Asia/Bangkok", datetime(2024, 7, 1, 5), ["stamp-contradicts"]),
        ("1240701121500", "+07:00", datetime(2024, 7, 1, 5), ["stamp-contradicts"]),
        ("2240701121500", "Asia/Bangkok", datetime(2024, 7, 1, 12), []),
    ],
)
def test_a_season_that_the_zone_does_not_have_is_said(stamp, zone, start, said):
    result = read(IDENTITY, head(stamp), "(1)", timezone=zone)
    assert result.tables["readings"]["start"].to_list() == [start.replace(tzinfo=UTC)]
    assert codes(result) == said


@pytest.mark.parametrize(
    ("lines", "row", "code"),
    [
        ([head(count=2), "(1)"], 2, "row-malformed"),
        ([head(minutes=7), "(1)"], 2, "interval-length"),
        ([head(minutes=0), "(1)"], 2, "interval-length"),
        ([head("0261301001500"), "(1)"], 2, "stamp-bad"),
        ([head("0260601001700"), "(1)"], 2, "interval-misaligned"),
        ([head("0260601001521"), "(1)"], 2, "interval-misaligned"),
        ([head(), "(x)"], 3, "value-not-number"),
        ([head(), "(1)(2)"], 3, "row-malformed"),
        ([head(), "(1*Wh)"], 3, "unit-unknown"),
        ([head(), "(1"], 3, "row-malformed"),
        ([head(), "1)"], 3, "row-malformed"),
    ],
)
def test_bad_lines_are_refused_with_their_row_and_the_rest_is_kept(lines, row, code):
    result = read(IDENTITY, *lines, head("0260605001500"), "(7)")
    assert list(result.problems.select("row", "code").iter_rows()) == [(row, code)]
    assert result.tables["readings"]["value"].to_list() == [7]


@pytest.mark.parametrize("stamp", ["0260605001507", "0260605001445"])
def test_a_clock_may_be_some_seconds_off(stamp):
    result = read(IDENTITY, head(stamp), "(7)")
    assert (codes(result), result.tables["readings"]["value"].to_list()) == ([], [7])


def test_values_before_the_first_head_are_said():
    result = read("(7.5)", head(), "(1)", point="P")  # found by fuzzing
    assert list(result.problems.select("row", "code").iter_rows()) == [(1, "row-malformed")]
    assert result.tables["readings"]["value"].to_list() == [1]


def test_an_unreadable_line_does_not_shift_those_after_it():
    readings = read(IDENTITY, head(), "(1)", "?#)", "(3)").tables["readings"]
    starts = [datetime(2026, 5, 31, 17, minute, tzinfo=UTC) for minute in (0, 30)]
    assert readings["start"].to_list() == starts


def test_blanks_and_dashes_are_missing():
    result = read(IDENTITY, head(), "()", "(----)", "(0)", "(1.5*kWh)")
    assert codes(result) == ["value-blank"]
    assert result.tables["readings"]["value"].to_list() == [None, None, 0, Decimal("1.5")]


def test_other_tables_of_a_read_out_are_not_periods():
    lines = ["/EMH5\\@01LZQ", "F.F(00)", IDENTITY, "1.8.0(04711.5*kWh)", head(), "(1)", "P.98(0260601001500)(00)",
             "()(2)", "P.02(0260601001500)(00)(15)(1)(1.29)(kWh)", "(9)", "!"]  # fmt: skip
    result = read(*lines)
    assert codes(result) == []
    assert result.tables["readings"]["value"].to_list() == [1]


def test_the_point_comes_from_the_file_or_the_option():
    assert codes(read(head(), "(1)")) == ["file-malformed", "value-null"]
    assert read(head(), "(1)", point="M9").tables["readings"]["point"].to_list() == ["M9"]
    after = read(head(), "(1)", "C.1.0(77)")
    assert after.tables["readings"]["point"].to_list() == ["77"]
    two = read("0.0.0(A)", "C.1.0(X)", head(), "(1)", "0.0.0(B)", "C.1.0(Y)", head(), "(2)")
    assert dict(two.tables["readings"].select("point", "value").iter_rows()) == {"A": 1, "B": 2}


def test_overlapping_blocks_are_merged_or_refused():
    same = read(IDENTITY, head(), "(1)", "(2)", head("0260601003000"), "(2)", "(3)")
    assert codes(same) == ["duplicate-rows"]
    assert same.tables["readings"].height == 3
    other = read(IDENTITY, head(), "(1)", head(), "(5)")
    assert list(other.problems.select("row", "code").iter_rows()) == [(3, "key-duplicate")]
    assert other.tables["readings"]["value"].to_list() == [5]


@pytest.mark.parametrize("cut", [1, 3, 6, 9])
def test_a_file_cut_inside_a_line_is_rejected(cut):
    two = (("1.29", "kWh"), ("2.29", "kWh"))
    text = "\r\n".join([IDENTITY, head(channels=two), "(1.25)(1.5)", "(1.75)(2.5)"])
    assert read_export(text.encode(), "x", {}).tables["readings"].height == 4
    result = read_export(text[:-cut].encode(), "x", {})
    assert codes(result) == ["file-truncated"]
    assert not result.tables


def test_a_transmission_without_its_end_is_rejected():
    assert codes(read("\x02" + IDENTITY, head(), "(1)")) == ["file-truncated"]
