"""``muang sources test``: what a file would give, before it is anybody's number."""

from pathlib import Path

import pytest

from tests.home import Home

HEAD = "ปี,จังหวัด,โรงพยาบาล,รายการ,จำนวน,หน่วย,หมายเหตุ,ที่มา\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home")


def written(folder: Path, text: str) -> str:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_it_tells_roles_rows_areas_and_periods_and_writes_nothing(home: Home, tmp_path: Path) -> None:
    text = HEAD + "2567,ภูเก็ต,วชิระ,เตียง,500,เตียง,ก,s\n2568,ภูเก็ต,ป่าตอง,เตียง,90,เตียง,ก,s\n"
    told = home.json("sources", "test", "phuket", "hotels", written(tmp_path, text))
    [one] = told["read"]
    assert one["status"] == "ok"
    assert one["headers"] == {
        "ปี": "year",
        "จังหวัด": "province",
        "โรงพยาบาล": "other",
        "รายการ": "item",
        "จำนวน": "value",
        "หน่วย": "unit",
        "หมายเหตุ": "remark",
        "ที่มา": "",
    }
    table = one["tables"]["city_statistics"]
    assert table["rows"] == 2
    assert table["columns"]["area"]["first"] == ["ภูเก็ต"]
    assert table["columns"]["item"]["first"] == ["เตียง"]
    assert table["columns"]["reference_date"] == {"different": 2, "from": "2024-01-01", "to": "2025-01-01"}
    assert not list(home.home.rglob("*.parquet"))


def test_a_wide_table_says_which_columns_are_values(home: Home, tmp_path: Path) -> None:
    text = "จังหวัด,ปี,จำนวนครัวเรือน,จำนวนหมู่บ้าน\nภูเก็ต,2567,20,3\n"
    [one] = home.json("sources", "test", "phuket", "hotels", written(tmp_path, text))["read"]
    assert one["headers"] == {"จังหวัด": "province", "ปี": "year", "จำนวนครัวเรือน": "value", "จำนวนหมู่บ้าน": "value"}


def test_a_bad_row_and_a_file_that_cannot_be_read_end_with_1(home: Home, tmp_path: Path) -> None:
    bad = home.muang("sources", "test", "phuket", "hotels", written(tmp_path, HEAD + "2567,ภูเก็ต,ก,เตียง,x,เตียง,,s\n"))
    assert bad.returncode == 1 and "value-not-number" in bad.stdout
    none = home.muang("sources", "test", "phuket", "hotels", written(tmp_path, "ปีที่เก็บ,จำนวน\nล่าสุด,1\n"))
    assert none.returncode == 1 and "ปีที่เก็บ" in none.stdout and "columns" in none.stdout


def test_wrong_use_is_said(home: Home, tmp_path: Path) -> None:
    for arguments, said in (
        (("nowhere", "hotels"), "no such city"),
        (("phuket", "hotel"), "hotels"),
        (("phuket", "amr_exports"), "muang read"),
        (("phuket", "hotels"), "landed"),
        (("phuket", "hotels", str(tmp_path / "none.csv")), "none.csv"),
    ):
        result = home.muang("sources", "test", *arguments)
        assert result.returncode == 2 and said in result.stderr, arguments
