"""Indicators of a demo night, computed again by DuckDB from the published Parquet files (``second_engine.sql``)."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.home import Home

AREAS = {"phuket": ("ภูเก็ต", "83", "83"), "khon_kaen": ("ขอนแก่น", "4001", "40")}
"""City → its province, and the DOPA codes of its own area and of its province."""

SHARED, *STATEMENTS = re.split(
    r"^-- (\w+)(?::.*)?$\n(?=select|from)", Path(__file__).with_name("second_engine.sql").read_text("utf-8"), flags=re.M
)
SQL = dict(zip(STATEMENTS[::2], STATEMENTS[1::2], strict=True))


def engines(home: Path) -> Iterator[tuple[str, duckdb.DuckDBPyConnection]]:
    """A connection a city, over what it published."""
    for city, (province, code, province_code) in AREAS.items():
        (snapshot,) = (home / "cdp" / f"city={city}" / "snapshots").iterdir()
        engine = duckdb.connect()
        engine.execute("set timezone = 'UTC'")
        for table in (snapshot / "data").iterdir():
            engine.execute(f"create view {table.name} as select * from read_parquet('{table}/**/*.parquet')")
        engine.execute("create macro day() as (select max(reference_date) from indicators)")
        engine.execute(f"create macro area() as '{code}'")
        engine.execute(f"create macro province() as '{province}'")
        engine.execute(
            "create macro people() as (select arg_max(persons, reference_date) from population "
            f"where area_code = '{province_code}' and sex = 'total' and age_band = 'all')"
        )
        there = {name for (name,) in engine.execute("select view_name from duckdb_views()").fetchall()}
        for statement in filter(str.strip, SHARED.split(";")):
            if set(re.findall(r"from (\w+)", statement)) & (KNOWN - there):
                continue
            engine.execute(statement)
        yield city, engine


KNOWN = {
    "road_casualties",
    "datasets",
    "ev_chargers",
    "road_accidents",
    "facilities",
    "weather",
    "air_quality",
    "load_profile",
}


def agreed(home: Path) -> dict[str, set[str]]:
    """City → codes of which both engines tell one value; an assertion fails where they do not."""
    found: dict[str, set[str]] = {}
    for city, engine in engines(home):
        shown = engine.execute("select indicator, value from indicators where value is not null").fetchall()
        for code, value in shown:
            if code in SQL:
                ((again,),) = engine.execute(SQL[code]).fetchall()
                assert again is not None, (city, code)
                assert float(again) == pytest.approx(value, rel=1e-9, abs=1e-6), (city, code)
                found.setdefault(city, set()).add(code)
    return found


def test_two_engines_agree_on_twenty_indicators_and_more(demo_night: Home) -> None:
    found = agreed(demo_night.home)
    assert len(found["phuket"]) >= 25, sorted(set(SQL) - found["phuket"])
    assert len(found["khon_kaen"]) >= 20, sorted(set(SQL) - found["khon_kaen"])
