"""A contract may gain, lose, rename and re-type columns while a lake exists: files of both are one table."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from assets.lake.encoding import NewerContract
from assets.lake.files import CityLake
from assets.lake.ledger import known
from assets.lake.upkeep import upgrade, verify
from assets.landing.store import LocalStore
from pipelines.queries import TableFiles
from pipelines.sql import connect
from quality.contracts import Column
from quality.tables import DELIVERIES, TABLES, WEATHER
from quality.verdicts import structure

DAYS = date(2026, 11, 20), date(2026, 11, 21)
OLD = replace(
    WEATHER,
    row_rules=(),
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
    with connect(TableFiles(lake.store), ["nan"], {}) as connection:
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
    with connect(TableFiles(lake.store), ["nan"], {}) as connection:
        [(kind, value)] = connection.execute("select typeof(grid_lat), grid_lat from lake.weather").fetchall()
        assert (kind, value) == ("DOUBLE", None)


BEFORE = replace(
    WEATHER,
    row_rules=(),
    columns=tuple(
        Column("temp_c", pl.String(), "Temperature as text.") if column.name == "temperature_c" else column
        for column in WEATHER.columns
        if column.name != "grid_lat"
    ),
)
AFTER = replace(
    WEATHER,
    row_rules=(),
    version=2,
    columns=tuple(
        replace(column, was=("temp_c",)) if column.name == "temperature_c" else column for column in WEATHER.columns
    ),
)
"""A column added, one renamed and re-typed, under a raised version."""


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CityLake:
    """A day written under the old contract, one under the new, which is today's."""
    found = CityLake(LocalStore(tmp_path), "nan")
    found.put(BEFORE, DAYS[0], rows(BEFORE, DAYS[0], temp_c="28.25").select(BEFORE.schema.names()))
    found.put(AFTER, DAYS[1], rows(AFTER, DAYS[1], grid_lat=18.0))
    monkeypatch.setitem(TABLES, "weather", AFTER)
    return found


def test_a_renamed_and_retyped_column_is_read_under_its_name_and_type(changed: CityLake) -> None:
    frame = changed.read(AFTER)
    assert frame.schema == AFTER.schema
    assert frame["temperature_c"].to_list() == [28.25, 29.5]
    assert frame["grid_lat"].to_list() == [None, 18.0]
    with connect(TableFiles(changed.store), ["nan"], {}) as connection:
        query = "select temperature_c, typeof(temperature_c), grid_lat, month from lake.weather order by 1"
        assert connection.execute(query).fetchall() == [
            (28.25, "DOUBLE", None, "2026-11"),
            (29.5, "DOUBLE", 18.0, "2026-11"),
        ]


def test_upgrade_rewrites_the_old_files_once(changed: CityLake) -> None:
    before = changed.read(AFTER)
    assert upgrade(changed) == [changed.key(AFTER, DAYS[0])]
    assert upgrade(changed) == []
    assert changed.read(AFTER).equals(before)
    assert pl.read_parquet(changed.store.read(changed.key(AFTER, DAYS[0]))).schema == AFTER.schema
    assert verify(changed) == []


def test_older_code_refuses_a_newer_file_with_a_sentence(changed: CityLake) -> None:
    with pytest.raises(NewerContract, match="weather has files of contract 2, this version of muang knows 1"):
        changed.read(BEFORE)
    with pytest.raises(NewerContract):
        changed.merge(BEFORE, rows(BEFORE, DAYS[1], temp_c="1").select(BEFORE.schema.names()))


def test_a_value_that_does_not_fit_its_new_type_is_named_and_not_lost(changed: CityLake) -> None:
    lake = changed
    lake.put(BEFORE, DAYS[0], rows(BEFORE, DAYS[0], temp_c="warm").select(BEFORE.schema.names()))
    with pytest.raises(pl.exceptions.PolarsError):
        lake.read(AFTER)
    [wrong] = verify(lake)
    assert lake.key(AFTER, DAYS[0]) in wrong and "muang lake rebuild" in wrong


def test_the_ledger_of_an_older_version_is_read_too(tmp_path: Path) -> None:
    lake = CityLake(LocalStore(tmp_path), "nan")
    old = replace(DELIVERIES, version=0, columns=tuple(c for c in DELIVERIES.columns if c.name not in ("held", "code")))
    entry = {"receipt": "r", "table": "weather", "source": "weather", "day": DAYS[0], "status": "ok", "rows": 1}
    lake.put(old, DAYS[0], pl.DataFrame([dict.fromkeys(old.schema) | entry | {"refused": 0}], schema=old.schema))
    assert lake.read(DELIVERIES)["held"].to_list() == [None]
    assert known(lake, WEATHER) == {"r"}
    assert verify(lake) == []


def test_every_contract_is_the_one_of_its_version() -> None:
    """A change of columns without a raised version would leave files that nobody can tell apart."""
    told = {
        name: f"{table.version} {hashlib.sha256(str(list(table.schema.items())).encode()).hexdigest()[:12]}"
        for name, table in TABLES.items()
    }
    recorded = dict(line.split(": ") for line in (Path(__file__).parent / "contracts.txt").read_text().splitlines())
    changed = [name for name in sorted(told | recorded) if told.get(name) != recorded.get(name)]
    wanted = [f"{name}: {told.get(name, 'gone')}" for name in changed]
    assert not changed, f"raise Table.version, then write into contracts.txt what this tells: {wanted}"
