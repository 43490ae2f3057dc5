"""Sheets and files that only their names or their times tell apart: parts of one meter, or meters."""

import io
import zipfile
from datetime import datetime, timedelta

import pytest

from assets.meters.exports import read_export
from tests.kit import codes, messages
from tests.meters.test_whole_file import FROM, TODAY, declaration, ends, long, read, total, workbook

SEASONS = (("Peak season", "Low season"), ("ฤดูร้อน", "ฤดูฝน", "ฤดูหนาว"), ("Before", "After works"), ("A", "B"))


def sheets(names, days, count=96, first=FROM):
    """A workbook of a sheet a name, each of so many readings, so many days after the one before."""
    at = [ends(count, first=first + timedelta(days=n * days)) for n in range(len(names))]
    rows = {name: [["at", "value"], *([end, n + 1] for end in at[n])] for n, name in enumerate(names)}
    return workbook(**rows)


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def parts(*names, days=1, value=lambda n: n + 1, count=96):
    """An archive of a file a name, each of so many days after the one before."""
    return zipped(
        **{name: long(count, first=FROM + timedelta(days=n * days), value=value(n)) for n, name in enumerate(names)}
    )


@pytest.mark.parametrize("names", SEASONS)
def test_sheets_of_free_names_that_follow_each_other_are_one_meter(names):
    result = read(sheets(names, 1))
    assert (codes(result), total(result)) == (["parts-joined"], 96 * sum(range(1, len(names) + 1)))
    backwards = read(sheets(names[::-1], -1, first=FROM + timedelta(days=5)))
    assert (codes(backwards), total(backwards)) == (["parts-joined"], total(result))


@pytest.mark.parametrize(
    ("names", "days", "count"),
    [
        *((names, 0, 96) for names in SEASONS),
        (("Peak season", "Low season"), 0.5, 96),  # they overlap
        (("Peak season", "Low season"), 3, 96),  # years of nothing between them tell nothing
        (("Building A", "Building B"), 1, 96),
        (("อาคาร ก", "อาคาร ข"), 1, 96),
        (("10234", "10235"), 1, 96),
    ],
)
def test_sheets_of_free_names_that_do_not_are_several(names, days, count):
    result = read(sheets(names, days, count))
    assert (codes(result), result.tables) == (["meters-several"], {})


@pytest.mark.parametrize(
    "names", [("Building A", "Building A (2)"), ("Building A Jan", "Building A Feb"), ("Q1", "Q2")]
)
def test_pages_and_periods_of_a_building_are_one_meter(names):
    assert total(read(sheets(names, 1))) == 96 * 3
    assert codes(read(sheets(names, 0))) == ["meters-several"]


@pytest.mark.parametrize(
    ("names", "second", "said"),
    [
        (("Weekdays", "Weekend"), lambda at: at.weekday() > 4, []),
        (("วันทำการ", "วันหยุด"), lambda at: at.weekday() > 4, []),
        (("On-Peak", "Off-Peak"), lambda at: not 9 <= at.hour < 22, []),
        (("กะเช้า", "กะดึก"), lambda at: not 9 <= at.hour < 22, ["parts-joined"]),
    ],
)
def test_sheets_each_of_which_goes_on_where_the_other_pauses_are_one_meter(names, second, said):
    at = [(end, second(end - timedelta(minutes=15))) for end in ends(96 * 9)]
    rows = {name: [["at", "value"], *([end, 1] for end, of in at if of == n)] for n, name in enumerate(names)}
    result = read(workbook(**rows))
    assert (codes(result), total(result)) == (said, 96 * 9)
    again = {name: [["at", "value"], *([end, n + 1] for end, _ in at)] for n, name in enumerate(names)}
    assert codes(read(workbook(**again))) == ["meters-several"]


def test_registers_of_seasons_share_the_read_between_them():
    at = [FROM + timedelta(minutes=15 * n) for n in range(200)]
    rows = [[end, 500 + n * 3 + n % 2] for n, end in enumerate(at)]
    book = workbook(hot=[["at", "value"], *rows[:101]], wet=[["at", "value"], *rows[100:]])
    dials = {"value": {"unit": "kWh", "kind": "register"}}
    result = read(book, values=dials)
    assert (set(codes(result)), total(result)) == ({"parts-joined", "duplicate-rows"}, rows[-1][1] - 500)


@pytest.mark.parametrize(
    "names",
    [
        ("111.csv", "222.csv"),
        ("meter-a/x.csv", "meter-b/x.csv"),
        ("อาคาร ก.csv", "อาคาร ข.csv"),
        ("Chiller.csv", "Pump.csv"),
    ],
)
@pytest.mark.parametrize("value", [lambda n: n + 1, lambda n: 0])
def test_files_of_an_archive_that_only_their_names_tell_apart(names, value):
    data = parts(*names, days=0, value=value)
    result = read(data)
    assert (codes(result), result.tables) == (["meters-several"], {})
    assert not any(name.split(".")[0] in messages(result, "meters-several")[0] for name in names)
    pattern = r"^(?:meter-|อาคาร )?(?P<point>[^/.]+)"
    named = read(data, point=None, point_file=pattern)
    assert codes(named) == [] and total(named) == 96 * (value(0) + value(1))
    assert named.tables["readings"]["point"].n_unique() == 2
    assert codes(read(data, point=None, point_file="no (?P<point>.+)"))[:2] == ["file-malformed"] * 2


def test_a_file_alone_has_its_meter_from_its_name_too():
    options = {"layout": declaration(point=None, point_file=r"^(?P<point>\d+)_")}
    result = read_export(long(), "4711_2026.csv", options, TODAY)
    assert result.tables["readings"]["point"].unique().to_list() == ["4711"]
    assert codes(read_export(long(), "profile.csv", options, TODAY)) == ["file-malformed"]


@pytest.mark.parametrize(
    "names", [("2026-11-09.csv", "2026-11-10.csv"), ("load พ.ย. 69.csv", "load ธ.ค. 69.csv"), ("p1.csv", "p2.csv")]
)
def test_files_of_periods_are_one_meter(names):
    names = tuple(name.replace("p1", "page 1").replace("p2", "page 2") for name in names)
    assert (codes(read(parts(*names))), total(read(parts(*names)))) == ([], 96 * 3)
    assert codes(read(parts(*names, days=0))) == ["meters-several"]


def test_a_file_delivered_again_in_its_archive_is_a_correction():
    for names in (("load.csv", "load_v2.csv"), ("111.csv", "111 (1).csv"), ("load.csv", "load_corrected.csv")):
        result = read(parts(*names, days=0))
        assert (set(codes(result)), total(result)) == ({"key-duplicate"}, 96 * 2)


def test_files_that_name_their_meters_are_not_asked_for_it():
    rows = [f"{meter},{end:%d/%m/%Y %H:%M},1\n" for meter in "AB" for end in ends(4, first=datetime(2026, 11, 9))]
    data = zipped(**{"111.csv": "m,at,value\n" + "".join(rows[:4]), "222.csv": "m,at,value\n" + "".join(rows[4:])})
    assert codes(read(data, point_column="m", point=None)) == []
