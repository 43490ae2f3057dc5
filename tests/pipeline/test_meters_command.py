"""``muang meters``: a decision becomes a delivery, told by the lake as of its day, and no metering point is printed."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.cities.registry import load_registry
from assets.lake import ingest, meter_final
from assets.lake.delivered import pseudonyms
from assets.landing.deployment import Deployment, Step
from assets.landing.store import LocalStore
from pipelines.settings import now
from quality.tables import METER_DECISIONS
from tests.home import Home
from tests.lake.small_city import nem12
from tests.pipeline.test_key_rotation import inbox_city, put

DAY, POINT = date(2026, 11, 20), "020012340007"
RANGE = ("--from", f"{DAY} 10:00", "--to", f"{DAY} 11:00", "--reason", "seen on site", "--by", "S. Jaidee")


@pytest.mark.timeout(200)
def test_a_decision_is_a_delivery_and_is_told_as_of_its_day(fresh_home: Callable[[], Home], tmp_path: Path) -> None:
    home, key = fresh_home(), "a key of the tests"
    put(tmp_path, "exports", "a.csv", nem12(DAY, POINT))
    registry = inbox_city(tmp_path)
    live = {"MUANG_CITIES": str(registry), "MUANG_INBOX": str(tmp_path / "inbox"), "MUANG_METER_KEY": key}
    without = home.muang("meters", "estimate", "--city", "khon_kaen", "--meter", "-", *RANGE, stdin=POINT, **live)
    assert (without.returncode, "meter_decisions: {via: inbox" in without.stderr + without.stdout) == (2, True)
    registry.write_text(
        registry.read_text().replace("exports:", "decisions: {via: inbox, reader: meter_decisions}\n    exports:")
    )
    city = load_registry(registry)["khon_kaen"]
    deployment = Deployment(LocalStore(home.home), {city.slug: city}, {}, tmp_path / "inbox", now, key.encode())
    step = Step(deployment, city, now().date(), "test")
    deployment.archive.land(step.delivery("exports"), "a.csv", "a.csv", nem12(DAY, POINT))
    ingest.ingest_meters(step)

    decide = ("--city", "khon_kaen", "--meter")
    [meter] = pseudonyms(pl.Series([POINT]), city.slug, key.encode()).values()
    by_id = home.muang("meters", "correct", *decide, meter, *RANGE, "--value", "0.25", "--json", **live)
    assert by_id.returncode == 0, by_id.stderr
    told = json.loads(by_id.stdout)
    assert (told["decision"], told["days"]) == ("correct", [f"{DAY}"])
    by_point = home.muang("meters", "estimate", *decide, "-", *RANGE, stdin=f"{POINT}\n", **live)
    assert by_point.returncode == 0, by_point.stderr
    for done in (by_id, by_point):
        assert POINT not in done.stdout + done.stderr
    unknown = home.muang("meters", "accept", *decide, POINT, *RANGE, **live)
    assert unknown.returncode == 2, "a point on the command line is no meter id, and shells remember it"
    slip = home.muang("meters", "accept", *decide, "-", *RANGE, stdin="020012340008\n", **live)
    assert (slip.returncode, "is it written as delivered?" in slip.stderr) == (2, True)
    wrong = home.muang("meters", "correct", *decide, meter, *RANGE, "--value", "much", **live)
    assert (wrong.returncode, "a correction needs a value" in wrong.stdout + wrong.stderr) == (2, True)
    meter_final.make(step)  # from here on it has read values of 0.75 and 1.25
    day_of_energy = ("meters", "correct", *decide, meter, *RANGE, "--value", "96")
    far = home.muang(*day_of_energy, **live)
    assert (far.returncode, "at most 1.250000: --sure" in far.stdout + far.stderr) == (2, True), far.stdout + far.stderr
    assert home.muang(*day_of_energy, "--sure", **live).returncode == 0
    taken_back = home.muang("meters", "correct", *decide, meter, *RANGE, "--value", "12.5", **live)
    assert taken_back.returncode == 0, taken_back.stderr

    step = Step(Deployment(LocalStore(home.home), {city.slug: city}, {}, tmp_path, now, key.encode()), city, step.day)
    assert ingest.ingest(step, METER_DECISIONS).rows == 4
    asked = "select decision, count(*) as n, min(decided_by) as who from lake.meter_intervals_as_of('{}') group by 1"
    assert {row["decision"]: (row["n"], row["who"]) for row in home.sql(asked.format(step.day))} == {
        None: (92, None),
        "correct": (4, "S. Jaidee"),
    }
