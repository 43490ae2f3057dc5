"""What people and systems write around a table of readings, and among its pages, is no reading and no problem."""

import pytest

from assets.meters.exports import read_export
from tests.kit import codes
from tests.meters import test_readers_pea as pea, test_readers_thai as thai
from tests.meters.test_whole_file import lines, read, stamps, total, workbook

ROWS = [(at, 1) for at in stamps(96)]
UNDER = [
    [["หมายเหตุ: ข้อมูลจากระบบ AMR"]],
    [["Prepared by", "Somchai"], ["(Signature) ......"]],
    [["Total", 96], ["Max", 1], ["Average", 1]],
    [["รวม", 96], ["ค่าสูงสุด", 1]],
    [["Peak Demand", 1], ["Load factor (%)", 98.5], ["ความต้องการพลังไฟฟ้าสูงสุด", 1], ["พลังงานไฟฟ้ารวม", 96]],
    [["kWh = kilowatt hour", "kVA = kilovolt ampere"]],
]


@pytest.mark.parametrize("under", UNDER)
def test_remarks_and_totals_under_a_table_are_no_readings(under):
    result = read(lines("at,value", [*ROWS, *under]))
    assert (total(result), codes(result)) == (96, [])
    result = read(workbook(Data=[["at", "value"], *ROWS, [], *under]))
    assert (total(result), codes(result)) == (96, [])


def test_titles_of_pages_and_totals_of_days_stand_among_readings():
    pages = [[f"Load Profile, page {n}", "", *([""] if n else [])] for n in range(2)]
    result = read(lines("at,value", [*ROWS[:48], *pages, ["Total", 48], ["at", "value"], *ROWS[48:]]))
    assert (total(result), codes(result)) == (96, [])


def test_a_title_among_readings_that_says_another_unit_refuses_the_file():
    for title, said in (("Values in Wh", ["layout-contradicts"]), ("Values in kWh", []), ("Total (Wh),96", [])):
        assert codes(read(lines("at,value", [*ROWS[:48], [title], *ROWS[48:]]))) == said


@pytest.mark.parametrize("row", [("", 96), ("xx/11/2026 10:00", 1), ("10/11/2026 peak", 1), ("", "1 kWh")])
def test_a_row_that_may_be_a_reading_is_refused(row):
    result = read(lines("at,value", [*ROWS[:48], row, *ROWS[48:]]))
    assert (total(result), codes(result)) == (96, ["stamp-bad"])


@pytest.mark.parametrize(("meter", "said"), [("Max Mart", "stamp-bad"), ("รวมใจ", "stamp-bad"), ("Total kWh", None)])
def test_a_meter_is_no_total_by_how_its_name_begins(meter, said):
    rows = [("M1", at, 1) for at, _ in ROWS]
    result = read(lines("meter,at,value", [*rows, (meter, "", 96)]), point=None, point_column="meter")
    assert (total(result), codes(result)) == (96, [said] if said else [])


@pytest.mark.parametrize("under", UNDER[:5])
def test_remarks_under_the_tables_of_utilities(under):
    ones = [thai.mea_row(end, 1) for end in thai.ends()]
    files = [
        thai.mea([*ones, *under]),
        thai.xlsx({name: [*rows, *under] for name, rows in thai.custom(thai.ONES).items()}),
        thai.xlsx({name: [*rows, *under * (name == "Sheet2")] for name, rows in thai.kw_sheets(thai.ONES).items()}),
        pea.html_report([*zip(pea.stamps(thai.DAY), *zip(*pea.pairs(thai.ONES), strict=True), strict=True), *under]),
    ]
    for data in files:
        assert codes(read_export(data, "x", {})) == []


@pytest.mark.parametrize("word", ["-", "N/A"])
def test_a_word_for_none_under_a_rate_is_a_blank(word):
    rows = [[at, word, word, "1", "", word, word] for at in thai.dotted()]
    book = thai.kw_sheets(thai.ONES)
    book["Sheet2"][2:] = rows
    result = read_export(thai.xlsx(book), "x", {})
    assert (codes(result), total(result)) == ([], 24)
