"""Energy of a night whose files were told more than once: from the inbox to the indicator."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from assets.cities.registry import City
from assets.indicators.make import make
from assets.landing.deployment import Deployment, Step
from quality.tables import INDICATORS, LOAD_PROFILE
from tests.lake.metered_city import POINTS, night, register
from tests.lake.small_city import D1, D2, D3, deliver, deployment_at, nem12, small_city

pytestmark = pytest.mark.usefixtures("without_suites")

ENERGY = ("published_kwh_day", "peak_kw", "load_factor")


def of_night(deployment: Deployment, city: City, day: date) -> dict[str, dict[str, Any]]:
    night(deployment, city, day)
    rows = make(Step(deployment, city, day, "test"), INDICATORS, [LOAD_PROFILE.name]).rows
    return {row["indicator"]: row for row in rows.iter_rows(named=True)}


def told(folder: Path, *again: str) -> tuple[Deployment, City]:
    """A city of forty meters that were read on ``D1``, and whose files came with a second one for ``again``."""
    city = small_city()
    deployment = deployment_at(folder, city)
    deliver(deployment, city, "register", D2, "r.csv", register(*POINTS))
    deliver(deployment, city, "exports", D2, "a.csv", nem12(D1, *POINTS, value=4))
    if again:
        deliver(deployment, city, "exports", D2, "b.csv", nem12(D1, *again, value=6))
    return deployment, city


@pytest.mark.parametrize(
    ("again", "verdict"), [((), "ok"), (POINTS[:2], "ok"), (POINTS[:3], "partial"), (POINTS, "partial")]
)
def test_energy_that_another_file_contradicts_is_partial(tmp_path: Path, again: Sequence[str], verdict: str) -> None:
    """Of two meters of forty it is not: 192 of 4,032 readings are less than a twentieth."""
    found = of_night(*told(tmp_path, *again), D2)
    for code in ENERGY:
        assert (found[code]["verdict"], found[code]["coverage"]) == (verdict, 1.0), code
        assert verdict == "ok" or "meter_intervals, check contradictions: " in found[code]["reason"]
    kwh = found["published_kwh_day"]["value"]
    assert kwh == pytest.approx(96 * (4 * (len(POINTS) - len(again)) + 6 * len(again)))


def test_main_and_check_meters_are_no_part_of_the_whole(tmp_path: Path) -> None:
    """Their energy is in no published sum, and that they are left out is no lack."""
    city = small_city()
    deployment = deployment_at(tmp_path, city)
    mains = [f"99{number:04d}" for number in range(10)]
    customers = [f"{line},," for line in register(*POINTS).decode().splitlines()[1:]]
    aside = [*(f"{main},north,other,f{main}," for main in mains), f"990010,north,other,,{POINTS[0]}"]
    table = "\n".join(["point,zone,customer_class,feeds,check_of", *customers, *aside, ""])
    deliver(deployment, city, "register", D2, "r.csv", table.encode())
    deliver(deployment, city, "exports", D2, "a.csv", nem12(D1, *POINTS, *mains, "990010", value=4))
    found = of_night(deployment, city, D2)
    assert (found["published_kwh_day"]["value"], found["published_kwh_day"]["coverage"]) == (96 * 4 * len(POINTS), 1.0)
    assert found["delivered_share"]["value"] == 100


def test_what_was_found_of_a_day_stays_with_it_until_a_newer_one_is_told(tmp_path: Path) -> None:
    deployment, city = told(tmp_path, *POINTS)
    of_night(deployment, city, D2)
    assert of_night(deployment, city, D3)["peak_kw"]["verdict"] == "partial", "nothing came: it is the same day's"
    deliver(deployment, city, "exports", D3, "c.csv", nem12(D2, *POINTS, value=4))
    assert of_night(deployment, city, D3)["peak_kw"]["verdict"] == "ok"


def test_days_that_are_told_with_it_hide_nothing(tmp_path: Path) -> None:
    """Three meters of forty are more than a twentieth of their day, and less of all that came."""
    deployment, city = told(tmp_path, *POINTS[:3])
    for back in (1, 2):
        day = D1 - timedelta(days=back)
        deliver(deployment, city, "exports", D2, f"{back}.csv", nem12(day, *POINTS, value=4))
    assert of_night(deployment, city, D2)["peak_kw"]["verdict"] == "partial"


def test_corrections_of_older_days_are_none_of_the_newest(tmp_path: Path) -> None:
    """Nor is what was found of it forgotten when a second run of the night finds only the older ones."""
    deployment, city = told(tmp_path)
    night(deployment, city, D2)
    deliver(deployment, city, "exports", D3, "c.csv", nem12(D2, *POINTS, value=4))
    for name, value in (("d.csv", 5), ("e.csv", 6)):
        deliver(deployment, city, "exports", D3, name, nem12(D1, *POINTS, value=value))
    found = of_night(deployment, city, D3)["peak_kw"]
    assert (found["verdict"], found["period_start"]) == ("ok", D2)


def test_what_was_found_of_the_newest_day_outlives_another_run_of_its_night(tmp_path: Path) -> None:
    deployment, city = told(tmp_path, *POINTS)
    assert of_night(deployment, city, D2)["peak_kw"]["verdict"] == "partial"
    deliver(deployment, city, "exports", D2, "old.csv", nem12(D1 - timedelta(days=1), *POINTS, value=4))
    assert of_night(deployment, city, D2)["peak_kw"]["verdict"] == "partial"
