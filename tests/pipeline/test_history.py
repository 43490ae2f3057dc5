"""Dagster's history with connections that stay open: the same files, readable by Dagster's own storage."""

from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as db

from pipelines.history import OPEN, EventLogStorage
from pipelines.home import CONFIG, open_instance


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "dagster.yaml").write_text(CONFIG)
    return tmp_path


@dg.asset
def measured() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 96})


def test_what_is_written_dagsters_own_storage_reads_and_goes_on_with(home: Path) -> None:
    with open_instance(home, print) as instance:
        assert isinstance(instance.event_log_storage, EventLogStorage), "dagster.yaml names it"
        ours = dg.materialize([measured], instance=instance).run_id
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert not isinstance(instance.event_log_storage, EventLogStorage)
        assert instance.get_run_by_id(ours).is_success
        theirs = dg.materialize([measured], instance=instance).run_id
    (home / "dagster.yaml").write_text(CONFIG)
    with open_instance(home, print) as instance:
        assert {run.run_id for run in instance.get_runs()} == {ours, theirs}
        assert instance.get_latest_materialization_event(measured.key).run_id == theirs
        assert all(len(instance.all_logs(run)) > 5 for run in (ours, theirs))


CHECKS = ("structure", "keys", "freshness")

DAYS = dg.DailyPartitionsDefinition("2026-11-01")


@dg.asset(
    partitions_def=DAYS, code_version="1", check_specs=[dg.AssetCheckSpec(name, asset="readings") for name in CHECKS]
)
def readings() -> dg.MaterializeResult:
    found = [dg.AssetCheckResult(check_name=name, passed=name != "keys") for name in CHECKS]
    return dg.MaterializeResult(check_results=found)


@dg.asset(partitions_def=DAYS, code_version="1", deps=[readings])
def profile() -> dg.MaterializeResult:
    return dg.MaterializeResult()


@dg.asset(code_version="1", check_specs=[dg.AssetCheckSpec("sound", asset="whole")])
def whole() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


def test_a_run_leaves_what_dagsters_own_storage_would_have_kept(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    theirs = tmp_path_factory.mktemp("theirs")
    (theirs / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert _of_two_nights(home) == _of_two_nights(theirs)


def _of_two_nights(home: Path) -> list[object]:
    """What the history tells of them, read by a process that begins anew."""
    with open_instance(home, print) as instance:
        dg.materialize([whole], instance=instance)
        for day in ("2026-11-02", "2026-11-03"):
            run = dg.materialize([readings, profile], instance=instance, partition_key=day).run_id
    with dg.DagsterInstance.from_config(str(home)) as instance:
        made = [
            (each.storage_id, each.asset_key, each.partition_key, each.asset_materialization.tags)
            for key in (readings.key, profile.key, whole.key)
            for each in instance.fetch_materializations(key, limit=9).records
        ]
        with instance.event_log_storage.index_connection() as connection:
            columns = (
                "check_name, partition, execution_status, evaluation_event_storage_id, materialization_event_storage_id"
            )
            checks = connection.execute(db.text(f"select {columns} from asset_check_executions order by id")).fetchall()
        return [made, checks, [(each.dagster_event_type, each.step_key) for each in instance.all_logs(run)]]


def test_an_event_that_waits_for_the_next_is_there_for_whoever_reads(home: Path) -> None:
    with open_instance(home, print) as instance:
        result = dg.materialize([measured], instance=instance)
        (output,) = instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_OUTPUT)
        instance.store_event(output)
        assert len(instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_OUTPUT)) == 2
        instance.store_event(output)
    with open_instance(home, print) as instance:
        assert len(instance.all_logs(result.run_id, of_type=dg.DagsterEventType.STEP_OUTPUT)) == 3


def test_a_long_life_keeps_few_files_open_and_ends_with_none(home: Path) -> None:
    def held() -> set[str]:
        links = [link.resolve() for link in Path("/proc/self/fd").iterdir() if link.exists()]
        return {link.name for link in links if link.suffix == ".db" and link.is_relative_to(home)}

    with open_instance(home, print) as instance:
        runs = [dg.materialize([measured], instance=instance).run_id for _ in range(OPEN + 2)]
        for run in runs:
            assert instance.all_logs(run)
        assert 0 < len(held()) <= OPEN + 2, "events, and runs"
        instance.delete_run(runs[0])
        assert instance.get_run_by_id(runs[0]) is None
    assert held() == set()
