"""Energy of days: what the published quarter-hours add up to, and nothing that they do not tell."""

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.lake import derive, stale_days
from assets.lake.daily_energy import of_cells
from assets.lake.derive import DERIVED
from assets.lake.files import CityLake
from assets.landing.deployment import Step
from quality.tables import DAILY_ENERGY, LOAD_PROFILE
from quality.vee.day_types import calendar
from quality.verdicts import contract, keys, structure
from tests.lake.small_city import deployment_at, small_city

FRIDAY, SATURDAY, LABOUR_DAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 5, 1)


def cells(seed: int, days: tuple[date, ...] = (FRIDAY, SATURDAY, LABOUR_DAY)) -> pl.DataFrame:
    """Published quarter-hours of three cells a day; of one a quarter-hour is not known."""
    chance, rows = random.Random(seed), []
    for day, (zone, of) in itertools.product(days, [("north", "residential"), ("north", "other"), ("other", "other")]):
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=7)
        band, share = chance.choice(["15-29", "1000+"]), chance.choice([0.8, 0.95, None])
        for quarter in range(96):
            known = (zone, of, day, quarter) != ("north", "other", FRIDAY, 50)
            rows.append(
                {
                    "zone": zone,
                    "customer_class": of,
                    "start": midnight + timedelta(minutes=15 * quarter),
                    "local_date": day,
                    "kwh": chance.randrange(0, 400) if known else None,
                    "n_band": band,
                    "actual_share": chance.randrange(15, 21) / 20,
                    "zone_share": share,
                    "zone_lacks": None if share is None else "large_business",
                }
            )
    return pl.DataFrame(rows, schema=LOAD_PROFILE.schema)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_the_quarter_hours_add_up_to(seed: int) -> None:
    published = cells(seed)
    made = of_cells(published.sample(fraction=1, shuffle=True, seed=seed), calendar())
    for check in (structure, keys, contract):
        assert check(DAILY_ENERGY, made).verdict == "pass"
    expected = {}
    for row in published.iter_rows(named=True):
        local = row["start"].astimezone(UTC) + timedelta(hours=7)
        weekday = row["local_date"] == FRIDAY
        rate = ("peak" if 9 <= local.hour < 22 else "off") if weekday else "holiday"
        key = (row["zone"], row["customer_class"], row["local_date"], rate)
        expected.setdefault(key, []).append(row)
    assert [tuple(row) for row in made.select(DAILY_ENERGY.key).iter_rows()] == sorted(expected)
    for row in made.iter_rows(named=True):
        quarters = expected[tuple(row[name] for name in DAILY_ENERGY.key)]
        values = [quarter["kwh"] for quarter in quarters]
        assert row["hours"] == len(values) / 4 == {"peak": 13, "off": 11, "holiday": 24}[row["tou_rate"]]
        mean = sum(round(20 * quarter["actual_share"]) for quarter in quarters) / len(quarters) / 20
        assert mean - 0.05 < row["valid_share"] <= mean + 1e-9
        if None in values:
            assert row["kwh"] is row["peak_kw"] is row["load_factor"] is None
            continue
        assert (row["kwh"], row["peak_kw"]) == (sum(values), 4 * max(values))
        assert row["load_factor"] == pytest.approx(float(sum(values) / len(values) / max(values)), abs=1e-4)
    unknown = made.filter(pl.col("kwh").is_null())
    assert unknown.rows() == made.filter(zone="north", customer_class="other", tou_rate="peak").rows()


@pytest.mark.parametrize("seed", range(5))
def test_days_made_together_and_one_by_one_are_the_same_to_the_bit(seed: int) -> None:
    published = cells(seed)
    alone = [of_cells(part, calendar()) for part in published.partition_by("zone", "customer_class", "local_date")]
    assert_frame_equal(pl.concat(alone).sort(DAILY_ENERGY.key), of_cells(published, calendar()), check_exact=True)


def test_it_knows_nothing_but_published_cells() -> None:
    """Whoever has the published quarter-hours can make it: a city whose lake holds other meters has the same."""
    published = cells(1)
    assert of_cells(published, calendar()).equals(of_cells(pl.concat([published[:96], published[96:]]), calendar()))
    fewer = published.filter(pl.col("zone") != "other")
    assert "other" not in of_cells(fewer, calendar())["zone"].to_list()
    assert of_cells(published.clear(), calendar()).equals(DAILY_ENERGY.empty())


def test_a_night_makes_the_days_that_changed_and_those_that_are_lacking(tmp_path: Path) -> None:
    """A day that nobody noted keeps what it has, which tells that it was not made again."""
    [derived] = [each for each in DERIVED if each.table is DAILY_ENERGY]
    city = small_city()
    deployment = deployment_at(tmp_path, city)
    lake, step = CityLake(deployment.store, city.slug), Step(deployment, city, date(2026, 11, 22), "test")
    first, second = (cells(seed, (FRIDAY, SATURDAY)) for seed in (1, 2))
    lake.put(LOAD_PROFILE, FRIDAY, first.filter(local_date=FRIDAY))
    derive.derive(step, derived)
    assert lake.read(DAILY_ENERGY).equals(of_cells(first.filter(local_date=FRIDAY), calendar()))
    lake.put(LOAD_PROFILE, FRIDAY, second.filter(local_date=FRIDAY))
    lake.put(LOAD_PROFILE, SATURDAY, second.filter(local_date=SATURDAY))
    derive.derive(step, derived)
    mixed = pl.concat([first.filter(local_date=FRIDAY), second.filter(local_date=SATURDAY)])
    assert lake.read(DAILY_ENERGY).sort(DAILY_ENERGY.key).equals(of_cells(mixed, calendar()))
    stale_days.note(lake, LOAD_PROFILE, [FRIDAY])
    derive.derive(step, derived)
    assert lake.read(DAILY_ENERGY).sort(DAILY_ENERGY.key).equals(of_cells(second, calendar()))
    assert stale_days.noted(lake, LOAD_PROFILE) == []
    stale_days.note(lake, LOAD_PROFILE, [FRIDAY])
    lake.put(LOAD_PROFILE, FRIDAY, LOAD_PROFILE.empty())
    derive.derive(step, derived)
    assert lake.days(DAILY_ENERGY) == [SATURDAY]
