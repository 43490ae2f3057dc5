"""Channels of a meter that tell the same energy again count once: a total beside its parts, power beside energy."""

from decimal import Decimal
from itertools import accumulate

import polars as pl
import pytest

from tests.kit import codes, messages
from tests.meters import test_readers_iec61968 as iec
from tests.meters.test_patterns import LOAD
from tests.meters.test_whole_file import DIALS, KW, KWH, lines, read, stamps

OTHER = [LOAD[n * 5 % 96] / 2 for n in range(96)]
THIRD = [LOAD[n * 7 % 96] * 3 for n in range(96)]


def energy(result):
    rows = result.tables["readings"].group_by("channel").agg(pl.col("value").sum())
    return {channel: float(value) for channel, value in rows.iter_rows()}


def columns(measures, *values, **layout):
    rows = list(zip(stamps(len(values[0])), *values, strict=True))
    return read(lines("at," + ",".join(measures), rows), values=measures, **layout)


@pytest.mark.parametrize("measure", [KWH, KW, DIALS])
@pytest.mark.parametrize("parts", [(LOAD, OTHER), (LOAD, OTHER, THIRD)])
@pytest.mark.parametrize("places", [2, 1, 0])
def test_a_total_beside_its_parts_is_left_out(parts, places, measure):
    parts = [list(accumulate(part)) if measure is DIALS else part for part in parts]
    total = [round(sum(each), places) for each in zip(*parts, strict=True)]
    names = [f"L{n}" for n in range(len(parts))]
    printed = [[round(value, places) for value in part] for part in parts]
    result = columns(dict.fromkeys([*names, "Sum"], measure), *printed, total)
    right = columns(dict.fromkeys(names, measure), *printed)
    assert (codes(result), energy(result)) == (["channel-skipped"], energy(right))
    assert "'Sum'" in messages(result, "channel-skipped")[0]
    first = columns(dict.fromkeys(["Sum", *names], measure), total, *printed)
    shared = columns(dict.fromkeys([*names, "Sum"], measure | {"channel": "E"}), *printed, total)
    assert energy(first) == energy(right) and sum(energy(shared).values()) == pytest.approx(sum(energy(right).values()))


def test_power_beside_its_energy_is_left_out():
    result = columns({"kW": KW, "kWh": KWH}, [round(value * 4, 1) for value in LOAD], LOAD)
    assert (codes(result), [*energy(result).values()]) == (["channel-skipped"], [float(sum(LOAD))])


@pytest.mark.parametrize("channel", ["E", "All"])
def test_the_sum_of_rates_beside_them_is_left_out(channel):
    on = [value if 36 < n < 88 else "" for n, value in enumerate(LOAD)]
    off = [value if not 36 < n < 88 else "" for n, value in enumerate(LOAD)]
    measures = {name: KWH | {"rate": name, "channel": "E"} for name in ("on", "off")}
    result = columns(measures | {"total": KWH | {"channel": channel}}, on, off, LOAD)
    assert energy(result) == {"E": float(sum(LOAD))} and "channel-skipped" in codes(result)
    assert result.tables["readings"]["rate_raw"].null_count() == 0


def test_hours_and_days_beside_their_quarters_are_left_out():
    hours = [sum(LOAD[at : at + 4]) for at in range(0, 96, 4)]
    hour, daily = iec.kind(f3=7), iec.kind(f1=11, f3=0)

    def lengths(*blocks):
        result = iec.read(iec.meter(iec.block(iec.DELTA, *iec.quarters(*LOAD)), *blocks))
        told = result.tables["readings"].group_by("minutes").agg(pl.col("value").sum().round(3)).sort("minutes")
        return codes(result), {minutes: float(value) for minutes, value in told.iter_rows()}

    quarters = {15: round(float(sum(map(Decimal, map(str, LOAD)))), 3)}
    sums = iec.block(hour, *(iec.value(value, iec.local(4 * n + 4)) for n, value in enumerate(hours)))
    of_day = iec.block(daily, iec.value(sum(LOAD), iec.local(96)))
    assert lengths(sums, of_day) == (["channel-skipped"] * 2, quarters)
    # A quarter that lacks does not make the day another energy, and days without quarters have nothing beside them.
    lacking = iec.read(iec.meter(iec.block(iec.DELTA, *iec.quarters(*LOAD[:60])), of_day))
    assert (codes(lacking), set(lacking.tables["readings"]["minutes"])) == (["channel-skipped"], {15})
    before = iec.block(daily, iec.value("70", iec.local(0)), iec.value(sum(LOAD), iec.local(96)))
    assert lengths(before) == (["channel-skipped"], quarters | {1440: 70.0})
    assert lengths(iec.block(daily, iec.value(3 * sum(LOAD), iec.local(96))))[0] == []


def test_components_and_columns_of_several_meters_have_totals_too():
    rows = [
        (meter, at, part, value)
        for meter in ("M1", "M2")
        for at, one, other in zip(stamps(96), LOAD, OTHER, strict=True)
        for part, value in (("A", one), ("B", other), ("S", one + other))
    ]
    how = {"point": None, "point_column": "meter", "values": None, "component_column": "part", "value_column": "value"}
    result = read(lines("meter,at,part,value", rows), **how, components=dict.fromkeys("ABS", KWH))
    assert (codes(result), set(energy(result))) == (["channel-skipped"], {"A", "B"})


def test_channels_that_are_no_sums_stay():
    phases = columns(dict.fromkeys(("L1", "L2", "L3"), KWH), LOAD, OTHER, THIRD)
    assert (codes(phases), len(energy(phases))) == ([], 3)
    other_way = columns({"in": KWH, "out": KWH | {"quantity": "active_export"}}, LOAD, LOAD)
    assert (codes(other_way), len(energy(other_way))) == ([], 2)
    few = columns(dict.fromkeys("ab", KWH), LOAD[:6], LOAD[:6])
    made_up = columns(dict.fromkeys("ab", KWH), [1] * 96, [1] * 96)
    assert len(energy(few)) == len(energy(made_up)) == 2
    near = [value if n % 3 else value * 2 for n, value in enumerate(LOAD)]
    assert len(energy(columns(dict.fromkeys("ab", KWH), LOAD, near))) == 2


EXPORT = [max(0, value - 30) if n % 3 else value for n, value in enumerate(OTHER)]
OUT = KWH | {"quantity": "active_export"}


@pytest.mark.parametrize("measure", [KWH, OUT])
@pytest.mark.parametrize("net", [lambda i, e: i - e, lambda i, e: max(0, i - e), lambda i, e: e - i])
def test_a_net_beside_import_and_export_is_left_out(net, measure):
    third = [net(i, e) for i, e in zip(LOAD, EXPORT, strict=True)]
    result = columns({"in": KWH, "out": OUT, "net": measure}, LOAD, EXPORT, third)
    right = columns({"in": KWH, "out": OUT}, LOAD, EXPORT)
    assert (codes(result), energy(result)) == (["channel-skipped"], energy(right))
    assert "'net'" in messages(result, "channel-skipped")[0]
    if measure is KWH and net(1, 2) < 1:
        first = columns({"net": KWH, "in": KWH, "out": OUT}, third, LOAD, EXPORT)
        assert (codes(first), energy(first)) == (["channel-skipped"], energy(right))


def test_import_and_export_in_turn_have_a_total_of_both():
    taken = [value if n % 96 < 60 else 0 for n, value in enumerate(LOAD)]
    given = [0 if n % 96 < 60 else value for n, value in enumerate(LOAD)]
    for third in ([i - e for i, e in zip(taken, given, strict=True)], LOAD):
        result = columns({"in": KWH, "out": OUT, "net": KWH}, taken, given, third)
        assert (codes(result), set(energy(result))) == (["channel-skipped"], {"in", "out"})


def test_phases_beside_an_export_are_no_net():
    result = columns({"L1": KWH, "L2": KWH, "out": OUT}, LOAD, THIRD, EXPORT)
    assert (codes(result), len(energy(result))) == ([], 3)


@pytest.mark.parametrize("exporting", ["ABCDEFG", "AB", "G"])
@pytest.mark.parametrize("order", [("in", "out", "net"), ("net", "out", "in")])
def test_a_net_of_several_meters_is_left_out_of_all(exporting, order):
    rows = [
        (meter, at, taken, given := sent if meter in exporting else 0, taken - given)
        for meter in "ABCDEFG"
        for at, taken, sent in zip(stamps(96), LOAD, EXPORT, strict=True)
    ]
    measures = {name: OUT if name == "out" else KWH for name in order}
    result = read(lines("m,at,in,out,net", rows), point=None, point_column="m", values=measures)
    sums = {"in": float(sum(LOAD) * 7), "out": pytest.approx(float(sum(EXPORT)) * len(exporting))}
    assert (codes(result), energy(result)) == (["channel-skipped"], sums)
