"""A day against days of its class: what is told, and that an ordinary day is not."""

from datetime import date, timedelta

import polars as pl
import pytest

from quality.past_days import against_past, alike
from quality.tables import AIR_QUALITY

FRIDAY = date(2026, 11, 20)


def hours(day: date, pm25: float = 20.0, count: int = 24, station: str = "43t") -> pl.DataFrame:
    row = {"station_id": station, "product": "hourly", "local_date": day, "pm25_ug_m3": pm25, "temperature_c": 27.0}
    return pl.DataFrame([row] * count, schema={k: v for k, v in AIR_QUALITY.schema.items() if not k.startswith("_")})


PAST = pl.concat([hours(FRIDAY - timedelta(days=back), 18.0 + back) for back in range(1, 5)])


def told(rows: pl.DataFrame, past: pl.DataFrame = PAST) -> dict[str, list[dict[str, object]]]:
    return {each.check: each.sample for each in against_past(AIR_QUALITY, rows, past) if each.verdict == "warn"}


def test_days_of_one_class_are_taken_and_none_that_is_too_old() -> None:
    every = [FRIDAY - timedelta(days=back) for back in range(60)]
    assert alike(FRIDAY, every) == [date(2026, 11, day) for day in (16, 17, 18, 19)]
    assert {each.weekday() for each in alike(date(2026, 11, 15), every)} == {6}


@pytest.mark.parametrize(
    ("rows", "check"),
    [
        (hours(FRIDAY, 0.02), "usual:pm25_ug_m3"),
        (hours(FRIDAY, 200.0), "usual:pm25_ug_m3"),
        (hours(FRIDAY, count=6), "usual-rows"),
        (hours(FRIDAY).clear(), "usual-rows"),
    ],
)
def test_what_is_unlike_the_past_is_told_with_both_figures(rows: pl.DataFrame, check: str) -> None:
    (shown,) = told(rows)[check]
    assert shown["station_id"] == "43t"
    assert {"today", "usual", "ratio"} < set(shown)


def test_an_ordinary_day_a_new_station_and_a_short_past_raise_nothing() -> None:
    assert told(hours(FRIDAY, 35.0)) == {}
    assert told(pl.concat([hours(FRIDAY), hours(FRIDAY, 300.0, station="new")])) == {}
    short = PAST.filter(pl.col("local_date") != FRIDAY - timedelta(days=1))
    assert against_past(AIR_QUALITY, hours(FRIDAY, 0.02), short) == []
