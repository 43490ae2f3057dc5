"""Several delivery days by one command, also of before the default first day; and what each night tells."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.home import Home, few_sources

DAYS = ["2026-10-30", "2026-10-31"]


@pytest.mark.timeout(300)
def test_days_are_run_in_order_and_told_in_one_summary(fresh_home: Callable[[], Home], tmp_path: Path) -> None:
    deployment = fresh_home()
    chosen = {"MUANG_CITIES": str(few_sources(tmp_path, ["khon_kaen"])), "MUANG_DEMO_METERS": "50"}
    command = ["nightly", "--profile", "demo", "--from", DAYS[0], "--to", DAYS[1], "--fail-on", "withheld"]
    refused = deployment.json(*command, **chosen)
    assert refused["exit_code"] == 2
    assert "first delivery day 2026-11-01, which is a setting" in refused["nights"][0]["error"]

    found = deployment.json(*command, **chosen, MUANG_FIRST_DAY="2026-10-01")
    assert found["exit_code"] == 0
    assert [night["day"] for night in found["nights"]] == DAYS
    for night in found["nights"]:
        assert (night["profile"], night["version"]) == ("demo", "0.1.0")
        assert night["started"] < night["finished"]
        assert 0 < night["seconds"] < 200
        city = night["cities"]["khon_kaen"]
        assert city["published"]
        assert city["worst"] in ("pass", "warn")
        assert Path(city["page"]).is_file()
        assert '<tr data-city="khon_kaen">' in Path(night["address"]).read_text()
        assert city["sources"]["meter_register"]["tonight"] == "answered"
        assert city["sources"]["weather"].keys() == {"tonight", "last_answer", "receipts", "reason"}
    assert Path(city["page"]).parent.name in Path(city["address"]).read_text()
    days = {row["day"] for row in deployment.sql("select distinct day::varchar as day from lake.deliveries")}
    assert days == set(DAYS)
    assert date.fromisoformat(DAYS[0]) < date(2026, 11, 1)
