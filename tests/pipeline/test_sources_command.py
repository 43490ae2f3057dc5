"""``muang sources test``: what a resource would give, seen before a night."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.home import Home

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
