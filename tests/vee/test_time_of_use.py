"""Time-of-use rates against what PEA, MEA and the ERC published."""

from datetime import date, timedelta

import pytest

from quality.vee.day_types import Calendar, calendar

PLOUGHING = date(2026, 5, 13)
WEDNESDAY = date(2026, 5, 20)


def off_all_day(first: date, last: date) -> set[date]:
    """Weekdays without a peak."""
    days = [first + timedelta(at) for at in range((last - first).days + 1)]
    return {day for day in days if day.weekday() < 5 and "peak" not in calendar().rates(day, 60)}


def test_a_weekday_has_its_peak_from_nine_to_ten_at_night() -> None:
    """MEA's own export, labelled by the interval's end, has 9:00 as OFF and 9:15 as ON."""
    rates = calendar().rates(WEDNESDAY, 15).to_list()
    assert len(rates) == 96
    starts = {f"{at // 4:02}:{at % 4 * 15:02}": rate for at, rate in enumerate(rates)}
    assert (starts["08:45"], starts["09:00"], starts["21:45"], starts["22:00"]) == ("off", "peak", "peak", "off")
    assert rates.count("peak") == 13 * 4 and rates.count("off") == 11 * 4
    assert calendar().rates(PLOUGHING, 15).to_list() == rates


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 5, 16),  # Saturday
        date(2026, 5, 17),  # Sunday
        date(2026, 5, 1),  # Labour Day
        date(2026, 7, 30),  # Khao Phansa
    ],
)
def test_days_off_have_the_holiday_rate_all_day(day: date) -> None:
    assert calendar().rates(day, 15).to_list() == ["holiday"] * 96


def test_the_days_mea_listed_as_off_peak_for_2564_as_far_as_they_were_read() -> None:
    """https://www.mea.or.th/profile/110/268; 1 May was a Saturday, its substitution on 3 May is not on the list."""
    assert off_all_day(date(2021, 1, 1), date(2021, 5, 26)) == {
        date(2021, 1, 1),
        date(2021, 2, 12),
        date(2021, 2, 26),
        date(2021, 4, 6),
        *(date(2021, 4, day) for day in (12, 13, 14, 15)),
        date(2021, 5, 4),
        date(2021, 5, 26),
    }


def test_the_days_mea_listed_as_off_peak_for_2565_as_far_as_they_were_read() -> None:
    """The same page; 3 January, 2 and 16 May are substitution days, 13 May is Royal Ploughing Day."""
    assert off_all_day(date(2022, 1, 1), date(2022, 7, 15)) == {
        date(2022, 2, 16),
        date(2022, 4, 6),
        *(date(2022, 4, day) for day in (13, 14, 15)),
        date(2022, 5, 4),
        date(2022, 6, 3),
        *(date(2022, 7, day) for day in (13, 14, 15)),
    }


@pytest.mark.parametrize(
    ("day", "peak", "confidence"),
    [
        (date(2020, 4, 13), True, "A"),  # ERC, 18 March 2563: Songkran postponed
        (date(2020, 4, 15), True, "A"),
        (date(2020, 7, 27), False, "B"),  # MEA, July 2563, at second hand: Songkran held later
        (date(2021, 2, 12), False, "A"),  # MEA's list of 2564
        (date(2021, 10, 21), True, "B"),  # MEA, October 2564: a holiday of the central region
        (date(2023, 7, 31), True, "A"),  # MEA, 28 July 2566, under the ERC's announcement of 7 April 2566
    ],
)
def test_special_days_go_both_ways_as_announced(day: date, peak: bool, confidence: str) -> None:
    assert ("peak" in calendar().rates(day, 15)) == peak
    assert calendar().confidence([day]) == confidence


def test_the_older_rate_is_the_same_every_day() -> None:
    for day in (WEDNESDAY, date(2026, 5, 17), date(2026, 4, 13)):
        rates = calendar().rates(day, 30, "tod").to_list()
        assert rates == ["off"] * 16 + ["partial"] * 21 + ["peak"] * 6 + ["off"] * 5
        assert calendar().confidence([day], "tod") == "A"


def test_a_slot_that_two_rates_share_has_none() -> None:
    hours = calendar().rates(WEDNESDAY, 60, "tod").to_list()
    assert [at for at, rate in enumerate(hours) if rate is None] == [18, 21]
    assert calendar().rates(WEDNESDAY, 1440).to_list() == [None]
    assert calendar().rates(date(2026, 5, 17), 1440).to_list() == ["holiday"]


def test_a_year_without_a_confirmed_list_is_provisional_wherever_a_weekday_of_it_is_used() -> None:
    days = [date(2022, 12, 27) + timedelta(at) for at in range(7)]
    assert calendar().confidence(days[:3]) == "B"
    assert calendar().confidence(days[:4]) == "provisional", (
        "30 December 2565 was decided by nobody whose word was seen"
    )
    assert calendar().confidence([date(2026, 6, 10)]) == "provisional"
    assert calendar().confidence([date(2026, 6, 13)]) == "A", "no list moves a Saturday"
    assert Calendar({}).confidence([WEDNESDAY]) == "provisional"
    assert Calendar({}).rates(WEDNESDAY, 15).to_list() == calendar().rates(WEDNESDAY, 15).to_list()
    assert calendar().confidence([]) == "A"
