"""Smart Environment: air and weather of one day, and PM2.5 of a year; water and fire are in ``water_indicators``.

Values of one day, and gases in ppb, are not the yearly means in µg/m³ of ISO 37120 and U4SSC; what is said of a
standard is said in the standard's own time (24 hours of PM2.5, 8 hours of O3, a year). Only measured
hourly means count: the live feed's running 24-hour means would count each hour many times, and a model's estimate is
an indicator of its own. A station speaks for the city up to ``max_km`` from its point (a registry option).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from assets.cities.registry import City
from assets.indicators import water
from assets.indicators.indicator import ENOUGH, Basis, Indicator, Period, absent, joined, nothing
from assets.indicators.tables import Tables, newest
from assets.lake.station_places import moves
from assets.sources.stations import MAX_KM
from quality.contracts import Table
from quality.tables import AIR_QUALITY, STATIONS, WEATHER

HOURS = 24
YEAR = 365
"""Days a year's mean covers, the newest measured day last."""

PM25_STANDARD = 37.5
"""µg/m³, Thailand's 24-hour standard since 1 June 2023 (National Environment Board). No hourly standard exists."""

PM25_YEAR = 15
"""µg/m³, Thailand's standard of a year's mean since 1 June 2023 (National Environment Board)."""

PARTICLES = {"pm25_ug_m3": ("pm25_mean_day", "PM2.5"), "pm10_ug_m3": ("pm10_mean_day", "PM10")}
GASES = {"no2_ppb": ("no2_mean_day", "NO2"), "so2_ppb": ("so2_mean_day", "SO2"), "o3_ppb": ("o3_max_8h", "O3")}
"""Column → code and title. Many stations measure no gas: where none that is due tells one, nothing is said."""


EIGHT_HOURS = 8
"""Hours of the means that O3 is judged by: the standard is 70 ppb (National Environment Board, notification no. 28,
B.E. 2550). Six of eight hours carry a mean, which belongs to the day it ends on (Directive 2008/50/EC, Annex XI A)."""

CLASSES = ((15.0, "very good"), (25.0, "good"), (37.5, "moderate"), (75.0, "starts to affect health"))
"""Upper bounds in µg/m³ of the Thai air quality index's classes 1 to 4 of a 24-hour mean of PM2.5, to one decimal
(Pollution Control Department, in force since 1 June 2023); above them is 5, "affects health"."""


COOLING_BASE = 18.3
"""°C that cooling degree days are counted from: 65 °F (ASHRAE Handbook, Fundamentals, climatic design information)."""


def cooling(mean: float) -> float:
    """Cooling degree days (K·d) of a day of that mean temperature (°C)."""
    return max(mean - COOLING_BASE, 0.0)


def indicators(city: City, day: date, tables: Tables) -> list[Indicator]:
    """Air and weather of each table's newest day, water and fire."""
    return [
        *_measured(city, day, tables),
        *_modelled(day, tables),
        *_weather(day, tables),
        *water.indicators(city, day, tables),
    ]


@dataclass(frozen=True)
class _Reach:
    """Where the registry, or by now the network's own list, puts the city's stations, and which move when."""

    max_km: float
    distances: Mapping[str, float]
    moved: Mapping[str, date]

    def far(self, stations: pl.Series) -> list[str]:
        """Those of ``stations`` that are too far away to speak for the city."""
        return sorted(station for station in stations if self.distances.get(station, 0) > self.max_km)

    def reason(self, far: list[str]) -> str:
        """Why those stations do not count."""
        places = ", ".join(f"{station} is {self.distances[station]:.1f} km away" for station in far)
        return f"no station within {self.max_km:g} km of the city's point: {places}"

    def unknown(self, stations: pl.Series) -> str | None:
        """What to say of stations whose place nobody tells."""
        found = sorted(set(stations) - {*self.distances})
        return f"how far {', '.join(found)} is from the city's point is not known" if found else None


def _reach(city: City, tables: Tables) -> _Reach:
    options = [entry.options for entry in city.sources.values() if "stations" in entry.options]
    listed = tables.get(STATIONS).filter(network="air4thai").sort("station_id", "valid_from")
    stated = {s["id"]: float(s["distance_km"]) for option in options for s in option["stations"] if "distance_km" in s}
    now = listed.group_by("station_id", maintain_order=True).last().select("station_id", "distance_km")
    return _Reach(
        max((float(option["max_km"]) for option in options if "max_km" in option), default=MAX_KM),
        stated | dict(now.drop_nulls().iter_rows()),
        dict(moves(listed).select("station_id", "valid_from").iter_rows()),
    )


def _measured(city: City, day: date, tables: Tables) -> list[Indicator]:
    hourly = tables.get(AIR_QUALITY).filter(product="hourly")
    reach = _reach(city, tables)
    far = reach.far(hourly["station_id"].unique())
    near = hourly.filter(~pl.col("station_id").is_in(far))
    counted = near if near.height else hourly
    rows = newest(counted, AIR_QUALITY.day, day)
    if rows.is_empty():
        return _missing(AIR_QUALITY, tables, day, "no station's hourly values were delivered")
    basis = Basis(
        "environment",
        Period.of(rows[AIR_QUALITY.day]),
        AIR_QUALITY.name,
        max_age=AIR_QUALITY.max_age,
        withheld=None if near.height else reach.reason(far),
        partial=reach.unknown(rows["station_id"].unique()),
    )
    found = []
    for column, (code, title) in (PARTICLES | GASES).items():
        due = _due(counted, column, basis.period.last, basis.period.last).height
        if due or column in PARTICLES:
            found += (_eight_hours if column == "o3_ppb" else _day)(counted, column, code, title, basis, due)
    return [*found, *_year(near, reach, basis)]


def _due(hourly: pl.DataFrame, column: str, first: date, last: date) -> pl.DataFrame:
    """``station_id, local_date``: on each day from ``first`` to ``last``, the stations that should tell ``column``.

    A station is the city's for ``WEEK`` days after it last told something, as with water: its hours are missed for so
    long, and one that stopped for good does not withhold the air of the others for ever.
    """
    week = timedelta(days=water.WEEK - 1)
    rows = hourly.filter(pl.col("local_date").is_between(first - week, last), pl.col(column).is_not_null())
    told = rows.select("station_id", "local_date").unique()
    until = pl.date_ranges("local_date", pl.col("local_date") + week).alias("local_date")
    days = told.select("station_id", until).explode("local_date")
    return days.filter(pl.col("local_date").is_between(first, last)).unique()


def _carrying(rows: pl.DataFrame) -> pl.DataFrame:
    """Of a day's ``rows``, one a station and hour, those of stations that have enough of them."""
    return rows.filter(pl.len().over("station_id") >= ENOUGH * HOURS)


def _of_day(basis: Basis, rows: pl.DataFrame, due: int, what: str) -> Basis:
    """What a value of a day rests on that the stations carry which have enough of ``rows`` (of ``what``), where ``due``
    of them should.

    Coverage is the lesser of two shares: of the day's hours, those that some station told, and of what all that are due
    should have told in these hours, what those that carry it did. An hour that nobody told, as on its own night the
    day's last one, is not missed of each station once more.
    """
    carrying = _carrying(rows)
    stations, used = carrying["station_id"].n_unique(), carrying if carrying.height else rows
    told, best = used["start"].n_unique(), max(rows.group_by("station_id").len()["len"], default=0)
    thin = None if stations else f"no station has {ENOUGH:.0%} of {what}; the best has {best} of {HOURS}"
    return replace(
        basis,
        sources=f"{AIR_QUALITY.name}, {stations} of {due} station(s)",
        coverage=min(told / HOURS, used.height / (due * told)) if told else 0.0,
        withheld=basis.withheld or thin,
    )


def _day(hourly: pl.DataFrame, column: str, code: str, title: str, basis: Basis, due: int) -> list[Indicator]:
    """The day's mean of ``column``; of PM2.5 also the class of the Thai index."""
    rows = hourly.filter(local_date=basis.period.last).drop_nulls(column)
    stations = _carrying(rows).group_by("station_id").agg(pl.col(column).mean()).sort("station_id")
    basis = _of_day(basis, rows, due, "the hours")
    mean = Indicator(
        code,
        f"{title}, mean of the day",
        stations.select(pl.col(column).mean()).item(),
        AIR_QUALITY.by_column[column].unit or "",
        "mean over stations of the mean of hourly values of one day",
        basis,
    )
    if column != "pm25_ug_m3":
        return [mean]
    number, words = _class(mean.value)
    index = Indicator(
        "pm25_thai_class",
        "PM2.5 class of the Thai air quality index",
        number,
        "class 1-5",
        f"class of the day's mean{words}; of PM2.5 alone, the index takes the worst of six pollutants",
        basis,
    )
    return [mean, index]


def _class(mean: float | None) -> tuple[float | None, str]:
    """Class of a 24-hour mean of PM2.5, and its words."""
    if mean is None:
        return None, ""
    reached = [words for bound, words in CLASSES if round(mean, 1) > bound]
    words = [*(words for _, words in CLASSES), "affects health"][len(reached)]
    return float(len(reached) + 1), f" ({words})"


def _eight_hours(hourly: pl.DataFrame, column: str, code: str, title: str, basis: Basis, due: int) -> list[Indicator]:
    """The day's greatest mean of eight hours, of the station where it is greatest."""
    last = basis.period.last
    around = hourly.filter(pl.col("local_date").is_between(last - timedelta(days=1), last)).drop_nulls(column)
    running = (
        around.sort("station_id", "start")
        .rolling("start", period=f"{EIGHT_HOURS}h", group_by="station_id")
        .agg(pl.col(column).mean(), hours=pl.len(), local_date=pl.col("local_date").last())
        .filter(pl.col("hours") >= ENOUGH * EIGHT_HOURS, local_date=last)
    )
    greatest = Indicator(
        code,
        f"{title}, greatest 8-hour mean of the day",
        _carrying(running)[column].max(),  # type: ignore[arg-type]
        AIR_QUALITY.by_column[column].unit or "",
        "greatest over stations and over the 8-hour means that end on the day; the 8-hour standard is 70 ppb",
        _of_day(basis, running, due, "the day's means of 8 hours"),
    )
    return [greatest]


def _year(hourly: pl.DataFrame, reach: _Reach, basis: Basis) -> list[Indicator]:
    """Mean PM2.5 of 365 days, and the days above the 24-hour standard."""
    last = basis.period.last
    first = last - timedelta(days=YEAR - 1)
    days = (
        hourly.filter(pl.col("local_date").is_between(first, last))
        .drop_nulls("pm25_ug_m3")
        .group_by("station_id", "local_date")
        .agg(pl.col("pm25_ug_m3").mean(), hours=pl.len())
        .filter(pl.col("hours") >= ENOUGH * HOURS)
        .sort("local_date", "station_id")
    )
    by_day = days.group_by("local_date", maintain_order=True).agg(pl.col("pm25_ug_m3").mean())
    due = _due(hourly, "pm25_ug_m3", first, last).join(by_day, on="local_date", how="semi")
    moved = [
        f"{station} moved on {when}"
        for station, when in sorted(reach.moved.items())
        if when > first and station in days["station_id"]
    ]
    known = replace(
        basis,
        period=Period(first, last),
        sources=f"{AIR_QUALITY.name}, {days['station_id'].n_unique()} station(s), {by_day.height} of {YEAR} days",
        # As of a day: of all days, and of the stations on those that are told.
        coverage=min(by_day.height / YEAR, days.height / due.height) if due.height else 0.0,
        partial=joined(basis.partial, *moved),
    )
    method = f"days on which a station has {ENOUGH:.0%} of the hours, by the mean over such stations"
    return [
        Indicator(
            "pm25_mean_365d",
            "PM2.5, mean of 365 days",
            by_day.select(pl.col("pm25_ug_m3").mean()).item(),
            "µg/m³",
            f"mean of the {method}; Thailand's standard of a year is {PM25_YEAR} µg/m³",
            known,
        ),
        Indicator(
            "pm25_days_above_365d",
            f"Days of 365 with PM2.5 above {PM25_STANDARD} µg/m³",
            float((by_day["pm25_ug_m3"].round(1) > PM25_STANDARD).sum()) if by_day.height else None,
            "days",
            f"{method}, whose mean is above the 24-hour standard; a day without data is not counted",
            known,
        ),
    ]


def _modelled(day: date, tables: Tables) -> list[Indicator]:
    """PM2.5 as models estimate it, one indicator a model: for cities without a station, and never mixed with one's."""
    table = tables.get(AIR_QUALITY).drop_nulls("pm25_ug_m3")
    found = []
    cell = newest(table.filter(station_id="open_meteo:grid", product="model_hourly"), AIR_QUALITY.day, day)
    if cell.height:
        found.append(
            Indicator(
                "pm25_model_mean_day",
                "PM2.5, mean of the day by a global model",
                cell.select(pl.col("pm25_ug_m3").mean()).item(),
                "µg/m³",
                "mean of the hours a model estimates for the grid cell at the city's point; not measured",
                Basis(
                    "environment",
                    Period.of(cell[AIR_QUALITY.day]),
                    f"{AIR_QUALITY.name} (Open-Meteo, CAMS)",
                    coverage=min(cell.height / HOURS, 1.0),
                    max_age=AIR_QUALITY.max_age,
                ),
            )
        )
    of_province = table.filter(pl.col("station_id").str.starts_with("gistda:"), product="model_24h")
    province = newest(of_province, AIR_QUALITY.day, day).sort("start").tail(1)
    if province.height:
        last = province.item(0, AIR_QUALITY.day)
        hour = province["start"].dt.convert_time_zone("Asia/Bangkok").dt.strftime("%H:%M").item()
        found.append(
            Indicator(
                "pm25_province_24h",
                "PM2.5, 24-hour mean of the province by GISTDA's model",
                province["pm25_ug_m3"].item(),
                "µg/m³",
                f"the model's mean of the 24 hours to {hour}, for the whole province; not measured",
                Basis(
                    "environment",
                    Period(last - timedelta(days=1), last),
                    f"{AIR_QUALITY.name} (GISTDA)",
                    max_age=AIR_QUALITY.max_age,
                ),
            )
        )
    return found


def _weather(day: date, tables: Tables) -> list[Indicator]:
    rows = tables.newest(WEATHER, day, product="model")
    if rows.is_empty():
        return _missing(WEATHER, tables, day, "the model's hours were not delivered")
    temperature, rain = rows["temperature_c"].drop_nulls(), rows["precipitation_mm"].drop_nulls()
    basis = Basis(
        "environment", Period.of(rows[WEATHER.day]), f"{WEATHER.name} (Open-Meteo grid cell)", max_age=WEATHER.max_age
    )
    return [
        Indicator(
            "temperature_mean",
            "Mean temperature",
            rows.select(pl.col("temperature_c").mean()).item(),
            "°C",
            "mean of hourly values",
            replace(basis, coverage=min(temperature.len() / HOURS, 1.0)),
        ),
        Indicator(
            "cooling_degree_days",
            "Cooling degree days of the day",
            None if temperature.is_empty() else cooling(float(temperature.mean())),  # type: ignore[arg-type]
            "K·d",
            f"mean temperature of the day above {COOLING_BASE} °C",
            replace(basis, coverage=min(temperature.len() / HOURS, 1.0)),
        ),
        Indicator(
            "rain_sum",
            "Rain of the day",
            None if rain.is_empty() else float(rain.sum()),
            "mm",
            "sum of hourly sums",
            replace(basis, coverage=min(rain.len() / HOURS, 1.0)),
        ),
    ]


def _missing(table: Table, tables: Tables, day: date, reason: str) -> list[Indicator]:
    """The withheld indicator of a table that has no row of the product that counts."""
    others = tables.get(table).height
    return [nothing(table.smart, table.name, table.title, day, reason)] if others else absent(table, tables, day)
