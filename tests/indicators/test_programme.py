"""The programme view: progress only where the data carries it, and no score for a criterion."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, strategies as st

from assets.cities.registry import load_registry
from assets.indicators.competitiveness import editions
from assets.indicators.programme import programme
from assets.indicators.road_deaths import by_year
from quality.tables import (
    AIR_QUALITY,
    CITIZEN_REPORTS,
    DATASETS,
    HOUSEHOLD_INCOME,
    INDICATORS,
    LOAD_PROFILE,
    POPULATION,
    PROGRAMME,
    ROAD_CASUALTIES,
    VALIDATION_RESULTS,
)

DAY = date(2026, 11, 23)
PHUKET = load_registry()["phuket"]


def deaths(year: int, months: list[int | None], stated: int | None = None, dataset: str = "p/rtd") -> list[dict]:
    fields = {"dataset": dataset, "outcome": "death", "area": "ภูเก็ต", "status": "published"}
    rows = [
        fields | {"months": 1, "persons": persons, "is_total": False, "reference_date": date(year, month, 1)}
        for month, persons in enumerate(months, 1)
    ]
    if stated is not None:
        rows.append(fields | {"months": 12, "persons": stated, "is_total": True, "reference_date": date(year, 1, 1)})
    return rows


def casualties(made_up, *years: list[dict]) -> dict[str, pl.DataFrame]:
    return {ROAD_CASUALTIES.name: made_up.frame(ROAD_CASUALTIES, [row for year in years for row in year])}


def progress(tables: dict[str, pl.DataFrame], code: str, city=PHUKET, day: date = DAY) -> dict:
    frame = programme(city, day, tables)
    assert frame.schema == PROGRAMME.schema
    [row] = frame.filter(kind="progress", code=code).to_dicts()
    return row


def test_the_baseline_is_declared_or_the_year_before_the_emblem() -> None:
    assert PHUKET.baseline == 2020
    assert PHUKET.model_copy(update={"baseline_year": 2022}).baseline == 2022


@pytest.mark.parametrize(
    ("newest", "change", "verdict"),
    [(60, -50.0, "on_target"), (61, -49.166667, "off_target"), (132, 10.0, "off_target")],
)
def test_road_deaths_against_half_of_the_baseline_year(made_up, newest: int, change: float, verdict: str) -> None:
    tables = casualties(made_up, deaths(2020, [10] * 12), deaths(2025, [0] * 11 + [newest]))
    row = progress(tables, "road_deaths")
    assert (row["baseline"], row["value"], row["year"]) == (120, newest, 2025)
    assert (row["change_pct"], row["target_pct"], row["verdict"]) == (change, -50, verdict)
    assert row["evidence"] == "p/rtd" and row["missing"] is None


@pytest.mark.parametrize(
    ("dataset", "year", "severity", "want"),
    [
        ("p/rtd", 2025, "withhold", (120, None, None, "withheld")),
        ("p/rtd", 2020, "withhold", (None, 1320, None, "withheld")),
        ("p/rtd", 2025, "warn", (120, 1320, 1000, "off_target")),
        ("p/rtd", 2023, "withhold", (120, 1320, 1000, "off_target")),
        ("p/other", 2025, "withhold", (120, 1320, 1000, "off_target")),
    ],
)
def test_progress_rests_on_no_rows_that_mislead(made_up, dataset: str, year: int, severity: str, want: tuple) -> None:
    key = json.dumps({"dataset": dataset, "area": "ภูเก็ต", "reference_date": f"{year}-12-01"})
    told = {"suite": ROAD_CASUALTIES.name, "rule": "restated:persons", "day": DAY, "key": key, "value": "{}"}
    told |= {"bound": "less", "severity": severity, "since": DAY}
    results = pl.DataFrame([told], schema=VALIDATION_RESULTS.schema)
    tables = casualties(made_up, deaths(2020, [10] * 12), deaths(2025, [110] * 12))
    [row] = programme(PHUKET, DAY, tables, results=results).filter(code="road_deaths").to_dicts()
    assert (row["baseline"], row["value"], row["change_pct"], row["verdict"]) == want
    rests = dataset == "p/rtd" and year != 2023
    assert row["missing"] == ("road_casualties, check restated:persons: less" if rests else None)


def test_a_year_with_a_month_missing_counts_by_the_publishers_total_or_not_at_all(made_up) -> None:
    gap: list[int | None] = [5] * 11 + [None]
    stated = progress(casualties(made_up, deaths(2020, [10] * 12), deaths(2025, gap, stated=63)), "road_deaths")
    assert (stated["value"], stated["change_pct"]) == (63, -47.5)
    bare = progress(casualties(made_up, deaths(2020, [10] * 12), deaths(2025, gap)), "road_deaths")
    assert (bare["value"], bare["change_pct"], bare["verdict"]) == (None, None, "withheld")
    assert bare["missing"] == "no whole year after 2020"


def test_nothing_is_told_of_the_running_year_or_without_a_baseline(made_up) -> None:
    running = progress(casualties(made_up, deaths(2020, [10] * 12), deaths(2026, [1] * 12)), "road_deaths")
    assert running["verdict"] == "withheld" and running["value"] is None
    later = progress(casualties(made_up, deaths(2021, [10] * 12), deaths(2025, [1] * 12)), "road_deaths")
    assert (later["verdict"], later["missing"]) == ("withheld", "no whole year 2020")
    nothing = progress({}, "road_deaths")
    assert nothing["missing"] == "no whole year 2020; no whole year after 2020"


def test_a_baseline_of_zero_has_no_change(made_up) -> None:
    row = progress(casualties(made_up, deaths(2020, [0] * 12), deaths(2025, [1] * 12)), "road_deaths")
    assert (row["verdict"], row["change_pct"], row["missing"]) == (
        "withheld",
        None,
        "a baseline of zero has no share",
    )


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 50)), min_size=12, max_size=12),
    st.one_of(st.none(), st.integers(0, 600)),
)
def test_a_whole_year_equals_a_plain_sum(months: list[int | None], stated: int | None) -> None:
    rows = deaths(2025, months, stated)
    frame = pl.DataFrame(rows, schema={name: ROAD_CASUALTIES.schema[name] for name in rows[0]})
    told = by_year(frame, "ภูเก็ต")["persons"].to_list()
    whole = [value for value in months if value is not None]
    expected = [sum(whole)] if len(whole) == 12 else ([stated] if stated is not None else [])
    assert told == expected


def test_of_two_data_sets_the_fuller_counts_and_they_are_never_added(made_up) -> None:
    rows = [*deaths(2020, [10] * 12), *deaths(2025, [4] * 12), *deaths(2025, [9] * 12, dataset="q/other")]
    row = progress(casualties(made_up, rows), "road_deaths")
    assert row["value"] == 48


def test_the_citys_province_counts_and_its_districts_are_not_added(made_up) -> None:
    years = [*deaths(2020, [10] * 12), *deaths(2025, [4] * 12)]
    district = [row | {"area": "กะทู้", "persons": 3} for row in years]
    row = progress(casualties(made_up, years, district), "road_deaths")
    assert (row["baseline"], row["value"]) == (120, 48)


def test_co2_needs_a_whole_year_of_published_energy_and_its_target_grows_by_the_year(made_up) -> None:
    def year(first: date, days: int, kwh: int) -> pl.DataFrame:
        slots = [made_up.MIDNIGHT + (first - made_up.DAY) + timedelta(minutes=15 * n) for n in range(96 * days)]
        return pl.DataFrame(
            {
                "zone": "z",
                "customer_class": "other",
                "start": slots,
                "local_date": [first + timedelta(days=n // 96) for n in range(96 * days)],
                "kwh": [Decimal(kwh)] * len(slots),
                "n_band": "15-49",
                "zone_share": 1.0,
                "zone_lacks": None,
                "actual_share": 1.0,
            }
        ).select(
            pl.col(name).cast(dtype) if name in ("start", "local_date", "kwh") else name
            for name, dtype in LOAD_PROFILE.schema.items()
            if not name.startswith("_")
        )

    city, day = PHUKET.model_copy(update={"baseline_year": 2026}), date(2030, 1, 2)
    whole = pl.concat([year(date(2026, 1, 1), 365, 100), year(date(2029, 1, 1), 365, 97)])
    row = progress({LOAD_PROFILE.name: whole}, "co2_electricity", city, day)
    assert (row["verdict"], row["target_pct"], row["change_pct"]) == ("on_target", -3, -3)
    assert row["baseline"] == pytest.approx(365 * 96 * 100 * 0.475 / 1000) and "kg CO2e/kWh" in row["evidence"]
    short = pl.concat([year(date(2026, 1, 1), 365, 100), year(date(2029, 1, 1), 300, 97)])
    assert progress({LOAD_PROFILE.name: short}, "co2_electricity", city, day)["verdict"] == "withheld"
    fewer_days = year(date(2029, 1, 1), 350, 100)
    other_cell = year(date(2029, 1, 1), 365, 900).with_columns(zone=pl.lit("new"))
    for later in (fewer_days, pl.concat([year(date(2029, 1, 1), 365, 100), other_cell])):
        both = pl.concat([year(date(2026, 1, 1), 365, 100), later])
        row = progress({LOAD_PROFILE.name: both}, "co2_electricity", city, day)
        assert (row["verdict"], row["change_pct"]) == ("off_target", 0), "no saving, and no growth"


def test_a_population_is_held_against_one_of_the_same_publisher(made_up) -> None:
    told = {"host/a": {2020: 420_000, 2022: 430_000}, "dopa/b": {2020: 156_000, 2025: 157_560}}

    def row(**kept: int) -> dict:
        rows = [
            {"dataset": name, "area_level": "province", "area": "ภูเก็ต", "area_code": "", "sex": "total"}
            | {"age_band": "all", "persons": persons, "is_total": False, "reference_date": date(year, 12, 31)}
            for name, years in told.items()
            for year, persons in years.items()
            if kept.get(name[:4], year) == year
        ]
        return progress({POPULATION.name: made_up.frame(POPULATION, rows)}, "registered_population")

    assert (row()["baseline"], row()["value"], row()["change_pct"]) == (156_000, 157_560, 1)
    apart = row(host=2020, dopa=2025)
    assert (apart["value"], apart["change_pct"], apart["verdict"]) == (157_560, None, "withheld")


def test_no_grid_factor_is_carried_back_to_a_year_before_it() -> None:
    assert "a published grid factor of 2020" in progress({}, "co2_electricity")["missing"]


@pytest.mark.parametrize(
    ("later", "change", "stations"),
    [({"a": 15.0, "b": 30.0}, -25.0, "a, b"), ({"a": 15.0, "c": 90.0}, -25.0, "a"), ({"c": 90.0}, None, "")],
)
def test_years_of_pm25_are_held_against_each_other_at_the_same_stations(made_up, later, change, stations) -> None:
    """A station that is new is other air, and no progress."""
    base = PHUKET.baseline
    told = [(base, "a", 20.0), (base, "b", 40.0)] + [(base + 1, name, value) for name, value in later.items()]
    parts = []
    for year, station, value in told:
        start = datetime(year, 1, 1, tzinfo=UTC)
        hours = pl.DataFrame({"start": pl.datetime_range(start, start + timedelta(days=364), "1h", eager=True)})
        parts.append(hours.with_columns(station_id=pl.lit(station), pm25_ug_m3=value, local_date=pl.date(year, 6, 1)))
    table = pl.concat(parts).with_columns(product=pl.lit("hourly"))
    lacking = [name for name in AIR_QUALITY.schema if name not in table.columns]
    table = table.with_columns(pl.lit(None).alias(name) for name in lacking).cast(dict(AIR_QUALITY.schema))
    row = progress({AIR_QUALITY.name: table.select(AIR_QUALITY.schema.names())}, "pm25_mean_year")
    assert row["change_pct"] == change and f"station {stations}" in row["evidence"]
    assert change is not None or "no whole year after" in row["missing"]


def test_a_series_without_a_published_target_is_evidence_only(made_up) -> None:
    rows = [
        {
            "dataset": "nso",
            "measure": "income",
            "province_code": "83",
            "baht_month": Decimal(value),
            "reference_date": date(year, 1, 1),
        }
        for year, value in ((2020, 30000), (2023, 33000))
    ]
    row = progress({HOUSEHOLD_INCOME.name: made_up.frame(HOUSEHOLD_INCOME, rows)}, "household_income")
    assert (row["change_pct"], row["target_pct"], row["verdict"]) == (10, None, "evidence")


def test_the_five_criteria_tell_evidence_and_what_is_missing_and_no_score(made_up) -> None:
    bare = programme(PHUKET, DAY, {}).filter(kind="criterion").to_dicts()
    assert [row["code"] for row in bare] == ["1", "2", "3", "4", "5"]
    assert all(row["value"] is None and row["change_pct"] is None for row in bare)
    assert all(row["missing"] for row in bare)
    assert bare[1]["verdict"] == bare[3]["verdict"] == bare[4]["verdict"] == "withheld"
    assert "renewal of the emblem after 2023-08-13" in bare[0]["missing"]
    newcomer = PHUKET.model_copy(update={"emblem": None, "baseline_year": 2025})
    assert "the emblem: none was given" in programme(newcomer, DAY, {}).filter(code="1")["missing"].item()

    reports = made_up.around()["citizen_reports"]
    indicators = made_up.frame(
        INDICATORS,
        [
            {
                "smart": "energy",
                "indicator": "x",
                "title": "X",
                "value": 1.0,
                "unit": "u",
                "period_start": DAY,
                "period_end": DAY,
                "method": "m",
                "sources": "s",
                "coverage": None,
                "verdict": "ok",
                "reason": None,
                "reference_date": DAY,
            }
        ],
    )
    told = programme(PHUKET, DAY, {CITIZEN_REPORTS.name: reports, INDICATORS.name: indicators}).filter(kind="criterion")
    services, management = told.filter(code="4").to_dicts()[0], told.filter(code="5").to_dicts()[0]
    assert (
        services["evidence"] == "energy: 1 indicators with a value" and "mobility: no indicator" in services["missing"]
    )
    assert management["evidence"] == "citizens' reports in 2026-09: 145, of which 60 are finished"


def test_a_catalogues_packages_count_once_by_their_newest_row(made_up) -> None:
    common = {"portal": "p", "resources": 1, "in_datastore": 0, "harvested_twice": False, "listed": 3}
    first, later = {"reference_date": date(2026, 11, 1)}, {"reference_date": date(2026, 11, 9)}
    rows = [
        common | first | {"package": "old", "place": 1},
        common | first | {"package": "new", "place": 2},
        common | later | {"package": "new", "place": 2},
        common | later | {"package": "gdpublish-new", "place": 3},
    ]
    told = programme(PHUKET, DAY, {DATASETS.name: made_up.frame(DATASETS, rows)}).filter(kind="criterion", code="3")
    assert told.item(0, "evidence").endswith("2 data sets in the city's catalogue")
    part = programme(PHUKET, DAY, {DATASETS.name: made_up.frame(DATASETS, rows[:1])}).filter(kind="criterion", code="3")
    assert part.item(0, "evidence").endswith("1 data sets in the city's catalogue, of which 33% could be read")


def test_the_index_is_told_as_published_and_only_once_its_year_is_over() -> None:
    def told(slug: str, day: date = DAY) -> dict[str, dict]:
        rows = programme(load_registry()[slug], day, {}).filter(kind="index").to_dicts()
        return {row["code"]: row for row in rows}

    assert {code: row["value"] for code, row in told("wangchan_valley").items()} == {
        "tscci_2023": 83.55,
        "tscci_2024": 84.85,
    }
    assert "place 1 of cities by province; best of Smart People" in told("phuket")["tscci_2023"]["evidence"]
    assert told("yala")["tscci_2023"]["missing"] == "the score was not published"
    assert not told("korat"), "no figure was published: no row, and no zero"
    assert set(told("wangchan_valley", date(2024, 12, 31))) == {"tscci_2023"}


def test_the_index_names_cities_of_the_registry() -> None:
    assert {slug for edition in editions().values() for slug in edition.cities} <= set(load_registry())
