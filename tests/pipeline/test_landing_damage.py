"""What a damaged receipts file stops, what it does not, and how it is mended: by real commands on a real home."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.settings import now
from tests.home import Home, few_sources

CITIES = ("khon_kaen", "nan")


@pytest.mark.trial
def test_damaged_receipts_stop_one_city_with_file_and_command_and_are_mended_by_it(
    fresh_home: Callable[[], Home], tmp_path: Path
) -> None:
    home = fresh_home()
    chosen = {"MUANG_PROFILE": "demo", "MUANG_DEMO_METERS": "60", "MUANG_CITIES": str(few_sources(tmp_path, CITIES))}
    day = now().date().isoformat()
    night = ["nightly", "--day", day, *(word for city in CITIES for word in ("--city", city))]
    first = home.json(*night, **chosen)
    assert first["exit_code"] == 0, first
    assert home.muang("landing", "repair", **chosen).returncode == 0

    file = home.home / f"landing/receipts/city=nan/{day}.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    second = home.json(*night, **chosen)
    assert second["exit_code"] == 1
    assert {city: told["published"] for city, told in second["cities"].items()} == {"khon_kaen": True, "nan": False}
    because = second["cities"]["nan"]["withheld_because"]
    assert f"landing/receipts/city=nan/{day}.jsonl is damaged" in because
    assert "`muang landing repair --city nan`" in because

    found = home.muang("landing", "verify", "--json", **chosen)
    assert found.returncode == 1 and {slug for slug, told in json.loads(found.stdout).items() if told} == {"nan"}
    mended = home.muang("landing", "repair", "--city", "nan", **chosen)
    assert mended.returncode == 1, mended.stderr
    assert f"landing/receipts/city=nan/{day}.jsonl" in mended.stdout
    (aside,) = (home.home / "landing/damaged/receipts/city=nan").iterdir()
    assert aside.read_bytes() == whole[: len(whole) // 2]
    third = home.json(*night, **chosen)
    assert third["exit_code"] == 0, third
    counted = ("deliveries", "rows", "refused", "rejected", "tables")
    assert {n: third["cities"]["nan"][n] for n in counted} == {n: first["cities"]["nan"][n] for n in counted}

    refused = home.muang("landing", "compact", "--until", day[:7], **chosen)
    assert (refused.returncode, "is not over" in refused.stderr) == (2, True)
    compacted = home.json("landing", "compact", **chosen)
    assert compacted["until"] < day[:7] and set(compacted["cities"]) == {*CITIES, "national"}
