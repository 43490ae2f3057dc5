"""Work in processes that may be killed: begun by fork from one that has loaded all libraries and used none."""

import multiprocessing
import os
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any, NamedTuple
from unittest.mock import patch

# Modules of the house itself are not among them: they make frames when they are imported, which starts the threads of
# Polars, and those do not outlive a fork.
_LIBRARIES = ("polars", "pyarrow", "pandas", "dagster", "pydantic", "yaml", "requests", "altair", "vl_convert")
_LIBRARIES += ("jinja2", "lxml.etree", "great_expectations", "fastexcel", "s3fs", "unittest.mock", "typer", "rich")
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(list(_LIBRARIES))

SECONDS = 240
"""How long work may take: a night takes two seconds, and one that waits for another a few more."""


class Ended(NamedTuple):
    """How work ended: the exit code of its process (-9: killed), what it returned, or the error it raised."""

    code: int | None
    value: Any = None
    error: str = ""

    @property
    def killed(self) -> bool:
        """Whether it was killed on the way."""
        return self.code == -9


class Running:
    """Work in a process of its own."""

    def __init__(self, work: Callable[..., Any], *arguments: Any) -> None:
        # Threads for frames of a hundred rows cost more than they save.
        with patch.dict(os.environ, {"POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}):
            forkserver.ensure_running()
        self._answer, send = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_run, args=(send, work, arguments), daemon=True)
        self._process.start()
        send.close()

    def wait(self) -> Ended:
        """Until it has ended."""
        told = None
        try:
            if self._answer.poll(SECONDS):
                told = self._answer.recv()
            else:
                self._process.terminate()
        except EOFError:
            pass
        self._process.join()
        value, error = told or (None, "" if self._process.exitcode == -9 else "it told nothing")
        return Ended(self._process.exitcode, value, error)


def run(work: Callable[..., Any], *arguments: Any) -> Ended:
    """Work in a process of its own, until it has ended."""
    return Running(work, *arguments).wait()


def _run(answer: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    with ExitStack() as stack:
        stack.callback(answer.close)
        try:
            told = (work(*arguments), "")
        except BaseException as error:
            told = (None, f"{type(error).__name__}: {error}\n{''.join(traceback.format_tb(error.__traceback__)[-4:])}")
        answer.send(told)
