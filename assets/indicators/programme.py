"""The programme view: a city's progress since its baseline year, the evidence its data carries for five criteria, and
what depa's competitiveness index gave it.

The smart-city emblem is given for two years and renewed on progress, so progress is what a platform has to show. Two
numeric targets are published (https://www.thailand.go.th, issue focus 001-05-001): CO2 at least 1 % less a year, and
half the road deaths. The full list of depa's indicators is not public; no other target is made up here. The five
criteria are those of the smart-city notice of 8 March 2562 BE. They are never scored: the sheet says what evidence
this snapshot carries for each, and what it lacks.
"""

from calendar import isleap
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from assets.cities.registry import City
from assets.indicators.catalogue import Catalogue
from assets.indicators.competitiveness import editions
from assets.indicators.doubts import Findings, lowered
from assets.indicators.grid_factor import grid_factor
from assets.indicators.indicator import WHOLE, joined
from assets.indicators.inhabitants import registered
from assets.indicators.road_deaths import by_year
from assets.indicators.tables import Tables, newest
from assets.lake.citizen_reports import ALL
from assets.sources.ckan_datasets import HARVESTED_TWICE
from quality.contracts import Table
from quality.tables import (
    AIR_QUALITY,
    CITIZEN_REPORTS,
    DATASETS,
    EV_CHARGERS,
    HOUSEHOLD_INCOME,
    INDICATORS,
    LOAD_PROFILE,
    POPULATION,
    PROGRAMME,
    ROAD_CASUALTIES,
    STATIONS,
    TRANSIT_STOPS,
    VALIDATION_RESULTS,
)

CO2_PCT_A_YEAR = -1.0
ROAD_DEATHS_PCT = -50.0
"""The published targets."""

WHOLE_YEAR = 0.95
"""Share of a year's days or hours that carries a yearly value: 347 of 365 days."""

FULL_DAY = 96
"""Quarter-hours of a day."""


_NONE: Mapping[str, str] = {}


class Year(NamedTuple):
    """One year's value, and what to say of it."""

    year: int
    value: float
    evidence: str


def programme(
    city: City,
    day: date,
    tables: Mapping[str, pl.DataFrame],
    withheld: Mapping[str, str] = _NONE,
    results: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """``PROGRAMME`` on a delivery day, from the city's published tables and its indicators. Of tables that are
    ``withheld``, with the reasons, it says so; what the night's checks found of rows (``VALIDATION_RESULTS``) lowers
    progress as it lowers indicators."""
    known = Tables(tables).until(day)
    found = VALIDATION_RESULTS.empty() if results is None else results
    rows = [
        *_progress(city, day, known, withheld, found),
        *_criteria(city, day, known, withheld),
        *_index(city, day),
    ]
    frame = pl.DataFrame([_NOTHING | row | {"reference_date": day} for row in rows], schema=PROGRAMME.schema)
    batch = PROGRAMME.conform(frame)
    if batch.problems:
        raise ValueError(f"the programme view breaks its contract: {batch.found.item(0, 'message')}")
    return batch.rows.sort(PROGRAMME.order)


_NOTHING: dict[str, Any] = dict.fromkeys(PROGRAMME.schema)


def _progress(
    city: City, day: date, tables: Tables, withheld: Mapping[str, str], results: pl.DataFrame
) -> Iterator[dict[str, Any]]:
    co2 = _co2(tables, city.baseline, day)
    series: list[tuple[Table, str, str, str, float | None, list[Year]]] = [
        (ROAD_CASUALTIES, "road_deaths", "Road deaths a year", "persons", ROAD_DEATHS_PCT, _road_deaths(city, tables)),
        (LOAD_PROFILE, "co2_electricity", "CO2 of the published electricity a year", "t", None, co2),
        (AIR_QUALITY, "pm25_mean_year", "PM2.5, mean of the year", "µg/m³", None, _pm25(tables, city.baseline, day)),
        (POPULATION, "registered_population", "Registered population", "persons", None, _population(city, tables, day)),
        (HOUSEHOLD_INCOME, "household_income", "Household income a month", "THB", None, _income(tables)),
    ]
    for table, code, title, unit, target, years in series:
        if code == "co2_electricity" and years:
            target = CO2_PCT_A_YEAR * max(years[-1].year - city.baseline, 1)
        row = _doubted(
            _since(city.baseline, [year for year in years if year.year < day.year], target), table, years, results
        )
        if code == "co2_electricity" and grid_factor(date(city.baseline, 12, 31)) is None:
            row["missing"] = joined(row["missing"], f"a published grid factor of {city.baseline}")
        row["missing"] = _withheld(table, withheld) or row["missing"]
        yield {"kind": "progress", "code": code, "title": title, "unit": unit} | row


def _doubted(row: dict[str, Any], table: Table, years: list[Year], results: pl.DataFrame) -> dict[str, Any]:
    """A row of progress as the night's checks leave it: without the value of a year whose rows mislead, and so without
    the change."""
    told = [
        {
            "indicator": table.name,
            "sources": f"{table.name}, {year.evidence}",
            "period_start": date(year.year, 1, 1),
            "period_end": date(year.year, 12, 31),
            "verdict": "ok",
        }
        for year in years
        if year.year in (row["baseline_year"], row["year"])
    ]
    judged = lowered(pl.DataFrame(told, schema=INDICATORS.schema), Findings(results)).drop_nulls("reason")
    row = row | {"missing": joined(row["missing"], *judged["reason"].unique(maintain_order=True))}
    for year in judged.filter(verdict="withheld")["period_end"].dt.year():
        value = "value" if year == row["year"] else "baseline"
        row |= {value: None, "change_pct": None, "verdict": "withheld"}
    return row


def _withheld(table: Table, withheld: Mapping[str, str]) -> str | None:
    return f"{table.title.lower()}: withheld ({withheld[table.name]})" if table.name in withheld else None


def _since(baseline: int, years: list[Year], target: float | None) -> dict[str, Any]:
    """Baseline, newest whole year, change and verdict of one series; ``target`` is None where none is published."""
    first = next((year for year in years if year.year == baseline), None)
    last = max((year for year in years if year.year > baseline), default=None)
    row: dict[str, Any] = {
        "baseline_year": baseline,
        "baseline": first and first.value,
        "year": last and last.year,
        "value": last and last.value,
        "target_pct": target,
        "verdict": "withheld",
        "evidence": joined(*dict.fromkeys(year.evidence for year in (first, last) if year)),
        "missing": None,
    }
    lacking = [
        *([] if first else [f"no whole year {baseline}"]),
        *([] if last else [f"no whole year after {baseline}"]),
        *(["a baseline of zero has no share"] if first and first.value == 0 else []),
    ]
    if lacking or not first or not last:
        return row | {"missing": "; ".join(lacking)}
    change = 100 * (last.value - first.value) / first.value
    verdict = "evidence" if target is None else "on_target" if change <= target else "off_target"
    return row | {"change_pct": round(change, 6), "verdict": verdict}


def _road_deaths(city: City, tables: Tables) -> list[Year]:
    years = by_year(tables.get(ROAD_CASUALTIES), city.province_th).filter(outcome="death")
    return [Year(row["year"], float(row["persons"]), row["dataset"]) for row in years.iter_rows(named=True)]


def _co2(tables: Tables, baseline: int, day: date) -> list[Year]:
    """Of a mean day times the days of the year: a year with some days less is no saving. Cells that told both the
    baseline year and the newest one: what was not published before is no growth."""
    cells = tables.get(LOAD_PROFILE).drop_nulls("kwh").filter(pl.col("local_date").dt.year() < day.year)
    cell = ["zone", "customer_class"]
    days = cells.group_by(*cell, "local_date").agg(pl.col("kwh").sum(), slots=pl.len()).filter(slots=FULL_DAY)
    told = days.group_by(*cell, year=pl.col("local_date").dt.year()).agg(pl.col("kwh").sum(), days=pl.len())
    whole = told.filter(pl.col("days") >= WHOLE_YEAR * 365)
    same, newest_year = whole.filter(year=baseline), whole["year"].max()
    if same.height:
        same = same.join(whole.filter(year=newest_year), on=cell, how="semi")
        whole = whole.join(same, on=cell, how="semi") if same.height else whole.filter(year=baseline)
    mean_day = pl.col("kwh").cast(pl.Float64) / pl.col("days")
    years = whole.sort(*cell).group_by("year").agg(mean_day.sum(), cells=pl.len(), days=pl.col("days").min())
    found = []
    for year, kwh, cells_there, days_there in years.sort("year").iter_rows():
        if factor := grid_factor(date(year, 12, 31)):
            kg = kwh * (365 + isleap(year)) * factor.kg_co2e_per_kwh
            by = f"{LOAD_PROFILE.name}, cells: {cells_there}, each of {days_there} days or more"
            by += f"; {factor.kg_co2e_per_kwh} kg CO2e/kWh ({factor.source})"
            found.append(Year(year, kg / 1000, by))
    return found


def _pm25(tables: Tables, baseline: int, day: date) -> list[Year]:
    """Means of the stations that told both the baseline year and the newest one: another station is other air."""
    hourly = tables.get(AIR_QUALITY).filter(product="hourly").drop_nulls("pm25_ug_m3")
    years = (
        hourly.group_by("station_id", year=pl.col("local_date").dt.year())
        .agg(pl.col("pm25_ug_m3").mean(), hours=pl.len())
        .filter(pl.col("hours") >= WHOLE_YEAR * 365 * 24, pl.col("year") < day.year)
    )
    first, last = (set(years.filter(year=year)["station_id"]) for year in (baseline, years["year"].max() or baseline))
    if first:  # else there is nothing to hold a year against
        same = pl.col("station_id").is_in(list(first & last)) if first & last else pl.col("year") == baseline
        years = years.filter(same)
    means = years.group_by("year").agg(pl.col("pm25_ug_m3").mean(), pl.col("station_id").sort().str.join(", "))
    rows = means.sort("year").iter_rows()
    return [Year(year, value, f"{AIR_QUALITY.name}, station {ids}") for year, value, ids in rows]


def _population(city: City, tables: Tables, day: date) -> list[Year]:
    """Of one publisher: the one who tells the baseline year and a later one, else the newest. Two have told one
    province's persons 2.7 times apart, which is no change."""
    over = tables.get(POPULATION).filter(pl.col("reference_date").dt.year() < day.year)
    publisher = pl.col("dataset").str.split("/").list.first()
    told = [_counted(city, part) for part in over.with_columns(_publisher=publisher).partition_by("_publisher")]
    return max(told, key=lambda years: (city.baseline in {each.year for each in years[:-1]}, years[-1:]), default=[])


def _counted(city: City, table: pl.DataFrame) -> list[Year]:
    found = []
    for year in sorted(table["reference_date"].dt.year().unique().to_list()):
        of_year = table.filter(pl.col("reference_date").dt.year() == year)
        count = registered(city, date(year, 12, 31), Tables({POPULATION.name: of_year}))
        if count:
            found.append(Year(year, float(count.persons), f"{count.level} {count.area}, {count.day}, {count.dataset}"))
    return found


def _income(tables: Tables) -> list[Year]:
    rows = tables.get(HOUSEHOLD_INCOME).filter(measure="income").drop_nulls("baht_month")
    by_day = rows.sort("reference_date", "dataset").unique("reference_date", keep="last", maintain_order=True)
    return [
        Year(day.year, float(value), dataset)
        for day, value, dataset in by_day.select("reference_date", "baht_month", "dataset").iter_rows()
    ]


def _criteria(city: City, day: date, tables: Tables, withheld: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    emblem = city.emblem
    given = [f"emblem of batch {emblem.batch} from {emblem.valid_from}"] if emblem else []
    to_come = [] if emblem else ["the emblem: none was given"]
    if emblem and emblem.valid_to is not None and emblem.valid_to < day.isoformat():
        to_come = [f"renewal of the emblem after {emblem.valid_to}"]
    yield _criterion(
        1,
        "Area and vision",
        [f"scope: {city.scope}", *given, f"fact of confidence {city.confidence} ({city.name_source})"],
        [
            *to_come,
            "boundary of the area",
            "the leaders' vision: no data tells it",
        ],
    )
    held = [
        f"{table.title.lower()}: {_newest(tables, table).height} rows"
        for table in _INFRASTRUCTURE
        if tables.get(table).height
    ]
    lacking = [
        _withheld(table, withheld) or f"no {table.title.lower()}"
        for table in _INFRASTRUCTURE
        if tables.get(table).is_empty()
    ]
    yield _criterion(2, "Infrastructure and investment", held, [*lacking, "investment plan"])
    yield _criterion(3, "Open and secure city data platform", *_platform(tables, withheld))
    shown = _newest(tables, INDICATORS).filter(pl.col("value").is_not_null()).group_by("smart").len().sort("smart")
    served = [f"{smart}: {count} indicators with a value" for smart, count in shown.iter_rows()]
    without = [f"{smart}: no indicator with a value" for smart in sorted(set(city.smarts) - set(shown["smart"]))]
    yield _criterion(4, "Smart services", served, without)
    taken = [
        f"citizens' reports in {month['reference_date']:%Y-%m}: {month['reports']}"
        + (f", of which {month['finished']} are finished" if month["finished"] else "")
        for month in tables.newest(CITIZEN_REPORTS, date.max, kind=ALL).to_dicts()
    ]
    lacking = [] if taken else [_withheld(CITIZEN_REPORTS, withheld) or "citizens' participation: no reports"]
    yield _criterion(5, "Sustainable management", taken, [*lacking, "budget and operation plan"])


def _newest(tables: Tables, table: Table) -> pl.DataFrame:
    """Of a table that is stated anew every day, the newest statement of each feed or source."""
    rows = tables.get(table)
    if "reference_date" not in rows.columns:
        return rows
    return newest(rows, "reference_date", date.max, *(name for name in ("feed", "source") if name in rows.columns))


_INFRASTRUCTURE = (LOAD_PROFILE, EV_CHARGERS, TRANSIT_STOPS, STATIONS)
"""Tables that show a city's physical and digital infrastructure."""


def _platform(tables: Tables, withheld: Mapping[str, str]) -> tuple[list[str], list[str]]:
    held = [f"{sum(1 for frame in tables.frames.values() if frame.height)} tables published with contract and verdicts"]
    if tables.get(LOAD_PROFILE).height:
        held.append("meter data behind a privacy gate")
    if tables.get(DATASETS).height:
        catalogue = Catalogue.standing(tables.get(DATASETS))
        unread = f", of which {catalogue.read:.0%} could be read" if catalogue.read < WHOLE else ""
        held.append(f"{catalogue.packages.filter(~HARVESTED_TWICE).height} data sets in the city's catalogue{unread}")
        return held, ["cyber-security audit"]
    own = _withheld(DATASETS, withheld) or "the city's own open data catalogue"
    return held, [own, "cyber-security audit"]


def _criterion(number: int, title: str, held: list[str], missing: list[str]) -> dict[str, Any]:
    verdict = "withheld" if not held else ("partial" if missing else "evidence")
    return {
        "kind": "criterion",
        "code": str(number),
        "title": title,
        "verdict": verdict,
        "evidence": joined(*held),
        "missing": joined(*missing),
    }


def _index(city: City, day: date) -> Iterator[dict[str, Any]]:
    """What was published of the city in editions of the index for years before ``day``."""
    for year, edition in editions().items():
        standing = edition.cities.get(city.slug)
        if standing and year < day.year:
            yield {
                "kind": "index",
                "code": f"tscci_{year}",
                "title": f"Thailand Smart City Competitiveness Index {year}",
                "year": year,
                "value": standing.score,
                "unit": "%",
                "verdict": "evidence",
                "evidence": f"{standing}. {edition.source}",
                "missing": None if standing.score is not None else "the score was not published",
            }
