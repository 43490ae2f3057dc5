"""How a night is asked to stop: SIGTERM, SIGINT, SIGHUP."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType
from typing import Any, Self, TypeVar

T = TypeVar("T")

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

GRACE_SECONDS = 7
"""How long the work may take to come to a point where it can stop. Docker kills ten seconds after it asked."""

LAST_WORDS_SECONDS = 2
"""How long marking the run may take when the grace is over."""


class Stopped(Exception):
    """The process was asked to end. ``working``: the work did not stop in time and is left behind in its thread."""

    def __init__(self, received: signal.Signals, working: bool = False) -> None:
        super().__init__(f"stopped by {received.name}; run it again")
        self.exit_code = 128 + received
        self.working = working


class Stopping:
    """Notes the signals that ask the process to end, while it is entered, and runs work that can be asked to stop.

    A handler that raises does so between any two instructions, also where nothing may pass it on: within a destructor
    or the callback of a weak reference, where Python prints it and goes on. So the handler only notes, and the work
    looks (``requested``). It runs in a thread of its own, while the main thread waits: Dagster replaces the handlers by
    ones that raise, but in the main thread only. A signal that is ignored, as under ``nohup``, stays ignored.
    """

    def __init__(self) -> None:
        self.requested: signal.Signals | None = None
        self.last_words: Callable[[], object] | None = None
        """What to do, in place of work that did not stop in time, before the process ends."""
        self._count = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for each in SIGNALS:
            if signal.getsignal(each) != signal.SIG_IGN:
                self._before[each] = signal.signal(each, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = self.requested or signal.Signals(number)
        self._count += 1

    def run(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises. Raises ``Stopped`` where it was asked to stop before it began, or asked
        twice, or did not stop within ``GRACE_SECONDS``."""
        if self.requested:
            raise Stopped(self.requested)
        result: list[T] = []
        raised: list[BaseException] = []

        def run() -> None:
            try:
                result.append(work())
            except BaseException as error:  # it is raised where the work was asked for
                raised.append(error)

        thread = threading.Thread(target=run, name="night", daemon=True)
        thread.start()
        deadline = None
        while thread.is_alive():
            thread.join(0.2)  # a signal's handler runs when the main thread comes back to Python
            if self.requested:
                deadline = deadline or time.monotonic() + GRACE_SECONDS
                if thread.is_alive() and (time.monotonic() > deadline or self._count > 1):
                    self._say_last_words()
                    raise Stopped(self.requested, working=True)
        if raised:
            raise raised[0]
        return result[0]

    def _say_last_words(self) -> None:
        """Not for longer than it may take: the disk may be why the work hangs."""
        if words := self.last_words:

            def say() -> None:
                with contextlib.suppress(Exception):
                    words()

            last = threading.Thread(target=say, daemon=True)
            last.start()
            last.join(LAST_WORDS_SECONDS)


NIGHT: ContextVar[Stopping | None] = ContextVar("NIGHT", default=None)
"""What asks the night of this thread to stop: for an executor, which Dagster makes and which waits for others."""
