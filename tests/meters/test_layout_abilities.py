"""What a declared layout can say of the shapes exports have: one test a row of the table in docs/meter-formats.md."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import openpyxl
import polars as pl
import pytest
from openpyxl.chart import LineChart

from tests.kit import codes
from tests.meters.test_readers_thai import xls
from tests.meters.test_whole_file import FROM, KWH, ends, lines, long, read, stamps, total, workbook

THAI = ["ม.ค.", "ก.พ.", "มี.ค.", "เม.ย.", "พ.ค.", "มิ.ย.", "ก.ค.", "ส.ค.", "ก.ย.", "ต.ค.", "พ.ย.", "ธ.ค."]
WHOLE = [
    "มกราคม",
    "กุมภาพันธ์",
    "มีนาคม",
    "เมษายน",
    "พฤษภาคม",
    "มิถุนายน",
    "กรกฎาคม",
    "สิงหาคม",
    "กันยายน",
    "ตุลาคม",
    "พฤศจิกายน",
    "ธันวาคม",
]


def points(result):
    return {point: rows["value"].sum() for (point,), rows in result.tables["readings"].group_by("point")}


@pytest.mark.parametrize("names", [THAI, WHOLE])
@pytest.mark.parametrize("month", range(1, 13))
def test_thai_months(names, month):
    rows = [(f"5 {names[month - 1]} 2569 {end:%H:%M}", 1) for end in ends(95)]
    result = read(lines("at,value", rows), stamp={"columns": ["at"], "order": "dmy", "era": "BE"}, day=None)
    starts = result.tables["readings"]["start"]
    assert (codes(result), starts.min()) == ([], datetime(2026, month, 4, 17, tzinfo=UTC))


@pytest.mark.parametrize(("epoch", "factor"), [("s", 1), ("ms", 1000)])
def test_epochs(epoch, factor):
    rows = [(int((end - timedelta(hours=7)).replace(tzinfo=UTC).timestamp()) * factor, 1) for end in ends(96)]
    result = read(lines("at,value", rows), stamp={"columns": ["at"], "epoch": epoch})
    assert (codes(result), total(result)) == ([], 96)
    assert result.tables["readings"]["start"].min() == (FROM - timedelta(hours=7)).replace(tzinfo=UTC)
    assert "stamp-bad" in codes(read(long(2), stamp={"columns": ["at"], "epoch": epoch}))


def test_a_tolerance_of_seconds():
    at = [f"{end + timedelta(seconds=n % 81 - 40):%d/%m/%Y %H:%M:%S}" for n, end in enumerate(ends(96))]
    data = lines("at,value", [(text, 1) for text in at])
    stamp = {"columns": ["at"], "order": "dmy"}
    assert (codes(read(data, stamp=stamp | {"tolerance": 40})), total(read(data, stamp=stamp | {"tolerance": 40}))) == (
        [],
        96,
    )
    assert "interval-misaligned" in codes(read(data, stamp=stamp | {"tolerance": 25}))


def test_the_meter_above_the_header():
    above = {"point": None, "point_above": r"Meter No\.? (?P<point>\w+)"}
    result = read(b"Report\nMeter No.,111\n" + long(), **above)
    assert (codes(result), points(result)) == ([], {"111": 96})
    assert codes(read(b"Report\n" + long(), **above)) == ["file-malformed"]
    sheets = {n: [["Meter No.", n], ["at", "value"], *([end, int(n)] for end in ends(96))] for n in ("1", "2")}
    assert points(read(workbook(**sheets), **above)) == {"1": 96, "2": 192}


def test_the_meter_in_the_name_of_the_sheet():
    named = {"point": None, "point_sheet": r"^(?:Meter |อาคาร )?(?P<point>\w+)"}
    for names in (("111", "222"), ("Meter 1", "Meter 2"), ("อาคาร A", "อาคาร B (แก้ไข)")):
        sheets = {name: [["at", "value"], *([end, n] for end in ends(96))] for n, name in enumerate(names, start=1)}
        result = read(workbook(**sheets), **named)
        first, second = (name.split(" ")[-1 if "B" not in name else 1] for name in names)
        assert (codes(result), points(result)) == ([], {first: 96, second: 192})
    assert codes(read(workbook(**sheets), point=None, point_sheet="No (?P<point>.+)")) == ["file-malformed"]
    assert codes(read(long(), **named)) == ["file-malformed"], "a text has no sheets"


def test_meters_side_by_side():
    beside = {"point": None, "beside": True, "point_above": r"Meter (?P<point>\w+)"}
    own = lines("at,value,,at,value", [(at, 1, "", at, 5) for at in stamps(96)])
    assert points(read(b"Meter A,,,Meter B,\n" + own, **beside)) == {"A": 96, "B": 480}
    shared = lines("at,value,kW,value,kW", [(at, 1, 4, 5, 20) for at in stamps(96)])
    result = read(b",Meter A,,Meter B,\n" + shared, **beside)
    assert (codes(result), points(result)) == (["column-new"] * 2, {"A": 96, "B": 480})


def test_several_measures_a_meter_side_by_side():
    measures = {"import": KWH, "export": KWH | {"quantity": "active_export"}}
    pattern = r"(?P<point>\w+) (?P<measure>import|export)"
    result = read(
        lines("at,A import,A export,B import,B export", [(at, 1, 2, 3, 4) for at in stamps(96)]),
        point=None,
        values=None,
        points={"columns": pattern, "measures": measures},
    )
    found = result.tables["readings"].group_by("point", "quantity").agg(pl.col("value").sum()).sort("point", "quantity")
    assert found.rows() == [
        ("A", "active_import", 96),
        ("A", "active_export", 192),
        ("B", "active_import", 288),
        ("B", "active_export", 384),
    ]


def test_merged_cells():
    rows = [(f"{end:%d/%m/%Y}" if n == 0 else "", f"{end:%H:%M}", 1) for n, end in enumerate(ends(95))]
    stamp = {"columns": ["day", "time"], "order": "dmy"}
    result = read(lines("day,time,value", rows), stamp=stamp, filled_down=["day"])
    assert (codes(result), total(result)) == ([], 95)


@pytest.mark.parametrize("text", ["15", "15 min", "PT15M", "00:15", "0:15:00", "900 s"])
def test_a_duration_beside_the_value(text):
    rows = [(at, 1, text if n < 90 else "60 min") for n, at in enumerate(stamps(96))]
    result = read(lines("at,value,length", rows), duration_column="length")
    assert (codes(result), total(result)) == (["interval-length"] * 6, 90)


def test_old_workbooks_and_json():
    old = xls([["at", "value"], *([at, 1] for at in stamps(96))])
    assert (codes(read(old)), total(read(old))) == ([], 96)
    rows = [{"at": at, "value": 0.1} for at in stamps(96)]
    nested = json.dumps({"unit": "kWh", "meters": [{"meter": m, "readings": rows} for m in ("A", "B")]})
    result = read(nested.encode(), point=None, point_column="meter", ignored=["unit"])
    assert (codes(result), points(result)) == ([], {"A": Decimal("9.6"), "B": Decimal("9.6")})
    assert codes(read(json.dumps([1, 2]).encode())) == ["file-malformed"]


@pytest.mark.parametrize("text", ['[{"at": "2026-11-09", "value": 1}, {"at": "20', '{"meter": "A", "readings": [{"at"'])
def test_json_that_was_cut_is_no_text(text):
    result = read(text.encode())
    assert (codes(result), "JSON" in result.problems["message"][0]) == (["file-malformed"], True)


def test_a_reading_of_json_stays_one_whatever_else_it_holds():
    rows = [{"at": at, "value": 0.1} for at in stamps(96)]
    odd = [{"error": {"code": 3}}, {"flags": ["E"]}, {"events": [{"code": 7}]}, {"events": []}]
    told = [row | more for row, more in zip(rows, odd, strict=False)] + rows[4:]
    result = read(json.dumps(told).encode())
    assert (codes(result), total(result)) == (["column-new"], Decimal("9.6"))
    assert codes(read(json.dumps([row | {"events": []} for row in rows]).encode())) == ["column-new"]
    within = [{"at": row["at"], "use": {"value": row["value"], "unit": "kWh"}} for row in rows]
    result = read(json.dumps(within).encode(), values={"use.value": KWH}, ignored=["use.unit"])
    assert (codes(result), total(result)) == ([], Decimal("9.6"))


def test_a_meter_of_json_without_readings_has_none_and_one_with_an_error_is_told():
    rows = [{"at": at, "value": 0.1} for at in stamps(96)]
    meters = [{"meter": "A", "readings": rows}, {"meter": "B", "readings": []}]
    layout = {"point": None, "point_column": "meter", "ignored": ["error"]}
    assert codes(read(json.dumps(meters).encode(), **layout)) == []
    meters.append({"meter": "C", "error": "no answer"})
    assert codes(read(json.dumps(meters).encode(), **layout)) == ["stamp-bad"]


def test_a_header_of_two_rows_where_cells_are_merged():
    rows = [["at", "Energy (kWh)", ""], ["", "Import", "Export"], *([at, 1, 2] for at in stamps(96))]
    values = {"Import": KWH, "Export": KWH | {"quantity": "active_export"}}
    result = read(workbook(Data=rows), values=values)
    assert (codes(result), total(result)) == ([], 96 * 3)
    rows[0][1] = "Energy (Wh)"
    assert codes(read(workbook(Data=rows), values=values)) == ["layout-contradicts"]


def test_a_sheet_that_is_a_chart_is_passed_over_in_silence(caplog):
    book = openpyxl.load_workbook(io.BytesIO(workbook(Data=[["at", "value"], *([at, 1] for at in stamps(96))])))
    book.create_chartsheet("Chart").add_chart(LineChart())
    out = io.BytesIO()
    book.save(out)
    assert (codes(read(out.getvalue())), caplog.messages) == ([], [])


def test_an_object_a_line_is_a_list_of_them():
    rows = [json.dumps({"at": at, "value": 0.1}) for at in stamps(96)]
    assert (codes(result := read("\n".join([*rows, ""]).encode())), total(result)) == ([], Decimal("9.6"))
    assert codes(read("\n".join([*rows, rows[0][:20]]).encode())) == ["file-malformed"]


def test_a_name_that_an_object_has_twice_is_a_column_that_stands_twice():
    rows = ", ".join(f'{{"at": "{at}", "value": 1, "value": 2}}' for at in stamps(4))
    assert codes(read(f"[{rows}]".encode())) == ["column-repeated"]


def test_lists_side_by_side_in_json_are_told_apart_by_their_names():
    first, second = stamps(96), stamps(192)[96:]
    lists = {"import": [{"at": at, "value": 1} for at in first], "export": [{"at": at, "value": 2} for at in second]}
    assert codes(read(json.dumps(lists).encode())) == ["layout-contradicts"], "export is no import"
    meters = {"A": lists["import"], "B": lists["export"]}
    result = read(json.dumps(meters).encode(), point=None, point_column="(list)")
    assert (codes(result), points(result)) == ([], {"A": 96, "B": 192})


@pytest.mark.parametrize("cell", ["'1044", "1044.0"])
def test_what_programs_put_around_a_meter_s_number_is_no_part_of_it(cell):
    result = read(lines("meter,at,value", [(cell, at, 1) for at in stamps(4)]), point=None, point_column="meter")
    assert points(result) == {"1044": 4}
