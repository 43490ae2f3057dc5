"""Smart Mobility: public transport within the city's reach, deaths and accidents on roads, and events of the day.

Names are those of the ISO 37120 and U4SSC families where one fits (traffic deaths per 100,000 inhabitants). What is
told of a province is divided by the province's inhabitants only; departures within a circle are divided by nobody,
for nobody counts who lives in it.
"""

import math
from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from assets.cities.registry import City
from assets.indicators.indicator import YEARLY_MAX_AGE, absent, collect, indicator, nothing
from assets.indicators.inhabitants import registered
from assets.indicators.road_deaths import by_year
from assets.sources import gtfs, mot_accidents
from quality.tables import ROAD_ACCIDENTS, ROAD_CASUALTIES, ROAD_EVENTS, TABLES, TRANSIT_SERVICE, TRANSIT_STOPS


def indicators(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Stops and departures in reach, age of the feeds, deaths and accidents of a year, events of the day before, as
    ``INDICATORS``. A table without a source says nothing as long as another one does."""
    rows: list[dict[str, Any]] = []
    for table, make in _MAKERS.items():
        if table in tables:
            some = bool((tables[table][TABLES[table].day] <= day).any())
            rows += make(city, day, tables) if some else absent(TABLES[table], tables, day)
    return collect(rows or absent(TRANSIT_STOPS, tables, day))


def _newest_feeds(rows: pl.DataFrame, day: date) -> tuple[pl.DataFrame, tuple[date, date]]:
    """The rows of each feed's newest version that is not after ``day``, and the first and last of those days."""
    past = rows.filter(pl.col("reference_date") <= day)
    kept = past.filter(pl.col("reference_date") == pl.col("reference_date").max().over("feed"))
    first, last = kept["reference_date"].min(), kept["reference_date"].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    return kept, (first, last)


def _reach(city: City, readers: Collection[str], default: float) -> float:
    """Greatest reach of the city's sources by these readers."""
    entries = [entry for entry in city.sources.values() if entry.reader in readers]
    return max((float(entry.options.get("within_km", default)) for entry in entries), default=default)


def _expired(rows: pl.DataFrame, day: date) -> str | None:
    """That a feed's validity is over."""
    ends = rows["feed_end_date"].min()
    return f"the feed expired on {ends}" if isinstance(ends, date) and ends < day else None


def _stops(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    stops, period = _newest_feeds(tables[TRANSIT_STOPS.name], day)
    feeds = stops["feed"].unique().sort()
    reach = _reach(city, gtfs.READERS, gtfs.WITHIN_KM)
    where = f"within {reach:g} km of the city's point"
    facts: dict[str, Any] = {
        "sources": f"{TRANSIT_STOPS.name}, feed {', '.join(feeds)}",
        "stale": _expired(stops, day),
        "partial": f"{len(feeds)} feeds may name one stop each in their own way" if len(feeds) > 1 else None,
    }
    told = (
        ("stops_in_reach", "Stops in reach", float(stops.height), "stops", f"stops {where}"),
        (
            "stops_per_km2",
            "Stops per km² of reach",
            stops.height / (math.pi * reach**2),
            "1/km²",
            f"stops {where} over the area of that circle",
        ),
        ("feed_age", "Age of the feed", float((day - period[0]).days), "days", "days since the oldest feed's version"),
    )
    return [
        indicator("mobility", code, title, value, unit, period, day, method=method, **facts)
        for code, title, value, unit, method in told
    ]


def _service(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    service, period = _newest_feeds(tables[TRANSIT_SERVICE.name], day)
    weekday = service.filter(day_type="weekday")
    counted = sorted({f"{one}" for one in weekday["service_date"]})
    return [
        indicator(
            "mobility",
            "departures_weekday",
            "Departures on a weekday",
            float(weekday["departures"].sum()) if weekday.height else None,
            "departures",
            period,
            day,
            method=f"scheduled departures from stops in reach on {', '.join(counted)}, the middle of five weekdays",
            sources=f"{TRANSIT_SERVICE.name}, feed {', '.join(service['feed'].unique().sort())}",
            withheld=None if weekday.height else "no service runs on a weekday",
            stale=_expired(service, day),
        )
    ]


def _casualties(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    """Deaths of the newest year that is over, of the city's province: the least area that is published."""
    code, title = "road_deaths", "Traffic deaths a year"
    years = by_year(tables[ROAD_CASUALTIES.name], city.province_th)
    deaths = years.filter(pl.col("outcome") == "death", pl.col("year") < day.year)
    if deaths.is_empty():
        return [nothing("mobility", code, title, day, "no year of the city's province is whole")]
    year = deaths.row(-1, named=True)
    period = (date(year["year"], 1, 1), date(year["year"], 12, 31))
    people = registered(city, day, tables, "province")
    if year["months"] < 12:
        partial = f"{year['months']} of 12 months have a number; the publisher's total of the year is told"
    elif year["stated"] not in (None, year["persons"]):
        partial = f"the publisher's total {year['stated']:,} differs from the sum of its months {year['persons']:,}"
    else:
        partial = None
    facts: dict[str, Any] = {"partial": partial, "max_age": YEARLY_MAX_AGE}
    sources = f"{ROAD_CASUALTIES.name}, {year['dataset']}"
    method = f"killed on all roads of the province {city.province_th}, as published"
    count = indicator(
        "mobility", code, title, float(year["persons"]), "persons", period, day, method=method, sources=sources, **facts
    )
    rate = indicator(
        "mobility",
        "road_deaths_per_100k",
        "Traffic deaths per 100,000 inhabitants",
        100_000 * year["persons"] / people.persons if people and people.persons else None,
        "1/100,000",
        period,
        day,
        method=method
        + (f", per 100,000 of its {people.persons:,} registered inhabitants of {people.day}" if people else ""),
        sources=f"{sources}; population" if people else sources,
        withheld=None if people else "no count of the province's registered inhabitants",
        **facts,
    )
    return [count, rate]


def _accidents(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    """Accidents and deaths of the newest year that is over: the file of the running year grows."""
    table = tables[ROAD_ACCIDENTS.name]
    years = table.select(year=pl.col("local_date").dt.year()).filter(pl.col("year") < day.year)["year"]
    newest = years.max()
    if not isinstance(newest, int):
        title = "Accidents on state roads a year"
        return [nothing("mobility", "state_road_accidents", title, day, "no year that is over has been published")]
    rows = table.filter(pl.col("local_date").dt.year() == newest)
    reach = _reach(city, (mot_accidents.MOT_ACCIDENTS.name,), mot_accidents.WITHIN_KM)
    facts: dict[str, Any] = {
        "sources": f"{ROAD_ACCIDENTS.name}, {', '.join(rows['dataset'].unique().sort())}",
        "max_age": YEARLY_MAX_AGE,
        "method": f"on the Ministry of Transport's roads within {reach:g} km of the city's point; no municipal streets",
    }
    period = (date(newest, 1, 1), date(newest, 12, 31))
    return [
        indicator(
            "mobility",
            "state_road_accidents",
            "Accidents on state roads a year",
            float(rows.height),
            "accidents",
            period,
            day,
            **facts,
        ),
        indicator(
            "mobility",
            "state_road_deaths",
            "Deaths on state roads a year",
            float(rows["deaths"].sum()),
            "persons",
            period,
            day,
            coverage=1 - rows["deaths"].null_count() / rows.height,
            **facts,
        ),
    ]


def _events(city: City, day: date, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    """Events that began on the day before. None at all is no zero: a feed that fell silent looks alike."""
    table = tables[ROAD_EVENTS.name]
    before = day - timedelta(days=1)
    events = table.filter(pl.col("local_date") == before)
    kinds = ", ".join(f"{count} {kind}" for kind, count in events["kind"].value_counts().sort("kind").iter_rows())
    return [
        indicator(
            "mobility",
            "road_events_day",
            "Events on roads of the day",
            float(events.height) if events.height else None,
            "events",
            (before, before),
            day,
            method=f"events that began on the day and were still listed when the feed was asked: {kinds}",
            sources=f"{ROAD_EVENTS.name}, {', '.join(table['source'].unique().sort())}",
            withheld=None if events.height else "no event of the day was listed",
            partial="the feed is asked once a night and lists what goes on then",
        )
    ]


_MAKERS: dict[str, Callable[[City, date, Mapping[str, pl.DataFrame]], list[dict[str, Any]]]] = {
    TRANSIT_STOPS.name: _stops,
    TRANSIT_SERVICE.name: _service,
    ROAD_CASUALTIES.name: _casualties,
    ROAD_ACCIDENTS.name: _accidents,
    ROAD_EVENTS.name: _events,
}
"""What is told of a table that has rows."""
