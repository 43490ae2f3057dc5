"""A contract may gain and lose columns while a lake exists: files of both are one table."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from assets.lake.files import CityLake
from assets.landing.store import LocalStore
from pipelines.sql import connect
from quality.contracts import Column
from quality.tables import WEATHER
from quality.verdicts import structure

DAYS = date(2026, 11, 20), date(2026, 11, 21)
OLD = replace(
    WEATHER,
    columns=(
        *(column for column in WEATHER.columns if column.name not in ("wind_speed_m_s", "grid_lat")),
        Column("cloud_pct", pl.Float64(), "Cloud cover, which is no longer kept."),
    ),
)
"""The contract as it was: without two of today's columns, with one that is no more."""


def rows(table, day: date, **values: object) -> pl.DataFrame:
    start = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
    known = {"station_id": "grid", "product": "model", "start": start, "local_date": day, "temperature_c": 29.5}
    lineage = {"_receipt": f"r{day.day}", "_row": 1, "_delivered": day, "_number": 1}
    return pl.DataFrame([dict.fromkeys(table.schema) | known | values | lineage], schema=table.schema)


@pytest.fixture
def lake(tmp_path: Path) -> CityLake:
    """A day written under the old contract and one under today's."""
    found = CityLake(LocalStore(tmp_path), "nan")
    found.put(OLD, DAYS[0], rows(OLD, DAYS[0], cloud_pct=80.0))
    found.put(WEATHER, DAYS[1], rows(WEATHER, DAYS[1], wind_speed_m_s=3.0))
    return found


def test_both_are_read_in_todays_contract(lake: CityLake) -> None:
    frame = lake.read(WEATHER)
    assert structure(WEATHER, frame).verdict == "pass"
    assert frame["wind_speed_m_s"].to_list() == [None, 3.0]
    assert frame["temperature_c"].to_list() == [29.5, 29.5]
    assert structure(WEATHER, lake.day(WEATHER, DAYS[0])).verdict == "pass"


def test_a_delivery_for_an_old_day_writes_it_in_todays_contract(lake: CityLake) -> None:
    later = rows(WEATHER, DAYS[0], temperature_c=30.0, wind_speed_m_s=2.0).with_columns(_delivered=pl.lit(DAYS[1]))
    lake.merge(WEATHER, later)
    stored = pl.read_parquet(lake.store.read(lake.key(WEATHER, DAYS[0])))
    assert stored.schema == WEATHER.schema
    assert stored["temperature_c"].to_list() == [30.0]


def test_sql_answers_over_both(lake: CityLake) -> None:
    with connect(lake.store, ["nan"], {}) as connection:
        query = "select local_date, wind_speed_m_s, grid_lat, city, month from lake.weather order by all"
        assert connection.execute(query).fetchall() == [
            (DAYS[0], None, None, "nan", "2026-11"),
            (DAYS[1], 3.0, None, "nan", "2026-11"),
        ]
        columns = [row[0] for row in connection.execute("describe lake.weather").fetchall()]
        assert columns == [*WEATHER.schema, "city", "month"]


def test_sql_knows_columns_that_no_file_has_yet(tmp_path: Path) -> None:
    lake = CityLake(LocalStore(tmp_path), "nan")
    lake.put(OLD, DAYS[0], rows(OLD, DAYS[0]))
    with connect(lake.store, ["nan"], {}) as connection:
        [(kind, value)] = connection.execute("select typeof(grid_lat), grid_lat from lake.weather").fetchall()
        assert (kind, value) == ("DOUBLE", None)
