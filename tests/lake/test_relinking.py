"""Whoever has the lake and a copy of the register, or the list of accounts, does not learn whose pseudonym is whose."""

from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from assets.lake.delivered import pseudonyms
from assets.lake.files import CityLake
from assets.lake.upkeep import upgrade, verify
from assets.landing.store import LocalStore
from quality.contracts import Column, Table
from quality.tables import METER_INTERVALS, METER_SUPERSEDED, METERS, REGISTER_READS
from tests.lake.metered_city import POINTS, night, register
from tests.lake.small_city import D1, D2, deliver, deployment_at, nem12, small_city

pytestmark = pytest.mark.usefixtures("without_suites")

KNOWN_ORDERS = {"rows": POINTS, "names": tuple(sorted(POINTS, key=lambda point: point[::-1]))}
"""The order of the register, and that of the files of one meter each, which are not named alike."""


def linked(frame: pl.DataFrame, orders: dict[str, list[str]]) -> set[tuple[str, str]]:
    """Columns of a table (or the order of its rows as it is) that put its meters into an order that somebody knows."""
    found = set()
    for column, (name, order) in product([None, *frame.columns], orders.items()):
        rows = frame.drop_nulls("_receipt")
        ranked = rows if column is None else rows.sort(column, maintain_order=True)
        meters = ranked["meter_id"].unique(maintain_order=True).to_list()
        if order in (meters, meters[::-1]):
            found.add((column or "as it is", name))
    return found


@pytest.mark.parametrize("again", [False, True], ids=["once", "sent-again"])
def test_neither_rows_nor_order_tell_whose_pseudonym_it_is(tmp_path: Path, again: bool) -> None:
    city = small_city()
    deployment = deployment_at(tmp_path, city)
    deliver(deployment, city, "register", D1, "r.csv", register(*POINTS))
    for value in (1, 2) if again else (1,):
        for point in KNOWN_ORDERS["names"]:  # landed in the order of their names
            deliver(deployment, city, "exports", D1, f"{point[::-1]}-{value}.csv", nem12(D1, point, value=value))
    night(deployment, city, D1)
    night(deployment, city, D2)
    ids = pseudonyms(pl.Series(POINTS), city.slug, deployment.secret())
    orders = {name: [ids[point] for point in order] for name, order in KNOWN_ORDERS.items()}
    lake = CityLake(deployment.store, city.slug)
    tables = [METERS, METER_INTERVALS, *([METER_SUPERSEDED] if again else [])]
    for table in tables:
        frame = pl.concat([pl.read_parquet(lake.store.read(key)) for key in lake.keys(table)])
        assert set(frame["meter_id"]) == set(ids.values())
        assert linked(frame, orders) == set(), table.name
    # Control: with what stood there once, the same look finds them.
    rows = pl.DataFrame({"meter_id": orders["rows"], "_row": range(2, 2 + len(POINTS))})
    numbers = pl.DataFrame({"meter_id": orders["names"], "_number": range(1, 1 + len(POINTS))})
    frame = lake.read(METERS).drop("_number").join(rows, on="meter_id").join(numbers, on="meter_id")
    assert linked(frame, orders) >= {("_row", "rows"), ("_number", "names")}


def before(table: Table) -> Table:
    """A table of customers as its contract was when it kept the row of the file."""
    key = tuple("_row" if name == "_nth" else name for name in table.key)
    return Table(
        **{
            name: getattr(table, name)
            for name in ("name", "title", "description", "smart", "day", "columns", "published", "mode", "size")
        },
        key=key,
    )


@pytest.mark.parametrize("table", [METERS, METER_INTERVALS, METER_SUPERSEDED, REGISTER_READS], ids=lambda t: t.name)
def test_files_that_still_know_the_row_are_read_and_lose_it_by_an_upgrade(tmp_path: Path, table: Table) -> None:
    lake, old = CityLake(LocalStore(tmp_path), "khon_kaen"), before(table)
    day = date(2026, 11, 20)
    row = {name: some(table.by_column[name], dtype) for name, dtype in table.schema.items() if name in table.by_column}
    row |= {table.day: day, "_receipt": "r", "_row": 41, "_delivered": day, "_number": 3}
    lake.put(old, day, pl.DataFrame([dict.fromkeys(old.schema) | row], schema=old.schema))
    assert "_row" in pl.read_parquet(lake.store.read(lake.key(table, day))).columns
    assert lake.read(table).schema == table.schema
    assert lake.read(table).select("meter_id", "_receipt").rows() == [("x", "r")]
    assert len(upgrade(lake)) == 1
    assert "_row" not in pl.read_parquet(lake.store.read(lake.key(table, day))).columns
    assert (upgrade(lake), verify(lake)) == ([], [])


def some(column: Column, dtype: pl.DataType) -> object:
    if column.nullable:
        return None
    if dtype == pl.Datetime:
        return datetime(2026, 11, 20, 5, tzinfo=UTC)
    return (column.allowed or ("x",))[0] if dtype == pl.String else 15
