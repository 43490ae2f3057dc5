"""Dagster's history with connections that stay open: the same files, readable by Dagster's own storage."""

from pathlib import Path

import dagster as dg
import pytest

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
