"""Units, directions, zones, multipliers and meters that a file states itself, column by column, and facts beside them.

What contradicts the layout refuses the file; what only looks alike, or agrees, must say nothing.
"""

from datetime import timedelta

import pytest

from assets.meters.exports import read_export
from tests.kit import codes, messages
from tests.meters import test_readers_pea as pea
from tests.meters.test_whole_file import FROM, KW, KWH, lines, long, read, stamps, total, workbook

EXPORT = KWH | {"quantity": "active_export"}
KVAR = {"unit": "kvar", "kind": "average", "quantity": "reactive_import"}
POINTS = {"points": {"columns": r"(?P<point>M\d+)", "measure": KWH}, "values": None, "point": None}
DAY = {
    "values": None,
    "stamp": {"columns": ["day"], "order": "dmy"},
    "wide": {"columns": r"(?P<hour>\d+):(?P<minute>\d\d)", "measure": KWH},
}
CLOCK = [f"{n // 4}:{n % 4 * 15:02}" for n in range(1, 97)]


def table(header, *above, row=lambda at, n: (at, 1, 2), count=96, below=()):
    rows = [row(at, n) for n, at in enumerate(stamps(count))]
    return "".join(f"{text}\n" for text in above).encode() + lines(header, [*below, *rows])


def days(*rows, header=CLOCK, below=()):
    return lines(",".join(["day", *header]), [*below, *([f"{9 + n:02}/11/2026", *row] for n, row in enumerate(rows))])


def refused(result, code="layout-contradicts"):
    return codes(result) == [code] and not result.tables


# Units, column by column


@pytest.mark.parametrize(
    ("measures", "units"),
    [
        ((KWH, EXPORT), ("kWh", "Wh")),
        ((KWH, KW), ("kW", "kWh")),
        ((KW, KVAR), ("kvar", "kW")),
        ((KW, KVAR), ("W", "kvar")),
        ((KWH, EXPORT), ("", "kvarh")),
        ((KWH, EXPORT), ("kWh", "kWh x 10")),
        ((KWH, EXPORT), ("kWh", "100 Wh")),
        ((KWH, EXPORT), ("kWh", "m3")),
        ((KWH, EXPORT), ("kWh", "kWh (import)")),
    ],
)
@pytest.mark.parametrize("where", ["below", "second below", "above"])
def test_a_row_of_units_is_held_against_each_column(measures, units, where):
    values = {"A": measures[0] | {"channel": "A"}, "B": measures[1] | {"channel": "B"}}
    ours = tuple(measure["unit"] for measure in measures)

    def file(told):
        if where == "above":
            return table("at,A,B", f",{told[0]},{told[1]}")
        described = [("", "(mean)", "")] if where == "second below" else []
        return table("at,A,B", below=[*described, ("", *told)])

    result, right = read(file(units), values=values), read(file(ours), values=values)
    # Above, one cell alone may be a title's.
    assert refused(result) or (where == "above" and "" in units)
    assert codes(right) == []
    assert read(file(units), values=values, heed_titles=False).tables


def test_units_of_meters_side_by_side_and_of_a_day():
    assert refused(read(table("at,M1,M2", below=[("", "kWh", "Wh")]), **POINTS))
    assert codes(read(table("at,M1,M2", below=[("", "kWh", "")]), **POINTS)) == []
    named = {**POINTS, "points": {"columns": r"(?P<point>M\d+) .*", "measure": KWH}}
    result = read(table("at,M1 kWh,M2 Wh"), **named)
    assert refused(result) and "M2" not in messages(result, "layout-contradicts")[0]
    assert codes(read(table("at,M1 kWh,M2 export"), **named)) == []
    ones = ["1"] * 96
    assert refused(read(days(ones, below=[("", *["Wh"] * 96)]), **DAY))
    assert codes(read(days(ones, below=[("", *["kWh"] * 96)]), **DAY)) == []


@pytest.mark.parametrize(
    "below",
    [
        ("", "kW", "kWh"),
        ("(dd/mm/yyyy)", "(kW)", "(kWh)"),
        ("หน่วย", "กิโลวัตต์", "หน่วย kWh"),
        ("", "", "kWh"),
        ("Unit: kW / kWh", "", ""),
    ],
)
def test_right_units_below_the_header_are_no_reading(below):
    values = {"P": KW | {"channel": "P"}, "E": KWH | {"channel": "E"}}
    assert codes(read(table("at,P,E", below=[below], row=lambda at, n: (at, 4, n % 7)), values=values)) == []


def test_units_of_columns_that_the_layout_does_not_know_are_theirs():
    data = table("at,value,V,A", below=[("", "kWh", "V", "A")], row=lambda at, n: (at, 1, 230, n))
    assert codes(read(data)) == ["column-new"]
    assert codes(read(table("at,value,Q", below=[("", "kWh", "kvarh")]))) == ["column-new"]
    assert "layout-contradicts" in codes(read(table("at,value,T", below=[("Unit", "W", "°C")])))
    assert "layout-contradicts" not in codes(read(table("at,value,T", below=[("Phase", "A", "B")])))


def test_a_total_below_the_header_is_no_row_of_units():
    assert codes(read(table("at,value", below=[("Total kWh", 96)], row=lambda at, n: (at, 1)))) == []


@pytest.mark.parametrize("footer", ["Peak (kW),12.5", "Energy,kWh,96", "Total,96 kWh", "Unit: MWh", ",,kvarh"])
def test_facts_below_the_readings_are_refused_alone(footer):
    result = read(table("at,value", row=lambda at, n: (at, 1)) + footer.encode() + b"\n")
    assert total(result) == 96 and set(codes(result)) <= {"stamp-bad", "row-malformed"}


# What a title says is elsewhere


@pytest.mark.parametrize(
    "title",
    ["kvarh not included", "excludes reactive energy (kvarh)", "ไม่รวม kvarh", "Peak demand (kW) see monthly report",
     "Zero export (export to grid not allowed)", "Water (m3) not included"],
)  # fmt: skip
def test_what_is_elsewhere_contradicts_nothing(title):
    assert codes(read(table("at,value", title, row=lambda at, n: (at, 1)))) == []


@pytest.mark.parametrize(
    "title",
    ["Values in Wh (multiplier not included)", "Energy in Wh with losses not included", "MWh excluding losses",
     "Values without CT ratio in Wh", "Exported energy"],
)  # fmt: skip
def test_what_is_told_beside_it_still_does(title):
    assert refused(read(table("at,value", title, row=lambda at, n: (at, 1))))


# Units of other families, unknown ones, factors


@pytest.mark.parametrize(
    "title",
    [
        *("Reactive energy (kvarh)", "หน่วย : กิโลวาร์ชั่วโมง", "Load profile, apparent (kVA)", "Energy in MJ", "Unit: A"),
        *("Unit: x1000 kWh", "หน่วย : พันหน่วย", "unit: 0.1 kWh", "Energy (x10 kWh)"),
        *("GWh", "kilowatt", "Kilo Watt", "Water (m3)", "thousand kWh", "kWh x 40"),
    ],
)
def test_another_unit_above_the_header(title):
    data = f"{title}\n".encode() + long()
    assert refused(read(data))
    assert total(read(data, heed_titles=False)) == 96


@pytest.mark.parametrize(
    "title",
    [
        *("TR 2 x 500 kVA", "Contract 300 kW / 350 kVA", "kWh, kvarh and kVA", "kW-h", "kWhr", "Kilowatt-hours"),
        *("x1 kWh", "Unit: kWh", "kWh = kW x 0.25 h", "Watthour meter, kWh", "3 phase 4 wire 22 kV", "Water and power"),
        *("Demand kVA max 120", "Contract kVA limit: 300", "Constant 400 imp/kvarh", "0.5 kg CO2/MWh", "4.2 Baht/kWh"),
    ],
)
def test_facts_and_the_same_unit_in_other_words(title):
    assert codes(read(f"{title}\n".encode() + long())) == []


def test_a_title_of_other_columns_beside_those_that_tell_their_unit():
    assert codes(read(b"Demand kVA and kvarh\n" + long(header="at,kWh"), values={"kWh": KWH})) == []
    assert refused(read(b"Energy in MWh\n" + long(header="at,kWh"), values={"kWh": KWH}))
    sheet = [["at", "value"], *([at, 1] for at in stamps(96))]
    assert refused(read(workbook(kvarh=sheet)))
    assert codes(read(workbook(kWh=sheet))) == codes(read(workbook(**{"Nov kW, kWh": sheet}))) == []
    volts = {"U": {"unit": "V", "kind": "instant", "quantity": "voltage"}}
    assert codes(read(b"Energy in kWh\n" + long(header="at,U", value=230), values=volts)) == []


def test_a_multiplier_of_the_layout_may_be_the_titles_factor():
    for title, by in (("Unit: x1000 kWh", 1000), ("MWh", 1000), ("kWh", 1000), ("1 pulse = 0.5 kWh", "0.5")):
        assert codes(read(f"{title}\n".encode() + long(), multiplier=by)) == []
    assert refused(read(b"Unit: x10 kWh\n" + long(), multiplier=1000))


@pytest.mark.parametrize("word", ["kvarh", "V", "Baht", "บาท", "MJ", "GWh", "x10 kWh", "10 kWh", "W", "Wh"])
def test_a_column_of_other_units(word):
    units = lines("at,value,Unit", [(at, 1, word if n % 2 else "") for n, at in enumerate(stamps(96))])
    assert refused(read(units))
    assert codes(read(units, ignored=["Unit"])) == []


@pytest.mark.parametrize(
    ("name", "word"), [("Unit", "kWh"), ("Unit", "Unit 4"), ("หน่วย", "หน่วย"), ("Unit", ""), ("phase", "A"), ("x", "V")]
)
def test_columns_that_tell_no_other_unit(name, word):
    assert codes(read(table(f"at,value,{name}", row=lambda at, n: (at, 1, word)))) == ["column-new"]


def test_units_of_rows_are_those_of_their_component():
    components = {"Imp": KWH, "Exp": EXPORT}
    how = {"values": None, "components": components, "component_column": "type", "value_column": "value"}

    def file(**units):
        rows = [(at, kind, 1 + n % 5, unit) for n, at in enumerate(stamps(96)) for kind, unit in units.items()]
        return lines("at,type,value,Unit", rows)

    assert refused(read(file(Imp="Wh", Exp="kWh"), **how))
    assert codes(read(file(Imp="kWh", Exp="kWh"), **how)) == ["column-new"]
    assert "layout-contradicts" not in codes(read(file(Imp="kWh", Exp="kWh", U="V"), **how))
    mixed = {"Imp": KWH, "Q": KVAR}
    assert codes(read(file(Imp="kWh", Q="kvar"), **{**how, "components": mixed})) == ["column-new"]
    assert refused(read(file(Imp="kvar", Q="kWh"), **{**how, "components": mixed}))


def test_rows_that_a_filter_leaves_out_tell_nothing():
    rows = [(at, kind, 1, unit) for at in stamps(96) for kind, unit in (("P", "kWh"), ("Q", "kvarh"))]
    result = read(lines("at,kind,value,Unit", rows), filters={"kind": "P"})
    assert (sorted(codes(result)), total(result)) == (["column-new", "row-filtered"], 96)
    assert refused(read(lines("at,kind,value,Unit", rows), filters={"kind": "[PQ]"}))


def test_a_row_of_kvarh_is_no_second_row_of_kwh():
    header = ["หน่วย", *CLOCK]
    both = lines(",".join(["day", *header]), [("09/11/2026", unit, *["1"] * 96) for unit in ("kWh", "kvarh")])
    assert refused(read(both, **DAY))
    assert total(read(both, **DAY, filters={"หน่วย": "kWh"})) == 96


def test_the_header_of_a_utility_s_page():
    page = pea.html_day(FROM, ["1"] * 96).replace(b"RATE A", b"RATE A (kVAR)")
    assert codes(read_export(page, "x.xls", {})) == ["layout-contradicts"]
    for row, said in (("หน่วย : กิโลวาร์", ["layout-contradicts"]), ("ขนาดหม้อแปลง (kVA)", [])):
        stated = pea.html_day(FROM, ["1"] * 96).replace(b"<table>", f"<table><tr><td>{row}</td></tr>".encode(), 1)
        assert codes(read_export(stated, "x.xls", {})) == said


# Headers again


@pytest.mark.parametrize("header", ["at,Wh", "at,kW", "at,Export kWh", "value,at", "no,at,value"])
def test_a_second_header_with_other_columns(header):
    page = long(4)
    assert refused(read(page + long(4, header=header, first=FROM + timedelta(hours=1))), "header-changed")


def test_a_second_header_of_meters_or_of_a_day_in_another_order():
    page = table("at,M1,M2", count=4)
    assert refused(
        read(page + lines("at,M2,M1", [(at, 2, 1) for at in stamps(4, first=FROM.replace(hour=1))]), **POINTS),
        "header-changed",
    )
    assert refused(read(page + lines("at,M1", [(FROM.replace(hour=1), 1)]), **POINTS), "header-changed")
    ones = ["1"] * 96
    for other in (CLOCK[::-1], ["Total", *CLOCK], CLOCK[:-1]):
        again = lines(",".join(["day", *other]), [("10/11/2026", *["1"] * len(other))])
        assert refused(read(days(ones) + again, **DAY), "header-changed")
    again = lines(",".join(["day", *CLOCK, "Total"]), [("10/11/2026", *ones, "96")])
    assert codes(read(days(ones, header=[*CLOCK, "Total"]).replace(b"1\n", b"1,96\n") + again, **DAY)) == ["column-new"]


@pytest.mark.parametrize("header", ["at,value", "at,value,", "at,value,remark", " at , value "])
def test_a_second_header_with_the_same_columns(header):
    again = read(long(4) + long(4, header=header, first=FROM + timedelta(hours=1)))
    assert (codes(again), total(again)) == ([], 8)


def test_a_date_beside_its_label_is_no_header():
    stamp = {"columns": ["Date"], "order": "dmy"}
    pages = [
        f"Date,{9 + n:02}/11/2026\n".encode() + long(header="Date,value", first=FROM + timedelta(n)) for n in (0, 1)
    ]
    result = read(b"".join(pages), stamp=stamp)
    assert "header-changed" not in codes(result) and total(result) == 192


# Columns without a name


def test_decimals_that_a_comma_cut_off_are_no_column():
    cut = table("at,value,", row=lambda at, n: (at, n % 3, f"{n * 37 % 1000:03}"))
    assert refused(read(cut))
    assert codes(read(cut, ignored=[""])) == []
    named = cut.replace(b"at,value,", b"at,value,remark", 1)
    assert refused(read(named))
    assert codes(read(named, ignored=["remark"])) == []


def test_whole_numbers_and_counts_beside_whole_numbers_are_columns():
    for beside in (lambda n: 4 * n, lambda n: f"{n:03}"):
        result = read(table("at,value,other", row=lambda at, n, beside=beside: (at, n % 50, beside(n))))
        assert codes(result) == ["column-new"]


def test_what_stands_in_a_column_without_a_name_is_said():
    third = table("at,M1,M2,", row=lambda at, n: (at, 1.5, 2.5, 3.5 + n))
    result = read(third, **POINTS)
    assert (codes(result), total(result)) == (["column-new"], 96 * 4)
    assert "96 row(s)" in messages(result, "column-new")[0]
    remarks = table("at,value,", row=lambda at, n: (at, 1, "x" if n == 7 else ""))
    assert codes(read(remarks)) == ["column-new"]
    codes_of_status = table("at,value,", row=lambda at, n: (at, n % 3, n % 5))
    assert codes(read(codes_of_status)) == ["column-new"]


def test_empty_columns_without_a_name_and_counts_of_rows_say_nothing():
    assert codes(read(table("at,value,,", row=lambda at, n: (at, 1, "", " ")))) == []
    assert codes(read(table("at,value,,", row=lambda at, n: (at, 1)))) == []
    assert codes(read(table(",at,value", row=lambda at, n: (n % 48, at, 1)))) == []
    assert codes(read(table(",at,value", row=lambda at, n: ("A" if n else "B", at, 1)))) == ["column-new"]


# Zones


@pytest.mark.parametrize(
    "title", ["All times are in UTC", "Timezone: GMT+0", "เขตเวลา: UTC+08:00", "Zone,Europe/London"]
)
def test_another_zone_above_the_header(title):
    data = f"{title}\n".encode() + long()
    assert refused(read(data))
    assert total(read(data, heed_titles=False)) == 96
    zone = {"GMT+0": "UTC", "UTC+08:00": "+08:00"}.get(title.split()[-1], "Europe/London")
    assert codes(read(data, timezone=zone)) == []


@pytest.mark.parametrize(
    "title",
    [
        *("UTC+7", "(UTC+07:00) Bangkok", "Time zone: Asia/Bangkok", "GMT +7", "Printed 10:00 UTC", "ICT"),
        *("Printed (UTC): 2026-11-10 01:00", "Hospital/Ward", "Zone 4", "Timezone:", "Times in UTC and UTC+7"),
        *("Printed at 10:00 (UTC)", "Printed 10:00:01 GMT+0", "GMT Energy Co., Ltd.", "UT"),
    ],
)
def test_the_same_zone_and_times_of_other_things(title):
    assert codes(read(f"{title}\n".encode() + long())) == []


def test_a_zone_in_the_name_of_the_stamps_or_beside_them():
    named = long(header="Time (UTC),value")
    stamp = {"columns": ["Time (UTC)"], "order": "dmy"}
    assert refused(read(named, stamp=stamp))
    assert codes(read(named, stamp=stamp, timezone="UTC")) == []
    for name, word in (("Timezone", "UTC"), ("tz", "+00:00"), ("UTC offset", "+0"), ("x", "Europe/London")):
        beside = table(f"at,value,{name}", row=lambda at, n, word=word: (at, 1, word))
        assert refused(read(beside))
        assert codes(read(beside, timezone="UTC")) == ["column-new"]
    assert codes(read(table("at,value,change", row=lambda at, n: (at, 1, f"+{n % 3}")))) == ["column-new"]
    own = lines("at,value", [(f"{at}:00+07:00", 1) for at in stamps(96)])
    assert codes(read(b"All times are in UTC\n" + own)) == []


# Directions


@pytest.mark.parametrize("title", ["Export to grid (kWh)", "Exported energy", "Energy (export)", "พลังงานส่งออก"])
def test_another_direction_above_the_header(title):
    data = f"{title}\n".encode() + long()
    assert refused(read(data))
    assert codes(read(data, values={"value": EXPORT})) == []


@pytest.mark.parametrize(
    "title",
    [
        *("Data Export", "Exported by: A 4", "Export date 10/11/2026", "(import) and (export)", "Energy export report"),
        *("Load profile export (kWh)", "ส่งออกข้อมูลเมื่อ 10/11/2026", "ข้อมูลนำเข้า"),
    ],
)
def test_a_file_that_is_an_export_tells_no_direction(title):
    assert codes(read(f"{title}\n".encode() + long())) == []


@pytest.mark.parametrize("word", ["Export", "exp", "ส่งออก"])
def test_a_column_of_another_direction(word):
    rows = table("at,value,Flow", row=lambda at, n: (at, 1, word))
    assert refused(read(rows))
    assert codes(read(rows, values={"value": EXPORT})) == ["column-new"]
    assert codes(read(table("at,value,Flow", row=lambda at, n: (at, 1, "Import")))) == ["column-new"]


def test_a_column_whose_name_tells_another_direction():
    assert refused(read(long(header="at,Export kWh"), values={"Export kWh": KWH}))
    assert codes(read(long(header="at,Export kWh"), values={"Export kWh": EXPORT})) == []


# Meters among the rows


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("หมายเลขผู้ใช้ไฟฟ้า : 020011111", "หมายเลขผู้ใช้ไฟฟ้า : 020022222"),
        ("CA 11111", "CA 22222"),
        ("Contract Account : 020011111", "Contract Account : 020022222"),
        ("Customer No: 1011111", "Customer No: 1022222"),
        ("รหัสเครื่องวัด PEA 1011111", "รหัสเครื่องวัด PEA 1022222"),
        ("Name: 11111 Co", "Name: 22222 Co"),
        ("Building A", "Building B"),
        ("สถานที่,อาคาร 1", "สถานที่,อาคาร 2"),
    ],
)
def test_a_title_of_another_meter_among_the_rows(first, second):
    def file(*names):
        parts = (f"{name}\n".encode() + long(first=FROM + timedelta(days=n)) for n, name in enumerate(names))
        return b"".join(parts)

    assert refused(read(file(first, second)), "meters-several")
    same = read(file(first, first))
    assert "meters-several" not in codes(same) and total(same) == 192
    sheets = {
        f"2026-11-{9 + n:02}": [
            [name],
            ["at", "value"],
            *([at, 1] for at in stamps(96, first=FROM + timedelta(days=n))),
        ]
        for n, name in enumerate((first, second))
    }
    if "," not in first:
        assert refused(read(workbook(**sheets)), "meters-several")


def test_several_names_of_one_meter_and_pages_of_one_place():
    head = "Serial no. 12345\nMeter No. 67890\nBuilding A page {}\nSite: North 0{}/11/2026\n"
    pages = (head.format(n, n).encode() + long(first=FROM + timedelta(days=n)) for n in (0, 1))
    result = read(b"".join(pages) + b"Site engineer: B\n")
    assert "meters-several" not in codes(result) and total(result) == 192


def test_a_column_of_buildings_is_of_several_meters():
    for name in ("สถานที่", "Building", "Site name"):
        rows = table(f"at,value,{name}", row=lambda at, n: (at, 1, "อาคาร 1" if n < 48 else "อาคาร 2"))
        assert refused(read(rows), "meters-several")
        assert codes(read(table(f"at,value,{name}", row=lambda at, n: (at, 1, "อาคาร 1")))) == ["column-new"]


# Multipliers


@pytest.mark.parametrize(
    "title",
    [
        *("CT 400/5 VT 22000/110", "CT Ratio: 100/5", "อัตราส่วน CT 400/5", "CTR 80", "CT x PT = 12000"),
        *(
            "Multiply by 40",
            "Scale factor 0.001",
            "Factor: 0.1",
            "VT 22,000/110 V",
            "หน่วย (x1000)",
            "1 pulse = 0.5 kWh",
            "Meter Constant: 400",
            "Billing constant 80",
            "Multiplication factor 80",
            "MF = 80",
            "Mult.: 80",
            "อัตราคูณ 80",
        ),
    ],
)
def test_a_ratio_above_the_header_is_said(title):
    data = f'"{title}"\n'.encode() + long()
    assert (codes(read(data)), total(read(data))) == (["multiplier-ignored"], 96)
    assert codes(read(data, multiplier=80)) == []


@pytest.mark.parametrize(
    "title",
    [
        "CT 5/5",
        "CT ratio 1:1",
        "CT 3 pcs",
        "CT class 0.5",
        "Power factor: 0.95",
        "Load factor 0.6",
        "Full scale factor",
        "PT15M",
        "Meter constant: 3200 imp/kWh",
        "Meter Constant: 1",
        "MF: 1",
        "MFG: 2019",
        "Multi-tenant 80",
    ],
)
def test_ratios_of_one_and_other_factors_say_nothing(title):
    assert codes(read(f"{title}\n".encode() + long())) == []


@pytest.mark.parametrize("name", ["Pulses", "No. of impulses", "จำนวนพัลส์"])
def test_pulses_are_no_energy_until_they_are_multiplied(name):
    data = table(f"at,{name}", row=lambda at, n: (at, 1000))
    assert refused(read(data, values={name: KWH}))
    assert total(read(data, values={name: KWH}, multiplier="0.001")) == 96
    assert codes(read(data, values={name: KWH}, heed_titles=False)) == []
    energy = table(f"at,kWh ({name})", row=lambda at, n: (at, 1))
    assert codes(read(energy, values={f"kWh ({name})": KWH})) == []


@pytest.mark.parametrize(
    ("name", "value", "said"), [("Scale", 1000, 1), ("CT", "400/5", 1), ("Scale", 1, 0), ("CT", "5/5", 0)]
)
def test_a_column_of_multipliers_is_said(name, value, said):
    result = read(table(f"at,value,{name}", row=lambda at, n: (at, 1, value)))
    assert codes(result) == ["column-new", "multiplier-ignored"][: 1 + said]


@pytest.mark.parametrize("words", ["UTC+", "09", " ", "unit: x10 ", "CT 4/"])
def test_pages_in_one_line_above_the_header_are_looked_at_only_as_far_as_a_title_goes(words):
    """Looking through all of them would take minutes, and the test with it."""
    pages = "\n".join(f"t{words * (19_000 // len(words))}" for _ in range(20))
    assert total(read(f"{pages}\n".encode() + long())) == 96
