"""British half-hourly files, D0036 and DF2: files written here against a plain model of the British clock."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, strategies as st

from assets.meters.exports import describe, read_export
from tests.kit import codes

LONDON = ZoneInfo("Europe/London")
HEAD = "ZHV|77|D0036001|C|SSIL|X|GMTR|20260617141613||||OPER|"


def half_hours(day):
    """UTC starts of a British day's half hours, by walking the clock."""
    moment = datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
    found = []
    while moment.astimezone(LONDON).date() == day:
        found.append(moment)
        moment += timedelta(minutes=30)
    return found


def meter(*days, point="1000000000000", quantity="AI"):
    """101, and for each (date, values) 102 and 103; a value may be a pair of indicator and number."""
    lines = [f"101|{point}|{quantity}|GMTR|"]
    for day, values in days:
        lines.append(f"102|{day:%Y%m%d}|" if isinstance(day, date) else f"102|{day}|")
        pairs = [value if isinstance(value, tuple) else ("A", value) for value in values]
        lines += [f"103|{flag}|{number}|" for flag, number in pairs]
    return lines


def d0036(*meters, options=None, head=HEAD, trailer=None, end="\n"):
    body = [line for lines in meters for line in lines]
    trailer = trailer or f"ZPT|77|{len(body)}|3215|{len(meters)}|20260617141614|"
    return read_export((end.join([head, *body, trailer]) + end).encode(), "x.usr", options or {})


NUMBERS = st.decimals(-99999, 99998, places=1).map(str)
DAYS = st.dates(date(2015, 1, 1), date(2035, 1, 1)) | st.sampled_from(
    [date(2024, 3, 31), date(2024, 10, 27), date(2026, 3, 29), date(2026, 10, 25)]
)


@given(st.data(), st.sets(DAYS, min_size=1, max_size=3), st.sampled_from(["\n", "\r\n", "\r"]))
def test_d0036_gives_what_was_written(data, days, end):
    flags = st.sampled_from(["A", "E", "C"])
    wanted, meters = {}, []
    for point, quantity in (("1000000000000", "AI"), ("1000000000000", "RE"), ("2000000000000", "AE")):
        written = []
        for day in sorted(days):
            starts = half_hours(day)
            values = data.draw(st.lists(st.tuples(flags, NUMBERS), min_size=len(starts), max_size=len(starts)))
            wanted |= {(point, quantity, start): value for start, value in zip(starts, values, strict=True)}
            written.append((day, values))
        meters.append(meter(*written, point=point, quantity=quantity))
    result = d0036(*meters, end=end)
    assume("value-sentinel" not in codes(result))
    assert set(codes(result)) <= {"value-negative"}
    rows = result.tables["readings"].select("point", "channel", "start", "quality_raw", "value", "quality").rows()
    assert {(p, c, s): (f, v) for p, c, s, f, v, _ in rows} == {k: (f, Decimal(v)) for k, (f, v) in wanted.items()}
    quality = {"A": "actual", "E": "substituted_temporary", "C": "unknown"}
    assert all(told == quality[flag] for *_, flag, _, told in rows)
    assert set(result.tables["readings"]["version"]) == {datetime(2026, 6, 17, 14, 16, 13, tzinfo=UTC)}


def test_d0036_row_is_the_line_of_the_value():
    result = d0036(meter((date(2026, 6, 1), [str(place) for place in range(48)])))
    assert result.tables["readings"].filter(value=7)["row"].to_list() == [11]
    channel = describe(result, "x")["channels"][0]
    assert (channel["start"], channel["end"]) == ("2026-06-01T00:00:00+01:00", "2026-06-02T00:00:00+01:00")


@pytest.mark.parametrize(
    ("bad", "row", "code"),
    [
        (meter((date(2026, 6, 1), ["1"] * 47)), 3, "interval-count"),
        (meter((date(2026, 3, 29), ["1"] * 48)), 3, "interval-count"),
        (meter((date(2026, 10, 25), ["1"] * 48)), 3, "interval-count"),
        (meter((date(2026, 6, 1), [])), 3, "interval-count"),
        (meter(("20260631", ["1"] * 48)), 3, "stamp-bad"),
        (meter(("25690601", ["1"] * 48)), 3, "stamp-bad"),
        (meter((date(2026, 6, 1), ["1"] * 48), quantity="XX"), 3, "value-unknown"),
        (meter((date(2026, 6, 1), ["1"] * 48), point=""), 3, "value-null"),
        (meter((date(2026, 6, 1), ["1"] * 47 + ["x"])), 51, "value-not-number"),
        (meter((date(2026, 6, 1), ["1"] * 47 + [("Q", "1")])), 51, "value-unknown"),
        (["101|1|AI|G|", "103|A|1|"], 3, "row-malformed"),
        (["103|A|1|"], 2, "row-malformed"),
        (["104|what|is|this|"], 2, "row-malformed"),
    ],
)
def test_d0036_refuses_what_cannot_be_placed_and_keeps_the_rest(bad, row, code):
    good = meter((date(2026, 6, 5), ["1"] * 48), point="2000000000000")
    body = len(bad) + len(good)
    blocks = sum(line.startswith("101") for line in bad) + 1
    result = d0036(bad, good, trailer=f"ZPT|77|{body}||{blocks}|20260617141614|")
    assert [(row, code)] == list(result.problems.select("row", "code").iter_rows())
    assert result.tables["readings"].filter(point="2000000000000").height == 48
    assert not any("000000" in message for message in result.problems["message"])


@pytest.mark.parametrize("trailer", ["ZPT|77|99||1|2026|", "ZPT|77|50||2|2026|", "ZPT|78|50||1|2026|"])
def test_d0036_trailer_is_checked(trailer):
    result = d0036(meter((date(2026, 6, 1), ["1"] * 48)), trailer=trailer)
    assert list(result.problems.select("row", "code").iter_rows()) == [(52, "count-mismatch")]
    assert result.tables["readings"].height == 48


@given(st.integers(60, 1_200))
def test_a_cut_d0036_is_rejected(cut):
    lines = [HEAD, *meter((date(2026, 6, 1), ["1.5"] * 48), (date(2026, 6, 2), ["2.5"] * 48))]
    text = "\n".join([*lines, "ZPT|77|99|0|1|20260617141614|", ""])
    result = read_export(text[: min(cut, len(text) - 20)].encode(), "x", {})
    assert codes(result) == ["file-truncated"]
    assert not result.tables


def test_joined_d0036_files_keep_the_later_version():
    early = [HEAD, *meter((date(2026, 6, 1), ["1"] * 48)), "ZPT|77|50||1|x|"]
    late = [HEAD.replace("20260617", "20260618"), *meter((date(2026, 6, 1), ["2"] * 48)), "ZPT|77|50||1|x|"]
    for lines in (early + late, late + early):
        result = read_export("\n".join([*lines, ""]).encode(), "x", {})
        assert set(result.tables["readings"]["value"]) == {Decimal(2)}
        assert set(codes(result)) == {"day-repeated"}


def df2(*lines, options=None, end="\n"):
    return read_export((end.join(["#F2", *lines]) + end).encode(), "x.df2", options or {})


@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from(["2000000000000", "2100000000000"]), st.sampled_from("1234"), st.integers(0, 700_000)
        ),
        st.tuples(st.decimals(0, 10**6, places=3), st.sampled_from(["A", "E", "C"])),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
)
def test_df2_gives_what_was_written(wanted, long):
    first = datetime(1995, 1, 1, tzinfo=UTC)
    lines, before = [], None
    for (point, sensor, place), (value, flag) in wanted.items():
        if before != (point, sensor):
            lines += [f"#O {point}", f"#S{' ' * long}{sensor}"]
            before = (point, sensor)
        end = first + timedelta(minutes=30 * place)
        lines.append(f"{end:%d/%m/%Y},{end:%H:%M}{':00' if long else ''},{' ' * long}{value},{flag}")
    result = df2(*lines)
    assume("value-sentinel" not in codes(result))
    assert set(codes(result)) <= {"value-negative"}
    rows = result.tables["readings"].select("point", "channel", "start", "value", "quality_raw").rows()
    assert {(p, c, s): (v, f) for p, c, s, v, f in rows} == {
        (p, c, first + timedelta(minutes=30 * place - 30)): told for (p, c, place), told in wanted.items()
    }


def test_df2_clocks_may_be_some_seconds_off():
    assert codes(df2("#O 1", "#S 1", "02/06/26,00:30:03,1.5,A", "02/06/26,00:59:58,1.5,A")) == []


def test_df2_separators_at_the_end_are_harmless():
    assert codes(df2("#O 1", "#S 1", "02/06/26,00:30,1.5,A,", "02/06/26,01:00,1.5,A, ,")) == []


def test_df2_stamps_end_and_quantities_follow_the_sensor():
    lines = [line for sensor in "1234" for line in (f"#S {sensor}", "02/06/26 ,00:00 ,  1.0 , A")]
    readings = df2("#O 2000000000000-1", *lines).tables["readings"]
    assert readings["quantity"].to_list() == ["active_import", "active_export", "reactive_import", "reactive_export"]
    assert set(readings["start"]) == {datetime(2026, 6, 1, 23, 30, tzinfo=UTC)}
    assert set(readings["point"]) == {"2000000000000"}
    summer = df2("#O 2000000000000", "#S 1", "02/06/2026,00:30,1,A", options={"timezone": "Europe/London"})
    assert summer.tables["readings"]["start"].to_list() == [datetime(2026, 6, 1, 23, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("lines", "row", "code"),
    [
        (["#S 1", "02/06/2026,00:30,1,A", "#O 1"], 3, "value-null"),
        (["#O 1", "02/06/2026,00:30,1,A"], 3, "value-unknown"),
        (["#O 1", "#S 1", "#O 2", "02/06/2026,00:30,1,A"], 5, "value-unknown"),
        (["#O 1", "#S 5", "02/06/2026,00:30,1,A"], 4, "value-unknown"),
        (["#O 1", "#S 1", "31/06/2026,00:30,1,A"], 4, "stamp-bad"),
        (["#O 1", "#S 1", "02/06/2026,00:31,1,A"], 4, "interval-misaligned"),
        (["#O 1", "#S 1", "02/06/2026,00:30,x,A"], 4, "value-not-number"),
        (["#O 1", "#S 1", "02/06/2026,00:30,1"], 4, "row-malformed"),
        (["#O 1", "#S 1", "02/06/2026,00:30,1,"], 4, "row-malformed"),
    ],
)
def test_df2_refuses_what_cannot_be_read_and_keeps_the_rest(lines, row, code):
    result = df2(*lines, "#O 2000000000000", "#S 1", "05/06/2026,00:30,7,A")
    assert list(result.problems.select("row", "code").iter_rows()) == [(row, code)]
    assert result.tables["readings"]["value"].to_list() == [7]


def test_df2_blank_is_missing_and_repetition_is_said():
    result = df2("#O 1", "#S 1", "02/06/2026,00:30,,A", "02/06/2026,01:00,2,A", "02/06/2026,01:00,2,A")
    assert sorted(codes(result)) == ["duplicate-rows", "value-blank"]
    assert result.tables["readings"].select("value", "quality").rows() == [(None, "missing"), (2, "actual")]


@pytest.mark.parametrize("cut", [1, 2, 4, 8, 12])
def test_a_cut_df2_is_rejected(cut):
    text = "#F2\n#O 2000000000000\n#S 1\n02/06/2026,00:30,1.25,A\n02/06/2026,01:00,1.75,A"
    result = read_export(text[:-cut].encode(), "x", {})
    assert codes(result) == ["file-truncated"]
    assert read_export(text.encode(), "x", {}).tables["readings"].height == 2
