"""Whole days of which no readings came: the days between those that are there, and those that are due."""

from collections.abc import Collection
from datetime import date, timedelta

import polars as pl

from assets.lake.files import CityLake, Written
from quality.tables import DELIVERIES, METER_DECISIONS, METER_INTERVALS, METER_QUALITY, MISSING_READINGS
from quality.vee.missing import absent, absent_day, day_verdict, meters_read, overdue
from quality.verdicts import Verdict

TOLD = timedelta(days=35)
"""How long an absent day is told, and how far back deliveries tell when the next one is due: until the month's bill."""


def make(lake: CityLake, made: Collection[date]) -> list[Written]:
    """List what is missing of absent days: of those that are not listed, or were told of in decisions, and those of
    which the last day before was ``made``. Of days that are absent no more, as the one after them is gone, nothing is.
    """
    there, listed = lake.days(METER_INTERVALS), set(lake.days(MISSING_READINGS))
    days = absent(there)
    told = lake.read(METER_DECISIONS, (min(days), max(days))) if days else METER_DECISIONS.empty()
    due = {
        day: before
        for day, before in days.items()
        if day not in listed or any(before <= each < day for each in made) or (told["local_date"] == day).any()
    }
    missing = {
        day: absent_day(day, lake.day(METER_QUALITY, before), told.filter(local_date=day))
        for day, before in due.items()
    }
    missing |= dict.fromkeys(listed.difference(there, days), MISSING_READINGS.empty())
    return [file for day, rows in sorted(missing.items()) for file in lake.put(MISSING_READINGS, day, rows)]


def verdict(lake: CityLake, tonight: date) -> Verdict | None:
    """The verdict on days that are absent by ``tonight``; None where no readings ever came."""
    there = [day for day in lake.days(METER_INTERVALS) if day < tonight]
    if not there:
        return None
    since = tonight - TOLD
    days = [day for day in absent(there) if day >= since] + overdue(there[-1], _came(lake, tonight), tonight)
    read = meters_read(lake.day(METER_QUALITY, there[-1]))["meter_id"].n_unique() if days else 0
    return day_verdict(days, len([day for day in there if day >= since]) + len(days), read)


def _came(lake: CityLake, tonight: date) -> dict[date, tuple[date, date]]:
    """Delivery days that brought readings of newer days, with the newest day before and after each."""
    booked = lake.read(DELIVERIES, (tonight - TOLD, tonight)).filter(table=METER_INTERVALS.name)
    held = booked.select(delivered="day", held="held").explode("held").drop_nulls("held").unnest("held")
    newest, found = date.min, dict[date, tuple[date, date]]()
    for delivered, day in held.group_by("delivered").agg(pl.max("day")).sort("delivered").iter_rows():
        if day > newest:
            if newest > date.min:
                found[delivered] = newest, day
            newest = day
    return found
