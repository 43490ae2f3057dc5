"""A day that goes with the only meter that told of it: what was seen by it is seen no more."""

from datetime import timedelta
from pathlib import Path

import pytest

from assets.cities.registry import City
from assets.lake import erasure
from assets.lake.files import CityLake
from assets.lake.second_look import AFTER
from assets.landing.deployment import Deployment, Step
from quality.tables import METER_FINAL, METER_INTERVALS, METER_QUALITY, MISSING_READINGS
from tests.lake.judged_town import POINTS, load, nem12, night, town
from tests.lake.small_city import D1, deliver

pytestmark = pytest.mark.usefixtures("without_suites")

GONE, OTHERS = POINTS[-1], POINTS[:-1]
FAR = D1 + timedelta(days=AFTER)
LATEST = FAR + timedelta(days=2)


def made(folder: Path, *points: str) -> tuple[Deployment, City]:
    """A town of these points whose first days have gaps; ``GONE`` alone was read a fortnight later."""
    deployment, city = town(folder)
    deployment.store.delete_folder("landing")
    rows = "".join(f"{point},north,residential\n" for point in points)
    deliver(deployment, city, "register", D1, "r.csv", f"point,zone,customer_class\n{rows}".encode())
    for at in range(4):
        day = D1 + timedelta(days=at)
        told = {point: load(point, day) for point in OTHERS}
        told[POINTS[at]][40:60] = [None] * 20
        deliver(deployment, city, "exports", day + timedelta(days=1), f"{day}.csv", nem12(day, told))
    if GONE in points:
        far = nem12(FAR, {GONE: load(GONE, FAR)})
        deliver(deployment, city, "exports", FAR + timedelta(days=1), "far.csv", far)
    night(deployment, city, LATEST)
    return deployment, city


def test_its_second_looks_and_the_days_before_it_that_lacked_readings_are_as_if_it_had_never_come(
    tmp_path: Path,
) -> None:
    (deployment, city), (never, _) = made(tmp_path / "with", *POINTS), made(tmp_path / "never", *OTHERS)
    lake, other = (CityLake(each.store, city.slug) for each in (deployment, never))
    before = lake.read(METER_FINAL)
    assert (FAR in lake.days(METER_INTERVALS), FAR - timedelta(days=1) in lake.days(MISSING_READINGS)) == (True, True)
    erasure.erase(Step(deployment, city, LATEST, "test"), GONE)
    night(deployment, city, LATEST)
    for table in (METER_INTERVALS, METER_FINAL, METER_QUALITY, MISSING_READINGS):
        assert lake.read(table).equals(other.read(table)), table.name
    after = lake.day(METER_FINAL, D1)
    seen = before.filter(local_date=D1).join(after, on="meter_id", how="semi", maintain_order="left")
    assert not seen["value_final"].equals(after["value_final"]), "control: the far day had its part in estimates"
