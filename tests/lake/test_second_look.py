"""Gaps are estimated once more when the fortnight after them is there, whatever came when."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random

import polars as pl
import pytest

from assets.lake import stale_days
from assets.lake.files import CityLake
from assets.lake.meter_days import DAY
from assets.lake.second_look import AFTER
from assets.landing.deployment import Deployment
from quality.tables import METER_INTERVALS
from quality.vee.gaps import SPAN
from tests.lake.judged_town import POINTS, Values, final, load, made, nem12, night, town
from tests.lake.small_city import D1, deliver
from tests.lake.test_meter_final import cut_short

DAYS = [D1 + at * DAY for at in range(AFTER + 6)]
NIGHT = DAYS[-1] + 40 * DAY
GAP = slice(20, 60)

Files = Sequence[tuple[str, bytes]]


def of(day: date, points: Sequence[str] = POINTS[:3]) -> dict[str, list[float | None]]:
    return {point: load(point, day) for point in points}


def gappy(day: date, *points: str) -> Values:
    told = of(day)
    for point in points:
        told[point][GAP] = [None] * 40
    return told


def nights(folder: Path, *parts: Files, cut: int | None = None) -> Deployment:
    """The store after a night of each part; those after the first are cut short, and repeated."""
    deployment, city = town(folder)
    for at, part in enumerate(parts):
        for name, data in part:
            deliver(deployment, city, "exports", NIGHT, name, data)
        if cut and at:
            cut_short(deployment, city, cut, NIGHT + at * DAY)
        night(deployment, city, NIGHT + at * DAY)
    return deployment


def file(day: date, values: Values, stamp: str = "000000") -> tuple[str, bytes]:
    return f"{day}-{stamp}", nem12(day, values, stamp)


def test_a_gap_of_the_first_day_sees_the_fortnight_after_it_and_no_more(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    found, seen = [], []
    for at in (0, 1, 7, AFTER, AFTER + 1):
        day = DAYS[at]
        deliver(deployment, city, "exports", day, *file(day, of(day) if at else gappy(day, POINTS[0])))
        if at >= 7:
            night(deployment, city, day)
            found.append(final(deployment, city, DAYS[0]).filter(pl.col("reference_days").is_not_null()))
            seen.append(max(days.bit_length() - 1 - SPAN for days in found[-1]["reference_days"]))
    assert seen == [1, AFTER, AFTER]
    assert found[1].equals(found[2])
    told = sum(value or 0 for value in load(POINTS[0], DAYS[0])[GAP])
    assert float(found[1]["value_final"].sum()) == pytest.approx(told, rel=0.1)


def some_files(chance: Random) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    """Half of the days, with gaps, and what comes late: gaps closed, a day otherwise, or a thousandfold."""
    days = sorted(chance.sample(DAYS, len(DAYS) // 2))
    sent = [file(day, gappy(day, *chance.sample(POINTS[:3], chance.choice([0, 1, 2])))) for day in days]
    late = []
    for at in range(4):
        day, point, factor = chance.choice(days), chance.choice(POINTS[:3]), chance.choice([1, 1.3, 1000])
        late.append(file(day, {point: [value and value * factor for value in load(point, day)]}, f"23595{at}"))
    return sent, late


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.trial) for seed in range(1, 16))])
def test_nights_leave_what_one_of_all_deliveries_does(tmp_path: Path, seed: int) -> None:
    """Days come last that the second look of others waits for, or that it sees; nights are cut short."""
    chance = Random(seed)
    sent, late = some_files(chance)
    straight = nights(tmp_path / "straight", [*sent, *late])
    held_back = chance.sample(sent, 4) if seed % 2 else sent[-4:]
    rest = [each for each in sent if each not in held_back]
    parts = [rest, [*held_back[:2], *late[:2]], [*held_back[2:], *late[2:]]]
    crooked = nights(tmp_path / "crooked", *parts, cut=chance.randint(1, 12))
    one, other = made(straight), made(crooked)
    assert [key for key in {**one, **other} if one.get(key) != other.get(key)] == []
    lake = CityLake(crooked.store, next(iter(crooked.cities)))
    assert stale_days.noted(lake, METER_INTERVALS) == []
