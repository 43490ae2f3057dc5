"""Calendars against what utilities announced, against another list of holidays, and in how days are alike."""

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest

from quality.vee.day_types import CALENDARS, DAY_TYPES, Calendar, calendar

FIRST, LAST = 2016, 2027
KNOWN = [date(FIRST, 1, 1) + timedelta(at) for at in range((date(LAST, 12, 31) - date(FIRST, 1, 1)).days + 1)]


def types(first: str, last: str, of: Calendar | None = None) -> list[str]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    days = [start + timedelta(at) for at in range((end - start).days + 1)]
    return [DAY_TYPES[code] for code in (of or calendar()).day_types(days)]


def test_every_year_from_2016_to_2027_has_a_file_that_says_where_it_is_from() -> None:
    years = calendar().years
    assert sorted(years) == list(range(FIRST, LAST + 1))
    assert all(len(year.source) > 20 and len(year.days) >= 19 for year in years.values())


def test_a_substitution_day_is_a_weekday_soon_after_the_holiday_it_stands_for() -> None:
    days = {day: told for year in calendar().years.values() for day, told in year.days.items()}
    for day, told in days.items():
        if told.kind != "substitution":
            continue
        assert day.weekday() < 5
        before = [day - timedelta(back) for back in range(1, 6)]
        stands = [each for each in before if each in days and days[each].kind == "holiday" and each.weekday() >= 5]
        assert stands or told.source, f"{day} stands for no holiday of the days before, and no announcement moves it"


def test_holidays_on_weekends_have_a_substitution_day_unless_the_cabinet_gave_none() -> None:
    """Government holidays that fall on a weekend, Labour Day too, are made up for; of neighbours (Songkran, Asalha and
    Khao Phansa, New Year) one day is."""
    days = {day: told for year in calendar().years.values() for day, told in year.days.items()}
    bare = [
        day
        for day, told in days.items()
        if told.kind == "holiday"
        and day.weekday() >= 5
        and not any(
            days.get(day + timedelta(on)) and days[day + timedelta(on)].kind == "substitution" for on in range(1, 6)
        )
    ]
    assert {f"{day}" for day in bare} == {
        "2020-12-05",  # moved to 11 December
        "2021-10-23",  # moved to the Friday before
        "2023-12-31",  # moved to the Friday before
    }


@pytest.mark.real
def test_the_holidays_are_those_of_a_library_but_for_what_announcements_moved(real_data: Path) -> None:
    """The list is of ``holidays`` 0.109, which follows the Bank of Thailand where the cabinet differs."""
    with (real_data / "open_data" / "thai_holidays" / "th_holidays_2019_2027.csv").open(encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row["category"] in ("public", "government")]
    listed = {date.fromisoformat(row["date"]) for row in rows if row["name_en"] != "National Children's Day"}
    ours = {day for year in calendar().years.values() for day in year.days if day.year >= 2019}
    assert {f"{day}" for day in listed - ours} == {"2020-12-07", "2021-10-25"}
    assert {f"{day}" for day in ours - listed} == {
        *(f"2020-04-{day}" for day in (13, 14, 15)),  # told as working days
        "2021-10-21",
        "2021-10-22",
    }


def test_days_off_of_every_kind_are_like_sundays_and_ploughing_day_is_not() -> None:
    assert types("2026-05-29", "2026-06-04") == [
        "weekday",
        "saturday",
        "holiday",  # Sunday, Visakha Bucha
        "holiday",  # made up for
        "weekday",
        "holiday",  # Queen Suthida's Birthday
        "weekday",
    ]
    assert types("2026-05-13", "2026-05-13") == ["weekday"]
    assert types("2025-06-02", "2025-06-02") == ["holiday"], "an extra day of the cabinet"
    assert types("2019-04-06", "2019-04-08") == ["holiday"] * 3, "a holiday on a Saturday, and its Monday"


def test_songkran_and_new_year_are_special_with_the_days_off_that_join_them() -> None:
    assert types("2026-04-10", "2026-04-16") == ["weekday", *["special"] * 5, "weekday"]
    assert types("2024-04-11", "2024-04-17") == ["weekday", *["special"] * 5, "weekday"]
    assert types("2025-12-30", "2026-01-05") == ["weekday", *["special"] * 5, "weekday"]
    assert types("2031-04-12", "2031-04-16") == ["special"] * 4 + ["weekday"], "a year without a file"


def test_what_is_special_is_a_setting() -> None:
    loy_krathong = Calendar(calendar().years, festivals=frozenset({(11, 24)}))
    assert types("2026-11-23", "2026-11-25", loy_krathong) == ["weekday", "special", "weekday"]
    assert "special" not in types("2026-04-01", "2026-04-30", loy_krathong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("kind: ploughing", "kind: plowing"), "plowing"),
        (("2026-05-13", "2025-05-13"), "2025-05-13 of another year"),
        (("    rate: peak\n", ""), "only the utility knows the rate"),
        (("confidence: provisional\nsource", "confidence: sure\nsource"), "sure"),
        (("days:\n", "days: [\n"), "2026.yaml"),
        (("name: Royal", "nmae: Royal"), "nmae"),
    ],
)
def test_a_calendar_with_a_slip_is_refused_by_name(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = (CALENDARS / "2026.yaml").read_text(encoding="utf-8")
    assert change[0] in text
    (tmp_path / "2026.yaml").write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(ValueError, match=r"2026\.yaml") as refused:
        Calendar.read(tmp_path)
    assert message in str(refused.value)
