"""What a declared layout can say, field by field, on written files."""

import io
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import openpyxl
import polars as pl
import pytest
from hypothesis import assume, given, strategies as st
from openpyxl.worksheet.table import Table

from assets.meters.exports import read_export
from assets.meters.formats.clock import stamps
from assets.meters.formats.layouts import Stamp
from tests.kit import codes

KWH = {"unit": "kWh", "kind": "delta"}
DIALS = {"unit": "kWh", "kind": "register"}
ROME = ZoneInfo("Europe/Rome")


def declaration(**changes):
    """A layout that reads ``at,kwh`` hourly, with changes; a change to None removes the field."""
    layout = {
        "name": "city",
        "title": "City export",
        "source": "the test",
        "label": "start",
        "minutes": 60,
        "stamp": {"columns": ["at"], "order": "ymd"},
        "values": {"kwh": KWH},
        "point": "P1",
    } | changes
    return {name: value for name, value in layout.items() if value is not None}


def days(**changes):
    """A layout of 24 columns ``01`` to ``24`` by index, a row a day."""
    wide = {"columns": r"(?P<index>\d\d)", "measure": KWH} | changes.pop("wide", {})
    wide = {name: value for name, value in wide.items() if value is not None}
    return declaration(stamp={"columns": ["day"], "order": "ymd"}, values=None, wide=wide, **changes)


DAY_HEADER = "day," + ",".join(f"{n:02d}" for n in range(1, 25))


def read(lines, layout, **options):
    data = lines if isinstance(lines, bytes) else ("\n".join(lines) + "\n").encode()
    return read_export(data, "x.csv", {"layout": layout, **options})


def told(result, *columns):
    """Readings in order of time: start in the result's zone without its name, value, and ``columns``."""
    readings = result.tables["readings"].sort("channel", "quantity", "point", "start")
    starts = [start.astimezone(ZoneInfo(result.zone)).replace(tzinfo=None) for start in readings["start"]]
    return list(zip(starts, readings["value"], *(readings[column] for column in columns), strict=True))


def values(result):
    return [value for _, value in told(result)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("told_by", ["auto", "sep"])
def test_delimiters(delimiter, told_by):
    lines = [delimiter.join(cells) for cells in (("at", "kwh"), ("2026-01-01 00:00", "1"), ("2026-01-01 01:00", "2"))]
    if told_by == "sep":
        lines.insert(0, f"sep={delimiter}")
    layout = declaration(delimiter="auto" if told_by == "auto" else ",")
    result = read(lines, layout)
    assert (values(result), codes(result)) == ([1, 2], [])
    assert result.tables["readings"]["row"].to_list() == ([3, 4] if told_by == "sep" else [2, 3])


@given(
    st.lists(st.decimals(-99999, 99999, places=3), min_size=1, max_size=24),
    st.sampled_from([(".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", "'")]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp874"]),
)
def test_numbers_come_back(numbers, marks, end, encoding):
    decimal, thousands = marks

    def written(number):
        text = f"{number:,.3f}".replace(",", "\x00").replace(".", decimal)
        return text.replace("\x00", thousands)

    lines = ["at;kwh;ไทย", *(f'2026-01-01 {n:02d}:00;"{written(x)}";' for n, x in enumerate(numbers))]
    layout = declaration(delimiter=";", decimal=decimal, thousands=thousands, ignored=["ไทย"])
    result = read((end.join(lines) + end).encode(encoding), layout)
    assume("value-sentinel" not in codes(result))
    assert values(result) == numbers
    # Three digits behind every comma may be thousands: that is said, and the numbers stand.
    said = [code for code in codes(result) if code != "decimal-doubtful"]
    assert said == (["value-negative"] if min(numbers) < 0 else [])


def test_blank_cells_after_the_header_s_last_column_are_no_columns():
    assert values(read(["at,kwh", "2026-01-01 00:00,1,,"], declaration())) == [1]
    assert values(read(["at,kwh,,", "2026-01-01 00:00,1"], declaration())) == [1]
    assert codes(read(["at,kwh", "2026-01-01 00:00,1,,7"], declaration())) == ["file-malformed", "row-malformed"]


def test_excel_s_quoted_identifiers_and_shortened_ones():
    lines = ["at,ean,kwh", '2026-01-01 00:00,="0541",1', "2026-01-01 00:00,2.3E+12,2", '2026-01-01 00:00,"0542",3']
    result = read(lines, declaration(point_column="ean"))
    assert told(result, "point") == [
        (datetime(2026, 1, 1), 1, "0541"),
        (datetime(2026, 1, 1), 3, "0542"),
    ]
    assert codes(result) == ["value-unknown"]


# Stamps


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("26 Aug 2019 00:30:00", "dmy", datetime(2019, 8, 26, 0, 30)),
        ("Aug 26, 2019 12:30 AM", "mdy", datetime(2019, 8, 26, 0, 30)),
        ("26/08/2019 12:30 pm", "dmy", datetime(2019, 8, 26, 12, 30)),
        ("26/08/2019 11:30:15 P.M.", "dmy", datetime(2019, 8, 26, 23, 30, 15)),
        ("26/08/2019 13:30 PM", "dmy", None),
        ("26/08/2019 0:30 AM", "dmy", None),
        ("Mon 26/08/2019 24:00", "dmy", datetime(2019, 8, 27)),
        ("23:59 Mon 26/08/19", "dmy", datetime(2019, 8, 26, 23, 59)),
        ("2019-08-26T00:30:00.0000000", "ymd", datetime(2019, 8, 26, 0, 30)),
        ("2019-08-26 00:30", "dmy", datetime(2019, 8, 26, 0, 30)),
        ("20190826", "ymd", datetime(2019, 8, 26)),
        ("19-08-26", "ymd", datetime(2019, 8, 26)),
        ("26/08/2562 24.00", "dmy", None),
        ("31/02/2019 00:00", "dmy", None),
        ("26/08/2019 24:30", "dmy", None),
        ("", "dmy", None),
        ("วันศุกร์ที่ 27 พฤศจิกายน 2026 เวลา 00:30 น.", "dmy", datetime(2026, 11, 27, 0, 30)),
        ("ศ. 27/11/2026 00:30", "dmy", datetime(2026, 11, 27, 0, 30)),
        ("27/11/2026-00:30", "dmy", datetime(2026, 11, 27, 0, 30)),
        ("27/11/2026 00:30 hrs", "dmy", datetime(2026, 11, 27, 0, 30)),
        ("27112026 0030", "dmy", datetime(2026, 11, 27, 0, 30)),
        ("202611270030", "ymd", datetime(2026, 11, 27, 0, 30)),
        ("20261127T003015", "ymd", datetime(2026, 11, 27, 0, 30, 15)),
        ("202611272400", "ymd", datetime(2026, 11, 28)),
        ("2611270030", "ymd", None),
    ],
)
def test_spellings_of_stamps(text, order, expected):
    assert stamps(pl.Series([text]), Stamp(columns=("at",), order=order))["stamp"].to_list() == [expected]


@given(
    st.datetimes(datetime(1995, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.replace(microsecond=0)),
    st.sampled_from(
        [
            ("dmy", "%d/%m/%Y %H:%M:%S"),
            ("dmy", "%d %B %Y %I:%M:%S %p"),
            ("dmy", "%H:%M:%S %A %d-%m-%Y"),
            ("mdy", "%b %d %Y %I:%M:%S%p"),
            ("ymd", "%Y-%m-%dT%H:%M:%SZ"),
            ("ymd", "%Y%m%d %H:%M:%S"),
        ]
    ),
)
def test_stamps_come_back(at, spelling):
    order, form = spelling
    (read,) = stamps(pl.Series([at.strftime(form)]), Stamp(columns=("at",), order=order)).to_dicts()
    assert (read["stamp"], read["offset"]) == (at, 0 if form.endswith("Z") else None)


@pytest.mark.parametrize("clock", ["0030", "30", "00:30", "12:30 AM", "00:30 - 01:00"])
def test_times_in_a_column_of_their_own(clock):
    layout = declaration(minutes=30, stamp={"columns": ["day", "time"], "order": "dmy"})
    result = read(["day,time,kwh", f"01/02/2026,{clock},1"], layout)
    assert told(result) == [(datetime(2026, 2, 1, 0, 30), 1)]


@pytest.mark.parametrize("zone", ["+07", "+0700", " +07:00", " ICT", " UTC+7", " (GMT+07:00)", "Z", " UTC"])
def test_spellings_of_offsets(zone):
    (read,) = stamps(pl.Series([f"2026-11-27 00:30:00{zone}"]), Stamp(columns=("at",), order="ymd")).to_dicts()
    assert (read["stamp"], read["offset"]) == (datetime(2026, 11, 27, 0, 30), 0 if zone in ("Z", " UTC") else 420)


@pytest.mark.parametrize("to", ["-", " - ", "–", " to ", " - 27/11/2026 "])
@pytest.mark.parametrize("label", ["start", "end"])
def test_ranges_in_the_column_of_stamps(label, to):
    rows = [f"27/11/2026 {hour:02}:00{to}{hour + 1:02}:00,1" for hour in range(23)] + ["27/11/2026 23:00 - 00:00,1"]
    layout = declaration(minutes=60, label=label, stamp={"columns": ["at"], "order": "dmy"})
    assert [at for at, _ in told(read(["at,kwh", *rows], layout))] == [datetime(2026, 11, 27, n) for n in range(24)]


def test_stamps_with_an_offset_of_their_own():
    layout = declaration(timezone="America/Chicago")
    lines = ["at,kwh", "2016-11-06T01:00:00-05:00,1", "2016-11-06T01:00:00-06:00,2", "2016-11-06T08:00:00Z,3"]
    result = read(lines, layout)
    assert codes(result) == []
    assert result.tables["readings"].sort("start")["start"].to_list() == [
        datetime(2016, 11, 6, hour, tzinfo=UTC) for hour in (6, 7, 8)
    ]


@pytest.mark.parametrize(
    ("label", "midnight", "expected"),
    [
        ("start", "opens", datetime(2026, 1, 2)),
        ("end", "opens", datetime(2026, 1, 1, 23)),
        ("end", "closes", datetime(2026, 1, 2, 23)),
    ],
)
def test_the_day_of_midnight(label, midnight, expected):
    layout = declaration(label=label, stamp={"columns": ["at"], "order": "ymd", "midnight": midnight})
    assert told(read(["at,kwh", "2026-01-02 00:00,1"], layout)) == [(expected, 1)]
    if label == "end":
        assert told(read(["at,kwh", "2026-01-02 24:00,1"], layout)) == [(datetime(2026, 1, 2, 23), 1)]


def test_a_day_and_the_number_of_its_period():
    layout = declaration(
        minutes=30, stamp={"columns": ["day"], "order": "dmy", "period": "no"}, timezone="Europe/London"
    )
    day = date(2026, 10, 25)  # 25 hours: 50 periods
    lines = [
        "day,no,kwh",
        *(f"{day:%d/%m/%Y},{n},{n}" for n in (1, 2, 3, 50, 51, 0)),
        "26/10/2026,x,1",
        "26/10/2026,143165578,1",
    ]
    result = read(lines, layout)
    assert result.problems.select("row", "code").rows() == [(row, "stamp-bad") for row in (6, 7, 8, 9)]
    midnight = datetime(2026, 10, 24, 23, tzinfo=UTC)
    assert result.tables["readings"]["start"].to_list() == [
        midnight + timedelta(minutes=30 * (n - 1)) for n in (1, 2, 3, 50)
    ]


# Clock changes


def local_hours(first, last):
    """Every hour between two instants, as Rome's clock shows it."""
    hours = int((last - first) / timedelta(hours=1))
    return [(first + timedelta(hours=n)) for n in range(hours)]


@given(
    st.sampled_from(["start", "end"]),
    st.booleans(),
    st.integers(1, 3),
    st.sampled_from([(2026, 3, 28), (2026, 10, 24), (2026, 7, 1)]),
    st.sampled_from(["Europe/Rome", "Europe/Brussels"]),
)
def test_days_of_clock_changes_come_back(label, backwards, meters, day, zone):
    first = datetime(*day, tzinfo=UTC)
    instants = local_hours(first, first + timedelta(days=3))
    shift = timedelta(hours=label == "end")
    rows = [
        (meter, f"{(at + shift).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M},M{meter},{n}", at, n)
        for n, at in enumerate(instants)
        for meter in range(meters)
    ]
    if backwards:
        rows.reverse()
    layout = declaration(label=label, timezone=zone, point_column="meter", point=None)
    result = read(["at,meter,kwh", *(text for _, text, _, _ in rows)], layout)
    ours = result.tables["readings"].select("point", "start", "value").rows()
    assert sorted(ours) == sorted((f"M{meter}", at, Decimal(n)) for meter, _, at, n in rows)
    assert codes(result) == (["hour-repeated"] if day == (2026, 10, 24) else [])


def test_a_repeated_hour_that_occurs_once_is_the_first_and_said():
    result = read(["at,kwh", "2026-10-25 01:00,1", "2026-10-25 02:00,2"], declaration(timezone="Europe/Rome"))
    assert codes(result) == ["hour-repeated"]
    assert "occur once" in result.problems["message"][0]
    assert result.tables["readings"]["start"].to_list()[-1] == datetime(2026, 10, 25, 0, tzinfo=UTC)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_columns_by_number_follow_the_length_of_the_day(day, hours):
    header = "day," + ",".join(f"{n:02d}" for n in range(1, 26))
    cells = [*(str(n) for n in range(1, hours + 1)), *[""] * (25 - hours)]
    result = read([header, ",".join([day, *cells])], days(timezone="Europe/Rome"))
    readings = result.tables["readings"].sort("start")
    assert readings["value"].to_list() == list(range(1, hours + 1))
    assert set(readings["start"].diff().drop_nulls()) == {timedelta(hours=1)}
    assert readings["start"][0].astimezone(ROME).hour == 0
    assert codes(result) == []
    too_many = read([header, ",".join([day, *(str(n) for n in range(1, 26))])], days(timezone="Europe/Rome"))
    assert codes(too_many) == ([] if hours == 25 else ["interval-count"])
    assert too_many.tables["readings"].height == hours


def test_columns_by_clock_have_no_skipped_hour():
    header = "day," + ",".join(f"{n:02d}:00" for n in range(24))
    layout = days(timezone="Europe/Rome", wide={"columns": r"(?P<hour>\d\d):(?P<minute>\d\d)"})
    filled = read([header, "2026-03-29," + ",".join(["1"] * 24)], layout)
    assert (filled.tables["readings"].height, codes(filled)) == (23, ["interval-count"])
    for blank in ("", "0", "0.000", "-"):
        result = read([header, f"2026-03-29,1,1,{blank}," + ",".join(["1"] * 21)], layout)
        assert (result.tables["readings"].height, codes(result)) == (23, [])


@pytest.mark.parametrize(
    ("day", "cells", "accepted"),
    [
        ("29/03/2026", 46, True),
        ("29/03/2026", 48, False),
        ("25/10/2026", 50, True),
        ("25/10/2026", 48, False),
        ("01/06/2026", 48, True),
        ("01/06/2026", 47, False),
        ("01/06/2026", 50, False),
    ],
)
def test_rows_as_long_as_their_day(day, cells, accepted):
    layout = declaration(
        minutes=30,
        timezone="Europe/London",
        values=None,
        width=53,
        point_column="1",
        stamp={"columns": ["3"], "order": "dmy"},
        wide={"places": [4, 53], "ragged": True, "measure": KWH},
    )
    lines = ["M1,x,02/06/2026," + ",".join(["2"] * 48), f"M1,x,{day}," + ",".join(["1"] * cells)]
    result = read(lines, layout)
    assert codes(result) == ([] if accepted else ["interval-count"])
    assert result.tables["readings"].height == 48 + cells * accepted


# Columns of a day

HALF_HOURS = [(n // 60, n % 60) for n in range(0, 1440, 30)]


@pytest.mark.parametrize(
    ("pattern", "label", "names"),
    [
        (r"(?P<hour>\d?\d):(?P<minute>\d\d)(?::00)?", "start", [f"{h}:{m:02d}:00" for h, m in HALF_HOURS]),
        (r"(?P<hour>\d\d):(?P<minute>\d\d)", "end", [f"{h:02d}:{m:02d}" for h, m in [*HALF_HOURS[1:], (24, 0)]]),
        (r"(?P<hour>\d\d):(?P<minute>\d\d)", "end", [f"{h:02d}:{m:02d}" for h, m in [*HALF_HOURS[1:], (0, 0)]]),
        (r"(?P<hour>\d{0,2})(?P<minute>\d\d)", "end", [str(h * 100 + m) for h, m in [*HALF_HOURS[1:], (24, 0)]]),
        (
            r"(?P<hour>\d\d?):(?P<minute>\d\d) (?P<half>[AP])M",
            "start",
            [f"{(h - 1) % 12 + 1}:{m:02d} {'AP'[h // 12]}M" for h, m in HALF_HOURS],
        ),
        (r"hh(?P<index>\d+)", "end", [f"hh{n:02d}" for n in range(1, 49)]),
    ],
)
def test_names_of_interval_columns(pattern, label, names):
    layout = days(minutes=30, label=label, wide={"columns": pattern})
    result = read([f"day,{','.join(names)}", "2026-01-01," + ",".join(map(str, range(48)))], layout)
    assert told(result) == [(datetime(2026, 1, 1) + timedelta(minutes=30 * n), n) for n in range(48)]
    cut = read([f"day,{','.join(names[:-1])}", "2026-01-01," + ",".join(map(str, range(47)))], layout)
    assert codes(cut) == ["file-malformed"]


def test_an_end_labelled_day_that_opens_with_midnight():
    names = ",".join(f"{n:02d}:00" for n in range(24))
    layout = days(label="end", wide={"columns": r"(?P<hour>\d\d):(?P<minute>\d\d)"})
    row = "2026-01-02," + ",".join(map(str, range(24)))
    assert told(read([f"day,{names}", row], layout))[0] == (datetime(2026, 1, 1, 23), 0)
    layout["stamp"] = {"columns": ["day"], "order": "ymd", "midnight": "closes"}
    result = told(read([f"day,{names}", row], layout))
    assert (result[0], result[-1]) == ((datetime(2026, 1, 2), 1), (datetime(2026, 1, 2, 23), 0))


@pytest.mark.parametrize("where", ["next", "previous", "pattern"])
def test_a_status_an_interval(where):
    names, cells = [], []
    for n in range(1, 25):
        pair, flag = [f"{n:02d}", f"F{n:02d}" if where == "pattern" else "Flag"], "E" if n == 3 else "A"
        order = 1 if where != "previous" else -1
        names += pair[::order]
        cells += [str(n), flag][::order]
    status = r"F(?P<index>\d\d)" if where == "pattern" else where
    layout = days(wide={"status": status}, statuses={"E": "substituted_temporary"}, other_status="actual")
    result = read([f"day,{','.join(names)}", f"2026-01-01,{','.join(cells)}"], layout)
    assert codes(result) == []
    flags = [(value, quality, raw) for _, value, quality, raw in told(result, "quality", "quality_raw")]
    assert flags == [(n, "substituted_temporary", "E") if n == 3 else (n, "actual", "A") for n in range(1, 25)]


def test_row_totals():
    header = DAY_HEADER + ",Total"
    ones = ",".join(["1.25"] * 24)
    layout = days(wide={"total": "Total"}, multiplier=10)
    assert codes(read([header, f"2026-01-01,{ones},30.00", f"2026-01-02,{ones},30"], layout)) == []
    wrong = read([header, f"2026-01-01,{ones},30.00", f"2026-01-02,{ones},33.00"], layout)
    assert wrong.problems.select("row", "code").rows() == [(3, "sum-mismatch")]
    assert wrong.tables["readings"]["value"].sum() == 600


def test_repeated_days():
    row = "2026-01-01," + ",".join(["1"] * 24)
    later = "2026-01-01," + ",".join(["2"] * 23 + [""])
    result = read([DAY_HEADER, row, row, later], days())
    assert result.problems.select("row", "code").rows() == [
        (2, "day-repeated"),
        (3, "day-repeated"),
        (4, "value-blank"),
    ]
    assert values(result) == [2] * 23 + [None]
    assert codes(read([DAY_HEADER, row, row], days())) == ["duplicate-rows"]
    merged = read([DAY_HEADER, row, later], days(merge=True))
    assert values(merged) == [2] * 23 + [1]


def test_days_with_too_many_blanks():
    rows = [f"2026-01-0{n}," + ",".join(["1"] * (24 - n) + [""] * n) for n in (1, 2, 3)]
    result = read([DAY_HEADER, *rows], days(wide={"missing_limit": 2}))
    assert (3, "interval-count") not in result.problems.select("row", "code").rows()
    assert (4, "interval-count") in result.problems.select("row", "code").rows()
    assert result.tables["readings"].height == 48


def test_kinds_of_rows_of_a_day():
    reactive = {"unit": "kvarh", "kind": "delta", "quantity": "reactive_import"}
    export = {"unit": "kWh", "kind": "delta", "quantity": "active_export", "channel": "A"}
    layout = days(
        component_column="MQ",
        components={"AI": KWH | {"channel": "A"}, "AE": export, "RI": reactive},
        wide={"measure": None},
    )
    rows = [f"2026-01-01,{','.join([str(n)] * 24)},{kind}" for n, kind in enumerate(("AI", "AE", "RI", "XX"), start=1)]
    result = read([f"{DAY_HEADER},MQ", *rows], layout)
    assert result.problems.select("row", "code").rows() == [(5, "value-unknown")]
    sums = result.tables["readings"].group_by("quantity", "channel").agg(pl.col("value").sum())
    # Import and export share the channel's name and are not added.
    assert sorted(sums.rows()) == [
        ("active_export", "A", 48),
        ("active_import", "A", 24),
        ("reactive_import", "RI", 72),
    ]


# Channels


def test_columns_of_rates_are_added_and_named():
    rates = {name: KWH | {"channel": "load", "rate": name} for name in "ABC"}
    lines = [
        "at,A,B,C",
        "2026-01-01 00:00,1,,",
        "2026-01-01 01:00,0,2,0",
        "2026-01-01 02:00,1,2,4",
        "2026-01-01 03:00,,,",
    ]
    result = read(lines, declaration(values=rates))
    assert [(value, rate) for _, value, rate in told(result, "rate_raw")] == [
        (1, "A"),
        (2, "B"),
        (7, None),
        (None, None),
    ]
    assert codes(result) == ["value-blank"] and codes(read(lines[:-1], declaration(values=rates))) == []


def test_columns_of_phases_are_added_only_where_all_are_there():
    phases = {name: KWH | {"channel": "load", "status": f"{name}?"} for name in ("L1", "L2")}
    layout = declaration(values=phases, statuses={"A": "actual", "E": "substituted"})
    lines = ["at,L1,L1?,L2,L2?", "2026-01-01 00:00,1,A,2,E", "2026-01-01 01:00,1,A,,A"]
    result = read(lines, layout)
    assert [row[1:] for row in told(result, "quality", "quality_raw")] == [
        (3, "substituted", "A+E"),
        (None, "missing", "A"),
    ]


def test_registers_are_differenced():
    lines = [
        "at,kwh",
        *(f"2026-01-01 {hour:02d}:00,{dial}" for hour, dial in enumerate(("10.5", "11", "99", "3", "4.25"))),
    ]
    lines.append("2026-01-01 07:00,9")
    result = read(lines, declaration(values={"kwh": DIALS}, multiplier=40))
    assert [(at.hour, value) for at, value in told(result)] == [(0, 20), (1, 3520), (3, 50)]
    assert result.problems.select("row", "code").rows() == [
        (3, "value-rising"),
        (5, "register-fall"),
        (7, "register-gap"),
    ]
    assert result.tables["readings"]["row"].to_list() == [3, 4, 6]


def test_a_register_s_label_does_not_move_its_energy():
    lines = ["at,kwh", "2026-01-01 01:00,1", "2026-01-01 02:00,3", "2026-01-01 24:00,4", "2026-01-02 01:00,9"]
    result = read(lines, declaration(values={"kwh": DIALS}, label="end"))
    assert told(result) == [(datetime(2026, 1, 1, 1), 2), (datetime(2026, 1, 2), 5)]


@given(st.lists(st.decimals(0, 50, places=3), min_size=2, max_size=60), st.randoms())
def test_registers_give_back_what_they_counted(energies, random):
    dial, rows = Decimal(1000), []
    for n, energy in enumerate(energies):
        rows.append(f"{datetime(2026, 1, 1) + timedelta(hours=n):%Y-%m-%d %H:%M},{dial}")
        dial += energy
    random.shuffle(rows)
    assert values(read(["at,kwh", *rows], declaration(values={"kwh": DIALS}))) == energies[:-1]


def test_units_of_rows():
    layout = declaration(unit_column="unit")
    lines = [
        "at,kwh,unit",
        *(f"2026-01-01 {n:02d}:00,5,{unit}" for n, unit in enumerate(("kWh", "Wh", "MWH", "kW", "", "m3"))),
    ]
    result = read(lines, layout)
    assert values(result) == [5, Decimal("0.005"), 5000]
    assert result.problems.select("row", "code").rows() == [(row, "unit-unknown") for row in (5, 6, 7)]
    words = declaration(unit_column="unit", units={"Kilowatt hours": "kWh"})
    result = read(["at,kwh,unit", "2026-01-01 00:00,5,Kilowatt hours", "2026-01-01 01:00,5,kWh"], words)
    assert (values(result), codes(result)) == ([5], ["unit-unknown"])


@pytest.mark.parametrize(
    ("word", "kwh"),
    [
        ("kW-h", 2),
        ("kWhr", 2),
        ("กิโลวัตต์-ชั่วโมง", 2),
        ("หน่วย", 2),
        ("MW.h", 2000),
        ("kWh (export)", None),
        ("kvarh", None),
    ],
)
def test_spellings_of_units(word, kwh):
    result = read(["at,kwh,unit", f"2026-01-01 00:00,2,{word}"], declaration(unit_column="unit"))
    assert values(result) == [kwh] if kwh else codes(result) == ["file-malformed", "unit-unknown"]


@pytest.mark.parametrize("word", ["n/a", "#N/A", "--", "No Data", "ไม่มีข้อมูล", "#VALUE!"])
def test_words_for_no_value(word):
    result = read(["at,kwh", "2026-01-01 00:00,1", f"2026-01-01 01:00,{word}"], declaration())
    assert codes(result) == ["value-not-number" if word == "#VALUE!" else "value-blank"]


def test_multipliers():
    assert values(read(["at,kwh", "2026-01-01 00:00,0.125"], declaration(multiplier="0.1"))) == [Decimal("0.0125")]
    layout = declaration(multiplier_column="CT", multiplier=2)
    result = read(["at,kwh,CT", "2026-01-01 00:00,3,40", "2026-01-01 01:00,3,", "2026-01-01 02:00,3,-1"], layout)
    assert (values(result), codes(result)) == ([240], ["value-not-number"] * 2)
    layout = declaration(multiplier_column="CT", thousands=",")
    assert values(read(["at,kwh,CT", '2026-01-01 00:00,3,"1,000"'], layout)) == [3000]


def test_filters():
    layout = declaration(filters={"type": "kWh|KWH", "site": "A.*"})
    lines = ["at,kwh,type,site", "2026-01-01 00:00,1,kWh,A1", "2026-01-01 00:00,9,kVArh,A1", "2026-01-01 00:00,9,kWh,B"]
    result = read(lines, layout)
    assert (values(result), codes(result)) == ([1], ["row-filtered"])
    assert "2 row(s)" in result.problems["message"][0]


def test_a_column_a_metering_point():
    layout = declaration(point=None, values=None, points={"columns": r"meter (?P<point>\w+)", "measure": KWH})
    result = read(["at,meter A1,meter B2,note", "2026-01-01 00:00,1,2,x"], layout)
    assert [row[1:] for row in told(result, "point", "channel")] == [(1, "A1", "total"), (2, "B2", "total")]
    assert codes(result) == ["column-new"]
    assert codes(read(["at,note", "2026-01-01 00:00,1"], layout)) == ["file-malformed"]


# Workbooks


def workbook(rows, name="Data", table=None):
    book = openpyxl.Workbook()
    book.active.append(["cover sheet"])
    sheet = book.create_sheet(name)
    for row in rows:
        sheet.append(row)
    if table:
        sheet.add_table(Table(displayName="Readings", ref=table))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("where", [{}, {"sheet": "Data"}, {"table": "Readings"}])
def test_workbooks(where):
    rows = [["day", "time", "meter", "kwh"]]
    rows += [[datetime(2026, 1, 2), time(hour), 1710052624128, hour + 0.1] for hour in range(23)]
    rows += [["02/01/2026", "23:00", "0012", "1.234,5"]]
    layout = declaration(
        stamp={"columns": ["day", "time"], "order": "dmy"}, point_column="meter", decimal=",", thousands=".", **where
    )
    result = read(workbook(rows, table="A1:D25"), layout)
    assert codes(result) == []  # the cover holds no readings
    readings = told(result, "point")
    expected = [(datetime(2026, 1, 2, n), Decimal(n) + Decimal("0.1"), "1710052624128") for n in range(23)]
    assert sorted(readings) == sorted([*expected, (datetime(2026, 1, 2, 23), Decimal("1234.5"), "0012")])


@pytest.mark.parametrize("where", [{"sheet": "Nope"}, {"table": "Nope"}])
def test_a_sheet_or_table_that_is_not_there(where):
    assert codes(read(workbook([["at", "kwh"], ["2026-01-01 00:00", 1]]), declaration(**where))) == ["file-malformed"]


def test_shipped_layouts_are_recognised_in_workbooks():
    rows = [["point", "timestamp_end", "kwh", "status"], ["P1", datetime(2026, 1, 1, 0, 15), 1.5, "Actual"]]
    result = read_export(workbook(rows), "x.xlsx", {})
    assert (result.format, codes(result), values(result)) == ("muang_meters_long", [], [Decimal("1.5")])


# What a declaration must be


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"values": {"kwh": {"unit": "kW", "kind": "register"}}}, "kW"),
        ({"values": {"kwh": {"unit": "V", "kind": "register", "quantity": "voltage"}}}, "V"),
        ({"units": {"x": "kWh"}}, "unit_column"),
        ({"unit_column": "u", "units": {"x": "barrel"}}, "units"),
        ({"multiplier": 0}, "multiplier"),
        ({"filters": {"a": "("}}, "pattern"),
        ({"delimiter": "any"}, "delimiter"),
        ({"width": 2}, "columns of a file without header"),
        ({"other_status": "fine"}, "statuses"),
        ({"components": {"A": KWH}, "component_column": "c", "value_column": "v"}, "exactly one"),
        ({"values": None, "wide": {"columns": r"(?P<hour>\d\d)", "measure": KWH}}, "hour and minute"),
        (
            {"values": None, "wide": {"columns": r"(?P<index>\d)", "places": [1, 2], "measure": KWH}},
            "columns and places",
        ),
        ({"values": None, "wide": {"places": [4, 2], "measure": KWH}}, "places"),
        ({"values": None, "wide": {"columns": r"(?P<index>\d)"}}, "exactly one"),
        ({"values": None, "points": {"columns": r"\d", "measure": KWH}}, "point"),
    ],
)
def test_a_wrong_layout_is_rejected_and_names_the_place(changes, place):
    result = read(["at,kwh", "2026-01-01 00:00,1"], declaration(**changes))
    assert codes(result) == ["option-invalid"]
    assert place in result.problems["message"][0]


@given(st.data())
def test_no_damage_raises(data):
    good = "\n".join(
        ["sep=;", DAY_HEADER.replace(",", ";") + ";Total;u;m"]
        + ["2026-03-29;" + ";".join(["1"] * 24) + ";24;kWh;2"] * 2
    )
    text = bytearray(good.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 40))] = data.draw(
            st.binary(max_size=5) | st.sampled_from([b";", b"\n", b'"'])
        )
        if not text:
            break
    layout = days(
        wide={"total": "Total", "status": "next"} if data.draw(st.booleans()) else {"total": "Total"},
        unit_column="u",
        multiplier_column="m",
        timezone="Europe/Rome",
        delimiter="auto",
    )
    result = read(bytes(text), layout)
    assert "reader-failed" not in codes(result)
    assert result.tables or result.problems.height
