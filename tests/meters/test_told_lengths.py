"""Formats that write lengths and versions beside their readings: the file may contradict them all the same."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from math import sin

import pytest

from assets.meters.judgement import come
from tests.kit import codes
from tests.meters import test_readers_d0036_df2 as half_hourly, test_readers_iec61968 as iec, test_readers_mscons as edi
from tests.meters.test_whole_file import DIALS, FROM, KW, lines, read, stamps, total

DAY = date(2026, 11, 20)
LOAD = [round(1.5 + sin(n / 7) + n % 3 / 10, 3) for n in range(96)]


def nem12(values, minutes):
    numbers = ",".join(map(str, values))
    body = f"200,VABD000163,E1,1,E1,N1,M1,kWh,{minutes},\n300,{DAY:%Y%m%d},{numbers},A,,,20261121003000,\n900\n"
    return half_hourly.read_export(f"100,NEM12,202611210100,MDA1,Ret1\n{body}".encode(), "x.csv", {})


def df2(values, minutes=30):
    at = [datetime(2026, 11, 20) + timedelta(minutes=minutes * n) for n in range(1, len(values) + 1)]
    text = "".join(f"{end:%d/%m/%Y,%H:%M},{value},A\n" for end, value in zip(at, values, strict=True))
    return half_hourly.read_export(f"#F2\n#O1012345678901\n#S1\n{text}".encode(), "x.df2", {})


def mscons(values):
    return edi.read(edi.interchange(edi.message(*edi.series(values))))


def messages(values):
    return iec.read(iec.meter(iec.block(iec.DELTA, *iec.quarters(*values))))


def written(format, values):
    """The values as intervals of a format, as many as its day has."""
    forms = {
        "nem12": lambda: nem12(values[:48], 30),
        "df2": lambda: df2(values[:48]),
        "d0036": lambda: half_hourly.d0036(half_hourly.meter((DAY, values[:48]))),
        "mscons": lambda: mscons(values),
        "iec61968": lambda: messages(values),
    }
    return forms[format]()


@pytest.mark.parametrize("format", ["nem12", "df2", "d0036", "mscons", "iec61968"])
def test_a_registers_count_is_no_energy_whatever_its_format(format):
    assert codes(written(format, LOAD)) == []
    counts = [round(sum(LOAD[: n + 1]), 3) for n in range(96)]
    assert codes(written(format, [5000 + count for count in counts])) == ["layout-contradicts"]
    assert codes(written(format, counts)) == ["layout-contradicts"]


def test_half_of_all_stamps_beside_the_grid_is_another_length():
    assert codes(df2(LOAD, minutes=15)) == ["layout-contradicts", *["interval-misaligned"] * 48]


def test_quarter_hours_an_hour_apart_are_no_quarter_hours():
    apart = [iec.value(1 + n % 5, iec.local(1 + 4 * n)) for n in range(24)]
    assert codes(iec.read(iec.meter(iec.block(iec.DELTA, *apart)))) == ["layout-contradicts"]


def test_readings_may_lack_where_their_lengths_are_told():
    some = [iec.value(1 + n % 5, iec.local(1 + n + 3 * (n // 4))) for n in range(32)]
    assert codes(iec.read(iec.meter(iec.block(iec.DELTA, *some)))) == []


def test_hours_a_quarter_apart_overlap_and_are_none():
    hours = iec.quarters(*LOAD)
    result = iec.read(iec.meter(iec.block(iec.kind(f3=7), *hours)))
    assert (codes(result), total(result)) == (["file-malformed", *["interval-length"] * 96], None)


@pytest.mark.parametrize("place", [0, 40])
def test_a_sum_beside_its_parts_is_no_reading(place):
    begin = edi.BEGIN + timedelta(minutes=15 * place)
    whole = edi.quantity("99", begin, begin + timedelta(hours=6))
    result = edi.read(edi.interchange(edi.message(*edi.series(LOAD), *whole)))
    assert (codes(result), total(result)) == (["interval-length"], sum(map(Decimal, map(str, LOAD))))


def test_power_is_held_against_its_length_beside_a_register_too():
    hourly = [(at, 4 + n % 3, 5000 + 5 * n) for n, at in enumerate(stamps(24, minutes=60))]
    values = {"kW": KW, "total": DIALS | {"quantity": "active_export"}}
    assert codes(read(lines("at,kW,total", hourly), values=values))[0] == "layout-contradicts"


def wide(values):
    names = [f"{(FROM + timedelta(minutes=15 * n)).strftime('%H:%M')}" for n in range(1, 96)] + ["24:00"]
    rows = [[f"{FROM + timedelta(days=day):%d/%m/%Y}", *values] for day in range(2)]
    columns = {"columns": r"(?P<hour>\d+):(?P<minute>\d\d)", "measure": KW}
    shape = {"wide": columns, "stamp": {"columns": ["day"], "order": "dmy"}, "values": None}
    return read(lines("day," + ",".join(names), rows), **shape)


@pytest.mark.parametrize("between", [0, ""])
def test_a_longer_interval_in_a_row_a_day_is_refused(between):
    values = [LOAD[n] if n % 4 == 3 else between for n in range(96)]
    assert "layout-contradicts" in codes(wide(values))


def test_a_value_that_stands_four_times_in_a_row_a_day_is_said():
    assert codes(wide([LOAD[n // 4 * 4] for n in range(96)])) == ["interval-repeated"]


NIGHT = date(2026, 11, 21)


def updated(instant, body="300,20261120,", flags=""):
    numbers = ",".join(["1", "2"] * 24)
    text = f"200,VABD000163,E1,1,E1,N1,M1,kWh,30,\n{body}{numbers},A,,,{instant},{flags}\n900\n"
    return half_hourly.read_export(f"100,NEM12,202611210100,MDA1,Ret1\n{text}".encode(), "x.csv", {}, NIGHT)


@pytest.mark.parametrize("instant", ["20991128003000", "20261123003000"])
def test_a_version_of_after_the_delivery_counts_as_of_it(instant):
    result = updated(instant)
    assert codes(result) == ["version-bad"]
    [version] = result.tables["readings"]["version"].unique()
    assert version == datetime(2026, 11, 22, tzinfo=timezone(timedelta(hours=10)))
    assert result.tables["readings"].height == 48


@pytest.mark.parametrize("instant", ["20261121003000", "20261122120000", ""])
def test_a_version_of_the_delivery_or_none_is_believed(instant):
    assert "version-bad" not in codes(updated(instant))


def test_versions_of_other_formats_are_held_against_the_delivery_too():
    late = iec.quarters(*LOAD, reported="2099-01-01T00:00:00.000+07:00")
    text = iec.event(iec.meter(iec.block(iec.DELTA, *late)))
    assert codes(half_hourly.read_export(text.encode(), "x.xml", {}, date(2026, 1, 2))) == ["version-bad"]


def test_a_register_read_of_after_the_delivery_is_none():
    reads = "1000,20261101000000,A,,,1096,{}000000,A,,"
    line = f"250,NMI0000001,11,1,11,11,M1,E,{reads},96,kWh,,20261121010000,"
    text = f"100,NEM13,202611210000,MDP,CITY\n{line}\n900\n"
    for end, told in (("20261121", []), ("20991121", ["value-future"])):
        result = come(half_hourly.read_export(text.format(end).encode(), "x.csv", {}, NIGHT), NIGHT)
        assert [code for code in codes(result) if code != "file-malformed"] == told
