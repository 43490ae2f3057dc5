"""A correction makes again what stands on it: of later days the meters it is about, and what all of a group turned."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from assets.lake.files import CityLake
from assets.lake.meter_days import DAY, MeterDays
from quality.contracts import Table
from quality.tables import METER_FINAL
from tests.lake.judged_town import LATE, load, made, nem12, night, town
from tests.lake.small_city import D1, deliver

POINTS = tuple(f"02001234{number:04d}" for number in range(24))
ZONES = {"north": POINTS[:12], "south": POINTS[12:]}
DAYS = tuple(D1 + timedelta(days=after) for after in range(11))
FIRST = LATE + timedelta(days=60)
REGISTER = "point,zone,customer_class,check_of\n" + "".join(
    f"{point},{zone},residential,{POINTS[-2] if point == POINTS[-1] else ''}\n"
    for zone, points in ZONES.items()
    for point in points
)
"""The last meter checks the one before it."""

Files = list[tuple[str, bytes]]


def of_a_town(seed: int) -> list[Files]:
    """Eleven days with gaps, days of zeros, files of zones at a multiple, a meter that is most of its zone, one that
    is not there on a day, two that have each other's values; then three nights of what comes late: days of some meters
    as they should have been or wrong now, those of half a zone, a zone's file that had not come."""
    chance = Random(seed)
    told = {day: {point: load(point, day) for point in POINTS} for day in DAYS}

    def some(point: str, day: date, factor: float) -> list[float | None]:
        return [value and round(value * factor, 3) for value in load(point, day)]

    for day in DAYS[5:]:
        told[day][chance.choice(POINTS)] = [0.0] * 96
        values = told[day][chance.choice(POINTS)]
        first = chance.randrange(96)
        values[first : first + 40] = [None] * len(values[first : first + 40])
    for zone, factor in (("north", 2.6), ("south", 1000)):
        day = chance.choice(DAYS[6:])
        told[day] |= {point: some(point, day, factor * chance.uniform(0.8, 1.3)) for point in ZONES[zone]}
    for day in DAYS[3:]:
        told[day][POINTS[5]] = some(POINTS[5], day, 40)
    del told[chance.choice(DAYS[3:])][POINTS[4]]
    last = told[DAYS[-1]]
    last[POINTS[12]], last[POINTS[18]] = last[POINTS[18]], last[POINTS[12]]
    sent = [
        (f"{day}-{zone}", nem12(day, {point: told[day][point] for point in points if point in told[day]}, "000000"))
        for day in DAYS
        for zone, points in ZONES.items()
    ]
    nights = []
    for at in range(6):
        day = chance.choice(DAYS[:7])
        points = chance.sample(POINTS, chance.choice([1, 1, 3])) if at < 5 else chance.sample(ZONES["north"], 5)
        factor = chance.choice([1, 1.2, 3, 1000])
        late = nem12(day, {point: some(point, day, factor) for point in points}, f"2359{50 + at}")
        nights.append((f"late{at}", late))
    nights[3:3] = [sent.pop(chance.randrange(6, len(sent)))]
    return [sent, nights[:2], nights[2:5], nights[5:]]


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Of each day that was looked at again: were some of its meters enough?"""
    found, again = [], MeterDays.again

    def counting(self: MeterDays, day: date) -> object:
        judged = again(self, day)
        found.append(judged is not None)
        return judged

    with monkeypatch.context() as patch:
        patch.setattr(MeterDays, "again", counting)
        yield found


@pytest.mark.parametrize(
    ("seed", "count"), [(0, 2), *(pytest.param(seed, 3, marks=pytest.mark.trial) for seed in range(1, 12))]
)
def test_some_meters_of_later_days_leave_what_all_of_them_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, count: int
) -> None:
    sent, *late = of_a_town(seed)[: count + 1]
    lakes = []
    with counted(monkeypatch) as some:
        for name, nights in (("each", range(len(late) + 1)), ("last", [len(late)])):
            deployment, city = town(tmp_path / name)
            deliver(deployment, city, "register", FIRST, "r.csv", REGISTER.encode())
            for at, files in enumerate([sent, *late]):
                for file, data in files:
                    deliver(deployment, city, "exports", FIRST + at * DAY, file, data)
                if at in nights:
                    night(deployment, city, FIRST + at * DAY)
            lakes.append(made(deployment))
    assert lakes[0].keys() == lakes[1].keys()
    assert [key for key in lakes[0] if lakes[0][key] != lakes[1][key]] == []
    assert any(some), "whole days alone were judged again"


def test_days_corrected_together_read_what_they_stand_on_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each looks at all days before it: a file that every one of them read anew would be read as often as there are
    days."""
    deployment, city = town(tmp_path)
    values = {day: {point: load(point, day) for point in POINTS[:3]} for day in DAYS}
    for day, told in values.items():
        told[POINTS[0]][30:40] = [None] * 10
        deliver(deployment, city, "exports", FIRST, f"{day}", nem12(day, told, "000000"))
    night(deployment, city, FIRST)
    for day in DAYS:
        late = [value and round(value * 1.1, 3) for value in values[day][POINTS[0]]]
        deliver(deployment, city, "exports", FIRST + DAY, f"late {day}", nem12(day, {POINTS[0]: late}))
    looked, scan = Counter[str](), CityLake.scan

    def counted(self: CityLake, table: Table, key: str) -> pl.LazyFrame:
        looked[key] += table is METER_FINAL
        return scan(self, table, key)

    monkeypatch.setattr(CityLake, "scan", counted)
    night(deployment, city, FIRST + DAY)
    assert len(looked) >= len(DAYS)
    assert max(looked.values()) <= 3, "as it was, as it became, and for what it lacked"
