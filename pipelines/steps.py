"""The deployment of a run in a process that does steps of it, for another process that leads the run."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg

from assets.cities.registry import City
from assets.landing.deployment import Deployment
from assets.landing.lease import SharedLeases
from pipelines.build import fed, open_run, settings_of
from pipelines.hand import Made

_opened: tuple[str, contextlib.ExitStack, Deployment] | None = None
"""The run that this process works for: what it has learnt of portals and receipts serves its next steps."""


@contextlib.contextmanager
def at_step(run: dg.DagsterRun, cities: dict[str, City], made: Made | None = None) -> Iterator[Deployment]:
    """The deployment of a run as its steps use it here; ``made``: what the leading process made up, on this host.
    Raises ``NotOurs``."""
    global _opened
    if _opened is None or _opened[0] != run.run_id:
        if _opened is not None:
            _opened[1].close()
        with contextlib.ExitStack() as stack:
            home = Path()
            if made is None and settings_of(run).profile == "demo":
                # What the demo makes up here is this process's own: others would find it half written.
                home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="muang-")))
            deployment = stack.enter_context(fed(open_run(run, cities), run, home, made))
            _opened = run.run_id, stack.pop_all(), deployment
    with contextlib.closing(SharedLeases(_opened[2].store, run.run_id)) as leases:
        yield replace(_opened[2], leases=leases)
