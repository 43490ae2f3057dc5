"""A register that changes: what was judged stays as it was, and days that are made again are judged as by a lake that
had it from the start."""

from datetime import timedelta
from pathlib import Path

from assets.cities.registry import City
from assets.lake import upkeep
from assets.landing.deployment import Deployment, Step
from quality.tables import METER_INTERVALS
from tests.lake.judged_town import DAYS as ALL, POINTS, load, made, nem12, night, town
from tests.lake.small_city import deliver

DAYS = ALL[:6]
NIGHT = DAYS[-1] + timedelta(days=1)
COLUMNS = ("zone", "customer_class", "account", "serial", "multiplier", "feeder", "feeds", "check_of")
FIRST = ("north", "residential", "A1", "S1", "1", "f1", "", "")
CHANGED = {
    POINTS[0]: ("south", *FIRST[1:]),
    POINTS[1]: ("north", "large_business", *FIRST[2:]),
    POINTS[2]: ("north", "residential", "A2", "S2", "20", "f2", "", ""),
    POINTS[3]: (*FIRST[:6], "f1", ""),
    POINTS[4]: (*FIRST[:7], POINTS[5]),
}
"""Each column is otherwise of some meter."""


def register(changed: dict[str, tuple[str, ...]]) -> bytes:
    rows = [",".join([point, *changed.get(point, FIRST)]) for point in POINTS]
    return "\n".join([",".join(["point", *COLUMNS]), *rows, ""]).encode()


def lake(folder: Path, first: bytes) -> tuple[Deployment, City]:
    """A city whose meters have days of zeros, gaps and spikes, which the register has a say in."""
    deployment, city = town(folder)
    for day in DAYS:
        told = {point: load(point, day) for point in POINTS}
        for at, point in enumerate(POINTS):
            if day == DAYS[1 + at % 2]:
                told[point] = [0.0] * 96
            if day == DAYS[3 + at % 2]:
                told[point][30:60], told[point][70] = [None] * 30, 6.0
        deliver(deployment, city, "exports", NIGHT, f"{day}.csv", nem12(day, told))
    deliver(deployment, city, "register", NIGHT, "r.csv", first)
    night(deployment, city, NIGHT)
    return deployment, city


def test_days_stay_as_they_were_judged_until_they_are_made_again(tmp_path: Path) -> None:
    deployment, city = lake(tmp_path / "late", register({}))
    before, later = made(deployment), NIGHT + timedelta(days=1)
    deliver(deployment, city, "register", later, "r.csv", register(CHANGED))
    night(deployment, city, later)
    assert made(deployment) == before
    for day in DAYS:
        upkeep.rebuild(Step(deployment, city, later, "test"), METER_INTERVALS, day)
    night(deployment, city, later)
    straight, _ = lake(tmp_path / "straight", register(CHANGED))
    assert made(deployment) == made(straight) != before
