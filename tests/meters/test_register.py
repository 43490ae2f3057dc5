"""The meter register: one row a point, bad rows coded."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import example, given, strategies as st

from assets.meters.outages import read_outages
from assets.meters.register import MOST, read_register
from tests.sources.test_tables_anywhere import workbook

HEADER = "point,zone,customer_class,valid_from"


def read(*lines, day=None, end="\n"):
    return read_register(("\n".join(lines) + end).encode(), "register.csv", day)


def rows(result):
    return list(result.problems.select("row", "code").iter_rows())


def test_points_with_zone_and_class():
    result = read(HEADER, "001,old_town,residential,2026-01-01", "002,port-1,public,")
    known = ("point", "zone", "customer_class", "account", "_row")
    assert result.tables["register"].select(known).rows() == [
        ("001", "old_town", "residential", None, 2),
        ("002", "port-1", "public", None, 3),
    ]
    assert rows(result) == []
    plain = read("customer_class,point,zone,note", "public,1,a,x")
    assert plain.tables["register"].select(known).rows() == [("1", "a", "public", None, 2)]


def test_the_account_that_pays_is_told_where_the_register_has_it():
    result = read("point,zone,customer_class,account", "1,a,public,CA 7", "2,a,public,CA 7", "3,a,public,")
    assert result.tables["register"]["account"].to_list() == ["CA 7", "CA 7", None]
    changed = read("point,zone,customer_class,account", "1,a,public,CA 7", "1,a,public,CA 8")
    assert rows(changed) == [(2, "key-duplicate")], "another payer is another content"


def test_an_account_that_rows_write_differently_is_one_customer():
    once = ["020012345678", "20012345678", "20012345678.0", "0200-1234-5678", "๐๒๐๐๑๒๓๔๕๖๗๘"]
    cells = [*once, "", "20012345679", "1/23", "12/3"]
    result = read("point,zone,customer_class,account", *(f"{at},a,public,{cell}" for at, cell in enumerate(cells, 1)))
    told = ["0200-1234-5678"] * len(once) + [None, *cells[6:]]
    assert result.tables["register"]["account"].to_list() == told
    assert rows(result) == [(2, "label-misspelt")]
    assert not rows(read("point,zone,customer_class,account", "1,a,public,0200-12345678", "2,a,public,0200-12345679"))


def test_a_check_meter_of_a_point_that_is_not_there_is_said():
    """It is no customer's, so that its energy would be gone for a slip in a number."""
    header = "point,zone,customer_class,check_of"
    assert rows(read(header, "1,a,public,", "2,a,other,1", "3,a,other,9")) == [(4, "check-unknown")]


def test_a_column_under_another_spelling_is_read_or_said():
    """What it tells, as who pays for many meters, would be missing without a word."""
    spelt = read("Point,zone,Customer Class,valid-from", "1,a,public,2026-01-01", "1,b,public,2025-01-01")
    assert (spelt.tables["register"]["zone"].to_list(), rows(spelt)) == (["a"], [])
    for name in ("acount", "account_no", "check off", "serial no", "valid_form"):
        assert rows(read(f"point,zone,customer_class,{name}", "1,a,public,7")) == [(1, "column-new")], name
    for name in ("note", "account_name", "address", "meter_type", "valid_to"):
        assert rows(read(f"point,zone,customer_class,{name}", "1,a,public,7")) == [], name
    assert rows(read("point,zone,customer_class,accounts,account", "1,a,public,7,8")) == []
    assert rows(read("point,zone,customer_class,zone", "1,a,public,b")) == [(1, "column-repeated")]


def test_what_a_meter_is_and_where_it_hangs():
    header = "point,zone,customer_class,serial,multiplier,feeder,feeds,check_of"
    result = read(header, "1,a,public,S 9,40,f1,,", "2,a,other,,,,f1,", "3,a,other,,,f1,,1")
    told = result.tables["register"].select("point", "serial", "multiplier", "feeder", "feeds", "check_of")
    assert told.rows() == [
        ("1", "S 9", "40", "f1", None, None),
        ("2", None, None, None, "f1", None),
        ("3", None, None, "f1", None, "1"),
    ]
    wrong = ["4,a,public,,forty,,,", "5,a,public,,,Feeder 1,,", "6,a,public,,,,,6"]
    assert rows(read(header, "1,a,public,,,,,", *wrong)) == [
        (3, "value-not-number"),
        (4, "value-unknown"),
        (5, "value-unknown"),
    ]


@pytest.mark.parametrize("mark", ["-", "--", "N/A", "0", "000000000000", "#N/A", "ไม่ทราบ"])
@pytest.mark.parametrize("name", ["account", "serial", "check_of"])
def test_a_mark_for_none_is_nobodys_account_and_no_device(name, mark):
    result = read(f"point,zone,customer_class,{name}", f"1,a,public,{mark}", f"2,a,public,{mark}", "3,a,public,1")
    assert result.tables["register"][name].to_list() == [None, None, "1"]
    [message] = result.problems.filter(code="value-missing")["message"]
    assert rows(result) == [(2, "value-missing")] and message.startswith("2 row(s)") and name in message


@pytest.mark.parametrize("multiplier", ["0", "0.0", "000", "-1", "1e3"])
def test_a_multiplier_is_a_positive_number(multiplier):
    result = read("point,zone,customer_class,multiplier", f"1,a,public,{multiplier}", "2,a,public,0.5")
    assert rows(result) == [(2, "value-not-number")]
    assert result.tables["register"]["multiplier"].to_list() == ["0.5"]


@pytest.mark.parametrize("name", ["point", "account", "serial", "check_of"])
def test_a_number_that_a_spreadsheet_shortened_is_no_name(name):
    """Twelve digits become ``2.0E+11`` for many meters or payers alike, as readers of exports refuse them too."""
    line = {"point": "1", "account": "", "serial": "", "check_of": ""} | {name: "2.0E+11"}
    header = "point,zone,customer_class,account,serial,check_of"
    result = read(header, "{point},a,public,{account},{serial},{check_of}".format(**line), "2,a,public,,,")
    assert rows(result) == [(2, "value-unknown")] and name in result.problems["message"][0]
    assert result.tables["register"]["point"].to_list() == ["2"]


@pytest.mark.parametrize(
    "cell", ['"=""020012345678"""', '="020012345678"', "'020012345678", "\xa0020012345678 ", "020012345678.0"]
)
def test_a_number_is_the_same_however_a_spreadsheet_kept_it_a_text(cell):
    result = read("point,zone,customer_class,account", f"{cell},a,public,{cell}")
    assert result.tables["register"].select("point", "account").rows() == [("020012345678", "020012345678")]
    assert rows(result) == []


@pytest.mark.parametrize(
    ("cell", "points", "found"),
    [('="020012345678"', ["020012345678"], []), ("2.0E+11", [], [(2, "value-unknown")])],
)
def test_other_lists_name_meters_as_the_register_does(cell, points, found):
    result = read_outages(f"point,from,to\n{cell},2026-11-20 13:00,2026-11-20 14:00\n".encode(), date(2026, 11, 21))
    assert [point for table in result.tables.values() for point in table["point"]] == points
    assert rows(result) == found


LIST = "point,zone,customer_class,account,valid_from\n020012345678,old_town,public,7,2026-01-01\n9,port,public,,\n"
CELLS = [
    ["ทะเบียนมิเตอร์"],
    [],
    ["Point", "Zone", "Customer Class", "Account", "valid from"],
    ["020012345678", "old_town", "public", 7, datetime(2026, 1, 1)],
    [9, "port", "public", None, None],
]


@pytest.mark.parametrize(
    "data",
    [
        *(LIST.replace(",", mark).encode() for mark in ",;\t|"),
        ("\ufeffsep=;\n" + LIST.replace(",", ";")).encode(),
        ("ทะเบียนมิเตอร์, เทศบาลเมือง\n\n" + LIST).encode("cp874"),
        LIST.replace(",", "\t").encode("utf-16"),
        LIST.replace("\n", ",,\n").encode(),
        workbook(a=CELLS),
        workbook(readme=[["ผู้จัดทำ", "กองช่าง"]], a=CELLS[2:]),
    ],
)
def test_a_register_is_the_same_however_it_is_saved(data):
    result = read_register(data, "register")
    told = result.tables["register"].select("point", "zone", "customer_class", "account")
    assert told.rows() == [("020012345678", "old_town", "public", "7"), ("9", "port", "public", None)]
    assert rows(result) == []


def test_a_workbook_with_two_registers_is_refused_with_words():
    result = read_register(workbook(a=CELLS, b=CELLS), "register")
    assert not result.tables and result.problems["message"].to_list() == ["2 sheets have the header: one is expected"]


@pytest.mark.parametrize("mark", ["-", "N/A", "ไม่มีข้อมูล", "...", "#REF!", "000", "??"])
def test_a_mark_for_none_is_no_point(mark):
    assert rows(read(HEADER, f"{mark},a,public,", "2,a,public,")) == [(2, "value-null")]


def told(result):
    return result.tables["register"].select("as_of", "point", "zone").rows()


def test_of_several_entries_the_latest_counts_and_later_ones_from_their_day_on():
    lines = [HEADER, "1,a,public,2026-03-01", "1,b,public,2026-01-01", "1,c,public,2026-06-01", "1,d,public,"]
    result = read(*lines, "2,e,public,", "3,f,public,2026-06-01", day=date(2026, 4, 1))
    march, june = date(2026, 3, 31), date(2026, 6, 1)
    assert told(result) == [(march, "1", "a"), (march, "2", "e"), (june, "1", "c"), (june, "2", "e"), (june, "3", "f")]
    assert rows(result) == []
    assert read(*lines).tables["register"]["zone"].to_list() == ["c"]


def test_a_register_tells_of_so_many_days_ahead():
    lines = [f"{at},a,public,{date(2026, 4, 1) + timedelta(days=at)}" for at in range(1, 101)]
    result = read(HEADER, *lines, day=date(2026, 4, 1))
    assert rows(result) == [(MOST + 2, "register-ahead")]
    assert result.tables["register"]["as_of"].max() == date(2026, 4, 1) + timedelta(days=MOST)
    far = read(HEADER, "1,a,public,", "1,b,public,2029-01-01", day=date(2026, 4, 1))
    assert (rows(far), told(far)) == ([(3, "register-ahead")], [(date(2026, 3, 31), "1", "a")])


def test_the_first_day_that_a_register_tells_of():
    """Without it the register is of the day before it came, as the readings that come with it."""
    header, day, march = "point,zone,customer_class,valid_from,as_of", date(2026, 4, 1), date(2026, 3, 1)
    assert told(read(HEADER, "1,a,public,", day=day)) == [(date(2026, 3, 31), "1", "a")]
    assert told(read(header, "1,a,public,,", day=day)) == [(date(2026, 3, 31), "1", "a")]
    assert told(read(HEADER, "1,a,public,2026-04-01", day=day)) == [(date(2026, 3, 31), "1", "a")]
    history = ["1,a,public,2026-02-01,2026-03-01", "1,b,public,2026-03-20,2026-03-01", "2,a,public,,2026-03-01"]
    moved = date(2026, 3, 20)
    expected = [(march, "1", "a"), (march, "2", "a"), (moved, "1", "b"), (moved, "2", "a")]
    assert told(read(header, *history, day=day)) == expected


@pytest.mark.parametrize(
    "days",
    [("2026-03-01", "2026-03-02"), ("2026-03-01", ""), ("01/03/2026", "01/03/2026"), ("2026-04-02", "2026-04-02")],
)
def test_a_register_is_of_one_day_that_has_been(days):
    lines = [f"{at},a,public,{day}" for at, day in enumerate(days)]
    result = read("point,zone,customer_class,as_of", *lines, day=date(2026, 4, 1))
    assert result.problems["code"].to_list() == ["file-malformed"]
    assert "as_of" in result.problems["message"][0]
    assert not result.tables


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (",a,public,", "value-null"),
        ("1,เมืองเก่า,public,", "value-unknown"),
        ("1,,public,", "value-unknown"),
        ("1,a,industry,", "value-unknown"),
        ("1,a,public,01/02/2026", "stamp-bad"),
        ("1,a,public", "row-malformed"),
        ('1,"a,public,', "row-malformed"),
    ],
)
def test_bad_rows(line, code):
    result = read(HEADER, line, "2,a,public,")
    assert rows(result) == [(2, code)]
    assert result.tables["register"]["point"].to_list() == ["2"]


def test_repeated_points():
    assert rows(read(HEADER, "1,a,public,", "1,a,public,")) == [(2, "duplicate-rows")]
    clash = read(HEADER, "1,a,public,", "1,b,public,")
    assert rows(clash) == [(2, "key-duplicate")]
    assert clash.tables["register"]["zone"].to_list() == ["b"]
    early = read(HEADER, "1,a,public,2025-01-01", "1,b,public,2025-01-01", "1,c,public,2026-01-01")
    assert rows(early) == [(2, "key-duplicate")]
    assert early.tables["register"]["zone"].to_list() == ["c"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file-empty"),
        (b"a,b\n1,2\n", "format-unknown"),
        (b"<html><body>login</body></html>", "file-html"),
        (b"\x89PNG\r\n", "file-not-data"),
        (b"point,zone,customer_class\n1,a,public\n2,a", "file-truncated"),
        (b"point,zone,customer_class\n", "file-empty"),
        (b"point,zone,customer_class\n1,a,nothing\n", "file-malformed"),
    ],
)
def test_bad_files(data, code):
    result = read_register(data, "register.csv")
    assert result.problems["code"][0] == code
    assert not result.tables


@given(st.binary(max_size=200))
@example(b"\x0b")
def test_no_bytes_raise(data):
    assert read_register(data, "x").problems.height
    read_register(b"point,zone,customer_class\n" + data, "x")
