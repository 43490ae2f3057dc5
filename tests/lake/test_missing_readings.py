"""Missing readings: since when, how often asked for, and what closed them, whatever the order of nights."""

from pathlib import Path

import polars as pl

from assets.cities.registry import City
from assets.lake.files import CityLake
from assets.landing.deployment import Deployment
from quality.tables import MISSING_READINGS, VERDICTS
from tests.lake.judged_town import DAYS, LATE, POINTS, load, made, nem12, night, town, whole
from tests.lake.small_city import deliver
from tests.lake.test_meter_decisions import decision, meter

DAY, SOON, LATER = DAYS[0], DAYS[1], DAYS[3]


def ranges(deployment: Deployment, city: City, point: str) -> list[dict[str, object]]:
    rows = CityLake(deployment.store, city.slug).read(MISSING_READINGS)
    local = pl.col("start", "end").dt.convert_time_zone("Asia/Bangkok").dt.strftime("%H:%M")
    told = rows.filter(meter_id=meter(deployment, city, point)).with_columns(local)
    return told.select("start", "end", "intervals", "since", "asked", "asked_last", "closed_on", "closed_by").to_dicts()


def send(deployment: Deployment, city: City) -> dict[str, str]:
    """A day with two gaps and a silent meter; then one gap and half of the other are filled, and the silent one is."""
    first = {point: values for point, values in whole(DAY).items() if point != POINTS[5]}
    first[POINTS[0]][40:50] = [None] * 10
    first[POINTS[0]][80:] = [None] * 16
    first[POINTS[1]][3] = None
    some = [None] * 45 + load(POINTS[0], DAY)[45:50] + [None] * 30 + load(POINTS[0], DAY)[80:]
    again = {POINTS[0]: [value and value * 1.01 for value in some]}
    asked = decision("ask", POINTS[0], DAY, "10:30-11:30", at=f"{SOON} 09:00")
    twice = decision("ask", POINTS[0], DAY, "08:00-10:30", at=f"{LATER} 09:00")
    return {
        name: deliver(deployment, city, source, day, f"{name}.csv", data)
        for name, source, day, data in [
            ("first", "exports", DAY, nem12(DAY, first)),
            ("asked", "decisions", SOON, asked),
            ("twice", "decisions", LATER, twice),
            ("some", "exports", SOON, nem12(DAY, {POINTS[0]: some})),
            ("silent", "exports", LATER, nem12(DAY, {POINTS[5]: load(POINTS[5], DAY)})),
            ("again", "exports", LATER, nem12(DAY, again)),
        ]
    }


def test_a_range_tells_since_when_how_often_asked_and_what_closed_it(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    receipts = send(deployment, city)
    night(deployment, city, LATE)
    common = {"since": DAY, "asked": 0, "asked_last": None}
    some = {"closed_on": SOON, "closed_by": receipts["some"]}
    assert ranges(deployment, city, POINTS[0]) == [
        {"start": "10:00", "end": "11:15", "intervals": 5, "since": DAY, "asked": 2, "asked_last": LATER}
        | {"closed_on": None, "closed_by": None},
        {"start": "11:15", "end": "12:30", "intervals": 5, "since": DAY, "asked": 1, "asked_last": SOON} | some,
        {"start": "20:00", "end": "00:00", "intervals": 16} | common | some,
    ], "a correction of a value that had come closes nothing"
    whole_day = {"start": "00:00", "end": "00:00", "intervals": 96, "closed_on": LATER, "closed_by": receipts["silent"]}
    assert ranges(deployment, city, POINTS[5]) == [whole_day | common]
    assert ranges(deployment, city, POINTS[2]) == []
    told = CityLake(deployment.store, city.slug).day(VERDICTS, LATE).filter(table=MISSING_READINGS.name)
    unasked = told.filter(check="missing-unasked").row(0, named=True)
    assert (unasked["checked"], unasked["failed"], unasked["verdict"]) == (5, 0, "pass"), "nothing newer has come"
    for name in ("missing-unasked",):
        assert not any(point in told.filter(check=name)["message"][0] for point in POINTS)
    deliver(deployment, city, "exports", LATE, "new.csv", nem12(DAYS[8], {POINTS[0]: load(POINTS[0], DAYS[8])}))
    night(deployment, city, LATE)
    told = CityLake(deployment.store, city.slug).day(VERDICTS, LATE).filter(table=MISSING_READINGS.name)
    unasked = told.filter(check="missing-unasked").row(0, named=True)
    days = len(DAYS[1:8]) * len(POINTS)
    assert (unasked["failed"], unasked["verdict"]) == (1 + days, "warn"), "an interval, and the days between"


def test_nights_in_any_grouping_leave_the_same(tmp_path: Path) -> None:
    towns = []
    for name, nights in {"one": [LATE], "each": [DAY, SOON, LATER, LATE], "late": [LATER, LATE]}.items():
        deployment, city = town(tmp_path / name)
        send(deployment, city)
        for day in nights:
            night(deployment, city, day)
        towns.append(made(deployment))
    assert towns[0] == towns[1] == towns[2]


STRANGER = "020012340099"


def silent(deployment: Deployment, city: City) -> tuple[int, int, str, str]:
    told = (
        CityLake(deployment.store, city.slug)
        .day(VERDICTS, LATE)
        .filter(table=MISSING_READINGS.name, check="missing-silent")
    )
    (row,) = told.select("checked", "failed", "verdict", "message").rows()
    return row


def test_a_meter_that_was_read_the_day_before_is_missed_though_no_register_lists_it(tmp_path: Path) -> None:
    for name, first, nights in (("in turn", DAY, (DAY, SOON, LATE)), ("the day before late", LATE, (SOON, LATE))):
        deployment, city = town(tmp_path / name)
        before = whole(DAY) | {STRANGER: load(STRANGER, DAY)}
        deliver(deployment, city, "exports", first, "a.csv", nem12(DAY, before))
        deliver(deployment, city, "exports", SOON, "b.csv", nem12(SOON, dict([*whole(SOON).items()][:5])))
        for day in nights:
            night(deployment, city, day)
        (gone,) = ranges(deployment, city, STRANGER)
        assert (gone["start"], gone["end"], gone["intervals"]) == ("00:00", "00:00", 96)
        assert (gone["since"], gone["closed_on"]) == (SOON, None)
        checked, failed, grade, message = silent(deployment, city)
        assert (checked, failed, grade) == (7, 2, "warn")
        assert f"nothing of {SOON}; 2 of them since that day, of which 2 were read the day before" in message
    deliver(deployment, city, "exports", LATE, "c.csv", nem12(SOON, {STRANGER: load(STRANGER, SOON)}))
    night(deployment, city, LATE)
    assert [each["closed_on"] for each in ranges(deployment, city, STRANGER)] == [LATE]
    assert silent(deployment, city)[:3] == (7, 1, "warn")


def test_a_meter_that_stays_silent_is_noted_and_one_that_is_back_is_not(tmp_path: Path) -> None:
    deployment, city = town(tmp_path)
    for day in DAYS[:3]:
        some = [*whole(day).items()][: 6 if day == DAYS[2] else 5]
        deliver(deployment, city, "exports", day, f"{day}.csv", nem12(day, dict(some)))
    told = []
    for day in DAYS[:3]:
        night(deployment, city, day)
        rows = CityLake(deployment.store, city.slug).day(VERDICTS, day).filter(check="missing-silent")
        told += rows.select("failed", "verdict").rows()
    assert told == [(1, "warn"), (1, "note"), (0, "pass")]
