"""``muang`` in a process that has all imported already: a fork of a server that only imports.

Imports are two thirds of a small night's time, and nearly all of a query's. What runs is the same entry point, with
arguments, environment, folder and standard streams of its own; tests of what an interpreter does when it starts take a
new one (``tests.home``).
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# Of the house all but ``pipelines.definitions``, which makes every city's graph. None of it may collect a frame when it
# is imported: that starts the threads of Polars, which do not outlive a fork, and commands would wait for them.
LOADED = (
    *("polars", "pyarrow", "pandas", "duckdb", "fastexcel", "lxml.etree", "yaml", "jinja2", "altair", "vl_convert"),
    *("dagster", "great_expectations", "pydantic", "pydantic_settings", "requests", "s3fs", "typer", "rich.markdown"),
    *("alembic.context", "dagster._core.storage.event_log", "unittest.mock", "typer.testing"),
    *("pipelines.cli", "pipelines.run", "pipelines.report", "pipelines.home", "pipelines.build", "assets.graph"),
    *("assets.lake.feeds", "assets.meters.exports", "assets.snapshots.page"),
)
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(list(LOADED))


class Begun:
    """``muang`` with these arguments, on its way, after what a test does ``before`` it in the same process (it can be
    pickled). What may be asked of it is named as ``subprocess.Popen`` names it."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        cwd: Path,
        stdin: str = "",
        before: Callable[[], None] | None = None,
    ) -> None:
        self.args = ["muang", *arguments]
        self._folder = tempfile.TemporaryDirectory()
        self._streams = [Path(self._folder.name) / name for name in ("stdin", "stdout", "stderr")]
        self._streams[0].write_text(stdin, encoding="utf-8")
        told = (list(arguments), dict(environment), str(cwd), self._streams, before)
        self._process = CONTEXT.Process(target=_muang, args=told)
        self._process.start()

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What it printed and said, to its end. Raises ``subprocess.TimeoutExpired``, and kills what hangs."""
        with self._folder:
            self._process.join(timeout)
            hangs = self._process.exitcode is None
            if hangs:
                self._process.kill()
                self._process.join()
            out, err = (stream.read_text(encoding="utf-8") if stream.exists() else "" for stream in self._streams[1:])
        if hangs:
            raise subprocess.TimeoutExpired(self.args, timeout, out, err)
        return out, err

    @property
    def returncode(self) -> int:
        assert self._process.exitcode is not None
        return self._process.exitcode


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    stdin: str,
    timeout: float,
    before: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``muang`` as ``Begun`` does, to its end."""
    begun = Begun(arguments, environment, cwd, stdin, before)
    out, err = begun.communicate(timeout)
    return subprocess.CompletedProcess(begun.args, begun.returncode, out, err)


def _muang(
    arguments: list[str],
    environment: dict[str, str],
    cwd: str,
    streams: list[Path],
    before: Callable[[], None] | None,
) -> None:
    for number, (stream, flags) in enumerate(zip(streams, (os.O_RDONLY, _WRITE, _WRITE), strict=True)):
        os.dup2(os.open(stream, flags, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, encoding="utf-8") for number, mode in enumerate("rww"))
    threads = {file.read_text().strip() for file in Path(f"/proc/{os.getppid()}/task").glob("*/comm")}
    assert "polars-0" not in threads, "a module of LOADED collects a frame when it is imported"
    # As a shell begins it: what the process of the tests ignores, and with it the server, is none of its concern.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = [str(Path(sys.executable).with_name("muang")), *arguments]
    from pipelines.cli import app

    if before is not None:
        before()
    app()


_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
