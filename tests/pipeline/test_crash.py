"""A night that is killed: readers see whole snapshots, and the next run ends where an undisturbed one does."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from pipelines.settings import now
from tests.home import Home, few_sources

CITIES = ("khon_kaen", "nan")
METERS = "60"

KILLS = (
    ("landing/receipts/city=khon_kaen/", 1),
    ("lake/load_profile/", 1),
    ("cdp/city=khon_kaen/snapshots/", 2),
)
"""Where the power goes: as soon as so many files have appeared under a folder, one night after the other. A stage
each; every step is for ``make trials``."""


def arguments(day: str) -> list[str]:
    return ["nightly", "--profile", "demo", "--day", day, *(word for city in CITIES for word in ("--city", city))]


def appeared(home: Path, under: str) -> int:
    """Files whose path begins with ``under``, a folder of the store."""
    return sum(path.is_file() for path in (home / under).rglob("*"))


def kill_when(home: Path, registry: Path, day: str, under: str, count: int) -> None:
    """Start a night and end it with SIGKILL as soon as ``count`` more files lie under the folder."""
    before = appeared(home, under)
    environment = os.environ | {"MUANG_HOME": str(home), "MUANG_CITIES": str(registry), "MUANG_DEMO_METERS": METERS}
    with (home.parent / "log").open("wb") as log:
        night = subprocess.Popen(
            [str(Path(sys.executable).with_name("muang")), *arguments(day)],
            env=environment,
            cwd=home.parent,
            stdout=log,
            stderr=log,
        )
        try:
            deadline = time.monotonic() + 60
            while appeared(home, under) < before + count:
                assert night.poll() is None, f"ended before it could be killed: {Path(log.name).read_text()[-2000:]}"
                assert time.monotonic() < deadline
                time.sleep(0.002)
        finally:
            night.kill()
            night.wait()


def lake(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in (home / "lake").rglob("*.parquet")}


class Reader:
    """Somebody who looks at every city's pointer all the time, and at what it points to."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.seen: dict[str, list[int]] = {city: [] for city in CITIES}
        self.faults: list[str] = []
        self._stop = Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.005):
            for city in CITIES:
                folder = self.home / "cdp" / f"city={city}"
                try:
                    entry = json.loads((folder / "current.json").read_bytes())
                    snapshot = folder / "snapshots" / entry["snapshot_id"]
                    manifest = json.loads((snapshot / "meta/manifest.json").read_bytes())
                    missing = [f["path"] for f in manifest["files"] if not (snapshot / f["path"]).is_file()]
                except FileNotFoundError as error:
                    if Path(error.filename).name == "current.json":
                        continue  # nothing is published yet
                    self.faults.append(f"{city}: {error}")
                except ValueError as error:
                    self.faults.append(f"{city}: {error}")
                else:
                    self.faults += [f"{city}: {path} is missing" for path in missing]
                    self.seen[city].append(entry["seq"])


@pytest.mark.trial
def test_a_night_that_is_killed_again_and_again_ends_as_if_nothing_had_happened(
    fresh_home: Callable[[], Home], tmp_path: Path
) -> None:
    day = now().date().isoformat()
    sound, killed = fresh_home(), fresh_home()
    registry = few_sources(tmp_path, CITIES)
    chosen = {"MUANG_DEMO_METERS": METERS, "MUANG_CITIES": str(registry)}
    undisturbed = sound.json(*arguments(day), **chosen)
    with Reader(killed.home) as reader:
        for under, count in KILLS:
            kill_when(killed.home, registry, day, under, count)
        for file in (killed.home / "lake").rglob("*"):
            if file.is_file():
                assert file.suffix == ".parquet"
                assert file.read_bytes()[-4:] == b"PAR1", "a reader of the lake sees whole files"
        night = killed.json(*arguments(day), **chosen)
    assert night["exit_code"] == undisturbed["exit_code"] == 0, night
    assert night["failures"] == {}
    assert all(night["cities"][city]["published"] for city in CITIES)
    counted = ("deliveries", "rows", "refused", "rejected", "tables", "verdicts")
    for city in CITIES:
        assert {n: night["cities"][city][n] for n in counted} == {n: undisturbed["cities"][city][n] for n in counted}

    left, right = lake(sound.home), lake(killed.home)
    assert left.keys() == right.keys()
    assert {name for name in left if left[name] != right[name]} == set()

    assert killed.json("snapshots", "verify", **chosen) == {city: [] for city in CITIES}
    for city, entries in killed.json("snapshots", "list", **chosen).items():
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1)), "no commit is lost or doubled"
        assert entries[-1]["snapshot_id"] == night["cities"][city]["snapshot"]
    assert reader.faults == []
    for city in CITIES:
        assert reader.seen[city], "the reader looked in time"
        assert reader.seen[city] == sorted(reader.seen[city]), "a published night is never taken back"


@pytest.fixture(autouse=True)
def _one_day() -> None:
    """Not over midnight in Bangkok: a day that is over is run from landing, which is another test's."""
    if now().hour == 23 and now().minute >= 57:
        time.sleep(180)
