"""Days of which no readings came: listed once later ones came, told as soon as they are due, and gone with them."""

from datetime import date, timedelta
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest

from assets.cities.registry import City
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment
from quality.tables import MISSING_READINGS, VERDICTS
from quality.vee.missing import absent, overdue
from tests.lake.judged_town import DAYS, POINTS, load, made, nem12, night, town, whole
from tests.lake.small_city import deliver
from tests.lake.test_meter_decisions import decision

DAY = timedelta(days=1)


def send(deployment: Deployment, city: City, reading: date, on: date, points: int = 6) -> None:
    data = nem12(reading, dict([*whole(reading).items()][:points]))
    deliver(deployment, city, "exports", on, f"{reading}.csv", data)


def told(deployment: Deployment, city: City, day: date) -> tuple[int, str, str]:
    rows = CityLake(deployment.store, city.slug).day(VERDICTS, day).filter(check="missing-day")
    [row] = rows.select("failed", "verdict", "message").rows()
    return row


def listed(deployment: Deployment, city: City) -> dict[date, int]:
    rows = CityLake(deployment.store, city.slug).read(MISSING_READINGS)
    return dict(rows.group_by("local_date").agg(pl.col("intervals").sum()).sort("local_date").iter_rows())


def test_a_day_that_never_comes_is_told_the_night_it_is_due_and_listed_once_others_came(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    for reading in DAYS[:4]:
        send(deployment, city, reading, reading + DAY)
        night(deployment, city, reading + DAY)
        assert told(deployment, city, reading + DAY)[:2] == (0, "pass")
    night(deployment, city, DAYS[5])
    failed, grade, message = told(deployment, city, DAYS[5])
    assert (failed, grade) == (1, "warn") and f"6 meters were read before, the last of them: {DAYS[4]}" in message
    assert listed(deployment, city) == {}
    send(deployment, city, DAYS[5], DAYS[6])
    night(deployment, city, DAYS[6])
    assert told(deployment, city, DAYS[6])[:2] == (1, "warn")
    assert listed(deployment, city) == {DAYS[4]: 6 * 96}
    send(deployment, city, DAYS[4], DAYS[7], points=2)
    night(deployment, city, DAYS[7])
    assert listed(deployment, city) == {DAYS[4]: 4 * 96}
    assert told(deployment, city, DAYS[7])[:2] == (1, "warn"), "the newest day is due again"


def test_whatever_the_order_of_days_the_same_is_listed(tmp_path: Path) -> None:
    found = []
    days = (DAYS[0], DAYS[2], DAYS[5], DAYS[6])
    for number, order in enumerate([*permutations(days)][::7]):
        deployment, city = town(tmp_path / str(number))
        for on, reading in zip(DAYS, order, strict=False):
            send(deployment, city, reading, DAYS[-1])
            if number:
                night(deployment, city, on)
        ask = decision("ask", POINTS[0], DAYS[3], "10:00-12:00", at=f"{DAYS[-1]} 09:00")
        deliver(deployment, city, "decisions", DAYS[-1], "ask.csv", ask)
        night(deployment, city, DAYS[-1])
        found.append({key: data for key, data in made(deployment).items() if "missing" in key})
        assert listed(deployment, city) == dict.fromkeys((DAYS[1], DAYS[3], DAYS[4]), 6 * 96)
    assert all(each == found[0] for each in found)
    asked = CityLake(deployment.store, city.slug).day(MISSING_READINGS, DAYS[3])["asked"]
    assert sorted(asked) == [0, 0, 0, 0, 0, 1]


def test_what_is_listed_follows_the_day_before_it(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    for reading in (DAYS[0], DAYS[3]):
        send(deployment, city, reading, DAYS[4], points=5)
    night(deployment, city, DAYS[4])
    stranger = "020012340099"
    deliver(deployment, city, "exports", DAYS[5], "s.csv", nem12(DAYS[0], {stranger: load(stranger, DAYS[0])}))
    night(deployment, city, DAYS[5])
    assert listed(deployment, city)[DAYS[1]] == 7 * 96


def test_samples_of_a_year_have_no_gaps_between_them() -> None:
    firsts = [date(2026, month, 1) for month in range(1, 12)]
    assert absent(firsts) == {}
    week = [date(2026, 11, day) for day in (1, 2, 5)]
    assert absent(week) == dict.fromkeys((date(2026, 11, 3), date(2026, 11, 4)), date(2026, 11, 2))


@pytest.mark.parametrize(
    ("every", "late", "tonight", "days"),
    [
        (1, 1, 0, 0),  # each night brings the day before
        (1, 1, 1, 1),
        (1, 1, 3, 3),
        (1, 3, 0, 0),  # each night brings the day three before
        (1, 3, 1, 1),
        (7, 1, 6, 0),  # a week every Monday
        (7, 1, 7, 7),
        (30, 2, 29, 0),
        (30, 2, 30, 30),
    ],
)
def test_a_day_is_due_as_deliveries_usually_come(every: int, late: int, tonight: int, days: int) -> None:
    """``tonight`` is the number of nights since the last delivery."""
    last = date(2026, 11, 20)
    delivered = [last - timedelta(days=every * n) for n in range(3, -1, -1)]
    newest = [each - timedelta(days=late) for each in delivered]
    came = {on: (before, after) for on, before, after in zip(delivered[1:], newest, newest[1:], strict=False)}
    assert len(overdue(newest[-1], came, last + timedelta(days=tonight))) == days


def test_one_delivery_tells_nothing_of_the_next() -> None:
    day = date(2026, 11, 20)
    assert overdue(day, {day + DAY: (day - DAY, day)}, day + timedelta(days=9)) == []
