"""``muang erase`` on a live home: said what it would do, done, and published anew."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.home import Home
from tests.lake.metered_city import POINTS, register
from tests.lake.small_city import D1, nem12
from tests.pipeline.test_key_rotation import inbox_city, put
from tests.pipeline.test_nothing_leaves_landing import files_with

GONE, UNKNOWN = POINTS[1], "020099999999"


@pytest.mark.timeout(400)
def test_a_meter_is_erased_and_the_city_published_without_what_it_was_part_of(
    fresh_home: Callable[[], Home], tmp_path: Path
) -> None:
    home = fresh_home()
    put(tmp_path, "register", "r.csv", register(*POINTS))
    put(tmp_path, "exports", "all.csv", nem12(D1, *POINTS, value=3))
    live = {"MUANG_CITIES": str(inbox_city(tmp_path)), "MUANG_INBOX": str(tmp_path / "inbox")}
    live["MUANG_METER_KEY"] = "a key of the tests"
    night = ("nightly", "--day", "2026-11-21", "--fail-on", "withheld")
    assert home.json(*night, **live)["exit_code"] == 0
    zones = "select zone, count(*) as cells from cdp.load_profile group by all order by all"
    assert home.json("sql", zones, **live) == [{"zone": "north", "cells": 96}, {"zone": "south", "cells": 96}]

    erase = ("erase", "--city", "khon_kaen", "--meter", "-")
    told = home.muang(*erase, "--dry-run", "--json", stdin=GONE + "\n", **live)
    found = json.loads(told.stdout)
    assert told.returncode == 1, "files in the inbox are left to the sender"
    assert (len(found["deliveries"]), len(found["inbox"]), len(found["snapshots"])) == (2, 2, 1)
    assert home.json("sql", zones, **live)[0]["cells"] == 96
    unknown = home.muang(*erase, "--dry-run", stdin=UNKNOWN, **live)
    assert (unknown.returncode, "is it written as delivered?" in unknown.stdout) == (1, True)
    assert home.muang(*erase, stdin="\n", **live).returncode == 2

    put(tmp_path, "register", "r.csv", register(*(point for point in POINTS if point != GONE)))
    (tmp_path / "inbox" / "khon_kaen" / "exports" / "all.csv").unlink()
    done = home.muang(*erase, "--rebuild-snapshots", stdin=GONE + "\n", **live)
    assert done.returncode == 0, done.stdout + done.stderr
    assert files_with(home.home, GONE) == []
    assert home.muang("lake", "verify", **live).returncode == 0
    assert home.json(*night, **live)["exit_code"] == 0
    again = json.loads(home.muang(*erase, "--rebuild-snapshots", "--json", stdin=GONE, **live).stdout)
    assert (again["before"], again["deliveries"], len(again["removed"])) == (True, [], 1)
    assert home.json("sql", zones, **live) == [{"zone": "south", "cells": 96}]
    assert home.muang("snapshots", "verify", "--all", **live).returncode == 0
