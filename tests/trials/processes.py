"""Work in processes that may be killed: begun by fork from one that has loaded all libraries and used none."""

import os
import threading
import traceback
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any, NamedTuple
from unittest.mock import patch

from tests.warm import CONTEXT

SECONDS = 600
"""How long work may take: thirty quiet nights on S3 take two minutes, on a busy machine more than four."""


class Ended(NamedTuple):
    """How work ended: the exit code of its process (-9: killed), what it returned, or the error it raised."""

    code: int | None
    value: Any = None
    error: str = ""

    @property
    def killed(self) -> bool:
        """Whether it was killed on the way."""
        return self.code == -9


def barrier(parties: int) -> Barrier:
    """Where so many processes wait for each other."""
    return CONTEXT.Barrier(parties)


class Running:
    """Work in a process of its own."""

    def __init__(self, work: Callable[..., Any], *arguments: Any) -> None:
        _begin()
        self._answer, send = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=_run, args=(send, work, arguments), daemon=True)
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


class Worker:
    """A process that does one thing after the other, for work that nothing disturbs: it loads the house once."""

    def __init__(self) -> None:
        _begin()
        self._alone = threading.Lock()
        self._at, there = CONTEXT.Pipe()
        self._process = CONTEXT.Process(target=_serve, args=(there,), daemon=True)
        self._process.start()
        there.close()

    def run(self, work: Callable[..., Any], *arguments: Any) -> Ended:
        """Do one thing, until it has ended."""
        with self._alone:
            self._at.send((work, arguments))
            if not self._at.poll(SECONDS):
                self._process.terminate()
                return Ended(None, None, f"it took longer than {SECONDS} s")
            return Ended(0, *self._at.recv())

    def close(self) -> None:
        """End the process."""
        self._at.close()
        self._process.join()


def _serve(at: Connection) -> None:
    while True:
        try:
            work, arguments = at.recv()
        except EOFError:
            return
        at.send(_told(work, arguments))


def _told(work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, str]:
    try:
        return work(*arguments), ""
    except BaseException as error:
        trace = "".join(traceback.format_tb(error.__traceback__)[-4:])
        return None, f"{type(error).__name__}: {error}\n{trace}"


def _begin() -> None:
    # Threads for frames of a hundred rows cost more than they save.
    with patch.dict(os.environ, {"POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}):
        forkserver.ensure_running()


def _run(answer: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    answer.send(_told(work, arguments))
    answer.close()
