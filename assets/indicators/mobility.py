"""Smart Mobility: public transport within the city's reach, deaths and accidents on roads, and events of the day.

Names are those of the ISO 37120 and U4SSC families where one fits (traffic deaths per 100,000 inhabitants). What is
told of a province is divided by the province's inhabitants only; departures within a circle are divided by nobody,
for nobody counts who lives in it.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import YEARLY_MAX_AGE, Basis, Indicator, Period, absent, nothing
from assets.indicators.inhabitants import Registered, registered
from assets.indicators.road_deaths import by_year
from assets.indicators.tables import Tables, newest
from assets.sources import gtfs, mot_accidents
from quality.contracts import Table
from quality.tables import ROAD_ACCIDENTS, ROAD_CASUALTIES, ROAD_EVENTS, TRANSIT_SERVICE, TRANSIT_STOPS

BEFORE = 3
"""Years that a year's deaths are held against: one is chance in a small province, in more than three roads change."""


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Stops and departures in reach, age of the feeds, deaths and accidents of a year, events of the day before.

    A table without a source says nothing as long as another one does.
    """
    found: list[Indicator] = []
    for table, family in _FAMILIES:
        if tables.has(table):
            some = bool((tables.get(table)[table.day] <= day).any())
            found += family(city, day, tables) if some else absent(table, tables, day)
    return found or absent(TRANSIT_STOPS, tables, day)


def _reach(city: City, readers: Collection[str], default: float) -> float:
    """Greatest reach of the city's sources by these readers."""
    entries = [entry for entry in city.sources.values() if entry.reader in readers]
    return max((float(entry.options.get("within_km", default)) for entry in entries), default=default)


def _expired(rows: pl.DataFrame, day: date, what: str = "the feed") -> str | None:
    """That the validity of a feed, or of a part of it, is over."""
    ends = rows["feed_end_date"].min()
    return f"{what} expired on {ends}" if isinstance(ends, date) and ends < day else None


def _stops(city: City, day: date, tables: Tables) -> list[Indicator]:
    stops = newest(tables.get(TRANSIT_STOPS), "reference_date", day, "feed")
    feeds = stops["feed"].unique().sort()
    reach = _reach(city, gtfs.READERS, gtfs.WITHIN_KM)
    where = f"within {reach:g} km of the city's point"
    density, area = stops.height / (math.pi * reach**2), f"stops {where} over the area of that circle"
    period = Period.of(stops["reference_date"])
    age = float((day - period.first).days)
    basis = Basis(
        "mobility",
        period,
        f"{TRANSIT_STOPS.name}, feed {', '.join(feeds)}",
        stale=_expired(stops, day),
        partial=f"{len(feeds)} feeds may name one stop each in their own way" if len(feeds) > 1 else None,
    )
    return [
        Indicator("stops_in_reach", "Stops in reach", float(stops.height), "stops", f"stops {where}", basis),
        Indicator("stops_per_km2", "Stops per km² of reach", density, "1/km²", area, basis),
        Indicator("feed_age", "Age of the feed", age, "days", "days since the oldest feed's version", basis),
    ]


def _service(city: City, day: date, tables: Tables) -> list[Indicator]:
    service = newest(tables.get(TRANSIT_SERVICE), "reference_date", day, "feed")
    weekday = service.filter(day_type="weekday")
    counted = sorted({f"{one}" for one in weekday["service_date"]})
    return [
        Indicator(
            "departures_weekday",
            "Departures on a weekday",
            float(weekday["departures"].sum()) if weekday.height else None,
            "departures",
            f"scheduled departures from stops in reach on {', '.join(counted)}, the middle of five weekdays",
            Basis(
                "mobility",
                Period.of(service["reference_date"]),
                f"{TRANSIT_SERVICE.name}, feed {', '.join(service['feed'].unique().sort())}",
                withheld=None if weekday.height else "no service runs on a weekday",
                stale=_expired(weekday, day, "the timetable that was counted"),
            ),
        )
    ]


def _casualties(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Deaths of the newest year that is over, of the city's province: the least area that is published."""
    code, title = "road_deaths", "Traffic deaths a year"
    years = by_year(tables.get(ROAD_CASUALTIES), city.province_th)
    deaths = years.filter(pl.col("outcome") == "death", pl.col("year") < day.year)
    if deaths.is_empty():
        return [nothing("mobility", code, title, day, "no year of the city's province is whole")]
    year = deaths.row(-1, named=True)
    people = registered(city, day, tables, "province")
    if 0 < year["months"] < 12:
        partial = f"{year['months']} of 12 months have a number; the publisher's total of the year is told"
    elif year["stated"] not in (None, year["persons"]):
        partial = f"the publisher's total {year['stated']:,} differs from the sum of its months {year['persons']:,}"
    else:
        partial = None
    basis = Basis(
        "mobility",
        Period.year(year["year"]),
        f"{ROAD_CASUALTIES.name}, {year['dataset']}",
        max_age=YEARLY_MAX_AGE,
        partial=partial,
    )
    method = f"killed on all roads of the province {city.province_th}, as published"
    count = Indicator(code, title, float(year["persons"]), "persons", method, basis)
    return [count, _per_inhabitant(year["persons"], people, method, basis), _against_before(deaths, method, basis)]


def _per_inhabitant(persons: int, people: Registered | None, method: str, basis: Basis) -> Indicator:
    code, title, unit = "road_deaths_per_100k", "Traffic deaths per 100,000 inhabitants", "1/100,000"
    if not people:
        unknown = replace(basis, withheld="no count of the province's registered inhabitants")
        return Indicator(code, title, None, unit, method, unknown)
    rate = 100_000 * persons / people.persons if people.persons else None
    method += f", per 100,000 of its {people.persons:,} registered inhabitants of {people.day}"
    return Indicator(code, title, rate, unit, method, replace(basis, sources=f"{basis.sources}; population"))


def _against_before(deaths: pl.DataFrame, method: str, basis: Basis) -> Indicator:
    """Deaths of the last year against the mean of the ``BEFORE`` years before it."""
    *earlier, last = deaths.select("year", "persons").rows()
    before = [persons for year, persons in earlier if last[0] - BEFORE <= year < last[0]]
    mean = sum(before) / BEFORE
    lacking = f"{len(before)} of the {BEFORE} years before are whole" if len(before) < BEFORE else None
    return Indicator(
        "road_deaths_against_before",
        f"Traffic deaths against the mean of the {BEFORE} years before",
        100 * (last[1] - mean) / mean if mean and not lacking else None,
        "%",
        f"{method}; change against the mean of {last[0] - BEFORE} to {last[0] - 1}",
        replace(basis, withheld=lacking or (None if mean else "nobody was killed in the years before")),
    )


def _accidents(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Accidents and deaths of the newest year that is over: the file of the running year grows."""
    code, title = "state_road_accidents", "Accidents on state roads a year"
    table = tables.get(ROAD_ACCIDENTS)
    year = table.select(year=pl.col("local_date").dt.year()).filter(pl.col("year") < day.year)["year"].max()
    if not isinstance(year, int):
        return [nothing("mobility", code, title, day, "no year that is over has been published")]
    rows = table.filter(pl.col("local_date").dt.year() == year)
    reach = _reach(city, (mot_accidents.MOT_ACCIDENTS.name,), mot_accidents.WITHIN_KM)
    method = f"on the Ministry of Transport's roads within {reach:g} km of the city's point; no municipal streets"
    sources = f"{ROAD_ACCIDENTS.name}, {', '.join(rows['dataset'].unique().sort())}"
    basis = Basis("mobility", Period.year(year), sources, max_age=YEARLY_MAX_AGE)
    deaths = rows["deaths"]
    stated = replace(basis, coverage=1 - deaths.null_count() / rows.height)
    return [
        Indicator(code, title, float(rows.height), "accidents", method, basis),
        Indicator("state_road_deaths", "Deaths on state roads a year", float(deaths.sum()), "persons", method, stated),
    ]


def _events(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Events that began on the day before. None at all is no zero: a feed that fell silent looks alike."""
    table = tables.get(ROAD_EVENTS)
    before = day - timedelta(days=1)
    events = table.filter(pl.col("local_date") == before)
    kinds = ", ".join(f"{count} {kind}" for kind, count in events["kind"].value_counts().sort("kind").iter_rows())
    return [
        Indicator(
            "road_events_day",
            "Events on roads of the day",
            float(events.height) if events.height else None,
            "events",
            f"events that began on the day and were still listed when the feed was asked: {kinds}",
            Basis(
                "mobility",
                Period.day(before),
                f"{ROAD_EVENTS.name}, {', '.join(table['source'].unique().sort())}",
                withheld=None if events.height else "no event of the day was listed",
                partial="the feed is asked once a night and lists what goes on then",
            ),
        )
    ]


_FAMILIES: tuple[tuple[Table, Callable[[City, date, Tables], list[Indicator]]], ...] = (
    (TRANSIT_STOPS, _stops),
    (TRANSIT_SERVICE, _service),
    (ROAD_CASUALTIES, _casualties),
    (ROAD_ACCIDENTS, _accidents),
    (ROAD_EVENTS, _events),
)
"""What is told of a table that has rows."""
