"""The charts' numbers: what a drawing holds as data, against a plain count over the made-up rows."""

from collections import Counter
from datetime import date, timedelta

import polars as pl
import pytest

from assets.snapshots.drawings import MOST_AREAS, MOST_KINDS, MOST_STATIONS, REPORT_DAYS, drawings
from quality.tables import POPULATION, ROAD_CASUALTIES

NIGHT = date(2026, 11, 23)


def drawn(made_up, tables: dict[str, pl.DataFrame], heading: str, day: date = NIGHT) -> list[list[dict]]:
    """Data of the one chart whose heading has ``heading``: a list of rows for each of its parts."""
    [spec] = [spec for _, title, _, spec in drawings(made_up.city(), tables, day) if heading in title]
    return list(spec.to_dict()["datasets"].values())


def headings(made_up, tables: dict[str, pl.DataFrame], day: date = NIGHT) -> list[str]:
    return [title for _, title, _, _ in drawings(made_up.city(), tables, day)]


def test_every_smart_has_a_chart_in_the_pages_order(made_up) -> None:
    found = drawings(made_up.city(), made_up.all_tables(), NIGHT)
    smarts = list(dict.fromkeys(smart for smart, *_ in found))
    assert sorted(smarts) == ["economy", "energy", "environment", "governance", "living", "mobility", "people"]
    assert len({title for _, title, _, _ in found}) == len(found)


def test_departures_are_those_of_a_weekday_of_each_feeds_newest_version(made_up) -> None:
    service = made_up.around()["transit_service"]
    old = service.with_columns(reference_date=pl.lit(date(2026, 9, 1)), departures=pl.lit(999, pl.Int64))
    other = old.filter(feed="smart_bus").with_columns(feed=pl.lit("yearly"), departures=pl.lit(1, pl.Int64))
    table = pl.concat([service, old, other])
    [rows] = drawn(made_up, {"transit_service": table}, "Departures")
    want: Counter[int] = Counter()
    for row in [*service.iter_rows(named=True), *other.iter_rows(named=True)]:
        if row["day_type"] == "weekday":
            want[row["hour"]] += row["departures"]
    assert {row["hour"]: row["departures"] for row in rows} == want
    assert max(want) == 25, "after midnight the service day goes on"
    sunday = service.filter(day_type="sunday")
    assert headings(made_up, {"transit_service": sunday}) == []


def test_the_running_year_is_in_no_line_of_years(made_up) -> None:
    for name, heading in (("visitors", "ผู้มาเยี่ยมเยือน"), ("road_casualties", "Road casualties")):
        told = made_up.visitors() if name == "visitors" else made_up.around()[name]
        last = told.filter(pl.col("reference_date").dt.year() == pl.col("reference_date").dt.year().max())
        running = last.with_columns(reference_date=pl.date(NIGHT.year, pl.col("reference_date").dt.month(), 1))
        assert drawn(made_up, {name: pl.concat([told, running])}, heading) == drawn(made_up, {name: told}, heading)


def test_road_casualties_are_the_provinces_by_year_each_on_a_scale_of_its_own(made_up) -> None:
    table = made_up.around()["road_casualties"]
    district = table.with_columns(area=pl.lit("กะทู้"))
    year = pl.col("reference_date").dt.year()
    gap = pl.concat([table, district]).filter(~((year == 2022) & (pl.col("reference_date").dt.month() == 5)))
    parts = drawn(made_up, {"road_casualties": gap}, "Road casualties")
    want = {
        outcome: {n: None if n == 2022 else 12 * (persons - 4 * (n - 2019)) for n in range(2019, 2026)}
        for outcome, persons in (("death", 40), ("injury", 900))
    }
    assert [{row["year"]: row["persons"] for row in rows} for rows in parts] == list(want.values())
    assert headings(made_up, {"road_casualties": district}) == [], "another area is not the city's province"
    dead = table.filter(outcome="death")
    assert len(drawn(made_up, {"road_casualties": dead}, "Road casualties")) == 1


def test_facilities_are_counted_by_kind_and_the_rarest_left_to_the_table(made_up) -> None:
    table = made_up.around()["facilities"]
    [rows] = drawn(made_up, {"facilities": table}, "Facilities")
    assert [(row["kind"], row["sites"]) for row in rows] == [
        ("school", 31), ("place of worship", 22), ("pharmacy", 18), ("hospital", 6), ("police", 4), ("fire station", 2),
    ]  # fmt: skip
    many = pl.concat([table.head(1).with_columns(kind=pl.lit(f"kind{n:02}")) for n in range(30)])
    [rows] = drawn(made_up, {"facilities": many}, "Facilities")
    assert len(rows) == MOST_KINDS
    assert "© OpenStreetMap contributors" in drawings(made_up.city(), {"facilities": table}, NIGHT)[0][2]


def test_reports_are_months_by_what_became_of_them_where_that_may_be_told(made_up) -> None:
    table = made_up.around()["citizen_reports"]
    [rows] = drawn(made_up, {"citizen_reports": table}, "Citizens")
    assert [(row["month"], row["label"].split(" ", 1)[1], row["reports"]) for row in rows] == [
        ("2026-09", "finished", 60),
        ("2026-09", "not finished", 85),
        ("2026-08", "not told apart", 140),
    ]
    assert headings(made_up, {"citizen_reports": table}, NIGHT + timedelta(days=REPORT_DAYS)) == []


def test_rivers_are_the_newest_fresh_reading_of_each_station_by_name(made_up) -> None:
    tables = {name: made_up.around()[name] for name in ("water_levels", "stations")}
    parts = drawn(made_up, tables, "Rivers")
    [rows] = [rows for rows in parts if "label" in rows[0]]
    [[line]] = [rows for rows in parts if "at" in rows[0]]
    assert line == {"at": 100}
    assert [(row["label"], row["storage_pct"]) for row in rows] == [
        ("คลองบางใหญ่ 1003", 110), ("1002", 97), ("1001", 80), ("1000", 43.5),
    ]  # fmt: skip
    levels = tables["water_levels"]
    silent = levels.filter(station_id="1003").with_columns(
        pl.col("at") - timedelta(days=3), pl.col("local_date") - timedelta(days=3)
    )
    parts = drawn(
        made_up, {"water_levels": pl.concat([levels.filter(pl.col("station_id") != "1003"), silent])}, "Rivers"
    )
    assert [len(rows) for rows in parts if "label" in rows[0]] == [3], "a station that fell silent is not shown"
    many = pl.concat([levels.with_columns(pl.col("station_id") + f"_{n}") for n in range(9)])
    parts = drawn(made_up, {"water_levels": many}, "Rivers")
    assert [len(rows) for rows in parts if "label" in rows[0]] == [MOST_STATIONS]


def test_the_running_day_is_not_drawn(made_up) -> None:
    hourly = made_up.air_quality()
    running = hourly.head(2).with_columns(
        pl.col("start") + timedelta(days=1), pl.col("local_date") + timedelta(days=1), pm25_ug_m3=pl.lit(500.0)
    )
    parts = drawn(made_up, {"air_quality": pl.concat([hourly, running])}, "PM2.5, 2026-11-22")
    values = {row["pm25_ug_m3"] for rows in parts for row in rows if "hour" in row}
    assert 500.0 not in values


def people(made_up, dataset: str, day: date, areas: dict[str, int], **other: object) -> pl.DataFrame:
    rows = [
        {"dataset": dataset, "area_code": "", "area": area, "area_level": "amphoe", "sex": "total", "age_band": "all"}
        | {"persons": persons, "is_total": False, "reference_date": day}
        | other
        for area, persons in areas.items()
    ]
    return made_up.frame(POPULATION, rows)


@pytest.mark.parametrize("turn", [False, True])
def test_population_is_of_one_publication_and_all_ages(made_up, turn: bool) -> None:
    day = date(2026, 4, 17)
    parts = [
        people(made_up, "a", day, {"ก": 10, "ข": 20}),
        people(made_up, "b", day, {"ก": 11, "ข": 21}),
        people(made_up, "c", date(2026, 9, 1), {"ก": 3}, age_band="60+"),
        people(made_up, "d", date(2026, 9, 2), {"ภูเก็ต": 31}, area_level="province", is_total=True),
        people(made_up, "e", date(2026, 12, 1), {"ก": 99}),
    ]
    table = pl.concat(parts[::-1] if turn else parts)
    [rows] = drawn(made_up, {"population": table}, "Registered population, 2026-04-17")
    assert sorted((row["area"], row["persons"]) for row in rows) == [("ก", 11), ("ข", 21)]


def test_the_greatest_areas_are_shown(made_up) -> None:
    table = people(made_up, "a", date(2026, 1, 1), {f"{n:03}": n for n in range(1, 61)})
    [rows] = drawn(made_up, {"population": table}, "Registered population")
    assert sorted(row["persons"] for row in rows) == list(range(61 - MOST_AREAS, 61))


def test_nothing_is_drawn_of_years_that_are_not_whole(made_up) -> None:
    table = made_up.around()["road_casualties"].filter(pl.col("reference_date").dt.month() < 12)
    assert headings(made_up, {"road_casualties": table}) == []
    assert headings(made_up, {"road_casualties": ROAD_CASUALTIES.empty()}) == []
