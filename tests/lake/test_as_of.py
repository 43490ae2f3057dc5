"""Asking the lake as of a delivery day, through the command line."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from assets.cities.registry import load_registry
from assets.landing.deployment import Deployment
from assets.landing.store import LocalStore
from pipelines.queries import TableFiles
from pipelines.sql import connect
from tests.home import Home
from tests.kit import ingest_meters, land

SOURCE = "amr_exports"
FIRST = date(2026, 11, 20)
SUM = "select cast(sum(value_delivered) as double) as kwh, count(*) as n from lake.meter_intervals_as_of('{}')"
Deliver = Callable[[int, bytes], None]


def nem12(value: str, updated: str = "20261121010000", flag: str = "A") -> bytes:
    """Half-hours of one meter's day; the file has no time zone of its own, so the market's."""
    head = "100,NEM12,202611210000,MDP,CITY\n200,NMI0000001,E1,1,E1,N1,M,kWh,30,\n"
    return f"{head}300,20261119,{','.join([value] * 48)},{flag},,,{updated},\n900\n".encode()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def deliver(home: Home) -> Iterator[Deliver]:
    """Files come into the city's landing and lake, a delivery day each."""
    city = next(city for city in load_registry().values() if SOURCE in city.sources)
    city = city.model_copy(update={"sources": {SOURCE: city.sources[SOURCE]}})
    now = datetime(2026, 12, 1, tzinfo=UTC)
    store = LocalStore(home.home)
    deployment = Deployment(store, {city.slug: city}, {}, home.home, lambda: now, b"key")

    def come(after: int, data: bytes) -> None:
        day = FIRST + timedelta(days=after)
        land(deployment, city, SOURCE, day, f"{day}.csv", data)
        ingest_meters(deployment, city, day)

    yield come


def test_a_correction_is_seen_from_its_own_day_on(home: Home, deliver: Deliver) -> None:
    deliver(0, nem12("1"))
    assert home.sql(SUM.format(FIRST)) == [{"kwh": 48.0, "n": 48}]
    deliver(1, nem12("2", "20261122010000"))
    asked = {day: home.sql(SUM.format(FIRST + timedelta(days=day))) for day in (-1, 0, 1, 9)}
    assert asked == {
        -1: [{"kwh": None, "n": 0}],
        0: [{"kwh": 48.0, "n": 48}],
        1: [{"kwh": 96.0, "n": 48}],
        9: [{"kwh": 96.0, "n": 48}],
    }
    described = {row["table"]: row["comment"] for row in home.json("sql")}
    assert described["lake.meter_intervals_as_of(day)"]


def test_the_newest_day_asked_is_the_lake_itself(home: Home, deliver: Deliver) -> None:
    """The query ranks readings as the lake does: a late version, a blank, a worse quality, a tie."""
    for after, data in enumerate(
        [nem12("1"), nem12("2", "20261120000000"), nem12("", "20261129000000"), nem12("3", flag="S14"), nem12("4")]
    ):
        deliver(after, data)
    with connect(TableFiles(LocalStore(home.home)), [city.slug for city in load_registry().values()], {}) as connection:
        readings = "select * exclude (decision, value_decided, reason, decided_by, decided_at)"
        asked = connection.execute(f"{readings} from lake.meter_intervals_as_of('2026-12-01') order by start")
        columns = ", ".join(column[0] for column in asked.description)
        rows = asked.fetchall()
        held = connection.execute(
            f"select {columns} from lake.meter_intervals where _receipt is not null order by start"
        )
        assert rows == held.fetchall()
        assert {row[columns.split(", ").index("value_delivered")] for row in rows} == {Decimal(4)}
    assert len(rows) == 48


def test_a_day_that_is_delivered_again_in_another_length_is_asked_as_it_was(home: Home, deliver: Deliver) -> None:
    deliver(0, nem12("1"))
    quarters = nem12("1").replace(b",kWh,30,", b",kWh,15,").replace(b",".join([b"1"] * 48), b",".join([b"0.75"] * 96))
    deliver(1, quarters)
    deliver(2, nem12("3", "20261123010000"))
    asked = {day: home.sql(SUM.format(FIRST + timedelta(days=day))) for day in range(3)}
    assert asked == {
        0: [{"kwh": 48.0, "n": 48}],
        1: [{"kwh": 72.0, "n": 96}],
        2: [{"kwh": 72.0, "n": 96}],  # the longer ones stay beside the grid
    }


def test_without_readings_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with connect(TableFiles(LocalStore(tmp_path)), ["phuket"], {}) as connection:
        found = connection.execute("select count(*) from duckdb_functions() where schema_name = 'lake'").fetchone()
    assert found == (0,)
