"""Green Button: real files against plain counts, generated feeds against what was written and a peer, and bad input."""

import json
import random
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.sax.saxutils import quoteattr

import polars as pl
import pytest
from greenbutton_objects.parse import parse_feed
from hypothesis import assume, given, strategies as st

from assets.meters.exports import describe, read_export, readers
from assets.meters.formats.content import recognise as look_at
from tests.kit import codes

ROOT = "https://utility.example/DataCustodian/espi/1_1/resource/"
ESPI = "http://naesb.org/espi"
DAY = 1767225600  # 2026-01-01 00:00 UTC
TYPE = {"accumulationBehaviour": 4, "commodity": 1, "flowDirection": 1, "intervalLength": 900} | {
    "kind": 12,
    "powerOfTenMultiplier": 0,
    "uom": 72,
}


def element(name, body="", **children):
    inner = "".join(f"<{child}>{value}</{child}>" for child, value in children.items() if value is not None)
    return f'<{name} xmlns="{ESPI}">{inner}{body}</{name}>'


def entry(content, itself, up=None, related=(), updated="2026-01-02T03:04:05Z"):
    links = [("self", itself), ("up", up if up is not None else itself.rpartition("/")[0])]
    links += [("related", link) for link in related]
    told = "".join(f"<link rel={quoteattr(rel)} href={quoteattr(ROOT + href)}/>" for rel, href in links if href)
    return f"<entry><id>urn:uuid:1</id>{told}<title/><content>{content}</content><updated>{updated}</updated></entry>"


def feed(*entries, prolog='<?xml version="1.0" encoding="UTF-8"?>\n'):
    return f'{prolog}<feed xmlns="http://www.w3.org/2005/Atom"><id>x</id>{"".join(entries)}</feed>'.encode()


def usage_point(number=1):
    at = f"Subscription/5/UsagePoint/{number}"
    return entry(
        element("UsagePoint", "<ServiceCategory><kind>0</kind></ServiceCategory>"), at, None, [f"{at}/MeterReading"]
    )


def meter(number=1, channel=1, kind=1):
    at = f"Subscription/5/UsagePoint/{number}/MeterReading/{channel}"
    return entry(element("MeterReading"), at, None, [f"{at}/IntervalBlock", f"ReadingType/{kind}"])


def reading_type(number=1, **facts):
    return entry(element("ReadingType", **(TYPE | facts)), f"ReadingType/{number}")


def reading(value, start=None, seconds=900, qualities=(), extra=""):
    flags = "".join(f"<ReadingQuality><quality>{quality}</quality></ReadingQuality>" for quality in qualities)
    period = "" if start is None else f"<timePeriod><duration>{seconds}</duration><start>{start}</start></timePeriod>"
    told = "" if value is None else f"<value>{value}</value>"
    return f"<IntervalReading><cost>974</cost>{flags}{period}{told}{extra}</IntervalReading>"


def block(*readings, number=1, channel=1, name=1, start=DAY, seconds=None, updated="2026-01-02T03:04:05Z", inside=""):
    seconds = 900 * len(readings) if seconds is None else seconds
    body = f"<interval><duration>{seconds}</duration><start>{start}</start>{inside}</interval>{''.join(readings)}"
    at = f"Subscription/5/UsagePoint/{number}/MeterReading/{channel}/IntervalBlock"
    return entry(element("IntervalBlock", body), f"{at}/{name}", at, updated=updated)


def quarters(*values, start=DAY, **options):
    return [reading(value, start + 900 * i, **options) for i, value in enumerate(values)]


def read(*entries, **options):
    return read_export(feed(*entries), "usage.xml", options)


def kwh(result):
    return result.tables["readings"].sort("row")["value"].to_list()


# real files


@pytest.mark.real
def test_real_files_have_the_counts_and_raw_sums_of_a_plain_count(real_data):
    expected = json.loads((real_data / "meters/EXPECTED.json").read_text(encoding="utf-8"))
    told = {name.rpartition("/")[2]: facts for name, facts in expected.items() if name.startswith("espi/")}
    assert len(told) == 11
    for name, facts in told.items():
        result = read_export((real_data / "meters/green_button" / name).read_bytes(), name, {})
        if not facts.get("readings"):
            assert dict(result.tables) == {}, name
            assert codes(result) == ["file-malformed" if "error" in facts else "format-no-interval"], name
            continue
        readings = result.tables["readings"]
        typed = bool(facts["reading_types"])
        # PG&E's blocks of one day each begin with all of the day so far: 276 readings are there twice.
        merged = 276 if name == "PGEIntervalBlock.xml" else 0
        assert readings.height + merged == facts["readings"], name
        assert codes(result) == ["duplicate-rows"] * bool(merged) + ["quantity-other"] * (not typed), name
        if not merged:
            assert readings["value"].sum() * (1000 if typed else 1) == facts["raw_sum"], name
        assert readings["start"].min() == datetime.fromtimestamp(facts["min_start"], UTC), name
        end = readings.select((pl.col("start") + pl.duration(minutes="minutes")).max()).item()
        assert end == datetime.fromtimestamp(facts["max_end"], UTC), name
        flags = dict(readings["quality_raw"].drop_nulls().cast(pl.String).value_counts().iter_rows())
        assert {flag: count + merged for flag, count in flags.items()} == facts["quality"], name
        assert set(readings["quantity"].cast(pl.String)) == {"active_import" if typed else "other"}, name


@pytest.mark.real
def test_real_values_are_those_of_the_peer(real_data):
    for path in sorted((real_data / "meters/green_button").glob("*usage*_*.xml")):
        if "PGE" not in path.name:
            assert ours(read_export(path.read_bytes(), path.name, {})) == peers(path), path.name


@pytest.mark.real
def test_spring_day_of_92_quarters_is_whole(real_data):
    path = real_data / "meters/green_button/test_usage_data_11.xml"
    told = describe(read_export(path.read_bytes(), path.name, {}), path.name)
    (channel,) = told["channels"]
    assert (channel["readings"], channel["interval_minutes"], told["problems"]) == (92, 15, [])
    assert (channel["start"], channel["end"]) == ("2012-03-11T00:00:00-05:00", "2012-03-11T23:00:00-05:00")


@pytest.mark.real
def test_no_other_real_file_is_taken_for_green_button(real_data):
    for path in sorted((real_data / "meters").rglob("*.*")):
        if path.is_file():
            found = readers()["espi"].recognise(look_at(path.read_bytes()))
            assert bool(found) == (path.parent.name == "green_button"), path.name


# generated files


def ours(result):
    readings = result.tables["readings"].select("point", "start", "minutes", "value")
    return sorted((start, minutes, value) for _, start, minutes, value in readings.iter_rows())


def peers(path):
    found = [
        (start, reading.timePeriod.duration, Decimal(round(reading.value * 1000)) / 1000 / 1000)
        for point in parse_feed(str(path))
        for meter in point.meterReadings
        for reading in meter.intervalReadings
        for start in [reading.timePeriod.start]
    ]
    return sorted((start.astimezone(UTC), duration // timedelta(minutes=1), value) for start, duration, value in found)


@st.composite
def feeds(draw):
    """Entries of a feed in any order, and the readings it holds."""
    entries, rows = [], []
    kinds = {
        1: ({"uom": 72, "flowDirection": 1}, "active_import"),
        2: ({"uom": 72, "flowDirection": 19}, "active_export"),
        3: ({"uom": 73, "flowDirection": 1}, "reactive_import"),
        4: ({"uom": 71}, "apparent"),
    }
    powers = {number: draw(st.integers(-3, 3)) for number in kinds}
    for number, (facts, _) in kinds.items():
        entries.append(reading_type(number, powerOfTenMultiplier=powers[number], **facts))
    grades = {(): "unknown", (17,): "actual", (8,): "substituted_temporary", (10, 0): "suspect", (7,): "substituted"}
    for number in range(draw(st.integers(1, 3))):
        entries.append(usage_point(number))
        kind = draw(st.sampled_from(sorted(kinds)))
        entries.append(meter(number, "a", kind))
        minutes, length = draw(st.sampled_from([5, 15, 30, 60])), draw(st.integers(1, 30))
        values = draw(st.lists(st.integers(-(10**6), 10**9), min_size=length, max_size=length))
        start = DAY + 3600 * draw(st.integers(0, 10_000))
        flags = [draw(st.sampled_from(sorted(grades))) for _ in values]
        # Without any timePeriod the readings follow each other from the block's start.
        told = draw(st.booleans())
        readings = [
            reading(value, start + 60 * minutes * i if told else None, 60 * minutes, flags[i])
            for i, value in enumerate(values)
        ]
        cut = draw(st.integers(0, length)) if told else 0
        parts = [(readings[:cut], 0), (readings[cut:], 1)]
        for part, name in parts:
            if part:
                seconds = 60 * minutes * len(part)
                entries.append(block(*part, number=number, channel="a", name=name, start=start, seconds=seconds))
        for i, value in enumerate(values):
            at = datetime.fromtimestamp(start + 60 * minutes * i, UTC)
            exact = Decimal(value).scaleb(powers[kind] - 3)
            rows.append(
                (f"Subscription/5/UsagePoint/{number}", "a", kinds[kind][1], at, exact, grades[flags[i]], told, minutes)
            )
    return draw(st.permutations(entries)), rows


@given(feeds())
def test_what_is_written_is_read(made):
    entries, rows = made
    result = read(*entries)
    assume("value-sentinel" not in codes(result))
    assert set(codes(result)) <= {"value-negative"}
    names = ["point", "channel", "quantity", "start", "value", "quality"]
    found = (
        result.tables["readings"]
        .select(*names)
        .cast(dict.fromkeys(("point", "channel", "quantity", "quality"), pl.String))
    )
    # A block without periods takes the type's length, which is 15 minutes here.
    wanted = []
    places = {}
    for point, channel, quantity, at, value, grade, told, minutes in rows:
        place = places[point] = places.get(point, -1) + 1
        first = at - timedelta(minutes=minutes) * place
        wanted.append((point, channel, quantity, at if told else first + timedelta(minutes=15) * place, value, grade))
    assert sorted(found.iter_rows()) == sorted(wanted)


def test_the_peer_reads_the_same(tmp_path):
    values = [random.Random(7).randrange(0, 10**6) for _ in range(96)]
    path = tmp_path / "feed.xml"
    path.write_bytes(feed(usage_point(), meter(), reading_type(), block(*quarters(*values))))
    assert ours(read_export(path.read_bytes(), path.name, {})) == peers(path)


@pytest.mark.parametrize("prefix", ["ns0", "espi", "_a-1.b"])
def test_any_prefix_will_do(prefix):
    text = feed(reading_type(), meter(), block(*quarters(250, 500))).decode()
    for name in ("IntervalBlock", "IntervalReading", "timePeriod", "start", "duration", "value", "interval"):
        text = re.sub(rf"<(/?){name}\b", rf"<\1{prefix}:{name}", text)
    text = text.replace(f'<{prefix}:IntervalBlock xmlns="', f'<{prefix}:IntervalBlock xmlns:{prefix}="')
    assert kwh(read_export(text.encode(), "x", {})) == [Decimal("0.25"), Decimal("0.5")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_encodings_comments_and_cdata(encoding):
    text = feed(
        reading_type(), meter(), block(reading("1<!-- thousand -->234", DAY), reading("<![CDATA[56]]>", DAY + 900))
    )
    data = text.decode().replace("UTF-8", encoding).encode(encoding)
    assert kwh(read_export(data, "x", {})) == [Decimal("1.234"), Decimal("0.056")]


def test_parts_of_a_feed_stand_alone():
    body = f"<interval><duration>1800</duration><start>{DAY}</start></interval>{reading(5)}{reading(7)}"
    alone = element("IntervalBlock", body).encode()
    result = read_export(alone, "x", {"point": "P1"})
    told = describe(result, "x", show_ids=True)["channels"]
    # The unit is not told: values stay as delivered. The length is the block's, shared evenly.
    assert [(c["point"], c["quantity"], c["sum"], c["interval_minutes"]) for c in told] == [("P1", "other", 12.0, 15)]
    assert codes(result) == ["quantity-other"]
    assert codes(read_export(alone, "x", {})) == ["file-malformed"]
    assert codes(read_export(element("ReadingType", **TYPE).encode(), "x", {})) == ["format-no-interval"]


def test_joined_by_opaque_links():
    entries = [
        entry(
            element("IntervalBlock", f"<interval><start>{DAY}</start></interval>{reading(1, DAY)}"),
            "blocks/77",
            "blocks",
        ),
        entry(element("MeterReading"), "meters/x", "meters", ["blocks", "ReadingType/9"]),
        entry(element("UsagePoint"), "points/0042", "points", ["meters"]),
        reading_type(8, flowDirection=19),
        reading_type(9),
    ]
    readings = read(*entries).tables["readings"]
    told = readings.select(pl.col("point", "quantity").cast(pl.String)).rows()
    assert told == [("points/0042", "active_import")]


@pytest.mark.parametrize(
    ("facts", "quantity", "value"),
    [
        ({}, "active_import", "1.2"),
        ({"powerOfTenMultiplier": 3}, "active_import", "1200"),
        ({"powerOfTenMultiplier": -3}, "active_import", "0.0012"),
        ({"uom": 38, "accumulationBehaviour": 6, "dataQualifier": 2}, "active_import", "0.3"),
        ({"flowDirection": 19}, "active_export", "1.2"),
        ({"flowDirection": 4}, "other", "1200"),
        ({"commodity": 7}, "other", "1200"),
        ({"uom": 169}, "other", "1200"),
        ({"uom": None}, "other", "1200"),
        ({"uom": 73, "flowDirection": 16}, "reactive_import", "1.2"),
        ({"uom": 29, "accumulationBehaviour": 6}, "voltage", "1200"),
    ],
)
def test_units_directions_and_commodities(facts, quantity, value):
    result = read(reading_type(**facts), meter(), block(reading(1200, DAY)))
    readings = result.tables["readings"].select(pl.col("quantity").cast(pl.String), "value")
    assert readings.rows() == [(quantity, Decimal(value))]
    assert codes(result) == ["quantity-other"] * (quantity == "other")


@pytest.mark.parametrize("accumulation", [1, 3, 9])
def test_registers_are_no_intervals(accumulation):
    kinds = reading_type(accumulationBehaviour=accumulation)
    result = read(kinds, meter(), block(reading(5_000_000, DAY, 0), reading(5_000_250, DAY + 900, 0)))
    assert list(result.tables) == ["registers"]
    reads = result.tables["registers"].select("register_end", "value", "end").rows()
    assert reads[1] == (Decimal("5000.25"), None, datetime(2026, 1, 1, 0, 15, tzinfo=UTC))


def test_billing_periods_are_registers():
    month = 31 * 86400
    result = read(reading_type(), meter(), block(reading(450_000, DAY, month)))
    reads = result.tables["registers"].select("start", "end", "value", "register_end").rows()
    assert reads == [(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC), Decimal(450), None)]


@pytest.mark.parametrize("facts", [{"accumulationBehaviour": 12}, {"uom": 38, "dataQualifier": 8}])
def test_momentary_values_and_maxima_are_no_readings(facts):
    result = read(reading_type(**facts), meter(), block(*quarters(1, 2)))
    assert codes(result) == ["format-no-interval", "channel-skipped"]
    assert dict(result.tables) == {}


def test_the_default_quality_counts_where_none_is_told():
    result = read(
        reading_type(defaultQuality=17), meter(), block(reading(1, DAY), reading(2, DAY + 900, qualities=[12]))
    )
    told = result.tables["readings"].select(pl.col("quality", "quality_raw").cast(pl.String)).rows()
    assert told == [("actual", "17"), ("forecast", "12")]


def test_a_multiplier_inside_a_block_is_not_applied():
    inside = "<powerOfTenMultiplier>3</powerOfTenMultiplier><uom>72</uom>"
    for kinds in ([], [reading_type(powerOfTenMultiplier=3)]):
        result = read(meter(), *kinds, block(reading(49600, DAY), inside=inside))
        assert (kwh(result), codes(result)) == ([Decimal("49.6")], ["multiplier-ignored"])


def test_overlapping_blocks():
    first = block(*quarters(1, 2, 3), name=1, updated="2026-01-02T00:00:00Z")
    again = block(*quarters(2, 3, start=DAY + 900), name=2, updated="2026-01-03T00:00:00+07:00")
    result = read(reading_type(), meter(), first, again)
    assert codes(result) == ["duplicate-rows"]
    assert sum(kwh(result)) == Decimal("0.006")
    other = block(*quarters(20, start=DAY + 900), name=2, updated="2026-01-01T00:00:00Z")
    for order in ([first, other], [other, first]):
        result = read(reading_type(), meter(), *order)
        assert (codes(result), sum(kwh(result))) == (["day-repeated"], Decimal("0.006"))


# bad input


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (reading("12x", DAY), "value-not-number"),
        (reading(1, "soon"), "stamp-bad"),
        (reading(1, 9 * 10**14), "stamp-bad"),
        (reading(1, DAY + 900, 0), "interval-length"),
        (reading(1, DAY + 900, 17), "interval-length"),
        (reading(1, DAY + 900, "long"), "interval-length"),
    ],
)
def test_a_bad_reading_costs_itself_only(bad, code):
    result = read(reading_type(), meter(), block(reading(250, DAY + 9000), bad))
    assert result.problems.select("row", "code").rows() == [(2, code)]
    assert kwh(result) == [Decimal("0.25")]


def test_a_reading_without_value_is_missing():
    result = read(reading_type(), meter(), block(reading(None, DAY), reading(1, DAY + 900)))
    told = result.tables["readings"].select("value", pl.col("quality").cast(pl.String)).rows()
    assert told[0] == (None, "missing")
    assert codes(result) == ["value-blank"]


def test_a_power_of_ten_beyond_exactness_is_refused():
    assert "unit-unknown" in codes(read(reading_type(powerOfTenMultiplier=-12), meter(), block(reading(1, DAY))))


WHOLE = feed(reading_type(), meter(), block(*quarters(*range(40))))


@given(st.integers(1, len(WHOLE) - 1))
def test_a_cut_file_is_never_a_smaller_one(at):
    result = read_export(WHOLE[:at], "x", {})
    assert dict(result.tables) == {}
    assert set(codes(result)) <= {"file-truncated", "format-unknown", "file-malformed", "file-html"}
    if at > WHOLE.index(b'"http://naesb.org/espi"') + 30:
        assert codes(result) == ["file-truncated"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (WHOLE.replace(b"</IntervalBlock>", b"</IntervalBlok>"), "file-malformed"),
        (WHOLE.replace(b"<value>7<", b"<ns9:value>7<").replace(b"7</value>", b"7</ns9:value>"), "file-malformed"),
        (WHOLE + b"<feed/>", "file-malformed"),
        (WHOLE.replace(b"<value>7<", b"<value>&boom;<"), "file-malformed"),
        (WHOLE.replace(b"<feed", b'<!DOCTYPE feed [<!ENTITY boom "7">]><feed'), "file-malformed"),
        (WHOLE.replace(b"<feed", b'<!DOCTYPE feed SYSTEM "http://127.0.0.1:9/x.dtd"><feed'), "file-malformed"),
        (b"".join([b"<a>"] * 5000) + WHOLE[39:] + b"".join([b"</a>"] * 5000), "file-malformed"),
    ],
)
def test_what_is_not_well_formed_or_declares_entities(data, code):
    result = read_export(data, "x", {})
    assert (codes(result), dict(result.tables)) == ([code], {})
    assert "boom" not in str(result.problems["message"].to_list())


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=6))
def test_damage_never_crashes(at, junk):
    result = read_export(WHOLE[:at] + junk + WHOLE[at + len(junk) :], "x", {})
    assert "reader-failed" not in codes(result)
    json.dumps(describe(result, "x"))
