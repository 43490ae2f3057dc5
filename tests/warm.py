"""``muang`` in a process that has its libraries imported already: a fork of a server that only imports.

Imports are two thirds of a small night's time. What runs is the same entry point, with arguments, environment, folder
and standard streams of its own; tests of what an interpreter does when it starts take a new one (``tests.home``).
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# Modules of the house itself are not among them: they make frames when they are imported, which starts the threads of
# Polars, and those do not outlive a fork.
LIBRARIES = (
    *("polars", "pyarrow", "pandas", "duckdb", "fastexcel", "lxml.etree", "yaml", "jinja2", "altair", "vl_convert"),
    *("dagster", "great_expectations", "pydantic", "pydantic_settings", "requests", "s3fs", "typer", "rich.table"),
    *("unittest.mock", "typer.testing"),
)
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(list(LIBRARIES))


def run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    stdin: str,
    timeout: float,
    before: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``muang`` with these arguments to its end, after what a test does ``before`` it in the same process (it can
    be pickled). Raises ``subprocess.TimeoutExpired``, and kills what hangs."""
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("stdin", "stdout", "stderr")]
        streams[0].write_text(stdin, encoding="utf-8")
        process = CONTEXT.Process(target=_muang, args=(list(arguments), dict(environment), str(cwd), streams, before))
        process.start()
        process.join(timeout)
        out, err = (stream.read_text(encoding="utf-8") if stream.exists() else "" for stream in streams[1:])
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["muang", *arguments], timeout, out, err)
        return subprocess.CompletedProcess(["muang", *arguments], process.exitcode, out, err)


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
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = [str(Path(sys.executable).with_name("muang")), *arguments]
    from pipelines.cli import app

    if before is not None:
        before()
    app()


_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
