"""A night's step tells of a day that is unlike the days of its class which the lake holds."""

from datetime import date, timedelta

import polars as pl

from assets.cities.registry import City
from assets.lake.files import CityLake
from assets.lake.ingest import ingest
from assets.landing.deployment import Deployment, Step
from quality.tables import VERDICTS, WEATHER
from tests.lake.small_city import D3, deliver, weather

MONDAY = date(2026, 11, 16)


def test_a_day_whose_humidity_is_a_share_is_told_after_four_like_days(deployment: Deployment, city: City) -> None:
    for back, percent in enumerate((70.0, 75.0, 65.0, 72.0, 0.7)):
        day = MONDAY + timedelta(days=back)
        degrees = [25.0 + hour / 4 for hour in range(24)]
        deliver(deployment, city, "weather", day, f"w{back}", weather(day, *degrees, others=percent / 70))
        ingest(Step(deployment, city, day + timedelta(days=1), "test"), WEATHER)
    told = CityLake(deployment.store, city.slug).read(VERDICTS).filter(pl.col("check").str.starts_with("usual"))
    assert told.filter(pl.col("verdict") != "pass").select("day", "check").rows() == [
        (MONDAY + timedelta(days=5), "usual:relative_humidity_pct")
    ]
    assert set(told["day"]) == {MONDAY + timedelta(days=5)}


def test_a_past_day_that_is_run_again_is_not_warned_of_what_has_come_since(deployment: Deployment, city: City) -> None:
    for day in (MONDAY, D3, MONDAY):
        deliver(deployment, city, "weather", day, f"{day}", weather(day, *range(24)))
        ingest(Step(deployment, city, day, "test"), WEATHER)
    told = CityLake(deployment.store, city.slug).read(VERDICTS).filter(check="freshness")
    assert told.select("day", "verdict").sort("day").rows() == [(MONDAY, "pass"), (D3, "pass")]
