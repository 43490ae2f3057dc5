"""A day against days of its class: what is told, and that an ordinary day is not."""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import pytest

from quality.past_days import against_past, alike, repeated
from quality.tables import AIR_QUALITY, RAINFALL

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


def a_day(day: date, values: list[float], station: str = "43t") -> pl.DataFrame:
    begin = datetime.combine(day, time(), UTC) - timedelta(hours=7)
    return hours(day, count=len(values), station=station).with_columns(
        start=pl.Series([begin + timedelta(hours=hour) for hour in range(len(values))], dtype=pl.Datetime("us", "UTC")),
        pm25_ug_m3=pl.Series(values),
    )


def again(rows: pl.DataFrame, *past: pl.DataFrame) -> list[tuple[str, date]]:
    [verdict] = repeated(AIR_QUALITY, rows, pl.concat(past))
    assert verdict.check == "day-repeated"
    return [(str(shown["column"]), shown["before"]) for shown in verdict.sample]


VARIED = [10.0 + hour % 9 for hour in range(24)]
EVE = FRIDAY - timedelta(days=1)


def test_a_day_whose_hours_are_those_of_a_day_before_is_told_with_that_day() -> None:
    other = a_day(FRIDAY - timedelta(days=2), [*VARIED[1:], 9.0])
    assert again(a_day(FRIDAY, VARIED), other, a_day(EVE, VARIED)) == [("pm25_ug_m3", EVE)]
    assert again(a_day(FRIDAY, VARIED[:20]), a_day(EVE, VARIED)) == [("pm25_ug_m3", EVE)], (
        "hours that are still to come"
    )
    assert again(a_day(FRIDAY, [*VARIED[:23], 99.0]), a_day(EVE, VARIED)) == []
    assert again(a_day(FRIDAY, VARIED), a_day(EVE, VARIED, station="44t")) == []
    still = [20.0] * 24
    assert again(a_day(FRIDAY, still), a_day(EVE, still)) == [], "that is told as frozen"


@pytest.mark.parametrize(("mm", "then", "found"), [(1.5, 1.5, 1), (1.5, 2.5, 0), (0.0, 0.0, 0)])
def test_one_reading_a_station_is_held_against_those_of_all_stations(mm: float, then: float, found: int) -> None:
    def rain(day: date, each: float) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "station_id": [f"{number}" for number in range(10)],
                "end": [datetime.combine(day, time(18), UTC)] * 10,
                "hours": [24] * 10,
                "local_date": [day] * 10,
                "rain_mm": [each * number for number in range(10)],
            },
            schema_overrides={"end": pl.Datetime("us", "UTC")},
        )

    [verdict] = repeated(RAINFALL, rain(FRIDAY, mm), rain(EVE, then))
    assert verdict.failed == found
