"""Two nights at once over one city, and nights that do not belong to a home, as their operator meets them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.settings import now
from tests.home import Home, few_sources
from tests.lake.small_city import nem12

KEY = {"MUANG_METER_KEY": "a key of the tests that is long enough"}


def start(home: Home, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("muang")), *arguments, "--json"],
        env={**os.environ, "MUANG_HOME": str(home.home), **environment},
        cwd=home.home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.trial
def test_two_first_nights_at_once_both_end_well_and_lose_nothing(
    fresh_home: Callable[[], Home], tmp_path: Path
) -> None:
    """Each brings other meters of the same day; the second waits for the first."""
    home = fresh_home()
    registry = few_sources(tmp_path, ["khon_kaen"])
    today = now().date()
    days = [today.replace(day=1).isoformat(), today.isoformat()] if today.day > 1 else [today.isoformat()] * 2
    nights = []
    for number, day in enumerate(days):
        folder = tmp_path / f"inbox{number}" / "khon_kaen" / "nem12_exports"
        folder.mkdir(parents=True)
        (folder / f"{number}.csv").write_bytes(
            nem12(today.replace(day=1), *(f"P{number}{point:02d}" for point in range(20)))
        )
        os.utime(folder / f"{number}.csv", (0, 0))
        arguments = ("nightly", "--day", day, "--inbox", str(tmp_path / f"inbox{number}"), "--city", "khon_kaen")
        nights.append(start(home, *arguments, MUANG_CITIES=str(registry), MUANG_FIRST_DAY="2026-01-01", **KEY))
    told = [json.loads(night.communicate(timeout=240)[0]) for night in nights]
    for night in told:
        assert night["failures"] == {} and night["exit_code"] in (0, 1), night
        assert night["cities"]["khon_kaen"]["published"], night
    query = "select count(*) as n, count(distinct meter_id) as meters from lake.meter_intervals"
    rows = home.json("sql", query, MUANG_CITIES=str(registry))
    assert rows == [{"n": 40 * 96, "meters": 40}]
    assert home.json("lake", "verify", MUANG_CITIES=str(registry)) == {"khon_kaen": []}
    status = home.json("status", MUANG_CITIES=str(registry))
    assert status[0]["lease"] is None, "given back"

    for arguments, environment, word in (
        (("--profile", "demo"), {}, "give it a home of its own"),
        ((), {"MUANG_METER_KEY": "another key that is long enough"}, "is not the key"),
    ):
        before = {path: path.read_bytes() for path in home.home.rglob("*.parquet")}
        refused = home.muang("nightly", *arguments, **{"MUANG_CITIES": str(registry), **KEY, **environment})
        assert refused.returncode == 2 and word in " ".join(refused.stderr.split()), refused.stderr
        assert {path: path.read_bytes() for path in home.home.rglob("*.parquet")} == before
