"""Dagster's folder heals: what is damaged in it is made anew and said, and what is past goes."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest

from pipelines import home as dagster_folder
from pipelines.home import (
    CONFIG,
    UnusableHome,
    alive,
    dagster_home,
    end_dead_runs,
    forget_old_runs,
    open_instance,
)
from pipelines.settings import Settings
from tests.home import Home, few_sources
from tests.trials import processes


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def made(settings: Settings) -> tuple[Path, list[str]]:
    """The folder, and what was said while it and its storage were made."""
    said: list[str] = []
    folder = dagster_home(settings, said.append)
    with open_instance(folder, said.append):
        pass
    return folder, said


@pytest.mark.parametrize("left", [b"", b"\0" * 300, CONFIG.encode()[:150], CONFIG.replace("1", "9").encode()])
def test_a_configuration_that_is_not_whole_is_made_again(settings: Settings, left: bytes) -> None:
    """A power cut leaves it empty, or full of zeros: telemetry would be on and nothing monitored, for ever."""
    folder, _ = made(settings)
    (folder / "dagster.yaml").write_bytes(left)
    made(settings)
    assert (folder / "dagster.yaml").read_text() == CONFIG


def test_an_operators_own_configuration_stays(settings: Settings) -> None:
    folder, _ = made(settings)
    own = "\n".join(CONFIG.splitlines()[1:]).replace("max_concurrent_runs: 1", "max_concurrent_runs: 3")
    (folder / "dagster.yaml").write_text(own)
    assert made(settings)[1] == []
    assert (folder / "dagster.yaml").read_text() == own
    with open_instance(folder, print) as instance:
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 3


def test_an_operators_own_mistake_is_told_and_not_overwritten(settings: Settings) -> None:
    folder, _ = made(settings)
    (folder / "dagster.yaml").write_text("telemetri: {enabled: false}\n")
    with pytest.raises(UnusableHome, match="telemetri"):
        made(settings)
    assert (folder / "dagster.yaml").read_text() == "telemetri: {enabled: false}\n"


def test_runs_of_the_ui_queue_and_steps_leave_no_log_files(settings: Settings) -> None:
    folder, _ = made(settings)
    with open_instance(folder, print) as instance:
        assert isinstance(instance.run_coordinator, dg._core.run_coordinator.QueuedRunCoordinator)
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
        assert type(instance.compute_log_manager).__name__ == "NoOpComputeLogManager"


@pytest.mark.parametrize("home", ["a_file", "a_file/below", "/proc/nowhere"])
def test_a_home_that_cannot_be_one_is_a_wrong_setting(tmp_path: Path, home: str) -> None:
    (tmp_path / "a_file").write_text("")
    with pytest.raises((UnusableHome, ValueError), match=r"a_file is a file|cannot be made"):
        dagster_home(Settings(home=tmp_path / home), print)


def flipped(data: bytes) -> bytes:
    """With a page of it overwritten."""
    return data[:4096] + b"\xff" * 4096 + data[8192:]


@pytest.mark.parametrize("database", dagster_folder.DATABASES)
@pytest.mark.parametrize(
    "damage", [flipped, lambda data: b"garbage" * 1000, lambda data: data[:5000], lambda data: b""]
)
def test_a_damaged_database_is_moved_aside_and_made_anew(
    settings: Settings, database: str, damage: Callable[[bytes], bytes]
) -> None:
    folder, _ = made(settings)
    (folder / database).write_bytes(damage((folder / database).read_bytes()))
    _, (said,) = made(settings)
    assert str(folder / database) in said
    assert "made anew" in said
    assert len(list((folder / database).parent.glob(f"{Path(database).name}.damaged-*"))) == 1
    assert made(settings)[1] == []


def test_a_database_that_another_holds_is_waited_for_and_then_moved_aside(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dagster_folder, "PATIENCE_SECONDS", 1)
    folder, _ = made(settings)
    holder = sqlite3.connect(folder / "history/runs.db")
    holder.execute("begin exclusive")
    _, (said,) = made(settings)
    assert "locked by another for 1 s" in said
    holder.close()


def test_what_a_new_database_would_not_mend_is_no_damage(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = made(settings)
    (folder / "history/runs.db").unlink()
    (folder / "history/runs.db").mkdir()
    (folder / "history/runs.db/x").touch()
    with pytest.raises(sqlite3.OperationalError):
        made(settings)


def first_night(home: Path, at_once: Barrier) -> list[str]:
    """What is said while the storage is made, in this process, when all others are there and as warm: one of its own
    comes first."""
    with TemporaryDirectory() as own:
        made(Settings(home=Path(own) / "home"))
    at_once.wait(processes.SECONDS)
    return made(Settings(home=home))[1]


def test_two_first_nights_at_once_make_one_storage(tmp_path: Path) -> None:
    """Four, to make it sure; without the lock some die, of what another has made between their look and their step."""
    at_once = processes.barrier(4)
    begun = [processes.Running(first_night, tmp_path / "home", at_once) for _ in range(4)]
    assert [night.wait() for night in begun] == [processes.Ended(0, [])] * 4


@dg.op
def nothing() -> None:
    """No work."""


@dg.job
def tiny() -> None:
    """One step."""
    nothing()


def test_a_run_whose_process_is_gone_is_ended_and_one_that_lives_is_not(settings: Settings) -> None:
    folder, _ = made(settings)
    with open_instance(folder, print) as instance:
        dead, living, of_the_ui = (instance.create_run_for_job(tiny) for _ in range(3))
        (folder / "running").mkdir(exist_ok=True)
        (folder / "running" / f"{dead.run_id}.lock").touch()
        with alive(folder, living.run_id):
            assert end_dead_runs(instance, folder) == 1
        statuses = [instance.get_run_by_id(run.run_id).status.value for run in (dead, living, of_the_ui)]
        assert statuses == ["FAILURE", "NOT_STARTED", "NOT_STARTED"]
        assert end_dead_runs(instance, folder) == 1, "the process that lived has ended without marking its run"
        assert end_dead_runs(instance, folder) == 0
    assert list((folder / "running").iterdir()) == []


def test_runs_of_long_ago_go_with_their_events_and_files(settings: Settings) -> None:
    @dg.asset(check_specs=[dg.AssetCheckSpec("sound", asset="table")])
    def table() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])

    folder, _ = made(settings)
    with open_instance(folder, print) as instance:
        old, new = (dg.materialize([table], instance=instance).run_id for _ in range(2))
        for run, days in ((old, 36), (new, 34)):
            with contextlib.closing(sqlite3.connect(folder / "history/runs.db")) as connection, connection:
                moment = (datetime.now(UTC) - timedelta(days=days)).replace(tzinfo=None).isoformat(" ")
                connection.execute("update runs set create_timestamp = ? where run_id = ?", (moment, run))
        assert forget_old_runs(instance, folder, 40) == 0
        assert forget_old_runs(instance, folder, 35) == 1
        assert [run.run_id for run in instance.get_runs()] == [new]
    assert {file.name.split(".")[0] for file in (folder / "history/runs").iterdir()} == {"index", new}
    with contextlib.closing(sqlite3.connect(folder / "history/runs/index.db")) as connection:
        for name in ("event_logs", "asset_check_executions"):
            assert {run for (run,) in connection.execute(f"select run_id from {name}")} == {new}, name


@pytest.mark.timeout(600)
def test_a_night_runs_whatever_its_dagster_folder_looks_like(fresh_home: Callable[[], Home], tmp_path: Path) -> None:
    deployment = fresh_home()
    chosen = {"MUANG_CITIES": str(few_sources(tmp_path, ["khon_kaen"])), "MUANG_DEMO_METERS": "50"}
    first = deployment.json("nightly", "--profile", "demo", **chosen)
    assert (first["exit_code"], first["notes"]) == (0, [])
    folder = deployment.home / "dagster"
    (folder / "dagster.yaml").write_bytes(b"")
    for name in dagster_folder.DATABASES:
        (folder / name).write_bytes(os.urandom(9000))
    with contextlib.closing(sqlite3.connect(folder / "history/runs" / f"{first['run']}.db")) as connection, connection:
        connection.execute("drop table event_logs")
    ran = deployment.muang("nightly", "--profile", "demo", "--json", **chosen)
    second = json.loads(ran.stdout)
    assert second["exit_code"] == ran.returncode == 0
    assert len(second["notes"]) == 3
    assert all(note in ran.stderr for note in second["notes"])
    assert second["cities"]["khon_kaen"]["published"]
    assert (folder / "dagster.yaml").read_text() == CONFIG
