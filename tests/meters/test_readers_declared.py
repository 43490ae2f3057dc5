"""Declared CSV layouts: the shipped ones, the real building files, and what a declaration must say."""

import csv
import io
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import assume, given, strategies as st

from assets.meters.exports import describe, read_export
from assets.meters.formats import layouts
from tests.kit import codes

BANGKOK = timedelta(hours=7)
WIDE_HEADER = "point,date," + ",".join(f"kwh_{slot // 4:02d}{slot % 4 * 15:02d}" for slot in range(1, 97))
LONG_HEADER = "point,timestamp_end,kwh,status"
MEA_HEADER = "MEA No.,UI ID.,Rate Category,Measuring Compoenent,TOU/TOD,Date Time,Value"


def read(*lines, options=None, end="\n"):
    return read_export(("\n".join(lines) + end).encode(), "x.csv", options or {})


def clock(quarter):
    return f"{quarter // 4 % 24:02d}:{quarter % 4 * 15:02d}"


def rows(result):
    return list(result.problems.select("row", "code").iter_rows())


def declaration(**changes):
    """A layout that reads ``at,kwh``, with changes; a change to None removes the field."""
    layout = {
        "name": "city",
        "title": "City export",
        "source": "the test",
        "label": "start",
        "minutes": 60,
        "stamp": {"columns": ["at"], "order": "dmy"},
        "values": {"kwh": {"unit": "kWh", "kind": "delta"}},
        "point": "P1",
    } | changes
    return {name: value for name, value in layout.items() if value is not None}


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "count", "column", "hours", "said"),
    [
        ("cu_cham5_hourly_2018-07_2019-06.csv", 8760, "Load", 1, []),
        # The source meter's single negative steps, and minutes that it did not log.
        ("cu_raw_1min_2016-01.csv", 41470, "Power", 60, ["value-negative", "interval-gap"]),
    ],
)
def test_real_building_files(real_data, name, count, column, hours, said):
    path = real_data / "meters/thai_building" / name
    result = read_export(path.read_bytes(), path.name, {"point": "B1"})
    assert codes(result) == ["line-unended", *said]  # as published, they end without a line end
    readings = result.tables["readings"]
    assert readings.height == count
    with path.open(encoding="utf-8-sig", newline="") as lines:
        loads = [Decimal(row[column]) for row in csv.DictReader(lines)]
    assert abs(readings["value"].sum() - sum(loads) / hours) < Decimal("0.000001") * count
    assert (readings["value"][0], set(readings["point"])) == (round(loads[0] / hours, 6), {"B1"})


@pytest.mark.real
def test_real_building_files_start_and_end_where_their_year_does(real_data):
    path = real_data / "meters/thai_building/cu_cham5_hourly_2018-07_2019-06.csv"
    (channel,) = describe(read_export(path.read_bytes(), path.name, {}), path.name)["channels"]
    assert (channel["start"], channel["end"]) == ("2018-07-01T00:00:00+07:00", "2019-07-01T00:00:00+07:00")


VALUES = st.decimals(-10, 99999, places=3).map(str) | st.just("")


@given(
    st.lists(st.lists(VALUES, min_size=96, max_size=96), min_size=1, max_size=2),
    st.dates(date(2010, 1, 1), date(2035, 1, 1)),
    st.randoms(),
)
def test_wide_and_long_tell_the_same(days, day, random):
    wide, long = [], []
    for number, values in enumerate(days, start=1):
        wide.append(f"{number:04d},{day},{','.join(values)}")
        for slot, value in enumerate(values, start=1):
            clock = f"{slot // 4:02d}:{slot % 4 * 15:02d}"
            long.append(f"{number:04d},{day} {clock},{value},Actual")
    random.shuffle(long)
    order = ["point", "start"]
    told = [read(WIDE_HEADER, *wide), read(LONG_HEADER, *long)]
    assume("value-sentinel" not in codes(told[0]))
    assert [result.format for result in told] == ["muang_meters_wide", "muang_meters_long"]
    frames = [result.tables["readings"].sort(order).select(*order, "minutes", "value", "channel") for result in told]
    assert frames[0].equals(frames[1])
    midnight = datetime(day.year, day.month, day.day) - BANGKOK
    assert frames[0]["start"].min().replace(tzinfo=None) == midnight
    assert frames[0]["value"].to_list() == [Decimal(value) if value else None for values in days for value in values]


def test_long_status_words_and_midnight():
    result = read(
        LONG_HEADER,
        "P1,2026-01-01 00:15,1.0,Actual",
        "P1,2026-01-01 24:00,2.0,Estimated",
        "P1,2026-01-03 00:00,3.0,",
        "P1,2026-01-03 00:15,,Odd",
    )
    told = result.tables["readings"].sort("start").select("start", "quality", "quality_raw").rows()
    assert [(start.replace(tzinfo=None) + BANGKOK, *rest) for start, *rest in told] == [
        (datetime(2026, 1, 1), "actual", "Actual"),
        (datetime(2026, 1, 1, 23, 45), "substituted_temporary", "Estimated"),
        (datetime(2026, 1, 2, 23, 45), "unknown", None),
        (datetime(2026, 1, 3), "missing", "Odd"),
    ]
    assert codes(result) == ["value-blank"]


def mea(*lines):
    return read_export(("\ufeff" + "\r\n".join([MEA_HEADER, *lines]) + "\r\n").encode(), "mea.csv", {})


def test_mea_components_become_energy_at_the_interval_s_start():
    result = mea(
        "0012345,1,4.2.2,E-MAX-KW-IMP,OFF,4/13/2026 9:00,100.0",
        "0012345,1,4.2.2,E-MAX-KVAR-IMP,OFF,4/13/2026 9:00,40",
        '0012345,1,4.2.2,E-MAX-KW-IMP,ON,4/13/2026 9:15,"1,200.4"',
        "0012345,1,4.2.2,E-MAX-KW-IMP,OFF,4/14/2026 0:00,8",
    )
    assert (result.format, codes(result)) == ("mea_csv", [])
    told = result.tables["readings"].sort("quantity", "start")
    assert told.select("quantity", "channel", "value", "rate_raw").rows() == [
        ("active_import", "E-MAX-KW-IMP", Decimal(25), "OFF"),
        ("active_import", "E-MAX-KW-IMP", Decimal("300.1"), "ON"),
        ("active_import", "E-MAX-KW-IMP", Decimal(2), "OFF"),
        ("reactive_import", "E-MAX-KVAR-IMP", Decimal(10), "OFF"),
    ]
    starts = [start.replace(tzinfo=None) + BANGKOK for start in told["start"]]
    assert starts[0] == datetime(2026, 4, 13, 8, 45)
    assert starts[2] == datetime(2026, 4, 13, 23, 45)
    assert set(told["point"]) == {"0012345"}


def test_mea_components_of_export():
    told = mea("1,1,4,E-MAX-KW-EXP,ON,4/13/2026 9:15,4", "1,1,4,E-MAX-KVAR-EXP,ON,4/13/2026 9:15,8")
    assert told.tables["readings"].sort("quantity")["value"].to_list() == [1, 2]


def test_mea_unknown_components_are_refused():
    result = mea("1,1,4,E-SOMETHING,ON,4/13/2026 9:15,1", "1,1,4,E-MAX-KW-IMP,ON,4/13/2026 9:15,1")
    assert rows(result) == [(2, "value-unknown")]
    assert result.tables["readings"].height == 1


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("P1,2026-01-01 00:15", "row-malformed"),
        ("P1,2026-01-01 00:15,1,Actual,more", "row-malformed"),
        ('P1,2026-01-01 00:15,"1,Actual', "row-malformed"),
        (",2026-01-01 00:15,1,Actual", "value-null"),
        ("P1,01/01/2026 00:15,1,Actual", "stamp-bad"),
        ("P1,2569-01-01 00:15,1,Actual", "stamp-bad"),
        ("P1,2026-01-01 25:00,1,Actual", "stamp-bad"),
        ("P1,2026-01-01 00:10,1,Actual", "interval-misaligned"),
        ("P1,2026-01-01 00:15:30,1,Actual", "interval-misaligned"),
        ("P1,2026-01-01 00:15,1.2.3,Actual", "value-not-number"),
        ("P1,2026-01-01 00:15,NaN,Actual", "value-not-number"),
        ("P1,2026-01-01 00:15,inf,Actual", "value-not-number"),
    ],
)
def test_bad_rows_are_refused_and_the_rest_is_kept(line, code):
    result = read(LONG_HEADER, "P1,2026-01-01 01:15,1,Actual", line, "P1,2026-01-01 01:30,1,Actual")
    assert rows(result) == [(3, code)]
    assert result.tables["readings"].height == 2
    assert "P1" not in "".join(result.problems["message"])


@pytest.mark.parametrize("seconds", [-20, -1, 5, 20])
def test_a_clock_that_is_a_little_off_costs_no_reading(seconds):
    stamp = datetime(2026, 1, 1, 1, 30) + timedelta(seconds=seconds)
    result = read(LONG_HEADER, "P1,2026-01-01 01:15,1,Actual", f"P1,{stamp},1,Actual")
    assert rows(result) == []
    apart = result.tables["readings"]["start"].sort().diff()[-1]
    assert apart == timedelta(minutes=15, seconds=seconds), "what was told is kept; the lake puts it on the grid"


def test_a_word_in_a_wide_row_refuses_its_day():
    cells = ["1"] * 96
    result = read(WIDE_HEADER, f"P1,2026-01-01,{','.join(cells)}", f"P1,2026-01-02,{','.join(['x', *cells[1:]])}")
    assert rows(result) == [(3, "value-not-number")]
    assert result.tables["readings"].height == 96


@pytest.mark.parametrize("cut", [3, 60, 200, 400])
def test_a_cut_file_is_rejected(cut):
    text = "\n".join([WIDE_HEADER, *(f"P{n},2026-01-01,{','.join(['1.234'] * 96)}" for n in range(3))])
    result = read_export(text[:-cut].encode(), "x.csv", {})
    assert codes(result) == ["file-truncated" if cut > 6 else "line-unended"]


def test_repeated_rows():
    one = "P1,2026-01-01 01:15,1,Actual"
    result = read(LONG_HEADER, one, one, "P1,2026-01-01 01:15,2,Actual")
    assert sorted(rows(result)) == [(2, "key-duplicate"), (3, "key-duplicate")]
    assert result.tables["readings"]["value"].to_list() == [Decimal(2)]
    assert codes(read(LONG_HEADER, one, one)) == ["duplicate-rows"]


def test_every_shipped_layout_says_its_label_and_is_told_apart():
    headers = {
        "cu_building_1min": "date,time,Power",
        "cu_building_hourly": "Datetime,Load,Temp",
        "edc_cr_15min": f"Datum;Cas od;Cas do;{'1' * 18}-{'2' * 18};",
        "enel_96": "Giorno;" + ";".join(f"{clock(n)}-{clock(n + 1)}" for n in range(96)),
        "fluvius_15min": "Van datum;Van tijdstip;Tot datum;Tot tijdstip;EAN;Meter;Metertype;Register;Volume;Eenheid;"
        "Validatiestatus",
        "homewizard_cumulative": "time,Import T1 kWh,Import T2 kWh,Export T1 kWh,Export T2 kWh",
        "lcl_half_hourly": "LCLid,stdorToU,DateTime,KWH/hh (per half hour) ",
        "mea_csv": MEA_HEADER,
        "muang_meters_long": LONG_HEADER,
        "muang_meters_wide": WIDE_HEADER,
        "uk_row_per_day": "Site Id,Meter Number,Reading Date," + ",".join(clock(n) for n in range(0, 96, 2)),
        "uk_row_per_reading": "MPR,ReadDatetime,kWh,ReadType",
    }
    assert set(headers) == {name for name, layout in layouts.shipped().items() if layout.automatic}
    for name, header in headers.items():
        assert layouts.shipped()[name].label in ("start", "end")
        result = read(header)
        assert result.format == name
        assert codes(result)[0] == "file-empty"


def test_a_layout_without_label_is_rejected():
    result = read("at,kwh", "01/01/2026 00:00,1", options={"layout": declaration(label=None)})
    assert codes(result) == ["layout-no-label"]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"label": "middle"}, "label"),
        ({"minutes": 7}, "minutes"),
        ({"minutes": None}, "minutes"),
        ({"timezone": "Mars/Olympus"}, "time zone"),
        ({"encoding": "utf-99"}, "encoding"),
        ({"values": {"kwh": {"unit": "kW", "kind": "delta"}}}, "kW"),
        ({"values": {"kwh": {"unit": "kvarh", "kind": "delta"}}}, "kvarh"),
        ({"values": None}, "values"),
        ({"stamp": {"columns": ["at"]}}, "order"),
        ({"surprise": 1}, "surprise"),
        ({"decimal": ",", "thousands": ","}, "thousands"),
        ({"wide": {"columns": "(", "measure": {"unit": "kWh", "kind": "delta"}}}, "pattern"),
    ],
)
def test_a_wrong_layout_is_rejected_and_names_the_place(changes, place):
    result = read("at,kwh", "01/01/2026 00:00,1", options={"layout": declaration(**changes)})
    assert codes(result) == ["option-invalid"]
    assert place in result.problems["message"][0]


@pytest.mark.parametrize("options", [{"layout": "no_such"}, {"layout": 3}, {"format": "no_such"}, {"timezone": "X/Y"}])
def test_wrong_options_are_rejected(options):
    assert codes(read(LONG_HEADER, "P1,2026-01-01 00:15,1,Actual", options=options)) == ["option-invalid"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"layout": "muang_meters_long", "format": "nem12"}, "one too many"),
        ({"layout": "muang_meters_long", "point": "P7"}, "point has no effect"),
        ({"layout": "muang_meters_long", "multiplier": 60}, "its own field"),
    ],
)
def test_an_option_that_the_layout_would_pass_over_is_refused(options, told):
    result = read(LONG_HEADER, "P1,2026-01-01 00:15,1,Actual", options=options)
    assert codes(result) == ["option-invalid"] and told in result.problems["message"][0]


def test_a_multiplier_that_the_format_does_not_take_is_said():
    result = read(LONG_HEADER, "P1,2026-01-01 00:15,1,Actual", options={"multiplier": 60})
    assert codes(result) == ["multiplier-ignored"]
    assert result.tables["readings"]["value"].to_list() == [1]


def test_a_layout_without_point_asks_for_one():
    nameless = declaration(point=None)
    assert codes(read("at,kwh", "01/01/2026 00:00,1", options={"layout": nameless})) == ["option-invalid"]
    result = read("at,kwh", "01/01/2026 00:00,1", options={"layout": nameless, "point": 7})
    assert result.tables["readings"]["point"].to_list() == ["7"]


def test_what_a_declaration_can_say():
    layout = declaration(
        encoding="cp1252",
        delimiter=";",
        decimal=",",
        thousands=".",
        label="end",
        minutes=30,
        timezone="Europe/Rome",
        stamp={"columns": ["Tag", "Uhr"], "order": "dmy", "era": "BE"},
        values={
            "Bezug": {"unit": "kW", "kind": "average"},
            "Spannung": {"unit": "V", "kind": "instant", "quantity": "voltage", "channel": "U1"},
        },
        nulls=["kein Wert"],
        footer="^Summe",
        ignored=["Gerät"],
    )
    head = "Bericht\n\nTag;Uhr;Bezug;Spannung;Gerät\n"
    text = head + "1.7.2569;0.30;1.234,5;230;ä\n1.7.69;24:00;kein Wert;229;ä\nSumme;;1;;\n"
    result = read_export(text.encode("cp1252"), "x.csv", {"layout": layout})
    assert codes(result) == ["value-blank"]
    assert result.tables["readings"].sort("channel", "start").select(
        "channel", "quantity", pl.col("start").dt.to_string("%F %R"), "value", "minutes"
    ).rows() == [
        ("Bezug", "active_import", "2026-06-30 22:00", Decimal("617.25"), 30),
        ("Bezug", "active_import", "2026-07-01 21:30", None, 30),
        ("U1", "voltage", "2026-06-30 22:00", Decimal(230), 30),
        ("U1", "voltage", "2026-07-01 21:30", Decimal(229), 30),
    ]


def test_wide_columns_by_index_and_start_labels():
    for pattern, names in (
        (r"HH(?P<index>\d+)", [f"HH{n}" for n in range(1, 25)]),
        (r"(?P<hour>\d\d):(?P<minute>\d\d)", [f"{n:02d}:00" for n in range(24)]),
    ):
        layout = declaration(
            stamp={"columns": ["day"], "order": "ymd"},
            values=None,
            wide={"columns": pattern, "measure": {"unit": "kWh", "kind": "delta"}},
        )
        result = read(f"day,{','.join(names)}", f"20260101,{','.join(map(str, range(24)))}", options={"layout": layout})
        readings = result.tables["readings"].sort("start")
        assert codes(result) == []
        assert readings["value"].to_list() == list(map(Decimal, range(24)))
        assert readings["start"][0].replace(tzinfo=None) + BANGKOK == datetime(2026, 1, 1)


def test_columns_the_layout_does_not_know_are_said():
    result = read(LONG_HEADER + ",extra", "P1,2026-01-01 00:15,1,Actual,9")
    assert codes(result) == ["column-new"]
    assert result.tables["readings"].height == 1


def test_a_local_hour_that_a_clock_change_skips_is_refused():
    layout = declaration(timezone="Europe/Rome")
    result = read(
        "at,kwh", "29/03/2026 01:00,1", "29/03/2026 02:00,1", "29/03/2026 03:00,1", options={"layout": layout}
    )
    assert rows(result) == [(3, "stamp-bad")]
    assert result.tables["readings"]["start"].diff()[1] == timedelta(hours=1)


def test_large_files_are_read_in_time():
    out = io.StringIO()
    out.write(LONG_HEADER + "\n")
    for number in range(700):
        out.writelines(
            f"P{number:06d},2026-01-01 {slot // 4:02d}:{slot % 4 * 15:02d},{slot / 8:.3f},Actual\n"
            for slot in range(1, 97)
        )
    data = out.getvalue().encode()
    began = datetime.now()
    assert read_export(data, "x.csv", {}).tables["readings"].height == 67_200
    # A loop over readings takes many times as long; the bound is wide enough for a busy machine.
    assert datetime.now() - began < timedelta(seconds=5)


def test_readings_above_the_header_are_not_lost_in_silence():
    """Found by fuzzing: a file that was sorted has its header anywhere; what stood above it was taken for a title."""
    long = [f"P,2026-01-05 {clock(n)},{n}.5,Actual" for n in (1, 2, 3)]
    found = read(*long[:2], LONG_HEADER, long[2])
    assert rows(found) == [(1, "row-malformed"), (2, "row-malformed")]
    assert describe(found, "x")["status"] == "partial"
    wide = [f"P,2026-01-0{day}," + ",".join(["1"] * 96) for day in (5, 6)]
    assert rows(read(wide[0], WIDE_HEADER, wide[1])) == [(1, "row-malformed")]
    assert rows(read("Report of,05/01/2026,,", "", LONG_HEADER, *long)) == []
