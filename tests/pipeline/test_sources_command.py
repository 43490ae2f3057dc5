"""``muang sources test``: what a resource would give, seen before a night."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from assets.cities.registry import load_registry
from assets.landing.store import LocalStore
from tests.home import Home
from tests.kit import land
from tests.lake.small_city import D1, D2, deployment_at

TABLE = "ปี,จังหวัด,อำเภอ,รายการ,ผู้ป่วยนอก,ผู้ป่วยใน\n2568,ภูเก็ต,กะทู้,ไข้เลือดออก,12,3\n2568,ภูเก็ต,ถลาง,ไข้เลือดออก,7,1\n"


def test_a_resource_is_tried_with_options_before_it_is_declared(fresh_home: Callable[[], Home], tmp_path: Path) -> None:
    home, file = fresh_home(), tmp_path / "table.csv"
    file.write_text(TABLE, encoding="utf-8")
    options = "{portal: phuket_gdcatalog, package: p, smart: living, unit: คน"

    tried = home.muang("sources", "test", "phuket", "ckan_statistics", str(file), "--options", options + "}", "--json")
    table = json.loads(tried.stdout)["tables"]["city_statistics"]
    assert (tried.returncode, table["rows"]) == (0, 4)
    assert table["values"]["item"] == ["ไข้เลือดออก / ผู้ป่วยนอก", "ไข้เลือดออก / ผู้ป่วยใน"]
    assert (table["first"], table["last"]) == ("2025-01-01", "2025-01-01")

    wrong = options + ", columns: {value: จำนวนผู้ป่วย}}"
    refused = home.muang("sources", "test", "phuket", "ckan_statistics", str(file), "--options", wrong)
    assert refused.returncode == 1 and "ผู้ป่วยนอก" in refused.stdout, "the columns there are, to choose from"
    assert not home.home.exists() or not list(home.home.rglob("*.parquet")), "nothing is written"


def test_of_what_landed_the_last_is_read(fresh_home: Callable[[], Home]) -> None:
    home, city = fresh_home(), load_registry()["phuket"]
    deployment = replace(deployment_at(home.home, city), store=LocalStore(home.home))
    for day, name in ((D1, "resource/r@2026-11-01"), (D2, "resource/r@2026-11-20")):
        land(deployment, city, "waste", day, name, TABLE.encode())
    told = home.muang("sources", "test", "phuket", "waste", "--json")
    assert [json.loads(line)["name"] for line in told.stdout.splitlines()] == ["resource/r@2026-11-20"], told.stderr


def test_what_has_brackets_is_shown_as_it_is(fresh_home: Callable[[], Home], tmp_path: Path) -> None:
    home, file = fresh_home(), tmp_path / "table.csv"
    file.write_text(TABLE.replace("ไข้เลือดออก", "ไฟฟ้า [kWh] [/ปี]"), encoding="utf-8")
    options = "{portal: phuket_gdcatalog, package: p, smart: living, unit: คน}"
    tried = home.muang("sources", "test", "phuket", "ckan_statistics", str(file), "--options", options)
    assert (tried.returncode, "ไฟฟ้า [kWh] [/ปี]" in tried.stdout) == (0, True), tried.stderr


def test_wrong_use_is_said(fresh_home: Callable[[], Home], tmp_path: Path) -> None:
    home = fresh_home()
    for arguments, words in (
        (("phuket", "waste"), "nothing of waste has landed yet"),
        (("phuket", "amr_exports"), "muang read"),
        (("phuket", "no_such"), "it has air_quality"),
        (("phuket", "waste", str(tmp_path / "none.csv")), "No such file"),
        (("phuket", "waste", "--options", "{"), "no YAML"),
    ):
        told = home.muang("sources", "test", *arguments)
        assert told.returncode == 2 and words in told.stdout + told.stderr, arguments


def test_the_role_of_each_column_is_told_also_of_what_is_refused(
    fresh_home: Callable[[], Home], tmp_path: Path
) -> None:
    home, file = fresh_home(), tmp_path / "table.csv"

    def roles(text: str) -> dict[str, str]:
        file.write_text(text, encoding="utf-8")
        return dict(home.json("sources", "test", "phuket", "hotels", str(file))["headers"])

    long = "ปีงบประมาณ,จังหวัด,โรงพยาบาล,รายการ,จำนวน,หน่วย,หมายเหตุ,ที่มา\n2567,ภูเก็ต,วชิระ,เตียง,500,เตียง,ก,s\n"
    assert roles(long) == {
        "ปีงบประมาณ": "fiscal_year",
        "จังหวัด": "province",
        "โรงพยาบาล": "other",
        "รายการ": "item",
        "จำนวน": "value",
        "หน่วย": "unit",
        "หมายเหตุ": "remark",
        "ที่มา": "",
    }
    wide = "จังหวัด,ปี,จำนวนครัวเรือน,จำนวนหมู่บ้าน\nภูเก็ต,2567,20,3\n"
    assert roles(wide) == {"จังหวัด": "province", "ปี": "year", "จำนวนครัวเรือน": "value", "จำนวนหมู่บ้าน": "value"}
    assert roles("ปีที่เก็บ,จังหวัด,จำนวน\nล่าสุด,ภูเก็ต,1\n") == {"ปีที่เก็บ": "", "จังหวัด": "province", "จำนวน": "value"}
