"""A night that is asked to stop: at whatever moment, it says so, ends in time, and leaves no run that looks alive."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines import stopping as module
from pipelines.stopping import Stopped, Stopping
from tests import warm
from tests.home import Home, few_sources

MOMENTS: list[tuple[signal.Signals, int]] = [
    (signal.SIGINT, 1),  # its steps are being planned
    (signal.SIGTERM, 75),
    (signal.SIGHUP, 105),  # its last steps are near
]
"""One night after the other over one home: a signal, and how many events its run has told when it comes."""


@pytest.fixture(autouse=True)
def nothing_ignored() -> Iterator[None]:
    """Workers of the tests ignore SIGTERM, what runs under ``nohup`` SIGHUP; a signal that is ignored stays so."""
    before = {each: signal.signal(each, signal.default_int_handler) for each in module.SIGNALS}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


NIGHT = ("nightly", "--profile", "demo", "--json")
Night = subprocess.Popen[str] | warm.Begun


def begin(home: Path, chosen: dict[str, str]) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("muang")), *NIGHT]
    environment = os.environ | {"MUANG_HOME": str(home)} | chosen
    return subprocess.Popen(
        command, env=environment, cwd=home.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def forked(home: Path, chosen: dict[str, str]) -> warm.Begun:
    return warm.Begun(NIGHT, os.environ | {"MUANG_HOME": str(home)} | chosen, home.parent)


def wait_for(condition: Callable[[], object], night: Night) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert night.poll() is None, "it ended before it could be asked"
        assert time.monotonic() < deadline
        time.sleep(0.005)


def events(home: Path, run: set[Path]) -> int:
    """Events of the run that is none of these."""
    for file in set((home / "dagster/history/runs").glob("*-*.db")) - run:
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(file)) as connection:
            return int(connection.execute("select count(*) from event_logs").fetchone()[0])
    return 0


def statuses(home: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(home / "dagster/history/runs.db")) as connection:
        return [status for (status,) in connection.execute("select status from runs order by id")]


@pytest.mark.timeout(600)
def test_a_night_that_is_stopped_says_so_and_can_be_run_again(fresh_home: Callable[[], Home], tmp_path: Path) -> None:
    """The last of them is killed, which cannot be asked: it says nothing, and the night after it ends its run."""
    deployment = fresh_home()
    chosen = {"MUANG_CITIES": str(few_sources(tmp_path, ["khon_kaen"])), "MUANG_DEMO_METERS": "50"}
    for asked, count in [*MOMENTS, (signal.SIGKILL, 75)]:
        before = set((deployment.home / "dagster/history/runs").glob("*-*.db"))
        # One of them is the program itself, whose interpreter starts anew.
        night = begin(deployment.home, chosen) if asked == signal.SIGINT else forked(deployment.home, chosen)
        wait_for(lambda count=count, before=before: events(deployment.home, before) >= count, night)
        night.send_signal(asked)
        begun = time.monotonic()
        printed, said = night.communicate(timeout=60)
        if asked == signal.SIGKILL:
            break
        assert time.monotonic() - begun < module.GRACE_SECONDS + module.LAST_WORDS_SECONDS + 5
        assert night.returncode == 128 + asked, said
        summary = json.loads(printed)
        assert (summary["exit_code"], summary["error"]) == (128 + asked, f"stopped by {asked.name}; run it again")
        assert f"stopped by {asked.name}; run it again" in said
        assert "Traceback" not in said
    assert statuses(deployment.home) == ["CANCELED"] * len(MOMENTS) + ["STARTED"]
    last = deployment.json("nightly", "--profile", "demo", **chosen)
    assert (last["exit_code"], last["cities"]["khon_kaen"]["published"]) == (0, True)
    assert last["notes"] == ["1 earlier runs had not ended, and their processes are gone: marked as failed"]
    assert statuses(deployment.home) == ["CANCELED"] * len(MOMENTS) + ["FAILURE", "SUCCESS"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(module, "LAST_WORDS_SECONDS", 0.5)


def ask(after: float, *signals: signal.Signals) -> None:
    def send() -> None:
        for each in signals:
            time.sleep(after)
            os.kill(os.getpid(), each)

    threading.Thread(target=send).start()


@pytest.mark.parametrize("asked", module.SIGNALS)
def test_work_that_looks_ends_by_itself(asked: signal.Signals) -> None:
    with Stopping() as stopping:
        ask(0.1, asked)

        def work() -> str:
            while not stopping.requested:
                time.sleep(0.01)
            return "done"

        assert (stopping.run(work), stopping.requested) == ("done", asked)
        with pytest.raises(Stopped, match=asked.name):
            stopping.run(work)


def test_work_that_hangs_is_left_behind_after_its_last_words(quick: None) -> None:
    words, hang = [], threading.Event()
    with Stopping() as stopping:
        stopping.last_words = lambda: words.append("canceled")
        ask(0.1, signal.SIGTERM)
        with pytest.raises(Stopped) as stopped:
            stopping.run(hang.wait)
    hang.set()
    assert (stopped.value.working, stopped.value.exit_code, words) == (True, 143, ["canceled"])


def test_last_words_that_hang_do_not_keep_the_process(quick: None) -> None:
    hang = threading.Event()
    with Stopping() as stopping:
        stopping.last_words = hang.wait
        ask(0.1, signal.SIGTERM)
        begun = time.monotonic()
        with pytest.raises(Stopped):
            stopping.run(hang.wait)
    hang.set()
    assert time.monotonic() - begun < 3


def test_asked_twice_means_now() -> None:
    hang = threading.Event()
    with Stopping() as stopping:
        ask(0.1, signal.SIGINT, signal.SIGINT)
        begun = time.monotonic()
        with pytest.raises(Stopped, match="SIGINT"):
            stopping.run(hang.wait)
    hang.set()
    assert time.monotonic() - begun < 3


def test_a_signal_within_a_destructor_is_not_lost() -> None:
    """The null control is Python itself: an error raised there is printed and forgotten."""

    class Slow:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)

    def work() -> None:
        Slow()

    with Stopping() as stopping:
        Slow()
        assert stopping.requested == signal.SIGINT
    with Stopping() as stopping:
        stopping.run(work)
        assert stopping.requested == signal.SIGINT


def test_an_ignored_signal_stays_ignored_and_handlers_are_put_back() -> None:
    """``nohup muang nightly`` outlives its terminal."""
    before: Any = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stopping() as stopping:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stopping.run(lambda: 1) == 1
            assert stopping.requested is None
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_the_work_raises_is_raised() -> None:
    def work() -> None:
        raise KeyError("x")

    with Stopping() as stopping, pytest.raises(KeyError):
        stopping.run(work)
