"""What ``deploy/`` holds: it parses, names only settings that there are, and keeps its secrets out of itself."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from pipelines.home import open_instance
from pipelines.settings import NOT_SETTINGS, Settings
from tests.conftest import ROOT, absent
from tests.s3_server import NotInstalled
from tests.shared_servers import postgres_serving

DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
SECRETS = {"MUANG_METER_KEY", "MUANG_KEYS", "MUANG_BROKER", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"}


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def variables(name: str) -> dict[str, str]:
    lines = (DEPLOY / "systemd" / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_that_looks_like_a_setting_is_one(path: Path) -> None:
    known = {f"MUANG_{name.upper()}" for name in Settings.model_fields} | {*NOT_SETTINGS}
    assert set(re.findall(r"\bMUANG_[A-Z_]+", path.read_text())) <= known


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".yaml"], ids=lambda path: path.name)
def test_yaml_is_yaml(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_dagster_takes_its_configuration_and_keeps_runs_in_a_real_postgres(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_bytes((DEPLOY / "dagster.yaml").read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    try:
        with postgres_serving() as access:
            for name, value in access.items():
                monkeypatch.setenv(name, value)
            for _ in ("made", "opened again"):
                with open_instance(tmp_path, pytest.fail) as instance:
                    assert type(instance.run_storage).__module__.startswith("dagster_postgres")
                    assert instance.event_log_storage.get_pool_config().default_pool_limit == 1
                    before = instance.get_runs_count()
                    instance.add_run(dg.DagsterRun("nightly"))
            assert before == 1, "what one process wrote the next one reads"
    except NotInstalled as error:
        absent(str(error))


UNITS = sorted(path for path in (DEPLOY / "systemd").iterdir() if path.suffix in (".service", ".timer"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        absent("no systemd-analyze (Debian: systemd)")
    for each in UNITS:  # a timer is looked at with its service
        text = each.read_text().replace("/opt/muang/.venv/bin/muang", "/bin/true")
        (tmp_path / each.name).write_text(text)
    command = ["systemd-analyze", "verify", "--recursive-errors=no", str(tmp_path / unit.name)]
    told = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"})
    assert not [line for line in told.stderr.splitlines() if unit.stem in line], told.stderr


@pytest.mark.parametrize("unit", [path for path in UNITS if path.suffix == ".service"], ids=lambda path: path.name)
def test_a_service_may_write_where_its_data_lie_and_nowhere_else(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    promised = {"User=muang", "UMask=0077", "NoNewPrivileges=true", "PrivateTmp=true", "ProtectSystem=strict"}
    assert promised <= set(lines)
    assert "StateDirectory=muang" in lines and variables("muang.env")["MUANG_HOME"] == "/var/lib/muang"


def test_compose_runs_known_images_and_every_volume_is_declared() -> None:
    told = compose()
    images = {service["image"].partition(":")[0] for service in told["services"].values()}
    assert images == {"muang", "redis", "postgres", "chrislusf/seaweedfs"}
    mounted = {
        volume.partition(":")[0] for service in told["services"].values() for volume in service.get("volumes", ())
    }
    assert mounted == set(told["volumes"])
    assert {"worker", "ui", "nightly"} <= set(told["services"])


def test_a_worker_has_the_settings_of_the_night_everywhere() -> None:
    services = compose()["services"]
    assert services["worker"]["environment"] == services["nightly"]["environment"] == services["ui"]["environment"]
    of_compose = set(services["worker"]["environment"])
    of_systemd = set(variables("muang.env")) | SECRETS
    assert of_compose - {"MUANG_BROKER", "PGPASSWORD"} <= of_systemd
    for unit in UNITS:
        if unit.suffix == ".service":
            assert "EnvironmentFile=/etc/muang/secrets.env" in unit.read_text()


def test_no_secret_has_a_value() -> None:
    assert set(variables("secrets.env")) == SECRETS
    assert set(variables("secrets.env").values()) <= {"", "{}"}
    assert not SECRETS & set(variables("muang.env"))
    for name, value in compose()["services"]["worker"]["environment"].items():
        assert name not in SECRETS or "${" in value


def test_the_line_for_cron_hands_every_setting_to_the_night(tmp_path: Path) -> None:
    """Values with blanks and quotes too, by the shell that cron runs; none of them is an argument that `ps` shows."""
    [line] = re.findall(r"^ +30 1 \* \* \*  (cd .*)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    keys = '{"tmd_uid": "u", "tmd_ukey": "k e y"}'
    (tmp_path / "muang.env").write_text(f"MUANG_METER_KEY=secret\nMUANG_KEYS='{keys}'\n# a remark\n")
    program = tmp_path / ".venv/bin/muang"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$@" "$MUANG_METER_KEY" "$MUANG_KEYS"\n')
    program.chmod(0o700)
    here = line.replace("/srv/muang", str(tmp_path)).replace("/etc", str(tmp_path)).replace("/var/log", str(tmp_path))
    subprocess.run(["/bin/sh", "-c", here], check=True, env={"PATH": os.environ["PATH"]}, timeout=10)
    assert (tmp_path / "muang.jsonl").read_text() == f"nightly --json secret {keys}\n"
