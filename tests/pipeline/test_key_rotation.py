"""A change of the meter key by the command line: a live home, a night, the change, a night under the new key."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from assets.cities.registry import default_path
from tests.home import Home
from tests.lake.metered_city import POINTS, register
from tests.lake.small_city import D1, nem12

OLD, NEW = "the first key of the tests", "the second key of the tests"


def inbox_city(folder: Path) -> Path:
    """A registry of Khon Kaen with nothing but its inbox."""
    whole = yaml.safe_load(default_path().read_text(encoding="utf-8"))
    sources = {
        "exports": {"via": "inbox", "reader": "meter_exports", "options": {"timezone": "Asia/Bangkok"}},
        "register": {"via": "inbox", "reader": "meter_register"},
    }
    path = folder / "cities.yaml"
    path.write_text(yaml.safe_dump({"khon_kaen": whole["khon_kaen"] | {"sources": sources}}, allow_unicode=True))
    return path


def put(folder: Path, source: str, name: str, data: bytes) -> None:
    path = folder / "inbox" / "khon_kaen" / source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.mark.timeout(300)
def test_the_key_is_changed_by_the_command_line(fresh_home: Callable[[], Home], tmp_path: Path) -> None:
    home = fresh_home()
    put(tmp_path, "register", "r.csv", register(*POINTS))
    put(tmp_path, "exports", "all.csv", nem12(D1, *POINTS, value=3))
    live = {"MUANG_CITIES": str(inbox_city(tmp_path)), "MUANG_INBOX": str(tmp_path / "inbox")}
    night = ("nightly", "--day", "2026-11-21", "--fail-on", "withheld")
    assert home.json(*night, **live, MUANG_METER_KEY=OLD)["exit_code"] == 0
    profile = "select * from cdp.load_profile order by all"
    before = json.loads(home.muang("sql", profile, "--json", **live).stdout)
    assert len(before) == 192

    assert "MUANG_METER_KEY_NEW" in home.muang("keys", "rotate", **live, MUANG_METER_KEY=OLD).stderr
    wrong = home.muang("keys", "rotate", **live, MUANG_METER_KEY="not that key at all", MUANG_METER_KEY_NEW=NEW)
    assert (wrong.returncode, "is not the key" in wrong.stderr) == (2, True), wrong.stderr
    done = home.json("keys", "rotate", **live, MUANG_METER_KEY=OLD, MUANG_METER_KEY_NEW=NEW)
    assert done["files"] == {"khon_kaen": 5}, "of the register, intervals, final values, their quality and the memory"
    again = home.json("keys", "rotate", **live, MUANG_METER_KEY=OLD, MUANG_METER_KEY_NEW=NEW)
    assert again == {"files": {}, "meter_key": done["meter_key"]}
    assert OLD not in (home.home / "store.json").read_text()

    refused = home.json(*night, **live, MUANG_METER_KEY=OLD)
    assert (refused["exit_code"], "muang keys rotate" in refused["error"]) == (2, True)
    found = home.json(*night, **live, MUANG_METER_KEY=NEW)
    assert found["cities"]["khon_kaen"]["unchanged"]
    assert json.loads(home.muang("sql", profile, "--json", **live).stdout) == before
    counted = "select count(distinct meter_id) as n from lake.meter_intervals"
    [meters] = json.loads(home.muang("sql", counted, "--json", **live).stdout)
    assert meters["n"] == len(POINTS)
