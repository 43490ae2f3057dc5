"""A home folder and the way its user runs ``muang`` on it."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from assets.cities.registry import default_path
from tests import warm

Seen = TypeVar("Seen")


def few_sources(folder: Path, cities: Sequence[str]) -> Path:
    """A registry of these cities with their own sources and the weather only: for tests that run many nights."""
    whole = yaml.safe_load(default_path().read_text(encoding="utf-8"))
    weather = {"weather": whole["every_city"]["sources"]["weather"]}
    entries = {city: whole[city] | {"sources": weather | whole[city].get("sources", {})} for city in cities}
    for entry in entries.values():
        entry["sources"] = {name: one for name, one in entry["sources"].items() if name not in NATIONAL_ONLY}
    path = folder / "few.yaml"
    path.write_text(yaml.safe_dump(entries, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


TIMEOUT = 240
"""Seconds until a command counts as hanging."""


def made_once(folders: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that ``make`` fills once for all processes of a run of tests. It is looked at only: who changes
    something copies it."""
    base = folders.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"once-{name}"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (done := shared.with_suffix(".done")).exists():
            shared.mkdir(exist_ok=True)
            make(shared)
            done.touch()
    return shared


def until(seen: Callable[[], Seen], seconds: float = 240) -> Seen:
    """What ``seen`` returns, once it is something."""
    deadline = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < deadline, "it was never seen"
        time.sleep(0.01)
    return found


def published(summary: Mapping[str, Any]) -> set[str]:
    """Cities of a night's summary that were published."""
    return {city for city, told in summary["cities"].items() if told["published"]}


NATIONAL_ONLY = ("power_generation", "power_sales")
"""Sources that a city's own entry sets beside its own data."""


@dataclass(frozen=True)
class Home:
    """A home folder and the way to run ``muang`` on it."""

    home: Path

    def muang(self, *arguments: str, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {"MUANG_HOME": str(self.home), "MUANG_DEMO_METERS": "120", "COLUMNS": "200"}
        told = {**os.environ, **settings, **environment}
        # What an interpreter reads only when it starts.
        if any(name.startswith(("PYTHON", "LC_", "LANG")) for name in environment):
            command = [str(Path(sys.executable).with_name("muang")), *arguments]
            return subprocess.run(
                command, env=told, cwd=self.home.parent, input=stdin, capture_output=True, text=True, timeout=TIMEOUT
            )
        return warm.run(arguments, told, self.home.parent, stdin or "", TIMEOUT)

    def json(self, *arguments: str, **environment: str) -> Any:
        result = self.muang(*arguments, "--json", **environment)
        assert result.stdout, result.stderr
        return json.loads(result.stdout)

    def copy(self, folder: Path) -> "Home":
        """The same in another place, to be changed."""
        return Home(shutil.copytree(self.home, folder / "home"))

    def sql(self, query: str) -> list[dict[str, Any]]:
        return self.json("sql", query)
