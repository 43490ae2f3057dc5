"""The code location: loads without secrets or network, shows what a data engineer looks for."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.landing.portals import PORTALS
from pipelines.build import build_defs, cities_of
from pipelines.settings import Settings
from quality.tables import TABLES


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build_defs()


def test_dagster_validates_the_workspace() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    # A night of this process may have left the variable.
    env = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    result = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Validation successful for code location pipelines.definitions" in result.stdout + result.stderr


def test_loading_imports_nothing_heavy_and_opens_no_socket() -> None:
    """Great Expectations alone would cost every process seconds; a socket would cost a night."""
    script = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('a connection while loading')\n"
        "socket.socket.connect = refuse\n"
        "import pipelines.definitions\n"
        "heavy = {'great_expectations', 'altair', 'vl_convert', 'duckdb', 'pandas', 's3fs'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert result.stdout.strip() == "[]", result.stdout + result.stderr


def test_a_city_shows_only_the_tables_it_has(defs: dg.Definitions) -> None:
    groups: dict[str, set[str]] = {}
    for spec in defs.resolve_all_asset_specs():
        groups.setdefault(spec.group_name or "", set()).add(spec.key.path[-1])
    assert set(groups) == {*cities_of(Settings()), "national"}
    assert {"meter_intervals", "load_profile", "population", "visitors", "snapshot"} <= groups["phuket"]
    assert "meter_intervals" not in groups["nan"]
    assert {"transit_stops", "transit_routes"} <= groups["samyan"]
    assert "transit_stops" not in groups["phuket"]


def test_every_asset_says_what_it_is(defs: dg.Definitions) -> None:
    (days,) = {spec.partitions_def for spec in defs.resolve_all_asset_specs()}
    assert days.get_first_partition_key() == "2026-11-01"
    for spec in defs.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners == ["team:muang"]
        assert spec.kinds
        assert "stage" in spec.tags
        if spec.key.path[-1] in TABLES:
            assert "dagster/column_schema" in spec.metadata


def test_the_gate_of_every_table_blocks(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    gates = [key for key in graph.asset_check_keys if key.name == "contract"]
    assert len(gates) > 36
    assert all(graph.get(key).blocking for key in gates)


def test_the_schedule_asks_for_the_day_that_has_begun(defs: dg.Definitions) -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    schedule = defs.resolve_schedule_def("nightly_at_0130")
    moment = datetime(2026, 11, 23, 1, 30, tzinfo=ZoneInfo("Asia/Bangkok"))
    context = dg.build_schedule_context(scheduled_execution_time=moment, repository_def=defs.get_repository_def())
    (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.partition_key == "2026-11-23"


def test_portal_settings_name_portals_that_exist() -> None:
    assert all(portal.base_url.startswith("https://") for portal in PORTALS.values())
    with pytest.raises(ValueError, match="unknown portals"):
        Settings(portals={"nowhere": "http://127.0.0.1"})
