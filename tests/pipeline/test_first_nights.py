"""A city's first nights ask for the past: two years of weather and the half-year that Air4Thai serves."""

from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from assets.landing.archive import Archive
from assets.landing.store import LocalStore
from assets.sources.past import named
from tests.home import Home


@pytest.mark.trial
def test_two_years_come_in_three_nights_each_month_once(tmp_path: Path) -> None:
    home, asked = Home(tmp_path / "home"), []
    for _ in range(4):
        home.muang("nightly", "--profile", "demo", "--city", "phuket", MUANG_DEMO_PAST="true")
        receipts = Archive(LocalStore(home.home)).receipts("phuket")
        asked.append(Counter(receipt.source for receipt in receipts if named(receipt.name)))
    new = [after["weather_archive"] - before["weather_archive"] for before, after in pairwise(asked)]
    assert asked[0]["weather_archive"] == 13, "the newest week that it has, and twelve months"
    assert new[0] == 12 and new[1] in (0, 1) and new[2] == 0, "24 or 25 calendar months"
    spans = [named(receipt.name) for receipt in receipts if receipt.source == "weather_archive"]
    days = Counter(day for first, last in spans for day in range(first.toordinal(), last.toordinal() + 1))
    assert set(days.values()) == {1}, "no day is asked for twice"
    [row] = home.sql("select count(distinct local_date) as days, min(local_date) as first from lake.weather")
    assert row["days"] >= len(days) > 720 and date.fromisoformat(str(row["first"])) <= min(
        date.fromordinal(day) for day in days
    )
