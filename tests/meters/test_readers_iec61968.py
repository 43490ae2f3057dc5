"""IEC 61968-9 MeterReadings: messages after the schema, read back; registers, qualities, versions, bad input."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import example, given, strategies as st

from assets.meters.exports import describe, read_export, readers
from assets.meters.formats.content import recognise as look_at
from tests.kit import codes

BANGKOK = timedelta(hours=7)
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC) - BANGKOK
DELTA = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"
"""15 minutes, delta, forward, electricity, energy, kilo, Wh."""
PROFILE = "0.0.2.9.1.2.12.0.0.0.0.0.0.0.0.3.72.0"
SPOT = "0.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0"


def kind(numbers=DELTA, **at):
    """A reading type with the fields named f1 to f18 changed."""
    parts = numbers.split(".")
    for field, value in at.items():
        parts[int(field[1:]) - 1] = str(value)
    return ".".join(parts)


def local(quarters, offset="+07:00"):
    return f"{MIDNIGHT + BANGKOK + timedelta(minutes=15 * quarters):%Y-%m-%dT%H:%M:%S}.000{offset}"


def value(amount, stamp, qualities=("1.0.0",), reported=None, period=None, name="IntervalReadings", ref=None):
    told = f"<reportedDateTime>{reported}</reportedDateTime>" if reported else ""
    told += "" if stamp is None else f"<timeStamp>{stamp}</timeStamp>"
    told += f"<value>{amount}</value>"
    for quality in qualities:
        told += f'<ReadingQualities><source>HES</source><ReadingQualityType ref="{quality}"/></ReadingQualities>'
    if period:
        told += f"<timePeriod><start>{period[0]}</start><end>{period[1]}</end></timePeriod>"
    if ref:
        told += f'<ReadingType ref="{ref}"/>'
    return f"<{name}>{told}</{name}>"


def block(ref, *values):
    return f'<IntervalBlocks>{"".join(values)}<ReadingType ref="{ref}"/></IntervalBlocks>'


def quarters(*amounts, first=1, **options):
    """Values whose intervals end a quarter-hour apart, the first at 00:15."""
    return [value(amount, local(first + i), **options) for i, amount in enumerate(amounts)]


def meter(*parts, meter="0012", point=None):
    named = f"<Meter><mRID>{meter}</mRID><Names><name>n</name></Names></Meter>" if meter else ""
    named += f"<UsagePoint><mRID>{point}</mRID></UsagePoint>" if point else ""
    return f"<MeterReading>{''.join(parts)}{named}</MeterReading>"


def bare(*meters):
    return f'<MeterReadings xmlns="http://iec.ch/TC57/2011/MeterReadings#">{"".join(meters)}</MeterReadings>'


def event(*meters, verb="created", sent="2026-01-02T08:42:21.539+07:00"):
    header = f"<Header><Verb>{verb}</Verb><Noun>MeterReadings</Noun><Timestamp>{sent}</Timestamp></Header>"
    inner = f"{header}<Payload>{bare(*meters)}</Payload>"
    return f'<EventMessage xmlns="http://iec.ch/TC57/2011/schema/message">{inner}</EventMessage>'


def soap(*meters):
    message = 'xmlns:m="http://iec.ch/TC57/2011/MeterReadingsMessage" xmlns:h="http://iec.ch/TC57/2011/schema/message"'
    header = "<m:Header><h:Verb>reply</h:Verb><h:Noun>MeterReadings</h:Noun></m:Header>"
    inner = f"<m:MeterReadingsResponseMessage {message}>{header}<m:Payload>{bare(*meters)}</m:Payload>"
    envelope = "http://schemas.xmlsoap.org/soap/envelope/"
    return f'<s:Envelope xmlns:s="{envelope}"><s:Body>{inner}</m:MeterReadingsResponseMessage></s:Body></s:Envelope>'


def read(*meters, wrap=event, **options):
    return read_export(wrap(*meters).encode(), "message.xml", options)


def rows(result, *names, table="readings"):
    labels = [name for name in names if name in ("point", "channel", "quantity", "quality", "quality_raw")]
    return result.tables[table].sort("row").select(*names).cast(dict.fromkeys(labels, pl.String)).rows()


def amounts(result):
    return [amount for (amount,) in rows(result, "value")]


GRADES = {
    (): "unknown",
    ("1.0.0",): "actual",
    ("3.0.1", "5.4.260"): "actual",
    ("2.5.258", "1.0.0"): "suspect",
    ("2.5.259",): "missing",
    ("3.8.1",): "substituted_temporary",
    ("3.8.1", "3.10.1"): "substituted",
    ("2.7.0", "3.10.1"): "substituted_temporary",
    ("3.12.0",): "forecast",
    ("3.6.3",): "suspect",
    ("1.4.1",): "suspect",
    ("1.1.1",): "unknown",
    ("1.5.2001", "1.0.0"): "actual",
    ("nonsense",): "unknown",
    ("3.0." + "1" * 5000, "3.².1"): "unknown",  # no numbers of the list: found by fuzzing
}


@pytest.mark.parametrize(("qualities", "grade"), GRADES.items())
def test_of_several_qualities_the_worst_counts(qualities, grade):
    result = read(meter(block(DELTA, *quarters("0.25", qualities=qualities))))
    assert rows(result, "quality", "quality_raw") == [(grade, " ".join(qualities) or None)]
    # A value that the message calls missing is none, whatever number stands there.
    assert amounts(result) == [None if grade == "missing" else Decimal("0.25")]


@pytest.mark.parametrize(("first", "found"), [(0, ["stamp-label"]), (1, []), (40, [])])
def test_days_that_are_whole_as_starts_of_intervals_are_said(first, found):
    amounts = [f"{0.25 + at % 7 / 100:.2f}" for at in range(96)]
    result = read(meter(block(DELTA, *quarters(*amounts, first=first))))
    assert codes(result) == found
    assert not result.problems["message"].str.contains("`").any(), "it has no such option"
    told = [value(each, None, period=(local(at), local(at + 1))) for at, each in enumerate(amounts, first - 1)]
    assert codes(read(meter(block(DELTA, *told)))) == [], "the message says which"


@st.composite
def messages(draw):
    kinds = {DELTA: "active_import", kind(f5=19): "active_export", kind(f5=15, f17=73): "reactive_import"}
    meters, wanted = [], []
    for number in range(draw(st.integers(1, 4))):
        parts = []
        for ref in draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=3, unique=True)):
            power = draw(st.integers(-3, 6))
            typed = kind(ref, f16=power)
            first = draw(st.integers(1, 96))
            # Below all codes for no value, whatever the power.
            values = draw(st.lists(st.decimals(0, 9, places=draw(st.integers(0, 3))), min_size=1, max_size=12))
            offset = draw(st.sampled_from(["+07:00", "Z", ""]))
            shift = timedelta(0) if offset != "Z" else BANGKOK
            graded = [draw(st.sampled_from(sorted(GRADES))) for _ in values]
            parts.append(block(typed, *(value(v, local(first + i, offset), graded[i]) for i, v in enumerate(values))))
            for i, v in enumerate(values):
                start = MIDNIGHT + shift + timedelta(minutes=15 * (first + i - 1))
                exact = None if GRADES[graded[i]] == "missing" else (v.scaleb(power - 3)).quantize(Decimal("0.000001"))
                if exact is None or exact == v.scaleb(power - 3):
                    wanted.append((f"P{number}", typed, kinds[ref], start, 15, exact, GRADES[graded[i]]))
                else:
                    wanted.append(None)
        meters.append(meter(*parts, point=f"P{number}"))
    return meters, draw(st.sampled_from([event, soap, bare])), wanted


@given(messages())
def test_what_is_written_is_read(made):
    meters, wrap, wanted = made
    result = read(*meters, wrap=wrap)
    found = rows(result, "point", "channel", "quantity", "start", "minutes", "value", "quality")
    assert len(found) == len(wanted)
    assert [pair for pair in zip(found, wanted, strict=True) if pair[1] is not None and pair[0] != pair[1]] == []
    assert codes(result) == []


def test_versions():
    early = meter(block(DELTA, *quarters("1", "2", reported="2026-01-02T00:00:00Z")))
    late = meter(block(DELTA, value("5", local(2), reported="2026-01-03T00:00:00Z")))
    for order in ([early, late], [late, early]):
        result = read(*order)
        assert (sorted(amounts(result)), codes(result)) == ([1, 5], ["day-repeated"])
    sent = read(meter(block(DELTA, *quarters("1")))).tables["readings"]["version"][0]
    assert sent == datetime(2026, 1, 2, 1, 42, 21, 539000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ref", "quantity", "amount", "minutes"),
    [
        (kind(f16=0), "active_import", "0.0012", 15),
        (kind(f17=38, f4=6, f2=2), "active_import", "0.3", 15),
        (kind(f3=7, f17=38, f4=6), "active_import", "1.2", 60),
        (kind(f3=0, f1=11), "active_import", "1.2", 1440),
        (kind(f5=4), "other", "1.2", 15),
        (kind(f6=7), "other", "1.2", 15),
        (kind(f17=71), "apparent", "1.2", 15),
        (kind(f17=29, f4=6, f16=0), "voltage", "1.2", 15),
    ],
)
def test_reading_types(ref, quantity, amount, minutes):
    result = read(meter(block(ref, value("1.2", local(96)))))
    assert rows(result, "quantity", "value", "minutes") == [(quantity, Decimal(amount), minutes)]
    end = MIDNIGHT + timedelta(days=1)
    assert rows(result, "start") == [(end - timedelta(minutes=minutes),)]


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        (kind(f4=12), "channel-skipped"),
        (kind(f17=38, f4=6, f2=8), "channel-skipped"),
        ("11.0.0.0.0.2.119.0.0.0.0.0.0.0.0.0.159.0", "channel-skipped"),
        (kind(f4=0), "reading-kind"),  # of an energy that may be any
    ],
)
def test_momentary_and_extreme_values_are_no_readings(ref, code):
    result = read(meter(block(ref, value("1.2", "2026-01-01T10:00:00.123+07:00"))))
    assert ({*codes(result)}, dict(result.tables)) == ({"format-no-interval", code}, {})
    beside = read(meter(block(ref, value("1.2", local(1))), block(DELTA, *quarters("0.5"))))
    assert (codes(beside), amounts(beside)) == ([code], [Decimal("0.5")])


@pytest.mark.parametrize(
    "stamp",
    ["2026-01-01T00:15+07:00", "2026-01-01T00:15:00+0700", "2026-01-01 00:15:00+07", "2025-12-31T12:15:00.0-0500"],
)
def test_times_are_read_as_programs_write_them(stamp):
    assert rows(read(meter(block(DELTA, value("1", stamp)))), "start") == [(MIDNIGHT,)]


def test_a_stated_period_goes_before_the_type():
    period = ("2026-01-01T00:00:00+07:00", "2026-01-01T00:30:00+07:00")
    result = read(meter(block(DELTA, value("1", local(9), period=period))))
    assert rows(result, "start", "minutes") == [(MIDNIGHT, 30)]
    month = ("2026-01-01T00:00:00+07:00", "2026-02-01T00:00:00+07:00")
    billed = read(meter(value("450", None, period=month, name="Readings", ref=kind(f1=13, f3=0))))
    assert rows(billed, "start", "end", "value", table="registers")[0][::2] == (MIDNIGHT, 450)


def test_a_register_profile_makes_intervals():
    result = read(*[meter(block(PROFILE, v)) for v in quarters("6519.0955", "6519.1396", "6519.1396", "6520")])
    assert codes(result) == ["register-differenced"]
    assert amounts(result) == [Decimal("0.0441"), 0, Decimal("0.8604")]
    assert rows(result, "start", "minutes")[0] == (MIDNIGHT + timedelta(minutes=15), 15)
    assert rows(result, "register_end", table="registers")[0] == (Decimal("6519.0955"),)
    assert len(result.tables["registers"]) == 4


@given(st.lists(st.decimals(0, 50, places=4), min_size=2, max_size=40), st.randoms())
def test_differences_sum_to_the_registers_rise_in_any_order(steps, order):
    states = [sum(steps[: i + 1], Decimal(1000)) for i in range(len(steps))]
    values = quarters(*states)
    order.shuffle(values)
    result = read(meter(block(PROFILE, *values)))
    assert sum(amounts(result)) == states[-1] - states[0]
    assert len(amounts(result)) == len(states) - 1


def test_what_makes_no_interval():
    gap = read(meter(block(PROFILE, *quarters("1", "2"), *quarters("9", first=10))))
    assert amounts(gap) == [1]
    fall = read(meter(block(PROFILE, *quarters("99998", "99999", "3", "4"))))
    assert (amounts(fall), codes(fall)) == ([1, 1], ["register-differenced", "register-fall"])
    spot = read(meter(*(value(v, local(i), name="Readings", ref=SPOT) for i, v in enumerate("12"))))
    assert (list(spot.tables), codes(spot)) == (["registers"], [])
    graded = read(meter(block(PROFILE, *quarters("1", qualities=["3.8.0"]), *quarters("2", "4", first=2))))
    assert rows(graded, "quality") == [("substituted_temporary",), ("actual",)]
    both = read(meter(block(PROFILE, *quarters("1", "2")), block(DELTA, *quarters("1", "1"))))
    assert (len(amounts(both)), codes(both)) == (2, [])


def test_points():
    told = block(DELTA, *quarters("1"))
    assert rows(read(meter(told, point="CA1")), "point") == [("CA1",)]
    assert rows(read(meter(told)), "point") == [("0012",)]
    named = "<Meter><Names><name>0034</name><NameType><name>MeterUniqueID</name></NameType></Names></Meter>"
    assert rows(read(meter(told, named, meter=None)), "point") == [("0034",)]
    assert rows(read(meter(told, meter=None), point="P9"), "point") == [("P9",)]
    assert codes(read(meter(told, meter=None))) == ["file-malformed", "row-malformed"]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (block(DELTA, value("1,5", local(5))), "value-not-number"),
        (block(DELTA, value("1", "01/01/2026 00:15")), "stamp-bad"),
        (block(DELTA, value("1", "2026-02-30T00:15:00Z")), "stamp-bad"),
        (block(DELTA, value("1", None)), "stamp-bad"),
        (block(DELTA, value("1", "2026-01-01T03:00:25+07:00")), "interval-misaligned"),
        (block(kind(f3=0), value("1", local(5))), "interval-length"),
        (block("kWh", value("1", local(5))), "unit-unknown"),
        (block(kind(f16=-12), value("1", local(5))), "unit-unknown"),
    ],
)
def test_a_bad_value_costs_itself_only(bad, code):
    result = read(meter(block(DELTA, *quarters("0.5"))), meter(bad))
    assert result.problems.select("row", "code").rows() == [(2, code)]
    assert amounts(result) == [Decimal("0.5")]


@pytest.mark.parametrize("verb", ["canceled", "deleted"])
def test_a_message_that_withdraws_holds_no_readings(verb):
    message = event(meter(block(DELTA, *quarters("1"))), verb=verb)
    result = read_export(message.encode(), "x", {})
    assert (codes(result), dict(result.tables)) == (["format-no-interval", "message-cancelled"], {})


def test_an_empty_payload():
    assert codes(read()) == ["format-no-interval"]


WHOLE = event(*(meter(block(DELTA, *quarters("1", "2")), meter=f"{n:04d}") for n in range(8))).encode()


@given(st.integers(1, len(WHOLE) - 1))
@example(WHOLE.index(b"/>") + 2)  # ends with an element that closes itself, as a root might
def test_a_cut_message_is_never_a_smaller_one(at):
    result = read_export(WHOLE[:at], "x", {})
    assert dict(result.tables) == {}
    if at > WHOLE.index(b"<MeterReading>"):
        assert codes(result) == ["file-truncated"]


@pytest.mark.parametrize(
    "data",
    [
        WHOLE.replace(b"</IntervalBlocks>", b"</Blocks>", 1),
        b'<!DOCTYPE x [<!ENTITY e "1">]>' + WHOLE.replace(b"<value>1<", b"<value>&e;<"),
        WHOLE + WHOLE,
    ],
)
def test_what_is_not_well_formed_or_declares_entities(data):
    result = read_export(data, "x", {"format": "iec61968"})
    assert (codes(result), dict(result.tables)) == (["file-malformed"], {})


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=6))
def test_damage_never_crashes(at, junk):
    result = read_export(WHOLE[:at] + junk + WHOLE[at + len(junk) :], "x", {})
    assert "reader-failed" not in codes(result)
    json.dumps(describe(result, "x"))


@pytest.mark.real
def test_no_real_file_is_taken_for_it(real_data):
    for path in sorted((real_data / "meters").rglob("*.*")):
        if path.is_file():
            assert readers()["iec61968"].recognise(look_at(path.read_bytes())) is None, path.name
