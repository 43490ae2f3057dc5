"""A night whose cities several processes share leaves what one process leaves, whoever of them dies."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines import processes
from pipelines.processes import processes_for
from pipelines.settings import Settings
from tests.home import Home, few_sources, published, until
from tests.pipeline.test_crash import lake
from tests.pipeline.test_stopping import begin, nothing_ignored, statuses  # noqa: F401 (a fixture)

CITIES = ["khon_kaen", "samyan"]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    registry = few_sources(tmp_path_factory.mktemp("registry"), CITIES)
    return {"MUANG_CITIES": str(registry), "MUANG_DEMO_METERS": "60", "MUANG_PROCESSES": "2"}


def hands(night: int) -> list[int]:
    """The processes that do the steps of a night."""
    children = Path(f"/proc/{night}/task").glob("*/children")
    found = [int(child) for each in children for child in each.read_text().split()]
    return [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def begun(home: Path, before: set[Path]) -> Iterator[tuple[str, int]]:
    """The steps that have begun of the run that is none of these, each with the process that does it."""
    for file in set((home / "dagster/history/runs").glob("*-*.db")) - before:
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(file)) as connection:
            query = "select step_key, event from event_logs where dagster_event_type = 'STEP_START'"
            for step, event in connection.execute(query):
                yield step, int(re.search(r'"pid": (\d+)', event)[1])


def is_there(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


AtWork = Callable[[Home, str], tuple["subprocess.Popen[str]", int]]


@pytest.fixture
def at_work(chosen: dict[str, str], request: pytest.FixtureRequest) -> AtWork:
    """Begin a night; returns it when a step has begun, with the process that does the step."""

    def at(home: Home, step: str) -> tuple["subprocess.Popen[str]", int]:
        before = set((home.home / "dagster/history/runs").glob("*-*.db"))
        night = begin(home.home, chosen)
        request.addfinalizer(night.kill)
        return night, until(lambda: dict(begun(home.home, before)).get(step))

    return at


@pytest.mark.trial
def test_all_end_that_are_asked_to_at_once_as_by_a_terminal(fresh_home: Callable[[], Home], at_work: AtWork) -> None:
    night, hand = at_work(fresh_home(), "khon_kaen__meter_intervals")
    there = hands(night.pid)
    assert hand in there
    for each in (*there, night.pid):
        os.kill(each, signal.SIGINT)
    assert "stopped by SIGINT" in night.communicate(timeout=60)[1]
    assert night.returncode == 128 + signal.SIGINT and not any(map(is_there, there))


@pytest.mark.timeout(900)
def test_a_process_that_dies_costs_its_city_alone(
    fresh_home: Callable[[], Home], chosen: dict[str, str], at_work: AtWork
) -> None:
    alone, home = fresh_home(), fresh_home()
    undisturbed = alone.json("nightly", "--profile", "demo", **chosen | {"MUANG_PROCESSES": "1"})
    assert published(undisturbed) == set(CITIES)

    # As the kernel does for want of memory.
    night, hand = at_work(home, "samyan__meter_intervals")
    os.kill(hand, signal.SIGKILL)
    told = night.communicate(timeout=240)
    summary = json.loads(told[0])
    assert published(summary) == set(CITIES) - {"samyan"}, summary
    assert "ended by SIGKILL" in summary["failures"]["samyan__meter_intervals"]
    assert night.returncode == summary["exit_code"] == 3

    last = home.json("nightly", "--profile", "demo", **chosen)
    assert (published(last), last["failures"]) == (set(CITIES), {})
    assert last["exit_code"] == undisturbed["exit_code"]
    assert statuses(home.home) == ["FAILURE", "SUCCESS"]
    assert lake(home.home) == lake(alone.home)


@pytest.mark.trial
@pytest.mark.timeout(600)
def test_where_the_one_that_leads_dies_no_other_is_left_behind(
    fresh_home: Callable[[], Home], chosen: dict[str, str], at_work: AtWork
) -> None:
    """It could write beside the next night."""
    home = fresh_home()
    night, hand = at_work(home, "khon_kaen__meter_intervals")
    there = hands(night.pid)
    assert hand in there and len(there) == 2
    night.kill()
    night.communicate()
    until(lambda: not any(map(is_there, there)))
    last = home.json("nightly", "--profile", "demo", **chosen)
    assert (published(last), last["failures"]) == (set(CITIES), {})
    assert statuses(home.home) == ["FAILURE", "SUCCESS"]


def test_as_many_as_there_are_processors_memory_and_cities_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(processes, "MEMORY_LIMIT", limit)
    monkeypatch.setattr(processes.pl, "thread_pool_size", lambda: 4)
    monkeypatch.setattr(processes.os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**23}.get)  # 32 GiB
    assert [processes_for(Settings(), cities) for cities in (1, 7, 8, 15, 36)] == [0, 1, 2, 3, 4]
    limit.write_text("max\n")
    assert processes_for(Settings(), 36) == 4
    limit.write_text(f"{7 * 2**30}\n")
    assert processes_for(Settings(), 36) == 2
    assert [processes_for(Settings(processes=3), cities) for cities in (2, 36)] == [2, 3]
